/* SPDX-License-Identifier: Apache-2.0 */
/* One round of the event loop: wait, take in what is there, begin what can begin, send what waits. */
#include "kernel/kernel.h"

#include <assert.h>
#include <string.h>

enum { FDS_MAX = 8, SHELL_AT_ONCE = 64, CONTROL_AT_ONCE = 256, RETRY_MS = 2, QUEUE_MAX = 100 * 1000, CREDIT_STEP = 256 * 1024 };

static int64_t earlier(int64_t a, int64_t b) {
	return a < b ? a : b;
}

/* Milliseconds until something is due; negative: nothing is. */
static int time_left(const struct tn_kernel *kernel, int timeout_ms) {
	int64_t due = earlier(earlier(tn_assist_due(kernel), tn_kernel_interrupt_due(kernel)), tn_history_due(kernel->history));
	if (kernel->worker->due_ns != 0) {
		due = earlier(due, kernel->worker->due_ns);
	}
	if (kernel->stop == TN_STOPPING) {
		due = earlier(due, kernel->stop_deadline_ns);
	}
	if (due != INT64_MAX) {
		int64_t left = due - tn_clock_ns();
		int ms = left <= 0 ? 0 : (int)earlier(left / TN_MS + 1, 60 * 1000);
		timeout_ms = timeout_ms < 0 || ms < timeout_ms ? ms : timeout_ms;
	}
	if (kernel->run.ended || kernel->halt.now) { /* a signal came behind the last round */
		return 0;
	}
	if (tn_iopub_is_waiting(&kernel->iopub) ||
		kernel->run.question != NULL) { /* neither a full XPUB nor a client to come can be waited for */
		timeout_ms = timeout_ms < 0 || RETRY_MS < timeout_ms ? RETRY_MS : timeout_ms;
	}
	return timeout_ms;
}

/* A client that sends cells without end is left to wait in its own queue. */
static unsigned channels_wanted(const struct tn_kernel *kernel) {
	unsigned wanted = 1u << TN_CHANNEL_CONTROL | 1u << TN_CHANNEL_STDIN | 1u << TN_CHANNEL_IOPUB;
	return kernel->queue.count - kernel->queue_first < QUEUE_MAX ? wanted | 1u << TN_CHANNEL_SHELL : wanted;
}

static void tick(struct tn_kernel *kernel) {
	int64_t now = tn_clock_ns();
	tn_assist_expire(kernel, false);
	tn_stdin_tick(kernel);
	tn_kernel_tick_interrupt(kernel, now);
	if (now >= tn_history_due(kernel->history)) {
		tn_history_flush(kernel->history);
	}
	if (kernel->stop == TN_STOPPING && now >= kernel->stop_deadline_ns) {
		kernel->worker->impl->kill(kernel->worker);
		kernel->stop = TN_STOPPED;
	}
}

static void pass_credit(struct tn_kernel *kernel) {
	if (kernel->iopub.credit >= CREDIT_STEP) {
		kernel->worker->impl->credit(kernel->worker, kernel->iopub.credit);
		kernel->iopub.credit = 0;
	}
}

void tn_kernel_round(struct tn_kernel *kernel, struct pollfd *more, size_t count, int timeout_ms) {
	struct pollfd fds[FDS_MAX];
	size_t of_worker = kernel->worker->impl->poll(kernel->worker, fds);
	assert(of_worker + count <= FDS_MAX);
	if (count > 0) {
		memcpy(fds + of_worker, more, count * sizeof(*more));
	}
	unsigned ready = kernel->transport->impl->wait(
		kernel->transport, channels_wanted(kernel), fds, of_worker + count, time_left(kernel, timeout_ms));
	if (count > 0) {
		memcpy(more, fds + of_worker, count * sizeof(*more));
	}
	if (ready & 1u << TN_CHANNEL_IOPUB) {
		tn_iopub_subscriptions(&kernel->iopub);
	}
	if (ready & 1u << TN_CHANNEL_CONTROL) {
		tn_kernel_drain(kernel, TN_CHANNEL_CONTROL, CONTROL_AT_ONCE);
	}
	kernel->worker->impl->service(kernel->worker, fds, of_worker);
	if (ready & 1u << TN_CHANNEL_STDIN) {
		tn_kernel_drain(kernel, TN_CHANNEL_STDIN, CONTROL_AT_ONCE);
	}
	if (ready & 1u << TN_CHANNEL_SHELL) {
		tn_kernel_drain(kernel, TN_CHANNEL_SHELL, SHELL_AT_ONCE);
	}
	tick(kernel);
	tn_execute_turn(kernel);
	tn_iopub_flush(&kernel->iopub);
	pass_credit(kernel);
}
