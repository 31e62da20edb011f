/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over all lines along one axis, shared by threads, and moving a line between memory and a block. */
#include <string.h>

#include "cpu/lines.h"

struct walk {
	const struct cpu_lines *lines;
	int ndim; /* the axes but one */
	int64_t dims[TN_MAX_NDIM], in_stride[TN_MAX_NDIM], out_stride[TN_MAX_NDIM];
	struct cpu_line first;
	int64_t count;
	int threads;
};

bool cpu_lines_reserve(struct cpu_step *step, int axis, size_t bytes_per_element, struct tn_error *err) {
	size_t size, length = (size_t)step->step->inputs[0].shape.dims[axis];

	if (!tn_mul_size(length + 8, bytes_per_element, &size) ||
		!tn_mul_size((size + 127) & ~(size_t)63, (size_t)step->settings->threads, &size)) {
		return tn_error_memory(err);
	}
	step->workspace = size;
	return true;
}

size_t cpu_lines_buffer_size(const struct cpu_step *step) {
	return step->workspace / (size_t)step->settings->threads;
}

/* Line number i: its addresses, and its place along each axis. */
static void go_to_line(const struct walk *w, int64_t i, int64_t *index, struct cpu_line *line) {
	for (int k = w->ndim - 1; k >= 0; k--) {
		index[k] = i % w->dims[k];
		line->in += index[k] * w->in_stride[k];
		line->out += index[k] * w->out_stride[k];
		i /= w->dims[k];
	}
}

/* The one after it: cheaper than dividing again. */
static void go_on(const struct walk *w, int64_t *index, struct cpu_line *line) {
	for (int k = w->ndim - 1; k >= 0; k--) {
		line->in += w->in_stride[k];
		line->out += w->out_stride[k];
		if (++index[k] < w->dims[k]) {
			return;
		}
		line->in -= index[k] * w->in_stride[k];
		line->out -= index[k] * w->out_stride[k];
		index[k] = 0;
	}
}

static void run_part(void *data, int thread) {
	struct walk *w = data;
	struct cpu_line line = w->first;
	int64_t begin, end, index[TN_MAX_NDIM] = {0};

	line.buffer = (char *)w->lines->call->workspace + (size_t)thread * w->lines->buffer_size;
	cpu_split(w->count, 1, thread, w->threads, &begin, &end);
	if (begin < end) {
		go_to_line(w, begin, index, &line);
	}
	for (int64_t i = begin; i < end; i++) {
		if (cpu_is_stopped(line.interrupt)) {
			return;
		}
		w->lines->body(w->lines, &line);
		go_on(w, index, &line);
	}
}

bool cpu_lines_run(struct cpu_lines *lines, struct tn_error *err) {
	const struct tn_view *in = &lines->call->step->step->inputs[0], *out = &lines->call->step->step->out;
	int64_t in_size = (int64_t)tn_dtype_size(in->dtype), out_size = (int64_t)tn_dtype_size(out->dtype);
	bool kept = out->shape.ndim == in->shape.ndim; /* else the axis is gone */
	struct walk w = {.lines = lines, .count = 1};

	w.first = (struct cpu_line){.length = in->shape.dims[lines->axis], .in = lines->call->inputs[0], .out = lines->call->out,
	                            .in_step = in->stride[lines->axis] * in_size,
	                            .out_step = kept ? out->stride[lines->axis] * out_size : 0,
	                            .interrupt = lines->call->interrupt};
	lines->buffer_size = cpu_lines_buffer_size(lines->call->step);
	for (int k = 0; k < in->shape.ndim; k++) {
		if (k == lines->axis) {
			continue;
		}
		w.dims[w.ndim] = in->shape.dims[k];
		w.in_stride[w.ndim] = in->stride[k] * in_size;
		w.out_stride[w.ndim] = out->stride[kept || k < lines->axis ? k : k - 1] * out_size;
		w.count *= w.dims[w.ndim++];
	}
	w.threads = cpu_threads_for(lines->call, (double)w.count * (double)w.first.length * lines->work);
	if (w.count > 0) {
		cpu_parallel(w.threads, run_part, &w);
	}
	return !cpu_interrupted(lines->call, err);
}

#define GATHER(T) \
	for (int64_t i = first; i < end; i++) { \
		((T *)(void *)to)[i] = *(const T *)(const void *)(line->in + i * line->in_step); \
	}
#define SCATTER(T) \
	for (int64_t i = first; i < end; i++) { \
		*(T *)(void *)(line->out + i * line->out_step) = ((const T *)from)[i]; \
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

const void *cpu_line_load(const struct cpu_line *line, enum tn_dtype dtype, char *buffer) {
	size_t size = tn_dtype_size(dtype);
	bool contiguous = line->in_step == (int64_t)size;
	char *to = cpu_is_half(dtype) ? buffer + (line->length + 8) * 4 - 2 * line->length : buffer; /* behind the widened ones */

	for (int64_t first = 0; !contiguous && first < line->length && !cpu_is_stopped(line->interrupt); first += CPU_LOOK) {
		int64_t end = cpu_piece_end(first, line->length);

		BY_SIZE(size, GATHER)
	}
	if (!cpu_is_half(dtype)) {
		return contiguous ? line->in : buffer;
	}
	/* In pieces, from the front: what is written stays behind what is still to be read. */
	for (int64_t i = 0; i < line->length && !cpu_is_stopped(line->interrupt); i += 64) {
		int64_t n = line->length - i < 64 ? line->length - i : 64;
		uint16_t part[64];

		memcpy(part, (contiguous ? line->in : to) + i * 2, (size_t)n * 2);
		cpu_vectors()->widen[dtype](buffer + i * 4, part, NULL, NULL, n);
	}
	return buffer;
}

void cpu_line_store(const struct cpu_line *line, enum tn_dtype dtype, const void *from) {
	size_t size = tn_dtype_size(dtype);

	if (cpu_is_half(dtype)) {
		for (int64_t i = 0; i < line->length && !cpu_is_stopped(line->interrupt); i += 64) {
			int64_t n = line->length - i < 64 ? line->length - i : 64;
			uint16_t part[64];

			cpu_vectors()->narrow[dtype](part, (const float *)from + i, NULL, NULL, n);
			for (int64_t k = 0; k < n; k++) {
				*(uint16_t *)(void *)(line->out + (i + k) * line->out_step) = part[k];
			}
		}
		return;
	}
	if (from == line->out) {
		return;
	}
	for (int64_t first = 0; first < line->length && !cpu_is_stopped(line->interrupt); first += CPU_LOOK) {
		int64_t end = cpu_piece_end(first, line->length);

		if (line->out_step == (int64_t)size) {
			memcpy(line->out + first * (int64_t)size, (const char *)from + first * (int64_t)size, (size_t)(end - first) * size);
		} else {
			BY_SIZE(size, SCATTER)
		}
	}
}
