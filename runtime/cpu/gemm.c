/* SPDX-License-Identifier: Apache-2.0 */
/* The portable matrix product, after Goto: a block of b (KC x NC) is packed for the last cache level, a block of a (MC x KC)
 * for the second, and tiles of c are computed from one panel of each, which lie in the first.
 *
 * Each thread has a rectangle of c for itself and packs what it needs; k is never split, so no thread waits for another and
 * the bits do not depend on how many there are. What is packed twice costs O(1 / rows of a rectangle) of the arithmetic. */
#include "cpu/gemm.h"

/* KC is part of the result (the order of sums): the same for all instruction sets. */
enum { KC = 256, MC = 120, NC = 1024 };

static const struct cpu_gemm_fns *fns_of(enum cpu_class class) {
	switch (cpu_isa()) {
#if defined(CPU_HAVE_X86)
	case CPU_ISA_AVX512:
		return &cpu_gemm_avx512[class];
	case CPU_ISA_AVX2:
		return &cpu_gemm_avx2[class];
#endif
	default:
		return &cpu_gemm_base[class];
	}
}

static int64_t smaller(int64_t a, int64_t b) {
	return a < b ? a : b;
}

static int64_t round_up(int64_t x, int64_t to) {
	return (x + to - 1) / to * to;
}

/* Bytes of one thread's panels of a, then of b; multiples of a cache line. */
static void panel_sizes(enum cpu_class class, int64_t m, int64_t n, int64_t k, size_t size[2]) {
	const struct cpu_gemm_fns *fns = fns_of(class);
	int64_t depth = smaller(k, KC), element = (int64_t)cpu_class_size(class);

	size[0] = (size_t)round_up(round_up(smaller(m, MC), fns->mr) * depth * element, 64);
	size[1] = (size_t)round_up(round_up(smaller(n, NC), fns->nr) * depth * element, 64);
}

bool cpu_gemm_workspace(enum cpu_class class, int64_t m, int64_t n, int64_t k, int threads, size_t *size) {
	size_t sizes[2];

	panel_sizes(class, m, n, k, sizes);
	return tn_mul_size(sizes[0] + sizes[1], (size_t)threads, size);
}

/* ---- one thread's rectangle ---- */

struct rectangle {
	const struct cpu_gemm *g;
	const struct cpu_gemm_fns *fns;
	int64_t i0, i1, j0, j1;
	char *panels_a, *panels_b;
};

static const char *element(const void *base, enum cpu_class class, int64_t index) {
	return (const char *)base + index * (int64_t)cpu_class_size(class);
}

/* Packs rows [begin, end) of one operand and [p0, p0 + depth) of k, panel after panel. */
static void pack(const struct rectangle *r, bool is_b, char *panels, int64_t begin, int64_t end, int64_t p0, int64_t depth) {
	const struct cpu_gemm *g = r->g;
	int width = is_b ? r->fns->nr : r->fns->mr;
	int64_t across = is_b ? g->b_col : g->a_row, along = is_b ? g->b_row : g->a_col;

	for (int64_t i = begin; i < end; i += width) {
		r->fns->pack(panels, element(is_b ? g->b : g->a, g->class, i * across + p0 * along), width, smaller(end - i, width),
			across, along, depth);
		panels += width * depth * (int64_t)cpu_class_size(g->class);
	}
}

/* All tiles of rows [i0, i1) and columns [j0, j1) from the packed panels. */
static void tiles(const struct rectangle *r, int64_t i0, int64_t i1, int64_t j0, int64_t j1, int64_t depth, bool add) {
	const struct cpu_gemm *g = r->g;
	int64_t step = depth * (int64_t)cpu_class_size(g->class);

	for (int64_t j = j0; j < j1; j += r->fns->nr) {
		for (int64_t i = i0; i < i1; i += r->fns->mr) {
			struct cpu_gemm_tile t = {
				.a = r->panels_a + (i - i0) * step,
				.b = r->panels_b + (j - j0) * step,
				.c = (char *)g->c + (i * g->c_row + j) * (int64_t)cpu_class_size(g->class),
				.k = depth,
				.c_row = g->c_row,
				.m = (int)smaller(i1 - i, r->fns->mr),
				.n = (int)smaller(j1 - j, r->fns->nr),
				.add = add,
			};

			r->fns->tile(&t);
		}
	}
}

static void compute(const struct rectangle *r) {
	const struct cpu_gemm *g = r->g;

	for (int64_t j = r->j0; j < r->j1; j += NC) {
		int64_t j1 = smaller(j + NC, r->j1);

		for (int64_t p = 0; p < g->k && !(TN_MUTATED(gemm_tail_dropped) && p > 0 && g->k - p < KC); p += KC) {
			int64_t depth = smaller(g->k - p, KC);

			pack(r, true, r->panels_b, j, j1, p, depth);
			for (int64_t i = r->i0; i < r->i1; i += MC) {
				int64_t i1 = smaller(i + MC, r->i1);

				if (cpu_is_stopped(g->interrupt)) {
					return;
				}
				pack(r, false, r->panels_a, i, i1, p, depth);
				tiles(r, i, i1, j, j1, depth, g->add || p > 0);
			}
		}
	}
}

/* ---- all threads ---- */

struct grid {
	const struct cpu_gemm *g;
	int rows, columns; /* of rectangles */
};

/* As square as the threads can be laid out: the least of each operand is packed. */
static struct grid choose_grid(const struct cpu_gemm *g) {
	struct grid best = {g, 1, g->threads};

	for (int rows = 2; rows <= g->threads; rows++) {
		int columns = g->threads / rows;

		if (rows * columns == g->threads &&
			(double)g->m / rows + (double)g->n / columns < (double)g->m / best.rows + (double)g->n / best.columns) {
			best.rows = rows;
			best.columns = columns;
		}
	}
	return best;
}

static void run_thread(void *data, int thread) {
	const struct grid *grid = data;
	const struct cpu_gemm *g = grid->g;
	struct rectangle r = {.g = g, .fns = fns_of(g->class)};
	size_t sizes[2];

	panel_sizes(g->class, g->m, g->n, g->k, sizes);
	r.panels_a = (char *)g->workspace + (size_t)thread * (sizes[0] + sizes[1]);
	r.panels_b = r.panels_a + sizes[0];
	cpu_split(g->m, r.fns->mr, thread / grid->columns, grid->rows, &r.i0, &r.i1);
	cpu_split(g->n, r.fns->nr, thread % grid->columns, grid->columns, &r.j0, &r.j1);
	compute(&r);
}

void cpu_gemm(const struct cpu_gemm *g) {
	struct grid grid = choose_grid(g);

	cpu_parallel(g->threads, run_thread, &grid);
}
