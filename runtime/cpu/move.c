/* SPDX-License-Identifier: Apache-2.0 */
/* Strided copies. Axes are sorted by the output's strides and merged; then rows are copied whole where both sides have them in
 * one piece; a transposition goes in tiles and blocks; anything else goes element by element along the output. Threads share the
 * outer rows (or blocks of rows). */
#include <string.h>

#include "cpu/move.h"

/* A transposition goes in tiles, so that both sides are walked in pieces of a few lines that the prefetcher sees, and inside in
 * blocks, whose lines stay in L1. */
enum { BLOCK = 32, TILE = 128 };

struct work {
	const struct cpu_move *move;
	const volatile int *interrupt;
	int threads, across; /* transposition: the axis on which the input is contiguous, else -1 */
	int64_t rows;        /* product of the outer dims (transposition: with `across` in tiles) */
};

void cpu_move_init(struct cpu_move *move, const struct tn_view *out, char *to, const struct tn_view *in, const char *from) {
	*move = (struct cpu_move){.size = tn_dtype_size(in->dtype), .ndim = in->shape.ndim, .out = to, .in = from};
	for (int k = 0; k < in->shape.ndim; k++) {
		move->dims[k] = in->shape.dims[k];
		move->out_stride[k] = out->stride[k] * (int64_t)move->size;
		move->in_stride[k] = in->stride[k] * (int64_t)move->size;
	}
}

/* ---- one row ---- */

#define ROW(T) \
	for (int64_t i = 0; i < n; i++) { \
		*(T *)(void *)(out + i * out_step) = *(const T *)(const void *)(in + i * in_step); \
	}
#define FILL(T) \
	{ \
		T value = *(const T *)(const void *)in, *o = (T *)(void *)out; \
		for (int64_t i = 0; i < n; i++) { \
			o[i] = value; \
		} \
	}
#define BY_SIZE(size, X) \
	if ((size) == 4) { \
		X(uint32_t) \
	} else if ((size) == 8) { \
		X(uint64_t) \
	} else if ((size) == 2) { \
		X(uint16_t) \
	} else { \
		X(uint8_t) \
	}

static void copy_row(char *out, int64_t out_step, const char *in, int64_t in_step, int64_t n, size_t size) {
	if (out_step != (int64_t)size) {
		BY_SIZE(size, ROW)
	} else if (in_step == (int64_t)size) {
		memcpy(out, in, (size_t)n * size);
	} else if (in_step == 0) {
		BY_SIZE(size, FILL)
	} else {
		BY_SIZE(size, ROW)
	}
}

/* ---- a block of a transposition: rows of the output lie `out_step` apart, columns of the input `in_step` ---- */

#define TRANSPOSE(T) \
	for (int64_t r = 0; r < rows; r++) { \
		T *o = (T *)(void *)(out + r * out_step); \
		const char *i = in + r * (int64_t)sizeof(T); \
		for (int64_t c = 0; c < columns; c++) { \
			o[c] = *(const T *)(const void *)(i + c * in_step); \
		} \
	}

typedef uint32_t four __attribute__((vector_size(16), aligned(4), may_alias));

/* 4 x 4 elements of 4 bytes in registers. */
static inline void transpose_4x4(char *out, int64_t out_step, const char *in, int64_t in_step) {
	four a = *(const four *)(const void *)in, b = *(const four *)(const void *)(in + in_step);
	four c = *(const four *)(const void *)(in + 2 * in_step), d = *(const four *)(const void *)(in + 3 * in_step);
	four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
	four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);

	*(four *)(void *)out = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
	*(four *)(void *)(out + out_step) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
	*(four *)(void *)(out + 2 * out_step) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
	*(four *)(void *)(out + 3 * out_step) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

/* A whole block of 4-byte elements. Its columns are brought together first: with a power of two between them they would fall into
 * one set of the cache. Then whole lines are written, 4 rows at a time. */
static void transpose_whole(char *out, int64_t out_step, const char *in, int64_t in_step) {
	uint32_t packed[BLOCK * BLOCK];
	int64_t column = BLOCK * (int64_t)sizeof(packed[0]);

	for (int64_t c = 0; c < BLOCK; c++) {
		memcpy(packed + c * BLOCK, in + c * in_step, (size_t)column);
	}
	for (int64_t r = 0; r < BLOCK; r += 4) {
		for (int64_t c = 0; c < BLOCK; c += 4) {
			transpose_4x4(out + r * out_step + c * 4, out_step, (const char *)(packed + c * BLOCK + r), column);
		}
	}
}

static void transpose_block(
	char *out, int64_t out_step, const char *in, int64_t in_step, int64_t rows, int64_t columns, size_t size) {
	if (size == 4 && rows == BLOCK && columns == BLOCK) {
		transpose_whole(out, out_step, in, in_step);
		return;
	}
	BY_SIZE(size, TRANSPOSE)
}

void cpu_move_turn(char *out, int64_t out_step, const char *in, int64_t in_step, int64_t rows, int64_t columns, size_t size) {
	for (int64_t c = 0; c < columns; c += BLOCK) {
		for (int64_t r = 0; r < rows; r += BLOCK) {
			transpose_block(out + r * out_step + c * (int64_t)size, out_step, in + r * (int64_t)size + c * in_step, in_step,
				rows - r < BLOCK ? rows - r : BLOCK, columns - c < BLOCK ? columns - c : BLOCK, size);
		}
	}
}

/* ---- the walk ---- */

/* Offsets of row `row`, counted over the dims before the last, `across` left out or in tiles. */
static void locate(const struct work *w, int64_t row, int64_t *out, int64_t *in, int64_t *block) {
	const struct cpu_move *m = w->move;

	*out = *in = *block = 0;
	if (w->across >= 0) { /* tiles vary fastest */
		int64_t blocks = (m->dims[w->across] + TILE - 1) / TILE;

		*block = row % blocks * TILE;
		row /= blocks;
		*out += *block * m->out_stride[w->across];
		*in += *block * m->in_stride[w->across];
	}
	for (int k = m->ndim - 2; k >= 0; k--) {
		if (k != w->across) {
			*out += row % m->dims[k] * m->out_stride[k];
			*in += row % m->dims[k] * m->in_stride[k];
			row /= m->dims[k];
		}
	}
}

static int64_t least(int64_t a, int64_t b) {
	return a < b ? a : b;
}

/* The tiles of one range of `across`. */
static void copy_tile_row(const struct work *w, char *out, const char *in, int64_t first) {
	const struct cpu_move *m = w->move;
	int last = m->ndim - 1;
	int64_t rows = least(m->dims[w->across] - first, TILE), columns = m->dims[last];

	for (int64_t tile = 0; tile < columns && !cpu_is_stopped(w->interrupt); tile += TILE) {
		int64_t end = least(tile + TILE, columns);

		cpu_move_turn(out + tile * m->out_stride[last], m->out_stride[w->across], in + tile * m->in_stride[last],
			m->in_stride[last], rows, end - tile, m->size);
	}
}

/* A row of any length. */
static void copy_long_row(const struct work *w, char *out, const char *in, int64_t n) {
	const struct cpu_move *m = w->move;
	int64_t out_step = m->out_stride[m->ndim - 1], in_step = m->in_stride[m->ndim - 1];

	for (int64_t i = 0; i < n && !cpu_is_stopped(w->interrupt); i += CPU_LOOK) {
		copy_row(out + i * out_step, out_step, in + i * in_step, in_step, cpu_piece_end(i, n) - i, m->size);
	}
}

static void walk(void *data, int thread) {
	struct work *w = data;
	const struct cpu_move *m = w->move;
	int last = m->ndim - 1;
	int64_t begin, end, out, in, block, n = m->dims[last], first = 0;

	if (w->rows == 1 && w->across < 0) { /* one row: the threads share its elements */
		cpu_split(n, 4096, thread, w->threads, &first, &end);
		copy_long_row(w, m->out + first * m->out_stride[last], m->in + first * m->in_stride[last], end - first);
		return;
	}
	cpu_split(w->rows, 1, thread, w->threads, &begin, &end);
	for (int64_t row = begin; row < end; row++) {
		if (cpu_is_stopped(w->interrupt)) {
			return;
		}
		locate(w, row, &out, &in, &block);
		if (w->across >= 0) {
			copy_tile_row(w, m->out + out, m->in + in, block);
		} else {
			copy_long_row(w, m->out + out, m->in + in, n);
		}
	}
}

/* ---- preparation ---- */

static int64_t magnitude(int64_t x) {
	return x < 0 ? -x : x;
}

static void swap_axes(struct cpu_move *m, int a, int b) {
	int64_t dim = m->dims[a], out = m->out_stride[a], in = m->in_stride[a];

	m->dims[a] = m->dims[b];
	m->out_stride[a] = m->out_stride[b];
	m->in_stride[a] = m->in_stride[b];
	m->dims[b] = dim;
	m->out_stride[b] = out;
	m->in_stride[b] = in;
}

/* Drops axes of size 1, sorts by falling stride of the output, merges what is contiguous on both sides. */
static void normalise(struct cpu_move *m) {
	int n = 0;

	for (int k = 0; k < m->ndim; k++) {
		if (m->dims[k] != 1) {
			swap_axes(m, n++, k);
		}
	}
	m->ndim = n;
	for (int i = 1; i < n; i++) {
		for (int k = i; k > 0 && magnitude(m->out_stride[k - 1]) < magnitude(m->out_stride[k]); k--) {
			swap_axes(m, k - 1, k);
		}
	}
	n = 0;
	for (int k = 0; k < m->ndim; k++) {
		if (n > 0 && m->out_stride[n - 1] == m->out_stride[k] * m->dims[k] &&
			m->in_stride[n - 1] == m->in_stride[k] * m->dims[k]) {
			m->dims[n - 1] *= m->dims[k];
			m->out_stride[n - 1] = m->out_stride[k];
			m->in_stride[n - 1] = m->in_stride[k];
		} else {
			swap_axes(m, n++, k);
		}
	}
	m->ndim = n;
	if (n == 0) {
		m->dims[0] = 1;
		m->out_stride[0] = m->in_stride[0] = (int64_t)m->size;
		m->ndim = 1;
	}
}

bool cpu_move_run(struct cpu_move *move, const struct cpu_call *call, struct tn_error *err) {
	struct work w = {.move = move, .interrupt = call->interrupt, .across = -1, .rows = 1};
	int64_t count = 1;
	int last;

	for (int k = 0; k < move->ndim; k++) {
		count *= move->dims[k];
	}
	if (count == 0) {
		return true;
	}
	normalise(move);
	last = move->ndim - 1;
	for (int k = 0; k < last; k++) {
		if (move->in_stride[k] == (int64_t)move->size && move->in_stride[last] != (int64_t)move->size &&
			move->in_stride[last] != 0 && move->out_stride[last] == (int64_t)move->size && move->dims[k] >= 4) {
			w.across = k;
		}
	}
	for (int k = 0; k < last; k++) {
		w.rows *= k == w.across ? (move->dims[k] + TILE - 1) / TILE : move->dims[k];
	}
	w.threads = cpu_threads_for(call, (double)count * (double)move->size / 4 * (w.across >= 0 ? 4 : 1));
	cpu_parallel(w.threads, walk, &w);
	return !cpu_interrupted(call, err);
}
