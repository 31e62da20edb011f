/* SPDX-License-Identifier: Apache-2.0 */
/* A cell's text and displays, sent when the pace (worker_pace.c) lets them, else held: text and new displays in one queue, in order, of which
 * the oldest is left out when there is too much; of each place that is shown again only its last state. Whoever pumps sends what may leave by
 * then. Before an error, a question and the cell's end all that is held goes out: the end of a flood always arrives. Under out_lock. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "main/worker.h"

enum {
	RUNS_MAX = 64,            /* runs of text that wait: beyond, the order of stdout and stderr is given up before their text is */
	SHOWS_MAX = 20,           /* new displays that wait */
	SHOW_BYTES_MAX = 16 << 20, /* of their data, but for the newest */
	PIECE_LEAST = 16 << 10,   /* text that waited leaves in pieces of this, at least */
	AGAIN_MS = 100,           /* a place is shown again so often */
	KEPT_TEXT_MAX = 64 << 10, /* the text of a new display is in the cell's file up to this */
};

/* Text of one stream (which 1 or 2), or a new display (which 0). */
struct worker_held {
	struct worker_held *next;
	int which;
	struct tn_str text;
	struct worker_message message;
};

/* ---- messages with their buffers ---- */

static void message_finish(struct worker_message *m) {
	json_decref(m->json);
	worker_answers_finish(&m->buffers);
	*m = (struct worker_message){0};
}

/* Takes the JSON, and copies the buffers. */
static bool message_keep(struct worker_message *m, json_t *json, const struct worker_buffers *buffers) {
	message_finish(m);
	m->json = json;
	if (buffers->count > 0) {
		m->buffers.items = tn_realloc_array(NULL, buffers->count, sizeof(*buffers->items));
	}
	for (uint32_t i = 0; m->buffers.items != NULL && i < buffers->count; i++) {
		uint8_t *copy = tn_alloc(buffers->items[i].size + 1);
		if (copy == NULL) {
			break;
		}
		memcpy(copy, buffers->items[i].data, buffers->items[i].size);
		m->buffers.items[m->buffers.count++] = (struct tn_wire_buffer){copy, buffers->items[i].size};
		m->size += buffers->items[i].size;
	}
	bool ok = m->buffers.count == buffers->count;
	if (!ok) {
		message_finish(m);
	}
	return ok;
}

/* Takes the JSON. */
static bool put(struct worker *w, json_t *json, const struct worker_buffers *buffers, struct tn_error *err) {
	const struct tn_wire_send how = {.lane = TN_WIRE_BULK, .buffers = buffers->items, .buffer_count = buffers->count};
	return worker_send_locked(w, &how, json, err);
}

/* ---- places ---- */

static struct worker_shown *find_shown(struct worker_pace *p, uint64_t id) {
	for (unsigned i = 0; i < p->shown_count; i++) {
		if (p->shown[i].id == id) {
			return &p->shown[i];
		}
	}
	return NULL;
}

/* The place's entry; the one that was longest unused is forgotten for it, unless something of it waits. NULL: all wait. */
static struct worker_shown *note_shown(struct worker_pace *p, uint64_t id) {
	struct worker_shown *found = find_shown(p, id);
	if (found != NULL) {
		return found;
	}
	if (p->shown_count < WORKER_SHOWN_MAX) {
		found = &p->shown[p->shown_count++];
	}
	for (unsigned i = 0; found == NULL && i < p->shown_count; i++) {
		unsigned at = (p->shown_next + i) % WORKER_SHOWN_MAX;
		if (p->shown[at].last.json == NULL && p->shown[at].waits == NULL) {
			found = &p->shown[at];
			p->shown_next = at + 1;
		}
	}
	if (found != NULL) {
		*found = (struct worker_shown){.id = id};
	}
	return found;
}

static struct worker_shown *shown_of(struct worker_pace *p, const struct worker_held *h) {
	for (unsigned i = 0; i < p->shown_count; i++) {
		if (p->shown[i].waits == h) {
			return &p->shown[i];
		}
	}
	return NULL;
}

/* ---- the queue ---- */

static struct worker_held *append(struct worker_pace *p, int which) {
	struct worker_held *h = tn_calloc(1, sizeof(*h));
	if (h == NULL) {
		return NULL;
	}
	h->which = which;
	if (p->last != NULL) {
		p->last->next = h;
	} else {
		p->first = h;
	}
	p->last = h;
	p->runs_held += which != 0;
	p->shows_held += which == 0;
	return h;
}

/* Takes the item out of the queue; `before` is the one in front of it, or NULL. */
static void take_out(struct worker_pace *p, struct worker_held *before, struct worker_held *h) {
	struct worker_shown *place = h->which == 0 ? shown_of(p, h) : NULL;
	if (place != NULL) {
		place->waits = NULL;
	}
	if (before != NULL) {
		before->next = h->next;
	} else {
		p->first = h->next;
	}
	if (p->last == h) {
		p->last = before;
	}
	p->runs_held -= h->which != 0;
	p->shows_held -= h->which == 0;
	p->text_held -= h->text.length;
	p->show_bytes -= h->message.size;
	tn_str_finish(&h->text);
	message_finish(&h->message);
	tn_free(h);
}

static void begin_flood(struct worker_pace *p) {
	p->flooding = p->rate > 0;
}

/* Leaves text out from the front of a run: `cut` bytes, and on to the next line's beginning, or to the next character's. */
static void cut_front(struct worker_pace *p, struct worker_held *h, size_t cut) {
	const char *line = memchr(h->text.data + cut, '\n', h->text.length - cut);
	if (line != NULL && line + 1 < h->text.data + h->text.length) {
		cut = (size_t)(line + 1 - h->text.data);
	}
	while (cut < h->text.length && ((unsigned char)h->text.data[cut] & 0xc0) == 0x80) {
		cut++;
	}
	memmove(h->text.data, h->text.data + cut, h->text.length - cut);
	h->text.length -= cut;
	p->text_held -= cut;
	p->lost_bytes += cut;
	begin_flood(p);
}

/* Leaves the oldest text out until no more than `most` bytes are held. */
static void trim_text(struct worker_pace *p, size_t most) {
	struct worker_held *before = NULL, *h = p->first;
	while (h != NULL && p->text_held > most) {
		struct worker_held *next = h->next;
		size_t over = p->text_held - most;
		if (h->which != 0 && h->text.length > over) {
			cut_front(p, h, over);
		} else if (h->which != 0) {
			p->lost_bytes += h->text.length;
			begin_flood(p);
			take_out(p, before, h);
			h = before;
		}
		before = h;
		h = next;
	}
}

static void trim_shows(struct worker_pace *p) {
	struct worker_held *before = NULL, *h = p->first;
	while (h != NULL && p->shows_held > 1 && (p->shows_held > SHOWS_MAX || p->show_bytes > SHOW_BYTES_MAX)) {
		struct worker_held *next = h->next;
		if (h->which == 0) {
			struct worker_shown *place = shown_of(p, h);
			if (place != NULL) {
				place->lost = true;
			}
			p->lost_shows++;
			take_out(p, before, h);
			h = before;
		}
		before = h;
		h = next;
	}
}

static double cost_of(const struct worker_held *h) {
	double cost = 0;
	(void)worker_pace_prefix(tn_str_c(&h->text), h->text.length, INFINITY, &cost);
	return cost;
}

/* Leaves the oldest text out until what is held costs no more than that. */
static void trim_cost(struct worker_pace *p, double most) {
	double sum = 0, dropped;
	for (const struct worker_held *h = p->first; h != NULL; h = h->next) {
		sum += h->which != 0 ? cost_of(h) : 0;
	}
	struct worker_held *before = NULL, *h = p->first;
	while (h != NULL && sum > most) {
		struct worker_held *next = h->next;
		double cost = h->which != 0 ? cost_of(h) : 0;
		if (cost > sum - most) {
			cut_front(p, h, worker_pace_prefix(tn_str_c(&h->text), h->text.length, sum - most + 8, &dropped));
			return;
		}
		sum -= cost;
		if (h->which != 0) {
			p->lost_bytes += h->text.length;
			begin_flood(p);
			take_out(p, before, h);
			h = before;
		}
		before = h;
		h = next;
	}
}

/* The run that text of this stream goes to. */
static struct worker_held *run_for(struct worker_pace *p, int which) {
	if (p->last != NULL && p->last->which == which) {
		return p->last;
	}
	struct worker_held *found = NULL;
	for (struct worker_held *h = p->runs_held >= RUNS_MAX ? p->first : NULL; h != NULL; h = h->next) {
		found = h->which == which ? h : found;
	}
	return found != NULL ? found : append(p, which);
}

static void hold_text(struct worker *w, int which, const char *bytes, size_t length) {
	struct worker_pace *p = &w->pace;
	if (length > 2 * p->tail) { /* most of it would be cut away again */
		size_t cut = length - 2 * p->tail;
		while (cut < length && ((unsigned char)bytes[cut] & 0xc0) == 0x80) {
			cut++;
		}
		trim_text(p, 0);
		p->lost_bytes += cut;
		begin_flood(p);
		bytes += cut;
		length -= cut;
	}
	struct worker_held *h = run_for(p, which);
	if (h == NULL || !tn_str_append_n(&h->text, bytes, length)) {
		p->lost_bytes += length; /* the file has it */
		return;
	}
	p->text_held += length;
	if (p->text_held > 2 * p->tail) {
		trim_text(p, p->tail);
	}
}

/* ---- sending ---- */

/* What comes is held until the cell ends. */
static bool is_full(const struct worker *w) {
	return w->stream.flood.shown + 4 > WORKER_FLOOD_FROM; /* no room for a character */
}

/* The front takes less than the pace allows: text waits for it as for that. */
static bool front_is_behind(const struct worker *w) {
	return w->pace.rate > 0 && tn_wire_sender_queued(w->sender) >= WORKER_QUEUE_MAX / 2;
}

static void send_piece(struct worker *w, int which, const char *bytes, size_t length, double cost) {
	worker_stream_send_locked(w, which, bytes, length);
	worker_pace_sent(&w->pace, cost, false);
	w->stream.flood.shown += length;
	w->pace.in_line = bytes[length - 1] != '\n';
	w->stream.sent_ns = w->pace.at_ns;
}

/* Where to end a piece of the text that is not all of it: at a line's end if it has one, else at a character's. */
static size_t end_piece(const char *bytes, size_t n) {
	const char *line = memrchr(bytes, '\n', n);
	while (line == NULL && n > 0 && ((unsigned char)bytes[n] & 0xc0) == 0x80) {
		n--;
	}
	return line != NULL ? (size_t)(line + 1 - bytes) : n;
}

/* Sends what may leave of the text, at least `least` bytes in a message unless that is all; how much. */
static size_t send_some(struct worker *w, int which, const char *bytes, size_t length, size_t least) {
	const struct worker_flood *flood = &w->stream.flood;
	size_t sent = 0;
	while (sent < length && !is_full(w)) {
		double cost;
		size_t room = WORKER_FLOOD_FROM - (size_t)flood->shown, left = length - sent;
		size_t n = worker_stream_piece(bytes + sent, left < room ? left : room);
		if (front_is_behind(w)) {
			break;
		}
		n = worker_pace_prefix(bytes + sent, n, worker_pace_text(&w->pace), &cost);
		n = n < left ? end_piece(bytes + sent, n) : n;
		if (n == 0 || (n < least && n < left)) {
			break;
		}
		send_piece(w, which, bytes + sent, n, cost);
		sent += n;
	}
	return sent;
}

static void send_note(struct worker *w, const struct tn_str *note) {
	if (note->length > 0) {
		worker_stream_send_locked(w, 1, note->data, note->length);
		worker_pace_sent(&w->pace, (double)note->length, false);
	}
}

/* In the place of what is left out, so that what is shown before and after is not taken for one text. */
static void say_lost(struct worker *w) {
	struct worker_pace *p = &w->pace;
	struct tn_str note = {0};
	if (p->lost_bytes == 0 && p->lost_shows == 0) {
		return;
	}
	bool ok = tn_str_append(&note, p->in_line ? "\n[" : "[");
	if (p->lost_bytes > 0) {
		ok = ok && tn_str_printf(&note, "about %" PRIu64 " KiB are left out here", (p->lost_bytes + 1023) >> 10);
	}
	if (p->lost_shows > 0) {
		ok = ok && tn_str_printf(&note, "%s%" PRIu64 " displays are left out %s", p->lost_bytes > 0 ? ", and " : "", p->lost_shows,
			p->lost_bytes > 0 ? "in between" : "here");
	}
	ok = ok && tn_str_append(&note, "; ");
	worker_flood_where(&w->stream.flood, &note);
	if (ok && tn_str_append(&note, "]\n")) {
		send_note(w, &note);
	}
	w->stream.flood.needed = true;
	p->lost_bytes = p->lost_shows = 0;
	tn_str_finish(&note);
}

static void send_clear(struct worker *w) {
	struct worker_pace *p = &w->pace;
	json_t *json = worker_json("clear", w->stream.id);
	const struct tn_wire_send how = {.lane = TN_WIRE_BULK, .after_bulk = true};
	if (!tn_json_set_take(json, "wait", json_boolean(p->clear == WORKER_CLEAR_LATER))) {
		json_decref(json);
		json = NULL;
	}
	if (json == NULL || !worker_send_locked(w, &how, json, NULL)) {
		tn_log(TN_LOG_WARN, "out of memory: the output is not cleared");
	}
	worker_pace_sent(p, 0, false);
	p->clear = WORKER_CLEAR_NONE;
}

static void send_shown(struct worker *w, struct worker_message *m, struct worker_shown *place, bool show) {
	struct tn_error err = {0};
	json_t *json = m->json;
	m->json = NULL;
	if (!put(w, json, &m->buffers, &err)) {
		tn_log(TN_LOG_WARN, "a display is lost: %s", err.text);
	}
	worker_pace_sent(&w->pace, 0, show);
	if (place != NULL) {
		place->sent_ns = w->pace.at_ns;
		place->lost = false;
	}
	message_finish(m);
}

/* What is next: displays overtake text that waits for the cell's end. NULL: nothing. */
static struct worker_held *next_held(const struct worker *w, struct worker_held **before) {
	struct worker_held *h = w->pace.first;
	*before = NULL;
	while (h != NULL && h->which != 0 && is_full(w)) {
		*before = h;
		h = h->next;
	}
	return h;
}

/* Whether it may leave now, with the clear before it. */
static bool may_leave(struct worker *w, const struct worker_held *h) {
	struct worker_pace *p = &w->pace;
	const unsigned clear = p->clear != WORKER_CLEAR_NONE;
	if (h == NULL) {
		return clear && p->first == NULL && worker_pace_message(p, 1);
	}
	if (!worker_pace_message(p, 1 + clear) || front_is_behind(w)) {
		return false;
	}
	if (h->which == 0) {
		return worker_pace_show(p);
	}
	return worker_pace_text(p) >= (p->lost_bytes > 0 ? (double)p->tail : 1); /* samples of a flood are pieces that can be read */
}

static void send_due_places(struct worker *w) {
	struct worker_pace *p = &w->pace;
	for (unsigned i = 0; i < p->shown_count; i++) {
		struct worker_shown *place = &p->shown[(p->shown_turn + i) % p->shown_count];
		if (place->last.json == NULL || p->at_ns - place->sent_ns < AGAIN_MS * (int64_t)1000000) {
			continue;
		}
		if (!worker_pace_message(p, 1)) {
			p->shown_turn = (p->shown_turn + i) % p->shown_count; /* it is the first the next time */
			return;
		}
		send_shown(w, &place->last, place, false);
	}
}

/* The text in front, as far as it may leave. True: all of the run did. */
static bool send_front(struct worker *w) {
	struct worker_pace *p = &w->pace;
	if (p->lost_bytes > 0) {
		trim_cost(p, (double)p->tail);
		say_lost(w);
	}
	struct worker_held *h = p->first;
	if (h->which == 0) {
		return true;
	}
	size_t n = send_some(w, h->which, tn_str_c(&h->text), h->text.length, PIECE_LEAST);
	bool all = n == h->text.length;
	if (!all) {
		memmove(h->text.data, h->text.data + n, h->text.length - n);
		h->text.length -= n;
		p->text_held -= n;
	} else {
		take_out(p, NULL, h);
	}
	return all;
}

void worker_held_release_locked(struct worker *w) {
	struct worker_pace *p = &w->pace;
	struct worker_held *before, *h;
	worker_pace_tick(p);
	while (h = next_held(w, &before), may_leave(w, h)) {
		if (p->clear != WORKER_CLEAR_NONE) {
			send_clear(w);
		}
		if (h == NULL) {
			break;
		}
		if (h->which == 0) {
			send_shown(w, &h->message, shown_of(p, h), true);
			take_out(p, before, h);
		} else if (!send_front(w)) {
			break;
		}
	}
	send_due_places(w);
}

int worker_held_due_locked(const struct worker *w) {
	const struct worker_pace *p = &w->pace;
	struct worker_held *before;
	bool waits = p->clear != WORKER_CLEAR_NONE || next_held(w, &before) != NULL;
	for (unsigned i = 0; !waits && i < p->shown_count; i++) {
		waits = p->shown[i].last.json != NULL;
	}
	return waits ? WORKER_FLUSH_MS : -1;
}

void worker_held_flush_locked(struct worker *w) {
	struct worker_pace *p = &w->pace;
	worker_pace_tick(p);
	trim_cost(p, fmax((double)p->tail, worker_pace_left(p)));
	if (p->clear != WORKER_CLEAR_NONE) {
		send_clear(w);
	}
	say_lost(w);
	while (p->first != NULL) {
		struct worker_held *h = p->first;
		const char *bytes = tn_str_c(&h->text);
		double cost;
		for (size_t at = 0, n; at < h->text.length; at += n) {
			n = worker_stream_piece(bytes + at, h->text.length - at);
			(void)worker_pace_prefix(bytes + at, n, INFINITY, &cost);
			send_piece(w, h->which, bytes + at, n, cost);
		}
		if (h->which == 0) {
			send_shown(w, &h->message, shown_of(p, h), true);
		}
		take_out(p, NULL, h);
	}
	for (unsigned i = 0; i < p->shown_count; i++) {
		if (p->shown[i].last.json != NULL) {
			send_shown(w, &p->shown[i].last, &p->shown[i], false);
		}
	}
}

void worker_held_finish(struct worker_pace *p) {
	while (p->first != NULL) {
		take_out(p, NULL, p->first);
	}
	for (unsigned i = 0; i < p->shown_count; i++) {
		message_finish(&p->shown[i].last);
	}
	p->shown_count = 0;
}

/* ---- what comes in ---- */

/* Holding back for good begins. */
static void say_full(struct worker *w) {
	struct tn_str note = {0};
	w->stream.flood.said = w->stream.flood.needed = true;
	bool ok = tn_str_printf(&note, "\n[the output of this cell exceeds %d KiB: its end is shown when the cell ends; ", WORKER_FLOOD_FROM >> 10);
	worker_flood_where(&w->stream.flood, &note);
	if (ok && tn_str_append(&note, "]\n")) {
		send_note(w, &note);
	}
	tn_str_finish(&note);
}

void worker_held_text_locked(struct worker *w, int which, const char *bytes, size_t length) {
	struct worker_pace *p = &w->pace;
	worker_flood_keep(&w->stream.flood, bytes, length);
	worker_held_release_locked(w);
	size_t sent = 0;
	if (p->first == NULL && p->clear == WORKER_CLEAR_NONE) {
		sent = send_some(w, which, bytes, length, 0);
	}
	if (sent < length) {
		if (is_full(w) && !w->stream.flood.said) {
			say_full(w);
		}
		hold_text(w, which, bytes + sent, length - sent);
	}
}

/* A new display waits for its turn; in the cell's file its text is already. */
static void hold_show(struct worker_pace *p, json_t *json, const struct worker_buffers *buffers, struct worker_shown *place) {
	struct worker_held *h = append(p, 0);
	if (h == NULL || !message_keep(&h->message, json, buffers)) {
		if (h == NULL) {
			json_decref(json);
		}
		p->lost_shows++;
		return; /* an item without a message is passed over */
	}
	if (place != NULL) {
		place->waits = h;
	}
	h->message.size += json_string_length(json_object_get(json_object_get(json, "data"), "text/plain"));
	p->show_bytes += h->message.size;
	trim_shows(p);
}

static void keep_text(struct worker *w, const json_t *json) {
	const json_t *text = json_object_get(json_object_get(json, "data"), "text/plain");
	if (json_is_string(text) && json_string_length(text) <= KEPT_TEXT_MAX) {
		worker_flood_keep(&w->stream.flood, json_string_value(text), json_string_length(text));
		worker_flood_keep(&w->stream.flood, "\n", 1);
	}
}

static bool show_new(struct worker *w, json_t *json, const struct worker_show *show, struct tn_error *err) {
	struct worker_pace *p = &w->pace;
	struct worker_shown *place = show->id != 0 ? note_shown(p, show->id) : NULL;
	if (place != NULL && place->last.json != NULL) { /* of the place as it was */
		send_shown(w, &place->last, place, false);
	}
	if (place != NULL) {
		place->waits = NULL;
	}
	keep_text(w, json);
	struct worker_held *before;
	if (next_held(w, &before) != NULL || p->clear != WORKER_CLEAR_NONE || !worker_pace_show(p)) {
		hold_show(p, json, show->buffers, place);
		return true;
	}
	worker_pace_sent(p, 0, true);
	if (place != NULL) {
		place->sent_ns = p->at_ns;
		place->lost = false;
	}
	return put(w, json, show->buffers, err);
}

static bool show_again(struct worker *w, json_t *json, const struct worker_show *show, struct tn_error *err) {
	struct worker_pace *p = &w->pace;
	struct worker_shown *place = note_shown(p, show->id);
	if (place != NULL && (place->waits != NULL || place->lost)) { /* the reader has not seen it yet */
		json_object_set_new(json, "update", json_false());
	}
	if (place != NULL && place->waits != NULL) {
		p->show_bytes -= place->waits->message.size;
		place->waits->message.size = 0;
		(void)!message_keep(&place->waits->message, json, show->buffers);
		p->show_bytes += place->waits->message.size;
		return true;
	}
	if (place != NULL && place->lost) {
		return show_new(w, json, show, err);
	}
	if (place == NULL || p->rate == 0 || (p->at_ns - place->sent_ns >= AGAIN_MS * (int64_t)1000000 && worker_pace_message(p, 1))) {
		worker_pace_sent(p, 0, false);
		if (place != NULL) {
			place->sent_ns = p->at_ns;
			message_finish(&place->last);
		}
		return put(w, json, show->buffers, err);
	}
	(void)!message_keep(&place->last, json, show->buffers); /* without memory an older state stays */
	return true;
}

bool worker_held_show_locked(struct worker *w, json_t *json, const struct worker_show *show, struct tn_error *err) {
	if (json == NULL) {
		return tn_error_memory(err);
	}
	worker_held_release_locked(w);
	return show->update ? show_again(w, json, show, err) : show_new(w, json, show, err);
}

/* What is held would not be seen; a place of another cell, which is shown again, is none of it. */
void worker_held_clear_locked(struct worker *w, bool wait) {
	struct worker_pace *p = &w->pace;
	worker_held_release_locked(w);
	while (p->first != NULL) {
		take_out(p, NULL, p->first);
	}
	p->clear = wait ? WORKER_CLEAR_LATER : WORKER_CLEAR_NOW;
	worker_held_release_locked(w);
}
