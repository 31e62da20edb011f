/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: what is sent arrives whole, in any pieces of bytes; lanes, pieces and credit; and what a reader refuses. */
#include <stdlib.h>
#include <string.h>

#include "runner/test.h"
#include "wire/wire.h"

static json_t *object(const char *type, int64_t n) {
	json_t *o = json_object();
	TN_CHECK(tn_json_set_take(o, "type", json_string(type)));
	TN_CHECK(tn_json_set_take(o, "n", json_integer(n)));
	return o;
}

static void put(struct tn_wire_sender *s, enum tn_wire_lane lane, const char *type, int64_t n, size_t bytes) {
	struct tn_error err = {0};
	struct tn_wire_buffer buffer = {.data = bytes > 0 ? malloc(bytes) : NULL, .size = bytes};
	for (size_t i = 0; i < bytes; i++) {
		buffer.data[i] = (uint8_t)(i * 7 + (size_t)n);
	}
	json_t *o = object(type, n);
	struct tn_wire_send send = {.lane = lane, .json = o, .buffers = &buffer, .buffer_count = bytes > 0,
		.after_bulk = strcmp(type, "done") == 0};
	TN_CHECK(tn_wire_sender_put(s, &send, &err));
	json_decref(o);
	free(buffer.data);
}

/* Moves at most `step` bytes a time, until the sender has nothing that it may send. */
static void move(struct tn_wire_sender *s, struct tn_wire_reader *r, size_t step) {
	struct tn_error err = {0};
	size_t n;
	const void *bytes;
	while (bytes = tn_wire_sender_peek(s, &n), n > 0) {
		n = n < step ? n : step;
		TN_CHECK(tn_wire_reader_feed(r, bytes, n, &err));
		tn_wire_sender_wrote(s, n);
	}
}

static bool next(struct tn_wire_reader *r, struct tn_wire_message *m) {
	struct tn_error err = {0};
	bool got;
	TN_CHECK(tn_wire_reader_next(r, m, &got, &err));
	return got;
}

static void expect(struct tn_wire_reader *r, const char *type, int64_t n) {
	struct tn_wire_message m;
	TN_CHECK(next(r, &m));
	TN_CHECK_STR_EQ(tn_wire_type(&m), type);
	TN_CHECK_INT_EQ(tn_json_get_int(m.json, "n", -1), n);
	tn_wire_message_finish(&m);
}

static void expect_none(struct tn_wire_reader *r) {
	struct tn_wire_message m;
	TN_CHECK(!next(r, &m));
}

TN_TEST(messages_arrive_in_order_whatever_the_pieces_of_bytes) {
	for (size_t step = 1; step < 400; step += 13) {
		struct tn_wire_sender *s = tn_wire_sender_create(true);
		struct tn_wire_reader *r = tn_wire_reader_create(true);
		put(s, TN_WIRE_EXPRESS, "hello", 1, 0);
		put(s, TN_WIRE_BULK, "stream", 2, 100);
		put(s, TN_WIRE_BULK, "done", 3, 0);
		TN_CHECK(!tn_wire_reader_has_magic(r));
		move(s, r, step);
		TN_CHECK(tn_wire_reader_has_magic(r));
		TN_CHECK_STR_EQ(tn_wire_reader_banner(r), "");
		TN_CHECK_SIZE_EQ(tn_wire_sender_queued(s), 0);
		expect(r, "hello", 1);
		struct tn_wire_message m;
		TN_CHECK(next(r, &m));
		TN_CHECK_INT_EQ(m.buffer_count, 1);
		TN_CHECK_SIZE_EQ(m.buffers[0].size, 100);
		TN_CHECK_INT_EQ(m.buffers[0].data[99], (uint8_t)(99 * 7 + 2));
		TN_CHECK(m.bulk_bytes > 100);
		tn_wire_message_finish(&m);
		expect(r, "done", 3);
		expect_none(r);
		tn_wire_sender_destroy(s);
		tn_wire_reader_destroy(r);
	}
}

TN_TEST(a_banner_before_the_magic_is_kept_and_one_without_end_is_quoted) {
	struct tn_error err = {0};
	struct tn_wire_sender *s = tn_wire_sender_create(true);
	struct tn_wire_reader *r = tn_wire_reader_create(true);
	TN_CHECK(tn_wire_reader_feed(r, "Welcome to box\n\x89te\0", 19, &err));
	put(s, TN_WIRE_EXPRESS, "hello", 1, 0);
	move(s, r, 5);
	TN_CHECK_STR_EQ(tn_wire_reader_banner(r), "Welcome to box\n\x89te ");
	expect(r, "hello", 1);
	tn_wire_sender_destroy(s);
	tn_wire_reader_destroy(r);

	r = tn_wire_reader_create(true);
	size_t fed = 0;
	while (tn_wire_reader_feed(r, "Permission denied. ", 19, &err)) {
		fed += 19;
		TN_CHECK(fed < 2 * TN_WIRE_BANNER_MAX);
	}
	TN_CHECK(fed >= TN_WIRE_BANNER_MAX - 19);
	TN_CHECK_STR_CONTAINS(err.text, "Permission denied.");
	tn_wire_reader_destroy(r);
}

TN_TEST(a_large_message_travels_in_pieces_that_give_their_credit_back) {
	enum { SIZE = 20 << 20 };
	struct tn_wire_sender *s = tn_wire_sender_create(false);
	struct tn_wire_reader *r = tn_wire_reader_create(false);
	put(s, TN_WIRE_BULK, "display", 5, SIZE);
	uint64_t credit = 0;
	int pieces = 0;
	struct tn_wire_message m = {0};
	for (bool whole = false; !whole;) {
		move(s, r, 100000);
		TN_CHECK(next(r, &m));
		credit += m.bulk_bytes;
		whole = strcmp(tn_wire_type(&m), "display") == 0;
		TN_CHECK(m.bulk_bytes > 0 && m.bulk_bytes <= TN_WIRE_CHUNK + 1024);
		tn_wire_sender_grant(s, m.bulk_bytes);
		if (!whole) {
			TN_CHECK_STR_EQ(tn_wire_type(&m), "chunk");
			TN_CHECK_INT_EQ(m.buffer_count, 0);
			tn_wire_message_finish(&m);
			pieces++;
		}
	}
	TN_CHECK(pieces >= SIZE / TN_WIRE_CHUNK);
	TN_CHECK(credit > SIZE);
	TN_CHECK_SIZE_EQ(m.buffers[0].size, SIZE);
	for (size_t i = 0; i < SIZE; i += 4093) {
		TN_CHECK_INT_EQ(m.buffers[0].data[i], (uint8_t)(i * 7 + 5));
	}
	tn_wire_message_finish(&m);
	TN_CHECK_SIZE_EQ(tn_wire_sender_queued(s), 0);
	tn_wire_sender_destroy(s);
	tn_wire_reader_destroy(r);
}

TN_TEST(control_overtakes_bulk_between_the_pieces_of_a_message) {
	struct tn_wire_sender *s = tn_wire_sender_create(false);
	struct tn_wire_reader *r = tn_wire_reader_create(false);
	struct tn_error err = {0};
	put(s, TN_WIRE_BULK, "display", 1, 1 << 20);
	size_t n;
	const void *bytes = tn_wire_sender_peek(s, &n); /* one piece is chosen */
	TN_CHECK(tn_wire_reader_feed(r, bytes, n, &err));
	tn_wire_sender_wrote(s, n);
	put(s, TN_WIRE_EXPRESS, "done", 2, 0);
	move(s, r, SIZE_MAX);
	expect(r, "chunk", -1);
	expect(r, "done", 2);
	for (int i = 0; i < 4; i++) {
		struct tn_wire_message m;
		TN_CHECK(next(r, &m));
		TN_CHECK_STR_EQ(tn_wire_type(&m), i < 3 ? "chunk" : "display");
		tn_wire_message_finish(&m);
	}
	expect_none(r);
	tn_wire_sender_destroy(s);
	tn_wire_reader_destroy(r);
}

TN_TEST(bulk_stops_at_its_credit_and_express_does_not) {
	struct tn_wire_sender *s = tn_wire_sender_create(false);
	struct tn_wire_reader *r = tn_wire_reader_create(false);
	for (int i = 0; i < 60; i++) {
		put(s, TN_WIRE_BULK, "stream", i, 100000);
	}
	put(s, TN_WIRE_BULK, "done", 60, 0); /* needs no credit, but stands behind what does */
	put(s, TN_WIRE_EXPRESS, "hello", 99, 0);
	move(s, r, SIZE_MAX);
	expect(r, "hello", 99);
	int arrived = 0;
	uint64_t credit = 0;
	struct tn_wire_message m;
	for (; next(r, &m); arrived++) {
		credit += m.bulk_bytes;
		tn_wire_message_finish(&m);
	}
	TN_CHECK_INT_EQ(arrived, TN_WIRE_CREDIT / 100000);
	TN_CHECK(credit <= TN_WIRE_CREDIT);
	TN_CHECK(tn_wire_sender_queued(s) >= (60 - arrived) * 100000u);
	tn_wire_sender_grant(s, credit);
	move(s, r, SIZE_MAX);
	for (; arrived < 60; arrived++) {
		expect(r, "stream", arrived);
	}
	expect(r, "done", 60);
	tn_wire_sender_destroy(s);
	tn_wire_reader_destroy(r);
}

static void check_refused(const char *bytes, size_t length, const char *part) {
	struct tn_error err = {0};
	struct tn_wire_message m;
	bool got;
	struct tn_wire_reader *r = tn_wire_reader_create(false);
	TN_CHECK(tn_wire_reader_feed(r, bytes, length, &err));
	TN_CHECK(!tn_wire_reader_next(r, &m, &got, &err));
	TN_CHECK_STR_CONTAINS(err.text, part);
	struct tn_error again = {0};
	TN_CHECK(!tn_wire_reader_next(r, &m, &got, &again));
	TN_CHECK(!tn_wire_reader_feed(r, bytes, length, &again));
	tn_wire_reader_destroy(r);
}

#define FRAME(bytes) check_bytes_are_literal_(bytes), sizeof(bytes) - 1
static const char *check_bytes_are_literal_(const char *bytes) {
	return bytes;
}

TN_TEST(what_is_announced_is_held_against_its_bounds_before_it_arrives) {
	check_refused(FRAME("\xff\xff\xff\xff\0\0\0\0"), "header of 4294967295 bytes");
	check_refused(FRAME("\1\0\0\0\0\0\0\0"), "header of 1 bytes");
	check_refused(FRAME("\2\0\0\0\1\4\0\0"), "1025 buffers");
	check_refused(FRAME("\2\0\0\0\1\0\0\0\0\0\0\0\0\0\0\x80"), "buffer 0 has 9223372036854775808");
	check_refused(FRAME("\2\0\0\0\2\0\0\0\0\0\3\0\0\0\0\0\0\0\2\0\0\0\0\0"), "more than 262144 bytes");
}

TN_TEST(a_header_that_is_no_object_with_a_type_is_refused) {
	check_refused(FRAME("\2\0\0\0\0\0\0\0[]"), "\"type\"");
	check_refused(FRAME("\2\0\0\0\0\0\0\0{}"), "\"type\"");
	check_refused(FRAME("\2\0\0\0\0\0\0\0{x"), "JSON");
	check_refused(FRAME("\x0a\0\0\0\0\0\0\0{\"type\":1}"), "\"type\"");
}

TN_TEST(pieces_that_do_not_fit_together_are_refused) {
	check_refused(FRAME("\x27\0\0\0\0\0\0\0{\"type\":\"chunk\",\"bytes\":10,\"last\":true}"), "malformed");
	check_refused(FRAME("\x28\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0{\"type\":\"chunk\",\"bytes\":-1,\"last\":false}xx"), "malformed");
	check_refused(FRAME("\x26\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0{\"type\":\"chunk\",\"bytes\":3,\"last\":true}xx"), "2 bytes of 3");
	check_refused(FRAME("\x27\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0{\"type\":\"chunk\",\"bytes\":1,\"last\":false}xx"), "2 bytes of 1");
	check_refused(FRAME("\x26\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0{\"type\":\"chunk\",\"bytes\":2,\"last\":true}xx"), "do not make a frame");
}

TN_TEST(what_is_too_large_to_be_sent_is_said_to_the_sender) {
	struct tn_error err = {0};
	struct tn_wire_sender *s = tn_wire_sender_create(false);
	json_t *o = object("display", 1);
	struct tn_wire_buffer buffer = {.data = (uint8_t *)o, .size = TN_WIRE_MESSAGE_MAX};
	struct tn_wire_send send = {.lane = TN_WIRE_BULK, .json = o, .buffers = &buffer, .buffer_count = 1};
	TN_CHECK(!tn_wire_sender_put(s, &send, &err));
	TN_CHECK_STR_CONTAINS(err.text, "too large to be sent");
	TN_CHECK_SIZE_EQ(tn_wire_sender_queued(s), 0);
	json_decref(o);
	tn_wire_sender_destroy(s);
}

TN_TEST(each_failing_allocation_is_reported_by_sender_and_reader) {
	json_t *o = object("display", 1);
	static uint8_t bytes[600000];
	struct tn_wire_buffer buffer = {.data = bytes, .size = sizeof(bytes)};
	struct tn_wire_send send = {.lane = TN_WIRE_BULK, .json = o, .buffers = &buffer, .buffer_count = 1};
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_error err = {0};
		struct tn_wire_sender *s = tn_wire_sender_create(true);
		struct tn_wire_reader *r = tn_wire_reader_create(true);
		bool ok = s != NULL && r != NULL && tn_wire_sender_put(s, &send, &err), whole = false;
		size_t n;
		const void *out;
		while (ok && !whole && (out = tn_wire_sender_peek(s, &n), n > 0)) {
			struct tn_wire_message m;
			bool got;
			ok = tn_wire_reader_feed(r, out, n, &err);
			tn_wire_sender_wrote(s, n);
			while (ok && (ok = tn_wire_reader_next(r, &m, &got, &err)) && got) {
				whole = strcmp(tn_wire_type(&m), "display") == 0;
				tn_wire_message_finish(&m);
			}
		}
		TN_CHECK(whole || tn_test_alloc_failed());
		tn_wire_sender_destroy(s);
		tn_wire_reader_destroy(r);
	}
	json_decref(o);
}
