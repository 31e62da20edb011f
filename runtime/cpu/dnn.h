/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cpu/: all that Tenon asks of oneDNN. The library is loaded at the first question, not linked: its relocations
 * and constructors cost 2.5 ms that a program without tensors need not pay. Where it is missing (build or machine) the answer
 * is no and the portable kernels serve. The executing thread only.
 *
 * oneDNN keeps its own cache of compiled primitives by description, so objects made here are cheap to make again. */
#ifndef TN_CPU_DNN_H
#define TN_CPU_DNN_H

#include "cpu/kernels.h"

/* Whether oneDNN is there. */
bool cpu_dnn_ready(void);

/* c = a @ b + beta * c in f32, all with unit strides along one axis: a is m x k in rows of lda, or when a_turned k x m. */
struct cpu_dnn_gemm {
	bool a_turned, b_turned;
	int64_t m, n, k, lda, ldb, ldc;
	const float *a, *b;
	float *c;
	float beta;
};
/* False: oneDNN refused (never so for what is described above). */
TN_MUST_USE bool cpu_dnn_sgemm(const struct cpu_dnn_gemm *g, int threads);

/* One compiled primitive. */
struct cpu_dnn;
enum { CPU_DNN_MAX_ARGS = 3 };

/* c = a @ b in a floating dtype, summed in f32. Strides in elements, one of each pair is 1; c is dense. */
struct cpu_dnn_matmul_params {
	enum tn_dtype dtype;
	int64_t m, n, k, a_row, a_col, b_row, b_col;
	int threads;
};

enum cpu_dnn_conv_kind { CPU_DNN_FORWARD, CPU_DNN_GRAD_X, CPU_DNN_GRAD_W };
/* Activations are NHWC and dense; weights in a layout of oneDNN's choice: see cpu_dnn_weights_size. */
struct cpu_dnn_conv_params {
	enum cpu_dnn_conv_kind kind;
	enum tn_dtype dtype;
	int64_t n, c, h, w, o, out_h, out_w;
	int64_t kernel[2], stride[2], padding[2], padding_end[2], dilation[2], groups; /* padding_end may be larger than needed */
	int threads;
};

/* NULL without an error set: oneDNN has no fast kernel for this here. Destroy with cpu_dnn_destroy. */
TN_MUST_USE struct cpu_dnn *cpu_dnn_matmul_create(const struct cpu_dnn_matmul_params *params, struct tn_error *err);
TN_MUST_USE struct cpu_dnn *cpu_dnn_conv_create(const struct cpu_dnn_conv_params *params, struct tn_error *err);
void cpu_dnn_destroy(struct cpu_dnn *d);

/* Bytes that a run needs beside the operands, 64-byte aligned: scratch memory and the weights in oneDNN's layout. */
size_t cpu_dnn_workspace(const struct cpu_dnn *d);
/* matmul: a, b, c. conv: x, w, y in the order of reading with the result last: x w y; grad w dx; x grad dw. Weights are dense
 * [O, C/groups, KH, KW]. `last`: the one that ran last with these weights and this workspace, which keeps them in oneDNN's
 * layout. */
TN_MUST_USE bool cpu_dnn_run(struct cpu_dnn *d, const void *const args[CPU_DNN_MAX_ARGS], void *workspace,
	const struct cpu_dnn *last, struct tn_error *err);
/* The name of the implementation, for the benchmark. */
const char *cpu_dnn_name(const struct cpu_dnn *d);

#endif
