/* SPDX-License-Identifier: Apache-2.0 */
/* The engine and its flush: what is pending is looked up among the plans (or planned), bound to addresses, run, and either all of
 * it commits or none of it happens. Everything that can fail before the first step (memory, compilation) fails before it; donated
 * buffers are written only from the plan's commit step on, behind everything that can fail in a run. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/engine.h"

/* ---- life ---- */

struct tn_engine *tn_engine_create(const struct tn_engine_params *params, struct tn_error *err) {
	struct tn_engine *e = tn_calloc(1, sizeof(*e));

	if (e == NULL) {
		params->backend->impl->destroy(params->backend);
		tn_error_memory(err);
		return NULL;
	}
	e->backend = params->backend;
	e->hooks = params->hooks;
	e->interrupt = params->interrupt;
	e->eager = params->eager || tn_setting_flag(TN_SETTING_EAGER);
	e->stamp = 1;
	tn_arena_init(&e->tape_memory);
	return e;
}

void tn_engine_destroy(struct tn_engine *e) {
	if (e == NULL) {
		return;
	}
	while (e->grads != NULL) {
		tn_grad_abort(e->grads);
	}
	tn_graph_clear(e);
	tn_cache_clear(e);
	tn_free(e->lines);
	tn_failure_unref(e->spare_failure);
	tn_graph_finish(e);
	TN_VEC_FINISH(&e->tape);
	tn_arena_finish(&e->tape_memory);
	TN_VEC_FINISH(&e->key);
	TN_VEC_FINISH(&e->slots);
	TN_VEC_FINISH(&e->results);
	e->backend->impl->destroy(e->backend);
	tn_free(e);
}

bool tn_engine_interrupted(const struct tn_engine *e, struct tn_error *err) {
	if (e->interrupt == NULL || *e->interrupt == 0) {
		return false;
	}
	tn_error_set(err, TN_ERR_INTERRUPTED, "interrupted");
	return true;
}

void tn_engine_listen(struct tn_engine *e, struct tn_flush_listener *listener) {
	listener->next = e->listeners;
	e->listeners = listener;
}

void tn_engine_unlisten(struct tn_engine *e, struct tn_flush_listener *listener) {
	for (struct tn_flush_listener **at = &e->listeners; *at != NULL; at = &(*at)->next) {
		if (*at == listener) {
			*at = listener->next;
			return;
		}
	}
}

void tn_engine_set_site(struct tn_engine *e, uint64_t site) {
	e->site = site;
}

struct tn_backend *tn_engine_backend(struct tn_engine *e) {
	return e->backend;
}

struct tn_modes *tn_engine_modes(struct tn_engine *e) {
	return &e->modes;
}

bool tn_training(const struct tn_engine *e) {
	return e->modes.train == TN_TRAIN_ON || (e->modes.train == TN_TRAIN_UNSET && e->modes.grad_trains);
}

struct tn_random_state *tn_engine_random(struct tn_engine *e) {
	return &e->random;
}

uint32_t tn_pending_nodes(const struct tn_engine *e) {
	return (uint32_t)e->nodes.count;
}

double tn_pending_flops(const struct tn_engine *e) {
	return e->flops;
}

void tn_engine_get_stats(const struct tn_engine *e, struct tn_engine_stats *out) {
	struct tn_memory_stats memory;

	e->backend->impl->memory_stats(e->backend, &memory);
	*out = e->stats;
	out->memory_used = memory.used;
	out->memory_cached = memory.cached;
	out->memory_peak = memory.peak;
	out->memory_budget = memory.budget;
}

bool tn_engine_describe_last_plan(const struct tn_engine *e, struct tn_str *out) {
	return e->last_plan == NULL || tn_plan_describe(e->last_plan, out);
}

void tn_engine_trim(struct tn_engine *e) {
	tn_cache_clear(e);
	e->backend->impl->trim(e->backend);
}

void tn_engine_rest(struct tn_engine *e) {
	e->backend->impl->trim(e->backend);
}

/* ---- the plan of a flush ---- */

/* Nobody will read this leaf's buffer after the flush: all references to it are tensors of the leaf table that have no other
 * holder, or tensors that only undoing holds. Then a result may take the place of a leaf that is all of the buffer. */
static bool leaf_is_donatable(const struct tn_engine *e, const struct tn_leaf *leaf) {
	const struct tn_tensor *t = leaf->tensor;
	const struct tn_buffer *b = t->buffer;
	int handles = (int)b->undo_holds;

	if (e->eager || t->offset != 0 || b->size != (size_t)tn_shape_count(&t->shape) * tn_dtype_size(t->dtype) ||
		!tn_strides_are_dense(&t->shape, t->stride)) {
		return false;
	}
	for (uint32_t k = b->leaf; k != TN_REF_NONE; k = e->leaves.items[k].next) {
		if (e->leaves.items[k].tensor->refs != 1) {
			return false;
		}
		handles++;
	}
	return __atomic_load_n(&b->refs, __ATOMIC_ACQUIRE) == handles || TN_MUTATED(donated_though_held);
}

/* The part of the key that is known only now: a bit for each live node, then each leaf's dtype, shape, strides and whether its
 * buffer may be overwritten, and which leaf shares it. */
static bool make_key(struct tn_engine *e, uint64_t *hash) {
	size_t live_words = (e->nodes.count + 63) / 64, need = live_words + e->leaves.count * (1 + 2 * TN_MAX_NDIM);
	uint64_t *w;

	e->key.count = 0;
	if (!TN_VEC_RESERVE(&e->key, need)) {
		return false;
	}
	w = e->key.items;
	memset(w, 0, live_words * sizeof(*w));
	for (size_t i = 0; i < e->nodes.count; i++) {
		w[i / 64] |= (uint64_t)(e->nodes.items[i].tensor != NULL) << i % 64;
	}
	w += live_words;
	for (size_t i = 0; i < e->leaves.count; i++) {
		const struct tn_tensor *t = e->leaves.items[i].tensor;
		size_t ndim = (size_t)t->shape.ndim;

		*w++ = (uint64_t)t->dtype | (uint64_t)t->shape.ndim << 8 | (uint64_t)(leaf_is_donatable(e, &e->leaves.items[i]) && !TN_MUTATED(key_without_donation)) << 16 |
			(uint64_t)e->leaves.items[i].next << 32;
		memcpy(w, t->shape.dims, ndim * sizeof(*w));
		memcpy(w + ndim, TN_MUTATED(key_without_strides) ? t->shape.dims : t->stride, ndim * sizeof(*w));
		w += 2 * ndim;
	}
	e->key.count = (size_t)(w - e->key.items);
	*hash = e->hash;
	for (size_t i = 0; i < e->key.count; i++) {
		*hash = tn_hash_mix(*hash, e->key.items[i]);
	}
	return true;
}

static struct tn_cached_plan *new_plan(struct tn_engine *e, uint64_t hash, struct tn_error *err) {
	bool *donatable = tn_calloc(e->leaves.count + 1, sizeof(bool));
	struct tn_cached_plan *plan = NULL;
	int64_t start = tn_clock_ns();

	if (donatable == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < e->leaves.count; i++) {
		donatable[i] = leaf_is_donatable(e, &e->leaves.items[i]);
	}
	plan = tn_plan_build(e, donatable, err);
	tn_free(donatable);
	if (plan != NULL && plan->plan.step_count > 0 && !e->backend->impl->prepare(e->backend, &plan->plan, &plan->exec, err)) {
		plan->exec = NULL;
		tn_cached_plan_destroy(e, plan);
		plan = NULL;
	}
	if (plan != NULL && !tn_cache_add(e, plan, hash)) {
		tn_cached_plan_destroy(e, plan);
		tn_error_memory(err);
		plan = NULL;
	}
	e->stats.compile_ns += tn_clock_ns() - start;
	e->stats.plan_misses++;
	return plan;
}

static struct tn_cached_plan *find_plan(struct tn_engine *e, struct tn_error *err) {
	struct tn_cached_plan *plan;
	uint64_t hash;

	if (!make_key(e, &hash)) {
		tn_error_memory(err);
		return NULL;
	}
	plan = tn_cache_find(&e->cache, e, hash);
	if (plan != NULL) {
		e->stats.plan_hits++;
		return plan;
	}
	tn_flush_line_miss(e, hash);
	return new_plan(e, hash, err);
}

/* ---- one run ---- */

static void drop_results(struct tn_engine *e) {
	for (size_t i = 0; i < e->results.count; i++) {
		tn_buffer_unref(e->results.items[i]);
	}
	e->results.count = 0;
}

static bool writes(const struct tn_step *step, uint32_t slot) {
	for (uint32_t i = 0; step->is_fused && i < step->fused.out_count; i++) {
		if (step->fused.outs[i].view.slot == slot) {
			return true;
		}
	}
	return !step->is_fused && step->out.slot == slot;
}

/* The node whose step is the first to write there; `otherwise` where none does. */
static uint32_t node_of_slot(const struct tn_cached_plan *cached, uint32_t slot, uint32_t otherwise) {
	for (uint32_t i = 0; i < cached->plan.step_count; i++) {
		if (writes(&cached->plan.steps[i], slot)) {
			return cached->plan.steps[i].node;
		}
	}
	return otherwise;
}

/* What the arena is mostly for. */
static uint32_t largest_temporary(const struct tn_cached_plan *cached) {
	const struct tn_plan *plan = &cached->plan;
	uint32_t largest = plan->leaf_count + cached->result_count;

	for (uint32_t i = largest + 1; i < plan->slot_count; i++) {
		largest = plan->slots[i].size > plan->slots[largest].size ? i : largest;
	}
	return largest;
}

/* Buffers of the results: those of donors, or new ones. *node: for which one there was no memory. */
static bool make_results(struct tn_engine *e, const struct tn_cached_plan *plan, uint32_t *node, struct tn_error *err) {
	e->results.count = 0;
	if (!TN_VEC_RESERVE(&e->results, plan->result_count)) {
		return tn_error_memory(err);
	}
	for (uint32_t i = 0; i < plan->result_count; i++) {
		struct tn_buffer *b;

		if (plan->donor[i] != TN_REF_NONE) {
			assert(leaf_is_donatable(e, &e->leaves.items[plan->donor[i]])); /* as the key says */
			b = tn_buffer_ref(e->leaves.items[plan->donor[i]].tensor->buffer);
		} else {
			b = tn_buffer_create(e, plan->plan.slots[plan->plan.leaf_count + i].size, err);
		}
		if (b == NULL) {
			*node = node_of_slot(plan, plan->plan.leaf_count + i, *node);
			drop_results(e);
			return false;
		}
		e->results.items[e->results.count++] = b;
	}
	return true;
}

/* Addresses of all slots; *arena is the run's, to be freed. *node: what there was no memory for, where one can be named. */
static bool bind(struct tn_engine *e, const struct tn_cached_plan *cached, void **arena, uint32_t *node, struct tn_error *err) {
	const struct tn_plan *plan = &cached->plan;
	void **slots;

	*arena = NULL;
	if (!TN_VEC_RESERVE(&e->slots, (size_t)plan->slot_count + 1)) {
		return tn_error_memory(err);
	}
	if (!make_results(e, cached, node, err)) {
		return false;
	}
	if (plan->arena_size > 0) {
		*arena = e->backend->impl->alloc(e->backend, plan->arena_size, err);
		if (*arena == NULL) {
			*node = node_of_slot(cached, largest_temporary(cached), *node);
			drop_results(e);
			return false;
		}
	}
	slots = e->slots.items;
	for (uint32_t i = 0; i < plan->leaf_count; i++) {
		const struct tn_tensor *t = e->leaves.items[i].tensor;

		slots[i] = (char *)t->buffer->ptr + (TN_MUTATED(leaf_offset_ignored) ? 0 : t->offset) * (int64_t)tn_dtype_size(t->dtype);
	}
	for (uint32_t i = 0; i < cached->result_count; i++) {
		slots[plan->leaf_count + i] = e->results.items[i]->ptr;
	}
	for (uint32_t i = plan->leaf_count + cached->result_count; i < plan->slot_count; i++) {
		slots[i] = (char *)*arena + plan->slots[i].arena_offset;
	}
	return true;
}

/* Live tensors get their contents. */
static void commit(struct tn_engine *e, const struct tn_cached_plan *cached) {
	uint32_t leaf_count = cached->plan.leaf_count;

	for (uint32_t i = 0; i < cached->output_count; i++) {
		const struct tn_plan_output *out = &cached->outputs[i];
		const struct tn_tensor *leaf = out->slot < leaf_count ? e->leaves.items[out->slot].tensor : NULL;
		struct tn_buffer *b = leaf != NULL ? leaf->buffer : e->results.items[out->slot - leaf_count];

		tn_tensor_settle(
			e->nodes.items[out->node].tensor, tn_buffer_ref(b), out->offset + (leaf != NULL ? leaf->offset : 0), out->stride);
	}
	drop_results(e);
}

const char *tn_engine_running(const struct tn_engine *e, uint64_t *site) {
	const struct tn_cached_plan *cached = e->running;
	if (cached == NULL || e->run->failed_step >= cached->plan.step_count) {
		return NULL;
	}
	const struct tn_step *step = &cached->plan.steps[e->run->failed_step];
	*site = step->node < e->nodes.count ? tn_pending_user_site(&e->nodes.items[step->node]) : 0;
	return step->is_fused ? "a chain of elementwise ops" : tn_op_name(step->op);
}

static bool run_plan(struct tn_engine *e, struct tn_cached_plan *cached, uint32_t *node, struct tn_error *err) {
	struct tn_run run = {.interrupt = e->interrupt, .commit_step = cached->commit_step};
	int64_t start = tn_clock_ns(), bound;
	void *arena;
	bool ok = true;

	if (!bind(e, cached, &arena, node, err)) {
		return false;
	}
	bound = tn_clock_ns();
	e->stats.bind_ns += bound - start;
	run.slots = e->slots.items;
	run.scalars = e->scalars.items;
	if (cached->exec != NULL) {
		e->run = &run;
		e->running = cached;
		ok = e->backend->impl->run(e->backend, cached->exec, &run, err) && e->backend->impl->wait(e->backend, err);
		e->running = NULL;
		if (!ok && run.failed_step < cached->plan.step_count) {
			*node = cached->plan.steps[run.failed_step].node;
		}
	}
	e->stats.run_ns += tn_clock_ns() - bound;
	if (arena != NULL) {
		e->backend->impl->free(e->backend, arena, cached->plan.arena_size);
	}
	if (!ok) {
		drop_results(e);
		return false;
	}
	e->stats.steps_run += cached->plan.step_count;
	commit(e, cached);
	return true;
}

/* ---- the flush ---- */

/* Every tensor that waited repeats this error from now on. */
static void fail_pending(struct tn_engine *e, struct tn_failure *failure) {
	for (size_t i = 0; i < e->nodes.count; i++) {
		if (e->nodes.items[i].tensor != NULL) {
			tn_tensor_fail(e->nodes.items[i].tensor, failure);
		}
	}
}

/* The plan and its run; once more without cached plans and free segments when memory is out. */
static bool plan_and_run(struct tn_engine *e, struct tn_error *err) {
	for (int attempt = 0;; attempt++) {
		uint32_t node = (uint32_t)e->nodes.count - 1; /* which failed: a number in this recording, whoever made the plan */
		struct tn_cached_plan *plan = find_plan(e, err);

		if (plan != NULL) {
			e->last_plan = plan;
			if (run_plan(e, plan, &node, err)) {
				return true;
			}
		}
		if (err->kind == TN_ERR_MEMORY && attempt == 0) {
			tn_engine_trim(e);
			tn_error_clear(err);
			continue;
		}
		if (e->hooks.locate != NULL) {
			e->hooks.locate(e->hooks.data, e->nodes.items[node].origin, err);
		}
		return false;
	}
}

/* The failure that this flush would leave, made before anything else, since without one the tensors would be lost; kept for the
 * next flush when it was not needed. */
static bool prepare_failure(struct tn_engine *e, struct tn_error *err) {
	if (e->spare_failure == NULL) {
		e->spare_failure = tn_calloc(1, sizeof(*e->spare_failure));
		if (e->spare_failure == NULL) {
			return tn_error_memory(err);
		}
		e->spare_failure->refs = 1;
	}
	return true;
}

bool tn_flush(struct tn_engine *e, const char *cause, struct tn_error *err) {
	struct tn_engine_stats before;
	struct tn_failure *failure;
	bool ok;

	if (e->nodes.count == 0) {
		if (e->leaves.count > 0) {
			tn_graph_clear(e); /* of a node that could not be recorded */
		}
		return true;
	}
	assert(!e->flushing);
	if (!prepare_failure(e, err)) {
		return false; /* nothing has happened: all of it stays pending */
	}
	failure = e->spare_failure;
	e->flushing = true;
	before = e->stats;
	e->epoch++;
	tn_flush_line_begin(e, cause);
	e->stats.flushes++;
	e->stats.nodes_run += e->nodes.count;
	if (e->hooks.before_flush != NULL) {
		e->hooks.before_flush(e->hooks.data);
	}
	ok = plan_and_run(e, &failure->err);
	if (!ok) {
		e->spare_failure = NULL;
		fail_pending(e, failure);
		if (err != NULL && !tn_error_is_set(err)) {
			*err = failure->err;
		}
	}
	tn_graph_clear(e);
	e->flushing = false;
	if (e->hooks.after_flush != NULL) {
		e->hooks.after_flush(e->hooks.data, ok, ok ? NULL : &failure->err);
	}
	for (struct tn_flush_listener *l = e->listeners; l != NULL; l = l->next) {
		l->flushed(l->data);
	}
	tn_flush_line_end(e, ok, &before);
	if (!ok) {
		tn_failure_unref(failure);
	}
	return ok;
}
