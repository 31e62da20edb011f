/* SPDX-License-Identifier: Apache-2.0 */
/* x[…] read and written, compared with a naive walk over all positions or with what NumPy gives (PyTorch where an int stands
 * beside tensors). Each case runs on a tensor that is there, where parts are views, and on a pending one, where they are
 * recorded. */
#include "tensor_fixture.h"

#define INT_AT(n)                                                                                                                \
	{ .kind = TN_INDEX_INT, .literal = true, .start = (n) }
#define VAR_AT(n)                                                                                                                \
	{ .kind = TN_INDEX_INT, .start = (n) }
#define ALL                                                                                                                      \
	{ .kind = TN_INDEX_SLICE, .literal = true }
#define FROM_TO(a, b)                                                                                                            \
	{ .kind = TN_INDEX_SLICE, .literal = true, .has_start = true, .start = (a), .has_stop = true, .stop = (b) }
#define VAR_FROM_TO(a, b)                                                                                                        \
	{ .kind = TN_INDEX_SLICE, .has_start = true, .start = (a), .has_stop = true, .stop = (b) }
#define STEP(n)                                                                                                                  \
	{ .kind = TN_INDEX_SLICE, .literal = true, .has_step = true, .step = (n) }
#define NEW                                                                                                                      \
	{ .kind = TN_INDEX_NEW_AXIS }
#define DOTS                                                                                                                     \
	{ .kind = TN_INDEX_ELLIPSIS }
#define BY(t)                                                                                                                    \
	{ .kind = TN_INDEX_TENSOR, .tensor = (t) }
#define ITEMS(...) (struct tn_index[]){__VA_ARGS__}, (int)(sizeof((struct tn_index[]){__VA_ARGS__}) / sizeof(struct tn_index))

/* 0 … as a pending tensor: x + 0 */
static struct tn_tensor *pending_count(struct tn_engine *e, struct tn_shape shape) {
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, shape);
	struct tn_tensor *y = tn_elementwise(e, TN_OP_ADD, (struct tn_arg[]){tn_arg_tensor(x), tn_arg_i64(0, true)}, 2, &err);

	TN_CHECK_NO_ERROR(&err);
	tn_tensor_unref(x);
	return y;
}

static void check_get(struct tn_engine *e, struct tn_shape shape, const struct tn_index *items, int count, const char *wanted) {
	for (int pending = 0; pending < 2; pending++) {
		struct tn_error err = {0};
		struct tn_tensor *x = pending ? pending_count(e, shape) : fixture_count(e, TN_DTYPE_F32, shape);

		CHECK_TENSOR(tn_index_get(e, x, items, count, &err), wanted);
		tn_tensor_unref(x);
	}
}

static void check_set(struct tn_engine *e, struct tn_shape shape, const struct tn_index *items, int count, struct tn_arg value,
	const char *wanted) {
	for (int kind = 0; kind < 3; kind++) { /* there, pending, shared */
		struct tn_error err = {0};
		struct tn_tensor *x = kind == 1 ? pending_count(e, shape) : fixture_count(e, TN_DTYPE_F32, shape);
		struct tn_tensor *before = kind == 2 ? tn_tensor_ref(x) : NULL, *untouched;
		bool same;

		TN_CHECK(tn_index_set(e, &x, items, count, value, &err) || !tn_error_is_set(&err));
		CHECK_TENSOR(x, wanted);
		if (before != NULL) { /* a value, not an alias */
			untouched = fixture_count(e, TN_DTYPE_F32, shape);
			TN_CHECK(tn_tensor_equal(e, before, untouched, &same, &err) && same);
			tn_tensor_unref(untouched);
			tn_tensor_unref(before);
		}
	}
}

static void check_error(struct tn_engine *e, struct tn_shape shape, const struct tn_index *items, int count,
	enum tn_error_kind kind, const char *wanted) {
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, shape);

	CHECK_FAILS(tn_index_get(e, x, items, count, &err), kind, wanted);
	tn_tensor_unref(x);
}

TN_TEST(ints_and_slices_choose_what_python_chooses) {
	struct tn_engine *e = fixture_engine();
	struct tn_shape m = TN_SHAPE(3, 4);

	check_get(e, m, ITEMS(INT_AT(1)), "f32[4] 4 5 6 7");
	check_get(e, m, ITEMS(VAR_AT(1)), "f32[4] 4 5 6 7");
	check_get(e, m, ITEMS(INT_AT(-1), INT_AT(-4)), "f32[] 8");
	check_get(e, m, ITEMS(VAR_AT(2), VAR_AT(0)), "f32[] 8");
	check_get(e, m, ITEMS(ALL, INT_AT(2)), "f32[3] 2 6 10");
	check_get(e, m, ITEMS(FROM_TO(1, 3)), "f32[2, 4] 4 5 6 7 8 9 10 11");
	check_get(e, m, ITEMS(VAR_FROM_TO(1, 3), VAR_FROM_TO(0, 2)), "f32[2, 2] 4 5 8 9");
	check_get(e, m, ITEMS(STEP(2), STEP(-1)), "f32[2, 4] 3 2 1 0 11 10 9 8");
	check_get(e, m, ITEMS(FROM_TO(-2, 99), FROM_TO(-99, 1)), "f32[2, 1] 4 8");
	check_get(e, m, ITEMS(FROM_TO(2, 1)), "f32[0, 4]");
	check_get(e, m, ITEMS(DOTS, INT_AT(0)), "f32[3] 0 4 8");
	check_get(e, m, ITEMS(DOTS), "f32[3, 4] 0 1 2 3 4 5 6 7 8 9 10 11");
	check_get(e, m, ITEMS(INT_AT(0), NEW, FROM_TO(0, 2), NEW), "f32[1, 2, 1] 0 1");
	check_get(e, TN_SHAPE_SCALAR, ITEMS(DOTS, NEW), "f32[1] 0");
	tn_engine_destroy(e);
}

TN_TEST(slices_agree_with_a_walk_over_all_bounds) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_I64, TN_SHAPE(5));

	for (int64_t start = -7; start <= 7; start++) {
		for (int64_t stop = -7; stop <= 7; stop++) {
			for (int64_t step = -3; step <= 3; step++) {
				struct tn_index item = {.kind = TN_INDEX_SLICE,
					.literal = true,
					.has_start = start != 7,
					.start = start,
					.has_stop = stop != 7,
					.stop = stop,
					.has_step = true,
					.step = step};
				int64_t from = start == 7 ? (step > 0 ? 0 : 4) : start < 0 ? start + 5 : start;
				int64_t to = stop == 7 ? (step > 0 ? 5 : -1) : stop < 0 ? (stop + 5 < -1 ? -1 : stop + 5) : stop, found = 0;
				struct tn_tensor *part;
				double *values;

				if (step == 0) {
					continue;
				}
				part = tn_index_get(e, x, &item, 1, &err);
				TN_CHECK_NO_ERROR(&err);
				values = fixture_read(part);
				from = step > 0 ? (from < 0 ? 0 : from) : (from > 4 ? 4 : from);
				for (int64_t at = from; step > 0 ? at < to && at < 5 : at > to && at >= 0; at += step) {
					TN_CHECK(found < tn_tensor_shape(part)->dims[0]);
					TN_CHECK_F64_EQ(values[found++], (double)at);
				}
				TN_CHECK_INT_EQ(found, tn_tensor_shape(part)->dims[0]);
				tn_free(values);
				tn_tensor_unref(part);
			}
		}
	}
	tn_tensor_unref(x);
	tn_engine_destroy(e);
}

TN_TEST(integer_tensors_gather) {
	struct tn_engine *e = fixture_engine();
	struct tn_shape m = TN_SHAPE(3, 4), cube = TN_SHAPE(2, 3, 4);
	struct tn_tensor *i = fixture_from(e, TN_DTYPE_I64, TN_SHAPE(2), (double[]){2, -3}),
					 *j = fixture_from(e, TN_DTYPE_I32, TN_SHAPE(2), (double[]){1, 3});
	struct tn_tensor *column = fixture_from(e, TN_DTYPE_I64, TN_SHAPE(2, 1), (double[]){0, 1}),
					 *n = fixture_from(e, TN_DTYPE_U8, TN_SHAPE_SCALAR, (double[]){1});

	check_get(e, m, ITEMS(BY(i)), "f32[2, 4] 8 9 10 11 0 1 2 3");
	check_get(e, m, ITEMS(ALL, BY(j)), "f32[3, 2] 1 3 5 7 9 11");
	check_get(e, m, ITEMS(BY(i), BY(j)), "f32[2] 9 3");
	check_get(e, m, ITEMS(BY(n)), "f32[4] 4 5 6 7");
	check_get(e, cube, ITEMS(BY(column), BY(i)), "f32[2, 2, 4] 8 9 10 11 0 1 2 3 20 21 22 23 12 13 14 15");
	check_get(e, cube, ITEMS(BY(n), ALL, BY(j)), "f32[2, 3] 13 17 21 15 19 23"); /* apart: their axes come first */
	check_get(e, cube, ITEMS(INT_AT(1), ALL, BY(j)), "f32[3, 2] 13 15 17 19 21 23");
	check_get(e, cube, ITEMS(ALL, BY(i), BY(j)), "f32[2, 2] 9 3 21 15");
	check_get(e, cube, ITEMS(DOTS, BY(i), FROM_TO(1, 3)), "f32[2, 2, 2] 9 10 1 2 21 22 13 14");
	tn_tensor_unref(i);
	tn_tensor_unref(j);
	tn_tensor_unref(column);
	tn_tensor_unref(n);
	tn_engine_destroy(e);
}

TN_TEST(masks_choose_elements) {
	struct tn_engine *e = fixture_engine();
	struct tn_shape m = TN_SHAPE(3, 4);
	struct tn_tensor *rows = fixture_from(e, TN_DTYPE_BOOL8, TN_SHAPE(3), (double[]){1, 0, 1}),
					 *i = fixture_from(e, TN_DTYPE_I64, TN_SHAPE(2), (double[]){1, 2});
	struct tn_tensor *every = fixture_from(e, TN_DTYPE_BOOL8, TN_SHAPE(3, 4), (double[]){0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1});

	check_get(e, m, ITEMS(BY(rows)), "f32[2, 4] 0 1 2 3 8 9 10 11");
	check_get(e, m, ITEMS(BY(every)), "f32[3] 2 8 11");
	check_get(e, m, ITEMS(BY(rows), INT_AT(1)), "f32[2] 1 9");
	check_get(e, m, ITEMS(BY(rows), BY(i)), "f32[2] 1 10");
	check_get(e, TN_SHAPE(2, 3, 4), ITEMS(INT_AT(1), BY(every)), "f32[3] 14 20 23");
	tn_tensor_unref(rows);
	tn_tensor_unref(every);
	tn_tensor_unref(i);
	tn_engine_destroy(e);
}

TN_TEST(index_errors_name_the_index_and_the_shape) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_shape m = TN_SHAPE(3, 4);
	struct tn_tensor *i = fixture_from(e, TN_DTYPE_I64, TN_SHAPE(2), (double[]){0, 12}),
					 *mask = fixture_from(e, TN_DTYPE_BOOL8, TN_SHAPE(4), (double[]){1, 0, 1, 0});
	struct tn_tensor *f = fixture_from(e, TN_DTYPE_F32, TN_SHAPE(1), (double[]){1}), *x = fixture_count(e, TN_DTYPE_F32, m), *y;
	char bytes[64];

	check_error(e, m, ITEMS(INT_AT(3)), TN_ERR_INDEX, "index 3 is out of range for axis 0 of f32[3, 4]");
	check_error(e, m, ITEMS(ALL, INT_AT(-5)), TN_ERR_INDEX, "index -5 is out of range for axis 1 of f32[3, 4]");
	check_error(e, m, ITEMS(ALL, ALL, ALL), TN_ERR_INDEX, "3 indices for f32[3, 4], which has 2 axes");
	check_error(e, m, ITEMS(STEP(0)), TN_ERR_VALUE, "the step of a slice is 0");
	check_error(e, m, ITEMS(DOTS, DOTS), TN_ERR_INDEX, "an index has one '...' at most");
	check_error(e, m, ITEMS(BY(mask)), TN_ERR_SHAPE, "the mask bool8[4] does not fit f32[3, 4] at axis 0");
	check_error(e, m, ITEMS(BY(f)), TN_ERR_TYPE, "a tensor is indexed by integers or by a bool8 mask, not by f32[1]");
	for (int both = 0; both < 2; both++) { /* known when it runs: value, axis size */
		y = both ? tn_index_get(e, x, ITEMS(BY(i), BY(i)), &err) : tn_index_get(e, x, ITEMS(BY(i)), &err);
		TN_CHECK(y == NULL || !tn_tensor_read(y, bytes, (size_t)tn_shape_count(tn_tensor_shape(y)) * 4, &err));
		TN_CHECK_INT_EQ(err.kind, TN_ERR_INDEX);
		TN_CHECK_STR_CONTAINS(err.text, both ? "index 12 is out of range" : "index 12 is out of range for axis 0 of size 3");
		tn_tensor_unref(y);
		tn_error_clear(&err);
	}
	tn_tensor_unref(i);
	tn_tensor_unref(mask);
	tn_tensor_unref(f);
	tn_tensor_unref(x);
	tn_engine_destroy(e);
}

TN_TEST(writes_by_ints_and_slices_make_a_new_value) {
	struct tn_engine *e = fixture_engine();
	struct tn_shape m = TN_SHAPE(2, 3);
	struct tn_tensor *row = fixture_from(e, TN_DTYPE_F32, TN_SHAPE(3), (double[]){7, 8, 9}),
					 *wide = fixture_from(e, TN_DTYPE_I64, TN_SHAPE(1, 3), (double[]){7, 8, 9});
	struct tn_tensor *column = fixture_from(e, TN_DTYPE_F32, TN_SHAPE(2, 1), (double[]){7, 8});

	check_set(e, m, ITEMS(INT_AT(0), INT_AT(1)), tn_arg_f64(9.5, true), "f32[2, 3] 0 9.5 2 3 4 5");
	check_set(e, m, ITEMS(VAR_AT(1), VAR_AT(-1)), tn_arg_i64(9, false), "f32[2, 3] 0 1 2 3 4 9");
	check_set(e, m, ITEMS(INT_AT(1)), tn_arg_tensor(row), "f32[2, 3] 0 1 2 7 8 9");
	check_set(e, m, ITEMS(VAR_AT(1)), tn_arg_tensor(row), "f32[2, 3] 0 1 2 7 8 9");
	check_set(e, m, ITEMS(INT_AT(0)), tn_arg_tensor(wide), "f32[2, 3] 7 8 9 3 4 5");
	check_set(e, m, ITEMS(ALL, INT_AT(1)), tn_arg_i64(0, true), "f32[2, 3] 0 0 2 3 0 5");
	check_set(e, m, ITEMS(ALL, FROM_TO(1, 3)), tn_arg_tensor(column), "f32[2, 3] 0 7 7 3 8 8");
	check_set(e, m, ITEMS(ALL, STEP(-2)), tn_arg_tensor(column), "f32[2, 3] 7 1 7 8 4 8");
	check_set(e, m, ITEMS(DOTS), tn_arg_tensor(row), "f32[2, 3] 7 8 9 7 8 9");
	check_set(e, m, ITEMS(FROM_TO(1, 1)), tn_arg_i64(3, true), "f32[2, 3] 0 1 2 3 4 5");
	check_set(e, m, ITEMS(NEW, INT_AT(0)), tn_arg_tensor(row), "f32[2, 3] 7 8 9 3 4 5");
	check_set(e, m, ITEMS(VAR_AT(1), ALL, NEW), tn_arg_i64(5, true), "f32[2, 3] 0 1 2 5 5 5");
	tn_tensor_unref(row);
	tn_tensor_unref(wide);
	tn_tensor_unref(column);
	tn_engine_destroy(e);
}

TN_TEST(writes_by_tensors_follow_numpy) {
	struct tn_engine *e = fixture_engine();
	struct tn_shape m = TN_SHAPE(3, 2);
	struct tn_tensor *i = fixture_from(e, TN_DTYPE_I64, TN_SHAPE(3), (double[]){2, 0, 2}),
					 *j = fixture_from(e, TN_DTYPE_I64, TN_SHAPE(3), (double[]){0, 1, 0});
	struct tn_tensor *v = fixture_from(e, TN_DTYPE_F32, TN_SHAPE(3, 1), (double[]){7, 8, 9}),
					 *w = fixture_from(e, TN_DTYPE_F32, TN_SHAPE(3), (double[]){7, 8, 9});
	struct tn_tensor *mask = fixture_from(e, TN_DTYPE_BOOL8, TN_SHAPE(3), (double[]){1, 0, 1}),
					 *two = fixture_from(e, TN_DTYPE_F32, TN_SHAPE(2), (double[]){7, 8});
	struct tn_tensor *every = fixture_from(e, TN_DTYPE_BOOL8, TN_SHAPE(3, 2), (double[]){0, 1, 1, 0, 0, 1});
	struct tn_tensor *one = fixture_from(e, TN_DTYPE_F32, TN_SHAPE_SCALAR, (double[]){-1});

	check_set(e, m, ITEMS(BY(i)), tn_arg_tensor(v), "f32[3, 2] 8 8 2 3 9 9"); /* of duplicates the last wins */
	check_set(e, m, ITEMS(BY(i), BY(j)), tn_arg_tensor(w), "f32[3, 2] 0 8 2 3 9 5");
	check_set(e, m, ITEMS(BY(i), INT_AT(1)), tn_arg_tensor(w), "f32[3, 2] 0 8 2 3 4 9");
	check_set(e, m, ITEMS(BY(mask)), tn_arg_i64(0, true), "f32[3, 2] 0 0 2 3 0 0");
	check_set(e, m, ITEMS(BY(mask)), tn_arg_tensor(one), "f32[3, 2] -1 -1 2 3 -1 -1");
	check_set(e, m, ITEMS(BY(mask)), tn_arg_tensor(two), "f32[3, 2] 7 8 2 3 7 8");
	check_set(e, m, ITEMS(BY(every)), tn_arg_tensor(w), "f32[3, 2] 0 7 8 3 4 9");
	check_set(e, m, ITEMS(ALL, BY(j)), tn_arg_i64(6, true), "f32[3, 2] 6 6 6 6 6 6");
	check_set(e, m, ITEMS(FROM_TO(0, 2), BY(j)), tn_arg_i64(6, true), "f32[3, 2] 6 6 6 6 4 5");
	check_set(e, m, ITEMS(STEP(-2), BY(j)), tn_arg_tensor(w), "f32[3, 2] 9 8 2 3 9 8");
	tn_tensor_unref(i);
	tn_tensor_unref(j);
	tn_tensor_unref(v);
	tn_tensor_unref(w);
	tn_tensor_unref(mask);
	tn_tensor_unref(every);
	tn_tensor_unref(two);
	tn_tensor_unref(one);
	tn_engine_destroy(e);
}

TN_TEST(a_write_of_what_does_not_fit_leaves_the_tensor_as_it_was) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_I64, TN_SHAPE(3)), *same = x,
					 *v = fixture_count(e, TN_DTYPE_I64, TN_SHAPE(2));

	TN_CHECK(!tn_index_set(e, &x, ITEMS(INT_AT(0)), tn_arg_f64(0.5, true), &err));
	TN_CHECK_ERROR(&err, TN_ERR_VALUE, "index_set: i64 cannot hold 0.5");
	tn_error_clear(&err);
	TN_CHECK(!tn_index_set(e, &x, ITEMS(ALL), tn_arg_tensor(v), &err));
	TN_CHECK_ERROR(&err, TN_ERR_SHAPE, "a part of shape [3] of i64[3] cannot take i64[2]");
	TN_CHECK(x == same);
	tn_error_clear(&err);
	CHECK_TENSOR(x, "i64[3] 0 1 2");
	tn_tensor_unref(v);
	tn_engine_destroy(e);
}

TN_TEST(a_single_element_of_an_unshared_tensor_is_written_without_a_node) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(1000)), *same = x;

	for (int64_t k = 0; k < 1000; k++) {
		TN_CHECK(tn_index_set(e, &x, ITEMS(VAR_AT(k)), tn_arg_i64(-k, false), &err));
	}
	TN_CHECK(x == same);
	TN_CHECK_INT_EQ(tn_pending_nodes(e), 0);
	CHECK_TENSOR(tn_reduce(e, TN_OP_SUM, x, NULL, 0, false, &err), "f32[] -499500");
	tn_tensor_unref(x);
	tn_engine_destroy(e);
}

TN_TEST(a_loop_over_pending_rows_uses_one_plan) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_engine_stats stats;

	for (int64_t k = 0; k < 10; k++) {
		struct tn_tensor *x = pending_count(e, TN_SHAPE(10, 3)), *row = tn_index_get(e, x, ITEMS(VAR_AT(k)), &err);
		double *values = fixture_read(row);

		TN_CHECK_F64_EQ(values[1], (double)(3 * k + 1));
		tn_free(values);
		tn_tensor_unref(row);
		tn_tensor_unref(x);
	}
	tn_engine_get_stats(e, &stats);
	TN_CHECK_INT_EQ(stats.plan_misses, 1);
	tn_engine_destroy(e);
}

TN_TEST(nonzero_and_equal_read_the_elements) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_from(e, TN_DTYPE_F32, TN_SHAPE(2, 3), (double[]){0, 1, 0, -2, 0, 3}),
					 *y = fixture_from(e, TN_DTYPE_F32, TN_SHAPE(2, 3), (double[]){-0.0, 1, 0, -2, 0, 3});
	struct tn_tensor *nan = fixture_from(e, TN_DTYPE_F32, TN_SHAPE(1), (double[]){0.0 / 0.0}),
					 *i = fixture_count(e, TN_DTYPE_I64, TN_SHAPE(1));
	bool equal;

	CHECK_TENSOR(tn_nonzero(e, x, &err), "i64[3, 2] 0 1 1 0 1 2");
	TN_CHECK(tn_tensor_equal(e, x, y, &equal, &err) && equal);
	TN_CHECK(tn_tensor_equal(e, nan, nan, &equal, &err) && !equal);
	TN_CHECK(tn_tensor_equal(e, nan, i, &equal, &err) && !equal);
	tn_tensor_unref(x);
	tn_tensor_unref(y);
	tn_tensor_unref(nan);
	tn_tensor_unref(i);
	tn_engine_destroy(e);
}

/* Several fronts in a row, each of which may run out of memory; everything made is dropped either way. */
static bool make_many(
	struct tn_engine *e, struct tn_tensor *x, struct tn_tensor *rows, struct tn_tensor *mask, struct tn_error *err) {
	struct tn_index by_rows = BY(rows), by_mask = BY(mask), pair[2] = {BY(rows), BY(rows)};
	struct tn_tensor *part = NULL, *masked = NULL, *joined = NULL, *product = NULL, *mean = NULL, *copy = tn_tensor_ref(x);
	struct tn_tensor *many[70];
	bool ok = false;
	double out;

	for (int i = 0; i < 70; i++) {
		many[i] = x;
	}
	part = tn_index_get(e, x, pair, 2, err);
	masked = part != NULL ? tn_index_get(e, x, &by_mask, 1, err) : NULL;
	joined = masked != NULL ? tn_cat(e, many, 70, 1, err) : NULL;
	product = joined != NULL ? tn_matmul(e, x, joined, err) : NULL;
	mean = product != NULL ? tn_mean(e, product, NULL, 0, false, err) : NULL;
	if (mean != NULL && tn_index_set(e, &copy, &by_rows, 1, tn_arg_tensor(mean), err)) {
		ok = tn_tensor_item_f64(mean, &out, err) && tn_index_set(e, &copy, &by_mask, 1, tn_arg_i64(0, true), err);
	}
	tn_tensor_unref(part);
	tn_tensor_unref(masked);
	tn_tensor_unref(joined);
	tn_tensor_unref(product);
	tn_tensor_unref(mean);
	tn_tensor_unref(copy);
	return ok;
}

TN_TEST(running_out_of_memory_is_an_error_and_loses_nothing) {
	struct tn_engine *e = fixture_engine();
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(3, 3)),
					 *rows = fixture_from(e, TN_DTYPE_I64, TN_SHAPE(2), (double[]){0, 2});
	struct tn_tensor *mask = fixture_from(e, TN_DTYPE_BOOL8, TN_SHAPE(3), (double[]){1, 0, 1});
	struct tn_error err = {0};

	TN_FOR_EACH_FAILING_ALLOC {
		bool ok;

		tn_error_clear(&err);
		ok = make_many(e, x, rows, mask, &err);
		TN_CHECK(ok || err.kind == TN_ERR_MEMORY);
	}
	tn_error_clear(&err);
	CHECK_TENSOR(x, "f32[3, 3] 0 1 2 3 4 5 6 7 8");
	tn_tensor_unref(rows);
	tn_tensor_unref(mask);
	tn_engine_destroy(e);
}

/* ---- random items ---- */

static uint32_t draw(uint64_t *at, uint32_t below) {
	uint32_t words[4];

	tn_philox_block(2026, 11, (*at)++, words);
	return words[0] % below;
}

/* Items for a [3, 4, 5]; tensors among them are in `made`, for the caller to drop. */
static int random_items(struct tn_engine *e, uint64_t *at, struct tn_index *items, struct tn_tensor **made, int *made_count) {
	static const int64_t sizes[] = {3, 4, 5};
	int count = 0, axis = 0, wanted = 1 + (int)draw(at, 3);

	while (axis < wanted) {
		int64_t size = sizes[axis];
		double numbers[5];
		uint32_t kind = draw(at, 8);

		items[count] = (struct tn_index){.kind = TN_INDEX_SLICE, .literal = draw(at, 2) == 0};
		if (kind <= 1) {
			items[count].kind = TN_INDEX_INT;
			items[count].start = (int64_t)draw(at, (uint32_t)size * 2) - size;
		} else if (kind <= 4) {
			items[count].has_start = draw(at, 2) == 0;
			items[count].has_stop = draw(at, 2) == 0;
			items[count].has_step = draw(at, 2) == 0;
			items[count].start = (int64_t)draw(at, 12) - 6;
			items[count].stop = (int64_t)draw(at, 12) - 6;
			items[count].step = draw(at, 2) == 0 ? (int64_t)draw(at, 3) + 1 : -(int64_t)draw(at, 3) - 1;
		} else if (kind <= 6) {
			for (int k = 0; k < 5; k++) {
				numbers[k] = kind == 5 ? (double)draw(at, (uint32_t)size * 2) - (double)size : (double)draw(at, 2);
			}
			numbers[0] = kind == 6 ? 1 : numbers[0];
			/* masks only when they are the one tensor: their number of true elements must broadcast otherwise */
			if (kind == 6 && *made_count > 0) {
				continue;
			}
			items[count].kind = TN_INDEX_TENSOR;
			items[count].tensor = made[(*made_count)++] = kind == 5 ? fixture_from(e, TN_DTYPE_I64, TN_SHAPE(2), numbers)
																	: fixture_from(e, TN_DTYPE_BOOL8, TN_SHAPE(size), numbers);
			count++;
			axis++;
			if (kind == 6) {
				return count;
			}
			continue;
		} else {
			if (count < 4) { /* at most 3 axes follow, and items holds 8 */
				items[count++] = (struct tn_index){.kind = TN_INDEX_NEW_AXIS};
			}
			continue;
		}
		count++;
		axis++;
	}
	return count;
}

TN_TEST(what_is_written_at_random_items_is_where_reading_finds_it) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_shape shape = TN_SHAPE(3, 4, 5);
	uint64_t at = 0;

	for (int round = 0; round < 400; round++) {
		struct tn_index items[8];
		struct tn_tensor *made[4], *x, *places, *value;
		double wanted[60], *found, *chosen;
		int made_count = 0, count = random_items(e, &at, items, made, &made_count);
		int64_t chosen_count;

		x = round % 2 == 0 ? pending_count(e, shape) : fixture_count(e, TN_DTYPE_F32, shape);
		places = tn_index_get(e, x, items, count, &err); /* elements are their own places */
		TN_CHECK_NO_ERROR(&err);
		chosen = fixture_read(places);
		chosen_count = tn_shape_count(tn_tensor_shape(places));
		for (int k = 0; k < 60; k++) {
			wanted[k] = k;
		}
		value = tn_elementwise(e, TN_OP_SUB, (struct tn_arg[]){tn_arg_i64(-1, true), tn_arg_tensor(places)}, 2, &err);
		for (int64_t k = 0; k < chosen_count; k++) {
			wanted[(int)chosen[k]] = -1 - chosen[k];
		}
		TN_CHECK(tn_index_set(e, &x, items, count, tn_arg_tensor(value), &err) || !tn_error_is_set(&err));
		TN_CHECK_NO_ERROR(&err);
		found = fixture_read(x);
		TN_CHECK_MEM_EQ(found, wanted, sizeof(wanted));
		tn_free(found);
		tn_free(chosen);
		tn_tensor_unref(value);
		tn_tensor_unref(places);
		tn_tensor_unref(x);
		for (int k = 0; k < made_count; k++) {
			tn_tensor_unref(made[k]);
		}
	}
	tn_engine_destroy(e);
}
