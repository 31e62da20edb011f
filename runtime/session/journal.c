/* SPDX-License-Identifier: Apache-2.0 */
/* The session's directory, its lock and its journal. The lock is fcntl's, which also holds over network file systems and ends with the
 * process, however it dies; the file's text is for people. What cannot be written never fails a cell. */
#include "session/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMESAKES_MAX = 99, FOLDER_MAX = 80 };

struct tn_journal {
	char *name, *directory;
	int lock, file;
	bool torn;      /* the last line is not whole */
	bool complained;
};

/* ---- names ---- */

static bool is_safe(unsigned char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
}

/* A folder's name for a session's: what a path may not hold becomes '_', and then a number made of the whole name keeps different names
 * apart. */
static bool append_folder(struct tn_str *out, const char *name) {
	size_t length = strlen(name), from = length > FOLDER_MAX ? length - FOLDER_MAX : 0;
	bool changed = from > 0 || length == 0 || name[0] == '.';
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (size_t i = 0; i < length; i++) {
		hash = (hash ^ (unsigned char)name[i]) * 16777619u;
		changed = changed || !is_safe((unsigned char)name[i]);
	}
	bool ok = true;
	for (size_t i = from; ok && i < length; i++) {
		unsigned char c = (unsigned char)name[i];
		ok = tn_str_append_char(out, is_safe(c) && !(i == from && c == '.') ? (char)c : '_');
	}
	return ok && (!changed || tn_str_printf(out, "-%08" PRIx32, hash));
}

/* ---- directories ---- */

/* Sessions hold what a user computed and typed: a folder that others made or may enter is not used. */
static bool check_private(const char *path, struct tn_error *err) {
	struct stat info;
	if (lstat(path, &info) != 0) {
		return tn_error_errno(err, "cannot look at '%s'", path);
	}
	if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid()) {
		return tn_error_set(err, TN_ERR_IO, "'%s' is not a folder of yours", path);
	}
	return (info.st_mode & 077) == 0 || chmod(path, 0700) == 0 || tn_error_errno(err, "cannot close '%s' to others", path);
}

static bool append_base(struct tn_str *out, struct tn_error *err) {
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	bool has_state = state != NULL && state[0] == '/';
	if (!has_state && (home == NULL || home[0] != '/')) {
		return tn_error_set(err, TN_ERR_IO, "neither XDG_STATE_HOME nor HOME names a folder");
	}
	bool ok = has_state ? tn_str_printf(out, "%s/tenon/sessions/", state) : tn_str_printf(out, "%s/.local/state/tenon/sessions/", home);
	return ok || tn_error_memory(err);
}

/* ---- the lock ---- */

/* *taken: another living process has it. The descriptor, or -1. */
static int take_lock(const char *directory, bool *taken, struct tn_error *err) {
	struct tn_str path = {0};
	char host[128] = "", words[256];
	*taken = false;
	if (!tn_str_printf(&path, "%s/lock", directory)) {
		tn_error_memory(err);
		return -1;
	}
	int fd = open(tn_str_c(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	tn_str_finish(&path);
	if (fd < 0) {
		tn_error_errno(err, "cannot open the session's lock in '%s'", directory);
		return -1;
	}
	if (fcntl(fd, F_SETLK, &(struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET}) != 0) {
		*taken = errno == EACCES || errno == EAGAIN;
		if (!*taken) {
			tn_error_errno(err, "cannot lock the session in '%s'", directory);
		}
		close(fd);
		return -1;
	}
	gethostname(host, sizeof(host) - 1);
	int length = snprintf(words, sizeof(words), "%s %d %.3f\n", host, (int)getpid(), tn_wall_time());
	if (ftruncate(fd, 0) != 0 || write(fd, words, (size_t)length) != length) {
		tn_log(TN_LOG_INFO, "the session's lock does not say who has it");
	}
	return fd;
}

/* ---- opening ---- */

static bool try_open(struct tn_journal *j, const char *base, const char *name, bool *taken, struct tn_error *err) {
	struct tn_str directory = {0}, file = {0};
	*taken = false;
	bool ok = (tn_str_append(&directory, base) && append_folder(&directory, name)) || tn_error_memory(err);
	ok = ok && tn_folder_make(directory.data, 0700, err) && check_private(directory.data, err);
	if (ok) {
		j->lock = take_lock(directory.data, taken, err);
		ok = j->lock >= 0;
	}
	if (ok) {
		ok = tn_str_printf(&file, "%s/journal.jsonl", directory.data) || tn_error_memory(err);
	}
	if (ok) {
		j->file = open(tn_str_c(&file), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		ok = j->file >= 0 || tn_error_errno(err, "cannot open the journal '%s'", tn_str_c(&file));
	}
	if (ok) {
		j->name = tn_strdup(name);
		j->directory = tn_str_steal(&directory);
		ok = (j->name != NULL && j->directory != NULL) || tn_error_memory(err);
	}
	tn_str_finish(&directory);
	tn_str_finish(&file);
	return ok;
}

/* A line that an earlier process did not finish must not swallow ours. */
static bool ends_torn(int fd) {
	char last = '\n';
	off_t end = lseek(fd, 0, SEEK_END);
	return end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
}

static bool add_line(struct tn_journal *j, struct tn_str *line, struct tn_error *err) {
	size_t from = j->torn ? 0 : 1; /* a line begins with a newline of its own, for that case */
	ssize_t n;
	do {
		n = write(j->file, line->data + from, line->length - from);
	} while (n < 0 && errno == EINTR);
	bool ok = n >= 0 && (size_t)n == line->length - from;
	if (n > 0) {
		j->torn = !ok;
	}
	if (ok) {
		j->complained = false;
		return true;
	}
	if (!j->complained) {
		j->complained = true;
		errno = n >= 0 ? ENOSPC : errno;
		tn_error_errno(err, "cannot write the journal in '%s'", j->directory);
	}
	return false;
}

static bool add_start(struct tn_journal *j, struct tn_error *err) {
	struct tn_str line = {0};
	bool ok = tn_str_printf(&line, "\n{\"start\":%.3f,\"tenon\":\"%s\",\"pid\":%d}\n", tn_wall_time(), TN_VERSION, (int)getpid());
	ok = ok ? add_line(j, &line, err) : tn_error_memory(err);
	tn_str_finish(&line);
	return ok;
}

struct tn_journal *tn_journal_open(const char *name, struct tn_error *err) {
	struct tn_str base = {0}, numbered = {0};
	struct tn_journal *j = tn_calloc(1, sizeof(*j));
	bool taken = true, ok = j != NULL || tn_error_memory(err);
	name = name[0] != '\0' ? name : "unnamed";
	ok = ok && append_base(&base, err);
	if (j != NULL) {
		j->lock = j->file = -1;
	}
	for (int n = 1; ok && taken && n <= NAMESAKES_MAX; n++) {
		tn_str_clear(&numbered);
		ok = (n == 1 ? tn_str_append(&numbered, name) : tn_str_printf(&numbered, "%s~%d", name, n)) || tn_error_memory(err);
		ok = ok && (try_open(j, tn_str_c(&base), tn_str_c(&numbered), &taken, err) || taken);
	}
	if (ok && taken) {
		ok = tn_error_set(err, TN_ERR_IO, "%d sessions have the name '%s' already", NAMESAKES_MAX, name);
	}
	if (ok) {
		j->torn = ends_torn(j->file);
		ok = add_start(j, err);
	}
	tn_str_finish(&base);
	tn_str_finish(&numbered);
	if (!ok) {
		tn_journal_close(j);
		return NULL;
	}
	return j;
}

void tn_journal_close(struct tn_journal *j) {
	if (j == NULL) {
		return;
	}
	if (j->file >= 0) {
		close(j->file);
	}
	if (j->lock >= 0) {
		close(j->lock);
	}
	tn_free(j->name);
	tn_free(j->directory);
	tn_free(j);
}

const char *tn_journal_name(const struct tn_journal *j) { return j->name; }
const char *tn_journal_directory(const struct tn_journal *j) { return j->directory; }

/* ---- lines ---- */

/* JSON text; bytes that are no UTF-8 become U+FFFD. */
static bool append_text(struct tn_str *out, const char *text, size_t length) {
	const char *end = text + length;
	bool ok = tn_str_reserve(out, length + 2) && tn_str_append_char(out, '"');
	while (ok && text < end) {
		uint32_t c;
		size_t n = tn_utf8_decode(text, end, &c);
		if (n == 0) {
			ok = tn_str_append(out, "\xef\xbf\xbd");
		} else if (c == '"' || c == '\\') {
			ok = tn_str_append_char(out, '\\') && tn_str_append_char(out, (char)c);
		} else if (c == '\n') {
			ok = tn_str_append(out, "\\n");
		} else if (c < 0x20) {
			ok = tn_str_printf(out, "\\u%04x", (unsigned)c);
		} else {
			ok = tn_str_append_n(out, text, n);
		}
		text += n > 0 ? n : 1;
	}
	return ok && tn_str_append_char(out, '"');
}

static bool append_random(struct tn_str *out, const char *key, struct tn_random_state state) {
	return tn_str_printf(out, ",\"%s\":{\"seed\":%" PRIu64 ",\"counter\":%" PRIu64 "}", key, state.seed, state.counter);
}

bool tn_journal_add(struct tn_journal *j, const struct tn_journal_cell *cell, struct tn_error *err) {
	struct tn_str line = {0};
	bool ok = tn_str_printf(&line, "\n{\"cell\":%" PRId64 ",\"time\":%.3f,\"seconds\":%.6f,\"status\":\"%s\"", cell->cell, cell->began,
		cell->seconds, cell->status);
	ok = ok && append_random(&line, "random_before", cell->before) && append_random(&line, "random_after", cell->after);
	ok = ok && tn_str_append(&line, ",\"source\":") && append_text(&line, cell->source, cell->length) && tn_str_append(&line, "}\n");
	ok = ok ? add_line(j, &line, err) : tn_error_memory(err);
	tn_str_finish(&line);
	return ok;
}
