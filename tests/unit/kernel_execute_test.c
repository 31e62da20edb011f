/* SPDX-License-Identifier: Apache-2.0 */
/* Cells: the order of what a client sees, on every path. */
#include "kernel_fixture.h"

TN_TEST(a_cell_is_wrapped_in_busy_and_idle_with_its_reply_before_idle) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "1+1", "");
	fixture_round(&f);
	int64_t id = fixture_asked(&f, "execute");
	fixture_say(&f, id, "{\"type\": \"stream\", \"name\": \"stdout\", \"text\": \"hi\"}");
	fixture_say(&f, id, "{\"type\": \"result\", \"data\": {\"text/plain\": \"2\"}, \"metadata\": {}}");
	fixture_say(&f, id, "{\"type\": \"done\", \"status\": \"ok\"}");
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a:execute_input a:stream=hi a:execute_result a>execute_reply=ok a:idle");
	fixture_finish(&f);
}

TN_TEST(a_reply_goes_to_the_client_that_asked_and_says_when_the_cell_began) {
	struct fixture f;
	struct got got;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "1", "");
	fixture_round(&f);
	fixture_say(&f, fixture_asked(&f, "execute"), "{\"type\": \"done\", \"status\": \"ok\"}");
	fixture_round(&f);
	bool seen = false;
	while (fixture_take(&f, &got)) {
		if (got.channel == TN_CHANNEL_SHELL) {
			seen = true;
			TN_CHECK_STR_EQ(got.identity, "me");
			TN_CHECK_INT_EQ(tn_json_get_int(got.content, "execution_count", 0), 1);
			TN_CHECK_INT_EQ(strlen(tn_json_get_text(got.metadata, "started", "")), 27);
			TN_CHECK(json_is_array(json_object_get(got.content, "payload")));
		}
		got_finish(&got);
	}
	TN_CHECK(seen);
	fixture_finish(&f);
}

TN_TEST(the_worker_has_one_cell_at_a_time) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "1", "");
	fixture_execute(&f, "b", "2", "");
	fixture_round(&f);
	int64_t first = fixture_asked(&f, "execute");
	TN_CHECK_SIZE_EQ(f.worker.asked.count, 0);
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a:execute_input");
	fixture_say(&f, first, "{\"type\": \"done\", \"status\": \"ok\"}");
	fixture_round(&f);
	fixture_say(&f, fixture_asked(&f, "execute"), "{\"type\": \"done\", \"status\": \"ok\"}");
	TN_CHECK_STR_EQ(fixture_run(&f), "a>execute_reply=ok a:idle b:busy b:execute_input b>execute_reply=ok b:idle");
	fixture_finish(&f);
}

TN_TEST(a_silent_cell_shows_nothing_and_does_not_count) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "1", "\"silent\": true, \"store_history\": true");
	fixture_round(&f);
	int64_t id = fixture_asked(&f, "execute");
	fixture_say(&f, id, "{\"type\": \"stream\", \"name\": \"stdout\", \"text\": \"hi\"}");
	fixture_say(&f, id, "{\"type\": \"error\", \"name\": \"Error\", \"text\": \"no\", \"traceback\": []}");
	fixture_say(&f, id, "{\"type\": \"done\", \"status\": \"error\", \"name\": \"Error\", \"text\": \"no\", \"traceback\": []}");
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a>execute_reply=error a:idle");
	TN_CHECK_INT_EQ(f.kernel.execution_count, 0);
	fixture_finish(&f);
}

TN_TEST(an_error_aborts_the_cells_that_were_sent_with_it_and_answers_the_rest) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "bad", "");
	fixture_execute(&f, "b", "2", "");
	fixture_round(&f);
	TN_CHECK_STR_EQ(fixture_transcript(&f), "a:busy a:execute_input");
	fixture_execute(&f, "c", "3", "\"stop_on_error\": false");
	fixture_request(&f, TN_CHANNEL_SHELL, "comm_info_request", "d", "{}");
	int64_t id = fixture_asked(&f, "execute");
	fixture_say(&f, id, "{\"type\": \"error\", \"name\": \"NameError\", \"text\": \"x\", \"traceback\": [\"t\"]}");
	fixture_say(
		&f, id, "{\"type\": \"done\", \"status\": \"error\", \"name\": \"NameError\", \"text\": \"x\", \"traceback\": [\"t\"]}");
	TN_CHECK_STR_EQ(fixture_run(&f),
		"a:error=NameError d:busy d>comm_info_reply=ok d:idle -:busy a>execute_reply=error a:idle "
		"b:busy b>execute_reply=aborted b:idle c:busy c>execute_reply=aborted c:idle");
	fixture_execute(&f, "e", "5", "");
	fixture_round(&f);
	fixture_asked(&f, "execute");
	TN_CHECK_STR_EQ(fixture_run(&f), "e:busy e:execute_input");
	fixture_finish(&f);
}

TN_TEST(without_stop_on_error_the_next_cell_runs) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "bad", "\"stop_on_error\": false");
	fixture_execute(&f, "b", "2", "");
	fixture_round(&f);
	fixture_say(&f, fixture_asked(&f, "execute"),
		"{\"type\": \"done\", \"status\": \"error\", \"name\": \"E\", \"text\": \"x\", \"traceback\": []}");
	fixture_round(&f);
	fixture_asked(&f, "execute");
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a:execute_input a:error=E a>execute_reply=error a:idle b:busy b:execute_input");
	fixture_finish(&f);
}

TN_TEST(a_cell_without_code_is_an_error_and_not_a_crash) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_request(&f, TN_CHANNEL_SHELL, "execute_request", "a", "{\"code\": 7}");
	fixture_request(&f, TN_CHANNEL_SHELL, "execute_request", "b", "{\"code\": \"\\u0000\"}");
	TN_CHECK_STR_EQ(fixture_run(&f),
		"b:busy b>execute_reply=error b:idle a:busy a:execute_input a:error=ValueError a>execute_reply=error a:idle");
	fixture_finish(&f);
}

TN_TEST(a_cell_waits_for_a_worker_that_comes_up) {
	struct fixture f;
	fixture_init(&f, false);
	fixture_execute(&f, "a", "1", "");
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a:execute_input");
	TN_CHECK_SIZE_EQ(f.worker.asked.count, 0);
	f.worker.comes_up = true;
	fixture_round(&f);
	fixture_say(&f, fixture_asked(&f, "execute"), "{\"type\": \"done\", \"status\": \"ok\"}");
	TN_CHECK_STR_EQ(fixture_run(&f), "a>execute_reply=ok a:idle");
	fixture_finish(&f);
}

TN_TEST(a_worker_that_cannot_start_is_told_to_each_cell_and_tried_again) {
	struct fixture f;
	fixture_init(&f, false);
	f.worker.base.state = TN_WORKER_NONE;
	f.worker.cannot_start = true;
	fixture_execute(&f, "a", "1", "");
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a:execute_input a:error=IOError a>execute_reply=error a:idle");
	f.worker.cannot_start = false;
	fixture_execute(&f, "b", "1", "");
	TN_CHECK_STR_EQ(fixture_run(&f), "b:busy b:execute_input");
	TN_CHECK_INT_EQ(f.worker.starts, 3);
	fixture_finish(&f);
}

TN_TEST(user_expressions_come_back_in_the_words_of_jupyter) {
	struct fixture f;
	struct got got;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "1", "\"user_expressions\": {\"x\": \"1\", \"y\": \"z\"}");
	fixture_round(&f);
	TN_CHECK_STR_EQ(tn_json_get_text(json_object_get(f.worker.asked.items[0], "user_expressions"), "y", ""), "z");
	fixture_say(&f, fixture_asked(&f, "execute"),
		"{\"type\": \"done\", \"status\": \"ok\", \"user_expressions\": {"
		"\"x\": {\"status\": \"ok\", \"data\": {\"text/plain\": \"1\"}, \"metadata\": {}},"
		"\"y\": {\"status\": \"error\", \"name\": \"NameError\", \"text\": \"no z\", \"traceback\": []}}}");
	fixture_round(&f);
	while (fixture_take(&f, &got)) {
		json_t *found = json_object_get(got.content, "user_expressions");
		if (found != NULL) {
			TN_CHECK_STR_EQ(tn_json_get_text(json_object_get(json_object_get(found, "x"), "data"), "text/plain", ""), "1");
			TN_CHECK_STR_EQ(tn_json_get_text(json_object_get(found, "y"), "ename", ""), "NameError");
		}
		got_finish(&got);
	}
	fixture_finish(&f);
}

TN_TEST(displays_carry_pictures_as_base64_and_ids_in_transient) {
	struct fixture f;
	struct got got;
	uint8_t bytes[] = {0, 1, 2, 255};
	struct tn_wire_buffer buffer = {bytes, sizeof(bytes)};
	fixture_init(&f, true);
	fixture_execute(&f, "a", "1", "");
	fixture_round(&f);
	json_t *json =
		json_pack("{s:s, s:I, s:{s:{s:i}, s:s}, s:s, s:b}", "type", "display", "id", (json_int_t)fixture_asked(&f, "execute"),
			"data", "image/png", "buffer", 0, "text/plain", "p", "display_id", "d1", "update", 1);
	struct tn_wire_message message = {.json = json, .buffers = &buffer, .buffer_count = 1};
	f.worker.base.listener.message(f.worker.base.listener.data, &message);
	json_decref(json);
	bool seen = false;
	while (fixture_take(&f, &got)) {
		if (strcmp(got.type, "update_display_data") == 0) {
			seen = true;
			TN_CHECK_STR_EQ(tn_json_get_text(json_object_get(got.content, "data"), "image/png", ""), "AAEC/w==");
			TN_CHECK_STR_EQ(tn_json_get_text(json_object_get(got.content, "transient"), "display_id", ""), "d1");
		}
		got_finish(&got);
	}
	TN_CHECK(seen);
	fixture_finish(&f);
}

TN_TEST(input_is_asked_of_the_client_of_the_cell_and_late_answers_are_dropped) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "input()", "\"allow_stdin\": true");
	fixture_request(&f, TN_CHANNEL_STDIN, "input_reply", "early", "{\"value\": \"too early\"}");
	fixture_round(&f);
	int64_t id = fixture_asked(&f, "execute");
	fixture_say(&f, id, "{\"type\": \"input\", \"prompt\": \"name? \", \"password\": false}");
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a:execute_input a?input_request");
	fixture_request(&f, TN_CHANNEL_STDIN, "input_reply", "r", "{\"value\": \"Ada\"}");
	fixture_round(&f);
	TN_CHECK_STR_EQ(tn_json_get_text(f.worker.asked.items[0], "value", ""), "Ada");
	TN_CHECK_INT_EQ(fixture_asked(&f, "input"), id);
	fixture_request(&f, TN_CHANNEL_STDIN, "input_reply", "late", "{\"value\": \"too late\"}");
	fixture_round(&f);
	TN_CHECK_SIZE_EQ(f.worker.asked.count, 0);
	fixture_finish(&f);
}

TN_TEST(a_question_waits_for_a_client_whose_stdin_is_not_connected_yet) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "input()", "\"allow_stdin\": true");
	fixture_round(&f);
	tn_transport_memory_block(f.transport, true);
	int64_t id = fixture_asked(&f, "execute");
	fixture_say(&f, id, "{\"type\": \"input\", \"prompt\": \"\"}");
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a:execute_input");
	tn_transport_memory_block(f.transport, false);
	TN_CHECK_STR_EQ(fixture_run(&f), "a?input_request");
	fixture_finish(&f);
}

TN_TEST(a_client_without_stdin_is_the_end_of_input) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "input()", "\"allow_stdin\": true");
	fixture_round(&f);
	tn_transport_memory_block(f.transport, true);
	fixture_say(&f, fixture_asked(&f, "execute"), "{\"type\": \"input\", \"prompt\": \"\"}");
	fixture_round(&f);
	f.kernel.run.question_ns -= 6000 * TN_MS;
	fixture_round(&f);
	TN_CHECK(tn_json_get_bool(f.worker.asked.items[0], "eof", false));
	fixture_finish(&f);
}

TN_TEST(a_payload_reaches_the_reply_and_an_input_without_stdin_ends_at_once) {
	struct fixture f;
	struct got got;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "?print", "");
	fixture_round(&f);
	int64_t id = fixture_asked(&f, "execute");
	fixture_say(&f, id, "{\"type\": \"payload\", \"payload\": {\"source\": \"page\", \"data\": {\"text/plain\": \"help\"}}}");
	fixture_say(&f, id, "{\"type\": \"input\", \"prompt\": \"\"}");
	fixture_round(&f);
	TN_CHECK(tn_json_get_bool(f.worker.asked.items[0], "eof", false));
	fixture_say(&f, id, "{\"type\": \"done\", \"status\": \"ok\"}");
	fixture_round(&f);
	bool seen = false;
	while (fixture_take(&f, &got)) {
		const json_t *page = json_array_get(json_object_get(got.content, "payload"), 0);
		if (page != NULL) {
			seen = true;
			TN_CHECK_STR_EQ(tn_json_get_text(page, "source", ""), "page");
			TN_CHECK_INT_EQ(tn_json_get_int(page, "start", 1), 0);
		}
		got_finish(&got);
	}
	TN_CHECK(seen);
	fixture_finish(&f);
}
