/* SPDX-License-Identifier: Apache-2.0 */
/* A plan as text, one line a step, for %plan and for tests:
 *   0 fused [128, 256]: add relu; in 2 out 1
 *   1 matmul f32[128, 10]
 *   2 fused [256]: mul add; in 2 out 1, over leaf 0 */
#include <inttypes.h>

#include "tensor/engine.h"

static bool describe_program(const struct tn_fused *f, struct tn_str *out) {
	char text[160];

	tn_shape_format(&f->shape, text);
	if (!tn_str_printf(out, "fused %s:", text)) {
		return false;
	}
	for (uint32_t k = 0; k < f->ins_count; k++) {
		if (!tn_str_printf(out, " %s", tn_op_name(f->ins[k].op))) {
			return false;
		}
	}
	for (uint32_t k = 0; k < f->out_count; k++) {
		if (f->outs[k].reduce >= 0 && !tn_str_printf(out, " %s", tn_op_name((enum tn_op)f->outs[k].reduce))) {
			return false;
		}
	}
	return tn_str_printf(out, "; in %" PRIu32 " out %" PRIu32, f->input_count, f->out_count);
}

/* Leaves whose buffer the step writes over. */
static bool describe_donors(const struct tn_cached_plan *cached, const struct tn_step *step, struct tn_str *out) {
	uint32_t leaf_count = cached->plan.leaf_count, count = step->is_fused ? step->fused.out_count : 1;

	for (uint32_t k = 0; k < count; k++) {
		uint32_t slot = step->is_fused ? step->fused.outs[k].view.slot : step->out.slot;
		bool result = slot >= leaf_count && slot < leaf_count + cached->result_count;

		if (result && cached->donor[slot - leaf_count] != TN_REF_NONE &&
			!tn_str_printf(out, ", over leaf %" PRIu32, cached->donor[slot - leaf_count])) {
			return false;
		}
	}
	return true;
}

bool tn_plan_describe(const struct tn_cached_plan *cached, struct tn_str *out) {
	for (uint32_t i = 0; i < cached->plan.step_count; i++) {
		const struct tn_step *step = &cached->plan.steps[i];
		bool ok = tn_str_printf(out, "%" PRIu32 " ", i);

		if (ok && step->is_fused) {
			ok = describe_program(&step->fused, out);
		} else if (ok) {
			char text[176];

			tn_describe(step->out.dtype, &step->out.shape, text);
			ok = tn_str_printf(out, "%s %s", tn_op_name(step->op), text);
		}
		if (!ok || !describe_donors(cached, step, out) || !tn_str_append_char(out, '\n')) {
			return false;
		}
	}
	return true;
}
