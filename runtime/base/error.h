/* SPDX-License-Identifier: Apache-2.0 */
/* The error object. What can fail returns bool (or a pointer, NULL = failed) and takes `struct tn_error *err` last.
 * The layer that knows the user's names fills it, the FIRST error wins, outer layers only return (and may add a trace
 * frame, a detail or a hint). It holds no pointers, so it outlives the cell, needs no cleanup, and reporting an
 * out-of-memory error allocates nothing. Start with `struct tn_error err = {0}` or tn_error_clear. One thread at a time. */
#ifndef TN_BASE_ERROR_H
#define TN_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

/* The names that a user sees in `catch (e) { e.name }`: LANGUAGE.md section 5, plus SyntaxError. */
enum tn_error_kind {
	TN_ERR_NONE = 0,
#define TN_ERROR(id, name) TN_ERR_##id,
#include "base/errors.def"
#undef TN_ERROR
	TN_ERR_COUNT
};

enum { TN_ERROR_TEXT_MAX = 512, TN_ERROR_HINT_MAX = 256, TN_ERROR_TRACE_MAX = 8 };

/* A place in some source, copied out of it. `line` 0 = unknown. Columns count bytes of `text`, from 0. */
struct tn_error_place {
	char where[64];          /* "cell 7", "file.tn", "lib/optim.tn" */
	uint32_t line;           /* from 1 */
	uint32_t begin, caret, end; /* marked part of `text`: [begin, end), with ^ at caret */
	char text[160];          /* that source line, cut and cleaned of control characters where needed */
};

struct tn_error {
	enum tn_error_kind kind;
	char text[TN_ERROR_TEXT_MAX];     /* "matmul: inner dimensions differ: f32[64, 784] @ f32[256, 784]" */
	char detail[TN_ERROR_HINT_MAX];   /* "x is f32[64, 784], l.w is f32[256, 784]"; may be empty */
	char hint[TN_ERROR_HINT_MAX];     /* without the word "hint"; may be empty */
	struct tn_error_place place;      /* innermost place known */
	struct tn_error_place trace[TN_ERROR_TRACE_MAX]; /* "called from", innermost first; the last slot is the outermost */
	uint32_t trace_count;
	uint32_t trace_left_out;          /* frames between the second last and the last kept one */
	uint32_t recorded_in;             /* 0; else the work was recorded before it failed: 1 + the number of the code that did (lang's) */
};

void tn_error_clear(struct tn_error *err);
static inline bool tn_error_is_set(const struct tn_error *err) { return err->kind != TN_ERR_NONE; }

/* Fills in the first error and returns false always, so that `return tn_error_set(…)` reads well; does nothing to an
 * error that is already set. `err` may be NULL (the caller does not want to know). */
bool tn_error_set(struct tn_error *err, enum tn_error_kind kind, const char *format, ...) TN_PRINTF(3, 4);
bool tn_error_setv(struct tn_error *err, enum tn_error_kind kind, const char *format, va_list args) TN_PRINTF(3, 0);
/* Kind IOError; appends ": " and strerror(errno). ENOMEM gives MemoryError. */
bool tn_error_errno(struct tn_error *err, const char *format, ...) TN_PRINTF(2, 3);
/* MemoryError, "out of memory". */
bool tn_error_memory(struct tn_error *err);

/* Each does nothing where that part is already filled. */
void tn_error_detail(struct tn_error *err, const char *format, ...) TN_PRINTF(2, 3);
void tn_error_hint(struct tn_error *err, const char *format, ...) TN_PRINTF(2, 3);
/* Adds one "called from" frame. */
void tn_error_push_frame(struct tn_error *err, const struct tn_error_place *place);

/* "ShapeError"; "" for TN_ERR_NONE. */
const char *tn_error_kind_name(enum tn_error_kind kind);

/* The place that is shown with its source: where it happened, or for the library the nearest call from outside of it. Borrowed. */
const struct tn_error_place *tn_error_shown(const struct tn_error *err);

struct tn_str;
/* Appends the error as LANGUAGE.md section 6 shows it, ending in a newline; ANSI colours when `color`. `label` is "error"
 * or "warning". */
TN_MUST_USE bool tn_error_render(const struct tn_error *err, const char *label, bool color, struct tn_str *out);

#endif
