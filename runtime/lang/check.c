/* SPDX-License-Identifier: Apache-2.0 */
/* The checker's entry points: a cell against the live session, a library file. First structs and functions (check_define.c), then
 * the statements in order, each with the functions that it needs; then what the cell defines and did not call. A cell with an
 * error leaves nothing behind. */
#include <string.h>

#include "lang/check_define.h"

struct tn_checker *check_begin(struct tn_lang *lang, struct tn_unit *unit, struct tn_diagnostics *diag, struct tn_checker *c) {
	static uint64_t passes; /* the executing thread's */
	*c = (struct tn_checker){.lang = lang, .unit = unit, .diag = diag, .outer = lang->checker, .pass = ++passes};
	c->stack = c->outer != NULL ? c->outer->stack : (const char *)__builtin_frame_address(0);
	lang->checker = c;
	return c;
}

void check_end(struct tn_checker *c) {
	tn_map_finish(&c->pending);
	tn_map_finish(&c->named);
	tn_map_finish(&c->later);
	tn_map_finish(&c->imports);
	TN_VEC_FINISH(&c->queue);
	TN_VEC_FINISH(&c->dropped);
	TN_VEC_FINISH(&c->journal);
	c->lang->checker = c->outer;
}

/* ---- variables of the cell ---- */

static struct tn_symbol *new_symbol(struct tn_checker *c, const char *name, struct tn_type *type, bool is_const) {
	struct tn_symbol *symbol = TN_ARENA_NEW(&c->lang->arena, struct tn_symbol);
	if (symbol == NULL || !TN_VEC_PUSH(&c->lang->symbols, symbol)) {
		return check_memory(c);
	}
	*symbol = (struct tn_symbol){.name = name, .type = type, .value = tn_void(), .module = c->unit->module, .is_const = is_const};
	return symbol;
}

struct tn_symbol *check_declare_symbol(
	struct tn_checker *c, const char *name, struct tn_type *type, bool is_const, struct tn_span span) {
	struct tn_module *module = c->unit->module;
	struct tn_symbol *old = tn_map_get(&c->pending, name), *bound = tn_map_get(&module->symbols, name);
	bool broken = old != NULL && old->type->kind == TN_TYPE_NEVER;
	old = old != NULL && !broken ? old : bound;
	struct tn_symbol *symbol =
		old != NULL && old->type == type && old->is_const == is_const ? old : new_symbol(c, name, type, is_const);
	if (symbol == NULL) {
		return NULL;
	}
	if (symbol != old && old != NULL) {
		union {
			void *value;
			const char *name;
		} user = {.value = tn_map_get(&c->named, name)};
		if (user.name != NULL && old->type != type) {
			char was[128], is[128];
			tn_type_format(old->type, was);
			tn_type_format(type, is);
			struct tn_error *err = check_error(c, span, TN_ERR_TYPE,
				"%s changes its type here, from %s to %s, but %s, which names it, was called before", name, was, is, user.name);
			HINT(err, "declare it in a cell of its own, or by another name");
			return NULL;
		}
		c->lang->epoch++;
	} else if (symbol != old && tn_map_get(&module->functions, name) != NULL) {
		c->lang->epoch++;
	}
	if (!tn_map_set(&c->pending, name, symbol) || !TN_VEC_PUSH(&c->lang->expected, symbol)) {
		return check_memory(c);
	}
	return symbol;
}

/* Declarations of the last cell that were not reached: what was checked against them is checked again. */
static void forget_expected(struct tn_lang *lang) {
	bool missed = false;
	for (size_t i = 0; i < lang->expected.count; i++) {
		const struct tn_symbol *symbol = lang->expected.items[i];
		missed = missed || tn_map_get(&symbol->module->symbols, symbol->name) != symbol;
	}
	lang->epoch += missed;
	lang->expected.count = 0;
}

/* ---- the statements ---- */

static void note_later(struct tn_checker *c, const struct tn_ast *ast, const struct tn_ast_pattern *pattern) {
	for (uint32_t i = 0; pattern->is_tuple && i < pattern->item_count; i++) {
		note_later(c, ast, pattern->items[i]);
	}
	struct tn_name name = pattern->name;
	if (!pattern->is_tuple && pattern->expr != NULL && pattern->expr->kind == TN_AST_NAME) {
		name = pattern->expr->name;
	}
	union {
		const struct tn_ast *ast;
		void *value;
	} entry = {.ast = ast};
	if (!pattern->is_tuple && name.text != NULL && tn_map_get_n(&c->later, name.text, name.length) == NULL &&
		!tn_map_set_n(&c->later, name.text, name.length, entry.value)) {
		check_memory(c);
	}
}

static bool check_cell_statements(struct tn_checker *c, struct body *body) {
	struct tn_ast_list items = c->unit->tree.items;
	bool ok = true;
	for (uint32_t i = 0; i < items.count; i++) {
		if (items.items[i]->kind == TN_AST_DECL) {
			note_later(c, items.items[i], items.items[i]->decl.target);
		} else if (items.items[i]->kind == TN_AST_ASSIGN && items.items[i]->assign.op < 0) {
			note_later(c, items.items[i], items.items[i]->assign.target);
		}
	}
	for (uint32_t i = 0; i < items.count && !c->out_of_memory; i++) {
		ok = check_statement(c, items.items[i], body) && ok;
		ok = check_drain(c) && ok;
	}
	return ok;
}

/* Functions of the cell that nothing has called yet, where their parameters' types are known without a call. */
static bool check_uncalled(struct tn_checker *c) {
	bool ok = true;
	size_t count = c->unit->functions.count;
	for (size_t i = 0; i < count && !c->out_of_memory; i++) {
		struct tn_function *f = c->unit->functions.items[i];
		bool template = false;
		if (f->decl == NULL || !check_declared(c, f)) {
			ok = ok && f->decl == NULL;
			continue;
		}
		for (uint32_t p = 0; p < f->decl->count; p++) {
			template = template || check_type_is_template(f->declared[p]);
		}
		struct frame *frame = c->frame;
		c->frame = NULL;
		if (strcmp(f->name, "main") == 0 && f->instances.count == 0) {
			bool bare = f->decl->count == 0;
			check_warn(c, f->span, bare ? "statements run from the top, outside of functions: add main(); below, or take its body out"
										: "statements run from the top, outside of functions: args() gives a program's arguments",
				"main is defined, but nothing calls it");
		}
		ok = (template || check_instance(c, f, f->declared, f->decl->count, (struct tn_span){0}) != NULL) && ok;
		c->frame = frame;
		ok = check_drain(c) && ok;
	}
	return ok;
}

static struct tn_instance *new_cell(struct tn_checker *c) {
	struct tn_instance *cell = TN_ARENA_NEW(&c->unit->arena, struct tn_instance);
	if (cell == NULL || !TN_VEC_PUSH(&c->unit->instances, cell)) {
		return check_memory(c);
	}
	*cell = (struct tn_instance){
		.unit = c->unit, .name = c->unit->source->name, .result = check_basic(c, TN_TYPE_VOID), .needs_session = true};
	return cell;
}

static bool finish_cell(struct tn_checker *c, struct tn_instance *cell, const struct body *body) {
	struct frame *f = c->frame;
	cell->locals = CHECK_ARRAY(c, f->locals.count, struct tn_local);
	if (cell->locals == NULL) {
		return false;
	}
	if (f->locals.count > 0) {
		memcpy(cell->locals, f->locals.items, f->locals.count * sizeof(cell->locals[0]));
	}
	cell->local_count = (uint32_t)f->locals.count;
	cell->body = body->list;
	cell->epoch = c->lang->epoch;
	cell->state = TN_INSTANCE_CHECKED;
	c->unit->cell = cell;
	return true;
}

bool tn_check_unit(struct tn_lang *lang, struct tn_unit *unit, bool display_last, struct tn_diagnostics *diag) {
	struct tn_checker state, *c = check_begin(lang, unit, diag, &state);
	struct tn_ast_list items = unit->tree.items;
	struct body body = {0};
	if (c->outer == NULL) {
		forget_expected(lang);
	}
	if (!display_last && items.count > 0 && items.items[items.count - 1]->kind == TN_AST_EXPR_STMT) {
		c->last_value = items.items[items.count - 1]->expr.display ? items.items[items.count - 1]->expr.value : NULL;
		items.items[items.count - 1]->expr.display = false;
	}
	struct frame frame = {.module = unit->module, .unit = unit, .is_cell = true};
	frame.instance = new_cell(c);
	c->frame = &frame;
	bool ok = frame.instance != NULL && check_imports(c);
	if (frame.instance != NULL) {
		ok = check_define(c) && ok;
		ok = check_cell_statements(c, &body) && ok;
		ok = check_uncalled(c) && ok;
	}
	if (ok && diag->errors.count == 0) {
		check_warn_dropped(c);
	}
	ok = ok && diag->errors.count == 0 && !c->out_of_memory && finish_cell(c, frame.instance, &body);
	check_frame_finish(&frame);
	c->frame = NULL;
	if (!ok) {
		bool defined = c->journal.count > 0 || lang->expected.count > 0 || c->imports.count > 0;
		check_roll_back(c);
		lang->expected.count = 0;
		lang->epoch += defined; /* a mere typo makes nothing old */
	}
	check_end(c);
	return ok;
}

/* ---- library files: definitions and literal constants ---- */

static bool library_constant(struct tn_checker *c, const struct tn_ast *ast) {
	const char *name = check_name(c, ast->decl.target->name);
	struct tn_type *type = ast->decl.type == NULL ? NULL : check_type_plain(c, c->unit->module, ast->decl.type);
	struct tn_ir *value = ast->decl.init == NULL ? NULL : check_value(c, ast->decl.init, type);
	value = value == NULL || type == NULL || type->kind == TN_TYPE_AUTO ? value : check_coerce(c, value, type, "a constant");
	if (name == NULL || value == NULL || value->kind != TN_IR_CONST) {
		check_error(c, ast->span, TN_ERR_TYPE, "a constant of the library must be a literal");
		return false;
	}
	struct tn_symbol *symbol = new_symbol(c, name, value->type, true);
	if (symbol == NULL || !tn_map_set(&c->unit->module->symbols, name, symbol)) {
		return check_memory(c);
	}
	symbol->value = tn_value_ref(value->value);
	return true;
}

bool tn_check_library(struct tn_lang *lang, struct tn_unit *unit, struct tn_diagnostics *diag) {
	struct tn_checker state, *c = check_begin(lang, unit, diag, &state);
	struct frame frame = {.module = unit->module, .unit = unit, .is_cell = true};
	uint64_t epoch = lang->epoch;
	frame.instance = new_cell(c);
	c->frame = &frame;
	bool ok = frame.instance != NULL && check_define(c);
	for (uint32_t i = 0; ok && i < unit->tree.items.count; i++) {
		const struct tn_ast *ast = unit->tree.items.items[i];
		if (ast->kind == TN_AST_DECL && ast->decl.is_const && !ast->decl.target->is_tuple) {
			ok = library_constant(c, ast);
		} else if (ast->kind != TN_AST_FUNCTION && ast->kind != TN_AST_STRUCT_DEF) {
			check_error(c, ast->span, TN_ERR_SYNTAX, "a library file holds functions, structs and constants only");
			ok = false;
		}
	}
	lang->epoch = epoch; /* names that were unknown until now change no body that has been checked */
	check_frame_finish(&frame);
	c->frame = NULL;
	check_end(c);
	return ok && diag->errors.count == 0;
}
