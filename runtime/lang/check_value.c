/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of values: a struct by its `call`, a lambda, a function's name, a tuple or list of callables as a chain. */
#include <string.h>

#include "lang/check.h"

static struct tn_ir *let(struct tn_checker *c, const struct body *body, struct tn_ir *value, struct tn_span span) {
	struct tn_ir *ir = value == NULL ? NULL : check_node(c, TN_IR_LET, value->type, span);
	if (ir != NULL) {
		ir->let.body = body->list;
		ir->a = value;
	}
	return ir;
}

/* A callee that is no place gets a name, so that its parts can be referred to. */
static struct tn_ir *named(struct tn_checker *c, struct operand callee, struct body *before) {
	if (callee.is_place) {
		return callee.ir;
	}
	uint32_t local = check_local(c, "", callee.ir->type, false);
	return check_push(c, before, check_set_local(c, local, callee.ir)) ? check_read_local(c, local, callee.ir->span) : NULL;
}

/* ---- lambdas ---- */

/* What the lambda has captured comes first, read out of its value. */
static bool lambda_captures(
	struct tn_checker *c, struct tn_ir *holder, const struct tn_function *f, struct tn_ir *call, struct tn_type **types) {
	for (uint32_t i = 0; i < f->capture_count; i++) {
		struct tn_ir *read = check_node(c, TN_IR_ITEM, f->captures[i].type, call->span);
		if (read == NULL) {
			return false;
		}
		read->a = holder;
		read->index = i;
		call->call.args.items[i] = read;
		types[i] = f->captures[i].type;
	}
	return true;
}

static struct tn_ir *lambda_arg(
	struct tn_checker *c, const struct tn_function *f, const struct tn_ast_param *param, const struct operand *arg) {
	struct tn_type *declared = param->type == NULL ? check_basic(c, TN_TYPE_AUTO) : check_type_plain(c, f->module, param->type);
	const char *name = check_name(c, param->name);
	struct operand place = *arg;
	if (declared == NULL || name == NULL) {
		return NULL;
	}
	if (arg->name != NULL) {
		check_error(c, arg->span, TN_ERR_TYPE, "the arguments of a lambda have no names");
		return NULL;
	}
	if (place.ir->type->kind == TN_TYPE_EMPTY) {
		place.ir = check_zero(c, check_basic(c, TN_TYPE_TENSOR), arg->span);
	}
	if (place.ir != NULL && !check_type_is_template(declared)) {
		place.ir = check_coerce(c, place.ir, declared, "an argument of the lambda");
	}
	return place.ir != NULL && param->by_ref ? check_reference(c, &place, "the lambda", name) : place.ir;
}

struct tn_ir *check_call_lambda(struct tn_checker *c, struct operand callee, struct operands args, struct tn_span span) {
	struct tn_function *f = callee.ir->type->function;
	struct body before = {0};
	uint32_t count = f->lambda->lambda.count, total = f->capture_count + count;
	if (args.count != count) {
		check_error(c, span, TN_ERR_TYPE, "the lambda takes %u argument%s, found %u", count, count == 1 ? "" : "s", args.count);
		return NULL;
	}
	struct tn_ir *ir = check_node(c, TN_IR_CALL, check_basic(c, TN_TYPE_VOID), span);
	struct tn_type **types = ir == NULL ? NULL : CHECK_ARRAY(c, total, struct tn_type *);
	struct tn_ir *holder = f->capture_count == 0 ? callee.ir : named(c, callee, &before);
	if (types == NULL || holder == NULL || (ir->call.args.items = CHECK_ARRAY(c, total, struct tn_ir *)) == NULL) {
		return NULL;
	}
	ir->call.args.count = total;
	if (!lambda_captures(c, holder, f, ir, types)) {
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct tn_ir *value = lambda_arg(c, f, &f->lambda->lambda.params[i], &args.items[i]);
		if (value == NULL) {
			return NULL;
		}
		ir->call.args.items[f->capture_count + i] = value;
		types[f->capture_count + i] = value->type;
	}
	struct tn_instance *instance = check_instance(c, f, types, total, span);
	if (instance == NULL) {
		return NULL;
	}
	if (instance->result == NULL) {
		check_error(c, span, TN_ERR_TYPE, "a lambda calls itself before its result's type is known");
		return NULL;
	}
	ir->call.instance = instance;
	ir->type = check_read_type(c, instance->result);
	struct tn_ir *call = check_hoist(c, ir, &ir->call.args);
	return call == NULL || before.list.count == 0 ? call : let(c, &before, call, span);
}

/* ---- chains ---- */

bool check_may_keep(struct tn_checker *c, const struct tn_ir *value, const char *where) {
	if (value->type->kind != TN_TYPE_LAMBDA || !value->type->function->holds_weights) {
		return true;
	}
	struct tn_error *err = check_error(c, value->span, TN_ERR_TYPE, "a lambda that holds weights cannot be %s", where);
	HINT(err, "make it a struct with a function call(…): then its weights are found and trained");
	return false;
}

static struct tn_ir *element(struct tn_checker *c, struct tn_ir *tuple, uint32_t i) {
	struct tn_ir *ir = check_node(c, TN_IR_ITEM, check_read_type(c, tuple->type->items[i]), tuple->span);
	if (ir != NULL) {
		ir->a = tuple;
		ir->index = i;
	}
	return ir;
}

static struct tn_ir *call_tuple(struct tn_checker *c, struct operand callee, struct operands args, struct tn_span span) {
	struct body body = {0};
	struct tn_ir *tuple = named(c, callee, &body), *value = NULL;
	uint32_t count = callee.ir->type->item_count;
	for (uint32_t i = 0; tuple != NULL && i < count; i++) {
		struct tn_ir *part = element(c, tuple, i);
		if (part != NULL && !check_may_keep(c, part, "an element of a chain")) {
			return NULL;
		}
		struct operand operand = check_operand(part, NULL);
		operand.receiver = true;
		value = part == NULL ? NULL : check_call_value(c, operand, args, span);
		if (value == NULL) {
			return NULL;
		}
		if (i + 1 == count) {
			break;
		}
		if (value->type->kind == TN_TYPE_VOID) {
			check_error(c, span, TN_ERR_TYPE, "item %u of the chain gives no value for the next", i);
			return NULL;
		}
		uint32_t local = check_local(c, "", value->type, false);
		args.items = CHECK_ARRAY(c, 1, struct operand);
		args.count = 1;
		if (args.items == NULL || !check_push(c, &body, check_set_local(c, local, value))) {
			return NULL;
		}
		args.items[0] = check_operand(check_read_local(c, local, span), NULL);
		if (args.items[0].ir == NULL) {
			return NULL;
		}
	}
	return let(c, &body, value, span);
}

/* One pass over a list: t = item(t). The type of t must stay; where it does not, it is any. */
static struct tn_ir *list_step(struct tn_checker *c, uint32_t item, uint32_t t, struct tn_span span) {
	struct operand callee = check_operand(check_read_local(c, item, span), NULL),
				   arg = check_operand(check_read_local(c, t, span), NULL);
	callee.receiver = true;
	return callee.ir == NULL || arg.ir == NULL ? NULL : check_call_value(c, callee, (struct operands){&arg, 1}, span);
}

static struct tn_ir *call_list(struct tn_checker *c, struct operand callee, struct operands args, struct tn_span span) {
	struct body body = {0}, loop_body = {0};
	if (args.count != 1) {
		check_error(c, span, TN_ERR_TYPE, "a list of callables takes one argument, found %u", args.count);
		return NULL;
	}
	struct tn_ir *list = named(c, callee, &body),
				 *loop = list == NULL ? NULL : check_node(c, TN_IR_FOR_EACH, check_basic(c, TN_TYPE_VOID), span);
	struct tn_type *type = args.items[0].ir->type;
	uint32_t item = check_local(c, "", callee.ir->type->items[0], true), t = check_local(c, "", type, false);
	struct tn_ir *step = loop == NULL || item == UINT32_MAX || t == UINT32_MAX ? NULL : list_step(c, item, t, span);
	if (step == NULL) {
		return NULL;
	}
	if (step->type != type) {
		t = check_local(c, "", check_basic(c, TN_TYPE_ANY), false);
		step = t == UINT32_MAX ? NULL : list_step(c, item, t, span);
	}
	if (step == NULL || !check_push(c, &body, check_set_local(c, t, args.items[0].ir)) ||
		!check_push(c, &loop_body, check_set_local(c, t, step))) {
		return NULL;
	}
	loop->a = list;
	loop->flow.local = item;
	loop->flow.by_ref = true;
	loop->flow.body = loop_body.list;
	return check_push(c, &body, loop) ? let(c, &body, check_read_local(c, t, span), span) : NULL;
}

/* ---- any value ---- */

struct tn_ir *check_call_value(struct tn_checker *c, struct operand callee, struct operands args, struct tn_span span) {
	struct tn_type *type = callee.ir->type;
	struct tn_module *module = c->frame->module;
	struct operands all;
	c->callee = (struct tn_span){0};
	switch (type->kind) {
	case TN_TYPE_FNSET:
		/* the set as the session sees it, also where the library calls it */
		return check_call_name(c, module->is_library ? c->lang->session : module, type->name, args, false, span);
	case TN_TYPE_LAMBDA:
		return check_call_lambda(c, callee, args, span);
	case TN_TYPE_STRUCT:
		all.count = args.count + 1;
		all.items = CHECK_ARRAY(c, all.count, struct operand);
		if (all.items == NULL) {
			return NULL;
		}
		all.items[0] = callee;
		all.items[0].receiver = true;
		memcpy(all.items + 1, args.items, args.count * sizeof(args.items[0]));
		if (!check_is_callable(c, type)) {
			struct tn_error *err = check_error(c, span, TN_ERR_TYPE, "a value of type %s cannot be called", type->def->name);
			HINT(err, "a struct is callable when there is a function call(%s &x, …)", type->def->name);
			return NULL;
		}
		return check_call_name(c, module, "call", all, false, span);
	case TN_TYPE_TUPLE:
		if (type->item_count > 0 && tn_type_is_callable(type)) {
			return call_tuple(c, callee, args, span);
		}
		break;
	case TN_TYPE_LIST:
		if (check_is_callable(c, type->items[0]) || type->items[0]->kind == TN_TYPE_TREE) {
			return call_list(c, callee, args, span);
		}
		break;
	case TN_TYPE_ANY:
	case TN_TYPE_FN:
	case TN_TYPE_TREE:
		all.count = args.count + 1;
		all.items = CHECK_ARRAY(c, all.count, struct operand);
		if (all.items == NULL) {
			return NULL;
		}
		all.items[0] = callee;
		memcpy(all.items + 1, args.items, args.count * sizeof(args.items[0]));
		return check_dyn_call(c, DYN_CALL_VALUE, module, NULL, false, all, span);
	default:
		break;
	}
	char text[128];
	tn_type_format(type, text);
	check_error(c, span, TN_ERR_TYPE, "a value of type %s cannot be called", text);
	return NULL;
}
