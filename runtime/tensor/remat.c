/* SPDX-License-Identifier: Apache-2.0 */
/* remat { … }: what a block computes is not kept for the gradient but computed again when the walk back reaches it.
 *
 * While the block is open every node that is recorded is noted here too. At its end each tensor that a tape entry of the block holds
 * and that the block made is given up for the number of its node; what came from outside stays held. The first entry that the
 * walk reaches has the needed nodes recorded once more, with their attributes and scalars, so that random draws have the same
 * counters. They are marked, so that the
 * planner does not take them for the first ones, and its schedule is the order of recording: between forward and backward the
 * intermediates take no memory. The new nodes join enclosing records by the ordinary way.
 *
 * A block inside another one belongs to that. */
#include <stdlib.h>
#include <string.h>

#include "tensor/engine.h"

struct remat_node {
	enum tn_op op;
	enum tn_dtype dtype;
	bool needed, held;         /* replayed; asked for by an entry */
	int input_count, attr_count, scalar_count;
	struct tn_shape shape;
	struct tn_tensor **inputs; /* counted; NULL: scalar operand, or the node sources[k] */
	uint32_t *sources;         /* TN_REMAT_NONE: from outside */
	int64_t *attrs;
	struct tn_scalar *scalars;
	struct tn_tensor *out;     /* counted while the block is open */
	struct tn_tensor *again;   /* counted: the result of the replay */
};

struct tn_remat {
	struct tn_engine *engine;
	struct tn_arena memory;
	int refs;          /* entries that need it, and the open block */
	uint32_t begin;    /* the tape's length when it was opened */
	bool ready, failed; /* replayed; a note did not find memory */
	TN_VEC(struct remat_node *) nodes;
	struct made { const struct tn_tensor *tensor; uint32_t node; } *made; /* sorted by address, once the block is closed */
};

static void node_finish(struct remat_node *n) {
	for (int k = 0; k < n->input_count; k++) {
		tn_tensor_unref(n->inputs[k]);
	}
	tn_tensor_unref(n->out);
	tn_tensor_unref(n->again);
}

void tn_remat_unref(struct tn_remat *r) {
	if (r == NULL || --r->refs > 0) {
		return;
	}
	for (size_t i = 0; i < r->nodes.count; i++) {
		node_finish(r->nodes.items[i]);
	}
	TN_VEC_FINISH(&r->nodes);
	tn_arena_finish(&r->memory);
	tn_free(r->made);
	tn_free(r);
}

struct tn_remat *tn_remat_ref(struct tn_remat *r) {
	r->refs++;
	return r;
}

/* ---- the open block ---- */

struct tn_remat *tn_remat_begin(struct tn_engine *e, struct tn_error *err) {
	struct tn_remat *r = tn_calloc(1, sizeof(*r));

	if (r == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	r->engine = e;
	r->refs = 1;
	r->begin = (uint32_t)e->tape.count;
	tn_arena_init(&r->memory);
	if (e->remat == NULL && e->grad_depth > 0) {
		e->remat = r;
	}
	return r;
}

static bool copy_node(struct tn_remat *r, const struct tn_graph_node *node, struct tn_tensor *out) {
	struct remat_node *n = TN_ARENA_NEW(&r->memory, struct remat_node);

	if (n == NULL) {
		return false;
	}
	*n = (struct remat_node){.op = node->op, .dtype = node->dtype, .shape = *node->shape, .attr_count = node->attr_count,
		.scalar_count = node->scalar_count};
	n->inputs = TN_ARENA_ARRAY(&r->memory, (size_t)node->input_count + 1, struct tn_tensor *);
	n->sources = TN_ARENA_ARRAY(&r->memory, (size_t)node->input_count + 1, uint32_t);
	n->attrs = TN_ARENA_ARRAY(&r->memory, (size_t)node->attr_count + 1, int64_t);
	n->scalars = TN_ARENA_ARRAY(&r->memory, (size_t)node->scalar_count + 1, struct tn_scalar);
	if (n->inputs == NULL || n->sources == NULL || n->attrs == NULL || n->scalars == NULL || !TN_VEC_PUSH(&r->nodes, n)) {
		return false;
	}
	n->input_count = node->input_count;
	for (int k = 0; k < node->input_count; k++) {
		n->inputs[k] = node->inputs[k] == NULL ? NULL : tn_tensor_ref(node->inputs[k]);
		n->sources[k] = TN_REMAT_NONE;
	}
	if (node->attr_count > 0) {
		memcpy(n->attrs, node->attrs, sizeof(n->attrs[0]) * (size_t)node->attr_count);
	}
	if (node->scalar_count > 0) {
		memcpy(n->scalars, node->scalars, sizeof(n->scalars[0]) * (size_t)node->scalar_count);
	}
	n->out = tn_tensor_ref(out);
	return true;
}

/* Without memory for the note the block keeps what it computes. */
void tn_remat_note(struct tn_remat *r, const struct tn_graph_node *node, struct tn_tensor *out) {
	r->failed = r->failed || !copy_node(r, node, out);
}

static int by_address(const void *a, const void *b) {
	uintptr_t x = (uintptr_t)((const struct made *)a)->tensor, y = (uintptr_t)((const struct made *)b)->tensor;

	return x < y ? -1 : x > y;
}

uint32_t tn_remat_find(const struct tn_remat *r, const struct tn_tensor *t) {
	struct made key = {.tensor = t};
	const struct made *found =
		t == NULL || r->nodes.count == 0 ? NULL : bsearch(&key, r->made, r->nodes.count, sizeof(key), by_address);

	return found == NULL ? TN_REMAT_NONE : found->node;
}

void tn_remat_need(struct tn_remat *r, uint32_t node) {
	r->nodes.items[node]->held = r->nodes.items[node]->needed = true;
}

/* Inputs that the block made become numbers of their nodes; nothing that it made is held any longer. */
static void let_go(struct tn_remat *r) {
	for (size_t i = r->nodes.count; i-- > 0;) { /* needs go from results to inputs */
		struct remat_node *n = r->nodes.items[i];

		for (int k = 0; k < n->input_count; k++) {
			uint32_t source = tn_remat_find(r, n->inputs[k]);

			if (source != TN_REMAT_NONE || !n->needed) {
				tn_tensor_unref(n->inputs[k]);
				n->inputs[k] = NULL;
				n->sources[k] = source;
			}
			if (source != TN_REMAT_NONE && n->needed) {
				r->nodes.items[source]->needed = true;
			}
		}
	}
	for (size_t i = 0; i < r->nodes.count; i++) {
		tn_tensor_unref(r->nodes.items[i]->out);
		r->nodes.items[i]->out = NULL;
	}
	tn_free(r->made);
	r->made = NULL;
}

void tn_remat_end(struct tn_remat *r) {
	struct tn_engine *e = r->engine;

	if (e->remat == r) {
		e->remat = NULL;
		r->made = r->failed ? NULL : tn_alloc((r->nodes.count + 1) * sizeof(r->made[0]));
		if (r->made != NULL) {
			for (uint32_t i = 0; i < r->nodes.count; i++) {
				r->made[i] = (struct made){r->nodes.items[i]->out, i};
			}
			qsort(r->made, r->nodes.count, sizeof(r->made[0]), by_address);
			tn_tape_remat(e, r, r->begin);
			let_go(r);
		}
	}
	tn_remat_unref(r);
}

void tn_remat_abort(struct tn_remat *r) {
	if (r != NULL && r->engine->remat == r) {
		r->engine->remat = NULL;
	}
	tn_remat_unref(r);
}

/* ---- the walk back ---- */

static bool record(struct tn_remat *r, struct remat_node *n, struct tn_error *err) {
	struct tn_tensor *inputs[TN_MAX_OP_INPUTS];

	for (int k = 0; k < n->input_count; k++) {
		inputs[k] = n->sources[k] == TN_REMAT_NONE ? n->inputs[k] : r->nodes.items[n->sources[k]]->again;
	}
	r->engine->again = true;
	n->again = tn_graph_add(r->engine,
		&(struct tn_graph_node){.op = n->op,
			.dtype = n->dtype,
			.shape = &n->shape,
			.inputs = inputs,
			.input_count = n->input_count,
			.attrs = n->attrs,
			.attr_count = n->attr_count,
			.scalars = n->scalars,
			.scalar_count = n->scalar_count},
		err);
	r->engine->again = false;
	return n->again != NULL;
}

void tn_remat_release(struct tn_remat *r) {
	for (size_t i = 0; i < r->nodes.count; i++) {
		tn_tensor_unref(r->nodes.items[i]->again);
		r->nodes.items[i]->again = NULL;
	}
	r->ready = false;
}

bool tn_remat_replay(struct tn_remat *r, struct tn_error *err) {
	for (size_t i = 0; !r->ready && i < r->nodes.count; i++) {
		if (r->nodes.items[i]->needed && !record(r, r->nodes.items[i], err)) {
			tn_remat_release(r);
			return false;
		}
	}
	for (size_t i = 0; !r->ready && i < r->nodes.count; i++) {
		struct remat_node *n = r->nodes.items[i];

		if (!n->held) { /* only what it computes from */
			tn_tensor_unref(n->again);
			n->again = NULL;
		}
	}
	r->ready = true;
	return true;
}

struct tn_tensor *tn_remat_result(const struct tn_remat *r, uint32_t node) {
	return r->nodes.items[node]->again;
}
