/* SPDX-License-Identifier: Apache-2.0 */
/* Values: counting, copies at writing, comparing, references, and that nothing nested is too deep to be freed. */
#include <string.h>

#include "lang/lang.h"
#include "runner/test.h"

static struct tn_value list_of(int64_t a, int64_t b) {
	struct tn_error err = {0};
	struct tn_value list;
	TN_CHECK(tn_list_create(NULL, 2, &list, &err));
	TN_CHECK(tn_list_append_take(list.list, tn_int(a), &err) && tn_list_append_take(list.list, tn_int(b), &err));
	return list;
}

TN_TEST(a_shared_list_is_copied_before_it_is_written) {
	struct tn_error err = {0};
	struct tn_value a = list_of(1, 2), b = tn_value_ref(a);
	TN_CHECK(tn_value_make_unique(&b, &err));
	TN_CHECK(a.list != b.list);
	b.list->items[0] = tn_int(9);
	TN_CHECK_INT_EQ(a.list->items[0].i, 1);
	struct tn_list *same = b.list;
	TN_CHECK(tn_value_make_unique(&b, &err));
	TN_CHECK(b.list == same);
	tn_value_unref(a);
	tn_value_unref(b);
}

TN_TEST(a_long_chain_of_lists_is_freed_without_recursion) {
	struct tn_error err = {0};
	struct tn_value chain = list_of(1, 2);
	for (int i = 0; i < 1000000; i++) {
		struct tn_value outer;
		TN_CHECK(tn_list_create(NULL, 1, &outer, &err));
		TN_CHECK(tn_list_append_take(outer.list, chain, &err));
		chain = outer;
	}
	struct tn_str text = {0};
	TN_CHECK(tn_value_format(chain, true, &text, &err));
	TN_CHECK(text.length < 1000);
	tn_str_finish(&text);
	tn_value_unref(chain);
}

TN_TEST(values_compare_by_what_they_hold) {
	struct tn_error err = {0};
	struct tn_value a = list_of(1, 2), b = list_of(1, 2), c = list_of(1, 3);
	bool equal;
	TN_CHECK(tn_value_equal(a, b, &equal, &err) && equal);
	TN_CHECK(tn_value_equal(a, c, &equal, &err) && !equal);
	TN_CHECK(tn_value_equal(tn_int(1), tn_float(1.0), &equal, &err) && equal);
	TN_CHECK(!tn_value_equal(tn_empty(), tn_empty(), &equal, &err));
	TN_CHECK_INT_EQ(err.kind, TN_ERR_TYPE);
	tn_value_unref(a);
	tn_value_unref(b);
	tn_value_unref(c);
}

TN_TEST(a_reference_walks_from_its_root_at_each_use) {
	struct tn_error err = {0};
	struct tn_value root = list_of(1, 2), copy, ref, *slot;
	struct tn_ref_step step = {.kind = TN_STEP_ITEM, .index = -1};
	TN_CHECK(tn_ref_create(NULL, &root, NULL, &step, 1, &ref, &err));
	TN_CHECK_INT_EQ(root.list->locked, 1);
	copy = tn_value_ref(root);
	TN_CHECK(tn_ref_write_quiet(ref.ref, &slot, &err));
	*slot = tn_int(7);
	TN_CHECK_INT_EQ(copy.list->items[1].i, 2);
	TN_CHECK_INT_EQ(root.list->items[1].i, 7);
	TN_CHECK_INT_EQ(copy.list->locked, 0);
	tn_value_unref(ref);
	TN_CHECK_INT_EQ(root.list->locked, 0);
	step.index = 5;
	TN_CHECK(tn_ref_create(NULL, &root, NULL, &step, 1, &ref, &err));
	TN_CHECK(!tn_ref_read(ref.ref, &slot, &err));
	TN_CHECK_INT_EQ(err.kind, TN_ERR_INDEX);
	tn_value_unref(ref);
	tn_value_unref(root);
	tn_value_unref(copy);
}

TN_TEST(a_string_must_be_utf8) {
	struct tn_error err = {0};
	struct tn_value s;
	TN_CHECK(!tn_string_create("a\xff", 2, &s, &err));
	TN_CHECK_INT_EQ(err.kind, TN_ERR_VALUE);
}

TN_TEST(a_map_keeps_the_order_and_replaces) {
	struct tn_error err = {0};
	struct tn_value map;
	TN_CHECK(tn_dict_create(NULL, &map, &err));
	for (int i = 0; i < 100; i++) {
		char key[8] = {(char)('a' + i % 26), (char)('a' + i / 26), 0};
		TN_CHECK(tn_dict_set_take(map.map, key, 2, tn_int(i), &err));
	}
	TN_CHECK(tn_dict_set_take(map.map, "aa", 2, tn_int(-1), &err));
	TN_CHECK_SIZE_EQ(map.map->count, 100);
	TN_CHECK_INT_EQ(map.map->items[0].i, -1);
	TN_CHECK_STR_EQ(map.map->keys[27], "bb");
	TN_CHECK_NULL(tn_dict_get(map.map, "zz", 2));
	tn_value_unref(map);
}
