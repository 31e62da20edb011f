/* SPDX-License-Identifier: Apache-2.0 */
/* The parser alone: text in, tree (as an S-expression) or errors out. Sections of LANGUAGE.md in their order; what a program must
 * be like to survive the parser (depth, length, bytes) at the end. */
#include <string.h>

#include "lang/ast.h"
#include "lang/catalog.h"
#include "runner/test.h"

struct parsed {
	struct tn_source *source;
	struct tn_arena arena;
	struct tn_ast_unit unit;
	struct tn_diagnostics diag;
	bool ok;
};

static void parse_n(struct parsed *r, const char *text, size_t length) {
	struct tn_error err = {0};
	memset(r, 0, sizeof(*r));
	r->source = tn_source_create("cell 1", text, length, &err);
	TN_CHECK_NOT_NULL(r->source);
	tn_arena_init(&r->arena);
	r->ok = tn_parse(r->source, &r->arena, &r->unit, &r->diag);
}

static void finish(struct parsed *r) {
	tn_diagnostics_finish(&r->diag);
	tn_arena_finish(&r->arena);
	tn_source_unref(r->source);
}

/* The text is read without an error, as this tree. */
static void gives(const char *text, const char *tree) {
	struct parsed r;
	struct tn_str out = {0};
	parse_n(&r, text, strlen(text));
	if (!r.ok) {
		tn_test_fail(TN_TEST_HERE(text), "%s", r.diag.errors.count > 0 ? r.diag.errors.items[0].text : "failed without an error");
	}
	TN_CHECK(tn_ast_dump(&r.unit, &out));
	if (strchr(tree, '\n') == NULL && out.length > 0) {
		out.data[out.length - 1] = '\0'; /* one statement: its line end is no part of what is meant */
	}
	TN_CHECK_STR_EQ(tn_str_c(&out), tree);
	tn_str_finish(&out);
	finish(&r);
}

/* Exactly one error, at that line, with a hint where one is named. */
static void fails(const char *text, uint32_t line, const char *error, const char *hint) {
	struct parsed r;
	parse_n(&r, text, strlen(text));
	TN_CHECK(!r.ok);
	TN_CHECK(r.diag.errors.count > 0);
	TN_CHECK_STR_EQ(r.diag.errors.items[0].text, error);
	TN_CHECK_INT_EQ(r.diag.errors.items[0].place.line, line);
	if (hint != NULL) {
		TN_CHECK_STR_EQ(r.diag.errors.items[0].hint, hint);
	}
	if (r.diag.errors.count > 1) {
		tn_test_fail(TN_TEST_HERE(text), "a second error follows from the first: %s", r.diag.errors.items[1].text);
	}
	finish(&r);
}

/* Section 2. */

TN_TEST(integers_have_digits_underscores_and_three_bases) {
	gives("x = 42 + 1_000 + 0xff + 0b101;", "(= x (+ (+ (+ 42 1000) 255) 5))");
	gives("int x = 9223372036854775807;", "(decl int x 9223372036854775807)");
	gives("int x = -9223372036854775808;", "(decl int x -9223372036854775808)");
	fails("int x = 9223372036854775808;", 1, "this integer does not fit an int: expected at most 9223372036854775807", NULL);
	fails("x = y - 9223372036854775808;", 1, "this integer does not fit an int: expected at most 9223372036854775807", NULL);
	fails("x = 99999999999999999999;", 1, "this integer does not fit an int: expected at most 9223372036854775807", NULL);
	fails("x = 0b12;", 1, "a binary number has the digits 0 and 1", NULL);
	fails("x = 12abc;", 1, "this is not a number", NULL);
}

TN_TEST(floats_have_points_exponents_and_a_trailing_f) {
	gives("x = 1.5 + 1e-3 + .5 + 2. + 1f + 1.5f + 1E6;", "(= x (+ (+ (+ (+ (+ (+ 1.5 0.001) 0.5) 2.0) 1.0) 1.5) 1000000.0))");
}

TN_TEST(digits_before_two_points_are_an_integer) {
	gives("x = 0..9;", "(= x (.. 0 9))");
	gives("x = 1.0..2;", "(= x (.. 1.0 2))");
}

TN_TEST(strings_have_the_escapes_of_c_and_follow_each_other) {
	gives("x = \"a\\n\\x41\\101\\0\\\"\" 'b\"';", "(= x \"a\\x0aAA\\x00\\x22b\\x22\")");
	gives("x = '\\u00e9\\U0001f600';", "(= x \"\\xc3\\xa9\\xf0\\x9f\\x98\\x80\")");
	fails("x = \"\\q\";", 1, "unknown escape in a string", NULL);
	fails("x = \"\\ud800\";", 1, "unknown escape in a string", NULL);
	fails("print(\"abc);\nx = 1;", 1, "this string is not closed: expected \" on the same line", NULL);
}

TN_TEST(f_strings_nest_quotes_brackets_and_specs) {
	gives("x = f\"a{{b}} {y:.2%}{z}\";", "(= x (f \"a{b} \" {y:.2%} {z}))");
	gives("x = f\"{d[\"k\"]:>8} {f(a, k: 1)} {(c ? 1 : 2):,}\";",
		"(= x (f {(index d \"k\"):>8} \" \" {(call f a k: 1)} \" \" {(? c 1 2):,}))");
	gives("x = f'{f\"{a[\"x:y\"]:4}\"}';", "(= x (f {(f {(index a \"x:y\"):4})}))");
	gives("x = f\"{ {\"a\": 1}[\"a\"] }\";", "(= x (f {(index (map \"a\" 1) \"a\")}))");
	fails("x = f\"{}\";", 1, "expected an expression between the braces", NULL);
	fails("x = f\"{a b}\";", 1, "expected '}' or ':' behind the expression", NULL);
	fails("x = f\"a } b\";", 1, "a '}' alone; a brace itself is written '}}'", NULL);
	fails("x = f\"{c ? a : b}\";", 1, "expected ':' of '?:': the first ':' of the braces begins the format",
		"put it in parentheses: {(a ? b : c)}");
	fails("x = f\"{a +}\";", 1, "expected an expression, found the end of the braces", NULL);
}

TN_TEST(comments_and_docs_are_where_they_belong) {
	gives("/// One.\n/// Two.\nint f() { return 1; } // no\n", "(function int f() ///\"One.\\x0aTwo.\" (return 1))");
	gives("/// S.\nstruct S {\n/// A.\nint a, b;\nint c; /// C.\nint d;\n}",
		"(struct S ///\"S.\" (int a ///\"A.\") (int b ///\"A.\") (int c ///\"C.\") (int d))");
	gives("x = /* a\nb */ 1; //// no doc\nint f() {}", "(= x 1)\n(function int f())\n");
	fails("x = 1; /* open", 1, "this comment is not closed: expected '*/'", NULL);
}

TN_TEST(a_semicolon_may_be_left_out_where_section_2_says) {
	gives("int f() { return 1 }", "(function int f() (return 1))");
	gives("struct A { int x; }\nif (a) { b; } else { c; }\nwhile (a) { b }\n{ x = 1 }",
		"(struct A (int x))\n(if a ({} (do-expr b)) ({} (do-expr c)))\n"
		"(while a ({} (do-expr b)))\n({} (= x 1))\n");
	gives("train (true) { a; }\nb", "(do-expr (train true { (do-expr a) }))\n(show b)\n");
	gives("a;\nb;", "(do-expr a)\n(do-expr b)\n");
	gives("if (a) b", "(if a (do-expr b))");
	gives("grad (w) { l }\n[0]", "(do-expr (grad w { => l }))\n(show (list 0))\n");
	gives("(grad (w) { l })[0]", "(show (index (grad w { => l }) 0))");
	gives("lr = 0.1\nname = \"a\"\nn = -3\ndeep = true", "(= lr 0.1)\n(= name \"a\")\n(= n (- 3))\n(= deep true)\n");
}

TN_TEST(a_missing_semicolon_is_told_at_the_end_of_the_line_before) {
	fails("int a = 1\n\nint b = 2;", 1, "expected ';' at the end of the statement", NULL);
	fails("m = {\"a\": 1}\nx = y;", 1, "expected ';' at the end of the statement", NULL);
	fails("auto g = grad (w) { l }\nx = y;", 1, "expected ';' at the end of the statement", NULL);
	fails("struct A { int x }", 1, "expected ';' at the end of the statement", NULL);
	fails("int f() { 3 }", 1, "a function gives its value by return: this expression has no ';'",
		"write return …; or end it with ';'");
	fails("int x = 7 // 2;\ny = 1;", 1, "expected ';' at the end of the statement",
		"'//' begins a comment: the quotient of ints is a / b, of tensors floor_div(a, b)");
	fails("x = y++;", 1, "expected ';' at the end of the statement", "++ and -- are statements of their own");
	fails("x = y = 1;", 1, "expected ';' at the end of the statement", "an assignment has no value: write two");
}

TN_TEST(commands_are_lines_where_a_statement_may_begin) {
	gives("%time f(x)\n!ls\n?a\nname?\na.b??\nx",
		"(command \"%time f(x)\")\n(command \"!ls\")\n(command \"?a\")\n(command \"name?\")\n(command \"a.b??\")\n(show x)\n");
	gives("x = a\n%b;", "(= x (% a b))");
	gives("x = c\n? a\n: b;", "(= x (? c a b))");
	gives("f(\n!a);", "(do-expr (call f (! a)))");
	gives("/*\n%no\n*/ x", "(show x)");
	gives("%%writefile a.txt\nint x\n)", "(command \"%%writefile a.txt\\x0aint x\\x0a)\")");
}

/* Section 3. */

TN_TEST(types_have_modules_shapes_tuples_and_lists) {
	gives("f32[N, 10] a; tensor[..., 2*C] b; f32[()] c; f32[_, 3] d;",
		"(decl f32[N, 10] a _)\n(decl tensor[..., (* 2 C)] b _)\n(decl f32[()] c _)\n(decl f32[_, 3] d _)\n");
	gives("int[][] a; (int, f32[])[] b; map[T[]] c; m.Net d; map e;",
		"(decl int[][] a _)\n(decl (int, f32[])[] b _)\n(decl map[T[]] c _)\n(decl m.Net d _)\n(decl map e _)\n");
}

TN_TEST(a_type_followed_by_a_name_is_a_declaration) {
	gives("Net net;", "(decl Net net _)");
	gives("(a, b) = (b, a);", "(= {a b} (tuple b a))");
	gives("(int, float) t = x;", "(decl (int, float) t x)");
	gives("x[0] = 1;", "(= (index x 0) 1)");
	gives("x & y;", "(do-expr (& x y))");
	gives("auto &r = x;", "(decl auto &r x)");
	gives("const int n = 3;", "(const int n 3)");
	gives("int a = 1, b = 2;", "(decl int a 1)\n(decl int b 2)\n");
	gives("auto (a, (b, _)) = f(x);", "(decl auto {a {b _}} (call f x))");
	gives("Net f(auto &x, fn &g, Net &n, int k = 2, tensor m = empty) {}",
		"(function Net f(auto &x, fn &g, Net &n, int k = 2, tensor m = empty))");
}

TN_TEST(braces_are_a_map_a_struct_or_a_block) {
	gives("auto m = { \"a\": 1, };", "(decl auto m (map \"a\" 1))");
	gives("auto n = Net{ .f = v, .g = m.Q{} };", "(decl auto n (new Net .f v .g (new m.Q)))");
	gives("auto f = (x) => { x };", "(decl auto f (lambda (auto x) { => x }))");
	gives("auto f = (x) => ({ \"a\": x });", "(decl auto f (lambda (auto x) => (map \"a\" x)))");
	gives("struct A { frozen tensor m; fn f = (x) => x; };", "(struct A (frozen tensor m) (fn f = (lambda (auto x) => x)))");
	fails("auto n = Net{1, 2};", 1, "expected '.field = value' in the braces behind 'Net'", NULL);
	fails("Net n = { .w = 1 };", 1, "fields without the name of their struct", "write Name{ .w = … }");
}

/* Section 4. */

TN_TEST(operators_bind_as_in_c) {
	gives("x = a || b && c | d ^ e & f == g < h .. i << j + k * l;",
		"(= x (|| a (&& b (| c (^ d (& e (== f (< g (.. h (<< i (+ j (* k l))))))))))))");
	gives("x = a - b - c;", "(= x (- (- a b) c))");
	gives("x = a @ b * c / d % e;", "(= x (% (/ (* (@ a b) c) d) e))");
	gives("x = -2 ** -3 ** 2;", "(= x (- (** 2 (- (** 3 2)))))");
	gives("x = !a && ~b;", "(= x (&& (! a) (~ b)))");
	gives("x = a ? b : c ? d : e;", "(= x (? a b (? c d e)))");
	gives("x **= 2; x @= y; x <<= 1; x--;", "(**= x 2)\n(@= x y)\n(<<= x 1)\n(-- x)\n");
	fails("x = a..b..c;", 1, "'..' does not chain", NULL);
	fails("x = ++y;", 1, "'++' is a statement of its own, and no expression", NULL);
}

TN_TEST(indices_have_slices_ellipses_and_none) {
	gives("x[..., None, 1:3, ::2, :, -1, a[0]];", "(do-expr (index x ... None (: 1 3 _) (: _ _ 2) (: _ _ _) (- 1) (index a 0)))");
	gives("x[c ? a : b : d];", "(do-expr (index x (: (? c a b) d _)))");
	fails("x[];", 1, "expected an index", NULL);
	fails("x[1..2];", 1, "a range a..b is no index", "a slice is written a:b");
}

TN_TEST(calls_have_positional_named_and_reference_arguments) {
	gives("f(x, axis: 1, &net.l[0]);", "(do-expr (call f x axis: 1 &(index (. net l) 0)))");
	gives("x.f(a).T;", "(do-expr (. (call (. x f) a) T))");
	gives("f(c ? a : b);", "(do-expr (call f (? c a b)))");
	fails("f(a = 1);", 1, "an argument is no assignment", "a named argument is written a: value");
}

TN_TEST(block_words_are_contextual) {
	gives("train(x);", "(do-expr (call train x))");
	gives("auto seed = 3;", "(decl auto seed 3)");
	gives("x.train (true);", "(do-expr (call (. x train) true))");
	gives("Net device(int x) { }", "(function Net device(int x))");
	gives("auto r = remat { f(x) };", "(decl auto r (remat { => (call f x) }))");
	gives("auto (l, g) = grad (net, only: (p, w) => true) { auto z = 1; (z, z) };",
		"(decl auto {l g} (grad net only: (lambda (auto p, auto w) => true) { (decl auto z 1) => (tuple z z) }))");
	fails("x = grad (w);", 1, "expected grad (variable, …) { … }", NULL);
	fails("x = train { y };", 1, "expected '(' behind 'train'", NULL);
}

/* Section 5. */

TN_TEST(statements_are_those_of_c_and_some_more) {
	gives("for (auto (i, (x, y)) : enumerate(b)) f(x);", "(each auto {i {x y}} (call enumerate b) (do-expr (call f x)))");
	gives("for (auto &b : blocks) { }", "(each auto &b blocks ({}))");
	gives("for (int i : 0..n) continue;", "(each int i (.. 0 n) (continue))");
	gives("for (i = 0, j = 9; i < j; i++, j--) break;", "(for ( (= i 0) (= j 9)) (< i j) ( (++ i) (-- j)) (break))");
	gives("for (;;) { }", "(for () _ () ({}))");
	gives("do { x--; } while (x > 0);", "(do (> x 0) ({} (-- x)))");
	gives("switch (x) { case 1, 2: f(); break; default: g(); }",
		"(switch x (case 1 2 : (do-expr (call f)) (break)) (default : (do-expr (call g))))");
	gives("try { f(); } catch (e) { g(e.name); }", "(try ({} (do-expr (call f))) e ({} (do-expr (call g (. e name)))))");
	gives("import \"a.tn\" as m;\nimport \"b.tn\";", "(import \"a.tn\" m)\n(import \"b.tn\")\n");
	fails("{ int f() { } }", 1, "functions stand at top level only", "inside a function write a lambda: auto f = (x) => …;");
	fails("if (a = 1) { }", 1, "an assignment is no condition", "write == to compare");
	fails("1 = x;", 1, "this cannot be assigned: expected a variable, a field or an element", NULL);
	fails("(a, b) += c;", 1, "'+=' changes one place, not a tuple of them", NULL);
	fails("int f(int x)\nx = 1;", 2, "expected '{' behind the parameters, found 'x'", NULL);
}

/* Section 6. */

TN_TEST(habits_get_a_hint) {
	fails("x = True;", 1, "there is no 'True'", "write true");
	fails("x = NULL;", 1, "there is no 'NULL'", "write empty for a tensor, or another type's own zero: there is no null");
	fails("def f(x):", 1, "there is no 'def'", "a function begins with its result's type: int f(int x) { … }");
	fails("if (a) { } elif (b) { }", 1, "there is no 'elif'", "write else if");
	fails("if (a and b) { }", 1, "there is no operator 'and'", "write &&");
	fails("x = not y;", 1, "there is no 'not'", "write !x");
	fails("x = (int)y;", 1, "a conversion is a call, not a cast", "write int(x)");
	fails("double x = 1;", 1, "there is no type 'double'", "float has 64 bits");
	fails("unsigned x = 1;", 1, "there are no unsigned types", "int has 64 bits; the dtype u8 is of tensors");
	fails("p->x = 1;", 1, "there are no pointers, and no '->'", "write .x");
	fails("int *p = x;", 1, "there are no pointers",
		"a list is int[] p = [1, 2]; a tensor is tensor p = zeros(10); a parameter int &p changes its caller's variable");
	fails("# comment", 1, "unexpected character '#'", "a comment begins with //");
	fails("x = \xe2\x80\x9cy\xe2\x80\x9d;", 1, "unexpected character '\xe2\x80\x9c'", "quotes are written \" or '");
	fails("x = 1 if y else 2;", 1, "there is no operator 'if'", "write condition ? a : b");
	fails("for (x in y) { }", 1, "expected ':', found 'in'", "write for (auto x : …)");
}

TN_TEST(each_mistake_gives_one_error_and_the_rest_is_read) {
	static const char text[] = "int f(int x) {\n    int y = x +;\n    y = (x;\n    if (y { y = 1; }\n    return y;\n}\nint z = "
							   ";\nstruct A { int x int y; };\nw = 3;\n";
	struct parsed r;
	parse_n(&r, text, strlen(text));
	TN_CHECK(!r.ok);
	TN_CHECK_INT_EQ(r.diag.errors.count, 5);
	static const uint32_t lines[] = {2, 3, 4, 7, 8};
	for (size_t i = 0; i < TN_ARRAY_LEN(lines); i++) {
		TN_CHECK_INT_EQ(r.diag.errors.items[i].place.line, lines[i]);
	}
	finish(&r);
}

TN_TEST(at_most_ten_errors_are_told) {
	struct parsed r;
	struct tn_str text = {0};
	for (int i = 0; i < 1000; i++) {
		TN_CHECK(tn_str_append(&text, "x = ;\n"));
	}
	parse_n(&r, tn_str_c(&text), text.length);
	TN_CHECK_INT_EQ(r.diag.errors.count, TN_MAX_ERRORS);
	finish(&r);
	tn_str_finish(&text);
}

TN_TEST(a_call_chain_to_the_missing_brace_is_one_error) {
	fails("int f() { if (x) { return 1; \n", 1, "expected '}', found the end of the text", NULL);
	fails(
		"int f() { return 1;\n\nint g() { return 2; }\n", 3, "functions stand at top level only", "is a '}' missing before it?");
}

static bool is_incomplete(const char *text) {
	struct tn_error err = {0};
	enum tn_completeness found;
	int indent;
	TN_CHECK(tn_lang_is_complete(text, strlen(text), &found, &indent, &err));
	return found == TN_CELL_INCOMPLETE;
}

TN_TEST(unfinished_text_asks_for_more) {
	static const char *const more[] = {"int f(int x)", "int f() {", "x = (1,", "x = 1 +", "if (x)", "/* a", "auto m = {",
		"struct A { int x;", "x = a ?", "f(", "for (", "x[1,", "/// Doc."};
	static const char *const done[] = {
		"", "x", "x = 1", "x = 1;", "x = \"abc", "x = );", "int f() { 3 }", "x = ; f(", "}", "f\"{a +}\"", "x y z"};
	for (size_t i = 0; i < TN_ARRAY_LEN(more); i++) {
		if (!is_incomplete(more[i])) {
			tn_test_fail(TN_TEST_HERE(more[i]), "taken as complete: %s", more[i]);
		}
	}
	for (size_t i = 0; i < TN_ARRAY_LEN(done); i++) {
		if (is_incomplete(done[i])) {
			tn_test_fail(TN_TEST_HERE(done[i]), "taken as incomplete: %s", done[i]);
		}
	}
}

/* What must be survived. */

static void fails_repeated(const char *head, const char *part, int count, const char *tail, const char *error) {
	struct tn_str text = {0};
	struct parsed r;
	TN_CHECK(tn_str_append(&text, head));
	for (int i = 0; i < count; i++) {
		TN_CHECK(tn_str_append(&text, part));
	}
	TN_CHECK(tn_str_append(&text, tail));
	parse_n(&r, tn_str_c(&text), text.length);
	TN_CHECK(!r.ok);
	TN_CHECK_STR_EQ(r.diag.errors.items[0].text, error);
	finish(&r);
	tn_str_finish(&text);
}

TN_TEST(what_is_nested_too_deeply_is_an_error) {
	static const char deep[] = "nested too deeply: at most 200 levels are possible";
	fails_repeated("x = ", "(", 100000, "1;", deep);
	fails_repeated("", "{", 100000, "", deep);
	fails_repeated("x = ", "- ", 100000, "1;", deep);
	fails_repeated("x = ", "2 ** ", 100000, "1;", deep);
	fails_repeated("x = ", "(a) => ", 100000, "1;", deep);
	fails_repeated("", "if (x) ", 100000, "y;", deep);
	fails_repeated("x = ", "a ? ", 100000, "1;", deep);
	fails_repeated("x = ", "(", 100000, ")", deep);
}

TN_TEST(what_is_chained_too_long_is_an_error) {
	static const char chain[] = "this expression is too long: at most 1000 operators in a row are possible";
	fails_repeated("x = 1", " + 1", 100000, ";", chain);
	fails_repeated("x = f", ".a", 100000, ";", chain);
	fails_repeated("x = f", "()", 100000, ";", chain);
	fails_repeated("x = f", "[0]", 100000, ";", chain);
}

TN_TEST(text_that_is_not_utf_8_or_has_a_nul_is_an_error_with_its_place) {
	struct parsed r;
	parse_n(&r, "x = 1;\ny = \xff;", 12);
	TN_CHECK_STR_CONTAINS(r.diag.errors.items[0].text, "not UTF-8");
	TN_CHECK_INT_EQ(r.diag.errors.items[0].place.line, 2);
	finish(&r);
	parse_n(&r, "x = 1;\n\0", 8);
	TN_CHECK_STR_EQ(r.diag.errors.items[0].text, "the text holds a NUL byte");
	TN_CHECK_INT_EQ(r.diag.errors.items[0].place.line, 2);
	finish(&r);
}

TN_TEST(signatures_of_natives_are_read) {
	struct tn_diagnostics diag = {0};
	struct tn_error err = {0};
	struct tn_arena arena;
	static const char text[] = "tensor sum(tensor x, int axis = 0)";
	struct tn_source *source = tn_source_create("sum", text, strlen(text), &err);
	tn_arena_init(&arena);
	struct tn_ast *node = tn_parse_signature(source, &arena, &diag);
	TN_CHECK_NOT_NULL(node);
	TN_CHECK_INT_EQ(node->kind, TN_AST_FUNCTION);
	TN_CHECK_INT_EQ(node->function.count, 2);
	TN_CHECK(!node->function.has_body);
	tn_diagnostics_finish(&diag);
	tn_arena_finish(&arena);
	tn_source_unref(source);
}

TN_TEST(any_allocation_may_fail) {
	static const char text[] =
		"/// D.\nstruct A { int x = 1; };\nint f(auto &x, int k = 2) { for (auto (a, b) : x) { a[1:2, ...] += f\"{b:.2f}\" + "
		"\"c\" \"d\"; } return 1; }\n"
		"auto m = { \"a\": (x) => { A{ .x = 1 } } };\nswitch (m) { case 1: f(&m, k: 3); }\n(a, b) = grad (w) { [1, 2] }";
	struct tn_error err = {0};
	struct tn_source *source = tn_source_create("cell 1", text, strlen(text), &err);
	TN_CHECK_NOT_NULL(source);
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_arena arena;
		struct tn_ast_unit unit;
		struct tn_diagnostics diag = {0};
		tn_arena_init(&arena);
		bool ok = tn_parse(source, &arena, &unit, &diag);
		TN_CHECK(ok || tn_test_alloc_failed()); /* a vector asks again for less: not each failure is felt */
		TN_CHECK(ok || (diag.errors.count > 0 && diag.errors.items[0].kind == TN_ERR_MEMORY));
		tn_diagnostics_finish(&diag);
		tn_arena_finish(&arena);
	}
	tn_source_unref(source);
}
