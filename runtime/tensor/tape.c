/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients: the tape of open `grad` blocks, and the walk back over it.
 *
 * All open records share one tape; an entry's mask says to which of them it belongs (bit k: the record at depth k), and a tensor
 * with history knows its entry by number, which serves as its identity in the walk. Entries hold only the tensors that the op
 * table says the gradient reads. The walk records its nodes after its own record was closed, so they join the enclosing records
 * by the ordinary way: gradients of gradients need nothing more. Closing clears the record's bit in every tensor that still
 * lives. */
#include <assert.h>
#include <string.h>

#include "tensor/engine.h"

enum { MOST_DEPTH = 31, CUT_NODES = 512 };
#define NO_ENTRY UINT32_MAX

struct tn_tape_entry {
	uint32_t mask; /* open records that it belongs to; 0: empty */
	bool is_leaf;  /* of record `depth`; for the others it is the identity */
	int depth;
	struct tn_tensor *handle; /* the result, weakly; NULL: it died */
	uint64_t epoch;           /* flushes before it was recorded */
	enum tn_op op;
	int input_count, attr_count, scalar_count;
	uint32_t *sources;         /* each input's entry, or NO_ENTRY */
	struct tn_tensor **inputs; /* counted; NULL: not saved */
	struct tn_tensor *out;     /* counted; NULL: not saved */
	struct tn_shape *shapes, out_shape;
	enum tn_dtype *dtypes, out_dtype;
	bool *is_scalar;
	int64_t *attrs;
	struct tn_scalar *scalars;
	struct tn_remat *remat; /* counted: makes again what slots[k] (of input k; the last one: of the result) names */
	uint32_t *slots;
};

struct tn_grad {
	struct tn_engine *engine;
	struct tn_grad *outer;
	int depth;
	uint32_t begin; /* its first entry */
};

/* ---- the tape ---- */

/* An entry with room for that many inputs, not on the tape yet. */
static struct tn_tape_entry *entry_new(struct tn_engine *e, int inputs, int attrs, int scalars) {
	struct tn_arena *a = &e->tape_memory;
	struct tn_tape_entry *entry = TN_ARENA_NEW(a, struct tn_tape_entry);

	if (entry == NULL) {
		return NULL;
	}
	entry->input_count = inputs;
	entry->attr_count = attrs;
	entry->scalar_count = scalars;
	entry->sources = TN_ARENA_ARRAY(a, (size_t)inputs, uint32_t);
	entry->inputs = TN_ARENA_ARRAY(a, (size_t)inputs, struct tn_tensor *);
	entry->shapes = TN_ARENA_ARRAY(a, (size_t)inputs, struct tn_shape);
	entry->dtypes = TN_ARENA_ARRAY(a, (size_t)inputs, enum tn_dtype);
	entry->is_scalar = TN_ARENA_ARRAY(a, (size_t)inputs, bool);
	entry->attrs = TN_ARENA_ARRAY(a, (size_t)attrs, int64_t);
	entry->scalars = TN_ARENA_ARRAY(a, (size_t)scalars, struct tn_scalar);
	if (entry->sources == NULL || entry->inputs == NULL || entry->shapes == NULL || entry->dtypes == NULL ||
		entry->is_scalar == NULL || entry->attrs == NULL || entry->scalars == NULL) {
		return NULL;
	}
	return entry;
}

/* Puts it on the tape, with `out` as its result. */
static bool entry_push(
	struct tn_engine *e, struct tn_tape_entry *entry, struct tn_tensor *out, uint32_t mask, struct tn_error *err) {
	if (!TN_VEC_PUSH(&e->tape, entry)) {
		return tn_error_memory(err);
	}
	entry->mask = mask;
	entry->handle = out;
	entry->epoch = e->epoch;
	entry->out_shape = out->shape;
	entry->out_dtype = out->dtype;
	out->grad_mask = mask;
	out->tape = (uint32_t)e->tape.count - 1;
	return true;
}

static void set_input(struct tn_tape_entry *entry, int k, struct tn_tensor *t, uint32_t mask, bool save) {
	entry->is_scalar[k] = t == NULL;
	entry->sources[k] = NO_ENTRY;
	if (t == NULL) {
		return;
	}
	entry->shapes[k] = t->shape;
	entry->dtypes[k] = t->dtype;
	if ((t->grad_mask & mask) != 0) {
		assert(t->tape < t->engine->tape.count);
		entry->sources[k] = t->tape;
	}
	if (save) {
		entry->inputs[k] = tn_tensor_ref(t);
	}
}

static void entry_clear(struct tn_tape_entry *entry) {
	for (int k = 0; k < entry->input_count; k++) {
		tn_tensor_unref(entry->inputs[k]);
		entry->inputs[k] = NULL;
	}
	tn_tensor_unref(entry->out);
	entry->out = NULL;
	tn_remat_unref(entry->remat);
	entry->remat = NULL;
}

bool tn_tape_add(
	struct tn_engine *e, const struct tn_graph_node *node, struct tn_tensor *out, uint32_t mask, struct tn_error *err) {
	struct tn_tape_entry *entry = entry_new(e, node->input_count, node->attr_count, node->scalar_count);
	unsigned saves = tn_op_saves(node->op);

	if (entry == NULL) {
		return tn_error_memory(err);
	}
	if (!entry_push(e, entry, out, mask, err)) {
		return false;
	}
	entry->op = node->op;
	for (int k = 0; k < node->input_count; k++) {
		set_input(entry, k, node->inputs[k], mask, k < 3 && (saves >> k & 1) != 0);
	}
	if (node->attr_count > 0) {
		memcpy(entry->attrs, node->attrs, sizeof(*node->attrs) * (size_t)node->attr_count);
	}
	if (node->scalar_count > 0) {
		memcpy(entry->scalars, node->scalars, sizeof(*node->scalars) * (size_t)node->scalar_count);
	}
	if ((saves & TN_SAVES_O) != 0) {
		entry->out = tn_tensor_ref(out);
	}
	return true;
}

/* Gives one saved tensor up for the number of the node that makes it. */
static void give_up(struct tn_remat *r, struct tn_tensor **saved, uint32_t *slot) {
	*slot = tn_remat_find(r, *saved);
	if (*slot != TN_REMAT_NONE) {
		tn_remat_need(r, *slot);
		tn_tensor_unref(*saved);
		*saved = NULL;
	}
}

void tn_tape_remat(struct tn_engine *e, struct tn_remat *r, uint32_t begin) {
	for (size_t i = begin; i < e->tape.count; i++) {
		struct tn_tape_entry *entry = e->tape.items[i];
		uint32_t *slots = entry->mask == 0 ? NULL : TN_ARENA_ARRAY(&e->tape_memory, (size_t)entry->input_count + 1, uint32_t);

		if (slots == NULL || entry->remat != NULL) {
			continue; /* without memory for the numbers it keeps its tensors */
		}
		for (int k = 0; k < entry->input_count; k++) {
			give_up(r, &entry->inputs[k], &slots[k]);
		}
		give_up(r, &entry->out, &slots[entry->input_count]);
		entry->slots = slots;
		entry->remat = tn_remat_ref(r);
	}
}

void tn_tape_forget(struct tn_tensor *t) {
	struct tn_engine *e = t->engine;

	if (t->tape < e->tape.count && e->tape.items[t->tape]->handle == t) {
		e->tape.items[t->tape]->handle = NULL;
	}
}

/* ---- records ---- */

int tn_grad_depth(const struct tn_engine *e) {
	return e->grad_depth;
}

struct tn_grad *tn_grad_begin(struct tn_engine *e, struct tn_error *err) {
	struct tn_grad *grad;

	if (e->grad_depth == MOST_DEPTH) {
		tn_error_set(err, TN_ERR_RECURSION, "grad: at most %d blocks inside each other", MOST_DEPTH);
		return NULL;
	}
	grad = tn_calloc(1, sizeof(*grad));
	if (grad == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	grad->engine = e;
	grad->outer = e->grads;
	grad->depth = e->grad_depth++;
	grad->begin = (uint32_t)e->tape.count;
	e->grads = grad;
	return grad;
}

struct tn_tensor *tn_grad_leaf(struct tn_grad *grad, struct tn_tensor *t, struct tn_error *err) {
	struct tn_engine *e = grad->engine;
	uint32_t outer = t->grad_mask & ((UINT32_C(1) << grad->depth) - 1), mask = outer | UINT32_C(1) << grad->depth;
	struct tn_tensor *leaf = tn_graph_alias(e, t, err);
	struct tn_tape_entry *entry;

	if (leaf == NULL) {
		return NULL;
	}
	entry = entry_new(e, 1, 0, 0);
	if (entry == NULL) {
		tn_error_memory(err);
	}
	if (entry == NULL || !entry_push(e, entry, leaf, mask, err)) {
		tn_tensor_unref(leaf);
		return NULL;
	}
	entry->is_leaf = true;
	entry->depth = grad->depth;
	set_input(entry, 0, t, outer, false);
	return leaf;
}

struct tn_tensor *tn_stop_gradient(struct tn_engine *e, struct tn_tensor *t, struct tn_error *err) {
	return t->grad_mask == 0 ? tn_tensor_ref(t) : tn_graph_alias(e, t, err);
}

/* The record ends for everything recorded from now on; its entries are still there. */
static void close_record(struct tn_grad *grad) {
	struct tn_engine *e = grad->engine;

	assert(e->grads == grad);
	e->grads = grad->outer;
	e->grad_depth = grad->depth;
}

/* Takes the record's bit out of its entries and their living results; entries of no record give up what they hold. */
static void drop_record(struct tn_grad *grad) {
	struct tn_engine *e = grad->engine;
	uint32_t keep = ~(UINT32_C(1) << grad->depth);

	for (size_t i = grad->begin; i < e->tape.count; i++) {
		struct tn_tape_entry *entry = e->tape.items[i];

		assert((entry->mask & ~keep) == 0 || entry->mask < UINT32_C(2) << grad->depth); /* no inner record is open any more */
		entry->mask &= keep;
		if (entry->handle != NULL) {
			entry->handle->grad_mask &= keep;
		}
		if (entry->mask == 0) {
			entry->handle = NULL;
			entry_clear(entry); /* may free results of later entries, which then forget themselves */
		}
	}
	if (e->grad_depth == 0) {
		e->tape.count = 0;
		tn_arena_finish(&e->tape_memory);
	}
	tn_free(grad);
}

void tn_grad_abort(struct tn_grad *grad) {
	if (grad == NULL) {
		return;
	}
	while (grad->engine->grads != grad) { /* inner ones that an error left open */
		tn_grad_abort(grad->engine->grads);
	}
	close_record(grad);
	drop_record(grad);
}

/* ---- the walk back ---- */

/* Gradients found so far, one for each entry of the record. */
struct walk {
	struct tn_engine *engine;
	uint32_t begin, count, bit;
	struct tn_tensor **grads; /* counted */
	uint64_t epoch;
	struct tn_remat *remat; /* counted: the block that the walk is in, made again */
};

/* Adds a gradient (taken) to what the entry has. */
static bool accumulate(struct walk *w, uint32_t entry, struct tn_tensor *grad, struct tn_error *err) {
	struct tn_tensor **to = &w->grads[entry - w->begin], *sum;
	const struct tn_tape_entry *of = w->engine->tape.items[entry];

	assert(entry >= w->begin && entry - w->begin < w->count);
	assert(grad->dtype == of->out_dtype && tn_shape_equal(&grad->shape, &of->out_shape));
	(void)of;

	if (*to == NULL || TN_MUTATED(gradient_overwritten)) {
		tn_tensor_unref(*to);
		*to = grad;
		return true;
	}
	sum = tn_binary(w->engine, TN_OP_ADD, *to, grad, err);
	tn_tensor_unref(grad);
	if (sum == NULL) {
		return false;
	}
	tn_tensor_unref(*to);
	*to = sum;
	return true;
}

/* The block that `entry` belongs to is made again; one that the walk has left is given up. */
static bool enter_remat(struct walk *w, const struct tn_tape_entry *entry, struct tn_error *err) {
	if (w->remat == entry->remat) {
		return true;
	}
	if (w->remat != NULL) {
		tn_remat_release(w->remat);
		tn_remat_unref(w->remat);
	}
	w->remat = entry->remat == NULL ? NULL : tn_remat_ref(entry->remat);
	return w->remat == NULL || tn_remat_replay(w->remat, err);
}

static struct tn_tensor *saved(const struct tn_tape_entry *entry, struct tn_tensor *kept, int k) {
	bool again = entry->remat != NULL && entry->slots[k] != TN_REMAT_NONE;

	return again ? tn_remat_result(entry->remat, entry->slots[k]) : kept;
}

/* Whether input k's gradient is wanted: it depends on a leaf of this record. */
static bool is_wanted(const struct walk *w, const struct tn_tape_entry *entry, int k) {
	uint32_t source = entry->sources[k];

	return source != NO_ENTRY && source >= w->begin && (w->engine->tape.items[source]->mask & w->bit) != 0;
}

static bool step_back(struct walk *w, const struct tn_tape_entry *entry, struct tn_tensor *grad, struct tn_error *err) {
	bool needs[TN_MAX_OP_INPUTS], any = false, ok = true;
	struct tn_tensor *grads[TN_MAX_OP_INPUTS] = {0}, *inputs[TN_MAX_OP_INPUTS];
	struct tn_grad_call call = {
		.engine = w->engine,
		.op = entry->op,
		.input_count = entry->input_count,
		.inputs = inputs,
		.shapes = entry->shapes,
		.dtypes = entry->dtypes,
		.scalars = entry->scalars,
		.scalar_count = entry->scalar_count,
		.is_scalar = entry->is_scalar,
		.attrs = entry->attrs,
		.attr_count = entry->attr_count,
		.out_shape = entry->out_shape,
		.out_dtype = entry->out_dtype,
		.grad = grad,
		.needs = needs,
		.grads = grads,
	};

	for (int k = 0; k < entry->input_count; k++) {
		needs[k] = is_wanted(w, entry, k);
		any = any || needs[k];
	}
	if (!any) {
		return true;
	}
	if (!enter_remat(w, entry, err)) {
		return false;
	}
	for (int k = 0; k < entry->input_count; k++) {
		inputs[k] = saved(entry, entry->inputs[k], k);
	}
	call.out = saved(entry, entry->out, entry->input_count);
	if (!tn_op_gradient(entry->op)(&call, err)) {
		return false;
	}
	for (int k = 0; k < entry->input_count; k++) {
		if (grads[k] != NULL && ok && needs[k]) {
			ok = accumulate(w, entry->sources[k], grads[k], err);
		} else {
			tn_tensor_unref(grads[k]);
		}
	}
	return ok;
}

/* Where the forward was cut by a flush the backward is cut too, once enough has gathered, so that long loops have few plans. */
static bool cut_like_forward(struct walk *w, const struct tn_tape_entry *entry, struct tn_error *err) {
	bool crossed = entry->epoch != w->epoch;

	w->epoch = entry->epoch;
	return !crossed || tn_pending_nodes(w->engine) < CUT_NODES || tn_flush(w->engine, "backward", err);
}

static bool walk_back(struct walk *w, int depth, struct tn_error *err) {
	for (uint32_t i = w->count; i-- > 0;) {
		struct tn_tape_entry *entry = w->engine->tape.items[w->begin + i];
		struct tn_tensor *grad = w->grads[i];
		bool ok;

		if (grad == NULL || (entry->is_leaf && entry->depth == depth)) {
			continue; /* a leaf keeps its gradient for the caller */
		}
		w->grads[i] = NULL;
		if (entry->is_leaf) { /* of a record inside this one: the identity */
			ok = !is_wanted(w, entry, 0) || accumulate(w, entry->sources[0], tn_tensor_ref(grad), err);
		} else {
			ok = cut_like_forward(w, entry, err) && step_back(w, entry, grad, err);
		}
		tn_tensor_unref(grad);
		if (!ok) {
			return false;
		}
	}
	return true;
}

static bool check_value(const struct tn_tensor *value, struct tn_error *err) {
	char text[176];

	tn_describe(value->dtype, &value->shape, text);
	if (value->shape.ndim != 0) {
		tn_error_set(err, TN_ERR_SHAPE, "grad: the value of the block is one number (0-d), not %s", text);
		tn_error_hint(err, "end the block with .mean() or .sum() of it");
		return false;
	}
	if (!tn_dtype_is_float(value->dtype)) {
		tn_error_set(err, TN_ERR_TYPE, "grad: the value of the block is floating, not %s", text);
		tn_error_hint(err, "convert it, as in f32(x)");
		return false;
	}
	return true;
}

/* Puts 1 at the value and walks; the record is closed already. */
static bool run_walk(struct walk *w, struct tn_grad *grad, struct tn_tensor *value, struct tn_error *err) {
	struct tn_scalar one = {.is_float = true, .literal = true, .f = 1};

	if ((value->grad_mask & w->bit) == 0) {
		return true;
	}
	w->grads[value->tape - w->begin] = tn_full(w->engine, value->dtype, &TN_SHAPE_SCALAR, one, err);
	w->epoch = w->engine->epoch;
	return w->grads[value->tape - w->begin] != NULL && walk_back(w, grad->depth, err);
}

bool tn_grad_end(struct tn_grad *grad, struct tn_tensor *value, struct tn_tensor *const *leaves, int count,
	struct tn_tensor **grads, struct tn_error *err) {
	struct tn_engine *e = grad->engine;
	struct walk w = {
		.engine = e, .begin = grad->begin, .count = (uint32_t)e->tape.count - grad->begin, .bit = UINT32_C(1) << grad->depth};
	bool ok;

	for (int i = 0; i < count; i++) {
		grads[i] = NULL;
	}
	if (!check_value(value, err)) {
		tn_grad_abort(grad);
		return false;
	}
	w.grads = tn_calloc((size_t)w.count + 1, sizeof(struct tn_tensor *));
	close_record(grad);
	ok = w.grads != NULL ? run_walk(&w, grad, value, err) : tn_error_memory(err);
	for (int i = 0; ok && i < count; i++) {
		struct tn_tensor *found = (leaves[i]->grad_mask & w.bit) != 0 ? w.grads[leaves[i]->tape - w.begin] : NULL;

		grads[i] = found != NULL ? tn_tensor_ref(found) : NULL;
	}
	if (w.remat != NULL) {
		tn_remat_release(w.remat);
		tn_remat_unref(w.remat);
	}
	for (uint32_t i = 0; w.grads != NULL && i < w.count; i++) {
		tn_tensor_unref(w.grads[i]);
	}
	tn_free(w.grads);
	drop_record(grad);
	return ok;
}
