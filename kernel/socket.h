/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a bound ZeroMQ socket as the connection says: shared by the channels and the heartbeat. Private to the ZeroMQ files. */
#ifndef TN_KERNEL_SOCKET_H
#define TN_KERNEL_SOCKET_H

#include "kernel/connection.h"

struct tn_socket_params {
	void *context;
	int type; /* ZMQ_ROUTER … */
	enum tn_port port;
	int64_t message_max;
	int send_max; /* messages that wait for a slow peer */
};
/* Limits, encryption, then bind; a port that was 0 is filled in. NULL with err. */
TN_MUST_USE void *tn_socket_open(struct tn_connection *connection, const struct tn_socket_params *params, struct tn_error *err);

#endif
