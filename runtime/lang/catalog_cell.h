/* SPDX-License-Identifier: Apache-2.0 */
/* A cell as it is being typed, seen from the cursor: its tokens up to there, the names that it declares, what the cursor stands
 * in. The text may be broken anywhere, so nothing here depends on the parser but the definitions that are whole. Private to
 * lang/. */
#ifndef TN_LANG_CATALOG_CELL_H
#define TN_LANG_CATALOG_CELL_H

#include "lang/catalog_part.h"
#include "lang/token.h"

/* A variable that the text declares above the cursor, in scope there. Its type is written (`type`), or that of tokens. */
struct cell_local {
	const char *name;
	const char *type; /* as written, "" when it is to be found out and cannot, NULL when it is to be found out */
	uint32_t init;    /* token where its initialiser begins, 0: none */
	int part;         /* which item of the initialiser's value, -1: the whole */
	bool is_element;  /* of what the initialiser gives one by one */
	bool is_lambda;   /* a lambda's parameter */
	int depth, inner; /* braces and brackets that it stands in */
};

enum cell_place {
	CELL_CODE,
	CELL_NUMBER, /* behind a digit: nothing completes it */
	CELL_QUIET, /* inside a comment, a format spec */
	CELL_STRING /* inside a string that begins at string_begin (behind the quote) */
};

struct catalog_cell {
	const struct tn_catalog *catalog;
	const struct catalog_table *library;
	const char *text; /* up to the cursor, NUL-terminated */
	uint32_t cursor;
	struct tn_source *source;
	struct tn_arena arena;
	struct token_list tokens;     /* up to the cursor; the last is END */
	uint32_t count;               /* of tokens before the word */
	uint32_t floor;               /* the first token of the expression's text: inside an f-string's braces not 0 */
	struct catalog_table defined; /* functions and structs of the whole text */
	struct catalog_table
		rest; /* owns what was found behind the cursor's line where the text is broken; its entries are in `defined` too */
	TN_VEC(struct cell_local) locals;
	enum cell_place place;
	uint32_t word_begin; /* the name that ends at the cursor begins here; the cursor where there is none */
	uint32_t string_begin;
	uint32_t work; /* expressions looked at so far */
};

/* `cursor` <= length <= 2^31 - 1. False: out of memory, or the library cannot be read; cell_close also then. */
TN_MUST_USE bool cell_open(struct catalog_cell *cell, const struct tn_catalog *catalog, const char *text, size_t length,
	size_t cursor, struct tn_error *err);
void cell_close(struct catalog_cell *cell);

static inline const struct token *cell_token(const struct catalog_cell *cell, uint32_t at) {
	return &cell->tokens.tokens.items[at];
}
bool cell_is(const struct catalog_cell *cell, uint32_t at, uint32_t punct);
/* The token that opens the bracket that `at` closes, or UINT32_MAX; and the one that closes it (cell->count where none does). */
uint32_t cell_opening(const struct catalog_cell *cell, uint32_t at);
uint32_t cell_closing(const struct catalog_cell *cell, uint32_t at);
/* catalog_local.c: fills cell->locals. */
TN_MUST_USE bool cell_find_locals(struct catalog_cell *cell);

/* The call whose parentheses the cursor stands in. */
struct cell_call {
	uint32_t open;      /* the '(' */
	uint32_t name;      /* the token of the name before it */
	bool is_method;     /* behind a dot: the value before it is the first argument */
	uint32_t arguments; /* whole ones before the cursor */
	bool at_start;      /* nothing but the word stands in the argument at the cursor */
};
bool cell_find_call(const struct catalog_cell *cell, struct cell_call *out);

/* ---- catalog_type.c: types as text ---- */

/* What a name means: in the cell, the session or the library. Visits entries of that module ("" bare) and name; all tables. */
typedef bool (*cell_visitor)(void *data, const struct catalog_entry *entry);
/* Visits every definition that is seen in `module`; the nearer table first. False as soon as visit gives it. */
bool cell_each_entry(const struct catalog_cell *cell, const char *module, cell_visitor visit, void *data);
/* Those with that name. */
bool cell_each_named(const struct catalog_cell *cell, const char *module, const char *name, cell_visitor visit, void *data);
const struct catalog_entry *cell_find_struct(const struct catalog_cell *cell, const char *type);
const struct cell_local *cell_find_local(const struct catalog_cell *cell, const char *name);
const struct catalog_variable *cell_find_variable(const struct catalog_cell *cell, const char *name);
bool cell_is_module(const struct catalog_cell *cell, const char *name);

/* Types are in the cell's arena; "" is one that is not known; NULL: out of memory. */
const char *cell_type_of_local(struct catalog_cell *cell, const struct cell_local *local, int depth);
/* Of the value before the dot at the token `dot`. */
const char *cell_type_before(struct catalog_cell *cell, uint32_t dot);
/* The alias where a bare name of a module stands before that dot, else NULL. */
const char *cell_module_before(const struct catalog_cell *cell, uint32_t dot);

/* A parameter of a signature. */
struct cell_param {
	const char *type, *name, *def;
	size_t type_length, name_length, def_length;
};
/* Parameter `index` of a signature; false where there are fewer. */
bool signature_param(const char *signature, uint32_t index, struct cell_param *out);
/* Whether a parameter of the type written in [type, type + length) takes a value of type `value` ("" any value). */
bool type_accepts(const char *type, size_t length, const char *value);
bool type_is_tensor(const char *type);
/* Whether a function may be called as a method of a value of that type. */
bool signature_takes(const char *signature, const char *receiver);

#endif
