/* SPDX-License-Identifier: Apache-2.0 */
/* Ops that only move elements: copies, joining along an axis, borders, replacing a slice. */
#include "cpu/move.h"

static bool accepts_same(enum tn_dtype in, enum tn_dtype out) {
	return in == out;
}

static bool move_views(const struct cpu_call *call, const struct tn_view *out, char *to, const struct tn_view *in,
	const char *from, struct tn_error *err) {
	struct cpu_move move;

	cpu_move_init(&move, out, to, in, from);
	return cpu_move_run(&move, call, err);
}

static bool run_copy(const struct cpu_call *call, struct tn_error *err) {
	const struct tn_step *step = call->step->step;

	return move_views(call, &step->out, call->out, &step->inputs[0], call->inputs[0], err);
}

/* Each input goes to its place along the axis. */
static bool run_cat(const struct cpu_call *call, struct tn_error *err) {
	const struct tn_step *step = call->step->step;
	int axis = (int)step->attrs[0];
	int64_t bytes = step->out.stride[axis] * (int64_t)tn_dtype_size(step->out.dtype), at = 0;

	for (uint32_t i = 0; i < step->input_count; i++) {
		if (!move_views(call, &step->out, call->out + at * bytes, &step->inputs[i], call->inputs[i], err)) {
			return false;
		}
		at += step->inputs[i].shape.dims[axis];
	}
	return true;
}

/* The border's value everywhere, then the inside over it. */
static bool run_pad(const struct cpu_call *call, struct tn_error *err) {
	const struct tn_step *step = call->step->step;
	const struct tn_view *out = &step->out;
	struct tn_view border = {.dtype = out->dtype, .shape = out->shape};
	int64_t inside = 0;
	union { char bytes[8]; uint64_t aligned; } value;

	if (call->scalars[0].is_float) {
		tn_element_set_f64(out->dtype, value.bytes, call->scalars[0].f);
	} else {
		tn_element_set_i64(out->dtype, value.bytes, call->scalars[0].i);
	}
	for (int k = 0; k < out->shape.ndim; k++) {
		inside += step->attrs[2 * k] * out->stride[k];
	}
	return move_views(call, out, call->out, &border, value.bytes, err) &&
	       move_views(call, out, call->out + inside * (int64_t)tn_dtype_size(out->dtype), &step->inputs[0], call->inputs[0], err);
}

/* SLICE_SET(x, value): attr: start, step of each axis. The result may lie on x. */
static bool run_slice_set(const struct cpu_call *call, struct tn_error *err) {
	const struct tn_step *step = call->step->step;
	struct tn_view slice = step->out;
	int64_t start = 0;

	if (call->out != call->inputs[0] && !move_views(call, &step->out, call->out, &step->inputs[0], call->inputs[0], err)) {
		return false;
	}
	for (int k = 0; k < step->out.shape.ndim; k++) {
		start += step->attrs[2 * k] * step->out.stride[k];
		slice.stride[k] *= step->attrs[2 * k + 1];
	}
	return move_views(
		call, &slice, call->out + start * (int64_t)tn_dtype_size(slice.dtype), &step->inputs[1], call->inputs[1], err);
}

const struct cpu_kernel cpu_copy = {.run = run_copy, .accepts = accepts_same};
const struct cpu_kernel cpu_cat = {.run = run_cat, .accepts = accepts_same};
const struct cpu_kernel cpu_pad = {.run = run_pad, .accepts = accepts_same};
const struct cpu_kernel cpu_slice_set = {.run = run_slice_set, .accepts = accepts_same};
