/* SPDX-License-Identifier: Apache-2.0 */
/* The transport of the tests: messages wait in lists, in the order in which they were sent over all channels, so that a test sees
 * what a client can only guess at. */
#include <string.h>

#include "kernel/transport.h"

struct kept {
	enum tn_channel channel;
	struct tn_packet packet;
};

struct transport_memory {
	struct tn_transport base;
	TN_VEC(struct kept) in, out;
	struct tn_packet lent; /* what was received last */
	bool blocked;
};

static struct transport_memory *of(struct tn_transport *transport) {
	return TN_CONTAINER_OF(transport, struct transport_memory, base);
}

static unsigned wait_for(struct tn_transport *transport, unsigned channels, struct pollfd *fds, size_t count, int timeout_ms) {
	struct transport_memory *t = of(transport);
	unsigned ready = 0;
	for (size_t i = 0; i < t->in.count; i++) {
		ready |= 1u << t->in.items[i].channel;
	}
	ready &= channels;
	poll(fds, count, ready != 0 ? 0 : timeout_ms);
	return ready;
}

static bool receive(struct tn_transport *transport, enum tn_channel channel, tn_parts *frames) {
	struct transport_memory *t = of(transport);
	for (size_t i = 0; i < t->in.count; i++) {
		if (t->in.items[i].channel != channel) {
			continue;
		}
		tn_packet_finish(&t->lent);
		t->lent = t->in.items[i].packet;
		t->in.count--;
		memmove(t->in.items + i, t->in.items + i + 1, (t->in.count - i) * sizeof(*t->in.items));
		frames->count = 0;
		for (size_t f = 0; f < t->lent.ends.count; f++) {
			if (!TN_VEC_PUSH(frames, tn_packet_frame(&t->lent, f))) {
				frames->count = 0;
				break;
			}
		}
		return true;
	}
	return false;
}

static bool copy_frames(struct tn_packet *out, const struct tn_part *frames, size_t count) {
	for (size_t i = 0; i < count; i++) {
		if (!tn_str_append_n(&out->bytes, frames[i].data, frames[i].size) || !TN_VEC_PUSH(&out->ends, out->bytes.length)) {
			tn_packet_finish(out);
			return false;
		}
	}
	return true;
}

static enum tn_sent send_packet(
	struct tn_transport *transport, enum tn_channel channel, const struct tn_packet *packet, bool force) {
	struct transport_memory *t = of(transport);
	struct kept kept = {.channel = channel};
	if (t->blocked && (channel == TN_CHANNEL_IOPUB || channel == TN_CHANNEL_STDIN)) {
		return force ? TN_SENT_LOSSY : TN_SENT_FULL;
	}
	for (size_t i = 0; i < packet->ends.count; i++) {
		struct tn_part frame = tn_packet_frame(packet, i);
		if (!copy_frames(&kept.packet, &frame, 1)) {
			return TN_SENT_FAILED;
		}
	}
	if (!TN_VEC_PUSH(&t->out, kept)) {
		tn_packet_finish(&kept.packet);
		return TN_SENT_FAILED;
	}
	return TN_SENT;
}

static void subscribe(struct tn_transport *transport, struct tn_part topic, bool begin) {
	(void)transport; /* everything that is published is kept */
	(void)topic;
	(void)begin;
}

static void destroy(struct tn_transport *transport) {
	struct transport_memory *t = of(transport);
	for (size_t i = 0; i < t->in.count; i++) {
		tn_packet_finish(&t->in.items[i].packet);
	}
	for (size_t i = 0; i < t->out.count; i++) {
		tn_packet_finish(&t->out.items[i].packet);
	}
	TN_VEC_FINISH(&t->in);
	TN_VEC_FINISH(&t->out);
	tn_packet_finish(&t->lent);
	tn_free(t);
}

static const struct tn_transport_impl impl = {
	.wait = wait_for, .receive = receive, .send = send_packet, .subscribe = subscribe, .destroy = destroy};

struct tn_transport *tn_transport_memory(void) {
	struct transport_memory *t = tn_calloc(1, sizeof(*t));
	if (t == NULL) {
		return NULL;
	}
	t->base.impl = &impl;
	return &t->base;
}

bool tn_transport_memory_put(
	struct tn_transport *transport, enum tn_channel channel, const struct tn_part *frames, size_t count) {
	struct transport_memory *t = of(transport);
	struct kept kept = {.channel = channel};
	if (!copy_frames(&kept.packet, frames, count)) {
		return false;
	}
	if (!TN_VEC_PUSH(&t->in, kept)) {
		tn_packet_finish(&kept.packet);
		return false;
	}
	return true;
}

bool tn_transport_memory_take(struct tn_transport *transport, enum tn_channel *channel, struct tn_packet *out) {
	struct transport_memory *t = of(transport);
	if (t->out.count == 0) {
		return false;
	}
	*channel = t->out.items[0].channel;
	*out = t->out.items[0].packet;
	t->out.count--;
	memmove(t->out.items, t->out.items + 1, t->out.count * sizeof(*t->out.items));
	return true;
}

void tn_transport_memory_block(struct tn_transport *transport, bool blocked) {
	of(transport)->blocked = blocked;
}
