/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the fused programs: what fused_plan.c and fused_code.c make of a tn_fused, and fused_run.c walks.
 *
 * A program becomes one or more passes (one for each set of reduced axes). A pass walks its nest, the iteration space with the
 * axes in memory order and merged where every view allows it, in tiles: flat ranges [f, f + n) of at most CPU_BLOCK elements. For
 * each tile the inputs are resolved to pointers (or gathered), then each code is one tight loop over the tile, its values staying
 * in L1, then what is reduced is added to lanes.
 *
 *   nest of a MAP pass     any order                              tiles of rows, threads split the tiles
 *   INNER reduction        [kept axes][reduced axes]              row k of R elements; chunk m of a row = CPU_CHUNK elements
 *   OUTER reduction        [outer kept][reduced axes][last kept]  columns: lane = (reduced index % 16), 16 rows of accumulators
 *
 * The order of a reduction is a function of the reduced index r alone (the reduced axes in their logical order): chunks of
 * CPU_CHUNK, in a chunk 16 lanes, lanes and then chunks combined pairwise. So the bits do not depend on layout, tiles, fusion or
 * threads. */
#ifndef TN_CPU_FUSED_H
#define TN_CPU_FUSED_H

#include "cpu/vector.h"

enum { CPU_BLOCK = 512, CPU_CHUNK = 1024, CPU_PANEL = 512, CPU_SHORT_ROW = 256, CPU_STRIP = 128 };
/* What is turned at once: 16 KiB of f32, in runs of two cache lines. */
enum { CPU_BAND = 32, CPU_BAND_PIECE = 256, CPU_BAND_LEAST_ROW = 32, CPU_BAND_LEAST_ROWS = 8 };

enum fused_kind { FUSED_MAP, FUSED_INNER, FUSED_OUTER };

/* One loop over the iteration space. */
struct fused_nest {
	enum fused_kind kind;
	int ndim;                    /* at least 1 */
	int64_t dims[TN_MAX_NDIM];
	int reduced_begin, reduced_end; /* the reduced dims */
	int64_t count, row;          /* elements; length of the last dim */
	int64_t outer, reduced, kept; /* OUTER: dims before the reduced ones; R; number of results */
	int64_t chunks;              /* of R */
	int64_t units;               /* parts that threads may take: more threads have nothing to do */
	bool by_rows; /* a tile lies within one row, else it is whole rows (INNER: any range of one chunk, or whole r-rows) */
	int64_t piece;               /* by_rows: elements of a tile */
	int64_t band;                /* MAP with inputs that are contiguous across the rows: rows for which these are turned; else 0 */
	int axes[TN_MAX_NDIM], axis_count; /* the axes in order, before merging */
};

/* A view as the nest walks it; strides in bytes. */
struct fused_view {
	uint32_t index; /* of fused.inputs or fused.outs */
	size_t size;    /* bytes of an element */
	int64_t stride[TN_MAX_NDIM];
	int64_t period; /* its contents repeat after so many elements of the nest; 1: one element */
	bool dense;     /* flat element f lies at f * size */
	bool turned;    /* contiguous along the last dim but one alone */
};

/* Values of codes: inputs first, then registers, then scalars.
 *
 * How long a value lives. In each strip of a tile the codes run in their order, but the uniform ones in the first strip alone.
 *   - A vector is written and read strip by strip, strip s of it at element s * strip of its block: it lives from its code to its
 *     last reader of the same strip.
 *   - A uniform value is written once in a tile. It lives to its last reader of the first strip, and to the end of the tile where a
 *     code that runs in every strip reads it: a code with a lower number runs after it again.
 *   - What is stored or folded is read after all codes, so it lives to the end of the tile.
 * Two values may have one block when no element of one is written while the other lives. With several strips that takes the same
 * kind and size: vectors of one size lie strip on strip, while a wider one, or one element that outlives a strip, would meet
 * another strip of the other. fused_fault runs the finished pass on marks instead of numbers, and a plan asserts that it finds none. */
struct fused_value {
	enum cpu_class class;
	bool uniform;      /* one element in each tile */
	uint32_t slot;     /* scratch block; UINT32_MAX: none */
	int32_t out;       /* the stored output that may take its place, or -1 */
	uint32_t defined, last_use; /* numbers of codes, from 1; last_use FUSED_TILE_END: after all of them; 0: none */
};
enum { FUSED_TILE_END = UINT32_MAX };

enum { FUSED_ONE = UINT32_MAX };
struct fused_scalar {
	uint32_t value, index; /* index: of the step's scalars; FUSED_ONE: the number 1 */
	enum tn_dtype dtype;
};

enum { FUSED_ARGS = 1 + CPU_MIX_OPERANDS }; /* a result and operands */
struct fused_code {
	cpu_vec_fn fn;
	cpu_mix_fn mix;      /* instead of fn: several operations in one loop, with all of in[] */
	uint32_t out, in[CPU_MIX_OPERANDS]; /* values; unused ones repeat the first */
	bool uniform;        /* one element is enough */
	int64_t advance[FUSED_ARGS]; /* bytes from one strip to the next */
	enum tn_op op;       /* what it computes, for fused_mix.c; TN_OP_COUNT: a copy, a splat, a rounding */
	enum cpu_class class; /* in which it works */
};

struct fused_store {
	struct fused_view view;
	uint32_t value;
	cpu_vec_fn narrow; /* 16-bit floats, else NULL */
	bool direct;       /* the value may be computed in place: dense, same size */
};

struct fused_fold {
	uint32_t out, value;    /* of fused.outs; values */
	enum cpu_class class;
	enum tn_dtype dtype;    /* of the result */
	const struct cpu_reduce_fns *fns;
	size_t partial_at;      /* in the shared workspace: [chunks][kept] */
	size_t lanes_at;        /* in a thread's workspace */
	bool direct;            /* results lie in the output in order: no partials needed */
};

struct fused_pass {
	struct fused_nest nest;
	uint32_t input_count, value_count, code_count, store_count, fold_count, scalar_count, slot_count;
	struct fused_view *inputs;
	struct fused_value *values;
	struct fused_code *codes;
	struct fused_store *stores;
	struct fused_fold *folds;
	struct fused_scalar *scalars;
	uint32_t *input_slots;  /* scratch block of each input that must be gathered, or UINT32_MAX */
	size_t *turned_at;      /* in a thread's workspace: [band][piece] elements of each input that is turned; 0: it is not */
	size_t slot_size;
	size_t shared_size, scalars_at;    /* of the workspace that threads share: partials, then scalars of 8 bytes */
	/* of each thread's: blocks, lanes, a pointer for each value, those of each code, two numbers for each input */
	size_t thread_size, pointers_at, args_at, seen_at;
	int64_t strip;          /* elements that all codes work on before the next ones; CPU_BLOCK: the whole tile */
	double work;            /* element operations */
};

struct fused_state {
	uint32_t pass_count;
	struct fused_pass *passes;
};

/* fused_plan.c: the nest of the outputs in `mask` (bits of fused.outs). */
void fused_plan_nest(const struct tn_fused *fused, const bool *wanted, struct fused_nest *nest);
/* A view's strides in the nest. */
void fused_plan_view(const struct fused_nest *nest, const struct tn_view *view, struct fused_view *out);

/* fused_code.c: values, codes, stores and folds of the wanted outputs. */
TN_MUST_USE bool fused_compile(const struct tn_fused *fused, const bool *wanted, struct fused_pass *pass, struct tn_error *err);
void fused_pass_finish(struct fused_pass *pass);

/* fused_mix.c: replaces chains of codes by loops over all of their operations. */
TN_MUST_USE bool fused_mix(struct fused_pass *pass); /* false: out of memory */

/* fused_verify.c: what is wrong with the blocks and lifetimes of a finished pass, as a sentence; NULL: nothing (or no memory to see
 * it). */
TN_MUST_USE const char *fused_fault(const struct fused_pass *pass);

/* fused_run.c */
bool fused_run_pass(const struct fused_pass *pass, const struct cpu_call *call, struct tn_error *err);

#endif
