/* SPDX-License-Identifier: Apache-2.0 */
/* Folders on the way to what is about to be written. Any thread. */
#ifndef TN_BASE_FOLDER_H
#define TN_BASE_FOLDER_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"

/* Makes the folder and each one above it that is missing, with the permissions `mode` less the umask; those that are there stay as they
 * are. The error names the one that could not be made. */
TN_MUST_USE bool tn_folder_make(const char *path, unsigned mode, struct tn_error *err);
/* The same for the folders that a file's path goes through, all but the last part. err may be NULL: what is missing shows when the file
 * is opened. */
bool tn_folder_make_parents(const char *path, unsigned mode, struct tn_error *err);

#endif
