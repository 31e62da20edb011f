/* SPDX-License-Identifier: Apache-2.0 */
/* Errors and warnings of one cell, up to a limit. */
#include <stdio.h>
#include <string.h>

#include "lang/ast.h"

void tn_diagnostics_finish(struct tn_diagnostics *d) {
	TN_VEC_FINISH(&d->errors);
	TN_VEC_FINISH(&d->warnings);
}

static bool same_place(const struct tn_error *a, const struct tn_error *b) {
	return a->place.line == b->place.line && a->place.caret == b->place.caret && strcmp(a->place.where, b->place.where) == 0 &&
		strcmp(a->text, b->text) == 0;
}

struct tn_error *tn_diagnostics_add(
	struct tn_diagnostics *d, struct tn_span span, enum tn_error_kind kind, const char *format, ...) {
	struct tn_error err = {0};
	va_list args;
	if (d->errors.count >= TN_MAX_ERRORS) { /* a million bad bytes cost nothing more */
		d->left_out++;
		return NULL;
	}
	va_start(args, format);
	tn_error_setv(&err, kind, format, args);
	va_end(args);
	tn_error_locate(&err, span);
	for (size_t i = 0; i < d->errors.count; i++) {
		if (same_place(&d->errors.items[i], &err)) {
			return NULL;
		}
	}
	if (!TN_VEC_PUSH(&d->errors, err)) {
		d->left_out++;
		return NULL;
	}
	return &d->errors.items[d->errors.count - 1];
}

struct tn_error *tn_diagnostics_warn(struct tn_diagnostics *d, struct tn_span span, const char *format, ...) {
	struct tn_error err = {0};
	va_list args;
	va_start(args, format);
	tn_error_setv(&err, TN_ERR_ERROR, format, args);
	va_end(args);
	tn_error_locate(&err, span);
	for (size_t i = 0; i < d->warnings.count; i++) {
		if (same_place(&d->warnings.items[i], &err)) {
			return NULL;
		}
	}
	if (d->warnings.count >= 4 * TN_MAX_ERRORS || !TN_VEC_PUSH(&d->warnings, err)) {
		return NULL;
	}
	return &d->warnings.items[d->warnings.count - 1];
}
