/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that wait for no cell: completion, inspection, the list of variables and what the process uses. They are answered by the thread that reads
 * them, from the catalog of the last cell's end. Under in_lock. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "main/worker.h"

/* Executing thread. Where memory is out the last one stays. */
void worker_publish_catalog(struct worker *w) {
	struct tn_error err = {0};
	struct tn_catalog *now = tn_catalog_create(tn_session_lang(w->session), &err);
	if (now == NULL) {
		tn_log(TN_LOG_WARN, "completion goes on with what it had: %s", err.text);
		return;
	}
	pthread_mutex_lock(&w->in_lock);
	struct tn_catalog *old = w->catalog;
	w->catalog = now;
	pthread_mutex_unlock(&w->in_lock);
	tn_catalog_unref(old);
}

/* ---- what the front's positions mean: it counts code points, the catalog bytes ---- */

struct place { const char *code; size_t length, cursor; };

static struct place place_of(const json_t *request) {
	const json_t *code = json_object_get(request, "code");
	struct place p = {.code = json_is_string(code) ? json_string_value(code) : "", .length = json_string_length(code)};
	int64_t left = tn_json_get_int(request, "cursor", INT64_MAX);
	while (p.cursor < p.length && left > 0) {
		for (p.cursor++; p.cursor < p.length && ((unsigned char)p.code[p.cursor] & 0xc0) == 0x80; p.cursor++) {
		}
		left--;
	}
	return p;
}

static json_t *code_points(const struct place *p, size_t bytes) {
	return json_integer((json_int_t)tn_utf8_length(p->code, bytes < p->length ? bytes : p->length));
}

/* ---- the requests ---- */

static bool add_matches(json_t *done, const struct tn_completion *found) {
	json_t *matches = json_array(), *types = json_array(), *signatures = json_array();
	bool ok = true;
	for (size_t i = 0; ok && i < found->items.count; i++) {
		const struct tn_completion_item *item = &found->items.items[i];
		const char *signature = item->signature != NULL ? item->signature : "";
		ok = json_array_append_new(matches, tn_json_text(item->text, strlen(item->text))) == 0 &&
			json_array_append_new(types, json_string(item->type)) == 0 &&
			json_array_append_new(signatures, tn_json_text(signature, strlen(signature))) == 0;
	}
	ok = tn_json_set_take(done, "matches", matches) && ok;
	ok = tn_json_set_take(done, "types", types) && ok;
	return tn_json_set_take(done, "signatures", signatures) && ok;
}

static bool add_completion(struct worker *w, const json_t *request, json_t *done) {
	struct place p = place_of(request);
	struct tn_completion found = {.begin = p.cursor, .end = p.cursor};
	struct tn_error err = {0};
	bool ok = w->catalog == NULL || tn_session_complete(w->catalog, p.code, p.length, p.cursor, &found, &err);
	ok = ok && add_matches(done, &found) && tn_json_set_take(done, "start", code_points(&p, found.begin)) &&
		tn_json_set_take(done, "end", code_points(&p, found.end));
	tn_completion_finish(&found);
	return ok;
}

static bool add_inspection(struct worker *w, const json_t *request, json_t *done) {
	struct place p = place_of(request);
	struct tn_str plain = {0}, markdown = {0};
	struct tn_error err = {0};
	bool found = false;
	int detail = tn_json_get_int(request, "detail", 0) > 0;
	bool ok = w->catalog == NULL || tn_session_inspect(w->catalog, p.code, p.length, p.cursor, detail, &plain, &markdown, &found, &err);
	json_t *data = json_object();
	if (ok && found) {
		ok = tn_json_set_take(data, "text/plain", tn_json_text(tn_str_c(&plain), plain.length)) &&
			tn_json_set_take(data, "text/markdown", tn_json_text(tn_str_c(&markdown), markdown.length));
	}
	ok = tn_json_set_take(done, "data", data) && ok;
	tn_str_finish(&plain);
	tn_str_finish(&markdown);
	return tn_json_set_take(done, "found", json_boolean(found)) && ok;
}

static bool add_completeness(struct worker *w, const json_t *request, json_t *done) {
	static const char *const names[] = {
		[TN_CELL_COMPLETE] = "complete", [TN_CELL_INCOMPLETE] = "incomplete", [TN_CELL_INVALID] = "invalid"};
	struct place p = place_of(request);
	struct tn_error err = {0};
	enum tn_completeness state;
	int indent = 0;
	(void)w;
	return tn_lang_is_complete(p.code, p.length, &state, &indent, &err) && tn_json_set_take(done, "complete", json_string(names[state])) &&
		tn_json_set_take(done, "indent", json_integer(indent));
}

static bool visit_variable(void *data, const struct tn_catalog_variable *v) {
	json_t *row = json_object();
	bool ok = tn_json_set_take(row, "name", tn_json_text(v->name, strlen(v->name))) &&
		tn_json_set_take(row, "type", tn_json_text(v->type, strlen(v->type))) &&
		tn_json_set_take(row, "shape", tn_json_text(v->shape, strlen(v->shape))) &&
		tn_json_set_take(row, "dtype", tn_json_text(v->dtype, strlen(v->dtype))) &&
		tn_json_set_take(row, "bytes", json_integer((json_int_t)v->bytes)) &&
		tn_json_set_take(row, "text", tn_json_text(v->text, strlen(v->text)));
	return json_array_append_new(data, row) == 0 && ok;
}

static bool add_variables(struct worker *w, const json_t *request, json_t *done) {
	json_t *rows = json_array();
	(void)request;
	bool ok = w->catalog == NULL || tn_catalog_each_variable(w->catalog, visit_variable, rows);
	return tn_json_set_take(done, "variables", rows) && ok;
}

static double seconds_of(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec * 1e-6; }

/* Resident memory; 0 where the system does not say. */
static int64_t resident_bytes(void) {
	long long pages = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	if (file == NULL || fscanf(file, "%lld %lld", &pages, &resident) != 2) {
		resident = 0;
	}
	if (file != NULL) {
		fclose(file);
	}
	return resident * sysconf(_SC_PAGESIZE);
}

static bool add_usage(struct worker *w, const json_t *request, json_t *done) {
	(void)request;
	struct rusage usage = {0};
	getrusage(RUSAGE_SELF, &usage);
	return tn_json_set_take(done, "pid", json_integer(getpid())) &&
		tn_json_set_take(done, "memory", json_integer(resident_bytes())) &&
		tn_json_set_take(done, "cpu_seconds", tn_json_real(seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime))) &&
		tn_json_set_take(done, "tensor_bytes", json_integer((json_int_t)atomic_load(&w->tensor_bytes)));
}

static const struct { const char *type; bool (*add)(struct worker *w, const json_t *request, json_t *done); } requests[] = {
	{"complete", add_completion},
	{"inspect", add_inspection},
	{"is_complete", add_completeness},
	{"variables", add_variables},
	{"usage", add_usage},
};

bool worker_assist(struct worker *w, const json_t *request) {
	const char *type = tn_json_get_text(request, "type", "");
	for (size_t i = 0; i < TN_ARRAY_LEN(requests); i++) {
		if (strcmp(type, requests[i].type) != 0) {
			continue;
		}
		int64_t id = tn_json_get_int(request, "id", 0);
		json_t *done = worker_json("done", id);
		if (!tn_json_set_take(done, "status", json_string("ok")) || !requests[i].add(w, request, done)) {
			json_decref(done);
			done = NULL;
		}
		worker_reply(w, TN_WIRE_EXPRESS, id, done);
		return true;
	}
	return false;
}
