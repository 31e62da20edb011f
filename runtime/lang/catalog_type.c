/* SPDX-License-Identifier: Apache-2.0 */
/* Types as text, and how the type of an expression is guessed from its tokens: a name, then fields, calls and indices. Where that
 * does not lead anywhere the type is "" (not known), and whoever asks offers what any value has. */
#include <string.h>

#include "lang/catalog_cell.h"

/* Guessing ends somewhere: initialisers that name each other would take time without end. */
enum { DEEPEST = 12, MOST_WORK = 4000 };

/* ---- lookups ---- */

static bool visit_table(const struct catalog_table *table, const char *module, cell_visitor visit, void *data) {
	for (size_t i = 0; i < table->entries.count; i++) {
		if (strcmp(table->entries.items[i].module, module) == 0 && !visit(data, &table->entries.items[i])) {
			return false;
		}
	}
	return true;
}

bool cell_each_entry(const struct catalog_cell *cell, const char *module, cell_visitor visit, void *data) {
	return visit_table(&cell->defined, module, visit, data) && visit_table(&cell->catalog->names->table, module, visit, data) &&
		visit_table(cell->library, module, visit, data);
}

static bool visit_named(const struct catalog_table *table, const char *module, const char *name, cell_visitor visit, void *data) {
	uint32_t count;
	const struct catalog_entry *entry = catalog_find(table, module, name, strlen(name), &count);
	for (uint32_t i = 0; i < count; i++) {
		if (!visit(data, &entry[i])) {
			return false;
		}
	}
	return true;
}

bool cell_each_named(const struct catalog_cell *cell, const char *module, const char *name, cell_visitor visit, void *data) {
	return visit_named(&cell->defined, module, name, visit, data) &&
		visit_named(&cell->catalog->names->table, module, name, visit, data) &&
		visit_named(cell->library, module, name, visit, data);
}

const struct cell_local *cell_find_local(const struct catalog_cell *cell, const char *name) {
	for (size_t i = cell->locals.count; i > 0; i--) {
		if (strcmp(cell->locals.items[i - 1].name, name) == 0) {
			return &cell->locals.items[i - 1];
		}
	}
	return NULL;
}

const struct catalog_variable *cell_find_variable(const struct catalog_cell *cell, const char *name) {
	for (uint32_t i = 0; i < cell->catalog->variable_count; i++) {
		if (strcmp(cell->catalog->variables[i].shown.name, name) == 0) {
			return &cell->catalog->variables[i];
		}
	}
	return NULL;
}

struct search {
	enum catalog_kind kind;
	const struct catalog_entry *found;
};

static bool keep_first(void *data, const struct catalog_entry *entry) {
	struct search *search = data;
	if (entry->kind == search->kind) {
		search->found = entry;
	}
	return search->found == NULL;
}

bool cell_is_module(const struct catalog_cell *cell, const char *name) {
	struct search search = {.kind = CATALOG_MODULE};
	return !cell_each_named(cell, "", name, keep_first, &search);
}

/* "m.Net" is the module's; a bare name is the session's, or that of the one module that has it. */
const struct catalog_entry *cell_find_struct(const struct catalog_cell *cell, const char *type) {
	struct search search = {.kind = CATALOG_STRUCT};
	const char *dot = strchr(type, '.');
	char module[64];
	if (dot != NULL && strchr(type, ' ') == NULL && (size_t)(dot - type) < sizeof(module)) {
		memcpy(module, type, (size_t)(dot - type));
		module[dot - type] = '\0';
		(void)cell_each_named(cell, module, dot + 1, keep_first, &search);
		return search.found;
	}
	(void)cell_each_named(cell, "", type, keep_first, &search);
	for (size_t i = 0; search.found == NULL && i < cell->catalog->names->table.entries.count; i++) {
		const struct catalog_entry *entry = &cell->catalog->names->table.entries.items[i];
		search.found = entry->kind == CATALOG_STRUCT && strcmp(entry->name, type) == 0 ? entry : NULL;
	}
	return search.found;
}

/* ---- type text ---- */

static bool starts_word(const char *text, size_t length, const char *word) {
	size_t n = strlen(word);
	return length >= n && memcmp(text, word, n) == 0 && (length == n || text[n] == '[' || text[n] == ' ' || text[n] == '.');
}

static bool is_list_text(const char *type, size_t length) {
	return length >= 2 && type[length - 1] == ']' && type[length - 2] == '[';
}

static bool is_tensor_text(const char *type, size_t length) {
	bool found = starts_word(type, length, "tensor");
	for (int i = 0; !found && i < TN_DTYPE_COUNT; i++) {
		found = starts_word(type, length, tn_dtype_name((enum tn_dtype)i));
	}
	return found && !is_list_text(type, length);
}

bool type_is_tensor(const char *type) {
	return is_tensor_text(type, strlen(type));
}

/* Any tree may be what a `tree` is; numbers and strings are none. */
static bool is_tree_text(const char *value, size_t length) {
	static const char *const others[] = {"int", "float", "bool", "string", "dtype", "fn", "seq", "function"};
	for (size_t i = 0; i < TN_ARRAY_LEN(others); i++) {
		if (!is_list_text(value, length) && starts_word(value, length, others[i])) {
			return false;
		}
	}
	return true;
}

bool type_accepts(const char *type, size_t length, const char *value) {
	static const char *const any[] = {"auto", "any"};
	size_t n = strlen(value);
	if (length > 3 && memcmp(type + length - 3, "...", 3) == 0) {
		return false; /* auto... takes what is written one by one */
	}
	for (size_t i = 0; i < TN_ARRAY_LEN(any); i++) {
		if (starts_word(type, length, any[i]) && (!is_list_text(type, length) || is_list_text(value, n))) {
			return true;
		}
	}
	if (n == 0 || strcmp(value, "any") == 0 || (n == length && memcmp(type, value, n) == 0)) {
		return true;
	}
	if (is_list_text(type, length) || is_list_text(value, n)) {
		return (is_list_text(type, length) && is_list_text(value, n)) || starts_word(type, length, "tree") ||
			starts_word(type, length, "seq");
	}
	if (is_tensor_text(value, n)) {
		return is_tensor_text(type, length) || starts_word(type, length, "operand") || starts_word(type, length, "tree") ||
			starts_word(type, length, "seq");
	}
	if (starts_word(value, n, "int") || starts_word(value, n, "float") || starts_word(value, n, "bool")) {
		return starts_word(type, length, "number") || starts_word(type, length, "operand") ||
			(starts_word(type, length, "float") && !starts_word(value, n, "bool"));
	}
	if (starts_word(type, length, "map") && starts_word(value, n, "map")) {
		return true;
	}
	return starts_word(type, length, "tree") && is_tree_text(value, n);
}

/* ---- signatures ---- */

/* The '(' of the parameters, or NULL. */
static const char *parameters(const char *signature) {
	const char *name;
	size_t length;
	return tn_signature_name(signature, &name, &length) ? name + length : NULL;
}

/* The end of the parameter that begins at p: its comma, or the bracket that closes the list. */
static const char *parameter_end(const char *p) {
	int depth = 0;
	for (; *p != '\0'; p++) {
		if (*p == '"' || *p == '\'') {
			char quote = *p++;
			while (*p != '\0' && *p != quote) {
				p += *p == '\\' && p[1] != '\0' ? 2 : 1;
			}
			if (*p == '\0') {
				return p;
			}
			continue;
		}
		if (depth == 0 && (*p == ',' || *p == ')')) {
			return p;
		}
		depth += (*p == '(' || *p == '[' || *p == '{') - (*p == ')' || *p == ']' || *p == '}');
	}
	return p;
}

static void split_parameter(const char *p, const char *end, struct cell_param *out) {
	const char *equals = p;
	int depth = 0;
	while (equals < end && (*equals != '=' || depth > 0)) {
		depth += (*equals == '[' || *equals == '(') - (*equals == ']' || *equals == ')');
		equals++;
	}
	const char *name_end = equals;
	while (name_end > p && name_end[-1] == ' ') {
		name_end--;
	}
	const char *name = name_end;
	while (name > p && name[-1] != ' ' && name[-1] != '&' && name[-1] != ']' && name[-1] != ')') {
		name--;
	}
	const char *type_end = name;
	while (type_end > p && (type_end[-1] == ' ' || type_end[-1] == '&')) {
		type_end--;
	}
	const char *def = equals < end ? equals + 1 : end;
	while (def < end && *def == ' ') {
		def++;
	}
	*out = (struct cell_param){.type = p,
		.type_length = (size_t)(type_end - p),
		.name = name,
		.name_length = (size_t)(name_end - name),
		.def = def,
		.def_length = (size_t)(end - def)};
}

bool signature_param(const char *signature, uint32_t index, struct cell_param *out) {
	const char *p = parameters(signature);
	if (p == NULL) {
		return false;
	}
	p++;
	for (uint32_t i = 0;; i++) {
		p += strspn(p, " ");
		const char *end = parameter_end(p);
		if (end == p) {
			return false;
		}
		if (i == index) {
			split_parameter(p, end, out);
			return out->name_length > 0;
		}
		if (*end != ',') {
			return false;
		}
		p = end + 1;
	}
}

/* What `for` goes over. */
static bool is_sequence(const char *value) {
	static const char *const names[] = {"map", "seq", "string"};
	size_t n = strlen(value);
	bool found = is_list_text(value, n) || is_tensor_text(value, n) || value[0] == '(';
	for (size_t i = 0; !found && i < TN_ARRAY_LEN(names); i++) {
		found = starts_word(value, n, names[i]);
	}
	return found;
}

/* `auto` takes anything as far as types go; what it can be is told by how it is passed and what it is called. */
bool signature_takes(const char *signature, const char *receiver) {
	static const char *const sequences[] = {"values", "rows", "xs"};
	struct cell_param param;
	if (!signature_param(signature, 0, &param) || param.def_length > 0 || !type_accepts(param.type, param.type_length, receiver)) {
		return false; /* one that has a default is a setting, not what a function is about */
	}
	bool is_open =
		receiver[0] != '\0' && strcmp(receiver, "any") != 0 && param.type_length == 4 && memcmp(param.type, "auto", 4) == 0;
	if (is_open && param.name[-1] == '&') {
		return is_list_text(receiver, strlen(receiver)); /* what changes in place are lists */
	}
	for (size_t i = 0; is_open && i < TN_ARRAY_LEN(sequences); i++) {
		if (param.name_length == strlen(sequences[i]) && memcmp(param.name, sequences[i], param.name_length) == 0) {
			return is_sequence(receiver);
		}
	}
	return true;
}

/* What stands before the function's name. */
static const char *result_type(struct catalog_cell *cell, const char *signature) {
	const char *open = parameters(signature), *end = open;
	while (end != NULL && end > signature && end[-1] != ' ' && end[-1] != ']' && end[-1] != ')') {
		end--;
	}
	while (end != NULL && end > signature && end[-1] == ' ') {
		end--;
	}
	size_t length = end == NULL ? 0 : (size_t)(end - signature);
	bool is_open =
		starts_word(signature, length, "auto") || starts_word(signature, length, "tree") || starts_word(signature, length, "any");
	return tn_arena_strndup(&cell->arena, signature, is_open ? 0 : length);
}

/* ---- expressions ---- */

struct choice {
	const char *argument;
	const struct catalog_entry *first, *fitting;
};

static bool choose(void *data, const struct catalog_entry *entry) {
	struct choice *choice = data;
	struct cell_param param;
	if (entry->kind != CATALOG_FUNCTION) {
		return true;
	}
	choice->first = choice->first == NULL ? entry : choice->first;
	if (choice->argument != NULL && choice->argument[0] != '\0' && signature_param(entry->signature, 0, &param) &&
		type_accepts(param.type, param.type_length, choice->argument)) {
		choice->fitting = entry;
		return false;
	}
	return true;
}

static const char *expression_type(struct catalog_cell *cell, uint32_t begin, uint32_t end, int depth);

/* A call of a name, its first argument known by type: of overloads the one that takes it. A struct's name makes one. */
static const char *call_type(struct catalog_cell *cell, const char *module, const char *name, const char *argument) {
	struct choice choice = {.argument = argument};
	(void)cell_each_named(cell, module, name, choose, &choice);
	const struct catalog_entry *entry = choice.fitting != NULL ? choice.fitting : choice.first;
	if (entry != NULL) {
		return result_type(cell, entry->signature);
	}
	return cell_find_struct(cell, name) != NULL ? name : "";
}

static const char *field_type(const struct catalog_cell *cell, const char *type, const char *name) {
	const struct catalog_entry *entry = cell_find_struct(cell, type);
	for (uint32_t i = 0; entry != NULL && i < entry->field_count; i++) {
		if (strcmp(entry->fields[i].name, name) == 0) {
			return entry->fields[i].type;
		}
	}
	if (type_is_tensor(type)) {
		return strcmp(name, "T") == 0     ? "tensor"
			: strcmp(name, "shape") == 0  ? "int[]"
			: strcmp(name, "ndim") == 0   ? "int"
			: strcmp(name, "dtype") == 0  ? "dtype"
			: strcmp(name, "device") == 0 ? "string"
										  : "";
	}
	return "";
}

/* Item `part` of a tuple type; of a list, tensor or map any item. */
static const char *item_type(struct catalog_cell *cell, const char *type, int part) {
	size_t length = strlen(type);
	if (is_list_text(type, length)) {
		return tn_arena_strndup(&cell->arena, type, length - 2);
	}
	if (type_is_tensor(type)) {
		return "tensor";
	}
	if (strncmp(type, "map[", 4) == 0) {
		return tn_arena_strndup(&cell->arena, type + 4, length - 5);
	}
	if (type[0] != '(' || part < 0) {
		return strcmp(type, "string") == 0 ? "string" : "";
	}
	const char *p = type + 1;
	for (int i = 0; *p != '\0'; i++) {
		p += strspn(p, " ");
		const char *end = parameter_end(p);
		if (i == part) {
			return tn_arena_strndup(&cell->arena, p, (size_t)(end - p));
		}
		p = *end == ',' ? end + 1 : "";
	}
	return "";
}

static const char *name_type(struct catalog_cell *cell, const char *name, int depth) {
	const struct cell_local *local = cell_find_local(cell, name);
	if (local != NULL) {
		return cell_type_of_local(cell, local, depth + 1);
	}
	const struct catalog_variable *variable = cell_find_variable(cell, name);
	if (variable != NULL) {
		return variable->shown.type;
	}
	struct search search = {.kind = CATALOG_VARIABLE};
	(void)cell_each_named(cell, "", name, keep_first, &search);
	if (search.found != NULL) {
		return search.found->signature;
	}
	if (strcmp(name, "true") == 0 || strcmp(name, "false") == 0) {
		return "bool";
	}
	return strcmp(name, "pi") == 0 || strcmp(name, "inf") == 0 || strcmp(name, "nan") == 0 ? "float" : "";
}

/* The type of the first argument behind the '(' at `open`. */
static const char *argument_type(struct catalog_cell *cell, uint32_t open, uint32_t end, int depth) {
	return open + 1 < end && !cell_is(cell, open + 1, P1(')')) ? expression_type(cell, open + 1, end, depth + 1) : "";
}

/* A name at *at, with what makes it a call, a literal or a member of a module. */
static const char *read_name(struct catalog_cell *cell, uint32_t *at, uint32_t end, int depth) {
	const char *module = "", *name = cell_token(cell, *at)->str.text;
	if (cell_is(cell, *at + 1, P1('.')) && *at + 2 < end && cell_token(cell, *at + 2)->kind == TOKEN_NAME &&
		cell_find_local(cell, name) == NULL && cell_is_module(cell, name)) {
		module = name;
		name = cell_token(cell, *at + 2)->str.text;
		*at += 2;
	}
	uint32_t next = ++*at;
	if (next < end && cell_is(cell, next, P1('(')) && (module[0] != '\0' || cell_find_local(cell, name) == NULL)) {
		*at = cell_closing(cell, next) + 1;
		return call_type(cell, module, name, argument_type(cell, next, end, depth));
	}
	if (next < end && cell_is(cell, next, P1('{')) && cell_find_struct(cell, name) != NULL) {
		*at = cell_closing(cell, next) + 1;
		return name;
	}
	if (module[0] != '\0') {
		struct search search = {.kind = CATALOG_VARIABLE};
		(void)cell_each_named(cell, module, name, keep_first, &search);
		return search.found != NULL ? search.found->signature : "";
	}
	return name_type(cell, name, depth);
}

/* The primary at *at. */
static const char *read_primary(struct catalog_cell *cell, uint32_t *at, uint32_t end, int depth) {
	const struct token *t = cell_token(cell, *at);
	switch (t->kind) {
	case TOKEN_INT:
		++*at;
		return "int";
	case TOKEN_FLOAT:
		++*at;
		return "float";
	case TOKEN_STRING:
	case TOKEN_FSTRING:
		++*at;
		return "string";
	case TOKEN_NAME:
		return read_name(cell, at, end, depth);
	default:
		break;
	}
	if (cell_is(cell, *at, P1('[')) || cell_is(cell, *at, P1('('))) {
		uint32_t open = *at, close = cell_closing(cell, open);
		bool is_tensor = cell_is(cell, open, P1('['));
		*at = close + 1;
		return is_tensor ? "tensor" : open + 1 < close ? expression_type(cell, open + 1, close, depth + 1) : "";
	}
	*at = end;
	return "";
}

/* A primary and the fields, calls and indices behind it. */
static const char *read_chain(struct catalog_cell *cell, uint32_t *at, uint32_t end, int depth) {
	const char *type = read_primary(cell, at, end, depth);
	while (type != NULL && *at < end) {
		uint32_t here = *at;
		if (cell_is(cell, here, P1('.')) && here + 1 < end && cell_token(cell, here + 1)->kind == TOKEN_NAME) {
			const char *name = cell_token(cell, here + 1)->str.text;
			bool is_call = here + 2 < end && cell_is(cell, here + 2, P1('('));
			*at = is_call ? cell_closing(cell, here + 2) + 1 : here + 2;
			const char *field = field_type(cell, type, name);
			type = is_call && field[0] == '\0' ? call_type(cell, "", name, type)
				: is_call                      ? call_type(cell, "", "call", field)
											   : field;
		} else if (cell_is(cell, here, P1('['))) {
			const struct token *index = cell_token(cell, here + 1);
			int part = here + 1 < end && index->kind == TOKEN_INT && index->i < 1000 ? (int)index->i : -1;
			*at = cell_closing(cell, here) + 1;
			type = item_type(cell, type, part);
		} else if (cell_is(cell, here, P1('('))) {
			*at = cell_closing(cell, here) + 1;
			type = call_type(cell, "", "call", type);
		} else {
			break;
		}
	}
	return type;
}

/* Tensors win, then trees, then floats. */
static const char *wider(const char *a, const char *b) {
	if (type_is_tensor(a) || type_is_tensor(b)) {
		return "tensor";
	}
	if (strcmp(a, "int") == 0 || strcmp(a, "bool") == 0 || a[0] == '\0') {
		return a[0] == '\0' && (strcmp(b, "int") == 0 || strcmp(b, "float") == 0) ? "" : b;
	}
	return a;
}

static bool is_one_of(const struct token *t, const uint32_t *operators, size_t count) {
	for (size_t i = 0; t->kind == TOKEN_PUNCT && i < count; i++) {
		if (t->punct == operators[i]) {
			return true;
		}
	}
	return false;
}

/* Operands and operators from *at on: arithmetic gives the wider type, a comparison a bool or a tensor of them. */
static const char *read_operands(struct catalog_cell *cell, uint32_t *at, uint32_t end, int depth) {
	static const uint32_t joins[] = {P1('+'), P1('-'), P1('*'), P1('/'), P1('%'), P1('@'), P2('*', '*')};
	static const uint32_t compares[] = {
		P1('<'), P1('>'), P2('<', '='), P2('>', '='), P2('=', '='), P2('!', '='), P2('&', '&'), P2('|', '|')};
	const char *type = read_chain(cell, at, end, depth);
	while (type != NULL && *at + 1 < end) {
		bool compared = is_one_of(cell_token(cell, *at), compares, TN_ARRAY_LEN(compares));
		if (!compared && !is_one_of(cell_token(cell, *at), joins, TN_ARRAY_LEN(joins))) {
			break;
		}
		++*at;
		const char *other = read_chain(cell, at, end, depth);
		type = other == NULL ? NULL : wider(type, other);
		type = type != NULL && compared && !type_is_tensor(type) ? "bool" : type;
	}
	return type;
}

static const char *expression_type(struct catalog_cell *cell, uint32_t begin, uint32_t end, int depth) {
	uint32_t at = begin;
	if (depth > DEEPEST || cell->work++ > MOST_WORK) {
		return "";
	}
	while (at < end && (cell_is(cell, at, P1('-')) || cell_is(cell, at, P1('&')) || cell_is(cell, at, P1('!')))) {
		at++;
	}
	if (at >= end) {
		return "";
	}
	const char *type = read_operands(cell, &at, end, depth);
	if (type != NULL && at + 1 < end && cell_is(cell, at, P1('?'))) {
		at++;
		type = read_operands(cell, &at, end, depth); /* the other branch is of that type too */
		return type;
	}
	bool is_range = type != NULL && at < end && cell_is(cell, at, P2('.', '.'));
	bool ends = at >= end || cell_is(cell, at, P1(';')) || cell_is(cell, at, P1(',')) || cell_is(cell, at, P1(')')) ||
		cell_is(cell, at, P1('}'));
	return is_range ? "0..n" : ends ? type : "";
}

/* `auto (loss, g) = grad (net) { … }`: part 0 is a tensor (or what the block gives), the others are of the variables' types. */
static const char *grad_type(struct catalog_cell *cell, const struct cell_local *local, int depth) {
	uint32_t open = local->init + 1;
	if (local->part == 0) {
		return "tensor";
	}
	if (!cell_is(cell, open, P1('(')) || local->part < 0) {
		return "";
	}
	uint32_t close = cell_closing(cell, open), at = open + 1;
	for (int part = 1; part < local->part && at < close; at++) {
		part += cell_is(cell, at, P1(','));
	}
	return at < close ? expression_type(cell, at, close, depth + 1) : "";
}

const char *cell_type_of_local(struct catalog_cell *cell, const struct cell_local *local, int depth) {
	if (local->type != NULL) {
		return local->type;
	}
	if (depth > DEEPEST || local->init == 0 || local->init >= cell->count) {
		return "";
	}
	const struct token *first = cell_token(cell, local->init);
	if (first->kind == TOKEN_NAME && strcmp(first->str.text, "grad") == 0) {
		return grad_type(cell, local, depth);
	}
	if (first->kind == TOKEN_NAME && strcmp(first->str.text, local->name) == 0 && cell_find_variable(cell, local->name) == NULL) {
		return ""; /* of itself */
	}
	const char *type = expression_type(cell, local->init, cell->count, depth + 1);
	if (type == NULL || (local->part < 0 && !local->is_element)) {
		return type;
	}
	if (strcmp(type, "0..n") == 0) {
		return "int";
	}
	const char *item = local->is_element ? item_type(cell, type, -1) : type;
	return item == NULL || local->part < 0 ? item : item_type(cell, item, local->part);
}

/* ---- what stands before a dot ---- */

/* The first token of the chain that ends before `end`. */
static uint32_t chain_begin(const struct catalog_cell *cell, uint32_t end) {
	uint32_t at = end;
	while (at > cell->floor) {
		uint32_t last = at - 1;
		bool closes = cell_is(cell, last, P1(')')) || cell_is(cell, last, P1(']')) || cell_is(cell, last, P1('}'));
		if (closes) {
			uint32_t open = cell_opening(cell, last);
			if (open == UINT32_MAX) {
				return end;
			}
			at = open;
			bool goes_on = at > cell->floor &&
				(cell_token(cell, at - 1)->kind == TOKEN_NAME || cell_is(cell, at - 1, P1(')')) ||
					cell_is(cell, at - 1, P1(']')));
			if (!goes_on) {
				return at;
			}
			continue;
		}
		enum token_kind kind = cell_token(cell, last)->kind;
		if (kind != TOKEN_NAME && kind != TOKEN_STRING && kind != TOKEN_FSTRING) {
			return at;
		}
		at = last;
		if (at == cell->floor || !cell_is(cell, at - 1, P1('.'))) {
			return at;
		}
		at--;
	}
	return at;
}

const char *cell_type_before(struct catalog_cell *cell, uint32_t dot) {
	uint32_t begin = chain_begin(cell, dot), at = begin;
	return begin >= dot ? "" : read_chain(cell, &at, dot, 0);
}

const char *cell_module_before(const struct catalog_cell *cell, uint32_t dot) {
	if (dot <= cell->floor || cell_token(cell, dot - 1)->kind != TOKEN_NAME ||
		(dot >= cell->floor + 2 && cell_is(cell, dot - 2, P1('.')))) {
		return NULL;
	}
	const char *name = cell_token(cell, dot - 1)->str.text;
	return cell_find_local(cell, name) == NULL && cell_find_variable(cell, name) == NULL && cell_is_module(cell, name) ? name
																													   : NULL;
}
