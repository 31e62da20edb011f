/* SPDX-License-Identifier: Apache-2.0 */
/* What runner.c and check.c share. */
#ifndef TN_TESTS_RUNNER_RUNNER_H
#define TN_TESTS_RUNNER_RUNNER_H

#include <stdint.h>

/* Exit statuses of a test's process. */
enum { TN_TEST_PASSED = 0, TN_TEST_FAILED = 1, TN_TEST_SKIPPED = 77 };

/* The call that this round of TN_FOR_EACH_FAILING_ALLOC lets fail; -1 outside. */
extern int64_t runner_alloc_fail_at;

#endif
