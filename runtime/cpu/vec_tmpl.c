/* SPDX-License-Identifier: Apache-2.0 */
/* Loops of arithmetic, comparison and choice: out[i] = f(a[i], b[i]), with variants where an operand is one number. Compiled once
 * per instruction set; the compiler vectorises. Each list below has one row per (op, class): id, class, type of the
 * operands x and y, type of the result, expression.
 *
 * All are bound by L1: two loads and one store a vector. Integers wrap; dividing them by 0 gives 0; amounts of shifts are taken
 * modulo the width. */
#include <math.h>

#include "cpu/vector.h"

#define LOOP _Pragma("omp simd") for (int64_t i = 0; i < n; i++)

/* ---- integer helpers ---- */

#define INTEGER_HELPERS(name, T, U) \
	static inline T name##_floor_div(T x, T y) { \
		if (y == 0 || (T)(y + 1) == 0) { \
			return y == 0 ? 0 : (T)(0 - (U)x); \
		} \
		return (T)(x / y - ((x % y != 0) & ((x < 0) != (y < 0)))); \
	} \
	static inline T name##_mod(T x, T y) { \
		T rest; \
		if (y == 0 || (T)(y + 1) == 0) { \
			return 0; \
		} \
		rest = (T)(x % y); \
		return (T)(rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest); \
	} \
	static inline T name##_pow(T x, T y) { \
		U result = 1, factor = (U)x; \
		if (y < 0) { \
			return (T)(x == 1 ? 1 : (T)(x + 1) != 0 ? 0 : (y & 1) != 0 ? -1 : 1); \
		} \
		for (T rest = y; rest != 0; rest = (T)(rest >> 1)) { \
			result = (rest & 1) != 0 ? (U)(result * factor) : result; \
			factor = (U)(factor * factor); \
		} \
		return (T)result; \
	}
INTEGER_HELPERS(i64, int64_t, uint64_t)
INTEGER_HELPERS(i32, int32_t, uint32_t)

/* u8 has no sign: nothing to round down, and 255 is no -1. */
static inline uint8_t u8_floor_div(uint8_t x, uint8_t y) {
	return (uint8_t)(y == 0 ? 0 : x / y);
}

static inline uint8_t u8_mod(uint8_t x, uint8_t y) {
	return (uint8_t)(y == 0 ? 0 : x % y);
}

static inline uint8_t u8_pow(uint8_t x, uint8_t y) {
	uint32_t result = 1, factor = x;

	for (uint32_t rest = y; rest != 0; rest >>= 1) {
		result = (rest & 1) != 0 ? (result * factor) & 255 : result;
		factor = (factor * factor) & 255;
	}
	return (uint8_t)result;
}

/* ---- two operands ---- */

#define COMPARISONS(X, C, T) \
	X(EQ, C, T, uint8_t, x == y) X(NE, C, T, uint8_t, x != y) X(LT, C, T, uint8_t, x < y) X(LE, C, T, uint8_t, x <= y) \
	X(GT, C, T, uint8_t, x > y) X(GE, C, T, uint8_t, x >= y)
/* A NaN wins in MINIMUM and MAXIMUM. */
#define FLOAT_BINARY(X, C, T) \
	X(ADD, C, T, T, x + y) X(SUB, C, T, T, x - y) X(MUL, C, T, T, x *y) X(DIV, C, T, T, x / y) \
	X(MINIMUM, C, T, T, ((x < y) | (x != x)) ? x : y) X(MAXIMUM, C, T, T, ((x > y) | (x != x)) ? x : y) COMPARISONS(X, C, T)
#define INTEGER_BINARY(X, C, T, U, name, width) \
	X(ADD, C, T, T, (T)((U)x + (U)y)) X(SUB, C, T, T, (T)((U)x - (U)y)) X(MUL, C, T, T, (T)((U)x * (U)y)) \
	X(FLOOR_DIV, C, T, T, name##_floor_div(x, y)) X(MOD, C, T, T, name##_mod(x, y)) X(POW, C, T, T, name##_pow(x, y)) \
	X(MINIMUM, C, T, T, x < y ? x : y) X(MAXIMUM, C, T, T, x > y ? x : y) \
	X(AND, C, T, T, (T)(x & y)) X(OR, C, T, T, (T)(x | y)) X(XOR, C, T, T, (T)(x ^ y)) \
	X(SHL, C, T, T, (T)((U)x << ((U)y & (width - 1)))) X(SHR, C, T, T, (T)(x >> ((U)y & (width - 1)))) COMPARISONS(X, C, T)
#define BINARY_OPS(X) \
	FLOAT_BINARY(X, F64, double) FLOAT_BINARY(X, F32, float) INTEGER_BINARY(X, I64, int64_t, uint64_t, i64, 64) \
	INTEGER_BINARY(X, I32, int32_t, uint32_t, i32, 32) INTEGER_BINARY(X, U8, uint8_t, uint32_t, u8, 8)

#define DEFINE_BINARY(id, C, T, R, expression) \
	static void binary_##id##_##C##_vv(void *out, const void *a, const void *b, const void *c, int64_t n) { \
		R *o = out; \
		const T *p = a, *q = b; \
		(void)c; \
		LOOP { \
			T x = p[i], y = q[i]; \
			o[i] = expression; \
		} \
	} \
	static void binary_##id##_##C##_vs(void *out, const void *a, const void *b, const void *c, int64_t n) { \
		R *o = out; \
		const T *p = a; \
		const T y = *(const T *)b; \
		(void)c; \
		LOOP { \
			T x = p[i]; \
			o[i] = expression; \
		} \
	} \
	static void binary_##id##_##C##_sv(void *out, const void *a, const void *b, const void *c, int64_t n) { \
		R *o = out; \
		const T *q = b; \
		const T x = *(const T *)a; \
		(void)c; \
		LOOP { \
			T y = q[i]; \
			o[i] = expression; \
		} \
	}
BINARY_OPS(DEFINE_BINARY)

/* ---- one operand ---- */

#define FLOAT_UNARY(X, C, T, S, one) \
	X(NEG, C, T, T, -x) X(ABS, C, T, T, __builtin_fabs##S(x)) X(SIGN, C, T, T, x > 0 ? one : x < 0 ? -one : x) \
	X(FLOOR, C, T, T, __builtin_floor##S(x)) X(CEIL, C, T, T, __builtin_ceil##S(x)) X(ROUND, C, T, T, __builtin_rint##S(x)) \
	X(SQRT, C, T, T, __builtin_sqrt##S(x)) X(RSQRT, C, T, T, one / __builtin_sqrt##S(x)) X(RELU, C, T, T, x <= 0 ? 0 : x) \
	X(ISNAN, C, T, uint8_t, x != x) X(ISINF, C, T, uint8_t, __builtin_fabs##S(x) == (T)__builtin_inf()) \
	X(ISFINITE, C, T, uint8_t, __builtin_fabs##S(x) < (T)__builtin_inf()) X(LOGICAL_NOT, C, T, uint8_t, x == 0)
#define SIGNED_UNARY(X, C, T, U) \
	X(ABS, C, T, T, x < 0 ? (T)(0 - (U)x) : x) X(SIGN, C, T, T, (T)((x > 0) - (x < 0))) INTEGER_UNARY(X, C, T, U)
#define UNSIGNED_UNARY(X, C, T, U) X(ABS, C, T, T, x) X(SIGN, C, T, T, x != 0) INTEGER_UNARY(X, C, T, U)
#define INTEGER_UNARY(X, C, T, U) \
	X(NEG, C, T, T, (T)(0 - (U)x)) \
	X(FLOOR, C, T, T, x) X(CEIL, C, T, T, x) X(ROUND, C, T, T, x) X(RELU, C, T, T, x > 0 ? x : 0) \
	X(ISNAN, C, T, uint8_t, (x & 0) != 0) X(ISINF, C, T, uint8_t, (x & 0) != 0) X(ISFINITE, C, T, uint8_t, (x & 0) == 0) \
	X(LOGICAL_NOT, C, T, uint8_t, x == 0) X(NOT, C, T, T, (T)~x)
#define UNARY_OPS(X) \
	FLOAT_UNARY(X, F64, double, , 1.0) FLOAT_UNARY(X, F32, float, f, 1.0f) SIGNED_UNARY(X, I64, int64_t, uint64_t) \
	SIGNED_UNARY(X, I32, int32_t, uint32_t) UNSIGNED_UNARY(X, U8, uint8_t, uint32_t)

#define DEFINE_UNARY(id, C, T, R, expression) \
	static void unary_##id##_##C(void *out, const void *a, const void *b, const void *c, int64_t n) { \
		R *o = out; \
		const T *p = a; \
		(void)b; \
		(void)c; \
		LOOP { \
			T x = p[i]; \
			o[i] = expression; \
		} \
	}
UNARY_OPS(DEFINE_UNARY)

/* ---- choice: by a bool8, the size of the rest does not matter to a copy of bits, but gcc vectorises typed loops better ---- */

#define WHERE_OPS(X) X(F64, double) X(F32, float) X(I64, int64_t) X(I32, int32_t) X(U8, uint8_t)
#define DEFINE_WHERE_VARIANT(C, T, variant, A, B) \
	static void where_##C##_##variant(void *out, const void *a, const void *b, const void *c, int64_t n) { \
		T *o = out; \
		const uint8_t *condition = a; \
		const T *p = b, *q = c; \
		const T p0 = p[0], q0 = q[0]; \
		(void)p0; \
		(void)q0; \
		LOOP { \
			T x = A, y = B; \
			o[i] = condition[i] != 0 ? x : y; \
		} \
	}
#define DEFINE_WHERE(C, T) \
	DEFINE_WHERE_VARIANT(C, T, vv, p[i], q[i]) DEFINE_WHERE_VARIANT(C, T, vs, p[i], q0) \
	DEFINE_WHERE_VARIANT(C, T, sv, p0, q[i]) DEFINE_WHERE_VARIANT(C, T, ss, p0, q0)
WHERE_OPS(DEFINE_WHERE)

/* ---- the tables ---- */

#define BINARY_ROW(id, C, T, R, expression) \
	[TN_OP_##id][CPU_##C] = {binary_##id##_##C##_vv, binary_##id##_##C##_vs, binary_##id##_##C##_sv},
#define UNARY_ROW(id, C, T, R, expression) [TN_OP_##id][CPU_##C] = {unary_##id##_##C},
#define WHERE_ROW(C, T) [TN_OP_WHERE][CPU_##C] = {where_##C##_vv, where_##C##_vs, where_##C##_sv, where_##C##_ss},
static const cpu_vec_fn ops[TN_OP_COUNT][CPU_CLASS_COUNT][CPU_VARIANTS] = {
	BINARY_OPS(BINARY_ROW) UNARY_OPS(UNARY_ROW) WHERE_OPS(WHERE_ROW)
};

extern const cpu_vec_fn CPU_FN(cpu_math_ops)[TN_OP_COUNT][CPU_CLASS_COUNT][CPU_VARIANTS];
extern const cpu_mix_fn CPU_FN(cpu_mixes)[CPU_CLASS_COUNT][CPU_MIX_COUNT];
extern const cpu_vec_fn CPU_FN(cpu_casts)[CPU_CLASS_COUNT][CPU_CLASS_COUNT], CPU_FN(cpu_to_bool)[CPU_CLASS_COUNT];
extern const cpu_vec_fn CPU_FN(cpu_widen)[TN_DTYPE_COUNT], CPU_FN(cpu_narrow)[TN_DTYPE_COUNT], CPU_FN(cpu_round)[TN_DTYPE_COUNT];
extern const struct cpu_reduce_fns CPU_FN(cpu_reduce)[CPU_FOLD_COUNT][CPU_CLASS_COUNT];
extern const cpu_row_fn CPU_FN(cpu_softmax_rows)[2][2];
extern const cpu_short_fn CPU_FN(cpu_softmax_short)[2];

const struct cpu_vectors CPU_FN(cpu_vectors) = {
	.ops = ops,
	.math = CPU_FN(cpu_math_ops),
	.mix = CPU_FN(cpu_mixes),
	.cast = CPU_FN(cpu_casts),
	.to_bool = CPU_FN(cpu_to_bool),
	.widen = CPU_FN(cpu_widen),
	.narrow = CPU_FN(cpu_narrow),
	.round = CPU_FN(cpu_round),
	.reduce = CPU_FN(cpu_reduce),
	.softmax = CPU_FN(cpu_softmax_rows),
	.softmax_short = CPU_FN(cpu_softmax_short),
};
