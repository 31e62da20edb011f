/* SPDX-License-Identifier: Apache-2.0 */
/* Sums, products and extremes. The order is fixed: element r goes to lane r % 16; at the end lane j takes lane j + 8, then j + 4,
 * j + 2, j + 1. 16 lanes of f32 are one register of AVX-512, two of AVX2, four of SSE: the sets give the same bits. One chain of
 * additions of 64 bytes in 4 cycles is faster than memory. Compiled once per instruction set. */
#include "cpu/vector.h"

/* A NaN wins in the extremes. */
#define FLOAT_FOLDS(X, C, T) \
	X(SUM, ADD, C, T, (T)0, x + y) X(PROD, MUL, C, T, (T)1, x *y) \
	X(MAX, MAXIMUM, C, T, (T)-__builtin_inf(), ((x > y) | (x != x)) ? x : y) \
	X(MIN, MINIMUM, C, T, (T)__builtin_inf(), ((x < y) | (x != x)) ? x : y)
#define INTEGER_FOLDS(X, C, T, U, least, largest) \
	X(SUM, ADD, C, T, 0, (T)((U)x + (U)y)) X(PROD, MUL, C, T, 1, (T)((U)x * (U)y)) X(MAX, MAXIMUM, C, T, least, x > y ? x : y) \
	X(MIN, MINIMUM, C, T, largest, x < y ? x : y)
#define FOLDS(X) \
	FLOAT_FOLDS(X, F64, double) FLOAT_FOLDS(X, F32, float) INTEGER_FOLDS(X, I64, int64_t, uint64_t, INT64_MIN, INT64_MAX) \
	INTEGER_FOLDS(X, I32, int32_t, uint32_t, INT32_MIN, INT32_MAX) INTEGER_FOLDS(X, U8, uint8_t, uint32_t, 0, UINT8_MAX)

#define DEFINE_FOLD(id, op, C, T, start, expression) \
	static inline T combine_##id##_##C(T x, T y) { \
		return expression; \
	} \
	static inline T folded_##id##_##C(T *l) { \
		for (int width = CPU_LANES / 2; width > 0; width /= 2) { \
			_Pragma("omp simd") for (int j = 0; j < width; j++) { \
				l[j] = combine_##id##_##C(l[j], l[j + width]); \
			} \
		} \
		return l[0]; \
	} \
	static inline void whole_##id##_##C(T *l, const T *x, int64_t n) { \
		for (int64_t i = 0; i < n; i += CPU_LANES) { \
			_Pragma("omp simd") for (int j = 0; j < CPU_LANES; j++) { \
				l[j] = combine_##id##_##C(l[j], x[i + j]); \
			} \
		} \
	} \
	/* The last n < CPU_LANES elements; the condition becomes a mask where there are masks. */ \
	static inline void rest_##id##_##C(T *l, const T *x, int64_t n) { \
		_Pragma("omp simd") for (int j = 0; j < CPU_LANES; j++) { \
			l[j] = j < n ? combine_##id##_##C(l[j], x[j]) : l[j]; \
		} \
	} \
	static void accumulate_##id##_##C(void *lanes, int lane, const void *x, int64_t n) { \
		T *out = lanes, l[CPU_LANES]; \
		const T *p = x; \
		int64_t whole; \
		while (lane > 0 && n > 0) { \
			out[lane] = combine_##id##_##C(out[lane], *p++); \
			lane = (lane + 1) % CPU_LANES; \
			n--; \
		} \
		__builtin_memcpy(l, out, sizeof(l)); \
		whole = n / CPU_LANES * CPU_LANES; \
		whole_##id##_##C(l, p, whole); \
		rest_##id##_##C(l, p + whole, n - whole); \
		__builtin_memcpy(out, l, sizeof(l)); \
	} \
	static void fold_##id##_##C(void *out, const void *lanes) { \
		T l[CPU_LANES]; \
		__builtin_memcpy(l, lanes, sizeof(l)); \
		*(T *)out = folded_##id##_##C(l); \
	} \
	static void rows_##id##_##C(void *out, const void *x, int64_t rows, int64_t length) { \
		T *o = out; \
		int64_t whole = length / CPU_LANES * CPU_LANES; \
		for (int64_t k = 0; k < rows; k++) { \
			const T *p = (const T *)x + k * length; \
			T l[CPU_LANES]; \
			for (int j = 0; j < CPU_LANES; j++) { \
				l[j] = start; \
			} \
			whole_##id##_##C(l, p, whole); \
			rest_##id##_##C(l, p + whole, length - whole); \
			o[k] = folded_##id##_##C(l); \
		} \
	} \
	static void identity_##id##_##C(void *out, int64_t n) { \
		T *o = out; \
		for (int64_t i = 0; i < n; i++) { \
			o[i] = start; \
		} \
	} \
	static void merge_##id##_##C(void *out, const void *a, const void *b, const void *c, int64_t n) { \
		T *o = out; \
		const T *p = a, *q = b; \
		(void)c; \
		_Pragma("omp simd") for (int64_t i = 0; i < n; i++) { \
			o[i] = combine_##id##_##C(p[i], q[i]); \
		} \
	}
FOLDS(DEFINE_FOLD)

extern const struct cpu_reduce_fns CPU_FN(cpu_reduce)[CPU_FOLD_COUNT][CPU_CLASS_COUNT];

#define FOLD_ROW(id, op, C, T, start, expression) \
	[CPU_FOLD_##id][CPU_##C] = {accumulate_##id##_##C, fold_##id##_##C, rows_##id##_##C, identity_##id##_##C, merge_##id##_##C},
const struct cpu_reduce_fns CPU_FN(cpu_reduce)[CPU_FOLD_COUNT][CPU_CLASS_COUNT] = {FOLDS(FOLD_ROW)};
