/* SPDX-License-Identifier: Apache-2.0 */
/* Places: what stands left of =, behind & and inside grad (…). The indices are computed into registers first, then one instruction walks
 * the path from its root. */
#include "lang/compile.h"

static uint32_t index_register(struct compiler *c, const struct tn_ir *ir) { return ir == NULL ? UINT32_MAX : compile_operand(c, ir); }

static bool is_literal(const struct tn_ir *ir) { return ir == NULL || ir->kind == TN_IR_CONST; }

struct tn_subscript *compile_subscript(struct compiler *c, const struct tn_ir *index) {
	uint32_t n = index->subscript.count;
	struct tn_subscript *row = compile_alloc(c, 1, sizeof(*row));
	struct tn_subscript_item *items = compile_alloc(c, n, sizeof(*items));
	if (row == NULL || items == NULL) {
		return NULL;
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct tn_ir_index *from = &index->subscript.items[i];
		items[i] = (struct tn_subscript_item){.kind = (int)from->kind, .a = index_register(c, from->a), .stop = index_register(c, from->stop),
			.step = index_register(c, from->step), .literal = is_literal(from->a) && is_literal(from->stop) && is_literal(from->step)};
	}
	*row = (struct tn_subscript){.items = items, .count = n, .object = index->a->span};
	return row;
}

static bool add_step(struct compiler *c, const struct tn_ir *n, struct tn_path_step *step) {
	*step = (struct tn_path_step){.kind = n->kind == TN_IR_FIELD ? TN_STEP_FIELD : TN_STEP_ITEM, .index = n->index, .reg = UINT32_MAX};
	if (n->kind == TN_IR_INDEX) {
		step->kind = n->a->type->kind == TN_TYPE_MAP ? TN_STEP_KEY : TN_STEP_ITEM;
		step->reg = compile_operand(c, n->subscript.items[0].a);
	}
	return !c->failed;
}

/* In a function's body a reference to a global, or to what a lambda has captured, comes of a call of a value alone: `call` takes its first
 * parameter by reference. */
static struct tn_guard *guard(struct compiler *c, const struct tn_ir *root) {
	const struct tn_function *f = c->instance->function;
	bool captured = f != NULL && root->kind == TN_IR_LOCAL && root->local < f->capture_count;
	if (f == NULL || (root->kind == TN_IR_LOCAL && !captured)) {
		return NULL;
	}
	struct tn_guard *made = compile_alloc(c, 1, sizeof(*made));
	if (made != NULL) {
		*made = (struct tn_guard){.name = captured ? c->instance->locals[root->local].name : root->symbol->name,
			.type = captured ? c->instance->locals[root->local].type : root->symbol->type, .captured = captured};
	}
	return made;
}

struct tn_path *compile_path(struct compiler *c, const struct tn_ir *place) {
	struct tn_path *path = compile_alloc(c, 1, sizeof(*path));
	const struct tn_ir *last = place->kind == TN_IR_INDEX && place->a->type->kind == TN_TYPE_TENSOR ? place->a : place, *n;
	uint32_t count = 0;
	for (n = last; n->kind == TN_IR_FIELD || n->kind == TN_IR_ITEM || n->kind == TN_IR_INDEX; n = n->a) {
		count++;
	}
	const struct tn_ir **nodes = compile_alloc(c, count, sizeof(nodes[0]));
	struct tn_path_step *steps = compile_alloc(c, count, sizeof(*steps));
	if (path == NULL || nodes == NULL || steps == NULL) {
		return NULL;
	}
	uint32_t at = count;
	for (n = last; at > 0; n = n->a) {
		nodes[--at] = n;
	}
	if (n->kind == TN_IR_GLOBAL) {
		path->symbol = n->symbol;
	} else if (n->kind == TN_IR_LOCAL) {
		path->local = n->local;
		path->is_ref = compile_is_ref(c, n->local);
	} else {
		compile_fail(c, TN_ERR_TYPE, "this cannot be assigned to");
		return NULL;
	}
	path->guard = guard(c, n);
	for (uint32_t i = 0; i < count; i++) {
		if (!add_step(c, nodes[i], &steps[i])) {
			return NULL;
		}
	}
	path->steps = steps;
	path->step_count = count;
	path->subscript = last == place ? NULL : compile_subscript(c, place);
	return path;
}
