/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of reductions, ops along an axis, contractions and windows: dtypes that accumulate, autocast, and the errors that a
 * user meets most, so their texts name both shapes and, where one is likely, the fix. */
#include <inttypes.h>

#include "tensor/rules.h"

/* ---- reductions ---- */

/* Removes the axes of attr[0], or keeps them with size 1. */
static bool reduce_shape(struct tn_rule_call *call, struct tn_error *err) {
	const struct tn_shape *in = &call->inputs[0]->shape;

	if (call->attr_count != 2 || call->attrs[0] < 0 || call->attrs[0] >= INT64_C(1) << (in->ndim == 0 ? 1 : in->ndim)) {
		return tn_error_attrs(call->op, err);
	}
	call->shape.ndim = 0;
	for (int i = 0; i < in->ndim; i++) {
		bool reduced = (call->attrs[0] >> i & 1) != 0;

		if (!reduced || call->attrs[1] != 0) {
			call->shape.dims[call->shape.ndim++] = reduced ? 1 : in->dims[i];
		}
	}
	return true;
}

static void cast_first(struct tn_rule_call *call, enum tn_dtype dtype) {
	call->operand = call->dtype = dtype;
	call->casts = call->inputs[0]->dtype != dtype;
}

/* What sums and products are computed in: small integers in i64; under autocast the short floats in f32. */
static enum tn_dtype accumulating_dtype(const struct tn_rule_call *call) {
	enum tn_dtype dtype = call->inputs[0]->dtype;

	if (!tn_dtype_is_float(dtype)) {
		return TN_DTYPE_I64;
	}
	return tn_engine_modes(call->engine)->autocast && tn_dtype_size(dtype) < 4 ? TN_DTYPE_F32 : dtype;
}

bool tn_rule_sum(struct tn_rule_call *call, struct tn_error *err) {
	if (!reduce_shape(call, err)) {
		return false;
	}
	cast_first(call, accumulating_dtype(call));
	return true;
}

/* The largest of no elements does not exist. */
static bool check_not_empty(const struct tn_rule_call *call, int64_t mask, struct tn_error *err) {
	const struct tn_tensor *x = call->inputs[0];

	for (int i = 0; i < x->shape.ndim; i++) {
		if ((mask >> i & 1) != 0 && x->shape.dims[i] == 0) {
			return tn_error_set(
				err, TN_ERR_VALUE, "%s: axis %d of %s has no elements", tn_op_name(call->op), i, tn_text_of(x).text);
		}
	}
	return true;
}

bool tn_rule_reduce(struct tn_rule_call *call, struct tn_error *err) {
	if (!reduce_shape(call, err) || !check_not_empty(call, call->attrs[0], err)) {
		return false;
	}
	cast_first(call, call->inputs[0]->dtype);
	return true;
}

bool tn_rule_reduce_test(struct tn_rule_call *call, struct tn_error *err) {
	if (!reduce_shape(call, err)) {
		return false;
	}
	cast_first(call, TN_DTYPE_BOOL8);
	return true;
}

static bool check_one_axis(const struct tn_rule_call *call, int attr_count, struct tn_error *err) {
	int64_t ndim = call->inputs[0]->shape.ndim;

	if (call->attr_count != attr_count || call->attrs[0] < 0 || call->attrs[0] >= (ndim == 0 ? 1 : ndim)) {
		return tn_error_attrs(call->op, err);
	}
	return true;
}

/* What elements are compared as: bool8 as the numbers 0 and 1. */
static enum tn_dtype rank_dtype(const struct tn_rule_call *call) {
	return call->inputs[0]->dtype == TN_DTYPE_BOOL8 ? TN_DTYPE_U8 : call->inputs[0]->dtype;
}

bool tn_rule_argreduce(struct tn_rule_call *call, struct tn_error *err) {
	const struct tn_shape *in = &call->inputs[0]->shape;

	if (!check_one_axis(call, 2, err) || !check_not_empty(call, INT64_C(1) << call->attrs[0], err)) {
		return false;
	}
	call->shape.ndim = 0;
	for (int i = 0; i < in->ndim; i++) {
		if (i != call->attrs[0] || call->attrs[1] != 0) {
			call->shape.dims[call->shape.ndim++] = i == call->attrs[0] ? 1 : in->dims[i];
		}
	}
	cast_first(call, rank_dtype(call));
	call->dtype = TN_DTYPE_I64;
	return true;
}

/* ---- along one axis ---- */

bool tn_rule_softmax(struct tn_rule_call *call, struct tn_error *err) {
	enum tn_dtype dtype = call->inputs[0]->dtype;

	if (!check_one_axis(call, 1, err)) {
		return false;
	}
	call->shape = call->inputs[0]->shape;
	cast_first(call, tn_dtype_is_float(dtype) ? accumulating_dtype(call) : TN_DTYPE_F32);
	return true;
}

bool tn_rule_cumulative(struct tn_rule_call *call, struct tn_error *err) {
	if (!check_one_axis(call, 1, err)) {
		return false;
	}
	call->shape = call->inputs[0]->shape;
	cast_first(call, accumulating_dtype(call));
	return true;
}

bool tn_rule_argsort(struct tn_rule_call *call, struct tn_error *err) {
	if (!check_one_axis(call, 2, err)) {
		return false;
	}
	call->shape = call->inputs[0]->shape;
	cast_first(call, rank_dtype(call));
	call->dtype = TN_DTYPE_I64;
	return true;
}

/* ---- contractions ---- */

/* The dtype of a contraction's operands: promoted; under autocast f32 becomes the short type. */
static bool contraction_dtype(struct tn_rule_call *call, struct tn_error *err) {
	const struct tn_modes *modes = tn_engine_modes(call->engine);
	const struct tn_tensor *a = call->inputs[0], *b = call->inputs[1];

	call->operand = tn_dtype_promote(a->dtype, b->dtype);
	if (call->operand == TN_DTYPE_BOOL8) {
		tn_error_set(err, TN_ERR_TYPE, "%s: bool8 tensors have no such operation", tn_op_name(call->op));
		tn_error_hint(err, "f32(x) makes numbers of them");
		return false;
	}
	if (modes->autocast && call->operand == TN_DTYPE_F32) {
		call->operand = modes->autocast_dtype;
	}
	call->dtype = call->operand;
	call->casts = (a->dtype != call->operand) | (uint64_t)(b->dtype != call->operand) << 1;
	return true;
}

static bool inner_differs(const struct tn_tensor *a, const struct tn_tensor *b, struct tn_error *err) {
	int64_t k = a->shape.dims[a->shape.ndim - 1], rows = a->shape.dims[a->shape.ndim - 2];
	struct tn_shape turned = b->shape;

	tn_error_set(err, TN_ERR_SHAPE, "matmul: inner dimensions differ: %s @ %s", tn_text_of(a).text, tn_text_of(b).text);
	turned.dims[turned.ndim - 2] = b->shape.dims[turned.ndim - 1];
	turned.dims[turned.ndim - 1] = b->shape.dims[turned.ndim - 2];
	if (turned.dims[turned.ndim - 2] == k) {
		struct tn_shape result = a->shape;

		result.dims[result.ndim - 1] = turned.dims[turned.ndim - 1];
		tn_error_hint(err, "the second operand transposed would fit: %s%s", tn_dtype_name(tn_dtype_promote(a->dtype, b->dtype)),
			tn_text_of_shape(&result).text);
	} else if (rows == b->shape.dims[b->shape.ndim - 2]) {
		struct tn_shape result = a->shape;

		result.dims[result.ndim - 2] = k;
		result.dims[result.ndim - 1] = b->shape.dims[b->shape.ndim - 1];
		tn_error_hint(err, "the first operand transposed would fit: %s%s", tn_dtype_name(tn_dtype_promote(a->dtype, b->dtype)),
			tn_text_of_shape(&result).text);
	}
	return false;
}

bool tn_rule_matmul(struct tn_rule_call *call, struct tn_error *err) {
	const struct tn_tensor *a = call->inputs[0], *b = call->inputs[1];
	struct tn_shape batch_a = a->shape, batch_b = b->shape;

	if (a->shape.ndim < 2 || b->shape.ndim < 2) {
		return tn_error_set(
			err, TN_ERR_SHAPE, "matmul: each operand has at least 1 axis, not %s @ %s", tn_text_of(a).text, tn_text_of(b).text);
	}
	batch_a.ndim -= 2;
	batch_b.ndim -= 2;
	if (a->shape.dims[a->shape.ndim - 1] != b->shape.dims[b->shape.ndim - 2]) {
		return inner_differs(a, b, err);
	}
	if (!tn_shape_broadcast(&batch_a, &batch_b, &call->shape)) {
		return tn_error_set(
			err, TN_ERR_SHAPE, "matmul: batch dimensions do not broadcast: %s @ %s", tn_text_of(a).text, tn_text_of(b).text);
	}
	call->shape.dims[call->shape.ndim++] = a->shape.dims[a->shape.ndim - 2];
	call->shape.dims[call->shape.ndim++] = b->shape.dims[b->shape.ndim - 1];
	return contraction_dtype(call, err);
}

/* Positions of a window along an axis, or a negative number where it fits nowhere. */
static int64_t window_count(int64_t size, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation) {
	int64_t reach, span;

	if (__builtin_mul_overflow(dilation, kernel - 1, &reach) || __builtin_mul_overflow(padding, 2, &span) ||
		__builtin_add_overflow(span, size, &span) || __builtin_sub_overflow(span, reach, &span)) {
		return -1;
	}
	return span < 1 ? -1 : (span - 1) / stride + 1;
}

/* Strides, dilations and groups are positive, paddings not negative. */
static bool check_conv_numbers(const struct tn_rule_call *call, struct tn_error *err) {
	static const char *const names[] = {"stride", "stride", "padding", "padding", "dilation", "dilation", "groups"};

	for (int i = 0; i < 7; i++) {
		int64_t least = i == 2 || i == 3 ? 0 : 1;

		if (call->attrs[i] < least) {
			return tn_error_set(err, TN_ERR_VALUE, "%s: %s is at least %" PRId64 ", not %" PRId64, tn_op_name(call->op), names[i],
				least, call->attrs[i]);
		}
	}
	return true;
}

/* The shape that conv2d gives for x and w, checked. */
static bool conv_shape(const struct tn_rule_call *call, const struct tn_shape *x, const struct tn_shape *w, struct tn_shape *out,
	struct tn_error *err) {
	const int64_t *attrs = call->attrs;

	if (x->dims[1] != w->dims[1] * attrs[6] || w->dims[0] % attrs[6] != 0) {
		if (attrs[6] == 1) {
			return tn_error_set(err, TN_ERR_SHAPE, "%s: channels differ: an input %s has %" PRId64 ", a weight %s wants %" PRId64,
				tn_op_name(call->op), tn_text_of_shape(x).text, x->dims[1], tn_text_of_shape(w).text, w->dims[1]);
		}
		return tn_error_set(err, TN_ERR_SHAPE, "%s: an input %s and a weight %s do not divide into %" PRId64 " groups",
			tn_op_name(call->op), tn_text_of_shape(x).text, tn_text_of_shape(w).text, attrs[6]);
	}
	*out = TN_SHAPE(x->dims[0], w->dims[0], 0, 0);
	for (int i = 0; i < 2; i++) {
		out->dims[2 + i] =
			w->dims[2 + i] < 1 ? -1 : window_count(x->dims[2 + i], w->dims[2 + i], attrs[i], attrs[2 + i], attrs[4 + i]);
	}
	if (out->dims[2] < 0 || out->dims[3] < 0) {
		return tn_error_set(err, TN_ERR_SHAPE, "%s: a kernel of %" PRId64 " x %" PRId64 " does not fit into the padded input %s",
			tn_op_name(call->op), w->dims[2], w->dims[3], tn_text_of_shape(x).text);
	}
	return true;
}

static bool conv_operands(struct tn_rule_call *call, int attr_count, struct tn_error *err) {
	const struct tn_tensor *a = call->inputs[0], *b = call->inputs[1];

	if (call->attr_count != attr_count) {
		return tn_error_attrs(call->op, err);
	}
	if (a->shape.ndim != 4 || b->shape.ndim != 4) {
		tn_error_set(err, TN_ERR_SHAPE, "%s: wants an input [N, C, H, W] and a weight [O, C/groups, KH, KW], not %s and %s",
			tn_op_name(call->op), tn_text_of(a).text, tn_text_of(b).text);
		if (a->shape.ndim == 3) {
			tn_error_hint(err, "x[None] adds an axis for the batch");
		}
		return false;
	}
	return check_conv_numbers(call, err) && contraction_dtype(call, err);
}

bool tn_rule_conv2d(struct tn_rule_call *call, struct tn_error *err) {
	return conv_operands(call, 7, err) && conv_shape(call, &call->inputs[0]->shape, &call->inputs[1]->shape, &call->shape, err);
}

/* The gradient ops are given the shape of their result: with it, conv2d must have made the shape of the gradient. */
static bool conv_gradient(struct tn_rule_call *call, bool for_x, struct tn_error *err) {
	const struct tn_shape *gradient = &call->inputs[for_x ? 0 : 1]->shape;
	struct tn_shape made;

	if (!conv_operands(call, 11, err)) {
		return false;
	}
	call->shape = TN_SHAPE(call->attrs[7], call->attrs[8], call->attrs[9], call->attrs[10]);
	if (!tn_shape_check(&call->shape, tn_op_name(call->op), err) ||
		!conv_shape(
			call, for_x ? &call->shape : &call->inputs[0]->shape, for_x ? &call->inputs[1]->shape : &call->shape, &made, err)) {
		return false;
	}
	if (!tn_shape_equal(&made, gradient)) {
		return tn_error_set(err, TN_ERR_SHAPE, "%s: the gradient is %s where %s is wanted", tn_op_name(call->op),
			tn_text_of_shape(gradient).text, tn_text_of_shape(&made).text);
	}
	return true;
}

bool tn_rule_conv2d_grad_x(struct tn_rule_call *call, struct tn_error *err) {
	return conv_gradient(call, true, err);
}

bool tn_rule_conv2d_grad_w(struct tn_rule_call *call, struct tn_error *err) {
	return conv_gradient(call, false, err);
}

/* ---- windows ---- */

static bool check_pool_numbers(const struct tn_rule_call *call, struct tn_error *err) {
	for (int i = 0; i < 2; i++) {
		int64_t kernel = call->attrs[i], stride = call->attrs[2 + i], padding = call->attrs[4 + i];

		if (kernel < 1 || stride < 1 || padding < 0) {
			return tn_error_set(err, TN_ERR_VALUE,
				"%s: kernel and stride are at least 1 and padding 0, not %" PRId64 ", %" PRId64 " and %" PRId64,
				tn_op_name(call->op), kernel, stride, padding);
		}
		if (padding > kernel / 2) { /* else a window could lie in the padding wholly */
			return tn_error_set(err, TN_ERR_VALUE, "%s: padding is at most half of the kernel, not %" PRId64 " of %" PRId64,
				tn_op_name(call->op), padding, kernel);
		}
	}
	return true;
}

static bool pool_shape(const struct tn_rule_call *call, const struct tn_shape *in, struct tn_shape *out, struct tn_error *err) {
	const int64_t *attrs = call->attrs;

	*out = *in;
	for (int i = 0; i < 2; i++) {
		out->dims[2 + i] = window_count(in->dims[2 + i], attrs[i], attrs[2 + i], attrs[4 + i], 1);
		if (out->dims[2 + i] < 0) {
			return tn_error_set(err, TN_ERR_SHAPE, "%s: a window of %" PRId64 " x %" PRId64 " does not fit into %s",
				tn_op_name(call->op), attrs[0], attrs[1], tn_text_of_shape(in).text);
		}
	}
	return true;
}

static bool pool_operand(struct tn_rule_call *call, int attr_count, struct tn_error *err) {
	const struct tn_tensor *x = call->inputs[0];

	if (call->attr_count != attr_count) {
		return tn_error_attrs(call->op, err);
	}
	if (x->shape.ndim != 4) {
		return tn_error_set(err, TN_ERR_SHAPE, "%s: wants [N, C, H, W], not %s", tn_op_name(call->op), tn_text_of(x).text);
	}
	return check_pool_numbers(call, err);
}

bool tn_rule_pool2d(struct tn_rule_call *call, struct tn_error *err) {
	bool mean = call->op == TN_OP_AVG_POOL2D;
	enum tn_dtype dtype = call->inputs[0]->dtype;

	if (!pool_operand(call, mean ? 7 : 6, err)) {
		return false;
	}
	cast_first(call, mean && !tn_dtype_is_float(dtype) ? TN_DTYPE_F32 : rank_dtype(call));
	return pool_shape(call, &call->inputs[0]->shape, &call->shape, err);
}

/* x, result, and the third as the result; the op's own result has the shape of input `like`. */
static bool max_pool_partner(struct tn_rule_call *call, int third_like, int like, struct tn_error *err) {
	struct tn_shape made;

	if (!pool_operand(call, 6, err) || !pool_shape(call, &call->inputs[0]->shape, &made, err)) {
		return false;
	}
	if (!tn_shape_equal(&made, &call->inputs[1]->shape) ||
		!tn_shape_equal(third_like == 0 ? &call->inputs[0]->shape : &made, &call->inputs[2]->shape)) {
		return tn_error_set(err, TN_ERR_SHAPE, "%s: %s, %s and %s do not belong to one pooling", tn_op_name(call->op),
			tn_text_of(call->inputs[0]).text, tn_text_of(call->inputs[1]).text, tn_text_of(call->inputs[2]).text);
	}
	call->operand = call->dtype = call->inputs[0]->dtype;
	for (int i = 1; i < 3; i++) {
		call->casts |= (uint64_t)(call->inputs[i]->dtype != call->operand) << i;
	}
	call->shape = call->inputs[like]->shape;
	return true;
}

bool tn_rule_max_pool2d_grad(struct tn_rule_call *call, struct tn_error *err) {
	return max_pool_partner(call, 1, 0, err);
}

bool tn_rule_max_pool2d_take(struct tn_rule_call *call, struct tn_error *err) {
	return max_pool_partner(call, 0, 1, err);
}

bool tn_rule_avg_pool2d_grad(struct tn_rule_call *call, struct tn_error *err) {
	struct tn_shape made;

	if (!pool_operand(call, 11, err)) {
		return false;
	}
	call->shape = TN_SHAPE(call->attrs[7], call->attrs[8], call->attrs[9], call->attrs[10]);
	if (!tn_shape_check(&call->shape, tn_op_name(call->op), err) || !pool_shape(call, &call->shape, &made, err)) {
		return false;
	}
	if (!tn_shape_equal(&made, &call->inputs[0]->shape)) {
		return tn_error_set(err, TN_ERR_SHAPE, "%s: the gradient is %s where %s is wanted", tn_op_name(call->op),
			tn_text_of(call->inputs[0]).text, tn_text_of_shape(&made).text);
	}
	call->dtype = call->inputs[0]->dtype;
	return true;
}
