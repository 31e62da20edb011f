/* SPDX-License-Identifier: Apache-2.0 */
/* What %plan is told: which line did pending work, how often its plan was there, what differed where it was not; and the warning about
 * a line that is planned anew again and again. */
#include "tensor_fixture.h"

static uint64_t standing; /* the line that runs */
static char warning[600], hint[300];
static int warnings;

static uint64_t on_here(void *data) {
	(void)data;
	return standing;
}

static void on_locate(void *data, struct tn_origin origin, struct tn_error *err) {
	(void)data;
	snprintf(err->place.where, sizeof(err->place.where), "cell 1");
	err->place.line = (uint32_t)origin.site;
}

static void on_warn(void *data, const char *text, const char *what_to_do) {
	(void)data;
	snprintf(warning, sizeof(warning), "%s", text);
	snprintf(hint, sizeof(hint), "%s", what_to_do == NULL ? "" : what_to_do);
	warnings++;
}

static struct tn_engine *watched_engine(void) {
	struct tn_error err = {0};
	struct tn_backend *backend = tn_cpu_backend_create(&(struct tn_cpu_params){.budget = (size_t)64 << 20}, &err);
	struct tn_engine *e = tn_engine_create(
		&(struct tn_engine_params){.backend = backend, .hooks = {.locate = on_locate, .here = on_here, .warn = on_warn}}, &err);

	TN_CHECK_NO_ERROR(&err);
	standing = 1;
	warnings = 0;
	return e;
}

static void flush(struct tn_engine *e) {
	struct tn_error err = {0};

	TN_CHECK(tn_flush(e, "test", &err));
	TN_CHECK_NO_ERROR(&err);
}

static struct tn_tensor *number_with(struct tn_engine *e, enum tn_op op, struct tn_tensor *x, double number, bool literal) {
	struct tn_error err = {0};
	struct tn_tensor *out = tn_elementwise(e, op, (struct tn_arg[]){tn_arg_tensor(x), tn_arg_f64(number, literal)}, 2, &err);

	TN_CHECK_NO_ERROR(&err);
	return out;
}

/* -x of that many numbers, recorded on line 7 and done on the line that runs. */
static void work(struct tn_engine *e, int64_t count) {
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(count)), *y;

	tn_engine_set_site(e, 7);
	y = tn_unary(e, TN_OP_NEG, x, &err);
	flush(e);
	tn_tensor_unref(x);
	tn_tensor_unref(y);
}

static bool keep_line(void *data, const struct tn_flush_line *line) {
	*(struct tn_flush_line *)data = *line;
	return true;
}

static struct tn_flush_line last_line(const struct tn_engine *e) {
	struct tn_flush_line line = {0};

	TN_CHECK(tn_engine_each_flush_line(e, keep_line, &line));
	return line;
}

static bool count_line(void *data, const struct tn_flush_line *line) {
	TN_CHECK(line->flushes > 0);
	++*(int *)data;
	return true;
}

TN_TEST(a_line_counts_flushes_and_misses_and_what_they_took) {
	struct tn_engine *e = watched_engine();
	struct tn_flush_line line;

	work(e, 3);
	work(e, 3);
	work(e, 5);
	line = last_line(e);
	TN_CHECK_STR_EQ(line.where, "cell 1");
	TN_CHECK_INT_EQ(line.line, 1);
	TN_CHECK_STR_EQ(line.cause, "test");
	TN_CHECK_INT_EQ(line.flushes, 3);
	TN_CHECK_INT_EQ(line.misses, 2);
	TN_CHECK_INT_EQ(line.nodes, 1);
	TN_CHECK_INT_EQ(line.steps, 1);
	TN_CHECK_INT_EQ(line.bytes, 20);
	TN_CHECK(line.plan_ns > 0);
	TN_CHECK_STR_EQ(line.differed, "neg reads f32[5], it read f32[3] (line 7)");
	tn_engine_destroy(e);
}

TN_TEST(what_differs_is_said_in_words) {
	struct tn_engine *e = watched_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(2, 3)), *y, *z;

	tn_engine_set_site(e, 1);
	y = number_with(e, TN_OP_MUL, x, 2, true);
	flush(e);
	tn_tensor_unref(y);
	TN_CHECK_STR_EQ(last_line(e).differed, "");

	y = number_with(e, TN_OP_MUL, x, 2.5, true);
	flush(e);
	tn_tensor_unref(y);
	TN_CHECK_STR_EQ(last_line(e).differed, "the number in mul is 2.5, it was 2");

	y = number_with(e, TN_OP_ADD, x, 2.5, true);
	flush(e);
	tn_tensor_unref(y);
	TN_CHECK_STR_EQ(last_line(e).differed, "add is recorded where mul was");

	y = number_with(e, TN_OP_ADD, x, 2.5, true);
	z = tn_unary(e, TN_OP_EXP, y, &err);
	flush(e);
	tn_tensor_unref(z);
	tn_tensor_unref(y);
	TN_CHECK_STR_EQ(last_line(e).differed, "2 operations are recorded, there were 1");

	y = number_with(e, TN_OP_ADD, x, 2.5, true);
	z = tn_unary(e, TN_OP_EXP, y, &err);
	tn_tensor_unref(y);
	flush(e);
	tn_tensor_unref(z);
	TN_CHECK_STR_EQ(last_line(e).differed, "the result of add is held no more");

	y = number_with(e, TN_OP_ADD, x, 2.5, true);
	z = tn_unary(e, TN_OP_EXP, y, &err);
	tn_tensor_unref(y);
	tn_tensor_unref(x); /* nobody needs it behind this */
	flush(e);
	tn_tensor_unref(z);
	TN_CHECK_STR_EQ(last_line(e).differed, "the f32[2, 3] that add reads is needed by nobody else now: its memory can be written over");
	tn_engine_destroy(e);
}

TN_TEST(a_value_of_a_variable_or_another_line_is_no_difference) {
	struct tn_engine *e = watched_engine();
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(3)), *y;

	for (int i = 0; i < 3; i++) {
		tn_engine_set_site(e, (uint64_t)i);
		y = number_with(e, TN_OP_MUL, x, i, false);
		flush(e);
		tn_tensor_unref(y);
	}
	TN_CHECK_INT_EQ(last_line(e).misses, 1);
	tn_tensor_unref(x);
	tn_engine_destroy(e);
}

TN_TEST(eight_misses_from_one_line_of_a_cell_are_warned_about_once) {
	struct tn_engine *e = watched_engine();

	for (int64_t n = 1; n <= 8; n++) {
		work(e, n);
	}
	TN_CHECK_INT_EQ(warnings, 0); /* the first had nothing to differ from */
	work(e, 9);
	TN_CHECK_INT_EQ(warnings, 1);
	TN_CHECK_STR_EQ(warning, "the work done here was planned anew 8 times, last because neg reads f32[9], it read f32[8] (line 7)");
	TN_CHECK(strstr(hint, "shapes") != NULL);
	for (int64_t n = 10; n < 30; n++) {
		work(e, n);
	}
	TN_CHECK_INT_EQ(warnings, 1);
	tn_engine_end_cell(e);
	for (int64_t n = 30; n < 37; n++) {
		work(e, n);
	}
	TN_CHECK_INT_EQ(warnings, 1);
	work(e, 37);
	TN_CHECK_INT_EQ(warnings, 2);
	tn_engine_destroy(e);
}

TN_TEST(lines_whose_plans_serve_more_often_are_left_alone) {
	struct tn_engine *e = watched_engine();

	for (int64_t n = 1; n < 40; n++) {
		for (int k = 0; k < 3; k++) {
			work(e, n);
		}
	}
	TN_CHECK_INT_EQ(warnings, 0);
	for (int64_t n = 40; n < 80; n++) {
		standing = (uint64_t)n; /* a line each */
		work(e, n);
	}
	TN_CHECK_INT_EQ(warnings, 0);
	tn_engine_destroy(e);
}

TN_TEST(a_plan_that_made_room_is_told_from_one_that_differs) {
	struct tn_engine *e = watched_engine();

	for (int i = 0; i < 20; i++) {
		work(e, 4);
		tn_engine_trim(e);
	}
	TN_CHECK_STR_EQ(last_line(e).differed, "its last plan had to make room for others");
	TN_CHECK_INT_EQ(last_line(e).misses, 20);
	TN_CHECK_INT_EQ(warnings, 0);
	tn_engine_destroy(e);
}

TN_TEST(the_lines_that_are_kept_are_the_latest) {
	struct tn_engine *e = watched_engine();
	int count = 0;

	for (int i = 1; i <= 100; i++) {
		standing = (uint64_t)i;
		work(e, 3);
	}
	TN_CHECK(tn_engine_each_flush_line(e, count_line, &count));
	TN_CHECK_INT_EQ(count, 24);
	TN_CHECK_INT_EQ(last_line(e).line, 100);
	standing = 90;
	work(e, 3);
	TN_CHECK_INT_EQ(last_line(e).line, 90);
	TN_CHECK_INT_EQ(last_line(e).flushes, 2);
	tn_engine_destroy(e);
}
