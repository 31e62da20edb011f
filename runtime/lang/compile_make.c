/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions that make a value of parts: tuples, lists, maps, structs, bracket literals, lambdas, f-strings. */
#include "lang/compile.h"

/* Values side by side in new registers, from c->next on. */
static uint32_t side_by_side(struct compiler *c, struct tn_ir *const *items, uint32_t count) {
	uint32_t base = c->next;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t r = compile_temp(c, compile_is_counted(items[i]->type));
		compile_to(c, items[i], r);
	}
	return base;
}

/* A container that grows in place must not be a variable that its own parts read. */
static uint32_t own_target(struct compiler *c, uint32_t to) { return compile_is_local(c, to) ? compile_temp(c, true) : to; }

static void list(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next, made = own_target(c, to);
	compile_emit(c, TN_OPCODE_LIST, made, 0, compile_row(c, ir->type));
	for (uint32_t i = 0; i < ir->make.items.count && !c->failed; i++) {
		uint32_t inner = c->next, item = compile_temp(c, compile_is_counted(ir->make.items.items[i]->type));
		compile_to(c, ir->make.items.items[i], item);
		compile_emit(c, TN_OPCODE_APPEND, made, item, 0);
		compile_taken(c, inner);
	}
	compile_move(c, ir->type, to, made);
	compile_taken(c, mark);
}

static void map(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next, made = own_target(c, to);
	compile_emit(c, TN_OPCODE_MAP, made, 0, compile_row(c, ir->type));
	for (uint32_t i = 0; i < ir->make.items.count && !c->failed; i++) {
		uint32_t inner = c->next, key = compile_operand_before(c, ir->make.keys[i], ir->make.items.items[i]);
		uint32_t item = compile_temp(c, compile_is_counted(ir->make.items.items[i]->type));
		compile_to(c, ir->make.items.items[i], item);
		compile_emit(c, TN_OPCODE_MAP_SET, made, key, item);
		compile_release(c, inner); /* the item is void by now; the key may be a temporary */
	}
	compile_move(c, ir->type, to, made);
	compile_taken(c, mark);
}

/* ---- bracket literals ---- */

static bool all_constant(const struct tn_ir *ir) {
	for (uint32_t i = 0; i < ir->tensor.items.count; i++) {
		if (ir->tensor.items.items[i]->kind != TN_IR_CONST) {
			return false;
		}
	}
	return true;
}

static void *constant_data(struct compiler *c, const struct tn_ir *ir) {
	size_t size = tn_dtype_size(ir->tensor.dtype);
	char *data = compile_alloc(c, ir->tensor.items.count, size);
	for (uint32_t i = 0; data != NULL && i < ir->tensor.items.count; i++) {
		struct tn_value v = ir->tensor.items.items[i]->value;
		if (v.tag == TN_FLOAT) {
			tn_element_set_f64(ir->tensor.dtype, data + i * size, v.f);
		} else {
			tn_element_set_i64(ir->tensor.dtype, data + i * size, v.i);
		}
	}
	return data;
}

static void tensor(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next, list_register = 0;
	struct tn_tensor_row *row = compile_alloc(c, 1, sizeof(*row));
	if (row == NULL) {
		return;
	}
	*row = (struct tn_tensor_row){.dtype = ir->tensor.dtype, .shape = ir->tensor.shape};
	if (all_constant(ir)) {
		row->data = constant_data(c, ir);
	} else {
		list_register = compile_temp(c, true);
		struct tn_type *any = tn_type_list(c->lang->types, tn_type_basic(c->lang->types, TN_TYPE_ANY));
		compile_emit(c, TN_OPCODE_LIST, list_register, 0, compile_row(c, any));
		for (uint32_t i = 0; i < ir->tensor.items.count && !c->failed; i++) {
			uint32_t inner = c->next, item = compile_temp(c, compile_is_counted(ir->tensor.items.items[i]->type));
			compile_to(c, ir->tensor.items.items[i], item);
			compile_emit(c, TN_OPCODE_APPEND, list_register, item, 0);
			compile_taken(c, inner);
		}
	}
	compile_emit(c, TN_OPCODE_TENSOR, to, list_register, compile_row(c, row));
	compile_release(c, mark);
}

/* ---- the others ---- */

static void lambda(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next;
	struct tn_lambda_row *row = compile_alloc(c, 1, sizeof(*row));
	if (row == NULL) {
		return;
	}
	*row = (struct tn_lambda_row){.function = ir->lambda.function, .count = ir->lambda.captures.count};
	uint32_t base = side_by_side(c, ir->lambda.captures.items, row->count);
	compile_emit(c, TN_OPCODE_LAMBDA, to, base, compile_row(c, row));
	compile_taken(c, mark);
}

static void format(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next;
	struct tn_format_row *row = compile_alloc(c, 1, sizeof(*row));
	if (row == NULL) {
		return;
	}
	*row = (struct tn_format_row){.parts = ir->format.parts, .count = ir->format.count};
	for (uint32_t i = 0; i < row->count; i++) {
		const struct tn_ir *value = row->parts[i].value;
		if (value != NULL) {
			uint32_t r = compile_temp(c, compile_is_counted(value->type));
			compile_to(c, value, r);
		}
	}
	c->span = ir->span;
	compile_emit(c, TN_OPCODE_FORMAT, to, mark, compile_row(c, row));
	compile_release(c, mark);
}

void compile_make(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next, base;
	switch (ir->kind) {
	case TN_IR_TUPLE:
		base = side_by_side(c, ir->make.items.items, ir->make.items.count);
		compile_emit(c, TN_OPCODE_TUPLE, to, base, ir->make.items.count);
		compile_taken(c, mark);
		return;
	case TN_IR_LIST:
		list(c, ir, to);
		return;
	case TN_IR_MAP:
		map(c, ir, to);
		return;
	case TN_IR_STRUCT:
		base = side_by_side(c, ir->make.items.items, ir->make.items.count);
		compile_emit(c, TN_OPCODE_STRUCT, to, base, compile_row(c, ir->type->def));
		compile_taken(c, mark);
		return;
	case TN_IR_TENSOR:
		tensor(c, ir, to);
		return;
	case TN_IR_LAMBDA:
		lambda(c, ir, to);
		return;
	case TN_IR_FNSET:
		compile_emit(c, TN_OPCODE_FNSET, to, 0, compile_row(c, ir->name));
		return;
	case TN_IR_FORMAT:
		format(c, ir, to);
		return;
	default:
		compile_fail(c, TN_ERR_ERROR, "this is a statement, not a value");
		return;
	}
}
