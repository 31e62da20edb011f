/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions, but for operators (check_arith.c), indexing (check_index.c), calls and blocks. */
#include <math.h>
#include <string.h>

#include "lang/check.h"

/* ---- names ---- */

static struct tn_ir *fn_set(struct tn_checker *c, const char *name, struct tn_span span) {
	struct tn_ir *ir = check_node(c, TN_IR_FNSET, tn_type_named(c->lang->types, TN_TYPE_FNSET, name), span);
	if (ir != NULL) {
		ir->name = name;
	}
	return ir;
}

static bool constant(const char *name, double *out) {
	static const struct {
		const char *name;
		double value;
	} table[] = {{"pi", 3.14159265358979323846}, {"inf", INFINITY}, {"nan", NAN}};
	for (size_t i = 0; i < TN_ARRAY_LEN(table); i++) {
		if (strcmp(table[i].name, name) == 0) {
			*out = table[i].value;
			return true;
		}
	}
	return false;
}

/* NULL: there is no such name, or *failed: an error was reported. */
static struct tn_ir *name_in_module(
	struct tn_checker *c, struct tn_module *module, const char *name, struct tn_span span, bool *failed) {
	struct tn_symbol *symbol = check_find_symbol(c, module, name);
	struct tn_overload_view view = {0};
	struct tn_error err = {0};
	if (symbol == NULL && !tn_lookup_functions(c->lang, module, name, &view, &err)) {
		check_report(c, span, &err);
		*failed = true;
		return NULL;
	}
	symbol = symbol != NULL ? symbol : check_find_symbol(c, module, name); /* a constant of the library file that was read just now */
	if (symbol == NULL && view.own == NULL && view.library == NULL && view.native == NULL) {
		return NULL;
	}
	struct tn_ir *ir = symbol != NULL ? check_global(c, symbol, span) : fn_set(c, name, span);
	*failed = ir == NULL;
	return ir;
}

static struct tn_ir *name_expr(struct tn_checker *c, const struct tn_ast *ast) {
	const char *name = check_name(c, ast->name);
	struct binding *binding = name == NULL ? NULL : check_find_binding(c, name);
	enum tn_dtype dtype;
	double number;
	bool failed = name == NULL;
	if (binding != NULL) {
		return binding->broken ? NULL : check_read_local(c, binding->local, ast->span);
	}
	if (!failed && tn_dtype_from_name(name, strlen(name), &dtype)) { /* before the function that converts to it */
		return check_const(c, (struct tn_value){.tag = TN_DTYPE, .dtype = dtype}, TN_TYPE_DTYPE, ast->span);
	}
	struct tn_ir *found = failed ? NULL : name_in_module(c, c->frame->module, name, ast->span, &failed);
	if (found != NULL || failed) {
		return found != NULL && found->type->kind == TN_TYPE_NEVER ? NULL : found;
	}
	if (constant(name, &number)) {
		return check_const(c, tn_float(number), TN_TYPE_FLOAT, ast->span);
	}
	check_unknown_name(c, name, ast->span);
	return NULL;
}

/* ---- fields ---- */

bool check_has_field(const struct tn_type *type, const char *name) {
	for (uint32_t i = 0; type->kind == TN_TYPE_STRUCT && i < type->def->field_count; i++) {
		if (check_same_name(type->def->fields[i].name, name)) {
			return true;
		}
	}
	return false;
}

struct tn_ir *check_field(struct tn_checker *c, struct tn_ir *object, const char *name, struct tn_span span) {
	struct tn_type *type = object->type;
	if (type->kind == TN_TYPE_ANY) {
		struct dyn_extra extra = {.name = name};
		return check_dyn(c, DYN_FIELD, NULL, extra, &object, 1, span);
	}
	if (type->kind == TN_TYPE_TENSOR) {
		struct tn_ir *made = check_native_attribute(c, object, name, span);
		if (made == NULL) {
			check_unknown_field(c, type, name, span);
		}
		return made;
	}
	for (uint32_t i = 0; type->kind == TN_TYPE_STRUCT && i < type->def->field_count; i++) {
		if (check_same_name(type->def->fields[i].name, name)) {
			if (type->def->fields[i].type->kind == TN_TYPE_NEVER) {
				return NULL; /* its declaration was wrong */
			}
			struct tn_ir *ir = check_node(c, TN_IR_FIELD, check_read_type(c, type->def->fields[i].type), span);
			if (ir != NULL) {
				ir->a = object;
				ir->index = i;
			}
			return ir;
		}
	}
	check_unknown_field(c, type, name, span);
	return NULL;
}

static struct tn_ir *field_expr(struct tn_checker *c, const struct tn_ast *ast) {
	const struct tn_ast *object = ast->field.object;
	const char *name = check_name(c, ast->field.name);
	if (name == NULL || check_report_prefix(c, ast)) {
		return NULL;
	}
	if (object->kind == TN_AST_NAME) {
		const char *alias = check_name(c, object->name);
		struct tn_module *module =
			alias == NULL || check_find_binding(c, alias) != NULL ? NULL : check_find_alias(c, object->name);
		if (module != NULL) {
			bool failed = false;
			struct tn_ir *ir = name_in_module(c, module, name, ast->span, &failed);
			if (ir == NULL && !failed) {
				check_error(c, ast->field.name.span, TN_ERR_NAME, "the import %s has no name %s", alias, name);
			}
			return ir;
		}
	}
	struct tn_ir *made = check_value(c, object, NULL);
	return made == NULL ? NULL : check_field(c, made, name, ast->span);
}

/* ---- tuples, brackets, maps ---- */

static struct tn_ir *with_items(
	struct tn_checker *c, enum tn_ir_kind kind, struct tn_type *type, struct tn_ir **items, uint32_t count, struct tn_span span) {
	struct tn_ir *ir = check_node(c, kind, type, span);
	if (ir != NULL) {
		ir->make.items = (struct tn_ir_list){items, count};
	}
	return ir;
}

static struct tn_ir *tuple_expr(struct tn_checker *c, const struct tn_ast *ast, struct tn_type *wanted) {
	uint32_t n = ast->list.count;
	struct tn_ir **items = CHECK_ARRAY(c, n, struct tn_ir *);
	struct tn_type **types = CHECK_ARRAY(c, n, struct tn_type *);
	bool same = wanted != NULL && wanted->kind == TN_TYPE_TUPLE && wanted->item_count == n, ok = items != NULL && types != NULL;
	for (uint32_t i = 0; ok && i < n; i++) {
		items[i] = check_value(c, ast->list.items[i], same ? wanted->items[i] : NULL);
		if (items[i] == NULL) {
			ok = false;
			break;
		}
		if (items[i]->type->kind == TN_TYPE_EMPTY) {
			items[i] = check_zero(c, check_basic(c, TN_TYPE_TENSOR), items[i]->span);
		}
		types[i] = items[i] == NULL ? NULL : items[i]->type;
		ok = items[i] != NULL;
	}
	return ok ? with_items(c, TN_IR_TUPLE, tn_type_tuple(c->lang->types, types, n), items, n, ast->span) : NULL;
}

static struct tn_ir *tensor_literal(struct tn_checker *c, struct tn_ir **items, uint32_t count, struct tn_span span) {
	struct tn_ir *ir = check_node(c, TN_IR_TENSOR, check_basic(c, TN_TYPE_TENSOR), span);
	if (ir == NULL) {
		return NULL;
	}
	bool bools = count > 0;
	ir->tensor.dtype = TN_DTYPE_I64;
	for (uint32_t i = 0; i < count; i++) {
		bools = bools && items[i]->type->kind == TN_TYPE_BOOL;
		if (items[i]->type->kind == TN_TYPE_FLOAT) {
			ir->tensor.dtype = TN_DTYPE_F32;
		}
	}
	if (bools) {
		ir->tensor.dtype = TN_DTYPE_BOOL8;
	}
	ir->tensor.shape = TN_SHAPE(count);
	ir->tensor.items = (struct tn_ir_list){items, count};
	return ir;
}

/* Rows of one shape make a literal of one more axis; NULL when they do not (nothing is reported). */
static struct tn_ir *stack_literals(struct tn_checker *c, struct tn_ir **rows, uint32_t count, struct tn_span span) {
	uint32_t size = rows[0]->tensor.items.count, total;
	for (uint32_t i = 0; i < count; i++) {
		if (rows[i]->kind != TN_IR_TENSOR || !tn_shape_equal(&rows[i]->tensor.shape, &rows[0]->tensor.shape)) {
			return NULL;
		}
	}
	if (rows[0]->tensor.shape.ndim + 1 > TN_MAX_NDIM || __builtin_mul_overflow(size, count, &total)) {
		return NULL;
	}
	struct tn_ir **items = CHECK_ARRAY(c, total, struct tn_ir *);
	for (uint32_t i = 0; items != NULL && i < count; i++) {
		memcpy(items + (size_t)i * size, rows[i]->tensor.items.items, size * sizeof(items[0]));
	}
	struct tn_ir *ir = items == NULL ? NULL : tensor_literal(c, items, total, span);
	if (ir != NULL) {
		ir->tensor.shape = (struct tn_shape){.ndim = rows[0]->tensor.shape.ndim + 1, .dims = {count}};
		memcpy(ir->tensor.shape.dims + 1, rows[0]->tensor.shape.dims, sizeof(int64_t) * (size_t)rows[0]->tensor.shape.ndim);
	}
	return ir;
}

static struct tn_ir *list_literal(
	struct tn_checker *c, struct tn_ir **items, uint32_t count, struct tn_type *item, struct tn_span span) {
	for (uint32_t i = 0; i < count; i++) {
		items[i] = check_coerce(c, items[i], item, "an item of the list");
		if (items[i] == NULL) {
			return NULL;
		}
	}
	return with_items(c, TN_IR_LIST, tn_type_list(c->lang->types, item), items, count, span);
}

static struct tn_type *item_type(struct tn_checker *c, struct tn_ir **items, uint32_t count) {
	struct tn_type *type = items[0]->type;
	bool trees = true;
	for (uint32_t i = 0; i < count; i++) {
		trees = trees && tn_type_is_tree(items[i]->type);
		type = type == NULL ? NULL : check_common(c, type, items[i]->type);
	}
	if (type != NULL) {
		return type->kind == TN_TYPE_EMPTY ? check_basic(c, TN_TYPE_TENSOR) : type;
	}
	return check_basic(c, trees ? TN_TYPE_TREE : TN_TYPE_ANY);
}

static struct tn_ir *bracket_of(struct tn_checker *c, struct tn_ir **items, uint32_t count, struct tn_span span) {
	uint32_t numbers = 0, tensors = 0;
	for (uint32_t i = 0; i < count; i++) {
		numbers += tn_type_is_number(items[i]->type);
		tensors += items[i]->type->kind == TN_TYPE_TENSOR;
	}
	if (numbers == count) {
		return tensor_literal(c, items, count, span);
	}
	if (numbers > 0 && tensors > 0) {
		struct tn_error *err = check_error(c, span, TN_ERR_TYPE, "numbers and tensors do not mix in one literal");
		HINT(err, "stack([…]) makes a tensor of tensors; tensor(x) one of a number");
		return NULL;
	}
	struct tn_ir *stacked = items[0]->kind == TN_IR_TENSOR ? stack_literals(c, items, count, span) : NULL;
	return stacked != NULL ? stacked : list_literal(c, items, count, item_type(c, items, count), span);
}

static struct tn_ir *bracket_expr(struct tn_checker *c, const struct tn_ast *ast, struct tn_type *wanted) {
	uint32_t n = ast->list.count;
	struct tn_type *item = wanted != NULL && wanted->kind == TN_TYPE_LIST ? wanted->items[0] : NULL;
	struct tn_ir **items = CHECK_ARRAY(c, n, struct tn_ir *);
	bool ok = items != NULL;
	for (uint32_t i = 0; items != NULL && i < n; i++) {
		items[i] = check_value(c, ast->list.items[i], item != NULL ? item : wanted);
		ok = ok && items[i] != NULL;
	}
	if (!ok) {
		return NULL;
	}
	if (item != NULL) {
		return list_literal(c, items, n, item, ast->span);
	}
	return n == 0 ? tensor_literal(c, items, 0, ast->span) : bracket_of(c, items, n, ast->span);
}

static struct tn_ir *map_expr(struct tn_checker *c, const struct tn_ast *ast, struct tn_type *wanted) {
	uint32_t n = ast->map.count;
	struct tn_type *item = wanted != NULL && wanted->kind == TN_TYPE_MAP ? wanted->items[0] : check_basic(c, TN_TYPE_ANY);
	struct tn_ir **items = CHECK_ARRAY(c, n, struct tn_ir *), **keys = CHECK_ARRAY(c, n, struct tn_ir *);
	bool ok = items != NULL && keys != NULL;
	for (uint32_t i = 0; items != NULL && keys != NULL && i < n; i++) {
		keys[i] = check_value(c, ast->map.keys[i], NULL);
		keys[i] = keys[i] == NULL ? NULL : check_coerce(c, keys[i], check_basic(c, TN_TYPE_STRING), "a key of a map");
		items[i] = check_value(c, ast->map.values[i], item);
		if (items[i] != NULL && items[i]->kind == TN_IR_TENSOR && item->kind == TN_TYPE_ANY) { /* a list as a map's value */
			items[i] = check_as_plain_list(c, items[i]);
		}
		items[i] = items[i] == NULL ? NULL : check_coerce(c, items[i], item, "a value of the map");
		ok = ok && keys[i] != NULL && items[i] != NULL;
	}
	struct tn_ir *ir = ok ? with_items(c, TN_IR_MAP, tn_type_map(c->lang->types, item), items, n, ast->span) : NULL;
	if (ir != NULL) {
		ir->make.keys = keys;
	}
	return ir;
}

/* ---- the rest ---- */

static struct tn_ir *cond_expr(struct tn_checker *c, const struct tn_ast *ast, struct tn_type *wanted) {
	struct tn_ir *cond = check_value(c, ast->cond.cond, NULL);
	cond = check_condition(c, cond, "the condition of ?:");
	struct tn_ir *a = check_value(c, ast->cond.a, wanted), *b = check_value(c, ast->cond.b, wanted);
	if (cond == NULL || a == NULL || b == NULL) {
		return NULL;
	}
	struct tn_type *type = wanted != NULL && a->type != b->type && check_can_hold(c, wanted, a) && check_can_hold(c, wanted, b)
		? wanted
		: check_common(c, a->type, b->type);
	if (type == NULL) {
		char left[128], right[128];
		tn_type_format(a->type, left);
		tn_type_format(b->type, right);
		check_error(c, ast->span, TN_ERR_TYPE, "the two values of ?: have different types: %s and %s", left, right);
		return NULL;
	}
	a = check_coerce(c, a, type, "the first value of ?:");
	b = a == NULL ? NULL : check_coerce(c, b, type, "the second value of ?:");
	struct tn_ir *ir = b == NULL ? NULL : check_node(c, TN_IR_COND, check_read_type(c, type), ast->span);
	if (ir != NULL) {
		ir->a = cond;
		ir->b = a;
		ir->c = b;
	}
	return ir;
}

struct tn_ir *check_fstring(struct tn_checker *c, const struct tn_ast *ast) {
	struct tn_ir *ir = check_node(c, TN_IR_FORMAT, check_basic(c, TN_TYPE_STRING), ast->span);
	struct tn_ir_fpart *parts = ir == NULL ? NULL : CHECK_ARRAY(c, ast->fstring.count, struct tn_ir_fpart);
	bool ok = parts != NULL;
	for (uint32_t i = 0; parts != NULL && i < ast->fstring.count; i++) {
		const struct tn_ast_fpart *part = &ast->fstring.parts[i];
		parts[i] = (struct tn_ir_fpart){.text = part->text, .length = part->length, .spec = part->spec.text};
		if (part->expr != NULL) {
			parts[i].value = check_value(c, part->expr, NULL);
			ok = parts[i].value != NULL && check_format_spec(c, part->spec, parts[i].value->type, part->expr->span) && ok;
		}
	}
	if (!ok) {
		return NULL;
	}
	ir->format.parts = parts;
	ir->format.count = ast->fstring.count;
	return ir;
}

/* `a + b + c + …` leans to the left as deep as it is long: its spine is walked, not recursed into. */
static struct tn_ir *binary_expr(struct tn_checker *c, const struct tn_ast *ast) {
	uint32_t depth = 0;
	const struct tn_ast *left = ast;
	for (; left->kind == TN_AST_BINARY; left = left->op.a) {
		depth++;
	}
	const struct tn_ast **spine = CHECK_ARRAY(c, depth, const struct tn_ast *);
	if (spine == NULL) {
		return NULL;
	}
	left = ast;
	for (uint32_t i = depth; i > 0; i--, left = left->op.a) {
		spine[i - 1] = left;
	}
	struct tn_ir *a = check_value(c, left, NULL);
	for (uint32_t i = 0; i < depth; i++) {
		struct tn_ir *b = check_value(c, spine[i]->op.b, NULL);
		a = a == NULL || b == NULL ? NULL : check_binary(c, spine[i]->op.op, a, b, spine[i]->span);
	}
	return a;
}

static struct tn_ir *index_expr(struct tn_checker *c, const struct tn_ast *ast) {
	struct tn_ir *object = check_value(c, ast->index.object, NULL);
	uint32_t count;
	struct tn_ir **operands = object == NULL ? NULL : check_index_operands(c, ast, object->type, &count);
	return operands == NULL ? NULL : check_index(c, ast, object, operands, count);
}

struct tn_ir *check_expr(struct tn_checker *c, const struct tn_ast *ast, struct tn_type *wanted) {
	struct tn_ir *a;
	switch (ast->kind) {
	case TN_AST_INT:
		return check_const(c, tn_int(ast->i), TN_TYPE_INT, ast->span);
	case TN_AST_FLOAT:
		return check_const(c, tn_float(ast->f), TN_TYPE_FLOAT, ast->span);
	case TN_AST_BOOL:
		return check_const(c, tn_bool(ast->b), TN_TYPE_BOOL, ast->span);
	case TN_AST_STRING:
		return check_string(c, ast->str.text, ast->str.length, ast->span);
	case TN_AST_FSTRING:
		return check_fstring(c, ast);
	case TN_AST_EMPTY:
		return check_const(c, tn_empty(), TN_TYPE_EMPTY, ast->span);
	case TN_AST_NAME:
		return name_expr(c, ast);
	case TN_AST_UNARY:
		a = check_value(c, ast->op.a, NULL);
		return a == NULL ? NULL : check_unary(c, ast->op.op, a, ast->span);
	case TN_AST_BINARY:
		return binary_expr(c, ast);
	case TN_AST_COND:
		return cond_expr(c, ast, wanted);
	case TN_AST_CALL:
		return check_call(c, ast, wanted);
	case TN_AST_INDEX:
		return index_expr(c, ast);
	case TN_AST_FIELD:
		return field_expr(c, ast);
	case TN_AST_TUPLE:
		return tuple_expr(c, ast, wanted);
	case TN_AST_BRACKET:
		return bracket_expr(c, ast, wanted);
	case TN_AST_MAP:
		return map_expr(c, ast, wanted);
	case TN_AST_STRUCT:
		return check_struct_literal(c, ast);
	case TN_AST_LAMBDA:
		return check_lambda(c, ast);
	case TN_AST_BLOCK_EXPR:
		return check_block(c, ast);
	default:
		check_error(c, ast->span, TN_ERR_SYNTAX, "expected an expression");
		return NULL;
	}
}

struct tn_ir *check_value(struct tn_checker *c, const struct tn_ast *ast, struct tn_type *wanted) {
	struct tn_ir *ir = check_expr(c, ast, wanted);
	if (ir != NULL && ir->type->kind == TN_TYPE_VOID) {
		check_error(c, ast->span, TN_ERR_TYPE, "a value is expected here, but this gives none");
		return NULL;
	}
	return ir;
}
