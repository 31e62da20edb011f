/* SPDX-License-Identifier: Apache-2.0 */
/* Gradient rules of reductions, ops along an axis, contractions and windows. Convolution and its two gradients form a closed
 * family: each is linear in both inputs, and the gradients of one are the other two. So do the three max poolings. */
#include "tensor/gradient.h"

#include <string.h>

/* ---- reductions ---- */

/* Shape of a reduction's result with the reduced axes kept. */
static struct tn_shape kept_shape(const struct tn_grad_call *call) {
	struct tn_shape shape = call->shapes[0];

	for (int i = 0; i < shape.ndim; i++) {
		if ((call->attrs[0] >> i & 1) != 0) {
			shape.dims[i] = 1;
		}
	}
	return shape;
}

bool tn_grad_sum(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_shape kept = kept_shape(call);
	struct tn_arg g = tn_shaped(&f, tn_of_grad(&f), &kept);

	if (!f.failed) {
		tn_give(&f, 0, tn_hold(&f, tn_expand(f.engine, g.tensor, call->shapes[0].dims, call->shapes[0].ndim, err)));
	}
	return tn_formula_end(&f);
}

static struct tn_arg along(struct tn_formula *f, enum tn_op op, struct tn_arg x, int64_t axis) {
	return f->failed ? x : tn_hold(f, tn_along(f->engine, op, x.tensor, axis, false, f->err));
}

static struct tn_arg flipped(struct tn_formula *f, struct tn_arg x, int64_t axis) {
	return f->failed ? x : tn_hold(f, tn_flip(f->engine, x.tensor, &axis, 1, f->err));
}

static struct tn_arg summed(struct tn_formula *f, struct tn_arg x, int64_t axis) {
	return f->failed ? x : tn_hold(f, tn_reduce(f->engine, TN_OP_SUM, x.tensor, &axis, 1, true, f->err));
}

/* Sum of each element and those after it. */
static struct tn_arg sum_from(struct tn_formula *f, struct tn_arg x, int64_t axis) {
	return flipped(f, along(f, TN_OP_CUMSUM, flipped(f, x, axis), axis), axis);
}

/* Products of the elements before each one along the last axis, which has n: 1, x0, x0 x1 … */
static struct tn_arg product_before(struct tn_formula *f, struct tn_arg x, int64_t n) {
	int64_t before[TN_MAX_NDIM] = {0}, after[TN_MAX_NDIM] = {0};
	struct tn_index head[2] = {
		{.kind = TN_INDEX_ELLIPSIS}, {.kind = TN_INDEX_SLICE, .literal = true, .has_stop = true, .stop = n - 1}};
	struct tn_scalar one = {.is_float = true, .literal = true, .f = 1};
	struct tn_arg part;

	if (f->failed) {
		return x;
	}
	part = tn_hold(f, tn_index_get(f->engine, x.tensor, head, 2, f->err));
	if (f->failed) {
		return part;
	}
	before[part.tensor->shape.ndim - 1] = 1;
	part = tn_hold(f, tn_pad(f->engine, part.tensor, before, after, one, f->err));
	return along(f, TN_OP_CUMPROD, part, -1);
}

/* The reduced axes of x moved to the end and merged into one; order is the permutation. */
static struct tn_arg reduced_last(struct tn_formula *f, struct tn_arg x, int64_t mask, int64_t *order, int64_t *n) {
	struct tn_shape merged = {0};
	const struct tn_shape *in = &f->call->shapes[0];
	int at = 0;

	*n = 1;
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < in->ndim; i++) {
			if ((mask >> i & 1) != pass) {
				continue;
			}
			order[at++] = i;
			if (pass == 0) {
				merged.dims[merged.ndim++] = in->dims[i];
			} else {
				*n *= in->dims[i];
			}
		}
	}
	merged.dims[merged.ndim++] = *n;
	if (f->failed) {
		return x;
	}
	x = tn_hold(f, tn_permute(f->engine, x.tensor, order, in->ndim, f->err));
	return tn_shaped(f, x, &merged);
}

/* The product of all others, as the product of those before times that of those after: no division, so zeros are safe. */
bool tn_grad_prod(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_shape kept = kept_shape(call), turned = call->shapes[0];
	int64_t order[TN_MAX_NDIM], back[TN_MAX_NDIM], n;
	struct tn_arg x, others;

	if (tn_shape_count(&call->shapes[0]) == 0) {
		return true;
	}
	x = reduced_last(&f, tn_of_input(&f, 0), call->attrs[0], order, &n);
	others = tn_mul(&f, product_before(&f, x, n), flipped(&f, product_before(&f, flipped(&f, x, -1), n), -1));
	for (int i = 0; i < turned.ndim; i++) {
		turned.dims[i] = call->shapes[0].dims[order[i]];
		back[order[i]] = i;
	}
	others = tn_shaped(&f, others, &turned);
	if (!f.failed) {
		others = tn_hold(&f, tn_permute(f.engine, others.tensor, back, turned.ndim, err));
	}
	tn_give(&f, 0, tn_mul(&f, tn_shaped(&f, tn_of_grad(&f), &kept), others));
	return tn_formula_end(&f);
}

/* max and min: shared evenly among equals, as PyTorch's amax. */
bool tn_grad_extreme(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_shape kept = kept_shape(call);
	int64_t attrs[2] = {call->attrs[0], 1};
	struct tn_arg chosen, count, share;

	chosen = tn_op2(&f, TN_OP_EQ, tn_of_input(&f, 0), tn_shaped(&f, tn_of_out(&f), &kept));
	count = tn_op_attrs(&f, TN_OP_SUM, &chosen, 1, attrs, 2);
	share = tn_div(&f, tn_shaped(&f, tn_of_grad(&f), &kept), count);
	tn_give(&f, 0, tn_choose(&f, chosen, share, tn_number(0)));
	return tn_formula_end(&f);
}

/* ---- along an axis ---- */

bool tn_grad_softmax(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg y = tn_of_out(&f), g = tn_of_grad(&f);

	tn_give(&f, 0, tn_mul(&f, y, tn_sub(&f, g, summed(&f, tn_mul(&f, g, y), call->attrs[0]))));
	return tn_formula_end(&f);
}

bool tn_grad_log_softmax(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg g = tn_of_grad(&f);

	tn_give(&f, 0, tn_sub(&f, g, tn_mul(&f, tn_op1(&f, TN_OP_EXP, tn_of_out(&f)), summed(&f, g, call->attrs[0]))));
	return tn_formula_end(&f);
}

bool tn_grad_cumsum(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);

	tn_give(&f, 0, sum_from(&f, tn_of_grad(&f), call->attrs[0]));
	return tn_formula_end(&f);
}

/* Before the first zero: the sum of g * y from there on, over x. At the first zero: the same sum with that zero taken as 1. After
 * it every product holds the zero: 0. (Exact everywhere; the second gradient is so where no element is 0.) */
bool tn_grad_cumprod(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg g = tn_of_grad(&f), x = tn_of_input(&f, 0), zero, zeros, first, regular, at_first;
	int64_t axis = call->attrs[0];

	zero = tn_op2(&f, TN_OP_EQ, x, tn_number(0));
	zeros = along(&f, TN_OP_CUMSUM, zero, axis);
	first = tn_op2(&f, TN_OP_AND, zero, tn_op2(&f, TN_OP_EQ, zeros, tn_arg_i64(1, true)));
	regular = tn_div(&f, sum_from(&f, tn_mul(&f, g, tn_of_out(&f)), axis), tn_choose(&f, zero, tn_number(1), x));
	at_first = sum_from(&f, tn_mul(&f, g, along(&f, TN_OP_CUMPROD, tn_choose(&f, first, tn_number(1), x), axis)), axis);
	at_first = tn_choose(&f, first, at_first, tn_number(0));
	tn_give(&f, 0, tn_choose(&f, tn_op2(&f, TN_OP_EQ, zeros, tn_arg_i64(0, true)), regular, at_first));
	return tn_formula_end(&f);
}

/* ---- contractions ---- */

static struct tn_arg turned(struct tn_formula *f, struct tn_arg x) {
	return f->failed ? x : tn_hold(f, tn_transpose(f->engine, x.tensor, -1, -2, f->err));
}

static struct tn_arg product(struct tn_formula *f, struct tn_arg a, struct tn_arg b) {
	return f->failed ? a : tn_hold(f, tn_matmul(f->engine, a.tensor, b.tensor, f->err));
}

/* a @ b as the gradient of `like`. Of a weight that was turned for its product (x @ w.T) the gradient is computed turned as well, so
 * that it comes to lie as the weight does, and the optimizer reads both in order. What was turned is known from the program alone, not
 * from how things lie: the bits must not depend on when they were computed. */
static struct tn_arg product_like(struct tn_formula *f, struct tn_arg a, struct tn_arg b, int like) {
	if (!f->call->inputs[like]->turned) {
		return product(f, a, b);
	}
	return turned(f, product(f, turned(f, b), turned(f, a)));
}

bool tn_grad_matmul(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg g = tn_of_grad(&f);

	if (tn_wants(&f, 0)) {
		tn_give(&f, 0, product_like(&f, g, turned(&f, tn_of_input(&f, 1)), 0));
	}
	if (tn_wants(&f, 1)) {
		tn_give(&f, 1, product_like(&f, turned(&f, tn_of_input(&f, 0)), g, 1));
	}
	return tn_formula_end(&f);
}

/* CONV2D(a, b), or one of its gradients, whose result has `shape`. */
static struct tn_arg convolution(
	struct tn_formula *f, enum tn_op op, struct tn_arg a, struct tn_arg b, const struct tn_shape *shape) {
	int64_t attrs[11];

	memcpy(attrs, f->call->attrs, sizeof(attrs[0]) * 7);
	memcpy(attrs + 7, shape->dims, sizeof(attrs[0]) * 4);
	return tn_op_attrs(f, op, (struct tn_arg[]){a, b}, 2, attrs, op == TN_OP_CONV2D ? 7 : 11);
}

bool tn_grad_conv2d(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg x = tn_of_input(&f, 0), w = tn_of_input(&f, 1), g = tn_of_grad(&f);

	if (tn_wants(&f, 0)) {
		tn_give(&f, 0, convolution(&f, TN_OP_CONV2D_GRAD_X, g, w, &call->shapes[0]));
	}
	if (tn_wants(&f, 1)) {
		tn_give(&f, 1, convolution(&f, TN_OP_CONV2D_GRAD_W, x, g, &call->shapes[1]));
	}
	return tn_formula_end(&f);
}

bool tn_grad_conv2d_grad_x(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg inner = tn_of_input(&f, 0), w = tn_of_input(&f, 1), g = tn_of_grad(&f);

	if (tn_wants(&f, 0)) {
		tn_give(&f, 0, convolution(&f, TN_OP_CONV2D, g, w, &call->shapes[0]));
	}
	if (tn_wants(&f, 1)) {
		tn_give(&f, 1, convolution(&f, TN_OP_CONV2D_GRAD_W, g, inner, &call->shapes[1]));
	}
	return tn_formula_end(&f);
}

bool tn_grad_conv2d_grad_w(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg x = tn_of_input(&f, 0), inner = tn_of_input(&f, 1), g = tn_of_grad(&f);

	if (tn_wants(&f, 0)) {
		tn_give(&f, 0, convolution(&f, TN_OP_CONV2D_GRAD_X, inner, g, &call->shapes[0]));
	}
	if (tn_wants(&f, 1)) {
		tn_give(&f, 1, convolution(&f, TN_OP_CONV2D, x, g, &call->shapes[1]));
	}
	return tn_formula_end(&f);
}

/* ---- windows ---- */

/* x, the pooling's result, and t: to the maxima's places (GRAD) or from them (TAKE). */
static struct tn_arg at_maxima(struct tn_formula *f, enum tn_op op, struct tn_arg x, struct tn_arg result, struct tn_arg t) {
	return tn_op_attrs(f, op, (struct tn_arg[]){x, result, t}, 3, f->call->attrs, 6);
}

bool tn_grad_max_pool2d(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);

	tn_give(&f, 0, at_maxima(&f, TN_OP_MAX_POOL2D_GRAD, tn_of_input(&f, 0), tn_of_out(&f), tn_of_grad(&f)));
	return tn_formula_end(&f);
}

/* x and the result only say where: they get no gradient. */
bool tn_grad_max_pool2d_grad(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);

	if (tn_wants(&f, 2)) {
		tn_give(&f, 2, at_maxima(&f, TN_OP_MAX_POOL2D_TAKE, tn_of_input(&f, 0), tn_of_input(&f, 1), tn_of_grad(&f)));
	}
	return tn_formula_end(&f);
}

bool tn_grad_max_pool2d_take(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);

	if (tn_wants(&f, 2)) {
		tn_give(&f, 2, at_maxima(&f, TN_OP_MAX_POOL2D_GRAD, tn_of_input(&f, 0), tn_of_input(&f, 1), tn_of_grad(&f)));
	}
	return tn_formula_end(&f);
}

bool tn_grad_avg_pool2d(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg g = tn_of_grad(&f);
	int64_t attrs[11];

	memcpy(attrs, call->attrs, sizeof(attrs[0]) * 7);
	memcpy(attrs + 7, call->shapes[0].dims, sizeof(attrs[0]) * 4);
	tn_give(&f, 0, tn_op_attrs(&f, TN_OP_AVG_POOL2D_GRAD, &g, 1, attrs, 11));
	return tn_formula_end(&f);
}

bool tn_grad_avg_pool2d_grad(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg g = tn_of_grad(&f);

	tn_give(&f, 0, tn_op_attrs(&f, TN_OP_AVG_POOL2D, &g, 1, call->attrs, 7));
	return tn_formula_end(&f);
}
