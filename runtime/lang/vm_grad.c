/* SPDX-License-Identifier: Apache-2.0 */
/* grad (w, …) { … }: LANGUAGE.md section 7. At the beginning each weight in the named variables is replaced by a leaf; at the end those
 * leaves that still stand there become the weights again, and the gradients are put into trees of the variables' types. */
#include <stdio.h>
#include <string.h>

#include "lang/vm.h"

static void grad_free(struct vm_grad *g) {
	uint32_t n = g->row->count;
	for (uint32_t i = 0; i < n; i++) {
		tn_value_unref(g->places[i]);
		tn_value_unref(g->trees[i]);
	}
	for (size_t i = 0; i < g->leaves.count; i++) {
		tn_tensor_unref(g->leaves.items[i]);
	}
	for (size_t i = 0; i < g->originals.count; i++) {
		tn_tensor_unref(g->originals.items[i]);
	}
	TN_VEC_FINISH(&g->leaves);
	TN_VEC_FINISH(&g->originals);
	TN_VEC_FINISH(&g->chosen);
	tn_free(g->places);
	tn_free(g->trees);
	tn_free(g->first);
	tn_free(g->first_weight);
	tn_free(g);
}

static struct vm_grad *grad_create(const struct tn_block_row *row) {
	struct vm_grad *g = tn_calloc(1, sizeof(*g));
	if (g == NULL) {
		return NULL;
	}
	g->row = row;
	g->places = tn_calloc(row->count, sizeof(g->places[0]));
	g->trees = tn_calloc(row->count, sizeof(g->trees[0]));
	g->first = tn_calloc((size_t)row->count + 1, sizeof(g->first[0]));
	g->first_weight = tn_calloc((size_t)row->count + 1, sizeof(g->first_weight[0]));
	if (g->places == NULL || g->trees == NULL || g->first == NULL || g->first_weight == NULL) {
		tn_free(g->places);
		tn_free(g->trees);
		tn_free(g->first);
		tn_free(g->first_weight);
		tn_free(g);
		return NULL;
	}
	return g;
}

/* ---- leaves ---- */

struct leaf_maker { struct tn_vm *vm; struct vm_grad *g; struct tn_value only; };

static bool is_chosen(struct leaf_maker *m, const char *path, struct tn_value leaf, bool *out, struct tn_error *err) {
	struct tn_value args[2] = {tn_void(), leaf}, result = tn_void();
	*out = true;
	if (m->only.tag == TN_VOID) {
		return true;
	}
	if (!tn_string_create(path, strlen(path), &args[0], err)) {
		return false;
	}
	bool ok = tn_call_value(m->vm->lang, m->only, args, 2, &result, err) && vm_to_bool(result, out, err);
	tn_value_unref(args[0]);
	tn_value_unref(result);
	return ok;
}

static bool make_leaf(void *data, const char *path, struct tn_value leaf, bool is_weight, struct tn_value *out, struct tn_error *err) {
	struct leaf_maker *m = data;
	bool chosen = false;
	if (is_weight && !is_chosen(m, path, leaf, &chosen, err)) {
		return false;
	}
	if (is_weight && !TN_VEC_PUSH(&m->g->chosen, chosen)) {
		return tn_error_memory(err);
	}
	if (!chosen) {
		*out = tn_value_ref(leaf);
		return true;
	}
	if (!TN_VEC_RESERVE(&m->g->leaves, m->g->leaves.count + 1) || !TN_VEC_RESERVE(&m->g->originals, m->g->originals.count + 1)) {
		return tn_error_memory(err);
	}
	struct tn_tensor *t = tn_grad_leaf(m->g->record, leaf.tensor, err);
	if (t == NULL) {
		return false;
	}
	m->g->leaves.items[m->g->leaves.count++] = tn_tensor_ref(t);
	m->g->originals.items[m->g->originals.count++] = tn_tensor_ref(leaf.tensor);
	*out = tn_tensor_value(t);
	return true;
}

static bool place_leaves(struct tn_vm *vm, struct vm_grad *g, uint32_t i, struct tn_value only, struct tn_error *err) {
	struct leaf_maker m = {.vm = vm, .g = g, .only = only};
	struct tn_value *slot, tree;
	g->first[i] = (uint32_t)g->leaves.count;
	g->first_weight[i] = (uint32_t)g->chosen.count;
	if (!tn_ref_read(g->places[i].ref, &slot, err)) {
		return false;
	}
	g->trees[i] = tn_value_ref(*slot);
	if (slot->tag == TN_EMPTY) {
		return tn_error_at(err, g->row->places[i], TN_ERR_VALUE, "grad: the variable is empty");
	}
	if (!tn_tree_map(g->trees[i], make_leaf, &m, &tree, err)) {
		return false;
	}
	if (!tn_ref_write_quiet(g->places[i].ref, &slot, err)) {
		tn_value_unref(tree);
		return false;
	}
	tn_value_store(slot, tree);
	if (g->leaves.count == g->first[i]) {
		return tn_error_at(err, g->row->places[i], TN_ERR_VALUE, "grad: there are no weights to differentiate with respect to here");
	}
	return true;
}

/* Weights stand in their places again: the walk meets the leaves in their order where nothing was assigned. */
struct restorer { struct vm_grad *g; size_t next; };

static bool restore_leaf(void *data, const char *path, struct tn_value *slot, bool is_weight, struct tn_error *err) {
	struct restorer *r = data;
	const struct vm_grad *g = r->g;
	(void)path;
	(void)is_weight;
	(void)err;
	size_t n = g->leaves.count;
	for (size_t k = 0; slot->tag == TN_TENSOR && k < n; k++) {
		size_t at = (r->next + k) % n;
		if (g->leaves.items[at] == slot->tensor) {
			tn_value_store(slot, tn_tensor_value(tn_tensor_ref(g->originals.items[at])));
			r->next = at + 1;
			break;
		}
	}
	return true;
}

static void restore(struct vm_grad *g) {
	struct restorer r = {.g = g};
	struct tn_value *slot;
	for (uint32_t i = 0; i < g->row->count; i++) {
		struct tn_error ignored = {0};
		r.next = g->first[i];
		if (g->places[i].tag == TN_REF && tn_ref_read(g->places[i].ref, &slot, &ignored) && !tn_tree_walk(slot, true, restore_leaf, &r, &ignored)) {
			tn_log(TN_LOG_DEBUG, "leaves stay where a variable no longer holds a tree");
		}
	}
}

void vm_grad_leave(struct vm_grad *g) {
	if (g != NULL) {
		tn_grad_abort(g->record);
		restore(g);
		grad_free(g);
	}
}

bool vm_grad_begin(struct tn_vm *vm, const struct tn_block_row *row, struct tn_value *registers, struct tn_error *err) {
	struct vm_grad *g = grad_create(row);
	struct tn_value only = registers[row->count];
	if (g == NULL || !TN_VEC_RESERVE(&vm->handlers, vm->handlers.count + 1)) {
		if (g != NULL) {
			grad_free(g);
		}
		return tn_error_memory(err);
	}
	for (uint32_t i = 0; i < row->count; i++) {
		g->places[i] = registers[i];
		registers[i] = tn_void();
	}
	registers[row->count] = tn_void();
	g->record = tn_grad_begin(vm->engine, err);
	bool ok = g->record != NULL;
	for (uint32_t i = 0; ok && i < row->count; i++) {
		ok = place_leaves(vm, g, i, only, err);
	}
	tn_value_unref(only);
	if (!ok) {
		vm_grad_leave(g);
		return false;
	}
	g->first[row->count] = (uint32_t)g->leaves.count;
	struct tn_modes *modes = tn_engine_modes(vm->engine);
	vm->handlers.items[vm->handlers.count++] = (struct vm_handler){.row = row, .frame = vm->depth - 1, .modes = *modes, .grad = g};
	modes->grad_trains = modes->grad_trains || !row->bare_tensors;
	return true;
}

/* ---- gradients ---- */

struct grad_maker { struct tn_vm *vm; struct vm_grad *g; struct tn_tensor **grads; size_t weight, leaf; uint32_t reached, unreached; char name[96]; };

static bool make_gradient(void *data, const char *path, struct tn_value leaf, bool is_weight, struct tn_value *out, struct tn_error *err) {
	struct grad_maker *m = data;
	*out = tn_empty();
	if (!is_weight || !m->g->chosen.items[m->weight++]) {
		return true;
	}
	struct tn_tensor *t = m->grads[m->leaf];
	m->grads[m->leaf++] = NULL;
	if (t == NULL) {
		snprintf(m->name, sizeof(m->name), "%s", path);
		m->unreached++;
		t = tn_full(m->vm->engine, tn_tensor_dtype(leaf.tensor), tn_tensor_shape(leaf.tensor), (struct tn_scalar){.literal = true}, err);
	} else {
		m->reached++;
	}
	if (t == NULL) {
		return false;
	}
	*out = tn_tensor_value(t);
	return true;
}

static void place_name(struct tn_span span, char out[96]) {
	size_t n = span.source == NULL || span.end < span.begin ? 0 : span.end - span.begin;
	snprintf(out, 96, "%.*s", (int)(n > 90 ? 90 : n), n == 0 ? "" : span.source->text + span.begin);
}

static void warn_unreached(struct tn_vm *vm, const struct grad_maker *m, struct tn_span place) {
	struct tn_error warning = {0};
	char name[96];
	const struct tn_lang_output *out = &vm->lang->output;
	place_name(place, name);
	const char *dot = m->name[0] == '\0' ? "" : ".";
	if (m->unreached == 1) {
		tn_error_at(&warning, place, TN_ERR_ERROR, "the value of the grad block does not depend on %s%s%s: its gradient is zero", name, dot, m->name);
	} else {
		tn_error_at(&warning, place, TN_ERR_ERROR, "the value of the grad block does not depend on %u weights of %s, %s%s%s among them: their gradients are zero",
			m->unreached, name, name, dot, m->name);
	}
	if (out->warning != NULL) {
		out->warning(out->data, &warning);
	}
}

static bool gradient_trees(struct tn_vm *vm, struct vm_grad *g, struct tn_tensor **grads, struct tn_value *out, struct tn_error *err) {
	struct grad_maker m = {.vm = vm, .g = g, .grads = grads};
	for (uint32_t i = 0; i < g->row->count; i++) {
		m.reached = m.unreached = 0;
		m.weight = g->first_weight[i];
		if (!tn_tree_map(g->trees[i], make_gradient, &m, &out[i], err)) {
			return false;
		}
		if (m.reached == 0 && !g->row->allow_unused) {
			char name[96];
			place_name(g->row->places[i], name);
			tn_error_at(err, g->row->places[i], TN_ERR_VALUE, "the value of the grad block does not depend on %s", name);
			tn_error_hint(err, "a copy of %s made before the block is a constant; allow_unused: true gives zeros", name);
			return false;
		}
		if (m.unreached > 0 && !g->row->allow_unused) {
			warn_unreached(vm, &m, g->row->places[i]);
		}
	}
	return true;
}

static struct tn_tensor *scalar_of(struct tn_value v) {
	if (v.tag == TN_TUPLE && v.tuple->count > 0) {
		v = v.tuple->items[0];
	}
	return v.tag == TN_TENSOR ? v.tensor : NULL;
}

static bool differentiate(struct tn_vm *vm, struct vm_grad *g, struct tn_value value, struct tn_value *trees, struct tn_error *err) {
	struct tn_tensor *t = scalar_of(value), **grads = tn_calloc(g->leaves.count + 1, sizeof(grads[0]));
	if (grads == NULL) {
		return tn_error_memory(err);
	}
	bool ok = t != NULL || tn_error_at(err, g->row->span, TN_ERR_TYPE, "the value of a grad block must be a tensor, or a tuple that begins with one");
	if (ok) {
		struct tn_grad *record = g->record;
		g->record = NULL; /* gone, also where it fails */
		ok = tn_grad_end(record, t, g->leaves.items, (int)g->leaves.count, grads, err);
	}
	ok = ok && gradient_trees(vm, g, grads, trees, err);
	for (size_t i = 0; i < g->leaves.count; i++) {
		tn_tensor_unref(grads[i]);
	}
	tn_free(grads);
	return ok;
}

bool vm_grad_end(struct tn_vm *vm, struct tn_value *value, struct tn_error *err) {
	struct vm_handler *handler = &vm->handlers.items[vm->handlers.count - 1];
	struct vm_grad *g = handler->grad;
	uint32_t n = g->row->count;
	struct tn_value *parts = tn_calloc((size_t)n + 1, sizeof(parts[0])), tuple;
	if (parts == NULL) {
		return tn_error_memory(err);
	}
	if (!differentiate(vm, g, *value, parts + 1, err)) {
		for (uint32_t i = 1; i <= n; i++) {
			tn_value_unref(parts[i]);
		}
		tn_free(parts);
		return false;
	}
	struct vm_handler gone = TN_VEC_POP(&vm->handlers);
	vm_handler_leave(vm, &gone);
	const struct vm_frame *f = &vm->frames[vm->depth - 1];
	vm->grad_mark = 1 + f->loop_base + f->loop_level;
	parts[0] = *value;
	*value = tn_void();
	bool ok = tn_tuple_create_take(parts, n + 1, &tuple, err);
	tn_free(parts);
	if (ok) {
		*value = tuple;
	}
	return ok;
}
