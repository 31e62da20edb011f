/* SPDX-License-Identifier: Apache-2.0 */
/* Where the cursor stands: in code, in a comment, in a string, in the braces of an f-string, in a command line; and in which
 * call. */
#include <string.h>

#include "lang/catalog_cell.h"

/* ---- tokens ---- */

bool cell_is(const struct catalog_cell *cell, uint32_t at, uint32_t punct) {
	return at < cell->count && cell_token(cell, at)->kind == TOKEN_PUNCT && cell_token(cell, at)->punct == punct;
}

static int bracket_of(const struct token *t) {
	if (t->kind != TOKEN_PUNCT) {
		return 0;
	}
	bool opens = t->punct == P1('(') || t->punct == P1('[') || t->punct == P1('{');
	bool closes = t->punct == P1(')') || t->punct == P1(']') || t->punct == P1('}');
	return opens - closes;
}

/* Brackets are looked for so far and no further: a text of nothing but brackets would take time squared. */
enum { BRACKET_REACH = 4000 };

uint32_t cell_opening(const struct catalog_cell *cell, uint32_t at) {
	int depth = 0;
	uint32_t first = at > cell->floor + BRACKET_REACH ? at - BRACKET_REACH : cell->floor;
	for (uint32_t i = at + 1; i > first; i--) {
		depth -= bracket_of(cell_token(cell, i - 1));
		if (depth == 0) {
			return i - 1;
		}
	}
	return UINT32_MAX;
}

uint32_t cell_closing(const struct catalog_cell *cell, uint32_t at) {
	int depth = 0;
	for (uint32_t i = at; i < cell->count && i - at < BRACKET_REACH; i++) {
		depth += bracket_of(cell_token(cell, i));
		if (depth == 0) {
			return i;
		}
	}
	return cell->count;
}

/* ---- what the cursor stands in ---- */

/* Whether the bytes between the last token and the cursor end inside a comment that a line's end would close. */
static bool in_line_comment(const char *p, const char *end) {
	while (p < end) {
		if (end - p > 1 && p[0] == '/' && p[1] == '*') {
			const char *close = memmem(p + 2, (size_t)(end - p - 2), "*/", 2);
			p = close == NULL ? end : close + 2;
		} else if (*p == '#' || (end - p > 1 && p[0] == '/' && p[1] == '/')) {
			const char *feed = memchr(p, '\n', (size_t)(end - p));
			if (feed == NULL) {
				return true;
			}
			p = feed + 1;
		} else {
			p++;
		}
	}
	return false;
}

static bool is_unclosed_string(const struct catalog_cell *cell, const struct token *t) {
	bool is_pair = t->end - t->begin == 2 && cell->text[t->begin] == cell->text[t->begin + 1];
	return t->kind == TOKEN_STRING && t->str.length == 0 && !is_pair;
}

/* The expression in the braces of an f-string that the cursor stands in: its first byte, or 0. [at, cursor) lies behind the
 * quote. */
static uint32_t find_fstring_expr(const struct catalog_cell *cell, uint32_t at) {
	uint32_t expr = 0;
	int depth = 0;
	bool in_spec = false;
	while (at < cell->cursor) {
		char c = cell->text[at];
		if (expr == 0) {
			bool doubled = (c == '{' || c == '}') && cell->text[at + 1] == c;
			expr = c == '{' && !doubled ? at + 1 : 0;
			at += doubled ? 2 : 1;
			continue;
		}
		if ((c == '"' || c == '\'') && !in_spec) {
			uint32_t end = tn_lex_string_end(cell->source, at, cell->cursor);
			if (end >= cell->cursor && (end - at < 2 || cell->text[end - 1] != c)) {
				return cell->text[at - 1] == 'f' ? find_fstring_expr(cell, at + 1) : 0;
			}
			at = end;
			continue;
		}
		if (c == '}' && depth == 0) {
			expr = 0;
			in_spec = false;
		} else if (c == ':' && depth == 0) {
			in_spec = true;
		}
		depth += (c == '(' || c == '[' || c == '{') - ((c == ')' || c == ']' || c == '}') && depth > 0);
		at++;
	}
	return in_spec ? 0 : expr;
}

static bool lex_more(struct catalog_cell *cell, uint32_t begin, uint32_t end, bool top) {
	struct tn_diagnostics diag = {0};
	bool ok = tn_lex(cell->source, begin, end, top, &cell->arena, &cell->tokens, &diag);
	tn_diagnostics_finish(&diag);
	return ok;
}

/* Drops the END and the last token, and reads [begin, end) in its place. */
static bool lex_inside(struct catalog_cell *cell, uint32_t begin, uint32_t end) {
	cell->tokens.tokens.count -= 2;
	cell->floor = (uint32_t)cell->tokens.tokens.count;
	return lex_more(cell, begin, end, false);
}

static bool enter_string(struct catalog_cell *cell, const struct token *t) {
	bool is_f = cell->text[t->begin] == 'f';
	uint32_t begin = t->begin + 1 + is_f;
	uint32_t expr = is_f ? find_fstring_expr(cell, begin) : 0;
	if (expr != 0) {
		return lex_inside(cell, expr, cell->cursor);
	}
	cell->place = CELL_STRING;
	cell->string_begin = begin;
	return true;
}

/* `?na` and `net.l1?`: the dotted name is what is asked about. Other commands are the session's. */
static bool enter_command(struct catalog_cell *cell, const struct token *t) {
	uint32_t begin = t->begin, end = cell->cursor;
	bool asks = cell->text[begin] == '?';
	while (end > begin && (cell->text[end - 1] == '?' || cell->text[end - 1] == ' ')) {
		asks = asks || cell->text[end - 1] == '?';
		end--;
	}
	if (!asks || cell->text[begin] == '%' || cell->text[begin] == '!') {
		cell->place = CELL_QUIET;
		return true;
	}
	begin = end;
	while (begin > t->begin && (is_name_byte(cell->text[begin - 1]) || cell->text[begin - 1] == '.')) {
		begin--;
	}
	cell->cursor = end < begin ? begin : end;
	return lex_inside(cell, begin, cell->cursor);
}

static bool find_place(struct catalog_cell *cell) {
	size_t count = cell->tokens.tokens.count;
	const struct token *last = count < 2 ? NULL : cell_token(cell, (uint32_t)count - 2);
	uint32_t end = last == NULL ? 0 : last->end;
	if (cell->tokens.open_comment || in_line_comment(cell->text + end, cell->text + cell->cursor)) {
		cell->place = CELL_QUIET;
	} else if (last != NULL && last->end >= cell->cursor && last->kind == TOKEN_COMMAND) {
		return enter_command(cell, last);
	} else if (last != NULL && last->end >= cell->cursor && is_unclosed_string(cell, last)) {
		return enter_string(cell, last);
	}
	return true;
}

/* The name that ends at the cursor leaves the tokens before it. A number there is being typed: nothing completes it. */
static void find_word(struct catalog_cell *cell) {
	size_t count = cell->tokens.tokens.count;
	cell->count = count == 0 ? 0 : (uint32_t)count - 1;
	cell->word_begin = cell->cursor;
	if (cell->count == cell->floor || cell->place != CELL_CODE) {
		return;
	}
	const struct token *last = cell_token(cell, cell->count - 1);
	if (last->end != cell->cursor) {
		return;
	}
	if (last->kind == TOKEN_NAME) {
		cell->word_begin = last->begin;
		cell->count--;
	} else if (last->kind == TOKEN_INT || last->kind == TOKEN_FLOAT) {
		cell->place = CELL_NUMBER;
	}
}

/* ---- the definitions of the text ---- */

/* *whole: there was no error in it. */
static bool read_definitions(struct catalog_table *table, const char *text, size_t length, bool *whole, struct tn_error *err) {
	struct tn_arena arena;
	struct tn_ast_unit tree = {0};
	struct tn_diagnostics diag = {0};
	struct tn_source *source = tn_source_create("cell", text, length, err);
	if (source == NULL) {
		return false;
	}
	tn_arena_init(&arena);
	*whole = tn_parse(source, &arena, &tree, &diag);
	bool ok = *whole || (diag.errors.count > 0 && diag.errors.items[0].kind != TN_ERR_MEMORY);
	ok = (ok && catalog_add_tree(table, &tree)) || tn_error_memory(err);
	catalog_sort(table);
	tn_diagnostics_finish(&diag);
	tn_arena_finish(&arena);
	tn_source_unref(source);
	return ok;
}

/* An unfinished statement may hide the definitions behind it: those are looked for from the next line on. */
static bool find_definitions(struct catalog_cell *cell, const char *text, size_t length, struct tn_error *err) {
	bool whole;
	if (!read_definitions(&cell->defined, text, length, &whole, err)) {
		return false;
	}
	const char *feed = memchr(text + cell->cursor, '\n', length - cell->cursor);
	if (whole || feed == NULL) {
		return true;
	}
	size_t found = cell->defined.entries.count;
	bool ok = read_definitions(&cell->rest, feed + 1, (size_t)(text + length - feed - 1), &whole, err);
	for (size_t i = 0; ok && i < cell->rest.entries.count; i++) {
		const struct catalog_entry *entry = &cell->rest.entries.items[i];
		bool known = false;
		for (size_t k = 0; k < found && !known; k++) {
			known = strcmp(cell->defined.entries.items[k].name, entry->name) == 0;
		}
		ok = known || catalog_add_entry(&cell->defined, entry) || tn_error_memory(err);
	}
	catalog_sort(&cell->defined);
	return ok;
}

bool cell_open(struct catalog_cell *cell, const struct tn_catalog *catalog, const char *text, size_t length, size_t cursor,
	struct tn_error *err) {
	*cell = (struct catalog_cell){.catalog = catalog, .cursor = (uint32_t)cursor};
	tn_arena_init(&cell->arena);
	cell->library = catalog_library(catalog, err);
	cell->source = cell->library == NULL ? NULL : tn_source_create("cell", text, cursor, err);
	if (cell->source == NULL) {
		return false;
	}
	cell->text = cell->source->text;
	if (!lex_more(cell, 0, cell->cursor, true) || !find_place(cell)) {
		return tn_error_memory(err);
	}
	find_word(cell);
	return find_definitions(cell, text, length, err) && (cell_find_locals(cell) || tn_error_memory(err));
}

void cell_close(struct catalog_cell *cell) {
	TN_VEC_FINISH(&cell->locals);
	TN_VEC_FINISH(&cell->tokens.tokens);
	catalog_finish(&cell->defined);
	catalog_finish(&cell->rest);
	tn_arena_finish(&cell->arena);
	tn_source_unref(cell->source);
}

/* ---- the call around the cursor ---- */

/* The innermost '(' that is open at the cursor; UINT32_MAX where a brace or a statement's end is nearer. */
static uint32_t find_open(const struct catalog_cell *cell) {
	for (uint32_t i = cell->count; i > cell->floor; i--) {
		const struct token *t = cell_token(cell, i - 1);
		int bracket = bracket_of(t);
		if (bracket < 0) {
			uint32_t open = cell_opening(cell, i - 1);
			if (open == UINT32_MAX) {
				return UINT32_MAX;
			}
			i = open + 1;
		} else if (bracket > 0 && t->punct == P1('(')) {
			return i - 1;
		} else if (t->kind == TOKEN_PUNCT && (t->punct == P1('{') || t->punct == P1(';'))) {
			return UINT32_MAX;
		}
	}
	return UINT32_MAX;
}

bool cell_find_call(const struct catalog_cell *cell, struct cell_call *out) {
	uint32_t open = find_open(cell);
	if (open == UINT32_MAX || open == cell->floor || cell_token(cell, open - 1)->kind != TOKEN_NAME) {
		return false;
	}
	*out = (struct cell_call){.open = open, .name = open - 1, .at_start = true};
	out->is_method = open - 1 > cell->floor && cell_is(cell, open - 2, P1('.'));
	for (uint32_t i = open + 1; i < cell->count; i++) {
		const struct token *t = cell_token(cell, i);
		if (bracket_of(t) > 0) {
			i = cell_closing(cell, i);
			out->at_start = false;
		} else if (cell_is(cell, i, P1(','))) {
			out->arguments++;
			out->at_start = true;
		} else {
			out->at_start = false;
		}
	}
	return true;
}
