/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions, each into a register that is given: an instruction writes its target last, so that the target may be one of its
 * operands (x = x + 1 computes in place). */
#include "lang/compile.h"

enum { MAX_DEPTH = 4000 };

uint32_t compile_operand(struct compiler *c, const struct tn_ir *ir) {
	if (ir->kind == TN_IR_LOCAL && !compile_is_ref(c, ir->local)) {
		return ir->local;
	}
	uint32_t r = compile_temp(c, compile_is_counted(ir->type) || ir->kind == TN_IR_REF);
	compile_to(c, ir, r);
	return r;
}

uint32_t compile_operand_before(struct compiler *c, const struct tn_ir *ir, const struct tn_ir *later) {
	uint32_t r = compile_operand(c, ir);
	if (!compile_is_local(c, r) || later == NULL || !compile_may_write(later)) {
		return r;
	}
	uint32_t copy = compile_temp(c, compile_is_counted(ir->type));
	compile_to(c, ir, copy);
	return copy;
}

void compile_move(struct compiler *c, const struct tn_type *type, uint32_t to, uint32_t from) {
	if (to != from) {
		compile_emit(c, compile_is_counted(type) ? TN_OPCODE_TAKE : TN_OPCODE_MOVE, to, from, 0);
	}
}

static void constant(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	struct tn_value v = ir->value;
	if (v.tag == TN_INT && v.i >= -TN_MAX_C && v.i <= TN_MAX_C) {
		compile_emit(c, TN_OPCODE_INT, to, 0, v.i);
	} else {
		compile_emit(c, TN_OPCODE_CONST, to, 0, compile_constant(c, v));
	}
}

static void read_local(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	if (compile_is_ref(c, ir->local)) {
		compile_emit(c, TN_OPCODE_READ_REF, to, ir->local, 0);
	} else if (to != ir->local) {
		compile_emit(c, compile_is_counted(ir->type) ? TN_OPCODE_COPY : TN_OPCODE_MOVE, to, ir->local, 0);
	}
}

static void part(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next, object = compile_operand(c, ir->a);
	enum tn_opcode op = ir->kind == TN_IR_FIELD ? TN_OPCODE_FIELD : ir->a->type->kind == TN_TYPE_LAMBDA ? TN_OPCODE_CAPTURE : TN_OPCODE_ITEM;
	c->span = ir->span;
	compile_emit(c, op, to, object, ir->index);
	compile_release(c, mark);
}

static void subscript(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next;
	bool list = ir->a->type->kind == TN_TYPE_LIST && ir->subscript.count == 1 && ir->subscript.items[0].kind == TN_IR_INDEX_VALUE;
	uint32_t object = list ? compile_operand_before(c, ir->a, ir->subscript.items[0].a) : compile_operand(c, ir->a);
	if (list) {
		uint32_t index = compile_operand(c, ir->subscript.items[0].a);
		c->span = ir->span;
		compile_emit(c, TN_OPCODE_GET_LIST, to, object, index);
	} else {
		struct tn_subscript *row = compile_subscript(c, ir);
		c->span = ir->span;
		compile_emit(c, TN_OPCODE_INDEX, to, object, compile_row(c, row));
	}
	compile_release(c, mark);
}

static void conditional(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	struct jump_list otherwise = {0}, end = {0};
	compile_condition(c, ir->a, false, &otherwise);
	compile_to(c, ir->b, to);
	compile_jump(c, TN_OPCODE_JUMP, 0, 0, &end);
	compile_patch_list(c, &otherwise, compile_here(c));
	compile_to(c, ir->c, to);
	compile_patch_list(c, &end, compile_here(c));
}

static void logical(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	struct jump_list no = {0}, end = {0};
	compile_condition(c, ir, false, &no);
	compile_emit(c, TN_OPCODE_CONST, to, 0, compile_constant(c, tn_bool(true)));
	compile_jump(c, TN_OPCODE_JUMP, 0, 0, &end);
	compile_patch_list(c, &no, compile_here(c));
	compile_emit(c, TN_OPCODE_CONST, to, 0, compile_constant(c, tn_bool(false)));
	compile_patch_list(c, &end, compile_here(c));
}

static void convert(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next, a = compile_operand(c, ir->a);
	c->span = ir->span;
	if (ir->convert.kind == TN_CONVERT_INT_TO_FLOAT) {
		compile_emit(c, TN_OPCODE_INT_TO_FLOAT, to, a, 0);
	} else if (ir->convert.kind == TN_CONVERT_TO_BOOL) {
		compile_emit(c, TN_OPCODE_TO_BOOL, to, a, 0);
	} else {
		struct tn_convert_row *row = compile_alloc(c, 1, sizeof(*row));
		if (row != NULL) {
			*row = (struct tn_convert_row){.kind = ir->convert.kind, .has_dtype = ir->convert.has_dtype, .dtype = ir->convert.dtype, .type = ir->type,
				.literal = ir->a->kind == TN_IR_CONST};
			compile_emit(c, TN_OPCODE_CONVERT, to, a, compile_row(c, row));
		}
	}
	compile_release(c, mark);
}

/* The dimensions to match stand in registers side by side. */
static void expect(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next, a = compile_operand(c, ir->a), wanted = c->next;
	const struct tn_ir_shape *shape = ir->shape;
	for (uint32_t i = 0; i < shape->count; i++) {
		compile_temp(c, false);
	}
	for (uint32_t i = 0; i < shape->count; i++) {
		if (shape->dims[i].kind == TN_IR_DIM_MATCH) {
			compile_to(c, shape->dims[i].expr, wanted + i);
		} else if (shape->dims[i].kind == TN_IR_DIM_BIND) {
			compile_define(c, shape->dims[i].local);
		}
	}
	c->span = ir->span;
	compile_emit(c, TN_OPCODE_EXPECT, a, wanted, compile_row(c, shape));
	if (!compile_is_local(c, a)) {
		compile_move(c, ir->type, to, a);
	} else if (a != to) {
		compile_emit(c, TN_OPCODE_COPY, to, a, 0);
	}
	compile_release(c, mark);
}

static void range(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next, a = compile_operand_before(c, ir->a, ir->b), b = compile_operand(c, ir->b);
	compile_emit(c, TN_OPCODE_RANGE, to, a, b);
	compile_release(c, mark);
}

static void reference(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next;
	if (ir->a->kind == TN_IR_LOCAL && compile_is_ref(c, ir->a->local) && !ir->by_call) {
		compile_emit(c, TN_OPCODE_COPY, to, ir->a->local, 0);
		return;
	}
	struct tn_path *path = compile_path(c, ir->a);
	if (path != NULL) {
		path->by_call = ir->by_call;
	}
	c->span = ir->span;
	compile_emit(c, TN_OPCODE_REF, to, 0, compile_row(c, path));
	compile_release(c, mark);
}

static void global(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	compile_emit(c, compile_is_counted(ir->symbol->type) ? TN_OPCODE_GET_GLOBAL : TN_OPCODE_GET_NUMBER, to, 0, compile_row(c, ir->symbol));
}

static void dispatch(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	switch (ir->kind) {
	case TN_IR_CONST:
		constant(c, ir, to);
		return;
	case TN_IR_LOCAL:
		read_local(c, ir, to);
		return;
	case TN_IR_GLOBAL:
		global(c, ir, to);
		return;
	case TN_IR_FIELD:
	case TN_IR_ITEM:
		part(c, ir, to);
		return;
	case TN_IR_INDEX:
		subscript(c, ir, to);
		return;
	case TN_IR_UNARY:
		compile_unary(c, ir, to);
		return;
	case TN_IR_BINARY:
		compile_binary(c, ir, to);
		return;
	case TN_IR_AND:
	case TN_IR_OR:
		logical(c, ir, to);
		return;
	case TN_IR_COND:
		conditional(c, ir, to);
		return;
	case TN_IR_RANGE:
		range(c, ir, to);
		return;
	case TN_IR_CALL:
		compile_call(c, ir, to);
		return;
	case TN_IR_CALL_NATIVE:
		compile_native(c, ir, to);
		return;
	case TN_IR_DYN:
		compile_dynamic(c, ir, to);
		return;
	case TN_IR_CONVERT:
		convert(c, ir, to);
		return;
	case TN_IR_EXPECT:
		expect(c, ir, to);
		return;
	case TN_IR_REF:
		reference(c, ir, to);
		return;
	case TN_IR_BLOCK:
		compile_block(c, ir, to);
		return;
	case TN_IR_LET:
		compile_list(c, ir->let.body);
		compile_to(c, ir->a, to);
		return;
	default:
		compile_make(c, ir, to);
		return;
	}
}

void compile_to(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	if (c->failed) {
		return;
	}
	struct tn_span before = c->span;
	if (ir->span.source != NULL) {
		c->span = ir->span;
	}
	if (++c->depth > MAX_DEPTH) {
		compile_fail(c, TN_ERR_RECURSION, "this expression is nested too deep");
	} else {
		uint32_t mark = c->next;
		dispatch(c, ir, to);
		assert(c->failed || c->next == mark);
	}
	c->depth--;
	c->span = before;
}
