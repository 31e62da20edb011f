/* SPDX-License-Identifier: Apache-2.0 */
/* The front as a whole: one thread that takes requests from the sockets and messages from the worker, and never waits for either.
 * It runs no user code, so a request on control is always answered at once.
 *
 *     shell, control ─→ dispatch ─┬→ answered here (info, history, comms, shutdown …)
 *                                 ├→ execute: a queue, one cell at a time at the worker
 *                                 └→ assist: asked of the worker beside a running cell, with a deadline
 *     worker ─→ relay ─→ iopub
 *
 * Every request is wrapped in busy and idle, on every path: tn_kernel_busy when its handling begins, tn_kernel_idle when nothing
 * of it can come any more.
 *
 * Only the loop reads sockets. What ends a cell (its done, the worker's death, an interrupt) marks it as ended; the loop then reads
 * what was sent before the reply, replies, and begins the next cell (tn_execute_turn). So no handler runs inside another one, and a
 * handler may close whatever is open. */
#ifndef TN_KERNEL_KERNEL_H
#define TN_KERNEL_KERNEL_H

#include "kernel/history.h"
#include "kernel/iopub.h"
#include "kernel/replay.h"
#include "kernel/worker.h"

#define TN_MS ((int64_t)1000 * 1000)

/* The cell that the worker has, or that waits for a worker to come up. One that has ended keeps its place until the loop has
 * replied: nothing is published for it any more, and nothing ends it a second time. */
struct tn_execution {
	struct tn_request *request; /* NULL: none runs */
	bool ended;                 /* its reply waits for the loop */
	json_t *reply;              /* of one that has ended: the content; NULL: there was no memory for it */
	bool aborts;                /* of one that has ended: without the cells that were sent before the reply */
	int64_t id;                 /* at the worker; 0: not sent yet */
	int64_t count;              /* execution_count */
	bool silent, store, stop_on_error, allow_stdin;
	bool error_shown;    /* an error was published for it */
	bool wants_input;    /* an input_request is out */
	json_t *question;    /* one that its client could not be sent yet */
	int64_t question_ns; /* when that was tried first */
	char input_id[64];   /* its msg_id */
	char started[TN_DATE_MAX];
	json_t *payload;        /* gathered for the reply; NULL: none */
	char *result;           /* text/plain of its value, for the history */
	int64_t interrupted_ns; /* the first interrupt that was not answered; 0: none */
	bool warned;            /* what a second one would do was said */
	int64_t waits_ns;       /* since when it waits for a worker that starts; 0: it does not */
	bool killed;            /* a second one was given */
};

/* A question that the worker answers beside a running cell. */
struct tn_question {
	struct tn_request *request;
	int64_t id;
	bool sent;
	int64_t deadline_ns;
	const struct tn_assist *kind; /* assist.c */
};

/* The last interrupt: it is meant also for cells that are still on their way. */
struct tn_halt {
	bool now;         /* it found no cell running: the loop is to abort what waits in the queue and in the socket */
	int64_t at_ns;    /* when it came; 0: never */
	char session[64]; /* of who sent it, and when by that clock; "": a signal */
	char date[TN_DATE_MAX];
};

enum tn_stop { TN_RUNNING, TN_STOPPING /* the worker is given time to end */, TN_STOPPED };

struct tn_kernel {
	struct tn_transport *transport; /* borrowed */
	struct tn_worker *worker;       /* borrowed */
	struct tn_sender sender;
	struct tn_iopub iopub;
	struct tn_packet packet; /* replies */
	tn_parts frames;         /* what is received */
	struct tn_replays replays;
	bool draining;           /* a socket is read: handlers run */
	json_t *busy, *idle;     /* contents of status messages */

	struct tn_execution run;
	struct tn_request *last; /* the last cell that was not silent, counted, and its id at the worker: text of its background processes may come */
	int64_t last_id;
	TN_VEC(struct tn_request *) queue; /* execute_requests that wait, oldest first from queue_first */
	size_t queue_first;
	struct tn_halt halt;
	int64_t execution_count;
	TN_VEC(struct tn_question) questions;
	int64_t next_id;
	int futile;           /* workers that died at idle since a cell was done */
	struct tn_str notice; /* shown on stderr before the next cell's output: "variables are gone" */

	struct tn_history *history; /* owned; NULL: none is kept */
	int ports[TN_PORT_COUNT];   /* for connect_request */
	double cpu_seconds;         /* at the last usage_request, for a share */
	int64_t cpu_ns;

	enum tn_stop stop;
	int64_t stop_deadline_ns;
};

struct tn_kernel_params {
	struct tn_transport *transport;
	struct tn_worker *worker;
	const char *scheme, *key;   /* of signatures */
	struct tn_history *history; /* taken; may be NULL */
};
/* Sets up and starts the worker; a worker that cannot be started is told to the first cell. False: out of memory, or a bad
 * scheme. */
TN_MUST_USE bool tn_kernel_init(struct tn_kernel *kernel, const struct tn_kernel_params *params, struct tn_error *err);
void tn_kernel_finish(struct tn_kernel *kernel);

/* ---- the loop: loop.c ---- */

/* Waits for something to do, at most timeout_ms (negative: as long as nothing is due), and does it. `more` are further
 * descriptors to wait for; their revents are set. */
void tn_kernel_round(struct tn_kernel *kernel, struct pollfd *more, size_t count, int timeout_ms);
/* What SIGINT (request NULL) and interrupt_request do: the running cell is asked to stop, and the cells that were sent with it are
 * aborted, also when it ends by itself first. Between cells it is for those that wait; at idle it does nothing. */
void tn_kernel_interrupt(struct tn_kernel *kernel, const struct tn_request *request);
/* Ends the worker and lets the loop end soon; open requests are answered. */
void tn_kernel_stop(struct tn_kernel *kernel);
/* Says, when an interrupt was not answered for long, what a second one will do; and when that is due (INT64_MAX: never). */
void tn_kernel_tick_interrupt(struct tn_kernel *kernel, int64_t now_ns);
int64_t tn_kernel_interrupt_due(const struct tn_kernel *kernel);

/* ---- dispatch.c ---- */

/* Takes the request. */
void tn_kernel_dispatch_take(struct tn_kernel *kernel, struct tn_request *request);
/* Reads and dispatches what waits on the channel, at most `limit` messages. Called by the loop, never by a handler. */
void tn_kernel_drain(struct tn_kernel *kernel, enum tn_channel channel, size_t limit);
void tn_kernel_busy(struct tn_kernel *kernel, struct tn_request *request);
void tn_kernel_idle(struct tn_kernel *kernel, struct tn_request *request);
/* Contents and metadata are taken; a NULL content (out of memory) becomes an error reply. The type is the request's, with
 * "reply". */
void tn_kernel_reply(struct tn_kernel *kernel, struct tn_request *request, json_t *content, json_t *metadata);
void tn_kernel_reply_error(struct tn_kernel *kernel, struct tn_request *request, const char *name, const char *text);
/* content is taken */
void tn_kernel_publish(struct tn_kernel *kernel, struct tn_request *parent, const char *type, json_t *content);
/* A piece of a stream ("stdout", "stderr": a constant), published for the request. */
void tn_kernel_say(struct tn_kernel *kernel, struct tn_request *parent, const char *stream, const char *text);

/* Handlers: busy was published. True: the request is finished, and idle follows; false: it stays open, who finishes it publishes
 * idle. */
typedef bool (*tn_handler)(struct tn_kernel *kernel, struct tn_request *request);
bool tn_handle_kernel_info(struct tn_kernel *kernel, struct tn_request *request); /* info.c */
bool tn_handle_connect(struct tn_kernel *kernel, struct tn_request *request);
bool tn_handle_history(struct tn_kernel *kernel, struct tn_request *request);   /* recall.c */
bool tn_handle_comm_info(struct tn_kernel *kernel, struct tn_request *request); /* comm.c */
bool tn_handle_comm_open(struct tn_kernel *kernel, struct tn_request *request);
bool tn_handle_comm_other(struct tn_kernel *kernel, struct tn_request *request);
bool tn_handle_interrupt(struct tn_kernel *kernel, struct tn_request *request); /* control.c */
bool tn_handle_shutdown(struct tn_kernel *kernel, struct tn_request *request);
bool tn_handle_unsupported(struct tn_kernel *kernel, struct tn_request *request);
bool tn_handle_assist(struct tn_kernel *kernel, struct tn_request *request); /* assist.c */

/* What was built when all of it went well; else NULL, and what there was is gone. */
static inline json_t *tn_content_or_null(json_t *content_take, bool ok) {
	if (!ok) {
		json_decref(content_take);
		return NULL;
	}
	return content_take;
}

/* ---- execute.c ---- */

void tn_execute_enqueue(struct tn_kernel *kernel, struct tn_request *request); /* counted */
/* A cell runs, or waits for its worker, and has not ended. */
static inline bool tn_execute_is_open(const struct tn_kernel *kernel) {
	return kernel->run.request != NULL && !kernel->run.ended;
}
/* The loop's: replies for a cell that has ended, aborts what an interrupt or a failure stops, sends a cell that waited for its
 * worker, and begins the next. */
void tn_execute_turn(struct tn_kernel *kernel);
/* The running cell ends in an error of ours: marked. */
struct tn_failure {
	const char *name, *text;
	const char *more; /* further lines of the traceback, or NULL */
	bool abort_all;   /* also when the cell does not ask for stop_on_error */
};
void tn_execute_fail(struct tn_kernel *kernel, const struct tn_failure *failure);
/* The worker's `done` for the running cell: marked. */
void tn_execute_done(struct tn_kernel *kernel, const struct tn_wire_message *done);
/* Each waiting cell is answered "aborted", in order; before them the running one when `running`, by its own reply where it has
 * ended. */
void tn_execute_abort(struct tn_kernel *kernel, bool running);

/* ---- reply.c: contents of execute_reply and error. New references, or NULL ---- */

json_t *tn_reply_content(struct tn_execution *run, const struct tn_wire_message *done);
json_t *tn_reply_failure(const struct tn_execution *run, const json_t *error);
json_t *tn_reply_aborted(int64_t count);
json_t *tn_reply_metadata(const struct tn_execution *run);
/* {ename, evalue, traceback}, from a worker's {name, text, traceback}, or from ours. */
json_t *tn_reply_error(const json_t *from);
json_t *tn_reply_own_error(const struct tn_failure *failure);

/* ---- relay.c: the worker's listener ---- */

extern const struct tn_worker_listener tn_kernel_listener; /* without its data */
/* {mime: text} from a worker's data, in which {"buffer": i} stands for bytes: those become base64. A new reference, or NULL. */
json_t *tn_relay_data(const json_t *data, const struct tn_wire_message *message);

/* ---- stdin.c ---- */

void tn_stdin_ask(struct tn_kernel *kernel, const json_t *input);
void tn_stdin_answer(struct tn_kernel *kernel, struct tn_request *reply);
/* Tries again to send a question whose client was not there. */
void tn_stdin_tick(struct tn_kernel *kernel);

/* ---- assist.c ---- */

void tn_assist_done(struct tn_kernel *kernel, const struct tn_wire_message *done);
/* Sends what waits for a worker that is up now. */
void tn_assist_send(struct tn_kernel *kernel);
/* Answers, emptily, what is overdue; everything when `all`. */
void tn_assist_expire(struct tn_kernel *kernel, bool all);
/* When the next question is overdue; INT64_MAX: none waits. */
int64_t tn_assist_due(const struct tn_kernel *kernel);

/* ---- usage.c ---- */

/* usage_reply's content from /proc and the worker's answer (NULL: none). A new reference, or NULL. */
json_t *tn_usage_content(struct tn_kernel *kernel, const json_t *done);

#endif
