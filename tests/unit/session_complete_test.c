/* SPDX-License-Identifier: Apache-2.0 */
/* Completion in lines of commands: their names, code behind those that take code, files behind those that take a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/test.h"
#include "session/session.h"

static void ignore_text(void *data, const char *bytes, size_t length) {
	(void)data;
	(void)bytes;
	(void)length;
}

static void ignore_show(void *data, const struct tn_session_show *show) {
	(void)data;
	(void)show;
}

struct fixture {
	struct tn_session *session;
	struct tn_catalog *catalog;
};

static void start(struct fixture *f) {
	struct tn_error err = {0};
	f->session = tn_session_create(&(struct tn_session_params){.output = {.text = ignore_text, .show = ignore_show}}, &err);
	TN_CHECK_NO_ERROR(&err);
	f->catalog = tn_catalog_create(tn_session_lang(f->session), &err);
	TN_CHECK_NO_ERROR(&err);
}

static void stop(struct fixture *f) {
	tn_catalog_unref(f->catalog);
	tn_session_destroy(f->session);
}

/* The matches, joined by blanks; the text with | at the cursor. *replaced: what they stand for. */
static void complete(const struct fixture *f, const char *marked, struct tn_str *out, char replaced[64]) {
	char text[512];
	struct tn_error err = {0};
	struct tn_completion c;
	const char *bar = strchr(marked, '|');
	size_t cursor = (size_t)(bar - marked);
	TN_CHECK(strlen(marked) < sizeof(text));
	memcpy(text, marked, cursor);
	strcpy(text + cursor, bar + 1);
	tn_str_clear(out);
	TN_CHECK(tn_session_complete(f->catalog, text, strlen(text), cursor, &c, &err));
	TN_CHECK(c.begin <= c.end && c.end - c.begin < 64);
	memcpy(replaced, text + c.begin, c.end - c.begin);
	replaced[c.end - c.begin] = '\0';
	for (size_t i = 0; i < c.items.count; i++) {
		TN_CHECK(tn_str_append(out, i == 0 ? "" : " ") && tn_str_append(out, c.items.items[i].text));
	}
	tn_completion_finish(&c);
}

TN_TEST(commands_complete_by_name_and_what_stands_behind_them_as_they_take_it) {
	static const struct {
		const char *text, *matches, *replaced;
	} rows[] = {
		{"%ti|", "%time %timeit", "%ti"},
		{"%%ti|", "%%time %%timeit", "%%ti"},
		{"x;\n%pw|", "%pwd", "%pw"},
		{"%time rel|", "relu", "rel"},
		{"%%time\nrel|", "relu", "rel"},
		{"%nothing rel|", "", ""},
		{"x % rel|", "relu", "rel"},
		{"rel|", "relu", "rel"},
		{"?%ti|", "%time %timeit", "%ti"},
		{"?rel|", "relu", "rel"},
		{"%|", NULL, "%"},
	};
	static struct fixture f;
	struct tn_str found = {0};
	start(&f);
	for (size_t i = 0; i < TN_ARRAY_LEN(rows); i++) {
		char replaced[64];
		complete(&f, rows[i].text, &found, replaced);
		if (rows[i].matches != NULL) {
			TN_CHECK_STR_EQ(tn_str_c(&found), rows[i].matches);
		}
		TN_CHECK_STR_EQ(replaced, rows[i].replaced);
	}
	complete(&f, "%|", &found, (char[64]){0});
	TN_CHECK_STR_CONTAINS(tn_str_c(&found), "%lsmagic");
	tn_str_finish(&found);
	stop(&f);
}

TN_TEST(inspection_tells_of_commands_and_of_the_code_behind_them) {
	static const struct { const char *text; size_t cursor; const char *part; } rows[] = {
		{"%time relu(x)", 3, "%time CODE"},
		{"%time relu(x)", 8, "relu("},
		{"%%timeit\nrelu(x)", 11, "relu("},
		{"x;\n%run a.tn", 9, "%run FILE"},
		{"relu", 4, "relu("},
		{"?%who", 4, "lists the variables"},
		{"for", 3, "// 0 a"},
		{"while (x) {", 2, "A loop with a condition"},
		{"a @ b", 3, "Matrix product"},
		{"a @ b", 2, "Matrix product"},
		{"a ** b", 3, "Power"},
		{"a .. b", 4, "The ints from a"},
		{"grad (w) {", 4, "the gradient of its value"},
		{"f32[N] x", 3, "The dtype of 32-bit floats"},
		{"relu(a +", 8, "relu("},
		{"// a @ b", 6, NULL},
		{"!ls relu", 6, NULL},
		{"%nothing relu", 11, NULL},
	};
	static struct fixture f;
	start(&f);
	for (size_t i = 0; i < TN_ARRAY_LEN(rows); i++) {
		struct tn_str plain = {0}, markdown = {0};
		struct tn_error err = {0};
		bool found = true;
		TN_CHECK(tn_session_inspect(
			f.catalog, rows[i].text, strlen(rows[i].text), rows[i].cursor, 0, &plain, &markdown, &found, &err));
		TN_CHECK_INT_EQ(found, rows[i].part != NULL);
		TN_CHECK_STR_CONTAINS(tn_str_c(&plain), rows[i].part == NULL ? "" : rows[i].part);
		tn_str_finish(&plain);
		tn_str_finish(&markdown);
	}
	stop(&f);
}

static void touch(const char *path) {
	FILE *file = fopen(path, "w");
	TN_CHECK_NOT_NULL(file);
	fclose(file);
}

TN_TEST(files_complete_where_a_path_is_wanted) {
	static const struct {
		const char *text, *matches;
	} rows[] = {
		{"import \"a|", "abacus.tn"},
		{"import \"|", "abacus.tn nets/"},
		{"import \"nets/|", "inner.tn"},
		{"import \"nets/in|", "inner.tn"},
		{"%run a|", "abacus.tn"},
		{"!cat a|", "abacus.tn absent.csv"},
		{"!cat nets/i|", "inner.tn"},
		{"import \"missing/|", ""},
		{"print(\"a|", ""},
	};
	static struct fixture f;
	struct tn_str found = {0};
	char folder[] = "/tmp/tenon-complete-XXXXXX";
	TN_CHECK_NOT_NULL(mkdtemp(folder));
	TN_CHECK(chdir(folder) == 0 && mkdir("nets", 0700) == 0);
	touch("abacus.tn");
	touch("absent.csv");
	touch(".hidden.tn");
	touch("nets/inner.tn");
	start(&f);
	for (size_t i = 0; i < TN_ARRAY_LEN(rows); i++) {
		char replaced[64];
		complete(&f, rows[i].text, &found, replaced);
		TN_CHECK_STR_EQ(tn_str_c(&found), rows[i].matches);
	}
	tn_str_finish(&found);
	stop(&f);
	TN_CHECK(unlink("abacus.tn") == 0 && unlink("absent.csv") == 0 && unlink(".hidden.tn") == 0 && unlink("nets/inner.tn") == 0);
	TN_CHECK(rmdir("nets") == 0 && chdir("/") == 0 && rmdir(folder) == 0);
}
