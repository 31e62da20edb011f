/* SPDX-License-Identifier: Apache-2.0 */
/* Lambdas: which locals of the enclosing function they name, and so capture by value. Their bodies are checked at their calls
 * (check_instance.c). */
#include <string.h>

#include "lang/check.h"

struct captures {
	struct tn_local *items;
	struct tn_ir **reads;
	uint32_t count, capacity;
	bool failed, holds_weights;
};

static void walk(struct tn_checker *c, const struct tn_ast *ast, struct captures *out);

static void walk_list(struct tn_checker *c, struct tn_ast_list list, struct captures *out) {
	for (uint32_t i = 0; i < list.count; i++) {
		walk(c, list.items[i], out);
	}
}

/* A name that means a local here. Names that the lambda declares itself may be captured without need; that is harmless. */
static void note(struct tn_checker *c, struct tn_name name, struct tn_span span, struct captures *out) {
	const char *text = name.text == NULL ? NULL : check_name(c, name);
	struct binding *binding = text == NULL ? NULL : check_find_binding(c, text);
	struct tn_symbol *symbol = text == NULL || binding != NULL ? NULL : check_find_symbol(c, c->frame->module, text);
	if (symbol != NULL && symbol->type->kind != TN_TYPE_TENSOR && symbol->type->kind != TN_TYPE_ANY) {
		out->holds_weights = out->holds_weights || tn_type_is_tree(symbol->type);
	}
	if (binding == NULL || binding->broken) {
		return;
	}
	for (uint32_t i = 0; i < out->count; i++) {
		if (check_same_name(out->items[i].name, text)) {
			return;
		}
	}
	if (out->count == out->capacity) {
		uint32_t grown = out->capacity == 0 ? 8 : out->capacity * 2;
		struct tn_local *items = CHECK_ARRAY(c, grown, struct tn_local);
		struct tn_ir **reads = CHECK_ARRAY(c, grown, struct tn_ir *);
		if (items == NULL || reads == NULL) {
			out->failed = true;
			return;
		}
		if (out->count > 0) {
			memcpy(items, out->items, out->count * sizeof(items[0]));
			memcpy(reads, out->reads, out->count * sizeof(reads[0]));
		}
		out->items = items;
		out->reads = reads;
		out->capacity = grown;
	}
	struct tn_ir *read = check_read_local(c, binding->local, span);
	if (read == NULL) {
		out->failed = true;
		return;
	}
	bool any = read->type->kind == TN_TYPE_TENSOR || read->type->kind == TN_TYPE_ANY;
	out->holds_weights = out->holds_weights || (!any && tn_type_is_tree(read->type));
	out->items[out->count] = (struct tn_local){.name = text, .type = read->type};
	out->reads[out->count++] = read;
}

static void walk_pattern(struct tn_checker *c, const struct tn_ast_pattern *pattern, struct captures *out) {
	if (pattern == NULL) {
		return;
	}
	walk(c, pattern->expr, out);
	for (uint32_t i = 0; i < pattern->item_count; i++) {
		walk_pattern(c, pattern->items[i], out);
	}
}

static void walk_args(struct tn_checker *c, const struct tn_ast_arg *args, uint32_t count, struct captures *out) {
	for (uint32_t i = 0; i < count; i++) {
		walk(c, args[i].value, out);
	}
}

static void walk_type(struct tn_checker *c, const struct tn_ast_type *type, struct captures *out) {
	for (uint32_t i = 0; type != NULL && i < type->suffix_count; i++) {
		for (uint32_t k = 0; k < type->suffixes[i].dim_count; k++) {
			walk(c, type->suffixes[i].dims[k].expr, out);
			note(c, type->suffixes[i].dims[k].name, type->span, out);
		}
	}
}

static void walk_index(struct tn_checker *c, const struct tn_ast *ast, struct captures *out) {
	walk(c, ast->index.object, out);
	for (uint32_t i = 0; i < ast->index.count; i++) {
		const struct tn_ast_index *item = &ast->index.items[i];
		walk(c, item->expr, out);
		walk(c, item->start, out);
		walk(c, item->stop, out);
		walk(c, item->step, out);
	}
}

static void walk_lambda(struct tn_checker *c, const struct tn_ast *ast, struct captures *out) {
	for (uint32_t i = 0; i < ast->lambda.count; i++) {
		walk_type(c, ast->lambda.params[i].type, out);
	}
	walk_list(c, ast->lambda.body, out);
	walk(c, ast->lambda.value, out);
}

static bool walk_expr(struct tn_checker *c, const struct tn_ast *ast, struct captures *out) {
	switch (ast->kind) {
	case TN_AST_NAME:
		note(c, ast->name, ast->span, out);
		return true;
	case TN_AST_FSTRING:
		for (uint32_t i = 0; i < ast->fstring.count; i++) {
			walk(c, ast->fstring.parts[i].expr, out);
		}
		return true;
	case TN_AST_UNARY:
		walk(c, ast->op.a, out);
		return true;
	case TN_AST_BINARY:
		for (; ast->kind == TN_AST_BINARY; ast = ast->op.a) {
			walk(c, ast->op.b, out);
		}
		walk(c, ast, out);
		return true;
	case TN_AST_COND:
		walk(c, ast->cond.cond, out);
		walk(c, ast->cond.a, out);
		walk(c, ast->cond.b, out);
		return true;
	case TN_AST_CALL:
		walk(c, ast->call.callee, out);
		walk_args(c, ast->call.args, ast->call.count, out);
		return true;
	case TN_AST_INDEX:
		walk_index(c, ast, out);
		return true;
	case TN_AST_FIELD:
		walk(c, ast->field.object, out);
		return true;
	case TN_AST_TUPLE:
	case TN_AST_BRACKET:
		walk_list(c, ast->list, out);
		return true;
	case TN_AST_MAP:
		for (uint32_t i = 0; i < ast->map.count; i++) {
			walk(c, ast->map.keys[i], out);
			walk(c, ast->map.values[i], out);
		}
		return true;
	case TN_AST_STRUCT:
		for (uint32_t i = 0; i < ast->literal.count; i++) {
			walk(c, ast->literal.values[i], out);
		}
		return true;
	case TN_AST_LAMBDA:
		walk_lambda(c, ast, out);
		return true;
	case TN_AST_BLOCK_EXPR:
		walk_args(c, ast->block_expr.args, ast->block_expr.arg_count, out);
		walk_list(c, ast->block_expr.body, out);
		walk(c, ast->block_expr.value, out);
		return true;
	default:
		return false;
	}
}

static void walk_loop(struct tn_checker *c, const struct tn_ast *ast, struct captures *out) {
	if (ast->kind == TN_AST_FOR) {
		walk_list(c, ast->for_.init, out);
		walk(c, ast->for_.cond, out);
		walk_list(c, ast->for_.step, out);
		walk(c, ast->for_.body, out);
	} else {
		walk_pattern(c, ast->each.target, out);
		walk(c, ast->each.iterable, out);
		walk(c, ast->each.body, out);
	}
}

static void walk_statement(struct tn_checker *c, const struct tn_ast *ast, struct captures *out) {
	switch (ast->kind) {
	case TN_AST_EXPR_STMT:
		walk(c, ast->expr.value, out);
		return;
	case TN_AST_DECL:
		walk_type(c, ast->decl.type, out);
		walk(c, ast->decl.init, out);
		return;
	case TN_AST_ASSIGN:
		walk_pattern(c, ast->assign.target, out);
		walk(c, ast->assign.value, out);
		return;
	case TN_AST_INCDEC:
		walk(c, ast->incdec.place, out);
		return;
	case TN_AST_IF:
		walk(c, ast->if_.cond, out);
		walk(c, ast->if_.then, out);
		walk(c, ast->if_.otherwise, out);
		return;
	case TN_AST_WHILE:
	case TN_AST_DO:
		walk(c, ast->loop.cond, out);
		walk(c, ast->loop.body, out);
		return;
	case TN_AST_FOR:
	case TN_AST_FOR_EACH:
		walk_loop(c, ast, out);
		return;
	case TN_AST_SWITCH:
		walk(c, ast->switch_.value, out);
		for (uint32_t i = 0; i < ast->switch_.count; i++) {
			walk_list(c, ast->switch_.cases[i].values, out);
			walk_list(c, ast->switch_.cases[i].body, out);
		}
		return;
	case TN_AST_RETURN:
		walk(c, ast->value, out);
		return;
	case TN_AST_TRY:
		walk(c, ast->try_.body, out);
		walk(c, ast->try_.handler, out);
		return;
	case TN_AST_BLOCK:
		walk_list(c, ast->block, out);
		return;
	default:
		return;
	}
}

static void walk(struct tn_checker *c, const struct tn_ast *ast, struct captures *out) {
	if (ast != NULL && !out->failed && !walk_expr(c, ast, out)) {
		walk_statement(c, ast, out);
	}
}

struct tn_ir *check_lambda(struct tn_checker *c, const struct tn_ast *ast) {
	struct captures captures = {0};
	for (uint32_t i = 0; i < ast->lambda.count; i++) {
		const struct tn_ast_type *type = ast->lambda.params[i].type;
		if (type != NULL && check_type_plain(c, c->frame->module, type) == NULL) {
			return NULL;
		}
		for (uint32_t k = 0; k < i; k++) {
			struct tn_name first = ast->lambda.params[k].name, second = ast->lambda.params[i].name;
			if (first.length == second.length && memcmp(first.text, second.text, first.length) == 0 && first.text[0] != '_') {
				check_error(c, second.span, TN_ERR_NAME, "two parameters are called %.*s", (int)first.length, first.text);
				return NULL;
			}
		}
	}
	walk(c, ast, &captures);
	if (captures.failed) {
		return NULL;
	}
	struct frame *frame = c->frame;
	struct tn_function *f = check_new_function(c, frame->unit,
		(struct tn_function){.name = "lambda",
			.module = frame->module,
			.lambda = ast,
			.span = ast->span,
			.is_library = frame->module->is_library,
			.captures = captures.items,
			.capture_count = captures.count,
			.holds_weights = captures.holds_weights});
	struct tn_ir *ir = f == NULL ? NULL : check_node(c, TN_IR_LAMBDA, tn_type_lambda(c->lang->types, f), ast->span);
	if (ir != NULL) {
		ir->lambda.function = f;
		ir->lambda.captures = (struct tn_ir_list){captures.reads, captures.count};
	}
	return ir;
}
