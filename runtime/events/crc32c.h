/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_EVENTS_CRC32C_H
#define TN_EVENTS_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli) of `length` bytes: 0xe3069283 for "123456789". Any thread. */
uint32_t tn_crc32c(const void *bytes, size_t length);
/* The same by table, which is what runs where the processor has no instruction for it. */
uint32_t tn_crc32c_portable(const void *bytes, size_t length);

/* As a record stores it: a checksum of data that holds its own checksum would be weak. */
static inline uint32_t tn_crc32c_mask(uint32_t crc) {
	return ((crc >> 15) | (crc << 17)) + UINT32_C(0xa282ead8);
}

#endif
