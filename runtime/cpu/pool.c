/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling over windows of the last two of four axes: MAX_POOL2D and AVG_POOL2D, their gradients, and MAX_POOL2D_TAKE.
 *
 * The layout of the larger input is kept: channels last where it comes so (from a convolution), else row-major. Inputs in
 * another layout are copied into it first; bf16 and f16 are widened to f32. For each place (kh, kw) of the windows one row is
 * folded: all channels of one window, or with row-major planes one line of windows. Windows are visited from their first
 * element to their last, so the first of equal maxima is found, and sums have one order, in both layouts.
 *
 * All kernels are bound by memory: an image fits the second cache level, so the gradient's clearing pass costs little. */
#include <string.h>

#include "cpu/dense.h"
#include "cpu/pool.h"

enum kind { MAX, MAX_GRAD, MAX_TAKE, MEAN, MEAN_GRAD };

struct operand {
	bool copied;
	size_t at;
	struct cpu_dense copy; /* without its addresses */
	int64_t count;
};

struct pool {
	enum kind kind;
	enum cpu_class class;
	enum tn_dtype dtype;
	bool widen, channels_last, padding_counts;
	bool fresh; /* MAX_GRAD: the windows cover each element once, so nothing need be cleared or added to */
	int64_t n, c, h, w, out_h, out_w;
	int64_t kernel[2], stride[2], padding[2];
	struct operand inputs[3];
	int input_count;
	size_t result_at;
	int64_t result_count;
};

/* ---- prepare ---- */

static bool is_channels_last(const struct tn_view *v) {
	return v->shape.dims[1] > 1 && v->stride[1] == 1 && v->shape.dims[2] * v->shape.dims[3] > 1;
}

static bool reserve(struct cpu_step *step, size_t size, size_t *at) {
	*at = step->workspace;
	return tn_add_size(size, 63, &size) && tn_add_size(step->workspace, size & ~(size_t)63, &step->workspace);
}

static bool reserve_elements(struct cpu_step *step, const struct pool *p, int64_t count, size_t *at) {
	size_t size;

	return tn_mul_size((size_t)count, cpu_class_size(p->class), &size) && reserve(step, size, at);
}

static bool operand_init(struct cpu_step *step, struct pool *p, int number) {
	static const int orders[2][4] = {{0, 1, 2, 3}, {0, 2, 3, 1}};
	const struct tn_view *v = &step->step->inputs[number];
	struct operand *o = &p->inputs[number];
	int64_t expected = 1;

	o->copy = (struct cpu_dense){.dtype = v->dtype, .widen = p->widen, .ndim = 4};
	o->count = tn_shape_count(&v->shape);
	o->copied = p->widen;
	for (int i = 3; i >= 0; i--) {
		int axis = orders[p->channels_last][i];

		o->copy.dims[i] = v->shape.dims[axis];
		o->copy.stride[i] = v->stride[axis];
		o->copied = o->copied || (o->copy.dims[i] != 1 && o->copy.stride[i] != expected);
		expected *= o->copy.dims[i];
	}
	return !o->copied || reserve_elements(step, p, o->count, &o->at);
}

static void pool_init(struct pool *p, const struct cpu_step *step, enum kind kind) {
	const struct tn_step *s = step->step;
	const struct tn_view *x = kind == MEAN_GRAD ? &s->out : &s->inputs[0];
	const struct tn_view *y = kind == MAX || kind == MEAN || kind == MAX_TAKE ? &s->out : &s->inputs[kind == MEAN_GRAD ? 0 : 1];

	p->kind = kind;
	p->dtype = s->out.dtype;
	p->class = cpu_class_of(p->dtype);
	p->widen = cpu_is_half(p->dtype);
	p->channels_last =
		is_channels_last(&s->out) || (s->out.shape.dims[2] * s->out.shape.dims[3] == 1 && is_channels_last(&s->inputs[0]));
	p->n = x->shape.dims[0];
	p->c = x->shape.dims[1];
	p->h = x->shape.dims[2];
	p->w = x->shape.dims[3];
	p->out_h = y->shape.dims[2];
	p->out_w = y->shape.dims[3];
	for (int i = 0; i < 2; i++) {
		p->kernel[i] = s->attrs[i];
		p->stride[i] = s->attrs[2 + i];
		p->padding[i] = s->attrs[4 + i];
	}
	p->padding_counts = (kind == MEAN || kind == MEAN_GRAD) && s->attrs[6] != 0;
	p->fresh = kind == MAX_GRAD && p->out_h * p->kernel[0] == p->h && p->out_w * p->kernel[1] == p->w &&
		p->stride[0] == p->kernel[0] && p->stride[1] == p->kernel[1] && p->padding[0] == 0 && p->padding[1] == 0;
	p->input_count = (int)s->input_count;
	p->result_count = tn_shape_count(&s->out.shape);
}

static bool pool_prepare(struct cpu_step *step, enum kind kind, struct tn_error *err) {
	struct pool *p = tn_calloc(1, sizeof(*p));
	bool ok = p != NULL;

	if (!ok) {
		return tn_error_memory(err);
	}
	step->workspace = 0;
	pool_init(p, step, kind);
	for (int i = 0; i < p->input_count; i++) {
		ok = ok && operand_init(step, p, i);
	}
	ok = ok && (!p->widen || reserve_elements(step, p, p->result_count, &p->result_at));
	if (!ok) {
		tn_free(p);
		return tn_error_memory(err);
	}
	step->state = p;
	return true;
}

static void pool_finish(struct cpu_step *step) {
	tn_free(step->state);
	step->state = NULL;
}

/* ---- rows ---- */

static const struct cpu_pool_fns *fns_of(enum cpu_class class) {
	switch (cpu_isa()) {
#if defined(CPU_HAVE_X86)
	case CPU_ISA_AVX512:
		return &cpu_pool_avx512[class];
	case CPU_ISA_AVX2:
		return &cpu_pool_avx2[class];
#endif
	default:
		return &cpu_pool_base[class];
	}
}

struct run {
	const struct cpu_call *call;
	const struct pool *p;
	const struct cpu_pool_fns *fns;
	const char *large, *small, *third; /* x; result or the mean's gradient; the third operand */
	char *out;
	int threads;
};

/* A row of windows' results: at element `small` of the smaller tensors; place (kh, kw) of the first of them at `large` of the
 * larger. */
struct row {
	int64_t small, large, n, step;
};

static int64_t larger(int64_t a, int64_t b) {
	return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b) {
	return a < b ? a : b;
}

/* How many elements a window at output position `at` along axis `axis` counts. */
static int64_t window_size(const struct pool *p, int axis, int64_t at) {
	int64_t size = axis == 0 ? p->h : p->w, begin = at * p->stride[axis] - p->padding[axis], end = begin + p->kernel[axis];

	return p->padding_counts ? p->kernel[axis] : larger(smaller(end, size) - larger(begin, 0), 1);
}

static const void *at(const void *base, const struct pool *p, int64_t index) {
	return (const char *)base + index * (int64_t)cpu_class_size(p->class);
}

/* One place of the windows of a row. `done` is the row's from its first element on, `skip` elements before this part. */
static void fold(const struct run *r, const struct row *row, int64_t skip, char *done, const void *divisor) {
	const struct pool *p = r->p;
	int64_t small = row->small + skip, large = row->large;
	struct cpu_pool_row part = {
		.done = done + skip * (int64_t)cpu_class_size(p->class), .divisor = divisor, .n = row->n, .step = row->step,
		.divisors = !p->channels_last,
		.fresh = p->fresh,
	};

	if (part.divisors) {
		part.divisor = at(divisor, p, skip);
	}
	switch (p->kind) {
	case MAX:
		part.out = r->out + small * (int64_t)cpu_class_size(p->class);
		part.x = at(r->large, p, large);
		r->fns->most(&part);
		break;
	case MAX_GRAD:
		part.out = r->out + large * (int64_t)cpu_class_size(p->class);
		part.x = at(r->large, p, large);
		part.result = at(r->small, p, small);
		part.gradient = at(r->third, p, small);
		r->fns->route(&part);
		break;
	case MAX_TAKE:
		part.out = r->out + small * (int64_t)cpu_class_size(p->class);
		part.x = at(r->large, p, large);
		part.result = at(r->small, p, small);
		part.gradient = at(r->third, p, large);
		r->fns->take(&part);
		break;
	case MEAN:
		part.out = r->out + small * (int64_t)cpu_class_size(p->class);
		part.x = at(r->large, p, large);
		r->fns->sum(&part);
		break;
	case MEAN_GRAD:
		part.out = r->out + large * (int64_t)cpu_class_size(p->class);
		part.gradient = at(r->small, p, small);
		r->fns->spread(&part);
		break;
	}
}

/* Before the first and after the last place of a row. */
static void begin_row(const struct run *r, int64_t small, int64_t n, char *done) {
	const struct pool *p = r->p;
	size_t size = cpu_class_size(p->class);
	struct cpu_pool_row part = {.out = r->out + small * (int64_t)size, .done = done, .n = n};

	if (p->kind == MAX) {
		r->fns->lowest(&part);
		return;
	}
	memset(done, 0, (size_t)n * size);
	if (p->kind == MEAN || p->kind == MAX_TAKE) {
		memset(part.out, 0, (size_t)n * size);
	}
}

static void end_row(const struct run *r, int64_t small, int64_t n, const void *divisor) {
	struct cpu_pool_row part = {
		.out = r->out + small * (int64_t)cpu_class_size(r->p->class),
		.divisor = divisor,
		.n = n,
		.divisors = !r->p->channels_last,
	};

	if (r->p->kind == MEAN) {
		r->fns->divide(&part);
	}
}

static void set_divisor(const struct pool *p, void *divisors, int64_t i, int64_t value) {
	if (p->class == CPU_F64) {
		((double *)divisors)[i] = (double)value;
	} else if (p->class == CPU_F32) {
		((float *)divisors)[i] = (float)value;
	}
}

/* Channels [c, c + n) of the window (h, w) of an image. */
static void window_of_channels(const struct run *r, int64_t image, int64_t h, int64_t w, int64_t c, int64_t n) {
	const struct pool *p = r->p;
	int64_t y0 = h * p->stride[0] - p->padding[0], x0 = w * p->stride[1] - p->padding[1];
	int64_t small = ((image * p->out_h + h) * p->out_w + w) * p->c + c;
	char done[CPU_POOL_ROW * sizeof(double)] __attribute__((aligned(64)));
	double divisor;

	set_divisor(p, &divisor, 0, window_size(p, 0, h) * window_size(p, 1, w));
	begin_row(r, small, n, done);
	for (int64_t y = larger(y0, 0); y < smaller(y0 + p->kernel[0], p->h); y++) {
		for (int64_t x = larger(x0, 0); x < smaller(x0 + p->kernel[1], p->w); x++) {
			struct row row = {.small = small, .large = ((image * p->h + y) * p->w + x) * p->c + c, .n = n, .step = 1};

			fold(r, &row, 0, done, &divisor);
		}
	}
	end_row(r, small, n, &divisor);
}

/* Windows [w, w + n) of line h of one plane. */
static void line_of_windows(const struct run *r, int64_t plane, int64_t h, int64_t w, int64_t n) {
	const struct pool *p = r->p;
	int64_t y0 = h * p->stride[0] - p->padding[0], small = (plane * p->out_h + h) * p->out_w + w;
	char done[CPU_POOL_ROW * sizeof(double)] __attribute__((aligned(64))),
		divisors[CPU_POOL_ROW * sizeof(double)] __attribute__((aligned(64)));

	for (int64_t i = 0; i < n && (p->kind == MEAN || p->kind == MEAN_GRAD); i++) {
		set_divisor(p, divisors, i, window_size(p, 0, h) * window_size(p, 1, w + i));
	}
	begin_row(r, small, n, done);
	for (int64_t y = larger(y0, 0); y < smaller(y0 + p->kernel[0], p->h); y++) {
		for (int64_t kw = 0; kw < p->kernel[1]; kw++) {
			int64_t x = w * p->stride[1] - p->padding[1] + kw; /* of the first window; those outside are left out */
			int64_t skip = x < 0 ? (-x + p->stride[1] - 1) / p->stride[1] : 0;
			int64_t fit = x < p->w ? (p->w - 1 - x) / p->stride[1] + 1 : 0;
			struct row row = {
				.small = small, .large = (plane * p->h + y) * p->w + x + skip * p->stride[1], .n = smaller(fit, n) - skip,
				.step = p->stride[1],
			};

			if (row.n > 0) {
				fold(r, &row, skip, done, divisors);
			}
		}
	}
	end_row(r, small, n, divisors);
}

/* ---- threads ---- */

static void run_line(const struct run *r, int64_t image, int64_t h) {
	const struct pool *p = r->p;
	int64_t length = p->channels_last ? p->c : p->out_w;

	for (int64_t i = 0; i < length; i += CPU_POOL_ROW) {
		int64_t n = smaller(length - i, CPU_POOL_ROW);

		if (!p->channels_last) {
			line_of_windows(r, image, h, i, n);
			continue;
		}
		for (int64_t w = 0; w < p->out_w; w++) {
			window_of_channels(r, image, h, w, i, n);
		}
	}
}

/* Whole images (planes): windows of neighbouring lines may overlap in the gradient. */
static void run_share(void *data, int thread) {
	const struct run *r = data;
	const struct pool *p = r->p;
	int64_t begin, end, images = p->channels_last ? p->n : p->n * p->c;
	size_t size = (size_t)(p->h * p->w * (p->channels_last ? p->c : 1)) * cpu_class_size(p->class);

	cpu_split(images, 1, thread, r->threads, &begin, &end);
	for (int64_t image = begin; image < end; image++) {
		if ((p->kind == MAX_GRAD && !p->fresh) || p->kind == MEAN_GRAD) {
			cpu_clear(r->out + (size_t)image * size, size, r->call->interrupt);
		}
		for (int64_t h = 0; h < p->out_h && !cpu_is_stopped(r->call->interrupt); h++) {
			run_line(r, image, h);
		}
	}
}

static const char *read_operand(const struct cpu_call *call, const struct operand *o, int number) {
	struct cpu_dense copy = o->copy;

	if (!o->copied) {
		return call->inputs[number];
	}
	copy.from = call->inputs[number];
	copy.to = (char *)call->workspace + o->at;
	copy.interrupt = call->interrupt;
	cpu_dense_copy(&copy, cpu_threads_for(call, (double)o->count));
	return copy.to;
}

static bool pool_run(const struct cpu_call *call, struct tn_error *err) {
	const struct pool *p = call->step->state;
	const char *inputs[3] = {NULL, NULL, NULL};
	struct run r = {.call = call, .p = p, .fns = fns_of(p->class)};

	if (p->result_count == 0) {
		return true;
	}
	for (int i = 0; i < p->input_count; i++) {
		inputs[i] = read_operand(call, &p->inputs[i], i);
	}
	r.large = inputs[0];
	r.small = p->kind == MEAN_GRAD ? inputs[0] : inputs[1];
	r.third = inputs[2];
	r.out = p->widen ? (char *)call->workspace + p->result_at : call->out;
	r.threads = cpu_threads_for(
		call, 2.0 * (double)p->n * (double)p->c * ((double)p->h * (double)p->w + (double)p->out_h * (double)p->out_w));
	cpu_parallel(r.threads, run_share, &r);
	if (cpu_interrupted(call, err)) {
		return false;
	}
	if (p->widen) {
		cpu_dense_narrow(
			r.out, call->out, p->dtype, p->result_count, cpu_threads_for(call, (double)p->result_count), call->interrupt);
	}
	return !cpu_interrupted(call, err);
}

/* ---- the kernels ---- */

static void pool_layout(const struct cpu_settings *settings, const struct tn_view *inputs, uint32_t count, const int64_t *attrs,
	struct tn_view *out) {
	const int64_t *dims = out->shape.dims;

	(void)settings;
	(void)count;
	(void)attrs;
	tn_shape_strides(&out->shape, out->stride);
	if (is_channels_last(&inputs[0])) {
		out->stride[1] = 1;
		out->stride[3] = dims[1];
		out->stride[2] = dims[1] * dims[3];
		out->stride[0] = dims[1] * dims[3] * dims[2];
	}
}

static bool accepts_any(enum tn_dtype in, enum tn_dtype out) {
	return in == out;
}

static bool accepts_float(enum tn_dtype in, enum tn_dtype out) {
	return in == out && tn_dtype_is_float(in);
}

#define KERNEL(name, kind, which) \
	static bool prepare_##name(struct cpu_step *step, struct tn_error *err) { \
		return pool_prepare(step, kind, err); \
	} \
	const struct cpu_kernel cpu_##name = { \
		.prepare = prepare_##name, .finish = pool_finish, .run = pool_run, .accepts = which, .layout = pool_layout, \
	};
KERNEL(max_pool2d, MAX, accepts_any)
KERNEL(max_pool2d_grad, MAX_GRAD, accepts_any)
KERNEL(max_pool2d_take, MAX_TAKE, accepts_any)
KERNEL(avg_pool2d, MEAN, accepts_float)
KERNEL(avg_pool2d_grad, MEAN_GRAD, accepts_float)
