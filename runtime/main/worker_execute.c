/* SPDX-License-Identifier: Apache-2.0 */
/* One execute request, from the front's frame to the done that ends it. Executing thread. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>

#include "main/worker.h"

struct worker_place worker_place;

/* The reader thread wakes when a cell runs longer than this: most never wake it. */
static void set_timer(struct worker *w, bool on) {
	const struct itimerspec in_a_moment = {.it_value.tv_nsec = on ? 1000000 : 0};
	timerfd_settime(w->timer, 0, &in_a_moment, NULL);
}

/* ---- errors ---- */

static bool add_traceback(json_t *into, const struct tn_diagnostics *diag) {
	json_t *traceback = json_array();
	bool ok = traceback != NULL;
	struct tn_str text = {0};
	for (size_t i = 0; ok && i < diag->errors.count; i++) {
		tn_str_clear(&text);
		ok = tn_error_render(&diag->errors.items[i], "error", true, &text);
		while (ok && text.length > 0 && text.data[text.length - 1] == '\n') {
			text.length--; /* a front joins the parts with line ends */
		}
		ok = ok && json_array_append_new(traceback, tn_json_text(tn_str_c(&text), text.length)) == 0;
	}
	if (ok && diag->left_out > 0 && diag->errors.count > 0) {
		ok = json_array_append_new(traceback, json_sprintf("and %u more errors", (unsigned)diag->left_out)) == 0;
	}
	tn_str_finish(&text);
	return tn_json_set_take(into, "traceback", traceback) && ok;
}

bool worker_describe_errors(json_t *into, const struct tn_diagnostics *diag) {
	if (diag->errors.count == 0) { /* not even the error could be kept */
		return tn_json_set_take(into, "name", json_string("MemoryError")) && tn_json_set_take(into, "text", json_string("out of memory")) &&
			tn_json_set_take(into, "traceback", json_pack("[s]", "error: out of memory"));
	}
	const struct tn_error *first = &diag->errors.items[0];
	return tn_json_set_take(into, "name", json_string(tn_error_kind_name(first->kind))) &&
		tn_json_set_take(into, "text", tn_json_text(first->text, strlen(first->text))) && add_traceback(into, diag);
}

static void send_error(struct worker *w, const struct tn_diagnostics *diag) {
	json_t *json = worker_json("error", w->id);
	if (worker_describe_errors(json, diag)) {
		worker_send(w, false, json, NULL, 0, NULL);
	} else {
		json_decref(json);
	}
}

/* ---- running ---- */

static bool run_text(struct worker *w, const char *name, const char *text, size_t length, struct tn_diagnostics *diag) {
	const struct tn_lang_cell cell = {.name = name, .text = text, .length = length, .display_last = true};
	return tn_session_run(w->session, &cell, diag);
}

static json_t *evaluate(struct worker *w, const char *name, const json_t *code) {
	char title[64];
	struct tn_diagnostics diag = {0};
	if (!json_is_string(code)) {
		return json_pack("{s:s, s:s, s:s, s:[]}", "status", "error", "name", "ValueError", "text", "this user expression is no text", "traceback");
	}
	json_t *answer = json_object();
	snprintf(title, sizeof(title), "expression %s", name);
	w->expression = answer;
	w->expression_lost = false;
	bool good = run_text(w, title, json_string_value(code), json_string_length(code), &diag) && !w->expression_lost;
	w->expression = NULL;
	bool ok = tn_json_set_take(answer, "status", json_string(good ? "ok" : "error"));
	if (good && json_object_get(answer, "data") == NULL) { /* it has no value */
		ok = tn_json_set_take(answer, "data", json_object()) && ok;
	} else if (!good) {
		json_object_del(answer, "data");
		json_object_del(answer, "metadata");
		ok = worker_describe_errors(answer, &diag) && ok;
	}
	tn_diagnostics_finish(&diag);
	if (!ok) {
		json_decref(answer);
		return NULL;
	}
	return answer;
}

static json_t *evaluate_all(struct worker *w, const json_t *expressions) {
	json_t *answers = json_object();
	const char *name;
	json_t *code;
	json_object_foreach((json_t *)(uintptr_t)expressions, name, code) {
		if (!tn_json_set_take(answers, name, evaluate(w, name, code))) {
			break; /* out of memory: the front gets those that there are */
		}
	}
	return answers;
}

/* Its duration is no difference of wall times: that clock may go back. */
static void end_entry(struct worker *w, const json_t *code, int64_t began_ns, struct tn_journal_cell *entry) {
	entry->cell = w->cell;
	entry->source = json_string_value(code);
	entry->length = json_string_length(code);
	entry->seconds = (double)(tn_clock_ns() - began_ns) * 1e-9;
	entry->after = tn_random_get(tn_session_engine(w->session));
}

/* Behind the cell's done, since a disk may be slow; so what is wrong with it can be said with the next cell only. */
static void journal(struct worker *w, const struct tn_journal_cell *entry) {
	if (w->journal != NULL) {
		(void)tn_journal_add(w->journal, entry, &w->journal_error);
	}
}

static void warn_of_journal(struct worker *w) {
	if (tn_error_is_set(&w->journal_error) && !w->silent) {
		struct tn_session_output output = worker_output(w);
		output.warning(output.data, &w->journal_error);
		w->journal_error = (struct tn_error){0};
	}
}

static void measure(struct worker *w) {
	struct tn_engine_stats stats;
	tn_engine_get_stats(tn_session_engine(w->session), &stats);
	atomic_store(&w->tensor_bytes, stats.memory_used);
}

/* Values that do not fit into one message together: each says so. */
static json_t *refuse_answers(const json_t *answers, const struct tn_error *why) {
	json_t *refused = json_object();
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)answers, name, value) {
		json_t *error = json_object();
		const bool ok = tn_json_set_take(error, "status", json_string("error")) &&
			tn_json_set_take(error, "name", json_string(tn_error_kind_name(why->kind))) && tn_json_set_take(error, "text", json_string(why->text)) &&
			tn_json_set_take(error, "traceback", json_array());
		if (!tn_json_set_take(refused, name, error) || !ok) {
			break; /* out of memory: the front gets those that there are */
		}
	}
	return refused;
}

/* A cell that went well stays one, whatever its user expressions give. */
static void send_done(struct worker *w, const char *status, const struct tn_diagnostics *diag, json_t *answers) {
	struct tn_error err = {0};
	json_t *done = worker_json("done", w->id);
	bool ok = tn_json_set_take(done, "status", json_string(status));
	if (strcmp(status, "ok") != 0) {
		ok = worker_describe_errors(done, diag) && ok;
	}
	if (answers != NULL) {
		ok = tn_json_set_take(done, "user_expressions", json_incref(answers)) && ok;
		if (ok && worker_send(w, false, json_incref(done), w->answers.items, w->answers.count, &err)) {
			json_decref(done);
			return;
		}
		ok = ok && tn_json_set_take(done, "user_expressions", refuse_answers(answers, &err));
	}
	if (!ok) {
		json_decref(done);
		done = NULL;
	}
	worker_reply(w, TN_WIRE_BULK, w->id, done);
}

static void take_request(struct worker *w, const json_t *request) {
	w->id = tn_json_get_int(request, "id", 0);
	w->cell = tn_json_get_int(request, "cell", 0);
	w->silent = tn_json_get_bool(request, "silent", false);
	w->allow_stdin = tn_json_get_bool(request, "allow_stdin", false);
	w->cut = 0;
	worker_place.cell = w->cell;
}

/* Interrupted before it began: also a cell that never looks at the flag does nothing then. */
static bool refuse_interrupted(const struct worker_request *request, struct tn_diagnostics *diag) {
	const struct tn_error err = {.kind = TN_ERR_INTERRUPTED, .text = "interrupted before the cell began"};
	return !request->interrupted || (TN_VEC_PUSH(&diag->errors, err) && false); /* without memory: an error without words */
}

void worker_execute(struct worker *w, const struct worker_request *asked) {
	char name[40];
	struct tn_diagnostics diag = {0};
	const json_t *request = asked->message.json;
	const json_t *code = json_object_get(request, "code"), *expressions = json_object_get(request, "user_expressions");
	const int64_t began_ns = tn_clock_ns();
	struct tn_journal_cell entry = {.began = tn_wall_time(), .before = tn_random_get(tn_session_engine(w->session))};
	json_t *answers = NULL;
	take_request(w, request);
	set_timer(w, true);
	worker_stream_begin(w);
	warn_of_journal(w);
	snprintf(name, sizeof(name), "cell %" PRId64, w->cell);
	bool ok = refuse_interrupted(asked, &diag) && run_text(w, name, json_is_string(code) ? json_string_value(code) : "", json_string_length(code), &diag);
	entry.status = ok ? "ok" : tn_session_was_interrupted(&diag) ? "interrupted" : "error";
	if (ok && json_object_size(expressions) > 0) {
		answers = evaluate_all(w, expressions);
	}
	end_entry(w, code, began_ns, &entry);
	measure(w);
	worker_publish_catalog(w);
	worker_stream_end(w);
	if (!ok && !w->silent) {
		send_error(w, &diag);
	}
	worker_end_running(w);
	send_done(w, entry.status, &diag, answers);
	json_decref(answers);
	worker_answers_finish(&w->answers);
	journal(w, &entry);
	tn_diagnostics_finish(&diag);
	set_timer(w, false);
	atomic_store(&w->executing, false);
	worker_place.cell = 0;
}
