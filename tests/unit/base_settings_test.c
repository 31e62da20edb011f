/* SPDX-License-Identifier: Apache-2.0 */
/* The variables of the environment: what is taken, and what is refused in words. */
#include "runner/test.h"

#include <stdlib.h>
#include <string.h>

static uint64_t size_of(const char *text) {
	uint64_t bytes = 0;
	return tn_parse_size(text, &bytes) ? bytes : UINT64_MAX;
}

TN_TEST(a_size_is_a_decimal_number_and_a_unit) {
	static const struct { const char *text; uint64_t bytes; } rows[] = {
		{"4G", 4ull << 30}, {"1.5G", 3ull << 29}, {"512M", 512ull << 20}, {"512m", 512ull << 20}, {"0.5K", 512}, {"2T", 2ull << 40},
		{"4GB", 4ull << 30}, {"4GiB", 4ull << 30}, {"4 GiB", 4ull << 30}, {"100B", 100}, {"12345678", 12345678}, {"0", 0}, {"3.", 3},
	};
	for (size_t i = 0; i < TN_ARRAY_LEN(rows); i++) {
		TN_CHECK_SIZE_EQ(size_of(rows[i].text), rows[i].bytes);
	}
}

TN_TEST(what_is_not_a_size_is_refused) {
	static const char *const texts[] = {"", "lots", "-5", "+5", "1.5.2G", ".", ".5G", "G", "4X", "4Gi", "4GG", "4G ", " 4G", "1e9", "0x10", "inf",
		"nan", "4G5", "4,5G", "9000000T", "99999999999999999999"};
	for (size_t i = 0; i < TN_ARRAY_LEN(texts); i++) {
		TN_CHECK(size_of(texts[i]) == UINT64_MAX);
	}
}

static void check_refused(const char *name, const char *value, const char *expected) {
	struct tn_error err = {0};
	setenv(name, value, 1);
	TN_CHECK(!tn_settings_check(&err));
	TN_CHECK_STR_EQ(err.text, expected);
	unsetenv(name);
}

TN_TEST(a_wrong_value_is_named_with_what_is_expected) {
	check_refused("TENON_MEMORY", "lots", "TENON_MEMORY: expected a size: a number and K, M, G or T, such as 4G, found 'lots'");
	check_refused("TENON_MEMORY", "-5", "TENON_MEMORY: expected a size: a number and K, M, G or T, such as 4G, found '-5'");
	check_refused("TENON_MEMORY", "0", "TENON_MEMORY: expected a size of at least 1M, such as 4G, found '0'");
	check_refused("TENON_EAGER", "yes", "TENON_EAGER: expected 0 or 1, such as 1, found 'yes'");
	check_refused("TENON_LOG", "Debug", "TENON_LOG: expected error, warn, info or debug, such as debug, found 'Debug'");
	check_refused("TENON_ISA", "sse", "TENON_ISA: expected base, avx2 or avx512, such as avx2, found 'sse'");
	check_refused("TENON_SESSIONS", "-1", "TENON_SESSIONS: expected a whole number that is not negative, or off, such as 20, found '-1'");
	check_refused("TENON_OUTPUT_RATE", "fast", "TENON_OUTPUT_RATE: expected a size: a number and K, M, G or T, or off, such as 800K, found 'fast'");
	check_refused("TENON_RUNS_MODE", "0077", "TENON_RUNS_MODE: expected a folder's mode in octal that lets its owner in, such as 0755, found '0077'");
	check_refused("TENON_ALLOC_FAIL", "-1", "TENON_ALLOC_FAIL: expected a whole number that is not negative, such as 100, found '-1'");
}

TN_TEST(a_number_without_a_unit_asks_for_one) {
	struct tn_error err = {0};
	setenv("TENON_MEMORY", "5", 1);
	TN_CHECK(!tn_settings_check(&err));
	TN_CHECK_STR_EQ(err.hint, "a number without a unit counts bytes: did you mean 5G?");
}

TN_TEST(an_empty_value_is_not_set_and_a_good_one_is_read) {
	struct tn_error err = {0};
	setenv("TENON_MEMORY", "", 1);
	setenv("TENON_EAGER", "", 1);
	TN_CHECK(tn_settings_check(&err));
	TN_CHECK_SIZE_EQ(tn_setting_number(TN_SETTING_MEMORY, 7), 7);
	TN_CHECK(!tn_setting_flag(TN_SETTING_EAGER));
	setenv("TENON_MEMORY", "1.5G", 1);
	setenv("TENON_EAGER", "1", 1);
	setenv("TENON_LOG", "info", 1);
	TN_CHECK(tn_settings_check(&err));
	TN_CHECK_SIZE_EQ(tn_setting_number(TN_SETTING_MEMORY, 7), 3ull << 29);
	TN_CHECK(tn_setting_flag(TN_SETTING_EAGER));
	TN_CHECK_INT_EQ(tn_setting_choice(TN_SETTING_LOG), TN_LOG_INFO);
	TN_CHECK_INT_EQ(tn_setting_choice(TN_SETTING_ISA), -1);
	setenv("TENON_SESSIONS", "off", 1);
	setenv("TENON_RUNS_MODE", "750", 1);
	TN_CHECK(tn_settings_check(&err));
	TN_CHECK(tn_setting_number(TN_SETTING_SESSIONS, 20) == TN_SETTING_OFF);
	TN_CHECK_SIZE_EQ(tn_setting_number(TN_SETTING_RUNS_MODE, 0700), 0750);
}
