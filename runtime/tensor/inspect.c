/* SPDX-License-Identifier: Apache-2.0 */
/* What depends on the elements themselves, so that it flushes and reads them on the host: the places of a mask, nonzero, and
 * whether two tensors are equal. */
#include <string.h>

#include "tensor/index.h"

struct tn_tensor *tn_mask_positions(struct tn_engine *e, struct tn_tensor *mask, struct tn_error *err) {
	int64_t total = tn_shape_count(&mask->shape), found = 0, *positions;
	struct tn_tensor *holder = NULL;
	struct tn_host *host;
	const void *data;

	if (!tn_tensor_data(mask, &data, &holder, err)) {
		return NULL;
	}
	for (int64_t i = 0; i < total; i++) {
		found += ((const uint8_t *)data)[i] != 0;
	}
	host = tn_host_create(e, TN_DTYPE_I64, &TN_SHAPE(found), err);
	if (host == NULL) {
		tn_tensor_unref(holder);
		return NULL;
	}
	positions = tn_host_data(host);
	for (int64_t i = 0; i < total; i++) {
		if (((const uint8_t *)data)[i] != 0) {
			*positions++ = i;
		}
	}
	tn_tensor_unref(holder);
	return tn_tensor_take_host(e, host, err);
}

struct tn_tensor *tn_nonzero(struct tn_engine *e, struct tn_tensor *x, struct tn_error *err) {
	struct tn_tensor *mask = tn_cast(e, x, TN_DTYPE_BOOL8, err), *flat, *out = NULL;
	struct tn_host *host = NULL;
	int64_t strides[TN_MAX_NDIM], count, *rows;

	flat = mask != NULL ? tn_mask_positions(e, mask, err) : NULL;
	tn_tensor_unref(mask);
	if (flat == NULL) {
		return NULL;
	}
	count = flat->shape.dims[0];
	host = tn_host_create(e, TN_DTYPE_I64, &TN_SHAPE(count, x->shape.ndim), err);
	if (host != NULL) {
		struct tn_tensor *holder = NULL;
		const void *positions;

		tn_shape_strides(&x->shape, strides);
		rows = tn_host_data(host);
		if (tn_tensor_data(flat, &positions, &holder, err)) {
			for (int64_t i = 0; i < count; i++) {
				int64_t at = ((const int64_t *)positions)[i];

				for (int k = 0; k < x->shape.ndim; k++) {
					*rows++ = at / strides[k];
					at %= strides[k];
				}
			}
			tn_tensor_unref(holder);
			out = tn_tensor_take_host(e, host, err);
		} else {
			tn_host_destroy(host);
		}
	}
	tn_tensor_unref(flat);
	return out;
}

/* Elements compared as numbers, so that 0 equals -0 and NaN nothing. */
static bool same_elements(enum tn_dtype dtype, const void *a, const void *b, int64_t count) {
	size_t size = tn_dtype_size(dtype);

	if (!tn_dtype_is_float(dtype)) {
		return memcmp(a, b, (size_t)count * size) == 0;
	}
	for (int64_t i = 0; i < count; i++) {
		if (!(tn_element_f64(dtype, (const char *)a + (size_t)i * size) ==
				tn_element_f64(dtype, (const char *)b + (size_t)i * size))) {
			return false;
		}
	}
	return true;
}

bool tn_tensor_equal(struct tn_engine *e, struct tn_tensor *a, struct tn_tensor *b, bool *equal, struct tn_error *err) {
	struct tn_tensor *hold_a = NULL, *hold_b = NULL;
	const void *data_a, *data_b;

	(void)e;
	if (a->dtype != b->dtype || !tn_shape_equal(&a->shape, &b->shape)) {
		*equal = false;
		return true;
	}
	if (!tn_tensor_data(a, &data_a, &hold_a, err)) {
		return false;
	}
	if (!tn_tensor_data(b, &data_b, &hold_b, err)) {
		tn_tensor_unref(hold_a);
		return false;
	}
	*equal = same_elements(a->dtype, data_a, data_b, tn_shape_count(&a->shape));
	tn_tensor_unref(hold_a);
	tn_tensor_unref(hold_b);
	return true;
}
