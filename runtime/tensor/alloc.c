/* SPDX-License-Identifier: Apache-2.0 */
/* The caching allocator that CPU and CUDA share. Fresh pages cost more than the arithmetic done on them, so freed memory
 * stays mapped: segments from the backend are cut into blocks, free blocks wait in bins by size, the smallest that fits is
 * taken and split, neighbours are merged when freed. Block headers live outside the memory that they describe,
 * since that may be a device's. A segment that was idle for 10 s goes back. One lock; every function may be called on any thread.
 *
 *   segment │ block (used) │ block (free) │ block (used) │ …      prev/next link neighbours in address order */
#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "tensor/backend.h"

enum { GRAIN = 64, BIN_STEPS = 4, BIN_COUNT = 64 * BIN_STEPS, CHECK_EVERY = 256 };
static const size_t segment_grain = (size_t)2 << 20;
static const int64_t idle_ns = INT64_C(10000000000);

struct block {
	char *ptr;
	size_t size;
	bool is_free;
	struct segment *segment;
	struct block *prev, *next;         /* neighbours in the segment */
	struct block *bin_prev, *bin_next; /* free: in its bin */
};

struct segment {
	char *ptr;
	size_t size, used;
	int64_t idle_since; /* used == 0 */
	struct block *first;
	struct segment *prev, *next;
};

struct tn_allocator {
	struct tn_allocator_params params;
	pthread_mutex_t lock;
	struct segment *segments;
	struct block *bins[BIN_COUNT];
	uint64_t filled[BIN_COUNT / 64]; /* bit b: bins[b] is not empty */
	struct block **table;            /* used blocks by address; open addressing */
	size_t table_size, table_count;  /* size: power of two */
	struct block *spare;             /* headers to reuse, by next */
	size_t used, mapped, peak;
	unsigned frees;
};

/* ---- blocks by address ---- */

static size_t table_slot(const struct tn_allocator *a, const void *ptr) {
	return (size_t)(((uintptr_t)ptr / GRAIN) * 0x9e3779b97f4a7c15u >> 20) & (a->table_size - 1);
}

static void table_put(struct tn_allocator *a, struct block *b) {
	size_t i = table_slot(a, b->ptr);

	while (a->table[i] != NULL) {
		i = (i + 1) & (a->table_size - 1);
	}
	a->table[i] = b;
	a->table_count++;
}

/* Room for one more; false: out of memory. */
static bool table_reserve(struct tn_allocator *a) {
	struct block **old = a->table;
	size_t old_size = a->table_size;

	if (a->table_count + 1 <= old_size / 2) {
		return true;
	}
	a->table = tn_calloc(old_size == 0 ? 64 : old_size * 2, sizeof(struct block *));
	if (a->table == NULL) {
		a->table = old;
		return false;
	}
	a->table_size = old_size == 0 ? 64 : old_size * 2;
	a->table_count = 0;
	for (size_t i = 0; i < old_size; i++) {
		if (old[i] != NULL) {
			table_put(a, old[i]);
		}
	}
	tn_free(old);
	return true;
}

/* Removes and returns; what follows in the same run of slots moves up, so no tombstones are needed. */
static struct block *table_take(struct tn_allocator *a, const void *ptr) {
	size_t mask = a->table_size - 1, i = table_slot(a, ptr), hole;
	struct block *found;

	while (a->table[i] != NULL && a->table[i]->ptr != ptr) {
		i = (i + 1) & mask;
	}
	found = a->table[i];
	assert(found != NULL);
	hole = i;
	for (i = (i + 1) & mask; a->table[i] != NULL; i = (i + 1) & mask) {
		size_t home = table_slot(a, a->table[i]->ptr);

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			a->table[hole] = a->table[i];
			hole = i;
		}
	}
	a->table[hole] = NULL;
	a->table_count--;
	return found;
}

/* ---- bins ---- */

/* Four bins to each power of two: a block of bin b is at least as large as any smaller bin's. */
static unsigned bin_of(size_t size) {
	unsigned log = 63 - (unsigned)__builtin_clzll(size);

	return log * BIN_STEPS + (unsigned)(size >> (log - 2) & 3);
}

static void bin_add(struct tn_allocator *a, struct block *b) {
	unsigned bin = bin_of(b->size);

	b->is_free = true;
	b->bin_prev = NULL;
	b->bin_next = a->bins[bin];
	if (b->bin_next != NULL) {
		b->bin_next->bin_prev = b;
	}
	a->bins[bin] = b;
	a->filled[bin / 64] |= UINT64_C(1) << bin % 64;
}

static void bin_remove(struct tn_allocator *a, struct block *b) {
	unsigned bin = bin_of(b->size);

	if (b->bin_prev != NULL) {
		b->bin_prev->bin_next = b->bin_next;
	} else {
		a->bins[bin] = b->bin_next;
	}
	if (b->bin_next != NULL) {
		b->bin_next->bin_prev = b->bin_prev;
	}
	if (a->bins[bin] == NULL) {
		a->filled[bin / 64] &= ~(UINT64_C(1) << bin % 64);
	}
	b->is_free = false;
}

static struct block *smallest_in(struct block *list, size_t size) {
	struct block *best = NULL;

	for (struct block *b = list; b != NULL && (best == NULL || best->size != size); b = b->bin_next) {
		if (b->size >= size && (best == NULL || b->size < best->size)) {
			best = b;
		}
	}
	return best;
}

static struct block *bin_find(struct tn_allocator *a, size_t size) {
	unsigned bin = bin_of(size);
	struct block *found = smallest_in(a->bins[bin], size);

	for (unsigned word = (bin + 1) / 64; found == NULL && word < BIN_COUNT / 64; word++) {
		uint64_t bits = a->filled[word];

		if (word == (bin + 1) / 64) {
			bits &= ~UINT64_C(0) << (bin + 1) % 64;
		}
		if (bits != 0) {
			found = smallest_in(a->bins[word * 64 + (unsigned)__builtin_ctzll(bits)], size);
		}
	}
	return found;
}

/* ---- headers and segments ---- */

static struct block *block_new(struct tn_allocator *a) {
	struct block *b = a->spare;

	if (b != NULL) {
		a->spare = b->next;
		return b;
	}
	return tn_alloc(sizeof(*b));
}

static void block_drop(struct tn_allocator *a, struct block *b) {
	b->next = a->spare;
	a->spare = b;
}

static void segment_release(struct tn_allocator *a, struct segment *s) {
	bin_remove(a, s->first);
	block_drop(a, s->first);
	if (s->prev != NULL) {
		s->prev->next = s->next;
	} else {
		a->segments = s->next;
	}
	if (s->next != NULL) {
		s->next->prev = s->prev;
	}
	a->mapped -= s->size;
	a->params.unmap(a->params.data, s->ptr, s->size);
	tn_free(s);
}

static void release_idle(struct tn_allocator *a, bool keep_recent) {
	int64_t now = keep_recent ? tn_clock_ns() : 0;

	for (struct segment *s = a->segments, *next; s != NULL; s = next) {
		next = s->next;
		if (s->used == 0 && (!keep_recent || now - s->idle_since >= idle_ns)) {
			segment_release(a, s);
		}
	}
}

/* A new segment of at least `size` bytes as one free block; NULL: none to be had within the budget. */
static struct block *segment_new(struct tn_allocator *a, size_t size) {
	size_t wanted = size > a->params.segment ? size : a->params.segment, limit = a->params.budget;
	struct segment *s;
	struct block *b;

	if (!tn_add_size(wanted, segment_grain - 1, &wanted)) {
		return NULL;
	}
	wanted -= wanted % segment_grain;
	if (a->mapped >= limit || wanted > limit - a->mapped) {
		wanted = limit > a->mapped ? limit - a->mapped : 0; /* the last, smaller one */
		wanted -= wanted % 4096;
	}
	if (wanted < size) {
		return NULL;
	}
	s = tn_calloc(1, sizeof(*s));
	b = block_new(a);
	if (s != NULL && b != NULL) {
		s->ptr = a->params.map(a->params.data, wanted);
	}
	if (s == NULL || b == NULL || s->ptr == NULL) {
		tn_free(s);
		if (b != NULL) {
			block_drop(a, b);
		}
		return NULL;
	}
	s->size = wanted;
	s->next = a->segments;
	if (s->next != NULL) {
		s->next->prev = s;
	}
	a->segments = s;
	a->mapped += wanted;
	*b = (struct block){.ptr = s->ptr, .size = wanted, .segment = s};
	s->first = b;
	bin_add(a, b);
	return b;
}

/* ---- the allocator ---- */

struct tn_allocator *tn_allocator_create(const struct tn_allocator_params *params) {
	struct tn_allocator *a = tn_calloc(1, sizeof(*a));

	if (a == NULL) {
		return NULL;
	}
	a->params = *params;
	pthread_mutex_init(&a->lock, NULL);
	return a;
}

void tn_allocator_destroy(struct tn_allocator *a) {
	if (a == NULL) {
		return;
	}
	release_idle(a, false);
	assert(a->segments == NULL && a->used == 0 && "memory still in use");
	while (a->spare != NULL) {
		struct block *b = a->spare;

		a->spare = b->next;
		tn_free(b);
	}
	tn_free(a->table);
	pthread_mutex_destroy(&a->lock);
	tn_free(a);
}

/* Cuts what is not needed off the end of a block that is in no bin. Without a header for the rest the block stays whole. */
static void split(struct tn_allocator *a, struct block *b, size_t size) {
	struct block *rest;

	if (b->size - size < GRAIN || (rest = block_new(a)) == NULL) {
		return;
	}
	*rest = (struct block){.ptr = b->ptr + size, .size = b->size - size, .segment = b->segment, .prev = b, .next = b->next};
	if (rest->next != NULL) {
		rest->next->prev = rest;
	}
	b->next = rest;
	b->size = size;
	bin_add(a, rest);
}

/* Filled with NaN, which spreads where something is read that was never written. */
static void *alloc_apart(struct tn_allocator *a, size_t size) {
	struct block *b;

	if (a->used > a->params.budget || size > a->params.budget - a->used || tn_mem_must_fail() || !table_reserve(a) || (b = block_new(a)) == NULL) {
		return NULL;
	}
	*b = (struct block){.ptr = tn_alloc_apart(size, GRAIN), .size = size};
	if (b->ptr == NULL) {
		block_drop(a, b);
		return NULL;
	}
	memset(b->ptr, 0xff, size);
	table_put(a, b);
	a->used += size;
	a->mapped += size;
	a->peak = a->used > a->peak ? a->used : a->peak;
	return b->ptr;
}

static void free_apart(struct tn_allocator *a, struct block *b) {
	a->used -= b->size;
	a->mapped -= b->size;
	tn_free(b->ptr);
	block_drop(a, b);
}

static void *alloc_locked(struct tn_allocator *a, size_t size) {
	struct block *b;

	if (!table_reserve(a)) {
		return NULL;
	}
	b = bin_find(a, size);
	if (b == NULL) {
		b = segment_new(a, size);
	}
	if (b == NULL) { /* free segments of other sizes may stand in the budget's way */
		release_idle(a, false);
		b = segment_new(a, size);
	}
	if (b == NULL) {
		return NULL;
	}
	bin_remove(a, b);
	split(a, b, size);
	table_put(a, b);
	b->segment->used += b->size;
	a->used += b->size;
	a->peak = a->used > a->peak ? a->used : a->peak;
	return b->ptr;
}

static double mib(size_t bytes) {
	return (double)bytes / (1 << 20);
}

void *tn_allocator_alloc(struct tn_allocator *a, size_t size, struct tn_error *err) {
	size_t rounded, used;
	void *ptr = NULL;

	if (tn_add_size(size, GRAIN - 1, &rounded)) {
		rounded -= rounded % GRAIN;
		rounded = rounded == 0 ? GRAIN : rounded;
		pthread_mutex_lock(&a->lock);
		ptr = a->params.apart ? alloc_apart(a, size) : alloc_locked(a, rounded);
		used = a->used;
		pthread_mutex_unlock(&a->lock);
	} else {
		used = 0;
	}
	if (ptr == NULL) {
		tn_error_set(err, TN_ERR_MEMORY, "out of memory: %.1f MiB asked for, %.1f MiB of the budget of %.1f MiB in use",
			mib(size), mib(used), mib(a->params.budget));
	}
	return ptr;
}

/* Joins b with the block after it; both are in no bin. */
static void merge_next(struct tn_allocator *a, struct block *b) {
	struct block *next = b->next;

	b->size += next->size;
	b->next = next->next;
	if (b->next != NULL) {
		b->next->prev = b;
	}
	block_drop(a, next);
}

void tn_allocator_free(struct tn_allocator *a, void *ptr) {
	struct block *b;

	if (ptr == NULL) {
		return;
	}
	pthread_mutex_lock(&a->lock);
	b = table_take(a, ptr);
	if (a->params.apart) {
		free_apart(a, b);
		pthread_mutex_unlock(&a->lock);
		return;
	}
	a->used -= b->size;
	b->segment->used -= b->size;
	if (b->next != NULL && b->next->is_free) {
		bin_remove(a, b->next);
		merge_next(a, b);
	}
	if (b->prev != NULL && b->prev->is_free) {
		b = b->prev;
		bin_remove(a, b);
		merge_next(a, b);
	}
	bin_add(a, b);
	if (b->segment->used == 0) {
		b->segment->idle_since = tn_clock_ns();
	}
	if (++a->frees % CHECK_EVERY == 0) {
		release_idle(a, true);
	}
	pthread_mutex_unlock(&a->lock);
}

void tn_allocator_trim(struct tn_allocator *a, bool keep_recent) {
	pthread_mutex_lock(&a->lock);
	release_idle(a, keep_recent);
	pthread_mutex_unlock(&a->lock);
}

void tn_allocator_stats(struct tn_allocator *a, struct tn_memory_stats *out) {
	pthread_mutex_lock(&a->lock);
	*out = (struct tn_memory_stats){.used = a->used, .cached = a->mapped - a->used, .peak = a->peak, .budget = a->params.budget};
	pthread_mutex_unlock(&a->lock);
}
