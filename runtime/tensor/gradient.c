/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of gradient rules, the formulas that they are written in, and the rules of elementwise ops. Ties and edges follow
 * PyTorch: abs has slope 0 at 0, relu too, minimum and maximum share evenly between equal operands. Where a formula would meet 0
 * * inf its operand is replaced before, not the result after, so that the gradient of the gradient stays clean as well. */
#include "tensor/gradient.h"

#include <assert.h>
#include <math.h>

#include "tensor/rules.h"

/* ---- the driver ---- */

/* term summed down to the input's shape, in the input's dtype. */
static struct tn_tensor *fit_gradient(struct tn_grad_call *call, int k, struct tn_tensor *term, struct tn_error *err) {
	struct tn_tensor *sum = tn_sum_to(call->engine, term, &call->shapes[k], err), *out;

	if (sum == NULL) {
		return NULL;
	}
	out = tn_cast(call->engine, sum, call->dtypes[k], err);
	tn_tensor_unref(sum);
	return out;
}

static struct tn_tensor *zero_gradient(struct tn_grad_call *call, int k, struct tn_error *err) {
	return tn_full(call->engine, call->dtypes[k], &call->shapes[k], (struct tn_scalar){.is_float = true, .literal = true}, err);
}

bool tn_gradient_run(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_modes *modes = tn_engine_modes(call->engine);
	bool autocast = modes->autocast, ok;

	for (int k = 0; k < call->input_count; k++) {
		call->grads[k] = NULL;
	}
	modes->autocast = false; /* a gradient is computed in the dtypes of its op, wherever the block ends */
	ok = tn_op_gradient_rule(call->op)(call, err);
	for (int k = 0; ok && k < call->input_count; k++) {
		struct tn_tensor *term = call->grads[k];

		if (call->needs[k]) { /* zeros where the rule gave none: the input was reached, and its slope is 0 */
			call->grads[k] = term != NULL ? fit_gradient(call, k, term, err) : zero_gradient(call, k, err);
			tn_tensor_unref(term);
			ok = call->grads[k] != NULL;
		}
	}
	modes->autocast = autocast;
	for (int k = 0; !ok && k < call->input_count; k++) {
		tn_tensor_unref(call->grads[k]);
		call->grads[k] = NULL;
	}
	return ok;
}

/* ---- formulas ---- */

bool tn_formula_end(struct tn_formula *f) {
	for (int i = 0; i < f->count; i++) {
		tn_tensor_unref(f->held[i]);
	}
	f->count = 0;
	return !f->failed;
}

struct tn_arg tn_hold(struct tn_formula *f, struct tn_tensor *made) {
	if (made == NULL) {
		f->failed = true;
		return tn_number(0);
	}
	assert(f->count < TN_FORMULA_HELD);
	f->held[f->count++] = made;
	return tn_arg_tensor(made);
}

struct tn_arg tn_of_grad(const struct tn_formula *f) {
	return tn_arg_tensor(f->call->grad);
}

struct tn_arg tn_of_out(const struct tn_formula *f) {
	return tn_arg_tensor(f->call->out);
}

struct tn_arg tn_of_input(const struct tn_formula *f, int k) {
	int scalar = 0;

	if (!f->call->is_scalar[k]) {
		return tn_arg_tensor(f->call->inputs[k]);
	}
	for (int i = 0; i < k; i++) {
		scalar += f->call->is_scalar[i];
	}
	return (struct tn_arg){.scalar = f->call->scalars[scalar]};
}

struct tn_arg tn_op1(struct tn_formula *f, enum tn_op op, struct tn_arg a) {
	return f->failed ? a : tn_hold(f, tn_elementwise(f->engine, op, &a, 1, f->err));
}

struct tn_arg tn_op2(struct tn_formula *f, enum tn_op op, struct tn_arg a, struct tn_arg b) {
	return f->failed ? a : tn_hold(f, tn_elementwise(f->engine, op, (struct tn_arg[]){a, b}, 2, f->err));
}

struct tn_arg tn_choose(struct tn_formula *f, struct tn_arg condition, struct tn_arg a, struct tn_arg b) {
	return f->failed ? a : tn_hold(f, tn_elementwise(f->engine, TN_OP_WHERE, (struct tn_arg[]){condition, a, b}, 3, f->err));
}

struct tn_arg tn_op_attrs(
	struct tn_formula *f, enum tn_op op, const struct tn_arg *inputs, int input_count, const int64_t *attrs, int attr_count) {
	struct tn_tensor *tensors[4];

	if (f->failed) {
		return tn_number(0);
	}
	for (int i = 0; i < input_count; i++) {
		tensors[i] = inputs[i].tensor;
	}
	return tn_hold(f,
		tn_apply(f->engine, op,
			&(struct tn_op_params){.inputs = tensors, .input_count = input_count, .attrs = attrs, .attr_count = attr_count},
			f->err));
}

struct tn_arg tn_shaped(struct tn_formula *f, struct tn_arg a, const struct tn_shape *shape) {
	return f->failed ? a : tn_hold(f, tn_reshape(f->engine, a.tensor, shape->dims, shape->ndim, f->err));
}

struct tn_arg tn_filled(struct tn_formula *f, enum tn_dtype dtype, const struct tn_shape *shape, double number) {
	struct tn_scalar value = {.is_float = true, .literal = true, .f = number};

	return f->failed ? tn_number(0) : tn_hold(f, tn_full(f->engine, dtype, shape, value, f->err));
}

void tn_give(struct tn_formula *f, int k, struct tn_arg term) {
	if (!f->failed && f->call->needs[k]) {
		f->call->grads[k] = tn_tensor_ref(term.tensor);
	}
}

/* ---- one input: grad times the slope ---- */

/* Begins a rule of one input, with g the gradient, x the input and y the result where the table saves them. */
#define RULE1(name, formula)                                                                                                     \
	bool tn_grad_##name(struct tn_grad_call *call, struct tn_error *err) {                                                       \
		struct tn_formula scope = tn_formula_begin(call, err), *f = &scope;                                                      \
		struct tn_arg g = tn_of_grad(f), x TN_UNUSED = tn_of_input(f, 0), y TN_UNUSED = tn_of_out(f);                            \
		tn_give(f, 0, formula);                                                                                                  \
		return tn_formula_end(f);                                                                                                \
	}
#define NUM(value) tn_number(value)

RULE1(neg, tn_neg(f, g))
RULE1(abs, tn_mul(f, g, tn_op1(f, TN_OP_SIGN, x)))
RULE1(exp, tn_mul(f, g, y))
RULE1(expm1, tn_mul(f, g, tn_op1(f, TN_OP_EXP, x))) /* y + 1 has no digits left far below 0 */
RULE1(log, tn_div(f, g, x))
RULE1(log1p, tn_div(f, g, tn_add(f, x, NUM(1))))
RULE1(sqrt, tn_div(f, tn_mul(f, g, NUM(0.5)), y))
RULE1(rsqrt, tn_mul(f, tn_mul(f, g, NUM(-0.5)), tn_mul(f, y, tn_mul(f, y, y))))
RULE1(sin, tn_mul(f, g, tn_op1(f, TN_OP_COS, x)))
RULE1(cos, tn_neg(f, tn_mul(f, g, tn_op1(f, TN_OP_SIN, x))))
RULE1(tan, tn_mul(f, g, tn_add(f, tn_mul(f, y, y), NUM(1))))
RULE1(asin, tn_div(f, g, tn_op1(f, TN_OP_SQRT, tn_sub(f, NUM(1), tn_mul(f, x, x)))))
RULE1(acos, tn_neg(f, tn_div(f, g, tn_op1(f, TN_OP_SQRT, tn_sub(f, NUM(1), tn_mul(f, x, x))))))
RULE1(atan, tn_div(f, g, tn_add(f, tn_mul(f, x, x), NUM(1))))
RULE1(sinh, tn_mul(f, g, tn_op1(f, TN_OP_COSH, x)))
RULE1(cosh, tn_mul(f, g, tn_op1(f, TN_OP_SINH, x)))
RULE1(tanh, tn_mul(f, g, tn_sub(f, NUM(1), tn_mul(f, y, y))))
RULE1(erf, tn_mul(f, g, tn_mul(f, tn_op1(f, TN_OP_EXP, tn_neg(f, tn_mul(f, x, x))), NUM(M_2_SQRTPI))))
RULE1(sigmoid, tn_mul(f, g, tn_mul(f, y, tn_sub(f, NUM(1), y))))
RULE1(softplus, tn_mul(f, g, tn_op1(f, TN_OP_SIGMOID, x)))
RULE1(relu, tn_choose(f, tn_op2(f, TN_OP_LE, y, NUM(0)), NUM(0), g)) /* NaN hands its gradient on */
RULE1(cast, g) /* fit_gradient casts it back */
RULE1(copy, g)

/* Flat between its steps. */
bool tn_grad_zero(struct tn_grad_call *call, struct tn_error *err) {
	(void)call;
	(void)err;
	return true;
}

/* ---- two inputs ---- */

bool tn_grad_add(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);

	tn_give(&f, 0, tn_of_grad(&f));
	tn_give(&f, 1, tn_of_grad(&f));
	return tn_formula_end(&f);
}

bool tn_grad_sub(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);

	tn_give(&f, 0, tn_of_grad(&f));
	if (tn_wants(&f, 1)) {
		tn_give(&f, 1, tn_neg(&f, tn_of_grad(&f)));
	}
	return tn_formula_end(&f);
}

bool tn_grad_mul(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);

	for (int k = 0; k < 2; k++) {
		if (tn_wants(&f, k)) {
			tn_give(&f, k, tn_mul(&f, tn_of_grad(&f), tn_of_input(&f, 1 - k)));
		}
	}
	return tn_formula_end(&f);
}

bool tn_grad_div(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg a = tn_of_input(&f, 0), b = tn_of_input(&f, 1), share = tn_div(&f, tn_of_grad(&f), b);

	tn_give(&f, 0, share);
	if (tn_wants(&f, 1)) {
		tn_give(&f, 1, tn_neg(&f, tn_mul(&f, share, tn_div(&f, a, b))));
	}
	return tn_formula_end(&f);
}

/* a % b = a - b * floor(a / b) */
bool tn_grad_mod(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);

	tn_give(&f, 0, tn_of_grad(&f));
	if (tn_wants(&f, 1)) {
		struct tn_arg turns = tn_op2(&f, TN_OP_FLOOR_DIV, tn_of_input(&f, 0), tn_of_input(&f, 1));

		tn_give(&f, 1, tn_neg(&f, tn_mul(&f, tn_of_grad(&f), turns)));
	}
	return tn_formula_end(&f);
}

/* b * a^(b - 1), and 0 where b is 0, whatever a: where a is 0 or NaN too, its power is left out. Elsewhere the formula stays whole, for
 * the sake of its own slopes. */
static struct tn_arg slope_of_base(struct tn_formula *f, struct tn_arg a, struct tn_arg b) {
	struct tn_arg less, flat;

	if (b.tensor == NULL) {
		less = tn_arg_f64(b.scalar.f - 1, b.scalar.literal);
		return less.scalar.f == 1 ? tn_mul(f, a, b) : tn_mul(f, tn_op2(f, TN_OP_POW, a, less), b);
	}
	flat = tn_op1(f, TN_OP_LOGICAL_NOT, tn_op2(f, TN_OP_GT, tn_op1(f, TN_OP_ABS, a), NUM(0)));
	flat = tn_op2(f, TN_OP_AND, flat, tn_op2(f, TN_OP_EQ, b, NUM(0)));
	less = tn_sub(f, tn_choose(f, flat, NUM(1), b), NUM(1));
	a = tn_choose(f, flat, NUM(1), a);
	return tn_mul(f, b, tn_op2(f, TN_OP_POW, a, less));
}

/* a^b * log(a); 0 where a is 0, but -inf where b is negative there: the power is a pole. */
static struct tn_arg slope_of_exponent(struct tn_formula *f, struct tn_arg a, struct tn_arg b) {
	struct tn_arg flat, y = tn_of_out(f);

	if (a.tensor == NULL && a.scalar.f != 0) {
		return tn_mul(f, y, tn_arg_f64(log(a.scalar.f), a.scalar.literal));
	}
	flat = tn_op2(f, TN_OP_GE, b, NUM(0));
	if (a.tensor == NULL) {
		return tn_choose(f, flat, NUM(0), tn_neg(f, y));
	}
	flat = tn_op2(f, TN_OP_AND, tn_op2(f, TN_OP_EQ, a, NUM(0)), flat);
	return tn_mul(f, tn_choose(f, flat, NUM(0), y), tn_op1(f, TN_OP_LOG, tn_choose(f, flat, NUM(1), a)));
}

bool tn_grad_pow(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg a = tn_of_input(&f, 0), b = tn_of_input(&f, 1), g = tn_of_grad(&f);

	if (tn_wants(&f, 0) && !(b.tensor == NULL && b.scalar.f == 0)) {
		tn_give(&f, 0, tn_mul(&f, g, slope_of_base(&f, a, b)));
	}
	if (tn_wants(&f, 1)) {
		tn_give(&f, 1, tn_mul(&f, g, slope_of_exponent(&f, a, b)));
	}
	return tn_formula_end(&f);
}

/* atan2(a, b): the angle of the point (b, a); at the origin, which has none, 0 in all directions. */
bool tn_grad_atan2(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg a = tn_of_input(&f, 0), b = tn_of_input(&f, 1), square_a, square_b, square, at_origin, share;

	/* one of the two may be a number, whose square is one too */
	square_a = a.tensor != NULL ? tn_mul(&f, a, a) : tn_arg_f64(a.scalar.f * a.scalar.f, a.scalar.literal);
	square_b = b.tensor != NULL ? tn_mul(&f, b, b) : tn_arg_f64(b.scalar.f * b.scalar.f, b.scalar.literal);
	square = tn_add(&f, square_a, square_b);
	at_origin = tn_op2(&f, TN_OP_EQ, square, NUM(0));
	share = tn_div(&f, tn_choose(&f, at_origin, NUM(0), tn_of_grad(&f)), tn_choose(&f, at_origin, NUM(1), square));
	if (tn_wants(&f, 0)) {
		tn_give(&f, 0, tn_mul(&f, share, b));
	}
	if (tn_wants(&f, 1)) {
		tn_give(&f, 1, tn_neg(&f, tn_mul(&f, share, a)));
	}
	return tn_formula_end(&f);
}

/* All to the chosen operand, half to each of equal ones; `loses` is true where the operand was not chosen. */
static bool share_extreme(struct tn_grad_call *call, enum tn_op loses, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg a = tn_of_input(&f, 0), b = tn_of_input(&f, 1), g = tn_of_grad(&f);
	struct tn_arg share = tn_choose(&f, tn_op2(&f, TN_OP_EQ, a, b), tn_mul(&f, g, NUM(0.5)), g);

	if (tn_wants(&f, 0)) {
		tn_give(&f, 0, tn_choose(&f, tn_op2(&f, loses, a, b), NUM(0), share));
	}
	if (tn_wants(&f, 1)) {
		tn_give(&f, 1, tn_choose(&f, tn_op2(&f, loses, b, a), NUM(0), share));
	}
	return tn_formula_end(&f);
}

bool tn_grad_minimum(struct tn_grad_call *call, struct tn_error *err) {
	return share_extreme(call, TN_OP_GT, err);
}

bool tn_grad_maximum(struct tn_grad_call *call, struct tn_error *err) {
	return share_extreme(call, TN_OP_LT, err);
}

bool tn_grad_where(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg condition = tn_of_input(&f, 0), g = tn_of_grad(&f);

	if (tn_wants(&f, 1)) {
		tn_give(&f, 1, tn_choose(&f, condition, g, NUM(0)));
	}
	if (tn_wants(&f, 2)) {
		tn_give(&f, 2, tn_choose(&f, condition, NUM(0), g));
	}
	return tn_formula_end(&f);
}
