/* SPDX-License-Identifier: Apache-2.0 */
/* The names of a session as a table that any thread may read: what completion, inspection and the variable list answer from while a
 * cell runs. It holds text, types and shapes, no tensor and no value. Made on the executing thread, whole, and never changed; part
 * of lang.h. */
#ifndef TN_LANG_CATALOG_H
#define TN_LANG_CATALOG_H

#include "base/base.h"

struct tn_lang;
struct tn_catalog; /* counted; ref and unref from any thread */

/* A table of what is there now: globals with their live types and shapes, fields of their structs, functions, natives and the
 * library with signatures and docs. Executing thread. Cheap where nothing but globals changed since the last one. NULL: out of memory. */
TN_MUST_USE struct tn_catalog *tn_catalog_create(struct tn_lang *lang, struct tn_error *err);
struct tn_catalog *tn_catalog_ref(struct tn_catalog *catalog);
void tn_catalog_unref(struct tn_catalog *catalog); /* accepts NULL */

/* Completions of `text` (UTF-8) at byte `cursor`: names in scope, fields and methods behind a dot, argument names inside a call's parentheses,
 * words of the language, files inside the string of an import or a path. What matches the prefix as it is written comes before what
 * matches it in another case, arguments before other names, then by name; none twice. [begin, end) in bytes is what a match replaces. */
struct tn_completion_item { char *text; const char *type; /* "function" "variable" "field" "argument" "keyword" "struct" "module" "file" "command" */ char *signature; uint32_t order; /* in which it was added */ };
struct tn_completion { TN_VEC(struct tn_completion_item) items; size_t begin, end; };
TN_MUST_USE bool tn_catalog_complete(const struct tn_catalog *catalog, const char *text, size_t length, size_t cursor,
	struct tn_completion *out, struct tn_error *err);
void tn_completion_finish(struct tn_completion *completion);
/* Adds a match with a copy of both texts (`signature` may be NULL). */
TN_MUST_USE bool tn_completion_add(struct tn_completion *completion, const char *text, const char *type, const char *signature, struct tn_error *err);
/* Adds the files and folders that `path` may go on with: matches are the last part of the path alone, a folder's with a / behind it. `extension`
 * (".tn") leaves other files out; NULL: none. A folder that cannot be read has none. */
TN_MUST_USE bool tn_completion_add_files(struct tn_completion *completion, const char *path, size_t length, const char *extension, struct tn_error *err);

/* What stands at byte `cursor` (inside a call's parentheses and on no name: the function called). *found false: nothing is known of it. detail 1 adds the
 * source of functions. `plain` is for a terminal, `markdown` for a page. */
TN_MUST_USE bool tn_catalog_inspect(const struct tn_catalog *catalog, const char *text, size_t length, size_t cursor, int detail,
	struct tn_str *plain, struct tn_str *markdown, bool *found, struct tn_error *err);

/* The reference manual in markdown: what inspection says of every function, type and word that is not the session's. */
TN_MUST_USE bool tn_catalog_manual(const struct tn_catalog *catalog, struct tn_str *out, struct tn_error *err);

/* The session's variables in order of definition. `shape` is "[64, 784]" or "", `dtype` "f32" or "", `text` a line that describes the value. */
struct tn_catalog_variable { const char *name, *type, *shape, *dtype, *text; uint64_t bytes; };
typedef bool (*tn_catalog_visitor)(void *data, const struct tn_catalog_variable *variable);
bool tn_catalog_each_variable(const struct tn_catalog *catalog, tn_catalog_visitor visit, void *data);

/* "1.5 MiB". False: out of memory. */
TN_MUST_USE bool tn_catalog_append_bytes(struct tn_str *out, uint64_t bytes);

/* Whether a cell is whole, as a console asks before it runs a line. `indent` spaces (at most 64) begin the next line of an incomplete one. Any thread;
 * needs no catalog. */
enum tn_completeness { TN_CELL_COMPLETE, TN_CELL_INCOMPLETE, TN_CELL_INVALID };
TN_MUST_USE bool tn_lang_is_complete(const char *text, size_t length, enum tn_completeness *out, int *indent, struct tn_error *err);

#endif
