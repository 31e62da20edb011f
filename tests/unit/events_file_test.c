/* SPDX-License-Identifier: Apache-2.0 */
/* The event file under a disk that refuses: what a reader sees are whole records, at every moment and after every failure. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "events/file.h"
#include "events/record.h"
#include "events/writer.h"
#include "runner/test.h"
#include "tensorboard.pb-c.h"

struct fixture {
	char path[64];
	int folder;
};

static void setup(struct fixture *f) {
	snprintf(f->path, sizeof(f->path), "/tmp/tenon-events-XXXXXX");
	TN_CHECK(mkdtemp(f->path) != NULL);
	f->folder = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	TN_CHECK(f->folder >= 0);
}

/* The only file of the folder: its name; false when there is none. */
static bool find_file(const struct fixture *f, char *name, size_t size) {
	DIR *dir = opendir(f->path);
	bool found = false;
	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
		if (entry->d_name[0] != '.') {
			snprintf(name, size, "%s", entry->d_name);
			found = true;
		}
	}
	closedir(dir);
	return found;
}

static void remove_files(const struct fixture *f) {
	char name[256];
	while (find_file(f, name, sizeof(name))) {
		TN_CHECK(unlinkat(f->folder, name, 0) == 0);
	}
}

static void teardown(struct fixture *f) {
	remove_files(f);
	close(f->folder);
	rmdir(f->path);
}

static uint8_t *read_all(const struct fixture *f, size_t *length) {
	char name[256];
	struct stat info;
	TN_CHECK(find_file(f, name, sizeof(name)));
	int fd = openat(f->folder, name, O_RDONLY | O_CLOEXEC);
	TN_CHECK(fd >= 0 && fstat(fd, &info) == 0);
	uint8_t *bytes = tn_alloc((size_t)info.st_size + 1);
	TN_CHECK(bytes != NULL && read(fd, bytes, (size_t)info.st_size) == info.st_size);
	close(fd);
	*length = (size_t)info.st_size;
	return bytes;
}

/* Whether the record only fills a page: an Event with an unknown field or nothing. */
static bool is_filler(const uint8_t *data, size_t length) {
	return length == 0 || data[0] == 0x7a;
}

/* The next record that is no filler. */
static enum tn_record_status next_record(const uint8_t *bytes, size_t length, size_t *offset, const uint8_t **data, size_t *data_length) {
	enum tn_record_status status;
	do {
		status = tn_record_next(bytes, length, offset, data, data_length);
	} while (status == TN_RECORD_OK && is_filler(*data, *data_length));
	return status;
}

/* Whole records in the file; the file must hold nothing else. */
static size_t count_records(const struct fixture *f) {
	size_t length, offset = 0, n = 0, data_length;
	const uint8_t *data;
	uint8_t *bytes = read_all(f, &length);
	enum tn_record_status status;
	while ((status = next_record(bytes, length, &offset, &data, &data_length)) == TN_RECORD_OK) {
		n++;
	}
	TN_CHECK_INT_EQ(status, TN_RECORD_END);
	tn_free(bytes);
	return n;
}

/* A record of 100 bytes. */
static void append(struct tn_event_file *file, int count) {
	uint8_t record[100] = {0};
	for (int i = 0; i < count; i++) {
		record[TN_RECORD_HEAD] = (uint8_t)(i & 0x3f);
		tn_record_close(record, sizeof(record) - TN_RECORD_HEAD - TN_RECORD_TAIL);
		tn_event_file_append(file, record, sizeof(record));
	}
}

static void set_limit(rlim_t bytes) {
	struct rlimit limit;
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGXFSZ);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	TN_CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	limit.rlim_cur = bytes;
	TN_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

TN_TEST(records_are_in_the_file_after_a_flush) {
	struct fixture f;
	struct tn_error err = {0};
	setup(&f);
	struct tn_event_file *file = tn_event_file_create(f.folder, &err);
	TN_CHECK_NOT_NULL(file);
	TN_CHECK_SIZE_EQ(count_records(&f), 0);
	append(file, 7);
	TN_CHECK(tn_event_file_flush(file));
	TN_CHECK_SIZE_EQ(count_records(&f), 7);
	append(file, 2);
	tn_event_file_destroy(file);
	TN_CHECK_SIZE_EQ(count_records(&f), 9);
	teardown(&f);
}

/* An event with that step and a file_version of so many bytes, as a record. */
static size_t make_record(uint8_t *record, int64_t step, size_t text_length) {
	static char text[8192];
	memset(text, 'x', text_length);
	text[text_length] = '\0';
	Tn__Event event = TN__EVENT__INIT;
	event.step = step;
	event.file_version = text;
	size_t length = tn__event__pack(&event, record + TN_RECORD_HEAD);
	tn_record_close(record, length);
	return length + TN_RECORD_HEAD + TN_RECORD_TAIL;
}

TN_TEST(no_record_lies_across_the_border_of_a_page_and_all_come_back_in_order) {
	struct fixture f;
	struct tn_error err = {0};
	uint8_t record[9000];
	uint32_t random = 12345;
	int64_t step = 0;
	setup(&f);
	struct tn_event_file *file = tn_event_file_create(f.folder, &err);
	TN_CHECK_NOT_NULL(file);
	for (size_t n = 0; n < 20000; n++) {
		random = random * 1664525 + 1013904223;
		size_t text = n < 4100 ? n : (random >> 16) % (n % 50 == 0 ? 8000 : n % 7 == 0 ? 1000 : 90); /* each length once, then a mixture */
		tn_event_file_append(file, record, make_record(record, (int64_t)n + 1, text));
		if (n % 97 == 0) {
			TN_CHECK(tn_event_file_flush(file));
		}
	}
	TN_CHECK_SIZE_EQ(tn_event_file_state(file).lost, 0);
	tn_event_file_destroy(file);
	size_t length, offset = 0, from = 0, data_length, torn = 0;
	const uint8_t *data;
	uint8_t *bytes = read_all(&f, &length);
	while (tn_record_next(bytes, length, &offset, &data, &data_length) == TN_RECORD_OK) {
		/* A page of which 1 to 15, or 17 bytes are left cannot be filled: only a record that nearly fills one leaves that. */
		torn += offset - from <= 4096 && from / 4096 != (offset - 1) / 4096;
		from = offset;
		if (!is_filler(data, data_length)) {
			Tn__Event *event = tn__event__unpack(NULL, data_length, data);
			TN_CHECK_INT_EQ(event->step, ++step);
			TN_CHECK(event->base.n_unknown_fields <= 1);
			tn__event__free_unpacked(event, NULL);
		} else {
			Tn__Event *event = tn__event__unpack(NULL, data_length, data);
			TN_CHECK_NOT_NULL(event); /* a message that readers can read */
			TN_CHECK_SIZE_EQ(event->base.n_unknown_fields, data_length > 0);
			tn__event__free_unpacked(event, NULL);
		}
	}
	TN_CHECK_SIZE_EQ(offset, length);
	TN_CHECK_INT_EQ(step, 20000);
	TN_CHECK(torn <= 60);
	tn_free(bytes);
	teardown(&f);
}

TN_TEST(two_files_of_one_second_have_two_names) {
	struct fixture f;
	struct tn_error err = {0};
	char name[256];
	setup(&f);
	struct tn_event_file *a = tn_event_file_create(f.folder, &err), *b = tn_event_file_create(f.folder, &err);
	TN_CHECK(a != NULL && b != NULL);
	TN_CHECK(find_file(&f, name, sizeof(name)));
	TN_CHECK_STR_CONTAINS(name, "events.out.tfevents.");
	tn_event_file_destroy(a);
	tn_event_file_destroy(b);
	int files = 0;
	for (; find_file(&f, name, sizeof(name)); files++) {
		TN_CHECK(unlinkat(f.folder, name, 0) == 0);
	}
	TN_CHECK_INT_EQ(files, 2);
	teardown(&f);
}

TN_TEST(a_full_disk_leaves_whole_records_and_loses_nothing_once_there_is_room) {
	struct fixture f;
	struct tn_error err = {0};
	setup(&f);
	struct tn_event_file *file = tn_event_file_create(f.folder, &err);
	TN_CHECK_NOT_NULL(file);
	append(file, 2);
	TN_CHECK(tn_event_file_flush(file));
	set_limit(350); /* a record and a half more */
	append(file, 2);
	TN_CHECK(!tn_event_file_flush(file));
	TN_CHECK_INT_EQ(tn_event_file_state(file).error, EFBIG);
	TN_CHECK_SIZE_EQ(tn_event_file_state(file).kept, 200);
	TN_CHECK_SIZE_EQ(count_records(&f), 2);
	append(file, 1);
	TN_CHECK(!tn_event_file_flush(file));
	set_limit(RLIM_INFINITY);
	TN_CHECK(tn_event_file_flush(file));
	TN_CHECK_INT_EQ(tn_event_file_state(file).error, 0);
	TN_CHECK_INT_EQ(tn_event_file_state(file).lost, 0);
	TN_CHECK_SIZE_EQ(count_records(&f), 5);
	tn_event_file_destroy(file);
	teardown(&f);
}

TN_TEST(what_waits_for_room_has_a_bound) {
	struct fixture f;
	struct tn_error err = {0};
	setup(&f);
	struct tn_event_file *file = tn_event_file_create(f.folder, &err);
	TN_CHECK_NOT_NULL(file);
	set_limit(50);
	append(file, 250000); /* 25 MB */
	const struct tn_event_file_state state = tn_event_file_state(file);
	TN_CHECK(state.kept <= 1 << 24);
	TN_CHECK_INT_EQ(state.lost + state.kept / 4096 * 40 + state.kept % 4096 / 100, 250000); /* a page has 40, and 96 bytes to fill it */
	TN_CHECK(state.lost > 0);
	TN_CHECK_SIZE_EQ(count_records(&f), 0);
	tn_event_file_destroy(file);
	teardown(&f);
}

TN_TEST(a_removed_file_is_noticed_and_costs_nothing_more) {
	struct fixture f;
	struct tn_error err = {0};
	setup(&f);
	struct tn_event_file *file = tn_event_file_create(f.folder, &err);
	TN_CHECK_NOT_NULL(file);
	append(file, 1);
	TN_CHECK(tn_event_file_flush(file));
	remove_files(&f);
	append(file, 3);
	TN_CHECK(!tn_event_file_flush(file));
	append(file, 2);
	TN_CHECK(!tn_event_file_flush(file));
	TN_CHECK_INT_EQ(tn_event_file_state(file).error, ENOENT);
	TN_CHECK_SIZE_EQ(tn_event_file_state(file).kept, 0);
	TN_CHECK_INT_EQ(tn_event_file_state(file).lost, 5);
	tn_event_file_destroy(file);
	teardown(&f);
}

TN_TEST(a_folder_that_takes_no_file_is_an_error_in_words) {
	struct tn_error err = {0};
	int folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	TN_CHECK(folder >= 0);
	TN_CHECK_NULL(tn_event_file_create(folder, &err));
	TN_CHECK_INT_EQ(err.kind, TN_ERR_IO);
	TN_CHECK_STR_CONTAINS(err.text, "cannot create the event file 'events.out.tfevents.");
	close(folder);
}

/* ---- the writer ---- */

static void check_scalar(const uint8_t *data, size_t length, int64_t step, float value) {
	Tn__Event *event = tn__event__unpack(NULL, length, data);
	TN_CHECK_NOT_NULL(event);
	TN_CHECK_INT_EQ(event->step, step);
	TN_CHECK_F64_EQ(event->wall_time, 1e9 + (double)step);
	TN_CHECK(event->summary != NULL && event->summary->n_value == 1);
	TN_CHECK_STR_EQ(event->summary->value[0]->tag, "loss/train");
	TN_CHECK_F64_EQ(event->summary->value[0]->simple_value, value);
	tn__event__free_unpacked(event, NULL);
}

static struct tn_event_writer *start_writer(const struct fixture *f) {
	struct tn_error err = {0};
	struct tn_event_file *file = tn_event_file_create(f->folder, &err);
	struct tn_event_writer *writer = file == NULL ? NULL : tn_event_writer_create(file, &err);
	TN_CHECK_NOT_NULL(writer);
	return writer;
}

TN_TEST(every_point_arrives_once_and_in_order) {
	enum { POINTS = 100000 };
	struct fixture f;
	struct tn_error err = {0};
	struct tn_event_tag tag = {0};
	size_t length, offset = 0, data_length;
	const uint8_t *data;
	setup(&f);
	TN_CHECK(tn_event_tag_init(&tag, "loss/train", 10, &err));
	struct tn_event_writer *writer = start_writer(&f);
	for (int64_t i = 0; i < POINTS; i++) {
		const struct tn_event_scalar scalar = {&tag, 1e9 + (double)(i - 5), i - 5, (float)i / 3};
		while (!tn_event_writer_scalar(writer, &scalar)) {
			tn_event_writer_wait_room(writer);
		}
	}
	const struct tn_event_file_state state = tn_event_writer_destroy(writer);
	TN_CHECK_INT_EQ(state.error, 0);
	TN_CHECK_INT_EQ(state.lost, 0);
	uint8_t *bytes = read_all(&f, &length);
	for (int64_t i = 0; i < POINTS; i++) {
		TN_CHECK_INT_EQ(next_record(bytes, length, &offset, &data, &data_length), TN_RECORD_OK);
		check_scalar(data, data_length, i - 5, (float)i / 3);
	}
	TN_CHECK_SIZE_EQ(offset, length);
	tn_free(bytes);
	tn_event_tag_finish(&tag);
	teardown(&f);
}

TN_TEST(a_flush_waits_until_the_file_has_it) {
	struct fixture f;
	struct tn_error err = {0};
	setup(&f);
	struct tn_event_writer *writer = start_writer(&f);
	TN_CHECK(tn_event_writer_block(writer, tn_event_version(1, &err)));
	tn_event_writer_flush(writer, 60000000000);
	TN_CHECK_SIZE_EQ(count_records(&f), 1);
	TN_CHECK_INT_EQ(tn_event_writer_state(writer).error, 0);
	(void)tn_event_writer_destroy(writer);
	teardown(&f);
}

/* Points of a curve, logged one by one. */
static void log_points(struct tn_event_writer *writer, const struct tn_event_tag *tag, int64_t from, int64_t to) {
	for (int64_t i = from; i < to; i++) {
		const struct tn_event_scalar scalar = {tag, 1e9, i, (float)i};
		while (!tn_event_writer_scalar(writer, &scalar)) {
			tn_event_writer_wait_room(writer);
		}
	}
}

/* Who kills a process asks nobody for a flush: a reader has each point shortly after it was logged. How long that takes, the disk and the
 * other programs say too: the quickest of the five bursts is what the writer itself needs. */
TN_TEST(what_is_logged_is_soon_in_the_file_without_a_flush) {
	struct fixture f;
	struct tn_error err = {0};
	struct tn_event_tag tag = {0};
	setup(&f);
	TN_CHECK(tn_event_tag_init(&tag, "loss", 4, &err));
	struct tn_event_writer *writer = start_writer(&f);
	int64_t quickest = INT64_MAX;
	for (int64_t burst = 1; burst <= 5; burst++) {
		log_points(writer, &tag, 7 * (burst - 1), 7 * burst);
		const int64_t began = tn_clock_ns();
		int64_t took = 0;
		while (count_records(&f) < 7u * (size_t)burst && took < 20000000000) {
			usleep(2000);
			took = tn_clock_ns() - began;
		}
		quickest = took < quickest ? took : quickest;
		TN_CHECK_SIZE_EQ(count_records(&f), 7u * (size_t)burst);
		usleep(burst % 2 == 0 ? 120000 : 0); /* to a writer that is idle again, and to one that is not */
	}
	TN_CHECK(quickest < 1500000000);
	(void)tn_event_writer_destroy(writer);
	tn_event_tag_finish(&tag);
	teardown(&f);
}

TN_TEST(a_handler_of_signals_waits_until_every_writer_has_written_all) {
	struct fixture f[2];
	struct tn_event_writer *writers[2];
	struct tn_error err = {0};
	struct tn_event_tag tag = {0};
	TN_CHECK(tn_event_tag_init(&tag, "loss", 4, &err));
	tn_event_writers_settle(1000000000); /* of none */
	for (int i = 0; i < 2; i++) {
		setup(&f[i]);
		writers[i] = start_writer(&f[i]);
		log_points(writers[i], &tag, 0, 3000 + i);
	}
	tn_event_writers_settle(60000000000);
	TN_CHECK_SIZE_EQ(count_records(&f[0]), 3000);
	TN_CHECK_SIZE_EQ(count_records(&f[1]), 3001);
	for (int i = 0; i < 2; i++) {
		(void)tn_event_writer_destroy(writers[i]);
		teardown(&f[i]);
	}
	tn_event_tag_finish(&tag);
}

TN_TEST(a_handler_of_signals_does_not_wait_for_a_full_disk_for_ever) {
	struct fixture f;
	struct tn_error err = {0};
	struct tn_event_tag tag = {0};
	setup(&f);
	TN_CHECK(tn_event_tag_init(&tag, "loss", 4, &err));
	struct tn_event_writer *writer = start_writer(&f);
	set_limit(100);
	log_points(writer, &tag, 0, 1000);
	const int64_t began = tn_clock_ns();
	tn_event_writers_settle(100000000);
	TN_CHECK(tn_clock_ns() - began < 5000000000);
	(void)tn_event_writer_destroy(writer);
	tn_event_tag_finish(&tag);
	teardown(&f);
}

TN_TEST(names_of_any_length_that_is_allowed_give_the_bytes_that_the_message_has) {
	char name[1001];
	uint8_t record[2048];
	memset(name, 'x', sizeof(name));
	for (size_t length = 1; length <= 1000; length += length < 140 ? 1 : 43) {
		struct tn_error err = {0};
		struct tn_event_tag tag = {0};
		TN_CHECK(tn_event_tag_init(&tag, name, length, &err));
		const struct tn_event_scalar scalar = {&tag, 2.5, INT64_MIN, -1.5f};
		const size_t size = tn_event_scalar_encode(&scalar, record), head = TN_RECORD_HEAD + TN_RECORD_TAIL;
		TN_CHECK(size <= tn_event_scalar_room(&tag));
		Tn__Event *event = tn__event__unpack(NULL, size - head, record + TN_RECORD_HEAD);
		TN_CHECK_NOT_NULL(event);
		TN_CHECK_INT_EQ(event->step, INT64_MIN);
		TN_CHECK_STR_EQ(event->summary->value[0]->tag, tag.name);
		TN_CHECK_F64_EQ(event->summary->value[0]->simple_value, -1.5);
		tn__event__free_unpacked(event, NULL);
		tn_event_tag_finish(&tag);
	}
	struct tn_error err = {0};
	struct tn_event_tag tag = {0};
	TN_CHECK(!tn_event_tag_init(&tag, name, 1001, &err));
	TN_CHECK_ERROR(&err, TN_ERR_VALUE, "the name of a value has 1001 bytes, it may have 1000");
}

TN_TEST(without_memory_no_block_is_made) {
	TN_FOR_EACH_FAILING_ALLOC {
		const struct tn_event_hparam hparams[] = {
			{"lr", TN_HPARAM_FLOAT, 0.1, 0, NULL}, {"opt", TN_HPARAM_TEXT, 0, 0, (char *)"adam"}};
		struct tn_error err = {0};
		struct tn_event_block *block = tn_event_hparams_start(1, hparams, 2, &err);
		TN_CHECK((block != NULL) == !tn_test_alloc_failed());
		TN_CHECK(block != NULL || err.kind == TN_ERR_MEMORY);
		tn_free(block);
	}
}
