/* SPDX-License-Identifier: Apache-2.0 */
/* A session's directory, $XDG_STATE_HOME/tenon/sessions/NAME, and the journal in it: every executed cell, one line of JSON each, in
 * journal.jsonl. Nobody but its owner may read it. A lock says that a living session has it; a second session of that name gets
 * NAME~2. Part of session.h; all functions belong to the executing thread. */
#ifndef TN_SESSION_JOURNAL_H
#define TN_SESSION_JOURNAL_H

#include "tensor/tensor.h"

struct tn_journal;

/* Takes the first free of NAME, NAME~2, … and begins to write. NULL with err: no such directory can be had (the session runs without). */
TN_MUST_USE struct tn_journal *tn_journal_open(const char *name, struct tn_error *err);
void tn_journal_close(struct tn_journal *journal); /* accepts NULL */

const char *tn_journal_name(const struct tn_journal *journal);      /* as given, with ~2 where the first was taken */
const char *tn_journal_directory(const struct tn_journal *journal); /* absolute, or below the folder that HOME names */

struct tn_journal_cell {
	int64_t cell;
	const char *source;
	size_t length;
	const char *status;                   /* "ok", "error", "interrupted" */
	double began, seconds;                /* wall time; duration */
	struct tn_random_state before, after; /* of the session's random stream */
};
/* Appends one line by one write. False: it could not be written; err says why, the first time only, for a note to the user. */
bool tn_journal_add(struct tn_journal *journal, const struct tn_journal_cell *cell, struct tn_error *err);

#endif
