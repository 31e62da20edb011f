/* SPDX-License-Identifier: Apache-2.0 */
/* `tenon repl`: cells that are typed. An input goes on in the next line while the parser could still read more; a cell that
 * begins with %% ends with an empty line. What is piped in is read the same way, without prompts. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "main/main.h"

#define HOW_TO "?name shows help, %lsmagic lists commands, Ctrl-D leaves"

/* The line's own end is no empty line, which would end a cell of %%. */
static bool wants_more(const struct tn_str *text) {
	struct tn_error err = {0};
	enum tn_completeness answer;
	int indent;
	size_t length = text->length - (text->length > 0 && text->data[text->length - 1] == '\n');
	return tn_lang_is_complete(tn_str_c(text), length, &answer, &indent, &err) && answer == TN_CELL_INCOMPLETE;
}

/* Reads one cell into *text. An input that ends in its middle is a cell too: the parser says what is missing. */
static enum tn_line_result read_cell(struct tn_line *line, struct tn_str *text) {
	tn_str_clear(text);
	do {
		enum tn_line_result result = tn_line_read(line, text->length == 0 ? "tenon> " : "   ... ", text);
		if (result == TN_LINE_END && text->length > 0) {
			if (tn_line_is_terminal(line)) {
				putchar('\n'); /* the key has left the cursor behind the prompt */
			}
			return TN_LINE_OK;
		}
		if (result != TN_LINE_OK) {
			return result;
		}
	} while (wants_more(text));
	return TN_LINE_OK;
}

static bool complete(void *data, const char *text, size_t length, struct tn_completion *out, struct tn_error *err) {
	struct tn_catalog *catalog = tn_catalog_create(tn_session_lang(data), err);
	bool ok = catalog != NULL && tn_session_complete(catalog, text, length, length, out, err);
	tn_catalog_unref(catalog);
	return ok;
}

/* True of `word`, `word()`, and either with a semicolon. */
static bool is_only(const struct tn_str *text, const char *word) {
	const char *at = tn_str_c(text);
	at += strspn(at, " \t\r\n");
	if (strncmp(at, word, strlen(word)) != 0) {
		return false;
	}
	at += strlen(word);
	at += strncmp(at, "()", 2) == 0 ? 2 : 0;
	return at[strspn(at, "; \t\r\n")] == '\0';
}

enum outcome { CELL_OK, CELL_FAILED, CELL_LEAVES };

/* The words by which people leave, and ask for help, are names like others: they are taken for those where nothing has them. */
static enum outcome take_word(const struct tn_str *text, const struct tn_diagnostics *diag) {
	if (diag->errors.count == 1 && diag->errors.items[0].kind == TN_ERR_NAME) {
		if (is_only(text, "exit") || is_only(text, "quit")) {
			return CELL_LEAVES;
		}
		if (is_only(text, "help")) {
			puts(HOW_TO);
			return CELL_OK;
		}
	}
	return CELL_FAILED;
}

static enum outcome run_cell(struct tn_session *session, int64_t number, const struct tn_str *text) {
	char name[32];
	struct tn_diagnostics diag = {0};
	snprintf(name, sizeof(name), "cell %" PRId64, number);
	tn_terminal_clear_interrupt();
	bool ok = tn_session_run(session,
		&(struct tn_lang_cell){.name = name, .text = tn_str_c(text), .length = text->length, .display_last = true}, &diag);
	tn_terminal_clear_interrupt();
	enum outcome outcome = ok ? CELL_OK : take_word(text, &diag);
	if (ok || outcome == CELL_FAILED) {
		tn_terminal_report_all(&diag);
	}
	tn_diagnostics_finish(&diag);
	return outcome;
}

/* Counts the cells that failed in *failed. False: memory ran out, or stdin could not be read. */
static bool loop(struct tn_session *session, struct tn_line *line, int64_t *failed) {
	struct tn_str text = {0};
	for (int64_t number = 1;;) {
		enum tn_line_result result = read_cell(line, &text);
		if (result == TN_LINE_CANCELLED) {
			tn_terminal_clear_interrupt();
			continue;
		}
		if (result != TN_LINE_OK) {
			if (tn_line_is_terminal(line)) {
				putchar('\n');
			}
			tn_str_finish(&text);
			return result == TN_LINE_END;
		}
		if (strspn(text.data, " \t\r\n") == text.length) {
			continue;
		}
		enum outcome outcome = run_cell(session, number++, &text);
		if (outcome == CELL_LEAVES) {
			tn_str_finish(&text);
			return true;
		}
		*failed += outcome == CELL_FAILED;
	}
}

int tn_face_repl(int argc, char **argv) {
	(void)argv;
	if (argc > 1) {
		return tn_face_usage("repl", "repl takes no arguments");
	}
	struct tn_error err = {0};
	const struct tn_session_params params = {.output = tn_terminal_output(), .interrupt = tn_terminal_interrupt()};
	struct tn_session *session = tn_session_create(&params, &err);
	struct tn_line *line = tn_line_create();
	int64_t failed = 0;
	if (session == NULL || line == NULL) {
		tn_error_memory(&err); /* the first error wins */
		tn_terminal_report(&err, "error");
		tn_line_destroy(line);
		tn_session_destroy(session);
		return TN_EXIT_ERROR;
	}
	bool interactive = tn_line_is_terminal(line);
	tn_line_set_completer(line, complete, session);
	if (interactive) {
		puts("Tenon " TN_VERSION ": " HOW_TO);
	}
	bool ok = loop(session, line, &failed);
	if (!ok) {
		fputs("error: the input cannot be read\n", stderr);
	}
	tn_line_destroy(line);
	tn_session_destroy(session);
	return ok && (interactive || failed == 0) ? TN_EXIT_OK : TN_EXIT_ERROR;
}
