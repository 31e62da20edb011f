/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of lexer and parser. With -Dfuzz=true it is a libFuzzer program (`fuzz_parse CORPUS`); otherwise it has a main of
 * its own, which reads every file of the folders and files named, and each of them again cut short, with bytes changed and with
 * pieces doubled: the suite fuzz-smoke. The same bytes give the same run. What must hold of any bytes: no crash, errors or a tree
 * and never neither, and a tree that can be written out. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lang/ast.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition, const char *what) {
	if (!condition) {
		fprintf(stderr, "fuzz_parse: %s\n", what);
		abort();
	}
}

/* Every place that an error names lies in the line that it shows. */
static void check_errors(const struct tn_diagnostics *diag) {
	for (size_t i = 0; i < diag->errors.count; i++) {
		struct tn_str shown = {0};
		must(diag->errors.items[i].text[0] != '\0', "an error without text");
		must(tn_error_render(&diag->errors.items[i], "error", true, &shown), "an error that cannot be shown");
		tn_str_finish(&shown);
	}
	must(diag->errors.count <= TN_MAX_ERRORS, "too many errors");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct tn_error err = {0};
	struct tn_arena arena;
	struct tn_ast_unit unit;
	struct tn_diagnostics diag = {0};
	struct tn_str tree = {0};
	struct tn_source *source = tn_source_create("fuzz", (const char *)data, size, &err);
	if (source == NULL) {
		return 0;
	}
	tn_arena_init(&arena);
	bool ok = tn_parse(source, &arena, &unit, &diag);
	must(ok == (diag.errors.count == 0), "neither a tree nor an error");
	check_errors(&diag);
	must(tn_ast_dump(&unit, &tree), "the tree cannot be written");
	(void)tn_parse_is_incomplete((const char *)data, size);
	tn_str_finish(&tree);
	tn_diagnostics_finish(&diag);
	tn_arena_finish(&arena);
	tn_source_unref(source);
	return 0;
}

#ifndef TN_LIBFUZZER

enum { MAX_FILE = 1 << 20, MUTATIONS = 60 };

static uint32_t random_state = 1;
static uint32_t next_random(uint32_t below) {
	random_state = random_state * 1664525u + 1013904223u;
	return below == 0 ? 0 : (random_state >> 8) % below;
}

static void mutate(const uint8_t *data, size_t size) {
	static const char bytes[] = "(){}[]<>=;:,.+-*/%@&|^!?\"'\\f0.e_\n#$ \x80\xff";
	uint8_t *copy = malloc(2 * size + 1);
	must(copy != NULL, "out of memory");
	for (int round = 0; round < MUTATIONS; round++) {
		size_t n = size;
		memcpy(copy, data, size);
		if (round % 3 == 0) {
			n = next_random((uint32_t)size + 1);
		} else if (round % 3 == 1) {
			for (int k = 0; size > 0 && k < 1 + round / 8; k++) {
				copy[next_random((uint32_t)size)] = (uint8_t)bytes[next_random(sizeof(bytes) - 1)];
			}
		} else if (size > 0) { /* a piece of it once more, elsewhere */
			size_t from = next_random((uint32_t)size), length = next_random((uint32_t)(size - from)),
				   at = next_random((uint32_t)size);
			memmove(copy + at + length, copy + at, size - at);
			memcpy(copy + at, data + from, length);
			n = size + length;
		}
		LLVMFuzzerTestOneInput(copy, n);
	}
	free(copy);
}

static int run_file(const char *path) {
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(MAX_FILE);
	must(data != NULL, "out of memory");
	if (file == NULL) {
		fprintf(stderr, "fuzz_parse: cannot read %s\n", path);
		free(data);
		return 1;
	}
	size_t size = fread(data, 1, MAX_FILE, file);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	mutate(data, size);
	free(data);
	return 0;
}

static int run_path(const char *path) {
	struct stat st;
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		return run_file(path);
	}
	struct dirent **entries;
	int failed = 0, count = scandir(path, &entries, NULL, alphasort);
	if (count < 0) {
		fprintf(stderr, "fuzz_parse: cannot read %s\n", path);
		return 1;
	}
	for (int i = 0; i < count; i++) {
		char inner[4096];
		if (entries[i]->d_name[0] != '.' &&
			snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name) < (int)sizeof(inner)) {
			failed |= run_path(inner);
		}
		free(entries[i]);
	}
	free(entries);
	return failed;
}

int main(int argc, char **argv) {
	int failed = 0;
	for (int i = 1; i < argc; i++) {
		failed |= run_path(argv[i]);
	}
	return failed;
}

#endif
