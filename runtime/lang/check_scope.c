/* SPDX-License-Identifier: Apache-2.0 */
/* What every part of the checker stands on: memory, errors with the chain of calls, nodes, locals and the names in scope. */
#include <stdio.h>
#include <string.h>

#include "lang/check.h"

/* ---- memory and errors ---- */

static struct tn_arena *arena_of(struct tn_checker *c) {
	if (c->frame != NULL) {
		return &c->frame->unit->arena;
	}
	return c->unit != NULL ? &c->unit->arena : &c->lang->arena;
}

void *check_memory(struct tn_checker *c) {
	if (!c->out_of_memory) {
		c->out_of_memory = true;
		tn_diagnostics_add(c->diag, (struct tn_span){0}, TN_ERR_MEMORY, "out of memory");
	}
	return NULL;
}

void *check_alloc(struct tn_checker *c, size_t count, size_t size) {
	void *p = tn_arena_array(arena_of(c), count == 0 ? 1 : count, size);
	return p != NULL ? p : check_memory(c);
}

/* The calls that led here: of instances being checked inside each other, then of the deferred call. */
static void add_frames(struct tn_checker *c, struct tn_error *err) {
	struct tn_error_place place;
	for (const struct frame *f = c->frame; f != NULL; f = f->outer) {
		if (f->called_from.source != NULL) {
			tn_span_place(f->called_from, &place);
			tn_error_push_frame(err, &place);
		}
	}
	for (uint32_t i = 0; c->from != NULL && i < c->from->place_count; i++) {
		tn_error_push_frame(err, &c->from->places[i]);
	}
	for (const struct tn_checker *k = c->outer; k != NULL; k = k->outer) {
		if (k->importing.source != NULL) {
			tn_span_place(k->importing, &place);
			tn_error_push_frame(err, &place);
		}
	}
}

struct tn_error *check_error(struct tn_checker *c, struct tn_span span, enum tn_error_kind kind, const char *format, ...) {
	char text[TN_ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	struct tn_error *err = tn_diagnostics_add(c->diag, span, kind, "%s", text);
	if (err != NULL) {
		add_frames(c, err);
	}
	return err;
}

void check_warn(struct tn_checker *c, struct tn_span span, const char *hint, const char *format, ...) {
	char text[TN_ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (const struct frame *f = c->frame; f != NULL; f = f->outer) {
		if (f->module->is_library) {
			return; /* the library's matters, not the user's */
		}
	}
	struct tn_error *err = tn_diagnostics_warn(c->diag, span, "%s", text);
	if (err != NULL && hint != NULL) {
		tn_error_hint(err, "%s", hint);
	}
}

void check_report(struct tn_checker *c, struct tn_span span, const struct tn_error *err) {
	if (!tn_error_is_set(err)) {
		check_memory(c);
		return;
	}
	if (err->text[0] == '\0') {
		return; /* a check inside this one has reported it */
	}
	struct tn_error *made = check_error(c, span, err->kind, "%s", err->text);
	if (made == NULL) {
		return;
	}
	if (err->detail[0] != '\0') {
		tn_error_detail(made, "%s", err->detail);
	}
	if (err->hint[0] != '\0') {
		tn_error_hint(made, "%s", err->hint);
	}
}

/* ---- nodes ---- */

struct tn_ir *check_node(struct tn_checker *c, enum tn_ir_kind kind, struct tn_type *type, struct tn_span span) {
	struct tn_ir *ir = type == NULL ? check_memory(c) : check_alloc(c, 1, sizeof(*ir));
	if (ir != NULL) {
		ir->kind = kind;
		ir->type = type;
		ir->span = span;
	}
	return ir;
}

struct tn_type *check_basic(const struct tn_checker *c, enum tn_type_kind kind) {
	return tn_type_basic(c->lang->types, kind);
}

const char *check_intern(struct tn_checker *c, const char *text, size_t length) {
	const char *name = tn_intern(c->lang, text, length);
	return name != NULL ? name : check_memory(c);
}
const char *check_name(struct tn_checker *c, struct tn_name name) {
	return check_intern(c, name.text, name.length);
}

bool check_same_name(const char *a, const char *b) {
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

struct tn_ir *check_const(struct tn_checker *c, struct tn_value value, enum tn_type_kind kind, struct tn_span span) {
	struct tn_ir *ir = check_node(c, TN_IR_CONST, check_basic(c, kind), span);
	if (ir != NULL) {
		ir->value = value;
	}
	return ir;
}

struct tn_ir *check_string(struct tn_checker *c, const char *text, size_t length, struct tn_span span) {
	struct tn_value value = tn_void();
	struct tn_error err = {0};
	if (!tn_string_create(text, length, &value, &err)) {
		check_report(c, span, &err);
		return NULL;
	}
	if (!TN_VEC_PUSH(&c->frame->unit->constants, value)) {
		tn_value_unref(value);
		return check_memory(c);
	}
	return check_const(c, value, TN_TYPE_STRING, span);
}

bool check_list_push(struct tn_checker *c, struct tn_ir_list *list, uint32_t *capacity, struct tn_ir *item) {
	if (list->count == *capacity) {
		uint32_t grown = *capacity == 0 ? 4 : *capacity * 2;
		struct tn_ir **items = grown <= *capacity ? check_memory(c) : CHECK_ARRAY(c, grown, struct tn_ir *);
		if (items == NULL) {
			return false;
		}
		if (list->count > 0) {
			memcpy(items, list->items, list->count * sizeof(items[0]));
		}
		list->items = items;
		*capacity = grown;
	}
	list->items[list->count++] = item;
	return true;
}

/* ---- locals and names ---- */

uint32_t check_local(struct tn_checker *c, const char *name, struct tn_type *type, bool is_ref) {
	struct tn_local local = {.name = name, .type = type, .is_ref = is_ref};
	if (type == NULL || !TN_VEC_PUSH(&c->frame->locals, local)) {
		check_memory(c);
		return UINT32_MAX;
	}
	return (uint32_t)(c->frame->locals.count - 1);
}

void check_report_twice(struct tn_checker *c, const char *name, struct tn_span first, struct tn_span second) {
	uint32_t line, column;
	tn_source_position(first.source, first.begin, &line, &column);
	struct tn_error *err = check_error(c, second, TN_ERR_NAME, "%s is declared twice in one scope, first in line %u", name, line);
	HINT(err, "without its type, %s = …; assigns; a second variable needs a name of its own", name);
}

/* As in C: parameters and what a body declares outside its inner braces are one scope. What a lambda captures is of the scope around. */
static void check_new(struct tn_checker *c, const char *name, struct tn_span span) {
	const struct frame *f = c->frame;
	bool named = span.source != NULL && name[0] != '\0' && strcmp(name, "_") != 0;
	for (size_t i = f->bindings.count; named && i > f->hidden && f->bindings.items[i - 1].braces == f->braces; i--) {
		const struct binding *b = &f->bindings.items[i - 1];
		if (check_same_name(b->name, name) && !b->is_capture && b->span.source != NULL) {
			check_report_twice(c, name, b->span, span);
			return;
		}
	}
}

struct binding *check_bind(struct tn_checker *c, const char *name, uint32_t local, struct tn_span span) {
	check_new(c, name, span);
	struct binding binding = {.name = name, .local = local, .loops = c->frame->loops, .braces = c->frame->braces, .span = span};
	if (!TN_VEC_PUSH(&c->frame->bindings, binding)) {
		return check_memory(c);
	}
	return &c->frame->bindings.items[c->frame->bindings.count - 1];
}

struct binding *check_find_binding(struct tn_checker *c, const char *name) {
	struct frame *f = c->frame;
	for (size_t i = f->bindings.count; i > f->hidden; i--) {
		if (check_same_name(f->bindings.items[i - 1].name, name)) {
			return &f->bindings.items[i - 1];
		}
	}
	return NULL;
}

/* What is read from a slot that holds any tree, function or value is known only when it runs. */
struct tn_type *check_read_type(struct tn_checker *c, struct tn_type *slot) {
	if (slot->kind == TN_TYPE_TREE || slot->kind == TN_TYPE_FN) {
		return check_basic(c, TN_TYPE_ANY);
	}
	return slot;
}

struct tn_ir *check_read_local(struct tn_checker *c, uint32_t local, struct tn_span span) {
	if (local == UINT32_MAX) {
		return NULL;
	}
	struct tn_ir *ir = check_node(c, TN_IR_LOCAL, check_read_type(c, c->frame->locals.items[local].type), span);
	for (size_t i = c->frame->bindings.count; i > 0; i--) {
		if (c->frame->bindings.items[i - 1].local == local) {
			c->frame->bindings.items[i - 1].lost = (struct tn_span){0};
			break;
		}
	}
	if (ir != NULL) {
		ir->local = local;
	}
	return ir;
}

struct tn_ir *check_set_local(struct tn_checker *c, uint32_t local, struct tn_ir *value) {
	if (local == UINT32_MAX || value == NULL) {
		return NULL;
	}
	struct tn_ir *ir = check_node(c, TN_IR_SET_LOCAL, check_basic(c, TN_TYPE_VOID), value->span);
	if (ir != NULL) {
		ir->local = local;
		ir->a = value;
	}
	return ir;
}

struct tn_symbol *check_find_symbol(struct tn_checker *c, struct tn_module *module, const char *name) {
	struct tn_symbol *symbol = NULL;
	if (c->unit != NULL && c->unit->module == module) {
		symbol = tn_map_get(&c->pending, name);
	}
	if (symbol == NULL) {
		symbol = tn_lookup_symbol(c->lang, module, name);
	}
	return symbol;
}

struct tn_ir *check_global(struct tn_checker *c, struct tn_symbol *symbol, struct tn_span span) {
	struct frame *f = c->frame;
	if (!symbol->module->is_library && f->instance != NULL) {
		f->instance->needs_session = true;
		if (!f->is_cell && c->unit != NULL && tn_map_get(&c->named, symbol->name) == NULL) {
			union {
				const char *name;
				void *value;
			} user = {.name = f->instance->name};
			if (!tn_map_set(&c->named, symbol->name, user.value)) {
				return check_memory(c);
			}
		}
	}
	struct tn_ir *ir = check_node(c, TN_IR_GLOBAL, check_read_type(c, symbol->type), span);
	if (ir != NULL) {
		ir->symbol = symbol;
	}
	return ir;
}

void check_note_lost(struct tn_checker *c, const struct tn_ir *place, struct tn_span span) {
	const struct tn_ir *root = check_place_root(place);
	if (root == place || root->kind != TN_IR_LOCAL) {
		return;
	}
	for (size_t i = c->frame->bindings.count; i > 0; i--) {
		struct binding *b = &c->frame->bindings.items[i - 1];
		if (b->local == root->local) {
			if (b->is_copy && b->loops == c->frame->loops) {
				b->lost = span;
			}
			return;
		}
	}
}

void check_warn_lost(struct tn_checker *c, size_t mark) {
	for (size_t i = mark; i < c->frame->bindings.count; i++) {
		const struct binding *b = &c->frame->bindings.items[i];
		if (b->lost.source != NULL) {
			char hint[160];
			snprintf(hint, sizeof(hint), "declare it as a reference: &%s", b->name);
			check_warn(c, b->lost, hint, "this write is lost: %s is a copy, and is not read again", b->name);
		}
	}
}

void check_frame_finish(struct frame *frame) {
	TN_VEC_FINISH(&frame->locals);
	TN_VEC_FINISH(&frame->bindings);
	TN_VEC_FINISH(&frame->returns);
}

bool check_top_level(const struct tn_checker *c) {
	return c->frame->is_cell && c->frame->braces == 0;
}
