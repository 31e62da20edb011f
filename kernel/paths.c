/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of the user's: most are there already. */
#include "kernel/paths.h"

#include <string.h>
#include <sys/stat.h>

void tn_paths_make_parents(char *path) {
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
}
