/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in, bytes out. Each message is encoded when it is put; which comes next is decided when there is room for it, so that control and
 * replies overtake bulk, also between the pieces of a large message. What is handed out together fits one write. */
#include "wire/frame.h"

#include <stdio.h>

enum { OUT_TARGET = 64 * 1024 }; /* handed out at once: what a pipe holds */

struct item {
	struct item *next;
	char *bytes; /* the whole frame */
	size_t size, sent;
	bool credit;
};

struct lane { struct item *first, *last; };

struct tn_wire_sender {
	struct lane express, bulk;
	struct tn_str out;  /* chosen already: [written, length) goes next */
	size_t written;
	uint64_t under_way; /* bulk bytes that were handed out and not acknowledged */
	uint64_t queued;    /* in the lanes */
};

struct tn_wire_sender *tn_wire_sender_create(bool send_magic) {
	struct tn_wire_sender *sender = tn_calloc(1, sizeof(*sender));
	if (sender != NULL && send_magic && !tn_str_append_n(&sender->out, TN_WIRE_MAGIC, TN_WIRE_MAGIC_BYTES)) {
		tn_free(sender);
		return NULL;
	}
	return sender;
}

static void free_lane(struct lane *lane) {
	while (lane->first != NULL) {
		struct item *next = lane->first->next;
		tn_free(lane->first->bytes);
		tn_free(lane->first);
		lane->first = next;
	}
}

void tn_wire_sender_destroy(struct tn_wire_sender *sender) {
	if (sender == NULL) {
		return;
	}
	free_lane(&sender->express);
	free_lane(&sender->bulk);
	tn_str_finish(&sender->out);
	tn_free(sender);
}

/* ---- encoding ---- */

/* The whole of the buffers; UINT64_MAX where that is more than a message may have. */
static uint64_t sum_buffers(const struct tn_wire_send *send) {
	uint64_t sum = 0;
	for (uint32_t i = 0; i < send->buffer_count; i++) {
		if (send->buffers[i].size > TN_WIRE_MESSAGE_MAX - sum) {
			return UINT64_MAX;
		}
		sum += send->buffers[i].size;
	}
	return sum;
}

static bool encode(const struct tn_wire_send *send, struct tn_str *out, struct tn_error *err) {
	size_t head = FRAME_HEAD + 8u * (size_t)send->buffer_count;
	uint64_t body = sum_buffers(send);
	if (!tn_str_append_fill(out, '\0', head)) {
		return tn_error_memory(err);
	}
	if (!tn_json_write(send->json, out, err)) {
		return false;
	}
	uint64_t json_bytes = out->length - head;
	if (json_bytes > TN_WIRE_JSON_MAX) {
		return tn_error_set(err, TN_ERR_VALUE, "too large to be sent: %llu MiB of text", (unsigned long long)(json_bytes >> 20));
	}
	if (body > TN_WIRE_MESSAGE_MAX - json_bytes) {
		return tn_error_set(err, TN_ERR_VALUE, "too large to be sent: more than %llu MiB", (unsigned long long)(TN_WIRE_MESSAGE_MAX >> 20));
	}
	if (!tn_str_reserve(out, (size_t)body)) {
		return tn_error_memory(err);
	}
	frame_put_u32(out->data, (uint32_t)json_bytes);
	frame_put_u32(out->data + 4, send->buffer_count);
	for (uint32_t i = 0; i < send->buffer_count; i++) {
		const struct tn_wire_buffer *b = &send->buffers[i];
		frame_put_u64(out->data + FRAME_HEAD + 8u * i, b->size);
		if (!tn_str_append_n(out, (const char *)b->data, b->size)) {
			return tn_error_memory(err);
		}
	}
	return true;
}

bool tn_wire_sender_put(struct tn_wire_sender *sender, const struct tn_wire_send *send, struct tn_error *err) {
	struct tn_str bytes = {0};
	assert(send->buffer_count <= TN_WIRE_BUFFERS_MAX);
	if (!encode(send, &bytes, err)) {
		tn_str_finish(&bytes);
		return false;
	}
	struct item *item = tn_calloc(1, sizeof(*item));
	if (item == NULL) {
		tn_str_finish(&bytes);
		return tn_error_memory(err);
	}
	size_t payload = bytes.length - FRAME_HEAD - 8u * (size_t)send->buffer_count;
	bool whole = payload <= TN_WIRE_CHUNK; /* else it goes in pieces, which are bulk whatever they hold */
	item->credit = !whole || (send->lane == TN_WIRE_BULK && !send->after_bulk);
	if (whole && item->credit) {
		frame_put_u32(bytes.data + 4, send->buffer_count | FRAME_CREDIT);
	}
	item->size = bytes.length;
	item->bytes = bytes.data;
	struct lane *lane = whole && send->lane == TN_WIRE_EXPRESS ? &sender->express : &sender->bulk;
	if (lane->first == NULL) {
		lane->first = item;
	} else {
		lane->last->next = item;
	}
	lane->last = item;
	sender->queued += item->size;
	return true;
}

/* ---- choosing what goes next ---- */

static bool is_whole(const struct item *item) {
	uint32_t count = frame_get_u32(item->bytes + 4) & ~FRAME_CREDIT;
	return item->size - FRAME_HEAD - 8u * (size_t)count <= TN_WIRE_CHUNK;
}

static bool has_credit(const struct tn_wire_sender *sender, const struct item *item, size_t size) {
	return !item->credit || sender->under_way == 0 || sender->under_way + size <= TN_WIRE_CREDIT;
}

static void pop(struct tn_wire_sender *sender, struct lane *lane) {
	struct item *item = lane->first;
	lane->first = item->next;
	sender->queued -= item->size;
	tn_free(item->bytes);
	tn_free(item);
}

static bool take_whole(struct tn_wire_sender *sender, struct lane *lane) {
	struct item *item = lane->first;
	if (!has_credit(sender, item, item->size) || !tn_str_append_n(&sender->out, item->bytes, item->size)) {
		return false;
	}
	sender->under_way += item->credit ? item->size : 0;
	pop(sender, lane);
	return true;
}

static bool take_piece(struct tn_wire_sender *sender) {
	struct item *item = sender->bulk.first;
	size_t n = item->size - item->sent < FRAME_PIECE ? item->size - item->sent : FRAME_PIECE;
	char frame[256], *json = frame + FRAME_HEAD + 8;
	int json_bytes = snprintf(json, sizeof(frame) - FRAME_HEAD - 8, "{\"type\":\"chunk\",\"bytes\":%zu,\"last\":%s}", item->size,
		item->sent + n == item->size ? "true" : "false");
	size_t head = FRAME_HEAD + 8 + (size_t)json_bytes;
	frame_put_u32(frame, (uint32_t)json_bytes);
	frame_put_u32(frame + 4, 1 | FRAME_CREDIT);
	frame_put_u64(frame + FRAME_HEAD, n);
	if (!has_credit(sender, item, head + n) || !tn_str_reserve(&sender->out, head + n) || !tn_str_append_n(&sender->out, frame, head) ||
		!tn_str_append_n(&sender->out, item->bytes + item->sent, n)) {
		return false;
	}
	sender->under_way += head + n;
	item->sent += n;
	if (item->sent == item->size) {
		pop(sender, &sender->bulk);
	}
	return true;
}

static bool take_next(struct tn_wire_sender *sender) {
	if (sender->express.first != NULL) {
		return take_whole(sender, &sender->express);
	}
	if (sender->bulk.first == NULL) {
		return false;
	}
	return is_whole(sender->bulk.first) ? take_whole(sender, &sender->bulk) : take_piece(sender);
}

const void *tn_wire_sender_peek(struct tn_wire_sender *sender, size_t *length) {
	while (sender->out.length - sender->written < OUT_TARGET && take_next(sender)) {
	}
	*length = sender->out.length - sender->written;
	return sender->out.data == NULL ? NULL : sender->out.data + sender->written;
}

void tn_wire_sender_wrote(struct tn_wire_sender *sender, size_t length) {
	assert(length <= sender->out.length - sender->written);
	sender->written += length;
	if (sender->written == sender->out.length || sender->written >= OUT_TARGET) {
		sender->out.length -= sender->written;
		memmove(sender->out.data, sender->out.data + sender->written, sender->out.length);
		sender->written = 0;
	}
}

void tn_wire_sender_grant(struct tn_wire_sender *sender, uint64_t bytes) {
	sender->under_way -= bytes < sender->under_way ? bytes : sender->under_way;
}

uint64_t tn_wire_sender_queued(const struct tn_wire_sender *sender) {
	uint64_t sent = sender->bulk.first != NULL ? sender->bulk.first->sent : 0;
	return sender->queued - sent + (sender->out.length - sender->written);
}
