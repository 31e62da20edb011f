/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cpu/: the tight loops over contiguous elements that fused programs, reductions and rows are made of, one set per
 * instruction set (vec_tmpl.c mix_tmpl.c math_tmpl.c cast_tmpl.c reduce_tmpl.c row_tmpl.c). A loop works on one of five classes;
 * bf16 and f16 are computed in f32 and rounded after each op, bool8 is a u8 of 0 or 1.
 *
 * In all loops `out` may be exactly an operand of the same size, else must not overlap one. */
#ifndef TN_CPU_VECTOR_H
#define TN_CPU_VECTOR_H

#include "cpu/kernels.h"

enum cpu_class { CPU_F64, CPU_F32, CPU_I64, CPU_I32, CPU_U8, CPU_CLASS_COUNT };

/* Bits of a variant: that operand is one element, not n. Of two operands (a, b): 1 = b, 2 = a. Of WHERE(a, b, c):
 * 1 = c, 2 = b. */
enum { CPU_LAST_SCALAR = 1, CPU_FIRST_SCALAR = 2, CPU_VARIANTS = 4 };
typedef void (*cpu_vec_fn)(void *out, const void *a, const void *b, const void *c, int64_t n);

/* Several operations in one loop: mix_tmpl.c. in: three vectors, then four numbers; what a kind has no use for is any of them. */
enum cpu_mix {
	CPU_MIX_SUM, CPU_MIX_DIFFERENCE, CPU_MIX_SQUARES, CPU_MIX_RATIO, CPU_MIX_STEP, CPU_MIX_ADD_RELU, CPU_MIX_MASK, CPU_MIX_COUNT
};
enum { CPU_MIX_VECTORS = 3, CPU_MIX_OPERANDS = 7 };
typedef void (*cpu_mix_fn)(void *out, const void *const *in, int64_t n);

/* Reductions keep 16 lanes: element r of what is reduced goes to lane r % 16, lanes are added pairwise at the end. */
enum { CPU_LANES = 16 };
enum cpu_fold { CPU_FOLD_SUM, CPU_FOLD_PROD, CPU_FOLD_MAX, CPU_FOLD_MIN, CPU_FOLD_COUNT };
struct cpu_reduce_fns {
	/* Adds x[0..n) to the lanes, the first to lane `lane`. */
	void (*accumulate)(void *lanes, int lane, const void *x, int64_t n);
	/* The result of 16 lanes. */
	void (*fold)(void *out, const void *lanes);
	/* out[k] of row k of x[rows][length], as accumulate from the identity and fold would give it. */
	void (*rows)(void *out, const void *x, int64_t rows, int64_t length);
	/* The identity in each of out[0..n). */
	void (*identity)(void *out, int64_t n);
	cpu_vec_fn combine; /* out[i] = a[i] op b[i] */
};

/* One row of n elements: softmax or log_softmax. A long row is left unfinished once the interrupt is set. */
typedef void (*cpu_row_fn)(void *out, const void *in, int64_t n, const volatile int *interrupt);
/* At most 16 rows of f32 that follow each other, of n elements from 1 to CPU_SHORT_LINE: the same bits. */
enum { CPU_SHORT_LINE = 64 };
typedef void (*cpu_short_fn)(float *out, const float *in, int64_t rows, int64_t n);

struct cpu_vectors {
	const cpu_vec_fn (*ops)[CPU_CLASS_COUNT][CPU_VARIANTS]; /* [TN_OP_COUNT]; NULL: none */
	const cpu_vec_fn (*math)[CPU_CLASS_COUNT][CPU_VARIANTS];
	const cpu_mix_fn (*mix)[CPU_MIX_COUNT];                 /* [class]; NULL: none */
	const cpu_vec_fn (*cast)[CPU_CLASS_COUNT];              /* [from][to] */
	const cpu_vec_fn *to_bool;                              /* [class]: u8 of x != 0 */
	const cpu_vec_fn *widen, *narrow, *round;               /* [dtype], BF16 and F16 only: to f32, from f32, f32 to f32 */
	const struct cpu_reduce_fns (*reduce)[CPU_CLASS_COUNT]; /* [CPU_FOLD_COUNT] */
	const cpu_row_fn (*softmax)[2];                         /* [0: softmax, 1: log_softmax][0: f64, 1: f32] */
	const cpu_short_fn *softmax_short;                      /* [0: softmax, 1: log_softmax] */
};

extern const struct cpu_vectors cpu_vectors_base, cpu_vectors_avx2, cpu_vectors_avx512;
const struct cpu_vectors *cpu_vectors(void);

/* How elements of a dtype are held in the loops. */
static inline enum cpu_class cpu_class_of(enum tn_dtype dtype) {
	static const uint8_t classes[TN_DTYPE_COUNT] = {
		[TN_DTYPE_F64] = CPU_F64, [TN_DTYPE_F32] = CPU_F32, [TN_DTYPE_BF16] = CPU_F32, [TN_DTYPE_F16] = CPU_F32,
		[TN_DTYPE_I64] = CPU_I64, [TN_DTYPE_I32] = CPU_I32, [TN_DTYPE_U8] = CPU_U8, [TN_DTYPE_BOOL8] = CPU_U8,
	};

	return (enum cpu_class)classes[dtype];
}

static inline size_t cpu_class_size(enum cpu_class class) {
	static const uint8_t sizes[CPU_CLASS_COUNT] = {[CPU_F64] = 8, [CPU_F32] = 4, [CPU_I64] = 8, [CPU_I32] = 4, [CPU_U8] = 1};

	return sizes[class];
}

static inline bool cpu_is_half(enum tn_dtype dtype) {
	return dtype == TN_DTYPE_BF16 || dtype == TN_DTYPE_F16;
}

#endif
