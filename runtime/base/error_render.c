/* SPDX-License-Identifier: Apache-2.0 */
/* An error as a person reads it: what happened, the place with the source line and a mark under it, details, calls,
 * hint. Columns are those of the screen: tabs are expanded and wide characters count two, so that the mark is right.
 *
 *     error: TEXT                        w = width of the line number
 *       --> WHERE, line N                w + 1 blanks
 *        |                               w + 2 blanks
 *      N |     source line
 *        |     ~~^~~
 *        = DETAIL
 *        = called from WHERE, line N: source
 *        = hint: HINT
 *
 * What fails inside the library is shown at the user's own line that called it, and the library's lines are named below:
 *
 *        = in lib/layers.tn, line N: source */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { TAB_WIDTH = 4 };

struct renderer {
	struct tn_str *out;
	bool color, ok;
	size_t number_width;
};

static const char bold[] = "\033[1m", red[] = "\033[31m", yellow[] = "\033[1;33m", blue[] = "\033[34m", cyan[] = "\033[36m";

static void put(struct renderer *r, const char *text) {
	r->ok = r->ok && tn_str_append(r->out, text);
}

static void put_n(struct renderer *r, const char *text, size_t length) {
	r->ok = r->ok && tn_str_append_n(r->out, text, length);
}

static void fill(struct renderer *r, char c, size_t count) {
	r->ok = r->ok && tn_str_append_fill(r->out, c, count);
}

static void put_styled(struct renderer *r, const char *style, const char *text) {
	if (r->color) {
		put(r, style);
	}
	put(r, text);
	if (r->color) {
		put(r, "\033[0m");
	}
}

/* Lines after the first are indented by `indent`. A text may quote what a user's file or string holds: control characters,
 * which a terminal would obey, are shown as '?'. */
static void put_text(struct renderer *r, const char *text, size_t indent) {
	static const char controls[] = "\001\002\003\004\005\006\007\010\011\012\013\014\015\016\017\020\021\022\023\024\025\026"
				       "\027\030\031\032\033\034\035\036\037\177";
	for (;;) {
		size_t length = strcspn(text, controls);
		put_n(r, text, length);
		if (text[length] == '\0') {
			return;
		}
		if (text[length] == '\n') {
			put(r, "\n");
			fill(r, ' ', indent);
		} else {
			put(r, text[length] == '\t' ? " " : "?");
		}
		text += length + 1;
	}
}

static void put_place(struct renderer *r, const struct tn_error_place *place) {
	put(r, place->where);
	if (place->line > 0) {
		char number[32];
		snprintf(number, sizeof(number), ", line %u", place->line);
		put(r, number);
	}
}

/* The screen column of byte `offset`, tabs expanded. */
static size_t column_of(const char *text, size_t offset) {
	size_t column = 0, from = 0, length = strlen(text);
	offset = offset < length ? offset : length;
	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\t') {
			column += tn_utf8_width(text + from, i - from);
			column += TAB_WIDTH - column % TAB_WIDTH;
			from = i + 1;
		}
	}
	return column + tn_utf8_width(text + from, offset - from);
}

static void put_source(struct renderer *r, const char *text) {
	size_t column = 0;
	while (*text != '\0') {
		size_t length = strcspn(text, "\t");
		put_n(r, text, length);
		column += tn_utf8_width(text, length);
		text += length;
		if (*text == '\t') {
			size_t blanks = TAB_WIDTH - column % TAB_WIDTH;
			fill(r, ' ', blanks);
			column += blanks;
			text++;
		}
	}
}

static void put_mark(struct renderer *r, const struct tn_error_place *place) {
	size_t begin = column_of(place->text, place->begin), end = column_of(place->text, place->end);
	size_t caret = column_of(place->text, place->caret);
	caret = caret < begin ? begin : caret;
	end = end <= caret ? caret + 1 : end;
	fill(r, ' ', begin);
	if (r->color) {
		put(r, red);
	}
	fill(r, '~', caret - begin);
	put(r, "^");
	fill(r, '~', end - caret - 1);
	put(r, r->color ? "\033[0m\n" : "\n");
}

static void put_gutter(struct renderer *r, const char *sign) {
	fill(r, ' ', r->number_width + 2);
	put_styled(r, blue, sign);
}

static void put_snippet(struct renderer *r, const struct tn_error_place *place) {
	char number[32];
	fill(r, ' ', r->number_width + 1);
	put_styled(r, blue, "-->");
	put(r, " ");
	put_place(r, place);
	put(r, "\n");
	if (place->line == 0) {
		return;
	}
	put_gutter(r, "|");
	snprintf(number, sizeof(number), " %*u |", (int)r->number_width, place->line);
	put(r, "\n");
	put_styled(r, blue, number);
	if (place->text[0] != '\0') {
		put(r, " ");
		put_source(r, place->text);
	}
	put(r, "\n");
	put_gutter(r, "|");
	put(r, " ");
	put_mark(r, place);
}

static void begin_note(struct renderer *r) {
	put_gutter(r, "=");
	put(r, " ");
}

static void put_note(struct renderer *r, const char *text) {
	begin_note(r);
	put_text(r, text, r->number_width + 4);
	put(r, "\n");
}

/* "called from cell 8, line 2: net(x)": the marked part, or the line where nothing is marked. */
static void put_frame(struct renderer *r, const char *how, const struct tn_error_place *place) {
	const char *from = place->text;
	size_t length = strlen(from);
	begin_note(r);
	put(r, how);
	put_place(r, place);
	if (place->end > place->begin && place->end <= length) {
		from += place->begin;
		length = place->end - place->begin;
	} else {
		size_t blanks = strspn(from, " \t");
		from += blanks;
		length -= blanks;
	}
	if (length > 0) {
		put(r, ": ");
		put_n(r, from, length);
	}
	put(r, "\n");
}

static bool is_library(const struct tn_error_place *place) {
	return strncmp(place->where, "lib/", 4) == 0;
}

const struct tn_error_place *tn_error_shown(const struct tn_error *err) {
	for (uint32_t i = 0; is_library(&err->place) && i < err->trace_count; i++) {
		if (!is_library(&err->trace[i])) {
			return &err->trace[i];
		}
	}
	return &err->place;
}

static void put_trace(struct renderer *r, const struct tn_error *err, const struct tn_error_place *shown) {
	if (shown != &err->place) {
		put_frame(r, "in ", &err->place);
	}
	for (uint32_t i = 0; i < err->trace_count; i++) {
		if (err->trace_left_out > 0 && i + 1 == err->trace_count) {
			char note[64];
			snprintf(note, sizeof(note), "… %u more call%s …", err->trace_left_out, err->trace_left_out == 1 ? "" : "s");
			put_note(r, note);
		}
		if (shown != &err->trace[i]) {
			put_frame(r, "called from ", &err->trace[i]);
		}
	}
}

bool tn_error_render(const struct tn_error *err, const char *label, bool color, struct tn_str *out) {
	char number[32];
	size_t before = out->length;
	struct renderer r = {.out = out, .color = color, .ok = true};
	const struct tn_error_place *shown = tn_error_shown(err);
	r.number_width = (size_t)snprintf(number, sizeof(number), "%u", shown->line);
	put_styled(&r, strcmp(label, "warning") == 0 ? yellow : red, label);
	put(&r, ": ");
	if (color) {
		put(&r, bold);
	}
	put_text(&r, err->text, strlen(label) + 2);
	put(&r, color ? "\033[0m\n" : "\n");
	if (shown->where[0] != '\0') {
		put_snippet(&r, shown);
	}
	if (err->detail[0] != '\0') {
		put_note(&r, err->detail);
	}
	put_trace(&r, err, shown);
	if (err->hint[0] != '\0') {
		begin_note(&r);
		put_styled(&r, cyan, "hint:");
		put(&r, " ");
		put_text(&r, err->hint, r.number_width + 10);
		put(&r, "\n");
	}
	if (!r.ok && out->data != NULL) {
		out->length = before; /* half an error would mislead */
		out->data[before] = '\0';
	}
	return r.ok;
}
