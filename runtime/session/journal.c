/* SPDX-License-Identifier: Apache-2.0 */
/* The session's directory, its lock and its journal. The lock is fcntl's, which also holds over network file systems and ends with the
 * process, however it dies; the file's text is for people. What cannot be written never fails a cell, and what cannot be had when the session
 * begins (the disk is full) is tried again with each cell. */
#include "session/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMESAKES_MAX = 99, FOLDER_MAX = 80, MOVED_MAX = 10 };

/* Either it is open (lock, file, directory), or nothing of it is. */
struct tn_journal {
	char *asked;            /* the name that it was to have */
	char *name, *directory; /* NULL until it is open */
	int lock, file;
	bool started;    /* the line of the start is written */
	bool torn;       /* the last line is not whole */
	bool complained; /* since a line could be written */
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

bool tn_sessions_folder(struct tn_str *out, struct tn_error *err) {
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	bool has_state = state != NULL && state[0] == '/';
	if (!has_state && (home == NULL || home[0] != '/')) {
		return tn_error_set(err, TN_ERR_IO, "neither XDG_STATE_HOME nor HOME names a folder");
	}
	bool ok = has_state ? tn_str_printf(out, "%s/tenon/sessions/", state) : tn_str_printf(out, "%s/.local/state/tenon/sessions/", home);
	return ok || tn_error_memory(err);
}

/* ---- the lock ---- */

/* A process that tidies up may have moved the folder away between our opening of the lock and our having it. */
static bool is_in_place(int fd, const char *path) {
	struct stat ours, there;
	return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 && ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

static void sign_lock(int fd) {
	char host[128] = "", words[256];
	gethostname(host, sizeof(host) - 1);
	int length = snprintf(words, sizeof(words), "%s %d %.3f\n", host, (int)getpid(), tn_wall_time());
	if (ftruncate(fd, 0) != 0 || write(fd, words, (size_t)length) != length) {
		tn_log(TN_LOG_INFO, "the session's lock does not say who has it");
	}
}

enum lock { LOCK_HELD, LOCK_TAKEN /* another living process has it */, LOCK_MOVED, LOCK_FAILED /* err is set */ };

static enum lock take_lock(const char *directory, int *out, struct tn_error *err) {
	struct tn_str path = {0};
	enum lock state = LOCK_FAILED;
	if (!tn_str_printf(&path, "%s/lock", directory)) {
		tn_error_memory(err);
		return state;
	}
	int fd = tn_file_open_private(tn_str_c(&path), O_RDWR | O_CREAT, err);
	if (fd >= 0 && fcntl(fd, F_SETLK, &(struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET}) == 0) {
		state = is_in_place(fd, tn_str_c(&path)) ? LOCK_HELD : LOCK_MOVED;
	} else if (fd >= 0 && (errno == EACCES || errno == EAGAIN)) {
		state = LOCK_TAKEN;
	} else if (fd >= 0) {
		tn_error_errno(err, "cannot lock the session in '%s'", directory);
	}
	tn_str_finish(&path);
	if (state == LOCK_HELD) {
		sign_lock(fd);
		*out = fd;
	} else if (fd >= 0) {
		close(fd);
	}
	return state;
}

/* The folder, ours alone, and its lock. */
static enum lock have_folder(const char *directory, int *out, struct tn_error *err) {
	enum lock state = LOCK_MOVED;
	for (int i = 0; state == LOCK_MOVED && i < MOVED_MAX; i++) {
		bool ok = tn_folder_make(directory, 0700, err) && check_private(directory, err);
		state = ok ? take_lock(directory, out, err) : LOCK_FAILED;
	}
	if (state == LOCK_MOVED) {
		tn_error_set(err, TN_ERR_IO, "'%s' is removed again and again", directory);
	}
	return state;
}

/* ---- opening ---- */

static void shut(struct tn_journal *j) {
	const int fds[] = {j->file, j->lock};
	for (size_t i = 0; i < TN_ARRAY_LEN(fds); i++) {
		if (fds[i] >= 0) {
			close(fds[i]);
		}
	}
	j->file = j->lock = -1;
	tn_free(j->name);
	tn_free(j->directory);
	j->name = j->directory = NULL;
}

/* *taken: another living process has it. False: that, or err is set. */
static bool try_open(struct tn_journal *j, const char *base, const char *name, bool *taken, struct tn_error *err) {
	struct tn_str directory = {0}, file = {0};
	bool ok = (tn_str_append(&directory, base) && append_folder(&directory, name)) || tn_error_memory(err);
	enum lock state = ok ? have_folder(directory.data, &j->lock, err) : LOCK_FAILED;
	*taken = state == LOCK_TAKEN;
	ok = state == LOCK_HELD && (tn_str_printf(&file, "%s/journal.jsonl", directory.data) || tn_error_memory(err));
	if (ok) {
		j->file = tn_file_open_private(tn_str_c(&file), O_RDWR | O_APPEND | O_CREAT, err);
		ok = j->file >= 0;
	}
	if (ok) {
		j->name = tn_strdup(name);
		j->directory = tn_str_steal(&directory);
		ok = (j->name != NULL && j->directory != NULL) || tn_error_memory(err);
	}
	tn_str_finish(&directory);
	tn_str_finish(&file);
	if (!ok) {
		shut(j);
	}
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

/* Takes the first free of NAME, NAME~2, … */
static bool find_free(struct tn_journal *j, struct tn_error *err) {
	struct tn_str base = {0}, numbered = {0};
	bool taken = true, ok = tn_sessions_folder(&base, err);
	for (int n = 1; ok && taken && n <= NAMESAKES_MAX; n++) {
		tn_str_clear(&numbered);
		ok = (n == 1 ? tn_str_append(&numbered, j->asked) : tn_str_printf(&numbered, "%s~%d", j->asked, n)) || tn_error_memory(err);
		ok = ok && (try_open(j, tn_str_c(&base), tn_str_c(&numbered), &taken, err) || taken);
	}
	if (ok && taken) {
		ok = tn_error_set(err, TN_ERR_IO, "%d sessions have the name '%s' already", NAMESAKES_MAX, j->asked);
	}
	tn_str_finish(&base);
	tn_str_finish(&numbered);
	return ok;
}

/* Ready to take lines. What is in the way is said once; later tries are quiet until one succeeds. */
static bool make_ready(struct tn_journal *j, struct tn_error *err) {
	struct tn_error quiet = {0};
	if (j->directory == NULL) {
		if (!find_free(j, j->complained ? &quiet : err)) {
			tn_error_clear(&quiet);
			j->complained = true;
			return false;
		}
		j->torn = ends_torn(j->file);
	}
	j->started = j->started || add_start(j, err);
	return j->started;
}

struct tn_journal *tn_journal_create(const char *name, struct tn_error *err) {
	struct tn_journal *j = tn_calloc(1, sizeof(*j));
	if (j != NULL) {
		j->asked = tn_strdup(name[0] != '\0' ? name : "unnamed");
		j->lock = j->file = -1;
	}
	if (j == NULL || j->asked == NULL) {
		tn_free(j);
		tn_error_memory(err);
		return NULL;
	}
	(void)make_ready(j, err);
	return j;
}

void tn_journal_destroy(struct tn_journal *j) {
	if (j == NULL) {
		return;
	}
	shut(j);
	tn_free(j->asked);
	tn_free(j);
}

const char *tn_journal_name(const struct tn_journal *j) { return j->name != NULL ? j->name : j->asked; }
const char *tn_journal_directory(const struct tn_journal *j) { return j != NULL && j->directory != NULL ? j->directory : ""; }

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
	if (!make_ready(j, err)) {
		return false;
	}
	bool ok = tn_str_printf(&line, "\n{\"cell\":%" PRId64 ",\"time\":%.3f,\"seconds\":%.6f,\"status\":\"%s\"", cell->cell, cell->began,
		cell->seconds, cell->status);
	ok = ok && append_random(&line, "random_before", cell->before) && append_random(&line, "random_after", cell->after);
	ok = ok && tn_str_append(&line, ",\"source\":") && append_text(&line, cell->source, cell->length) && tn_str_append(&line, "}\n");
	ok = ok ? add_line(j, &line, err) : tn_error_memory(err);
	tn_str_finish(&line);
	return ok;
}
