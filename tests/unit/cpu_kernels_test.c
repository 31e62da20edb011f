/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels that are not fused, against references that move one element at a time: copies, ops by index, ops along an axis, makers
 * and random numbers. Every kernel of the table that accepts a dtype is run in it. */
#include "unit/cpu_fixture.h"

static enum tn_dtype dtype_at(int i) {
	return (enum tn_dtype)(i % TN_DTYPE_COUNT);
}

static void check_same(enum tn_dtype dtype, const char *found, const char *wanted, struct tn_test_place at) {
	if (memcmp(found, wanted, tn_dtype_size(dtype)) != 0) {
		tn_test_fail(
			at, "%s: %.17g, not %.17g", tn_dtype_name(dtype), tn_element_f64(dtype, found), tn_element_f64(dtype, wanted));
	}
}
#define CHECK_SAME(dtype, found, wanted) check_same((dtype), (found), (wanted), TN_TEST_HERE(#found))

static struct fixture filled(enum tn_dtype dtype, struct tn_shape shape, bool strided) {
	struct fixture f = strided ? fixture_strided(dtype, shape) : fixture_dense(dtype, shape, false);

	fixture_fill(&f, dtype == TN_DTYPE_U8 ? 0 : -100, 100);
	return f;
}

#define RUN(b, op, inputs, count, out, attrs, attr_count, scalars, scalar_count) \
	do { \
		struct tn_error run_err = {0}; \
		bool run_ok = fixture_op((b), (op), (inputs), (count), (out), (attrs), (attr_count), (scalars), (scalar_count), &run_err); \
		TN_CHECK_NO_ERROR(&run_err); \
		TN_CHECK(run_ok); \
	} while (0)

/* ---- copies ---- */

TN_TEST(copy_makes_any_layout_row_major) {
	struct tn_backend *b = fixture_backend(2);

	for (int round = 0; round < 1500; round++) {
		struct tn_shape shape = fixture_shape(5, round % 10 == 0 ? 60000 : 3000);
		struct fixture in = filled(dtype_at(round), shape, true), out = fixture_dense(dtype_at(round), shape, false);
		int64_t index[TN_MAX_NDIM] = {0};

		RUN(b, TN_OP_COPY, &in, 1, &out, NULL, 0, NULL, 0);
		do {
			CHECK_SAME(in.view.dtype, fixture_at(&out, index), fixture_at(&in, index));
		} while (fixture_next(&shape, index));
		fixture_finish(&in);
		fixture_finish(&out);
	}
	b->impl->destroy(b);
}

TN_TEST(copy_transposes_large_matrices) {
	struct tn_backend *b = fixture_backend(2);

	for (int i = 0; i < TN_DTYPE_COUNT; i++) {
		struct tn_shape shape = TN_SHAPE(3, 301, 517);
		struct fixture in = filled(dtype_at(i), shape, false), out = fixture_dense(dtype_at(i), shape, false);
		int64_t index[TN_MAX_NDIM] = {0};

		in.view.stride[1] = 1;
		in.view.stride[2] = 301;
		RUN(b, TN_OP_COPY, &in, 1, &out, NULL, 0, NULL, 0);
		do {
			CHECK_SAME(in.view.dtype, fixture_at(&out, index), fixture_at(&in, index));
		} while (fixture_next(&shape, index));
		fixture_finish(&in);
		fixture_finish(&out);
	}
	b->impl->destroy(b);
}

TN_TEST(cat_puts_its_inputs_one_after_the_other) {
	struct tn_backend *b = fixture_backend(2);

	for (int round = 0; round < 400; round++) {
		struct tn_shape shape = fixture_shape(4, 800), whole;
		struct fixture inputs[4], out;
		int count = 1 + (int)fixture_int(0, 4);
		int64_t axis, at = 0;

		if (shape.ndim == 0) {
			continue;
		}
		axis = fixture_int(0, shape.ndim);
		whole = shape;
		whole.dims[axis] = 0;
		for (int i = 0; i < count; i++) {
			shape.dims[axis] = fixture_int(0, 5);
			whole.dims[axis] += shape.dims[axis];
			inputs[i] = filled(dtype_at(round), shape, shape.dims[axis] > 0);
		}
		out = fixture_dense(dtype_at(round), whole, false);
		RUN(b, TN_OP_CAT, inputs, (uint32_t)count, &out, &axis, 1, NULL, 0);
		for (int i = 0; i < count; i++) {
			int64_t index[TN_MAX_NDIM] = {0}, place[TN_MAX_NDIM];

			while (tn_shape_count(&inputs[i].view.shape) > 0) {
				memcpy(place, index, sizeof(place));
				place[axis] += at;
				CHECK_SAME(out.view.dtype, fixture_at(&out, place), fixture_at(&inputs[i], index));
				if (!fixture_next(&inputs[i].view.shape, index)) {
					break;
				}
			}
			at += inputs[i].view.shape.dims[axis];
			fixture_finish(&inputs[i]);
		}
		fixture_finish(&out);
	}
	b->impl->destroy(b);
}

TN_TEST(pad_surrounds_with_the_value) {
	struct tn_backend *b = fixture_backend(1);

	for (int round = 0; round < 300; round++) {
		struct tn_shape shape = fixture_shape(4, 500), whole = shape;
		struct fixture in = filled(dtype_at(round), shape, true), out;
		struct tn_scalar value = {.is_float = tn_dtype_is_float(in.view.dtype)};
		int64_t attrs[2 * TN_MAX_NDIM], index[TN_MAX_NDIM] = {0};
		char wanted[8];

		for (int k = 0; k < shape.ndim; k++) {
			attrs[2 * k] = fixture_int(0, 3);
			attrs[2 * k + 1] = fixture_int(0, 3);
			whole.dims[k] += attrs[2 * k] + attrs[2 * k + 1];
		}
		if (value.is_float) {
			value.f = 0.5;
		} else {
			value.i = 1;
		}
		out = fixture_dense(in.view.dtype, whole, false);
		RUN(b, TN_OP_PAD, &in, 1, &out, attrs, (uint32_t)shape.ndim * 2, &value, 1);
		do {
			int64_t place[TN_MAX_NDIM];
			bool inside = true;

			for (int k = 0; k < shape.ndim; k++) {
				place[k] = index[k] - attrs[2 * k];
				inside = inside && place[k] >= 0 && place[k] < shape.dims[k];
			}
			tn_element_set_f64(in.view.dtype, wanted, value.is_float ? 0.5 : 1);
			CHECK_SAME(in.view.dtype, fixture_at(&out, index), inside ? fixture_at(&in, place) : wanted);
		} while (fixture_next(&whole, index));
		fixture_finish(&in);
		fixture_finish(&out);
	}
	b->impl->destroy(b);
}

TN_TEST(slice_set_replaces_a_part_and_may_lie_on_its_input) {
	struct tn_backend *b = fixture_backend(1);

	for (int round = 0; round < 400; round++) {
		struct tn_shape shape = fixture_shape(4, 800), part = shape;
		struct fixture in[2], out = fixture_dense(dtype_at(round), shape, false),
							  wanted = fixture_dense(dtype_at(round), shape, false);
		int64_t attrs[3 * TN_MAX_NDIM], index[TN_MAX_NDIM] = {0};

		for (int k = 0; k < shape.ndim; k++) {
			int64_t step = fixture_int(1, 3), n = 1 + fixture_int(0, (shape.dims[k] - 1) / step + 1),
					first = fixture_int(0, shape.dims[k] - (n - 1) * step);
			bool back = fixture_int(0, 3) == 0;

			part.dims[k] = n;
			attrs[2 * k] = back ? first + (n - 1) * step : first;
			attrs[2 * k + 1] = back ? -step : step;
			attrs[2 * shape.ndim + k] = n;
		}
		in[0] = filled(dtype_at(round), shape, false);
		in[1] = filled(dtype_at(round), part, true);
		memcpy(wanted.storage, in[0].storage, (size_t)wanted.elements * tn_dtype_size(wanted.view.dtype));
		do {
			int64_t place[TN_MAX_NDIM];

			for (int k = 0; k < shape.ndim; k++) {
				place[k] = attrs[2 * k] + index[k] * attrs[2 * k + 1];
			}
			memcpy(fixture_at(&wanted, place), fixture_at(&in[1], index), tn_dtype_size(wanted.view.dtype));
		} while (fixture_next(&part, index));
		if (round % 2 == 0) {
			free(out.storage);
			out.storage = in[0].storage;
		}
		RUN(b, TN_OP_SLICE_SET, in, 2, &out, attrs, (uint32_t)shape.ndim * 3, NULL, 0);
		TN_CHECK_MEM_EQ(out.storage, wanted.storage, (size_t)wanted.elements * tn_dtype_size(wanted.view.dtype));
		if (round % 2 == 0) {
			out.storage = NULL;
		}
		fixture_finish(&in[0]);
		fixture_finish(&in[1]);
		fixture_finish(&out);
		fixture_finish(&wanted);
	}
	b->impl->destroy(b);
}

/* ---- by index ---- */

static void fill_indices(struct fixture *f, int64_t limit) {
	for (int64_t i = 0; i < f->elements; i++) {
		int64_t low = f->view.dtype == TN_DTYPE_U8 ? 0 : -limit;

		tn_element_set_i64(f->view.dtype, f->storage + i * (int64_t)tn_dtype_size(f->view.dtype), fixture_int(low, limit));
	}
}

static int64_t index_at(const struct fixture *f, const int64_t *index, int64_t limit) {
	int64_t i = tn_element_i64(f->view.dtype, fixture_at(f, index));

	return i < 0 ? i + limit : i;
}

static void add_to(enum tn_dtype dtype, char *to, const char *from) {
	if (dtype == TN_DTYPE_F64) {
		tn_element_set_f64(dtype, to, tn_element_f64(dtype, to) + tn_element_f64(dtype, from));
	} else if (tn_dtype_is_float(dtype)) {
		tn_element_set_f64(dtype, to, (double)((float)tn_element_f64(dtype, to) + (float)tn_element_f64(dtype, from)));
	} else {
		tn_element_set_i64(dtype, to, (int64_t)((uint64_t)tn_element_i64(dtype, to) + (uint64_t)tn_element_i64(dtype, from)));
	}
}

/* The shape with the index's axes in the place of `axis`. */
static struct tn_shape spread(struct tn_shape x, int64_t axis, struct tn_shape index) {
	struct tn_shape out = {.ndim = x.ndim - 1 + index.ndim};

	for (int k = 0; k < out.ndim; k++) {
		out.dims[k] = k < axis ? x.dims[k] : k < axis + index.ndim ? index.dims[k - axis] : x.dims[k - index.ndim + 1];
	}
	return out;
}

static const enum tn_dtype index_dtypes[] = {TN_DTYPE_I64, TN_DTYPE_I32, TN_DTYPE_U8};

static struct tn_shape index_shape(void) {
	return fixture_shape(2, 30);
}

static struct tn_shape indexed_shape(void) {
	struct tn_shape shape = fixture_shape(4, 900);

	while (shape.ndim == 0) {
		shape = fixture_shape(4, 900);
	}
	for (int k = 0; k < shape.ndim; k++) {
		shape.dims[k] = shape.dims[k] > 100 ? 100 : shape.dims[k];
	}
	return shape;
}

TN_TEST(gather_and_its_writers_follow_the_index) {
	struct tn_backend *b = fixture_backend(2);

	for (int round = 0; round < 1200; round++) {
		enum tn_op op = round % 3 == 0 ? TN_OP_GATHER : round % 3 == 1 ? TN_OP_INDEX_ADD : TN_OP_INDEX_SET;
		enum tn_dtype dtype = dtype_at(round / 3);
		struct tn_shape shape = indexed_shape(), listed = index_shape(), values;
		int64_t axis = fixture_int(0, shape.ndim), index[TN_MAX_NDIM] = {0};
		struct fixture in[3], out, wanted;

		values = spread(shape, axis, listed);
		in[0] = filled(dtype, shape, op == TN_OP_GATHER || round % 2 == 0);
		in[1] = filled(index_dtypes[round % 3], listed, true);
		fill_indices(&in[1], shape.dims[axis]);
		in[2] = filled(dtype, values, true);
		out = fixture_dense(dtype, op == TN_OP_GATHER ? values : shape, false);
		wanted = fixture_dense(dtype, out.view.shape, false);
		if (op != TN_OP_GATHER) {
			do {
				memcpy(fixture_at(&wanted, index), fixture_at(&in[0], index), tn_dtype_size(dtype));
			} while (fixture_next(&shape, index));
			memset(index, 0, sizeof(index));
		}
		do {
			int64_t place[TN_MAX_NDIM];

			for (int k = 0; k < shape.ndim; k++) {
				place[k] = k < axis ? index[k]
					: k == axis     ? index_at(&in[1], index + axis, shape.dims[axis])
									: index[k + listed.ndim - 1];
			}
			if (op == TN_OP_GATHER) {
				memcpy(fixture_at(&wanted, index), fixture_at(&in[0], place), tn_dtype_size(dtype));
			} else if (op == TN_OP_INDEX_ADD) {
				add_to(dtype, fixture_at(&wanted, place), fixture_at(&in[2], index));
			} else {
				memcpy(fixture_at(&wanted, place), fixture_at(&in[2], index), tn_dtype_size(dtype));
			}
		} while (fixture_next(&values, index));
		RUN(b, op, in, op == TN_OP_GATHER ? 2 : 3, &out, &axis, 1, NULL, 0);
		TN_CHECK_MEM_EQ(out.storage, wanted.storage, (size_t)out.elements * tn_dtype_size(dtype));
		for (int i = 0; i < 3; i++) {
			fixture_finish(&in[i]);
		}
		fixture_finish(&out);
		fixture_finish(&wanted);
	}
	b->impl->destroy(b);
}

TN_TEST(take_along_and_scatter_follow_the_index) {
	struct tn_backend *b = fixture_backend(2);

	for (int round = 0; round < 1200; round++) {
		enum tn_op op = round % 3 == 0 ? TN_OP_TAKE_ALONG : round % 3 == 1 ? TN_OP_SCATTER_ADD : TN_OP_SCATTER_SET;
		enum tn_dtype dtype = dtype_at(round / 3);
		struct tn_shape shape = indexed_shape(), listed = shape;
		int64_t axis = fixture_int(0, shape.ndim), index[TN_MAX_NDIM] = {0};
		struct fixture in[3], out, wanted;

		listed.dims[axis] = fixture_int(1, 12);
		in[0] = filled(dtype, shape, true);
		in[1] = filled(index_dtypes[round % 3], listed, true);
		fill_indices(&in[1], shape.dims[axis]);
		in[2] = filled(dtype, listed, true);
		out = fixture_dense(dtype, op == TN_OP_TAKE_ALONG ? listed : shape, false);
		wanted = fixture_dense(dtype, out.view.shape, false);
		if (op != TN_OP_TAKE_ALONG) {
			do {
				memcpy(fixture_at(&wanted, index), fixture_at(&in[0], index), tn_dtype_size(dtype));
			} while (fixture_next(&shape, index));
			memset(index, 0, sizeof(index));
		}
		do {
			int64_t place[TN_MAX_NDIM];

			memcpy(place, index, sizeof(place));
			place[axis] = index_at(&in[1], index, shape.dims[axis]);
			if (op == TN_OP_TAKE_ALONG) {
				memcpy(fixture_at(&wanted, index), fixture_at(&in[0], place), tn_dtype_size(dtype));
			} else if (op == TN_OP_SCATTER_ADD) {
				add_to(dtype, fixture_at(&wanted, place), fixture_at(&in[2], index));
			} else {
				memcpy(fixture_at(&wanted, place), fixture_at(&in[2], index), tn_dtype_size(dtype));
			}
		} while (fixture_next(&listed, index));
		RUN(b, op, in, op == TN_OP_TAKE_ALONG ? 2 : 3, &out, &axis, 1, NULL, 0);
		TN_CHECK_MEM_EQ(out.storage, wanted.storage, (size_t)out.elements * tn_dtype_size(dtype));
		for (int i = 0; i < 3; i++) {
			fixture_finish(&in[i]);
		}
		fixture_finish(&out);
		fixture_finish(&wanted);
	}
	b->impl->destroy(b);
}

/* Many duplicates, on enough elements for two threads: each place is written in the order of the list. */
TN_TEST(scatter_has_the_same_bits_on_any_number_of_threads) {
	static const enum tn_op ops[] = {TN_OP_SCATTER_ADD, TN_OP_SCATTER_SET, TN_OP_TAKE_ALONG};
	struct tn_shape shape = TN_SHAPE(300, 700);

	for (int64_t axis = 0; axis < 2; axis++) {
		struct fixture in[3] = {filled(TN_DTYPE_F32, shape, false), fixture_dense(TN_DTYPE_I32, shape, false),
		                        filled(TN_DTYPE_F32, shape, false)};

		fill_indices(&in[1], 9);
		for (size_t k = 0; k < TN_ARRAY_LEN(ops); k++) {
			struct fixture out[2];

			for (int threads = 1; threads <= 2; threads++) {
				struct tn_backend *b = fixture_backend(threads);

				out[threads - 1] = fixture_dense(TN_DTYPE_F32, shape, false);
				RUN(b, ops[k], in, ops[k] == TN_OP_TAKE_ALONG ? 2 : 3, &out[threads - 1], &axis, 1, NULL, 0);
				b->impl->destroy(b);
			}
			TN_CHECK_MEM_EQ(out[0].storage, out[1].storage, (size_t)out[0].elements * 4);
			fixture_finish(&out[0]);
			fixture_finish(&out[1]);
		}
	}
}

TN_TEST(an_index_out_of_range_is_named_and_nothing_is_written) {
	struct tn_backend *b = fixture_backend(1);
	struct fixture in[3] = {filled(TN_DTYPE_F32, TN_SHAPE(10, 4), false), fixture_dense(TN_DTYPE_I64, TN_SHAPE(3), false),
	                        filled(TN_DTYPE_F32, TN_SHAPE(3, 4), false)};
	struct fixture out = fixture_dense(TN_DTYPE_F32, TN_SHAPE(10, 4), false);
	int64_t axis = 0, indices[] = {1, 2, 12};
	char kept[160];
	struct tn_error err = {0};

	memcpy(in[1].storage, indices, sizeof(indices));
	memcpy(out.storage, in[0].storage, sizeof(kept));
	memcpy(kept, in[0].storage, sizeof(kept));
	TN_CHECK(!fixture_op(b, TN_OP_INDEX_SET, in, 3, &out, &axis, 1, NULL, 0, &err));
	TN_CHECK_ERROR(&err, TN_ERR_INDEX, "index_set: index 12 is out of range for axis 0 of size 10");
	TN_CHECK_MEM_EQ(out.storage, kept, sizeof(kept));
	b->impl->destroy(b);
}

/* ---- along an axis ---- */

static struct tn_shape line_shape(int round) {
	struct tn_shape shape = fixture_shape(4, round % 7 == 0 ? 20000 : 1500);

	if (shape.ndim == 0) {
		shape = TN_SHAPE(5);
	}
	return shape;
}

/* Elements of one line as doubles; returns its length. */
static int64_t line_of(const struct fixture *f, const int64_t *start, int64_t axis, double *out) {
	int64_t index[TN_MAX_NDIM], n = f->view.shape.dims[axis];

	memcpy(index, start, sizeof(index));
	for (index[axis] = 0; index[axis] < n; index[axis]++) {
		out[index[axis]] = tn_element_f64(f->view.dtype, fixture_at(f, index));
	}
	return n;
}

TN_TEST(softmax_and_log_softmax_are_right_along_any_axis) {
	static const enum tn_dtype dtypes[] = {TN_DTYPE_F32, TN_DTYPE_F64, TN_DTYPE_BF16, TN_DTYPE_F16};
	static const double tolerances[] = {2e-6, 1e-14, 8e-3, 1e-3};
	struct tn_backend *b = fixture_backend(2);
	double *x = fixture_alloc(20001, sizeof(*x)), *y = fixture_alloc(20001, sizeof(*y));

	for (int round = 0; round < 400; round++) {
		struct tn_shape shape = line_shape(round), starts = shape;
		int64_t axis = fixture_int(0, shape.ndim), index[TN_MAX_NDIM] = {0};
		enum tn_op op = round % 2 == 0 ? TN_OP_SOFTMAX : TN_OP_LOG_SOFTMAX;
		enum tn_dtype dtype = dtypes[round / 2 % 4];
		struct fixture in = fixture_strided(dtype, shape), out = fixture_dense(dtype, shape, false);

		fixture_fill(&in, -8, 8);
		starts.dims[axis] = 1;
		RUN(b, op, &in, 1, &out, &axis, 1, NULL, 0);
		do {
			int64_t n = line_of(&in, index, axis, x);
			double most = -INFINITY, sum = 0;

			line_of(&out, index, axis, y);
			for (int64_t i = 0; i < n; i++) {
				most = fmax(most, x[i]);
			}
			for (int64_t i = 0; i < n; i++) {
				sum += exp(x[i] - most);
			}
			for (int64_t i = 0; i < n; i++) {
				double wanted = op == TN_OP_SOFTMAX ? exp(x[i] - most) / sum : x[i] - most - log(sum);
				double scale = fabs(wanted) + (op == TN_OP_SOFTMAX ? 1e-4 : 1); /* f16 has few bits below 6e-5 */

				TN_CHECK_NEAR(y[i], wanted, tolerances[round / 2 % 4] * scale);
			}
		} while (fixture_next(&starts, index));
		fixture_finish(&in);
		fixture_finish(&out);
	}
	b->impl->destroy(b);
}

TN_TEST(running_sums_and_products_are_those_of_a_loop) {
	struct tn_backend *b = fixture_backend(2);

	for (int round = 0; round < 500; round++) {
		struct tn_shape shape = line_shape(round), starts = shape;
		int64_t axis = fixture_int(0, shape.ndim), index[TN_MAX_NDIM] = {0};
		bool product = round % 2 == 1;
		enum tn_dtype dtype = dtype_at(round / 2);
		struct fixture in = fixture_strided(dtype, shape), out = fixture_dense(dtype, shape, false);

		fixture_fill(&in, dtype == TN_DTYPE_U8 ? 0 : -2, 2);
		starts.dims[axis] = 1;
		RUN(b, product ? TN_OP_CUMPROD : TN_OP_CUMSUM, &in, 1, &out, &axis, 1, NULL, 0);
		do {
			double before = 0, f64 = product;
			uint64_t i64 = product;

			for (index[axis] = 0; index[axis] < shape.dims[axis]; index[axis]++) {
				char wanted[8], *p = fixture_at(&in, index);

				if (!product && index[axis] % 1024 == 0) { /* sums go in blocks */
					before += f64;
					f64 = 0;
				}
				f64 = product ? f64 * tn_element_f64(dtype, p) : f64 + tn_element_f64(dtype, p);
				i64 = product ? i64 * (uint64_t)tn_element_i64(dtype, p) : i64 + (uint64_t)tn_element_i64(dtype, p);
				i64 = dtype == TN_DTYPE_BOOL8 ? i64 != 0 : i64;
				if (!tn_dtype_is_float(dtype)) {
					tn_element_set_i64(dtype, wanted, (int64_t)i64);
				} else {
					double sum = before + f64;

					tn_element_set_f64(dtype, wanted, product ? (dtype == TN_DTYPE_F64 ? f64 : (double)(float)f64) : dtype == TN_DTYPE_F64 ? sum : (double)(float)sum);
				}
				CHECK_SAME(dtype, fixture_at(&out, index), wanted);
			}
			index[axis] = 0;
		} while (fixture_next(&starts, index));
		fixture_finish(&in);
		fixture_finish(&out);
	}
	b->impl->destroy(b);
}

/* Whether element a comes strictly before b. */
static bool before(double a, double b, bool descending) {
	if (isnan(a) || isnan(b)) {
		return descending ? isnan(a) && !isnan(b) : !isnan(a) && isnan(b);
	}
	return descending ? a > b : a < b;
}

TN_TEST(argsort_is_stable_and_puts_nan_above_all) {
	struct tn_backend *b = fixture_backend(2);
	double *x = fixture_alloc(20001, sizeof(*x));

	for (int round = 0; round < 500; round++) {
		struct tn_shape shape = line_shape(round), starts = shape;
		int64_t attrs[2] = {fixture_int(0, shape.ndim), round % 2}, index[TN_MAX_NDIM] = {0};
		enum tn_dtype dtype = dtype_at(round / 2);
		struct fixture in = fixture_strided(dtype, shape), out = fixture_dense(TN_DTYPE_I64, shape, false);

		fixture_fill(&in, dtype == TN_DTYPE_U8 ? 0 : -9, 9);
		for (int64_t i = 0; i < in.elements && tn_dtype_is_float(dtype); i++) { /* many equals, some NaNs */
			double value = fixture_int(0, 9) == 0 ? NAN : fixture_int(0, 5) == 0 ? -0.0 : (double)fixture_int(-4, 5);

			tn_element_set_f64(dtype, in.storage + i * (int64_t)tn_dtype_size(dtype), value);
		}
		starts.dims[attrs[0]] = 1;
		RUN(b, TN_OP_ARGSORT, &in, 1, &out, attrs, 2, NULL, 0);
		do {
			int64_t n = line_of(&in, index, attrs[0], x), last = -1;

			for (index[attrs[0]] = 0; index[attrs[0]] < n; index[attrs[0]]++) {
				int64_t at = *(int64_t *)(void *)fixture_at(&out, index);

				TN_CHECK(at >= 0 && at < n);
				TN_CHECK(
					last < 0 || before(x[last], x[at], round % 2 != 0) || (!before(x[at], x[last], round % 2 != 0) && last < at));
				last = at;
			}
			index[attrs[0]] = 0;
		} while (fixture_next(&starts, index));
		fixture_finish(&in);
		fixture_finish(&out);
	}
	b->impl->destroy(b);
}

TN_TEST(argmax_and_argmin_give_the_first_of_equals) {
	struct tn_backend *b = fixture_backend(2);
	double *x = fixture_alloc(20001, sizeof(*x));

	for (int round = 0; round < 600; round++) {
		struct tn_shape shape = line_shape(round), starts = shape, reduced;
		bool least = round % 2 == 1, keep = round % 4 < 2;
		int64_t attrs[2] = {fixture_int(0, shape.ndim), keep}, index[TN_MAX_NDIM] = {0};
		enum tn_dtype dtype = dtype_at(round / 4);
		struct fixture in = fixture_strided(dtype, shape), out;

		fixture_fill(&in, dtype == TN_DTYPE_U8 ? 0 : -5, 5);
		for (int64_t i = 0; i < in.elements && tn_dtype_is_float(dtype); i++) {
			tn_element_set_f64(dtype, in.storage + i * (int64_t)tn_dtype_size(dtype),
				fixture_int(0, 30) == 0 ? NAN : (double)fixture_int(-4, 5));
		}
		starts.dims[attrs[0]] = 1;
		reduced = starts;
		if (!keep) {
			reduced.ndim--;
			for (int k = (int)attrs[0]; k < reduced.ndim; k++) {
				reduced.dims[k] = shape.dims[k + 1];
			}
		}
		out = fixture_dense(TN_DTYPE_I64, reduced, false);
		RUN(b, least ? TN_OP_ARGMIN : TN_OP_ARGMAX, &in, 1, &out, attrs, 2, NULL, 0);
		for (int64_t k = 0; k < out.elements; k++) {
			int64_t n = line_of(&in, index, attrs[0], x), wanted = 0;

			for (int64_t i = 1; i < n && !isnan(x[wanted]); i++) {
				wanted = isnan(x[i]) || (least ? x[i] < x[wanted] : x[i] > x[wanted]) ? i : wanted;
			}
			TN_CHECK_INT_EQ(((int64_t *)(void *)out.storage)[k], wanted);
			fixture_next(&starts, index);
		}
		fixture_finish(&in);
		fixture_finish(&out);
	}
	b->impl->destroy(b);
}

/* ---- makers ---- */

TN_TEST(full_and_arange_fill_every_dtype) {
	struct tn_backend *b = fixture_backend(2);

	for (int i = 0; i < TN_DTYPE_COUNT; i++) {
		enum tn_dtype dtype = dtype_at(i);
		struct fixture out = fixture_dense(dtype, TN_SHAPE(1000, 37), false), row = fixture_dense(dtype, TN_SHAPE(100), false);
		struct tn_scalar value = {.i = 1}, sequence[2] = {{.i = 3}, {.i = 1}},
						 halves[2] = {{.is_float = true, .f = 1}, {.is_float = true, .f = 0.25}};

		RUN(b, TN_OP_FULL, NULL, 0, &out, NULL, 0, &value, 1);
		for (int64_t k = 0; k < out.elements; k++) {
			TN_CHECK_INT_EQ(tn_element_i64(dtype, out.storage + k * (int64_t)tn_dtype_size(dtype)), 1);
		}
		RUN(b, TN_OP_ARANGE, NULL, 0, &row, NULL, 0, sequence, 2);
		TN_CHECK_INT_EQ(tn_element_i64(dtype, row.storage + 99 * tn_dtype_size(dtype)), dtype == TN_DTYPE_BOOL8 ? 1 : 102);
		if (tn_dtype_is_float(dtype)) {
			RUN(b, TN_OP_ARANGE, NULL, 0, &row, NULL, 0, halves, 2);
			TN_CHECK_F64_EQ(tn_element_f64(dtype, row.storage + 7 * tn_dtype_size(dtype)), 2.75);
		}
		fixture_finish(&out);
		fixture_finish(&row);
	}
	b->impl->destroy(b);
}

TN_TEST(random_numbers_are_those_of_the_stream) {
	for (int threads = 1; threads <= 2; threads++) {
		struct tn_backend *b = fixture_backend(threads);
		struct tn_scalar scalars[4] = {{.i = 7}, {.i = 42}, {.i = -5}, {.i = 6}},
						 chance[3] = {{.i = 7}, {.i = 42}, {.is_float = true, .f = 0.25}};
		struct fixture f32 = fixture_dense(TN_DTYPE_F32, TN_SHAPE(100003), false),
					   f64 = fixture_dense(TN_DTYPE_F64, TN_SHAPE(100003), false);
		struct fixture i64 = fixture_dense(TN_DTYPE_I64, TN_SHAPE(100003), false),
					   bits = fixture_dense(TN_DTYPE_BOOL8, TN_SHAPE(100003), false);
		double sum = 0, squares = 0, trues = 0;

		RUN(b, TN_OP_RAND, NULL, 0, &f32, NULL, 0, scalars, 2);
		RUN(b, TN_OP_RANDN, NULL, 0, &f64, NULL, 0, scalars, 2);
		RUN(b, TN_OP_RAND_INT, NULL, 0, &i64, NULL, 0, scalars, 4);
		RUN(b, TN_OP_RAND_BERNOULLI, NULL, 0, &bits, NULL, 0, chance, 3);
		for (int64_t k = 0; k < 100003; k++) {
			uint32_t words[4], wide[4];
			double normal = ((double *)(void *)f64.storage)[k];

			tn_philox_block(7, 42, (uint64_t)k / 4, words);
			tn_philox_block(7, 42, (uint64_t)k / 2, wide);
			TN_CHECK_F64_EQ((double)((float *)(void *)f32.storage)[k], (double)tn_uniform_f32(words[k % 4]));
			TN_CHECK_INT_EQ(((int64_t *)(void *)i64.storage)[k], tn_random_int(tn_philox_u64(wide, (int)(k % 2)), -5, 11));
			TN_CHECK_INT_EQ(bits.storage[k], words[k % 4] < 0x40000000u);
			sum += normal;
			squares += normal * normal;
			trues += bits.storage[k];
		}
		TN_CHECK_NEAR(sum / 100003, 0, 0.015);
		TN_CHECK_NEAR(squares / 100003, 1, 0.02);
		TN_CHECK_NEAR(trues / 100003, 0.25, 0.01);
		b->impl->destroy(b);
	}
}

TN_TEST(randperm_is_a_permutation) {
	struct tn_backend *b = fixture_backend(1);
	struct fixture order = fixture_dense(TN_DTYPE_I64, TN_SHAPE(60000), false);
	struct tn_scalar scalars[2] = {{.i = 7}, {.i = 42}};
	char *seen = fixture_alloc(60000, 1);
	int64_t fixed = 0;

	RUN(b, TN_OP_RAND_PERM, NULL, 0, &order, NULL, 0, scalars, 2);
	for (int64_t k = 0; k < 60000; k++) {
		int64_t at = ((int64_t *)(void *)order.storage)[k];

		TN_CHECK(at >= 0 && at < 60000 && seen[at] == 0);
		seen[at] = 1;
		fixed += at == k;
	}
	TN_CHECK(fixed < 10);
	b->impl->destroy(b);
}

TN_TEST(softmax_of_short_rows_has_the_bits_of_any_other_layout) {
	struct tn_backend *b = fixture_backend(2);

	for (int64_t n = 1; n <= 70; n++) {
		struct tn_shape shape = TN_SHAPE(45, n);
		struct fixture in = filled(TN_DTYPE_F32, shape, false), wide = fixture_dense(TN_DTYPE_F32, TN_SHAPE(45, n + 3), false);
		struct fixture out = fixture_dense(TN_DTYPE_F32, shape, false), other = fixture_dense(TN_DTYPE_F32, shape, false);
		int64_t axis = 1;

		fixture_fill(&in, -9, 9);
		wide.view.shape = shape;
		for (int64_t r = 0; r < 45; r++) {
			memcpy(wide.storage + r * (n + 3) * 4, in.storage + r * n * 4, (size_t)n * 4);
		}
		for (int kind = 0; kind < 2; kind++) {
			RUN(b, kind == 0 ? TN_OP_SOFTMAX : TN_OP_LOG_SOFTMAX, &in, 1, &out, &axis, 1, NULL, 0);
			RUN(b, kind == 0 ? TN_OP_SOFTMAX : TN_OP_LOG_SOFTMAX, &wide, 1, &other, &axis, 1, NULL, 0);
			TN_CHECK_MEM_EQ(out.storage, other.storage, (size_t)(45 * n * 4));
		}
		fixture_finish(&in);
		fixture_finish(&wide);
		fixture_finish(&out);
		fixture_finish(&other);
	}
	b->impl->destroy(b);
}
