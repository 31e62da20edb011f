/* SPDX-License-Identifier: Apache-2.0 */
/* Indexing, and the places that references and assignments name. */
#include <string.h>

#include "lang/check.h"

struct tn_ir **check_index_operands(struct tn_checker *c, const struct tn_ast *ast, struct tn_type *object, uint32_t *count) {
	struct tn_ir **operands = CHECK_ARRAY(c, (size_t)ast->index.count * 3 + 1, struct tn_ir *);
	uint32_t n = 0;
	bool ok = operands != NULL;
	(void)object;
	for (uint32_t i = 0; operands != NULL && i < ast->index.count; i++) {
		const struct tn_ast_index *item = &ast->index.items[i];
		const struct tn_ast *parts[3] = {item->kind == TN_AST_INDEX_EXPR ? item->expr : item->start, item->stop, item->step};
		if (item->kind == TN_AST_INDEX_ELLIPSIS || item->kind == TN_AST_INDEX_NONE) {
			continue;
		}
		for (int k = 0; k < (item->kind == TN_AST_INDEX_EXPR ? 1 : 3); k++) {
			if (parts[k] != NULL) {
				operands[n] = check_value(c, parts[k], NULL);
				ok = ok && operands[n] != NULL;
				n++;
			}
		}
	}
	*count = n;
	return ok ? operands : NULL;
}

static struct tn_ir *refuse(struct tn_checker *c, const struct tn_type *type, struct tn_span span) {
	char text[128];
	tn_type_format(type, text);
	struct tn_error *err = check_error(c, span, TN_ERR_TYPE, "a value of type %s cannot be indexed", text);
	if (type->kind == TN_TYPE_STRUCT) {
		HINT(err, "fields are read with a dot: x.field");
	} else if (type->kind == TN_TYPE_SEQ) {
		HINT(err, "a seq is walked with for; list elements can be indexed");
	}
	return NULL;
}

static const char *index_what(const struct tn_type *type) {
	switch (type->kind) {
	case TN_TYPE_LIST:
		return "the index of a list";
	case TN_TYPE_STRING:
		return "the index of a string";
	case TN_TYPE_MAP:
		return "the key of a map";
	default:
		return "the index of a tensor";
	}
}

/* An index expression that selects elements. */
static struct tn_ir *index_value(struct tn_checker *c, struct tn_ir *value, const struct tn_type *object) {
	if (value->type->kind == TN_TYPE_SEQ) {
		struct tn_error *err =
			check_error(c, value->span, TN_ERR_TYPE, "%s: expected a number, found a range", index_what(object));
		HINT(err, "a slice is written a:b");
		return NULL;
	}
	if (object->kind == TN_TYPE_MAP) {
		return check_coerce(c, value, check_basic(c, TN_TYPE_STRING), index_what(object));
	}
	if (object->kind == TN_TYPE_TENSOR && value->type->kind == TN_TYPE_TENSOR) {
		return value;
	}
	if (object->kind == TN_TYPE_TENSOR && value->type->kind == TN_TYPE_LIST) {
		struct tn_error *err =
			check_error(c, value->span, TN_ERR_TYPE, "%s: expected int or tensor, found a list", index_what(object));
		HINT(err, "tensor(xs) makes an index tensor of a list");
		return NULL;
	}
	return check_coerce(c, value, check_basic(c, TN_TYPE_INT), index_what(object));
}

static bool slice_part(struct tn_checker *c, const struct tn_ast *part, struct tn_ir ***next, struct tn_ir **out) {
	if (part == NULL) {
		return true;
	}
	*out = check_coerce(c, **next, check_basic(c, TN_TYPE_INT), "a bound of a slice");
	(*next)++;
	return *out != NULL;
}

static bool make_item(struct tn_checker *c, const struct tn_ast_index *item, const struct tn_type *object, struct tn_ir ***next,
	struct tn_ir_index *out) {
	switch (item->kind) {
	case TN_AST_INDEX_EXPR:
		out->kind = TN_IR_INDEX_VALUE;
		out->a = index_value(c, **next, object);
		(*next)++;
		return out->a != NULL;
	case TN_AST_INDEX_SLICE:
		out->kind = TN_IR_INDEX_SLICE;
		return slice_part(c, item->start, next, &out->a) && slice_part(c, item->stop, next, &out->stop) &&
			slice_part(c, item->step, next, &out->step);
	case TN_AST_INDEX_ELLIPSIS:
		out->kind = TN_IR_INDEX_REST;
		return true;
	case TN_AST_INDEX_NONE:
		out->kind = TN_IR_INDEX_NEW_AXIS;
		return true;
	}
	return false;
}

static struct tn_ir *tuple_item(struct tn_checker *c, const struct tn_ast *ast, struct tn_ir *object, struct tn_ir **operands) {
	const struct tn_type *type = object->type;
	bool constant = ast->index.count == 1 && ast->index.items[0].kind == TN_AST_INDEX_EXPR && operands[0]->kind == TN_IR_CONST &&
		operands[0]->type->kind == TN_TYPE_INT;
	if (!constant) {
		check_error(c, ast->span, TN_ERR_TYPE, "a tuple is indexed with a constant: t[0]");
		return NULL;
	}
	int64_t i = operands[0]->value.i, n = type->item_count;
	if (i < -n || i >= n) {
		check_error(c, ast->span, TN_ERR_INDEX, "index %lld is out of range for a tuple of %lld", (long long)i, (long long)n);
		return NULL;
	}
	i = i < 0 ? i + n : i;
	struct tn_ir *ir = check_node(c, TN_IR_ITEM, check_read_type(c, type->items[i]), ast->span);
	if (ir != NULL) {
		ir->a = object;
		ir->index = (uint32_t)i;
	}
	return ir;
}

static struct tn_ir *dyn_index(
	struct tn_checker *c, const struct tn_ast *ast, struct tn_ir *object, struct tn_ir **operands, uint32_t count) {
	struct tn_ir **all = CHECK_ARRAY(c, (size_t)count + 1, struct tn_ir *);
	if (all == NULL) {
		return NULL;
	}
	all[0] = object;
	memcpy(all + 1, operands, count * sizeof(all[0]));
	return check_dyn(c, DYN_INDEX, ast, (struct dyn_extra){0}, all, count + 1, ast->span);
}

static struct tn_type *result_type(struct tn_checker *c, const struct tn_ast *ast, struct tn_type *type) {
	bool slice = ast->index.count == 1 && ast->index.items[0].kind == TN_AST_INDEX_SLICE;
	if (type->kind == TN_TYPE_TENSOR) {
		return type;
	}
	if (ast->index.count != 1 || (ast->index.items[0].kind != TN_AST_INDEX_EXPR && !slice) ||
		(slice && type->kind == TN_TYPE_MAP)) {
		char text[128];
		tn_type_format(type, text);
		check_error(c, ast->span, TN_ERR_TYPE, "a value of type %s takes one index%s", text,
			type->kind == TN_TYPE_MAP ? ", a string" : " or a slice a:b");
		return NULL;
	}
	return slice || type->kind == TN_TYPE_STRING ? type : check_read_type(c, type->items[0]);
}

/* ---- data sets: d[i] is get(d, i), and d[a:b] names some of its examples ---- */

static bool has_own(struct tn_checker *c, const char *name, const struct tn_type *type) {
	struct candidates set = {0};
	bool known = check_candidates(c, c->frame->module, name, type, &set);
	for (uint32_t i = 0; known && i < set.count; i++) {
		if (set.items[i]->decl->count > 0 && set.items[i]->declared[0] == type) {
			return true;
		}
	}
	return false;
}

/* A struct with len(d) and get(d, i). */
static bool is_data_set(struct tn_checker *c, const struct tn_type *type) {
	return type->kind == TN_TYPE_STRUCT && has_own(c, "get", type) && has_own(c, "len", type);
}

static struct tn_ir *data_set_index(struct tn_checker *c, const struct tn_ast *ast, struct tn_ir *object, struct tn_ir **operands) {
	const struct tn_ast_index *item = &ast->index.items[0];
	struct tn_module *module = c->frame->module;
	struct operand args[4] = {check_operand(object, NULL)};
	uint32_t count = 1;
	if (ast->index.count != 1 || (item->kind != TN_AST_INDEX_EXPR && item->kind != TN_AST_INDEX_SLICE)) {
		check_error(c, ast->span, TN_ERR_TYPE, "a data set takes one index or a slice a:b");
		return NULL;
	}
	if (item->kind == TN_AST_INDEX_EXPR) {
		args[count++] = check_operand(operands[0], NULL);
		return check_call_name(c, module, "get", (struct operands){args, count}, false, ast->span);
	}
	const struct tn_ast *parts[] = {item->start, item->stop, item->step};
	static const char *const names[] = {"start", "stop", "step"};
	for (int k = 0; k < 3; k++) {
		if (parts[k] != NULL) {
			args[count] = check_operand(operands[count - 1], check_intern(c, names[k], strlen(names[k])));
			count++;
		}
	}
	return check_call_name(c, module, "_slice", (struct operands){args, count}, false, ast->span);
}

struct tn_ir *check_index(
	struct tn_checker *c, const struct tn_ast *ast, struct tn_ir *object, struct tn_ir **operands, uint32_t count) {
	struct tn_type *type = object->type;
	bool dynamic = type->kind == TN_TYPE_ANY;
	for (uint32_t i = 0; i < count; i++) {
		dynamic =
			dynamic || (operands[i]->type->kind == TN_TYPE_ANY && (type->kind == TN_TYPE_TENSOR || type->kind == TN_TYPE_TUPLE));
	}
	if (dynamic) {
		return dyn_index(c, ast, object, operands, count);
	}
	if (type->kind == TN_TYPE_TUPLE) {
		return tuple_item(c, ast, object, operands);
	}
	if (is_data_set(c, type)) {
		return data_set_index(c, ast, object, operands);
	}
	if (type->kind != TN_TYPE_LIST && type->kind != TN_TYPE_MAP && type->kind != TN_TYPE_STRING && type->kind != TN_TYPE_TENSOR) {
		return refuse(c, type, ast->span);
	}
	struct tn_type *result = result_type(c, ast, type);
	struct tn_ir *ir = result == NULL ? NULL : check_node(c, TN_IR_INDEX, result, ast->span);
	struct tn_ir_index *items = ir == NULL ? NULL : CHECK_ARRAY(c, ast->index.count, struct tn_ir_index);
	if (items == NULL) {
		return NULL;
	}
	struct tn_ir **next = operands;
	for (uint32_t i = 0; i < ast->index.count; i++) {
		if (!make_item(c, &ast->index.items[i], type, &next, &items[i])) {
			return NULL;
		}
	}
	ir->a = object;
	ir->subscript.items = items;
	ir->subscript.count = ast->index.count;
	return ir;
}

/* ---- places ---- */

static bool names_element(const struct tn_ir *ir) {
	enum tn_type_kind kind = ir->a->type->kind;
	return (kind == TN_TYPE_LIST || kind == TN_TYPE_MAP) && ir->subscript.count == 1 &&
		ir->subscript.items[0].kind == TN_IR_INDEX_VALUE;
}

bool check_is_place(const struct tn_ir *ir) {
	for (;; ir = ir->a) {
		switch (ir->kind) {
		case TN_IR_LOCAL:
		case TN_IR_GLOBAL:
			return true;
		case TN_IR_FIELD:
		case TN_IR_ITEM:
			break;
		case TN_IR_INDEX:
			if (!names_element(ir)) {
				return false;
			}
			break;
		default:
			return false;
		}
	}
}

const struct tn_ir *check_place_root(const struct tn_ir *place) {
	while (place->kind == TN_IR_FIELD || place->kind == TN_IR_ITEM || place->kind == TN_IR_INDEX) {
		place = place->a;
	}
	return place;
}
