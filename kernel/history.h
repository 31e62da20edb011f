/* SPDX-License-Identifier: Apache-2.0 */
/* The inputs of all sessions, in one file of JSON lines under the user's state folder, so that they outlive the kernel. A session
 * takes its number when it stores its first cell. Other kernels append to the same file at the same time: each line is one write
 * under a lock. */
#ifndef TN_KERNEL_HISTORY_H
#define TN_KERNEL_HISTORY_H

#include "base/base.h"

struct tn_history;

struct tn_history_entry {
	int64_t session, line;
	const char *source;
	const char *output; /* text/plain of the cell's value, or NULL */
};

enum tn_history_access { TN_HISTORY_TAIL, TN_HISTORY_RANGE, TN_HISTORY_SEARCH };
struct tn_history_query {
	enum tn_history_access access;
	int64_t n;           /* tail, search: at most so many, the newest */
	const char *pattern; /* search: * and ? as in file names */
	bool unique;         /* search: each source once */
	int64_t session;     /* range: 0 this one, negative: so many before it */
	int64_t start, stop; /* range of lines; stop exclusive, 0: to the end */
};
typedef bool (*tn_history_visitor)(void *data, const struct tn_history_entry *entry);

/* `path` is copied; NULL: nothing is kept on disk. NULL: out of memory. Reads nothing yet. */
TN_MUST_USE struct tn_history *tn_history_create(const char *path);
void tn_history_destroy(struct tn_history *history); /* accepts NULL */
/* "$XDG_STATE_HOME/tenon/cells.jsonl"; NULL: there is no such folder, or no memory. The caller frees it. */
char *tn_history_default_path(void);
/* Writes what was added to disk. */
void tn_history_flush(struct tn_history *history);
/* When that is to be done, on the clock of tn_clock_ns; INT64_MAX: there is nothing to write. Accepts NULL. */
int64_t tn_history_due(const struct tn_history *history);
/* Adds a cell; a disk that does not take it is logged once. */
void tn_history_add(struct tn_history *history, int64_t line, const char *source);
/* The output of the cell that was added last. */
void tn_history_set_output(struct tn_history *history, int64_t line, const char *output);
/* Oldest first. False when the visitor said so, or memory is out. */
TN_MUST_USE bool tn_history_find(
	struct tn_history *history, const struct tn_history_query *query, tn_history_visitor visit, void *data);

#endif
