/* SPDX-License-Identifier: Apache-2.0 */
/* Statements without control flow. */
#include "lang/compile.h"

static void eval(struct compiler *c, const struct tn_ir *ir) {
	uint32_t mark = c->next;
	compile_operand(c, ir);
	compile_release(c, mark);
}

static void set_local(struct compiler *c, const struct tn_ir *ir) {
	uint32_t mark = c->next;
	bool counted = compile_is_counted(c->instance->locals[ir->local].type);
	if (compile_is_ref(c, ir->local) && ir->a->kind != TN_IR_REF) {
		uint32_t r = compile_temp(c, counted);
		compile_to(c, ir->a, r);
		c->span = ir->span;
		compile_emit(c, TN_OPCODE_WRITE_REF, ir->local, r, 0);
		compile_taken(c, mark);
		return;
	}
	compile_to(c, ir->a, ir->local);
	compile_define(c, ir->local);
}

static void set_place(struct compiler *c, const struct tn_ir *ir) {
	uint32_t mark = c->next, r = compile_temp(c, compile_is_counted(ir->a->type));
	compile_to(c, ir->a, r);
	struct tn_path *path = compile_path(c, ir->b);
	c->span = ir->span;
	compile_emit(c, TN_OPCODE_SET_PLACE, r, 0, compile_row(c, path));
	compile_release(c, mark);
}

/* A global number: the right side first, so that the global is read after what that may write. */
static void update_number(struct compiler *c, const struct tn_ir *ir, struct tn_symbol *symbol) {
	uint32_t mark = c->next, row = compile_row(c, symbol);
	bool is_int = ir->arith.class == TN_CLASS_INT, is_const = ir->a->kind == TN_IR_CONST;
	uint32_t value = is_const && ir->arith.op != TN_AST_OP_ADD ? 0 : compile_operand(c, ir->a);
	c->span = ir->span;
	if (ir->arith.op == TN_AST_OP_ADD && ir->arith.class != TN_CLASS_BOOL) {
		compile_emit(c, is_int ? TN_OPCODE_IADD_GLOBAL : TN_OPCODE_FADD_GLOBAL, value, 0, row);
		compile_taken(c, mark);
		return;
	}
	uint32_t r = compile_temp(c, false);
	compile_emit(c, TN_OPCODE_GET_NUMBER, r, 0, row);
	if (is_const) {
		compile_operator(c, ir, r, r, ir->a);
	} else {
		compile_operator_on(c, ir, r, r, value, ir->a);
	}
	compile_emit(c, TN_OPCODE_SET_NUMBER, r, 0, row);
	compile_taken(c, mark);
}

static void update(struct compiler *c, const struct tn_ir *ir) {
	uint32_t mark = c->next;
	const struct tn_ir *place = ir->b;
	if (place->kind == TN_IR_LOCAL && !compile_is_ref(c, place->local)) {
		compile_operator(c, ir, place->local, place->local, ir->a);
		return;
	}
	if (place->kind == TN_IR_GLOBAL && ir->arith.class <= TN_CLASS_BOOL) {
		update_number(c, ir, place->symbol);
		return;
	}
	struct tn_update_row *row = compile_alloc(c, 1, sizeof(*row));
	uint32_t value = compile_operand(c, ir->a);
	struct tn_path *path = compile_path(c, place);
	if (row == NULL || path == NULL) {
		return;
	}
	*row = (struct tn_update_row){.path = path, .op = ir->arith.op, .class = ir->arith.class, .literal = ir->a->kind == TN_IR_CONST, .place = place->span};
	c->span = ir->span;
	compile_emit(c, TN_OPCODE_UPDATE, value, 0, compile_row(c, row));
	compile_release(c, mark);
}

/* s = s + t for a global string: as s += t, which grows it in place. */
static bool is_append(const struct tn_ir *ir) {
	const struct tn_ir *sum = ir->a;
	return ir->kind == TN_IR_SET_GLOBAL && sum->kind == TN_IR_BINARY && sum->arith.class == TN_CLASS_STRING && sum->arith.op == TN_AST_OP_ADD &&
		sum->a->kind == TN_IR_GLOBAL && sum->a->symbol == ir->symbol && !compile_may_write(sum->b);
}

static void set_global(struct compiler *c, const struct tn_ir *ir) {
	if (is_append(ir)) {
		struct tn_ir append = {.kind = TN_IR_UPDATE, .type = ir->type, .span = ir->span, .a = ir->a->b, .b = ir->a->a, .arith = ir->a->arith};
		update(c, &append);
		return;
	}
	uint32_t mark = c->next;
	bool counted = compile_is_counted(ir->symbol->type);
	uint32_t r = compile_temp(c, counted);
	compile_to(c, ir->a, r);
	c->span = ir->span;
	enum tn_opcode op = ir->kind == TN_IR_BIND_GLOBAL ? TN_OPCODE_BIND : counted ? TN_OPCODE_SET_GLOBAL : TN_OPCODE_SET_NUMBER;
	compile_emit(c, op, r, 0, compile_row(c, ir->symbol));
	compile_taken(c, mark);
}

static void unpack(struct compiler *c, const struct tn_ir *ir) {
	uint32_t mark = c->next, r = compile_temp(c, true);
	struct tn_unpack_row *row = compile_alloc(c, 1, sizeof(*row));
	compile_to(c, ir->a, r);
	if (row == NULL) {
		return;
	}
	*row = (struct tn_unpack_row){.locals = ir->flow.unpack_locals, .count = ir->flow.unpack_count};
	for (uint32_t i = 0; i < row->count; i++) {
		if (row->locals[i] != UINT32_MAX) {
			compile_define(c, row->locals[i]);
		}
	}
	c->span = ir->span;
	compile_emit(c, TN_OPCODE_UNPACK, r, 0, compile_row(c, row));
	compile_taken(c, mark);
}

static void scope(struct compiler *c, const struct tn_ir *ir) {
	uint32_t from = c->defined;
	compile_list(c, ir->flow.body);
	compile_drop_locals(c, from, c->defined);
}

static void display(struct compiler *c, const struct tn_ir *ir) {
	uint32_t mark = c->next, r = compile_operand(c, ir->a);
	compile_emit(c, TN_OPCODE_DISPLAY, r, 0, 0);
	compile_release(c, mark);
}

static void statement(struct compiler *c, const struct tn_ir *ir) {
	switch (ir->kind) {
	case TN_IR_EVAL:
		eval(c, ir->a);
		break;
	case TN_IR_SET_LOCAL:
		set_local(c, ir);
		break;
	case TN_IR_SET_GLOBAL:
	case TN_IR_BIND_GLOBAL:
		set_global(c, ir);
		break;
	case TN_IR_SET_PLACE:
		set_place(c, ir);
		break;
	case TN_IR_UPDATE:
		update(c, ir);
		break;
	case TN_IR_UNPACK:
		unpack(c, ir);
		break;
	case TN_IR_SCOPE:
		scope(c, ir);
		break;
	case TN_IR_DISPLAY:
		display(c, ir);
		break;
	case TN_IR_COMMAND:
		compile_emit(c, TN_OPCODE_COMMAND, 0, 0, compile_row(c, ir->name));
		break;
	case TN_IR_IMPORT:
		compile_emit(c, TN_OPCODE_IMPORT, c->next, 0, compile_row(c, ir->unit));
		c->most = c->most > c->next + 1 ? c->most : c->next + 1;
		break;
	default:
		if (ir->kind < TN_IR_EVAL) {
			eval(c, ir);
		} else {
			compile_flow(c, ir);
		}
		break;
	}
}

void compile_list(struct compiler *c, struct tn_ir_list list) {
	for (uint32_t i = 0; i < list.count && !c->failed; i++) {
		struct tn_span before = c->span;
		if (list.items[i]->span.source != NULL) {
			c->span = list.items[i]->span;
		}
		c->depth++;
		if (c->depth > 4000) {
			compile_fail(c, TN_ERR_RECURSION, "these statements are nested too deep");
		} else {
			uint32_t mark = c->next;
			statement(c, list.items[i]);
			assert(c->failed || c->next == mark);
		}
		c->depth--;
		c->span = before;
	}
}
