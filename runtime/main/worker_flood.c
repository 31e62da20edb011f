/* SPDX-License-Identifier: Apache-2.0 */
/* A cell that prints without end must fill neither the front's memory nor the notebook: beyond a bound its text is held back, its last
 * part is shown when the cell ends, and all of it stands in a file of the session's directory, as far as that is reasonable. */
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
	if (w->directory.length == 0 ||
		snprintf(f->path, sizeof(f->path), "%s/output-%" PRId64 "%s.txt", w->directory.data, cell, suffix) >= (int)sizeof(f->path)) {
		f->path[0] = '\0';
	}
}

void worker_flood_begin(struct worker *w, int64_t cell) {
	struct worker_flood *f = &w->stream.flood;
	tn_str_finish(&f->tail); /* of what came since the last cell ended */
	tn_str_finish(&f->early);
	*f = (struct worker_flood){.fd = -1};
	name_file(w, f, cell, 0);
}

static int open_file(const char *path) {
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
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

/* The file begins when the cell has written enough to make a flood likely, with what was kept until then. */
static void keep(struct worker_flood *f, const char *bytes, size_t length) {
	if (f->file_failed || f->path[0] == '\0') {
		return;
	}
	if (f->fd >= 0) {
		write_file(f, bytes, length);
		return;
	}
	if (!tn_str_append_n(&f->early, bytes, length)) {
		give_file_up(f);
		return;
	}
	if (f->early.length < WORKER_SPILL_FROM) {
		return;
	}
	f->fd = open_file(f->path);
	if (f->fd < 0) {
		give_file_up(f);
		return;
	}
	write_file(f, tn_str_c(&f->early), f->early.length);
	tn_str_finish(&f->early);
}

static void keep_tail(struct worker_flood *f, const char *bytes, size_t length) {
	if (length > WORKER_FLOOD_TAIL) {
		bytes += length - WORKER_FLOOD_TAIL;
		length = WORKER_FLOOD_TAIL;
	}
	if (!tn_str_append_n(&f->tail, bytes, length)) {
		return; /* the file has it */
	}
	if (f->tail.length > 2 * (size_t)WORKER_FLOOD_TAIL) {
		size_t cut = f->tail.length - WORKER_FLOOD_TAIL;
		memmove(f->tail.data, f->tail.data + cut, WORKER_FLOOD_TAIL);
		f->tail.length = WORKER_FLOOD_TAIL;
	}
}

size_t worker_flood_take(struct worker_flood *f, const char *bytes, size_t length) {
	size_t room = f->total < WORKER_FLOOD_FROM ? WORKER_FLOOD_FROM - (size_t)f->total : 0;
	f->total += length;
	keep(f, bytes, length);
	if (length <= room) {
		return length;
	}
	while (room > 0 && ((unsigned char)bytes[room] & 0xc0) == 0x80) { /* a character is not cut */
		room--;
	}
	keep_tail(f, bytes + room, length - room);
	return room;
}

static void say_where(const struct worker_flood *f, struct tn_str *words) {
	bool ok;
	if (f->fd < 0) {
		ok = tn_str_append(words, "it cannot be kept in a file");
	} else if (f->filed >= WORKER_SPILL_MAX) {
		ok = tn_str_printf(words, "the first GiB is in %s", f->path);
	} else {
		ok = tn_str_printf(words, "all of it is in %s", f->path);
	}
	(void)ok; /* out of memory: fewer words */
}

void worker_flood_notice(const struct worker_flood *f, struct tn_str *words) {
	bool ok = tn_str_printf(words, "\n[the output of this cell exceeds %d KiB: its end is shown when the cell ends; ", WORKER_FLOOD_FROM >> 10);
	say_where(f, words);
	ok = ok && tn_str_append(words, "]\n");
	(void)ok;
}

/* The tail from its first whole line on, or its first whole character. */
static size_t clean_start(const struct tn_str *tail) {
	if (tail->length < WORKER_FLOOD_TAIL) {
		return 0;
	}
	size_t at = tail->length - WORKER_FLOOD_TAIL;
	const char *line = memchr(tail->data + at, '\n', tail->length - at - 1);
	if (line != NULL) {
		return (size_t)(line + 1 - tail->data);
	}
	while (at < tail->length && ((unsigned char)tail->data[at] & 0xc0) == 0x80) {
		at++;
	}
	return at;
}

void worker_flood_end(struct worker_flood *f, struct tn_str *last_words) {
	if (f->total > WORKER_FLOOD_FROM) {
		size_t at = clean_start(&f->tail);
		uint64_t held = f->total - WORKER_FLOOD_FROM - (f->tail.length - at);
		bool ok = tn_str_printf(last_words, "[about %" PRIu64 " KiB are left out here; ", held >> 10);
		say_where(f, last_words);
		ok = ok && tn_str_append(last_words, "]\n") && tn_str_append_n(last_words, tn_str_c(&f->tail) + at, f->tail.length - at);
		(void)ok; /* out of memory: fewer words */
	} else if (f->fd >= 0) {
		unlink(f->path);
	}
	if (f->fd >= 0) {
		close(f->fd);
	}
	tn_str_finish(&f->early);
	tn_str_finish(&f->tail);
	f->fd = -1;
	f->total = 0;
	f->file_failed = false;
	f->path[0] = '\0';
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
