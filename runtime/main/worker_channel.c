/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to the front. A message is written by the thread that makes it, as far as the pipe takes it at once; what stays behind is
 * written by whoever pumps. Nothing blocks under the lock, so the reader thread always gets through to interrupts and credit. */
#include <errno.h>
#include <unistd.h>

#include "main/worker.h"

json_t *worker_json(const char *type, int64_t id) {
	json_t *json = json_object();
	if (!tn_json_set_take(json, "type", json_string(type)) || !tn_json_set_take(json, "id", json_integer(id))) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* One word, whose order with other memory nobody relies on: a race that the thread sanitizer cannot tell from others. */
__attribute__((noinline, no_sanitize("thread"))) void worker_set_interrupt(struct worker *w, int value) {
	w->interrupt = value;
}

void worker_write_locked(struct worker *w) {
	size_t length;
	const void *bytes;
	while (!w->out_broken && (bytes = tn_wire_sender_peek(w->sender, &length), length > 0)) {
		ssize_t n = write(w->out, bytes, length);
		if (n > 0) {
			tn_wire_sender_wrote(w->sender, (size_t)n);
		} else if (n < 0 && errno != EINTR) {
			w->out_broken = errno != EAGAIN;
			break;
		}
	}
	if (w->out_broken) { /* the reader's end of file says so too, unless only this half of the connection broke */
		w->ending = true;
		worker_set_interrupt(w, 1);
	}
}

static bool put_locked(struct worker *w, const struct tn_wire_send *how, json_t *json, struct tn_error *err) {
	struct tn_wire_send send = *how;
	if (!tn_json_set_take(json, "seq", json_integer(++w->seq))) {
		json_decref(json);
		return tn_error_memory(err);
	}
	send.json = json;
	bool ok = w->out_broken || w->terminated || tn_wire_sender_put(w->sender, &send, err);
	json_decref(json);
	return ok;
}

bool worker_send_locked(struct worker *w, const struct tn_wire_send *how, json_t *json, struct tn_error *err) {
	bool ok = put_locked(w, how, json, err);
	if (ok) {
		worker_write_locked(w);
	}
	return ok;
}

/* Queued behind all text of the cell, not yet written. */
static bool put_behind_text_locked(struct worker *w, const struct tn_wire_send *how, json_t *json, struct tn_error *err) {
	worker_capture_locked(w, false);
	worker_stream_flush_locked(w);
	worker_held_flush_locked(w);
	return put_locked(w, how, json, err);
}

bool worker_send(struct worker *w, bool credit, json_t *json, const struct tn_wire_buffer *buffers, uint32_t count, struct tn_error *err) {
	const struct tn_wire_send how = {.lane = TN_WIRE_BULK, .after_bulk = !credit, .buffers = buffers, .buffer_count = count};
	pthread_mutex_lock(&w->out_lock);
	bool ok = put_behind_text_locked(w, &how, json, err);
	if (ok) {
		worker_write_locked(w);
	}
	pthread_mutex_unlock(&w->out_lock);
	return ok;
}

bool worker_send_result(struct worker *w, json_t *json, const struct tn_wire_buffer *buffers, uint32_t count, struct tn_error *err) {
	const struct tn_wire_send how = {.lane = TN_WIRE_BULK, .buffers = buffers, .buffer_count = count};
	pthread_mutex_lock(&w->out_lock);
	bool ok = put_behind_text_locked(w, &how, json, err);
	pthread_mutex_unlock(&w->out_lock);
	return ok;
}

static json_t *least_done(int64_t id) {
	json_t *done = worker_json("done", id);
	bool ok = tn_json_set_take(done, "status", json_string("error")) && tn_json_set_take(done, "name", json_string("MemoryError")) &&
		tn_json_set_take(done, "text", json_string("out of memory")) && tn_json_set_take(done, "traceback", json_array());
	if (!ok) {
		json_decref(done);
		return NULL;
	}
	return done;
}

void worker_reply(struct worker *w, enum tn_wire_lane lane, int64_t id, json_t *done) {
	const struct tn_wire_send how = {.lane = lane, .after_bulk = true};
	struct tn_error err = {0};
	pthread_mutex_lock(&w->out_lock);
	if (!worker_send_locked(w, &how, done, &err) && !worker_send_locked(w, &how, least_done(id), NULL)) {
		tn_log(TN_LOG_ERROR, "the worker ends: it cannot answer the front: %s", err.text);
		w->out_broken = true; /* a front that waits for ever is worse */
		worker_write_locked(w);
		worker_kick(w->wake);
	}
	pthread_mutex_unlock(&w->out_lock);
}

static bool has_room(struct worker *w) {
	pthread_mutex_lock(&w->out_lock);
	bool room = w->out_broken || tn_wire_sender_queued(w->sender) < WORKER_QUEUE_MAX;
	pthread_mutex_unlock(&w->out_lock);
	return room;
}

void worker_wait_for_room(struct worker *w) {
	while (!has_room(w) && w->interrupt == 0) {
		worker_pump(w, w->wake, WORKER_FLUSH_MS);
	}
}
