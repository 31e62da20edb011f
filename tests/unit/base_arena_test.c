/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: zeroed, aligned, freed at once. */
#include "runner/test.h"

#include <string.h>

static bool all_zero(const char *p, size_t size) {
	for (size_t i = 0; i < size; i++) {
		if (p[i] != 0) {
			return false;
		}
	}
	return true;
}

TN_TEST(arena_memory_is_zeroed_aligned_and_distinct) {
	struct tn_arena arena;
	tn_arena_init(&arena);
	char *previous = NULL;
	for (size_t size = 0; size < 3000; size += 7) {
		char *p = tn_arena_alloc(&arena, size);
		TN_CHECK_NOT_NULL(p);
		TN_CHECK_INT_EQ((uintptr_t)p % 16, 0);
		TN_CHECK(all_zero(p, size));
		TN_CHECK(p != previous);
		memset(p, 0xff, size);
		previous = p;
	}
	tn_arena_finish(&arena);
	TN_CHECK_SIZE_EQ(arena.total, 0);
}

#ifndef TN_HARDENED /* there each piece is a block of its own */
TN_TEST(a_large_piece_does_not_waste_the_current_block) {
	struct tn_arena arena;
	tn_arena_init(&arena);
	char *a = tn_arena_alloc(&arena, 16);
	char *large = tn_arena_alloc(&arena, 1 << 20);
	char *b = tn_arena_alloc(&arena, 16);
	TN_CHECK_NOT_NULL(large);
	TN_CHECK(b == a + 16);
	TN_CHECK(all_zero(large, 1 << 20));
	tn_arena_finish(&arena);
}
#endif

TN_TEST(a_large_piece_can_come_first) {
	struct tn_arena arena;
	tn_arena_init(&arena);
	char *large = tn_arena_alloc(&arena, 100000);
	memset(large, 1, 100000);
	char *after = tn_arena_alloc(&arena, 40);
	TN_CHECK(all_zero(after, 40));
	tn_arena_finish(&arena);
}

#ifndef TN_HARDENED
TN_TEST(many_small_pieces_take_little_more_than_their_sum) {
	struct tn_arena arena;
	tn_arena_init(&arena);
	for (int i = 0; i < 100000; i++) {
		TN_CHECK_NOT_NULL(tn_arena_alloc(&arena, 32));
	}
	TN_CHECK(arena.total < 100000 * 32 + (600 << 10));
	tn_arena_finish(&arena);
}
#endif

TN_TEST(arena_strings_are_copies) {
	struct tn_arena arena;
	tn_arena_init(&arena);
	char text[] = "matmul";
	char *copy = tn_arena_strndup(&arena, text, 3);
	char *made = tn_arena_printf(&arena, "%s has %d rows", text, 12);
	text[0] = 'x';
	TN_CHECK_STR_EQ(copy, "mat");
	TN_CHECK_STR_EQ(made, "matmul has 12 rows");
	TN_CHECK_STR_EQ(tn_arena_strndup(&arena, NULL, 0), "");
	tn_arena_finish(&arena);
}

TN_TEST(arena_sizes_that_overflow_give_null) {
	struct tn_arena arena;
	tn_arena_init(&arena);
	TN_CHECK_NULL(tn_arena_alloc(&arena, SIZE_MAX));
	TN_CHECK_NULL(tn_arena_alloc(&arena, SIZE_MAX - 20));
	TN_CHECK_NULL(tn_arena_array(&arena, SIZE_MAX / 2, 3));
	TN_CHECK_NULL(tn_arena_strndup(&arena, "", SIZE_MAX));
	TN_CHECK_NOT_NULL(tn_arena_alloc(&arena, 8));
	tn_arena_finish(&arena);
}

TN_TEST(an_arena_survives_failing_allocations) {
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_arena arena;
		int got = 0;
		tn_arena_init(&arena);
		for (int i = 0; i < 300; i++) {
			got += tn_arena_alloc(&arena, i % 10 == 9 ? 5000 : 100) != NULL;
		}
		TN_CHECK((got == 300) == !tn_test_alloc_failed());
		TN_CHECK(got >= 299);
		tn_arena_finish(&arena);
	}
}
