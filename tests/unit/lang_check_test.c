/* SPDX-License-Identifier: Apache-2.0 */
/* The checker alone: source in, checked tree or errors out. Nothing runs here; declarations of a checked cell are bound by hand,
 * as running it would do. */
#include <stdio.h>
#include <string.h>

#include "lang/builtin.h"
#include "runner/test.h"

struct session {
	struct tn_lang lang;
	struct tn_diagnostics diag;
	struct tn_unit *unit;
	int cells;
};

static void session_init(struct session *s) {
	struct tn_error err = {0};
	memset(s, 0, sizeof(*s));
	TN_CHECK(tn_state_init(&s->lang, &err));
	TN_CHECK(tn_lang_register_builtins(&s->lang, &err));
}

static void session_finish(struct session *s) {
	tn_diagnostics_finish(&s->diag);
	tn_state_finish(&s->lang);
}

static bool cell(struct session *s, const char *text) {
	struct tn_error err = {0};
	char name[32];
	snprintf(name, sizeof(name), "cell %d", ++s->cells);
	tn_diagnostics_finish(&s->diag);
	s->diag = (struct tn_diagnostics){0};
	s->unit = tn_unit_create(&s->lang, name, text, strlen(text), s->lang.session, &err);
	TN_CHECK_NOT_NULL(s->unit);
	bool ok =
		tn_parse(s->unit->source, &s->unit->arena, &s->unit->tree, &s->diag) && tn_check_unit(&s->lang, s->unit, true, &s->diag);
	for (size_t i = 0; ok && i < s->lang.expected.count; i++) {
		struct tn_symbol *symbol = s->lang.expected.items[i];
		TN_CHECK(tn_map_set(&symbol->module->symbols, symbol->name, symbol));
	}
	return ok;
}

static void passes(struct session *s, const char *text) {
	if (!cell(s, text)) {
		tn_test_fail(
			TN_TEST_HERE(text), "%s", s->diag.errors.count > 0 ? s->diag.errors.items[0].text : "failed without an error");
	}
}

static void fails(struct session *s, const char *text, const char *error) {
	TN_CHECK(!cell(s, text));
	TN_CHECK(s->diag.errors.count > 0);
	TN_CHECK_STR_EQ(s->diag.errors.items[0].text, error);
}

static void gives(struct session *s, const char *text, const char *tree) {
	struct tn_str out = {0};
	passes(s, text);
	TN_CHECK(tn_ir_dump(s->unit->cell, &out));
	TN_CHECK_STR_EQ(tn_str_c(&out), tree);
	tn_str_finish(&out);
}

#define CASES(...)                                                                                                               \
	struct session s;                                                                                                            \
	session_init(&s);                                                                                                            \
	__VA_ARGS__;                                                                                                                 \
	session_finish(&s)

/* ---- numbers and conversions ---- */

TN_TEST(int_widens_to_float_and_no_other_way) {
	CASES(gives(&s, "int n = 2; float f = n;", "(bind-global n (const:int 2))\n(bind-global f (convert:float (global:int n)))\n");
		  fails(&s, "int x = 1.5;", "x: expected int, found float"); fails(&s, "string t = 3;", "t: expected string, found int"));
}
TN_TEST(a_number_becomes_a_tensor_where_one_is_declared_only) {
	CASES(gives(&s, "tensor t = 1.0;", "(bind-global t (convert:tensor (const:float 1.0)))\n");
		  fails(&s, "float total = 0.0; total += t;", "total is float, but total + … gives tensor"));
}
TN_TEST(a_bracket_literal_is_a_list_where_a_list_is_declared) {
	CASES(gives(&s, "int[] xs = [1, 2];", "(bind-global xs (list:int[] (const:int 1) (const:int 2)))\n");
		  gives(&s, "auto t = [1, 2];", "(bind-global t (tensor:tensor i64 (const:int 1) (const:int 2)))\n");
		  fails(&s, "auto q = [];", "[] needs a declared type");
		  fails(&s, "auto z = [1, t];", "numbers and tensors do not mix in one literal"));
}
TN_TEST(operators_refuse_what_they_cannot_combine) {
	CASES(fails(&s, "\"a\" + 1;", "operator + does not take string and int");
		  fails(&s, "[1, 2] @ 3;", "operator @ does not take tensor and int");
		  fails(&s, "(1, ones(2)) == (1, ones(2));", "== does not compare values with tensors inside"));
}

/* ---- names and scopes ---- */

TN_TEST(an_unknown_name_suggests_the_nearest_one) {
	CASES(fails(&s, "auto weight = 1; print(wieght);", "wieght is not declared");
		  TN_CHECK_STR_EQ(s.diag.errors.items[0].hint, "did you mean weight?"));
}
TN_TEST(outside_braces_an_assignment_declares_anew_where_it_must) {
	CASES(gives(&s, "x = 3; x = 4; x = \"a\";",
		"(bind-global x (const:int 3))\n(set-global x (const:int 4))\n(bind-global x (const:string \"a\"))\n");
		  fails(&s, "{ x = 5; }", "x: expected string, found int"); fails(&s, "{ unheard = 5; }", "unheard is not declared"));
}
TN_TEST(a_cell_that_does_not_check_leaves_nothing_behind) {
	CASES(fails(&s, "int f(int x) { return x; } auto k = 1; print(nope);", "nope is not declared");
		  fails(&s, "f(1);", "there is no function f"); fails(&s, "print(k);", "k is not declared"));
}
TN_TEST(a_declaration_reads_the_variable_that_it_replaces) {
	CASES(passes(&s, "auto x = 3;");
		  gives(&s, "auto x = f32(x);", "(bind-global x (native:tensor tensor f32 (global:int x)))\n"));
}
TN_TEST(a_function_may_not_be_called_before_a_global_that_it_names_changes_its_type) {
	CASES(fails(&s, "x = 3; int use() { return x; } print(use()); auto x = \"a\";",
		"x changes its type here, from int to string, but use, which names it, was called before"));
}
TN_TEST(a_function_does_not_write_globals) {
	CASES(fails(&s, "int count_ = 0; void inc() { count_ += 1; }", "a function cannot write the global count_");
		  TN_CHECK_STR_EQ(s.diag.errors.items[0].hint, "declare a parameter `int &count_`, or return the new value"));
}
TN_TEST(all_errors_are_reported) {
	CASES(TN_CHECK(!cell(&s, "int a = \"x\";\nprint(b);\nfloat c = 1;\nc.foo;")); TN_CHECK_SIZE_EQ(s.diag.errors.count, 3));
}
TN_TEST(what_was_declared_wrongly_is_not_reported_again) {
	CASES(TN_CHECK(!cell(&s, "auto a = nope;\nprint(a + 1);\nfor (int i : a) { }")); TN_CHECK_SIZE_EQ(s.diag.errors.count, 1));
}

/* ---- functions ---- */

TN_TEST(arguments_are_matched_by_position_then_name_then_default) {
	CASES(passes(&s, "int f(int x, int y = 2, int z = 3) { return x; }");
		  gives(&s, "f(1, z: 5);", "(eval (call:int f (const:int 1) (const:int 2) (const:int 5)))\n");
		  fails(&s, "f(y: 1);", "f: argument x is missing");
		  fails(&s, "f(1, zz: 1);", "f: there is no parameter zz; did you mean z?");
		  fails(&s, "f(1, 2, 3, 4);", "f: expected at most 3 arguments");
		  fails(&s, "f(1, x: 1);", "f: argument x is given twice"));
}
TN_TEST(overloads_differ_in_the_first_parameter) {
	CASES(passes(&s, "int g(int x) { return 1; } string g(string x) { return x; } tensor g(tensor x) { return x; }");
		  gives(&s, "g(\"a\"); g(1); g(ones(2)); g(1.5);",
			  "(eval (call:string g (const:string \"a\")))\n(eval (call:int g (const:int 1)))\n"
			  "(eval (call:tensor g (native:tensor tensor ones (list:int[] (const:int 2)) (const:dtype f32))))\n(eval "
			  "(call:tensor g (convert:tensor (const:float 1.5))))\n");
		  fails(&s, "int h(int x) { return 1; } int h(int y) { return 2; }",
			  "h is defined twice in one cell for the same first parameter"));
}
TN_TEST(a_reference_parameter_takes_an_ampersand_or_a_receiver) {
	CASES(passes(&s, "void inc(int &c) { c += 1; } int k = 0;"); gives(
		&s, "inc(&k); k.inc();", "(eval (call inc (ref:int (global:int k))))\n(eval (call inc (ref:int (global:int k))))\n");
		  fails(&s, "inc(k);", "inc changes its argument c: write &");
		  fails(&s, "print(&k);", "argument values of print takes a value: write it without &"));
}
TN_TEST(two_references_to_one_variable_are_refused) {
	CASES(passes(&s, "struct P { int a, b; }; void two(int &x, int &y) { x = y; } auto p = P{};"); passes(&s, "two(&p.a, &p.b);");
		  fails(&s, "two(&p.a, &p.a);", "two arguments of one call refer to the same variable"));
}
TN_TEST(templates_are_checked_per_combination_and_show_the_call) {
	CASES(passes(&s, "auto twice(auto x) { return x + x; }"); gives(&s, "twice(1); twice(\"a\");",
		"(eval (call:int twice (const:int 1)))\n(eval (call:string twice (const:string \"a\")))\n");
		  fails(&s, "twice(true ? (1, 2) : (3, 4));", "operator + does not take (int, int) and (int, int)");
		  TN_CHECK_INT_EQ(s.diag.errors.items[0].trace_count, 1));
}
TN_TEST(recursion_needs_a_declared_result) {
	CASES(passes(&s, "int fib(int n) { if (n < 2) { return n; } return fib(n - 1) + fib(n - 2); }");
		  fails(&s, "auto loop(int n) { return loop(n - 1); } loop(3);", "loop calls itself before its result's type is known");
		  passes(&s, "int deep(auto x, int n) { if (n == 0) { return 0; } return deep((x, x), n - 1); } deep(1, 3);"));
}
TN_TEST(a_function_must_return_on_every_path) {
	CASES(fails(&s, "int f(int x) { if (x > 0) { return 1; } }", "f: control reaches the end without a return");
		  passes(&s, "int f(int x) { if (x > 0) { return 1; } else { error(\"no\"); } }");
		  passes(&s, "int g(int x) { while (true) { if (x > 3) { return x; } x += 1; } }");
		  fails(&s, "int h(int x) { while (true) { break; } }", "h: control reaches the end without a return"));
}
TN_TEST(lambdas_capture_locals_and_do_not_assign_them) {
	CASES(gives(&s, "for (int i = 0; i < 3; i++) { auto f = (a) => a + i; print(f(1)); }",
		"(scope (set-local $0 (const:int 0)) (loop (binary:bool < (local:int $0) (const:int 3)) (scope (set-local $1 "
		"(lambda:lambda (local:int $0))) (eval (native void print "
		"(tuple:(int) (call:int lambda (item:int 0 (local:lambda $1)) (const:int 1)))))) step (update + (const:int 1) (local:int "
		"$0))))\n");
		  fails(&s, "{ int k = 0; auto f = (x) => { k = x; }; f(1); }", "a lambda cannot assign k, which it has captured"));
}

/* ---- structs, trees, chains ---- */

TN_TEST(a_struct_with_equal_fields_stays_the_same_type) {
	CASES(passes(&s, "struct P { int x; float y = 1.0; }; auto p = P{};");
		  passes(&s, "struct P { int x; float y = 2.0; }; p = P{};"); passes(&s, "struct P { int x; };");
		  fails(&s, "P q = p;", "q: expected P, found P (cell 2)"); passes(&s, "auto q = P(p);"));
}
TN_TEST(a_struct_contains_itself_through_a_list_only) {
	CASES(fails(&s, "struct A { A a; };", "the struct A contains itself");
		  passes(&s, "struct B { B[] b; }; auto b = B{}; b.b.append(B{});"));
}
TN_TEST(arithmetic_on_nets_is_leafwise) {
	CASES(passes(&s, "auto m = linear(2, 3); auto v = 0.9 * m + 0.1 * m; v = sqrt(v);");
		  TN_CHECK_STR_EQ(s.lang.session->name == NULL ? "session" : "", "session");
		  fails(&s, "int[] xs = [1, 2]; xs + 1;", "operator + does not take int[] and int"));
}
TN_TEST(a_tuple_of_callables_is_called_item_by_item) {
	CASES(passes(&s, "auto net = (linear(4, 8), relu, (x) => x * 2, linear(8, 2)); tensor y = net(ones(1, 4));");
		  fails(&s, "auto bad = (relu, 3); bad(ones(2));", "a value of type (function relu, int) cannot be called"));
}
TN_TEST(a_list_of_nets_is_called_in_a_loop) {
	CASES(passes(
		&s, "auto nets = list(3, (i) => linear(4, 4)); tensor y = nets(ones(1, 4)); for (auto &n : nets) { n.w = n.w * 2; }"));
}
TN_TEST(the_library_calls_a_call_function_of_the_user) {
	CASES(passes(&s,
		"struct Sq { float k = 1.0; }; tensor call(Sq &s, tensor x) { return s.k * x * x; } auto apply_twice(fn f, auto x) { "
		"return f(f(x)); } "
		"tensor y = apply_twice(Sq{}, ones(2)); tensor z = (Sq{}, linear(2, 2))(ones(1, 2));"));
}

/* ---- grad and other blocks ---- */

TN_TEST(grad_gives_the_value_and_a_gradient_of_each_argument) {
	CASES(passes(&s,
		"auto net = linear(2, 3); tensor w = 1.0; auto (loss, g, h) = grad (net, w) { sum(net(ones(1, 2))) * w }; Linear check = "
		"g; tensor also = h;");
		  fails(&s, "grad (net) { 3 };",
			  "the value of a grad block: expected a tensor, or a tuple that begins with one, found int");
		  fails(&s, "grad (net) { sum(net.w); };", "the grad block has no value");
		  fails(&s, "grad (net, net.w) { sum(net.w) };", "the arguments of grad overlap");
		  fails(&s, "int k = 3; grad (k) { sum(net.w) };", "grad: expected a tensor or a tree with weights, found int");
		  fails(&s, "for (int i : 0..3) { grad (net) { break; sum(net.w) } }", "break cannot leave a grad or remat block"));
}

/* ---- any ---- */

static const struct tn_ir *first_dyn(const struct tn_unit *unit) {
	for (uint32_t i = 0; i < unit->cell->body.count; i++) {
		const struct tn_ir *a = unit->cell->body.items[i]->a;
		if (a != NULL && a->kind == TN_IR_DYN) {
			return a;
		}
	}
	return NULL;
}

static void thunk(struct session *s, const char *text, enum tn_type_kind kind, const char *tree) {
	struct tn_error err = {0};
	struct tn_str out = {0};
	passes(s, text);
	const struct tn_ir *dyn = first_dyn(s->unit);
	TN_CHECK_NOT_NULL(dyn);
	struct tn_type *types[3];
	for (uint32_t i = 0; i < dyn->dyn.operands.count; i++) {
		struct tn_type *t = dyn->dyn.operands.items[i]->type;
		types[i] = t->kind == TN_TYPE_ANY ? tn_type_basic(s->lang.types, kind) : t;
	}
	struct tn_instance *made = tn_check_dyn(&s->lang, dyn, types, dyn->dyn.operands.count, &err);
	if (made == NULL) {
		TN_CHECK_STR_EQ(err.text, tree);
		return;
	}
	TN_CHECK(made == tn_check_dyn(&s->lang, dyn, types, dyn->dyn.operands.count, &err));
	TN_CHECK(tn_ir_dump(made, &out));
	TN_CHECK_STR_EQ(tn_str_c(&out), tree);
	tn_str_finish(&out);
}

TN_TEST(operations_on_any_are_checked_with_the_types_of_the_moment) {
	CASES(passes(&s, "auto m = {\"a\": 1}; int k = 2;"); thunk(
		&s, "m[\"a\"] + k;", TN_TYPE_FLOAT, "(return (binary:float + (local:float $0) (convert:float (local:int $1))))\n");
		  thunk(&s, "m[\"a\"] + k;", TN_TYPE_STRING, "operator + does not take string and int");
		  thunk(&s, "m[\"a\"].shape;", TN_TYPE_TENSOR, "(return (native:int[] auto shape (local:tensor $0)))\n");
		  thunk(&s, "m[\"a\"][1:];", TN_TYPE_STRING, "(return (index:string (slice (const:int 1) - -) (local:string $0)))\n");
		  thunk(&s, "sqrt(m[\"a\"]);", TN_TYPE_TENSOR, "(return (native:tensor auto sqrt (local:tensor $0)))\n");
		  thunk(&s, "sum(m[\"a\"], axis: 1);", TN_TYPE_TENSOR,
			  "(return (native:tensor tensor sum (local:tensor $0) (const:int 1) (const:bool false)))\n");
		  gives(&s, "m[\"a\"].reshape(2, -1);",
			  "(eval (native:tensor tensor reshape (convert:tensor (index:any (const:string \"a\") (global:map m))) (list:int[] "
			  "(const:int 2) (const:int -1))))\n"));
}
TN_TEST(what_is_assigned_behind_any_is_found_when_it_runs) {
	CASES(passes(&s, "auto m = {\"a\": ones(3)}; int k = 1;"); thunk(
		&s, "m[\"a\"][k] = 5;", TN_TYPE_TENSOR, "(set-place (const:int 5) (index:tensor (local:int $1) (local:tensor $0)))\n");
		  thunk(&s, "m[\"a\"].w = 5;", TN_TYPE_INT, "int has no field w"));
}
TN_TEST(any_becomes_a_declared_type) {
	CASES(passes(&s, "auto m = {\"a\": 1};");
		  gives(&s, "float f = m[\"a\"];", "(bind-global f (convert:float (index:any (const:string \"a\") (global:map m))))\n"));
}

/* ---- formats, commands of the grammar ---- */

TN_TEST(format_specs_are_checked_against_the_type) {
	CASES(passes(&s, "print(f\"{1:05d} {2.5:.3f} {0.1:.2%} {'a':>8} {1000:,} {ones(1):.2f}\");");
		  fails(&s, "f\"{1.5:d}\";", "the format 'd' does not take float");
		  fails(&s, "f\"{'a':.2f}\";", "the format 'f' does not take string");
		  fails(&s, "f\"{1:.2q}\";", "the format 'q' does not take int"); fails(&s, "f\"{1:.}\";", "'.' is no format spec"));
}
TN_TEST(habits_of_other_languages_get_a_hint) {
	CASES(fails(&s, "ones(1).item();", "tensor has no field and no function item");
		  TN_CHECK_STR_CONTAINS(s.diag.errors.items[0].hint, "float(x)"); fails(&s, "range(3);", "there is no function range");
		  TN_CHECK_STR_CONTAINS(s.diag.errors.items[0].hint, "0..n"));
}
TN_TEST(catch_binds_an_error_with_name_message_and_trace) {
	CASES(passes(&s, "try { error(\"x\"); } catch (e) { string t = e.name + e.message + e.trace; }");
		  fails(&s, "try { } catch (e) { e.text; }", "ErrorInfo has no field text"));
}
TN_TEST(redefinition_reaches_the_callers) {
	CASES(passes(&s, "int f(int x) { return x; } int g(int x) { return f(x); } g(1);"); struct tn_instance *g = NULL;
		  struct tn_overloads *set = tn_map_get(&s.lang.session->functions, "g"); g = set->items.items[0]->instances.items[0];
		  uint64_t before = g->epoch; passes(&s, "string f(int x) { return \"a\"; }"); TN_CHECK(s.lang.epoch > before);
		  struct tn_error err = {0}; TN_CHECK(!tn_check_refresh(&s.lang, g, &err));
		  TN_CHECK_STR_EQ(err.text, "the result of g: expected int, found string"));
}
TN_TEST(nesting_as_deep_as_the_parser_allows_is_checked) {
	struct tn_str text = {0};
	struct session s;
	session_init(&s);
	for (int i = 0; i < 90; i++) {
		TN_CHECK(tn_str_append(&text, "if (true) { "));
	}
	TN_CHECK(tn_str_append(&text, "print(1);"));
	for (int i = 0; i < 90; i++) {
		TN_CHECK(tn_str_append(&text, "}"));
	}
	passes(&s, tn_str_c(&text));
	tn_str_clear(&text);
	TN_CHECK(tn_str_append(&text, "auto x = 0"));
	for (int i = 0; i < 20000; i++) {
		TN_CHECK(tn_str_append(&text, " + 1"));
	}
	TN_CHECK(tn_str_append(&text, ";"));
	cell(&s, tn_str_c(&text)); /* passes, or an error of the parser; never a crash */
	tn_str_finish(&text);
	session_finish(&s);
}

static const char everything[] =
	"struct Net { Linear a; float k = 2.0; }; tensor call(Net &n, tensor x) { return n.a(x) * n.k; }\n"
	"auto net = Net{ .a = linear(4, 2) }; auto opt = adamw(lr: 0.1); auto m = {\"a\": 1, \"b\": [1, 2]};\n"
	"for (int i = 0; i < 3; i++) { auto (l, g) = grad (net) { sum(net(ones(2, 4))) }; opt.step(&net, g); print(f\"{l:.2f} "
	"{i}\"); }\n"
	"m[\"a\"] += 1; auto f = (x) => x + i0(x); int i0(int x) { return x; } print(f(3)); wrong(1); int bad = \"x\";";

/* Whatever allocation fails, the check ends with an error and everything is freed. */
TN_TEST(every_failing_allocation_ends_in_an_error) {
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_lang lang;
		struct tn_error err = {0};
		struct tn_diagnostics diag = {0};
		memset(&lang, 0, sizeof(lang));
		bool ready = tn_state_init(&lang, &err) && tn_lang_register_builtins(&lang, &err);
		struct tn_unit *unit = ready ? tn_unit_create(&lang, "cell 1", everything, strlen(everything), lang.session, &err) : NULL;
		TN_CHECK(unit != NULL || err.kind == TN_ERR_MEMORY);
		if (unit != NULL) {
			bool ok = tn_parse(unit->source, &unit->arena, &unit->tree, &diag) && tn_check_unit(&lang, unit, true, &diag);
			TN_CHECK(!ok);
		}
		tn_diagnostics_finish(&diag);
		tn_state_finish(&lang);
	}
}
