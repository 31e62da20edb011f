/* SPDX-License-Identifier: Apache-2.0 */
/* Tests that end in every way in which a test can end: what the runner says of them is checked by selftest.py. */
#include "runner/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

TN_TEST(passes) {
	puts("what a test that passes prints is not shown");
	TN_CHECK_INT_EQ(2 + 2, 4);
}

TN_TEST(fails_with_both_values) {
	puts("printed before");
	TN_CHECK_INT_EQ(2 + 2, 5);
	puts("not reached");
}

TN_TEST(skips) {
	TN_SKIP("no such device");
}

TN_TEST(aborts) {
	abort();
}

TN_TEST(exits_early) {
	exit(3);
}

TN_TEST(leaks_a_descriptor) {
	TN_CHECK(dup(0) > 2);
}

TN_TEST(compares_strings_numbers_and_errors) {
	struct tn_error err = {0};
	TN_CHECK_STR_EQ("a", "a");
	TN_CHECK_NEAR(1.0, 1.05, 0.1);
	TN_CHECK_F64_EQ(0.5, 0.5);
	TN_CHECK_NO_ERROR(&err);
	tn_error_set(&err, TN_ERR_VALUE, "found");
	TN_CHECK_ERROR(&err, TN_ERR_VALUE, "found");
	TN_CHECK_NO_ERROR(&err);
}

TN_TEST(minus_zero_is_not_zero) {
	TN_CHECK_F64_EQ(-0.0, 0.0);
}

TN_TEST(every_allocation_fails_once) {
	int rounds = 0, failures = 0;
	TN_FOR_EACH_FAILING_ALLOC {
		void *a = tn_alloc(1), *b = tn_alloc(1);
		failures += (a == NULL) + (b == NULL);
		rounds++;
		tn_free(a);
		tn_free(b);
	}
	TN_CHECK_INT_EQ(rounds, 3);
	TN_CHECK_INT_EQ(failures, 2);
}
