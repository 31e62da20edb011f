/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a kernel can do: five sockets, signed replies, every cell's result is "2". What a client measures with it is the client's
 * own cost, the floor under every figure of bench/kernel.py. One thread; no error is handled, nothing runs. */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { SHELL, IOPUB, STDIN, CONTROL, HEARTBEAT, SOCKETS };
enum { FRAMES_MAX = 16, DELIMITER_SIZE = 9 };

struct kernel {
	void *sockets[SOCKETS];
	char key[128], session[33];
	int execution_count;
};

struct request {
	zmq_msg_t frames[FRAMES_MAX];
	int count, delimiter; /* identities come before it */
	char *header;
	char type[64];
};

static void random_hex(char out[33]) {
	unsigned char bytes[16];
	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2hex(out, 33, bytes, sizeof(bytes));
}

static void sign(const struct kernel *k, const char *const parts[4], char out[65]) {
	crypto_auth_hmacsha256_state state;
	unsigned char digest[32];
	crypto_auth_hmacsha256_init(&state, (const unsigned char *)k->key, strlen(k->key));
	for (int i = 0; i < 4; i++) {
		crypto_auth_hmacsha256_update(&state, (const unsigned char *)parts[i], strlen(parts[i]));
	}
	crypto_auth_hmacsha256_final(&state, digest);
	sodium_bin2hex(out, 65, digest, sizeof(digest));
}

/* `identities`: of the request that is answered, or NULL: published under the type as topic. */
static void send_message(struct kernel *k, void *socket, struct request *identities, const char *type, const char *parent, const char *content) {
	char header[512], id[33], signature[65];
	random_hex(id);
	snprintf(header, sizeof(header),
		"{\"msg_id\":\"%s\",\"session\":\"%s\",\"username\":\"floor\",\"date\":\"2026-01-01T00:00:00Z\",\"msg_type\":\"%s\",\"version\":\"5.5\"}",
		id, k->session, type);
	const char *const parts[4] = {header, parent, "{}", content};
	sign(k, parts, signature);
	if (identities == NULL) {
		zmq_send(socket, type, strlen(type), ZMQ_SNDMORE);
	}
	for (int i = 0; identities != NULL && i < identities->delimiter; i++) {
		zmq_send(socket, zmq_msg_data(&identities->frames[i]), zmq_msg_size(&identities->frames[i]), ZMQ_SNDMORE);
	}
	zmq_send(socket, "<IDS|MSG>", DELIMITER_SIZE, ZMQ_SNDMORE);
	zmq_send(socket, signature, 64, ZMQ_SNDMORE);
	for (int i = 0; i < 4; i++) {
		zmq_send(socket, parts[i], strlen(parts[i]), i < 3 ? ZMQ_SNDMORE : 0);
	}
}

static int is_delimiter(zmq_msg_t *frame) {
	return zmq_msg_size(frame) == DELIMITER_SIZE && memcmp(zmq_msg_data(frame), "<IDS|MSG>", DELIMITER_SIZE) == 0;
}

static void receive(void *socket, struct request *r) {
	int more = 1;
	for (r->count = 0; more && r->count < FRAMES_MAX; r->count++) {
		zmq_msg_init(&r->frames[r->count]);
		zmq_msg_recv(&r->frames[r->count], socket, 0);
		more = zmq_msg_more(&r->frames[r->count]);
	}
	for (r->delimiter = 0; r->delimiter < r->count && !is_delimiter(&r->frames[r->delimiter]);) {
		r->delimiter++;
	}
	zmq_msg_t *header = &r->frames[r->delimiter + 2];
	r->header = strndup(zmq_msg_data(header), zmq_msg_size(header));
	json_t *json = json_loads(r->header, 0, NULL);
	snprintf(r->type, sizeof(r->type), "%s", json_string_value(json_object_get(json, "msg_type")));
	json_decref(json);
}

static const char kernel_info[] = "{\"status\":\"ok\",\"protocol_version\":\"5.5\",\"implementation\":\"floor\",\"implementation_version\":\"0\","
	"\"language_info\":{\"name\":\"floor\",\"version\":\"0\",\"mimetype\":\"text/plain\",\"file_extension\":\".txt\"},\"banner\":\"\",\"help_links\":[]}";

static void publish(struct kernel *k, struct request *r, const char *type, const char *content) {
	send_message(k, k->sockets[IOPUB], NULL, type, r->header, content);
}

/* Returns whether the kernel goes on. */
static int answer(struct kernel *k, void *socket) {
	struct request r;
	char reply[64], content[256];
	const char *body = "{\"status\":\"ok\"}";
	receive(socket, &r);
	publish(k, &r, "status", "{\"execution_state\":\"busy\"}");
	if (strcmp(r.type, "kernel_info_request") == 0) {
		body = kernel_info;
	} else if (strcmp(r.type, "execute_request") == 0) {
		k->execution_count++;
		snprintf(content, sizeof(content), "{\"code\":\"1+1\",\"execution_count\":%d}", k->execution_count);
		publish(k, &r, "execute_input", content);
		snprintf(content, sizeof(content), "{\"execution_count\":%d,\"data\":{\"text/plain\":\"2\"},\"metadata\":{}}", k->execution_count);
		publish(k, &r, "execute_result", content);
		snprintf(content, sizeof(content), "{\"status\":\"ok\",\"execution_count\":%d,\"user_expressions\":{},\"payload\":[]}", k->execution_count);
		body = content;
	} else if (strcmp(r.type, "complete_request") == 0) {
		body = "{\"status\":\"ok\",\"matches\":[\"print\"],\"cursor_start\":0,\"cursor_end\":3,\"metadata\":{}}";
	} else if (strcmp(r.type, "inspect_request") == 0) {
		body = "{\"status\":\"ok\",\"found\":false,\"data\":{},\"metadata\":{}}";
	} else if (strcmp(r.type, "shutdown_request") == 0) {
		body = "{\"status\":\"ok\",\"restart\":false}";
	}
	size_t stem = strlen(r.type) - strlen("request");
	snprintf(reply, sizeof(reply), "%.*sreply", (int)stem, r.type);
	send_message(k, socket, &r, reply, r.header, body);
	publish(k, &r, "status", "{\"execution_state\":\"idle\"}");
	int goes_on = strcmp(r.type, "shutdown_request") != 0;
	for (int i = 0; i < r.count; i++) {
		zmq_msg_close(&r.frames[i]);
	}
	free(r.header);
	return goes_on;
}

static int open_sockets(struct kernel *k, void *context, const char *path) {
	static const char *const ports[SOCKETS] = {"shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"};
	static const int types[SOCKETS] = {ZMQ_ROUTER, ZMQ_PUB, ZMQ_ROUTER, ZMQ_ROUTER, ZMQ_REP};
	json_t *json = json_load_file(path, 0, NULL);
	if (json == NULL) {
		return 0;
	}
	snprintf(k->key, sizeof(k->key), "%s", json_string_value(json_object_get(json, "key")));
	for (int i = 0; i < SOCKETS; i++) {
		char address[64];
		int linger = 100;
		snprintf(address, sizeof(address), "tcp://127.0.0.1:%d", (int)json_integer_value(json_object_get(json, ports[i])));
		k->sockets[i] = zmq_socket(context, types[i]);
		zmq_setsockopt(k->sockets[i], ZMQ_LINGER, &linger, sizeof(linger));
		if (zmq_bind(k->sockets[i], address) != 0) {
			return 0;
		}
	}
	json_decref(json);
	return 1;
}

int main(int argc, char **argv) {
	struct kernel k = {0};
	void *context = zmq_ctx_new();
	if (argc != 2 || sodium_init() < 0 || !open_sockets(&k, context, argv[1])) {
		fprintf(stderr, "usage: floor_kernel CONNECTION_FILE\n");
		return 1;
	}
	random_hex(k.session);
	for (int goes_on = 1; goes_on;) {
		zmq_pollitem_t items[] = {{k.sockets[SHELL], 0, ZMQ_POLLIN, 0}, {k.sockets[CONTROL], 0, ZMQ_POLLIN, 0}, {k.sockets[HEARTBEAT], 0, ZMQ_POLLIN, 0}};
		zmq_poll(items, 3, -1);
		if (items[2].revents != 0) {
			char beat[64];
			int n = zmq_recv(k.sockets[HEARTBEAT], beat, sizeof(beat), 0);
			zmq_send(k.sockets[HEARTBEAT], beat, n < 0 ? 0 : (size_t)n, 0);
		}
		for (int i = 0; goes_on && i < 2; i++) {
			goes_on = items[i].revents == 0 || answer(&k, items[i].socket);
		}
	}
	for (int i = 0; i < SOCKETS; i++) {
		zmq_close(k.sockets[i]);
	}
	zmq_ctx_term(context);
	return 0;
}
