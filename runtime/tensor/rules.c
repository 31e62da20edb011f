/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of elementwise ops: promotion between tensors, numbers that meet tensors (LANGUAGE.md section 3), broadcasting; and what
 * all rules share. The other rules are in rules_compute.c (reductions, contractions, windows) and rules_shape.c. */
#include "tensor/rules.h"

#include <inttypes.h>
#include <math.h>

struct tn_text tn_text_of(const struct tn_tensor *x) {
	struct tn_text t;

	tn_describe(x->dtype, &x->shape, t.text);
	return t;
}

struct tn_text tn_text_of_shape(const struct tn_shape *shape) {
	struct tn_text t;

	tn_shape_format(shape, t.text);
	return t;
}

bool tn_error_attrs(enum tn_op op, struct tn_error *err) {
	return tn_error_set(err, TN_ERR_VALUE, "%s: its attributes are incomplete or out of range", tn_op_name(op));
}

bool tn_axis_resolve(enum tn_op op, const struct tn_tensor *x, int64_t *axis, struct tn_error *err) {
	int64_t ndim = x->shape.ndim;

	/* a 0-d tensor counts as one of one axis, as in PyTorch */
	if (*axis < -(ndim == 0 ? 1 : ndim) || *axis >= (ndim == 0 ? 1 : ndim)) {
		return tn_error_set(err, TN_ERR_INDEX, "%s: axis %" PRId64 " is out of range for %s, which has %" PRId64 " ax%s",
			tn_op_name(op), *axis, tn_text_of(x).text, ndim, ndim == 1 ? "is" : "es");
	}
	if (*axis < 0) {
		*axis += ndim == 0 ? 1 : ndim;
	}
	return true;
}

/* ---- numbers ---- */

/* Largest finite number of a floating dtype. */
static double float_max(enum tn_dtype dtype) {
	switch (dtype) {
	case TN_DTYPE_F16:
		return 65504;
	case TN_DTYPE_BF16:
		return 0x1.fep127;
	case TN_DTYPE_F32:
		return 0x1.fffffep127;
	default:
		return INFINITY;
	}
}

static bool integer_range(enum tn_dtype dtype, int64_t *low, int64_t *high) {
	switch (dtype) {
	case TN_DTYPE_U8:
		*low = 0;
		*high = UINT8_MAX;
		return true;
	case TN_DTYPE_I32:
		*low = INT32_MIN;
		*high = INT32_MAX;
		return true;
	case TN_DTYPE_BOOL8:
		*low = 0;
		*high = 1;
		return true;
	default:
		*low = INT64_MIN;
		*high = INT64_MAX;
		return false;
	}
}

/* x as an element of the dtype would hold it, so that every backend computes with the same number. */
static double round_to(enum tn_dtype dtype, double x) {
	switch (dtype) {
	case TN_DTYPE_F32:
		return (double)(float)x;
	case TN_DTYPE_BF16:
		return (double)tn_bf16_to_f32(tn_f32_to_bf16((float)x));
	case TN_DTYPE_F16:
		return (double)tn_f16_to_f32(tn_f32_to_f16((float)x));
	default:
		return x;
	}
}

bool tn_scalar_fit(enum tn_op op, enum tn_dtype dtype, struct tn_scalar *scalar, struct tn_error *err) {
	if (tn_dtype_is_float(dtype)) {
		double x = scalar->is_float ? scalar->f : (double)scalar->i, max = float_max(dtype);

		if (fabs(x) > max && !isinf(x)) { /* infinity and NaN are numbers of every floating dtype */
			return tn_error_set(err, TN_ERR_OVERFLOW, "%s: %g does not fit %s, whose largest number is %g", tn_op_name(op), x,
				tn_dtype_name(dtype), max);
		}
		*scalar = (struct tn_scalar){.is_float = true, .literal = scalar->literal, .f = round_to(dtype, x)};
		return true;
	}
	int64_t low, high;
	if (scalar->is_float) { /* makers only: elementwise ops promote to a floating dtype instead */
		double x = scalar->f;

		if (!(x >= -0x1p63 && x < 0x1p63) || x != trunc(x)) {
			return tn_error_set(err, x == x && x == trunc(x) ? TN_ERR_OVERFLOW : TN_ERR_VALUE, "%s: %s cannot hold %g",
				tn_op_name(op), tn_dtype_name(dtype), x);
		}
		*scalar = (struct tn_scalar){.literal = scalar->literal, .i = (int64_t)x};
	}
	if (integer_range(dtype, &low, &high) && (scalar->i < low || scalar->i > high)) {
		tn_error_set(err, TN_ERR_OVERFLOW, "%s: %" PRId64 " does not fit %s, which holds %" PRId64 " to %" PRId64, tn_op_name(op),
			scalar->i, tn_dtype_name(dtype), low, high);
		tn_error_hint(err, "convert the tensor first, for example i64(x)");
		return false;
	}
	return true;
}

/* The dtype of a tensor's op with a number. */
static enum tn_dtype meet_number(enum tn_dtype dtype, const struct tn_scalar *number, bool is_bool) {
	if (tn_dtype_is_float(dtype) || is_bool) {
		return dtype;
	}
	if (number->is_float) {
		return TN_DTYPE_F32;
	}
	return dtype == TN_DTYPE_BOOL8 ? TN_DTYPE_I64 : dtype;
}

/* ---- promotion and broadcast ---- */

/* A hint where one operand lacks trailing axes: [64] with [64, 10] wants [64, 1]. */
static void hint_missing_axes(const struct tn_tensor *a, const struct tn_tensor *b, struct tn_error *err) {
	bool second = a->shape.ndim > b->shape.ndim;
	const struct tn_shape *few = second ? &b->shape : &a->shape, *many = second ? &a->shape : &b->shape;
	struct tn_shape fit = *many;

	if (few->ndim == 0 || few->ndim == many->ndim) {
		return;
	}
	for (int i = 0; i < many->ndim; i++) {
		if (i < few->ndim && few->dims[i] != many->dims[i]) {
			return;
		}
		fit.dims[i] = i < few->ndim ? many->dims[i] : 1;
	}
	tn_error_hint(err, "the %s operand reshaped to %s would fit", second ? "second" : "first", tn_text_of_shape(&fit).text);
}

static bool broadcast_inputs(struct tn_rule_call *call, struct tn_error *err) {
	const struct tn_tensor *first = NULL;

	for (int i = 0; i < call->input_count; i++) {
		const struct tn_tensor *x = call->inputs[i];

		if (x == NULL) {
			continue;
		}
		if (first == NULL) {
			first = x;
			call->shape = x->shape;
		} else if (!tn_shape_equal(&call->shape, &x->shape) && !tn_shape_broadcast(&call->shape, &x->shape, &call->shape)) {
			if (i == 2 && first != call->inputs[1] && call->inputs[1] != NULL) { /* WHERE */
				return tn_error_set(err, TN_ERR_SHAPE, "%s: shapes do not broadcast: %s, %s and %s", tn_op_name(call->op),
					tn_text_of(first).text, tn_text_of(call->inputs[1]).text, tn_text_of(x).text);
			}
			tn_error_set(err, TN_ERR_SHAPE, "%s: shapes do not broadcast: %s and %s", tn_op_name(call->op),
				tn_text_of(first).text, tn_text_of(x).text);
			hint_missing_axes(first, x, err);
			return false;
		}
	}
	/* [n, 1] with [1, m] is larger than both */
	return tn_shape_equal(&call->shape, &first->shape) || tn_shape_check(&call->shape, tn_op_name(call->op), err);
}

/* The dtype in which inputs from `from` on are computed, numbers included: in call->operand; and which tensors must be cast. */
static void promote_inputs(struct tn_rule_call *call, int from) {
	bool any = false;
	int scalar = 0;

	for (int i = from; i < call->input_count; i++) {
		if (call->inputs[i] != NULL) {
			call->operand = any ? tn_dtype_promote(call->operand, call->inputs[i]->dtype) : call->inputs[i]->dtype;
			any = true;
		}
	}
	if (!any) { /* WHERE of two numbers: as if bool8 tensors stood there, but floats give f32 */
		call->operand = TN_DTYPE_BOOL8;
	}
	for (int i = from; i < call->input_count; i++) {
		if (call->inputs[i] == NULL) {
			call->operand = meet_number(call->operand, &call->scalars[scalar], (call->bool_scalars >> scalar & 1) != 0);
			scalar++;
		}
	}
}

static void cast_inputs(struct tn_rule_call *call, int from) {
	for (int i = from; i < call->input_count; i++) {
		if (call->inputs[i] != NULL && call->inputs[i]->dtype != call->operand) {
			call->casts |= UINT64_C(1) << i;
		}
	}
}

static bool no_arithmetic(const struct tn_rule_call *call, struct tn_error *err) {
	tn_error_set(err, TN_ERR_TYPE, "%s: bool8 tensors have no such operation", tn_op_name(call->op));
	if (call->op == TN_OP_SUB) {
		tn_error_hint(err, "a ^ b is true where they differ; i64(x) makes numbers of them");
	} else if (call->op == TN_OP_NEG) {
		tn_error_hint(err, "~x inverts a mask; i64(x) makes numbers of it");
	} else {
		tn_error_hint(err, "i64(x) makes numbers of them");
	}
	return false;
}

/* ---- one input ---- */

static bool one_input(struct tn_rule_call *call) {
	call->shape = call->inputs[0]->shape;
	call->operand = call->dtype = call->inputs[0]->dtype;
	return true;
}

bool tn_rule_arith(struct tn_rule_call *call, struct tn_error *err) {
	return one_input(call) && (call->dtype != TN_DTYPE_BOOL8 || no_arithmetic(call, err));
}

bool tn_rule_float(struct tn_rule_call *call, struct tn_error *err) {
	(void)err;
	one_input(call);
	if (!tn_dtype_is_float(call->dtype)) {
		call->operand = call->dtype = TN_DTYPE_F32;
		call->casts = 1;
	}
	return true;
}

/* isnan, isinf and isfinite look at floats, logical_not at truth. */
bool tn_rule_test(struct tn_rule_call *call, struct tn_error *err) {
	(void)err;
	one_input(call);
	if (call->op == TN_OP_LOGICAL_NOT) {
		call->operand = TN_DTYPE_BOOL8;
	} else if (!tn_dtype_is_float(call->operand)) {
		call->operand = TN_DTYPE_F32;
	}
	cast_inputs(call, 0);
	call->dtype = TN_DTYPE_BOOL8;
	return true;
}

static bool check_bits(const struct tn_rule_call *call, bool bool_too, struct tn_error *err) {
	if (tn_dtype_is_float(call->operand)) {
		return tn_error_set(err, TN_ERR_TYPE, "%s: works on integer%s tensors, not on %s", tn_op_name(call->op),
			bool_too ? " and bool8" : "", tn_dtype_name(call->operand));
	}
	return bool_too || call->operand != TN_DTYPE_BOOL8 || no_arithmetic(call, err);
}

bool tn_rule_bits(struct tn_rule_call *call, struct tn_error *err) {
	return one_input(call) && check_bits(call, true, err);
}

bool tn_rule_cast(struct tn_rule_call *call, struct tn_error *err) {
	(void)err;
	call->shape = call->inputs[0]->shape; /* dtype: given */
	return true;
}

/* ---- two and three inputs ---- */

/* An integer tensor divided by the number 0, or to the power of a negative one, has no integer result. */
static bool check_second_number(const struct tn_rule_call *call, struct tn_error *err) {
	if (call->inputs[1] != NULL || tn_dtype_is_float(call->operand)) {
		return true;
	}
	if ((call->op == TN_OP_FLOOR_DIV || call->op == TN_OP_MOD) && call->scalars[0].i == 0) {
		return tn_error_set(err, TN_ERR_ZERO_DIVISION, "%s: an integer tensor (%s) divided by 0", tn_op_name(call->op),
			tn_text_of(call->inputs[0]).text);
	}
	if (call->op != TN_OP_POW || call->scalars[0].i >= 0) {
		return true;
	}
	tn_error_set(err, TN_ERR_VALUE, "pow: an integer tensor (%s) to the negative power %" PRId64,
		tn_text_of(call->inputs[0]).text, call->scalars[0].i);
	tn_error_hint(err, "f32(x) ** %" PRId64 " gives fractions", call->scalars[0].i);
	return false;
}

bool tn_rule_promote(struct tn_rule_call *call, struct tn_error *err) {
	if (!broadcast_inputs(call, err)) {
		return false;
	}
	promote_inputs(call, 0);
	if (call->operand == TN_DTYPE_BOOL8) { /* tn_elementwise has turned + * min max into logic */
		return no_arithmetic(call, err);
	}
	cast_inputs(call, 0);
	call->dtype = call->operand;
	return check_second_number(call, err);
}

bool tn_rule_promote_float(struct tn_rule_call *call, struct tn_error *err) {
	if (!broadcast_inputs(call, err)) {
		return false;
	}
	promote_inputs(call, 0);
	if (!tn_dtype_is_float(call->operand)) {
		call->operand = TN_DTYPE_F32;
	}
	cast_inputs(call, 0);
	call->dtype = call->operand;
	return true;
}

bool tn_rule_compare(struct tn_rule_call *call, struct tn_error *err) {
	if (!broadcast_inputs(call, err)) {
		return false;
	}
	promote_inputs(call, 0);
	cast_inputs(call, 0);
	call->dtype = TN_DTYPE_BOOL8;
	return true;
}

bool tn_rule_promote_bits(struct tn_rule_call *call, struct tn_error *err) {
	bool shift = call->op == TN_OP_SHL || call->op == TN_OP_SHR;

	if (!broadcast_inputs(call, err)) {
		return false;
	}
	promote_inputs(call, 0);
	cast_inputs(call, 0);
	call->dtype = call->operand;
	if (!check_bits(call, !shift, err)) {
		return false;
	}
	if (shift && call->inputs[1] == NULL) {
		int64_t bits = (int64_t)(8 * tn_dtype_size(call->operand));

		if (call->scalars[call->scalar_count - 1].i < 0 || call->scalars[call->scalar_count - 1].i >= bits) {
			return tn_error_set(err, TN_ERR_VALUE, "%s: a shift of %s is by 0 to %" PRId64 ", not by %" PRId64,
				tn_op_name(call->op), tn_dtype_name(call->operand), bits - 1, call->scalars[call->scalar_count - 1].i);
		}
	}
	return true;
}

bool tn_rule_where(struct tn_rule_call *call, struct tn_error *err) {
	const struct tn_tensor *condition = call->inputs[0];

	if (condition == NULL || condition->dtype != TN_DTYPE_BOOL8) {
		tn_error_set(err, TN_ERR_TYPE, "where: the condition is a bool8 tensor, not %s",
			condition == NULL ? "a number" : tn_text_of(condition).text);
		if (condition != NULL) {
			tn_error_hint(err, "compare it, for example x != 0");
		}
		return false;
	}
	if (!broadcast_inputs(call, err)) {
		return false;
	}
	promote_inputs(call, 1);
	cast_inputs(call, 1);
	call->dtype = call->operand;
	return true;
}
