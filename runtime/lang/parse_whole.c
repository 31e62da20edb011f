/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a cell is whole, as a console asks at the end of a line: the parser tells whether the text's end was its first trouble.
 */
#include <string.h>

#include "lang/catalog.h"
#include "lang/parse.h"

enum { INDENT = 4, MOST_INDENT = 64 };

static int open_braces(const struct tn_source *source, struct tn_arena *arena) {
	struct token_list tokens = {0};
	struct tn_diagnostics diag = {0};
	int depth = 0;
	bool ok = tn_lex(source, 0, (uint32_t)source->length, true, arena, &tokens, &diag);
	for (size_t i = 0; ok && i < tokens.tokens.count; i++) {
		const struct token *t = &tokens.tokens.items[i];
		if (t->kind == TOKEN_PUNCT) {
			depth += (t->punct == P1('{')) - (t->punct == P1('}') && depth > 0);
		}
	}
	TN_VEC_FINISH(&tokens.tokens);
	tn_diagnostics_finish(&diag);
	return depth;
}

/* A cell that begins with %% has any text in it: an empty line ends it. */
static bool ends_with_empty_line(const char *text, size_t length) {
	while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t' || text[length - 1] == '\r')) {
		length--;
	}
	return length > 0 && text[length - 1] == '\n';
}

bool tn_lang_is_complete(const char *text, size_t length, enum tn_completeness *out, int *indent, struct tn_error *err) {
	struct tn_diagnostics diag = {0};
	struct tn_arena arena;
	struct tn_ast_unit unit;
	bool hit_end = false, memory = false;
	*indent = 0;
	if (length >= 2 && text[0] == '%' && text[1] == '%') {
		*out = ends_with_empty_line(text, length) ? TN_CELL_COMPLETE : TN_CELL_INCOMPLETE;
		return true;
	}
	struct tn_source *source = tn_source_create("input", text, length, err);
	if (source == NULL) {
		return false;
	}
	tn_arena_init(&arena);
	bool ok = parse_source(source, &arena, &unit, &diag, &hit_end);
	memory = !ok && (diag.errors.count == 0 || diag.errors.items[0].kind == TN_ERR_MEMORY);
	*out = hit_end ? TN_CELL_INCOMPLETE : ok ? TN_CELL_COMPLETE : TN_CELL_INVALID;
	if (hit_end) {
		int spaces = INDENT * open_braces(source, &arena);
		*indent = spaces > MOST_INDENT ? MOST_INDENT : spaces;
	}
	tn_diagnostics_finish(&diag);
	tn_arena_finish(&arena);
	tn_source_unref(source);
	return !memory || tn_error_memory(err);
}
