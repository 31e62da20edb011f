/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes: checks against overflow, broadcasting as NumPy has it, and how errors show shapes and tensors. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tensor/dtype.h"

/* Elements whose number times 8 bytes still fits 2^62. */
static const int64_t max_count = INT64_C(1) << 59;

bool tn_shape_check(const struct tn_shape *shape, const char *what, struct tn_error *err) {
	int64_t count = 1;
	bool empty = false, overflow = false;
	char text[160];

	if (shape->ndim < 0 || shape->ndim > TN_MAX_NDIM) {
		return tn_error_set(err, TN_ERR_SHAPE, "%s: a tensor has at most %d axes, not %d", what, TN_MAX_NDIM, (int)shape->ndim);
	}
	for (int i = 0; i < shape->ndim; i++) {
		if (shape->dims[i] < 0) {
			tn_shape_format(shape, text);
			return tn_error_set(err, TN_ERR_SHAPE, "%s: the shape %s has a negative size", what, text);
		}
		empty = empty || shape->dims[i] == 0;
	}
	for (int i = 0; i < shape->ndim && !empty; i++) {
		overflow = __builtin_mul_overflow(count, shape->dims[i], &count) || count > max_count;
		if (overflow) {
			tn_shape_format(shape, text);
			return tn_error_set(err, TN_ERR_MEMORY, "%s: a tensor of shape %s is larger than any memory", what, text);
		}
	}
	return true;
}

int64_t tn_shape_count(const struct tn_shape *shape) {
	int64_t count = 1;

	for (int i = 0; i < shape->ndim; i++) {
		if (shape->dims[i] == 0) {
			return 0; /* first, since the others may overflow */
		}
	}
	for (int i = 0; i < shape->ndim; i++) {
		count *= shape->dims[i];
	}
	return count;
}

bool tn_shape_equal(const struct tn_shape *a, const struct tn_shape *b) {
	return a->ndim == b->ndim && memcmp(a->dims, b->dims, sizeof(a->dims[0]) * (size_t)a->ndim) == 0;
}

bool tn_shape_broadcast(const struct tn_shape *a, const struct tn_shape *b, struct tn_shape *out) {
	struct tn_shape result = {.ndim = a->ndim > b->ndim ? a->ndim : b->ndim};

	for (int i = 0; i < result.ndim; i++) { /* i counts axes from the end */
		int64_t x = i < a->ndim ? a->dims[a->ndim - 1 - i] : 1, y = i < b->ndim ? b->dims[b->ndim - 1 - i] : 1;

		if (x != y && x != 1 && y != 1) {
			return false;
		}
		result.dims[result.ndim - 1 - i] = x == 1 ? y : x;
	}
	*out = result;
	return true;
}

void tn_shape_strides(const struct tn_shape *shape, int64_t strides[TN_MAX_NDIM]) {
	int64_t step = 1;

	for (int i = shape->ndim - 1; i >= 0; i--) {
		strides[i] = step;
		if (__builtin_mul_overflow(step, shape->dims[i], &step)) {
			step = 0; /* only where another axis is 0, so that nothing is addressed */
		}
	}
}

void tn_shape_format(const struct tn_shape *shape, char out[160]) {
	size_t at = 0;
	int ndim = shape->ndim < 0 ? 0 : shape->ndim > TN_MAX_NDIM ? TN_MAX_NDIM : shape->ndim;

	/* 8 numbers of at most 20 characters with their separators would need 178, but a checked shape stays far below */
	at += (size_t)snprintf(out, 160, "[");
	for (int i = 0; i < ndim && at < 130; i++) {
		at += (size_t)snprintf(out + at, 160 - at, "%s%" PRId64, i > 0 ? ", " : "", shape->dims[i]);
	}
	snprintf(out + at, 160 - at, "]");
}

void tn_describe(enum tn_dtype dtype, const struct tn_shape *shape, char out[176]) {
	char text[160];

	tn_shape_format(shape, text);
	snprintf(out, 176, "%s%s", tn_dtype_name(dtype), text);
}
