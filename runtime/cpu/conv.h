/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cpu/: the portable convolution, for dtypes that oneDNN does not take, for machines without it, and as the reference.
 * Its bits do not depend on the number of threads. */
#ifndef TN_CPU_CONV_H
#define TN_CPU_CONV_H

#include "cpu/dnn.h"
#include "cpu/gemm.h"

/* Dense operands in the type of `class`, activations NHWC, weights [groups, KH, KW, C/groups, O/groups]:
 * FORWARD a = x, b = w, out = y; GRAD_X a = gradient of y, b = w, out = x's; GRAD_W a = x, b = gradient of y, out = w's. */
struct cpu_conv_portable {
	const struct cpu_dnn_conv_params *params; /* no size in it is 0 */
	enum cpu_class class;
	const void *a, *b;
	void *out;
	void *workspace; /* 64-byte aligned */
	const volatile int *interrupt; /* NULL: not looked at; else `out` is undefined once it is set */
};

/* Bytes; false when that does not fit. */
TN_MUST_USE bool cpu_conv_portable_workspace(const struct cpu_dnn_conv_params *params, enum cpu_class class, size_t *size);
void cpu_conv_portable(const struct cpu_conv_portable *c);

#endif
