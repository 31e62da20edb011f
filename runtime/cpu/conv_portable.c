/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution as matrix products. With K = KH * KW * C/groups, a chunk of output pixels is laid out as a matrix `columns` of
 * [pixels, K], the elements that each pixel sees in the order (kh, kw, c), in which NHWC has them side by side:
 *
 *     forward   y[pixels, O]    = columns @ w[K, O]
 *     grad_x    columns         = gradient[pixels, O] @ w[K, O]^T, then each element is added where it came from
 *     grad_w    w[K, O]        += columns^T @ gradient[pixels, O]
 *
 * Forward and grad_x share images and rows of images out to the threads; grad_w, a sum over all pixels, shares out the
 * products, so that the order of its sums is fixed. */
#include <string.h>

#include "cpu/conv.h"

/* Pixels of a chunk: enough rows for the product to run at speed, few enough for the columns to stay in the second cache
 * level. */
enum { CHUNK_PIXELS = 384 };

struct job {
	const struct cpu_conv_portable *c;
	const struct cpu_dnn_conv_params *p;
	int64_t size;                  /* of an element */
	int64_t cg, og, depth;         /* channels in and out of a group; K */
	int64_t chunk_rows, chunks;    /* rows of output pixels of a chunk; chunks of an image */
	size_t columns_size, gemm_size; /* of one thread; multiples of 64 */
};

static int64_t smaller(int64_t a, int64_t b) {
	return a < b ? a : b;
}

static bool job_init(struct job *j, const struct cpu_dnn_conv_params *p, enum cpu_class class) {
	int gemm_threads = p->kind == CPU_DNN_GRAD_W ? p->threads : 1;
	int64_t pixels;
	size_t elements;

	*j = (struct job){.p = p, .size = (int64_t)cpu_class_size(class), .cg = p->c / p->groups, .og = p->o / p->groups};
	j->depth = p->kernel[0] * p->kernel[1] * j->cg;
	j->chunk_rows = smaller((CHUNK_PIXELS + p->out_w - 1) / p->out_w, p->out_h);
	j->chunks = (p->out_h + j->chunk_rows - 1) / j->chunk_rows;
	pixels = j->chunk_rows * p->out_w;
	if (!tn_mul_size((size_t)pixels, (size_t)j->depth, &elements) || !tn_mul_size(elements, (size_t)j->size, &j->columns_size) ||
	    !tn_add_size(j->columns_size, 63, &j->columns_size)) {
		return false;
	}
	j->columns_size &= ~(size_t)63;
	switch (p->kind) {
	case CPU_DNN_FORWARD:
		return cpu_gemm_workspace(class, pixels, j->og, j->depth, gemm_threads, &j->gemm_size);
	case CPU_DNN_GRAD_X:
		return cpu_gemm_workspace(class, pixels, j->depth, j->og, gemm_threads, &j->gemm_size);
	default:
		return cpu_gemm_workspace(class, j->depth, j->og, pixels, gemm_threads, &j->gemm_size);
	}
}

bool cpu_conv_portable_workspace(const struct cpu_dnn_conv_params *params, enum cpu_class class, size_t *size) {
	struct job j;
	size_t one;

	if (!job_init(&j, params, class) || !tn_add_size(j.columns_size, j.gemm_size, &one)) {
		return false;
	}
	return params->kind == CPU_DNN_GRAD_W ? (*size = one, true) : tn_mul_size(one, (size_t)params->threads, size);
}

static bool stopped(const struct job *j) {
	return cpu_is_stopped(j->c->interrupt);
}

/* ---- columns ---- */

/* One row of the matrix: what the output pixel (h, w) of group g sees; zeros where that is padding. */
static char *gather_pixel(const struct job *j, const char *image, char *to, int64_t h, int64_t w, int64_t g) {
	const struct cpu_dnn_conv_params *p = j->p;
	int64_t left = w * p->stride[1] - p->padding[1], length = j->cg * j->size;
	bool in_line = p->dilation[1] == 1 && p->groups == 1 && left >= 0 && left + p->kernel[1] <= p->w;

	for (int64_t kh = 0; kh < p->kernel[0]; kh++) {
		int64_t y = h * p->stride[0] - p->padding[0] + kh * p->dilation[0];
		const char *row = image + (y * p->w * p->c + g * j->cg) * j->size;

		if (y < 0 || y >= p->h) {
			memset(to, 0, (size_t)(p->kernel[1] * length));
			to += p->kernel[1] * length;
			continue;
		}
		if (in_line) {
			memcpy(to, row + left * length, (size_t)(p->kernel[1] * length));
			to += p->kernel[1] * length;
			continue;
		}
		for (int64_t kw = 0; kw < p->kernel[1]; kw++, to += length) {
			int64_t x = left + kw * p->dilation[1];

			if (x < 0 || x >= p->w) {
				memset(to, 0, (size_t)length);
			} else {
				memcpy(to, row + x * p->c * j->size, (size_t)length);
			}
		}
	}
	return to;
}

/* Rows [row0, row1) of output pixels of one image. */
static void gather(const struct job *j, const char *image, char *columns, int64_t row0, int64_t row1, int64_t g) {
	for (int64_t h = row0; h < row1; h++) {
		for (int64_t w = 0; w < j->p->out_w; w++) {
			columns = gather_pixel(j, image, columns, h, w, g);
		}
	}
}

#define DEFINE_ADD(C, T) \
	static void add_##C(void *to, const void *from, int64_t n) { \
		for (int64_t i = 0; i < n; i++) { \
			((T *)to)[i] += ((const T *)from)[i]; \
		} \
	}
DEFINE_ADD(F64, double) DEFINE_ADD(F32, float) DEFINE_ADD(I64, uint64_t) DEFINE_ADD(I32, uint32_t)
static void (*const add[CPU_CLASS_COUNT])(void *to, const void *from, int64_t n) = {
	[CPU_F64] = add_F64, [CPU_F32] = add_F32, [CPU_I64] = add_I64, [CPU_I32] = add_I32,
};

/* The opposite of gather: adds each element where it came from. */
static void scatter(const struct job *j, char *image, const char *columns, int64_t row0, int64_t row1, int64_t g) {
	const struct cpu_dnn_conv_params *p = j->p;

	for (int64_t h = row0; h < row1; h++) {
		for (int64_t w = 0; w < p->out_w; w++) {
			for (int64_t k = 0; k < p->kernel[0] * p->kernel[1]; k++, columns += j->cg * j->size) {
				int64_t y = h * p->stride[0] - p->padding[0] + k / p->kernel[1] * p->dilation[0];
				int64_t x = w * p->stride[1] - p->padding[1] + k % p->kernel[1] * p->dilation[1];

				if (y >= 0 && y < p->h && x >= 0 && x < p->w) {
					add[j->c->class](image + ((y * p->w + x) * p->c + g * j->cg) * j->size, columns, j->cg);
				}
			}
		}
	}
}

/* ---- forward and grad_x: one thread's share ---- */

static char *columns_of(const struct job *j, int thread) {
	return (char *)j->c->workspace + (size_t)thread * (j->columns_size + j->gemm_size);
}

static void forward_chunk(const struct job *j, int64_t image, int64_t row0, int64_t row1, int thread) {
	const struct cpu_dnn_conv_params *p = j->p;
	char *columns = columns_of(j, thread), *y = (char *)j->c->out + (image * p->out_h + row0) * p->out_w * p->o * j->size;
	struct cpu_gemm g = {
		.class = j->c->class,
		.m = (row1 - row0) * p->out_w,
		.n = j->og,
		.k = j->depth,
		.a = columns,
		.a_row = j->depth,
		.a_col = 1,
		.b_row = j->og,
		.b_col = 1,
		.c_row = p->o,
		.threads = 1,
		.workspace = columns + j->columns_size,
		.interrupt = j->c->interrupt,
	};

	for (int64_t group = 0; group < p->groups; group++) {
		gather(j, (const char *)j->c->a + image * p->h * p->w * p->c * j->size, columns, row0, row1, group);
		g.b = (const char *)j->c->b + group * j->depth * j->og * j->size;
		g.c = y + group * j->og * j->size;
		cpu_gemm(&g);
	}
}

static void grad_x_chunk(const struct job *j, int64_t image, int64_t row0, int64_t row1, int thread) {
	const struct cpu_dnn_conv_params *p = j->p;
	const char *gradient = (const char *)j->c->a + (image * p->out_h + row0) * p->out_w * p->o * j->size;
	char *columns = columns_of(j, thread);
	struct cpu_gemm g = {
		.class = j->c->class,
		.m = (row1 - row0) * p->out_w,
		.n = j->depth,
		.k = j->og,
		.a_row = p->o,
		.a_col = 1,
		.b_row = 1,
		.b_col = j->og,
		.c = columns,
		.c_row = j->depth,
		.threads = 1,
		.workspace = columns + j->columns_size,
		.interrupt = j->c->interrupt,
	};

	for (int64_t group = 0; group < p->groups; group++) {
		g.a = gradient + group * j->og * j->size;
		g.b = (const char *)j->c->b + group * j->depth * j->og * j->size;
		cpu_gemm(&g);
		scatter(j, (char *)j->c->out + image * p->h * p->w * p->c * j->size, columns, row0, row1, group);
	}
}

static void forward_share(void *data, int thread) {
	const struct job *j = data;
	int64_t begin, end;

	cpu_split(j->p->n * j->chunks, 1, thread, j->p->threads, &begin, &end);
	for (int64_t i = begin; i < end && !stopped(j); i++) {
		int64_t row0 = i % j->chunks * j->chunk_rows;

		forward_chunk(j, i / j->chunks, row0, smaller(row0 + j->chunk_rows, j->p->out_h), thread);
	}
}

/* Whole images: the windows of neighbouring chunks overlap. */
static void grad_x_share(void *data, int thread) {
	const struct job *j = data;
	int64_t begin, end, image_size = j->p->h * j->p->w * j->p->c * j->size;

	cpu_split(j->p->n, 1, thread, j->p->threads, &begin, &end);
	for (int64_t image = begin; image < end; image++) {
		cpu_clear((char *)j->c->out + image * image_size, (size_t)image_size, j->c->interrupt);
		for (int64_t row0 = 0; row0 < j->p->out_h && !stopped(j); row0 += j->chunk_rows) {
			grad_x_chunk(j, image, row0, smaller(row0 + j->chunk_rows, j->p->out_h), thread);
		}
	}
}

/* ---- grad_w: all threads on one chunk after the other ---- */

struct gathering {
	const struct job *j;
	const char *image;
	int64_t row0, row1, group;
};

static void gather_share(void *data, int thread) {
	const struct gathering *w = data;
	const struct job *j = w->j;
	int64_t begin, end;

	cpu_split(w->row1 - w->row0, 1, thread, j->p->threads, &begin, &end);
	gather(j, w->image, (char *)j->c->workspace + begin * j->p->out_w * j->depth * j->size, w->row0 + begin, w->row0 + end,
		w->group);
}

static void grad_w(const struct job *j) {
	const struct cpu_dnn_conv_params *p = j->p;
	char *columns = j->c->workspace;

	for (int64_t i = 0; i < p->n * j->chunks && !stopped(j); i++) {
		int64_t image = i / j->chunks, row0 = i % j->chunks * j->chunk_rows, row1 = smaller(row0 + j->chunk_rows, p->out_h);
		const char *gradient = (const char *)j->c->b + (image * p->out_h + row0) * p->out_w * p->o * j->size;

		for (int64_t group = 0; group < p->groups; group++) {
			struct gathering w = {j, (const char *)j->c->a + image * p->h * p->w * p->c * j->size, row0, row1, group};
			struct cpu_gemm g = {
				.class = j->c->class, .m = j->depth, .n = j->og, .k = (row1 - row0) * p->out_w, .a = columns, .a_row = 1,
				.a_col = j->depth, .b = gradient + group * j->og * j->size, .b_row = p->o, .b_col = 1,
				.c = (char *)j->c->out + group * j->depth * j->og * j->size, .c_row = j->og, .add = i > 0, .threads = p->threads,
				.workspace = columns + j->columns_size, .interrupt = j->c->interrupt,
			};

			cpu_parallel(p->threads, gather_share, &w);
			cpu_gemm(&g);
		}
	}
}

void cpu_conv_portable(const struct cpu_conv_portable *c) {
	struct job j;

	if (!job_init(&j, c->params, c->class)) {
		return; /* cannot be: the workspace had a size */
	}
	j.c = c;
	switch (c->params->kind) {
	case CPU_DNN_FORWARD:
		cpu_parallel(j.p->threads, forward_share, &j);
		break;
	case CPU_DNN_GRAD_X:
		cpu_parallel(j.p->threads, grad_x_share, &j);
		break;
	case CPU_DNN_GRAD_W:
		grad_w(&j);
		break;
	}
}
