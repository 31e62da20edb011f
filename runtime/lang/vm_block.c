/* SPDX-License-Identifier: Apache-2.0 */
/* try and the block words but grad: what each changes is restored however it is left. And the flush rule of back edges
 * (ARCHITECTURE.md section 3). */
#include <string.h>

#include "lang/vm.h"

enum { EDGE_NODES = 256, EDGE_NODES_IN_GRAD = 512 };
static const double edge_flops = 64e6;

static bool push(struct tn_vm *vm, struct vm_handler handler, struct tn_error *err) {
	handler.frame = vm->depth - 1;
	handler.modes = *tn_engine_modes(vm->engine);
	handler.random = tn_random_get(vm->engine);
	return TN_VEC_PUSH(&vm->handlers, handler) || tn_error_memory(err);
}

/* Also where nothing is pending, what was noted until now will not be undone: this is a point at which all work has been done. */
static bool flush_all(struct tn_vm *vm, const char *cause, struct tn_error *err) {
	if (!tn_flush(vm->engine, cause, err)) {
		return false;
	}
	vm_undo_after_flush(vm, true);
	return true;
}

bool vm_try_begin(struct tn_vm *vm, const tn_code *target, struct tn_error *err) {
	return flush_all(vm, "try", err) && push(vm, (struct vm_handler){.target = target}, err);
}

bool vm_try_end(struct tn_vm *vm, struct tn_error *err) {
	if (!flush_all(vm, "end of try", err)) {
		return false; /* the handler still stands: this very try catches it */
	}
	vm->handlers.count--;
	return true;
}

static bool device_block(struct tn_value argument, struct tn_error *err) {
	if (strcmp(argument.string->text, "cpu") == 0) {
		return true;
	}
	tn_error_set(err, TN_ERR_DEVICE, "there is no device \"%.80s\" here", argument.string->text);
	tn_error_hint(err, "device (\"cpu\") { … }");
	return false;
}

bool vm_block_begin(struct tn_vm *vm, const struct tn_block_row *row, struct tn_value *argument, struct tn_error *err) {
	struct vm_handler handler = {.row = row, .begun_ns = tn_clock_ns()};
	if (row->word == TN_BLOCK_DEVICE && !device_block(*argument, err)) {
		return false;
	}
	if (row->word == TN_BLOCK_AUTOCAST && row->count > 0 && argument->dtype != TN_DTYPE_BF16) {
		return tn_error_set(err, TN_ERR_TYPE, "autocast: expected bf16, found %s", tn_dtype_name(argument->dtype));
	}
	if (row->word == TN_BLOCK_PROFILE) {
		if (!tn_flush(vm->engine, "profile", err)) {
			return false;
		}
		handler.argument = row->count > 0 ? tn_value_ref(*argument) : tn_void();
		handler.begun_ns = tn_clock_ns();
	}
	if (row->word == TN_BLOCK_REMAT && (handler.remat = tn_remat_begin(vm->engine, err)) == NULL) {
		return false;
	}
	if (!push(vm, handler, err)) {
		tn_value_unref(handler.argument);
		tn_remat_abort(handler.remat);
		return false;
	}
	struct tn_modes *modes = tn_engine_modes(vm->engine);
	switch (row->word) {
	case TN_BLOCK_TRAIN:
		modes->train = row->count == 0 || argument->i != 0 ? TN_TRAIN_ON : TN_TRAIN_OFF;
		break;
	case TN_BLOCK_AUTOCAST:
		modes->autocast = true;
		modes->autocast_dtype = TN_DTYPE_BF16;
		break;
	case TN_BLOCK_SEED:
		tn_random_set(vm->engine, (struct tn_random_state){.seed = (uint64_t)argument->i});
		break;
	default:
		break;
	}
	return true;
}

void vm_handler_leave(struct tn_vm *vm, struct vm_handler *handler) {
	if (handler->row == NULL) {
		return;
	}
	if (handler->row->word == TN_BLOCK_SEED) {
		tn_random_set(vm->engine, handler->random);
	}
	*tn_engine_modes(vm->engine) = handler->modes;
	vm_grad_leave(handler->grad);
	tn_remat_abort(handler->remat);
	tn_value_unref(handler->argument);
}

static bool report_profile(struct tn_vm *vm, const struct vm_handler *handler, struct tn_error *err) {
	const struct tn_lang_output *out = &vm->lang->output;
	if (!tn_flush(vm->engine, "end of profile", err)) {
		return false;
	}
	struct tn_str text = {0};
	const char *name = handler->argument.tag == TN_STRING ? handler->argument.string->text : "block";
	bool ok = tn_str_printf(&text, "profile %s: %.3f ms\n", name, (double)(tn_clock_ns() - handler->begun_ns) / 1e6);
	if (ok && out->text != NULL) {
		out->text(out->data, tn_str_c(&text), text.length);
	}
	tn_str_finish(&text);
	return ok || tn_error_memory(err);
}

bool vm_block_end(struct tn_vm *vm, struct tn_error *err) {
	struct vm_handler *handler = &vm->handlers.items[vm->handlers.count - 1];
	if (handler->row->word == TN_BLOCK_PROFILE && !report_profile(vm, handler, err)) {
		return false;
	}
	struct vm_handler gone = TN_VEC_POP(&vm->handlers);
	if (gone.remat != NULL) {
		tn_remat_end(gone.remat);
		gone.remat = NULL;
	}
	vm_handler_leave(vm, &gone);
	return true;
}

/* Outside grad: when a grad block ended in this iteration of this very loop, or when enough has gathered. */
bool vm_edge(struct tn_vm *vm, struct tn_error *err) {
	const struct vm_frame *f = &vm->frames[vm->depth - 1];
	uint32_t nodes = tn_pending_nodes(vm->engine);
	bool flush;
	if (tn_grad_depth(vm->engine) > 0) {
		flush = nodes >= EDGE_NODES_IN_GRAD;
	} else {
		bool step = vm->grad_mark == 1 + f->loop_base + f->loop_level;
		vm->grad_mark = step ? 0 : vm->grad_mark;
		flush = nodes > 0 && (step || nodes >= EDGE_NODES || tn_pending_flops(vm->engine) >= edge_flops);
	}
	return !flush || tn_flush(vm->engine, "back edge", err);
}
