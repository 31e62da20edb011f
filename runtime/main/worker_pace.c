/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a cell's output may leave. A Jupyter server counts what it passes on: beyond 1 MB/s of text (as JSON, over 3 s) or 1,000 messages/s it
 * throws away whatever comes, the error at the cell's end included, and a page is busy for minutes with what does get through. So a
 * cell has a generous head, and then a pace below those limits. What may not leave now waits in worker_held.c; the cell never does. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "main/worker.h"

static const double DEFAULT_RATE = 800e3;
static const double MESSAGE_RATE = 100, MESSAGE_HEAD = 400;
static const double SHOW_RATE = 10, SHOW_HEAD = 200;
enum { ENVELOPE = 1024 }; /* of a message: headers and signature */

/* What may leave at once when nothing did for a while; while text is being left out, only what makes one readable piece; and in any 3 s. */
static double head_of(const struct worker_pace *p) {
	return p->flooding ? 1.25 * (double)p->tail + 4 * ENVELOPE : 2.5 * p->rate;
}
static double window_of(const struct worker_pace *p) {
	return 3.1 * p->rate;
}

/* Bytes a second; 0: no pace. */
static double read_rate(void) {
	const uint64_t rate = tn_setting_number(TN_SETTING_OUTPUT_RATE, (uint64_t)DEFAULT_RATE);
	if (rate == 0 || rate == TN_SETTING_OFF) {
		return 0;
	}
	return rate < 10000 ? 10e3 : (double)rate;
}

void worker_pace_begin(struct worker_pace *p) {
	if (!p->configured) {
		p->configured = true;
		p->rate = read_rate();
	}
	p->flooding = false;
	p->tail = p->rate > 0 && p->rate / 3 < WORKER_FLOOD_TAIL ? (size_t)(p->rate / 3) : WORKER_FLOOD_TAIL;
	p->bytes = head_of(p);
	p->messages = MESSAGE_HEAD;
	p->shows = SHOW_HEAD;
	p->at_ns = tn_clock_ns();
	memset(p->slots, 0, sizeof(p->slots)); /* a server begins to count anew when a cell is idle */
	p->recent = 0;
}

/* Slots of 100 ms that lie 3 s back are forgotten. */
static void forget(struct worker_pace *p, int64_t now) {
	int64_t slot = now / 100000000, from = slot - p->slot > WORKER_PACE_SLOTS ? slot - WORKER_PACE_SLOTS : p->slot;
	for (int64_t i = from + 1; i <= slot; i++) {
		p->recent -= p->slots[i % WORKER_PACE_SLOTS];
		p->slots[i % WORKER_PACE_SLOTS] = 0;
	}
	p->slot = slot;
}

void worker_pace_tick(struct worker_pace *p) {
	int64_t now = tn_clock_ns();
	double seconds = (double)(now - p->at_ns) * 1e-9;
	p->at_ns = now;
	p->bytes = fmin(p->bytes + seconds * p->rate, head_of(p));
	p->messages = fmin(p->messages + seconds * MESSAGE_RATE, MESSAGE_HEAD);
	p->shows = fmin(p->shows + seconds * SHOW_RATE, SHOW_HEAD);
	forget(p, now);
}

double worker_pace_left(const struct worker_pace *p) {
	return p->rate == 0 ? INFINITY : window_of(p) - (double)p->recent - ENVELOPE;
}

double worker_pace_text(const struct worker_pace *p) {
	if (p->rate == 0) {
		return INFINITY;
	}
	return p->messages >= 1 ? fmin(p->bytes - ENVELOPE, worker_pace_left(p)) : 0;
}

bool worker_pace_message(const struct worker_pace *p, unsigned count) {
	return p->rate == 0 || p->messages >= count;
}

bool worker_pace_show(const struct worker_pace *p) {
	return p->rate == 0 || (p->messages >= 1 && p->shows >= 1);
}

void worker_pace_sent(struct worker_pace *p, double text_cost, bool show) {
	p->messages -= 1;
	p->shows -= show;
	if (text_cost > 0) {
		uint64_t bytes = (uint64_t)text_cost + ENVELOPE;
		p->bytes -= (double)bytes;
		p->slots[p->slot % WORKER_PACE_SLOTS] += bytes;
		p->recent += bytes;
	}
}

/* What one byte of text costs in JSON; bytes of characters that are whole cost one each, and U+FFFD takes three. */
size_t worker_pace_prefix(const char *bytes, size_t length, double most, double *cost) {
	size_t at = 0;
	double sum = 0;
	while (at < length) {
		unsigned char c = (unsigned char)bytes[at];
		size_t n = 1, price = 1;
		if (c >= 0x80) {
			uint32_t character;
			n = tn_utf8_decode(bytes + at, bytes + length, &character);
			price = n > 0 ? n : 3;
			n = n > 0 ? n : 1;
		} else if (c < 0x20) {
			price = c == '\n' || c == '\t' || c == '\r' || c == '\b' || c == '\f' ? 2 : c == 0 ? 3 : 6;
		} else if (c == '"' || c == '\\') {
			price = 2;
		}
		if (sum + (double)price > most) {
			break;
		}
		sum += (double)price;
		at += n;
	}
	*cost = sum;
	return at;
}
