/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors, lazy graph and gradients: what the language and everything above it uses (ARCHITECTURE.md section 3).
 *
 * A tensor is an immutable value behind a reference count. An op records a node: the result's dtype and shape are known at
 * once (so errors in them are immediate), its contents when a flush runs the pending nodes as one plan. All functions
 * here belong to the executing thread unless they say otherwise. A function that returns a tensor gives the caller a new
 * reference; tensor arguments are borrowed. */
#ifndef TN_TENSOR_TENSOR_H
#define TN_TENSOR_TENSOR_H

#include "tensor/ops.h"

struct tn_tensor;  /* opaque; counted */
struct tn_buffer;  /* storage of one tensor or of several views; counted atomically */
struct tn_engine;  /* graph, plan cache, random state, modes, backend of one session */
struct tn_backend; /* tensor/backend.h */

/* ---- the engine ---- */

/* Where a node was recorded, in terms of the session above: `site` as tn_engine_set_site was told, and for a site with the bit
 * TN_SITE_INNER, which says that it is in code that is not the user's, `outer`, what hooks.here said then; else TN_SITE_NONE. */
struct tn_origin { uint64_t site, outer; };
#define TN_SITE_NONE UINT64_MAX
#define TN_SITE_INNER (UINT64_C(1) << 63)

/* What the session above is asked around a flush. Any may be NULL. */
struct tn_engine_hooks {
	void *data;
	/* Before a plan is bound: references held only for undoing are given up for the count, so that they do not stand against
	 * donation (tn_tensor_undo_hold / release). */
	void (*before_flush)(void *data);
	/* After it: ok = it committed, else its results have failed and `err` says why. Always called once for each before_flush. */
	void (*after_flush)(void *data, bool ok, const struct tn_error *err);
	/* Fills the place and trace of an error in the node that was recorded there. */
	void (*locate)(void *data, struct tn_origin origin, struct tn_error *err);
	/* The place in the user's own program that is running, as a site without TN_SITE_INNER; TN_SITE_NONE: none is. */
	uint64_t (*here)(void *data);
	/* A warning for the user at the place that is running (one line, and what can be done about it). */
	void (*warn)(void *data, const char *text, const char *hint);
};

struct tn_engine_params {
	struct tn_backend *backend;      /* taken; destroyed with the engine */
	struct tn_engine_hooks hooks;
	const volatile int *interrupt;   /* non-zero: stop soon with Interrupted; may be NULL */
	bool eager;                      /* the reference mode: node by node, unfused, no donation (TENON_EAGER=1) */
};

/* NULL: out of memory; the backend is destroyed then too. */
TN_MUST_USE struct tn_engine *tn_engine_create(const struct tn_engine_params *params, struct tn_error *err);
void tn_engine_destroy(struct tn_engine *engine); /* every tensor of it must be gone */
bool tn_engine_interrupted(const struct tn_engine *engine, struct tn_error *err); /* true: err is set to Interrupted */

/* Where nodes recorded from now on come from (opaque to the engine; see hooks.locate). Cheap: one store. */
void tn_engine_set_site(struct tn_engine *engine, uint64_t site);

/* Runs everything pending as one plan, and waits. After a failure every pending tensor is failed: reading it repeats the error.
 * A no-op when nothing is pending. `cause` is for %plan: "print", "end of cell", "back edge" … (a literal). */
TN_MUST_USE bool tn_flush(struct tn_engine *engine, const char *cause, struct tn_error *err);
/* Who is told after each flush, behind the hooks, whether it committed or failed: what was kept to be read once it is there can be read
 * now. The listener's memory is the caller's, until it is taken out again. */
struct tn_flush_listener {
	void *data;
	void (*flushed)(void *data);
	struct tn_flush_listener *next;
};
void tn_engine_listen(struct tn_engine *engine, struct tn_flush_listener *listener);
void tn_engine_unlisten(struct tn_engine *engine, struct tn_flush_listener *listener); /* accepts one that does not listen */

/* What the plan that runs at this moment is at, and where in the user's program that was recorded; NULL: none runs. For a signal handler on the executing thread's
 * stack or another: reads memory only, and means something when the process cannot go on. */
const char *tn_engine_running(const struct tn_engine *engine, uint64_t *site);
/* Pending work since the last flush, for the back-edge rule: nodes, and estimated floating-point operations. */
uint32_t tn_pending_nodes(const struct tn_engine *engine);
double tn_pending_flops(const struct tn_engine *engine);

struct tn_engine_stats {
	uint64_t flushes, plan_hits, plan_misses, nodes_recorded, nodes_run, steps_run;
	int64_t compile_ns, bind_ns, run_ns;
	size_t memory_used, memory_cached, memory_peak, memory_budget; /* bytes, of the backend's allocator */
};
void tn_engine_get_stats(const struct tn_engine *engine, struct tn_engine_stats *out);

/* One line of a program at which pending work was done, for one cause: what %plan shows. Sums, but for what the last flush had. */
struct tn_flush_line {
	char where[64];          /* "cell 7", "file.tn"; empty: not known */
	uint32_t line;
	const char *cause;       /* as tn_flush got it */
	uint64_t flushes, misses; /* misses: planned anew */
	int64_t plan_ns, run_ns;
	uint32_t nodes, steps;   /* of the last flush, with the memory of its results and of what lay between */
	size_t bytes;
	char differed[528];      /* what the last miss had that the plan before it had not; empty: there was only one */
};
/* The lines of which most was heard lately, the latest last; a bounded number of them. */
TN_MUST_USE bool tn_engine_each_flush_line(const struct tn_engine *engine, bool (*visit)(void *data, const struct tn_flush_line *line), void *data);
/* A cell has ended: the misses that a warning counts are those of one cell, and sites may be given anew to other code. */
void tn_engine_end_cell(struct tn_engine *engine);
/* One line per cached plan step of the last flush, for %plan and for tests. */
TN_MUST_USE bool tn_engine_describe_last_plan(const struct tn_engine *engine, struct tn_str *out);
/* Gives cached plans and free memory back. */
void tn_engine_trim(struct tn_engine *engine);
/* Nothing is to be done for a while: gives free memory back, and keeps the plans. */
void tn_engine_rest(struct tn_engine *engine);

/* ---- modes: what the block words of the language set ---- */

enum tn_train_mode { TN_TRAIN_UNSET, TN_TRAIN_ON, TN_TRAIN_OFF };
struct tn_modes {
	enum tn_train_mode train; /* by train (…) { }; unset: decided by `grad` */
	bool grad_trains;         /* inside a grad block that turns training on */
	bool autocast;
	enum tn_dtype autocast_dtype;
};
struct tn_modes *tn_engine_modes(struct tn_engine *engine); /* read and set; the caller restores */
bool tn_training(const struct tn_engine *engine);

/* The random stream: a seed and a counter; a draw of random numbers takes one counter at record time. */
struct tn_random_state { uint64_t seed, counter; };
struct tn_random_state tn_random_get(const struct tn_engine *engine);
void tn_random_set(struct tn_engine *engine, struct tn_random_state state);
/* Takes the next counter. */
struct tn_random_state tn_random_next(struct tn_engine *engine);
/* Philox 4x32-10 (Salmon et al., SC 2011): block `index` of the stream (seed, counter). Any thread. */
void tn_philox(struct tn_random_state state, uint64_t index, uint32_t out[4]);
/* order[0..n) becomes the permutation that RAND_PERM gives for that state. Any thread. */
void tn_random_permutation(struct tn_random_state state, int64_t n, int64_t *order);

/* ---- tensors ---- */

struct tn_tensor *tn_tensor_ref(struct tn_tensor *t);
void tn_tensor_unref(struct tn_tensor *t); /* accepts NULL */
bool tn_tensor_is_shared(const struct tn_tensor *t); /* more than one reference */
/* A reference that exists only for undoing: not counted for sharing and donation while a flush is on. hold turns a counted
 * reference into such a one (the count goes down without freeing), release turns it back. */
void tn_tensor_undo_hold(struct tn_tensor *t);
void tn_tensor_undo_release(struct tn_tensor *t);

enum tn_dtype tn_tensor_dtype(const struct tn_tensor *t);
const struct tn_shape *tn_tensor_shape(const struct tn_tensor *t);
const char *tn_tensor_device(const struct tn_tensor *t); /* "cpu", "cuda:0" */
bool tn_tensor_is_pending(const struct tn_tensor *t);

/* Copies `data` (row-major, host) in. */
TN_MUST_USE struct tn_tensor *tn_tensor_from_data(struct tn_engine *e, enum tn_dtype dtype, const struct tn_shape *shape, const void *data, struct tn_error *err);
/* A 0-d tensor. */
TN_MUST_USE struct tn_tensor *tn_tensor_from_f64(struct tn_engine *e, enum tn_dtype dtype, double value, struct tn_error *err);
TN_MUST_USE struct tn_tensor *tn_tensor_from_i64(struct tn_engine *e, enum tn_dtype dtype, int64_t value, struct tn_error *err);

/* Storage for loaders: host-visible memory of the CPU backend. tn_host_create may be called on any thread (err too); fill
 * tn_host_data, then wrap it on the executing thread. tn_host_destroy for one that was not wrapped; accepts NULL. */
struct tn_host; /* a host buffer in the making */
TN_MUST_USE struct tn_host *tn_host_create(struct tn_engine *e, enum tn_dtype dtype, const struct tn_shape *shape, struct tn_error *err);
void *tn_host_data(struct tn_host *host); /* row-major, 64-byte aligned */
void tn_host_destroy(struct tn_host *host);
TN_MUST_USE struct tn_tensor *tn_tensor_take_host(struct tn_engine *e, struct tn_host *host, struct tn_error *err); /* takes `host` always */

/* Contents. Each flushes when the tensor is pending. tn_tensor_read copies all elements, row-major, into `out` of `size` bytes
 * (count * element size). tn_tensor_data gives a row-major pointer valid while the caller holds the tensor, for tensors on
 * the CPU (a copy is made inside where the strides need one: *holder is then a reference the caller drops; else NULL). */
TN_MUST_USE bool tn_tensor_read(struct tn_tensor *t, void *out, size_t size, struct tn_error *err);
TN_MUST_USE bool tn_tensor_data(struct tn_tensor *t, const void **data, struct tn_tensor **holder, struct tn_error *err);
/* The only element of a tensor of one element, as a number. */
TN_MUST_USE bool tn_tensor_item_f64(struct tn_tensor *t, double *out, struct tn_error *err);
TN_MUST_USE bool tn_tensor_item_i64(struct tn_tensor *t, int64_t *out, struct tn_error *err);
/* As PyTorch prints: nested brackets, at most 1,000 elements before "...", then shape and dtype; a 0-d one as its number. */
TN_MUST_USE bool tn_tensor_format(struct tn_tensor *t, struct tn_str *out, struct tn_error *err);
/* The elements one by one, row by row, in the columns' common style but not padded: what a table of them shows. False also when
 * `visit` gives false (err is then its own to set). */
TN_MUST_USE bool tn_tensor_format_each(struct tn_tensor *t, bool (*visit)(void *data, const char *text), void *data, struct tn_error *err);

/* ---- ops ---- */

/* An operand: a tensor, or a number that meets a tensor (LANGUAGE.md section 3: it takes the tensor's dtype, an integer tensor with
 * a float becomes f32, bool8 with an int i64; one that the dtype cannot hold is an error). */
struct tn_arg {
	struct tn_tensor *tensor; /* NULL: the number in `scalar` */
	struct tn_scalar scalar;
	bool is_bool;             /* a bool number */
};
static inline struct tn_arg tn_arg_tensor(struct tn_tensor *t) { return (struct tn_arg){.tensor = t}; }
static inline struct tn_arg tn_arg_f64(double x, bool literal) {
	return (struct tn_arg){.scalar = {.is_float = true, .literal = literal, .f = x}};
}
static inline struct tn_arg tn_arg_i64(int64_t x, bool literal) {
	return (struct tn_arg){.scalar = {.is_float = false, .literal = literal, .i = x}};
}

/* Elementwise ops of one to three operands (not CAST), with promotion and broadcast: at least one operand is a tensor. */
TN_MUST_USE struct tn_tensor *tn_elementwise(struct tn_engine *e, enum tn_op op, const struct tn_arg *args, int count, struct tn_error *err);
TN_MUST_USE struct tn_tensor *tn_unary(struct tn_engine *e, enum tn_op op, struct tn_tensor *x, struct tn_error *err);
TN_MUST_USE struct tn_tensor *tn_binary(struct tn_engine *e, enum tn_op op, struct tn_tensor *a, struct tn_tensor *b, struct tn_error *err);
TN_MUST_USE struct tn_tensor *tn_cast(struct tn_engine *e, struct tn_tensor *x, enum tn_dtype dtype, struct tn_error *err); /* same dtype: x again */

/* Any other op of the table by its raw attributes (see ops.def), checked by its rule; `dtype` matters to makers only. */
struct tn_op_params {
	struct tn_tensor *const *inputs;
	int input_count;
	const int64_t *attrs;
	int attr_count;
	const struct tn_scalar *scalars;
	int scalar_count;
	enum tn_dtype dtype;
};
TN_MUST_USE struct tn_tensor *tn_apply(struct tn_engine *e, enum tn_op op, const struct tn_op_params *params, struct tn_error *err);

/* Reductions (SUM PROD MAX MIN ANY ALL). axes: `count` axis numbers, negative from the end; count 0 = all. */
TN_MUST_USE struct tn_tensor *tn_reduce(struct tn_engine *e, enum tn_op op, struct tn_tensor *x, const int64_t *axes, int count, bool keepdim, struct tn_error *err);
/* Moments (variances, norms) are computed in a dtype whose range their squares cannot leave: f32 for 16-bit floats, f64 for all else; and
 * come back in the tensor's own, integers' in f32. tn_narrowed takes `wide`, which may be NULL. */
TN_MUST_USE struct tn_tensor *tn_widened(struct tn_engine *e, struct tn_tensor *x, struct tn_error *err);
TN_MUST_USE struct tn_tensor *tn_narrowed(struct tn_engine *e, struct tn_tensor *wide, enum tn_dtype dtype, struct tn_error *err);
/* integers give f32 */
TN_MUST_USE struct tn_tensor *tn_mean(struct tn_engine *e, struct tn_tensor *x, const int64_t *axes, int count, bool keepdim, struct tn_error *err);
/* Square root of a sum of squares, whose slope at 0 is taken as 0, as PyTorch takes it: that of a norm, of a standard deviation. The root alone
 * has slope inf there, and inf * 0 would be NaN. */
TN_MUST_USE struct tn_tensor *tn_root(struct tn_engine *e, struct tn_tensor *sum, struct tn_error *err);
/* ARGMAX ARGMIN SOFTMAX LOG_SOFTMAX CUMSUM CUMPROD ARGSORT along one axis. flag: keepdim / descending. */
TN_MUST_USE struct tn_tensor *tn_along(struct tn_engine *e, enum tn_op op, struct tn_tensor *x, int64_t axis, bool flag, struct tn_error *err);
/* argmax and argmin over all elements: flat index. */
TN_MUST_USE struct tn_tensor *tn_arg_all(struct tn_engine *e, enum tn_op op, struct tn_tensor *x, struct tn_error *err);
/* The @ operator: vectors as NumPy has them, batches broadcast, autocast obeyed. */
TN_MUST_USE struct tn_tensor *tn_matmul(struct tn_engine *e, struct tn_tensor *a, struct tn_tensor *b, struct tn_error *err);
struct tn_conv2d_params { int64_t stride[2], padding[2], dilation[2], groups; };
/* `bias` may be NULL: [O] otherwise. */
TN_MUST_USE struct tn_tensor *tn_conv2d(struct tn_engine *e, struct tn_tensor *x, struct tn_tensor *w, struct tn_tensor *bias, const struct tn_conv2d_params *params, struct tn_error *err);
struct tn_pool2d_params { int64_t kernel[2], stride[2], padding[2]; bool count_padding; };
TN_MUST_USE struct tn_tensor *tn_pool2d(struct tn_engine *e, enum tn_op op, struct tn_tensor *x, const struct tn_pool2d_params *params, struct tn_error *err);

/* Shape. One dim may be -1 in reshape (and in expand: keep). */
TN_MUST_USE struct tn_tensor *tn_reshape(struct tn_engine *e, struct tn_tensor *x, const int64_t *dims, int ndim, struct tn_error *err);
TN_MUST_USE struct tn_tensor *tn_expand(struct tn_engine *e, struct tn_tensor *x, const int64_t *dims, int ndim, struct tn_error *err);
TN_MUST_USE struct tn_tensor *tn_permute(struct tn_engine *e, struct tn_tensor *x, const int64_t *axes, int ndim, struct tn_error *err);
TN_MUST_USE struct tn_tensor *tn_transpose(struct tn_engine *e, struct tn_tensor *x, int64_t axis0, int64_t axis1, struct tn_error *err);
TN_MUST_USE struct tn_tensor *tn_squeeze(struct tn_engine *e, struct tn_tensor *x, const int64_t *axes, int count, struct tn_error *err); /* 0: all of size 1 */
TN_MUST_USE struct tn_tensor *tn_unsqueeze(struct tn_engine *e, struct tn_tensor *x, int64_t axis, struct tn_error *err);
TN_MUST_USE struct tn_tensor *tn_contiguous(struct tn_engine *e, struct tn_tensor *x, struct tn_error *err);
TN_MUST_USE struct tn_tensor *tn_cat(struct tn_engine *e, struct tn_tensor *const *xs, int count, int64_t axis, struct tn_error *err);
TN_MUST_USE struct tn_tensor *tn_stack(struct tn_engine *e, struct tn_tensor *const *xs, int count, int64_t axis, struct tn_error *err);
/* before and after: ndim numbers each, not negative. */
TN_MUST_USE struct tn_tensor *tn_pad(struct tn_engine *e, struct tn_tensor *x, const int64_t *before, const int64_t *after, struct tn_scalar value, struct tn_error *err);
TN_MUST_USE struct tn_tensor *tn_flip(struct tn_engine *e, struct tn_tensor *x, const int64_t *axes, int count, struct tn_error *err);

/* Indexing, x[…]: LANGUAGE.md section 4. Missing slice ends have has_… false. `tensor` by an integer tensor (gather) or a bool8 one
 * (mask: shape depends on data, so it flushes). */
enum tn_index_kind { TN_INDEX_INT, TN_INDEX_SLICE, TN_INDEX_NEW_AXIS, TN_INDEX_ELLIPSIS, TN_INDEX_TENSOR };
struct tn_index {
	enum tn_index_kind kind;
	bool literal; /* the numbers stand in the source */
	bool has_start, has_stop, has_step;
	int64_t start, stop, step; /* INT: start */
	struct tn_tensor *tensor;
};
TN_MUST_USE struct tn_tensor *tn_index_get(struct tn_engine *e, struct tn_tensor *x, const struct tn_index *items, int count, struct tn_error *err);
/* x with the indexed part replaced by value (broadcast to it, cast to x's dtype). Takes x's reference in *x and gives the new one
 * there (so that an unshared, materialised x is written in place); on failure *x is as it was. */
TN_MUST_USE bool tn_index_set(struct tn_engine *e, struct tn_tensor **x, const struct tn_index *items, int count, struct tn_arg value, struct tn_error *err);
/* GATHER or TAKE_ALONG by such indices. */
TN_MUST_USE struct tn_tensor *tn_take_checked(struct tn_engine *e, enum tn_op op, struct tn_tensor *x, struct tn_tensor *index, int64_t axis, enum tn_indices what, struct tn_error *err);
TN_MUST_USE struct tn_tensor *tn_gather(struct tn_engine *e, struct tn_tensor *x, struct tn_tensor *index, int64_t axis, struct tn_error *err);
TN_MUST_USE struct tn_tensor *tn_take_along(struct tn_engine *e, struct tn_tensor *x, struct tn_tensor *index, int64_t axis, struct tn_error *err);
/* op: INDEX_ADD INDEX_SET SCATTER_ADD SCATTER_SET */
TN_MUST_USE struct tn_tensor *tn_scatter(struct tn_engine *e, enum tn_op op, struct tn_tensor *x, struct tn_tensor *index, struct tn_tensor *value, int64_t axis, struct tn_error *err);
/* Indices of the elements that are not 0: i64 [count, ndim]. Flushes. */
TN_MUST_USE struct tn_tensor *tn_nonzero(struct tn_engine *e, struct tn_tensor *x, struct tn_error *err);
/* Same dtype, shape and elements (NaN differs). Flushes. */
TN_MUST_USE bool tn_tensor_equal(struct tn_engine *e, struct tn_tensor *a, struct tn_tensor *b, bool *equal, struct tn_error *err);

/* Makers. */
TN_MUST_USE struct tn_tensor *tn_full(struct tn_engine *e, enum tn_dtype dtype, const struct tn_shape *shape, struct tn_scalar value, struct tn_error *err);
TN_MUST_USE struct tn_tensor *tn_arange(struct tn_engine *e, enum tn_dtype dtype, struct tn_scalar start, struct tn_scalar stop, struct tn_scalar step, struct tn_error *err);
/* RAND RANDN RAND_INT RAND_BERNOULLI RAND_PERM; takes a counter. low, high: RAND_INT; p: BERNOULLI. */
struct tn_random_params { enum tn_dtype dtype; struct tn_shape shape; int64_t low, high; double p; };
TN_MUST_USE struct tn_tensor *tn_random(struct tn_engine *e, enum tn_op op, const struct tn_random_params *params, struct tn_error *err);

/* ---- gradients: LANGUAGE.md section 7 ---- */

struct tn_grad; /* one open `grad` block; blocks nest */

TN_MUST_USE struct tn_grad *tn_grad_begin(struct tn_engine *e, struct tn_error *err);
/* A fresh leaf with t's value: ops on it are recorded; t itself stays a constant. */
TN_MUST_USE struct tn_tensor *tn_grad_leaf(struct tn_grad *grad, struct tn_tensor *t, struct tn_error *err);
/* Ends the block: gradients of `value` (0-d, floating) with respect to each leaf, in grads[0..count): new references; a leaf that is
 * not reached gets NULL. Backward nodes join the same graph (and enclosing records). The record is gone afterwards,
 * also on failure. Tensors of the block lose their history. */
TN_MUST_USE bool tn_grad_end(struct tn_grad *grad, struct tn_tensor *value, struct tn_tensor *const *leaves, int count, struct tn_tensor **grads, struct tn_error *err);
/* Ends the block without gradients (an error or interrupt left it). Accepts NULL. */
void tn_grad_abort(struct tn_grad *grad);
/* t's value without history, in all open records (the same tensor when it has none). */
TN_MUST_USE struct tn_tensor *tn_stop_gradient(struct tn_engine *e, struct tn_tensor *t, struct tn_error *err);
int tn_grad_depth(const struct tn_engine *e); /* open records */

/* remat { … }: between begin and end, what the gradient needs of the block is not kept but computed again when the walk back reaches
 * it, with the same random numbers. Outside `grad` nothing changes. A block that an error leaves is aborted (accepts NULL). */
struct tn_remat;
TN_MUST_USE struct tn_remat *tn_remat_begin(struct tn_engine *e, struct tn_error *err);
void tn_remat_end(struct tn_remat *remat);
void tn_remat_abort(struct tn_remat *remat);

#endif
