/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing connection files. Launchers differ: ports come as integers or as text, the scheme may be missing. What
 * cannot be followed is refused in words that name the file, since the user sees nothing else of a kernel that does not start. */
#include "kernel/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/wire.h"

enum { FILE_MAX = 64 * 1024, CURVE_KEY_LENGTH = TN_CURVE_KEY_MAX - 1 };

static const char *const port_names[TN_PORT_COUNT] = {"shell", "iopub", "stdin", "control", "hb"};

const char *tn_port_name(enum tn_port port) {
	return port_names[port];
}

/* ---- reading ---- */

static bool read_file(const char *path, struct tn_str *out, struct tn_error *err) {
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* nobody may ever write into a pipe of that name */
	if (fd < 0) {
		return tn_error_errno(err, "cannot open the connection file '%s'", path);
	}
	bool ok = fstat(fd, &status) == 0
		? S_ISREG(status.st_mode) || tn_error_set(err, TN_ERR_IO, "the connection file '%s' is no regular file", path)
		: tn_error_errno(err, "cannot read the connection file '%s'", path);
	while (ok) {
		char buffer[4096];
		ssize_t got = read(fd, buffer, sizeof(buffer));
		if (got <= 0) {
			ok = got == 0 || tn_error_errno(err, "cannot read the connection file '%s'", path);
			break;
		}
		ok = tn_str_append_n(out, buffer, (size_t)got) || tn_error_memory(err);
		if (ok && out->length > FILE_MAX) {
			ok = tn_error_set(err, TN_ERR_VALUE, "the connection file '%s' is larger than %d bytes", path, FILE_MAX);
		}
	}
	close(fd);
	return ok;
}

static bool wrong(const char *path, struct tn_error *err, const char *what) {
	return tn_error_set(err, TN_ERR_VALUE, "the connection file '%s' %s", path, what);
}

/* A port as an integer or its text; for ipc it is a small number behind the path. */
static bool read_port(const json_t *root, enum tn_port port, int *out) {
	char key[16];
	snprintf(key, sizeof(key), "%s_port", port_names[port]);
	const json_t *value = json_object_get(root, key);
	int64_t number = -1;
	if (json_is_integer(value)) {
		number = (int64_t)json_integer_value(value);
	} else if (json_is_string(value)) {
		const char *text = json_string_value(value);
		char *end;
		errno = 0;
		number = strtoll(text, &end, 10);
		if (text[0] == '\0' || *end != '\0' || errno != 0) {
			return false;
		}
	}
	*out = (int)number;
	return number >= 0 && number <= 65535;
}

static bool read_ports(struct tn_connection *c, const json_t *root, const char *path, struct tn_error *err) {
	for (int port = 0; port < TN_PORT_COUNT; port++) {
		if (!read_port(root, (enum tn_port)port, &c->ports[port])) {
			return tn_error_set(err, TN_ERR_VALUE, "the connection file '%s' has no usable %s_port (a number from 0 to 65535)",
				path, port_names[port]);
		}
	}
	return true;
}

/* Both keys or none; a half means that the launcher wanted encryption, and clear text would be a lie. */
static bool read_curve(struct tn_connection *c, const json_t *root, const char *path, struct tn_error *err) {
	const json_t *public = json_object_get(root, "curve_publickey"), *secret = json_object_get(root, "curve_secretkey");
	bool has_public = public != NULL && !json_is_null(public), has_secret = secret != NULL && !json_is_null(secret);
	if (!has_public && !has_secret) {
		return true;
	}
	if (!json_is_string(public) || !json_is_string(secret) || json_string_length(public) != CURVE_KEY_LENGTH ||
		json_string_length(secret) != CURVE_KEY_LENGTH) {
		return wrong(path, err, "must hold curve_publickey and curve_secretkey of 40 characters each, or neither");
	}
	memcpy(c->curve_public, json_string_value(public), TN_CURVE_KEY_MAX);
	memcpy(c->curve_secret, json_string_value(secret), TN_CURVE_KEY_MAX);
	c->curve = true;
	return true;
}

static bool read_text(
	const json_t *root, const char *name, const char *fallback, char **out, const char *path, struct tn_error *err) {
	const json_t *value = json_object_get(root, name);
	if (value != NULL && !json_is_null(value) && !json_is_string(value)) {
		return tn_error_set(err, TN_ERR_VALUE, "the connection file '%s': %s is no text", path, name);
	}
	const char *text = json_is_string(value) ? json_string_value(value) : fallback;
	if (text == NULL) {
		return tn_error_set(err, TN_ERR_VALUE, "the connection file '%s' has no %s", path, name);
	}
	*out = tn_strdup(text);
	return *out != NULL || tn_error_memory(err);
}

static bool read_transport(struct tn_connection *c, const json_t *root, const char *path, struct tn_error *err) {
	const char *transport = tn_json_get_text(root, "transport", "tcp");
	if (strcmp(transport, "tcp") != 0 && strcmp(transport, "ipc") != 0) {
		return tn_error_set(
			err, TN_ERR_VALUE, "the connection file '%s' has the transport '%s': tcp and ipc are known", path, transport);
	}
	c->ipc = strcmp(transport, "ipc") == 0;
	return true;
}

static bool read_root(struct tn_connection *c, const json_t *root, const char *path, struct tn_error *err) {
	if (!json_is_object(root)) {
		return wrong(path, err, "is no JSON object");
	}
	return read_transport(c, root, path, err) && read_ports(c, root, path, err) &&
		read_text(root, "ip", c->ipc ? NULL : "127.0.0.1", &c->ip, path, err) &&
		read_text(root, "key", NULL, &c->key, path, err) &&
		read_text(root, "signature_scheme", "hmac-sha256", &c->scheme, path, err) && read_curve(c, root, path, err);
}

bool tn_connection_read(struct tn_connection *connection, const char *path, struct tn_error *err) {
	struct tn_str text = {0};
	struct tn_error inner = {0};
	json_t *root = NULL;
	*connection = (struct tn_connection){0};
	bool ok = read_file(path, &text, err);
	if (ok) {
		root = tn_json_parse(tn_str_c(&text), text.length, &inner);
		ok = root != NULL || tn_error_set(err, TN_ERR_VALUE, "the connection file '%s' is malformed: %s", path, inner.text);
	}
	ok = ok && read_root(connection, root, path, err);
	json_decref(root);
	sodium_memzero(text.data, text.data == NULL ? 0 : text.length);
	tn_str_finish(&text);
	if (!ok) {
		tn_connection_finish(connection);
	}
	return ok;
}

/* ---- a file of our own ---- */

bool tn_connection_init_own(struct tn_connection *connection, struct tn_error *err) {
	unsigned char key[32];
	char hex[2 * sizeof(key) + 1];
	*connection = (struct tn_connection){0};
	randombytes_buf(key, sizeof(key));
	sodium_bin2hex(hex, sizeof(hex), key, sizeof(key));
	connection->ip = tn_strdup("127.0.0.1");
	connection->scheme = tn_strdup("hmac-sha256");
	connection->key = tn_strdup(hex);
	sodium_memzero(hex, sizeof(hex));
	if (connection->ip == NULL || connection->scheme == NULL || connection->key == NULL) {
		tn_connection_finish(connection);
		return tn_error_memory(err);
	}
	return true;
}

/* Where Jupyter's clients look for files of running kernels. */
static bool runtime_folder(struct tn_str *out, struct tn_error *err) {
	static const struct {
		const char *variable, *below;
	} places[] = {
		{"JUPYTER_RUNTIME_DIR", ""},
		{"JUPYTER_DATA_DIR", "/runtime"},
		{"XDG_DATA_HOME", "/jupyter/runtime"},
		{"HOME", "/.local/share/jupyter/runtime"},
	};
	for (size_t i = 0; i < TN_ARRAY_LEN(places); i++) {
		const char *value = getenv(places[i].variable);
		if (value != NULL && value[0] == '/') {
			return tn_str_printf(out, "%s%s", value, places[i].below) || tn_error_memory(err);
		}
	}
	return tn_error_set(err, TN_ERR_IO, "no folder for a connection file: set JUPYTER_RUNTIME_DIR, or HOME");
}

static json_t *to_json(const struct tn_connection *c) {
	json_t *root = json_object();
	bool ok = tn_json_set_take(root, "transport", json_string(c->ipc ? "ipc" : "tcp")) &&
		tn_json_set_take(root, "ip", json_string(c->ip)) && tn_json_set_take(root, "key", json_string(c->key)) &&
		tn_json_set_take(root, "signature_scheme", json_string(c->scheme)) &&
		tn_json_set_take(root, "kernel_name", json_string("tenon"));
	for (int port = 0; ok && port < TN_PORT_COUNT; port++) {
		char key[16];
		snprintf(key, sizeof(key), "%s_port", port_names[port]);
		ok = tn_json_set_take(root, key, json_integer(c->ports[port]));
	}
	if (!ok) {
		json_decref(root);
		return NULL;
	}
	return root;
}

static bool write_file(const char *path, const struct tn_str *text, struct tn_error *err) {
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		return tn_error_errno(err, "cannot make the connection file '%s'", path);
	}
	bool ok = write(fd, text->data, text->length) == (ssize_t)text->length;
	ok = close(fd) == 0 && ok;
	if (!ok) {
		tn_error_errno(err, "cannot write the connection file '%s'", path);
		unlink(path);
	}
	return ok;
}

bool tn_connection_write(struct tn_connection *connection, struct tn_error *err) {
	struct tn_str path = {0}, text = {0};
	json_t *root = to_json(connection);
	bool ok = root != NULL || tn_error_memory(err);
	ok = ok && runtime_folder(&path, err) && (tn_str_printf(&path, "/tenon-%ld.json", (long)getpid()) || tn_error_memory(err)) &&
		tn_json_write(root, &text, err);
	ok = ok && tn_folder_make_parents(path.data, 0700, err);
	if (ok) {
		unlink(path.data); /* of a dead process that had this number */
		ok = write_file(path.data, &text, err);
	}
	if (ok) {
		connection->path = tn_str_steal(&path);
	}
	json_decref(root);
	tn_str_finish(&path);
	tn_str_finish(&text);
	return ok;
}

void tn_connection_finish(struct tn_connection *connection) {
	if (connection->path != NULL) {
		unlink(connection->path);
	}
	if (connection->key != NULL) {
		sodium_memzero(connection->key, strlen(connection->key));
	}
	tn_free(connection->path);
	tn_free(connection->ip);
	tn_free(connection->key);
	tn_free(connection->scheme);
	sodium_memzero(connection, sizeof(*connection));
}

bool tn_connection_url(const struct tn_connection *connection, enum tn_port port, struct tn_str *out) {
	int number = connection->ports[port];
	if (connection->ipc) {
		return tn_str_printf(out, "ipc://%s-%d", connection->ip, number);
	}
	return number == 0 ? tn_str_printf(out, "tcp://%s:*", connection->ip)
					   : tn_str_printf(out, "tcp://%s:%d", connection->ip, number);
}
