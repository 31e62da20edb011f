/* SPDX-License-Identifier: Apache-2.0 */
/* The functions under the layers: products, convolution, pooling. Layers and losses themselves are written in the language (lib/). */
#include "lang/builtin.h"

/* An int, or a list of two ints (height, width). */
static bool get_pair(const struct tn_native_call *call, uint32_t index, const char *name, int64_t out[2], struct tn_error *err) {
	int64_t v[2];
	int n;
	if (!tn_arg_get_ints(call, index, v, 2, &n, err)) {
		return false;
	}
	if (n < 1) {
		return tn_error_set(err, TN_ERR_VALUE, "%s: expected one or two numbers, found none", name);
	}
	out[0] = v[0];
	out[1] = n == 2 ? v[1] : v[0];
	return true;
}

static bool run_matmul(struct tn_native_call *call, struct tn_error *err) {
	return tn_return_tensor(call, tn_matmul(call->engine, call->args[0].tensor, call->args[1].tensor, err));
}

static bool run_outer(struct tn_native_call *call, struct tn_error *err) {
	struct tn_tensor *a = call->args[0].tensor, *b = call->args[1].tensor;
	if (tn_tensor_shape(a)->ndim != 1 || tn_tensor_shape(b)->ndim != 1) {
		char da[176], db[176];
		tn_describe(tn_tensor_dtype(a), tn_tensor_shape(a), da);
		tn_describe(tn_tensor_dtype(b), tn_tensor_shape(b), db);
		return tn_error_set(err, TN_ERR_SHAPE, "outer: expected two vectors, found %s and %s", da, db);
	}
	struct tn_tensor *column = tn_unsqueeze(call->engine, a, 1, err);
	struct tn_tensor *result = column == NULL ? NULL : tn_binary(call->engine, TN_OP_MUL, column, b, err);
	tn_tensor_unref(column);
	return tn_return_tensor(call, result);
}

/* conv2d(x, w, b, stride, padding, dilation, groups) */
static bool run_conv2d(struct tn_native_call *call, struct tn_error *err) {
	struct tn_conv2d_params params = {.groups = call->args[6].i};
	if (!get_pair(call, 3, "conv2d: stride", params.stride, err) || !get_pair(call, 4, "conv2d: padding", params.padding, err) ||
	    !get_pair(call, 5, "conv2d: dilation", params.dilation, err)) {
		return false;
	}
	struct tn_tensor *bias = call->args[2].tag == TN_TENSOR ? call->args[2].tensor : NULL;
	return tn_return_tensor(call, tn_conv2d(call->engine, call->args[0].tensor, call->args[1].tensor, bias, &params, err));
}

static bool pool(struct tn_native_call *call, enum tn_op op, bool count_padding, struct tn_error *err) {
	struct tn_pool2d_params params = {.count_padding = count_padding};
	if (!get_pair(call, 1, "kernel", params.kernel, err) || !get_pair(call, 3, "padding", params.padding, err)) {
		return false;
	}
	if (!tn_arg_given(call, 2)) {
		params.stride[0] = params.kernel[0];
		params.stride[1] = params.kernel[1];
	} else if (!get_pair(call, 2, "stride", params.stride, err)) {
		return false;
	}
	return tn_return_tensor(call, tn_pool2d(call->engine, op, call->args[0].tensor, &params, err));
}
static bool run_max_pool2d(struct tn_native_call *call, struct tn_error *err) { return pool(call, TN_OP_MAX_POOL2D, false, err); }
static bool run_avg_pool2d(struct tn_native_call *call, struct tn_error *err) { return pool(call, TN_OP_AVG_POOL2D, call->args[4].i != 0, err); }

static bool run_grad_without_training(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	*call->result = tn_bool(tn_grad_depth(call->engine) > 0 && !tn_training(call->engine) && tn_engine_modes(call->engine)->train == TN_TRAIN_UNSET);
	return true;
}
static bool run_training(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	*call->result = tn_bool(tn_training(call->engine));
	return true;
}

static const struct tn_native rows[] = {
	{ "tensor matmul(tensor a, tensor b)", "Matrix product over the last two axes: a @ b.\n\na: [..., m, k] or [k]. b: [..., k, n] or [k]. Leading axes broadcast.",
	  "matmul(ones(2, 3), ones(3, 4)).shape    // expect: [2, 4]", run_matmul, NULL, 0 },
	{ "tensor bmm(tensor a, tensor b)", "Matrix products of two batches: [b, m, k] @ [b, k, n].\n\na: [b, m, k]. b: [b, k, n]. Errors: ShapeError when the sizes do not fit.", "bmm(ones(5, 2, 3), ones(5, 3, 4)).shape    // expect: [5, 2, 4]", run_matmul, NULL, 0 },
	{ "tensor dot(tensor a, tensor b)", "Sum of the products of two vectors.\n\na, b: [n]. Errors: ShapeError when their sizes differ.", "dot(tensor([1., 2.]), tensor([3., 4.]))    // expect: 11.0", run_matmul, NULL, 0 },
	{ "tensor outer(tensor a, tensor b)", "All products of two vectors: [m] and [n] give [m, n].\n\na: [m]. b: [n].", "outer(tensor([1., 2.]), tensor([3., 4.])).shape    // expect: [2, 2]", run_outer,
	  NULL, 0 },
	{ "tensor conv2d(tensor x, tensor w, tensor b = empty, axes stride = 1, axes padding = 0, axes dilation = 1, int groups = 1)",
	  "Two-dimensional cross-correlation.\n\nx: [N, C, H, W]. w: [O, C / groups, KH, KW]. b: [O], or empty. stride, padding, dilation: one number, or [height, width].",
	  "conv2d(ones(1, 1, 4, 4), ones(2, 1, 3, 3)).shape    // expect: [1, 2, 2, 2]", run_conv2d, NULL, 0 },
	{ "tensor max_pool2d(tensor x, axes kernel, axes stride = none, axes padding = 0)",
	  "Largest element of each window.\n\nx: [N, C, H, W]. kernel, stride, padding: one number, or [height, width]; stride is the kernel's size when left out.",
	  "max_pool2d(ones(1, 1, 4, 4), 2).shape    // expect: [1, 1, 2, 2]", run_max_pool2d, NULL, 0 },
	{ "tensor avg_pool2d(tensor x, axes kernel, axes stride = none, axes padding = 0, bool count_include_pad = true)",
	  "Mean of each window.\n\nx: [N, C, H, W]. kernel, stride, padding: as max_pool2d. count_include_pad: the border counts as elements.",
	  "avg_pool2d(ones(1, 1, 4, 4), 2).shape    // expect: [1, 1, 2, 2]", run_avg_pool2d, NULL, 0 },
	{ "bool _grad_without_training()", "Whether the code runs inside a grad block that has turned training neither on nor, by train (false), off: all its arguments are bare tensors.",
	  "_grad_without_training()    // expect: false", run_grad_without_training, NULL, 0 },
	{ "bool training()", "Whether dropout is on and batch statistics are used: inside grad and train (true).", "training()    // expect: false", run_training, NULL, 0 },
};
TN_NATIVE_TABLE(nn, rows);
