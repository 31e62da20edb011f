/* SPDX-License-Identifier: Apache-2.0 */
/* Kind and owner are asked of the descriptor and not of the path, which may be another file a moment later. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool check_private(int fd, const char *path, struct tn_error *err) {
	struct stat info;
	if (fstat(fd, &info) != 0) {
		return tn_error_errno(err, "cannot look at '%s'", path);
	}
	if (!S_ISREG(info.st_mode)) {
		return tn_error_set(err, TN_ERR_IO, "'%s' is not a regular file", path);
	}
	if (info.st_uid != geteuid()) {
		return tn_error_set(err, TN_ERR_IO, "'%s' belongs to another user", path);
	}
	return (info.st_mode & 077) == 0 || fchmod(fd, info.st_mode & 0700) == 0 || tn_error_errno(err, "cannot close '%s' to others", path);
}

int tn_file_open_private(const char *path, int flags, struct tn_error *err) {
	/* O_NONBLOCK: a pipe must not keep us; to a regular file it is nothing. What is not ours is not cut off before that is known. */
	int fd = open(path, (flags & ~O_TRUNC) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
	if (fd < 0 && errno == ELOOP) {
		tn_error_set(err, TN_ERR_IO, "'%s' is a link", path);
		return -1;
	}
	if (fd < 0) {
		tn_error_errno(err, "cannot open '%s'", path);
		return -1;
	}
	bool ok = check_private(fd, path, err);
	ok = ok && ((flags & O_TRUNC) == 0 || ftruncate(fd, 0) == 0 || tn_error_errno(err, "cannot empty '%s'", path));
	if (!ok) {
		close(fd);
		return -1;
	}
	return fd;
}
