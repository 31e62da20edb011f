/* SPDX-License-Identifier: Apache-2.0 */
/* Ops along one axis: softmax, log_softmax, running sums and products. Lines that lie contiguously are worked on where they are,
 * others in a block of their own. 16-bit floats are computed in f32 and rounded at the end. */
#include "cpu/lines.h"

static int axis_of(const struct cpu_step *step) {
	return (int)step->step->attrs[0];
}

static bool prepare_row(struct cpu_step *step, struct tn_error *err) {
	return cpu_lines_reserve(step, axis_of(step), 16, err);
}

/* ---- softmax ---- */

static void softmax_line(const struct cpu_lines *lines, const struct cpu_line *line) {
	enum tn_dtype dtype = lines->call->step->step->out.dtype;
	size_t size = cpu_class_size(cpu_class_of(dtype));
	const void *in = cpu_line_load(line, dtype, line->buffer);
	bool in_place = !cpu_is_half(dtype) && line->out_step == (int64_t)size;
	char *out = in_place ? line->out : line->buffer + ((size_t)line->length + 8) * size;

	if (line->length > 0) {
		(*(const cpu_row_fn *)lines->data)(out, in, line->length, line->interrupt);
	}
	cpu_line_store(line, dtype, out);
}

/* ---- softmax of short rows, 16 at a time ---- */

struct short_rows {
	const struct cpu_call *call;
	cpu_short_fn fn;
	int64_t rows, length;
	int threads;
};

static void run_short_part(void *data, int thread) {
	const struct short_rows *s = data;
	const float *in = (const float *)(const void *)s->call->inputs[0];
	float *out = (float *)(void *)s->call->out;
	int64_t begin, end;

	cpu_split(s->rows, CPU_LANES, thread, s->threads, &begin, &end);
	for (int64_t r = begin; r < end && !cpu_is_stopped(s->call->interrupt); r += CPU_LANES) {
		s->fn(out + r * s->length, in + r * s->length, end - r < CPU_LANES ? end - r : CPU_LANES, s->length);
	}
}

/* Whether the op runs here: f32, rows that follow each other on both sides. */
static bool rows_are_short(const struct tn_step *step) {
	int last = step->out.shape.ndim - 1;

	return step->out.dtype == TN_DTYPE_F32 && step->attrs[0] == last && step->out.shape.dims[last] >= 1 &&
	       step->out.shape.dims[last] <= CPU_SHORT_LINE && cpu_view_is_dense(&step->inputs[0]) && cpu_view_is_dense(&step->out);
}

static void run_short_rows(const struct cpu_call *call, int kind) {
	const struct tn_shape *shape = &call->step->step->out.shape;
	struct short_rows s = {.call = call, .fn = cpu_vectors()->softmax_short[kind], .length = shape->dims[shape->ndim - 1]};

	s.rows = tn_shape_count(shape) / s.length;
	s.threads = cpu_threads_for(call, (double)(s.rows * s.length) * 16);
	cpu_parallel(s.threads, run_short_part, &s);
}

static bool run_softmax_kind(const struct cpu_call *call, int kind, struct tn_error *err) {
	const struct tn_step *step = call->step->step;
	struct cpu_lines lines = {.call = call, .axis = axis_of(call->step), .work = 16, .body = softmax_line};

	if (rows_are_short(step)) {
		run_short_rows(call, kind);
		return !cpu_interrupted(call, err);
	}
	lines.data = &cpu_vectors()->softmax[kind][step->out.dtype == TN_DTYPE_F64 ? 0 : 1];
	return cpu_lines_run(&lines, err);
}

static bool run_softmax(const struct cpu_call *call, struct tn_error *err) {
	return run_softmax_kind(call, 0, err);
}

static bool run_log_softmax(const struct cpu_call *call, struct tn_error *err) {
	return run_softmax_kind(call, 1, err);
}

/* ---- running sums and products ----
 * Integers and products one after the other. Sums of floats in blocks: a total of its own in each block, joined to that of the
 * blocks before, which is the order that blocks computed side by side give too. Floats are added and multiplied in f64, and each
 * result is rounded once, so that a million numbers keep their digits. */

enum { RUN_BLOCK = 1024 };

/* T: of the elements; W: of the total; U: in which integers wrap. */
#define ONE_BY_ONE(T, W, U) \
	{ \
		const T *x = in; \
		T *o = out; \
		W total = product ? 1 : 0; \
		for (int64_t i = 0; i < n; i++) { \
			if (i % CPU_LOOK == 0 && cpu_is_stopped(interrupt)) { \
				break; \
			} \
			total = (W)(product ? (U)total * (U)x[i] : (U)total + (U)x[i]); \
			o[i] = (T)total; \
		} \
		break; \
	}

#define SUMS_IN_BLOCKS(T) \
	{ \
		const T *x = in; \
		T *o = out; \
		double before = 0; \
		for (int64_t first = 0; first < n && !cpu_is_stopped(interrupt); first += RUN_BLOCK) { \
			int64_t end = n - first < RUN_BLOCK ? n : first + RUN_BLOCK; \
			double total = 0; \
			for (int64_t i = first; i < end; i++) { \
				total += (double)x[i]; \
				o[i] = (T)(before + total); \
			} \
			before += total; \
		} \
		break; \
	}

static void cumulate(enum cpu_class class, bool product, void *out, const void *in, int64_t n, const volatile int *interrupt) {
	switch (class) {
	case CPU_F64:
		if (product) {
			ONE_BY_ONE(double, double, double)
		}
		SUMS_IN_BLOCKS(double)
	case CPU_F32:
		if (product) {
			ONE_BY_ONE(float, double, double)
		}
		SUMS_IN_BLOCKS(float)
	case CPU_I64: ONE_BY_ONE(int64_t, int64_t, uint64_t)
	case CPU_I32: ONE_BY_ONE(int32_t, int32_t, uint32_t)
	default: ONE_BY_ONE(uint8_t, uint8_t, uint32_t)
	}
}

/* Of bool8: or, and. */
static void cumulate_bool(bool product, uint8_t *out, const uint8_t *in, int64_t n, const volatile int *interrupt) {
	uint8_t total = product;

	for (int64_t i = 0; i < n; i++) {
		if (i % CPU_LOOK == 0 && cpu_is_stopped(interrupt)) {
			break;
		}
		total = product ? total & in[i] : total | in[i];
		out[i] = total;
	}
}

static void cumulative_line(const struct cpu_lines *lines, const struct cpu_line *line) {
	const struct tn_step *step = lines->call->step->step;
	enum tn_dtype dtype = step->out.dtype;
	enum cpu_class class = cpu_class_of(dtype);
	char *out = line->buffer + ((size_t)line->length + 8) * cpu_class_size(class);

	if (dtype == TN_DTYPE_BOOL8) {
		cumulate_bool(
			step->op == TN_OP_CUMPROD, (uint8_t *)out, cpu_line_load(line, dtype, line->buffer), line->length, line->interrupt);
	} else {
		cumulate(
			class, step->op == TN_OP_CUMPROD, out, cpu_line_load(line, dtype, line->buffer), line->length, line->interrupt);
	}
	cpu_line_store(line, dtype, out);
}

static bool run_cumulative(const struct cpu_call *call, struct tn_error *err) {
	struct cpu_lines lines = {.call = call, .axis = axis_of(call->step), .work = 4, .body = cumulative_line};

	return cpu_lines_run(&lines, err);
}

static bool accepts_float(enum tn_dtype in, enum tn_dtype out) {
	return in == out && tn_dtype_is_float(in);
}

static bool accepts_same(enum tn_dtype in, enum tn_dtype out) {
	return in == out;
}

const struct cpu_kernel cpu_softmax = {.prepare = prepare_row, .run = run_softmax, .accepts = accepts_float};
const struct cpu_kernel cpu_log_softmax = {.prepare = prepare_row, .run = run_log_softmax, .accepts = accepts_float};
const struct cpu_kernel cpu_cumsum = {.prepare = prepare_row, .run = run_cumulative, .accepts = accepts_same};
const struct cpu_kernel cpu_cumprod = {.prepare = prepare_row, .run = run_cumulative, .accepts = accepts_same};
