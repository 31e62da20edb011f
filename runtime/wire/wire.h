/* SPDX-License-Identifier: Apache-2.0 */
/* The worker protocol: what the front (kernel/) and the worker say to each other over a byte stream. Frames, chunks, credit and the
 * JSON wrapper; the public header of wire/. docs/protocol.md is its specification. Nothing here does I/O or locks: the front drives
 * it from its event loop, the worker from two threads under a lock of its own.
 *
 *   magic (16 bytes, once) │ frame │ frame │ …
 *   frame: u32 json_bytes │ u32 buffers │ u64 size[buffers] │ JSON object │ buffer bytes …         all little-endian
 *   The highest bit of `buffers` is set where the frame counts against credit.
 *
 * Every JSON object has "type". The first frame of each side is hello. Requests carry "id" (an integer that the front chooses, unique
 * in its life); the worker answers each with any number of events and exactly one done, all with that id. What the worker sends
 * carries "seq", counting from 1; the front acknowledges what it has taken.
 *
 * A message whose JSON and buffers exceed TN_WIRE_CHUNK travels in pieces, {"type": "chunk", "bytes": of all pieces, "last": bool} with one
 * buffer each: the pieces joined are the bytes of its frame. At most one message is under way in pieces; frames of the express lane
 * may stand between them. Bulk (streams, displays, results; pieces of anything) has credit: a sender has at most TN_WIRE_CREDIT bytes under
 * way that were not acknowledged. Whoever reads acks the bulk_bytes of each message that tn_wire_reader_next gives, sums allowed. */
#ifndef TN_WIRE_WIRE_H
#define TN_WIRE_WIRE_H

#include <jansson.h>

#include "base/base.h"

#define TN_WIRE_MAGIC "\x89tenon\r\n\x1a\nwire01" /* 16 bytes without the NUL */
enum {
	TN_WIRE_MAGIC_BYTES = 16,
	TN_WIRE_MAJOR = 1, TN_WIRE_MINOR = 0,  /* another major version is refused in words */
	TN_WIRE_CHUNK = 256 * 1024,
	TN_WIRE_CREDIT = 4 * 1024 * 1024,
	TN_WIRE_BANNER_MAX = 64 * 1024,        /* text before the magic: a login shell's greeting */
	TN_WIRE_BUFFERS_MAX = 1024,
	TN_WIRE_DEPTH_MAX = 64,
};
#define TN_WIRE_JSON_MAX ((uint64_t)64 << 20)    /* of one message */
#define TN_WIRE_MESSAGE_MAX ((uint64_t)1 << 30)  /* JSON and buffers of one message, in pieces or not */

/* ---- JSON: jansson, strict where it is read, forgiving where it is made ---- */

/* Text as a JSON string; bytes that are not UTF-8 and NULs become U+FFFD. NULL: out of memory. */
TN_MUST_USE json_t *tn_json_text(const char *bytes, size_t length);
/* A number; NaN and the infinities, which JSON has not, become the strings "nan", "inf", "-inf". NULL: out of memory. */
TN_MUST_USE json_t *tn_json_real(double x);
/* One JSON value of at most TN_WIRE_DEPTH_MAX levels, no duplicate keys, strings without NUL. NULL with err (ValueError, with the position). */
TN_MUST_USE json_t *tn_json_parse(const char *bytes, size_t length, struct tn_error *err);
/* Compact, keys in order of insertion. */
TN_MUST_USE bool tn_json_write(const json_t *value, struct tn_str *out, struct tn_error *err);
/* Bytes as a JSON string, read once: what is not UTF-8, and NUL, becomes U+FFFD. False: out of memory, and a part may stand in `out`. */
TN_MUST_USE bool tn_json_write_text(const char *bytes, size_t length, struct tn_str *out);
/* Members by name with a fallback where one is missing or of another type; text is borrowed. */
const char *tn_json_get_text(const json_t *object, const char *key, const char *fallback);
int64_t tn_json_get_int(const json_t *object, const char *key, int64_t fallback);
bool tn_json_get_bool(const json_t *object, const char *key, bool fallback);
/* Takes `value` (may be NULL: false). */
TN_MUST_USE bool tn_json_set_take(json_t *object, const char *key, json_t *value);

/* ---- messages ---- */

struct tn_wire_buffer { uint8_t *data; size_t size; };

struct tn_wire_message {
	json_t *json;                   /* an object with a string "type" */
	struct tn_wire_buffer *buffers; /* one allocation holds the array, each buffer one */
	uint32_t buffer_count;
	uint64_t bulk_bytes;            /* what an ack of it gives back: 0 where it took no credit */
};
void tn_wire_message_finish(struct tn_wire_message *message);
const char *tn_wire_type(const struct tn_wire_message *message);

/* ---- reading: bytes in any pieces, whole messages out ---- */

struct tn_wire_reader;
/* `expect_magic`: a banner may stand before it. NULL: out of memory. */
TN_MUST_USE struct tn_wire_reader *tn_wire_reader_create(bool expect_magic);
void tn_wire_reader_destroy(struct tn_wire_reader *reader);
/* Takes bytes in. Memory is taken as they arrive, not as they are announced. False: the stream is broken for good (err says what was expected and
 * found; a start without magic quotes the banner). */
TN_MUST_USE bool tn_wire_reader_feed(struct tn_wire_reader *reader, const void *bytes, size_t length, struct tn_error *err);
/* The next whole message, or *got false. Acks are messages as others. Pieces are joined here: each but the last is given out as a message of type "chunk"
 * without buffers, only so that its bulk_bytes are acknowledged (a message of 200 MB needs that to arrive at all). */
TN_MUST_USE bool tn_wire_reader_next(struct tn_wire_reader *reader, struct tn_wire_message *out, bool *got, struct tn_error *err);
bool tn_wire_reader_has_magic(const struct tn_wire_reader *reader);
/* "" when there was none. Before the magic has come: what has. Valid until the next bytes are fed. */
const char *tn_wire_reader_banner(const struct tn_wire_reader *reader);

/* ---- sending: messages in, bytes out ---- */

enum tn_wire_lane { TN_WIRE_EXPRESS /* control, replies, hello, acks */, TN_WIRE_BULK };

struct tn_wire_sender;
TN_MUST_USE struct tn_wire_sender *tn_wire_sender_create(bool send_magic);
void tn_wire_sender_destroy(struct tn_wire_sender *sender);
/* Encodes the message and queues it. `json` and `buffers` are borrowed. Order within a lane is kept; a done must follow its bulk, so it
 * travels in the bulk lane too but needs no credit: `after_bulk`. */
struct tn_wire_send { enum tn_wire_lane lane; bool after_bulk; const json_t *json; const struct tn_wire_buffer *buffers; uint32_t buffer_count; };
TN_MUST_USE bool tn_wire_sender_put(struct tn_wire_sender *sender, const struct tn_wire_send *send, struct tn_error *err);
/* The bytes to write next (*length 0: nothing, or no credit), valid until the next call; then how many were written. */
const void *tn_wire_sender_peek(struct tn_wire_sender *sender, size_t *length);
void tn_wire_sender_wrote(struct tn_wire_sender *sender, size_t length);
/* The other side has taken bulk bytes in. */
void tn_wire_sender_grant(struct tn_wire_sender *sender, uint64_t bytes);
/* Bytes queued and not written, of both lanes. */
uint64_t tn_wire_sender_queued(const struct tn_wire_sender *sender);

/* ---- the vocabulary ----
 * Every text is UTF-8. `cell` is the number in "cell 7" of errors. cursor positions count code points, as in Jupyter.
 *
 * A truth that is false, metadata and user_expressions that are empty are left out.
 *
 * from the front
 *   hello       protocol "tenon", version [1, 0], tenon "0.1.0", session (a name), generation (int, counts workers), directory (the notebook's, or "")
 *   execute     id, code, cell, silent, allow_stdin, user_expressions {name: code}
 *   complete    id, code, cursor                    inspect  id, code, cursor, detail (0, 1)
 *   is_complete id, code                            variables  id                      usage  id
 *   interrupt   (no id)                             input  id (of the execute), value | eof true
 *   ack         seq, bytes (credit given back)      shutdown  (no id)
 *
 * from the worker; all but hello and ack have seq
 *   hello       protocol, version, tenon, session, generation, pid, notes [text]   (notes are shown to the user once, before the next output)
 *   stream      id, name ("stdout", "stderr"); the text is buffer 0, bytes as they were written
 *   display     id, data {mime: text | JSON value | {"buffer": i}}, metadata {}, display_id (text; may be missing), update (bool)
 *   result      id, data, metadata                  clear  id, wait
 *   error       id, name, text, traceback [text with ANSI colours]
 *   input       id, prompt, password                payload  id, payload {source: "page" | "set_next_input", …}
 *   done        id, status "ok" | "error" | "interrupted", and by request:
 *                 execute      name, text, traceback (not ok); user_expressions {name: {status, data, metadata} | {status, name, text, traceback}}
 *                 complete     matches [text], types [text], signatures [text], start, end (code points)
 *                 inspect      found, data {mime: text}
 *                 is_complete  complete "complete" | "incomplete" | "invalid", indent
 *                 variables    variables [{name, type, shape, dtype, bytes, text}]
 *                 usage        pid, memory (bytes), cpu_seconds, tensor_bytes
 *   ack         bytes: credit given back, as the front does */

#endif
