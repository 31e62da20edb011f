/* SPDX-License-Identifier: Apache-2.0 */
/* The undo log (ARCHITECTURE.md section 3): where recorded work fails, every global that holds a result of it gets back the value that it had
 * when work was last done.
 *
 * DESIGN. The first write of a global after a flush notes its value: one reference. Containers are copied when shared, so writing a field
 * afterwards copies the structs on the way to it, once per flush, and shares everything else: the cost is that of the path, not of the
 * model. Globals that can hold no tensor are never noted.
 *
 * A noted value must not stand against donation. Before a flush the log is walked: in a container that nobody but the log holds,
 * each tensor's reference is turned into an undo hold, which the engine does not count; a container that somebody else holds too is
 * alive, and so are its tensors. After the flush the holds become references again, and then the log is dropped, or, where the flush has
 * failed, each global that held a pending tensor gets its old value back. */
#include <string.h>

#include "lang/vm.h"

enum { WALK_DEPTH = 500 };

bool tn_vm_note_write(struct tn_lang *lang, struct tn_symbol *symbol, struct tn_error *err) {
	if (symbol->in_undo_log) {
		return true;
	}
	const struct tn_type *type = symbol->type;
	if (!tn_type_is_tree(type) && type->kind != TN_TYPE_ANY && type->kind != TN_TYPE_FN) {
		return true;
	}
	struct vm_undo entry = {.symbol = symbol, .old = tn_value_ref(symbol->value)};
	if (!TN_VEC_PUSH(&lang->vm->undo, entry)) {
		tn_value_unref(entry.old);
		return tn_error_memory(err);
	}
	symbol->in_undo_log = true;
	return true;
}

/* ---- walking ---- */

static struct tn_value *parts(struct tn_value v, size_t *count) {
	switch (v.tag) {
	case TN_LIST:
		*count = v.list->count;
		return v.list->items;
	case TN_TUPLE:
		*count = v.tuple->count;
		return v.tuple->items;
	case TN_MAP:
		*count = v.map->count;
		return v.map->items;
	case TN_STRUCT:
		*count = v.instance->def->field_count;
		return v.instance->fields;
	case TN_FN:
		*count = v.fn->capture_count;
		return v.fn->captures;
	default:
		*count = 0;
		return NULL;
	}
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
		entry->pending = holds_pending(entry->symbol->value, 0);
		hold(vm, entry->old, 0);
	}
}

void vm_undo_after_flush(struct tn_vm *vm, bool ok) {
	while (vm->held.count > 0) {
		tn_tensor_undo_release(TN_VEC_POP(&vm->held));
	}
	for (size_t i = 0; i < vm->undo.count; i++) {
		struct vm_undo *entry = &vm->undo.items[i];
		entry->symbol->in_undo_log = false;
		if (!ok && entry->pending && entry->old.tag != TN_VOID) { /* void: declared since */
			struct tn_value failed = entry->symbol->value;
			entry->symbol->value = entry->old;
			entry->old = failed;
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
	return flushed;
}

/* ---- places of recorded work ---- */

void vm_locate(struct tn_vm *vm, uint64_t site, struct tn_error *err) {
	uint32_t id = (uint32_t)(site >> 32), at = (uint32_t)site;
	if (id < vm->protos.count && vm->protos.items[id] != NULL && at < vm->protos.items[id]->count) {
		tn_error_locate(err, vm->protos.items[id]->spans[at]);
	}
}
