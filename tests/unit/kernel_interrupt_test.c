/* SPDX-License-Identifier: Apache-2.0 */
/* What ends a cell, and what may happen at that moment: requests of every type beside the end, and interrupts in each interleaving
 * with cells that begin and end. */
#include "kernel_fixture.h"

#define DONE_OK "{\"type\": \"done\", \"status\": \"ok\"}"
#define DONE_ERROR "{\"type\": \"done\", \"status\": \"error\", \"name\": \"E\", \"text\": \"x\", \"traceback\": []}"
#define DONE_INTERRUPTED "{\"type\": \"done\", \"status\": \"interrupted\", \"name\": \"Interrupted\", \"text\": \"x\", \"traceback\": []}"

/* ---- at the end of a cell ---- */

static const struct {
	const char *type, *content;
} requests[] = {
	{"kernel_info_request", "{}"},
	{"connect_request", "{}"},
	{"history_request", "{\"hist_access_type\": \"tail\", \"n\": 3}"},
	{"comm_info_request", "{}"},
	{"comm_open", "{\"comm_id\": \"c\", \"target_name\": \"t\", \"data\": {}}"},
	{"comm_msg", "{\"comm_id\": \"c\"}"},
	{"comm_close", "{\"comm_id\": \"c\"}"},
	{"interrupt_request", "{}"},
	{"shutdown_request", "{\"restart\": false}"},
	{"debug_request", "{}"},
	{"create_subshell_request", "{}"},
	{"delete_subshell_request", "{}"},
	{"list_subshell_request", "{}"},
	{"complete_request", "{\"code\": \"p\", \"cursor_pos\": 1}"},
	{"inspect_request", "{\"code\": \"p\", \"cursor_pos\": 1}"},
	{"is_complete_request", "{\"code\": \"p\"}"},
	{"variables_request", "{}"},
	{"usage_request", "{}"},
	{"execute_request", "{\"code\": \"2\"}"},
	{"execute_request", "{\"code\": 7}"},
	{"execute_request", "{\"code\": NaN}"},
	{"input_reply", "{\"value\": \"x\"}"},
	{"whatever_request", "{}"},
};

enum ending { ENDS_OK, ENDS_WRONG, ENDS_INTERRUPTED, ENDS_BY_DEATH, ENDS_UNSTARTED, ENDING_COUNT };

static void let_end(struct fixture *f, enum ending ending) {
	static const char *const words[] = {[ENDS_OK] = DONE_OK, [ENDS_WRONG] = DONE_ERROR, [ENDS_INTERRUPTED] = DONE_INTERRUPTED};
	f->worker.dies = ending == ENDS_BY_DEATH;
	if (ending == ENDS_UNSTARTED) {
		tn_kernel_interrupt(&f->kernel, NULL);
		return;
	}
	int64_t id = fixture_asked(f, "execute");
	if (ending == ENDS_INTERRUPTED) {
		tn_kernel_interrupt(&f->kernel, NULL);
	}
	if (ending != ENDS_BY_DEATH) {
		fixture_say(f, id, words[ending]);
	}
}

static size_t occurrences(const char *text, const char *part) {
	size_t count = 0;
	for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
		count++;
	}
	return count;
}

/* A second cell waits, the first ends, and at that moment the request is read. */
static void end_beside(enum ending ending, size_t request, enum tn_channel channel) {
	struct fixture f;
	char text[8192];
	fixture_init(&f, ending != ENDS_UNSTARTED);
	fixture_execute(&f, "a", "1", "");
	fixture_round(&f);
	fixture_execute(&f, "b", "2", "");
	let_end(&f, ending);
	fixture_request(&f, channel, requests[request].type, "q", requests[request].content);
	snprintf(text, sizeof(text), "%s", fixture_run(&f));
	const char *again = fixture_run(&f);
	TN_CHECK_INT_EQ(again[0], '\0');
	TN_CHECK_SIZE_EQ(occurrences(text, "a>execute_reply"), 1);
	TN_CHECK_SIZE_EQ(occurrences(text, "a:idle"), 1);
	bool executes = strcmp(requests[request].type, "execute_request") == 0;
	if (!executes && channel != TN_CHANNEL_STDIN) { /* a cell may still wait */
		TN_CHECK_SIZE_EQ(occurrences(text, "q:busy"), 1);
	}
	bool stops = strcmp(requests[request].type, "shutdown_request") == 0 && channel != TN_CHANNEL_STDIN;
	TN_CHECK_INT_EQ(f.kernel.stop != TN_RUNNING, stops);
	if (stops || ending != ENDS_OK) { /* nothing is left of what was sent with it */
		TN_CHECK_SIZE_EQ(occurrences(text, stops ? "b>execute_reply" : "b>execute_reply=aborted"), 1);
		TN_CHECK_SIZE_EQ(occurrences(text, "b:idle"), 1);
	}
	fixture_finish(&f);
}

TN_TEST(every_request_may_be_read_at_the_end_of_a_cell_however_it_ends) {
	for (enum ending ending = ENDS_OK; ending < ENDING_COUNT; ending++) {
		for (size_t i = 0; i < TN_ARRAY_LEN(requests); i++) {
			for (enum tn_channel channel = TN_CHANNEL_SHELL; channel <= TN_CHANNEL_STDIN; channel++) {
				end_beside(ending, i, channel);
			}
		}
	}
}

TN_TEST(a_shutdown_that_is_read_behind_a_failing_cell_answers_the_cell_by_its_error) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "bad", "");
	fixture_round(&f);
	fixture_say(&f, fixture_asked(&f, "execute"), DONE_ERROR);
	fixture_request(&f, TN_CHANNEL_SHELL, "shutdown_request", "s", "{}");
	fixture_execute(&f, "b", "2", "");
	TN_CHECK_STR_EQ(fixture_run(&f),
		"a:busy a:execute_input a:error=E s:busy s:shutdown_reply s>shutdown_reply=ok s:idle -:busy "
		"a>execute_reply=error a:idle b:busy b>execute_reply=error b:idle");
	fixture_finish(&f);
}

TN_TEST(what_a_worker_says_behind_its_done_goes_nowhere) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "1", "");
	fixture_round(&f);
	int64_t id = fixture_asked(&f, "execute");
	fixture_say(&f, id, DONE_OK);
	fixture_say(&f, id, DONE_ERROR);
	fixture_say(&f, id, "{\"type\": \"stream\", \"name\": \"stdout\", \"text\": \"late\"}");
	fixture_say(&f, id, "{\"type\": \"input\", \"prompt\": \"?\"}");
	f.worker.dies = true;
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a:execute_input a>execute_reply=ok a:idle");
	fixture_finish(&f);
}

/* ---- interrupts ---- */

/* The interrupt that the worker got names this request. */
static void check_named(struct fixture *f, int64_t id) {
	TN_CHECK(f->worker.asked.count > 0);
	TN_CHECK_INT_EQ(tn_json_get_int(f->worker.asked.items[0], "id", 0), id);
	fixture_asked(f, "interrupt");
}

TN_TEST(an_interrupt_names_its_cell_and_aborts_those_behind_it_even_if_that_ends_well) {
	for (int late = 0; late < 2; late++) { /* with stop_on_error and without: it is no error that stops them */
		struct fixture f;
		fixture_init(&f, true);
		fixture_execute(&f, "a", "1", late ? "\"stop_on_error\": false" : "");
		fixture_round(&f);
		int64_t id = fixture_asked(&f, "execute");
		fixture_execute(&f, "b", "2", "");
		fixture_request(&f, TN_CHANNEL_CONTROL, "interrupt_request", "i", "{}");
		fixture_round(&f);
		check_named(&f, id);
		fixture_execute(&f, "c", "3", "");
		fixture_say(&f, id, DONE_OK);
		TN_CHECK_STR_EQ(fixture_run(&f),
			"a:busy a:execute_input i:busy i>interrupt_reply=ok i:idle -:busy a>execute_reply=ok a:idle "
			"b:busy b>execute_reply=aborted b:idle c:busy c>execute_reply=aborted c:idle");
		fixture_execute(&f, "d", "4", "");
		TN_CHECK_STR_EQ(fixture_run(&f), "d:busy d:execute_input");
		fixture_finish(&f);
	}
}

TN_TEST(an_interrupt_and_the_end_of_the_cell_may_come_together) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "1", "");
	fixture_round(&f);
	fixture_execute(&f, "b", "2", "");
	fixture_say(&f, fixture_asked(&f, "execute"), DONE_OK);
	fixture_request(&f, TN_CHANNEL_CONTROL, "interrupt_request", "i", "{}"); /* read in the round that takes the done */
	TN_CHECK_STR_EQ(fixture_run(&f),
		"a:busy a:execute_input i:busy i>interrupt_reply=ok i:idle -:busy a>execute_reply=ok a:idle b:busy b>execute_reply=aborted "
		"b:idle");
	fixture_finish(&f);
}

TN_TEST(an_interrupt_between_cells_is_for_those_that_wait) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "1", "");
	fixture_execute(&f, "b", "2", "");
	fixture_request(&f, TN_CHANNEL_CONTROL, "interrupt_request", "i", "{}"); /* control is read first */
	TN_CHECK_STR_EQ(fixture_run(&f),
		"i:busy i>interrupt_reply=ok i:idle a:busy a>execute_reply=aborted a:idle b:busy b>execute_reply=aborted b:idle");
	TN_CHECK_SIZE_EQ(f.worker.asked.count, 0);
	fixture_execute(&f, "c", "3", "");
	TN_CHECK_STR_EQ(fixture_run(&f), "c:busy c:execute_input");
	fixture_finish(&f);
}

static void put_dated(struct fixture *f, enum tn_channel channel, const char *type, const char *id, const char *date) {
	char header[512], hex[TN_SIGN_HEX_MAX + 1];
	snprintf(header, sizeof(header), "{\"msg_id\": \"%s\", \"session\": \"s\", \"msg_type\": \"%s\", \"date\": \"%s\"}", id, type, date);
	static const char content[] = "{\"code\": \"1\"}";
	struct tn_part frames[] = {
		{"me", 2}, {"<IDS|MSG>", 9}, {hex, 0}, {header, strlen(header)}, {"{}", 2}, {"{}", 2}, {content, strlen(content)}};
	frames[2].size = tn_signer_sign(&f->client.signer, frames + 3, hex);
	TN_CHECK(tn_transport_memory_put(f->transport, channel, frames, TN_ARRAY_LEN(frames)));
}

TN_TEST(an_interrupt_that_overtakes_cells_on_the_way_is_for_those_that_were_sent_before_it) {
	struct fixture f;
	fixture_init(&f, true);
	put_dated(&f, TN_CHANNEL_CONTROL, "interrupt_request", "i", "2026-11-30T10:00:00.500000Z");
	put_dated(&f, TN_CHANNEL_SHELL, "execute_request", "a", "2026-11-30T10:00:00.499999Z");
	fixture_round(&f);
	put_dated(&f, TN_CHANNEL_SHELL, "execute_request", "b", "2026-11-30T10:00:00.499999Z");
	put_dated(&f, TN_CHANNEL_SHELL, "execute_request", "c", "2026-11-30T10:00:00.500001Z");
	TN_CHECK_STR_EQ(fixture_run(&f),
		"i:busy i>interrupt_reply=ok i:idle a:busy a>execute_reply=aborted a:idle b:busy b>execute_reply=aborted b:idle "
		"c:busy c:execute_input");
	fixture_finish(&f);
}

TN_TEST(a_cell_that_was_sent_behind_an_interrupt_at_idle_runs_though_both_are_read_together) {
	struct fixture f;
	fixture_init(&f, true);
	put_dated(&f, TN_CHANNEL_CONTROL, "interrupt_request", "i", "2026-11-30T10:00:00.500000Z");
	put_dated(&f, TN_CHANNEL_SHELL, "execute_request", "a", "2026-11-30T10:00:00.500001Z");
	TN_CHECK_STR_EQ(fixture_run(&f), "i:busy i>interrupt_reply=ok i:idle a:busy a:execute_input");
	fixture_finish(&f);
}

TN_TEST(an_interrupt_at_idle_reaches_no_cell_that_is_sent_later) {
	struct fixture f;
	fixture_init(&f, true);
	tn_kernel_interrupt(&f.kernel, NULL);
	fixture_round(&f);
	fixture_request(&f, TN_CHANNEL_CONTROL, "interrupt_request", "i", "{}");
	TN_CHECK_STR_EQ(fixture_run(&f), "i:busy i>interrupt_reply=ok i:idle");
	fixture_execute(&f, "a", "1", "");
	fixture_round(&f);
	fixture_say(&f, fixture_asked(&f, "execute"), DONE_OK);
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a:execute_input a>execute_reply=ok a:idle");
	fixture_finish(&f);
}
