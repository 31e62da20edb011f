/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting and reading: what the front sends, what the pipes of descriptors 1 and 2 hold, and the reader thread that sees to both while
 * a cell runs. */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "main/worker.h"

enum {
	READ_BYTES = 64 << 10,
	LEAVE_MS = 3000, /* how long a cell may take to notice that the front is gone */
};

void worker_kick(int eventfd) {
	uint64_t one = 1;
	ssize_t n = write(eventfd, &one, sizeof(one));
	(void)n; /* full: it is kicked already */
}

static void clear_kick(int eventfd) {
	uint64_t count;
	ssize_t n = read(eventfd, &count, sizeof(count));
	(void)n;
}

/* ---- requests ---- */

void worker_request_destroy(struct worker_request *request) {
	tn_wire_message_finish(&request->message);
	tn_free(request);
}

struct worker_request *worker_next_request(struct worker *w) {
	pthread_mutex_lock(&w->in_lock);
	struct worker_request *request = w->first_request;
	if (request != NULL) {
		w->first_request = request->next;
		w->running = true;
		w->running_id = tn_json_get_int(request->message.json, "id", 0);
		if (request->interrupted) {
			worker_set_interrupt(w, 1);
		}
		atomic_store(&w->executing, true);
	}
	pthread_mutex_unlock(&w->in_lock);
	return request;
}

void worker_end_running(struct worker *w) {
	pthread_mutex_lock(&w->in_lock);
	w->running = false;
	if (!w->ending) {
		worker_set_interrupt(w, 0);
	}
	pthread_mutex_unlock(&w->in_lock);
}

/* Takes the message. */
static void queue_request(struct worker *w, struct tn_wire_message *message) {
	struct worker_request *request = tn_calloc(1, sizeof(*request));
	if (request == NULL) {
		worker_reply(w, TN_WIRE_BULK, tn_json_get_int(message->json, "id", 0), NULL);
		tn_wire_message_finish(message);
		return;
	}
	request->message = *message;
	if (w->first_request == NULL) {
		w->first_request = request;
	} else {
		w->last_request->next = request;
	}
	w->last_request = request;
}

/* The request that is named, and those behind it; all, where none is named or the one that is has ended. The front reads a done before it
 * sends what is not to be interrupted, so what is here now was here when the interrupt was sent. An idle worker forgets it. */
static void take_interrupt(struct worker *w, const json_t *json) {
	const json_t *id = json_object_get(json, "id");
	struct worker_request *first = w->first_request, *named = json_is_integer(id) ? first : NULL;
	while (named != NULL && tn_json_get_int(named->message.json, "id", 0) != json_integer_value(id)) {
		named = named->next;
	}
	if (named == NULL && w->running) {
		worker_set_interrupt(w, 1);
	}
	for (struct worker_request *request = named != NULL ? named : first; request != NULL; request = request->next) {
		request->interrupted = true;
	}
}

static void take_input(struct worker *w, const json_t *json) {
	if (w->input_state != WORKER_INPUT_ASKED || tn_json_get_int(json, "id", -1) != w->input_id) {
		return; /* late: nobody waits for it */
	}
	const char *value = tn_json_get_text(json, "value", NULL);
	tn_str_clear(&w->input);
	bool given = value != NULL && !tn_json_get_bool(json, "eof", false) && tn_str_append(&w->input, value);
	w->input_state = given ? WORKER_INPUT_GIVEN : WORKER_INPUT_END;
}

static void take_ack(struct worker *w, const json_t *json) {
	int64_t bytes = tn_json_get_int(json, "bytes", 0);
	pthread_mutex_lock(&w->out_lock);
	tn_wire_sender_grant(w->sender, bytes > 0 ? (uint64_t)bytes : 0);
	worker_write_locked(w);
	pthread_mutex_unlock(&w->out_lock);
}

void worker_end(struct worker *w) {
	w->ending = true;
	worker_set_interrupt(w, 1);
	worker_kick(w->wake);
	worker_kick(w->wake_reader);
}

/* Gives credit back for what a large request took. */
static void acknowledge(struct worker *w, const struct tn_wire_message *message) {
	if (message->bulk_bytes == 0) {
		return;
	}
	json_t *ack = json_object();
	bool ok = tn_json_set_take(ack, "type", json_string("ack")) &&
		tn_json_set_take(ack, "bytes", json_integer((json_int_t)message->bulk_bytes));
	if (ok) {
		pthread_mutex_lock(&w->out_lock);
		const struct tn_wire_send send = {.lane = TN_WIRE_EXPRESS, .json = ack};
		if (tn_wire_sender_put(w->sender, &send, NULL)) {
			worker_write_locked(w);
		}
		pthread_mutex_unlock(&w->out_lock);
	}
	json_decref(ack);
}

/* A newer front may ask for more than this worker knows: it is told, and waits for nothing. */
static void refuse(struct worker *w, const struct tn_wire_message *message) {
	const char *type = tn_wire_type(message);
	tn_log(TN_LOG_WARN, "the front sends '%s', which this worker does not know", type);
	if (json_object_get(message->json, "id") == NULL) {
		return;
	}
	int64_t id = tn_json_get_int(message->json, "id", 0);
	json_t *done = worker_json("done", id);
	bool ok = tn_json_set_take(done, "status", json_string("error")) && tn_json_set_take(done, "name", json_string("ValueError")) &&
		tn_json_set_take(done, "text", json_sprintf("this worker does not know the request '%s'", type)) &&
		tn_json_set_take(done, "traceback", json_array());
	if (!ok) {
		json_decref(done);
		done = NULL;
	}
	worker_reply(w, TN_WIRE_EXPRESS, id, done);
}

/* Takes the message; under in_lock. */
static void dispatch(struct worker *w, struct tn_wire_message *message) {
	const char *type = tn_wire_type(message);
	acknowledge(w, message);
	if (strcmp(type, "execute") == 0) {
		queue_request(w, message);
		return;
	}
	if (strcmp(type, "interrupt") == 0) {
		take_interrupt(w, message->json);
	} else if (strcmp(type, "input") == 0) {
		take_input(w, message->json);
	} else if (strcmp(type, "ack") == 0) {
		take_ack(w, message->json);
	} else if (strcmp(type, "shutdown") == 0) {
		worker_end(w);
	} else if (strcmp(type, "chunk") != 0 && strcmp(type, "hello") != 0 && !worker_assist(w, message->json)) {
		refuse(w, message);
	}
	tn_wire_message_finish(message);
}

/* The stream cannot be read on: the front is gone, or its frames make no sense. */
static void lose_front(struct worker *w, const struct tn_error *err) {
	if (tn_error_is_set(err)) {
		tn_log(TN_LOG_ERROR, "the worker ends: %s", err->text);
	}
	worker_end(w);
}

static void take_messages(struct worker *w) {
	struct tn_error err = {0};
	for (;;) {
		struct tn_wire_message message;
		bool got;
		if (!tn_wire_reader_next(w->reader, &message, &got, &err)) {
			lose_front(w, &err);
			return;
		}
		if (!got) {
			return;
		}
		dispatch(w, &message);
	}
}

static void read_front(struct worker *w) {
	char bytes[READ_BYTES];
	struct tn_error err = {0};
	pthread_mutex_lock(&w->in_lock);
	for (bool more = !w->ending; more && !w->ending;) {
		ssize_t n = read(w->in, bytes, sizeof(bytes));
		more = n == (ssize_t)sizeof(bytes);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			lose_front(w, &err);
		} else if (n > 0 && !tn_wire_reader_feed(w->reader, bytes, (size_t)n, &err)) {
			lose_front(w, &err);
		} else if (n > 0) {
			take_messages(w);
		}
	}
	pthread_mutex_unlock(&w->in_lock);
}

/* ---- waiting ---- */

enum { AT_WAKE, AT_FRONT, AT_OUT, AT_STDOUT, AT_STDERR, AT_COUNT };

/* What to wait for, by what there is to do now; the least of the time limit and the time until text is due. */
static int prepare(struct worker *w, int wake, struct pollfd *polls, int timeout_ms) {
	pthread_mutex_lock(&w->out_lock);
	bool room = worker_capture_has_room_locked(w);
	size_t ready = 0;
	if (!w->out_broken) {
		(void)tn_wire_sender_peek(w->sender, &ready);
	}
	int due = worker_stream_due_locked(w);
	pthread_mutex_unlock(&w->out_lock);
	polls[AT_WAKE] = (struct pollfd){.fd = wake, .events = POLLIN};
	polls[AT_FRONT] = (struct pollfd){.fd = w->ending ? -1 : w->in, .events = POLLIN};
	polls[AT_OUT] = (struct pollfd){.fd = ready > 0 ? w->out : -1, .events = POLLOUT};
	polls[AT_STDOUT] = (struct pollfd){.fd = room ? w->capture[0].fd : -1, .events = POLLIN};
	polls[AT_STDERR] = (struct pollfd){.fd = room ? w->capture[1].fd : -1, .events = POLLIN};
	return due >= 0 && (timeout_ms < 0 || due < timeout_ms) ? due : timeout_ms;
}

/* Moves text along that waits in a pipe or for its time. */
static void move_text(struct worker *w, bool captured) {
	pthread_mutex_lock(&w->out_lock);
	if (captured) {
		worker_capture_locked(w, false);
	}
	if (worker_stream_is_due_locked(w)) {
		worker_stream_flush_locked(w);
	}
	worker_held_release_locked(w);
	worker_write_locked(w);
	pthread_mutex_unlock(&w->out_lock);
}

void worker_pump(struct worker *w, int wake, int timeout_ms) {
	struct pollfd polls[AT_COUNT];
	timeout_ms = prepare(w, wake, polls, timeout_ms);
	int n = poll(polls, AT_COUNT, timeout_ms);
	if (n > 0 && polls[AT_WAKE].revents != 0) {
		clear_kick(wake);
	}
	if (n > 0 && polls[AT_FRONT].revents != 0) {
		read_front(w);
		if (wake != w->wake) {
			worker_kick(w->wake); /* the executing thread may wait for what came */
		}
	}
	move_text(w, n > 0 && (polls[AT_STDOUT].revents != 0 || polls[AT_STDERR].revents != 0));
}

/* ---- the reader thread ---- */

/* Sleeps until a cell has run for a millisecond. */
static void park(struct worker *w) {
	struct pollfd polls[2] = {{.fd = w->timer, .events = POLLIN}, {.fd = w->wake_reader, .events = POLLIN}};
	if (poll(polls, 2, -1) > 0) {
		if (polls[0].revents != 0) {
			clear_kick(w->timer);
		}
		if (polls[1].revents != 0) {
			clear_kick(w->wake_reader);
		}
	}
}

/* The front is gone. The cell is given a moment to end; whoever started this process waits for it. */
static void outlast(struct worker *w) {
	int64_t until = tn_clock_ns() + (int64_t)LEAVE_MS * 1000000;
	while (atomic_load(&w->executing) && tn_clock_ns() < until) {
		worker_pump(w, w->wake_reader, 20);
	}
	if (atomic_load(&w->executing)) {
		tn_log(TN_LOG_ERROR, "the worker ends in the middle of a cell that cannot be stopped");
		worker_end_children();
		worker_die_if_terminated(w);
		_exit(TN_EXIT_ERROR);
	}
}

__thread bool worker_is_reader;

void *worker_reader_main(void *worker) {
	struct worker *w = worker;
	worker_is_reader = true;
	for (;;) {
		if (w->ending) {
			outlast(w);
			return NULL;
		}
		if (atomic_load(&w->executing)) {
			worker_pump(w, w->wake_reader, WORKER_FLUSH_MS);
		} else {
			park(w);
		}
	}
}
