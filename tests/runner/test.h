/* SPDX-License-Identifier: Apache-2.0 */
/* The test runner. A test registers itself through a linker section and runs in a process of its own, with a timeout and
 * a look at leaked descriptors; the program speaks TAP, so `meson test` sees each case.
 *
 *     #include "runner/test.h"
 *     TN_TEST(map_keeps_the_order_of_insertion) {
 *         TN_CHECK_INT_EQ(tn_map_count(m), 2);
 *     }
 *
 * A failed check prints both values and ends that test. `name_test FILTER…` runs the tests whose names contain a filter,
 * `--list` names them, `--no-fork` runs them inside the program, for a debugger. */
#ifndef TN_TESTS_RUNNER_TEST_H
#define TN_TESTS_RUNNER_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

struct tn_test {
	const char *name, *file;
	int line;
	void (*run)(void);
};

/* The section holds pointers, not structs: pointers have no padding that a sanitizer or an alignment could change. */
#define TN_TEST(id) \
	static void test_##id(void); \
	static const struct tn_test entry_##id = {#id, __FILE__, __LINE__, test_##id}; \
	static const struct tn_test *const pointer_##id __attribute__((used, section("tn_tests"))) = &entry_##id; \
	static void test_##id(void)

struct tn_test_place {
	const char *file;
	int line;
	const char *expression;
};

#define TN_TEST_HERE(text) ((struct tn_test_place){__FILE__, __LINE__, (text)})

#define TN_CHECK(condition) tn_test_check((condition), TN_TEST_HERE(#condition))
#define TN_CHECK_INT_EQ(found, wanted) tn_test_int_eq((int64_t)(found), (int64_t)(wanted), TN_TEST_HERE(#found))
#define TN_CHECK_SIZE_EQ(found, wanted) tn_test_size_eq((found), (wanted), TN_TEST_HERE(#found))
/* The same value, to the bit but for NaNs, which all equal each other: -0.0 is not 0.0. */
#define TN_CHECK_F64_EQ(found, wanted) tn_test_f64_eq((found), (wanted), TN_TEST_HERE(#found))
#define TN_CHECK_NEAR(found, wanted, tolerance) tn_test_near((found), (wanted), (tolerance), TN_TEST_HERE(#found))
#define TN_CHECK_STR_EQ(found, wanted) tn_test_str_eq((found), (wanted), TN_TEST_HERE(#found))
#define TN_CHECK_STR_CONTAINS(found, part) tn_test_str_contains((found), (part), TN_TEST_HERE(#found))
#define TN_CHECK_MEM_EQ(found, wanted, size) tn_test_mem_eq((found), (wanted), (size), TN_TEST_HERE(#found))
#define TN_CHECK_NULL(pointer) tn_test_null((pointer), TN_TEST_HERE(#pointer))
#define TN_CHECK_NOT_NULL(pointer) tn_test_not_null((pointer), TN_TEST_HERE(#pointer))
#define TN_CHECK_NO_ERROR(err) tn_test_no_error((err), TN_TEST_HERE(#err))
#define TN_CHECK_ERROR(err, error_kind, wanted_text) tn_test_error((err), (error_kind), (wanted_text), TN_TEST_HERE(#err))
/* Ends this test as skipped. */
#define TN_SKIP(reason) tn_test_skip(reason)

/* Runs the block again and again: first the first allocation in it fails, then the second, and so on, until a round in
 * which none failed. In the block, tn_test_alloc_failed() says whether this round's failure has happened already. The
 * _STICKY form lets every allocation after the n-th fail as well. Failures stay armed from the block's beginning to its end only.
 *
 *     TN_FOR_EACH_FAILING_ALLOC {
 *         bool ok = build(&thing, &err);
 *         TN_CHECK(ok || err.kind == TN_ERR_MEMORY);
 *         TN_CHECK(ok == !tn_test_alloc_failed());
 *         finish(&thing);
 *     } */
#define TN_FOR_EACH_FAILING_ALLOC for (struct tn_test_alloc_walk walk_ = {.next = 0}; tn_test_alloc_next(&walk_);)
#define TN_FOR_EACH_FAILING_ALLOC_STICKY \
	for (struct tn_test_alloc_walk walk_ = {.sticky = true}; tn_test_alloc_next(&walk_);)

struct tn_test_alloc_walk {
	int64_t next; /* the call that fails in the coming round */
	bool sticky;
};
bool tn_test_alloc_next(struct tn_test_alloc_walk *walk);
bool tn_test_alloc_failed(void);

/* Behind the macros; none returns when the check fails. */
void tn_test_check(bool condition, struct tn_test_place at);
void tn_test_int_eq(int64_t found, int64_t wanted, struct tn_test_place at);
void tn_test_size_eq(size_t found, size_t wanted, struct tn_test_place at);
void tn_test_f64_eq(double found, double wanted, struct tn_test_place at);
void tn_test_near(double found, double wanted, double tolerance, struct tn_test_place at);
void tn_test_str_eq(const char *found, const char *wanted, struct tn_test_place at);
void tn_test_str_contains(const char *found, const char *part, struct tn_test_place at);
void tn_test_mem_eq(const void *found, const void *wanted, size_t size, struct tn_test_place at);
void tn_test_null(const void *pointer, struct tn_test_place at);
void tn_test_not_null(const void *pointer, struct tn_test_place at);
void tn_test_no_error(const struct tn_error *err, struct tn_test_place at);
void tn_test_error(const struct tn_error *err, enum tn_error_kind kind, const char *text, struct tn_test_place at);
TN_NORETURN void tn_test_fail(struct tn_test_place at, const char *format, ...) TN_PRINTF(2, 3);
TN_NORETURN void tn_test_skip(const char *reason);

#endif
