/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the user: the worker asks, the client that sent the cell is asked on its stdin channel, its answer goes back. An
 * interrupt or the worker's death takes the question away; an answer that comes after that is dropped. */
#include "kernel/kernel.h"

#include <string.h>

#define PATIENCE_NS (5000 * TN_MS) /* for a client whose stdin channel does not come */

static bool try_answer(struct tn_kernel *kernel, json_t *value, struct tn_error *err) {
	json_t *answer = json_object();
	bool ok =
		tn_json_set_take(answer, "type", json_string("input")) && tn_json_set_take(answer, "id", json_integer(kernel->run.id));
	ok = (value != NULL ? json_object_set(answer, "value", value) == 0 : tn_json_set_take(answer, "eof", json_true())) && ok;
	ok = ok ? kernel->worker->impl->send(kernel->worker, answer, err) : tn_error_memory(err);
	json_decref(answer);
	return ok;
}

/* NULL is the end of input, and so is an answer that cannot be passed on (one of 100 MB): the cell must not wait for ever. */
static void send_answer(struct tn_kernel *kernel, json_t *value) {
	struct tn_error err = {0};
	kernel->run.wants_input = false;
	if (try_answer(kernel, value, &err)) {
		return;
	}
	tn_log(TN_LOG_ERROR, "an answer is lost: %s", err.text);
	tn_error_clear(&err);
	if (value != NULL && !try_answer(kernel, NULL, &err)) {
		tn_log(TN_LOG_ERROR, "the end of input is lost: %s", err.text);
	}
}

static enum tn_sent send_question(struct tn_kernel *kernel, const json_t *input) {
	struct tn_error err = {0};
	json_t *content = json_object();
	bool ok = tn_json_set_take(content, "prompt", json_string(tn_json_get_text(input, "prompt", ""))) &&
		tn_json_set_take(content, "password", json_boolean(tn_json_get_bool(input, "password", false)));
	const struct tn_outgoing out = {
		.type = "input_request", .parent = kernel->run.request, .to_parent = true, .content = content};
	ok = ok && tn_message_encode(&kernel->sender, &out, &kernel->packet, &err);
	json_decref(content);
	return ok ? kernel->transport->impl->send(kernel->transport, TN_CHANNEL_STDIN, &kernel->packet, false) : TN_SENT_FAILED;
}

static void drop_question(struct tn_execution *run) {
	json_decref(run->question);
	run->question = NULL;
}

/* A client opens its sockets at once, but they connect one by one, and a question may be quicker than the last of them. */
static void try_question(struct tn_kernel *kernel) {
	struct tn_execution *run = &kernel->run;
	enum tn_sent sent = send_question(kernel, run->question);
	if (sent == TN_SENT) {
		run->wants_input = true;
		snprintf(
			run->input_id, sizeof(run->input_id), "%s_%llu", kernel->sender.session, (unsigned long long)kernel->sender.sent);
		drop_question(run);
	} else if (sent == TN_SENT_FAILED || tn_clock_ns() - run->question_ns > PATIENCE_NS) {
		tn_log(TN_LOG_WARN, "the user cannot be asked: the client has no stdin channel");
		drop_question(run);
		send_answer(kernel, NULL);
	}
}

void tn_stdin_ask(struct tn_kernel *kernel, const json_t *input) {
	struct tn_execution *run = &kernel->run;
	if (!run->allow_stdin) {
		send_answer(kernel, NULL);
		return;
	}
	drop_question(run);
	run->question = json_incref((json_t *)input);
	run->question_ns = tn_clock_ns();
	try_question(kernel);
}

void tn_stdin_tick(struct tn_kernel *kernel) {
	if (tn_execute_is_open(kernel) && kernel->run.question != NULL) {
		try_question(kernel);
	}
}

/* Clients may leave the parent out; one that names another question is late. */
static bool is_late(const struct tn_kernel *kernel, const struct tn_request *reply) {
	const char *id = tn_json_get_text(reply->parent, "msg_id", NULL);
	return !kernel->run.wants_input || (id != NULL && strcmp(id, kernel->run.input_id) != 0);
}

void tn_stdin_answer(struct tn_kernel *kernel, struct tn_request *reply) {
	if (strcmp(reply->type, "input_reply") != 0 || is_late(kernel, reply)) {
		tn_log(TN_LOG_INFO, "a message on stdin that nobody waits for");
		return;
	}
	json_t *value = json_object_get(reply->content, "value");
	const char *text = json_string_value(value);
	send_answer(kernel, text == NULL || strcmp(text, "\x04") == 0 ? NULL : value); /* ^D is the end of input */
}
