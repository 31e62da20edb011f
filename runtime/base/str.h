/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte string, always NUL-terminated once something was appended, and UTF-8 helpers. */
#ifndef TN_BASE_STR_H
#define TN_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* All zero is the empty string. `data` may be NULL while length is 0: read it through tn_str_c. */
struct tn_str {
	char *data;
	size_t length, capacity;
};

void tn_str_finish(struct tn_str *s);
/* Empty, keeping the memory. */
void tn_str_clear(struct tn_str *s);
const char *tn_str_c(const struct tn_str *s);
/* The bytes as a heap string that the caller frees (tn_free); *s is empty afterwards. NULL: out of memory. */
TN_MUST_USE char *tn_str_steal(struct tn_str *s);

/* Each returns false, with *s unchanged, when memory is out. */
TN_MUST_USE bool tn_str_reserve(struct tn_str *s, size_t extra);
TN_MUST_USE bool tn_str_append(struct tn_str *s, const char *text);
TN_MUST_USE bool tn_str_append_n(struct tn_str *s, const char *bytes, size_t length);
TN_MUST_USE bool tn_str_append_char(struct tn_str *s, char c);
TN_MUST_USE bool tn_str_append_fill(struct tn_str *s, char c, size_t count);
TN_MUST_USE bool tn_str_printf(struct tn_str *s, const char *format, ...) TN_PRINTF(2, 3);
TN_MUST_USE bool tn_str_vprintf(struct tn_str *s, const char *format, va_list args) TN_PRINTF(2, 0);

/* Shortest decimal that reads back as `x`, as Python's repr writes it: "1.0", "0.1", "1e-05", "inf", "nan". `out` holds at
 * least 32 bytes. The f32 form is the shortest that reads back as that float. Returns the length. */
size_t tn_format_f64(double x, char *out);
size_t tn_format_f32(float x, char *out);
/* Parses a whole decimal double independent of locale; false when `text` is not one. */
TN_MUST_USE bool tn_parse_f64(const char *text, size_t length, double *out);

/* UTF-8. Decodes one code point at p < end into *out and returns its length in bytes, 0 where the bytes are not valid UTF-8
 * (overlong forms and surrogates included). */
size_t tn_utf8_decode(const char *p, const char *end, uint32_t *out);
/* Writes at most 4 bytes; returns the length, 0 for what is no code point. */
size_t tn_utf8_encode(uint32_t code_point, char *out);
bool tn_utf8_valid(const char *text, size_t length, size_t *bad_offset);
size_t tn_utf8_length(const char *text, size_t length);
/* Columns that a terminal needs (wide East Asian characters count 2, combining marks 0). */
size_t tn_utf8_width(const char *text, size_t length);

/* Damerau-Levenshtein distance of two short names, for "did you mean"; names over 64 bytes give a large number. */
int tn_edit_distance(const char *a, const char *b);
/* Collects the nearest name: offer each candidate, then read `best` (NULL: none near enough). */
struct tn_suggest { const char *name, *best; int distance; };
void tn_suggest_init(struct tn_suggest *s, const char *name);
void tn_suggest_offer(struct tn_suggest *s, const char *candidate);

#endif
