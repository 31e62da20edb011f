/* SPDX-License-Identifier: Apache-2.0 */
/* The standard library's texts inside the program, sorted by file name. The table is made at build time by embed.c;
 * the library index in lang/ reads it, unless TENON_LIB names a folder to read instead. */
#ifndef TN_LIB_EMBEDDED_H
#define TN_LIB_EMBEDDED_H

#include <stddef.h>

struct tn_embedded_file {
	const char *name; /* "optim.tn" */
	const char *text; /* NUL-terminated */
	size_t length;
};

/* At least one row long, so that it is C also when the library is empty; read tn_lib_file_count rows. */
extern const struct tn_embedded_file tn_lib_files[];
extern const size_t tn_lib_file_count;

#endif
