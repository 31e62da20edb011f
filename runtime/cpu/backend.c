/* SPDX-License-Identifier: Apache-2.0 */
/* The backend's interface: memory from the caching allocator, plans as arrays of steps that are walked on the calling thread.
 * Device memory is host memory here, so copies are memcpy and everything has happened when a call returns. */
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "cpu/kernels.h"

/* Segments are made of huge pages, and the first touch of each costs: a size that small programs do not exceed. */
static const size_t segment_size = (size_t)8 << 20, huge_page = (size_t)2 << 20;

struct cpu_backend {
	struct tn_backend base;
	struct cpu_settings settings;
	struct tn_allocator *allocator;
	void *workspace; /* of the running plan's steps; grows */
	size_t workspace_size;
};

/* Where a view's first element lies: all that a run needs of it. */
struct cpu_place {
	uint32_t slot;
	int64_t offset; /* bytes */
};

/* A prepared plan. */
struct cpu_exec {
	const struct tn_plan *plan;
	size_t workspace;
	uint32_t most_inputs, most_outs, most_scalars;
	char **inputs, **outs;      /* addresses of the running step */
	struct tn_scalar *scalars;
	struct cpu_step *steps;     /* plan->step_count */
	struct cpu_place *places;   /* step after step: its inputs, then its outputs */
	const struct cpu_place *next; /* those of the step to be run */
	uint32_t prepared;          /* steps whose prepare succeeded */
};

static struct cpu_backend *cpu_of(struct tn_backend *b) {
	return TN_CONTAINER_OF(b, struct cpu_backend, base);
}

/* ---- memory ---- */

static void *map_pages(void *data, size_t size) {
	(void)data;
	return tn_mem_map(size, huge_page);
}

static void unmap_pages(void *data, void *ptr, size_t size) {
	(void)data;
	tn_mem_unmap(ptr, size);
}

static void *backend_alloc(struct tn_backend *b, size_t size, struct tn_error *err) {
	return tn_allocator_alloc(cpu_of(b)->allocator, size, err);
}

static void backend_free(struct tn_backend *b, void *ptr, size_t size) {
	(void)size;
	tn_allocator_free(cpu_of(b)->allocator, ptr);
}

static void backend_trim(struct tn_backend *b) {
	struct cpu_backend *cpu = cpu_of(b);

	if (cpu->workspace != NULL) {
		tn_allocator_free(cpu->allocator, cpu->workspace);
	}
	cpu->workspace = NULL;
	cpu->workspace_size = 0;
	tn_allocator_trim(cpu->allocator, false);
}

static void backend_memory_stats(struct tn_backend *b, struct tn_memory_stats *out) {
	tn_allocator_stats(cpu_of(b)->allocator, out);
}

static void *backend_host_pointer(struct tn_backend *b, void *ptr) {
	(void)b;
	return ptr;
}

static bool backend_copy(struct tn_backend *b, void *dst, const void *src, size_t size, struct tn_error *err) {
	(void)b;
	(void)err;
	if (size > 0) {
		memcpy(dst, src, size);
	}
	return true;
}

/* ---- what the planner asks ---- */

static bool backend_accepts(struct tn_backend *b, enum tn_op op, enum tn_dtype in, enum tn_dtype out) {
	const struct cpu_kernel *kernel = cpu_kernel_of(op);

	(void)b;
	return kernel != NULL && kernel->accepts(in, out);
}

static void backend_layout(struct tn_backend *b, enum tn_op op, const struct tn_view *inputs, uint32_t count,
	const int64_t *attrs, struct tn_view *out) {
	const struct cpu_kernel *kernel = cpu_kernel_of(op);

	if (kernel != NULL && kernel->layout != NULL) {
		kernel->layout(&cpu_of(b)->settings, inputs, count, attrs, out);
	} else {
		tn_shape_strides(&out->shape, out->stride);
	}
}

/* ---- plans ---- */

static void backend_finish(struct tn_backend *b, void *data) {
	struct cpu_exec *exec = data;

	(void)b;
	for (uint32_t i = 0; i < exec->prepared; i++) {
		struct cpu_step *step = &exec->steps[i];

		if (step->step->is_fused) {
			cpu_fused_finish(step);
		} else if (step->kernel->finish != NULL) {
			step->kernel->finish(step);
		}
	}
	tn_free(exec->inputs);
	tn_free(exec->outs);
	tn_free(exec->scalars);
	tn_free(exec->steps);
	tn_free(exec->places);
	tn_free(exec);
}

static bool prepare_step(struct cpu_step *step, struct tn_error *err) {
	if (step->step->is_fused) {
		return cpu_fused_prepare(step, err);
	}
	step->kernel = cpu_kernel_of(step->step->op);
	if (step->kernel == NULL || step->kernel->run == NULL) {
		return tn_error_set(err, TN_ERR_TYPE, "%s: not there on the CPU", tn_op_name(step->step->op));
	}
	return step->kernel->prepare == NULL || step->kernel->prepare(step, err);
}

static uint32_t input_count(const struct tn_step *step) {
	return step->is_fused ? step->fused.input_count : step->input_count;
}

static uint32_t out_count(const struct tn_step *step) {
	return step->is_fused ? step->fused.out_count : 1;
}

static void note_sizes(struct cpu_exec *exec, const struct tn_step *step) {
	uint32_t inputs = input_count(step), outs = out_count(step);

	exec->most_inputs = inputs > exec->most_inputs ? inputs : exec->most_inputs;
	exec->most_outs = outs > exec->most_outs ? outs : exec->most_outs;
	exec->most_scalars = step->scalar_count > exec->most_scalars ? step->scalar_count : exec->most_scalars;
}

static struct cpu_place place_of(const struct tn_view *view) {
	return (struct cpu_place){view->slot, view->offset * (int64_t)tn_dtype_size(view->dtype)};
}

static bool note_places(struct cpu_exec *exec) {
	const struct tn_plan *plan = exec->plan;
	struct cpu_place *at;
	size_t count = 1;

	for (uint32_t i = 0; i < plan->step_count; i++) {
		count += (size_t)input_count(&plan->steps[i]) + out_count(&plan->steps[i]);
	}
	at = exec->places = tn_calloc(count, sizeof(*exec->places));
	for (uint32_t i = 0; at != NULL && i < plan->step_count; i++) {
		const struct tn_step *step = &plan->steps[i];
		const struct tn_view *inputs = step->is_fused ? step->fused.inputs : step->inputs;

		for (uint32_t k = 0; k < input_count(step); k++) {
			*at++ = place_of(&inputs[k]);
		}
		for (uint32_t k = 0; k < out_count(step); k++) {
			*at++ = place_of(step->is_fused ? &step->fused.outs[k].view : &step->out);
		}
	}
	return at != NULL;
}

static bool backend_prepare(struct tn_backend *b, const struct tn_plan *plan, void **out, struct tn_error *err) {
	struct cpu_exec *exec = tn_calloc(1, sizeof(*exec));

	if (exec == NULL) {
		return tn_error_memory(err);
	}
	exec->plan = plan;
	for (uint32_t i = 0; i < plan->step_count; i++) {
		note_sizes(exec, &plan->steps[i]);
	}
	exec->steps = tn_calloc((size_t)plan->step_count + 1, sizeof(*exec->steps));
	exec->inputs = tn_calloc((size_t)exec->most_inputs + 1, sizeof(*exec->inputs));
	exec->outs = tn_calloc((size_t)exec->most_outs + 1, sizeof(*exec->outs));
	exec->scalars = tn_calloc((size_t)exec->most_scalars + 1, sizeof(*exec->scalars));
	if (exec->steps == NULL || exec->inputs == NULL || exec->outs == NULL || exec->scalars == NULL || !note_places(exec)) {
		tn_error_memory(err);
		goto fail;
	}
	for (uint32_t i = 0; i < plan->step_count; i++) {
		struct cpu_step *step = &exec->steps[i];

		step->step = &plan->steps[i];
		step->settings = &cpu_of(b)->settings;
		if (!prepare_step(step, err)) {
			goto fail;
		}
		exec->prepared++;
		exec->workspace = step->workspace > exec->workspace ? step->workspace : exec->workspace;
	}
	*out = exec;
	return true;
fail:
	backend_finish(b, exec);
	return false;
}

/* Memory that steps use while they run; kept for the next plan. */
static bool reserve_workspace(struct cpu_backend *cpu, size_t size, struct tn_error *err) {
	if (size <= cpu->workspace_size) {
		return true;
	}
	if (cpu->workspace != NULL) {
		tn_allocator_free(cpu->allocator, cpu->workspace);
	}
	cpu->workspace_size = 0;
	cpu->workspace = tn_allocator_alloc(cpu->allocator, size, err);
	if (cpu->workspace == NULL) {
		return false;
	}
	cpu->workspace_size = size;
	return true;
}

/* Steps are run in order: exec->next moves from one's places to those of the next. */
static bool run_step(
	struct cpu_backend *cpu, struct cpu_exec *exec, uint32_t number, const struct tn_run *run, struct tn_error *err) {
	struct cpu_step *step = &exec->steps[number];
	const struct tn_step *desc = step->step;
	struct cpu_call call = {
		.step = step, .inputs = exec->inputs, .outs = exec->outs, .scalars = exec->scalars, .workspace = cpu->workspace,
		.threads = cpu->settings.threads, .interrupt = number < run->commit_step ? run->interrupt : NULL,
	};

	for (uint32_t i = 0; i < desc->scalar_count; i++) {
		const struct tn_plan_scalar *scalar = &exec->plan->scalars[desc->scalars[i]];

		exec->scalars[i] = scalar->literal ? scalar->value : run->scalars[scalar->slot];
	}
	for (uint32_t i = 0; i < input_count(desc); i++, exec->next++) {
		exec->inputs[i] = (char *)run->slots[exec->next->slot] + exec->next->offset;
	}
	for (uint32_t i = 0; i < out_count(desc); i++, exec->next++) {
		exec->outs[i] = (char *)run->slots[exec->next->slot] + exec->next->offset;
	}
	call.out = exec->outs[0];
	return desc->is_fused ? cpu_fused_run(&call, err) : step->kernel->run(&call, err);
}

static bool backend_run(struct tn_backend *b, void *data, struct tn_run *run, struct tn_error *err) {
	struct cpu_backend *cpu = cpu_of(b);
	struct cpu_exec *exec = data;

	run->failed_step = 0;
	exec->next = exec->places;
	if (!reserve_workspace(cpu, exec->workspace, err)) {
		return false;
	}
	for (uint32_t i = 0; i < exec->plan->step_count; i++) {
		run->failed_step = i;
		if (i < run->commit_step && run->interrupt != NULL && *run->interrupt != 0) {
			return tn_error_set(err, TN_ERR_INTERRUPTED, "interrupted");
		}
		if (!run_step(cpu, exec, i, run, err)) {
			return false;
		}
	}
	return true;
}

static bool backend_wait(struct tn_backend *b, struct tn_error *err) {
	(void)b;
	(void)err;
	return true;
}

/* ---- life ---- */

static void backend_destroy(struct tn_backend *b) {
	struct cpu_backend *cpu = cpu_of(b);

	if (cpu->workspace != NULL) {
		tn_allocator_free(cpu->allocator, cpu->workspace);
	}
	tn_allocator_destroy(cpu->allocator);
	tn_free(cpu);
}

static bool backend_copy_in(struct tn_backend *b, void *dst, const void *host, size_t size, struct tn_error *err) {
	return backend_copy(b, dst, host, size, err);
}

static bool backend_copy_out(struct tn_backend *b, void *host, const void *src, size_t size, struct tn_error *err) {
	return backend_copy(b, host, src, size, err);
}

static const struct tn_backend_impl cpu_impl = {
	.name = "cpu",
	.destroy = backend_destroy,
	.alloc = backend_alloc,
	.free = backend_free,
	.trim = backend_trim,
	.memory_stats = backend_memory_stats,
	.host_pointer = backend_host_pointer,
	.copy_in = backend_copy_in,
	.copy_out = backend_copy_out,
	.accepts = backend_accepts,
	.layout = backend_layout,
	.prepare = backend_prepare,
	.finish = backend_finish,
	.run = backend_run,
	.wait = backend_wait,
};

struct tn_backend *tn_cpu_backend_create(const struct tn_cpu_params *params, struct tn_error *err) {
	struct cpu_backend *cpu = tn_calloc(1, sizeof(*cpu));

	if (cpu == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	cpu->base.impl = &cpu_impl;
	cpu->settings.threads = cpu_threads_probe(params->threads);
	cpu->settings.portable = params->portable || tn_setting_flag(TN_SETTING_PORTABLE);
	cpu->allocator = tn_allocator_create(&(struct tn_allocator_params){
		.map = map_pages,
		.unmap = unmap_pages,
		.segment = segment_size,
		.budget = params->budget != 0 ? params->budget : tn_memory_budget(),
#ifdef TN_HARDENED
		.apart = true,
#endif
	});
	if (cpu->allocator == NULL) {
		tn_error_memory(err);
		tn_free(cpu);
		return NULL;
	}
	return &cpu->base;
}
