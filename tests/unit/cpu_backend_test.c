/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU backend as the planner sees it: memory, plans that cannot be made, interrupts, and that a kernel is there for every
 * row. */
#include "unit/cpu_fixture.h"

/* y = neg(x), a fused step over n elements, `steps` times over. */
struct chain {
	struct tn_view view;
	struct tn_fused_ins ins;
	struct tn_fused_out out;
	struct tn_step steps[3];
	struct tn_plan plan;
};

static void chain_init(struct chain *c, int64_t n) {
	*c = (struct chain){.view = {.dtype = TN_DTYPE_F32, .shape = TN_SHAPE(n), .stride = {1}}};
	c->ins =
		(struct tn_fused_ins){.op = TN_OP_NEG, .dtype = TN_DTYPE_F32, .in_dtype = TN_DTYPE_F32, .in = {{TN_SOURCE_INPUT, 0}}};
	c->out = (struct tn_fused_out){.from = {TN_SOURCE_REGISTER, 0}, .reduce = -1, .view = c->view};
	c->out.view.slot = 1;
	for (int i = 0; i < 3; i++) {
		c->steps[i] = (struct tn_step){.is_fused = true,
			.fused = {.shape = TN_SHAPE(n),
				.input_count = 1,
				.ins_count = 1,
				.out_count = 1,
				.inputs = &c->view,
				.ins = &c->ins,
				.outs = &c->out}};
	}
	c->plan = (struct tn_plan){.step_count = 3, .slot_count = 2, .leaf_count = 1, .steps = c->steps};
}

TN_TEST(there_is_a_kernel_for_each_row_that_is_not_a_view) {
	struct tn_backend *b = fixture_backend(1);

	for (int op = 0; op < TN_OP_COUNT; op++) {
		bool any = false;

		for (int in = 0; in < TN_DTYPE_COUNT; in++) {
			for (int out = 0; out < TN_DTYPE_COUNT; out++) {
				any = any || b->impl->accepts(b, (enum tn_op)op, (enum tn_dtype)in, (enum tn_dtype)out);
			}
		}
		if (any == (tn_op_kind((enum tn_op)op) == TN_KIND_VIEW)) {
			tn_test_fail(
				TN_TEST_HERE("accepts"), "%s: %s", tn_op_name((enum tn_op)op), any ? "a view with a kernel" : "no kernel");
		}
	}
	b->impl->destroy(b);
}

TN_TEST(memory_beyond_the_budget_is_an_error) {
	struct tn_error err = {0};
	struct tn_backend *b = tn_cpu_backend_create(&(struct tn_cpu_params){.threads = 1, .budget = (size_t)64 << 20}, &err);
	struct tn_memory_stats stats;
	void *p;

	TN_CHECK_NOT_NULL(b);
	p = b->impl->alloc(b, (size_t)1 << 20, &err);
	TN_CHECK_NOT_NULL(p);
	TN_CHECK_INT_EQ((int64_t)((uintptr_t)p % 64), 0);
	TN_CHECK_NULL(b->impl->alloc(b, (size_t)1 << 30, &err));
	TN_CHECK_INT_EQ(err.kind, TN_ERR_MEMORY);
	b->impl->memory_stats(b, &stats);
	TN_CHECK(stats.used >= (size_t)1 << 20 && stats.used < (size_t)2 << 20);
	b->impl->free(b, p, (size_t)1 << 20);
	b->impl->trim(b);
	b->impl->memory_stats(b, &stats);
	TN_CHECK_INT_EQ((int64_t)stats.used, 0);
	b->impl->destroy(b);
}

TN_TEST(an_interrupt_stops_before_the_commit_step_and_not_after) {
	struct tn_backend *b = fixture_backend(2);
	struct tn_error err = {0};
	struct chain c;
	float *x = calloc(100000, 4), *y = calloc(100000, 4);
	void *slots[] = {x, y}, *exec;
	volatile int flag = 1;
	struct tn_run run = {.slots = slots, .interrupt = &flag, .commit_step = 2};

	chain_init(&c, 100000);
	x[7] = 3;
	TN_CHECK(b->impl->prepare(b, &c.plan, &exec, &err));
	TN_CHECK(!b->impl->run(b, exec, &run, &err));
	TN_CHECK_INT_EQ(err.kind, TN_ERR_INTERRUPTED);
	TN_CHECK_INT_EQ(run.failed_step, 0);
	TN_CHECK(y[7] == 0);
	run.commit_step = 0;
	tn_error_clear(&err);
	TN_CHECK(b->impl->run(b, exec, &run, &err));
	TN_CHECK(y[7] == -3);
	b->impl->finish(b, exec);
	b->impl->destroy(b);
	free(x);
	free(y);
}

TN_TEST(a_plan_that_finds_no_memory_is_not_made_and_leaves_nothing) {
	struct chain c;

	chain_init(&c, 1000);
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_error err = {0};
		struct tn_backend *b = tn_cpu_backend_create(&(struct tn_cpu_params){.threads = 1, .budget = (size_t)64 << 20}, &err);
		void *exec = NULL;

		if (b != NULL) {
			if (b->impl->prepare(b, &c.plan, &exec, &err)) {
				float x[1000] = {[3] = 1}, y[1000];
				void *slots[] = {x, y};
				struct tn_run run = {.slots = slots, .commit_step = 3};
				bool ok = b->impl->run(b, exec, &run, &err);

				TN_CHECK(ok ? y[3] == -1 : err.kind == TN_ERR_MEMORY);
				b->impl->finish(b, exec);
			} else {
				TN_CHECK_INT_EQ(err.kind, TN_ERR_MEMORY);
			}
			b->impl->destroy(b);
		} else {
			TN_CHECK_INT_EQ(err.kind, TN_ERR_MEMORY);
		}
	}
}

/* A result in another layout than its input, on more threads than there is work for: the same bits. */
TN_TEST(the_number_of_threads_changes_no_bit) {
	struct tn_shape shape = TN_SHAPE(300, 701);
	struct fixture in = fixture_dense(TN_DTYPE_F32, shape, false);
	float *sums[2];

	fixture_fill(&in, -1, 1);
	for (int threads = 1; threads <= 2; threads++) {
		struct tn_backend *b = fixture_backend(threads);
		struct tn_fused_out out = {.from = {TN_SOURCE_INPUT, 0}, .reduce = TN_OP_SUM, .axes = 3,
		                           .view = {.slot = 1, .dtype = TN_DTYPE_F32, .shape = TN_SHAPE(1, 1)}};
		struct tn_step step = {
			.is_fused = true, .fused = {.shape = shape, .input_count = 1, .out_count = 1, .inputs = &in.view, .outs = &out}};
		struct tn_error err = {0};
		void *slots[2] = {in.storage, sums[threads - 1] = calloc(1, 4)};

		TN_CHECK(fixture_run(b, &step, slots, 2, NULL, 0, &err));
		b->impl->destroy(b);
	}
	TN_CHECK_MEM_EQ(sums[0], sums[1], 4);
	fixture_finish(&in);
	free(sums[0]);
	free(sums[1]);
}
