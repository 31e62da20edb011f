/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of the worker protocol's reader. What must hold of any bytes: no crash, an error that says something, the same messages
 * whatever the pieces in which the bytes come, and each message, sent again, arrives as it was. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "wire/wire.h"

enum { MESSAGES_MAX = 64 };

struct found {
	struct tn_wire_message messages[MESSAGES_MAX];
	int count;
	bool broken;
};

static void take(struct tn_wire_reader *reader, struct found *found) {
	struct tn_error err = {0};
	for (bool got = true; got && !found->broken && found->count < MESSAGES_MAX;) {
		found->broken = !tn_wire_reader_next(reader, &found->messages[found->count], &got, &err);
		fuzz_must(found->broken == tn_error_is_set(&err), "neither a message nor an error");
		fuzz_must(!found->broken || err.text[0] != '\0', "an error without text");
		found->count += got && !found->broken;
	}
}

static void read_all(const uint8_t *data, size_t size, size_t step, bool magic, struct found *found) {
	struct tn_wire_reader *reader = tn_wire_reader_create(magic);
	*found = (struct found){0};
	fuzz_must(reader != NULL, "out of memory");
	for (size_t at = 0; at < size && !found->broken && found->count < MESSAGES_MAX; at += step) {
		struct tn_error err = {0};
		found->broken = !tn_wire_reader_feed(reader, data + at, size - at < step ? size - at : step, &err);
		fuzz_must(!found->broken || err.text[0] != '\0', "an error without text");
		if (!found->broken) {
			take(reader, found);
		}
	}
	(void)tn_wire_reader_banner(reader);
	tn_wire_reader_destroy(reader);
}

static void finish(struct found *found) {
	for (int i = 0; i < found->count; i++) {
		tn_wire_message_finish(&found->messages[i]);
	}
}

static void must_equal(const struct tn_wire_message *a, const struct tn_wire_message *b) {
	fuzz_must(json_equal(a->json, b->json), "another header");
	fuzz_must(a->buffer_count == b->buffer_count, "another number of buffers");
	for (uint32_t i = 0; i < a->buffer_count; i++) {
		fuzz_must(a->buffers[i].size == b->buffers[i].size && memcmp(a->buffers[i].data, b->buffers[i].data, a->buffers[i].size) == 0,
			"other bytes in a buffer");
	}
}

/* Through a sender and another reader. */
static void send_again(const struct tn_wire_message *message) {
	struct tn_wire_sender *sender = tn_wire_sender_create(false);
	struct tn_wire_reader *reader = tn_wire_reader_create(false);
	struct tn_error err = {0};
	struct tn_wire_message again = {0};
	const struct tn_wire_send send = {
		.lane = TN_WIRE_EXPRESS, .json = message->json, .buffers = message->buffers, .buffer_count = message->buffer_count};
	bool got = false;
	size_t n;
	fuzz_must(sender != NULL && reader != NULL && tn_wire_sender_put(sender, &send, &err), "what arrived cannot be sent");
	for (const void *bytes; bytes = tn_wire_sender_peek(sender, &n), n > 0;) {
		fuzz_must(tn_wire_reader_feed(reader, bytes, n, &err), "what was sent cannot be read");
		tn_wire_sender_wrote(sender, n);
	}
	fuzz_must(tn_wire_reader_next(reader, &again, &got, &err) && got, "what was sent does not arrive");
	must_equal(message, &again);
	tn_wire_message_finish(&again);
	tn_wire_sender_destroy(sender);
	tn_wire_reader_destroy(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct found whole, pieces;
	bool magic = size > 0 && data[0] == 0x89;
	read_all(data, size, size > 0 ? size : 1, magic, &whole);
	read_all(data, size, 7, magic, &pieces);
	fuzz_must(whole.count == pieces.count, "the pieces of bytes change the messages");
	for (int i = 0; i < whole.count; i++) {
		must_equal(&whole.messages[i], &pieces.messages[i]);
		if (strcmp(tn_wire_type(&whole.messages[i]), "chunk") != 0) { /* what a piece leaves behind is no message */
			send_again(&whole.messages[i]);
		}
	}
	finish(&whole);
	finish(&pieces);
	return 0;
}
