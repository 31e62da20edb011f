/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of matmul, convolution and pooling share: tensors with any strides, a step run by itself on one kernel, and a
 * comparison with results in double. */
#ifndef TN_TESTS_CPU_CONTRACTION_H
#define TN_TESTS_CPU_CONTRACTION_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/kernels.h"
#include "runner/test.h"

/* A view with memory of its own; `values` has its elements in row-major order of the shape. */
struct operand {
	struct tn_view view;
	char *memory;
	double *values;
	int64_t count;
};

static uint64_t random_state = 88172645463325252u;

static inline uint64_t random_next(void) {
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static inline int64_t random_in(int64_t low, int64_t high) {
	return low + (int64_t)(random_next() % (uint64_t)(high - low + 1));
}

/* Memory for `view`, whose strides are all positive or 0. */
static inline void operand_memory(struct operand *o) {
	int64_t last = 0;

	for (int i = 0; i < o->view.shape.ndim; i++) {
		last += o->view.shape.dims[i] > 0 ? (o->view.shape.dims[i] - 1) * o->view.stride[i] : 0;
	}
	o->count = tn_shape_count(&o->view.shape);
	o->memory = aligned_alloc(64, ((size_t)(last + 1) * tn_dtype_size(o->view.dtype) + 127) / 64 * 64);
	o->values = calloc((size_t)o->count + 1, sizeof(double));
	TN_CHECK(o->memory != NULL && o->values != NULL);
}

static inline int64_t operand_offset(const struct tn_view *v, int64_t index) {
	int64_t offset = 0;

	for (int i = v->shape.ndim - 1; i >= 0; i--) {
		offset += index % v->shape.dims[i] * v->stride[i];
		index /= v->shape.dims[i];
	}
	return offset;
}

static inline char *operand_element(const struct operand *o, int64_t index) {
	return o->memory + operand_offset(&o->view, index) * (int64_t)tn_dtype_size(o->view.dtype);
}

/* Random values: small integers, so that all dtypes hold them and many sums are exact, or fractions. */
static inline void operand_fill(struct operand *o, bool fractions) {
	for (int64_t i = 0; i < o->count; i++) {
		double x = (double)random_in(o->view.dtype == TN_DTYPE_U8 ? 0 : -4, 4);

		if (fractions && tn_dtype_is_float(o->view.dtype)) {
			x = (double)random_in(-1000, 1000) / 1000;
		}
		tn_element_set_f64(o->view.dtype, operand_element(o, i), x);
	}
	for (int64_t i = 0; i < o->count; i++) {
		o->values[i] = tn_element_f64(o->view.dtype, operand_element(o, i));
	}
}

/* Axes in memory order `order` (outermost first; NULL: row-major), with `gap` unused elements after the innermost rows. */
static inline void operand_init(struct operand *o, enum tn_dtype dtype, struct tn_shape shape, const int *order, int64_t gap) {
	int64_t step = 1;

	*o = (struct operand){.view = {.dtype = dtype, .shape = shape}};
	for (int i = shape.ndim - 1; i >= 0; i--) {
		int axis = order != NULL ? order[i] : i;

		o->view.stride[axis] = step;
		step = step * (shape.dims[axis] > 0 ? shape.dims[axis] : 1) + (i == shape.ndim - 1 ? gap : 0);
	}
	operand_memory(o);
}

static inline void operand_finish(struct operand *o) {
	free(o->memory);
	free(o->values);
}

struct run_options {
	int threads;
	bool portable;
	const volatile int *interrupt;
};

/* Prepares and runs one step; `out` has its dtype and shape set and gets strides (the kernel's layout), memory and values. */
static inline bool run_kernel(const struct cpu_kernel *kernel, struct operand *const inputs[], uint32_t count,
	const int64_t *attrs, struct operand *out, struct run_options options, struct tn_error *err) {
	struct cpu_settings settings = {.threads = options.threads, .portable = options.portable};
	struct tn_view views[3];
	char *addresses[3];
	struct tn_step step = {.input_count = count, .inputs = views, .attrs = attrs, .attr_count = attrs != NULL ? 11 : 0};
	struct cpu_step prepared = {.step = &step, .kernel = kernel, .settings = &settings};
	struct cpu_call call = {.step = &prepared, .inputs = addresses, .threads = options.threads, .interrupt = options.interrupt};
	bool ok;

	for (uint32_t i = 0; i < count; i++) {
		views[i] = inputs[i]->view;
		addresses[i] = inputs[i]->memory;
	}
	if (kernel->layout != NULL) {
		kernel->layout(&settings, views, count, attrs, &out->view);
	} else {
		tn_shape_strides(&out->view.shape, out->view.stride);
	}
	operand_memory(out);
	memset(out->memory, 0xaa, (size_t)out->count * tn_dtype_size(out->view.dtype));
	step.out = out->view;
	if (kernel->prepare != NULL && !kernel->prepare(&prepared, err)) {
		return false;
	}
	call.out = out->memory;
	call.workspace = aligned_alloc(64, (prepared.workspace + 127) / 64 * 64);
	memset(call.workspace, 0xaa, prepared.workspace);
	ok = kernel->run(&call, err);
	free(call.workspace);
	if (kernel->finish != NULL) {
		kernel->finish(&prepared);
	}
	for (int64_t i = 0; ok && i < out->count; i++) {
		out->values[i] = tn_element_f64(out->view.dtype, operand_element(out, i));
	}
	return ok;
}

/* Relative to the largest value: what one more rounding of each of `terms` products in this dtype may come to. */
static inline double tolerance_of(enum tn_dtype dtype, int64_t terms) {
	double unit = dtype == TN_DTYPE_F64 ? 0x1p-52
		: dtype == TN_DTYPE_F32         ? 0x1p-23
		: dtype == TN_DTYPE_BF16        ? 0x1p-7
		: dtype == TN_DTYPE_F16         ? 0x1p-10
										: 0;
	double factor = dtype == TN_DTYPE_F64 || dtype == TN_DTYPE_F32 ? 2 + sqrt((double)terms) : 1;

	return unit * factor;
}

static inline void check_values(const struct operand *found, const double *wanted, int64_t terms) {
	double largest = 0, tolerance;

	for (int64_t i = 0; i < found->count; i++) {
		largest = fabs(wanted[i]) > largest ? fabs(wanted[i]) : largest;
	}
	tolerance = largest * tolerance_of(found->view.dtype, terms);
	for (int64_t i = 0; i < found->count; i++) {
		TN_CHECK_NEAR(found->values[i], wanted[i], tolerance);
	}
}

static inline bool same_values(const struct operand *a, const struct operand *b) {
	return a->count == b->count && memcmp(a->values, b->values, (size_t)a->count * sizeof(double)) == 0;
}

#endif
