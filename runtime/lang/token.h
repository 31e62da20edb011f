/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of a source, all at once in one array; the parser walks it with any lookahead that it likes. Private to lang/. */
#ifndef TN_LANG_TOKEN_H
#define TN_LANG_TOKEN_H

#include "lang/ast.h"

enum token_kind {
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_INT,
	TOKEN_FLOAT,
	TOKEN_STRING,
	TOKEN_FSTRING,
	TOKEN_COMMAND,
	TOKEN_BAD,
	/* operators and punctuation, longest first in the lexer's table */
	TOKEN_PUNCT
};

/* Punctuation by its characters packed into an int: 'a' | 'b' << 8 | 'c' << 16, so that P('+') and P2('+', '=') read well. */
#define P1(a) ((uint32_t)(a))
#define P2(a, b) ((uint32_t)(a) | (uint32_t)(b) << 8)
#define P3(a, b, c) (P2(a, b) | (uint32_t)(c) << 16)

struct token {
	enum token_kind kind;
	uint32_t punct;
	uint32_t begin, end; /* bytes of the source */
	bool line_before;    /* a line break before it */
	bool doubtful;       /* the lexer has reported something here: an error of the parser at this place would say it twice */
	const char *doc;     /* the `///` text directly before it; of punctuation: behind it in its line, where there is one */
	union {
		int64_t i;
		double f;
		struct {
			const char *text;
			uint32_t length;
		} str; /* NAME, STRING (decoded) */
		struct {
			uint32_t begin, end;
			char quote;
		} fstring; /* inside the quotes */
	};
};

struct token_list {
	TN_VEC(struct token) tokens;
	bool open_comment; /* the text ends inside one */
	uint32_t hash_lines; /* lines that begin with '#', each reported as an error */
};

/* Reads [begin, end) of the source. Bad characters become errors and are passed over. False: memory is out. `top`: command lines
 * may occur. */
bool tn_lex(const struct tn_source *source, uint32_t begin, uint32_t end, bool top, struct tn_arena *arena,
	struct token_list *out, struct tn_diagnostics *diag);
/* Decodes escapes of [begin, end) of the source into the arena; `braces`: {{ and }} stand for one. NULL: memory is out. */
const char *tn_lex_unescape(const struct tn_source *source, uint32_t begin, uint32_t end, bool braces, struct tn_arena *arena,
	uint32_t *length, struct tn_diagnostics *diag);
/* Of a quote in the source: the place behind the string that it opens, nested strings of an f-string included; `end` where it
 * does not close. */
uint32_t tn_lex_string_end(const struct tn_source *source, uint32_t begin, uint32_t end);
/* A word that is no name anywhere: parse.c */
bool parse_is_keyword(const struct token *t);

#endif
