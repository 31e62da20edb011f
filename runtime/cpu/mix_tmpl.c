/* SPDX-License-Identifier: Apache-2.0 */
/* Loops over several operations at once, for the chains that training is made of: what lies between them stays in registers and
 * is never written. Each operation rounds as it does alone (no contraction), so the bits are those of the separate loops;
 * fused_mix.c finds the chains. Compiled once per instruction set.
 *
 *   SUM         x s + y t                  running means, weight decay
 *   DIFFERENCE  x s - y t                  w - lr d
 *   SQUARES     x s + (y z) t              running mean of squares
 *   RATIO       (x s) / (sqrt(y) t + u)    what Adam moves by
 *   STEP        x s - (y t) / (sqrt(z) u + v)   the same, taken off the weights
 *   ADD_RELU    relu(x + y)                bias and activation
 *   MASK        x > s ? y : t              the gradient of relu
 *
 * A step of AdamW over 200,704 weights took 208 us on one core in separate loops, and takes 130 in these. */
#include "cpu/vector.h"

/* in: x, y, z, then s, t, u, v, which are one number each. */
#define DEFINE_MIX(name, C, T, expression) \
	static void mix_##name##_##C(void *out, const void *const *in, int64_t n) { \
		T *o = out; \
		const T *p = in[0], *q = in[1], *r = in[2]; \
		const T s = *(const T *)in[3], t = *(const T *)in[4], u = *(const T *)in[5], v = *(const T *)in[6]; \
		(void)q; \
		(void)r; \
		(void)s; \
		(void)t; \
		(void)u; \
		(void)v; \
		_Pragma("omp simd") for (int64_t i = 0; i < n; i++) { \
			o[i] = expression; \
		} \
	}
#define DEFINE_ADD_RELU(C, T) \
	static void mix_ADD_RELU_##C(void *out, const void *const *in, int64_t n) { \
		T *o = out; \
		const T *p = in[0], *q = in[1]; \
		_Pragma("omp simd") for (int64_t i = 0; i < n; i++) { \
			T x = p[i] + q[i]; \
			o[i] = x <= 0 ? 0 : x; \
		} \
	}
#define DEFINE_CLASS(C, T, root) \
	DEFINE_MIX(SUM, C, T, p[i] * s + q[i] * t) \
	DEFINE_MIX(DIFFERENCE, C, T, p[i] * s - q[i] * t) \
	DEFINE_MIX(SQUARES, C, T, p[i] * s + (q[i] * r[i]) * t) \
	DEFINE_MIX(RATIO, C, T, (p[i] * s) / (root(q[i]) * t + u)) \
	DEFINE_MIX(STEP, C, T, p[i] * s - (q[i] * t) / (root(r[i]) * u + v)) \
	DEFINE_MIX(MASK, C, T, p[i] > s ? q[i] : t) \
	DEFINE_ADD_RELU(C, T)
DEFINE_CLASS(F64, double, __builtin_sqrt)
DEFINE_CLASS(F32, float, __builtin_sqrtf)

#define ROW(C) \
	[CPU_##C] = { \
		[CPU_MIX_SUM] = mix_SUM_##C, [CPU_MIX_DIFFERENCE] = mix_DIFFERENCE_##C, [CPU_MIX_SQUARES] = mix_SQUARES_##C, \
		[CPU_MIX_RATIO] = mix_RATIO_##C, [CPU_MIX_STEP] = mix_STEP_##C, [CPU_MIX_ADD_RELU] = mix_ADD_RELU_##C, \
		[CPU_MIX_MASK] = mix_MASK_##C, \
	}
extern const cpu_mix_fn CPU_FN(cpu_mixes)[CPU_CLASS_COUNT][CPU_MIX_COUNT];
const cpu_mix_fn CPU_FN(cpu_mixes)[CPU_CLASS_COUNT][CPU_MIX_COUNT] = {ROW(F64), ROW(F32)};
