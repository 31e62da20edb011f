/* SPDX-License-Identifier: Apache-2.0 */
/* Comms: there are none yet, and a client is told so, since one that opens a comm and hears nothing waits. */
#include "kernel/kernel.h"

bool tn_handle_comm_info(struct tn_kernel *kernel, struct tn_request *request) {
	tn_kernel_reply(kernel, request, json_pack("{s:s, s:{}}", "status", "ok", "comms"), NULL);
	return true;
}

bool tn_handle_comm_open(struct tn_kernel *kernel, struct tn_request *request) {
	json_t *id = json_object_get(request->content, "comm_id");
	if (json_is_string(id)) {
		tn_kernel_publish(kernel, request, "comm_close", json_pack("{s:O, s:{}}", "comm_id", id, "data"));
	}
	return true;
}

/* For a comm that is not open: nothing to do. */
bool tn_handle_comm_other(struct tn_kernel *kernel, struct tn_request *request) {
	(void)kernel;
	(void)request;
	return true;
}
