/* SPDX-License-Identifier: Apache-2.0 */
/* The caching allocator: alignment, reuse, merging, the budget with its error, and many threads at once. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "runner/test.h"
#include "tensor/backend.h"

static size_t maps, unmaps;

static void *map(void *data, size_t size) {
	(void)data;
	maps++;
	return tn_mem_map(size, (size_t)2 << 20);
}

static void unmap(void *data, void *ptr, size_t size) {
	(void)data;
	unmaps++;
	tn_mem_unmap(ptr, size);
}

static struct tn_allocator *create(size_t budget) {
	struct tn_allocator *a = tn_allocator_create(
		&(struct tn_allocator_params){.map = map, .unmap = unmap, .segment = (size_t)2 << 20, .budget = budget});

	TN_CHECK_NOT_NULL(a);
	return a;
}

TN_TEST(blocks_are_aligned_distinct_and_counted) {
	struct tn_allocator *a = create((size_t)64 << 20);
	struct tn_error err = {0};
	struct tn_memory_stats stats;
	char *blocks[100];

	for (size_t i = 0; i < 100; i++) {
		blocks[i] = tn_allocator_alloc(a, i * 100, &err);
		TN_CHECK_NO_ERROR(&err);
		TN_CHECK((uintptr_t)blocks[i] % 64 == 0);
		memset(blocks[i], (int)i, i * 100);
	}
	for (size_t i = 1; i < 100; i++) {
		TN_CHECK_INT_EQ(blocks[i][0], i);
		TN_CHECK_INT_EQ(blocks[i][i * 100 - 1], i);
	}
	tn_allocator_stats(a, &stats);
	TN_CHECK(stats.used >= 495000 && stats.used < 502000);
	for (size_t i = 0; i < 100; i++) {
		tn_allocator_free(a, blocks[(i * 37) % 100]);
	}
	tn_allocator_stats(a, &stats);
	TN_CHECK_SIZE_EQ(stats.used, 0);
	TN_CHECK(stats.cached >= (size_t)2 << 20 && stats.peak >= 495000);
	tn_allocator_destroy(a);
	TN_CHECK_SIZE_EQ(maps, unmaps);
}

TN_TEST(freed_memory_is_used_again_whole) {
	struct tn_allocator *a = create((size_t)64 << 20);
	struct tn_error err = {0};
	size_t mib = (size_t)1 << 20;
	void *x = tn_allocator_alloc(a, mib / 2, &err), *y = tn_allocator_alloc(a, mib / 2, &err),
		 *z = tn_allocator_alloc(a, mib, &err), *whole;

	TN_CHECK_SIZE_EQ(maps, 1);
	tn_allocator_free(a, x);
	tn_allocator_free(a, z);
	tn_allocator_free(a, y); /* merges with both neighbours */
	whole = tn_allocator_alloc(a, 2 * mib, &err);
	TN_CHECK(whole == x);
	TN_CHECK_SIZE_EQ(maps, 1);
	tn_allocator_free(a, whole);
	tn_allocator_trim(a, true);
	TN_CHECK_SIZE_EQ(unmaps, 0); /* it was in use a moment ago */
	tn_allocator_trim(a, false);
	TN_CHECK_SIZE_EQ(unmaps, 1);
	tn_allocator_destroy(a);
}

TN_TEST(the_smallest_block_that_fits_is_taken) {
	struct tn_allocator *a = create((size_t)64 << 20);
	struct tn_error err = {0};
	void *large = tn_allocator_alloc(a, 100000, &err), *wall = tn_allocator_alloc(a, 64, &err),
		 *small = tn_allocator_alloc(a, 5000, &err), *end = tn_allocator_alloc(a, 64, &err), *got;

	tn_allocator_free(a, large);
	tn_allocator_free(a, small);
	got = tn_allocator_alloc(a, 4900, &err);
	TN_CHECK(got == small);
	tn_allocator_free(a, got);
	tn_allocator_free(a, wall);
	tn_allocator_free(a, end);
	tn_allocator_destroy(a);
}

TN_TEST(beyond_the_budget_an_error_says_how_much) {
	struct tn_allocator *a = create((size_t)4 << 20);
	struct tn_error err = {0};
	void *x = tn_allocator_alloc(a, (size_t)3 << 20, &err);

	TN_CHECK_NO_ERROR(&err);
	TN_CHECK_NULL(tn_allocator_alloc(a, (size_t)2 << 20, &err));
	TN_CHECK_ERROR(&err, TN_ERR_MEMORY, "out of memory: 2.0 MiB asked for, 3.0 MiB of the budget of 4.0 MiB in use");
	tn_allocator_free(a, x);
	tn_error_clear(&err);
	x = tn_allocator_alloc(a, (size_t)4 << 20, &err); /* what was free makes room */
	TN_CHECK_NO_ERROR(&err);
	tn_allocator_free(a, x);
	TN_CHECK_NULL(tn_allocator_alloc(a, SIZE_MAX - 10, &err));
	TN_CHECK_INT_EQ(err.kind, TN_ERR_MEMORY);
	tn_allocator_destroy(a);
}

TN_TEST(random_use_keeps_blocks_apart) {
	struct tn_allocator *a = create((size_t)64 << 20);
	struct tn_error err = {0};
	struct {
		unsigned char *ptr;
		size_t size;
	} held[64] = {0};
	struct tn_memory_stats stats;
	uint64_t state = 1;

	for (int i = 0; i < 20000; i++) {
		size_t k;

		state = state * 6364136223846793005u + 1442695040888963407u;
		k = state >> 58;
		if (held[k].ptr != NULL) {
			TN_CHECK_INT_EQ(held[k].ptr[0], k);
			TN_CHECK_INT_EQ(held[k].ptr[held[k].size - 1], k);
			tn_allocator_free(a, held[k].ptr);
			held[k].ptr = NULL;
			continue;
		}
		held[k].size = 1 + ((state >> 20) & 0xffff) % (k < 8 ? 65536 : 700);
		held[k].ptr = tn_allocator_alloc(a, held[k].size, &err);
		TN_CHECK_NO_ERROR(&err);
		memset(held[k].ptr, (int)k, held[k].size);
	}
	for (size_t k = 0; k < 64; k++) {
		tn_allocator_free(a, held[k].ptr);
	}
	tn_allocator_stats(a, &stats);
	TN_CHECK_SIZE_EQ(stats.used, 0);
	tn_allocator_destroy(a);
}

static void *hammer(void *data) {
	struct tn_allocator *a = data;
	struct tn_error err = {0};
	void *last = NULL;

	for (int i = 0; i < 5000; i++) {
		void *p = tn_allocator_alloc(a, (size_t)(64 + i % 977), &err);

		memset(p, 1, 64);
		tn_allocator_free(a, last);
		last = p;
	}
	tn_allocator_free(a, last);
	return NULL;
}

TN_TEST(threads_may_share_it) {
	struct tn_allocator *a = create((size_t)64 << 20);
	struct tn_memory_stats stats;
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		TN_CHECK_INT_EQ(pthread_create(&threads[i], NULL, hammer, a), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
	}
	tn_allocator_stats(a, &stats);
	TN_CHECK_SIZE_EQ(stats.used, 0);
	tn_allocator_destroy(a);
}

TN_TEST(no_memory_for_headers_is_an_ordinary_error) {
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_error err = {0};
		struct tn_allocator *a = tn_allocator_create(
			&(struct tn_allocator_params){.map = map, .unmap = unmap, .segment = (size_t)2 << 20, .budget = (size_t)8 << 20});
		void *p = a == NULL ? NULL : tn_allocator_alloc(a, 100, &err);

		TN_CHECK(a == NULL || p != NULL || err.kind == TN_ERR_MEMORY);
		if (a != NULL) {
			tn_allocator_free(a, p);
		}
		tn_allocator_destroy(a);
	}
}

TN_TEST(the_budget_obeys_the_environment) {
	setenv("TENON_MEMORY", "3M", 1);
	TN_CHECK_SIZE_EQ(tn_memory_budget(), (size_t)3 << 20);
	setenv("TENON_MEMORY", "12345678", 1);
	TN_CHECK_SIZE_EQ(tn_memory_budget(), 12345678);
	unsetenv("TENON_MEMORY");
	TN_CHECK(tn_memory_budget() > (size_t)16 << 20);
}
