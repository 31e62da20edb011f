/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of pooling, compiled once per instruction set; the compiler vectorises those of step 1 (NHWC) wholly and those of
 * step 2 (the usual stride of NCHW) by loads of pairs. All are bound by memory. */
#include <stdint.h>

#include "cpu/pool.h"

#define LOOP(BODY) \
	_Pragma("omp simd") for (int64_t i = 0; i < n; i++) { \
		BODY \
	}
/* The body with the step as a constant where it is a usual one. */
#define STEPS(BODY) \
	if (r->step == 1) { \
		enum { step = 1 }; \
		LOOP(BODY) \
	} else if (r->step == 2) { \
		enum { step = 2 }; \
		LOOP(BODY) \
	} else { \
		const int64_t step = r->step; \
		LOOP(BODY) \
	}

/* C: class; T: element; M: integer of that width, for masks; LOWEST. Integers are added as unsigned ones: they wrap. */
#define CLASSES(X) \
	X(F64, double, uint64_t, -__builtin_inf()) X(F32, float, uint32_t, -__builtin_inff()) X(I64, int64_t, uint64_t, INT64_MIN) \
	X(I32, int32_t, uint32_t, INT32_MIN) X(U8, uint8_t, uint8_t, 0)

#define ADD_F64(x, y) ((x) + (y))
#define ADD_F32(x, y) ((x) + (y))
#define ADD_I64(x, y) (int64_t)((uint64_t)(x) + (uint64_t)(y))
#define ADD_I32(x, y) (int32_t)((uint32_t)(x) + (uint32_t)(y))
#define ADD_U8(x, y) (uint8_t)((x) + (y))

#define DEFINE_MAX(C, T, M, LOWEST) \
	static void lowest_##C(const struct cpu_pool_row *r) { \
		T *out = r->out; \
		M *done = r->done; \
		int64_t n = r->n; \
		LOOP(out[i] = LOWEST; done[i] = 0;) \
	} \
	static void most_##C(const struct cpu_pool_row *r) { \
		T *restrict out = r->out; \
		const T *restrict x = r->x; \
		int64_t n = r->n; \
		STEPS(T a = x[i * step]; T b = out[i]; out[i] = ((a > b) | (a != a)) ? a : b;) \
	} \
	static void route_##C(const struct cpu_pool_row *r) { \
		T *restrict out = r->out; \
		const T *restrict x = r->x; \
		const T *restrict result = r->result; \
		const T *restrict gradient = r->gradient; \
		M *restrict done = r->done; \
		int64_t n = r->n; \
		if (r->fresh) { \
			STEPS(T a = x[i * step]; T b = result[i]; T g = gradient[i]; \
			      M hit = (M)((M)((a == b) | ((a != a) & (b != b))) & (M)(1 ^ done[i])); done[i] = (M)(done[i] | hit); \
			      out[i * step] = hit != 0 ? g : 0;) \
			return; \
		} \
		STEPS(T a = x[i * step]; T b = result[i]; T g = gradient[i]; T old = out[i * step]; \
		      M hit = (M)((M)((a == b) | ((a != a) & (b != b))) & (M)(1 ^ done[i])); done[i] = (M)(done[i] | hit); \
		      out[i * step] = hit != 0 ? ADD_##C(old, g) : old;) \
	} \
	static void take_##C(const struct cpu_pool_row *r) { \
		T *restrict out = r->out; \
		const T *restrict x = r->x; \
		const T *restrict result = r->result; \
		const T *restrict gradient = r->gradient; \
		M *restrict done = r->done; \
		int64_t n = r->n; \
		STEPS(T a = x[i * step]; T b = result[i]; T g = gradient[i * step]; T old = out[i]; \
		      M hit = (M)((M)((a == b) | ((a != a) & (b != b))) & (M)(1 ^ done[i])); done[i] = (M)(done[i] | hit); \
		      out[i] = hit != 0 ? g : old;) \
	}
CLASSES(DEFINE_MAX)

#define DEFINE_MEAN(C, T) \
	static void sum_##C(const struct cpu_pool_row *r) { \
		T *restrict out = r->out; \
		const T *restrict x = r->x; \
		int64_t n = r->n; \
		STEPS(out[i] += x[i * step];) \
	} \
	static void divide_##C(const struct cpu_pool_row *r) { \
		T *restrict out = r->out; \
		const T *restrict divisor = r->divisor; \
		const T one = divisor[0]; \
		int64_t n = r->n; \
		if (r->divisors) { \
			LOOP(out[i] /= divisor[i];) \
		} else { \
			LOOP(out[i] /= one;) \
		} \
	} \
	static void spread_##C(const struct cpu_pool_row *r) { \
		T *restrict out = r->out; \
		const T *restrict gradient = r->gradient; \
		const T *restrict divisor = r->divisor; \
		const T one = divisor[0]; \
		int64_t n = r->n; \
		if (r->divisors) { \
			STEPS(out[i * step] += gradient[i] / divisor[i];) \
		} else { \
			STEPS(out[i * step] += gradient[i] / one;) \
		} \
	}
DEFINE_MEAN(F64, double) DEFINE_MEAN(F32, float)

#define MAX_ROWS(C) .lowest = lowest_##C, .most = most_##C, .route = route_##C, .take = take_##C
#define MEAN_ROWS(C) .sum = sum_##C, .divide = divide_##C, .spread = spread_##C
const struct cpu_pool_fns CPU_FN(cpu_pool)[CPU_CLASS_COUNT] = {
	[CPU_F64] = {MAX_ROWS(F64), MEAN_ROWS(F64)}, [CPU_F32] = {MAX_ROWS(F32), MEAN_ROWS(F32)}, [CPU_I64] = {MAX_ROWS(I64)},
	[CPU_I32] = {MAX_ROWS(I32)}, [CPU_U8] = {MAX_ROWS(U8)},
};
