/* SPDX-License-Identifier: Apache-2.0 */
/* One producer, one consumer, so the ring needs no lock: the executing thread publishes an entry by storing `tail`, the writer
 * frees it by storing `head`. The lock is for sleeping only. A writer that has nothing to do is woken by the first entry; it
 * then gathers for 50 ms before it writes, so that the executing thread gives 20 signals a second and not one for each value
 * (and one when the ring is half full).
 *
 * A process that dies by a signal of its own waits in its handler until the writers, which still run, have written all
 * (tn_event_writers_settle); one that is killed from outside loses those 50 ms. */
#include "events/writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#ifdef TN_TINY_LIMITS
enum { CAPACITY = 16 };
#else
enum { CAPACITY = 1 << 14 };
#endif
enum { SCRATCH = 2048, STACK = 256 << 10, FREED_AT_ONCE = 64 };
enum { LIVING_MAX = 64, SETTLE_STEP_NS = 2000000 };
static const int64_t retry_ns = 2000000000, day_ns = 86400 * INT64_C(1000000000), gather_ns = 50000000, room_ns = 50000000;

/* A point of a curve, or (tag NULL) a record that is made already. */
struct entry {
	const struct tn_event_tag *tag;
	union {
		double wall_time;
		struct tn_event_block *block;
	};
	int64_t step;
	float value;
};

struct tn_event_writer {
	/* the executing thread's */
	_Atomic size_t tail;
	size_t known_head; /* where the writer was when it was last asked */
	char apart[64];    /* the two threads do not share a line of the cache */
	/* the writer's */
	_Atomic size_t head;
	_Atomic size_t safe; /* the entries before it are in the file */
	struct tn_event_file *file;
	char apart_too[64];
	atomic_bool idle; /* the writer waits for the next entry */
	/* both, under the lock */
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	uint64_t asked, written; /* flushes */
	bool closing;
	struct tn_event_file_state state;
	pthread_t thread;
	struct entry ring[CAPACITY];
};

/* For the handler of a crash: those that do not fit are not waited for. */
static struct tn_event_writer *_Atomic living[LIVING_MAX];

/* ---- the writer's thread ---- */

static void write_entry(struct tn_event_file *file, const struct entry *entry, uint8_t scratch[SCRATCH]) {
	if (entry->tag == NULL) {
		tn_event_file_append(file, entry->block->bytes, entry->block->length);
		tn_free(entry->block);
		return;
	}
	const struct tn_event_scalar scalar = {entry->tag, entry->wall_time, entry->step, entry->value};
	tn_event_file_append(file, scratch, tn_event_scalar_encode(&scalar, scratch));
}

static void drain(struct tn_event_writer *w) {
	uint8_t scratch[SCRATCH];
	size_t head = atomic_load_explicit(&w->head, memory_order_relaxed);
	const size_t tail = atomic_load_explicit(&w->tail, memory_order_acquire);

	while (head != tail) {
		write_entry(w->file, &w->ring[head % CAPACITY], scratch);
		head++;
		if (head == tail || head % FREED_AT_ONCE == 0) {
			atomic_store_explicit(&w->head, head, memory_order_release);
		}
	}
}

static size_t waiting(struct tn_event_writer *w) {
	return atomic_load_explicit(&w->tail, memory_order_relaxed) - atomic_load_explicit(&w->head, memory_order_relaxed);
}

static struct timespec deadline(int64_t from_now_ns) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += from_now_ns / 1000000000;
	t.tv_nsec += from_now_ns % 1000000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

static bool is_called(const struct tn_event_writer *w) {
	return w->closing || w->asked != w->written;
}

/* Waits for the first entry. A producer that saw `idle` too early gives no signal: the first wait is short, so that such an entry
 * is found; and a disk that was full is tried again from time to time. */
static void wait_for_entry(struct tn_event_writer *w) {
	int64_t patience = gather_ns;
	atomic_store_explicit(&w->idle, true, memory_order_relaxed);
	for (int round = 0; round < 2 && waiting(w) == 0 && !is_called(w); round++) {
		const struct timespec until = deadline(patience);
		bool in_time = true;
		while (in_time && !is_called(w) && atomic_load_explicit(&w->idle, memory_order_relaxed)) {
			in_time = pthread_cond_timedwait(&w->wake, &w->lock, &until) == 0;
		}
		patience = w->state.error != 0 ? retry_ns - gather_ns : day_ns; /* a run that is idle wakes nobody */
	}
	atomic_store_explicit(&w->idle, false, memory_order_relaxed);
}

/* Waits until there is something to write; *asked: the flush that this round serves. True: it is the last round. */
static bool wait_for_work(struct tn_event_writer *w, uint64_t *asked) {
	bool in_time = true;
	pthread_mutex_lock(&w->lock);
	wait_for_entry(w);
	const struct timespec until = deadline(w->state.error == 0 ? gather_ns : retry_ns); /* a full disk is not tried 20 times a second */
	while (in_time && !is_called(w) && waiting(w) > 0 && waiting(w) < CAPACITY / 2) {
		in_time = pthread_cond_timedwait(&w->wake, &w->lock, &until) == 0;
	}
	*asked = w->asked;
	const bool last = w->closing;
	pthread_mutex_unlock(&w->lock);
	return last;
}

static void *thread_main(void *data) {
	struct tn_event_writer *w = data;
	bool last = false;
	while (!last) {
		uint64_t asked;
		last = wait_for_work(w, &asked);
		drain(w);
		if (tn_event_file_flush(w->file)) {
			atomic_store_explicit(&w->safe, atomic_load_explicit(&w->head, memory_order_relaxed), memory_order_release);
		}
		pthread_mutex_lock(&w->lock);
		w->written = asked;
		w->state = tn_event_file_state(w->file);
		pthread_cond_broadcast(&w->done);
		pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

/* ---- what a handler of signals calls ---- */

static bool is_settled(struct tn_event_writer *w) {
	return atomic_load(&w->safe) == atomic_load(&w->tail);
}

void tn_event_writers_settle(int64_t timeout_ns) {
	for (int64_t waited = 0; waited < timeout_ns; waited += SETTLE_STEP_NS) {
		bool all = true;
		for (size_t i = 0; i < LIVING_MAX && all; i++) {
			struct tn_event_writer *w = atomic_load(&living[i]);
			all = w == NULL || is_settled(w);
		}
		if (all) {
			return;
		}
		nanosleep(&(struct timespec){.tv_nsec = SETTLE_STEP_NS}, NULL);
	}
}

static void enlist(struct tn_event_writer *w) {
	for (size_t i = 0; i < LIVING_MAX; i++) {
		struct tn_event_writer *none = NULL;
		if (atomic_compare_exchange_strong(&living[i], &none, w)) {
			return;
		}
	}
}

static void delist(struct tn_event_writer *w) {
	for (size_t i = 0; i < LIVING_MAX; i++) {
		struct tn_event_writer *self = w;
		if (atomic_compare_exchange_strong(&living[i], &self, NULL)) {
			return;
		}
	}
}

/* ---- life ---- */

static bool init_locks(struct tn_event_writer *w) {
	pthread_condattr_t attr;
	if (pthread_condattr_init(&attr) != 0) {
		return false;
	}
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	bool ok = pthread_mutex_init(&w->lock, NULL) == 0 && pthread_cond_init(&w->wake, &attr) == 0 &&
		pthread_cond_init(&w->done, &attr) == 0;
	pthread_condattr_destroy(&attr);
	return ok; /* on Linux these take no resources, so there is nothing to undo */
}

/* Signals are the executing thread's: here even SIGXFSZ is only an error of write. */
static bool start_thread(struct tn_event_writer *w) {
	pthread_attr_t attr;
	sigset_t all, before;
	if (pthread_attr_init(&attr) != 0) {
		return false;
	}
	sigfillset(&all);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool ok = pthread_create(&w->thread, &attr, thread_main, w) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return ok;
}

struct tn_event_writer *tn_event_writer_create(struct tn_event_file *file, struct tn_error *err) {
	struct tn_event_writer *w = tn_calloc(1, sizeof(*w));
	if (w == NULL) {
		tn_event_file_destroy(file);
		tn_error_memory(err);
		return NULL;
	}
	w->file = file;
	if (!init_locks(w) || !start_thread(w)) {
		tn_error_set(err, TN_ERR_ERROR, "cannot start the thread that writes a run's events");
		tn_event_file_destroy(file);
		tn_free(w);
		return NULL;
	}
	enlist(w);
	return w;
}

struct tn_event_file_state tn_event_writer_destroy(struct tn_event_writer *w) {
	if (w == NULL) {
		return (struct tn_event_file_state){0};
	}
	pthread_mutex_lock(&w->lock);
	w->closing = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	delist(w);
	const struct tn_event_file_state state = w->state;
	tn_event_file_destroy(w->file);
	pthread_cond_destroy(&w->done);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	tn_free(w);
	return state;
}

/* ---- the executing thread's side ---- */

/* It has nothing to do and waits: this entry begins the next gathering. */
static void wake_writer(struct tn_event_writer *w) {
	pthread_mutex_lock(&w->lock);
	atomic_store_explicit(&w->idle, false, memory_order_relaxed);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

static bool push(struct tn_event_writer *w, const struct entry *entry) {
	const size_t tail = atomic_load_explicit(&w->tail, memory_order_relaxed);

	if (TN_UNLIKELY(tail - w->known_head >= CAPACITY / 2)) {
		w->known_head = atomic_load_explicit(&w->head, memory_order_acquire);
		if (tail - w->known_head >= CAPACITY) {
			return false;
		}
		if (tail - w->known_head >= CAPACITY / 2 && tail % (CAPACITY / 8) == 0) {
			pthread_mutex_lock(&w->lock);
			pthread_cond_signal(&w->wake);
			pthread_mutex_unlock(&w->lock);
		}
	}
	w->ring[tail % CAPACITY] = *entry;
	atomic_store_explicit(&w->tail, tail + 1, memory_order_release);
	if (TN_UNLIKELY(atomic_load_explicit(&w->idle, memory_order_relaxed))) {
		wake_writer(w);
	}
	return true;
}

bool tn_event_writer_scalar(struct tn_event_writer *w, const struct tn_event_scalar *scalar) {
	const struct entry entry = {.tag = scalar->tag, .wall_time = scalar->wall_time, .step = scalar->step, .value = scalar->value};
	return push(w, &entry);
}

bool tn_event_writer_block(struct tn_event_writer *w, struct tn_event_block *block) {
	return push(w, &(struct entry){.block = block});
}

void tn_event_writer_wait_room(struct tn_event_writer *w) {
	const struct timespec until = deadline(room_ns);
	pthread_mutex_lock(&w->lock);
	pthread_cond_signal(&w->wake);
	bool in_time = true;
	while (in_time && waiting(w) >= CAPACITY) {
		in_time = pthread_cond_timedwait(&w->done, &w->lock, &until) == 0;
	}
	pthread_mutex_unlock(&w->lock);
}

void tn_event_writer_flush(struct tn_event_writer *w, int64_t timeout_ns) {
	const struct timespec until = deadline(timeout_ns);
	pthread_mutex_lock(&w->lock);
	const uint64_t mine = ++w->asked;
	pthread_cond_signal(&w->wake);
	bool in_time = true;
	while (in_time && w->written < mine) {
		in_time = pthread_cond_timedwait(&w->done, &w->lock, &until) == 0;
	}
	pthread_mutex_unlock(&w->lock);
}

struct tn_event_file_state tn_event_writer_state(struct tn_event_writer *w) {
	pthread_mutex_lock(&w->lock);
	const struct tn_event_file_state state = w->state;
	pthread_mutex_unlock(&w->lock);
	return state;
}
