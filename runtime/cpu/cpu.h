/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU backend: oneDNN for matmul, convolution and pooling where it is built in and accepts the dtype, blocked vector
 * loops and a portable GEMM for the rest and as the reference. */
#ifndef TN_CPU_CPU_H
#define TN_CPU_CPU_H

#include "tensor/backend.h"

struct tn_cpu_params {
	int threads;       /* 0: as many as the process may use (OMP_NUM_THREADS obeyed) */
	size_t budget;     /* bytes; 0: tn_memory_budget() */
	bool portable;     /* never oneDNN: the reference (TENON_PORTABLE=1 sets it too) */
};

/* NULL: out of memory. The caller owns it (tn_engine_create takes it over). */
TN_MUST_USE struct tn_backend *tn_cpu_backend_create(const struct tn_cpu_params *params, struct tn_error *err);

/* Before anything else of OpenMP in this process; again does nothing. A backend does it itself. The executing thread. */
void tn_cpu_openmp_begin(void);

#endif
