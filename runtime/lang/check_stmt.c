/* SPDX-License-Identifier: Apache-2.0 */
/* Statements. A wrong one is reported and left out; those behind it are still checked. */
#include <string.h>

#include "lang/check.h"

static struct tn_ir *node(struct tn_checker *c, enum tn_ir_kind kind, struct tn_span span) {
	return check_node(c, kind, check_basic(c, TN_TYPE_VOID), span);
}

void check_open(struct tn_checker *c, size_t *mark) {
	c->frame->braces++;
	*mark = c->frame->bindings.count;
}
void check_close(struct tn_checker *c, size_t mark) {
	check_warn_lost(c, mark);
	c->frame->braces--;
	c->frame->bindings.count = mark;
}

struct tn_ir *check_scoped(struct tn_checker *c, const struct tn_ast *ast) {
	size_t mark;
	struct body body = {0};
	struct tn_ir *scope = node(c, TN_IR_SCOPE, ast->span);
	check_open(c, &mark);
	struct tn_ast_list one = {(struct tn_ast **)&(struct tn_ast *){(struct tn_ast *)(uintptr_t)ast}, 1};
	bool ok = check_statements(c, ast->kind == TN_AST_BLOCK ? ast->block : one, &body);
	check_close(c, mark);
	if (!ok || scope == NULL) {
		return NULL;
	}
	scope->flow.body = body.list;
	return scope;
}

/* A list of one statement. */
static bool single(struct tn_checker *c, struct tn_ir *ir, struct tn_ir_list *out) {
	struct body body = {0};
	if (!check_push(c, &body, ir)) {
		return false;
	}
	*out = body.list;
	return true;
}

static bool if_stmt(struct tn_checker *c, const struct tn_ast *ast, struct body *out) {
	struct tn_ir *cond = check_condition(c, check_value(c, ast->if_.cond, NULL), "the condition of if");
	struct tn_ir *then = check_scoped(c, ast->if_.then),
				 *otherwise = ast->if_.otherwise == NULL ? NULL : check_scoped(c, ast->if_.otherwise);
	struct tn_ir *ir = node(c, TN_IR_IF, ast->span);
	if (cond == NULL || then == NULL || ir == NULL || (ast->if_.otherwise != NULL && otherwise == NULL)) {
		return false;
	}
	ir->a = cond;
	return single(c, then, &ir->flow.body) && (otherwise == NULL || single(c, otherwise, &ir->flow.otherwise)) &&
		check_push(c, out, ir);
}

static bool jump(struct tn_checker *c, const struct tn_ast *ast, struct body *out) {
	struct frame *f = c->frame;
	bool is_break = ast->kind == TN_AST_BREAK;
	const char *word = is_break ? "break" : "continue";
	if ((is_break ? f->breakables : f->loops) == 0) {
		check_error(
			c, ast->span, TN_ERR_SYNTAX, is_break ? "break stands in a loop or a switch only" : "continue stands in a loop only");
		return false;
	}
	if ((is_break ? f->break_cuts : f->loop_cuts) < f->cuts) {
		check_error(c, ast->span, TN_ERR_SYNTAX, "%s cannot leave a grad or remat block", word);
		return false;
	}
	return check_push(c, out, node(c, is_break ? TN_IR_BREAK : TN_IR_CONTINUE, ast->span));
}

static bool return_stmt(struct tn_checker *c, const struct tn_ast *ast, struct body *out) {
	struct frame *f = c->frame;
	if (f->is_cell) {
		check_error(c, ast->span, TN_ERR_SYNTAX, "return stands in a function only");
		return false;
	}
	if (f->cuts > 0) {
		check_error(c, ast->span, TN_ERR_SYNTAX, "return cannot leave a grad or remat block");
		return false;
	}
	struct tn_ir *value = ast->value == NULL ? NULL : check_expr(c, ast->value, f->result),
				 *ir = node(c, TN_IR_RETURN, ast->span);
	if (ir == NULL || (ast->value != NULL && value == NULL)) {
		return false;
	}
	if (value != NULL && f->result != NULL && f->result->kind == TN_TYPE_VOID) {
		check_error(c, ast->value->span, TN_ERR_TYPE, "%s returns nothing: its return type is void", f->instance->name);
		return false;
	}
	if (value != NULL && value->type->kind == TN_TYPE_VOID) {
		check_error(c, ast->value->span, TN_ERR_TYPE, "a value is expected here, but this gives none");
		return false;
	}
	if (value == NULL && f->result != NULL && f->result->kind != TN_TYPE_VOID) {
		char text[128];
		tn_type_format(f->result, text);
		check_error(c, ast->span, TN_ERR_TYPE, "%s: return needs a value of type %s", f->instance->name, text);
		return false;
	}
	ir->a = value;
	return (TN_VEC_PUSH(&f->returns, ir) || check_memory(c) != NULL) && check_push(c, out, ir);
}

static bool try_stmt(struct tn_checker *c, const struct tn_ast *ast, struct body *out) {
	c->frame->tries++;
	struct tn_ir *ir = node(c, TN_IR_TRY, ast->span), *body = check_scoped(c, ast->try_.body);
	c->frame->tries--;
	size_t mark;
	check_open(c, &mark);
	uint32_t local = UINT32_MAX;
	bool ok = ir != NULL && body != NULL;
	if (ast->try_.name.text != NULL) {
		const char *name = check_name(c, ast->try_.name);
		local = name == NULL ? UINT32_MAX : check_local(c, name, c->lang->error_info->type, false);
		ok = local != UINT32_MAX && check_bind(c, name, local, ast->try_.name.span) != NULL && ok;
	}
	struct tn_ir *handler = check_scoped(c, ast->try_.handler);
	check_close(c, mark);
	if (!ok || handler == NULL) {
		return false;
	}
	ir->flow.local = local;
	return single(c, body, &ir->flow.body) && single(c, handler, &ir->flow.otherwise) && check_push(c, out, ir);
}

static bool expr_stmt(struct tn_checker *c, const struct tn_ast *ast, struct body *out) {
	struct tn_ir *value = check_expr(c, ast->expr.value, NULL);
	bool display = ast->expr.display && check_top_level(c);
	if (value == NULL) {
		return false;
	}
	if (ast->expr.display && !check_top_level(c) && value->type->kind != TN_TYPE_VOID && value->type->kind != TN_TYPE_NEVER &&
		!c->frame->is_cell) {
		struct tn_error *err = check_error(c, ast->span, TN_ERR_SYNTAX, "a function returns by return only");
		HINT(err, "write return before it, or ; behind it");
		return false;
	}
	display = display && value->type->kind != TN_TYPE_VOID && value->type->kind != TN_TYPE_NEVER;
	if (!display && !check_note_dropped(c, value, ast->expr.value)) {
		return false;
	}
	struct tn_ir *ir = node(c, display ? TN_IR_DISPLAY : TN_IR_EVAL, ast->span);
	if (ir == NULL) {
		return false;
	}
	ir->a = value;
	return check_push(c, out, ir);
}

static bool command(struct tn_checker *c, const struct tn_ast *ast, struct body *out) {
	struct tn_ir *ir = node(c, TN_IR_COMMAND, ast->span);
	if (ir == NULL || (ir->name = check_name(c, ast->command.text)) == NULL) {
		return false;
	}
	return check_push(c, out, ir);
}

static bool nested_only(struct tn_checker *c, const struct tn_ast *ast) {
	if (check_top_level(c)) {
		return true; /* defined before the first statement */
	}
	check_error(c, ast->span, TN_ERR_SYNTAX, "functions, structs and imports stand at top level only");
	return false;
}

bool check_statement(struct tn_checker *c, const struct tn_ast *ast, struct body *out) {
	switch (ast->kind) {
	case TN_AST_EXPR_STMT:
		return expr_stmt(c, ast, out);
	case TN_AST_DECL:
		return check_decl_stmt(c, ast, out);
	case TN_AST_ASSIGN:
		return check_assign(c, ast, out);
	case TN_AST_INCDEC:
		return check_incdec(c, ast, out);
	case TN_AST_IF:
		return if_stmt(c, ast, out);
	case TN_AST_WHILE:
	case TN_AST_DO:
		return check_loop(c, ast, out);
	case TN_AST_FOR:
		return check_for(c, ast, out);
	case TN_AST_FOR_EACH:
		return check_for_each(c, ast, out);
	case TN_AST_SWITCH:
		return check_switch(c, ast, out);
	case TN_AST_BREAK:
	case TN_AST_CONTINUE:
		return jump(c, ast, out);
	case TN_AST_RETURN:
		return return_stmt(c, ast, out);
	case TN_AST_TRY:
		return try_stmt(c, ast, out);
	case TN_AST_BLOCK: {
		struct tn_ir *scope = check_scoped(c, ast);
		return check_push(c, out, scope);
	}
	case TN_AST_COMMAND:
		return command(c, ast, out);
	case TN_AST_FUNCTION:
	case TN_AST_STRUCT_DEF:
		return nested_only(c, ast);
	case TN_AST_IMPORT:
		return nested_only(c, ast) && check_import_stmt(c, ast, out);
	default: {
		struct tn_ast wrapped = {.kind = TN_AST_EXPR_STMT, .span = ast->span, .expr = {(struct tn_ast *)(uintptr_t)ast, false}};
		return expr_stmt(c, &wrapped, out);
	}
	}
}

bool check_statements(struct tn_checker *c, struct tn_ast_list list, struct body *out) {
	bool ok = true;
	for (uint32_t i = 0; i < list.count && !c->out_of_memory; i++) {
		ok = check_statement(c, list.items[i], out) && ok;
	}
	return ok && !c->out_of_memory;
}
