/* SPDX-License-Identifier: Apache-2.0 */
/* The event file. Nothing is preallocated and nothing is sought: readers take a hole of zeros for a broken file and give it up
 * for good. Opened with O_EXCL, since a second writer on one file would be worse than none. */
#include "events/file.h"

#include "events/record.h"

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
enum { BATCH = 256, KEPT_MAX = 1024 };
#else
enum { BATCH = 1 << 18, KEPT_MAX = 1 << 24 };
#endif

/* Pages are 4 KiB or multiples of that. */
enum { PAGE = 4096, RECORD_LEAST = TN_RECORD_HEAD + TN_RECORD_TAIL };

struct tn_event_file {
	int fd;
	int error;
	bool gone;  /* nobody will find what would be written */
	off_t size; /* of whole records in the file */
	struct tn_str batch;
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
	if (write_all(file->fd, file->batch.data, file->batch.length)) {
		file->size += (off_t)file->batch.length;
		file->error = 0;
		file->records = 0;
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

/* Whether a page of which so much is left can be filled by a record. An unknown field takes two bytes at least. */
static bool can_fill(size_t room) {
	return room == 0 || room == RECORD_LEAST || room >= RECORD_LEAST + 2;
}

/* An Event with an unknown field of bytes (number 15), as a record of `length` bytes. */
static void make_filler(uint8_t *record, size_t length) {
	size_t size = length - RECORD_LEAST;
	uint8_t *data = record + TN_RECORD_HEAD;
	memset(data, 0, size);
	if (size >= 2) {
		const bool is_long = size > 2 + 127;
		const size_t rest = size - 2 - is_long;
		data[0] = 15 << 3 | 2;
		data[1] = (uint8_t)((rest & 127) | (is_long ? 128 : 0));
		if (is_long) {
			data[2] = (uint8_t)(rest >> 7);
		}
	}
	tn_record_close(record, size);
}

/* Bytes to fill before a record of that length, so that neither it nor what follows it must lie across the border of a page. */
static size_t filler_before(const struct tn_event_file *file, size_t length) {
	const size_t room = PAGE - ((size_t)file->size + file->batch.length) % PAGE;
	if (room == PAGE || length > PAGE || !can_fill(room) || (length <= room && can_fill(room - length))) {
		return 0;
	}
	return room;
}

static bool add_filler(struct tn_event_file *file, size_t length) {
	uint8_t filler[PAGE];
	if (length == 0) {
		return true;
	}
	make_filler(filler, length);
	return tn_str_append_n(&file->batch, (const char *)filler, length);
}

void tn_event_file_append(struct tn_event_file *file, const uint8_t *record, size_t length) {
	const size_t filler = filler_before(file, length); /* a flush does not change it: what is in the batch comes before it either way */
	if (file->error == 0 && file->batch.length > 0 && file->batch.length + filler + length > BATCH) {
		(void)tn_event_file_flush(file);
	}
	/* While the disk refuses, only a flush tries again: not each record. */
	const size_t limit = file->error == 0 ? BATCH : KEPT_MAX;
	const size_t before = file->batch.length;
	const bool fits = before == 0 || before + filler + length <= limit;
	if (file->gone || !fits || !add_filler(file, filler) || !tn_str_append_n(&file->batch, (const char *)record, length)) {
		file->batch.length = before; /* no filler without its record */
		file->lost++;
	} else {
		file->records++;
	}
}
