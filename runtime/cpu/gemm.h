/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cpu/: the portable matrix product. Operands are strided, so that a transpose costs nothing; the result is row-major.
 * Each element of the result is summed over k in blocks of a fixed length whatever the threads, so the bits do not depend on
 * them. AVX2 and AVX-512 give the same bits as well; `base` has no fma and rounds each product. */
#ifndef TN_CPU_GEMM_H
#define TN_CPU_GEMM_H

#include "cpu/vector.h"

/* c = a @ b, or c += a @ b when `add`: a[i][p] lies at i * a_row + p * a_col, in elements. m, n and k are at least 1. */
struct cpu_gemm {
	enum cpu_class class; /* not CPU_U8: widen it to CPU_I32 */
	int64_t m, n, k;
	const void *a, *b;
	void *c;
	int64_t a_row, a_col, b_row, b_col, c_row;
	bool add;
	int threads;
	void *workspace; /* 64-byte aligned, of cpu_gemm_workspace() bytes for this shape and no fewer threads */
	const volatile int *interrupt; /* NULL: not looked at */
};

/* Bytes; false when that does not fit. */
TN_MUST_USE bool cpu_gemm_workspace(enum cpu_class class, int64_t m, int64_t n, int64_t k, int threads, size_t *size);
/* Stops early when interrupted: c is then undefined, and the caller, who looks at the flag as well, gives up. */
void cpu_gemm(const struct cpu_gemm *g);

/* ---- gemm_tmpl.c: what depends on the instruction set ---- */

struct cpu_gemm_tile {
	const void *a, *b; /* panels */
	void *c;
	int64_t k, c_row;
	int m, n;
	bool add;
};
/* Panels: `width` rows of a (or columns of b) side by side, all of a block's k one after the other, filled up with zeros:
 * panel[p * width + i]. A tile is mr x nr elements of c. */
struct cpu_gemm_fns {
	int mr, nr;
	/* One panel of `valid` rows; element (i, p) lies at i * across + p * along. */
	void (*pack)(void *panel, const void *from, int width, int64_t valid, int64_t across, int64_t along, int64_t k);
	/* c[m][n] = or += the product of one panel of a and one of b; m <= mr, n <= nr. */
	void (*tile)(const struct cpu_gemm_tile *t);
};
extern const struct cpu_gemm_fns cpu_gemm_base[CPU_CLASS_COUNT], cpu_gemm_avx2[CPU_CLASS_COUNT], cpu_gemm_avx512[CPU_CLASS_COUNT];

#endif
