/* SPDX-License-Identifier: Apache-2.0 */
/* Private to tensor/: the gradient rules that ops.def names. A rule gets a recorded call (graph.h) and records, by front
 * functions only, the nodes of each wanted input's gradient; so gradients of gradients need nothing more. A rule leaves grads[k]
 * NULL where it is zero. Broadcasting is undone, dtypes are restored and autocast is off by tn_gradient_run, which wraps each
 * rule. */
#ifndef TN_TENSOR_GRADIENT_H
#define TN_TENSOR_GRADIENT_H

#include "tensor/graph.h"

/* clang-format off */
#define TN_GRADIENTS(X) \
	X(grad_zero) X(grad_neg) X(grad_abs) X(grad_exp) X(grad_expm1) X(grad_log) X(grad_log1p) X(grad_sqrt) X(grad_rsqrt) \
	X(grad_sin) X(grad_cos) X(grad_tan) X(grad_asin) X(grad_acos) X(grad_atan) X(grad_sinh) X(grad_cosh) X(grad_tanh) \
	X(grad_erf) X(grad_sigmoid) X(grad_softplus) X(grad_relu) X(grad_cast) X(grad_add) X(grad_sub) X(grad_mul) X(grad_div) X(grad_mod) \
	X(grad_pow) X(grad_atan2) X(grad_minimum) X(grad_maximum) X(grad_where) X(grad_sum) X(grad_prod) X(grad_extreme) \
	X(grad_softmax) X(grad_log_softmax) X(grad_cumsum) X(grad_cumprod) X(grad_matmul) X(grad_conv2d) X(grad_conv2d_grad_x) \
	X(grad_conv2d_grad_w) X(grad_max_pool2d) X(grad_max_pool2d_grad) X(grad_max_pool2d_take) X(grad_avg_pool2d) \
	X(grad_avg_pool2d_grad) X(grad_reshape) X(grad_expand) X(grad_permute) X(grad_slice) X(grad_copy) X(grad_cat) \
	X(grad_pad) X(grad_slice_set) X(grad_gather) X(grad_index_add) X(grad_index_set) X(grad_take_along) \
	X(grad_scatter_add) X(grad_scatter_set)
/* clang-format on */
#define TN_DECLARE_GRADIENT(name) bool tn_##name(struct tn_grad_call *call, struct tn_error *err);
TN_GRADIENTS(TN_DECLARE_GRADIENT)
#undef TN_DECLARE_GRADIENT
/* Not differentiable: results carry no history. */
#define tn_grad_none NULL

tn_gradient_fn tn_op_gradient_rule(enum tn_op op);
/* Runs the rule of call->op: what tn_op_gradient gives for every differentiable op. */
bool tn_gradient_run(struct tn_grad_call *call, struct tn_error *err);

/* ---- how rules are written: a formula holds its intermediate tensors until tn_formula_end ----
 *     struct tn_formula f = tn_formula_begin(call, err);
 *     tn_give(&f, 0, tn_mul(&f, tn_of_grad(&f), tn_of_out(&f)));
 *     return tn_formula_end(&f);
 * Once a step has failed all others do nothing. Values are operands: tensors (held by the formula or the call) or numbers. */
enum { TN_FORMULA_HELD = 40 };
struct tn_formula {
	struct tn_grad_call *call;
	struct tn_engine *engine;
	struct tn_error *err;
	bool failed;
	int count;
	struct tn_tensor *held[TN_FORMULA_HELD];
};

static inline struct tn_formula tn_formula_begin(struct tn_grad_call *call, struct tn_error *err) {
	return (struct tn_formula){.call = call, .engine = call->engine, .err = err};
}
bool tn_formula_end(struct tn_formula *f);
/* Takes a new tensor in (NULL: the formula has failed). */
struct tn_arg tn_hold(struct tn_formula *f, struct tn_tensor *made);

struct tn_arg tn_of_grad(const struct tn_formula *f);
struct tn_arg tn_of_out(const struct tn_formula *f);
struct tn_arg tn_of_input(const struct tn_formula *f, int k); /* tensor, or the number that stands there */
static inline struct tn_arg tn_number(double x) {
	return tn_arg_f64(x, true);
}

/* Not with numbers alone. */
struct tn_arg tn_op1(struct tn_formula *f, enum tn_op op, struct tn_arg a);
struct tn_arg tn_op2(struct tn_formula *f, enum tn_op op, struct tn_arg a, struct tn_arg b);
struct tn_arg tn_choose(struct tn_formula *f, struct tn_arg condition, struct tn_arg a, struct tn_arg b);
static inline struct tn_arg tn_mul(struct tn_formula *f, struct tn_arg a, struct tn_arg b) {
	return tn_op2(f, TN_OP_MUL, a, b);
}
static inline struct tn_arg tn_div(struct tn_formula *f, struct tn_arg a, struct tn_arg b) {
	return tn_op2(f, TN_OP_DIV, a, b);
}
static inline struct tn_arg tn_add(struct tn_formula *f, struct tn_arg a, struct tn_arg b) {
	return tn_op2(f, TN_OP_ADD, a, b);
}
static inline struct tn_arg tn_sub(struct tn_formula *f, struct tn_arg a, struct tn_arg b) {
	return tn_op2(f, TN_OP_SUB, a, b);
}
static inline struct tn_arg tn_neg(struct tn_formula *f, struct tn_arg a) {
	return tn_op1(f, TN_OP_NEG, a);
}
/* An op by its attributes; tensors alone. */
struct tn_arg tn_op_attrs(
	struct tn_formula *f, enum tn_op op, const struct tn_arg *inputs, int input_count, const int64_t *attrs, int attr_count);
struct tn_arg tn_shaped(struct tn_formula *f, struct tn_arg a, const struct tn_shape *shape);
struct tn_arg tn_filled(struct tn_formula *f, enum tn_dtype dtype, const struct tn_shape *shape, double number);

/* The gradient of input k: a term that may still be broadcast and of another dtype. Nothing where it is not wanted. */
void tn_give(struct tn_formula *f, int k, struct tn_arg term);
static inline bool tn_wants(const struct tn_formula *f, int k) {
	return f->call->needs[k];
}

#endif
