/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text and back: shortest, exact, whatever the locale. */
#include "runner/test.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_f64(double x, const char *text) {
	char out[32];
	size_t length = tn_format_f64(x, out);
	TN_CHECK_STR_EQ(out, text);
	TN_CHECK_SIZE_EQ(length, strlen(text));
}

static void check_f32(float x, const char *text) {
	char out[32];
	size_t length = tn_format_f32(x, out);
	TN_CHECK_STR_EQ(out, text);
	TN_CHECK_SIZE_EQ(length, strlen(text));
}

TN_TEST(doubles_print_as_python_prints_them) {
	check_f64(0.0, "0.0");
	check_f64(-0.0, "-0.0");
	check_f64(1.0, "1.0");
	check_f64(-1.5, "-1.5");
	check_f64(0.1, "0.1");
	check_f64(0.1 + 0.2, "0.30000000000000004");
	check_f64(1.0 / 3.0, "0.3333333333333333");
	check_f64(100.0, "100.0");
	check_f64(123456789012345.0, "123456789012345.0");
	check_f64(1e15, "1000000000000000.0");
	check_f64(9999999999999998.0, "9999999999999998.0");
	check_f64(1e16, "1e+16");
	check_f64(1.5e300, "1.5e+300");
	check_f64(0.0001, "0.0001");
	check_f64(0.00001, "1e-05");
	check_f64(1.25e-7, "1.25e-07");
	check_f64(M_PI, "3.141592653589793");
	check_f64((double)INFINITY, "inf");
	check_f64(-(double)INFINITY, "-inf");
	check_f64((double)NAN, "nan");
}

TN_TEST(the_edges_of_double_print_shortest) {
	check_f64(DBL_MAX, "1.7976931348623157e+308");
	check_f64(DBL_MIN, "2.2250738585072014e-308");
	check_f64(4.9406564584124654e-324, "5e-324");
	check_f64(2.5e-323, "2.5e-323");
	check_f64(ldexp(1.0, -44), "5.684341886080802e-14");
	check_f64(ldexp(1.0, 89), "6.189700196426902e+26");
	check_f64(9007199254740993.0, "9007199254740992.0");
	check_f64(5e-5, "5e-05");
}

TN_TEST(floats_print_the_digits_of_a_float) {
	check_f32(0.1f, "0.1");
	check_f32(1.0f / 3.0f, "0.33333334");
	check_f32(16777216.0f, "16777216.0");
	check_f32(3.4028235e38f, "3.4028235e+38");
	check_f32(1.1754944e-38f, "1.1754944e-38");
	check_f32(1.4e-45f, "1e-45");
	check_f32(-2.5f, "-2.5");
	check_f32(1e16f, "1e+16");
	check_f32((float)ldexp(1.0, 90), "1.2379401e+27");
}

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void) {
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

TN_TEST(random_doubles_read_back) {
	for (int i = 0; i < 20000; i++) {
		uint64_t bits = next_random();
		double x, back;
		char out[32];
		memcpy(&x, &bits, sizeof(x));
		if (isfinite(x)) {
			size_t length = tn_format_f64(x, out);
			TN_CHECK(length < 32);
			TN_CHECK(tn_parse_f64(out, length, &back));
			TN_CHECK_F64_EQ(back, x);
		}
	}
}

TN_TEST(random_floats_read_back) {
	for (int i = 0; i < 20000; i++) {
		uint32_t bits = (uint32_t)next_random();
		float x;
		double back;
		char out[32];
		memcpy(&x, &bits, sizeof(x));
		if (isfinite(x)) {
			TN_CHECK(tn_parse_f64(out, tn_format_f32(x, out), &back));
			TN_CHECK_F64_EQ((double)(float)back, (double)x);
		}
	}
}

static void check_parse(const char *text, double wanted) {
	double x = 0;
	if (!tn_parse_f64(text, strlen(text), &x)) {
		tn_test_fail(TN_TEST_HERE(text), "'%s' was not read", text);
	}
	TN_CHECK_F64_EQ(x, wanted);
}

TN_TEST(decimals_are_read) {
	check_parse("0", 0.0);
	check_parse("-0", -0.0);
	check_parse("1", 1.0);
	check_parse("+1.5", 1.5);
	check_parse(".5", 0.5);
	check_parse("5.", 5.0);
	check_parse("1e3", 1000.0);
	check_parse("1E-3", 0.001);
	check_parse("000123.4500", 123.45);
	check_parse("0.000001234", 0.000001234);
	check_parse("1e400", (double)INFINITY);
	check_parse("1e-400", 0.0);
	check_parse("1e99999999999999999999", (double)INFINITY);
	check_parse("0e99999999999999999999", 0.0);
	check_parse("inf", (double)INFINITY);
	check_parse("-Infinity", -(double)INFINITY);
	check_parse("nan", (double)NAN);
	check_parse("179769313486231570e291", DBL_MAX);
	check_parse("2.4703282292062327e-324", 0.0);
	check_parse("2.4703282292062328e-324", 4.9406564584124654e-324);
}

TN_TEST(what_is_no_decimal_is_refused) {
	static const char *const bad[] = {"", "+", "-", ".", "e5", "1e", "1e+", "1.2.3", "1 ", " 1", "0x10", "1_000", "abc",
		"infinit", "1,5", "--1", "1e5.0", "nanx"};
	for (size_t i = 0; i < TN_ARRAY_LEN(bad); i++) {
		double x = 42;
		TN_CHECK(!tn_parse_f64(bad[i], strlen(bad[i]), &x));
		TN_CHECK_F64_EQ(x, 42);
	}
	double x;
	TN_CHECK(!tn_parse_f64("1\0", 2, &x));
	TN_CHECK(tn_parse_f64("12x", 2, &x) && x == 12);
}

/* 1 + 2**-53 lies exactly between two doubles: a digit far behind decides. */
TN_TEST(a_digit_far_behind_still_decides) {
	static char text[3000];
	strcpy(text, "1.00000000000000011102230246251565404236316680908203125");
	check_parse(text, 1.0);
	size_t length = strlen(text);
	memset(text + length, '0', 2000);
	text[length + 2000] = '\0';
	check_parse(text, 1.0);
	text[length + 1999] = '1';
	check_parse(text, 1.0 + DBL_EPSILON);
	memset(text, '9', 2900);
	text[2900] = '\0';
	check_parse(text, (double)INFINITY);
	strcpy(text + 2900, "e-2899");
	check_parse(text, 10.0);
}

TN_TEST(the_locale_does_not_matter) {
	static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
	bool found = false;
	for (size_t i = 0; i < TN_ARRAY_LEN(names) && !found; i++) {
		found = setlocale(LC_ALL, names[i]) != NULL && strcmp(localeconv()->decimal_point, ",") == 0;
	}
	if (!found) {
		TN_SKIP("no locale with a decimal comma is installed");
	}
	check_f64(0.5, "0.5");
	check_f64(1.25e-7, "1.25e-07");
	check_parse("0.5", 0.5);
}
