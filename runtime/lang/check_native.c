/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of natives: their signatures are parsed at first use; parameters of the special types (axes, shape, number, operand,
 * auto…) take what native.h says. Also the attributes of tensors (x.shape), which are natives without a name. */
#include <stdio.h>
#include <string.h>

#include "lang/check.h"

const struct tn_ast_function *tn_native_decl(struct tn_lang *lang, struct tn_function *function, struct tn_error *err) {
	if (function->decl != NULL) {
		return function->decl;
	}
	const char *signature = function->native->signature;
	struct tn_diagnostics diag = {0};
	struct tn_source *source = tn_source_create("signature", signature, strlen(signature), err);
	if (source == NULL || !TN_VEC_PUSH(&lang->signatures, source)) {
		tn_source_unref(source);
		tn_error_memory(err);
		return NULL;
	}
	struct tn_ast *ast = tn_parse_signature(source, &lang->arena, &diag);
	if (ast == NULL) {
		if (diag.errors.count > 0) {
			tn_error_set(
				err, TN_ERR_ERROR, "the signature of a native is wrong: %.200s: %.200s", signature, diag.errors.items[0].text);
		} else {
			tn_error_memory(err);
		}
	} else {
		function->unit = lang->thunks;
		function->span = ast->span;
		function->decl = &ast->function;
	}
	tn_diagnostics_finish(&diag);
	return function->decl;
}

/* ---- one argument ---- */

static struct tn_ir *int_list(struct tn_checker *c, struct tn_ir *ir, const char *what) {
	struct tn_type *list = tn_type_list(c->lang->types, check_basic(c, TN_TYPE_INT));
	return list == NULL ? check_memory(c) : check_coerce(c, ir, list, what);
}

static struct tn_ir *expected(struct tn_checker *c, const struct tn_ir *ir, const struct tn_type *type, const char *what) {
	char want[128], found[128];
	tn_type_format(type, want);
	tn_type_format(ir->type, found);
	check_error(c, ir->span, TN_ERR_TYPE, "%s: expected %s, found %s", what, want, found);
	return NULL;
}

static struct tn_ir *list_of_anything(struct tn_checker *c, struct tn_ir *ir, const struct tn_type *type, const char *what) {
	if (ir->kind == TN_IR_TENSOR && ir->tensor.shape.ndim > 0) {
		return check_as_plain_list(c, ir);
	}
	return ir->type->kind == TN_TYPE_LIST ? ir : expected(c, ir, type, what);
}

static struct tn_ir *native_arg(struct tn_checker *c, struct tn_type *type, struct tn_ir *ir, bool leafwise, const char *what) {
	const struct tn_type *from = ir->type;
	switch (type->kind) {
	case TN_TYPE_AUTO:
		return ir;
	case TN_TYPE_NUMBER:
		return tn_type_is_number(from) ? ir : expected(c, ir, type, what);
	case TN_TYPE_OPERAND:
		return tn_type_is_number(from) || from->kind == TN_TYPE_TENSOR || (leafwise && tn_type_is_tree(from))
			? ir
			: expected(c, ir, type, what);
	case TN_TYPE_AXES:
		return tn_type_is_number(from) ? check_coerce(c, ir, check_basic(c, TN_TYPE_INT), what) : int_list(c, ir, what);
	case TN_TYPE_TREE:
		return tn_type_is_tree(from) ? ir : expected(c, ir, type, what);
	case TN_TYPE_FN:
		return check_is_callable(c, from) ? ir : expected(c, ir, type, what);
	case TN_TYPE_SEQ:
		return type->item_count == 0 ? (from->kind == TN_TYPE_SEQ ? ir : expected(c, ir, type, what))
									 : check_coerce(c, ir, type, what);
	case TN_TYPE_MAP:
		return from->kind == TN_TYPE_MAP && type->items[0]->kind == TN_TYPE_ANY ? ir : check_coerce(c, ir, type, what);
	case TN_TYPE_LIST:
		return type->items[0]->kind == TN_TYPE_AUTO ? list_of_anything(c, ir, type, what) : check_coerce(c, ir, type, what);
	case TN_TYPE_TENSOR:
		return leafwise && tn_type_is_tree(from) ? ir : check_coerce(c, ir, type, what);
	default:
		return check_coerce(c, ir, type, what);
	}
}

/* Several positional arguments: a tuple for `auto...`, one list of int for a shape. */
static struct tn_ir *variadic(struct tn_checker *c, const struct operands *args, struct slot slot, const struct tn_type *type,
	const char *what, struct tn_span span) {
	uint32_t count = slot.arg < 0 ? 0 : slot.count;
	bool shape = type->kind == TN_TYPE_SHAPE;
	struct tn_ir **items = CHECK_ARRAY(c, count, struct tn_ir *);
	struct tn_type **types = CHECK_ARRAY(c, count, struct tn_type *);
	for (uint32_t i = 0; items != NULL && types != NULL && i < count; i++) {
		const struct operand *arg = &args->items[(uint32_t)slot.arg + i];
		items[i] = arg->ir;
		if (arg->by_ref) {
			check_error(c, arg->span, TN_ERR_TYPE, "%s takes a value: write it without &", what);
			return NULL;
		}
		if (shape) {
			items[i] = check_coerce(c, items[i], check_basic(c, TN_TYPE_INT), what);
		}
		if (items[i] == NULL) {
			return NULL;
		}
		types[i] = items[i]->type;
	}
	if (items == NULL || types == NULL) {
		return NULL;
	}
	struct tn_type *made =
		shape ? tn_type_list(c->lang->types, check_basic(c, TN_TYPE_INT)) : tn_type_tuple(c->lang->types, types, count);
	struct tn_ir *ir = check_node(c, shape ? TN_IR_LIST : TN_IR_TUPLE, made, span);
	if (ir != NULL) {
		ir->make.items = (struct tn_ir_list){items, count};
	}
	return ir;
}

static bool is_none(const struct tn_ast *def) {
	return def->kind == TN_AST_NAME && def->name.length == 4 && memcmp(def->name.text, "none", 4) == 0;
}

static bool default_arg(
	struct tn_checker *c, const struct tn_ast *def, struct tn_type *type, const char *what, struct tn_ir **out) {
	*out = NULL;
	if (def == NULL || is_none(def)) {
		return true;
	}
	struct frame *f = c->frame;
	struct tn_module *module = f->module;
	size_t visible = f->hidden;
	f->module = c->lang->library;
	f->hidden = f->bindings.count;
	struct tn_ir *ir = check_value(c, def, type->kind == TN_TYPE_AXES || type->kind == TN_TYPE_SHAPE ? NULL : type);
	f->module = module;
	f->hidden = visible;
	*out = ir == NULL ? NULL : native_arg(c, type, ir, false, what);
	return *out != NULL;
}

static bool one_arg(struct tn_checker *c, struct tn_function *f, uint32_t p, const struct operands *args, struct slot slot,
	struct tn_span span, struct tn_ir **out) {
	const struct tn_ast_param *param = &f->decl->params[p];
	struct tn_type *type = f->declared[p];
	char what[160];
	snprintf(what, sizeof(what), "argument %.*s of %s", (int)param->name.length, param->name.text, f->name);
	bool tuple = type->kind == TN_TYPE_TUPLE && type->item_count == 0;
	if (tuple ||
		(type->kind == TN_TYPE_SHAPE &&
			(slot.arg < 0 ? param->def == NULL : slot.count > 1 || tn_type_is_number(args->items[slot.arg].ir->type)))) {
		*out = variadic(c, args, slot, type, what, span);
		return *out != NULL;
	}
	if (slot.arg < 0) {
		return default_arg(c, param->def, type, what, out);
	}
	const struct operand *arg = &args->items[slot.arg];
	if (param->by_ref) {
		const char *name = check_name(c, param->name);
		*out = name == NULL ? NULL : check_reference(c, arg, f->name, name);
		return *out != NULL;
	}
	if (arg->by_ref) {
		check_error(c, arg->span, TN_ERR_TYPE, "%s takes a value: write it without &", what);
		return false;
	}
	*out = type->kind == TN_TYPE_SHAPE ? int_list(c, arg->ir, what) : native_arg(c, type, arg->ir, f->native->leafwise > 0, what);
	return *out != NULL;
}

/* ---- the call ---- */

static struct tn_type *result_type(struct tn_checker *c, struct tn_function *f, struct tn_ir *call, struct tn_span span) {
	uint32_t count = call->native.args.count;
	struct tn_value *values = CHECK_ARRAY(c, count, struct tn_value);
	if (values == NULL) {
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct tn_ir *arg = call->native.args.items[i];
		values[i] = arg != NULL && arg->kind == TN_IR_CONST ? arg->value : tn_void();
		const struct tn_type *type = call->native.arg_types[i];
		if (f->native->leafwise > 0 && type != NULL && type->kind != TN_TYPE_TENSOR && tn_type_is_tree(type)) {
			return call->native.arg_types[i]; /* leafwise: a tree like the first one */
		}
	}
	if (f->declared_result->kind != TN_TYPE_AUTO) {
		return f->declared_result->kind == TN_TYPE_TREE || f->declared_result->kind == TN_TYPE_FN ? check_basic(c, TN_TYPE_ANY)
																								  : f->declared_result;
	}
	struct tn_native_typing typing = {
		.lang = c->lang, .types = c->lang->types, .args = call->native.arg_types, .values = values, .count = count};
	struct tn_error err = {0};
	struct tn_type *type = f->native->result == NULL ? check_basic(c, TN_TYPE_ANY) : f->native->result(&typing, &err);
	if (type == NULL) {
		check_report(c, span, &err);
	}
	return type == NULL ? NULL : check_read_type(c, type);
}

/* What the native cannot be asked before the types are known. */
static bool needs_types(const struct tn_function *f, const struct tn_ir *arg, const struct tn_type *type) {
	if (arg->type->kind != TN_TYPE_ANY) {
		return false;
	}
	switch (type->kind) {
	case TN_TYPE_AUTO:
		return f->native->result != NULL;
	case TN_TYPE_NUMBER:
	case TN_TYPE_OPERAND:
	case TN_TYPE_AXES:
	case TN_TYPE_SHAPE:
	case TN_TYPE_TREE:
	case TN_TYPE_FN:
	case TN_TYPE_SEQ:
	case TN_TYPE_LIST:
		return true;
	case TN_TYPE_TENSOR:
		return f->native->leafwise > 0;
	default:
		return false;
	}
}

/* xs.extend([4]), rows.append([1, 2]): where a list is asked for, a bracket literal is one. */
static bool list_literals(struct tn_checker *c, const struct tn_function *f, struct operands *args) {
	const struct tn_type *list = args->count > 0 && f->decl->count > 0 && f->decl->params[0].by_ref ? args->items[0].ir->type : NULL;
	for (uint32_t i = 1; list != NULL && list->kind == TN_TYPE_LIST && i < args->count; i++) {
		const struct tn_type *asked = check_same_name(f->name, "extend") ? list : list->items[0];
		if (args->items[i].ir->kind != TN_IR_TENSOR || asked->kind != TN_TYPE_LIST) {
			continue;
		}
		args->items[i].ir = check_as_list(c, args->items[i].ir, asked->items[0]);
		if (args->items[i].ir == NULL) {
			return false;
		}
	}
	return true;
}

/* f64([0.1]), tensor([0.1], dtype: f64): the literal keeps its digits until the conversion. */
static void keep_digits(const struct tn_function *f, const struct tn_ir *call) {
	const struct tn_ir_list *args = &call->native.args;
	enum tn_dtype dtype;
	bool given = args->count > 1 && args->items[1] != NULL && args->items[1]->type->kind == TN_TYPE_DTYPE;
	if (args->count > 0 && args->items[0] != NULL && ((check_same_name(f->name, "tensor") && given) || tn_dtype_from_name(f->name, strlen(f->name), &dtype))) {
		check_keep_digits(args->items[0]);
	}
}

struct tn_ir *check_call_native(struct tn_checker *c, struct tn_function *f, struct operands args, struct tn_span span) {
	uint32_t count = f->decl->count;
	struct slot *slots = CHECK_ARRAY(c, count, struct slot);
	if (slots == NULL || !check_bind_args(c, f, &args, slots, true, span) || !list_literals(c, f, &args)) {
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t k = 0; slots[i].arg >= 0 && k < slots[i].count; k++) {
			if (needs_types(f, args.items[(uint32_t)slots[i].arg + k].ir, f->declared[i])) {
				return check_dyn_call(c, DYN_CALL_NAME, c->frame->module, f->name, false, args, span);
			}
		}
	}
	struct tn_ir *ir = check_node(c, TN_IR_CALL_NATIVE, check_basic(c, TN_TYPE_VOID), span);
	if (ir == NULL) {
		return NULL;
	}
	ir->native.native = f->native;
	ir->native.args.items = CHECK_ARRAY(c, count, struct tn_ir *);
	ir->native.args.count = count;
	ir->native.arg_types = CHECK_ARRAY(c, count, struct tn_type *);
	if (ir->native.args.items == NULL || ir->native.arg_types == NULL) {
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!one_arg(c, f, i, &args, slots[i], span, &ir->native.args.items[i])) {
			return NULL;
		}
		ir->native.arg_types[i] = ir->native.args.items[i] == NULL ? NULL : ir->native.args.items[i]->type;
	}
	keep_digits(f, ir);
	ir->type = result_type(c, f, ir, span);
	return ir->type == NULL ? NULL : check_hoist(c, ir, &ir->native.args);
}

/* ---- attributes of tensors ---- */

static bool run_shape(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_shape *shape = tn_tensor_shape(call->args[0].tensor);
	if (!tn_list_create(tn_type_basic(tn_lang_types(call->lang), TN_TYPE_INT), (size_t)shape->ndim, call->result, err)) {
		return false;
	}
	for (int i = 0; i < shape->ndim; i++) {
		if (!tn_list_append_take(call->result->list, tn_int(shape->dims[i]), err)) {
			return false;
		}
	}
	return true;
}
static bool run_ndim(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	*call->result = tn_int(tn_tensor_shape(call->args[0].tensor)->ndim);
	return true;
}
static bool run_dtype(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	*call->result = (struct tn_value){.tag = TN_DTYPE, .dtype = tn_tensor_dtype(call->args[0].tensor)};
	return true;
}
static bool run_device(struct tn_native_call *call, struct tn_error *err) {
	const char *name = tn_tensor_device(call->args[0].tensor);
	return tn_string_create(name, strlen(name), call->result, err);
}
static bool run_transposed(struct tn_native_call *call, struct tn_error *err) {
	struct tn_tensor *x = call->args[0].tensor;
	if (tn_tensor_shape(x)->ndim < 2) {
		*call->result = tn_value_ref(call->args[0]);
		return true;
	}
	struct tn_tensor *made = tn_transpose(call->engine, x, -2, -1, err);
	if (made == NULL) {
		return false;
	}
	*call->result = tn_tensor_value(made);
	return true;
}

static const struct tn_native attributes[] = {
	{"auto shape(tensor x)", "Sizes of the axes.", "zeros(2, 3).shape    // expect: [2, 3]", run_shape, NULL, 0},
	{"int ndim(tensor x)", "Number of axes.", "zeros(2, 3).ndim    // expect: 2", run_ndim, NULL, 0},
	{"dtype dtype(tensor x)", "Element type.", "zeros(2).dtype    // expect: f32", run_dtype, NULL, 0},
	{"string device(tensor x)", "Where the tensor is.", "zeros(2).device    // expect: \"cpu\"", run_device, NULL, 0},
	{"tensor T(tensor x)", "The tensor with its last two axes exchanged.", "zeros(2, 3).T.shape    // expect: [3, 2]",
		run_transposed, NULL, 0},
};
static const char *const attribute_names[] = {"shape", "ndim", "dtype", "device", "T"};
static const enum tn_type_kind attribute_types[] = {TN_TYPE_LIST, TN_TYPE_INT, TN_TYPE_DTYPE, TN_TYPE_STRING, TN_TYPE_TENSOR};

const struct tn_native *check_attribute(const char *name, enum tn_type_kind *result) {
	for (size_t i = 0; i < TN_ARRAY_LEN(attributes); i++) {
		if (strcmp(attribute_names[i], name) == 0) {
			*result = attribute_types[i];
			return &attributes[i];
		}
	}
	return NULL;
}

struct tn_ir *check_native_attribute(struct tn_checker *c, struct tn_ir *object, const char *name, struct tn_span span) {
	enum tn_type_kind kind;
	const struct tn_native *native = check_attribute(name, &kind);
	struct tn_type *type = native == NULL ? NULL
		: kind == TN_TYPE_LIST            ? tn_type_list(c->lang->types, check_basic(c, TN_TYPE_INT))
										  : check_basic(c, kind);
	struct tn_ir *ir = type == NULL ? NULL : check_node(c, TN_IR_CALL_NATIVE, type, span);
	if (ir == NULL) {
		return NULL;
	}
	ir->native.native = native;
	ir->native.args.items = CHECK_ARRAY(c, 1, struct tn_ir *);
	ir->native.arg_types = CHECK_ARRAY(c, 1, struct tn_type *);
	if (ir->native.args.items == NULL || ir->native.arg_types == NULL) {
		return NULL;
	}
	ir->native.args.count = 1;
	ir->native.args.items[0] = object;
	ir->native.arg_types[0] = object->type;
	return ir;
}
