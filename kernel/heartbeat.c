/* SPDX-License-Identifier: Apache-2.0 */
/* The heartbeat: echoes what comes, frame by frame. A ROUTER, so that several clients are served; ends when its context is shut
 * down. */
#include <pthread.h>
#include <signal.h>
#include <zmq.h>

#include "kernel/socket.h"
#include "kernel/transport.h"

enum { BEAT_MAX = 64 * 1024, SEND_MAX = 100, STACK_SIZE = 64 * 1024 };

struct tn_heartbeat {
	void *context, *socket;
	pthread_t thread;
};

/* False: the context is gone. */
static bool echo(void *socket) {
	zmq_msg_t frame;
	int more = 1;
	while (more) {
		zmq_msg_init(&frame);
		if (zmq_msg_recv(&frame, socket, 0) < 0) {
			bool again = zmq_errno() == EINTR;
			zmq_msg_close(&frame);
			return again;
		}
		more = zmq_msg_more(&frame);
		if (zmq_msg_send(&frame, socket, more ? ZMQ_SNDMORE : 0) < 0) {
			bool gone = zmq_errno() == ETERM;
			zmq_msg_close(&frame);
			if (gone) {
				return false;
			}
		}
	}
	return true;
}

static void *beat(void *data) {
	struct tn_heartbeat *heartbeat = data;
	while (echo(heartbeat->socket)) {
	}
	zmq_close(heartbeat->socket);
	return NULL;
}

static bool start_thread(struct tn_heartbeat *heartbeat, struct tn_error *err) {
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	int failed = pthread_create(&heartbeat->thread, &attributes, beat, heartbeat);
	pthread_attr_destroy(&attributes);
	return failed == 0 || tn_error_set(err, TN_ERR_IO, "cannot start the heartbeat's thread");
}

struct tn_heartbeat *tn_heartbeat_start(struct tn_connection *connection, struct tn_error *err) {
	struct tn_heartbeat *heartbeat = tn_calloc(1, sizeof(*heartbeat));
	if (heartbeat == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	heartbeat->context = zmq_ctx_new();
	if (heartbeat->context == NULL) {
		tn_error_set(err, TN_ERR_IO, "cannot start ZeroMQ: %s", zmq_strerror(zmq_errno()));
		tn_free(heartbeat);
		return NULL;
	}
	const struct tn_socket_params params = {.context = heartbeat->context,
		.type = ZMQ_ROUTER,
		.port = TN_PORT_HEARTBEAT,
		.message_max = BEAT_MAX,
		.send_max = SEND_MAX};
	heartbeat->socket = tn_socket_open(connection, &params, err);
	if (heartbeat->socket == NULL || !start_thread(heartbeat, err)) {
		if (heartbeat->socket != NULL) {
			zmq_close(heartbeat->socket);
		}
		zmq_ctx_term(heartbeat->context);
		tn_free(heartbeat);
		return NULL;
	}
	return heartbeat;
}

void tn_heartbeat_stop(struct tn_heartbeat *heartbeat) {
	if (heartbeat == NULL) {
		return;
	}
	zmq_ctx_shutdown(heartbeat->context);
	pthread_join(heartbeat->thread, NULL);
	zmq_ctx_term(heartbeat->context);
	tn_free(heartbeat);
}
