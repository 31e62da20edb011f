/* SPDX-License-Identifier: Apache-2.0 */
/* Loops that convert between classes and to and from the 16-bit floats. Floats become integers as tn_element_set_f64 has it:
 * truncated, NaN 0, saturated to 64 bits, then wrapped. Rounding to bf16 and f16 is to nearest even, by integer arithmetic that
 * the compiler vectorises (F16C where the instruction set has it: the same bits). Compiled once per instruction set. */
#include <string.h>
#ifdef __F16C__
#include <immintrin.h>
#endif

#include "cpu/vector.h"

#define LOOP _Pragma("omp simd") for (int64_t i = 0; i < n; i++)

static inline int64_t truncate_f64(double x) {
	double bounded = x >= 0x1p63 || x < -0x1p63 || x != x ? 0 : x;

	return x >= 0x1p63 ? INT64_MAX : x < -0x1p63 ? INT64_MIN : (int64_t)bounded;
}

static inline int64_t truncate_f32(float x) {
	float bounded = x >= 0x1p63f || x < -0x1p63f || x != x ? 0 : x;

	return x >= 0x1p63f ? INT64_MAX : x < -0x1p63f ? INT64_MIN : (int64_t)bounded;
}

/* ---- between classes ---- */

#define FROM_INTEGER(X, C, T) \
	X(C, T, F64, double, (double)x) X(C, T, F32, float, (float)x) X(C, T, I64, int64_t, (int64_t)x) \
	X(C, T, I32, int32_t, (int32_t)x) X(C, T, U8, uint8_t, (uint8_t)x)
#define FROM_FLOAT(X, C, T, truncate) \
	X(C, T, F64, double, (double)x) X(C, T, F32, float, (float)x) X(C, T, I64, int64_t, truncate(x)) \
	X(C, T, I32, int32_t, (int32_t)truncate(x)) X(C, T, U8, uint8_t, (uint8_t)truncate(x))
#define CASTS(X) \
	FROM_FLOAT(X, F64, double, truncate_f64) FROM_FLOAT(X, F32, float, truncate_f32) FROM_INTEGER(X, I64, int64_t) \
	FROM_INTEGER(X, I32, int32_t) FROM_INTEGER(X, U8, uint8_t)
#define BOOLS(X) X(F64, double) X(F32, float) X(I64, int64_t) X(I32, int32_t) X(U8, uint8_t)

#define DEFINE_CAST(A, T, B, R, expression) \
	static void cast_##A##_##B(void *out, const void *a, const void *b, const void *c, int64_t n) { \
		R *o = out; \
		const T *p = a; \
		(void)b; \
		(void)c; \
		LOOP { \
			T x = p[i]; \
			o[i] = expression; \
		} \
	}
CASTS(DEFINE_CAST)

#define DEFINE_TO_BOOL(C, T) \
	static void bool_##C(void *out, const void *a, const void *b, const void *c, int64_t n) { \
		uint8_t *o = out; \
		const T *p = a; \
		(void)b; \
		(void)c; \
		LOOP { \
			o[i] = p[i] != 0; \
		} \
	}
BOOLS(DEFINE_TO_BOOL)

/* ---- bf16: the upper half of an f32 ---- */

static inline uint32_t f32_bits(float x) {
	uint32_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

static inline float f32_from(uint32_t bits) {
	float x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* The rounded value, as bits of an f32 whose lower half is 0. */
static inline uint32_t bf16_rounded(uint32_t bits) {
	uint32_t nearest = (bits + 0x7fffu + (bits >> 16 & 1)) & 0xffff0000u;
	uint32_t quiet = (bits | 0x400000u) & 0xffff0000u;

	return (bits & 0x7fffffffu) > 0x7f800000u ? quiet : nearest;
}

static void widen_bf16(void *out, const void *a, const void *b, const void *c, int64_t n) {
	uint32_t *o = out;
	const uint16_t *p = a;

	(void)b;
	(void)c;
	LOOP {
		o[i] = (uint32_t)p[i] << 16;
	}
}

static void narrow_bf16(void *out, const void *a, const void *b, const void *c, int64_t n) {
	uint16_t *o = out;
	const uint32_t *p = a;

	(void)b;
	(void)c;
	LOOP {
		o[i] = (uint16_t)(bf16_rounded(p[i]) >> 16);
	}
}

static void round_bf16(void *out, const void *a, const void *b, const void *c, int64_t n) {
	uint32_t *o = out;
	const uint32_t *p = a;

	(void)b;
	(void)c;
	LOOP {
		o[i] = bf16_rounded(p[i]);
	}
}

/* ---- f16 ---- */

/* Normal numbers: 1.m * 2^e; below 2^-14 the units are 2^-24, which a multiplication does exactly. */
static inline float f16_value(uint16_t x) {
	uint32_t sign = (uint32_t)(x & 0x8000u) << 16, magnitude = x & 0x7fffu;
	float scaled = f32_from(magnitude << 13) * 0x1p112f; /* moves the exponent's bias from 15 to 127, subnormals too */
	uint32_t special = 0x7f800000u | magnitude << 13 | (magnitude > 0x7c00u ? 0x400000u : 0); /* NaNs come out quiet */

	return f32_from(sign | (magnitude >= 0x7c00u ? special : f32_bits(scaled)));
}

/* Bits of an f16 nearest to x. */
static inline uint16_t f16_bits(float x) {
	uint32_t bits = f32_bits(x), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
	uint32_t normal = (magnitude + 0xfffu + (magnitude >> 13 & 1) - 0x38000000u) >> 13;
	uint32_t tiny = f32_bits(f32_from(magnitude < 0x38800000u ? magnitude : 0) + 0.5f) -
		0x3f000000u; /* adding 0.5 rounds to units of 2^-24 */
	uint32_t nan = 0x7e00u | (magnitude >> 13 & 0x3ffu);
	uint32_t finite = magnitude < 0x38800000u ? tiny : normal;
	uint32_t large = magnitude > 0x7f800000u ? nan : 0x7c00u;

	return (uint16_t)(sign | (magnitude >= 0x477ff000u ? large : finite));
}

static void widen_f16(void *out, const void *a, const void *b, const void *c, int64_t n) {
	float *o = out;
	const uint16_t *p = a;
	int64_t done = 0;

	(void)b;
	(void)c;
#ifdef __F16C__
	for (; done + 8 <= n; done += 8) {
		_mm256_storeu_ps(o + done, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(p + done))));
	}
#endif
	for (int64_t i = done; i < n; i++) {
		o[i] = f16_value(p[i]);
	}
}

static void narrow_f16(void *out, const void *a, const void *b, const void *c, int64_t n) {
	uint16_t *o = out;
	const float *p = a;
	int64_t done = 0;

	(void)b;
	(void)c;
#ifdef __F16C__
	for (; done + 8 <= n; done += 8) {
		_mm_storeu_si128((__m128i *)(void *)(o + done), _mm256_cvtps_ph(_mm256_loadu_ps(p + done), _MM_FROUND_TO_NEAREST_INT));
	}
#endif
	for (int64_t i = done; i < n; i++) {
		o[i] = f16_bits(p[i]);
	}
}

static void round_f16(void *out, const void *a, const void *b, const void *c, int64_t n) {
	float *o = out;
	const float *p = a;
	int64_t done = 0;

	(void)b;
	(void)c;
#ifdef __F16C__
	for (; done + 8 <= n; done += 8) {
		_mm256_storeu_ps(o + done, _mm256_cvtph_ps(_mm256_cvtps_ph(_mm256_loadu_ps(p + done), _MM_FROUND_TO_NEAREST_INT)));
	}
#endif
	for (int64_t i = done; i < n; i++) {
		o[i] = f16_value(f16_bits(p[i]));
	}
}

/* ---- the tables ---- */

extern const cpu_vec_fn CPU_FN(cpu_casts)[CPU_CLASS_COUNT][CPU_CLASS_COUNT], CPU_FN(cpu_to_bool)[CPU_CLASS_COUNT];
extern const cpu_vec_fn CPU_FN(cpu_widen)[TN_DTYPE_COUNT], CPU_FN(cpu_narrow)[TN_DTYPE_COUNT], CPU_FN(cpu_round)[TN_DTYPE_COUNT];

#define CAST_ROW(A, T, B, R, expression) [CPU_##A][CPU_##B] = cast_##A##_##B,
#define BOOL_ROW(C, T) [CPU_##C] = bool_##C,
const cpu_vec_fn CPU_FN(cpu_casts)[CPU_CLASS_COUNT][CPU_CLASS_COUNT] = {CASTS(CAST_ROW)};
const cpu_vec_fn CPU_FN(cpu_to_bool)[CPU_CLASS_COUNT] = {BOOLS(BOOL_ROW)};
const cpu_vec_fn CPU_FN(cpu_widen)[TN_DTYPE_COUNT] = {[TN_DTYPE_BF16] = widen_bf16, [TN_DTYPE_F16] = widen_f16};
const cpu_vec_fn CPU_FN(cpu_narrow)[TN_DTYPE_COUNT] = {[TN_DTYPE_BF16] = narrow_bf16, [TN_DTYPE_F16] = narrow_f16};
const cpu_vec_fn CPU_FN(cpu_round)[TN_DTYPE_COUNT] = {[TN_DTYPE_BF16] = round_bf16, [TN_DTYPE_F16] = round_f16};
