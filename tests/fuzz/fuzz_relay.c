/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what a worker says to the front. An input is lines: a JSON object is a message of the worker (one without an id is of the
 * running cell), and the lines behind it that begin with '=' are its buffers; a letter stands for what happens otherwise: x a cell,
 * i one that may ask, c a question, r an answer, z an interrupt, d the worker's death. What must hold: everything that leaves can
 * be read, each request has one reply, and there are as many busy as idle. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/quiet_worker.h"

enum { BUFFERS_MAX = 8, LINES_MAX = 200 };

struct liar {
	struct tn_worker base;
	struct tn_wire_message message; /* to be said; json NULL: none */
	bool dies;
};

struct counts {
	int requests, replies, busy, idle;
};

/* ---- the worker ---- */

static void service(struct tn_worker *worker, const struct pollfd *fds, size_t count) {
	struct liar *liar = TN_CONTAINER_OF(worker, struct liar, base);
	(void)fds;
	(void)count;
	if (liar->dies) {
		const struct tn_worker_death death = {
			.was_up = worker->state == TN_WORKER_UP, .reason = "was killed by the fuzzer", .last_words = "\xff tenon: the worker dies of "};
		liar->dies = false;
		worker->state = TN_WORKER_NONE;
		worker->listener.death(worker->listener.data, &death);
	} else if (worker->state == TN_WORKER_STARTING) {
		worker->state = TN_WORKER_UP;
		worker->listener.up(worker->listener.data, liar->message.json);
	} else if (worker->state == TN_WORKER_UP && liar->message.json != NULL) {
		worker->listener.message(worker->listener.data, &liar->message);
	}
}

static void kill_worker(struct tn_worker *worker) {
	TN_CONTAINER_OF(worker, struct liar, base)->dies = worker->state != TN_WORKER_NONE;
}

static const struct tn_worker_impl impl = {.start = quiet_start,
	.send = quiet_send,
	.credit = quiet_credit,
	.poll = quiet_poll,
	.service = service,
	.kill = kill_worker,
	.destroy = quiet_ignore};

/* ---- what leaves ---- */

static json_t *parse_frame(const struct tn_packet *packet, size_t index) {
	struct tn_error err = {0};
	struct tn_part part = tn_packet_frame(packet, index);
	json_t *value = tn_json_parse(part.data, part.size, &err);
	fuzz_must(value != NULL, "what was sent is no JSON");
	return value;
}

static void take_sent(struct tn_transport *transport, struct counts *counts) {
	struct tn_packet packet;
	enum tn_channel channel;
	while (tn_transport_memory_take(transport, &channel, &packet)) {
		fuzz_must(packet.ends.count >= 6, "a message is short");
		json_t *header = parse_frame(&packet, packet.ends.count - 4), *parent = parse_frame(&packet, packet.ends.count - 3);
		json_t *content = parse_frame(&packet, packet.ends.count - 1);
		const char *state = tn_json_get_text(content, "execution_state", "");
		counts->replies += channel == TN_CHANNEL_SHELL;
		if (channel == TN_CHANNEL_IOPUB && strcmp(tn_json_get_text(header, "msg_type", ""), "status") == 0 &&
			json_object_size(parent) > 0) {
			counts->busy += strcmp(state, "busy") == 0;
			counts->idle += strcmp(state, "idle") == 0;
		}
		json_decref(header);
		json_decref(parent);
		json_decref(content);
		tn_packet_finish(&packet);
	}
}

/* ---- what happens ---- */

static void put(struct tn_transport *transport, enum tn_channel channel, const char *type, const char *content) {
	char header[128];
	static int number;
	int length = snprintf(header, sizeof(header), "{\"msg_id\":\"%d\",\"session\":\"s\",\"msg_type\":\"%s\"}", ++number, type);
	const struct tn_part frames[] = {
		{"client", 6}, {"<IDS|MSG>", 9}, {"", 0}, {header, (size_t)length}, {"{}", 2}, {"{}", 2}, {content, strlen(content)}};
	fuzz_must(tn_transport_memory_put(transport, channel, frames, TN_ARRAY_LEN(frames)), "out of memory");
}

static void happen(struct tn_kernel *kernel, struct liar *liar, char what, struct counts *counts) {
	struct tn_transport *transport = kernel->transport;
	counts->requests += what == 'x' || what == 'i' || what == 'c';
	switch (what) {
	case 'x':
		put(transport, TN_CHANNEL_SHELL, "execute_request", "{\"code\":\"1\",\"stop_on_error\":false,\"user_expressions\":{\"a\":\"b\"}}");
		break;
	case 'i':
		put(transport, TN_CHANNEL_SHELL, "execute_request", "{\"code\":\"2\",\"allow_stdin\":true}");
		break;
	case 'c':
		put(transport, TN_CHANNEL_SHELL, "complete_request", "{\"code\":\"p\",\"cursor_pos\":1}");
		break;
	case 'r':
		put(transport, TN_CHANNEL_STDIN, "input_reply", "{\"value\":\"x\"}");
		break;
	case 'z':
		tn_kernel_interrupt(kernel, NULL);
		break;
	case 'd':
		liar->dies = liar->base.state != TN_WORKER_NONE;
		break;
	default:
		break;
	}
}

/* The end of the line at `at`. */
static size_t line_end(const char *text, size_t at, size_t size) {
	const char *end = memchr(text + at, '\n', size - at);
	return end != NULL ? (size_t)(end - text) : size;
}

/* Takes the lines behind a message that are its buffers; returns where they end. */
static size_t take_buffers(struct tn_wire_message *message, struct tn_wire_buffer buffers[BUFFERS_MAX], const char *text, size_t at, size_t size) {
	while (at < size && text[at] == '=' && message->buffer_count < BUFFERS_MAX) {
		size_t end = line_end(text, at, size);
		struct tn_wire_buffer *buffer = &buffers[message->buffer_count++];
		*buffer = (struct tn_wire_buffer){.data = tn_alloc(end - at), .size = end - at - 1}; /* exact, for the sanitizers: a byte more */
		fuzz_must(buffer->data != NULL, "out of memory");
		memcpy(buffer->data, text + at + 1, buffer->size);
		at = end + (end < size);
	}
	message->buffers = buffers;
	return at;
}

/* One line and what belongs to it; returns where the next begins. */
static size_t play(struct tn_kernel *kernel, struct liar *liar, const char *text, size_t at, size_t size, struct counts *counts) {
	struct tn_wire_buffer buffers[BUFFERS_MAX];
	struct tn_error err = {0};
	size_t end = line_end(text, at, size), next = end + (end < size);
	if (text[at] != '{') {
		happen(kernel, liar, text[at], counts);
		tn_kernel_round(kernel, NULL, 0, 0);
		return next;
	}
	liar->message = (struct tn_wire_message){.json = tn_json_parse(text + at, end - at, &err), .bulk_bytes = 10};
	next = take_buffers(&liar->message, buffers, text, next, size);
	if (!json_is_object(liar->message.json)) {
		json_decref(liar->message.json);
		liar->message.json = NULL;
	} else if (json_object_get(liar->message.json, "id") == NULL) {
		fuzz_must(tn_json_set_take(liar->message.json, "id", json_integer(kernel->run.id)), "out of memory");
	}
	tn_kernel_round(kernel, NULL, 0, 0);
	for (uint32_t i = 0; i < liar->message.buffer_count; i++) {
		tn_free(buffers[i].data);
	}
	json_decref(liar->message.json);
	liar->message = (struct tn_wire_message){0};
	return next;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct tn_error err = {0};
	struct liar liar = {.base = {.impl = &impl}};
	struct counts counts = {0};
	struct tn_kernel kernel;
	struct tn_transport *transport = tn_transport_memory();
	fuzz_must(transport != NULL, "out of memory");
	const struct tn_kernel_params params = {
		.transport = transport, .worker = &liar.base, .scheme = "hmac-sha256", .key = "", .history = tn_history_create(NULL)};
	tn_log_set_level(TN_LOG_ERROR);
	fuzz_must(tn_kernel_init(&kernel, &params, &err), "the kernel does not start");
	fuzz_must(tn_transport_memory_put(transport, TN_CHANNEL_IOPUB, &(struct tn_part){"\1", 1}, 1), "out of memory");
	size_t at = 0;
	for (int i = 0; i < LINES_MAX && at < size; i++) {
		at = play(&kernel, &liar, (const char *)data, at, size, &counts);
		take_sent(transport, &counts);
	}
	tn_kernel_stop(&kernel);
	tn_kernel_round(&kernel, NULL, 0, 0);
	take_sent(transport, &counts);
	fuzz_must(counts.replies == counts.requests, "a request without a reply, or with two");
	fuzz_must(counts.busy == counts.idle, "busy and idle are not of one number");
	tn_kernel_finish(&kernel);
	tn_transport_destroy(transport);
	return 0;
}
