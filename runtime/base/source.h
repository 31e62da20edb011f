/* SPDX-License-Identifier: Apache-2.0 */
/* A piece of program text with its name, and spans in it. Tokens, tree nodes and bytecode carry spans; an error copies
 * the place out (tn_error_place), so it needs the text no longer. */
#ifndef TN_BASE_SOURCE_H
#define TN_BASE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Byte offsets [begin, end) with the caret at `caret`; `source` is borrowed: whoever holds a span keeps a reference to
 * its unit. All zero = nowhere. */
struct tn_span {
	const struct tn_source *source;
	uint32_t begin, caret, end;
};

struct tn_source {
	int refs;             /* executing thread only */
	char *name;           /* "cell 7", "train.tn" */
	char *text;           /* NUL-terminated copy; length below (the text may not hold NUL: the lexer refuses it) */
	size_t length;        /* < 2^31 */
	uint32_t *line_start; /* offset of each line's first byte */
	uint32_t line_count;  /* at least 1 */
};

/* Copies name and text. NULL: out of memory, or longer than 2^31 - 1 bytes (err says which). */
TN_MUST_USE struct tn_source *tn_source_create(const char *name, const char *text, size_t length, struct tn_error *err);
struct tn_source *tn_source_ref(struct tn_source *source);
void tn_source_unref(struct tn_source *source);

/* The line (from 1) and byte column (from 0) of an offset; offsets past the end give the last line. */
void tn_source_position(const struct tn_source *source, uint32_t offset, uint32_t *line, uint32_t *column);
/* Copies the span's first line out; a span without source gives an empty place. */
void tn_span_place(struct tn_span span, struct tn_error_place *out);
/* As tn_error_set, and fills the place from the span. */
bool tn_error_at(struct tn_error *err, struct tn_span span, enum tn_error_kind kind, const char *format, ...) TN_PRINTF(4, 5);
/* Fills the place of an error that has none yet. */
void tn_error_locate(struct tn_error *err, struct tn_span span);
/* The span from the beginning of `a` to the end of `b`, caret at a's caret. */
struct tn_span tn_span_join(struct tn_span a, struct tn_span b);

#endif
