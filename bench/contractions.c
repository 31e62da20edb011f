/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products, convolutions and pooling through the backend: GFLOP/s (pooling: GB/s) by oneDNN and by the portable
 * kernels, best of many runs, and what the first contraction of a process costs.
 *     build/bench/contractions [threads] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"

/* One step as a plan, over buffers of its own. */
struct job {
	struct tn_backend *backend;
	struct tn_view inputs[3];
	struct tn_step step;
	struct tn_plan plan;
	void *slots[4], *exec;
	int64_t attrs[11];
};

static void die(const struct tn_error *err) {
	fprintf(stderr, "contractions: %s\n", err->text);
	exit(1);
}

/* Strides of dense NHWC for four axes, else row-major; `turned`: the last two exchanged. */
static struct tn_view view(enum tn_dtype dtype, struct tn_shape shape, bool turned) {
	struct tn_view v = {.dtype = dtype, .shape = shape};
	const int64_t *d = shape.dims;

	tn_shape_strides(&shape, v.stride);
	if (turned && shape.ndim == 4) {
		memcpy(v.stride, (int64_t[]){d[1] * d[2] * d[3], 1, d[1] * d[3], d[1]}, 4 * sizeof(int64_t));
	} else if (turned) {
		v.stride[0] = 1;
		v.stride[1] = d[0];
	}
	return v;
}

static void fill(void *p, const struct tn_view *v) {
	for (int64_t i = 0; i < tn_shape_count(&v->shape); i++) {
		tn_element_set_f64(v->dtype, (char *)p + i * (int64_t)tn_dtype_size(v->dtype), (double)(i * 7919 % 1001) / 1000);
	}
}

/* Inputs and attributes are set; makes the rest. */
static void job_init(struct job *j, struct tn_backend *backend, enum tn_op op, uint32_t inputs, struct tn_shape out) {
	struct tn_error err = {0};

	j->backend = backend;
	j->step = (struct tn_step){.op = op, .input_count = inputs, .inputs = j->inputs, .attrs = j->attrs, .attr_count = 11};
	j->step.out = (struct tn_view){.slot = inputs, .dtype = j->inputs[0].dtype, .shape = out};
	backend->impl->layout(backend, op, j->inputs, inputs, j->attrs, &j->step.out);
	for (uint32_t i = 0; i <= inputs; i++) {
		struct tn_view *v = i < inputs ? &j->inputs[i] : &j->step.out;

		v->slot = i;
		j->slots[i] = backend->impl->alloc(backend, (size_t)tn_shape_count(&v->shape) * tn_dtype_size(v->dtype), &err);
		if (j->slots[i] == NULL) {
			die(&err);
		}
		fill(j->slots[i], v);
	}
	j->plan = (struct tn_plan){.step_count = 1, .slot_count = inputs + 1, .leaf_count = inputs + 1, .steps = &j->step};
	if (!backend->impl->prepare(backend, &j->plan, &j->exec, &err)) {
		die(&err);
	}
}

static void job_finish(struct job *j) {
	j->backend->impl->finish(j->backend, j->exec);
	for (uint32_t i = 0; i <= j->step.input_count; i++) {
		j->backend->impl->free(j->backend, j->slots[i], 0);
	}
}

static void job_run(struct job *j) {
	struct tn_run r = {.slots = j->slots};
	struct tn_error err = {0};

	if (!j->backend->impl->run(j->backend, j->exec, &r, &err)) {
		die(&err);
	}
}

/* Best seconds of a run within a fifth of a second, three at least. */
static double best_of(struct job *j) {
	int64_t begin = tn_clock_ns();
	double best = INFINITY;

	job_run(j);
	for (int i = 0; i < 3 || tn_clock_ns() - begin < 200000000; i++) {
		int64_t start = tn_clock_ns();
		double took;

		job_run(j);
		took = (double)(tn_clock_ns() - start) * 1e-9;
		best = took < best ? took : best;
	}
	return best;
}

static struct tn_backend *backends[2]; /* oneDNN, portable */

/* `work`: operations or bytes of one run. */
static void report(const char *name, struct job jobs[2], double work) {
	printf("%-52s", name);
	for (int i = 0; i < 2; i++) {
		double seconds = best_of(&jobs[i]);

		printf(" %9.1f us %7.1f", seconds * 1e6, work / seconds * 1e-9);
		job_finish(&jobs[i]);
	}
	printf("\n");
	fflush(stdout);
}

static void matmul(enum tn_dtype dtype, int64_t m, int64_t k, int64_t n, bool a_turned, bool b_turned) {
	struct job jobs[2];
	char name[96];

	for (int i = 0; i < 2; i++) {
		jobs[i].inputs[0] = view(dtype, TN_SHAPE(m, k), a_turned);
		jobs[i].inputs[1] = view(dtype, TN_SHAPE(k, n), b_turned);
		job_init(&jobs[i], backends[i], TN_OP_MATMUL, 2, TN_SHAPE(m, n));
	}
	snprintf(name, sizeof(name), "matmul %s %lld x %lld x %lld%s%s", tn_dtype_name(dtype), (long long)m, (long long)k,
		(long long)n, a_turned ? " a^T" : "", b_turned ? " b^T" : "");
	report(name, jobs, 2.0 * (double)m * (double)k * (double)n);
}

static void conv(enum tn_dtype dtype, int64_t n, int64_t c, int64_t side, int64_t o, int64_t kernel) {
	static const enum tn_op ops[] = {TN_OP_CONV2D, TN_OP_CONV2D_GRAD_X, TN_OP_CONV2D_GRAD_W};
	struct tn_shape x = TN_SHAPE(n, c, side, side), w = TN_SHAPE(o, c, kernel, kernel), y = TN_SHAPE(n, o, side, side);
	struct job jobs[2];
	char name[96];

	for (int kind = 0; kind < 3; kind++) {
		for (int i = 0; i < 2; i++) {
			jobs[i].inputs[0] = view(dtype, kind == 1 ? y : x, true);
			jobs[i].inputs[1] = kind == 2 ? view(dtype, y, true) : view(dtype, w, false);
			memcpy(jobs[i].attrs, (int64_t[]){1, 1, kernel / 2, kernel / 2, 1, 1, 1}, 7 * sizeof(int64_t));
			job_init(&jobs[i], backends[i], ops[kind], 2, kind == 0 ? y : kind == 1 ? x : w);
		}
		snprintf(name, sizeof(name), "%s %s %lld x %lld x %lld^2, %lld of %lld^2", tn_op_name(ops[kind]), tn_dtype_name(dtype),
			(long long)n, (long long)c, (long long)side, (long long)o, (long long)kernel);
		report(name, jobs, 2.0 * (double)(n * c * side * side * o * kernel * kernel));
	}
}

static void pool(int64_t n, int64_t c, int64_t side, bool channels_last) {
	struct tn_shape x = TN_SHAPE(n, c, side, side), y = TN_SHAPE(n, c, side / 2, side / 2);
	double bytes = 4.0 * (double)tn_shape_count(&x);
	struct job jobs[2];

	for (int kind = 0; kind < 2; kind++) {
		for (int i = 0; i < 2; i++) {
			jobs[i].inputs[0] = view(TN_DTYPE_F32, x, channels_last);
			jobs[i].inputs[1] = jobs[i].inputs[2] = view(TN_DTYPE_F32, y, channels_last);
			memcpy(jobs[i].attrs, (int64_t[]){2, 2, 2, 2, 0, 0, 0}, 7 * sizeof(int64_t));
			job_init(&jobs[i], backends[i], kind == 0 ? TN_OP_MAX_POOL2D : TN_OP_MAX_POOL2D_GRAD, kind == 0 ? 1 : 3,
				kind == 0 ? y : x);
		}
		report(kind == 0 ? (channels_last ? "max_pool2d 2x2, channels last (GB/s)" : "max_pool2d 2x2, row-major (GB/s)")
		                 : (channels_last ? "its gradient" : "its gradient, row-major"),
		       jobs, bytes * (kind == 0 ? 1.25 : 2.5));
	}
}

static void first_contraction(void) {
	struct job j;
	int64_t start = tn_clock_ns();

	j.inputs[0] = view(TN_DTYPE_F32, TN_SHAPE(128, 784), false);
	j.inputs[1] = view(TN_DTYPE_F32, TN_SHAPE(784, 256), false);
	job_init(&j, backends[0], TN_OP_MATMUL, 2, TN_SHAPE(128, 256));
	job_run(&j);
	printf("the first matmul of the process (128 x 784 x 256): %.1f ms\n", (double)(tn_clock_ns() - start) * 1e-6);
	job_finish(&j);
	start = tn_clock_ns();
	j.inputs[0] = view(TN_DTYPE_F32, TN_SHAPE(128, 32, 14, 14), true);
	j.inputs[1] = view(TN_DTYPE_F32, TN_SHAPE(64, 32, 3, 3), false);
	memcpy(j.attrs, (int64_t[]){1, 1, 1, 1, 1, 1, 1}, 7 * sizeof(int64_t));
	job_init(&j, backends[0], TN_OP_CONV2D, 2, TN_SHAPE(128, 64, 14, 14));
	job_run(&j);
	printf("the first convolution: %.1f ms\n\n", (double)(tn_clock_ns() - start) * 1e-6);
	job_finish(&j);
}

int main(int argc, char **argv) {
	struct tn_error err = {0};

	for (int i = 0; i < 2; i++) {
		struct tn_cpu_params params = {.threads = argc > 1 ? atoi(argv[1]) : 0, .portable = i == 1};

		backends[i] = tn_cpu_backend_create(&params, &err);
		if (backends[i] == NULL) {
			die(&err);
		}
	}
	first_contraction();
	printf("%-52s %20s %20s\n", "GFLOP/s", "oneDNN", "portable");
	matmul(TN_DTYPE_F32, 128, 784, 256, false, false);
	matmul(TN_DTYPE_F32, 784, 128, 256, true, false);
	matmul(TN_DTYPE_F32, 128, 256, 10, false, false);
	matmul(TN_DTYPE_F32, 256, 128, 10, true, false);
	matmul(TN_DTYPE_F32, 128, 10, 256, false, true);
	matmul(TN_DTYPE_F32, 128, 3136, 128, false, false);
	matmul(TN_DTYPE_F32, 512, 512, 512, false, false);
	matmul(TN_DTYPE_F32, 1024, 1024, 1024, false, false);
	matmul(TN_DTYPE_F32, 1, 1024, 1024, false, false);
	matmul(TN_DTYPE_BF16, 512, 512, 512, false, false);
	matmul(TN_DTYPE_F64, 512, 512, 512, false, false);
	matmul(TN_DTYPE_I32, 512, 512, 512, false, false);
	conv(TN_DTYPE_F32, 128, 1, 28, 32, 3);
	conv(TN_DTYPE_F32, 128, 32, 14, 64, 3);
	conv(TN_DTYPE_F32, 16, 64, 56, 64, 1);
	conv(TN_DTYPE_BF16, 128, 32, 14, 64, 3);
	conv(TN_DTYPE_F64, 32, 32, 14, 64, 3);
	pool(128, 32, 28, true);
	pool(128, 32, 28, false);
	for (int i = 0; i < 2; i++) {
		backends[i]->impl->destroy(backends[i]);
	}
	return 0;
}
