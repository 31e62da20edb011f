/* SPDX-License-Identifier: Apache-2.0 */
/* The VM from outside: cells against a session that lasts, interrupts, limits, references, and what must stay as it is when memory is out. */
#include <string.h>

#include "cpu/cpu.h"
#include "lang/lang.h"
#include "runner/test.h"

struct fixture {
	struct tn_lang *lang;
	struct tn_engine *engine;
	struct tn_str text;
	volatile int interrupt;
	struct tn_error err; /* of the last cell */
};

static void take_text(void *data, const char *bytes, size_t length) {
	struct fixture *f = data;
	if (!tn_str_append_n(&f->text, bytes, length)) {
		f->interrupt = 1;
	}
}

static bool take_value(void *data, const struct tn_lang_display *what, struct tn_error *err) {
	struct tn_str text = {0};
	TN_CHECK(what->result);
	bool ok = tn_value_format(what->value, true, &text, err);
	if (ok) {
		take_text(data, tn_str_c(&text), text.length);
	}
	tn_str_finish(&text);
	return ok;
}

static bool start(struct fixture *f, struct tn_error *err) {
	*f = (struct fixture){0};
	struct tn_backend *backend = tn_cpu_backend_create(&(struct tn_cpu_params){.budget = (size_t)256 << 20}, err);
	if (backend == NULL) {
		return false;
	}
	f->engine = tn_engine_create(
		&(struct tn_engine_params){.backend = backend, .hooks = tn_lang_hooks(&f->lang), .interrupt = &f->interrupt}, err);
	if (f->engine == NULL) {
		return false;
	}
	f->lang = tn_lang_create(
		&(struct tn_lang_params){.engine = f->engine, .interrupt = &f->interrupt, .depth_limit = 1000, .output = {.data = f, .text = take_text, .display = take_value}}, err);
	if (f->lang == NULL) {
		tn_engine_destroy(f->engine);
	}
	return f->lang != NULL;
}

static void stop(struct fixture *f) {
	struct tn_lang *lang = f->lang;
	f->lang = NULL; /* hooks find nobody from here on */
	tn_lang_destroy(lang);
	tn_engine_destroy(f->engine);
	tn_str_finish(&f->text);
}

static bool cell(struct fixture *f, const char *text) {
	struct tn_diagnostics diag = {0};
	tn_str_clear(&f->text);
	bool ok = tn_lang_run(f->lang, &(struct tn_lang_cell){.name = "cell 1", .text = text, .length = strlen(text), .display_last = true}, &diag);
	f->err = (struct tn_error){0};
	if (diag.errors.count > 0) {
		f->err = diag.errors.items[0];
	}
	tn_diagnostics_finish(&diag);
	return ok;
}

TN_TEST(globals_last_from_cell_to_cell) {
	static struct fixture f;
	struct tn_error err = {0};
	TN_CHECK(start(&f, &err));
	TN_CHECK(cell(&f, "int a = 1; auto t = ones(2);"));
	TN_CHECK(cell(&f, "a += 41; t = t * 2.0;"));
	TN_CHECK(cell(&f, "print(a); t"));
	TN_CHECK_STR_EQ(tn_str_c(&f.text), "42\ntensor([2., 2.]) f32[2]");
	stop(&f);
}

TN_TEST(a_function_sees_a_redefinition) {
	static struct fixture f;
	struct tn_error err = {0};
	TN_CHECK(start(&f, &err));
	TN_CHECK(cell(&f, "int g() { return 1; } int h() { return g(); } print(h());"));
	TN_CHECK_STR_EQ(tn_str_c(&f.text), "1\n");
	TN_CHECK(cell(&f, "int g() { return 2; }"));
	TN_CHECK(cell(&f, "print(h());"));
	TN_CHECK_STR_EQ(tn_str_c(&f.text), "2\n");
	stop(&f);
}

TN_TEST(assignments_before_an_error_stay) {
	static struct fixture f;
	struct tn_error err = {0};
	TN_CHECK(start(&f, &err));
	TN_CHECK(cell(&f, "int a = 1; int zero = 0;"));
	TN_CHECK(!cell(&f, "a = 2; a = 1 / zero;"));
	TN_CHECK_INT_EQ(f.err.kind, TN_ERR_ZERO_DIVISION);
	TN_CHECK(cell(&f, "print(a);"));
	TN_CHECK_STR_EQ(tn_str_c(&f.text), "2\n");
	stop(&f);
}

TN_TEST(recursion_ends_in_an_error_with_its_chain) {
	static struct fixture f;
	struct tn_error err = {0};
	TN_CHECK(start(&f, &err));
	TN_CHECK(!cell(&f, "int f(int n) { return f(n + 1); }\nf(0);"));
	TN_CHECK_INT_EQ(f.err.kind, TN_ERR_RECURSION);
	TN_CHECK_INT_EQ(f.err.trace_count, TN_ERROR_TRACE_MAX);
	TN_CHECK(f.err.trace_left_out > 900);
	TN_CHECK(cell(&f, "print(1);"));
	stop(&f);
}

TN_TEST(natives_that_call_back_nest_to_a_limit) {
	static struct fixture f;
	struct tn_error err = {0};
	TN_CHECK(start(&f, &err));
	TN_CHECK(!cell(&f, "int f(int n) { return list(1, (i) => f(n + 1))[0]; }\nf(0);"));
	TN_CHECK_INT_EQ(f.err.kind, TN_ERR_RECURSION);
	stop(&f);
}

TN_TEST(an_interrupt_is_not_caught_and_the_session_goes_on) {
	static struct fixture f;
	struct tn_error err = {0};
	TN_CHECK(start(&f, &err));
	TN_CHECK(cell(&f, "int a = 0;"));
	f.interrupt = 1;
	TN_CHECK(!cell(&f, "try { while (true) { a += 1; } } catch (e) { a = -1; }"));
	TN_CHECK_INT_EQ(f.err.kind, TN_ERR_INTERRUPTED);
	f.interrupt = 0;
	TN_CHECK(cell(&f, "print(a >= 0);"));
	TN_CHECK_STR_EQ(tn_str_c(&f.text), "true\n");
	stop(&f);
}

TN_TEST(a_scalar_loop_over_a_tensor_makes_no_plan_per_element) {
	static struct fixture f;
	struct tn_error err = {0};
	struct tn_engine_stats before, after;
	TN_CHECK(start(&f, &err));
	TN_CHECK(cell(&f, "auto x = zeros(10); print(x[0]);"));
	tn_engine_get_stats(f.engine, &before);
	TN_CHECK(cell(&f, "for (int i = 0; i < 1000; i++) { x[i % 10] += 1.0; }"));
	tn_engine_get_stats(f.engine, &after);
	TN_CHECK(after.flushes - before.flushes <= 2);
	TN_CHECK(cell(&f, "print(x[3]);"));
	TN_CHECK_STR_EQ(tn_str_c(&f.text), "100.0\n");
	stop(&f);
}

TN_TEST(a_training_loop_is_one_plan_a_step) {
	static struct fixture f;
	struct tn_error err = {0};
	struct tn_engine_stats before, after;
	TN_CHECK(start(&f, &err));
	TN_CHECK(cell(&f, "auto net = linear(4, 2); auto opt = adamw(lr: 0.01); auto x = ones(8, 4);"));
	tn_engine_get_stats(f.engine, &before);
	TN_CHECK(cell(&f, "for (int i : 0..20) { auto (l, g) = grad (net) { sum(net(x)) }; opt.step(&net, g); }"));
	tn_engine_get_stats(f.engine, &after);
	TN_CHECK(after.flushes - before.flushes <= 21);
	TN_CHECK(after.plan_misses - before.plan_misses <= 3);
	stop(&f);
}

TN_TEST(no_allocation_that_fails_breaks_a_session) {
	TN_FOR_EACH_FAILING_ALLOC {
		static struct fixture f;
		struct tn_error err = {0};
		if (start(&f, &err)) {
			bool ok = cell(&f, "int[] xs = [1, 2]; xs.append(3); auto m = { \"a\": xs }; int f(int n) { return n < 1 ? 0 : f(n - 1); } print(f(3), m, f\"{xs[2]:>4}\");");
			TN_CHECK(ok || tn_test_alloc_failed());
			stop(&f);
		}
	}
}
