/* SPDX-License-Identifier: Apache-2.0 */
/* Private to graph.c engine.c tape.c cache.c plan*.c: the engine, its pending nodes, and the plans that it keeps.
 *
 * A recorded node is a run of 64-bit words in one stream; the stream is at once what the planner decodes and the first part of
 * the plan cache's key, so that recording is the only time a node is looked at when its plan is known:
 *
 *   head: op, dtype, ndim, inputs, attrs, scalars and their classes │ dims │ inputs, two to a word │ attrs │ scalars
 *
 * An input is the number of an earlier node, or TN_REF_LEAF + number of a leaf, or TN_REF_SCALAR: the next of the scalars. A
 * literal scalar's word holds its value, another's the number of its run-time slot: slots are told apart by origin. */
#ifndef TN_TENSOR_ENGINE_H
#define TN_TENSOR_ENGINE_H

#include "tensor/graph.h"

#define TN_REF_LEAF UINT32_C(0x80000000)
#define TN_REF_SCALAR UINT32_MAX
#define TN_REF_NONE UINT32_C(0x7fffffff)
static inline bool tn_ref_is_leaf(uint32_t ref) {
	return (ref & TN_REF_LEAF) != 0 && ref != TN_REF_SCALAR;
}

struct tn_pending {
	struct tn_tensor *tensor; /* weak; NULL: nobody can ask for its contents */
	struct tn_origin origin;
	uint32_t word; /* where it begins in the stream */
};

/* The line of the user's own. */
static inline uint64_t tn_pending_user_site(const struct tn_pending *node) {
	return node->origin.outer != TN_SITE_NONE ? node->origin.outer : node->origin.site;
}

/* A materialised tensor that pending nodes read. Handles of the same elements are one leaf. */
struct tn_leaf {
	struct tn_tensor *tensor; /* counted */
	uint32_t next;            /* the next older leaf on the same buffer, or TN_REF_NONE */
};

/* What failed, for every tensor that it left without contents. */
struct tn_failure {
	int refs;
	struct tn_error err;
};

/* One live output of a plan. */
struct tn_plan_output {
	uint32_t node, slot; /* slot: a leaf's or a result's */
	int64_t offset, stride[TN_MAX_NDIM];
};

/* A plan with what a run needs besides; made by tn_plan_build, kept by the cache. */
struct tn_cached_plan {
	struct tn_plan plan;
	struct tn_arena memory; /* of everything below and in `plan` */
	void *exec;             /* the backend's; NULL when there is no step */
	uint32_t result_count;
	uint32_t *donor; /* result_count: the leaf whose buffer the result takes, or TN_REF_NONE */
	uint32_t output_count;
	struct tn_plan_output *outputs;
	uint32_t commit_step; /* donated buffers are written from this step on */
	size_t size;          /* bytes that it takes, for the cache's bound */
	/* the cache's own */
	uint64_t hash;
	uint64_t *key;
	size_t key_words, stream_words; /* of them, those of the recording */
	struct tn_cached_plan *bucket_next, *newer, *older;
};

struct tn_plan_cache {
	struct tn_cached_plan **buckets;
	size_t bucket_count, count, size;
	struct tn_cached_plan *newest, *oldest;
	uint64_t gone[64]; /* hashes of the plans dropped last, a ring */
	uint32_t gone_count;
};

/* flush_line.c: a line of %plan with what it takes to go on with it. */
enum { TN_MOST_FLUSH_LINES = 24 };
struct tn_flush_row {
	struct tn_flush_line seen;
	uint64_t site, used;          /* the last site that led here; when, in epochs */
	struct tn_cached_plan *plan;  /* of the last flush here, while the cache keeps it */
	uint64_t cell, cell_flushes, cell_misses; /* since that cell began */
	bool warned;                  /* in that cell */
	const char *hint;             /* against what differed last; NULL: nothing to be said */
};

struct tn_slab;
struct tn_tape_entry;
struct tn_grad;

struct tn_engine {
	struct tn_backend *backend;
	struct tn_engine_hooks hooks;
	struct tn_flush_listener *listeners;
	const volatile int *interrupt;
	bool eager, flushing;
	struct tn_modes modes;
	struct tn_random_state random;
	uint64_t site;

	/* handles */
	struct tn_slab *slabs;
	struct tn_tensor *free_tensor; /* linked through `failure` */

	/* the recording */
	uint64_t stamp; /* its number */
	uint64_t hash;  /* of words */
	double flops;
	TN_VEC(struct tn_pending) nodes;
	TN_VEC(uint64_t) words;
	TN_VEC(struct tn_scalar) scalars; /* run-time slots */
	TN_VEC(struct tn_leaf) leaves;
	uint8_t accepts[TN_OP_COUNT][TN_DTYPE_COUNT][TN_DTYPE_COUNT]; /* 0: not asked yet, 1: no, 2: yes */

	/* plans and runs */
	struct tn_plan_cache cache;
	struct tn_cached_plan *last_plan; /* of the last flush, while the cache keeps it */
	TN_VEC(uint64_t) key;               /* scratch: live outputs and leaf descriptors */
	TN_VEC(void *) slots;               /* scratch */
	TN_VEC(struct tn_buffer *) results; /* scratch */
	struct tn_failure *spare_failure;   /* for the next flush */
	const struct tn_cached_plan *volatile running; /* and how far it is: for the last words of a dying process */
	const struct tn_run *volatile run;
	uint64_t epoch;                     /* flushes so far, for tape.c */
	uint64_t cell;                      /* cells so far, for flush_line.c */
	struct tn_flush_row *lines;         /* TN_MOST_FLUSH_LINES of them, made at the first flush */
	struct tn_flush_row *line, *last_line; /* that of the flush that is on, or NULL; of the flush before */
	struct tn_engine_stats stats;

	/* tape.c */
	TN_VEC(struct tn_tape_entry *) tape;
	struct tn_arena tape_memory;
	bool again;            /* what is recorded now is made again by remat: no value of before may stand for it */
	struct tn_remat *remat; /* the outermost open remat block, inside a record */
	struct tn_grad *grads; /* innermost open record */
	int grad_depth;
};

/* graph.c */
TN_MUST_USE struct tn_tensor *tn_tensor_new(struct tn_engine *e, struct tn_error *err);
void tn_graph_clear(struct tn_engine *e);  /* forgets the recording; the pending tensors have been decided before */
void tn_graph_finish(struct tn_engine *e); /* with the engine */
/* A new handle of t's value without history. */
TN_MUST_USE struct tn_tensor *tn_graph_alias(struct tn_engine *e, struct tn_tensor *t, struct tn_error *err);
/* A PENDING tensor gets its contents (takes the buffer's reference) or its failure. */
void tn_tensor_settle(struct tn_tensor *t, struct tn_buffer *b, int64_t offset, const int64_t *stride);
void tn_tensor_fail(struct tn_tensor *t, struct tn_failure *failure);
void tn_failure_unref(struct tn_failure *failure);

/* cache.c: the plan of the recording (hash and words in the engine, the rest in `tail`), or NULL. */
struct tn_cached_plan *tn_cache_find(struct tn_plan_cache *cache, const struct tn_engine *e, uint64_t hash);
/* Takes the plan; false: out of memory, the plan is the caller's still. Drops the oldest ones beyond the bound. */
TN_MUST_USE bool tn_cache_add(struct tn_engine *e, struct tn_cached_plan *plan, uint64_t hash);
bool tn_cache_had(const struct tn_plan_cache *cache, uint64_t hash); /* a plan of that hash was dropped lately */
void tn_cache_clear(struct tn_engine *e);
void tn_cached_plan_destroy(struct tn_engine *e, struct tn_cached_plan *plan);

/* plan.c: plans what is pending; leaf descriptors come from e->leaves, `donatable` has one flag a leaf. */
TN_MUST_USE struct tn_cached_plan *tn_plan_build(struct tn_engine *e, const bool *donatable, struct tn_error *err);
/* flush_line.c: around a flush, and where its plan is made anew (before the plan joins the cache). */
void tn_flush_line_begin(struct tn_engine *e, const char *cause);
void tn_flush_line_miss(struct tn_engine *e, uint64_t hash);
void tn_flush_line_end(struct tn_engine *e, bool ok, const struct tn_engine_stats *before);
void tn_flush_line_forget(struct tn_engine *e, const struct tn_cached_plan *plan); /* it leaves the cache */

/* plan_differ.c: what the recording (words and e->key) has that the plan's key has not, in words; *node: where it shows. */
struct tn_plan_difference {
	char text[440];
	const char *hint;
	uint32_t node;
};
void tn_plan_differ(const struct tn_engine *e, const struct tn_cached_plan *before, struct tn_plan_difference *out);

/* plan_describe.c: one line a step. */
TN_MUST_USE bool tn_plan_describe(const struct tn_cached_plan *plan, struct tn_str *out);

/* tape.c: appends to the open records what the node, just recorded as `out`, says. */
TN_MUST_USE bool tn_tape_add(
	struct tn_engine *e, const struct tn_graph_node *node, struct tn_tensor *out, uint32_t mask, struct tn_error *err);
/* At the end of a remat block: entries from `begin` on give up the tensors that it can make again. */
void tn_tape_remat(struct tn_engine *e, struct tn_remat *r, uint32_t begin);
void tn_tape_forget(struct tn_tensor *t); /* a tensor with history dies */

/* remat.c: a node was recorded inside the open block. */
#define TN_REMAT_NONE UINT32_MAX
void tn_remat_note(struct tn_remat *r, const struct tn_graph_node *node, struct tn_tensor *out);
/* For the tape: the node that made a tensor, or TN_REMAT_NONE; an entry needs it. */
uint32_t tn_remat_find(const struct tn_remat *r, const struct tn_tensor *t);
void tn_remat_need(struct tn_remat *r, uint32_t node);
struct tn_remat *tn_remat_ref(struct tn_remat *r);
void tn_remat_unref(struct tn_remat *r);
/* Records what is needed once more, where that has not been done since the last release; then the results are there (borrowed). */
TN_MUST_USE bool tn_remat_replay(struct tn_remat *r, struct tn_error *err);
struct tn_tensor *tn_remat_result(const struct tn_remat *r, uint32_t node);
void tn_remat_release(struct tn_remat *r);

/* plan_view.c: strides of a view op's result over a value with the given strides (result: `shape`). False: a reshape that
 * strides cannot express. */
bool tn_view_apply(enum tn_op op, const struct tn_shape *in, const int64_t *in_stride, const int64_t *attrs,
	const struct tn_shape *shape, int64_t *stride, int64_t *offset);
/* Some element is at several places: an axis of stride 0. */
bool tn_strides_repeat(const struct tn_shape *shape, const int64_t *stride);
/* The axes lie in the order of row-major, perhaps with gaps or backwards, and repeat nothing. */
bool tn_strides_in_order(const struct tn_shape *shape, const int64_t *stride);
/* Dense: a permutation of row-major without gaps. */
bool tn_strides_are_dense(const struct tn_shape *shape, const int64_t *stride);
/* Row-major strides of `shape` with its axes in the memory order of `like`. */
void tn_strides_like(const struct tn_shape *shape, const int64_t *like, int64_t *stride);

#endif
