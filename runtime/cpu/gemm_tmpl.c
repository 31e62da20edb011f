/* SPDX-License-Identifier: Apache-2.0 */
/* The inner parts of the portable matrix product, compiled once per instruction set: packing into panels, and the tile
 *
 *     c[i][j] += sum over p of a[p * MR + i] * b[p * NR + j]        MR x NR elements, two vectors wide
 *
 * which stays in registers: 12 x 2 accumulators of 32 with AVX-512, 6 x 2 of 16 with AVX2, 4 x 2 of 16 without. Floats are
 * multiplied and added in one rounding (fma) where the set has it. */
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "cpu/gemm.h"

#if defined(__AVX512F__)
enum { VECTOR = 64, MR = 12 };
#elif defined(__AVX2__)
enum { VECTOR = 32, MR = 6 };
#else
enum { VECTOR = 16, MR = 4 };
#endif

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef float v_F32 __attribute__((vector_size(VECTOR), aligned(4), may_alias));
typedef double v_F64 __attribute__((vector_size(VECTOR), aligned(8), may_alias));
typedef uint32_t v_I32 __attribute__((vector_size(VECTOR), aligned(4), may_alias));
typedef uint64_t v_I64 __attribute__((vector_size(VECTOR), aligned(8), may_alias));

#if defined(__AVX512F__)
#define FMA_F32(x, y, z) (v_F32) _mm512_fmadd_ps(_mm512_set1_ps(x), (__m512)(y), (__m512)(z))
#define FMA_F64(x, y, z) (v_F64) _mm512_fmadd_pd(_mm512_set1_pd(x), (__m512d)(y), (__m512d)(z))
#elif defined(__AVX2__)
#define FMA_F32(x, y, z) (v_F32) _mm256_fmadd_ps(_mm256_set1_ps(x), (__m256)(y), (__m256)(z))
#define FMA_F64(x, y, z) (v_F64) _mm256_fmadd_pd(_mm256_set1_pd(x), (__m256d)(y), (__m256d)(z))
#else
#define FMA_F32(x, y, z) ((x) * (y) + (z))
#define FMA_F64(x, y, z) ((x) * (y) + (z))
#endif
#define FMA_I32(x, y, z) ((x) * (y) + (z))
#define FMA_I64(x, y, z) ((x) * (y) + (z))

/* Integers are unsigned here: they wrap. */
#define CLASSES(X) X(F32, float) X(F64, double) X(I32, uint32_t) X(I64, uint64_t)

#define DEFINE_PACK(C, T) \
	static void pack_##C(void *panel, const void *from, int width, int64_t valid, int64_t across, int64_t along, int64_t k) { \
		T *to = panel; \
		const T *in = from; \
		if (across == 1 && valid == width) { \
			for (int64_t p = 0; p < k; p++) { \
				for (int i = 0; i < width; i++) { \
					to[p * width + i] = in[p * along + i]; \
				} \
			} \
			return; \
		} \
		/* Eight of k at a time: a cache line or half of one of each row, read while the panel's lines are hot. */ \
		for (int64_t begin = 0; begin < k; begin += 8) { \
			int64_t end = begin + 8 < k ? begin + 8 : k; \
			for (int64_t i = 0; i < width; i++) { \
				for (int64_t p = begin; p < end; p++) { \
					to[p * width + i] = i < valid ? in[i * across + p * along] : 0; \
				} \
			} \
		} \
	}
CLASSES(DEFINE_PACK)

/* The tile proper; `c` has room for all of it. */
#define DEFINE_FULL(C, T) \
	static inline __attribute__((always_inline)) void full_##C(const struct cpu_gemm_tile *t, T *c, int64_t c_row, bool add) { \
		enum { LANES = VECTOR / sizeof(T), NR = 2 * LANES }; \
		const T *a = t->a, *b = t->b; \
		v_##C sum[MR][2] = {{{0}}}; \
		for (int64_t p = 0; p < t->k; p++, a += MR, b += NR) { \
			v_##C b0 = *(const v_##C *)b, b1 = *(const v_##C *)(b + LANES); \
			UNROLL for (int i = 0; i < MR; i++) { \
				sum[i][0] = FMA_##C(a[i], b0, sum[i][0]); \
				sum[i][1] = FMA_##C(a[i], b1, sum[i][1]); \
			} \
		} \
		UNROLL for (int i = 0; i < MR; i++) { \
			v_##C *to = (v_##C *)(c + i * c_row), *next = (v_##C *)(c + i * c_row + LANES); \
			if (add) { \
				sum[i][0] += *to; \
				sum[i][1] += *next; \
			} \
			*to = sum[i][0]; \
			*next = sum[i][1]; \
		} \
	} \
	static void tile_##C(const struct cpu_gemm_tile *t) { \
		enum { NR = 2 * VECTOR / sizeof(T) }; \
		T edge[MR * NR]; \
		T *c = t->c; \
		if (t->m == MR && t->n == NR) { \
			full_##C(t, c, t->c_row, t->add); \
			return; \
		} \
		full_##C(t, edge, NR, false); \
		for (int i = 0; i < t->m; i++) { \
			for (int j = 0; j < t->n; j++) { \
				c[i * t->c_row + j] = t->add ? c[i * t->c_row + j] + edge[i * NR + j] : edge[i * NR + j]; \
			} \
		} \
	}
CLASSES(DEFINE_FULL)

#define ROW(C, T) [CPU_##C] = {.mr = MR, .nr = 2 * VECTOR / sizeof(T), .pack = pack_##C, .tile = tile_##C},
const struct cpu_gemm_fns CPU_FN(cpu_gemm)[CPU_CLASS_COUNT] = {CLASSES(ROW)};
