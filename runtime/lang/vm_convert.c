/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions that run, and the check of declared dtypes and shapes. */
#include "lang/vm.h"

/* ---- conversions ---- */

static bool mismatch(struct tn_vm *vm, struct tn_value v, const struct tn_type *type, struct tn_error *err) {
	char want[128], found[128];
	struct tn_type *is = tn_value_type(vm->lang, v);
	tn_type_format(type, want);
	if (is == NULL) {
		return tn_error_memory(err);
	}
	tn_type_format(is, found);
	return tn_error_set(err, TN_ERR_TYPE, "expected %s, found %s", want, v.tag == TN_EMPTY ? "empty" : found);
}

static bool number_to_tensor(struct tn_vm *vm, const struct tn_convert_row *row, struct tn_value v, struct tn_value *out, struct tn_error *err) {
	if (v.tag == TN_TENSOR || v.tag == TN_EMPTY) {
		*out = tn_value_ref(v);
		return true;
	}
	enum tn_dtype dtype = row->has_dtype ? row->dtype : v.tag == TN_INT ? TN_DTYPE_I64 : v.tag == TN_BOOL ? TN_DTYPE_BOOL8 : TN_DTYPE_F32;
	struct tn_tensor *t = v.tag == TN_FLOAT ? tn_tensor_from_f64(vm->engine, dtype, v.f, err) : tn_tensor_from_i64(vm->engine, dtype, v.i, err);
	if (t == NULL) {
		return false;
	}
	*out = tn_tensor_value(t);
	return true;
}

/* Items of `to` out of items of another kind; nested lists too. */
static bool list_items(struct tn_vm *vm, struct tn_value v, struct tn_type *type, struct tn_value *out, struct tn_error *err);

static bool list_item(struct tn_vm *vm, struct tn_value v, struct tn_type *type, struct tn_value *out, struct tn_error *err) {
	if (v.tag == TN_LIST && type->kind == TN_TYPE_LIST) {
		return list_items(vm, v, type, out, err);
	}
	struct tn_convert_row row = {.kind = TN_CONVERT_FROM_ANY, .type = type};
	return vm_convert(vm, &row, v, out, err);
}

static bool list_items(struct tn_vm *vm, struct tn_value v, struct tn_type *type, struct tn_value *out, struct tn_error *err) {
	if (!tn_list_create(type->items[0], v.list->count, out, err)) {
		return false;
	}
	for (size_t i = 0; i < v.list->count; i++) {
		struct tn_value item = tn_void();
		if (!list_item(vm, v.list->items[i], type->items[0], &item, err) || !tn_list_append_take(out->list, item, err)) {
			tn_value_unref(*out);
			*out = tn_void();
			return false;
		}
	}
	return true;
}

/* The same items under another item type. */
static bool retag(struct tn_value v, const struct tn_type *type, struct tn_value *out, struct tn_error *err) {
	*out = tn_value_ref(v);
	if ((v.tag != TN_LIST && v.tag != TN_MAP) || type->item_count == 0) {
		return true;
	}
	struct tn_type *item = v.tag == TN_LIST ? v.list->item : v.map->item;
	if (item == type->items[0]) {
		return true;
	}
	if (!tn_value_make_unique(out, err)) {
		tn_value_unref(*out);
		*out = tn_void();
		return false;
	}
	if (out->tag == TN_LIST) {
		out->list->item = type->items[0];
	} else {
		out->map->item = type->items[0];
	}
	return true;
}

static bool is_tree_value(struct tn_value v) { return v.tag == TN_TENSOR || v.tag == TN_EMPTY || (v.tag >= TN_LIST && v.tag <= TN_STRUCT); }
static bool is_number(struct tn_value v) { return v.tag == TN_INT || v.tag == TN_FLOAT || v.tag == TN_BOOL; }

static bool tuple_from_any(struct tn_vm *vm, struct tn_value v, struct tn_type *type, struct tn_value *out, struct tn_error *err) {
	if (v.tag != TN_TUPLE || v.tuple->count != type->item_count) {
		return mismatch(vm, v, type, err);
	}
	*out = tn_value_ref(v);
	if (!tn_value_make_unique(out, err)) {
		tn_value_unref(v);
		return false;
	}
	for (uint32_t i = 0; i < type->item_count; i++) {
		struct tn_convert_row row = {.kind = TN_CONVERT_FROM_ANY, .type = type->items[i]};
		struct tn_value item = tn_void();
		if (!vm_convert(vm, &row, out->tuple->items[i], &item, err)) {
			tn_value_unref(*out);
			*out = tn_void();
			return false;
		}
		tn_value_store(&out->tuple->items[i], item);
	}
	return true;
}

static bool list_from_any(struct tn_vm *vm, struct tn_value v, struct tn_type *type, struct tn_value *out, struct tn_error *err) {
	if (v.tag == TN_LIST && (v.list->item == type->items[0] || type->items[0]->kind == TN_TYPE_ANY)) {
		return retag(v, type, out, err);
	}
	return v.tag == TN_LIST ? list_items(vm, v, type, out, err) : mismatch(vm, v, type, err);
}

static bool map_from_any(struct tn_vm *vm, struct tn_value v, struct tn_type *type, struct tn_value *out, struct tn_error *err) {
	if (v.tag != TN_MAP) {
		return mismatch(vm, v, type, err);
	}
	if (v.map->item != type->items[0] && type->items[0]->kind != TN_TYPE_ANY) {
		for (size_t i = 0; i < v.map->count; i++) {
			if (tn_value_type(vm->lang, v.map->items[i]) != type->items[0]) {
				return mismatch(vm, v.map->items[i], type->items[0], err);
			}
		}
	}
	return retag(v, type, out, err);
}

static bool from_any(struct tn_vm *vm, const struct tn_convert_row *row, struct tn_value v, struct tn_value *out, struct tn_error *err) {
	struct tn_type *type = row->type;
	bool fits;
	switch (type->kind) {
	case TN_TYPE_FLOAT:
		if (v.tag == TN_INT || v.tag == TN_BOOL) {
			*out = tn_float((double)v.i);
			return true;
		}
		fits = v.tag == TN_FLOAT;
		break;
	case TN_TYPE_INT:
		if (v.tag == TN_BOOL) {
			*out = tn_int(v.i);
			return true;
		}
		fits = v.tag == TN_INT;
		break;
	case TN_TYPE_TENSOR:
		if (is_number(v)) {
			return number_to_tensor(vm, row, v, out, err);
		}
		fits = v.tag == TN_TENSOR || v.tag == TN_EMPTY;
		break;
	case TN_TYPE_ANY:
		fits = true;
		break;
	case TN_TYPE_TREE:
		fits = is_tree_value(v);
		break;
	case TN_TYPE_FN:
		fits = v.tag == TN_FN || v.tag == TN_STRUCT || v.tag == TN_TUPLE || v.tag == TN_LIST || v.tag == TN_EMPTY;
		break;
	case TN_TYPE_LIST:
		return list_from_any(vm, v, type, out, err);
	case TN_TYPE_MAP:
		return map_from_any(vm, v, type, out, err);
	case TN_TYPE_TUPLE:
		return tuple_from_any(vm, v, type, out, err);
	case TN_TYPE_SEQ:
		fits = v.tag == TN_SEQ;
		break;
	default:
		fits = tn_value_type(vm->lang, v) == type;
		break;
	}
	if (!fits) {
		return mismatch(vm, v, type, err);
	}
	*out = tn_value_ref(v);
	return true;
}

static bool tensor_to_number(struct tn_value v, bool to_int, struct tn_value *out, struct tn_error *err) {
	int64_t i = 0;
	double f = 0;
	if (v.tag != TN_TENSOR) {
		return tn_error_set(err, TN_ERR_TYPE, "expected a tensor of one element");
	}
	if (to_int && tn_dtype_is_float(tn_tensor_dtype(v.tensor))) {
		tn_error_set(err, TN_ERR_TYPE, "a tensor of %s does not become an int by itself", tn_dtype_name(tn_tensor_dtype(v.tensor)));
		tn_error_hint(err, "walk it with float, and int(x) drops the fraction");
		return false;
	}
	if (!(to_int ? tn_tensor_item_i64(v.tensor, &i, err) : tn_tensor_item_f64(v.tensor, &f, err))) {
		return false;
	}
	*out = to_int ? tn_int(i) : tn_float(f);
	return true;
}

bool vm_convert(struct tn_vm *vm, const struct tn_convert_row *row, struct tn_value v, struct tn_value *out, struct tn_error *err) {
	switch (row->kind) {
	case TN_CONVERT_INT_TO_FLOAT:
		*out = tn_float((double)v.i);
		return true;
	case TN_CONVERT_NUMBER_TO_TENSOR:
		return number_to_tensor(vm, row, v, out, err);
	case TN_CONVERT_TO_BOOL: {
		bool b;
		if (!vm_to_bool(v, &b, err)) {
			return false;
		}
		*out = tn_bool(b);
		return true;
	}
	case TN_CONVERT_FROM_ANY:
		return from_any(vm, row, v, out, err);
	case TN_CONVERT_TENSOR_TO_INT:
	case TN_CONVERT_TENSOR_TO_FLOAT:
		return tensor_to_number(v, row->kind == TN_CONVERT_TENSOR_TO_INT, out, err);
	case TN_CONVERT_LIST_ITEMS:
		return list_items(vm, v, row->type, out, err);
	case TN_CONVERT_RETAG:
		return retag(v, row->type, out, err);
	}
	return tn_error_set(err, TN_ERR_TYPE, "a conversion of a kind that does not exist");
}

/* ---- declared dtypes and shapes ---- */

static bool dtype_fits(struct tn_vm *vm, const struct tn_ir_shape *shape, enum tn_dtype dtype) {
	if (dtype == shape->dtype) {
		return true;
	}
	return shape->dtype == TN_DTYPE_F32 &&
		((tn_engine_modes(vm->engine)->autocast && dtype == TN_DTYPE_BF16) || (vm->lang->in_grad_check && dtype == TN_DTYPE_F64));
}

static bool wrong(const struct tn_ir_shape *shape, struct tn_tensor *t, struct tn_error *err) {
	char found[176];
	tn_describe(tn_tensor_dtype(t), tn_tensor_shape(t), found);
	return tn_error_set(err, TN_ERR_SHAPE, "%s: expected %s, found %s", shape->what, shape->declared, found);
}

static bool dim_fits(const struct tn_ir_shape *shape, uint32_t i, int64_t size, const struct tn_value *wanted, struct tn_value *registers, struct tn_tensor *t,
		struct tn_error *err) {
	const struct tn_ir_dim *dim = &shape->dims[i];
	if (dim->kind == TN_IR_DIM_BIND) {
		registers[dim->local] = tn_int(size);
	}
	if (dim->kind != TN_IR_DIM_MATCH || wanted[i].i == size) {
		return true;
	}
	wrong(shape, t, err);
	if (dim->text != NULL) {
		tn_error_detail(err, "%s is %lld here, the axis has %lld", dim->text, (long long)wanted[i].i, (long long)size);
	}
	return false;
}

bool vm_expect(struct tn_vm *vm, const struct tn_ir_shape *shape, struct tn_value v, const struct tn_value *wanted, struct tn_value *registers, struct tn_error *err) {
	if (v.tag != TN_TENSOR) {
		if (v.tag == TN_EMPTY && !shape->allow_empty) {
			return tn_error_set(err, TN_ERR_VALUE, "%s: expected %s, found empty", shape->what, shape->declared);
		}
		return true;
	}
	const struct tn_shape *is = tn_tensor_shape(v.tensor);
	if (shape->has_dtype && !dtype_fits(vm, shape, tn_tensor_dtype(v.tensor))) {
		char found[176];
		tn_describe(tn_tensor_dtype(v.tensor), is, found);
		return tn_error_set(err, TN_ERR_TYPE, "%s: expected %s, found %s", shape->what, shape->declared, found);
	}
	if (!shape->has_shape) {
		return true;
	}
	uint32_t n = (uint32_t)is->ndim;
	if (shape->rest < 0 ? n != shape->count : n < shape->count) {
		return wrong(shape, v.tensor, err);
	}
	for (uint32_t i = 0; i < shape->count; i++) {
		uint32_t axis = shape->rest < 0 || i < (uint32_t)shape->rest ? i : n - (shape->count - i);
		if (!dim_fits(shape, i, is->dims[axis], wanted, registers, v.tensor, err)) {
			return false;
		}
	}
	return true;
}
