/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions that the language makes by itself: int to float, numbers to tensors where one is declared, bracket literals to
 * lists, `any` to a declared type. Everything else is a TypeError that names the slot. */
#include <stdio.h>
#include <string.h>

#include "lang/check.h"

struct tn_ir *check_convert(struct tn_checker *c, enum tn_convert kind, struct tn_type *type, struct tn_ir *a) {
	struct tn_ir *ir = a == NULL ? NULL : check_node(c, TN_IR_CONVERT, type, a->span);
	if (ir != NULL) {
		ir->convert.kind = kind;
		ir->a = a;
	}
	return ir;
}

bool check_is_callable(struct tn_checker *c, const struct tn_type *type) {
	if (type->kind == TN_TYPE_STRUCT) {
		struct candidates set = {0};
		bool known = check_candidates(c, c->frame->module, "call", type, &set);
		for (uint32_t i = 0; known && i < set.count; i++) {
			const struct tn_function *f = set.items[i];
			if (f->decl->count > 0 &&
				(f->declared[0] == type || f->declared[0]->kind == TN_TYPE_AUTO ||
					(f->declared[0]->kind == TN_TYPE_TREE && tn_type_is_tree(type)))) {
				return true;
			}
		}
		return false;
	}
	return tn_type_is_callable(type);
}

struct tn_type *check_common(struct tn_checker *c, struct tn_type *a, struct tn_type *b) {
	if (a == b || b->kind == TN_TYPE_NEVER) {
		return a;
	}
	if (a->kind == TN_TYPE_NEVER) {
		return b;
	}
	if (a->kind == TN_TYPE_ANY || b->kind == TN_TYPE_ANY) {
		return check_basic(c, TN_TYPE_ANY);
	}
	bool numbers = tn_type_is_number(a) && tn_type_is_number(b);
	if (numbers) {
		bool is_float = a->kind == TN_TYPE_FLOAT || b->kind == TN_TYPE_FLOAT;
		return check_basic(c, is_float ? TN_TYPE_FLOAT : TN_TYPE_INT);
	}
	for (int i = 0; i < 2; i++) {
		struct tn_type *x = i == 0 ? a : b, *y = i == 0 ? b : a;
		if (x->kind == TN_TYPE_TENSOR && (tn_type_is_number(y) || y->kind == TN_TYPE_EMPTY)) {
			return x;
		}
		if (x->kind == TN_TYPE_EMPTY && tn_type_is_tree(y)) {
			return y;
		}
	}
	if (check_is_callable(c, a) && check_is_callable(c, b)) {
		return check_basic(c, TN_TYPE_FN);
	}
	return NULL;
}

/* ---- bracket literals as lists ---- */

/* The sub-literal of one item of axis 0. */
static struct tn_ir *sub_literal(struct tn_checker *c, const struct tn_ir *bracket, int64_t i) {
	struct tn_ir *part = check_node(c, TN_IR_TENSOR, bracket->type, bracket->span);
	if (part == NULL) {
		return NULL;
	}
	const struct tn_shape *shape = &bracket->tensor.shape;
	uint32_t size = (uint32_t)(bracket->tensor.items.count / (uint64_t)shape->dims[0]);
	part->tensor.dtype = bracket->tensor.dtype;
	part->tensor.shape.ndim = shape->ndim - 1;
	memcpy(part->tensor.shape.dims, shape->dims + 1, sizeof(shape->dims[0]) * (size_t)(shape->ndim - 1));
	part->tensor.items = (struct tn_ir_list){bracket->tensor.items.items + (size_t)i * size, size};
	return part;
}

struct tn_ir *check_as_list(struct tn_checker *c, struct tn_ir *bracket, struct tn_type *item) {
	const struct tn_shape *shape = &bracket->tensor.shape;
	struct tn_type *type = tn_type_list(c->lang->types, item);
	struct tn_ir *list = check_node(c, TN_IR_LIST, type, bracket->span);
	if (list == NULL) {
		return NULL;
	}
	uint32_t count = (uint32_t)shape->dims[0];
	list->make.items.count = count;
	list->make.items.items = CHECK_ARRAY(c, count, struct tn_ir *);
	for (uint32_t i = 0; list->make.items.items != NULL && i < count; i++) {
		struct tn_ir *part = shape->ndim == 1 ? bracket->tensor.items.items[i] : sub_literal(c, bracket, i);
		part = part == NULL ? NULL : check_coerce(c, part, item, "an item of the list");
		if (part == NULL) {
			return NULL;
		}
		list->make.items.items[i] = part;
	}
	return list->make.items.items == NULL ? NULL : list;
}

struct tn_ir *check_as_plain_list(struct tn_checker *c, struct tn_ir *bracket) {
	enum tn_dtype dtype = bracket->tensor.dtype;
	struct tn_type *item = check_basic(c,
		dtype == TN_DTYPE_F32         ? TN_TYPE_FLOAT
			: dtype == TN_DTYPE_BOOL8 ? TN_TYPE_BOOL
									  : TN_TYPE_INT);
	for (int32_t i = 1; item != NULL && i < bracket->tensor.shape.ndim; i++) {
		item = tn_type_list(c->lang->types, item);
	}
	return item == NULL ? check_memory(c) : check_as_list(c, bracket, item);
}

static bool literal_fits(const struct tn_ir *bracket, const struct tn_type *slot) {
	const struct tn_type *item = slot;
	for (int32_t i = 0; i < bracket->tensor.shape.ndim; i++) {
		if (item->kind == TN_TYPE_ANY || item->kind == TN_TYPE_TREE || (i > 0 && item->kind == TN_TYPE_TENSOR)) {
			return true;
		}
		if (item->kind != TN_TYPE_LIST) {
			return false;
		}
		item = item->items[0];
	}
	for (uint32_t i = 0; i < bracket->tensor.items.count; i++) {
		const struct tn_type *t = bracket->tensor.items.items[i]->type;
		bool fits = t == item || item->kind == TN_TYPE_ANY || (item->kind == TN_TYPE_FLOAT && t->kind != TN_TYPE_FLOAT) ||
			t->kind == TN_TYPE_ANY;
		fits = fits || (item->kind == TN_TYPE_TENSOR && tn_type_is_number(t));
		if (!fits) {
			return false;
		}
	}
	return true;
}

/* ---- does it fit ---- */

/* Values of `from` as they are, in a slot of type `slot`: containers that only need another item type on them. */
static bool retags(const struct tn_type *slot, const struct tn_type *from) {
	if (slot == from || slot->kind == TN_TYPE_ANY) {
		return true;
	}
	if (slot->kind == TN_TYPE_TREE) {
		return tn_type_is_tree(from) && from->kind != TN_TYPE_FN;
	}
	if (slot->kind == TN_TYPE_FN) {
		return tn_type_is_callable(from);
	}
	if (slot->kind != from->kind) {
		return false;
	}
	if (slot->kind == TN_TYPE_LIST || slot->kind == TN_TYPE_MAP) {
		return retags(slot->items[0], from->items[0]);
	}
	if (slot->kind == TN_TYPE_SEQ) {
		return slot->item_count == 0 || retags(slot->items[0], from->items[0]);
	}
	return false;
}

static bool is_number_list(const struct tn_type *slot, const struct tn_type *from) {
	return slot->kind == TN_TYPE_LIST && from->kind == TN_TYPE_LIST && slot->items[0]->kind == TN_TYPE_FLOAT &&
		(from->items[0]->kind == TN_TYPE_INT || from->items[0]->kind == TN_TYPE_BOOL);
}

bool check_can_hold(struct tn_checker *c, struct tn_type *slot, const struct tn_ir *ir) {
	const struct tn_type *from = ir->type;
	if (slot == from || from->kind == TN_TYPE_ANY || from->kind == TN_TYPE_NEVER || slot->kind == TN_TYPE_ANY) {
		return from->kind != TN_TYPE_VOID;
	}
	if (ir->kind == TN_IR_TENSOR && slot->kind == TN_TYPE_LIST) {
		return literal_fits(ir, slot);
	}
	switch (slot->kind) {
	case TN_TYPE_FLOAT:
	case TN_TYPE_INT:
		return tn_type_is_number(from) && (slot->kind == TN_TYPE_FLOAT || from->kind != TN_TYPE_FLOAT);
	case TN_TYPE_TENSOR:
		return tn_type_is_number(from) || from->kind == TN_TYPE_EMPTY;
	case TN_TYPE_TREE:
		return tn_type_is_tree(from) || from->kind == TN_TYPE_EMPTY;
	case TN_TYPE_FN:
		return check_is_callable(c, from) || from->kind == TN_TYPE_EMPTY;
	case TN_TYPE_TUPLE:
		if (from->kind != TN_TYPE_TUPLE || from->item_count != slot->item_count) {
			return false;
		}
		for (uint32_t i = 0; i < slot->item_count; i++) {
			struct tn_ir part = {.kind = TN_IR_ITEM, .type = from->items[i]};
			const struct tn_ir *item = ir->kind == TN_IR_TUPLE ? ir->make.items.items[i] : &part;
			if (!check_can_hold(c, slot->items[i], item)) {
				return false;
			}
		}
		return true;
	default:
		return is_number_list(slot, from) || retags(slot, from);
	}
}

/* ---- making it fit ---- */

static struct tn_ir *number_to(struct tn_checker *c, struct tn_ir *ir, struct tn_type *type) {
	if (type->kind == TN_TYPE_INT) { /* bool counts as 0 and 1, as in C */
		struct tn_ir *made = check_node(c, TN_IR_COND, type, ir->span);
		if (made != NULL) {
			made->a = ir;
			made->b = check_const(c, tn_int(1), TN_TYPE_INT, ir->span);
			made->c = check_const(c, tn_int(0), TN_TYPE_INT, ir->span);
		}
		return made == NULL || made->b == NULL || made->c == NULL ? NULL : made;
	}
	if (ir->kind == TN_IR_CONST && ir->type->kind == TN_TYPE_INT) {
		return check_const(c, tn_float((double)ir->value.i), TN_TYPE_FLOAT, ir->span);
	}
	return check_convert(c, TN_CONVERT_INT_TO_FLOAT, type, ir);
}

/* A tuple whose items need converting: taken apart, each converted, made anew. */
static struct tn_ir *convert_tuple(struct tn_checker *c, struct tn_ir *ir, struct tn_type *type, const char *what) {
	struct tn_ir *made = check_node(c, TN_IR_TUPLE, type, ir->span);
	if (made == NULL || (made->make.items.items = CHECK_ARRAY(c, type->item_count, struct tn_ir *)) == NULL) {
		return NULL;
	}
	struct tn_ir *let = NULL, *source = NULL;
	if (ir->kind != TN_IR_TUPLE) {
		uint32_t local = check_local(c, "", ir->type, false);
		struct tn_ir *set = check_set_local(c, local, ir);
		let = set == NULL ? NULL : check_node(c, TN_IR_LET, type, ir->span);
		if (let == NULL || (let->let.body.items = CHECK_ARRAY(c, 1, struct tn_ir *)) == NULL ||
			(source = check_read_local(c, local, ir->span)) == NULL) {
			return NULL;
		}
		let->let.body.items[0] = set;
		let->let.body.count = 1;
	}
	made->make.items.count = type->item_count;
	for (uint32_t i = 0; i < type->item_count; i++) {
		struct tn_ir *item = ir->kind == TN_IR_TUPLE
			? ir->make.items.items[i]
			: check_node(c, TN_IR_ITEM, check_read_type(c, ir->type->items[i]), ir->span);
		if (item != NULL && source != NULL) {
			item->a = source;
			item->index = i;
		}
		item = item == NULL ? NULL : check_coerce(c, item, type->items[i], what);
		if (item == NULL) {
			return NULL;
		}
		made->make.items.items[i] = item;
	}
	if (let == NULL) {
		return made;
	}
	let->a = made;
	return let;
}

static struct tn_ir *mismatch(struct tn_checker *c, const struct tn_ir *ir, const struct tn_type *type, const char *what) {
	char want[128], found[128];
	tn_type_format(type, want);
	tn_type_format(ir->type, found);
	if (ir->type->kind == TN_TYPE_VOID) {
		check_error(c, ir->span, TN_ERR_TYPE, "%s: expected %s, but this gives no value", what, want);
		return NULL;
	}
	struct tn_error *err = check_error(c, ir->span, TN_ERR_TYPE, "%s: expected %s, found %s", what, want, found);
	const struct tn_type *from = ir->type;
	if (type->kind == TN_TYPE_INT && from->kind == TN_TYPE_FLOAT) {
		HINT(err, "int(x) drops the fraction");
	} else if (tn_type_is_number(type) && from->kind == TN_TYPE_TENSOR) {
		HINT(err, "%s(t) takes the number out of a tensor of one element; a variable for tensors is declared tensor",
			type->kind == TN_TYPE_INT ? "int" : "float");
	} else if (type->kind == TN_TYPE_STRING) {
		HINT(err, "string(x) writes any value as text");
	} else if (tn_type_is_number(type) && from->kind == TN_TYPE_STRING) {
		HINT(err, strncmp(what, "argument padding of", 19) == 0
				? "padding: k / 2 keeps the size for a kernel of an odd size k, so padding: 1 for 3"
				: "%s(s) reads a number from text", type->kind == TN_TYPE_INT ? "int" : "float");
	} else if (type->kind == TN_TYPE_TENSOR && from->kind == TN_TYPE_LIST) {
		HINT(err, "tensor(xs) makes a tensor of a list of numbers, stack(xs) of a list of tensors");
	} else if (type->kind == TN_TYPE_DTYPE) {
		bool word = from->kind == TN_TYPE_FNSET && (strcmp(from->name, "float") == 0 || strcmp(from->name, "int") == 0);
		HINT(err, "%s", word ? "the dtypes are f32, f64, i64 and so on: those of tensors mostly f32" : "a dtype is a word without quotes: f32, i64");
	} else if (type->kind == TN_TYPE_LIST && type->items[0]->kind == TN_TYPE_INT && from->kind == TN_TYPE_TUPLE) {
		HINT(err, "a shape is written as ints or as a list: zeros(2, 3), zeros([2, 3])");
	} else if (type->kind == TN_TYPE_STRUCT && from->kind == TN_TYPE_STRUCT &&
		check_same_name(type->def->name, from->def->name)) {
		HINT(err, "%s has been defined anew: make the value again, or copy its equal fields with %s(old)", type->def->name,
			type->def->name);
	} else if (from->kind == TN_TYPE_EMPTY) {
		HINT(err, "only a tensor or a tree can be empty");
	}
	return NULL;
}

struct tn_ir *check_coerce(struct tn_checker *c, struct tn_ir *ir, struct tn_type *type, const char *what) {
	const struct tn_type *from = ir->type;
	if (from == type || from->kind == TN_TYPE_NEVER) {
		return ir;
	}
	if (!check_can_hold(c, type, ir)) {
		return mismatch(c, ir, type, what);
	}
	if (type->kind == TN_TYPE_FLOAT || type->kind == TN_TYPE_TENSOR) {
		check_warn_quotient(c, ir, type);
	}
	if (type->kind == TN_TYPE_ANY) {
		if (from->kind == TN_TYPE_EMPTY) {
			return check_zero(c, type, ir->span);
		}
		/* a number leaves its typed register */
		return tn_type_is_number(from) || from->kind == TN_TYPE_DTYPE ? check_convert(c, TN_CONVERT_RETAG, type, ir) : ir;
	}
	if (from->kind == TN_TYPE_ANY) {
		return check_convert(c, TN_CONVERT_FROM_ANY, type, ir);
	}
	if (ir->kind == TN_IR_TENSOR && type->kind == TN_TYPE_LIST) {
		return check_as_list(c, ir, type->items[0]);
	}
	switch (type->kind) {
	case TN_TYPE_FLOAT:
	case TN_TYPE_INT:
		return number_to(c, ir, type);
	case TN_TYPE_TENSOR:
		return from->kind == TN_TYPE_EMPTY ? check_zero(c, type, ir->span)
										   : check_convert(c, TN_CONVERT_NUMBER_TO_TENSOR, type, ir);
	case TN_TYPE_TREE:
	case TN_TYPE_FN:
		return from->kind == TN_TYPE_EMPTY ? check_zero(c, type, ir->span) : ir;
	case TN_TYPE_TUPLE:
		return convert_tuple(c, ir, type, what);
	case TN_TYPE_SEQ:
		return ir;
	default:
		if ((ir->kind == TN_IR_LIST || ir->kind == TN_IR_MAP) && ir->make.items.count == 0) {
			ir->type = type;
			return ir;
		}
		return check_convert(c, is_number_list(type, from) ? TN_CONVERT_LIST_ITEMS : TN_CONVERT_RETAG, type, ir);
	}
}

struct tn_ir *check_condition(struct tn_checker *c, struct tn_ir *ir, const char *what) {
	if (ir == NULL || ir->type->kind == TN_TYPE_BOOL || ir->type->kind == TN_TYPE_NEVER) {
		return ir;
	}
	if (tn_type_is_number(ir->type) || ir->type->kind == TN_TYPE_TENSOR || ir->type->kind == TN_TYPE_ANY) {
		return check_convert(c, TN_CONVERT_TO_BOOL, check_basic(c, TN_TYPE_BOOL), ir);
	}
	char found[128];
	tn_type_format(ir->type, found);
	struct tn_error *err =
		check_error(c, ir->span, TN_ERR_TYPE, "%s: expected a bool, a number or a tensor of one element, found %s", what, found);
	if (ir->type->kind == TN_TYPE_STRING || ir->type->kind == TN_TYPE_LIST || ir->type->kind == TN_TYPE_MAP) {
		HINT(err, "len(x) > 0 asks whether it holds anything");
	}
	return NULL;
}
