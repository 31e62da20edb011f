/* SPDX-License-Identifier: Apache-2.0 */
/* Loops and switch. */
#include <string.h>

#include "lang/check.h"
#include "lang/iter.h"

/* What break and continue may leave. */
struct loop_state {
	uint32_t loops, loop_cuts, breakables, break_cuts;
};

static struct loop_state enter(struct tn_checker *c, bool is_loop) {
	struct frame *f = c->frame;
	struct loop_state before = {f->loops, f->loop_cuts, f->breakables, f->break_cuts};
	f->breakables++;
	f->break_cuts = f->cuts;
	if (is_loop) {
		f->loops++;
		f->loop_cuts = f->cuts;
	}
	return before;
}
static void leave(struct tn_checker *c, struct loop_state before) {
	struct frame *f = c->frame;
	f->loops = before.loops;
	f->loop_cuts = before.loop_cuts;
	f->breakables = before.breakables;
	f->break_cuts = before.break_cuts;
}

static struct tn_ir *node(struct tn_checker *c, enum tn_ir_kind kind, struct tn_span span) {
	return check_node(c, kind, check_basic(c, TN_TYPE_VOID), span);
}

static struct tn_ir *loop_body(struct tn_checker *c, const struct tn_ast *body) {
	struct loop_state before = enter(c, true);
	struct tn_ir *scope = check_scoped(c, body);
	leave(c, before);
	return scope;
}

bool check_loop(struct tn_checker *c, const struct tn_ast *ast, struct body *out) {
	struct tn_ir *cond = check_condition(c, check_value(c, ast->loop.cond, NULL), "the condition of the loop");
	struct tn_ir *scope = loop_body(c, ast->loop.body), *ir = node(c, TN_IR_LOOP, ast->span);
	struct body body = {0};
	if (cond == NULL || ir == NULL || !check_push(c, &body, scope)) {
		return false;
	}
	ir->a = cond;
	ir->flow.body = body.list;
	ir->flow.test_last = ast->kind == TN_AST_DO;
	return check_push(c, out, ir);
}

bool check_for(struct tn_checker *c, const struct tn_ast *ast, struct body *out) {
	size_t mark;
	struct body all = {0}, body = {0}, step = {0};
	check_open(c, &mark);
	struct tn_ir *scope = node(c, TN_IR_SCOPE, ast->span), *ir = node(c, TN_IR_LOOP, ast->span), *cond = NULL;
	bool ok = check_statements(c, ast->for_.init, &all) && scope != NULL && ir != NULL;
	if (ast->for_.cond != NULL) {
		cond = check_condition(c, check_value(c, ast->for_.cond, NULL), "the condition of for");
		ok = ok && cond != NULL;
	}
	ok = check_push(c, &body, loop_body(c, ast->for_.body)) && ok;
	ok = check_statements(c, ast->for_.step, &step) && ok;
	check_close(c, mark);
	if (!ok) {
		return false;
	}
	ir->a = cond;
	ir->flow.body = body.list;
	ir->flow.step = step.list;
	if (!check_push(c, &all, ir)) {
		return false;
	}
	scope->flow.body = all.list;
	return check_push(c, out, scope);
}

/* ---- for (x : xs) ---- */

static struct tn_ir *iterable(struct tn_checker *c, const struct tn_ast *ast) {
	struct tn_ir *ir = check_value(c, ast, NULL);
	if (ir != NULL && ir->kind == TN_IR_TENSOR && ir->tensor.shape.ndim > 0) { /* a literal in for is a list */
		return check_as_plain_list(c, ir);
	}
	return ir;
}

static struct tn_type *element_type(struct tn_checker *c, const struct tn_ir *ir) {
	struct tn_type *item = ir->type->kind == TN_TYPE_ANY ? ir->type : tn_iter_item_type(c->lang->types, ir->type);
	if (item == NULL) {
		char text[128];
		tn_type_format(ir->type, text);
		struct tn_error *err = check_error(c, ir->span, TN_ERR_TYPE, "for cannot walk a value of type %s", text);
		if (ir->type->kind == TN_TYPE_INT) {
			HINT(err, "for (int i : 0..n) counts");
		} else if (ir->type->kind == TN_TYPE_STRUCT) {
			HINT(err, "batches(data, 32) walks a dataset");
		}
		return NULL;
	}
	return item;
}

static struct tn_ir *convert_element(
	struct tn_checker *c, struct tn_ir *element, const struct tn_ast_type *declared, const char *what) {
	struct tn_type *type = declared == NULL ? NULL : check_type_plain(c, c->frame->module, declared);
	if (declared == NULL || type == NULL || type->kind == TN_TYPE_AUTO) {
		return declared == NULL || type != NULL ? element : NULL;
	}
	if (element->type->kind == TN_TYPE_TENSOR && (type->kind == TN_TYPE_INT || type->kind == TN_TYPE_FLOAT)) {
		return check_convert(c, type->kind == TN_TYPE_INT ? TN_CONVERT_TENSOR_TO_INT : TN_CONVERT_TENSOR_TO_FLOAT, type, element);
	}
	return check_coerce(c, element, type, what);
}

/* The loop variable itself takes the element where nothing has to be converted or unpacked. */
static bool bind_element(
	struct tn_checker *c, const struct tn_ast *ast, struct tn_type *item, struct tn_ir *loop, struct body *prologue) {
	const struct tn_ast_pattern *pattern = ast->each.target;
	const char *name = pattern->is_tuple ? "" : check_name(c, pattern->name);
	struct tn_type *type = ast->each.type == NULL ? NULL : check_type_plain(c, c->frame->module, ast->each.type);
	if (name == NULL || (ast->each.type != NULL && type == NULL)) {
		return false;
	}
	bool plain = !pattern->is_tuple && (type == NULL || type->kind == TN_TYPE_AUTO || type == item);
	if (pattern->by_ref) {
		if (!check_is_place(loop->a) || loop->a->type->kind != TN_TYPE_LIST || !plain) {
			check_error(c, pattern->span, TN_ERR_TYPE, "& takes the items of a list that is a variable, as they are");
			return false;
		}
		loop->flow.by_ref = true;
	}
	loop->flow.local =
		check_local(c, plain ? name : "", plain && !pattern->by_ref ? check_read_type(c, item) : item, pattern->by_ref);
	if (loop->flow.local == UINT32_MAX) {
		return false;
	}
	if (plain) {
		struct binding *b = check_bind(c, name, loop->flow.local, pattern->span);
		if (b != NULL) {
			b->is_copy = !pattern->by_ref;
			b->loops = c->frame->loops + 1;
		}
		return b != NULL;
	}
	struct tn_ir *element = check_read_local(c, loop->flow.local, pattern->span);
	if (pattern->is_tuple) {
		return element != NULL && check_declare(c, pattern, NULL, false, element, prologue);
	}
	element = element == NULL ? NULL : convert_element(c, element, ast->each.type, name);
	return element != NULL && check_declare(c, pattern, ast->each.type, false, element, prologue);
}

bool check_for_each(struct tn_checker *c, const struct tn_ast *ast, struct body *out) {
	size_t mark;
	struct body body = {0}, one = {0};
	struct tn_ir *walked = iterable(c, ast->each.iterable);
	struct tn_type *item = walked == NULL ? NULL : element_type(c, walked);
	struct tn_ir *loop = node(c, TN_IR_FOR_EACH, ast->span), *scope = node(c, TN_IR_SCOPE, ast->span);
	bool ok = item != NULL && loop != NULL && scope != NULL;
	check_open(c, &mark);
	if (ok) {
		loop->a = walked;
		ok = bind_element(c, ast, item, loop, &body);
	}
	if (!ok) { /* what the loop would name: nothing more is said about it */
		check_declare(c, ast->each.target, NULL, false, NULL, &body);
	}
	struct loop_state before = enter(c, true);
	struct tn_ir *inner = check_scoped(c, ast->each.body);
	leave(c, before);
	check_close(c, mark);
	ok = ok && inner != NULL;
	for (uint32_t i = 0; ok && i < inner->flow.body.count; i++) {
		ok = check_push(c, &body, inner->flow.body.items[i]);
	}
	if (!ok || !check_push(c, &one, scope)) {
		return false;
	}
	scope->flow.body = body.list;
	loop->flow.body = one.list;
	return check_push(c, out, loop);
}

/* ---- switch ---- */

static bool case_values(struct tn_checker *c, const struct tn_ast_case *from, struct tn_type *type, struct tn_ir_case *to) {
	struct body values = {0};
	bool ok = true;
	for (uint32_t i = 0; i < from->values.count; i++) {
		struct tn_ir *value = check_value(c, from->values.items[i], type);
		value = value == NULL || type == NULL || type->kind == TN_TYPE_ANY ? value : check_coerce(c, value, type, "a case");
		ok = check_push(c, &values, value) && ok;
	}
	to->values = values.list;
	return ok;
}

bool check_switch(struct tn_checker *c, const struct tn_ast *ast, struct body *out) {
	struct tn_ir *value = check_value(c, ast->switch_.value, NULL), *ir = node(c, TN_IR_SWITCH, ast->span);
	struct tn_ir_case *cases = CHECK_ARRAY(c, ast->switch_.count, struct tn_ir_case);
	bool ok = value != NULL && ir != NULL && cases != NULL;
	struct tn_type *type = value == NULL ? NULL : value->type;
	if (value != NULL && value->type->kind != TN_TYPE_ANY && !tn_type_is_number(value->type) &&
		value->type->kind != TN_TYPE_STRING && value->type->kind != TN_TYPE_DTYPE) {
		char text[128];
		tn_type_format(value->type, text);
		check_error(c, value->span, TN_ERR_TYPE, "switch: expected a number, a string or a dtype, found %s", text);
		ok = false;
		type = NULL;
	}
	struct loop_state before = enter(c, false);
	for (uint32_t i = 0; cases != NULL && i < ast->switch_.count; i++) {
		size_t mark;
		struct body body = {0};
		ok = case_values(c, &ast->switch_.cases[i], type, &cases[i]) && ok;
		check_open(c, &mark);
		ok = check_statements(c, ast->switch_.cases[i].body, &body) && ok;
		check_close(c, mark);
		cases[i].body = body.list;
	}
	leave(c, before);
	if (!ok) {
		return false;
	}
	ir->a = value;
	ir->flow.cases = cases;
	ir->flow.case_count = ast->switch_.count;
	return check_push(c, out, ir);
}
