/* SPDX-License-Identifier: Apache-2.0 */
/* Private to tensor/: the gradient rules that ops.def names. A rule gets a recorded call (graph.h) and records, by front functions
 * only, the nodes of each wanted input's gradient; so gradients of gradients need nothing more. A rule leaves grads[k]
 * NULL where it is zero. Broadcasting is undone, dtypes are restored and autocast is off by tn_gradient_run, which wraps each rule. */
#ifndef TN_TENSOR_GRADIENT_H
#define TN_TENSOR_GRADIENT_H

#include "tensor/graph.h"

#define TN_GRADIENTS(X) \
	X(grad_zero) X(grad_neg) X(grad_abs) X(grad_exp) X(grad_expm1) X(grad_log) X(grad_log1p) X(grad_sqrt) X(grad_rsqrt) X(grad_sin) \
	X(grad_cos) X(grad_tan) X(grad_asin) X(grad_acos) X(grad_atan) X(grad_sinh) X(grad_cosh) X(grad_tanh) X(grad_erf) \
	X(grad_sigmoid) X(grad_relu) X(grad_cast) X(grad_add) X(grad_sub) X(grad_mul) X(grad_div) X(grad_mod) X(grad_pow) \
	X(grad_atan2) X(grad_minimum) X(grad_maximum) X(grad_where) X(grad_sum) X(grad_prod) X(grad_extreme) X(grad_softmax) \
	X(grad_log_softmax) X(grad_cumsum) X(grad_cumprod) X(grad_matmul) X(grad_conv2d) X(grad_conv2d_grad_x) \
	X(grad_conv2d_grad_w) X(grad_max_pool2d) X(grad_max_pool2d_grad) X(grad_max_pool2d_take) X(grad_avg_pool2d) \
	X(grad_avg_pool2d_grad) X(grad_reshape) X(grad_expand) X(grad_permute) X(grad_slice) X(grad_copy) X(grad_cat) X(grad_pad) \
	X(grad_slice_set) X(grad_gather) X(grad_index_add) X(grad_index_set) X(grad_take_along) X(grad_scatter_add) \
	X(grad_scatter_set)
#define TN_DECLARE_GRADIENT(name) bool tn_##name(struct tn_grad_call *call, struct tn_error *err);
TN_GRADIENTS(TN_DECLARE_GRADIENT)
#undef TN_DECLARE_GRADIENT
/* Not differentiable: results carry no history. */
#define tn_grad_none NULL

tn_gradient_fn tn_op_gradient_rule(enum tn_op op);
bool tn_gradient_run(struct tn_grad_call *call, struct tn_error *err);

#endif
