/* SPDX-License-Identifier: Apache-2.0 */
/* A session: an engine, its backend and the language over them, and the commands that a cell may hold. Every face (run,
 * check, repl, and later the worker) holds one and differs only in where output goes. All functions belong to the
 * executing thread; only the interrupt flag may be written elsewhere. */
#ifndef TN_SESSION_SESSION_H
#define TN_SESSION_SESSION_H

#include "lang/lang.h"
#include "session/journal.h"

struct tn_session;

/* One form of what is shown. `data` is text in UTF-8, but raw bytes where the MIME type is an image's (image/svg+xml is text); a
 * JSON type's text is one JSON value. */
struct tn_session_form {
	const char *mime;
	const char *data;
	size_t length;
};

/* Something to show: one thing in several forms, of which the reader's program takes the richest that it knows. */
struct tn_session_show {
	const struct tn_session_form *forms;
	size_t form_count;
	const char *metadata;  /* JSON object by MIME type, or NULL */
	uint64_t id;           /* 0: cannot be updated; else what `update` names, unique in the process */
	bool update;           /* takes the place of what was shown with that id */
	bool result;           /* the cell's last expression */
};

/* Where a session's output goes; all on the executing thread. `text` and `show` are needed; the others may be NULL, with what is
 * written behind each. Pointers are borrowed for the call. */
struct tn_session_output {
	void *data;
	bool rich;             /* forms besides text/plain are wanted; else only that one is made */
	void (*text)(void *data, const char *bytes, size_t length);             /* print */
	void (*show)(void *data, const struct tn_session_show *show);           /* forms[0] is text/plain, without a newline at its end */
	void (*warning)(void *data, const struct tn_error *warning);            /* NULL: dropped */
	void (*progress)(void *data, const struct tn_lang_progress *progress);  /* NULL: by show with an id when rich, else not shown */
	void (*page)(void *data, const char *text);                             /* long help; NULL: text */
	void (*clear)(void *data, bool wait);                                   /* takes the cell's output away; NULL: nothing */
	/* Asks the user for a line. NULL: input is an error that says so. False: interrupted, or nobody can answer. */
	bool (*input)(void *data, const char *prompt, bool password, struct tn_str *line, struct tn_error *err);
};

struct tn_session_params {
	struct tn_session_output output;
	const volatile int *interrupt;   /* non-zero: stop soon; may be NULL */
	const char *const *args;         /* what args() gives; borrowed for the session's life */
	int arg_count;
};

/* NULL: out of memory, or what `err` says. The caller owns the result. */
TN_MUST_USE struct tn_session *tn_session_create(const struct tn_session_params *params, struct tn_error *err);
void tn_session_destroy(struct tn_session *session); /* accepts NULL */

/* Runs a cell: commands that stand before the first statement (they may change names), then the rest. `diag` is filled as
 * tn_lang_run fills it; the caller finishes it. False: it holds an error. */
TN_MUST_USE bool tn_session_run(struct tn_session *session, const struct tn_lang_cell *cell, struct tn_diagnostics *diag);

/* What an error of `diag` came from: the cell was stopped by the interrupt flag. */
bool tn_session_was_interrupted(const struct tn_diagnostics *diag);

struct tn_lang *tn_session_lang(struct tn_session *session);
struct tn_engine *tn_session_engine(struct tn_session *session);

/* As tn_catalog_complete, with the commands too (a line that begins with %). Any thread. */
TN_MUST_USE bool tn_session_complete(const struct tn_catalog *catalog, const char *text, size_t length, size_t cursor,
	struct tn_completion *out, struct tn_error *err);
/* As tn_catalog_inspect, with the commands too. Any thread. */
TN_MUST_USE bool tn_session_inspect(const struct tn_catalog *catalog, const char *text, size_t length, size_t cursor, int detail,
	struct tn_str *plain, struct tn_str *markdown, bool *found, struct tn_error *err);

/* What `?name` shows, of commands too (%time, !). NameError when nothing is called that. Executing thread. */
TN_MUST_USE bool tn_session_help(
	struct tn_session *session, const char *name, bool with_source, struct tn_str *out, struct tn_error *err);
/* tn_catalog_manual and the commands. Executing thread. */
TN_MUST_USE bool tn_session_manual(struct tn_session *session, struct tn_str *out, struct tn_error *err);
/* The commands without their %: `signature` is the arguments, an example a cell. False: visit gave it. Any thread. */
bool tn_session_each_command(tn_lang_doc_visitor visit, void *data);

/* Reads a whole regular file, pipe or the standard input ("-") into *out, at most 2^31 - 1 bytes. Needs no session. */
TN_MUST_USE bool tn_session_read_file(const char *path, struct tn_str *out, struct tn_error *err);

#endif
