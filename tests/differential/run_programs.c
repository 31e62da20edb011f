/* SPDX-License-Identifier: Apache-2.0 */
/* Runs many programs in one session and says what each leaves behind, in a form in which the same bits are the same text:
 *
 *   in   "@@ NAME" begins a program, whose text follows
 *   out  "@@ NAME", then what the program printed, a line for each global ("x f32[3, 4] HASH", numbers as they are) or the first line of its error, then "@@ end"
 *
 * The plans of one program stay in the cache for the next, so a plan that is found for the wrong program shows. NaN has one hash,
 * whatever its sign and payload. With --values some elements follow the hash, for comparisons within a tolerance. differential_test.py
 * calls this once for each way to run. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/kernels.h"
#include "session/session.h"

enum { MOST_VALUES = 24 };

static bool with_values;

static void print_text(void *data, const char *bytes, size_t length) {
	(void)data;
	fwrite(bytes, 1, length, stdout);
}

static void show(void *data, const struct tn_session_show *what) {
	(void)data;
	(void)what;
}

/* The element's bits, all NaNs alike. */
static uint64_t bits_of(enum tn_dtype dtype, const char *p) {
	uint64_t bits = 0;

	if (tn_dtype_is_float(dtype) && isnan(tn_element_f64(dtype, p))) {
		return UINT64_C(0x7ff8000000000000);
	}
	memcpy(&bits, p, tn_dtype_size(dtype));
	return bits;
}

static void print_tensor(const char *name, struct tn_tensor *t) {
	enum tn_dtype dtype = tn_tensor_dtype(t);
	const struct tn_shape *shape = tn_tensor_shape(t);
	size_t size = tn_dtype_size(dtype), count = (size_t)tn_shape_count(shape);
	char *data = malloc(count * size + 1), text[176];
	uint64_t hash = 1;
	struct tn_error err = {0};

	tn_describe(dtype, shape, text);
	if (data == NULL || !tn_tensor_read(t, data, count * size, &err)) {
		printf("%s %s error: %s\n", name, text, err.text);
		tn_error_clear(&err);
		free(data);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		hash = (hash ^ bits_of(dtype, data + i * size)) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	printf("%s %s %016" PRIx64, name, text, hash);
	for (size_t i = 0, step = count / MOST_VALUES + 1; with_values && i < count; i += step) {
		double x = tn_element_f64(dtype, data + i * size);

		isnan(x) ? fputs(" nan", stdout) : printf(" %.9g", x); /* not "-nan" */
	}
	putchar('\n');
	free(data);
}

static void print_global(void *data, const char *name, const struct tn_type *type, struct tn_value value) {
	(void)data;
	(void)type;
	switch (value.tag) {
	case TN_TENSOR: print_tensor(name, value.tensor); break;
	case TN_BOOL:
	case TN_INT: printf("%s %" PRId64 "\n", name, value.i); break;
	case TN_FLOAT: printf("%s %a\n", name, value.f); break;
	case TN_EMPTY: printf("%s empty\n", name); break;
	default: break;
	}
}

static void run_program(struct tn_session *session, const char *name, const char *text) {
	const struct tn_lang_cell cell = {.name = name, .text = text, .length = strlen(text)};
	struct tn_diagnostics diag = {0};

	printf("@@ %s\n", name);
	fflush(stdout);
	if (tn_session_run(session, &cell, &diag)) {
		tn_lang_each_global(tn_session_lang(session), print_global, NULL);
	} else {
		const struct tn_error *failed = &diag.errors.items[0];
		printf("%s: %s\n", tn_error_kind_name(failed->kind), failed->text);
	}
	tn_diagnostics_finish(&diag);
	tn_lang_reset(tn_session_lang(session));
	puts("@@ end");
	fflush(stdout);
}

/* All of the standard input, NUL-terminated. */
static char *read_all(void) {
	size_t room = 1 << 16, length = 0, got;
	char *text = malloc(room);

	while (text != NULL && (got = fread(text + length, 1, room - length - 1, stdin)) > 0) {
		length += got;
		if (length + 1 >= room) {
			text = realloc(text, room *= 2);
		}
	}
	if (text != NULL) {
		text[length] = '\0';
	}
	return text;
}

int main(int argc, char **argv) {
	static const char *const isa_names[] = {[CPU_ISA_BASE] = "base", [CPU_ISA_AVX2] = "avx2", [CPU_ISA_AVX512] = "avx512"};
	const struct tn_session_params params = {.output = {.text = print_text, .show = show}};
	struct tn_error err = {0};
	struct tn_session *session = tn_session_create(&params, &err);
	char *text = read_all();

	with_values = argc > 1 && strcmp(argv[1], "--values") == 0;
	if (session == NULL || text == NULL) {
		fprintf(stderr, "no session\n");
		return 1;
	}
	printf("@@ isa %s\n", isa_names[cpu_isa()]);
	for (char *at = strncmp(text, "@@ ", 3) == 0 ? text : NULL, *next; at != NULL; at = next) {
		char *name = at + 3, *body = strchr(name, '\n');

		next = body == NULL ? NULL : strstr(body, "\n@@ ");
		if (body == NULL) {
			break;
		}
		*body++ = '\0';
		if (next != NULL) {
			*next++ = '\0'; /* the newline before the next program */
		}
		run_program(session, name, next != NULL && next == body ? "" : body);
	}
	tn_session_destroy(session);
	free(text);
	return 0;
}
