/* SPDX-License-Identifier: Apache-2.0 */
/* A session: an engine, its backend and the language over them, and the commands that a cell may hold. Every face (run,
 * check, repl, and later the worker) holds one and differs only in where output goes. All functions belong to the
 * executing thread; only the interrupt flag may be written elsewhere. */
#ifndef TN_SESSION_SESSION_H
#define TN_SESSION_SESSION_H

#include "lang/lang.h"

struct tn_session;

struct tn_session_params {
	struct tn_lang_output output;    /* its `command` is not read: commands are the session's own */
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

/* Reads a whole regular file, pipe or the standard input ("-") into *out, at most 2^31 - 1 bytes. Needs no session. */
TN_MUST_USE bool tn_session_read_file(const char *path, struct tn_str *out, struct tn_error *err);

#endif
