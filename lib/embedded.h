/* SPDX-License-Identifier: Apache-2.0 */
/* Files inside the program. The tables are made at build time by embed.c. The standard library's is sorted by file name; the
 * library index in lang/ reads it, unless TENON_LIB names a folder to read instead. `tenon install` reads the kernelspec's. */
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
extern const struct tn_embedded_file tn_kernelspec_files[];
extern const size_t tn_kernelspec_file_count;

#endif
