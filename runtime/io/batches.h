/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IO_BATCHES_H
#define TN_IO_BATCHES_H

#include "lang/lang.h"

/* The native batches(data, size, shuffle, drop_last, prefetch), and its type. */
bool tn_run_batches(struct tn_native_call *call, struct tn_error *err);
struct tn_type *tn_type_batches(const struct tn_native_typing *typing, struct tn_error *err);

#endif
