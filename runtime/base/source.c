/* SPDX-License-Identifier: Apache-2.0 */
/* Program text, and the copying of one marked line of it into an error. */
#include "base/source.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* How much of a long line stays visible left of the mark. */
enum { CONTEXT_BEFORE = 40 };

static const char ellipsis[] = "…";

static bool index_lines(struct tn_source *source) {
	uint32_t count = 1;
	const char *p = source->text, *end = p + source->length;
	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		count++;
		p++;
	}
	source->line_start = tn_calloc(count, sizeof(*source->line_start));
	if (source->line_start == NULL) {
		return false;
	}
	p = source->text;
	for (uint32_t line = 1; line < count; line++) {
		p = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
		source->line_start[line] = (uint32_t)(p - source->text);
	}
	source->line_count = count;
	return true;
}

struct tn_source *tn_source_create(const char *name, const char *text, size_t length, struct tn_error *err) {
	if (length > INT32_MAX) {
		tn_error_set(err, TN_ERR_VALUE, "%s is too long: %zu bytes, at most 2147483647 are possible", name, length);
		return NULL;
	}
	struct tn_source *source = tn_calloc(1, sizeof(*source));
	if (source == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	source->refs = 1;
	source->length = length;
	source->name = tn_strdup(name);
	source->text = tn_strndup(text, length);
	if (source->name == NULL || source->text == NULL || !index_lines(source)) {
		tn_source_unref(source);
		tn_error_memory(err);
		return NULL;
	}
	return source;
}

struct tn_source *tn_source_ref(struct tn_source *source) {
	source->refs++;
	return source;
}

void tn_source_unref(struct tn_source *source) {
	if (source != NULL && --source->refs == 0) {
		tn_free(source->name);
		tn_free(source->text);
		tn_free(source->line_start);
		tn_free(source);
	}
}

void tn_source_position(const struct tn_source *source, uint32_t offset, uint32_t *line, uint32_t *column) {
	uint32_t low = 0, high = source->line_count;
	if (offset > source->length) {
		offset = (uint32_t)source->length;
	}
	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;
		if (source->line_start[mid] <= offset) {
			low = mid;
		} else {
			high = mid;
		}
	}
	*line = low + 1;
	*column = offset - source->line_start[low];
}

/* What a terminal would obey or hide: control characters (a tab is expanded later) and changes of writing direction. */
static bool is_unprintable(uint32_t c) {
	return (c < ' ' && c != '\t') || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       c == 0x2028 || c == 0x2029;
}

static void clean(char *text) {
	char *end = text + strlen(text);
	for (char *p = text; p < end;) {
		uint32_t c = 0;
		size_t n = tn_utf8_decode(p, end, &c);
		if (n == 0 || is_unprintable(c)) {
			n = n > 0 ? n : 1;
			memset(p, '?', n);
		}
		p += n;
	}
}

static bool inside_character(const char *text, size_t offset) {
	return ((unsigned char)text[offset] & 0xc0) == 0x80;
}

static uint32_t shift(uint32_t offset, size_t cut, size_t added, size_t length) {
	size_t moved = offset > cut ? offset - cut + added : added;
	return (uint32_t)(moved < length ? moved : length);
}

/* A line that does not fit is shown from a little before the mark on, with "…" where something is missing. */
static void copy_line(const char *line, size_t length, struct tn_error_place *out) {
	size_t room = sizeof(out->text) - 1, mark = sizeof(ellipsis) - 1, from = 0, added = 0;
	if (length > room && out->caret > room - CONTEXT_BEFORE) {
		from = (out->begin < out->caret && out->caret - out->begin < CONTEXT_BEFORE ? out->begin : out->caret);
		from = from > CONTEXT_BEFORE ? from - CONTEXT_BEFORE : 0;
		for (int i = 0; i < 3 && from > 0 && inside_character(line, from); i++) {
			from--;
		}
		added = from > 0 ? mark : 0;
	}
	size_t keep = length - from;
	bool cut_end = keep > room - added;
	if (cut_end) {
		keep = room - added - mark;
		for (int i = 0; i < 3 && keep > 0 && inside_character(line, from + keep); i++) {
			keep--;
		}
	}
	memcpy(out->text, ellipsis, added);
	memcpy(out->text + added, line + from, keep);
	memcpy(out->text + added + keep, ellipsis, cut_end ? mark : 0);
	size_t total = added + keep + (cut_end ? mark : 0);
	out->text[total] = '\0';
	clean(out->text);
	out->begin = shift(out->begin, from, added, total);
	out->caret = shift(out->caret, from, added, total);
	out->end = shift(out->end, from, added, total);
}

static uint32_t clamp(uint32_t x, uint32_t low, uint32_t high) {
	return x < low ? low : x > high ? high : x;
}

/* The end of the name says more than its beginning: a long path loses its front. */
static void copy_name(const char *name, struct tn_error_place *out) {
	size_t length = strlen(name);
	if (length < sizeof(out->where)) {
		memcpy(out->where, name, length + 1);
	} else {
		const char *tail = name + length - (sizeof(out->where) - sizeof(ellipsis));
		while (inside_character(tail, 0)) {
			tail++;
		}
		snprintf(out->where, sizeof(out->where), "%s%s", ellipsis, tail);
	}
	clean(out->where);
}

void tn_span_place(struct tn_span span, struct tn_error_place *out) {
	*out = (struct tn_error_place){0};
	if (span.source == NULL) {
		return;
	}
	const struct tn_source *source = span.source;
	uint32_t column;
	tn_source_position(source, span.begin, &out->line, &column);
	uint32_t start = source->line_start[out->line - 1];
	size_t length = strcspn(source->text + start, "\n");
	if (start + length > source->length) {
		length = source->length - start;
	}
	if (length > 0 && source->text[start + length - 1] == '\r') {
		length--;
	}
	out->begin = clamp(column, 0, (uint32_t)length);
	out->end = clamp(span.end, start + out->begin, start + (uint32_t)length) - start;
	out->caret = clamp(span.caret, start + out->begin, start + (uint32_t)length) - start;
	copy_name(source->name, out);
	copy_line(source->text + start, length, out);
}

struct tn_span tn_span_join(struct tn_span a, struct tn_span b) {
	if (a.source == NULL) {
		return b;
	}
	if (b.source == a.source && b.end > a.end) {
		a.end = b.end;
	}
	return a;
}
