/* SPDX-License-Identifier: Apache-2.0 */
/* The op table and its rules: every row is complete, dtypes follow LANGUAGE.md section 3, errors name op and shapes, the random
 * definitions agree with the published vectors. What ops compute is compared with NumPy by tests/ops. */
#include "tensor_fixture.h"

#include <math.h>

/* ---- the table ---- */

TN_TEST(every_row_of_the_op_table_has_a_name_a_doc_line_and_a_sensible_arity) {
	for (int i = 0; i < TN_OP_COUNT; i++) {
		const char *doc = tn_op_doc((enum tn_op)i);

		TN_CHECK(tn_op_name((enum tn_op)i)[0] != '\0');
		TN_CHECK(strlen(doc) > 10 && doc[strlen(doc) - 1] != '.');
		TN_CHECK(tn_op_inputs((enum tn_op)i) >= -1 && tn_op_inputs((enum tn_op)i) <= 3);
		for (int k = 0; k < i; k++) {
			TN_CHECK(strcmp(tn_op_name((enum tn_op)i), tn_op_name((enum tn_op)k)) != 0);
		}
	}
}

TN_TEST(dtypes_have_names_sizes_and_are_found_by_name) {
	enum tn_dtype found;

	for (int i = 0; i < TN_DTYPE_COUNT; i++) {
		const char *name = tn_dtype_name((enum tn_dtype)i);

		TN_CHECK(tn_dtype_from_name(name, strlen(name), &found) && found == (enum tn_dtype)i);
	}
	TN_CHECK(!tn_dtype_from_name("f3", 2, &found));
	TN_CHECK(!tn_dtype_from_name("f32x", 4, &found));
}

TN_TEST(promotion_between_tensors_is_the_order_of_the_language) {
	static const enum tn_dtype order[] = {
		TN_DTYPE_BOOL8, TN_DTYPE_U8, TN_DTYPE_I32, TN_DTYPE_I64, TN_DTYPE_F16, TN_DTYPE_F32, TN_DTYPE_F64};

	for (size_t i = 0; i < TN_ARRAY_LEN(order); i++) {
		for (size_t k = 0; k < TN_ARRAY_LEN(order); k++) {
			TN_CHECK_INT_EQ(tn_dtype_promote(order[i], order[k]), order[i > k ? i : k]);
		}
	}
	TN_CHECK_INT_EQ(tn_dtype_promote(TN_DTYPE_F16, TN_DTYPE_BF16), TN_DTYPE_F32);
	TN_CHECK_INT_EQ(tn_dtype_promote(TN_DTYPE_BF16, TN_DTYPE_F16), TN_DTYPE_F32);
	TN_CHECK_INT_EQ(tn_dtype_promote(TN_DTYPE_BF16, TN_DTYPE_I64), TN_DTYPE_BF16);
	TN_CHECK_INT_EQ(tn_dtype_promote(TN_DTYPE_BF16, TN_DTYPE_F32), TN_DTYPE_F32);
}

TN_TEST(short_floats_convert_exactly_and_round_to_nearest_even) {
	for (uint32_t bits = 0; bits < 65536; bits++) {
		float half = tn_f16_to_f32((uint16_t)bits), brain = tn_bf16_to_f32((uint16_t)bits);

		TN_CHECK(isnan(half) ? isnan(tn_f16_to_f32(tn_f32_to_f16(half))) : tn_f32_to_f16(half) == bits);
		TN_CHECK(isnan(brain) ? isnan(tn_bf16_to_f32(tn_f32_to_bf16(brain))) : tn_f32_to_bf16(brain) == bits);
	}
	TN_CHECK_F64_EQ((double)tn_f16_to_f32(tn_f32_to_f16(2049)), 2048); /* a tie: to even */
	TN_CHECK_F64_EQ((double)tn_f16_to_f32(tn_f32_to_f16(2051)), 2052);
	TN_CHECK_F64_EQ((double)tn_f16_to_f32(tn_f32_to_f16(65519.99f)), 65504);
	TN_CHECK_F64_EQ((double)tn_f16_to_f32(tn_f32_to_f16(65520)), INFINITY);
	TN_CHECK_F64_EQ((double)tn_f16_to_f32(tn_f32_to_f16(0x1p-25f)), 0);
	TN_CHECK_F64_EQ((double)tn_f16_to_f32(tn_f32_to_f16(0x1.8p-25f)), 0x1p-24);
	TN_CHECK_F64_EQ((double)tn_bf16_to_f32(tn_f32_to_bf16(257)), 256);
	TN_CHECK_F64_EQ((double)tn_bf16_to_f32(tn_f32_to_bf16(259)), 260);
	TN_CHECK_F64_EQ((double)tn_bf16_to_f32(tn_f32_to_bf16(0x1.fffffep127f)), INFINITY);
}

TN_TEST(single_elements_convert_as_tensors_do) {
	char p[8];

	tn_element_set_i64(TN_DTYPE_U8, p, -1);
	TN_CHECK_INT_EQ(tn_element_i64(TN_DTYPE_U8, p), 255);
	tn_element_set_i64(TN_DTYPE_I32, p, (INT64_C(1) << 32) + 5);
	TN_CHECK_INT_EQ(tn_element_i64(TN_DTYPE_I32, p), 5);
	tn_element_set_f64(TN_DTYPE_BOOL8, p, 0.5);
	TN_CHECK_INT_EQ(tn_element_i64(TN_DTYPE_BOOL8, p), 1);
	tn_element_set_f64(TN_DTYPE_F64, p, 1e300);
	TN_CHECK_INT_EQ(tn_element_i64(TN_DTYPE_F64, p), INT64_MAX);
	tn_element_set_f64(TN_DTYPE_F32, p, -2.9);
	TN_CHECK_INT_EQ(tn_element_i64(TN_DTYPE_F32, p), -2);
	tn_element_set_f64(TN_DTYPE_F64, p, NAN);
	TN_CHECK_INT_EQ(tn_element_i64(TN_DTYPE_F64, p), 0);
}

TN_TEST(shapes_too_large_are_errors_not_overflows) {
	struct tn_error err = {0};
	struct tn_shape huge = TN_SHAPE(INT64_C(1) << 40, INT64_C(1) << 40), negative = TN_SHAPE(2, -3),
					empty = TN_SHAPE(INT64_C(1) << 40, INT64_C(1) << 40, 0);

	TN_CHECK(!tn_shape_check(&huge, "zeros", &err));
	TN_CHECK_ERROR(&err, TN_ERR_MEMORY, "zeros: a tensor of shape [1099511627776, 1099511627776] is larger than any memory");
	tn_error_clear(&err);
	TN_CHECK(!tn_shape_check(&negative, "zeros", &err));
	TN_CHECK_ERROR(&err, TN_ERR_SHAPE, "zeros: the shape [2, -3] has a negative size");
	tn_error_clear(&err);
	TN_CHECK(tn_shape_check(&empty, "zeros", &err));
	TN_CHECK_INT_EQ(tn_shape_count(&empty), 0);
}

/* ---- dtypes of results ---- */

static struct tn_tensor *zeros(struct tn_engine *e, enum tn_dtype dtype, struct tn_shape shape) {
	struct tn_error err = {0};
	struct tn_tensor *t = tn_full(e, dtype, &shape, (struct tn_scalar){.literal = true}, &err);

	TN_CHECK_NO_ERROR(&err);
	return t;
}

/* The name of the dtype that op gives for a tensor of `dtype` and that number. */
static const char *with_number(struct tn_engine *e, enum tn_op op, enum tn_dtype dtype, struct tn_arg number) {
	struct tn_error err = {0};
	struct tn_tensor *x = zeros(e, dtype, TN_SHAPE(2)),
					 *y = tn_elementwise(e, op, (struct tn_arg[]){tn_arg_tensor(x), number}, 2, &err);
	const char *name;

	TN_CHECK_NO_ERROR(&err);
	name = tn_dtype_name(tn_tensor_dtype(y));
	tn_tensor_unref(x);
	tn_tensor_unref(y);
	return name;
}

TN_TEST(a_number_takes_the_dtype_of_the_tensor_that_it_meets) {
	struct tn_engine *e = fixture_engine();
	struct tn_arg yes = {.scalar = {.i = 1}, .is_bool = true};

	TN_CHECK_STR_EQ(with_number(e, TN_OP_ADD, TN_DTYPE_F16, tn_arg_f64(0.5, true)), "f16");
	TN_CHECK_STR_EQ(with_number(e, TN_OP_ADD, TN_DTYPE_BF16, tn_arg_i64(3, true)), "bf16");
	TN_CHECK_STR_EQ(with_number(e, TN_OP_ADD, TN_DTYPE_F64, tn_arg_f64(0.5, true)), "f64");
	TN_CHECK_STR_EQ(with_number(e, TN_OP_ADD, TN_DTYPE_I64, tn_arg_f64(0.5, true)), "f32");
	TN_CHECK_STR_EQ(with_number(e, TN_OP_ADD, TN_DTYPE_U8, tn_arg_i64(255, true)), "u8");
	TN_CHECK_STR_EQ(with_number(e, TN_OP_ADD, TN_DTYPE_BOOL8, tn_arg_i64(1, true)), "i64");
	TN_CHECK_STR_EQ(with_number(e, TN_OP_ADD, TN_DTYPE_BOOL8, tn_arg_f64(1, true)), "f32");
	TN_CHECK_STR_EQ(with_number(e, TN_OP_ADD, TN_DTYPE_I32, yes), "i32");
	TN_CHECK_STR_EQ(with_number(e, TN_OP_OR, TN_DTYPE_BOOL8, yes), "bool8");
	TN_CHECK_STR_EQ(with_number(e, TN_OP_DIV, TN_DTYPE_I64, tn_arg_i64(2, true)), "f32");
	TN_CHECK_STR_EQ(with_number(e, TN_OP_LT, TN_DTYPE_I64, tn_arg_f64(0.5, true)), "bool8");
	tn_engine_destroy(e);
}

TN_TEST(a_number_that_the_dtype_cannot_hold_is_an_error) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *bytes = zeros(e, TN_DTYPE_U8, TN_SHAPE(2)), *halves = zeros(e, TN_DTYPE_F16, TN_SHAPE(2));

	CHECK_FAILS(tn_elementwise(e, TN_OP_ADD, (struct tn_arg[]){tn_arg_tensor(bytes), tn_arg_i64(300, true)}, 2, &err),
		TN_ERR_OVERFLOW, "add: 300 does not fit u8, which holds 0 to 255");
	CHECK_FAILS(tn_elementwise(e, TN_OP_MUL, (struct tn_arg[]){tn_arg_tensor(bytes), tn_arg_i64(-1, true)}, 2, &err),
		TN_ERR_OVERFLOW, "mul: -1 does not fit u8, which holds 0 to 255");
	CHECK_FAILS(tn_elementwise(e, TN_OP_MUL, (struct tn_arg[]){tn_arg_tensor(halves), tn_arg_f64(1e6, true)}, 2, &err),
		TN_ERR_OVERFLOW, "mul: 1e+06 does not fit f16, whose largest number is 65504");
	CHECK_FAILS(tn_full(e, TN_DTYPE_I64, &TN_SHAPE(2), (struct tn_scalar){.is_float = true, .f = 0.5}, &err), TN_ERR_VALUE,
		"full: i64 cannot hold 0.5");
	CHECK_FAILS(tn_elementwise(e, TN_OP_MOD, (struct tn_arg[]){tn_arg_tensor(bytes), tn_arg_i64(0, true)}, 2, &err),
		TN_ERR_ZERO_DIVISION, "mod: an integer tensor (u8[2]) divided by 0");
	CHECK_FAILS(tn_elementwise(e, TN_OP_POW, (struct tn_arg[]){tn_arg_tensor(bytes), tn_arg_i64(-1, true)}, 2, &err),
		TN_ERR_VALUE, "pow: an integer tensor (u8[2]) to the negative power -1");
	tn_tensor_unref(bytes);
	tn_tensor_unref(halves);
	tn_engine_destroy(e);
}

TN_TEST(sums_of_small_integers_are_i64_and_means_f32) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *bytes = fixture_from(e, TN_DTYPE_U8, TN_SHAPE(3), (double[]){200, 100, 3});
	struct tn_tensor *mask = fixture_from(e, TN_DTYPE_BOOL8, TN_SHAPE(3), (double[]){1, 0, 1});

	CHECK_TENSOR(tn_reduce(e, TN_OP_SUM, bytes, NULL, 0, false, &err), "i64[] 303");
	CHECK_TENSOR(tn_reduce(e, TN_OP_PROD, bytes, NULL, 0, true, &err), "i64[1] 60000");
	CHECK_TENSOR(tn_mean(e, bytes, NULL, 0, false, &err), "f32[] 101");
	CHECK_TENSOR(tn_reduce(e, TN_OP_SUM, mask, NULL, 0, false, &err), "i64[] 2");
	CHECK_TENSOR(tn_reduce(e, TN_OP_MAX, mask, NULL, 0, false, &err), "bool8[] 1");
	CHECK_TENSOR(tn_along(e, TN_OP_CUMSUM, mask, 0, false, &err), "i64[3] 1 1 2");
	tn_tensor_unref(bytes);
	tn_tensor_unref(mask);
	tn_engine_destroy(e);
}

TN_TEST(a_mean_of_f16_does_not_overflow) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = tn_full(e, TN_DTYPE_F16, &TN_SHAPE(100, 1000), (struct tn_scalar){.i = 3, .literal = true}, &err);

	CHECK_TENSOR(tn_mean(e, x, NULL, 0, false, &err), "f16[] 3");
	tn_tensor_unref(x);
	tn_engine_destroy(e);
}

TN_TEST(bool_tensors_have_logic_for_arithmetic_and_errors_for_the_rest) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *a = fixture_from(e, TN_DTYPE_BOOL8, TN_SHAPE(4), (double[]){0, 0, 1, 1});
	struct tn_tensor *b = fixture_from(e, TN_DTYPE_BOOL8, TN_SHAPE(4), (double[]){0, 1, 0, 1});

	CHECK_TENSOR(tn_binary(e, TN_OP_ADD, a, b, &err), "bool8[4] 0 1 1 1");
	CHECK_TENSOR(tn_binary(e, TN_OP_MUL, a, b, &err), "bool8[4] 0 0 0 1");
	CHECK_TENSOR(tn_binary(e, TN_OP_DIV, b, b, &err), "f32[4] nan 1 nan 1");
	CHECK_FAILS(tn_binary(e, TN_OP_SUB, a, b, &err), TN_ERR_TYPE, "sub: bool8 tensors have no such operation");
	CHECK_FAILS(tn_unary(e, TN_OP_NEG, a, &err), TN_ERR_TYPE, "neg: bool8 tensors have no such operation");
	tn_tensor_unref(a);
	tn_tensor_unref(b);
	tn_engine_destroy(e);
}

TN_TEST(autocast_makes_products_short_and_reductions_long) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = zeros(e, TN_DTYPE_F32, TN_SHAPE(2, 3)), *w = zeros(e, TN_DTYPE_F32, TN_SHAPE(3, 4)), *y, *s;

	*tn_engine_modes(e) = (struct tn_modes){.autocast = true, .autocast_dtype = TN_DTYPE_BF16};
	y = tn_matmul(e, x, w, &err);
	TN_CHECK_NO_ERROR(&err);
	TN_CHECK_INT_EQ(tn_tensor_dtype(y), TN_DTYPE_BF16);
	s = tn_reduce(e, TN_OP_SUM, y, NULL, 0, false, &err);
	TN_CHECK_INT_EQ(tn_tensor_dtype(s), TN_DTYPE_F32);
	tn_tensor_unref(s);
	s = tn_along(e, TN_OP_LOG_SOFTMAX, y, 1, false, &err);
	TN_CHECK_INT_EQ(tn_tensor_dtype(s), TN_DTYPE_F32);
	tn_tensor_unref(s);
	s = tn_mean(e, y, NULL, 0, false, &err);
	TN_CHECK_INT_EQ(tn_tensor_dtype(s), TN_DTYPE_F32);
	tn_tensor_unref(s);
	tn_tensor_unref(x);
	tn_tensor_unref(y);
	tn_tensor_unref(w);
	tn_engine_destroy(e);
}

/* ---- errors ---- */

TN_TEST(matmul_names_both_shapes_when_inner_dimensions_differ) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = zeros(e, TN_DTYPE_F32, TN_SHAPE(64, 784)), *w = zeros(e, TN_DTYPE_F32, TN_SHAPE(256, 784));
	struct tn_tensor *v = zeros(e, TN_DTYPE_F32, TN_SHAPE(3)), *n = zeros(e, TN_DTYPE_F32, TN_SHAPE_SCALAR);

	TN_CHECK_NULL(tn_matmul(e, x, w, &err));
	TN_CHECK_ERROR(&err, TN_ERR_SHAPE, "matmul: inner dimensions differ: f32[64, 784] @ f32[256, 784]");
	TN_CHECK_STR_EQ(err.hint, "the second operand transposed would fit: f32[64, 256]");
	CHECK_FAILS(tn_matmul(e, v, w, &err), TN_ERR_SHAPE, "matmul: inner dimensions differ: f32[3] @ f32[256, 784]");
	CHECK_FAILS(tn_matmul(e, n, w, &err), TN_ERR_SHAPE, "matmul: each operand has at least 1 axis, not f32[] @ f32[256, 784]");
	tn_tensor_unref(x);
	tn_tensor_unref(w);
	tn_tensor_unref(v);
	tn_tensor_unref(n);
	tn_engine_destroy(e);
}

TN_TEST(shape_errors_name_the_op_and_what_met) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = zeros(e, TN_DTYPE_F32, TN_SHAPE(64, 10)), *v = zeros(e, TN_DTYPE_F32, TN_SHAPE(64)),
					 *image = zeros(e, TN_DTYPE_F32, TN_SHAPE(2, 3, 4, 4));
	struct tn_tensor *kernel = zeros(e, TN_DTYPE_F32, TN_SHAPE(8, 1, 5, 5));
	struct tn_conv2d_params conv = {.stride = {1, 1}, .dilation = {1, 1}, .groups = 1};

	TN_CHECK_NULL(tn_binary(e, TN_OP_ADD, x, v, &err));
	TN_CHECK_ERROR(&err, TN_ERR_SHAPE, "add: shapes do not broadcast: f32[64, 10] and f32[64]");
	TN_CHECK_STR_EQ(err.hint, "the second operand reshaped to [64, 1] would fit");
	CHECK_FAILS(tn_reshape(e, x, (int64_t[]){7, -1}, 2, &err), TN_ERR_SHAPE,
		"reshape: the 640 elements of f32[64, 10] do not divide into [7, -1]");
	CHECK_FAILS(
		tn_reshape(e, x, (int64_t[]){7, 7}, 2, &err), TN_ERR_SHAPE, "reshape: f32[64, 10] has 640 elements, [7, 7] has 49");
	CHECK_FAILS(tn_reduce(e, TN_OP_SUM, x, (int64_t[]){2}, 1, false, &err), TN_ERR_INDEX,
		"sum: axis 2 is out of range for f32[64, 10], which has 2 axes");
	CHECK_FAILS(tn_reduce(e, TN_OP_SUM, x, (int64_t[]){1, -1}, 2, false, &err), TN_ERR_VALUE, "sum: axis 1 is named twice");
	CHECK_FAILS(tn_expand(e, x, (int64_t[]){64, 20}, 2, &err), TN_ERR_SHAPE,
		"expand: f32[64, 10] does not expand to [64, 20]; only axes of size 1 are repeated");
	CHECK_FAILS(tn_cat(e, (struct tn_tensor *[]){x, v}, 2, 0, &err), TN_ERR_SHAPE,
		"cat: shapes differ outside axis 0: f32[64, 10] and f32[64]");
	CHECK_FAILS(tn_conv2d(e, image, kernel, NULL, &conv, &err), TN_ERR_SHAPE,
		"conv2d: channels differ: an input [2, 3, 4, 4] has 3, a weight [8, 1, 5, 5] wants 1");
	CHECK_FAILS(tn_pool2d(e, TN_OP_MAX_POOL2D, image, &(struct tn_pool2d_params){.kernel = {5, 5}, .stride = {1, 1}}, &err),
		TN_ERR_SHAPE, "max_pool2d: a window of 5 x 5 does not fit into [2, 3, 4, 4]");
	CHECK_FAILS(tn_gather(e, x, v, 0, &err), TN_ERR_TYPE, "index_select: indices are integers, not f32[64]");
	CHECK_FAILS(
		tn_elementwise(e, TN_OP_WHERE, (struct tn_arg[]){tn_arg_tensor(x), tn_arg_f64(1, true), tn_arg_tensor(x)}, 3, &err),
		TN_ERR_TYPE, "where: the condition is a bool8 tensor, not f32[64, 10]");
	tn_tensor_unref(x);
	tn_tensor_unref(v);
	tn_tensor_unref(image);
	tn_tensor_unref(kernel);
	tn_engine_destroy(e);
}

TN_TEST(attributes_that_no_front_makes_are_refused) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = zeros(e, TN_DTYPE_F32, TN_SHAPE(4, 5));
	static const int64_t outside[] = {2, 1, 0, 1, 3, 5};

	for (int i = 0; i < TN_OP_COUNT; i++) {
		struct tn_tensor *inputs[3] = {x, x, x};
		int inputs_wanted = tn_op_inputs((enum tn_op)i);
		bool plain = i == TN_OP_CAST || i == TN_OP_COPY || i == TN_OP_MATMUL;

		if (plain || tn_op_kind((enum tn_op)i) == TN_KIND_ELEMENTWISE || inputs_wanted == 0) {
			continue;
		}
		if (i == TN_OP_RESHAPE || i == TN_OP_EXPAND) {
			continue; /* their attributes may be none: the shape of a 0-d tensor */
		}
		tn_error_clear(&err);
		TN_CHECK_NULL(tn_apply(e, (enum tn_op)i,
			&(struct tn_op_params){.inputs = inputs, .input_count = inputs_wanted < 0 ? 1 : inputs_wanted}, &err));
		TN_CHECK(tn_error_is_set(&err));
	}
	CHECK_FAILS(
		tn_apply(e, TN_OP_SLICE, &(struct tn_op_params){.inputs = &x, .input_count = 1, .attrs = outside, .attr_count = 6}, &err),
		TN_ERR_VALUE, "slice: its attributes are incomplete or out of range");
	tn_tensor_unref(x);
	tn_engine_destroy(e);
}

/* ---- shapes of fronts ---- */

TN_TEST(matmul_takes_vectors_and_batches_as_numpy_does) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *m = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(2, 3)), *v = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(3));
	struct tn_tensor *u = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(2)), *batch = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(2, 2, 3));
	struct tn_tensor *w = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(3, 1));

	CHECK_TENSOR(tn_matmul(e, m, v, &err), "f32[2] 5 14");
	CHECK_TENSOR(tn_matmul(e, u, m, &err), "f32[3] 3 4 5");
	CHECK_TENSOR(tn_matmul(e, v, v, &err), "f32[] 5");
	CHECK_TENSOR(tn_matmul(e, batch, v, &err), "f32[2, 2] 5 14 23 32");
	CHECK_TENSOR(tn_matmul(e, batch, w, &err), "f32[2, 2, 1] 5 14 23 32");
	CHECK_TENSOR(tn_matmul(e, u, batch, &err), "f32[2, 3] 3 4 5 9 10 11");
	tn_tensor_unref(m);
	tn_tensor_unref(v);
	tn_tensor_unref(u);
	tn_tensor_unref(w);
	tn_tensor_unref(batch);
	tn_engine_destroy(e);
}

TN_TEST(shape_functions_give_what_pytorch_gives) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_I64, TN_SHAPE(2, 3)),
					 *one = fixture_count(e, TN_DTYPE_I64, TN_SHAPE(1, 2, 1));
	struct tn_tensor *n = fixture_count(e, TN_DTYPE_F32, TN_SHAPE_SCALAR);

	CHECK_TENSOR(tn_transpose(e, x, 0, -1, &err), "i64[3, 2] 0 3 1 4 2 5");
	CHECK_TENSOR(tn_flip(e, x, (int64_t[]){-1}, 1, &err), "i64[2, 3] 2 1 0 5 4 3");
	CHECK_TENSOR(tn_squeeze(e, one, NULL, 0, &err), "i64[2] 0 1");
	CHECK_TENSOR(tn_squeeze(e, one, (int64_t[]){0, 1}, 2, &err), "i64[2, 1] 0 1");
	CHECK_TENSOR(tn_unsqueeze(e, x, -1, &err), "i64[2, 3, 1] 0 1 2 3 4 5");
	CHECK_TENSOR(tn_stack(e, (struct tn_tensor *[]){n, n, n}, 3, 0, &err), "f32[3] 0 0 0");
	CHECK_TENSOR(tn_pad(e, x, (int64_t[]){0, 1}, (int64_t[]){1, 0}, (struct tn_scalar){.i = 9}, &err),
		"i64[3, 4] 9 0 1 2 9 3 4 5 9 9 9 9");
	CHECK_TENSOR(tn_along(e, TN_OP_ARGSORT, n, 0, false, &err), "i64[] 0");
	CHECK_TENSOR(tn_arg_all(e, TN_OP_ARGMAX, x, &err), "i64[] 5");
	tn_tensor_unref(x);
	tn_tensor_unref(one);
	tn_tensor_unref(n);
	tn_engine_destroy(e);
}

TN_TEST(many_tensors_are_joined_as_a_tree) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *parts[200], *all, *sum;
	double *values;

	for (int i = 0; i < 200; i++) {
		parts[i] = fixture_from(e, TN_DTYPE_F32, TN_SHAPE(1), (double[]){i});
	}
	all = tn_cat(e, parts, 200, 0, &err);
	TN_CHECK_NO_ERROR(&err);
	values = fixture_read(all);
	for (int i = 0; i < 200; i++) {
		TN_CHECK_F64_EQ(values[i], i);
		tn_tensor_unref(parts[i]);
	}
	sum = tn_reduce(e, TN_OP_SUM, all, NULL, 0, false, &err);
	TN_CHECK_STR_EQ(fixture_text(sum), "f32[] 19900");
	tn_free(values);
	tn_tensor_unref(sum);
	tn_tensor_unref(all);
	tn_engine_destroy(e);
}

TN_TEST(arange_counts_as_python_does) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_scalar half = {.is_float = true, .f = 0.5}, two = {.is_float = true, .f = 2};

	CHECK_TENSOR(
		tn_arange(e, TN_DTYPE_I64, (struct tn_scalar){.i = 5}, (struct tn_scalar){.i = 0}, (struct tn_scalar){.i = -2}, &err),
		"i64[3] 5 3 1");
	CHECK_TENSOR(tn_arange(e, TN_DTYPE_F32, (struct tn_scalar){.i = 0}, two, half, &err), "f32[4] 0 0.5 1 1.5");
	CHECK_TENSOR(
		tn_arange(e, TN_DTYPE_I64, (struct tn_scalar){.i = 5}, (struct tn_scalar){.i = 0}, (struct tn_scalar){.i = 1}, &err),
		"i64[0]");
	CHECK_FAILS(
		tn_arange(e, TN_DTYPE_I64, (struct tn_scalar){.i = 5}, (struct tn_scalar){.i = 0}, (struct tn_scalar){.i = 0}, &err),
		TN_ERR_VALUE, "arange: the step is 0");
	tn_engine_destroy(e);
}

/* ---- random ---- */

TN_TEST(philox_gives_the_published_vectors) {
	static const struct {
		uint64_t seed, counter, index;
		uint32_t out[4];
	} known[] = {
		{0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	};

	for (size_t i = 0; i < TN_ARRAY_LEN(known); i++) {
		uint32_t out[4];

		tn_philox((struct tn_random_state){known[i].seed, known[i].counter}, known[i].index, out);
		TN_CHECK_MEM_EQ(out, known[i].out, sizeof(out));
	}
}

TN_TEST(each_draw_takes_one_counter) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_random_params params = {.dtype = TN_DTYPE_F32, .shape = TN_SHAPE(4), .low = 0, .high = 10, .p = 0.5};
	struct tn_tensor *a, *b;
	bool same;

	tn_random_set(e, (struct tn_random_state){7, 100});
	a = tn_random(e, TN_OP_RANDN, &params, &err);
	b = tn_random(e, TN_OP_RANDN, &params, &err);
	TN_CHECK_NO_ERROR(&err);
	TN_CHECK_INT_EQ(tn_random_get(e).counter, 102);
	TN_CHECK(tn_tensor_equal(e, a, b, &same, &err) && !same);
	tn_tensor_unref(b);
	tn_random_set(e, (struct tn_random_state){7, 100});
	b = tn_random(e, TN_OP_RANDN, &params, &err);
	TN_CHECK(tn_tensor_equal(e, a, b, &same, &err) && same);
	tn_tensor_unref(a);
	tn_tensor_unref(b);
	CHECK_FAILS(tn_random(e, TN_OP_RAND_INT, &(struct tn_random_params){.dtype = TN_DTYPE_I64, .low = 3, .high = 3}, &err),
		TN_ERR_VALUE, "randint: low (3) is below high (3)");
	CHECK_FAILS(tn_random(e, TN_OP_RAND_BERNOULLI, &(struct tn_random_params){.dtype = TN_DTYPE_BOOL8, .p = 1.5}, &err),
		TN_ERR_VALUE, "bernoulli: a probability is 0 to 1, not 1.5");
	tn_engine_destroy(e);
}

TN_TEST(normals_have_the_moments_and_the_accuracy_that_they_should) {
	enum { N = 1 << 18 };
	double sum = 0, square = 0, fourth = 0, worst32 = 0, worst64 = 0;

	for (uint64_t i = 0; i < N; i++) {
		uint32_t words[4];
		float f[2];
		double d[2], u, angle;

		tn_philox_block(7, 3, i, words);
		tn_normal_pair_f32(words[0], words[1], f);
		u = (double)((float)(int32_t)(words[0] >> 1) * 0x1p-31f + 0x1p-32f); /* as rounded there: near 1 its unit shows */
		angle = 2 * M_PI * (double)words[1] * 0x1p-32;
		worst32 = fmax(worst32,
			fmax(fabs(sqrt(-2 * log(u)) * cos(angle) - (double)f[0]), fabs(sqrt(-2 * log(u)) * sin(angle) - (double)f[1])));
		tn_normal_pair_f64(tn_philox_u64(words, 0), tn_philox_u64(words, 1), d);
		u = (double)(tn_philox_u64(words, 0) >> 11) * 0x1p-53 + 0x1p-54;
		angle = 2 * M_PI * (double)tn_philox_u64(words, 1) * 0x1p-64;
		worst64 = fmax(worst64, fmax(fabs(sqrt(-2 * log(u)) * cos(angle) - d[0]), fabs(sqrt(-2 * log(u)) * sin(angle) - d[1])));
		for (int k = 0; k < 2; k++) {
			sum += d[k];
			square += d[k] * d[k];
			fourth += d[k] * d[k] * d[k] * d[k];
		}
	}
	TN_CHECK_NEAR(sum / (2 * N), 0, 0.01);
	TN_CHECK_NEAR(square / (2 * N), 1, 0.01);
	TN_CHECK_NEAR(fourth / (2 * N), 3, 0.05);
	TN_CHECK_NEAR(worst32, 0, 2e-6);
	TN_CHECK_NEAR(worst64, 0, 1e-14);
}

TN_TEST(uniforms_stay_below_one_in_every_dtype) {
	TN_CHECK((double)tn_uniform_f32(UINT32_MAX) < 1 && tn_uniform_f64(UINT64_MAX) < 1);
	TN_CHECK(tn_f16_to_f32(tn_f32_to_f16(tn_uniform_f16(UINT32_MAX))) < 1);
	TN_CHECK(tn_bf16_to_f32(tn_f32_to_bf16(tn_uniform_bf16(UINT32_MAX))) < 1);
	TN_CHECK_INT_EQ(tn_random_int(UINT64_MAX, -5, 10), 4);
	TN_CHECK_INT_EQ(tn_random_int(0, -5, 10), -5);
	TN_CHECK_INT_EQ(tn_bernoulli_threshold(1), INT64_C(1) << 32);
	TN_CHECK_INT_EQ(tn_bernoulli_threshold(0), 0);
}

TN_TEST(a_permutation_holds_each_number_once_and_is_fair) {
	enum { N = 1000, ROUNDS = 2000 };
	int64_t order[N];
	int first_is_low = 0;

	for (uint64_t round = 0; round < ROUNDS; round++) {
		char seen[N] = {0};

		tn_random_permutation((struct tn_random_state){11, round}, N, order);
		for (int i = 0; i < N; i++) {
			TN_CHECK(order[i] >= 0 && order[i] < N && !seen[order[i]]);
			seen[order[i]] = 1;
		}
		first_is_low += order[0] < N / 2;
	}
	TN_CHECK_NEAR((double)first_is_low / ROUNDS, 0.5, 0.05);
	tn_random_permutation((struct tn_random_state){11, 0}, 0, order);
	tn_random_permutation((struct tn_random_state){11, 0}, 1, order);
	TN_CHECK_INT_EQ(order[0], 0);
}
