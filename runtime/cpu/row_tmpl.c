/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax and log_softmax of one row that lies contiguously: m = max(x), e = exp(x - m), then e / sum(e), or (x - m) - log(sum(e)).
 * The row is read from memory once and written once; the second and third walk find it in L1. The sum has the order of every sum:
 * 16 lanes, folded pairwise. Compiled once per instruction set. */
#include "cpu/vecmath.h"
#include "cpu/vector.h"

#define SIMD _Pragma("omp simd")

/* The last elements of a row come as 16 too, filled up with -inf, which adds nothing to a maximum or a sum. */
#define DEFINE_ROW(C, T, exp_of, log_of) \
	/* A NaN may be passed over: the sum then is NaN. Four chains, since one is bound by the latency of a maximum. */ \
	static inline T row_max_##C(const T *x, int64_t whole, const T *rest) { \
		T l[4 * CPU_LANES]; \
		int64_t i = 0; \
		for (int k = 0; k < 4; k++) { \
			__builtin_memcpy(l + k * CPU_LANES, rest, sizeof(T) * CPU_LANES); \
		} \
		for (; i + 4 * CPU_LANES <= whole; i += 4 * CPU_LANES) { \
			SIMD for (int j = 0; j < 4 * CPU_LANES; j++) { \
				l[j] = x[i + j] > l[j] ? x[i + j] : l[j]; \
			} \
		} \
		for (; i < whole; i += CPU_LANES) { \
			SIMD for (int j = 0; j < CPU_LANES; j++) { \
				l[j] = x[i + j] > l[j] ? x[i + j] : l[j]; \
			} \
		} \
		for (int width = 2 * CPU_LANES; width > 0; width /= 2) { \
			SIMD for (int j = 0; j < width; j++) { \
				l[j] = l[j] > l[j + width] ? l[j] : l[j + width]; \
			} \
		} \
		return l[0]; \
	} \
	/* out[j] = exp(x[j] - m), added to the lanes */ \
	static inline void exp_16_##C(T *l, T *out, const T *x, T m) { \
		SIMD for (int j = 0; j < CPU_LANES; j++) { \
			T e = exp_of(x[j] - m); \
			out[j] = e; \
			l[j] += e; \
		} \
	} \
	static inline T lanes_sum_##C(T *l) { \
		for (int width = CPU_LANES / 2; width > 0; width /= 2) { \
			SIMD for (int j = 0; j < width; j++) { \
				l[j] += l[j + width]; \
			} \
		} \
		return l[0]; \
	} \
	static inline int64_t row_rest_##C(T *rest, const T *x, int64_t n) { \
		int64_t whole = n / CPU_LANES * CPU_LANES; \
		for (int j = 0; j < CPU_LANES; j++) { \
			rest[j] = (T)-__builtin_inf(); \
		} \
		for (int64_t j = 0; j < n - whole; j++) { \
			rest[j] = x[whole + j]; \
		} \
		return whole; \
	} \
	static void softmax_row_##C(void *out, const void *in, int64_t n) { \
		T *o = out, rest[CPU_LANES], l[CPU_LANES] = {0}, m, scale; \
		const T *x = in; \
		int64_t whole = row_rest_##C(rest, x, n); \
		m = row_max_##C(x, whole, rest); \
		for (int64_t i = 0; i < whole; i += CPU_LANES) { \
			exp_16_##C(l, o + i, x + i, m); \
		} \
		exp_16_##C(l, rest, rest, m); \
		scale = 1 / lanes_sum_##C(l); \
		SIMD for (int64_t i = 0; i < whole; i++) { \
			o[i] *= scale; \
		} \
		for (int64_t j = 0; j < n - whole; j++) { \
			o[whole + j] = rest[j] * scale; \
		} \
	} \
	static void log_softmax_row_##C(void *out, const void *in, int64_t n) { \
		T *o = out, rest[CPU_LANES], l[CPU_LANES] = {0}, unused[CPU_LANES], m, total; \
		const T *x = in; \
		int64_t whole = row_rest_##C(rest, x, n); \
		m = row_max_##C(x, whole, rest); \
		for (int64_t i = 0; i < whole; i += CPU_LANES) { \
			exp_16_##C(l, unused, x + i, m); \
		} \
		exp_16_##C(l, unused, rest, m); \
		total = log_of(lanes_sum_##C(l)); \
		SIMD for (int64_t i = 0; i < n; i++) { \
			o[i] = (x[i] - m) - total; \
		} \
	}
DEFINE_ROW(F64, double, vm_exp, vm_log)
DEFINE_ROW(F32, float, vmf_exp_falling, vmf_log)

extern const cpu_row_fn CPU_FN(cpu_softmax_rows)[2][2];
const cpu_row_fn CPU_FN(cpu_softmax_rows)[2][2] = {
	{softmax_row_F64, softmax_row_F32},
	{log_softmax_row_F64, log_softmax_row_F32},
};
