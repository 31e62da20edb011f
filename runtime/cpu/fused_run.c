/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one pass of a fused program: threads take parts of the nest, each part is walked in tiles; see fused.h. */
#include <assert.h>
#include <string.h>

#include "cpu/fused.h"
#include "cpu/move.h"

struct run {
	const struct fused_pass *pass;
	const struct cpu_call *call;
	char *shared;
	uint64_t deferred; /* stores (the first 64) that may overwrite an input still to be read in the tile */
	int threads;
};

/* What a thread knows while it walks. */
struct worker {
	struct run *run;
	char *blocks;
	void **values;     /* where each value lies in this tile */
	char *(*args)[FUSED_ARGS]; /* of each code, in this strip */
	int64_t *seen;     /* of each gathered input: first element and length of what its block holds */
	char *own;         /* the thread's workspace */
	int64_t row;       /* by_rows: the row that `index` belongs to */
	int64_t band_row;  /* the first row of those for which inputs are turned */
	int64_t index[TN_MAX_NDIM];
};

/* ---- moving between strided memory and blocks ---- */

#define STRIDED(T) \
	for (int64_t i = 0; i < n; i++) { \
		*(T *)(void *)(out + i * out_stride) = *(const T *)(const void *)(in + i * in_stride); \
	}

static void copy_strided(char *out, int64_t out_stride, const char *in, int64_t in_stride, int64_t n, size_t size) {
	if (out_stride == (int64_t)size && in_stride == (int64_t)size) {
		memcpy(out, in, (size_t)n * size);
	} else if (size == 4) {
		STRIDED(uint32_t)
	} else if (size == 8) {
		STRIDED(uint64_t)
	} else if (size == 2) {
		STRIDED(uint16_t)
	} else {
		STRIDED(uint8_t)
	}
}

/* The offset in bytes of flat element f of the nest's first `dims` dims; *index becomes its position. */
static int64_t locate(const struct fused_nest *nest, const struct fused_view *view, int64_t f, int64_t *index) {
	int64_t offset = 0;

	for (int k = nest->ndim - 1; k >= 0; k--) {
		index[k] = f % nest->dims[k];
		f /= nest->dims[k];
		offset += index[k] * view->stride[k];
	}
	return offset;
}

/* Copies flat elements [f, f + n) of a view to a block, or back when `store`. */
static void copy_flat(
	const struct fused_nest *nest, const struct fused_view *view, char *base, char *block, int64_t f, int64_t n, bool store) {
	int64_t index[TN_MAX_NDIM], offset = locate(nest, view, f, index);
	int last = nest->ndim - 1;

	while (n > 0) {
		int64_t run = nest->row - index[last] < n ? nest->row - index[last] : n;
		int64_t stride = view->stride[last];

		if (store) {
			copy_strided(base + offset, stride, block, (int64_t)view->size, run, view->size);
		} else {
			copy_strided(block, (int64_t)view->size, base + offset, stride, run, view->size);
		}
		block += run * (int64_t)view->size;
		n -= run;
		offset -= index[last] * stride;
		index[last] = 0;
		for (int k = last - 1; k >= 0; k--) {
			offset += view->stride[k];
			if (++index[k] < nest->dims[k]) {
				break;
			}
			offset -= index[k] * view->stride[k];
			index[k] = 0;
		}
	}
}

/* by_rows: the offset in bytes of the row that `index` stands for. */
static int64_t row_offset(const struct fused_nest *nest, const struct fused_view *view, const int64_t *index) {
	int64_t offset = 0;

	for (int k = 0; k < nest->ndim - 1; k++) {
		offset += index[k] * view->stride[k];
	}
	return offset;
}

static void enter_row(struct worker *w, int64_t row) {
	const struct fused_nest *nest = &w->run->pass->nest;

	w->row = row;
	for (int k = nest->ndim - 2; k >= 0; k--) {
		w->index[k] = row % nest->dims[k];
		row /= nest->dims[k];
	}
}

/* ---- one tile ---- */

static void *resolve_input(struct worker *w, uint32_t i, int64_t f, int64_t n) {
	const struct fused_pass *pass = w->run->pass;
	const struct fused_nest *nest = &pass->nest;
	const struct fused_view *view = &pass->inputs[i];
	char *base = w->run->call->inputs[i], *block;
	int64_t column;

	if (view->dense) {
		return base + f * (int64_t)view->size;
	}
	if (pass->turned_at[i] != 0) {
		return w->own + pass->turned_at[i] + (w->row - w->band_row) * nest->piece * (int64_t)view->size;
	}
	if (nest->by_rows) {
		column = f - w->row * nest->row;
		base += row_offset(nest, view, w->index) + column * view->stride[nest->ndim - 1];
		if (pass->input_slots[i] == UINT32_MAX) {
			return base;
		}
		block = w->blocks + pass->input_slots[i] * pass->slot_size;
		copy_strided(block, (int64_t)view->size, base, view->stride[nest->ndim - 1], n, view->size);
		return block;
	}
	if (pass->input_slots[i] == UINT32_MAX) {
		return base; /* one element for all tiles */
	}
	block = w->blocks + pass->input_slots[i] * pass->slot_size;
	if (w->seen[2 * i + 1] < n || (!TN_MUTATED(gathered_block_stale) && (f - w->seen[2 * i]) % view->period != 0)) {
		copy_flat(nest, view, base, block, f, n, false);
		w->seen[2 * i] = f;
		w->seen[2 * i + 1] = n;
	}
	return block;
}

static bool is_deferred(const struct run *run, uint32_t store) {
	return store >= 64 || (run->deferred >> store & 1) != 0;
}

/* Where a store's tile lies, or NULL when it is not contiguous. */
static char *store_target(const struct worker *w, const struct fused_store *store, int64_t f) {
	const struct fused_nest *nest = &w->run->pass->nest;
	char *base = w->run->call->outs[store->view.index];
	int last = nest->ndim - 1;

	if (store->view.dense) {
		return base + f * (int64_t)store->view.size;
	}
	if (nest->by_rows && store->view.stride[last] == (int64_t)store->view.size) {
		return base + row_offset(nest, &store->view, w->index) + (f - w->row * nest->row) * store->view.stride[last];
	}
	return NULL;
}

static void write_store(struct worker *w, const struct fused_store *store, int64_t f, int64_t n) {
	char *target = store_target(w, store, f);
	char *value = w->values[store->value];
	uint16_t narrowed[CPU_BLOCK];

	if (target != NULL && store->narrow != NULL) {
		store->narrow(target, value, NULL, NULL, n);
		return;
	}
	if (target != NULL) {
		memcpy(target, value, (size_t)n * store->view.size);
		return;
	}
	if (store->narrow != NULL) {
		store->narrow(narrowed, value, NULL, NULL, n);
		value = (char *)narrowed;
	}
	copy_flat(&w->run->pass->nest, &store->view, w->run->call->outs[store->view.index], value, f, n, true);
}

static void run_code(const struct fused_code *code, char *const *args, int64_t n) {
	if (code->mix != NULL) {
		code->mix(args[0], (const void *const *)(args + 1), n);
	} else {
		code->fn(args[0], args[1], args[2], args[3], n);
	}
}

/* All codes over the tile, strip by strip: while one strip divides, the next one's operands come from memory. */
static void run_codes(const struct worker *w, int64_t n) {
	const struct fused_pass *pass = w->run->pass;

	for (uint32_t i = 0; i < pass->code_count; i++) {
		const struct fused_code *code = &pass->codes[i];

		w->args[i][0] = w->values[code->out];
		for (int k = 0; k < CPU_MIX_OPERANDS; k++) {
			w->args[i][k + 1] = w->values[code->in[k]];
		}
	}
	for (int64_t first = 0; first < n && !(TN_MUTATED(strip_tail_dropped) && first > 0 && n - first < pass->strip); first += pass->strip) {
		int64_t length = n - first < pass->strip ? n - first : pass->strip;

		for (uint32_t i = 0; i < pass->code_count; i++) {
			const struct fused_code *code = &pass->codes[i];

			if ((first == 0 && !(TN_MUTATED(uniform_once_too_few) && code->uniform && w->row > 0)) || !code->uniform) {
				run_code(code, w->args[i], code->uniform ? 1 : length);
			}
			for (int k = 0; length < n && k < FUSED_ARGS; k++) {
				w->args[i][k] += code->advance[k];
			}
		}
	}
}

/* Computes tile [f, f + n): afterwards the values that are folded lie at w->values. False: stop. */
static bool compute_tile(struct worker *w, int64_t f, int64_t n) {
	struct run *run = w->run;
	const struct fused_pass *pass = run->pass;

	if (cpu_is_stopped(run->call->interrupt)) {
		return false;
	}
	assert(n >= 1 && n <= CPU_BLOCK && f >= 0 && f + n <= pass->nest.count);
	/* most tiles lie in the row of the one before: a comparison saves the division */
	if (pass->nest.by_rows && (w->row < 0 || f < w->row * pass->nest.row || f >= (w->row + 1) * pass->nest.row)) {
		enter_row(w, f / pass->nest.row);
	}
	assert(!pass->nest.by_rows || (f >= w->row * pass->nest.row && f + n <= (w->row + 1) * pass->nest.row));
	for (uint32_t i = 0; i < pass->input_count; i++) {
		w->values[i] = resolve_input(w, i, f, n);
	}
	for (uint32_t i = 0; i < pass->store_count; i++) {
		if (pass->stores[i].direct && !is_deferred(run, i)) {
			w->values[pass->stores[i].value] = store_target(w, &pass->stores[i], f);
		}
	}
	run_codes(w, n);
	for (uint32_t i = 0; i < pass->store_count; i++) {
		if (!pass->stores[i].direct || is_deferred(run, i)) {
			write_store(w, &pass->stores[i], f, n);
		}
	}
	return true;
}

/* ---- what threads do ---- */

/* Brings `rows` rows from the one entered on, n elements from `column` on, of all inputs that lie across them. */
static void turn_inputs(const struct worker *w, int64_t rows, int64_t column, int64_t n) {
	const struct fused_pass *pass = w->run->pass;
	const struct fused_nest *nest = &pass->nest;

	for (uint32_t i = 0; i < pass->input_count; i++) {
		const struct fused_view *view = &pass->inputs[i];
		int64_t stride = view->stride[nest->ndim - 1];

		if (pass->turned_at[i] != 0) {
			cpu_move_turn(w->own + pass->turned_at[i], nest->piece * (int64_t)view->size,
				w->run->call->inputs[i] + row_offset(nest, view, w->index) + column * stride, stride, rows, n, view->size);
		}
	}
}

static void walk_bands(struct worker *w, int thread) {
	const struct fused_nest *nest = &w->run->pass->nest;
	int64_t across = nest->dims[nest->ndim - 2], bands = (across + nest->band - 1) / nest->band;
	int64_t pieces = (nest->row + nest->piece - 1) / nest->piece, begin, end;

	cpu_split(nest->units, 1, thread, w->run->threads, &begin, &end);
	for (int64_t t = begin; t < end; t++) {
		int64_t column = t % pieces * nest->piece, first = t / pieces % bands * nest->band;
		int64_t n = nest->row - column < nest->piece ? nest->row - column : nest->piece;
		int64_t rows = across - first < nest->band ? across - first : nest->band;

		w->band_row = t / pieces / bands * across + first;
		enter_row(w, w->band_row);
		turn_inputs(w, rows, column, n);
		for (int64_t row = w->band_row; row < w->band_row + rows; row++) {
			if (!compute_tile(w, row * nest->row + column, n)) {
				return;
			}
		}
	}
}

static void walk_map(struct worker *w, int thread) {
	const struct fused_nest *nest = &w->run->pass->nest;
	int64_t begin, end;

	if (nest->by_rows) {
		int64_t pieces = (nest->row + nest->piece - 1) / nest->piece;

		cpu_split(nest->count / nest->row * pieces, 1, thread, w->run->threads, &begin, &end);
		for (int64_t t = begin; t < end; t++) {
			int64_t row = t / pieces, column = t % pieces * nest->piece;
			int64_t n = nest->row - column < nest->piece ? nest->row - column : nest->piece;

			if (!compute_tile(w, row * nest->row + column, n)) {
				return;
			}
		}
		return;
	}
	cpu_split(nest->count, CPU_BLOCK / nest->row * nest->row, thread, w->run->threads, &begin, &end);
	for (int64_t f = begin, step = CPU_BLOCK / nest->row * nest->row; f < end; f += step) {
		if (!compute_tile(w, f, end - f < step ? end - f : step)) {
			return;
		}
	}
}

/* Where result k of chunk m goes. */
static char *partial_at(const struct run *run, const struct fused_fold *fold, int64_t chunk, int64_t k) {
	char *base = fold->direct ? run->call->outs[fold->out] : run->shared + fold->partial_at;

	return base + (chunk * run->pass->nest.kept + k) * (int64_t)cpu_class_size(fold->class);
}

/* Rows that fit a tile: some of them at once. */
static void walk_short_rows(struct worker *w, int thread) {
	const struct fused_pass *pass = w->run->pass;
	const struct fused_nest *nest = &pass->nest;
	int64_t begin, end, step = nest->by_rows ? 1 : CPU_BLOCK / nest->reduced;

	cpu_split(nest->kept, step, thread, w->run->threads, &begin, &end);
	for (int64_t k = begin; k < end; k += step) {
		int64_t rows = end - k < step ? end - k : step;

		if (!compute_tile(w, k * nest->reduced, rows * nest->reduced)) {
			return;
		}
		for (uint32_t i = 0; i < pass->fold_count; i++) {
			const struct fused_fold *fold = &pass->folds[i];

			fold->fns->rows(partial_at(w->run, fold, 0, k), w->values[fold->value], rows, nest->reduced);
		}
	}
}

/* One chunk of one row: into lanes. */
static bool walk_chunk(struct worker *w, int64_t k, int64_t m) {
	const struct fused_pass *pass = w->run->pass;
	const struct fused_nest *nest = &pass->nest;
	int64_t first = m * CPU_CHUNK, end = first + CPU_CHUNK < nest->reduced ? first + CPU_CHUNK : nest->reduced, n;

	for (uint32_t i = 0; i < pass->fold_count && !(TN_MUTATED(lane_not_cleared) && m > 0); i++) {
		pass->folds[i].fns->identity(w->own + pass->folds[i].lanes_at, CPU_LANES);
	}
	for (int64_t r = first; r < end; r += n) {
		n = end - r < CPU_BLOCK ? end - r : CPU_BLOCK;
		if (nest->by_rows && nest->row - r % nest->row < n) {
			n = nest->row - r % nest->row;
		}
		if (!compute_tile(w, k * nest->reduced + r, n)) {
			return false;
		}
		for (uint32_t i = 0; i < pass->fold_count; i++) {
			const struct fused_fold *fold = &pass->folds[i];

			fold->fns->accumulate(w->own + fold->lanes_at, (int)((r - first) % CPU_LANES), w->values[fold->value], n);
		}
	}
	for (uint32_t i = 0; i < pass->fold_count; i++) {
		pass->folds[i].fns->fold(partial_at(w->run, &pass->folds[i], m, k), w->own + pass->folds[i].lanes_at);
	}
	return true;
}

static void walk_inner(struct worker *w, int thread) {
	const struct fused_nest *nest = &w->run->pass->nest;
	int64_t begin, end;

	if (nest->reduced <= CPU_BLOCK && (!nest->by_rows || nest->row == nest->reduced)) {
		walk_short_rows(w, thread);
		return;
	}
	cpu_split(nest->kept * nest->chunks, 1, thread, w->run->threads, &begin, &end);
	for (int64_t unit = begin; unit < end; unit++) {
		if (!walk_chunk(w, unit / nest->chunks, unit % nest->chunks)) {
			return;
		}
	}
}

/* Adds n elements that begin with lane `lane` of rows of `width` columns to the accumulators [16][width]. */
static void add_rows(const struct fused_fold *fold, char *lanes, int64_t lane, int64_t width, const char *x, int64_t n) {
	int64_t size = (int64_t)cpu_class_size(fold->class);

	while (n > 0) {
		int64_t take = (CPU_LANES - lane) * width < n ? (CPU_LANES - lane) * width : n;
		char *to = lanes + lane * width * size;

		fold->fns->combine(to, to, x, NULL, take);
		x += take * size;
		n -= take;
		lane = 0;
	}
}

/* The 16 rows of accumulators become one, in the order in which `fold` adds lanes. */
static void finish_columns(const struct fused_fold *fold, char *lanes, int64_t width, char *out) {
	int64_t size = (int64_t)cpu_class_size(fold->class);

	for (int half = CPU_LANES / 2; half > 0; half /= 2) {
		fold->fns->combine(lanes, lanes, lanes + half * width * size, NULL, half * width);
	}
	memcpy(out, lanes, (size_t)(width * size));
}

/* One chunk of the columns [column, column + width) of one outer index. */
static bool walk_columns(struct worker *w, int64_t outer, int64_t m, int64_t column, int64_t width) {
	const struct fused_pass *pass = w->run->pass;
	const struct fused_nest *nest = &pass->nest;
	int64_t first = m * CPU_CHUNK, end = first + CPU_CHUNK < nest->reduced ? first + CPU_CHUNK : nest->reduced;
	int64_t step = nest->by_rows || width > CPU_BLOCK ? 1 : CPU_BLOCK / width;

	for (uint32_t i = 0; i < pass->fold_count; i++) {
		pass->folds[i].fns->identity(w->own + pass->folds[i].lanes_at, CPU_LANES * width);
	}
	for (int64_t r = first; r < end; r += step) {
		int64_t n = (end - r < step ? end - r : step) * width;

		if (!compute_tile(w, (outer * nest->reduced + r) * nest->row + column, n)) {
			return false;
		}
		for (uint32_t i = 0; i < pass->fold_count; i++) {
			const struct fused_fold *fold = &pass->folds[i];

			add_rows(fold, w->own + fold->lanes_at, (r - first) % CPU_LANES, width, w->values[fold->value], n);
		}
	}
	for (uint32_t i = 0; i < pass->fold_count; i++) {
		const struct fused_fold *fold = &pass->folds[i];

		finish_columns(fold, w->own + fold->lanes_at, width, partial_at(w->run, fold, m, outer * nest->row + column));
	}
	return true;
}

static void walk_outer(struct worker *w, int thread) {
	const struct fused_nest *nest = &w->run->pass->nest;
	int64_t width = nest->by_rows ? nest->piece : nest->row, panels = (nest->row + width - 1) / width, begin, end;

	cpu_split(nest->outer * panels * nest->chunks, 1, thread, w->run->threads, &begin, &end);
	for (int64_t unit = begin; unit < end; unit++) {
		int64_t m = unit % nest->chunks, column = unit / nest->chunks % panels * width;

		if (!walk_columns(w, unit / nest->chunks / panels, m, column, nest->row - column < width ? nest->row - column : width)) {
			return;
		}
	}
}

static void run_thread(void *data, int thread) {
	struct run *run = data;
	const struct fused_pass *pass = run->pass;
	struct worker w = {.run = run, .row = -1, .own = run->shared + pass->shared_size + (size_t)thread * pass->thread_size};

	w.blocks = w.own;
	w.values = (void **)(void *)(w.own + pass->pointers_at);
	w.args = (char *(*)[FUSED_ARGS])(void *)(w.own + pass->args_at);
	w.seen = (int64_t *)(void *)(w.own + pass->seen_at);
	memset(w.seen, 0, pass->input_count * 2 * sizeof(*w.seen));
	for (uint32_t i = pass->input_count; i < pass->value_count; i++) {
		w.values[i] = w.blocks + (pass->values[i].slot == UINT32_MAX ? 0 : pass->values[i].slot) * pass->slot_size;
	}
	for (uint32_t i = 0; i < pass->scalar_count; i++) {
		w.values[pass->scalars[i].value] = run->shared + pass->scalars_at + i * sizeof(uint64_t);
	}
	if (pass->nest.band > 0) {
		walk_bands(&w, thread);
	} else if (pass->nest.kind == FUSED_MAP) {
		walk_map(&w, thread);
	} else if (pass->nest.kind == FUSED_INNER) {
		walk_inner(&w, thread);
	} else {
		walk_outer(&w, thread);
	}
}

/* ---- before and after ---- */

/* A scalar as an element of its class: 16-bit floats rounded, but held as f32. */
static void set_scalar(const struct fused_scalar *scalar, const struct tn_scalar *value, void *out) {
	uint16_t half;

	if (!cpu_is_half(scalar->dtype)) {
		if (value->is_float) {
			tn_element_set_f64(scalar->dtype, out, value->f);
		} else {
			tn_element_set_i64(scalar->dtype, out, value->i);
		}
		return;
	}
	tn_element_set_f64(scalar->dtype, &half, value->is_float ? value->f : (double)value->i);
	*(float *)out = scalar->dtype == TN_DTYPE_BF16 ? tn_bf16_to_f32(half) : tn_f16_to_f32(half);
}

/* An output and an input of one address are the same elements in the same places. */
static bool lies_exactly(const struct fused_pass *pass, const struct fused_store *store, const struct fused_view *input) {
	if (input->size != store->view.size) {
		return false;
	}
	for (int k = 0; k < pass->nest.ndim; k++) {
		if (pass->nest.dims[k] > 1 && input->stride[k] != store->view.stride[k]) {
			return false;
		}
	}
	return true;
}

/* A store is put off to the end of the tile where it lies on an input that a later code reads. */
static uint64_t find_deferred(const struct fused_pass *pass, const struct cpu_call *call) {
	uint64_t mask = 0;

	for (uint32_t i = 0; i < pass->store_count && i < 64; i++) {
		const struct fused_store *store = &pass->stores[i];

		for (uint32_t k = 0; k < pass->input_count; k++) {
			bool same = call->inputs[k] == call->outs[store->view.index];

			assert(!same || pass->nest.count == 0 || lies_exactly(pass, store, &pass->inputs[k]));
			if (store->direct && same && pass->values[k].last_use > pass->values[store->value].defined) {
				mask |= UINT64_C(1) << i;
			}
		}
	}
	return mask;
}

/* Combines the chunks' partials pairwise, into those of chunk 0. */
static void combine_chunks(const struct run *run, const struct fused_fold *fold) {
	const struct fused_nest *nest = &run->pass->nest;

	for (int64_t width = 1; width < nest->chunks; width *= 2) {
		for (int64_t m = 0; m + width < nest->chunks - TN_MUTATED(chunk_not_added); m += 2 * width) {
			for (int64_t k = 0; k < nest->kept && !cpu_is_stopped(run->call->interrupt); k += CPU_LOOK) {
				char *to = partial_at(run, fold, m, k);

				fold->fns->combine(to, to, partial_at(run, fold, m + width, k), NULL, cpu_piece_end(k, nest->kept) - k);
			}
		}
	}
}

/* Writes results, which lie in the order of the nest, where the output's view has them. */
static void write_results(const struct run *run, const struct tn_fused *fused, const struct fused_fold *fold) {
	const struct fused_nest *nest = &run->pass->nest;
	const struct tn_view *view = &fused->outs[fold->out].view;
	const struct cpu_vectors *vectors = cpu_vectors();
	struct fused_nest kept = {.ndim = 0};
	struct fused_view to = {.size = tn_dtype_size(fold->dtype)};
	char *results = partial_at(run, fold, 0, 0);
	uint16_t narrowed[CPU_BLOCK];

	for (int i = 0; i < nest->axis_count; i++) {
		if ((fused->outs[fold->out].axes >> nest->axes[i] & 1) == 0) {
			to.stride[kept.ndim] = view->stride[nest->axes[i]] * (int64_t)to.size;
			kept.dims[kept.ndim++] = fused->shape.dims[nest->axes[i]];
		}
	}
	if (kept.ndim == 0) {
		kept.dims[kept.ndim++] = 1;
	}
	kept.row = kept.dims[kept.ndim - 1];
	for (int64_t k = 0; cpu_is_half(fold->dtype) && k < nest->kept && !cpu_is_stopped(run->call->interrupt); k += CPU_BLOCK) {
		int64_t n = nest->kept - k < CPU_BLOCK ? nest->kept - k : CPU_BLOCK;

		vectors->narrow[fold->dtype](narrowed, results + k * 4, NULL, NULL, n);
		memcpy(results + k * 2, narrowed, (size_t)n * 2); /* in order, so no result is lost */
	}
	for (int64_t k = 0; k < nest->kept && !cpu_is_stopped(run->call->interrupt); k += CPU_LOOK) {
		copy_flat(&kept, &to, run->call->outs[fold->out], results + k * (int64_t)to.size, k, cpu_piece_end(k, nest->kept) - k,
			true);
	}
}

bool fused_run_pass(const struct fused_pass *pass, const struct cpu_call *call, struct tn_error *err) {
	struct run run = {.pass = pass, .call = call, .shared = call->workspace, .threads = cpu_threads_for(call, pass->work)};
	const struct tn_fused *fused = &call->step->step->fused;
	static const struct tn_scalar one = {.i = 1};

	if (pass->nest.kept == 0 && pass->fold_count > 0) {
		return true;
	}
	for (uint32_t i = 0; i < pass->scalar_count; i++) {
		const struct fused_scalar *scalar = &pass->scalars[i];

		set_scalar(scalar, scalar->index == FUSED_ONE ? &one : &call->scalars[scalar->index],
		           run.shared + pass->scalars_at + i * sizeof(uint64_t));
	}
	run.threads = run.threads > pass->nest.units ? (int)pass->nest.units : run.threads;
	run.deferred = find_deferred(pass, call);
	if (pass->nest.count > 0) {
		cpu_parallel(run.threads, run_thread, &run);
	}
	if (cpu_interrupted(call, err)) {
		return false;
	}
	for (uint32_t i = 0; i < pass->fold_count; i++) {
		if (pass->nest.count == 0) {
			pass->folds[i].fns->identity(partial_at(&run, &pass->folds[i], 0, 0), pass->nest.kept);
		}
		combine_chunks(&run, &pass->folds[i]);
		if (!pass->folds[i].direct) {
			write_results(&run, fused, &pass->folds[i]);
		}
	}
	return !cpu_interrupted(call, err);
}
