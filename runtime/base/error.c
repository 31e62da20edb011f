/* SPDX-License-Identifier: Apache-2.0 */
/* Filling in the error object. Nothing here allocates, so running out of memory can be reported. */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/source.h"
#include "base/str.h"

static const char *const kind_names[TN_ERR_COUNT] = {
	[TN_ERR_NONE] = "",
#define TN_ERROR(id, name) [TN_ERR_##id] = name,
#include "base/errors.def"
#undef TN_ERROR
};

const char *tn_error_kind_name(enum tn_error_kind kind) {
	return (unsigned)kind < TN_ERR_COUNT ? kind_names[kind] : "";
}

void tn_error_clear(struct tn_error *err) {
	*err = (struct tn_error){0};
}

/* A text that was cut ends in "…", never inside a character. */
static void format_cut(char *out, size_t size, const char *format, va_list args) {
	static const char mark[] = "…";
	int length = vsnprintf(out, size, format, args);
	if (length < 0) {
		out[0] = '\0';
		return;
	}
	if ((size_t)length < size) {
		return;
	}
	size_t keep = size - sizeof(mark);
	while (keep > 0 && ((unsigned char)out[keep] & 0xc0) == 0x80) {
		keep--;
	}
	memcpy(out + keep, mark, sizeof(mark));
}

bool tn_error_setv(struct tn_error *err, enum tn_error_kind kind, const char *format, va_list args) {
	if (err != NULL && !tn_error_is_set(err)) {
		tn_error_clear(err);
		err->kind = kind;
		format_cut(err->text, sizeof(err->text), format, args);
	}
	return false;
}

bool tn_error_set(struct tn_error *err, enum tn_error_kind kind, const char *format, ...) {
	va_list args;
	va_start(args, format);
	tn_error_setv(err, kind, format, args);
	va_end(args);
	return false;
}

bool tn_error_memory(struct tn_error *err) {
	return tn_error_set(err, TN_ERR_MEMORY, "out of memory");
}

bool tn_error_errno(struct tn_error *err, const char *format, ...) {
	int code = errno;
	if (err == NULL || tn_error_is_set(err)) {
		return false;
	}
	char said[TN_ERROR_TEXT_MAX], reason[128];
	va_list args;
	va_start(args, format);
	format_cut(said, sizeof(said) - sizeof(reason), format, args);
	va_end(args);
	const char *text = strerror_r(code, reason, sizeof(reason));
	return tn_error_set(err, code == ENOMEM ? TN_ERR_MEMORY : TN_ERR_IO, "%s: %s", said, text);
}

bool tn_error_at(struct tn_error *err, struct tn_span span, enum tn_error_kind kind, const char *format, ...) {
	if (err != NULL && !tn_error_is_set(err)) {
		va_list args;
		va_start(args, format);
		tn_error_setv(err, kind, format, args);
		va_end(args);
		tn_span_place(span, &err->place);
	}
	return false;
}

void tn_error_locate(struct tn_error *err, struct tn_span span) {
	if (err != NULL && tn_error_is_set(err) && err->place.where[0] == '\0') {
		tn_span_place(span, &err->place);
	}
}

void tn_error_detail(struct tn_error *err, const char *format, ...) {
	if (err != NULL && err->detail[0] == '\0') {
		va_list args;
		va_start(args, format);
		format_cut(err->detail, sizeof(err->detail), format, args);
		va_end(args);
	}
}

void tn_error_hint(struct tn_error *err, const char *format, ...) {
	if (err != NULL && err->hint[0] == '\0') {
		va_list args;
		va_start(args, format);
		format_cut(err->hint, sizeof(err->hint), format, args);
		va_end(args);
	}
}

/* The innermost frames and the outermost one say most: of a deep chain the middle is counted only. */
void tn_error_push_frame(struct tn_error *err, const struct tn_error_place *place) {
	if (err == NULL) {
		return;
	}
	if (err->trace_count < TN_ERROR_TRACE_MAX) {
		err->trace[err->trace_count++] = *place;
	} else {
		err->trace[TN_ERROR_TRACE_MAX - 1] = *place;
		err->trace_left_out++;
	}
}
