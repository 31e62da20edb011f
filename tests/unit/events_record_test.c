/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums and framing by published vectors; damage is told from an end that is still to come. */
#include <string.h>

#include "events/crc32c.h"
#include "events/record.h"
#include "runner/test.h"

TN_TEST(the_checksum_is_that_of_the_published_vectors) {
	static const uint8_t zeros[32] = {0};
	TN_CHECK_INT_EQ(tn_crc32c("123456789", 9), 0xe3069283);
	TN_CHECK_INT_EQ(tn_crc32c(zeros, sizeof(zeros)), 0x8a9136aa); /* RFC 3720, B.4 */
	TN_CHECK_INT_EQ(tn_crc32c("", 0), 0);
	TN_CHECK_INT_EQ(tn_crc32c_mask(tn_crc32c("\x1a\x11"
											 "CRC test, one two",
						19)),
		0x5794d08a);
	TN_CHECK_INT_EQ(tn_crc32c_mask(tn_crc32c(zeros, 8)), 0x07980329);
}

TN_TEST(the_instruction_and_the_table_agree_at_every_length) {
	uint8_t bytes[200];
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(i * 37 + 11);
	}
	for (size_t begin = 0; begin < 9; begin++) {
		for (size_t length = 0; begin + length <= sizeof(bytes); length++) {
			TN_CHECK_INT_EQ(tn_crc32c(bytes + begin, length), tn_crc32c_portable(bytes + begin, length));
		}
	}
}

/* The first record of an event file. */
static const uint8_t golden[] = "\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22\x09\0\0\x80\x38\x99\xd6\xd7\x41\x1a\x0d"
								"brain.Event:2\x12\x4b\x36\xab";
enum { GOLDEN = sizeof(golden) - 1 };

TN_TEST(a_record_is_framed_as_the_golden_one) {
	uint8_t record[GOLDEN];
	memcpy(record + TN_RECORD_HEAD, golden + TN_RECORD_HEAD, 24);
	tn_record_close(record, 24);
	TN_CHECK_MEM_EQ(record, golden, GOLDEN);
}

TN_TEST(records_are_read_one_behind_the_other) {
	uint8_t bytes[2 * GOLDEN];
	const uint8_t *data;
	size_t offset = 0, length;
	memcpy(bytes, golden, GOLDEN);
	memcpy(bytes + GOLDEN, golden, GOLDEN);
	for (int i = 0; i < 2; i++) {
		TN_CHECK_INT_EQ(tn_record_next(bytes, sizeof(bytes), &offset, &data, &length), TN_RECORD_OK);
		TN_CHECK_SIZE_EQ(length, 24);
		TN_CHECK_MEM_EQ(data, golden + TN_RECORD_HEAD, 24);
	}
	TN_CHECK_INT_EQ(tn_record_next(bytes, sizeof(bytes), &offset, &data, &length), TN_RECORD_END);
}

TN_TEST(a_record_that_is_cut_anywhere_is_truncated_not_corrupt) {
	for (size_t cut = 1; cut < GOLDEN; cut++) {
		const uint8_t *data;
		size_t offset = 0, length;
		TN_CHECK_INT_EQ(tn_record_next(golden, cut, &offset, &data, &length), TN_RECORD_TRUNCATED);
		TN_CHECK_SIZE_EQ(offset, 0);
	}
}

TN_TEST(a_flipped_bit_anywhere_is_found) {
	for (size_t bit = 0; bit < 8 * GOLDEN; bit++) {
		uint8_t bytes[GOLDEN];
		const uint8_t *data;
		size_t offset = 0, length;
		memcpy(bytes, golden, GOLDEN);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		TN_CHECK_INT_EQ(tn_record_next(bytes, GOLDEN, &offset, &data, &length), TN_RECORD_CORRUPT);
	}
}

TN_TEST(a_length_near_the_end_of_numbers_is_no_overflow) {
	uint8_t bytes[64] = {0};
	const uint8_t *data;
	size_t offset = 0, length;
	memset(bytes, 0xff, 8);
	const uint32_t crc = tn_crc32c_mask(tn_crc32c(bytes, 8));
	for (int i = 0; i < 4; i++) {
		bytes[8 + i] = (uint8_t)(crc >> 8 * i);
	}
	TN_CHECK_INT_EQ(tn_record_next(bytes, sizeof(bytes), &offset, &data, &length), TN_RECORD_TRUNCATED);
}
