/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers as every device must make them, to the bit: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011) and the conversions of its words. Part of backend.h; the functions are inline so that kernels can
 * vectorise them. Compile with contraction off: every operation rounds on its own.
 *
 * Block `index` of the stream (seed, counter) is Philox of the counter words {index, index >> 32, counter, counter >> 32} under
 * the key {seed, seed >> 32}: 4 words. Element k of a result is
 *     RAND, RANDN f32 f16 bf16, RAND_BERNOULLI   made of word k % 4 of block k / 4 (RANDN: of its pair of words)
 *     RAND, RANDN f64, RAND_INT                  made of words 2 * (k % 2) and the next one of block k / 2
 * RAND_PERM: tn_random_permutation in random.c. */
#ifndef TN_TENSOR_PHILOX_H
#define TN_TENSOR_PHILOX_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline void tn_philox_block(uint64_t seed, uint64_t counter, uint64_t index, uint32_t out[4]) {
	uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = (uint32_t)counter, c3 = (uint32_t)(counter >> 32);
	uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);

	for (int round = 0; round < 10; round++) {
		uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;

		c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
		c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c1 = (uint32_t)p1;
		c3 = (uint32_t)p0;
		k0 += 0x9E3779B9u;
		k1 += 0xBB67AE85u;
	}
	out[0] = c0;
	out[1] = c1;
	out[2] = c2;
	out[3] = c3;
}

/* Words `pair` (0 or 1) of a block as one 64-bit number: the first word is the lower half. */
static inline uint64_t tn_philox_u64(const uint32_t words[4], int pair) {
	return (uint64_t)words[2 * pair + 1] << 32 | words[2 * pair];
}

/* Uniform in [0, 1), on a grid that the dtype holds exactly, so that no number rounds up to 1. */
static inline float tn_uniform_f32(uint32_t word) { return (float)(int32_t)(word >> 8) * 0x1p-24f; }
static inline float tn_uniform_f16(uint32_t word) { return (float)(int32_t)(word >> 21) * 0x1p-11f; }  /* an f16's value */
static inline float tn_uniform_bf16(uint32_t word) { return (float)(int32_t)(word >> 24) * 0x1p-8f; } /* a bf16's value */
static inline double tn_uniform_f64(uint64_t bits) { return (double)(int64_t)(bits >> 11) * 0x1p-53; }

/* low + a number below `range`, by multiply and shift: at most range / 2^64 from uniform. range 0 stands for 2^64. */
static inline int64_t tn_random_int(uint64_t bits, int64_t low, uint64_t range) {
	uint64_t offset = range == 0 ? bits : (uint64_t)(((unsigned __int128)bits * range) >> 64);

	return (int64_t)((uint64_t)low + offset);
}

/* What a word must be below for RAND_BERNOULLI to give true; 2^32 for p = 1. */
static inline uint64_t tn_bernoulli_threshold(double p) {
	return p >= 1 ? UINT64_C(1) << 32 : p <= 0 ? 0 : (uint64_t)(p * 0x1p32);
}

/* ---- normal numbers: Box-Muller, with series of our own so that each device gives the same bits ----
 * radius = sqrt(-2 log(u)), angle = 2 pi v; the first word of a pair makes u, the second v. log(x): x = m * 2^e with m in
 * [sqrt(1/2), sqrt(2)), s = (m - 1) / (m + 1), log(m) = 2 (s + s^3/3 + s^5/5 + …). The angle is cut by integers into a quarter q
 * and a rest within pi / 4, whose sine and cosine are the first terms of their Taylor series. */

static inline float tn_normal_log_f32(float x) {
	uint32_t bits, shifted;
	float m, s, z, e, p;

	memcpy(&bits, &x, sizeof(bits));
	shifted = bits - 0x3f3504f3u; /* sqrt(1/2) */
	e = (float)((int32_t)shifted >> 23);
	bits = (shifted & 0x007fffffu) + 0x3f3504f3u;
	memcpy(&m, &bits, sizeof(m));
	s = (m - 1.0f) / (m + 1.0f);
	z = s * s;
	p = 1.0f / 11;
	p = p * z + 1.0f / 9;
	p = p * z + 1.0f / 7;
	p = p * z + 1.0f / 5;
	p = p * z + 1.0f / 3;
	p = 2.0f * s + 2.0f * s * z * p;
	return e * 0.693359375f + (p - e * 2.12194440e-4f); /* log 2 in two parts, the first exact with any e */
}

/* The normals of words a and b of a pair. */
static inline void tn_normal_pair_f32(uint32_t a, uint32_t b, float out[2]) {
	float u = (float)(int32_t)(a >> 1) * 0x1p-31f + 0x1p-32f; /* (0, 1]; the tail ends at 6.66 */
	float radius = sqrtf(-2.0f * tn_normal_log_f32(u));
	uint32_t quarter = (b + 0x20000000u) >> 30;
	float t = (float)(int32_t)(b - (quarter << 30)) * (1.57079632679489662f * 0x1p-30f), z = t * t;
	float sine = t - t * z * (1.0f / 6 - z * (1.0f / 120 - z * (1.0f / 5040 - z * (1.0f / 362880))));
	float cosine = 1.0f - z * (0.5f - z * (1.0f / 24 - z * (1.0f / 720 - z * (1.0f / 40320 - z * (1.0f / 3628800)))));
	float x = (quarter & 1) != 0 ? sine : cosine, y = (quarter & 1) != 0 ? cosine : sine;

	out[0] = radius * (quarter == 1 || quarter == 2 ? -x : x);
	out[1] = radius * (quarter == 2 || quarter == 3 ? -y : y);
}

static inline double tn_normal_log_f64(double x) {
	static const double odd[] = {1.0 / 25, 1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7,
	                             1.0 / 5, 1.0 / 3};
	uint64_t bits, shifted;
	double m, s, z, e, p = odd[0];

	memcpy(&bits, &x, sizeof(bits));
	shifted = bits - UINT64_C(0x3fe6a09e667f3bcd); /* sqrt(1/2) */
	e = (double)((int64_t)shifted >> 52);
	bits = (shifted & UINT64_C(0x000fffffffffffff)) + UINT64_C(0x3fe6a09e667f3bcd);
	memcpy(&m, &bits, sizeof(m));
	s = (m - 1.0) / (m + 1.0);
	z = s * s;
	for (int k = 1; k < 12; k++) {
		p = p * z + odd[k];
	}
	p = 2.0 * s + 2.0 * s * z * p;
	return e * 6.93147180369123816490e-01 + (p + e * 1.90821492927058770002e-10);
}

/* The normals of two 64-bit numbers, those of a whole block. */
static inline void tn_normal_pair_f64(uint64_t a, uint64_t b, double out[2]) {
	static const double sines[] = {1.0 / 355687428096000, 1.0 / 1307674368000, 1.0 / 6227020800, 1.0 / 39916800, 1.0 / 362880,
	                               1.0 / 5040, 1.0 / 120, 1.0 / 6};
	static const double cosines[] = {1.0 / 6402373705728000, 1.0 / 20922789888000, 1.0 / 87178291200, 1.0 / 479001600,
	                                 1.0 / 3628800, 1.0 / 40320, 1.0 / 720, 1.0 / 24, 0.5};
	double u = (double)(int64_t)(a >> 11) * 0x1p-53 + 0x1p-54; /* (0, 1]; the tail ends at 8.65 */
	double radius = sqrt(-2.0 * tn_normal_log_f64(u));
	uint64_t quarter = (b + (UINT64_C(1) << 61)) >> 62;
	double t = (double)(int64_t)(b - (quarter << 62)) * (1.57079632679489661923 * 0x1p-62), z = t * t;
	double sine = sines[0], cosine = cosines[0], x, y;

	for (int k = 1; k < 8; k++) {
		sine = sines[k] - z * sine;
	}
	for (int k = 1; k < 9; k++) {
		cosine = cosines[k] - z * cosine;
	}
	sine = t - t * z * sine;
	cosine = 1.0 - z * cosine;
	x = (quarter & 1) != 0 ? sine : cosine;
	y = (quarter & 1) != 0 ? cosine : sine;
	out[0] = radius * (quarter == 1 || quarter == 2 ? -x : x);
	out[1] = radius * (quarter == 2 || quarter == 3 ? -y : y);
}

#endif
