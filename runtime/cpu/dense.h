/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cpu/: dense copies of strided operands for the contractions, with the axes in any order and the elements widened to
 * what the arithmetic is done in. */
#ifndef TN_CPU_DENSE_H
#define TN_CPU_DENSE_H

#include "cpu/vector.h"

/* Element (i0, i1, …) of the source lies at from + sum(i_k * stride[k]), in elements; the copy is row-major in these dims. */
struct cpu_dense {
	const void *from;
	void *to;
	enum tn_dtype dtype; /* of the source */
	bool widen;          /* to the class's own type: bf16 and f16 to f32, u8 to i32; else the elements stay as they are */
	int ndim;
	int64_t dims[TN_MAX_NDIM], stride[TN_MAX_NDIM];
	const volatile int *interrupt; /* NULL: not looked at; else the copy is unfinished once it is set, and the caller gives up */
};

/* Whether elements of this dtype are widened, and to what. */
enum cpu_class cpu_dense_class(enum tn_dtype dtype);
static inline bool cpu_dense_widens(enum tn_dtype dtype) {
	return cpu_is_half(dtype) || dtype == TN_DTYPE_U8;
}

/* `to` must not overlap the source. */
void cpu_dense_copy(const struct cpu_dense *d, int threads);
/* n elements of a widened result back to `dtype`, side by side; rounds to nearest even, integers wrap. */
void cpu_dense_narrow(
	const void *from, void *to, enum tn_dtype dtype, int64_t n, int threads, const volatile int *interrupt);

#endif
