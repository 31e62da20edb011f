/* SPDX-License-Identifier: Apache-2.0 */
/* Text files: read_text and write_text. What is read is whole and UTF-8, or an error; pipes and devices, which may never end, are
 * refused, and what grows while it is read (or says that it is empty, as /proc does) is read to its end. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/text.h"

enum { CHUNK = 1 << 16 };
static const size_t most_bytes = (size_t)1 << 30;

/* The descriptor of a file that is there, or -1. */
static int open_file(const char *path, struct tn_error *err) {
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		return (tn_error_errno(err, "cannot read '%s'", path), -1);
	}
	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
		const char *what = S_ISDIR(info.st_mode) ? "a folder" : "no file";
		close(fd);
		return (tn_error_set(err, TN_ERR_IO, "cannot read '%s': it is %s", path, what), -1);
	}
	return fd;
}

static bool read_whole(const struct tn_native_call *call, const char *path, int fd, struct tn_str *out, struct tn_error *err) {
	char chunk[CHUNK];
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n == 0) {
			return true;
		}
		if (n < 0 && errno != EINTR) {
			return tn_error_errno(err, "cannot read '%s'", path);
		}
		if (tn_engine_interrupted(call->engine, err)) {
			return false;
		}
		if (n > 0 && out->length + (size_t)n > most_bytes) {
			return tn_error_set(err, TN_ERR_IO, "cannot read '%s': it is larger than 1 GiB", path);
		}
		if (n > 0 && !tn_str_append_n(out, chunk, (size_t)n)) {
			return tn_error_memory(err);
		}
	}
}

bool tn_run_read_text(struct tn_native_call *call, struct tn_error *err) {
	const char *path = call->args[0].string->text;
	struct tn_str text = {0};
	size_t bad = 0;
	int fd = open_file(path, err);
	bool ok = fd >= 0 && read_whole(call, path, fd, &text, err);
	if (ok && !tn_utf8_valid(tn_str_c(&text), text.length, &bad)) {
		ok = tn_error_set(err, TN_ERR_IO, "'%s' is no UTF-8 text: byte %zu is 0x%02x", path, bad, (unsigned char)text.data[bad]);
	}
	ok = ok && tn_string_create(tn_str_c(&text), text.length, call->result, err);
	if (fd >= 0) {
		close(fd);
	}
	tn_str_finish(&text);
	return ok;
}

/* False: errno says why. */
static bool write_whole(int fd, const char *text, size_t length) {
	while (length > 0) {
		ssize_t n = write(fd, text, length);
		if (n < 0 && errno != EINTR) {
			return false;
		}
		text += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

bool tn_run_write_text(struct tn_native_call *call, struct tn_error *err) {
	const char *path = call->args[0].string->text;
	const struct tn_string *text = call->args[1].string;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
	bool ok = fd >= 0 && write_whole(fd, text->text, text->length);
	int reason = errno;
	if (fd >= 0 && close(fd) != 0 && ok) {
		ok = false;
		reason = errno;
	}
	errno = reason;
	return ok || tn_error_errno(err, "cannot write '%s'", path);
}
