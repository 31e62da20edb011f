/* SPDX-License-Identifier: Apache-2.0 */
/* How a worker begins: it keeps its real stdin and stdout for the protocol, under other numbers, and puts pipes in the places of 1 and 2, so that
 * whatever writes there (a library, a child) reaches the running cell and cannot break a frame. The real stderr stays for last words. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "main/worker.h"

enum { FIRST_PRIVATE_FD = 10, READER_STACK = 1 << 20 };

static bool set_nonblocking(int fd, struct tn_error *err) {
	int flags = fcntl(fd, F_GETFL);
	return (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0) || tn_error_errno(err, "cannot prepare the protocol's descriptors");
}

static bool move_away(int fd, int *out, struct tn_error *err) {
	*out = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_PRIVATE_FD);
	return *out >= 0 || tn_error_errno(err, "cannot move descriptor %d away", fd);
}

/* A pipe in the place of `fd`; what is written there is read from capture->fd. */
static bool capture(int fd, struct worker_capture *c, struct tn_error *err) {
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0) {
		return tn_error_errno(err, "cannot make a pipe");
	}
	bool ok = move_away(ends[0], &c->fd, err) && (dup2(ends[1], fd) == fd || tn_error_errno(err, "cannot replace descriptor %d", fd));
	close(ends[0]);
	close(ends[1]);
	return ok && set_nonblocking(c->fd, err);
}

bool worker_open_channels(struct worker *w, struct tn_error *err) {
	if (isatty(STDIN_FILENO)) {
		return tn_error_set(err, TN_ERR_IO, "tenon worker speaks a protocol with a Jupyter front on stdin and stdout; for a session to type into: tenon repl");
	}
	if (!move_away(STDIN_FILENO, &w->in, err) || !move_away(STDOUT_FILENO, &w->out, err) || !move_away(STDERR_FILENO, &w->emergency, err)) {
		return false;
	}
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	bool ok = (nothing >= 0 && dup2(nothing, STDIN_FILENO) == STDIN_FILENO) || tn_error_errno(err, "cannot open /dev/null");
	if (nothing > STDERR_FILENO) {
		close(nothing);
	}
	ok = ok && capture(STDOUT_FILENO, &w->capture[0], err) && capture(STDERR_FILENO, &w->capture[1], err);
	ok = ok && set_nonblocking(w->in, err) && set_nonblocking(w->out, err);
	if (!ok) {
		return false;
	}
	tn_log_set_fd(w->emergency);
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->wake_reader = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (w->wake < 0 || w->wake_reader < 0 || w->timer < 0) {
		return tn_error_errno(err, "cannot make the worker's descriptors");
	}
	w->reader = tn_wire_reader_create(true);
	w->sender = tn_wire_sender_create(true);
	return (w->reader != NULL && w->sender != NULL) || tn_error_memory(err);
}

/* ---- the greeting ---- */

/* The front's first message. False with err not set: it left without a word. */
static bool read_hello(struct worker *w, struct tn_wire_message *hello, struct tn_error *err) {
	for (;;) {
		char bytes[4096];
		bool got;
		struct pollfd wait = {.fd = w->in, .events = POLLIN};
		ssize_t n = read(w->in, bytes, sizeof(bytes));
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			poll(&wait, 1, -1);
			continue;
		}
		if (n <= 0) {
			return false;
		}
		if (!tn_wire_reader_feed(w->reader, bytes, (size_t)n, err) || !tn_wire_reader_next(w->reader, hello, &got, err)) {
			return false;
		}
		if (got) {
			return true;
		}
	}
}

static bool check_hello(const struct tn_wire_message *hello, char *refusal, size_t size) {
	const json_t *version = json_object_get(hello->json, "version");
	const json_t *major = json_array_get(version, 0);
	if (strcmp(tn_wire_type(hello), "hello") != 0 || strcmp(tn_json_get_text(hello->json, "protocol", ""), "tenon") != 0) {
		snprintf(refusal, size, "the front does not greet in Tenon's worker protocol");
		return false;
	}
	if (!json_is_integer(major) || json_integer_value(major) != TN_WIRE_MAJOR) {
		char *said = json_dumps(version, JSON_COMPACT | JSON_ENCODE_ANY);
		snprintf(refusal, size, "the front speaks version %s of the worker protocol, and this worker (tenon %s) speaks [%d,%d]: install the same Tenon on both sides",
			said != NULL ? said : "?", TN_VERSION, TN_WIRE_MAJOR, TN_WIRE_MINOR);
		tn_free(said);
		return false;
	}
	return true;
}

/* Opens the session's directory; what stands against it becomes a note, for a session can live without. */
static bool open_journal(struct worker *w, const char *asked, json_t *notes) {
	struct tn_error err = {0};
	if (!tn_sessions_are_kept()) {
		return tn_str_append(&w->name, asked);
	}
	w->journal = tn_journal_create(asked, &err);
	bool ok = w->journal != NULL && tn_str_append(&w->name, tn_journal_name(w->journal));
	if (ok && tn_error_is_set(&err)) {
		return json_array_append_new(notes, json_sprintf("this session keeps no journal: %s", err.text)) == 0;
	}
	if (ok && strcmp(asked, tn_journal_name(w->journal)) != 0) {
		ok = json_array_append_new(notes, json_sprintf("another kernel has the session '%s': this one is '%s', with its own variables and journal",
			asked, tn_journal_name(w->journal))) == 0;
	}
	return ok;
}

/* Removes what too many earlier sessions left. Nobody waits for it, and a cell that runs meanwhile goes first. */
static void *tidy_main(void *worker) {
	struct worker *w = worker;
	setpriority(PRIO_PROCESS, (id_t)gettid(), 19); /* of this thread */
	tn_sessions_tidy(tn_str_c(&w->tidy_own), &w->tidy_stop);
	return NULL;
}

/* Without memory for it, the next worker does it. */
static void start_tidying(struct worker *w) {
	if (w->journal != NULL && tn_str_append(&w->tidy_own, tn_journal_directory(w->journal))) {
		w->has_tidy_thread = pthread_create(&w->tidy_thread, NULL, tidy_main, w) == 0;
	}
}

static bool send_hello(struct worker *w, json_t *notes, const char *refusal, struct tn_error *err) {
	json_t *hello = json_object();
	bool ok = tn_json_set_take(hello, "notes", notes) && tn_json_set_take(hello, "type", json_string("hello")) &&
		tn_json_set_take(hello, "protocol", json_string("tenon")) &&
		tn_json_set_take(hello, "version", json_pack("[i,i]", TN_WIRE_MAJOR, TN_WIRE_MINOR)) &&
		tn_json_set_take(hello, "tenon", json_string(TN_VERSION)) &&
		tn_json_set_take(hello, "session", tn_json_text(tn_str_c(&w->name), w->name.length)) &&
		tn_json_set_take(hello, "generation", json_integer(w->generation)) && tn_json_set_take(hello, "pid", json_integer(getpid())) &&
		(refusal[0] == '\0' || tn_json_set_take(hello, "refused", tn_json_text(refusal, strlen(refusal))));
	const struct tn_wire_send send = {.lane = TN_WIRE_EXPRESS, .json = hello};
	ok = ok ? tn_wire_sender_put(w->sender, &send, err) : tn_error_memory(err);
	json_decref(hello);
	worker_write_locked(w); /* one thread as yet */
	return ok;
}

static bool start_reader(struct worker *w, struct tn_error *err) {
	pthread_attr_t attributes;
	if (pthread_attr_init(&attributes) != 0) {
		return tn_error_memory(err);
	}
	pthread_attr_setstacksize(&attributes, READER_STACK);
	errno = pthread_create(&w->reader_thread, &attributes, worker_reader_main, w);
	pthread_attr_destroy(&attributes);
	w->has_reader_thread = errno == 0;
	return w->has_reader_thread || tn_error_errno(err, "cannot start a thread");
}

bool worker_greet(struct worker *w, struct tn_error *err) {
	struct tn_wire_message hello = {0};
	char refusal[512] = "";
	if (!read_hello(w, &hello, err)) {
		return false;
	}
	json_t *notes = json_array();
	bool good = check_hello(&hello, refusal, sizeof(refusal));
	w->generation = tn_json_get_int(hello.json, "generation", 1);
	bool ok = !good || open_journal(w, tn_json_get_text(hello.json, "session", ""), notes) || tn_error_memory(err);
	tn_wire_message_finish(&hello);
	ok = send_hello(w, notes, refusal, err) && ok;
	if (!good) {
		return tn_error_set(err, TN_ERR_IO, "%s", refusal);
	}
	if (!ok || !start_reader(w, err)) {
		return false;
	}
	start_tidying(w);
	return true;
}

/* ---- the end ---- */

void worker_end_children(void) {
	if (getsid(0) == getpid()) {
		tn_process_kill_session(getpid());
	}
}

static void close_fd(int fd) {
	if (fd >= 0) {
		close(fd);
	}
}

void worker_close(struct worker *w) {
	if (w->has_reader_thread) {
		w->ending = true;
		worker_kick(w->wake_reader);
		pthread_join(w->reader_thread, NULL);
	}
	if (w->has_tidy_thread) {
		atomic_store(&w->tidy_stop, true);
		pthread_join(w->tidy_thread, NULL);
	}
	while (w->first_request != NULL) {
		worker_request_destroy(worker_next_request(w));
	}
	tn_catalog_unref(w->catalog);
	tn_session_destroy(w->session);
	tn_journal_destroy(w->journal);
	tn_wire_reader_destroy(w->reader);
	tn_wire_sender_destroy(w->sender);
	tn_str_finish(&w->tidy_own);
	tn_str_finish(&w->name);
	tn_str_finish(&w->input);
	tn_str_finish(&w->stream.text);
	tn_str_finish(&w->stream.flood.early);
	worker_held_finish(&w->pace);
	if (w->emergency >= 0 && dup2(w->emergency, STDERR_FILENO) == STDERR_FILENO) { /* what comes now has no cell */
		tn_log_set_fd(STDERR_FILENO);
		close(w->emergency);
	}
	const int fds[] = {w->in, w->out, w->wake, w->wake_reader, w->timer, w->capture[0].fd, w->capture[1].fd};
	for (size_t i = 0; i < TN_ARRAY_LEN(fds); i++) {
		close_fd(fds[i]);
	}
}
