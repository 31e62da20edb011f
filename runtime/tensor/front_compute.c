/* SPDX-License-Identifier: Apache-2.0 */
/* Fronts of reductions, ops along an axis, matrix products, convolution and pooling: axes as users write them become masks and
 * attributes, and the forms that no kernel knows (vectors in a matrix product, means, biases) become those that they do. */
#include <inttypes.h>
#include <string.h>

#include "tensor/rules.h"

/* ---- reductions ---- */

static bool axes_mask(
	enum tn_op op, const struct tn_tensor *x, const int64_t *axes, int count, int64_t *mask, struct tn_error *err) {
	*mask = 0;
	if (count == 0) {
		*mask = (INT64_C(1) << x->shape.ndim) - 1;
	}
	for (int i = 0; i < count; i++) {
		int64_t axis = axes[i];

		if (!tn_axis_resolve(op, x, &axis, err)) {
			return false;
		}
		if ((*mask >> axis & 1) != 0) {
			return tn_error_set(err, TN_ERR_VALUE, "%s: axis %" PRId64 " is named twice", tn_op_name(op), axis);
		}
		*mask |= INT64_C(1) << axis;
	}
	if (x->shape.ndim == 0) {
		*mask = 0; /* axis 0 of a 0-d tensor: nothing to reduce */
	}
	return true;
}

/* A product in f64: rounding a million factors to f32 lost three digits, each time a little in the same direction. */
static struct tn_tensor *wide_product(
	struct tn_engine *e, struct tn_tensor *x, const int64_t *axes, int count, bool keepdim, struct tn_error *err) {
	struct tn_tensor *wide = tn_cast(e, x, TN_DTYPE_F64, err), *product, *out;

	product = wide != NULL ? tn_reduce(e, TN_OP_PROD, wide, axes, count, keepdim, err) : NULL;
	out = product != NULL ? tn_cast(e, product, x->dtype, err) : NULL;
	tn_tensor_unref(wide);
	tn_tensor_unref(product);
	return out;
}

struct tn_tensor *tn_reduce(
	struct tn_engine *e, enum tn_op op, struct tn_tensor *x, const int64_t *axes, int count, bool keepdim, struct tn_error *err) {
	int64_t attrs[2] = {0, keepdim};
	struct tn_rule_call call = {.engine = e, .op = op, .inputs = &x, .input_count = 1, .attrs = attrs, .attr_count = 2};

	if (tn_op_kind(op) != TN_KIND_REDUCE) {
		tn_error_attrs(op, err);
		return NULL;
	}
	if (!axes_mask(op, x, axes, count, &attrs[0], err)) {
		return NULL;
	}
	if (op == TN_OP_PROD && x->dtype == TN_DTYPE_F32) {
		return wide_product(e, x, axes, count, keepdim, err);
	}
	if (x->dtype == TN_DTYPE_BOOL8 && (op == TN_OP_MAX || op == TN_OP_MIN)) {
		call.op = op == TN_OP_MAX ? TN_OP_ANY : TN_OP_ALL;
	}
	if (attrs[0] == 0) { /* over no axis: the elements themselves, in the dtype of the result */
		return tn_op_rule(call.op)(&call, err) ? tn_cast(e, x, call.dtype, err) : NULL;
	}
	return tn_op_record(&call, err);
}

/* The product of the reduced sizes. */
static double reduced_count(const struct tn_tensor *x, int64_t mask) {
	double count = 1;

	for (int i = 0; i < x->shape.ndim; i++) {
		count *= (mask >> i & 1) != 0 ? (double)x->shape.dims[i] : 1;
	}
	return count;
}

struct tn_tensor *tn_widened(struct tn_engine *e, struct tn_tensor *x, struct tn_error *err) {
	return tn_cast(e, x, tn_dtype_is_float(x->dtype) && tn_dtype_size(x->dtype) < 4 ? TN_DTYPE_F32 : TN_DTYPE_F64, err);
}

struct tn_tensor *tn_narrowed(struct tn_engine *e, struct tn_tensor *wide, enum tn_dtype dtype, struct tn_error *err) {
	bool stays_wide = tn_engine_modes(e)->autocast && tn_dtype_size(dtype) < 4; /* as the mean does */
	enum tn_dtype to = !tn_dtype_is_float(dtype) || stays_wide ? TN_DTYPE_F32 : dtype;
	struct tn_tensor *out = wide != NULL ? tn_cast(e, wide, to, err) : NULL;

	tn_tensor_unref(wide);
	return out;
}

struct tn_tensor *tn_mean(
	struct tn_engine *e, struct tn_tensor *x, const int64_t *axes, int count, bool keepdim, struct tn_error *err) {
	enum tn_dtype dtype = tn_dtype_is_float(x->dtype) ? x->dtype : TN_DTYPE_F32;
	enum tn_dtype sum_dtype = tn_dtype_size(dtype) < 4 ? TN_DTYPE_F32 : dtype; /* an f16 sum of 70,000 ones overflows */
	struct tn_tensor *wide, *sum, *mean, *out;
	int64_t mask;

	if (!axes_mask(TN_OP_SUM, x, axes, count, &mask, err)) {
		return NULL;
	}
	wide = tn_cast(e, x, sum_dtype, err);
	if (wide == NULL) {
		return NULL;
	}
	sum = tn_reduce(e, TN_OP_SUM, wide, axes, count, keepdim, err);
	tn_tensor_unref(wide);
	if (sum == NULL) {
		return NULL;
	}
	mean = tn_with_number(e, TN_OP_DIV, sum, reduced_count(x, mask), err);
	tn_tensor_unref(sum);
	if (mean == NULL || tn_engine_modes(e)->autocast) {
		return mean;
	}
	out = tn_cast(e, mean, dtype, err);
	tn_tensor_unref(mean);
	return out;
}

struct tn_tensor *tn_root(struct tn_engine *e, struct tn_tensor *sum, struct tn_error *err) {
	struct tn_tensor *zero, *safe = NULL, *root = NULL, *out = NULL;

	if (tn_grad_depth(e) == 0) { /* the same bits: only the slope differs */
		return tn_unary(e, TN_OP_SQRT, sum, err);
	}
	zero = tn_with_number(e, TN_OP_EQ, sum, 0, err);
	if (zero != NULL) {
		safe = tn_elementwise(e, TN_OP_WHERE, (struct tn_arg[]){tn_arg_tensor(zero), tn_arg_f64(1, true), tn_arg_tensor(sum)}, 3, err);
	}
	if (safe != NULL) {
		root = tn_unary(e, TN_OP_SQRT, safe, err);
	}
	if (root != NULL) {
		out = tn_elementwise(e, TN_OP_WHERE, (struct tn_arg[]){tn_arg_tensor(zero), tn_arg_f64(0, true), tn_arg_tensor(root)}, 3, err);
	}
	tn_tensor_unref(zero);
	tn_tensor_unref(safe);
	tn_tensor_unref(root);
	return out;
}

struct tn_tensor *tn_sum_to(struct tn_engine *e, struct tn_tensor *grad, const struct tn_shape *shape, struct tn_error *err) {
	int64_t axes[TN_MAX_NDIM];
	int count = 0, extra = grad->shape.ndim - shape->ndim;
	struct tn_tensor *sum, *out;

	if (tn_shape_equal(&grad->shape, shape)) {
		return tn_tensor_ref(grad);
	}
	for (int i = 0; i < grad->shape.ndim; i++) {
		if (i < extra || (shape->dims[i - extra] == 1 && grad->shape.dims[i] != 1)) {
			axes[count++] = i;
		}
	}
	if (count == 0) {
		return tn_reshape(e, grad, shape->dims, shape->ndim, err);
	}
	sum = tn_reduce(e, TN_OP_SUM, grad, axes, count, true, err);
	if (sum == NULL) {
		return NULL;
	}
	out = tn_reshape(e, sum, shape->dims, shape->ndim, err);
	tn_tensor_unref(sum);
	return out;
}

/* ---- along one axis ---- */

static bool has_flag(enum tn_op op) {
	return op == TN_OP_ARGMAX || op == TN_OP_ARGMIN || op == TN_OP_ARGSORT;
}

struct tn_tensor *tn_along(
	struct tn_engine *e, enum tn_op op, struct tn_tensor *x, int64_t axis, bool flag, struct tn_error *err) {
	int64_t attrs[2] = {axis, flag};
	struct tn_rule_call call = {
		.engine = e, .op = op, .inputs = &x, .input_count = 1, .attrs = attrs, .attr_count = has_flag(op) ? 2 : 1};
	struct tn_tensor *line, *along, *out;

	if (tn_op_kind(op) != TN_KIND_ROW && tn_op_kind(op) != TN_KIND_ARGREDUCE) {
		tn_error_attrs(op, err);
		return NULL;
	}
	if (!tn_axis_resolve(op, x, &attrs[0], err)) {
		return NULL;
	}
	if (x->shape.ndim > 0) {
		return tn_op_record(&call, err);
	}
	line = tn_reshape(e, x, (int64_t[]){1}, 1, err); /* 0-d: a line of one element */
	along = line != NULL ? tn_along(e, op, line, 0, flag, err) : NULL;
	out = along != NULL ? tn_reshape(e, along, NULL, 0, err) : NULL;
	tn_tensor_unref(line);
	tn_tensor_unref(along);
	return out;
}

struct tn_tensor *tn_arg_all(struct tn_engine *e, enum tn_op op, struct tn_tensor *x, struct tn_error *err) {
	struct tn_tensor *line = tn_reshape(e, x, (int64_t[]){-1}, 1, err), *out;

	if (line == NULL) {
		return NULL;
	}
	out = tn_along(e, op, line, 0, false, err);
	tn_tensor_unref(line);
	return out;
}

/* ---- matrix products ---- */

static struct tn_tensor *matmul_node(struct tn_engine *e, struct tn_tensor *a, struct tn_tensor *b, struct tn_error *err) {
	struct tn_tensor *inputs[2] = {a, b};
	struct tn_rule_call call = {.engine = e, .op = TN_OP_MATMUL, .inputs = inputs, .input_count = 2};

	return tn_op_record(&call, err);
}

/* [..., M, K] @ [K, N] as one product of [... * M, K]: the backend sees one large matrix, and so does the gradient of b. */
static struct tn_tensor *matmul_folded(struct tn_engine *e, struct tn_tensor *a, struct tn_tensor *b, struct tn_error *err) {
	struct tn_shape shape = a->shape;
	int64_t k = shape.dims[shape.ndim - 1], rows = k == 0 ? 0 : tn_shape_count(&a->shape) / k;
	struct tn_tensor *flat = tn_reshape(e, a, (int64_t[]){rows, k}, 2, err), *product, *out;

	product = flat != NULL ? matmul_node(e, flat, b, err) : NULL;
	tn_tensor_unref(flat);
	if (product == NULL) {
		return NULL;
	}
	shape.dims[shape.ndim - 1] = b->shape.dims[1];
	out = tn_reshape(e, product, shape.dims, shape.ndim, err);
	tn_tensor_unref(product);
	return out;
}

/* A vector on the left is a row, on the right a column; that axis leaves the result. */
static struct tn_tensor *matmul_vectors(struct tn_engine *e, struct tn_tensor *a, struct tn_tensor *b, struct tn_error *err) {
	bool row = a->shape.ndim == 1, column = b->shape.ndim == 1;
	struct tn_tensor *left = NULL, *right = NULL, *product = NULL, *out = NULL;
	struct tn_shape shape;

	if (a->shape.dims[a->shape.ndim - 1] != b->shape.dims[column ? 0 : b->shape.ndim - 2]) {
		tn_error_set(err, TN_ERR_SHAPE, "matmul: inner dimensions differ: %s @ %s", tn_text_of(a).text, tn_text_of(b).text);
		return NULL;
	}
	left = row ? tn_unsqueeze(e, a, 0, err) : tn_tensor_ref(a);
	right = column ? tn_unsqueeze(e, b, 1, err) : tn_tensor_ref(b);
	product = left != NULL && right != NULL ? tn_matmul(e, left, right, err) : NULL;
	if (product == NULL) {
		goto out;
	}
	shape = product->shape;
	if (column) {
		shape.ndim--;
	}
	if (row) { /* the axis before the last of the product's */
		int at = product->shape.ndim - 2;

		memmove(&shape.dims[at], &shape.dims[at + 1], sizeof(shape.dims[0]) * (size_t)(product->shape.ndim - 1 - at));
		shape.ndim--;
	}
	out = tn_reshape(e, product, shape.dims, shape.ndim, err);
out:
	tn_tensor_unref(left);
	tn_tensor_unref(right);
	tn_tensor_unref(product);
	return out;
}

struct tn_tensor *tn_matmul(struct tn_engine *e, struct tn_tensor *a, struct tn_tensor *b, struct tn_error *err) {
	if (a->shape.ndim == 0 || b->shape.ndim == 0) {
		tn_error_set(
			err, TN_ERR_SHAPE, "matmul: each operand has at least 1 axis, not %s @ %s", tn_text_of(a).text, tn_text_of(b).text);
		tn_error_hint(err, "a * b multiplies by a 0-d tensor");
		return NULL;
	}
	if (a->shape.ndim == 1 || b->shape.ndim == 1) {
		return matmul_vectors(e, a, b, err);
	}
	if (a->shape.ndim > 2 && b->shape.ndim == 2 && a->shape.dims[a->shape.ndim - 1] == b->shape.dims[0] && b->shape.dims[0] > 0) {
		return matmul_folded(e, a, b, err);
	}
	return matmul_node(e, a, b, err);
}

/* ---- convolution and pooling ---- */

/* y + bias along axis 1. */
static struct tn_tensor *add_bias(struct tn_engine *e, struct tn_tensor *y, struct tn_tensor *bias, struct tn_error *err) {
	struct tn_tensor *cast, *column, *out;

	if (bias->shape.ndim != 1 || bias->shape.dims[0] != y->shape.dims[1]) {
		tn_error_set(err, TN_ERR_SHAPE, "conv2d: a result of %" PRId64 " channels wants a bias [%" PRId64 "], not %s",
			y->shape.dims[1], y->shape.dims[1], tn_text_of(bias).text);
		return NULL;
	}
	/* autocast: the bias follows the result down */
	cast = tn_engine_modes(e)->autocast && tn_dtype_is_float(bias->dtype) ? tn_cast(e, bias, y->dtype, err) : tn_tensor_ref(bias);
	column = cast != NULL ? tn_reshape(e, cast, (int64_t[]){1, -1, 1, 1}, 4, err) : NULL;
	out = column != NULL ? tn_binary(e, TN_OP_ADD, y, column, err) : NULL;
	tn_tensor_unref(cast);
	tn_tensor_unref(column);
	return out;
}

struct tn_tensor *tn_conv2d(struct tn_engine *e, struct tn_tensor *x, struct tn_tensor *w, struct tn_tensor *bias,
	const struct tn_conv2d_params *params, struct tn_error *err) {
	struct tn_tensor *inputs[2] = {x, w};
	int64_t attrs[7] = {params->stride[0], params->stride[1], params->padding[0], params->padding[1], params->dilation[0],
		params->dilation[1], params->groups};
	struct tn_rule_call call = {
		.engine = e, .op = TN_OP_CONV2D, .inputs = inputs, .input_count = 2, .attrs = attrs, .attr_count = 7};
	struct tn_tensor *y = tn_op_record(&call, err), *out;

	if (y == NULL || bias == NULL) {
		return y;
	}
	out = add_bias(e, y, bias, err);
	tn_tensor_unref(y);
	return out;
}

struct tn_tensor *tn_pool2d(
	struct tn_engine *e, enum tn_op op, struct tn_tensor *x, const struct tn_pool2d_params *params, struct tn_error *err) {
	int64_t attrs[7] = {params->kernel[0], params->kernel[1], params->stride[0], params->stride[1], params->padding[0],
		params->padding[1], params->count_padding};
	struct tn_rule_call call = {
		.engine = e, .op = op, .inputs = &x, .input_count = 1, .attrs = attrs, .attr_count = op == TN_OP_MAX_POOL2D ? 6 : 7};

	if (op != TN_OP_MAX_POOL2D && op != TN_OP_AVG_POOL2D) {
		tn_error_attrs(op, err);
		return NULL;
	}
	return tn_op_record(&call, err);
}
