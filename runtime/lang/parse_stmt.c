/* SPDX-License-Identifier: Apache-2.0 */
/* Statements and definitions. A `;` ends every statement; where it may be left out, LANGUAGE.md section 2 says. */
#include "lang/parse.h"

#include <stdio.h>
#include <string.h>

static bool parse_single(struct parser *p, struct tn_ast **out);

/* `7 // 2;`: a comment that ends like a statement swallowed the end of one. */
static bool comment_swallows_end(const struct parser *p) {
	const char *text = p->source->text;
	uint32_t at = p->tokens[p->at - 1].end, limit = (uint32_t)p->source->length;
	while (at < limit && (text[at] == ' ' || text[at] == '\t')) {
		at++;
	}
	if (limit - at < 3 || text[at] != '/' || text[at + 1] != '/' || text[at + 2] == '/') {
		return false;
	}
	const char *feed = memchr(text + at, '\n', limit - at);
	uint32_t end = feed == NULL ? limit : (uint32_t)(feed - text);
	while (end > at && (text[end - 1] == ' ' || text[end - 1] == '\r' || text[end - 1] == '\t')) {
		end--;
	}
	return text[end - 1] == ';';
}

static const char floor_hint[] = "'//' begins a comment: the quotient of ints is a / b, of tensors floor_div(a, b)";

static void warn_of_comment(struct parser *p) {
	if (comment_swallows_end(p)) {
		tn_error_hint(
			tn_diagnostics_warn(p->diag, parse_token_span(p, &p->tokens[p->at - 1]), "the ';' behind this is in a comment"), "%s",
			floor_hint);
	}
}

/* The statement so far is `name(…)`. */
static bool is_call(const struct parser *p) {
	const struct token *open = &p->tokens[p->statement + 1];
	return p->at > p->statement + 2 && p->tokens[p->statement].kind == TOKEN_NAME && open->kind == TOKEN_PUNCT &&
		open->punct == P1('(') && parse_matching(p, p->statement + 1) + 1 == p->at;
}

/* What is before the current token ends without ';'. Where the next line goes on, the parser does as if it were there. */
static bool fail_semicolon(struct parser *p) {
	const struct token *last = &p->tokens[p->at - 1], *next = parse_peek(p, 0);
	struct tn_span span = {.source = p->source, .begin = last->end - 1, .caret = last->end, .end = last->end + 1};
	bool said = (p->python && next->line_before) || p->patched == p->at + 1;
	struct tn_error *err = NULL;
	if (said) {
		p->error_count++;
		p->failed = true;
	} else {
		err = parse_error(p, span, "expected ';' at the end of the statement");
	}
	if (comment_swallows_end(p)) {
		tn_error_hint(err, "%s", floor_hint);
	} else if (parse_is(p, P1('='))) {
		tn_error_hint(err, "an assignment has no value: write two");
	} else if (parse_is(p, P2('=', '>'))) {
		tn_error_hint(err, "the parameters of a lambda stand in parentheses: (x) => …");
	} else if (parse_is(p, P2('+', '+')) || parse_is(p, P2('-', '-'))) {
		tn_error_hint(err, "++ and -- are statements of their own");
	} else if (parse_is(p, P1('{')) && is_call(p) && strcmp(p->tokens[p->statement].str.text, "no_grad") == 0) {
		tn_error_hint(err, "only what is in a grad block is recorded: outside of it there is nothing to switch off");
	} else if (parse_is(p, P1('{')) && is_call(p)) {
		tn_error_hint(err, "a function begins with its result's type: int f(int x) { … }");
	} else if (last->kind == TOKEN_STRING && last->str.length == 0 && p->at > 1 && last[-1].kind == TOKEN_STRING) { /* """…""" */
		tn_error_hint(err, "documentation is a comment that begins with ///");
	} else if (p->statement + 1 == p->at) {
		parse_hint_lone_name(p, err);
	} else if (parse_is(p, P1('[')) && p->statement + 2 == p->at && p->tokens[p->at - 2].kind == TOKEN_NAME) {
		parse_hint_array(p, err);
	} else if (next->kind == TOKEN_STRING && next->begin == last->end && last->kind == TOKEN_NAME) { /* r"…" */
		tn_error_hint(err, "a string has no prefix but f: a backslash is written \\\\");
	} else if (last->kind == TOKEN_NAME && strcmp(last->str.text, "lambda") == 0) {
		tn_error_hint(err, "write () => …");
	}
	if (!next->line_before || next->kind == TOKEN_BAD) {
		return false;
	}
	p->failed = false;
	return true;
}

/* The end of a statement that needs ';', unless it stands before '}' or at the end (then *open is set where it is given). */
static bool parse_end(struct parser *p, bool *open) {
	if (parse_accept(p, P1(';'))) {
		return true;
	}
	if (parse_is(p, P1('}')) || parse_peek(p, 0)->kind == TOKEN_END) {
		if (open != NULL) {
			*open = true;
		}
		warn_of_comment(p);
		return true;
	}
	if (p->parameter_cell) {
		warn_of_comment(p);
		return true;
	}
	return fail_semicolon(p);
}

static struct tn_ast *make_expr_stmt(struct parser *p, struct tn_ast *value, uint32_t begin) {
	struct tn_ast *node = value == NULL ? NULL : parse_node(p, TN_AST_EXPR_STMT, begin);
	if (node != NULL) {
		node->expr.value = value;
	}
	return node;
}

/* ---- assignment ---- */

static const struct {
	uint32_t punct;
	int op;
} assignments[] = {{P1('='), -1}, {P2('+', '='), TN_AST_OP_ADD}, {P2('-', '='), TN_AST_OP_SUB}, {P2('*', '='), TN_AST_OP_MUL},
	{P2('/', '='), TN_AST_OP_DIV}, {P2('%', '='), TN_AST_OP_MOD}, {P2('&', '='), TN_AST_OP_BITAND},
	{P2('|', '='), TN_AST_OP_BITOR}, {P2('^', '='), TN_AST_OP_BITXOR}, {P2('@', '='), TN_AST_OP_MATMUL},
	{P3('*', '*', '='), TN_AST_OP_POW}, {P3('<', '<', '='), TN_AST_OP_SHL}, {P3('>', '>', '='), TN_AST_OP_SHR}};

static struct tn_ast_pattern *pattern_of(struct parser *p, struct tn_ast *e) {
	struct tn_ast_pattern *pattern = TN_ARENA_NEW(p->arena, struct tn_ast_pattern);
	if (pattern == NULL) {
		p->out_of_memory = true;
		return NULL;
	}
	pattern->span = e->span;
	if (e->kind == TN_AST_TUPLE) {
		pattern->is_tuple = true;
		pattern->item_count = e->list.count;
		pattern->items = TN_ARENA_ARRAY(p->arena, e->list.count, struct tn_ast_pattern *);
		for (uint32_t i = 0; pattern->items != NULL && i < e->list.count; i++) {
			if ((pattern->items[i] = pattern_of(p, e->list.items[i])) == NULL) {
				return NULL;
			}
		}
		return pattern->items == NULL ? NULL : pattern;
	}
	if (e->kind == TN_AST_NAME) {
		pattern->name = e->name;
	} else if (e->kind != TN_AST_FIELD && e->kind != TN_AST_INDEX) {
		struct tn_error *err = parse_error(p, e->span, "this cannot be assigned: expected a variable, a field or an element");
		if (e->kind == TN_AST_BINARY && e->op.op == TN_AST_OP_MUL && e->op.a->kind == TN_AST_NAME &&
			e->op.b->kind == TN_AST_NAME) {
			tn_error_hint(err, "there are no pointers: what changes its caller's variable takes a parameter %s &%s",
				e->op.a->name.text, e->op.b->name.text);
		}
		return NULL;
	}
	pattern->expr = e;
	return pattern;
}

/* An expression, assignment, ++ or --, without its end. */
static struct tn_ast *parse_simple(struct parser *p) {
	uint32_t begin = p->at;
	bool before = parse_is(p, P2('+', '+')) || parse_is(p, P2('-', '-'));
	int delta = before ? (parse_is(p, P2('+', '+')) ? 1 : -1) : 0;
	p->at += before;
	struct tn_ast *e = parse_expr(p);
	if (e == NULL) {
		return NULL;
	}
	if (!before && (parse_is(p, P2('+', '+')) || parse_is(p, P2('-', '-')))) {
		delta = parse_is(p, P2('+', '+')) ? 1 : -1;
		p->at++;
	}
	if (delta != 0) {
		if (pattern_of(p, e) == NULL) {
			return NULL;
		}
		struct tn_ast *node = parse_node(p, TN_AST_INCDEC, begin);
		if (node != NULL) {
			node->incdec.place = e;
			node->incdec.delta = delta;
		}
		return node;
	}
	for (size_t i = 0; i < TN_ARRAY_LEN(assignments); i++) {
		if (parse_accept(p, assignments[i].punct)) {
			uint32_t caret = p->at - 1;
			struct tn_ast_pattern *target = pattern_of(p, e);
			if (target != NULL && target->is_tuple && assignments[i].op >= 0) {
				parse_error(p, e->span, "'%s=' changes one place, not a tuple of them",
					tn_ast_op_text((enum tn_ast_op)assignments[i].op));
				return NULL;
			}
			struct tn_ast *value = target == NULL ? NULL : parse_expr(p);
			struct tn_ast *node = value == NULL ? NULL : parse_node(p, TN_AST_ASSIGN, begin);
			if (node != NULL) {
				node->assign.target = target;
				node->assign.op = assignments[i].op;
				node->assign.value = value;
				node->span.caret = p->tokens[caret].begin;
			}
			return node;
		}
	}
	return make_expr_stmt(p, e, begin);
}

/* ---- declarations ---- */

/* Behind the type: names with initialisers, a comma between. */
static bool parse_decl_rest(struct parser *p, struct tn_ast_type *type, bool is_const, uint32_t begin, struct node_list *out) {
	do {
		struct tn_ast_pattern *target = parse_pattern(p);
		struct tn_ast *init = NULL;
		if (target == NULL || (parse_accept(p, P1('=')) && (init = parse_expr(p)) == NULL)) {
			return false;
		}
		struct tn_ast *node = parse_node(p, TN_AST_DECL, begin);
		if (node != NULL) {
			node->decl.type = type;
			node->decl.is_const = is_const;
			node->decl.target = target;
			node->decl.init = init;
		}
		if (!parse_push(p, out, node)) {
			return false;
		}
	} while (parse_accept(p, P1(',')));
	return true;
}

/* NULL for auto: the declaration has no type of its own. *ok says whether it was read. */
static struct tn_ast_type *parse_decl_type(struct parser *p, bool *ok) {
	if (parse_is_word(p, "auto")) {
		p->at++;
		*ok = true;
		return NULL;
	}
	struct tn_ast_type *type = parse_type(p);
	*ok = type != NULL;
	return type;
}

/* The value of a body that wants none becomes its last statement: computed, and dropped. */
static bool append_value(struct parser *p, struct tn_ast_list *body, struct tn_ast *value) {
	struct tn_ast **items = TN_ARENA_ARRAY(p->arena, body->count + 1, struct tn_ast *);
	struct tn_ast *stmt = TN_ARENA_NEW(p->arena, struct tn_ast);
	if (items == NULL || stmt == NULL) {
		p->out_of_memory = true;
		return false;
	}
	*stmt = (struct tn_ast){.kind = TN_AST_EXPR_STMT, .span = value->span, .expr = {.value = value}};
	if (body->count > 0) {
		memcpy(items, body->items, body->count * sizeof(*items));
	}
	items[body->count++] = stmt;
	body->items = items;
	return true;
}

struct tn_ast *parse_function_rest(struct parser *p, struct tn_ast_type *result, uint32_t begin, const char *doc) {
	struct tn_ast_function fn = {.result = result, .doc = doc};
	if (!parse_name(p, &fn.name, "the function's name") || !parse_expect(p, P1('('), "'(' behind the function's name") ||
		!parse_params(p, false, &fn.params, &fn.count)) {
		return NULL;
	}
	uint32_t head_end = p->at;
	if (parse_is(p, P1('{'))) {
		fn.has_body = true;
		struct tn_ast *value = NULL;
		if (!parse_body(p, &fn.body, &value)) {
			return NULL;
		}
		if (value != NULL && value->kind == TN_AST_BLOCK_EXPR) { /* a statement that ends at its '}' */
			if (!append_value(p, &fn.body, value)) {
				return NULL;
			}
		} else if (value != NULL) {
			tn_error_hint(parse_error(p, value->span, "a function gives its value by return: this expression has no ';'"),
				"write return …; or end it with ';'");
			p->failed = false; /* all of it was read: nothing to skip */
		}
	}
	struct tn_ast *node = parse_node(p, TN_AST_FUNCTION, begin);
	if (node != NULL) {
		fn.span = node->span;
		node->function = fn;
		node->span.end = p->tokens[head_end - 1].end;
		node->span.caret = fn.name.span.begin;
	}
	return node;
}

static bool parse_declaration(struct parser *p, struct node_list *out, bool top) {
	uint32_t begin = p->at;
	const char *doc = parse_peek(p, 0)->doc;
	bool is_const = parse_accept_word(p, "const");
	uint32_t behind = parse_scan_type(p, p->at);
	bool function = behind != 0 && behind + 1 < p->count && p->tokens[behind].kind == TOKEN_NAME &&
		p->tokens[behind + 1].kind == TOKEN_PUNCT && p->tokens[behind + 1].punct == P1('(');
	if (function && !is_const) {
		struct tn_ast_type *result = parse_type(p);
		struct tn_ast *node = result == NULL ? NULL : parse_function_rest(p, result, begin, doc);
		if (node != NULL && !top) {
			struct tn_error *err = parse_error(p, node->span, "functions stand at top level only");
			bool first_column = p->tokens[begin].begin == 0 || p->source->text[p->tokens[begin].begin - 1] == '\n';
			tn_error_hint(
				err, "%s", first_column ? "is a '}' missing before it?" : "inside a function write a lambda: auto f = (x) => …;");
			p->brace_missing = p->brace_missing || first_column;
			p->failed = false;
			return true;
		}
		if (node != NULL && !node->function.has_body) {
			return parse_expect(p, P1('{'), "'{' behind the parameters");
		}
		return parse_push(p, out, node);
	}
	bool ok = true;
	struct tn_ast_type *type = is_const && behind == p->at + 1 && parse_is_at(p, 1, P1('=')) ? NULL : parse_decl_type(p, &ok);
	return ok && parse_decl_rest(p, type, is_const, begin, out) && parse_end(p, NULL);
}

/* ---- structs ---- */

/* Behind the field that begins at `begin` and is none: the next may be one. */
static bool pass_field(struct parser *p, uint32_t begin) {
	int brackets = 0;
	p->failed = false;
	for (p->at = p->at > begin ? p->at : begin + 1; parse_peek(p, 0)->kind != TOKEN_END; p->at++) {
		brackets += (parse_is(p, P1('(')) || parse_is(p, P1('{'))) - (parse_is(p, P1(')')) && brackets > 0);
		if (parse_is(p, P1('}')) && brackets-- == 0) {
			break;
		}
		if (brackets <= 0 && (parse_begins_anew(p) || parse_accept(p, P1(';')))) {
			break;
		}
	}
	return !p->out_of_memory && p->error_count < TN_MAX_ERRORS && parse_peek(p, 0)->kind != TOKEN_END;
}

static bool parse_fields(struct parser *p, struct tn_ast *node) {
	TN_VEC(struct tn_ast_field) fields = {0};
	bool ok = true, whole = true;
	while (ok && !parse_is(p, P1('}')) && parse_peek(p, 0)->kind != TOKEN_END) {
		struct tn_ast_field field = {.doc = parse_peek(p, 0)->doc};
		uint32_t begin = p->at;
		size_t group = fields.count;
		field.frozen = parse_is_word(p, "frozen") && parse_peek(p, 1)->kind != TOKEN_PUNCT;
		p->at += field.frozen;
		field.type = parse_type(p);
		ok = field.type != NULL;
		do { /* `Linear l1, l2;` */
			ok = ok && parse_name(p, &field.name, "a field's name");
			field.def = NULL;
			ok = ok && (!parse_accept(p, P1('=')) || (field.def = parse_expr(p)) != NULL);
			field.span = parse_span_from(p, begin);
			ok = ok && (TN_VEC_PUSH(&fields, field) || !(p->out_of_memory = true));
		} while (ok && parse_accept(p, P1(',')));
		if (ok && parse_is(p, P1('('))) {
			tn_error_hint(parse_error(p, parse_token_span(p, parse_peek(p, 0)), "a struct has fields only, no functions"),
				"a function that takes it first is its method: int %.*s(Name &n) { … } outside of the struct", (int)field.name.length,
				field.name.text);
			ok = false;
		}
		ok = ok && (parse_accept(p, P1(';')) || fail_semicolon(p));
		const struct token *end = &p->tokens[p->at - 1];
		for (size_t i = group; ok && end->doc != NULL && end->kind == TOKEN_PUNCT && i < fields.count; i++) {
			fields.items[i].doc = fields.items[i].doc == NULL ? end->doc : fields.items[i].doc; /* in the fields' own line */
		}
		if (!ok && p->failed) {
			whole = false;
			ok = pass_field(p, begin);
		}
	}
	p->failed = p->failed || (!whole && !parse_is(p, P1('}'))); /* that it is missing may follow from what was said */
	ok = ok && parse_expect(p, P1('}'), "'}' behind the fields");
	node->struct_def.count = (uint32_t)fields.count;
	node->struct_def.fields = ok ? parse_copy(p, fields.items, fields.count, sizeof(*fields.items)) : NULL;
	TN_VEC_FINISH(&fields);
	return ok && node->struct_def.fields != NULL;
}

static struct tn_ast *parse_struct(struct parser *p) {
	uint32_t begin = p->at;
	const char *doc = parse_peek(p, 0)->doc;
	struct tn_name name;
	p->at++;
	bool named = parse_peek(p, 0)->kind == TOKEN_NAME && parse_peek(p, 1)->kind == TOKEN_NAME;
	char hint[128] = "";
	if (named) {
		snprintf(hint, sizeof(hint), "the name of the struct is its type: %.40s %.40s;", parse_peek(p, 0)->str.text, parse_peek(p, 1)->str.text);
	}
	if (!parse_name(p, &name, "the struct's name") ||
		!parse_expect_hint(p, P1('{'), "'{' behind the struct's name", named ? hint : NULL)) {
		return NULL;
	}
	struct tn_ast *node = parse_node(p, TN_AST_STRUCT_DEF, begin);
	if (node == NULL || !parse_fields(p, node)) {
		return NULL;
	}
	node->struct_def.name = name;
	node->struct_def.doc = doc;
	const struct token *next = parse_peek(p, 0), *behind = parse_peek(p, 1);
	if (next->kind == TOKEN_NAME && !next->line_before && behind->kind == TOKEN_PUNCT && (behind->punct == P1(';') || behind->punct == P1('='))) {
		tn_error_hint(parse_error(p, parse_token_span(p, next), "expected ';' behind the struct, found '%.40s'", next->str.text),
			"a variable has a declaration of its own: %.*s %s;", (int)name.length, name.text, next->str.text);
		return NULL;
	}
	parse_accept(p, P1(';'));
	return node;
}

/* ---- control ---- */

/* One statement as a branch or a loop's body: several declarations become a block. */
static bool parse_single(struct parser *p, struct tn_ast **out) {
	const struct token *next = parse_peek(p, 1);
	if (parse_is(p, P1(';')) && next->kind != TOKEN_END && !(next->kind == TOKEN_PUNCT && next->punct == P1('}'))) {
		tn_error_hint(tn_diagnostics_warn(p->diag, parse_token_span(p, parse_peek(p, 0)), "this ';' is the whole body"),
			"an empty body is written { }");
	}
	if (parse_is(p, P1(':'))) {
		p->python = true;
		return parse_expect(p, P1('{'), "a statement or '{'");
	}
	struct node_list list = {0};
	uint32_t begin = p->at;
	bool ok = parse_statement(p, &list, false);
	if (ok && list.v.count == 1) {
		*out = list.v.items[0];
	} else if (ok) {
		struct tn_ast *node = parse_node(p, TN_AST_BLOCK, begin);
		ok = node != NULL && parse_finish_list(p, &list, &node->block);
		*out = node;
	}
	TN_VEC_FINISH(&list.v);
	return ok;
}

/* A header in parentheses that failed, as in `if (x = 3) {`: where its body follows, that is looked at too. The headers of Python
 * have none, and neither has what follows. */
static bool pass_header(struct parser *p, uint32_t open) {
	uint32_t close = parse_matching(p, open);
	const struct token *t = &p->tokens[open], *end = &p->tokens[close];
	bool closed = t->kind == TOKEN_PUNCT && t->punct == P1('(') && end->kind == TOKEN_PUNCT && end->punct == P1(')');
	if (!closed || !p->failed || p->out_of_memory || p->error_count >= TN_MAX_ERRORS || close + 1 >= p->count ||
		p->tokens[close + 1].kind != TOKEN_PUNCT || p->tokens[close + 1].punct != P1('{')) {
		return false;
	}
	p->failed = false;
	p->at = close + 1;
	return true;
}

/* What stands for a condition that could not be read. */
static struct tn_ast *passed_condition(struct parser *p, uint32_t open) {
	return pass_header(p, open) ? parse_node(p, TN_AST_BOOL, open) : NULL;
}

static struct tn_ast *parse_condition(struct parser *p) {
	char hint[64];
	uint32_t open = p->at;
	if (parse_is_word(p, "__name__")) {
		tn_error_hint(parse_error(p, parse_token_span(p, parse_peek(p, 0)), "there is no '__name__'"),
			"statements run from the top of a cell or a file: leave the line out");
		p->python = true;
		return NULL;
	}
	snprintf(hint, sizeof(hint), "write %.20s (condition) { … }", p->tokens[p->at - 1].str.text); /* if, while, switch */
	if (!parse_expect_hint(p, P1('('), "'(' before the condition", hint)) {
		p->python = true;
		return NULL;
	}
	struct tn_ast *cond = parse_expr(p);
	if (cond != NULL && parse_is(p, P1('='))) {
		tn_error_hint(
			parse_error(p, parse_token_span(p, parse_peek(p, 0)), "an assignment is no condition"), "write == to compare");
		cond = NULL;
	}
	return cond != NULL && parse_close(p, P1(')'), "')' behind the condition") ? cond : passed_condition(p, open);
}

static struct tn_ast *parse_if(struct parser *p) {
	uint32_t begin = p->at++;
	struct tn_ast *cond = parse_condition(p), *then = NULL, *otherwise = NULL;
	if (cond == NULL || !parse_single(p, &then)) {
		return NULL;
	}
	if (parse_accept_word(p, "else") && !parse_single(p, &otherwise)) {
		return NULL;
	}
	struct tn_ast *node = parse_node(p, TN_AST_IF, begin);
	if (node != NULL) {
		node->if_.cond = cond;
		node->if_.then = then;
		node->if_.otherwise = otherwise;
	}
	return node;
}

static struct tn_ast *make_loop(
	struct parser *p, enum tn_ast_kind kind, struct tn_ast *cond, struct tn_ast *body, uint32_t begin) {
	struct tn_ast *node = parse_node(p, kind, begin);
	if (node != NULL) {
		node->loop.cond = cond;
		node->loop.body = body;
	}
	return node;
}
static struct tn_ast *parse_while(struct parser *p) {
	uint32_t begin = p->at++;
	struct tn_ast *cond = parse_condition(p), *body;
	return cond == NULL || !parse_single(p, &body) ? NULL : make_loop(p, TN_AST_WHILE, cond, body, begin);
}
static struct tn_ast *parse_do(struct parser *p) {
	uint32_t begin = p->at++;
	struct tn_ast *body, *cond;
	if (!parse_single(p, &body)) {
		return NULL;
	}
	if (!parse_accept_word(p, "while")) {
		parse_error(p, parse_token_span(p, parse_peek(p, 0)), "expected 'while' behind the body of 'do'");
		return NULL;
	}
	cond = parse_condition(p);
	return cond == NULL || !parse_end(p, NULL) ? NULL : make_loop(p, TN_AST_DO, cond, body, begin);
}

static struct tn_ast *parse_for_each(struct parser *p, struct tn_ast_type *type, struct tn_ast_pattern *target, uint32_t begin) {
	struct tn_ast *iterable = parse_expr(p), *body;
	if (iterable == NULL || !parse_close(p, P1(')'), "')' behind what is walked") || !parse_single(p, &body)) {
		return NULL;
	}
	struct tn_ast *node = parse_node(p, TN_AST_FOR_EACH, begin);
	if (node != NULL) {
		node->each.type = type;
		node->each.target = target;
		node->each.iterable = iterable;
		node->each.body = body;
	}
	return node;
}

static bool parse_simple_list(struct parser *p, uint32_t end, struct node_list *out) {
	while (!parse_is(p, end)) {
		if (!parse_push(p, out, parse_simple(p))) {
			return false;
		}
		if (!parse_accept(p, P1(','))) {
			break;
		}
	}
	return true;
}

/* for (init; cond; step) behind `init`. */
static struct tn_ast *parse_for_rest(struct parser *p, struct node_list *init, uint32_t begin) {
	struct node_list step = {0};
	struct tn_ast *cond = NULL, *body = NULL, *node = NULL;
	bool ok = parse_expect(p, P1(';'), "';' behind the start of the loop") &&
		(parse_is(p, P1(';')) || (cond = parse_expr(p)) != NULL) &&
		parse_expect(p, P1(';'), "';' behind the condition of the loop") && parse_simple_list(p, P1(')'), &step) &&
		parse_close(p, P1(')'), "')' behind the loop's header");
	ok = ok && parse_single(p, &body);
	if (ok && (node = parse_node(p, TN_AST_FOR, begin)) != NULL) {
		ok = parse_finish_list(p, init, &node->for_.init) && parse_finish_list(p, &step, &node->for_.step);
		node->for_.cond = cond;
		node->for_.body = body;
	}
	TN_VEC_FINISH(&step.v);
	return ok ? node : NULL;
}

static struct tn_ast *parse_for_header(struct parser *p, uint32_t begin) {
	struct node_list init = {0};
	struct tn_ast *node = NULL;
	bool ok = parse_expect_hint(p, P1('('), "'(' behind 'for'", "write for (auto x : xs) { … }, or for (int i : 0..10) { … }");
	p->python = p->python || !ok;
	if (ok && parse_peek(p, 0)->kind == TOKEN_NAME && parse_peek(p, 1)->kind == TOKEN_NAME &&
		strcmp(parse_peek(p, 1)->str.text, "in") == 0) {
		p->at++;
		tn_error_hint(parse_error(p, parse_token_span(p, parse_peek(p, 0)), "expected ':', found 'in'"),
			"write for (auto %s : …)", parse_peek(p, 0)[-1].str.text);
		return NULL;
	}
	if (ok && parse_decl_ahead(p, true)) {
		uint32_t decl = p->at;
		struct tn_ast_type *type = parse_decl_type(p, &ok);
		uint32_t name = p->at;
		struct tn_ast_pattern *target = ok ? parse_pattern(p) : NULL;
		if (target != NULL && parse_accept(p, P1(':'))) {
			return parse_for_each(p, type, target, begin);
		}
		p->at = name;
		const struct token *second = parse_peek(p, 2);
		if (target != NULL && !target->is_tuple && parse_is_at(p, 1, P1(',')) && second->kind == TOKEN_NAME &&
			parse_scan_type(p, name + 2) == name + 3 && parse_peek(p, 3)->kind == TOKEN_NAME && parse_is_at(p, 4, P1(':'))) {
			tn_error_hint(parse_error(p, parse_token_span(p, second), "expected one name before ':', found two"), "write for (auto (%s, %s) : …)",
				parse_peek(p, 0)->str.text, parse_peek(p, 3)->str.text);
			return NULL;
		}
		ok = target != NULL && parse_decl_rest(p, type, false, decl, &init);
	} else {
		ok = ok && parse_simple_list(p, P1(';'), &init);
	}
	if (ok && (parse_is_word(p, "in") || parse_is_word(p, "of"))) {
		tn_error_hint(parse_error(p, parse_token_span(p, parse_peek(p, 0)), "expected ':', found '%s'", parse_peek(p, 0)->str.text),
			"write for (auto %s : …)", parse_peek(p, 0)[-1].kind == TOKEN_NAME ? parse_peek(p, 0)[-1].str.text : "x");
		ok = false;
	} else if (ok && parse_is(p, P1(':'))) {
		const struct token *name = &p->tokens[p->at - 1];
		bool several = p->at > 2 && name[-1].kind == TOKEN_PUNCT && name[-1].punct == P1(',') && name[-2].kind == TOKEN_NAME;
		struct tn_error *err = parse_error(p, parse_token_span(p, parse_peek(p, 0)), "expected a declaration before ':', such as 'for (auto x : xs)'");
		if (several && name->kind == TOKEN_NAME) {
			tn_error_hint(err, "write for (auto (%s, %s) : …)", name[-2].str.text, name->str.text);
		} else if (name->kind == TOKEN_NAME) {
			tn_error_hint(err, "write for (auto %s : …)", name->str.text);
		}
		ok = false;
	}
	node = ok ? parse_for_rest(p, &init, begin) : NULL;
	TN_VEC_FINISH(&init.v);
	return node;
}

static struct tn_ast *parse_for(struct parser *p) {
	uint32_t begin = p->at++, open = p->at;
	struct tn_ast *node = parse_for_header(p, begin), *body = NULL;
	bool in_header = node == NULL && p->at < parse_matching(p, open);
	return in_header && pass_header(p, open) && parse_single(p, &body) ? body : node;
}

static bool parse_case(struct parser *p, struct tn_ast_case *out) {
	uint32_t begin = p->at;
	struct node_list values = {0}, body = {0};
	bool ok = true;
	if (parse_accept_word(p, "case")) {
		do {
			ok = parse_push(p, &values, parse_expr(p));
		} while (ok && parse_accept(p, P1(',')));
	} else if (!parse_accept_word(p, "default")) {
		parse_error(p, parse_token_span(p, parse_peek(p, 0)), "expected 'case' or 'default' inside 'switch'");
		ok = false;
	}
	if (ok && !parse_expect(p, P1(':'), "':' behind the case")) {
		ok = parse_peek(p, 0)->kind == TOKEN_NAME && !p->out_of_memory; /* as if it were there */
		p->failed = p->failed && !ok;
	}
	int depth = p->depth;
	while (ok && !parse_is_word(p, "case") && !parse_is_word(p, "default") && !parse_is(p, P1('}')) &&
		parse_peek(p, 0)->kind != TOKEN_END) {
		uint32_t statement = p->at;
		ok = parse_statement(p, &body, false) || parse_recover(p, statement, depth);
	}
	ok = ok && parse_finish_list(p, &values, &out->values) && parse_finish_list(p, &body, &out->body);
	out->span = parse_span_from(p, begin);
	TN_VEC_FINISH(&values.v);
	TN_VEC_FINISH(&body.v);
	return ok;
}

static struct tn_ast *parse_switch(struct parser *p) {
	uint32_t begin = p->at++;
	struct tn_ast *value = parse_condition(p), *node = NULL;
	TN_VEC(struct tn_ast_case) cases = {0};
	bool ok = value != NULL && parse_expect(p, P1('{'), "'{' behind 'switch (…)'");
	while (ok && !parse_is(p, P1('}'))) {
		struct tn_ast_case c = {0};
		ok = parse_case(p, &c) && (TN_VEC_PUSH(&cases, c) || !(p->out_of_memory = true));
	}
	ok = ok && parse_expect(p, P1('}'), "'}' behind the cases");
	if (ok && (node = parse_node(p, TN_AST_SWITCH, begin)) != NULL) {
		node->switch_.value = value;
		node->switch_.count = (uint32_t)cases.count;
		node->switch_.cases = parse_copy(p, cases.items, cases.count, sizeof(*cases.items));
		ok = node->switch_.cases != NULL;
	}
	TN_VEC_FINISH(&cases);
	return ok ? node : NULL;
}

static struct tn_ast *parse_block_node(struct parser *p) {
	uint32_t begin = p->at;
	struct tn_ast_list body;
	struct tn_ast *value = NULL;
	if (!parse_body(p, &body, &value)) {
		return NULL;
	}
	struct tn_ast *node = parse_node(p, TN_AST_BLOCK, begin);
	if (node == NULL) {
		return NULL;
	}
	node->block = body;
	return value == NULL || append_value(p, &node->block, value) ? node : NULL;
}

static struct tn_ast *parse_try(struct parser *p) {
	uint32_t begin = p->at++;
	p->python = p->python || parse_is(p, P1(':'));
	struct tn_ast *body = parse_block_node(p), *handler;
	struct tn_name name;
	if (body == NULL) {
		return NULL;
	}
	if (!parse_accept_word(p, "catch")) {
		tn_error_hint(
			parse_error(p, parse_token_span(p, parse_peek(p, 0)), "expected 'catch (e)' behind the body of 'try'"),
			"e.name, e.message and e.trace say what happened");
		return NULL;
	}
	static const char hint[] = "write catch (e) { … }: it takes every error; e.name tells which";
	if (!parse_expect_hint(p, P1('('), "'(' behind 'catch'", hint) || !parse_name(p, &name, "a name for the error") ||
		!parse_expect_hint(p, P1(')'), "')' behind the name", hint) || (handler = parse_block_node(p)) == NULL) {
		return NULL;
	}
	struct tn_ast *node = parse_node(p, TN_AST_TRY, begin);
	if (node != NULL) {
		node->try_.body = body;
		node->try_.name = name;
		node->try_.handler = handler;
	}
	return node;
}

static struct tn_ast *parse_import(struct parser *p) {
	uint32_t begin = p->at++;
	const struct token *t = parse_peek(p, 0);
	struct tn_name path = {0}, alias = {0};
	if (t->kind != TOKEN_STRING) {
		if (parse_told_once(p, PARSE_HABIT_IMPORT)) {
			tn_error_hint(parse_error(p, parse_token_span(p, t), "expected the file's name in quotes behind 'import'"),
				"the functions of the language need no import: relu(x), zeros(2, 3); a file of yours: import \"file.tn\";");
		}
		p->python = p->python || t->kind == TOKEN_NAME;
		return NULL;
	}
	path = (struct tn_name){.text = t->str.text, .length = t->str.length, .span = parse_token_span(p, t)};
	p->at++;
	if (parse_accept_word(p, "as") && !parse_name(p, &alias, "a name behind 'as'")) {
		return NULL;
	}
	struct tn_ast *node = parse_end(p, NULL) ? parse_node(p, TN_AST_IMPORT, begin) : NULL;
	if (node != NULL) {
		node->import.path = path;
		node->import.alias = alias;
	}
	return node;
}

static struct tn_ast *parse_jump(struct parser *p, enum tn_ast_kind kind) {
	uint32_t begin = p->at++;
	struct tn_ast *value = NULL;
	if (kind == TN_AST_RETURN && !parse_is(p, P1(';')) && !parse_is(p, P1('}')) && (value = parse_expr(p)) == NULL) {
		return NULL;
	}
	struct tn_ast *node = parse_end(p, NULL) ? parse_node(p, kind, begin) : NULL;
	if (node != NULL && kind == TN_AST_RETURN) {
		node->value = value;
	}
	return node;
}

/* ---- the statement ---- */

static struct tn_ast *parse_command(struct parser *p) {
	const struct token *t = parse_peek(p, 0);
	uint32_t begin = p->at++;
	struct tn_ast *node = parse_node(p, TN_AST_COMMAND, begin);
	if (node != NULL) {
		node->command.text = (struct tn_name){.text = t->str.text, .length = t->str.length, .span = parse_token_span(p, t)};
		node->command.lead = t->str.text[0] == '%' || t->str.text[0] == '!' ? t->str.text[0] : '?';
	}
	return node;
}

/* A statement that begins with a block word: an expression that ends at its '}'. */
static bool parse_block_statement(struct parser *p, struct node_list *out, bool top) {
	uint32_t begin = p->at;
	struct tn_ast *node = make_expr_stmt(p, parse_block_expr(p), begin);
	if (node != NULL && !parse_accept(p, P1(';')) && (parse_is(p, P1('}')) || parse_peek(p, 0)->kind == TOKEN_END)) {
		node->expr.display = top;
	}
	return parse_push(p, out, node);
}

static bool parse_expression_statement(struct parser *p, struct node_list *out, bool top) {
	bool open = false;
	struct tn_ast *node = parse_simple(p);
	if (node == NULL || !parse_end(p, &open)) {
		return false;
	}
	if (node->kind == TN_AST_EXPR_STMT) {
		node->expr.display = top && open; /* the cell's value; parse_body makes the block's */
	}
	return parse_push(p, out, node);
}

static struct tn_ast *parse_keyword_statement(struct parser *p, bool *found) {
	static const struct {
		const char *word;
		struct tn_ast *(*parse)(struct parser *);
	} words[] = {{"if", parse_if}, {"while", parse_while}, {"do", parse_do}, {"for", parse_for}, {"switch", parse_switch},
		{"try", parse_try}};
	static const struct {
		const char *word;
		enum tn_ast_kind kind;
	} jumps[] = {{"break", TN_AST_BREAK}, {"continue", TN_AST_CONTINUE}, {"return", TN_AST_RETURN}};
	*found = true;
	for (size_t i = 0; i < TN_ARRAY_LEN(words); i++) {
		if (parse_is_word(p, words[i].word)) {
			return words[i].parse(p);
		}
	}
	for (size_t i = 0; i < TN_ARRAY_LEN(jumps); i++) {
		if (parse_is_word(p, jumps[i].word)) {
			return parse_jump(p, jumps[i].kind);
		}
	}
	if (parse_is(p, P1('{'))) {
		return parse_block_node(p);
	}
	*found = false;
	return NULL;
}

static bool parse_statement_inner(struct parser *p, struct node_list *out, bool top) {
	bool found;
	if (parse_accept(p, P1(';'))) {
		return true;
	}
	if (top && parse_is(p, P1('}'))) {
		parse_error(p, parse_token_span(p, parse_peek(p, 0)), "this '}' closes nothing");
		return false;
	}
	struct tn_ast *node = parse_keyword_statement(p, &found);
	if (found) {
		return parse_push(p, out, node);
	}
	if (parse_peek(p, 0)->kind == TOKEN_COMMAND) {
		return parse_push(p, out, parse_command(p));
	}
	if (parse_is_word(p, "struct") || parse_is_word(p, "import")) {
		if (!top) {
			parse_error(p, parse_token_span(p, parse_peek(p, 0)), "'%s' stands at top level only", parse_peek(p, 0)->str.text);
			return false;
		}
		return parse_push(p, out, parse_is_word(p, "struct") ? parse_struct(p) : parse_import(p));
	}
	if (parse_report_habit(p) || parse_report_else(p)) {
		return false;
	}
	if (parse_is_word(p, "const") || parse_decl_ahead(p, false)) {
		return parse_declaration(p, out, top);
	}
	if (parse_block_word_ahead(p)) {
		return parse_block_statement(p, out, top);
	}
	return parse_expression_statement(p, out, top);
}

bool parse_statement(struct parser *p, struct node_list *out, bool top) {
	if (!parse_enter(p)) {
		return false;
	}
	int outer = p->height;
	p->height = 0;
	p->statement = p->at;
	bool ok = parse_statement_inner(p, out, top) && parse_grow(p);
	p->height = p->height > outer ? p->height : outer;
	p->depth--;
	return ok;
}

/* The statements behind the '{' at `open` up to '}'. One that fails is passed over, so that the next ones are looked at too. */
static bool parse_statements(struct parser *p, uint32_t open, struct node_list *items) {
	bool recovered = false;
	int depth = p->depth;
	while (!parse_is(p, P1('}'))) {
		uint32_t begin = p->at;
		if (parse_peek(p, 0)->kind == TOKEN_END) {
			p->failed = p->failed || recovered || p->brace_missing; /* that a '}' is missing may follow from what was said */
			struct tn_error *err =
				parse_error(p, parse_token_span(p, parse_peek(p, 0)), "expected '}', found the end of the text");
			uint32_t line, column;
			tn_source_position(p->source, p->tokens[open].begin, &line, &column);
			tn_error_hint(err, "the '{' in line %u is not closed", line);
			return false;
		}
		if (!parse_statement(p, items, false)) {
			recovered = true;
			if (!parse_recover(p, begin, depth)) {
				p->failed = true;
				return false;
			}
		}
	}
	return true;
}

bool parse_body(struct parser *p, struct tn_ast_list *out, struct tn_ast **value) {
	struct node_list items = {0};
	uint32_t open = p->at;
	bool ok = parse_expect(p, P1('{'), "'{'") && parse_statements(p, open, &items) && parse_expect(p, P1('}'), "'}'");
	*value = NULL;
	if (ok && items.v.count > 0) {
		struct tn_ast *last = items.v.items[items.v.count - 1];
		const struct token *before = &p->tokens[p->at - 2]; /* of the closing brace */
		bool ended = before->kind == TOKEN_PUNCT && before->punct == P1(';') && p->at - 2 > open;
		if (last->kind == TN_AST_EXPR_STMT && !ended) {
			*value = last->expr.value;
			items.v.count--;
		}
	}
	ok = ok && parse_finish_list(p, &items, out);
	TN_VEC_FINISH(&items.v);
	return ok;
}
