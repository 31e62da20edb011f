/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: strict where it is read, forgiving where it is made, shortest where it is written. */
#include <stdio.h>
#include <string.h>

#include "runner/test.h"
#include "wire/wire.h"

static void check_text(const char *bytes, size_t length, const char *written) {
	struct tn_error err = {0};
	struct tn_str out = {0};
	json_t *text = tn_json_text(bytes, length);
	TN_CHECK_NOT_NULL(text);
	TN_CHECK(tn_json_write(text, &out, &err));
	TN_CHECK_STR_EQ(tn_str_c(&out), written);
	json_decref(text);
	tn_str_finish(&out);
}

static void check_refused(const char *json, const char *part) {
	struct tn_error err = {0};
	json_t *value = tn_json_parse(json, strlen(json), &err);
	TN_CHECK_NULL(value);
	TN_CHECK_INT_EQ(err.kind, TN_ERR_VALUE);
	TN_CHECK_STR_CONTAINS(err.text, part);
}

static void check_round_trip(const char *json, const char *wanted) {
	struct tn_error err = {0};
	struct tn_str out = {0};
	json_t *value = tn_json_parse(json, strlen(json), &err);
	TN_CHECK_NO_ERROR(&err);
	TN_CHECK(tn_json_write(value, &out, &err));
	TN_CHECK_STR_EQ(tn_str_c(&out), wanted);
	json_decref(value);
	tn_str_finish(&out);
}

TN_TEST(text_of_any_bytes_becomes_valid_json) {
	check_text("plain", 5, "\"plain\"");
	check_text("", 0, "\"\"");
	check_text("a\"b\\c\n\t\x01", 8, "\"a\\\"b\\\\c\\n\\t\\u0001\"");
	check_text("\xc3\xa9\xff|", 4, "\"\xc3\xa9\xef\xbf\xbd|\"");
	check_text("a\0b", 3, "\"a\xef\xbf\xbd" "b\"");
	check_text("\xf0\x9f\x98", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

/* The writer goes by blocks: an odd character may stand anywhere in one, or across two. */
TN_TEST(text_is_written_alike_wherever_its_odd_characters_stand) {
	static const struct { const char *odd, *written; } cases[] = {
		{"\"", "\\\""}, {"\\", "\\\\"}, {"\n", "\\n"}, {"\x1f", "\\u001f"}, {"\x7f", "\x7f"}, {"\xff", "\xef\xbf\xbd"},
		{"\xc3\xa9", "\xc3\xa9"}, {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"}, {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	};
	for (size_t c = 0; c < TN_ARRAY_LEN(cases); c++) {
		for (size_t before = 0; before < 70; before += 3) {
			char text[200] = "", wanted[200] = "\"";
			memset(text, 'x', before);
			memset(wanted + 1, 'x', before);
			snprintf(text + before, sizeof(text) - before, "%s%.*s", cases[c].odd, (int)before, "0123456789012345678901234567890123456789012345678901234567890123456789");
			snprintf(wanted + 1 + before, sizeof(wanted) - 1 - before, "%s%s\"", cases[c].written, text + before + strlen(cases[c].odd));
			struct tn_str out = {0};
			TN_CHECK(tn_json_write_text(text, strlen(text), &out));
			TN_CHECK_STR_EQ(tn_str_c(&out), wanted);
			tn_str_finish(&out);
		}
	}
}

TN_TEST(numbers_are_written_in_their_shortest_form) {
	check_round_trip("[0.1, 1.0, 1e-5, -3, 9007199254740993]", "[0.1,1.0,1e-05,-3,9007199254740993]");
	check_round_trip("[0, 10, 9223372036854775807, -9223372036854775808]", "[0,10,9223372036854775807,-9223372036854775808]");
}

TN_TEST(members_keep_the_order_in_which_they_came) {
	check_round_trip("{\"z\": null, \"a\": [true, false, {}], \"m\": \"\\u00e9\"}", "{\"z\":null,\"a\":[true,false,{}],\"m\":\"\xc3\xa9\"}");
}

TN_TEST(infinities_and_nan_become_strings) {
	static const struct { double x; const char *text; } cases[] = {{1.0 / 0.0, "inf"}, {-1.0 / 0.0, "-inf"}, {0.0 / 0.0, "nan"}};
	for (size_t i = 0; i < TN_ARRAY_LEN(cases); i++) {
		json_t *value = tn_json_real(cases[i].x);
		TN_CHECK_STR_EQ(json_string_value(value), cases[i].text);
		json_decref(value);
	}
	json_t *value = tn_json_real(0.5);
	TN_CHECK_F64_EQ(json_real_value(value), 0.5);
	json_decref(value);
}

TN_TEST(what_is_not_one_json_value_is_refused_with_the_position) {
	check_refused("", "JSON:");
	check_refused("{\"a\": 1", "line 1");
	check_refused("{} {}", "JSON:");
	check_refused("{\"a\": 1, \"a\": 2}", "duplicate");
	check_refused("\"\\u0000\"", "JSON: a text holds the character NUL (line 1, column");
	check_refused("{\"\\u0000\": 1}", "JSON: a text holds the character NUL (line 1, column");
	check_refused("\"\xff\"", "JSON:");
	check_refused("NaN", "JSON:");
	check_refused("99999999999999999999", "JSON:");
}

TN_TEST(depth_ends_at_the_bound_and_brackets_in_strings_do_not_count) {
	char deep[4 * TN_WIRE_DEPTH_MAX] = "";
	struct tn_error err = {0};
	for (int levels = TN_WIRE_DEPTH_MAX; levels <= TN_WIRE_DEPTH_MAX + 1; levels++) {
		memset(deep, '[', (size_t)levels);
		memset(deep + levels, ']', (size_t)levels);
		deep[2 * levels] = '\0';
		json_t *value = tn_json_parse(deep, strlen(deep), &err);
		TN_CHECK((value != NULL) == (levels == TN_WIRE_DEPTH_MAX));
		json_decref(value);
	}
	TN_CHECK_STR_CONTAINS(err.text, "64 levels");
	char quoted[400];
	memset(quoted, '[', sizeof(quoted));
	quoted[0] = quoted[399] = '"';
	struct tn_error none = {0};
	json_t *value = tn_json_parse(quoted, sizeof(quoted), &none);
	TN_CHECK_NO_ERROR(&none);
	json_decref(value);
}

TN_TEST(members_of_another_type_give_the_fallback) {
	struct tn_error err = {0};
	const char *json = "{\"n\": 3, \"s\": \"x\", \"b\": true}";
	json_t *o = tn_json_parse(json, strlen(json), &err);
	TN_CHECK_NO_ERROR(&err);
	TN_CHECK_INT_EQ(tn_json_get_int(o, "n", 7), 3);
	TN_CHECK_INT_EQ(tn_json_get_int(o, "s", 7), 7);
	TN_CHECK_STR_EQ(tn_json_get_text(o, "s", "?"), "x");
	TN_CHECK_STR_EQ(tn_json_get_text(o, "n", "?"), "?");
	TN_CHECK(tn_json_get_bool(o, "b", false));
	TN_CHECK(!tn_json_get_bool(o, "n", false));
	TN_CHECK_STR_EQ(tn_json_get_text(NULL, "s", "?"), "?");
	TN_CHECK(!tn_json_set_take(o, "none", NULL));
	json_decref(o);
}

TN_TEST(each_failing_allocation_is_reported) {
	const char *json = "{\"type\": \"x\", \"list\": [1, 2.5, \"text\\n\", {\"deep\": [null]}]}";
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_error err = {0};
		struct tn_str out = {0};
		json_t *value = tn_json_parse(json, strlen(json), &err);
		bool ok = value != NULL && tn_json_write(value, &out, &err);
		TN_CHECK(ok == !tn_error_is_set(&err));
		TN_CHECK(ok || tn_test_alloc_failed());
		json_decref(value);
		tn_str_finish(&out);
		json_decref(tn_json_text("a\0b\xff", 4));
	}
}
