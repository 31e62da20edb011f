/* SPDX-License-Identifier: Apache-2.0 */
/* Private to plan*.c: a recording on its way to a plan.
 *
 *   plan.c         words → values; equal ones merged, dead ones left out; then one pass in record order that resolves
 *                  views and gives each value a step of its own or a place in a group
 *   plan_fuse.c    groups: elementwise values over one iteration space, with the reductions at their ends
 *   plan_emit.c    steps as the backend wants them
 *   plan_memory.c  which step reads what last, what takes over whose storage, donation, the arena
 *
 * A value is known by its reference: its node's number, or TN_REF_LEAF + a leaf's. Its elements lie in the storage of its `root`:
 * itself, or for a view the value (or leaf) that was really written. */
#ifndef TN_TENSOR_PLAN_H
#define TN_TENSOR_PLAN_H

#include "tensor/engine.h"

enum { TN_GROUP_INS = 48, TN_GROUP_INPUTS = 24, TN_GROUP_OUTS = 16 };

struct plan_value {
	enum tn_op op;
	enum tn_op_kind kind;
	enum tn_dtype dtype;
	struct tn_shape shape;
	uint32_t input_count, attr_count, scalar_count;
	uint32_t *inputs; /* references; those of merged values are replaced already */
	const int64_t *attrs;
	uint32_t scalars; /* first of its run in plan.scalars */
	uint32_t same;    /* itself, or the earlier value that it equals */
	uint32_t uses;    /* by needed values */
	bool again;       /* recorded once more by remat: it never equals what was recorded before */
	bool live;        /* a tensor asks for it, or for one that equals it */
	bool needed;
	bool copies; /* a reshape that strides cannot express */
	bool stored; /* its elements are in memory after its step */
	/* where the elements lie */
	uint32_t root;
	int64_t offset, stride[TN_MAX_NDIM];
	/* a fused one */
	uint32_t group, next_member; /* TN_REF_NONE: no group, no next */
};

/* A step in the making. Values join while nobody outside reads one of its results from memory ("open"); it runs where its last
 * member was recorded, so that each thing it reads from memory is computed before: a group is closed by whoever reads from it. */
struct plan_group {
	struct tn_shape shape; /* the iteration space */
	uint32_t first, last;  /* members, linked in record order */
	uint32_t ins_count, reduce_count, out_count, input_count;
	uint32_t inputs[TN_GROUP_INPUTS]; /* references that are read from memory */
	uint32_t merged_into;             /* TN_REF_NONE: it is still there */
	uint32_t steps_before;            /* steps of others when the last member joined */
	bool closed;
};

/* What is known of one storage: a leaf or a stored value. */
struct plan_storage {
	uint32_t first_step, last_step; /* written, read for the last time; TN_REF_NONE: never */
	uint32_t taken_by;              /* the value whose step writes its result over this, or TN_REF_NONE */
	bool result;                    /* live: has a slot of its own that outlives the run */
	uint32_t slot;
	size_t size;
};

struct plan_builder {
	struct tn_engine *e;
	struct tn_error *err;
	const bool *donatable;
	struct tn_arena scratch;
	struct tn_cached_plan *out; /* in its own memory */
	struct tn_arena memory;     /* of `out` */
	uint32_t count;
	struct plan_value *values;
	uint32_t leaf_count;
	uint32_t group_count;
	struct plan_group *groups;   /* as many as values at most */
	uint32_t *reader;            /* for each value, then each leaf: the group that last read it whole, or TN_REF_NONE */
	uint32_t single_steps;       /* steps of their own so far */
	struct plan_storage *stores; /* of values, then of leaves */
};

static inline uint32_t plan_index(const struct plan_builder *b, uint32_t ref) {
	return tn_ref_is_leaf(ref) ? b->count + (ref & ~TN_REF_LEAF) : ref;
}
static inline const struct tn_shape *plan_shape(const struct plan_builder *b, uint32_t ref) {
	return tn_ref_is_leaf(ref) ? &b->e->leaves.items[ref & ~TN_REF_LEAF].tensor->shape : &b->values[ref].shape;
}
static inline enum tn_dtype plan_dtype(const struct plan_builder *b, uint32_t ref) {
	return tn_ref_is_leaf(ref) ? b->e->leaves.items[ref & ~TN_REF_LEAF].tensor->dtype : b->values[ref].dtype;
}
static inline uint32_t plan_root(const struct plan_builder *b, uint32_t ref) {
	return tn_ref_is_leaf(ref) ? ref : b->values[ref].root;
}
static inline bool plan_is_fused(const struct plan_value *v) {
	return v->kind == TN_KIND_ELEMENTWISE || v->kind == TN_KIND_CAST || v->kind == TN_KIND_REDUCE;
}
/* The value's elements as a view; slot is the root's reference until plan_memory.c has numbers. */
void plan_view_of(const struct plan_builder *b, uint32_t ref, struct tn_view *out);
/* The same, broadcast to a shape. */
void plan_view_broadcast(const struct plan_builder *b, uint32_t ref, const struct tn_shape *shape, struct tn_view *out);
/* The number that fills the value, as an index of plan.scalars, where it may stand for it in a fused program; else TN_REF_NONE.
 */
uint32_t plan_fill_of(const struct plan_builder *b, uint32_t ref);
/* A later step reads the value from memory: its root is stored, and its group takes nobody in any more. */
void plan_read(struct plan_builder *b, uint32_t ref);

/* plan_fuse.c */
void plan_fuse(struct plan_builder *b, uint32_t i);
/* Operand k of a fused value stands in the program as a number. */
bool plan_is_number(const struct plan_builder *b, const struct plan_value *v, uint32_t k);
/* A register of that group: no memory is read for it there. */
bool plan_in_register(const struct plan_builder *b, uint32_t ref, uint32_t group);

/* plan_emit.c: fills plan.steps; false: out of memory. */
TN_MUST_USE bool plan_emit(struct plan_builder *b);
/* plan_memory.c: slots, donors, outputs, arena. */
TN_MUST_USE bool plan_memory(struct plan_builder *b);
/* plan_check.c, for an assert: with this storage every step reads what it means, what is asked for is there at the end, and a donated buffer is
 * written only where nothing can fail any more. Before slots take the place of roots in the steps. */
bool plan_is_sound(struct plan_builder *b);

#endif
