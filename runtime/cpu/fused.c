/* SPDX-License-Identifier: Apache-2.0 */
/* Fused programs: elementwise chains with the reductions at their ends. A program becomes one pass for each set of reduced axes
 * (most have one); what is stored as it is goes with the last pass, since it may overwrite inputs. */
#include "cpu/fused.h"

/* Marks the outputs of one pass in `wanted`, `taken` ones left out; false when none is left. */
static bool next_pass(const struct tn_fused *fused, bool *taken, bool *wanted) {
	int64_t mask = -1;
	bool more = false, any = false;

	for (uint32_t i = 0; i < fused->out_count; i++) {
		wanted[i] = false;
		if (taken[i] || fused->outs[i].reduce < 0) {
			continue;
		}
		mask = mask < 0 ? (int64_t)fused->outs[i].axes : mask;
		wanted[i] = taken[i] = fused->outs[i].axes == mask;
		more = more || !wanted[i];
		any = any || wanted[i];
	}
	for (uint32_t i = 0; i < fused->out_count && !more; i++) {
		if (!taken[i]) {
			wanted[i] = taken[i] = any = true;
		}
	}
	return any;
}

bool cpu_fused_prepare(struct cpu_step *step, struct tn_error *err) {
	const struct tn_fused *fused = &step->step->fused;
	struct fused_state *state = tn_calloc(1, sizeof(*state));
	bool *taken = tn_calloc(fused->out_count + 1, sizeof(*taken)), *wanted = tn_calloc(fused->out_count + 1, sizeof(*wanted));
	bool ok = false;

	if (state == NULL || taken == NULL || wanted == NULL) {
		tn_error_memory(err);
		goto done;
	}
	state->passes = tn_calloc((size_t)fused->out_count + 1, sizeof(*state->passes));
	if (state->passes == NULL) {
		tn_error_memory(err);
		goto done;
	}
	while (next_pass(fused, taken, wanted)) {
		struct fused_pass *pass = &state->passes[state->pass_count++];
		size_t size;

		fused_plan_nest(fused, wanted, &pass->nest);
		if (!fused_compile(fused, wanted, pass, err)) {
			goto done;
		}
		size = pass->shared_size + pass->thread_size * (size_t)step->settings->threads;
		step->workspace = size > step->workspace ? size : step->workspace;
	}
	step->state = state;
	ok = true;
done:
	tn_free(taken);
	tn_free(wanted);
	if (!ok) {
		step->state = state;
		cpu_fused_finish(step);
	}
	return ok;
}

bool cpu_fused_run(const struct cpu_call *call, struct tn_error *err) {
	const struct fused_state *state = call->step->state;

	for (uint32_t i = 0; i < state->pass_count; i++) {
		if (!fused_run_pass(&state->passes[i], call, err)) {
			return false;
		}
	}
	return true;
}

void cpu_fused_finish(struct cpu_step *step) {
	struct fused_state *state = step->state;

	for (uint32_t i = 0; state != NULL && i < state->pass_count; i++) {
		fused_pass_finish(&state->passes[i]);
	}
	if (state != NULL) {
		tn_free(state->passes);
	}
	tn_free(state);
	step->state = NULL;
}
