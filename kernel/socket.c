/* SPDX-License-Identifier: Apache-2.0 */
/* One bound socket. Options come before bind, CURVE above all: a socket that is bound first would take one client in clear. */
#include "kernel/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { LINGER_MS = 1000 };

static bool set_int(void *socket, int option, int value) {
	return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0;
}

/* No list of clients' keys: Jupyter's heartbeat client makes a pair of its own. Who knows the server's public key may connect. */
static bool set_curve(void *socket, const struct tn_connection *c) {
	return set_int(socket, ZMQ_CURVE_SERVER, 1) &&
		zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, c->curve_public, TN_CURVE_KEY_MAX) == 0 &&
		zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, c->curve_secret, TN_CURVE_KEY_MAX) == 0;
}

static bool set_options(
	void *socket, const struct tn_connection *c, const struct tn_socket_params *params, struct tn_error *err) {
	bool ok = set_int(socket, ZMQ_LINGER, LINGER_MS) && set_int(socket, ZMQ_SNDHWM, params->send_max) &&
		zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &params->message_max, sizeof(params->message_max)) == 0;
	ok = ok && (strchr(c->ip, ':') == NULL || set_int(socket, ZMQ_IPV6, 1));
	ok = ok && (params->type != ZMQ_ROUTER || set_int(socket, ZMQ_ROUTER_HANDOVER, 1));
	ok = ok && (params->port != TN_PORT_STDIN || set_int(socket, ZMQ_ROUTER_MANDATORY, 1)); /* a question must not vanish */
	ok = ok && (params->type != ZMQ_XPUB || (set_int(socket, ZMQ_XPUB_MANUAL, 1) && set_int(socket, ZMQ_XPUB_NODROP, 1)));
	if (ok && c->curve && !zmq_has("curve")) {
		return tn_error_set(
			err, TN_ERR_VALUE, "the connection file asks for encryption (CURVE), which this libzmq was built without");
	}
	if (ok && c->curve && !set_curve(socket, c)) {
		return tn_error_set(
			err, TN_ERR_VALUE, "the CURVE keys of the connection file are not valid: %s", zmq_strerror(zmq_errno()));
	}
	return ok || tn_error_set(err, TN_ERR_IO, "cannot set up a socket: %s", zmq_strerror(zmq_errno()));
}

static bool read_port(void *socket, int *port) {
	char endpoint[256];
	size_t size = sizeof(endpoint);
	if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) != 0) {
		return false;
	}
	const char *colon = strrchr(endpoint, ':');
	*port = colon == NULL ? 0 : atoi(colon + 1);
	return *port > 0;
}

static bool cannot_bind(const struct tn_connection *connection, const char *url, enum tn_port port, struct tn_error *err) {
	const char *advice = "";
	switch (zmq_errno()) {
	case EADDRINUSE:
		advice = "; another program listens there: start the kernel again, on other ports";
		break;
	case EADDRNOTAVAIL:
	case ENODEV:
		advice = "; ip must be an address of this machine, such as 127.0.0.1";
		break;
	case ENAMETOOLONG:
		advice = "; a socket's path has at most 107 bytes: choose a shorter ip";
		break;
	case ENOENT:
	case EACCES:
		advice = connection->ipc ? "; its folder must be there, and be yours to write in" : "";
		break;
	default:
		break;
	}
	return tn_error_set(
		err, TN_ERR_IO, "cannot bind %s (%s): %s%s", url, tn_port_name(port), zmq_strerror(zmq_errno()), advice);
}

void *tn_socket_open(struct tn_connection *connection, const struct tn_socket_params *params, struct tn_error *err) {
	struct tn_str url = {0};
	void *socket = zmq_socket(params->context, params->type);
	if (socket == NULL) {
		tn_error_set(err, TN_ERR_IO, "cannot make a socket: %s", zmq_strerror(zmq_errno()));
		return NULL;
	}
	bool ok = set_options(socket, connection, params, err) &&
		(tn_connection_url(connection, params->port, &url) || tn_error_memory(err));
	ok = ok && (zmq_bind(socket, tn_str_c(&url)) == 0 || cannot_bind(connection, tn_str_c(&url), params->port, err));
	if (ok && !connection->ipc && connection->ports[params->port] == 0 && !read_port(socket, &connection->ports[params->port])) {
		ok = tn_error_set(err, TN_ERR_IO, "cannot tell the port of %s", tn_str_c(&url));
	}
	tn_str_finish(&url);
	if (!ok) {
		zmq_close(socket);
		return NULL;
	}
	return socket;
}
