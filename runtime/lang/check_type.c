/* SPDX-License-Identifier: Apache-2.0 */
/* Types as they are written, with the shapes that are checked when the code runs, and the zero value of each type. */
#include <stdio.h>
#include <string.h>

#include "lang/check.h"

/* ---- names of types ---- */

static const struct {
	const char *name;
	enum tn_type_kind kind;
} basic_types[] = {
	{"int", TN_TYPE_INT},
	{"float", TN_TYPE_FLOAT},
	{"bool", TN_TYPE_BOOL},
	{"string", TN_TYPE_STRING},
	{"void", TN_TYPE_VOID},
	{"dtype", TN_TYPE_DTYPE},
	{"tensor", TN_TYPE_TENSOR},
	{"tree", TN_TYPE_TREE},
	{"fn", TN_TYPE_FN},
	{"auto", TN_TYPE_AUTO},
	{"any", TN_TYPE_ANY},
	{"seq", TN_TYPE_SEQ},
};

struct tn_struct_def *check_find_struct(struct tn_checker *c, struct tn_module *module, const char *name) {
	struct tn_error err = {0};
	struct tn_struct_def *def = tn_map_get(&module->structs, name);
	if (def == NULL && !tn_library_load(c->lang, name, &err)) {
		check_report(c, (struct tn_span){0}, &err);
		return NULL;
	}
	return def != NULL ? def : tn_map_get(&c->lang->library->structs, name);
}

struct tn_module *check_find_alias(struct tn_checker *c, struct tn_name name) {
	struct tn_module *module = c->frame != NULL ? c->frame->module : c->unit->module;
	return tn_map_get_n(&module->aliases, name.text, name.length);
}

static struct tn_type *unknown_type(struct tn_checker *c, struct tn_module *module, struct tn_name name) {
	struct tn_error *err = check_error(c, name.span, TN_ERR_NAME, "there is no type '%.*s'", (int)name.length, name.text);
	if (err == NULL) {
		return NULL;
	}
	static const struct {
		const char *c_name, *ours;
	} habits[] = {
		{"double", "float"},
		{"long", "int"},
		{"size_t", "int"},
		{"unsigned", "int"},
		{"char", "string"},
		{"str", "string"},
		{"Tensor", "tensor"},
		{"dict", "map"},
		{"list", "T[]"},
		{"tuple", "(T, U)"},
		{"float32", "f32"},
		{"float64", "f64"},
		{"int64", "i64"},
		{"short", "int"},
		{"var", "auto"},
		{"let", "auto"},
	};
	for (size_t i = 0; i < TN_ARRAY_LEN(habits); i++) {
		if (strlen(habits[i].c_name) == name.length && memcmp(habits[i].c_name, name.text, name.length) == 0) {
			tn_error_hint(err, "it is called %s here", habits[i].ours);
			return NULL;
		}
	}
	struct tn_suggest near;
	char text[64];
	snprintf(text, sizeof(text), "%.*s", (int)name.length, name.text);
	tn_suggest_init(&near, text);
	for (size_t i = 0; i < TN_ARRAY_LEN(basic_types); i++) {
		tn_suggest_offer(&near, basic_types[i].name);
	}
	tn_suggest_offer(&near, "map");
	for (uint32_t i = 0; i < c->lang->handles.used; i++) {
		tn_suggest_offer(&near, c->lang->handles.entries[i].key);
	}
	for (int pass = 0; pass < 2; pass++) {
		const struct tn_map *structs = pass == 0 ? &module->structs : &c->lang->library->structs;
		for (uint32_t i = 0; i < structs->used; i++) {
			if (structs->entries[i].key != NULL) {
				tn_suggest_offer(&near, structs->entries[i].key);
			}
		}
	}
	if (near.best != NULL) {
		tn_error_hint(err, "did you mean %s?", near.best);
	}
	return NULL;
}

static struct tn_type *named_type(struct tn_checker *c, struct tn_module *module, const struct tn_ast_type *type) {
	struct tn_name name = type->name;
	enum tn_dtype dtype;
	if (type->module.text != NULL) {
		struct tn_module *other = tn_map_get_n(&module->aliases, type->module.text, type->module.length);
		struct tn_struct_def *def = other == NULL ? NULL : tn_map_get_n(&other->structs, name.text, name.length);
		if (def == NULL) {
			check_error(c, type->span, TN_ERR_NAME,
				other == NULL ? "there is no import '%.*s'" : "the import '%.*s' has no type '%s'", (int)type->module.length,
				type->module.text, name.text);
		}
		return def == NULL ? NULL : def->type;
	}
	for (size_t i = 0; i < TN_ARRAY_LEN(basic_types); i++) {
		if (strlen(basic_types[i].name) == name.length && memcmp(basic_types[i].name, name.text, name.length) == 0) {
			return check_basic(c, basic_types[i].kind);
		}
	}
	if (tn_dtype_from_name(name.text, name.length, &dtype)) {
		return check_basic(c, TN_TYPE_TENSOR);
	}
	if (name.length == 3 && memcmp(name.text, "map", 3) == 0) {
		struct tn_type *item = type->item_count == 1 ? check_type_plain(c, module, type->items[0]) : check_basic(c, TN_TYPE_ANY);
		return item == NULL ? NULL : tn_type_map(c->lang->types, item);
	}
	const char *text = check_name(c, name);
	struct tn_struct_def *def = text == NULL ? NULL : check_find_struct(c, module, text);
	struct tn_type *handle = def != NULL || text == NULL ? NULL : tn_map_get(&c->lang->handles, text);
	return def != NULL ? def->type : handle != NULL ? handle : unknown_type(c, module, name);
}

static struct tn_type *tuple_type(struct tn_checker *c, struct tn_module *module, const struct tn_ast_type *type) {
	struct tn_type **items = CHECK_ARRAY(c, type->item_count, struct tn_type *);
	for (uint32_t i = 0; items != NULL && i < type->item_count; i++) {
		items[i] = check_type_plain(c, module, type->items[i]);
		if (items[i] == NULL) {
			return NULL;
		}
	}
	return items == NULL ? NULL : tn_type_tuple(c->lang->types, items, type->item_count);
}

struct tn_type *check_type_plain(struct tn_checker *c, struct tn_module *module, const struct tn_ast_type *type) {
	struct tn_type *made = type->name.text == NULL ? tuple_type(c, module, type) : named_type(c, module, type);
	for (uint32_t i = 0; made != NULL && i < type->suffix_count; i++) {
		if (type->suffixes[i].is_list) {
			if (made->kind == TN_TYPE_AUTO || made->kind == TN_TYPE_VOID) {
				check_error(c, type->span, TN_ERR_TYPE, "a list needs the type of its items");
				return NULL;
			}
			made = tn_type_list(c->lang->types, made);
		} else if (i > 0 || made->kind != TN_TYPE_TENSOR) {
			check_error(c, type->suffixes[i].span, TN_ERR_TYPE, "only tensors have a shape");
			return NULL;
		}
	}
	return made;
}

bool check_type_is_template(const struct tn_type *type) {
	return type->kind == TN_TYPE_AUTO || type->kind == TN_TYPE_TREE || type->kind == TN_TYPE_FN ||
		(type->kind == TN_TYPE_SEQ && type->item_count == 0);
}

/* ---- shapes ---- */

static bool is_constant_int(struct tn_checker *c, const char *name) {
	struct tn_symbol *symbol = check_find_symbol(c, c->frame->module, name);
	return symbol != NULL && symbol->is_const && symbol->type->kind == TN_TYPE_INT;
}

/* Behind "N is not declared": what a name in a shape is. Parameters alone bind, and of them only bare names. */
static void explain_size(struct tn_checker *c, size_t before, bool bind) {
	static const char tail[] = " is not declared";
	struct tn_error *err = c->diag->errors.count > before ? &c->diag->errors.items[before] : NULL;
	size_t length = err == NULL ? 0 : strlen(err->text);
	if (length < sizeof(tail) || strcmp(err->text + length + 1 - sizeof(tail), tail) != 0) {
		return;
	}
	tn_error_detail(err, "%s",
		bind ? "an expression in a shape is matched: its names are variables, or sizes that stand alone further left"
			 : "in this shape a name that no parameter binds is a variable, or write a number");
	if (!bind) {
		tn_error_hint(err, "_ matches any size");
	}
}

static bool dim_expr(struct tn_checker *c, const struct tn_ast_dim *dim, struct tn_ir_dim *out, bool bind) {
	size_t before = c->diag->errors.count;
	out->kind = TN_IR_DIM_MATCH;
	if (dim->kind == TN_DIM_NAME) {
		const char *name = check_name(c, dim->name);
		struct binding *known = name == NULL ? NULL : check_find_binding(c, name);
		if (name == NULL) {
			return false;
		}
		if (known == NULL && bind && !is_constant_int(c, name)) {
			out->kind = TN_IR_DIM_BIND;
			out->local = check_local(c, name, check_basic(c, TN_TYPE_INT), false);
			return out->local != UINT32_MAX && check_bind(c, name, out->local, dim->span) != NULL;
		}
		struct tn_ast read = {.kind = TN_AST_NAME, .span = dim->span, .name = dim->name};
		out->expr = check_expr(c, &read, NULL);
	} else {
		out->expr = check_expr(c, dim->expr, NULL);
	}
	if (out->expr == NULL) {
		explain_size(c, before, bind);
	}
	out->expr = out->expr == NULL ? NULL : check_coerce(c, out->expr, check_basic(c, TN_TYPE_INT), "a size in a shape");
	return out->expr != NULL;
}

static bool make_dims(struct tn_checker *c, const struct tn_ast_suffix *suffix, struct tn_ir_shape *shape, bool bind) {
	shape->dims = CHECK_ARRAY(c, suffix->dim_count, struct tn_ir_dim);
	if (shape->dims == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < suffix->dim_count; i++) {
		const struct tn_ast_dim *dim = &suffix->dims[i];
		struct tn_ir_dim *out = &shape->dims[shape->count];
		if (dim->kind == TN_DIM_REST) {
			if (shape->rest >= 0) {
				check_error(c, dim->span, TN_ERR_TYPE, "`...` may stand once in a shape");
				return false;
			}
			shape->rest = (int32_t)shape->count;
			continue;
		}
		shape->count++;
		out->text =
			tn_arena_strndup(&c->frame->unit->arena, dim->span.source == NULL ? "" : dim->span.source->text + dim->span.begin,
				dim->span.source == NULL ? 0 : dim->span.end - dim->span.begin);
		if (out->text == NULL) {
			return check_memory(c);
		}
		if (dim->kind != TN_DIM_ANY && !dim_expr(c, dim, out, bind)) {
			return false;
		}
	}
	if (shape->count > TN_MAX_NDIM) {
		check_error(c, suffix->span, TN_ERR_SHAPE, "a tensor has at most %d axes, this shape has %u", TN_MAX_NDIM, shape->count);
		return false;
	}
	return true;
}

static struct tn_ir_shape *make_shape(struct tn_checker *c, const struct tn_ast_type *type, const char *what, bool bind) {
	struct tn_ir_shape *shape = check_alloc(c, 1, sizeof(*shape));
	if (shape == NULL) {
		return NULL;
	}
	shape->rest = -1;
	shape->what = what;
	shape->has_dtype = tn_dtype_from_name(type->name.text, type->name.length, &shape->dtype);
	shape->declared =
		tn_arena_strndup(&c->frame->unit->arena, type->span.source->text + type->span.begin, type->span.end - type->span.begin);
	if (shape->declared == NULL) {
		return check_memory(c);
	}
	shape->has_shape = type->is_scalar || type->suffix_count > 0;
	if (type->suffix_count > 0 && !make_dims(c, &type->suffixes[0], shape, bind)) {
		return NULL;
	}
	return shape;
}

static bool has_shape(const struct tn_ast_type *type) {
	enum tn_dtype dtype;
	if (type->name.text == NULL || type->module.text != NULL ||
		(type->suffix_count > 0 && type->suffixes[type->suffix_count - 1].is_list)) {
		return false;
	}
	return type->is_scalar || type->suffix_count > 0 || tn_dtype_from_name(type->name.text, type->name.length, &dtype);
}

struct tn_type *check_type(
	struct tn_checker *c, const struct tn_ast_type *type, const char *what, bool bind, struct tn_ir_shape **shape) {
	struct tn_type *made = check_type_plain(c, c->frame->module, type);
	if (shape == NULL) {
		return made;
	}
	*shape = NULL;
	if (made != NULL && made->kind == TN_TYPE_TENSOR && has_shape(type)) {
		*shape = make_shape(c, type, what, bind);
		return *shape == NULL ? NULL : made;
	}
	return made;
}

void check_keep_digits(struct tn_ir *ir) {
	if (ir != NULL && ir->kind == TN_IR_TENSOR && ir->tensor.dtype == TN_DTYPE_F32) {
		ir->tensor.dtype = TN_DTYPE_F64;
	}
}

/* A literal takes the dtype that is declared for its slot. False: it cannot hold it (reported). */
static bool take_dtype(struct tn_checker *c, struct tn_ir *ir, const struct tn_ir_shape *shape) {
	if (!shape->has_dtype) {
		return true;
	}
	if (ir->kind == TN_IR_CONVERT && ir->convert.kind == TN_CONVERT_NUMBER_TO_TENSOR) {
		ir->convert.has_dtype = true;
		ir->convert.dtype = shape->dtype;
	}
	if (ir->kind == TN_IR_TENSOR) {
		for (uint32_t i = 0; i < ir->tensor.items.count && !tn_dtype_is_float(shape->dtype); i++) {
			if (ir->tensor.items.items[i]->type->kind == TN_TYPE_FLOAT) {
				check_error(
					c, ir->tensor.items.items[i]->span, TN_ERR_TYPE, "%s: a float does not fit %s", shape->what, shape->declared);
				return false;
			}
		}
		ir->tensor.dtype = shape->dtype;
	}
	return true;
}

struct tn_ir *check_expect(struct tn_checker *c, struct tn_ir *ir, struct tn_ir_shape *shape) {
	if (ir == NULL || shape == NULL) {
		return ir;
	}
	if (!take_dtype(c, ir, shape)) {
		return NULL;
	}
	struct tn_ir *made = check_node(c, TN_IR_EXPECT, ir->type, ir->span);
	if (made != NULL) {
		made->a = ir;
		made->shape = shape;
	}
	return made;
}

/* ---- zero values and struct values ---- */

static struct tn_ir *make_items(
	struct tn_checker *c, enum tn_ir_kind kind, struct tn_type *type, uint32_t count, struct tn_span span) {
	struct tn_ir *ir = check_node(c, kind, type, span);
	if (ir == NULL) {
		return NULL;
	}
	ir->make.items.items = CHECK_ARRAY(c, count, struct tn_ir *);
	ir->make.items.count = count;
	return ir->make.items.items == NULL ? NULL : ir;
}

static struct tn_ir *zero_tuple(struct tn_checker *c, struct tn_type *type, struct tn_span span) {
	struct tn_ir *ir = make_items(c, TN_IR_TUPLE, type, type->item_count, span);
	for (uint32_t i = 0; ir != NULL && i < type->item_count; i++) {
		ir->make.items.items[i] = check_zero(c, type->items[i], span);
		if (ir->make.items.items[i] == NULL) {
			return NULL;
		}
	}
	return ir;
}

struct tn_ir *check_zero(struct tn_checker *c, struct tn_type *type, struct tn_span span) {
	switch (type->kind) {
	case TN_TYPE_INT:
		return check_const(c, tn_int(0), TN_TYPE_INT, span);
	case TN_TYPE_FLOAT:
		return check_const(c, tn_float(0.0), TN_TYPE_FLOAT, span);
	case TN_TYPE_BOOL:
		return check_const(c, tn_bool(false), TN_TYPE_BOOL, span);
	case TN_TYPE_STRING:
		return check_string(c, "", 0, span);
	case TN_TYPE_DTYPE:
		return check_const(c, (struct tn_value){.tag = TN_DTYPE, .dtype = TN_DTYPE_F32}, TN_TYPE_DTYPE, span);
	case TN_TYPE_TENSOR:
	case TN_TYPE_TREE:
	case TN_TYPE_FN:
	case TN_TYPE_ANY: {
		struct tn_ir *ir = check_const(c, tn_empty(), TN_TYPE_EMPTY, span);
		if (ir != NULL) {
			ir->type = type;
		}
		return ir;
	}
	case TN_TYPE_LIST:
		return make_items(c, TN_IR_LIST, type, 0, span);
	case TN_TYPE_MAP: {
		struct tn_ir *ir = make_items(c, TN_IR_MAP, type, 0, span);
		if (ir != NULL) {
			ir->make.keys = ir->make.items.items;
		}
		return ir;
	}
	case TN_TYPE_NEVER:
		return NULL; /* a field whose declaration was wrong */
	case TN_TYPE_TUPLE:
		return zero_tuple(c, type, span);
	case TN_TYPE_STRUCT:
		return check_struct_value(c, type->def, NULL, span);
	default: {
		char text[128];
		tn_type_format(type, text);
		check_error(c, span, TN_ERR_TYPE, "a variable of type %s needs an initial value", text);
		return NULL;
	}
	}
}

/* A field's default: its expression in the struct's own module, where no local of the present function is seen. */
static struct tn_ir *field_default(
	struct tn_checker *c, struct tn_struct_def *def, const struct tn_struct_field *field, struct tn_span span) {
	if (field->def == NULL || def->unit == NULL) {
		return check_zero(c, field->type, span);
	}
	struct frame *f = c->frame;
	struct tn_module *module = f->module;
	size_t hidden = f->hidden;
	uint32_t braces = f->braces;
	f->module = def->unit->module;
	f->hidden = f->bindings.count;
	struct tn_ir *value = check_expr(c, field->def, field->type);
	char what[160];
	snprintf(what, sizeof(what), "the default of field %s of %s", field->name, def->name);
	value = value == NULL ? NULL : check_coerce(c, value, field->type, what);
	f->module = module;
	f->hidden = hidden;
	f->braces = braces;
	return value;
}

struct tn_ir *check_field_shape(
	struct tn_checker *c, struct tn_struct_def *def, const struct tn_struct_field *field, struct tn_ir *value) {
	if (value == NULL || field->declared == NULL || field->type->kind != TN_TYPE_TENSOR || !has_shape(field->declared)) {
		return value;
	}
	struct frame *f = c->frame;
	struct tn_module *module = f->module;
	size_t hidden = f->hidden;
	char *what = tn_arena_printf(&f->unit->arena, "field %s of %s", field->name, def->name);
	if (what == NULL) {
		return check_memory(c);
	}
	f->module = def->unit->module;
	f->hidden = f->bindings.count;
	struct tn_ir_shape *shape = make_shape(c, field->declared, what, false);
	f->module = module;
	f->hidden = hidden;
	if (shape == NULL) {
		return NULL;
	}
	shape->allow_empty = field->def == NULL || field->def->kind == TN_AST_EMPTY;
	return check_expect(c, value, shape);
}

static int find_field(const struct tn_struct_def *def, struct tn_name name) {
	for (uint32_t i = 0; i < def->field_count; i++) {
		if (strlen(def->fields[i].name) == name.length && memcmp(def->fields[i].name, name.text, name.length) == 0) {
			return (int)i;
		}
	}
	return -1;
}

static bool given_fields(struct tn_checker *c, struct tn_struct_def *def, const struct tn_ast *literal, struct tn_ir **values) {
	bool ok = true;
	for (uint32_t k = 0; k < literal->literal.count; k++) {
		struct tn_name name = literal->literal.fields[k];
		const char *text = check_name(c, name);
		int i = text == NULL ? -1 : find_field(def, name);
		if (i < 0) {
			if (text != NULL) {
				check_unknown_field(c, def->type, text, name.span);
			}
			ok = false;
			continue;
		}
		if (values[i] != NULL) {
			check_error(c, name.span, TN_ERR_TYPE, "field %s is given twice", text);
			ok = false;
			continue;
		}
		char what[160];
		snprintf(what, sizeof(what), "field %s of %s", text, def->name);
		struct tn_ir *value = check_value(c, literal->literal.values[k], def->fields[i].type);
		value = value == NULL || def->fields[i].type->kind == TN_TYPE_NEVER ? NULL
																			: check_coerce(c, value, def->fields[i].type, what);
		value = value == NULL || check_may_keep(c, value, "stored in a field") ? value : NULL;
		values[i] = check_field_shape(c, def, &def->fields[i], value);
		ok = ok && values[i] != NULL;
	}
	return ok;
}

static struct tn_ir *struct_value(
	struct tn_checker *c, struct tn_struct_def *def, const struct tn_ast *literal, struct tn_span span) {
	struct tn_ir *ir = make_items(c, TN_IR_STRUCT, def->type, def->field_count, span);
	if (ir == NULL || (literal != NULL && !given_fields(c, def, literal, ir->make.items.items))) {
		return NULL;
	}
	for (uint32_t i = 0; i < def->field_count; i++) {
		if (ir->make.items.items[i] == NULL) {
			ir->make.items.items[i] = field_default(c, def, &def->fields[i], span);
		}
		if (ir->make.items.items[i] == NULL) {
			return NULL;
		}
	}
	return ir;
}

/* What a nest of structs holds grows with each level by the number of its fields, and a default may make the struct that it belongs to. */
struct tn_ir *check_struct_value(
	struct tn_checker *c, struct tn_struct_def *def, const struct tn_ast *literal, struct tn_span span) {
	enum { MOST_STRUCTS = 200000, DEEPEST = 500 };
	if (c->making == 0) {
		c->made = 0;
	}
	if (c->making >= DEEPEST) {
		check_error(c, span, TN_ERR_RECURSION, "%s holds structs inside each other more than %d deep", def->name, DEEPEST);
		return NULL;
	}
	if (c->made >= MOST_STRUCTS) {
		check_error(c, span, TN_ERR_TYPE, "the value holds more than %d structs", MOST_STRUCTS);
		return NULL;
	}
	c->made++;
	c->making++;
	struct tn_ir *ir = struct_value(c, def, literal, span);
	c->making--;
	return ir;
}

struct tn_ir *check_struct_literal(struct tn_checker *c, const struct tn_ast *ast) {
	struct tn_ast_type type = {.span = ast->span, .module = ast->literal.module, .name = ast->literal.name};
	struct tn_type *made = check_type_plain(c, c->frame->module, &type);
	if (made == NULL) {
		return NULL;
	}
	if (made->kind != TN_TYPE_STRUCT) {
		check_error(c, ast->span, TN_ERR_TYPE, "%s is not a struct", ast->literal.name.text);
		return NULL;
	}
	if (made->def->unit != NULL && !made->def->unit->module->is_library && c->frame->instance != NULL) {
		c->frame->instance->needs_session = true;
	}
	return check_struct_value(c, made->def, ast, ast->span);
}
