/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of this backend: one entry on each row of the op table that it runs. No entry means "not here", and the dtypes are
 * what `accepts` says: there is no second list. Elementwise ops, casts and reductions have no run of their own: fused.c. */
#include "cpu/kernels.h"

static bool same(enum tn_dtype in, enum tn_dtype out) {
	return in == out;
}

static bool same_float(enum tn_dtype in, enum tn_dtype out) {
	return in == out && tn_dtype_is_float(in);
}

static bool same_bits(enum tn_dtype in, enum tn_dtype out) {
	return in == out && !tn_dtype_is_float(in);
}

static bool to_bool(enum tn_dtype in, enum tn_dtype out) {
	(void)in;
	return out == TN_DTYPE_BOOL8;
}

static bool any(enum tn_dtype in, enum tn_dtype out) {
	(void)in;
	(void)out;
	return true;
}

static const struct cpu_kernel fused_same = {.accepts = same}, fused_float = {.accepts = same_float};
static const struct cpu_kernel fused_bits = {.accepts = same_bits}, fused_test = {.accepts = to_bool},
							   fused_any = {.accepts = any};

static const struct cpu_kernel *const kernels[TN_OP_COUNT] = {
	[TN_OP_NEG] = &fused_same, [TN_OP_ABS] = &fused_same, [TN_OP_SIGN] = &fused_same, [TN_OP_FLOOR] = &fused_same,
	[TN_OP_CEIL] = &fused_same, [TN_OP_ROUND] = &fused_same, [TN_OP_RELU] = &fused_same,
	[TN_OP_EXP] = &fused_float, [TN_OP_EXPM1] = &fused_float, [TN_OP_LOG] = &fused_float, [TN_OP_LOG1P] = &fused_float,
	[TN_OP_SQRT] = &fused_float, [TN_OP_RSQRT] = &fused_float, [TN_OP_SIN] = &fused_float, [TN_OP_COS] = &fused_float,
	[TN_OP_TAN] = &fused_float, [TN_OP_ASIN] = &fused_float, [TN_OP_ACOS] = &fused_float, [TN_OP_ATAN] = &fused_float,
	[TN_OP_SINH] = &fused_float, [TN_OP_COSH] = &fused_float, [TN_OP_TANH] = &fused_float, [TN_OP_ERF] = &fused_float,
	[TN_OP_SIGMOID] = &fused_float, [TN_OP_SOFTPLUS] = &fused_float,
	[TN_OP_ISNAN] = &fused_test, [TN_OP_ISINF] = &fused_test, [TN_OP_ISFINITE] = &fused_test, [TN_OP_LOGICAL_NOT] = &fused_test,
	[TN_OP_NOT] = &fused_bits, [TN_OP_CAST] = &fused_any,
	[TN_OP_ADD] = &fused_same, [TN_OP_SUB] = &fused_same, [TN_OP_MUL] = &fused_same, [TN_OP_DIV] = &fused_float,
	[TN_OP_FLOOR_DIV] = &fused_same, [TN_OP_MOD] = &fused_same, [TN_OP_POW] = &fused_same, [TN_OP_ATAN2] = &fused_float,
	[TN_OP_MINIMUM] = &fused_same, [TN_OP_MAXIMUM] = &fused_same,
	[TN_OP_EQ] = &fused_test, [TN_OP_NE] = &fused_test, [TN_OP_LT] = &fused_test, [TN_OP_LE] = &fused_test,
	[TN_OP_GT] = &fused_test, [TN_OP_GE] = &fused_test,
	[TN_OP_AND] = &fused_bits, [TN_OP_OR] = &fused_bits, [TN_OP_XOR] = &fused_bits, [TN_OP_SHL] = &fused_bits,
	[TN_OP_SHR] = &fused_bits,
	[TN_OP_WHERE] = &fused_any,
	[TN_OP_SUM] = &fused_any, [TN_OP_PROD] = &fused_any, [TN_OP_MAX] = &fused_same, [TN_OP_MIN] = &fused_same,
	[TN_OP_ANY] = &fused_test, [TN_OP_ALL] = &fused_test,
	[TN_OP_MATMUL] = &cpu_matmul,
	[TN_OP_CONV2D] = &cpu_conv2d, [TN_OP_CONV2D_GRAD_X] = &cpu_conv2d_grad_x, [TN_OP_CONV2D_GRAD_W] = &cpu_conv2d_grad_w,
	[TN_OP_MAX_POOL2D] = &cpu_max_pool2d, [TN_OP_MAX_POOL2D_GRAD] = &cpu_max_pool2d_grad,
	[TN_OP_MAX_POOL2D_TAKE] = &cpu_max_pool2d_take, [TN_OP_AVG_POOL2D] = &cpu_avg_pool2d,
	[TN_OP_AVG_POOL2D_GRAD] = &cpu_avg_pool2d_grad,
	[TN_OP_ARGMAX] = &cpu_argmax, [TN_OP_ARGMIN] = &cpu_argmin,
	[TN_OP_SOFTMAX] = &cpu_softmax, [TN_OP_LOG_SOFTMAX] = &cpu_log_softmax, [TN_OP_CUMSUM] = &cpu_cumsum,
	[TN_OP_CUMPROD] = &cpu_cumprod,
	[TN_OP_ARGSORT] = &cpu_argsort,
	[TN_OP_COPY] = &cpu_copy, [TN_OP_CAT] = &cpu_cat, [TN_OP_PAD] = &cpu_pad, [TN_OP_SLICE_SET] = &cpu_slice_set,
	[TN_OP_GATHER] = &cpu_gather, [TN_OP_INDEX_ADD] = &cpu_index_add, [TN_OP_INDEX_SET] = &cpu_index_set,
	[TN_OP_TAKE_ALONG] = &cpu_take_along, [TN_OP_SCATTER_ADD] = &cpu_scatter_add, [TN_OP_SCATTER_SET] = &cpu_scatter_set,
	[TN_OP_FULL] = &cpu_full, [TN_OP_ARANGE] = &cpu_arange,
	[TN_OP_RAND] = &cpu_rand, [TN_OP_RANDN] = &cpu_randn, [TN_OP_RAND_INT] = &cpu_rand_int,
	[TN_OP_RAND_BERNOULLI] = &cpu_rand_bernoulli, [TN_OP_RAND_PERM] = &cpu_rand_perm,
};

const struct cpu_kernel *cpu_kernel_of(enum tn_op op) {
	return kernels[op];
}
