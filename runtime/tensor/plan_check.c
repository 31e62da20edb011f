/* SPDX-License-Identifier: Apache-2.0 */
/* Proves of a plan whose storage is given out that every step reads what it means: the steps run on names instead of contents. It
 * knows the lives and takeovers of plan_memory.c by their outcome only (slots, places in the arena), so that a fault there is found
 * when the plan is made, not by a wrong number. Linear in the steps, but for the arena's pairs. */
#include "tensor/plan.h"

enum { MOST_PAIRED = 64 }; /* temporaries whose places are compared pair by pair */

struct model {
	const struct plan_builder *b;
	uint32_t *holds; /* of each slot: the root whose elements lie there, or TN_REF_NONE */
	uint32_t *donor; /* of each slot: the leaf whose buffer it is, or TN_REF_NONE */
	bool *gone;      /* of each leaf: overwritten */
	uint32_t last_failing;
};

static const struct plan_storage *keeper(const struct plan_builder *b, uint32_t ref) {
	const struct plan_storage *s = &b->stores[plan_index(b, ref)];

	while (s->taken_by != TN_REF_NONE) {
		s = &b->stores[plan_index(b, s->taken_by)];
	}
	return s;
}

static bool reads_well(const struct model *m, uint32_t root) {
	return tn_ref_is_leaf(root) ? !m->gone[root & ~TN_REF_LEAF] : m->holds[keeper(m->b, root)->slot] == root;
}

/* Whether an element is written where it was read, or not at all. */
static bool same_places(const struct tn_view *in, const struct tn_view *out) {
	for (int i = 0; i < in->shape.ndim; i++) {
		if (in->shape.dims[i] != out->shape.dims[i] || (in->shape.dims[i] > 1 && in->stride[i] != out->stride[i])) {
			return false;
		}
	}
	return in->offset == out->offset && in->shape.ndim == out->shape.ndim;
}

/* The step writes `out`: in place of an input only where each element lies on that input's. */
static bool writes_well(struct model *m, const struct tn_view *inputs, uint32_t count, const struct tn_view *out, uint32_t step) {
	const struct plan_builder *b = m->b;
	uint32_t slot = keeper(b, out->slot)->slot, donor = m->donor[slot];

	for (uint32_t k = 0; k < count; k++) {
		bool leaf = tn_ref_is_leaf(inputs[k].slot);
		bool over = leaf ? donor != TN_REF_NONE &&
				b->e->leaves.items[inputs[k].slot & ~TN_REF_LEAF].tensor->buffer == b->e->leaves.items[donor].tensor->buffer
						 : keeper(b, inputs[k].slot)->slot == slot;

		if (over && !same_places(&inputs[k], out)) {
			return false;
		}
	}
	m->holds[slot] = out->slot;
	if (donor == TN_REF_NONE) {
		return true;
	}
	for (uint32_t k = b->e->leaves.items[donor].tensor->buffer->leaf; k != TN_REF_NONE; k = b->e->leaves.items[k].next) {
		m->gone[k] = true;
	}
	return b->donatable[donor] && step >= b->out->commit_step && (m->last_failing == TN_REF_NONE || step >= m->last_failing);
}

static bool step_is_sound(struct model *m, const struct tn_step *step, uint32_t number) {
	const struct tn_view *inputs = step->is_fused ? step->fused.inputs : step->inputs;
	uint32_t count = step->is_fused ? step->fused.input_count : step->input_count;
	bool ok = true;

	for (uint32_t k = 0; k < count; k++) {
		ok = ok && reads_well(m, inputs[k].slot);
	}
	if (!step->is_fused) {
		return ok && writes_well(m, inputs, count, &step->out, number);
	}
	for (uint32_t k = 0; k < step->fused.out_count; k++) {
		ok = ok && writes_well(m, inputs, count, &step->fused.outs[k].view, number);
	}
	return ok;
}

/* Two temporaries that live at the same time do not share a byte. */
static bool arena_is_sound(const struct plan_builder *b) {
	const struct tn_plan_slot *slots = b->out->plan.slots;
	const struct plan_storage *placed[MOST_PAIRED];
	uint32_t count = 0;

	for (uint32_t i = 0; i < b->count && count < MOST_PAIRED; i++) {
		const struct plan_storage *s = &b->stores[i];

		if (s->slot == TN_REF_NONE || !slots[s->slot].in_arena) {
			continue;
		}
		if (slots[s->slot].arena_offset + slots[s->slot].size > b->out->plan.arena_size) {
			return false;
		}
		for (uint32_t k = 0; k < count; k++) {
			const struct tn_plan_slot *x = &slots[placed[k]->slot], *y = &slots[s->slot];
			bool overlap = x->arena_offset < y->arena_offset + y->size && y->arena_offset < x->arena_offset + x->size;

			if (overlap && placed[k]->last_step >= s->first_step && s->last_step >= placed[k]->first_step) {
				return false;
			}
		}
		placed[count++] = s;
	}
	return true;
}

bool plan_is_sound(struct plan_builder *b) {
	const struct tn_plan *plan = &b->out->plan;
	struct model m = {
		.b = b,
		.holds = TN_ARENA_ARRAY(&b->scratch, (size_t)plan->slot_count + 1, uint32_t),
		.donor = TN_ARENA_ARRAY(&b->scratch, (size_t)plan->slot_count + 1, uint32_t),
		.gone = TN_ARENA_ARRAY(&b->scratch, (size_t)b->leaf_count + 1, bool),
		.last_failing = TN_REF_NONE,
	};
	bool ok = arena_is_sound(b);

	if (m.holds == NULL || m.donor == NULL || m.gone == NULL) {
		return true; /* no memory to see it */
	}
	for (uint32_t i = 0; i < plan->slot_count; i++) {
		m.holds[i] = m.donor[i] = TN_REF_NONE;
	}
	for (uint32_t k = 0; k < b->leaf_count; k++) {
		m.gone[k] = false;
		if (b->stores[b->count + k].taken_by != TN_REF_NONE) {
			m.donor[keeper(b, TN_REF_LEAF | k)->slot] = k;
		}
	}
	for (uint32_t i = 0; i < plan->step_count; i++) {
		if (!plan->steps[i].is_fused && tn_op_kind(plan->steps[i].op) == TN_KIND_INDEX) {
			m.last_failing = i;
		}
	}
	for (uint32_t i = 0; ok && i < plan->step_count; i++) {
		ok = step_is_sound(&m, &plan->steps[i], i);
	}
	for (uint32_t i = 0; ok && i < b->count; i++) { /* what somebody asks for is there at the end */
		ok = b->e->nodes.items[i].tensor == NULL || reads_well(&m, plan_root(b, b->values[i].same));
	}
	return ok;
}
