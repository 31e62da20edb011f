/* SPDX-License-Identifier: Apache-2.0 */
/* Files of our own, which hold what a user typed and computed. Any thread. */
#ifndef TN_BASE_FILE_H
#define TN_BASE_FILE_H

#include "base/compiler.h"
#include "base/error.h"

/* Opens a file as open does (O_CREAT makes it for its owner alone), but only a regular one of this user: no link, no pipe, no device, nothing of
 * somebody else, who may have put it there. One that others may read or write is closed to them. A descriptor that exec closes, or -1 with `err` and
 * errno. */
int tn_file_open_private(const char *path, int flags, struct tn_error *err);

#endif
