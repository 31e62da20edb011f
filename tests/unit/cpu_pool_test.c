/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling and its gradients against loops in double: kernels, strides, paddings, layouts and dtypes at random. */
#include "cpu_contraction.h"

static const enum tn_dtype dtypes[] = {
	TN_DTYPE_F64, TN_DTYPE_F32, TN_DTYPE_BF16, TN_DTYPE_F16, TN_DTYPE_I64, TN_DTYPE_I32, TN_DTYPE_U8};
static const int nhwc[] = {0, 2, 3, 1}, inside_out[] = {3, 2, 1, 0};
static const int *const orders[] = {NULL, nhwc, inside_out};

enum which { MAX, MAX_GRAD, MAX_TAKE, MEAN, MEAN_GRAD, KINDS };

struct problem {
	enum tn_dtype dtype;
	struct tn_shape x, y;
	int64_t attrs[11];
};

static void problem_init(struct problem *p, enum tn_dtype dtype, struct tn_shape x, const int64_t attrs[7]) {
	*p = (struct problem){.dtype = dtype, .x = x, .y = x};
	memcpy(p->attrs, attrs, 7 * sizeof(int64_t));
	for (int i = 0; i < 2; i++) {
		p->y.dims[2 + i] = (x.dims[2 + i] + 2 * attrs[4 + i] - attrs[i]) / attrs[2 + i] + 1;
	}
}

struct window {
	int64_t first[2], last[2], plane; /* rows and columns of x inside the window */
	double size;                      /* what a mean divides by */
};

static struct window window_of(const struct problem *p, int64_t y) {
	struct window w = {.plane = y / (p->y.dims[2] * p->y.dims[3]), .size = 1};
	int64_t place[2] = {y / p->y.dims[3] % p->y.dims[2], y % p->y.dims[3]};

	for (int i = 0; i < 2; i++) {
		int64_t begin = place[i] * p->attrs[2 + i] - p->attrs[4 + i], end = begin + p->attrs[i] - 1;

		w.first[i] = begin < 0 ? 0 : begin;
		w.last[i] = end >= p->x.dims[2 + i] ? p->x.dims[2 + i] - 1 : end;
		w.size *= (double)(p->attrs[6] != 0 ? p->attrs[i] : w.last[i] - w.first[i] + 1);
	}
	return w;
}

/* Index in x of the first largest element. */
static int64_t largest(const struct problem *p, const double *x, const struct window *w) {
	int64_t best = -1;

	for (int64_t r = w->first[0]; r <= w->last[0]; r++) {
		for (int64_t c = w->first[1]; c <= w->last[1]; c++) {
			int64_t i = (w->plane * p->x.dims[2] + r) * p->x.dims[3] + c;

			if (best < 0 || x[i] > x[best] || (isnan(x[i]) && !isnan(x[best]))) {
				best = i;
			}
		}
	}
	return best;
}

/* The result of that kind; `third`: the gradient, or for MAX_TAKE what is taken. */
static double *reference(const struct problem *p, enum which kind, const double *x, const double *third) {
	double *out = calloc((size_t)tn_shape_count(kind == MAX_GRAD || kind == MEAN_GRAD ? &p->x : &p->y) + 1, sizeof(double));

	for (int64_t y = 0; y < tn_shape_count(&p->y); y++) {
		struct window w = window_of(p, y);
		int64_t best = kind <= MAX_TAKE ? largest(p, x, &w) : 0;

		if (kind == MAX) {
			out[y] = x[best];
		} else if (kind == MAX_GRAD) {
			out[best] += third[y];
		} else if (kind == MAX_TAKE) {
			out[y] = third[best];
		}
		for (int64_t r = w.first[0]; kind >= MEAN && r <= w.last[0]; r++) {
			for (int64_t c = w.first[1]; c <= w.last[1]; c++) {
				int64_t i = (w.plane * p->x.dims[2] + r) * p->x.dims[3] + c;

				if (kind == MEAN) {
					out[y] += x[i] / w.size;
				} else {
					out[i] += third[y] / w.size;
				}
			}
		}
	}
	return out;
}

static void run_kind(const struct problem *p, enum which kind, struct operand *const inputs[], struct operand *out, int threads) {
	static const struct cpu_kernel *const kernels[] = {
		&cpu_max_pool2d, &cpu_max_pool2d_grad, &cpu_max_pool2d_take, &cpu_avg_pool2d, &cpu_avg_pool2d_grad};
	struct tn_error err = {0};

	*out = (struct operand){.view = {.dtype = p->dtype, .shape = kind == MAX_GRAD || kind == MEAN_GRAD ? p->x : p->y}};
	TN_CHECK(run_kernel(kernels[kind], inputs, kind == MAX || kind >= MEAN ? 1 : 3, p->attrs, out,
		(struct run_options){.threads = threads}, &err));
	TN_CHECK_NO_ERROR(&err);
}

static void fill_from(struct operand *o, const double *values) {
	for (int64_t i = 0; i < o->count; i++) {
		tn_element_set_f64(o->view.dtype, operand_element(o, i), values[i]);
		o->values[i] = tn_element_f64(o->view.dtype, operand_element(o, i));
	}
}

static void check_kind(const struct problem *p, enum which kind, const int *order_x, const int *order_y, int threads) {
	struct operand x, result, gradient, taken, out;
	double *wanted, *maxima;

	operand_init(&x, p->dtype, p->x, order_x, 0);
	operand_init(&taken, p->dtype, p->x, order_y, 0);
	operand_init(&result, p->dtype, p->y, order_x, 0);
	operand_init(&gradient, p->dtype, p->y, order_y, 0);
	operand_fill(&x, false);
	operand_fill(&taken, false);
	operand_fill(&gradient, false);
	maxima = reference(p, MAX, x.values, NULL);
	fill_from(&result, maxima);
	wanted = reference(p, kind, x.values, kind == MAX_TAKE ? taken.values : gradient.values);
	run_kind(p, kind,
		(struct operand *const[]){kind == MEAN_GRAD ? &gradient : &x, &result, kind == MAX_TAKE ? &taken : &gradient}, &out,
		threads);
	for (int64_t i = 0; p->dtype == TN_DTYPE_U8 && i < out.count; i++) {
		wanted[i] = (double)(uint8_t)(int64_t)wanted[i];
	}
	check_values(&out, wanted, 1);
	free(wanted);
	free(maxima);
	operand_finish(&x);
	operand_finish(&taken);
	operand_finish(&result);
	operand_finish(&gradient);
	operand_finish(&out);
}

TN_TEST(pooling_of_all_dtypes_and_layouts_agrees_with_loops_in_double) {
	for (size_t d = 0; d < TN_ARRAY_LEN(dtypes); d++) {
		for (int round = 0; round < 36; round++) {
			int64_t kernel[2] = {random_in(1, 4), random_in(1, 4)};
			int64_t attrs[] = {kernel[0], kernel[1], random_in(1, 3), random_in(1, 3), random_in(0, kernel[0] / 2),
				random_in(0, kernel[1] / 2), random_in(0, 1)};
			struct problem p;

			problem_init(&p, dtypes[d], TN_SHAPE(random_in(1, 3), random_in(1, 9), random_in(4, 9), random_in(4, 9)), attrs);
			for (int kind = 0; kind < (tn_dtype_is_float(dtypes[d]) ? KINDS : MEAN); kind++) {
				check_kind(&p, (enum which)kind, orders[round % 3], orders[round / 3 % 3], 1 + round % 2);
			}
		}
	}
}

TN_TEST(rows_longer_than_a_block_and_whole_planes_are_pooled) {
	static const int64_t halves[] = {2, 2, 2, 2, 0, 0, 0}, all[] = {6, 7, 6, 7, 0, 0, 0}, padded[] = {3, 3, 2, 2, 1, 1, 1};

	for (int kind = 0; kind < KINDS; kind++) {
		struct problem p;

		problem_init(&p, TN_DTYPE_F32, TN_SHAPE(2, 600, 6, 7), halves);
		check_kind(&p, (enum which)kind, nhwc, nhwc, 2);
		problem_init(&p, TN_DTYPE_F32, TN_SHAPE(3, 40, 6, 8), halves);
		check_kind(&p, (enum which)kind, nhwc, nhwc, 2);
		check_kind(&p, (enum which)kind, NULL, NULL, 2);
		problem_init(&p, TN_DTYPE_F32, TN_SHAPE(2, 300, 6, 7), all);
		check_kind(&p, (enum which)kind, nhwc, nhwc, 2);
		check_kind(&p, (enum which)kind, NULL, NULL, 2);
		problem_init(&p, TN_DTYPE_F64, TN_SHAPE(1, 2, 5, 1111), padded);
		check_kind(&p, (enum which)kind, NULL, NULL, 2);
	}
}

TN_TEST(the_gradient_goes_to_the_first_of_equals_and_to_nan) {
	static const int64_t attrs[] = {2, 2, 2, 2, 0, 0, 0};
	const double values[] = {1, 1, NAN, 5, 1, 1, 7, NAN};
	struct problem p;

	problem_init(&p, TN_DTYPE_F32, TN_SHAPE(1, 1, 2, 4), attrs);
	struct operand x, result, gradient, out;
	operand_init(&x, TN_DTYPE_F32, p.x, NULL, 0);
	operand_init(&gradient, TN_DTYPE_F32, p.y, NULL, 0);
	fill_from(&x, values);
	fill_from(&gradient, (const double[]){3, 4});
	run_kind(&p, MAX, (struct operand *const[]){&x}, &result, 1);
	TN_CHECK_F64_EQ(result.values[0], 1);
	TN_CHECK(isnan(result.values[1]));
	run_kind(&p, MAX_GRAD, (struct operand *const[]){&x, &result, &gradient}, &out, 1);
	for (int i = 0; i < 8; i++) {
		TN_CHECK_F64_EQ(out.values[i], i == 0 ? 3 : i == 2 ? 4 : 0);
	}
	operand_finish(&x);
	operand_finish(&result);
	operand_finish(&gradient);
	operand_finish(&out);
}

TN_TEST(the_result_keeps_the_layout_of_its_input) {
	static const int64_t attrs[] = {2, 2, 2, 2, 0, 0, 0};
	struct problem p;
	struct operand x, out;

	problem_init(&p, TN_DTYPE_F32, TN_SHAPE(2, 3, 4, 4), attrs);
	for (int i = 0; i < 2; i++) {
		operand_init(&x, TN_DTYPE_F32, p.x, orders[i], 0);
		operand_fill(&x, false);
		run_kind(&p, MAX, (struct operand *const[]){&x}, &out, 1);
		TN_CHECK_INT_EQ(out.view.stride[1], i == 0 ? 4 : 1);
		operand_finish(&x);
		operand_finish(&out);
	}
}

TN_TEST(empty_batches_are_pooled_to_nothing) {
	static const int64_t attrs[] = {2, 2, 2, 2, 0, 0, 0};

	for (int kind = 0; kind < KINDS; kind++) {
		struct problem p;

		problem_init(&p, TN_DTYPE_F32, TN_SHAPE(0, 3, 4, 4), attrs);
		check_kind(&p, (enum which)kind, NULL, NULL, 2);
	}
}
