/* SPDX-License-Identifier: Apache-2.0 */
/* What a rich session shows when memory runs out at any place: the cell fails with MemoryError or shows everything, and nothing
 * is lost or freed twice (the sanitizers look). How the forms look is tested from outside: tests/cli/show_test.py. */
#include <string.h>

#include "runner/test.h"
#include "session/session.h"

struct seen {
	int shows;
	size_t bytes, forms;
	uint64_t last_id;
	bool last_update;
};

static void take_text(void *data, const char *bytes, size_t length) {
	(void)data;
	(void)bytes;
	(void)length;
}

static void take_show(void *data, const struct tn_session_show *show) {
	struct seen *seen = data;
	seen->shows++;
	seen->forms = show->form_count;
	seen->last_id = show->id;
	seen->last_update = show->update;
	for (size_t i = 0; i < show->form_count; i++) {
		seen->bytes += show->forms[i].length;
		TN_CHECK_SIZE_EQ(strlen(show->forms[i].mime) > 0, true);
	}
	TN_CHECK_STR_EQ(show->forms[0].mime, "text/plain");
}

static struct tn_session *create(struct seen *seen, bool rich) {
	struct tn_error err = {0};
	const struct tn_session_params params = {.output = {.data = seen, .rich = rich, .text = take_text, .show = take_show}};
	struct tn_session *session = tn_session_create(&params, &err);
	TN_CHECK_NO_ERROR(&err);
	TN_CHECK_NOT_NULL(session);
	return session;
}

/* Runs a cell; false: it ended with MemoryError, any other error fails the test. */
static bool run(struct tn_session *session, const char *code) {
	struct tn_diagnostics diag = {0};
	const struct tn_lang_cell cell = {.name = "cell", .text = code, .length = strlen(code), .display_last = true};
	bool ok = tn_session_run(session, &cell, &diag);
	for (size_t i = 0; i < diag.errors.count; i++) {
		TN_CHECK_STR_EQ(tn_error_kind_name(diag.errors.items[i].kind), "MemoryError");
	}
	tn_diagnostics_finish(&diag);
	return ok;
}

/* The values are made beforehand, so that the walk is over the showing. */
static void walk(const char *before, const char *code) {
	struct seen seen = {0};
	struct tn_session *session = create(&seen, true);
	TN_CHECK(run(session, before));
	TN_CHECK(run(session, code));
	int whole = seen.shows;
	TN_CHECK(whole > 0);
	TN_FOR_EACH_FAILING_ALLOC {
		seen = (struct seen){0};
		bool ok = run(session, code);
		TN_CHECK(ok || tn_test_alloc_failed());
		TN_CHECK(!ok || seen.shows == whole);
	}
	tn_session_destroy(session);
}

TN_TEST(memory_may_run_out_while_tensors_are_shown) {
	walk("auto x = rand(3, 4, 20); auto y = rand(30, 30);", "display(x); y");
}

TN_TEST(memory_may_run_out_while_containers_are_shown) {
	walk("struct P { float x; string s; }; auto p = P{ .x = 1.0, .s = \"<a>\" }; auto ps = list(3, (i) => p); auto m = { \"a\": "
		 "ps, \"b\": (1, \"c\") };",
		"display(p); display(ps); display(m); display([p, p], id: \"q\"); update_display(m, \"q\");");
}

TN_TEST(memory_may_run_out_while_nets_are_shown) {
	walk("auto net = (linear(2, 3), relu, batch_norm(3));", "net");
}

TN_TEST(memory_may_run_out_while_tables_are_made) {
	walk("auto c = { \"a\": [1, 2], \"b\": tensor([0.5, 1.5]) }; auto r = [(1, \"x\"), (2, \"y\")];",
		"display(table(c)); table(r)");
}

TN_TEST(memory_may_run_out_while_images_are_made) {
	walk("auto x = rand(3, 1, 6, 6); auto names = [\"a\", \"b\", \"c\"];", "display(image(x[0])); image(x, labels: names)");
}

TN_TEST(memory_may_run_out_while_charts_are_made) {
	walk("auto xs = rand(5); auto ys = { \"a\": xs, \"b\": xs * 2.0 }; auto g = [0, 1, 1, 0, 1]; auto h = rand(3, 3);",
		"display(plot(ys, title: \"t\", log_y: true)); display(scatter(xs, xs, group: g)); display(hist(ys, bins: 4)); "
		"heatmap(h)");
}

TN_TEST(without_richness_only_text_is_made) {
	struct seen seen = {0};
	struct tn_session *session = create(&seen, false);
	const char *const cells[] = {"rand(3, 3)", "plot([1, 2])", "image(zeros(4, 4))", "linear(1, 2)", "table([(1, 2)])"};
	for (size_t i = 0; i < TN_ARRAY_LEN(cells); i++) {
		TN_CHECK(run(session, cells[i]));
		TN_CHECK_SIZE_EQ(seen.forms, 1);
	}
	tn_session_destroy(session);
}

TN_TEST(ids_belong_to_the_session_and_places_to_the_cell) {
	struct seen seen = {0};
	struct tn_session *session = create(&seen, true);
	TN_CHECK(run(session, "display(1, id: \"a\");"));
	uint64_t id = seen.last_id;
	TN_CHECK(id != 0 && !seen.last_update);
	TN_CHECK(run(session, "display(1, id: \"b\");"));
	TN_CHECK(seen.last_id != id && !seen.last_update);
	TN_CHECK(run(session, "display(2, id: \"a\");"));
	TN_CHECK(seen.last_id == id && !seen.last_update);
	TN_CHECK(run(session, "display(1, id: \"a\"); display(2, id: \"a\");"));
	TN_CHECK(seen.last_id == id && seen.last_update);
	TN_CHECK(run(session, "3"));
	TN_CHECK(seen.last_id == 0);
	tn_session_destroy(session);
}
