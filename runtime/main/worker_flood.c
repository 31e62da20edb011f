/* SPDX-License-Identifier: Apache-2.0 */
/* The file in the session's directory that has all text of a cell of which parts are left out (worker_held.c), as far as that is reasonable;
 * and the ends of a value that is too long to be shown whole. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "main/worker.h"

/* "output-3.txt" for the text of cell 3, "output-3-value-1.txt" for the first of its values that is too long. */
static void name_file(const struct worker *w, struct worker_flood *f, int64_t cell, unsigned value) {
	char suffix[32] = "";
	if (value > 0) {
		snprintf(suffix, sizeof(suffix), "-value-%u", value);
	}
	const char *directory = tn_journal_directory(w->journal);
	f->used_up = w->spilled >= WORKER_SPILL_ALL;
	if (f->used_up || directory[0] == '\0' ||
		snprintf(f->path, sizeof(f->path), "%s/output-%" PRId64 "%s.txt", directory, cell, suffix) >= (int)sizeof(f->path)) {
		f->path[0] = '\0';
	}
}

void worker_flood_begin(struct worker *w, int64_t cell) {
	struct worker_flood *f = &w->stream.flood;
	tn_str_finish(&f->early);
	*f = (struct worker_flood){.fd = -1};
	name_file(w, f, cell, 0);
}

static int open_file(const char *path) {
	return tn_file_open_private(path, O_WRONLY | O_CREAT | O_TRUNC, NULL);
}

static void give_file_up(struct worker_flood *f) {
	if (f->fd >= 0) {
		close(f->fd);
		f->fd = -1;
	}
	f->file_failed = true;
	tn_str_finish(&f->early);
}

static void write_file(struct worker_flood *f, const char *bytes, size_t length) {
	while (length > 0 && f->filed < WORKER_SPILL_MAX) {
		ssize_t n = write(f->fd, bytes, length);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			give_file_up(f);
			return;
		}
		bytes += n;
		length -= (size_t)n;
		f->filed += (uint64_t)n;
	}
}

/* The file begins with what was kept until then. */
static void begin_file(struct worker_flood *f) {
	f->fd = open_file(f->path);
	if (f->fd < 0) {
		give_file_up(f);
		return;
	}
	write_file(f, tn_str_c(&f->early), f->early.length);
	tn_str_finish(&f->early);
}

void worker_flood_keep(struct worker_flood *f, const char *bytes, size_t length) {
	if (f->file_failed || f->path[0] == '\0') {
		return;
	}
	if (f->fd >= 0) {
		write_file(f, bytes, length);
	} else if (!tn_str_append_n(&f->early, bytes, length)) {
		give_file_up(f);
	} else if (f->early.length >= WORKER_SPILL_FROM) { /* a flood is likely */
		begin_file(f);
	}
}

static void say_where(const struct worker_flood *f, struct tn_str *words) {
	bool ok;
	if (f->used_up) {
		ok = tn_str_append(words, "it is not kept: this session's files of output have 10 GiB");
	} else if (f->fd < 0) {
		ok = tn_str_append(words, "it cannot be kept in a file");
	} else if (f->filed >= WORKER_SPILL_MAX) {
		ok = tn_str_printf(words, "the first GiB is in %s", f->path);
	} else {
		ok = tn_str_printf(words, "all of it is in %s", f->path);
	}
	(void)ok; /* out of memory: fewer words */
}

void worker_flood_where(struct worker_flood *f, struct tn_str *words) {
	f->needed = true;
	if (f->fd < 0 && !f->file_failed && f->path[0] != '\0') {
		begin_file(f);
	}
	say_where(f, words);
}

void worker_flood_end(struct worker_flood *f) {
	if (f->fd >= 0) {
		close(f->fd);
	}
	if (f->fd >= 0 && !f->needed) {
		unlink(f->path);
	}
	tn_str_finish(&f->early);
	*f = (struct worker_flood){.fd = -1};
}

/* ---- one value that is too long ---- */

static bool is_inside_character(char c) {
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* `f` says what became of the file. */
static bool write_cut(const struct worker_flood *f, const char *text, size_t length, struct tn_str *out) {
	size_t head = WORKER_FLOOD_FROM, tail = length - WORKER_FLOOD_TAIL;
	while (head > 0 && is_inside_character(text[head])) {
		head--;
	}
	while (tail < length && is_inside_character(text[tail])) {
		tail++;
	}
	bool ok = tn_str_append_n(out, text, head) && tn_str_printf(out, "\n[%zu KiB are left out here; ", (tail - head) >> 10);
	say_where(f, out);
	return ok && tn_str_append(out, "]\n") && tn_str_append_n(out, text + tail, length - tail);
}

bool worker_flood_cut(struct worker *w, const char *text, size_t length, struct tn_str *out, bool *cut) {
	struct worker_flood f = {.fd = -1};
	*cut = length > WORKER_FLOOD_FROM + WORKER_FLOOD_TAIL;
	if (!*cut) {
		return true;
	}
	name_file(w, &f, w->cell, ++w->cut);
	f.fd = f.path[0] != '\0' ? open_file(f.path) : -1;
	if (f.fd >= 0) {
		write_file(&f, text, length);
	}
	bool ok = write_cut(&f, text, length, out);
	if (f.fd >= 0) {
		close(f.fd);
	}
	return ok;
}
