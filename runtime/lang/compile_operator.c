/* SPDX-License-Identifier: Apache-2.0 */
/* Operators and conditions. Long chains (a + b + c …, a && b && …) lean to the left; they are walked by loops, so that a chain of a
 * hundred thousand terms needs no C stack. */
#include "lang/compile.h"

/* ---- does evaluating it write a variable? ---- */

static bool any_writes(struct tn_ir *const *items, uint32_t count) {
	for (uint32_t i = 0; i < count; i++) {
		if (items[i] != NULL && compile_may_write(items[i])) {
			return true;
		}
	}
	return false;
}

bool compile_may_write(const struct tn_ir *ir) {
	for (;;) {
		switch (ir->kind) {
		case TN_IR_CONST:
		case TN_IR_LOCAL:
		case TN_IR_GLOBAL:
		case TN_IR_FNSET:
			return false;
		case TN_IR_BINARY:
			if (compile_may_write(ir->b)) {
				return true;
			}
			ir = ir->a;
			break;
		case TN_IR_FIELD:
		case TN_IR_ITEM:
		case TN_IR_UNARY:
		case TN_IR_CONVERT:
			ir = ir->a;
			break;
		case TN_IR_CALL:
			return any_writes(ir->call.args.items, ir->call.args.count);
		case TN_IR_CALL_NATIVE:
			return any_writes(ir->native.args.items, ir->native.args.count);
		default:
			return true;
		}
	}
}

/* ---- operators ---- */

static bool small_int(const struct tn_ir *ir, int64_t most) {
	return ir->kind == TN_IR_CONST && ir->value.tag == TN_INT && ir->value.i >= -most && ir->value.i <= most;
}

/* The opcode for two registers, or TN_OPCODE_COUNT. > and >= swap their operands. */
static enum tn_opcode int_opcode(enum tn_ast_op op, bool *swap) {
	*swap = op == TN_AST_OP_GT || op == TN_AST_OP_GE;
	switch (op) {
	case TN_AST_OP_ADD: return TN_OPCODE_IADD;
	case TN_AST_OP_SUB: return TN_OPCODE_ISUB;
	case TN_AST_OP_MUL: return TN_OPCODE_IMUL;
	case TN_AST_OP_DIV: return TN_OPCODE_IDIV;
	case TN_AST_OP_MOD: return TN_OPCODE_IMOD;
	case TN_AST_OP_POW: return TN_OPCODE_IPOW;
	case TN_AST_OP_BITAND: return TN_OPCODE_IAND;
	case TN_AST_OP_BITOR: return TN_OPCODE_IOR;
	case TN_AST_OP_BITXOR: return TN_OPCODE_IXOR;
	case TN_AST_OP_SHL: return TN_OPCODE_ISHL;
	case TN_AST_OP_SHR: return TN_OPCODE_ISHR;
	case TN_AST_OP_EQ: return TN_OPCODE_IEQ;
	case TN_AST_OP_NE: return TN_OPCODE_INE;
	case TN_AST_OP_LT:
	case TN_AST_OP_GT: return TN_OPCODE_ILT;
	case TN_AST_OP_LE:
	case TN_AST_OP_GE: return TN_OPCODE_ILE;
	default: return TN_OPCODE_COUNT;
	}
}

static enum tn_opcode float_opcode(enum tn_ast_op op, bool *swap) {
	*swap = op == TN_AST_OP_GT || op == TN_AST_OP_GE;
	switch (op) {
	case TN_AST_OP_ADD: return TN_OPCODE_FADD;
	case TN_AST_OP_SUB: return TN_OPCODE_FSUB;
	case TN_AST_OP_MUL: return TN_OPCODE_FMUL;
	case TN_AST_OP_DIV: return TN_OPCODE_FDIV;
	case TN_AST_OP_MOD: return TN_OPCODE_FMOD;
	case TN_AST_OP_POW: return TN_OPCODE_FPOW;
	case TN_AST_OP_EQ: return TN_OPCODE_FEQ;
	case TN_AST_OP_NE: return TN_OPCODE_FNE;
	case TN_AST_OP_LT:
	case TN_AST_OP_GT: return TN_OPCODE_FLT;
	case TN_AST_OP_LE:
	case TN_AST_OP_GE: return TN_OPCODE_FLE;
	default: return TN_OPCODE_COUNT;
	}
}

static bool int_with_constant(struct compiler *c, enum tn_ast_op op, uint32_t to, uint32_t a, int64_t k) {
	switch (op) {
	case TN_AST_OP_ADD:
		compile_emit(c, TN_OPCODE_IADDK, to, a, k);
		return true;
	case TN_AST_OP_SUB:
		compile_emit(c, TN_OPCODE_IADDK, to, a, -k);
		return true;
	case TN_AST_OP_MUL:
		compile_emit(c, TN_OPCODE_IMULK, to, a, k);
		return true;
	case TN_AST_OP_DIV:
	case TN_AST_OP_MOD:
		if (k <= 0) { /* 0 and -1 are special */
			return false;
		}
		compile_emit(c, op == TN_AST_OP_DIV ? TN_OPCODE_IDIVK : TN_OPCODE_IMODK, to, a, k);
		return true;
	default:
		return false;
	}
}

static bool float_with_constant(struct compiler *c, enum tn_ast_op op, uint32_t to, uint32_t a, struct tn_value k) {
	enum tn_opcode code = op == TN_AST_OP_ADD ? TN_OPCODE_FADDK : op == TN_AST_OP_SUB ? TN_OPCODE_FSUBK : op == TN_AST_OP_MUL ? TN_OPCODE_FMULK :
		op == TN_AST_OP_DIV ? TN_OPCODE_FDIVK : TN_OPCODE_COUNT;
	if (code == TN_OPCODE_COUNT) {
		return false;
	}
	compile_emit(c, code, to, a, compile_constant(c, k));
	return true;
}

static void general(struct compiler *c, enum tn_ast_op op, enum tn_class class, uint32_t to, uint32_t a, uint32_t b, const struct tn_ir *left, const struct tn_ir *right) {
	struct tn_operator_row *row = compile_alloc(c, 1, sizeof(*row));
	if (row != NULL) {
		*row = (struct tn_operator_row){.op = op, .class = class, .b = b, .literal_a = left != NULL && left->kind == TN_IR_CONST, .literal_b = right->kind == TN_IR_CONST};
		row->spans[0] = left == NULL ? (struct tn_span){0} : left->span;
		row->spans[1] = right->span;
		compile_emit(c, TN_OPCODE_BINARY, to, a, compile_row(c, row));
	}
}

static void registers(struct compiler *c, enum tn_opcode code, bool swap, uint32_t to, uint32_t a, uint32_t b) {
	compile_emit(c, code, to, swap ? b : a, swap ? a : b);
}

void compile_operator_on(struct compiler *c, const struct tn_ir *ir, uint32_t to, uint32_t a, uint32_t right, const struct tn_ir *b) {
	enum tn_class class = ir->arith.class;
	enum tn_ast_op op = ir->arith.op;
	bool swap = false, bits = class == TN_CLASS_BOOL && (op == TN_AST_OP_BITAND || op == TN_AST_OP_BITOR || op == TN_AST_OP_BITXOR);
	enum tn_opcode code = class == TN_CLASS_INT || class == TN_CLASS_BOOL ? int_opcode(op, &swap) : class == TN_CLASS_FLOAT ? float_opcode(op, &swap) : TN_OPCODE_COUNT;
	c->span = ir->span;
	if (bits) {
		general(c, op, class, to, a, right, NULL, b);
	} else if (code != TN_OPCODE_COUNT) {
		registers(c, code, swap, to, a, right);
	} else {
		general(c, op, class, to, a, right, ir->kind == TN_IR_BINARY ? ir->a : ir->b, b);
	}
}

void compile_operator(struct compiler *c, const struct tn_ir *ir, uint32_t to, uint32_t a, const struct tn_ir *b) {
	uint32_t mark = c->next;
	enum tn_class class = ir->arith.class;
	c->span = ir->span;
	if (class == TN_CLASS_INT && small_int(b, TN_MAX_C) && int_with_constant(c, ir->arith.op, to, a, b->value.i)) {
		return;
	}
	if (class == TN_CLASS_FLOAT && b->kind == TN_IR_CONST && float_with_constant(c, ir->arith.op, to, a, b->value)) {
		return;
	}
	compile_operator_on(c, ir, to, a, compile_operand(c, b), b);
	compile_release(c, mark);
}

void compile_binary(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next, count = 0;
	const struct tn_ir *left = ir;
	while (left->kind == TN_IR_BINARY) {
		left = left->a;
		count++;
	}
	const struct tn_ir **chain = compile_alloc(c, count, sizeof(chain[0]));
	if (chain == NULL) {
		return;
	}
	for (const struct tn_ir *n = ir; n != left; n = n->a) {
		chain[--count] = n;
	}
	uint32_t a = compile_operand_before(c, left, chain[0]->b);
	for (;; count++) {
		const struct tn_ir *n = chain[count];
		uint32_t result = to;
		if (n != ir) {
			result = !compile_is_local(c, a) && compile_is_counted(n->a->type) == compile_is_counted(n->type) ? a : compile_temp(c, compile_is_counted(n->type));
		}
		compile_operator(c, n, result, a, n->b);
		if (n == ir) {
			break;
		}
		a = result;
	}
	compile_release(c, mark);
}

void compile_unary(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next, a = compile_operand(c, ir->a);
	enum tn_ast_op op = ir->arith.op;
	c->span = ir->span;
	if (ir->arith.class == TN_CLASS_INT) {
		compile_emit(c, op == TN_AST_OP_NEG ? TN_OPCODE_INEG : op == TN_AST_OP_BITNOT ? TN_OPCODE_INOT : TN_OPCODE_MOVE, to, a, 0);
	} else if (ir->arith.class == TN_CLASS_FLOAT) {
		compile_emit(c, op == TN_AST_OP_NEG ? TN_OPCODE_FNEG : TN_OPCODE_MOVE, to, a, 0);
	} else if (ir->arith.class == TN_CLASS_BOOL) {
		compile_emit(c, TN_OPCODE_NOT, to, a, 0);
	} else {
		struct tn_operator_row *row = compile_alloc(c, 1, sizeof(*row));
		if (row != NULL) {
			*row = (struct tn_operator_row){.op = op, .class = ir->arith.class, .spans = {ir->a->span}};
			compile_emit(c, TN_OPCODE_UNARY, to, a, compile_row(c, row));
		}
	}
	compile_release(c, mark);
}

/* ---- conditions ---- */

static enum tn_ast_op negate(enum tn_ast_op op) {
	switch (op) {
	case TN_AST_OP_LT: return TN_AST_OP_GE;
	case TN_AST_OP_LE: return TN_AST_OP_GT;
	case TN_AST_OP_GT: return TN_AST_OP_LE;
	case TN_AST_OP_GE: return TN_AST_OP_LT;
	case TN_AST_OP_EQ: return TN_AST_OP_NE;
	default: return TN_AST_OP_EQ;
	}
}

static void jump_int(struct compiler *c, enum tn_ast_op op, uint32_t a, const struct tn_ir *b, struct jump_list *list) {
	if (small_int(b, INT16_MAX)) {
		static const enum tn_opcode with_k[] = {TN_OPCODE_JIEQK, TN_OPCODE_JINEK, TN_OPCODE_JILTK, TN_OPCODE_JILEK, TN_OPCODE_JIGTK, TN_OPCODE_JIGEK};
		compile_jump(c, with_k[op - TN_AST_OP_EQ], a, (uint16_t)b->value.i, list);
		return;
	}
	uint32_t right = compile_operand(c, b);
	bool swap = op == TN_AST_OP_GT || op == TN_AST_OP_GE;
	enum tn_opcode code = op == TN_AST_OP_EQ ? TN_OPCODE_JIEQ : op == TN_AST_OP_NE ? TN_OPCODE_JINE : op == TN_AST_OP_LT || op == TN_AST_OP_GT ? TN_OPCODE_JILT : TN_OPCODE_JILE;
	compile_jump(c, code, swap ? right : a, swap ? a : right, list);
}

/* !(a < b) is not b <= a where one is NaN. */
static void jump_float(struct compiler *c, enum tn_ast_op op, bool when, uint32_t a, const struct tn_ir *b, struct jump_list *list) {
	uint32_t right = compile_operand(c, b);
	bool swap = op == TN_AST_OP_GT || op == TN_AST_OP_GE;
	enum tn_opcode code;
	if (op == TN_AST_OP_EQ || op == TN_AST_OP_NE) {
		code = (op == TN_AST_OP_EQ) == when ? TN_OPCODE_JFEQ : TN_OPCODE_JFNE;
	} else if (op == TN_AST_OP_LT || op == TN_AST_OP_GT) {
		code = when ? TN_OPCODE_JFLT : TN_OPCODE_JNFLT;
	} else {
		code = when ? TN_OPCODE_JFLE : TN_OPCODE_JNFLE;
	}
	compile_jump(c, code, swap ? right : a, swap ? a : right, list);
}

static bool jump_compare(struct compiler *c, const struct tn_ir *ir, bool when, struct jump_list *list) {
	enum tn_ast_op op = ir->arith.op;
	if (ir->kind != TN_IR_BINARY || op < TN_AST_OP_EQ || op > TN_AST_OP_GE || (ir->arith.class != TN_CLASS_INT && ir->arith.class != TN_CLASS_FLOAT) ||
	    compile_may_write(ir->b)) {
		return false;
	}
	uint32_t mark = c->next, a = compile_operand(c, ir->a);
	c->span = ir->span;
	if (ir->arith.class == TN_CLASS_INT) {
		jump_int(c, when ? op : negate(op), a, ir->b, list);
	} else {
		jump_float(c, op, when, a, ir->b, list);
	}
	compile_taken(c, mark); /* numbers only */
	return true;
}

/* a && b && …: jumps when all are true, or as soon as one is false; || the other way round. */
static void jump_logical(struct compiler *c, const struct tn_ir *ir, bool when, struct jump_list *list) {
	enum tn_ir_kind kind = ir->kind;
	bool stops_at = kind == TN_IR_OR; /* the operand's value that decides */
	struct jump_list decided = {0};
	uint32_t count = 1;
	const struct tn_ir *n;
	for (n = ir; n->kind == kind; n = n->a) {
		count++;
	}
	const struct tn_ir **chain = compile_alloc(c, count, sizeof(chain[0]));
	if (chain == NULL) {
		return;
	}
	uint32_t i = count;
	for (n = ir; n->kind == kind; n = n->a) {
		chain[--i] = n->b;
	}
	chain[0] = n;
	for (i = 0; i < count; i++) {
		bool last = i + 1 == count;
		compile_condition(c, chain[i], last ? when : stops_at, last || stops_at == when ? list : &decided);
	}
	compile_patch_list(c, &decided, compile_here(c));
}

void compile_condition(struct compiler *c, const struct tn_ir *ir, bool when, struct jump_list *list) {
	if (c->failed || ++c->depth > 4000) {
		compile_fail(c, TN_ERR_RECURSION, "this condition is nested too deep");
		return;
	}
	uint32_t mark = c->next;
	if (ir->kind == TN_IR_AND || ir->kind == TN_IR_OR) {
		jump_logical(c, ir, when, list);
	} else if (ir->kind == TN_IR_UNARY && ir->arith.op == TN_AST_OP_NOT && ir->arith.class == TN_CLASS_BOOL) {
		compile_condition(c, ir->a, !when, list);
	} else if (!jump_compare(c, ir, when, list)) {
		uint32_t r = compile_operand(c, ir);
		compile_jump(c, when ? TN_OPCODE_JUMP_TRUE : TN_OPCODE_JUMP_FALSE, r, 0, list);
		compile_taken(c, mark);
	}
	c->depth--;
}
