/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cpu/: ops that work along one axis see a tensor as lines (lines.c): softmax, running sums, sorting, argmax. */
#ifndef TN_CPU_LINES_H
#define TN_CPU_LINES_H

#include "cpu/vector.h"

/* One line of the input and where its result goes; steps in bytes. */
struct cpu_line {
	int64_t length;
	const char *in;
	char *out;
	int64_t in_step, out_step;
	char *buffer; /* this thread's part of the workspace */
	const volatile int *interrupt; /* a body that sees it set leaves the line as it is */
};

struct cpu_lines {
	const struct cpu_call *call;
	int axis;
	double work;         /* of one element, in vectorised additions */
	size_t buffer_size;  /* bytes of workspace for each thread */
	void (*body)(const struct cpu_lines *lines, const struct cpu_line *line);
	const void *data;    /* the body's own */
};

/* Workspace for that many bytes for each element of a line, for each thread. */
TN_MUST_USE bool cpu_lines_reserve(struct cpu_step *step, int axis, size_t bytes_per_element, struct tn_error *err);
/* Bytes of one thread's part. */
size_t cpu_lines_buffer_size(const struct cpu_step *step);
/* Calls the body for each line of inputs[0]; the result has the same axes, but for `axis` where it may have size 1 or lack it. */
TN_MUST_USE bool cpu_lines_run(struct cpu_lines *lines, struct tn_error *err);

/* A line in its compute class, contiguous: the line itself where it is that already, else a copy at `buffer`. */
const void *cpu_line_load(const struct cpu_line *line, enum tn_dtype dtype, char *buffer);
/* Writes contiguous elements of the compute class to the line's result. */
void cpu_line_store(const struct cpu_line *line, enum tn_dtype dtype, const void *from);

#endif
