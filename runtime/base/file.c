/* SPDX-License-Identifier: Apache-2.0 */
/* Kind and owner are asked of the descriptor and not of the path, which may be another file a moment later. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool refuse(int why, struct tn_error *err, const char *path, const char *what) {
	tn_error_set(err, TN_ERR_IO, "'%s' %s", path, what);
	errno = why;
	return false;
}

static bool fail(struct tn_error *err, const char *what, const char *path) {
	const int why = errno;
	tn_error_errno(err, "cannot %s '%s'", what, path);
	errno = why;
	return false;
}

static bool check_private(int fd, const char *path, struct tn_error *err) {
	struct stat info;
	if (fstat(fd, &info) != 0) {
		return fail(err, "look at", path);
	}
	if (!S_ISREG(info.st_mode)) {
		return refuse(EINVAL, err, path, "is not a regular file");
	}
	if (info.st_uid != geteuid()) {
		return refuse(EPERM, err, path, "belongs to another user");
	}
	return (info.st_mode & 077) == 0 || fchmod(fd, info.st_mode & 0700) == 0 || fail(err, "close to others", path);
}

int tn_file_open_private(const char *path, int flags, struct tn_error *err) {
	/* O_NONBLOCK: a pipe must not keep us; to a regular file it is nothing. What is not ours is not cut off before that is known. */
	int fd = open(path, (flags & ~O_TRUNC) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
	if (fd < 0) {
		(void)(errno == ELOOP ? refuse(ELOOP, err, path, "is a link") : fail(err, "open", path));
		return -1;
	}
	bool ok = check_private(fd, path, err);
	ok = ok && ((flags & O_TRUNC) == 0 || ftruncate(fd, 0) == 0 || fail(err, "empty", path));
	if (!ok) {
		const int why = errno;
		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}
