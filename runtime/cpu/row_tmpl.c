/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax and log_softmax of one row that lies contiguously: m = max(x), e = exp(x - m), then e / sum(e), or (x - m) - log(sum(e)).
 * The row is read from memory once and written once; the second and third walk find it in L1. The sum has the order of every sum:
 * 16 lanes, folded pairwise. Compiled once per instruction set. */
#include "cpu/vecmath.h"
#include "cpu/vector.h"

#define SIMD _Pragma("omp simd")

#define DEFINE_ROW(C, T, exp_of, log_of) \
	static inline T row_max_##C(const T *x, int64_t n) { \
		T l[CPU_LANES], result; \
		int64_t i = 0; \
		for (int j = 0; j < CPU_LANES; j++) { \
			l[j] = (T)-__builtin_inf(); \
		} \
		for (; i + CPU_LANES <= n; i += CPU_LANES) { \
			SIMD for (int j = 0; j < CPU_LANES; j++) { \
				l[j] = ((l[j] > x[i + j]) | (l[j] != l[j])) ? l[j] : x[i + j]; \
			} \
		} \
		for (; i < n; i++) { \
			l[0] = l[0] > x[i] || l[0] != l[0] ? l[0] : x[i]; \
		} \
		result = l[0]; \
		for (int j = 1; j < CPU_LANES; j++) { \
			result = result > l[j] || result != result ? result : l[j]; \
		} \
		return result; \
	} \
	/* out[i] = exp(x[i] - m); the sum of them. */ \
	static inline T row_exp_sum_##C(T *out, const T *x, T m, int64_t n, int keep) { \
		T l[CPU_LANES] = {0}; \
		int64_t i = 0; \
		for (; i + CPU_LANES <= n; i += CPU_LANES) { \
			SIMD for (int j = 0; j < CPU_LANES; j++) { \
				T e = exp_of(x[i + j] - m); \
				l[j] += e; \
				if (keep) { \
					out[i + j] = e; \
				} \
			} \
		} \
		for (int j = 0; i < n; i++, j++) { \
			T e = exp_of(x[i] - m); \
			l[j] += e; \
			if (keep) { \
				out[i] = e; \
			} \
		} \
		for (int width = CPU_LANES / 2; width > 0; width /= 2) { \
			for (int j = 0; j < width; j++) { \
				l[j] += l[j + width]; \
			} \
		} \
		return l[0]; \
	} \
	static void softmax_row_##C(void *out, const void *in, int64_t n) { \
		T *o = out; \
		const T *x = in; \
		T m = row_max_##C(x, n), scale = 1 / row_exp_sum_##C(o, x, m, n, 1); \
		SIMD for (int64_t i = 0; i < n; i++) { \
			o[i] *= scale; \
		} \
	} \
	static void log_softmax_row_##C(void *out, const void *in, int64_t n) { \
		T *o = out; \
		const T *x = in; \
		T m = row_max_##C(x, n), total = log_of(row_exp_sum_##C(o, x, m, n, 0)); \
		SIMD for (int64_t i = 0; i < n; i++) { \
			o[i] = (x[i] - m) - total; \
		} \
	}
DEFINE_ROW(F64, double, vm_exp, vm_log)
DEFINE_ROW(F32, float, vmf_exp, vmf_log)

extern const cpu_row_fn CPU_FN(cpu_softmax_rows)[2][2];
const cpu_row_fn CPU_FN(cpu_softmax_rows)[2][2] = {
	{softmax_row_F64, softmax_row_F32},
	{log_softmax_row_F64, log_softmax_row_F32},
};
