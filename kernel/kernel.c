/* SPDX-License-Identifier: Apache-2.0 */
/* Setting the front up and taking it down. */
#include "kernel/kernel.h"

bool tn_kernel_init(struct tn_kernel *kernel, const struct tn_kernel_params *params, struct tn_error *err) {
	struct tn_error start = {0};
	*kernel = (struct tn_kernel){.transport = params->transport, .worker = params->worker, .history = params->history};
	tn_iopub_init(&kernel->iopub, params->transport, &kernel->sender);
	kernel->cpu_ns = tn_clock_ns();
	kernel->busy = json_pack("{s:s}", "execution_state", "busy");
	kernel->idle = json_pack("{s:s}", "execution_state", "idle");
	bool ok = (kernel->busy != NULL && kernel->idle != NULL) || tn_error_memory(err);
	if (!ok || !tn_sender_init(&kernel->sender, params->scheme, params->key, err)) {
		tn_kernel_finish(kernel);
		return false;
	}
	kernel->worker->listener = tn_kernel_listener;
	kernel->worker->listener.data = kernel;
	if (!kernel->worker->impl->start(kernel->worker, &start)) {
		tn_log(TN_LOG_WARN, "no worker yet: %s", start.text); /* the first cell tries again, and says why not */
	}
	return true;
}

void tn_kernel_finish(struct tn_kernel *kernel) {
	json_decref(kernel->run.reply);
	json_decref(kernel->run.payload);
	json_decref(kernel->run.question);
	tn_free(kernel->run.result);
	tn_request_unref(kernel->run.request);
	tn_request_unref(kernel->last);
	for (size_t i = kernel->queue_first; i < kernel->queue.count; i++) {
		tn_request_unref(kernel->queue.items[i]);
	}
	for (size_t i = 0; i < kernel->questions.count; i++) {
		tn_request_unref(kernel->questions.items[i].request);
	}
	TN_VEC_FINISH(&kernel->queue);
	TN_VEC_FINISH(&kernel->questions);
	TN_VEC_FINISH(&kernel->frames);
	tn_iopub_finish(&kernel->iopub);
	tn_packet_finish(&kernel->packet);
	tn_replays_finish(&kernel->replays);
	tn_sender_finish(&kernel->sender);
	tn_str_finish(&kernel->notice);
	tn_history_destroy(kernel->history);
	json_decref(kernel->busy);
	json_decref(kernel->idle);
	*kernel = (struct tn_kernel){0};
}
