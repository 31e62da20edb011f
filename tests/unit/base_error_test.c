/* SPDX-License-Identifier: Apache-2.0 */
/* The error object, and goldens of how it is shown. */
#include "runner/test.h"

#include <errno.h>
#include <string.h>

static struct tn_error_place place_of(const char *where, uint32_t line, const char *text, const char *part, uint32_t caret) {
	struct tn_error_place place = {.line = line};
	const char *found = strstr(text, part);
	strcpy(place.where, where);
	strcpy(place.text, text);
	place.begin = (uint32_t)(found - text);
	place.end = place.begin + (uint32_t)strlen(part);
	place.caret = place.begin + caret;
	return place;
}

static void check_rendering(const struct tn_error *err, const char *label, const char *wanted) {
	struct tn_str out = {0};
	TN_CHECK(tn_error_render(err, label, false, &out));
	TN_CHECK_STR_EQ(tn_str_c(&out), wanted);
	tn_str_finish(&out);
}

TN_TEST(the_first_error_wins) {
	struct tn_error err = {0};
	TN_CHECK(!tn_error_set(&err, TN_ERR_SHAPE, "first %d", 1));
	TN_CHECK(!tn_error_set(&err, TN_ERR_TYPE, "second"));
	TN_CHECK(!tn_error_memory(&err));
	TN_CHECK_ERROR(&err, TN_ERR_SHAPE, "first 1");
	tn_error_clear(&err);
	TN_CHECK(!tn_error_is_set(&err));
}

TN_TEST(nobody_has_to_want_the_error) {
	TN_CHECK(!tn_error_set(NULL, TN_ERR_TYPE, "x"));
	TN_CHECK(!tn_error_memory(NULL));
	TN_CHECK(!tn_error_errno(NULL, "x"));
	TN_CHECK(!tn_error_at(NULL, (struct tn_span){0}, TN_ERR_TYPE, "x"));
	tn_error_detail(NULL, "x");
	tn_error_hint(NULL, "x");
	tn_error_push_frame(NULL, &(struct tn_error_place){.line = 1});
	tn_error_locate(NULL, (struct tn_span){0});
}

TN_TEST(errno_becomes_words) {
	struct tn_error err = {0};
	errno = ENOENT;
	TN_CHECK(!tn_error_errno(&err, "cannot open '%s'", "x.npy"));
	TN_CHECK_ERROR(&err, TN_ERR_IO, "cannot open 'x.npy': No such file or directory");
	tn_error_clear(&err);
	errno = ENOMEM;
	TN_CHECK(!tn_error_errno(&err, "cannot map"));
	TN_CHECK_INT_EQ(err.kind, TN_ERR_MEMORY);
}

TN_TEST(kinds_have_the_names_that_users_catch) {
	TN_CHECK_STR_EQ(tn_error_kind_name(TN_ERR_SHAPE), "ShapeError");
	TN_CHECK_STR_EQ(tn_error_kind_name(TN_ERR_INTERRUPTED), "Interrupted");
	TN_CHECK_STR_EQ(tn_error_kind_name(TN_ERR_NONE), "");
	TN_CHECK_STR_EQ(tn_error_kind_name((enum tn_error_kind)99), "");
}

TN_TEST(a_long_text_is_cut_between_characters) {
	char word[2000];
	for (size_t i = 0; i + 2 < sizeof(word); i += 2) {
		memcpy(word + i, "ü", 2);
	}
	word[sizeof(word) - 2] = '\0';
	for (int shift = 0; shift < 3; shift++) {
		struct tn_error err = {0};
		tn_error_set(&err, TN_ERR_VALUE, "%.*s%s", shift, "abc", word);
		tn_error_detail(&err, "%.*s%s", shift, "abc", word);
		tn_error_hint(&err, "%.*s%s", shift, "abc", word);
		TN_CHECK(tn_utf8_valid(err.text, strlen(err.text), NULL));
		TN_CHECK(tn_utf8_valid(err.detail, strlen(err.detail), NULL));
		TN_CHECK_STR_EQ(err.text + strlen(err.text) - 3, "…");
		TN_CHECK_STR_EQ(err.hint + strlen(err.hint) - 3, "…");
		TN_CHECK(strlen(err.text) >= TN_ERROR_TEXT_MAX - 3);
	}
}

TN_TEST(an_error_at_a_span_has_its_place_and_keeps_it) {
	struct tn_error err = {0};
	struct tn_source *source = tn_source_create("cell 1", "x = y;", 6, &err);
	struct tn_span y = {source, 4, 4, 5};
	TN_CHECK(!tn_error_at(&err, y, TN_ERR_NAME, "'y' is not defined"));
	tn_error_locate(&err, (struct tn_span){source, 0, 0, 1});
	TN_CHECK_INT_EQ(err.place.begin, 4);
	tn_error_clear(&err);
	tn_error_set(&err, TN_ERR_NAME, "'y' is not defined");
	tn_error_locate(&err, y);
	tn_source_unref(source);
	check_rendering(&err, "error",
		"error: 'y' is not defined\n"
		"  --> cell 1, line 1\n"
		"   |\n"
		" 1 | x = y;\n"
		"   |     ^\n");
}

TN_TEST(the_whole_error_looks_as_the_language_page_shows_it) {
	struct tn_error err = {0};
	tn_error_set(&err, TN_ERR_SHAPE, "matmul: inner dimensions differ: f32[64, 784] @ f32[256, 784]");
	err.place = place_of("cell 7", 3, "    return x @ l.w + l.b;", "x @ l.w", 2);
	tn_error_detail(&err, "x is f32[64, 784], l.w is f32[256, 784]");
	tn_error_detail(&err, "not this one");
	struct tn_error_place caller = place_of("cell 8", 2, "auto z = net(x);", "net(x)", 0);
	tn_error_push_frame(&err, &caller);
	tn_error_hint(&err, "x @ l.w.T would give f32[64, 256]");
	tn_error_hint(&err, "not this one");
	check_rendering(&err, "error",
		"error: matmul: inner dimensions differ: f32[64, 784] @ f32[256, 784]\n"
		"  --> cell 7, line 3\n"
		"   |\n"
		" 3 |     return x @ l.w + l.b;\n"
		"   |            ~~^~~~~\n"
		"   = x is f32[64, 784], l.w is f32[256, 784]\n"
		"   = called from cell 8, line 2: net(x)\n"
		"   = hint: x @ l.w.T would give f32[64, 256]\n");
}

TN_TEST(what_fails_in_the_library_is_shown_where_the_user_called_it) {
	struct tn_error err = {0};
	tn_error_set(&err, TN_ERR_SHAPE, "matmul: inner dimensions differ: f32[32, 5] @ f32[784, 10]");
	err.place = place_of("lib/layers.tn", 33, "    auto y = x @ w.T;", "x @ w.T", 2);
	struct tn_error_place call = place_of("lib/layers.tn", 38, "tensor call(…) { return linear(x); }", "linear(x)", 0),
		own = place_of("cell 4", 2, "auto y = net(ones(32, 5));", "net(ones(32, 5))", 0), outer = place_of("cell 5", 1, "f()", "f()", 0);
	tn_error_push_frame(&err, &call);
	check_rendering(&err, "error",
		"error: matmul: inner dimensions differ: f32[32, 5] @ f32[784, 10]\n"
		"   --> lib/layers.tn, line 33\n"
		"    |\n"
		" 33 |     auto y = x @ w.T;\n"
		"    |              ~~^~~~~\n"
		"    = called from lib/layers.tn, line 38: linear(x)\n");
	tn_error_push_frame(&err, &own);
	tn_error_push_frame(&err, &outer);
	check_rendering(&err, "error",
		"error: matmul: inner dimensions differ: f32[32, 5] @ f32[784, 10]\n"
		"  --> cell 4, line 2\n"
		"   |\n"
		" 2 | auto y = net(ones(32, 5));\n"
		"   |          ^~~~~~~~~~~~~~~~\n"
		"   = in lib/layers.tn, line 33: x @ w.T\n"
		"   = called from lib/layers.tn, line 38: linear(x)\n"
		"   = called from cell 5, line 1: f()\n");
}

TN_TEST(the_gutter_is_as_wide_as_the_line_number) {
	struct tn_error err = {0};
	tn_error_set(&err, TN_ERR_NAME, "'relue' is not defined");
	err.place = place_of("train.tn", 1234, "x = relue(x);", "relue", 0);
	tn_error_hint(&err, "did you mean 'relu'?");
	check_rendering(&err, "warning",
		"warning: 'relue' is not defined\n"
		"     --> train.tn, line 1234\n"
		"      |\n"
		" 1234 | x = relue(x);\n"
		"      |     ^~~~~\n"
		"      = hint: did you mean 'relu'?\n");
}

TN_TEST(tabs_and_wide_characters_keep_the_mark_in_place) {
	struct tn_error err = {0};
	tn_error_set(&err, TN_ERR_TYPE, "bad");
	err.place = place_of("cell 1", 2, "\tf(\"日本\",\tx);", "x", 0);
	check_rendering(&err, "error",
		"error: bad\n"
		"  --> cell 1, line 2\n"
		"   |\n"
		" 2 |     f(\"日本\",   x);\n"
		"   |                 ^\n");
	err.place = place_of("cell 1", 2, "f(\"日本\")", "\"日本\"", 1);
	check_rendering(&err, "error",
		"error: bad\n"
		"  --> cell 1, line 2\n"
		"   |\n"
		" 2 | f(\"日本\")\n"
		"   |   ~^~~~~\n");
}

TN_TEST(a_mark_behind_the_line_shows_where_something_is_missing) {
	struct tn_error err = {0};
	tn_error_set(&err, TN_ERR_SYNTAX, "expected ';'");
	err.place = place_of("cell 1", 1, "x = 1", "", 0);
	err.place.begin = err.place.caret = err.place.end = 5;
	check_rendering(&err, "error",
		"error: expected ';'\n"
		"  --> cell 1, line 1\n"
		"   |\n"
		" 1 | x = 1\n"
		"   |      ^\n");
}

TN_TEST(an_error_without_a_place_is_its_text) {
	struct tn_error err = {0};
	tn_error_set(&err, TN_ERR_IO, "cannot open 'x.tn': No such file or directory");
	check_rendering(&err, "error", "error: cannot open 'x.tn': No such file or directory\n");
	strcpy(err.place.where, "x.npy");
	check_rendering(&err, "error", "error: cannot open 'x.tn': No such file or directory\n  --> x.npy\n");
}

TN_TEST(an_empty_source_line_can_be_marked) {
	struct tn_error err = {0};
	tn_error_set(&err, TN_ERR_SYNTAX, "unexpected end");
	strcpy(err.place.where, "cell 1");
	err.place.line = 1;
	check_rendering(&err, "error", "error: unexpected end\n  --> cell 1, line 1\n   |\n 1 |\n   | ^\n");
}

TN_TEST(lines_of_a_text_are_indented) {
	struct tn_error err = {0};
	tn_error_set(&err, TN_ERR_VALUE, "two\nlines");
	tn_error_detail(&err, "a\nb");
	tn_error_hint(&err, "c\nd");
	check_rendering(&err, "error", "error: two\n       lines\n   = a\n     b\n   = hint: c\n           d\n");
}

TN_TEST(a_text_cannot_command_the_terminal) {
	struct tn_error err = {0};
	tn_error_set(&err, TN_ERR_KEY, "no key '\033[2J\007\t\x7f'");
	check_rendering(&err, "error", "error: no key '?[2J? ?'\n");
}

TN_TEST(a_deep_chain_keeps_both_ends_and_counts_the_rest) {
	struct tn_error err = {0};
	tn_error_set(&err, TN_ERR_RECURSION, "too deep");
	for (uint32_t i = 1; i <= 1000; i++) {
		struct tn_error_place place = place_of("cell 1", i, "  f(x);", "", 0);
		tn_error_push_frame(&err, &place);
	}
	TN_CHECK_INT_EQ(err.trace_count, TN_ERROR_TRACE_MAX);
	check_rendering(&err, "error",
		"error: too deep\n"
		"   = called from cell 1, line 1: f(x);\n"
		"   = called from cell 1, line 2: f(x);\n"
		"   = called from cell 1, line 3: f(x);\n"
		"   = called from cell 1, line 4: f(x);\n"
		"   = called from cell 1, line 5: f(x);\n"
		"   = called from cell 1, line 6: f(x);\n"
		"   = called from cell 1, line 7: f(x);\n"
		"   = … 992 more calls …\n"
		"   = called from cell 1, line 1000: f(x);\n");
}

TN_TEST(colours_change_nothing_but_colours) {
	struct tn_error err = {0};
	struct tn_str plain = {0}, colored = {0}, stripped = {0};
	tn_error_set(&err, TN_ERR_NAME, "'y' is not defined");
	err.place = place_of("cell 1", 1, "x = y;", "y", 0);
	tn_error_hint(&err, "define it");
	TN_CHECK(tn_error_render(&err, "error", false, &plain));
	TN_CHECK(tn_error_render(&err, "error", true, &colored));
	for (const char *p = tn_str_c(&colored); *p != '\0'; p++) {
		if (*p == '\033') {
			p += strcspn(p, "m");
		} else {
			TN_CHECK(tn_str_append_char(&stripped, *p));
		}
	}
	TN_CHECK_STR_EQ(tn_str_c(&stripped), tn_str_c(&plain));
	TN_CHECK(colored.length > plain.length);
	tn_str_finish(&plain);
	tn_str_finish(&colored);
	tn_str_finish(&stripped);
}

TN_TEST(an_error_is_rendered_whole_or_not_at_all) {
	struct tn_error err = {0};
	tn_error_set(&err, TN_ERR_NAME, "'y' is not defined");
	err.place = place_of("cell 1", 1, "x = y;", "y", 0);
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_str out = {0};
		bool began = tn_str_append(&out, "before\n");
		bool ok = tn_error_render(&err, "error", true, &out);
		TN_CHECK((ok && began) == !tn_test_alloc_failed());
		TN_CHECK(ok || strcmp(tn_str_c(&out), began ? "before\n" : "") == 0);
		tn_str_finish(&out);
	}
}
