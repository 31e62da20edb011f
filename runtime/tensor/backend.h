/* SPDX-License-Identifier: Apache-2.0 */
/* What a device is to the planner: memory and plans. A backend sees this header and base/ only. The interface is asynchronous and
 * assumes a separate memory; the CPU backend runs a plan on the calling thread and its events are already set.
 *
 * The planner hands a backend a plan: steps in order, each with views into numbered slots. The backend compiles it once
 * (`prepare`) and runs it many times (`run`) with the addresses of that run. Strides are in elements and may be 0
 * (broadcast) or negative. */
#ifndef TN_TENSOR_BACKEND_H
#define TN_TENSOR_BACKEND_H

#include "tensor/ops.h"
#include "tensor/philox.h"

/* ---- plans ---- */

enum { TN_NO_SLOT = UINT32_MAX };

/* A strided window into slot `slot`: element (i0, i1, …) lies at offset + sum(i_k * stride[k]), in elements of dtype. */
struct tn_view {
	uint32_t slot;
	enum tn_dtype dtype;
	struct tn_shape shape;
	int64_t stride[TN_MAX_NDIM];
	int64_t offset; /* within the slot; what a run adds is in tn_run */
};

/* One instruction of a fused program: an ELEMENTWISE or CAST op on registers. Result number = its own index. */
enum tn_source_kind { TN_SOURCE_NONE, TN_SOURCE_REGISTER, TN_SOURCE_INPUT, TN_SOURCE_SCALAR };
struct tn_fused_source { enum tn_source_kind kind; uint32_t index; }; /* of ins, inputs or scalars */
struct tn_fused_ins {
	enum tn_op op;
	enum tn_dtype dtype;    /* of the result */
	enum tn_dtype in_dtype; /* of the operands (WHERE: of the last two) */
	struct tn_fused_source in[3];
};
/* What leaves the loop: a register, or an input passed on, stored as it is or reduced. A plain reduction is a program without
 * instructions, so its bits are the same fused or not: the order of a reduction depends on the iteration shape, the axes and the
 * dtype alone. */
struct tn_fused_out {
	struct tn_fused_source from; /* REGISTER or INPUT */
	int32_t reduce;              /* TN_OP_SUM PROD MAX MIN ANY ALL, or -1 */
	uint32_t axes;               /* mask of reduced axes of the iteration shape */
	struct tn_view view;         /* stored: the iteration shape; reduced: that shape with size 1 and stride 0 at reduced axes */
};
struct tn_fused {
	struct tn_shape shape; /* the iteration space */
	uint32_t input_count, ins_count, out_count;
	struct tn_view *inputs; /* expanded to the iteration shape by strides of 0; an output may lie exactly on an input of the same
	                           element size and strides (donation): each block is read before it is written */
	struct tn_fused_ins *ins;
	struct tn_fused_out *outs;
};

struct tn_step {
	bool is_fused;
	uint32_t node; /* first node of the plan that it computes: for errors */
	struct tn_fused fused;
	/* else one op */
	enum tn_op op;
	uint32_t input_count;
	struct tn_view *inputs;
	struct tn_view out; /* never overlaps an input, except that COPY-kind *_SET and *_ADD ops may have out exactly on inputs[0] */
	const int64_t *attrs;
	uint32_t attr_count;
	/* for both: indices into tn_plan.scalars */
	uint32_t scalar_count;
	const uint32_t *scalars; /* fused: TN_SOURCE_SCALAR's index counts in here */
};

struct tn_plan_scalar {
	bool literal;           /* value below; else tn_run.scalars[slot] */
	struct tn_scalar value;
	uint32_t slot;
};

/* Slots: [0, leaf_count) inputs, then result slots, then temporaries inside the arena. */
struct tn_plan_slot { size_t size; /* bytes, of results and temporaries */ size_t arena_offset; bool in_arena; };

struct tn_plan {
	uint32_t step_count, slot_count, leaf_count, scalar_count, run_scalar_count;
	struct tn_step *steps;
	struct tn_plan_slot *slots;
	struct tn_plan_scalar *scalars;
	size_t arena_size; /* bytes, aligned to 64 */
};

/* One run of a plan. */
struct tn_run {
	void *const *slots;               /* device address of each slot (leaves: with the leaf's own offset added) */
	const struct tn_scalar *scalars;  /* run-time scalars */
	const volatile int *interrupt;    /* may be NULL; looked at between steps and between pieces of a long one */
	uint32_t commit_step;             /* interrupts are honoured before this step only (later ones overwrite donated buffers) */
	uint32_t failed_step;             /* out: the step that failed */
};

/* ---- the backend ---- */

struct tn_backend { const struct tn_backend_impl *impl; }; /* base struct of each implementation */

struct tn_memory_stats { size_t used, cached, peak, budget; };

struct tn_backend_impl {
	const char *name; /* "cpu", "cuda:0" */
	void (*destroy)(struct tn_backend *b);

	/* Device memory, 64-byte aligned. Any thread. NULL: the budget or the device is exhausted (err says how much was asked for). */
	void *(*alloc)(struct tn_backend *b, size_t size, struct tn_error *err);
	void (*free)(struct tn_backend *b, void *ptr, size_t size);
	void (*trim)(struct tn_backend *b);
	void (*memory_stats)(struct tn_backend *b, struct tn_memory_stats *out);
	/* Host address of device memory, where there is one (optional; NULL: copies only). */
	void *(*host_pointer)(struct tn_backend *b, void *ptr);
	bool (*copy_in)(struct tn_backend *b, void *dst, const void *host, size_t size, struct tn_error *err);
	bool (*copy_out)(struct tn_backend *b, void *host, const void *src, size_t size, struct tn_error *err);

	/* Whether a kernel is there for that op with inputs and result of these dtypes: reads the kernel table. in_dtype: the first
	 * floating input's, else the first input's. */
	bool (*accepts)(struct tn_backend *b, enum tn_op op, enum tn_dtype in_dtype, enum tn_dtype out_dtype);
	/* Chooses the strides in which the op's result is written (optional, default row-major); depends on shapes, dtypes and attrs
	 * alone, must be dense: a permutation of row-major. */
	void (*layout)(struct tn_backend *b, enum tn_op op, const struct tn_view *inputs, uint32_t input_count, const int64_t *attrs, struct tn_view *out);

	/* Compiles a plan; *exec is the backend's own and must not point into `plan` beyond its life (the plan outlives the exec). */
	bool (*prepare)(struct tn_backend *b, const struct tn_plan *plan, void **exec, struct tn_error *err);
	void (*finish)(struct tn_backend *b, void *exec);
	/* Runs it; the CPU has finished when it returns. On failure run->failed_step is set. */
	bool (*run)(struct tn_backend *b, void *exec, struct tn_run *run, struct tn_error *err);
	bool (*wait)(struct tn_backend *b, struct tn_error *err);
};

/* The caching allocator that CPU and CUDA share: tensor/alloc.c (size classes, best fit, split and merge, 2 MiB segments from
 * `map`, a budget). Thread-safe. */
struct tn_allocator;
struct tn_allocator_params {
	void *data;
	void *(*map)(void *data, size_t size);              /* NULL: none */
	void (*unmap)(void *data, void *ptr, size_t size);
	size_t segment;                                     /* least size of a segment, e.g. 2 MiB … 32 MiB */
	size_t budget;                                      /* bytes */
	bool apart;                                         /* each allocation is a heap block of its exact size: the hardened build, host memory only */
};
TN_MUST_USE struct tn_allocator *tn_allocator_create(const struct tn_allocator_params *params); /* NULL: out of memory */
void tn_allocator_destroy(struct tn_allocator *a);
TN_MUST_USE void *tn_allocator_alloc(struct tn_allocator *a, size_t size, struct tn_error *err);
void tn_allocator_free(struct tn_allocator *a, void *ptr);
/* Gives free segments back; keep_idle: only those idle for 10 s. */
void tn_allocator_trim(struct tn_allocator *a, bool keep_recent);
void tn_allocator_stats(struct tn_allocator *a, struct tn_memory_stats *out);
/* 0.9 of what the cgroup or the machine has free now; TENON_MEMORY (bytes, or with K M G) overrides. */
size_t tn_memory_budget(void);

#endif
