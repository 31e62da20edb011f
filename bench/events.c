/* SPDX-License-Identifier: Apache-2.0 */
/* What logging costs: points a second through the writer's thread into a file, and nanoseconds of the executing thread for one
 * r.log in a loop of the language (of a number, a tensor that is there, a map of two), the loop itself taken off. Best of several
 * rounds, printed as JSON. Budgets: a million a second, 150 ns. build/bench/events */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "events/writer.h"
#include "session/session.h"

enum { POINTS = 2000000, CALLS = 200000, ROUNDS = 7 };

static void die(const char *text) {
	fprintf(stderr, "events: %s\n", text);
	exit(1);
}

static int64_t thread_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double points_per_second(int folder) {
	struct tn_error err = {0};
	struct tn_event_tag tag = {0};
	struct tn_event_file *file = tn_event_file_create(folder, &err);
	struct tn_event_writer *writer = file == NULL ? NULL : tn_event_writer_create(file, &err);
	if (writer == NULL || !tn_event_tag_init(&tag, "loss/train", 10, &err)) {
		die(err.text);
	}
	const int64_t start = tn_clock_ns();
	for (int64_t i = 0; i < POINTS; i++) {
		const struct tn_event_scalar scalar = {&tag, 1e9, i, (float)i};
		while (!tn_event_writer_scalar(writer, &scalar)) {
			tn_event_writer_wait_room(writer);
		}
	}
	const struct tn_event_file_state state = tn_event_writer_destroy(writer);
	const double seconds = (double)(tn_clock_ns() - start) / 1e9;
	tn_event_tag_finish(&tag);
	if (state.error != 0) {
		die(strerror(state.error));
	}
	return POINTS / seconds;
}

static void drop_text(void *data, const char *bytes, size_t length) {
	(void)data;
	(void)bytes;
	(void)length;
}

static void drop_show(void *data, const struct tn_session_show *show) {
	(void)data;
	(void)show;
}

/* Nanoseconds of this thread for one pass of the loop. */
static double loop_ns(struct tn_session *session, const char *body) {
	char text[256];
	struct tn_diagnostics diag = {0};
	snprintf(text, sizeof(text), "for (int i = 0; i < %d; i++) { %s }", CALLS, body);
	const struct tn_lang_cell cell = {.name = "bench", .text = text, .length = strlen(text)};
	const int64_t start = thread_ns();
	if (!tn_session_run(session, &cell, &diag)) {
		die(diag.errors.count > 0 ? diag.errors.items[0].text : "out of memory");
	}
	const double ns = (double)(thread_ns() - start) / CALLS;
	tn_diagnostics_finish(&diag);
	return ns;
}

static double keep_least(double best, double found) {
	return best == 0 || found < best ? found : best;
}

int main(void) {
	char folder_name[] = "/tmp/tenon-bench-XXXXXX", command[64];
	struct tn_error err = {0};
	double points = 0, empty = 0, number = 0, tensor = 0, map = 0;
	if (mkdtemp(folder_name) == NULL || setenv("TENON_RUNS", folder_name, 1) != 0) {
		die("no temporary folder");
	}
	const int folder = open(folder_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tn_session *session =
		tn_session_create(&(struct tn_session_params){.output = {.text = drop_text, .show = drop_show}}, &err);
	if (folder < 0 || session == NULL) {
		die(err.text);
	}
	(void)loop_ns(session, "");
	const char *setup = "auto r = run(\"bench\"); auto t = sum(ones(2)); print(t);";
	struct tn_diagnostics diag = {0};
	if (!tn_session_run(session, &(struct tn_lang_cell){.name = "setup", .text = setup, .length = strlen(setup)}, &diag)) {
		die("setup failed");
	}
	tn_diagnostics_finish(&diag);
	for (int round = 0; round < ROUNDS; round++) {
		const double found = points_per_second(folder);
		points = found > points ? found : points;
		empty = keep_least(empty, loop_ns(session, ""));
		number = keep_least(number, loop_ns(session, "r.log(\"loss/train\", 0.5);"));
		tensor = keep_least(tensor, loop_ns(session, "r.log(\"loss/train\", t);"));
		map = keep_least(map, loop_ns(session, "r.log({ \"a\": 0.5, \"b\": 1.5 });"));
	}
	printf("{\"event_scalars_per_s\": %.0f, \"event_log_ns\": %.1f, \"event_log_tensor_ns\": %.1f, \"event_log_map_ns\": %.1f}\n",
		points, number - empty, tensor - empty, map - empty);
	close(folder);
	tn_session_destroy(session);
	snprintf(command, sizeof(command), "rm -r %s", folder_name);
	return system(command) == 0 ? 0 : 1;
}
