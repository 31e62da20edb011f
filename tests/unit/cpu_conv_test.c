/* SPDX-License-Identifier: Apache-2.0 */
/* CONV2D and its gradients against loops in double: shapes, strides, paddings, dilations, groups and dtypes at random, oneDNN
 * and portable. */
#include "cpu_contraction.h"

static const enum tn_dtype dtypes[] = {
	TN_DTYPE_F64, TN_DTYPE_F32, TN_DTYPE_BF16, TN_DTYPE_F16, TN_DTYPE_I64, TN_DTYPE_I32, TN_DTYPE_U8};
static const int nhwc[] = {0, 2, 3, 1}, inside_out[] = {3, 2, 1, 0};

struct problem {
	enum tn_dtype dtype;
	struct tn_shape x, w, y;
	int64_t attrs[11];
};

static void problem_init(struct problem *p, enum tn_dtype dtype, struct tn_shape x, struct tn_shape w, const int64_t attrs[7]) {
	*p = (struct problem){.dtype = dtype, .x = x, .w = w};
	memcpy(p->attrs, attrs, 7 * sizeof(int64_t));
	p->y = TN_SHAPE(x.dims[0], w.dims[0], 0, 0);
	for (int i = 0; i < 2; i++) {
		p->y.dims[2 + i] = (x.dims[2 + i] + 2 * attrs[2 + i] - attrs[4 + i] * (w.dims[2 + i] - 1) - 1) / attrs[i] + 1;
	}
}

enum which { FORWARD, GRAD_X, GRAD_W, KINDS };

/* y[n][o][h][w] += x[n][c][…] * w[o][c][kh][kw] for all that meet; which of the three is the result is the kind. */
static void reference(const struct problem *p, enum which kind, double *x, double *w, double *y) {
	int64_t cg = p->w.dims[1], og = p->w.dims[0] / p->attrs[6], kh = p->w.dims[2], kw = p->w.dims[3];

	for (int64_t i = 0; i < tn_shape_count(&p->y); i++) {
		int64_t ow = i % p->y.dims[3], oh = i / p->y.dims[3] % p->y.dims[2], o = i / (p->y.dims[2] * p->y.dims[3]) % p->y.dims[1];
		int64_t n = i / (p->y.dims[1] * p->y.dims[2] * p->y.dims[3]);

		for (int64_t k = 0; k < cg * kh * kw; k++) {
			int64_t c = k / (kh * kw), ih = oh * p->attrs[0] - p->attrs[2] + k / kw % kh * p->attrs[4];
			int64_t iw = ow * p->attrs[1] - p->attrs[3] + k % kw * p->attrs[5];
			int64_t at_x = ((n * p->x.dims[1] + o / og * cg + c) * p->x.dims[2] + ih) * p->x.dims[3] + iw,
					at_w = o * cg * kh * kw + k;

			if (ih < 0 || ih >= p->x.dims[2] || iw < 0 || iw >= p->x.dims[3]) {
				continue;
			}
			if (kind == FORWARD) {
				y[i] += x[at_x] * w[at_w];
			} else if (kind == GRAD_X) {
				x[at_x] += y[i] * w[at_w];
			} else {
				w[at_w] += x[at_x] * y[i];
			}
		}
	}
}

static void convolve(const struct problem *p, enum which kind, struct operand *a, struct operand *b, struct operand *out,
	struct run_options options) {
	static const struct cpu_kernel *const kernels[] = {&cpu_conv2d, &cpu_conv2d_grad_x, &cpu_conv2d_grad_w};
	struct tn_error err = {0};

	*out = (struct operand){.view = {.dtype = p->dtype, .shape = kind == FORWARD ? p->y : kind == GRAD_X ? p->x : p->w}};
	TN_CHECK(run_kernel(kernels[kind], (struct operand *const[]){a, b}, 2, p->attrs, out, options, &err));
	TN_CHECK_NO_ERROR(&err);
}

static void inputs_init(
	const struct problem *p, enum which kind, struct operand *a, struct operand *b, const int *order_a, const int *order_b) {
	operand_init(a, p->dtype, kind == GRAD_X ? p->y : p->x, order_a, 0);
	operand_init(b, p->dtype, kind == GRAD_W ? p->y : p->w, order_b, 0);
	operand_fill(a, p->dtype == TN_DTYPE_F64 || p->dtype == TN_DTYPE_F32);
	operand_fill(b, p->dtype == TN_DTYPE_F64 || p->dtype == TN_DTYPE_F32);
}

static void check_kind(const struct problem *p, enum which kind, const int *order_a, const int *order_b) {
	int64_t terms = kind == FORWARD ? p->w.dims[1] * p->w.dims[2] * p->w.dims[3]
		: kind == GRAD_X            ? p->w.dims[0] * p->w.dims[2] * p->w.dims[3]
									: p->y.dims[0] * p->y.dims[2] * p->y.dims[3];
	struct operand a, b, out;

	inputs_init(p, kind, &a, &b, order_a, order_b);
	for (int portable = 0; portable < 2; portable++) {
		double *wanted;

		convolve(p, kind, &a, &b, &out, (struct run_options){.threads = 2, .portable = portable});
		wanted = calloc((size_t)out.count + 1, sizeof(double));
		reference(p, kind, kind == GRAD_X ? wanted : a.values, kind == GRAD_W ? wanted : b.values,
		          kind == FORWARD ? wanted : kind == GRAD_X ? a.values : b.values);
		for (int64_t i = 0; p->dtype == TN_DTYPE_U8 && i < out.count; i++) {
			wanted[i] = (double)(uint8_t)(int64_t)wanted[i];
		}
		check_values(&out, wanted, terms);
		free(wanted);
		operand_finish(&out);
	}
	operand_finish(&a);
	operand_finish(&b);
}

TN_TEST(convolutions_of_all_dtypes_and_layouts_agree_with_loops_in_double) {
	static const int *const orders[] = {NULL, nhwc, inside_out};

	for (size_t d = 0; d < TN_ARRAY_LEN(dtypes); d++) {
		for (int round = 0; round < 12; round++) {
			int64_t groups = random_in(1, 3), cg = random_in(1, 5), og = random_in(1, 6), kh = random_in(1, 4),
					kw = random_in(1, 4);
			int64_t attrs[] = {
				random_in(1, 3), random_in(1, 3), random_in(0, 2), random_in(0, 2), random_in(1, 2), random_in(1, 2), groups};
			struct problem p;

			problem_init(&p, dtypes[d], TN_SHAPE(random_in(1, 3), groups * cg, random_in(8, 12), random_in(8, 12)),
			             TN_SHAPE(groups * og, cg, kh, kw), attrs);
			for (int kind = 0; kind < KINDS; kind++) {
				check_kind(&p, (enum which)kind, orders[round % 3], orders[round / 3 % 3]);
			}
		}
	}
}

TN_TEST(the_convolutions_of_a_small_network_are_right) {
	static const int64_t same[] = {1, 1, 1, 1, 1, 1, 1}, wide[] = {2, 2, 3, 3, 1, 1, 1};
	struct problem p;

	for (int kind = 0; kind < KINDS; kind++) {
		problem_init(&p, TN_DTYPE_F32, TN_SHAPE(5, 1, 28, 28), TN_SHAPE(32, 1, 3, 3), same);
		check_kind(&p, (enum which)kind, NULL, NULL);
		problem_init(&p, TN_DTYPE_F32, TN_SHAPE(3, 32, 14, 14), TN_SHAPE(64, 32, 3, 3), same);
		check_kind(&p, (enum which)kind, nhwc, NULL);
		problem_init(&p, TN_DTYPE_F64, TN_SHAPE(2, 3, 40, 40), TN_SHAPE(8, 3, 7, 7), wide);
		check_kind(&p, (enum which)kind, NULL, NULL);
	}
}

TN_TEST(the_layout_of_the_inputs_does_not_change_a_bit) {
	static const int64_t same[] = {1, 1, 1, 1, 1, 1, 1};
	struct problem p;

	problem_init(&p, TN_DTYPE_F32, TN_SHAPE(4, 16, 9, 9), TN_SHAPE(32, 16, 3, 3), same);
	for (int kind = 0; kind < KINDS; kind++) {
		for (int portable = 0; portable < 2; portable++) {
			struct operand a, b, turned, one, other;

			inputs_init(&p, (enum which)kind, &a, &b, NULL, NULL);
			operand_init(&turned, p.dtype, a.view.shape, inside_out, 3);
			for (int64_t i = 0; i < a.count; i++) {
				memcpy(operand_element(&turned, i), operand_element(&a, i), sizeof(float));
			}
			convolve(&p, (enum which)kind, &a, &b, &one, (struct run_options){.threads = 2, .portable = portable});
			convolve(&p, (enum which)kind, &turned, &b, &other, (struct run_options){.threads = 2, .portable = portable});
			TN_CHECK(same_values(&one, &other));
			operand_finish(&a);
			operand_finish(&b);
			operand_finish(&turned);
			operand_finish(&one);
			operand_finish(&other);
		}
	}
}

TN_TEST(the_portable_convolution_has_the_same_bits_on_any_number_of_threads) {
	static const int64_t attrs[] = {1, 2, 1, 0, 1, 1, 2};

	for (size_t d = 0; d < TN_ARRAY_LEN(dtypes); d++) {
		struct problem p;

		problem_init(&p, dtypes[d], TN_SHAPE(5, 6, 30, 30), TN_SHAPE(8, 3, 3, 3), attrs);
		for (int kind = 0; kind < KINDS; kind++) {
			struct operand a, b, one, other;

			inputs_init(&p, (enum which)kind, &a, &b, NULL, NULL);
			convolve(&p, (enum which)kind, &a, &b, &one, (struct run_options){.threads = 1, .portable = true});
			convolve(&p, (enum which)kind, &a, &b, &other, (struct run_options){.threads = 3, .portable = true});
			TN_CHECK(same_values(&one, &other));
			operand_finish(&a);
			operand_finish(&b);
			operand_finish(&one);
			operand_finish(&other);
		}
	}
}

TN_TEST(empty_batches_and_no_channels_give_nothing_or_zeros) {
	static const int64_t same[] = {1, 1, 1, 1, 1, 1, 1};

	for (size_t d = 0; d < TN_ARRAY_LEN(dtypes); d++) {
		struct problem p;

		for (int kind = 0; kind < KINDS; kind++) {
			problem_init(&p, dtypes[d], TN_SHAPE(0, 3, 5, 5), TN_SHAPE(4, 3, 3, 3), same);
			check_kind(&p, (enum which)kind, NULL, NULL);
			problem_init(&p, dtypes[d], TN_SHAPE(2, 0, 5, 5), TN_SHAPE(4, 0, 3, 3), same);
			check_kind(&p, (enum which)kind, NULL, NULL);
			problem_init(&p, dtypes[d], TN_SHAPE(2, 3, 5, 5), TN_SHAPE(0, 3, 3, 3), same);
			check_kind(&p, (enum which)kind, NULL, NULL);
		}
	}
}

/* All three kinds by oneDNN in parts, against the portable ones; and that an interrupt stops them. */
static void check_cut(const struct problem *p) {
	static const struct cpu_kernel *const kernels[] = {&cpu_conv2d, &cpu_conv2d_grad_x, &cpu_conv2d_grad_w};
	volatile int flag = 1;

	for (int kind = 0; kind < KINDS; kind++) {
		int64_t taps = p->w.dims[2] * p->w.dims[3];
		struct tn_error err = {0};
		struct operand a, b, one, other;

		inputs_init(p, (enum which)kind, &a, &b, nhwc, NULL);
		convolve(p, (enum which)kind, &a, &b, &one, (struct run_options){.threads = 2});
		convolve(p, (enum which)kind, &a, &b, &other, (struct run_options){.threads = 2, .portable = true});
		check_values(&one, other.values, kind == GRAD_W ? p->y.dims[0] * p->y.dims[2] * p->y.dims[3]
														: p->w.dims[kind == GRAD_X ? 0 : 1] * taps);
		operand_finish(&one);
		operand_finish(&other);
		for (int portable = 0; portable < 2; portable++) {
			one = (struct operand){.view = other.view};
			tn_error_clear(&err);
			TN_CHECK(!run_kernel(kernels[kind], (struct operand *const[]){&a, &b}, 2, p->attrs, &one,
			                     (struct run_options){.threads = 2, .portable = portable, .interrupt = &flag}, &err));
			TN_CHECK_INT_EQ(err.kind, TN_ERR_INTERRUPTED);
			operand_finish(&one);
		}
		operand_finish(&a);
		operand_finish(&b);
	}
}

TN_TEST(a_long_convolution_is_cut_along_the_batch_and_can_be_interrupted) {
	static const int64_t same[] = {1, 1, 1, 1, 1, 1, 1};
	struct problem p;

	problem_init(&p, TN_DTYPE_F32, TN_SHAPE(11, 64, 56, 56), TN_SHAPE(96, 64, 3, 3), same);
	check_cut(&p);
}

TN_TEST(one_long_image_is_cut_into_bands_of_rows) {
	static const int64_t same[] = {1, 1, 1, 1, 1, 1, 1}, wide[] = {2, 1, 4, 2, 2, 1, 1}, bare[] = {1, 1, 0, 0, 1, 1, 2};
	struct problem p;

	problem_init(&p, TN_DTYPE_F32, TN_SHAPE(2, 64, 120, 101), TN_SHAPE(80, 64, 3, 3), same);
	check_cut(&p);
	problem_init(&p, TN_DTYPE_F32, TN_SHAPE(1, 64, 167, 120), TN_SHAPE(64, 64, 5, 3), wide);
	check_cut(&p);
	problem_init(&p, TN_DTYPE_F32, TN_SHAPE(1, 64, 300, 151), TN_SHAPE(48, 32, 3, 3), bare);
	check_cut(&p);
}

TN_TEST(preparing_fails_cleanly_when_memory_is_out) {
	static const int64_t same[] = {1, 1, 1, 1, 1, 1, 1};

	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_view views[2] = {
			{.dtype = TN_DTYPE_F32, .shape = TN_SHAPE(2, 3, 5, 5), .stride = {75, 25, 5, 1}},
			{.dtype = TN_DTYPE_F32, .shape = TN_SHAPE(4, 3, 3, 3), .stride = {27, 9, 3, 1}},
		};
		struct tn_step step = {
			.input_count = 2, .inputs = views, .attrs = same, .attr_count = 7,
			.out = {.dtype = TN_DTYPE_F32, .shape = TN_SHAPE(2, 4, 5, 5), .stride = {100, 1, 20, 4}},
		};
		struct cpu_settings settings = {.threads = 1};
		struct cpu_step prepared = {.step = &step, .kernel = &cpu_conv2d, .settings = &settings};
		struct tn_error err = {0};

		if (cpu_conv2d.prepare(&prepared, &err)) {
			cpu_conv2d.finish(&prepared);
		} else {
			TN_CHECK(tn_test_alloc_failed());
			TN_CHECK_INT_EQ(err.kind, TN_ERR_MEMORY);
		}
	}
}
