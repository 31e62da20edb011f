/* SPDX-License-Identifier: Apache-2.0 */
/* What an execute_reply holds: the worker's words (name, text) become Jupyter's (ename, evalue). */
#include "kernel/kernel.h"

#include <string.h>

static json_t *text_or(const json_t *from, const char *key, const char *fallback) {
	json_t *value = json_object_get(from, key);
	return json_is_string(value) ? json_incref(value) : json_string(fallback);
}

/* Frontends read any list here, but fail on anything else: what is no text is left out. */
static json_t *copy_traceback(const json_t *from) {
	json_t *out = json_array(), *line;
	size_t i;
	json_array_foreach(from, i, line) {
		if (json_is_string(line) && json_array_append(out, line) != 0) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

json_t *tn_reply_error(const json_t *from) {
	json_t *error = json_object();
	return tn_content_or_null(error,
		tn_json_set_take(error, "ename", text_or(from, "name", "Error")) &&
			tn_json_set_take(error, "evalue", text_or(from, "text", "")) &&
			tn_json_set_take(error, "traceback", copy_traceback(json_object_get(from, "traceback"))));
}

json_t *tn_reply_own_error(const struct tn_failure *failure) {
	struct tn_str text = {0};
	json_t *error = json_object(), *traceback = json_array();
	bool ok = tn_str_printf(&text, "\x1b[1;31m%s\x1b[0m: %s%s%s", failure->name, failure->text, failure->more != NULL ? "\n" : "",
		failure->more != NULL ? failure->more : "");
	ok = ok && json_array_append_new(traceback, tn_json_text(tn_str_c(&text), text.length)) == 0;
	ok = tn_json_set_take(error, "ename", json_string(failure->name)) && ok;
	ok = tn_json_set_take(error, "evalue", tn_json_text(failure->text, strlen(failure->text))) && ok;
	ok = tn_json_set_take(error, "traceback", traceback) && ok;
	tn_str_finish(&text);
	return tn_content_or_null(error, ok);
}

static bool add_rest(json_t *content, const struct tn_execution *run, json_t *expressions_take) {
	bool ok = tn_json_set_take(content, "execution_count", json_integer(run->count));
	ok = tn_json_set_take(content, "user_expressions", expressions_take) && ok;
	return tn_json_set_take(content, "payload", run->payload != NULL ? json_incref(run->payload) : json_array()) && ok;
}

json_t *tn_reply_failure(const struct tn_execution *run, const json_t *error) {
	json_t *content = json_object();
	bool ok = tn_json_set_take(content, "status", json_string("error")) && json_object_update(content, (json_t *)error) == 0;
	return tn_content_or_null(content, add_rest(content, run, json_object()) && ok);
}

json_t *tn_reply_aborted(int64_t count) {
	json_t *content = json_object();
	return tn_content_or_null(content,
		tn_json_set_take(content, "status", json_string("aborted")) &&
			tn_json_set_take(content, "execution_count", json_integer(count)));
}

/* {status, data, metadata} with its pictures, or the error in Jupyter's words. */
static json_t *convert_expression(const json_t *value, const struct tn_wire_message *done) {
	if (strcmp(tn_json_get_text(value, "status", "error"), "ok") != 0) {
		json_t *error = tn_reply_error(value);
		return tn_content_or_null(error, error != NULL && tn_json_set_take(error, "status", json_string("error")));
	}
	json_t *out = json_object(), *metadata = json_object_get(value, "metadata");
	return tn_content_or_null(out,
		tn_json_set_take(out, "status", json_string("ok")) &&
			tn_json_set_take(out, "data", tn_relay_data(json_object_get(value, "data"), done)) &&
			tn_json_set_take(out, "metadata", json_is_object(metadata) ? json_incref(metadata) : json_object()));
}

static json_t *convert_expressions(const struct tn_wire_message *done) {
	json_t *out = json_object(), *value;
	const char *name;
	json_object_foreach(json_object_get(done->json, "user_expressions"), name, value) {
		if (!tn_json_set_take(out, name, convert_expression(value, done))) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

json_t *tn_reply_content(struct tn_execution *run, const struct tn_wire_message *done) {
	if (strcmp(tn_json_get_text(done->json, "status", ""), "ok") != 0) {
		json_t *error = tn_reply_error(done->json);
		json_t *content = error != NULL ? tn_reply_failure(run, error) : NULL;
		json_decref(error);
		return content;
	}
	json_t *content = json_object();
	bool ok = tn_json_set_take(content, "status", json_string("ok"));
	return tn_content_or_null(content, add_rest(content, run, convert_expressions(done)) && ok);
}

json_t *tn_reply_metadata(const struct tn_execution *run) {
	json_t *metadata = json_object();
	return tn_content_or_null(metadata, tn_json_set_take(metadata, "started", json_string(run->started)));
}
