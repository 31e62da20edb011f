/* SPDX-License-Identifier: Apache-2.0 */
/* Loops of the elementary functions, of vecmath.h where that has them and of libm, element by element, for the rare ones. f32
 * goes by way of f64 where that is simpler than a series of its own: half as fast, and correct to the last bit nearly always.
 * Compiled once per instruction set. */
#include "cpu/vecmath.h"
#include "cpu/vector.h"

#define LOOP _Pragma("omp simd") for (int64_t i = 0; i < n; i++)

/* ---- one operand, straight-line code ---- */

#define SERIES(X) \
	X(EXP, F64, double, vm_exp(x)) X(EXP, F32, float, vmf_exp(x)) \
	X(EXPM1, F64, double, vm_expm1(x)) X(EXPM1, F32, float, (float)vm_expm1((double)x)) \
	X(LOG, F64, double, vm_log(x)) X(LOG, F32, float, vmf_log(x)) \
	X(LOG1P, F64, double, vm_log1p(x)) X(LOG1P, F32, float, (float)vm_log1p((double)x)) \
	X(SIGMOID, F64, double, vm_sigmoid(x)) X(SIGMOID, F32, float, vmf_sigmoid(x)) \
	X(SOFTPLUS, F64, double, vm_softplus(x)) X(SOFTPLUS, F32, float, (float)vm_softplus((double)x)) \
	X(TANH, F64, double, vm_tanh(x)) X(TANH, F32, float, vmf_tanh(x)) \
	X(ERF, F32, float, vmf_erf(x)) X(ATAN, F32, float, (float)vm_atan_to_f32((double)x)) \
	X(ASIN, F32, float, (float)vm_asin_to_f32((double)x)) X(ACOS, F32, float, (float)vm_acos_to_f32((double)x)) \
	X(SINH, F32, float, (float)vm_sinh_to_f32((double)x)) X(COSH, F32, float, (float)vm_cosh_to_f32((double)x))

#define DEFINE_SERIES(id, C, T, expression) \
	static void series_##id##_##C(void *out, const void *a, const void *b, const void *c, int64_t n) { \
		T *o = out; \
		const T *p = a; \
		(void)b; \
		(void)c; \
		LOOP { \
			T x = p[i]; \
			o[i] = expression; \
		} \
	}
SERIES(DEFINE_SERIES)

/* ---- one operand, libm ---- */

#define LIBM(X) \
	X(TAN, F64, double, tan) X(ASIN, F64, double, asin) X(ACOS, F64, double, acos) X(ATAN, F64, double, atan) \
	X(SINH, F64, double, sinh) X(COSH, F64, double, cosh) X(ERF, F64, double, erf)

#define DEFINE_LIBM(id, C, T, function) \
	static void libm_##id##_##C(void *out, const void *a, const void *b, const void *c, int64_t n) { \
		T *o = out; \
		const T *p = a; \
		(void)b; \
		(void)c; \
		for (int64_t i = 0; i < n; i++) { \
			o[i] = function(p[i]); \
		} \
	}
LIBM(DEFINE_LIBM)

/* ---- sine, cosine, tangent: what is beyond the series' range is left to libm, element by element ---- */

#define TRIGONOMETRY(X) \
	X(SIN, F64, double, sin, vm_sine(x, 0)) X(COS, F64, double, cos, vm_sine(x, 1)) \
	X(SIN, F32, float, sinf, (float)vm_sine((double)x, 0)) X(COS, F32, float, cosf, (float)vm_sine((double)x, 1)) \
	X(TAN, F32, float, tanf, (float)(vm_sine((double)x, 0) / vm_sine((double)x, 1)))

/* The operands are kept, since out may be where they were. */
#define DEFINE_TRIGONOMETRY(id, C, T, function, expression) \
	static void trig_##id##_##C(void *out, const void *a, const void *b, const void *c, int64_t count) { \
		(void)b; \
		(void)c; \
		for (int64_t done = 0; done < count; done += 128) { \
			int64_t n = count - done < 128 ? count - done : 128; \
			T kept[128], *o = (T *)out + done; \
			int outside = 0; \
			memcpy(kept, (const T *)a + done, (size_t)n * sizeof(T)); \
			_Pragma("omp simd reduction(| : outside)") for (int64_t i = 0; i < n; i++) { \
				T x = kept[i]; \
				o[i] = expression; \
				outside |= !(x >= (T)-VM_TRIG_LIMIT && x <= (T)VM_TRIG_LIMIT); \
			} \
			for (int64_t i = 0; outside != 0 && i < n; i++) { \
				if (!(kept[i] >= (T)-VM_TRIG_LIMIT && kept[i] <= (T)VM_TRIG_LIMIT)) { \
					o[i] = function(kept[i]); \
				} \
			} \
		} \
	}
TRIGONOMETRY(DEFINE_TRIGONOMETRY)

/* ---- two operands ---- */

/* Python's: the result has the divisor's sign. */
static inline double mod_f64(double x, double y) {
	double rest = fmod(x, y);

	return rest == 0 ? copysign(0, y) : (rest < 0) != (y < 0) ? rest + y : rest;
}

static inline float mod_f32(float x, float y) {
	float rest = fmodf(x, y);

	return rest == 0 ? copysignf(0, y) : (rest < 0) != (y < 0) ? rest + y : rest;
}

/* The floor of the exact quotient, which x / y may have rounded up: made of the rest. As Python's and PyTorch's: of an infinite x it is
 * NaN, by an infinite y 0 or -1. */
static inline double floor_div_f64(double x, double y) {
	double rest = fmod(x, y), quotient = (x - rest) / y;

	if (y == 0) {
		return x / y;
	}
	quotient -= rest != 0 && (rest < 0) != (y < 0);
	return quotient == 0 ? copysign(0, x / y) : rint(quotient);
}

static inline float floor_div_f32(float x, float y) {
	float rest = fmodf(x, y), quotient = (x - rest) / y;

	if (y == 0) {
		return x / y;
	}
	quotient -= rest != 0 && (rest < 0) != (y < 0);
	return quotient == 0 ? copysignf(0, x / y) : rintf(quotient);
}

/* The usual small powers are products, the same whether the exponent is a number or a tensor. */
static inline double pow_f64(double x, double y) {
	return y == 2 ? x * x : y == 1 ? x : y == 3 ? x * x * x : y == -1 ? 1 / x : pow(x, y);
}

static inline float pow_f32(float x, float y) {
	float power = vmf_pow(x, y);

	power = y == -1 ? 1 / x : power;
	power = y == 3 ? x * x * x : power;
	power = y == 2 ? x * x : power;
	return y == 1 ? x : power;
}

#define PAIRS(X) \
	X(MOD, F64, double, mod_f64) X(MOD, F32, float, mod_f32) X(FLOOR_DIV, F64, double, floor_div_f64) \
	X(FLOOR_DIV, F32, float, floor_div_f32) X(POW, F64, double, pow_f64) X(ATAN2, F64, double, atan2)
/* straight-line code */
#define PAIR_SERIES(X) X(POW, F32, float, pow_f32(x, y)) X(ATAN2, F32, float, (float)vm_atan2_to_f32((double)x, (double)y))

#define DEFINE_PAIR(id, C, T, function) \
	static void pair_##id##_##C(void *out, const void *a, const void *b, const void *c, int64_t n) { \
		T *o = out; \
		const T *p = a, *q = b; \
		(void)c; \
		for (int64_t i = 0; i < n; i++) { \
			o[i] = function(p[i], q[i]); \
		} \
	}
PAIRS(DEFINE_PAIR)

#define DEFINE_PAIR_SERIES(id, C, T, expression) \
	static void pair_##id##_##C(void *out, const void *a, const void *b, const void *c, int64_t n) { \
		T *o = out; \
		const T *p = a, *q = b; \
		(void)c; \
		LOOP { \
			T x = p[i], y = q[i]; \
			o[i] = expression; \
		} \
	}
PAIR_SERIES(DEFINE_PAIR_SERIES)

/* A power by one number: squares and cubes are what programs have most. Any other goes through the loop of two operands, in
 * parts: with one number in it the compiler would split that loop by its value, and vectorise none of the parts. */
#define DEFINE_POWER(C, T) \
	static void power_##C(void *out, const void *a, const void *b, const void *c, int64_t n) { \
		T *o = out; \
		const T *p = a, y = *(const T *)b; \
		if (y == 2) { \
			LOOP { \
				o[i] = p[i] * p[i]; \
			} \
		} else if (y == 3) { \
			LOOP { \
				o[i] = p[i] * p[i] * p[i]; \
			} \
		} else { \
			T numbers[64]; \
			for (int k = 0; k < 64; k++) { \
				numbers[k] = y; \
			} \
			for (int64_t i = 0; i < n; i += 64) { \
				pair_POW_##C(o + i, p + i, numbers, c, n - i < 64 ? n - i : 64); \
			} \
		} \
	}
DEFINE_POWER(F64, double)
DEFINE_POWER(F32, float)

/* ---- the table ---- */

extern const cpu_vec_fn CPU_FN(cpu_math_ops)[TN_OP_COUNT][CPU_CLASS_COUNT][CPU_VARIANTS];

#define SERIES_ROW(id, C, T, expression) [TN_OP_##id][CPU_##C] = {series_##id##_##C},
#define LIBM_ROW(id, C, T, function) [TN_OP_##id][CPU_##C] = {libm_##id##_##C},
#define TRIGONOMETRY_ROW(id, C, T, function, expression) [TN_OP_##id][CPU_##C] = {trig_##id##_##C},
#define PAIR_ROW(id, C, T, what) [TN_OP_##id][CPU_##C][0] = pair_##id##_##C,
const cpu_vec_fn CPU_FN(cpu_math_ops)[TN_OP_COUNT][CPU_CLASS_COUNT][CPU_VARIANTS] = {
	SERIES(SERIES_ROW) LIBM(LIBM_ROW) TRIGONOMETRY(TRIGONOMETRY_ROW) PAIRS(PAIR_ROW) PAIR_SERIES(PAIR_ROW)
	[TN_OP_POW][CPU_F64][CPU_LAST_SCALAR] = power_F64,
	[TN_OP_POW][CPU_F32][CPU_LAST_SCALAR] = power_F32,
};
