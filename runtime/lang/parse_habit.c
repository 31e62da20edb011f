/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of Python and of C's relatives, by their first words: what is written here instead. Each is told once in a text, for a
 * cell of Python has many of a kind. */
#include <string.h>

#include "lang/parse.h"

void parse_hint_lone_name(struct parser *p, struct tn_error *err) {
	static const char *const shell[] = {"pip", "conda", "apt", "ls", "cd", "cat", "git"};
	const struct token *name = &p->tokens[p->at - 1], *next = parse_peek(p, 0);
	if (name->kind != TOKEN_NAME || parse_is_keyword(name) || next->line_before) {
		return;
	}
	for (size_t i = 0; i < TN_ARRAY_LEN(shell); i++) {
		if (strcmp(name->str.text, shell[i]) == 0) {
			tn_error_hint(err, "!%s … runs a shell command", shell[i]);
			return;
		}
	}
	if (next->kind == TOKEN_STRING && next->begin == name->end) {
		tn_error_hint(err, "a string has no prefix but f: a backslash is written \\\\");
	} else if (parse_is(p, P1(':')) && strcmp(name->str.text, "lambda") == 0) {
		tn_error_hint(err, "write () => …");
	} else if (strcmp(name->str.text, "assert") == 0) {
		tn_error_hint(err, "write assert(condition, \"message\");");
	} else if (parse_is(p, P1(':')) && parse_is_at(p, 1, P1('='))) {
		tn_error_hint(err, "an assignment is written %s = …", name->str.text);
	} else if (parse_is(p, P1(':'))) {
		tn_error_hint(err, "a declaration begins with its type, or with auto: auto %s = …;", name->str.text);
	} else if (parse_is(p, P1(','))) {
		tn_error_hint(err, "several at once stand in parentheses: auto (%s, …) = …;", name->str.text);
	} else if (next->kind != TOKEN_PUNCT && next->kind != TOKEN_END) {
		tn_error_hint(err, "a call has parentheses: %s(…)", name->str.text);
	}
}

bool parse_told_once(struct parser *p, unsigned row) {
	bool first = (p->habits >> row & 1) == 0;
	p->habits |= (uint64_t)1 << row;
	if (!first) {
		p->error_count++;
		p->failed = true;
	}
	return first;
}

static const struct {
	const char *word, *text, *hint;
	bool python; /* only Python has it: its lines have no ';' */
} habits[] = {
	{"def", "there is no 'def'", "a function begins with its result's type: int f(int x) { … }", true},
	{"elif", "there is no 'elif'", "write else if", true},
	{"double", "there is no type 'double'", "float has 64 bits", false},
	{"long", "there is no type 'long'", "int has 64 bits", false},
	{"size_t", "there is no type 'size_t'", "int has 64 bits", false},
	{"unsigned", "there are no unsigned types", "int has 64 bits; the dtype u8 is of tensors", false},
	{"class", "there are no classes", "struct Name { … }; and functions that take it first: tensor call(Name &n, …) { … }", true},
	{"typedef", "there is no 'typedef'", "struct Name { … }; makes a type", false},
	{"static", "there is no 'static'", "what stands at top level stays", false},
	{"not", "there is no 'not'", "write !x", false},
	{"match", "there is no 'match'", "write switch (x) { case 1: … break; default: … }", true},
	{"let", "there is no 'let'", "a declaration begins with its type, or with auto: auto x = …;", false},
	{"var", "there is no 'var'", "a declaration begins with its type, or with auto: auto x = …;", false},
	{"throw", "there is no 'throw'", "error(\"message\");", false},
	{"short", "there is no type 'short'", "int has 64 bits", false},
	{"uint", "there are no unsigned types", "int has 64 bits; the dtype u8 is of tensors", false},
	{"extern", "there is no 'extern'", "a file's names come by import \"file.tn\";", false},
	{"volatile", "there is no 'volatile'", "leave it out", false},
	{"register", "there is no 'register'", "leave it out", false},
	{"inline", "there is no 'inline'", "leave it out", false},
	{"union", "there is no 'union'", "a variable of type any holds values of any type", false},
	{"goto", "there is no 'goto'", "break, continue and return leave what is around them", false},
	{"delete", "there is no 'delete'", "memory is freed by itself", false},
	{"then", "there is no 'then'", "write if (condition) { … } else { … }", false},
	{"enum", "there is no 'enum'", "const int RED = 0; names a number", false},
	{"using", "there is no 'using'", "a file of yours: import \"file.tn\";", false},
	{"template", "there are no templates to declare", "auto as a parameter's type makes a function one: auto twice(auto x) { … }", false},
	{"async", "there is no 'async'", "calls run one after the other", true},
	{"yield", "there is no 'yield'", "a function gives a list, or map(xs, f) a sequence", true},
	{"raise", "there is no 'raise'", "error(\"message\");", true},
	{"from", "there is no 'from … import'", "the functions of the language need no import; a file of yours: import \"file.tn\";", true},
	{"del", "there is no 'del'", "what is not needed is freed by itself; m.remove(\"key\") takes a key out of a map, xs.pop(i) an item out of a list", true},
	{"function", "there is no 'function'", "a function begins with its result's type: int f(int x) { … }", false},
	{"lambda", "there is no 'lambda'", "write (x) => …", true},
	{"with", "there is no 'with'", "outside grad (net) { … } nothing is recorded; read_text(path) reads a file, which needs no closing", true},
	{"except", "there is no 'except'", "write try { … } catch (e) { … }", true},
	{"global", "there is no 'global'", "a function reads globals; what it changes is a parameter int &x", true},
	{"nonlocal", "there is no 'nonlocal'", "what a function changes is a parameter int &x", true},
	{"print", "print is a function", "write print(x)", true},
	{"assert", "assert is a function", "write assert(condition, \"message\");", true},
};

/* `pip install x`, `git status`: a line for the shell; `cat x;` may be a declaration. */
static bool report_shell(struct parser *p) {
	static const char *const words[] = {"pip", "pip3", "conda", "apt", "git", "cat", "wget", "curl", "mkdir", "python", "python3", "rm", "mv",
		"cp", "cd", "ls", "echo", "make", "bash", "sh"};
	const struct token *t = parse_peek(p, 0), *next = parse_peek(p, 1);
	bool above = parse_is_at(p, 1, P2('.', '.')) && !next->line_before; /* cd .. */
	bool word = next->kind == TOKEN_NAME && !next->line_before && !parse_is_at(p, 2, P1('=')) && !parse_is_at(p, 2, P1(';')) &&
		!parse_is_at(p, 2, P1('(')) && !parse_is_at(p, 2, P1(',')) && !parse_is_at(p, 2, P1('['));
	for (size_t i = 0; t->kind == TOKEN_NAME && (above || word) && i < TN_ARRAY_LEN(words); i++) {
		if (strcmp(t->str.text, words[i]) == 0) {
			const char *name = t->str.text;
			struct tn_error *err = parse_error(p, parse_token_span(p, t), "there is no '%s' in a cell's program", name);
			tn_error_hint(err, strcmp(name, "cd") == 0 ? "%%%s FOLDER changes the folder" : "!%s … runs a shell command", name);
			p->python = true; /* nor is it C: what follows in its line says nothing */
			return true;
		}
	}
	return false;
}

/* @torch.no_grad() above a function. */
static bool report_decorator(struct parser *p) {
	bool is = parse_is(p, P1('@')) && parse_peek(p, 1)->kind == TOKEN_NAME;
	if (is) {
		tn_error_hint(parse_error(p, parse_token_span(p, parse_peek(p, 0)), "there are no decorators"),
			"outside grad nothing is recorded; a function takes another as fn f");
		p->python = true;
	}
	return is;
}

/* { "lr": 0.1 } where a statement begins: there '{' is a block, and this is what stands in it. */
static bool report_map(struct parser *p) {
	bool is = parse_peek(p, 0)->kind == TOKEN_STRING && parse_is_at(p, 1, P1(':'));
	if (is) {
		tn_error_hint(parse_error(p, parse_token_span(p, parse_peek(p, 1)), "':' does not follow a statement"),
			"where a statement begins, '{' is a block; a map stands in parentheses there: ({ \"key\": value })");
	}
	return is;
}

/* ---- C's declarations ---- */

static bool is_c_type(const struct token *t) {
	static const char *const words[] = {"int", "float", "bool", "void", "char", "double", "long", "short", "unsigned", "signed", "string",
		"tensor", "size_t", "FILE", "auto", "uint8_t", "int32_t", "int64_t"};
	for (size_t i = 0; t->kind == TOKEN_NAME && i < TN_ARRAY_LEN(words); i++) {
		if (strcmp(t->str.text, words[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* `char *s = "abc"`, `const float *data`, `int **p`, `char name[20]`, `int *f(…)`. */
static bool report_pointer(struct parser *p) {
	uint32_t at = 0;
	while (parse_peek(p, at)->kind == TOKEN_NAME &&
		(strcmp(parse_peek(p, at)->str.text, "const") == 0 || strcmp(parse_peek(p, at)->str.text, "static") == 0 ||
			strcmp(parse_peek(p, at)->str.text, "unsigned") == 0)) {
		at++;
	}
	const struct token *type = parse_peek(p, at);
	uint32_t stars = at + 1;
	while (is_c_type(type) && (parse_is_at(p, stars, P1('*')) || parse_is_at(p, stars, P2('*', '*')))) {
		stars++;
	}
	const struct token *name = parse_peek(p, stars);
	bool pointer = is_c_type(type) && stars > at + 1, text = is_c_type(type) && strcmp(type->str.text, "char") == 0;
	if ((!pointer && !text) || name->kind != TOKEN_NAME || name->line_before) {
		return false;
	}
	const char *word = name->str.text;
	struct tn_error *err = parse_error(
		p, parse_token_span(p, pointer ? parse_peek(p, at + 1) : type), pointer ? "there are no pointers" : "there is no type 'char'");
	if (text && parse_is_at(p, stars + 1, P1('[')) && pointer) {
		tn_error_hint(err, "a list of texts is written string[] %s = [\"a\", \"b\"];", word);
	} else if (text) {
		tn_error_hint(err, "text is a string: string %s = \"abc\";", word);
	} else if (parse_is_at(p, stars + 1, P1('('))) {
		tn_error_hint(err, "a function gives its value: %s[] %s(…) gives a list, tensor %s(…) a tensor", type->str.text, word, word);
	} else {
		bool number = strcmp(type->str.text, "int") == 0 || strcmp(type->str.text, "float") == 0;
		tn_error_hint(err, "a list is %s[] %s = [1, 2]; a tensor is tensor %s = zeros(10); a parameter %s &%s changes its caller's variable",
			number ? type->str.text : "int", word, word, number ? type->str.text : "int", word);
	}
	return true;
}

/* std::cout << x, std::vector<int> v, vector<int> v. */
static bool report_cpp(struct parser *p) {
	bool scope = parse_peek(p, 0)->kind == TOKEN_NAME && parse_is_at(p, 1, P1(':')) && parse_is_at(p, 2, P1(':')) &&
		parse_peek(p, 3)->kind == TOKEN_NAME;
	bool vector = parse_is_word(p, "vector") && parse_is_at(p, 1, P1('<'));
	if (parse_is_word(p, "foreach") && parse_is_at(p, 1, P1('('))) {
		tn_error_hint(parse_error(p, parse_token_span(p, parse_peek(p, 0)), "there is no 'foreach'"), "write for (auto x : xs) { … }");
		return true;
	}
	if (!scope && !vector) {
		return false;
	}
	const char *name = scope ? parse_peek(p, 3)->str.text : "vector";
	struct tn_error *err = vector ? parse_error(p, parse_token_span(p, parse_peek(p, 0)), "there is no 'vector'")
								  : parse_error(p, parse_token_span(p, parse_peek(p, 1)), "there is no '::'");
	if (strcmp(name, "vector") == 0 || strcmp(name, "array") == 0) {
		tn_error_hint(err, "a list is written int[] xs = [1, 2];");
	} else if (strcmp(name, "cout") == 0 || strcmp(name, "cerr") == 0) {
		tn_error_hint(err, "print(x)");
	} else if (strcmp(name, "map") == 0 || strcmp(name, "unordered_map") == 0) {
		tn_error_hint(err, "a map is written map m = { \"key\": 1 };");
	} else {
		tn_error_hint(err, "functions have no prefix here; those of an import are m.f(x)");
	}
	return true;
}

void parse_hint_array(struct parser *p, struct tn_error *err) {
	const char *type = p->tokens[p->at - 2].str.text, *name = p->tokens[p->at - 1].str.text;
	uint32_t end = parse_matching(p, p->at), next = end + 1;
	const struct token *size = parse_peek(p, 1), *behind = &p->tokens[next < p->count ? next : p->count - 1];
	bool is_set = behind->kind == TOKEN_PUNCT && behind->punct == P1('='), deep = behind->kind == TOKEN_PUNCT && behind->punct == P1('[');
	if (is_set) {
		tn_error_hint(err, "the brackets of a list stand behind the type: %s[] %s = [1, 2, 3];", type, name);
	} else if (deep) {
		tn_error_hint(err, "the brackets of a list stand behind the type: %s[][] %s; tensor %s = zeros(3, 4); is a tensor", type, name, name);
	} else if (size->kind == TOKEN_INT) {
		tn_error_hint(err, "the brackets of a list stand behind the type: %s[] %s; grows by append; tensor %s = zeros(%lld); is a tensor", type,
			name, name, (long long)size->i);
	} else {
		tn_error_hint(err, "the brackets of a list stand behind the type: %s[] %s", type, name);
	}
}

bool parse_report_habit(struct parser *p) {
	const struct token *t = parse_peek(p, 0), *next = parse_peek(p, 1);
	bool elif = parse_is_word(p, "elif") && parse_is_at(p, 1, P1('('));
	bool operand = (next->kind == TOKEN_NAME || (next->kind >= TOKEN_INT && next->kind <= TOKEN_FSTRING)) && !next->line_before;
	bool angle = parse_is_word(p, "template") && parse_is_at(p, 1, P1('<'));
	for (unsigned i = 0; t->kind == TOKEN_NAME && (operand || elif || angle) && i < TN_ARRAY_LEN(habits); i++) {
		if (strcmp(t->str.text, habits[i].word) == 0) {
			p->python = p->python || (habits[i].python && !elif);
			if (parse_told_once(p, i)) {
				tn_error_hint(parse_error(p, parse_token_span(p, t), "%s", habits[i].text), "%s", habits[i].hint);
			}
			return true;
		}
	}
	return report_pointer(p) || report_cpp(p) || report_shell(p) || report_decorator(p) || report_map(p);
}

/* What goes on with an `if` or a `try` that is not there: of Python's it is left out, as its lines are looked at one by one. */
bool parse_report_else(struct parser *p) {
	const struct token *t = parse_peek(p, 0);
	bool python = p->python && parse_is_at(p, 1, P1(':'));
	bool finally = parse_is_word(p, "finally") && (python || parse_is_at(p, 1, P1('{')));
	bool of_match = p->python && parse_is_word(p, "case");
	if (!finally && !of_match && !parse_is_word(p, "else") && !parse_is_word(p, "catch")) {
		return false;
	}
	if (python || of_match) {
		p->error_count++;
		p->failed = true;
		p->at++;
	} else if (finally) {
		tn_error_hint(parse_error(p, parse_token_span(p, t), "there is no 'finally'"), "what stands behind the try runs in any case");
	} else {
		tn_error_hint(parse_error(p, parse_token_span(p, t), "'%s' stands behind the '}' of %s", t->str.text,
			t->str.text[0] == 'e' ? "an if" : "a try"), "a ';' before it ends the statement that it belongs to");
	}
	return true;
}
