/* SPDX-License-Identifier: Apache-2.0 */
/* Byte strings, UTF-8, suggestions and the log line. */
#include "runner/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

TN_TEST(a_string_grows_by_every_kind_of_append) {
	struct tn_str s = {0};
	TN_CHECK_STR_EQ(tn_str_c(&s), "");
	TN_CHECK(tn_str_append(&s, "f32["));
	TN_CHECK(tn_str_printf(&s, "%d, %s", 64, "784"));
	TN_CHECK(tn_str_append_char(&s, ']'));
	TN_CHECK(tn_str_append_fill(&s, '.', 3));
	TN_CHECK(tn_str_append_n(&s, "abcdef", 2));
	TN_CHECK_STR_EQ(tn_str_c(&s), "f32[64, 784]...ab");
	TN_CHECK_SIZE_EQ(s.length, 17);
	tn_str_clear(&s);
	TN_CHECK_STR_EQ(tn_str_c(&s), "");
	tn_str_finish(&s);
	TN_CHECK_NULL(s.data);
}

TN_TEST(a_string_holds_nul_bytes) {
	struct tn_str s = {0};
	TN_CHECK(tn_str_append_n(&s, "a\0b", 3));
	TN_CHECK_SIZE_EQ(s.length, 3);
	TN_CHECK_MEM_EQ(s.data, "a\0b", 4);
	tn_str_finish(&s);
}

TN_TEST(stealing_empties_the_string) {
	struct tn_str s = {0};
	char *empty = tn_str_steal(&s);
	TN_CHECK_STR_EQ(empty, "");
	TN_CHECK(tn_str_append(&s, "mine"));
	char *text = tn_str_steal(&s);
	TN_CHECK_STR_EQ(text, "mine");
	TN_CHECK_STR_EQ(tn_str_c(&s), "");
	tn_free(empty);
	tn_free(text);
}

TN_TEST(a_string_is_unchanged_when_memory_is_out) {
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_str s = {0};
		bool ok = tn_str_append(&s, "0123456789");
		TN_CHECK_STR_EQ(tn_str_c(&s), ok ? "0123456789" : "");
		size_t before = s.length;
		bool longer = tn_str_printf(&s, "%0100d", 7);
		TN_CHECK_SIZE_EQ(s.length, before + (longer ? 100 : 0));
		TN_CHECK_SIZE_EQ(strlen(tn_str_c(&s)), s.length);
		TN_CHECK((ok && longer) == !tn_test_alloc_failed());
		tn_str_finish(&s);
	}
}

TN_TEST(a_string_of_impossible_length_is_refused) {
	struct tn_str s = {0};
	TN_CHECK(tn_str_append(&s, "x"));
	TN_CHECK(!tn_str_reserve(&s, SIZE_MAX));
	TN_CHECK(!tn_str_append_fill(&s, 'y', SIZE_MAX - 1));
	TN_CHECK_STR_EQ(tn_str_c(&s), "x");
	tn_str_finish(&s);
}

TN_TEST(every_code_point_survives_encoding) {
	for (uint32_t c = 1; c <= 0x110000; c++) {
		char bytes[4];
		uint32_t back = 0;
		size_t n = tn_utf8_encode(c, bytes);
		if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
			TN_CHECK_SIZE_EQ(n, 0);
		} else {
			TN_CHECK_SIZE_EQ(tn_utf8_decode(bytes, bytes + n, &back), n);
			TN_CHECK_INT_EQ(back, c);
			TN_CHECK_SIZE_EQ(tn_utf8_decode(bytes, bytes + n - 1, &back), 0);
		}
	}
}

TN_TEST(bytes_that_are_not_utf8_are_found) {
	static const char *const bad[] = {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\xaf",
		"\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xc3(", "\xe2(\xa1", "\xf0\x9f\x92"};
	for (size_t i = 0; i < TN_ARRAY_LEN(bad); i++) {
		char text[16];
		size_t at = 99;
		snprintf(text, sizeof(text), "ok%s", bad[i]);
		TN_CHECK(!tn_utf8_valid(text, strlen(text), &at));
		TN_CHECK_SIZE_EQ(at, 2);
	}
	TN_CHECK(tn_utf8_valid("grüße, 日本, 🙂", strlen("grüße, 日本, 🙂"), NULL));
	TN_CHECK(tn_utf8_valid("", 0, NULL));
}

TN_TEST(lengths_count_characters_and_widths_columns) {
	TN_CHECK_SIZE_EQ(tn_utf8_length("grün", 5), 4);
	TN_CHECK_SIZE_EQ(tn_utf8_length("\xff\xff", 2), 2);
	TN_CHECK_SIZE_EQ(tn_utf8_width("grün", 5), 4);
	TN_CHECK_SIZE_EQ(tn_utf8_width("日本", 6), 4);
	TN_CHECK_SIZE_EQ(tn_utf8_width("🙂", 4), 2);
	TN_CHECK_SIZE_EQ(tn_utf8_width("e\u0301", 3), 1);
	TN_CHECK_SIZE_EQ(tn_utf8_width("ａ가", 6), 4);
	TN_CHECK_SIZE_EQ(tn_utf8_width("Ωя→", 7), 3);
}

TN_TEST(edit_distance_counts_swaps_as_one) {
	TN_CHECK_INT_EQ(tn_edit_distance("", ""), 0);
	TN_CHECK_INT_EQ(tn_edit_distance("", "abc"), 3);
	TN_CHECK_INT_EQ(tn_edit_distance("relu", "relu"), 0);
	TN_CHECK_INT_EQ(tn_edit_distance("relu", "rleu"), 1);
	TN_CHECK_INT_EQ(tn_edit_distance("ca", "abc"), 3);
	TN_CHECK_INT_EQ(tn_edit_distance("kitten", "sitting"), 3);
	TN_CHECK_INT_EQ(tn_edit_distance("linear", "liner"), 1);
	char longer[80];
	memset(longer, 'a', 79);
	longer[79] = '\0';
	TN_CHECK(tn_edit_distance(longer, "a") > 100);
}

static const char *nearest(const char *name) {
	static const char *const known[] = {"relu", "softmax", "softplus", "cross_entropy", "learning_rate", "lr", "x", "y"};
	struct tn_suggest s;
	tn_suggest_init(&s, name);
	for (size_t i = 0; i < TN_ARRAY_LEN(known); i++) {
		tn_suggest_offer(&s, known[i]);
	}
	return s.best;
}

TN_TEST(only_near_names_are_suggested) {
	TN_CHECK_STR_EQ(nearest("rellu"), "relu");
	TN_CHECK_STR_EQ(nearest("sofmtax"), "softmax");
	TN_CHECK_STR_EQ(nearest("cross_entrpy"), "cross_entropy");
	TN_CHECK_STR_EQ(nearest("learnig_rate"), "learning_rate");
	TN_CHECK_NULL(nearest("z"));
	TN_CHECK_NULL(nearest("ab"));
	TN_CHECK_STR_EQ(nearest("lt"), "lr");
	TN_CHECK_STR_EQ(nearest("rl"), "lr");
	TN_CHECK_NULL(nearest("lrs"));
	TN_CHECK_NULL(nearest("optimizer"));
}

TN_TEST(a_log_line_is_one_line_at_the_level_asked_for) {
	int ends[2];
	char text[256];
	TN_CHECK_INT_EQ(pipe(ends), 0);
	tn_log_set_fd(ends[1]);
	tn_log_set_level(TN_LOG_WARN);
	tn_log(TN_LOG_INFO, "not shown");
	tn_log(TN_LOG_WARN, "two\nlines %d", 7);
	ssize_t n = read(ends[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	TN_CHECK_STR_EQ(text, "tenon: warn: two lines 7\n");
	tn_log_set_fd(STDERR_FILENO);
	close(ends[0]);
	close(ends[1]);
}

TN_TEST(a_long_log_line_is_cut) {
	int ends[2];
	static char text[4096], word[3000];
	memset(word, 'w', sizeof(word) - 1);
	TN_CHECK_INT_EQ(pipe(ends), 0);
	tn_log_set_fd(ends[1]);
	tn_log(TN_LOG_ERROR, "%s", word);
	ssize_t n = read(ends[0], text, sizeof(text) - 1);
	TN_CHECK(n > 900 && n <= 1024 && text[n - 1] == '\n');
	tn_log_set_fd(STDERR_FILENO);
	close(ends[0]);
	close(ends[1]);
}
