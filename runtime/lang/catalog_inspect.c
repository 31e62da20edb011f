/* SPDX-License-Identifier: Apache-2.0 */
/* Inspection: what is known of the name at the cursor, or of the function whose arguments are being written. Each answer is
 * written twice: plain for a terminal, markdown for a page. */
#include <string.h>

#include "lang/catalog_cell.h"

struct answer {
	struct catalog_cell *cell;
	struct tn_str *plain, *markdown;
	const char *receiver; /* methods: of which type the value is; NULL: any function */
	int detail;
	bool found, ok;
};

/* ---- both forms ---- */

static bool gap(struct tn_str *out) {
	return out->length == 0 || tn_str_append(out, out->data[out->length - 1] == '\n' ? "\n" : "\n\n");
}

static bool add_code(struct answer *a, const char *title, const char *code, size_t length) {
	while (length > 0 && code[length - 1] == '\n') {
		length--;
	}
	bool ok = gap(a->plain) && gap(a->markdown);
	ok = ok && (title == NULL || (tn_str_printf(a->plain, "%s:\n", title) && tn_str_printf(a->markdown, "**%s**\n\n", title)));
	ok = ok && tn_str_append_n(a->plain, code, length) && tn_str_append(a->plain, "\n");
	return ok && tn_str_append(a->markdown, "```c\n") && tn_str_append_n(a->markdown, code, length) &&
		tn_str_append(a->markdown, "\n```\n");
}

/* Lines stay lines, and what would be marks of markdown stays text. */
static bool append_markdown(struct tn_str *out, const char *text) {
	bool ok = true;
	for (const char *p = text; ok && *p != '\0'; p++) {
		if (*p == '\n') {
			bool paragraph = p[1] == '\n' || p[1] == '\0' || (p > text && p[-1] == '\n');
			ok = tn_str_append(out, paragraph ? "\n" : "  \n");
		} else {
			ok = (strchr("*_<\\", *p) == NULL || tn_str_append_char(out, '\\')) && tn_str_append_char(out, *p);
		}
	}
	return ok;
}

static bool add_text(struct answer *a, const char *text) {
	if (text == NULL || text[0] == '\0') {
		return true;
	}
	return gap(a->plain) && gap(a->markdown) && tn_str_append(a->plain, text) && tn_str_append(a->plain, "\n") &&
		append_markdown(a->markdown, text) && tn_str_append(a->markdown, "\n");
}

/* ---- entries ---- */

static bool add_struct(struct answer *a, const struct catalog_entry *entry) {
	struct tn_str code = {0};
	bool ok = tn_str_printf(&code, "struct %s {\n", entry->name);
	for (uint32_t i = 0; ok && i < entry->field_count; i++) {
		const struct catalog_field *field = &entry->fields[i];
		ok = tn_str_printf(&code, "    %s%s %s;%s%s\n", field->frozen ? "frozen " : "", field->type, field->name,
			field->doc[0] != '\0' ? "    /// " : "", field->doc);
	}
	ok = ok && tn_str_append(&code, "};") && add_code(a, NULL, tn_str_c(&code), code.length) && add_text(a, entry->doc);
	tn_str_finish(&code);
	return ok;
}

static bool add_example(struct answer *a, const char *example) {
	struct tn_str text = {0};
	bool ok = tn_doc_append_example(&text, example) && add_code(a, "Example", tn_str_c(&text), text.length);
	tn_str_finish(&text);
	return ok;
}

static bool add_function(struct answer *a, const struct catalog_entry *entry) {
	bool with_source = a->detail > 0 && entry->source != NULL;
	if (!with_source && !add_code(a, NULL, entry->signature, strlen(entry->signature))) {
		return false;
	}
	if (with_source && !add_code(a, NULL, entry->source, strlen(entry->source))) {
		return false;
	}
	bool native = a->detail > 0 && entry->source == NULL;
	return add_text(a, entry->doc) && (entry->example == NULL || add_example(a, entry->example)) &&
		(!native || add_text(a, "It is written in C, and part of the program: there is no source to show."));
}

static bool add_word(struct answer *a, const struct catalog_entry *entry) {
	return add_code(a, NULL, entry->signature, strlen(entry->signature)) && add_text(a, entry->doc) &&
		(entry->example == NULL || add_example(a, entry->example));
}

static bool add_written(struct answer *a, const char *type, const char *name, const char *doc) {
	struct tn_str line = {0};
	bool ok = tn_str_printf(&line, "%s%s%s", type, type[0] == '\0' ? "" : " ", name) &&
		add_code(a, NULL, tn_str_c(&line), line.length) && add_text(a, doc);
	tn_str_finish(&line);
	return ok;
}

static bool add_entry(void *data, const struct catalog_entry *entry) {
	struct answer *a = data;
	switch (entry->kind) {
	case CATALOG_FUNCTION:
		if (a->receiver != NULL && !signature_takes(entry->signature, a->receiver)) {
			return true;
		}
		a->ok = add_function(a, entry);
		break;
	case CATALOG_STRUCT:
		if (a->receiver != NULL) {
			return true;
		}
		a->ok = add_struct(a, entry);
		break;
	case CATALOG_WORD:
	case CATALOG_OPERATOR:
		if (a->receiver != NULL) {
			return true;
		}
		a->ok = add_word(a, entry);
		break;
	case CATALOG_VARIABLE:
		a->ok = a->receiver != NULL || add_written(a, entry->signature, entry->name, entry->doc);
		break;
	case CATALOG_MODULE:
		a->ok = a->receiver != NULL || add_written(a, "import … as", entry->name, entry->doc);
		break;
	}
	a->found = true;
	return a->ok;
}

/* ---- variables ---- */

static bool add_struct_of(struct answer *a, const char *type) {
	const struct catalog_entry *entry = cell_find_struct(a->cell, type);
	return entry == NULL || add_struct(a, entry);
}

static bool add_variable(struct answer *a, const struct catalog_variable *v) {
	a->found = true;
	return add_written(a, v->shown.type, v->shown.name, NULL) && add_text(a, v->shown.text) && add_text(a, v->doc) &&
		add_struct_of(a, v->shown.type);
}

static bool add_local(struct answer *a, const struct cell_local *local) {
	const char *type = cell_type_of_local(a->cell, local, 0);
	a->found = true;
	return type != NULL && add_written(a, type[0] == '\0' ? "auto" : type, local->name, NULL) && add_struct_of(a, type);
}

static bool add_field(struct answer *a, const struct catalog_field *field) {
	struct tn_str type = {0};
	bool ok = tn_str_printf(&type, "%s%s", field->frozen ? "frozen " : "", field->type) &&
		add_written(a, tn_str_c(&type), field->name, field->doc) && add_struct_of(a, field->type);
	tn_str_finish(&type);
	a->found = true;
	return ok;
}

/* ---- the name at the cursor ---- */

static bool inspect_member(struct answer *a, const char *word, uint32_t dot) {
	static const struct catalog_field properties[] = {{"T", "tensor", "The transpose: the last two axes change places.", false},
		{"device", "string", "Where it is: \"cpu\", \"cuda:0\".", false}, {"dtype", "dtype", "The type of its elements.", false},
		{"ndim", "int", "The number of its axes.", false}, {"shape", "int[]", "The size of each axis.", false}};
	const char *module = cell_module_before(a->cell, dot);
	if (module != NULL) {
		(void)cell_each_named(a->cell, module, word, add_entry, a);
		return a->ok;
	}
	const char *type = cell_type_before(a->cell, dot);
	if (type == NULL) {
		return false;
	}
	const struct catalog_entry *entry = cell_find_struct(a->cell, type);
	for (uint32_t i = 0; entry != NULL && i < entry->field_count; i++) {
		if (strcmp(entry->fields[i].name, word) == 0) {
			return add_field(a, &entry->fields[i]);
		}
	}
	bool may_be_tensor = entry == NULL && (type[0] == '\0' || type_is_tensor(type) || strcmp(type, "any") == 0);
	for (size_t i = 0; may_be_tensor && i < TN_ARRAY_LEN(properties); i++) {
		if (strcmp(properties[i].name, word) == 0) {
			return add_field(a, &properties[i]);
		}
	}
	a->receiver = type;
	(void)cell_each_named(a->cell, "", word, add_entry, a);
	a->receiver = NULL;
	return a->ok;
}

static bool inspect_name(struct answer *a, const char *word) {
	const struct cell_local *local = cell_find_local(a->cell, word);
	const struct catalog_variable *variable = cell_find_variable(a->cell, word);
	if (local != NULL ? !add_local(a, local) : variable != NULL && !add_variable(a, variable)) {
		return false;
	}
	if (!a->found || variable == NULL) {
		(void)cell_each_named(a->cell, "", word, add_entry, a);
	}
	return a->ok;
}

/* The name of an argument: a ':' follows it, and a call is open around it. */
static bool is_argument_name(const struct catalog_cell *cell, const char *behind, const char *end) {
	struct cell_call call;
	while (behind < end && *behind == ' ') {
		behind++;
	}
	return behind < end && *behind == ':' && cell_find_call(cell, &call) && call.at_start;
}

static bool inspect_call(struct answer *a) {
	struct cell_call call;
	if (!cell_find_call(a->cell, &call)) {
		return true;
	}
	const char *word = cell_token(a->cell, call.name)->str.text;
	const char *type = cell_type_before(a->cell, call.open);
	if (type == NULL) {
		return false;
	}
	if (cell_find_struct(a->cell, type) != NULL) { /* a value is called: what its calls take, then what it is */
		a->receiver = type;
		(void)cell_each_named(a->cell, "", "call", add_entry, a);
		a->receiver = NULL;
		if (!a->ok) {
			return false;
		}
	}
	return call.is_method ? inspect_member(a, word, call.name - 1) : inspect_name(a, word);
}

static bool add_operator(struct answer *a, const char *text, size_t length) {
	uint32_t count;
	bool text_ends = memchr(text, '\0', length) != NULL; /* the bytes of a cell may be any */
	const struct catalog_entry *entry = text_ends ? NULL : catalog_find(a->cell->library, "", text, length, &count);
	return entry == NULL || entry->kind != CATALOG_OPERATOR || add_entry(a, entry);
}

/* The operator that ends at the cursor, goes over it or begins there; the longest that there is. */
static bool inspect_operator(struct answer *a, const char *behind, const char *end) {
	const struct catalog_cell *cell = a->cell;
	const struct token *last = cell->count > cell->floor ? cell_token(cell, cell->count - 1) : NULL;
	bool before = last != NULL && last->kind == TOKEN_PUNCT && last->end == cell->cursor;
	const char *begin = behind - (before ? last->end - last->begin : 0);
	for (size_t n = 3; a->ok && !a->found && n > 0; n--) {
		if (n <= (size_t)(end - begin) && begin + n >= behind) {
			a->ok = add_operator(a, begin, n);
		}
	}
	return a->ok;
}

static bool inspect(struct answer *a, const char *behind, const char *end) {
	struct catalog_cell *cell = a->cell;
	if (cell->place == CELL_STRING || cell->place == CELL_NUMBER) {
		cell->count--; /* the string or number is an argument of the call */
		return inspect_call(a);
	}
	if (cell->word_begin == cell->cursor || is_argument_name(cell, behind, end)) {
		return inspect_call(a) && (a->found || inspect_operator(a, behind, end));
	}
	const char *word = tn_arena_strndup(&cell->arena, cell->text + cell->word_begin, cell->cursor - cell->word_begin);
	if (word == NULL) {
		return false;
	}
	bool behind_dot = cell->count > cell->floor && cell_is(cell, cell->count - 1, P1('.'));
	bool ok = behind_dot ? inspect_member(a, word, cell->count - 1) : inspect_name(a, word);
	return ok && (a->found || inspect_call(a));
}

bool tn_catalog_inspect(const struct tn_catalog *catalog, const char *text, size_t length, size_t cursor, int detail,
	struct tn_str *plain, struct tn_str *markdown, bool *found, struct tn_error *err) {
	struct catalog_cell cell;
	cursor = cursor > length ? length : cursor;
	while (cursor < length && is_name_byte(text[cursor])) {
		cursor++;
	}
	struct answer a = {.cell = &cell, .plain = plain, .markdown = markdown, .detail = detail, .ok = true};
	bool ok = cell_open(&cell, catalog, text, length, cursor, err);
	if (ok && cell.place != CELL_QUIET) {
		ok = inspect(&a, text + cursor, text + length) || tn_error_memory(err);
	}
	cell_close(&cell);
	*found = ok && plain->length > 0;
	return ok;
}

/* `name` is an operator as it is written, or what stands at its end. */
bool catalog_help(const struct tn_catalog *catalog, const char *name, bool with_source, struct tn_str *out, struct tn_error *err) {
	struct tn_str markdown = {0};
	uint32_t count;
	bool found;
	size_t length = strlen(name);
	const struct catalog_table *table = catalog_library(catalog, err);
	const struct catalog_entry *entry = table == NULL ? NULL : catalog_find(table, "", name, length, &count);
	struct answer a = {.plain = out, .markdown = &markdown, .ok = true};
	bool ok = table != NULL;
	if (ok && entry != NULL && entry->kind == CATALOG_OPERATOR) {
		ok = add_entry(&a, entry) || tn_error_memory(err);
	} else if (ok && length < INT32_MAX) {
		ok = tn_catalog_inspect(catalog, name, length, length, with_source, out, &markdown, &found, err);
	}
	tn_str_finish(&markdown);
	return ok;
}

/* ---- the manual ---- */

/* Entries of one kind, each name under a heading of its own. */
static bool add_section(struct answer *a, const struct catalog_table *table, enum catalog_kind kind, const char *title) {
	const char *last = "";
	bool ok = tn_str_printf(a->markdown, "\n## %s\n", title);
	for (size_t i = 0; ok && i < table->entries.count; i++) {
		const struct catalog_entry *entry = &table->entries.items[i];
		if (entry->kind != kind || (kind == CATALOG_FUNCTION && strcmp(entry->name, "call") == 0)) {
			continue;
		}
		const char *heading = kind == CATALOG_OPERATOR ? "\n### `%s`\n" : "\n### %s\n";
		ok = strcmp(entry->name, last) == 0 || tn_str_printf(a->markdown, heading, entry->name);
		last = entry->name;
		ok = ok && add_entry(a, entry);
		tn_str_clear(a->plain);
	}
	return ok;
}

bool tn_catalog_manual(const struct tn_catalog *catalog, struct tn_str *out, struct tn_error *err) {
	struct tn_str plain = {0};
	struct answer a = {.plain = &plain, .markdown = out, .ok = true};
	const struct catalog_table *table = catalog_library(catalog, err);
	if (table == NULL) {
		return false;
	}
	bool ok = tn_str_append(out,
		"# Reference\n\nEvery function, type, word and operator of the language, and the commands. `?name` in a cell shows the same; `tenon help --manual` "
		"writes this page, and\n"
		"`script/reference` keeps it. A comment in an example says what its line shows: the tests run them all.\n");
	ok = ok && add_section(&a, table, CATALOG_FUNCTION, "Functions") &&
		add_section(&a, table, CATALOG_STRUCT, "Types of the library") &&
		add_section(&a, table, CATALOG_WORD, "Words of the language") && add_section(&a, table, CATALOG_OPERATOR, "Operators");
	tn_str_finish(&plain);
	return ok || tn_error_memory(err);
}
