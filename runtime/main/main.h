/* SPDX-License-Identifier: Apache-2.0 */
/* The faces of Tenon on a terminal, one function each, with what they share: the terminal's output, Ctrl-C, help texts.
 * Private to main/. */
#ifndef TN_MAIN_MAIN_H
#define TN_MAIN_MAIN_H

#include "session/session.h"

/* What a shell sees. */
enum tn_exit { TN_EXIT_OK = 0, TN_EXIT_ERROR = 1, TN_EXIT_USAGE = 2, TN_EXIT_INTERRUPTED = 130 };

/* ---- subcommands: argv[0] is the subcommand's name; each returns the exit status ---- */

typedef int (*tn_face_fn)(int argc, char **argv);
int tn_face_run(int argc, char **argv);   /* run.c */
int tn_face_check(int argc, char **argv);
int tn_face_repl(int argc, char **argv);  /* repl.c */
int tn_face_help(int argc, char **argv);  /* help.c */
int tn_face_kernel(int argc, char **argv); /* kernel.c, where the kernel is built */
int tn_face_worker(int argc, char **argv); /* worker.c, where the kernel is built */
int tn_face_install(int argc, char **argv);   /* install.c; both where the kernel is built */
int tn_face_uninstall(int argc, char **argv);

struct tn_face {
	const char *name;
	const char *summary; /* one line */
	const char *help;    /* what `tenon help NAME` shows */
	tn_face_fn run;
	bool computes;       /* OpenMP's threads are used */
};
/* Ends with a row without a name. main.c */
extern const struct tn_face tn_faces[];
const struct tn_face *tn_face_find(const char *name); /* NULL: none */

/* True when argv[1] asks for help; it has been printed then. */
bool tn_face_asked_for_help(int argc, char **argv);
/* One line to stderr, with the way to help; returns TN_EXIT_USAGE. */
int tn_face_usage(const char *face, const char *format, ...) TN_PRINTF(2, 3);
void tn_face_print_help(void); /* the program's */

/* ---- OpenMP's threads: threads.c ---- */

/* The very first of main: the environment becomes what the user gave. */
void tn_threads_restore_environment(void);
/* Before a face that computes, on the executing thread: bounds how long a thread that waits for work keeps its core. */
void tn_threads_init(void);

/* ---- the terminal: terminal.c ---- */

/* Before anything else: line-buffered output, what SIGINT and SIGPIPE do. */
void tn_terminal_init(void);
/* Set by Ctrl-C. A second one that comes while the first is not answered ends the process. */
const volatile int *tn_terminal_interrupt(void);
void tn_terminal_clear_interrupt(void);
/* From now on SIGTERM and SIGHUP interrupt; who is done with what that leaves to do then dies of the signal. */
void tn_terminal_catch_terminate(void);
void tn_terminal_die_if_terminated(void);
/* print to stdout, warnings to stderr, status lines on a terminal. */
struct tn_session_output tn_terminal_output(void);
/* An error (or warning) on stderr, as LANGUAGE.md section 6 shows it. */
void tn_terminal_report(const struct tn_error *err, const char *label);
/* Warnings, errors, and how many were left out. */
void tn_terminal_report_all(const struct tn_diagnostics *diag);
/* Writes what is still buffered. False, with a line on stderr, when not all output could be written. */
bool tn_terminal_finish(void);

/* ---- notebooks: notebook.c, where the kernel is built ---- */

struct tn_notebook_cell {
	struct tn_str text;
	bool may_fail; /* tagged raises-exception: the cells behind it run all the same */
};
struct tn_notebook {
	struct tn_notebook_cell *cells; /* those that hold code, in order */
	size_t count;
};
/* Reads the file's text; `path` is for errors. The caller finishes *out, which is empty after an error. */
TN_MUST_USE bool tn_notebook_read(const char *path, const struct tn_str *text, struct tn_notebook *out, struct tn_error *err);
void tn_notebook_finish(struct tn_notebook *notebook);

/* ---- line editing: line.c ---- */

struct tn_line;
enum tn_line_result { TN_LINE_OK, TN_LINE_END, TN_LINE_CANCELLED /* Ctrl-C */, TN_LINE_FAILED };
/* NULL: out of memory. History is read from and kept in the user's state folder, when stdin is a terminal. */
TN_MUST_USE struct tn_line *tn_line_create(void);
void tn_line_destroy(struct tn_line *line); /* writes the history; accepts NULL */
bool tn_line_is_terminal(const struct tn_line *line);
/* What Tab asks: completions of `text` at its end. */
typedef bool (*tn_line_completer)(void *data, const char *text, size_t length, struct tn_completion *out, struct tn_error *err);
void tn_line_set_completer(struct tn_line *line, tn_line_completer complete, void *data);
/* Appends one line with its newline to *out; what *out holds before is the cell so far, which completion looks at too. */
TN_MUST_USE enum tn_line_result tn_line_read(struct tn_line *line, const char *prompt, struct tn_str *out);

#endif
