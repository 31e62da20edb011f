/* SPDX-License-Identifier: Apache-2.0 */
/* The natives read_text and write_text. Private to io/. */
#ifndef TN_IO_TEXT_H
#define TN_IO_TEXT_H

#include "io/io.h"

bool tn_run_read_text(struct tn_native_call *call, struct tn_error *err);
bool tn_run_write_text(struct tn_native_call *call, struct tn_error *err);

#endif
