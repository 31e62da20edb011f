/* SPDX-License-Identifier: Apache-2.0 */
/* Lines from the user: by libedit, with history, completion and editing, where it is built in and stdin is a terminal; else as
 * they come. While a line is edited the terminal sends no signals: Ctrl-C is a key that drops the line. */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "main/main.h"

#ifdef TN_HAVE_LIBEDIT
#include <histedit.h>
#endif

enum { HISTORY_LINES = 2000 };

struct tn_line {
	bool is_terminal;
#ifdef TN_HAVE_LIBEDIT
	EditLine *edit;
	History *history;
	const char *prompt;
	const struct tn_str *cell; /* the lines before this one */
	tn_line_completer complete;
	void *complete_data;
	char *path;     /* of the history, NULL: not kept */
	bool cancelled; /* the line that is read was dropped by Ctrl-C */
#endif
};

bool tn_line_is_terminal(const struct tn_line *line) {
	return line->is_terminal;
}

/* Shows the prompt and waits for a line on the terminal. SIGINT is let in by the wait alone, so that one between the prompt and
 * the read is not lost. False: interrupted. */
static bool prompt_and_wait(const char *prompt) {
	sigset_t interrupts, before;
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	sigemptyset(&interrupts);
	sigaddset(&interrupts, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupts, &before);
	fputs(prompt, stdout);
	fflush(stdout);
	bool interrupted = ppoll(&input, 1, NULL, &before) < 0 && errno == EINTR && *tn_terminal_interrupt() != 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return !interrupted;
}

static enum tn_line_result read_plain(const struct tn_line *line, const char *prompt, struct tn_str *out) {
	char *text = NULL;
	size_t capacity = 0;
	if (line->is_terminal && !prompt_and_wait(prompt)) {
		putchar('\n');
		return TN_LINE_CANCELLED;
	}
	errno = 0;
	ssize_t length = getline(&text, &capacity, stdin);
	enum tn_line_result result = TN_LINE_OK;
	if (length < 0 && errno == EINTR) {
		clearerr(stdin);
		result = TN_LINE_CANCELLED;
		putchar('\n');
	} else if (length < 0) {
		result = feof(stdin) ? TN_LINE_END : TN_LINE_FAILED;
		if (line->is_terminal) {
			clearerr(stdin); /* Ctrl-D in the middle of a cell ends the cell: the terminal goes on */
		}
	} else if (!tn_str_append_n(out, text, (size_t)length) || (text[length - 1] != '\n' && !tn_str_append(out, "\n"))) {
		result = TN_LINE_FAILED;
	}
	free(text); /* getline's */
	return result;
}

#ifdef TN_HAVE_LIBEDIT

static char *edit_prompt(EditLine *edit) {
	struct tn_line *line = NULL;
	el_get(edit, EL_CLIENTDATA, (void *)&line);
	return (char *)line->prompt;
}

static unsigned char edit_cancel(EditLine *edit, wint_t key) {
	(void)key;
	struct tn_line *line = NULL;
	el_get(edit, EL_CLIENTDATA, (void *)&line);
	line->cancelled = true;
	return CC_NEWLINE;
}

/* ---- Tab ---- */

/* What all matches that go on from the prefix as it is written have in common; 0 where there is none. */
static size_t common_length(const struct tn_completion *c, const char *prefix, size_t length, const char **text) {
	size_t common = 0;
	*text = NULL;
	for (size_t i = 0; i < c->items.count; i++) {
		const char *match = c->items.items[i].text;
		if (strncmp(match, prefix, length) != 0) {
			continue; /* in another case */
		}
		if (*text == NULL) {
			*text = match;
			common = strlen(match);
		}
		size_t same = 0;
		while (same < common && match[same] == (*text)[same]) {
			same++;
		}
		common = same;
	}
	while (common > 0 && *text != NULL && ((unsigned char)(*text)[common] & 0xc0) == 0x80) {
		common--; /* no half of a character */
	}
	return common;
}

/* In columns under the line, as many as a screen holds. */
static void list_matches(const struct tn_completion *c) {
	enum { MOST = 120, WIDTH = 76 };
	size_t width = 1, shown = c->items.count < MOST ? c->items.count : MOST;
	for (size_t i = 0; i < shown; i++) {
		size_t w = tn_utf8_width(c->items.items[i].text, strlen(c->items.items[i].text)) + 2;
		width = w > width ? w : width;
	}
	size_t columns = WIDTH / width > 0 ? WIDTH / width : 1;
	for (size_t i = 0; i < shown; i++) {
		const char *text = c->items.items[i].text;
		size_t w = tn_utf8_width(text, strlen(text));
		printf("%s%s%*s", i % columns == 0 ? "\r\n" : "", text, (int)(width - w), "");
	}
	if (shown < c->items.count) {
		printf("\r\n… and %zu more", c->items.count - shown);
	}
	fputs("\r\n", stdout);
	fflush(stdout);
}

/* Puts in what is certain, else shows what there is. */
static unsigned char apply(EditLine *edit, const struct tn_completion *c, const char *text) {
	const char *match;
	size_t length = c->end - c->begin, common = common_length(c, text + c->begin, length, &match);
	if (common > length) {
		char *rest = tn_strndup(match + length, common - length);
		bool ok = rest != NULL && el_insertstr(edit, rest) == 0;
		tn_free(rest);
		return ok ? CC_REFRESH : CC_ERROR;
	}
	if (c->items.count == 0 || (c->items.count == 1 && match != NULL)) {
		return CC_ERROR; /* nothing to add: a beep */
	}
	list_matches(c);
	return CC_REDISPLAY;
}

static unsigned char edit_complete(EditLine *edit, wint_t key) {
	(void)key;
	struct tn_line *line = NULL;
	struct tn_error err = {0};
	struct tn_completion found = {0};
	struct tn_str text = {0};
	unsigned char result = CC_ERROR;
	el_get(edit, EL_CLIENTDATA, (void *)&line);
	const LineInfo *info = el_line(edit);
	const char *first = info->buffer;
	while (first < info->cursor && (*first == ' ' || *first == '\t')) {
		first++;
	}
	if (first == info->cursor) {
		return el_insertstr(edit, "    ") == 0 ? CC_REFRESH : CC_ERROR; /* an indent, as text that is pasted in has it */
	}
	bool ok = line->complete != NULL && tn_str_append_n(&text, tn_str_c(line->cell), line->cell->length) &&
		tn_str_append_n(&text, info->buffer, (size_t)(info->cursor - info->buffer)) &&
		line->complete(line->complete_data, tn_str_c(&text), text.length, &found, &err);
	if (ok) {
		result = apply(edit, &found, tn_str_c(&text));
	}
	tn_completion_finish(&found);
	tn_str_finish(&text);
	return result;
}

/* ---- history ---- */

static char *history_path(void) {
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	struct tn_str path = {0};
	bool ok;
	if (state != NULL && state[0] == '/') {
		ok = tn_str_printf(&path, "%s/tenon/history", state);
	} else {
		ok = home != NULL && home[0] == '/' && tn_str_printf(&path, "%s/.local/state/tenon/history", home);
	}
	if (!ok) {
		tn_str_finish(&path);
		return NULL;
	}
	return tn_str_steal(&path);
}

static void open_history(struct tn_line *line) {
	HistEvent event;
	line->history = history_init();
	if (line->history == NULL) {
		return;
	}
	history(line->history, &event, H_SETSIZE, HISTORY_LINES);
	history(line->history, &event, H_SETUNIQUE, 1);
	el_set(line->edit, EL_HIST, history, line->history);
	line->path = history_path();
	if (line->path != NULL) {
		tn_folder_make_parents(line->path, 0700, NULL);
		history(line->history, &event, H_LOAD, line->path);
	}
}

/* Written beside and renamed, so that a full disk or a second session leaves a whole file; 0600, as it may hold secrets. */
static void save_history(const struct tn_line *line) {
	HistEvent event;
	struct tn_str temporary = {0};
	if (line->path != NULL && tn_str_printf(&temporary, "%s.%ld", line->path, (long)getpid())) {
		mode_t before = umask(077);
		if (history(line->history, &event, H_SAVE, tn_str_c(&temporary)) < 0 || rename(tn_str_c(&temporary), line->path) != 0) {
			unlink(tn_str_c(&temporary));
		}
		umask(before);
	}
	tn_str_finish(&temporary);
}

static void open_editor(struct tn_line *line) {
	setlocale(LC_CTYPE, ""); /* libedit reads UTF-8 by it; numbers stay those of the C locale */
	line->edit = el_init("tenon", stdin, stdout, stderr);
	if (line->edit == NULL) {
		return;
	}
	el_set(line->edit, EL_CLIENTDATA, line);
	el_set(line->edit, EL_PROMPT, edit_prompt);
	el_set(line->edit, EL_EDITOR, "emacs");
	el_set(line->edit, EL_SETTY, "-d", "-isig", NULL);
	el_wset(line->edit, EL_ADDFN, L"tenon-cancel", L"drops the line", edit_cancel); /* el_set would leak copies of both */
	el_wset(line->edit, EL_ADDFN, L"tenon-complete", L"completes the name", edit_complete);
	el_set(line->edit, EL_BIND, "^I", "tenon-complete", NULL);
	el_set(line->edit, EL_BIND, "^C", "tenon-cancel", NULL);
	open_history(line);
	el_source(line->edit, NULL); /* the user's ~/.editrc */
}

static enum tn_line_result read_edited(struct tn_line *line, const char *prompt, struct tn_str *out) {
	int length = 0;
	HistEvent event;
	line->prompt = prompt;
	line->cell = out;
	line->cancelled = false;
	errno = 0;
	el_set(line->edit, EL_PREP_TERM, 1); /* before the prompt shows: from there on Ctrl-C is a key */
	const char *text = el_gets(line->edit, &length);
	if (line->cancelled || (text == NULL && errno == EINTR)) {
		if (!line->cancelled) {
			putchar('\n');
		}
		return TN_LINE_CANCELLED;
	}
	if (text == NULL || length <= 0) {
		return TN_LINE_END;
	}
	if (line->history != NULL && strspn(text, " \t\r\n") < (size_t)length) {
		history(line->history, &event, H_ENTER, text);
	}
	bool whole = text[length - 1] == '\n';
	return tn_str_append_n(out, text, (size_t)length) && (whole || tn_str_append(out, "\n")) ? TN_LINE_OK : TN_LINE_FAILED;
}

struct tn_line *tn_line_create(void) {
	struct tn_line *line = tn_calloc(1, sizeof(*line));
	if (line != NULL) {
		line->is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
		if (line->is_terminal) {
			open_editor(line);
		}
	}
	return line;
}

void tn_line_destroy(struct tn_line *line) {
	if (line == NULL) {
		return;
	}
	if (line->history != NULL) {
		save_history(line);
		history_end(line->history);
	}
	if (line->edit != NULL) {
		el_end(line->edit);
	}
	tn_free(line->path);
	tn_free(line);
}

enum tn_line_result tn_line_read(struct tn_line *line, const char *prompt, struct tn_str *out) {
	return line->edit != NULL ? read_edited(line, prompt, out) : read_plain(line, prompt, out);
}

void tn_line_set_completer(struct tn_line *line, tn_line_completer complete, void *data) {
	line->complete = complete;
	line->complete_data = data;
}

#else

void tn_line_set_completer(struct tn_line *line, tn_line_completer complete, void *data) {
	(void)line;
	(void)complete;
	(void)data;
}

struct tn_line *tn_line_create(void) {
	struct tn_line *line = tn_calloc(1, sizeof(*line));
	if (line != NULL) {
		line->is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	}
	return line;
}

void tn_line_destroy(struct tn_line *line) {
	tn_free(line);
}

enum tn_line_result tn_line_read(struct tn_line *line, const char *prompt, struct tn_str *out) {
	return read_plain(line, prompt, out);
}

#endif
