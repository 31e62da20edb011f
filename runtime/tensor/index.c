/* SPDX-License-Identifier: Apache-2.0 */
/* x[…] read, and what reading and writing (index_set.c) share. Ints and slices are one SLICE node, which is a view at once where
 * x is there; tensors are one GATHER over the indexed axes merged into one. A start that is a variable's value must not stand in
 * a plan's key (each value would be a plan of its own), so where no view can be made at once it becomes a gather at run-time
 * positions. */
#include <assert.h>

#include "tensor/index.h"

#include <inttypes.h>
#include <string.h>

#include "tensor/engine.h"

/* ---- items over axes ---- */

/* Axes of x that an item takes. */
static int item_axes(const struct tn_index *item) {
	switch (item->kind) {
	case TN_INDEX_NEW_AXIS:
	case TN_INDEX_ELLIPSIS:
		return 0;
	case TN_INDEX_TENSOR:
		return item->tensor->dtype == TN_DTYPE_BOOL8 ? item->tensor->shape.ndim : 1;
	default:
		return 1;
	}
}

static bool parse_int(
	const struct tn_tensor *x, int axis, const struct tn_index *item, struct tn_index_axis *out, struct tn_error *err) {
	int64_t size = x->shape.dims[axis];

	if (item->start < -size || item->start >= size) {
		return tn_error_set(
			err, TN_ERR_INDEX, "index %" PRId64 " is out of range for axis %d of %s", item->start, axis, tn_text_of(x).text);
	}
	*out = (struct tn_index_axis){.start = item->start < 0 ? item->start + size : item->start,
		.step = 1,
		.dim = 1,
		.is_int = true,
		.literal = item->literal};
	return true;
}

/* A bound of a slice as Python has it: from the end when negative, then cut to [low, high]. */
static int64_t slice_bound(int64_t bound, int64_t size, int64_t low, int64_t high) {
	if (bound < 0) {
		bound = bound < -size ? low : bound + size;
	}
	return bound < low ? low : bound > high ? high : bound;
}

static bool parse_slice(int64_t size, const struct tn_index *item, struct tn_index_axis *out, struct tn_error *err) {
	int64_t step = item->has_step ? item->step : 1, low, high, start, stop, span;

	if (step == 0) {
		return tn_error_set(err, TN_ERR_VALUE, "the step of a slice is 0");
	}
	if (step < -INT64_MAX) {
		step = -INT64_MAX; /* so that it can be negated; no axis is that long */
	}
	low = step > 0 ? 0 : -1;
	high = step > 0 ? size : size - 1;
	start = item->has_start ? slice_bound(item->start, size, low, high) : step > 0 ? low : high;
	stop = item->has_stop ? slice_bound(item->stop, size, low, high) : step > 0 ? high : low;
	span = step > 0 ? stop - start : start - stop;
	*out = (struct tn_index_axis){.start = start, .step = step, .literal = item->literal || !item->has_start};
	if (span > 0) {
		out->dim = (span - 1) / (step > 0 ? step : -step) + 1;
	} else {
		out->start = 0; /* an empty part begins nowhere */
	}
	return true;
}

static bool parse_tensor(
	const struct tn_tensor *x, int axis, const struct tn_index *item, struct tn_index_plan *plan, struct tn_error *err) {
	struct tn_tensor *t = item->tensor;
	int span = item_axes(item);

	if (!tn_dtype_is_integer(t->dtype) && t->dtype != TN_DTYPE_BOOL8) {
		tn_error_set(err, TN_ERR_TYPE, "a tensor is indexed by integers or by a bool8 mask, not by %s", tn_text_of(t).text);
		tn_error_hint(err, "i64(index) converts it");
		return false;
	}
	if (t->dtype == TN_DTYPE_BOOL8 &&
		(span == 0 || memcmp(t->shape.dims, &x->shape.dims[axis], sizeof(int64_t) * (size_t)span) != 0)) {
		return tn_error_set(
			err, TN_ERR_SHAPE, "the mask %s does not fit %s at axis %d", tn_text_of(t).text, tn_text_of(x).text, axis);
	}
	plan->tensors[plan->tensor_count++] = (struct tn_index_tensor){.axis = axis, .span = span, .tensor = t};
	return true;
}

static bool add_out(struct tn_index_plan *plan, int axis, struct tn_error *err) {
	if (plan->out_count == TN_MAX_NDIM) {
		return tn_error_set(err, TN_ERR_SHAPE, "a tensor has at most %d axes", TN_MAX_NDIM);
	}
	plan->out[plan->out_count++] = axis;
	return true;
}

static bool whole_axes(const struct tn_tensor *x, int *axis, int count, struct tn_index_plan *plan, struct tn_error *err) {
	for (int i = 0; i < count; i++, (*axis)++) {
		plan->axes[*axis] = (struct tn_index_axis){.step = 1, .dim = x->shape.dims[*axis], .literal = true};
		if (!add_out(plan, *axis, err)) {
			return false;
		}
	}
	return true;
}

/* One item at *axis; `rest` is how many axes an ellipsis stands for. */
static bool parse_item(const struct tn_tensor *x, const struct tn_index *item, int rest, int *axis, struct tn_index_plan *plan,
	struct tn_error *err) {
	switch (item->kind) {
	case TN_INDEX_INT:
		return parse_int(x, *axis, item, &plan->axes[*axis], err) && ++*axis > 0;
	case TN_INDEX_SLICE:
		return parse_slice(x->shape.dims[*axis], item, &plan->axes[*axis], err) && add_out(plan, (*axis)++, err);
	case TN_INDEX_NEW_AXIS:
		return add_out(plan, -1, err);
	case TN_INDEX_ELLIPSIS:
		return whole_axes(x, axis, rest, plan, err);
	case TN_INDEX_TENSOR:
		return parse_tensor(x, *axis, item, plan, err) && whole_axes(x, axis, item_axes(item), plan, err);
	}
	return false;
}

bool tn_index_parse(
	const struct tn_tensor *x, const struct tn_index *items, int count, struct tn_index_plan *plan, struct tn_error *err) {
	int taken = 0, ellipses = 0, axis = 0;

	*plan = (struct tn_index_plan){.ndim = x->shape.ndim};
	for (int i = 0; i < count; i++) {
		taken += item_axes(&items[i]);
		ellipses += items[i].kind == TN_INDEX_ELLIPSIS;
	}
	if (ellipses > 1) {
		return tn_error_set(err, TN_ERR_INDEX, "an index has one '...' at most");
	}
	if (taken > x->shape.ndim) {
		return tn_error_set(err, TN_ERR_INDEX, "%d indices for %s, which has %d ax%s", taken, tn_text_of(x).text,
			(int)x->shape.ndim, x->shape.ndim == 1 ? "is" : "es");
	}
	for (int i = 0; i < count; i++) {
		if (!parse_item(x, &items[i], x->shape.ndim - taken, &axis, plan, err)) {
			return false;
		}
	}
	return whole_axes(x, &axis, x->shape.ndim - axis, plan, err);
}

/* ---- the basic part ---- */

bool tn_index_axis_is_full(const struct tn_index_axis *axis, int64_t size) {
	return axis->start == 0 && axis->dim == size && (axis->step == 1 || size == 0);
}

void tn_index_attrs(const struct tn_index_plan *plan, int64_t attrs[3 * TN_MAX_NDIM]) {
	for (int i = 0; i < plan->ndim; i++) {
		attrs[2 * i] = plan->axes[i].start;
		attrs[2 * i + 1] = plan->axes[i].dim > 1 ? plan->axes[i].step : 1;
		attrs[2 * plan->ndim + i] = plan->axes[i].dim;
	}
}

void tn_index_shapes(const struct tn_index_plan *plan, struct tn_shape *part, struct tn_shape *seen) {
	*part = *seen = (struct tn_shape){.ndim = plan->ndim};
	for (int i = 0; i < plan->ndim; i++) {
		part->dims[i] = plan->axes[i].dim;
	}
	seen->ndim = plan->out_count;
	for (int i = 0; i < plan->out_count; i++) {
		seen->dims[i] = plan->out[i] < 0 ? 1 : plan->axes[plan->out[i]].dim;
	}
}

struct tn_tensor *tn_index_positions(struct tn_engine *e, const struct tn_index_axis *axis, struct tn_error *err) {
	struct tn_shape shape = TN_SHAPE(axis->dim);
	struct tn_scalar scalars[2] = {{.i = axis->start}, {.literal = true, .i = axis->step}};
	struct tn_rule_call call = {.engine = e,
		.op = TN_OP_ARANGE,
		.attrs = shape.dims,
		.attr_count = 1,
		.scalars = scalars,
		.scalar_count = 2,
		.dtype = TN_DTYPE_I64};

	return tn_op_record(&call, err);
}

struct tn_tensor *tn_index_node(
	struct tn_engine *e, enum tn_op op, struct tn_tensor *const *inputs, int input_count, int64_t axis, struct tn_error *err) {
	struct tn_rule_call call = {
		.engine = e, .op = op, .inputs = inputs, .input_count = input_count, .attrs = &axis, .attr_count = 1};

	return tn_op_record(&call, err);
}

/* Takes the positions of axes whose numbers are no literals by gathers, after which these axes are whole. x may be replaced. */
static bool gather_variable_axes(struct tn_engine *e, struct tn_tensor **x, struct tn_index_plan *plan, struct tn_error *err) {
	for (int i = 0; i < plan->ndim; i++) {
		struct tn_index_axis *axis = &plan->axes[i];
		struct tn_tensor *inputs[2] = {*x, NULL}, *part;

		if (axis->literal || axis->dim == 0 || tn_index_axis_is_full(axis, (*x)->shape.dims[i])) {
			continue;
		}
		inputs[1] = tn_index_positions(e, axis, err);
		part = inputs[1] != NULL ? tn_index_node(e, TN_OP_GATHER, inputs, 2, i, err) : NULL;
		tn_tensor_unref(inputs[1]);
		if (part == NULL) {
			return false;
		}
		tn_tensor_unref(*x);
		*x = part;
		axis->start = 0;
		axis->step = 1;
	}
	return true;
}

/* The basic part of a tensor that is there and has no history: one view, without a node. */
static struct tn_tensor *view_at_once(
	struct tn_engine *e, struct tn_tensor *x, const struct tn_index_plan *plan, struct tn_error *err) {
	struct tn_shape shape = {.ndim = plan->out_count};
	int64_t strides[TN_MAX_NDIM], offset = x->offset;

	for (int i = 0; i < plan->ndim; i++) {
		offset += plan->axes[i].start * x->stride[i];
	}
	for (int i = 0; i < plan->out_count; i++) {
		const struct tn_index_axis *axis = plan->out[i] < 0 ? NULL : &plan->axes[plan->out[i]];

		shape.dims[i] = axis == NULL ? 1 : axis->dim;
		strides[i] = axis == NULL || axis->dim < 2 ? 1 : axis->step * x->stride[plan->out[i]];
	}
	return tn_tensor_wrap(e, tn_buffer_ref(x->buffer), x->dtype, &shape, strides, offset, err);
}

/* Axes cut by one SLICE, then ints dropped and new axes made by one RESHAPE. */
static struct tn_tensor *slice_and_shape(
	struct tn_engine *e, struct tn_tensor *x, const struct tn_index_plan *plan, struct tn_error *err) {
	struct tn_shape part_shape, seen;
	int64_t attrs[3 * TN_MAX_NDIM];
	bool full = true;
	struct tn_rule_call call = {
		.engine = e, .op = TN_OP_SLICE, .inputs = &x, .input_count = 1, .attrs = attrs, .attr_count = 3 * plan->ndim};
	struct tn_tensor *part, *out;

	for (int i = 0; i < plan->ndim; i++) {
		full = full && tn_index_axis_is_full(&plan->axes[i], x->shape.dims[i]);
	}
	tn_index_shapes(plan, &part_shape, &seen);
	tn_index_attrs(plan, attrs);
	part = full ? tn_tensor_ref(x) : tn_op_record(&call, err);
	if (part == NULL) {
		return NULL;
	}
	out = tn_reshape(e, part, seen.dims, seen.ndim, err);
	tn_tensor_unref(part);
	return out;
}

static bool changes_nothing(const struct tn_tensor *x, const struct tn_index_plan *plan) {
	for (int i = 0; i < plan->ndim; i++) {
		if (plan->axes[i].is_int || !tn_index_axis_is_full(&plan->axes[i], x->shape.dims[i])) {
			return false;
		}
	}
	return plan->out_count == plan->ndim;
}

/* Whether a view of the present elements lies as what would be recorded were they still to come: bounds that are a variable's value
 * are gathered then, into row-major order. What follows from an order (which way a product sums) must not depend on a print. */
static bool may_view(const struct tn_tensor *x, const struct tn_index_plan *plan) {
	for (int i = 0; i < plan->ndim; i++) {
		if (!plan->axes[i].literal && !tn_index_axis_is_full(&plan->axes[i], x->shape.dims[i])) {
			return tn_strides_in_order(&x->shape, x->stride);
		}
	}
	return true;
}

struct tn_tensor *tn_index_basic_get(
	struct tn_engine *e, struct tn_tensor *x, const struct tn_index_plan *plan, struct tn_error *err) {
	struct tn_index_plan rest = *plan;
	struct tn_tensor *source, *out = NULL;

	if (changes_nothing(x, plan)) {
		return tn_tensor_ref(x);
	}
	if (x->state == TN_TENSOR_READY && x->grad_mask == 0 && may_view(x, plan)) {
		return view_at_once(e, x, plan, err);
	}
	source = tn_tensor_ref(x);
	if (gather_variable_axes(e, &source, &rest, err)) {
		out = slice_and_shape(e, source, &rest, err);
	}
	tn_tensor_unref(source);
	return out;
}

/* ---- the advanced part ---- */

/* index k of several, checked and times `stride`: 0, stride, 2 * stride … gathered by it, so that an error names value and size.
 */
static struct tn_tensor *scaled_index(
	struct tn_engine *e, struct tn_tensor *index, int64_t size, int64_t stride, struct tn_error *err) {
	struct tn_index_axis steps = {.start = 0, .step = stride, .dim = size};
	struct tn_tensor *inputs[2] = {tn_index_positions(e, &steps, err), index}, *out;

	out = inputs[0] != NULL ? tn_index_node(e, TN_OP_GATHER, inputs, 2, 0, err) : NULL;
	tn_tensor_unref(inputs[0]);
	return out;
}

static struct tn_tensor *add_index(struct tn_engine *e, struct tn_tensor *sum, struct tn_tensor *next, struct tn_error *err) {
	struct tn_shape both;
	struct tn_tensor *out = NULL;

	if (!tn_shape_broadcast(&sum->shape, &next->shape, &both)) {
		tn_error_set(err, TN_ERR_SHAPE, "index tensors do not broadcast together: shapes %s and %s",
			tn_text_of_shape(&sum->shape).text, tn_text_of_shape(&next->shape).text);
	} else {
		out = tn_binary(e, TN_OP_ADD, sum, next, err);
	}
	return out;
}

/* The one index over the merged axes. sizes[k]: of tensor k's axes (a mask's together). */
static struct tn_tensor *linear_index(
	struct tn_engine *e, const struct tn_index_plan *plan, const int64_t *sizes, struct tn_error *err) {
	struct tn_tensor *sum = NULL;
	int64_t stride = 1;

	for (int k = plan->tensor_count - 1; k >= 0; k--) {
		struct tn_tensor *t = plan->tensors[k].tensor, *index, *scaled, *next;

		index = t->dtype == TN_DTYPE_BOOL8 ? tn_mask_positions(e, t, err) : tn_tensor_ref(t);
		if (index == NULL || plan->tensor_count == 1) {
			return index;
		}
		scaled = scaled_index(e, index, sizes[k], stride, err);
		tn_tensor_unref(index);
		next = scaled == NULL ? NULL : sum == NULL ? tn_tensor_ref(scaled) : add_index(e, sum, scaled, err);
		tn_tensor_unref(scaled);
		tn_tensor_unref(sum);
		sum = next;
		if (sum == NULL) {
			return NULL;
		}
		stride *= sizes[k]; /* at most the element count of x */
	}
	return sum;
}

/* Whether the indexed axes lie side by side; order becomes the permutation that brings them to the front where they do not. */
static bool indexed_adjacent(const struct tn_index_plan *plan, int64_t *order) {
	uint32_t indexed = 0;
	bool adjacent = true;
	int at = 0;

	for (int k = 0; k < plan->tensor_count; k++) {
		const struct tn_index_tensor *t = &plan->tensors[k];

		adjacent = adjacent && (k == 0 || t->axis == plan->tensors[k - 1].axis + plan->tensors[k - 1].span);
		for (int i = 0; i < t->span; i++) {
			indexed |= 1u << (t->axis + i);
			order[at++] = t->axis + i;
		}
	}
	for (int i = 0; i < plan->ndim; i++) {
		if ((indexed >> i & 1) == 0) {
			order[at++] = i;
		}
	}
	return adjacent;
}

void tn_index_merged_finish(struct tn_index_merged *m) {
	tn_tensor_unref(m->x);
	tn_tensor_unref(m->index);
	m->x = m->index = NULL;
}

bool tn_index_merge(struct tn_engine *e, struct tn_tensor *x, const struct tn_index_plan *plan, struct tn_index_merged *out,
	struct tn_error *err) {
	int64_t sizes[TN_MAX_NDIM], total = 1;
	struct tn_shape merged = {0};
	struct tn_tensor *turned;
	int span = 0;

	*out = (struct tn_index_merged){0};
	out->permuted = !indexed_adjacent(plan, out->order);
	out->axis = out->permuted ? 0 : plan->tensors[0].axis;
	for (int k = 0; k < plan->tensor_count; k++) {
		sizes[k] = 1;
		for (int i = 0; i < plan->tensors[k].span; i++) {
			sizes[k] *= x->shape.dims[plan->tensors[k].axis + i];
		}
		total *= sizes[k];
		span += plan->tensors[k].span;
	}
	turned = out->permuted ? tn_permute(e, x, out->order, plan->ndim, err) : tn_tensor_ref(x);
	if (turned == NULL) {
		return false;
	}
	out->unmerged = turned->shape;
	for (int i = 0; i < plan->ndim; i++) {
		if (i == out->axis) {
			merged.dims[merged.ndim++] = total;
		} else if (i < out->axis || i >= out->axis + span) {
			merged.dims[merged.ndim++] = turned->shape.dims[i];
		}
	}
	out->x = tn_reshape(e, turned, merged.dims, merged.ndim, err);
	tn_tensor_unref(turned);
	out->index = out->x != NULL ? linear_index(e, plan, sizes, err) : NULL;
	if (out->index == NULL) {
		tn_index_merged_finish(out);
		return false;
	}
	return true;
}

/* ---- x[…] ---- */

void tn_index_move_tensors(struct tn_index_plan *plan, int ndim) {
	for (int k = 0; k < plan->tensor_count; k++) {
		int at = 0;

		while (plan->out[at] != plan->tensors[k].axis) {
			at++;
		}
		plan->tensors[k].axis = at;
	}
	plan->ndim = ndim;
}

struct tn_tensor *tn_index_get(
	struct tn_engine *e, struct tn_tensor *x, const struct tn_index *items, int count, struct tn_error *err) {
	struct tn_index_plan plan;
	struct tn_index_merged merged;
	struct tn_tensor *part, *out = NULL;

	if (!tn_index_parse(x, items, count, &plan, err)) {
		return NULL;
	}
	part = tn_index_basic_get(e, x, &plan, err);
	if (part == NULL || plan.tensor_count == 0) {
		return part;
	}
	tn_index_move_tensors(&plan, part->shape.ndim);
	if (tn_index_merge(e, part, &plan, &merged, err)) {
		struct tn_tensor *inputs[2] = {merged.x, merged.index};

		out = tn_index_node(e, TN_OP_GATHER, inputs, 2, merged.axis, err);
		tn_index_merged_finish(&merged);
	}
	tn_tensor_unref(part);
	return out;
}

/* ---- functions by index ---- */

struct tn_tensor *tn_gather(
	struct tn_engine *e, struct tn_tensor *x, struct tn_tensor *index, int64_t axis, struct tn_error *err) {
	return tn_axis_resolve(TN_OP_GATHER, x, &axis, err)
		? tn_index_node(e, TN_OP_GATHER, (struct tn_tensor *[]){x, index}, 2, axis, err)
		: NULL;
}

struct tn_tensor *tn_take_along(
	struct tn_engine *e, struct tn_tensor *x, struct tn_tensor *index, int64_t axis, struct tn_error *err) {
	return tn_axis_resolve(TN_OP_TAKE_ALONG, x, &axis, err)
		? tn_index_node(e, TN_OP_TAKE_ALONG, (struct tn_tensor *[]){x, index}, 2, axis, err)
		: NULL;
}

struct tn_tensor *tn_take_checked(struct tn_engine *e, enum tn_op op, struct tn_tensor *x, struct tn_tensor *index, int64_t axis,
	enum tn_indices what, struct tn_error *err) {
	struct tn_tensor *inputs[2] = {x, index};
	int64_t attrs[2] = {axis, what};
	struct tn_rule_call call = {.engine = e, .op = op, .inputs = inputs, .input_count = 2, .attrs = attrs, .attr_count = 2};

	assert(op == TN_OP_GATHER || op == TN_OP_TAKE_ALONG);
	return tn_axis_resolve(op, x, &attrs[0], err) ? tn_op_record(&call, err) : NULL;
}

struct tn_tensor *tn_scatter(struct tn_engine *e, enum tn_op op, struct tn_tensor *x, struct tn_tensor *index,
	struct tn_tensor *value, int64_t axis, struct tn_error *err) {
	if (op != TN_OP_INDEX_ADD && op != TN_OP_INDEX_SET && op != TN_OP_SCATTER_ADD && op != TN_OP_SCATTER_SET) {
		tn_error_attrs(op, err);
		return NULL;
	}
	return tn_axis_resolve(op, x, &axis, err) ? tn_index_node(e, op, (struct tn_tensor *[]){x, index, value}, 3, axis, err)
											  : NULL;
}
