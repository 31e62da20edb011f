/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cpu/: what a kernel is. kernels.c hangs one `struct cpu_kernel` on each row of the op table that this backend runs;
 * backend.c walks a plan's steps and calls them. Elementwise ops, casts and reductions have rows for `accepts` alone: they run
 * inside fused programs (fused.c).
 *
 *   prepare (once per plan) → run (each time, with that run's addresses) → finish (with the plan) */
#ifndef TN_CPU_KERNELS_H
#define TN_CPU_KERNELS_H

#include <string.h>

#include "tensor/backend.h"

/* What the kernels may use; fixed when the backend is made. */
struct cpu_settings {
	int threads;   /* at least 1 */
	bool portable; /* never oneDNN */
};

/* One step of a prepared plan. */
struct cpu_step {
	const struct tn_step *step; /* the planner's; outlives this */
	const struct cpu_kernel *kernel;
	const struct cpu_settings *settings;
	void *state;      /* the kernel's own; set by prepare, freed by finish */
	size_t workspace; /* bytes that run needs in call->workspace; set by prepare */
};

/* One run of a step. The views' shapes, strides and dtypes are in step->step; the addresses below have the views' offsets added
 * already: element (0, 0, …) of view k lies at inputs[k]. */
struct cpu_call {
	const struct cpu_step *step;
	char *const *inputs;              /* of step->inputs, or of fused.inputs */
	char *out;                        /* of step->out */
	char *const *outs;                /* fused: of fused.outs */
	const struct tn_scalar *scalars;  /* values in the order of step->scalars */
	void *workspace;                  /* 64-byte aligned; contents undefined; NULL where none was asked for */
	int threads;
	const volatile int *interrupt;    /* NULL: not to be honoured here */
};

struct cpu_kernel {
	/* Optional; false with err: the plan cannot be made. `finish` is called for steps whose prepare succeeded. */
	bool (*prepare)(struct cpu_step *step, struct tn_error *err);
	void (*finish)(struct cpu_step *step); /* optional */
	/* NULL: elementwise, cast, reduction: see fused.c. */
	bool (*run)(const struct cpu_call *call, struct tn_error *err);
	/* in: the first floating input's dtype, else the first input's; makers: out's. */
	bool (*accepts)(enum tn_dtype in, enum tn_dtype out);
	/* Optional: the strides of the result, dense; default row-major. Must depend on shapes, dtypes, attrs alone. */
	void (*layout)(const struct cpu_settings *settings, const struct tn_view *inputs, uint32_t count, const int64_t *attrs,
		struct tn_view *out);
};

/* NULL: this backend has no such kernel. */
const struct cpu_kernel *cpu_kernel_of(enum tn_op op);

/* matmul.c, conv.c, pool.c */
extern const struct cpu_kernel cpu_matmul, cpu_conv2d, cpu_conv2d_grad_x, cpu_conv2d_grad_w;
extern const struct cpu_kernel cpu_max_pool2d, cpu_max_pool2d_grad, cpu_max_pool2d_take, cpu_avg_pool2d, cpu_avg_pool2d_grad;
/* copy.c, index.c, row.c, argreduce.c, make.c, random.c */
extern const struct cpu_kernel cpu_copy, cpu_cat, cpu_pad, cpu_slice_set;
extern const struct cpu_kernel cpu_gather, cpu_index_add, cpu_index_set, cpu_take_along, cpu_scatter_add, cpu_scatter_set;
extern const struct cpu_kernel cpu_softmax, cpu_log_softmax, cpu_cumsum, cpu_cumprod, cpu_argsort, cpu_argmax, cpu_argmin;
extern const struct cpu_kernel cpu_full, cpu_arange, cpu_rand, cpu_randn, cpu_rand_int, cpu_rand_bernoulli, cpu_rand_perm;

/* ---- fused programs (fused.c) ---- */

TN_MUST_USE bool cpu_fused_prepare(struct cpu_step *step, struct tn_error *err);
bool cpu_fused_run(const struct cpu_call *call, struct tn_error *err);
void cpu_fused_finish(struct cpu_step *step);

/* ---- threads (threads.c): the only OpenMP regions of this folder ---- */

/* Runs body(data, k) for each k in [0, threads), each on a thread of its own; on the calling thread alone when threads is 1. The
 * calling thread must be the executing one. */
void cpu_parallel(int threads, void (*body)(void *data, int thread), void *data);
/* The part of [0, count) that thread k of `threads` takes, in whole multiples of `grain` (but the last). */
void cpu_split(int64_t count, int64_t grain, int thread, int threads, int64_t *begin, int64_t *end);
/* How many threads are worth it for `work`, in element operations (one vectorised add of an f32 = 1). */
int cpu_threads_for(const struct cpu_call *call, double work);
/* As many threads as may be used and can be made, at most `wanted` (0: no wish); probes once. */
int cpu_threads_probe(int wanted);

/* ---- the processor (isa.c) ----
 * Files named *_tmpl.c are compiled once per instruction set (meson.build) with -DCPU_ISA=base, avx2 or avx512 and give their
 * functions names by CPU_FN(name); the set is chosen once. TENON_ISA=base|avx2|avx512 lowers the choice (tests). */
enum cpu_isa { CPU_ISA_BASE, CPU_ISA_AVX2, CPU_ISA_AVX512, CPU_ISA_COUNT };
enum cpu_isa cpu_isa(void);

#define CPU_PASTE_(a, b) a##_##b
#define CPU_PASTE(a, b) CPU_PASTE_(a, b)
#define CPU_FN(name) CPU_PASTE(name, CPU_ISA) /* cpu_gemm_f32 → cpu_gemm_f32_avx2 */

/* ---- small helpers ---- */

/* Elements that a loop may take between two looks at the interrupt: some milliseconds where each is a miss of the cache and lies
 * on a fresh page. */
enum { CPU_LOOK = 1 << 17 };

/* Whether the user wants this run to stop; what was begun is then left as it is. */
static inline bool cpu_is_stopped(const volatile int *interrupt) {
	return TN_UNLIKELY(interrupt != NULL && *interrupt != 0);
}

/* The end of the piece of at most CPU_LOOK elements that begins with `first`. */
static inline int64_t cpu_piece_end(int64_t first, int64_t count) {
	return count - first < CPU_LOOK ? count : first + CPU_LOOK;
}

/* Zeros; gives up when stopped. */
static inline void cpu_clear(void *out, size_t size, const volatile int *interrupt) {
	for (size_t at = 0, piece = (size_t)CPU_LOOK * 8; at < size && !cpu_is_stopped(interrupt); at += piece) {
		memset((char *)out + at, 0, size - at < piece ? size - at : piece);
	}
}

/* True (err is set) when the user wants this run to stop. */
static inline bool cpu_interrupted(const struct cpu_call *call, struct tn_error *err) {
	if (cpu_is_stopped(call->interrupt)) {
		tn_error_set(err, TN_ERR_INTERRUPTED, "interrupted");
		return true;
	}
	return false;
}

/* Row-major, no gaps (axes of size 1 may have any stride). */
static inline bool cpu_view_is_dense(const struct tn_view *v) {
	int64_t step = 1;

	for (int i = v->shape.ndim - 1; i >= 0; i--) {
		if (v->shape.dims[i] != 1 && v->stride[i] != step) {
			return false;
		}
		step *= v->shape.dims[i];
	}
	return true;
}

#endif
