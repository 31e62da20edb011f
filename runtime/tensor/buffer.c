/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers, tensors made of data that is there, and contents read back. Buffers may be made and dropped on any thread (loaders,
 * snapshots); the rest is the executing thread's. */
#include <assert.h>
#include <string.h>

#include "tensor/engine.h"

struct tn_host {
	struct tn_buffer *buffer;
	enum tn_dtype dtype;
	struct tn_shape shape;
};

/* ---- buffers ---- */

struct tn_buffer *tn_buffer_create(struct tn_engine *e, size_t size, struct tn_error *err) {
	struct tn_buffer *b = tn_calloc(1, sizeof(*b));

	if (b == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	b->refs = 1;
	b->engine = e;
	b->size = size;
	b->ptr = e->backend->impl->alloc(e->backend, size, err);
	if (b->ptr == NULL) {
		tn_free(b);
		return NULL;
	}
	return b;
}

struct tn_buffer *tn_buffer_ref(struct tn_buffer *b) {
	int refs = __atomic_add_fetch(&b->refs, 1, __ATOMIC_RELAXED);

	assert(refs > 1);
	(void)refs;
	return b;
}

void tn_buffer_unref(struct tn_buffer *b) {
	if (b == NULL || __atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) > 0) {
		return;
	}
	assert(b->refs == 0 && b->undo_holds == 0);
	b->engine->backend->impl->free(b->engine->backend, b->ptr, b->size);
	tn_free(b);
}

static bool bytes_of(enum tn_dtype dtype, const struct tn_shape *shape, size_t *out, struct tn_error *err) {
	if (!tn_shape_check(shape, "tensor", err)) {
		return false;
	}
	*out = (size_t)tn_shape_count(shape) * tn_dtype_size(dtype);
	return true;
}

struct tn_tensor *tn_tensor_wrap(struct tn_engine *e, struct tn_buffer *b, enum tn_dtype dtype, const struct tn_shape *shape,
	const int64_t *strides, int64_t offset, struct tn_error *err) {
	struct tn_tensor *t = tn_tensor_new(e, err);

	if (t == NULL) {
		tn_buffer_unref(b);
		return NULL;
	}
	t->state = TN_TENSOR_READY;
	t->dtype = dtype;
	t->shape = *shape;
	t->buffer = b;
	t->offset = offset;
	if (strides != NULL) {
		memcpy(t->stride, strides, sizeof(t->stride[0]) * (size_t)shape->ndim);
	} else {
		tn_shape_strides(shape, t->stride);
	}
	return t;
}

/* ---- tensors of data ---- */

struct tn_tensor *tn_tensor_from_data(
	struct tn_engine *e, enum tn_dtype dtype, const struct tn_shape *shape, const void *data, struct tn_error *err) {
	struct tn_buffer *b;
	size_t size;

	if (!bytes_of(dtype, shape, &size, err)) {
		return NULL;
	}
	b = tn_buffer_create(e, size, err);
	if (b == NULL) {
		return NULL;
	}
	if (!e->backend->impl->copy_in(e->backend, b->ptr, data, size, err)) {
		tn_buffer_unref(b);
		return NULL;
	}
	return tn_tensor_wrap(e, b, dtype, shape, NULL, 0, err);
}

struct tn_tensor *tn_tensor_from_f64(struct tn_engine *e, enum tn_dtype dtype, double value, struct tn_error *err) {
	char element[8];

	tn_element_set_f64(dtype, element, value);
	return tn_tensor_from_data(e, dtype, &TN_SHAPE_SCALAR, element, err);
}

struct tn_tensor *tn_tensor_from_i64(struct tn_engine *e, enum tn_dtype dtype, int64_t value, struct tn_error *err) {
	char element[8];

	tn_element_set_i64(dtype, element, value);
	return tn_tensor_from_data(e, dtype, &TN_SHAPE_SCALAR, element, err);
}

struct tn_host *tn_host_create(struct tn_engine *e, enum tn_dtype dtype, const struct tn_shape *shape, struct tn_error *err) {
	struct tn_host *host;
	size_t size;

	if (e->backend->impl->host_pointer == NULL) {
		tn_error_set(err, TN_ERR_DEVICE, "%s has no memory that the host can write", e->backend->impl->name);
		return NULL;
	}
	if (!bytes_of(dtype, shape, &size, err)) {
		return NULL;
	}
	host = tn_calloc(1, sizeof(*host));
	if (host == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	host->dtype = dtype;
	host->shape = *shape;
	host->buffer = tn_buffer_create(e, size, err);
	if (host->buffer == NULL) {
		tn_free(host);
		return NULL;
	}
	return host;
}

void *tn_host_data(struct tn_host *host) {
	struct tn_backend *backend = host->buffer->engine->backend;

	return backend->impl->host_pointer(backend, host->buffer->ptr);
}

void tn_host_destroy(struct tn_host *host) {
	if (host != NULL) {
		tn_buffer_unref(host->buffer);
		tn_free(host);
	}
}

struct tn_tensor *tn_tensor_take_host(struct tn_engine *e, struct tn_host *host, struct tn_error *err) {
	struct tn_tensor *t = tn_tensor_wrap(e, host->buffer, host->dtype, &host->shape, NULL, 0, err);

	tn_free(host);
	return t;
}

/* ---- contents ---- */

bool tn_tensor_is_row_major(const struct tn_tensor *t) {
	int64_t dense[TN_MAX_NDIM];

	tn_shape_strides(&t->shape, dense);
	for (int i = 0; i < t->shape.ndim; i++) {
		if (t->shape.dims[i] > 1 && t->stride[i] != dense[i]) {
			return tn_shape_count(&t->shape) == 0;
		}
	}
	return true;
}

bool tn_tensor_force(struct tn_tensor *t, const char *cause, struct tn_error *err) {
	if (t->state == TN_TENSOR_PENDING && !tn_flush(t->engine, cause, err)) {
		return false;
	}
	if (t->state == TN_TENSOR_FAILED) {
		if (err != NULL && !tn_error_is_set(err)) {
			*err = t->failure->err;
		}
		return false;
	}
	assert(t->state == TN_TENSOR_READY);
	return true;
}

/* Copies the axes from `axis` on, element by element where they have gaps. */
static void gather_axis(const struct tn_tensor *t, int axis, const char *from, size_t size, char **to) {
	if (axis == t->shape.ndim) {
		memcpy(*to, from, size);
		*to += size;
		return;
	}
	for (int64_t i = 0; i < t->shape.dims[axis]; i++) {
		gather_axis(t, axis + 1, from + i * t->stride[axis] * (int64_t)size, size, to);
	}
}

/* A row-major tensor with t's elements: t itself, or a copy. */
static struct tn_tensor *row_major(struct tn_tensor *t, struct tn_error *err) {
	struct tn_graph_node copy = {.op = TN_OP_COPY, .dtype = t->dtype, .shape = &t->shape, .inputs = &t, .input_count = 1};
	struct tn_tensor *out;

	if (tn_tensor_is_row_major(t)) {
		return tn_tensor_ref(t);
	}
	out = tn_graph_add(t->engine, &copy, err);
	if (out != NULL && !tn_tensor_force(out, "read", err)) {
		tn_tensor_unref(out);
		return NULL;
	}
	return out;
}

bool tn_tensor_read(struct tn_tensor *t, void *out, size_t size, struct tn_error *err) {
	struct tn_backend *backend = t->engine->backend;
	size_t element = tn_dtype_size(t->dtype);
	struct tn_tensor *dense;
	char *to = out;
	bool ok;

	if (!tn_tensor_force(t, "read", err) || !backend->impl->wait(backend, err)) {
		return false;
	}
	assert(size == (size_t)tn_shape_count(&t->shape) * element);
	if (size == 0) {
		return true;
	}
	if (backend->impl->host_pointer != NULL && !tn_tensor_is_row_major(t)) {
		char *base = backend->impl->host_pointer(backend, t->buffer->ptr);

		gather_axis(t, 0, base + t->offset * (int64_t)element, element, &to);
		return true;
	}
	dense = row_major(t, err);
	if (dense == NULL) {
		return false;
	}
	ok = backend->impl->copy_out(backend, out, (char *)dense->buffer->ptr + dense->offset * (int64_t)element, size, err);
	tn_tensor_unref(dense);
	return ok;
}

bool tn_tensor_data(struct tn_tensor *t, const void **data, struct tn_tensor **holder, struct tn_error *err) {
	struct tn_backend *backend = t->engine->backend;
	struct tn_tensor *dense;

	*holder = NULL;
	if (!tn_tensor_force(t, "read", err) || !backend->impl->wait(backend, err)) {
		return false;
	}
	if (backend->impl->host_pointer == NULL) {
		return tn_error_set(err, TN_ERR_DEVICE, "the contents of a tensor on %s are read by copying", backend->impl->name);
	}
	dense = row_major(t, err);
	if (dense == NULL) {
		return false;
	}
	*data = (char *)backend->impl->host_pointer(backend, dense->buffer->ptr) + dense->offset * (int64_t)tn_dtype_size(t->dtype);
	if (dense == t) {
		tn_tensor_unref(dense);
	} else {
		*holder = dense;
	}
	return true;
}

bool tn_tensor_elements(struct tn_tensor *t, const void **first, struct tn_error *err) {
	struct tn_backend *backend = t->engine->backend;

	if (!tn_tensor_force(t, "read", err) || !backend->impl->wait(backend, err)) {
		return false;
	}
	if (backend->impl->host_pointer == NULL) {
		return tn_error_set(err, TN_ERR_DEVICE, "the contents of a tensor on %s are read by copying", backend->impl->name);
	}
	*first = (char *)backend->impl->host_pointer(backend, t->buffer->ptr) + t->offset * (int64_t)tn_dtype_size(t->dtype);
	return true;
}

static bool read_item(struct tn_tensor *t, char element[8], struct tn_error *err) {
	if (tn_shape_count(&t->shape) != 1) {
		char text[176];

		tn_describe(t->dtype, &t->shape, text);
		return tn_error_set(err, TN_ERR_SHAPE, "a number is wanted, this tensor has %lld elements: %s",
			(long long)tn_shape_count(&t->shape), text);
	}
	return tn_tensor_read(t, element, tn_dtype_size(t->dtype), err);
}

bool tn_tensor_item_f64(struct tn_tensor *t, double *out, struct tn_error *err) {
	char element[8];

	if (!read_item(t, element, err)) {
		return false;
	}
	*out = tn_element_f64(t->dtype, element);
	return true;
}

bool tn_tensor_item_i64(struct tn_tensor *t, int64_t *out, struct tn_error *err) {
	char element[8];

	if (!read_item(t, element, err)) {
		return false;
	}
	*out = tn_element_i64(t->dtype, element);
	return true;
}
