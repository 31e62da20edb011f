/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: arguments are computed into a window of registers at the top of the frame, which becomes the bottom of the callee's. */
#include <string.h>

#include "lang/compile.h"

/* Where the window begins: the target itself where that is the topmost temporary. */
static uint32_t window(const struct compiler *c, uint32_t to) { return !compile_is_local(c, to) && to + 1 == c->next ? to : c->next; }

static void arguments(struct compiler *c, struct tn_ir *const *args, uint32_t count, uint32_t base) {
	for (uint32_t i = 0; i < count; i++) {
		if (base + i >= c->next) {
			compile_temp(c, args[i] != NULL && (compile_is_counted(args[i]->type) || args[i]->kind == TN_IR_REF));
		} else if (args[i] != NULL && (compile_is_counted(args[i]->type) || args[i]->kind == TN_IR_REF)) {
			c->temp_counted.items[base + i - c->instance->local_count] = c->counted = true;
		}
		if (args[i] == NULL) {
			compile_emit(c, TN_OPCODE_CONST, base + i, 0, compile_constant(c, tn_void()));
		} else {
			compile_to(c, args[i], base + i);
		}
	}
}

/* The result lies at the window's beginning; arguments are gone. */
static void finish(struct compiler *c, const struct tn_ir *ir, uint32_t base, uint32_t mark, uint32_t to) {
	c->most = c->most > base + 1 ? c->most : base + 1;
	c->counted = c->counted || compile_is_counted(ir->type);
	compile_move(c, ir->type, to, base);
	compile_taken(c, mark);
	if (!compile_is_local(c, to) && to < c->next) {
		c->temp_counted.items[to - c->instance->local_count] = compile_is_counted(ir->type);
	}
}

/* ---- references that may overlap ---- */

static const struct tn_ir *root_of(const struct tn_ir *place, const struct tn_ir **first, uint32_t *steps) {
	*first = NULL;
	for (*steps = 0; place->kind == TN_IR_FIELD || place->kind == TN_IR_ITEM || place->kind == TN_IR_INDEX; place = place->a) {
		*first = place;
		++*steps;
	}
	return place;
}

/* For certain two variables, or two fields of one. Through a reference or an index only the run tells (the checker has refused what overlaps for certain). */
static bool are_apart(const struct compiler *c, const struct tn_ir *a, const struct tn_ir *b) {
	const struct tn_ir *first_a, *first_b;
	uint32_t steps_a, steps_b;
	const struct tn_ir *x = root_of(a, &first_a, &steps_a), *y = root_of(b, &first_b, &steps_b);
	bool ref_x = x->kind == TN_IR_LOCAL && compile_is_ref(c, x->local), ref_y = y->kind == TN_IR_LOCAL && compile_is_ref(c, y->local);
	bool same = x->kind == y->kind && (x->kind == TN_IR_LOCAL ? x->local == y->local : x->symbol == y->symbol);
	if (!same) {
		return !ref_x && !ref_y;
	}
	return first_a != NULL && first_b != NULL && first_a->kind == TN_IR_FIELD && first_b->kind == TN_IR_FIELD && first_a->index != first_b->index;
}

/* Before a call with references that may overlap: they must not. */
static void distinct(struct compiler *c, const struct tn_ir_list *args, uint32_t base) {
	uint32_t n = 0;
	bool doubtful = false;
	for (uint32_t i = 0; i < args->count; i++) {
		const struct tn_ir *arg = args->items[i];
		n += arg != NULL && arg->kind == TN_IR_REF;
		for (uint32_t k = 0; k < i && arg != NULL && arg->kind == TN_IR_REF; k++) {
			const struct tn_ir *other = args->items[k];
			doubtful = doubtful || (other != NULL && other->kind == TN_IR_REF && !are_apart(c, other->a, arg->a));
		}
	}
	if (!doubtful) {
		return;
	}
	struct tn_distinct_row *row = compile_alloc(c, 1, sizeof(*row));
	if (row == NULL || (row->registers = compile_alloc(c, n, sizeof(row->registers[0]))) == NULL || (row->spans = compile_alloc(c, n, sizeof(row->spans[0]))) == NULL) {
		return;
	}
	for (uint32_t i = 0; i < args->count; i++) {
		if (args->items[i] != NULL && args->items[i]->kind == TN_IR_REF) {
			row->registers[row->count] = i;
			row->spans[row->count++] = args->items[i]->a->span;
		}
	}
	compile_emit(c, TN_OPCODE_DISTINCT, base, 0, compile_row(c, row));
}

void compile_call(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next, base = window(c, to);
	arguments(c, ir->call.args.items, ir->call.args.count, base);
	c->span = ir->span;
	distinct(c, &ir->call.args, base);
	compile_emit(c, TN_OPCODE_CALL, base, ir->call.args.count, compile_row(c, ir->call.instance));
	finish(c, ir, base, mark, to);
}

/* ---- natives ---- */

/* The text of parameter i in a signature, and its end; false behind the last. */
static bool parameter_text(const char *signature, uint32_t index, const char **begin, const char **end) {
	const char *p = strchr(signature, '(');
	/* a result type may be a tuple: the parameters' bracket stands behind the name */
	while (p != NULL && (p == signature || p[-1] == ' ')) {
		p = strchr(p + 1, '(');
	}
	if (p == NULL) {
		return false;
	}
	int depth = 0;
	*begin = ++p;
	for (; *p != '\0'; p++) {
		depth += (*p == '(' || *p == '[') - (*p == ')' || *p == ']');
		if (depth < 0 || (depth == 0 && *p == ',')) {
			if (index == 0) {
				*end = p;
				return true;
			}
			index--;
			if (depth < 0) {
				return false;
			}
			*begin = p + 1;
		}
	}
	return false;
}

static void native_masks(const struct tn_native *native, struct tn_native_row *row) {
	for (uint32_t i = 0; i < row->count && i < 32; i++) {
		const char *p, *end;
		if (!parameter_text(native->signature, i, &p, &end)) {
			return;
		}
		while (*p == ' ') {
			p++;
		}
		bool tensor = strncmp(p, "tensor ", 7) == 0 || strncmp(p, "operand ", 8) == 0;
		const char *def = memchr(p, '=', (size_t)(end - p));
		row->tensor_mask |= tensor ? 1u << i : 0;
		row->optional_mask |= tensor && def != NULL ? 1u << i : 0;
	}
}

static bool is_literal(const struct tn_ir *ir) {
	if (ir == NULL || ir->kind == TN_IR_CONST) {
		return true;
	}
	bool list = ir->kind == TN_IR_LIST;
	const struct tn_ir_list *items = list ? &ir->make.items : &ir->tensor.items;
	for (uint32_t i = 0; (list || ir->kind == TN_IR_TENSOR) && i < items->count; i++) {
		if (items->items[i]->kind != TN_IR_CONST) {
			return false;
		}
	}
	return list || ir->kind == TN_IR_TENSOR;
}

void compile_native(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next, base = window(c, to), n = ir->native.args.count;
	struct tn_native_row *row = compile_alloc(c, 1, sizeof(*row));
	if (row == NULL) {
		return;
	}
	*row = (struct tn_native_row){.native = ir->native.native, .type = ir->type, .count = n};
	native_masks(row->native, row);
	row->spans = compile_alloc(c, (size_t)n + 1, sizeof(row->spans[0]));
	if (row->spans == NULL) {
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		row->spans[i] = ir->native.args.items[i] == NULL ? (struct tn_span){0} : ir->native.args.items[i]->span;
	}
	row->appends = strstr(row->native->signature, " append(") != NULL;
	for (uint32_t i = 0; i < n && i < 32; i++) {
		row->literal_mask |= is_literal(ir->native.args.items[i]) ? 1u << i : 0;
	}
	arguments(c, ir->native.args.items, n, base);
	c->span = ir->span;
	distinct(c, &ir->native.args, base);
	compile_emit(c, TN_OPCODE_NATIVE, base, n, compile_row(c, row));
	finish(c, ir, base, mark, to);
}

void compile_dynamic(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next, base = window(c, to);
	struct tn_dyn_row *row = compile_alloc(c, 1, sizeof(*row));
	if (row == NULL) {
		return;
	}
	*row = (struct tn_dyn_row){.ir = ir, .count = ir->dyn.operands.count};
	arguments(c, ir->dyn.operands.items, row->count, base);
	c->span = ir->span;
	distinct(c, &ir->dyn.operands, base);
	compile_emit(c, TN_OPCODE_DYNAMIC, base, row->count, compile_row(c, row));
	finish(c, ir, base, mark, to);
}
