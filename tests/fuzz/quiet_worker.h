/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a worker that do nothing: the fuzz targets of the front put their own beside them. */
#ifndef TN_FUZZ_QUIET_WORKER_H
#define TN_FUZZ_QUIET_WORKER_H

#include "kernel/kernel.h"

static inline bool quiet_start(struct tn_worker *worker, struct tn_error *err) {
	(void)err;
	worker->state = TN_WORKER_STARTING;
	return true;
}

/* What is asked can at least be written. */
static inline bool quiet_send(struct tn_worker *worker, const json_t *request, struct tn_error *err) {
	struct tn_str text = {0};
	(void)worker;
	bool ok = tn_json_write(request, &text, err);
	tn_str_finish(&text);
	return ok;
}

static inline void quiet_credit(struct tn_worker *worker, uint64_t bytes) {
	(void)worker;
	(void)bytes;
}

static inline size_t quiet_poll(struct tn_worker *worker, struct pollfd *fds) {
	(void)worker;
	(void)fds;
	return 0;
}

static inline void quiet_ignore(struct tn_worker *worker) {
	(void)worker;
}

#endif
