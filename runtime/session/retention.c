/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions leave a folder each, with a journal and, after floods of output, files of up to 1 GiB. The oldest are removed when there are too
 * many. A session is a folder of ours with a lock; who has the lock uses it. It is moved aside under that lock before its files go, so that a
 * session of the same name that begins just then gets a folder of its own (journal.c looks whether its lock is still in place). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session/journal.h"

enum { COUNT_DEFAULT = 20, DEPTH_MAX = 4 };
static const double size_default = 20.0 * (1 << 30);
static const char removed[] = ".removed-";

struct session {
	char *name;
	time_t used; /* its newest file */
	double bytes;
};

struct sessions {
	int folder;
	TN_VEC(struct session) items;
	double bytes;
	const atomic_bool *stop;
};

/* ---- settings ---- */

bool tn_sessions_are_kept(void) {
	return tn_setting_number(TN_SETTING_SESSIONS, COUNT_DEFAULT) != TN_SETTING_OFF;
}

/* ---- looking ---- */

static int open_folder(int at, const char *name) {
	struct stat info;
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && (fstat(fd, &info) != 0 || info.st_uid != geteuid())) {
		close(fd);
		return -1;
	}
	return fd;
}

typedef bool (*visitor)(int folder, const char *name, const struct stat *info, void *data);

/* Each entry but . and .. ; takes the descriptor. False: visit gave it, or it cannot be read. */
static bool each_entry(int folder, visitor visit, void *data) {
	DIR *dir = fdopendir(folder);
	struct stat info;
	bool ok = dir != NULL;
	if (!ok) {
		close(folder);
	}
	for (struct dirent *entry; ok && (entry = readdir(dir)) != NULL;) {
		bool dots = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
		if (!dots && fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
			ok = visit(dirfd(dir), entry->d_name, &info, data);
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return ok;
}

static bool measure_file(int folder, const char *name, const struct stat *info, void *data) {
	struct session *session = data;
	(void)folder;
	(void)name;
	session->bytes += (double)info->st_blocks * 512;
	session->used = info->st_mtime > session->used ? info->st_mtime : session->used;
	return true;
}

static bool note_session(int folder, const char *name, const struct stat *info, void *data) {
	struct sessions *all = data;
	struct stat lock;
	bool is_session = S_ISDIR(info->st_mode) && info->st_uid == geteuid() && name[0] != '.';
	int fd = is_session ? open_folder(folder, name) : -1;
	if (fd < 0 || fstatat(fd, "lock", &lock, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(lock.st_mode)) {
		if (fd >= 0) {
			close(fd);
		}
		return !atomic_load(all->stop);
	}
	struct session session = {.name = tn_strdup(name), .used = lock.st_mtime};
	(void)each_entry(fd, measure_file, &session);
	if (session.name == NULL || !TN_VEC_PUSH(&all->items, session)) {
		tn_free(session.name);
		return false;
	}
	all->bytes += session.bytes;
	return !atomic_load(all->stop);
}

static int compare_age(const void *a, const void *b) {
	const struct session *x = a, *y = b;
	return (x->used > y->used) - (x->used < y->used);
}

/* ---- removing ---- */

struct removal {
	int depth;
	const atomic_bool *stop;
};

static bool remove_entry(int folder, const char *name, const struct stat *info, void *data) {
	struct removal inner = *(struct removal *)data;
	if (!S_ISDIR(info->st_mode)) {
		return unlinkat(folder, name, 0) == 0 && !atomic_load(inner.stop);
	}
	int fd = inner.depth++ < DEPTH_MAX ? open_folder(folder, name) : -1;
	return fd >= 0 && each_entry(fd, remove_entry, &inner) && unlinkat(folder, name, AT_REMOVEDIR) == 0;
}

/* What a process that tidied up before did not get done. */
static bool finish_removal(int folder, const char *name, const struct stat *info, void *data) {
	struct sessions *all = data;
	if (S_ISDIR(info->st_mode) && strncmp(name, removed, sizeof(removed) - 1) == 0) {
		(void)remove_entry(folder, name, info, &(struct removal){0, all->stop});
	}
	return !atomic_load(all->stop);
}

/* False: it is in use, or cannot be removed. */
static bool remove_session(struct sessions *all, const char *name) {
	char aside[64];
	struct stat info;
	int folder = open_folder(all->folder, name);
	int lock = folder >= 0 ? openat(folder, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK) : -1;
	bool ok = lock >= 0 && fcntl(lock, F_SETLK, &(struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET}) == 0;
	snprintf(aside, sizeof(aside), "%s%d-%.9f", removed, (int)getpid(), tn_wall_time());
	ok = ok && renameat(all->folder, name, all->folder, aside) == 0;
	if (ok && fstatat(all->folder, aside, &info, AT_SYMLINK_NOFOLLOW) == 0) {
		(void)remove_entry(all->folder, aside, &info, &(struct removal){0, all->stop});
	}
	if (lock >= 0) {
		close(lock);
	}
	if (folder >= 0) {
		close(folder);
	}
	return ok;
}

static void remove_oldest(struct sessions *all, const char *own) {
	const uint64_t wanted = tn_setting_number(TN_SETTING_SESSIONS_SIZE, (uint64_t)size_default);
	const double most = (double)tn_setting_number(TN_SETTING_SESSIONS, COUNT_DEFAULT), bytes_most = wanted == TN_SETTING_OFF ? INFINITY : (double)wanted;
	double count = (double)all->items.count;
	for (size_t i = 0; i < all->items.count && (count > most || all->bytes > bytes_most) && !atomic_load(all->stop); i++) {
		const struct session *session = &all->items.items[i];
		if (strcmp(session->name, own) != 0 && remove_session(all, session->name)) {
			tn_log(TN_LOG_INFO, "the session '%s' was removed: there are more than are kept", session->name);
			all->bytes -= session->bytes;
			count--;
		}
	}
}

void tn_sessions_tidy(const char *own, const atomic_bool *stop) {
	struct tn_str path = {0};
	struct sessions all = {.folder = -1, .stop = stop};
	const char *slash = strrchr(own, '/');
	if (tn_sessions_folder(&path, NULL)) {
		all.folder = open_folder(AT_FDCWD, tn_str_c(&path));
	}
	if (all.folder >= 0 && each_entry(dup(all.folder), finish_removal, &all) && lseek(all.folder, 0, SEEK_SET) == 0 &&
		each_entry(dup(all.folder), note_session, &all)) {
		if (all.items.count > 0) { /* qsort takes no NULL */
			qsort(all.items.items, all.items.count, sizeof(all.items.items[0]), compare_age);
		}
		remove_oldest(&all, slash != NULL ? slash + 1 : own);
	}
	for (size_t i = 0; i < all.items.count; i++) {
		tn_free(all.items.items[i].name);
	}
	TN_VEC_FINISH(&all.items);
	if (all.folder >= 0) {
		close(all.folder);
	}
	tn_str_finish(&path);
}
