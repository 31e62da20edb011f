/* SPDX-License-Identifier: Apache-2.0 */
/* Where each result lies. Live ones have slots of their own, or the buffer of a leaf that nobody else needs (donation); the
 * others share an arena by their lives. A result may take over the storage of an operand that dies with its step: fused programs
 * read each block before they write it, and the ops that set or add a part of a tensor work in place.
 *
 * An index out of range fails a run, so a donated buffer is written at the last such step or after it, never before: a run
 * that fails leaves every leaf as it was. (A step that checks indices checks all of them before it writes.) */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/plan.h"

#ifdef TN_TINY_LIMITS
enum { ALIGN = 64, MANY = 2 };
#else
enum { ALIGN = 64, MANY = 512 };
#endif

static struct plan_storage *store_of(const struct plan_builder *b, uint32_t ref) {
	return &b->stores[plan_index(b, ref)];
}

/* The same for all leaves on one buffer: the newest of them. */
static uint32_t buffer_of(const struct plan_builder *b, uint32_t root) {
	return tn_ref_is_leaf(root) ? TN_REF_LEAF | b->e->leaves.items[root & ~TN_REF_LEAF].tensor->buffer->leaf : root;
}

/* ---- lives ---- */

static void note_read(struct plan_builder *b, const struct tn_view *view, uint32_t step) {
	store_of(b, view->slot)->last_step = step;
}

static void note_write(struct plan_builder *b, uint32_t root, uint32_t step) {
	const struct plan_value *v = &b->values[root];
	struct plan_storage *s = store_of(b, root);

	s->first_step = step;
	s->last_step = step;
	s->size = (size_t)tn_shape_count(&v->shape) * tn_dtype_size(v->dtype);
}

static void note_step(struct plan_builder *b, const struct tn_step *step, uint32_t number) {
	const struct tn_view *inputs = step->is_fused ? step->fused.inputs : step->inputs;
	uint32_t input_count = step->is_fused ? step->fused.input_count : step->input_count;

	for (uint32_t k = 0; k < input_count; k++) {
		note_read(b, &inputs[k], number);
	}
	if (!step->is_fused) {
		note_write(b, step->out.slot, number);
		return;
	}
	for (uint32_t k = 0; k < step->fused.out_count; k++) {
		note_write(b, step->fused.outs[k].view.slot, number);
	}
}

/* Leaves on one buffer live and die together. */
static void join_leaves(struct plan_builder *b) {
	for (int pass = 0; pass < 2; pass++) { /* gather at the newest leaf of the buffer, then spread */
		for (uint32_t k = 0; k < b->leaf_count; k++) {
			struct plan_storage *own = store_of(b, TN_REF_LEAF | k), *newest = store_of(b, buffer_of(b, TN_REF_LEAF | k));
			struct plan_storage *from = pass == 0 ? own : newest, *to = pass == 0 ? newest : own;

			if (from->last_step != TN_REF_NONE && (to->last_step == TN_REF_NONE || to->last_step < from->last_step)) {
				to->last_step = from->last_step;
			}
			to->result = to->result || from->result;
		}
	}
}

static bool find_lives(struct plan_builder *b) {
	const struct tn_plan *plan = &b->out->plan;
	size_t count = (size_t)b->count + b->leaf_count;

	b->stores = TN_ARENA_ARRAY(&b->scratch, count + 1, struct plan_storage);
	if (b->stores == NULL) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		b->stores[i].first_step = b->stores[i].last_step = b->stores[i].taken_by = b->stores[i].slot = TN_REF_NONE;
	}
	for (uint32_t i = 0; i < plan->step_count; i++) {
		note_step(b, &plan->steps[i], i);
	}
	for (uint32_t i = 0; i < b->count; i++) { /* live ones, and what live views show */
		if (b->e->nodes.items[i].tensor != NULL) {
			store_of(b, plan_root(b, b->values[i].same))->result = true;
		}
	}
	join_leaves(b);
	return true;
}

/* ---- taking over ---- */

/* Whether writing `out` may go over input k of the step: the same elements in the same places, all of that storage, read for the
 * last time, and by no other view here. */
static bool covers(const struct plan_builder *b, const struct tn_view *inputs, uint32_t count, uint32_t k,
	const struct tn_view *out, uint32_t step) {
	const struct tn_view *in = &inputs[k];
	const struct plan_storage *s = store_of(b, in->slot);

	if (s->taken_by != TN_REF_NONE || s->result || s->last_step != step || in->offset != 0 ||
		!tn_shape_equal(&in->shape, &out->shape) || tn_dtype_size(in->dtype) != tn_dtype_size(out->dtype) ||
		tn_dtype_size(in->dtype) != tn_dtype_size(plan_dtype(b, in->slot)) ||
		tn_shape_count(&in->shape) != tn_shape_count(plan_shape(b, in->slot)) || !tn_strides_are_dense(&in->shape, in->stride)) {
		return false;
	}
	for (int i = 0; i < in->shape.ndim; i++) {
		if (in->shape.dims[i] > 1 && in->stride[i] != out->stride[i]) {
			return false;
		}
	}
	for (uint32_t j = 0; j < count; j++) {
		if (j != k && buffer_of(b, inputs[j].slot) == buffer_of(b, in->slot) && !TN_MUTATED(donated_though_read_twice)) {
			return false;
		}
	}
	return true;
}

struct takeover {
	struct plan_builder *b;
	uint32_t last_failing; /* step, or TN_REF_NONE */
	uint32_t commit_step;
};

/* Lets the result `out` of a step take over one of its inputs, if there is one. */
static void take_over(
	struct takeover *t, const struct tn_view *inputs, uint32_t count, uint32_t first, const struct tn_view *out, uint32_t step) {
	struct plan_builder *b = t->b;
	const struct plan_storage *own = store_of(b, out->slot);

	for (uint32_t k = 0; k < count && k < first; k++) {
		bool leaf = tn_ref_is_leaf(inputs[k].slot);

		if (leaf &&
			(!b->donatable[inputs[k].slot & ~TN_REF_LEAF] || !own->result ||
				(t->last_failing != TN_REF_NONE && step < t->last_failing))) {
			continue;
		}
		if (covers(b, inputs, count, k, out, step)) {
			store_of(b, inputs[k].slot)->taken_by = out->slot;
			t->commit_step = leaf && step < t->commit_step ? step : t->commit_step;
			return;
		}
	}
}

/* Programs with reductions over different axes walk the space several times. */
static bool walks_once(const struct tn_fused *f) {
	int64_t axes = -1;

	for (uint32_t k = 0; k < f->out_count; k++) {
		if (f->outs[k].reduce >= 0) {
			if (axes >= 0 && axes != (int64_t)f->outs[k].axes) {
				return false;
			}
			axes = (int64_t)f->outs[k].axes;
		}
	}
	return true;
}

static bool works_in_place(enum tn_op op) {
	return op == TN_OP_SLICE_SET || op == TN_OP_INDEX_SET || op == TN_OP_INDEX_ADD || op == TN_OP_SCATTER_SET ||
		op == TN_OP_SCATTER_ADD;
}

static void take_over_all(struct plan_builder *b) {
	const struct tn_plan *plan = &b->out->plan;
	struct takeover t = {b, TN_REF_NONE, plan->step_count};

	for (uint32_t i = 0; i < plan->step_count; i++) {
		if (!plan->steps[i].is_fused && tn_op_kind(plan->steps[i].op) == TN_KIND_INDEX) {
			t.last_failing = TN_MUTATED(donated_before_failing) ? TN_REF_NONE : i;
		}
	}
	for (uint32_t i = 0; i < plan->step_count && !b->e->eager; i++) {
		const struct tn_step *step = &plan->steps[i];

		if (!step->is_fused && works_in_place(step->op)) {
			take_over(&t, step->inputs, step->input_count, 1, &step->out, i);
		}
		for (uint32_t k = 0; step->is_fused && walks_once(&step->fused) && k < step->fused.out_count; k++) {
			if (step->fused.outs[k].reduce < 0) {
				take_over(&t, step->fused.inputs, step->fused.input_count, UINT32_MAX, &step->fused.outs[k].view, i);
			}
		}
	}
	b->out->commit_step = t.commit_step;
}

/* The storage that finally holds what is written there. */
static uint32_t keeper_of(const struct plan_builder *b, uint32_t ref) {
	while (store_of(b, ref)->taken_by != TN_REF_NONE) {
		ref = store_of(b, ref)->taken_by;
	}
	return ref;
}

/* A storage that is taken over lives in its taker's place, from its own first step on; a chain that begins at a leaf and goes on
 * through temporaries would need the leaf's buffer from its first writer on, which take_over allows for results only. */
static void join_lives(struct plan_builder *b) {
	for (uint32_t i = 0; i < b->count; i++) {
		uint32_t keeper;

		if (store_of(b, i)->first_step == TN_REF_NONE) {
			continue;
		}
		keeper = keeper_of(b, i);
		if (keeper != i && store_of(b, i)->first_step < store_of(b, keeper)->first_step) {
			store_of(b, keeper)->first_step = store_of(b, i)->first_step;
		}
	}
}

/* ---- slots ---- */

static bool give_slots(struct plan_builder *b) {
	struct tn_plan *plan = &b->out->plan;
	uint32_t slot = b->leaf_count;

	plan->slots = TN_ARENA_ARRAY(&b->memory, (size_t)b->leaf_count + b->count + 1, struct tn_plan_slot);
	if (plan->slots == NULL) {
		return false;
	}
	for (uint32_t k = 0; k < b->leaf_count; k++) {
		store_of(b, TN_REF_LEAF | k)->slot = k;
	}
	for (int temporaries = 0; temporaries < 2; temporaries++) {
		for (uint32_t i = 0; i < b->count; i++) {
			struct plan_storage *s = store_of(b, i);

			if (s->first_step != TN_REF_NONE && s->taken_by == TN_REF_NONE && s->result == (temporaries == 0)) {
				plan->slots[slot].size = s->size;
				plan->slots[slot].in_arena = temporaries != 0;
				s->slot = slot++;
			}
		}
		if (temporaries == 0) {
			b->out->result_count = slot - b->leaf_count;
		}
	}
	plan->slot_count = slot;
	return true;
}

/* Temporaries placed so far, by offset. */
struct packing {
	struct plan_storage **placed;
	uint32_t count;
};

static size_t room_of(const struct plan_storage *s) {
	return s->size == 0 ? ALIGN : (s->size + ALIGN - 1) / ALIGN * ALIGN;
}

static void pack_one(struct packing *p, struct tn_plan *plan, struct plan_storage *s) {
	size_t at = 0, size = room_of(s);
	uint32_t where = p->count;

	for (uint32_t k = 0; k < p->count; k++) {
		const struct plan_storage *o = p->placed[k];
		size_t begin = plan->slots[o->slot].arena_offset, end = begin + room_of(o);

		if (o->last_step < s->first_step + TN_MUTATED(arena_freed_early) || s->last_step < o->first_step) {
			continue;
		}
		if (begin >= at && begin - at >= size) {
			break;
		}
		at = end > at ? end : at;
	}
	plan->slots[s->slot].arena_offset = at;
	plan->arena_size = at + size > plan->arena_size ? at + size : plan->arena_size;
	while (where > 0 && plan->slots[p->placed[where - 1]->slot].arena_offset > at) {
		p->placed[where] = p->placed[where - 1];
		where--;
	}
	p->placed[where] = s;
	p->count++;
}

/* Takes those out that died before a step. */
static void forget_dead(struct packing *p, uint32_t step) {
	uint32_t kept = 0;

	for (uint32_t k = 0; k < p->count; k++) {
		if (p->placed[k]->last_step >= step) {
			p->placed[kept++] = p->placed[k];
		}
	}
	p->count = kept;
}

static int by_size(const void *x, const void *y) {
	const struct plan_storage *s = *(struct plan_storage *const *)x, *t = *(struct plan_storage *const *)y;

	return s->size != t->size ? (s->size < t->size ? 1 : -1) : s->slot > t->slot ? 1 : -1;
}

static int by_time(const void *x, const void *y) {
	const struct plan_storage *s = *(struct plan_storage *const *)x, *t = *(struct plan_storage *const *)y;

	return s->first_step != t->first_step ? (s->first_step > t->first_step ? 1 : -1) : by_size(x, y);
}

/* Each at the lowest place that is free for its life: largest first, which packs best. Of very many the earliest comes first, so
 * that the dead need not be looked at again. */
static bool pack_arena(struct plan_builder *b) {
	struct tn_plan *plan = &b->out->plan;
	uint32_t count = plan->slot_count - b->leaf_count - b->out->result_count, n = 0;
	struct plan_storage **order = TN_ARENA_ARRAY(&b->scratch, (size_t)count + 1, struct plan_storage *);
	struct packing p = {TN_ARENA_ARRAY(&b->scratch, (size_t)count + 1, struct plan_storage *), 0};

	if (order == NULL || p.placed == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < b->count; i++) {
		struct plan_storage *s = store_of(b, i);

		if (s->slot != TN_REF_NONE && plan->slots[s->slot].in_arena) {
			order[n++] = s;
		}
	}
	qsort(order, n, sizeof(struct plan_storage *), n > MANY ? by_time : by_size);
	for (uint32_t i = 0; i < n; i++) {
		if (n > MANY) {
			forget_dead(&p, order[i]->first_step);
		}
		pack_one(&p, plan, order[i]);
	}
	return true;
}

static void put_slot(const struct plan_builder *b, struct tn_view *view) {
	view->slot = tn_ref_is_leaf(view->slot) ? view->slot & ~TN_REF_LEAF : store_of(b, keeper_of(b, view->slot))->slot;
}

static void put_slots(struct plan_builder *b) {
	struct tn_plan *plan = &b->out->plan;

	for (uint32_t i = 0; i < plan->step_count; i++) {
		struct tn_step *step = &plan->steps[i];

		for (uint32_t k = 0; k < step->input_count; k++) {
			put_slot(b, &step->inputs[k]);
		}
		if (!step->is_fused) {
			put_slot(b, &step->out);
		}
		for (uint32_t k = 0; k < step->fused.input_count; k++) {
			put_slot(b, &step->fused.inputs[k]);
		}
		for (uint32_t k = 0; k < step->fused.out_count; k++) {
			put_slot(b, &step->fused.outs[k].view);
		}
	}
}

/* ---- what a run needs besides ---- */

static bool list_donors(struct plan_builder *b) {
	struct tn_cached_plan *out = b->out;

	out->donor = TN_ARENA_ARRAY(&b->memory, (size_t)out->result_count + 1, uint32_t);
	if (out->donor == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < out->result_count; i++) {
		out->donor[i] = TN_REF_NONE;
	}
	for (uint32_t k = 0; k < b->leaf_count; k++) {
		uint32_t ref = TN_REF_LEAF | k;

		if (store_of(b, ref)->taken_by != TN_REF_NONE) {
			out->donor[store_of(b, keeper_of(b, ref))->slot - b->leaf_count] = k;
		}
	}
	return true;
}

static bool list_outputs(struct plan_builder *b) {
	struct tn_cached_plan *out = b->out;

	for (uint32_t i = 0; i < b->count; i++) {
		out->output_count += b->e->nodes.items[i].tensor != NULL;
	}
	out->outputs = TN_ARENA_ARRAY(&b->memory, (size_t)out->output_count + 1, struct tn_plan_output);
	if (out->outputs == NULL) {
		return false;
	}
	out->output_count = 0;
	for (uint32_t i = 0; i < b->count; i++) {
		struct tn_plan_output *o = &out->outputs[out->output_count];
		struct tn_view view;

		if (b->e->nodes.items[i].tensor == NULL) {
			continue;
		}
		plan_view_of(b, b->values[i].same, &view);
		put_slot(b, &view);
		o->node = i;
		o->slot = view.slot;
		o->offset = TN_MUTATED(output_offset_ignored) ? 0 : view.offset;
		memcpy(o->stride, view.stride, sizeof(o->stride));
		out->output_count++;
	}
	return true;
}

bool plan_memory(struct plan_builder *b) {
	if (!find_lives(b)) {
		return false;
	}
	take_over_all(b);
	join_lives(b);
	if (!give_slots(b) || !pack_arena(b)) {
		return false;
	}
	assert(plan_is_sound(b));
	put_slots(b);
	return list_donors(b) && list_outputs(b);
}
