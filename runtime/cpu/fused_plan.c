/* SPDX-License-Identifier: Apache-2.0 */
/* The loop nest of a fused pass: axes in the order of memory, merged where every view allows it, cut into tiles. See fused.h for
 * the kinds of nests. */
#include <assert.h>

#include "cpu/fused.h"

/* The view whose memory order the loops follow: the first stored output, else the input that reaches most axes. */
static const struct tn_view *reference_view(const struct tn_fused *fused, const bool *wanted) {
	const struct tn_view *best = NULL;
	int most = -1;

	for (uint32_t i = 0; i < fused->out_count; i++) {
		if (wanted[i] && fused->outs[i].reduce < 0) {
			return &fused->outs[i].view;
		}
	}
	for (uint32_t i = 0; i < fused->input_count; i++) {
		int reached = 0;

		for (int k = 0; k < fused->shape.ndim; k++) {
			reached += fused->inputs[i].stride[k] != 0 && fused->shape.dims[k] != 1;
		}
		if (reached > most) {
			most = reached;
			best = &fused->inputs[i];
		}
	}
	return best;
}

static int64_t magnitude(int64_t x) {
	return x < 0 ? -x : x;
}

/* Sorts axes by falling stride; an axis that the view does not reach stays behind its logical predecessor. */
static void sort_axes(const struct tn_view *view, int *axes, int count) {
	for (int i = 1; i < count; i++) {
		int axis = axes[i], at = i;

		while (at > 0 && view->stride[axis] != 0 && view->stride[axes[at - 1]] != 0 &&
		       magnitude(view->stride[axes[at - 1]]) < magnitude(view->stride[axis])) {
			axes[at] = axes[at - 1];
			at--;
		}
		axes[at] = axis;
	}
}

static bool ascending(const int *axes, int count, uint32_t mask) {
	int last = -1;

	for (int i = 0; i < count; i++) {
		if ((mask >> axes[i] & 1) != 0) {
			if (axes[i] < last) {
				return false;
			}
			last = axes[i];
		}
	}
	return true;
}

/* Moves the axes with `reduced` bits behind the others, but leaves the last `tail` axes where they are. */
static void partition(int *axes, int count, uint32_t mask, int tail) {
	int sorted[TN_MAX_NDIM], n = 0;

	for (int want = 0; want < 2; want++) {
		for (int i = 0; i < count - tail; i++) {
			if ((int)(mask >> axes[i] & 1) == want) {
				sorted[n++] = axes[i];
			}
		}
	}
	for (int i = 0; i < n; i++) {
		axes[i] = sorted[i];
	}
}

static bool view_merges(const struct tn_view *view, const struct tn_shape *shape, int outer, int inner) {
	return view->stride[outer] == view->stride[inner] * shape->dims[inner];
}

static bool axes_merge(const struct tn_fused *fused, const bool *wanted, uint32_t mask, int outer, int inner) {
	if ((mask >> outer & 1) != (mask >> inner & 1)) {
		return false;
	}
	for (uint32_t i = 0; i < fused->input_count; i++) {
		if (!view_merges(&fused->inputs[i], &fused->shape, outer, inner)) {
			return false;
		}
	}
	for (uint32_t i = 0; i < fused->out_count; i++) {
		if (wanted[i] && fused->outs[i].reduce < 0 && !view_merges(&fused->outs[i].view, &fused->shape, outer, inner)) {
			return false;
		}
	}
	return true;
}

/* Fills dims from axes, adjacent ones merged where possible; returns how many axes the last dim holds. */
static int merge_axes(const struct tn_fused *fused, const bool *wanted, uint32_t mask, struct fused_nest *nest) {
	int last_axes = 0;

	nest->ndim = 0;
	nest->reduced_begin = nest->reduced_end = -1;
	for (int i = 0; i < nest->axis_count; i++) {
		int axis = nest->axes[i];

		if (i > 0 && axes_merge(fused, wanted, mask, nest->axes[i - 1], axis)) {
			nest->dims[nest->ndim - 1] *= fused->shape.dims[axis];
			last_axes++;
			continue;
		}
		if ((mask >> axis & 1) != 0) {
			nest->reduced_begin = nest->reduced_begin < 0 ? nest->ndim : nest->reduced_begin;
			nest->reduced_end = nest->ndim + 1;
		}
		nest->dims[nest->ndim++] = fused->shape.dims[axis];
		last_axes = 1;
	}
	if (nest->ndim == 0) {
		nest->dims[nest->ndim++] = 1;
	}
	if (nest->reduced_begin < 0) {
		nest->reduced_begin = nest->reduced_end = nest->ndim;
	}
	return last_axes;
}

/* Orders the axes for reducing those of `mask`; see fused.h. */
static void order_reduction(const struct tn_fused *fused, const bool *wanted, uint32_t mask, struct fused_nest *nest) {
	int tail = 0, last;

	if (!ascending(nest->axes, nest->axis_count, mask)) {
		for (int i = 0, n = 0; i < fused->shape.ndim; i++) {
			if (fused->shape.dims[i] != 1) {
				nest->axes[n++] = i;
			}
		}
	}
	while (tail < nest->axis_count && (mask >> nest->axes[nest->axis_count - 1 - tail] & 1) == 0) {
		tail++;
	}
	nest->kind = tail == 0 || tail == nest->axis_count ? FUSED_INNER : FUSED_OUTER;
	if (nest->kind == FUSED_INNER) {
		partition(nest->axes, nest->axis_count, mask, 0);
		merge_axes(fused, wanted, mask, nest);
		return;
	}
	partition(nest->axes, nest->axis_count, mask, tail);
	last = merge_axes(fused, wanted, mask, nest);
	if (last < tail) { /* only one dim may follow the reduced ones */
		partition(nest->axes, nest->axis_count, mask, last);
		merge_axes(fused, wanted, mask, nest);
	}
}

static int64_t product(const int64_t *dims, int begin, int end) {
	int64_t result = 1;

	for (int i = begin; i < end; i++) {
		result *= dims[i];
	}
	return result;
}

/* Equal pieces of a row, in multiples of 64 elements so that they begin on cache lines when the row does. */
static int64_t piece_of(int64_t row, int64_t limit) {
	int64_t pieces = (row + limit - 1) / limit;
	int64_t piece = pieces == 0 ? 1 : ((row + pieces - 1) / pieces + 63) / 64 * 64;

	return piece > limit ? limit : piece;
}

/* Whether a tile should lie within one row. Several rows of 256 to a tile halve what each tile costs besides, but an input that
 * is one number in each row would have to be spread out then. */
static bool rows_are_long(const struct tn_fused *fused, const struct fused_nest *nest) {
	int last = nest->axis_count == 0 ? -1 : nest->axes[nest->axis_count - 1];

	for (uint32_t i = 0; last >= 0 && nest->row == CPU_SHORT_ROW && i < fused->input_count; i++) {
		const int64_t *stride = fused->inputs[i].stride;

		for (int k = 0; stride[last] == 0 && k < nest->axis_count; k++) {
			if (stride[nest->axes[k]] != 0) {
				return true;
			}
		}
	}
	return nest->row > CPU_SHORT_ROW;
}

static int64_t units_of(const struct fused_nest *nest) {
	int64_t width = nest->by_rows ? nest->piece : nest->row;

	if (nest->count == 0) {
		return 0;
	}
	if (nest->band > 0) {
		int64_t across = nest->dims[nest->ndim - 2];

		return nest->count / nest->row / across * ((across + nest->band - 1) / nest->band) * ((nest->row + width - 1) / width);
	}
	switch (nest->kind) {
	case FUSED_OUTER: return nest->outer * ((nest->row + width - 1) / width) * nest->chunks;
	case FUSED_INNER: return nest->kept * nest->chunks;
	default: return nest->by_rows ? nest->count / nest->row * ((nest->row + width - 1) / width) : nest->count;
	}
}

/* Whether some input is to be turned; the nest then is walked by rows, in bands of them. */
static bool has_turned_input(const struct tn_fused *fused, const struct fused_nest *nest) {
	struct fused_view view;

	if (nest->kind != FUSED_MAP || nest->ndim < 2 || nest->row < CPU_BAND_LEAST_ROW ||
		nest->dims[nest->ndim - 2] < CPU_BAND_LEAST_ROWS) {
		return false;
	}
	for (uint32_t i = 0; i < fused->input_count; i++) {
		fused_plan_view(nest, &fused->inputs[i], &view);
		if (view.turned) {
			return true;
		}
	}
	return false;
}

/* What fused.h says of each kind of nest. */
static bool nest_is_sound(const struct tn_fused *fused, uint32_t mask, const struct fused_nest *nest) {
	int64_t limit = nest->kind == FUSED_OUTER ? CPU_PANEL : CPU_BLOCK;

	if (nest->count != product(fused->shape.dims, 0, fused->shape.ndim) || !ascending(nest->axes, nest->axis_count, mask)) {
		return false;
	}
	if (nest->by_rows ? nest->piece < 1 || nest->piece > limit : nest->row > CPU_SHORT_ROW && nest->kind != FUSED_INNER) {
		return false; /* a tile would not fit a block */
	}
	switch (nest->kind) {
	case FUSED_MAP: return nest->reduced_begin == nest->ndim && (nest->band == 0 || (nest->by_rows && nest->ndim >= 2));
	case FUSED_INNER: return nest->reduced_end == nest->ndim && nest->kept * nest->reduced == nest->count;
	default: return nest->reduced_end == nest->ndim - 1 && nest->kept == nest->outer * nest->row;
	}
}

void fused_plan_nest(const struct tn_fused *fused, const bool *wanted, struct fused_nest *nest) {
	const struct tn_view *reference = reference_view(fused, wanted);
	uint32_t mask = 0;

	*nest = (struct fused_nest){.kind = FUSED_MAP};
	for (uint32_t i = 0; i < fused->out_count; i++) {
		if (wanted[i] && fused->outs[i].reduce >= 0) {
			nest->kind = FUSED_INNER;
			mask = fused->outs[i].axes;
		}
	}
	for (int i = 0; i < fused->shape.ndim; i++) {
		if (fused->shape.dims[i] != 1) {
			nest->axes[nest->axis_count++] = i;
		}
	}
	if (reference != NULL) {
		sort_axes(reference, nest->axes, nest->axis_count);
	}
	if (nest->kind == FUSED_MAP) {
		merge_axes(fused, wanted, 0, nest);
	} else {
		order_reduction(fused, wanted, mask, nest);
	}
	nest->count = product(nest->dims, 0, nest->ndim);
	nest->row = nest->dims[nest->ndim - 1];
	nest->reduced = product(nest->dims, nest->reduced_begin, nest->reduced_end);
	nest->outer = product(nest->dims, 0, nest->reduced_begin);
	nest->kept = nest->outer * product(nest->dims, nest->reduced_end, nest->ndim);
	nest->chunks = (nest->reduced + CPU_CHUNK - 1) / CPU_CHUNK;
	nest->by_rows = rows_are_long(fused, nest) && (nest->kind != FUSED_INNER || nest->reduced_begin < nest->ndim);
	nest->by_rows = nest->by_rows || (nest->kind == FUSED_MAP && nest->ndim == 1);
	nest->piece = piece_of(nest->row, nest->kind == FUSED_OUTER ? CPU_PANEL : CPU_BLOCK);
	if (has_turned_input(fused, nest)) {
		nest->band = CPU_BAND;
		nest->by_rows = true;
		nest->piece = piece_of(nest->row, CPU_BAND_PIECE);
	}
	nest->units = units_of(nest);
	assert(nest_is_sound(fused, mask, nest));
}

void fused_plan_view(const struct fused_nest *nest, const struct tn_view *view, struct fused_view *out) {
	int64_t size = (int64_t)tn_dtype_size(view->dtype), flat = size, inner = 1;

	*out = (struct fused_view){.size = (size_t)size, .period = 1, .dense = true};
	if (nest->count == 0) { /* nothing is read, and sizes of 0 would be divided by */
		return;
	}
	for (int dim = nest->ndim - 1, at = nest->axis_count - 1; dim >= 0; dim--) {
		int64_t left = nest->dims[dim];

		/* The innermost of the axes that were merged into this dim gives the stride. */
		out->stride[dim] = at >= 0 && left != 1 ? view->stride[nest->axes[at]] * size : 0;
		while (at >= 0 && left > 1) {
			left /= view->shape.dims[nest->axes[at--]];
		}
		if (nest->dims[dim] != 1 && out->stride[dim] != flat) {
			out->dense = false;
		}
		flat *= nest->dims[dim];
		inner *= nest->dims[dim];
		if (out->stride[dim] != 0) {
			out->period = inner;
		}
	}
	if (nest->ndim >= 2 && out->stride[nest->ndim - 1] != 0 && out->stride[nest->ndim - 1] != size) {
		out->turned = out->stride[nest->ndim - 2] == size;
	}
}
