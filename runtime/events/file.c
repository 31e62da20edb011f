/* SPDX-License-Identifier: Apache-2.0 */
/* The event file. Nothing is preallocated and nothing is sought: readers take a hole of zeros for a broken file and give it up
 * for good. Opened with O_EXCL, since a second writer on one file would be worse than none. */
#include "events/file.h"

#include "events/record.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* What one write takes, and what waits at most while the disk is full. */
#ifdef TN_TINY_LIMITS
enum { BATCH = 256 + 4096, KEPT_MAX = 1024 + 4096 };
#else
enum { BATCH = 1 << 18, KEPT_MAX = 1 << 24 };
#endif

/* Pages are 4 KiB or multiples of that. */
enum { PAGE = 4096, SOON_FULL = 256, RECORD_LEAST = TN_RECORD_HEAD + TN_RECORD_TAIL };

struct tn_event_file {
	int fd;
	int error;
	bool gone;  /* nobody will find what would be written */
	off_t size; /* of whole records in the file */
	struct tn_str batch;
	size_t last;      /* where the batch's last record begins, if it has one */
	bool has_last;
	uint64_t records; /* in the batch */
	uint64_t lost;
};

/* The host's name as a part of a file name. */
static void host_name(char *out, size_t size) {
	if (gethostname(out, size) != 0) {
		out[0] = '\0';
	}
	out[size - 1] = '\0';
	for (char *p = out; *p != '\0'; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '.' || *p == '-';
		*p = plain ? *p : '-';
	}
	if (out[0] == '\0') {
		snprintf(out, size, "localhost");
	}
}

unsigned tn_event_file_mode(int folder) {
	struct stat info;
	return fstat(folder, &info) == 0 ? (info.st_mode & 0666) | 0600 : 0600;
}

struct tn_event_file *tn_event_file_create(int folder, struct tn_error *err) {
	static atomic_uint counter;
	char host[65], name[160];
	struct tn_event_file *file = tn_calloc(1, sizeof(*file));
	if (file == NULL || !tn_str_reserve(&file->batch, BATCH)) {
		tn_free(file);
		tn_error_memory(err);
		return NULL;
	}
	host_name(host, sizeof(host));
	snprintf(name, sizeof(name), "events.out.tfevents.%010lld.%s.%d.%u", (long long)time(NULL), host, (int)getpid(),
		atomic_fetch_add(&counter, 1));
	file->fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, tn_event_file_mode(folder));
	if (file->fd < 0) {
		tn_error_errno(err, "cannot create the event file '%s'", name);
		tn_str_finish(&file->batch);
		tn_free(file);
		return NULL;
	}
	return file;
}

void tn_event_file_destroy(struct tn_event_file *file) {
	if (file == NULL) {
		return;
	}
	if (file->error == 0) {
		(void)tn_event_file_flush(file);
	}
	close(file->fd);
	tn_str_finish(&file->batch);
	tn_free(file);
}

struct tn_event_file_state tn_event_file_state(const struct tn_event_file *file) {
	return (struct tn_event_file_state){file->error, file->batch.length, file->lost};
}

/* An unknown field (number 15, bytes) of `size` bytes, at least 2: what every reader of an Event passes over. */
static void put_padding(uint8_t *out, size_t size) {
	const bool is_long = size > 2 + 127;
	const size_t rest = size - 2 - is_long;
	assert(size >= 2 && rest < 1 << 14);
	memset(out, 0, size);
	out[0] = 15 << 3 | 2;
	out[1] = (uint8_t)((rest & 127) | (is_long ? 128 : 0));
	if (is_long) {
		out[2] = (uint8_t)(rest >> 7);
	}
}

/* What is left of the page that the next record begins in; PAGE at its beginning. */
static size_t room_in_page(const struct tn_event_file *file) {
	return PAGE - ((size_t)file->size + file->batch.length) % PAGE;
}

/* Makes the last record longer, as long as it can still be had. */
static bool pad_last(struct tn_event_file *file, size_t size) {
	if (!file->has_last || size < 2 || !tn_str_reserve(&file->batch, file->batch.length + size)) {
		return false;
	}
	uint8_t *record = (uint8_t *)file->batch.data + file->last;
	const size_t length = file->batch.length - file->last - RECORD_LEAST;
	put_padding(record + TN_RECORD_HEAD + length, size);
	tn_record_close(record, length + size);
	file->batch.length += size;
	return true;
}

/* A record that has nothing but padding, where the one before is in the file already. */
static void add_filler(struct tn_event_file *file, size_t length) {
	uint8_t record[PAGE];
	const size_t size = length - RECORD_LEAST;
	if (length == RECORD_LEAST || length >= RECORD_LEAST + 2) {
		if (size > 0) {
			put_padding(record + TN_RECORD_HEAD, size);
		}
		tn_record_close(record, size);
		(void)!tn_str_append_n(&file->batch, (const char *)record, length); /* without memory the next record may be torn */
	}
}

/* Fills the page where a record of that length would cross its end, or leave a byte that cannot be filled. */
static void make_way(struct tn_event_file *file, size_t length) {
	const size_t room = room_in_page(file);
	const bool crosses = room < PAGE && length <= PAGE && (length > room || room - length == 1);
	if (crosses && !pad_last(file, room) && room >= RECORD_LEAST) {
		add_filler(file, room);
	}
}

/* All of `bytes`, in one call where the system lets it. */
static bool write_all(int fd, const char *bytes, size_t length) {
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			errno = n == 0 ? ENOSPC : errno;
			return false;
		}
		bytes += n;
		length -= (size_t)n;
	}
	return true;
}

/* The file is of no use any more: what comes is counted and dropped. */
static bool give_up(struct tn_event_file *file, int error) {
	file->gone = true;
	file->error = error;
	file->lost += file->records;
	file->records = 0;
	file->has_last = false;
	tn_str_clear(&file->batch);
	return false;
}

bool tn_event_file_flush(struct tn_event_file *file) {
	struct stat info;
	if (file->gone) {
		return false;
	}
	if (fstat(file->fd, &info) == 0 && info.st_nlink == 0) {
		return give_up(file, ENOENT);
	}
	if (room_in_page(file) < SOON_FULL) { /* what comes next would hardly fit, and then this one cannot be made longer */
		(void)pad_last(file, room_in_page(file));
	}
	if (write_all(file->fd, file->batch.data, file->batch.length)) {
		file->size += (off_t)file->batch.length;
		file->error = 0;
		file->records = 0;
		file->has_last = false;
		tn_str_clear(&file->batch);
		return true;
	}
	file->error = errno;
	/* A part of a record at the end would make all later ones unreadable. */
	if (ftruncate(file->fd, file->size) != 0 && fstat(file->fd, &info) == 0 && info.st_size != file->size) {
		return give_up(file, file->error);
	}
	return false;
}

void tn_event_file_append(struct tn_event_file *file, const uint8_t *record, size_t length) {
	if (file->error == 0 && file->batch.length > 0 && file->batch.length + PAGE + length > BATCH) {
		(void)tn_event_file_flush(file);
	}
	/* While the disk refuses, only a flush tries again: not each record. */
	const size_t limit = file->error == 0 ? BATCH : KEPT_MAX;
	const bool fits = !file->gone && (file->batch.length == 0 || file->batch.length + PAGE + length <= limit);
	if (fits) {
		make_way(file, length);
	}
	const size_t at = file->batch.length;
	if (!fits || !tn_str_append_n(&file->batch, (const char *)record, length)) {
		file->lost++;
		return;
	}
	file->records++;
	file->last = at;
	file->has_last = true;
}
