/* SPDX-License-Identifier: Apache-2.0 */
/* The map: lookup, insertion order, removal, growth, hashing. */
#include "runner/test.h"

#include <stdio.h>
#include <string.h>

static int values[5000];

static void add_numbers(struct tn_map *m, int count) {
	for (int i = 0; i < count; i++) {
		char key[32];
		snprintf(key, sizeof(key), "key %d", i);
		TN_CHECK(tn_map_set(m, key, &values[i]));
	}
}

TN_TEST(the_empty_map_finds_nothing) {
	struct tn_map m = {0};
	TN_CHECK_NULL(tn_map_get(&m, "x"));
	TN_CHECK_NULL(tn_map_remove(&m, "x"));
	TN_CHECK_INT_EQ(tn_map_find_n(&m, "x", 1), -1);
	tn_map_finish(&m);
}

TN_TEST(a_map_finds_what_was_set_and_keeps_the_order) {
	struct tn_map m = {0};
	add_numbers(&m, 5000);
	TN_CHECK_INT_EQ(m.count, 5000);
	for (int i = 0; i < 5000; i++) {
		char key[32];
		snprintf(key, sizeof(key), "key %d", i);
		TN_CHECK(tn_map_get(&m, key) == &values[i]);
		TN_CHECK_STR_EQ(m.entries[i].key, key);
	}
	tn_map_finish(&m);
	TN_CHECK_INT_EQ(m.count, 0);
}

TN_TEST(setting_a_key_again_replaces_the_value_in_its_place) {
	struct tn_map m = {0};
	add_numbers(&m, 3);
	TN_CHECK(tn_map_set(&m, "key 1", &values[9]));
	TN_CHECK_INT_EQ(m.count, 3);
	TN_CHECK(m.entries[1].value == &values[9]);
	tn_map_finish(&m);
}

TN_TEST(removing_keeps_the_order_of_the_rest) {
	struct tn_map m = {0};
	add_numbers(&m, 100);
	for (int i = 0; i < 100; i += 2) {
		char key[32];
		snprintf(key, sizeof(key), "key %d", i);
		TN_CHECK(tn_map_remove(&m, key) == &values[i]);
		TN_CHECK_NULL(tn_map_get(&m, key));
	}
	TN_CHECK_INT_EQ(m.count, 50);
	TN_CHECK(tn_map_set(&m, "key 0", &values[0]));
	int next = 1;
	for (uint32_t i = 0; i < m.used; i++) {
		if (m.entries[i].key != NULL) {
			TN_CHECK(m.entries[i].value == &values[next == 101 ? 0 : next]);
			next += 2;
		}
	}
	TN_CHECK_INT_EQ(next, 103);
	tn_map_finish(&m);
}

TN_TEST(adding_and_removing_for_ever_does_not_grow_a_map) {
	struct tn_map m = {0};
	for (int i = 0; i < 100000; i++) {
		char key[32];
		snprintf(key, sizeof(key), "key %d", i);
		TN_CHECK(tn_map_set(&m, key, &values[0]));
		TN_CHECK(tn_map_remove(&m, key) == &values[0]);
	}
	TN_CHECK(m.capacity <= 8);
	tn_map_finish(&m);
}

TN_TEST(keys_are_bytes_and_null_is_a_value) {
	struct tn_map m = {0};
	TN_CHECK(tn_map_set_n(&m, "a\0b", 3, &values[1]));
	TN_CHECK(tn_map_set_n(&m, "a", 1, NULL));
	TN_CHECK(tn_map_set_n(&m, "", 0, &values[2]));
	TN_CHECK(tn_map_get_n(&m, "a\0b", 3) == &values[1]);
	TN_CHECK_INT_EQ(tn_map_find_n(&m, "a", 1), 1);
	TN_CHECK_NULL(tn_map_get(&m, "a"));
	TN_CHECK(tn_map_get(&m, "") == &values[2]);
	tn_map_finish(&m);
}

TN_TEST(a_map_is_unchanged_when_memory_is_out) {
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_map m = {0};
		uint32_t done = 0;
		for (int i = 0; i < 40; i++) {
			char key[32];
			snprintf(key, sizeof(key), "key %d", i);
			bool ok = tn_map_set(&m, key, &values[i]);
			done += ok;
			TN_CHECK((tn_map_get(&m, key) == &values[i]) == ok);
		}
		TN_CHECK_INT_EQ(m.count, done);
		TN_CHECK((done == 40) == !tn_test_alloc_failed());
		TN_CHECK(done >= 39);
		tn_map_finish(&m);
	}
}

TN_TEST(one_changed_bit_changes_half_of_the_hash) {
	unsigned char bytes[24];
	for (size_t length = 1; length <= sizeof(bytes); length++) {
		memset(bytes, 0x5a, sizeof(bytes));
		uint64_t before = tn_hash_bytes(bytes, length, 7);
		int flipped = 0, cases = 0;
		for (size_t bit = 0; bit < length * 8; bit++) {
			bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
			flipped += __builtin_popcountll(before ^ tn_hash_bytes(bytes, length, 7));
			bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
			cases++;
		}
		TN_CHECK_NEAR((double)flipped / cases, 32, 4);
	}
}

TN_TEST(length_and_seed_belong_to_the_hash) {
	static const char zeros[16];
	TN_CHECK(tn_hash_bytes(zeros, 3, 0) != tn_hash_bytes(zeros, 4, 0));
	TN_CHECK(tn_hash_bytes(zeros, 8, 0) != tn_hash_bytes(zeros, 16, 0));
	TN_CHECK(tn_hash_bytes(zeros, 8, 0) != tn_hash_bytes(zeros, 8, 1));
}
