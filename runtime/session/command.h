/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of a cell, lines that begin with % ! or ? (LANGUAGE.md section 9). Private to session/.
 *
 * Commands that run code or change names (`first`) stand before the statements of their cell, because these are checked
 * as a whole against the names that are there; the others may stand anywhere. */
#ifndef TN_SESSION_COMMAND_H
#define TN_SESSION_COMMAND_H

#include <sys/types.h>

#include "session/session.h"

struct tn_session {
	struct tn_lang *lang;            /* also the slot that the engine's hooks read */
	struct tn_engine *engine;
	struct tn_session_output output;
	const volatile int *interrupt;
	struct tn_diagnostics *diag;     /* of the cell that runs; NULL between cells */
	bool in_statements;              /* the cell's statements run, not the commands before them */
	int depth;                       /* nested %run, %time … */
	struct tn_runs *runs;
	pid_t board;                     /* the TensorBoard that %tensorboard started, or 0 */
	struct tn_show_places *places;   /* what is shown under an id: show.c */
};

/* `arguments` has no white space around it. False with `err` set; or with `err` not set where session->diag has the errors. */
typedef bool (*tn_command_fn)(struct tn_session *session, const char *arguments, struct tn_error *err);

struct tn_command {
	const char *name;      /* "time" */
	const char *arguments; /* "CODE"; "" */
	const char *doc;       /* one line */
	tn_command_fn run;     /* NULL: not there yet */
	bool first;
	bool takes_cell;       /* there is a %%name too, which takes the rest of the cell: arguments, newline, rest */
	const char *about;     /* more than the one line; NULL: that says it */
	const char *example;   /* a cell, which the docs test runs; NULL where that would need a file, or there is nothing to run yet */
};
/* Sorted by name; ends with a row without a name. */
extern const struct tn_command tn_commands[];
const struct tn_command *tn_command_find(const char *name, size_t length); /* without %; NULL: there is none. Any thread */

/* What `?%name` and inspection say of a command, plain and as markdown (which may be NULL). False: out of memory. */
TN_MUST_USE bool tn_command_describe(const struct tn_command *command, struct tn_str *plain, struct tn_str *markdown);

/* Runs one line (or, with %%, a whole cell). Errors are as for tn_command_fn. */
TN_MUST_USE bool tn_command_run(struct tn_session *session, const char *text, struct tn_error *err);

/* Runs text as a cell of its own in this session. Errors are as for tn_command_fn. */
TN_MUST_USE bool tn_session_run_text(struct tn_session *session, const struct tn_lang_cell *cell, struct tn_error *err);

/* show.c: what the language's display and progress call; `data` is the session. */
bool tn_session_display(void *data, const struct tn_lang_display *what, struct tn_error *err);
void tn_session_progress(void *data, const struct tn_lang_progress *progress);

void tn_session_print(const struct tn_session *session, const char *text);
/* Long text that is read and not kept: in a page of its own where the output has one. */
void tn_session_page(const struct tn_session *session, const char *text);
/* Formats and prints. False: out of memory. */
TN_MUST_USE bool tn_session_printf(const struct tn_session *session, struct tn_error *err, const char *format, ...)
	TN_PRINTF(3, 4);

/* input.c: the native input() */
TN_MUST_USE bool tn_input_register(struct tn_lang *lang, struct tn_error *err);

/* ---- the commands, by file ---- */

bool tn_command_time(struct tn_session *session, const char *arguments, struct tn_error *err);    /* timing.c */
bool tn_command_timeit(struct tn_session *session, const char *arguments, struct tn_error *err);
bool tn_command_shell(struct tn_session *session, const char *arguments, struct tn_error *err);   /* shell.c */
bool tn_command_cd(struct tn_session *session, const char *arguments, struct tn_error *err);
bool tn_command_pwd(struct tn_session *session, const char *arguments, struct tn_error *err);
bool tn_command_env(struct tn_session *session, const char *arguments, struct tn_error *err);
bool tn_command_writefile(struct tn_session *session, const char *arguments, struct tn_error *err);
bool tn_command_who(struct tn_session *session, const char *arguments, struct tn_error *err);     /* report.c */
bool tn_command_whos(struct tn_session *session, const char *arguments, struct tn_error *err);
bool tn_command_memory(struct tn_session *session, const char *arguments, struct tn_error *err);
bool tn_command_plan(struct tn_session *session, const char *arguments, struct tn_error *err);
bool tn_command_tensorboard(struct tn_session *session, const char *arguments, struct tn_error *err); /* board.c */
void tn_board_stop(struct tn_session *session); /* ends the TensorBoard that was started, if any */
/* ?name, name?, name??: the whole line. */
bool tn_command_help(struct tn_session *session, const char *line, struct tn_error *err);         /* command.c */

#endif
