/* SPDX-License-Identifier: Apache-2.0 */
/* The typed checks: each says what was found and what was wanted, and ends the test's process with status 1. */
#include "runner/test.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runner/runner.h"

enum { ENDLESS = 1000000 };

/* _exit: what the test still holds is no leak, and nothing registered with atexit may run in this state. */
void tn_test_fail(struct tn_test_place at, const char *format, ...) {
	va_list args;
	va_start(args, format);
	tn_mem_fail_at(-1, false);
	fprintf(stderr, "%s:%d: ", at.file, at.line);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	fflush(NULL);
	_exit(TN_TEST_FAILED);
}

void tn_test_skip(const char *reason) {
	fprintf(stderr, "%s\n", reason);
	fflush(NULL);
	_exit(TN_TEST_SKIPPED);
}

void tn_test_check(bool condition, struct tn_test_place at) {
	if (!condition) {
		tn_test_fail(at, "%s does not hold", at.expression);
	}
}

void tn_test_int_eq(int64_t found, int64_t wanted, struct tn_test_place at) {
	if (found != wanted) {
		tn_test_fail(at, "%s is %" PRId64 ", wanted %" PRId64, at.expression, found, wanted);
	}
}

void tn_test_size_eq(size_t found, size_t wanted, struct tn_test_place at) {
	if (found != wanted) {
		tn_test_fail(at, "%s is %zu, wanted %zu", at.expression, found, wanted);
	}
}

void tn_test_f64_eq(double found, double wanted, struct tn_test_place at) {
	bool equal = isnan(found) ? isnan(wanted) : found == wanted && signbit(found) == signbit(wanted);
	if (!equal) {
		tn_test_fail(at, "%s is %.17g (%a), wanted %.17g (%a)", at.expression, found, found, wanted, wanted);
	}
}

void tn_test_near(double found, double wanted, double tolerance, struct tn_test_place at) {
	bool near = isnan(wanted) ? isnan(found) : found == wanted || fabs(found - wanted) <= tolerance;
	if (!near) {
		tn_test_fail(at, "%s is %.17g, wanted %.17g within %g (off by %g)", at.expression, found, wanted, tolerance,
			fabs(found - wanted));
	}
}

void tn_test_str_eq(const char *found, const char *wanted, struct tn_test_place at) {
	if (found == NULL || wanted == NULL ? found != wanted : strcmp(found, wanted) != 0) {
		tn_test_fail(at, "%s is\n  |%s|\nwanted\n  |%s|", at.expression, found != NULL ? found : "(NULL)",
			wanted != NULL ? wanted : "(NULL)");
	}
}

void tn_test_str_contains(const char *found, const char *part, struct tn_test_place at) {
	if (found == NULL || strstr(found, part) == NULL) {
		tn_test_fail(at, "%s is\n  |%s|\nwhich does not contain\n  |%s|", at.expression, found != NULL ? found : "(NULL)", part);
	}
}

void tn_test_mem_eq(const void *found, const void *wanted, size_t size, struct tn_test_place at) {
	const unsigned char *f = found, *w = wanted;
	for (size_t i = 0; i < size; i++) {
		if (f[i] != w[i]) {
			tn_test_fail(at, "%s: byte %zu of %zu is 0x%02x, wanted 0x%02x", at.expression, i, size, f[i], w[i]);
		}
	}
}

void tn_test_null(const void *pointer, struct tn_test_place at) {
	if (pointer != NULL) {
		tn_test_fail(at, "%s is %p, wanted NULL", at.expression, pointer);
	}
}

void tn_test_not_null(const void *pointer, struct tn_test_place at) {
	if (pointer == NULL) {
		tn_test_fail(at, "%s is NULL", at.expression);
	}
}

void tn_test_no_error(const struct tn_error *err, struct tn_test_place at) {
	if (tn_error_is_set(err)) {
		tn_test_fail(at, "%s holds %s: %s%s%s%s%s (%s, line %u)", at.expression, tn_error_kind_name(err->kind), err->text,
			err->detail[0] ? "\n  " : "", err->detail, err->hint[0] ? "\n  hint: " : "", err->hint, err->place.where,
			err->place.line);
	}
}

void tn_test_error(const struct tn_error *err, enum tn_error_kind kind, const char *text, struct tn_test_place at) {
	if (err->kind != kind || strcmp(err->text, text) != 0) {
		tn_test_fail(at, "%s is\n  |%s: %s|\nwanted\n  |%s: %s|", at.expression, tn_error_kind_name(err->kind), err->text,
			tn_error_kind_name(kind), text);
	}
}

bool tn_test_alloc_failed(void) {
	return runner_alloc_fail_at >= 0 && tn_mem_calls() > runner_alloc_fail_at;
}

int64_t runner_alloc_fail_at = -1;

bool tn_test_alloc_next(struct tn_test_alloc_walk *walk) {
	bool over = walk->next > 0 && !tn_test_alloc_failed();
	if (over || walk->next > ENDLESS) {
		tn_mem_fail_at(-1, false);
		runner_alloc_fail_at = -1;
		if (!over) {
			tn_test_fail(TN_TEST_HERE("TN_FOR_EACH_FAILING_ALLOC"), "still allocates after %d rounds", ENDLESS);
		}
		return false;
	}
	runner_alloc_fail_at = walk->next++;
	tn_mem_fail_at(runner_alloc_fail_at, walk->sticky);
	return true;
}
