/* SPDX-License-Identifier: Apache-2.0 */
/* Runs inside a session: values that wait for their plan, and memory that runs out anywhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "events/run.h"
#include "runner/test.h"
#include "session/session.h"

struct fixture {
	char folder[64];
	struct tn_session *session;
	struct tn_str text, warnings;
};

static void callback_text(void *data, const char *bytes, size_t length) {
	struct fixture *f = data;
	(void)!tn_str_append_n(&f->text, bytes, length);
}

static void callback_show(void *data, const struct tn_session_show *show) {
	(void)data;
	(void)show;
}

static void callback_warning(void *data, const struct tn_error *warning) {
	struct fixture *f = data;
	(void)!tn_str_printf(&f->warnings, "%s\n", warning->text);
}

static void setup(struct fixture *f) {
	struct tn_error err = {0};
	*f = (struct fixture){0};
	snprintf(f->folder, sizeof(f->folder), "/tmp/tenon-runs-XXXXXX");
	TN_CHECK(mkdtemp(f->folder) != NULL);
	TN_CHECK(setenv("TENON_RUNS", f->folder, 1) == 0);
	const struct tn_session_params params = {
		.output = {.data = f, .text = callback_text, .show = callback_show, .warning = callback_warning}};
	f->session = tn_session_create(&params, &err);
	TN_CHECK_NO_ERROR(&err);
	TN_CHECK_NOT_NULL(f->session);
}

static void teardown(struct fixture *f) {
	char command[96];
	tn_session_destroy(f->session);
	tn_str_finish(&f->text);
	tn_str_finish(&f->warnings);
	snprintf(command, sizeof(command), "rm -rf %s", f->folder);
	TN_CHECK_INT_EQ(system(command), 0);
}

/* Runs a cell; the kind of its first error. */
static enum tn_error_kind run(struct fixture *f, const char *text) {
	struct tn_diagnostics diag = {0};
	const struct tn_lang_cell cell = {.name = "cell", .text = text, .length = strlen(text)};
	bool ok = tn_session_run(f->session, &cell, &diag);
	enum tn_error_kind kind = ok ? TN_ERR_NONE : diag.errors.count > 0 ? diag.errors.items[0].kind : TN_ERR_MEMORY;
	tn_diagnostics_finish(&diag);
	return kind;
}

static struct tn_runs *runs_of(const struct fixture *f) {
	return tn_lang_extra(tn_session_lang(f->session), "runs");
}

static struct tn_run_item scalar(struct tn_run *r, const char *name, struct tn_tensor *t, int64_t step) {
	struct tn_error err = {0};
	struct tn_run_item item = {.kind = TN_RUN_SCALAR,
		.tag = tn_run_tag(r, name, strlen(name), &err),
		.tensor = t,
		.value = 1,
		.wall_time = 1,
		.step = step};
	TN_CHECK_NOT_NULL(item.tag);
	return item;
}

TN_TEST(a_pending_tensor_is_not_computed_by_logging_it_and_holds_back_what_comes_later) {
	struct fixture f;
	struct tn_error err = {0};
	setup(&f);
	struct tn_engine *e = tn_session_engine(f.session);
	struct tn_run *r = tn_run_create(runs_of(&f), &(struct tn_run_params){.name = "wait"}, &err);
	TN_CHECK_NOT_NULL(r);
	struct tn_tensor *one = tn_tensor_from_f64(e, TN_DTYPE_F32, 1, &err), *two = tn_binary(e, TN_OP_ADD, one, one, &err);
	TN_CHECK(two != NULL && tn_tensor_is_pending(two));
	const struct tn_run_item waits = scalar(r, "x", two, 0), later = scalar(r, "x", NULL, 1);
	TN_CHECK(tn_run_log(r, &waits, &err));
	TN_CHECK(tn_run_log(r, &later, &err));
	TN_CHECK(tn_tensor_is_pending(two));
	TN_CHECK_SIZE_EQ(r->items.count, 2);
	tn_tensor_unref(two); /* the run's reference keeps it an output of the plan */
	TN_CHECK(tn_flush(e, "test", &err));
	TN_CHECK_SIZE_EQ(r->items.count, 0);
	TN_CHECK_INT_EQ(r->tags.count, 1);
	tn_tensor_unref(one);
	tn_run_destroy(r);
	teardown(&f);
}

TN_TEST(a_value_whose_plan_failed_is_left_out_and_the_rest_goes_on) {
	struct fixture f;
	setup(&f);
	TN_CHECK_INT_EQ(run(&f, "auto r = run(\"fails\");"), TN_ERR_NONE);
	TN_CHECK_INT_EQ(run(&f, "auto x = ones(3)[i64([5])]; r.log(\"x\", sum(x)); r.log(\"y\", 2);"), TN_ERR_INDEX);
	TN_CHECK_SIZE_EQ(runs_of(&f)->open->items.count, 0);
	TN_CHECK_INT_EQ(runs_of(&f)->open->status, TN_RUN_FAILED);
	TN_CHECK(runs_of(&f)->open->end > 0);
	TN_CHECK_INT_EQ(run(&f, "r.log(\"y\", 3);"), TN_ERR_NONE);
	TN_CHECK_F64_EQ(runs_of(&f)->open->end, 0);
	TN_CHECK_INT_EQ(runs_of(&f)->open->status, TN_RUN_RUNNING);
	TN_CHECK_STR_EQ(tn_str_c(&f.warnings), "");
	teardown(&f);
}

TN_TEST(settings_after_the_first_value_are_a_warning) {
	struct fixture f;
	setup(&f);
	TN_CHECK_INT_EQ(
		run(&f, "auto r = run(\"late\", hparams: { \"a\": 1 }); r.hparams({ \"a\": 2 }); r.log(\"x\", 1);"), TN_ERR_NONE);
	TN_CHECK_STR_EQ(tn_str_c(&f.warnings), "");
	TN_CHECK_INT_EQ(run(&f, "r.hparams({ \"b\": 1 });"), TN_ERR_NONE);
	TN_CHECK_STR_CONTAINS(tn_str_c(&f.warnings), "has logged values already");
	TN_CHECK_SIZE_EQ(runs_of(&f)->open->hparams.count, 2);
	teardown(&f);
}

TN_TEST(a_run_that_a_new_one_replaces_ends) {
	struct fixture f;
	setup(&f);
	TN_CHECK_INT_EQ(run(&f, "auto r = run(\"first\");"), TN_ERR_NONE);
	TN_CHECK_INT_EQ(run(&f, "auto r = run(\"second\");"), TN_ERR_NONE);
	TN_CHECK_STR_EQ(runs_of(&f)->open->name, "second");
	TN_CHECK_NULL(runs_of(&f)->open->next);
	TN_CHECK_INT_EQ(run(&f, "%reset"), TN_ERR_NONE);
	TN_CHECK_NULL(runs_of(&f)->open);
	teardown(&f);
}

TN_TEST(only_the_newest_sources_are_kept) {
	struct fixture f;
	struct tn_str cell = {0};
	setup(&f);
	TN_CHECK(tn_str_append(&cell, "1;//") && tn_str_append_fill(&cell, 'x', 300000));
	for (int i = 0; i < 5; i++) {
		TN_CHECK_INT_EQ(run(&f, cell.data), TN_ERR_NONE);
	}
	TN_CHECK_SIZE_EQ(runs_of(&f)->cells.count, 3);
	TN_CHECK_SIZE_EQ(runs_of(&f)->cells_left_out, 2);
	tn_str_finish(&cell);
	teardown(&f);
}

TN_TEST(memory_that_runs_out_anywhere_is_an_error_or_a_warning) {
	struct fixture f;
	setup(&f);
	TN_CHECK_INT_EQ(
		run(&f, "auto x = ones(4, 4); auto r = run(\"warm\", hparams: { \"a\": 1 }); r.log(\"x\", sum(x));"), TN_ERR_NONE);
	TN_FOR_EACH_FAILING_ALLOC {
		tn_str_clear(&f.warnings);
		enum tn_error_kind kind = run(&f,
			"auto r = run(\"alloc\", hparams: { \"a\": 1, \"s\": \"t\" }); r.log(\"x\", sum(x) * 2); r.log({ \"y\": 1 });"
			" r.histogram(\"h\", x + 1); r.image(\"i\", x); r.text(\"t\", \"text\"); r.close();");
		TN_CHECK(kind == TN_ERR_NONE || kind == TN_ERR_MEMORY);
		TN_CHECK(kind == TN_ERR_NONE || tn_test_alloc_failed());
	}
	TN_CHECK_INT_EQ(run(&f, "r.close(); auto r = run(\"after\"); r.log(\"x\", 1);"), TN_ERR_NONE);
	teardown(&f);
}
