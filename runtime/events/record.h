/* SPDX-License-Identifier: Apache-2.0 */
/* Records of an event file: u64 length │ u32 masked CRC-32C of these 8 bytes │ data │ u32 masked CRC-32C of the data, all
 * little-endian. */
#ifndef TN_EVENTS_RECORD_H
#define TN_EVENTS_RECORD_H

#include "base/base.h"

enum { TN_RECORD_HEAD = 12, TN_RECORD_TAIL = 4 };

/* Makes a record of the `length` bytes of data that stand at record + TN_RECORD_HEAD: writes what belongs before and behind them.
 */
void tn_record_close(uint8_t *record, size_t length);

/* Reading. TRUNCATED: the bytes end inside a record, which a file that is being written may do. CORRUPT: a checksum is wrong;
 * what follows cannot be found. */
enum tn_record_status { TN_RECORD_OK, TN_RECORD_END, TN_RECORD_TRUNCATED, TN_RECORD_CORRUPT };
/* The record at *offset of `bytes`: its data (borrowed) and length; *offset moves behind it. Else *offset stays: where it went
 * wrong. */
enum tn_record_status tn_record_next(
	const uint8_t *bytes, size_t length, size_t *offset, const uint8_t **data, size_t *data_length);

#endif
