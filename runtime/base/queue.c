/* SPDX-License-Identifier: Apache-2.0 */
/* A ring under one mutex. The condition variables use the monotonic clock, so that setting the machine's time cannot
 * stretch a timeout. */
#include "base/queue.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/mem.h"

struct tn_queue {
	pthread_mutex_t lock;
	pthread_cond_t not_empty, not_full;
	size_t capacity, first, count;
	bool closed;
	void *items[];
};

static bool init_locks(struct tn_queue *q) {
	pthread_condattr_t attr;
	if (pthread_condattr_init(&attr) != 0) {
		return false;
	}
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	bool ok = false;
	if (pthread_mutex_init(&q->lock, NULL) != 0) {
		goto no_lock;
	}
	if (pthread_cond_init(&q->not_empty, &attr) != 0) {
		goto no_not_empty;
	}
	ok = pthread_cond_init(&q->not_full, &attr) == 0;
	if (ok) {
		goto no_lock;
	}
	pthread_cond_destroy(&q->not_empty);
no_not_empty:
	pthread_mutex_destroy(&q->lock);
no_lock:
	pthread_condattr_destroy(&attr);
	return ok;
}

struct tn_queue *tn_queue_create(size_t capacity) {
	capacity = capacity > 0 ? capacity : 1;
	size_t size;
	if (!tn_mul_size(capacity, sizeof(void *), &size) || !tn_add_size(size, sizeof(struct tn_queue), &size)) {
		return NULL;
	}
	struct tn_queue *q = tn_calloc(1, size);
	if (q != NULL && !init_locks(q)) {
		tn_free(q);
		return NULL;
	}
	if (q != NULL) {
		q->capacity = capacity;
	}
	return q;
}

void tn_queue_destroy(struct tn_queue *q) {
	if (q != NULL) {
		pthread_cond_destroy(&q->not_full);
		pthread_cond_destroy(&q->not_empty);
		pthread_mutex_destroy(&q->lock);
		tn_free(q);
	}
}

bool tn_queue_push(struct tn_queue *q, void *item) {
	pthread_mutex_lock(&q->lock);
	while (!q->closed && q->count == q->capacity) {
		pthread_cond_wait(&q->not_full, &q->lock);
	}
	bool ok = !q->closed;
	if (ok) {
		q->items[(q->first + q->count++) % q->capacity] = item;
		pthread_cond_signal(&q->not_empty);
	}
	pthread_mutex_unlock(&q->lock);
	return ok;
}

static struct timespec deadline_after(int64_t timeout_ns) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += timeout_ns / 1000000000;
	t.tv_nsec += timeout_ns % 1000000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

void *tn_queue_pop(struct tn_queue *q, int64_t timeout_ns) {
	struct timespec deadline = deadline_after(timeout_ns > 0 ? timeout_ns : 0);
	void *item = NULL;
	pthread_mutex_lock(&q->lock);
	int rc = 0;
	while (q->count == 0 && !q->closed && rc != ETIMEDOUT) {
		rc = timeout_ns < 0 ? pthread_cond_wait(&q->not_empty, &q->lock)
		                    : pthread_cond_timedwait(&q->not_empty, &q->lock, &deadline);
	}
	if (q->count > 0) {
		item = q->items[q->first];
		q->first = (q->first + 1) % q->capacity;
		q->count--;
		pthread_cond_signal(&q->not_full);
	}
	pthread_mutex_unlock(&q->lock);
	return item;
}

void tn_queue_close(struct tn_queue *q) {
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->not_empty);
	pthread_cond_broadcast(&q->not_full);
	pthread_mutex_unlock(&q->lock);
}

bool tn_queue_is_closed(struct tn_queue *q) {
	pthread_mutex_lock(&q->lock);
	bool closed = q->closed;
	pthread_mutex_unlock(&q->lock);
	return closed;
}
