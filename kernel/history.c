/* SPDX-License-Identifier: Apache-2.0 */
/* The history file: one JSON object a line,
 *     {"session": 12, "line": 3, "source": "…"}             a cell
 *     {"session": 12, "line": 3, "output": "…"}             and what it gave
 * read when somebody asks, and then only what is new. A line that cannot be read is passed over: another version may have written
 * it. */
#include "kernel/history.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/wire.h"

/* Lines are kept for so long before they are written together: opening and locking the file costs as much as a short cell. */
#define PENDING_NS ((int64_t)200 * 1000 * 1000)
enum { OUTPUT_MAX = 4096, SOURCE_MAX = 256 * 1024, PENDING_MAX = 10 * 1000 };
enum { LOCK_US = 2000, LOCK_TRIES = 20, LAST_LOCK_TRIES = 500 /* when the kernel ends: a second */ };
#ifdef TN_TINY_LIMITS
enum { FILE_MAX = 16 * 1024 };
#else
enum { FILE_MAX = 2 * 1024 * 1024 }; /* 50,000 cells: a tenth of a second to read, once */
#endif

struct row {
	int64_t session, line;
	char *source, *output;
};

struct tn_history {
	char *path; /* NULL: only what this session stores is known */
	TN_VEC(struct row) rows;
	int64_t session;      /* this one's number; 0: none yet */
	int64_t last_session; /* the highest that was seen */
	off_t read_to;        /* of the file */
	ino_t inode;
	bool torn; /* the file's last line is not whole: it must not swallow ours */
	bool complained;
	TN_VEC(json_t *) pending; /* lines that are not on disk yet, without their session */
	int lock_tries;           /* for a lock, LOCK_US apart */
	int64_t due_ns;           /* when the first of them goes there; INT64_MAX: there are none */
};

char *tn_history_default_path(void) {
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	struct tn_str path = {0};
	bool ok;
	if (state != NULL && state[0] == '/') {
		ok = tn_str_printf(&path, "%s/tenon/cells.jsonl", state);
	} else {
		ok = home != NULL && home[0] == '/' && tn_str_printf(&path, "%s/.local/state/tenon/cells.jsonl", home);
	}
	char *text = ok ? tn_str_steal(&path) : NULL;
	tn_str_finish(&path);
	return text;
}

struct tn_history *tn_history_create(const char *path) {
	struct tn_history *history = tn_calloc(1, sizeof(*history));
	if (history == NULL) {
		return NULL;
	}
	history->due_ns = INT64_MAX;
	history->lock_tries = LOCK_TRIES;
	history->path = path != NULL ? tn_strdup(path) : NULL;
	if (path != NULL && history->path == NULL) {
		tn_free(history);
		return NULL;
	}
	return history;
}

static void drop_rows(struct tn_history *history) {
	for (size_t i = 0; i < history->rows.count; i++) {
		tn_free(history->rows.items[i].source);
		tn_free(history->rows.items[i].output);
	}
	history->rows.count = 0;
}

static void drop_pending(struct tn_history *history) {
	while (history->pending.count > 0) {
		json_decref(TN_VEC_POP(&history->pending));
	}
}

void tn_history_destroy(struct tn_history *history) {
	if (history == NULL) {
		return;
	}
	history->lock_tries = LAST_LOCK_TRIES;
	tn_history_flush(history);
	drop_pending(history);
	drop_rows(history);
	TN_VEC_FINISH(&history->rows);
	TN_VEC_FINISH(&history->pending);
	tn_free(history->path);
	tn_free(history);
}

/* ---- reading ---- */

static struct row *find_row(struct tn_history *history, int64_t session, int64_t line) {
	for (size_t i = history->rows.count; i > 0; i--) {
		struct row *row = &history->rows.items[i - 1];
		if (row->session == session && row->line == line) {
			return row;
		}
	}
	return NULL;
}

static bool keep_source(struct tn_history *history, int64_t session, int64_t line, const char *source) {
	struct row row = {.session = session, .line = line, .source = tn_strdup(source)};
	if (row.source == NULL || !TN_VEC_PUSH(&history->rows, row)) {
		tn_free(row.source);
		return false;
	}
	return true;
}

static bool keep_output(struct tn_history *history, int64_t session, int64_t line, const char *output) {
	struct row *row = find_row(history, session, line);
	if (row == NULL || row->output != NULL) {
		return true;
	}
	row->output = tn_strdup(output);
	return row->output != NULL;
}

static bool take_line(struct tn_history *history, const char *text, size_t length) {
	struct tn_error err = {0};
	json_t *value = tn_json_parse(text, length, &err);
	int64_t session = tn_json_get_int(value, "session", 0), line = tn_json_get_int(value, "line", -1);
	const char *source = tn_json_get_text(value, "source", NULL), *output = tn_json_get_text(value, "output", NULL);
	bool ok = err.kind != TN_ERR_MEMORY;
	if (session > 0) {
		history->last_session = session > history->last_session ? session : history->last_session;
		ok = ok && (source == NULL || keep_source(history, session, line, source));
		ok = ok && (output == NULL || keep_output(history, session, line, output));
	}
	json_decref(value);
	return ok;
}

static bool take_lines(struct tn_history *history, const struct tn_str *text, size_t *used) {
	*used = 0;
	while (*used < text->length) {
		const char *line = text->data + *used, *end = memchr(line, '\n', text->length - *used);
		if (end == NULL) {
			break; /* half a line: another kernel is writing it */
		}
		if (end > line && !take_line(history, line, (size_t)(end - line))) {
			return false;
		}
		*used = (size_t)(end - text->data) + 1;
	}
	return true;
}

static bool read_from(int fd, off_t from, struct tn_str *out) {
	char buffer[16 * 1024];
	ssize_t got;
	while ((got = pread(fd, buffer, sizeof(buffer), from + (off_t)out->length)) > 0) {
		if (!tn_str_append_n(out, buffer, (size_t)got)) {
			return false;
		}
	}
	return got == 0;
}

/* Reads what was appended since the last time; from the beginning where the file was replaced. */
static bool refresh_fd(struct tn_history *history, int fd) {
	struct stat status;
	struct tn_str text = {0};
	size_t used = 0;
	if (fstat(fd, &status) != 0) {
		return true;
	}
	if (status.st_ino != history->inode || status.st_size < history->read_to) {
		drop_rows(history);
		history->read_to = 0;
		history->inode = status.st_ino;
	}
	bool ok = status.st_size == history->read_to || (read_from(fd, history->read_to, &text) && take_lines(history, &text, &used));
	history->read_to += (off_t)used;
	tn_str_finish(&text);
	return ok;
}

static bool refresh(struct tn_history *history) {
	int fd = history->path != NULL ? tn_file_open_private(history->path, O_RDONLY, NULL) : -1;
	if (fd < 0) {
		return true; /* nothing yet */
	}
	bool ok = refresh_fd(history, fd);
	close(fd);
	return ok;
}

/* ---- writing ---- */

static void complain(struct tn_history *history) {
	if (!history->complained) {
		tn_log(TN_LOG_WARN, "the history '%s' is not kept: %s", history->path, strerror(errno));
		history->complained = true;
	}
}

/* Waits for the lock no longer than another kernel may need. False: it has it still. Where the file system knows no locks, kernels go
 * without. */
static bool lock(int fd, int tries) {
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			return true;
		}
		if (--tries <= 0) {
			errno = EWOULDBLOCK;
			return false;
		}
		usleep(LOCK_US);
	}
	return true;
}

/* Whoever waits for a lock may get that of a file which its owner has meanwhile put another in the place of. */
static bool is_at(const char *path, int fd) {
	struct stat ours, there;
	return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

/* -1 with errno; EWOULDBLOCK: another kernel writes for longer than we wait. */
static int open_and_lock(const char *path, int flags, int tries) {
	for (;;) {
		int fd = tn_file_open_private(path, flags | O_RDWR | O_CREAT, NULL); /* a link, or somebody else's, is not written to */
		bool locked = fd >= 0 && lock(fd, tries);
		if (fd < 0 || (locked && is_at(path, fd))) {
			return fd;
		}
		int why = locked ? EWOULDBLOCK : errno;
		close(fd);
		if (!locked || --tries <= 0) {
			errno = why;
			return -1;
		}
	}
}

static int open_locked(struct tn_history *history) {
	int fd = open_and_lock(history->path, O_APPEND, history->lock_tries);
	if (fd < 0 && errno == ENOENT) {
		tn_folder_make_parents(history->path, 0700, NULL);
		fd = open_and_lock(history->path, O_APPEND, history->lock_tries);
	}
	return fd;
}

/* A file that has grown too long keeps its newer half, in a new file, so that other kernels notice. True: the descriptor is of
 * the old one. */
static bool shorten(struct tn_history *history, int fd) {
	struct stat status;
	struct tn_str text = {0}, beside = {0};
	bool ok = false;
	if (fstat(fd, &status) != 0 || status.st_size <= FILE_MAX) {
		return false;
	}
	const char *kept = NULL;
	if (read_from(fd, status.st_size / 2, &text) && tn_str_printf(&beside, "%s.%ld", history->path, (long)getpid())) {
		kept = memchr(text.data, '\n', text.length);
	}
	int out = kept != NULL ? open(tn_str_c(&beside), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
	if (out >= 0) {
		size_t length = text.length - (size_t)(kept + 1 - text.data);
		ok = write(out, kept + 1, length) == (ssize_t)length;
		ok = close(out) == 0 && ok && rename(tn_str_c(&beside), history->path) == 0;
		if (!ok) {
			unlink(tn_str_c(&beside));
		}
	}
	tn_str_finish(&text);
	tn_str_finish(&beside);
	return ok;
}

static bool write_line(struct tn_history *history, int fd, const json_t *value) {
	struct tn_str text = {0};
	struct tn_error err = {0};
	bool ok = (!history->torn || tn_str_append_char(&text, '\n')) && tn_json_write(value, &text, &err) &&
		tn_str_append_char(&text, '\n');
	ssize_t wrote = ok ? write(fd, text.data, text.length) : -1;
	ok = ok && wrote == (ssize_t)text.length;
	if (wrote > 0) {
		errno = ok ? errno : ENOSPC;
		history->torn = !ok;
	}
	tn_str_finish(&text);
	return ok;
}

/* What a kernel that died, or a full disk, left at the end. */
static bool ends_torn(int fd) {
	char last = '\n';
	struct stat status;
	return fstat(fd, &status) == 0 && status.st_size > 0 && pread(fd, &last, 1, status.st_size - 1) == 1 && last != '\n';
}

/* The number of the newest session stands in a file of its own, so that a kernel need not read all cells before its first. */
static int open_counter(const struct tn_history *history) {
	struct tn_str path = {0};
	int fd = -1;
	if (tn_str_printf(&path, "%s.session", history->path)) {
		fd = open_and_lock(tn_str_c(&path), 0, history->lock_tries);
	}
	int why = errno;
	tn_str_finish(&path);
	errno = why;
	return fd;
}

/* The session's number: one above the newest. Where the counter is lost, the file says which that was. */
static bool begin_session(struct tn_history *history, int cells) {
	char text[32] = "";
	int fd = open_counter(history);
	if (fd < 0) {
		return false;
	}
	int64_t newest = pread(fd, text, sizeof(text) - 1, 0) > 0 ? strtoll(text, NULL, 10) : 0;
	if (newest <= 0 && refresh_fd(history, cells)) {
		newest = history->last_session;
	}
	history->session = (newest < 0 || newest == INT64_MAX ? 0 : newest) + 1;
	int length = snprintf(text, sizeof(text), "%lld\n", (long long)history->session);
	bool ok = pwrite(fd, text, (size_t)length, 0) == length;
	close(fd);
	return ok;
}

static bool write_pending(struct tn_history *history) {
	int fd = open_locked(history);
	if (fd >= 0 && history->session == 0 && shorten(history, fd)) {
		close(fd);
		fd = open_locked(history);
	}
	bool ok = fd >= 0 && (history->session != 0 || begin_session(history, fd));
	int why = errno;
	history->torn = fd >= 0 && ends_torn(fd);
	errno = why;
	for (size_t i = 0; ok && i < history->pending.count; i++) {
		ok = tn_json_set_take(history->pending.items[i], "session", json_integer(history->session)) &&
			write_line(history, fd, history->pending.items[i]);
	}
	why = errno;
	if (fd >= 0) {
		close(fd);
	}
	errno = why;
	return ok;
}

void tn_history_flush(struct tn_history *history) {
	if (history->pending.count == 0) {
		return;
	}
	bool ok = write_pending(history);
	if (!ok && errno == EWOULDBLOCK && history->pending.count < PENDING_MAX) {
		history->due_ns = tn_clock_ns() + PENDING_NS; /* another kernel has the file: later */
		return;
	}
	if (!ok) {
		complain(history);
	}
	drop_pending(history);
	history->due_ns = INT64_MAX;
}

int64_t tn_history_due(const struct tn_history *history) {
	return history != NULL ? history->due_ns : INT64_MAX;
}

/* Keeps {line, key: text} for the next flush; in memory where there is no file. */
static void store(struct tn_history *history, int64_t line, const char *key, const char *text) {
	bool ok;
	if (history->path != NULL) {
		json_t *value = json_pack("{s:I, s:s}", "line", (json_int_t)line, key, text);
		ok = value != NULL && TN_VEC_PUSH(&history->pending, value);
		if (!ok) {
			json_decref(value);
		} else if (history->due_ns == INT64_MAX) {
			history->due_ns = tn_clock_ns() + PENDING_NS;
		}
	} else {
		history->session = 1;
		ok = strcmp(key, "source") == 0 ? keep_source(history, 1, line, text) : keep_output(history, 1, line, text);
	}
	if (!ok) {
		tn_log(TN_LOG_WARN, "a cell is not kept in the history: out of memory");
	}
}

void tn_history_add(struct tn_history *history, int64_t line, const char *source) {
	if (strlen(source) <= SOURCE_MAX) {
		store(history, line, "source", source);
	}
}

void tn_history_set_output(struct tn_history *history, int64_t line, const char *output) {
	if (strlen(output) <= OUTPUT_MAX) {
		store(history, line, "output", output);
	}
}

/* ---- asking ---- */

static bool matches(const struct row *row, const struct tn_history_query *query, int64_t session) {
	switch (query->access) {
	case TN_HISTORY_TAIL:
		return true;
	case TN_HISTORY_RANGE:
		return row->session == session && row->line >= query->start && (query->stop <= 0 || row->line < query->stop);
	case TN_HISTORY_SEARCH:
		return fnmatch(query->pattern, row->source, 0) == 0;
	}
	return false;
}

/* Of equal sources the newest is the one; `seen` holds those that were found. False: out of memory. */
static bool is_new(struct tn_map *seen, const struct row *row, bool *new) {
	uint32_t before = seen->count;
	bool ok = tn_map_set(seen, row->source, NULL);
	*new = seen->count > before;
	return ok;
}

/* 0 is this session, -1 the one before it; without a cell of its own this one is the next. */
static int64_t absolute_session(const struct tn_history *history, int64_t session) {
	if (session > 0) {
		return session;
	}
	int64_t found = history->session != 0 ? history->session : history->last_session + 1;
	for (size_t i = history->rows.count; i > 0 && session < 0; i--) { /* numbers have gaps: sessions without a cell */
		int64_t other = history->rows.items[i - 1].session;
		if (other < found) {
			found = other;
			session++;
		}
	}
	return session == 0 ? found : 0;
}

bool tn_history_find(struct tn_history *history, const struct tn_history_query *query, tn_history_visitor visit, void *data) {
	tn_history_flush(history);
	if (!refresh(history)) {
		return false;
	}
	bool bounded = query->access != TN_HISTORY_RANGE && query->n > 0;
	int64_t session = absolute_session(history, query->session), left = bounded ? query->n : INT64_MAX;
	size_t first = history->rows.count;
	TN_VEC(size_t) found = {0};
	struct tn_map seen = {0};
	bool ok = true;
	while (ok && first > 0 && left > 0) {
		const struct row *row = &history->rows.items[--first];
		bool take = matches(row, query, session);
		if (take && query->access == TN_HISTORY_SEARCH && query->unique) {
			ok = is_new(&seen, row, &take);
		}
		if (ok && take) {
			ok = TN_VEC_PUSH(&found, first);
			left--;
		}
	}
	tn_map_finish(&seen);
	for (size_t i = found.count; ok && i > 0; i--) {
		const struct row *row = &history->rows.items[found.items[i - 1]];
		ok = visit(data, &(struct tn_history_entry){row->session, row->line, row->source, row->output});
	}
	TN_VEC_FINISH(&found);
	return ok;
}
