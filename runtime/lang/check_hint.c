/* SPDX-License-Identifier: Apache-2.0 */
/* Errors about names that there are not: did you mean …, by edit distance, and what the habits of Python, PyTorch and C are
 * called here. */
#include <stdio.h>
#include <string.h>

#include "lang/check.h"

struct habit {
	const char *name, *hint;
};

static const struct habit names[] = {
	{"True", "the word is true"},
	{"False", "the word is false"},
	{"None", "there is no null; a tensor slot without a tensor is `empty`"},
	{"NULL", "there is no null; a tensor slot without a tensor is `empty`"},
	{"nullptr", "there is no null; a tensor slot without a tensor is `empty`"},
	{"self", "a method is a function whose first parameter is the struct: f(Net &n, …)"},
	{"elif", "else if"},
	{"def", "a function begins with its return type: float f(float x) { … }"},
	{"float32", "the dtype is called f32"},
	{"float64", "the dtype is called f64"},
	{"int64", "the dtype is called i64"},
	{"int32", "the dtype is called i32"},
	{"uint8", "the dtype is called u8"},
	{"bfloat16", "the dtype is called bf16"},
	{"float16", "the dtype is called f16"},
	{"torch", "the functions of PyTorch stand alone: relu(x), zeros(2, 3)"},
	{"np", "the functions of NumPy stand alone: zeros(2, 3)"},
	{"numpy", "the functions of NumPy stand alone: zeros(2, 3)"},
	{"nn", "layers are made by functions: linear(784, 10)"},
	{"F", "the functions of PyTorch stand alone: relu(x)"},
};
static const struct habit functions[] = {
	{"range", "0..n counts from 0 to n - 1: for (int i : 0..n)"},
	{"str", "string(x) writes a value as text"},
	{"repr", "string(x) writes a value as text"},
	{"type", "x.dtype, or ?x in a cell"},
	{"printf", "print(f\"{x:.3f}\")"},
	{"sizeof", "len(x), x.shape"},
	{"double", "float(x)"},
	{"long", "int(x)"},
	{"dict", "{ \"key\": value } makes a map"},
	{"tuple", "(a, b) makes a tuple"},
	{"isinstance", "overloads choose by type"},
	{"sorted", "sort(xs)"},
	{"reversed", "reverse(xs)"},
	{"open", "read_text(path)"},
	{"float32", "f32(x)"},
	{"Tensor", "tensor(xs)"},
	{"array", "tensor(xs)"},
	{"concat", "cat([a, b], axis: 0)"},
	{"concatenate", "cat([a, b], axis: 0)"},
	{"size", "len(x), x.shape"},
	{"fabs", "abs(x)"},
	{"no_grad", "only what stands in a grad block is recorded"},
};
static const struct habit methods[] = {
	{"item", "float(x) or int(x) takes the number out of a tensor of one element"},
	{"backward", "auto (loss, g) = grad (net) { … } gives the gradient"},
	{"to", "to(x, \"cuda:0\") moves, f32(x) converts"},
	{"detach", "stop_gradient(x) cuts; outside a grad block nothing is recorded"},
	{"float", "f32(x) converts all elements, float(x) takes one"},
	{"double", "f64(x)"},
	{"long", "i64(x)"},
	{"int", "i32(x)"},
	{"half", "f16(x)"},
	{"bool", "bool8(x)"},
	{"bfloat16", "bf16(x)"},
	{"cuda", "to(x, \"cuda:0\")"},
	{"cpu", "to(x, \"cpu\")"},
	{"numpy", "print shows a tensor; save writes it"},
	{"zero_grad", "there is nothing to zero: a gradient ends with its block"},
	{"size", "x.shape, or len(x) for axis 0"},
	{"dim", "x.ndim"},
	{"numel", "count(x)"},
	{"clone", "assignment copies"},
	{"copy", "assignment copies"},
	{"requires_grad_", "grad (w) { … } names what is differentiated"},
	{"parameters", "grad (net) { … } takes the whole net; leaves(net) lists its weights"},
	{"named_parameters", "leaves(net) lists (path, weight)"},
	{"state_dict", "save(net, \"file\")"},
	{"train", "train (true) { … }; grad turns it on by itself"},
	{"eval", "evaluation is the rule outside grad; train (false) { … }"},
	{"forward", "n(x) calls a struct that has a call function"},
	{"t", "x.T"},
	{"mm", "a @ b"},
	{"push", "xs.append(x)"},
	{"push_back", "xs.append(x)"},
	{"add", "xs.append(x); a + b"},
	{"length", "len(x)"},
	{"len", "len(x)"},
	{"items", "for (auto (k, v) : m)"},
	{"has", "contains(m, key)"},
	{"format", "f\"{x:.2f}\""},
};

static const char *find(const struct habit *table, size_t count, const char *name) {
	for (size_t i = 0; i < count; i++) {
		if (strcmp(table[i].name, name) == 0) {
			return table[i].hint;
		}
	}
	return NULL;
}
#define FIND(table, name) find(table, TN_ARRAY_LEN(table), name)

static void offer_map(struct tn_suggest *near, const struct tn_map *map) {
	for (uint32_t i = 0; i < map->used; i++) {
		if (map->entries[i].key != NULL) {
			tn_suggest_offer(near, map->entries[i].key);
		}
	}
}

static void offer_functions(struct tn_checker *c, struct tn_suggest *near) {
	offer_map(near, &c->frame->module->functions);
	offer_map(near, &c->lang->library->functions);
	offer_map(near, &c->lang->natives);
	tn_library_offer(c->lang, near);
}

static void offer_variables(struct tn_checker *c, struct tn_suggest *near) {
	const struct frame *f = c->frame;
	for (size_t i = f->bindings.count; i > f->hidden; i--) {
		tn_suggest_offer(near, f->bindings.items[i - 1].name);
	}
	for (const struct tn_checker *k = c; k != NULL; k = k->outer) {
		offer_map(near, &k->pending);
	}
	offer_map(near, &f->module->symbols);
}

static void suggest(struct tn_error *err, const struct tn_suggest *near) {
	if (near->best != NULL) {
		HINT(err, "did you mean %s?", near->best);
	}
}

/* A variable that a statement further down declares. */
static bool declared_later(struct tn_checker *c, const char *name, struct tn_span span) {
	const struct tn_ast *later = tn_map_get(&c->later, name);
	if (later != NULL) {
		uint32_t line, column;
		tn_source_position(later->span.source, later->span.begin, &line, &column);
		check_error(c, span, TN_ERR_NAME, "%s is not declared yet: that is in line %u", name, line);
	}
	return later != NULL;
}

void check_unknown_name(struct tn_checker *c, const char *name, struct tn_span span) {
	struct tn_struct_def *def = check_find_struct(c, c->frame->module, name);
	if (def != NULL) {
		struct tn_error *err = check_error(c, span, TN_ERR_NAME, "%s is a type, not a value", name);
		HINT(err, "%s{ … } makes one", name);
		return;
	}
	if (declared_later(c, name, span)) {
		return;
	}
	struct tn_error *err = check_error(c, span, TN_ERR_NAME, "%s is not declared", name);
	const char *habit = FIND(names, name);
	if (habit != NULL) {
		HINT(err, "%s", habit);
		return;
	}
	struct tn_suggest near;
	tn_suggest_init(&near, name);
	offer_variables(c, &near);
	offer_functions(c, &near);
	suggest(err, &near);
}

void check_unknown_function(struct tn_checker *c, const char *name, struct tn_span span) {
	if (declared_later(c, name, span)) {
		return;
	}
	struct tn_error *err = check_error(c, span, TN_ERR_NAME, "there is no function %s", name);
	const char *habit = FIND(functions, name);
	habit = habit != NULL ? habit : FIND(names, name);
	if (habit != NULL) {
		HINT(err, "%s", habit);
		return;
	}
	struct tn_suggest near;
	tn_suggest_init(&near, name);
	offer_functions(c, &near);
	offer_variables(c, &near);
	suggest(err, &near);
}

void check_unknown_method(struct tn_checker *c, const struct tn_type *type, const char *name, struct tn_span span) {
	char text[128] = "value";
	if (type != NULL) {
		tn_type_format(type, text);
	}
	struct tn_error *err = check_error(c, span, TN_ERR_NAME, "%s has no field and no function %s", text, name);
	const char *habit = FIND(methods, name);
	if (habit != NULL) {
		HINT(err, "%s", habit);
		return;
	}
	struct tn_suggest near;
	tn_suggest_init(&near, name);
	for (uint32_t i = 0; type != NULL && type->kind == TN_TYPE_STRUCT && i < type->def->field_count; i++) {
		tn_suggest_offer(&near, type->def->fields[i].name);
	}
	offer_functions(c, &near);
	suggest(err, &near);
}

void check_unknown_field(struct tn_checker *c, const struct tn_type *type, const char *name, struct tn_span span) {
	char text[128];
	tn_type_format(type, text);
	struct tn_error *err =
		check_error(c, span, TN_ERR_NAME, "%s has no %s %s", text, type->kind == TN_TYPE_TENSOR ? "attribute" : "field", name);
	if (err == NULL) {
		return;
	}
	if (type->kind == TN_TYPE_MAP) {
		tn_error_hint(err, "m[\"%s\"] reads a map", name);
		return;
	}
	struct tn_suggest near;
	tn_suggest_init(&near, name);
	if (type->kind == TN_TYPE_STRUCT) {
		for (uint32_t i = 0; i < type->def->field_count; i++) {
			tn_suggest_offer(&near, type->def->fields[i].name);
		}
	} else if (type->kind == TN_TYPE_TENSOR) {
		static const char *const attributes[] = {"shape", "ndim", "dtype", "device", "T"};
		for (size_t i = 0; i < TN_ARRAY_LEN(attributes); i++) {
			tn_suggest_offer(&near, attributes[i]);
		}
	}
	if (near.best != NULL) {
		suggest(err, &near);
	} else if (FIND(methods, name) != NULL) {
		tn_error_hint(err, "%s", FIND(methods, name));
	} else if (tn_map_get(&c->lang->natives, name) != NULL) {
		tn_error_hint(err, "a method is called with parentheses: x.%s()", name);
	}
}
