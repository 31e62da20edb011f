/* SPDX-License-Identifier: Apache-2.0 */
/* Text on its way to the front: what print writes, and what libraries and children write to descriptors 1 and 2. Whole lines leave at
 * once when the stream was quiet, else in lots: a message a line would drown the front, and waiting would make a slow loop look stuck.
 * A part of a line waits for its rest as long as a lot would: what is sent in two messages, some clients save as two outputs. */
#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "main/worker.h"

static const int64_t FLUSH_NS = (int64_t)WORKER_FLUSH_MS * 1000000;

/* The text goes beside the JSON, as it is: nobody escapes it here, parses it there and looks for bytes that are no UTF-8 twice. */
static void send_message(struct worker *w, int which, const char *bytes, size_t length) {
	const struct tn_wire_buffer text = {(uint8_t *)(uintptr_t)bytes, length};
	json_t *json = worker_json("stream", w->stream.id);
	if (!tn_json_set_take(json, "name", json_string(which == 1 ? "stdout" : "stderr"))) {
		json_decref(json);
		return; /* out of memory: the error of the cell that ran out of it is coming */
	}
	if (!worker_send_locked(w, &(struct tn_wire_send){.lane = TN_WIRE_BULK, .buffers = &text, .buffer_count = 1}, json, NULL)) {
		tn_log(TN_LOG_WARN, "out of memory: %zu bytes of text are lost", length);
	}
}

size_t worker_stream_piece(const char *bytes, size_t length) {
	size_t n = length < WORKER_MESSAGE_TEXT ? length : WORKER_MESSAGE_TEXT;
	while (n < length && n > WORKER_MESSAGE_TEXT - 4 && ((unsigned char)bytes[n] & 0xc0) == 0x80) {
		n--;
	}
	return n;
}

void worker_stream_send_locked(struct worker *w, int which, const char *bytes, size_t length) {
	while (length > 0) {
		size_t n = worker_stream_piece(bytes, length);
		send_message(w, which, bytes, n);
		bytes += n;
		length -= n;
	}
}

void worker_stream_flush_locked(struct worker *w) {
	struct worker_stream *s = &w->stream;
	if (s->text.length > 0) {
		worker_held_text_locked(w, s->which, s->text.data, s->text.length);
		tn_str_clear(&s->text);
	}
}

bool worker_stream_is_due_locked(const struct worker *w) {
	return w->stream.text.length > 0 && tn_clock_ns() - w->stream.first_ns >= FLUSH_NS;
}

int worker_stream_due_locked(const struct worker *w) {
	const struct worker_stream *s = &w->stream;
	int held = worker_held_due_locked(w);
	if (s->text.length == 0) {
		return held;
	}
	int64_t left = s->first_ns + FLUSH_NS - tn_clock_ns();
	int due = left <= 0 ? 0 : (int)(left / 1000000) + 1;
	return held >= 0 && held < due ? held : due;
}

void worker_stream_add_locked(struct worker *w, int which, const char *bytes, size_t length) {
	struct worker_stream *s = &w->stream;
	if (length == 0 || s->muted) {
		return;
	}
	if (which != s->which) {
		worker_stream_flush_locked(w);
		s->which = which;
	}
	int64_t now = tn_clock_ns();
	if (s->text.length == 0) {
		s->first_ns = now;
	}
	bool large = s->text.length == 0 && length >= WORKER_FLUSH_BYTES;
	if (large || !tn_str_append_n(&s->text, bytes, length)) {
		worker_stream_flush_locked(w);
		worker_held_text_locked(w, which, bytes, length);
		return;
	}
	bool quick = now - s->sent_ns >= FLUSH_NS && bytes[length - 1] == '\n';
	if (s->text.length >= WORKER_FLUSH_BYTES || now - s->first_ns >= FLUSH_NS || quick) {
		worker_stream_flush_locked(w);
	}
}

/* ---- descriptors 1 and 2 ---- */

/* How many bytes at the end begin a character that is not whole. */
static size_t unfinished(const char *bytes, size_t length) {
	for (size_t back = 1; back <= 3 && back <= length; back++) {
		unsigned char c = (unsigned char)bytes[length - back];
		if ((c & 0xc0) == 0x80) {
			continue;
		}
		size_t needed = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
		return needed > back ? back : 0;
	}
	return 0;
}

static void add_captured(struct worker *w, int which, char *bytes, size_t length, bool all) {
	struct worker_capture *c = &w->capture[which - 1];
	size_t keep = all ? 0 : unfinished(bytes, length);
	worker_stream_add_locked(w, which, bytes, length - keep);
	for (size_t i = 0; i < keep; i++) {
		c->rest[i] = bytes[length - keep + i];
	}
	c->rest_length = keep;
}

/* Reads what the pipe holds now and no more: a child that never stops writing must not keep a cell from ending. */
static void drain(struct worker *w, int which, bool all) {
	struct worker_capture *c = &w->capture[which - 1];
	int waiting = 0;
	if (c->fd < 0 || ioctl(c->fd, FIONREAD, &waiting) != 0) {
		return;
	}
	while (waiting > 0) {
		char bytes[4096 + sizeof(c->rest)];
		size_t held = c->rest_length, want = waiting < 4096 ? (size_t)waiting : 4096;
		for (size_t i = 0; i < held; i++) {
			bytes[i] = c->rest[i];
		}
		ssize_t n = read(c->fd, bytes + held, want);
		if (n <= 0) {
			break; /* never: only we read it, and we hold its other end */
		}
		waiting -= (int)n;
		add_captured(w, which, bytes, held + (size_t)n, false);
	}
	if (all && c->rest_length > 0) {
		char bytes[sizeof(c->rest)];
		size_t held = c->rest_length;
		for (size_t i = 0; i < held; i++) {
			bytes[i] = c->rest[i];
		}
		add_captured(w, which, bytes, held, true);
	}
}

void worker_capture_locked(struct worker *w, bool all) {
	w->captured_ns = tn_clock_ns();
	drain(w, 1, all);
	drain(w, 2, all);
}

bool worker_capture_has_room_locked(struct worker *w) {
	return w->out_broken || tn_wire_sender_queued(w->sender) < WORKER_QUEUE_MAX;
}

/* ---- a cell's text ---- */

void worker_stream_begin(struct worker *w) {
	pthread_mutex_lock(&w->out_lock);
	worker_capture_locked(w, true); /* what came in between belongs to the cell before */
	worker_stream_flush_locked(w);
	worker_held_flush_locked(w);
	w->stream.shown_id = w->silent ? w->stream.shown_id : w->id;
	w->stream.id = w->id;
	w->stream.muted = w->silent;
	w->stream.sent_ns = 0;
	worker_pace_begin(&w->pace);
	worker_flood_begin(w, w->cell);
	pthread_mutex_unlock(&w->out_lock);
}

void worker_stream_end(struct worker *w) {
	fflush(stdout);
	pthread_mutex_lock(&w->out_lock);
	worker_capture_locked(w, true);
	worker_stream_flush_locked(w);
	worker_held_flush_locked(w);
	w->spilled += w->stream.flood.needed ? w->stream.flood.filed : 0;
	worker_flood_end(&w->stream.flood);
	tn_str_finish(&w->stream.text);
	w->stream.muted = false;
	w->stream.id = w->stream.shown_id; /* what comes until the next cell is the last one's that anybody sees */
	pthread_mutex_unlock(&w->out_lock);
}
