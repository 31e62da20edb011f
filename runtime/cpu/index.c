/* SPDX-License-Identifier: Apache-2.0 */
/* Ops by index. Indices are read first, into 64-bit positions in the workspace: negative ones count from the end, one out of
 * range is an error before anything is written. Then
 *     GATHER     out[p, j, t] = x[p, i[j], t]         p: axes before the axis, t: after it
 *     INDEX_…    out[p, i[j], t] = or += v[p, j, t]   in the order of j: of duplicates the last wins, sums have one order
 *     TAKE_ALONG out[p, j, t] = x[p, i[p, j, t], t]
 *     SCATTER_…  out[p, i[p, j, t], t] = or += v[p, j, t]
 * Threads share the slabs (p, j) of a gather, and the columns t of the others, so that no order depends on them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cpu/move.h"
#include "cpu/vector.h"

enum action { ACTION_GATHER, ACTION_SET, ACTION_ADD };

/* Steps through a shape with strides in bytes of several places at once. */
struct walk {
	int ndim;
	int64_t dims[TN_MAX_NDIM], index[TN_MAX_NDIM], stride[2][TN_MAX_NDIM], offset[2];
};

static void walk_start(struct walk *w, int64_t at) {
	w->offset[0] = w->offset[1] = 0;
	for (int k = w->ndim - 1; k >= 0; k--) {
		w->index[k] = at % w->dims[k];
		at /= w->dims[k];
		w->offset[0] += w->index[k] * w->stride[0][k];
		w->offset[1] += w->index[k] * w->stride[1][k];
	}
}

static void walk_next(struct walk *w) {
	for (int k = w->ndim - 1; k >= 0; k--) {
		w->offset[0] += w->stride[0][k];
		w->offset[1] += w->stride[1][k];
		if (++w->index[k] < w->dims[k]) {
			return;
		}
		w->offset[0] -= w->dims[k] * w->stride[0][k];
		w->offset[1] -= w->dims[k] * w->stride[1][k];
		w->index[k] = 0;
	}
}

/* Axes [begin, end) of view a and axes from `other` on of view b, which has the same dims there. */
static struct walk walk_of(const struct tn_view *a, int begin, int end, const struct tn_view *b, int other) {
	struct walk w = {.ndim = end - begin};

	for (int k = begin; k < end; k++) {
		w.dims[k - begin] = a->shape.dims[k];
		w.stride[0][k - begin] = a->stride[k] * (int64_t)tn_dtype_size(a->dtype);
		w.stride[1][k - begin] = b->stride[k - begin + other] * (int64_t)tn_dtype_size(b->dtype);
	}
	return w;
}

static int64_t walk_count(const struct walk *w) {
	int64_t count = 1;

	for (int k = 0; k < w->ndim; k++) {
		count *= w->dims[k];
	}
	return count;
}

/* ---- indices ---- */

/* What the indices are; TN_INDICES_ANY: negative ones count from the end. */
static enum tn_indices indices_are(const struct cpu_call *call) {
	const struct tn_step *step = call->step->step;
	bool may_say = step->op == TN_OP_GATHER || step->op == TN_OP_TAKE_ALONG;

	return may_say && step->attr_count == 2 ? (enum tn_indices)step->attrs[1] : TN_INDICES_ANY;
}

/* Place j of the indices as its user has it: "[3, 0]". The axis of the classes is none of the target's. */
static void index_place(const struct tn_step *step, int64_t j, char *out, size_t size) {
	const struct tn_shape *shape = &step->inputs[1].shape;
	int64_t place[TN_MAX_NDIM];
	size_t at = 0;

	for (int k = shape->ndim - 1; k >= 0; k--) {
		place[k] = j % shape->dims[k];
		j /= shape->dims[k];
	}
	for (int k = 0; k < shape->ndim && at + 24 < size; k++) {
		if (step->op != TN_OP_TAKE_ALONG || k != step->attrs[0]) {
			at += (size_t)snprintf(out + at, size - at, "%s%" PRId64, at == 0 ? " at [" : ", ", place[k]);
		}
	}
	snprintf(out + at, size - at, at == 0 ? "" : "]");
}

/* Index number j, in row-major order, is `found`. */
static bool refuse_index(const struct cpu_call *call, int64_t j, int64_t found, int64_t limit, struct tn_error *err) {
	const struct tn_step *step = call->step->step;
	enum tn_indices what = indices_are(call);
	char place[TN_MAX_NDIM * 24];

	if (what != TN_INDICES_ANY) {
		index_place(step, j, place, sizeof(place));
		tn_error_set(err, TN_ERR_INDEX, "%s %" PRId64 "%s is out of range: the %s are 0 to %" PRId64,
			what == TN_INDICES_CLASSES ? "class" : "index", found, place, what == TN_INDICES_CLASSES ? "classes" : "rows", limit - 1);
		if (step->op == TN_OP_TAKE_ALONG) {
			tn_error_hint(err, "ignore_index names a class that does not count");
		}
		return false;
	}
	return tn_error_set(err, TN_ERR_INDEX, "%s: index %" PRId64 " is out of range for axis %d of size %" PRId64,
		tn_op_name(step->op), found, (int)step->attrs[0], limit);
}

/* Dense ones of a piece [first, end): straight-line code. The first that is out of range, or -1. */
#define READ_PIECE(T) \
	{ \
		const T *in = (const T *)(const void *)call->inputs[1]; \
		uint64_t bad = 0; \
		for (int64_t j = first; j < end; j++) { \
			int64_t found = in[j], place = found < 0 ? found + wrap : found; \
			positions[j] = place; \
			bad |= (uint64_t)place >= (uint64_t)limit; \
		} \
		for (int64_t j = first; bad != 0 && j < end; j++) { \
			if ((uint64_t)positions[j] >= (uint64_t)limit) { \
				return j; \
			} \
		} \
		return -1; \
	}

static int64_t read_piece(const struct cpu_call *call, int64_t limit, int64_t *positions, int64_t first, int64_t end) {
	int64_t wrap = indices_are(call) == TN_INDICES_ANY ? limit : 0;

	if (call->step->step->inputs[1].dtype == TN_DTYPE_I64) {
		READ_PIECE(int64_t)
	}
	READ_PIECE(int32_t)
}

/* A dense list of the usual dtypes. */
static bool read_straight(const struct cpu_call *call, int64_t limit, int64_t *positions, int64_t count, struct tn_error *err) {
	enum tn_dtype dtype = call->step->step->inputs[1].dtype;

	for (int64_t first = 0; first < count; first += CPU_LOOK) {
		int64_t bad = read_piece(call, limit, positions, first, cpu_piece_end(first, count));

		if (bad >= 0) {
			const char *at = call->inputs[1] + bad * (int64_t)tn_dtype_size(dtype);

			return refuse_index(call, bad, tn_element_i64(dtype, at), limit, err);
		}
		if (cpu_interrupted(call, err)) {
			return false;
		}
	}
	return true;
}

static bool read_indices(const struct cpu_call *call, int64_t limit, int64_t *positions, struct tn_error *err) {
	const struct tn_view *view = &call->step->step->inputs[1];
	struct walk w = walk_of(view, 0, view->shape.ndim, view, 0);
	int64_t count = walk_count(&w), wrap = indices_are(call) == TN_INDICES_ANY ? limit : 0;

	if ((view->dtype == TN_DTYPE_I64 || view->dtype == TN_DTYPE_I32) && cpu_view_is_dense(view)) {
		return read_straight(call, limit, positions, count, err);
	}
	if (count > 0) {
		walk_start(&w, 0);
	}
	for (int64_t j = 0; j < count; j++) {
		int64_t found = tn_element_i64(view->dtype, call->inputs[1] + w.offset[0]);

		if (j % CPU_LOOK == 0 && cpu_interrupted(call, err)) {
			return false;
		}
		if (found < -wrap || found >= limit) {
			return refuse_index(call, j, found, limit, err);
		}
		positions[j] = found < 0 ? found + limit : found;
		walk_next(&w);
	}
	return true;
}

static bool prepare_index(struct cpu_step *step, struct tn_error *err) {
	int64_t count = tn_shape_count(&step->step->inputs[1].shape);

	if (!tn_mul_size((size_t)count, sizeof(int64_t), &step->workspace)) {
		return tn_error_memory(err);
	}
	return true;
}

/* ---- one element or a run of them ---- */

#define ADD_ELEMENT(T, sum) \
	{ \
		T x, y; \
		memcpy(&x, to, sizeof(x)); \
		memcpy(&y, from, sizeof(y)); \
		x = (T)(sum); \
		memcpy(to, &x, sizeof(x)); \
		break; \
	}

static void add_element(enum tn_dtype dtype, char *to, const char *from) {
	switch (dtype) {
	case TN_DTYPE_F64: ADD_ELEMENT(double, x + y)
	case TN_DTYPE_F32: ADD_ELEMENT(float, x + y)
	case TN_DTYPE_BF16: ADD_ELEMENT(uint16_t, tn_f32_to_bf16(tn_bf16_to_f32(x) + tn_bf16_to_f32(y)))
	case TN_DTYPE_F16: ADD_ELEMENT(uint16_t, tn_f32_to_f16(tn_f16_to_f32(x) + tn_f16_to_f32(y)))
	case TN_DTYPE_I64: ADD_ELEMENT(uint64_t, x + y)
	case TN_DTYPE_I32: ADD_ELEMENT(uint32_t, x + y)
	case TN_DTYPE_U8: ADD_ELEMENT(uint8_t, x + y)
	default: ADD_ELEMENT(uint8_t, x | y)
	}
}

static void act(enum tn_dtype dtype, enum action action, char *to, const char *from) {
	if (action == ACTION_ADD) {
		add_element(dtype, to, from);
	} else {
		switch (tn_dtype_size(dtype)) {
		case 8: memcpy(to, from, 8); break;
		case 4: memcpy(to, from, 4); break;
		case 2: memcpy(to, from, 2); break;
		default: *to = *from; break;
		}
	}
}

/* n elements that lie contiguously on both sides. */
static void act_run(enum tn_dtype dtype, enum action action, char *to, const char *from, int64_t n) {
	int64_t size = (int64_t)tn_dtype_size(dtype);

	if (action != ACTION_ADD) {
		memcpy(to, from, (size_t)(n * size));
	} else if (!cpu_is_half(dtype) && dtype != TN_DTYPE_BOOL8) {
		cpu_vectors()->ops[TN_OP_ADD][cpu_class_of(dtype)][0](to, to, from, NULL, n);
	} else {
		for (int64_t t = 0; t < n; t++) {
			add_element(dtype, to + t * size, from + t * size);
		}
	}
}

/* ---- whole slabs: GATHER, INDEX_ADD, INDEX_SET ---- */

struct slabs {
	const struct cpu_call *call;
	enum action action;
	enum tn_dtype dtype;
	char *out;            /* what is written, indexed on the axis unless GATHER */
	const char *in;       /* what is read */
	struct walk before, after;
	int64_t indices, before_count, after_count;
	int64_t out_step, in_step;   /* bytes from one position on the axis to the next, or from one j to the next */
	const struct tn_view *list;  /* the view whose axes [axis, axis + index axes) j counts through */
	int axis, index_axes;
	bool contiguous;
	int threads;
};

/* Bytes to j in the view that has the index's axes. */
static int64_t list_offset(const struct slabs *s, int64_t j) {
	int64_t offset = 0;

	for (int k = s->axis + s->index_axes - 1; k >= s->axis; k--) {
		offset += j % s->list->shape.dims[k] * s->list->stride[k];
		j /= s->list->shape.dims[k];
	}
	return offset * (int64_t)tn_dtype_size(s->dtype);
}

static void act_slab(struct slabs *s, struct walk *after, char *out, const char *in, int64_t begin, int64_t end) {
	int64_t size = (int64_t)tn_dtype_size(s->dtype);

	if (s->contiguous) {
		for (int64_t t = begin; t < end && !cpu_is_stopped(s->call->interrupt); t += CPU_LOOK) {
			act_run(s->dtype, s->action, out + t * size, in + t * size, cpu_piece_end(t, end) - t);
		}
		return;
	}
	walk_start(after, begin);
	for (int64_t t = begin; t < end; t++) {
		if (t % CPU_LOOK == 0 && cpu_is_stopped(s->call->interrupt)) {
			return;
		}
		act(s->dtype, s->action, out + after->offset[0], in + after->offset[1]);
		walk_next(after);
	}
}

static void walk_slabs(void *data, int thread) {
	struct slabs *s = data;
	struct walk before = s->before, after = s->after;
	const int64_t *positions = s->call->workspace;
	int64_t first = 0, last = s->before_count * s->indices, begin = 0, end = s->after_count;

	if (s->action == ACTION_GATHER) {
		cpu_split(last, 1, thread, s->threads, &first, &last);
	} else {
		cpu_split(end, 16, thread, s->threads, &begin, &end);
	}
	for (int64_t unit = first; unit < last && begin < end; unit++) {
		int64_t j = unit % s->indices, at = list_offset(s, j), place = positions[j];

		if (unit == first || j == 0) {
			walk_start(&before, unit / s->indices);
		}
		if (cpu_is_stopped(s->call->interrupt)) {
			return;
		}
		act_slab(s, &after, s->out + before.offset[0] + (s->action == ACTION_GATHER ? at : place * s->out_step),
		         s->in + before.offset[1] + (s->action == ACTION_GATHER ? place * s->in_step : at), begin, end);
	}
}

/* Whether the axes after `axis` are one piece in both views. */
static bool is_contiguous(const struct walk *after, int64_t size) {
	for (int k = after->ndim - 1; k >= 0; k--) {
		if (after->dims[k] != 1 && (after->stride[0][k] != size || after->stride[1][k] != size)) {
			return false;
		}
		size *= after->dims[k];
	}
	return true;
}

static bool run_slabs(struct slabs *s, const struct tn_view *indexed, const struct tn_view *list, struct tn_error *err) {
	const struct tn_step *step = s->call->step->step;
	bool gather = s->action == ACTION_GATHER;
	int64_t size = (int64_t)tn_dtype_size(list->dtype);

	s->axis = (int)step->attrs[0];
	s->index_axes = step->inputs[1].shape.ndim;
	s->list = list;
	s->dtype = list->dtype;
	s->indices = tn_shape_count(&step->inputs[1].shape);
	s->before = gather ? walk_of(list, 0, s->axis, indexed, 0) : walk_of(indexed, 0, s->axis, list, 0);
	s->after = gather ? walk_of(list, s->axis + s->index_axes, list->shape.ndim, indexed, s->axis + 1)
	                  : walk_of(indexed, s->axis + 1, indexed->shape.ndim, list, s->axis + s->index_axes);
	s->before_count = walk_count(&s->before);
	s->after_count = walk_count(&s->after);
	s->contiguous = is_contiguous(&s->after, size);
	s->out_step = s->in_step = indexed->stride[s->axis] * size;
	s->threads =
		cpu_threads_for(s->call, (double)(s->before_count * s->indices) * (double)s->after_count * (s->contiguous ? 1 : 4));
	if (s->before_count * s->indices > 0 && s->after_count > 0) {
		cpu_parallel(s->threads, walk_slabs, s);
	}
	return !cpu_interrupted(s->call, err);
}

static bool run_gather(const struct cpu_call *call, struct tn_error *err) {
	const struct tn_step *step = call->step->step;
	struct slabs s = {.call = call, .action = ACTION_GATHER, .out = call->out, .in = call->inputs[0]};

	return read_indices(call, step->inputs[0].shape.dims[step->attrs[0]], call->workspace, err) &&
	       run_slabs(&s, &step->inputs[0], &step->out, err);
}

/* The result begins as x, unless it lies there. */
static bool copy_base(const struct cpu_call *call, struct tn_error *err) {
	const struct tn_step *step = call->step->step;
	struct cpu_move move;

	if (call->out == call->inputs[0]) {
		return true;
	}
	cpu_move_init(&move, &step->out, call->out, &step->inputs[0], call->inputs[0]);
	return cpu_move_run(&move, call, err);
}

static bool run_index_write(const struct cpu_call *call, enum action action, struct tn_error *err) {
	const struct tn_step *step = call->step->step;
	struct slabs s = {.call = call, .action = action, .out = call->out, .in = call->inputs[2]};

	return read_indices(call, step->out.shape.dims[step->attrs[0]], call->workspace, err) && copy_base(call, err) &&
	       run_slabs(&s, &step->out, &step->inputs[2], err);
}

static bool run_index_add(const struct cpu_call *call, struct tn_error *err) {
	return run_index_write(call, ACTION_ADD, err);
}

static bool run_index_set(const struct cpu_call *call, struct tn_error *err) {
	return run_index_write(call, ACTION_SET, err);
}

/* ---- one element at a time: TAKE_ALONG, SCATTER_ADD, SCATTER_SET ---- */

/* `list` has the index's shape; `indexed` is reached at the same place but for the axis. Rows are those of the last axis; threads
 * share them where each writes to a place of its own, else the columns, so that each place is written in the order of the list. */
struct elements {
	const struct cpu_call *call;
	enum action action;
	enum tn_dtype dtype;
	char *list, *indexed;
	struct walk walk;       /* the rows: list, indexed */
	int64_t rows, columns;
	int64_t list_step, indexed_step, axis_step; /* bytes: along a row, and of the index */
	bool by_rows;
	int threads;
};

#define EACH_ELEMENT(what) \
	for (int64_t t = begin; t < end; t++) { \
		char *here = list + t * e->list_step, *there = indexed + t * e->indexed_step + places[t] * e->axis_step; \
		what \
	}
#define MOVE_ELEMENTS(T) \
	if (e->action == ACTION_GATHER) { \
		EACH_ELEMENT(*(T *)(void *)here = *(const T *)(const void *)there;) \
	} else { \
		EACH_ELEMENT(*(T *)(void *)there = *(const T *)(const void *)here;) \
	} \
	break;
#define ADD_ELEMENTS(T) \
	EACH_ELEMENT(*(T *)(void *)there = (T)(*(const T *)(const void *)there + *(const T *)(const void *)here);) \
	break;

static void add_elements(
	const struct elements *e, char *list, char *indexed, const int64_t *places, int64_t begin, int64_t end) {
	switch (e->dtype) {
	case TN_DTYPE_F64: ADD_ELEMENTS(double)
	case TN_DTYPE_F32: ADD_ELEMENTS(float)
	case TN_DTYPE_I64: ADD_ELEMENTS(uint64_t)
	case TN_DTYPE_I32: ADD_ELEMENTS(uint32_t)
	default: EACH_ELEMENT(add_element(e->dtype, there, here);) break;
	}
}

static void move_elements(
	const struct elements *e, char *list, char *indexed, const int64_t *places, int64_t begin, int64_t end) {
	switch (tn_dtype_size(e->dtype)) {
	case 8: MOVE_ELEMENTS(uint64_t)
	case 4: MOVE_ELEMENTS(uint32_t)
	case 2: MOVE_ELEMENTS(uint16_t)
	default: MOVE_ELEMENTS(uint8_t)
	}
}

static void walk_elements(void *data, int thread) {
	const struct elements *e = data;
	struct walk w = e->walk;
	int64_t first = 0, last = e->rows, begin = 0, end = e->columns;

	if (e->by_rows) {
		cpu_split(last, 1, thread, e->threads, &first, &last);
	} else {
		cpu_split(end, 16, thread, e->threads, &begin, &end);
	}
	if (first < last && begin < end) {
		walk_start(&w, first);
	}
	for (int64_t row = first; row < last; row++) {
		const int64_t *places = (const int64_t *)e->call->workspace + row * e->columns;

		for (int64_t t = begin; t < end; t += CPU_LOOK) {
			if (cpu_is_stopped(e->call->interrupt)) {
				return;
			}
			(e->action == ACTION_ADD ? add_elements : move_elements)(
				e, e->list + w.offset[0], e->indexed + w.offset[1], places, t, cpu_piece_end(t, end));
		}
		walk_next(&w);
	}
}

static bool run_elements(const struct cpu_call *call, enum action action, const struct tn_view *list, char *list_at,
	const struct tn_view *indexed, char *indexed_at, struct tn_error *err) {
	int axis = (int)call->step->step->attrs[0], last = list->shape.ndim - 1;
	int64_t size = (int64_t)tn_dtype_size(list->dtype);
	struct elements e = {.call = call, .action = action, .dtype = list->dtype, .list = list_at, .indexed = indexed_at,
	                     .walk = walk_of(list, 0, last, indexed, 0), .columns = list->shape.dims[last]};

	e.rows = walk_count(&e.walk);
	e.list_step = list->stride[last] * size;
	e.indexed_step = axis == last ? 0 : indexed->stride[last] * size; /* on the axis the index says where */
	e.axis_step = indexed->stride[axis] * size;
	if (axis < last) {
		e.walk.stride[1][axis] = 0;
	}
	e.by_rows = action == ACTION_GATHER || axis == last;
	e.threads = cpu_threads_for(call, (double)e.rows * (double)e.columns * 4);
	if (e.rows > 0 && e.columns > 0) {
		cpu_parallel(e.threads, walk_elements, &e);
	}
	return !cpu_interrupted(call, err);
}

static bool run_take_along(const struct cpu_call *call, struct tn_error *err) {
	const struct tn_step *step = call->step->step;

	return read_indices(call, step->inputs[0].shape.dims[step->attrs[0]], call->workspace, err) &&
	       run_elements(call, ACTION_GATHER, &step->out, call->out, &step->inputs[0], call->inputs[0], err);
}

static bool run_scatter(const struct cpu_call *call, enum action action, struct tn_error *err) {
	const struct tn_step *step = call->step->step;

	return read_indices(call, step->out.shape.dims[step->attrs[0]], call->workspace, err) && copy_base(call, err) &&
	       run_elements(call, action, &step->inputs[2], call->inputs[2], &step->out, call->out, err);
}

static bool run_scatter_add(const struct cpu_call *call, struct tn_error *err) {
	return run_scatter(call, ACTION_ADD, err);
}

static bool run_scatter_set(const struct cpu_call *call, struct tn_error *err) {
	return run_scatter(call, ACTION_SET, err);
}

/* The first floating input says what `in` is; of integer tensors it may be the index. */
static bool accepts_any(enum tn_dtype in, enum tn_dtype out) {
	return in == out || !tn_dtype_is_float(in);
}

const struct cpu_kernel cpu_gather = {.prepare = prepare_index, .run = run_gather, .accepts = accepts_any};
const struct cpu_kernel cpu_index_add = {.prepare = prepare_index, .run = run_index_add, .accepts = accepts_any};
const struct cpu_kernel cpu_index_set = {.prepare = prepare_index, .run = run_index_set, .accepts = accepts_any};
const struct cpu_kernel cpu_take_along = {.prepare = prepare_index, .run = run_take_along, .accepts = accepts_any};
const struct cpu_kernel cpu_scatter_add = {.prepare = prepare_index, .run = run_scatter_add, .accepts = accepts_any};
const struct cpu_kernel cpu_scatter_set = {.prepare = prepare_index, .run = run_scatter_set, .accepts = accepts_any};
