/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker says, on its way to the clients: each message carries the id of a request and is published with that request as
 * its parent. Also what its coming up and its death mean for the requests that are open. */
#include "kernel/kernel.h"

#include <sodium.h>
#include <string.h>

enum { FUTILE_MAX = 3 };

/* ---- data with pictures ---- */

static json_t *to_base64(const struct tn_wire_buffer *buffer) {
	size_t size = sodium_base64_encoded_len(buffer->size, sodium_base64_VARIANT_ORIGINAL);
	char *text = tn_alloc(size);
	if (text == NULL) {
		return NULL;
	}
	sodium_bin2base64(text, size, buffer->data, buffer->size, sodium_base64_VARIANT_ORIGINAL);
	json_t *value = json_stringn_nocheck(text, size - 1);
	tn_free(text);
	return value;
}

static json_t *convert_form(json_t *form, const struct tn_wire_message *message) {
	const json_t *index = json_object_size(form) == 1 ? json_object_get(form, "buffer") : NULL;
	if (!json_is_integer(index)) {
		return json_incref(form);
	}
	json_int_t i = json_integer_value(index);
	return i >= 0 && i < (json_int_t)message->buffer_count ? to_base64(&message->buffers[i]) : json_string("");
}

json_t *tn_relay_data(const json_t *data, const struct tn_wire_message *message) {
	json_t *out = json_object(), *form;
	const char *mime;
	json_object_foreach((json_t *)data, mime, form) {
		if (!tn_json_set_take(out, mime, convert_form(form, message))) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

static bool set_shown(json_t *content, const struct tn_wire_message *message) {
	json_t *metadata = json_object_get(message->json, "metadata");
	return tn_json_set_take(content, "data", tn_relay_data(json_object_get(message->json, "data"), message)) &&
		tn_json_set_take(content, "metadata", json_is_object(metadata) ? json_incref(metadata) : json_object());
}

/* ---- messages of a cell: each makes the content of what is published, or NULL: no memory ---- */

struct relayed {
	const char *type;
	json_t *content;
	const char *stream; /* not NULL: a piece of it, instead of content */
	struct tn_part text;
};

static struct relayed relay_stream(struct tn_execution *run, const struct tn_wire_message *message) {
	(void)run;
	struct relayed made = {.type = "stream"};
	made.stream = strcmp(tn_json_get_text(message->json, "name", ""), "stderr") == 0 ? "stderr" : "stdout";
	if (message->buffer_count > 0) {
		made.text = (struct tn_part){(const char *)message->buffers[0].data, message->buffers[0].size};
	}
	return made;
}

static struct relayed relay_display(struct tn_execution *run, const struct tn_wire_message *message) {
	(void)run;
	json_t *content = json_object(), *transient = json_object();
	json_t *id = json_object_get(message->json, "display_id");
	bool update = tn_json_get_bool(message->json, "update", false);
	bool ok = !json_is_string(id) || json_object_set(transient, "display_id", id) == 0;
	ok = tn_json_set_take(content, "transient", transient) && ok && set_shown(content, message);
	return (struct relayed){.type = update ? "update_display_data" : "display_data", .content = tn_content_or_null(content, ok)};
}

static struct relayed relay_result(struct tn_execution *run, const struct tn_wire_message *message) {
	json_t *content = json_object();
	bool ok = tn_json_set_take(content, "execution_count", json_integer(run->count)) && set_shown(content, message);
	const char *plain = tn_json_get_text(json_object_get(message->json, "data"), "text/plain", NULL);
	if (plain != NULL) {
		tn_free(run->result);
		run->result = tn_strdup(plain); /* without memory the history has no output for it */
	}
	return (struct relayed){.type = "execute_result", .content = tn_content_or_null(content, ok)};
}

static struct relayed relay_clear(struct tn_execution *run, const struct tn_wire_message *message) {
	(void)run;
	json_t *content = json_object();
	bool ok = tn_json_set_take(content, "wait", json_boolean(tn_json_get_bool(message->json, "wait", false)));
	return (struct relayed){.type = "clear_output", .content = tn_content_or_null(content, ok)};
}

static struct relayed relay_error(struct tn_execution *run, const struct tn_wire_message *message) {
	run->error_shown = true;
	return (struct relayed){.type = "error", .content = tn_reply_error(message->json)};
}

static const struct {
	const char *type;
	struct relayed (*make)(struct tn_execution *run, const struct tn_wire_message *message);
} relays[] = {
	{"stream", relay_stream},
	{"display", relay_display},
	{"result", relay_result},
	{"clear", relay_clear},
	{"error", relay_error},
};

static void publish(struct tn_kernel *kernel, struct tn_request *parent, const struct relayed *made, uint64_t credit) {
	tn_iopub_publish(&kernel->iopub,
		&(struct tn_publication){.type = made->type,
			.parent = parent,
			.content = made->content,
			.stream = made->stream,
			.text = made->text,
			.credit = credit});
}

/* False: no such type. */
static bool relay(struct tn_kernel *kernel, const struct tn_wire_message *message) {
	const char *type = tn_wire_type(message);
	for (size_t i = 0; i < TN_ARRAY_LEN(relays); i++) {
		if (strcmp(relays[i].type, type) != 0) {
			continue;
		}
		if (kernel->run.silent) {
			kernel->iopub.credit += message->bulk_bytes;
			return true;
		}
		struct relayed made = relays[i].make(&kernel->run, message);
		publish(kernel, kernel->run.request, &made, message->bulk_bytes);
		return true;
	}
	return false;
}

static void keep_payload(struct tn_execution *run, const json_t *message) {
	json_t *payload = json_object_get(message, "payload");
	if (!json_is_object(payload)) {
		return;
	}
	if (run->payload == NULL) {
		run->payload = json_array();
	}
	if (strcmp(tn_json_get_text(payload, "source", ""), "page") == 0 && json_object_get(payload, "start") == NULL) {
		json_object_set_new(payload, "start", json_integer(0));
	}
	if (json_array_append(run->payload, payload) != 0) {
		tn_log(TN_LOG_ERROR, "a payload is lost: out of memory");
	}
}

static void on_cell_message(struct tn_kernel *kernel, const struct tn_wire_message *message) {
	const char *type = tn_wire_type(message);
	if (relay(kernel, message)) {
		return;
	}
	kernel->iopub.credit += message->bulk_bytes;
	if (strcmp(type, "done") == 0) {
		tn_execute_done(kernel, message);
	} else if (strcmp(type, "input") == 0) {
		tn_stdin_ask(kernel, message->json);
	} else if (strcmp(type, "payload") == 0) {
		keep_payload(&kernel->run, message->json);
	} else {
		tn_log(TN_LOG_INFO, "the worker sent a message of unknown type '%.64s'", type);
	}
}

/* What comes for a request that is closed has nowhere to go, but for what the last cell's background processes write. */
static void on_message(void *data, const struct tn_wire_message *message) {
	struct tn_kernel *kernel = data;
	int64_t id = tn_json_get_int(message->json, "id", 0);
	if (tn_execute_is_open(kernel) && id != 0 && id == kernel->run.id) {
		on_cell_message(kernel, message);
		return;
	}
	if (kernel->last != NULL && id != 0 && id == kernel->last_id && strcmp(tn_wire_type(message), "stream") == 0) {
		struct relayed made = relay_stream(NULL, message);
		publish(kernel, kernel->last, &made, message->bulk_bytes);
		return;
	}
	kernel->iopub.credit += message->bulk_bytes;
	if (strcmp(tn_wire_type(message), "done") == 0) {
		tn_assist_done(kernel, message);
	}
}

/* ---- coming up and dying ---- */

static void on_up(void *data, const json_t *hello) {
	struct tn_kernel *kernel = data;
	json_t *note;
	size_t i;
	json_array_foreach(json_object_get(hello, "notes"), i, note) {
		if (json_is_string(note) && !tn_str_printf(&kernel->notice, "%s\n", json_string_value(note))) {
			tn_log(TN_LOG_ERROR, "a note of the worker is lost: out of memory");
		}
	}
	if (tn_execute_is_open(kernel) && !kernel->run.silent && kernel->notice.length > 0) { /* a cell that waited for it */
		tn_kernel_say(kernel, kernel->run.request, "stderr", tn_str_c(&kernel->notice));
		tn_str_clear(&kernel->notice);
	}
	tn_assist_send(kernel);
}

/* The line that a worker's signal handler leaves behind says where it was: "tenon: the worker dies of SIGSEGV, …, in cell 3, line 2". */
static void find_place(const char *words, char *out, size_t size) {
	static const char mark[] = "tenon: the worker dies of ";
	out[0] = '\0';
	for (const char *at = strstr(words, mark); at != NULL; at = strstr(at + 1, mark)) {
		const char *from = at + sizeof(mark) - 1;
		int length = (int)strcspn(from, "\n");
		snprintf(out, size, " (%.*s)", length < 200 ? length : 200, from);
	}
}

static void fail_run(struct tn_kernel *kernel, const struct tn_worker_death *death) {
	char place[256];
	struct tn_str text = {0}, more = {0};
	find_place(death->last_words, place, sizeof(place));
	bool ok;
	if (kernel->run.killed) {
		ok = tn_str_append(&text,
			death->was_up ? "the cell did not answer the interrupt, and its worker was ended"
						  : "interrupted: the worker had not greeted, and was ended");
	} else if (!death->was_up) {
		ok = tn_str_printf(&text, "the worker did not start: it %s", death->reason);
	} else {
		ok = tn_str_printf(&text, "the worker %s while cell %lld ran%s", death->reason, (long long)kernel->run.count, place);
	}
	if (death->last_words[0] != '\0') {
		ok = ok && tn_str_printf(&more, "Its last words:\n%s", death->last_words);
	}
	if (death->was_up) {
		ok = ok &&
			tn_str_printf(&more, "%sVariables are gone; the next cell runs in a fresh worker.", more.length > 0 ? "\n" : "");
	}
	const struct tn_failure failure = {.name = kernel->run.killed ? "Interrupted" : "WorkerDied",
		.text = ok ? tn_str_c(&text) : "the worker died",
		.more = more.length > 0 ? tn_str_c(&more) : NULL,
		.abort_all = true};
	tn_execute_fail(kernel, &failure);
	tn_str_finish(&text);
	tn_str_finish(&more);
}

/* A worker that greets and ends, whatever is done, is not started again and again while nobody asks for anything: the next cell
 * tries it. */
static void restart(struct tn_kernel *kernel, const struct tn_worker_death *death, bool in_cell) {
	struct tn_error err = {0};
	tn_str_clear(&kernel->notice);
	bool ok = in_cell
		? tn_str_append(&kernel->notice, "A fresh worker: the variables of earlier cells are gone.\n")
		: tn_str_printf(&kernel->notice,
			  "The worker %s while no cell ran. A fresh worker: the variables of earlier cells are gone.\n", death->reason);
	if (ok && !in_cell && kernel->futile++ >= FUTILE_MAX) {
		return;
	}
	if (!ok || !kernel->worker->impl->start(kernel->worker, &err)) {
		tn_log(TN_LOG_WARN, "no fresh worker: %s",
			ok ? err.text : "out of memory"); /* the next cell tries again, and says why not */
	}
}

static void on_death(void *data, const struct tn_worker_death *death) {
	struct tn_kernel *kernel = data;
	tn_assist_expire(kernel, true);
	if (kernel->stop != TN_RUNNING) {
		kernel->stop = TN_STOPPED;
		return;
	}
	bool in_cell = tn_execute_is_open(kernel);
	if (in_cell) {
		fail_run(kernel, death);
	}
	if (death->was_up) {
		restart(kernel, death, in_cell);
	}
}

const struct tn_worker_listener tn_kernel_listener = {.up = on_up, .message = on_message, .death = on_death};
