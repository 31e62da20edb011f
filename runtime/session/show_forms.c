/* SPDX-License-Identifier: Apache-2.0 */
/* Text that is put together in many small steps: a failed step is remembered, so that only the end has to ask. Escapes for
 * HTML, XML and JSON are here and nowhere else. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "session/show.h"

void tn_sink_put_n(struct tn_sink *s, const char *bytes, size_t length) {
	s->failed = s->failed || !tn_str_append_n(&s->text, bytes, length);
}

void tn_sink_put(struct tn_sink *s, const char *text) {
	tn_sink_put_n(s, text, strlen(text));
}

void tn_sink_fill(struct tn_sink *s, char c, size_t count) {
	s->failed = s->failed || !tn_str_append_fill(&s->text, c, count);
}

void tn_sink_printf(struct tn_sink *s, const char *format, ...) {
	va_list args;
	va_start(args, format);
	s->failed = s->failed || !tn_str_vprintf(&s->text, format, args);
	va_end(args);
}

void tn_sink_finish(struct tn_sink *s) {
	tn_str_finish(&s->text);
	s->failed = false;
}

void tn_sink_html(struct tn_sink *s, const char *text, size_t length) {
	size_t done = 0;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		const char *escape = c == '&'                        ? "&amp;"
			: c == '<'                                       ? "&lt;"
			: c == '>'                                       ? "&gt;"
			: c == '"'                                       ? "&quot;"
			: c == '\''                                      ? "&#39;"
			: (c < 32 && c != '\n' && c != '\t') || c == 127 ? "\xef\xbf\xbd"
															 : NULL;
		if (escape != NULL) {
			tn_sink_put_n(s, text + done, i - done);
			tn_sink_put(s, escape);
			done = i + 1;
		}
	}
	tn_sink_put_n(s, text + done, length - done);
}

void tn_sink_json(struct tn_sink *s, const char *text) {
	tn_sink_put(s, "\"");
	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;
		if (c == '"' || c == '\\') {
			tn_sink_put(s, c == '"' ? "\\\"" : "\\\\");
		} else if (c < 32 || c == 127) {
			tn_sink_printf(s, "\\u%04x", c);
		} else {
			tn_sink_put_n(s, p, 1);
		}
	}
	tn_sink_put(s, "\"");
}

/* Python's shortest form is JSON too, but for what is not finite. */
void tn_sink_number(struct tn_sink *s, double x) {
	char text[32];
	if (!isfinite(x)) {
		tn_sink_put(s, "null");
		return;
	}
	tn_format_f64(x, text);
	tn_sink_put(s, text);
}

void tn_sink_grouped(struct tn_sink *s, int64_t n) {
	char digits[32];
	int length = snprintf(digits, sizeof(digits), "%lld", (long long)n);
	int first = n < 0 ? 1 : 0;
	for (int i = 0; i < length; i++) {
		if (i > first && (length - i) % 3 == 0) {
			tn_sink_put(s, ",");
		}
		tn_sink_put_n(s, &digits[i], 1);
	}
}

void tn_sink_base64(struct tn_sink *s, const char *bytes, size_t length) {
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)bytes;
	for (size_t i = 0; i < length; i += 3) {
		size_t n = length - i < 3 ? length - i : 3;
		unsigned word = (unsigned)p[i] << 16 | (n > 1 ? (unsigned)p[i + 1] << 8 : 0) | (n > 2 ? (unsigned)p[i + 2] : 0);
		const char out[4] = {
			digits[word >> 18], digits[word >> 12 & 63], n > 1 ? digits[word >> 6 & 63] : '=', n > 2 ? digits[word & 63] : '='};
		tn_sink_put_n(s, out, 4);
	}
}

void tn_forms_finish(struct tn_forms *forms) {
	for (int i = 0; i < TN_FORM_COUNT; i++) {
		tn_sink_finish(&forms->form[i]);
	}
	tn_sink_finish(&forms->metadata);
}
