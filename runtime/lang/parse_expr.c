/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions, by precedence climbing (LANGUAGE.md section 4): C's table, with @ as *, ** above unary and to the right, ..
 * between shifts and comparisons. */
#include "lang/parse.h"

#include <string.h>

static struct tn_ast *parse_unary(struct parser *p);

/* ---- binary operators ---- */

struct binary {
	uint32_t punct;
	int level;
	enum tn_ast_op op;
};
static const struct binary binaries[] = {
	{P2('|', '|'), 1, TN_AST_OP_OR},
	{P2('&', '&'), 2, TN_AST_OP_AND},
	{P1('|'), 3, TN_AST_OP_BITOR},
	{P1('^'), 4, TN_AST_OP_BITXOR},
	{P1('&'), 5, TN_AST_OP_BITAND},
	{P2('=', '='), 6, TN_AST_OP_EQ},
	{P2('!', '='), 6, TN_AST_OP_NE},
	{P1('<'), 7, TN_AST_OP_LT},
	{P2('<', '='), 7, TN_AST_OP_LE},
	{P1('>'), 7, TN_AST_OP_GT},
	{P2('>', '='), 7, TN_AST_OP_GE},
	{P2('.', '.'), 8, TN_AST_OP_RANGE},
	{P2('<', '<'), 9, TN_AST_OP_SHL},
	{P2('>', '>'), 9, TN_AST_OP_SHR},
	{P1('+'), 10, TN_AST_OP_ADD},
	{P1('-'), 10, TN_AST_OP_SUB},
	{P1('*'), 11, TN_AST_OP_MUL},
	{P1('/'), 11, TN_AST_OP_DIV},
	{P1('%'), 11, TN_AST_OP_MOD},
	{P1('@'), 11, TN_AST_OP_MATMUL},
};

const char *tn_ast_op_text(enum tn_ast_op op) {
	static const char *const text[] = {[TN_AST_OP_NEG] = "-",
		[TN_AST_OP_POS] = "+",
		[TN_AST_OP_NOT] = "!",
		[TN_AST_OP_BITNOT] = "~",
		[TN_AST_OP_ADD] = "+",
		[TN_AST_OP_SUB] = "-",
		[TN_AST_OP_MUL] = "*",
		[TN_AST_OP_DIV] = "/",
		[TN_AST_OP_MOD] = "%",
		[TN_AST_OP_POW] = "**",
		[TN_AST_OP_MATMUL] = "@",
		[TN_AST_OP_EQ] = "==",
		[TN_AST_OP_NE] = "!=",
		[TN_AST_OP_LT] = "<",
		[TN_AST_OP_LE] = "<=",
		[TN_AST_OP_GT] = ">",
		[TN_AST_OP_GE] = ">=",
		[TN_AST_OP_BITAND] = "&",
		[TN_AST_OP_BITOR] = "|",
		[TN_AST_OP_BITXOR] = "^",
		[TN_AST_OP_SHL] = "<<",
		[TN_AST_OP_SHR] = ">>",
		[TN_AST_OP_AND] = "&&",
		[TN_AST_OP_OR] = "||",
		[TN_AST_OP_RANGE] = ".."};
	return text[op];
}

static const struct binary *binary_ahead(const struct parser *p) {
	const struct token *t = parse_peek(p, 0);
	for (size_t i = 0; t->kind == TOKEN_PUNCT && i < TN_ARRAY_LEN(binaries); i++) {
		if (binaries[i].punct == t->punct) {
			return &binaries[i];
		}
	}
	return NULL;
}

static struct tn_ast *make_op(struct parser *p, enum tn_ast_kind kind, enum tn_ast_op op, struct tn_ast *a, struct tn_ast *b,
	uint32_t begin, uint32_t caret) {
	struct tn_ast *node = parse_node(p, kind, begin);
	if (node != NULL) {
		node->op.op = op;
		node->op.a = a;
		node->op.b = b;
		node->span.caret = p->tokens[caret].begin;
	}
	return node;
}

/* Each scope of heights begins at 0, every operator adds one to the highest of its operands, and what is around takes the higher.
 */
static void leave_heights(struct parser *p, int outer) {
	p->height = p->height > outer ? p->height : outer;
}

static struct tn_ast *parse_binary(struct parser *p, int level) {
	uint32_t begin = p->at;
	int outer = p->height;
	p->height = 0;
	struct tn_ast *a = parse_unary(p);
	const struct binary *op;
	while (a != NULL && (op = binary_ahead(p)) != NULL && op->level >= level) {
		uint32_t caret = p->at++;
		struct tn_ast *b = parse_binary(p, op->level + 1);
		if (b == NULL || !parse_grow(p)) {
			return NULL;
		}
		if (op->op == TN_AST_OP_RANGE && a->kind == TN_AST_BINARY && a->op.op == TN_AST_OP_RANGE && !a->parenthesised) {
			parse_error(p, parse_token_span(p, &p->tokens[caret]), "'..' does not chain");
			return NULL;
		}
		a = make_op(p, TN_AST_BINARY, op->op, a, b, begin, caret);
	}
	leave_heights(p, outer);
	return a;
}

static struct tn_ast *parse_conditional(struct parser *p) {
	uint32_t begin = p->at;
	struct tn_ast *cond = parse_binary(p, 1);
	if (cond == NULL || !parse_is(p, P1('?'))) {
		return cond;
	}
	p->at++;
	struct tn_ast *a = parse_expr(p);
	if (a != NULL && p->embedded && parse_peek(p, 0)->kind == TOKEN_END) {
		struct tn_error *err =
			parse_error(p, parse_span_from(p, begin), "expected ':' of '?:': the first ':' of the braces begins the format");
		tn_error_hint(err, "put it in parentheses: {(a ? b : c)}");
		return NULL;
	}
	if (a == NULL || !parse_expect(p, P1(':'), "':' of '?:'")) {
		return NULL;
	}
	struct tn_ast *b = parse_expr(p);
	struct tn_ast *node = b == NULL || !parse_grow(p) ? NULL : parse_node(p, TN_AST_COND, begin);
	if (node != NULL) {
		node->cond.cond = cond;
		node->cond.a = a;
		node->cond.b = b;
	}
	return node;
}

static bool is_none(const struct token *t) {
	return t->kind == TOKEN_NAME && strcmp(t->str.text, "None") == 0;
}

/* Behind an operand nothing of the language is a name: Python's operators, and what C has as expressions. True: reported. */
static bool report_operator_habit(struct parser *p) {
	static const struct {
		const char *word, *hint;
	} words[] = {{"and", "write &&"}, {"or", "write ||"}, {"not", "write !contains(xs, x)"},
		{"in", "write contains(xs, x); a loop is for (auto x : xs)"}, {"is", "write =="}, {"if", "write condition ? a : b"},
		{"for", "list(3, (i) => i * i) makes a list"},
		{"instanceof", "types are known when the cell is checked"}};
	const struct token *t = parse_peek(p, 0);
	bool none = t->kind == TOKEN_NAME && strcmp(t->str.text, "is") == 0 &&
		(is_none(parse_peek(p, 1)) || is_none(parse_peek(p, 2)));
	for (size_t i = 0; t->kind == TOKEN_NAME && !t->line_before && i < TN_ARRAY_LEN(words); i++) {
		if (strcmp(t->str.text, words[i].word) == 0) {
			tn_error_hint(parse_error(p, parse_token_span(p, t), "there is no operator '%s'", words[i].word), "%s",
				none ? "is_empty(x) asks whether a tensor is empty; there is no null" : words[i].hint);
			return true;
		}
	}
	return false;
}

struct tn_ast *parse_expr(struct parser *p) {
	if (!parse_enter(p)) {
		return NULL;
	}
	struct tn_ast *e = parse_conditional(p);
	p->depth--;
	if (e != NULL && e->kind == TN_AST_NAME && !e->parenthesised && parse_is(p, P2('=', '>'))) {
		tn_error_hint(parse_error(p, parse_token_span(p, parse_peek(p, 0)), "the parameters of a lambda stand in parentheses"),
			"write (%s) => …", e->name.text);
		return NULL;
	}
	return e != NULL && report_operator_habit(p) ? NULL : e;
}

/* ---- calls, indices, fields ---- */

/* f(x = 1): told once in a call, and read as the named argument that is meant. */
static void report_assigned_arg(struct parser *p, bool *told) {
	uint32_t name = p->at++;
	bool failed = p->failed;
	if (!*told) {
		tn_error_hint(parse_error(p, parse_token_span(p, parse_peek(p, 0)), "an argument is no assignment"),
			"a named argument is written %s: value", p->tokens[name].str.text);
		p->failed = failed;
	}
	*told = true;
	p->at = name;
}

static bool parse_arg(struct parser *p, struct tn_ast_arg *arg, bool *told) {
	uint32_t begin = p->at;
	bool assigned = parse_peek(p, 0)->kind == TOKEN_NAME && parse_is_at(p, 1, P1('=')) && !p->embedded;
	if (assigned) {
		report_assigned_arg(p, told);
	}
	if (parse_peek(p, 0)->kind == TOKEN_NAME && (parse_is_at(p, 1, P1(':')) || assigned)) {
		const struct token *t = parse_peek(p, 0);
		arg->name = (struct tn_name){.text = t->str.text, .length = t->str.length, .span = parse_token_span(p, t)};
		p->at += 2;
	}
	arg->by_ref = parse_accept(p, P1('&'));
	arg->value = parse_expr(p);
	arg->span = parse_span_from(p, begin);
	return arg->value != NULL;
}

static bool parse_args(struct parser *p, struct tn_ast_arg **out, uint32_t *count) {
	TN_VEC(struct tn_ast_arg) args = {0};
	bool ok = true, told = false;
	while (ok && !parse_is(p, P1(')'))) {
		struct tn_ast_arg arg = {0};
		ok = parse_arg(p, &arg, &told) && (TN_VEC_PUSH(&args, arg) || !(p->out_of_memory = true));
		if (!ok || !parse_accept(p, P1(','))) {
			break;
		}
	}
	if (ok && parse_is(p, P1('='))) {
		tn_error_hint(parse_error(p, parse_token_span(p, parse_peek(p, 0)), "an argument is no assignment"),
			"a named argument is written name: value");
		ok = false;
	}
	ok = ok && parse_close(p, P1(')'), "')' behind the arguments");
	*count = (uint32_t)args.count;
	*out = ok ? parse_copy(p, args.items, args.count, sizeof(*args.items)) : NULL;
	TN_VEC_FINISH(&args);
	return ok && *out != NULL;
}

static bool at_slice_end(const struct parser *p) {
	return parse_is(p, P1(':')) || parse_is(p, P1(',')) || parse_is(p, P1(']'));
}

static bool parse_index_item(struct parser *p, struct tn_ast_index *item) {
	uint32_t begin = p->at;
	if (parse_accept(p, P3('.', '.', '.'))) {
		item->kind = TN_AST_INDEX_ELLIPSIS;
	} else if (parse_is_word(p, "None")) {
		p->at++;
		item->kind = TN_AST_INDEX_NONE;
	} else {
		struct tn_ast *first = at_slice_end(p) ? NULL : parse_expr(p);
		if (first == NULL && !parse_is(p, P1(':'))) {
			if (!p->failed) {
				parse_error(p, parse_token_span(p, parse_peek(p, 0)), "expected an index");
			}
			return false;
		}
		item->expr = first;
		if (first != NULL && first->kind == TN_AST_BINARY && first->op.op == TN_AST_OP_RANGE && !first->parenthesised) {
			tn_error_hint(parse_error(p, first->span, "a range a..b is no index"), "a slice is written a:b");
			return false;
		}
		if (parse_accept(p, P1(':'))) {
			item->kind = TN_AST_INDEX_SLICE;
			item->start = first;
			item->expr = NULL;
			if (!at_slice_end(p) && (item->stop = parse_expr(p)) == NULL) {
				return false;
			}
			if (parse_accept(p, P1(':')) && !at_slice_end(p) && (item->step = parse_expr(p)) == NULL) {
				return false;
			}
		}
	}
	item->span = parse_span_from(p, begin);
	return true;
}

static struct tn_ast *parse_index(struct parser *p, struct tn_ast *object, uint32_t begin) {
	TN_VEC(struct tn_ast_index) items = {0};
	bool ok = true;
	uint32_t caret = p->at - 1;
	do {
		struct tn_ast_index item = {0};
		if (items.count > 0 && parse_is(p, P1(']'))) {
			break;
		}
		ok = parse_index_item(p, &item) && (TN_VEC_PUSH(&items, item) || !(p->out_of_memory = true));
	} while (ok && parse_accept(p, P1(',')));
	ok = ok && parse_close(p, P1(']'), "']' behind the index");
	struct tn_ast *node = ok ? parse_node(p, TN_AST_INDEX, begin) : NULL;
	if (node != NULL) {
		node->index.object = object;
		node->index.count = (uint32_t)items.count;
		node->index.items = parse_copy(p, items.items, items.count, sizeof(*items.items));
		node->span.caret = p->tokens[caret].begin;
		node = node->index.items == NULL ? NULL : node;
	}
	TN_VEC_FINISH(&items);
	return node;
}

/* { .f = v, … } behind a struct's name. */
static struct tn_ast *parse_struct_literal(struct parser *p, struct tn_name module, struct tn_name name, uint32_t begin) {
	TN_VEC(struct tn_name) fields = {0};
	struct node_list values = {0};
	bool ok = parse_expect(p, P1('{'), "'{'");
	while (ok && !parse_is(p, P1('}'))) {
		struct tn_name field = {0};
		ok = parse_expect(p, P1('.'), "'.field = value'") && parse_name(p, &field, "a field's name") &&
			parse_expect(p, P1('='), "'=' behind the field") && (TN_VEC_PUSH(&fields, field) || !(p->out_of_memory = true)) &&
			parse_push(p, &values, parse_expr(p));
		if (!ok || !parse_accept(p, P1(','))) {
			break;
		}
	}
	ok = ok && parse_close(p, P1('}'), "'}' behind the fields");
	struct tn_ast *node = ok ? parse_node(p, TN_AST_STRUCT, begin) : NULL;
	struct tn_ast_list list = {0};
	if (node != NULL) {
		node->literal.module = module;
		node->literal.name = name;
		node->literal.count = (uint32_t)fields.count;
		node->literal.fields = parse_copy(p, fields.items, fields.count, sizeof(*fields.items));
		ok = node->literal.fields != NULL && parse_finish_list(p, &values, &list);
		node->literal.values = list.items;
		node = ok ? node : NULL;
	}
	TN_VEC_FINISH(&fields);
	TN_VEC_FINISH(&values.v);
	return node;
}

static bool struct_literal_ahead(const struct parser *p) {
	return parse_is(p, P1('{')) &&
		((parse_is_at(p, 1, P1('.')) && parse_peek(p, 2)->kind == TOKEN_NAME && parse_is_at(p, 3, P1('='))) ||
			parse_is_at(p, 1, P1('}')));
}

/* Members of Python and C++ whose names are words of the language. True: reported. */
static bool report_member_habit(struct parser *p) {
	bool is_empty = parse_is_word(p, "empty") && parse_is_at(p, 1, P1('('));
	if (parse_is_word(p, "grad")) {
		tn_error_hint(parse_error(p, parse_token_span(p, parse_peek(p, 0)), "nothing has a field 'grad'"),
			"auto (loss, g) = grad (net) { … } gives the gradient");
	} else if (is_empty) {
		tn_error_hint(parse_error(p, parse_token_span(p, parse_peek(p, 0)), "there is no function 'empty'"),
			"len(x) == 0; is_empty(x) of a tensor's slot");
	}
	return is_empty || parse_is_word(p, "grad");
}

static struct tn_ast *parse_postfix(struct parser *p, struct tn_ast *e, uint32_t begin) {
	while (e != NULL) {
		uint32_t caret = p->at;
		if (parse_accept(p, P1('('))) {
			struct tn_ast_arg *args;
			uint32_t count;
			bool ok = parse_args(p, &args, &count) && parse_grow(p);
			struct tn_ast *node = ok ? parse_node(p, TN_AST_CALL, begin) : NULL;
			if (node != NULL) {
				node->call.callee = e;
				node->call.args = args;
				node->call.count = count;
			}
			e = node;
		} else if (!parse_peek(p, 0)->line_before && parse_accept(p, P1('['))) {
			e = parse_index(p, e, begin);
			e = e == NULL || !parse_grow(p) ? NULL : e;
		} else if (parse_is(p, P1('.'))) {
			p->at++;
			struct tn_name name;
			if (report_member_habit(p) || !parse_name(p, &name, "a field or function behind '.'") || !parse_grow(p)) {
				return NULL;
			}
			if (struct_literal_ahead(p) && e->kind == TN_AST_NAME) {
				e = parse_struct_literal(p, e->name, name, begin);
				continue;
			}
			struct tn_ast *node = parse_node(p, TN_AST_FIELD, begin);
			if (node != NULL) {
				node->field.object = e;
				node->field.name = name;
				node->span.caret = p->tokens[caret].begin;
			}
			e = node;
		} else if (parse_is(p, P2('-', '>')) && parse_peek(p, 1)->kind == TOKEN_NAME) {
			tn_error_hint(parse_error(p, parse_token_span(p, parse_peek(p, 0)), "there are no pointers, and no '->'"),
				"write .%s", parse_peek(p, 1)->str.text);
			return NULL;
		} else {
			return e;
		}
	}
	return NULL;
}

/* ---- primary expressions ---- */

static struct tn_ast *parse_lambda(struct parser *p) {
	uint32_t begin = p->at++;
	struct tn_ast_param *params;
	uint32_t count;
	if (!parse_params(p, true, &params, &count) || !parse_expect(p, P2('=', '>'), "'=>'")) {
		return NULL;
	}
	struct tn_ast_list body = {0};
	struct tn_ast *value = NULL;
	bool is_block = parse_is(p, P1('{'));
	if (is_block ? !parse_body(p, &body, &value) : (value = parse_expr(p)) == NULL) {
		return NULL;
	}
	struct tn_ast *node = parse_node(p, TN_AST_LAMBDA, begin);
	if (node != NULL) {
		node->lambda.params = params;
		node->lambda.count = count;
		node->lambda.is_block = is_block;
		node->lambda.body = body;
		node->lambda.value = value;
	}
	return node;
}

/* (int)x behind its '(': C's cast. (int)(x) is a call of what stands in parentheses, and converts as meant. */
static bool report_cast(struct parser *p) {
	static const struct {
		const char *type, *call;
	} casts[] = {{"int", "int"}, {"float", "float"}, {"bool", "bool"}, {"string", "string"}, {"double", "float"}, {"long", "int"},
		{"char", "string"}, {"unsigned", "int"}, {"size_t", "int"}, {"f64", "f64"}, {"f32", "f32"}, {"bf16", "bf16"},
		{"f16", "f16"}, {"i64", "i64"}, {"i32", "i32"}, {"u8", "u8"}, {"bool8", "bool8"}};
	const struct token *type = parse_peek(p, 0), *after = parse_peek(p, 2);
	bool operand = (after->kind != TOKEN_PUNCT && after->kind != TOKEN_END && !after->line_before && !parse_is_keyword(after)) ||
		parse_is_at(p, 2, P1('-'));
	for (size_t i = 0; type->kind == TOKEN_NAME && parse_is_at(p, 1, P1(')')) && operand && i < TN_ARRAY_LEN(casts); i++) {
		if (strcmp(type->str.text, casts[i].type) == 0) {
			tn_error_hint(
				parse_error(p, parse_token_span(p, type), "a conversion is a call, not a cast"), "write %s(x)", casts[i].call);
			return true;
		}
	}
	return false;
}

static struct tn_ast *parse_parenthesised(struct parser *p) {
	uint32_t begin = p->at, close = parse_matching(p, p->at);
	if (close + 1 < p->count && p->tokens[close + 1].kind == TOKEN_PUNCT && p->tokens[close + 1].punct == P2('=', '>')) {
		return parse_lambda(p);
	}
	p->at++;
	if (report_cast(p)) {
		return NULL;
	}
	struct node_list items = {0};
	bool ok = true, comma = false;
	while (ok && !parse_is(p, P1(')'))) {
		ok = parse_push(p, &items, parse_expr(p));
		if (!ok || !parse_accept(p, P1(','))) {
			break;
		}
		comma = true;
	}
	ok = ok && parse_close(p, P1(')'), "')'");
	struct tn_ast *node = NULL;
	if (ok && items.v.count == 1 && !comma) {
		node = items.v.items[0];
		node->parenthesised = true;
	} else if (ok && items.v.count == 0) {
		parse_error(p, parse_span_from(p, begin), "expected an expression between the parentheses");
	} else if (ok && (node = parse_node(p, TN_AST_TUPLE, begin)) != NULL && !parse_finish_list(p, &items, &node->list)) {
		node = NULL;
	}
	TN_VEC_FINISH(&items.v);
	return node;
}

static struct tn_ast *parse_bracket(struct parser *p) {
	uint32_t begin = p->at++;
	struct node_list items = {0};
	bool ok = true;
	while (ok && !parse_is(p, P1(']'))) {
		ok = parse_push(p, &items, parse_expr(p));
		if (!ok || !parse_accept(p, P1(','))) {
			break;
		}
	}
	ok = ok && parse_close(p, P1(']'), "']'");
	struct tn_ast *node = ok ? parse_node(p, TN_AST_BRACKET, begin) : NULL;
	if (node != NULL && !parse_finish_list(p, &items, &node->list)) {
		node = NULL;
	}
	TN_VEC_FINISH(&items.v);
	return node;
}

static struct tn_ast *parse_map(struct parser *p) {
	uint32_t begin = p->at++;
	struct node_list keys = {0}, values = {0};
	struct tn_ast_list key_list = {0}, value_list = {0};
	bool ok = true;
	if (parse_is(p, P1('.')) && parse_peek(p, 1)->kind == TOKEN_NAME) {
		struct tn_error *err = parse_error(p, parse_token_span(p, parse_peek(p, 0)), "fields without the name of their struct");
		tn_error_hint(err, "write Name{ .%s = … }", parse_peek(p, 1)->str.text);
		ok = false;
	}
	while (ok && !parse_is(p, P1('}'))) {
		const char *hint = NULL;
		ok = parse_push(p, &keys, parse_expr(p));
		if (keys.v.count == 1 && (parse_is(p, P1(',')) || parse_is(p, P1('}')))) {
			hint = "braces make a map, { \"key\": value }; a list is written [1, 2, 3], a struct Name{ .field = 1 }";
		}
		ok = ok && parse_expect_hint(p, P1(':'), "':' behind the key", hint) &&
			parse_push(p, &values, parse_expr(p));
		if (!ok || !parse_accept(p, P1(','))) {
			break;
		}
	}
	ok = ok && parse_close(p, P1('}'), "'}' behind the map");
	struct tn_ast *node = ok ? parse_node(p, TN_AST_MAP, begin) : NULL;
	if (node != NULL && parse_finish_list(p, &keys, &key_list) && parse_finish_list(p, &values, &value_list)) {
		node->map.keys = key_list.items;
		node->map.values = value_list.items;
		node->map.count = key_list.count;
	} else {
		node = NULL;
	}
	TN_VEC_FINISH(&keys.v);
	TN_VEC_FINISH(&values.v);
	return node;
}

/* ---- block words ---- */

static const struct {
	const char *word;
	enum tn_block_word block;
} block_words[] = {{"grad", TN_BLOCK_GRAD}, {"remat", TN_BLOCK_REMAT}, {"autocast", TN_BLOCK_AUTOCAST}, {"train", TN_BLOCK_TRAIN},
	{"seed", TN_BLOCK_SEED}, {"device", TN_BLOCK_DEVICE}, {"profile", TN_BLOCK_PROFILE}};

static int block_word(const struct parser *p) {
	for (size_t i = 0; i < TN_ARRAY_LEN(block_words); i++) {
		if (parse_is_word(p, block_words[i].word)) {
			return (int)i;
		}
	}
	return -1;
}

bool parse_block_word_ahead(const struct parser *p) {
	int word = block_word(p);
	if (word < 0) {
		return false;
	}
	if (block_words[word].block == TN_BLOCK_REMAT) {
		return parse_is_at(p, 1, P1('{')) && !parse_is_at(p, 2, P1('.'));
	}
	if (!parse_is_at(p, 1, P1('('))) {
		return false;
	}
	uint32_t close = parse_matching(p, p->at + 1);
	return close + 1 < p->count && p->tokens[close + 1].kind == TOKEN_PUNCT && p->tokens[close + 1].punct == P1('{');
}

struct tn_ast *parse_block_expr(struct parser *p) {
	uint32_t begin = p->at;
	enum tn_block_word word = block_words[block_word(p)].block;
	struct tn_ast_arg *args = NULL;
	uint32_t count = 0;
	struct tn_ast_list body;
	struct tn_ast *value;
	p->at++;
	if (parse_accept(p, P1('(')) && !parse_args(p, &args, &count)) {
		return NULL;
	}
	if (!parse_body(p, &body, &value)) {
		return NULL;
	}
	struct tn_ast *node = parse_node(p, TN_AST_BLOCK_EXPR, begin);
	if (node != NULL) {
		node->block_expr.word = word;
		node->block_expr.args = args;
		node->block_expr.arg_count = count;
		node->block_expr.body = body;
		node->block_expr.value = value;
	}
	return node;
}

static bool report_word_habit(struct parser *p, const struct token *t) {
	static const char no_null[] = "empty for a tensor, or another type's own zero: there is no null";
	static const struct {
		const char *word, *hint;
	} habits[] = {{"True", "true"}, {"False", "false"}, {"None", no_null}, {"NULL", no_null}, {"nullptr", no_null}, {"null", no_null}, {"lambda", "(x) => …"}, {"not", "!x"}, {"new", "Name{ … } for a struct, zeros(3) for a tensor, list(3, (i) => 0) for a list"}, {"await", "the call alone"}};
	for (size_t i = 0; i < TN_ARRAY_LEN(habits); i++) {
		bool needs_operand = i >= 6; /* names of their own but where a name follows */
		if (strcmp(t->str.text, habits[i].word) == 0 &&
			(!needs_operand || (parse_peek(p, 1)->kind == TOKEN_NAME && !parse_peek(p, 1)->line_before))) {
			tn_error_hint(parse_error(p, parse_token_span(p, t), "there is no '%s'", t->str.text), "write %s", habits[i].hint);
			return true;
		}
	}
	int word = block_word(p);
	if (word >= 0 && block_words[word].block == TN_BLOCK_GRAD && !parse_block_word_ahead(p)) {
		parse_error(p, parse_token_span(p, t), "expected grad (variable, …) { … }");
		return true;
	}
	bool like_struct =
		word >= 0 || (t->str.text[0] >= 'A' && t->str.text[0] <= 'Z'); /* else a ')' is missing before the '{' more likely */
	if (like_struct && parse_is_at(p, 1, P1('{')) && !parse_peek(p, 1)->line_before && !parse_is_at(p, 2, P1('.')) &&
		!parse_is_at(p, 2, P1('}')) && !parse_block_word_ahead(p) && !parse_is_keyword(t)) {
		parse_error(p, parse_token_span(p, parse_peek(p, word >= 0 ? 1 : 2)), "expected %s behind '%s'",
			word >= 0 ? "'('" : "'.field = value' in the braces", t->str.text);
		return true;
	}
	return false;
}

static struct tn_ast *parse_word(struct parser *p, const struct token *t) {
	uint32_t begin = p->at;
	if (report_word_habit(p, t)) {
		return NULL;
	}
	if (parse_block_word_ahead(p)) {
		return parse_block_expr(p);
	}
	bool yes = strcmp(t->str.text, "true") == 0;
	if (yes || strcmp(t->str.text, "false") == 0) {
		p->at++;
		struct tn_ast *node = parse_node(p, TN_AST_BOOL, begin);
		if (node != NULL) {
			node->b = yes;
		}
		return node;
	}
	if (strcmp(t->str.text, "empty") == 0) {
		p->at++;
		return parse_node(p, TN_AST_EMPTY, begin);
	}
	struct tn_name name;
	if (!parse_name(p, &name, "an expression")) {
		return NULL;
	}
	if (struct_literal_ahead(p)) {
		return parse_struct_literal(p, (struct tn_name){0}, name, begin);
	}
	struct tn_ast *node = parse_node(p, TN_AST_NAME, begin);
	if (node != NULL) {
		node->name = name;
	}
	return node;
}

static struct tn_ast *parse_literal(struct parser *p, const struct token *t, enum tn_ast_kind kind, bool negative) {
	uint32_t begin = p->at++;
	if (t->kind == TOKEN_INT && t->i == INT64_MIN && !negative) {
		parse_error(p, parse_token_span(p, t), "this integer does not fit an int: expected at most 9223372036854775807");
		return NULL;
	}
	struct tn_ast *node = parse_node(p, kind, begin);
	if (node != NULL && kind == TN_AST_INT) {
		node->i = t->i;
	} else if (node != NULL) {
		node->f = t->f;
	}
	return node;
}

/* "a" "b" is "ab", as in C. */
static struct tn_ast *parse_string(struct parser *p) {
	uint32_t begin = p->at, length = 0;
	for (; parse_peek(p, 0)->kind == TOKEN_STRING; p->at++) {
		if (length > UINT32_MAX - parse_peek(p, 0)->str.length) {
			parse_error(p, parse_token_span(p, parse_peek(p, 0)), "this string is too long");
			return NULL;
		}
		length += parse_peek(p, 0)->str.length;
	}
	const char *text = p->tokens[begin].str.text;
	if (p->at - begin > 1) {
		char *joined = tn_arena_alloc(p->arena, (size_t)length + 1);
		size_t n = 0;
		for (uint32_t i = begin; joined != NULL && i < p->at; i++) {
			memcpy(joined + n, p->tokens[i].str.text, p->tokens[i].str.length);
			n += p->tokens[i].str.length;
		}
		if (joined == NULL) {
			p->out_of_memory = true;
			return NULL;
		}
		joined[n] = '\0';
		text = joined;
	}
	struct tn_ast *node = parse_node(p, TN_AST_STRING, begin);
	if (node != NULL) {
		node->str.text = text;
		node->str.length = length;
	}
	return node;
}

static struct tn_ast *parse_primary(struct parser *p) {
	const struct token *t = parse_peek(p, 0);
	switch (t->kind) {
	case TOKEN_INT:
		return parse_literal(p, t, TN_AST_INT, false);
	case TOKEN_FLOAT:
		return parse_literal(p, t, TN_AST_FLOAT, false);
	case TOKEN_STRING:
		return parse_string(p);
	case TOKEN_FSTRING:
		return parse_fstring(p, t);
	case TOKEN_NAME:
		return parse_word(p, t);
	default:
		break;
	}
	if (parse_is(p, P1('('))) {
		return parse_parenthesised(p);
	}
	if (parse_is(p, P1('['))) {
		return parse_bracket(p);
	}
	if (parse_is(p, P1('{'))) {
		return parse_map(p);
	}
	if (t->kind == TOKEN_END) {
		parse_error(p, parse_token_span(p, t), "expected an expression, found %s",
			p->embedded ? "the end of the braces" : "the end of the text");
	} else if (parse_is(p, P2('+', '+')) || parse_is(p, P2('-', '-'))) {
		parse_error(p, parse_token_span(p, t), "'%s' is a statement of its own, and no expression",
			parse_is(p, P2('+', '+')) ? "++" : "--");
	} else {
		struct tn_error *err = parse_error(p, parse_token_span(p, t), "expected an expression, found '%.*s'",
			(int)(t->end - t->begin), p->source->text + t->begin);
		const struct token *last = p->at > 0 ? &p->tokens[p->at - 1] : t;
		bool joined = last->kind == TOKEN_PUNCT && last->end == t->begin;
		if (joined && parse_is(p, P1('=')) && (last->punct == P2('=', '=') || last->punct == P2('!', '='))) {
			tn_error_hint(err, "write %.2s", p->source->text + last->begin);
		} else if (joined && parse_is(p, P1('>')) && last->punct == P1('<')) {
			tn_error_hint(err, "write !=");
		} else if (last->kind == TOKEN_PUNCT && (last->punct == P1('(') || last->punct == P1(',')) &&
			(parse_is(p, P1('*')) || parse_is(p, P2('*', '*')))) {
			tn_error_hint(err, "arguments are written one by one: f(xs[0], xs[1], name: value)");
		}
	}
	return NULL;
}

static struct tn_ast *parse_unary_nested(struct parser *p) {
	if (!parse_enter(p)) {
		return NULL;
	}
	struct tn_ast *e = parse_unary(p);
	p->depth--;
	return e;
}

static struct tn_ast *parse_power(struct parser *p) {
	uint32_t begin = p->at;
	int outer = p->height;
	p->height = 0;
	struct tn_ast *a = parse_primary(p);
	a = a == NULL || !parse_grow(p) ? NULL : parse_postfix(p, a, begin);
	if (a != NULL && parse_is(p, P2('*', '*'))) {
		uint32_t caret = p->at++;
		struct tn_ast *b = parse_unary_nested(p);
		a = b == NULL || !parse_grow(p) ? NULL : make_op(p, TN_AST_BINARY, TN_AST_OP_POW, a, b, begin, caret);
	}
	leave_heights(p, outer);
	return a;
}

static struct tn_ast *parse_unary(struct parser *p) {
	static const struct {
		uint32_t punct;
		enum tn_ast_op op;
	} unaries[] = {{P1('-'), TN_AST_OP_NEG}, {P1('+'), TN_AST_OP_POS}, {P1('!'), TN_AST_OP_NOT}, {P1('~'), TN_AST_OP_BITNOT}};
	for (size_t i = 0; i < TN_ARRAY_LEN(unaries); i++) {
		if (parse_is(p, unaries[i].punct)) {
			uint32_t begin = p->at++;
			const struct token *next = parse_peek(p, 0);
			if (next->kind == TOKEN_INT && next->i == INT64_MIN && unaries[i].op == TN_AST_OP_NEG &&
				!parse_is_at(p, 1, P2('*', '*'))) {
				return parse_literal(p, next, TN_AST_INT, true); /* the one number whose digits alone do not fit */
			}
			struct tn_ast *a = parse_unary_nested(p);
			return a == NULL || !parse_grow(p) ? NULL : make_op(p, TN_AST_UNARY, unaries[i].op, a, NULL, begin, begin);
		}
	}
	return parse_power(p);
}
