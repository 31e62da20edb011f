/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of views, copies, indexing and makers: nothing is computed here, so they are about shapes. That a result is not too
 * large for any memory is checked for all of them by tn_op_record. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/rules.h"

static bool keep_dtype(struct tn_rule_call *call) {
	call->operand = call->dtype = call->inputs[0]->dtype;
	return true;
}

/* The result's shape from attributes. */
static bool given_shape(struct tn_rule_call *call, struct tn_error *err) {
	if (call->attr_count < 0 || call->attr_count > TN_MAX_NDIM) {
		return tn_error_set(
			err, TN_ERR_SHAPE, "%s: a tensor has at most %d axes, not %d", tn_op_name(call->op), TN_MAX_NDIM, call->attr_count);
	}
	call->shape.ndim = call->attr_count;
	memcpy(call->shape.dims, call->attrs, sizeof(call->attrs[0]) * (size_t)call->attr_count);
	return tn_shape_check(&call->shape, tn_op_name(call->op), err);
}

/* ---- views ---- */

bool tn_rule_reshape(struct tn_rule_call *call, struct tn_error *err) {
	const struct tn_tensor *x = call->inputs[0];

	if (!given_shape(call, err)) {
		return false;
	}
	if (tn_shape_count(&call->shape) != tn_shape_count(&x->shape)) {
		return tn_error_set(err, TN_ERR_SHAPE, "reshape: %s has %" PRId64 " elements, %s has %" PRId64, tn_text_of(x).text,
			tn_shape_count(&x->shape), tn_text_of_shape(&call->shape).text, tn_shape_count(&call->shape));
	}
	return keep_dtype(call);
}

bool tn_rule_expand(struct tn_rule_call *call, struct tn_error *err) {
	const struct tn_tensor *x = call->inputs[0];
	struct tn_shape both;

	if (!given_shape(call, err)) {
		return false;
	}
	if (!tn_shape_broadcast(&x->shape, &call->shape, &both) || !tn_shape_equal(&both, &call->shape)) {
		return tn_error_set(err, TN_ERR_SHAPE, "expand: %s does not expand to %s; only axes of size 1 are repeated",
			tn_text_of(x).text, tn_text_of_shape(&call->shape).text);
	}
	return keep_dtype(call);
}

bool tn_rule_permute(struct tn_rule_call *call, struct tn_error *err) {
	const struct tn_tensor *x = call->inputs[0];
	uint32_t seen = 0;

	if (call->attr_count != x->shape.ndim) {
		return tn_error_set(
			err, TN_ERR_SHAPE, "permute: %s has %d axes, not %d", tn_text_of(x).text, (int)x->shape.ndim, call->attr_count);
	}
	call->shape.ndim = x->shape.ndim;
	for (int i = 0; i < call->attr_count; i++) {
		int64_t axis = call->attrs[i];

		if (axis < 0 || axis >= x->shape.ndim || (seen >> axis & 1) != 0) {
			return tn_error_set(err, TN_ERR_VALUE, "permute: each axis of %s is named once; axis %" PRId64 " is %s",
				tn_text_of(x).text, axis, axis < 0 || axis >= x->shape.ndim ? "out of range" : "named twice");
		}
		seen |= 1u << axis;
		call->shape.dims[i] = x->shape.dims[axis];
	}
	return keep_dtype(call);
}

/* start, step and dims for each axis of `in`: every position must lie inside. */
static bool slice_attrs(const struct tn_rule_call *call, const struct tn_shape *in, struct tn_shape *out, struct tn_error *err) {
	int ndim = in->ndim;

	if (call->attr_count != 3 * ndim) {
		return tn_error_attrs(call->op, err);
	}
	out->ndim = ndim;
	for (int i = 0; i < ndim; i++) {
		int64_t start = call->attrs[2 * i], step = call->attrs[2 * i + 1], dim = call->attrs[2 * ndim + i], last;

		if (dim < 0 ||
			(dim > 0 &&
				(__builtin_mul_overflow(dim - 1, step, &last) || __builtin_add_overflow(last, start, &last) || start < 0 ||
					start >= in->dims[i] || last < 0 || last >= in->dims[i] || (step == 0 && dim > 1)))) {
			return tn_error_attrs(call->op, err);
		}
		out->dims[i] = dim;
	}
	return true;
}

bool tn_rule_slice(struct tn_rule_call *call, struct tn_error *err) {
	return slice_attrs(call, &call->inputs[0]->shape, &call->shape, err) && keep_dtype(call);
}

/* ---- copies ---- */

bool tn_rule_copy(struct tn_rule_call *call, struct tn_error *err) {
	(void)err;
	call->shape = call->inputs[0]->shape;
	return keep_dtype(call);
}

bool tn_rule_cat(struct tn_rule_call *call, struct tn_error *err) {
	const struct tn_tensor *first = call->inputs[0];
	int64_t axis = call->attr_count == 1 ? call->attrs[0] : -1;

	if (call->input_count < 1 || axis < 0 || axis >= first->shape.ndim) {
		return tn_error_attrs(call->op, err);
	}
	call->shape = first->shape;
	call->operand = first->dtype;
	for (int i = 1; i < call->input_count; i++) {
		const struct tn_tensor *x = call->inputs[i];
		bool fits = x->shape.ndim == first->shape.ndim;

		for (int k = 0; fits && k < x->shape.ndim; k++) {
			fits = k == axis || x->shape.dims[k] == first->shape.dims[k];
		}
		if (!fits) {
			return tn_error_set(err, TN_ERR_SHAPE, "cat: shapes differ outside axis %" PRId64 ": %s and %s", axis,
				tn_text_of(first).text, tn_text_of(x).text);
		}
		if (__builtin_add_overflow(call->shape.dims[axis], x->shape.dims[axis], &call->shape.dims[axis])) {
			return tn_error_set(err, TN_ERR_MEMORY, "cat: the result is larger than any memory");
		}
		call->operand = tn_dtype_promote(call->operand, x->dtype);
	}
	for (int i = 0; i < call->input_count; i++) {
		call->casts |= (uint64_t)(call->inputs[i]->dtype != call->operand) << i;
	}
	call->dtype = call->operand;
	return true;
}

bool tn_rule_pad(struct tn_rule_call *call, struct tn_error *err) {
	const struct tn_tensor *x = call->inputs[0];
	int ndim = x->shape.ndim;

	if (call->attr_count != 2 * ndim || call->scalar_count != 1) {
		return tn_error_attrs(call->op, err);
	}
	call->shape.ndim = ndim;
	for (int i = 0; i < ndim; i++) {
		int64_t before = call->attrs[2 * i], after = call->attrs[2 * i + 1];

		if (before < 0 || after < 0) {
			return tn_error_set(
				err, TN_ERR_VALUE, "pad: widths are not negative; axis %d has %" PRId64 " and %" PRId64, i, before, after);
		}
		if (__builtin_add_overflow(x->shape.dims[i], before, &call->shape.dims[i]) ||
			__builtin_add_overflow(call->shape.dims[i], after, &call->shape.dims[i])) {
			return tn_error_set(err, TN_ERR_MEMORY, "pad: the result is larger than any memory");
		}
	}
	return keep_dtype(call);
}

bool tn_rule_slice_set(struct tn_rule_call *call, struct tn_error *err) {
	const struct tn_tensor *x = call->inputs[0], *value = call->inputs[1];
	struct tn_shape part;

	if (!slice_attrs(call, &x->shape, &part, err)) {
		return false;
	}
	if (!tn_shape_equal(&part, &value->shape)) {
		return tn_error_set(err, TN_ERR_SHAPE, "%s: a part of shape %s of %s cannot take %s", tn_op_name(call->op),
			tn_text_of_shape(&part).text, tn_text_of(x).text, tn_text_of(value).text);
	}
	keep_dtype(call);
	call->casts = (uint64_t)(value->dtype != x->dtype) << 1;
	call->shape = x->shape;
	return true;
}

/* ---- by index ---- */

static bool check_index(const struct tn_rule_call *call, struct tn_error *err) {
	const struct tn_tensor *x = call->inputs[0], *index = call->inputs[1];

	bool checked = call->attr_count == 2 && (call->op == TN_OP_GATHER || call->op == TN_OP_TAKE_ALONG);

	if ((call->attr_count != 1 && !checked) || call->attrs[0] < 0 || call->attrs[0] >= x->shape.ndim) {
		if (x->shape.ndim == 0) {
			return tn_error_set(err, TN_ERR_INDEX, "%s: a 0-d tensor has no axis to index", tn_op_name(call->op));
		}
		return tn_error_attrs(call->op, err);
	}
	if (!tn_dtype_is_integer(index->dtype)) {
		tn_error_set(err, TN_ERR_TYPE, "%s: indices are integers, not %s", tn_op_name(call->op), tn_text_of(index).text);
		tn_error_hint(err, index->dtype == TN_DTYPE_BOOL8 ? "nonzero(mask) gives indices" : "i64(index) converts them");
		return false;
	}
	return true;
}

/* x's shape with index's in the place of the axis. */
static bool gather_shape(const struct tn_rule_call *call, struct tn_shape *out, struct tn_error *err) {
	const struct tn_shape *x = &call->inputs[0]->shape, *index = &call->inputs[1]->shape;
	int axis = (int)call->attrs[0];

	if (x->ndim - 1 + index->ndim > TN_MAX_NDIM) {
		return tn_error_set(err, TN_ERR_SHAPE, "%s: %s by %s would have %d axes, more than %d", tn_op_name(call->op),
			tn_text_of(call->inputs[0]).text, tn_text_of(call->inputs[1]).text, x->ndim - 1 + index->ndim, TN_MAX_NDIM);
	}
	out->ndim = 0;
	for (int i = 0; i < axis; i++) {
		out->dims[out->ndim++] = x->dims[i];
	}
	for (int i = 0; i < index->ndim; i++) {
		out->dims[out->ndim++] = index->dims[i];
	}
	for (int i = axis + 1; i < x->ndim; i++) {
		out->dims[out->ndim++] = x->dims[i];
	}
	return true;
}

bool tn_rule_gather(struct tn_rule_call *call, struct tn_error *err) {
	return check_index(call, err) && gather_shape(call, &call->shape, err) && keep_dtype(call);
}

bool tn_rule_index_write(struct tn_rule_call *call, struct tn_error *err) {
	const struct tn_tensor *x = call->inputs[0];
	struct tn_shape part;

	if (!check_index(call, err) || !gather_shape(call, &part, err)) {
		return false;
	}
	if (!tn_shape_equal(&part, &call->inputs[2]->shape)) {
		return tn_error_set(err, TN_ERR_SHAPE, "%s: %s by an index %s wants values of shape %s, not %s", tn_op_name(call->op),
			tn_text_of(x).text, tn_text_of(call->inputs[1]).text, tn_text_of_shape(&part).text, tn_text_of(call->inputs[2]).text);
	}
	keep_dtype(call);
	call->casts = (uint64_t)(call->inputs[2]->dtype != x->dtype) << 2;
	call->shape = x->shape;
	return true;
}

/* Indices along one axis: all other sizes are those of x, or smaller (torch.gather's rule). */
static bool along_shape(const struct tn_rule_call *call, struct tn_error *err) {
	const struct tn_shape *x = &call->inputs[0]->shape, *index = &call->inputs[1]->shape;
	bool fits = x->ndim == index->ndim;

	for (int i = 0; fits && i < x->ndim; i++) {
		fits = i == call->attrs[0] || index->dims[i] <= x->dims[i];
	}
	if (!fits) {
		return tn_error_set(err, TN_ERR_SHAPE,
			"%s: an index of %s has as many axes, and none longer except axis %" PRId64 ", not %s", tn_op_name(call->op),
			tn_text_of(call->inputs[0]).text, call->attrs[0], tn_text_of(call->inputs[1]).text);
	}
	return true;
}

bool tn_rule_take_along(struct tn_rule_call *call, struct tn_error *err) {
	if (!check_index(call, err) || !along_shape(call, err)) {
		return false;
	}
	call->shape = call->inputs[1]->shape;
	return keep_dtype(call);
}

bool tn_rule_scatter(struct tn_rule_call *call, struct tn_error *err) {
	const struct tn_tensor *x = call->inputs[0];

	if (!check_index(call, err) || !along_shape(call, err)) {
		return false;
	}
	if (!tn_shape_equal(&call->inputs[1]->shape, &call->inputs[2]->shape)) {
		return tn_error_set(err, TN_ERR_SHAPE, "%s: index and values differ in shape: %s and %s", tn_op_name(call->op),
			tn_text_of(call->inputs[1]).text, tn_text_of(call->inputs[2]).text);
	}
	keep_dtype(call);
	call->casts = (uint64_t)(call->inputs[2]->dtype != x->dtype) << 2;
	call->shape = x->shape;
	return true;
}

/* ---- makers ---- */

static bool maker(struct tn_rule_call *call, int scalar_count, struct tn_error *err) {
	if (call->scalar_count != scalar_count) {
		return tn_error_attrs(call->op, err);
	}
	return given_shape(call, err);
}

static bool wants_dtype(const struct tn_rule_call *call, bool ok, const char *what, struct tn_error *err) {
	return ok || tn_error_set(err, TN_ERR_TYPE, "%s: makes %s, not %s", tn_op_name(call->op), what, tn_dtype_name(call->dtype));
}

bool tn_rule_full(struct tn_rule_call *call, struct tn_error *err) {
	return maker(call, 1, err);
}

bool tn_rule_arange(struct tn_rule_call *call, struct tn_error *err) {
	if (call->attr_count != 1) {
		return tn_error_attrs(call->op, err);
	}
	return maker(call, 2, err) && wants_dtype(call, call->dtype != TN_DTYPE_BOOL8, "numbers", err);
}

bool tn_rule_rand(struct tn_rule_call *call, struct tn_error *err) {
	return maker(call, 2, err) && wants_dtype(call, tn_dtype_is_float(call->dtype), "floating numbers", err);
}

bool tn_rule_rand_int(struct tn_rule_call *call, struct tn_error *err) {
	return maker(call, 4, err) && wants_dtype(call, call->dtype == TN_DTYPE_I64, "i64", err);
}

bool tn_rule_bernoulli(struct tn_rule_call *call, struct tn_error *err) {
	return maker(call, 3, err) && wants_dtype(call, call->dtype == TN_DTYPE_BOOL8, "bool8", err);
}

bool tn_rule_perm(struct tn_rule_call *call, struct tn_error *err) {
	if (call->attr_count != 1) {
		return tn_error_attrs(call->op, err);
	}
	return maker(call, 2, err) && wants_dtype(call, call->dtype == TN_DTYPE_I64, "i64", err);
}
