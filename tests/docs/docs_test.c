/* SPDX-License-Identifier: Apache-2.0 */
/* Every function, word, operator and command has a signature, documentation and an example, and every example runs and shows what
 * its `// expect:` comments say, in order. Names are collected first and each example runs in a session of its own. */
#include <stdio.h>
#include <string.h>

#include "runner/test.h"
#include "session/session.h"

struct doc { char *name, *signature, *doc, *example; };
struct docs { TN_VEC(struct doc) items; };

static void collect_text(void *data, const char *bytes, size_t length) { TN_CHECK(tn_str_append_n(data, bytes, length)); }

static void collect_show(void *data, const struct tn_session_show *show) {
	collect_text(data, show->forms[0].data, show->forms[0].length);
	collect_text(data, "\n", 1);
}

static struct tn_session *make_session(struct tn_str *output) {
	struct tn_error err = {0};
	const struct tn_session_params params = {.output = {.data = output, .text = collect_text, .show = collect_show}};
	struct tn_session *session = tn_session_create(&params, &err);
	TN_CHECK_NO_ERROR(&err);
	TN_CHECK_NOT_NULL(session);
	return session;
}

static char *copy(const char *text) { return text == NULL ? NULL : tn_strdup(text); }

static bool keep(void *data, const char *name, const char *signature, const char *doc, const char *example) {
	struct docs *all = data;
	return TN_VEC_PUSH(&all->items, ((struct doc){copy(name), copy(signature), copy(doc), copy(example)}));
}

static struct docs read_docs(void) {
	struct docs all = {0};
	struct tn_error err = {0};
	struct tn_str output = {0};
	struct tn_session *session = make_session(&output);
	TN_CHECK(tn_lang_each_doc(tn_session_lang(session), keep, &all, &err));
	tn_session_destroy(session);
	tn_str_finish(&output);
	TN_CHECK(all.items.count > 100);
	return all;
}

static void drop_docs(struct docs *all) {
	for (size_t i = 0; i < all->items.count; i++) {
		struct doc *d = &all->items.items[i];
		tn_free(d->name);
		tn_free(d->signature);
		tn_free(d->doc);
		tn_free(d->example);
	}
	TN_VEC_FINISH(&all->items);
}

/* What the `// expect:` comments of an example say, a line each. */
static void read_expected(const char *example, struct tn_str *out) {
	static const char mark[] = "// expect:";
	for (const char *at = strstr(example, mark); at != NULL; at = strstr(at, mark)) {
		at += strlen(mark);
		at += *at == ' ';
		size_t length = strcspn(at, "\n");
		while (length > 0 && at[length - 1] == ' ') {
			length--;
		}
		TN_CHECK(tn_str_append_n(out, at, length) && tn_str_append(out, "\n"));
	}
}

/* False, and a line on stderr, when the example fails or shows something else. One without `// expect:` only has to run. */
static bool example_holds(const struct doc *d) {
	struct tn_str output = {0}, expected = {0}, rendered = {0};
	struct tn_diagnostics diag = {0};
	struct tn_session *session = make_session(&output);
	read_expected(d->example, &expected);
	const struct tn_lang_cell cell = {.name = d->name, .text = d->example, .length = strlen(d->example), .display_last = true};
	bool ok = tn_session_run(session, &cell, &diag);
	if (!ok) {
		TN_CHECK(diag.errors.count > 0 && tn_error_render(&diag.errors.items[0], "error", false, &rendered));
		fprintf(stderr, "example of %s: %s", d->name, tn_str_c(&rendered));
	} else if (expected.length > 0 && strcmp(tn_str_c(&output), tn_str_c(&expected)) != 0) {
		fprintf(stderr, "example of %s shows\n%swanted\n%s", d->name, tn_str_c(&output), tn_str_c(&expected));
		ok = false;
	}
	tn_diagnostics_finish(&diag);
	tn_session_destroy(session);
	tn_str_finish(&output);
	tn_str_finish(&expected);
	tn_str_finish(&rendered);
	return ok;
}

static bool has(const char *text) { return text != NULL && text[0] != '\0'; }

/* Overloads stand side by side, as names are sorted: one that is documented speaks for all. */
static bool name_has(const struct docs *all, const struct doc *d, bool example) {
	for (const struct doc *other = all->items.items; other < all->items.items + all->items.count; other++) {
		if (strcmp(other->name, d->name) == 0 && has(example ? other->example : other->doc)) {
			return true;
		}
	}
	return false;
}

TN_TEST(every_function_has_signature_documentation_and_example) {
	struct docs all = read_docs();
	int missing = 0;
	for (size_t i = 0; i < all.items.count; i++) {
		const struct doc *d = &all.items.items[i];
		if (strcmp(d->name, "call") == 0) {
			continue; /* what calling a value does is said at its struct */
		}
		const char *lacks = !has(d->signature) ? "signature" : !name_has(&all, d, false) ? "documentation" :
			!name_has(&all, d, true) ? "example" : NULL;
		if (lacks != NULL) {
			fprintf(stderr, "%s has no %s\n", d->name, lacks);
			missing++;
		}
	}
	TN_CHECK_INT_EQ(missing, 0);
	drop_docs(&all);
}

static bool is_name_byte(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

static bool says(const char *text, const char *name, size_t length) {
	for (const char *at = text; *at != '\0'; at++) {
		if (strncmp(at, name, length) == 0 && !is_name_byte(at[length]) && (at == text || !is_name_byte(at[-1]))) {
			return true;
		}
	}
	return false;
}

/* The end of a parameter: its comma, or the bracket that closes the list. */
static const char *parameter_end(const char *p) {
	bool quoted = false;
	for (int depth = 0; *p != '\0'; p++) {
		quoted ^= *p == '"';
		if (!quoted && depth == 0 && (*p == ',' || *p == ')')) {
			break;
		}
		depth += quoted ? 0 : (*p == '(' || *p == '[') - (*p == ')' || *p == ']');
	}
	return p;
}

/* Counts the parameters of a signature that its documentation does not name. */
static int count_unnamed(const struct doc *d) {
	int missing = 0;
	const char *p = strstr(d->signature, d->name);
	while (p != NULL && p[strlen(d->name)] != '(') { /* `tensor tensor(…)` */
		p = strstr(p + 1, d->name);
	}
	TN_CHECK_NOT_NULL(p);
	for (p += strlen(d->name) + 1; *p != ')' && *p != '\0';) {
		const char *end = parameter_end(p), *last = p;
		while (last < end && *last != '=') {
			last++;
		}
		while (last > p && last[-1] == ' ') {
			last--;
		}
		const char *name = last;
		while (name > p && is_name_byte(name[-1])) {
			name--;
		}
		if (!says(d->doc, name, (size_t)(last - name))) {
			fprintf(stderr, "%s: the documentation does not name %.*s\n", d->signature, (int)(last - name), name);
			missing++;
		}
		p = *end == ',' ? end + 1 : end;
	}
	return missing;
}

TN_TEST(documentation_names_every_parameter) {
	struct docs all = read_docs();
	int missing = 0;
	for (size_t i = 0; i < all.items.count; i++) {
		missing += has(all.items.items[i].doc) ? count_unnamed(&all.items.items[i]) : 0;
	}
	TN_CHECK_INT_EQ(missing, 0);
	drop_docs(&all);
}

TN_TEST(every_example_runs_and_shows_what_it_says) {
	struct docs all = read_docs();
	int failed = 0;
	for (size_t i = 0; i < all.items.count; i++) {
		if (all.items.items[i].example != NULL) {
			failed += !example_holds(&all.items.items[i]);
		}
	}
	TN_CHECK_INT_EQ(failed, 0);
	drop_docs(&all);
}

/* Words, operators and commands; their examples are rows like those of functions. */
static void read_rows(struct docs *words, struct docs *commands) {
	*words = *commands = (struct docs){0};
	TN_CHECK(tn_lang_each_word(keep, words) && tn_session_each_command(keep, commands));
	TN_CHECK(words->items.count > 90 && commands->items.count > 20);
}

TN_TEST(every_word_and_operator_has_an_example_that_shows_what_it_says) {
	struct docs words, commands;
	int failed = 0;
	read_rows(&words, &commands);
	for (size_t i = 0; i < words.items.count; i++) {
		const struct doc *d = &words.items.items[i];
		TN_CHECK(has(d->signature) && has(d->doc));
		TN_CHECK(has(d->example) || strcmp(d->name, "import") == 0); /* that needs a file */
		failed += has(d->example) && !example_holds(d);
	}
	TN_CHECK_INT_EQ(failed, 0);
	drop_docs(&words);
	drop_docs(&commands);
}

TN_TEST(every_commands_example_runs) {
	struct docs words, commands;
	int failed = 0, examples = 0;
	read_rows(&words, &commands);
	for (size_t i = 0; i < commands.items.count; i++) {
		const struct doc *d = &commands.items.items[i];
		TN_CHECK(has(d->doc));
		examples += has(d->example);
		failed += has(d->example) && !example_holds(d);
	}
	TN_CHECK_INT_EQ(failed, 0);
	TN_CHECK(examples > 10);
	drop_docs(&words);
	drop_docs(&commands);
}
