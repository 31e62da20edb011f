/* SPDX-License-Identifier: Apache-2.0 */
/* The compiler's base: emitting instructions, registers, rows; and tn_compile itself. A checked tree has every decision in it, so the compiler
 * only lays code out. Registers above the locals are a stack of temporaries; each owns what it holds, and whoever made one
 * drops it or hands it on. */
#include <string.h>

#include "lang/compile.h"
#include "lang/vm.h"

/* ---- emitting ---- */

void compile_fail(struct compiler *c, enum tn_error_kind kind, const char *text) {
	if (!c->failed) {
		c->failed = true;
		if (kind == TN_ERR_MEMORY) {
			tn_error_memory(c->err);
		} else {
			tn_error_at(c->err, c->span, kind, "%s", text);
		}
	}
}

static bool is_heavy(enum tn_opcode op) {
	switch (op) {
	case TN_OPCODE_BINARY:
	case TN_OPCODE_UNARY:
	case TN_OPCODE_INDEX:
	case TN_OPCODE_CALL:
	case TN_OPCODE_NATIVE:
	case TN_OPCODE_DYNAMIC:
	case TN_OPCODE_SET_PLACE:
	case TN_OPCODE_UPDATE:
	case TN_OPCODE_NEXT:
	case TN_OPCODE_GRAD_END:
	case TN_OPCODE_CONVERT:
		return true;
	default:
		return false;
	}
}

uint32_t compile_emit(struct compiler *c, enum tn_opcode op, uint32_t a, uint32_t b, int64_t k) {
	if (c->failed) {
		return 0;
	}
	if (c->code.count >= (size_t)TN_MAX_C) {
		compile_fail(c, TN_ERR_ERROR, "this piece of code is too long");
		return 0;
	}
	if (!TN_VEC_RESERVE(&c->spans, c->code.count + 1) || !TN_VEC_PUSH(&c->code, tn_code_make(op, a, b, k))) {
		compile_fail(c, TN_ERR_MEMORY, NULL);
		return 0;
	}
	c->spans.items[c->spans.count++] = c->span;
	c->heavy += is_heavy(op);
	return (uint32_t)c->code.count - 1;
}

uint32_t compile_constant(struct compiler *c, struct tn_value v) {
	if (c->constants.count >= (size_t)TN_MAX_C || !TN_VEC_PUSH(&c->constants, v)) {
		compile_fail(c, TN_ERR_MEMORY, NULL);
		return 0;
	}
	tn_value_ref(v);
	return (uint32_t)c->constants.count - 1;
}

uint32_t compile_row(struct compiler *c, const void *row) {
	/* the same row twice in a row is common: a global that is read and written */
	for (size_t i = c->rows.count; i > 0 && i + 4 > c->rows.count; i--) {
		if (c->rows.items[i - 1] == row) {
			return (uint32_t)i - 1;
		}
	}
	if (row == NULL || c->rows.count >= (size_t)TN_MAX_C || !TN_VEC_PUSH(&c->rows, (void *)(uintptr_t)row)) {
		compile_fail(c, TN_ERR_MEMORY, NULL);
		return 0;
	}
	return (uint32_t)c->rows.count - 1;
}

void *compile_alloc(struct compiler *c, size_t count, size_t size) {
	void *p = tn_arena_array(c->arena, count == 0 ? 1 : count, size);
	if (p == NULL) {
		compile_fail(c, TN_ERR_MEMORY, NULL);
	}
	return p;
}

/* ---- registers ---- */

bool compile_is_counted(const struct tn_type *type) {
	switch (type->kind) {
	case TN_TYPE_VOID:
	case TN_TYPE_BOOL:
	case TN_TYPE_INT:
	case TN_TYPE_FLOAT:
	case TN_TYPE_DTYPE:
	case TN_TYPE_NEVER:
		return false;
	default:
		return true;
	}
}

bool compile_is_local(const struct compiler *c, uint32_t r) { return r < c->instance->local_count; }

bool compile_is_ref(const struct compiler *c, uint32_t local) {
	assert(compile_is_local(c, local));
	return c->instance->locals[local].is_ref;
}

uint32_t compile_temp(struct compiler *c, bool counted) {
	if (c->next >= TN_MAX_REGISTERS) {
		compile_fail(c, TN_ERR_ERROR, "too many variables and intermediate values in one piece of code");
		return 0;
	}
	assert(!compile_is_local(c, c->next));
	size_t at = c->next - c->instance->local_count;
	if (!TN_VEC_RESERVE(&c->temp_counted, at + 1)) {
		compile_fail(c, TN_ERR_MEMORY, NULL);
		return 0;
	}
	c->temp_counted.items[at] = counted;
	c->counted = c->counted || counted;
	c->next++;
	c->most = c->next > c->most ? c->next : c->most;
	return c->next - 1;
}

void compile_taken(struct compiler *c, uint32_t mark) {
	assert(c->failed || (c->next >= mark && !compile_is_local(c, mark)));
	if (c->next > mark) {
		c->next = mark;
	}
}

void compile_drop_temps(struct compiler *c, uint32_t mark) {
	if (c->failed) {
		return;
	}
	assert(c->next >= mark && !compile_is_local(c, mark));
	uint32_t from = c->next, to = mark;
	for (uint32_t r = mark; r < c->next; r++) {
		if (c->temp_counted.items[r - c->instance->local_count]) {
			from = r < from ? r : from;
			to = r + 1;
		}
	}
	if (from < to) {
		compile_emit(c, TN_OPCODE_DROP, from, to - from, 0);
	}
}

void compile_release(struct compiler *c, uint32_t mark) {
	compile_drop_temps(c, mark);
	compile_taken(c, mark);
}

void compile_define(struct compiler *c, uint32_t local) {
	assert(compile_is_local(c, local));
	c->defined = local + 1 > c->defined ? local + 1 : c->defined;
	c->counted = c->counted || compile_is_ref(c, local) || compile_is_counted(c->instance->locals[local].type);
}

void compile_drop_locals(struct compiler *c, uint32_t from, uint32_t to) {
	for (uint32_t i = from; i < to; i++) {
		uint32_t first = i;
		while (i < to && (compile_is_ref(c, i) || compile_is_counted(c->instance->locals[i].type))) {
			i++;
		}
		if (i > first) {
			compile_emit(c, TN_OPCODE_DROP, first, i - first, 0);
		}
	}
}

/* ---- jumps ---- */

uint32_t compile_here(const struct compiler *c) { return (uint32_t)c->code.count; }

void compile_patch(struct compiler *c, uint32_t at, uint32_t to) {
	if (!c->failed) {
		tn_code old = c->code.items[at];
		c->code.items[at] = (old & ((UINT64_C(1) << 40) - 1)) | (tn_code)((int64_t)to - (int64_t)at - 1) << 40;
	}
}

void compile_patch_list(struct compiler *c, struct jump_list *list, uint32_t to) {
	for (size_t i = 0; i < list->at.count; i++) {
		compile_patch(c, list->at.items[i], to);
	}
	TN_VEC_FINISH(&list->at);
}

void compile_jump(struct compiler *c, enum tn_opcode op, uint32_t a, uint32_t b, struct jump_list *list) {
	uint32_t at = compile_emit(c, op, a, b, 0);
	if (!TN_VEC_PUSH(&list->at, at)) {
		compile_fail(c, TN_ERR_MEMORY, NULL);
	}
}

/* ---- an instance ---- */

static bool copy_out(struct compiler *c, struct tn_proto *p) {
	p->code = compile_alloc(c, c->code.count, sizeof(p->code[0]));
	p->spans = compile_alloc(c, c->spans.count, sizeof(p->spans[0]));
	p->constants = compile_alloc(c, c->constants.count, sizeof(p->constants[0]));
	p->rows = compile_alloc(c, c->rows.count, sizeof(p->rows[0]));
	if (c->failed) {
		return false;
	}
	memcpy(p->code, c->code.items, c->code.count * sizeof(p->code[0]));
	memcpy(p->spans, c->spans.items, c->spans.count * sizeof(p->spans[0]));
	if (c->constants.count > 0) {
		memcpy(p->constants, c->constants.items, c->constants.count * sizeof(p->constants[0]));
	}
	if (c->rows.count > 0) {
		memcpy(p->rows, c->rows.items, c->rows.count * sizeof(p->rows[0]));
	}
	p->count = (uint32_t)c->code.count;
	p->constant_count = (uint32_t)c->constants.count;
	p->row_count = (uint32_t)c->rows.count;
	p->register_count = c->most < 1 ? 1 : c->most;
	p->plain = !c->counted;
	return true;
}

static void build(struct compiler *c) {
	struct tn_instance *instance = c->instance;
	c->next = c->most = instance->local_count;
	if (instance->local_count > TN_MAX_REGISTERS) {
		compile_fail(c, TN_ERR_ERROR, "too many variables in one piece of code");
		return;
	}
	for (uint32_t i = 0; i < instance->param_count; i++) {
		compile_define(c, i);
	}
	c->span = instance->function != NULL ? instance->function->span : (struct tn_span){.source = instance->unit->source};
	compile_list(c, instance->body);
	compile_emit(c, TN_OPCODE_RETURN_VOID, 0, 0, 0);
	assert(c->failed || (c->next == instance->local_count && c->open.count == 0 && c->target == NULL));
}

bool tn_compile(struct tn_lang *lang, struct tn_instance *instance, struct tn_error *err) {
	struct tn_proto *p = tn_calloc(1, sizeof(*p));
	if (p == NULL) {
		return tn_error_memory(err);
	}
	tn_arena_init(&p->arena);
	struct compiler c = {.lang = lang, .instance = instance, .err = err, .arena = &p->arena};
	build(&c);
	bool ok = !c.failed && copy_out(&c, p);
	p->instance = instance;
	p->vm = lang->vm;
	p->id = (uint32_t)lang->vm->protos.count;
	p->site = (uint64_t)p->id << 32 | (instance->unit == lang->thunks || instance->unit->module->is_library ? TN_SITE_INNER : 0);
	if (ok && !TN_VEC_PUSH(&lang->vm->protos, p)) {
		ok = tn_error_memory(err);
	}
	for (size_t i = 0; !ok && i < c.constants.count; i++) {
		tn_value_unref(c.constants.items[i]);
	}
	TN_VEC_FINISH(&c.code);
	TN_VEC_FINISH(&c.spans);
	TN_VEC_FINISH(&c.constants);
	TN_VEC_FINISH(&c.rows);
	TN_VEC_FINISH(&c.temp_counted);
	TN_VEC_FINISH(&c.open);
	if (!ok) {
		tn_arena_finish(&p->arena);
		tn_free(p);
		return false;
	}
	tn_proto_destroy(instance->proto);
	instance->proto = p;
	return true;
}

static void proto_free(struct tn_proto *p) {
	for (uint32_t i = 0; i < p->constant_count; i++) {
		tn_value_unref(p->constants[i]);
	}
	tn_arena_finish(&p->arena);
	tn_free(p);
}

void tn_proto_destroy(struct tn_proto *p) {
	if (p == NULL) {
		return;
	}
	struct tn_vm *vm = p->vm;
	vm->protos.items[p->id] = NULL;
	while (vm->depth == 0 && tn_pending_nodes(vm->engine) == 0 && vm->protos.count > 0 && vm->protos.items[vm->protos.count - 1] == NULL) {
		vm->protos.count--; /* nothing refers to a place in it any more */
	}
	if (p->vm->depth > 0) { /* a frame may be running it */
		p->next_dead = p->vm->dead;
		p->vm->dead = p;
		return;
	}
	proto_free(p);
}

void vm_free_dead(struct tn_vm *vm) {
	while (vm->dead != NULL) {
		struct tn_proto *p = vm->dead;
		vm->dead = p->next_dead;
		proto_free(p);
	}
}
