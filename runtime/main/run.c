/* SPDX-License-Identifier: Apache-2.0 */
/* `tenon run` and `tenon check`: a file is one cell of a session that lives as long as the command, or as many as the lines `// %%` in it
 * separate; a notebook is as many as it has. Cells run in order up to the first error. */
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

/* ---- a file of several cells ---- */

static size_t line_end(const struct tn_str *text, size_t at) {
	const char *feed = at >= text->length ? NULL : memchr(text->data + at, '\n', text->length - at);
	return feed == NULL ? text->length : (size_t)(feed - text->data) + 1;
}

static bool is_blank(const char *text, size_t length) {
	for (size_t i = 0; i < length; i++) {
		if (strchr(" \t\r\n", text[i]) == NULL) {
			return false;
		}
	}
	return true;
}

static bool has_separator(const struct tn_str *text) {
	for (size_t at = 0, end; at < text->length; at = end) {
		end = line_end(text, at);
		if (tn_lang_is_separator(text->data + at, end - at - (text->data[end - 1] == '\n'))) {
			return true;
		}
	}
	return false;
}

static enum tn_completeness completeness(const char *text, size_t length) {
	enum tn_completeness answer = TN_CELL_INVALID;
	struct tn_error err = {0};
	int indent;
	return tn_lang_is_complete(text, length, &answer, &indent, &err) ? answer : TN_CELL_INVALID;
}

/* The end of the cell that begins at `at`: before the next separator; or, where `lines` is set, behind the first empty line by which the
 * text is whole: `jupyter nbconvert --to script` writes cells with nothing but an empty line between them. */
static size_t part_end(const struct tn_str *text, size_t at, bool lines) {
	size_t begin = at;
	for (size_t end = line_end(text, at); at < text->length; at = end, end = line_end(text, at)) {
		size_t length = end - at - (text->data[end - 1] == '\n');
		if (!lines && at > begin && tn_lang_is_separator(text->data + at, length)) {
			return at;
		}
		if (lines && is_blank(text->data + at, length) && completeness(text->data + begin, at - begin) == TN_CELL_COMPLETE) {
			return end;
		}
	}
	return text->length;
}

/* Only a file that is no program as a whole is looked at for cells between empty lines, and only if every part of it is one then. */
static bool has_exported_cells(const struct tn_str *text) {
	if (text->length > 64 << 10 || completeness(tn_str_c(text), text->length) == TN_CELL_COMPLETE) {
		return false;
	}
	for (size_t at = 0, end; at < text->length; at = end) {
		end = part_end(text, at, true);
		if (completeness(text->data + at, end - at) != TN_CELL_COMPLETE) {
			return false;
		}
	}
	return true;
}

/* Each part with an empty line in place of every line before it, so that errors show the lines of the file. */
static int run_parts(struct tn_session *session, const struct job *job, bool lines) {
	int status = TN_EXIT_OK;
	size_t before = 0;
	for (size_t at = 0, end; at < job->text.length && status == TN_EXIT_OK; at = end) {
		struct tn_str part = {0};
		end = part_end(&job->text, at, lines);
		bool ok = true;
		for (size_t i = 0; i < before && ok; i++) {
			ok = tn_str_append_n(&part, "\n", 1);
		}
		if (!ok || !tn_str_append_n(&part, job->text.data + at, end - at)) {
			fputs("error: out of memory\n", stderr);
			status = TN_EXIT_ERROR;
		} else if (!is_blank(job->text.data + at, end - at)) {
			const struct tn_lang_cell cell = {.name = job->name, .text = tn_str_c(&part), .length = part.length};
			status = run_cell(session, &cell);
		}
		for (size_t i = at; i < end; i++) {
			before += job->text.data[i] == '\n';
		}
		tn_str_finish(&part);
	}
	return status;
}

static int run_in_session(struct tn_session *session, const struct job *job) {
	const struct tn_lang_cell cell = {
		.name = job->name,
		.text = tn_str_c(&job->text),
		.length = job->text.length,
		.display_last = job->is_expression,
		.check_only = job->check_only,
	};
	if (job->is_notebook) {
		return run_cells(session, &job->notebook);
	}
	bool parts = !job->is_expression && !job->check_only && has_separator(&job->text);
	bool lines = !parts && !job->is_expression && !job->check_only && has_exported_cells(&job->text);
	return parts || lines ? run_parts(session, job, lines) : run_cell(session, &cell);
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
