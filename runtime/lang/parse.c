/* SPDX-License-Identifier: Apache-2.0 */
/* The parser's entry points, its view of the tokens, and recovery: after an error the statement loop skips to where a statement
 * may begin, and says nothing more until then, so that one mistake gives one message. */
#include "lang/parse.h"

#include <stdio.h>
#include <string.h>

/* ---- tokens ---- */

const struct token *parse_peek(const struct parser *p, uint32_t ahead) {
	return p->at + ahead < p->count ? &p->tokens[p->at + ahead] : &p->tokens[p->count - 1];
}
bool parse_is_at(const struct parser *p, uint32_t ahead, uint32_t punct) {
	const struct token *t = parse_peek(p, ahead);
	return t->kind == TOKEN_PUNCT && t->punct == punct;
}
bool parse_is(const struct parser *p, uint32_t punct) {
	return parse_is_at(p, 0, punct);
}
bool parse_is_word(const struct parser *p, const char *word) {
	const struct token *t = parse_peek(p, 0);
	return t->kind == TOKEN_NAME && strcmp(t->str.text, word) == 0;
}
bool parse_accept(struct parser *p, uint32_t punct) {
	bool is = parse_is(p, punct);
	p->at += is;
	return is;
}
bool parse_accept_word(struct parser *p, const char *word) {
	bool is = parse_is_word(p, word);
	p->at += is;
	return is;
}

bool parse_is_keyword(const struct token *t) {
	static const char *const words[] = {"if", "else", "while", "do", "for", "switch", "case", "default", "break", "continue",
		"return", "const", "struct", "auto", "import", "try", "catch", "grad", "true", "false", "empty"};
	for (size_t i = 0; t->kind == TOKEN_NAME && i < TN_ARRAY_LEN(words); i++) {
		if (strcmp(t->str.text, words[i]) == 0) {
			return true;
		}
	}
	return false;
}

struct tn_span parse_token_span(const struct parser *p, const struct token *t) {
	uint32_t begin = t->begin, end = t->end > t->begin ? t->end : t->begin + 1;
	if (t->kind == TOKEN_END && p->at > 0) { /* the end of the text: point behind its last token */
		const struct token *last = &p->tokens[p->at - 1];
		begin = last->end;
		end = last->end + 1;
	}
	return (struct tn_span){.source = p->source, .begin = begin, .caret = begin, .end = end};
}
struct tn_span parse_span_from(const struct parser *p, uint32_t begin_token) {
	uint32_t last = p->at > begin_token ? p->at - 1 : begin_token;
	return (struct tn_span){.source = p->source,
		.begin = p->tokens[begin_token].begin,
		.caret = p->tokens[begin_token].begin,
		.end = p->tokens[last].end};
}

struct tn_error *parse_error(struct parser *p, struct tn_span span, const char *format, ...) {
	bool told = parse_peek(p, 0)->doubtful || (p->at > p->statement && p->tokens[p->at - 1].doubtful) || p->patched == p->at + 1;
	p->error_count++;
	if (p->failed || told) {
		p->failed = true;
		return NULL;
	}
	p->failed = true;
	bool at_end = parse_peek(p, 0)->kind == TOKEN_END && p->at > 0 && span.begin >= p->tokens[p->at - 1].end;
	p->hit_end = p->hit_end || (at_end && !p->embedded && p->diag->errors.count == 0);
	char text[TN_ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return tn_diagnostics_add(p->diag, span, TN_ERR_SYNTAX, "%s", text);
}

static void text_of(const struct parser *p, const struct token *t, char out[48]) {
	if (t->kind == TOKEN_END) {
		snprintf(out, 48, "%s", p->embedded ? "the end of the braces" : "the end of the text");
	} else {
		int n = (int)(t->end - t->begin);
		for (n = n > 40 ? 40 : n; n > 0 && ((unsigned char)p->source->text[t->begin + (uint32_t)n] & 0xc0) == 0x80; n--) {
		} /* no cut inside a character */
		snprintf(out, 48, "'%.*s'", n, p->source->text + t->begin);
	}
}

bool parse_expect(struct parser *p, uint32_t punct, const char *what) {
	const char *hint = punct != P1('{')  ? NULL
		: parse_is(p, P1(':'))       ? "a body stands in braces: { … }"
		: parse_is(p, P2('-', '>')) ? "the result's type stands in front: int f(int x) { … }"
									 : NULL;
	return parse_expect_hint(p, punct, what, hint);
}

bool parse_expect_hint(struct parser *p, uint32_t punct, const char *what, const char *hint) {
	if (parse_accept(p, punct)) {
		return true;
	}
	char found[48];
	text_of(p, parse_peek(p, 0), found);
	struct tn_error *err = parse_error(p, parse_token_span(p, parse_peek(p, 0)), "expected %s, found %s", what, found);
	if (hint != NULL) {
		tn_error_hint(err, "%s", hint);
	}
	return false;
}

/* The words that begin no statement but go on with one. */
static bool goes_on(const struct token *t) {
	return t->kind == TOKEN_NAME && (strcmp(t->str.text, "else") == 0 || strcmp(t->str.text, "catch") == 0);
}

/* Behind an operand, or the ':' of a Python block, no name goes on in the next line. */
bool parse_begins_anew(const struct parser *p) {
	const struct token *t = parse_peek(p, 0);
	if (p->at == 0 || !t->line_before || t->kind != TOKEN_NAME || goes_on(t)) {
		return false;
	}
	const struct token *last = &p->tokens[p->at - 1];
	bool keyword = parse_is_keyword(last) && strcmp(last->str.text, "true") != 0 && strcmp(last->str.text, "false") != 0 &&
		strcmp(last->str.text, "empty") != 0;
	return last->kind == TOKEN_PUNCT ? last->punct == P1(')') || last->punct == P1(']') || last->punct == P1(':') : !keyword;
}

/* `add(int a, int b) {` or `(int v) {` in place of a lambda: a type where a value is wanted. NULL: no such thing. */
static const char *hint_typed(const struct parser *p) {
	static const char *const types[] = {"int", "float", "bool", "string", "tensor", "auto"};
	const struct token *last = &p->tokens[p->at > 0 ? p->at - 1 : 0];
	for (size_t i = 0; parse_peek(p, 0)->kind == TOKEN_NAME && last->kind == TOKEN_NAME && i < TN_ARRAY_LEN(types); i++) {
		if (strcmp(last->str.text, types[i]) == 0) {
			return p->tokens[p->statement].kind == TOKEN_NAME && p->tokens[p->statement + 1].kind == TOKEN_PUNCT &&
					p->tokens[p->statement + 1].punct == P1('(')
				? "a function begins with its result's type: int f(int x) { … }"
				: "a lambda is written (int x) => x + 1, or (int x) => { … }";
		}
	}
	return NULL;
}

bool parse_close(struct parser *p, uint32_t punct, const char *what) {
	if (parse_accept(p, punct)) {
		return true;
	}
	const struct token *t = parse_peek(p, 0);
	bool line = t->line_before && t->kind != TOKEN_END;
	bool there = parse_begins_anew(p) || parse_is(p, P1(';')) || parse_is(p, P1('{')) || parse_is(p, P1('}')) || parse_is(p, P1(')')) ||
		parse_is(p, P1(']'));
	if (!there || p->failed || p->embedded) {
		bool step = parse_is(p, P2('+', '+')) || parse_is(p, P2('-', '-'));
		return parse_expect_hint(p, punct, what, step ? "++ and -- are statements of their own" : hint_typed(p));
	}
	char found[48];
	text_of(p, t, found);
	struct tn_span span = parse_token_span(p, t);
	if (line) { /* as for a missing ';' */
		const struct token *last = &p->tokens[p->at - 1];
		span = (struct tn_span){.source = p->source, .begin = last->end - 1, .caret = last->end, .end = last->end + 1};
	}
	parse_error(p, span, "expected %s, found %s", what, line ? "the end of the line" : found);
	p->failed = false;
	p->patched = p->at + 1;
	return true;
}

bool parse_name(struct parser *p, struct tn_name *out, const char *what) {
	const struct token *t = parse_peek(p, 0);
	if (t->kind != TOKEN_NAME || parse_is_keyword(t)) {
		char found[48];
		text_of(p, t, found);
		parse_error(p, parse_token_span(p, t), "expected %s, found %s%s", what, found,
			t->kind == TOKEN_NAME ? ", which is a word of the language" : "");
		return false;
	}
	*out = (struct tn_name){.text = t->str.text, .length = t->str.length, .span = parse_token_span(p, t)};
	p->at++;
	return true;
}

uint32_t parse_matching(const struct parser *p, uint32_t at) {
	int depth = 0;
	for (; at < p->count - 1; at++) {
		const struct token *t = &p->tokens[at];
		if (t->kind == TOKEN_PUNCT) {
			depth += t->punct == P1('(') || t->punct == P1('[') || t->punct == P1('{');
			depth -= t->punct == P1(')') || t->punct == P1(']') || t->punct == P1('}');
			if (depth <= 0) {
				return at;
			}
		}
	}
	return p->count - 1;
}

/* ---- nodes ---- */

struct tn_ast *parse_node(struct parser *p, enum tn_ast_kind kind, uint32_t begin_token) {
	struct tn_ast *node = TN_ARENA_NEW(p->arena, struct tn_ast);
	if (node == NULL) {
		p->out_of_memory = true;
		return NULL;
	}
	node->kind = kind;
	node->span = parse_span_from(p, begin_token);
	return node;
}
bool parse_push(struct parser *p, struct node_list *list, struct tn_ast *node) {
	if (node == NULL) {
		return false;
	}
	if (!TN_VEC_PUSH(&list->v, node)) {
		p->out_of_memory = true;
		return false;
	}
	return true;
}
void *parse_copy(struct parser *p, const void *items, size_t count, size_t size) {
	void *out = tn_arena_array(p->arena, count == 0 ? 1 : count, size);
	if (out == NULL) {
		p->out_of_memory = true;
	} else if (count > 0) {
		memcpy(out, items, count * size);
	}
	return out;
}
bool parse_finish_list(struct parser *p, struct node_list *list, struct tn_ast_list *out) {
	out->items = parse_copy(p, list->v.items, list->v.count, sizeof(*list->v.items));
	out->count = (uint32_t)list->v.count;
	return out->items != NULL;
}
bool parse_enter(struct parser *p) {
	if (p->depth >= PARSE_MAX_DEPTH) {
		parse_error(
			p, parse_token_span(p, parse_peek(p, 0)), "nested too deeply: at most %d levels are possible", PARSE_MAX_DEPTH);
		return false;
	}
	p->depth++;
	return true;
}

bool parse_grow(struct parser *p) {
	if (++p->height > PARSE_MAX_HEIGHT) {
		parse_error(p, parse_token_span(p, parse_peek(p, 0)),
			"this expression is too long: at most %d operators in a row are possible", PARSE_MAX_HEIGHT);
		return false;
	}
	return true;
}

/* ---- recovery ---- */

/* Whether the '}' at the current token may be a statement's last. */
static bool ends_statement(const struct parser *p) {
	const struct token *next = parse_peek(p, 1);
	if (next->kind == TOKEN_NAME) {
		return next->line_before && !goes_on(next);
	}
	return next->kind != TOKEN_PUNCT || next->punct == P1('}') ||
		(next->line_before && (next->punct == P1('{') || next->punct == P1('(')));
}

static bool begins_definition(const struct parser *p) {
	const struct token *t = parse_peek(p, 0);
	bool first_column = t->begin == 0 || p->source->text[t->begin - 1] == '\n';
	return first_column && t->kind == TOKEN_NAME && (strcmp(t->str.text, "struct") == 0 || parse_decl_ahead(p, false));
}

/* A ';' inside round brackets ends the statement too, for one of them was not closed, but in the header of a `for`. */
bool parse_recover(struct parser *p, uint32_t begin, int depth) {
	uint32_t failed_at = p->at;
	int braces = 0, brackets = 0;
	const struct token *first = &p->tokens[begin];
	bool is_for = first->kind == TOKEN_NAME && strcmp(first->str.text, "for") == 0;
	p->failed = false;
	p->depth = depth;
	p->height = 0;
	for (p->at = begin; parse_peek(p, 0)->kind != TOKEN_END; p->at++) {
		const struct token *t = parse_peek(p, 0);
		uint32_t punct = t->kind == TOKEN_PUNCT ? t->punct : 0;
		bool reached = p->at >= failed_at;
		brackets += (punct == P1('(') || punct == P1('[')) - (punct == P1(')') || punct == P1(']'));
		braces += punct == P1('{');
		if (punct == P1('}')) {
			if (braces == 0) {
				break;
			}
			braces--;
		}
		bool end = (punct == P1(';') && !(is_for && brackets > 0) && !goes_on(parse_peek(p, 1))) ||
			(punct == P1('}') && ends_statement(p)) || t->kind == TOKEN_COMMAND;
		if (reached && braces == 0 && end) {
			p->at++;
			break;
		}
		bool ate_line =
			p->at > begin && braces == 0 && t->line_before && p->tokens[p->at - 1].doubtful; /* a string that does not close */
		bool anew = braces == 0 && parse_begins_anew(p); /* its ';' is missing, or the bracket before it */
		if (reached && p->at > begin && (ate_line || anew || (depth == 0 && begins_definition(p)))) {
			break;
		}
	}
	return !p->out_of_memory && p->error_count < TN_MAX_ERRORS && p->diag->errors.count < TN_MAX_ERRORS;
}

/* ---- a whole source ---- */

/* ---- parameter cells: only `name = literal` lines, as schedulers write them, without ';' ---- */

static bool is_punct(const struct token *t, uint32_t punct) {
	return t->kind == TOKEN_PUNCT && t->punct == punct;
}
static bool is_name(const struct token *t, const char *text) {
	return t->kind == TOKEN_NAME && strcmp(t->str.text, text) == 0;
}

static bool skip_literal(const struct parser *p, uint32_t *i, int depth);

/* Behind an opening bracket: literals with commas between them, as keys and values in a map, up to `close`. */
static bool skip_literals(const struct parser *p, uint32_t *i, uint32_t close, int depth) {
	while (!is_punct(&p->tokens[*i], close)) {
		if (close == P1('}')) {
			bool key = p->tokens[*i].kind == TOKEN_STRING && is_punct(&p->tokens[*i + 1], P1(':'));
			*i += 2;
			if (!key) {
				return false;
			}
		}
		if (!skip_literal(p, i, depth)) {
			return false;
		}
		if (is_punct(&p->tokens[*i], P1(','))) {
			(*i)++;
		} else if (!is_punct(&p->tokens[*i], close)) {
			return false;
		}
	}
	(*i)++;
	return true;
}

/* A number with its sign, inf, nan, a string, a truth value (also as Python writes it), a list, tuple or map of such, float("nan"). */
static bool skip_literal(const struct parser *p, uint32_t *i, int depth) {
	static const char *const words[] = {"true", "false", "True", "False", "inf", "nan"};
	const struct token *t = &p->tokens[*i];
	uint32_t close = is_punct(t, P1('[')) ? P1(']') : is_punct(t, P1('{')) ? P1('}') : is_punct(t, P1('(')) ? P1(')') : 0;
	if (close != 0) {
		(*i)++;
		return depth < PARSE_MAX_DEPTH && skip_literals(p, i, close, depth + 1);
	}
	*i += is_punct(t, P1('-')) || is_punct(t, P1('+'));
	t = &p->tokens[*i];
	if (is_name(t, "float") && is_punct(t + 1, P1('(')) && t[2].kind == TOKEN_STRING && is_punct(t + 3, P1(')'))) {
		*i += 4;
		return true;
	}
	bool word = false;
	for (size_t k = 0; k < TN_ARRAY_LEN(words); k++) {
		word = word || is_name(t, words[k]);
	}
	(*i)++;
	return word || (t->kind >= TOKEN_INT && t->kind <= TOKEN_STRING);
}

static bool is_parameter_cell(const struct parser *p) {
	uint32_t i = 0;
	while (p->tokens[i].kind != TOKEN_END) {
		if (p->tokens[i].kind != TOKEN_NAME || !p->tokens[i].line_before || !is_punct(&p->tokens[i + 1], P1('='))) {
			return false;
		}
		i += 2;
		if (!skip_literal(p, &i, 0)) {
			return false;
		}
		i += is_punct(&p->tokens[i], P1(';'));
	}
	return i > 0;
}

/* A scheduler that knows Python only writes True, and `# Parameters` on top. Nobody can mend what it writes. */
static bool take_parameter_cell(struct parser *p, struct token_list *list, size_t errors_before) {
	if (!is_parameter_cell(p)) {
		return false;
	}
	struct token *tokens = list->tokens.items;
	bool written = false; /* by a person, who knows of the ';' */
	for (struct token *t = tokens; t->kind != TOKEN_END; t++) {
		written = written || is_punct(t, P1(';'));
	}
	for (struct token *t = tokens; !written && t->kind != TOKEN_END; t++) {
		if (is_name(t, "True") || is_name(t, "False")) {
			t->str.text = t->str.text[0] == 'T' ? "true" : "false";
		}
	}
	static const char heading[] = "# Parameters";
	bool headed = p->source->length > sizeof(heading) && memcmp(p->source->text, heading, sizeof(heading) - 1) == 0;
	if (headed && list->hash_lines == 1 && p->diag->errors.count - errors_before == 1) {
		p->diag->errors.count = errors_before;
		tokens[0].doubtful = false;
	}
	return true;
}

/* The source must be UTF-8 without NUL. */
static bool check_bytes(const struct tn_source *source, struct tn_diagnostics *diag) {
	size_t bad;
	const char *nul = memchr(source->text, '\0', source->length);
	if (nul != NULL) {
		uint32_t at = (uint32_t)(nul - source->text);
		tn_diagnostics_add(diag, (struct tn_span){source, at, at, at + 1}, TN_ERR_SYNTAX, "the text holds a NUL byte");
		return false;
	}
	if (!tn_utf8_valid(source->text, source->length, &bad)) {
		uint32_t at = (uint32_t)bad;
		tn_diagnostics_add(diag, (struct tn_span){source, at, at, at + 1}, TN_ERR_SYNTAX,
			"the text is not UTF-8: byte %02x at offset %u", (unsigned char)source->text[at], at);
		return false;
	}
	return true;
}

static void mark_display(struct tn_ast_list *items) {
	for (uint32_t i = 0; i + 1 < items->count; i++) {
		if (items->items[i]->kind == TN_AST_EXPR_STMT) {
			items->items[i]->expr.display = false;
		}
	}
}

/* Brackets nested deeper than the parser follows are refused before it looks, so that no look-ahead recurses far either. */
static bool check_nesting(const struct tn_source *source, const struct token_list *list, struct tn_diagnostics *diag) {
	int depth = 0;
	for (size_t i = 0; i < list->tokens.count; i++) {
		const struct token *t = &list->tokens.items[i];
		if (t->kind != TOKEN_PUNCT) {
			continue;
		}
		depth += t->punct == P1('(') || t->punct == P1('[') || t->punct == P1('{');
		depth -= (t->punct == P1(')') || t->punct == P1(']') || t->punct == P1('}')) && depth > 0;
		if (depth > PARSE_MAX_DEPTH) {
			struct tn_span span = {.source = source, .begin = t->begin, .caret = t->begin, .end = t->end};
			tn_diagnostics_add(diag, span, TN_ERR_SYNTAX, "nested too deeply: at most %d levels are possible", PARSE_MAX_DEPTH);
			return false;
		}
	}
	return true;
}

/* *hit_end: the text ends where more must come: the first error is that, or its last line is documentation. */
bool parse_source(const struct tn_source *source, struct tn_arena *arena, struct tn_ast_unit *unit,
	struct tn_diagnostics *diag, bool *hit_end) {
	struct token_list tokens = {0};
	struct node_list items = {0};
	size_t before = diag->errors.count;
	*unit = (struct tn_ast_unit){0};
	if (!check_bytes(source, diag)) {
		return false;
	}
	bool ok = tn_lex(source, 0, (uint32_t)source->length, true, arena, &tokens, diag);
	struct parser p = {
		.source = source, .arena = arena, .diag = diag, .tokens = tokens.tokens.items, .count = (uint32_t)tokens.tokens.count};
	if (ok && check_nesting(source, &tokens, diag)) {
		p.parameter_cell = take_parameter_cell(&p, &tokens, before);
		while (parse_peek(&p, 0)->kind != TOKEN_END) {
			uint32_t begin = p.at;
			if (!parse_statement(&p, &items, true)) {
				if (!parse_recover(&p, begin, 0)) {
					break;
				}
				p.at += parse_is(&p, P1('}')); /* one that closes nothing */
			}
		}
		ok = !p.out_of_memory && parse_finish_list(&p, &items, &unit->items);
		mark_display(&unit->items);
	}
	if (!ok) {
		diag->errors.count = before; /* what a part that could not be kept looked like says nothing of the text */
		tn_diagnostics_add(diag, (struct tn_span){0}, TN_ERR_MEMORY, "out of memory");
	}
	bool awaited = ok && tokens.tokens.items[tokens.tokens.count - 1].doc != NULL; /* a `///` that documents nothing yet */
	*hit_end = p.hit_end || tokens.open_comment || awaited;
	TN_VEC_FINISH(&tokens.tokens);
	TN_VEC_FINISH(&items.v);
	return ok && diag->errors.count == before;
}

bool tn_parse(const struct tn_source *source, struct tn_arena *arena, struct tn_ast_unit *unit, struct tn_diagnostics *diag) {
	bool hit_end = false;
	return parse_source(source, arena, unit, diag, &hit_end);
}

struct tn_ast *tn_parse_signature(const struct tn_source *source, struct tn_arena *arena, struct tn_diagnostics *diag) {
	struct token_list tokens = {0};
	struct tn_ast *node = NULL;
	if (!tn_lex(source, 0, (uint32_t)source->length, false, arena, &tokens, diag)) {
		tn_diagnostics_add(diag, (struct tn_span){0}, TN_ERR_MEMORY, "out of memory");
	} else if (check_nesting(source, &tokens, diag)) {
		struct parser p = {.source = source,
			.arena = arena,
			.diag = diag,
			.tokens = tokens.tokens.items,
			.count = (uint32_t)tokens.tokens.count};
		struct tn_ast_type *result = parse_type(&p);
		node = result == NULL ? NULL : parse_function_rest(&p, result, 0, NULL);
		if (node != NULL && parse_peek(&p, 0)->kind != TOKEN_END) {
			parse_error(&p, parse_token_span(&p, parse_peek(&p, 0)), "expected the end of the signature");
			node = NULL;
		}
	}
	TN_VEC_FINISH(&tokens.tokens);
	return node;
}
