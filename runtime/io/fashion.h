/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IO_FASHION_H
#define TN_IO_FASHION_H

#include "lang/lang.h"

/* The native read_fashion_mnist(part, shape): (x, y) of "train" or "t10k". */
bool tn_run_read_fashion_mnist(struct tn_native_call *call, struct tn_error *err);

#endif
