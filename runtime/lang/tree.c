/* SPDX-License-Identifier: Apache-2.0 */
/* Trees: walking the tensors of a value with their paths, and copies with other leaves (LANGUAGE.md section 4, Leafwise). A weight is a floating
 * tensor not under `frozen`. */
#include <string.h>

#include "lang/state.h"

enum { TREE_DEPTH = 1000 };

bool tn_tree_push_name(struct tn_str *path, struct tn_value parent, size_t i, size_t *before, struct tn_error *err) {
	*before = path->length;
	bool ok = path->length == 0 || tn_str_append_char(path, '.');
	if (parent.tag == TN_STRUCT) {
		ok = ok && tn_str_append(path, parent.instance->def->fields[i].name);
	} else if (parent.tag == TN_MAP) {
		ok = ok && tn_str_append(path, parent.map->keys[i]);
	} else {
		ok = ok && tn_str_printf(path, "%zu", i);
	}
	return ok || tn_error_memory(err);
}

void tn_tree_pop_name(struct tn_str *path, size_t before) {
	path->length = before;
	if (path->data != NULL) {
		path->data[before] = '\0';
	}
}

static bool too_deep(struct tn_error *err) { return tn_error_set(err, TN_ERR_RECURSION, "the tree is nested more than %d deep", TREE_DEPTH); }

static bool is_frozen(struct tn_value parent, size_t i) { return parent.tag == TN_STRUCT && parent.instance->def->fields[i].frozen; }
static bool is_weight(struct tn_value v, bool frozen) { return !frozen && tn_dtype_is_float(tn_tensor_dtype(v.tensor)); }

/* ---- walking ---- */

struct walk { struct tn_str path; bool all; tn_leaf_visitor visit; void *data; int depth; };

static bool walk(struct walk *w, struct tn_value *slot, bool frozen, struct tn_error *err) {
	size_t count, before;
	if (slot->tag == TN_TENSOR) {
		bool weight = is_weight(*slot, frozen);
		return (!weight && !w->all) || w->visit(w->data, tn_str_c(&w->path), slot, weight, err);
	}
	struct tn_value *items = tn_value_parts(*slot, &count), parent = *slot;
	if (count > 0 && ++w->depth > TREE_DEPTH) {
		return too_deep(err);
	}
	for (size_t i = 0; i < count; i++) {
		if (items[i].tag < TN_TENSOR || items[i].tag == TN_STRING) {
			continue;
		}
		if (!tn_tree_push_name(&w->path, parent, i, &before, err) || !walk(w, &items[i], frozen || is_frozen(parent, i), err)) {
			return false;
		}
		tn_tree_pop_name(&w->path, before);
	}
	w->depth -= count > 0;
	return true;
}

bool tn_tree_walk(struct tn_value *tree, bool all, tn_leaf_visitor visit, void *data, struct tn_error *err) {
	struct walk w = {.all = all, .visit = visit, .data = data};
	bool ok = walk(&w, tree, false, err);
	tn_str_finish(&w.path);
	return ok;
}

/* ---- copies ---- */

struct copy { struct tn_str path; tn_leaf_mapper map; void *data; int depth; };

static bool copy_tree(struct copy *c, struct tn_value v, bool frozen, struct tn_value *out, struct tn_error *err) {
	size_t count, before;
	if (v.tag == TN_TENSOR) {
		*out = tn_void();
		return c->map(c->data, tn_str_c(&c->path), v, is_weight(v, frozen), out, err);
	}
	*out = tn_value_ref(v);
	if (v.tag < TN_LIST || v.tag > TN_STRUCT) {
		return true;
	}
	if (++c->depth > TREE_DEPTH) {
		tn_value_unref(v);
		return too_deep(err);
	}
	if (!tn_value_make_unique(out, err)) { /* v has its owner, so this is a copy */
		tn_value_unref(v);
		return false;
	}
	struct tn_value *items = tn_value_parts(*out, &count);
	for (size_t i = 0; i < count; i++) {
		struct tn_value made = tn_void();
		if (items[i].tag < TN_TENSOR || items[i].tag == TN_STRING) {
			continue;
		}
		if (!tn_tree_push_name(&c->path, v, i, &before, err) || !copy_tree(c, items[i], frozen || is_frozen(v, i), &made, err)) {
			tn_value_unref(*out);
			*out = tn_void();
			return false;
		}
		tn_value_store(&items[i], made);
		tn_tree_pop_name(&c->path, before);
	}
	c->depth--;
	return true;
}

bool tn_tree_map(struct tn_value tree, tn_leaf_mapper map, void *data, struct tn_value *out, struct tn_error *err) {
	struct copy c = {.map = map, .data = data};
	struct tn_value made = tn_void();
	bool ok = copy_tree(&c, tree, false, &made, err);
	tn_str_finish(&c.path);
	*out = ok ? made : tn_void();
	return ok;
}
