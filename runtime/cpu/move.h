/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cpu/: copying elements between two strided places of equal shape (move.c): what copies, joins, borders, slices,
 * fills and gathers are made of. */
#ifndef TN_CPU_MOVE_H
#define TN_CPU_MOVE_H

#include "cpu/kernels.h"

/* Strides in bytes; an input stride of 0 repeats. The two do not overlap. */
struct cpu_move {
	size_t size; /* bytes of an element: 1, 2, 4 or 8 */
	int ndim;
	int64_t dims[TN_MAX_NDIM], out_stride[TN_MAX_NDIM], in_stride[TN_MAX_NDIM];
	char *out;
	const char *in;
};

/* From the view `in` at `from` to the view `out` at `to`; the shape is in's. */
void cpu_move_init(struct cpu_move *move, const struct tn_view *out, char *to, const struct tn_view *in, const char *from);
/* False: interrupted (err is set). The fields are rearranged. */
TN_MUST_USE bool cpu_move_run(struct cpu_move *move, const struct cpu_call *call, struct tn_error *err);


/* out[r][c] = in[c][r] for `rows` of r and `columns` of c, in elements of `size` bytes; rows of the output lie `out_step` bytes
 * apart, columns of the input `in_step`, and both are contiguous else. */
void cpu_move_turn(char *out, int64_t out_step, const char *in, int64_t in_step, int64_t rows, int64_t columns, size_t size);

#endif
