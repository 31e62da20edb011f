/* SPDX-License-Identifier: Apache-2.0 */
/* What a catalog is made of. Three layers, each counted and never changed once others see it:
 *
 *   tn_catalog ─┬─ variables: made anew for each catalog, cheap text
 *               ├─ catalog_names: functions, structs and modules of the session; shared while the definitions stay the same
 *               └─ catalog_base: natives and the library; one for the language's life, read at the first question
 *
 * All of it is text: a type is known by its name ("Net", "Linear[]", "(tensor, int)"), so no thread walks the checker's tables.
 * Private to lang/. */
#ifndef TN_LANG_CATALOG_PART_H
#define TN_LANG_CATALOG_PART_H

#include <pthread.h>
#include <stdatomic.h>

#include "lang/state.h"

enum catalog_kind { CATALOG_FUNCTION, CATALOG_STRUCT, CATALOG_VARIABLE, CATALOG_MODULE, CATALOG_WORD, CATALOG_OPERATOR };

struct catalog_field {
	const char *name, *type, *doc;
	bool frozen;
};

struct catalog_entry {
	enum catalog_kind kind;
	const char *name;
	const char *module;           /* the alias that it stands behind, "" where it is seen by its bare name */
	const char *signature;        /* function: on one line; variable: its type; word: how it is written; NULL for others */
	const char *doc;              /* without the example; may be NULL */
	const char *example;          /* may be NULL */
	const char *source;           /* a function's text; NULL where there is none to show */
	struct catalog_field *fields; /* of a struct */
	uint32_t field_count;
	uint32_t order; /* as it was added: overloads keep the order of their definition */
};

/* Entries sorted by module, name and order, once catalog_sort has run. All zero is the empty table. */
struct catalog_table {
	struct tn_arena arena;
	TN_VEC(struct catalog_entry) entries;
};

static inline bool is_name_byte(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80;
}

/* ---- catalog_define.c: from definitions to entries. Each is false when memory is out. ---- */
TN_MUST_USE bool catalog_add_native(struct catalog_table *table, const struct tn_native *native);
TN_MUST_USE bool catalog_add_function(struct catalog_table *table, const struct tn_ast_function *decl, const char *module);
/* `name` is how values of it show their type: "Net", "Net (cell 3)". */
TN_MUST_USE bool catalog_add_struct(
	struct catalog_table *table, const struct tn_struct_def *def, const char *name, const char *module);
TN_MUST_USE bool catalog_add_entry(struct catalog_table *table, const struct catalog_entry *entry);
/* Functions, structs, constants and import aliases at the top level of a tree; also of one with errors in it. */
TN_MUST_USE bool catalog_add_tree(struct catalog_table *table, const struct tn_ast_unit *tree);
/* Words of the language, names of types and constants, operators. */
TN_MUST_USE bool catalog_add_words(struct catalog_table *table);
void catalog_sort(struct catalog_table *table);
void catalog_finish(struct catalog_table *table);
/* The first of *count entries with that name, or NULL. */
const struct catalog_entry *catalog_find(
	const struct catalog_table *table, const char *module, const char *name, size_t length, uint32_t *count);
/* A definition's text up to its body, on one line. */
TN_MUST_USE bool catalog_head_text(const char *begin, const char *end, struct tn_str *out);

/* ---- catalog_value.c ---- */

/* What a line can say of a value without computing anything. `budget` counts the slots that may still be looked at. */
struct catalog_value {
	struct tn_str text;
	char shape[160];
	const char *dtype;
	uint64_t bytes;
	int64_t tensors;
};
TN_MUST_USE bool catalog_describe(struct tn_value value, uint32_t *budget, struct catalog_value *out);

/* ---- catalog.c ---- */

struct catalog_base {
	_Atomic int refs;
	const struct tn_native **natives; /* rows of static tables */
	size_t native_count;
	char *folder;         /* that the library is read from; NULL: from inside the program */
	pthread_mutex_t lock; /* guards what follows until `ready` */
	bool ready;
	struct catalog_table table;
};

struct catalog_names {
	_Atomic int refs;
	uint64_t key; /* of the definitions that it was made from */
	struct catalog_table table;
};

struct catalog_variable {
	struct tn_catalog_variable shown;
	const char *doc;
};

struct tn_catalog {
	_Atomic int refs;
	struct catalog_base *base;
	struct catalog_names *names;
	struct tn_arena arena;
	struct catalog_variable *variables; /* in order of definition */
	uint32_t variable_count;
};

/* Natives, library and words of the language, read now where they were not yet. NULL: out of memory, or the library's folder
 * cannot be read. */
const struct catalog_table *catalog_library(const struct tn_catalog *catalog, struct tn_error *err);

/* catalog_inspect.c: what inspection says of a name, a dotted one or an operator; nothing where nothing is known of it. */
TN_MUST_USE bool catalog_help(
	const struct tn_catalog *catalog, const char *name, bool with_source, struct tn_str *out, struct tn_error *err);

#endif
