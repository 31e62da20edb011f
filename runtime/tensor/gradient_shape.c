/* SPDX-License-Identifier: Apache-2.0 */
/* Gradient rules of views, copies and indexing: each moves the gradient back to where the elements came from. Where a write
 * replaced elements, the old ones get zeros; of duplicate indices only the last one, which won, gets the gradient. */
#include "tensor/gradient.h"

#include <string.h>

/* ---- views ---- */

bool tn_grad_reshape(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);

	tn_give(&f, 0, tn_shaped(&f, tn_of_grad(&f), &call->shapes[0]));
	return tn_formula_end(&f);
}

bool tn_grad_expand(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);

	tn_give(&f, 0, tn_of_grad(&f)); /* the driver sums what was repeated */
	return tn_formula_end(&f);
}

bool tn_grad_permute(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	int64_t back[TN_MAX_NDIM];

	for (int i = 0; i < call->attr_count; i++) {
		back[call->attrs[i]] = i;
	}
	tn_give(&f, 0, tn_hold(&f, tn_permute(f.engine, call->grad, back, call->attr_count, err)));
	return tn_formula_end(&f);
}

/* Zeros of `shape` with g in the slice: a border of zeros where the steps are 1. */
static struct tn_arg put_slice(struct tn_formula *f, struct tn_arg g, const struct tn_shape *shape, const int64_t *attrs) {
	int ndim = shape->ndim;
	const int64_t *dims = attrs + 2 * ndim;
	int64_t before[TN_MAX_NDIM], after[TN_MAX_NDIM];
	bool border = true;

	for (int i = 0; i < ndim; i++) {
		border = border && (attrs[2 * i + 1] == 1 || dims[i] <= 1) && dims[i] > 0;
		before[i] = attrs[2 * i];
		after[i] = shape->dims[i] - before[i] - dims[i];
	}
	if (f->failed) {
		return g;
	}
	if (border) {
		return tn_hold(
			f, tn_pad(f->engine, g.tensor, before, after, (struct tn_scalar){.is_float = true, .literal = true}, f->err));
	}
	return tn_op_attrs(f, TN_OP_SLICE_SET, (struct tn_arg[]){tn_filled(f, f->call->out_dtype, shape, 0), g}, 2, attrs, 3 * ndim);
}

bool tn_grad_slice(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);

	tn_give(&f, 0, put_slice(&f, tn_of_grad(&f), &call->shapes[0], call->attrs));
	return tn_formula_end(&f);
}

/* ---- copies ---- */

/* The part of g that begins at start[0], start[stride] … and has `shape`. */
static struct tn_arg take_part(
	struct tn_formula *f, struct tn_arg g, const int64_t *start, int stride, const struct tn_shape *shape) {
	int64_t attrs[3 * TN_MAX_NDIM];
	int ndim = shape->ndim;

	for (int i = 0; i < ndim; i++) {
		attrs[2 * i] = shape->dims[i] > 0 ? start[i * stride] : 0;
		attrs[2 * i + 1] = 1;
		attrs[2 * ndim + i] = shape->dims[i];
	}
	return tn_op_attrs(f, TN_OP_SLICE, &g, 1, attrs, 3 * ndim);
}

bool tn_grad_cat(struct tn_grad_call *call, struct tn_error *err) {
	int64_t start[TN_MAX_NDIM] = {0}, axis = call->attrs[0];

	for (int k = 0; k < call->input_count; k++) {
		if (call->needs[k]) { /* a formula for each: together they would hold too much */
			struct tn_formula f = tn_formula_begin(call, err);

			tn_give(&f, k, take_part(&f, tn_of_grad(&f), start, 1, &call->shapes[k]));
			if (!tn_formula_end(&f)) {
				return false;
			}
		}
		start[axis] += call->shapes[k].dims[axis];
	}
	return true;
}

bool tn_grad_pad(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);

	tn_give(&f, 0, take_part(&f, tn_of_grad(&f), call->attrs, 2, &call->shapes[0]));
	return tn_formula_end(&f);
}

bool tn_grad_slice_set(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg g = tn_of_grad(&f);

	if (tn_wants(&f, 0)) {
		struct tn_arg zeros = tn_filled(&f, call->out_dtype, &call->shapes[1], 0);

		tn_give(&f, 0, tn_op_attrs(&f, TN_OP_SLICE_SET, (struct tn_arg[]){g, zeros}, 2, call->attrs, call->attr_count));
	}
	if (tn_wants(&f, 1)) {
		tn_give(&f, 1, tn_op_attrs(&f, TN_OP_SLICE, &g, 1, call->attrs, call->attr_count));
	}
	return tn_formula_end(&f);
}

/* ---- by index ---- */

static struct tn_arg by_index(struct tn_formula *f, enum tn_op op, struct tn_arg x, struct tn_arg index) {
	return tn_op_attrs(f, op, (struct tn_arg[]){x, index}, 2, f->call->attrs, 1);
}

static struct tn_arg write_index(struct tn_formula *f, enum tn_op op, struct tn_arg x, struct tn_arg index, struct tn_arg v) {
	return tn_op_attrs(f, op, (struct tn_arg[]){x, index, v}, 3, f->call->attrs, 1);
}

bool tn_grad_gather(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg zeros = tn_filled(&f, call->out_dtype, &call->shapes[0], 0);

	tn_give(&f, 0, write_index(&f, TN_OP_INDEX_ADD, zeros, tn_of_input(&f, 1), tn_of_grad(&f)));
	return tn_formula_end(&f);
}

bool tn_grad_take_along(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg zeros = tn_filled(&f, call->out_dtype, &call->shapes[0], 0);

	tn_give(&f, 0, write_index(&f, TN_OP_SCATTER_ADD, zeros, tn_of_input(&f, 1), tn_of_grad(&f)));
	return tn_formula_end(&f);
}

bool tn_grad_index_add(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);

	tn_give(&f, 0, tn_of_grad(&f));
	if (tn_wants(&f, 2)) {
		tn_give(&f, 2, by_index(&f, TN_OP_GATHER, tn_of_grad(&f), tn_of_input(&f, 1)));
	}
	return tn_formula_end(&f);
}

bool tn_grad_scatter_add(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);

	tn_give(&f, 0, tn_of_grad(&f));
	if (tn_wants(&f, 2)) {
		tn_give(&f, 2, by_index(&f, TN_OP_TAKE_ALONG, tn_of_grad(&f), tn_of_input(&f, 1)));
	}
	return tn_formula_end(&f);
}

/* 0, 1, 2 … in i64, in that shape. */
static struct tn_arg numbered(struct tn_formula *f, const struct tn_shape *shape) {
	struct tn_scalar start = {.literal = true}, step = {.literal = true, .i = 1},
					 stop = {.literal = true, .i = tn_shape_count(shape)};

	return f->failed ? tn_number(0)
					 : tn_shaped(f, tn_hold(f, tn_arange(f->engine, TN_DTYPE_I64, start, stop, step, f->err)), shape);
}

/* True for each index of INDEX_SET that no later one overwrote; with trailing axes of size 1 to broadcast over v. */
static struct tn_arg index_winners(struct tn_formula *f) {
	const struct tn_grad_call *call = f->call;
	struct tn_shape flat = TN_SHAPE(tn_shape_count(&call->shapes[1])), line = TN_SHAPE(call->shapes[0].dims[call->attrs[0]]);
	struct tn_shape broad = call->shapes[1];
	struct tn_arg index = tn_shaped(f, tn_of_input(f, 1), &flat), number = numbered(f, &flat), inputs[3], last;
	int64_t axis = 0;

	inputs[0] = tn_filled(f, TN_DTYPE_I64, &line, 0);
	inputs[1] = index;
	inputs[2] = number;
	inputs[0] = tn_op_attrs(f, TN_OP_INDEX_SET, inputs, 3, &axis, 1);
	last = tn_op_attrs(f, TN_OP_GATHER, inputs, 2, &axis, 1);
	for (int64_t i = call->attrs[0] + 1; i < call->shapes[0].ndim; i++) {
		broad.dims[broad.ndim++] = 1;
	}
	return tn_shaped(f, tn_op2(f, TN_OP_EQ, last, number), &broad);
}

bool tn_grad_index_set(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg g = tn_of_grad(&f), index = tn_of_input(&f, 1);

	if (tn_wants(&f, 0)) {
		tn_give(&f, 0, write_index(&f, TN_OP_INDEX_SET, g, index, tn_filled(&f, call->out_dtype, &call->shapes[2], 0)));
	}
	if (tn_wants(&f, 2)) {
		tn_give(&f, 2, tn_choose(&f, index_winners(&f), by_index(&f, TN_OP_GATHER, g, index), tn_number(0)));
	}
	return tn_formula_end(&f);
}

/* As index_winners, for SCATTER_SET. */
static struct tn_arg scatter_winners(struct tn_formula *f) {
	const struct tn_grad_call *call = f->call;
	struct tn_arg index = tn_of_input(f, 1), number = numbered(f, &call->shapes[1]), written;

	written = write_index(f, TN_OP_SCATTER_SET, tn_filled(f, TN_DTYPE_I64, &call->shapes[0], 0), index, number);
	return tn_op2(f, TN_OP_EQ, by_index(f, TN_OP_TAKE_ALONG, written, index), number);
}

bool tn_grad_scatter_set(struct tn_grad_call *call, struct tn_error *err) {
	struct tn_formula f = tn_formula_begin(call, err);
	struct tn_arg g = tn_of_grad(&f), index = tn_of_input(&f, 1);

	if (tn_wants(&f, 0)) {
		tn_give(&f, 0, write_index(&f, TN_OP_SCATTER_SET, g, index, tn_filled(&f, call->out_dtype, &call->shapes[2], 0)));
	}
	if (tn_wants(&f, 2)) {
		tn_give(&f, 2, tn_choose(&f, scatter_winners(&f), by_index(&f, TN_OP_TAKE_ALONG, g, index), tn_number(0)));
	}
	return tn_formula_end(&f);
}
