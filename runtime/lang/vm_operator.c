/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that are no single instruction: on strings, tensors, trees and any values; and what numbers need beyond the loop. */
#include <math.h>
#include <string.h>

#include "lang/vm.h"

bool vm_int_pow(int64_t a, int64_t b, int64_t *out, struct tn_error *err) {
	int64_t result = 1, base = a, left = b;
	if (b < 0) {
		tn_error_set(err, TN_ERR_VALUE, "int ** int with a negative exponent: %lld ** %lld is no int", (long long)a, (long long)b);
		tn_error_hint(err, "float(x) ** n gives a float");
		return false;
	}
	while (left > 0) {
		if ((left & 1) != 0 && __builtin_mul_overflow(result, base, &result)) {
			return tn_error_set(err, TN_ERR_OVERFLOW, "%lld ** %lld does not fit an int", (long long)a, (long long)b);
		}
		left >>= 1;
		if (left > 0 && __builtin_mul_overflow(base, base, &base)) {
			return tn_error_set(err, TN_ERR_OVERFLOW, "%lld ** %lld does not fit an int", (long long)a, (long long)b);
		}
	}
	*out = result;
	return true;
}

bool vm_to_bool(struct tn_value v, bool *out, struct tn_error *err) {
	double x;
	switch (v.tag) {
	case TN_BOOL:
	case TN_INT:
		*out = v.i != 0;
		return true;
	case TN_FLOAT:
		*out = v.f != 0;
		return true;
	case TN_TENSOR:
		if (tn_shape_count(tn_tensor_shape(v.tensor)) != 1) {
			char text[176];
			tn_describe(tn_tensor_dtype(v.tensor), tn_tensor_shape(v.tensor), text);
			tn_error_set(err, TN_ERR_SHAPE, "a condition must be one value, this is %s", text);
			tn_error_hint(err, "any(x) or all(x) makes one of it");
			return false;
		}
		if (!tn_tensor_item_f64(v.tensor, &x, err)) {
			return false;
		}
		*out = x != 0;
		return true;
	case TN_EMPTY:
		return tn_error_set(err, TN_ERR_VALUE, "a condition must be one value, this is empty");
	default:
		return tn_error_set(err, TN_ERR_TYPE, "a condition must be a bool, a number or a tensor of one element");
	}
}

enum tn_op vm_tensor_op(enum tn_ast_op op) {
	switch (op) {
	case TN_AST_OP_ADD: return TN_OP_ADD;
	case TN_AST_OP_SUB: return TN_OP_SUB;
	case TN_AST_OP_MUL: return TN_OP_MUL;
	case TN_AST_OP_DIV: return TN_OP_DIV;
	case TN_AST_OP_MOD: return TN_OP_MOD;
	case TN_AST_OP_POW: return TN_OP_POW;
	case TN_AST_OP_EQ: return TN_OP_EQ;
	case TN_AST_OP_NE: return TN_OP_NE;
	case TN_AST_OP_LT: return TN_OP_LT;
	case TN_AST_OP_LE: return TN_OP_LE;
	case TN_AST_OP_GT: return TN_OP_GT;
	case TN_AST_OP_GE: return TN_OP_GE;
	case TN_AST_OP_BITAND: return TN_OP_AND;
	case TN_AST_OP_BITOR: return TN_OP_OR;
	case TN_AST_OP_BITXOR: return TN_OP_XOR;
	case TN_AST_OP_SHL: return TN_OP_SHL;
	case TN_AST_OP_SHR: return TN_OP_SHR;
	case TN_AST_OP_NEG: return TN_OP_NEG;
	case TN_AST_OP_BITNOT: return TN_OP_NOT;
	default: return TN_OP_COUNT;
	}
}

static bool operand(struct tn_value v, bool literal, struct tn_span span, struct tn_arg *out, struct tn_error *err) {
	switch (v.tag) {
	case TN_TENSOR:
		*out = tn_arg_tensor(v.tensor);
		return true;
	case TN_FLOAT:
		*out = tn_arg_f64(v.f, literal);
		return true;
	case TN_INT:
	case TN_BOOL:
		*out = tn_arg_i64(v.i, literal);
		out->is_bool = v.tag == TN_BOOL;
		return true;
	case TN_EMPTY:
		return vm_is_empty(span, "an operand", err);
	default:
		return tn_error_set(err, TN_ERR_TYPE, "expected tensors or numbers as operands");
	}
}

static bool take_tensor(struct tn_tensor *t, struct tn_value *out) {
	if (t != NULL) {
		*out = tn_tensor_value(t);
	}
	return t != NULL;
}

static bool tensors(struct tn_vm *vm, const struct tn_operator_row *row, struct tn_value a, struct tn_value b, struct tn_value *out, struct tn_error *err) {
	struct tn_arg args[2];
	if (!operand(a, row->literal_a, row->spans[0], &args[0], err) || !operand(b, row->literal_b, row->spans[1], &args[1], err)) {
		return false;
	}
	if (row->op == TN_AST_OP_MATMUL) {
		return take_tensor(tn_matmul(vm->engine, a.tensor, b.tensor, err), out);
	}
	return take_tensor(tn_elementwise(vm->engine, vm_tensor_op(row->op), args, 2, err), out);
}

static bool compare(enum tn_ast_op op, int order) {
	switch (op) {
	case TN_AST_OP_LT: return order < 0;
	case TN_AST_OP_LE: return order <= 0;
	case TN_AST_OP_GT: return order > 0;
	case TN_AST_OP_GE: return order >= 0;
	case TN_AST_OP_NE: return order != 0;
	default: return order == 0;
	}
}

static bool strings(enum tn_ast_op op, const struct tn_string *a, const struct tn_string *b, struct tn_value *out, struct tn_error *err) {
	if (op == TN_AST_OP_ADD) {
		return tn_string_join(a, b, out, err);
	}
	uint32_t n = a->length < b->length ? a->length : b->length;
	int order = memcmp(a->text, b->text, n);
	*out = tn_bool(compare(op, order != 0 ? order : (a->length > b->length) - (a->length < b->length)));
	return true;
}

static bool ints(enum tn_ast_op op, int64_t a, int64_t b, struct tn_value *out, struct tn_error *err) {
	int64_t r = 0;
	bool over = false;
	switch (op) {
	case TN_AST_OP_ADD:
		over = __builtin_add_overflow(a, b, &r);
		break;
	case TN_AST_OP_SUB:
		over = __builtin_sub_overflow(a, b, &r);
		break;
	case TN_AST_OP_MUL:
		over = __builtin_mul_overflow(a, b, &r);
		break;
	case TN_AST_OP_DIV:
	case TN_AST_OP_MOD:
		if (b == 0) {
			return tn_error_set(err, TN_ERR_ZERO_DIVISION, "integer %s by zero", op == TN_AST_OP_DIV ? "division" : "remainder");
		}
		over = op == TN_AST_OP_DIV && a == INT64_MIN && b == -1;
		r = over || (op == TN_AST_OP_MOD && b == -1) ? 0 : op == TN_AST_OP_DIV ? a / b : a % b;
		break;
	case TN_AST_OP_POW:
		if (!vm_int_pow(a, b, &r, err)) {
			return false;
		}
		break;
	case TN_AST_OP_BITAND:
		r = a & b;
		break;
	case TN_AST_OP_BITOR:
		r = a | b;
		break;
	case TN_AST_OP_BITXOR:
		r = a ^ b;
		break;
	case TN_AST_OP_SHL:
	case TN_AST_OP_SHR:
		if (b < 0 || b > 63) {
			return tn_error_set(err, TN_ERR_VALUE, "a shift must be by 0 to 63, it is by %lld", (long long)b);
		}
		r = op == TN_AST_OP_SHL ? (int64_t)((uint64_t)a << b) : a >> b;
		break;
	default:
		*out = tn_bool(compare(op, (a > b) - (a < b)));
		return true;
	}
	if (over) {
		return tn_error_set(err, TN_ERR_OVERFLOW, "%lld %s %lld does not fit an int", (long long)a, tn_ast_op_text(op), (long long)b);
	}
	*out = tn_int(r);
	return true;
}

static double as_float(struct tn_value v) { return v.tag == TN_FLOAT ? v.f : (double)v.i; }

static bool floats(enum tn_ast_op op, double a, double b, struct tn_value *out) {
	switch (op) {
	case TN_AST_OP_ADD:
		*out = tn_float(a + b);
		return true;
	case TN_AST_OP_SUB:
		*out = tn_float(a - b);
		return true;
	case TN_AST_OP_MUL:
		*out = tn_float(a * b);
		return true;
	case TN_AST_OP_DIV:
		*out = tn_float(a / b);
		return true;
	case TN_AST_OP_MOD:
		*out = tn_float(fmod(a, b));
		return true;
	case TN_AST_OP_POW:
		*out = tn_float(pow(a, b));
		return true;
	default:
		*out = tn_bool(a != a || b != b ? op == TN_AST_OP_NE : compare(op, (a > b) - (a < b)));
		return true;
	}
}

bool vm_binary(struct tn_vm *vm, const struct tn_operator_row *row, struct tn_value a, struct tn_value b, struct tn_value *out, struct tn_error *err) {
	bool equal;
	switch (row->class) {
	case TN_CLASS_TENSOR:
		return tensors(vm, row, a, b, out, err);
	case TN_CLASS_TREE: {
		struct tn_value args[2] = {a, b};
		return tn_tree_elementwise(vm->lang, vm_tensor_op(row->op), args, 2, out, err);
	}
	case TN_CLASS_STRING:
		return strings(row->op, a.string, b.string, out, err);
	case TN_CLASS_INT:
		return ints(row->op, a.i, b.i, out, err);
	case TN_CLASS_FLOAT:
		return floats(row->op, as_float(a), as_float(b), out);
	case TN_CLASS_BOOL:
		if (!ints(row->op, a.i, b.i, out, err)) {
			return false;
		}
		*out = tn_bool(out->i != 0);
		return true;
	case TN_CLASS_VALUE:
		break;
	}
	if (!tn_value_equal(a, b, &equal, err)) {
		return false;
	}
	*out = tn_bool(equal == (row->op == TN_AST_OP_EQ));
	return true;
}

bool vm_unary(struct tn_vm *vm, const struct tn_operator_row *row, struct tn_value a, struct tn_value *out, struct tn_error *err) {
	struct tn_arg arg;
	if (row->op == TN_AST_OP_POS) {
		*out = tn_value_ref(a);
		return true;
	}
	if (row->class == TN_CLASS_TREE) {
		return tn_tree_elementwise(vm->lang, vm_tensor_op(row->op), &a, 1, out, err);
	}
	return operand(a, false, row->spans[0], &arg, err) && take_tensor(tn_unary(vm->engine, vm_tensor_op(row->op), a.tensor, err), out);
}
