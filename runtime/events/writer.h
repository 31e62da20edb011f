/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of one run: a ring that the executing thread fills without waiting, and a thread that makes records of what it finds
 * there and writes them: within 50 ms, when the ring is half full, and when it is asked to. */
#ifndef TN_EVENTS_WRITER_H
#define TN_EVENTS_WRITER_H

#include "events/file.h"
#include "events/summary.h"

struct tn_event_writer;

/* Takes `file`, also when it fails. NULL: no thread, no memory. */
TN_MUST_USE struct tn_event_writer *tn_event_writer_create(struct tn_event_file *file, struct tn_error *err);
/* Writes what is left, ends the thread, and says how it went. Accepts NULL. */
struct tn_event_file_state tn_event_writer_destroy(struct tn_event_writer *writer);

/* One point of a curve. `tag` stays the caller's and must outlive the writer. False: the ring is full. Executing thread. */
TN_MUST_USE bool tn_event_writer_scalar(struct tn_event_writer *writer, const struct tn_event_scalar *scalar);
/* A record that is made already; taken when this is true. Executing thread. */
TN_MUST_USE bool tn_event_writer_block(struct tn_event_writer *writer, struct tn_event_block *block);
/* Waits until there is room, or 50 ms: callers look at the interrupt flag between. */
void tn_event_writer_wait_room(struct tn_event_writer *writer);
/* Has all that was given so far written, and waits for that at most timeout_ns. */
void tn_event_writer_flush(struct tn_event_writer *writer, int64_t timeout_ns);
/* How the last write went. Any thread. */
struct tn_event_file_state tn_event_writer_state(struct tn_event_writer *writer);
/* Waits until every writer has written what it was given, at most timeout_ns. Async-signal-safe: for the handler of a crash. */
void tn_event_writers_settle(int64_t timeout_ns);

#endif
