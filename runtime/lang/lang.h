/* SPDX-License-Identifier: Apache-2.0 */
/* The language: source in, effects out. A tn_lang is the language's side of one session: globals, functions, types, the VM. All
 * functions belong to the executing thread. The public header of lang/. */
#ifndef TN_LANG_LANG_H
#define TN_LANG_LANG_H

#include "lang/catalog.h"
#include "lang/iter.h"
#include "lang/native.h"
#include "lang/value.h"

/* One moment of a progress bar. */
struct tn_lang_progress {
	uint64_t id;          /* of the pass, never 0: moments of one bar have one id */
	const char *label;    /* "" where there is none */
	int64_t done, total;  /* steps; total -1: not known */
	double seconds;       /* since the pass began */
	bool ended;           /* the last moment of this bar */
	const char *line;     /* all of that as one line of text */
};

/* A value to show: display(x), or the cell's last expression. */
struct tn_lang_display {
	struct tn_value value; /* borrowed */
	bool result;           /* the cell's last expression */
	const char *id;        /* of display(x, id: "…"): the place that this value takes; NULL: none */
	bool update;           /* update_display: that place is there already */
};

/* Where output goes. Each may be NULL (then nothing is shown). */
struct tn_lang_output {
	void *data;
	void (*text)(void *data, const char *bytes, size_t length);  /* print */
	/* Shows a value. How it looks is the receiver's to decide. */
	bool (*display)(void *data, const struct tn_lang_display *what, struct tn_error *err);
	void (*warning)(void *data, const struct tn_error *warning);
	/* How far a pass over progress(…) has come, some ten times a second. */
	void (*progress)(void *data, const struct tn_lang_progress *progress);
	/* A line that begins with % ! or ?. */
	bool (*command)(void *data, const char *line, struct tn_error *err);
};

struct tn_lang_params {
	struct tn_engine *engine;        /* borrowed; its hooks are set by tn_lang_hooks */
	struct tn_lang_output output;
	const volatile int *interrupt;   /* may be NULL */
	const char *const *args;         /* what args() gives */
	int arg_count;
	size_t stack_limit;              /* bytes of VM stack, 0: 64 MiB */
	int depth_limit;                 /* calls, 0: 10,000 */
};

TN_MUST_USE struct tn_lang *tn_lang_create(const struct tn_lang_params *params, struct tn_error *err);
void tn_lang_destroy(struct tn_lang *lang);
/* The hooks that the engine of this language must have: ask before the engine exists (data is filled in by tn_lang_create through
 * *slot, which must live as long as the engine). */
struct tn_engine_hooks tn_lang_hooks(struct tn_lang **slot);
struct tn_engine *tn_lang_engine(struct tn_lang *lang);
struct tn_types *tn_lang_types(struct tn_lang *lang);
const struct tn_lang_output *tn_lang_get_output(const struct tn_lang *lang);
bool tn_lang_interrupted(const struct tn_lang *lang, struct tn_error *err);
const char *const *tn_lang_args(const struct tn_lang *lang, int *count);

/* What a folder above keeps for its natives under a name (a literal): call->lang leads them back to it. NULL: nothing. */
TN_MUST_USE bool tn_lang_set_extra(struct tn_lang *lang, const char *name, void *data, struct tn_error *err);
void *tn_lang_extra(const struct tn_lang *lang, const char *name);

struct tn_lang_cell {
	const char *name;       /* "cell 7", "train.tn" */
	const char *text;
	size_t length;
	bool display_last;      /* a file's last expression is not shown */
	bool check_only;        /* tenon check */
};
/* Parses, checks, runs. What was wrong is in *diag (errors; warnings too): syntax and type errors before anything ran, or the one error that ended the
 * run. Warnings of a cell that runs are shown by output.warning before it does, and are not in *diag then. False when there is an error. */
TN_MUST_USE bool tn_lang_run(struct tn_lang *lang, const struct tn_lang_cell *cell, struct tn_diagnostics *diag);

/* Whether a line is `// %%`, behind which another cell of a file begins: the percent format of jupytext and of editors. Any thread. */
bool tn_lang_is_separator(const char *line, size_t length);

/* Where the program stands, for the last words of a dying process: a source's name, a line of it, and the op that runs or NULL. False: nothing runs.
 * For a signal handler: reads memory only. */
struct tn_lang_standing { const char *where, *op; uint32_t line; };
bool tn_lang_get_standing(const struct tn_lang *lang, struct tn_lang_standing *out);

/* Names for %who and completion: calls visit for each global of the session, in order of definition. */
typedef void (*tn_lang_name_visitor)(void *data, const char *name, const struct tn_type *type, struct tn_value value);
void tn_lang_each_global(struct tn_lang *lang, tn_lang_name_visitor visit, void *data);
/* Forgets all globals, functions and structs of the session. */
void tn_lang_reset(struct tn_lang *lang);
/* Help for `?name`, the text of inspection: signature, doc, example of a function, word or operator, type and value of a variable or a part of one
 * (net.w); with_source: the source too (functions of the language). NameError when unknown, with "did you mean". */
TN_MUST_USE bool tn_lang_help(struct tn_lang *lang, const char *name, bool with_source, struct tn_str *out, struct tn_error *err);
/* Every native and library function in alphabetical order: the reference manual and its test walk these. A function of the library without
 * documentation is the library's own, and left out (from completion too). */
typedef bool (*tn_lang_doc_visitor)(void *data, const char *name, const char *signature, const char *doc, const char *example);
TN_MUST_USE bool tn_lang_each_doc(struct tn_lang *lang, tn_lang_doc_visitor visit, void *data, struct tn_error *err);
/* The words and operators of the language, sorted: `signature` is how one is written. False: visit gave it. Any thread. */
bool tn_lang_each_word(tn_lang_doc_visitor visit, void *data);
/* Appends an example as a person reads it: the tests' `// expect: 3` is `// 3`. */
TN_MUST_USE bool tn_doc_append_example(struct tn_str *out, const char *example);

/* The natives of lang/ itself (builtin_*.c), registered by tn_lang_create. */
TN_MUST_USE bool tn_lang_register_builtins(struct tn_lang *lang, struct tn_error *err);

#endif
