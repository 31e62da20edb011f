/* SPDX-License-Identifier: Apache-2.0 */
/* Private to index*.c: an x[…] with its items laid out over the axes of x. Ints and slices are the basic part, tensors the
 * advanced one; ints are applied before tensors, as in PyTorch (in x[0, :, i] the axis of i stays where it is). */
#ifndef TN_TENSOR_INDEX_H
#define TN_TENSOR_INDEX_H

#include "tensor/rules.h"

/* What happens along one axis: positions start, start + step …, `dim` of them; an int takes one and drops the axis. */
struct tn_index_axis {
	int64_t start, step, dim;
	bool is_int, literal;
};

struct tn_index_tensor {
	int axis, span; /* a mask spans as many axes as it has */
	struct tn_tensor *tensor;
};

struct tn_index_plan {
	int ndim;
	struct tn_index_axis axes[TN_MAX_NDIM];
	int out_count;
	int out[TN_MAX_NDIM]; /* axes of the result's basic part: an axis of x, or -1 for a new one */
	int tensor_count;
	struct tn_index_tensor tensors[TN_MAX_NDIM];
};

TN_MUST_USE bool tn_index_parse(
	const struct tn_tensor *x, const struct tn_index *items, int count, struct tn_index_plan *plan, struct tn_error *err);
bool tn_index_axis_is_full(const struct tn_index_axis *axis, int64_t size);
/* attr of SLICE for the plan's axes. */
void tn_index_attrs(const struct tn_index_plan *plan, int64_t attrs[3 * TN_MAX_NDIM]);
/* Shape of the basic part with ints as axes of size 1 (part), and as the user sees it (seen). */
void tn_index_shapes(const struct tn_index_plan *plan, struct tn_shape *part, struct tn_shape *seen);
TN_MUST_USE struct tn_tensor *tn_index_basic_get(
	struct tn_engine *e, struct tn_tensor *x, const struct tn_index_plan *plan, struct tn_error *err);
/* The positions of one axis as an i64 tensor [dim] whose start is a run-time scalar. */
TN_MUST_USE struct tn_tensor *tn_index_positions(struct tn_engine *e, const struct tn_index_axis *axis, struct tn_error *err);

/* The advanced part over x with all other axes whole, brought to one axis and one integer index: `x` is x permuted so that the
 * indexed axes lie together (order: the permutation) and merged into `axis`; `index` are positions in it. */
struct tn_index_merged {
	struct tn_tensor *x, *index;
	int axis;
	bool permuted;
	int64_t order[TN_MAX_NDIM];
	struct tn_shape unmerged; /* of x permuted, before the merge */
};
/* Makes the plan's tensors refer to the axes of the basic part's result, which has ndim axes. */
void tn_index_move_tensors(struct tn_index_plan *plan, int ndim);
TN_MUST_USE bool tn_index_merge(struct tn_engine *e, struct tn_tensor *x, const struct tn_index_plan *plan,
	struct tn_index_merged *out, struct tn_error *err);
void tn_index_merged_finish(struct tn_index_merged *m);
/* Flat positions of the true elements of a mask: i64 [count]. Flushes. */
TN_MUST_USE struct tn_tensor *tn_mask_positions(struct tn_engine *e, struct tn_tensor *mask, struct tn_error *err);

/* Axis `axis` of x by an index: the node, without checks of axis signs. */
TN_MUST_USE struct tn_tensor *tn_index_node(
	struct tn_engine *e, enum tn_op op, struct tn_tensor *const *inputs, int input_count, int64_t axis, struct tn_error *err);

#endif
