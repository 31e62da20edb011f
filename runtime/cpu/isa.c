/* SPDX-License-Identifier: Apache-2.0 */
/* Which instruction set the loops use: the best that this processor has and that was compiled in, chosen once. All sets give the
 * same bits (no contraction, fixed numbers of lanes), but for the last bit of elementary functions (vecmath.h) and of
 * contractions, where fma is used if it is there. TENON_ISA=base|avx2|avx512 lowers the choice, for tests. */
#include "cpu/kernels.h"
#include "cpu/vector.h"

static enum cpu_isa detect(void) {
#if defined(CPU_HAVE_X86)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")) {
		return CPU_ISA_AVX512;
	}
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
		return CPU_ISA_AVX2;
	}
#endif
	return CPU_ISA_BASE;
}

static enum cpu_isa choose(void) {
	enum cpu_isa best = detect();
	int wish = tn_setting_choice(TN_SETTING_ISA);

	return wish >= 0 && wish < (int)best ? (enum cpu_isa)wish : best;
}

enum cpu_isa cpu_isa(void) {
	static int chosen; /* isa + 1; every thread would store the same */
	int now = __atomic_load_n(&chosen, __ATOMIC_RELAXED);

	if (now == 0) {
		now = (int)choose() + 1;
		__atomic_store_n(&chosen, now, __ATOMIC_RELAXED);
	}
	return (enum cpu_isa)(now - 1);
}

static const struct cpu_vectors *const sets[CPU_ISA_COUNT] = {
	[CPU_ISA_BASE] = &cpu_vectors_base,
#if defined(CPU_HAVE_X86)
	[CPU_ISA_AVX2] = &cpu_vectors_avx2,
	[CPU_ISA_AVX512] = &cpu_vectors_avx512,
#endif
};

const struct cpu_vectors *cpu_vectors(void) {
	return sets[cpu_isa()];
}
