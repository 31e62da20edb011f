/* SPDX-License-Identifier: Apache-2.0 */
/* From a message to its handler, and from a handler to a reply: the one place where busy, reply and idle are sent, so that no
 * path can miss one. */
#include "kernel/kernel.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

static const struct {
	const char *type;
	tn_handler handle;
} handlers[] = {
	{"kernel_info_request", tn_handle_kernel_info},
	{"complete_request", tn_handle_assist},
	{"inspect_request", tn_handle_assist},
	{"is_complete_request", tn_handle_assist},
	{"variables_request", tn_handle_assist},
	{"usage_request", tn_handle_assist},
	{"history_request", tn_handle_history},
	{"comm_info_request", tn_handle_comm_info},
	{"comm_open", tn_handle_comm_open},
	{"comm_msg", tn_handle_comm_other},
	{"comm_close", tn_handle_comm_other},
	{"connect_request", tn_handle_connect},
	{"interrupt_request", tn_handle_interrupt},
	{"shutdown_request", tn_handle_shutdown},
	{"debug_request", tn_handle_unsupported},
	{"create_subshell_request", tn_handle_unsupported},
	{"delete_subshell_request", tn_handle_unsupported},
	{"list_subshell_request", tn_handle_unsupported},
};

/* ---- out ---- */

void tn_kernel_publish(struct tn_kernel *kernel, struct tn_request *parent, const char *type, json_t *content) {
	tn_iopub_publish(&kernel->iopub, &(struct tn_publication){.type = type, .parent = parent, .content = content});
}

void tn_kernel_say(struct tn_kernel *kernel, struct tn_request *parent, const char *stream, const char *text) {
	tn_iopub_publish(&kernel->iopub,
		&(struct tn_publication){.type = "stream", .parent = parent, .stream = stream, .text = {text, strlen(text)}});
}

void tn_kernel_busy(struct tn_kernel *kernel, struct tn_request *request) {
	tn_kernel_publish(kernel, request, "status", json_incref(kernel->busy));
}

/* A request that was answered beside a running cell leaves the kernel busy, and clients keep the last state that they heard (a
 * server that culls idle kernels would end a training): so it is said again, without a parent, since it belongs to none of this
 * request's. */
void tn_kernel_idle(struct tn_kernel *kernel, struct tn_request *request) {
	tn_kernel_publish(kernel, request, "status", json_incref(kernel->idle));
	if (kernel->run.request != NULL && kernel->run.request != request) {
		tn_kernel_publish(kernel, NULL, "status", json_incref(kernel->busy));
	}
}

/* "execute_request" → "execute_reply" */
static bool reply_type(const char *request, char *out, size_t size) {
	static const char ending[] = "_request";
	size_t length = strlen(request), stem = length - (sizeof(ending) - 1);
	if (length < sizeof(ending) || length >= size || strcmp(request + stem, ending) != 0) {
		return false;
	}
	for (size_t i = 0; i < stem; i++) {
		if (!isalnum((unsigned char)request[i]) && request[i] != '_') {
			return false;
		}
	}
	snprintf(out, size, "%.*s_reply", (int)stem, request);
	return true;
}

static json_t *error_content(const char *name, const char *text) {
	json_t *content = json_object();
	json_t *traceback = json_array();
	bool ok = tn_json_set_take(content, "status", json_string("error")) &&
		tn_json_set_take(content, "ename", json_string(name)) &&
		tn_json_set_take(content, "evalue", tn_json_text(text, strlen(text)));
	ok = tn_json_set_take(content, "traceback", traceback) && ok;
	if (!ok) {
		json_decref(content);
		return NULL;
	}
	return content;
}

void tn_kernel_reply(struct tn_kernel *kernel, struct tn_request *request, json_t *content, json_t *metadata) {
	char type[64];
	struct tn_error err = {0};
	if (content == NULL) {
		content = error_content("MemoryError", "out of memory");
	}
	if (reply_type(request->type, type, sizeof(type))) {
		const struct tn_outgoing out = {
			.type = type, .parent = request, .to_parent = true, .content = content, .metadata = metadata};
		bool ok = content != NULL &&
			(tn_message_encode(&kernel->sender, &out, &kernel->packet, &err) ||
				tn_message_encode(
					&kernel->sender, &out, &kernel->packet, &err)); /* without memory: once more, a client waits for it */
		if (!ok || kernel->transport->impl->send(kernel->transport, request->channel, &kernel->packet, false) != TN_SENT) {
			tn_log(TN_LOG_ERROR, "a reply '%s' is lost: %s", type, ok ? "its client does not take it" : err.text);
		}
	}
	json_decref(content);
	json_decref(metadata);
}

void tn_kernel_reply_error(struct tn_kernel *kernel, struct tn_request *request, const char *name, const char *text) {
	tn_kernel_reply(kernel, request, error_content(name, text), NULL);
}

/* ---- in ---- */

static tn_handler find_handler(const char *type) {
	for (size_t i = 0; i < TN_ARRAY_LEN(handlers); i++) {
		if (strcmp(handlers[i].type, type) == 0) {
			return handlers[i].handle;
		}
	}
	return NULL;
}

/* Requests that name a subshell, while there are none: an answer, not silence. */
static bool names_subshell(const struct tn_request *request) {
	const json_t *id = json_object_get(request->header, "subshell_id");
	return json_is_string(id) && request->channel == TN_CHANNEL_SHELL;
}

static bool refuse(struct tn_kernel *kernel, struct tn_request *request) {
	if (request->refusal[0] != '\0') {
		tn_kernel_reply_error(kernel, request, "ValueError", request->refusal);
		return true;
	}
	if (names_subshell(request)) {
		tn_kernel_reply_error(kernel, request, "SubshellNotFound", "this kernel has no subshells");
		return true;
	}
	return false;
}

static void handle(struct tn_kernel *kernel, struct tn_request *request) {
	tn_handler handler = find_handler(request->type);
	tn_kernel_busy(kernel, request);
	bool finished = refuse(kernel, request);
	if (!finished && handler == NULL) {
		tn_log(TN_LOG_INFO, "a request of unknown type '%.64s'", request->type);
		tn_kernel_reply_error(kernel, request, "NotImplementedError", "this kernel does not know this request");
		finished = true;
	}
	if (finished || handler(kernel, request)) {
		tn_kernel_idle(kernel, request);
	}
}

void tn_kernel_dispatch_take(struct tn_kernel *kernel, struct tn_request *request) {
	if (request->channel == TN_CHANNEL_STDIN) {
		tn_stdin_answer(kernel, request);
	} else if (strcmp(request->type, "execute_request") == 0 && request->refusal[0] == '\0' && !names_subshell(request)) {
		tn_execute_enqueue(kernel, request);
	} else {
		handle(kernel, request);
	}
	tn_request_unref(request);
}

void tn_kernel_drain(struct tn_kernel *kernel, enum tn_channel channel, size_t limit) {
	assert(!kernel->draining);
	kernel->draining = true;
	for (; limit > 0 && kernel->transport->impl->receive(kernel->transport, channel, &kernel->frames); limit--) {
		struct tn_error err = {0};
		struct tn_request *request =
			tn_request_parse(kernel->frames.items, kernel->frames.count, channel, &kernel->sender.signer, &err);
		if (request == NULL) {
			tn_log(TN_LOG_WARN, "dropped on a socket: %s", err.text);
			continue;
		}
		if (request->mark != 0 && !tn_replays_add(&kernel->replays, request->mark)) {
			tn_log(TN_LOG_WARN, "dropped on a socket: a message '%.64s' that came before", request->type);
			tn_request_unref(request);
			continue;
		}
		tn_kernel_dispatch_take(kernel, request);
	}
	kernel->draining = false;
}
