/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing and building of Jupyter messages. Whatever a client sends is hostile until its signature is checked, and may be
 * nonsense after that: sizes are bounded, JSON is read strictly. Replies are written into a packet that keeps its memory, so that
 * a round trip of a small cell allocates next to nothing. */
#include "kernel/message.h"

#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "wire/wire.h"

#define DELIMITER "<IDS|MSG>"
enum { DELIMITER_SIZE = sizeof(DELIMITER) - 1, FIXED_FRAMES = 6 /* the delimiter to content */ };

/* ---- packets ---- */

void tn_packet_finish(struct tn_packet *packet) {
	tn_str_finish(&packet->bytes);
	TN_VEC_FINISH(&packet->ends);
}

void tn_packet_clear(struct tn_packet *packet) {
	tn_str_clear(&packet->bytes);
	packet->ends.count = 0;
}

struct tn_part tn_packet_frame(const struct tn_packet *packet, size_t index) {
	size_t begin = index == 0 ? 0 : packet->ends.items[index - 1];
	return (struct tn_part){tn_str_c(&packet->bytes) + begin, packet->ends.items[index] - begin};
}

static bool end_frame(struct tn_packet *packet) {
	return TN_VEC_PUSH(&packet->ends, packet->bytes.length);
}

static bool add_frame(struct tn_packet *packet, struct tn_part frame) {
	return tn_str_append_n(&packet->bytes, frame.data, frame.size) && end_frame(packet);
}

/* ---- parsing ---- */

static size_t find_delimiter(const struct tn_part *frames, size_t count) {
	for (size_t i = 0; i < count && i <= TN_IDENTITIES_MAX; i++) {
		if (frames[i].size == DELIMITER_SIZE && memcmp(frames[i].data, DELIMITER, DELIMITER_SIZE) == 0) {
			return i;
		}
	}
	return count;
}

static json_t *parse_object(struct tn_part part, const char *name, struct tn_error *err) {
	json_t *value = tn_json_parse(part.data, part.size, err);
	if (value != NULL && !json_is_object(value)) {
		tn_error_set(err, TN_ERR_VALUE, "%s is no JSON object", name);
		json_decref(value);
		return NULL;
	}
	return value;
}

static bool read_header(struct tn_request *request, struct tn_part part, struct tn_error *err) {
	if (part.size > TN_HEADER_MAX) {
		return tn_error_set(err, TN_ERR_VALUE, "a header of %zu bytes", part.size);
	}
	request->header = parse_object(part, "the header", err);
	if (request->header == NULL) {
		return false;
	}
	request->type = tn_json_get_text(request->header, "msg_type", NULL);
	request->id = tn_json_get_text(request->header, "msg_id", NULL);
	if (request->type == NULL || request->id == NULL) {
		return tn_error_set(err, TN_ERR_VALUE, "a header without msg_type or msg_id");
	}
	return tn_str_append_n(&request->header_text, part.data, part.size) || tn_error_memory(err);
}

/* What follows the header may be wrong without costing the client its answer: the request then carries the reason. */
static bool read_body(struct tn_request *request, struct tn_part metadata, struct tn_part content, struct tn_error *err) {
	struct tn_error inner = {0};
	request->metadata = parse_object(metadata, "metadata", &inner);
	if (request->metadata != NULL) {
		request->content = parse_object(content, "content", &inner);
	}
	if (request->content == NULL) {
		snprintf(request->refusal, sizeof(request->refusal), "the message cannot be read: %s", inner.text);
		json_decref(request->metadata);
		request->metadata = json_object();
		request->content = json_object();
	}
	return (request->metadata != NULL && request->content != NULL) || tn_error_memory(err);
}

static bool read_parent(struct tn_request *request, struct tn_part part, struct tn_error *err) {
	request->parent = request->channel == TN_CHANNEL_STDIN ? parse_object(part, "the parent's header", err) : NULL;
	return request->channel != TN_CHANNEL_STDIN || request->parent != NULL;
}

static bool read_identities(struct tn_request *request, const struct tn_part *frames, size_t count, struct tn_error *err) {
	for (size_t i = 0; i < count; i++) {
		if (!add_frame(&request->identities, frames[i])) {
			return tn_error_memory(err);
		}
	}
	return true;
}

struct tn_request *tn_request_parse(
	const struct tn_part *frames, size_t count, enum tn_channel channel, const struct tn_signer *signer, struct tn_error *err) {
	size_t delimiter = find_delimiter(frames, count);
	if (delimiter == count || count - delimiter < FIXED_FRAMES) {
		tn_error_set(err, TN_ERR_VALUE, "%zu frames that are no Jupyter message", count);
		return NULL;
	}
	const struct tn_part *signature = frames + delimiter + 1, *dictionaries = signature + 1;
	if (!tn_signer_check(signer, dictionaries, *signature)) {
		tn_error_set(err, TN_ERR_VALUE, "a message with a wrong signature");
		return NULL;
	}
	struct tn_request *request = tn_calloc(1, sizeof(*request));
	if (request == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	request->refs = 1;
	request->channel = channel;
	request->mark = tn_signer_mark(signer, *signature);
	if (!read_header(request, dictionaries[0], err) || !read_parent(request, dictionaries[1], err) ||
		!read_body(request, dictionaries[2], dictionaries[3], err) || !read_identities(request, frames, delimiter, err)) {
		tn_request_unref(request);
		return NULL;
	}
	return request;
}

struct tn_request *tn_request_ref(struct tn_request *request) {
	if (request != NULL) {
		request->refs++;
	}
	return request;
}

void tn_request_unref(struct tn_request *request) {
	if (request == NULL || --request->refs > 0) {
		return;
	}
	tn_packet_finish(&request->identities);
	tn_str_finish(&request->header_text);
	json_decref(request->header);
	json_decref(request->parent);
	json_decref(request->metadata);
	json_decref(request->content);
	tn_free(request);
}

/* ---- building ---- */

static bool write_username(struct tn_str *out, struct tn_error *err) {
	const char *name = getenv("USER");
	name = name == NULL || name[0] == '\0' ? "kernel" : name;
	json_t *text = tn_json_text(name, strlen(name));
	bool ok = text != NULL ? tn_json_write(text, out, err) : tn_error_memory(err);
	json_decref(text);
	return ok;
}

/* What all headers share is written once: a cell of one line takes six headers. */
static bool write_fixed_parts(struct tn_sender *sender, struct tn_error *err) {
	bool ok = (tn_str_printf(&sender->head, "{\"msg_id\":\"%s_", sender->session) &&
				  tn_str_printf(&sender->middle, "\",\"session\":\"%s\",\"username\":", sender->session)) ||
		tn_error_memory(err);
	return ok && write_username(&sender->middle, err) && (tn_str_append(&sender->middle, ",\"date\":\"") || tn_error_memory(err));
}

bool tn_sender_init(struct tn_sender *sender, const char *scheme, const char *key, struct tn_error *err) {
	unsigned char id[16];
	*sender = (struct tn_sender){.second = -1};
	randombytes_buf(id, sizeof(id));
	sodium_bin2hex(sender->session, sizeof(sender->session), id, sizeof(id));
	return tn_signer_init(&sender->signer, scheme, key, err) && write_fixed_parts(sender, err);
}

void tn_sender_finish(struct tn_sender *sender) {
	tn_signer_finish(&sender->signer);
	tn_str_finish(&sender->head);
	tn_str_finish(&sender->middle);
}

static void write_second(const struct timespec *now, char out[TN_DATE_MAX]) {
	struct tm parts;
	gmtime_r(&now->tv_sec, &parts);
	strftime(out, TN_DATE_MAX, "%Y-%m-%dT%H:%M:%S", &parts);
}

void tn_date_now(char out[TN_DATE_MAX]) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	write_second(&now, out);
	size_t length = strlen(out);
	snprintf(out + length, TN_DATE_MAX - length, ".%06ldZ", now.tv_nsec / 1000);
}

/* Decimal digits, at least `width`. */
static bool append_number(struct tn_str *out, uint64_t number, int width) {
	char digits[24];
	int at = sizeof(digits);
	for (; number > 0 || width > 0; number /= 10, width--) {
		digits[--at] = (char)('0' + number % 10);
	}
	return tn_str_append_n(out, digits + at, sizeof(digits) - (size_t)at);
}

static bool append_date(struct tn_sender *sender, struct tn_str *out) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != sender->second) {
		write_second(&now, sender->date);
		sender->second = now.tv_sec;
	}
	return tn_str_append(out, sender->date) && tn_str_append_char(out, '.') &&
		append_number(out, (uint64_t)now.tv_nsec / 1000, 6);
}

static bool write_header(struct tn_sender *sender, const char *type, struct tn_packet *packet) {
	struct tn_str *out = &packet->bytes;
	return tn_str_append_n(out, sender->head.data, sender->head.length) && append_number(out, ++sender->sent, 1) &&
		tn_str_append_n(out, sender->middle.data, sender->middle.length) && append_date(sender, out) &&
		tn_str_append(out, "Z\",\"msg_type\":\"") && tn_str_append(out, type) && tn_str_append(out, "\",\"version\":\"5.5\"}") &&
		end_frame(packet);
}

static bool write_json(const json_t *value, struct tn_packet *packet, struct tn_error *err) {
	if (value == NULL) {
		return (tn_str_append(&packet->bytes, "{}") && end_frame(packet)) || tn_error_memory(err);
	}
	return tn_json_write(value, &packet->bytes, err) && (end_frame(packet) || tn_error_memory(err));
}

/* Text of a stream is the bulk of what a kernel says: it goes into the frame without a tree in between. */
static bool write_content(const struct tn_outgoing *out, struct tn_packet *packet, struct tn_error *err) {
	if (out->stream == NULL) {
		return write_json(out->content, packet, err);
	}
	bool ok = tn_str_append(&packet->bytes, "{\"name\":\"") && tn_str_append(&packet->bytes, out->stream) &&
		tn_str_append(&packet->bytes, "\",\"text\":") && tn_json_write_text(out->text.data, out->text.size, &packet->bytes) &&
		tn_str_append_char(&packet->bytes, '}') && end_frame(packet);
	return ok || tn_error_memory(err);
}

static bool write_front(const struct tn_outgoing *out, struct tn_packet *packet) {
	if (!out->to_parent) {
		return out->topic == NULL || add_frame(packet, (struct tn_part){out->topic, strlen(out->topic)});
	}
	for (size_t i = 0; i < out->parent->identities.ends.count; i++) {
		if (!add_frame(packet, tn_packet_frame(&out->parent->identities, i))) {
			return false;
		}
	}
	return true;
}

/* Room for the signature, which is known once the four parts lie behind it. */
static bool reserve_signature(const struct tn_signer *signer, struct tn_packet *packet) {
	static const size_t sizes[] = {[TN_SIGN_NONE] = 0,
		[TN_SIGN_SHA256] = 2 * crypto_auth_hmacsha256_BYTES,
		[TN_SIGN_SHA512] = 2 * crypto_auth_hmacsha512_BYTES};
	return add_frame(packet, (struct tn_part){DELIMITER, DELIMITER_SIZE}) &&
		tn_str_append_fill(&packet->bytes, '0', sizes[signer->scheme]) && end_frame(packet);
}

static void fill_signature(const struct tn_signer *signer, struct tn_packet *packet, size_t index) {
	char hex[TN_SIGN_HEX_MAX + 1];
	struct tn_part parts[TN_SIGN_PARTS];
	for (size_t i = 0; i < TN_SIGN_PARTS; i++) {
		parts[i] = tn_packet_frame(packet, index + 1 + i);
	}
	size_t size = tn_signer_sign(signer, parts, hex);
	memcpy(packet->bytes.data + (packet->ends.items[index] - size), hex, size);
}

bool tn_message_encode(struct tn_sender *sender, const struct tn_outgoing *out, struct tn_packet *packet, struct tn_error *err) {
	static const struct tn_part nothing = {"{}", 2};
	tn_packet_clear(packet);
	if (!write_front(out, packet) || !reserve_signature(&sender->signer, packet)) {
		return tn_error_memory(err);
	}
	size_t signature = packet->ends.count - 1;
	struct tn_part parent = nothing;
	if (out->parent != NULL) {
		parent = (struct tn_part){tn_str_c(&out->parent->header_text), out->parent->header_text.length};
	}
	if (!write_header(sender, out->type, packet) || !add_frame(packet, parent)) {
		return tn_error_memory(err);
	}
	if (!write_json(out->metadata, packet, err) || !write_content(out, packet, err)) {
		return false;
	}
	for (size_t i = 0; i < out->buffer_count; i++) {
		if (!add_frame(packet, out->buffers[i])) {
			return tn_error_memory(err);
		}
	}
	fill_signature(&sender->signer, packet, signature);
	return true;
}
