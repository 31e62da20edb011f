/* SPDX-License-Identifier: Apache-2.0 */
/* Making of folders, from the top down: each is tried, since another process may make it at the same time. */
#include "base/folder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

static bool make_one(const char *path, unsigned mode, struct tn_error *err) {
	struct stat info;
	bool ok = mkdir(path, mode) == 0;
	if (!ok && errno == EEXIST && stat(path, &info) == 0) {
		ok = S_ISDIR(info.st_mode);
		errno = ENOTDIR;
	}
	return ok || tn_error_errno(err, "cannot make the folder '%s'", path);
}

/* `path` is written to and restored. */
static bool make_above(char *path, unsigned mode, struct tn_error *err) {
	bool ok = true;
	for (char *slash = path[0] == '\0' ? NULL : strchr(path + 1, '/'); ok && slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		ok = make_one(path, mode, err);
		*slash = '/';
	}
	return ok;
}

bool tn_folder_make_parents(const char *path, unsigned mode, struct tn_error *err) {
	char *copy = tn_strdup(path);
	if (copy == NULL) {
		return tn_error_memory(err);
	}
	bool ok = make_above(copy, mode, err);
	tn_free(copy);
	return ok;
}

bool tn_folder_make(const char *path, unsigned mode, struct tn_error *err) {
	return tn_folder_make_parents(path, mode, err) && make_one(path, mode, err);
}
