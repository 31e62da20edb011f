/* SPDX-License-Identifier: Apache-2.0 */
/* A session's directory, $XDG_STATE_HOME/tenon/sessions/NAME, and the journal in it: every executed cell, one line of JSON each, in
 * journal.jsonl. Nobody but its owner may read it. A lock says that a living session has it; a second session of that name gets
 * NAME~2. Part of session.h; all functions belong to the executing thread. */
#ifndef TN_SESSION_JOURNAL_H
#define TN_SESSION_JOURNAL_H

#include <stdatomic.h>

#include "tensor/tensor.h"

struct tn_journal;

/* Takes the first free of NAME, NAME~2, … and begins to write. Where that cannot be done (`err` says why: a note for the user) each line tries it
 * again, and the session runs without until then. NULL: out of memory. */
TN_MUST_USE struct tn_journal *tn_journal_create(const char *name, struct tn_error *err);
void tn_journal_destroy(struct tn_journal *journal); /* accepts NULL */

const char *tn_journal_name(const struct tn_journal *journal);      /* as given, with ~2 where the first was taken */
const char *tn_journal_directory(const struct tn_journal *journal); /* absolute; "" while it cannot be had, and for NULL. Borrowed until the next line */

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

/* ---- what earlier sessions left: retention.c ---- */

/* Adds the folder of all sessions, with a slash at its end. */
TN_MUST_USE bool tn_sessions_folder(struct tn_str *out, struct tn_error *err);
/* TENON_SESSIONS=off: nothing of a session is kept. */
bool tn_sessions_are_kept(void);
/* Removes the oldest sessions until no more than TENON_SESSIONS (20) are left, and no more than TENON_SESSIONS_SIZE (20G) bytes; never one that is in use, nor
 * `own`, the folder of this process's session (its lock would be lost by a look at it), nor what is no session. Any thread; ends early when *stop. */
void tn_sessions_tidy(const char *own, const atomic_bool *stop);

#endif
