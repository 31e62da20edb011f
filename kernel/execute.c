/* SPDX-License-Identifier: Apache-2.0 */
/* Cells: a queue, of which the worker has one at a time. busy and execute_input are published before the request goes to the worker:
 * a client reads them while the worker runs, and what a short cell answers reaches a client that is awake.
 *
 * After an error, or an interrupt, the cells that were sent with it are answered "aborted"; those that come later run. Which is
 * which is decided by reading the socket empty before the reply leaves. */
#include "kernel/kernel.h"

#include <assert.h>
#include <string.h>

enum { DRAIN_ALL = 100 * 1000 };
#define OVERTAKEN_NS (100 * TN_MS) /* by how much an interrupt may come before cells that were sent before it */

static void abort_one(struct tn_kernel *kernel, struct tn_request *request) {
	tn_kernel_busy(kernel, request);
	tn_kernel_reply(kernel, request, tn_reply_aborted(kernel->execution_count), NULL);
	tn_kernel_idle(kernel, request);
}

/* Whether the client says that it sent the cell before (negative) or after (positive) the last interrupt; 0: it does not say. Sockets
 * do not keep the order of what is sent on two of them, but one client's clock does: dates of one session in one form compare as
 * texts. */
static int compare_with_halt(const struct tn_halt *halt, const struct tn_request *request) {
	const char *date = tn_json_get_text(request->header, "date", ""), *session = tn_json_get_text(request->header, "session", "");
	bool comparable = halt->session[0] != '\0' && strcmp(session, halt->session) == 0 && strlen(date) == strlen(halt->date);
	return comparable ? strcmp(date, halt->date) : 0;
}

/* The interrupt was quicker than a cell that was sent before it. */
static bool was_overtaken(const struct tn_kernel *kernel, const struct tn_request *request) {
	const struct tn_halt *halt = &kernel->halt;
	return halt->at_ns != 0 && tn_clock_ns() - halt->at_ns < OVERTAKEN_NS && compare_with_halt(halt, request) < 0;
}

void tn_execute_enqueue(struct tn_kernel *kernel, struct tn_request *request) {
	if (kernel->stop == TN_RUNNING && was_overtaken(kernel, request)) {
		abort_one(kernel, request);
		return;
	}
	if (kernel->stop != TN_RUNNING || !TN_VEC_PUSH(&kernel->queue, request)) {
		tn_kernel_busy(kernel, request);
		tn_kernel_reply_error(
			kernel, request, "RuntimeError", kernel->stop != TN_RUNNING ? "the kernel is ending" : "out of memory");
		tn_kernel_idle(kernel, request);
		return;
	}
	tn_request_ref(request);
}

static struct tn_request *dequeue(struct tn_kernel *kernel) {
	if (kernel->queue_first == kernel->queue.count) {
		kernel->queue_first = kernel->queue.count = 0;
		return NULL;
	}
	return kernel->queue.items[kernel->queue_first++];
}

/* ---- beginning ---- */

static void set_up(struct tn_kernel *kernel, struct tn_request *request) {
	const json_t *content = request->content;
	bool silent = tn_json_get_bool(content, "silent", false);
	bool store = !silent && tn_json_get_bool(content, "store_history", true);
	kernel->execution_count += store;
	kernel->run = (struct tn_execution){.request = request,
		.count = kernel->execution_count,
		.silent = silent,
		.store = store,
		.stop_on_error = tn_json_get_bool(content, "stop_on_error", true),
		.allow_stdin = tn_json_get_bool(content, "allow_stdin", false)};
	tn_date_now(kernel->run.started);
}

/* What is not said is false, or nothing: reading it would cost each cell a little. */
static json_t *ask(const struct tn_execution *run) {
	json_t *expressions = json_object_get(run->request->content, "user_expressions");
	json_t *ask = json_object();
	bool ok = tn_json_set_take(ask, "type", json_string("execute")) && tn_json_set_take(ask, "id", json_integer(run->id)) &&
		tn_json_set_take(ask, "code", json_incref(json_object_get(run->request->content, "code"))) &&
		tn_json_set_take(ask, "cell", json_integer(run->count));
	ok = ok && (!run->silent || tn_json_set_take(ask, "silent", json_true()));
	ok = ok && (!run->allow_stdin || tn_json_set_take(ask, "allow_stdin", json_true()));
	if (ok && json_object_size(expressions) > 0) {
		ok = tn_json_set_take(ask, "user_expressions", json_incref(expressions));
	}
	if (!ok) {
		json_decref(ask);
		return NULL;
	}
	return ask;
}

/* False: it cannot be put into a frame; what it needs is said. */
static bool send_run(struct tn_kernel *kernel, struct tn_error *err) {
	kernel->run.id = ++kernel->next_id;
	json_t *request = ask(&kernel->run);
	bool ok = request != NULL ? kernel->worker->impl->send(kernel->worker, request, err) : tn_error_memory(err);
	json_decref(request);
	return ok;
}

static void announce(struct tn_kernel *kernel) {
	struct tn_execution *run = &kernel->run;
	tn_kernel_busy(kernel, run->request);
	if (run->silent) {
		return;
	}
	json_t *content = json_object(), *code = json_object_get(run->request->content, "code");
	if (!tn_json_set_take(content, "code", json_is_string(code) ? json_incref(code) : json_string("")) ||
		!tn_json_set_take(content, "execution_count", json_integer(run->count))) {
		json_decref(content);
		content = NULL;
	}
	tn_kernel_publish(kernel, run->request, "execute_input", content);
	if (kernel->notice.length > 0) {
		tn_kernel_say(kernel, run->request, "stderr", tn_str_c(&kernel->notice));
		tn_str_clear(&kernel->notice);
	}
}

static void fail_of(struct tn_kernel *kernel, const struct tn_error *err) {
	tn_execute_fail(kernel, &(struct tn_failure){.name = tn_error_kind_name(err->kind), .text = err->text});
}

static void begin(struct tn_kernel *kernel, struct tn_request *request) {
	struct tn_error err = {0};
	set_up(kernel, request);
	const char *code = json_string_value(json_object_get(request->content, "code"));
	bool ok = code != NULL || tn_error_set(&err, TN_ERR_VALUE, "execute_request: code is missing, or no text");
	announce(kernel);
	if (ok && kernel->worker->state == TN_WORKER_UP) {
		ok = send_run(kernel, &err);
	} else if (ok && kernel->worker->state == TN_WORKER_NONE) {
		ok = kernel->worker->impl->start(kernel->worker, &err);
	}
	if (!ok) {
		fail_of(kernel, &err);
	} else if (kernel->run.store && kernel->history != NULL) {
		tn_history_add(kernel->history, kernel->run.count, code);
	}
}

/* ---- ending ---- */

static void close_run(struct tn_kernel *kernel) {
	struct tn_execution run = kernel->run;
	kernel->run = (struct tn_execution){0};
	tn_kernel_idle(kernel, run.request);
	if (!run.silent && run.id != 0) {
		tn_request_unref(kernel->last);
		kernel->last = tn_request_ref(run.request);
		kernel->last_id = run.id;
	}
	json_decref(run.payload);
	json_decref(run.question);
	tn_free(run.result);
	tn_request_unref(run.request);
}

/* Marks the run as ended; content is taken. One that was interrupted stops the cells behind it however it ended: the interrupt may
 * have come too late for it, and whoever sent that meant the rest as well. */
static void end_run(struct tn_kernel *kernel, json_t *content, bool aborts) {
	struct tn_execution *run = &kernel->run;
	assert(tn_execute_is_open(kernel));
	run->ended = true;
	run->reply = content;
	run->aborts = aborts || run->interrupted_ns != 0;
	run->wants_input = false;
	json_decref(run->question);
	run->question = NULL;
}

/* Replies for the run that has ended. */
static void settle_run(struct tn_kernel *kernel) {
	struct tn_execution *run = &kernel->run;
	assert(run->ended);
	if (run->result != NULL && run->store && kernel->history != NULL) {
		tn_history_set_output(kernel->history, run->count, run->result);
	}
	tn_kernel_reply(kernel, run->request, run->reply, tn_reply_metadata(run));
	close_run(kernel);
}

void tn_execute_abort(struct tn_kernel *kernel, bool running) {
	struct tn_execution *run = &kernel->run;
	if (running && run->request != NULL) {
		if (!run->ended) {
			end_run(kernel, tn_reply_aborted(run->count), false);
		}
		settle_run(kernel);
	}
	struct tn_request *request;
	while ((request = dequeue(kernel)) != NULL) {
		abort_one(kernel, request);
		tn_request_unref(request);
	}
}

/* Between cells: aborts what waits, but for what the client says it sent after the interrupt. */
static void halt_queue(struct tn_kernel *kernel) {
	size_t kept = kernel->queue_first;
	for (size_t i = kernel->queue_first; i < kernel->queue.count; i++) {
		struct tn_request *request = kernel->queue.items[i];
		if (compare_with_halt(&kernel->halt, request) > 0) {
			kernel->queue.items[kept++] = request;
		} else {
			abort_one(kernel, request);
			tn_request_unref(request);
		}
	}
	kernel->queue.count = kept;
}

/* What is read here may close the run and stop the kernel: everything is looked at anew behind it. */
static void settle(struct tn_kernel *kernel) {
	if (!kernel->run.ended && !kernel->halt.now) {
		return;
	}
	bool aborts = kernel->run.ended && kernel->run.aborts;
	if (aborts || kernel->halt.now) {
		tn_kernel_drain(kernel, TN_CHANNEL_SHELL, DRAIN_ALL);
	}
	if (kernel->run.ended) {
		settle_run(kernel);
	}
	if (aborts) {
		tn_execute_abort(kernel, false);
	} else if (kernel->halt.now) {
		halt_queue(kernel);
	}
	kernel->halt.now = false;
}

void tn_execute_turn(struct tn_kernel *kernel) {
	struct tn_error err = {0};
	settle(kernel);
	if (tn_execute_is_open(kernel) && kernel->run.id == 0 && kernel->worker->state == TN_WORKER_UP && !send_run(kernel, &err)) {
		fail_of(kernel, &err);
		settle(kernel);
	}
	struct tn_request *request;
	while (kernel->run.request == NULL && (request = dequeue(kernel)) != NULL) {
		begin(kernel, request);
		settle(kernel);
	}
}

static bool stops(const struct tn_execution *run) {
	return run->stop_on_error && !run->silent;
}

void tn_execute_fail(struct tn_kernel *kernel, const struct tn_failure *failure) {
	struct tn_execution *run = &kernel->run;
	json_t *error = tn_reply_own_error(failure);
	if (!run->silent) {
		tn_kernel_publish(kernel, run->request, "error", json_incref(error));
	}
	json_t *content = error != NULL ? tn_reply_failure(run, error) : NULL;
	json_decref(error);
	end_run(kernel, content, failure->abort_all || stops(run));
}

void tn_execute_done(struct tn_kernel *kernel, const struct tn_wire_message *done) {
	struct tn_execution *run = &kernel->run;
	bool failed = strcmp(tn_json_get_text(done->json, "status", ""), "ok") != 0;
	kernel->futile = 0;
	if (failed && !run->error_shown && !run->silent) {
		tn_kernel_publish(kernel, run->request, "error", tn_reply_error(done->json));
	}
	end_run(kernel, tn_reply_content(run, done), failed && stops(run));
}
