/* SPDX-License-Identifier: Apache-2.0 */
/* The history file: sessions beside each other, queries, files that somebody else has spoilt. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/history.h"
#include "runner/test.h"

static char folder[64], path[128];

static void make_place(void) {
	snprintf(folder, sizeof(folder), "/tmp/tenon-history-XXXXXX");
	TN_CHECK_NOT_NULL(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/below/cells.jsonl", folder);
}

static void remove_place(void) {
	char below[256];
	snprintf(below, sizeof(below), "%s.session", path);
	unlink(below);
	snprintf(below, sizeof(below), "%s/below", folder);
	unlink(path);
	rmdir(below);
	rmdir(folder);
}

/* What a query finds: "1/2 source=output" and so on, separated by blanks. */
struct found {
	char text[4096];
	size_t used;
};

static bool note(void *data, const struct tn_history_entry *entry) {
	struct found *found = data;
	found->used += (size_t)snprintf(found->text + found->used, sizeof(found->text) - found->used, "%s%lld/%lld:%s%s%s",
		found->used > 0 ? " " : "", (long long)entry->session, (long long)entry->line, entry->source,
		entry->output != NULL ? "=" : "", entry->output != NULL ? entry->output : "");
	return found->used < sizeof(found->text);
}

static const char *find(struct tn_history *history, struct tn_history_query query) {
	static struct found found;
	found = (struct found){0};
	TN_CHECK(tn_history_find(history, &query, note, &found));
	return found.text;
}

static void add_three(struct tn_history *history) {
	tn_history_add(history, 1, "a");
	tn_history_add(history, 2, "b\nc");
	tn_history_set_output(history, 2, "7");
	tn_history_add(history, 3, "a");
}

TN_TEST(tail_range_and_search_find_what_they_should) {
	make_place();
	struct tn_history *history = tn_history_create(path);
	add_three(history);
	TN_CHECK_STR_EQ(find(history, (struct tn_history_query){.access = TN_HISTORY_TAIL, .n = 2}), "1/2:b\nc=7 1/3:a");
	TN_CHECK_STR_EQ(find(history, (struct tn_history_query){.access = TN_HISTORY_TAIL}), "1/1:a 1/2:b\nc=7 1/3:a");
	TN_CHECK_STR_EQ(find(history, (struct tn_history_query){.access = TN_HISTORY_RANGE, .start = 2}), "1/2:b\nc=7 1/3:a");
	TN_CHECK_STR_EQ(find(history, (struct tn_history_query){.access = TN_HISTORY_RANGE, .start = 1, .stop = 2}), "1/1:a");
	TN_CHECK_STR_EQ(
		find(history, (struct tn_history_query){.access = TN_HISTORY_SEARCH, .pattern = "a", .unique = true}), "1/3:a");
	TN_CHECK_STR_EQ(find(history, (struct tn_history_query){.access = TN_HISTORY_SEARCH, .pattern = "b*"}), "1/2:b\nc=7");
	TN_CHECK_STR_EQ(find(history, (struct tn_history_query){.access = TN_HISTORY_SEARCH, .pattern = "?", .n = 1}), "1/3:a");
	TN_CHECK_STR_EQ(find(history, (struct tn_history_query){.access = TN_HISTORY_SEARCH, .pattern = "[z"}), "");
	tn_history_destroy(history);
	remove_place();
}

TN_TEST(sessions_are_numbered_and_see_each_other) {
	make_place();
	struct tn_history *first = tn_history_create(path), *second = tn_history_create(path);
	tn_history_add(first, 1, "one");
	tn_history_flush(first);
	tn_history_add(second, 1, "two");
	tn_history_flush(second);
	tn_history_add(first, 2, "three");
	tn_history_flush(first);
	TN_CHECK_STR_EQ(find(second, (struct tn_history_query){.access = TN_HISTORY_TAIL}), "1/1:one 2/1:two 1/2:three");
	TN_CHECK_STR_EQ(find(second, (struct tn_history_query){.access = TN_HISTORY_RANGE}), "2/1:two");
	TN_CHECK_STR_EQ(find(second, (struct tn_history_query){.access = TN_HISTORY_RANGE, .session = -1}), "1/1:one 1/2:three");
	TN_CHECK_STR_EQ(find(first, (struct tn_history_query){.access = TN_HISTORY_RANGE, .session = 2}), "2/1:two");
	tn_history_destroy(first);
	tn_history_destroy(second);
	struct stat status;
	TN_CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600);
	remove_place();
}

TN_TEST(a_file_that_somebody_spoilt_loses_only_what_was_spoilt) {
	make_place();
	struct tn_history *history = tn_history_create(path);
	tn_history_add(history, 1, "good");
	tn_history_flush(history);
	FILE *file = fopen(path, "a");
	fputs("not json\n{\"session\": \"x\"}\n[1]\n\n{\"session\": 1, \"line\": 2, \"source\": 5}\n{\"session\": 9, \"line\": 1, "
		  "\"output\": \"o\"}\n",
		file);
	fclose(file);
	tn_history_add(history, 2, "also good");
	TN_CHECK_STR_EQ(find(history, (struct tn_history_query){.access = TN_HISTORY_TAIL}), "1/1:good 1/2:also good");
	TN_CHECK(truncate(path, 0) == 0);
	TN_CHECK_STR_EQ(find(history, (struct tn_history_query){.access = TN_HISTORY_TAIL}), "");
	tn_history_destroy(history);
	remove_place();
}

/* Half a line, of a kernel that died or of a disk that was full, does not swallow the next one. */
TN_TEST(half_a_line_at_the_end_of_the_file_is_passed_over) {
	make_place();
	struct tn_history *history = tn_history_create(path);
	tn_history_add(history, 1, "good");
	tn_history_flush(history);
	for (int i = 2; i < 5; i++) {
		struct stat status;
		TN_CHECK(stat(path, &status) == 0 && truncate(path, status.st_size - 1 - i) == 0);
		FILE *file = fopen(path, "a");
		fputs("{\"session\": 1, \"line\": 9, \"sou", file);
		fclose(file);
		tn_history_add(history, i, "whole");
		tn_history_add(history, i + 10, "too");
		tn_history_flush(history);
	}
	TN_CHECK_STR_EQ(find(history, (struct tn_history_query){.access = TN_HISTORY_TAIL}), "1/2:whole 1/3:whole 1/4:whole 1/14:too");
	tn_history_destroy(history);
	remove_place();
}

TN_TEST(a_disk_that_takes_nothing_costs_the_history_and_nothing_else) {
	struct tn_history *history = tn_history_create("/dev/full");
	add_three(history);
	tn_history_flush(history);
	TN_CHECK_STR_EQ(find(history, (struct tn_history_query){.access = TN_HISTORY_TAIL}), "");
	tn_history_destroy(history);
	history = tn_history_create("/proc/nowhere/cells.jsonl");
	add_three(history);
	TN_CHECK_STR_EQ(find(history, (struct tn_history_query){.access = TN_HISTORY_TAIL}), "");
	tn_history_destroy(history);
}

TN_TEST(without_a_file_this_session_is_known) {
	struct tn_history *history = tn_history_create(NULL);
	add_three(history);
	TN_CHECK_STR_EQ(find(history, (struct tn_history_query){.access = TN_HISTORY_RANGE}), "1/1:a 1/2:b\nc=7 1/3:a");
	tn_history_destroy(history);
}

/* A file that is long enough to be shortened by the next kernel that begins. */
static void make_long(void) {
	struct tn_history *history = tn_history_create(path);
	char source[1024];
	memset(source, 'x', sizeof(source) - 1);
	source[sizeof(source) - 1] = '\0';
	for (int i = 0; i < 2500; i++) { /* 2.5 MB */
		tn_history_add(history, i + 1, source);
		if (i % 500 == 0) {
			tn_history_flush(history);
		}
	}
	tn_history_destroy(history);
}

enum { KERNELS = 6, CELLS = 60 };

static void write_as_kernel(int number, int start) {
	char source[32], go;
	struct tn_history *history = tn_history_create(path);
	bool ok = history != NULL && read(start, &go, 1) == 0; /* all begin at once, when the other end is closed */
	for (int i = 0; ok && i < CELLS; i++) {
		snprintf(source, sizeof(source), "kernel %d cell %d", number, i);
		tn_history_add(history, i + 1, source);
		tn_history_flush(history);
	}
	tn_history_destroy(history);
	_exit(ok ? 0 : 1);
}

struct counted {
	int cells;
	int64_t sessions[KERNELS];
	bool mixed;
};

static bool count_cell(void *data, const struct tn_history_entry *entry) {
	struct counted *counted = data;
	int number, cell;
	if (sscanf(entry->source, "kernel %d cell %d", &number, &cell) == 2 && number >= 0 && number < KERNELS) {
		counted->cells++;
		counted->mixed = counted->mixed || (counted->sessions[number] != 0 && counted->sessions[number] != entry->session);
		counted->sessions[number] = entry->session;
	}
	return true;
}

TN_TEST(kernels_that_begin_while_one_shortens_the_file_lose_no_cell) {
	make_place();
	make_long();
	int start[2], status;
	pid_t pids[KERNELS];
	TN_CHECK_INT_EQ(pipe(start), 0);
	for (int i = 0; i < KERNELS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			close(start[1]);
			write_as_kernel(i, start[0]);
		}
	}
	close(start[0]);
	close(start[1]);
	for (int i = 0; i < KERNELS; i++) {
		TN_CHECK_INT_EQ(waitpid(pids[i], &status, 0), pids[i]);
		TN_CHECK_INT_EQ(status, 0);
	}
	struct counted counted = {0};
	struct tn_history *history = tn_history_create(path);
	TN_CHECK(tn_history_find(history, &(struct tn_history_query){.access = TN_HISTORY_TAIL}, count_cell, &counted));
	TN_CHECK_INT_EQ(counted.cells, KERNELS * CELLS);
	TN_CHECK(!counted.mixed);
	for (int i = 0; i < KERNELS; i++) {
		for (int j = 0; j < i; j++) {
			TN_CHECK(counted.sessions[i] != counted.sessions[j]);
		}
	}
	tn_history_destroy(history);
	remove_place();
}

TN_TEST(cells_wait_while_another_kernel_has_the_file) {
	make_place();
	struct tn_history *history = tn_history_create(path);
	tn_history_add(history, 1, "a");
	tn_history_flush(history);
	int other = open(path, O_RDWR | O_CLOEXEC);
	TN_CHECK_INT_EQ(flock(other, LOCK_EX), 0);
	tn_history_add(history, 2, "b");
	tn_history_flush(history);
	TN_CHECK(tn_history_due(history) != INT64_MAX); /* it is tried again */
	TN_CHECK_STR_EQ(find(history, (struct tn_history_query){.access = TN_HISTORY_TAIL}), "1/1:a");
	close(other);
	tn_history_flush(history);
	TN_CHECK(tn_history_due(history) == INT64_MAX);
	TN_CHECK_STR_EQ(find(history, (struct tn_history_query){.access = TN_HISTORY_TAIL}), "1/1:a 1/2:b");
	tn_history_destroy(history);
	remove_place();
}

/* A kernel stores a cell while `kind` is in the place of the file. */
static void store_beside(const char *kind, const char *victim) {
	char below[160];
	make_place();
	snprintf(below, sizeof(below), "%s/below", folder);
	TN_CHECK(mkdir(below, 0700) == 0);
	if (strcmp(kind, "link") == 0) {
		TN_CHECK(symlink(victim, path) == 0);
	} else if (strcmp(kind, "folder") == 0) {
		TN_CHECK(mkdir(path, 0700) == 0);
	} else if (strcmp(kind, "pipe") == 0) {
		TN_CHECK(mkfifo(path, 0600) == 0);
	} else { /* another user's: only root can make that */
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
		TN_CHECK(fd >= 0 && fchown(fd, 12345, 12345) == 0);
		close(fd);
	}
	struct tn_history *history = tn_history_create(path);
	tn_history_add(history, 1, "secret");
	tn_history_flush(history);
	TN_CHECK_STR_EQ(find(history, (struct tn_history_query){.access = TN_HISTORY_TAIL}), "");
	tn_history_destroy(history);
	struct stat info;
	TN_CHECK(lstat(path, &info) == 0);
	TN_CHECK(!S_ISREG(info.st_mode) || info.st_size == 0);
	if (strcmp(kind, "folder") == 0) {
		rmdir(path);
	}
	remove_place();
}

TN_TEST(what_is_no_file_of_ours_is_neither_written_nor_read) {
	char victim[] = "/tmp/tenon-victim-XXXXXX", text[64];
	int fd = mkstemp(victim);
	static const char line[] = "{\"session\": 1, \"line\": 1, \"source\": \"theirs\"}\n";
	TN_CHECK(fd >= 0 && write(fd, line, sizeof(line) - 1) == sizeof(line) - 1);
	store_beside("link", victim);
	store_beside("folder", victim);
	store_beside("pipe", victim);
	if (geteuid() == 0) {
		store_beside("another user's", victim);
	}
	TN_CHECK_INT_EQ(pread(fd, text, sizeof(text), 0), sizeof(line) - 1);
	close(fd);
	unlink(victim);
}

TN_TEST(a_history_that_others_may_read_is_closed_to_them) {
	struct stat info;
	make_place();
	struct tn_history *history = tn_history_create(path);
	tn_history_add(history, 1, "x");
	tn_history_flush(history);
	TN_CHECK(chmod(path, 0644) == 0);
	tn_history_add(history, 2, "y");
	tn_history_flush(history);
	TN_CHECK(stat(path, &info) == 0);
	TN_CHECK_INT_EQ(info.st_mode & 0777, 0600);
	tn_history_destroy(history);
	remove_place();
}
