/* SPDX-License-Identifier: Apache-2.0 */
/* Private to tensor/: the rules that ops.def names. A rule sees an op's operands before it is recorded and decides the result's
 * dtype and shape, what the operands are cast to first, and whether they go together at all: every error in shapes and dtypes is
 * made here, so kernels and planner may rely on what they get. The fronts (front*.c, index.c) call rules through
 * tn_op_record and tn_elementwise. */
#ifndef TN_TENSOR_RULES_H
#define TN_TENSOR_RULES_H

#include "tensor/graph.h"

struct tn_rule_call {
	struct tn_engine *engine;
	enum tn_op op;
	int input_count, attr_count, scalar_count;
	struct tn_tensor *const *inputs; /* ELEMENTWISE: NULL where the operand is the next of scalars */
	const int64_t *attrs;
	const struct tn_scalar *scalars;
	uint32_t bool_scalars; /* bit k: scalars[k] is a bool */

	/* The result. CAST and makers: dtype is given. */
	enum tn_dtype dtype;
	struct tn_shape shape;
	/* The inputs in `casts` (bit k = input k), and all scalar operands, are converted to `operand` first. */
	uint64_t casts;
	enum tn_dtype operand;
};
typedef bool (*tn_rule_fn)(struct tn_rule_call *call, struct tn_error *err);

/* clang-format off */
#define TN_RULES(X) \
	X(rule_arith) X(rule_float) X(rule_test) X(rule_bits) X(rule_cast) X(rule_promote) X(rule_promote_float) \
	X(rule_compare) X(rule_promote_bits) X(rule_where) X(rule_sum) X(rule_reduce) X(rule_reduce_test) X(rule_argreduce) \
	X(rule_softmax) X(rule_cumulative) X(rule_argsort) X(rule_matmul) X(rule_conv2d) X(rule_conv2d_grad_x) \
	X(rule_conv2d_grad_w) X(rule_pool2d) X(rule_max_pool2d_grad) X(rule_max_pool2d_take) X(rule_avg_pool2d_grad) \
	X(rule_reshape) X(rule_expand) X(rule_permute) X(rule_slice) X(rule_copy) X(rule_cat) X(rule_pad) X(rule_slice_set) \
	X(rule_gather) X(rule_index_write) X(rule_take_along) X(rule_scatter) X(rule_full) X(rule_arange) X(rule_rand) \
	X(rule_rand_int) X(rule_bernoulli) X(rule_perm)
/* clang-format on */
#define TN_DECLARE_RULE(name) bool tn_##name(struct tn_rule_call *call, struct tn_error *err);
TN_RULES(TN_DECLARE_RULE)
#undef TN_DECLARE_RULE

tn_rule_fn tn_op_rule(enum tn_op op);

/* Applies the op's rule to a filled call, casts, and records the node. For all ops but elementwise ones with scalar operands. */
TN_MUST_USE struct tn_tensor *tn_op_record(struct tn_rule_call *call, struct tn_error *err);

/* A number as an operand of that dtype: its class changed where needed; OverflowError where the dtype cannot hold it. */
TN_MUST_USE bool tn_scalar_fit(enum tn_op op, enum tn_dtype dtype, struct tn_scalar *scalar, struct tn_error *err);

/* axis from the end when negative, checked: an IndexError that names op, axis and shape. */
TN_MUST_USE bool tn_axis_resolve(enum tn_op op, const struct tn_tensor *x, int64_t *axis, struct tn_error *err);

/* Text of a tensor or shape for an error: tn_text_of(x).text lives to the end of the full expression. */
struct tn_text {
	char text[176];
};
struct tn_text tn_text_of(const struct tn_tensor *x);
struct tn_text tn_text_of_shape(const struct tn_shape *shape);
/* The error of an attribute list that no front makes. */
bool tn_error_attrs(enum tn_op op, struct tn_error *err);

/* A binary op of a tensor with a literal number on its right. */
TN_MUST_USE struct tn_tensor *tn_with_number(
	struct tn_engine *e, enum tn_op op, struct tn_tensor *x, double number, struct tn_error *err);

#endif
