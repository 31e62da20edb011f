/* SPDX-License-Identifier: Apache-2.0 */
/* The worker as the kernel sees it: something that takes JSON requests, answers with messages, and may die at any moment. One
 * implementation starts a process (worker_process.c); tests have one that follows a script. One thread. */
#ifndef TN_KERNEL_WORKER_H
#define TN_KERNEL_WORKER_H

#include <poll.h>

#include "wire/wire.h"

enum { TN_WORKER_FDS = 4 };

enum tn_worker_state { TN_WORKER_NONE, TN_WORKER_STARTING /* no hello yet */, TN_WORKER_UP };

struct tn_worker_death {
	bool was_up;            /* it had said hello: there was a session to lose */
	char reason[512];       /* "was killed by SIGSEGV (signal 11)", "ended with status 1", "speaks another version…" */
	const char *last_words; /* the end of what it wrote to stderr; "" when nothing */
};

/* Told from `service` only. Everything is borrowed for the call. */
struct tn_worker_listener {
	void *data;
	void (*up)(void *data, const json_t *hello);
	void (*message)(void *data, const struct tn_wire_message *message);
	void (*death)(void *data, const struct tn_worker_death *death);
};

struct tn_worker;
struct tn_worker_impl {
	/* Another generation; only in state NONE. It comes up later: then `up` is told. */
	bool (*start)(struct tn_worker *worker, struct tn_error *err);
	/* Queues a request and writes what the other side takes. Only in state UP. A stream that is broken shows as a death later. */
	bool (*send)(struct tn_worker *worker, const json_t *request, struct tn_error *err);
	/* Bulk bytes that were passed on: the worker may send as many again. */
	void (*credit)(struct tn_worker *worker, uint64_t bytes);
	/* Fills at most TN_WORKER_FDS descriptors to wait for; then what they had. */
	size_t (*poll)(struct tn_worker *worker, struct pollfd *fds);
	void (*service)(struct tn_worker *worker, const struct pollfd *fds, size_t count);
	/* Ends the process and what it started; the death is told when it is gone. */
	void (*kill)(struct tn_worker *worker);
	void (*destroy)(struct tn_worker *worker);
	/* What it has said so far, and not in the protocol; "" when nothing. Valid until the next call. NULL: nothing ever. */
	const char *(*words)(struct tn_worker *worker);
};

struct tn_worker {
	const struct tn_worker_impl *impl;
	struct tn_worker_listener listener;
	enum tn_worker_state state;
	int generation; /* of the one that runs, or ran; the first is 1 */
	long pid;       /* 0: none */
	int64_t due_ns; /* `service` wants to be called by then; 0: no matter */
};

static inline void tn_worker_destroy(struct tn_worker *worker) {
	if (worker != NULL) {
		worker->impl->destroy(worker);
	}
}

struct tn_worker_process_params {
	char *const *command; /* ends with NULL; borrowed for the worker's life */
	const char *session;  /* hello's: borrowed as well */
	const char *directory;
};
/* NULL: out of memory. Nothing is started yet. */
TN_MUST_USE struct tn_worker *tn_worker_process(const struct tn_worker_process_params *params);

#endif
