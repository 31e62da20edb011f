/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of completion and inspection: any bytes with the cursor anywhere. What must hold: no crash, matches that are sorted
 * and go on from what stands before the cursor, none twice, and answers in valid UTF-8 where the text is. */
#include <string.h>
#include <strings.h>

#include "fuzz/fuzz.h"
#include "session/session.h"

static const char session_cell[] = "struct Net { Linear l1, l2; };\n"
								   "f32[N, 10] call(Net &n, f32[N, 784] x) { return n.l2(relu(n.l1(x))); }\n"
								   "/// Doubles.\nint twice(int value, int times = 2) { return value * times; }\n"
								   "auto net = Net{ .l1 = linear(784, 32), .l2 = linear(32, 10) }; auto x = zeros(64, 784); auto "
								   "xs = [net, net]; auto p = (net, 3);\n";

static void ignore_text(void *data, const char *bytes, size_t length) {
	(void)data;
	(void)bytes;
	(void)length;
}

static void ignore_show(void *data, const struct tn_session_show *show) {
	(void)data;
	(void)show;
}

/* Made once; it lives as long as the program. */
static struct tn_catalog *make_catalog(void) {
	struct tn_error err = {0};
	struct tn_diagnostics diag = {0};
	struct tn_session *session =
		tn_session_create(&(struct tn_session_params){.output = {.text = ignore_text, .show = ignore_show}}, &err);
	fuzz_must(session != NULL, "no session");
	const struct tn_lang_cell cell = {.name = "cell 1", .text = session_cell, .length = strlen(session_cell)};
	fuzz_must(tn_session_run(session, &cell, &diag), "the session's cell fails");
	struct tn_catalog *catalog = tn_catalog_create(tn_session_lang(session), &err);
	fuzz_must(catalog != NULL, "no catalog");
	tn_diagnostics_finish(&diag);
	tn_session_destroy(session); /* a catalog holds nothing of it */
	return catalog;
}

static void check_matches(const struct tn_completion *c, const char *text, size_t cursor) {
	fuzz_must(c->begin <= c->end && c->end <= cursor, "a match replaces what is not before the cursor");
	for (size_t i = 0; i < c->items.count; i++) {
		const char *match = c->items.items[i].text;
		fuzz_must(
			match[0] != '\0' && c->items.items[i].type != NULL && c->items.items[i].signature != NULL, "a match without text");
		fuzz_must(strncasecmp(match, text + c->begin, c->end - c->begin) == 0, "a match that does not go on from the text");
		fuzz_must(i == 0 || strcmp(c->items.items[i - 1].text, match) != 0, "a match twice");
	}
}

static void ask(const struct tn_catalog *catalog, const char *text, size_t size, size_t cursor) {
	struct tn_error err = {0};
	struct tn_completion c;
	struct tn_str plain = {0}, markdown = {0};
	bool found = false;
	fuzz_must(tn_session_complete(catalog, text, size, cursor, &c, &err), "completion fails");
	check_matches(&c, text, cursor);
	tn_completion_finish(&c);
	fuzz_must(tn_session_inspect(catalog, text, size, cursor, 1, &plain, &markdown, &found, &err), "inspection fails");
	fuzz_must(found == (plain.length > 0), "found and nothing said");
	fuzz_must(!tn_utf8_valid(text, size, NULL) || tn_utf8_valid(tn_str_c(&markdown), markdown.length, NULL),
		"inspection cuts a character");
	tn_str_finish(&plain);
	tn_str_finish(&markdown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct tn_catalog *catalog;
	if (catalog == NULL) {
		catalog = make_catalog();
	}
	size_t somewhere = size == 0 ? 0 : (size_t)(tn_hash_bytes(data, size, 1) % (size + 1));
	char *copy = malloc(size + 1); /* exact, so that a sanitizer sees a read behind the end */
	fuzz_must(copy != NULL, "out of memory");
	memcpy(copy, data, size);
	copy[size] = '\0';
	ask(catalog, copy, size, somewhere);
	ask(catalog, copy, size, size);
	free(copy);
	return 0;
}
