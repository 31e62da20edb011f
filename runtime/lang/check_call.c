/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: what the callee is, the arguments, references, and calls of functions of the language. Natives are in check_native.c,
 * calls of values in check_value.c. */
#include <stdio.h>
#include <string.h>

#include "lang/check.h"

struct operand check_operand(struct tn_ir *ir, const char *name) {
	struct operand made = {.name = name, .ir = ir};
	if (ir != NULL) {
		made.span = ir->span;
		made.is_place = check_is_place(ir);
	}
	return made;
}

bool check_any_operand(const struct operands *args) {
	for (uint32_t i = 0; i < args->count; i++) {
		if (args->items[i].ir->type->kind == TN_TYPE_ANY) {
			return true;
		}
	}
	return false;
}

/* ---- references ---- */

/* Two paths name overlapping places for certain: same root, and one is a prefix of the other through fields and constant items.
 */
static bool overlaps(const struct tn_ir *a, const struct tn_ir *b) {
	const struct tn_ir *pa[64], *pb[64];
	uint32_t na = 0, nb = 0;
	for (; a->kind == TN_IR_FIELD || a->kind == TN_IR_ITEM || a->kind == TN_IR_INDEX; a = a->a) {
		if (na == TN_ARRAY_LEN(pa)) {
			return false;
		}
		pa[na++] = a;
	}
	for (; b->kind == TN_IR_FIELD || b->kind == TN_IR_ITEM || b->kind == TN_IR_INDEX; b = b->a) {
		if (nb == TN_ARRAY_LEN(pb)) {
			return false;
		}
		pb[nb++] = b;
	}
	if (a->kind != b->kind || (a->kind == TN_IR_LOCAL ? a->local != b->local : a->symbol != b->symbol)) {
		return false;
	}
	while (na > 0 && nb > 0) {
		const struct tn_ir *x = pa[--na], *y = pb[--nb];
		if (x->kind == TN_IR_INDEX || y->kind == TN_IR_INDEX || x->kind != y->kind || x->index != y->index) {
			return false; /* through an index: known when it runs */
		}
	}
	return true;
}

static bool no_overlap(struct tn_checker *c, const struct tn_ir_list *args) {
	for (uint32_t i = 0; i < args->count; i++) {
		for (uint32_t k = 0; k < i; k++) {
			const struct tn_ir *a = args->items[k], *b = args->items[i];
			if (a != NULL && b != NULL && a->kind == TN_IR_REF && b->kind == TN_IR_REF && overlaps(a->a, b->a)) {
				check_error(c, b->span, TN_ERR_TYPE, "two arguments of one call refer to the same variable");
				return false;
			}
		}
	}
	return true;
}

static bool may_write(struct tn_checker *c, const struct tn_ir *place, const char *function, struct tn_span span) {
	const struct tn_ir *root = check_place_root(place);
	bool is_call = check_same_name(function, "call");
	if (root->kind == TN_IR_GLOBAL && root->symbol->is_const && !is_call) {
		check_error(c, span, TN_ERR_TYPE, "%s would change %s, which is const", function, root->symbol->name);
		return false;
	}
	if (root->kind == TN_IR_GLOBAL && !c->frame->is_cell && !c->frame->is_dyn && !is_call) {
		char type[128];
		tn_type_format(root->symbol->type, type);
		struct tn_error *err =
			check_error(c, span, TN_ERR_TYPE, "%s would change the global %s inside a function", function, root->symbol->name);
		HINT(err, "declare a parameter `%s &%s` and let the caller write &%s", type, root->symbol->name, root->symbol->name);
		return false;
	}
	for (size_t i = c->frame->bindings.count; root->kind == TN_IR_LOCAL && !is_call && i > 0; i--) {
		const struct binding *b = &c->frame->bindings.items[i - 1];
		if (b->local == root->local && (b->is_const || b->is_capture)) {
			check_error(c, span, TN_ERR_TYPE,
				b->is_capture ? "%s would change %s, which the lambda has captured" : "%s would change %s, which is const",
				function, b->name);
			return false;
		}
	}
	return true;
}

/* Whether a function is declared as an optimizer's step is: step(Optimizer &opt, tree &net, tree g). Others may be called step too. */
static bool is_optimizer_step(const struct tn_function *f) {
	const struct tn_ast_param *params = f->decl->params;
	return check_same_name(f->name, "step") && f->decl->count >= 3 && params[0].by_ref && params[1].by_ref && !params[2].by_ref &&
		f->declared[0]->kind == TN_TYPE_STRUCT && f->declared[1]->kind == TN_TYPE_TREE && f->declared[2]->kind == TN_TYPE_TREE;
}

/* An optimizer's step on a by-value parameter trains a copy. */
static void warn_lost_step(struct tn_checker *c, const struct tn_function *f, const struct tn_ir *place, struct tn_span span) {
	const struct tn_ir *root = check_place_root(place);
	if (root->kind != TN_IR_LOCAL || !is_optimizer_step(f)) {
		return;
	}
	for (size_t i = c->frame->bindings.count; i > 0; i--) {
		const struct binding *b = &c->frame->bindings.items[i - 1];
		if (b->local == root->local) {
			if (b->is_copy && !b->is_capture) {
				char hint[160];
				snprintf(hint, sizeof(hint), "declare it as a reference: &%s", b->name);
				check_warn(c, span, hint, "step changes a copy: %s is passed by value", b->name);
			}
			return;
		}
	}
}

struct tn_ir *check_reference(struct tn_checker *c, const struct operand *arg, const char *function, const char *param) {
	bool is_call = check_same_name(function, "call");
	if (!arg->by_ref && !arg->receiver && !is_call) {
		struct tn_error *err = check_error(c, arg->span, TN_ERR_TYPE, "%s changes its argument %s: write &", function, param);
		HINT(err, "write & before the variable, or call it as a method: x.%s(…)", function);
		return NULL;
	}
	struct tn_ir *place = arg->ir;
	if (!arg->is_place) {
		if (arg->by_ref) {
			check_error(c, arg->span, TN_ERR_TYPE, "& takes a variable, a field, or an element of a list or tuple");
			return NULL;
		}
		uint32_t local = check_local(c, "", place->type, false); /* a value without a name: its temporary is changed */
		struct tn_ir *set = check_set_local(c, local, place),
					 *let = set == NULL ? NULL : check_node(c, TN_IR_LET, place->type, arg->span);
		if (let == NULL || (let->let.body.items = CHECK_ARRAY(c, 1, struct tn_ir *)) == NULL) {
			return NULL;
		}
		let->let.body.items[0] = set;
		let->let.body.count = 1;
		let->a = check_read_local(c, local, arg->span);
		struct tn_ir *ref = let->a == NULL ? NULL : check_node(c, TN_IR_REF, place->type, arg->span);
		if (ref == NULL) {
			return NULL;
		}
		ref->a = let->a;
		let->a = ref;
		return let;
	}
	if (!may_write(c, place, function, arg->span)) {
		return NULL;
	}
	struct tn_ir *ref = check_node(c, TN_IR_REF, place->type, arg->span);
	if (ref != NULL) {
		ref->a = place;
		ref->by_call = is_call;
	}
	return ref;
}

struct tn_ir *check_hoist(struct tn_checker *c, struct tn_ir *call, struct tn_ir_list *args) {
	struct body before = {0};
	for (uint32_t i = 0; i < args->count; i++) {
		struct tn_ir *arg = args->items[i];
		if (arg != NULL && arg->kind == TN_IR_LET && arg->a->kind == TN_IR_REF) {
			if (!check_push(c, &before, arg->let.body.items[0])) {
				return NULL;
			}
			args->items[i] = arg->a;
		}
	}
	struct tn_ir *let = before.list.count == 0 ? call : check_node(c, TN_IR_LET, call->type, call->span);
	if (let != NULL && let != call) {
		let->let.body = before.list;
		let->a = call;
	}
	return let;
}

/* ---- functions of the language ---- */

static struct tn_ir *default_value(
	struct tn_checker *c, struct tn_function *f, uint32_t p, struct tn_type *type, const char *what) {
	struct frame *frame = c->frame;
	struct tn_module *module = frame->module;
	size_t visible = frame->hidden;
	frame->module = f->module;
	frame->hidden = frame->bindings.count;
	struct tn_ir *ir = check_value(c, f->decl->params[p].def, type);
	frame->module = module;
	frame->hidden = visible;
	return ir == NULL || check_type_is_template(type) ? ir : check_coerce(c, ir, type, what);
}

static bool template_takes(struct tn_checker *c, const struct tn_type *declared, const struct tn_ir *ir, const char *what) {
	const struct tn_type *type = ir->type;
	bool ok = declared->kind == TN_TYPE_AUTO || type->kind == TN_TYPE_ANY ||
		(declared->kind == TN_TYPE_TREE && tn_type_is_tree(type)) ||
		(declared->kind == TN_TYPE_FN && check_is_callable(c, type)) ||
		(declared->kind == TN_TYPE_SEQ && type->kind == TN_TYPE_SEQ);
	if (!ok) {
		char want[128], found[128];
		tn_type_format(declared, want);
		tn_type_format(type, found);
		struct tn_error *err = check_error(c, ir->span, TN_ERR_TYPE, "%s: expected %s, found %s", what, want, found);
		if (declared->kind == TN_TYPE_FN && type->kind == TN_TYPE_STRUCT) {
			HINT(err, "a struct is callable when there is a function call(%s &x, …)", type->def->name);
		}
	}
	return ok;
}

static struct tn_ir *function_arg(
	struct tn_checker *c, struct tn_function *f, uint32_t p, const struct operand *arg, const struct tn_instance *active) {
	const struct tn_ast_param *param = &f->decl->params[p];
	struct tn_type *declared = f->declared[p];
	bool template = check_type_is_template(declared), by_ref = param->by_ref || (p == 0 && check_same_name(f->name, "call"));
	char what[160];
	snprintf(what, sizeof(what), "argument %.*s of %s", (int)param->name.length, param->name.text, f->name);
	if (arg == NULL) {
		return default_value(c, f, p, declared, what);
	}
	if (!by_ref && arg->by_ref) {
		check_error(c, arg->span, TN_ERR_TYPE, "%s is taken by value: write it without &", what);
		return NULL;
	}
	if (by_ref) {
		const char *name = check_name(c, param->name);
		if (template ? !template_takes(c, declared, arg->ir, what)
					 : (arg->ir->type != declared && check_coerce(c, arg->ir, declared, what) == NULL)) {
			return NULL;
		}
		if (!template && arg->ir->type != declared) {
			char want[128], found[128];
			tn_type_format(declared, want);
			tn_type_format(arg->ir->type, found);
			check_error(
				c, arg->span, TN_ERR_TYPE, "%s: a reference must be to a variable of type %s, found %s", what, want, found);
			return NULL;
		}
		if (arg->is_place) {
			warn_lost_step(c, f, arg->ir, arg->span);
		}
		return name == NULL ? NULL : check_reference(c, arg, f->name, name);
	}
	if (!template) {
		return check_coerce(c, arg->ir, declared, what);
	}
	if (arg->ir->type->kind == TN_TYPE_EMPTY) {
		return check_zero(c, check_basic(c, TN_TYPE_TENSOR), arg->span);
	}
	if (active != NULL && active->param_types[p] != arg->ir->type && active->param_types[p]->kind != TN_TYPE_ANY) {
		struct tn_ir *ir = check_convert(c, TN_CONVERT_RETAG, check_basic(c, TN_TYPE_ANY), arg->ir);
		return ir; /* in its own recursion a parameter whose type would differ is any */
	}
	return template_takes(c, declared, arg->ir, what) ? arg->ir : NULL;
}

static bool is_dynamic(
	const struct tn_function *f, const struct operands *args, const struct slot *slots, const struct tn_instance *active) {
	for (uint32_t p = 0; p < f->decl->count; p++) {
		bool by_ref = f->decl->params[p].by_ref || (p == 0 && check_same_name(f->name, "call"));
		bool any = slots[p].arg >= 0 && args->items[slots[p].arg].ir->type->kind == TN_TYPE_ANY;
		if (any && ((check_type_is_template(f->declared[p]) && active == NULL) || by_ref)) {
			return true;
		}
	}
	return false;
}

struct tn_ir *check_call_function(
	struct tn_checker *c, struct tn_function *f, struct operands args, const char *name, struct tn_span span) {
	uint32_t count = f->decl->count;
	struct slot *slots = CHECK_ARRAY(c, count, struct slot);
	if (slots == NULL || !check_bind_args(c, f, &args, slots, true, span)) {
		return NULL;
	}
	const struct tn_instance *active = check_find_active(c, f);
	if (is_dynamic(f, &args, slots, active)) {
		return check_dyn_call(c, DYN_CALL_NAME, f->module, name, false, args, span);
	}
	struct tn_ir *ir = check_node(c, TN_IR_CALL, check_basic(c, TN_TYPE_VOID), span);
	struct tn_type **types = ir == NULL ? NULL : CHECK_ARRAY(c, count, struct tn_type *);
	if (types == NULL || (ir->call.args.items = CHECK_ARRAY(c, count, struct tn_ir *)) == NULL) {
		return NULL;
	}
	ir->call.args.count = count;
	bool ok = true;
	for (uint32_t p = 0; p < count; p++) {
		struct tn_ir *arg = function_arg(c, f, p, slots[p].arg < 0 ? NULL : &args.items[slots[p].arg], active);
		ok = ok && arg != NULL;
		ir->call.args.items[p] = arg;
		types[p] = arg == NULL ? NULL : check_type_is_template(f->declared[p]) ? arg->type : f->declared[p];
	}
	if (!ok || !no_overlap(c, &ir->call.args)) {
		return NULL;
	}
	struct tn_instance *instance = check_instance(c, f, types, count, span);
	if (instance == NULL) {
		return NULL;
	}
	if (instance->result == NULL) {
		struct tn_error *err = check_error(c, span, TN_ERR_TYPE, "%s calls itself before its result's type is known", name);
		HINT(err, "a recursive function declares its return type");
		return NULL;
	}
	ir->call.instance = instance;
	ir->type = check_read_type(c, instance->result);
	return check_hoist(c, ir, &ir->call.args);
}

/* ---- by name ---- */

/* A function of the language failed for a value of a kind that Python has another function of that name for, as find of a list:
 * what is written for it here says more than how the value would be converted. */
static void hint_other_kind(
	struct tn_checker *c, const struct candidates *set, const struct tn_type *first, const char *name, size_t before) {
	const char *habit = first == NULL ? NULL : check_habit_method(first, name);
	bool library = true;
	for (uint32_t i = 0; i < set->count; i++) {
		library = library && set->items[i]->is_library;
	}
	if (habit != NULL && library && c->diag->errors.count > before) {
		struct tn_error *err = &c->diag->errors.items[before];
		err->hint[0] = '\0';
		tn_error_hint(err, "%s", habit);
	}
}

struct tn_ir *check_call_name(
	struct tn_checker *c, struct tn_module *module, const char *name, struct operands args, bool method, struct tn_span span) {
	struct candidates set = {0};
	const struct tn_type *first = args.count > 0 ? args.items[0].ir->type : NULL;
	if (!check_candidates(c, module, name, first, &set)) {
		return NULL;
	}
	if (set.count == 0 && method && first != NULL && first->kind == TN_TYPE_ANY) {
		return check_dyn_call(c, DYN_CALL_NAME, module, name, true, args, span); /* a field, or a function that its type brings */
	}
	if (set.count == 0) {
		if (method) {
			check_unknown_method(c, first, name, c->callee.source != NULL ? c->callee : span);
		} else {
			check_unknown_function(c, name, c->callee.source != NULL ? c->callee : span);
		}
		return NULL;
	}
	if (first != NULL && first->kind == TN_TYPE_ANY && args.items[0].name == NULL) {
		struct tn_function *only = set.items[0];
		bool decided =
			set.count == 1 && only->decl->count > 0 && (!check_type_is_template(only->declared[0]) || only->native != NULL);
		if (!decided) {
			return check_dyn_call(c, DYN_CALL_NAME, module, name, method, args, span);
		}
	}
	size_t before = c->diag->errors.count;
	struct tn_function *f = check_choose(c, &set, &args, name, span);
	struct tn_ir *ir = f == NULL ? NULL
		: f->native != NULL      ? check_call_native(c, f, args, span)
								 : check_call_function(c, f, args, name, span);
	if (ir == NULL) {
		hint_other_kind(c, &set, first, name, before);
	}
	return ir;
}

/* ---- the call as it is written ---- */

/* Fields and elements of a variable; not of a call's result, say. */
static bool is_rooted(const struct tn_ast *ast) {
	while (ast->kind == TN_AST_FIELD || ast->kind == TN_AST_INDEX) {
		ast = ast->kind == TN_AST_FIELD ? ast->field.object : ast->index.object;
	}
	return ast->kind == TN_AST_NAME;
}

/* A path whose value is a DYN node goes through `any`: a reference to it takes its root and the rest of the path. */
static bool through_any(struct tn_checker *c, const struct tn_ast *ast, struct operand *op) {
	bool path = (ast->kind == TN_AST_FIELD || ast->kind == TN_AST_INDEX) && op->ir->kind == TN_IR_DYN;
	return !path || check_path_operand(c, ast, (struct prefix){0}, op);
}

static bool make_args(struct tn_checker *c, const struct tn_ast *ast, struct operands *out, uint32_t reserved) {
	bool ok = true;
	out->items = CHECK_ARRAY(c, (size_t)ast->call.count + reserved, struct operand);
	out->count = reserved;
	for (uint32_t i = 0; out->items != NULL && i < ast->call.count; i++) {
		const struct tn_ast_arg *arg = &ast->call.args[i];
		struct tn_ir *ir = check_value(c, arg->value, NULL);
		const char *name = arg->name.text == NULL ? NULL : check_name(c, arg->name);
		if (ir == NULL || (arg->name.text != NULL && name == NULL)) {
			ok = false;
			continue;
		}
		out->items[out->count] = check_operand(ir, name);
		out->items[out->count].by_ref = arg->by_ref;
		if (arg->by_ref && is_rooted(arg->value) && !through_any(c, arg->value, &out->items[out->count])) {
			ok = false;
			continue;
		}
		out->items[out->count++].span = arg->span.source == NULL ? ir->span : arg->span;
	}
	return ok && out->items != NULL;
}

/* Net(old): a new Net with the fields of the old one that are equal in name and type. */
static struct tn_ir *copy_struct(
	struct tn_checker *c, struct tn_struct_def *def, const struct operands *args, struct tn_span span) {
	if (args->count != 1 || args->items[0].ir->type->kind != TN_TYPE_STRUCT) {
		struct tn_error *err = check_error(c, span, TN_ERR_TYPE, "%s is a type: it is made with %s{ … }", def->name, def->name);
		char maker[64];
		if (def->unit->module->is_library && check_find_maker(c, def->name, maker)) {
			HINT(err, "the function %s(…) makes one", maker);
		} else if (def->field_count > 0) {
			HINT(err, "%s{ .%s = … } names its fields", def->name, def->fields[0].name);
		} else {
			HINT(err, "%s(old) copies the equal fields of a value of an older %s", def->name, def->name);
		}
		return NULL;
	}
	struct tn_ir *old = args->items[0].ir, *made = check_struct_value(c, def, NULL, span);
	uint32_t local = check_local(c, "", old->type, false);
	struct tn_ir *let = made == NULL ? NULL : check_node(c, TN_IR_LET, def->type, span), *set = check_set_local(c, local, old);
	if (let == NULL || set == NULL || (let->let.body.items = CHECK_ARRAY(c, 1, struct tn_ir *)) == NULL) {
		return NULL;
	}
	for (uint32_t i = 0; i < def->field_count; i++) {
		for (uint32_t k = 0; k < old->type->def->field_count; k++) {
			const struct tn_struct_field *field = &old->type->def->fields[k];
			if (!check_same_name(field->name, def->fields[i].name) || field->type != def->fields[i].type) {
				continue;
			}
			struct tn_ir *read = check_node(c, TN_IR_FIELD, field->type, span);
			if (read == NULL || (read->a = check_read_local(c, local, span)) == NULL) {
				return NULL;
			}
			read->index = k;
			made->make.items.items[i] = read;
		}
	}
	let->let.body.items[0] = set;
	let->let.body.count = 1;
	let->a = made;
	return let;
}

/* A variable that is not callable does not hide a function. */
static struct tn_ir *callable_variable(struct tn_checker *c, const struct tn_ast *callee, const char *name, bool *broken) {
	struct binding *binding = check_find_binding(c, name);
	struct tn_type *type = NULL;
	struct tn_symbol *symbol = NULL;
	*broken = false;
	if (binding != NULL) {
		*broken = binding->broken;
		type = binding->broken ? NULL : c->frame->locals.items[binding->local].type; /* a broken one may have no place */
	} else if ((symbol = check_find_symbol(c, c->frame->module, name)) != NULL) {
		*broken = symbol->type->kind == TN_TYPE_NEVER;
		type = symbol->type;
	}
	if (type == NULL || *broken) {
		return NULL;
	}
	if (type->kind != TN_TYPE_TREE && !check_is_callable(c, type)) {
		struct tn_overload_view view = {0};
		if (tn_lookup_functions(c->lang, c->frame->module, name, &view, NULL) &&
			(view.own != NULL || view.library != NULL || view.native != NULL)) {
			return NULL;
		}
	}
	return check_expr(c, callee, NULL);
}

static struct tn_ir *call_by_name(struct tn_checker *c, const struct tn_ast *ast) {
	const struct tn_ast *callee = ast->call.callee;
	const char *name = check_name(c, callee->name);
	bool broken = false;
	struct tn_ir *variable = name == NULL ? NULL : callable_variable(c, callee, name, &broken);
	struct operands args;
	if (!make_args(c, ast, &args, 0) || name == NULL || broken) {
		return NULL;
	}
	if (variable != NULL) {
		struct operand operand = check_operand(variable, NULL);
		operand.receiver = true;
		return check_call_value(c, operand, args, ast->span);
	}
	struct tn_overload_view view = {0};
	struct tn_struct_def *def = check_find_struct(c, c->frame->module, name);
	if (def != NULL && tn_lookup_functions(c->lang, c->frame->module, name, &view, NULL) && view.own == NULL &&
		view.library == NULL && view.native == NULL) {
		return copy_struct(c, def, &args, ast->span);
	}
	c->callee = callee->span;
	return check_call_name(c, c->frame->module, name, args, false, ast->span);
}

/* x.f(a): the callable field f of x, or the function f with x first. */
struct tn_ir *check_call_method(
	struct tn_checker *c, struct tn_module *module, const char *name, struct operands args, struct tn_span span) {
	struct tn_ir *object = args.items[0].ir;
	if (object->type->kind == TN_TYPE_STRUCT && check_has_field(object->type, name)) {
		struct tn_ir *field = check_field(c, object, name, span);
		if (field != NULL && check_is_callable(c, field->type)) {
			struct operand operand = check_operand(field, NULL);
			operand.receiver = true;
			return check_call_value(c, operand, (struct operands){args.items + 1, args.count - 1}, span);
		}
	}
	return check_call_name(c, module, name, args, true, span);
}

static bool names_module(struct tn_checker *c, const struct tn_ast *object, struct tn_module **out) {
	const char *name = object->kind == TN_AST_NAME ? check_name(c, object->name) : NULL;
	*out = name == NULL || check_find_binding(c, name) != NULL ? NULL : check_find_alias(c, object->name);
	return *out != NULL;
}

static struct tn_ir *call_method(struct tn_checker *c, const struct tn_ast *ast) {
	const struct tn_ast *callee = ast->call.callee;
	const char *name = check_name(c, callee->field.name);
	struct tn_module *module;
	struct operands args;
	if (name == NULL) {
		return NULL;
	}
	if (names_module(c, callee->field.object, &module)) {
		return make_args(c, ast, &args, 0) ? check_call_name(c, module, name, args, false, ast->span) : NULL;
	}
	struct tn_ir *object = check_value(c, callee->field.object, NULL);
	if (!make_args(c, ast, &args, 1) || object == NULL) {
		return NULL;
	}
	args.items[0] = check_operand(object, NULL);
	args.items[0].receiver = true;
	if (is_rooted(callee->field.object) && !through_any(c, callee->field.object, &args.items[0])) {
		return NULL;
	}
	c->callee = callee->field.name.span;
	return check_call_method(c, c->frame->module, name, args, ast->span);
}

struct tn_ir *check_call(struct tn_checker *c, const struct tn_ast *ast, struct tn_type *wanted) {
	const struct tn_ast *callee = ast->call.callee;
	(void)wanted;
	if (callee->kind == TN_AST_NAME) {
		return call_by_name(c, ast);
	}
	if (callee->kind == TN_AST_FIELD) {
		if (check_report_prefix(c, callee)) {
			return NULL;
		}
		return call_method(c, ast);
	}
	struct tn_ir *value = check_value(c, callee, NULL);
	struct operands args;
	if (!make_args(c, ast, &args, 0) || value == NULL) {
		return NULL;
	}
	struct operand operand = check_operand(value, NULL);
	operand.receiver = true;
	if (is_rooted(callee) && !through_any(c, callee, &operand)) {
		return NULL;
	}
	return check_call_value(c, operand, args, ast->span);
}
