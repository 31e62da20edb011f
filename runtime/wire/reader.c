/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in, messages out. The other side may be a hostile or a broken program, or no Tenon at all: each number is held against its bound before
 * anything is done with it, memory grows with what has arrived and never with what was announced, and the first error
 * is the last: a stream whose frames are lost cannot find them again. */
#include "wire/frame.h"

struct tn_wire_reader {
	struct tn_str in;          /* bytes not yet consumed begin at `at` */
	size_t at;
	struct tn_str banner;
	bool wants_magic, broken;
	struct tn_str pieces;      /* of the message under way */
	uint64_t pieces_total;     /* 0: none is under way */
};

/* A frame that lies whole in memory. */
struct frame {
	uint32_t json_bytes, buffer_count;
	bool credit;
	const char *sizes, *json, *body;
	uint64_t total; /* of the frame, its head too */
};

struct tn_wire_reader *tn_wire_reader_create(bool expect_magic) {
	struct tn_wire_reader *reader = tn_calloc(1, sizeof(*reader));
	if (reader != NULL) {
		reader->wants_magic = expect_magic;
	}
	return reader;
}

void tn_wire_reader_destroy(struct tn_wire_reader *reader) {
	if (reader == NULL) {
		return;
	}
	tn_str_finish(&reader->in);
	tn_str_finish(&reader->banner);
	tn_str_finish(&reader->pieces);
	tn_free(reader);
}

bool tn_wire_reader_has_magic(const struct tn_wire_reader *reader) {
	return !reader->wants_magic;
}

const char *tn_wire_reader_banner(const struct tn_wire_reader *reader) {
	return tn_str_c(reader->wants_magic ? &reader->in : &reader->banner);
}

void tn_wire_message_finish(struct tn_wire_message *message) {
	for (uint32_t i = 0; message->buffers != NULL && i < message->buffer_count; i++) {
		tn_free(message->buffers[i].data);
	}
	tn_free(message->buffers);
	json_decref(message->json);
	*message = (struct tn_wire_message){0};
}

const char *tn_wire_type(const struct tn_wire_message *message) {
	return tn_json_get_text(message->json, "type", "");
}

static bool fail(struct tn_wire_reader *reader) {
	reader->broken = true;
	tn_str_finish(&reader->in);
	tn_str_finish(&reader->pieces);
	reader->at = 0;
	return false;
}

/* ---- the magic and what stands before it ---- */

/* The last words of the banner in a form that fits into an error: one line, printable. */
static void quote_banner(const struct tn_wire_reader *reader, size_t end, char *out, size_t size) {
	size_t n = 0, from = end > size - 1 ? end - (size - 1) : 0;
	for (size_t i = from; i < end; i++) {
		unsigned char c = (unsigned char)reader->in.data[i];
		out[n++] = c >= ' ' && c < 0x7f ? (char)c : c == '\n' ? ' ' : '?';
	}
	out[n] = '\0';
}

static bool no_magic(struct tn_wire_reader *reader, struct tn_error *err) {
	char words[200];
	quote_banner(reader, reader->in.length < TN_WIRE_BANNER_MAX ? reader->in.length : TN_WIRE_BANNER_MAX, words, sizeof(words));
	tn_error_set(err, TN_ERR_IO, "the other side does not speak Tenon's worker protocol: no greeting in its first %d bytes; it says: %s",
		TN_WIRE_BANNER_MAX, words);
	return fail(reader);
}

/* What stood before the magic is kept as text: NULs would end it early. */
static bool take_banner(struct tn_wire_reader *reader, size_t length, struct tn_error *err) {
	if (length == 0) {
		return true;
	}
	if (!tn_str_append_n(&reader->banner, reader->in.data, length)) {
		tn_error_memory(err);
		return fail(reader);
	}
	for (size_t i = 0; i < length; i++) {
		reader->banner.data[i] = reader->banner.data[i] == '\0' ? ' ' : reader->banner.data[i];
	}
	return true;
}

static bool find_magic(struct tn_wire_reader *reader, struct tn_error *err) {
	const char *magic = reader->in.length == 0 ? NULL : memmem(reader->in.data, reader->in.length, TN_WIRE_MAGIC, TN_WIRE_MAGIC_BYTES);
	size_t before = magic != NULL ? (size_t)(magic - reader->in.data) : reader->in.length;
	if (before > TN_WIRE_BANNER_MAX + (magic == NULL ? TN_WIRE_MAGIC_BYTES : 0)) {
		return no_magic(reader, err);
	}
	if (magic == NULL) {
		return true;
	}
	if (!take_banner(reader, before, err)) {
		return false;
	}
	reader->at = before + TN_WIRE_MAGIC_BYTES;
	reader->wants_magic = false;
	return true;
}

bool tn_wire_reader_feed(struct tn_wire_reader *reader, const void *bytes, size_t length, struct tn_error *err) {
	if (reader->broken) {
		return tn_error_set(err, TN_ERR_IO, "the protocol's stream is broken");
	}
	if (reader->at > 0 && reader->at >= reader->in.length / 2) {
		memmove(reader->in.data, reader->in.data + reader->at, reader->in.length - reader->at);
		reader->in.length -= reader->at;
		reader->at = 0;
	}
	if (!tn_str_append_n(&reader->in, bytes, length)) {
		tn_error_memory(err);
		return fail(reader);
	}
	return !reader->wants_magic || find_magic(reader, err);
}

/* ---- frames ---- */

/* Looks at a frame at `at`. `*whole` false: more bytes are needed. `most`: JSON and buffers together. */
static bool parse_frame(const char *at, uint64_t available, uint64_t most, struct frame *f, bool *whole, struct tn_error *err) {
	*whole = false;
	if (available < FRAME_HEAD) {
		return true;
	}
	f->json_bytes = frame_get_u32(at);
	uint32_t count = frame_get_u32(at + 4);
	f->credit = (count & FRAME_CREDIT) != 0;
	f->buffer_count = count & ~FRAME_CREDIT;
	uint64_t json_max = most < TN_WIRE_JSON_MAX ? most : TN_WIRE_JSON_MAX;
	if (f->json_bytes < 2 || f->json_bytes > json_max) {
		return tn_error_set(err, TN_ERR_IO, "a frame's header of %u bytes; 2 to %llu are allowed", f->json_bytes, (unsigned long long)json_max);
	}
	if (f->buffer_count > TN_WIRE_BUFFERS_MAX) {
		return tn_error_set(err, TN_ERR_IO, "a frame with %u buffers; at most %d are allowed", f->buffer_count, TN_WIRE_BUFFERS_MAX);
	}
	uint64_t head = FRAME_HEAD + 8ull * f->buffer_count, sum = f->json_bytes;
	if (available < head) {
		return true;
	}
	f->sizes = at + FRAME_HEAD;
	for (uint32_t i = 0; i < f->buffer_count; i++) {
		uint64_t size = frame_get_u64(f->sizes + 8ull * i);
		if (size > most || sum + size > most) {
			return tn_error_set(err, TN_ERR_IO, "a frame of more than %llu bytes: buffer %u has %llu", (unsigned long long)most, i,
				(unsigned long long)size);
		}
		sum += size;
	}
	f->total = head + sum;
	f->json = at + head;
	f->body = f->json + f->json_bytes;
	*whole = available >= f->total;
	return true;
}

static bool copy_buffers(const struct frame *f, struct tn_wire_message *out, struct tn_error *err) {
	if (f->buffer_count == 0) {
		return true;
	}
	out->buffers = tn_calloc(f->buffer_count, sizeof(*out->buffers));
	if (out->buffers == NULL) {
		return tn_error_memory(err);
	}
	out->buffer_count = f->buffer_count;
	const char *from = f->body;
	for (uint32_t i = 0; i < f->buffer_count; i++) {
		size_t size = (size_t)frame_get_u64(f->sizes + 8ull * i);
		out->buffers[i].data = tn_alloc(size);
		if (out->buffers[i].data == NULL) {
			return tn_error_memory(err);
		}
		memcpy(out->buffers[i].data, from, size);
		out->buffers[i].size = size;
		from += size;
	}
	return true;
}

static json_t *parse_json(const struct frame *f, struct tn_error *err) {
	json_t *json = tn_json_parse(f->json, f->json_bytes, err);
	if (json != NULL && (!json_is_object(json) || tn_json_get_text(json, "type", NULL) == NULL)) {
		json_decref(json);
		tn_error_set(err, TN_ERR_IO, "a frame's header is not an object with a \"type\"");
		return NULL;
	}
	return json;
}

/* ---- pieces ---- */

/* Joins a piece to the message under way; `*last`: that message is now whole in reader->pieces. */
static bool take_piece(struct tn_wire_reader *reader, const struct frame *f, const json_t *json, bool *last, struct tn_error *err) {
	int64_t total = tn_json_get_int(json, "bytes", -1);
	uint64_t size = f->total - (uint64_t)(f->body - f->json) - FRAME_HEAD - 8ull * f->buffer_count;
	uint64_t most = TN_WIRE_MESSAGE_MAX + FRAME_HEAD + 8ull * TN_WIRE_BUFFERS_MAX;
	*last = tn_json_get_bool(json, "last", false);
	if (f->buffer_count != 1 || size == 0 || total <= 0 || (uint64_t)total > most) {
		return tn_error_set(err, TN_ERR_IO, "a piece of a message is malformed (%u buffers, %lld bytes in all)", f->buffer_count, (long long)total);
	}
	if (reader->pieces_total != 0 && reader->pieces_total != (uint64_t)total) {
		return tn_error_set(err, TN_ERR_IO, "pieces of two messages are mixed");
	}
	reader->pieces_total = (uint64_t)total;
	uint64_t now = reader->pieces.length + size;
	if (now > (uint64_t)total || (*last) != (now == (uint64_t)total)) {
		return tn_error_set(err, TN_ERR_IO, "the pieces of a message are %llu bytes of %lld", (unsigned long long)now, (long long)total);
	}
	return tn_str_append_n(&reader->pieces, f->body, (size_t)size) || tn_error_memory(err);
}

static bool join_pieces(struct tn_wire_reader *reader, struct tn_wire_message *out, struct tn_error *err) {
	struct frame f;
	bool whole;
	if (!parse_frame(reader->pieces.data, reader->pieces.length, TN_WIRE_MESSAGE_MAX, &f, &whole, err)) {
		return false;
	}
	if (!whole || f.total != reader->pieces.length) {
		return tn_error_set(err, TN_ERR_IO, "the pieces of a message do not make a frame");
	}
	out->json = parse_json(&f, err);
	if (out->json == NULL) {
		return false;
	}
	if (strcmp(tn_wire_type(out), "chunk") == 0) {
		return tn_error_set(err, TN_ERR_IO, "a piece of a message inside a piece");
	}
	bool ok = copy_buffers(&f, out, err);
	tn_str_finish(&reader->pieces);
	reader->pieces_total = 0;
	return ok;
}

static bool open_frame(struct tn_wire_reader *reader, const struct frame *f, struct tn_wire_message *out, struct tn_error *err) {
	out->bulk_bytes = f->credit ? f->total : 0;
	out->json = parse_json(f, err);
	if (out->json == NULL) {
		return false;
	}
	if (strcmp(tn_wire_type(out), "chunk") != 0) {
		return copy_buffers(f, out, err);
	}
	bool last;
	if (!take_piece(reader, f, out->json, &last, err)) {
		return false;
	}
	if (!last) {
		return true;
	}
	json_decref(out->json);
	out->json = NULL;
	return join_pieces(reader, out, err);
}

bool tn_wire_reader_next(struct tn_wire_reader *reader, struct tn_wire_message *out, bool *got, struct tn_error *err) {
	*out = (struct tn_wire_message){0};
	*got = false;
	if (reader->broken) {
		return tn_error_set(err, TN_ERR_IO, "the protocol's stream is broken");
	}
	if (reader->wants_magic || reader->in.length == reader->at) {
		return true;
	}
	struct frame f;
	bool whole;
	if (!parse_frame(reader->in.data + reader->at, reader->in.length - reader->at, TN_WIRE_CHUNK, &f, &whole, err)) {
		return fail(reader);
	}
	if (!whole) {
		return true;
	}
	if (!open_frame(reader, &f, out, err)) {
		tn_wire_message_finish(out);
		return fail(reader);
	}
	reader->at += (size_t)f.total;
	if (reader->at == reader->in.length) {
		reader->at = reader->in.length = 0;
	}
	*got = true;
	return true;
}
