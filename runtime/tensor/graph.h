/* SPDX-License-Identifier: Apache-2.0 */
/* Private to tensor/: the tensor handle, recording of nodes, and the seams between the parts of this folder.
 *
 *   front functions (tensor.h)  →  rule of the op (dtype, shape, casts)  →  tn_graph_add  →  pending nodes, and the tape of
 *   open grad records  →  tn_flush: planner → plan cache → backend.
 *
 * graph.c engine.c plan*.c cache.c buffer.c alloc.c tape.c record, plan and run; ops.c rules*.c front*.c index.c random.c
 * gradient*.c format.c know the ops. */
#ifndef TN_TENSOR_GRAPH_H
#define TN_TENSOR_GRAPH_H

#include "tensor/backend.h"
#include "tensor/tensor.h"

struct tn_buffer {
	int refs; /* atomic access only */
	struct tn_engine *engine;
	void *ptr; /* device address */
	size_t size;
	/* Executing thread only: tensors on it that only undoing holds, and the newest leaf of the recording `leaf_stamp` on it. */
	uint32_t undo_holds, leaf;
	uint64_t leaf_stamp;
};

enum tn_tensor_state { TN_TENSOR_READY, TN_TENSOR_PENDING, TN_TENSOR_FAILED };

/* Invariants: READY has buffer, offset and strides (any dense or strided layout); PENDING has `node`, the index of its node in
 * the engine's pending list, and that node points back (weakly) until the tensor dies or a flush decides; FAILED repeats the
 * engine-wide failure number `failure`. */
struct tn_tensor {
	int refs, undo_refs;
	struct tn_engine *engine;
	enum tn_tensor_state state;
	enum tn_dtype dtype;
	struct tn_shape shape;
	struct tn_buffer *buffer; /* READY: counted */
	int64_t offset, stride[TN_MAX_NDIM];
	uint32_t node;            /* PENDING */
	uint32_t grad_mask;       /* bit k: depends on a leaf of the open record at depth k */
	bool turned;              /* a permute that swaps the last two axes of something that is not turned; see tn_grad_matmul */
	uint32_t tape;            /* grad_mask not 0: its entry of the tape, which points back (weakly) */
	struct tn_failure *failure; /* FAILED: counted */
	uint64_t leaf_stamp;      /* which recording knows it as leaf `leaf` */
	uint32_t leaf;
};

/* The first element of a tensor in host memory, evaluated where it was pending; the others are at its strides. Valid while the caller holds it. */
TN_MUST_USE bool tn_tensor_elements(struct tn_tensor *t, const void **first, struct tn_error *err);

/* Records a node whose dtype, shape and attributes a rule has already checked (inputs have the dtypes that the kernel wants:
 * casts were recorded before). Also appends to the tape of each open record that an input depends on. VIEW ops on READY
 * tensors give a READY view at once. Returns a new reference. Record cost budget: 150 ns. */
struct tn_graph_node {
	enum tn_op op;
	enum tn_dtype dtype;
	const struct tn_shape *shape;
	struct tn_tensor *const *inputs; /* NULL entries: that operand is scalars[k], in order (ELEMENTWISE only) */
	int input_count;
	const int64_t *attrs;
	int attr_count;
	const struct tn_scalar *scalars;
	int scalar_count;
};
TN_MUST_USE struct tn_tensor *tn_graph_add(struct tn_engine *e, const struct tn_graph_node *node, struct tn_error *err);

/* ---- what the op table says (ops.c) ---- */

enum { TN_SAVES_I0 = 1, TN_SAVES_I1 = 2, TN_SAVES_I2 = 4, TN_SAVES_O = 8 };

/* One recorded op as its gradient rule sees it. */
struct tn_grad_call {
	struct tn_engine *engine;
	enum tn_op op;
	int input_count;
	struct tn_tensor **inputs;      /* NULL where the contents are not saved by the op table's column, and for scalar operands */
	const struct tn_shape *shapes;  /* of all inputs */
	const enum tn_dtype *dtypes;
	const struct tn_scalar *scalars; /* of the node, in order */
	int scalar_count;
	const bool *is_scalar;          /* operand k is a scalar (the j-th scalar operand is scalars[j]) */
	const int64_t *attrs;
	int attr_count;
	struct tn_tensor *out;          /* NULL where not saved */
	struct tn_shape out_shape;
	enum tn_dtype out_dtype;
	struct tn_tensor *grad;         /* of the result; its shape and dtype are the result's */
	const bool *needs;              /* which inputs want a gradient */
	struct tn_tensor **grads;       /* out: new references, each with that input's shape and dtype; NULL = zero */
};
typedef bool (*tn_gradient_fn)(struct tn_grad_call *call, struct tn_error *err);

/* The op's gradient rule; NULL: not differentiable (results carry no history). */
tn_gradient_fn tn_op_gradient(enum tn_op op);
unsigned tn_op_saves(enum tn_op op);
/* Estimated floating-point operations of a node, for the back-edge rule. */
double tn_op_flops(const struct tn_graph_node *node);

/* A gradient rule's helper: sums `grad` down to `shape` (undoes broadcasting). New reference. */
TN_MUST_USE struct tn_tensor *tn_sum_to(struct tn_engine *e, struct tn_tensor *grad, const struct tn_shape *shape, struct tn_error *err);

/* ---- buffers (buffer.c) ---- */

TN_MUST_USE struct tn_buffer *tn_buffer_create(struct tn_engine *e, size_t size, struct tn_error *err); /* any thread */
struct tn_buffer *tn_buffer_ref(struct tn_buffer *b);
void tn_buffer_unref(struct tn_buffer *b); /* any thread */
/* A READY tensor on that buffer (takes the reference, also when it fails); strides NULL: row-major. */
TN_MUST_USE struct tn_tensor *tn_tensor_wrap(struct tn_engine *e, struct tn_buffer *b, enum tn_dtype dtype, const struct tn_shape *shape, const int64_t *strides, int64_t offset, struct tn_error *err);
/* Makes it READY (flushing if needed), or fails with the error that its plan had. */
TN_MUST_USE bool tn_tensor_force(struct tn_tensor *t, const char *cause, struct tn_error *err);
bool tn_tensor_is_row_major(const struct tn_tensor *t);
struct tn_backend *tn_engine_backend(struct tn_engine *e);
/* The random stream's state, which random.c keeps; engine.c holds it. */
struct tn_random_state *tn_engine_random(struct tn_engine *e);

#endif
