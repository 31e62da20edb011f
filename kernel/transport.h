/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel needs of its sockets, so that the whole of it runs over ZeroMQ or, in tests, over lists in memory. Frames go
 * out in one call; what comes in is borrowed until the next receive. One thread. */
#ifndef TN_KERNEL_TRANSPORT_H
#define TN_KERNEL_TRANSPORT_H

#include <poll.h>

#include "kernel/connection.h"
#include "kernel/message.h"

typedef TN_VEC(struct tn_part) tn_parts;

enum tn_sent {
	TN_SENT,
	TN_SENT_LOSSY, /* by force, and not to everybody */
	TN_SENT_FULL,  /* a subscriber is slow, or (stdin) the client has not connected yet: again later */
	TN_SENT_FAILED,
};

struct tn_transport;
struct tn_transport_impl {
	/* Waits for a message on a channel of the mask (1 << channel), for one of the descriptors (revents are set), or for the time
	 * to pass. Returns the mask of the channels that have one. */
	unsigned (*wait)(struct tn_transport *transport, unsigned channels, struct pollfd *fds, size_t count, int timeout_ms);
	/* The next message: false when there is none. On iopub: what subscribers send (0 or 1, then the topic). */
	bool (*receive)(struct tn_transport *transport, enum tn_channel channel, tn_parts *frames);
	/* `force`: a subscriber that cannot take the message now loses it (iopub). */
	enum tn_sent (*send)(struct tn_transport *transport, enum tn_channel channel, const struct tn_packet *packet, bool force);
	/* Lets the subscription that was received last take effect, or ends it. */
	void (*subscribe)(struct tn_transport *transport, struct tn_part topic, bool begin);
	void (*destroy)(struct tn_transport *transport);
};
struct tn_transport {
	const struct tn_transport_impl *impl;
};

static inline void tn_transport_destroy(struct tn_transport *transport) {
	if (transport != NULL) {
		transport->impl->destroy(transport);
	}
}

/* Binds the sockets of the connection, and starts the heartbeat; ports that were 0 are filled in. */
TN_MUST_USE struct tn_transport *tn_transport_zmq(struct tn_connection *connection, struct tn_error *err);

/* In memory: what is put in is received, what is sent is kept. */
TN_MUST_USE struct tn_transport *tn_transport_memory(void);
/* A copy of the frames waits on the channel. */
TN_MUST_USE bool tn_transport_memory_put(
	struct tn_transport *transport, enum tn_channel channel, const struct tn_part *frames, size_t count);
/* The oldest packet that was sent on the channel and not taken; the caller finishes it. False: none. */
bool tn_transport_memory_take(struct tn_transport *transport, enum tn_channel *channel, struct tn_packet *out);
/* From now on iopub takes no message but by force, and stdin none. */
void tn_transport_memory_block(struct tn_transport *transport, bool blocked);

/* The echo that tells clients that the process lives; a thread and a context of its own, so that nothing delays it. NULL with
 * err. */
struct tn_heartbeat;
TN_MUST_USE struct tn_heartbeat *tn_heartbeat_start(struct tn_connection *connection, struct tn_error *err);
void tn_heartbeat_stop(struct tn_heartbeat *heartbeat); /* accepts NULL */

#endif
