/* SPDX-License-Identifier: Apache-2.0 */
/* The checksum of event files: the processor's instruction where there is one (8 bytes in 3 cycles), else four bits at a time
 * from a table that fits a cache line. A record of a scalar has some 50 bytes, so there is nothing to gain from several streams
 * at once. */
#include "events/crc32c.h"

#include <string.h>

/* The remainder of each 4-bit value by the reflected polynomial 0x82f63b78. */
static const uint32_t nibbles[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362,
	0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

uint32_t tn_crc32c_portable(const void *bytes, size_t length) {
	const uint8_t *p = bytes;
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < length; i++) {
		crc ^= p[i];
		crc = (crc >> 4) ^ nibbles[crc & 15];
		crc = (crc >> 4) ^ nibbles[crc & 15];
	}
	return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(const void *bytes, size_t length) {
	const uint8_t *p = bytes;
	uint64_t crc = UINT32_MAX;

	for (; length >= 8; length -= 8, p += 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		crc = _mm_crc32_u64(crc, word);
	}
	for (; length > 0; length--) {
		crc = _mm_crc32_u8((uint32_t)crc, *p++);
	}
	return ~(uint32_t)crc;
}

uint32_t tn_crc32c(const void *bytes, size_t length) {
	return __builtin_cpu_supports("sse4.2") ? crc32c_sse42(bytes, length) : tn_crc32c_portable(bytes, length);
}
#else
uint32_t tn_crc32c(const void *bytes, size_t length) {
	return tn_crc32c_portable(bytes, length);
}
#endif
