/* SPDX-License-Identifier: Apache-2.0 */
/* import "file.tn"; and import "file.tn" as m; (LANGUAGE.md section 5): the file is read and checked with the cell, as a module
 * of its own. Its statements run where the import stands, and again only if the file has changed since. Without `as` its names
 * become names of the importing module. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/check_define.h"

/* Each file that imports the next takes some 20 KiB of the C stack while it is checked. */
enum { MAX_FILE = 64 << 20, MOST_NESTED = 100 };

/* The file that an import means, as errors show it and as it is told from others: beside the file that imports, or in the working
 * directory for cells. */
static bool find_file(struct tn_checker *c, const struct tn_ast *ast, char path[PATH_MAX], char real[PATH_MAX]) {
	const char *from = c->unit->source->name, *slash = strrchr(from, '/');
	struct tn_name name = ast->import.path;
	int n = slash == NULL || name.text[0] == '/'
		? snprintf(path, PATH_MAX, "%.*s", (int)name.length, name.text)
		: snprintf(path, PATH_MAX, "%.*s/%.*s", (int)(slash - from), from, (int)name.length, name.text);
	if (n >= PATH_MAX) {
		check_error(c, ast->span, TN_ERR_IO, "the path of the import is too long");
		return false;
	}
	if (realpath(path, real) == NULL) {
		check_error(
			c, name.span.source != NULL ? name.span : ast->span, TN_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
		return false;
	}
	return true;
}

static bool read_file(struct tn_checker *c, const struct tn_ast *ast, const char *path, struct tn_str *out) {
	FILE *f = fopen(path, "rb");
	char block[8192];
	size_t n;
	bool ok = f != NULL;
	while (ok && (n = fread(block, 1, sizeof(block), f)) > 0) {
		ok = out->length + n <= MAX_FILE && tn_str_append_n(out, block, n);
	}
	if (!ok || ferror(f)) {
		check_error(c, ast->span, TN_ERR_IO, "cannot read '%s': %s", path,
			f != NULL && out->length > MAX_FILE - sizeof(block) ? "it is larger than 64 MiB" : strerror(errno));
		ok = false;
	}
	if (f != NULL) {
		fclose(f);
	}
	return ok;
}

static const char *file_name(const char *path) {
	const char *slash = strrchr(path, '/');
	return slash == NULL ? path : slash + 1;
}

/* a.tn imports b.tn imports a.tn: the checks in progress are the chain, innermost first. */
static bool is_cycle(struct tn_checker *c, const struct tn_ast *ast, const char *path) {
	char chain[TN_ERROR_TEXT_MAX] = "";
	for (const struct tn_checker *k = c; k != NULL && k->unit != NULL; k = k->outer) {
		const char *name = k->unit->module->name;
		char longer[TN_ERROR_TEXT_MAX];
		snprintf(
			longer, sizeof(longer), "%.60s, which imports %.400s", name == NULL ? k->unit->source->name : file_name(name), chain);
		memcpy(chain, longer, sizeof(chain));
		if (check_same_name(name, path)) {
			check_error(c, ast->span, TN_ERR_ERROR, "the imports go in a circle: %s%s", chain, file_name(path));
			return true;
		}
	}
	return false;
}

static bool is_too_deep(struct tn_checker *c, const struct tn_ast *ast) {
	int depth = 0;
	for (const struct tn_checker *k = c; k != NULL && k->unit != NULL; k = k->outer) {
		depth++;
	}
	if (depth <= MOST_NESTED) {
		return false;
	}
	struct tn_error *err = check_error(c, ast->span, TN_ERR_RECURSION, "files import each other more than %d deep", MOST_NESTED);
	tn_error_hint(err, "import the innermost files first, in the file that is run: a file is read once");
	return true;
}

/* The module of a file whose text has not changed, or NULL. */
static struct tn_module *known_module(struct tn_checker *c, const char *path, const struct tn_str *text) {
	for (size_t i = c->lang->modules.count; i > 0; i--) {
		struct tn_module *m = c->lang->modules.items[i - 1];
		if (check_same_name(m->name, path) && m->unit != NULL && m->unit->cell != NULL) {
			const struct tn_source *source = m->unit->source;
			return source->length == text->length && memcmp(source->text, tn_str_c(text), text->length) == 0 ? m : NULL;
		}
	}
	return NULL;
}

static struct tn_module *new_module(struct tn_checker *c, const char *path, const char *real, const struct tn_str *text) {
	struct tn_error err = {0};
	struct tn_module *module = tn_module_create(c->lang, real, &err);
	struct tn_unit *unit = module == NULL ? NULL : tn_unit_create(c->lang, path, tn_str_c(text), text->length, module, &err);
	if (unit == NULL) {
		check_report(c, (struct tn_span){0}, &err);
		return NULL;
	}
	unit->keep = unit->pinned = true;
	if (!tn_parse(unit->source, &unit->arena, &unit->tree, c->diag) || !tn_check_unit(c->lang, unit, false, c->diag)) {
		return NULL;
	}
	for (size_t i = 0; i < c->lang->symbols.count; i++) { /* there from now on; without a value until the statements have run */
		struct tn_symbol *symbol = c->lang->symbols.items[i];
		if (symbol->module == module && !tn_map_set(&module->symbols, symbol->name, symbol)) {
			return check_memory(c);
		}
	}
	module->unit = unit;
	return module;
}

/* The imported file's names become the importing module's. */
static bool take_names(struct tn_checker *c, struct tn_module *from) {
	struct tn_module *to = c->unit->module;
	for (uint32_t i = 0; i < from->structs.used; i++) {
		struct tn_map_entry *e = &from->structs.entries[i];
		if (e->key != NULL && !check_journal(c, &to->structs, e->key, e->value)) {
			return false;
		}
	}
	for (uint32_t i = 0; i < from->functions.used; i++) {
		struct tn_overloads *set = from->functions.entries[i].key == NULL ? NULL : from->functions.entries[i].value;
		for (size_t k = 0; set != NULL && k < set->items.count; k++) {
			if (!check_declared(c, set->items.items[k]) || !check_add_overload(c, set->items.items[k])) {
				return false;
			}
		}
	}
	for (size_t i = 0; i < c->lang->symbols.count; i++) {
		struct tn_symbol *symbol = c->lang->symbols.items[i];
		if (symbol->module == from && !check_journal(c, &to->symbols, symbol->name, symbol)) {
			return false; /* the newest symbol of a name comes last */
		}
	}
	c->lang->epoch++;
	return true;
}

static bool import_one(struct tn_checker *c, struct tn_ast *ast) {
	char path[PATH_MAX], real[PATH_MAX];
	struct tn_str text = {0};
	bool ok = find_file(c, ast, path, real) && !is_cycle(c, ast, real) && read_file(c, ast, path, &text);
	struct tn_module *module = ok ? known_module(c, real, &text) : NULL;
	bool fresh = ok && module == NULL;
	if (fresh && !is_too_deep(c, ast)) {
		struct frame *frame = c->frame;
		c->importing = ast->span;
		module = new_module(c, path, real, &text);
		c->importing = (struct tn_span){0};
		c->frame = frame;
	}
	tn_str_finish(&text);
	if (module == NULL) {
		return false;
	}
	union {
		struct tn_unit *unit;
		void *value;
	} run = {.unit = module->unit};
	char key[32];
	snprintf(key, sizeof(key), "%u", ast->span.begin);
	if (fresh && !tn_map_set(&c->imports, key, run.value)) {
		return check_memory(c);
	}
	if (ast->import.alias.text == NULL) {
		return take_names(c, module);
	}
	const char *alias = check_name(c, ast->import.alias);
	return alias != NULL && check_journal(c, &c->unit->module->aliases, alias, module);
}

bool check_imports(struct tn_checker *c) {
	struct tn_ast_list items = c->unit->tree.items;
	bool ok = true;
	for (uint32_t i = 0; i < items.count; i++) {
		if (items.items[i]->kind == TN_AST_IMPORT) {
			ok = import_one(c, items.items[i]) && ok;
		}
	}
	return ok;
}

bool check_import_stmt(struct tn_checker *c, const struct tn_ast *ast, struct body *out) {
	char key[32];
	snprintf(key, sizeof(key), "%u", ast->span.begin);
	struct tn_unit *unit = tn_map_get(&c->imports, key);
	if (unit == NULL) {
		return true; /* it ran before and has not changed, or an error was reported */
	}
	struct tn_ir *ir = check_node(c, TN_IR_IMPORT, check_basic(c, TN_TYPE_VOID), ast->span);
	if (ir != NULL) {
		ir->unit = unit;
	}
	return check_push(c, out, ir);
}
