/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the CPU's kernels share: tensors in random layouts, plans of one step made by hand, and a reference that
 * computes one element at a time. */
#ifndef TN_TESTS_UNIT_CPU_FIXTURE_H
#define TN_TESTS_UNIT_CPU_FIXTURE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "runner/test.h"

/* A tensor with its own storage. */
struct fixture {
	struct tn_view view;
	char *storage;
	int64_t elements; /* of storage */
};

/* Zeroed memory that the test's process keeps to its end: it stays reachable, so the leak checker speaks of the kernels' memory alone.
 * It may be freed early. */
TN_UNUSED static void *fixture_alloc(size_t count, size_t size) {
	static void **kept;
	static size_t kept_count;
	void *memory = calloc(count, size);

	if (kept_count % 256 == 0) {
		kept = realloc(kept, (kept_count + 256) * sizeof(*kept));
		TN_CHECK_NOT_NULL(kept);
	}
	TN_CHECK_NOT_NULL(memory);
	kept[kept_count++] = memory;
	return memory;
}

static uint64_t fixture_state = 88172645463325252u;

TN_UNUSED static uint64_t fixture_random(void) {
	fixture_state ^= fixture_state << 13;
	fixture_state ^= fixture_state >> 7;
	fixture_state ^= fixture_state << 17;
	return fixture_state * 2685821657736338717u;
}

/* In [low, high). */
TN_UNUSED static int64_t fixture_int(int64_t low, int64_t high) {
	return low + (int64_t)((fixture_random() >> 16) % (uint64_t)(high - low));
}

TN_UNUSED static double fixture_uniform(double low, double high) {
	return low + (high - low) * (double)(fixture_random() >> 11) * 0x1p-53;
}

TN_UNUSED static char *fixture_at(const struct fixture *f, const int64_t *index) {
	int64_t at = f->view.offset;

	for (int k = 0; k < f->view.shape.ndim; k++) {
		at += index[k] * f->view.stride[k];
	}
	return f->storage + at * (int64_t)tn_dtype_size(f->view.dtype);
}

/* Steps *index through the shape in row-major order; false at the end. Start with zeros. */
TN_UNUSED static bool fixture_next(const struct tn_shape *shape, int64_t *index) {
	for (int k = shape->ndim - 1; k >= 0; k--) {
		if (++index[k] < shape->dims[k]) {
			return true;
		}
		index[k] = 0;
	}
	return false;
}

TN_UNUSED static void fixture_fill(struct fixture *f, double low, double high) {
	for (int64_t i = 0; i < f->elements; i++) {
		char *p = f->storage + i * (int64_t)tn_dtype_size(f->view.dtype);

		if (tn_dtype_is_float(f->view.dtype)) {
			tn_element_set_f64(f->view.dtype, p, fixture_uniform(low, high));
		} else if (f->view.dtype == TN_DTYPE_BOOL8) {
			tn_element_set_i64(f->view.dtype, p, fixture_int(0, 2));
		} else {
			tn_element_set_i64(f->view.dtype, p, fixture_int((int64_t)low, (int64_t)high + 1));
		}
	}
}

/* Dense, the axes in a random order in memory when `shuffled`. */
TN_UNUSED static struct fixture fixture_dense(enum tn_dtype dtype, struct tn_shape shape, bool shuffled) {
	struct fixture f = {.view = {.dtype = dtype, .shape = shape}};
	int order[TN_MAX_NDIM];
	int64_t step = 1;

	for (int k = 0; k < shape.ndim; k++) {
		order[k] = k;
	}
	for (int k = 0; shuffled && k < shape.ndim; k++) {
		int other = (int)fixture_int(0, shape.ndim), kept = order[k];

		order[k] = order[other];
		order[other] = kept;
	}
	for (int k = shape.ndim - 1; k >= 0; k--) {
		f.view.stride[order[k]] = step;
		step *= shape.dims[order[k]];
	}
	f.elements = step;
	f.storage = fixture_alloc((size_t)step + 1, tn_dtype_size(dtype));
	return f;
}

/* Any layout: shuffled axes, gaps, negative steps, broadcast axes. */
TN_UNUSED static struct fixture fixture_strided(enum tn_dtype dtype, struct tn_shape shape) {
	struct tn_shape storage = shape;
	struct fixture f;
	int64_t gap[TN_MAX_NDIM];

	for (int k = 0; k < shape.ndim; k++) {
		gap[k] = fixture_int(0, 4) == 0 ? 2 : 1;
		storage.dims[k] = shape.dims[k] * gap[k];
	}
	f = fixture_dense(dtype, storage, fixture_int(0, 2) == 0);
	f.view.shape = shape;
	for (int k = 0; k < shape.ndim; k++) {
		f.view.stride[k] *= gap[k];
		if (fixture_int(0, 5) == 0) {
			f.view.stride[k] = 0;
		} else if (fixture_int(0, 5) == 0 && shape.dims[k] > 0) {
			f.view.offset += f.view.stride[k] * (shape.dims[k] - 1);
			f.view.stride[k] = -f.view.stride[k];
		}
	}
	return f;
}

TN_UNUSED static void fixture_finish(struct fixture *f) {
	free(f->storage);
	f->storage = NULL;
}

TN_UNUSED static struct tn_shape fixture_shape(int most_axes, int64_t most_elements) {
	struct tn_shape shape = {.ndim = (int32_t)fixture_int(0, most_axes + 1)};
	int64_t left = most_elements;

	for (int k = 0; k < shape.ndim; k++) {
		int64_t most = fixture_int(0, 3) == 0 ? 4 : left;

		shape.dims[k] = 1 + fixture_int(0, most < left ? most : left);
		left = left / shape.dims[k] > 0 ? left / shape.dims[k] : 1;
	}
	return shape;
}

TN_UNUSED static struct tn_backend *fixture_backend(int threads) {
	struct tn_error err = {0};
	struct tn_backend *b = tn_cpu_backend_create(&(struct tn_cpu_params){.threads = threads, .budget = (size_t)1 << 30}, &err);

	TN_CHECK_NO_ERROR(&err);
	TN_CHECK_NOT_NULL(b);
	return b;
}

/* Runs a plan of one step whose views have slots 0, 1, …; scalars are literals. */
TN_UNUSED static bool fixture_run(struct tn_backend *b, struct tn_step *step, void **slots, uint32_t slot_count,
	const struct tn_scalar *scalars, uint32_t scalar_count, struct tn_error *err) {
	struct tn_plan_scalar plan_scalars[64];
	uint32_t numbers[64];
	struct tn_plan plan = {.step_count = 1, .slot_count = slot_count, .leaf_count = slot_count, .scalar_count = scalar_count,
	                       .steps = step, .scalars = plan_scalars};
	struct tn_run run = {.slots = slots, .commit_step = 1};
	void *exec = NULL;
	bool ok;

	for (uint32_t i = 0; i < scalar_count; i++) {
		plan_scalars[i] = (struct tn_plan_scalar){.literal = true, .value = scalars[i]};
		numbers[i] = i;
	}
	step->scalars = numbers;
	step->scalar_count = scalar_count;
	if (!b->impl->prepare(b, &plan, &exec, err)) {
		return false;
	}
	ok = b->impl->run(b, exec, &run, err);
	b->impl->finish(b, exec);
	return ok;
}

/* One op that is not fused: `out` must have its view already. */
TN_UNUSED static bool fixture_op(struct tn_backend *b, enum tn_op op, const struct fixture *inputs, uint32_t count,
	struct fixture *out, const int64_t *attrs, uint32_t attr_count, const struct tn_scalar *scalars, uint32_t scalar_count,
	struct tn_error *err) {
	struct tn_view views[TN_MAX_OP_INPUTS];
	void *slots[TN_MAX_OP_INPUTS + 1];
	struct tn_step step = {
		.op = op, .inputs = views, .input_count = count, .attrs = attrs, .attr_count = attr_count, .out = out->view};

	for (uint32_t i = 0; i < count; i++) {
		views[i] = inputs[i].view;
		views[i].slot = i;
		slots[i] = inputs[i].storage;
	}
	step.out.slot = count;
	slots[count] = out->storage;
	return fixture_run(b, &step, slots, count + 1, scalars, scalar_count, err);
}

#endif
