/* SPDX-License-Identifier: Apache-2.0 */
/* The tree as an S-expression, for the parser's tests: what was read, and how it was grouped, in one line a statement.
 *
 *     int x = -a + f(b, k: 1);      (decl int x (+ (- a) (call f b k: 1)))
 *
 * Nothing of a node is left out but its place. A reader that runs out of memory stops; the caller is told. */
#include <inttypes.h>
#include <string.h>

#include "lang/ast.h"

struct dump {
	struct tn_str *out;
	bool ok;
};

static void dump_node(struct dump *d, const struct tn_ast *node);

static void put(struct dump *d, const char *text) {
	d->ok = d->ok && tn_str_append(d->out, text);
}
static void put_name(struct dump *d, const struct tn_name *name) {
	d->ok = d->ok && (name->text == NULL || tn_str_append_n(d->out, name->text, name->length));
}

static void put_child(struct dump *d, const struct tn_ast *node) {
	put(d, " ");
	if (node == NULL) {
		put(d, "_");
	} else {
		dump_node(d, node);
	}
}
static void put_list(struct dump *d, const struct tn_ast_list *list) {
	for (uint32_t i = 0; i < list->count; i++) {
		put_child(d, list->items[i]);
	}
}

/* Text in quotes, bytes that are not printable ASCII as \xhh. */
static void put_text(struct dump *d, const char *text, uint32_t length) {
	put(d, "\"");
	for (uint32_t i = 0; i < length && d->ok; i++) {
		unsigned char c = (unsigned char)text[i];
		d->ok = c >= ' ' && c != '"' && c != '\\' && c < 0x7f ? tn_str_append_char(d->out, (char)c)
															  : tn_str_printf(d->out, "\\x%02x", c);
	}
	put(d, "\"");
}

/* ---- types, patterns, parameters ---- */

static void dump_type(struct dump *d, const struct tn_ast_type *type);

static void dump_suffix(struct dump *d, const struct tn_ast_suffix *suffix) {
	put(d, "[");
	for (uint32_t i = 0; i < suffix->dim_count; i++) {
		const struct tn_ast_dim *dim = &suffix->dims[i];
		put(d, i > 0 ? ", " : "");
		if (dim->kind == TN_DIM_EXPR) {
			dump_node(d, dim->expr);
		} else if (dim->kind == TN_DIM_REST) {
			put(d, "...");
		} else {
			put_name(d, &dim->name);
		}
	}
	put(d, "]");
}

static void dump_items(struct dump *d, const struct tn_ast_type *type, const char *open, const char *close) {
	put(d, open);
	for (uint32_t i = 0; i < type->item_count; i++) {
		put(d, i > 0 ? ", " : "");
		dump_type(d, type->items[i]);
	}
	put(d, close);
}

static void dump_type(struct dump *d, const struct tn_ast_type *type) {
	if (type == NULL) {
		put(d, "auto");
		return;
	}
	if (type->module.text != NULL) {
		put_name(d, &type->module);
		put(d, ".");
	}
	put_name(d, &type->name);
	if (type->name.text == NULL) {
		dump_items(d, type, "(", ")");
	} else if (type->item_count > 0) {
		dump_items(d, type, "[", "]");
	}
	for (uint32_t i = 0; i < type->suffix_count; i++) {
		if (type->is_scalar && i == 0) {
			put(d, "[()]");
		} else {
			dump_suffix(d, &type->suffixes[i]);
		}
	}
}

static void dump_pattern(struct dump *d, const struct tn_ast_pattern *pattern) {
	put(d, pattern->by_ref ? "&" : "");
	if (pattern->is_tuple) {
		put(d, "{");
		for (uint32_t i = 0; i < pattern->item_count; i++) {
			put(d, i > 0 ? " " : "");
			dump_pattern(d, pattern->items[i]);
		}
		put(d, "}");
	} else if (pattern->expr != NULL) {
		dump_node(d, pattern->expr);
	} else {
		put_name(d, &pattern->name);
	}
}

static void dump_params(struct dump *d, const struct tn_ast_param *params, uint32_t count) {
	put(d, "(");
	for (uint32_t i = 0; i < count; i++) {
		put(d, i > 0 ? ", " : "");
		dump_type(d, params[i].type);
		put(d, params[i].by_ref ? " &" : " ");
		put_name(d, &params[i].name);
		if (params[i].def != NULL) {
			put(d, " =");
			put_child(d, params[i].def);
		}
	}
	put(d, ")");
}

static void dump_args(struct dump *d, const struct tn_ast_arg *args, uint32_t count) {
	for (uint32_t i = 0; i < count; i++) {
		put(d, " ");
		if (args[i].name.text != NULL) {
			put_name(d, &args[i].name);
			put(d, ": ");
		}
		put(d, args[i].by_ref ? "&" : "");
		dump_node(d, args[i].value);
	}
}

/* ---- expressions ---- */

static void dump_index(struct dump *d, const struct tn_ast *node) {
	put(d, "(index");
	put_child(d, node->index.object);
	for (uint32_t i = 0; i < node->index.count; i++) {
		const struct tn_ast_index *item = &node->index.items[i];
		if (item->kind == TN_AST_INDEX_EXPR) {
			put_child(d, item->expr);
		} else if (item->kind == TN_AST_INDEX_SLICE) {
			put(d, " (:");
			put_child(d, item->start);
			put_child(d, item->stop);
			put_child(d, item->step);
			put(d, ")");
		} else {
			put(d, item->kind == TN_AST_INDEX_ELLIPSIS ? " ..." : " None");
		}
	}
	put(d, ")");
}

static void dump_fstring(struct dump *d, const struct tn_ast *node) {
	put(d, "(f");
	for (uint32_t i = 0; i < node->fstring.count; i++) {
		const struct tn_ast_fpart *part = &node->fstring.parts[i];
		put(d, " ");
		if (part->expr == NULL) {
			put_text(d, part->text, part->length);
			continue;
		}
		put(d, "{");
		dump_node(d, part->expr);
		if (part->spec.length > 0) {
			put(d, ":");
			put_name(d, &part->spec);
		}
		put(d, "}");
	}
	put(d, ")");
}

static void dump_pairs(struct dump *d, const struct tn_ast *node) {
	bool is_map = node->kind == TN_AST_MAP;
	uint32_t count = is_map ? node->map.count : node->literal.count;
	put(d, is_map ? "(map" : "(new ");
	if (!is_map) {
		put_name(d, &node->literal.module);
		put(d, node->literal.module.text != NULL ? "." : "");
		put_name(d, &node->literal.name);
	}
	for (uint32_t i = 0; i < count; i++) {
		if (is_map) {
			put_child(d, node->map.keys[i]);
			put_child(d, node->map.values[i]);
		} else {
			put(d, " .");
			put_name(d, &node->literal.fields[i]);
			put_child(d, node->literal.values[i]);
		}
	}
	put(d, ")");
}

static void dump_block_expr(struct dump *d, const struct tn_ast *node) {
	static const char *const words[] = {[TN_BLOCK_GRAD] = "grad",
		[TN_BLOCK_REMAT] = "remat",
		[TN_BLOCK_AUTOCAST] = "autocast",
		[TN_BLOCK_TRAIN] = "train",
		[TN_BLOCK_SEED] = "seed",
		[TN_BLOCK_DEVICE] = "device",
		[TN_BLOCK_PROFILE] = "profile"};
	put(d, "(");
	put(d, words[node->block_expr.word]);
	dump_args(d, node->block_expr.args, node->block_expr.arg_count);
	put(d, " {");
	put_list(d, &node->block_expr.body);
	if (node->block_expr.value != NULL) {
		put(d, " =>");
		put_child(d, node->block_expr.value);
	}
	put(d, " })");
}

static void dump_lambda(struct dump *d, const struct tn_ast *node) {
	put(d, "(lambda ");
	dump_params(d, node->lambda.params, node->lambda.count);
	if (node->lambda.is_block) {
		put(d, " {");
		put_list(d, &node->lambda.body);
	}
	if (node->lambda.value != NULL) {
		put(d, " =>");
		put_child(d, node->lambda.value);
	}
	put(d, node->lambda.is_block ? " })" : ")");
}

static void dump_number(struct dump *d, double x) {
	char text[64];
	tn_format_f64(x, text);
	put(d, text);
}

/* The expressions that hold no others. */
static bool dump_leaf(struct dump *d, const struct tn_ast *node) {
	switch (node->kind) {
	case TN_AST_INT:
		d->ok = d->ok && tn_str_printf(d->out, "%" PRId64, node->i);
		return true;
	case TN_AST_FLOAT:
		dump_number(d, node->f);
		return true;
	case TN_AST_BOOL:
		put(d, node->b ? "true" : "false");
		return true;
	case TN_AST_STRING:
		put_text(d, node->str.text, node->str.length);
		return true;
	case TN_AST_EMPTY:
		put(d, "empty");
		return true;
	case TN_AST_NAME:
		put_name(d, &node->name);
		return true;
	default:
		return false;
	}
}

static bool dump_expr(struct dump *d, const struct tn_ast *node) {
	if (dump_leaf(d, node)) {
		return true;
	}
	switch (node->kind) {
	case TN_AST_FSTRING:
		dump_fstring(d, node);
		return true;
	case TN_AST_INDEX:
		dump_index(d, node);
		return true;
	case TN_AST_MAP:
	case TN_AST_STRUCT:
		dump_pairs(d, node);
		return true;
	case TN_AST_LAMBDA:
		dump_lambda(d, node);
		return true;
	case TN_AST_BLOCK_EXPR:
		dump_block_expr(d, node);
		return true;
	case TN_AST_UNARY:
	case TN_AST_BINARY:
		put(d, "(");
		put(d, tn_ast_op_text(node->op.op));
		put_child(d, node->op.a);
		if (node->kind == TN_AST_BINARY) {
			put_child(d, node->op.b);
		}
		break;
	case TN_AST_COND:
		put(d, "(?");
		put_child(d, node->cond.cond);
		put_child(d, node->cond.a);
		put_child(d, node->cond.b);
		break;
	case TN_AST_CALL:
		put(d, "(call");
		put_child(d, node->call.callee);
		dump_args(d, node->call.args, node->call.count);
		break;
	case TN_AST_FIELD:
		put(d, "(.");
		put_child(d, node->field.object);
		put(d, " ");
		put_name(d, &node->field.name);
		break;
	case TN_AST_TUPLE:
	case TN_AST_BRACKET:
		put(d, node->kind == TN_AST_TUPLE ? "(tuple" : "(list");
		put_list(d, &node->list);
		break;
	default:
		return false;
	}
	put(d, ")");
	return true;
}

/* ---- statements ---- */

static void dump_function(struct dump *d, const struct tn_ast_function *fn) {
	put(d, "(function ");
	dump_type(d, fn->result);
	put(d, " ");
	put_name(d, &fn->name);
	dump_params(d, fn->params, fn->count);
	if (fn->doc != NULL) {
		put(d, " ///");
		put_text(d, fn->doc, (uint32_t)strlen(fn->doc));
	}
	put_list(d, &fn->body);
}

static void dump_struct(struct dump *d, const struct tn_ast *node) {
	put(d, "(struct ");
	put_name(d, &node->struct_def.name);
	if (node->struct_def.doc != NULL) {
		put(d, " ///");
		put_text(d, node->struct_def.doc, (uint32_t)strlen(node->struct_def.doc));
	}
	for (uint32_t i = 0; i < node->struct_def.count; i++) {
		const struct tn_ast_field *field = &node->struct_def.fields[i];
		put(d, field->frozen ? " (frozen " : " (");
		dump_type(d, field->type);
		put(d, " ");
		put_name(d, &field->name);
		if (field->def != NULL) {
			put(d, " =");
			put_child(d, field->def);
		}
		if (field->doc != NULL) {
			put(d, " ///");
			put_text(d, field->doc, (uint32_t)strlen(field->doc));
		}
		put(d, ")");
	}
}

static void dump_switch(struct dump *d, const struct tn_ast *node) {
	put(d, "(switch");
	put_child(d, node->switch_.value);
	for (uint32_t i = 0; i < node->switch_.count; i++) {
		const struct tn_ast_case *c = &node->switch_.cases[i];
		put(d, c->values.count > 0 ? " (case" : " (default");
		put_list(d, &c->values);
		put(d, " :");
		put_list(d, &c->body);
		put(d, ")");
	}
}

static void dump_for(struct dump *d, const struct tn_ast *node) {
	put(d, "(for (");
	put_list(d, &node->for_.init);
	put(d, ")");
	put_child(d, node->for_.cond);
	put(d, " (");
	put_list(d, &node->for_.step);
	put(d, ")");
	put_child(d, node->for_.body);
}

static void dump_binding(struct dump *d, const struct tn_ast *node) {
	if (node->kind == TN_AST_DECL) {
		put(d, node->decl.is_const ? "(const " : "(decl ");
		dump_type(d, node->decl.type);
		put(d, " ");
		dump_pattern(d, node->decl.target);
		put_child(d, node->decl.init);
	} else if (node->kind == TN_AST_FOR_EACH) {
		put(d, "(each ");
		dump_type(d, node->each.type);
		put(d, " ");
		dump_pattern(d, node->each.target);
		put_child(d, node->each.iterable);
		put_child(d, node->each.body);
	} else {
		put(d, "(");
		put(d, node->assign.op >= 0 ? tn_ast_op_text((enum tn_ast_op)node->assign.op) : "");
		put(d, "= ");
		dump_pattern(d, node->assign.target);
		put_child(d, node->assign.value);
	}
}

static void dump_control(struct dump *d, const struct tn_ast *node) {
	switch (node->kind) {
	case TN_AST_IF:
		put(d, "(if");
		put_child(d, node->if_.cond);
		put_child(d, node->if_.then);
		if (node->if_.otherwise != NULL) {
			put_child(d, node->if_.otherwise);
		}
		break;
	case TN_AST_WHILE:
	case TN_AST_DO:
		put(d, node->kind == TN_AST_WHILE ? "(while" : "(do");
		put_child(d, node->loop.cond);
		put_child(d, node->loop.body);
		break;
	case TN_AST_TRY:
		put(d, "(try");
		put_child(d, node->try_.body);
		put(d, " ");
		put_name(d, &node->try_.name);
		put_child(d, node->try_.handler);
		break;
	case TN_AST_RETURN:
		put(d, "(return");
		if (node->value != NULL) {
			put_child(d, node->value);
		}
		break;
	default:
		put(d, node->kind == TN_AST_BREAK ? "(break" : "(continue");
		break;
	}
}

static void dump_statement(struct dump *d, const struct tn_ast *node) {
	switch (node->kind) {
	case TN_AST_EXPR_STMT:
		put(d, node->expr.display ? "(show" : "(do-expr");
		put_child(d, node->expr.value);
		break;
	case TN_AST_DECL:
	case TN_AST_ASSIGN:
	case TN_AST_FOR_EACH:
		dump_binding(d, node);
		break;
	case TN_AST_INCDEC:
		put(d, node->incdec.delta > 0 ? "(++" : "(--");
		put_child(d, node->incdec.place);
		break;
	case TN_AST_FOR:
		dump_for(d, node);
		break;
	case TN_AST_SWITCH:
		dump_switch(d, node);
		break;
	case TN_AST_BLOCK:
		put(d, "({}");
		put_list(d, &node->block);
		break;
	case TN_AST_IMPORT:
		put(d, "(import ");
		put_text(d, node->import.path.text, node->import.path.length);
		put(d, node->import.alias.text != NULL ? " " : "");
		put_name(d, &node->import.alias);
		break;
	case TN_AST_FUNCTION:
		dump_function(d, &node->function);
		break;
	case TN_AST_STRUCT_DEF:
		dump_struct(d, node);
		break;
	case TN_AST_COMMAND:
		put(d, "(command ");
		put_text(d, node->command.text.text, node->command.text.length);
		break;
	default:
		dump_control(d, node);
		break;
	}
	put(d, ")");
}

static void dump_node(struct dump *d, const struct tn_ast *node) {
	if (d->ok && !dump_expr(d, node)) {
		dump_statement(d, node);
	}
}

bool tn_ast_dump(const struct tn_ast_unit *unit, struct tn_str *out) {
	struct dump d = {.out = out, .ok = true};
	for (uint32_t i = 0; i < unit->items.count; i++) {
		dump_node(&d, unit->items.items[i]);
		put(&d, "\n");
	}
	return d.ok;
}
