/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics: a line is put together on the stack and leaves in one write, so lines of several threads do not mix and
 * a line can be written when memory is out. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/settings.h"

enum { LEVEL_UNREAD = -1, LINE_MAX_BYTES = 1024 };

static const char *const level_names[] = {
	[TN_LOG_ERROR] = "error",
	[TN_LOG_WARN] = "warn",
	[TN_LOG_INFO] = "info",
	[TN_LOG_DEBUG] = "debug",
};

static atomic_int log_fd = STDERR_FILENO;
static atomic_int current_level = LEVEL_UNREAD;

static enum tn_log_level level_from_env(void) {
	int level = tn_setting_choice(TN_SETTING_LOG);
	return level < 0 ? TN_LOG_WARN : (enum tn_log_level)level;
}

void tn_log_set_fd(int fd) {
	atomic_store(&log_fd, fd);
}

void tn_log_set_level(enum tn_log_level level) {
	atomic_store(&current_level, (int)level);
}

enum tn_log_level tn_log_level(void) {
	int level = atomic_load(&current_level);
	if (level == LEVEL_UNREAD) {
		level = (int)level_from_env();
		atomic_store(&current_level, level);
	}
	return (enum tn_log_level)level;
}

static void write_all(int fd, const char *bytes, size_t length) {
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return; /* nobody is left to whom this could be said */
		}
		bytes += n;
		length -= (size_t)n;
	}
}

void tn_log(enum tn_log_level level, const char *format, ...) {
	if (level > tn_log_level()) {
		return;
	}
	int saved_errno = errno;
	char line[LINE_MAX_BYTES];
	size_t room = sizeof(line) - 1; /* one byte is the newline's */
	int n = snprintf(line, room, "tenon: %s: ", level_names[level]);
	size_t length = n < 0 ? 0 : (size_t)n;
	va_list args;
	va_start(args, format);
	n = vsnprintf(line + length, room - length, format, args);
	va_end(args);
	if (n > 0) {
		length = (size_t)n < room - length ? length + (size_t)n : room - 1;
	}
	for (size_t i = 0; i < length; i++) {
		if (line[i] == '\n') {
			line[i] = ' ';
		}
	}
	line[length++] = '\n';
	write_all(atomic_load(&log_fd), line, length);
	errno = saved_errno;
}
