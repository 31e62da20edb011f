/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that steer the kernel itself: interrupt, shutdown, and those that it answers with a plain no. */
#include "kernel/kernel.h"

#include <string.h>

#define PATIENCE_NS (3000 * TN_MS) /* after an interrupt, until a second one may end the worker */
#define START_NS (10000 * TN_MS)   /* of a worker that starts, until that is said */
#define STOP_NS (1000 * TN_MS)     /* what the worker is given to end: launchers send SIGTERM after 2.5 s */

/* id: of the request that it is about; 0: none. */
static bool tell_worker(struct tn_kernel *kernel, const char *type, int64_t id) {
	struct tn_error err = {0};
	json_t *message = json_object();
	bool ok = tn_json_set_take(message, "type", json_string(type)) &&
		(id == 0 || tn_json_set_take(message, "id", json_integer(id))) && kernel->worker->impl->send(kernel->worker, message, &err);
	json_decref(message);
	return ok;
}

static void note(struct tn_halt *halt, const struct tn_request *request, bool now) {
	const json_t *header = request != NULL ? request->header : NULL;
	*halt = (struct tn_halt){.now = now, .at_ns = tn_clock_ns()};
	const char *session = tn_json_get_text(header, "session", ""), *date = tn_json_get_text(header, "date", "");
	if (strlen(session) < sizeof(halt->session) && strlen(date) < sizeof(halt->date)) { /* else they say nothing */
		strcpy(halt->session, session);
		strcpy(halt->date, date);
	}
}

/* The cell waits for a worker that is not up. */
static void interrupt_start(struct tn_kernel *kernel) {
	if (kernel->run.warned) {
		kernel->run.killed = true;
		kernel->worker->impl->kill(kernel->worker);
		return;
	}
	tn_execute_fail(kernel,
		&(struct tn_failure){.name = "Interrupted", .text = "interrupted before the worker was up", .abort_all = true});
}

void tn_kernel_interrupt(struct tn_kernel *kernel, const struct tn_request *request) {
	struct tn_execution *run = &kernel->run;
	note(&kernel->halt, request, !tn_execute_is_open(kernel));
	if (!tn_execute_is_open(kernel)) {
		return;
	}
	if (run->id == 0) {
		interrupt_start(kernel);
		return;
	}
	int64_t now = tn_clock_ns();
	if (run->interrupted_ns != 0 && now - run->interrupted_ns >= PATIENCE_NS) {
		run->killed = true;
		kernel->worker->impl->kill(kernel->worker);
		return;
	}
	run->interrupted_ns = run->interrupted_ns != 0 ? run->interrupted_ns : now;
	if (!tell_worker(kernel, "interrupt", run->id)) {
		tn_log(TN_LOG_ERROR, "an interrupt is lost");
	}
}

bool tn_handle_interrupt(struct tn_kernel *kernel, struct tn_request *request) {
	tn_kernel_interrupt(kernel, request);
	tn_kernel_reply(kernel, request, json_pack("{s:s}", "status", "ok"), NULL);
	return true;
}

/* The cell waits for a worker that does not greet: a queue of a cluster, a password that nobody can type, or no worker at all. */
static void tick_start(struct tn_kernel *kernel, int64_t now) {
	struct tn_execution *run = &kernel->run;
	const struct tn_worker_impl *impl = kernel->worker->impl;
	if (run->id != 0 && run->waits_ns != 0) { /* it is up now */
		run->waits_ns = 0;
		run->warned = false;
	}
	if (!tn_execute_is_open(kernel) || run->id != 0 || kernel->worker->state != TN_WORKER_STARTING || run->warned) {
		return;
	}
	if (run->waits_ns == 0) {
		run->waits_ns = now;
	} else if (now - run->waits_ns >= START_NS) {
		const char *words = impl->words != NULL ? impl->words(kernel->worker) : "";
		struct tn_str text = {0};
		run->warned = true;
		bool ok = tn_str_append(&text,
			"The cell waits for its worker, which was started 10 s ago and has not greeted yet. An interrupt gives it up, and the "
			"next cell starts another.\n");
		size_t length = strlen(words);
		ok = ok && (length == 0 || tn_str_printf(&text, "It says: %s\n", words + (length > 2000 ? length - 2000 : 0)));
		tn_kernel_say(kernel, run->request, "stderr", ok ? tn_str_c(&text) : "The cell waits for its worker.\n");
		tn_str_finish(&text);
	}
}

void tn_kernel_tick_interrupt(struct tn_kernel *kernel, int64_t now) {
	struct tn_execution *run = &kernel->run;
	tick_start(kernel, now);
	if (tn_execute_is_open(kernel) && run->interrupted_ns != 0 && !run->warned && now - run->interrupted_ns >= PATIENCE_NS) {
		run->warned = true;
		tn_kernel_say(kernel, run->request, "stderr",
			"The cell has not answered the interrupt for 3 s. A second interrupt ends its worker: all variables would be "
			"lost.\n");
	}
}

int64_t tn_kernel_interrupt_due(const struct tn_kernel *kernel) {
	const struct tn_execution *run = &kernel->run;
	if (run->request != NULL && run->waits_ns != 0 && run->id == 0 && !run->warned) {
		return run->waits_ns + START_NS;
	}
	return run->request != NULL && run->interrupted_ns != 0 && !run->warned ? run->interrupted_ns + PATIENCE_NS : INT64_MAX;
}

void tn_kernel_stop(struct tn_kernel *kernel) {
	if (kernel->stop != TN_RUNNING) {
		return;
	}
	kernel->stop = TN_STOPPING;
	kernel->stop_deadline_ns = tn_clock_ns() + STOP_NS;
	bool asked = kernel->worker->state == TN_WORKER_UP && (kernel->run.id == 0 || tell_worker(kernel, "interrupt", kernel->run.id)) &&
		tell_worker(kernel, "shutdown", 0);
	tn_assist_expire(kernel, true);
	tn_execute_abort(kernel, true);
	if (kernel->worker->state == TN_WORKER_NONE) {
		kernel->stop = TN_STOPPED;
	} else if (!asked) {
		kernel->worker->impl->kill(kernel->worker);
	}
}

/* The reply goes out on iopub too, as a message of its own: clients drop a second one with the same id. */
bool tn_handle_shutdown(struct tn_kernel *kernel, struct tn_request *request) {
	bool restart = tn_json_get_bool(request->content, "restart", false);
	json_t *content = json_pack("{s:s, s:b}", "status", "ok", "restart", (int)restart);
	tn_kernel_publish(kernel, request, "shutdown_reply", json_incref(content));
	tn_kernel_reply(kernel, request, content, NULL);
	tn_kernel_idle(kernel, request);
	tn_kernel_stop(kernel);
	return false;
}

bool tn_handle_unsupported(struct tn_kernel *kernel, struct tn_request *request) {
	bool debug = strcmp(request->type, "debug_request") == 0;
	tn_kernel_reply_error(
		kernel, request, "NotSupported", debug ? "this kernel has no debugger" : "this kernel has no subshells");
	return true;
}
