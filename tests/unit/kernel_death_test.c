/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts, deaths of the worker in each state, and the kernel's own end. */
#include "kernel_fixture.h"

TN_TEST(a_death_ends_the_cell_aborts_the_rest_and_the_next_runs_in_a_fresh_worker) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "crash", "\"stop_on_error\": false");
	fixture_execute(&f, "b", "2", "");
	fixture_round(&f);
	fixture_asked(&f, "execute");
	f.worker.dies = true;
	TN_CHECK_STR_EQ(fixture_run(&f),
		"a:busy a:execute_input a:error=WorkerDied a>execute_reply=error a:idle "
		"b:busy b>execute_reply=aborted b:idle");
	TN_CHECK_INT_EQ(f.worker.starts, 2);
	fixture_execute(&f, "c", "3", "");
	f.worker.comes_up = true;
	fixture_round(&f);
	fixture_round(&f);
	fixture_asked(&f, "execute");
	TN_CHECK_STR_EQ(
		fixture_run(&f), "c:busy c:execute_input c:stream=A fresh worker: the variables of earlier cells are gone.\n");
	fixture_finish(&f);
}

TN_TEST(the_error_of_a_death_names_signal_place_and_last_words) {
	struct fixture f;
	struct got got;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "crash", "");
	fixture_round(&f);
	f.worker.death.last_words = "blas: oops\ntenon: the worker dies of SIGSEGV, an access to memory that is not there, in cell 1, line 2, op matmul\n";
	f.worker.dies = true;
	fixture_round(&f);
	bool seen = false;
	while (fixture_take(&f, &got)) {
		if (strcmp(got.type, "error") == 0) {
			seen = true;
			TN_CHECK_STR_EQ(tn_json_get_text(got.content, "evalue", ""),
				"the worker was killed by SIGSEGV (signal 11) while cell 1 ran (SIGSEGV, an access to memory that is not there, in cell 1, "
				"line 2, op matmul)");
			TN_CHECK_STR_CONTAINS(json_string_value(json_array_get(json_object_get(got.content, "traceback"), 0)), "blas: oops");
		}
		got_finish(&got);
	}
	TN_CHECK(seen);
	fixture_finish(&f);
}

TN_TEST(a_death_at_idle_is_told_by_the_next_cell) {
	struct fixture f;
	fixture_init(&f, true);
	f.worker.dies = true;
	TN_CHECK_STR_EQ(fixture_run(&f), "");
	fixture_execute(&f, "a", "1", "");
	TN_CHECK_STR_EQ(fixture_run(&f),
		"a:busy a:execute_input a:stream=The worker was killed by SIGSEGV (signal 11) while no cell ran. "
		"A fresh worker: the variables of earlier cells are gone.\n");
	fixture_finish(&f);
}

TN_TEST(a_worker_that_dies_before_it_is_up_is_not_started_again_until_a_cell_asks) {
	struct fixture f;
	fixture_init(&f, false);
	f.worker.dies = true;
	fixture_round(&f);
	TN_CHECK_INT_EQ(f.worker.starts, 1);
	fixture_execute(&f, "a", "1", "");
	fixture_round(&f);
	TN_CHECK_INT_EQ(f.worker.starts, 2);
	f.worker.dies = true;
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a:execute_input a:error=WorkerDied a>execute_reply=error a:idle");
	TN_CHECK_INT_EQ(f.worker.starts, 2);
	fixture_finish(&f);
}

TN_TEST(a_death_answers_questions_that_are_open_and_takes_an_input_away) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "input()", "\"allow_stdin\": true");
	fixture_round(&f);
	fixture_say(&f, fixture_asked(&f, "execute"), "{\"type\": \"input\", \"prompt\": \"\"}");
	fixture_request(&f, TN_CHANNEL_SHELL, "complete_request", "q", "{\"code\": \"pr\", \"cursor_pos\": 2}");
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a:execute_input a?input_request q:busy");
	f.worker.dies = true;
	TN_CHECK_STR_EQ(fixture_run(&f), "q>complete_reply=ok q:idle -:busy a:error=WorkerDied a>execute_reply=error a:idle");
	fixture_request(&f, TN_CHANNEL_STDIN, "input_reply", "r", "{\"value\": \"x\"}");
	TN_CHECK_STR_EQ(fixture_run(&f), "");
	fixture_finish(&f);
}

TN_TEST(an_interrupt_reaches_the_worker_and_does_nothing_at_idle) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_request(&f, TN_CHANNEL_CONTROL, "interrupt_request", "i", "{}");
	TN_CHECK_STR_EQ(fixture_run(&f), "i:busy i>interrupt_reply=ok i:idle");
	TN_CHECK_SIZE_EQ(f.worker.asked.count, 0);
	fixture_execute(&f, "a", "loop", "");
	fixture_round(&f);
	int64_t id = fixture_asked(&f, "execute");
	fixture_request(&f, TN_CHANNEL_CONTROL, "interrupt_request", "j", "{}");
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a:execute_input j:busy j>interrupt_reply=ok j:idle -:busy");
	fixture_asked(&f, "interrupt");
	fixture_say(&f, id,
		"{\"type\": \"done\", \"status\": \"interrupted\", \"name\": \"Interrupted\", \"text\": \"stopped\", \"traceback\": []}");
	TN_CHECK_STR_EQ(fixture_run(&f), "a:error=Interrupted a>execute_reply=error a:idle");
	fixture_finish(&f);
}

TN_TEST(an_interrupt_ends_a_cell_that_waits_for_its_worker) {
	struct fixture f;
	fixture_init(&f, false);
	fixture_execute(&f, "a", "1", "");
	fixture_round(&f);
	tn_kernel_interrupt(&f.kernel, NULL);
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a:execute_input a:error=Interrupted a>execute_reply=error a:idle");
	fixture_finish(&f);
}

TN_TEST(a_second_interrupt_after_3_s_ends_the_worker_and_that_is_said_before) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "stuck", "");
	fixture_round(&f);
	tn_kernel_interrupt(&f.kernel, NULL);
	tn_kernel_interrupt(&f.kernel, NULL);
	TN_CHECK_INT_EQ(f.worker.kills, 0);
	f.kernel.run.interrupted_ns -= 3001 * TN_MS; /* 3 s go by */
	TN_CHECK_STR_EQ(fixture_run(&f),
		"a:busy a:execute_input a:stream=The cell has not answered the interrupt for 3 s. "
		"A second interrupt ends its worker: all variables would be lost.\n");
	tn_kernel_interrupt(&f.kernel, NULL);
	TN_CHECK_INT_EQ(f.worker.kills, 1);
	TN_CHECK_STR_EQ(fixture_run(&f), "a:error=Interrupted a>execute_reply=error a:idle");
	fixture_finish(&f);
}

TN_TEST(a_shutdown_answers_everything_that_is_open_and_tells_the_worker) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "loop", "");
	fixture_execute(&f, "b", "2", "");
	fixture_round(&f);
	fixture_asked(&f, "execute");
	fixture_request(&f, TN_CHANNEL_CONTROL, "shutdown_request", "s", "{\"restart\": true}");
	TN_CHECK_STR_EQ(fixture_run(&f),
		"a:busy a:execute_input s:busy s:shutdown_reply s>shutdown_reply=ok s:idle -:busy "
		"a>execute_reply=aborted a:idle b:busy b>execute_reply=aborted b:idle");
	fixture_asked(&f, "interrupt");
	fixture_asked(&f, "shutdown");
	TN_CHECK_INT_EQ(f.kernel.stop, TN_STOPPING);
	fixture_execute(&f, "c", "3", "");
	TN_CHECK_STR_EQ(fixture_run(&f), "c:busy c>execute_reply=error c:idle");
	f.worker.dies = true;
	fixture_round(&f);
	TN_CHECK_INT_EQ(f.kernel.stop, TN_STOPPED);
	fixture_finish(&f);
}

TN_TEST(a_worker_that_does_not_end_is_killed_at_the_deadline) {
	struct fixture f;
	fixture_init(&f, true);
	tn_kernel_stop(&f.kernel);
	fixture_round(&f);
	TN_CHECK_INT_EQ(f.kernel.stop, TN_STOPPING);
	f.kernel.stop_deadline_ns = tn_clock_ns() - 1;
	fixture_round(&f);
	TN_CHECK_INT_EQ(f.kernel.stop, TN_STOPPED);
	TN_CHECK_INT_EQ(f.worker.kills, 1);
	fixture_finish(&f);
}
