/* SPDX-License-Identifier: Apache-2.0 */
/* Where a session's output goes when a front shows it: each callback becomes a message of the running cell. All on the executing
 * thread, which waits here, interruptibly, while the front is behind. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "main/worker.h"

enum { LOOK_NS = 100000 }; /* how long print may go without a look at the pipes of 1 and 2, for the order of the two */

/* True: more is unsent than should be. */
static bool add_text(struct worker *w, const char *bytes, size_t length) {
	pthread_mutex_lock(&w->out_lock);
	if (tn_clock_ns() - w->captured_ns > LOOK_NS) {
		worker_capture_locked(w, false);
	}
	worker_stream_add_locked(w, 1, bytes, length);
	bool full = w->pace.rate == 0 && tn_wire_sender_queued(w->sender) >= WORKER_QUEUE_MAX; /* else text waits, and not the cell */
	pthread_mutex_unlock(&w->out_lock);
	return full;
}

/* A large text goes piece by piece, as the front takes it: so it is not copied whole, and an interrupt ends it. */
static void output_text(void *data, const char *bytes, size_t length) {
	struct worker *w = data;
	for (size_t at = 0; at < length && (at == 0 || w->interrupt == 0);) {
		size_t n = worker_stream_piece(bytes + at, length - at);
		if (add_text(w, bytes + at, n)) {
			worker_wait_for_room(w);
		}
		at += n;
	}
}

static void output_warning(void *data, const struct tn_error *warning) {
	struct worker *w = data;
	struct tn_str text = {0};
	bool ok = tn_error_render(warning, "warning", true, &text);
	pthread_mutex_lock(&w->out_lock);
	worker_capture_locked(w, false);
	worker_stream_add_locked(w, 2, ok ? tn_str_c(&text) : warning->text, ok ? text.length : strlen(warning->text));
	worker_stream_flush_locked(w);
	pthread_mutex_unlock(&w->out_lock);
	tn_str_finish(&text);
}

/* ---- what is shown ---- */

static bool is_json(const char *mime) {
	size_t n = strlen(mime);
	return strcmp(mime, "application/json") == 0 || (n > 5 && strcmp(mime + n - 5, "+json") == 0);
}

static bool is_binary(const char *mime) {
	return (strncmp(mime, "image/", 6) == 0 && strcmp(mime, "image/svg+xml") != 0) || strncmp(mime, "audio/", 6) == 0 ||
		strncmp(mime, "video/", 6) == 0 || strcmp(mime, "application/octet-stream") == 0;
}

/* The text, or of one that would be a flood the ends. NULL: out of memory. */
static json_t *plain_json(struct worker *w, const struct tn_session_form *form) {
	struct tn_str ends = {0};
	bool cut;
	json_t *json = NULL;
	if (worker_flood_cut(w, form->data, form->length, &ends, &cut)) {
		json = cut ? tn_json_text(tn_str_c(&ends), ends.length) : tn_json_text(form->data, form->length);
	}
	tn_str_finish(&ends);
	return json;
}

/* One form as a JSON value; bytes go beside the JSON, where `buffers` has room for one more. NULL: out of memory. */
static json_t *form_json(struct worker *w, const struct tn_session_form *form, struct worker_buffers *buffers) {
	if (is_binary(form->mime)) {
		buffers->items[buffers->count] = (struct tn_wire_buffer){(uint8_t *)(uintptr_t)form->data, form->length};
		return json_pack("{s:I}", "buffer", (json_int_t)buffers->count++);
	}
	json_t *json = is_json(form->mime) ? tn_json_parse(form->data, form->length, NULL) : NULL;
	return json != NULL ? json : plain_json(w, form);
}

/* A form that would keep the others from being sent is left out: text/plain stands for it. */
static bool fits(const struct tn_session_form *form, const struct worker_buffers *buffers) {
	if (is_binary(form->mime)) {
		return buffers->count < TN_WIRE_BUFFERS_MAX;
	}
	return form->length <= WORKER_FORM_MAX || strcmp(form->mime, "text/plain") == 0;
}

/* Adds `data` and `metadata`. */
static bool add_forms(struct worker *w, json_t *into, const struct tn_session_show *show, struct worker_buffers *buffers) {
	json_t *data = json_object();
	bool ok = data != NULL;
	for (size_t i = 0; ok && i < show->form_count; i++) {
		if (fits(&show->forms[i], buffers)) {
			ok = tn_json_set_take(data, show->forms[i].mime, form_json(w, &show->forms[i], buffers));
		}
	}
	ok = tn_json_set_take(into, "data", data) && ok;
	json_t *metadata = show->metadata != NULL ? tn_json_parse(show->metadata, strlen(show->metadata), NULL) : NULL;
	if (!json_is_object(metadata)) {
		json_decref(metadata);
		return ok;
	}
	return tn_json_set_take(into, "metadata", metadata) && ok;
}

static bool add_display_id(const struct worker *w, json_t *json, const struct tn_session_show *show) {
	char id[64];
	if (show->id == 0) {
		return true;
	}
	/* another worker of the same front must not take over what this one has shown */
	snprintf(id, sizeof(id), "tenon-%d-%" PRId64 "-%" PRIu64, (int)getpid(), w->generation, show->id);
	return tn_json_set_take(json, "display_id", json_string(id)) && tn_json_set_take(json, "update", json_boolean(show->update));
}

static void say_lost(struct worker *w, const struct tn_error *err) {
	char text[TN_ERROR_TEXT_MAX + 64];
	int n = snprintf(text, sizeof(text), "warning: this cannot be shown: %s\n", tn_error_is_set(err) ? err->text : "out of memory");
	pthread_mutex_lock(&w->out_lock);
	worker_stream_add_locked(w, 2, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
	worker_stream_flush_locked(w);
	pthread_mutex_unlock(&w->out_lock);
}

/* ---- user expressions: their values wait for the done of the cell ---- */

void worker_answers_finish(struct worker_buffers *answers) {
	for (uint32_t i = 0; i < answers->count; i++) {
		tn_free(answers->items[i].data);
	}
	tn_free(answers->items);
	*answers = (struct worker_buffers){0};
}

/* The session lends its bytes for the call only. */
static bool keep_bytes(struct worker_buffers *answers, uint32_t from) {
	for (uint32_t i = from; i < answers->count; i++) {
		struct tn_wire_buffer *buffer = &answers->items[i];
		uint8_t *copy = tn_alloc(buffer->size);
		if (copy == NULL) {
			answers->count = i;
			return false;
		}
		memcpy(copy, buffer->data, buffer->size);
		buffer->data = copy;
	}
	return true;
}

static bool keep_answer(struct worker *w, const struct tn_session_show *show) {
	uint32_t before = w->answers.count;
	struct tn_wire_buffer *items = tn_realloc_array(w->answers.items, before + show->form_count, sizeof(*items));
	if (items == NULL) {
		return false;
	}
	w->answers.items = items;
	bool ok = add_forms(w, w->expression, show, &w->answers);
	return keep_bytes(&w->answers, before) && ok;
}

/* Takes the JSON. Behind all text of the cell, when the pace lets it. */
static bool send_display(struct worker *w, json_t *json, const struct worker_show *show, struct tn_error *err) {
	pthread_mutex_lock(&w->out_lock);
	worker_capture_locked(w, false);
	worker_stream_flush_locked(w);
	bool ok = worker_held_show_locked(w, json, show, err);
	pthread_mutex_unlock(&w->out_lock);
	return ok;
}

static void output_show(void *data, const struct tn_session_show *show) {
	struct worker *w = data;
	struct tn_error err = {0};
	if (w->expression != NULL && show->result) {
		w->expression_lost = !keep_answer(w, show) || w->expression_lost;
		return;
	}
	if (w->silent) {
		return;
	}
	struct worker_buffers buffers = {.items = tn_calloc(show->form_count, sizeof(*buffers.items))};
	json_t *json = worker_json(show->result ? "result" : "display", w->id);
	bool ok = buffers.items != NULL && add_forms(w, json, show, &buffers) && add_display_id(w, json, show);
	if (!ok) {
		json_decref(json);
		json = NULL;
	}
	if (show->result ? !worker_send_result(w, json, buffers.items, buffers.count, &err) :
			   !send_display(w, json, &(struct worker_show){&buffers, show->id, show->update}, &err)) {
		say_lost(w, &err);
	}
	tn_free(buffers.items);
	worker_wait_for_room(w);
}

static void output_clear(void *data, bool wait) {
	struct worker *w = data;
	if (w->silent) {
		return;
	}
	pthread_mutex_lock(&w->out_lock);
	worker_capture_locked(w, false);
	worker_stream_flush_locked(w);
	worker_held_clear_locked(w, wait);
	pthread_mutex_unlock(&w->out_lock);
}

static void output_page(void *data, const char *text) {
	struct worker *w = data;
	json_t *json = worker_json("payload", w->id), *page = json_object(), *forms = json_object();
	bool ok = tn_json_set_take(forms, "text/plain", tn_json_text(text, strlen(text)));
	ok = tn_json_set_take(page, "source", json_string("page")) && ok;
	ok = tn_json_set_take(page, "data", forms) && ok;
	ok = tn_json_set_take(page, "start", json_integer(0)) && ok;
	ok = tn_json_set_take(json, "payload", page) && ok;
	if (ok && !w->silent) {
		worker_send(w, false, json, NULL, 0, NULL);
	} else {
		json_decref(json);
	}
}

/* ---- input ---- */

static void set_input_state(struct worker *w, int state) {
	pthread_mutex_lock(&w->in_lock);
	w->input_state = state;
	w->input_id = w->id;
	pthread_mutex_unlock(&w->in_lock);
}

static int get_input_state(struct worker *w) {
	pthread_mutex_lock(&w->in_lock);
	int state = w->input_state;
	pthread_mutex_unlock(&w->in_lock);
	return state;
}

static bool ask(struct worker *w, const char *prompt, bool password, struct tn_error *err) {
	json_t *json = worker_json("input", w->id);
	bool ok = tn_json_set_take(json, "prompt", tn_json_text(prompt, strlen(prompt))) &&
		tn_json_set_take(json, "password", json_boolean(password));
	if (!ok) {
		json_decref(json);
		return tn_error_memory(err);
	}
	set_input_state(w, WORKER_INPUT_ASKED);
	return worker_send(w, false, json, NULL, 0, err);
}

static bool output_input(void *data, const char *prompt, bool password, struct tn_str *line, struct tn_error *err) {
	struct worker *w = data;
	if (!w->allow_stdin) {
		return tn_error_set(err, TN_ERR_IO, "input: nobody can be asked here: the program that runs this cell takes no input");
	}
	int state = ask(w, prompt, password, err) ? WORKER_INPUT_ASKED : WORKER_INPUT_NONE;
	while (state == WORKER_INPUT_ASKED && w->interrupt == 0) {
		worker_pump(w, w->wake, -1);
		state = get_input_state(w);
	}
	set_input_state(w, WORKER_INPUT_NONE);
	if (tn_error_is_set(err)) {
		return false;
	}
	if (state == WORKER_INPUT_GIVEN) {
		return tn_str_append_n(line, tn_str_c(&w->input), w->input.length) || tn_error_memory(err);
	}
	return state == WORKER_INPUT_ASKED ? tn_error_set(err, TN_ERR_INTERRUPTED, "interrupted while waiting for input") :
		tn_error_set(err, TN_ERR_IO, "input: the end of the input was reached");
}

struct tn_session_output worker_output(struct worker *w) {
	return (struct tn_session_output){
		.data = w,
		.rich = true,
		.text = output_text,
		.show = output_show,
		.warning = output_warning,
		.page = output_page,
		.clear = output_clear,
		.input = output_input,
	};
}
