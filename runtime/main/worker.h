/* SPDX-License-Identifier: Apache-2.0 */
/* `tenon worker`: a session behind the worker protocol (wire/wire.h, docs/protocol.md). Private to worker*.c.
 *
 * Two threads. The executing thread runs cells; it is the program's first one. While it is idle, or waits inside a cell (for the user's input,
 * for credit), it reads the protocol itself, so that a request begins without a change of threads. The reader
 * thread takes that over while a cell runs for more than a millisecond: it hands out interrupts and input, gives credit, answers
 * completion, inspection and the list of variables from the catalog, moves what libraries and children write, and
 * sends text that has waited long enough. Both call worker_pump; `in_lock` decides who reads, `out_lock` who writes.
 *
 *   in_lock   the wire reader, the queue of requests, what arrived for the executing thread (request, input, flags)
 *   out_lock  the wire sender, the streams, the pipes of descriptors 1 and 2; may be taken under in_lock, never the other way round */
#ifndef TN_MAIN_WORKER_H
#define TN_MAIN_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "main/main.h"
#include "wire/wire.h"

/* Bounds of text on its way, and of what is kept of a flood of it. */
#define WORKER_SPILL_MAX ((uint64_t)1 << 30)
#define WORKER_SPILL_ALL ((uint64_t)10 << 30) /* of all cells of a worker */
#define WORKER_FORM_MAX ((size_t)48 << 20) /* of text in one form besides text/plain: the JSON of a message ends at 64 MiB */
enum {
	WORKER_SPILL_FROM = 1 << 20, WORKER_FLOOD_FROM = 16 << 20, WORKER_FLOOD_TAIL = 256 << 10, /* struct worker_flood */
	WORKER_FLUSH_BYTES = 64 << 10, WORKER_FLUSH_MS = 50, /* text waits no longer than this, and no more of it */
	WORKER_MESSAGE_TEXT = TN_WIRE_CHUNK - 1024,          /* of one message: it fits a frame */
	WORKER_QUEUE_MAX = 1 << 20,                          /* unsent bytes at which the executing thread waits */
};

/* The text of a cell: what of it went to the front, and where all of it is once a part had to be left out. worker_flood.c */
struct worker_flood {
	uint64_t shown;       /* bytes that went out; WORKER_FLOOD_FROM of them are the most before the cell's end */
	bool said;            /* that there will be no more before the end */
	bool needed;          /* the reader was sent to the file: it stays */
	struct tn_str early;  /* what the file will begin with, while there is none */
	char path[512];       /* "" : nowhere */
	int fd;               /* -1: no file (yet) */
	uint64_t filed;
	bool file_failed;
	bool used_up;         /* earlier cells filled what a session may */
};

/* Text on its way out: one run of one stream at a time, so that the order of stdout and stderr is kept. worker_stream.c */
struct worker_stream {
	struct tn_str text;
	int which;               /* 1 stdout, 2 stderr */
	int64_t first_ns;        /* since when `text` waits */
	int64_t sent_ns;         /* the last one went out */
	int64_t id;              /* of the request that text belongs to */
	int64_t shown_id;        /* of the last one that was not silent */
	bool muted;              /* a silent cell runs */
	struct worker_flood flood;
};

/* Descriptors 1 and 2, which libraries and children write to. */
struct worker_capture {
	int fd;              /* of the pipe's end that is read */
	char rest[4];        /* the beginning of a character whose end has not come */
	size_t rest_length;
};

/* What goes beside the JSON of a message. */
struct worker_buffers {
	struct tn_wire_buffer *items;
	uint32_t count;
};

/* A message that waits, with buffers of its own. */
struct worker_message {
	json_t *json; /* NULL: none */
	struct worker_buffers buffers;
	size_t size; /* about, in bytes */
};

/* A place that was shown lately and can be shown again. */
struct worker_shown {
	uint64_t id;
	int64_t sent_ns;
	struct worker_held *waits; /* its first showing, in the queue; borrowed */
	struct worker_message last; /* its latest state, not sent yet */
	bool lost;                  /* its first showing was left out */
};

/* How fast output may leave, and what waits for that; under out_lock. worker_pace.c counts, worker_held.c holds and sends.
 *
 * Invariants: in any 3 s no more than 3.1 times `rate` bytes of text leave, as JSON, but for the tail at a cell's end; what came first leaves first,
 * within text and new displays; text that was held is either sent or counted in lost_bytes, and then in the cell's file. */
enum { WORKER_PACE_SLOTS = 31, WORKER_SHOWN_MAX = 64 };
enum worker_clear { WORKER_CLEAR_NONE, WORKER_CLEAR_NOW, WORKER_CLEAR_LATER };
struct worker_pace {
	bool configured;
	double rate;                    /* bytes of text a second; 0: no pace */
	double bytes, messages, shows;  /* what may leave now */
	int64_t at_ns;                  /* as of when */
	uint64_t slots[WORKER_PACE_SLOTS], recent; /* bytes by tenth of a second, and of the last 3 s */
	int64_t slot;
	size_t tail;                    /* bytes that a flood shows between two gaps, and at its end */
	bool flooding;                  /* something of this cell was left out */
	bool in_line;                   /* what left last did not end its line */

	struct worker_held *first, *last;
	unsigned runs_held, shows_held;
	size_t text_held, show_bytes;
	enum worker_clear clear;        /* goes out before the first of the queue */
	uint64_t lost_bytes, lost_shows; /* left out, and nobody was told yet */
	struct worker_shown shown[WORKER_SHOWN_MAX];
	unsigned shown_count, shown_next, shown_turn;
};

/* What a display asks for besides its JSON. */
struct worker_show {
	const struct worker_buffers *buffers; /* borrowed */
	uint64_t id;                          /* 0: it cannot be shown again */
	bool update;
};

struct worker_request {
	struct worker_request *next;
	struct tn_wire_message message;
	bool interrupted; /* while it waited: it ends without having run */
};

/* Where the executing thread stands, for the last words of a process that dies: written without a lock, read by a signal handler. */
struct worker_place {
	const struct tn_lang *volatile lang;
	volatile int64_t cell; /* 0: none runs */
};

struct worker {
	int in, out, emergency;
	int wake, wake_reader, timer; /* eventfds of the two threads; fires when a cell has run for a millisecond */
	struct tn_session *session;
	struct tn_journal *journal;   /* NULL: nowhere */
	struct tn_error journal_error; /* set: it could not be written, and nobody was told yet */
	struct tn_str name;           /* the session's */
	int64_t generation;
	pthread_t reader_thread, tidy_thread;
	bool has_reader_thread, has_tidy_thread;
	struct tn_str tidy_own;       /* the session's folder, for the thread that tidies up */
	atomic_bool tidy_stop;

	pthread_mutex_t in_lock;
	struct tn_wire_reader *reader;
	struct worker_request *first_request, *last_request;
	bool running;                  /* a cell has begun, and its done is not sent: `interrupt` is its own then, and 0 else */
	int64_t running_id;
	struct tn_str input;           /* the user's answer */
	int64_t input_id;              /* of the execute that asks */
	int input_state;               /* enum worker_input */
	bool got_hello;
	struct tn_catalog *catalog;    /* of the last cell's end */

	pthread_mutex_t out_lock;
	struct tn_wire_sender *sender;
	int64_t seq;
	bool out_broken;
	struct worker_stream stream;
	struct worker_pace pace;
	uint64_t spilled;              /* bytes in the files of earlier cells' floods */
	struct worker_capture capture[2];
	int64_t captured_ns;           /* when the pipes were looked at last */

	volatile int interrupt;        /* the session's flag; 1 from `ending` on */
	_Atomic bool executing;        /* a cell runs, or is written to the journal: the reader thread has work */
	_Atomic bool ending;           /* shutdown, or the front is gone */
	_Atomic bool terminated;       /* by SIGTERM: runs are closed as interrupted, and to the front it has died */
	_Atomic size_t tensor_bytes;

	/* the cell that runs; executing thread */
	int64_t id, cell;
	bool silent, allow_stdin;
	json_t *expression;            /* the result of a user expression goes here instead of to the front; else NULL */
	bool expression_lost;          /* there was no memory for it */
	struct worker_buffers answers; /* of all user expressions of the cell, owned: they go with its done */
	unsigned cut;                  /* values that were too long to be shown whole */
};

enum worker_input { WORKER_INPUT_NONE, WORKER_INPUT_ASKED, WORKER_INPUT_GIVEN, WORKER_INPUT_END };

/* worker_channel.c. The session reads its flag as a plain volatile int, as one that a signal handler sets; any thread may write it. */
void worker_set_interrupt(struct worker *w, int value);
/* Messages out. Those named _locked are called under out_lock. */
/* Takes `json` (NULL: out of memory), gives it its seq, queues it and writes what the front's pipe accepts. */
TN_MUST_USE bool worker_send_locked(struct worker *w, const struct tn_wire_send *how, json_t *json, struct tn_error *err);
/* One that belongs to the running cell, behind all text of it. `credit`: bulk. False: out of memory or too large; err may be NULL. */
bool worker_send(struct worker *w, bool credit, json_t *json, const struct tn_wire_buffer *buffers, uint32_t count, struct tn_error *err);
/* The cell's result, bulk: it leaves with the done that follows at once, so that the front wakes up once for both; where a cell goes on after
 * all, whoever pumps next writes it. */
bool worker_send_result(struct worker *w, json_t *json, const struct tn_wire_buffer *buffers, uint32_t count, struct tn_error *err);
/* The done of a request, always: a short one about memory where `done` (taken; may be NULL) cannot be sent, and where that cannot be either the
 * worker ends. That of a cell goes by the bulk lane, behind its output. */
void worker_reply(struct worker *w, enum tn_wire_lane lane, int64_t id, json_t *done);
void worker_write_locked(struct worker *w);
/* {"type": type, "id": id}; NULL: out of memory. */
json_t *worker_json(const char *type, int64_t id);
/* Executing thread: waits while too much is unsent, unless interrupted. */
void worker_wait_for_room(struct worker *w);

/* worker_stream.c, under out_lock */
/* How much of the text one message takes; no character is cut. */
size_t worker_stream_piece(const char *bytes, size_t length);
void worker_stream_send_locked(struct worker *w, int which, const char *bytes, size_t length);
void worker_stream_add_locked(struct worker *w, int which, const char *bytes, size_t length);
void worker_stream_flush_locked(struct worker *w);
bool worker_stream_is_due_locked(const struct worker *w);
/* Milliseconds until something that waits must go, text or what is held; -1: nothing waits. */
int worker_stream_due_locked(const struct worker *w);
/* What the pipes of 1 and 2 hold now; `all`: also a character that is not whole. */
void worker_capture_locked(struct worker *w, bool all);
bool worker_capture_has_room_locked(struct worker *w);
/* Without a lock: begins and ends a cell's text. The end leaves nothing unsent but for want of credit. */
void worker_stream_begin(struct worker *w);
void worker_stream_end(struct worker *w);

/* worker_pace.c, under out_lock. A cell begins: its head is full. Reads TENON_OUTPUT_RATE the first time. */
void worker_pace_begin(struct worker_pace *pace);
/* Brings the budgets up to now. The others are asked after it. */
void worker_pace_tick(struct worker_pace *pace);
/* Bytes of text, as JSON, that may leave in a message now; that may leave without what may leave later being more than a server passes on. */
double worker_pace_text(const struct worker_pace *pace);
double worker_pace_left(const struct worker_pace *pace);
bool worker_pace_message(const struct worker_pace *pace, unsigned count);
bool worker_pace_show(const struct worker_pace *pace);
/* One message left. */
void worker_pace_sent(struct worker_pace *pace, double text_cost, bool show);
/* How much of the text costs no more than `most` bytes of JSON; whole characters. */
size_t worker_pace_prefix(const char *bytes, size_t length, double most, double *cost);

/* worker_held.c, under out_lock */
void worker_held_text_locked(struct worker *w, int which, const char *bytes, size_t length);
/* Takes `json` (NULL: out of memory). False: it could not be sent. */
bool worker_held_show_locked(struct worker *w, json_t *json, const struct worker_show *show, struct tn_error *err);
void worker_held_clear_locked(struct worker *w, bool wait);
/* Sends what may leave by now; all that is held. */
void worker_held_release_locked(struct worker *w);
void worker_held_flush_locked(struct worker *w);
/* Milliseconds until something that is held may leave; -1: nothing is. */
int worker_held_due_locked(const struct worker *w);
void worker_held_finish(struct worker_pace *pace);

/* worker_flood.c, under out_lock. Takes note of text. */
void worker_flood_keep(struct worker_flood *flood, const char *bytes, size_t length);
/* Where all of the text is, in words; from now on the file is needed. */
void worker_flood_where(struct worker_flood *flood, struct tn_str *words);
void worker_flood_end(struct worker_flood *flood);
void worker_flood_begin(struct worker *w, int64_t cell);
/* Without a lock, executing thread: a value's text that would be a flood, as its head and its tail; all of it is then in a file. `*cut` false: it is not
 * too long. False: out of memory. */
bool worker_flood_cut(struct worker *w, const char *text, size_t length, struct tn_str *out, bool *cut);

/* worker_pump.c: waits for bytes of the front and of the pipes, at most timeout_ms (-1: for ever), and deals with them. Both threads. */
void worker_pump(struct worker *w, int wake, int timeout_ms);
void *worker_reader_main(void *worker);
/* The worker is to end: the running cell is interrupted. Any thread, and handlers of signals. */
void worker_end(struct worker *w);
void worker_kick(int eventfd);
/* The next request that needs the executing thread, or NULL; the caller finishes and frees it. Interrupts that name it reach it from
 * here to worker_end_running. */
struct worker_request *worker_next_request(struct worker *w);
void worker_request_destroy(struct worker_request *request);
/* Before the done of what runs is sent: an interrupt that comes from here on is meant for the requests behind it. */
void worker_end_running(struct worker *w);

/* worker_output.c: where the session's output goes. */
struct tn_session_output worker_output(struct worker *w);
void worker_answers_finish(struct worker_buffers *answers);

/* worker_execute.c, executing thread */
void worker_execute(struct worker *w, const struct worker_request *request);
void worker_publish_catalog(struct worker *w);
/* {name, text, traceback} of the errors, into `into`. False: out of memory. */
bool worker_describe_errors(json_t *into, const struct tn_diagnostics *diag);

/* worker_assist.c: requests that any thread answers. False: it is none of those. */
bool worker_assist(struct worker *w, const json_t *request);

/* worker_start.c: descriptors, greeting, crash handlers */
TN_MUST_USE bool worker_open_channels(struct worker *w, struct tn_error *err);
TN_MUST_USE bool worker_greet(struct worker *w, struct tn_error *err);
void worker_close(struct worker *w);
/* Ends the commands that cells left in the background: a front that was killed cannot. Only where the session is the worker's own. */
void worker_end_children(void);
void worker_catch_crashes(struct worker *w, const struct worker_place *place);
/* By SIGTERM, where that is what it ends for. */
void worker_die_if_terminated(const struct worker *w);
extern struct worker_place worker_place;
extern __thread bool worker_is_reader; /* this is the reader thread */

#endif
