/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what arrives on the front's sockets. An input is messages with a blank line between them: the first line's first byte
 * chooses the channel, each further line is a frame ("-" is an empty one). There is no key, so a message of the right form is
 * handled. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/quiet_worker.h"

enum { FRAMES_MAX = 32, MESSAGES_MAX = 64 };

/* A worker that takes requests and never answers; it comes up at once. */
static void service(struct tn_worker *worker, const struct pollfd *fds, size_t count) {
	(void)fds;
	(void)count;
	if (worker->state == TN_WORKER_STARTING) {
		worker->state = TN_WORKER_UP;
		worker->listener.up(worker->listener.data, NULL);
	}
}

static const struct tn_worker_impl impl = {.start = quiet_start,
	.send = quiet_send,
	.credit = quiet_credit,
	.poll = quiet_poll,
	.service = service,
	.kill = quiet_ignore,
	.destroy = quiet_ignore};

/* Puts one message, up to a blank line; returns the bytes used. */
static size_t put_message(struct tn_transport *transport, const char *data, size_t size) {
	struct tn_part frames[FRAMES_MAX];
	size_t count = 0, at = 0;
	int channel = size > 0 ? (unsigned char)data[0] % TN_CHANNEL_COUNT : 0;
	while (at < size) {
		const char *end = memchr(data + at, '\n', size - at);
		size_t length = end != NULL ? (size_t)(end - data) - at : size - at;
		if (at > 0 && length == 0) {
			at++;
			break;
		}
		if (at > 0 && count < FRAMES_MAX) {
			bool is_empty = length == 1 && data[at] == '-';
			frames[count++] = (struct tn_part){data + at, is_empty ? 0 : length};
		}
		at += length + (end != NULL);
	}
	fuzz_must(tn_transport_memory_put(transport, (enum tn_channel)channel, frames, count), "out of memory");
	return at;
}

/* Every message that leaves must be readable; there are as many busy as idle, but for cells and questions that are open. */
static void check_sent(struct tn_transport *transport) {
	struct tn_packet packet;
	enum tn_channel channel;
	while (tn_transport_memory_take(transport, &channel, &packet)) {
		struct tn_error err = {0};
		size_t count = packet.ends.count;
		struct tn_part content = tn_packet_frame(&packet, count - 1);
		json_t *value = tn_json_parse(content.data, content.size, &err);
		fuzz_must(value != NULL, "what was sent is no JSON");
		json_decref(value);
		tn_packet_finish(&packet);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct tn_error err = {0};
	struct tn_worker worker = {.impl = &impl};
	struct tn_kernel kernel;
	struct tn_transport *transport = tn_transport_memory();
	fuzz_must(transport != NULL, "out of memory");
	const struct tn_kernel_params params = {
		.transport = transport, .worker = &worker, .scheme = "hmac-sha256", .key = "", .history = tn_history_create(NULL)};
	tn_log_set_level(TN_LOG_ERROR);
	fuzz_must(tn_kernel_init(&kernel, &params, &err), "the kernel does not start");
	const char *text = (const char *)data;
	size_t at = 0;
	for (int i = 0; i < MESSAGES_MAX && at < size; i++) {
		at += put_message(transport, text + at, size - at);
		tn_kernel_round(&kernel, NULL, 0, 0);
		check_sent(transport);
	}
	tn_kernel_interrupt(&kernel, NULL);
	tn_kernel_stop(&kernel);
	tn_kernel_round(&kernel, NULL, 0, 0);
	check_sent(transport);
	tn_kernel_finish(&kernel);
	tn_transport_destroy(transport);
	return 0;
}
