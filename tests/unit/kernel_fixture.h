/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel over lists in memory and a worker that does what a test says, so that the order of messages is seen without sockets,
 * processes or clocks. A test sends requests, lets the worker speak, runs rounds, and reads what clients would have got. */
#ifndef TN_TESTS_UNIT_KERNEL_FIXTURE_H
#define TN_TESTS_UNIT_KERNEL_FIXTURE_H

#include <stdarg.h>
#include <string.h>

#include "kernel/kernel.h"
#include "runner/test.h"

#define FIXTURE_KEY "a key"

/* ---- the scripted worker ---- */

struct scripted {
	struct tn_worker base;
	TN_VEC(json_t *) asked;  /* requests that were sent and not taken by the test */
	TN_VEC(json_t *) to_say; /* messages for the next service; a stream's "text" stands there as its buffer does on the wire */
	bool comes_up, dies;     /* at the next service */
	bool cannot_start;
	int starts, kills;
	uint64_t credit;
	struct tn_worker_death death;
};

static inline struct scripted *scripted_of(struct tn_worker *worker) {
	return TN_CONTAINER_OF(worker, struct scripted, base);
}

static inline bool scripted_start(struct tn_worker *worker, struct tn_error *err) {
	struct scripted *s = scripted_of(worker);
	s->starts++;
	if (s->cannot_start) {
		return tn_error_set(err, TN_ERR_IO, "cannot start the worker");
	}
	worker->state = TN_WORKER_STARTING;
	worker->generation++;
	return true;
}

static inline bool scripted_send(struct tn_worker *worker, const json_t *request, struct tn_error *err) {
	json_t *copy = json_deep_copy(request);
	return (copy != NULL && TN_VEC_PUSH(&scripted_of(worker)->asked, copy)) || tn_error_memory(err);
}

static inline void scripted_credit(struct tn_worker *worker, uint64_t bytes) {
	scripted_of(worker)->credit += bytes;
}

static inline size_t scripted_poll(struct tn_worker *worker, struct pollfd *fds) {
	(void)worker;
	(void)fds;
	return 0;
}

static inline void scripted_service(struct tn_worker *worker, const struct pollfd *fds, size_t count) {
	struct scripted *s = scripted_of(worker);
	(void)fds;
	(void)count;
	if (s->comes_up && worker->state == TN_WORKER_STARTING) {
		json_t *hello = json_pack("{s:s, s:[]}", "type", "hello", "notes");
		s->comes_up = false;
		worker->state = TN_WORKER_UP;
		worker->listener.up(worker->listener.data, hello);
		json_decref(hello);
	}
	for (size_t i = 0; i < s->to_say.count; i++) {
		const json_t *text = json_object_get(s->to_say.items[i], "text");
		struct tn_wire_buffer buffer = {(uint8_t *)(uintptr_t)json_string_value(text), json_string_length(text)};
		struct tn_wire_message message = {.json = s->to_say.items[i], .buffers = &buffer, .buffer_count = text != NULL, .bulk_bytes = 100};
		worker->listener.message(worker->listener.data, &message);
		json_decref(s->to_say.items[i]);
	}
	s->to_say.count = 0;
	if (s->dies) {
		s->dies = false;
		s->death.was_up = worker->state == TN_WORKER_UP;
		worker->state = TN_WORKER_NONE;
		worker->listener.death(worker->listener.data, &s->death);
	}
}

static inline void scripted_kill(struct tn_worker *worker) {
	scripted_of(worker)->kills++;
	scripted_of(worker)->dies = true;
}

static inline void scripted_destroy(struct tn_worker *worker) {
	(void)worker;
}

static const struct tn_worker_impl scripted_impl = {.start = scripted_start,
	.send = scripted_send,
	.credit = scripted_credit,
	.poll = scripted_poll,
	.service = scripted_service,
	.kill = scripted_kill,
	.destroy = scripted_destroy};

/* ---- kernel and client ---- */

struct fixture {
	struct tn_kernel kernel;
	struct tn_transport *transport;
	struct scripted worker;
	struct tn_sender client; /* signs requests */
};

static inline void fixture_init(struct fixture *f, bool up) {
	struct tn_error err = {0};
	*f = (struct fixture){.transport = tn_transport_memory(), .worker = {.base = {.impl = &scripted_impl}}};
	snprintf(f->worker.death.reason, sizeof(f->worker.death.reason), "was killed by SIGSEGV (signal 11)");
	f->worker.death.last_words = "";
	TN_CHECK_NOT_NULL(f->transport);
	const struct tn_kernel_params params = {.transport = f->transport,
		.worker = &f->worker.base,
		.scheme = "hmac-sha256",
		.key = FIXTURE_KEY,
		.history = tn_history_create(NULL)};
	TN_CHECK(tn_kernel_init(&f->kernel, &params, &err));
	TN_CHECK(tn_sender_init(&f->client, "hmac-sha256", FIXTURE_KEY, &err));
	f->kernel.iopub.had_subscriber = true; /* somebody listens; the first one has a test of its own */
	if (up) {
		f->worker.comes_up = true;
		tn_kernel_round(&f->kernel, NULL, 0, 0);
	}
}

static inline void fixture_finish(struct fixture *f) {
	tn_kernel_finish(&f->kernel);
	tn_transport_destroy(f->transport);
	tn_sender_finish(&f->client);
	for (size_t i = 0; i < f->worker.asked.count; i++) {
		json_decref(f->worker.asked.items[i]);
	}
	TN_VEC_FINISH(&f->worker.asked);
	TN_VEC_FINISH(&f->worker.to_say);
}

static inline void fixture_round(struct fixture *f) {
	tn_kernel_round(&f->kernel, NULL, 0, 0);
}

/* Puts a signed request onto a channel, from a client called "me". `content` is JSON; the msg_id is `id`. No two are the same, as those of
 * clients are not. */
static inline void fixture_request(
	struct fixture *f, enum tn_channel channel, const char *type, const char *id, const char *content) {
	char header[512], hex[TN_SIGN_HEX_MAX + 1];
	static int number;
	snprintf(header, sizeof(header),
		"{\"msg_id\": \"%s\", \"session\": \"s\", \"username\": \"u\", \"version\": \"5.5\", \"msg_type\": \"%s\", \"number\": %d}", id, type,
		++number);
	struct tn_part frames[] = {
		{"me", 2}, {"<IDS|MSG>", 9}, {hex, 0}, {header, strlen(header)}, {"{}", 2}, {"{}", 2}, {content, strlen(content)}};
	frames[2].size = tn_signer_sign(&f->client.signer, frames + 3, hex);
	TN_CHECK(tn_transport_memory_put(f->transport, channel, frames, TN_ARRAY_LEN(frames)));
}

static inline void fixture_execute(struct fixture *f, const char *id, const char *code, const char *more) {
	char content[512];
	snprintf(content, sizeof(content), "{\"code\": \"%s\"%s%s}", code, more[0] != '\0' ? ", " : "", more);
	fixture_request(f, TN_CHANNEL_SHELL, "execute_request", id, content);
}

/* The oldest request that the worker got; its id as the worker's messages need it. */
static inline int64_t fixture_asked(struct fixture *f, const char *type) {
	if (f->worker.asked.count == 0) {
		tn_test_fail(TN_TEST_HERE(type), "the worker was not asked: %s", type);
	}
	json_t *request = f->worker.asked.items[0];
	TN_CHECK_STR_EQ(tn_json_get_text(request, "type", ""), type);
	int64_t id = tn_json_get_int(request, "id", 0);
	f->worker.asked.count--;
	memmove(f->worker.asked.items, f->worker.asked.items + 1, f->worker.asked.count * sizeof(json_t *));
	json_decref(request);
	return id;
}

/* The worker will say this in the next round; `text` is JSON in which %lld is the id. */
static inline void fixture_say(struct fixture *f, int64_t id, const char *text) {
	struct tn_error err = {0};
	json_t *message = tn_json_parse(text, strlen(text), &err);
	TN_CHECK_NO_ERROR(&err);
	TN_CHECK(tn_json_set_take(message, "id", json_integer(id)));
	TN_CHECK(TN_VEC_PUSH(&f->worker.to_say, message));
}

/* ---- what clients got ---- */

struct got {
	enum tn_channel channel;
	char type[64], parent[64], identity[16];
	json_t *content, *metadata, *header;
};

static inline void got_finish(struct got *got) {
	json_decref(got->content);
	json_decref(got->metadata);
	json_decref(got->header);
}

static inline json_t *got_parse(struct tn_part part) {
	struct tn_error err = {0};
	json_t *value = tn_json_parse(part.data, part.size, &err);
	TN_CHECK_NO_ERROR(&err);
	return value;
}

/* The next message in the order in which they were sent; false: none. Checks its signature. */
static inline bool fixture_take(struct fixture *f, struct got *got) {
	struct tn_packet packet;
	struct tn_part parts[16];
	*got = (struct got){0};
	if (!tn_transport_memory_take(f->transport, &got->channel, &packet)) {
		return false;
	}
	TN_CHECK(packet.ends.count >= 7 && packet.ends.count <= 16);
	for (size_t i = 0; i < packet.ends.count; i++) {
		parts[i] = tn_packet_frame(&packet, i);
	}
	TN_CHECK(parts[1].size == 9 && memcmp(parts[1].data, "<IDS|MSG>", 9) == 0);
	TN_CHECK(tn_signer_check(&f->client.signer, parts + 3, parts[2]));
	snprintf(got->identity, sizeof(got->identity), "%.*s", (int)parts[0].size, parts[0].data);
	json_t *parent = got_parse(parts[4]);
	got->header = got_parse(parts[3]);
	got->metadata = got_parse(parts[5]);
	got->content = got_parse(parts[6]);
	snprintf(got->type, sizeof(got->type), "%s", tn_json_get_text(got->header, "msg_type", ""));
	snprintf(got->parent, sizeof(got->parent), "%s", tn_json_get_text(parent, "msg_id", "-"));
	json_decref(parent);
	tn_packet_finish(&packet);
	return true;
}

/* All that was sent, one word a message: "a:busy a:execute_input a>execute_reply a:idle"; > is a reply, : is iopub, ? is stdin, -
 * no parent. An error's or stream's own word stands behind =. */
static inline const char *fixture_transcript(struct fixture *f) {
	static char text[8192];
	struct got got;
	size_t used = 0;
	text[0] = '\0';
	while (fixture_take(f, &got)) {
		const char *what = strcmp(got.type, "status") == 0 ? tn_json_get_text(got.content, "execution_state", "") : got.type;
		const char *value = "";
		if (strcmp(got.type, "stream") == 0) {
			value = tn_json_get_text(got.content, "text", "");
		} else if (strcmp(got.type, "error") == 0) {
			value = tn_json_get_text(got.content, "ename", "");
		} else if (got.channel != TN_CHANNEL_IOPUB) {
			value = tn_json_get_text(got.content, "status", "");
		}
		char mark = got.channel == TN_CHANNEL_IOPUB ? ':' : got.channel == TN_CHANNEL_STDIN ? '?' : '>';
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%c%s%s%s", used > 0 ? " " : "", got.parent, mark, what,
			value[0] != '\0' ? "=" : "", value);
		TN_CHECK(used < sizeof(text));
		got_finish(&got);
	}
	return text;
}

/* Rounds until nothing more is sent, then the transcript. */
static inline const char *fixture_run(struct fixture *f) {
	for (int i = 0; i < 4; i++) {
		fixture_round(f);
	}
	return fixture_transcript(f);
}

#endif
