/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that the worker answers beside a running cell: completion, inspection, whether a cell is whole, variables, usage.
 * While no worker is up they wait for a moment and are answered emptily then: an editor that asks must never hang. */
#include "kernel/kernel.h"

#include <string.h>

struct tn_assist {
	const char *request, *type;
	bool needs_code;
	int patience_ms; /* of a worker that is up; one that is not has DOWN_MS */
	/* Adds what the worker needs beside type, id and code. */
	bool (*ask)(json_t *ask, const json_t *content);
	/* The reply, from the worker's `done` or from NULL: nobody answered. A new reference, or NULL. */
	json_t *(*answer)(struct tn_kernel *kernel, const struct tn_request *request, const struct tn_wire_message *done);
};

enum { DOWN_MS = 800, SLOW_MS = 5000 };

static json_t *copy_or(const json_t *from, const char *key, json_t *fallback_take) {
	json_t *value = json_object_get(from, key);
	if (value == NULL || json_typeof(value) != json_typeof(fallback_take)) {
		return fallback_take;
	}
	json_decref(fallback_take);
	return json_incref(value);
}

/* ---- completion ---- */

static int64_t cursor_of(const json_t *content) {
	const char *code = tn_json_get_text(content, "code", "");
	int64_t length = (int64_t)tn_utf8_length(code, strlen(code));
	int64_t cursor = tn_json_get_int(content, "cursor_pos", length);
	return cursor < 0 || cursor > length ? length : cursor;
}

static bool ask_cursor(json_t *ask, const json_t *content) {
	return tn_json_set_take(ask, "cursor", json_integer(cursor_of(content)));
}

/* The list beside the matches from which JupyterLab takes icons and signatures. */
static json_t *typed_matches(const json_t *done, int64_t start, int64_t end) {
	json_t *out = json_array(), *match;
	const json_t *types = json_object_get(done, "types"), *signatures = json_object_get(done, "signatures");
	size_t i;
	json_array_foreach(json_object_get(done, "matches"), i, match) {
		json_t *type = json_array_get(types, i), *signature = json_array_get(signatures, i);
		json_t *row = json_pack("{s:I, s:I, s:O, s:o, s:o}", "start", (json_int_t)start, "end", (json_int_t)end, "text", match,
			"type", json_is_string(type) ? json_incref(type) : json_string(""), "signature",
			json_is_string(signature) ? json_incref(signature) : json_string(""));
		if (row == NULL || json_array_append_new(out, row) != 0) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

static json_t *answer_complete(struct tn_kernel *kernel, const struct tn_request *request, const struct tn_wire_message *done) {
	(void)kernel;
	const json_t *found = done != NULL ? done->json : NULL;
	int64_t cursor = cursor_of(request->content);
	int64_t start = tn_json_get_int(found, "start", cursor), end = tn_json_get_int(found, "end", cursor);
	json_t *content = json_object(), *metadata = json_object();
	bool ok = tn_json_set_take(metadata, "_jupyter_types_experimental", typed_matches(found, start, end));
	ok = tn_json_set_take(content, "metadata", metadata) && ok;
	return tn_content_or_null(content,
		ok && tn_json_set_take(content, "status", json_string("ok")) &&
			tn_json_set_take(content, "matches", copy_or(found, "matches", json_array())) &&
			tn_json_set_take(content, "cursor_start", json_integer(start)) &&
			tn_json_set_take(content, "cursor_end", json_integer(end)));
}

/* ---- inspection ---- */

static bool ask_inspect(json_t *ask, const json_t *content) {
	return ask_cursor(ask, content) &&
		tn_json_set_take(ask, "detail", json_integer(tn_json_get_int(content, "detail_level", 0) != 0));
}

static json_t *answer_inspect(struct tn_kernel *kernel, const struct tn_request *request, const struct tn_wire_message *done) {
	(void)kernel;
	(void)request;
	const json_t *found = done != NULL ? done->json : NULL;
	json_t *content = json_object();
	json_t *data = done != NULL ? tn_relay_data(json_object_get(found, "data"), done) : json_object();
	bool ok = tn_json_set_take(content, "data", data);
	return tn_content_or_null(content,
		ok && tn_json_set_take(content, "status", json_string("ok")) &&
			tn_json_set_take(content, "found", json_boolean(tn_json_get_bool(found, "found", false))) &&
			tn_json_set_take(content, "metadata", json_object()));
}

/* ---- whether a cell is whole ---- */

enum { INDENT_MAX = 64 };

/* The protocol counts spaces; Jupyter wants them. */
static json_t *indent_of(const json_t *found) {
	char spaces[INDENT_MAX + 1];
	json_t *text = json_object_get(found, "indent");
	if (json_is_string(text)) {
		return json_incref(text);
	}
	int64_t count = tn_json_get_int(found, "indent", 0);
	count = count < 0 ? 0 : count > INDENT_MAX ? INDENT_MAX : count;
	memset(spaces, ' ', sizeof(spaces));
	return json_stringn(spaces, (size_t)count);
}

static json_t *answer_is_complete(
	struct tn_kernel *kernel, const struct tn_request *request, const struct tn_wire_message *done) {
	(void)kernel;
	(void)request;
	const json_t *found = done != NULL ? done->json : NULL;
	const char *status = tn_json_get_text(found, "complete", "unknown");
	json_t *content = json_object();
	bool ok = tn_json_set_take(content, "status", json_string(status));
	if (strcmp(status, "incomplete") == 0) {
		ok = tn_json_set_take(content, "indent", indent_of(found)) && ok;
	}
	return tn_content_or_null(content, ok);
}

/* ---- variables and usage ---- */

static json_t *answer_variables(struct tn_kernel *kernel, const struct tn_request *request, const struct tn_wire_message *done) {
	(void)kernel;
	(void)request;
	json_t *content = json_object();
	return tn_content_or_null(content,
		tn_json_set_take(content, "status", json_string("ok")) &&
			tn_json_set_take(content, "variables", copy_or(done != NULL ? done->json : NULL, "variables", json_array())));
}

static json_t *answer_usage(struct tn_kernel *kernel, const struct tn_request *request, const struct tn_wire_message *done) {
	(void)request;
	return tn_usage_content(kernel, done != NULL ? done->json : NULL);
}

static const struct tn_assist kinds[] = {
	{"complete_request", "complete", true, SLOW_MS, ask_cursor, answer_complete},
	{"inspect_request", "inspect", true, SLOW_MS, ask_inspect, answer_inspect},
	{"is_complete_request", "is_complete", true, DOWN_MS, NULL, answer_is_complete}, /* a console waits for 1 s */
	{"variables_request", "variables", false, SLOW_MS, NULL, answer_variables},
	{"usage_request", "usage", false, DOWN_MS, NULL, answer_usage},
};

/* ---- asking ---- */

static bool send_question(struct tn_kernel *kernel, struct tn_question *question) {
	struct tn_error err = {0};
	const json_t *content = question->request->content;
	json_t *ask = json_object();
	bool ok = tn_json_set_take(ask, "type", json_string(question->kind->type)) &&
		tn_json_set_take(ask, "id", json_integer(question->id));
	if (ok && question->kind->needs_code) {
		ok = tn_json_set_take(ask, "code", json_incref(json_object_get(content, "code")));
	}
	ok = ok && (question->kind->ask == NULL || question->kind->ask(ask, content)) &&
		kernel->worker->impl->send(kernel->worker, ask, &err);
	json_decref(ask);
	question->sent = ok;
	question->deadline_ns = tn_clock_ns() + (ok ? question->kind->patience_ms * TN_MS : 0);
	return ok;
}

bool tn_handle_assist(struct tn_kernel *kernel, struct tn_request *request) {
	struct tn_question question = {.request = request, .id = ++kernel->next_id, .deadline_ns = tn_clock_ns() + DOWN_MS * TN_MS};
	for (size_t i = 0; i < TN_ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].request, request->type) == 0) {
			question.kind = &kinds[i];
		}
	}
	if (question.kind->needs_code && !json_is_string(json_object_get(request->content, "code"))) {
		tn_kernel_reply_error(kernel, request, "ValueError", "code is missing, or no text");
		return true;
	}
	if (kernel->worker->state == TN_WORKER_UP && !send_question(kernel, &question)) {
		tn_log(TN_LOG_WARN, "the worker cannot be asked");
	}
	if (kernel->worker->state == TN_WORKER_NONE || !TN_VEC_PUSH(&kernel->questions, question)) {
		tn_kernel_reply(kernel, request, question.kind->answer(kernel, request, NULL), NULL);
		return true;
	}
	tn_request_ref(request);
	return false;
}

/* Answers the question at `index`, which is gone then. */
static void close_question(struct tn_kernel *kernel, size_t index, const struct tn_wire_message *done) {
	struct tn_question question = kernel->questions.items[index];
	kernel->questions.count--;
	memmove(kernel->questions.items + index, kernel->questions.items + index + 1,
		(kernel->questions.count - index) * sizeof(question));
	tn_kernel_reply(kernel, question.request, question.kind->answer(kernel, question.request, done), NULL);
	tn_kernel_idle(kernel, question.request);
	tn_request_unref(question.request);
}

void tn_assist_done(struct tn_kernel *kernel, const struct tn_wire_message *done) {
	int64_t id = tn_json_get_int(done->json, "id", 0);
	for (size_t i = 0; i < kernel->questions.count; i++) {
		if (kernel->questions.items[i].id == id) {
			close_question(kernel, i, done);
			return;
		}
	}
}

void tn_assist_send(struct tn_kernel *kernel) {
	for (size_t i = 0; i < kernel->questions.count; i++) {
		if (!kernel->questions.items[i].sent && !send_question(kernel, &kernel->questions.items[i])) {
			tn_log(TN_LOG_WARN, "the worker cannot be asked");
		}
	}
}

void tn_assist_expire(struct tn_kernel *kernel, bool all) {
	int64_t now = kernel->questions.count > 0 ? tn_clock_ns() : 0;
	for (size_t i = 0; i < kernel->questions.count;) {
		if (all || kernel->questions.items[i].deadline_ns <= now) {
			close_question(kernel, i, NULL);
		} else {
			i++;
		}
	}
}

int64_t tn_assist_due(const struct tn_kernel *kernel) {
	int64_t due = INT64_MAX;
	for (size_t i = 0; i < kernel->questions.count; i++) {
		due = kernel->questions.items[i].deadline_ns < due ? kernel->questions.items[i].deadline_ns : due;
	}
	return due;
}
