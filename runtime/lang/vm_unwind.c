/* SPDX-License-Identifier: Apache-2.0 */
/* Errors on their way out: places and call chain, blocks that are left, the handler that catches. */
#include <string.h>

#include "lang/vm.h"

/* "called from", where the caller is code that the user sees as a call of its own. */
static void push_place(struct tn_vm *vm, uint32_t depth, struct tn_error *err) {
	struct tn_error_place place;
	const struct vm_frame *frame = &vm->frames[depth];
	if (err == NULL || depth >= vm->callers || frame->proto->instance->unit == vm->lang->thunks) {
		return;
	}
	tn_span_place(vm_span(frame), &place);
	tn_error_push_frame(err, &place);
}

/* The line that wanted a result of code that has ended. */
static void note_asker(const struct tn_vm *vm, struct tn_error *err) {
	struct tn_error_place place;
	tn_span_place(vm_site_span(vm, vm_here(vm)), &place);
	uint32_t length = place.end > place.begin ? place.end - place.begin : 0;
	if (length > 0 && err->kind != TN_ERR_INTERRUPTED) {
		tn_error_detail(err, "asked for in %s, line %u: %.*s", place.where, place.line, (int)length, place.text + place.begin);
	}
}

/* Work that was recorded may fail far from where that was. What called the code that recorded it is told, as long as that runs, and
 * not what called the code that asked for the result. The frames to tell of are those below the number that is returned. */
static uint32_t find_callers(const struct tn_vm *vm, struct tn_error *err) {
	uint32_t depth = vm->depth;
	if (err == NULL || err->recorded_in == 0) {
		return depth;
	}
	while (depth > 0 && vm->frames[depth - 1].proto->id != err->recorded_in - 1) {
		depth--;
	}
	if (depth == 0) {
		note_asker(vm, err);
		return 0;
	}
	return depth - 1;
}

static bool has_place(const struct tn_error *err) { return err != NULL && err->place.where[0] != '\0'; }

bool vm_unwind(struct tn_vm *vm, uint32_t base, uint32_t handlers, struct tn_error *err) {
	bool from_call = vm->error_from_call;
	vm->error_from_call = false;
	if (err != NULL && err->kind == TN_ERR_NONE) {
		tn_error_set(err, TN_ERR_ERROR, "the error has no text");
	}
	struct vm_frame *frame = &vm->frames[vm->depth - 1];
	if (err != NULL && from_call && has_place(err)) {
		push_place(vm, vm->depth - 1, err);
	} else {
		tn_error_locate(err, vm_span(frame));
		vm->callers = find_callers(vm, err);
	}
	for (;;) {
		while (vm->handlers.count > handlers && vm->handlers.items[vm->handlers.count - 1].frame == vm->depth - 1) {
			struct vm_handler handler = TN_VEC_POP(&vm->handlers);
			vm_handler_leave(vm, &handler);
			if (handler.row != NULL || (err != NULL && err->kind == TN_ERR_INTERRUPTED)) {
				continue;
			}
			struct tn_error flushed = {0}; /* what is still pending was recorded in the body; its failing is the same failure */
			if (!tn_flush(vm->engine, "end of try", &flushed) && flushed.kind == TN_ERR_INTERRUPTED) {
				*err = flushed;
				continue;
			}
			vm->caught = *err;
			tn_error_clear(err);
			frame = &vm->frames[vm->depth - 1];
			frame->pc = handler.target;
			return true;
		}
		vm_drop_frame(vm);
		if (vm->depth <= base) {
			return false;
		}
		push_place(vm, vm->depth - 1, err);
	}
}

/* ---- what catch (e) binds ---- */

static bool add_place(struct tn_str *out, const struct tn_error_place *place, const char *lead) {
	if (place->where[0] == '\0') {
		return true;
	}
	return tn_str_printf(out, "%s%s%s, line %u: %s", out->length > 0 ? "\n" : "", lead, place->where, place->line, place->text);
}

/* In the order in which an error is shown: the user's own line is first. */
static bool trace_text(const struct tn_error *e, struct tn_str *out) {
	const struct tn_error_place *shown = tn_error_shown(e);
	bool ok = add_place(out, shown, "") && (shown == &e->place || add_place(out, &e->place, "in "));
	for (uint32_t i = 0; ok && i < e->trace_count; i++) {
		ok = shown == &e->trace[i] || add_place(out, &e->trace[i], "called from ");
	}
	return ok;
}

/* Messages may cut a text in the middle of a character. */
static bool text_value(const char *text, struct tn_value *out, struct tn_error *err) {
	size_t length = strlen(text), bad;
	return tn_string_create(text, tn_utf8_valid(text, length, &bad) ? length : bad, out, err);
}

bool vm_catch(struct tn_vm *vm, struct tn_value *out, struct tn_error *err) {
	struct tn_str trace = {0};
	struct tn_value info;
	if (!tn_struct_create(vm->lang->error_info, &info, err)) {
		return false;
	}
	struct tn_value *fields = info.instance->fields;
	bool ok = text_value(tn_error_kind_name(vm->caught.kind), &fields[0], err) && text_value(vm->caught.text, &fields[1], err) &&
		(trace_text(&vm->caught, &trace) || tn_error_memory(err)) && text_value(tn_str_c(&trace), &fields[2], err);
	tn_str_finish(&trace);
	if (!ok) {
		tn_value_unref(info);
		return false;
	}
	*out = info;
	return true;
}
