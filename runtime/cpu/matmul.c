/* SPDX-License-Identifier: Apache-2.0 */
/* MATMUL: [..., M, K] @ [..., K, N]. f32 goes to oneDNN, bf16 and f16 as well, widened to f32 and rounded once at the end
 * (its own bf16 product was half as fast, since it packs what it reads); f64 and integers go to the portable product.
 *
 * oneDNN has two: sgemm makes all its code at the first call (31-43 ms with AVX-512, 15 ms with AVX2), then costs nothing for
 * a new shape and is up to 1.5 times as fast for large ones; the matmul primitive makes code for one shape in 0.3-0.7 ms and
 * is equal for small ones. So small single products, which a first step consists of, are primitives where oneDNN has a fast
 * one, and tiny ones are portable, so that a program of nothing else never loads oneDNN; all else is sgemm.
 *
 * Transposed operands are read where they lie (oneDNN's last bits depend on how an operand lies; views belong to the
 * program, so eager and planned runs agree). Operands with other strides, and those to be widened, are copied into the
 * workspace first. A product whose second operand has no batch axes is one product of more rows. What is chosen here depends
 * on shapes and dtypes; a product above 2.2 GFLOP is cut into pieces of at most 1 (90 ms on a core that gives
 * 11 GFLOP/s), between which interrupts are looked at. */
#include <string.h>

#include "cpu/dense.h"
#include "cpu/dnn.h"
#include "cpu/gemm.h"

enum { MAX_BATCH = TN_MAX_NDIM - 2 };

/* Pieces of 0.5 GFLOP cost products of 1024 to 2048 rows 4-6 %, these nothing that can be measured (300-320 GFLOP/s on two cores). */
static const double long_product = 2.2e9, piece_flops = 1e9;
/* oneDNN adds up a product with a vector one after the other, and of a million uniform numbers lost a part in 8,000: longer sums
 * are added from parts, which loses one in a million. */
enum { LONGEST_SUM = 4096 };
/* Below this many operations a matrix is worth one thread only, and a batch of them is shared out. */
static const double small_product = 8e6;
/* Below this many operations one thread is faster: 128 x 10 x 256 takes 8.1 us on one, 9.0 on two. */
static const double tiny_product = 1.5e6;
/* What is worth a primitive: up to so many operations, from so many rows on (fewer: a size that changes from step to step, and
 * sgemm is faster). But where the first operand is transposed, the gradient of weights, rows are features: of ten classes, say. */
static const double primitive_flops = 64e6, few_rows_flops = 4e6, fewest_rows_flops = 1.5e5;
enum { PRIMITIVE_ROWS = 16, PRIMITIVE_FEW_ROWS = 8, PRIMITIVE_SUM = 8 };
/* Up to so many operations the portable product takes no longer than a call of oneDNN: 0.4-1 us. */
static const double portable_flops = 4096;

enum path { PATH_PORTABLE, PATH_SGEMM, PATH_DNN };

struct operand {
	int64_t rows, cols, row, col; /* the matrix as the product reads it; strides in elements */
	int64_t batch[MAX_BATCH];     /* strides along the result's batch axes */
	bool copied;
	size_t at;                    /* copied: in the workspace */
	struct cpu_dense copy;        /* without its addresses */
};

struct matmul {
	enum path path;
	enum cpu_class class;
	enum tn_dtype dtype;
	bool widen; /* operands and product are wider than the tensors: they go through the workspace */
	int64_t m, n, k, batches;
	int batch_ndim;
	int64_t batch_dims[MAX_BATCH];
	struct operand a, b;
	int64_t piece[3]; /* of m, n, k; the whole where the product is short */
	bool shared_out;  /* each matrix on one thread */
	int threads;      /* oneDNN: that work on one matrix */
	size_t result_at, gemm_at, gemm_size; /* in the workspace; the size for one product */
	size_t part_at;    /* long sums: one part of a matrix, for each thread that may have one */
	struct cpu_dnn *dnn;
	size_t dnn_at;
};

static double flops_of(int64_t m, int64_t n, int64_t k) {
	return 2.0 * (double)m * (double)n * (double)k;
}

/* Takes `size` bytes of the workspace; false when that does not fit. */
static bool reserve(struct cpu_step *step, size_t size, size_t *at) {
	*at = step->workspace;
	return tn_add_size(size, 63, &size) && tn_add_size(step->workspace, size & ~(size_t)63, &step->workspace);
}

/* ---- operands ---- */

/* Unit strides along the rows, or when `turned` along the columns, and rows (columns) that do not overlap. */
static bool is_plain(const struct operand *o, bool turned) {
	int64_t along = turned ? o->row : o->col, across = turned ? o->col : o->row;
	int64_t length = turned ? o->rows : o->cols, count = turned ? o->cols : o->rows;

	return (along == 1 || length == 1) && (across >= length || count == 1);
}

static bool is_readable(const struct operand *o) {
	return is_plain(o, false) || is_plain(o, true);
}

static int64_t leading(const struct operand *o) {
	bool turned = !is_plain(o, false);
	int64_t across = turned ? o->col : o->row, length = turned ? o->rows : o->cols, count = turned ? o->cols : o->rows;

	return count == 1 ? length : across;
}

/* The operand's matrices, one for each element of the batch axes. */
static void operand_init(struct operand *o, const struct tn_view *v, int batch_ndim) {
	int ndim = v->shape.ndim, missing = batch_ndim - (ndim - 2);

	o->rows = v->shape.dims[ndim - 2];
	o->cols = v->shape.dims[ndim - 1];
	o->row = v->stride[ndim - 2];
	o->col = v->stride[ndim - 1];
	for (int i = 0; i < batch_ndim; i++) {
		o->batch[i] = i < missing || v->shape.dims[i - missing] == 1 ? 0 : v->stride[i - missing];
	}
}

/* All matrices as one, with the batch axes as rows. False: the strides do not allow it, only a copy has them in line. */
static bool operand_init_rows(struct operand *o, const struct tn_view *v) {
	int last = v->shape.ndim - 1;
	bool in_line = true;

	*o = (struct operand){.rows = 1, .cols = v->shape.dims[last], .row = v->shape.dims[last], .col = v->stride[last]};
	for (int i = last - 1; i >= 0; i--) {
		if (v->shape.dims[i] != 1) {
			o->row = o->rows == 1 ? v->stride[i] : o->row;
			in_line = in_line && v->stride[i] == o->rows * o->row;
			o->rows *= v->shape.dims[i];
		}
	}
	return in_line;
}

/* A dense copy of the view will be read instead; a transposed one stays transposed where it `may`. */
static bool operand_copy(
	struct cpu_step *step, struct operand *o, const struct tn_view *v, const struct matmul *x, bool may_turn) {
	int ndim = v->shape.ndim, missing = x->batch_ndim - (ndim - 2);
	bool turned = may_turn && o->row == 1 && o->col != 1;
	int64_t matrices = 1;
	size_t size;

	o->copied = true;
	o->copy = (struct cpu_dense){.dtype = v->dtype, .widen = x->widen, .ndim = ndim};
	for (int i = 0; i < ndim; i++) {
		int from = i < ndim - 2 || !turned ? i : 2 * ndim - 3 - i;

		o->copy.dims[i] = v->shape.dims[from];
		o->copy.stride[i] = v->stride[from];
	}
	o->row = turned ? 1 : o->cols;
	o->col = turned ? o->rows : 1;
	for (int i = x->batch_ndim - 1; i >= 0; i--) {
		int64_t dim = i < missing ? 1 : v->shape.dims[i - missing];

		o->batch[i] = dim == 1 ? 0 : o->rows * o->cols * matrices;
		matrices *= dim;
	}
	return tn_mul_size((size_t)tn_shape_count(&v->shape), cpu_class_size(x->class), &size) && reserve(step, size, &o->at);
}

/* ---- prepare ---- */

/* Whether `b` has no batch axis of more than one element: then the batch axes of `a` are rows of one product. */
static bool is_one_product(const struct tn_view *b) {
	int64_t matrices = 1;

	for (int i = 0; i < b->shape.ndim - 2; i++) {
		matrices *= b->shape.dims[i];
	}
	return matrices == 1;
}

static void choose_shape(struct matmul *x, const struct tn_view *b, const struct tn_view *out) {
	int ndim = out->shape.ndim;

	x->m = out->shape.dims[ndim - 2];
	x->n = out->shape.dims[ndim - 1];
	x->k = b->shape.dims[b->shape.ndim - 2];
	x->batches = 1;
	for (int i = 0; i < ndim - 2; i++) {
		x->batch_dims[i] = out->shape.dims[i];
		x->batches *= out->shape.dims[i];
	}
	x->batch_ndim = ndim - 2;
	if (is_one_product(b)) {
		x->m *= x->batches;
		x->batches = 1;
		x->batch_ndim = 0;
	}
}

static bool has_long_sums(const struct matmul *x) {
	return (x->m == 1 || x->n == 1) && x->k > LONGEST_SUM;
}

/* Halves the longest side until a piece is short. Of equal ones k: what is packed for one piece is then packed for no other. */
static void choose_piece(struct matmul *x) {
	x->piece[0] = x->m;
	x->piece[1] = x->n;
	x->piece[2] = has_long_sums(x) ? LONGEST_SUM : x->k;
	if (flops_of(x->m, x->n, x->k) <= long_product) {
		return;
	}
	while (flops_of(x->piece[0], x->piece[1], x->piece[2]) > piece_flops) {
		int side = x->piece[0] >= x->piece[1] ? 0 : 1;

		side = x->piece[2] >= x->piece[side] ? 2 : side;
		x->piece[side] = ((x->piece[side] + 1) / 2 + 63) / 64 * 64;
	}
}

/* Whether a single product is worth a primitive of its own. */
static bool wants_primitive(const struct matmul *x, bool a_turned) {
	double flops = flops_of(x->m, x->n, x->k), limit = primitive_flops;

	if (x->m < PRIMITIVE_ROWS) {
		limit = !a_turned ? 0 : x->m < PRIMITIVE_FEW_ROWS ? fewest_rows_flops : few_rows_flops;
	}
	return x->batches == 1 && x->k >= PRIMITIVE_SUM && flops <= limit && !has_long_sums(x);
}

/* Makes a primitive of a small product; false only with an error. */
static bool try_primitive(struct cpu_step *step, struct matmul *x, struct tn_error *err) {
	bool a_turned = !is_plain(&x->a, false), b_turned = !is_plain(&x->b, false);
	struct cpu_dnn_matmul_params params = {
		.dtype = TN_DTYPE_F32,
		.m = x->m,
		.n = x->n,
		.k = x->k,
		.a_row = 1,
		.a_col = 1,
		.b_row = 1,
		.b_col = 1,
		.threads = x->threads,
	};

	if (!wants_primitive(x, a_turned)) {
		return true;
	}
	*(a_turned ? &params.a_col : &params.a_row) = leading(&x->a);
	*(b_turned ? &params.b_col : &params.b_row) = leading(&x->b);
	x->dnn = cpu_dnn_matmul_create(&params, err);
	if (x->dnn == NULL) {
		return !tn_error_is_set(err);
	}
	if (strncmp(cpu_dnn_name(x->dnn), "brg", 3) != 0) { /* "gemm:jit" is sgemm */
		cpu_dnn_destroy(x->dnn);
		x->dnn = NULL;
		return true;
	}
	x->path = PATH_DNN;
	return reserve(step, cpu_dnn_workspace(x->dnn), &x->dnn_at);
}

/* Copies of what cannot be read where it lies, and the wide result. */
static bool choose_copies(struct cpu_step *step, struct matmul *x, bool a_in_line) {
	const struct tn_view *a = &step->step->inputs[0], *b = &step->step->inputs[1];
	bool picky = x->path == PATH_SGEMM, may_turn = x->batch_ndim > 0 || a->shape.ndim == 2;
	size_t size;

	if ((x->widen || !a_in_line || (picky && !is_readable(&x->a))) && !operand_copy(step, &x->a, a, x, may_turn)) {
		return false;
	}
	if ((x->widen || (picky && !is_readable(&x->b))) && !operand_copy(step, &x->b, b, x, true)) {
		return false;
	}
	return !x->widen || (tn_mul_size((size_t)tn_shape_count(&step->step->out.shape), cpu_class_size(x->class), &size) &&
	                     reserve(step, size, &x->result_at));
}

static bool reserve_part(struct cpu_step *step, struct matmul *x) {
	size_t size;

	return tn_mul_size((size_t)x->m * (size_t)x->n, sizeof(float) * (x->shared_out ? (size_t)step->settings->threads : 1), &size) &&
	       reserve(step, size, &x->part_at);
}

/* Which way, and the panels of the portable one. */
static bool choose_path(struct cpu_step *step, struct matmul *x, struct tn_error *err) {
	int threads = step->settings->threads;
	size_t size;

	x->threads = flops_of(x->m, x->n, x->k) < tiny_product ? 1 : threads;
	x->shared_out = x->batches >= threads && threads > 1 && flops_of(x->m, x->n, x->k) < small_product;
	if (x->path == PATH_SGEMM) {
		return (!has_long_sums(x) || reserve_part(step, x)) && try_primitive(step, x, err);
	}
	return cpu_gemm_workspace(x->class, x->m, x->n, x->k, x->shared_out ? 1 : threads, &x->gemm_size) &&
	       tn_mul_size(x->gemm_size, x->shared_out ? (size_t)threads : 1, &size) && reserve(step, size, &x->gemm_at);
}

static void matmul_finish(struct cpu_step *step) {
	struct matmul *x = step->state;

	if (x != NULL) {
		cpu_dnn_destroy(x->dnn);
		tn_free(x);
	}
	step->state = NULL;
}

static bool matmul_prepare(struct cpu_step *step, struct tn_error *err) {
	const struct tn_view *a = &step->step->inputs[0], *b = &step->step->inputs[1];
	struct matmul *x = tn_calloc(1, sizeof(*x));
	bool in_line = true;

	if (x == NULL) {
		return tn_error_memory(err);
	}
	step->state = x;
	step->workspace = 0;
	x->dtype = step->step->out.dtype;
	x->class = cpu_dense_class(x->dtype);
	x->widen = cpu_dense_widens(x->dtype);
	choose_shape(x, b, &step->step->out);
	choose_piece(x);
	if (x->m == 0 || x->n == 0 || x->k == 0 || x->batches == 0) {
		return true;
	}
	operand_init(&x->b, b, x->batch_ndim);
	if (x->batch_ndim == 0 && a->shape.ndim > 2) {
		in_line = operand_init_rows(&x->a, a);
	} else {
		operand_init(&x->a, a, x->batch_ndim);
	}
	x->path = PATH_PORTABLE;
	if (x->class == CPU_F32 && !step->settings->portable && flops_of(x->m, x->n, x->k) > portable_flops && cpu_dnn_ready()) {
		x->path = PATH_SGEMM;
	}
	if (!choose_copies(step, x, in_line) || !choose_path(step, x, err)) {
		matmul_finish(step);
		return tn_error_memory(err); /* keeps the first error */
	}
	return true;
}

/* ---- run ---- */

struct run {
	const struct cpu_call *call;
	const struct matmul *x;
	const char *a, *b;
	char *c;
	size_t size;          /* of an element of these */
	int64_t begin, end;   /* shared out: matrices */
	volatile bool failed; /* set by any thread */
};

static char *workspace_at(const struct run *r, size_t at) {
	return (char *)r->call->workspace + at;
}

/* Offset of matrix number `batch`, in elements. */
static int64_t batch_offset(const struct matmul *x, const struct operand *o, int64_t batch) {
	int64_t offset = 0;

	for (int i = x->batch_ndim - 1; i >= 0; i--) {
		offset += batch % x->batch_dims[i] * o->batch[i];
		batch /= x->batch_dims[i];
	}
	return offset;
}

/* c[i0.., j0..] of one matrix, + its part of k: at[3] says where the piece begins, of size[3]. With long sums the part comes to
 * `part` first, and is then added. */
static bool run_sgemm(const struct run *r, const float *a, const float *b, float *c, float *part, const int64_t at[3],
	const int64_t size[3], int threads) {
	const struct matmul *x = r->x;
	float *to = c + at[0] * x->n + at[1];
	bool adds = at[2] > 0 && has_long_sums(x);
	struct cpu_dnn_gemm g = {
		.a_turned = !is_plain(&x->a, false), .b_turned = !is_plain(&x->b, false), .m = size[0], .n = size[1], .k = size[2],
		.lda = leading(&x->a), .ldb = leading(&x->b), .ldc = x->n,
		.a = a + at[0] * x->a.row + at[2] * x->a.col, .b = b + at[2] * x->b.row + at[1] * x->b.col, .c = adds ? part : to,
		.beta = at[2] > 0 && !adds ? 1 : 0,
	};

	if (!cpu_dnn_sgemm(&g, threads)) {
		return false;
	}
	for (int64_t i = 0; adds && i < size[0] * size[1]; i++) { /* a row or a column: both lie in line */
		to[i] += part[i];
	}
	return true;
}

static bool run_pieces(const struct run *r, const float *a, const float *b, float *c, float *part, int threads) {
	const struct matmul *x = r->x;
	const int64_t whole[3] = {x->m, x->n, x->k};
	int64_t at[3], size[3];

	for (at[0] = 0; at[0] < x->m; at[0] += x->piece[0]) {
		for (at[1] = 0; at[1] < x->n; at[1] += x->piece[1]) {
			for (at[2] = 0; at[2] < x->k; at[2] += x->piece[2]) {
				for (int i = 0; i < 3; i++) {
					size[i] = whole[i] - at[i] < x->piece[i] ? whole[i] - at[i] : x->piece[i];
				}
				if (cpu_is_stopped(r->call->interrupt)) {
					return true; /* the caller looks at it as well */
				}
				if (!run_sgemm(r, a, b, c, part, at, size, threads)) {
					return false;
				}
			}
		}
	}
	return true;
}

static void run_portable(const struct run *r, const char *a, const char *b, char *c, int threads, char *panels) {
	const struct matmul *x = r->x;
	struct cpu_gemm g = {
		.class = x->class,
		.m = x->m,
		.n = x->n,
		.k = x->k,
		.a = a,
		.b = b,
		.c = c,
		.a_row = x->a.row,
		.a_col = x->a.col,
		.b_row = x->b.row,
		.b_col = x->b.col,
		.c_row = x->n,
		.threads = threads,
		.workspace = panels,
		.interrupt = r->call->interrupt,
	};

	cpu_gemm(&g);
}

/* One matrix on `threads` threads; the executing thread's number is `thread` among those that share the batch. */
static bool run_matrix(const struct run *r, int64_t batch, int threads, int thread, struct tn_error *err) {
	const struct matmul *x = r->x;
	const char *a = r->a + batch_offset(x, &x->a, batch) * (int64_t)r->size;
	const char *b = r->b + batch_offset(x, &x->b, batch) * (int64_t)r->size;
	char *c = r->c + batch * x->m * x->n * (int64_t)r->size;

	switch (x->path) {
	case PATH_SGEMM:
		return run_pieces(r, (const float *)a, (const float *)b, (float *)c,
				   (float *)(void *)workspace_at(r, x->part_at) + (int64_t)thread * x->m * x->n, threads) ||
			tn_error_set(err, TN_ERR_DEVICE, "oneDNN's sgemm failed");
	case PATH_DNN:
		return cpu_dnn_run(x->dnn, (const void *const[]){a, b, c}, workspace_at(r, x->dnn_at), NULL, err);
	default:
		run_portable(r, a, b, c, threads, workspace_at(r, x->gemm_at) + (size_t)thread * x->gemm_size);
		return true;
	}
}

static void run_share(void *data, int thread) {
	struct run *r = data;
	int64_t begin, end;

	cpu_split(r->end - r->begin, 1, thread, r->call->threads, &begin, &end);
	for (int64_t i = begin; i < end; i++) {
		if (!run_matrix(r, r->begin + i, 1, thread, NULL)) {
			r->failed = true;
		}
	}
}

/* Small matrices, each on one thread, in rounds of a GFLOP. */
static bool run_shared_out(struct run *r, struct tn_error *err) {
	const struct matmul *x = r->x;
	int64_t round = (int64_t)(piece_flops / flops_of(x->m, x->n, x->k)) + 1;

	for (r->begin = 0; r->begin < x->batches; r->begin = r->end) {
		r->end = x->batches - r->begin < round ? x->batches : r->begin + round;
		if (cpu_interrupted(r->call, err)) {
			return false;
		}
		cpu_parallel(r->call->threads, run_share, r);
		if (r->failed) {
			return tn_error_set(err, TN_ERR_DEVICE, "oneDNN's sgemm failed");
		}
	}
	return !cpu_interrupted(r->call, err);
}

static const char *read_operand(const struct cpu_call *call, const struct operand *o, int number) {
	struct cpu_dense copy = o->copy;

	if (!o->copied) {
		return call->inputs[number];
	}
	copy.from = call->inputs[number];
	copy.to = (char *)call->workspace + o->at;
	copy.interrupt = call->interrupt;
	cpu_dense_copy(&copy, cpu_threads_for(call, (double)o->rows * (double)o->cols));
	return copy.to;
}

static bool matmul_run(const struct cpu_call *call, struct tn_error *err) {
	const struct matmul *x = call->step->state;
	struct run r = {.call = call, .x = x, .size = x->widen ? cpu_class_size(x->class) : tn_dtype_size(x->dtype)};
	int64_t count = x->batches * x->m * x->n;

	if (count == 0 || x->k == 0) {
		cpu_clear(call->out, (size_t)count * tn_dtype_size(x->dtype), call->interrupt);
		return !cpu_interrupted(call, err);
	}
	r.a = read_operand(call, &x->a, 0);
	r.b = read_operand(call, &x->b, 1);
	r.c = x->widen ? workspace_at(&r, x->result_at) : call->out;
	if (x->shared_out) {
		if (!run_shared_out(&r, err)) {
			return false;
		}
	} else {
		int threads = x->path == PATH_PORTABLE ? cpu_threads_for(call, flops_of(x->m, x->n, x->k) / 8) : x->threads;

		for (int64_t batch = 0; batch < x->batches; batch++) {
			if (!run_matrix(&r, batch, threads, 0, err) || cpu_interrupted(call, err)) {
				return false;
			}
		}
	}
	if (x->widen) {
		cpu_dense_narrow(r.c, call->out, x->dtype, count, cpu_threads_for(call, (double)count), call->interrupt);
	}
	return !cpu_interrupted(call, err);
}

static bool matmul_accepts(enum tn_dtype in, enum tn_dtype out) {
	return in == out && in != TN_DTYPE_BOOL8;
}

const struct cpu_kernel cpu_matmul = {
	.prepare = matmul_prepare, .finish = matmul_finish, .run = matmul_run, .accepts = matmul_accepts,
};
