/* SPDX-License-Identifier: Apache-2.0 */
/* What reader and sender share about a frame's bytes; private to wire/.
 *
 *   u32 json_bytes │ u32 buffers │ u64 size[buffers] │ JSON │ buffer bytes
 *
 * The highest bit of `buffers` marks a frame that counts against credit, so that a reader gives it back without knowing the lane that
 * its sender chose. A piece is a frame of its own: JSON {"type": "chunk", …} and one buffer. */
#ifndef TN_WIRE_FRAME_H
#define TN_WIRE_FRAME_H

#include <assert.h>
#include <string.h>

#include "wire/wire.h"

_Static_assert(sizeof(TN_WIRE_MAGIC) == TN_WIRE_MAGIC_BYTES + 1, "the magic has its length");

#define FRAME_CREDIT 0x80000000u
enum {
	FRAME_HEAD = 8,
	FRAME_PIECE = TN_WIRE_CHUNK - 256, /* of a message, in one frame: its JSON and the head fit beside it */
};

static inline void frame_put_u32(char *at, uint32_t x) {
	for (int i = 0; i < 4; i++) {
		at[i] = (char)(x >> (8 * i));
	}
}

static inline void frame_put_u64(char *at, uint64_t x) {
	frame_put_u32(at, (uint32_t)x);
	frame_put_u32(at + 4, (uint32_t)(x >> 32));
}

static inline uint32_t frame_get_u32(const char *at) {
	const unsigned char *p = (const unsigned char *)at;
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t frame_get_u64(const char *at) {
	return frame_get_u32(at) | (uint64_t)frame_get_u32(at + 4) << 32;
}

#endif
