/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of lexer and parser. What must hold of any bytes: no crash, errors or a tree and never neither, a tree that can be written
 * out, and an answer whether the text is whole. */
#include "fuzz/fuzz.h"
#include "lang/ast.h"
#include "lang/catalog.h"

/* Every place that an error names lies in the line that it shows. */
static void check_errors(const struct tn_diagnostics *diag) {
	for (size_t i = 0; i < diag->errors.count; i++) {
		struct tn_str shown = {0};
		fuzz_must(diag->errors.items[i].text[0] != '\0', "an error without text");
		fuzz_must(tn_error_render(&diag->errors.items[i], "error", true, &shown), "an error that cannot be shown");
		tn_str_finish(&shown);
	}
	fuzz_must(diag->errors.count <= TN_MAX_ERRORS, "too many errors");
}

/* What parses is whole, but for documentation at its end, and a cell of %%. */
static void check_whole(const char *text, size_t size, bool parses) {
	struct tn_error err = {0};
	enum tn_completeness answer;
	int indent;
	fuzz_must(tn_lang_is_complete(text, size, &answer, &indent, &err), "no answer whether it is whole");
	fuzz_must(indent >= 0 && indent <= 64 && (indent == 0 || answer == TN_CELL_INCOMPLETE), "an indent of what is whole");
	fuzz_must(!parses || answer != TN_CELL_INVALID, "what parses is invalid");
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
	fuzz_must(ok == (diag.errors.count == 0), "neither a tree nor an error");
	check_errors(&diag);
	fuzz_must(tn_ast_dump(&unit, &tree), "the tree cannot be written");
	check_whole((const char *)data, size, ok);
	tn_str_finish(&tree);
	tn_diagnostics_finish(&diag);
	tn_arena_finish(&arena);
	tn_source_unref(source);
	return 0;
}
