/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax and log_softmax of one row that lies contiguously: m = max(x), e = exp(x - m), then e / sum(e), or (x - m) -
 * log(sum(e)). The row is read from memory once and written once; the second and third walk find it in L1. The sum has the order
 * of every sum: 16 lanes, folded pairwise. Compiled once per instruction set. */
#include "cpu/vecmath.h"
#include "cpu/vector.h"

#define SIMD _Pragma("omp simd")

/* While a row is worked on, the next is fetched: without that the arithmetic and the memory take turns (8192 x 1024 on one
 * core: 5.1 ms, with it 2.8; a copy takes 2.4). */
#define FETCH_READ(p) __builtin_prefetch((p), 0, 3)
#define FETCH_WRITE(p) __builtin_prefetch((p), 1, 3)

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
	static inline T long_row_max_##C(const T *x, int64_t whole, const T *rest, const volatile int *interrupt) { \
		T m = row_max_##C(x, cpu_piece_end(0, whole), rest); \
		for (int64_t i = CPU_LOOK; i < whole && !cpu_is_stopped(interrupt); i += CPU_LOOK) { \
			T other = row_max_##C(x + i, cpu_piece_end(i, whole) - i, rest); \
			m = m > other ? m : other; \
		} \
		return m; \
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
	static void softmax_row_##C(void *out, const void *in, int64_t n, const volatile int *interrupt) { \
		T *o = out, rest[CPU_LANES], l[CPU_LANES] = {0}, m, scale; \
		const T *x = in; \
		int64_t whole = row_rest_##C(rest, x, n); \
		m = long_row_max_##C(x, whole, rest, interrupt); \
		for (int64_t first = 0; first < whole && !cpu_is_stopped(interrupt); first += CPU_LOOK) { \
			for (int64_t i = first, end = cpu_piece_end(first, whole); i < end; i += CPU_LANES) { \
				FETCH_READ(x + n + i); \
				FETCH_WRITE(o + n + i); \
				exp_16_##C(l, o + i, x + i, m); \
			} \
		} \
		if (whole < n) { \
			exp_16_##C(l, rest, rest, m); \
		} \
		scale = 1 / lanes_sum_##C(l); \
		for (int64_t first = 0; first < whole && !cpu_is_stopped(interrupt); first += CPU_LOOK) { \
			int64_t end = cpu_piece_end(first, whole); \
			SIMD for (int64_t i = first; i < end; i++) { \
				o[i] *= scale; \
			} \
		} \
		for (int64_t j = 0; j < n - whole; j++) { \
			o[whole + j] = rest[j] * scale; \
		} \
	} \
	static void log_softmax_row_##C(void *out, const void *in, int64_t n, const volatile int *interrupt) { \
		T *o = out, rest[CPU_LANES], l[CPU_LANES] = {0}, unused[CPU_LANES], m, total; \
		const T *x = in; \
		int64_t whole = row_rest_##C(rest, x, n); \
		m = long_row_max_##C(x, whole, rest, interrupt); \
		for (int64_t first = 0; first < whole && !cpu_is_stopped(interrupt); first += CPU_LOOK) { \
			for (int64_t i = first, end = cpu_piece_end(first, whole); i < end; i += CPU_LANES) { \
				FETCH_READ(x + n + i); \
				FETCH_WRITE(o + i); \
				exp_16_##C(l, unused, x + i, m); \
			} \
		} \
		if (whole < n) { \
			exp_16_##C(l, unused, rest, m); \
		} \
		total = log_of(lanes_sum_##C(l)); \
		for (int64_t first = 0; first < n && !cpu_is_stopped(interrupt); first += CPU_LOOK) { \
			int64_t end = cpu_piece_end(first, n); \
			SIMD for (int64_t i = first; i < end; i++) { \
				o[i] = (x[i] - m) - total; \
			} \
		} \
	}
DEFINE_ROW(F64, double, vm_exp, vm_log)
DEFINE_ROW(F32, float, vmf_exp_falling, vmf_log)

/* ---- short rows of f32 ---- */

/* 16 rows side by side, since one short row is all latency. The sums have the order of the functions above, so the bits are the
 * same. */
static inline void short_rows(float *out, const float *in, int64_t rows, int64_t n, int log_kind) {
	float x[CPU_SHORT_LINE][CPU_LANES] = {{0}}, l[CPU_LANES][CPU_LANES] = {{0}}, m[CPU_LANES], total[CPU_LANES];

	for (int64_t r = 0; r < rows; r++) {
		for (int64_t j = 0; j < n; j++) {
			x[j][r] = in[r * n + j];
		}
	}
	__builtin_memcpy(m, x[0], sizeof(m));
	for (int64_t j = 1; j < n; j++) {
		SIMD for (int r = 0; r < CPU_LANES; r++) {
			m[r] = x[j][r] > m[r] ? x[j][r] : m[r];
		}
	}
	for (int64_t j = 0; j < n; j++) {
		SIMD for (int r = 0; r < CPU_LANES; r++) {
			float e = vmf_exp_falling(x[j][r] - m[r]);

			l[j % CPU_LANES][r] += e;
			x[j][r] = log_kind ? x[j][r] - m[r] : e;
		}
	}
	for (int width = CPU_LANES / 2; width > 0; width /= 2) {
		for (int k = 0; k < width; k++) {
			SIMD for (int r = 0; r < CPU_LANES; r++) {
				l[k][r] += l[k + width][r];
			}
		}
	}
	SIMD for (int r = 0; r < CPU_LANES; r++) {
		total[r] = log_kind ? vmf_log(l[0][r]) : 1 / l[0][r];
	}
	for (int64_t r = 0; r < rows; r++) {
		for (int64_t j = 0; j < n; j++) {
			out[r * n + j] = log_kind ? x[j][r] - total[r] : x[j][r] * total[r];
		}
	}
}

static void softmax_short(float *out, const float *in, int64_t rows, int64_t n) {
	short_rows(out, in, rows, n, 0);
}

static void log_softmax_short(float *out, const float *in, int64_t rows, int64_t n) {
	short_rows(out, in, rows, n, 1);
}

extern const cpu_short_fn CPU_FN(cpu_softmax_short)[2];
const cpu_short_fn CPU_FN(cpu_softmax_short)[2] = {softmax_short, log_softmax_short};

extern const cpu_row_fn CPU_FN(cpu_softmax_rows)[2][2];
const cpu_row_fn CPU_FN(cpu_softmax_rows)[2][2] = {
	{softmax_row_F64, softmax_row_F32},
	{log_softmax_row_F64, log_softmax_row_F32},
};
