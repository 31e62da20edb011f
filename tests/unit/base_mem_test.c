/* SPDX-License-Identifier: Apache-2.0 */
/* The door to the heap, growing arrays, and the two switches that let a test fail an allocation. */
#include "runner/test.h"

#include <stdlib.h>
#include <string.h>

TN_TEST(an_allocation_of_nothing_gives_a_pointer_that_can_be_freed) {
	void *a = tn_alloc(0), *b = tn_calloc(0, 8), *c = tn_realloc_array(NULL, 0, 8);
	TN_CHECK_NOT_NULL(a);
	TN_CHECK_NOT_NULL(b);
	TN_CHECK_NOT_NULL(c);
	tn_free(a);
	tn_free(b);
	tn_free(c);
	tn_free(NULL);
}

TN_TEST(sizes_that_overflow_give_null) {
	TN_CHECK_NULL(tn_calloc(SIZE_MAX / 2, 3));
	TN_CHECK_NULL(tn_realloc_array(NULL, SIZE_MAX / 2, 3));
	TN_CHECK_NULL(tn_strndup("", SIZE_MAX));
	TN_CHECK_NULL(tn_mem_map(SIZE_MAX - 1, 4096));
	TN_CHECK_NULL(tn_mem_map(SIZE_MAX - (64 << 20), 2 << 20));
}

TN_TEST(strndup_copies_a_part) {
	char *copy = tn_strndup("tenon", 3);
	TN_CHECK_STR_EQ(copy, "ten");
	tn_free(copy);
}

TN_TEST(the_nth_call_fails_and_only_that_one) {
	tn_mem_fail_at(1, false);
	void *first = tn_alloc(8), *second = tn_alloc(8), *third = tn_alloc(8);
	TN_CHECK_INT_EQ(tn_mem_calls(), 3);
	tn_mem_fail_at(-1, false);
	TN_CHECK_NOT_NULL(first);
	TN_CHECK_NULL(second);
	TN_CHECK_NOT_NULL(third);
	tn_free(first);
	tn_free(third);
}

TN_TEST(a_sticky_failure_lasts) {
	tn_mem_fail_at(1, true);
	void *first = tn_alloc(8), *second = tn_calloc(1, 8), *third = tn_strdup("x"), *fourth = tn_mem_map(4096, 4096);
	tn_mem_fail_at(-1, false);
	TN_CHECK_NOT_NULL(first);
	TN_CHECK_NULL(second);
	TN_CHECK_NULL(third);
	TN_CHECK_NULL(fourth);
	tn_free(first);
}

TN_TEST(a_failed_growth_leaves_the_old_block) {
	char *text = tn_strdup("kept");
	tn_mem_fail_at(0, false);
	TN_CHECK_NULL(tn_realloc_array(text, 1000, 1));
	tn_mem_fail_at(-1, false);
	TN_CHECK_STR_EQ(text, "kept");
	tn_free(text);
}

TN_TEST(the_environment_can_fail_an_allocation) {
	setenv("TENON_ALLOC_FAIL", "0", 1);
	tn_mem_fail_from_env();
	void *p = tn_alloc(1);
	tn_mem_fail_at(-1, false);
	TN_CHECK_NULL(p);
	setenv("TENON_ALLOC_FAIL", "soon", 1);
	tn_mem_fail_from_env();
	p = tn_alloc(1);
	TN_CHECK_NOT_NULL(p);
	tn_free(p);
}

static void check_map(size_t size, size_t alignment) {
	unsigned char *p = tn_mem_map(size, alignment);
	TN_CHECK_NOT_NULL(p);
	TN_CHECK_INT_EQ((uintptr_t)p % alignment, 0);
	TN_CHECK_INT_EQ(p[0] | p[size - 1], 0);
	memset(p, 1, size);
	tn_mem_unmap(p, size);
}

TN_TEST(pages_are_zeroed_and_aligned) {
	check_map(1, 4096);
	check_map(12345, 4096);
	check_map(12345, 64 << 10);
	check_map(3 << 20, 2 << 20);
	check_map((4 << 20) + 1, 2 << 20);
	tn_mem_unmap(NULL, 0);
}

TN_TEST(a_vector_grows_and_keeps_its_items) {
	TN_VEC(int) v = {0};
	for (int i = 0; i < 1000; i++) {
		TN_CHECK(TN_VEC_PUSH(&v, i));
	}
	TN_CHECK_INT_EQ(v.count, 1000);
	for (int i = 999; i >= 0; i--) {
		TN_CHECK_INT_EQ(TN_VEC_POP(&v), i);
	}
	TN_VEC_FINISH(&v);
	TN_CHECK_NULL(v.items);
}

TN_TEST(a_vector_stays_whole_when_memory_is_out) {
	TN_FOR_EACH_FAILING_ALLOC_STICKY {
		TN_VEC(int) v = {0};
		size_t pushed = 0;
		for (int i = 0; i < 100 && TN_VEC_PUSH(&v, i); i++) {
			pushed++;
		}
		TN_CHECK_SIZE_EQ(v.count, pushed);
		TN_CHECK(pushed == 0 || v.items[pushed - 1] == (int)pushed - 1);
		TN_CHECK((pushed == 100) == !tn_test_alloc_failed());
		TN_VEC_FINISH(&v);
	}
}

TN_TEST(a_vector_takes_less_room_when_memory_is_short) {
	TN_VEC(int) v = {0};
	TN_CHECK(TN_VEC_RESERVE(&v, 100));
	tn_mem_fail_at(0, false);
	bool ok = TN_VEC_RESERVE(&v, 101);
	tn_mem_fail_at(-1, false);
	TN_CHECK(ok);
	TN_CHECK_SIZE_EQ(v.capacity, 101);
	TN_VEC_FINISH(&v);
}

TN_TEST(a_vector_of_too_many_items_is_refused) {
	TN_VEC(int64_t) v = {0};
	TN_CHECK(!TN_VEC_RESERVE(&v, SIZE_MAX / 4));
	TN_CHECK_NULL(v.items);
}
