/* SPDX-License-Identifier: Apache-2.0 */
/* How near the CPU's kernels come to memory: each line gives the best of many runs beside a bare loop or a copy of the same
 * bytes.
 *     build/bench/kernels [threads] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"

enum { MOST_VIEWS = 12, MOST_INS = 24 };

/* A plan of one step over buffers of its own. */
struct job {
	struct tn_view views[MOST_VIEWS];
	struct tn_fused_ins ins[MOST_INS];
	struct tn_fused_out outs[4];
	struct tn_plan_scalar scalars[16];
	uint32_t numbers[16];
	struct tn_step step;
	struct tn_plan plan;
	void *slots[MOST_VIEWS + 4], *exec;
	int64_t attrs[4];
};

static struct tn_backend *backend;

static void *buffer(size_t size) {
	struct tn_error err = {0};
	void *p = backend->impl->alloc(backend, size, &err);

	if (p == NULL) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	for (size_t i = 0; i < size / 4; i++) {
		((float *)p)[i] = (float)(i % 1000) * 1e-3f + 1e-3f;
	}
	return p;
}

static struct tn_view dense(struct tn_shape shape, uint32_t slot) {
	struct tn_view v = {.slot = slot, .dtype = TN_DTYPE_F32, .shape = shape};

	tn_shape_strides(&shape, v.stride);
	return v;
}

static void prepare(struct job *job, uint32_t slots, uint32_t scalars) {
	struct tn_error err = {0};

	for (uint32_t i = 0; i < scalars; i++) {
		job->numbers[i] = i;
	}
	job->step.scalars = job->numbers;
	job->step.scalar_count = scalars;
	job->plan = (struct tn_plan){.step_count = 1,
		.slot_count = slots,
		.leaf_count = slots,
		.scalar_count = scalars,
		.steps = &job->step,
		.scalars = job->scalars};
	if (!backend->impl->prepare(backend, &job->plan, &job->exec, &err)) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
}

static void run(void *data) {
	struct job *job = data;
	struct tn_run r = {.slots = job->slots};
	struct tn_error err = {0};

	if (!backend->impl->run(backend, job->exec, &r, &err)) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
}

/* Best nanoseconds of one call. */
static double best_of(void (*body)(void *), void *data, int rounds) {
	double best = INFINITY;

	for (int i = 0; i < rounds; i++) {
		int64_t start = tn_clock_ns();

		body(data);
		best = fmin(best, (double)(tn_clock_ns() - start));
	}
	return best;
}

static void report(const char *name, double ns, double bytes, double reference) {
	printf("%-34s %10.2f us %8.1f GB/s", name, ns / 1e3, bytes / ns);
	if (reference > 0) {
		printf("   %5.2f x the reference's %.2f us", ns / reference, reference / 1e3);
	}
	printf("\n");
}

static struct tn_fused_source input(uint32_t i) {
	return (struct tn_fused_source){TN_SOURCE_INPUT, i};
}

static struct tn_fused_source reg(uint32_t i) {
	return (struct tn_fused_source){TN_SOURCE_REGISTER, i};
}

static struct tn_fused_source num(uint32_t i) {
	return (struct tn_fused_source){TN_SOURCE_SCALAR, i};
}

static void emit(struct job *job, enum tn_op op, struct tn_fused_source a, struct tn_fused_source b) {
	job->ins[job->step.fused.ins_count++] =
		(struct tn_fused_ins){.op = op, .dtype = TN_DTYPE_F32, .in_dtype = TN_DTYPE_F32, .in = {a, b}};
}

static void begin_fused(struct job *job, struct tn_shape shape, uint32_t inputs, uint32_t outs) {
	*job = (struct job){0};
	job->step.is_fused = true;
	job->step.fused = (struct tn_fused){
		.shape = shape, .input_count = inputs, .inputs = job->views, .ins = job->ins, .out_count = outs, .outs = job->outs};
	for (uint32_t i = 0; i < inputs; i++) {
		job->views[i] = dense(shape, i);
	}
}

/* ---- AdamW: m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g g; p = p (1 - lr wd) - lr (m c1) / (sqrt(v c2) + eps) ---- */

enum { WEIGHTS = 203530 };
static float *adam_p, *adam_g, *adam_m, *adam_v;

static void bare_adamw(void *unused) {
	float *restrict p = adam_p, *restrict g = adam_g, *restrict m = adam_m, *restrict v = adam_v;

	(void)unused;
	for (int i = 0; i < WEIGHTS; i++) {
		m[i] = 0.9f * m[i] + 0.1f * g[i];
		v[i] = 0.999f * v[i] + 0.001f * (g[i] * g[i]);
		p[i] = p[i] * 0.99999f - 0.001f * (m[i] * 1.1f) / (__builtin_sqrtf(v[i] * 1.01f) + 1e-8f);
	}
}

static void bench_adamw(void) {
	static const double numbers[] = {0.9, 0.1, 0.999, 0.001, 0.99999, 0.001, 1.1, 1.01, 1e-8};
	struct job job;
	double bare, ours;

	begin_fused(&job, TN_SHAPE(WEIGHTS), 4, 3); /* p g m v */
	adam_p = job.slots[0] = buffer(WEIGHTS * 4);
	adam_g = job.slots[1] = buffer(WEIGHTS * 4);
	adam_m = job.slots[2] = buffer(WEIGHTS * 4);
	adam_v = job.slots[3] = buffer(WEIGHTS * 4);
	for (uint32_t i = 0; i < TN_ARRAY_LEN(numbers); i++) {
		job.scalars[i] = (struct tn_plan_scalar){.literal = true, .value = {.is_float = true, .f = numbers[i]}};
	}
	emit(&job, TN_OP_MUL, input(2), num(0));
	emit(&job, TN_OP_MUL, input(1), num(1));
	emit(&job, TN_OP_ADD, reg(0), reg(1)); /* m */
	emit(&job, TN_OP_MUL, input(1), input(1));
	emit(&job, TN_OP_MUL, reg(3), num(3));
	emit(&job, TN_OP_MUL, input(3), num(2));
	emit(&job, TN_OP_ADD, reg(5), reg(4)); /* v */
	emit(&job, TN_OP_MUL, reg(2), num(6));
	emit(&job, TN_OP_MUL, reg(6), num(7));
	emit(&job, TN_OP_SQRT, reg(8), reg(8));
	emit(&job, TN_OP_ADD, reg(9), num(8));
	emit(&job, TN_OP_MUL, reg(7), num(5));
	emit(&job, TN_OP_DIV, reg(11), reg(10));
	emit(&job, TN_OP_MUL, input(0), num(4));
	emit(&job, TN_OP_SUB, reg(13), reg(12)); /* p */
	job.outs[0] = (struct tn_fused_out){.from = reg(2), .reduce = -1, .view = dense(TN_SHAPE(WEIGHTS), 4)};
	job.outs[1] = (struct tn_fused_out){.from = reg(6), .reduce = -1, .view = dense(TN_SHAPE(WEIGHTS), 5)};
	job.outs[2] = (struct tn_fused_out){.from = reg(14), .reduce = -1, .view = dense(TN_SHAPE(WEIGHTS), 6)};
	job.slots[4] = adam_m;
	job.slots[5] = adam_v;
	job.slots[6] = adam_p;
	prepare(&job, 7, TN_ARRAY_LEN(numbers));
	bare = best_of(bare_adamw, NULL, 300);
	ours = best_of(run, &job, 300);
	report("adamw 203530, in place", ours, WEIGHTS * 28.0, bare);
}

/* ---- copies, softmax, sums ---- */

static void *copy_to, *copy_from;
static size_t copy_size;

static void bare_copy(void *unused) {
	(void)unused;
	memcpy(copy_to, copy_from, copy_size);
}

static double bench_copy(int64_t rows, int64_t columns) {
	struct job job;
	double bare, ours;

	begin_fused(&job, TN_SHAPE(rows * columns), 1, 1);
	copy_size = (size_t)(rows * columns) * 4;
	copy_from = job.slots[0] = buffer(copy_size);
	copy_to = job.slots[1] = buffer(copy_size);
	job.step =
		(struct tn_step){.op = TN_OP_COPY, .inputs = job.views, .input_count = 1, .out = dense(TN_SHAPE(rows * columns), 1)};
	prepare(&job, 2, 0);
	bare = best_of(bare_copy, NULL, 30);
	ours = best_of(run, &job, 30);
	report("copy 8192x1024", ours, (double)copy_size * 2, bare);
	return ours;
}

static void bench_op(const char *name, enum tn_op op, int64_t rows, int64_t columns, double reference) {
	struct job job = {0};

	job.views[0] = dense(TN_SHAPE(rows, columns), 0);
	job.attrs[0] = 1;
	job.step = (struct tn_step){.op = op,
		.inputs = job.views,
		.input_count = 1,
		.attrs = job.attrs,
		.attr_count = 2,
		.out = dense(TN_SHAPE(rows, columns), 1)};
	if (op == TN_OP_COPY) { /* a transposition */
		job.views[0].stride[0] = 1;
		job.views[0].stride[1] = rows;
	}
	job.slots[0] = buffer((size_t)(rows * columns) * 4);
	job.slots[1] = buffer((size_t)(rows * columns) * 4);
	prepare(&job, 2, 0);
	report(name, best_of(run, &job, 30), (double)(rows * columns) * 8, reference);
}

static void bench_sum(const char *name, struct tn_shape shape, uint32_t axes, bool channels_last) {
	struct job job;
	struct tn_view out;

	begin_fused(&job, shape, 1, 1);
	if (channels_last) {
		job.views[0].stride[1] = 1;
		job.views[0].stride[3] = shape.dims[1];
		job.views[0].stride[2] = shape.dims[1] * shape.dims[3];
	}
	out = job.views[0];
	for (int k = shape.ndim - 1, step = 1; k >= 0; k--) {
		bool reduced = (axes >> k & 1) != 0;

		out.stride[k] = reduced ? 0 : step;
		step *= reduced ? 1 : (int)shape.dims[k];
		out.shape.dims[k] = reduced ? 1 : shape.dims[k];
	}
	out.slot = 1;
	job.outs[0] = (struct tn_fused_out){.from = input(0), .reduce = TN_OP_SUM, .axes = axes, .view = out};
	job.slots[0] = buffer((size_t)tn_shape_count(&shape) * 4);
	job.slots[1] = buffer((size_t)tn_shape_count(&shape) * 4);
	prepare(&job, 2, 0);
	report(name, best_of(run, &job, 100), (double)tn_shape_count(&shape) * 4, 0);
}

static void bench_unary(const char *name, enum tn_op op, int64_t count) {
	struct job job;

	begin_fused(&job, TN_SHAPE(count), 1, 1);
	emit(&job, op, input(0), input(0));
	job.outs[0] = (struct tn_fused_out){.from = reg(0), .reduce = -1, .view = dense(TN_SHAPE(count), 1)};
	job.slots[0] = buffer((size_t)count * 4);
	job.slots[1] = buffer((size_t)count * 4);
	prepare(&job, 2, 0);
	report(name, best_of(run, &job, 1000), (double)count * 8, 0);
}

/* x + b, x [rows, columns], b [columns] or [rows, 1] */
static void bench_broadcast(const char *name, int64_t rows, int64_t columns, bool column) {
	struct job job;

	begin_fused(&job, TN_SHAPE(rows, columns), 2, 1);
	job.views[1].stride[0] = column ? 1 : 0;
	job.views[1].stride[1] = column ? 0 : 1;
	emit(&job, TN_OP_ADD, input(0), input(1));
	job.outs[0] = (struct tn_fused_out){.from = reg(0), .reduce = -1, .view = dense(TN_SHAPE(rows, columns), 2)};
	job.slots[0] = buffer((size_t)(rows * columns) * 4);
	job.slots[1] = buffer((size_t)(rows * columns) * 4);
	job.slots[2] = buffer((size_t)(rows * columns) * 4);
	prepare(&job, 3, 0);
	report(name, best_of(run, &job, 1000), (double)(rows * columns) * 8, 0);
}

/* op(x, y); `turned`: y is contiguous along the first axis. */
static double bench_pair(const char *name, enum tn_op op, int64_t rows, int64_t columns, bool turned, double reference) {
	struct job job;
	double ns;

	begin_fused(&job, TN_SHAPE(rows, columns), 2, 1);
	if (turned) {
		job.views[1].stride[0] = 1;
		job.views[1].stride[1] = rows;
	}
	emit(&job, op, input(0), input(1));
	job.outs[0] = (struct tn_fused_out){.from = reg(0), .reduce = -1, .view = dense(TN_SHAPE(rows, columns), 2)};
	for (int i = 0; i < 3; i++) {
		job.slots[i] = buffer((size_t)(rows * columns) * 4);
	}
	prepare(&job, 3, 0);
	ns = best_of(run, &job, 30);
	report(name, ns, (double)(rows * columns) * 12, reference);
	return ns;
}

int main(int argc, char **argv) {
	struct tn_error err = {0};
	double copy, sum;

	backend = tn_cpu_backend_create(&(struct tn_cpu_params){.threads = argc > 1 ? atoi(argv[1]) : 0}, &err);
	if (backend == NULL) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	copy = bench_copy(8192, 1024);
	bench_op("softmax 8192x1024", TN_OP_SOFTMAX, 8192, 1024, copy);
	bench_op("log_softmax 8192x1024", TN_OP_LOG_SOFTMAX, 8192, 1024, copy);
	bench_op("log_softmax 128x10", TN_OP_LOG_SOFTMAX, 128, 10, 0);
	bench_op("transpose 4096x2048", TN_OP_COPY, 4096, 2048, copy);
	bench_op("transpose 512x256", TN_OP_COPY, 512, 256, 0);
	bench_adamw();
	bench_sum("sum of all, 8M", TN_SHAPE(8192, 1024), 3, false);
	bench_sum("sum of rows, 8192x1024", TN_SHAPE(8192, 1024), 2, false);
	bench_sum("sum of rows, 100000x10", TN_SHAPE(100000, 10), 2, false);
	bench_sum("sum of columns, 8192x1024", TN_SHAPE(8192, 1024), 1, false);
	bench_sum("sum of columns, 128x256", TN_SHAPE(128, 256), 1, false);
	bench_sum("sum of columns, 128x10", TN_SHAPE(128, 10), 1, false);
	bench_sum("sum N,H,W of 128x32x28x28 NCHW", TN_SHAPE(128, 32, 28, 28), 13, false);
	bench_sum("sum N,H,W of 128x32x28x28 NHWC", TN_SHAPE(128, 32, 28, 28), 13, true);
	bench_unary("neg of 16", TN_OP_NEG, 16);
	bench_unary("relu of 32768", TN_OP_RELU, 32768);
	bench_unary("exp of 32768", TN_OP_EXP, 32768);
	bench_unary("log of 32768", TN_OP_LOG, 32768);
	bench_unary("tanh of 32768", TN_OP_TANH, 32768);
	bench_unary("sigmoid of 32768", TN_OP_SIGMOID, 32768);
	bench_unary("erf of 32768", TN_OP_ERF, 32768);
	bench_unary("sin of 32768", TN_OP_SIN, 32768);
	bench_unary("atan of 32768", TN_OP_ATAN, 32768);
	bench_pair("x ** y of 32768", TN_OP_POW, 1, 32768, false, 0);
	bench_pair("atan2 of 32768", TN_OP_ATAN2, 1, 32768, false, 0);
	sum = bench_pair("x + y, 2048x2048", TN_OP_ADD, 2048, 2048, false, 0);
	bench_pair("x + y.T, 2048x2048", TN_OP_ADD, 2048, 2048, true, sum);
	bench_broadcast("x + row, 128x256", 128, 256, false);
	bench_broadcast("x + row, 128x10", 128, 10, false);
	bench_broadcast("x + column, 128x10", 128, 10, true);
	bench_broadcast("x + column, 128x256", 128, 256, true);
	return 0;
}
