/* SPDX-License-Identifier: Apache-2.0 */
/* MATMUL against sums in double: shapes, strides, batches and dtypes at random, oneDNN and portable. */
#include "cpu_contraction.h"

static const enum tn_dtype dtypes[] = {
	TN_DTYPE_F64, TN_DTYPE_F32, TN_DTYPE_BF16, TN_DTYPE_F16, TN_DTYPE_I64, TN_DTYPE_I32, TN_DTYPE_U8};

static struct tn_shape product_shape(const struct tn_shape *a, const struct tn_shape *b) {
	struct tn_shape batch_a = *a, batch_b = *b, out;

	batch_a.ndim -= 2;
	batch_b.ndim -= 2;
	TN_CHECK(tn_shape_broadcast(&batch_a, &batch_b, &out));
	out.dims[out.ndim++] = a->dims[a->ndim - 2];
	out.dims[out.ndim++] = b->dims[b->ndim - 1];
	return out;
}

/* Number of the operand's matrix that belongs to matrix `index` of the result. */
static int64_t matrix_of(const struct tn_shape *o, const struct tn_shape *out, int64_t index) {
	int64_t matrix = 0, step = 1;

	for (int i = 0; i < out->ndim - 2; i++) {
		int64_t dim = out->dims[out->ndim - 3 - i], own = i < o->ndim - 2 ? o->dims[o->ndim - 3 - i] : 1;

		matrix += own == 1 ? 0 : index % dim * step;
		step *= own;
		index /= dim;
	}
	return matrix;
}

static double *product(const struct operand *a, const struct operand *b, const struct tn_shape *out) {
	int64_t m = out->dims[out->ndim - 2], n = out->dims[out->ndim - 1], k = a->view.shape.dims[a->view.shape.ndim - 1];
	double *c = calloc((size_t)tn_shape_count(out) + 1, sizeof(double));

	for (int64_t row = 0; n > 0 && row < tn_shape_count(out) / n; row++) {
		const double *x = a->values + (matrix_of(&a->view.shape, out, row / m) * m + row % m) * k;
		const double *y = b->values + matrix_of(&b->view.shape, out, row / m) * k * n;

		for (int64_t p = 0; p < k; p++) {
			for (int64_t j = 0; j < n; j++) {
				c[row * n + j] += x[p] * y[p * n + j];
			}
		}
	}
	for (int64_t i = 0; a->view.dtype == TN_DTYPE_U8 && i < tn_shape_count(out); i++) {
		c[i] = (double)(uint8_t)(int64_t)c[i];
	}
	return c;
}

static void multiply(struct operand *a, struct operand *b, struct operand *c, struct run_options options) {
	struct tn_error err = {0};

	*c = (struct operand){.view = {.dtype = a->view.dtype, .shape = product_shape(&a->view.shape, &b->view.shape)}};
	TN_CHECK(run_kernel(&cpu_matmul, (struct operand *const[]){a, b}, 2, NULL, c, options, &err));
	TN_CHECK_NO_ERROR(&err);
}

static void check_product(struct operand *a, struct operand *b) {
	for (int portable = 0; portable < 2; portable++) {
		struct operand c;
		double *wanted;

		multiply(a, b, &c, (struct run_options){.threads = 2, .portable = portable});
		wanted = product(a, b, &c.view.shape);
		check_values(&c, wanted, a->view.shape.dims[a->view.shape.ndim - 1]);
		free(wanted);
		operand_finish(&c);
	}
}

static void check_shapes(
	enum tn_dtype dtype, struct tn_shape sa, struct tn_shape sb, const int *order_a, const int *order_b, int64_t gap) {
	struct operand a, b;

	operand_init(&a, dtype, sa, order_a, gap);
	operand_init(&b, dtype, sb, order_b, gap);
	operand_fill(&a, true);
	operand_fill(&b, true);
	check_product(&a, &b);
	operand_finish(&a);
	operand_finish(&b);
}

TN_TEST(products_of_all_dtypes_and_transposes_agree_with_sums_in_double) {
	static const int turned[] = {1, 0};

	for (size_t d = 0; d < TN_ARRAY_LEN(dtypes); d++) {
		for (int round = 0; round < 40; round++) {
			int64_t m = random_in(1, round < 20 ? 9 : 140), k = random_in(1, round < 20 ? 9 : 600),
					n = random_in(1, round < 20 ? 9 : 140);

			check_shapes(
				dtypes[d], TN_SHAPE(m, k), TN_SHAPE(k, n), round & 1 ? turned : NULL, round & 2 ? turned : NULL, random_in(0, 3));
		}
	}
}

TN_TEST(blocks_of_the_portable_product_meet_at_their_edges) {
	check_shapes(TN_DTYPE_F64, TN_SHAPE(121, 257), TN_SHAPE(257, 1025), NULL, NULL, 0);
	check_shapes(TN_DTYPE_F32, TN_SHAPE(241, 513), TN_SHAPE(513, 1090), NULL, NULL, 0);
	check_shapes(TN_DTYPE_I32, TN_SHAPE(1, 1000), TN_SHAPE(1000, 1), NULL, NULL, 0);
}

TN_TEST(batch_axes_broadcast) {
	static const int inside_out[] = {2, 1, 0}, front_last[] = {1, 2, 0};

	for (size_t d = 0; d < TN_ARRAY_LEN(dtypes); d++) {
		enum tn_dtype t = dtypes[d];

		check_shapes(t, TN_SHAPE(3, 5, 7), TN_SHAPE(7, 4), NULL, NULL, 0);
		check_shapes(t, TN_SHAPE(3, 5, 7), TN_SHAPE(7, 4), front_last, NULL, 0);
		check_shapes(t, TN_SHAPE(3, 5, 7), TN_SHAPE(1, 7, 4), inside_out, NULL, 0);
		check_shapes(t, TN_SHAPE(5, 7), TN_SHAPE(3, 7, 4), NULL, NULL, 0);
		check_shapes(t, TN_SHAPE(3, 5, 7), TN_SHAPE(3, 7, 4), inside_out, inside_out, 0);
		check_shapes(t, TN_SHAPE(3, 1, 5, 7), TN_SHAPE(2, 7, 4), NULL, front_last, 0);
		check_shapes(t, TN_SHAPE(2, 1, 3, 1, 5, 7), TN_SHAPE(1, 4, 3, 2, 7, 4), NULL, NULL, 2);
		check_shapes(t, TN_SHAPE(6, 33, 64), TN_SHAPE(6, 64, 33), NULL, NULL, 0);
		check_shapes(t, TN_SHAPE(1, 1, 1), TN_SHAPE(9, 1, 1), NULL, NULL, 0);
	}
}

TN_TEST(broadcast_and_reversed_elements_are_read_where_they_lie) {
	for (size_t d = 0; d < TN_ARRAY_LEN(dtypes); d++) {
		struct operand a, b;

		operand_init(&a, dtypes[d], TN_SHAPE(6, 10), NULL, 0);
		operand_init(&b, dtypes[d], TN_SHAPE(10, 5), NULL, 0);
		operand_fill(&b, true);
		a.view.stride[0] = 0; /* one row, six times */
		operand_fill(&a, true);
		check_product(&a, &b);
		a.view.stride[1] = 0;
		operand_fill(&a, true);
		check_product(&a, &b);
		a.view.stride[0] = 10;
		a.view.stride[1] = 1;
		operand_fill(&a, true);
		a.view.stride[0] = -10; /* rows from the last to the first */
		a.memory += 50 * tn_dtype_size(dtypes[d]);
		for (int64_t i = 0; i < a.count; i++) {
			a.values[i] = tn_element_f64(dtypes[d], operand_element(&a, i));
		}
		check_product(&a, &b);
		a.memory -= 50 * tn_dtype_size(dtypes[d]);
		operand_finish(&a);
		operand_finish(&b);
	}
}

TN_TEST(an_empty_sum_is_zero_and_an_empty_result_is_nothing) {
	for (size_t d = 0; d < TN_ARRAY_LEN(dtypes); d++) {
		check_shapes(dtypes[d], TN_SHAPE(4, 0), TN_SHAPE(0, 3), NULL, NULL, 0);
		check_shapes(dtypes[d], TN_SHAPE(0, 4), TN_SHAPE(4, 3), NULL, NULL, 0);
		check_shapes(dtypes[d], TN_SHAPE(2, 4), TN_SHAPE(4, 0), NULL, NULL, 0);
		check_shapes(dtypes[d], TN_SHAPE(0, 3, 4), TN_SHAPE(4, 3), NULL, NULL, 0);
		check_shapes(dtypes[d], TN_SHAPE(0, 3, 4), TN_SHAPE(1, 4, 3), NULL, NULL, 0);
	}
}

TN_TEST(the_portable_product_has_the_same_bits_on_any_number_of_threads) {
	for (size_t d = 0; d < TN_ARRAY_LEN(dtypes); d++) {
		struct operand a, b, one, other;

		operand_init(&a, dtypes[d], TN_SHAPE(150, 700), NULL, 0);
		operand_init(&b, dtypes[d], TN_SHAPE(700, 130), NULL, 0);
		operand_fill(&a, true);
		operand_fill(&b, true);
		multiply(&a, &b, &one, (struct run_options){.threads = 1, .portable = true});
		for (int threads = 2; threads <= 7; threads++) {
			multiply(&a, &b, &other, (struct run_options){.threads = threads, .portable = true});
			TN_CHECK(same_values(&one, &other));
			operand_finish(&other);
		}
		operand_finish(&one);
		operand_finish(&a);
		operand_finish(&b);
	}
}

TN_TEST(the_portable_product_has_the_same_bits_in_any_layout) {
	static const int turned[] = {1, 0};
	struct operand a, b, t, one, other;

	operand_init(&a, TN_DTYPE_F32, TN_SHAPE(70, 300), NULL, 0);
	operand_init(&t, TN_DTYPE_F32, TN_SHAPE(70, 300), turned, 5);
	operand_init(&b, TN_DTYPE_F32, TN_SHAPE(300, 90), NULL, 0);
	operand_fill(&a, true);
	operand_fill(&b, true);
	for (int64_t i = 0; i < a.count; i++) {
		memcpy(operand_element(&t, i), operand_element(&a, i), sizeof(float));
	}
	multiply(&a, &b, &one, (struct run_options){.threads = 2, .portable = true});
	multiply(&t, &b, &other, (struct run_options){.threads = 2, .portable = true});
	TN_CHECK(same_values(&one, &other));
	operand_finish(&one);
	operand_finish(&other);
	operand_finish(&a);
	operand_finish(&t);
	operand_finish(&b);
}

TN_TEST(integers_wrap) {
	struct operand a, b, c;

	operand_init(&a, TN_DTYPE_I32, TN_SHAPE(1, 2), NULL, 0);
	operand_init(&b, TN_DTYPE_I32, TN_SHAPE(2, 1), NULL, 0);
	for (int i = 0; i < 2; i++) {
		tn_element_set_i64(TN_DTYPE_I32, operand_element(&a, i), 1 << 20);
		tn_element_set_i64(TN_DTYPE_I32, operand_element(&b, i), (1 << 20) + 1);
	}
	multiply(&a, &b, &c, (struct run_options){.threads = 1});
	TN_CHECK_INT_EQ(tn_element_i64(TN_DTYPE_I32, c.memory), 1 << 21);
	operand_finish(&a);
	operand_finish(&b);
	operand_finish(&c);
}

TN_TEST(a_long_product_is_cut_and_can_be_interrupted) {
	volatile int flag = 1;
	struct tn_error err = {0};
	struct operand a, b, c;
	double sum = 0;

	operand_init(&a, TN_DTYPE_F32, TN_SHAPE(300, 11000), NULL, 0);
	operand_init(&b, TN_DTYPE_F32, TN_SHAPE(11000, 800), NULL, 0);
	operand_fill(&a, true);
	operand_fill(&b, true);
	for (int portable = 0; portable < 2; portable++) {
		c = (struct operand){.view = {.dtype = TN_DTYPE_F32, .shape = TN_SHAPE(300, 800)}};
		tn_error_clear(&err);
		TN_CHECK(!run_kernel(&cpu_matmul, (struct operand *const[]){&a, &b}, 2, NULL, &c,
		                     (struct run_options){.threads = 2, .portable = portable, .interrupt = &flag}, &err));
		TN_CHECK_INT_EQ(err.kind, TN_ERR_INTERRUPTED);
		operand_finish(&c);
	}
	multiply(&a, &b, &c, (struct run_options){.threads = 2});
	for (int64_t p = 0; p < 11000; p++) {
		sum += a.values[299 * 11000 + p] * b.values[p * 800 + 799];
	}
	TN_CHECK_NEAR(c.values[300 * 800 - 1], sum, 1e-2);
	operand_finish(&a);
	operand_finish(&b);
	operand_finish(&c);
}

TN_TEST(preparing_fails_cleanly_when_memory_is_out) {
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_view views[2] = {
			{.dtype = TN_DTYPE_F32, .shape = TN_SHAPE(32, 64), .stride = {64, 1}},
			{.dtype = TN_DTYPE_F32, .shape = TN_SHAPE(64, 48), .stride = {48, 1}},
		};
		struct tn_step step = {
			.input_count = 2, .inputs = views, .out = {.dtype = TN_DTYPE_F32, .shape = TN_SHAPE(32, 48), .stride = {48, 1}},
		};
		struct cpu_settings settings = {.threads = 1};
		struct cpu_step prepared = {.step = &step, .kernel = &cpu_matmul, .settings = &settings};
		struct tn_error err = {0};

		if (cpu_matmul.prepare(&prepared, &err)) {
			cpu_matmul.finish(&prepared);
		} else {
			TN_CHECK(tn_test_alloc_failed());
			TN_CHECK_INT_EQ(err.kind, TN_ERR_MEMORY);
		}
	}
}
