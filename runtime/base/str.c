/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte string. */
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void tn_str_finish(struct tn_str *s) {
	tn_free(s->data);
	*s = (struct tn_str){0};
}

void tn_str_clear(struct tn_str *s) {
	s->length = 0;
	if (s->data != NULL) {
		s->data[0] = '\0';
	}
}

const char *tn_str_c(const struct tn_str *s) {
	return s->data != NULL ? s->data : "";
}

char *tn_str_steal(struct tn_str *s) {
	char *data = s->data != NULL ? s->data : tn_strndup("", 0);
	if (data != NULL) {
		*s = (struct tn_str){0};
	}
	return data;
}

bool tn_str_reserve(struct tn_str *s, size_t extra) {
	size_t needed;
	if (!tn_add_size(s->length, extra, &needed) || !tn_add_size(needed, 1, &needed)) {
		return false;
	}
	if (needed <= s->capacity) {
		return true;
	}
	size_t wanted = s->capacity + s->capacity / 2;
	wanted = wanted < needed ? needed : wanted;
	wanted = wanted < 32 ? 32 : wanted;
	char *data = tn_realloc_array(s->data, wanted, 1);
	if (data == NULL) {
		return false;
	}
	data[s->length] = '\0';
	s->data = data;
	s->capacity = wanted;
	return true;
}

bool tn_str_append_n(struct tn_str *s, const char *bytes, size_t length) {
	if (!tn_str_reserve(s, length)) {
		return false;
	}
	if (length > 0) {
		memcpy(s->data + s->length, bytes, length);
	}
	s->length += length;
	s->data[s->length] = '\0';
	return true;
}

bool tn_str_append(struct tn_str *s, const char *text) {
	return tn_str_append_n(s, text, strlen(text));
}

bool tn_str_append_char(struct tn_str *s, char c) {
	return tn_str_append_n(s, &c, 1);
}

bool tn_str_append_fill(struct tn_str *s, char c, size_t count) {
	if (!tn_str_reserve(s, count)) {
		return false;
	}
	memset(s->data + s->length, c, count);
	s->length += count;
	s->data[s->length] = '\0';
	return true;
}

bool tn_str_printf(struct tn_str *s, const char *format, ...) {
	va_list args;
	va_start(args, format);
	bool ok = tn_str_vprintf(s, format, args);
	va_end(args);
	return ok;
}

bool tn_str_vprintf(struct tn_str *s, const char *format, va_list args) {
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	bool ok = length >= 0 && tn_str_reserve(s, (size_t)length);
	if (ok) {
		vsnprintf(s->data + s->length, (size_t)length + 1, format, again);
		s->length += (size_t)length;
	}
	va_end(again);
	return ok;
}
