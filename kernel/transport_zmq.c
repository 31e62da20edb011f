/* SPDX-License-Identifier: Apache-2.0 */
/* The transport over ZeroMQ.
 *
 * iopub is an XPUB in manual mode: a subscription takes effect when the kernel has seen it, which lets the welcome come first;
 * and it does not drop: a full subscriber makes a send fail, and the kernel's own queue holds the message (iopub.c).
 *
 * ZeroMQ's thread runs under SCHED_BATCH: being woken for the first message it then does not push off the core the loop that is about to send
 * more, and what a short cell says leaves in two writes instead of five (measured: a round trip on two cores takes 6 % more than with
 * an empty kernel, not 16 %; answers beside a running computation come as soon as before). */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <zmq.h>

#include "kernel/socket.h"
#include "kernel/transport.h"

enum { SEND_MAX = 2000, FDS_MAX = 16, SUBSCRIPTION_MAX = 64 * 1024 };
#define MESSAGE_MAX ((int64_t)1 << 29)

struct transport_zmq {
	struct tn_transport base;
	void *context;
	void *sockets[TN_CHANNEL_COUNT];
	int fds[TN_CHANNEL_COUNT];     /* each socket's: something happened there */
	bool unsure[TN_CHANNEL_COUNT]; /* the socket must be asked before its descriptor is slept on */
	struct tn_heartbeat *heartbeat;
	size_t received_count;
	zmq_msg_t received[TN_FRAMES_MAX]; /* what `receive` lends out */
};

static struct transport_zmq *of(struct tn_transport *transport) {
	return TN_CONTAINER_OF(transport, struct transport_zmq, base);
}

/* ZeroMQ's descriptors are edge-triggered: readable once when something happened, and a send or a receive may take that in. So
 * whoever sent or received must ask the socket itself before it sleeps on the descriptor; the others need not be asked, which
 * zmq_poll would do for each socket, twice a wait, by a system call each. */
static bool has_message(struct transport_zmq *t, int channel) {
	int events = 0;
	size_t size = sizeof(events);
	bool ready = zmq_getsockopt(t->sockets[channel], ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN) != 0;
	t->unsure[channel] = ready;
	return ready;
}

static unsigned ask_sockets(struct transport_zmq *t, unsigned channels) {
	unsigned ready = 0;
	for (int i = 0; i < TN_CHANNEL_COUNT; i++) {
		if (channels & 1u << i && t->unsure[i] && has_message(t, i)) {
			ready |= 1u << i;
		}
	}
	return ready;
}

static unsigned wait_for(struct tn_transport *transport, unsigned channels, struct pollfd *fds, size_t count, int timeout_ms) {
	struct transport_zmq *t = of(transport);
	struct pollfd all[TN_CHANNEL_COUNT + FDS_MAX];
	assert(count <= FDS_MAX);
	unsigned ready = ask_sockets(t, channels);
	for (int i = 0; i < TN_CHANNEL_COUNT; i++) { /* poll passes over a negative descriptor */
		all[i] = (struct pollfd){.fd = channels & 1u << i ? t->fds[i] : -1, .events = POLLIN};
	}
	if (count > 0) {
		memcpy(all + TN_CHANNEL_COUNT, fds, count * sizeof(*fds));
	}
	if (poll(all, TN_CHANNEL_COUNT + count, ready != 0 ? 0 : timeout_ms) < 0) {
		for (size_t i = 0; i < TN_CHANNEL_COUNT + count; i++) {
			all[i].revents = 0;
		}
	}
	for (int i = 0; i < TN_CHANNEL_COUNT; i++) {
		t->unsure[i] = t->unsure[i] || all[i].revents != 0;
	}
	if (count > 0) {
		memcpy(fds, all + TN_CHANNEL_COUNT, count * sizeof(*fds));
	}
	return ready | ask_sockets(t, channels & ~ready);
}

static void close_received(struct transport_zmq *t) {
	while (t->received_count > 0) {
		zmq_msg_close(&t->received[--t->received_count]);
	}
}

/* Takes one frame in; false when there is none. Frames beyond the bound are read and forgotten. */
static bool receive_frame(struct transport_zmq *t, void *socket, bool *more) {
	zmq_msg_t spare;
	bool fits = t->received_count < TN_FRAMES_MAX;
	zmq_msg_t *frame = fits ? &t->received[t->received_count] : &spare;
	zmq_msg_init(frame);
	bool got = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) >= 0;
	*more = got && zmq_msg_more(frame) != 0;
	if (got && fits) {
		t->received_count++;
	} else {
		zmq_msg_close(frame);
	}
	return got;
}

static bool receive(struct tn_transport *transport, enum tn_channel channel, tn_parts *frames) {
	struct transport_zmq *t = of(transport);
	bool more = true;
	close_received(t);
	t->unsure[channel] = true;
	frames->count = 0;
	while (more) {
		if (!receive_frame(t, t->sockets[channel], &more)) {
			return false; /* ZeroMQ hands over whole messages: only the first frame can be missing */
		}
	}
	for (size_t i = 0; i < t->received_count; i++) {
		zmq_msg_t *frame = &t->received[i];
		struct tn_part part = {zmq_msg_data(frame), zmq_msg_size(frame)};
		if (!TN_VEC_PUSH(frames, part)) {
			frames->count = 0; /* an empty message: refused as any that is too short */
			return true;
		}
	}
	return true;
}

static void set_nodrop(void *socket, int value) {
	zmq_setsockopt(socket, ZMQ_XPUB_NODROP, &value, sizeof(value));
}

static enum tn_sent send_frames(void *socket, const struct tn_packet *packet) {
	size_t last = packet->ends.count - 1;
	for (size_t i = 0; i <= last; i++) {
		struct tn_part frame = tn_packet_frame(packet, i);
		while (zmq_send(socket, frame.data, frame.size, ZMQ_DONTWAIT | (i < last ? ZMQ_SNDMORE : 0)) < 0) {
			if (zmq_errno() != EINTR) {
				return zmq_errno() == EAGAIN || zmq_errno() == EHOSTUNREACH ? TN_SENT_FULL : TN_SENT_FAILED;
			}
		}
	}
	return TN_SENT;
}

static enum tn_sent send_packet(
	struct tn_transport *transport, enum tn_channel channel, const struct tn_packet *packet, bool force) {
	void *socket = of(transport)->sockets[channel];
	of(transport)->unsure[channel] = true;
	enum tn_sent sent = send_frames(socket, packet);
	if (sent == TN_SENT_FULL && channel == TN_CHANNEL_IOPUB && force) {
		set_nodrop(socket, 0);
		sent = send_frames(socket, packet) == TN_SENT ? TN_SENT_LOSSY : TN_SENT_FAILED;
		set_nodrop(socket, 1);
	}
	return sent;
}

static void subscribe(struct tn_transport *transport, struct tn_part topic, bool begin) {
	of(transport)->unsure[TN_CHANNEL_IOPUB] = true;
	zmq_setsockopt(of(transport)->sockets[TN_CHANNEL_IOPUB], begin ? ZMQ_SUBSCRIBE : ZMQ_UNSUBSCRIBE, topic.data, topic.size);
}

/* Nothing that waits is lost by this: closing lingers for a second. */
static void destroy(struct tn_transport *transport) {
	struct transport_zmq *t = of(transport);
	close_received(t);
	tn_heartbeat_stop(t->heartbeat);
	for (int i = 0; i < TN_CHANNEL_COUNT; i++) {
		if (t->sockets[i] != NULL) {
			zmq_close(t->sockets[i]);
		}
	}
	if (t->context != NULL) {
		zmq_ctx_term(t->context);
	}
	tn_free(t);
}

static const struct tn_transport_impl impl = {
	.wait = wait_for, .receive = receive, .send = send_packet, .subscribe = subscribe, .destroy = destroy};

static bool open_channels(struct transport_zmq *t, struct tn_connection *connection, struct tn_error *err) {
	static const struct {
		enum tn_port port;
		int type;
	} channels[TN_CHANNEL_COUNT] = {[TN_CHANNEL_SHELL] = {TN_PORT_SHELL, ZMQ_ROUTER},
		[TN_CHANNEL_CONTROL] = {TN_PORT_CONTROL, ZMQ_ROUTER},
		[TN_CHANNEL_STDIN] = {TN_PORT_STDIN, ZMQ_ROUTER},
		[TN_CHANNEL_IOPUB] = {TN_PORT_IOPUB, ZMQ_XPUB}};
	for (int i = 0; i < TN_CHANNEL_COUNT; i++) {
		const struct tn_socket_params params = {.context = t->context,
			.type = channels[i].type,
			.port = channels[i].port,
			.message_max = i == TN_CHANNEL_IOPUB ? SUBSCRIPTION_MAX : MESSAGE_MAX,
			.send_max = SEND_MAX};
		t->sockets[i] = tn_socket_open(connection, &params, err);
		size_t size = sizeof(t->fds[i]);
		if (t->sockets[i] == NULL) {
			return false;
		}
		if (zmq_getsockopt(t->sockets[i], ZMQ_FD, &t->fds[i], &size) != 0) {
			return tn_error_set(err, TN_ERR_IO, "cannot wait for a socket: %s", zmq_strerror(zmq_errno()));
		}
		t->unsure[i] = true;
	}
	return true;
}

/* ZeroMQ ends the process where its thread cannot have the policy that was asked for: under a real-time one, or where a container forbids the call. */
static bool may_be_batch(void) {
	const struct sched_param none = {0};
	return sched_getscheduler(0) == SCHED_OTHER && sched_setscheduler(0, SCHED_BATCH, &none) == 0 &&
		sched_setscheduler(0, SCHED_OTHER, &none) == 0;
}

struct tn_transport *tn_transport_zmq(struct tn_connection *connection, struct tn_error *err) {
	struct transport_zmq *t = tn_calloc(1, sizeof(*t));
	if (t == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	t->base.impl = &impl;
	t->context = zmq_ctx_new();
	if (t->context == NULL) {
		tn_error_set(err, TN_ERR_IO, "cannot start ZeroMQ: %s", zmq_strerror(zmq_errno()));
		destroy(&t->base);
		return NULL;
	}
	if (may_be_batch()) {
		zmq_ctx_set(t->context, ZMQ_THREAD_SCHED_POLICY, SCHED_BATCH);
	}
	if (!open_channels(t, connection, err) || (t->heartbeat = tn_heartbeat_start(connection, err)) == NULL) {
		destroy(&t->base);
		return NULL;
	}
	return &t->base;
}
