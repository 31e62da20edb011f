/* SPDX-License-Identifier: Apache-2.0 */
/* The op table's test rows: for each op at least one call with operands chosen so that its formula is tried where it is smooth
 * and at its edges. tests/ops/op_walk.c runs them in every dtype against NumPy, tests/unit/tensor_gradient_test.c compares their
 * gradients with central differences. A row of ops.def without a case fails both. */
#ifndef TN_TESTS_OPS_CASES_H
#define TN_TESTS_OPS_CASES_H

#include "tensor/tensor.h"

enum op_class { OP_F = 1, OP_I = 2, OP_B = 4, OP_FI = 3, OP_FIB = 7, OP_IB = 6 };

enum op_fill {
	FILL_NONE,
	FILL_RANGE,  /* uniform in [low, high); integers: rounded down, for u8 the absolute value */
	FILL_BOOL,   /* a bool8 tensor */
	FILL_INDEX,  /* i64 in [low, high) */
	FILL_RESULT, /* what the pooling of input 0 gives */
	FILL_TIES,   /* integers of a small range: equal elements */
	FILL_SPECIAL /* floats with infinities, NaN and zeros of both signs */
};

struct op_input {
	enum op_fill fill;
	struct tn_shape shape;
	double low, high;
};

struct op_case {
	enum tn_op op;
	const char *note;
	enum op_class classes; /* dtypes of the inputs of FILL_RANGE, TIES and RESULT; of a maker: of the result */
	bool smooth;           /* its gradient is compared with differences */
	struct op_input in[4];
	int input_count;       /* elementwise: operands beyond the inputs are scalars; see scalar_first */
	bool scalar_first;
	struct tn_scalar scalars[4];
	int scalar_count;
	int64_t attrs[TN_MAX_ATTRS];
	int attr_count;
};

#define S23 {.ndim = 2, .dims = {2, 3}}
#define SH1(a) {.ndim = 1, .dims = {a}}
#define SH2(a, b) {.ndim = 2, .dims = {a, b}}
#define SH3(a, b, c) {.ndim = 3, .dims = {a, b, c}}
#define SH4(a, b, c, d) {.ndim = 4, .dims = {a, b, c, d}}
#define R(shape, low, high) {FILL_RANGE, shape, low, high}
#define TIES(shape) {FILL_TIES, shape, -2, 3}
#define INDEX(shape, low, high) {FILL_INDEX, shape, low, high}
#define FLOAT(x) {.is_float = true, .literal = true, .f = (x)}
#define INT(x) {.literal = true, .i = (x)}
#define ATTRS(...) .attrs = {__VA_ARGS__}, .attr_count = (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define UNARY(id, classes, low, high) \
	{TN_OP_##id, "", classes, true, {R(SH2(5, 7), low, high)}, 1}, \
	{TN_OP_##id, "special", OP_F, false, {{FILL_SPECIAL, SH1(9), low, high}}, 1}
#define BINARY(id, classes, low, high) \
	{TN_OP_##id, "same shape", classes, true, {R(SH2(5, 7), low, high), R(SH2(5, 7), low, high)}, 2}, \
	{TN_OP_##id, "broadcast", classes, true, {R(SH3(3, 1, 4), low, high), R(SH2(2, 1), low, high)}, 2}
#define COMPARE(id) \
	{TN_OP_##id, "ties", OP_FIB, false, {TIES(SH2(5, 7)), TIES(SH2(5, 7))}, 2}, \
	{TN_OP_##id, "special", OP_F, false, {{FILL_SPECIAL, SH1(9), 0, 0}, TIES(SH1(9))}, 2}, \
	{TN_OP_##id, "number", OP_FI, false, {TIES(SH2(5, 7))}, 1, .scalars = {INT(1)}, .scalar_count = 1}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* rows leave out what they do not need */
static const struct op_case op_cases[] = {
	UNARY(NEG, OP_FI, -3, 3),
	UNARY(ABS, OP_FI, -3, 3),
	UNARY(SIGN, OP_FI, -3, 3),
	UNARY(FLOOR, OP_FI, -3, 3),
	UNARY(CEIL, OP_FI, -3, 3),
	UNARY(ROUND, OP_FI, -3, 3),
	UNARY(EXP, OP_FIB, -3, 3),
	UNARY(EXPM1, OP_FIB, -1, 1),
	UNARY(LOG, OP_FIB, 0.1, 4),
	UNARY(LOG1P, OP_FIB, -0.5, 4),
	UNARY(SQRT, OP_FIB, 0.1, 9),
	UNARY(RSQRT, OP_FIB, 0.1, 9),
	UNARY(SIN, OP_FIB, -7, 7),
	UNARY(COS, OP_FIB, -7, 7),
	UNARY(TAN, OP_FIB, -1.2, 1.2),
	UNARY(ASIN, OP_FIB, -0.9, 0.9),
	UNARY(ACOS, OP_FIB, -0.9, 0.9),
	UNARY(ATAN, OP_FIB, -3, 3),
	UNARY(SINH, OP_FIB, -3, 3),
	UNARY(COSH, OP_FIB, -3, 3),
	UNARY(TANH, OP_FIB, -3, 3),
	UNARY(ERF, OP_FIB, -3, 3),
	UNARY(SIGMOID, OP_FIB, -5, 5),
	UNARY(SOFTPLUS, OP_FIB, -5, 5),
	UNARY(RELU, OP_FI, -3, 3),
	UNARY(ISNAN, OP_FIB, -3, 3),
	UNARY(ISINF, OP_FIB, -3, 3),
	UNARY(ISFINITE, OP_FIB, -3, 3),
	UNARY(LOGICAL_NOT, OP_FIB, -2, 2),
	{TN_OP_NOT, "", OP_IB, false, {R(SH2(5, 7), -9, 9)}, 1},
	{TN_OP_CAST, "", OP_FIB, true, {R(SH2(5, 7), -3, 3)}, 1},

	BINARY(ADD, OP_FIB, -3, 3),
	{TN_OP_ADD, "number", OP_FI, true, {R(SH2(5, 7), -3, 3)}, 1, .scalars = {INT(2)}, .scalar_count = 1},
	BINARY(SUB, OP_FI, -3, 3),
	{TN_OP_SUB, "from a number", OP_FI, true, {R(SH2(5, 7), -3, 3)}, 1, true, {FLOAT(1.5)}, 1},
	BINARY(MUL, OP_FIB, -3, 3),
	BINARY(DIV, OP_FI, 1, 4),
	{TN_OP_DIV, "of a number", OP_FI, true, {R(SH2(5, 7), 1, 4)}, 1, true, {INT(3)}, 1},
	{TN_OP_DIV, "by zeros", OP_F, false, {TIES(SH2(5, 7)), TIES(SH2(5, 7))}, 2},
	BINARY(FLOOR_DIV, OP_F, -7, 7),
	{TN_OP_FLOOR_DIV, "integers", OP_FI, false, {R(SH2(5, 7), -20, 20), R(SH2(5, 7), 1, 5)}, 2},
	{TN_OP_FLOOR_DIV, "negative divisors", OP_FI, false, {R(SH2(5, 7), -20, 20), R(SH2(5, 7), -5, -1)}, 2},
	{TN_OP_MOD, "", OP_FI, true, {R(SH2(5, 7), -20, 20), R(SH2(5, 7), 3, 5)}, 2},
	{TN_OP_MOD, "negative divisors", OP_FI, true, {R(SH2(5, 7), -20, 20), R(SH2(5, 7), -5, -3)}, 2},
	BINARY(POW, OP_F, 0.3, 2.5),
	{TN_OP_POW, "integers", OP_I, false, {R(SH2(5, 7), 0, 5), R(SH2(5, 7), 0, 6)}, 2},
	{TN_OP_POW, "cube", OP_FI, true, {R(SH2(5, 7), -3, 3)}, 1, .scalars = {INT(3)}, .scalar_count = 1},
	{TN_OP_POW, "square", OP_FI, true, {R(SH2(5, 7), -3, 3)}, 1, .scalars = {INT(2)}, .scalar_count = 1},
	{TN_OP_POW, "root", OP_FI, true, {R(SH2(5, 7), 1, 4)}, 1, .scalars = {FLOAT(0.5)}, .scalar_count = 1},
	{TN_OP_POW, "number to the", OP_F, true, {R(SH2(5, 7), -3, 3)}, 1, true, {FLOAT(2.5)}, 1},
	{TN_OP_ATAN2, "", OP_FI, true, {R(SH2(5, 7), 0.5, 3), R(SH2(5, 7), 0.5, 3)}, 2},
	{TN_OP_ATAN2, "all quarters", OP_F, false, {TIES(SH2(5, 7)), TIES(SH2(5, 7))}, 2},
	BINARY(MINIMUM, OP_FIB, -3, 3),
	BINARY(MAXIMUM, OP_FIB, -3, 3),
	{TN_OP_MAXIMUM, "special", OP_F, false, {{FILL_SPECIAL, SH1(9), 0, 0}, TIES(SH1(9))}, 2},
	{TN_OP_MINIMUM, "special", OP_F, false, {{FILL_SPECIAL, SH1(9), 0, 0}, TIES(SH1(9))}, 2},
	COMPARE(EQ),
	COMPARE(NE),
	COMPARE(LT),
	COMPARE(LE),
	COMPARE(GT),
	COMPARE(GE),
	{TN_OP_AND, "", OP_IB, false, {R(SH2(5, 7), -9, 9), R(SH2(5, 7), -9, 9)}, 2},
	{TN_OP_OR, "", OP_IB, false, {R(SH2(5, 7), -9, 9), R(SH2(5, 7), -9, 9)}, 2},
	{TN_OP_XOR, "", OP_IB, false, {R(SH2(5, 7), -9, 9), R(SH2(5, 7), -9, 9)}, 2},
	{TN_OP_SHL, "", OP_I, false, {R(SH2(5, 7), -9, 9), R(SH2(5, 7), 0, 7)}, 2},
	{TN_OP_SHR, "", OP_I, false, {R(SH2(5, 7), -99, 99), R(SH2(5, 7), 0, 7)}, 2},
	{TN_OP_WHERE, "", OP_FIB, true, {{FILL_BOOL, SH2(5, 7), 0, 0}, R(SH2(5, 7), -3, 3), R(SH1(7), -3, 3)}, 3},

	{TN_OP_SUM, "last axis", OP_FIB, true, {R(SH3(3, 4, 37), -3, 3)}, 1, ATTRS(4, 0)},
	{TN_OP_SUM, "first axis, kept", OP_FIB, true, {R(SH3(3, 4, 5), -3, 3)}, 1, ATTRS(1, 1)},
	{TN_OP_SUM, "all", OP_FIB, true, {R(SH3(3, 4, 5), -3, 3)}, 1, ATTRS(7, 0)},
	{TN_OP_SUM, "outer axes", OP_FIB, true, {R(SH3(3, 4, 5), -3, 3)}, 1, ATTRS(5, 0)},
	{TN_OP_SUM, "of nothing", OP_FIB, false, {R(SH2(3, 0), -3, 3)}, 1, ATTRS(2, 0)},
	{TN_OP_PROD, "last axis", OP_FIB, true, {R(SH2(3, 4), 0.5, 2)}, 1, ATTRS(2, 0)},
	{TN_OP_PROD, "two axes", OP_FIB, true, {R(SH3(2, 3, 2), 0.5, 2)}, 1, ATTRS(5, 1)},
	{TN_OP_PROD, "zeros", OP_FI, true, {TIES(SH2(4, 4))}, 1, ATTRS(2, 0)},
	{TN_OP_MAX, "last axis", OP_FIB, true, {R(SH2(3, 9), -3, 3)}, 1, ATTRS(2, 0)},
	{TN_OP_MAX, "all", OP_FI, true, {R(SH2(3, 9), -3, 3)}, 1, ATTRS(3, 1)},
	{TN_OP_MAX, "special", OP_F, false, {{FILL_SPECIAL, SH2(3, 9), 0, 0}}, 1, ATTRS(2, 0)},
	{TN_OP_MIN, "first axis", OP_FIB, true, {R(SH2(9, 3), -3, 3)}, 1, ATTRS(1, 0)},
	{TN_OP_MIN, "special", OP_F, false, {{FILL_SPECIAL, SH2(3, 9), 0, 0}}, 1, ATTRS(2, 0)},
	{TN_OP_ANY, "", OP_FIB, false, {TIES(SH2(9, 2))}, 1, ATTRS(2, 0)},
	{TN_OP_ALL, "", OP_FIB, false, {TIES(SH2(9, 2))}, 1, ATTRS(2, 0)},
	{TN_OP_ARGMAX, "ties", OP_FIB, false, {TIES(SH2(5, 8))}, 1, ATTRS(1, 0)},
	{TN_OP_ARGMAX, "kept", OP_FIB, false, {R(SH2(5, 8), -3, 3)}, 1, ATTRS(0, 1)},
	{TN_OP_ARGMIN, "ties", OP_FIB, false, {TIES(SH2(5, 8))}, 1, ATTRS(1, 0)},

	{TN_OP_SOFTMAX, "last axis", OP_FI, true, {R(SH2(3, 17), -3, 3)}, 1, ATTRS(1)},
	{TN_OP_SOFTMAX, "first axis", OP_F, true, {R(SH2(6, 3), -30, 30)}, 1, ATTRS(0)},
	{TN_OP_LOG_SOFTMAX, "last axis", OP_FI, true, {R(SH2(3, 17), -3, 3)}, 1, ATTRS(1)},
	{TN_OP_LOG_SOFTMAX, "middle axis", OP_F, true, {R(SH3(2, 5, 3), -3, 3)}, 1, ATTRS(1)},
	{TN_OP_CUMSUM, "", OP_FIB, true, {R(SH2(4, 5), -3, 3)}, 1, ATTRS(1)},
	{TN_OP_CUMSUM, "first axis", OP_FI, true, {R(SH2(4, 5), -3, 3)}, 1, ATTRS(0)},
	{TN_OP_CUMPROD, "", OP_FI, true, {R(SH2(4, 5), 0.5, 2)}, 1, ATTRS(1)},
	{TN_OP_CUMPROD, "zeros", OP_FI, true, {TIES(SH2(5, 6))}, 1, ATTRS(1)},
	{TN_OP_ARGSORT, "stable", OP_FIB, false, {TIES(SH2(5, 18))}, 1, ATTRS(1, 0)},
	{TN_OP_ARGSORT, "descending", OP_FIB, false, {R(SH2(18, 3), -50, 50)}, 1, ATTRS(0, 1)},
	{TN_OP_ARGSORT, "special", OP_F, false, {{FILL_SPECIAL, SH2(2, 9), 0, 0}}, 1, ATTRS(1, 0)},

	{TN_OP_MATMUL, "", OP_FI, true, {R(SH2(5, 7), -2, 2), R(SH2(7, 3), -2, 2)}, 2},
	{TN_OP_MATMUL, "batches broadcast", OP_FI, true, {R(SH4(2, 1, 3, 4), -2, 2), R(SH3(3, 4, 2), -2, 2)}, 2},
	{TN_OP_MATMUL, "over nothing", OP_FI, false, {R(SH2(3, 0), -2, 2), R(SH2(0, 2), -2, 2)}, 2},
	{TN_OP_CONV2D, "padded", OP_FI, true, {R(SH4(2, 3, 5, 6), -2, 2), R(SH4(4, 3, 3, 3), -2, 2)}, 2, ATTRS(1, 1, 1, 1, 1, 1, 1)},
	{TN_OP_CONV2D, "stride, dilation, groups", OP_FI, true, {R(SH4(2, 4, 7, 8), -2, 2), R(SH4(6, 2, 2, 3), -2, 2)}, 2,
	 ATTRS(2, 1, 1, 0, 2, 2, 2)},
	{TN_OP_CONV2D_GRAD_X, "", OP_F, true, {R(SH4(2, 4, 3, 6), -2, 2), R(SH4(4, 3, 3, 3), -2, 2)}, 2,
	 ATTRS(2, 1, 1, 1, 1, 1, 1, 2, 3, 5, 6)},
	{TN_OP_CONV2D_GRAD_W, "", OP_F, true, {R(SH4(2, 3, 5, 6), -2, 2), R(SH4(2, 4, 3, 6), -2, 2)}, 2,
	 ATTRS(2, 1, 1, 1, 1, 1, 1, 4, 3, 3, 3)},

	{TN_OP_MAX_POOL2D, "", OP_FI, true, {R(SH4(2, 3, 6, 6), -90, 90)}, 1, ATTRS(2, 2, 2, 2, 0, 0)},
	{TN_OP_MAX_POOL2D, "padded, overlapping", OP_F, true, {R(SH4(2, 3, 5, 6), -90, 90)}, 1, ATTRS(3, 2, 2, 1, 1, 1)},
	{TN_OP_MAX_POOL2D_GRAD, "", OP_F, true,
	 {R(SH4(2, 3, 5, 6), -90, 90), {FILL_RESULT, SH4(2, 3, 3, 7), 0, 0}, R(SH4(2, 3, 3, 7), -2, 2)}, 3,
	 ATTRS(3, 2, 2, 1, 1, 1)},
	{TN_OP_MAX_POOL2D_TAKE, "", OP_F, true,
	 {R(SH4(2, 3, 5, 6), -90, 90), {FILL_RESULT, SH4(2, 3, 3, 7), 0, 0}, R(SH4(2, 3, 5, 6), -2, 2)}, 3,
	 ATTRS(3, 2, 2, 1, 1, 1)},
	{TN_OP_AVG_POOL2D, "padding counts", OP_F, true, {R(SH4(2, 3, 5, 6), -3, 3)}, 1, ATTRS(3, 2, 2, 1, 1, 1, 1)},
	{TN_OP_AVG_POOL2D, "padding does not count", OP_F, true, {R(SH4(2, 3, 5, 6), -3, 3)}, 1, ATTRS(3, 2, 2, 1, 1, 1, 0)},
	{TN_OP_AVG_POOL2D_GRAD, "", OP_F, true, {R(SH4(2, 3, 3, 7), -3, 3)}, 1, ATTRS(3, 2, 2, 1, 1, 1, 0, 2, 3, 5, 6)},

	{TN_OP_RESHAPE, "", OP_FIB, true, {R(SH2(4, 6), -3, 3)}, 1, ATTRS(2, 3, 4)},
	{TN_OP_EXPAND, "", OP_FIB, true, {R(SH2(4, 1), -3, 3)}, 1, ATTRS(2, 4, 3)},
	{TN_OP_PERMUTE, "", OP_FIB, true, {R(SH3(2, 3, 4), -3, 3)}, 1, ATTRS(2, 0, 1)},
	{TN_OP_SLICE, "", OP_FIB, true, {R(SH2(4, 6), -3, 3)}, 1, ATTRS(1, 1, 2, 1, 2, 3)},
	{TN_OP_SLICE, "steps", OP_FIB, true, {R(SH2(7, 6), -3, 3)}, 1, ATTRS(1, 2, 5, -1, 3, 4)},
	{TN_OP_COPY, "", OP_FIB, true, {R(SH2(4, 6), -3, 3)}, 1},
	{TN_OP_CAT, "", OP_FIB, true, {R(SH2(2, 3), -3, 3), R(SH2(2, 1), -3, 3), R(SH2(2, 2), -3, 3)}, 3, ATTRS(1)},
	{TN_OP_CAT, "with an empty one", OP_FIB, true, {R(SH2(2, 3), -3, 3), R(SH2(0, 3), -3, 3), R(SH2(1, 3), -3, 3)}, 3, ATTRS(0)},
	{TN_OP_PAD, "", OP_FI, true, {R(SH2(2, 3), -3, 3)}, 1, ATTRS(1, 2, 0, 3), .scalars = {INT(7)}, .scalar_count = 1},
	{TN_OP_SLICE_SET, "", OP_FIB, true, {R(SH2(4, 6), -3, 3), R(SH2(2, 3), -3, 3)}, 2, ATTRS(1, 1, 2, 1, 2, 3)},
	{TN_OP_SLICE_SET, "steps", OP_FIB, true, {R(SH2(7, 6), -3, 3), R(SH2(3, 2), -3, 3)}, 2, ATTRS(6, -2, 0, 3, 3, 2)},

	{TN_OP_GATHER, "", OP_FIB, true, {R(SH3(2, 5, 3), -3, 3), INDEX(SH2(2, 3), -5, 5)}, 2, ATTRS(1)},
	{TN_OP_INDEX_ADD, "", OP_FI, true, {R(SH2(5, 3), -3, 3), INDEX(SH1(7), -5, 5), R(SH2(7, 3), -3, 3)}, 3, ATTRS(0)},
	{TN_OP_INDEX_SET, "", OP_FIB, true, {R(SH3(2, 5, 3), -3, 3), INDEX(SH1(7), -5, 5), R(SH3(2, 7, 3), -3, 3)}, 3, ATTRS(1)},
	{TN_OP_TAKE_ALONG, "", OP_FIB, true, {R(SH2(4, 5), -3, 3), INDEX(SH2(4, 3), -5, 5)}, 2, ATTRS(1)},
	{TN_OP_SCATTER_ADD, "", OP_FI, true, {R(SH2(4, 5), -3, 3), INDEX(SH2(4, 7), -5, 5), R(SH2(4, 7), -3, 3)}, 3, ATTRS(1)},
	{TN_OP_SCATTER_SET, "", OP_FIB, true, {R(SH2(4, 5), -3, 3), INDEX(SH2(4, 7), -5, 5), R(SH2(4, 7), -3, 3)}, 3, ATTRS(1)},

	{TN_OP_FULL, "", OP_FI, false, {{0}}, 0, ATTRS(3, 4), .scalars = {INT(7)}, .scalar_count = 1},
	{TN_OP_ARANGE, "", OP_FI, false, {{0}}, 0, ATTRS(9), .scalars = {INT(3), INT(2)}, .scalar_count = 2},
	{TN_OP_RAND, "", OP_F, false, {{0}}, 0, ATTRS(5, 7), .scalars = {INT(0x123456789abcdef), INT(5)}, .scalar_count = 2},
	{TN_OP_RANDN, "", OP_F, false, {{0}}, 0, ATTRS(5, 7), .scalars = {INT(0x123456789abcdef), INT(6)}, .scalar_count = 2},
	{TN_OP_RAND_INT, "", OP_I, false, {{0}}, 0, ATTRS(5, 7),
	 .scalars = {INT(77), INT(7), INT(-10), INT(1000)}, .scalar_count = 4},
	{TN_OP_RAND_BERNOULLI, "", OP_B, false, {{0}}, 0, ATTRS(5, 7), .scalars = {INT(77), INT(8), FLOAT(0.3)}, .scalar_count = 3},
	{TN_OP_RAND_PERM, "", OP_I, false, {{0}}, 0, ATTRS(100), .scalars = {INT(77), INT(9)}, .scalar_count = 2},
};
#pragma GCC diagnostic pop

#endif
