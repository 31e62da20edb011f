/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cpu/: elementary functions as straight-line code of additions, multiplications and selections, so that the compiler
 * vectorises the loops they are called in. The series are Taylor's or Chebyshev fits
 * made for this file; arguments are reduced in two or three parts (Cody and Waite). Errors measured against long double are
 * held by cpu_math_test.c: at most 2 ulp. vm_… works on f64, vmf_… on f32. These functions, and no other op, use fma where the
 * instruction set has it: it halves their cost, and their last bit then differs from that of the portable set. */
#ifndef TN_CPU_VECMATH_H
#define TN_CPU_VECMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t vm_bits(double x) {
	uint64_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

static inline double vm_from(uint64_t bits) {
	double x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

static inline uint32_t vmf_bits(float x) {
	uint32_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

static inline float vmf_from(uint32_t bits) {
	float x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

#ifdef __FMA__
#define VM_FMA(a, b, c) __builtin_fma((a), (b), (c))
#define VMF_FMA(a, b, c) __builtin_fmaf((a), (b), (c))
#else
#define VM_FMA(a, b, c) ((a) * (b) + (c))
#define VMF_FMA(a, b, c) ((a) * (b) + (c))
#endif

/* Adding this rounds to an integer, which the sum's low bits hold. */
#define VM_MAGIC 0x1.8p52
#define VMF_MAGIC 0x1.8p23f
#define VM_LN2_HIGH 6.93147180369123816490e-01 /* 33 bits: exact times any exponent */
#define VM_LN2_LOW 1.90821492927058770002e-10
#define VMF_LN2_HIGH 0.693359375f
#define VMF_LN2_LOW -2.12194440e-4f

/* 2^n for an integral n within the exponents of normal numbers. */
static inline double vm_power2(double n) {
	return vm_from((vm_bits(n + VM_MAGIC) << 52) + UINT64_C(0x3ff0000000000000));
}

/* ---- exp: x = n ln 2 + r with |r| <= ln 2 / 2; 2^n in two factors, the
 * second a constant, so that subnormals come out and overflow is inf ---- */

/* exp(r) - 1 - r */
static inline double vm_exp_rest(double r) {
	double p = 1.0 / 6227020800;

	p = VM_FMA(p, r, 1.0 / 479001600);
	p = VM_FMA(p, r, 1.0 / 39916800);
	p = VM_FMA(p, r, 1.0 / 3628800);
	p = VM_FMA(p, r, 1.0 / 362880);
	p = VM_FMA(p, r, 1.0 / 40320);
	p = VM_FMA(p, r, 1.0 / 5040);
	p = VM_FMA(p, r, 1.0 / 720);
	p = VM_FMA(p, r, 1.0 / 120);
	p = VM_FMA(p, r, 1.0 / 24);
	p = VM_FMA(p, r, 1.0 / 6);
	p = VM_FMA(p, r, 0.5);
	return r * r * p;
}

static inline double vm_exp(double x) {
	double bounded = x > 710 ? 710 : x < -750 ? -750 : x;
	double shifted = VM_FMA(bounded, 1.44269504088896340736, VM_MAGIC), n = shifted - VM_MAGIC;
	double r = VM_FMA(-n, VM_LN2_LOW, VM_FMA(-n, VM_LN2_HIGH, bounded));
	uint64_t bias = bounded < -708 ? (UINT64_C(1023) + 100) << 52 : UINT64_C(1022) << 52;
	double rest = bounded < -708 ? 0x1p-100 : 2;

	return (1 + (r + vm_exp_rest(r))) * vm_from((vm_bits(shifted) << 52) + bias) * rest;
}

/* exp(r) for |r| <= ln 2 / 2: a Chebyshev fit of (exp(r) - 1 - r) / r^2, error 1e-8 */
static inline float vmf_exp_core(float r) {
	float p = 0.00139261836f;

	p = VMF_FMA(p, r, 0.00836317905f);
	p = VMF_FMA(p, r, 0.0416665546f);
	p = VMF_FMA(p, r, 0.16666577f);
	p = VMF_FMA(p, r, 0.5f);
	p = VMF_FMA(p, r, 1);
	return VMF_FMA(p, r, 1);
}

static inline float vmf_exp(float x) {
	float bounded = x > 89 ? 89 : x < -105 ? -105 : x;
	float shifted = VMF_FMA(bounded, 1.44269504f, VMF_MAGIC), n = shifted - VMF_MAGIC;
	float r = VMF_FMA(-n, VMF_LN2_LOW, VMF_FMA(-n, VMF_LN2_HIGH, bounded));
	/* from -86 down: at -87 n is -126, for which the larger bias has no normal number */
	uint32_t bias = bounded < -86 ? (UINT32_C(127) + 63) << 23 : UINT32_C(126) << 23;
	float rest = bounded < -86 ? 0x1p-63f : 2;

	return vmf_exp_core(r) * vmf_from((vmf_bits(shifted) << 23) + bias) * rest;
}

/* For x <= 0, as softmax has them: 0 where the result would be subnormal, so that one factor is enough. */
static inline float vmf_exp_falling(float x) {
	float shifted = VMF_FMA(x, 1.44269504f, VMF_MAGIC), n = shifted - VMF_MAGIC;
	float r = VMF_FMA(-n, VMF_LN2_LOW, VMF_FMA(-n, VMF_LN2_HIGH, x));
	float result = vmf_exp_core(r) * vmf_from((vmf_bits(shifted) << 23) + (UINT32_C(127) << 23));

	return x < -87 ? 0 : result;
}

/* 2^n (exp(r) - 1) + (2^n - 1), halved until the end: 2^1024 is no number. */
static inline double vm_expm1(double x) {
	double bounded = x > 710 ? 710 : x < -40 ? -40 : x;
	double n = VM_FMA(bounded, 1.44269504088896340736, VM_MAGIC) - VM_MAGIC;
	double r = VM_FMA(-n, VM_LN2_LOW, VM_FMA(-n, VM_LN2_HIGH, bounded));
	double scale = vm_power2(n - 1);
	double result = 2 * (scale * (r + vm_exp_rest(r)) + (scale - 0.5));

	return x == 0 ? x : result;
}

/* ---- log: x = m 2^e with m in [sqrt(1/2), sqrt(2)); f = m - 1, s = f / (2 + f); log(1 + f) = 2 (s + s^3/3 + s^5/5 + …), written
 * as f - (f^2/2 - s (f^2/2 + R)) ---- */

/* log of a normal number plus a correction far smaller than its last bit. */
static inline double vm_log_normal(double x, double correction) {
	uint64_t shifted = vm_bits(x) + (UINT64_C(0x3ff0000000000000) - UINT64_C(0x3fe6a09e667f3bcd)); /* sqrt(1/2) */
	double e = vm_from(shifted >> 52 | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023);
	double f = vm_from((shifted & UINT64_C(0x000fffffffffffff)) + UINT64_C(0x3fe6a09e667f3bcd)) - 1;
	double s = f / (2 + f), z = s * s, half = 0.5 * f * f, p = 2.0 / 21;

	p = VM_FMA(p, z, 2.0 / 19);
	p = VM_FMA(p, z, 2.0 / 17);
	p = VM_FMA(p, z, 2.0 / 15);
	p = VM_FMA(p, z, 2.0 / 13);
	p = VM_FMA(p, z, 2.0 / 11);
	p = VM_FMA(p, z, 2.0 / 9);
	p = VM_FMA(p, z, 2.0 / 7);
	p = VM_FMA(p, z, 2.0 / 5);
	p = VM_FMA(p, z, 2.0 / 3);
	p = p * z;
	return e * VM_LN2_HIGH - ((half - (s * (half + p) + (e * VM_LN2_LOW + correction))) - f);
}

static inline double vm_log_special(double x, double result) {
	result = x == 0 ? -(double)__builtin_inf() : result;
	result = x < 0 ? (double)__builtin_nan("") : result;
	return x != x || x == (double)__builtin_inf() ? x : result;
}

static inline double vm_log(double x) {
	double tiny = x < 0x1p-1022 ? 0x1p54 : 1;
	double offset = x < 0x1p-1022 ? 54 : 0;
	double result = vm_log_normal(x * tiny, 0) - offset * (VM_LN2_HIGH + VM_LN2_LOW);

	return vm_log_special(x, result);
}

static inline float vmf_log(float x) {
	float tiny = x < 0x1p-126f ? 0x1p24f : 1;
	float offset = x < 0x1p-126f ? 24 : 0;
	uint32_t shifted = vmf_bits(x * tiny) - 0x3f3504f3u;
	float e = (float)((int32_t)shifted >> 23) - offset;
	float f = vmf_from((shifted & 0x007fffffu) + 0x3f3504f3u) - 1;
	float s = f / (2 + f), z = s * s, half = 0.5f * f * f, p = 2.0f / 11, result;

	p = VMF_FMA(p, z, 2.0f / 9);
	p = VMF_FMA(p, z, 2.0f / 7);
	p = VMF_FMA(p, z, 2.0f / 5);
	p = VMF_FMA(p, z, 2.0f / 3);
	p = p * z;
	result = e * VMF_LN2_HIGH - ((half - (s * (half + p) + e * VMF_LN2_LOW)) - f);
	result = x == 0 ? -__builtin_inff() : result;
	result = x < 0 ? __builtin_nanf("") : result;
	return x != x || x == __builtin_inff() ? x : result;
}

/* log(u) with u = 1 + x rounded, plus what the rounding lost over u. */
static inline double vm_log1p(double x) {
	double u = 1 + x, lost = x >= 1 ? 1 - (u - x) : x - (u - 1);
	double result = vm_log_normal(u, lost / u);

	result = x == -1 ? -(double)__builtin_inf() : result;
	result = x < -1 ? (double)__builtin_nan("") : result;
	return x != x || x == (double)__builtin_inf() || __builtin_fabs(x) < 0x1p-54 ? x : result;
}

/* ---- sine and cosine: x = n pi/2 + r, |r| <= pi/4; exact enough while |n| < 2^20 ---- */

#define VM_TRIG_LIMIT 1e6

static inline double vm_sine_rest(double r, double z) {
	double p = 1.0 / 355687428096000;

	p = VM_FMA(-z, p, 1.0 / 1307674368000);
	p = VM_FMA(-z, p, 1.0 / 6227020800);
	p = VM_FMA(-z, p, 1.0 / 39916800);
	p = VM_FMA(-z, p, 1.0 / 362880);
	p = VM_FMA(-z, p, 1.0 / 5040);
	p = VM_FMA(-z, p, 1.0 / 120);
	p = VM_FMA(-z, p, 1.0 / 6);
	return r - r * z * p;
}

static inline double vm_cosine_rest(double z) {
	double p = 1.0 / 6402373705728000;

	p = VM_FMA(-z, p, 1.0 / 20922789888000);
	p = VM_FMA(-z, p, 1.0 / 87178291200);
	p = VM_FMA(-z, p, 1.0 / 479001600);
	p = VM_FMA(-z, p, 1.0 / 3628800);
	p = VM_FMA(-z, p, 1.0 / 40320);
	p = VM_FMA(-z, p, 1.0 / 720);
	p = VM_FMA(-z, p, 1.0 / 24);
	p = VM_FMA(-z, p, 0.5);
	return 1 - z * p;
}

/* sin(x + quarters pi/2) for |x| <= VM_TRIG_LIMIT; anything for others. */
static inline double vm_sine(double x, uint64_t quarters) {
	double shifted = VM_FMA(x, 0.636619772367581343076, VM_MAGIC), n = shifted - VM_MAGIC;
	double r = VM_FMA(-n, 6.07710050630396597660e-11, VM_FMA(-n, 1.57079632673412561417, x)) - n * 2.02226624879595063154e-21;
	uint64_t q = vm_bits(shifted) + quarters;
	double z = r * r, sine = vm_sine_rest(r, z), cosine = vm_cosine_rest(z);
	double value = (q & 1) != 0 ? cosine : sine;

	value = vm_from(vm_bits(value) ^ (q & 2) << 62);
	return x == 0 && quarters == 0 ? x : value;
}

/* ---- made of these ---- */

static inline double vm_sigmoid(double x) {
	double e = vm_exp(-__builtin_fabs(x));

	return (x < 0 ? e : 1) / (1 + e);
}

static inline float vmf_sigmoid(float x) {
	float e = vmf_exp(-__builtin_fabsf(x));

	return (x < 0 ? e : 1) / (1 + e);
}

/* log(1 + exp(x)) without overflow: max(x, 0) + log(1 + exp(-|x|)) */
static inline double vm_softplus(double x) {
	return (x < 0 ? 0 : x) + vm_log1p(vm_exp(-__builtin_fabs(x)));
}

static inline double vm_tanh(double x) {
	double t = vm_expm1(2 * (__builtin_fabs(x) > 20 ? 20 : __builtin_fabs(x)));

	return x != x ? x : __builtin_copysign(t / (t + 2), x);
}

/* Near 0 a polynomial (fitted to |x| < 0.63, error 1e-9), else 1 - 2 / (exp(2x) + 1). */
static inline float vmf_tanh(float x) {
	float a = __builtin_fabsf(x), bounded = a > 10 ? 10 : a, z = x * x, p = 0.00226950164f, small, large;

	p = VMF_FMA(p, z, -0.00832318700f);
	p = VMF_FMA(p, z, 0.0217625029f);
	p = VMF_FMA(p, z, -0.0539584616f);
	p = VMF_FMA(p, z, 0.133333001f);
	p = VMF_FMA(p, z, -0.333333331f);
	small = __builtin_copysignf(x + x * (z * p), x); /* the sum loses the sign of -0 */
	large = 1 - 2 / (vmf_exp(2 * bounded) + 1);
	large = __builtin_copysignf(large, x);
	return x != x ? x : a < 0.625f ? small : large;
}

/* Below 0.9 a polynomial in x^2 (error 2e-8), above 1 - exp(-Q(x)) with Q fitted to -log(erfc(x)) so that erfc is off by 2e-9
 * at most; beyond 4 an f32 cannot tell it from 1. */
static inline float vmf_erf(float x) {
	float a = __builtin_fabsf(x), bounded = a > 4 ? 4 : a, z = x * x, p = -0.000601718116f, q = 0.000198549158f, shifted, n, large;

	p = VMF_FMA(p, z, 0.00499862301f);
	p = VMF_FMA(p, z, -0.0267705592f);
	p = VMF_FMA(p, z, 0.112819330f);
	p = VMF_FMA(p, z, -0.376125059f);
	p = VMF_FMA(p, z, 0.128379150f);
	q = VMF_FMA(q, bounded, -0.00306806499f);
	q = VMF_FMA(q, bounded, 0.0223231983f);
	q = VMF_FMA(q, bounded, -0.104126183f);
	q = VMF_FMA(q, bounded, -0.636965766f);
	q = VMF_FMA(q, bounded, -1.12780141f);
	q = VMF_FMA(q, bounded, -0.000165832332f);
	shifted = VMF_FMA(q, 1.44269504f, VMF_MAGIC);
	n = shifted - VMF_MAGIC;
	q = VMF_FMA(-n, VMF_LN2_LOW, VMF_FMA(-n, VMF_LN2_HIGH, q));
	large = 1 - vmf_exp_core(q) * vmf_from((vmf_bits(shifted) << 23) + (UINT32_C(127) << 23));
	large = __builtin_copysignf(large, x);
	return x != x ? x : a < 0.9f ? VMF_FMA(x, p, x) : large;
}

/* sinh and cosh of an f32, computed in f64, where they cannot overflow. */
static inline double vm_sinh_to_f32(double x) {
	double a = __builtin_fabs(x), t = vm_expm1(a > 100 ? 100 : a);

	return x != x ? x : __builtin_copysign(0.5 * (t + t / (t + 1)), x);
}

static inline double vm_cosh_to_f32(double x) {
	double a = __builtin_fabs(x), e = vm_exp(a > 100 ? 100 : a);

	return x != x ? x : 0.5 * (e + 1 / e);
}

/* ---- f32 by way of f64: fits good to 1e-10, so that rounding to f32 is all that is lost ---- */

/* log2 of a number that an f32 can hold and that is not 0: e + log2(m) as above, the series fitted (error 1e-13). */
static inline double vm_log2_of_f32(double x) {
	uint64_t shifted = vm_bits(x) + (UINT64_C(0x3ff0000000000000) - UINT64_C(0x3fe6a09e667f3bcd)); /* sqrt(1/2) */
	double e = vm_from(shifted >> 52 | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023);
	double f = vm_from((shifted & UINT64_C(0x000fffffffffffff)) + UINT64_C(0x3fe6a09e667f3bcd)) - 1;
	double s = f / (2 + f), z = s * s, p = 0.27935561285515004;

	p = VM_FMA(p, z, 0.3201535599042547);
	p = VM_FMA(p, z, 0.41220329822825985);
	p = VM_FMA(p, z, 0.57707799893233569);
	p = VM_FMA(p, z, 0.96179669393625999);
	p = VM_FMA(p, z, 2.8853900817779268); /* 2 / ln 2 */
	return VM_FMA(s, p, e);
}

/* 2^x, to be rounded to f32: error 1e-10. */
static inline double vm_exp2_to_f32(double x) {
	double bounded = x > 140 ? 140 : x < -160 ? -160 : x, shifted = bounded + VM_MAGIC, r = bounded - (shifted - VM_MAGIC);
	double p = 1.5303702360907257e-05;

	p = VM_FMA(p, r, 0.00015461447461604478);
	p = VM_FMA(p, r, 0.0013333478467659364);
	p = VM_FMA(p, r, 0.0096180566698903791);
	p = VM_FMA(p, r, 0.055504109063312032);
	p = VM_FMA(p, r, 0.24022650922342728);
	p = VM_FMA(p, r, 0.69314718055683211);
	return VM_FMA(p, r, 1) * vm_from((vm_bits(shifted) << 52) + UINT64_C(0x3ff0000000000000));
}

/* The nearest integer of a number that is not negative: from 2^23 on all are. */
static inline float vmf_round(float a) {
	return a < 0x1p23f ? (a + 0x1p23f) - 0x1p23f : a;
}

/* x^y as C has it, NaN, infinities, zeros of either sign and negative x included. */
static inline float vmf_pow(float x, float y) {
	const float inf = __builtin_inff();
	float a = __builtin_fabsf(x), b = __builtin_fabsf(y), half = 0.5f * b, result;
	double log2 = vm_log2_of_f32((double)a);
	int whole = vmf_round(b) == b, odd = whole & (vmf_round(half) != half);

	log2 = a == 0 ? -(double)inf : log2;
	log2 = a == inf ? (double)inf : log2;
	result = (float)vm_exp2_to_f32((double)y * log2);
	result = a == 1 ? 1 : result; /* also to the power of an infinity */
	result = odd ? __builtin_copysignf(result, x) : result;
	result = ((x < 0) & (a != inf) & !whole) ? __builtin_nanf("") : result;
	result = ((x != x) | ((y != y) & (x != 1))) ? x + y : result;
	return y == 0 ? 1 : result;
}

/* atan(small / large) for 0 <= small <= large; `turned`, where the quotient is above tan(pi/8), by pi/4, and the series fitted to
 * what is left (error 1e-10). */
static inline double vm_angle(double small, double large, int turned) {
	double rest = small == large ? 0 : small - large, over = turned ? rest : small, under = turned ? small + large : large;
	double q = over / under, z = q * q, p = 0.050542080881923711;

	p = VM_FMA(p, z, -0.086272887415157484);
	p = VM_FMA(p, z, 0.11071759020373197);
	p = VM_FMA(p, z, -0.1428417548282061);
	p = VM_FMA(p, z, 0.19999977784047762);
	p = VM_FMA(p, z, -0.33333333281079985);
	return VM_FMA(q * z, p, q) + (turned ? 0.78539816339744831 : 0);
}

static inline double vm_atan_to_f32(double x) {
	double a = __builtin_fabs(x), small = a > 1 ? 1 : a, large = a > 1 ? a : 1;
	double angle = vm_angle(small, large, small > 0.41421356237309503 * large);

	angle = a > 1 ? 1.5707963267948966 - angle : angle;
	return x != x ? x : __builtin_copysign(angle, x);
}

/* The angle of (x, y), both of f32. */
static inline double vm_atan2_to_f32(double y, double x) {
	double ax = __builtin_fabs(x), ay = __builtin_fabs(y), small = ax > ay ? ay : ax, large = ax > ay ? ax : ay, angle;

	angle = vm_angle(small, large, (small > 0.41421356237309503 * large) | (small == large)); /* infinities are equal */
	angle = large == 0 ? 0 : angle;
	angle = ay > ax ? 1.5707963267948966 - angle : angle;
	angle = __builtin_copysign(1, x) < 0 ? 3.1415926535897931 - angle : angle;
	return ((x != x) | (y != y)) ? x + y : __builtin_copysign(angle, y);
}

static inline double vm_asin_to_f32(double x) {
	return vm_atan2_to_f32(x, __builtin_sqrt((1 - x) * (1 + x)));
}

static inline double vm_acos_to_f32(double x) {
	return vm_atan2_to_f32(__builtin_sqrt((1 - x) * (1 + x)), x);
}

#endif
