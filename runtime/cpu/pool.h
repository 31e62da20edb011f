/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cpu/: the inner loops of pooling, one set per instruction set (pool_tmpl.c). A row is what is innermost: the
 * channels of one window (NHWC), or one line of windows (NCHW); the loops visit one place of the windows for all of the row
 * at a time. */
#ifndef TN_CPU_POOL_H
#define TN_CPU_POOL_H

#include "cpu/vector.h"

enum { CPU_POOL_ROW = 256 }; /* elements of a row at most */

struct cpu_pool_row {
	void *out;
	const void *x, *result, *gradient;
	void *done;          /* of each element: whether its window's maximum was met already; as wide as an element */
	const void *divisor; /* one, or one for each element when `divisors` */
	int64_t n, step;     /* elements; and what lies between two of them in the larger tensor (x, or the gradient of x) */
	bool divisors, fresh; /* fresh: the gradient's first and only visit to each element: it is set, not added to */
};

struct cpu_pool_fns {
	void (*lowest)(const struct cpu_pool_row *r); /* out = the smallest number there is */
	void (*most)(const struct cpu_pool_row *r);   /* out = the larger of out and x; a NaN is largest */
	void (*route)(const struct cpu_pool_row *r);  /* out[i * step] += gradient where x equals result for the first time */
	void (*take)(const struct cpu_pool_row *r);   /* out = gradient[i * step] there */
	void (*sum)(const struct cpu_pool_row *r);    /* out += x */
	void (*divide)(const struct cpu_pool_row *r); /* out /= divisor */
	void (*spread)(const struct cpu_pool_row *r); /* out[i * step] += gradient / divisor */
};
extern const struct cpu_pool_fns cpu_pool_base[CPU_CLASS_COUNT], cpu_pool_avx2[CPU_CLASS_COUNT], cpu_pool_avx512[CPU_CLASS_COUNT];

#endif
