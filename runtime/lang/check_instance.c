/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies: a function is checked once per combination of its parameters' types. Where its result's type is declared the body waits
 * in a queue until the statement that needed it is done, so that a long chain of functions nests nothing; where it is inferred
 * the body is checked at the call. */
#include <stdio.h>
#include <string.h>

#include "lang/check.h"

enum { MAX_COMBINATIONS = 256, MAX_DEPTH = 100, MAX_STACK = 2 << 20 };

struct tn_function *check_new_function(struct tn_checker *c, struct tn_unit *unit, struct tn_function value) {
	struct tn_function *f = TN_ARENA_NEW(&unit->arena, struct tn_function);
	if (f == NULL || !TN_VEC_PUSH(&unit->functions, f)) {
		return check_memory(c);
	}
	*f = value;
	f->unit = unit;
	unit->keep = true;
	unit->pinned = unit->pinned || value.lambda != NULL;
	return f;
}

struct tn_instance *check_find_active(struct tn_checker *c, const struct tn_function *function) {
	for (const struct frame *f = c->frame; f != NULL; f = f->outer) {
		if (f->instance != NULL && f->instance->function == function) {
			return f->instance;
		}
	}
	return NULL;
}

/* ---- does control reach the end? ---- */

static bool has_break(const struct tn_ir_list *body);

static bool breaks(const struct tn_ir *ir) {
	switch (ir->kind) {
	case TN_IR_BREAK:
		return true;
	case TN_IR_IF:
	case TN_IR_TRY:
		return has_break(&ir->flow.body) || has_break(&ir->flow.otherwise);
	case TN_IR_SCOPE:
		return has_break(&ir->flow.body);
	case TN_IR_EVAL:
	case TN_IR_SET_LOCAL:
		return ir->a->kind == TN_IR_BLOCK && has_break(&ir->a->block.body);
	default:
		return false;
	}
}

static bool has_break(const struct tn_ir_list *body) {
	for (uint32_t i = 0; i < body->count; i++) {
		if (breaks(body->items[i])) {
			return true;
		}
	}
	return false;
}

static bool completes(const struct tn_ir *ir) {
	switch (ir->kind) {
	case TN_IR_RETURN:
	case TN_IR_BREAK:
	case TN_IR_CONTINUE:
		return false;
	case TN_IR_EVAL:
		if (ir->a->kind == TN_IR_BLOCK) {
			return check_completes(&ir->a->block.body);
		}
		return ir->a->type->kind != TN_TYPE_NEVER;
	case TN_IR_IF:
		return check_completes(&ir->flow.body) || check_completes(&ir->flow.otherwise);
	case TN_IR_TRY:
		return check_completes(&ir->flow.body) || check_completes(&ir->flow.otherwise);
	case TN_IR_SCOPE:
		return check_completes(&ir->flow.body);
	case TN_IR_LOOP: {
		bool for_ever = ir->a == NULL || (ir->a->kind == TN_IR_CONST && ir->a->value.b);
		return !for_ever || has_break(&ir->flow.body);
	}
	case TN_IR_SWITCH: {
		bool has_default = false;
		for (uint32_t i = 0; i < ir->flow.case_count; i++) {
			has_default = has_default || ir->flow.cases[i].values.count == 0;
			if (has_break(&ir->flow.cases[i].body)) {
				return true;
			}
		}
		return !has_default || check_completes(&ir->flow.cases[ir->flow.case_count - 1].body);
	}
	default:
		return true;
	}
}

bool check_completes(const struct tn_ir_list *body) {
	for (uint32_t i = 0; i < body->count; i++) {
		if (!completes(body->items[i])) {
			return false;
		}
	}
	return true;
}

/* ---- a body ---- */

static bool add_param(
	struct tn_checker *c, const char *name, struct tn_type *type, bool by_ref, bool is_capture, struct tn_span span) {
	uint32_t local = check_local(c, name, type, by_ref);
	struct binding *b = local == UINT32_MAX ? NULL : check_bind(c, name, local, (struct tn_span){0});
	if (b != NULL) {
		b->span = span; /* two parameters of one name were refused with the definition */
		b->is_capture = is_capture;
		b->is_copy = !by_ref;
	}
	return b != NULL;
}

/* Parameters become locals; those with a declared dtype or shape are checked at entry, from left to right. */
static bool bind_params(struct tn_checker *c, struct tn_instance *instance, struct body *body) {
	struct tn_function *f = instance->function;
	const struct tn_ast_param *params = f->lambda != NULL ? f->lambda->lambda.params : f->decl->params;
	uint32_t count = f->lambda != NULL ? f->lambda->lambda.count : f->decl->count;
	for (uint32_t i = 0; i < f->capture_count; i++) {
		if (!add_param(c, f->captures[i].name, instance->param_types[i], false, true, f->span)) {
			return false;
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		const char *name = check_name(c, params[i].name);
		bool by_ref = params[i].by_ref || (i == 0 && check_same_name(f->name, "call") && f->lambda == NULL);
		if (name == NULL || !add_param(c, name, instance->param_types[f->capture_count + i], by_ref, false, params[i].span)) {
			return false;
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		struct tn_ir_shape *shape = NULL;
		char *what =
			tn_arena_printf(&f->unit->arena, "argument %.*s of %s", (int)params[i].name.length, params[i].name.text, f->name);
		if (what == NULL) {
			return check_memory(c);
		}
		if (params[i].type == NULL || instance->param_types[f->capture_count + i]->kind != TN_TYPE_TENSOR) {
			continue;
		}
		if (check_type(c, params[i].type, what, true, &shape) == NULL) {
			return false;
		}
		if (shape == NULL) {
			continue;
		}
		shape->allow_empty = params[i].def != NULL && params[i].def->kind == TN_AST_EMPTY;
		struct tn_ir *expect = check_expect(c, check_read_local(c, f->capture_count + i, params[i].span), shape);
		struct tn_ir *eval = expect == NULL ? NULL : check_node(c, TN_IR_EVAL, check_basic(c, TN_TYPE_VOID), expect->span);
		if (eval == NULL) {
			return false;
		}
		eval->a = expect;
		if (!check_push(c, body, eval)) {
			return false;
		}
	}
	return true;
}

static struct tn_ir *return_node(struct tn_checker *c, struct tn_ir *value, struct tn_span span) {
	struct tn_ir *ir = check_node(c, TN_IR_RETURN, check_basic(c, TN_TYPE_VOID), span);
	if (ir != NULL) {
		ir->a = value;
		if (!TN_VEC_PUSH(&c->frame->returns, ir)) {
			return check_memory(c);
		}
	}
	return ir;
}

static bool lambda_body(struct tn_checker *c, const struct tn_ast *lambda, struct body *out) {
	bool ok = check_statements(c, lambda->lambda.body, out);
	if (lambda->lambda.value == NULL) {
		return ok;
	}
	struct tn_ir *value = check_expr(c, lambda->lambda.value, NULL);
	if (value == NULL) {
		return false;
	}
	if (value->type->kind == TN_TYPE_VOID || value->type->kind == TN_TYPE_NEVER) {
		struct tn_ir *eval = check_node(c, TN_IR_EVAL, check_basic(c, TN_TYPE_VOID), value->span);
		if (eval != NULL) {
			eval->a = value;
		}
		return ok && eval != NULL && check_push(c, out, eval);
	}
	return ok && check_push(c, out, return_node(c, value, value->span));
}

/* What is returned decides the type; then every return gives that. */
static struct tn_type *infer_result(struct tn_checker *c, const struct frame *f) {
	struct tn_type *type = NULL;
	for (size_t i = 0; i < f->returns.count; i++) {
		const struct tn_ir *r = f->returns.items[i];
		struct tn_type *one = r->a == NULL ? check_basic(c, TN_TYPE_VOID) : r->a->type;
		struct tn_type *both = type == NULL ? one : check_common(c, type, one);
		if (both == NULL || (type != NULL && (type->kind == TN_TYPE_VOID) != (one->kind == TN_TYPE_VOID))) {
			char first[128], second[128];
			tn_type_format(type, first);
			tn_type_format(one, second);
			check_error(
				c, r->span, TN_ERR_TYPE, "%s returns different types: %s before, %s here", f->instance->name, first, second);
			return NULL;
		}
		type = both;
	}
	return type == NULL ? check_basic(c, TN_TYPE_VOID) : type->kind == TN_TYPE_EMPTY ? check_basic(c, TN_TYPE_TENSOR) : type;
}

static bool finish_returns(struct tn_checker *c, struct tn_instance *instance) {
	struct frame *f = c->frame;
	char what[160];
	snprintf(what, sizeof(what), "the result of %s", instance->name);
	if (f->result == NULL) {
		struct tn_type *type = infer_result(c, f);
		if (type == NULL) {
			return false;
		}
		instance->result = type;
	}
	bool ok = true;
	for (size_t i = 0; i < f->returns.count; i++) {
		struct tn_ir *r = f->returns.items[i];
		if (r->a != NULL && instance->result->kind != TN_TYPE_VOID) {
			r->a = check_expect(c, check_coerce(c, r->a, instance->result, what), f->result_shape);
			ok = ok && r->a != NULL;
		}
	}
	return ok;
}

static bool declared_result(struct tn_checker *c, struct tn_instance *instance) {
	struct tn_function *f = instance->function;
	if (f->decl == NULL || check_type_is_template(f->declared_result)) {
		return true;
	}
	char *what = tn_arena_printf(&f->unit->arena, "the result of %s", f->name);
	c->frame->result = f->declared_result;
	return what != NULL && check_type(c, f->decl->result, what, false, &c->frame->result_shape) != NULL;
}

static bool build_body(struct tn_checker *c, struct tn_instance *instance, struct body *body) {
	struct tn_function *f = instance->function;
	if (!bind_params(c, instance, body) || !declared_result(c, instance)) {
		return false;
	}
	bool ok = f->lambda != NULL ? lambda_body(c, f->lambda, body) : check_statements(c, f->decl->body, body);
	check_warn_lost(c, 0);
	ok = ok && finish_returns(c, instance);
	if (ok && instance->result->kind != TN_TYPE_VOID && check_completes(&body->list)) {
		struct tn_error *err =
			check_error(c, f->span, TN_ERR_TYPE, "%s: control reaches the end without a return", instance->name);
		HINT(err, "a function returns by `return` only");
		return false;
	}
	return ok;
}

bool check_instance_body(struct tn_checker *c, struct tn_instance *instance, struct tn_span from) {
	struct tn_function *f = instance->function;
	ptrdiff_t used = c->stack - (const char *)__builtin_frame_address(0);
	if (c->depth >= MAX_DEPTH || used > MAX_STACK) {
		struct tn_error *err = check_error(
			c, from, TN_ERR_RECURSION, "functions whose result's type is inferred call each other more than %d deep", MAX_DEPTH);
		HINT(err, "declare the return types");
		instance->state = TN_INSTANCE_FAILED;
		return false;
	}
	struct frame frame = {.outer = c->frame,
		.called_from = from,
		.instance = instance,
		.module = f->module,
		.unit = f->unit,
		.is_lambda = f->lambda != NULL};
	struct body body = {0};
	c->frame = &frame;
	c->depth++;
	instance->state = TN_INSTANCE_CHECKING;
	instance->pass = c->pass;
	bool ok = build_body(c, instance, &body);
	struct tn_local *locals = ok ? CHECK_ARRAY(c, frame.locals.count, struct tn_local) : NULL;
	if (locals != NULL) {
		if (frame.locals.count > 0) {
			memcpy(locals, frame.locals.items, frame.locals.count * sizeof(locals[0]));
		}
		instance->locals = locals;
		instance->local_count = (uint32_t)frame.locals.count;
		instance->body = body.list;
		instance->effects = 0;
		instance->epoch = c->lang->epoch;
	}
	tn_proto_destroy(instance->proto);
	instance->proto = NULL;
	instance->state = locals != NULL ? TN_INSTANCE_CHECKED : TN_INSTANCE_FAILED;
	c->depth--;
	c->frame = frame.outer;
	check_frame_finish(&frame);
	return locals != NULL;
}

/* ---- the instance of a combination ---- */

/* Types that no session can give another meaning: instances of library functions for these never grow old. */
static bool is_timeless(const struct tn_checker *c, const struct tn_type *type) {
	switch (type->kind) {
	case TN_TYPE_LAMBDA:
	case TN_TYPE_ANY:
	case TN_TYPE_TREE:
	case TN_TYPE_FN:
		return false;
	case TN_TYPE_FNSET:
		return tn_map_get(&c->lang->session->functions, type->name) == NULL;
	case TN_TYPE_STRUCT:
		return type->def->unit == NULL || type->def->unit->module->is_library;
	default:
		for (uint32_t i = 0; i < type->item_count; i++) {
			if (!is_timeless(c, type->items[i])) {
				return false;
			}
		}
		return true;
	}
}

static struct tn_instance *find(struct tn_function *f, struct tn_type *const *types, uint32_t count) {
	for (size_t i = 0; i < f->instances.count; i++) {
		struct tn_instance *instance = f->instances.items[i];
		if (instance->param_count == count &&
			(count == 0 || memcmp(instance->param_types, types, count * sizeof(types[0])) == 0)) {
			return instance;
		}
	}
	return NULL;
}

/* Those of one check: in a session each cell may bring a lambda, whose type is its own, for years. */
static uint32_t made_now(const struct tn_checker *c, const struct tn_function *f) {
	uint32_t made = 0;
	for (size_t i = f->instances.count; i > 0 && f->instances.items[i - 1]->made == c->pass; i--) {
		made++;
	}
	return made;
}

static struct tn_instance *create(
	struct tn_checker *c, struct tn_function *f, struct tn_type *const *types, uint32_t count, struct tn_span from) {
	if (made_now(c, f) >= MAX_COMBINATIONS) {
		check_error(
			c, from, TN_ERR_TYPE, "%s is called with more than %d combinations of argument types", f->name, MAX_COMBINATIONS);
		return NULL;
	}
	struct tn_instance *instance = TN_ARENA_NEW(&f->unit->arena, struct tn_instance);
	struct tn_type **copy = TN_ARENA_ARRAY(&f->unit->arena, count == 0 ? 1 : count, struct tn_type *);
	if (instance == NULL || copy == NULL) {
		return check_memory(c);
	}
	if (count > 0) {
		memcpy(copy, types, count * sizeof(types[0]));
	}
	*instance = (struct tn_instance){.function = f,
		.unit = f->unit,
		.name = f->name,
		.param_types = copy,
		.param_count = count,
		.made = c->pass,
		.needs_session = !f->is_library};
	for (uint32_t i = 0; i < count; i++) {
		instance->needs_session = instance->needs_session || !is_timeless(c, types[i]);
	}
	if (!TN_VEC_PUSH(&f->instances, instance)) {
		return check_memory(c);
	}
	return instance;
}

static bool defer(struct tn_checker *c, struct tn_instance *instance, struct tn_span from) {
	struct deferred work = {.instance = instance, .called_from = from};
	for (const struct frame *f = c->frame; f != NULL && work.place_count < TN_ERROR_TRACE_MAX; f = f->outer) {
		if (f->called_from.source != NULL) {
			tn_span_place(f->called_from, &work.places[work.place_count++]);
		}
	}
	for (uint32_t i = 0; c->from != NULL && i < c->from->place_count && work.place_count < TN_ERROR_TRACE_MAX; i++) {
		work.places[work.place_count++] = c->from->places[i];
	}
	instance->state = TN_INSTANCE_CHECKING;
	instance->pass = c->pass;
	return TN_VEC_PUSH(&c->queue, work) || check_memory(c) != NULL;
}

struct tn_instance *check_instance(
	struct tn_checker *c, struct tn_function *f, struct tn_type *const *types, uint32_t count, struct tn_span from) {
	struct tn_instance *instance = find(f, types, count);
	if (instance != NULL) {
		bool fresh = instance->epoch == c->lang->epoch || !instance->needs_session;
		if (instance->state == TN_INSTANCE_CHECKING && instance->pass == c->pass) {
			return instance;
		}
		if (instance->state == TN_INSTANCE_CHECKED && fresh) {
			return instance;
		}
		if (instance->state == TN_INSTANCE_FAILED && instance->pass == c->pass) {
			return NULL;
		}
	} else if ((instance = create(c, f, types, count, from)) == NULL) {
		return NULL;
	}
	if (f->lambda == NULL && !check_declared(c, f)) {
		instance->state = TN_INSTANCE_FAILED;
		return NULL;
	}
	bool inferred = f->lambda != NULL || check_type_is_template(f->declared_result);
	instance->result = inferred ? NULL : f->declared_result;
	if (!inferred) {
		return defer(c, instance, from) ? instance : NULL;
	}
	return check_instance_body(c, instance, from) ? instance : NULL;
}

bool check_drain(struct tn_checker *c) {
	bool ok = true;
	struct frame *frame = c->frame;
	uint32_t depth = c->depth;
	const struct deferred *from = c->from;
	for (size_t i = 0; i < c->queue.count; i++) {
		struct deferred work = c->queue.items[i];
		c->frame = NULL;
		c->depth = 0;
		c->from = &work;
		if (work.instance->state == TN_INSTANCE_CHECKING) {
			ok = check_instance_body(c, work.instance, work.called_from) && ok;
		}
	}
	c->queue.count = 0;
	c->frame = frame;
	c->depth = depth;
	c->from = from;
	return ok;
}
