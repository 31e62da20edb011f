/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of the user's that files of the kernel lie in. */
#ifndef TN_KERNEL_PATHS_H
#define TN_KERNEL_PATHS_H

/* Makes each folder of the path up to its last slash, for the user alone; `path` is as before afterwards. What is missing in the
 * end shows when the file is opened. */
void tn_paths_make_parents(char *path);

#endif
