/* SPDX-License-Identifier: Apache-2.0 */
/* The elementwise ops of the op table as functions of the language. One function serves tensors, numbers and (leafwise, by the
 * checker and the VM) whole trees. On numbers the functions are C's, in double. */
#include <math.h>

#include "lang/builtin.h"

static double sign_of(double x) { return isnan(x) ? x : (double)((x > 0) - (x < 0)); }
static double rsqrt_of(double x) { return 1.0 / sqrt(x); }
static double sigmoid_of(double x) { return 1.0 / (1.0 + exp(-x)); }
static double softplus_of(double x) { return (x < 0 ? 0.0 : x) + log1p(exp(-fabs(x))); }
static double relu_of(double x) { return x > 0 || isnan(x) ? x : 0.0; }
static double minimum_of(double a, double b) { return isnan(a) || a < b ? a : b; }
static double maximum_of(double a, double b) { return isnan(a) || a > b ? a : b; }
/* as of tensors: the floor of the exact quotient, which a / b may have rounded up */
static double floor_div_of(double a, double b) {
	double rest = fmod(a, b), quotient = (a - rest) / b - (rest != 0 && (rest < 0) != (b < 0));
	return b == 0 ? a / b : quotient == 0 ? copysign(0, a / b) : rint(quotient);
}
static double mod_of(double a, double b) {
	double r = fmod(a, b);
	return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static double (*const unary_of[TN_OP_COUNT])(double) = {
	[TN_OP_SIGN] = sign_of, [TN_OP_FLOOR] = floor, [TN_OP_CEIL] = ceil, [TN_OP_ROUND] = rint, [TN_OP_EXP] = exp, [TN_OP_EXPM1] = expm1,
	[TN_OP_LOG] = log, [TN_OP_LOG1P] = log1p, [TN_OP_SQRT] = sqrt, [TN_OP_RSQRT] = rsqrt_of, [TN_OP_SIN] = sin, [TN_OP_COS] = cos,
	[TN_OP_TAN] = tan, [TN_OP_ASIN] = asin, [TN_OP_ACOS] = acos, [TN_OP_ATAN] = atan, [TN_OP_SINH] = sinh, [TN_OP_COSH] = cosh,
	[TN_OP_TANH] = tanh, [TN_OP_ERF] = erf, [TN_OP_SIGMOID] = sigmoid_of, [TN_OP_SOFTPLUS] = softplus_of, [TN_OP_RELU] = relu_of, [TN_OP_ABS] = fabs,
};
static double (*const binary_of[TN_OP_COUNT])(double, double) = {
	[TN_OP_POW] = pow, [TN_OP_ATAN2] = atan2, [TN_OP_MINIMUM] = minimum_of, [TN_OP_MAXIMUM] = maximum_of,
	[TN_OP_FLOOR_DIV] = floor_div_of, [TN_OP_MOD] = mod_of,
};

static bool run_ints(struct tn_native_call *call, enum tn_op op, struct tn_error *err) {
	int64_t a = call->args[0].i, b = call->arg_count > 1 ? call->args[1].i : 0, r = 0;
	switch (op) {
	case TN_OP_ABS:
		if (a == INT64_MIN) {
			return tn_error_set(err, TN_ERR_OVERFLOW, "abs: the result does not fit an int");
		}
		r = a < 0 ? -a : a;
		break;
	case TN_OP_SIGN:
		r = (a > 0) - (a < 0);
		break;
	case TN_OP_RELU:
		r = a > 0 ? a : 0;
		break;
	case TN_OP_MINIMUM:
		r = a < b ? a : b;
		break;
	case TN_OP_MAXIMUM:
		r = a > b ? a : b;
		break;
	default: /* FLOOR_DIV */
		if (b == 0) {
			return tn_error_set(err, TN_ERR_ZERO_DIVISION, "floor_div: division by zero");
		}
		if (a == INT64_MIN && b == -1) {
			return tn_error_set(err, TN_ERR_OVERFLOW, "floor_div: the result does not fit an int");
		}
		r = a / b - ((a % b != 0) && ((a < 0) != (b < 0)));
		break;
	}
	*call->result = tn_int(r);
	return true;
}

static bool run_numbers(struct tn_native_call *call, enum tn_op op, struct tn_error *err) {
	bool ints = call->type->kind == TN_TYPE_INT;
	if (ints) {
		return run_ints(call, op, err);
	}
	double a = tn_arg_number(call, 0);
	if (call->arg_count > 1) {
		*call->result = tn_float(binary_of[op](a, tn_arg_number(call, 1)));
	} else {
		*call->result = tn_float(unary_of[op](a));
	}
	return true;
}

/* All arguments as operands; whether a tensor is among them. */
static bool get_operands(const struct tn_native_call *call, struct tn_arg args[3]) {
	bool any_tensor = false;
	for (uint32_t i = 0; i < call->arg_count; i++) {
		args[i] = tn_arg_operand(call, i);
		any_tensor = any_tensor || args[i].tensor != NULL;
	}
	return any_tensor;
}

static bool run_elementwise(struct tn_native_call *call, struct tn_error *err) {
	enum tn_op op = (enum tn_op)(call->native->leafwise - 1);
	struct tn_arg args[3];
	if (!get_operands(call, args)) {
		return run_numbers(call, op, err);
	}
	return tn_return_tensor(call, tn_elementwise(call->engine, op, args, (int)call->arg_count, err));
}

static struct tn_type *type_number_or_tensor(const struct tn_native_typing *typing, struct tn_error *err, bool ints) {
	struct tn_type *type = tn_typing_operand(typing, err);
	if (type != NULL && type->kind == TN_TYPE_INT && !ints) {
		return tn_type_basic(typing->types, TN_TYPE_FLOAT);
	}
	return type;
}
static struct tn_type *type_float(const struct tn_native_typing *typing, struct tn_error *err) {
	return type_number_or_tensor(typing, err, false);
}
static struct tn_type *type_int(const struct tn_native_typing *typing, struct tn_error *err) {
	return type_number_or_tensor(typing, err, true);
}

static bool run_test(struct tn_native_call *call, struct tn_error *err) {
	enum tn_op op = (enum tn_op)(call->native->leafwise - 1);
	struct tn_arg x = tn_arg_operand(call, 0);
	if (x.tensor != NULL) {
		return tn_return_tensor(call, tn_elementwise(call->engine, op, &x, 1, err));
	}
	double v = tn_arg_number(call, 0);
	*call->result = tn_bool(op == TN_OP_ISNAN ? isnan(v) : op == TN_OP_ISINF ? isinf(v) : isfinite(v));
	return true;
}
static struct tn_type *type_test(const struct tn_native_typing *typing, struct tn_error *err) {
	(void)err;
	enum tn_type_kind kind = typing->args[0]->kind;
	return tn_type_basic(typing->types, kind == TN_TYPE_TENSOR || kind == TN_TYPE_ANY ? kind : TN_TYPE_BOOL);
}

static bool run_tensors_only(struct tn_native_call *call, struct tn_error *err) {
	enum tn_op op = (enum tn_op)(call->native->leafwise - 1);
	struct tn_arg args[3];
	if (!get_operands(call, args)) {
		tn_error_set(err, TN_ERR_TYPE, "%s: expected a tensor among the arguments, found numbers only", tn_op_name(op));
		tn_error_hint(err, "numbers have the operators of the language; tensor(x) makes a tensor");
		return false;
	}
	return tn_return_tensor(call, tn_elementwise(call->engine, op, args, (int)call->arg_count, err));
}

/* where(condition, a, b) */
static bool run_where(struct tn_native_call *call, struct tn_error *err) {
	struct tn_arg args[3] = {tn_arg_operand(call, 0), tn_arg_operand(call, 1), tn_arg_operand(call, 2)};
	return tn_return_tensor(call, tn_elementwise(call->engine, TN_OP_WHERE, args, 3, err));
}

/* x limited by one bound: LE a lower, GE an upper one. At a bound that is a number the slope is 0, as PyTorch has it; with one that is a
 * tensor it is shared. */
static struct tn_tensor *limit(struct tn_engine *e, struct tn_tensor *x, enum tn_op beyond, struct tn_arg bound, struct tn_error *err) {
	struct tn_arg args[3] = {tn_arg_tensor(x), bound};
	struct tn_tensor *test, *result;
	if (bound.tensor != NULL || (bound.scalar.is_float && isnan(bound.scalar.f))) {
		return tn_elementwise(e, beyond == TN_OP_LE ? TN_OP_MAXIMUM : TN_OP_MINIMUM, args, 2, err);
	}
	test = tn_elementwise(e, beyond, args, 2, err);
	if (test == NULL) {
		return NULL;
	}
	result = tn_elementwise(e, TN_OP_WHERE, (struct tn_arg[]){tn_arg_tensor(test), bound, tn_arg_tensor(x)}, 3, err);
	tn_tensor_unref(test);
	return result;
}

/* clamp(x, low, high): either bound may be left out. */
static bool run_clamp(struct tn_native_call *call, struct tn_error *err) {
	bool low = tn_arg_given(call, 1), high = tn_arg_given(call, 2);
	if (!low && !high) {
		return tn_error_set(err, TN_ERR_TYPE, "clamp: expected a lower or an upper bound, found neither");
	}
	struct tn_tensor *t = tn_tensor_ref(call->args[0].tensor);
	for (uint32_t i = 1; i <= 2 && t != NULL; i++) {
		if (tn_arg_given(call, i)) {
			struct tn_tensor *next = limit(call->engine, t, i == 1 ? TN_OP_LE : TN_OP_GE, tn_arg_operand(call, i), err);
			tn_tensor_unref(t);
			t = next;
		}
	}
	return tn_return_tensor(call, t);
}
static bool run_clamp_number(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	double x = tn_arg_number(call, 0), low = tn_arg_number(call, 1), high = tn_arg_number(call, 2);
	*call->result = tn_float(x < low ? low : x > high ? high : x);
	return true;
}

/* from + weight * step */
static struct tn_tensor *moved(struct tn_engine *e, struct tn_arg from, struct tn_tensor *step, struct tn_arg weight, enum tn_op op, struct tn_error *err) {
	struct tn_tensor *scaled = tn_elementwise(e, TN_OP_MUL, (struct tn_arg[]){tn_arg_tensor(step), weight}, 2, err);
	struct tn_tensor *result = scaled == NULL ? NULL : tn_elementwise(e, op, (struct tn_arg[]){from, tn_arg_tensor(scaled)}, 2, err);
	tn_tensor_unref(scaled);
	return result;
}
static struct tn_tensor *lerp_by_number(struct tn_engine *e, struct tn_arg a, struct tn_arg b, struct tn_tensor *d, struct tn_arg w, struct tn_error *err) {
	double weight = w.scalar.is_float ? w.scalar.f : (double)w.scalar.i;
	if (fabs(weight) < 0.5) {
		return moved(e, a, d, w, TN_OP_ADD, err);
	}
	return moved(e, b, d, tn_arg_f64(1 - weight, w.scalar.literal), TN_OP_SUB, err);
}
static struct tn_tensor *lerp_by_tensor(struct tn_engine *e, struct tn_arg a, struct tn_arg b, struct tn_tensor *d, struct tn_arg w, struct tn_error *err) {
	struct tn_tensor *size = tn_elementwise(e, TN_OP_ABS, &w, 1, err), *near = NULL, *rest = NULL, *from_a = NULL, *from_b = NULL, *result = NULL;
	if (size != NULL && (near = tn_elementwise(e, TN_OP_LT, (struct tn_arg[]){tn_arg_tensor(size), tn_arg_f64(0.5, true)}, 2, err)) != NULL &&
	    (rest = tn_elementwise(e, TN_OP_SUB, (struct tn_arg[]){tn_arg_f64(1, true), w}, 2, err)) != NULL &&
	    (from_a = moved(e, a, d, w, TN_OP_ADD, err)) != NULL && (from_b = moved(e, b, d, tn_arg_tensor(rest), TN_OP_SUB, err)) != NULL) {
		result = tn_elementwise(e, TN_OP_WHERE, (struct tn_arg[]){tn_arg_tensor(near), tn_arg_tensor(from_a), tn_arg_tensor(from_b)}, 3, err);
	}
	tn_tensor_unref(size);
	tn_tensor_unref(near);
	tn_tensor_unref(rest);
	tn_tensor_unref(from_a);
	tn_tensor_unref(from_b);
	return result;
}

/* lerp(a, b, weight): from the nearer end, so that 1 gives b itself. f16 and bf16 are widened, since what lies between them is rounded once. */
static bool run_lerp(struct tn_native_call *call, struct tn_error *err) {
	struct tn_engine *e = call->engine;
	struct tn_arg w = tn_arg_operand(call, 2);
	struct tn_tensor *a = call->args[0].tensor, *b = call->args[1].tensor, *d = NULL, *result = NULL, *ends[2] = {NULL, NULL};
	enum tn_dtype dtype = tn_tensor_dtype(a);
	bool widen = dtype == tn_tensor_dtype(b) && (dtype == TN_DTYPE_F16 || dtype == TN_DTYPE_BF16) && (w.tensor == NULL || tn_tensor_dtype(w.tensor) == dtype);
	ends[0] = widen ? tn_cast(e, a, TN_DTYPE_F32, err) : tn_tensor_ref(a);
	ends[1] = widen && ends[0] != NULL ? tn_cast(e, b, TN_DTYPE_F32, err) : tn_tensor_ref(b);
	if (ends[0] != NULL && ends[1] != NULL && (d = tn_elementwise(e, TN_OP_SUB, (struct tn_arg[]){tn_arg_tensor(ends[1]), tn_arg_tensor(ends[0])}, 2, err)) != NULL) {
		result = (w.tensor == NULL ? lerp_by_number : lerp_by_tensor)(e, tn_arg_tensor(ends[0]), tn_arg_tensor(ends[1]), d, w, err);
	}
	if (widen && result != NULL) {
		struct tn_tensor *wide = result;
		result = tn_cast(e, wide, dtype, err);
		tn_tensor_unref(wide);
	}
	tn_tensor_unref(ends[0]);
	tn_tensor_unref(ends[1]);
	tn_tensor_unref(d);
	return tn_return_tensor(call, result);
}

#define UNARY(id, name, doc, rule, at, shows) \
	{ "auto " name "(operand x)", doc ".\n\nx: a tensor of any shape, a number, or a tree (then each weight).", \
	  name "(tensor(" at "))    // expect: " shows, run_elementwise, rule, TN_OP_##id + 1 }
#define TEST(id, name, doc, shows) \
	{ "auto " name "(operand x)", doc ".\n\nx: a tensor of any shape, or a number. Tensors give bool8.", \
	  name "(tensor([0., 1.]) / tensor([0., 2.]))    // expect: " shows, run_test, type_test, TN_OP_##id + 1 }
#define BINARY(id, name, doc, rule, shows) \
	{ "auto " name "(operand a, operand b)", doc ".\n\na, b: tensors that broadcast together, or numbers, or trees (then each weight).", \
	  name "(tensor([5., 7.]), 2.0)    // expect: " shows, run_elementwise, rule, TN_OP_##id + 1 }
#define TENSORS(id, name, args, doc, example) \
	{ "tensor " name args, doc ".\n\nTensors broadcast together; a number takes the tensor's dtype.", example, run_tensors_only, NULL, TN_OP_##id + 1 }

static const struct tn_native rows[] = {
	UNARY(ABS, "abs", "Absolute value", type_int, "[-1.5, 0.5]", "tensor([1.5000, 0.5000]) f32[2]"),
	UNARY(SIGN, "sign", "-1, 0 or 1 by the sign", type_int, "[-1.5, 0.5]", "tensor([-1.,  1.]) f32[2]"),
	UNARY(RELU, "relu", "max(x, 0)", type_int, "[-1.5, 0.5]", "tensor([0.0000, 0.5000]) f32[2]"),
	UNARY(FLOOR, "floor", "Largest integer not above x, as a float", type_float, "[-1.5, 0.5]", "tensor([-2.,  0.]) f32[2]"),
	UNARY(CEIL, "ceil", "Smallest integer not below x, as a float", type_float, "[-1.5, 0.5]", "tensor([-1.,  1.]) f32[2]"),
	UNARY(ROUND, "round", "Nearest integer, halves to even, as a float", type_float, "[-1.5, 0.5]", "tensor([-2.,  0.]) f32[2]"),
	UNARY(EXP, "exp", "e raised to x", type_float, "[-1.5, 0.5]", "tensor([0.2231, 1.6487]) f32[2]"),
	UNARY(EXPM1, "expm1", "exp(x) - 1, accurate near 0", type_float, "[-1.5, 0.5]", "tensor([-0.7769,  0.6487]) f32[2]"),
	UNARY(LOG, "log", "Natural logarithm", type_float, "[0.25, 0.5]", "tensor([-1.3863, -0.6931]) f32[2]"),
	UNARY(LOG1P, "log1p", "log(1 + x), accurate near 0", type_float, "[0.25, 0.5]", "tensor([0.2231, 0.4055]) f32[2]"),
	UNARY(SQRT, "sqrt", "Square root", type_float, "[0.25, 0.5]", "tensor([0.5000, 0.7071]) f32[2]"),
	UNARY(RSQRT, "rsqrt", "1 / sqrt(x)", type_float, "[0.25, 0.5]", "tensor([2.0000, 1.4142]) f32[2]"),
	UNARY(SIN, "sin", "Sine, x in radians", type_float, "[-1.5, 0.5]", "tensor([-0.9975,  0.4794]) f32[2]"),
	UNARY(COS, "cos", "Cosine, x in radians", type_float, "[-1.5, 0.5]", "tensor([0.0707, 0.8776]) f32[2]"),
	UNARY(TAN, "tan", "Tangent, x in radians", type_float, "[-1.5, 0.5]", "tensor([-14.1014,   0.5463]) f32[2]"),
	UNARY(ASIN, "asin", "Arc sine, in radians", type_float, "[0.25, 0.5]", "tensor([0.2527, 0.5236]) f32[2]"),
	UNARY(ACOS, "acos", "Arc cosine, in radians", type_float, "[0.25, 0.5]", "tensor([1.3181, 1.0472]) f32[2]"),
	UNARY(ATAN, "atan", "Arc tangent, in radians", type_float, "[-1.5, 0.5]", "tensor([-0.9828,  0.4636]) f32[2]"),
	UNARY(SINH, "sinh", "Hyperbolic sine", type_float, "[-1.5, 0.5]", "tensor([-2.1293,  0.5211]) f32[2]"),
	UNARY(COSH, "cosh", "Hyperbolic cosine", type_float, "[-1.5, 0.5]", "tensor([2.3524, 1.1276]) f32[2]"),
	UNARY(TANH, "tanh", "Hyperbolic tangent", type_float, "[-1.5, 0.5]", "tensor([-0.9051,  0.4621]) f32[2]"),
	UNARY(ERF, "erf", "Error function", type_float, "[-1.5, 0.5]", "tensor([-0.9661,  0.5205]) f32[2]"),
	UNARY(SIGMOID, "sigmoid", "1 / (1 + exp(-x))", type_float, "[-1.5, 0.5]", "tensor([0.1824, 0.6225]) f32[2]"),
	UNARY(SOFTPLUS, "softplus", "log(1 + exp(x)), a smooth relu; exact for large x", type_float, "[-1., 2.]", "tensor([0.3133, 2.1269]) f32[2]"),
	TEST(ISNAN, "isnan", "Whether x is not a number", "tensor([ true, false]) bool8[2]"),
	TEST(ISINF, "isinf", "Whether x is infinite", "tensor([false, false]) bool8[2]"),
	TEST(ISFINITE, "isfinite", "Whether x is neither infinite nor NaN", "tensor([false,  true]) bool8[2]"),
	BINARY(MINIMUM, "minimum", "Smaller of a and b; NaN if either is", type_int, "tensor([2., 2.]) f32[2]"),
	BINARY(MAXIMUM, "maximum", "Larger of a and b; NaN if either is", type_int, "tensor([5., 7.]) f32[2]"),
	BINARY(FLOOR_DIV, "floor_div", "Quotient a / b rounded down", type_int, "tensor([2., 3.]) f32[2]"),
	BINARY(POW, "pow", "a to the power b", type_float, "tensor([25., 49.]) f32[2]"),
	BINARY(ATAN2, "atan2", "Angle of the point (b, a), in radians", type_float, "tensor([1.1903, 1.2925]) f32[2]"),
	TENSORS(EQ, "eq", "(operand a, operand b)", "True where a == b", "eq(tensor([1, 2]), 2)    // expect: tensor([false,  true]) bool8[2]"),
	TENSORS(NE, "ne", "(operand a, operand b)", "True where a != b", "ne(tensor([1, 2]), 2)    // expect: tensor([ true, false]) bool8[2]"),
	TENSORS(LT, "lt", "(operand a, operand b)", "True where a < b", "lt(tensor([1, 2]), 2)    // expect: tensor([ true, false]) bool8[2]"),
	TENSORS(LE, "le", "(operand a, operand b)", "True where a <= b", "le(tensor([1, 2]), 2)    // expect: tensor([true, true]) bool8[2]"),
	TENSORS(GT, "gt", "(operand a, operand b)", "True where a > b", "gt(tensor([1, 2]), 1)    // expect: tensor([false,  true]) bool8[2]"),
	TENSORS(GE, "ge", "(operand a, operand b)", "True where a >= b", "ge(tensor([1, 2]), 2)    // expect: tensor([false,  true]) bool8[2]"),
	TENSORS(LOGICAL_NOT, "logical_not", "(operand x)", "True where x is 0", "logical_not(tensor([0, 2]))    // expect: tensor([ true, false]) bool8[2]"),
	{ "tensor where(tensor condition, operand a, operand b)",
	  "Elements of a where condition is true, else of b.\n\ncondition: bool8. a, b: tensors that broadcast with it, or numbers.",
	  "where(tensor([1, 5]) > 2, 1.0, 0.0)    // expect: tensor([0., 1.]) f32[2]", run_where, NULL, 0 },
	{ "tensor clamp(tensor x, operand min = none, operand max = none)",
	  "x limited to [min, max]; either bound may be left out.\n\nx: any tensor. min, max: numbers, or tensors that broadcast with x.",
	  "clamp(tensor([-2., 0.5, 3.]), -1.0, 1.0)    // expect: tensor([-1.0000,  0.5000,  1.0000]) f32[3]", run_clamp, NULL, 0 },
	{ "float clamp(float x, float min, float max)", "x limited to [min, max].", "clamp(3.5, 0.0, 1.0)    // expect: 1.0", run_clamp_number, NULL, 0 },
	{ "tensor lerp(tensor a, tensor b, operand weight)", "a + weight * (b - a): from a (weight 0) to b (weight 1), exact at both.", "lerp(zeros(2), ones(2), 0.5)    // expect: tensor([0.5000, 0.5000]) f32[2]",
	  run_lerp, NULL, 0 },
};
TN_NATIVE_TABLE(elementwise, rows);
