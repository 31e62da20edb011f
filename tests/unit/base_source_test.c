/* SPDX-License-Identifier: Apache-2.0 */
/* Sources, positions, and the copying of a marked line into an error. */
#include "runner/test.h"

#include <stdlib.h>
#include <string.h>

static struct tn_source *make(const char *text) {
	struct tn_error err = {0};
	struct tn_source *source = tn_source_create("cell 7", text, strlen(text), &err);
	TN_CHECK_NO_ERROR(&err);
	TN_CHECK_NOT_NULL(source);
	return source;
}

static struct tn_span span_of(const struct tn_source *source, const char *part) {
	const char *found = strstr(source->text, part);
	TN_CHECK_NOT_NULL(found);
	uint32_t begin = (uint32_t)(found - source->text);
	return (struct tn_span){source, begin, begin, begin + (uint32_t)strlen(part)};
}

static void check_position(const struct tn_source *source, uint32_t offset, uint32_t line, uint32_t column) {
	uint32_t found_line, found_column;
	tn_source_position(source, offset, &found_line, &found_column);
	TN_CHECK_INT_EQ(found_line, line);
	TN_CHECK_INT_EQ(found_column, column);
}

TN_TEST(offsets_have_lines_and_columns) {
	struct tn_source *source = make("ab\n\ncd");
	TN_CHECK_INT_EQ(source->line_count, 3);
	check_position(source, 0, 1, 0);
	check_position(source, 2, 1, 2);
	check_position(source, 3, 2, 0);
	check_position(source, 4, 3, 0);
	check_position(source, 6, 3, 2);
	check_position(source, 1000, 3, 2);
	tn_source_unref(source);
}

TN_TEST(the_empty_source_has_one_line) {
	struct tn_source *source = make("");
	TN_CHECK_INT_EQ(source->line_count, 1);
	check_position(source, 0, 1, 0);
	struct tn_error_place place;
	tn_span_place((struct tn_span){source, 0, 0, 0}, &place);
	TN_CHECK_INT_EQ(place.line, 1);
	TN_CHECK_STR_EQ(place.text, "");
	tn_source_unref(source);
}

TN_TEST(a_reference_keeps_the_source) {
	struct tn_source *source = make("x");
	TN_CHECK(tn_source_ref(source) == source);
	tn_source_unref(source);
	TN_CHECK_STR_EQ(source->text, "x");
	tn_source_unref(source);
	tn_source_unref(NULL);
}

TN_TEST(a_source_over_two_gigabytes_is_refused) {
	struct tn_error err = {0};
	TN_CHECK_NULL(tn_source_create("big.tn", "", (size_t)INT32_MAX + 1, &err));
	TN_CHECK_ERROR(&err, TN_ERR_VALUE, "big.tn is too long: 2147483648 bytes, at most 2147483647 are possible");
}

TN_TEST(a_place_is_a_copy_of_the_first_line_of_the_span) {
	struct tn_source *source = make("a = 1;\r\n  b = [1,\n 2];\n");
	struct tn_error_place place;
	tn_span_place(span_of(source, "[1,\n 2]"), &place);
	tn_source_unref(source);
	TN_CHECK_STR_EQ(place.where, "cell 7");
	TN_CHECK_INT_EQ(place.line, 2);
	TN_CHECK_STR_EQ(place.text, "  b = [1,");
	TN_CHECK_INT_EQ(place.begin, 6);
	TN_CHECK_INT_EQ(place.caret, 6);
	TN_CHECK_INT_EQ(place.end, 9);
}

TN_TEST(a_carriage_return_is_no_part_of_the_line) {
	struct tn_source *source = make("a = 1\r\nb");
	struct tn_error_place place;
	tn_span_place((struct tn_span){source, 5, 5, 7}, &place);
	TN_CHECK_STR_EQ(place.text, "a = 1");
	TN_CHECK_INT_EQ(place.begin, 5);
	TN_CHECK_INT_EQ(place.end, 5);
	tn_source_unref(source);
}

TN_TEST(a_span_without_source_gives_an_empty_place) {
	struct tn_error_place place;
	tn_span_place((struct tn_span){0}, &place);
	TN_CHECK_STR_EQ(place.where, "");
	TN_CHECK_INT_EQ(place.line, 0);
}

TN_TEST(control_characters_and_bad_bytes_become_question_marks) {
	struct tn_source *source = make("a\033[2Jb\x01\tc\xff\u202e\xc2\x85z");
	struct tn_error_place place;
	tn_span_place(span_of(source, "z"), &place);
	TN_CHECK_STR_EQ(place.text, "a?[2Jb?\tc??????z");
	TN_CHECK_INT_EQ(place.text[place.begin], 'z');
	tn_source_unref(source);
}

/* Where the mark is, in a line of 1,000 characters of 1 to 4 bytes. */
static void check_long_line(const char *character, size_t at) {
	struct tn_str text = {0};
	for (size_t i = 0; i < 1000; i++) {
		TN_CHECK(tn_str_append(&text, i == at ? "HERE" : character));
	}
	struct tn_source *source = make(tn_str_c(&text));
	struct tn_error_place place;
	tn_span_place(span_of(source, "HERE"), &place);
	TN_CHECK(strlen(place.text) < sizeof(place.text));
	TN_CHECK(tn_utf8_valid(place.text, strlen(place.text), NULL));
	TN_CHECK(strncmp(place.text + place.begin, "HERE", 4) == 0);
	TN_CHECK_INT_EQ(place.caret, place.begin);
	TN_CHECK_INT_EQ(place.end, place.begin + 4);
	TN_CHECK((strncmp(place.text, "…", 3) == 0) == (at > 160));
	tn_source_unref(source);
	tn_str_finish(&text);
}

TN_TEST(a_long_line_is_cut_around_the_mark) {
	static const char *const characters[] = {"x", "ü", "日", "🙂"};
	static const size_t places[] = {0, 20, 200, 500, 990, 999};
	for (size_t i = 0; i < TN_ARRAY_LEN(characters); i++) {
		for (size_t j = 0; j < TN_ARRAY_LEN(places); j++) {
			check_long_line(characters[i], places[j]);
		}
	}
}

TN_TEST(a_long_name_keeps_its_end) {
	struct tn_error err = {0};
	const char *name = "/home/somebody/a/very/long/path/to/the/experiments/of/this/year/train_the_net.tn";
	struct tn_source *source = tn_source_create(name, "x", 1, &err);
	struct tn_error_place place;
	tn_span_place((struct tn_span){source, 0, 0, 1}, &place);
	TN_CHECK_STR_CONTAINS(place.where, "/year/train_the_net.tn");
	TN_CHECK(strncmp(place.where, "…", 3) == 0);
	tn_source_unref(source);
}

TN_TEST(joined_spans_reach_from_the_first_to_the_last) {
	struct tn_source *source = make("one + two");
	struct tn_span joined = tn_span_join(span_of(source, "one"), span_of(source, "two"));
	TN_CHECK_INT_EQ(joined.begin, 0);
	TN_CHECK_INT_EQ(joined.end, 9);
	TN_CHECK_INT_EQ(joined.caret, 0);
	joined = tn_span_join((struct tn_span){0}, span_of(source, "two"));
	TN_CHECK_INT_EQ(joined.begin, 6);
	tn_source_unref(source);
}

TN_TEST(making_a_source_survives_failing_allocations) {
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_error err = {0};
		struct tn_source *source = tn_source_create("x", "a\nb", 3, &err);
		TN_CHECK((source == NULL) == tn_test_alloc_failed());
		TN_CHECK((source == NULL) == (err.kind == TN_ERR_MEMORY));
		tn_source_unref(source);
	}
}
