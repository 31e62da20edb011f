/* SPDX-License-Identifier: Apache-2.0 */
/* An event file that is being written. A reader may look at any time, so records reach the file whole, several with one write(2);
 * what could not be written whole is cut away again, kept in memory within a bound, and tried again with the next flush.
 *
 * A process may be killed in the middle of a write. Linux copies a write into the file page by page and looks for SIGKILL between two pages, so a
 * file ends at a page's border then. Therefore no record lies across one: the record before it is made longer, by a field that readers do not know
 * and pass over; where that one is in the file already, a record of such a field alone fills the page. Records above a page (large pictures)
 * cannot be kept whole that way: of those the last one may be torn, and readers wait for its rest. */
#ifndef TN_EVENTS_FILE_H
#define TN_EVENTS_FILE_H

#include "base/base.h"

/* The permissions of a file in the folder of a run: whoever may read the one may read the other. */
unsigned tn_event_file_mode(int folder);

struct tn_event_file; /* one thread at a time */

/* Creates events.out.tfevents.<seconds>.<host>.<pid>.<n> in the folder; n counts the files of this process, so no two have one
 * name. */
TN_MUST_USE struct tn_event_file *tn_event_file_create(int folder, struct tn_error *err);
/* Flushes, where the last flush did not fail; closes. Accepts NULL. */
void tn_event_file_destroy(struct tn_event_file *file);

/* Adds a whole record; flushes first when the batch is full. */
void tn_event_file_append(struct tn_event_file *file, const uint8_t *record, size_t length);
/* Writes what was added. False while it cannot. */
bool tn_event_file_flush(struct tn_event_file *file);

struct tn_event_file_state {
	int error;     /* errno of what went wrong; 0: nothing did. ENOENT: the file is gone, and stays so */
	size_t kept;   /* bytes that wait in memory */
	uint64_t lost; /* records that found no room there */
};
struct tn_event_file_state tn_event_file_state(const struct tn_event_file *file);

#endif
