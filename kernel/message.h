/* SPDX-License-Identifier: Apache-2.0 */
/* Jupyter messages: frames in, a request out; a message in, frames out. The header of a request is kept as the bytes that came,
 * so a parent_header is exactly what the client sent and costs no second serialisation.
 *
 *     identity … │ <IDS|MSG> │ signature │ header │ parent_header │ metadata │ content │ buffer … */
#ifndef TN_KERNEL_MESSAGE_H
#define TN_KERNEL_MESSAGE_H

#include <jansson.h>

#include "kernel/sign.h"

enum tn_channel { TN_CHANNEL_SHELL, TN_CHANNEL_CONTROL, TN_CHANNEL_STDIN, TN_CHANNEL_IOPUB, TN_CHANNEL_COUNT };

enum { TN_FRAMES_MAX = 1200, TN_HEADER_MAX = 64 * 1024, TN_IDENTITIES_MAX = 16, TN_DATE_MAX = 32 };

/* Frames that lie one behind the other in one string; frame i begins where i - 1 ends. Reused from message to message. */
struct tn_packet {
	struct tn_str bytes;
	TN_VEC(size_t) ends;
};
void tn_packet_finish(struct tn_packet *packet);
void tn_packet_clear(struct tn_packet *packet);
struct tn_part tn_packet_frame(const struct tn_packet *packet, size_t index);

/* What a client sent, whole: counted, because output that waits for the socket and the queue of cells hold it too. One thread. */
struct tn_request {
	int refs;
	enum tn_channel channel;
	struct tn_packet identities; /* replayed in front of each reply */
	struct tn_str header_text;   /* as it came */
	json_t *header, *metadata, *content;
	json_t *parent;                       /* of a message on stdin: what it answers; else NULL */
	const char *type, *id;                /* within header */
	uint64_t mark;                        /* of its signature, for tn_replays_add; 0: it has none */
	char refusal[TN_ERROR_TEXT_MAX + 32]; /* not "": metadata or content could not be read, and why; both are empty then */
};

/* NULL with err: the message is dropped, since there is nothing to answer to (too few frames, a bad signature, no header). */
TN_MUST_USE struct tn_request *tn_request_parse(
	const struct tn_part *frames, size_t count, enum tn_channel channel, const struct tn_signer *signer, struct tn_error *err);
struct tn_request *tn_request_ref(struct tn_request *request); /* accepts NULL */
void tn_request_unref(struct tn_request *request);             /* accepts NULL */

/* Who sends: the same for every message of the process, on every channel. */
struct tn_sender {
	struct tn_signer signer;
	char session[33];
	struct tn_str head;   /* of each header: up to the number in its msg_id */
	struct tn_str middle; /* from behind that number to the date */
	uint64_t sent;        /* makes ids unique */
	int64_t second;       /* of the last date, and that date up to its fraction: made once a second */
	char date[TN_DATE_MAX];
};
TN_MUST_USE bool tn_sender_init(struct tn_sender *sender, const char *scheme, const char *key, struct tn_error *err);
void tn_sender_finish(struct tn_sender *sender);

/* Everything is borrowed. */
struct tn_outgoing {
	const char *type;                /* letters, digits, underscores */
	const struct tn_request *parent; /* NULL: {} */
	bool to_parent;                  /* behind the parent's identities; else behind `topic` */
	const char *topic;
	const json_t *content, *metadata; /* NULL: {} */
	const char *stream;               /* not NULL: the content is {"name": stream, "text": text} */
	struct tn_part text;              /* any bytes: what is no UTF-8 becomes U+FFFD */
	const struct tn_part *buffers;
	size_t buffer_count;
};
/* Encodes and signs; what was in the packet is gone. Its date is now. False: out of memory, or content that JSON cannot hold. */
TN_MUST_USE bool tn_message_encode(
	struct tn_sender *sender, const struct tn_outgoing *out, struct tn_packet *packet, struct tn_error *err);

/* "2026-11-21T13:27:05.123456Z" */
void tn_date_now(char out[TN_DATE_MAX]);

#endif
