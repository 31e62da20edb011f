/* SPDX-License-Identifier: Apache-2.0 */
/* Fronts of views and copies. What changes nothing gives the same tensor again and records no node. */
#include <inttypes.h>
#include <string.h>

#include "tensor/rules.h"

/* A VIEW or COPY op of one input with attributes. */
static struct tn_tensor *one_input(
	struct tn_engine *e, enum tn_op op, struct tn_tensor *x, const int64_t *attrs, int attr_count, struct tn_error *err) {
	struct tn_rule_call call = {.engine = e, .op = op, .inputs = &x, .input_count = 1, .attrs = attrs, .attr_count = attr_count};

	return tn_op_record(&call, err);
}

static bool too_many_axes(enum tn_op op, int ndim, struct tn_error *err) {
	if (ndim >= 0 && ndim <= TN_MAX_NDIM) {
		return false;
	}
	tn_error_set(err, TN_ERR_SHAPE, "%s: a tensor has at most %d axes, not %d", tn_op_name(op), TN_MAX_NDIM, ndim);
	return true;
}

/* Replaces the one -1 among dims by what is left over. */
static bool infer_dim(const struct tn_tensor *x, struct tn_shape *shape, struct tn_error *err) {
	int64_t total = tn_shape_count(&x->shape), known = 1;
	int unknown = -1;

	for (int i = 0; i < shape->ndim; i++) {
		if (shape->dims[i] == -1 && unknown >= 0) {
			return tn_error_set(
				err, TN_ERR_SHAPE, "reshape: only one size may be -1, not two as in %s", tn_text_of_shape(shape).text);
		}
		if (shape->dims[i] == -1) {
			unknown = i;
		} else if (__builtin_mul_overflow(known, shape->dims[i], &known)) {
			return tn_error_set(err, TN_ERR_SHAPE, "reshape: %s has %" PRId64 " elements, not as many as %s", tn_text_of(x).text,
				total, tn_text_of_shape(shape).text);
		}
	}
	if (unknown < 0) {
		return true;
	}
	if (known <= 0 || total % known != 0) {
		return tn_error_set(err, TN_ERR_SHAPE, "reshape: the %" PRId64 " elements of %s do not divide into %s", total,
			tn_text_of(x).text, tn_text_of_shape(shape).text);
	}
	shape->dims[unknown] = total / known;
	return true;
}

struct tn_tensor *tn_reshape(struct tn_engine *e, struct tn_tensor *x, const int64_t *dims, int ndim, struct tn_error *err) {
	struct tn_shape shape = {.ndim = ndim};

	if (too_many_axes(TN_OP_RESHAPE, ndim, err)) {
		return NULL;
	}
	if (ndim > 0) {
		memcpy(shape.dims, dims, sizeof(dims[0]) * (size_t)ndim);
	}
	if (!infer_dim(x, &shape, err)) {
		return NULL;
	}
	if (tn_shape_equal(&shape, &x->shape)) {
		return tn_tensor_ref(x);
	}
	return one_input(e, TN_OP_RESHAPE, x, shape.dims, ndim, err);
}

struct tn_tensor *tn_expand(struct tn_engine *e, struct tn_tensor *x, const int64_t *dims, int ndim, struct tn_error *err) {
	struct tn_shape shape = {.ndim = ndim};
	int extra = ndim - x->shape.ndim;

	if (too_many_axes(TN_OP_EXPAND, ndim, err)) {
		return NULL;
	}
	for (int i = 0; i < ndim; i++) {
		shape.dims[i] = dims[i];
		if (dims[i] == -1 && i >= extra) {
			shape.dims[i] = x->shape.dims[i - extra];
		} else if (dims[i] == -1) {
			tn_error_set(err, TN_ERR_SHAPE, "expand: -1 keeps an axis of %s, but axis %d is a new one", tn_text_of(x).text, i);
			return NULL;
		}
	}
	if (tn_shape_equal(&shape, &x->shape)) {
		return tn_tensor_ref(x);
	}
	return one_input(e, TN_OP_EXPAND, x, shape.dims, ndim, err);
}

struct tn_tensor *tn_permute(struct tn_engine *e, struct tn_tensor *x, const int64_t *axes, int ndim, struct tn_error *err) {
	int64_t order[TN_MAX_NDIM];
	bool same = true;

	if (ndim != x->shape.ndim) {
		tn_error_set(err, TN_ERR_SHAPE, "permute: %s has %d axes, not %d", tn_text_of(x).text, (int)x->shape.ndim, ndim);
		return NULL;
	}
	for (int i = 0; i < ndim; i++) {
		order[i] = axes[i];
		if (!tn_axis_resolve(TN_OP_PERMUTE, x, &order[i], err)) {
			return NULL;
		}
		same = same && order[i] == i;
	}
	return same ? tn_tensor_ref(x) : one_input(e, TN_OP_PERMUTE, x, order, ndim, err);
}

struct tn_tensor *tn_transpose(struct tn_engine *e, struct tn_tensor *x, int64_t axis0, int64_t axis1, struct tn_error *err) {
	int64_t order[TN_MAX_NDIM];

	if (!tn_axis_resolve(TN_OP_PERMUTE, x, &axis0, err) || !tn_axis_resolve(TN_OP_PERMUTE, x, &axis1, err)) {
		return NULL;
	}
	if (x->shape.ndim == 0) {
		return tn_tensor_ref(x);
	}
	for (int i = 0; i < x->shape.ndim; i++) {
		order[i] = i == axis0 ? axis1 : i == axis1 ? axis0 : i;
	}
	return tn_permute(e, x, order, x->shape.ndim, err);
}

struct tn_tensor *tn_squeeze(struct tn_engine *e, struct tn_tensor *x, const int64_t *axes, int count, struct tn_error *err) {
	struct tn_shape shape = {0};
	uint32_t chosen = count == 0 ? UINT32_MAX : 0;

	for (int i = 0; i < count; i++) {
		int64_t axis = axes[i];

		if (!tn_axis_resolve(TN_OP_RESHAPE, x, &axis, err)) {
			return NULL;
		}
		chosen |= 1u << axis;
	}
	for (int i = 0; i < x->shape.ndim; i++) { /* a named axis of another size stays, as in PyTorch */
		if (x->shape.dims[i] != 1 || (chosen >> i & 1) == 0) {
			shape.dims[shape.ndim++] = x->shape.dims[i];
		}
	}
	return tn_reshape(e, x, shape.dims, shape.ndim, err);
}

struct tn_tensor *tn_unsqueeze(struct tn_engine *e, struct tn_tensor *x, int64_t axis, struct tn_error *err) {
	struct tn_shape shape = x->shape;
	int64_t at = axis < 0 ? axis + x->shape.ndim + 1 : axis;

	if (at < 0 || at > x->shape.ndim) {
		tn_error_set(err, TN_ERR_INDEX, "unsqueeze: a new axis of %s is at %d to %d, not at %" PRId64, tn_text_of(x).text,
			-(int)x->shape.ndim - 1, (int)x->shape.ndim, axis);
		return NULL;
	}
	if (too_many_axes(TN_OP_RESHAPE, shape.ndim + 1, err)) {
		return NULL;
	}
	memmove(&shape.dims[at + 1], &shape.dims[at], sizeof(shape.dims[0]) * (size_t)(shape.ndim - at));
	shape.dims[at] = 1;
	return tn_reshape(e, x, shape.dims, shape.ndim + 1, err);
}

struct tn_tensor *tn_contiguous(struct tn_engine *e, struct tn_tensor *x, struct tn_error *err) {
	if (x->state == TN_TENSOR_READY && tn_tensor_is_row_major(x)) {
		return tn_tensor_ref(x);
	}
	return one_input(e, TN_OP_COPY, x, NULL, 0, err);
}

struct tn_tensor *tn_flip(struct tn_engine *e, struct tn_tensor *x, const int64_t *axes, int count, struct tn_error *err) {
	int64_t attrs[3 * TN_MAX_NDIM];
	int ndim = x->shape.ndim;

	for (int i = 0; i < ndim; i++) {
		attrs[2 * i] = 0;
		attrs[2 * i + 1] = 1;
		attrs[2 * ndim + i] = x->shape.dims[i];
	}
	for (int i = 0; i < count; i++) {
		int64_t axis = axes[i];

		if (!tn_axis_resolve(TN_OP_SLICE, x, &axis, err)) {
			return NULL;
		}
		if (ndim > 0 && x->shape.dims[axis] > 0) {
			attrs[2 * axis] = x->shape.dims[axis] - 1;
			attrs[2 * axis + 1] = -1;
		}
	}
	return ndim == 0 || count == 0 ? tn_tensor_ref(x) : one_input(e, TN_OP_SLICE, x, attrs, 3 * ndim, err);
}

/* ---- joining ---- */

static struct tn_tensor *cat_node(
	struct tn_engine *e, struct tn_tensor *const *xs, int count, int64_t axis, struct tn_error *err) {
	struct tn_rule_call call = {
		.engine = e, .op = TN_OP_CAT, .inputs = xs, .input_count = count, .attrs = &axis, .attr_count = 1};

	return tn_op_record(&call, err);
}

/* More tensors than one node takes: groups are joined, then the groups. */
static struct tn_tensor *cat_tree(
	struct tn_engine *e, struct tn_tensor *const *xs, int count, int64_t axis, struct tn_error *err) {
	int groups = (count + TN_MAX_OP_INPUTS - 1) / TN_MAX_OP_INPUTS, made = 0;
	struct tn_tensor **parts = tn_calloc((size_t)groups, sizeof(struct tn_tensor *)), *out = NULL;

	if (parts == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	for (; made < groups; made++) {
		int begin = made * TN_MAX_OP_INPUTS, length = count - begin < TN_MAX_OP_INPUTS ? count - begin : TN_MAX_OP_INPUTS;

		parts[made] = tn_cat(e, xs + begin, length, axis, err);
		if (parts[made] == NULL) {
			break;
		}
	}
	if (made == groups) {
		out = tn_cat(e, parts, groups, axis, err);
	}
	for (int i = 0; i < made; i++) {
		tn_tensor_unref(parts[i]);
	}
	tn_free(parts);
	return out;
}

struct tn_tensor *tn_cat(struct tn_engine *e, struct tn_tensor *const *xs, int count, int64_t axis, struct tn_error *err) {
	if (count < 1) {
		tn_error_set(err, TN_ERR_VALUE, "cat: there is nothing to join: the list is empty");
		return NULL;
	}
	if (xs[0]->shape.ndim == 0) {
		tn_error_set(err, TN_ERR_SHAPE, "cat: 0-d tensors have no axis to join along");
		tn_error_hint(err, "stack gives them one");
		return NULL;
	}
	if (!tn_axis_resolve(TN_OP_CAT, xs[0], &axis, err)) {
		return NULL;
	}
	if (count == 1) {
		return tn_tensor_ref(xs[0]);
	}
	return count > TN_MAX_OP_INPUTS ? cat_tree(e, xs, count, axis, err) : cat_node(e, xs, count, axis, err);
}

struct tn_tensor *tn_stack(struct tn_engine *e, struct tn_tensor *const *xs, int count, int64_t axis, struct tn_error *err) {
	struct tn_tensor **rows, *out = NULL;
	int made = 0;

	if (count < 1) {
		tn_error_set(err, TN_ERR_VALUE, "stack: there is nothing to join: the list is empty");
		return NULL;
	}
	for (int i = 1; i < count; i++) {
		if (!tn_shape_equal(&xs[0]->shape, &xs[i]->shape)) {
			tn_error_set(err, TN_ERR_SHAPE, "stack: shapes differ: %s and %s", tn_text_of(xs[0]).text, tn_text_of(xs[i]).text);
			return NULL;
		}
	}
	rows = tn_calloc((size_t)count, sizeof(struct tn_tensor *));
	if (rows == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	for (; made < count; made++) {
		rows[made] = tn_unsqueeze(e, xs[made], axis, err);
		if (rows[made] == NULL) {
			break;
		}
	}
	if (made == count) {
		out = tn_cat(e, rows, count, axis, err);
	}
	for (int i = 0; i < made; i++) {
		tn_tensor_unref(rows[i]);
	}
	tn_free(rows);
	return out;
}

struct tn_tensor *tn_pad(struct tn_engine *e, struct tn_tensor *x, const int64_t *before, const int64_t *after,
	struct tn_scalar value, struct tn_error *err) {
	int64_t attrs[2 * TN_MAX_NDIM];
	int ndim = x->shape.ndim;
	bool nothing = true;
	struct tn_rule_call call = {.engine = e,
		.op = TN_OP_PAD,
		.inputs = &x,
		.input_count = 1,
		.attrs = attrs,
		.attr_count = 2 * ndim,
		.scalars = &value,
		.scalar_count = 1};

	for (int i = 0; i < ndim; i++) {
		attrs[2 * i] = before[i];
		attrs[2 * i + 1] = after[i];
		nothing = nothing && before[i] == 0 && after[i] == 0;
	}
	if (nothing) {
		return tn_tensor_ref(x);
	}
	return tn_scalar_fit(TN_OP_PAD, x->dtype, &value, err) ? tn_op_record(&call, err) : NULL;
}
