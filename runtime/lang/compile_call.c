/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: arguments are computed into a window of registers at the top of the frame, which becomes the bottom of the callee's. */
#include <string.h>

#include "lang/compile.h"

/* Where the window begins: the target itself where that is the topmost temporary. */
static uint32_t window(const struct compiler *c, uint32_t to) { return to >= c->instance->local_count && to + 1 == c->next ? to : c->next; }

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
	if (to >= c->instance->local_count && to < c->next) {
		c->temp_counted.items[to - c->instance->local_count] = compile_is_counted(ir->type);
	}
}

void compile_call(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next, base = window(c, to);
	arguments(c, ir->call.args.items, ir->call.args.count, base);
	c->span = ir->span;
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
	row->appends = strstr(row->native->signature, " append(") != NULL;
	for (uint32_t i = 0; i < n && i < 32; i++) {
		row->literal_mask |= is_literal(ir->native.args.items[i]) ? 1u << i : 0;
	}
	arguments(c, ir->native.args.items, n, base);
	c->span = ir->span;
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
	compile_emit(c, TN_OPCODE_DYNAMIC, base, row->count, compile_row(c, row));
	finish(c, ir, base, mark, to);
}
