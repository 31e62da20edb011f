/* SPDX-License-Identifier: Apache-2.0 */
/* Lists: append, extend, insert, pop, remove, clear change a list in place (by reference); sort, reverse, contains give something new;
 * list(n, f) makes one. len serves every value that has a length. */
#include <stdlib.h>
#include <string.h>

#include "lang/builtin.h"

/* ---- items ---- */

/* v (borrowed) as an item of a list of `item`: a new reference, numbers widened; TypeError when it is of another type. */
static bool fit_item(struct tn_native_call *call, const struct tn_type *item, struct tn_value v, struct tn_value *out, struct tn_error *err) {
	if (item->kind == TN_TYPE_FLOAT && (v.tag == TN_INT || v.tag == TN_BOOL)) {
		*out = tn_float((double)v.i);
		return true;
	}
	if (item->kind != TN_TYPE_ANY) {
		struct tn_type *type = tn_value_type(call->lang, v);
		if (type == NULL) {
			return tn_error_memory(err);
		}
		if (type != item && item->kind != TN_TYPE_TREE && item->kind != TN_TYPE_FN) {
			char want[128], found[128];
			tn_type_format(item, want);
			tn_type_format(type, found);
			return tn_error_set(err, TN_ERR_TYPE, "the list holds %s, not %s", want, found);
		}
	}
	*out = tn_value_ref(v);
	return true;
}

/* The same question for the checker. */
static bool fits(const struct tn_type *item, const struct tn_type *type) {
	switch (item->kind) {
	case TN_TYPE_ANY:
	case TN_TYPE_TREE:
	case TN_TYPE_FN:
		return true;
	case TN_TYPE_FLOAT:
		return type->kind == TN_TYPE_FLOAT || type->kind == TN_TYPE_INT || type->kind == TN_TYPE_BOOL || type->kind == TN_TYPE_ANY;
	default:
		return type == item || type->kind == TN_TYPE_ANY;
	}
}
static bool check_list(const struct tn_native_typing *typing, const char *name, struct tn_error *err) {
	if (typing->args[0]->kind == TN_TYPE_LIST) {
		return true;
	}
	char found[128];
	tn_type_format(typing->args[0], found);
	return tn_error_set(err, TN_ERR_TYPE, "%s: expected a list, found %s", name, found);
}
static bool check_item(const struct tn_native_typing *typing, uint32_t index, const char *name, struct tn_error *err) {
	const struct tn_type *item = typing->args[0]->items[0];
	if (fits(item, typing->args[index])) {
		return true;
	}
	char want[128], found[128];
	tn_type_format(item, want);
	tn_type_format(typing->args[index], found);
	tn_error_set(err, TN_ERR_TYPE, "%s: the list holds %s, not %s", name, want, found);
	if (tn_type_is_number(item) && typing->args[index]->kind == TN_TYPE_TENSOR) {
		tn_error_hint(err, "%s(x) takes the number out of a tensor of one element", want);
	}
	return false;
}
static struct tn_type *void_type(const struct tn_native_typing *typing) { return tn_type_basic(typing->types, TN_TYPE_VOID); }

static struct tn_type *type_append(const struct tn_native_typing *typing, struct tn_error *err) {
	return check_list(typing, "append", err) && check_item(typing, 1, "append", err) ? void_type(typing) : NULL;
}
static struct tn_type *type_insert(const struct tn_native_typing *typing, struct tn_error *err) {
	return check_list(typing, "insert", err) && check_item(typing, 2, "insert", err) ? void_type(typing) : NULL;
}
static struct tn_type *type_extend(const struct tn_native_typing *typing, struct tn_error *err) {
	if (!check_list(typing, "extend", err)) {
		return NULL;
	}
	const struct tn_type *more = typing->args[1];
	if (more->kind != TN_TYPE_LIST || !fits(typing->args[0]->items[0], more->items[0])) {
		char want[128], found[128];
		tn_type_format(typing->args[0], want);
		tn_type_format(more, found);
		tn_error_set(err, TN_ERR_TYPE, "extend: expected %s, found %s", want, found);
		return NULL;
	}
	return void_type(typing);
}
static struct tn_type *type_pop(const struct tn_native_typing *typing, struct tn_error *err) {
	return check_list(typing, "pop", err) ? typing->args[0]->items[0] : NULL;
}
/* Of a map the key is a string; of a list the item is one that it may hold. */
static struct tn_type *type_remove(const struct tn_native_typing *typing, struct tn_error *err) {
	if (typing->args[0]->kind != TN_TYPE_MAP) {
		return check_list(typing, "remove", err) && check_item(typing, 1, "remove", err) ? void_type(typing) : NULL;
	}
	if (typing->args[1]->kind != TN_TYPE_STRING && typing->args[1]->kind != TN_TYPE_ANY) {
		char found[128];
		tn_type_format(typing->args[1], found);
		tn_error_set(err, TN_ERR_TYPE, "remove: the keys of a map are strings, not %s", found);
		return NULL;
	}
	return void_type(typing);
}
static struct tn_type *type_clear(const struct tn_native_typing *typing, struct tn_error *err) {
	return typing->args[0]->kind == TN_TYPE_MAP || check_list(typing, "clear", err) ? void_type(typing) : NULL;
}
static struct tn_type *type_same_list(const struct tn_native_typing *typing, struct tn_error *err) {
	return check_list(typing, "this function", err) ? typing->args[0] : NULL;
}

/* ---- changing in place ---- */

/* The list behind the reference, unshared and free to change its length. */
static bool open_list(struct tn_native_call *call, const char *name, struct tn_list **out, struct tn_error *err) {
	struct tn_value *slot;
	if (!tn_ref_write(call->lang, call->args[0].ref, &slot, err)) {
		return false;
	}
	if (slot->tag != TN_LIST) {
		return tn_error_set(err, TN_ERR_TYPE, "%s: expected a list", name);
	}
	if (slot->list->locked > 0) {
		return tn_error_set(err, TN_ERR_VALUE, "%s: the list's length may not change while a loop or a reference stands inside it", name);
	}
	if (!tn_value_make_unique(slot, err)) {
		return false;
	}
	*out = slot->list;
	return true;
}

static bool run_append(struct tn_native_call *call, struct tn_error *err) {
	struct tn_list *list = NULL;
	struct tn_value item;
	return open_list(call, "append", &list, err) && fit_item(call, list->item, call->args[1], &item, err) && tn_list_append_take(list, item, err);
}

static bool run_extend(struct tn_native_call *call, struct tn_error *err) {
	struct tn_value more = tn_value_ref(call->args[1]); /* may be the very list */
	struct tn_list *list = NULL;
	bool ok = open_list(call, "extend", &list, err);
	size_t before = ok ? list->count : 0;
	for (size_t i = 0; ok && i < more.list->count; i++) {
		struct tn_value item;
		ok = fit_item(call, list->item, more.list->items[i], &item, err) && tn_list_append_take(list, item, err);
	}
	while (!ok && list != NULL && before < list->count) { /* all or nothing */
		tn_value_unref(TN_VEC_POP(list));
	}
	tn_value_unref(more);
	return ok;
}

/* A position in [0, limit], negative ones from the end. */
static bool position(const char *name, int64_t at, size_t count, size_t limit, size_t *out, struct tn_error *err) {
	int64_t i = at < 0 ? at + (int64_t)count : at;
	if (i < 0 || (size_t)i >= limit) {
		return tn_error_set(err, TN_ERR_INDEX, "%s: index %lld is out of range for a list of %zu", name, (long long)at, count);
	}
	*out = (size_t)i;
	return true;
}

static bool run_insert(struct tn_native_call *call, struct tn_error *err) {
	struct tn_list *list = NULL;
	struct tn_value item;
	size_t at = 0;
	if (!open_list(call, "insert", &list, err) || !position("insert", call->args[1].i, list->count, list->count + 1, &at, err) ||
	    !fit_item(call, list->item, call->args[2], &item, err) || !tn_list_append_take(list, item, err)) {
		return false;
	}
	struct tn_value last = list->items[list->count - 1];
	for (size_t i = list->count - 1; i > at; i--) {
		list->items[i] = list->items[i - 1];
	}
	list->items[at] = last;
	return true;
}

static struct tn_value take_at(struct tn_list *list, size_t at) {
	struct tn_value item = list->items[at];
	for (size_t i = at + 1; i < list->count; i++) {
		list->items[i - 1] = list->items[i];
	}
	list->count--;
	return item;
}

static bool run_pop(struct tn_native_call *call, struct tn_error *err) {
	struct tn_list *list = NULL;
	size_t at = 0;
	if (!open_list(call, "pop", &list, err)) {
		return false;
	}
	if (list->count == 0) {
		return tn_error_set(err, TN_ERR_INDEX, "pop: the list is empty");
	}
	if (!position("pop", call->args[1].i, list->count, list->count, &at, err)) {
		return false;
	}
	*call->result = take_at(list, at);
	return true;
}

/* The place of an equal item, or -1. */
static bool find_item(const struct tn_list *list, struct tn_value wanted, int64_t *out, struct tn_error *err) {
	*out = -1;
	for (size_t i = 0; i < list->count && *out < 0; i++) {
		bool equal;
		if (!tn_value_equal(list->items[i], wanted, &equal, err)) {
			return false;
		}
		*out = equal ? (int64_t)i : -1;
	}
	return true;
}

/* The map that the call may change, or NULL: the first argument is something else, which *err does not say. */
static struct tn_dict *open_map(struct tn_native_call *call, struct tn_error *err) {
	struct tn_value *slot;
	bool is_map = tn_ref_write(call->lang, call->args[0].ref, &slot, err) && slot->tag == TN_MAP;
	return is_map && tn_value_make_unique(slot, err) ? slot->map : NULL;
}

static bool remove_key(struct tn_dict *map, struct tn_value key, struct tn_error *err) {
	if (key.tag != TN_STRING) {
		return tn_error_set(err, TN_ERR_TYPE, "remove: the keys of a map are strings");
	}
	return tn_dict_remove(map, key.string->text, key.string->length) ||
		tn_error_set(err, TN_ERR_KEY, "remove: the map has no key \"%.60s\"", key.string->text);
}

static bool run_remove(struct tn_native_call *call, struct tn_error *err) {
	struct tn_list *list = NULL;
	int64_t at;
	struct tn_dict *map = open_map(call, err);
	if (map != NULL) {
		return remove_key(map, call->args[1], err);
	}
	if (tn_error_is_set(err) || !open_list(call, "remove", &list, err) || !find_item(list, call->args[1], &at, err)) {
		return false;
	}
	if (at < 0) {
		return tn_error_set(err, TN_ERR_VALUE, "remove: no item of the list is equal to the value");
	}
	tn_value_unref(take_at(list, (size_t)at));
	return true;
}

static bool run_clear(struct tn_native_call *call, struct tn_error *err) {
	struct tn_list *list = NULL;
	struct tn_dict *map = open_map(call, err);
	while (map != NULL && map->count > 0) {
		(void)tn_dict_remove(map, map->keys[map->count - 1], strlen(map->keys[map->count - 1]));
	}
	if (map != NULL) {
		return true;
	}
	if (tn_error_is_set(err) || !open_list(call, "clear", &list, err)) {
		return false;
	}
	while (list->count > 0) {
		tn_value_unref(TN_VEC_POP(list));
	}
	return true;
}

/* ---- asking ---- */

static bool run_len(struct tn_native_call *call, struct tn_error *err) {
	struct tn_value v = call->args[0];
	int64_t n;
	switch (v.tag) {
	case TN_LIST:
		n = (int64_t)v.list->count;
		break;
	case TN_TUPLE:
		n = v.tuple->count;
		break;
	case TN_MAP:
		n = (int64_t)v.map->count;
		break;
	case TN_STRING:
		n = v.string->points;
		break;
	case TN_TENSOR:
		if (tn_tensor_shape(v.tensor)->ndim == 0) {
			return tn_error_set(err, TN_ERR_SHAPE, "len: a tensor without axes has no length");
		}
		n = tn_tensor_shape(v.tensor)->dims[0];
		break;
	case TN_SEQ:
		n = v.seq->impl->length == NULL ? -1 : v.seq->impl->length(v.seq);
		if (n < 0) {
			return tn_error_set(err, TN_ERR_TYPE, "len: this sequence does not know its length before it has been walked");
		}
		break;
	default:
		return tn_error_set(err, TN_ERR_TYPE, "len: expected a list, tuple, map, string, tensor or sequence");
	}
	*call->result = tn_int(n);
	return true;
}
static struct tn_type *type_len(const struct tn_native_typing *typing, struct tn_error *err) {
	switch (typing->args[0]->kind) {
	case TN_TYPE_LIST:
	case TN_TYPE_TUPLE:
	case TN_TYPE_MAP:
	case TN_TYPE_STRING:
	case TN_TYPE_TENSOR:
	case TN_TYPE_SEQ:
	case TN_TYPE_ANY:
	case TN_TYPE_TREE:
		return tn_type_basic(typing->types, TN_TYPE_INT);
	default:
		break;
	}
	char found[128];
	tn_type_format(typing->args[0], found);
	tn_error_set(err, TN_ERR_TYPE, "len: expected a list, tuple, map, string, tensor or sequence, found %s", found);
	return NULL;
}

static bool run_contains(struct tn_native_call *call, struct tn_error *err) {
	int64_t at;
	if (!find_item(call->args[0].list, call->args[1], &at, err)) {
		return false;
	}
	*call->result = tn_bool(at >= 0);
	return true;
}
static struct tn_type *type_contains(const struct tn_native_typing *typing, struct tn_error *err) {
	return check_list(typing, "contains", err) && check_item(typing, 1, "contains", err) ? tn_type_basic(typing->types, TN_TYPE_BOOL) : NULL;
}

static bool run_index_of(struct tn_native_call *call, struct tn_error *err) {
	int64_t at;
	if (!find_item(call->args[0].list, call->args[1], &at, err)) {
		return false;
	}
	*call->result = tn_int(at);
	return true;
}
static struct tn_type *type_index_of(const struct tn_native_typing *typing, struct tn_error *err) {
	return check_list(typing, "index_of", err) && check_item(typing, 1, "index_of", err) ? tn_type_basic(typing->types, TN_TYPE_INT) : NULL;
}

/* ---- new lists ---- */

static bool run_reverse(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_list *list = call->args[0].list;
	struct tn_value out;
	if (!tn_list_create(list->item, list->count, &out, err)) {
		return false;
	}
	for (size_t i = list->count; i > 0; i--) {
		if (!tn_list_append_take(out.list, tn_value_ref(list->items[i - 1]), err)) {
			tn_value_unref(out);
			return false;
		}
	}
	*call->result = out;
	return true;
}

/* Keys are numbers or strings; equal ones keep their order. */
struct sort_entry { struct tn_value key; size_t place; bool descending; };

static int compare_keys(struct tn_value a, struct tn_value b) {
	if (a.tag == TN_STRING) {
		uint32_t n = a.string->length < b.string->length ? a.string->length : b.string->length;
		int c = memcmp(a.string->text, b.string->text, n);
		return c != 0 ? c : (a.string->length > b.string->length) - (a.string->length < b.string->length);
	}
	if (a.tag == TN_FLOAT || b.tag == TN_FLOAT) {
		double x = a.tag == TN_FLOAT ? a.f : (double)a.i, y = b.tag == TN_FLOAT ? b.f : (double)b.i;
		int x_nan = x != x, y_nan = y != y;
		return x_nan || y_nan ? x_nan - y_nan : (x > y) - (x < y);
	}
	return (a.i > b.i) - (a.i < b.i);
}
static int compare_entries(const void *pa, const void *pb) {
	const struct sort_entry *a = pa, *b = pb;
	int c = compare_keys(a->key, b->key);
	if (c != 0) {
		return a->descending ? -c : c;
	}
	return (a->place > b->place) - (a->place < b->place);
}

static bool make_entries(struct tn_native_call *call, const struct tn_list *list, struct sort_entry *entries, size_t *made, struct tn_error *err) {
	for (size_t i = 0; i < list->count; i++) {
		struct tn_value key = tn_value_ref(list->items[i]);
		if (tn_arg_given(call, 1)) {
			tn_value_unref(key);
			if (!tn_call_value(call->lang, call->args[1], &list->items[i], 1, &key, err)) {
				return false;
			}
		}
		if (key.tag == TN_TENSOR && tn_shape_count(tn_tensor_shape(key.tensor)) == 1) {
			double x;
			bool ok = tn_tensor_item_f64(key.tensor, &x, err);
			tn_value_unref(key);
			if (!ok) {
				return false;
			}
			key = tn_float(x);
		}
		entries[i] = (struct sort_entry){.key = key, .place = i, .descending = call->args[2].i != 0};
		*made = i + 1;
		bool number = key.tag == TN_INT || key.tag == TN_FLOAT || key.tag == TN_BOOL;
		if (!(number || key.tag == TN_STRING) || (key.tag == TN_STRING) != (entries[0].key.tag == TN_STRING)) {
			tn_error_set(err, TN_ERR_TYPE, "sort: expected numbers, or strings, to sort by");
			tn_error_hint(err, "sort(xs, key: (x) => …) says by what");
			return false;
		}
	}
	return true;
}

static bool run_sort(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_list *list = call->args[0].list;
	struct sort_entry *entries = tn_calloc(list->count, sizeof(*entries));
	struct tn_value out = tn_void();
	size_t made = 0;
	bool ok = entries != NULL || tn_error_memory(err);
	ok = ok && make_entries(call, list, entries, &made, err);
	if (ok && list->count > 1) {
		qsort(entries, list->count, sizeof(*entries), compare_entries);
	}
	ok = ok && tn_list_create(list->item, list->count, &out, err);
	for (size_t i = 0; ok && i < list->count; i++) {
		ok = tn_list_append_take(out.list, tn_value_ref(list->items[entries[i].place]), err);
	}
	for (size_t i = 0; i < made; i++) {
		tn_value_unref(entries[i].key);
	}
	tn_free(entries);
	if (!ok) {
		tn_value_unref(out);
		return false;
	}
	*call->result = out;
	return true;
}

/* list(n, f): f(0) … f(n - 1) */
static bool run_list(struct tn_native_call *call, struct tn_error *err) {
	int64_t n = call->args[0].i;
	struct tn_value out;
	if (n < 0) {
		return tn_error_set(err, TN_ERR_VALUE, "list: the length must not be negative, it is %lld", (long long)n);
	}
	struct tn_type *item = call->type->kind == TN_TYPE_LIST ? call->type->items[0] : tn_type_basic(tn_lang_types(call->lang), TN_TYPE_ANY);
	if (!tn_list_create(item, 0, &out, err)) {
		return false;
	}
	for (int64_t i = 0; i < n; i++) {
		struct tn_value index = tn_int(i), made = tn_void();
		if (tn_lang_interrupted(call->lang, err) || !tn_call_value(call->lang, call->args[1], &index, 1, &made, err) ||
		    !tn_list_append_take(out.list, made, err)) {
			tn_value_unref(out);
			return false;
		}
	}
	*call->result = out;
	return true;
}
static struct tn_type *type_list(const struct tn_native_typing *typing, struct tn_error *err) {
	struct tn_type *index = tn_type_basic(typing->types, TN_TYPE_INT);
	struct tn_type *item = tn_call_value_type(typing->lang, typing->args[1], &index, 1, err);
	if (item != NULL && item->kind == TN_TYPE_VOID) {
		tn_error_set(err, TN_ERR_TYPE, "list: the function gives no value");
		return NULL;
	}
	return item == NULL ? NULL : tn_type_list(typing->types, item);
}

static const struct tn_native rows[] = {
	{ "auto len(auto x)", "Number of items of a list, tuple or map, code points of a string, size of a tensor's axis 0, elements of a sequence.\n\nx: one of these. Errors: ShapeError for a 0-d tensor, TypeError for a sequence whose length nobody knows.", "len([1, 2, 3])    // expect: 3",
	  run_len, type_len, 0 },
	{ "auto append(auto &xs, auto x)", "Adds x at the end of a list, in place.\n\nxs: a list.", "int[] xs = [1]; xs.append(2); xs    // expect: [1, 2]", run_append, type_append, 0 },
	{ "auto extend(auto &xs, auto more)", "Adds the items of another list at the end, in place.\n\nmore: a list with items of the type of those of xs.", "int[] xs = [1]; xs.extend(xs); xs    // expect: [1, 1]", run_extend, type_extend, 0 },
	{ "auto insert(auto &xs, int index, auto x)", "Puts x before item `index`, in place; negative indices count from the end.\n\nxs: a list.", "int[] xs = [2]; xs.insert(0, 1); xs    // expect: [1, 2]",
	  run_insert, type_insert, 0 },
	{ "auto pop(auto &xs, int index = -1)", "Takes an item out of a list and gives it: the last, or item `index`.\n\nxs: a list.", "int[] xs = [1, 2]; xs.pop()    // expect: 2", run_pop, type_pop, 0 },
	{ "auto remove(auto &xs, auto x)", "Takes the first item equal to x out of a list, or the key x out of a map.\n\nxs: a list or a map. Errors: ValueError where no item is equal, KeyError where there is no such key.",
	  "int[] xs = [1, 2]; xs.remove(1); xs    // expect: [2]", run_remove, type_remove, 0 },
	{ "auto clear(auto &xs)", "Takes all items out of a list or a map.\n\nxs: a list or a map.", "int[] xs = [1, 2]; xs.clear(); len(xs)    // expect: 0", run_clear, type_clear, 0 },
	{ "auto contains(auto[] xs, auto x)", "Whether an item of a list is equal to x.\n\nxs: a list.", "int[] xs = [1, 2]; xs.contains(2)    // expect: true", run_contains, type_contains, 0 },
	{ "auto index_of(auto[] xs, auto x)", "The place of the first item equal to x, or -1.\n\nxs: a list.", "int[] xs = [4, 5]; xs.index_of(5)    // expect: 1", run_index_of, type_index_of, 0 },
	{ "auto reverse(auto[] xs)", "A new list with the items in reverse order.\n\nxs: a list.", "int[] xs = [1, 2]; reverse(xs)    // expect: [2, 1]", run_reverse, type_same_list, 0 },
	{ "auto sort(auto[] xs, fn key = none, bool descending = false)",
	  "A new list in ascending order; items with equal keys keep their order.\n\nkey: gives the number or string to sort by. descending: largest first. xs: a list.",
	  "int[] xs = [2, 3, 1]; sort(xs, descending: true)    // expect: [3, 2, 1]", run_sort, type_same_list, 0 },
	{ "auto list(int n, fn f)", "The list f(0), f(1), … f(n - 1).", "list(3, (i) => i * i)    // expect: [0, 1, 4]", run_list, type_list, 0 },
};
TN_NATIVE_TABLE(list, rows);
