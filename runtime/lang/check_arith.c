/* SPDX-License-Identifier: Apache-2.0 */
/* Operators: which class computes an operation of two types (LANGUAGE.md sections 3 "Numbers" and 4). */
#include <string.h>

#include "lang/check.h"

static bool is_compare(enum tn_ast_op op) {
	return op >= TN_AST_OP_EQ && op <= TN_AST_OP_GE;
}
static bool is_bitwise(enum tn_ast_op op) {
	return op >= TN_AST_OP_BITAND && op <= TN_AST_OP_SHR;
}
static bool is_arith(enum tn_ast_op op) {
	return op >= TN_AST_OP_ADD && op <= TN_AST_OP_POW;
}

/* A struct, list, tuple or map with weights; not a bare tensor. */
static bool is_big_tree(const struct tn_type *type) {
	return type->kind != TN_TYPE_TENSOR && type->kind != TN_TYPE_ANY && type->kind != TN_TYPE_FN && tn_type_is_tree(type);
}

static struct tn_ir *make(struct tn_checker *c, enum tn_ast_op op, enum tn_class class, struct tn_type *type, struct tn_ir *a,
	struct tn_ir *b, struct tn_span span) {
	struct tn_ir *ir = a == NULL ? NULL : check_node(c, b == NULL ? TN_IR_UNARY : TN_IR_BINARY, type, span);
	if (ir != NULL) {
		ir->arith.op = op;
		ir->arith.class = class;
		ir->a = a;
		ir->b = b;
	}
	return ir;
}

static struct tn_ir *refuse(
	struct tn_checker *c, enum tn_ast_op op, const struct tn_ir *a, const struct tn_ir *b, struct tn_span span) {
	char left[128], right[128];
	tn_type_format(a->type, left);
	if (b == NULL) {
		check_error(c, span, TN_ERR_TYPE, "operator %s does not take %s", tn_ast_op_text(op), left);
		return NULL;
	}
	tn_type_format(b->type, right);
	struct tn_error *err =
		check_error(c, span, TN_ERR_TYPE, "operator %s does not take %s and %s", tn_ast_op_text(op), left, right);
	const struct tn_type *ta = a->type, *tb = b->type;
	bool one_string = (ta->kind == TN_TYPE_STRING) != (tb->kind == TN_TYPE_STRING);
	bool number_list = (ta->kind == TN_TYPE_LIST && tn_type_is_number(ta->items[0])) ||
		(tb->kind == TN_TYPE_LIST && tn_type_is_number(tb->items[0]));
	if (op == TN_AST_OP_ADD && one_string) {
		HINT(err, "f\"{x}\" or string(x) turns a value into text");
	} else if (op == TN_AST_OP_MOD && ta->kind == TN_TYPE_STRING) {
		HINT(err, "f\"{x:.2f}\" puts a value into text");
	} else if (op == TN_AST_OP_MUL && one_string) {
		HINT(err, "s.repeat(3) is a text three times");
	} else if (op == TN_AST_OP_SUB && ta->kind == TN_TYPE_STRING && tb->kind == TN_TYPE_STRING) {
		HINT(err, "ord(s) is the code of a character");
	} else if (op == TN_AST_OP_ADD && ta->kind == TN_TYPE_LIST && b->kind == TN_IR_TENSOR) {
		HINT(err, "xs.append(x); adds an item, xs.extend(ys); those of another list; tensor(xs) makes a tensor to compute with");
	} else if (op == TN_AST_OP_ADD && ta->kind == TN_TYPE_LIST && tb->kind == TN_TYPE_LIST) {
		HINT(err, "xs.extend(ys) adds the items of another list");
	} else if (number_list) {
		HINT(err, "tensor(xs) makes a tensor of a list of numbers, which can be computed with");
	} else if (ta->kind == TN_TYPE_EMPTY || tb->kind == TN_TYPE_EMPTY) {
		HINT(err, "is_empty(x) asks whether a slot is empty");
	} else if (op == TN_AST_OP_MATMUL) {
		HINT(err, "@ multiplies tensors; * multiplies numbers");
	} else if ((op == TN_AST_OP_BITAND || op == TN_AST_OP_BITOR) && (ta->kind == TN_TYPE_FLOAT || tb->kind == TN_TYPE_FLOAT)) {
		HINT(err, "&& and || combine conditions");
	}
	return NULL;
}

static struct tn_ir *dyn(
	struct tn_checker *c, enum dyn_what what, enum tn_ast_op op, struct tn_ir *a, struct tn_ir *b, struct tn_span span) {
	struct tn_ir *operands[2] = {a, b};
	struct dyn_extra extra = {.op = (int)op};
	return check_dyn(c, what, NULL, extra, operands, b == NULL ? 1 : 2, span);
}

/* ---- unary ---- */

static struct tn_ir *negate_constant(struct tn_checker *c, struct tn_ir *a, struct tn_span span) {
	if (a->type->kind == TN_TYPE_INT) {
		return check_const(c, tn_int(-a->value.i), TN_TYPE_INT, span);
	}
	return check_const(c, tn_float(-a->value.f), TN_TYPE_FLOAT, span);
}

struct tn_ir *check_unary(struct tn_checker *c, enum tn_ast_op op, struct tn_ir *a, struct tn_span span) {
	enum tn_type_kind kind = a->type->kind;
	if (op == TN_AST_OP_NOT) {
		struct tn_ir *condition = check_condition(c, a, "operator !");
		return make(c, op, TN_CLASS_BOOL, check_basic(c, TN_TYPE_BOOL), condition, NULL, span);
	}
	if (kind == TN_TYPE_ANY) {
		return dyn(c, DYN_UNARY, op, a, NULL, span);
	}
	if (op == TN_AST_OP_BITNOT) {
		if (kind == TN_TYPE_INT || kind == TN_TYPE_BOOL) {
			return make(c, op, kind == TN_TYPE_INT ? TN_CLASS_INT : TN_CLASS_BOOL, a->type, a, NULL, span);
		}
		return kind == TN_TYPE_TENSOR ? make(c, op, TN_CLASS_TENSOR, a->type, a, NULL, span) : refuse(c, op, a, NULL, span);
	}
	if (kind == TN_TYPE_BOOL) {
		a = check_coerce(c, a, check_basic(c, TN_TYPE_INT), "operator -");
		return make(c, op, TN_CLASS_INT, check_basic(c, TN_TYPE_INT), a, NULL, span);
	}
	if (kind == TN_TYPE_INT || kind == TN_TYPE_FLOAT) {
		if (op == TN_AST_OP_POS) {
			return a;
		}
		bool lowest = a->kind == TN_IR_CONST && kind == TN_TYPE_INT && a->value.i == INT64_MIN;
		if (a->kind == TN_IR_CONST && !lowest) {
			return negate_constant(c, a, span);
		}
		return make(c, op, kind == TN_TYPE_INT ? TN_CLASS_INT : TN_CLASS_FLOAT, a->type, a, NULL, span);
	}
	if (kind == TN_TYPE_TENSOR) {
		return make(c, op, TN_CLASS_TENSOR, a->type, a, NULL, span);
	}
	return is_big_tree(a->type) ? make(c, op, TN_CLASS_TREE, a->type, a, NULL, span) : refuse(c, op, a, NULL, span);
}

/* ---- binary ---- */

/* `int / int` inside an expression with floats or tensors is rarely meant. */
void check_warn_quotient(struct tn_checker *c, const struct tn_ir *ir, const struct tn_type *type) {
	if (ir->kind == TN_IR_BINARY && ir->arith.op == TN_AST_OP_DIV && ir->arith.class == TN_CLASS_INT &&
		(type->kind == TN_TYPE_FLOAT || type->kind == TN_TYPE_TENSOR)) {
		check_warn(c, ir->span, "float(a) / b keeps it", "int / int drops the fraction before it meets a %s",
			type->kind == TN_TYPE_FLOAT ? "float" : "tensor");
	}
}

static struct tn_ir *numbers(struct tn_checker *c, enum tn_ast_op op, struct tn_ir *a, struct tn_ir *b, struct tn_span span) {
	bool is_float = a->type->kind == TN_TYPE_FLOAT || b->type->kind == TN_TYPE_FLOAT;
	bool bools = a->type->kind == TN_TYPE_BOOL && b->type->kind == TN_TYPE_BOOL;
	if (is_bitwise(op)) {
		if (is_float) {
			return refuse(c, op, a, b, span);
		}
		if (bools && op <= TN_AST_OP_BITXOR) {
			return make(c, op, TN_CLASS_BOOL, a->type, a, b, span);
		}
	}
	if (bools && (op == TN_AST_OP_EQ || op == TN_AST_OP_NE)) {
		return make(c, op, TN_CLASS_BOOL, a->type, a, b, span);
	}
	struct tn_type *type = check_basic(c, is_float ? TN_TYPE_FLOAT : TN_TYPE_INT);
	a = check_coerce(c, a, type, "operand");
	b = a == NULL ? NULL : check_coerce(c, b, type, "operand");
	if (b == NULL) {
		return NULL;
	}
	return make(
		c, op, is_float ? TN_CLASS_FLOAT : TN_CLASS_INT, is_compare(op) ? check_basic(c, TN_TYPE_BOOL) : type, a, b, span);
}

/* A tensor of one kind or another lies inside: `==` would not be one bool. */
static bool holds_tensor(const struct tn_type *type) {
	return type->kind != TN_TYPE_ANY && type->kind != TN_TYPE_FN && tn_type_is_tree(type);
}

static bool is_number_tuple(const struct tn_type *type) {
	for (uint32_t i = 0; type->kind == TN_TYPE_TUPLE && i < type->item_count; i++) {
		if (!tn_type_is_number(type->items[i])) {
			return false;
		}
	}
	return type->kind == TN_TYPE_TUPLE && type->item_count > 0;
}
static bool is_number_list(const struct tn_type *type) {
	return type->kind == TN_TYPE_LIST && tn_type_is_number(type->items[0]);
}

/* `x.shape == [3, 4]`: beside a list or a tuple of numbers a bracket literal is a list, not a tensor. */
static struct tn_ir *literal_beside(struct tn_checker *c, struct tn_ir *ir, const struct tn_type *other) {
	bool list = other->kind == TN_TYPE_LIST && !holds_tensor(other);
	bool literal = ir->kind == TN_IR_TENSOR && ir->tensor.shape.ndim > 0;
	return literal && (list || is_number_tuple(other)) ? check_as_plain_list(c, ir) : ir;
}

/* Of one type; containers of one kind, whose items are compared as they are; a tuple of numbers with a list of numbers. */
static bool is_comparable(const struct tn_type *a, const struct tn_type *b) {
	bool container = a->kind == TN_TYPE_LIST || a->kind == TN_TYPE_TUPLE || a->kind == TN_TYPE_MAP;
	bool mixed = (is_number_tuple(a) && is_number_list(b)) || (is_number_list(a) && is_number_tuple(b));
	return (a == b || (a->kind == b->kind && container) || mixed) && a->kind != TN_TYPE_EMPTY && a->kind != TN_TYPE_VOID;
}

static struct tn_ir *compare_values(
	struct tn_checker *c, enum tn_ast_op op, struct tn_ir *a, struct tn_ir *b, struct tn_span span) {
	if (op != TN_AST_OP_EQ && op != TN_AST_OP_NE) {
		return refuse(c, op, a, b, span);
	}
	struct tn_type *ta = a->type, *tb = b->type;
	a = literal_beside(c, a, tb);
	b = a == NULL ? NULL : literal_beside(c, b, ta);
	if (b == NULL) {
		return NULL;
	}
	if (holds_tensor(a->type) || holds_tensor(b->type)) {
		struct tn_error *err = check_error(c, span, TN_ERR_TYPE, "== does not compare values with tensors inside");
		HINT(err, "equal(a, b) compares tensors as a whole");
		return NULL;
	}
	if (!is_comparable(a->type, b->type)) {
		return refuse(c, op, a, b, span);
	}
	return make(c, op, TN_CLASS_VALUE, check_basic(c, TN_TYPE_BOOL), a, b, span);
}

static struct tn_ir *trees(struct tn_checker *c, enum tn_ast_op op, struct tn_ir *a, struct tn_ir *b, struct tn_span span) {
	struct tn_ir *pair[2] = {a, b};
	for (int i = 0; i < 2; i++) {
		const struct tn_type *t = pair[i]->type;
		if (!is_big_tree(t) && t->kind != TN_TYPE_TENSOR && !tn_type_is_number(t)) {
			return refuse(c, op, a, b, span);
		}
	}
	if (is_big_tree(a->type) && is_big_tree(b->type) && a->type->kind == TN_TYPE_STRUCT && b->type->kind == TN_TYPE_STRUCT &&
		a->type != b->type) {
		return refuse(c, op, a, b, span);
	}
	return make(c, op, TN_CLASS_TREE, is_big_tree(a->type) ? a->type : b->type, a, b, span);
}

struct tn_ir *check_binary(struct tn_checker *c, enum tn_ast_op op, struct tn_ir *a, struct tn_ir *b, struct tn_span span) {
	const struct tn_type *ta = a->type, *tb = b->type;
	if (op == TN_AST_OP_AND || op == TN_AST_OP_OR) {
		struct tn_ir *left = check_condition(c, a, op == TN_AST_OP_AND ? "operator &&" : "operator ||");
		struct tn_ir *right = check_condition(c, b, op == TN_AST_OP_AND ? "operator &&" : "operator ||");
		struct tn_ir *ir = left == NULL || right == NULL
			? NULL
			: check_node(c, op == TN_AST_OP_AND ? TN_IR_AND : TN_IR_OR, check_basic(c, TN_TYPE_BOOL), span);
		if (ir != NULL) {
			ir->a = left;
			ir->b = right;
		}
		return ir;
	}
	if (op == TN_AST_OP_RANGE) {
		struct tn_type *type = check_basic(c, TN_TYPE_INT);
		struct tn_ir *left = check_coerce(c, a, type, "the start of a range"),
					 *right = check_coerce(c, b, type, "the end of a range");
		struct tn_ir *ir =
			left == NULL || right == NULL ? NULL : check_node(c, TN_IR_RANGE, tn_type_seq(c->lang->types, type), span);
		if (ir != NULL) {
			ir->a = left;
			ir->b = right;
		}
		return ir;
	}
	if (ta->kind == TN_TYPE_NEVER || tb->kind == TN_TYPE_NEVER || ta->kind == TN_TYPE_VOID || tb->kind == TN_TYPE_VOID) {
		return refuse(c, op, a, b, span);
	}
	if (ta->kind == TN_TYPE_ANY || tb->kind == TN_TYPE_ANY) {
		return dyn(c, DYN_BINARY, op, a, b, span);
	}
	if (is_arith(op)) {
		check_warn_quotient(c, a, b->type);
		check_warn_quotient(c, b, a->type);
	}
	if (tn_type_is_number(ta) && tn_type_is_number(tb)) {
		return op == TN_AST_OP_MATMUL ? refuse(c, op, a, b, span) : numbers(c, op, a, b, span);
	}
	if (ta->kind == TN_TYPE_STRING && tb->kind == TN_TYPE_STRING && (op == TN_AST_OP_ADD || is_compare(op))) {
		return make(c, op, TN_CLASS_STRING, op == TN_AST_OP_ADD ? a->type : check_basic(c, TN_TYPE_BOOL), a, b, span);
	}
	bool tensor_a = ta->kind == TN_TYPE_TENSOR, tensor_b = tb->kind == TN_TYPE_TENSOR;
	if (op == TN_AST_OP_MUL && a->kind == TN_IR_TENSOR && a->tensor.items.count == 1 && a->tensor.shape.ndim == 1 && tb->kind == TN_TYPE_INT) {
		check_warn(c, span, "full([10], x) or zeros(10) makes a tensor, list(10, (i) => x) a list",
			"this multiplies the one item: it does not repeat it");
	}
	if ((tensor_a && (tensor_b || tn_type_is_number(tb))) || (tensor_b && tn_type_is_number(ta))) {
		if (op == TN_AST_OP_MATMUL && !(tensor_a && tensor_b)) {
			return refuse(c, op, a, b, span);
		}
		return make(c, op, TN_CLASS_TENSOR, check_basic(c, TN_TYPE_TENSOR), a, b, span);
	}
	if (is_compare(op)) {
		return compare_values(c, op, a, b, span);
	}
	if (is_arith(op) && (is_big_tree(ta) || is_big_tree(tb))) {
		return trees(c, op, a, b, span);
	}
	return refuse(c, op, a, b, span);
}
