/* SPDX-License-Identifier: Apache-2.0 */
/* F-strings. The lexer has found where one ends; here its text is cut into parts, and each expression in braces is read by a parser
 * of its own on its range of the source, so that places in it are those of the cell. LANGUAGE.md section 2. */
#include "lang/parse.h"

#include <string.h>

/* Parts of an f-string: ranges of the source between its quotes. */
struct fpart_range {
	uint32_t begin, expr_end, spec_begin, end;
};

/* Finds the end of the braces that open at `at`, and the first ':' outside brackets. False: no '}'. */
static bool find_brace_end(const struct tn_source *source, uint32_t at, uint32_t limit, struct fpart_range *out) {
	int depth = 0;
	out->begin = at;
	out->spec_begin = 0;
	for (uint32_t i = at; i < limit; i++) {
		char c = source->text[i];
		if (out->spec_begin == 0 && (c == '"' || c == '\'')) {
			i = tn_lex_string_end(source, i, limit) - 1;
		} else if (c == '(' || c == '[' || c == '{') {
			depth++;
		} else if (c == '}' && depth == 0) {
			out->end = i;
			out->expr_end = out->spec_begin != 0 ? out->spec_begin - 1 : i;
			return true;
		} else if (c == ')' || c == ']' || c == '}') {
			depth--;
		} else if (c == ':' && depth == 0 && out->spec_begin == 0) {
			out->spec_begin = i + 1;
		}
	}
	return false;
}

static struct tn_ast *parse_embedded(struct parser *p, const struct fpart_range *r) {
	struct token_list tokens = {0};
	struct tn_ast *e = NULL;
	struct tn_span span = {.source = p->source, .begin = r->begin, .caret = r->begin, .end = r->expr_end};
	if (!tn_lex(p->source, r->begin, r->expr_end, false, p->arena, &tokens, p->diag)) {
		p->out_of_memory = true;
	} else if (tokens.tokens.count <= 1) {
		parse_error(p, span, "expected an expression between the braces");
	} else {
		struct parser sub = {.source = p->source,
			.arena = p->arena,
			.diag = p->diag,
			.tokens = tokens.tokens.items,
			.count = (uint32_t)tokens.tokens.count,
			.depth = p->depth,
			.height = p->height,
			.embedded = true};
		e = parse_expr(&sub);
		const struct token *end = parse_peek(&sub, 0);
		if (e != NULL && end->kind != TOKEN_END) {
			struct tn_error *err = parse_error(&sub, parse_token_span(&sub, end), "expected '}' or ':' behind the expression");
			bool echo = end->kind == TOKEN_PUNCT && end->punct == P1('=');
			tn_error_hint(err, "%s", echo ? "the name is written beside it: f\"n={n}\"" : "");
			e = NULL;
		} else if (e != NULL &&
			memchr(p->source->text + sub.tokens[sub.count - 2].end, '/', r->expr_end - sub.tokens[sub.count - 2].end) != NULL) {
			parse_error(&sub, span, "a comment inside the braces of an f-string");
			e = NULL;
		}
		p->height = sub.height;
		p->failed = p->failed || e == NULL;
		p->out_of_memory = p->out_of_memory || sub.out_of_memory;
	}
	TN_VEC_FINISH(&tokens.tokens);
	return e;
}

static bool parse_fpart(struct parser *p, uint32_t *at, uint32_t limit, struct tn_ast_fpart *part) {
	const char *text = p->source->text;
	uint32_t i = *at;
	if (text[i] == '{' && !(i + 1 < limit && text[i + 1] == '{')) {
		struct fpart_range r;
		struct tn_span span = {.source = p->source, .begin = i, .caret = i, .end = i + 1};
		if (!find_brace_end(p->source, i + 1, limit, &r)) {
			parse_error(p, span, "this '{' is not closed; a brace itself is written '{{'");
			return false;
		}
		part->expr = parse_embedded(p, &r);
		if (part->expr == NULL) {
			return false;
		}
		uint32_t spec = r.spec_begin != 0 ? r.spec_begin : r.end;
		part->spec.text = tn_arena_strndup(p->arena, text + spec, r.end - spec);
		part->spec.length = r.end - spec;
		part->spec.span = (struct tn_span){.source = p->source, .begin = spec, .caret = spec, .end = r.end};
		*at = r.end + 1;
		return part->spec.text != NULL || !(p->out_of_memory = true);
	}
	uint32_t begin = i;
	while (i < limit) {
		bool twice = i + 1 < limit && text[i + 1] == text[i];
		if (text[i] == '\\') {
			i += 2;
		} else if (text[i] == '{' || text[i] == '}') {
			if (!twice) {
				if (text[i] == '}') {
					parse_error(p, (struct tn_span){.source = p->source, .begin = i, .caret = i, .end = i + 1},
						"a '}' alone; a brace itself is written '}}'");
					return false;
				}
				break;
			}
			i += 2;
		} else {
			i++;
		}
	}
	i = i < limit ? i : limit;
	part->text = tn_lex_unescape(p->source, begin, i, true, p->arena, &part->length, p->diag);
	*at = i;
	return part->text != NULL || !(p->out_of_memory = true);
}

struct tn_ast *parse_fstring(struct parser *p, const struct token *t) {
	TN_VEC(struct tn_ast_fpart) parts = {0};
	uint32_t begin = p->at++, at = t->fstring.begin, limit = t->fstring.end;
	bool ok = true;
	while (ok && at < limit) {
		struct tn_ast_fpart part = {0};
		ok = parse_fpart(p, &at, limit, &part) && (TN_VEC_PUSH(&parts, part) || !(p->out_of_memory = true));
	}
	struct tn_ast *node = ok ? parse_node(p, TN_AST_FSTRING, begin) : NULL;
	if (node != NULL) {
		node->fstring.count = (uint32_t)parts.count;
		node->fstring.parts = parse_copy(p, parts.items, parts.count, sizeof(*parts.items));
		node = node->fstring.parts == NULL ? NULL : node;
	}
	TN_VEC_FINISH(&parts);
	return node;
}
