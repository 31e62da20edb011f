/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of ops share: an engine on the CPU backend, tensors from numbers and back, and the test rows of the op table run
 * through the fronts. Included by one C file per program. */
#ifndef TN_TESTS_UNIT_TENSOR_FIXTURE_H
#define TN_TESTS_UNIT_TENSOR_FIXTURE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "runner/test.h"
#include "tensor/tensor.h"

static TN_UNUSED struct tn_engine *fixture_engine(void) {
	struct tn_error err = {0};
	struct tn_backend *backend = tn_cpu_backend_create(&(struct tn_cpu_params){.budget = (size_t)256 << 20}, &err);
	struct tn_engine *e;

	TN_CHECK_NO_ERROR(&err);
	e = tn_engine_create(&(struct tn_engine_params){.backend = backend}, &err);
	TN_CHECK_NO_ERROR(&err);
	return e;
}

/* Numbers in that dtype. */
static TN_UNUSED struct tn_tensor *fixture_from(
	struct tn_engine *e, enum tn_dtype dtype, struct tn_shape shape, const double *values) {
	struct tn_error err = {0};
	int64_t count = tn_shape_count(&shape);
	char *bytes = tn_alloc((size_t)count * 8);
	struct tn_tensor *t;

	TN_CHECK_NOT_NULL(bytes);
	for (int64_t i = 0; i < count; i++) {
		tn_element_set_f64(dtype, bytes + (size_t)i * tn_dtype_size(dtype), values[i]);
	}
	t = tn_tensor_from_data(e, dtype, &shape, bytes, &err);
	tn_free(bytes);
	TN_CHECK_NO_ERROR(&err);
	return t;
}

/* 0, 1, 2 … */
static TN_UNUSED struct tn_tensor *fixture_count(struct tn_engine *e, enum tn_dtype dtype, struct tn_shape shape) {
	int64_t count = tn_shape_count(&shape);
	double *values = tn_alloc((size_t)count * sizeof(double));
	struct tn_tensor *t;

	TN_CHECK_NOT_NULL(values);
	for (int64_t i = 0; i < count; i++) {
		values[i] = (double)i;
	}
	t = fixture_from(e, dtype, shape, values);
	tn_free(values);
	return t;
}

/* All elements as numbers; the caller frees them (tn_free). */
static TN_UNUSED double *fixture_read(struct tn_tensor *t) {
	struct tn_error err = {0};
	int64_t count = tn_shape_count(tn_tensor_shape(t));
	size_t size = tn_dtype_size(tn_tensor_dtype(t));
	char *bytes = tn_alloc((size_t)count * size);
	double *values = tn_alloc((size_t)count * sizeof(double));

	TN_CHECK(bytes != NULL && values != NULL);
	TN_CHECK(tn_tensor_read(t, bytes, (size_t)count * size, &err) || !tn_error_is_set(&err));
	TN_CHECK_NO_ERROR(&err);
	for (int64_t i = 0; i < count; i++) {
		values[i] = tn_element_f64(tn_tensor_dtype(t), bytes + (size_t)i * size);
	}
	tn_free(bytes);
	return values;
}

/* "f32[2, 3] 0 1 2 3 4 5": what a test compares; valid until the fourth next call. */
static TN_UNUSED const char *fixture_text(struct tn_tensor *t) {
	static char texts[4][2048];
	static int next;
	char *text = texts[next++ % 4], described[176];
	int64_t count = tn_shape_count(tn_tensor_shape(t));
	double *values = fixture_read(t);
	size_t at;

	tn_describe(tn_tensor_dtype(t), tn_tensor_shape(t), described);
	at = (size_t)snprintf(text, 2048, "%s", described);
	for (int64_t i = 0; i < count && at < 2000; i++) {
		at +=
			(size_t)snprintf(text + at, 2048 - at, " %g", values[i] != values[i] ? (double)NAN : values[i]); /* no sign of NaN */
	}
	tn_free(values);
	return text;
}

#define CHECK_TENSOR(tensor, wanted)                                                                                             \
	do {                                                                                                                         \
		struct tn_tensor *check_tensor = (tensor);                                                                               \
		TN_CHECK_NO_ERROR(&err);                                                                                                 \
		TN_CHECK_STR_EQ(fixture_text(check_tensor), (wanted));                                                                   \
		tn_tensor_unref(check_tensor);                                                                                           \
	} while (0)

#define CHECK_FAILS(call, error_kind, wanted)                                                                                    \
	do {                                                                                                                         \
		tn_error_clear(&err);                                                                                                    \
		TN_CHECK_NULL(call);                                                                                                     \
		TN_CHECK_ERROR(&err, (error_kind), (wanted));                                                                            \
		tn_error_clear(&err);                                                                                                    \
	} while (0)

#endif
