/* SPDX-License-Identifier: Apache-2.0 */
/* `tenon worker`: the executing thread's life, from the greeting to the end of the stream. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "main/worker.h"

enum {
	FAREWELL_MS = 1000, /* for what is still unsent when the front asks to end */
	REST_MS = 8000,     /* without a cell, until free memory goes back to the system */
};

static bool create_session(struct worker *w, struct tn_error *err) {
	const struct tn_session_params params = {.output = worker_output(w), .interrupt = &w->interrupt};
	w->session = tn_session_create(&params, err);
	if (w->session != NULL) {
		worker_publish_catalog(w);
	}
	return w->session != NULL;
}

/* Waits for a request. Free memory is kept for the next cell; when none comes it goes back, by one waking: an idle worker sleeps. */
static void wait_idle(struct worker *w, int64_t *rest_ns) {
	int64_t left = *rest_ns - tn_clock_ns();
	worker_pump(w, w->wake, *rest_ns == 0 ? -1 : left <= 0 ? 0 : (int)(left / 1000000) + 1);
	if (*rest_ns != 0 && tn_clock_ns() >= *rest_ns) {
		*rest_ns = 0;
		tn_engine_rest(tn_session_engine(w->session));
		malloc_trim(0); /* lists and texts */
	}
}

static void serve(struct worker *w) {
	int64_t rest_ns = 0; /* when memory is to go back; 0: it has */
	for (;;) {
		struct worker_request *request = worker_next_request(w);
		if (w->ending) {
			if (request != NULL) {
				worker_request_destroy(request);
			}
			return;
		}
		if (request != NULL) {
			worker_execute(w, request);
			worker_request_destroy(request);
			rest_ns = tn_clock_ns() + REST_MS * (int64_t)1000000;
		} else {
			wait_idle(w, &rest_ns);
		}
	}
}

/* Gives the last messages a moment to leave. */
static void say_goodbye(struct worker *w) {
	int64_t until = tn_clock_ns() + (int64_t)FAREWELL_MS * 1000000;
	for (bool unsent = true; unsent && tn_clock_ns() < until;) {
		pthread_mutex_lock(&w->out_lock);
		worker_write_locked(w);
		unsent = !w->out_broken && tn_wire_sender_queued(w->sender) > 0;
		pthread_mutex_unlock(&w->out_lock);
		if (unsent) {
			worker_pump(w, w->wake, 10);
		}
	}
}

static int fail(const struct worker *w, const struct tn_error *err) {
	if (tn_error_is_set(err)) {
		dprintf(w->emergency >= 0 ? w->emergency : STDERR_FILENO, "tenon: %s\n", err->text);
		return TN_EXIT_ERROR;
	}
	return TN_EXIT_OK; /* the front left before it said anything */
}

int tn_face_worker(int argc, char **argv) {
	static struct worker w = {.in = -1, .out = -1, .emergency = -1, .wake = -1, .wake_reader = -1, .timer = -1, .capture = {{.fd = -1}, {.fd = -1}},
		.in_lock = PTHREAD_MUTEX_INITIALIZER, .out_lock = PTHREAD_MUTEX_INITIALIZER, .stream = {.flood = {.fd = -1}}};
	struct tn_error err = {0};
	if (argc > 1) {
		return tn_face_usage("worker", "'%s' is no option of worker", argv[1]);
	}
	signal(SIGINT, SIG_IGN); /* Jupyter signals whole process groups: interrupts come by frame */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of its write */
	prctl(PR_SET_PDEATHSIG, SIGCONT); /* one that stands still does not see the end of its pipe; to one that runs this is nothing */
	int status = TN_EXIT_OK;
	if (worker_open_channels(&w, &err) && worker_greet(&w, &err) && create_session(&w, &err)) {
		worker_place.lang = tn_session_lang(w.session);
		worker_catch_crashes(&w, &worker_place);
		serve(&w);
		say_goodbye(&w);
	} else {
		status = fail(&w, &err);
	}
	worker_place.lang = NULL;
	worker_close(&w);
	worker_end_children();
	worker_die_if_terminated(&w);
	return status;
}
