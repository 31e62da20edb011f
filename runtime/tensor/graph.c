/* SPDX-License-Identifier: Apache-2.0 */
/* Tensor handles and the recording: handles come from slabs, a node is appended as words to the stream that engine.h draws, and
 * the rolling hash of the stream is ready when a flush looks for the plan. Recording allocates nothing in the steady state. */
#include <assert.h>
#include <string.h>

#include "tensor/engine.h"

/* ---- handles ---- */

#ifdef TN_HARDENED /* each handle is a heap block of its own */

static struct tn_tensor *take_handle(struct tn_engine *e, struct tn_error *err) {
	struct tn_tensor *t = tn_alloc_apart(sizeof(*t), _Alignof(struct tn_tensor));

	(void)e;
	if (t == NULL) {
		tn_error_memory(err);
	}
	return t;
}

static void give_handle(struct tn_engine *e, struct tn_tensor *t) {
	(void)e;
	tn_free(t);
}

#else

enum { SLAB_TENSORS = 256 };
struct tn_slab {
	struct tn_slab *next;
	struct tn_tensor tensors[SLAB_TENSORS];
};

static bool slab_add(struct tn_engine *e, struct tn_error *err) {
	struct tn_slab *slab = tn_alloc(sizeof(*slab));

	if (slab == NULL) {
		return tn_error_memory(err);
	}
	slab->next = e->slabs;
	e->slabs = slab;
	for (int i = SLAB_TENSORS - 1; i >= 0; i--) {
		slab->tensors[i].failure = (struct tn_failure *)e->free_tensor;
		e->free_tensor = &slab->tensors[i];
	}
	return true;
}

static struct tn_tensor *take_handle(struct tn_engine *e, struct tn_error *err) {
	struct tn_tensor *t;

	if (e->free_tensor == NULL && !slab_add(e, err)) {
		return NULL;
	}
	t = e->free_tensor;
	e->free_tensor = (struct tn_tensor *)t->failure;
	return t;
}

static void give_handle(struct tn_engine *e, struct tn_tensor *t) {
	t->failure = (struct tn_failure *)e->free_tensor;
	e->free_tensor = t;
}

#endif

struct tn_tensor *tn_tensor_new(struct tn_engine *e, struct tn_error *err) {
	struct tn_tensor *t = take_handle(e, err);

	if (t == NULL) {
		return NULL;
	}
	/* dtype, shape, offset and strides are set with the state */
	t->refs = 1;
	t->undo_refs = 0;
	t->engine = e;
	t->buffer = NULL;
	t->grad_mask = 0;
	t->turned = false;
	t->failure = NULL;
	t->leaf_stamp = 0;
	return t;
}

void tn_failure_unref(struct tn_failure *failure) {
	if (failure != NULL && --failure->refs == 0) {
		tn_free(failure);
	}
}

static void tensor_free(struct tn_tensor *t) {
	struct tn_engine *e = t->engine;

	if (t->grad_mask != 0) {
		tn_tape_forget(t);
	}
	switch (t->state) {
	case TN_TENSOR_READY:
		tn_buffer_unref(t->buffer);
		break;
	case TN_TENSOR_PENDING:
		assert(t->node < e->nodes.count && e->nodes.items[t->node].tensor == t);
		e->nodes.items[t->node].tensor = NULL;
		break;
	case TN_TENSOR_FAILED:
		tn_failure_unref(t->failure);
		break;
	}
	give_handle(e, t);
}

/* The last counted reference went to undoing, or the first came back from it. */
static void count_undo_hold(struct tn_tensor *t, int change) {
	if (t->state == TN_TENSOR_READY) {
		assert(change > 0 || t->buffer->undo_holds > 0);
		t->buffer->undo_holds += (uint32_t)change;
	}
}

struct tn_tensor *tn_tensor_ref(struct tn_tensor *t) {
	assert(t->refs > 0 || t->undo_refs > 0);
	if (TN_UNLIKELY(t->refs++ == 0)) {
		count_undo_hold(t, -1);
	}
	return t;
}

void tn_tensor_unref(struct tn_tensor *t) {
	assert(t == NULL || t->refs > 0);
	if (t == NULL || --t->refs > 0) {
		return;
	}
	if (t->undo_refs > 0) {
		count_undo_hold(t, 1);
		return;
	}
	tensor_free(t);
}

bool tn_tensor_is_shared(const struct tn_tensor *t) {
	return t->refs + t->undo_refs > 1;
}

void tn_tensor_undo_hold(struct tn_tensor *t) {
	assert(t->refs > 0);
	t->undo_refs++;
	if (--t->refs == 0) {
		count_undo_hold(t, 1);
	}
}

void tn_tensor_undo_release(struct tn_tensor *t) {
	assert(t->undo_refs > 0);
	t->undo_refs--;
	if (t->refs++ == 0) {
		count_undo_hold(t, -1);
	}
}

enum tn_dtype tn_tensor_dtype(const struct tn_tensor *t) {
	return t->dtype;
}

const struct tn_shape *tn_tensor_shape(const struct tn_tensor *t) {
	return &t->shape;
}

const char *tn_tensor_device(const struct tn_tensor *t) {
	return t->engine->backend->impl->name;
}

bool tn_tensor_is_pending(const struct tn_tensor *t) {
	return t->state == TN_TENSOR_PENDING;
}

void tn_tensor_settle(struct tn_tensor *t, struct tn_buffer *b, int64_t offset, const int64_t *stride) {
	assert(t->state == TN_TENSOR_PENDING);
	t->state = TN_TENSOR_READY;
	t->buffer = b;
	t->offset = offset;
	memcpy(t->stride, stride, sizeof(t->stride[0]) * (size_t)t->shape.ndim);
	if (t->refs == 0) {
		b->undo_holds++;
	}
}

void tn_tensor_fail(struct tn_tensor *t, struct tn_failure *failure) {
	assert(t->state == TN_TENSOR_PENDING);
	t->state = TN_TENSOR_FAILED;
	t->failure = failure;
	failure->refs++;
}

/* ---- leaves ---- */

static bool same_elements(const struct tn_tensor *a, const struct tn_tensor *b) {
	return a->offset == b->offset && a->dtype == b->dtype && tn_shape_equal(&a->shape, &b->shape) &&
		memcmp(a->stride, b->stride, sizeof(a->stride[0]) * (size_t)a->shape.ndim) == 0;
}

/* The number of a READY tensor among the leaves, added where it is new; TN_REF_NONE: out of memory. */
static uint32_t leaf_of(struct tn_engine *e, struct tn_tensor *t) {
	struct tn_buffer *b = t->buffer;
	uint32_t older = TN_REF_NONE;

	if (t->leaf_stamp == e->stamp) {
		return t->leaf;
	}
	if (b->leaf_stamp == e->stamp) {
		older = b->leaf;
		for (uint32_t k = older; k != TN_REF_NONE; k = e->leaves.items[k].next) {
			if (same_elements(e->leaves.items[k].tensor, t)) {
				t->leaf_stamp = e->stamp;
				t->leaf = k;
				return k;
			}
		}
	}
	if (!TN_VEC_PUSH(&e->leaves, ((struct tn_leaf){.tensor = t, .next = older}))) {
		return TN_REF_NONE;
	}
	tn_tensor_ref(t);
	t->leaf_stamp = b->leaf_stamp = e->stamp;
	t->leaf = b->leaf = (uint32_t)e->leaves.count - 1;
	return t->leaf;
}

/* ---- nodes ---- */

enum { MOST_WORDS = 1 + TN_MAX_NDIM + TN_MAX_OP_INPUTS / 2 + TN_MAX_ATTRS + TN_MAX_OP_SCALARS, MOST_NODES = 1 << 30 };

static bool reserve(struct tn_engine *e, struct tn_error *err) {
	if (!TN_VEC_RESERVE(&e->words, e->words.count + MOST_WORDS) || !TN_VEC_RESERVE(&e->nodes, e->nodes.count + 1) ||
		!TN_VEC_RESERVE(&e->scalars, e->scalars.count + TN_MAX_OP_SCALARS)) {
		return tn_error_memory(err);
	}
	return true;
}

/* References of the node's inputs; errors of failed ones are repeated. */
static bool find_inputs(struct tn_engine *e, const struct tn_graph_node *node, uint32_t *refs, struct tn_error *err) {
	for (int i = 0; i < node->input_count; i++) {
		struct tn_tensor *t = node->inputs[i];

		if (t == NULL) {
			refs[i] = TN_REF_SCALAR;
		} else if (t->state == TN_TENSOR_PENDING) {
			refs[i] = t->node;
		} else if (t->state == TN_TENSOR_READY) {
			refs[i] = leaf_of(e, t);
			if (refs[i] == TN_REF_NONE) {
				return tn_error_memory(err);
			}
			refs[i] |= TN_REF_LEAF;
		} else {
			return tn_tensor_force(t, "", err);
		}
	}
	return true;
}

static bool has_kernel(struct tn_engine *e, const struct tn_graph_node *node, struct tn_error *err) {
	enum tn_dtype in = node->dtype;
	uint8_t *known;
	bool found = false;

	for (int i = 0; i < node->input_count; i++) {
		const struct tn_tensor *t = node->inputs[i];

		if (t != NULL && (!found || (!tn_dtype_is_float(in) && tn_dtype_is_float(t->dtype)))) {
			in = t->dtype;
			found = true;
		}
	}
	known = &e->accepts[node->op][in][node->dtype];
	if (*known == 0) {
		*known = tn_op_kind(node->op) == TN_KIND_VIEW || e->backend->impl->accepts(e->backend, node->op, in, node->dtype) ? 2 : 1;
	}
	if (TN_UNLIKELY(*known == 1)) {
		return tn_error_set(
			err, TN_ERR_TYPE, "%s: not there for %s on %s", tn_op_name(node->op), tn_dtype_name(in), e->backend->impl->name);
	}
	return true;
}

/* Appends the words; memory is reserved. */
static void write_words(struct tn_engine *e, const struct tn_graph_node *node, const uint32_t *refs) {
	uint64_t *at = e->words.items + e->words.count, *w = at, head, hash = e->hash;
	int i;

	head = (uint64_t)node->op | (uint64_t)node->dtype << 8 | (uint64_t)node->shape->ndim << 12 |
		(uint64_t)node->input_count << 16 | (uint64_t)node->attr_count << 24 | (uint64_t)node->scalar_count << 32;
	head |= (uint64_t)e->again << 63;
	for (i = 0; i < node->scalar_count; i++) {
		head |= (uint64_t)node->scalars[i].is_float << (40 + 2 * i) | (uint64_t)node->scalars[i].literal << (41 + 2 * i);
	}
	*w++ = head;
	for (i = 0; i < node->shape->ndim; i++) {
		*w++ = (uint64_t)node->shape->dims[i];
	}
	for (i = 0; i < node->input_count; i += 2) {
		*w++ = refs[i] | (i + 1 < node->input_count ? (uint64_t)refs[i + 1] << 32 : 0);
	}
	for (i = 0; i < node->attr_count; i++) {
		*w++ = (uint64_t)node->attrs[i];
	}
	for (i = 0; i < node->scalar_count; i++) {
		if (node->scalars[i].literal) {
			*w++ = (uint64_t)node->scalars[i].i; /* a double by its bits */
		} else {
			*w++ = e->scalars.count;
			e->scalars.items[e->scalars.count++] = node->scalars[i];
		}
	}
	e->words.count += (size_t)(w - at);
	while (at < w) {
		hash = tn_hash_mix(hash, *at++);
	}
	e->hash = hash;
}

/* Asked for only where the library records: a program's own nodes pay one comparison, its calls and returns nothing at all. */
static struct tn_origin origin_here(const struct tn_engine *e) {
	bool ask = (e->site & TN_SITE_INNER) != 0 && e->hooks.here != NULL;

	return (struct tn_origin){.site = e->site, .outer = ask ? e->hooks.here(e->hooks.data) : TN_SITE_NONE};
}

static struct tn_tensor *append(struct tn_engine *e, const struct tn_graph_node *node, struct tn_error *err) {
	uint32_t refs[TN_MAX_OP_INPUTS];
	struct tn_tensor *t;

	if (!find_inputs(e, node, refs, err) || !has_kernel(e, node, err) || !reserve(e, err) ||
		(t = tn_tensor_new(e, err)) == NULL) {
		return NULL;
	}
	t->state = TN_TENSOR_PENDING;
	t->dtype = node->dtype;
	t->shape = *node->shape;
	t->node = (uint32_t)e->nodes.count;
	e->nodes.items[e->nodes.count++] = (struct tn_pending){.tensor = t, .origin = origin_here(e), .word = (uint32_t)e->words.count};
	write_words(e, node, refs);
	e->flops += tn_op_flops(node);
	e->stats.nodes_recorded++;
	return t;
}

/* A view of elements that are there, without a node; *out NULL: strides cannot express it. False: out of memory. */
static bool view_at_once(struct tn_engine *e, const struct tn_graph_node *node, struct tn_tensor **out, struct tn_error *err) {
	struct tn_tensor *from = node->inputs[0];
	int64_t stride[TN_MAX_NDIM], offset = from->offset;

	*out = NULL;
	if (!tn_view_apply(node->op, &from->shape, from->stride, node->attrs, node->shape, stride, &offset)) {
		return true;
	}
	*out = tn_tensor_wrap(e, tn_buffer_ref(from->buffer), node->dtype, node->shape, stride, offset, err);
	return *out != NULL;
}

static struct tn_tensor *add_node(struct tn_engine *e, const struct tn_graph_node *node, struct tn_error *err) {
	struct tn_tensor *out = NULL;

	if (tn_op_kind(node->op) == TN_KIND_VIEW && node->inputs[0]->state == TN_TENSOR_READY && !view_at_once(e, node, &out, err)) {
		return NULL;
	}
	if (out != NULL) {
		return out;
	}
	if (TN_UNLIKELY(e->nodes.count >= MOST_NODES || e->words.count >= UINT32_MAX - MOST_WORDS)) {
		tn_error_set(err, TN_ERR_MEMORY, "too much work pending: %zu operations", e->nodes.count);
		return NULL;
	}
	out = append(e, node, err);
	if (e->eager && out != NULL && !tn_flush(e, "eager", err)) {
		tn_tensor_unref(out);
		return NULL;
	}
	return out;
}

static struct tn_tensor *add(struct tn_engine *e, const struct tn_graph_node *node, struct tn_error *err) {
	struct tn_tensor *out = add_node(e, node, err);

	if (TN_UNLIKELY(e->remat != NULL) && out != NULL) {
		tn_remat_note(e->remat, node, out);
	}
	return out;
}

/* Whether the node swaps the last two axes and nothing else. */
static bool turns(const struct tn_graph_node *node) {
	int ndim = node->shape->ndim;

	if (node->op != TN_OP_PERMUTE || ndim < 2 || node->inputs[0]->turned) {
		return false;
	}
	for (int i = 0; i < ndim - 2; i++) {
		if (node->attrs[i] != i) {
			return false;
		}
	}
	return node->attrs[ndim - 2] == ndim - 1;
}

/* Which open records an input depends on. */
static uint32_t history_of(const struct tn_graph_node *node) {
	uint32_t mask = 0;

	for (int i = 0; i < node->input_count; i++) {
		mask |= node->inputs[i] != NULL ? node->inputs[i]->grad_mask : 0;
	}
	return mask;
}

struct tn_tensor *tn_graph_add(struct tn_engine *e, const struct tn_graph_node *node, struct tn_error *err) {
	struct tn_tensor *out = add(e, node, err);

	if (out != NULL && TN_UNLIKELY(node->op == TN_OP_PERMUTE)) {
		out->turned = turns(node);
	}
	if (out != NULL && e->grad_depth > 0) {
		uint32_t mask = history_of(node) & (uint32_t)((UINT64_C(1) << e->grad_depth) - 1);

		if (mask != 0 && tn_op_gradient(node->op) != NULL && tn_dtype_is_float(node->dtype) &&
			!tn_tape_add(e, node, out, mask, err)) {
			tn_tensor_unref(out);
			return NULL;
		}
	}
	return out;
}

struct tn_tensor *tn_graph_alias(struct tn_engine *e, struct tn_tensor *t, struct tn_error *err) {
	return add(e,
		&(struct tn_graph_node){.op = TN_OP_RESHAPE,
			.dtype = t->dtype,
			.shape = &t->shape,
			.inputs = &t,
			.input_count = 1,
			.attrs = t->shape.dims,
			.attr_count = t->shape.ndim},
		err);
}

void tn_graph_clear(struct tn_engine *e) {
	for (size_t i = 0; i < e->nodes.count; i++) { /* each was decided: nobody waits for a node that is gone */
		assert(e->nodes.items[i].tensor == NULL || e->nodes.items[i].tensor->state != TN_TENSOR_PENDING);
	}
	e->nodes.count = 0;
	e->words.count = 0;
	e->scalars.count = 0;
	e->hash = 0;
	e->flops = 0;
	e->stamp++;
	for (size_t i = 0; i < e->leaves.count; i++) {
		tn_tensor_unref(e->leaves.items[i].tensor);
	}
	e->leaves.count = 0;
}

void tn_graph_finish(struct tn_engine *e) {
	TN_VEC_FINISH(&e->nodes);
	TN_VEC_FINISH(&e->words);
	TN_VEC_FINISH(&e->scalars);
	TN_VEC_FINISH(&e->leaves);
#ifndef TN_HARDENED
	while (e->slabs != NULL) {
		struct tn_slab *slab = e->slabs;

		e->slabs = slab->next;
		tn_free(slab);
	}
#endif
}
