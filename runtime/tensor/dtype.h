/* SPDX-License-Identifier: Apache-2.0 */
/* Element types and shapes: the vocabulary that tensor/ and the backends share. */
#ifndef TN_TENSOR_DTYPE_H
#define TN_TENSOR_DTYPE_H

#include "base/base.h"

enum tn_dtype {
#define TN_DTYPE(id, ...) TN_DTYPE_##id,
#include "tensor/dtypes.def"
#undef TN_DTYPE
	TN_DTYPE_COUNT
};

size_t tn_dtype_size(enum tn_dtype dtype);
const char *tn_dtype_name(enum tn_dtype dtype);
/* False when `name` is no dtype. */
bool tn_dtype_from_name(const char *name, size_t length, enum tn_dtype *out);
bool tn_dtype_is_float(enum tn_dtype dtype);
bool tn_dtype_is_integer(enum tn_dtype dtype); /* i64 i32 u8, not bool8 */
/* The dtype of an operation between two tensors. */
enum tn_dtype tn_dtype_promote(enum tn_dtype a, enum tn_dtype b);

/* Conversions of single elements; bf16 and f16 round to nearest even. */
float tn_bf16_to_f32(uint16_t x);
uint16_t tn_f32_to_bf16(float x);
float tn_f16_to_f32(uint16_t x);
uint16_t tn_f32_to_f16(float x);
/* One element at `p` as a double / as an i64 (floats truncate; out of range saturates). */
double tn_element_f64(enum tn_dtype dtype, const void *p);
int64_t tn_element_i64(enum tn_dtype dtype, const void *p);
/* Stores a double / an i64 as one element of that dtype at `p` (integers wrap, as tensors do). */
void tn_element_set_f64(enum tn_dtype dtype, void *p, double x);
void tn_element_set_i64(enum tn_dtype dtype, void *p, int64_t x);

enum { TN_MAX_NDIM = 8 };

struct tn_shape {
	int32_t ndim; /* 0 = one element */
	int64_t dims[TN_MAX_NDIM];
};

/* False when the number of elements or of bytes (8 each) does not fit 2^62, a dimension is negative, or ndim > 8: err says so
 * with the shape. */
TN_MUST_USE bool tn_shape_check(const struct tn_shape *shape, const char *what, struct tn_error *err);
int64_t tn_shape_count(const struct tn_shape *shape); /* elements; of a checked shape */
bool tn_shape_equal(const struct tn_shape *a, const struct tn_shape *b);
/* NumPy's broadcast; false when they do not go together. */
TN_MUST_USE bool tn_shape_broadcast(const struct tn_shape *a, const struct tn_shape *b, struct tn_shape *out);
/* Row-major strides in elements. */
void tn_shape_strides(const struct tn_shape *shape, int64_t strides[TN_MAX_NDIM]);
/* "[64, 784]", "[]" */
void tn_shape_format(const struct tn_shape *shape, char out[160]);
/* "f32[64, 784]", as errors show tensors. */
void tn_describe(enum tn_dtype dtype, const struct tn_shape *shape, char out[176]);

#define TN_SHAPE(...) \
	((struct tn_shape){.ndim = (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), .dims = {__VA_ARGS__}})
#define TN_SHAPE_SCALAR ((struct tn_shape){0})

#endif
