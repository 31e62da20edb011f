/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks: grad (LANGUAGE.md section 7), remat, autocast, train, seed, device, profile. */
#include <stdio.h>
#include <string.h>

#include "lang/check.h"

static bool block_body(struct tn_checker *c, const struct tn_ast *ast, struct tn_ir *ir) {
	size_t mark;
	struct body body = {0};
	bool cuts = ast->block_expr.word == TN_BLOCK_GRAD || ast->block_expr.word == TN_BLOCK_REMAT;
	c->frame->cuts += cuts;
	check_open(c, &mark);
	bool ok = check_statements(c, ast->block_expr.body, &body);
	if (ast->block_expr.value != NULL) {
		ir->a = check_expr(c, ast->block_expr.value, NULL);
		ok = ok && ir->a != NULL;
	}
	check_close(c, mark);
	c->frame->cuts -= cuts;
	ir->block.body = body.list;
	if (ok && ir->a != NULL && (ir->a->type->kind == TN_TYPE_VOID || ir->a->type->kind == TN_TYPE_NEVER)) {
		struct tn_ir *eval =
			check_node(c, TN_IR_EVAL, check_basic(c, TN_TYPE_VOID), ir->a->span); /* no value: it is the last statement */
		if (eval != NULL) {
			eval->a = ir->a;
		}
		ok = eval != NULL && check_push(c, &body, eval);
		ir->block.body = body.list;
		ir->a = NULL;
	}
	return ok;
}

/* ---- grad ---- */

static bool grad_option(struct tn_checker *c, const struct tn_ast_arg *arg, const char *name, struct tn_ir *ir) {
	struct tn_ir *value = check_value(c, arg->value, NULL);
	if (value == NULL) {
		return false;
	}
	if (check_same_name(name, "only")) {
		if (!check_is_callable(c, value->type)) {
			check_error(c, arg->span, TN_ERR_TYPE, "only: expected a function of (path, weight)");
			return false;
		}
		ir->b = value;
		return true;
	}
	if (check_same_name(name, "allow_unused")) {
		if (value->kind != TN_IR_CONST || value->type->kind != TN_TYPE_BOOL) {
			check_error(c, arg->span, TN_ERR_TYPE, "allow_unused: expected true or false");
			return false;
		}
		ir->block.allow_unused = value->value.b;
		return true;
	}
	struct tn_error *err = check_error(c, arg->span, TN_ERR_NAME, "grad has no argument %s", name);
	HINT(err, "grad (w, only: (path, w) => …, allow_unused: true)");
	return false;
}

static bool grad_place(struct tn_checker *c, const struct tn_ast_arg *arg, struct body *places) {
	struct tn_ir *place = check_value(c, arg->value, NULL);
	if (place == NULL) {
		return false;
	}
	if (!check_is_place(place)) {
		struct tn_error *err =
			check_error(c, arg->value->span, TN_ERR_TYPE, "grad differentiates with respect to a variable or a field of one");
		HINT(err, "give the value a name first");
		return false;
	}
	if (!tn_type_is_tree(place->type)) {
		char text[128];
		tn_type_format(place->type, text);
		struct tn_error *err =
			check_error(c, arg->value->span, TN_ERR_TYPE, "grad: expected a tensor or a tree with weights, found %s", text);
		if (tn_type_is_number(place->type)) {
			HINT(err, "tensor x = 1.0; makes a 0-d tensor");
		}
		return false;
	}
	return check_push(c, places, place);
}

static bool same_path(const struct tn_ir *a, const struct tn_ir *b) {
	if (a->kind != b->kind) {
		return false;
	}
	switch (a->kind) {
	case TN_IR_LOCAL:
		return a->local == b->local;
	case TN_IR_GLOBAL:
		return a->symbol == b->symbol;
	case TN_IR_FIELD:
	case TN_IR_ITEM:
		return a->index == b->index && same_path(a->a, b->a);
	default:
		return false;
	}
}

static bool starts_with(const struct tn_ir *path, const struct tn_ir *prefix) {
	for (;;) {
		if (same_path(path, prefix)) {
			return true;
		}
		if (path->kind != TN_IR_FIELD && path->kind != TN_IR_ITEM && path->kind != TN_IR_INDEX) {
			return false;
		}
		path = path->a;
	}
}

static bool grad_args(struct tn_checker *c, const struct tn_ast *ast, struct tn_ir *ir) {
	struct body places = {0};
	bool ok = true;
	ir->block.bare_tensors = true;
	for (uint32_t i = 0; i < ast->block_expr.arg_count; i++) {
		const struct tn_ast_arg *arg = &ast->block_expr.args[i];
		const char *name = arg->name.text == NULL ? NULL : check_name(c, arg->name);
		ok = (name != NULL ? grad_option(c, arg, name, ir) : grad_place(c, arg, &places)) && ok;
	}
	if (ok && places.list.count == 0) {
		check_error(c, ast->span, TN_ERR_TYPE, "grad needs the variable to differentiate with respect to: grad (net) { … }");
		return false;
	}
	for (uint32_t i = 0; ok && i < places.list.count; i++) {
		const struct tn_ir *place = places.list.items[i];
		ir->block.bare_tensors = ir->block.bare_tensors && place->type->kind == TN_TYPE_TENSOR;
		for (uint32_t k = 0; k < i; k++) {
			if (starts_with(place, places.list.items[k]) || starts_with(places.list.items[k], place)) {
				check_error(c, place->span, TN_ERR_TYPE, "the arguments of grad overlap");
				ok = false;
			}
		}
	}
	ir->block.args = places.list;
	return ok;
}

static bool differentiable(struct tn_checker *c, const struct tn_ir *value, const struct tn_ast *ast) {
	if (value == NULL) {
		struct tn_error *err = check_error(c, ast->span, TN_ERR_TYPE, "the grad block has no value");
		HINT(err, "its last expression, written without ;, is what is differentiated");
		return false;
	}
	const struct tn_type *type = value->type;
	if (type->kind == TN_TYPE_TUPLE && type->item_count > 0) {
		type = type->items[0];
	}
	if (type->kind != TN_TYPE_TENSOR && type->kind != TN_TYPE_ANY) {
		char text[128];
		tn_type_format(value->type, text);
		check_error(c, value->span, TN_ERR_TYPE,
			"the value of a grad block: expected a tensor, or a tuple that begins with one, found %s", text);
		return false;
	}
	return true;
}

static struct tn_ir *grad_block(struct tn_checker *c, const struct tn_ast *ast, struct tn_ir *ir) {
	bool ok = grad_args(c, ast, ir);
	if (!block_body(c, ast, ir) || !ok || !differentiable(c, ir->a, ast)) {
		return NULL;
	}
	uint32_t n = ir->block.args.count;
	struct tn_type **types = CHECK_ARRAY(c, (size_t)n + 1, struct tn_type *);
	if (types == NULL) {
		return NULL;
	}
	types[0] = ir->a->type;
	for (uint32_t i = 0; i < n; i++) {
		types[i + 1] = ir->block.args.items[i]->type;
	}
	ir->type = tn_type_tuple(c->lang->types, types, n + 1);
	return ir->type == NULL ? check_memory(c) : ir;
}

/* ---- the other words ---- */

static const struct {
	const char *name;
	enum tn_type_kind type;
	bool optional;
	const char *example;
} words[] = {
	[TN_BLOCK_GRAD] = {"grad", TN_TYPE_VOID, false, ""},
	[TN_BLOCK_REMAT] = {"remat", TN_TYPE_VOID, false, "remat { … }"},
	[TN_BLOCK_AUTOCAST] = {"autocast", TN_TYPE_DTYPE, false, "autocast (bf16) { … }"},
	[TN_BLOCK_TRAIN] = {"train", TN_TYPE_BOOL, false, "train (true) { … }"},
	[TN_BLOCK_SEED] = {"seed", TN_TYPE_INT, false, "seed (7) { … }"},
	[TN_BLOCK_DEVICE] = {"device", TN_TYPE_STRING, false, "device (\"cpu\") { … }"},
	[TN_BLOCK_PROFILE] = {"profile", TN_TYPE_STRING, true, "profile (\"step\") { … }"},
};

static bool word_args(struct tn_checker *c, const struct tn_ast *ast, struct tn_ir *ir) {
	enum tn_block_word word = ast->block_expr.word;
	uint32_t n = ast->block_expr.arg_count, most = words[word].type == TN_TYPE_VOID ? 0 : 1;
	struct body args = {0};
	if (n > most || (n < most && !words[word].optional)) {
		struct tn_error *err = check_error(
			c, ast->span, TN_ERR_TYPE, "%s: expected %u argument%s, found %u", words[word].name, most, most == 1 ? "" : "s", n);
		HINT(err, "%s", words[word].example);
		return false;
	}
	if (n == 1) {
		char what[64];
		snprintf(what, sizeof(what), "the argument of %s", words[word].name);
		struct tn_ir *value = check_value(c, ast->block_expr.args[0].value, NULL);
		value = value == NULL ? NULL : check_coerce(c, value, check_basic(c, words[word].type), what);
		if (!check_push(c, &args, value)) {
			return false;
		}
	}
	ir->block.args = args.list;
	return true;
}

struct tn_ir *check_block(struct tn_checker *c, const struct tn_ast *ast) {
	struct tn_ir *ir = check_node(c, TN_IR_BLOCK, check_basic(c, TN_TYPE_VOID), ast->span);
	if (ir == NULL) {
		return NULL;
	}
	ir->block.word = ast->block_expr.word;
	if (ast->block_expr.word == TN_BLOCK_GRAD) {
		return grad_block(c, ast, ir);
	}
	bool ok = word_args(c, ast, ir);
	if (!block_body(c, ast, ir) || !ok) {
		return NULL;
	}
	if (ir->a != NULL) {
		ir->type = ir->a->type;
	}
	return ir;
}
