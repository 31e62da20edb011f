/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic of strides: what view ops do to them, which of them are dense, and the memory order that elementwise results take
 * over from their operands. */
#include <stdlib.h>
#include <string.h>

#include "tensor/engine.h"

/* Axes that matter: those of size 1 lie anywhere. */
static int drop_ones(const struct tn_shape *in, const int64_t *in_stride, int64_t *dims, int64_t *stride) {
	int count = 0;

	for (int axis = 0; axis < in->ndim; axis++) {
		if (in->dims[axis] != 1) {
			dims[count] = in->dims[axis];
			stride[count++] = in_stride[axis];
		}
	}
	return count;
}

/* Splits and merges axes: runs of axes of `in` that lie one behind the other in memory are matched with runs of the result's axes
 * of the same size. Empty and one-element tensors always go. */
static bool reshape_strides(const struct tn_shape *in, const int64_t *in_stride, const struct tn_shape *shape, int64_t *stride) {
	int64_t dims[TN_MAX_NDIM], old[TN_MAX_NDIM];
	int count = drop_ones(in, in_stride, dims, old), k = 0;

	tn_shape_strides(shape, stride);
	if (tn_shape_count(shape) <= 1) {
		return true;
	}
	for (int i = 0; i < count; i++) {
		int64_t from = dims[i], to, step;
		int end;

		while (shape->dims[k] == 1) {
			k++;
		}
		end = k;
		to = shape->dims[end++];
		while (from != to) {
			if (from > to) {
				to *= shape->dims[end++];
				continue;
			}
			if (old[i] != old[i + 1] * dims[i + 1]) {
				return false;
			}
			from *= dims[++i];
		}
		step = old[i];
		for (int j = end - 1; j >= k; j--) {
			stride[j] = step;
			step *= shape->dims[j];
		}
		k = end;
	}
	return true;
}

bool tn_view_apply(enum tn_op op, const struct tn_shape *in, const int64_t *in_stride, const int64_t *attrs,
	const struct tn_shape *shape, int64_t *stride, int64_t *offset) {
	int extra = shape->ndim - in->ndim;

	switch (op) {
	case TN_OP_RESHAPE:
		return reshape_strides(in, in_stride, shape, stride);
	case TN_OP_EXPAND:
		for (int i = 0; i < shape->ndim; i++) {
			stride[i] = i < extra || (in->dims[i - extra] == 1 && shape->dims[i] != 1) ? 0 : in_stride[i - extra];
		}
		return true;
	case TN_OP_PERMUTE:
		for (int i = 0; i < shape->ndim; i++) {
			stride[i] = in_stride[attrs[i]];
		}
		return true;
	default: /* SLICE: start and step for each axis */
		for (int i = 0; i < shape->ndim; i++) {
			if (shape->dims[i] > 0) {
				*offset += attrs[2 * i] * in_stride[i];
			}
			stride[i] = attrs[2 * (TN_MUTATED(axis_off_by_one) ? shape->ndim - 1 - i : i) + 1] * in_stride[i];
		}
		return true;
	}
}

/* Axes in memory order, outermost first; axes of size 1, whose strides say nothing, come before all. */
static void memory_order(const struct tn_shape *shape, const int64_t *stride, int *order) {
	int count = 0, first;

	for (int i = 0; i < shape->ndim; i++) {
		if (shape->dims[i] == 1) {
			order[count++] = i;
		}
	}
	first = count;
	for (int i = 0; i < shape->ndim; i++) {
		int at = count;

		if (shape->dims[i] == 1) {
			continue;
		}
		while (at > first && llabs(stride[order[at - 1]]) < llabs(stride[i])) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = i;
		count++;
	}
}

void tn_strides_like(const struct tn_shape *shape, const int64_t *like, int64_t *stride) {
	int order[TN_MAX_NDIM], last = -1;
	int64_t step = 1;
	bool row_major = true;

	memory_order(shape, like, order);
	for (int i = 0; i < shape->ndim; i++) {
		if (shape->dims[order[i]] != 1) {
			row_major = row_major && order[i] > last;
			last = order[i];
		}
	}
	if (row_major) {
		tn_shape_strides(shape, stride);
		return;
	}
	for (int i = shape->ndim - 1; i >= 0; i--) {
		stride[order[i]] = step;
		step *= shape->dims[order[i]] > 0 ? shape->dims[order[i]] : 1;
	}
}

bool tn_strides_repeat(const struct tn_shape *shape, const int64_t *stride) {
	for (int i = 0; i < shape->ndim; i++) {
		if (shape->dims[i] > 1 && stride[i] == 0) {
			return true;
		}
	}
	return false;
}

bool tn_strides_in_order(const struct tn_shape *shape, const int64_t *stride) {
	int64_t like[TN_MAX_NDIM], row_major[TN_MAX_NDIM];

	tn_strides_like(shape, stride, like);
	tn_shape_strides(shape, row_major);
	return !tn_strides_repeat(shape, stride) && memcmp(like, row_major, sizeof(like[0]) * (size_t)shape->ndim) == 0;
}

bool tn_strides_are_dense(const struct tn_shape *shape, const int64_t *stride) {
	int64_t dense[TN_MAX_NDIM];

	tn_strides_like(shape, stride, dense);
	for (int i = 0; i < shape->ndim; i++) {
		if (shape->dims[i] > 1 && stride[i] != dense[i]) {
			return false;
		}
	}
	return true;
}
