/* SPDX-License-Identifier: Apache-2.0 */
/* The connection file: where a launcher wants the sockets, and with which keys. Without one the kernel chooses ports and writes a
 * file of its own, so that `jupyter console --existing` finds it. */
#ifndef TN_KERNEL_CONNECTION_H
#define TN_KERNEL_CONNECTION_H

#include "base/base.h"

enum tn_port { TN_PORT_SHELL, TN_PORT_IOPUB, TN_PORT_STDIN, TN_PORT_CONTROL, TN_PORT_HEARTBEAT, TN_PORT_COUNT };
enum { TN_CURVE_KEY_MAX = 41 };

struct tn_connection {
	bool ipc;                 /* else tcp */
	char *ip, *key, *scheme;  /* owned; ip is a path's beginning for ipc */
	int ports[TN_PORT_COUNT]; /* 0: any (tcp only) */
	bool curve;               /* both keys were given: nothing is said in clear then */
	char curve_public[TN_CURVE_KEY_MAX], curve_secret[TN_CURVE_KEY_MAX];
	char *path; /* of a file that was written here and goes with the kernel; NULL: the launcher's */
};

/* Reads a launcher's file. err names the file and what is wrong with it. */
TN_MUST_USE bool tn_connection_read(struct tn_connection *connection, const char *path, struct tn_error *err);
/* For a kernel without a launcher: 127.0.0.1, any ports, a fresh key. */
TN_MUST_USE bool tn_connection_init_own(struct tn_connection *connection, struct tn_error *err);
/* Writes it, ports known by now, 0600, into Jupyter's runtime folder. */
TN_MUST_USE bool tn_connection_write(struct tn_connection *connection, struct tn_error *err);
/* Wipes the keys; removes the file that was written. */
void tn_connection_finish(struct tn_connection *connection);

/* "tcp://127.0.0.1:5001", "tcp://127.0.0.1:*", "ipc:///tmp/kernel-1" */
TN_MUST_USE bool tn_connection_url(const struct tn_connection *connection, enum tn_port port, struct tn_str *out);
/* "shell" … as in the file's shell_port */
const char *tn_port_name(enum tn_port port);

#endif
