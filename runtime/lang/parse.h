/* SPDX-License-Identifier: Apache-2.0 */
/* The parser's parts: recursive descent over the token array. A function that gives NULL has reported an error (or memory is
 * out); the statement loop then skips to where a statement may begin. Private to parse*.c. */
#ifndef TN_LANG_PARSE_H
#define TN_LANG_PARSE_H

#include "lang/token.h"

/* Nesting, and the height of an expression's tree, which a chain a + b + c … raises without nesting: whoever walks the tree
 * recurses. */
enum { PARSE_MAX_DEPTH = 200, PARSE_MAX_HEIGHT = 1000 };

struct parser {
	const struct tn_source *source;
	struct tn_arena *arena;
	struct tn_diagnostics *diag;
	const struct token *tokens; /* the last one is END */
	uint32_t count, at;
	uint32_t statement; /* where the innermost statement begins */
	uint32_t error_count;
	int depth;
	int height;                 /* of the highest expression since the innermost scope of heights began: see parse_binary */
	bool out_of_memory, failed; /* failed: an error was reported, and nothing more until recovery */
	bool parameter_cell;        /* only `name = literal` lines: no ';' needed */
	bool embedded;              /* inside the braces of an f-string: what ends there is not the text */
	bool brace_missing;         /* was reported: so is what follows from it */
	bool python;                /* the text is Python, and was told so: that its lines have no ';' says nothing more */
	uint64_t habits;            /* told once in a text: bits of the rows of parse_habit.c */
	uint32_t patched;           /* token + 1 that a missing bracket was reported before: what follows from that is not */
	bool hit_end;               /* the first error was that the text ends here */
};

/* A growing list of nodes that ends in the arena. */
struct node_list {
	TN_VEC(struct tn_ast *) v;
};

/* ---- tokens (parse.c) ---- */
const struct token *parse_peek(const struct parser *p, uint32_t ahead);
bool parse_is(const struct parser *p, uint32_t punct);
bool parse_is_at(const struct parser *p, uint32_t ahead, uint32_t punct);
bool parse_is_word(const struct parser *p, const char *word);
bool parse_accept(struct parser *p, uint32_t punct);
bool parse_accept_word(struct parser *p, const char *word);
bool parse_expect(struct parser *p, uint32_t punct, const char *what);
/* With a hint for the error; NULL: none. */
bool parse_expect_hint(struct parser *p, uint32_t punct, const char *what, const char *hint);
/* A closing bracket. Where the text goes on as if it were there, its error is reported and the result is true. */
bool parse_close(struct parser *p, uint32_t punct, const char *what);
/* The current token begins a line and cannot go on with what stands before it. */
bool parse_begins_anew(const struct parser *p);
bool parse_name(struct parser *p, struct tn_name *out, const char *what);
struct tn_error *parse_error(struct parser *p, struct tn_span span, const char *format, ...) TN_PRINTF(3, 4);
struct tn_span parse_token_span(const struct parser *p, const struct token *t);
struct tn_span parse_span_from(const struct parser *p, uint32_t begin_token); /* from that token to the last one read */
struct tn_ast *parse_node(struct parser *p, enum tn_ast_kind kind, uint32_t begin_token);
bool parse_push(struct parser *p, struct node_list *list, struct tn_ast *node); /* false for NULL too */
bool parse_finish_list(struct parser *p, struct node_list *list, struct tn_ast_list *out);
void *parse_copy(struct parser *p, const void *items, size_t count, size_t size);
bool parse_enter(struct parser *p); /* nesting; leave by p->depth-- */
bool parse_grow(struct parser *p);  /* one level more of the tree */
/* After the statement that begins at the token `begin` failed: behind it, or at the '}' that closes what it stands in. False: go
 * no further. */
bool parse_recover(struct parser *p, uint32_t begin, int depth);
uint32_t parse_matching(const struct parser *p, uint32_t at); /* index of the bracket that closes the one at `at`, or END's */

/* tn_parse; *hit_end: the only trouble, or the first, is that the text ends. */
bool parse_source(const struct tn_source *source, struct tn_arena *arena, struct tn_ast_unit *unit, struct tn_diagnostics *diag, bool *hit_end);

/* ---- parse_type.c ---- */
uint32_t parse_scan_type(const struct parser *p, uint32_t at); /* the token behind a type, or 0 where there is none */
bool parse_decl_ahead(const struct parser *p, bool allow_ref); /* a type followed by a name, &name, or (for auto) a pattern */
struct tn_ast_type *parse_type(struct parser *p);
struct tn_ast_pattern *parse_pattern(struct parser *p);
bool parse_params(struct parser *p, bool lambda, struct tn_ast_param **out, uint32_t *count); /* behind '(' up to and with ')' */

/* ---- parse_expr.c ---- */
struct tn_ast *parse_expr(struct parser *p);
/* parse_fstring.c; at the token `t`. */
struct tn_ast *parse_fstring(struct parser *p, const struct token *t);
bool parse_block_word_ahead(const struct parser *p);
struct tn_ast *parse_block_expr(struct parser *p);

/* ---- parse_habit.c ---- */
/* The hint for a statement that is a lone name before the current token, as in `print "x"`, `a, b = f();` and `x: int = 3`. */
void parse_hint_lone_name(struct parser *p, struct tn_error *err);
enum { PARSE_HABIT_IMPORT = 63 }; /* a bit of `habits` behind those of the rows */
/* False: row `row` was told in this text, and the statement has failed silently. */
bool parse_told_once(struct parser *p, unsigned row);
/* Whether the statement is one of another language: then it is reported, and has failed. */
bool parse_report_habit(struct parser *p);
bool parse_report_else(struct parser *p);
/* `int a[10]`, at the bracket. */
void parse_hint_array(struct parser *p, struct tn_error *err);

/* ---- parse_stmt.c ---- */
bool parse_statement(struct parser *p, struct node_list *out, bool top);
/* { … }: statements and perhaps a last value (value NULL: none allowed). */
bool parse_body(struct parser *p, struct tn_ast_list *out, struct tn_ast **value);
struct tn_ast *parse_function_rest(struct parser *p, struct tn_ast_type *result, uint32_t begin, const char *doc);

#endif
