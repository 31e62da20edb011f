/* SPDX-License-Identifier: Apache-2.0 */
/* argmax and argmin along an axis: the index of the first of equals; the first NaN wins, as it does in max and min. */
#include "cpu/lines.h"

static bool prepare_line(struct cpu_step *step, struct tn_error *err) {
	return cpu_lines_reserve(step, (int)step->step->attrs[0], 8, err);
}

/* x != x is never true of integers. */
#define FIND(T) \
	{ \
		const T *x = in; \
		T best = x[0]; \
		for (int64_t i = 1; i < n; i++) { \
			if (best != best || (i % CPU_LOOK == 0 && cpu_is_stopped(interrupt))) { \
				break; \
			} \
			if ((least ? x[i] < best : x[i] > best) || x[i] != x[i]) { \
				best = x[i]; \
				found = i; \
			} \
		} \
		break; \
	}

static int64_t find(enum cpu_class class, bool least, const void *in, int64_t n, const volatile int *interrupt) {
	int64_t found = 0;

	switch (class) {
	case CPU_F64: FIND(double)
	case CPU_F32: FIND(float)
	case CPU_I64: FIND(int64_t)
	case CPU_I32: FIND(int32_t)
	default: FIND(uint8_t)
	}
	return found;
}

static void find_line(const struct cpu_lines *lines, const struct cpu_line *line) {
	const struct tn_step *step = lines->call->step->step;
	enum tn_dtype dtype = step->inputs[0].dtype;
	const void *in = cpu_line_load(line, dtype, line->buffer);

	*(int64_t *)(void *)line->out =
		line->length > 0 ? find(cpu_class_of(dtype), step->op == TN_OP_ARGMIN, in, line->length, line->interrupt) : 0;
}

static bool run_argreduce(const struct cpu_call *call, struct tn_error *err) {
	struct cpu_lines lines = {.call = call, .axis = (int)call->step->step->attrs[0], .work = 4, .body = find_line};

	return cpu_lines_run(&lines, err);
}

static bool accepts_to_i64(enum tn_dtype in, enum tn_dtype out) {
	(void)in;
	return out == TN_DTYPE_I64;
}

const struct cpu_kernel cpu_argmax = {.prepare = prepare_line, .run = run_argreduce, .accepts = accepts_to_i64};
const struct cpu_kernel cpu_argmin = {.prepare = prepare_line, .run = run_argreduce, .accepts = accepts_to_i64};
