/* SPDX-License-Identifier: Apache-2.0 */
/* The undo log (ARCHITECTURE.md section 3): where recorded work fails, every global that holds a result of it gets back the value that it had
 * when work was last done.
 *
 * DESIGN. The first write of a global after a flush notes its value: one reference. Containers are copied when shared, so writing a field
 * afterwards copies the structs on the way to it, once per flush, and shares everything else: the cost is that of the path, not of the
 * model. Globals that can hold no tensor are never noted. Of a list that append makes longer only the length is noted, so that a history of a
 * hundred thousand steps costs no copy at each; should anything else be written to it before the next flush, its first part is
 * copied then.
 *
 * A noted value must not stand against donation. Before a flush the log is walked: in a container that nobody but the log holds,
 * each tensor's reference is turned into an undo hold, which the engine does not count; a container that somebody else holds too is
 * alive, and so are its tensors. After the flush the holds become references again, and then the log is dropped, or, where the flush has
 * failed, each global that held a pending tensor gets its old value back. */
#include <string.h>

#include "lang/vm.h"

enum { WALK_DEPTH = 500 };

static bool may_hold_tensors(const struct tn_type *type) { return tn_type_is_tree(type) || type->kind == TN_TYPE_ANY || type->kind == TN_TYPE_FN; }

static bool add_entry(struct tn_lang *lang, struct vm_undo entry, struct tn_error *err) {
	if (!TN_VEC_PUSH(&lang->vm->undo, entry)) {
		return tn_error_memory(err);
	}
	tn_value_ref(entry.old);
	entry.symbol->in_undo_log = true;
	return true;
}

/* The list as it was, where only its length was noted. */
static bool note_whole(struct vm_undo *entry, struct tn_error *err) {
	const struct tn_list *list = entry->symbol->value.list;
	struct tn_value copy;
	if (!tn_list_create(list->item, entry->length, &copy, err)) {
		return false;
	}
	for (size_t i = 0; i < entry->length; i++) {
		copy.list->items[copy.list->count++] = tn_value_ref(list->items[i]);
	}
	entry->old = copy;
	entry->length = SIZE_MAX;
	return true;
}

bool tn_vm_note_write(struct tn_lang *lang, struct tn_symbol *symbol, struct tn_error *err) {
	struct tn_vm *vm = lang->vm;
	if (!may_hold_tensors(symbol->type)) {
		return true;
	}
	for (size_t i = 0; symbol->in_undo_log && i < vm->undo.count; i++) {
		if (vm->undo.items[i].symbol == symbol && vm->undo.items[i].length != SIZE_MAX) {
			return note_whole(&vm->undo.items[i], err);
		}
	}
	return symbol->in_undo_log || add_entry(lang, (struct vm_undo){.symbol = symbol, .old = symbol->value, .length = SIZE_MAX}, err);
}

bool tn_vm_note_ref(struct tn_lang *lang, const struct tn_ref *ref, struct tn_error *err) {
	struct tn_symbol *symbol = ref->symbol;
	if (!lang->vm->appending || ref->step_count > 0 || symbol->value.tag != TN_LIST || !may_hold_tensors(symbol->type)) {
		return tn_vm_note_write(lang, symbol, err);
	}
	return symbol->in_undo_log || add_entry(lang, (struct vm_undo){.symbol = symbol, .length = symbol->value.list->count}, err);
}

/* ---- walking ---- */

/* A lambda holds values too. */
static struct tn_value *parts(struct tn_value v, size_t *count) {
	if (v.tag == TN_FN) {
		*count = v.fn->capture_count;
		return v.fn->captures;
	}
	return tn_value_parts(v, count);
}

static bool holds_pending(struct tn_value v, int depth) {
	size_t n;
	if (v.tag == TN_TENSOR) {
		return tn_tensor_is_pending(v.tensor);
	}
	struct tn_value *items = parts(v, &n);
	for (size_t i = 0; depth < WALK_DEPTH && i < n; i++) {
		if (tn_value_is_counted(items[i]) && holds_pending(items[i], depth + 1)) {
			return true;
		}
	}
	return false;
}

static bool tail_pending(const struct vm_undo *entry) {
	const struct tn_list *list = entry->symbol->value.list;
	for (size_t i = entry->length; i < list->count; i++) {
		if (holds_pending(list->items[i], 0)) {
			return true;
		}
	}
	return false;
}

static void hold(struct tn_vm *vm, struct tn_value v, int depth) {
	size_t n;
	if (v.tag == TN_TENSOR) {
		if (TN_VEC_PUSH(&vm->held, v.tensor)) { /* no memory: it is not donated, nothing worse */
			tn_tensor_undo_hold(v.tensor);
		}
		return;
	}
	if (!tn_value_is_counted(v) || v.object->refs > 1 || depth >= WALK_DEPTH) {
		return;
	}
	struct tn_value *items = parts(v, &n);
	for (size_t i = 0; i < n; i++) {
		hold(vm, items[i], depth + 1);
	}
}

void vm_undo_before_flush(struct tn_vm *vm) {
	for (size_t i = 0; i < vm->undo.count; i++) {
		struct vm_undo *entry = &vm->undo.items[i];
		entry->pending = entry->length == SIZE_MAX ? holds_pending(entry->symbol->value, 0) : tail_pending(entry);
		hold(vm, entry->old, 0);
	}
}

static void restore(struct vm_undo *entry) {
	struct tn_value *value = &entry->symbol->value, failed = *value;
	if (entry->length != SIZE_MAX) {
		if (tn_value_make_unique(value, NULL)) { /* no memory: the list stays long, and its new items repeat the error */
			while (value->list->count > entry->length) {
				tn_value_unref(TN_VEC_POP(value->list));
			}
		}
	} else if (entry->old.tag != TN_VOID && !TN_MUTATED(undo_entry_lost)) { /* void: declared since */
		*value = entry->old;
		entry->old = failed;
	}
}

void vm_undo_after_flush(struct tn_vm *vm, bool ok) {
	while (vm->held.count > 0) {
		tn_tensor_undo_release(TN_VEC_POP(&vm->held));
	}
	for (size_t i = 0; i < vm->undo.count; i++) {
		struct vm_undo *entry = &vm->undo.items[i];
		entry->symbol->in_undo_log = false;
		if (!ok && entry->pending) {
			restore(entry);
		}
	}
	while (vm->undo.count > 0) {
		struct vm_undo gone = TN_VEC_POP(&vm->undo);
		tn_value_unref(gone.old);
	}
}

void vm_undo_finish(struct tn_vm *vm) { vm_undo_after_flush(vm, true); }

bool tn_vm_end_cell(struct tn_lang *lang, bool ok, struct tn_error *err) {
	struct tn_error failed = {0};
	bool flushed = tn_flush(lang->engine, "end of cell", ok ? err : &failed);
	vm_undo_after_flush(lang->vm, true); /* nothing was pending, so nothing is undone */
	lang->vm->grad_mark = 0;
	lang->vm->warned.count = 0;
	tn_engine_end_cell(lang->engine);
	lang->vm->left = TN_SITE_NONE;
	return flushed;
}

/* ---- places of recorded work ---- */

uint64_t vm_here(const struct tn_vm *vm) {
	for (uint32_t i = vm->depth; i > 0; i--) {
		const struct vm_frame *frame = &vm->frames[i - 1];
		if ((frame->proto->site & TN_SITE_INNER) == 0) {
			return vm_frame_site(frame);
		}
	}
	return vm->left;
}

static const struct tn_proto *site_proto(const struct tn_vm *vm, uint64_t site) {
	uint64_t id = (site & ~TN_SITE_INNER) >> 32;
	const struct tn_proto *proto = id < vm->protos.count ? vm->protos.items[id] : NULL;
	return proto != NULL && (uint32_t)site < proto->count ? proto : NULL;
}

struct tn_span vm_site_span(const struct tn_vm *vm, uint64_t site) {
	const struct tn_proto *proto = site_proto(vm, site);
	return proto != NULL ? proto->spans[(uint32_t)site] : (struct tn_span){0};
}

/* As an error of the instruction itself is told of: the library's place, and the call by which the user's own code came there. */
void vm_locate(struct tn_vm *vm, struct tn_origin origin, struct tn_error *err) {
	struct tn_span span = vm_site_span(vm, origin.site), outer = vm_site_span(vm, origin.outer);
	const struct tn_proto *user = site_proto(vm, origin.outer != TN_SITE_NONE ? origin.outer : origin.site);
	bool is_placed = err->place.where[0] != '\0';
	if (outer.source != NULL && (span.source == NULL || span.source == vm->lang->thunks->source)) {
		span = outer;
	}
	if (span.source == NULL || is_placed) {
		return;
	}
	tn_error_locate(err, span);
	err->recorded_in = user != NULL ? user->id + 1 : 0;
	if (outer.source != NULL && outer.source != span.source) { /* not the operation of an `any`, whose text is the user's */
		struct tn_error_place place;
		tn_span_place(outer, &place);
		tn_error_push_frame(err, &place);
	}
}
