/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a session and runs its cells. The commands at the beginning of a cell are run here, before the language sees the
 * rest: they may define or forget names that the rest is checked against. Their lines are handed on as blanks, so that every
 * position in an error is that of the cell. */
#include "session/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cpu/cpu.h"
#include "events/events.h"
#include "io/io.h"
#include "session/command.h"
#include "session/show.h"

/* A %run that runs itself must end in words, long before the C stack does. */
enum { MAX_DEPTH = 32 };

static bool callback_command(void *data, const char *line, struct tn_error *err) {
	struct tn_session *session = data;
	return tn_command_run(session, line, err);
}

/* The language hands `data` of the output on to each callback, and `command` must reach the session: these pass on to the
 * face's own. */
static void callback_text(void *data, const char *bytes, size_t length) {
	const struct tn_session *session = data;
	tn_show_flush(session, false);
	session->output.text(session->output.data, bytes, length);
}

static void callback_warning(void *data, const struct tn_error *warning) {
	const struct tn_session *session = data;
	session->output.warning(session->output.data, warning);
}

static bool create_engine(struct tn_session *session, struct tn_error *err) {
	struct tn_backend *backend = tn_cpu_backend_create(&(struct tn_cpu_params){0}, err);
	if (backend == NULL) {
		return false;
	}
	const struct tn_engine_params params = {
		.backend = backend,
		.hooks = tn_lang_hooks(&session->lang),
		.interrupt = session->interrupt,
	};
	session->engine = tn_engine_create(&params, err);
	return session->engine != NULL;
}

struct tn_session *tn_session_create(const struct tn_session_params *params, struct tn_error *err) {
	struct tn_session *session = tn_calloc(1, sizeof(*session));
	if (session == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	session->output = params->output;
	session->interrupt = params->interrupt;
	session->places = tn_show_places_create();
	if (session->places == NULL) {
		tn_error_memory(err);
		goto fail;
	}
	if (!create_engine(session, err)) {
		goto fail;
	}
	const struct tn_lang_params lang = {
		.engine = session->engine,
		.output = {
			.data = session,
			.text = params->output.text != NULL ? callback_text : NULL,
			.display = params->output.show != NULL ? tn_session_display : NULL,
			.warning = params->output.warning != NULL ? callback_warning : NULL,
			.progress = tn_session_progress,
			.command = callback_command,
		},
		.interrupt = params->interrupt,
		.args = params->args,
		.arg_count = params->arg_count,
	};
	session->lang = tn_lang_create(&lang, err);
	if (session->lang == NULL || !tn_io_register(session->lang, err) || !tn_show_register(session->lang, err) || !tn_input_register(session->lang, err)) {
		goto fail;
	}
	session->runs = tn_runs_create(session->lang, err);
	if (session->runs == NULL) {
		goto fail;
	}
	return session;
fail:
	tn_session_destroy(session);
	return NULL;
}

void tn_session_destroy(struct tn_session *session) {
	if (session == NULL) {
		return;
	}
	tn_board_stop(session);
	tn_runs_close(session->runs);
	if (session->lang != NULL) {
		tn_lang_destroy(session->lang);
	}
	tn_runs_destroy(session->runs);
	if (session->engine != NULL) {
		tn_engine_destroy(session->engine);
	}
	tn_show_places_destroy(session->places);
	tn_free(session);
}

struct tn_lang *tn_session_lang(struct tn_session *session) { return session->lang; }
struct tn_engine *tn_session_engine(struct tn_session *session) { return session->engine; }

bool tn_session_was_interrupted(const struct tn_diagnostics *diag) {
	for (size_t i = 0; i < diag->errors.count; i++) {
		if (diag->errors.items[i].kind == TN_ERR_INTERRUPTED) {
			return true;
		}
	}
	return false;
}

/* ---- commands before the statements ---- */

/* The offset of the first thing at or after `at` that is neither white space nor a comment; `line_start` is where its line
 * begins. A comment that never ends is left to the parser's words. */
static size_t skip_blank(const char *text, size_t length, size_t at) {
	while (at < length) {
		if (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n' || text[at] == '\f') {
			at++;
		} else if (at + 1 < length && text[at] == '/' && text[at + 1] == '/') {
			const char *end = memchr(text + at, '\n', length - at);
			at = end == NULL ? length : (size_t)(end - text);
		} else if (at + 1 < length && text[at] == '/' && text[at + 1] == '*') {
			const char *end = memmem(text + at + 2, length - at - 2, "*/", 2);
			if (end == NULL) {
				return at;
			}
			at = (size_t)(end - text) + 2;
		} else {
			return at;
		}
	}
	return length;
}

static bool is_name_char(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

/* Whether the line at `text` is a command: % ! ? in its first column, or a dotted name with ? or ?? directly behind it. */
static bool is_command(const char *text, size_t length) {
	if (length == 0) {
		return false;
	}
	if (text[0] == '%' || text[0] == '!' || text[0] == '?') {
		return true;
	}
	size_t i = 0;
	while (i < length && is_name_char(text[i])) {
		i++;
	}
	if (i == 0 || i == length || text[i] != '?') {
		return false;
	}
	i += i + 1 < length && text[i + 1] == '?' ? 2 : 1;
	while (i < length && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r')) {
		i++;
	}
	return i == length;
}

/* An error of a command belongs to its line. Adds it to diag unless it is there already. */
static void report_command(const struct tn_lang_cell *cell, size_t begin, size_t end, struct tn_diagnostics *diag,
	struct tn_error *err) {
	if (!tn_error_is_set(err)) {
		return;
	}
	struct tn_error ignored = {0};
	struct tn_source *source = err->place.line != 0 ? NULL : tn_source_create(cell->name, cell->text, cell->length, &ignored);
	if (source != NULL) {
		tn_error_locate(err, (struct tn_span){source, (uint32_t)begin, (uint32_t)begin, (uint32_t)end});
		tn_source_unref(source);
	}
	if (!TN_VEC_PUSH(&diag->errors, *err)) {
		diag->left_out++;
	}
}

static bool run_command_text(struct tn_session *session, const struct tn_lang_cell *cell, size_t begin, size_t end,
	struct tn_diagnostics *diag) {
	struct tn_error err = {0};
	char *text = tn_strndup(cell->text + begin, end - begin);
	bool ok = text != NULL ? tn_command_run(session, text, &err) : tn_error_memory(&err);
	if (!ok) {
		const char *newline = memchr(cell->text + begin, '\n', end - begin);
		report_command(cell, begin, newline == NULL ? end : (size_t)(newline - cell->text), diag, &err);
	}
	tn_free(text);
	return ok;
}

/* Runs the commands before the first statement; *rest is where that statement's line begins. */
static bool run_leading_commands(struct tn_session *session, const struct tn_lang_cell *cell, size_t *rest,
	struct tn_diagnostics *diag) {
	size_t at = 0;
	*rest = 0;
	while ((at = skip_blank(cell->text, cell->length, at)) < cell->length) {
		const char *newline = memchr(cell->text + at, '\n', cell->length - at);
		size_t end = newline == NULL ? cell->length : (size_t)(newline - cell->text);
		bool first_column = at == 0 || cell->text[at - 1] == '\n';
		if (!first_column || !is_command(cell->text + at, end - at)) {
			return true;
		}
		if (end - at > 2 && memcmp(cell->text + at, "%%", 2) == 0) {
			*rest = cell->length;
			return run_command_text(session, cell, at, cell->length, diag);
		}
		if (!run_command_text(session, cell, at, end, diag)) {
			return false;
		}
		at = *rest = end;
	}
	return true;
}

static bool run_statements(struct tn_session *session, const struct tn_lang_cell *cell, struct tn_diagnostics *diag) {
	bool before = session->in_statements;
	session->in_statements = true;
	bool ok = tn_lang_run(session->lang, cell, diag);
	session->in_statements = before;
	return ok;
}

static bool memory_ran_out(struct tn_diagnostics *diag) {
	struct tn_error err = {0};
	tn_error_memory(&err);
	if (!TN_VEC_PUSH(&diag->errors, err)) {
		diag->left_out++;
	}
	return false;
}

/* The cell with everything before `rest` but line ends blanked. */
static bool run_rest(struct tn_session *session, const struct tn_lang_cell *cell, size_t rest, struct tn_diagnostics *diag) {
	if (rest == 0) {
		return run_statements(session, cell, diag);
	}
	if (skip_blank(cell->text, cell->length, rest) >= cell->length) {
		return true;
	}
	char *text = tn_alloc(cell->length + 1);
	if (text == NULL) {
		return memory_ran_out(diag);
	}
	memcpy(text, cell->text, cell->length);
	text[cell->length] = '\0';
	for (size_t i = 0; i < rest; i++) {
		if (text[i] != '\n') {
			text[i] = ' ';
		}
	}
	struct tn_lang_cell blanked = *cell;
	blanked.text = text;
	bool ok = run_statements(session, &blanked, diag);
	tn_free(text);
	return ok;
}

static enum tn_runs_outcome outcome_of(bool ok, const struct tn_diagnostics *diag) {
	return ok ? TN_RUNS_OK : tn_session_was_interrupted(diag) ? TN_RUNS_INTERRUPTED : TN_RUNS_FAILED;
}

bool tn_session_run(struct tn_session *session, const struct tn_lang_cell *cell, struct tn_diagnostics *diag) {
	struct tn_diagnostics *outer = session->diag;
	bool in_statements = session->in_statements;
	size_t rest = 0;
	if (outer == NULL) {
		tn_show_places_next_cell(session->places);
	}
	if (outer == NULL && !cell->check_only) {
		tn_runs_begin_cell(session->runs, cell);
	}
	session->diag = diag;
	session->in_statements = false;
	bool ok = (cell->check_only || run_leading_commands(session, cell, &rest, diag)) && run_rest(session, cell, rest, diag);
	session->diag = outer;
	if (outer == NULL) {
		tn_show_flush(session, true);
	}
	if (outer == NULL && !cell->check_only) {
		tn_runs_end_cell(session->runs, outcome_of(ok, diag));
	}
	session->in_statements = in_statements;
	return ok;
}

/* ---- for the commands ---- */

bool tn_session_run_text(struct tn_session *session, const struct tn_lang_cell *cell, struct tn_error *err) {
	if (session->depth >= MAX_DEPTH) {
		return tn_error_set(err, TN_ERR_RECURSION, "commands run each other more than %d deep", MAX_DEPTH);
	}
	struct tn_diagnostics *outer = session->diag;
	struct tn_diagnostics diag = {0};
	session->depth++;
	bool ok = tn_session_run(session, cell, &diag);
	session->depth--;
	for (size_t i = 0; i < diag.warnings.count && session->output.warning != NULL; i++) {
		session->output.warning(session->output.data, &diag.warnings.items[i]);
	}
	if (!ok && diag.errors.count == 0) {
		tn_error_memory(err);
	} else if (!ok) {
		/* The caller reports `err`; what goes beyond the first error joins the outer cell's. */
		*err = diag.errors.items[0];
		for (size_t i = 1; i < diag.errors.count && outer != NULL; i++) {
			if (!TN_VEC_PUSH(&outer->errors, diag.errors.items[i])) {
				outer->left_out++;
			}
		}
	}
	tn_diagnostics_finish(&diag);
	return ok;
}

void tn_session_print(const struct tn_session *session, const char *text) {
	if (session->output.text != NULL) {
		session->output.text(session->output.data, text, strlen(text));
	}
}

void tn_session_page(const struct tn_session *session, const char *text) {
	if (session->output.page != NULL) {
		session->output.page(session->output.data, text);
	} else {
		tn_session_print(session, text);
	}
}

bool tn_session_printf(const struct tn_session *session, struct tn_error *err, const char *format, ...) {
	struct tn_str text = {0};
	va_list args;
	va_start(args, format);
	bool ok = tn_str_vprintf(&text, format, args);
	va_end(args);
	if (ok) {
		tn_session_print(session, tn_str_c(&text));
	} else {
		tn_error_memory(err);
	}
	tn_str_finish(&text);
	return ok;
}

static bool read_stream(FILE *file, const char *path, struct tn_str *out, struct tn_error *err) {
	enum { CHUNK = 65536 };
	for (;;) {
		if (!tn_str_reserve(out, CHUNK)) {
			return tn_error_memory(err);
		}
		size_t got = fread(out->data + out->length, 1, CHUNK, file);
		out->length += got;
		out->data[out->length] = '\0';
		if (out->length > INT32_MAX) {
			return tn_error_set(err, TN_ERR_IO, "'%s' is larger than 2 GiB: no program is", path);
		}
		if (got < CHUNK) {
			return !ferror(file) || tn_error_errno(err, "cannot read '%s'", path);
		}
	}
}

bool tn_session_read_file(const char *path, struct tn_str *out, struct tn_error *err) {
	if (strcmp(path, "-") == 0) {
		return read_stream(stdin, "standard input", out, err);
	}
	struct stat info;
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		return tn_error_errno(err, "cannot open '%s'", path);
	}
	bool ok;
	if (fstat(fileno(file), &info) == 0 && S_ISDIR(info.st_mode)) {
		ok = tn_error_set(err, TN_ERR_IO, "'%s' is a folder, not a program", path);
	} else {
		ok = read_stream(file, path, out, err);
	}
	fclose(file);
	return ok;
}
