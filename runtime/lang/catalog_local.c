/* SPDX-License-Identifier: Apache-2.0 */
/* The variables that a cell declares above the cursor and that are in scope there, read off its tokens: declarations, parameters,
 * loop variables, lambdas' parameters, what catch binds, and at the top level the names that are assigned. A scope ends with its
 * brace, a lambda's with its bracket or statement. */
#include <string.h>

#include "lang/catalog_cell.h"

struct walk {
	struct catalog_cell *cell;
	int depth, inner; /* open braces; open brackets within the innermost brace or outside any */
	const char *type; /* of the declaration that stands here: `int a = 1, b` goes on */
	int type_inner;
	bool closed_brace; /* what ended last was a brace */
	bool failed;
};

static const struct token *at(const struct walk *w, uint32_t i) {
	return cell_token(w->cell, i);
}
static bool is(const struct walk *w, uint32_t i, uint32_t punct) {
	return cell_is(w->cell, i, punct);
}
static bool is_name(const struct walk *w, uint32_t i) {
	return i < w->cell->count && at(w, i)->kind == TOKEN_NAME;
}
static bool is_word(const struct walk *w, uint32_t i, const char *word) {
	return is_name(w, i) && strcmp(at(w, i)->str.text, word) == 0;
}

/* Also what stands before a type. */
static bool is_reserved(const struct walk *w, uint32_t i) {
	return parse_is_keyword(at(w, i)) || is_word(w, i, "as") || is_word(w, i, "frozen");
}

static void declare(struct walk *w, uint32_t name, struct cell_local local) {
	local.name = at(w, name)->str.text;
	local.depth = w->depth + (w->inner > 0 && !local.is_lambda); /* a header's or a parameter's lives in the braces behind it */
	local.inner = w->inner;
	if (strcmp(local.name, "_") != 0 && !TN_VEC_PUSH(&w->cell->locals, local)) {
		w->failed = true;
	}
}

/* What ends with the brace, bracket or statement that ended just now. */
static void drop(struct walk *w, bool statement) {
	struct cell_local *items = w->cell->locals.items;
	size_t kept = 0;
	for (size_t i = 0; i < w->cell->locals.count; i++) {
		bool gone = items[i].depth > w->depth + (w->inner > 0);
		if (items[i].is_lambda) {
			gone = gone || (items[i].depth >= w->depth && items[i].inner >= w->inner + !statement);
		} else if (w->inner > 0 || !w->closed_brace) {
			gone = false; /* only a brace ends what is no lambda's */
		}
		if (!gone) {
			items[kept++] = items[i];
		}
	}
	w->cell->locals.count = kept;
}

/* ---- types as they are written ---- */

/* Behind the [ ] groups that follow a type's name. Bare names in them are sizes that a parameter binds. */
static uint32_t pass_suffixes(struct walk *w, uint32_t i, bool binds) {
	while (is(w, i, P1('['))) {
		uint32_t close = cell_closing(w->cell, i);
		for (uint32_t k = i + 1; binds && k < close; k++) {
			bool bare = is_name(w, k) && (is(w, k - 1, P1('[')) || is(w, k - 1, P1(','))) &&
				(is(w, k + 1, P1(']')) || is(w, k + 1, P1(',')));
			if (bare) {
				declare(w, k, (struct cell_local){.type = "int", .part = -1});
			}
		}
		i = close + 1;
	}
	return i;
}

/* The token behind the type that begins at i, or 0 where none does. */
static uint32_t pass_type(struct walk *w, uint32_t i) {
	if (is(w, i, P1('('))) {
		uint32_t close = cell_closing(w->cell, i);
		return close < w->cell->count ? pass_suffixes(w, close + 1, false) : 0;
	}
	if (!is_name(w, i) || is_reserved(w, i)) {
		return 0;
	}
	i += is(w, i + 1, P1('.')) && is_name(w, i + 2) ? 3 : 1;
	return pass_suffixes(w, i, false);
}

/* A type and a name and what may follow: not a function's head. */
static bool is_declaration(struct walk *w, uint32_t i, uint32_t *name) {
	uint32_t end = pass_type(w, i);
	if (end == 0) {
		return false;
	}
	end += is(w, end, P1('&'));
	if (!is_name(w, end) || is_reserved(w, end)) {
		return false;
	}
	*name = end;
	uint32_t next = end + 1;
	return next >= w->cell->count || is(w, next, P1('=')) || is(w, next, P1(';')) || is(w, next, P1(',')) ||
		is(w, next, P1(')')) || is(w, next, P1(':')) || is(w, next, P1('}'));
}

static const char *type_text(struct walk *w, uint32_t first, uint32_t name) {
	uint32_t begin = at(w, first)->begin, end = at(w, name - 1)->end;
	if (is(w, name - 1, P1('&'))) {
		end = at(w, name - 2)->end;
	}
	const char *text = tn_arena_strndup(&w->cell->arena, w->cell->text + begin, end - begin);
	w->failed = w->failed || text == NULL;
	return text;
}

/* ---- declarations ---- */

/* The initialiser behind `=`, or what a loop goes over behind ':'. */
static struct cell_local initialiser(const struct walk *w, uint32_t i) {
	struct cell_local local = {.part = -1};
	if ((is(w, i, P1('=')) || is(w, i, P1(':'))) && i + 1 < w->cell->count) {
		local.init = i + 1;
		local.is_element = is(w, i, P1(':'));
	} else {
		local.type = "";
	}
	return local;
}

/* (a, (b, c)) at i: the names of the outer level know which part they are. */
static void declare_pattern(struct walk *w, uint32_t i) {
	uint32_t close = cell_closing(w->cell, i);
	struct cell_local local = initialiser(w, close + 1);
	int nesting = 0, part = 0;
	for (uint32_t k = i; k < close; k++) {
		nesting += is(w, k, P1('(')) - is(w, k, P1(')'));
		part += nesting == 1 && is(w, k, P1(','));
		if (is_name(w, k) && !is_reserved(w, k)) {
			struct cell_local one = local;
			one.part = part;
			one.type = nesting == 1 ? one.type : "";
			declare(w, k, one);
		}
	}
}

static void read_auto(struct walk *w, uint32_t i) {
	uint32_t name = i + 1 + is(w, i + 1, P1('&'));
	if (is(w, name, P1('('))) {
		declare_pattern(w, name);
	} else if (is_name(w, name) && !is(w, name + 1, P1('('))) {
		declare(w, name, initialiser(w, name + 1));
		w->type = NULL;
	}
}

static void read_typed(struct walk *w, uint32_t i) {
	uint32_t name;
	if (!is_declaration(w, i, &name)) {
		return;
	}
	w->type = type_text(w, i, name);
	w->type_inner = w->inner;
	if (w->inner > 0) {
		pass_suffixes(w, i + 1, true);
	}
	declare(w, name, (struct cell_local){.type = w->type, .part = -1});
}

/* (x, y) => : the parameters are the names before commas and the bracket. */
static void read_lambda(struct walk *w, uint32_t arrow) {
	uint32_t open = is(w, arrow - 1, P1(')')) ? cell_opening(w->cell, arrow - 1) : UINT32_MAX;
	if (open == UINT32_MAX) {
		return;
	}
	for (uint32_t k = open + 1; k + 1 < arrow; k++) {
		if (is_name(w, k) && (is(w, k + 1, P1(',')) || is(w, k + 1, P1(')')))) {
			declare(w, k,
				(struct cell_local){.type = is_name(w, k - 1) ? at(w, k - 1)->str.text : "", .part = -1, .is_lambda = true});
		}
	}
}

static bool begins_statement(const struct walk *w, uint32_t i) {
	return i == 0 || at(w, i - 1)->kind == TOKEN_COMMAND || is(w, i - 1, P1(';')) || is(w, i - 1, P1('{')) ||
		is(w, i - 1, P1('}'));
}

static bool begins_declaration(const struct walk *w, uint32_t i) {
	return begins_statement(w, i) || is(w, i - 1, P1('(')) || is(w, i - 1, P1(',')) || is(w, i - 1, P1(')')) ||
		is_word(w, i - 1, "const") || is_word(w, i - 1, "frozen") || is_word(w, i - 1, "else") || is_word(w, i - 1, "do");
}

static void read_token(struct walk *w, uint32_t i) {
	if (is_word(w, i, "auto")) {
		read_auto(w, i);
	} else if (is_word(w, i, "catch") && is(w, i + 1, P1('(')) && is_name(w, i + 2)) {
		w->inner++;
		declare(w, i + 2, (struct cell_local){.type = "ErrorInfo", .part = -1});
		w->inner--;
	} else if (begins_statement(w, i) && w->depth == 0 && w->inner == 0 && is_name(w, i) && is(w, i + 1, P1('='))) {
		declare(w, i, initialiser(w, i + 1));
	} else if (is_name(w, i) && i > 0 && is(w, i - 1, P1(',')) && w->type != NULL && w->inner == w->type_inner && w->inner == 0) {
		declare(w, i, (struct cell_local){.type = w->type, .part = -1});
	} else if (begins_declaration(w, i) && (is_name(w, i) || is(w, i, P1('(')))) {
		read_typed(w, i);
	} else if (i > 0 && is(w, i, P2('=', '>'))) {
		read_lambda(w, i);
	}
}

static void read_bracket(struct walk *w, uint32_t i) {
	w->closed_brace = is(w, i, P1('}'));
	if (is(w, i, P1('(')) || is(w, i, P1('['))) {
		w->inner++;
	} else if (is(w, i, P1(')')) || is(w, i, P1(']'))) {
		w->inner -= w->inner > 0;
		drop(w, false);
	} else if (is(w, i, P1('{'))) {
		w->depth++;
	} else if (w->closed_brace) {
		w->depth -= w->depth > 0;
		drop(w, false);
	} else if (is(w, i, P1(',')) || (is(w, i, P1(';')) && w->inner == 0)) {
		w->type = is(w, i, P1(',')) ? w->type : NULL;
		drop(w, true);
	}
}

bool cell_find_locals(struct catalog_cell *cell) {
	struct walk w = {.cell = cell};
	int braces[64]; /* the brackets that are open around each brace: a lambda's block inside a call begins afresh */
	for (uint32_t i = 0; i < cell->count && !w.failed; i++) {
		if (is(&w, i, P1('{')) && w.depth < (int)TN_ARRAY_LEN(braces)) {
			braces[w.depth] = w.inner;
			w.inner = 0;
		}
		read_token(&w, i);
		bool closes = is(&w, i, P1('}')) && w.depth > 0 && w.depth <= (int)TN_ARRAY_LEN(braces);
		read_bracket(&w, i);
		if (closes) {
			w.inner = braces[w.depth];
		}
	}
	return !w.failed;
}
