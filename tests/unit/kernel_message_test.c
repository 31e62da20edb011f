/* SPDX-License-Identifier: Apache-2.0 */
/* Jupyter messages: what is taken, what is refused, and that what is built can be taken. */
#include <string.h>

#include "kernel/message.h"
#include "runner/test.h"
#include "wire/wire.h"

#define HEADER "{\"msg_id\": \"i\", \"msg_type\": \"t\"}"

static struct tn_part part(const char *text) {
	return (struct tn_part){text, strlen(text)};
}

/* Parses an unsigned message of one identity. */
static struct tn_request *parse(const char *header, const char *metadata, const char *content, struct tn_error *err) {
	static const struct tn_signer open_signer = {.scheme = TN_SIGN_NONE};
	const struct tn_part frames[] = {
		part("me"), part("<IDS|MSG>"), part(""), part(header), part("{}"), part(metadata), part(content)};
	return tn_request_parse(frames, TN_ARRAY_LEN(frames), TN_CHANNEL_SHELL, &open_signer, err);
}

TN_TEST(a_message_that_was_built_is_read_back) {
	struct tn_error err = {0};
	struct tn_sender sender;
	struct tn_packet packet = {0};
	struct tn_part frames[16];
	TN_CHECK(tn_sender_init(&sender, "hmac-sha512", "key", &err));
	struct tn_request *parent = parse(HEADER, "{}", "{}", &err);
	json_t *content = json_pack("{s:s}", "text", "h\xc3\xa9");
	const struct tn_part buffer = {"\0\1\2", 3};
	const struct tn_outgoing out = {
		.type = "reply", .parent = parent, .to_parent = true, .content = content, .buffers = &buffer, .buffer_count = 1};
	TN_CHECK(tn_message_encode(&sender, &out, &packet, &err));
	TN_CHECK_SIZE_EQ(packet.ends.count, 8);
	for (size_t i = 0; i < packet.ends.count; i++) {
		frames[i] = tn_packet_frame(&packet, i);
	}
	TN_CHECK_MEM_EQ(frames[7].data, "\0\1\2", 3);
	TN_CHECK_MEM_EQ(frames[4].data, HEADER, strlen(HEADER));
	struct tn_request *back = tn_request_parse(frames, packet.ends.count, TN_CHANNEL_SHELL, &sender.signer, &err);
	TN_CHECK_NO_ERROR(&err);
	TN_CHECK_STR_EQ(back->type, "reply");
	TN_CHECK_STR_EQ(tn_json_get_text(back->content, "text", ""), "h\xc3\xa9");
	TN_CHECK_SIZE_EQ(back->identities.ends.count, 1);
	tn_request_unref(back);
	tn_request_unref(parent);
	json_decref(content);
	tn_packet_finish(&packet);
	tn_sender_finish(&sender);
}

TN_TEST(text_of_a_stream_is_content_whatever_its_bytes) {
	struct tn_error err = {0};
	struct tn_sender sender;
	struct tn_packet packet = {0};
	TN_CHECK(tn_sender_init(&sender, "hmac-sha256", "", &err));
	const struct tn_outgoing out = {.type = "stream", .topic = "stream.stdout", .stream = "stdout", .text = {"a\"\xff\n\0", 5}};
	TN_CHECK(tn_message_encode(&sender, &out, &packet, &err));
	struct tn_part content = tn_packet_frame(&packet, packet.ends.count - 1);
	static const char wanted[] = "{\"name\":\"stdout\",\"text\":\"a\\\"\xef\xbf\xbd\\n\xef\xbf\xbd\"}";
	TN_CHECK_SIZE_EQ(content.size, strlen(wanted));
	TN_CHECK_MEM_EQ(content.data, wanted, content.size);
	tn_packet_finish(&packet);
	tn_sender_finish(&sender);
}

TN_TEST(every_byte_of_the_four_parts_and_of_the_signature_counts) {
	struct tn_error err = {0};
	struct tn_signer signer, other;
	char hex[TN_SIGN_HEX_MAX + 1];
	char texts[TN_SIGN_PARTS][4] = {"abc", "{}", "{}", "xyz"};
	struct tn_part parts[TN_SIGN_PARTS];
	TN_CHECK(tn_signer_init(&signer, "hmac-sha256", "secret", &err));
	TN_CHECK(tn_signer_init(&other, "hmac-sha256", "Secret", &err));
	for (size_t i = 0; i < TN_SIGN_PARTS; i++) {
		parts[i] = part(texts[i]);
	}
	size_t size = tn_signer_sign(&signer, parts, hex);
	TN_CHECK(tn_signer_check(&signer, parts, (struct tn_part){hex, size}));
	TN_CHECK(!tn_signer_check(&other, parts, (struct tn_part){hex, size}));
	TN_CHECK(!tn_signer_check(&signer, parts, (struct tn_part){hex, size - 1}));
	TN_CHECK(!tn_signer_check(&signer, parts, (struct tn_part){"", 0}));
	for (size_t i = 0; i < TN_SIGN_PARTS; i++) {
		texts[i][0] ^= 1;
		TN_CHECK(!tn_signer_check(&signer, parts, (struct tn_part){hex, size}));
		texts[i][0] ^= 1;
	}
	for (size_t i = 0; i < size; i++) {
		hex[i] ^= 1;
		TN_CHECK(!tn_signer_check(&signer, parts, (struct tn_part){hex, size}));
		hex[i] ^= 1;
	}
}

/* RFC 4231, test case 2: the key is "Jefe", the data "what do ya want for nothing?". */
TN_TEST(signatures_are_those_of_rfc_4231) {
	struct tn_error err = {0};
	struct tn_signer signer;
	char hex[TN_SIGN_HEX_MAX + 1];
	const struct tn_part parts[TN_SIGN_PARTS] = {part("what do ya "), part("want "), part("for "), part("nothing?")};
	TN_CHECK(tn_signer_init(&signer, "hmac-sha256", "Jefe", &err));
	tn_signer_sign(&signer, parts, hex);
	TN_CHECK_STR_EQ(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	TN_CHECK(tn_signer_init(&signer, "hmac-sha512", "Jefe", &err));
	tn_signer_sign(&signer, parts, hex);
	TN_CHECK_STR_EQ(hex,
		"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a"
		"38bce737");
	TN_CHECK(!tn_signer_init(&signer, "hmac-md5", "Jefe", &err));
	TN_CHECK_STR_CONTAINS(err.text, "hmac-md5");
}

TN_TEST(a_header_that_cannot_be_answered_drops_the_message) {
	static const char *const headers[] = {"", "{", "[]", "{}", "{\"msg_id\": \"i\"}", "{\"msg_type\": \"t\"}",
		"{\"msg_id\": 1, \"msg_type\": \"t\"}", "{\"msg_id\": \"\\u0000\", \"msg_type\": \"t\"}",
		"{\"msg_id\": \"\xff\", \"msg_type\": \"t\"}", "null"};
	for (size_t i = 0; i < TN_ARRAY_LEN(headers); i++) {
		struct tn_error err = {0};
		TN_CHECK_NULL(parse(headers[i], "{}", "{}", &err));
		TN_CHECK(tn_error_is_set(&err));
	}
}

TN_TEST(a_body_that_cannot_be_read_is_a_refusal_that_can_be_answered) {
	static const char *const bodies[] = {"", "{", "[]", "1", "{\"a\": NaN}", "{\"a\": Infinity}", "{\"a\": \"\\u0000\"}",
		"{\"a\": \"\xc3\"}", "{\"a\": 1, \"a\": 2}", "{\"a\": \"\\ud800\"}"};
	for (size_t i = 0; i < TN_ARRAY_LEN(bodies); i++) {
		for (int which = 0; which < 2; which++) {
			struct tn_error err = {0};
			struct tn_request *request = parse(HEADER, which == 0 ? bodies[i] : "{}", which == 0 ? "{}" : bodies[i], &err);
			TN_CHECK_NOT_NULL(request);
			TN_CHECK_STR_CONTAINS(request->refusal, "cannot be read");
			TN_CHECK(json_is_object(request->content) && json_is_object(request->metadata));
			tn_request_unref(request);
		}
	}
}

TN_TEST(too_few_frames_too_many_identities_and_a_missing_delimiter_are_refused) {
	static const struct tn_signer open_signer = {.scheme = TN_SIGN_NONE};
	struct tn_part frames[TN_IDENTITIES_MAX + 10];
	for (size_t i = 0; i < TN_ARRAY_LEN(frames); i++) {
		frames[i] = part("x");
	}
	for (size_t at = 0; at < TN_ARRAY_LEN(frames); at++) {
		struct tn_error err = {0};
		frames[at] = part("<IDS|MSG>");
		TN_CHECK_NULL(tn_request_parse(frames, at + 5, TN_CHANNEL_SHELL, &open_signer, &err));
		TN_CHECK_NULL(tn_request_parse(frames, at, TN_CHANNEL_SHELL, &open_signer, &err));
		frames[at] = part("x");
	}
}

TN_TEST(dates_are_those_of_iso_8601_in_utc) {
	char date[TN_DATE_MAX];
	tn_date_now(date);
	TN_CHECK_SIZE_EQ(strlen(date), 27);
	TN_CHECK(date[4] == '-' && date[10] == 'T' && date[19] == '.' && date[26] == 'Z');
}

TN_TEST(each_allocation_of_parsing_and_building_may_fail) {
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_error err = {0};
		struct tn_sender sender;
		struct tn_packet packet = {0};
		struct tn_request *request = parse(HEADER, "{\"a\": [1, 2]}", "{\"code\": \"1\"}", &err);
		TN_CHECK(request != NULL || tn_error_is_set(&err));
		if (tn_sender_init(&sender, "hmac-sha256", "k", &err) && request != NULL) {
			const struct tn_outgoing out = {.type = "reply", .parent = request, .to_parent = true, .content = request->content};
			bool ok = tn_message_encode(&sender, &out, &packet, &err);
			TN_CHECK(ok || err.kind == TN_ERR_MEMORY);
		}
		tn_packet_finish(&packet);
		tn_request_unref(request);
		tn_sender_finish(&sender);
	}
}
