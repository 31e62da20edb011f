/* SPDX-License-Identifier: Apache-2.0 */
/* The lexer: source bytes to tokens. The source has been checked to be UTF-8 without NUL. F-strings are found whole here (nested
 * quotes and brackets skipped); the parser reads their parts with tn_lex on the part's own range, so spans stay those of the
 * source. */
#include "lang/token.h"

#include "lang/lang.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lexer {
	const struct tn_source *source;
	const char *text;
	uint32_t at, end;
	struct tn_arena *arena;
	struct token_list *out;
	struct tn_diagnostics *diag;
	uint32_t doc_begin, doc_end; /* from the first `///` before the coming token to the end of the last; equal: none */
	bool line_before, top;
	bool doubtful; /* what was read last was reported here already */
	bool separator; /* a line `// %%` was passed: it ends a statement, as the end of a cell does */
	int depth;     /* open brackets, so that commands are seen at top level only */
	bool statement_begins;
};

static bool is_name_start(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}
static bool is_digit(char c) {
	return c >= '0' && c <= '9';
}
static bool is_name_char(char c) {
	return is_name_start(c) || is_digit(c);
}
static char peek(const struct lexer *lx, uint32_t ahead) {
	return lx->at + ahead < lx->end ? lx->text[lx->at + ahead] : '\0';
}

static struct tn_span span_of(const struct lexer *lx, uint32_t begin, uint32_t end) {
	return (struct tn_span){.source = lx->source, .begin = begin, .caret = begin, .end = end};
}

/* ---- white space, comments, docs ---- */

/* The text of the `///` lines in [begin, end), each without its mark; whatever stands between such lines is passed over. One copy
 * for all lines, so that a long comment costs what its length does. */
static const char *make_doc(struct lexer *lx, uint32_t begin, uint32_t end) {
	char *out = tn_arena_alloc(lx->arena, (size_t)(end - begin) + 1);
	size_t n = 0;
	for (uint32_t i = begin; out != NULL && i < end;) {
		const char *feed = memchr(lx->text + i, '\n', end - i);
		uint32_t line_end = feed == NULL ? end : (uint32_t)(feed - lx->text), at = i;
		while (at < line_end && (lx->text[at] == ' ' || lx->text[at] == '\t')) {
			at++;
		}
		if (line_end - at >= 3 && memcmp(lx->text + at, "///", 3) == 0) {
			at += 3;
			at += at < line_end && lx->text[at] == ' ';
			while (line_end > at && (lx->text[line_end - 1] == '\r' || lx->text[line_end - 1] == ' ')) {
				line_end--;
			}
			out[n] = '\n';
			n += n > 0;
			memcpy(out + n, lx->text + at, line_end - at);
			n += line_end - at;
		}
		i = feed == NULL ? end : (uint32_t)(feed - lx->text) + 1;
	}
	if (out != NULL) {
		out[n] = '\0';
	}
	return out;
}

bool tn_lang_is_separator(const char *line, size_t length) {
	size_t at = 2;
	if (length < 4 || memcmp(line, "//", 2) != 0) {
		return false;
	}
	while (at < length && line[at] == ' ') {
		at++;
	}
	bool marks = at + 2 <= length && memcmp(line + at, "%%", 2) == 0;
	return marks && (at + 2 == length || strchr(" \t\r[", line[at + 2]) != NULL);
}

/* A `//` comment. One that begins with `///` documents what comes, or, behind a token of its line, what stood before (a field).
 */
static bool skip_line_comment(struct lexer *lx) {
	uint32_t begin = lx->at;
	const char *feed = memchr(lx->text + begin, '\n', lx->end - begin);
	lx->at = feed == NULL ? lx->end : (uint32_t)(feed - lx->text);
	bool first_column = begin == 0 || lx->text[begin - 1] == '\n';
	lx->separator = lx->separator || (lx->top && lx->depth == 0 && first_column && tn_lang_is_separator(lx->text + begin, lx->at - begin));
	if (lx->at - begin < 3 || lx->text[begin + 2] != '/' || lx->text[begin + 3] == '/') {
		return true;
	}
	if (lx->line_before) {
		lx->doc_begin = lx->doc_begin == lx->doc_end ? begin : lx->doc_begin;
		lx->doc_end = lx->at;
		return true;
	}
	struct token *last = lx->out->tokens.count > 0 ? &lx->out->tokens.items[lx->out->tokens.count - 1] : NULL;
	if (last != NULL && last->kind == TOKEN_PUNCT) {
		last->doc = make_doc(lx, begin, lx->at);
		return last->doc != NULL;
	}
	return true;
}

static void skip_block_comment(struct lexer *lx) {
	uint32_t begin = lx->at;
	lx->at += 2;
	while (lx->at < lx->end && !(peek(lx, 0) == '*' && peek(lx, 1) == '/')) {
		lx->line_before = lx->line_before || peek(lx, 0) == '\n';
		lx->at++;
	}
	if (lx->at >= lx->end) {
		lx->out->open_comment = true;
		lx->at = lx->end;
		tn_diagnostics_add(lx->diag, span_of(lx, begin, begin + 2), TN_ERR_SYNTAX, "this comment is not closed: expected '*/'");
		return;
	}
	lx->at += 2;
}

static bool skip_space(struct lexer *lx) {
	for (;;) {
		char c = peek(lx, 0);
		if (lx->at >= lx->end) {
			return true;
		}
		if (c == '\n') {
			lx->line_before = true;
			lx->at++;
		} else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') {
			lx->at++;
		} else if ((unsigned char)c == 0xc2 && (unsigned char)peek(lx, 1) == 0xa0) { /* a no-break space, as copied from pages */
			lx->at += 2;
		} else if (c == '/' && peek(lx, 1) == '/') {
			if (!skip_line_comment(lx)) {
				return false;
			}
		} else if (c == '/' && peek(lx, 1) == '*') {
			skip_block_comment(lx);
		} else {
			return true;
		}
	}
}

/* ---- numbers ---- */

static struct tn_error *bad_number(struct lexer *lx, uint32_t begin, const char *why) {
	return tn_diagnostics_add(lx->diag, span_of(lx, begin, lx->at), TN_ERR_SYNTAX, "%s", why);
}

/* 017: what C means by it, and what the digits alone would. */
static void hint_octal(const char *digits, struct tn_error *err) {
	const char *decimal = digits + strspn(digits, "0");
	bool octal = strspn(digits, "01234567") == strlen(digits) && strlen(digits) < 20;
	decimal = decimal[0] == '\0' ? "0" : decimal;
	if (err != NULL && octal && strlen(decimal) > 1) {
		tn_error_hint(err, "write %s, or %llu for the octal number", decimal, strtoull(digits, NULL, 8));
	} else if (err != NULL) {
		tn_error_hint(err, "write %.40s", decimal);
	}
}

/* What stands behind the digits: Python's 0o17, C's 10L and 1.0F, Python's 2j. */
static void hint_number(const struct lexer *lx, uint32_t suffix, struct tn_error *err) {
	const char *text = lx->text + suffix;
	uint32_t length = lx->at - suffix;
	char digits[24];
	if (err == NULL || length == 0) {
		return;
	}
	if ((text[0] == 'o' || text[0] == 'O') && length > 1 && length < sizeof(digits)) {
		snprintf(digits, sizeof(digits), "%.*s", (int)length - 1, text + 1);
		bool octal = strspn(digits, "01234567") == length - 1;
		tn_error_hint(err, octal ? "write the octal number as %llu, or in base 16 as 0x%llx" : "an octal number has the digits 0 to 7",
			strtoull(digits, NULL, 8), strtoull(digits, NULL, 8));
	} else if (length < sizeof(digits) && strspn(memcpy(memset(digits, 0, sizeof(digits)), text, length), "uUlLfF") == length) {
		tn_error_hint(err, "a number has no suffix: an int has 64 bits, a float too");
	} else if (length == 1 && (text[0] == 'j' || text[0] == 'J' || text[0] == 'i')) {
		tn_error_hint(err, "there are no complex numbers");
	} else {
		tn_error_hint(err, "a name does not begin with a digit");
	}
}

static void lex_integer(struct lexer *lx, struct token *t, const char *digits, int base) {
	errno = 0;
	unsigned long long v = strtoull(digits, NULL, base);
	t->kind = TOKEN_INT;
	if (errno == ERANGE || v > (unsigned long long)INT64_MAX + 1) {
		bad_number(lx, t->begin, "this integer does not fit an int: expected at most 9223372036854775807");
		v = 0;
	}
	t->i = (int64_t)v; /* 2^63 wraps: only -9223372036854775808 may use it, and the parser says so */
}

static bool lex_number(struct lexer *lx, struct token *t) {
	char digits[400];
	size_t n = 0;
	int base = 10;
	bool is_float = false;
	if (peek(lx, 0) == '0' && (peek(lx, 1) == 'x' || peek(lx, 1) == 'X' || peek(lx, 1) == 'b' || peek(lx, 1) == 'B')) {
		base = (peek(lx, 1) | 32) == 'x' ? 16 : 2;
		lx->at += 2;
	}
	for (;; lx->at++) {
		char c = peek(lx, 0);
		bool digit = base == 16 ? (is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f')) : is_digit(c);
		if (c == '_' && n > 0) {
			continue;
		}
		if (base == 10 && c == '.' && !is_float && peek(lx, 1) != '.' &&
			!(is_name_start(peek(lx, 1)) && (peek(lx, 1) | 32) != 'e' && peek(lx, 1) != 'f')) {
			is_float = true;
		} else if (base == 10 && (c | 32) == 'e' && n > 0 &&
			(is_digit(peek(lx, 1)) || ((peek(lx, 1) == '-' || peek(lx, 1) == '+') && is_digit(peek(lx, 2))))) {
			is_float = true;
			if (n + 2 < sizeof(digits)) {
				digits[n++] = 'e';
			}
			if (!is_digit(peek(lx, 1))) {
				lx->at++;
				c = peek(lx, 0);
			} else {
				continue;
			}
		} else if (!digit) {
			break;
		}
		if (n + 2 >= sizeof(digits)) {
			bad_number(lx, t->begin, "this number has too many digits");
			return true;
		}
		digits[n++] = c;
	}
	digits[n] = '\0';
	if (base == 10 && peek(lx, 0) == 'f' && !is_name_char(peek(lx, 1))) {
		is_float = true;
		lx->at++;
	}
	if (n == 0 || is_name_char(peek(lx, 0))) {
		uint32_t suffix = lx->at;
		while (is_name_char(peek(lx, 0))) {
			lx->at++;
		}
		t->kind = TOKEN_INT;
		hint_number(lx, suffix, bad_number(lx, t->begin, "this is not a number"));
		return true;
	}
	if (!is_float) {
		if (base == 2 && strspn(digits, "01") != n) {
			bad_number(lx, t->begin, "a binary number has the digits 0 and 1");
		}
		if (base == 10 && n > 1 && digits[0] == '0') {
			hint_octal(digits, bad_number(lx, t->begin, "an integer does not begin with 0: in C this would be octal"));
			t->kind = TOKEN_INT;
			return true;
		}
		lex_integer(lx, t, digits, base);
		return true;
	}
	t->kind = TOKEN_FLOAT;
	if (!tn_parse_f64(digits, n, &t->f)) {
		bad_number(lx, t->begin, "this is not a number");
	}
	return true;
}

/* ---- strings ---- */

static int hex_value(const char *p, int digits) {
	int v = 0;
	for (int i = 0; i < digits; i++) {
		char c = p[i];
		int d = is_digit(c) ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
		if (d < 0) {
			return -1;
		}
		v = v * 16 + d;
	}
	return v;
}

/* One escape at p (behind the backslash): writes at most 4 bytes, gives how many source bytes it took; 0 = unknown. */
static uint32_t unescape_one(const char *p, const char *end, char *out, size_t *written) {
	static const char plain[] = "n\nt\tr\ra\ab\bf\fv\v\\\\\"\"''??";
	*written = 1;
	if (p < end && *p == 'x' && end - p >= 3 && hex_value(p + 1, 2) >= 0) {
		*written = tn_utf8_encode((uint32_t)hex_value(p + 1, 2), out);
		return 3;
	}
	if (p < end && (*p == 'u' || *p == 'U')) {
		int digits = *p == 'u' ? 4 : 8;
		if (end - p > digits && hex_value(p + 1, digits) >= 0 &&
			(*written = tn_utf8_encode((uint32_t)hex_value(p + 1, digits), out)) > 0) {
			return (uint32_t)digits + 1;
		}
		return 0;
	}
	uint32_t octal = 0, value = 0;
	while (octal < 3 && p + octal < end && p[octal] >= '0' && p[octal] <= '7' && value * 8 < 256) {
		value = value * 8 + (uint32_t)(p[octal++] - '0');
	}
	if (octal > 0) {
		*written = tn_utf8_encode(value, out);
		return octal;
	}
	for (size_t i = 0; p < end && i + 1 < sizeof(plain); i += 2) {
		if (plain[i] == *p) {
			*out = plain[i + 1];
			return 1;
		}
	}
	return 0;
}

const char *tn_lex_unescape(const struct tn_source *source, uint32_t begin, uint32_t end, bool braces, struct tn_arena *arena,
	uint32_t *length, struct tn_diagnostics *diag) {
	char *out = tn_arena_alloc(arena, (size_t)(end - begin) + 5);
	uint32_t n = 0;
	if (out == NULL) {
		return NULL;
	}
	for (uint32_t i = begin; i < end;) {
		char c = source->text[i];
		if (braces && (c == '{' || c == '}') && i + 1 < end && source->text[i + 1] == c) {
			out[n++] = c;
			i += 2;
		} else if (c == '\\') {
			size_t written;
			uint32_t took = unescape_one(source->text + i + 1, source->text + end, out + n, &written);
			if (took == 0) {
				struct tn_span span = {.source = source, .begin = i, .caret = i, .end = i + 2 < end ? i + 2 : end};
				tn_diagnostics_add(diag, span, TN_ERR_SYNTAX, "unknown escape in a string");
				written = 0;
				took = 1;
			}
			n += (uint32_t)written;
			i += 1 + took;
		} else {
			out[n++] = c;
			i++;
		}
	}
	out[n] = '\0';
	*length = n;
	return out;
}

/* Moves behind the closing quote; nested strings inside the braces of an f-string may use any quotes. False: the line ended
 * first. */
static bool skip_string(struct lexer *lx, char quote, bool is_f, int depth) {
	int braces = 0;
	while (lx->at < lx->end) {
		char c = peek(lx, 0);
		if (c == '\n') {
			return false;
		}
		if (braces == 0 && c == '\\') {
			lx->at += 2;
			continue;
		}
		if (is_f && c == '{') {
			if (braces == 0 && peek(lx, 1) == '{') {
				lx->at += 2;
				continue;
			}
			braces++;
		} else if (is_f && c == '}' && braces > 0) {
			braces--;
		} else if (braces > 0 && (c == '"' || c == '\'')) {
			bool inner_f = lx->at > 0 && lx->text[lx->at - 1] == 'f';
			lx->at++;
			if (depth > 20 || !skip_string(lx, c, inner_f, depth + 1)) {
				return false;
			}
			continue;
		} else if (braces == 0 && c == quote) {
			lx->at++;
			return true;
		}
		lx->at++;
	}
	return false;
}

uint32_t tn_lex_string_end(const struct tn_source *source, uint32_t begin, uint32_t end) {
	struct lexer lx = {.source = source, .text = source->text, .at = begin + 1, .end = end};
	return skip_string(&lx, source->text[begin], begin > 0 && source->text[begin - 1] == 'f', 0) && lx.at <= end ? lx.at : end;
}

static bool lex_string(struct lexer *lx, struct token *t, bool is_f) {
	char quote = peek(lx, 0);
	uint32_t begin = ++lx->at;
	if (!skip_string(lx, quote, is_f, 0) || lx->at > lx->end) {
		const char *feed = memchr(lx->text + begin, '\n', lx->end - begin);
		lx->at = feed == NULL ? lx->end : (uint32_t)(feed - lx->text);
		struct tn_error *err = tn_diagnostics_add(lx->diag, span_of(lx, t->begin, t->begin + 1 + is_f), TN_ERR_SYNTAX,
			"this string is not closed: expected %c on the same line", quote);
		bool triple = t->begin > 1 && lx->text[t->begin - 1] == quote && lx->text[t->begin - 2] == quote;
		tn_error_hint(err, "%s", triple ? "a comment over several lines is written /* … */; a line of documentation begins with ///" : "");
		lx->doubtful = true;
		t->kind = TOKEN_STRING;
		t->str.text = "";
		t->str.length = 0;
		return true;
	}
	if (is_f) {
		t->kind = TOKEN_FSTRING;
		t->fstring.begin = begin;
		t->fstring.end = lx->at - 1;
		t->fstring.quote = quote;
		return true;
	}
	t->kind = TOKEN_STRING;
	t->str.text = tn_lex_unescape(lx->source, begin, lx->at - 1, false, lx->arena, &t->str.length, lx->diag);
	return t->str.text != NULL;
}

/* ---- names, punctuation ---- */

static uint32_t stray_length(const struct lexer *lx, uint32_t *code);

static bool lex_name(struct lexer *lx, struct token *t) {
	uint32_t begin = lx->at, code;
	while (is_name_char(peek(lx, 0)) && stray_length(lx, &code) == 0) {
		lx->at++;
	}
	t->kind = TOKEN_NAME;
	t->str.length = lx->at - begin;
	t->str.text = tn_arena_strndup(lx->arena, lx->text + begin, t->str.length);
	return t->str.text != NULL;
}

/* A line of C's preprocessor, or a comment of Python. */
static void hint_hash(const char *line, uint32_t length, struct tn_error *err) {
	static const char *const words[] = {"if", "ifdef", "ifndef", "else", "elif", "endif", "undef", "pragma", "error"};
	char text[120], word[16] = "", name[40] = "", value[60] = "";
	snprintf(text, sizeof(text), "%.*s", length > 118 ? 118 : (int)length, line);
	int found = sscanf(text, "# %15[a-z] %39[A-Za-z0-9_.\"/<>] %59[^;\r\n]", word, name, value);
	bool macro = false;
	for (size_t i = 0; err != NULL && i < TN_ARRAY_LEN(words); i++) {
		macro = macro || strcmp(word, words[i]) == 0;
	}
	const char *end = strchr(name, '.');
	if (strcmp(word, "define") == 0 && strchr(text, '(') != NULL && strstr(text, name) + strlen(name) == strchr(text, '(')) {
		tn_error_hint(err, "there is no preprocessor: a function is written float %s(float x) { return …; }", name);
	} else if (strcmp(word, "define") == 0 && found == 3) {
		const char *type = value[0] == '"' ? "string" : strspn(value, "-0123456789") == strlen(value) ? "int" : strspn(value, "-+.0123456789ef") == strlen(value) ? "float" : "auto";
		tn_error_hint(err, "there is no preprocessor: const %s %s = %s;", type, name, value);
	} else if (strcmp(word, "include") == 0 && name[0] == '"' && end != NULL) {
		tn_error_hint(err, "a file's names come by import %.*s.tn\";", (int)(end - name), name);
	} else if (strcmp(word, "include") == 0) {
		tn_error_hint(err, "the library is always there; a file's names come by import \"file.tn\";");
	} else if (line[1] != ' ' && (macro || strcmp(word, "define") == 0)) {
		tn_error_hint(err, "there is no preprocessor: if (…) { … } decides when it runs, const int N = 10; names a value");
	} else {
		tn_error_hint(err, "a comment begins with //");
	}
}

/* Characters that are in no token: those that begin Python's and the preprocessor's lines take their line with them. */
static void bad_character(struct lexer *lx, char c) {
	uint32_t begin = lx->at++;
	lx->doubtful = true;
	if (c == '#') {
		lx->out->hash_lines += begin == 0 || lx->text[begin - 1] == '\n';
		const char *feed = memchr(lx->text + begin, '\n', lx->end - begin);
		lx->at = feed == NULL ? lx->end : (uint32_t)(feed - lx->text);
		hint_hash(lx->text + begin, lx->at - begin,
			tn_diagnostics_add(lx->diag, span_of(lx, begin, begin + 1), TN_ERR_SYNTAX, "unexpected character '#'"));
	} else if (c > ' ' && c < 0x7f) {
		tn_diagnostics_add(lx->diag, span_of(lx, begin, lx->at), TN_ERR_SYNTAX, "unexpected character '%c'", c);
	} else {
		tn_diagnostics_add(
			lx->diag, span_of(lx, begin, lx->at), TN_ERR_SYNTAX, "unexpected control character U+%04X", (unsigned char)c);
	}
}

/* Not to be seen, or not to be told from others: Unicode's format characters (Cf), spaces and separators (Zs, Zl, Zp), variation selectors
 * and fillers. Two names that differ by one of them look alike. */
static const struct {
	uint32_t first, last;
	const char *name;
} unseen[] = {{0x80, 0x9f, "a control character"}, {0xa0, 0xa0, "a no-break space"}, {0xad, 0xad, "a soft hyphen"}, {0x34f, 0x34f, NULL},
	{0x600, 0x605, NULL}, {0x61c, 0x61c, "a mark of writing direction"}, {0x6dd, 0x6dd, NULL}, {0x70f, 0x70f, NULL}, {0x890, 0x891, NULL},
	{0x8e2, 0x8e2, NULL}, {0x115f, 0x1160, "a filler"}, {0x1680, 0x1680, "an unusual space"}, {0x17b4, 0x17b5, NULL},
	{0x180b, 0x180f, NULL}, {0x2000, 0x200a, "an unusual space"}, {0x200b, 0x200b, "a zero width space"},
	{0x200c, 0x200d, "a zero width joiner"}, {0x200e, 0x200f, "a mark of writing direction"}, {0x2028, 0x2029, "a line separator"},
	{0x202a, 0x202e, "a mark of writing direction"}, {0x202f, 0x202f, "an unusual space"}, {0x205f, 0x205f, "an unusual space"},
	{0x2060, 0x2065, "a zero width character"}, {0x2066, 0x2069, "a mark of writing direction"}, {0x206a, 0x206f, NULL},
	{0x3000, 0x3000, "an unusual space"}, {0x3164, 0x3164, "a filler"}, {0xfe00, 0xfe0f, "a variation selector"},
	{0xfeff, 0xfeff, "a byte order mark"}, {0xffa0, 0xffa0, "a filler"}, {0xfff9, 0xfffb, NULL}, {0x110bd, 0x110bd, NULL},
	{0x110cd, 0x110cd, NULL}, {0x13430, 0x13438, NULL}, {0x1bca0, 0x1bca3, NULL}, {0x1d173, 0x1d17a, NULL}, {0xe0001, 0xe0001, NULL},
	{0xe0020, 0xe007f, NULL}, {0xe0100, 0xe01ef, "a variation selector"}};

/* Punctuation, arrows and operators beyond ASCII: quotes and dashes that an editor made typographic, above all. */
static bool is_typographic(uint32_t c) {
	bool latin = c >= 0x80 && c < 0xc0 && c != 0xaa && c != 0xb2 && c != 0xb3 && c != 0xb5 && c != 0xb9 && c != 0xba;
	return latin || c == 0xd7 || c == 0xf7 || (c >= 0x2000 && c < 0x2070) || (c >= 0x2190 && c < 0x2300 && c != 0x2202 && c != 0x2207 && c != 0x221e) ||
		(c >= 0x3000 && c < 0x3004) || c == 0xfeff;
}

/* The row of `unseen`, or -1. */
static int find_unseen(uint32_t c) {
	for (size_t i = 0; c >= 0x80 && i < TN_ARRAY_LEN(unseen); i++) {
		if (c >= unseen[i].first && c <= unseen[i].last) {
			return (int)i;
		}
	}
	return -1;
}

/* The length of a character at the cursor that is in no name; 0: it may be. */
static uint32_t stray_length(const struct lexer *lx, uint32_t *code) {
	if ((unsigned char)peek(lx, 0) < 0x80) {
		return 0;
	}
	size_t length = tn_utf8_decode(lx->text + lx->at, lx->text + lx->end, code);
	return length > 0 && (is_typographic(*code) || find_unseen(*code) >= 0) ? (uint32_t)length : 0;
}

static bool is_curly_quote(uint32_t code) {
	return code >= 0x2018 && code <= 0x201f;
}

/* Behind the curly quote that ends what one at the cursor begins, on the same line: one mistake is one error. */
static uint32_t curly_end(const struct lexer *lx, uint32_t after) {
	for (uint32_t at = after; at < lx->end && lx->text[at] != '\n'; at++) {
		uint32_t code;
		size_t length = tn_utf8_decode(lx->text + at, lx->text + lx->end, &code);
		if (length > 1 && is_curly_quote(code)) {
			return at + (uint32_t)length;
		}
	}
	return after;
}

static void hint_typographic(uint32_t c, struct tn_error *err) {
	static const struct {
		uint32_t code;
		const char *hint;
	} rows[] = {{0xd7, "write *"}, {0xf7, "write /"}, {0x2212, "write -"}, {0x2010, "write -"}, {0x2011, "write -"}, {0x2012, "write -"},
		{0x2013, "write -"}, {0x2014, "write -"}, {0x2264, "write <="}, {0x2265, "write >="}, {0x2260, "write !="}, {0x2192, "write =>"},
		{0x2208, "write contains(xs, x)"}, {0x2026, "write ..."}, {0x22c5, "write *"}, {0x2211, "write sum(x)"}, {0x221a, "write sqrt(x)"},
		{0x2227, "write &&"}, {0x2228, "write ||"}, {0xac, "write !"}};
	for (size_t i = 0; err != NULL && i < TN_ARRAY_LEN(rows); i++) {
		if (rows[i].code == c) {
			tn_error_hint(err, "%s", rows[i].hint);
		}
	}
	if (err != NULL && is_curly_quote(c)) {
		tn_error_hint(err, "quotes are written \" or '");
	}
}

/* A character beyond ASCII that is in no name: named by its number where it cannot be seen. */
static bool lex_stray(struct lexer *lx, struct token *t) {
	uint32_t code = 0, length = stray_length(lx, &code);
	if (length == 0) {
		return false;
	}
	int row = find_unseen(code);
	struct tn_span span = span_of(lx, lx->at, lx->at + length);
	if (row >= 0) {
		struct tn_error *err = tn_diagnostics_add(lx->diag, span, TN_ERR_SYNTAX, "unexpected character U+%04X, %s", code,
			unseen[row].name != NULL ? unseen[row].name : "which cannot be seen");
		if (err != NULL) {
			tn_error_hint(err, "it cannot be seen here: delete it, or type the line again");
		}
	} else {
		hint_typographic(code,
			tn_diagnostics_add(lx->diag, span, TN_ERR_SYNTAX, "unexpected character '%.*s'", (int)length, lx->text + lx->at));
	}
	lx->doubtful = true;
	lx->at = is_curly_quote(code) ? curly_end(lx, lx->at + length) : lx->at + length;
	t->kind = TOKEN_BAD;
	return true;
}

static void lex_punct(struct lexer *lx, struct token *t) {
	static const char three[] = "...**=<<=>>=";
	static const char two[] = "+=-=*=/=%=&=|=^=@===!=<=>=&&||<<>>++--**..=>->";
	t->kind = TOKEN_PUNCT;
	for (size_t i = 0; i + 2 < sizeof(three); i += 3) {
		if (peek(lx, 0) == three[i] && peek(lx, 1) == three[i + 1] && peek(lx, 2) == three[i + 2]) {
			t->punct = P3(three[i], three[i + 1], three[i + 2]);
			lx->at += 3;
			return;
		}
	}
	for (size_t i = 0; i + 1 < sizeof(two); i += 2) {
		if (peek(lx, 0) == two[i] && peek(lx, 1) == two[i + 1]) {
			t->punct = P2(two[i], two[i + 1]);
			lx->at += 2;
			return;
		}
	}
	char c = peek(lx, 0);
	if (c == '\0' || strchr("+-*/%@&|^~!<>=?:;,.(){}[]", c) == NULL) {
		t->kind = TOKEN_BAD;
		bad_character(lx, c);
		return;
	}
	lx->at++;
	t->punct = P1(c);
	lx->depth += c == '(' || c == '[' || c == '{';
	lx->depth -= c == ')' || c == ']' || c == '}';
}

/* A line for the kernel: first column % ! or ?, or only a dotted name with ? or ?? behind it, where a statement may begin. */
static bool is_command(const struct lexer *lx) {
	if (!lx->top || lx->depth != 0 || !lx->statement_begins || (lx->at > 0 && lx->text[lx->at - 1] != '\n')) {
		return false;
	}
	char c = peek(lx, 0);
	if (c == '%' || c == '!' || c == '?') {
		return true;
	}
	uint32_t n = 0;
	while (is_name_char(peek(lx, n)) || (n > 0 && peek(lx, n) == '.')) {
		n++;
	}
	uint32_t marks = 0;
	while (n > 0 && peek(lx, n) == '?' && marks < 2) {
		n++;
		marks++;
	}
	while (peek(lx, n) == ' ' || peek(lx, n) == '\t' || peek(lx, n) == '\r') {
		n++;
	}
	return marks > 0 && (peek(lx, n) == '\n' || lx->at + n >= lx->end);
}

static bool lex_command(struct lexer *lx, struct token *t) {
	bool whole_cell = peek(lx, 0) == '%' && peek(lx, 1) == '%'; /* %%writefile takes the rest */
	uint32_t begin = lx->at;
	while (lx->at < lx->end && (whole_cell || peek(lx, 0) != '\n')) {
		lx->at++;
	}
	uint32_t end = lx->at;
	while (end > begin && (lx->text[end - 1] == '\r' || lx->text[end - 1] == ' ')) {
		end--;
	}
	t->kind = TOKEN_COMMAND;
	t->str.length = end - begin;
	t->str.text = tn_arena_strndup(lx->arena, lx->text + begin, t->str.length);
	return t->str.text != NULL;
}

static bool lex_token(struct lexer *lx, struct token *t) {
	char c = peek(lx, 0);
	if (is_command(lx)) {
		return lex_command(lx, t);
	}
	if (c == 'f' && (peek(lx, 1) == '"' || peek(lx, 1) == '\'')) {
		lx->at++;
		return lex_string(lx, t, true);
	}
	if ((unsigned char)c >= 0x80 && lex_stray(lx, t)) {
		return true;
	}
	if (is_name_start(c)) {
		return lex_name(lx, t);
	}
	if (is_digit(c) || (c == '.' && is_digit(peek(lx, 1)))) {
		return lex_number(lx, t);
	}
	if (c == '"' || c == '\'') {
		return lex_string(lx, t, false);
	}
	lex_punct(lx, t);
	return true;
}

bool tn_lex(const struct tn_source *source, uint32_t begin, uint32_t end, bool top, struct tn_arena *arena,
	struct token_list *out, struct tn_diagnostics *diag) {
	struct lexer lx = {.source = source,
		.text = source->text,
		.at = begin,
		.end = end,
		.arena = arena,
		.out = out,
		.diag = diag,
		.top = top,
		.line_before = true,
		.statement_begins = true};
	if (begin == 0 && end >= 3 && memcmp(source->text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
		lx.at = 3;
	}
	for (;;) {
		if (!skip_space(&lx)) {
			return false;
		}
		struct token t = {.begin = lx.at, .line_before = lx.line_before};
		bool ended = lx.at >= lx.end;
		if (lx.separator && !ended && !lx.statement_begins) {
			uint32_t at = out->tokens.items[out->tokens.count - 1].end;
			struct token close = {.kind = TOKEN_PUNCT, .punct = P1(';'), .begin = at, .end = at};
			if (!TN_VEC_PUSH(&out->tokens, close)) {
				return false;
			}
			lx.statement_begins = true;
		}
		lx.separator = false;
		if (lx.doc_begin != lx.doc_end && (t.doc = make_doc(&lx, lx.doc_begin, lx.doc_end)) == NULL) {
			return false;
		}
		bool doubtful = lx.doubtful;
		lx.doubtful = false;
		if (!ended && !lex_token(&lx, &t)) {
			return false;
		}
		t.end = lx.at;
		t.doubtful = doubtful || lx.doubtful;
		if (t.kind == TOKEN_BAD) {
			lx.doubtful = true;
			continue; /* the next token tells that something was here */
		}
		if (!TN_VEC_PUSH(&out->tokens, t)) {
			return false;
		}
		lx.line_before = lx.doubtful = false;
		lx.doc_begin = lx.doc_end = 0;
		lx.statement_begins = t.kind == TOKEN_COMMAND || (t.kind == TOKEN_PUNCT && (t.punct == P1(';') || t.punct == P1('}')));
		if (ended) {
			return true;
		}
	}
}
