/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings of code that runs: each text once in a cell, at the user's line that led there. And the one about statistics that change
 * in a net which nobody trains (LANGUAGE.md section 4, Blocks). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lang/vm.h"

/* The innermost line that is the user's own, and those that it was called from: the library's lines say nothing to them. */
static void locate(const struct tn_vm *vm, struct tn_error *warning) {
	bool placed = false;
	for (uint32_t i = vm->depth; i > 0; i--) {
		const struct vm_frame *frame = &vm->frames[i - 1];
		const struct tn_unit *unit = frame->proto->instance->unit;
		struct tn_error_place place;
		if (unit == vm->lang->thunks || unit->module->is_library) {
			continue;
		}
		tn_span_place(vm_span(frame), &place);
		if (placed) {
			tn_error_push_frame(warning, &place);
		} else {
			warning->place = place;
		}
		placed = true;
	}
}

void tn_vm_warn(struct tn_lang *lang, const char *hint, const char *format, ...) {
	struct tn_vm *vm = lang->vm;
	struct tn_error warning = {0};
	char text[TN_ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	uint64_t hash = tn_hash_bytes(text, strlen(text), 0);
	for (size_t i = 0; i < vm->warned.count; i++) {
		if (vm->warned.items[i] == hash) {
			return;
		}
	}
	if (lang->output.warning == NULL || !TN_VEC_PUSH(&vm->warned, hash)) {
		return;
	}
	tn_error_set(&warning, TN_ERR_ERROR, "%s", text);
	locate(vm, &warning);
	if (hint != NULL) {
		tn_error_hint(&warning, "%s", hint);
	}
	lang->output.warning(lang->output.data, &warning);
}

static bool same_step(const struct tn_ref_step *a, const struct tn_ref_step *b) {
	bool keys = a->key != NULL && b->key != NULL;
	return a->kind == b->kind && (keys ? strcmp(a->key->text, b->key->text) == 0 : a->key == b->key && a->index == b->index);
}

/* `inner` names the place of `outer` or a part of it. */
static bool is_inside(const struct tn_ref *inner, const struct tn_ref *outer) {
	if (inner->root != outer->root || inner->step_count < outer->step_count) {
		return false;
	}
	for (uint32_t i = 0; i < outer->step_count; i++) {
		if (!same_step(&inner->steps[i], &outer->steps[i])) {
			return false;
		}
	}
	return true;
}

void tn_vm_note_call_write(struct tn_lang *lang, const struct tn_ref *ref) {
	const struct tn_vm *vm = lang->vm;
	const struct tn_modes *modes = tn_engine_modes(lang->engine);
	if (modes->train != TN_TRAIN_UNSET || !modes->grad_trains) {
		return; /* a train block asked for it, or nobody trains */
	}
	for (size_t i = 0; i < vm->handlers.count; i++) {
		const struct vm_grad *g = vm->handlers.items[i].grad;
		for (uint32_t k = 0; g != NULL && k < g->row->count; k++) {
			if (g->places[k].tag == TN_REF && is_inside(ref, g->places[k].ref)) {
				return;
			}
		}
	}
	tn_vm_warn(lang, "train (false) { … } around its use keeps them, train (true) { … } says that they should change",
		"running statistics change in a net that this grad block does not name");
}
