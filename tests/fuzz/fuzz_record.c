/* SPDX-License-Identifier: Apache-2.0 */
/* Event files that anybody may have written: the reader of records stays inside the bytes, moves forward, and stops where it
 * says. */
#include "events/record.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
	const uint8_t *data;
	size_t offset = 0, length;
	enum tn_record_status status;
	for (;;) {
		const size_t before = offset;
		status = tn_record_next(bytes, size, &offset, &data, &length);
		if (status != TN_RECORD_OK) {
			fuzz_must(offset == before, "an offset moved without a record");
			break;
		}
		fuzz_must(data == bytes + before + TN_RECORD_HEAD && length <= size, "a record lies elsewhere");
		fuzz_must(offset == before + TN_RECORD_HEAD + length + TN_RECORD_TAIL && offset <= size, "a record ends elsewhere");
	}
	fuzz_must((status == TN_RECORD_END) == (offset == size), "the end is where the bytes end");
	return 0;
}
