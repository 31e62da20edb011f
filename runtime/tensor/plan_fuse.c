/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of elementwise values and reductions that become one fused step.
 *
 * A value joins the group that computes one of its operands (which it then reads from a register), merging groups where it has
 * operands in several; or the group that reads the same memory anyway, so that an optimizer's three results are one loop over the
 * gradient. Both only while the group is open: nobody outside has read from it, so it may still run as late as this value. A
 * reader closes a group before it joins one of its own, so that whatever a group reads from memory belongs to groups that were
 * closed before its last member came; ordered by last members the steps are therefore in order of their dependences, without
 * cycles. */
#include <assert.h>
#include <string.h>

#include "tensor/plan.h"

static size_t bytes_of(const struct plan_builder *b, uint32_t ref) {
	return (size_t)tn_shape_count(plan_shape(b, ref)) * tn_dtype_size(plan_dtype(b, ref));
}

/* Operand k is a number in the program, not memory: one that fills a tensor, beside an operand that is no number. */
bool plan_is_number(const struct plan_builder *b, const struct plan_value *v, uint32_t k) {
	bool other = false;

	if (v->inputs[k] == TN_REF_SCALAR) {
		return true;
	}
	if (v->kind != TN_KIND_ELEMENTWISE || plan_fill_of(b, v->inputs[k]) == TN_REF_NONE) {
		return false;
	}
	for (uint32_t j = 0; j < v->input_count; j++) {
		other = other || (v->inputs[j] != TN_REF_SCALAR && plan_fill_of(b, v->inputs[j]) == TN_REF_NONE);
	}
	/* the condition of a WHERE has another dtype than the rest */
	return other && !(v->op == TN_OP_WHERE && k == 0);
}

static const struct tn_shape *space_of(const struct plan_builder *b, const struct plan_value *v) {
	return v->kind == TN_KIND_REDUCE ? plan_shape(b, v->inputs[0]) : &v->shape;
}

bool plan_in_register(const struct plan_builder *b, uint32_t ref, uint32_t group) {
	return !tn_ref_is_leaf(ref) && b->values[ref].group == group && b->values[ref].kind != TN_KIND_REDUCE;
}

/* The open group in whose registers operand `ref` lies, over the same iteration space; TN_REF_NONE: it comes from memory. */
static uint32_t register_group(const struct plan_builder *b, uint32_t ref, const struct tn_shape *space) {
	const struct plan_value *v;

	if (tn_ref_is_leaf(ref)) {
		return TN_REF_NONE;
	}
	v = &b->values[ref];
	if (v->group == TN_REF_NONE || v->kind == TN_KIND_REDUCE || b->groups[v->group].closed || !tn_shape_equal(&v->shape, space)) {
		return TN_REF_NONE;
	}
	return v->group;
}

static bool has_room(const struct plan_group *g, const struct plan_group *more) {
	return g->ins_count + more->ins_count < TN_GROUP_INS && g->input_count + more->input_count + 3 <= TN_GROUP_INPUTS &&
		g->out_count + more->out_count < TN_GROUP_OUTS;
}

/* Whether running the group only now keeps temporaries alive that are larger than what is saved. */
static bool prolongs(const struct plan_builder *b, const struct plan_group *g, size_t saved) {
	size_t held = 0;

	if (g->steps_before == b->single_steps) {
		return false;
	}
	for (uint32_t k = 0; k < g->input_count; k++) {
		uint32_t root = plan_root(b, g->inputs[k]);

		held += tn_ref_is_leaf(root) || b->values[root].live ? 0 : bytes_of(b, root);
	}
	return held > saved;
}

static void add_input(struct plan_group *g, uint32_t ref) {
	for (uint32_t k = 0; k < g->input_count; k++) {
		if (g->inputs[k] == ref) {
			return;
		}
	}
	assert(g->input_count < TN_GROUP_INPUTS);
	g->inputs[g->input_count++] = ref;
}

/* Members of `from` go over to `to`, in record order; `from` stays empty. */
static void merge(struct plan_builder *b, uint32_t to, uint32_t from) {
	struct plan_group *g = &b->groups[to], *h = &b->groups[from];
	uint32_t x = g->first, y = h->first, *tail = &g->first;

	while (x != TN_REF_NONE || y != TN_REF_NONE) {
		uint32_t *next = y == TN_REF_NONE || x < y ? &x : &y;
		uint32_t taken = *next;

		*next = b->values[taken].next_member;
		b->values[taken].group = to;
		*tail = taken;
		tail = &b->values[taken].next_member;
	}
	*tail = TN_REF_NONE;
	g->last = g->last > h->last ? g->last : h->last;
	g->ins_count += h->ins_count;
	g->reduce_count += h->reduce_count;
	g->out_count += h->out_count;
	for (uint32_t k = 0; k < h->input_count; k++) {
		add_input(g, h->inputs[k]);
	}
	h->first = h->last = TN_REF_NONE;
	h->merged_into = to;
	h->closed = true;
}

static const struct plan_group no_group;

/* The group among whose registers value i has operands, others merged into it; operands that cannot stay in registers are
 * read from memory. */
static uint32_t join_operands(struct plan_builder *b, uint32_t i, const struct tn_shape *space) {
	struct plan_value *v = &b->values[i];
	uint32_t target = TN_REF_NONE;

	for (uint32_t k = 0; k < v->input_count; k++) {
		uint32_t g;
		bool fits;

		if (plan_is_number(b, v, k)) {
			continue;
		}
		g = register_group(b, v->inputs[k], space);
		if (g == TN_REF_NONE) {
			plan_read(b, v->inputs[k]); /* its group may have been closed for another operand's sake */
		}
		if (g == TN_REF_NONE || g == target) {
			continue;
		}
		fits = has_room(&b->groups[g], target == TN_REF_NONE ? &no_group : &b->groups[target]) &&
			!prolongs(b, &b->groups[g], bytes_of(b, v->inputs[k]));
		if (!fits) {
			plan_read(b, v->inputs[k]);
		} else if (target == TN_REF_NONE) {
			target = g;
		} else {
			merge(b, target, g);
		}
	}
	return target;
}

/* An open group that reads one of the operands too, whole. */
static uint32_t join_reader(struct plan_builder *b, uint32_t i, const struct tn_shape *space) {
	struct plan_value *v = &b->values[i];

	for (uint32_t k = 0; k < v->input_count; k++) {
		uint32_t g;

		if (plan_is_number(b, v, k) || !tn_shape_equal(plan_shape(b, v->inputs[k]), space)) {
			continue;
		}
		g = b->reader[plan_index(b, plan_root(b, v->inputs[k]))];
		while (g != TN_REF_NONE && b->groups[g].merged_into != TN_REF_NONE) {
			g = b->groups[g].merged_into;
		}
		if (g != TN_REF_NONE && !b->groups[g].closed && tn_shape_equal(&b->groups[g].shape, space) &&
			has_room(&b->groups[g], &no_group) && !prolongs(b, &b->groups[g], bytes_of(b, v->inputs[k]))) {
			return g;
		}
	}
	return TN_REF_NONE;
}

static uint32_t new_group(struct plan_builder *b, const struct tn_shape *space) {
	struct plan_group *g = &b->groups[b->group_count];

	*g = (struct plan_group){.shape = *space, .first = TN_REF_NONE, .last = TN_REF_NONE, .merged_into = TN_REF_NONE};
	return b->group_count++;
}

static void add_member(struct plan_builder *b, uint32_t i, uint32_t group, const struct tn_shape *space) {
	struct plan_group *g = &b->groups[group];
	struct plan_value *v = &b->values[i];

	assert(!g->closed && g->merged_into == TN_REF_NONE && (g->first == TN_REF_NONE || g->last < i)); /* members are in record order */
	*(g->first == TN_REF_NONE ? &g->first : &b->values[g->last].next_member) = i;
	g->last = i;
	v->group = group;
	g->ins_count += v->kind != TN_KIND_REDUCE;
	g->reduce_count += v->kind == TN_KIND_REDUCE;
	g->out_count += v->kind == TN_KIND_REDUCE || v->live || v->uses > 1;
	g->steps_before = b->single_steps;
	for (uint32_t k = 0; k < v->input_count; k++) {
		if (plan_is_number(b, v, k) || plan_in_register(b, v->inputs[k], group)) {
			continue;
		}
		add_input(g, v->inputs[k]);
		if (tn_shape_equal(plan_shape(b, v->inputs[k]), space)) {
			b->reader[plan_index(b, plan_root(b, v->inputs[k]))] = group;
		}
	}
}

/* Elementwise results lie in the order of their first operand that is whole and repeats nothing, so that channels that come last
 * stay last. What is asked of an operand is the same whether it was computed long ago or is planned here: a tensor of one number
 * is an operand as any other, gaps do not count (see tn_index_basic_get), and so a print in between changes no bits. */
static void place_result(struct plan_builder *b, struct plan_value *v) {
	if (v->kind != TN_KIND_REDUCE) {
		for (uint32_t k = 0; k < v->input_count; k++) {
			struct tn_view in;

			if (v->inputs[k] == TN_REF_SCALAR || !tn_shape_equal(plan_shape(b, v->inputs[k]), &v->shape)) {
				continue;
			}
			plan_view_of(b, v->inputs[k], &in);
			if (!tn_strides_repeat(&in.shape, in.stride)) {
				tn_strides_like(&v->shape, in.stride, v->stride);
				return;
			}
		}
	}
	tn_shape_strides(&v->shape, v->stride);
}

void plan_fuse(struct plan_builder *b, uint32_t i) {
	struct plan_value *v = &b->values[i];
	const struct tn_shape *space = space_of(b, v);
	uint32_t group;

	/* what must come from memory closes its group first: that may be one that this value would have joined */
	for (uint32_t k = 0; k < v->input_count; k++) {
		if (!plan_is_number(b, v, k) && register_group(b, v->inputs[k], space) == TN_REF_NONE) {
			plan_read(b, v->inputs[k]);
		}
	}
	group = join_operands(b, i, space);
	if (group == TN_REF_NONE) {
		group = join_reader(b, i, space);
	}
	if (group == TN_REF_NONE) {
		group = new_group(b, space);
	}
	add_member(b, i, group, space);
	place_result(b, v);
}
