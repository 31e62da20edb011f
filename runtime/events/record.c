/* SPDX-License-Identifier: Apache-2.0 */
/* Framing of event files, there and back. Words are put together byte by byte, so that the machine's byte order does not matter.
 */
#include "events/record.h"

#include "events/crc32c.h"

static void put_u32(uint8_t *out, uint32_t x) {
	for (int i = 0; i < 4; i++) {
		out[i] = (uint8_t)(x >> 8 * i);
	}
}

static uint32_t get_u32(const uint8_t *in) {
	return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

void tn_record_close(uint8_t *record, size_t length) {
	put_u32(record, (uint32_t)length);
	put_u32(record + 4, (uint32_t)((uint64_t)length >> 32));
	put_u32(record + 8, tn_crc32c_mask(tn_crc32c(record, 8)));
	put_u32(record + TN_RECORD_HEAD + length, tn_crc32c_mask(tn_crc32c(record + TN_RECORD_HEAD, length)));
}

enum tn_record_status tn_record_next(
	const uint8_t *bytes, size_t length, size_t *offset, const uint8_t **data, size_t *data_length) {
	const uint8_t *record = bytes + *offset;
	const size_t left = length - *offset;
	if (left == 0) {
		return TN_RECORD_END;
	}
	if (left < TN_RECORD_HEAD) {
		return TN_RECORD_TRUNCATED;
	}
	if (get_u32(record + 8) != tn_crc32c_mask(tn_crc32c(record, 8))) {
		return TN_RECORD_CORRUPT;
	}
	const uint64_t size = (uint64_t)get_u32(record) | (uint64_t)get_u32(record + 4) << 32;
	if (size > left - TN_RECORD_HEAD || left - TN_RECORD_HEAD - size < TN_RECORD_TAIL) {
		return TN_RECORD_TRUNCATED;
	}
	if (get_u32(record + TN_RECORD_HEAD + size) != tn_crc32c_mask(tn_crc32c(record + TN_RECORD_HEAD, (size_t)size))) {
		return TN_RECORD_CORRUPT;
	}
	*data = record + TN_RECORD_HEAD;
	*data_length = (size_t)size;
	*offset += TN_RECORD_HEAD + (size_t)size + TN_RECORD_TAIL;
	return TN_RECORD_OK;
}
