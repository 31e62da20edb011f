/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of a catalog: each definition as text, taken from a native's row, a syntax tree or a checked struct. */
#include <stdlib.h>
#include <string.h>

#include "lang/catalog_part.h"

/* ---- text ---- */

bool catalog_head_text(const char *begin, const char *end, struct tn_str *out) {
	bool blank = false;
	char last = ' ';
	int depth = 0; /* a default may hold braces */
	size_t before = out->length;
	for (const char *p = begin; p < end && (*p != '{' || depth > 0); p++) {
		bool space = *p == ' ' || *p == '\n' || *p == '\t' || *p == '\r';
		bool parts = *p != '(' || !is_name_byte(last); /* `f (int x)` is written f(int x) */
		if (!space && blank && parts && out->length > before && !tn_str_append_char(out, ' ')) {
			return false;
		}
		if (!space && !tn_str_append_char(out, *p)) {
			return false;
		}
		depth += (*p == '(' || *p == '[' || *p == '{') - (*p == ')' || *p == ']' || *p == '}');
		last = space ? last : *p;
		blank = space;
	}
	return true;
}

static const char *copy(struct catalog_table *table, const char *text, size_t length) {
	return tn_arena_strndup(&table->arena, text, length);
}

/* The span's text on one line; "" for no span. */
static const char *copy_line(struct catalog_table *table, struct tn_span span) {
	struct tn_str line = {0};
	const char *out = NULL;
	if (span.source == NULL) {
		return copy(table, "", 0);
	}
	if (catalog_head_text(span.source->text + span.begin, span.source->text + span.end, &line)) {
		out = copy(table, tn_str_c(&line), line.length);
	}
	tn_str_finish(&line);
	return out;
}

/* Splits a doc comment at its `Example:` line. */
static bool copy_doc(struct catalog_table *table, const char *doc, struct catalog_entry *entry) {
	if (doc == NULL) {
		return true;
	}
	size_t length;
	const char *example = tn_doc_example(doc, &length);
	entry->doc = length == 0 ? NULL : copy(table, doc, length);
	entry->example = example == NULL ? NULL : copy(table, example, strlen(example));
	return (length == 0 || entry->doc != NULL) && (example == NULL || entry->example != NULL);
}

/* ---- the entries ---- */

bool catalog_add_entry(struct catalog_table *table, const struct catalog_entry *entry) {
	struct catalog_entry row = *entry;
	row.module = row.module == NULL ? "" : row.module;
	row.order = (uint32_t)table->entries.count;
	return TN_VEC_PUSH(&table->entries, row);
}

bool catalog_add_native(struct catalog_table *table, const struct tn_native *native) {
	const char *name;
	size_t length;
	if (!tn_signature_name(native->signature, &name, &length)) {
		return true; /* tn_lang_register has refused such a row */
	}
	const struct catalog_entry entry = {.kind = CATALOG_FUNCTION,
		.name = copy(table, name, length),
		.signature = native->signature,
		.doc = native->doc,
		.example = native->example};
	return entry.name != NULL && catalog_add_entry(table, &entry);
}

bool catalog_add_function(struct catalog_table *table, const struct tn_ast_function *decl, const char *module) {
	struct tn_span span = decl->span;
	struct catalog_entry entry = {.kind = CATALOG_FUNCTION, .module = module};
	if (span.source == NULL) {
		return true;
	}
	entry.name = copy(table, decl->name.text, decl->name.length);
	entry.signature = copy_line(table, span);
	entry.source = copy(table, span.source->text + span.begin, span.end - span.begin);
	return entry.name != NULL && entry.signature != NULL && entry.source != NULL && copy_doc(table, decl->doc, &entry) &&
		catalog_add_entry(table, &entry);
}

static const char *or_empty(const char *text) {
	return text == NULL ? "" : text;
}

bool catalog_add_struct(struct catalog_table *table, const struct tn_struct_def *def, const char *name, const char *module) {
	struct catalog_entry entry = {.kind = CATALOG_STRUCT, .module = module, .field_count = def->field_count};
	entry.name = copy(table, name, strlen(name));
	entry.fields = TN_ARENA_ARRAY(&table->arena, def->field_count + 1u, struct catalog_field);
	if (entry.name == NULL || entry.fields == NULL || !copy_doc(table, def->doc, &entry)) {
		return false;
	}
	for (uint32_t i = 0; i < def->field_count; i++) {
		char type[128];
		const struct tn_struct_field *from = &def->fields[i];
		struct catalog_field *field = &entry.fields[i];
		tn_type_format(from->type, type);
		field->frozen = from->frozen;
		field->name = copy(table, from->name, strlen(from->name));
		field->type = from->declared != NULL ? copy_line(table, from->declared->span) : copy(table, type, strlen(type));
		field->doc = copy(table, or_empty(from->doc), strlen(or_empty(from->doc)));
		if (field->name == NULL || field->type == NULL || field->doc == NULL) {
			return false;
		}
	}
	return catalog_add_entry(table, &entry);
}

static bool add_struct_tree(struct catalog_table *table, const struct tn_ast *node) {
	uint32_t count = node->struct_def.fields == NULL ? 0 : node->struct_def.count;
	struct catalog_entry entry = {.kind = CATALOG_STRUCT, .field_count = count};
	entry.name = copy(table, node->struct_def.name.text, node->struct_def.name.length);
	entry.fields = TN_ARENA_ARRAY(&table->arena, count + 1u, struct catalog_field);
	if (entry.name == NULL || entry.fields == NULL || !copy_doc(table, node->struct_def.doc, &entry)) {
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct tn_ast_field *from = &node->struct_def.fields[i];
		struct catalog_field *field = &entry.fields[i];
		field->frozen = from->frozen;
		field->name = copy(table, from->name.text, from->name.length);
		field->type = from->type == NULL ? "auto" : copy_line(table, from->type->span);
		field->doc = copy(table, or_empty(from->doc), strlen(or_empty(from->doc)));
		if (field->name == NULL || field->type == NULL || field->doc == NULL) {
			return false;
		}
	}
	return catalog_add_entry(table, &entry);
}

static bool add_constant(struct catalog_table *table, const struct tn_ast *node) {
	const struct tn_ast_pattern *target = node->decl.target;
	if (!node->decl.is_const || target == NULL || target->is_tuple || target->name.text == NULL) {
		return true;
	}
	const struct catalog_entry entry = {.kind = CATALOG_VARIABLE,
		.name = copy(table, target->name.text, target->name.length),
		.signature = node->decl.type == NULL ? "auto" : copy_line(table, node->decl.type->span)};
	return entry.name != NULL && entry.signature != NULL && catalog_add_entry(table, &entry);
}

static bool add_import(struct catalog_table *table, const struct tn_ast *node) {
	if (node->import.alias.text == NULL) {
		return true;
	}
	const struct catalog_entry entry = {
		.kind = CATALOG_MODULE, .name = copy(table, node->import.alias.text, node->import.alias.length)};
	return entry.name != NULL && catalog_add_entry(table, &entry);
}

bool catalog_add_tree(struct catalog_table *table, const struct tn_ast_unit *tree) {
	bool ok = true;
	for (uint32_t i = 0; ok && i < tree->items.count; i++) {
		const struct tn_ast *node = tree->items.items[i];
		switch (node->kind) {
		case TN_AST_FUNCTION:
			ok = catalog_add_function(table, &node->function, NULL);
			break;
		case TN_AST_STRUCT_DEF:
			ok = add_struct_tree(table, node);
			break;
		case TN_AST_DECL:
			ok = add_constant(table, node);
			break;
		case TN_AST_IMPORT:
			ok = add_import(table, node);
			break;
		default:
			break;
		}
	}
	return ok;
}

/* ---- the table ---- */

static int compare(const void *a, const void *b) {
	const struct catalog_entry *x = a, *y = b;
	int order = strcmp(x->module, y->module);
	order = order != 0 ? order : strcmp(x->name, y->name);
	return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

void catalog_sort(struct catalog_table *table) {
	if (table->entries.count > 0) {
		qsort(table->entries.items, table->entries.count, sizeof(table->entries.items[0]), compare);
	}
}

void catalog_finish(struct catalog_table *table) {
	TN_VEC_FINISH(&table->entries);
	tn_arena_finish(&table->arena);
}

static int compare_name(const struct catalog_entry *entry, const char *module, const char *name, size_t length) {
	int order = strcmp(entry->module, module);
	order = order != 0 ? order : strncmp(entry->name, name, length);
	return order != 0 ? order : entry->name[length] != '\0';
}

const struct catalog_entry *catalog_find(
	const struct catalog_table *table, const char *module, const char *name, size_t length, uint32_t *count) {
	size_t low = 0, high = table->entries.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_name(&table->entries.items[middle], module, name, length) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	*count = 0;
	while (low + *count < table->entries.count && compare_name(&table->entries.items[low + *count], module, name, length) == 0) {
		++*count;
	}
	return *count == 0 ? NULL : &table->entries.items[low];
}
