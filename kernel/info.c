/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel is: the answer that every client waits for first. It needs no worker. */
#include "kernel/kernel.h"

/* Highlighting by what editors have for C: its MIME type, and Pygments' lexer. CodeMirror's mode is Objective-C's, which is C's line by
 * line: the one for C is a parser of C++, which an f-string throws off for the rest of the cell. */
static json_t *language_info(void) {
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "name", "tenon", "version", TN_VERSION, "mimetype", "text/x-csrc",
		"file_extension", ".tn", "pygments_lexer", "c", "codemirror_mode", "text/x-objectivec", "nbconvert_exporter", "script");
}

bool tn_handle_kernel_info(struct tn_kernel *kernel, struct tn_request *request) {
	static const char banner[] =
		"Tenon " TN_VERSION ": a small C-like language for tensors. ?name shows help, %lsmagic lists commands.";
	json_t *content = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:[], s:[], s:b}", "status", "ok", "protocol_version", "5.5",
		"implementation", "tenon", "implementation_version", TN_VERSION, "language_info", language_info(), "banner", banner,
		"help_links", "supported_features", "debugger", 0);
	tn_kernel_reply(kernel, request, content, NULL);
	return true;
}

bool tn_handle_connect(struct tn_kernel *kernel, struct tn_request *request) {
	json_t *content = json_object();
	bool ok = tn_json_set_take(content, "status", json_string("ok"));
	for (int port = 0; ok && port < TN_PORT_COUNT; port++) {
		char key[16];
		snprintf(key, sizeof(key), "%s_port", tn_port_name((enum tn_port)port));
		ok = tn_json_set_take(content, key, json_integer(kernel->ports[port]));
	}
	if (!ok) {
		json_decref(content);
		content = NULL;
	}
	tn_kernel_reply(kernel, request, content, NULL);
	return true;
}
