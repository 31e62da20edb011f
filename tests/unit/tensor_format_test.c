/* SPDX-License-Identifier: Apache-2.0 */
/* How tensors print. The bodies are what torch 2.x prints for the same numbers, but that booleans are the language's. */
#include "tensor_fixture.h"

#include <math.h>

static void check_format(enum tn_dtype dtype, struct tn_shape shape, const double *values, const char *wanted) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_str out = {0};
	struct tn_tensor *t = values != NULL ? fixture_from(e, dtype, shape, values) : fixture_count(e, dtype, shape);

	TN_CHECK(tn_tensor_format(t, &out, &err));
	TN_CHECK_STR_EQ(tn_str_c(&out), wanted);
	tn_str_finish(&out);
	tn_tensor_unref(t);
	tn_engine_destroy(e);
}

TN_TEST(whole_numbers_print_with_a_point) {
	check_format(TN_DTYPE_F32, TN_SHAPE(2, 2), (double[]){1, 2, 3, 4}, "tensor([[1., 2.],\n        [3., 4.]]) f32[2, 2]");
	check_format(TN_DTYPE_F32, TN_SHAPE(3), (double[]){-10, 0, 1}, "tensor([-10.,   0.,   1.]) f32[3]");
	check_format(TN_DTYPE_F32, TN_SHAPE(2), (double[]){0, 0}, "tensor([0., 0.]) f32[2]");
}

TN_TEST(fractions_print_with_four_digits_in_columns) {
	check_format(TN_DTYPE_F32, TN_SHAPE(3), (double[]){0.5, -1.25, 100}, "tensor([  0.5000,  -1.2500, 100.0000]) f32[3]");
	check_format(TN_DTYPE_F64, TN_SHAPE(2), (double[]){1.0 / 3, 2}, "tensor([0.3333, 2.0000]) f64[2]");
}

TN_TEST(wide_ranges_print_with_exponents) {
	check_format(TN_DTYPE_F32, TN_SHAPE(2), (double[]){1e-5, 1}, "tensor([1.0000e-05, 1.0000e+00]) f32[2]");
	check_format(TN_DTYPE_F32, TN_SHAPE(2), (double[]){1, 2000.5}, "tensor([1.0000e+00, 2.0005e+03]) f32[2]");
	check_format(TN_DTYPE_F32, TN_SHAPE(2), (double[]){1, 1000}, "tensor([   1., 1000.]) f32[2]");
	check_format(TN_DTYPE_F32, TN_SHAPE(1), (double[]){2e8}, "tensor([2.0000e+08]) f32[1]");
	check_format(TN_DTYPE_F32, TN_SHAPE(2), (double[]){0.00005, 0}, "tensor([5.0000e-05, 0.0000e+00]) f32[2]");
}

TN_TEST(non_finite_numbers_print_by_name) {
	check_format(TN_DTYPE_F32, TN_SHAPE(4), (double[]){1, NAN, INFINITY, -INFINITY}, "tensor([1., nan, inf, -inf]) f32[4]");
	check_format(TN_DTYPE_F32, TN_SHAPE(2), (double[]){0.5, -NAN}, "tensor([0.5000,    nan]) f32[2]");
	check_format(TN_DTYPE_F32, TN_SHAPE(2), (double[]){INFINITY, NAN}, "tensor([inf, nan]) f32[2]");
}

TN_TEST(integers_and_booleans_are_aligned) {
	check_format(TN_DTYPE_I64, TN_SHAPE(2, 2), (double[]){1, -20, 300, 4}, "tensor([[  1, -20],\n        [300,   4]]) i64[2, 2]");
	check_format(TN_DTYPE_U8, TN_SHAPE(2), (double[]){0, 255}, "tensor([  0, 255]) u8[2]");
	check_format(TN_DTYPE_BOOL8, TN_SHAPE(2), (double[]){0, 1}, "tensor([false,  true]) bool8[2]");
}

TN_TEST(a_0d_tensor_prints_as_its_number) {
	check_format(TN_DTYPE_F32, TN_SHAPE_SCALAR, (double[]){(double)0.1f}, "0.1");
	check_format(TN_DTYPE_F64, TN_SHAPE_SCALAR, (double[]){0.1}, "0.1");
	check_format(TN_DTYPE_F16, TN_SHAPE_SCALAR, (double[]){0.1}, "0.1");
	check_format(TN_DTYPE_BF16, TN_SHAPE_SCALAR, (double[]){1e10}, "10000000000.0");
	check_format(TN_DTYPE_I64, TN_SHAPE_SCALAR, (double[]){-7}, "-7");
	check_format(TN_DTYPE_BOOL8, TN_SHAPE_SCALAR, (double[]){1}, "true");
	check_format(TN_DTYPE_F32, TN_SHAPE_SCALAR, (double[]){NAN}, "nan");
	check_format(TN_DTYPE_F16, TN_SHAPE_SCALAR, (double[]){INFINITY}, "inf");
}

TN_TEST(empty_tensors_print_their_shape) {
	check_format(TN_DTYPE_F32, TN_SHAPE(0), NULL, "tensor([]) f32[0]");
	check_format(TN_DTYPE_F32, TN_SHAPE(3, 0), NULL, "tensor([]) f32[3, 0]");
}

TN_TEST(long_rows_are_folded_at_80_columns) {
	check_format(TN_DTYPE_I64, TN_SHAPE(30), NULL,
		"tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n"
		"        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]) i64[30]");
}

TN_TEST(outer_axes_are_parted_by_empty_lines) {
	check_format(TN_DTYPE_I64, TN_SHAPE(2, 1, 2), NULL, "tensor([[[0, 1]],\n\n        [[2, 3]]]) i64[2, 1, 2]");
}

TN_TEST(above_1000_elements_edges_are_shown) {
	check_format(TN_DTYPE_I64, TN_SHAPE(1001), NULL, "tensor([   0,    1,    2,  ...,  998,  999, 1000]) i64[1001]");
	check_format(TN_DTYPE_F32, TN_SHAPE(100, 100), NULL,
		"tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 9.7000e+01, 9.8000e+01,\n"
		"         9.9000e+01],\n"
		"        [1.0000e+02, 1.0100e+02, 1.0200e+02,  ..., 1.9700e+02, 1.9800e+02,\n"
		"         1.9900e+02],\n"
		"        [2.0000e+02, 2.0100e+02, 2.0200e+02,  ..., 2.9700e+02, 2.9800e+02,\n"
		"         2.9900e+02],\n"
		"        ...,\n"
		"        [9.7000e+03, 9.7010e+03, 9.7020e+03,  ..., 9.7970e+03, 9.7980e+03,\n"
		"         9.7990e+03],\n"
		"        [9.8000e+03, 9.8010e+03, 9.8020e+03,  ..., 9.8970e+03, 9.8980e+03,\n"
		"         9.8990e+03],\n"
		"        [9.9000e+03, 9.9010e+03, 9.9020e+03,  ..., 9.9970e+03, 9.9980e+03,\n"
		"         9.9990e+03]]) f32[100, 100]");
}
