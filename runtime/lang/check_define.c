/* SPDX-License-Identifier: Apache-2.0 */
/* Structs and functions of a unit become definitions of its module, before any statement is checked. A struct defined again with
 * equal fields stays the same type. Every replacement is noted in a journal, so that a cell that does not check leaves nothing
 * behind. */
#include <string.h>

#include "lang/check_define.h"

bool check_journal(struct tn_checker *c, struct tn_map *map, const char *key, void *now) {
	struct journal_entry entry = {.map = map, .key = key, .old = tn_map_get(map, key)};
	return (TN_VEC_PUSH(&c->journal, entry) && tn_map_set(map, key, now)) || check_memory(c) != NULL;
}

void check_roll_back(struct tn_checker *c) {
	for (size_t i = c->journal.count; i > 0; i--) {
		struct journal_entry *entry = &c->journal.items[i - 1];
		if (entry->def != NULL) {
			*entry->def = entry->before;
		} else if (entry->old == NULL) {
			tn_map_remove(entry->map, entry->key);
		} else if (!tn_map_set(entry->map, entry->key, entry->old)) {
			check_memory(c); /* the key is there, so nothing is allocated */
		}
	}
	c->journal.count = 0;
}

/* ---- structs ---- */

struct draft {
	const struct tn_ast *ast;
	struct tn_struct_def *def, *old;
	bool same, endless;
};

static bool resolve_fields(struct tn_checker *c, struct draft *d) {
	bool ok = true;
	for (uint32_t i = 0; i < d->def->field_count; i++) {
		const struct tn_ast_field *from = &d->ast->struct_def.fields[i];
		struct tn_struct_field *to = &d->def->fields[i];
		to->name = check_name(c, from->name);
		to->doc = from->doc;
		to->declared = from->type;
		to->def = from->def;
		to->frozen = from->frozen;
		to->type = check_type_plain(c, c->unit->module, from->type);
		if (to->type != NULL && (to->type->kind == TN_TYPE_VOID || to->type->kind == TN_TYPE_AUTO)) {
			check_error(c, from->span, TN_ERR_TYPE, "a field needs a type");
			to->type = NULL;
		}
		for (uint32_t k = 0; k < i; k++) {
			if (to->name != NULL && check_same_name(d->def->fields[k].name, to->name)) {
				check_error(c, from->name.span, TN_ERR_NAME, "the field %s is there twice", to->name);
				ok = false;
			}
		}
		if (to->type == NULL || to->name == NULL) {
			to->type = check_basic(c, TN_TYPE_NEVER); /* uses of it say nothing more */
			to->name = to->name == NULL ? "" : to->name;
			ok = false;
		}
	}
	return ok;
}

static bool make_draft(struct tn_checker *c, const struct tn_ast *ast, struct draft *d) {
	const char *name = check_name(c, ast->struct_def.name);
	if (name == NULL) {
		return false;
	}
	struct tn_module *module = c->unit->module;
	struct tn_struct_def *def = tn_arena_alloc(&c->unit->arena, sizeof(*def));
	struct tn_struct_field *fields =
		TN_ARENA_ARRAY(&c->unit->arena, ast->struct_def.count == 0 ? 1 : ast->struct_def.count, struct tn_struct_field);
	if (def == NULL || fields == NULL) {
		return check_memory(c);
	}
	struct tn_type *type = tn_type_struct(c->lang->types, def);
	if (type == NULL) {
		return check_memory(c);
	}
	*d = (struct draft){.ast = ast, .def = def, .old = tn_map_get(&module->structs, name)};
	*def = (struct tn_struct_def){.type = type,
		.name = name,
		.doc = ast->struct_def.doc,
		.unit = c->unit,
		.fields = fields,
		.field_count = ast->struct_def.count};
	d->same = d->old != NULL;
	if (d->old != NULL && d->old->unit == c->unit) {
		check_error(c, ast->struct_def.name.span, TN_ERR_NAME, "the struct %s is defined twice in one cell", name);
		return false;
	}
	c->unit->keep = c->unit->pinned = true;
	return check_journal(c, &module->structs, name, def);
}

/* A field's type where new structs that turn out to be the old ones count as these. */
static bool equal_types(const struct tn_type *a, const struct tn_type *b, const struct draft *drafts, uint32_t count) {
	if (a == b) {
		return true;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (drafts[i].same && drafts[i].def->type == a && drafts[i].old->type == b) {
			return true;
		}
	}
	if (a->kind != b->kind || a->item_count != b->item_count || a->item_count == 0) {
		return false;
	}
	for (uint32_t i = 0; i < a->item_count; i++) {
		if (!equal_types(a->items[i], b->items[i], drafts, count)) {
			return false;
		}
	}
	return true;
}

static bool still_same(const struct draft *d, const struct draft *drafts, uint32_t count) {
	if (d->def->field_count != d->old->field_count) {
		return false;
	}
	for (uint32_t i = 0; i < d->def->field_count; i++) {
		const struct tn_struct_field *a = &d->def->fields[i], *b = &d->old->fields[i];
		if (!check_same_name(a->name, b->name) || a->frozen != b->frozen || !equal_types(a->type, b->type, drafts, count)) {
			return false;
		}
	}
	return true;
}

static bool has_weights(const struct tn_struct_def *def) {
	for (uint32_t i = 0; i < def->field_count; i++) {
		if (def->fields[i].type != NULL && tn_type_is_tree(def->fields[i].type)) {
			return true;
		}
	}
	return false;
}

/* The definitions that replace nothing, and those whose fields are equal: these give the old definition new defaults and docs. */
static bool settle(struct tn_checker *c, struct draft *drafts, uint32_t count) {
	for (bool changed = true; changed;) {
		changed = false;
		for (uint32_t i = 0; i < count; i++) {
			if (drafts[i].same && !still_same(&drafts[i], drafts, count)) {
				drafts[i].same = false;
				changed = true;
			}
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		struct draft *d = &drafts[i];
		if (d->old == NULL) {
			continue;
		}
		struct journal_entry entry = {.def = d->old, .before = *d->old};
		if (!TN_VEC_PUSH(&c->journal, entry)) {
			return check_memory(c);
		}
		if (!d->same) {
			d->old->newer = d->def;
		} else if (!check_journal(c, &c->unit->module->structs, d->def->name, d->old)) {
			return false;
		}
	}
	bool ok = true;
	for (uint32_t i = 0; i < count; i++) {
		ok = resolve_fields(c, &drafts[i]) && ok; /* once more: names may mean the old types now */
	}
	for (uint32_t i = 0; ok && i < count; i++) {
		struct draft *d = &drafts[i];
		if (d->same) {
			d->old->fields = d->def->fields;
			d->old->doc = d->def->doc;
			d->old->unit = c->unit;
		}
	}
	return ok;
}

/* What follows is checked too, and may ask for the zero of such a struct. */
static void cut_endless(struct tn_checker *c, struct draft *d) {
	for (uint32_t i = 0; d->endless && i < d->def->field_count; i++) {
		struct tn_struct_field *field = &d->def->fields[i];
		if (field->type != NULL && (field->type->kind == TN_TYPE_STRUCT || field->type->kind == TN_TYPE_TUPLE)) {
			field->type = check_basic(c, TN_TYPE_ANY);
		}
	}
}

/* Reports the structs that contain themselves. */
static bool find_endless(struct tn_checker *c, struct draft *drafts, uint32_t count) {
	struct tn_struct_def **defs = CHECK_ARRAY(c, (size_t)count + 1, struct tn_struct_def *);
	bool *endless = CHECK_ARRAY(c, (size_t)count + 1, bool), ok = true;
	if (defs == NULL || endless == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		defs[i] = drafts[i].def;
		endless[i] = false;
	}
	if (!check_find_endless(c, defs, count, endless)) {
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		drafts[i].endless = endless[i];
		if (endless[i]) {
			struct tn_error *err = check_error(
				c, drafts[i].ast->struct_def.name.span, TN_ERR_TYPE, "the struct %s contains itself", drafts[i].def->name);
			HINT(err, "a list may hold it: %s[]", drafts[i].def->name);
			ok = false;
		}
	}
	return ok;
}

static bool define_structs(struct tn_checker *c) {
	struct tn_ast_list items = c->unit->tree.items;
	struct draft *drafts = CHECK_ARRAY(c, items.count, struct draft);
	uint32_t count = 0;
	bool ok = drafts != NULL;
	for (uint32_t i = 0; drafts != NULL && i < items.count; i++) {
		if (items.items[i]->kind == TN_AST_STRUCT_DEF) {
			ok = make_draft(c, items.items[i], &drafts[count]) && ok;
			count += drafts[count].def != NULL;
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		ok = resolve_fields(c, &drafts[i]) && ok;
	}
	ok = find_endless(c, drafts, count) && ok;
	for (uint32_t i = 0; i < count; i++) {
		cut_endless(c, &drafts[i]);
	}
	if (!ok || count == 0) {
		return ok;
	}
	ok = settle(c, drafts, count);
	for (bool changed = ok; changed;) {
		changed = false;
		for (uint32_t i = 0; i < count; i++) {
			struct tn_struct_def *def = drafts[i].same ? drafts[i].old : drafts[i].def;
			if (!def->has_weights && has_weights(def)) {
				def->has_weights = changed = true;
			}
		}
	}
	c->lang->epoch++;
	return ok;
}

/* ---- functions ---- */

/* Overloads with the same first parameter are one function. */
static bool same_first(const struct tn_function *a, const struct tn_function *b) {
	bool none_a = a->decl->count == 0, none_b = b->decl->count == 0;
	return none_a || none_b ? none_a && none_b : a->declared[0] == b->declared[0];
}

bool check_add_overload(struct tn_checker *c, struct tn_function *f) {
	struct tn_module *module = c->unit->module;
	struct tn_overloads *old = tn_map_get(&module->functions, f->name), *set = TN_ARENA_NEW(&c->lang->arena, struct tn_overloads);
	size_t capacity = (old == NULL ? 0 : old->items.count) + 1;
	if (set == NULL || (set->items.items = TN_ARENA_ARRAY(&c->lang->arena, capacity, struct tn_function *)) == NULL) {
		return check_memory(c);
	}
	set->name = f->name;
	set->items.capacity = capacity;
	for (size_t i = 0; old != NULL && i < old->items.count; i++) {
		struct tn_function *other = old->items.items[i];
		if (!check_declared(c, other)) {
			continue; /* its types are gone: it goes too */
		}
		if (!same_first(other, f)) {
			set->items.items[set->items.count++] = other;
		} else if (other->unit == c->unit) {
			check_error(c, f->span, TN_ERR_NAME, "%s is defined twice in one cell for the same first parameter", f->name);
			return false;
		}
	}
	set->items.items[set->items.count++] = f;
	return check_journal(c, &module->functions, f->name, set);
}

static bool warn_library(struct tn_checker *c, const struct tn_function *f) {
	struct tn_overload_view view = {0};
	struct tn_error err = {0};
	if (c->unit->module->is_library) {
		return true;
	}
	if (!tn_lookup_functions(c->lang, c->unit->module, f->name, &view, &err)) {
		check_report(c, f->span, &err);
		return false;
	}
	const struct tn_overloads *sets[2] = {view.library, view.native};
	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; sets[k] != NULL && i < sets[k]->items.count; i++) {
			struct tn_function *other = sets[k]->items.items[i];
			bool hides = check_declared(c, other) &&
				(same_first(other, f) ||
					(other->decl->count > 0 && f->decl->count > 0 && other->declared[0]->kind == TN_TYPE_OPERAND &&
						f->declared[0]->kind == TN_TYPE_TENSOR));
			if (hides) {
				check_warn(c, f->span, NULL, "%s replaces the library's function of that name", f->name);
				return true;
			}
		}
	}
	return true;
}

static bool define_function(struct tn_checker *c, const struct tn_ast *ast) {
	const char *name = check_name(c, ast->function.name);
	struct tn_function *f = name == NULL ? NULL
										 : check_new_function(c, c->unit,
											   (struct tn_function){.name = name,
												   .module = c->unit->module,
												   .decl = &ast->function,
												   .span = ast->function.name.span,
												   .is_library = c->unit->module->is_library});
	if (f == NULL || !check_declared(c, f)) {
		return false;
	}
	bool ok = true;
	for (uint32_t i = 0; i < f->decl->count; i++) {
		const struct tn_ast_param *param = &f->decl->params[i];
		if (f->declared[i]->kind == TN_TYPE_VOID) {
			check_error(c, param->span, TN_ERR_TYPE, "a parameter cannot be void");
			ok = false;
		}
		if (param->def != NULL && param->by_ref) {
			check_error(c, param->span, TN_ERR_TYPE, "a reference parameter has no default");
			ok = false;
		}
		for (uint32_t k = 0; k < i; k++) {
			if (f->decl->params[k].name.length == param->name.length &&
				memcmp(f->decl->params[k].name.text, param->name.text, param->name.length) == 0) {
				check_error(c, param->name.span, TN_ERR_NAME, "two parameters are called %.*s", (int)param->name.length,
					param->name.text);
				ok = false;
			}
		}
	}
	return ok && warn_library(c, f) && check_add_overload(c, f);
}

/* Calls of a function whose declaration was wrong say nothing more. */
static void note_broken(struct tn_checker *c, struct tn_name function) {
	const char *name = check_name(c, function);
	struct tn_symbol *symbol = TN_ARENA_NEW(&c->lang->arena, struct tn_symbol);
	if (name == NULL || tn_map_get(&c->unit->module->functions, name) != NULL) {
		return;
	}
	if (symbol != NULL) {
		*symbol = (struct tn_symbol){.name = name, .type = check_basic(c, TN_TYPE_NEVER), .module = c->unit->module};
	}
	if (symbol == NULL || !tn_map_set(&c->pending, name, symbol)) {
		check_memory(c);
	}
}

bool check_define(struct tn_checker *c) {
	struct tn_ast_list items = c->unit->tree.items;
	bool ok = define_structs(c), any = false;
	for (uint32_t i = 0; i < items.count; i++) {
		any = any || items.items[i]->kind == TN_AST_FUNCTION;
	}
	c->lang->epoch += any;
	for (uint32_t i = 0; i < items.count; i++) {
		if (items.items[i]->kind == TN_AST_FUNCTION && !define_function(c, items.items[i])) {
			note_broken(c, items.items[i]->function.name);
			ok = false;
		}
	}
	return ok;
}
