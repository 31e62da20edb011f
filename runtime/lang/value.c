/* SPDX-License-Identifier: Apache-2.0 */
/* Values: making, counting, sharing, comparing. Freeing never recurses deeper than a bound, whatever a program has built: what dies
 * below that depth waits in a list that the outermost call empties. All of it belongs to the executing thread. */
#include <assert.h>
#include <string.h>

#include "lang/state.h"

enum { FREE_DEPTH = 64, EQUAL_DEPTH = 1000 };

/* ---- counting ---- */

void tn_value_ref_slow(struct tn_value v) {
	if (v.tag == TN_TENSOR) {
		tn_tensor_ref(v.tensor);
	} else {
		v.object->refs++;
	}
}

static int free_depth;                                /* objects being freed inside one another */
static TN_VEC(struct tn_value) waiting;               /* dead objects found at FREE_DEPTH */

static void drop_items(struct tn_value *items, size_t count) {
	for (size_t i = 0; i < count; i++) {
		tn_value_unref(items[i]);
	}
}

static void drop_dict(struct tn_dict *map) {
	drop_items(map->items, map->count);
	tn_free(map->items);
	for (size_t i = 0; i < map->count; i++) {
		tn_free(map->keys[i]);
	}
	tn_free(map->keys);
	if (map->key_list != NULL) {
		tn_value_unref((struct tn_value){.tag = TN_LIST, .list = map->key_list});
	}
	tn_map_finish(&map->index);
}

static void drop_ref(struct tn_ref *ref) {
	tn_ref_unlock(ref);
	for (uint32_t i = 0; i < ref->step_count; i++) {
		if (ref->steps[i].key != NULL) {
			tn_value_unref((struct tn_value){.tag = TN_STRING, .string = ref->steps[i].key});
		}
	}
}

static void drop_parts(struct tn_value v) {
	switch (v.tag) {
	case TN_STRING:
		tn_free(v.string->marks);
		break;
	case TN_LIST:
		drop_items(v.list->items, v.list->count);
		tn_free(v.list->items);
		break;
	case TN_TUPLE:
		drop_items(v.tuple->items, v.tuple->count);
		break;
	case TN_MAP:
		drop_dict(v.map);
		break;
	case TN_STRUCT:
		drop_items(v.instance->fields, v.instance->def->field_count);
		break;
	case TN_FN:
		drop_items(v.fn->captures, v.fn->capture_count);
		break;
	case TN_SEQ:
		if (v.seq->impl->finish != NULL) {
			v.seq->impl->finish(v.seq);
		}
		break;
	case TN_HANDLE:
		if (v.handle->impl->finish != NULL) {
			v.handle->impl->finish(v.handle->data);
		}
		break;
	case TN_REF:
		drop_ref(v.ref);
		break;
	default:
		break;
	}
}

static void destroy(struct tn_value v) {
	if (free_depth >= FREE_DEPTH && TN_VEC_PUSH(&waiting, v)) {
		return;
	}
	free_depth++;
	drop_parts(v);
	tn_free(v.object);
	free_depth--;
	if (free_depth > 0) {
		return;
	}
	while (waiting.count > 0) {
		struct tn_value next = TN_VEC_POP(&waiting);
		free_depth++;
		drop_parts(next);
		tn_free(next.object);
		free_depth--;
	}
	TN_VEC_FINISH(&waiting);
}

void tn_value_unref_slow(struct tn_value v) {
	if (v.tag == TN_TENSOR) {
		tn_tensor_unref(v.tensor);
	} else if (--v.object->refs == 0) {
		destroy(v);
	}
}

/* ---- makers ---- */

static void *new_object(enum tn_tag tag, size_t size, struct tn_error *err) {
	struct tn_object *object = tn_calloc(1, size);
	if (object == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	object->refs = 1;
	object->tag = (uint8_t)tag;
	return object;
}

/* head + count values; NULL also where that overflows. */
static void *new_with_items(enum tn_tag tag, size_t head, size_t count, struct tn_error *err) {
	size_t size;
	if (!tn_mul_size(count, sizeof(struct tn_value), &size) || !tn_add_size(size, head, &size)) {
		tn_error_memory(err);
		return NULL;
	}
	return new_object(tag, size, err);
}

/* Empty, with room for `capacity` bytes. */
static struct tn_string *new_string(size_t capacity, struct tn_error *err) {
	if (capacity > INT32_MAX) {
		tn_error_set(err, TN_ERR_MEMORY, "a string cannot be longer than 2 GiB");
		return NULL;
	}
	struct tn_string *s = new_object(TN_STRING, sizeof(*s) + capacity + 1, err);
	if (s != NULL) {
		s->capacity = (uint32_t)capacity;
	}
	return s;
}

bool tn_string_create(const char *text, size_t length, struct tn_value *out, struct tn_error *err) {
	size_t bad;
	if (!tn_utf8_valid(text, length, &bad)) {
		return tn_error_set(err, TN_ERR_VALUE, "the text is not valid UTF-8 at byte %zu", bad);
	}
	struct tn_string *s = new_string(length, err);
	if (s == NULL) {
		return false;
	}
	memcpy(s->text, text, length);
	s->length = (uint32_t)length;
	s->points = (uint32_t)tn_utf8_length(text, length);
	*out = (struct tn_value){.tag = TN_STRING, .string = s};
	return true;
}

static void add_text(struct tn_string *s, const struct tn_string *b) {
	memcpy(s->text + s->length, b->text, b->length);
	s->length += b->length;
	s->points += b->points;
	s->text[s->length] = '\0';
	assert(s->length <= s->capacity && s->points <= s->length);
}

bool tn_string_join(const struct tn_string *a, const struct tn_string *b, struct tn_value *out, struct tn_error *err) {
	struct tn_string *s = new_string((size_t)a->length + b->length, err);
	if (s == NULL) {
		return false;
	}
	add_text(s, a);
	add_text(s, b);
	*out = (struct tn_value){.tag = TN_STRING, .string = s};
	return true;
}

bool tn_string_append(struct tn_value *slot, const struct tn_string *b, struct tn_error *err) {
	struct tn_string *s = slot->string;
	size_t length = (size_t)s->length + b->length;
	if (s->head.refs > 1 || s == b || length > INT32_MAX) {
		struct tn_value joined;
		if (!tn_string_join(s, b, &joined, err)) {
			return false;
		}
		tn_value_store(slot, joined);
		return true;
	}
	if (length > s->capacity) {
		size_t capacity = length + length / 2 < INT32_MAX ? length + length / 2 : INT32_MAX;
		s = tn_realloc_array(s, sizeof(*s) + capacity + 1, 1);
		if (s == NULL) {
			return tn_error_memory(err);
		}
		s->capacity = (uint32_t)capacity;
		slot->string = s;
	}
	add_text(s, b);
	return true;
}

/* Marks up to number `wanted`, which is at most points / TN_STRING_MARK; false: no memory. */
static bool mark_up_to(struct tn_string *s, uint32_t wanted) {
	if (wanted < s->mark_count) {
		return true;
	}
	uint32_t *marks = tn_realloc_array(s->marks, (size_t)wanted + 1 + s->mark_count / 2, sizeof(marks[0]));
	if (marks == NULL) {
		return false;
	}
	s->marks = marks;
	if (s->mark_count == 0) {
		marks[s->mark_count++] = 0;
	}
	for (uint32_t at = marks[s->mark_count - 1]; s->mark_count <= wanted; marks[s->mark_count++] = at) {
		for (uint32_t i = 0, code; i < TN_STRING_MARK; i++) {
			at += (uint32_t)tn_utf8_decode(s->text + at, s->text + s->length, &code);
		}
	}
	return true;
}

uint32_t tn_string_seek(struct tn_string *s, uint32_t at) {
	assert(at <= s->points);
	if (s->points == s->length) {
		return at;
	}
	if (at == s->points) {
		return s->length;
	}
	bool marked = mark_up_to(s, at / TN_STRING_MARK);
	uint32_t byte = marked ? s->marks[at / TN_STRING_MARK] : 0, code;
	for (uint32_t left = marked ? at % TN_STRING_MARK : at; left > 0; left--) {
		byte += (uint32_t)tn_utf8_decode(s->text + byte, s->text + s->length, &code);
	}
	return byte;
}

bool tn_list_create(struct tn_type *item, size_t capacity, struct tn_value *out, struct tn_error *err) {
	struct tn_list *list = new_object(TN_LIST, sizeof(*list), err);
	if (list == NULL) {
		return false;
	}
	list->item = item;
	*out = (struct tn_value){.tag = TN_LIST, .list = list};
	if (capacity > 0 && !TN_VEC_RESERVE(list, capacity)) {
		tn_value_unref(*out);
		*out = tn_void();
		return tn_error_memory(err);
	}
	return true;
}

bool tn_list_append_take(struct tn_list *list, struct tn_value item, struct tn_error *err) {
	if (!TN_VEC_PUSH(list, item)) {
		tn_value_unref(item);
		return tn_error_memory(err);
	}
	return true;
}

bool tn_tuple_create_take(const struct tn_value *items, uint32_t count, struct tn_value *out, struct tn_error *err) {
	struct tn_tuple *tuple = new_with_items(TN_TUPLE, sizeof(*tuple), count, err);
	if (tuple == NULL) {
		for (uint32_t i = 0; i < count; i++) {
			tn_value_unref(items[i]);
		}
		return false;
	}
	tuple->count = count;
	if (count > 0) {
		memcpy(tuple->items, items, count * sizeof(items[0]));
	}
	*out = (struct tn_value){.tag = TN_TUPLE, .tuple = tuple};
	return true;
}

bool tn_dict_create(struct tn_type *item, struct tn_value *out, struct tn_error *err) {
	struct tn_dict *map = new_object(TN_MAP, sizeof(*map), err);
	if (map == NULL) {
		return false;
	}
	map->item = item;
	*out = (struct tn_value){.tag = TN_MAP, .map = map};
	return true;
}

static bool dict_grow(struct tn_dict *map) {
	size_t capacity = map->capacity == 0 ? 8 : map->capacity * 2;
	struct tn_value *items = tn_realloc_array(map->items, capacity, sizeof(items[0]));
	if (items == NULL) {
		return false;
	}
	map->items = items;
	char **keys = tn_realloc_array(map->keys, capacity, sizeof(keys[0]));
	if (keys == NULL) {
		return false;
	}
	map->keys = keys;
	map->capacity = capacity;
	return true;
}

struct tn_value *tn_dict_get(const struct tn_dict *map, const char *key, size_t length) {
	uintptr_t at = (uintptr_t)tn_map_get_n(&map->index, key, length);
	return at == 0 ? NULL : &map->items[at - 1];
}

static void forget_keys(struct tn_dict *map) {
	if (map->key_list != NULL) {
		tn_value_unref((struct tn_value){.tag = TN_LIST, .list = map->key_list});
		map->key_list = NULL;
	}
}

bool tn_dict_keys(struct tn_dict *map, struct tn_type *item, struct tn_value *out, struct tn_error *err) {
	if (map->key_list != NULL) {
		*out = tn_value_ref((struct tn_value){.tag = TN_LIST, .list = map->key_list});
		return true;
	}
	struct tn_value list, key;
	if (!tn_list_create(item, map->count, &list, err)) {
		return false;
	}
	for (size_t i = 0; i < map->count; i++) {
		if (!tn_string_create(map->keys[i], strlen(map->keys[i]), &key, err) || !tn_list_append_take(list.list, key, err)) {
			tn_value_unref(list);
			return false;
		}
	}
	map->key_list = tn_value_ref(list).list;
	*out = list;
	return true;
}

bool tn_dict_set_take(struct tn_dict *map, const char *key, size_t length, struct tn_value item, struct tn_error *err) {
	struct tn_value *slot = tn_dict_get(map, key, length);
	if (slot != NULL) {
		tn_value_store(slot, item);
		return true;
	}
	char *copy = (map->count < map->capacity || dict_grow(map)) ? tn_strndup(key, length) : NULL;
	if (copy == NULL || !tn_map_set_n(&map->index, key, length, (void *)(uintptr_t)(map->count + 1))) {
		tn_free(copy);
		tn_value_unref(item);
		return tn_error_memory(err);
	}
	map->keys[map->count] = copy;
	map->items[map->count++] = item;
	forget_keys(map);
	return true;
}

bool tn_dict_remove(struct tn_dict *map, const char *key, size_t length) {
	struct tn_value *slot = tn_dict_get(map, key, length);
	if (slot == NULL) {
		return false;
	}
	size_t at = (size_t)(slot - map->items);
	forget_keys(map);
	tn_map_remove(&map->index, map->keys[at]);
	tn_free(map->keys[at]);
	struct tn_value removed = *slot;
	map->count--;
	for (size_t i = at; i < map->count; i++) { /* what stands behind moves up by one: the entries that say where are changed in place */
		map->keys[i] = map->keys[i + 1];
		map->items[i] = map->items[i + 1];
		bool there = tn_map_set(&map->index, map->keys[i], (void *)(uintptr_t)(i + 1));
		assert(there);
		(void)there;
	}
	tn_value_unref(removed);
	return true;
}

bool tn_struct_create(struct tn_struct_def *def, struct tn_value *out, struct tn_error *err) {
	struct tn_instance_value *instance = new_with_items(TN_STRUCT, sizeof(*instance), def->field_count, err);
	if (instance == NULL) {
		return false;
	}
	instance->def = def;
	*out = (struct tn_value){.tag = TN_STRUCT, .instance = instance};
	return true;
}

bool tn_fn_create(const char *name, struct tn_function *function, uint32_t captures, struct tn_value *out, struct tn_error *err) {
	struct tn_fn_value *fn = new_with_items(TN_FN, sizeof(*fn), captures, err);
	if (fn == NULL) {
		return false;
	}
	fn->name = name;
	fn->function = function;
	fn->capture_count = captures;
	*out = (struct tn_value){.tag = TN_FN, .fn = fn};
	return true;
}

bool tn_handle_create(const struct tn_handle_impl *impl, void *data, struct tn_value *out, struct tn_error *err) {
	struct tn_handle *handle = new_object(TN_HANDLE, sizeof(*handle), err);
	if (handle == NULL) {
		return false;
	}
	handle->impl = impl;
	handle->data = data;
	*out = (struct tn_value){.tag = TN_HANDLE, .handle = handle};
	return true;
}

/* ---- sharing ---- */

static bool copy_list(const struct tn_list *from, struct tn_value *out, struct tn_error *err) {
	if (!tn_list_create(from->item, from->count, out, err)) {
		return false;
	}
	for (size_t i = 0; i < from->count; i++) {
		out->list->items[i] = tn_value_ref(from->items[i]);
	}
	out->list->count = from->count;
	out->list->locked = from->locked; /* the variable goes on with the copy: references stand in that */
	((struct tn_list *)(uintptr_t)from)->locked = 0;
	return true;
}

static bool copy_dict(const struct tn_dict *from, struct tn_value *out, struct tn_error *err) {
	if (!tn_dict_create(from->item, out, err)) {
		return false;
	}
	for (size_t i = 0; i < from->count; i++) {
		if (!tn_dict_set_take(out->map, from->keys[i], strlen(from->keys[i]), tn_value_ref(from->items[i]), err)) {
			tn_value_unref(*out);
			return false;
		}
	}
	return true;
}

static void copy_items(struct tn_value *to, const struct tn_value *from, size_t count) {
	for (size_t i = 0; i < count; i++) {
		to[i] = tn_value_ref(from[i]);
	}
}

static bool copy_shallow(struct tn_value v, struct tn_value *out, struct tn_error *err) {
	switch (v.tag) {
	case TN_LIST:
		return copy_list(v.list, out, err);
	case TN_MAP:
		return copy_dict(v.map, out, err);
	case TN_TUPLE: {
		struct tn_tuple *tuple = new_with_items(TN_TUPLE, sizeof(*tuple), v.tuple->count, err);
		if (tuple == NULL) {
			return false;
		}
		tuple->count = v.tuple->count;
		copy_items(tuple->items, v.tuple->items, tuple->count);
		*out = (struct tn_value){.tag = TN_TUPLE, .tuple = tuple};
		return true;
	}
	default:
		if (!tn_struct_create(v.instance->def, out, err)) {
			return false;
		}
		copy_items(out->instance->fields, v.instance->fields, v.instance->def->field_count);
		return true;
	}
}

bool tn_value_make_unique(struct tn_value *slot, struct tn_error *err) {
	struct tn_value copy;
	if (slot->tag < TN_LIST || slot->tag > TN_STRUCT || slot->object->refs == 1) {
		return true;
	}
	if (!copy_shallow(*slot, &copy, err)) {
		return false;
	}
	tn_value_store(slot, copy);
	return true;
}

/* ---- comparing ---- */

static bool equal_at(struct tn_value a, struct tn_value b, int depth, bool *equal, struct tn_error *err);

static bool equal_items(const struct tn_value *a, const struct tn_value *b, size_t count, int depth, bool *equal, struct tn_error *err) {
	*equal = true;
	for (size_t i = 0; i < count && *equal; i++) {
		if (!equal_at(a[i], b[i], depth + 1, equal, err)) {
			return false;
		}
	}
	return true;
}

static bool equal_dicts(const struct tn_dict *a, const struct tn_dict *b, int depth, bool *equal, struct tn_error *err) {
	*equal = a->count == b->count;
	for (size_t i = 0; i < a->count && *equal; i++) {
		const struct tn_value *other = tn_dict_get(b, a->keys[i], strlen(a->keys[i]));
		if (other == NULL) {
			*equal = false;
		} else if (!equal_at(a->items[i], *other, depth + 1, equal, err)) {
			return false;
		}
	}
	return true;
}

static bool is_number(struct tn_value v) { return v.tag == TN_INT || v.tag == TN_FLOAT || v.tag == TN_BOOL; }

static bool equal_at(struct tn_value a, struct tn_value b, int depth, bool *equal, struct tn_error *err) {
	if (depth > EQUAL_DEPTH) {
		return tn_error_set(err, TN_ERR_RECURSION, "values nested more than %d deep cannot be compared", EQUAL_DEPTH);
	}
	if (a.tag == TN_TENSOR || b.tag == TN_TENSOR || a.tag == TN_EMPTY || b.tag == TN_EMPTY) {
		tn_error_set(err, TN_ERR_TYPE, "== does not compare values with tensors inside");
		tn_error_hint(err, "equal(a, b) compares tensors as a whole");
		return false;
	}
	if (is_number(a) && is_number(b)) {
		bool floats = a.tag == TN_FLOAT || b.tag == TN_FLOAT;
		*equal = floats ? (a.tag == TN_FLOAT ? a.f : (double)a.i) == (b.tag == TN_FLOAT ? b.f : (double)b.i) : a.i == b.i;
		return true;
	}
	if ((a.tag == TN_LIST && b.tag == TN_TUPLE) || (a.tag == TN_TUPLE && b.tag == TN_LIST)) { /* x.shape == (3, 4) */
		size_t left, right;
		const struct tn_value *first = tn_value_parts(a, &left), *second = tn_value_parts(b, &right);
		*equal = left == right;
		return !*equal || equal_items(first, second, left, depth, equal, err);
	}
	*equal = a.tag == b.tag;
	if (!*equal) {
		return true;
	}
	switch (a.tag) {
	case TN_DTYPE:
		*equal = a.dtype == b.dtype;
		return true;
	case TN_STRING:
		*equal = a.string->length == b.string->length && memcmp(a.string->text, b.string->text, a.string->length) == 0;
		return true;
	case TN_LIST:
		*equal = a.list->count == b.list->count;
		return !*equal || equal_items(a.list->items, b.list->items, a.list->count, depth, equal, err);
	case TN_TUPLE:
		*equal = a.tuple->count == b.tuple->count;
		return !*equal || equal_items(a.tuple->items, b.tuple->items, a.tuple->count, depth, equal, err);
	case TN_STRUCT:
		*equal = a.instance->def == b.instance->def;
		return !*equal || equal_items(a.instance->fields, b.instance->fields, a.instance->def->field_count, depth, equal, err);
	case TN_MAP:
		return equal_dicts(a.map, b.map, depth, equal, err);
	case TN_FN:
		*equal = a.fn == b.fn || (a.fn->function == b.fn->function && a.fn->name == b.fn->name && a.fn->capture_count == 0);
		return true;
	default:
		*equal = a.tag == TN_VOID || a.object == b.object;
		return true;
	}
}

bool tn_value_equal(struct tn_value a, struct tn_value b, bool *equal, struct tn_error *err) { return equal_at(a, b, 0, equal, err); }

struct tn_value *tn_value_parts(struct tn_value v, size_t *count) {
	switch (v.tag) {
	case TN_LIST:
		*count = v.list->count;
		return v.list->items;
	case TN_TUPLE:
		*count = v.tuple->count;
		return v.tuple->items;
	case TN_MAP:
		*count = v.map->count;
		return v.map->items;
	case TN_STRUCT:
		*count = v.instance->def->field_count;
		return v.instance->fields;
	default:
		*count = 0;
		return NULL;
	}
}
