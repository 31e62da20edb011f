/* SPDX-License-Identifier: Apache-2.0 */
/* Every other request: its answer, and busy and idle around it, beside a running cell too; and output that meets a slow
 * subscriber. */
#include "kernel_fixture.h"

TN_TEST(every_request_is_answered_between_busy_and_idle_on_shell_and_control) {
	static const struct {
		const char *type, *content, *reply;
	} cases[] = {
		{"kernel_info_request", "{}", "kernel_info_reply=ok"},
		{"connect_request", "{}", "connect_reply=ok"},
		{"history_request", "{\"hist_access_type\": \"tail\", \"n\": 3, \"raw\": true, \"output\": false}", "history_reply=ok"},
		{"history_request", "{\"hist_access_type\": \"guess\"}", "history_reply=error"},
		{"comm_info_request", "{\"target_name\": null}", "comm_info_reply=ok"},
		{"interrupt_request", "{}", "interrupt_reply=ok"},
		{"debug_request", "{\"type\": \"request\", \"command\": \"debugInfo\"}", "debug_reply=error"},
		{"create_subshell_request", "{}", "create_subshell_reply=error"},
		{"complete_request", "{}", "complete_reply=error"},
		{"inspect_request", "{\"code\": 3}", "inspect_reply=error"},
		{"whatever_request", "{}", "whatever_reply=error"},
		{"execute_request", "{\"code\": NaN}", "execute_reply=error"},
		{"execute_request", "[]", "execute_reply=error"},
	};
	struct fixture f;
	fixture_init(&f, true);
	for (size_t i = 0; i < TN_ARRAY_LEN(cases); i++) {
		for (enum tn_channel channel = TN_CHANNEL_SHELL; channel <= TN_CHANNEL_CONTROL; channel++) {
			char wanted[128];
			snprintf(wanted, sizeof(wanted), "x:busy x>%s x:idle", cases[i].reply);
			fixture_request(&f, channel, cases[i].type, "x", cases[i].content);
			TN_CHECK_STR_EQ(fixture_run(&f), wanted);
		}
	}
	fixture_finish(&f);
}

TN_TEST(what_is_no_request_gets_busy_and_idle_alone) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_request(&f, TN_CHANNEL_SHELL, "comm_msg", "x", "{\"comm_id\": \"c\", \"data\": {}}");
	TN_CHECK_STR_EQ(fixture_run(&f), "x:busy x:idle");
	fixture_request(&f, TN_CHANNEL_SHELL, "comm_open", "y", "{\"comm_id\": \"c\", \"target_name\": \"t\", \"data\": {}}");
	TN_CHECK_STR_EQ(fixture_run(&f), "y:busy y:comm_close y:idle");
	fixture_finish(&f);
}

TN_TEST(a_question_is_answered_beside_a_running_cell_which_is_busy_again_after_it) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "loop", "");
	fixture_round(&f);
	fixture_asked(&f, "execute");
	fixture_request(&f, TN_CHANNEL_SHELL, "is_complete_request", "q", "{\"code\": \"if (x) {\"}");
	fixture_round(&f);
	fixture_say(&f, fixture_asked(&f, "is_complete"),
		"{\"type\": \"done\", \"status\": \"ok\", \"complete\": \"incomplete\", \"indent\": 4}");
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a:execute_input q:busy q>is_complete_reply=incomplete q:idle -:busy");
	fixture_finish(&f);
}

TN_TEST(a_question_that_no_worker_answers_is_answered_emptily_after_its_time) {
	struct fixture f;
	fixture_init(&f, false);
	fixture_request(&f, TN_CHANNEL_SHELL, "complete_request", "q", "{\"code\": \"pr\", \"cursor_pos\": 2}");
	fixture_request(&f, TN_CHANNEL_SHELL, "is_complete_request", "r", "{\"code\": \"pr\"}");
	TN_CHECK_STR_EQ(fixture_run(&f), "q:busy r:busy");
	for (size_t i = 0; i < f.kernel.questions.count; i++) {
		TN_CHECK(f.kernel.questions.items[i].deadline_ns - tn_clock_ns() <= 800 * TN_MS);
		f.kernel.questions.items[i].deadline_ns = tn_clock_ns();
	}
	TN_CHECK_STR_EQ(fixture_run(&f), "q>complete_reply=ok q:idle r>is_complete_reply=unknown r:idle");
	fixture_finish(&f);
}

TN_TEST(a_question_that_waits_is_asked_once_the_worker_is_up) {
	struct fixture f;
	fixture_init(&f, false);
	fixture_request(
		&f, TN_CHANNEL_SHELL, "inspect_request", "q", "{\"code\": \"print\", \"cursor_pos\": 2, \"detail_level\": 1}");
	fixture_round(&f);
	f.worker.comes_up = true;
	fixture_round(&f);
	TN_CHECK_INT_EQ(tn_json_get_int(f.worker.asked.items[0], "detail", 0), 1);
	fixture_say(&f, fixture_asked(&f, "inspect"),
		"{\"type\": \"done\", \"status\": \"ok\", \"found\": true, \"data\": {\"text/plain\": \"doc\"}}");
	TN_CHECK_STR_EQ(fixture_run(&f), "q:busy q>inspect_reply=ok q:idle");
	fixture_finish(&f);
}

TN_TEST(a_wrong_signature_and_garbage_are_dropped_and_the_kernel_goes_on) {
	static const struct tn_part garbage[] = {{"me", 2}, {"x", 1}, {"<IDS|MSG>", 9}, {"", 0}};
	static const struct tn_part unsigned_[] = {{"<IDS|MSG>", 9}, {"0000", 4},
		{"{\"msg_id\": \"e\", \"msg_type\": \"kernel_info_request\"}", 50}, {"{}", 2}, {"{}", 2}, {"{}", 2}};
	struct fixture f;
	fixture_init(&f, true);
	for (enum tn_channel channel = TN_CHANNEL_SHELL; channel < TN_CHANNEL_COUNT; channel++) {
		for (size_t count = 0; count <= TN_ARRAY_LEN(garbage); count++) {
			TN_CHECK(tn_transport_memory_put(f.transport, channel, garbage, count));
		}
		TN_CHECK(tn_transport_memory_put(f.transport, channel, unsigned_, TN_ARRAY_LEN(unsigned_)));
	}
	TN_CHECK_STR_EQ(fixture_run(&f), "");
	fixture_request(&f, TN_CHANNEL_SHELL, "kernel_info_request", "x", "{}");
	TN_CHECK_STR_EQ(fixture_run(&f), "x:busy x>kernel_info_reply=ok x:idle");
	fixture_finish(&f);
}

/* The same bytes, signature and all, whenever it is sent. */
static void put_signed(struct fixture *f, enum tn_channel channel, int number) {
	char header[128], hex[TN_SIGN_HEX_MAX + 1];
	snprintf(header, sizeof(header), "{\"msg_id\": \"%d\", \"session\": \"s\", \"msg_type\": \"comm_msg\"}", number);
	struct tn_part frames[] = {{"me", 2}, {"<IDS|MSG>", 9}, {hex, 0}, {header, strlen(header)}, {"{}", 2}, {"{}", 2}, {"{}", 2}};
	frames[2].size = tn_signer_sign(&f->client.signer, frames + 3, hex);
	TN_CHECK(tn_transport_memory_put(f->transport, channel, frames, TN_ARRAY_LEN(frames)));
}

TN_TEST(a_signed_message_is_taken_once_on_whatever_channel_and_remembered_within_a_bound) {
	struct fixture f;
	fixture_init(&f, true);
	put_signed(&f, TN_CHANNEL_SHELL, 1);
	put_signed(&f, TN_CHANNEL_SHELL, 1);
	put_signed(&f, TN_CHANNEL_CONTROL, 1);
	TN_CHECK_STR_EQ(fixture_run(&f), "1:busy 1:idle");
	for (int i = 2; i <= TN_REPLAYS_MAX; i++) { /* by then the table has grown many times */
		TN_CHECK(tn_replays_add(&f.kernel.replays, (uint64_t)i * 0x9e3779b97f4a7c15u));
	}
	put_signed(&f, TN_CHANNEL_SHELL, 1);
	TN_CHECK_STR_EQ(fixture_run(&f), "");
	for (int i = 2; i <= 2 * TN_REPLAYS_MAX + 1; i++) {
		(void)tn_replays_add(&f.kernel.replays, (uint64_t)(i + 1000000) * 0x9e3779b97f4a7c15u);
	}
	TN_CHECK(f.kernel.replays.newer.count <= TN_REPLAYS_MAX && f.kernel.replays.older.count <= TN_REPLAYS_MAX);
	put_signed(&f, TN_CHANNEL_SHELL, 1); /* a bound: it is forgotten */
	TN_CHECK_STR_EQ(fixture_run(&f), "1:busy 1:idle");
	fixture_finish(&f);
}

TN_TEST(a_subscriber_is_welcomed_first_and_starting_is_said_once) {
	struct fixture f;
	const struct tn_part subscription = {"\x01", 1};
	fixture_init(&f, true);
	f.kernel.iopub.had_subscriber = false;
	TN_CHECK(tn_transport_memory_put(f.transport, TN_CHANNEL_IOPUB, &subscription, 1));
	TN_CHECK_STR_EQ(fixture_run(&f), "-:iopub_welcome -:starting");
	TN_CHECK(tn_transport_memory_put(f.transport, TN_CHANNEL_IOPUB, &subscription, 1));
	TN_CHECK_STR_EQ(fixture_run(&f), "-:iopub_welcome");
	fixture_finish(&f);
}

TN_TEST(what_comes_before_the_first_subscriber_waits_for_it) {
	struct fixture f;
	const struct tn_part subscription = {"\x01", 1};
	fixture_init(&f, true);
	f.kernel.iopub.had_subscriber = false;
	fixture_request(&f, TN_CHANNEL_SHELL, "kernel_info_request", "a", "{}");
	TN_CHECK_STR_EQ(fixture_run(&f), "a>kernel_info_reply=ok");
	TN_CHECK(tn_transport_memory_put(f.transport, TN_CHANNEL_IOPUB, &subscription, 1));
	TN_CHECK_STR_EQ(fixture_run(&f), "-:iopub_welcome -:starting a:busy a:idle");
	fixture_request(&f, TN_CHANNEL_SHELL, "kernel_info_request", "b", "{}");
	TN_CHECK_STR_EQ(fixture_run(&f), "b:busy b>kernel_info_reply=ok b:idle");
	fixture_finish(&f);
}

TN_TEST(what_nobody_listens_to_is_not_kept_for_ever) {
	struct fixture f;
	fixture_init(&f, true);
	f.kernel.iopub.had_subscriber = false;
	fixture_request(&f, TN_CHANNEL_SHELL, "kernel_info_request", "a", "{}");
	TN_CHECK_STR_EQ(fixture_run(&f), "a>kernel_info_reply=ok");
	f.kernel.iopub.began_ns -= (int64_t)60 * 1000 * 1000 * 1000;
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a:idle");
	fixture_finish(&f);
}

TN_TEST(output_waits_for_a_slow_subscriber_and_grows_together_and_idle_stays_behind_it) {
	struct fixture f;
	fixture_init(&f, true);
	fixture_execute(&f, "a", "1", "");
	fixture_round(&f);
	int64_t id = fixture_asked(&f, "execute");
	tn_transport_memory_block(f.transport, true);
	fixture_say(&f, id, "{\"type\": \"stream\", \"name\": \"stdout\", \"text\": \"1\"}");
	fixture_say(&f, id, "{\"type\": \"stream\", \"name\": \"stdout\", \"text\": \"2\"}");
	fixture_say(&f, id, "{\"type\": \"stream\", \"name\": \"stderr\", \"text\": \"e\"}");
	fixture_say(&f, id, "{\"type\": \"stream\", \"name\": \"stdout\", \"text\": \"3\"}");
	fixture_say(&f, id, "{\"type\": \"done\", \"status\": \"ok\"}");
	TN_CHECK_STR_EQ(fixture_run(&f), "a:busy a:execute_input a>execute_reply=ok");
	TN_CHECK_INT_EQ(f.kernel.iopub.credit, 100); /* of done, which is not published */
	uint64_t encoded = f.kernel.sender.sent;
	TN_CHECK_STR_EQ(fixture_run(&f), "");
	TN_CHECK_STR_EQ(fixture_run(&f), "");
	TN_CHECK(f.kernel.sender.sent <= encoded + 1); /* what waits is encoded once, however often it is tried */
	tn_transport_memory_block(f.transport, false);
	TN_CHECK_STR_EQ(fixture_run(&f), "a:stream=12 a:stream=e a:stream=3 a:idle");
	TN_CHECK_INT_EQ(f.kernel.iopub.credit, 500);
	fixture_finish(&f);
}

TN_TEST(a_subscriber_that_takes_nothing_for_seconds_is_given_up) {
	struct fixture f;
	fixture_init(&f, true);
	tn_transport_memory_block(f.transport, true);
	fixture_request(&f, TN_CHANNEL_CONTROL, "kernel_info_request", "x", "{}");
	fixture_round(&f);
	TN_CHECK(tn_iopub_is_waiting(&f.kernel.iopub));
	f.kernel.iopub.full_since_ns -= 6000 * TN_MS;
	fixture_round(&f);
	TN_CHECK(!tn_iopub_is_waiting(&f.kernel.iopub));
	TN_CHECK(f.kernel.iopub.lossy);
	tn_transport_memory_block(f.transport, false);
	fixture_transcript(&f);
	fixture_request(&f, TN_CHANNEL_CONTROL, "kernel_info_request", "y", "{}");
	TN_CHECK_STR_EQ(fixture_run(&f), "y:busy y>kernel_info_reply=ok y:idle");
	TN_CHECK(!f.kernel.iopub.lossy);
	fixture_finish(&f);
}

TN_TEST(messages_have_ids_and_one_session_of_their_own) {
	struct fixture f;
	struct got got;
	char session[64] = "", ids[3][64];
	int count = 0;
	fixture_init(&f, true);
	fixture_request(&f, TN_CHANNEL_SHELL, "kernel_info_request", "x", "{}");
	fixture_round(&f);
	while (fixture_take(&f, &got)) {
		snprintf(ids[count], sizeof(ids[0]), "%s", tn_json_get_text(got.header, "msg_id", ""));
		TN_CHECK(count == 0 || strcmp(session, tn_json_get_text(got.header, "session", "")) == 0);
		snprintf(session, sizeof(session), "%s", tn_json_get_text(got.header, "session", ""));
		TN_CHECK_STR_EQ(tn_json_get_text(got.header, "version", ""), "5.5");
		count++;
		got_finish(&got);
	}
	TN_CHECK_INT_EQ(count, 3);
	TN_CHECK(strcmp(ids[0], ids[1]) != 0 && strcmp(ids[1], ids[2]) != 0);
	fixture_finish(&f);
}

TN_TEST(when_memory_runs_out_the_kernel_stands) {
	TN_FOR_EACH_FAILING_ALLOC {
		struct tn_error err = {0};
		struct scripted worker = {.base = {.impl = &scripted_impl}};
		struct tn_transport *transport = tn_transport_memory();
		struct tn_kernel kernel;
		struct tn_kernel_params params = {.transport = transport, .worker = &worker.base, .scheme = "hmac-sha256", .key = ""};
		static const struct tn_part frames[] = {{"<IDS|MSG>", 9}, {"", 0},
			{"{\"msg_id\": \"e\", \"msg_type\": \"kernel_info_request\"}", 50}, {"{}", 2}, {"{}", 2}, {"{}", 2}};
		if (transport != NULL && tn_kernel_init(&kernel, &params, &err)) {
			if (tn_transport_memory_put(transport, TN_CHANNEL_SHELL, frames, TN_ARRAY_LEN(frames))) {
				tn_kernel_round(&kernel, NULL, 0, 0);
			}
			tn_kernel_finish(&kernel);
		}
		tn_transport_destroy(transport);
	}
}
