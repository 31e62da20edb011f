/* SPDX-License-Identifier: Apache-2.0 */
/* Text of values: what print shows, and Python's format mini-language (the wanted texts are Python 3.11's). */
#include <math.h>
#include <string.h>

#include "lang/lang.h"
#include "runner/test.h"

static void check_spec(struct tn_value v, const char *spec, const char *wanted) {
	struct tn_str out = {0};
	struct tn_error err = {0};
	bool ok = tn_value_format_spec(v, spec, &out, &err);
	TN_CHECK_NO_ERROR(&err);
	TN_CHECK(ok);
	TN_CHECK_STR_EQ(tn_str_c(&out), wanted);
	tn_str_finish(&out);
}

TN_TEST(ints_are_formatted_as_python_does) {
	static const struct { int64_t value; const char *spec, *wanted; } rows[] = {
		{42, "", "42"}, {42, "5", "   42"}, {42, "<5", "42   "}, {42, "^6", "  42  "}, {-42, "=6", "-   42"}, {42, "+d", "+42"}, {42, " d", " 42"},
		{-42, "06", "-00042"}, {255, "x", "ff"}, {255, "#X", "0XFF"}, {5, "b", "101"}, {8, "#o", "0o10"}, {1234567, ",", "1,234,567"},
		{1234567, "_", "1_234_567"}, {1234, "010,", "00,001,234"}, {1234, "09,", "0,001,234"}, {65, "c", "A"}, {42, "*>6d", "****42"}, {3, ".2f", "3.00"}, {1, ".0%", "100%"},
		{INT64_MIN, "d", "-9223372036854775808"}, {65535, "_x", "ffff"}, {1048575, "_x", "f_ffff"},
	};
	for (size_t i = 0; i < TN_ARRAY_LEN(rows); i++) {
		check_spec(tn_int(rows[i].value), rows[i].spec, rows[i].wanted);
	}
}

TN_TEST(floats_are_formatted_as_python_does) {
	static const struct { double value; const char *spec, *wanted; } rows[] = {
		{3.14159, ".2f", "3.14"}, {3.0, "", "3.0"}, {2.5, "8.1f", "     2.5"}, {1e10, "g", "1e+10"}, {0.0001, "g", "0.0001"}, {1.5, "e", "1.500000e+00"},
		{12345.678, ",.2f", "12,345.68"}, {0.256, ".1%", "25.6%"}, {-0.0, ".1f", "-0.0"}, {123.0, ".3", "1.23e+02"}, {123.0, ".4", "123.0"}, {0.1, ".3", "0.1"},
		{1e-5, ".2", "1e-05"}, {1.0 / 3, ".4g", "0.3333"}, {100.0, "G", "100"}, {1e300, ".1E", "1.0E+300"}, {2.0, "+.0f", "+2"}, {2.0, "#.0f", "2."},
		{1234.5, "012,.1f", "00,001,234.5"}, {9.99, ".1f", "10.0"},
	};
	for (size_t i = 0; i < TN_ARRAY_LEN(rows); i++) {
		check_spec(tn_float(rows[i].value), rows[i].spec, rows[i].wanted);
	}
	check_spec(tn_float(INFINITY), ".2f", "inf");
	check_spec(tn_float(-INFINITY), "6", "  -inf");
	check_spec(tn_float(NAN), "F", "NAN");
}

TN_TEST(text_is_filled_and_cut_by_code_points) {
	struct tn_value s;
	struct tn_error err = {0};
	TN_CHECK(tn_string_create("h\xc3\xa9llo", 6, &s, &err));
	check_spec(s, "7", "h\xc3\xa9llo  ");
	check_spec(s, ">7", "  h\xc3\xa9llo");
	check_spec(s, ".2", "h\xc3\xa9");
	check_spec(s, "\xc3\xa9^7s", "\xc3\xa9h\xc3\xa9llo\xc3\xa9");
	tn_value_unref(s);
	check_spec(tn_bool(true), "", "true");
}

TN_TEST(wrong_specs_are_errors) {
	static const char *const specs[] = {"q", ".f", "5.2.1", "999999999999", ".99999f", "d3", "c,"};
	for (size_t i = 0; i < TN_ARRAY_LEN(specs); i++) {
		struct tn_str out = {0};
		struct tn_error err = {0};
		TN_CHECK(!tn_value_format_spec(tn_float(1.5), specs[i], &out, &err));
		TN_CHECK_INT_EQ(err.kind, TN_ERR_VALUE);
		tn_str_finish(&out);
	}
}

TN_TEST(containers_show_their_parts) {
	struct tn_error err = {0};
	struct tn_str out = {0};
	struct tn_value items[3] = {tn_int(1), tn_float(2.0), tn_bool(false)}, tuple, one, text, map;
	TN_CHECK(tn_tuple_create_take(items, 3, &tuple, &err));
	TN_CHECK(tn_tuple_create_take(items, 1, &one, &err));
	TN_CHECK(tn_string_create("a\"b\n", 4, &text, &err));
	TN_CHECK(tn_dict_create(NULL, &map, &err));
	TN_CHECK(tn_dict_set_take(map.map, "k", 1, text, &err));
	TN_CHECK(tn_value_format(tuple, true, &out, &err) && tn_value_format(one, true, &out, &err) && tn_value_format(map, true, &out, &err));
	TN_CHECK_STR_EQ(tn_str_c(&out), "(1, 2.0, false)(1,){\"k\": \"a\\\"b\\n\"}");
	tn_str_finish(&out);
	tn_value_unref(tuple);
	tn_value_unref(one);
	tn_value_unref(map);
}
