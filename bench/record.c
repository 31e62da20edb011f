/* SPDX-License-Identifier: Apache-2.0 */
/* What the graph costs apart from the arithmetic: recording a node, planning it, binding a plan that is known, and one small op
 * with and without a flush of its own. Best of many rounds, in nanoseconds. Budgets (docs/architecture.md): record 150, bind 30,
 * plan 3,000 a node. build/bench/record */
#include <stdio.h>
#include <stdlib.h>

#include "cpu/cpu.h"
#include "tensor/tensor.h"

enum { NODES = 250, ROUNDS = 2000 };

struct times {
	double record, plan, bind, whole, alone;
};

static void die(const struct tn_error *err) {
	fprintf(stderr, "record: %s\n", err->text);
	exit(1);
}

static void keep_best(double *best, int64_t ns, int count) {
	double each = (double)ns / count;

	*best = *best == 0 || each < *best ? each : *best;
}

/* x = x + y, n times. */
static struct tn_tensor *chain(struct tn_engine *e, struct tn_tensor *x, struct tn_tensor *y, int n, struct tn_error *err) {
	for (int i = 0; i < n; i++) {
		struct tn_tensor *next = tn_binary(e, TN_OP_ADD, x, y, err);

		if (next == NULL) {
			die(err);
		}
		tn_tensor_unref(x);
		x = next;
	}
	return x;
}

static struct tn_tensor *round_of(struct tn_engine *e, struct tn_tensor *x, struct tn_tensor *y, struct times *t) {
	struct tn_error err = {0};
	struct tn_engine_stats before, after;
	int64_t start = tn_clock_ns(), recorded, done;

	x = chain(e, x, y, NODES, &err);
	recorded = tn_clock_ns();
	tn_engine_get_stats(e, &before);
	if (!tn_flush(e, "bench", &err)) {
		die(&err);
	}
	done = tn_clock_ns();
	tn_engine_get_stats(e, &after);
	keep_best(&t->record, recorded - start, NODES);
	keep_best(&t->whole, done - start, NODES);
	if (after.plan_misses > before.plan_misses) {
		keep_best(&t->plan, after.compile_ns - before.compile_ns, NODES);
	} else {
		keep_best(&t->bind, done - recorded - (after.run_ns - before.run_ns), NODES);
	}
	return x;
}

int main(void) {
	struct tn_error err = {0};
	struct tn_backend *backend = tn_cpu_backend_create(&(struct tn_cpu_params){.threads = 1}, &err);
	struct tn_engine *e = backend == NULL ? NULL : tn_engine_create(&(struct tn_engine_params){.backend = backend}, &err);
	float numbers[16] = {0};
	struct tn_tensor *x, *y;
	struct times t = {0};

	if (e == NULL) {
		die(&err);
	}
	x = tn_tensor_from_data(e, TN_DTYPE_F32, &TN_SHAPE(16), numbers, &err);
	y = tn_tensor_from_data(e, TN_DTYPE_F32, &TN_SHAPE(16), numbers, &err);
	if (x == NULL || y == NULL) {
		die(&err);
	}
	for (int i = 0; i < ROUNDS; i++) {
		if (i % 100 == 0) {
			tn_engine_trim(e); /* so that it plans again */
		}
		x = round_of(e, x, y, &t);
	}
	for (int i = 0; i < ROUNDS; i++) {
		int64_t start = tn_clock_ns();

		for (int k = 0; k < 10; k++) {
			x = chain(e, x, y, 1, &err);
			if (!tn_flush(e, "bench", &err)) {
				die(&err);
			}
		}
		keep_best(&t.alone, tn_clock_ns() - start, 10);
	}
	printf("record %.1f ns a node, plan %.0f, bind %.1f; add of 16 floats: %.1f ns in a chain, %.0f with a flush of its own\n",
		t.record, t.plan, t.bind, t.whole, t.alone);
	tn_tensor_unref(x);
	tn_tensor_unref(y);
	tn_engine_destroy(e);
	return 0;
}
