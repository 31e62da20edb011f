/* SPDX-License-Identifier: Apache-2.0 */
/* What is checked when it runs: an operation with an operand of type `any` becomes a DYN node, and each combination of the types
 * that its operands have then becomes a thunk, a small instance whose parameters are the operands, built by the same functions
 * that build the checked tree. Calls from C (tn_check_call) are thunks as well. */
#include <string.h>

#include "lang/check.h"

/* A thunk can be made again when definitions have changed. `instance` first: the VM sees only that. */
struct thunk {
	struct tn_instance instance;
	const struct tn_ir *dyn;
	const char *name;
};

/* ---- making a DYN node ---- */

/* A literal stays one in the thunk (axes, shapes and options are told apart by it). */
static bool is_fixed(const struct tn_ir *ir) {
	if (ir->kind == TN_IR_TENSOR) {
		for (uint32_t i = 0; i < ir->tensor.items.count; i++) {
			if (ir->tensor.items.items[i]->kind != TN_IR_CONST) {
				return false;
			}
		}
		return true;
	}
	return ir->kind == TN_IR_CONST || ir->kind == TN_IR_FNSET;
}

struct tn_ir *check_dyn(struct tn_checker *c, enum dyn_what what, const struct tn_ast *ast, struct dyn_extra extra,
	struct tn_ir **operands, uint32_t count, struct tn_span span) {
	struct dyn_extra *kept = check_alloc(c, 1, sizeof(*kept));
	struct tn_ir *ir = check_node(c, TN_IR_DYN, check_basic(c, TN_TYPE_ANY), span);
	struct body live = {0};
	if (kept == NULL || ir == NULL) {
		return NULL;
	}
	*kept = extra;
	kept->module = extra.module != NULL ? extra.module : c->frame->module;
	kept->slot_count = count;
	kept->fixed = CHECK_ARRAY(c, count, struct tn_ir *);
	for (uint32_t i = 0; kept->fixed != NULL && i < count; i++) {
		if (is_fixed(operands[i])) {
			kept->fixed[i] = operands[i];
		} else if (!check_push(c, &live, operands[i])) {
			return NULL;
		}
	}
	c->frame->unit->keep = c->frame->unit->pinned = true;
	ir->dyn.ast = ast;
	ir->dyn.what = (int)what;
	ir->dyn.operands = live.list;
	ir->dyn.extra = kept;
	return kept->fixed == NULL ? NULL : ir;
}

static struct tn_ir *reference(struct tn_checker *c, struct tn_ir *place, struct tn_span span) {
	struct tn_ir *ref = check_node(c, TN_IR_REF, place->type, span);
	if (ref != NULL) {
		ref->a = place;
	}
	return ref;
}

/* The slots of one argument: its value; or a reference to it; or one to the root of its path, and the path's indices. */
static bool add_argument(struct tn_checker *c, const struct operand *arg, struct body *slots) {
	bool refers = arg->by_ref || arg->receiver;
	if (refers && arg->cut != NULL) {
		if (!check_push(c, slots, reference(c, arg->root, arg->span))) {
			return false;
		}
		for (uint32_t i = 0; i < arg->rest_count; i++) {
			if (!check_push(c, slots, arg->rest[i])) {
				return false;
			}
		}
		return true;
	}
	if (arg->by_ref && !arg->is_place) {
		check_error(c, arg->span, TN_ERR_TYPE, "& takes a variable, a field, or an element of a list or tuple");
		return false;
	}
	return check_push(c, slots, refers && arg->is_place ? reference(c, arg->ir, arg->span) : arg->ir);
}

struct tn_ir *check_dyn_call(struct tn_checker *c, enum dyn_what what, struct tn_module *module, const char *name, bool method,
	struct operands args, struct tn_span span) {
	struct operand *shape = CHECK_ARRAY(c, args.count, struct operand);
	struct body slots = {0};
	for (uint32_t i = 0; shape != NULL && i < args.count; i++) {
		shape[i] = args.items[i];
		if (!add_argument(c, &args.items[i], &slots)) {
			return NULL;
		}
	}
	struct dyn_extra extra = {.module = module, .name = name, .method = method, .shape = shape, .shape_count = args.count};
	return shape == NULL ? NULL : check_dyn(c, what, NULL, extra, slots.list.items, slots.list.count, span);
}

/* ---- building its operation for known types ---- */

static struct tn_ir *build_call(struct tn_checker *c, const struct tn_ir *dyn, struct tn_ir **slots) {
	const struct dyn_extra *extra = dyn->dyn.extra;
	struct operands args = {CHECK_ARRAY(c, extra->shape_count, struct operand), extra->shape_count};
	for (uint32_t i = 0; args.items != NULL && i < args.count; i++) {
		const struct operand *from = &extra->shape[i];
		struct operand *to = &args.items[i];
		*to = (struct operand){
			.name = from->name, .ir = slots[0], .span = from->span, .by_ref = from->by_ref, .receiver = from->receiver};
		to->is_place = check_is_place(slots[0]);
		bool path = from->cut != NULL && (from->by_ref || from->receiver);
		if (path && !check_path_operand(c, from->path, (struct prefix){from->cut, slots[0], slots + 1, from->rest_count}, to)) {
			return NULL;
		}
		slots += path ? 1 + from->rest_count : 1;
	}
	if (args.items == NULL) {
		return NULL;
	}
	c->callee = (struct tn_span){0};
	if (extra->method) {
		return check_call_method(c, extra->module, extra->name, args, dyn->span);
	}
	if (dyn->dyn.what == DYN_CALL_NAME) {
		return check_call_name(c, extra->module, extra->name, args, extra->method, dyn->span);
	}
	struct operand callee = args.items[0];
	args.items++;
	args.count--;
	callee.receiver = true;
	return check_call_value(c, callee, args, dyn->span);
}

static struct tn_ir *build(struct tn_checker *c, const struct tn_ir *dyn, struct tn_ir **slots, struct body *body) {
	const struct dyn_extra *extra = dyn->dyn.extra;
	uint32_t n = extra->slot_count;
	switch ((enum dyn_what)dyn->dyn.what) {
	case DYN_UNARY:
		return check_unary(c, (enum tn_ast_op)extra->op, slots[0], dyn->span);
	case DYN_BINARY:
		return check_binary(c, (enum tn_ast_op)extra->op, slots[0], slots[1], dyn->span);
	case DYN_FIELD:
		return check_field(c, slots[0], extra->name, dyn->span);
	case DYN_INDEX:
		return check_index(c, dyn->dyn.ast, slots[0], slots + 1, n - 1);
	case DYN_CALL_NAME:
	case DYN_CALL_VALUE:
		return build_call(c, dyn, slots);
	case DYN_SET: {
		struct prefix prefix = {.ast = extra->prefix, .ir = slots[0], .given = slots + 1, .count = n - 2};
		if (!check_set_path(c, dyn->dyn.ast, prefix, extra->op, slots[n - 1], dyn->span, body)) {
			return NULL;
		}
		return check_const(c, tn_void(), TN_TYPE_VOID, dyn->span);
	}
	}
	return NULL;
}

/* Parameters become locals; the list of slots has them, and the constants, in their order. */
static struct tn_ir **make_slots(struct tn_checker *c, const struct tn_ir *dyn, struct tn_type *const *types, uint32_t count) {
	const struct dyn_extra *extra = dyn->dyn.extra;
	struct tn_ir **slots = CHECK_ARRAY(c, extra->slot_count, struct tn_ir *);
	uint32_t next = 0;
	for (uint32_t i = 0; slots != NULL && i < extra->slot_count; i++) {
		if (extra->fixed[i] != NULL) {
			slots[i] = extra->fixed[i];
			continue;
		}
		if (next >= count) {
			return NULL;
		}
		const struct tn_ir *operand = dyn->dyn.operands.items[next];
		uint32_t local = check_local(c, "", types[next++], operand->kind == TN_IR_REF);
		slots[i] = check_read_local(c, local, operand->span);
		if (slots[i] == NULL) {
			return NULL;
		}
	}
	return slots;
}

static bool call_slots(struct tn_checker *c, struct tn_type *const *types, uint32_t count, struct operands *args) {
	args->items = CHECK_ARRAY(c, count, struct operand);
	args->count = count;
	for (uint32_t i = 0; args->items != NULL && i < count; i++) {
		struct tn_ir *read = check_read_local(c, check_local(c, "", types[i], false), (struct tn_span){0});
		if (read == NULL) {
			return false;
		}
		args->items[i] = check_operand(read, NULL);
		args->items[i].receiver = i == 0;
	}
	return args->items != NULL;
}

static struct tn_ir *build_thunk(struct tn_checker *c, struct thunk *thunk, struct body *body) {
	struct tn_type *const *types = thunk->instance.param_types;
	uint32_t count = thunk->instance.param_count;
	struct operands args;
	if (thunk->dyn != NULL) {
		struct tn_ir **slots = make_slots(c, thunk->dyn, types, count);
		return slots == NULL ? NULL : build(c, thunk->dyn, slots, body);
	}
	if (!call_slots(c, types, count, &args)) {
		return NULL;
	}
	if (thunk->name != NULL) {
		return check_call_name(c, c->lang->session, thunk->name, args, false, (struct tn_span){0});
	}
	struct operand callee = args.items[0];
	args.items++;
	args.count--;
	return check_call_value(c, callee, args, (struct tn_span){0});
}

static bool finish_thunk(struct tn_checker *c, struct thunk *thunk, struct tn_ir *value, struct body *body) {
	bool is_void = value != NULL && value->type->kind == TN_TYPE_VOID;
	struct tn_ir *last =
		value == NULL ? NULL : check_node(c, is_void ? TN_IR_EVAL : TN_IR_RETURN, check_basic(c, TN_TYPE_VOID), value->span);
	if (last == NULL) {
		return false;
	}
	last->a = value;
	if (!(is_void && value->kind == TN_IR_CONST) && !check_push(c, body, last)) {
		return false;
	}
	struct tn_local *locals = CHECK_ARRAY(c, c->frame->locals.count, struct tn_local);
	if (locals == NULL) {
		return false;
	}
	if (c->frame->locals.count > 0) {
		memcpy(locals, c->frame->locals.items, c->frame->locals.count * sizeof(locals[0]));
	}
	thunk->instance.locals = locals;
	thunk->instance.local_count = (uint32_t)c->frame->locals.count;
	thunk->instance.result = value->type;
	thunk->instance.body = body->list;
	return true;
}

static bool check_thunk(struct tn_checker *c, struct thunk *thunk) {
	struct tn_module *module = thunk->dyn != NULL ? ((const struct dyn_extra *)thunk->dyn->dyn.extra)->module : c->lang->session;
	struct frame frame = {
		.outer = c->frame, .instance = &thunk->instance, .module = module, .unit = c->lang->thunks, .is_dyn = true};
	struct body body = {0};
	c->frame = &frame;
	tn_proto_destroy(thunk->instance.proto);
	thunk->instance.proto = NULL;
	thunk->instance.epoch = c->lang->epoch;
	bool ok = finish_thunk(c, thunk, build_thunk(c, thunk, &body), &body);
	thunk->instance.state = ok ? TN_INSTANCE_CHECKED : TN_INSTANCE_FAILED;
	c->frame = frame.outer;
	check_frame_finish(&frame);
	return ok;
}

/* ---- from outside ---- */

static struct thunk *create_thunk(
	struct tn_lang *lang, const struct tn_ir *dyn, const char *name, struct tn_type *const *types, uint32_t count) {
	struct tn_unit *unit = lang->thunks;
	struct thunk *thunk = TN_ARENA_NEW(&unit->arena, struct thunk);
	struct tn_type **copy = TN_ARENA_ARRAY(&unit->arena, count == 0 ? 1 : count, struct tn_type *);
	if (thunk == NULL || copy == NULL || !TN_VEC_PUSH(&unit->instances, &thunk->instance)) {
		return NULL;
	}
	if (count > 0) {
		memcpy(copy, types, count * sizeof(types[0]));
	}
	*thunk = (struct thunk){.dyn = dyn,
		.name = name,
		.instance = {.unit = unit,
			.name = name != NULL ? name : "call",
			.param_types = copy,
			.param_count = count,
			.needs_session = true}};
	return thunk;
}

/* The first error of the check; inside another check the errors are in that one's list already, and `err` is set without a text.
 */
static void take_error(const struct tn_checker *c, bool own, struct tn_error *err) {
	if (err == NULL || tn_error_is_set(err)) {
		return;
	}
	if (own && c->diag->errors.count > 0) {
		*err = c->diag->errors.items[0];
	} else {
		err->kind = own ? TN_ERR_MEMORY : TN_ERR_TYPE;
		if (own) {
			tn_error_clear(err);
			tn_error_memory(err);
		}
	}
}

static bool run_check(struct tn_lang *lang, struct thunk *thunk, struct tn_error *err) {
	struct tn_diagnostics diag = {0};
	struct tn_checker fresh;
	bool own = lang->checker == NULL;
	struct tn_checker *c = own ? check_begin(lang, NULL, &diag, &fresh) : lang->checker;
	bool ok = check_thunk(c, thunk);
	if (own) {
		ok = check_drain(c) && ok && diag.errors.count == 0;
	}
	if (!ok) {
		thunk->instance.state = TN_INSTANCE_FAILED;
		take_error(c, own, err);
	}
	if (own) {
		check_end(c);
		tn_diagnostics_finish(&diag);
	}
	return ok;
}

static struct tn_instance *cached(struct tn_lang *lang, const void *what, bool is_name, const struct tn_ir *dyn, const char *name,
	struct tn_type *const *types, uint32_t count, struct tn_error *err) {
	struct tn_str key = {0};
	struct thunk *thunk = NULL;
	if (!tn_str_append_n(&key, is_name ? "n" : "d", 1) || !tn_str_append_n(&key, (const char *)&what, sizeof(what)) ||
		(count > 0 && !tn_str_append_n(&key, (const char *)types, count * sizeof(types[0])))) {
		tn_error_memory(err);
		goto done;
	}
	thunk = tn_map_get_n(&lang->dyn_cache, key.data, key.length);
	if (thunk == NULL) {
		thunk = create_thunk(lang, dyn, name, types, count);
		if (thunk == NULL || !tn_map_set_n(&lang->dyn_cache, key.data, key.length, thunk)) {
			thunk = NULL;
			tn_error_memory(err);
			goto done;
		}
	} else if (thunk->instance.state == TN_INSTANCE_CHECKED && thunk->instance.epoch == lang->epoch) {
		goto done;
	}
	if (!run_check(lang, thunk, err)) {
		thunk = NULL;
	}
done:
	tn_str_finish(&key);
	return thunk == NULL ? NULL : &thunk->instance;
}

struct tn_instance *tn_check_dyn(
	struct tn_lang *lang, const struct tn_ir *dyn, struct tn_type *const *types, uint32_t count, struct tn_error *err) {
	return cached(lang, dyn, false, dyn, NULL, types, count, err);
}

struct tn_instance *tn_check_call(
	struct tn_lang *lang, const char *name, struct tn_type *const *types, uint32_t count, struct tn_error *err) {
	const char *known = name == NULL ? NULL : tn_intern(lang, name, strlen(name));
	if (name != NULL && known == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	return cached(lang, known, true, NULL, known, types, count, err);
}

bool tn_check_refresh(struct tn_lang *lang, struct tn_instance *instance, struct tn_error *err) {
	if (instance->epoch == lang->epoch) {
		return true;
	}
	bool is_cell = instance->function == NULL && instance->unit != lang->thunks;
	if (!instance->needs_session || is_cell) {
		instance->epoch = lang->epoch;
		return true;
	}
	if (instance->function == NULL) {
		return run_check(lang, TN_CONTAINER_OF(instance, struct thunk, instance), err);
	}
	struct tn_diagnostics diag = {0};
	struct tn_checker fresh, *c = check_begin(lang, NULL, &diag, &fresh);
	struct tn_instance *same =
		check_instance(c, instance->function, instance->param_types, instance->param_count, instance->function->span);
	bool ok = check_drain(c) && same == instance && diag.errors.count == 0 && instance->state == TN_INSTANCE_CHECKED;
	if (!ok) {
		instance->state = TN_INSTANCE_FAILED;
		take_error(c, true, err);
	}
	check_end(c);
	tn_diagnostics_finish(&diag);
	return ok;
}

static struct tn_type *type_of(struct tn_instance *instance) {
	return instance == NULL ? NULL : instance->result;
}

struct tn_type *tn_call_value_type(
	struct tn_lang *lang, struct tn_type *callee, struct tn_type *const *args, uint32_t count, struct tn_error *err) {
	struct tn_type *types[17] = {callee};
	if (count > 16) {
		tn_error_set(err, TN_ERR_TYPE, "a call from a native takes at most 16 arguments, found %u", count);
		return NULL;
	}
	if (callee->kind == TN_TYPE_ANY || callee->kind == TN_TYPE_FN || callee->kind == TN_TYPE_TREE) {
		return tn_type_basic(lang->types, TN_TYPE_ANY);
	}
	memcpy(types + 1, args, count * sizeof(args[0]));
	return type_of(tn_check_call(lang, NULL, types, count + 1, err));
}

struct tn_type *tn_call_name_type(
	struct tn_lang *lang, const char *name, struct tn_type *const *args, uint32_t count, struct tn_error *err) {
	return type_of(tn_check_call(lang, name, args, count, err));
}
