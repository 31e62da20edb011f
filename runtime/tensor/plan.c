/* SPDX-License-Identifier: Apache-2.0 */
/* From a recording to a plan (plan.h has the map). Everything here depends on the key alone: the recorded words, which results
 * are live, and what the leaves look like; so the same key gives the same plan. */
#include <assert.h>
#include <string.h>

#include "tensor/plan.h"

/* ---- words to values ---- */

static uint32_t canonical(const struct plan_builder *b, uint32_t ref) {
	return ref == TN_REF_SCALAR || tn_ref_is_leaf(ref) ? ref : b->values[ref].same;
}

static bool decode_scalars(struct plan_builder *b, struct plan_value *v, uint64_t head, const uint64_t *w) {
	struct tn_plan *plan = &b->out->plan;

	v->scalars = plan->scalar_count;
	for (uint32_t k = 0; k < v->scalar_count; k++) {
		struct tn_plan_scalar *s = &plan->scalars[plan->scalar_count++];

		s->literal = (head >> (41 + 2 * k) & 1) != 0;
		s->value.is_float = (head >> (40 + 2 * k) & 1) != 0;
		s->value.literal = s->literal;
		if (s->literal) {
			s->value.i = (int64_t)w[k];
		} else {
			s->slot = (uint32_t)w[k];
		}
	}
	return true;
}

static bool decode(struct plan_builder *b, uint32_t i) {
	const struct tn_pending *node = &b->e->nodes.items[i];
	const uint64_t *w = b->e->words.items + node->word;
	struct plan_value *v = &b->values[i];
	uint64_t head = *w++;

	v->op = (enum tn_op)(head & 0xff);
	v->kind = tn_op_kind(v->op);
	v->dtype = (enum tn_dtype)(head >> 8 & 0xf);
	v->shape.ndim = (int32_t)(head >> 12 & 0xf);
	v->input_count = head >> 16 & 0xff;
	v->attr_count = head >> 24 & 0xff;
	v->scalar_count = head >> 32 & 0xff;
	v->again = head >> 63 != 0;
	v->live = node->tensor != NULL;
	v->same = v->root = i;
	v->group = v->next_member = TN_REF_NONE;
	for (int k = 0; k < v->shape.ndim; k++) {
		v->shape.dims[k] = (int64_t)*w++;
	}
	v->inputs = TN_ARENA_ARRAY(&b->scratch, (size_t)v->input_count + 1, uint32_t);
	/* steps refer to the attributes, and the recording will be gone */
	v->attrs = TN_ARENA_ARRAY(&b->memory, (size_t)v->attr_count + 1, int64_t);
	if (v->inputs == NULL || v->attrs == NULL) {
		return false;
	}
	for (uint32_t k = 0; k < v->input_count; k++) {
		v->inputs[k] = canonical(b, (uint32_t)(w[k / 2] >> (k % 2 * 32)));
		assert(v->inputs[k] == TN_REF_SCALAR || plan_index(b, v->inputs[k]) >= b->count || v->inputs[k] < i); /* recorded before */
	}
	w += (v->input_count + 1) / 2;
	memcpy((int64_t *)v->attrs, w, v->attr_count * sizeof(int64_t));
	return decode_scalars(b, v, head, w + v->attr_count);
}

/* ---- equal values ---- */

/* A view that shows all of its input as it is. */
static bool is_identity(const struct plan_builder *b, const struct plan_value *v) {
	if (v->kind != TN_KIND_VIEW || !tn_shape_equal(&v->shape, plan_shape(b, v->inputs[0]))) {
		return false;
	}
	for (uint32_t k = 0; k < (uint32_t)v->shape.ndim; k++) {
		if (v->op == TN_OP_PERMUTE && v->attrs[k] != k) {
			return false;
		}
		if (v->op == TN_OP_SLICE && v->shape.dims[k] > 1 && v->attrs[2 * k + 1] != 1) {
			return false;
		}
	}
	return true;
}

static uint64_t value_hash(const struct plan_builder *b, const struct plan_value *v) {
	uint64_t hash = tn_hash_mix((uint64_t)v->op | (uint64_t)v->dtype << 8, v->input_count);

	for (uint32_t k = 0; k < v->input_count; k++) {
		hash = tn_hash_mix(hash, v->inputs[k]);
	}
	for (uint32_t k = 0; k < v->attr_count && !TN_MUTATED(equal_without_attributes); k++) {
		hash = tn_hash_mix(hash, (uint64_t)v->attrs[k]);
	}
	for (uint32_t k = 0; k < v->scalar_count && !TN_MUTATED(equal_without_numbers); k++) {
		const struct tn_plan_scalar *s = &b->out->plan.scalars[v->scalars + k];

		hash = tn_hash_mix(hash, s->literal ? (uint64_t)s->value.i : s->slot);
	}
	return hash;
}

/* Run-time scalars are told apart by their slots, so that a draw of random numbers never equals another. */
static bool values_equal(const struct plan_builder *b, const struct plan_value *x, const struct plan_value *y) {
	const struct tn_plan_scalar *scalars = b->out->plan.scalars;

	if (x->op != y->op || x->again != y->again || x->dtype != y->dtype || x->input_count != y->input_count || x->attr_count != y->attr_count ||
		x->scalar_count != y->scalar_count || !tn_shape_equal(&x->shape, &y->shape) ||
		memcmp(x->inputs, y->inputs, x->input_count * sizeof(uint32_t)) != 0 ||
		(memcmp(x->attrs, y->attrs, x->attr_count * sizeof(int64_t)) != 0 && !TN_MUTATED(equal_without_attributes))) {
		return false;
	}
	for (uint32_t k = 0; k < x->scalar_count; k++) {
		const struct tn_plan_scalar *s = &scalars[x->scalars + k], *t = &scalars[y->scalars + k];

		if (s->literal != t->literal || s->value.is_float != t->value.is_float ||
			(s->literal ? s->value.i != t->value.i && !TN_MUTATED(equal_without_numbers) : s->slot != t->slot)) {
			return false;
		}
	}
	return true;
}

/* Values by content; open addressing over node numbers + 1. */
struct value_table {
	uint32_t *slots;
	size_t mask;
};

static uint32_t table_find(const struct plan_builder *b, struct value_table *table, uint32_t i) {
	size_t at = value_hash(b, &b->values[i]) & table->mask;

	while (table->slots[at] != 0) {
		if (values_equal(b, &b->values[table->slots[at] - 1], &b->values[i])) {
			return table->slots[at] - 1;
		}
		at = (at + 1) & table->mask;
	}
	table->slots[at] = i + 1;
	return i;
}

static bool decode_all(struct plan_builder *b) {
	struct value_table table = {0};
	size_t size = 16;

	while (size < 2 * (size_t)b->count) {
		size *= 2;
	}
	table.mask = size - 1;
	table.slots = TN_ARENA_ARRAY(&b->scratch, size, uint32_t);
	if (table.slots == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < b->count; i++) {
		struct plan_value *v = &b->values[i];

		if (!decode(b, i)) {
			return false;
		}
		v->same = is_identity(b, v) ? v->inputs[0] : table_find(b, &table, i);
		if (v->live && v->same != i && !tn_ref_is_leaf(v->same)) {
			b->values[v->same].live = true;
		}
	}
	return true;
}

/* What live values depend on, from the end. */
static void mark_needed(struct plan_builder *b) {
	for (uint32_t i = b->count; i-- > 0;) {
		struct plan_value *v = &b->values[i];

		if (v->same != i) {
			continue;
		}
		v->needed = v->needed || v->live;
		for (uint32_t k = 0; v->needed && k < v->input_count; k++) {
			if (v->inputs[k] != TN_REF_SCALAR && !tn_ref_is_leaf(v->inputs[k])) {
				b->values[v->inputs[k]].needed = true;
				b->values[v->inputs[k]].uses++;
			}
		}
	}
}

/* ---- places ---- */

void plan_view_of(const struct plan_builder *b, uint32_t ref, struct tn_view *out) {
	const int64_t *stride;

	memset(out, 0, sizeof(*out)); /* a plan's views are compared and described whole */
	out->shape = *plan_shape(b, ref);
	out->dtype = plan_dtype(b, ref);
	out->slot = plan_root(b, ref);
	if (tn_ref_is_leaf(ref)) {
		stride = b->e->leaves.items[ref & ~TN_REF_LEAF].tensor->stride;
	} else {
		stride = b->values[ref].stride;
		out->offset = b->values[ref].offset;
	}
	memcpy(out->stride, stride, sizeof(*stride) * (size_t)out->shape.ndim);
}

void plan_view_broadcast(const struct plan_builder *b, uint32_t ref, const struct tn_shape *shape, struct tn_view *out) {
	struct tn_view view;
	int extra;

	plan_view_of(b, ref, &view);
	extra = shape->ndim - view.shape.ndim;
	*out = view;
	out->shape = *shape;
	for (int i = 0; i < shape->ndim; i++) {
		bool repeated = i < extra || (view.shape.dims[i - extra] == 1 && shape->dims[i] != 1);

		out->stride[i] = repeated ? 0 : view.stride[i - extra];
	}
}

uint32_t plan_fill_of(const struct plan_builder *b, uint32_t ref) {
	uint32_t root = plan_root(b, ref);
	const struct plan_value *v;

	if (tn_ref_is_leaf(root)) {
		return TN_REF_NONE;
	}
	v = &b->values[root];
	/* a number of the other class would be converted twice, and not always alike */
	if (v->op != TN_OP_FULL || b->out->plan.scalars[v->scalars].value.is_float != tn_dtype_is_float(v->dtype)) {
		return TN_REF_NONE;
	}
	return v->scalars;
}

void plan_read(struct plan_builder *b, uint32_t ref) {
	uint32_t root = plan_root(b, ref);
	struct plan_value *v;

	if (tn_ref_is_leaf(root)) {
		return;
	}
	v = &b->values[root];
	v->stored = true;
	if (v->group != TN_REF_NONE) {
		b->groups[v->group].closed = !TN_MUTATED(group_not_closed);
	}
}

static void place_view(struct plan_builder *b, uint32_t i) {
	struct plan_value *v = &b->values[i];
	struct tn_view in;

	plan_view_of(b, v->inputs[0], &in);
	v->offset = in.offset;
	if (tn_view_apply(v->op, &in.shape, in.stride, v->attrs, &v->shape, v->stride, &v->offset)) {
		v->root = plan_root(b, v->inputs[0]);
		return;
	}
	v->copies = true;
	v->offset = 0;
	tn_shape_strides(&v->shape, v->stride);
	plan_read(b, v->inputs[0]);
	b->single_steps++;
}

/* An op of its own: the backend says how its result lies. */
static bool place_single(struct plan_builder *b, uint32_t i) {
	struct plan_value *v = &b->values[i];
	const struct tn_backend_impl *impl = b->e->backend->impl;
	struct tn_view *inputs = TN_ARENA_ARRAY(&b->scratch, (size_t)v->input_count + 1, struct tn_view), out;

	if (inputs == NULL) {
		return false;
	}
	for (uint32_t k = 0; k < v->input_count; k++) {
		plan_read(b, v->inputs[k]);
		plan_view_of(b, v->inputs[k], &inputs[k]);
	}
	plan_view_of(b, i, &out);
	tn_shape_strides(&out.shape, out.stride);
	if (impl->layout != NULL) {
		impl->layout(b->e->backend, v->op, inputs, v->input_count, v->attrs, &out);
	}
	memcpy(v->stride, out.stride, sizeof(v->stride));
	b->single_steps++;
	return true;
}

static bool place_all(struct plan_builder *b) {
	for (uint32_t i = 0; i < b->count; i++) {
		struct plan_value *v = &b->values[i];

		if (!v->needed) {
			continue;
		}
		if (v->kind == TN_KIND_VIEW) {
			place_view(b, i);
		} else if (plan_is_fused(v)) {
			plan_fuse(b, i);
		} else if (!place_single(b, i)) {
			return false;
		}
		if (v->live && !tn_ref_is_leaf(v->root)) {
			b->values[v->root].stored = true;
		}
	}
	return true;
}

/* ---- the whole ---- */

static bool prepare(struct plan_builder *b) {
	struct tn_plan *plan;
	size_t scalars = 0;

	for (uint32_t i = 0; i < b->count; i++) {
		scalars += b->e->words.items[b->e->nodes.items[i].word] >> 32 & 0xff;
	}
	b->out = TN_ARENA_NEW(&b->memory, struct tn_cached_plan);
	b->values = TN_ARENA_ARRAY(&b->scratch, (size_t)b->count, struct plan_value);
	b->groups = TN_ARENA_ARRAY(&b->scratch, (size_t)b->count, struct plan_group);
	b->reader = TN_ARENA_ARRAY(&b->scratch, (size_t)b->count + b->leaf_count, uint32_t);
	if (b->out == NULL || b->values == NULL || b->groups == NULL || b->reader == NULL) {
		return false;
	}
	for (size_t i = 0; i < (size_t)b->count + b->leaf_count; i++) {
		b->reader[i] = TN_REF_NONE;
	}
	plan = &b->out->plan;
	plan->leaf_count = b->leaf_count;
	plan->run_scalar_count = (uint32_t)b->e->scalars.count;
	plan->scalars = TN_ARENA_ARRAY(&b->memory, scalars + 1, struct tn_plan_scalar);
	return plan->scalars != NULL;
}

struct tn_cached_plan *tn_plan_build(struct tn_engine *e, const bool *donatable, struct tn_error *err) {
	struct plan_builder b = {
		.e = e, .err = err, .donatable = donatable, .count = (uint32_t)e->nodes.count, .leaf_count = (uint32_t)e->leaves.count};
	struct tn_cached_plan *out = NULL;

	tn_arena_init(&b.scratch);
	tn_arena_init(&b.memory);
	if (prepare(&b) && decode_all(&b)) {
		mark_needed(&b);
		if (place_all(&b) && plan_emit(&b) && plan_memory(&b)) {
			out = b.out;
			out->memory = b.memory;
		}
	}
	tn_arena_finish(&b.scratch);
	if (out == NULL) {
		tn_arena_finish(&b.memory);
		tn_error_memory(err);
	}
	return out;
}
