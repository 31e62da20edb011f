/* SPDX-License-Identifier: Apache-2.0 */
/* Declarations and assignments: to locals, to globals (LANGUAGE.md section 5: outside braces `x = e` assigns or declares anew),
 * to places, to patterns; compound assignments; ++ and --. */
#include <stdio.h>
#include <string.h>

#include "lang/check.h"

static struct tn_ir *statement(struct tn_checker *c, enum tn_ir_kind kind, struct tn_ir *value) {
	struct tn_ir *ir = value == NULL ? NULL : check_node(c, kind, check_basic(c, TN_TYPE_VOID), value->span);
	if (ir != NULL) {
		ir->a = value;
	}
	return ir;
}

static struct tn_ir *global_statement(struct tn_checker *c, enum tn_ir_kind kind, struct tn_symbol *symbol, struct tn_ir *value) {
	struct tn_ir *ir = symbol == NULL ? NULL : statement(c, kind, value);
	if (ir != NULL) {
		ir->symbol = symbol;
	}
	return ir;
}

/* ---- declarations ---- */

/* The type of `auto x = value`. */
static struct tn_type *auto_type(struct tn_checker *c, const struct tn_ir *value, const char *name) {
	if (value->kind == TN_IR_TENSOR && value->tensor.items.count == 0) {
		struct tn_error *err = check_error(c, value->span, TN_ERR_TYPE, "[] needs a declared type");
		HINT(err, "int[] %s = []; is an empty list of int", name);
		return NULL;
	}
	switch (value->type->kind) {
	case TN_TYPE_EMPTY:
		return check_basic(c, TN_TYPE_TENSOR);
	case TN_TYPE_NEVER:
		return check_basic(c, TN_TYPE_ANY);
	case TN_TYPE_MODULE:
		check_error(c, value->span, TN_ERR_TYPE, "an import is no value");
		return NULL;
	default:
		return value->type;
	}
}

static bool declare_broken(struct tn_checker *c, const char *name) {
	if (check_top_level(c)) {
		struct tn_symbol *symbol = TN_ARENA_NEW(&c->lang->arena, struct tn_symbol);
		if (symbol != NULL) {
			*symbol = (struct tn_symbol){.name = name, .type = check_basic(c, TN_TYPE_NEVER), .module = c->frame->module};
		}
		return symbol != NULL && tn_map_set(&c->pending, name, symbol);
	}
	struct binding *b = check_bind(c, name, 0, (struct tn_span){0});
	if (b != NULL) {
		b->broken = true;
	}
	return false;
}

static void declare_all_broken(struct tn_checker *c, const struct tn_ast_pattern *pattern) {
	for (uint32_t i = 0; pattern->is_tuple && i < pattern->item_count; i++) {
		declare_all_broken(c, pattern->items[i]);
	}
	const char *name = pattern->is_tuple || pattern->name.text == NULL ? NULL : check_name(c, pattern->name);
	if (name != NULL) {
		declare_broken(c, name);
	}
}

static bool declare_name(struct tn_checker *c, const struct tn_ast_pattern *pattern, struct tn_type *type,
	struct tn_ir_shape *shape, bool is_const, struct tn_ir *value, struct body *out) {
	const char *name = check_name(c, pattern->name);
	if (name == NULL) {
		return false;
	}
	if (check_top_level(c)) {
		struct tn_symbol *symbol = check_declare_symbol(c, name, type, is_const, pattern->span);
		if (symbol != NULL) {
			symbol->declared = shape;
			c->frame->unit->keep = c->frame->unit->keep || shape != NULL;
			c->frame->unit->pinned = c->frame->unit->pinned || shape != NULL;
		}
		return check_push(c, out, global_statement(c, TN_IR_BIND_GLOBAL, symbol, value));
	}
	uint32_t local = check_local(c, name, type, false);
	struct binding *b = local == UINT32_MAX || !check_push(c, out, check_set_local(c, local, value))
		? NULL
		: check_bind(c, name, local, pattern->span);
	if (b != NULL) {
		b->shape = shape;
		b->is_const = is_const;
	}
	return b != NULL;
}

static bool is_discard(const struct tn_ast_pattern *pattern) {
	return pattern->name.length == 1 && pattern->name.text[0] == '_';
}

static bool unpack(
	struct tn_checker *c, const struct tn_ast_pattern *pattern, struct tn_ir *value, struct body *out, struct tn_ir **parts) {
	struct tn_type *type = value->type;
	uint32_t n = pattern->item_count;
	bool tuple = type->kind == TN_TYPE_TUPLE;
	if (!tuple && type->kind != TN_TYPE_LIST && type->kind != TN_TYPE_ANY) {
		char text[128];
		tn_type_format(type, text);
		struct tn_error *err = check_error(c, value->span, TN_ERR_TYPE, "expected a tuple or list of %u values, found %s", n, text);
		const char *signature = value->kind == TN_IR_CALL_NATIVE ? value->native.native->signature : "";
		if (strncmp(signature, "tensor max(", 11) == 0 || strncmp(signature, "tensor min(", 11) == 0) {
			HINT(err, "%.3s gives the values only, arg%.3s their indices", signature + 7, signature + 7);
		} else if (type->kind == TN_TYPE_TENSOR && value->kind == TN_IR_BLOCK) {
			HINT(err, "the block gives one value");
		}
		return false;
	}
	if (tuple && type->item_count != n) {
		char text[128];
		tn_type_format(type, text);
		check_error(c, pattern->span, TN_ERR_TYPE, "expected %u names for %s, found %u", type->item_count, text, n);
		return false;
	}
	struct tn_ir *ir = statement(c, TN_IR_UNPACK, value);
	uint32_t *locals = ir == NULL ? NULL : CHECK_ARRAY(c, n, uint32_t);
	for (uint32_t i = 0; locals != NULL && i < n; i++) {
		parts[i] = NULL;
		locals[i] = UINT32_MAX;
		if (!pattern->items[i]->is_tuple && is_discard(pattern->items[i])) {
			continue;
		}
		struct tn_type *part = tuple ? type->items[i] : type->kind == TN_TYPE_LIST ? type->items[0] : type;
		const char *name =
			pattern->items[i]->is_tuple || pattern->items[i]->name.text == NULL ? "" : check_name(c, pattern->items[i]->name);
		locals[i] = name == NULL ? UINT32_MAX : check_local(c, name, check_read_type(c, part), false);
		parts[i] = check_read_local(c, locals[i], pattern->items[i]->span);
		if (parts[i] == NULL) {
			return false;
		}
	}
	if (locals == NULL) {
		return false;
	}
	ir->flow.unpack_locals = locals;
	ir->flow.unpack_count = n;
	return check_push(c, out, ir);
}

/* One name: its type is the declared one or that of the value; without a value it gets the type's zero. */
static bool declare_leaf(struct tn_checker *c, const struct tn_ast_pattern *pattern, const struct tn_ast_type *declared,
	bool is_const, struct tn_ir *value, struct body *out) {
	char what[128];
	snprintf(what, sizeof(what), "%.*s", (int)pattern->name.length, pattern->name.text);
	struct tn_ir_shape *shape = NULL;
	char *kept = tn_arena_strndup(&c->frame->unit->arena, what, strlen(what));
	struct tn_type *type = kept == NULL ? check_memory(c)
		: declared != NULL              ? check_type(c, declared, kept, false, &shape)
										: NULL;
	if (type != NULL && type->kind == TN_TYPE_AUTO) {
		type = NULL;
		declared = NULL;
	}
	if (type != NULL && value == NULL) {
		value = check_zero(c, type, pattern->span);
		if (shape != NULL && value != NULL) {
			shape->allow_empty = true;
		}
	} else if (declared == NULL && value != NULL) {
		type = auto_type(c, value, what);
	}
	if (type != NULL && value != NULL) {
		bool to_bool = type->kind == TN_TYPE_BOOL && value->type->kind != TN_TYPE_ANY;
		value = to_bool ? check_condition(c, value, what) : check_coerce(c, value, type, what);
		value = shape != NULL && value != NULL && value->kind != TN_IR_CONST ? check_expect(c, value, shape) : value;
	}
	if (type == NULL || value == NULL) {
		declare_all_broken(c, pattern);
		return false;
	}
	return declare_name(c, pattern, type, shape, is_const, value, out);
}

bool check_declare(struct tn_checker *c, const struct tn_ast_pattern *pattern, const struct tn_ast_type *declared, bool is_const,
	struct tn_ir *value, struct body *out) {
	if (pattern->is_tuple) {
		struct tn_ir **parts = value == NULL ? NULL : CHECK_ARRAY(c, pattern->item_count, struct tn_ir *);
		if (parts == NULL || !unpack(c, pattern, value, out, parts)) {
			declare_all_broken(c, pattern);
			return false;
		}
		bool ok = true;
		for (uint32_t i = 0; i < pattern->item_count; i++) {
			if (parts[i] != NULL && !pattern->items[i]->is_tuple && !check_top_level(c)) { /* unpacked into the variable itself */
				const char *name = check_name(c, pattern->items[i]->name);
				struct binding *b = name == NULL ? NULL : check_bind(c, name, parts[i]->local, pattern->items[i]->span);
				ok = b != NULL && ok;
				if (b != NULL) {
					b->is_const = is_const;
				}
				continue;
			}
			ok = (parts[i] == NULL || check_declare(c, pattern->items[i], NULL, is_const, parts[i], out)) && ok;
		}
		return ok;
	}
	if (is_discard(pattern)) {
		return value != NULL && check_push(c, out, statement(c, TN_IR_EVAL, value));
	}
	return declare_leaf(c, pattern, declared, is_const, value, out);
}

/* A cell may declare a name again, but not twice by one pattern. */
static bool pattern_is_distinct(struct tn_checker *c, const struct tn_ast_pattern *pattern, struct tn_map *seen) {
	for (uint32_t i = 0; pattern->is_tuple && i < pattern->item_count; i++) {
		if (!pattern_is_distinct(c, pattern->items[i], seen)) {
			return false;
		}
	}
	if (pattern->is_tuple || pattern->name.text == NULL || is_discard(pattern)) {
		return true;
	}
	union {
		const struct tn_ast_pattern *in;
		void *out;
	} first, slot = {.in = pattern};
	first.out = tn_map_get_n(seen, pattern->name.text, pattern->name.length);
	if (first.in != NULL) {
		const char *name = check_name(c, pattern->name);
		check_report_twice(c, name == NULL ? "" : name, first.in->span, pattern->span);
		return false;
	}
	return tn_map_set_n(seen, pattern->name.text, pattern->name.length, slot.out) || check_memory(c) != NULL;
}

bool check_decl_stmt(struct tn_checker *c, const struct tn_ast *ast, struct body *out) {
	struct tn_type *wanted = NULL;
	if (ast->decl.target->is_tuple && check_top_level(c)) {
		struct tn_map seen = {0};
		bool distinct = pattern_is_distinct(c, ast->decl.target, &seen);
		tn_map_finish(&seen);
		if (!distinct) {
			declare_all_broken(c, ast->decl.target);
			return false;
		}
	}
	const struct tn_ast_type *type = ast->decl.type;
	if (type != NULL) {
		wanted = check_type_plain(c, c->frame->module, type);
		if (wanted == NULL) {
			declare_all_broken(c, ast->decl.target);
			if (ast->decl.init != NULL) {
				check_expr(c, ast->decl.init, NULL);
			}
			return false;
		}
		if (wanted->kind == TN_TYPE_VOID) {
			check_error(c, type->span, TN_ERR_TYPE, "a variable cannot be void");
			declare_all_broken(c, ast->decl.target);
			return false;
		}
		wanted = wanted->kind == TN_TYPE_AUTO ? NULL : wanted;
	}
	struct tn_ir *value = ast->decl.init == NULL ? NULL : check_value(c, ast->decl.init, wanted);
	if (value == NULL && (ast->decl.init != NULL || wanted == NULL)) {
		if (ast->decl.init == NULL) {
			check_error(c, ast->span, TN_ERR_TYPE, "a declaration with auto needs an initial value");
		}
		declare_all_broken(c, ast->decl.target);
		return false;
	}
	if (value != NULL && value->type->kind == TN_TYPE_SEQ && wanted != NULL && wanted->kind == TN_TYPE_SEQ &&
		wanted->item_count == 0) {
		return check_declare(c, ast->decl.target, NULL, ast->decl.is_const, value, out);
	}
	return check_declare(c, ast->decl.target, type, ast->decl.is_const, value, out);
}

/* ---- places ---- */

struct path {
	struct prefix prefix;
	uint32_t used;            /* of prefix.given */
	const struct tn_ast *cut; /* behind this part of the place types are known only when it runs */
	struct body rest;         /* index operands behind the cut */
	bool reading;             /* types that are not known yet give DYN nodes, not a cut */
	struct body *before;      /* where index operands are kept for a compound assignment, or NULL */
};

/* An index that stands in a read and in a write is computed once. */
static struct tn_ir *keep_operand(struct tn_checker *c, struct path *path, struct tn_ir *ir) {
	if (path->before == NULL || ir->kind == TN_IR_CONST || ir->kind == TN_IR_LOCAL || ir->kind == TN_IR_GLOBAL ||
		ir->kind == TN_IR_TENSOR) {
		return ir;
	}
	uint32_t local = check_local(c, "", ir->type, false);
	return check_push(c, path->before, check_set_local(c, local, ir)) ? check_read_local(c, local, ir->span) : NULL;
}

static struct tn_ir **path_operands(struct tn_checker *c, const struct tn_ast *ast, struct path *path, uint32_t *count) {
	if (path->prefix.ast != NULL) {
		uint32_t n = 0;
		for (uint32_t i = 0; i < ast->index.count; i++) {
			const struct tn_ast_index *item = &ast->index.items[i];
			n += item->kind == TN_AST_INDEX_EXPR   ? 1
				: item->kind == TN_AST_INDEX_SLICE ? (item->start != NULL) + (item->stop != NULL) + (item->step != NULL)
												   : 0;
		}
		*count = n;
		path->used += n;
		return path->prefix.given + (path->used - n);
	}
	struct tn_ir **operands = check_index_operands(c, ast, NULL, count);
	for (uint32_t i = 0; operands != NULL && i < *count; i++) {
		operands[i] = keep_operand(c, path, operands[i]);
		if (operands[i] == NULL) {
			return NULL;
		}
	}
	return operands;
}

static struct tn_ir *path_place(struct tn_checker *c, const struct tn_ast *ast, struct path *path);

static struct tn_ir *path_index(struct tn_checker *c, const struct tn_ast *ast, struct path *path) {
	struct tn_ir *object = path_place(c, ast->index.object, path);
	uint32_t count;
	struct tn_ir **operands = object == NULL ? NULL : path_operands(c, ast, path, &count);
	if (operands == NULL) {
		return NULL;
	}
	bool tensor_by_any = false;
	for (uint32_t i = 0; i < count; i++) {
		tensor_by_any = tensor_by_any || (operands[i]->type->kind == TN_TYPE_ANY && object->type->kind == TN_TYPE_TENSOR);
	}
	if (path->cut == NULL && !path->reading && (object->type->kind == TN_TYPE_ANY || tensor_by_any)) {
		path->cut = ast->index.object;
	}
	if (path->cut == NULL) {
		return check_index(c, ast, object, operands, count);
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!check_push(c, &path->rest, operands[i])) {
			return NULL;
		}
	}
	return object;
}

static struct tn_ir *path_place(struct tn_checker *c, const struct tn_ast *ast, struct path *path) {
	if (path->prefix.ast == ast) {
		return path->prefix.ir;
	}
	if (ast->kind == TN_AST_INDEX) {
		return path_index(c, ast, path);
	}
	if (ast->kind == TN_AST_FIELD) {
		struct tn_ir *object = path_place(c, ast->field.object, path);
		const char *name = object == NULL ? NULL : check_name(c, ast->field.name);
		if (name == NULL) {
			return NULL;
		}
		if (path->cut == NULL && !path->reading && object->type->kind == TN_TYPE_ANY) {
			path->cut = ast->field.object;
		}
		if (path->cut == NULL && object->type->kind == TN_TYPE_TENSOR) {
			struct tn_error *err = check_error(c, ast->span, TN_ERR_TYPE, "the attribute %s of a tensor cannot be assigned", name);
			const char *habit = check_habit_method(object->type, name);
			if (habit != NULL) {
				HINT(err, "%s", habit);
			}
			return NULL;
		}
		return path->cut != NULL ? object : check_field(c, object, name, ast->span);
	}
	if (ast->kind == TN_AST_NAME) {
		return check_value(c, ast, NULL);
	}
	check_error(c, ast->span, TN_ERR_TYPE, "this cannot be assigned to");
	return NULL;
}

bool check_path_operand(struct tn_checker *c, const struct tn_ast *ast, struct prefix prefix, struct operand *op) {
	struct path path = {.prefix = prefix}, value = {.prefix = prefix, .reading = true};
	struct tn_ir *place = path_place(c, ast, &path);
	if (place == NULL || path.cut == NULL || place->type->kind != TN_TYPE_ANY || !check_is_place(place)) {
		op->ir = place != NULL && path.cut != NULL ? path_place(c, ast, &value) : place;
		op->is_place = op->ir != NULL && check_is_place(op->ir);
		return op->ir != NULL;
	}
	op->path = ast;
	op->cut = path.cut;
	op->root = place;
	op->rest = path.rest.list.items;
	op->rest_count = path.rest.list.count;
	op->is_place = false;
	op->ir = path_place(c, ast, &value);
	return op->ir != NULL;
}

static bool writable(struct tn_checker *c, const struct tn_ir *place, struct tn_span span) {
	const struct tn_ir *root = check_place_root(place);
	if (root->kind == TN_IR_GLOBAL) {
		const char *name = root->symbol->name;
		if (root->symbol->is_const) {
			check_error(c, span, TN_ERR_TYPE, "%s is const", name);
			return false;
		}
		if (!c->frame->is_cell && !c->frame->is_dyn) {
			char type[128];
			tn_type_format(root->symbol->type, type);
			struct tn_error *err = check_error(c, span, TN_ERR_TYPE, "a function cannot write the global %s", name);
			HINT(err, "declare a parameter `%s &%s`, or return the new value", type, name);
			return false;
		}
		return true;
	}
	if (root->kind != TN_IR_LOCAL) {
		check_error(c, span, TN_ERR_TYPE, "this cannot be assigned to");
		return false;
	}
	for (size_t i = c->frame->bindings.count; i > 0; i--) {
		const struct binding *b = &c->frame->bindings.items[i - 1];
		if (b->local == root->local && !b->broken) {
			if (b->is_const || b->is_capture) {
				check_error(c, span, TN_ERR_TYPE,
					b->is_const ? "%s is const" : "a lambda cannot assign %s, which it has captured", b->name);
				return false;
			}
			break;
		}
	}
	return true;
}

/* The type that a place's slot has, behind what reading it gives. */
static struct tn_type *slot_type(struct tn_checker *c, const struct tn_ir *place) {
	switch (place->kind) {
	case TN_IR_LOCAL:
		return c->frame->locals.items[place->local].type;
	case TN_IR_GLOBAL:
		return place->symbol->type;
	case TN_IR_FIELD:
		return place->a->type->def->fields[place->index].type;
	case TN_IR_ITEM:
		return place->a->type->items[place->index];
	case TN_IR_INDEX:
		return place->a->type->kind == TN_TYPE_TENSOR || place->subscript.items[0].kind == TN_IR_INDEX_SLICE
			? place->a->type
			: place->a->type->items[0];
	default:
		return place->type;
	}
}

static struct tn_ir_shape *local_shape(struct tn_checker *c, uint32_t local) {
	for (size_t i = c->frame->bindings.count; i > 0; i--) {
		if (c->frame->bindings.items[i - 1].local == local && !c->frame->bindings.items[i - 1].broken) {
			return c->frame->bindings.items[i - 1].shape;
		}
	}
	return NULL;
}

/* `value` as what the place holds: converted, and checked where a dtype or shape is declared. */
static struct tn_ir *for_slot(struct tn_checker *c, const struct tn_ir *place, struct tn_ir *value, const char *what) {
	bool element = place->kind == TN_IR_INDEX && place->a->type->kind == TN_TYPE_TENSOR;
	if (element && (tn_type_is_number(value->type) || value->type->kind == TN_TYPE_TENSOR)) {
		check_keep_digits(value); /* they become the tensor's dtype */
		return value;
	}
	value = check_coerce(c, value, slot_type(c, place), what);
	if (value == NULL) {
		return NULL;
	}
	switch (place->kind) {
	case TN_IR_LOCAL:
		return check_expect(c, value, local_shape(c, place->local));
	case TN_IR_GLOBAL:
		return check_expect(c, value, place->symbol->declared);
	case TN_IR_FIELD:
		if (!check_may_keep(c, value, "stored in a field")) {
			return NULL;
		}
		return check_field_shape(c, place->a->type->def, &place->a->type->def->fields[place->index], value);
	default:
		return value;
	}
}

static bool is_tensor_element(const struct tn_ir *ir) {
	return ir->kind == TN_IR_INDEX && ir->a->type->kind == TN_TYPE_TENSOR;
}

static struct tn_ir *set(struct tn_checker *c, struct tn_ir *place, struct tn_ir *value, struct body *out) {
	if (value == NULL) {
		return NULL;
	}
	if (is_tensor_element(place) && is_tensor_element(place->a)) { /* x[i][j] = v: t = x[i]; t[j] = v; x[i] = t */
		uint32_t local = check_local(c, "", place->a->type, false);
		struct tn_ir *inner = place->a,
					 *read =
						 check_push(c, out, check_set_local(c, local, inner)) ? check_read_local(c, local, place->span) : NULL;
		struct tn_ir *back = read == NULL ? NULL : check_node(c, TN_IR_INDEX, inner->type, inner->span);
		if (back == NULL) {
			return NULL;
		}
		*back = *inner; /* the node that is read stays as it is */
		place->a = read;
		return check_push(c, out, set(c, place, value, out)) ? set(c, back, read, out) : NULL;
	}
	if (place->kind == TN_IR_LOCAL) {
		return check_set_local(c, place->local, value);
	}
	if (place->kind == TN_IR_GLOBAL) {
		return global_statement(c, TN_IR_SET_GLOBAL, place->symbol, value);
	}
	struct tn_ir *ir = statement(c, TN_IR_SET_PLACE, value);
	if (ir != NULL) {
		ir->b = place;
	}
	return ir;
}

/* The text of a place, for messages. */
static void place_text(const struct tn_ast *ast, char out[128]) {
	uint32_t n = ast->span.source == NULL ? 0 : ast->span.end - ast->span.begin;
	snprintf(
		out, 128, "%.*s", (int)(n > 100 ? 100 : n), ast->span.source == NULL ? "" : ast->span.source->text + ast->span.begin);
}

static bool update(struct tn_checker *c, struct tn_ir *place, int op, struct tn_ir *value, const char *what, struct tn_span span,
	struct body *out) {
	struct tn_ir *made = check_binary(c, (enum tn_ast_op)op, place, value, span);
	if (made == NULL) {
		return false;
	}
	struct tn_type *slot = slot_type(c, place);
	bool scalar = made->kind == TN_IR_BINARY && made->type == slot && made->a == place && made->arith.class <= TN_CLASS_TENSOR;
	bool has_shape = place->kind == TN_IR_LOCAL ? local_shape(c, place->local) != NULL
												: place->kind == TN_IR_GLOBAL && place->symbol->declared != NULL;
	if (scalar && !has_shape && !(is_tensor_element(place) && is_tensor_element(place->a))) {
		struct tn_ir *ir = statement(c, TN_IR_UPDATE, made->b);
		if (ir != NULL) {
			ir->b = place;
			ir->arith = made->arith;
			ir->span = span;
		}
		return check_push(c, out, ir);
	}
	if (!check_can_hold(c, slot, made) && !(place->kind == TN_IR_INDEX && place->a->type->kind == TN_TYPE_TENSOR)) {
		char want[128], found[128];
		tn_type_format(slot, want);
		tn_type_format(made->type, found);
		struct tn_error *err = check_error(
			c, span, TN_ERR_TYPE, "%s is %s, but %s %s … gives %s", what, want, what, tn_ast_op_text((enum tn_ast_op)op), found);
		if (made->type->kind == TN_TYPE_TENSOR && tn_type_is_number(slot)) {
			const char *word = slot->kind == TN_TYPE_FLOAT ? "float" : "int";
			HINT(err, "%s %s= %s(…); takes the number out, which waits for it; tensor %s = 0.0; stays a tensor", what,
				tn_ast_op_text((enum tn_ast_op)op), word, what);
		} else if (made->type->kind == TN_TYPE_TENSOR) {
			HINT(err, "declare it as a tensor: tensor %s = 0.0;", what);
		}
		return false;
	}
	return check_push(c, out, set(c, place, for_slot(c, place, made, what), out));
}

bool check_set_path(struct tn_checker *c, const struct tn_ast *target, struct prefix prefix, int op, struct tn_ir *value,
	struct tn_span span, struct body *out) {
	bool nested = target->kind == TN_AST_INDEX && target->index.object->kind == TN_AST_INDEX;
	struct path path = {.prefix = prefix, .before = prefix.ast == NULL && (op >= 0 || nested) ? out : NULL};
	char what[128];
	struct tn_ir *place = path_place(c, target, &path);
	place_text(target, what);
	if (place == NULL || value == NULL || !writable(c, place, target->span)) {
		return false;
	}
	if (path.cut != NULL) {
		uint32_t n = path.rest.list.count;
		struct tn_ir **operands = CHECK_ARRAY(c, (size_t)n + 2, struct tn_ir *),
					 *ref = check_node(c, TN_IR_REF, place->type, target->span);
		if (operands == NULL || ref == NULL) {
			return false;
		}
		ref->a = place;
		operands[0] = ref;
		if (n > 0) {
			memcpy(operands + 1, path.rest.list.items, n * sizeof(operands[0]));
		}
		operands[n + 1] = value;
		struct dyn_extra extra = {.prefix = path.cut, .op = op};
		struct tn_ir *dyn = check_dyn(c, DYN_SET, target, extra, operands, n + 2, span);
		if (dyn != NULL) {
			dyn->type = check_basic(c, TN_TYPE_VOID);
		}
		return check_push(c, out, statement(c, TN_IR_EVAL, dyn));
	}
	if (place->kind == TN_IR_INDEX &&
		(place->a->type->kind == TN_TYPE_STRING ||
			(place->a->type->kind != TN_TYPE_TENSOR && place->subscript.items[0].kind == TN_IR_INDEX_SLICE))) {
		check_error(c, target->span, TN_ERR_TYPE,
			place->a->type->kind == TN_TYPE_STRING ? "a string's characters cannot be assigned"
												   : "a slice of a list cannot be assigned");
		return false;
	}
	bool ok = op >= 0 ? update(c, place, op, value, what, span, out)
					  : check_push(c, out, set(c, place, for_slot(c, place, value, what), out));
	check_note_lost(c, place, span);
	return ok;
}

/* ---- assignments ---- */

/* `name = value` where no braces are open: assigns where the variable can hold it, declares anew where not. */
static bool assign_top_level(
	struct tn_checker *c, const struct tn_ast *target, struct tn_ir *value, struct body *out, bool *done) {
	const char *name = check_name(c, target->name);
	struct tn_symbol *symbol = name == NULL ? NULL : check_find_symbol(c, c->frame->module, name);
	bool own = symbol != NULL && symbol->module == c->frame->module && symbol->type->kind != TN_TYPE_NEVER;
	*done = false;
	if (name == NULL || (own && (symbol->is_const || check_can_hold(c, symbol->type, value)))) {
		return name != NULL;
	}
	struct tn_ast_pattern pattern = {.span = target->span, .name = target->name};
	*done = true;
	return check_declare(c, &pattern, NULL, false, value, out);
}

static bool undeclared(struct tn_checker *c, const struct tn_ast *target, const struct tn_ir *value) {
	const char *name = check_name(c, target->name);
	if (name == NULL || check_find_binding(c, name) != NULL || check_find_symbol(c, c->frame->module, name) != NULL) {
		return false;
	}
	struct tn_error *err = check_error(c, target->span, TN_ERR_NAME, "%s is not declared", name);
	HINT(err, "auto %s = …; declares it", name);
	(void)value;
	declare_broken(c, name);
	return true;
}

static bool assign_one(
	struct tn_checker *c, const struct tn_ast *target, int op, struct tn_ir *value, struct tn_span span, struct body *out) {
	bool done = false;
	if (target->kind == TN_AST_NAME && target->name.length == 1 && target->name.text[0] == '_' && op < 0) {
		return value != NULL && check_push(c, out, statement(c, TN_IR_EVAL, value));
	}
	if (target->kind == TN_AST_NAME && op < 0) {
		if (check_top_level(c)) {
			if (value == NULL) {
				struct tn_ast_pattern pattern = {.span = target->span, .name = target->name};
				const char *name = check_name(c, target->name);
				if (name != NULL && check_find_symbol(c, c->frame->module, name) == NULL) {
					declare_all_broken(c, &pattern);
				}
				return false;
			}
			if (!assign_top_level(c, target, value, out, &done) || done) {
				return done;
			}
		} else if (undeclared(c, target, value)) {
			return false;
		}
	}
	return value != NULL && check_set_path(c, target, (struct prefix){0}, op, value, span, out);
}

static bool assign_pattern(
	struct tn_checker *c, const struct tn_ast_pattern *pattern, struct tn_ir *value, struct tn_span span, struct body *out) {
	if (!pattern->is_tuple) {
		struct tn_ast name = {.kind = TN_AST_NAME, .span = pattern->span, .name = pattern->name};
		return assign_one(c, pattern->expr != NULL ? pattern->expr : &name, -1, value, span, out);
	}
	struct tn_ir **parts = value == NULL ? NULL : CHECK_ARRAY(c, pattern->item_count, struct tn_ir *);
	bool ok = parts != NULL && unpack(c, pattern, value, out, parts);
	for (uint32_t i = 0; ok && i < pattern->item_count; i++) {
		ok = parts[i] == NULL || assign_pattern(c, pattern->items[i], parts[i], span, out);
	}
	return ok;
}

/* What an assignment's right side may count on: the type of its target. */
static struct tn_type *wanted_type(struct tn_checker *c, const struct tn_ast *target) {
	if (target == NULL || target->kind != TN_AST_NAME) {
		return NULL;
	}
	const char *name = check_name(c, target->name);
	struct binding *b = name == NULL ? NULL : check_find_binding(c, name);
	if (b != NULL) {
		return b->broken ? NULL : c->frame->locals.items[b->local].type;
	}
	struct tn_symbol *symbol = name == NULL ? NULL : check_find_symbol(c, c->frame->module, name);
	return symbol == NULL ? NULL : symbol->type;
}

bool check_assign(struct tn_checker *c, const struct tn_ast *ast, struct body *out) {
	const struct tn_ast_pattern *target = ast->assign.target;
	struct tn_ast leaf = {.kind = TN_AST_NAME, .span = target->span, .name = target->name};
	const struct tn_ast *single = target->is_tuple ? NULL : target->expr != NULL ? target->expr : &leaf;
	struct tn_type *wanted = ast->assign.op < 0 ? wanted_type(c, single) : NULL;
	struct tn_ir *value = check_value(c, ast->assign.value, wanted);
	if (single != NULL) {
		return assign_one(c, single, ast->assign.op, value, ast->span, out);
	}
	return value != NULL && assign_pattern(c, target, value, ast->span, out);
}

bool check_incdec(struct tn_checker *c, const struct tn_ast *ast, struct body *out) {
	struct tn_ir *one =
		check_const(c, tn_int(ast->incdec.delta < 0 ? -ast->incdec.delta : ast->incdec.delta), TN_TYPE_INT, ast->span);
	return check_set_path(
		c, ast->incdec.place, (struct prefix){0}, ast->incdec.delta < 0 ? TN_AST_OP_SUB : TN_AST_OP_ADD, one, ast->span, out);
}
