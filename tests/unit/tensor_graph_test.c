/* SPDX-License-Identifier: Apache-2.0 */
/* Recording, flushing, failing and gradients: a flush commits or has no effect, hooks come in pairs, records nest, and
 * whatever allocation fails leaves a state that can be gone on with. */
#include <math.h>

#include "tensor_fixture.h"

/* ---- a backend whose runs and memory fail on demand ---- */

static struct tn_backend_impl flaky_impl;
static const struct tn_backend_impl *sound_impl;
static int runs_until_failure = -1, allocs_until_failure = -1;

static bool flaky_run(struct tn_backend *b, void *exec, struct tn_run *run, struct tn_error *err) {
	if (runs_until_failure >= 0 && runs_until_failure-- == 0) {
		run->failed_step = 0;
		return tn_error_set(err, TN_ERR_DEVICE, "the device is on fire");
	}
	return sound_impl->run(b, exec, run, err);
}

static void *flaky_alloc(struct tn_backend *b, size_t size, struct tn_error *err) {
	if (allocs_until_failure >= 0 && allocs_until_failure-- == 0) {
		allocs_until_failure = 0; /* and all that follow */
		tn_error_set(err, TN_ERR_MEMORY, "no memory left");
		return NULL;
	}
	return sound_impl->alloc(b, size, err);
}

/* What the hooks were called with, in order. */
static char hook_log[512];

static void log_hook(const char *text) {
	strcat(hook_log, text);
}

static void on_before(void *data) {
	(void)data;
	log_hook("before ");
}

static void on_after(void *data, bool ok, const struct tn_error *err) {
	(void)data;
	log_hook(ok ? "ok " : "failed:");
	log_hook(ok ? "" : tn_error_kind_name(err->kind));
}

static void on_locate(void *data, struct tn_origin origin, struct tn_error *err) {
	char text[32];

	(void)data;
	if (err->kind == TN_ERR_ERROR) {
		return; /* no error: %plan asks where the flush is */
	}
	snprintf(text, sizeof(text), "site %d ", (int)origin.site);
	if (origin.outer != TN_SITE_NONE) {
		snprintf(text, sizeof(text), "site %d of %d ", (int)origin.site, (int)origin.outer);
	}
	log_hook(text);
}

static uint64_t standing;

static uint64_t on_here(void *data) {
	(void)data;
	return standing;
}

static struct tn_engine *flaky_engine(void) {
	struct tn_error err = {0};
	struct tn_backend *backend = tn_cpu_backend_create(&(struct tn_cpu_params){.budget = (size_t)64 << 20}, &err);
	struct tn_engine *e;

	sound_impl = backend->impl;
	flaky_impl = *sound_impl;
	flaky_impl.run = flaky_run;
	flaky_impl.alloc = flaky_alloc;
	backend->impl = &flaky_impl;
	hook_log[0] = '\0';
	e = tn_engine_create(&(struct tn_engine_params){.backend = backend,
							 .hooks = {.before_flush = on_before, .after_flush = on_after, .locate = on_locate, .here = on_here}},
		&err);
	TN_CHECK_NO_ERROR(&err);
	return e;
}

TN_TEST(contents_come_when_somebody_looks) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(3)), *y = tn_unary(e, TN_OP_NEG, x, &err);

	TN_CHECK(tn_tensor_is_pending(y));
	TN_CHECK_INT_EQ(tn_pending_nodes(e), 1);
	TN_CHECK_STR_EQ(fixture_text(y), "f32[3] -0 -1 -2");
	TN_CHECK(!tn_tensor_is_pending(y));
	TN_CHECK_INT_EQ(tn_pending_nodes(e), 0);
	TN_CHECK(tn_flush(e, "test", &err));
	tn_tensor_unref(x);
	tn_tensor_unref(y);
	tn_engine_destroy(e);
}

TN_TEST(a_failed_flush_fails_every_pending_tensor_and_nothing_else) {
	struct tn_engine *e = flaky_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(3)), *y, *z;

	tn_engine_set_site(e, 41);
	y = tn_unary(e, TN_OP_NEG, x, &err);
	tn_engine_set_site(e, 42);
	z = tn_reduce(e, TN_OP_SUM, x, NULL, 0, false, &err);
	runs_until_failure = 0;
	TN_CHECK(!tn_flush(e, "test", &err));
	TN_CHECK_ERROR(&err, TN_ERR_DEVICE, "the device is on fire");
	TN_CHECK_STR_EQ(hook_log, "before site 41 failed:DeviceError");
	for (int i = 0; i < 2; i++) {
		double item;

		tn_error_clear(&err);
		TN_CHECK(!tn_tensor_item_f64(z, &item, &err));
		TN_CHECK_ERROR(&err, TN_ERR_DEVICE, "the device is on fire");
		CHECK_FAILS(tn_unary(e, TN_OP_NEG, y, &err), TN_ERR_DEVICE, "the device is on fire");
	}
	TN_CHECK_STR_EQ(fixture_text(x), "f32[3] 0 1 2");
	tn_tensor_unref(y);
	tn_tensor_unref(z);
	y = tn_unary(e, TN_OP_NEG, x, &err);
	TN_CHECK_STR_EQ(fixture_text(y), "f32[3] -0 -1 -2");
	tn_tensor_unref(x);
	tn_tensor_unref(y);
	tn_engine_destroy(e);
}

TN_TEST(a_flush_without_memory_has_no_effect) {
	struct tn_engine *e = flaky_engine();
	struct tn_error err = {0};

	for (int n = 0; n < 4; n++) {
		struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(2, 2)), *y = tn_matmul(e, x, x, &err),
						 *z = tn_matmul(e, y, x, &err);
		struct tn_tensor *last = tn_unary(e, TN_OP_NEG, z, &err);
		bool ok;

		tn_tensor_unref(z);
		allocs_until_failure = n;
		ok = tn_flush(e, "test", &err);
		allocs_until_failure = -1;
		TN_CHECK(ok || err.kind == TN_ERR_MEMORY);
		TN_CHECK(ok || n < 3);
		tn_error_clear(&err);
		TN_CHECK_STR_EQ(fixture_text(x), "f32[2, 2] 0 1 2 3");
		if (ok) {
			TN_CHECK_STR_EQ(fixture_text(last), "f32[2, 2] -6 -11 -22 -39");
		}
		tn_tensor_unref(x);
		tn_tensor_unref(y);
		tn_tensor_unref(last);
	}
	tn_engine_destroy(e);
}

/* Records two nodes, the first by code of the library that the user's line `outer` called, and has the flush fail. */
static void fail_in_library(struct tn_engine *e, struct tn_tensor *x, uint64_t outer) {
	struct tn_error err = {0};
	struct tn_tensor *y, *z;

	standing = outer;
	tn_engine_set_site(e, TN_SITE_INNER | 7);
	y = tn_unary(e, TN_OP_NEG, x, &err);
	standing = outer + 1; /* it has moved on */
	tn_engine_set_site(e, outer + 1);
	z = tn_reduce(e, TN_OP_SUM, y, NULL, 0, false, &err);
	hook_log[0] = '\0';
	runs_until_failure = 0;
	TN_CHECK(!tn_flush(e, "test", &err));
	tn_tensor_unref(y);
	tn_tensor_unref(z);
}

TN_TEST(a_plan_that_was_there_fails_at_the_lines_of_this_run) {
	struct tn_engine *e = flaky_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(3));
	struct tn_engine_stats stats;

	fail_in_library(e, x, 40);
	TN_CHECK_STR_EQ(hook_log, "before site 7 of 40 failed:DeviceError");
	fail_in_library(e, x, 50);
	TN_CHECK_STR_EQ(hook_log, "before site 7 of 50 failed:DeviceError");
	tn_engine_get_stats(e, &stats);
	TN_CHECK_INT_EQ(stats.plan_hits, 1);
	TN_CHECK_NO_ERROR(&err);
	tn_tensor_unref(x);
	tn_engine_destroy(e);
}

/* Of three nodes the second makes 100 MB, where 64 MiB is all there is: as a temporary, or held. */
static void want_too_much(struct tn_engine *e, bool held) {
	struct tn_error err = {0};
	struct tn_tensor *column = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(5000, 1)),
			 *given = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(1, 5000)), *row, *big, *sum;

	tn_engine_set_site(e, 1);
	row = tn_unary(e, TN_OP_NEG, given, &err);
	tn_engine_set_site(e, 2);
	big = tn_matmul(e, column, row, &err);
	tn_engine_set_site(e, 3);
	sum = tn_reduce(e, TN_OP_SUM, big, NULL, 0, false, &err);
	TN_CHECK_NO_ERROR(&err);
	if (!held) {
		tn_tensor_unref(big);
		big = NULL;
	}
	hook_log[0] = '\0';
	TN_CHECK(!tn_flush(e, "test", &err));
	TN_CHECK_STR_EQ(hook_log, "before site 2 failed:MemoryError");
	tn_tensor_unref(column);
	tn_tensor_unref(given);
	tn_tensor_unref(row);
	tn_tensor_unref(big);
	tn_tensor_unref(sum);
}

TN_TEST(memory_that_is_missing_is_told_of_where_it_was_asked_for) {
	struct tn_engine *e = flaky_engine();

	want_too_much(e, true);
	want_too_much(e, false);
	tn_engine_destroy(e);
}

TN_TEST(any_allocation_may_fail) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(3, 4));

	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_tensor *y = tn_unary(e, TN_OP_EXP, x, &err),
						 *s = y == NULL ? NULL : tn_reduce(e, TN_OP_SUM, y, NULL, 0, false, &err);
		struct tn_grad *grad = s == NULL ? NULL : tn_grad_begin(e, &err);
		struct tn_tensor *leaf = grad == NULL ? NULL : tn_grad_leaf(grad, x, &err), *g = NULL;
		struct tn_tensor *loss = leaf == NULL ? NULL : tn_mean(e, leaf, NULL, 0, false, &err);
		bool ok;

		if (loss == NULL) {
			tn_grad_abort(grad);
			ok = false;
		} else {
			ok = tn_grad_end(grad, loss, &leaf, 1, &g, &err) && tn_flush(e, "test", &err);
		}
		TN_CHECK(ok || err.kind == TN_ERR_MEMORY);
		tn_error_clear(&err);
		tn_tensor_unref(y);
		tn_tensor_unref(s);
		tn_tensor_unref(leaf);
		tn_tensor_unref(loss);
		tn_tensor_unref(g);
		tn_engine_trim(e); /* so that the next round plans again */
	}
	TN_CHECK(tn_flush(e, "test", &err));
	TN_CHECK_INT_EQ(tn_grad_depth(e), 0);
	tn_tensor_unref(x);
	tn_engine_destroy(e);
}

TN_TEST(an_interrupt_fails_the_flush) {
	struct tn_error err = {0};
	volatile int interrupt = 0;
	struct tn_backend *backend = tn_cpu_backend_create(&(struct tn_cpu_params){.budget = (size_t)64 << 20}, &err);
	struct tn_engine *e = tn_engine_create(&(struct tn_engine_params){.backend = backend, .interrupt = &interrupt}, &err);
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(3)), *y = tn_matmul(e, x, x, &err);

	interrupt = 1;
	TN_CHECK(!tn_flush(e, "test", &err));
	TN_CHECK_INT_EQ(err.kind, TN_ERR_INTERRUPTED);
	interrupt = 0;
	tn_tensor_unref(y);
	tn_tensor_unref(x);
	tn_engine_destroy(e);
}

TN_TEST(plans_are_found_again_unless_shapes_liveness_or_literals_differ) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_engine_stats stats;
	static const int64_t sizes[] = {3, 3, 4, 3};

	for (int i = 0; i < 4; i++) {
		struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(sizes[i])), *y = tn_unary(e, TN_OP_NEG, x, &err),
						 *z = tn_unary(e, TN_OP_EXP, y, &err);

		if (i == 3) {
			tn_tensor_unref(y);
			y = NULL;
		}
		TN_CHECK(tn_flush(e, "test", &err));
		tn_tensor_unref(x);
		tn_tensor_unref(y);
		tn_tensor_unref(z);
	}
	tn_engine_get_stats(e, &stats);
	TN_CHECK_INT_EQ(stats.plan_hits, 1);
	TN_CHECK_INT_EQ(stats.plan_misses, 3);
	tn_engine_destroy(e);
}

TN_TEST(views_of_what_is_there_are_there_at_once) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(2, 3)), *t = tn_transpose(e, x, 0, 1, &err),
					 *r = tn_reshape(e, x, (int64_t[]){3, 2}, 2, &err), *c = tn_reshape(e, t, (int64_t[]){6}, 1, &err);

	TN_CHECK(!tn_tensor_is_pending(t));
	TN_CHECK(!tn_tensor_is_pending(r));
	TN_CHECK(tn_tensor_is_pending(c));
	CHECK_TENSOR(t, "f32[3, 2] 0 3 1 4 2 5");
	CHECK_TENSOR(r, "f32[3, 2] 0 1 2 3 4 5");
	CHECK_TENSOR(c, "f32[6] 0 3 1 4 2 5");
	tn_tensor_unref(x);
	tn_engine_destroy(e);
}

/* ---- gradients ---- */

TN_TEST(gradients_have_the_leaves_shapes_and_unreached_leaves_none) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(2, 3)), *b = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(3));
	struct tn_grad *grad = tn_grad_begin(e, &err);
	struct tn_tensor *leaves[3] = {tn_grad_leaf(grad, x, &err), tn_grad_leaf(grad, b, &err), tn_grad_leaf(grad, b, &err)},
					 *grads[3];
	struct tn_tensor *y = tn_binary(e, TN_OP_MUL, leaves[0], leaves[1], &err),
					 *loss = tn_reduce(e, TN_OP_SUM, y, NULL, 0, false, &err);

	TN_CHECK(tn_grad_end(grad, loss, leaves, 3, grads, &err));
	CHECK_TENSOR(grads[0], "f32[2, 3] 0 1 2 0 1 2");
	CHECK_TENSOR(grads[1], "f32[3] 3 5 7");
	TN_CHECK_NULL(grads[2]);
	TN_CHECK_INT_EQ(tn_grad_depth(e), 0);
	for (int i = 0; i < 3; i++) {
		tn_tensor_unref(leaves[i]);
	}
	tn_tensor_unref(y);
	tn_tensor_unref(loss);
	tn_tensor_unref(x);
	tn_tensor_unref(b);
	tn_engine_destroy(e);
}

static struct tn_tensor *cube(struct tn_engine *e, struct tn_tensor *x) {
	struct tn_error err = {0};
	struct tn_tensor *square = tn_binary(e, TN_OP_MUL, x, x, &err), *out = tn_binary(e, TN_OP_MUL, square, x, &err);

	TN_CHECK_NO_ERROR(&err);
	tn_tensor_unref(square);
	return out;
}

TN_TEST(records_nest_so_a_gradient_has_a_gradient) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};

	for (int flushed = 0; flushed < 2; flushed++) { /* with and without contents computed in between */
		struct tn_tensor *x = tn_tensor_from_f64(e, TN_DTYPE_F64, 5, &err), *y, *first, *second;
		struct tn_grad *outer = tn_grad_begin(e, &err), *inner;
		struct tn_tensor *a = tn_grad_leaf(outer, x, &err), *b;

		inner = tn_grad_begin(e, &err);
		b = tn_grad_leaf(inner, a, &err);
		y = cube(e, b);
		TN_CHECK(!flushed || tn_flush(e, "test", &err));
		TN_CHECK(tn_grad_end(inner, y, &b, 1, &first, &err));
		TN_CHECK(!flushed || tn_flush(e, "test", &err));
		TN_CHECK(tn_grad_end(outer, first, &a, 1, &second, &err));
		CHECK_TENSOR(first, "f64[] 75");
		CHECK_TENSOR(second, "f64[] 30");
		tn_tensor_unref(a);
		tn_tensor_unref(b);
		tn_tensor_unref(y);
		tn_tensor_unref(x);
	}
	tn_engine_destroy(e);
}

TN_TEST(stop_gradient_cuts_and_the_leaf_itself_stays_a_constant_outside) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = tn_tensor_from_f64(e, TN_DTYPE_F32, 3, &err), *g;
	struct tn_grad *grad = tn_grad_begin(e, &err);
	struct tn_tensor *a = tn_grad_leaf(grad, x, &err), *stopped = tn_stop_gradient(e, a, &err),
					 *y = tn_binary(e, TN_OP_MUL, a, stopped, &err), *z = tn_binary(e, TN_OP_MUL, y, x, &err);

	TN_CHECK(tn_grad_end(grad, z, &a, 1, &g, &err));
	CHECK_TENSOR(g, "f32[] 9");
	tn_tensor_unref(x);
	tn_tensor_unref(a);
	tn_tensor_unref(stopped);
	tn_tensor_unref(y);
	tn_tensor_unref(z);
	tn_engine_destroy(e);
}

TN_TEST(history_ends_with_the_block) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = tn_tensor_from_f64(e, TN_DTYPE_F32, 3, &err), *g, *y, *leaf, *other;
	struct tn_grad *grad = tn_grad_begin(e, &err);

	leaf = tn_grad_leaf(grad, x, &err);
	y = cube(e, leaf);
	TN_CHECK(tn_grad_end(grad, y, &leaf, 1, &g, &err));
	CHECK_TENSOR(g, "f32[] 27");
	grad = tn_grad_begin(e, &err); /* of the same depth: y is a constant in it */
	other = tn_binary(e, TN_OP_MUL, y, y, &err);
	TN_CHECK(tn_grad_end(grad, other, &leaf, 1, &g, &err));
	TN_CHECK_NULL(g);
	tn_tensor_unref(x);
	tn_tensor_unref(leaf);
	tn_tensor_unref(y);
	tn_tensor_unref(other);
	tn_engine_destroy(e);
}

TN_TEST(the_value_of_a_block_is_one_floating_number) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(2)), *i = tn_tensor_from_i64(e, TN_DTYPE_I64, 3, &err), *g;
	struct tn_grad *grad = tn_grad_begin(e, &err);

	TN_CHECK(!tn_grad_end(grad, x, &x, 1, &g, &err));
	TN_CHECK_ERROR(&err, TN_ERR_SHAPE, "grad: the value of the block is one number (0-d), not f32[2]");
	tn_error_clear(&err);
	grad = tn_grad_begin(e, &err);
	TN_CHECK(!tn_grad_end(grad, i, &x, 1, &g, &err));
	TN_CHECK_ERROR(&err, TN_ERR_TYPE, "grad: the value of the block is floating, not i64[]");
	TN_CHECK_INT_EQ(tn_grad_depth(e), 0);
	tn_tensor_unref(x);
	tn_tensor_unref(i);
	tn_engine_destroy(e);
}

TN_TEST(a_loop_in_a_block_that_was_cut_gives_the_same_gradient) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	double found[2];

	for (int cut = 0; cut < 2; cut++) {
		struct tn_tensor *x = tn_tensor_from_f64(e, TN_DTYPE_F64, 0.3, &err), *y, *next, *g;
		struct tn_grad *grad = tn_grad_begin(e, &err);
		struct tn_tensor *leaf = tn_grad_leaf(grad, x, &err);

		y = tn_tensor_ref(leaf);
		for (int i = 0; i < 2000; i++) {
			next = tn_elementwise(e, TN_OP_MUL, (struct tn_arg[]){tn_arg_tensor(y), tn_arg_f64(1.0001, true)}, 2, &err);
			tn_tensor_unref(y);
			y = tn_unary(e, TN_OP_SIN, next, &err);
			tn_tensor_unref(next);
			TN_CHECK(!cut || i % 256 != 0 || tn_flush(e, "test", &err));
		}
		TN_CHECK(tn_grad_end(grad, y, &leaf, 1, &g, &err));
		TN_CHECK(tn_tensor_item_f64(g, &found[cut], &err));
		tn_tensor_unref(g);
		tn_tensor_unref(y);
		tn_tensor_unref(leaf);
		tn_tensor_unref(x);
	}
	TN_CHECK_F64_EQ(found[1], found[0]);
	tn_engine_destroy(e);
}
