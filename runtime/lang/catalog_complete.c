/* SPDX-License-Identifier: Apache-2.0 */
/* Completion: what may stand at the cursor, by what stands before it. Candidates are gathered from every layer, matched by
 * prefix, and sorted once. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "lang/catalog_cell.h"

/* ---- the list ---- */

bool tn_completion_add(
	struct tn_completion *completion, const char *text, const char *type, const char *signature, struct tn_error *err) {
	struct tn_completion_item item = {.text = tn_strdup(text), .type = type, .order = (uint32_t)completion->items.count};
	item.signature = tn_strdup(signature == NULL ? "" : signature);
	if (item.text == NULL || item.signature == NULL || !TN_VEC_PUSH(&completion->items, item)) {
		tn_free(item.text);
		tn_free(item.signature);
		return tn_error_memory(err);
	}
	return true;
}

void tn_completion_finish(struct tn_completion *completion) {
	for (size_t i = 0; i < completion->items.count; i++) {
		tn_free(completion->items.items[i].text);
		tn_free(completion->items.items[i].signature);
	}
	TN_VEC_FINISH(&completion->items);
}

struct gather {
	struct catalog_cell *cell;
	struct tn_completion *out;
	struct tn_map seen;
	char *prefix; /* the word so far */
	size_t length;
	const char *receiver; /* members: the type of the value before the dot */
	bool ok;
};

static bool offer(struct gather *g, const char *text, const char *type, const char *signature) {
	if (strncasecmp(text, g->prefix, g->length) != 0 || tn_map_get(&g->seen, text) != NULL) {
		return true;
	}
	g->ok = tn_map_set(&g->seen, text, g) && tn_completion_add(g->out, text, type, signature, NULL);
	return g->ok;
}

/* What is nearest to the user comes first: arguments and fields, as they were declared, then variables. */
static int rank(const struct tn_completion_item *item) {
	static const char *const types[] = {"argument", "field", "variable"};
	int i = 0;
	while (i < (int)TN_ARRAY_LEN(types) && strcmp(item->type, types[i]) != 0) {
		i++;
	}
	return i;
}

static int compare(const void *a, const void *b, void *data) {
	const struct tn_completion_item *x = a, *y = b;
	const struct gather *g = data;
	int order = (strncmp(x->text, g->prefix, g->length) != 0) - (strncmp(y->text, g->prefix, g->length) != 0);
	order = order != 0 ? order : rank(x) - rank(y);
	if (order == 0 && rank(x) < 2) {
		return (x->order > y->order) - (x->order < y->order);
	}
	return order != 0 ? order : strcmp(x->text, y->text);
}

/* ---- names ---- */

static const char *kind_text(enum catalog_kind kind) {
	static const char *const texts[] = {[CATALOG_FUNCTION] = "function",
		[CATALOG_STRUCT] = "struct",
		[CATALOG_VARIABLE] = "variable",
		[CATALOG_MODULE] = "module",
		[CATALOG_WORD] = "keyword",
		[CATALOG_OPERATOR] = "keyword"};
	return texts[kind];
}

/* `call` is what calling a value runs: nobody writes it. */
static bool offer_entry(void *data, const struct catalog_entry *entry) {
	struct gather *g = data;
	if ((entry->kind == CATALOG_FUNCTION && strcmp(entry->name, "call") == 0) || entry->kind == CATALOG_OPERATOR) {
		return true;
	}
	return offer(g, entry->name, kind_text(entry->kind), entry->signature);
}

/* The live type with its shape says more than the declared one. */
static bool offer_variable(struct gather *g, const struct tn_catalog_variable *v) {
	struct tn_str shown = {0};
	bool ok = v->dtype[0] == '\0' ? tn_str_append(&shown, v->type) : tn_str_printf(&shown, "%s%s", v->dtype, v->shape);
	g->ok = ok && offer(g, v->name, "variable", tn_str_c(&shown));
	tn_str_finish(&shown);
	return g->ok;
}

static bool offer_names(struct gather *g) {
	for (size_t i = g->cell->locals.count; i > 0; i--) {
		const struct cell_local *local = &g->cell->locals.items[i - 1];
		if (strncasecmp(local->name, g->prefix, g->length) != 0) {
			continue;
		}
		const char *type = cell_type_of_local(g->cell, local, 0);
		g->ok = type != NULL;
		if (!g->ok || !offer(g, local->name, "variable", type)) {
			return false;
		}
	}
	for (uint32_t i = 0; i < g->cell->catalog->variable_count; i++) {
		if (!offer_variable(g, &g->cell->catalog->variables[i].shown)) {
			return false;
		}
	}
	return cell_each_entry(g->cell, "", offer_entry, g);
}

/* ---- arguments ---- */

struct arguments {
	struct gather *g;
	uint32_t positional;     /* arguments that have their parameter, from the left */
	const struct cell_call *call;
	const char *receiver;    /* a value is called: its type; else NULL */
};

/* Whether `name:` stands already in the call. */
static bool is_given(const struct arguments *a, const struct cell_param *param) {
	const struct catalog_cell *cell = a->g->cell;
	for (uint32_t i = a->call->open + 1; i + 1 < cell->count; i++) {
		const struct token *t = cell_token(cell, i);
		bool names = t->kind == TOKEN_NAME && cell_is(cell, i + 1, P1(':')) &&
			(cell_is(cell, i - 1, P1('(')) || cell_is(cell, i - 1, P1(',')));
		if (names && t->str.length == param->name_length && memcmp(t->str.text, param->name, param->name_length) == 0) {
			return true;
		}
	}
	return false;
}

static bool offer_arguments_of(void *data, const struct catalog_entry *entry) {
	const struct arguments *a = data;
	struct cell_param param;
	if (entry->kind != CATALOG_FUNCTION || (a->receiver != NULL && !signature_takes(entry->signature, a->receiver))) {
		return true;
	}
	for (uint32_t i = a->positional; signature_param(entry->signature, i, &param); i++) {
		bool variadic = param.type_length > 3 && memcmp(param.type + param.type_length - 3, "...", 3) == 0;
		if (variadic || is_given(a, &param)) {
			continue;
		}
		struct tn_str text = {0}, shown = {0};
		bool ok = tn_str_append_n(&text, param.name, param.name_length) && tn_str_append_char(&text, ':') &&
			tn_str_append_n(&shown, param.type, (size_t)(param.def + param.def_length - param.type));
		a->g->ok = ok && offer(a->g, tn_str_c(&text), "argument", tn_str_c(&shown));
		tn_str_finish(&text);
		tn_str_finish(&shown);
		if (!a->g->ok) {
			return false;
		}
	}
	return true;
}

/* Arguments that stand before the cursor without a name. */
static uint32_t count_positional(const struct catalog_cell *cell, uint32_t open) {
	uint32_t count = 0;
	bool begins = true;
	for (uint32_t i = open + 1; i < cell->count; i++) {
		bool named = begins && cell_token(cell, i)->kind == TOKEN_NAME && cell_is(cell, i + 1, P1(':'));
		count += begins && !named;
		begins = cell_is(cell, i, P1(','));
		if (cell_is(cell, i, P1('(')) || cell_is(cell, i, P1('[')) || cell_is(cell, i, P1('{'))) {
			i = cell_closing(cell, i);
		}
	}
	return count;
}

static bool offer_arguments(struct gather *g) {
	struct cell_call call;
	if (!cell_find_call(g->cell, &call) || !call.at_start) {
		return true;
	}
	struct arguments a = {.g = g, .call = &call, .positional = count_positional(g->cell, call.open)};
	const char *type = cell_type_before(g->cell, call.open);
	g->ok = type != NULL;
	if (g->ok && cell_find_struct(g->cell, type) != NULL) {
		a.receiver = type;
		a.positional++;
		return cell_each_named(g->cell, "", "call", offer_arguments_of, &a);
	}
	const char *module = call.is_method ? cell_module_before(g->cell, call.name - 1) : NULL;
	a.positional += call.is_method && module == NULL;
	const char *name = cell_token(g->cell, call.name)->str.text;
	return g->ok && cell_each_named(g->cell, module == NULL ? "" : module, name, offer_arguments_of, &a);
}

/* ---- members ---- */

static bool offer_fields(struct gather *g, const struct catalog_entry *entry) {
	for (uint32_t i = 0; entry != NULL && i < entry->field_count; i++) {
		if (!offer(g, entry->fields[i].name, "field", entry->fields[i].type)) {
			return false;
		}
	}
	return true;
}

static bool is_no_word(void *data, const struct catalog_entry *entry) {
	(void)data;
	return entry->kind != CATALOG_WORD;
}

/* Conversions are called as functions: x.float() is a habit from elsewhere. */
static bool offer_method(void *data, const struct catalog_entry *entry) {
	struct gather *g = data;
	bool fits = entry->kind == CATALOG_FUNCTION && strcmp(entry->name, "call") != 0 &&
		signature_takes(entry->signature, g->receiver) && cell_each_named(g->cell, "", entry->name, is_no_word, NULL);
	return !fits || offer(g, entry->name, "function", entry->signature);
}

static bool offer_members(struct gather *g, uint32_t dot) {
	static const struct {
		const char *name, *type;
	} properties[] = {{"shape", "int[]"}, {"dtype", "dtype"}, {"ndim", "int"}, {"T", "tensor"}, {"device", "string"}};
	const char *module = cell_module_before(g->cell, dot);
	if (module != NULL) {
		return cell_each_entry(g->cell, module, offer_entry, g);
	}
	g->receiver = cell_type_before(g->cell, dot);
	g->ok = g->receiver != NULL;
	if (!g->ok || !offer_fields(g, cell_find_struct(g->cell, g->receiver))) {
		return false;
	}
	bool is_tensor = type_is_tensor(g->receiver) || g->receiver[0] == '\0' || strcmp(g->receiver, "any") == 0;
	for (size_t i = 0; is_tensor && i < TN_ARRAY_LEN(properties); i++) {
		if (!offer(g, properties[i].name, "field", properties[i].type)) {
			return false;
		}
	}
	return cell_each_entry(g->cell, "", offer_method, g);
}

/* The struct whose literal `Net{ .a = 1, .` the dot stands in. */
static const struct catalog_entry *literal_before(const struct catalog_cell *cell, uint32_t dot) {
	if (dot == cell->floor || (!cell_is(cell, dot - 1, P1('{')) && !cell_is(cell, dot - 1, P1(',')))) {
		return NULL;
	}
	for (uint32_t i = dot; i > cell->floor; i--) {
		uint32_t at = i - 1;
		if (cell_is(cell, at, P1(')')) || cell_is(cell, at, P1(']')) || cell_is(cell, at, P1('}'))) {
			uint32_t open = cell_opening(cell, at);
			if (open == UINT32_MAX) {
				return NULL;
			}
			i = open + 1;
		} else if (cell_is(cell, at, P1('{'))) {
			bool named = at > cell->floor && cell_token(cell, at - 1)->kind == TOKEN_NAME;
			return named ? cell_find_struct(cell, cell_token(cell, at - 1)->str.text) : NULL;
		}
	}
	return NULL;
}

/* ---- files ---- */

static bool has_extension(const char *name, const char *extension) {
	size_t n = strlen(name), m = extension == NULL ? 0 : strlen(extension);
	return n >= m && strcmp(name + n - m, extension == NULL ? "" : extension) == 0;
}

static bool add_file(
	struct tn_completion *completion, const char *folder, const char *name, const char *extension, struct tn_error *err) {
	struct tn_str path = {0};
	struct stat st;
	bool ok = tn_str_printf(&path, "%s/%s", folder, name) || tn_error_memory(err);
	bool is_folder = ok && stat(tn_str_c(&path), &st) == 0 && S_ISDIR(st.st_mode);
	if (ok && (is_folder || has_extension(name, extension))) {
		tn_str_clear(&path);
		ok = (tn_str_printf(&path, "%s%s", name, is_folder ? "/" : "") || tn_error_memory(err)) &&
			tn_completion_add(completion, tn_str_c(&path), "file", NULL, err);
	}
	tn_str_finish(&path);
	return ok;
}

static int compare_items(const void *a, const void *b) {
	return strcmp(((const struct tn_completion_item *)a)->text, ((const struct tn_completion_item *)b)->text);
}

bool tn_completion_add_files(
	struct tn_completion *completion, const char *path, size_t length, const char *extension, struct tn_error *err) {
	enum { MOST = 1000 };
	const char *slash = memrchr(path, '/', length);
	const char *name = slash == NULL ? path : slash + 1;
	size_t name_length = length - (size_t)(name - path), before = completion->items.count;
	char *folder = slash == NULL ? tn_strdup(".") : tn_strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (folder == NULL) {
		return tn_error_memory(err);
	}
	DIR *dir = opendir(folder);
	bool ok = true;
	for (struct dirent *entry; ok && dir != NULL && completion->items.count - before < MOST && (entry = readdir(dir)) != NULL;) {
		const char *found = entry->d_name;
		bool hidden = found[0] == '.' && (name_length == 0 || strcmp(found, ".") == 0 || strcmp(found, "..") == 0);
		if (!hidden && strncmp(found, name, name_length) == 0 && tn_utf8_valid(found, strlen(found), NULL)) {
			ok = add_file(completion, folder, found, extension, err);
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
	tn_free(folder);
	if (completion->items.count > before) {
		qsort(completion->items.items + before, completion->items.count - before, sizeof(completion->items.items[0]),
			compare_items);
	}
	return ok;
}

struct path_search {
	uint32_t index;
	bool found;
};

static bool takes_path(void *data, const struct catalog_entry *entry) {
	static const char *const names[] = {"path", "file", "folder"};
	struct path_search *search = data;
	struct cell_param param;
	if (entry->kind == CATALOG_FUNCTION && signature_param(entry->signature, search->index, &param)) {
		for (size_t i = 0; i < TN_ARRAY_LEN(names); i++) {
			search->found =
				search->found || (param.name_length == strlen(names[i]) && memcmp(param.name, names[i], param.name_length) == 0);
		}
	}
	return !search->found;
}

/* Inside a string: files where a path is wanted, nothing elsewhere. */
static bool complete_string(struct catalog_cell *cell, struct tn_completion *out, struct tn_error *err) {
	const char *path = cell->text + cell->string_begin;
	size_t length = cell->cursor - cell->string_begin;
	struct cell_call call;
	cell->count--; /* the string itself */
	bool imports = cell->count > cell->floor && cell_token(cell, cell->count - 1)->kind == TOKEN_NAME &&
		strcmp(cell_token(cell, cell->count - 1)->str.text, "import") == 0;
	struct path_search search = {0};
	if (!imports && cell_find_call(cell, &call)) {
		search.index = call.arguments;
		(void)cell_each_named(cell, "", cell_token(cell, call.name)->str.text, takes_path, &search);
	}
	const char *slash = memrchr(path, '/', length);
	if (!imports && !search.found) {
		return true;
	}
	out->begin = slash == NULL ? cell->string_begin : (size_t)(slash + 1 - cell->text);
	return tn_completion_add_files(out, path, length, imports ? ".tn" : NULL, err);
}

/* ---- all of it ---- */

static bool complete_code(struct catalog_cell *cell, struct tn_completion *out, struct tn_error *err) {
	struct gather g = {.cell = cell, .out = out, .length = cell->cursor - cell->word_begin, .ok = true};
	g.prefix = tn_strndup(cell->text + cell->word_begin, g.length);
	if (g.prefix == NULL) {
		return tn_error_memory(err);
	}
	out->begin = cell->word_begin;
	bool behind_dot = cell->count > cell->floor && cell_is(cell, cell->count - 1, P1('.'));
	const struct catalog_entry *literal = behind_dot ? literal_before(cell, cell->count - 1) : NULL;
	if (literal != NULL) {
		(void)offer_fields(&g, literal);
	} else if (behind_dot) {
		(void)offer_members(&g, cell->count - 1);
	} else {
		(void)(offer_arguments(&g) && offer_names(&g));
	}
	if (g.ok && out->items.count > 0) {
		qsort_r(out->items.items, out->items.count, sizeof(out->items.items[0]), compare, &g);
	}
	tn_map_finish(&g.seen);
	tn_free(g.prefix);
	return g.ok || tn_error_memory(err);
}

bool tn_catalog_complete(const struct tn_catalog *catalog, const char *text, size_t length, size_t cursor,
	struct tn_completion *out, struct tn_error *err) {
	struct catalog_cell cell;
	cursor = cursor > length ? length : cursor;
	*out = (struct tn_completion){.begin = cursor, .end = cursor};
	bool ok = cell_open(&cell, catalog, text, length, cursor, err);
	if (ok && cell.cursor == cursor && cell.place == CELL_CODE) {
		ok = complete_code(&cell, out, err);
	} else if (ok && cell.place == CELL_STRING) {
		ok = complete_string(&cell, out, err);
	}
	cell_close(&cell);
	if (!ok) {
		tn_completion_finish(out);
	}
	return ok;
}
