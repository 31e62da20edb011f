/* SPDX-License-Identifier: Apache-2.0 */
/* `tenon run` and `tenon check`: a file is one cell of a session that lives as long as the command; a notebook is as many as it
 * has, run in order up to the first error. */
#include <stdio.h>
#include <string.h>

#include "main/main.h"

/* What the command line asks for. */
struct job {
	const char *name;     /* as errors show it */
	struct tn_str text;
	struct tn_notebook notebook; /* what is run instead of `text` where is_notebook */
	bool is_notebook;
	const char *const *args;
	int arg_count;
	bool is_expression;   /* -e: its last value is shown */
	bool check_only;
};

static bool ends_with(const char *text, const char *end) {
	size_t length = strlen(text), end_length = strlen(end);
	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* Takes the notebook in job->text apart. */
static bool take_notebook(const char *path, struct job *job, struct tn_error *err) {
	if (job->check_only) {
		tn_error_set(err, TN_ERR_IO, "'%s' is a notebook: its cells build on what ran before them, so it can only be run", path);
		return false;
	}
#ifdef TN_HAVE_KERNEL
	job->is_notebook = true;
	return tn_notebook_read(path, &job->text, &job->notebook, err);
#else
	tn_error_set(err, TN_ERR_IO, "'%s' is a notebook: this tenon was built without the Jupyter kernel and runs programs only", path);
	tn_error_hint(err, "save its cells as a .tn file, or build with libjansson-dev installed");
	return false;
#endif
}

/* A program that can be executed names its interpreter in its first line: to the language that line is a comment. */
static void comment_out_interpreter(struct tn_str *text) {
	if (text->length >= 2 && memcmp(text->data, "#!", 2) == 0) {
		memcpy(text->data, "//", 2);
	}
}

/* The exit status: TN_EXIT_OK where *job holds the program. */
static int read_program(const char *path, struct job *job) {
	struct tn_error err = {0};
	if (tn_session_read_file(path, &job->text, &err) && (!ends_with(path, ".ipynb") || take_notebook(path, job, &err))) {
		comment_out_interpreter(&job->text);
		job->name = strcmp(path, "-") == 0 ? "stdin" : path;
		return TN_EXIT_OK;
	}
	if (*tn_terminal_interrupt() != 0) {
		tn_error_clear(&err);
		tn_error_set(&err, TN_ERR_INTERRUPTED, "interrupted while reading the program");
	}
	tn_terminal_report(&err, "error");
	return err.kind == TN_ERR_INTERRUPTED ? TN_EXIT_INTERRUPTED : TN_EXIT_ERROR;
}

static void finish_job(struct job *job) {
	tn_str_finish(&job->text);
#ifdef TN_HAVE_KERNEL
	tn_notebook_finish(&job->notebook);
#endif
}

static int run_cell(struct tn_session *session, const struct tn_lang_cell *cell) {
	struct tn_diagnostics diag = {0};
	int status = TN_EXIT_OK;
	if (!tn_session_run(session, cell, &diag)) {
		status = tn_session_was_interrupted(&diag) ? TN_EXIT_INTERRUPTED : TN_EXIT_ERROR;
	}
	tn_terminal_report_all(&diag);
	tn_diagnostics_finish(&diag);
	return status;
}

static int run_cells(struct tn_session *session, const struct tn_notebook *notebook) {
	for (size_t i = 0; i < notebook->count; i++) {
		const struct tn_notebook_cell *from = &notebook->cells[i];
		char name[32];
		snprintf(name, sizeof(name), "cell %zu", i + 1);
		const struct tn_lang_cell cell = {
			.name = name, .text = tn_str_c(&from->text), .length = from->text.length, .display_last = true,
		};
		int status = run_cell(session, &cell);
		if (status != TN_EXIT_OK && !(status == TN_EXIT_ERROR && from->may_fail)) {
			return status;
		}
	}
	return TN_EXIT_OK;
}

static int run_in_session(struct tn_session *session, const struct job *job) {
	const struct tn_lang_cell cell = {
		.name = job->name,
		.text = tn_str_c(&job->text),
		.length = job->text.length,
		.display_last = job->is_expression,
		.check_only = job->check_only,
	};
	return job->is_notebook ? run_cells(session, &job->notebook) : run_cell(session, &cell);
}

static int run_job(const struct job *job) {
	struct tn_error err = {0};
	const struct tn_session_params params = {
		.output = tn_terminal_output(),
		.interrupt = tn_terminal_interrupt(),
		.args = job->args,
		.arg_count = job->arg_count,
	};
	struct tn_session *session = tn_session_create(&params, &err);
	if (session == NULL) {
		tn_terminal_report(&err, "error");
		return TN_EXIT_ERROR;
	}
	tn_terminal_catch_terminate();
	int status = run_in_session(session, job);
	tn_session_destroy(session);
	tn_terminal_die_if_terminated();
	return status;
}

int tn_face_run(int argc, char **argv) {
	struct job job = {0};
	int at = 1;
	if (at < argc && strcmp(argv[at], "-e") == 0) {
		if (++at == argc) {
			return tn_face_usage("run", "-e takes code to run");
		}
		job.name = "-e";
		job.is_expression = true;
		if (!tn_str_append(&job.text, argv[at])) {
			fputs("error: out of memory\n", stderr);
			return TN_EXIT_ERROR;
		}
	} else {
		if (at < argc && strcmp(argv[at], "--") == 0) {
			at++;
		} else if (at < argc && argv[at][0] == '-' && argv[at][1] != '\0') {
			return tn_face_usage("run", "'%s' is no option of run", argv[at]);
		}
		if (at == argc) {
			return tn_face_usage("run", "run takes a file");
		}
		int status = read_program(argv[at], &job);
		if (status != TN_EXIT_OK) {
			finish_job(&job);
			return status;
		}
	}
	job.args = (const char *const *)argv + at + 1;
	job.arg_count = argc - at - 1;
	int status = run_job(&job);
	finish_job(&job);
	return status;
}

int tn_face_check(int argc, char **argv) {
	int status = TN_EXIT_OK;
	int at = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
	if (at == argc) {
		return tn_face_usage("check", "check takes a file");
	}
	if (at == 1 && argv[1][0] == '-' && argv[1][1] != '\0') {
		return tn_face_usage("check", "'%s' is no option of check", argv[1]);
	}
	for (; at < argc; at++) {
		struct job job = {.check_only = true};
		int one = read_program(argv[at], &job);
		one = one == TN_EXIT_OK ? run_job(&job) : one;
		status = one > status ? one : status;
		finish_job(&job);
		if (one == TN_EXIT_INTERRUPTED) {
			break;
		}
	}
	return status;
}
