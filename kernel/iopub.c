/* SPDX-License-Identifier: Apache-2.0 */
/* The queue in front of the iopub socket, and the welcome that a subscriber gets. */
#include "kernel/iopub.h"

#include <string.h>

#include "wire/wire.h"

#define FIRST_WAIT_NS ((int64_t)1000 * 1000 * 1000)   /* what is published before anybody subscribed is kept for so long */
#define PATIENCE_NS ((int64_t)5 * 1000 * 1000 * 1000) /* a subscriber that takes nothing for so long is given up */
enum { STREAM_MAX = 256 * 1024, PACKET_KEPT = 1024 * 1024 };

void tn_iopub_init(struct tn_iopub *iopub, struct tn_transport *transport, struct tn_sender *sender) {
	*iopub = (struct tn_iopub){.transport = transport, .sender = sender};
}

static void item_finish(struct tn_iopub_item *item) {
	json_decref(item->what.content);
	json_decref(item->what.metadata);
	tn_request_unref(item->what.parent);
	tn_str_finish(&item->text);
}

void tn_iopub_finish(struct tn_iopub *iopub) {
	for (size_t i = iopub->first; i < iopub->queue.count; i++) {
		item_finish(&iopub->queue.items[i]);
	}
	TN_VEC_FINISH(&iopub->queue);
	tn_packet_finish(&iopub->packet);
}

/* ---- sending ---- */

/* The first frame, by which subscribers choose: "stream.stdout", "status". A welcome goes to whoever asked for that topic. */
static const char *topic_of(const struct tn_publication *p) {
	if (p->stream != NULL) {
		return strcmp(p->stream, "stderr") == 0 ? "stream.stderr" : "stream.stdout";
	}
	const char *asked = strcmp(p->type, "iopub_welcome") == 0 ? tn_json_get_text(p->content, "subscription", "") : "";
	return asked[0] != '\0' ? asked : p->type;
}

static bool encode(struct tn_iopub *iopub, const struct tn_publication *p, struct tn_error *err) {
	if (iopub->packet.bytes.capacity > PACKET_KEPT) {
		tn_packet_finish(&iopub->packet); /* one large picture is not kept for ever */
	}
	const struct tn_outgoing out = {.type = p->type,
		.parent = p->parent,
		.topic = topic_of(p),
		.content = p->content,
		.metadata = p->metadata,
		.stream = p->stream,
		.text = p->text};
	return tn_message_encode(iopub->sender, &out, &iopub->packet, err);
}

/* True when the message is done with: sent, or impossible to send. */
static bool try_send(struct tn_iopub *iopub, const struct tn_publication *p) {
	struct tn_error err = {0};
	if (!iopub->packed && !encode(iopub, p, &err)) {
		tn_log(TN_LOG_ERROR, "a message '%s' is lost: %s", p->type, err.text);
		iopub->credit += p->credit;
		return true;
	}
	enum tn_sent sent = iopub->transport->impl->send(iopub->transport, TN_CHANNEL_IOPUB, &iopub->packet, iopub->lossy);
	iopub->packed = sent == TN_SENT_FULL;
	if (iopub->packed) {
		return false;
	}
	if (sent != TN_SENT_LOSSY) {
		iopub->lossy = false;
	}
	iopub->full_since_ns = 0;
	iopub->credit += p->credit;
	return true;
}

/* Nobody listens yet, and somebody may be on the way. */
static bool is_held(struct tn_iopub *iopub) {
	if (iopub->had_subscriber) {
		return false;
	}
	int64_t now = tn_clock_ns();
	if (iopub->began_ns == 0) {
		iopub->began_ns = now;
	}
	return now - iopub->began_ns < FIRST_WAIT_NS;
}

/* ---- the queue ---- */

/* Pieces of one stream grow together while they wait. */
static bool merge(struct tn_iopub *iopub, const struct tn_publication *p) {
	struct tn_iopub_item *last = &iopub->queue.items[iopub->queue.count - 1];
	if (!tn_iopub_is_waiting(iopub) || p->stream == NULL || last->what.stream == NULL || strcmp(p->stream, last->what.stream) != 0 ||
		last->what.parent != p->parent || last->text.length + p->text.size > STREAM_MAX ||
		!tn_str_append_n(&last->text, p->text.data, p->text.size)) {
		return false;
	}
	last->what.credit += p->credit;
	iopub->packed = iopub->packed && last != &iopub->queue.items[iopub->first];
	return true;
}

static bool enqueue(struct tn_iopub *iopub, const struct tn_publication *p) {
	struct tn_iopub_item item = {.what = *p};
	if (p->stream != NULL && !tn_str_append_n(&item.text, p->text.data, p->text.size)) {
		return false;
	}
	if (!TN_VEC_PUSH(&iopub->queue, item)) {
		tn_str_finish(&item.text);
		return false;
	}
	tn_request_ref(p->parent);
	json_incref(p->content);
	json_incref(p->metadata);
	return true;
}

void tn_iopub_publish(struct tn_iopub *iopub, const struct tn_publication *publication) {
	bool done = false;
	if (publication->content == NULL && publication->stream == NULL) {
		tn_log(TN_LOG_ERROR, "a message '%s' is lost: out of memory", publication->type);
		done = true;
	} else if (!tn_iopub_is_waiting(iopub)) {
		done = !is_held(iopub) && try_send(iopub, publication);
	} else {
		done = merge(iopub, publication);
	}
	if (!done && !enqueue(iopub, publication)) {
		tn_log(TN_LOG_ERROR, "a message '%s' is lost: out of memory", publication->type);
		iopub->credit += publication->credit;
		iopub->packed = iopub->packed && tn_iopub_is_waiting(iopub);
	}
	json_decref(publication->content);
	json_decref(publication->metadata);
}

static void give_up_when_stuck(struct tn_iopub *iopub) {
	int64_t now = tn_clock_ns();
	if (iopub->full_since_ns == 0) {
		iopub->full_since_ns = now;
	} else if (!iopub->lossy && now - iopub->full_since_ns > PATIENCE_NS) {
		tn_log(TN_LOG_WARN, "a subscriber takes no output: it loses messages until it does");
		iopub->lossy = true;
	}
}

void tn_iopub_flush(struct tn_iopub *iopub) {
	while (tn_iopub_is_waiting(iopub) && !is_held(iopub)) {
		struct tn_iopub_item *item = &iopub->queue.items[iopub->first];
		item->what.text = (struct tn_part){tn_str_c(&item->text), item->text.length};
		if (!try_send(iopub, &item->what)) {
			give_up_when_stuck(iopub);
			if (!iopub->lossy) {
				break;
			}
			continue;
		}
		item_finish(item);
		iopub->first++;
	}
	if (iopub->first == iopub->queue.count) {
		iopub->first = iopub->queue.count = 0;
	} else if (iopub->first > 1024 && iopub->first > iopub->queue.count / 2) {
		iopub->queue.count -= iopub->first;
		memmove(iopub->queue.items, iopub->queue.items + iopub->first, iopub->queue.count * sizeof(*iopub->queue.items));
		iopub->first = 0;
	}
}

/* ---- subscribers ---- */

/* Straight out, before what waits for the first subscriber: a welcome comes first. */
static void send_first(struct tn_iopub *iopub, const char *type, json_t *content) {
	const struct tn_publication first = {.type = type, .content = content};
	if (content == NULL || !try_send(iopub, &first)) {
		tn_log(TN_LOG_ERROR, "a message '%s' is lost", type);
	}
	iopub->packed = false;
	json_decref(content);
}

static void welcome(struct tn_iopub *iopub, struct tn_part topic) {
	json_t *content = json_object();
	if (!tn_json_set_take(content, "subscription", tn_json_text(topic.data, topic.size))) {
		json_decref(content);
		content = NULL;
	}
	if (iopub->had_subscriber) {
		tn_iopub_publish(iopub, &(struct tn_publication){.type = "iopub_welcome", .content = content});
	} else {
		iopub->had_subscriber = true;
		send_first(iopub, "iopub_welcome", content);
		send_first(iopub, "status", json_pack("{s:s}", "execution_state", "starting"));
	}
}

void tn_iopub_subscriptions(struct tn_iopub *iopub) {
	tn_parts frames = {0};
	const struct tn_transport_impl *impl = iopub->transport->impl;
	while (impl->receive(iopub->transport, TN_CHANNEL_IOPUB, &frames)) {
		struct tn_part first = frames.count > 0 ? frames.items[0] : (struct tn_part){"", 0};
		if (first.size == 0 || first.data[0] > 1) {
			continue; /* something that is no subscription: anybody may send to an XPUB */
		}
		struct tn_part topic = {first.data + 1, first.size - 1};
		bool begin = first.data[0] == 1;
		impl->subscribe(iopub->transport, topic, begin);
		if (begin) {
			welcome(iopub, topic);
		}
	}
	TN_VEC_FINISH(&frames);
}
