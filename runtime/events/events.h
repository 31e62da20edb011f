/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: what a training leaves behind. A run is a folder with run.json (what ran, with which settings, how it ended) and an event
 * file that TensorBoard reads while it is written. The public header of events/. All functions belong to the executing thread. */
#ifndef TN_EVENTS_EVENTS_H
#define TN_EVENTS_EVENTS_H

#include "lang/lang.h"

struct tn_runs; /* of one session */

/* Registers the type Run and its natives, and listens to the engine's flushes. NULL: out of memory. */
TN_MUST_USE struct tn_runs *tn_runs_create(struct tn_lang *lang, struct tn_error *err);
/* After the language, before the engine. Accepts NULL. */
void tn_runs_destroy(struct tn_runs *runs);

/* Around each cell. Its source is kept for the run.json of runs that are used in it. */
void tn_runs_begin_cell(struct tn_runs *runs, const struct tn_lang_cell *cell);
/* Keeps the source of a file that a cell runs, too. Where memory is out it is left out, and counted. */
void tn_runs_note_source(struct tn_runs *runs, const struct tn_lang_cell *cell);
enum tn_runs_outcome { TN_RUNS_OK, TN_RUNS_FAILED, TN_RUNS_INTERRUPTED };
/* What was logged is written, runs that were used take the cell's outcome as their status, and troubles become one warning each.
 */
void tn_runs_end_cell(struct tn_runs *runs, enum tn_runs_outcome outcome);
/* The session ends: every open run is closed. Before the language ends. */
void tn_runs_close(struct tn_runs *runs);

/* Waits until what was logged is in the files, at most timeout_ns. Async-signal-safe: a process that dies by a signal calls it from
 * its handler. */
void tn_runs_settle(int64_t timeout_ns);

/* The folder in which the last run was made; before one, that in which it would be. Valid until the next call. */
const char *tn_runs_folder(struct tn_runs *runs);

#endif
