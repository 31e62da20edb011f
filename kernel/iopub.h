/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing. Messages leave in order: at once while every subscriber takes them, else through a queue of our own, in which
 * neighbouring pieces of one stream grow together. So `idle` cannot overtake output, and nothing is lost to a subscriber that is
 * merely slow; one that takes nothing for seconds loses messages, and only it does. What comes before the first subscriber waits
 * for it, a second at most: a client's first cell may overtake its subscription. The queue is bounded by the worker's credit,
 * which is given back when a message has left. */
#ifndef TN_KERNEL_IOPUB_H
#define TN_KERNEL_IOPUB_H

#include "kernel/transport.h"

struct tn_publication {
	const char *type;           /* a constant */
	struct tn_request *parent;  /* borrowed; NULL: none */
	json_t *content, *metadata; /* taken, also by a failure; metadata may be NULL */
	const char *stream;         /* a constant; not NULL: a piece of this stream, without content */
	struct tn_part text;        /* its text: borrowed */
	uint64_t credit;            /* what the worker gets back for it */
};

struct tn_iopub_item {
	struct tn_publication what; /* its parent is counted */
	struct tn_str text;         /* of a stream: a copy, which grows */
};

struct tn_iopub {
	struct tn_transport *transport; /* borrowed */
	struct tn_sender *sender;       /* borrowed */
	struct tn_packet packet;
	bool packed; /* the packet holds the first of the queue: it is neither encoded nor signed again for each attempt */
	TN_VEC(struct tn_iopub_item) queue;
	size_t first;          /* of the queue */
	int64_t full_since_ns; /* 0: the socket takes messages */
	bool lossy;            /* a subscriber was given up: until it takes messages again */
	uint64_t credit;       /* of what has left: the kernel passes it on */
	bool had_subscriber;
	int64_t began_ns; /* the first publication, 0: none yet */
};

void tn_iopub_init(struct tn_iopub *iopub, struct tn_transport *transport, struct tn_sender *sender);
void tn_iopub_finish(struct tn_iopub *iopub);
void tn_iopub_publish(struct tn_iopub *iopub, const struct tn_publication *publication);
/* Takes subscriptions in: each is welcomed, the first brings the status "starting". */
void tn_iopub_subscriptions(struct tn_iopub *iopub);
/* Sends what waits. */
void tn_iopub_flush(struct tn_iopub *iopub);
static inline bool tn_iopub_is_waiting(const struct tn_iopub *iopub) {
	return iopub->first < iopub->queue.count;
}

#endif
