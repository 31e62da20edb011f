/* SPDX-License-Identifier: Apache-2.0 */
/* Indexing, and writing through paths down to the elements of tensors. A tensor that is written is taken out of its slot meanwhile, so
 * that the engine sees one reference and writes in place. */
#include <string.h>

#include "lang/vm.h"

/* ---- subscripts ---- */

static bool tensor_items(const struct tn_subscript *row, const struct tn_value *R, struct tn_index out[2 * TN_MAX_NDIM], struct tn_error *err) {
	if (row->count > 2 * TN_MAX_NDIM) {
		return tn_error_set(err, TN_ERR_INDEX, "too many indices for a tensor: %u", row->count);
	}
	for (uint32_t i = 0; i < row->count; i++) {
		const struct tn_subscript_item *item = &row->items[i];
		out[i] = (struct tn_index){.literal = item->literal};
		switch (item->kind) {
		case TN_IR_INDEX_VALUE:
			if (R[item->a].tag == TN_TENSOR) {
				out[i].kind = TN_INDEX_TENSOR;
				out[i].tensor = R[item->a].tensor;
			} else if (R[item->a].tag == TN_INT || R[item->a].tag == TN_BOOL) {
				out[i].kind = TN_INDEX_INT;
				out[i].start = R[item->a].i;
			} else {
				return tn_error_set(err, TN_ERR_TYPE, "an index of a tensor must be an int, a slice or a tensor%s", R[item->a].tag == TN_EMPTY ? ", this is empty" : "");
			}
			break;
		case TN_IR_INDEX_SLICE:
			out[i].kind = TN_INDEX_SLICE;
			out[i].has_start = item->a != UINT32_MAX;
			out[i].has_stop = item->stop != UINT32_MAX;
			out[i].has_step = item->step != UINT32_MAX;
			out[i].start = out[i].has_start ? R[item->a].i : 0;
			out[i].stop = out[i].has_stop ? R[item->stop].i : 0;
			out[i].step = out[i].has_step ? R[item->step].i : 1;
			break;
		default:
			out[i].kind = item->kind == TN_IR_INDEX_REST ? TN_INDEX_ELLIPSIS : TN_INDEX_NEW_AXIS;
			break;
		}
	}
	return true;
}

/* start, stop, step as Python has them for `count` items. */
struct slice { int64_t start, step, count; };

static bool slice_of(const struct tn_subscript_item *item, const struct tn_value *R, int64_t count, struct slice *out, struct tn_error *err) {
	int64_t step = item->step == UINT32_MAX ? 1 : R[item->step].i;
	if (step == 0 || step == INT64_MIN) {
		return tn_error_set(err, TN_ERR_VALUE, "the step of a slice must not be %s", step == 0 ? "0" : "that small");
	}
	int64_t low = step > 0 ? 0 : -1, high = step > 0 ? count : count - 1;
	int64_t start = step > 0 ? low : high, stop = step > 0 ? high : low;
	if (item->a != UINT32_MAX) {
		start = R[item->a].i < 0 ? R[item->a].i + count : R[item->a].i;
		start = start < low ? low : start > high ? high : start;
	}
	if (item->stop != UINT32_MAX) {
		stop = R[item->stop].i < 0 ? R[item->stop].i + count : R[item->stop].i;
		stop = stop < low ? low : stop > high ? high : stop;
	}
	int64_t span = step > 0 ? stop - start : start - stop, size = step > 0 ? step : -step;
	*out = (struct slice){start, step, span <= 0 ? 0 : (span - 1) / size + 1};
	return true;
}

static bool list_slice(const struct tn_subscript_item *item, const struct tn_list *list, const struct tn_value *R, struct tn_value *out, struct tn_error *err) {
	struct slice s;
	if (!slice_of(item, R, (int64_t)list->count, &s, err) || !tn_list_create(list->item, (size_t)s.count, out, err)) {
		return false;
	}
	for (int64_t i = 0; i < s.count; i++) {
		out->list->items[out->list->count++] = tn_value_ref(list->items[s.start + i * s.step]);
	}
	return true;
}

static bool string_index(const struct tn_subscript_item *item, struct tn_string *s, const struct tn_value *R, struct tn_value *out, struct tn_error *err) {
	int64_t count = s->points;
	struct slice range = {.step = 1, .count = 1};
	if (item->kind == TN_IR_INDEX_SLICE) {
		if (!slice_of(item, R, count, &range, err)) {
			return false;
		}
	} else {
		range.start = R[item->a].i < 0 ? R[item->a].i + count : R[item->a].i;
		if (range.start < 0 || range.start >= count) {
			return tn_error_set(err, TN_ERR_INDEX, "index %lld is out of range for a string of %lld", (long long)R[item->a].i, (long long)count);
		}
	}
	if (range.step == 1) {
		uint32_t begin = tn_string_seek(s, (uint32_t)range.start), end = tn_string_seek(s, (uint32_t)(range.start + range.count));
		return tn_string_create(s->text + begin, end - begin, out, err);
	}
	struct tn_str text = {0};
	bool ok = true;
	for (int64_t i = 0; ok && i < range.count; i++) {
		uint32_t code;
		const char *p = s->text + tn_string_seek(s, (uint32_t)(range.start + i * range.step));
		ok = tn_str_append_n(&text, p, tn_utf8_decode(p, s->text + s->length, &code));
	}
	ok = ok ? tn_string_create(tn_str_c(&text), text.length, out, err) : tn_error_memory(err);
	tn_str_finish(&text);
	return ok;
}

static bool no_key(const struct tn_dict *map, const struct tn_string *key, struct tn_error *err) {
	struct tn_suggest near;
	tn_error_set(err, TN_ERR_KEY, "the map has no key \"%.200s\"", key->text);
	tn_suggest_init(&near, key->text);
	for (size_t i = 0; i < map->count; i++) {
		tn_suggest_offer(&near, map->keys[i]);
	}
	if (near.best != NULL) {
		tn_error_hint(err, "did you mean \"%s\"? get(m, key, default) gives a default", near.best);
	} else {
		tn_error_hint(err, "get(m, key, default) gives a default");
	}
	return false;
}

static bool list_item(const struct tn_list *list, int64_t index, struct tn_value **slot, struct tn_error *err) {
	int64_t at = index < 0 ? index + (int64_t)list->count : index;
	if (at < 0 || (size_t)at >= list->count) {
		tn_error_set(err, TN_ERR_INDEX, "index %lld is out of range for a list of %zu", (long long)index, list->count);
		tn_error_hint(err, "%s", index >= 0 ? "xs.append(x) makes a list longer" : "");
		return false;
	}
	*slot = &list->items[at];
	return true;
}

bool vm_index(struct tn_vm *vm, const struct tn_subscript *row, struct tn_value object, const struct tn_value *R, struct tn_value *out, struct tn_error *err) {
	const struct tn_subscript_item *item = &row->items[0];
	struct tn_value *slot = NULL;
	switch (object.tag) {
	case TN_TENSOR: {
		struct tn_index items[2 * TN_MAX_NDIM];
		struct tn_tensor *t = tensor_items(row, R, items, err) ? tn_index_get(vm->engine, object.tensor, items, (int)row->count, err) : NULL;
		if (t == NULL) {
			return false;
		}
		*out = tn_tensor_value(t);
		return true;
	}
	case TN_STRING:
		return string_index(item, object.string, R, out, err);
	case TN_LIST:
		if (item->kind == TN_IR_INDEX_SLICE) {
			return list_slice(item, object.list, R, out, err);
		}
		if (!list_item(object.list, R[item->a].i, &slot, err)) {
			return false;
		}
		break;
	case TN_MAP:
		slot = tn_dict_get(object.map, R[item->a].string->text, R[item->a].string->length);
		if (slot == NULL) {
			return no_key(object.map, R[item->a].string, err);
		}
		break;
	case TN_EMPTY:
		return vm_is_empty(row->object, "what is indexed", err);
	default:
		return tn_error_set(err, TN_ERR_TYPE, "this value cannot be indexed");
	}
	*out = tn_value_ref(*slot);
	return true;
}

/* ---- references ---- */

static struct tn_ref_step make_step(const struct tn_path_step *from, const struct tn_value *R) {
	if (from->kind == TN_STEP_KEY) {
		return (struct tn_ref_step){.kind = TN_STEP_KEY, .key = R[from->reg].string};
	}
	return (struct tn_ref_step){.kind = from->kind == TN_STEP_FIELD ? TN_STEP_FIELD : TN_STEP_ITEM,
		.index = from->reg == UINT32_MAX ? (int64_t)from->index : R[from->reg].i};
}

bool vm_reference(struct tn_vm *vm, const struct tn_path *path, struct tn_value *R, struct tn_value *out, struct tn_error *err) {
	struct tn_ref_step few[8], *steps = few;
	(void)vm;
	if (path->step_count > 8 && (steps = tn_calloc(path->step_count, sizeof(steps[0]))) == NULL) {
		return tn_error_memory(err);
	}
	for (uint32_t i = 0; i < path->step_count; i++) {
		steps[i] = make_step(&path->steps[i], R);
	}
	const struct tn_ref *base = path->symbol == NULL && path->is_ref ? R[path->local].ref : NULL;
	struct tn_value *root = path->symbol != NULL ? &path->symbol->value : &R[path->local], *slot;
	bool ok = tn_ref_create(base, root, path->symbol, steps, path->step_count, out, err);
	if (steps != few) {
		tn_free(steps);
	}
	if (ok) {
		out->ref->guard = path->guard != NULL ? path->guard : out->ref->guard;
		out->ref->by_call = path->by_call || out->ref->by_call;
	}
	if (ok && !tn_ref_read(out->ref, &slot, err)) { /* what it names must be there */
		tn_value_unref(*out);
		*out = tn_void();
		return false;
	}
	return ok;
}

/* ---- writing ---- */

/* The container's part that a step names, made writable. `insert`: a new key of a map gets a void slot. */
static bool take_step(struct tn_value **slot, const struct tn_path_step *step, const struct tn_value *R, bool insert, struct tn_error *err) {
	if (!tn_value_make_unique(*slot, err)) {
		return false;
	}
	struct tn_value object = **slot;
	int64_t index = step->reg == UINT32_MAX || step->kind == TN_STEP_KEY ? (int64_t)step->index : R[step->reg].i;
	switch (object.tag) {
	case TN_STRUCT:
		*slot = &object.instance->fields[index];
		return true;
	case TN_TUPLE:
		*slot = &object.tuple->items[index];
		return true;
	case TN_LIST:
		return list_item(object.list, index, slot, err);
	case TN_MAP: {
		const struct tn_string *key = R[step->reg].string;
		struct tn_value *found = tn_dict_get(object.map, key->text, key->length);
		if (found == NULL && !insert) {
			return no_key(object.map, key, err);
		}
		if (found == NULL) {
			if (!tn_dict_set_take(object.map, key->text, key->length, tn_void(), err)) {
				return false;
			}
			found = tn_dict_get(object.map, key->text, key->length);
		}
		*slot = found;
		return true;
	}
	default:
		return tn_error_set(err, TN_ERR_TYPE, "this value has no parts that could be assigned");
	}
}

/* `element`: only elements of a tensor are written, at once where nothing is pending: then there is nothing to undo. */
static bool open_place(struct tn_vm *vm, const struct tn_path *path, struct tn_value *R, bool insert, struct tn_value **slot, struct tn_error *err) {
	bool quiet = path->subscript != NULL && tn_pending_nodes(vm->engine) == 0;
	if (path->symbol != NULL) {
		if (!quiet && !tn_vm_note_write(vm->lang, path->symbol, err)) {
			return false;
		}
		*slot = &path->symbol->value;
	} else if (path->is_ref) {
		const struct tn_ref *ref = R[path->local].ref;
		if (!(quiet && ref->guard == NULL && !ref->by_call ? tn_ref_write_quiet(ref, slot, err) : tn_ref_write(vm->lang, ref, slot, err))) {
			return false;
		}
	} else {
		*slot = &R[path->local];
	}
	for (uint32_t i = 0; i < path->step_count; i++) {
		if (!take_step(slot, &path->steps[i], R, insert && i + 1 == path->step_count, err)) {
			return false;
		}
	}
	return true;
}

static bool number_arg(struct tn_value v, bool literal, struct tn_arg *out, struct tn_error *err) {
	if (v.tag == TN_TENSOR) {
		*out = tn_arg_tensor(v.tensor);
	} else if (v.tag == TN_FLOAT) {
		*out = tn_arg_f64(v.f, literal);
	} else if (v.tag == TN_INT || v.tag == TN_BOOL) {
		*out = tn_arg_i64(v.i, literal);
		out->is_bool = v.tag == TN_BOOL;
	} else {
		return tn_error_set(err, TN_ERR_TYPE, "an element of a tensor takes a number or a tensor%s", v.tag == TN_EMPTY ? ", this is empty" : "");
	}
	return true;
}

static bool set_elements(struct tn_vm *vm, struct tn_value *slot, const struct tn_index *items, int count, struct tn_arg arg, struct tn_error *err) {
	struct tn_tensor *t = slot->tensor;
	*slot = tn_empty();
	bool ok = tn_index_set(vm->engine, &t, items, count, arg, err);
	*slot = tn_tensor_value(t);
	return ok;
}

static bool open_elements(const struct tn_path *path, const struct tn_value *R, const struct tn_value *slot, struct tn_index *items, struct tn_error *err) {
	if (slot->tag != TN_TENSOR) {
		return vm_is_empty(path->subscript->object, "what is assigned to", err);
	}
	return tensor_items(path->subscript, R, items, err);
}

bool vm_set_place(struct tn_vm *vm, const struct tn_path *path, struct tn_value *R, struct tn_value *value, struct tn_error *err) {
	struct tn_value *slot;
	struct tn_index items[2 * TN_MAX_NDIM];
	struct tn_arg arg;
	if (!open_place(vm, path, R, path->subscript == NULL, &slot, err)) {
		return false;
	}
	if (path->subscript != NULL) {
		return open_elements(path, R, slot, items, err) && number_arg(*value, false, &arg, err) &&
			set_elements(vm, slot, items, (int)path->subscript->count, arg, err);
	}
	struct tn_value v = *value;
	*value = tn_void();
	tn_value_store(slot, v);
	return true;
}

/* ---- op= ---- */

/* One element of a tensor that is computed already, and a number: without a graph. False where that does not fit the case. */
static bool quick_element(struct tn_vm *vm, const struct tn_update_row *row, struct tn_value *slot, const struct tn_index *items, struct tn_value value, struct tn_arg *out) {
	struct tn_tensor *t = slot->tensor;
	enum tn_dtype dtype = tn_tensor_dtype(t);
	bool f32 = dtype == TN_DTYPE_F32;
	if ((!f32 && dtype != TN_DTYPE_F64) || (value.tag != TN_FLOAT && value.tag != TN_INT) || tn_tensor_is_pending(t) || tn_grad_depth(vm->engine) > 0 ||
	    row->op > TN_AST_OP_DIV || row->op < TN_AST_OP_ADD || tn_tensor_shape(t)->ndim != (int)row->path->subscript->count) {
		return false;
	}
	for (uint32_t i = 0; i < row->path->subscript->count; i++) {
		if (items[i].kind != TN_INDEX_INT) {
			return false;
		}
	}
	double old, operand = value.tag == TN_FLOAT ? value.f : (double)value.i;
	struct tn_tensor *one = tn_index_get(vm->engine, t, items, (int)row->path->subscript->count, NULL);
	bool ok = one != NULL && !tn_tensor_is_pending(one) && tn_tensor_item_f64(one, &old, NULL);
	tn_tensor_unref(one);
	if (!ok) {
		return false;
	}
	operand = f32 ? (double)(float)operand : operand;
	double made = row->op == TN_AST_OP_ADD ? old + operand : row->op == TN_AST_OP_SUB ? old - operand : row->op == TN_AST_OP_MUL ? old * operand : old / operand;
	*out = tn_arg_f64(f32 ? (double)(float)made : made, false);
	return true;
}

static bool update_elements(struct tn_vm *vm, const struct tn_update_row *row, struct tn_value *R, struct tn_value *slot, struct tn_value value, struct tn_error *err) {
	struct tn_index items[2 * TN_MAX_NDIM];
	struct tn_arg arg;
	int count = (int)row->path->subscript->count;
	if (!open_elements(row->path, R, slot, items, err)) {
		return false;
	}
	if (quick_element(vm, row, slot, items, value, &arg)) {
		return set_elements(vm, slot, items, count, arg, err);
	}
	struct tn_tensor *old = tn_index_get(vm->engine, slot->tensor, items, count, err);
	struct tn_operator_row op = {.op = row->op, .class = TN_CLASS_TENSOR, .literal_b = row->literal};
	struct tn_value made = tn_void();
	if (old == NULL) {
		return false;
	}
	bool ok = vm_binary(vm, &op, tn_tensor_value(old), value, &made, err);
	tn_tensor_unref(old);
	ok = ok && set_elements(vm, slot, items, count, tn_arg_tensor(made.tensor), err);
	tn_value_unref(made);
	return ok;
}

bool vm_update(struct tn_vm *vm, const struct tn_update_row *row, struct tn_value *R, struct tn_value value, struct tn_error *err) {
	struct tn_value *slot, made = tn_void();
	if (!open_place(vm, row->path, R, false, &slot, err)) {
		return false;
	}
	if (row->path->subscript != NULL) {
		return update_elements(vm, row, R, slot, value, err);
	}
	if (row->op == TN_AST_OP_ADD && slot->tag == TN_STRING && value.tag == TN_STRING) {
		return tn_string_append(slot, value.string, err);
	}
	struct tn_operator_row op = {.op = row->op, .class = row->class, .literal_b = row->literal, .spans = {row->place}};
	if (!vm_binary(vm, &op, *slot, value, &made, err)) {
		return false;
	}
	tn_value_store(slot, made);
	return true;
}
