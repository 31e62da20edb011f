/* SPDX-License-Identifier: Apache-2.0 */
/* Makers: one value everywhere, and arithmetic sequences. */
#include "cpu/move.h"

static bool accepts_any(enum tn_dtype in, enum tn_dtype out) {
	(void)in;
	(void)out;
	return true;
}

static bool run_full(const struct cpu_call *call, struct tn_error *err) {
	const struct tn_view *out = &call->step->step->out;
	struct tn_view value = {.dtype = out->dtype, .shape = out->shape};
	union { char bytes[8]; uint64_t aligned; } element;
	struct cpu_move move;

	if (call->scalars[0].is_float) {
		tn_element_set_f64(out->dtype, element.bytes, call->scalars[0].f);
	} else {
		tn_element_set_i64(out->dtype, element.bytes, call->scalars[0].i);
	}
	cpu_move_init(&move, out, call->out, &value, element.bytes);
	return cpu_move_run(&move, call, err);
}

static double scalar_f64(const struct tn_scalar *s) {
	return s->is_float ? s->f : (double)s->i;
}

/* start + k * step: of integers exactly (they wrap), else in f64 and rounded once. */
static bool run_arange(const struct cpu_call *call, struct tn_error *err) {
	const struct tn_view *out = &call->step->step->out;
	const struct tn_scalar *start = &call->scalars[0], *step = &call->scalars[1];
	int64_t count = tn_shape_count(&out->shape), size = (int64_t)tn_dtype_size(out->dtype);
	int64_t stride = out->shape.ndim > 0 ? out->stride[0] * size : 0;

	for (int64_t k = 0; k < count; k++) {
		if (k % CPU_LOOK == 0 && cpu_interrupted(call, err)) {
			return false;
		}
		if (!start->is_float && !step->is_float) {
			tn_element_set_i64(
				out->dtype, call->out + k * stride, (int64_t)((uint64_t)start->i + (uint64_t)k * (uint64_t)step->i));
		} else {
			tn_element_set_f64(out->dtype, call->out + k * stride, scalar_f64(start) + (double)k * scalar_f64(step));
		}
	}
	return true;
}

const struct cpu_kernel cpu_full = {.run = run_full, .accepts = accepts_any};
const struct cpu_kernel cpu_arange = {.run = run_arange, .accepts = accepts_any};
