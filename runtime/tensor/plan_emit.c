/* SPDX-License-Identifier: Apache-2.0 */
/* Steps as the backend wants them, in the order of the record: an op of its own stands where it was recorded, a group where its
 * last member was. Views name their roots; plan_memory.c puts slots in their place. */
#include <string.h>

#include "tensor/plan.h"

/* One group's program in the making. */
struct program {
	struct plan_builder *b;
	struct tn_step *step;
	uint32_t group;
	uint32_t *ins_of; /* scratch, for each value: its instruction */
};

static bool same_view(const struct tn_view *x, const struct tn_view *y) {
	return x->slot == y->slot && x->dtype == y->dtype && x->offset == y->offset &&
		memcmp(x->stride, y->stride, sizeof(x->stride[0]) * (size_t)x->shape.ndim) == 0;
}

static struct tn_fused_source input_source(struct program *p, uint32_t ref) {
	struct tn_fused *f = &p->step->fused;
	struct tn_view *view = &f->inputs[f->input_count];

	plan_view_broadcast(p->b, ref, &f->shape, view);
	for (uint32_t k = 0; k < f->input_count; k++) {
		if (same_view(&f->inputs[k], view)) {
			return (struct tn_fused_source){TN_SOURCE_INPUT, k};
		}
	}
	return (struct tn_fused_source){TN_SOURCE_INPUT, f->input_count++};
}

static struct tn_fused_source scalar_source(struct program *p, uint32_t scalar) {
	uint32_t *scalars = (uint32_t *)p->step->scalars;

	for (uint32_t k = 0; k < p->step->scalar_count; k++) {
		if (scalars[k] == scalar) {
			return (struct tn_fused_source){TN_SOURCE_SCALAR, k};
		}
	}
	scalars[p->step->scalar_count] = scalar;
	return (struct tn_fused_source){TN_SOURCE_SCALAR, p->step->scalar_count++};
}

static struct tn_fused_source memory_or_register(struct program *p, uint32_t ref) {
	if (plan_in_register(p->b, ref, p->group)) {
		return (struct tn_fused_source){TN_SOURCE_REGISTER, p->ins_of[ref]};
	}
	return input_source(p, ref);
}

/* The dtype in which an instruction works: its operands', of which a WHERE's condition is not one. */
static enum tn_dtype operand_dtype(const struct plan_builder *b, const struct plan_value *v) {
	if (v->op == TN_OP_WHERE) {
		return v->dtype;
	}
	for (uint32_t k = 0; k < v->input_count; k++) {
		if (v->inputs[k] != TN_REF_SCALAR) {
			return plan_dtype(b, v->inputs[k]);
		}
	}
	return v->dtype;
}

static void emit_instruction(struct program *p, uint32_t i) {
	const struct plan_value *v = &p->b->values[i];
	struct tn_fused *f = &p->step->fused;
	struct tn_fused_ins *ins = &f->ins[f->ins_count];
	uint32_t scalar = v->scalars;

	ins->op = v->op;
	ins->dtype = v->dtype;
	ins->in_dtype = operand_dtype(p->b, v);
	for (uint32_t k = 0; k < v->input_count; k++) {
		if (v->inputs[k] == TN_REF_SCALAR) {
			ins->in[k] = scalar_source(p, scalar++);
		} else if (plan_is_number(p->b, v, k)) {
			ins->in[k] = scalar_source(p, plan_fill_of(p->b, v->inputs[k]));
		} else {
			ins->in[k] = memory_or_register(p, v->inputs[k]);
		}
	}
	p->ins_of[i] = f->ins_count++;
}

static void emit_reduction(struct program *p, uint32_t i) {
	const struct plan_value *v = &p->b->values[i];
	struct tn_fused *f = &p->step->fused;
	struct tn_fused_out *out = &f->outs[f->out_count++];
	bool keepdim = v->shape.ndim == f->shape.ndim;
	int axis = 0;

	out->from = memory_or_register(p, v->inputs[0]);
	out->reduce = (int32_t)v->op;
	out->axes = (uint32_t)v->attrs[0];
	out->view = (struct tn_view){.slot = i, .dtype = v->dtype, .shape = f->shape};
	for (int k = 0; k < f->shape.ndim; k++) {
		if ((out->axes >> k & 1) != 0) {
			out->view.shape.dims[k] = 1;
			axis += keepdim;
		} else {
			out->view.stride[k] = v->stride[axis++];
		}
	}
}

static void emit_store(struct program *p, uint32_t i) {
	struct tn_fused *f = &p->step->fused;
	struct tn_fused_out *out = &f->outs[f->out_count++];

	out->from = (struct tn_fused_source){TN_SOURCE_REGISTER, p->ins_of[i]};
	out->reduce = -1;
	plan_view_of(p->b, i, &out->view);
}

static bool emit_group(struct plan_builder *b, struct tn_step *step, uint32_t group, uint32_t *ins_of) {
	const struct plan_group *g = &b->groups[group];
	struct program p = {b, step, group, ins_of};
	struct tn_fused *f = &step->fused;
	size_t members = g->ins_count + g->reduce_count;

	step->is_fused = true;
	step->node = g->first;
	f->shape = g->shape;
	f->inputs = TN_ARENA_ARRAY(&b->memory, members * 3 + 1, struct tn_view);
	f->ins = TN_ARENA_ARRAY(&b->memory, (size_t)g->ins_count + 1, struct tn_fused_ins);
	f->outs = TN_ARENA_ARRAY(&b->memory, members + 1, struct tn_fused_out);
	step->scalars = TN_ARENA_ARRAY(&b->memory, members * 3 + 1, uint32_t);
	if (f->inputs == NULL || f->ins == NULL || f->outs == NULL || step->scalars == NULL) {
		return false;
	}
	for (uint32_t i = g->first; i != TN_REF_NONE; i = b->values[i].next_member) {
		if (b->values[i].kind == TN_KIND_REDUCE) {
			emit_reduction(&p, i);
		} else {
			emit_instruction(&p, i);
			if (b->values[i].stored) {
				emit_store(&p, i);
			}
		}
	}
	return true;
}

static bool emit_single(struct plan_builder *b, struct tn_step *step, uint32_t i) {
	const struct plan_value *v = &b->values[i];
	uint32_t *scalars;

	step->op = v->copies ? TN_OP_COPY : v->op;
	step->node = i;
	step->input_count = v->input_count;
	step->inputs = TN_ARENA_ARRAY(&b->memory, (size_t)v->input_count + 1, struct tn_view);
	scalars = TN_ARENA_ARRAY(&b->memory, (size_t)v->scalar_count + 1, uint32_t);
	step->scalars = scalars;
	if (step->inputs == NULL || scalars == NULL) {
		return false;
	}
	for (uint32_t k = 0; k < v->input_count; k++) {
		plan_view_of(b, v->inputs[k], &step->inputs[k]);
	}
	plan_view_of(b, i, &step->out);
	if (v->copies) { /* the input's shape, row-major, is the result's too */
		step->out.shape = step->inputs[0].shape;
		tn_shape_strides(&step->out.shape, step->out.stride);
	} else {
		step->attrs = v->attrs;
		step->attr_count = v->attr_count;
	}
	step->scalar_count = v->scalar_count;
	for (uint32_t k = 0; k < v->scalar_count; k++) {
		scalars[k] = v->scalars + k;
	}
	return true;
}

bool plan_emit(struct plan_builder *b) {
	struct tn_plan *plan = &b->out->plan;
	uint32_t *ins_of = TN_ARENA_ARRAY(&b->scratch, (size_t)b->count, uint32_t);

	plan->steps = TN_ARENA_ARRAY(&b->memory, (size_t)b->single_steps + b->group_count + 1, struct tn_step);
	if (plan->steps == NULL || ins_of == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < b->count; i++) {
		const struct plan_value *v = &b->values[i];
		bool ok = true;

		if (!v->needed || v->same != i) {
			continue;
		}
		if (v->group != TN_REF_NONE) {
			ok = b->groups[v->group].last != i || emit_group(b, &plan->steps[plan->step_count++], v->group, ins_of);
		} else if (v->stored && (v->kind != TN_KIND_VIEW || v->copies)) {
			ok = emit_single(b, &plan->steps[plan->step_count++], i);
		}
		if (!ok) {
			return false;
		}
	}
	return true;
}
