/* SPDX-License-Identifier: Apache-2.0 */
/* Types, patterns, parameters: and the look ahead that tells a declaration from an expression. */
#include "lang/parse.h"

#include <string.h>

static bool is_punct(const struct parser *p, uint32_t at, uint32_t punct) {
	return at < p->count && p->tokens[at].kind == TOKEN_PUNCT && p->tokens[at].punct == punct;
}
static bool is_plain_name(const struct parser *p, uint32_t at) {
	return at < p->count && p->tokens[at].kind == TOKEN_NAME && !parse_is_keyword(&p->tokens[at]);
}

static uint32_t scan_tuple(const struct parser *p, uint32_t at) {
	int items = 0;
	at++;
	for (;;) {
		at = parse_scan_type(p, at);
		if (at == 0) {
			return 0;
		}
		items++;
		if (is_punct(p, at, P1(')'))) {
			return items >= 2 ? at + 1 : 0;
		}
		if (!is_punct(p, at, P1(','))) {
			return 0;
		}
		at++;
	}
}

uint32_t parse_scan_type(const struct parser *p, uint32_t at) {
	if (is_punct(p, at, P1('('))) {
		at = scan_tuple(p, at);
		if (at == 0) {
			return 0;
		}
	} else {
		bool is_auto = at < p->count && p->tokens[at].kind == TOKEN_NAME && strcmp(p->tokens[at].str.text, "auto") == 0;
		if (!is_auto && !is_plain_name(p, at)) {
			return 0;
		}
		at++;
		if (is_punct(p, at, P1('.')) && is_plain_name(p, at + 1)) {
			at += 2;
		}
		if (is_auto && is_punct(p, at, P3('.', '.', '.'))) {
			at++;
		}
	}
	while (is_punct(p, at, P1('['))) {
		at = parse_matching(p, at) + 1;
	}
	return at < p->count ? at : 0;
}

bool parse_decl_ahead(const struct parser *p, bool allow_ref) {
	uint32_t at = parse_scan_type(p, p->at);
	if (at == 0) {
		return false;
	}
	bool is_auto = parse_is_word(p, "auto");
	if (is_plain_name(p, at)) { /* `a and b` is a habit from Python, which parse_expr tells */
		return is_auto ||
			(strcmp(p->tokens[at].str.text, "and") != 0 && strcmp(p->tokens[at].str.text, "or") != 0 &&
				strcmp(p->tokens[at].str.text, "is") != 0);
	}
	if (is_punct(p, at, P1('&')) && is_plain_name(p, at + 1)) {
		return allow_ref || is_auto;
	}
	return is_auto;
}

static bool parse_dim(struct parser *p, struct tn_ast_dim *dim) {
	uint32_t begin = p->at;
	if (parse_accept(p, P3('.', '.', '.'))) {
		dim->kind = TN_DIM_REST;
	} else if (parse_peek(p, 0)->kind == TOKEN_NAME && (parse_is_at(p, 1, P1(',')) || parse_is_at(p, 1, P1(']')))) {
		if (!parse_name(p, &dim->name, "a dimension")) {
			return false;
		}
		dim->kind = strcmp(dim->name.text, "_") == 0 ? TN_DIM_ANY : TN_DIM_NAME;
	} else {
		dim->kind = TN_DIM_EXPR;
		dim->expr = parse_expr(p);
		if (dim->expr == NULL) {
			return false;
		}
	}
	dim->span = parse_span_from(p, begin);
	return true;
}

static bool parse_suffix(struct parser *p, struct tn_ast_type *type, struct tn_ast_suffix *suffix) {
	TN_VEC(struct tn_ast_dim) dims = {0};
	uint32_t begin = p->at - 1;
	bool ok = true;
	suffix->is_list = parse_is(p, P1(']'));
	if (parse_is(p, P1('(')) && parse_is_at(p, 1, P1(')')) && parse_is_at(p, 2, P1(']'))) {
		p->at += 2;
		type->is_scalar = true;
	} else {
		while (ok && !parse_is(p, P1(']'))) {
			struct tn_ast_dim dim = {0};
			ok = parse_dim(p, &dim) && (TN_VEC_PUSH(&dims, dim) || !(p->out_of_memory = true));
			if (ok && !parse_accept(p, P1(','))) {
				break;
			}
		}
	}
	ok = ok && parse_expect(p, P1(']'), "']' behind the dimensions");
	suffix->dim_count = (uint32_t)dims.count;
	suffix->dims = ok ? parse_copy(p, dims.items, dims.count, sizeof(*dims.items)) : NULL;
	suffix->span = parse_span_from(p, begin);
	TN_VEC_FINISH(&dims);
	return ok && suffix->dims != NULL;
}

static bool parse_type_items(struct parser *p, struct tn_ast_type *type, uint32_t close) {
	TN_VEC(struct tn_ast_type *) items = {0};
	bool ok = true;
	do {
		struct tn_ast_type *item = parse_type(p);
		ok = item != NULL && (TN_VEC_PUSH(&items, item) || !(p->out_of_memory = true));
	} while (ok && parse_accept(p, P1(',')));
	ok = ok && parse_expect(p, close, close == P1(')') ? "')' behind the types" : "']' behind the type");
	type->item_count = (uint32_t)items.count;
	type->items = ok ? parse_copy(p, items.items, items.count, sizeof(*items.items)) : NULL;
	TN_VEC_FINISH(&items);
	return ok && type->items != NULL;
}

static bool parse_type_head(struct parser *p, struct tn_ast_type *type) {
	if (parse_accept(p, P1('('))) {
		return parse_type_items(p, type, P1(')'));
	}
	if (parse_is_word(p, "auto")) {
		type->name = (struct tn_name){.text = "auto", .length = 4, .span = parse_token_span(p, parse_peek(p, 0))};
		p->at++;
		if (parse_accept(p, P3('.', '.', '.'))) {
			type->name.text = "auto...";
			type->name.length = 7;
		}
		return true;
	}
	if (!parse_name(p, &type->name, "a type")) {
		return false;
	}
	if (parse_is(p, P1('.')) && parse_peek(p, 1)->kind == TOKEN_NAME) {
		p->at++;
		type->module = type->name;
		return parse_name(p, &type->name, "a type");
	}
	if (strcmp(type->name.text, "map") == 0 && parse_is(p, P1('[')) && !parse_is_at(p, 1, P1(']'))) {
		p->at++;
		return parse_type_items(p, type, P1(']'));
	}
	return true;
}

struct tn_ast_type *parse_type(struct parser *p) {
	uint32_t begin = p->at;
	struct tn_ast_type *type = TN_ARENA_NEW(p->arena, struct tn_ast_type);
	TN_VEC(struct tn_ast_suffix) suffixes = {0};
	if (type == NULL || !parse_enter(p)) {
		p->out_of_memory = p->out_of_memory || type == NULL;
		return NULL;
	}
	bool ok = parse_type_head(p, type);
	while (ok && parse_accept(p, P1('['))) {
		struct tn_ast_suffix suffix = {0};
		ok = parse_suffix(p, type, &suffix) && (TN_VEC_PUSH(&suffixes, suffix) || !(p->out_of_memory = true));
	}
	type->suffix_count = (uint32_t)suffixes.count;
	type->suffixes = ok ? parse_copy(p, suffixes.items, suffixes.count, sizeof(*suffixes.items)) : NULL;
	type->span = parse_span_from(p, begin);
	TN_VEC_FINISH(&suffixes);
	p->depth--;
	return ok && type->suffixes != NULL ? type : NULL;
}

struct tn_ast_pattern *parse_pattern(struct parser *p) {
	uint32_t begin = p->at;
	struct tn_ast_pattern *pattern = TN_ARENA_NEW(p->arena, struct tn_ast_pattern);
	if (pattern == NULL || !parse_enter(p)) {
		p->out_of_memory = p->out_of_memory || pattern == NULL;
		return NULL;
	}
	bool ok = true;
	if (parse_accept(p, P1('('))) {
		TN_VEC(struct tn_ast_pattern *) items = {0};
		pattern->is_tuple = true;
		do {
			struct tn_ast_pattern *item = parse_pattern(p);
			ok = item != NULL && (TN_VEC_PUSH(&items, item) || !(p->out_of_memory = true));
		} while (ok && parse_accept(p, P1(',')));
		ok = ok && parse_expect(p, P1(')'), "')' behind the names");
		pattern->item_count = (uint32_t)items.count;
		pattern->items = ok ? parse_copy(p, items.items, items.count, sizeof(*items.items)) : NULL;
		ok = ok && pattern->items != NULL;
		TN_VEC_FINISH(&items);
	} else {
		pattern->by_ref = parse_accept(p, P1('&'));
		if (parse_is(p, P1('*')) || parse_is(p, P2('*', '*'))) {
			parse_error(p, parse_token_span(p, parse_peek(p, 0)), "there are no pointers");
			ok = false;
		} else if (parse_is(p, P1('['))) {
			tn_error_hint(parse_error(p, parse_token_span(p, parse_peek(p, 0)), "expected a name, found '['"),
				"several at once stand in parentheses: auto (a, b) = f(x);");
			ok = false;
		}
		ok = ok && parse_name(p, &pattern->name, "a name");
	}
	pattern->span = parse_span_from(p, begin);
	p->depth--;
	return ok ? pattern : NULL;
}

static void hint_parameter(const struct parser *p, struct tn_error *err) {
	const struct token *type = &p->tokens[p->at > 0 ? p->at - 1 : 0], *name = parse_peek(p, 1);
	bool twice = parse_is(p, P2('*', '*'));
	if (type->kind == TOKEN_NAME && (twice || parse_is(p, P1('*'))) && name->kind == TOKEN_NAME) {
		if (strcmp(type->str.text, "char") == 0) {
			tn_error_hint(err, twice ? "there are no pointers: args() gives a program's arguments" : "there are no pointers: text is a string");
		} else {
			tn_error_hint(err, "there are no pointers: %s &%s changes its caller's variable, %s[] %s is a list", type->str.text, name->str.text,
				type->str.text, name->str.text);
		}
		return;
	}
	tn_error_hint(err, "a parameter is a type and a name: tensor x");
}

static bool parse_param(struct parser *p, bool lambda, struct tn_ast_param *param) {
	uint32_t begin = p->at;
	parse_accept_word(p, "const");
	if (!lambda || parse_decl_ahead(p, true)) {
		param->type = parse_type(p);
		if (param->type == NULL) {
			return false;
		}
	}
	param->by_ref = parse_accept(p, P1('&'));
	size_t errors = p->diag->errors.count;
	if (!parse_name(p, &param->name, "a parameter's name")) {
		if (!lambda && p->diag->errors.count > errors) {
			hint_parameter(p, &p->diag->errors.items[errors]);
		}
		return false;
	}
	if (parse_is(p, P1('[')) && param->type != NULL && param->type->name.text != NULL) {
		tn_error_hint(parse_error(p, parse_token_span(p, parse_peek(p, 0)), "expected ')' behind the parameters, found '['"),
			"the brackets of a list stand behind the type: %.*s[] %.*s", (int)param->type->name.length, param->type->name.text,
			(int)param->name.length, param->name.text);
		return false;
	}
	if (parse_accept(p, P1('=')) && (param->def = parse_expr(p)) == NULL) {
		return false;
	}
	param->span = parse_span_from(p, begin);
	return true;
}

bool parse_params(struct parser *p, bool lambda, struct tn_ast_param **out, uint32_t *count) {
	TN_VEC(struct tn_ast_param) params = {0};
	bool ok = true;
	if (parse_is_word(p, "void") && parse_is_at(p, 1, P1(')'))) {
		p->at++;
	}
	while (ok && !parse_is(p, P1(')'))) {
		struct tn_ast_param param = {0};
		ok = parse_param(p, lambda, &param) && (TN_VEC_PUSH(&params, param) || !(p->out_of_memory = true));
		if (!ok || !parse_accept(p, P1(','))) {
			break;
		}
	}
	ok = ok && parse_expect(p, P1(')'), "')' behind the parameters");
	*count = (uint32_t)params.count;
	*out = ok ? parse_copy(p, params.items, params.count, sizeof(*params.items)) : NULL;
	TN_VEC_FINISH(&params);
	return ok && *out != NULL;
}
