/* SPDX-License-Identifier: Apache-2.0 */
/* The words and operators of the language itself: how each is written, what it does, and an example that the docs test runs.
 * Help, inspection, completion and the manual read them here. */
#include "lang/catalog_part.h"

struct word {
	const char *name, *written, *doc, *example; /* no example: it would need a file */
};

static const struct word words[] = {
	{"any", "any x = m[\"key\"];",
		"A value whose type is known only when the code runs; a declared type asks for one again.",
		"any x = { \"n\": 3 }[\"n\"];\nint n = x;\nn    // expect: 3"},
	{"auto", "auto x = …;",
		"The initialiser's type. As a parameter's type it makes the function a template, as its result's the type of what "
		"is returned.",
		"auto x = 2.5;\nauto twice(auto v) { return v + v; }\ntwice(x)    // expect: 5.0"},
	{"autocast", "autocast (bf16) { … }",
		"Matrix products and convolutions inside run in bf16, reductions and losses in f32.",
		"autocast (bf16) { (ones(2, 2) @ ones(2, 2)).dtype }    // expect: bf16"},
	{"bf16", "bf16 x, bf16[N, 784] x",
		"The dtype of 16-bit floats with the exponent of f32. As a type, a tensor of that dtype, with a checked shape if "
		"one is given; bf16(x) converts.",
		"bf16(tensor([1.])).dtype    // expect: bf16"},
	{"bool", "bool x", "true or false; bool(x) tells whether a number is not 0.", "bool big = 3 > 2;\nbig    // expect: true"},
	{"bool8", "bool8 x, bool8[N, 784] x",
		"The dtype of truth values, one byte each. As a type, a tensor of that dtype, with a checked shape if one is given; "
		"bool8(x) converts.",
		"tensor([1., -1.]) > 0    // expect: tensor([ true, false]) bool8[2]"},
	{"break", "break;",
		"Leaves the innermost loop or switch.",
		"int n = 0;\nwhile (true) { n++; if (n == 3) { break; } }\nn    // expect: 3"},
	{"case", "case 1, 2:",
		"A branch of switch, for one value or several. It goes on into the next one unless it ends in break.",
		"switch (2) { case 1, 2: print(\"small\"); break; default: print(\"large\"); }    // expect: small"},
	{"catch", "try { … } catch (e) { … }",
		"Runs when the try block fails: e.name, e.message, e.trace.",
		"try { error(\"no data\"); } catch (e) { print(e.name, e.message); }    // expect: Error no data"},
	{"const", "const int n = 3;",
		"A variable that is assigned once. In the shape of a parameter such an int is matched, not bound.",
		"const int CLASSES = 10;\nCLASSES    // expect: 10"},
	{"continue", "continue;",
		"Goes on with the next pass of the innermost loop.",
		"for (int i : 0..3) { if (i == 1) { continue; } print(i); }    // expect: 0\n// expect: 2"},
	{"default", "default:",
		"The branch of switch that is taken when no case is.",
		"switch (9) { case 1: print(\"one\"); break; default: print(\"more\"); }    // expect: more"},
	{"device", "device (\"cpu\") { … }",
		"What is made inside is on that device.",
		"device (\"cpu\") { zeros(2).device }    // expect: \"cpu\""},
	{"do", "do { … } while (condition);",
		"A loop whose condition is looked at after each pass.",
		"int n = 0;\ndo { n += 5; } while (n < 8);\nn    // expect: 10"},
	{"dtype", "dtype d = f32;",
		"The type of dtypes as values: f64 f32 bf16 f16 i64 i32 u8 bool8. x.dtype is that of a tensor.",
		"dtype d = f64;\nzeros(2, dtype: d).dtype    // expect: f64"},
	{"else", "if (condition) { … } else { … }",
		"Runs when the condition is false; else if asks again.",
		"int n = 2;\nif (n == 1) { print(\"one\"); } else if (n == 2) { print(\"two\"); } else { print(\"many\"); }    // "
		"expect: two"},
	{"empty", "tensor mask = empty;",
		"The absence of a tensor, in a slot of the type tensor or tree; is_empty(x) tests it.",
		"tensor mask = empty;\nis_empty(mask)    // expect: true"},
	{"f16", "f16 x, f16[N, 784] x",
		"The dtype of 16-bit floats. As a type, a tensor of that dtype, with a checked shape if one is given; f16(x) "
		"converts.",
		"f16(1.5).dtype    // expect: f16"},
	{"f32", "f32 x, f32[N, 784] x",
		"The dtype of 32-bit floats, which makers of tensors take unless told otherwise. As a type, a tensor of that dtype, "
		"with a checked shape if one is given; f32(x) converts.",
		"int rows(f32[N, 3] x) { return N; }\nrows(zeros(2, 3))    // expect: 2"},
	{"f64", "f64 x, f64[N, 784] x",
		"The dtype of 64-bit floats. As a type, a tensor of that dtype, with a checked shape if one is given; f64(x) "
		"converts.",
		"zeros(2, dtype: f64).dtype    // expect: f64"},
	{"false", "false", "The bool that is not true.", "bool no = false;\nno || !no    // expect: true"},
	{"float", "float x",
		"A 64-bit floating point number; float(x) converts, and waits for a tensor of one element.",
		"float lr = 1e-3;\nfloat(tensor([2.]))    // expect: 2.0"},
	{"fn", "fn f",
		"Anything callable: a function, a lambda, a struct with call, a tuple or list of such.",
		"tensor apply_twice(fn f, tensor x) { return f(f(x)); }\napply_twice((x) => x * 2, tensor([1.]))    // expect: "
		"tensor([4.]) f32[1]"},
	{"for", "for (auto x : xs) { … }, for (int i = 0; i < n; i++) { … }",
		"A loop over a list, the first axis of a tensor, a sequence, a map, the characters of a string or a range 0..n; or "
		"as in C. auto &x changes the items; patterns take them apart.",
		"for (auto (i, name) : enumerate([\"a\", \"b\"])) { print(i, name); }    // expect: 0 a\n// expect: 1 b"},
	{"frozen", "frozen tensor mean;",
		"A field that is state, not a weight: gradients and optimizers leave it alone.",
		"struct Scale { tensor w = ones(2); frozen tensor mean = zeros(2); };\nScale s;\ncount(s)    // expect: 2"},
	{"grad", "auto (value, gradient, …) = grad (net, …) { … };",
		"Runs the block and gives (value, gradient, …): the gradient of its value, a 0-d tensor, with respect to the "
		"weights of the variables named. only: (path, w) => … leaves weights out, allow_unused: true allows those that are "
		"not reached.",
		"tensor w = tensor([3.]);\nauto (loss, g) = grad (w) { sum(w * w) };\ng    // expect: tensor([6.]) f32[1]"},
	{"i32", "i32 x, i32[N, 784] x",
		"The dtype of 32-bit integers. As a type, a tensor of that dtype, with a checked shape if one is given; i32(x) "
		"converts.",
		"i32([1, 2]).dtype    // expect: i32"},
	{"i64", "i64 x, i64[N, 784] x",
		"The dtype of 64-bit integers, which literals of integers have. As a type, a tensor of that dtype, with a checked "
		"shape if one is given; i64(x) converts.",
		"tensor([1, 2]).dtype    // expect: i64"},
	{"if", "if (condition) { … } else { … }",
		"Runs a branch by a condition: a bool, a number, or a tensor of one element.",
		"int n = 3;\nif (n % 2 == 1) { print(\"odd\"); }    // expect: odd"},
	{"import", "import \"file.tn\" as m;",
		"Takes the names of a file, behind the alias if one is given: m.name, m.Net.",
		NULL},
	{"inf", "inf", "Positive infinity.", "-inf < 0    // expect: true"},
	{"int", "int n",
		"A 64-bit integer; int(x) truncates a float, reads a string, and waits for a tensor of one element. Overflow is an "
		"error.",
		"int n = 7;\nn / 2    // expect: 3"},
	{"map", "map[int] m = { \"a\": 1 };",
		"Values by string keys, in the order of insertion. m[\"a\"] reads and writes, get(m, \"a\", 0) has a default, "
		"m.remove(\"a\") takes a key out.",
		"map[int] m = { \"a\": 1 };\nm[\"b\"] = 2;\nfor (auto (k, v) : m) { print(k, v); }    // expect: a 1\n// expect: b 2"},
	{"nan", "nan", "Not a number: equal to nothing, itself included.", "nan == nan    // expect: false"},
	{"pi", "pi", "The ratio of a circle's circumference to its diameter.", "print(f\"{pi:.5f}\")    // expect: 3.14159"},
	{"profile", "profile (\"step\") { … }", "Times what runs inside.", "profile (\"step\") { sum(ones(3)) };"},
	{"remat", "remat { … }",
		"The same value; what lies between is computed again for the gradient, not kept.",
		"tensor w = tensor([2.]);\nauto (l, g) = grad (w) { remat { sum(w * w) } };\ng    // expect: tensor([4.]) f32[1]"},
	{"return", "return x;",
		"Leaves the function with a value; of a lambda, the lambda alone.",
		"int half(int n) { return n / 2; }\nhalf(9)    // expect: 4"},
	{"seed", "seed (7) { … }",
		"Random numbers inside come from that seed; outside they go on as if nothing had been.",
		"auto a = seed (7) { rand(2) };\nauto b = seed (7) { rand(2) };\nequal(a, b)    // expect: true"},
	{"seq", "seq s",
		"What batches, zip, enumerate, map(seq, f) and 0..n give: to go over by for, from the start each time.",
		"int total(seq s) { int n = 0; for (auto x : s) { n += x; } return n; }\ntotal(0..4)    // expect: 6"},
	{"string", "string s",
		"UTF-8 text. s[0], s[1:3] and len(s) count code points; + joins; string(x) writes any value.",
		"string s = \"tenon\";\nupper(s[0]) + s[1:]    // expect: \"Tenon\""},
	{"struct", "struct Net { Linear l1, l2; };",
		"A value type with fields, which may have defaults. Functions that take it first are its methods; one named call is "
		"called by net(x).",
		"struct Net { Linear l; int seen = 0; };\ntensor call(Net &n, tensor x) { n.seen += 1; return n.l(x); }\nauto net = "
		"Net{ .l = linear(3, 2) };\nnet(ones(1, 3)).shape    // expect: [1, 2]"},
	{"switch", "switch (n) { case 1: … break; default: … }",
		"Runs the branch whose case is the value, of an int or a string, and on into the next until break.",
		"switch (\"b\") { case \"a\": print(1); break; case \"b\": print(2); break; }    // expect: 2"},
	{"tensor", "tensor x, tensor[B, 784] x",
		"Any tensor, with a checked shape if one is given; tensor(xs) makes one of a list.",
		"tensor total = 0.0;\ntotal += sum(ones(3));\ntotal    // expect: 3.0"},
	{"train", "train (true) { … }",
		"Turns dropout and batch statistics on or off inside; training() tells. grad turns them on by itself.",
		"train (true) { training() }    // expect: true"},
	{"tree", "tree t",
		"A tensor, or a struct, list, tuple or map with tensors at its leaves: arithmetic works on all of its weights.",
		"tree doubled(tree t) { return 2 * t; }\ndoubled((ones(1), ones(1)))    // expect: (tensor([2.]) f32[1], "
		"tensor([2.]) f32[1])"},
	{"true", "true", "The bool that is not false.", "true && !false    // expect: true"},
	{"try", "try { … } catch (e) { … }",
		"Catches the errors of what the block does: e.name, e.message, e.trace.",
		"try { int n = int(\"x\"); } catch (e) { print(e.name); }    // expect: ValueError"},
	{"u8", "u8 x, u8[N, 784] x",
		"The dtype of bytes, 0 to 255. As a type, a tensor of that dtype, with a checked shape if one is given; u8(x) "
		"converts.",
		"u8([1, 255]).dtype    // expect: u8"},
	{"void", "void f(…) { … }",
		"No value: the result of a function that returns none.",
		"void hello() { print(\"hello\"); }\nhello();    // expect: hello"},
	{"while", "while (condition) { … }",
		"A loop with a condition, which is looked at before each pass.",
		"int n = 1;\nwhile (n < 100) { n *= 2; }\nn    // expect: 128"},
};

/* No name begins like these: completion leaves them out. */
static const struct word operators[] = {
	{"!", "!a",
		"Not: of a bool or a number; of a bool8 tensor, each element. In the first column of a cell, a line for the shell.",
		"bool small = !(2 > 1);\nsmall    // expect: false"},
	{"!=", "a != b",
		"Not equal. Of strings, lists, tuples, structs and maps a bool, of tensors a bool8 tensor.",
		"\"a\" != \"b\"    // expect: true"},
	{"\"", "\"text\", 'text'",
		"A string, with the escapes of C; either quote. Two that stand side by side are one.",
		"\"it's\" == 'it\\'s'    // expect: true"},
	{"%", "a % b",
		"Remainder: of ints with the sign of a, as in C; of tensors with the sign of b. In the first column of a cell, a "
		"command.",
		"-7 % 3    // expect: -1"},
	{"%=", "a %= b;", "a = a % b.", "int n = 7;\nn %= 4;\nn    // expect: 3"},
	{"&", "a & b, f(&x)",
		"And of the bits of ints and of bool8 tensors. Before an argument: the variable itself, which the function may "
		"change.",
		"void bump(int &n) { n += 1; }\nint n = 6 & 3;\nbump(&n);\nn    // expect: 3"},
	{"&&", "a && b", "And: b is looked at only where a is true.", "2 > 1 && 3 > 2    // expect: true"},
	{"&=", "a &= b;", "a = a & b.", "int n = 6;\nn &= 3;\nn    // expect: 2"},
	{"*", "a * b",
		"Product; of tensors and trees elementwise, with broadcasting.",
		"tensor([1., 2.]) * 3    // expect: tensor([3., 6.]) f32[2]"},
	{"**", "a ** b",
		"Power, to the right and above unary minus: -2 ** 2 is -4. Of ints an int.",
		"2 ** 3 ** 2    // expect: 512"},
	{"**=", "a **= b;", "a = a ** b.", "int n = 3;\nn **= 2;\nn    // expect: 9"},
	{"*=", "a *= b;", "a = a * b.", "int n = 3;\nn *= 4;\nn    // expect: 12"},
	{"+", "a + b",
		"Sum; of strings the one behind the other; of tensors and trees elementwise, with broadcasting.",
		"\"ab\" + \"c\"    // expect: \"abc\""},
	{"++", "x++;", "x += 1. A statement, no expression.", "int n = 1;\nn++;\nn    // expect: 2"},
	{"+=", "a += b;", "a = a + b.", "tensor total = 0.0;\ntotal += 1.5;\ntotal    // expect: 1.5"},
	{"-", "a - b, -a", "Difference, or the negative.", "5 - 7    // expect: -2"},
	{"--", "x--;", "x -= 1. A statement, no expression.", "int n = 1;\nn--;\nn    // expect: 0"},
	{"-=", "a -= b;", "a = a - b.", "int n = 5;\nn -= 2;\nn    // expect: 3"},
	{".", "x.f, x.f(a)",
		"A field, or f(x, a) where x has no such field. x.shape, x.dtype, x.ndim, x.T and x.device of a tensor.",
		"ones(2, 3).T.shape    // expect: [3, 2]"},
	{"..", "a..b",
		"The ints from a to b - 1, to go over by for.",
		"for (int i : 2..4) { print(i); }    // expect: 2\n// expect: 3"},
	{"...", "x[..., 0], f32[..., C]",
		"In an index and in a shape: any number of axes.",
		"ones(2, 3, 4)[..., 0].shape    // expect: [2, 3]"},
	{"/", "a / b",
		"Quotient: of ints truncated, as in C; of tensors true division, integers give f32. floor_div(a, b) rounds down.",
		"7 / 2    // expect: 3"},
	{"//", "// comment",
		"A comment to the end of the line; /* … */ ends where it is closed. /// before a function, struct or field "
		"documents it.",
		"int n = 7 / 2;    // not 7 // 2\nn    // expect: 3"},
	{"/=", "a /= b;", "a = a / b.", "float x = 5.0;\nx /= 2;\nx    // expect: 2.5"},
	{":", "name: value, a ? b : c, x[a:b], case 1:",
		"Names an argument, parts an index, or goes over something in for (auto x : xs).",
		"sum(ones(2, 3), axis: 0)    // expect: tensor([2., 2., 2.]) f32[3]"},
	{";", "statement;",
		"Ends every statement; the last expression of a cell is shown where it has none.",
		"int n = 3;\nn    // expect: 3"},
	{"<", "a < b",
		"Less; of tensors a bool8 tensor. Strings are compared by code points.",
		"\"a\" < \"b\"    // expect: true"},
	{"<<", "a << b", "The bits of an int to the left.", "1 << 4    // expect: 16"},
	{"<=", "a <= b", "Less or equal; of tensors a bool8 tensor.", "2 <= 2    // expect: true"},
	{"=", "x = value;",
		"Assignment: a statement, no expression. At the top level of a cell it declares a name that there is not.",
		"x = 3;\nx    // expect: 3"},
	{"==", "a == b",
		"Equal. Of strings, lists, tuples, structs and maps a bool, of tensors a bool8 tensor; equal(a, b) compares whole "
		"tensors.",
		"tensor([1, 2]) == tensor([1, 3])    // expect: tensor([ true, false]) bool8[2]"},
	{"=>", "(x) => x * 2",
		"A lambda; its body may be a block, whose last expression is its value.",
		"auto square = (x) => x * x;\nsquare(5)    // expect: 25"},
	{">", "a > b", "Greater; of tensors a bool8 tensor.", "3 > 2    // expect: true"},
	{">=", "a >= b", "Greater or equal; of tensors a bool8 tensor.", "3 >= 4    // expect: false"},
	{">>", "a >> b", "The bits of an int to the right.", "16 >> 2    // expect: 4"},
	{"?", "a ? b : c",
		"b where a is true, else c. In the first column of a cell, or behind a name alone in its line: help.",
		"int n = 3;\nn > 2 ? \"many\" : \"few\"    // expect: \"many\""},
	{"@", "a @ b",
		"Matrix product over the last two axes, with broadcasting over those before. Binds like *.",
		"(ones(2, 3) @ ones(3, 4)).shape    // expect: [2, 4]"},
	{"@=", "a @= b;", "a = a @ b.", "tensor x = eye(2);\nx @= ones(2, 2);\nx.shape    // expect: [2, 2]"},
	{"^", "a ^ b", "Exclusive or of the bits of ints and of bool8 tensors. The power is a ** b.", "6 ^ 3    // expect: 5"},
	{"^=", "a ^= b;", "a = a ^ b.", "int n = 6;\nn ^= 3;\nn    // expect: 5"},
	{"f\"", "f\"…{expression:spec}…\"",
		"A string with values in it. The spec is that of Python's format: .4f , .2% >8 08d x; {{ and }} are braces.",
		"float loss = 0.25;\nprint(f\"loss {loss:.3f}, {loss:.0%}\");    // expect: loss 0.250, 25%"},
	{"[", "x[i], x[1:3, ..., None], [1, 2, 3], T[]",
		"An element or a part; a tensor or list written out; the type of a list. Negative indices count from the end.",
		"auto x = tensor([[1., 2.], [3., 4.]]);\nx[:, 0]    // expect: tensor([1., 3.]) f32[2]"},
	{"{", "{ … }, { \"key\": value }, Name{ .field = value }",
		"A block, a map, or a struct.",
		"struct P { int x; int y = 2; };\nP{ .x = 1 }    // expect: P{.x = 1, .y = 2}"},
	{"|", "a | b", "Or of the bits of ints and of bool8 tensors.", "6 | 3    // expect: 7"},
	{"|=", "a |= b;", "a = a | b.", "int n = 6;\nn |= 3;\nn    // expect: 7"},
	{"||", "a || b", "Or: b is looked at only where a is false.", "2 > 3 || 3 > 2    // expect: true"},
	{"~", "~a", "The other bits of an int; of a bool8 tensor, not.", "~5    // expect: -6"},
	{"(", "f(x), (a, b)",
		"A call, an expression in parentheses, or a tuple: auto (a, b) = t; takes it apart, t[0] reads an item.",
		"auto (a, b) = (1, \"x\");\nb    // expect: \"x\""},
};

static bool add(struct catalog_table *table, enum catalog_kind kind, const struct word *row) {
	const struct catalog_entry entry = {
		.kind = kind, .name = row->name, .signature = row->written, .doc = row->doc, .example = row->example};
	return catalog_add_entry(table, &entry);
}

bool catalog_add_words(struct catalog_table *table) {
	bool ok = true;
	for (size_t i = 0; ok && i < TN_ARRAY_LEN(words); i++) {
		ok = add(table, CATALOG_WORD, &words[i]);
	}
	for (size_t i = 0; ok && i < TN_ARRAY_LEN(operators); i++) {
		ok = add(table, CATALOG_OPERATOR, &operators[i]);
	}
	return ok;
}

bool tn_lang_each_word(tn_lang_doc_visitor visit, void *data) {
	for (size_t i = 0; i < TN_ARRAY_LEN(words) + TN_ARRAY_LEN(operators); i++) {
		const struct word *row = i < TN_ARRAY_LEN(words) ? &words[i] : &operators[i - TN_ARRAY_LEN(words)];
		if (!visit(data, row->name, row->written, row->doc, row->example)) {
			return false;
		}
	}
	return true;
}
