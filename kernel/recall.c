/* SPDX-License-Identifier: Apache-2.0 */
/* history_request: the history's entries in Jupyter's form. */
#include "kernel/kernel.h"

#include <string.h>

struct gathered {
	json_t *list;
	bool with_output;
};

static bool gather(void *data, const struct tn_history_entry *entry) {
	struct gathered *gathered = data;
	json_t *source = tn_json_text(entry->source, strlen(entry->source));
	if (gathered->with_output) {
		json_t *output = entry->output != NULL ? tn_json_text(entry->output, strlen(entry->output)) : json_null();
		source = json_pack("[o, o]", source, output);
	}
	json_t *row = json_pack("[I, I, o]", (json_int_t)entry->session, (json_int_t)entry->line, source);
	return row != NULL && json_array_append_new(gathered->list, row) == 0;
}

static bool read_query(const json_t *content, struct tn_history_query *query) {
	const char *access = tn_json_get_text(content, "hist_access_type", "tail");
	*query = (struct tn_history_query){.n = tn_json_get_int(content, "n", 0),
		.pattern = tn_json_get_text(content, "pattern", "*"),
		.unique = tn_json_get_bool(content, "unique", false),
		.session = tn_json_get_int(content, "session", 0),
		.start = tn_json_get_int(content, "start", 1),
		.stop = tn_json_get_int(content, "stop", 0)};
	if (strcmp(access, "tail") == 0) {
		query->access = TN_HISTORY_TAIL;
		query->n = json_is_integer(json_object_get(content, "n")) ? query->n : 10;
	} else if (strcmp(access, "range") == 0) {
		query->access = TN_HISTORY_RANGE;
	} else if (strcmp(access, "search") == 0) {
		query->access = TN_HISTORY_SEARCH;
	} else {
		return false;
	}
	return true;
}

bool tn_handle_history(struct tn_kernel *kernel, struct tn_request *request) {
	struct tn_history_query query;
	struct gathered gathered = {.list = json_array(), .with_output = tn_json_get_bool(request->content, "output", false)};
	if (!read_query(request->content, &query)) {
		json_decref(gathered.list);
		tn_kernel_reply_error(kernel, request, "ValueError", "hist_access_type is tail, range or search");
		return true;
	}
	bool ok = kernel->history == NULL || tn_history_find(kernel->history, &query, gather, &gathered);
	json_t *content = json_pack("{s:s, s:o}", "status", "ok", "history", gathered.list);
	if (!ok) {
		json_decref(content);
		content = NULL;
	}
	tn_kernel_reply(kernel, request, content, NULL);
	return true;
}
