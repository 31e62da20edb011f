/* SPDX-License-Identifier: Apache-2.0 */
/* Dense copies for the contractions: what cannot be read where it lies is laid out here first. Bound by memory; the copy is a few
 * percent of the product that follows, so rows are copied one by one, and only the exchange of the last two axes is blocked
 * (NCHW to NHWC: each line of the source is read once instead of 16 times). */
#include <string.h>

#include "cpu/dense.h"

/* Threads share blocks of rows of about BLOCK elements: one large matrix is copied by all of them. */
enum { CHUNK = 512, SIDE = 16, BLOCK = 1 << 16 };

enum cpu_class cpu_dense_class(enum tn_dtype dtype) {
	return dtype == TN_DTYPE_U8 ? CPU_I32 : cpu_class_of(dtype);
}

/* to[i] = from[i * stride], in elements of `size` bytes. */
static void copy_row(void *to, const void *from, int64_t n, int64_t stride, size_t size) {
#define COPY(T) \
	for (int64_t i = 0; i < n; i++) { \
		((T *)to)[i] = ((const T *)from)[i * stride]; \
	}
	if (stride == 1) {
		memcpy(to, from, (size_t)n * size);
	} else if (size == 8) {
		COPY(uint64_t)
	} else if (size == 4) {
		COPY(uint32_t)
	} else if (size == 2) {
		COPY(uint16_t)
	} else {
		COPY(uint8_t)
	}
#undef COPY
}

/* As copy_row, widening in chunks that stay in the first cache level. */
static void widen_row(const struct cpu_dense *d, void *to, const void *from, int64_t n, int64_t stride) {
	const struct cpu_vectors *vectors = cpu_vectors();
	cpu_vec_fn widen = d->dtype == TN_DTYPE_U8 ? vectors->cast[CPU_U8][CPU_I32] : vectors->widen[d->dtype];
	size_t size = tn_dtype_size(d->dtype);
	uint16_t chunk[CHUNK];

	for (int64_t i = 0; i < n; i += CHUNK) {
		int64_t count = n - i < CHUNK ? n - i : CHUNK;
		const char *at = (const char *)from + i * stride * (int64_t)size;

		if (stride != 1) {
			copy_row(chunk, at, count, stride, size);
			at = (const char *)chunk;
		}
		widen((char *)to + i * 4, at, NULL, NULL, count);
	}
}

/* to[j][i] = from[j + i * stride] for `rows` of j and `columns` of i. */
static void turn(void *to, const void *from, int64_t rows, int64_t columns, int64_t stride, size_t size,
	const volatile int *interrupt) {
#define TURN(T) \
	for (int64_t j = j0; j < j1; j++) { \
		for (int64_t i = i0; i < i1; i++) { \
			((T *)to)[j * columns + i] = ((const T *)from)[j + i * stride]; \
		} \
	}
	for (int64_t j0 = 0; j0 < rows; j0 += SIDE) {
		int64_t j1 = j0 + SIDE < rows ? j0 + SIDE : rows;

		for (int64_t i0 = 0; i0 < columns && !cpu_is_stopped(interrupt); i0 += SIDE) {
			int64_t i1 = i0 + SIDE < columns ? i0 + SIDE : columns;

			if (size == 8) {
				TURN(uint64_t)
			} else if (size == 4) {
				TURN(uint32_t)
			} else if (size == 2) {
				TURN(uint16_t)
			} else {
				TURN(uint8_t)
			}
		}
	}
#undef TURN
}

/* One part of all threads: the last two axes are one piece of work. */
struct parts {
	const struct cpu_dense *d;
	int threads;
	int64_t outer, rows, columns, row_stride, column_stride, block_rows, blocks; /* blocks of one pair of axes */
	size_t size, to_size;
};

/* One row of any length. */
static void copy_long_row(const struct parts *p, char *to, const char *from) {
	const struct cpu_dense *d = p->d;

	for (int64_t i = 0; i < p->columns && !cpu_is_stopped(d->interrupt); i += CPU_LOOK) {
		int64_t n = cpu_piece_end(i, p->columns) - i;
		const char *at = from + i * p->column_stride * (int64_t)p->size;

		if (d->widen) {
			widen_row(d, to + i * (int64_t)p->to_size, at, n, p->column_stride);
		} else {
			copy_row(to + i * (int64_t)p->to_size, at, n, p->column_stride, p->size);
		}
	}
}

static void copy_block(const struct parts *p, int64_t unit) {
	const struct cpu_dense *d = p->d;
	int64_t rest = unit / p->blocks, row0 = unit % p->blocks * p->block_rows;
	int64_t rows = p->rows - row0 < p->block_rows ? p->rows - row0 : p->block_rows;
	const char *from = (const char *)d->from + row0 * p->row_stride * (int64_t)p->size;
	char *to = (char *)d->to + (rest * p->rows + row0) * p->columns * (int64_t)p->to_size;

	for (int axis = d->ndim - 3; axis >= 0; axis--) {
		from += rest % d->dims[axis] * d->stride[axis] * (int64_t)p->size;
		rest /= d->dims[axis];
	}
	if (!d->widen && p->row_stride == 1 && p->column_stride != 1) {
		turn(to, from, rows, p->columns, p->column_stride, p->size, d->interrupt);
		return;
	}
	for (int64_t row = 0; row < rows; row++) {
		copy_long_row(p, to, from);
		from += p->row_stride * (int64_t)p->size;
		to += p->columns * (int64_t)p->to_size;
	}
}

static void copy_part(void *data, int thread) {
	const struct parts *p = data;
	int64_t begin, end;

	cpu_split(p->outer * p->blocks, 1, thread, p->threads, &begin, &end);
	for (int64_t unit = begin; unit < end; unit++) {
		copy_block(p, unit);
	}
}

void cpu_dense_copy(const struct cpu_dense *d, int threads) {
	struct parts p = {.d = d, .threads = threads, .outer = 1, .rows = 1, .columns = 1, .size = tn_dtype_size(d->dtype)};

	p.to_size = d->widen ? cpu_class_size(cpu_dense_class(d->dtype)) : p.size;
	for (int axis = 0; axis < d->ndim; axis++) {
		if (d->dims[axis] == 0) {
			return;
		}
		p.outer *= axis < d->ndim - 2 ? d->dims[axis] : 1;
	}
	if (d->ndim >= 1) {
		p.columns = d->dims[d->ndim - 1];
		p.column_stride = p.columns == 1 ? 1 : d->stride[d->ndim - 1];
	}
	if (d->ndim >= 2) {
		p.rows = d->dims[d->ndim - 2];
		p.row_stride = d->stride[d->ndim - 2];
	}
	p.block_rows = BLOCK / p.columns / SIDE * SIDE;
	p.block_rows = p.block_rows < SIDE ? SIDE : p.block_rows;
	p.blocks = (p.rows + p.block_rows - 1) / p.block_rows;
	cpu_parallel(threads, copy_part, &p);
}

/* ---- back ---- */

struct narrowing {
	const void *from;
	void *to;
	enum tn_dtype dtype;
	int64_t n;
	int threads;
	const volatile int *interrupt;
};

static void narrow_part(void *data, int thread) {
	const struct narrowing *w = data;
	const struct cpu_vectors *vectors = cpu_vectors();
	cpu_vec_fn narrow = w->dtype == TN_DTYPE_U8 ? vectors->cast[CPU_I32][CPU_U8] : vectors->narrow[w->dtype];
	int64_t begin, end;

	cpu_split(w->n, 64, thread, w->threads, &begin, &end);
	for (int64_t i = begin; i < end && !cpu_is_stopped(w->interrupt); i += CPU_LOOK) {
		narrow((char *)w->to + i * (int64_t)tn_dtype_size(w->dtype), (const char *)w->from + i * 4, NULL, NULL,
			cpu_piece_end(i, end) - i);
	}
}

void cpu_dense_narrow(
	const void *from, void *to, enum tn_dtype dtype, int64_t n, int threads, const volatile int *interrupt) {
	struct narrowing w = {from, to, dtype, n, threads, interrupt};

	cpu_parallel(threads, narrow_part, &w);
}
