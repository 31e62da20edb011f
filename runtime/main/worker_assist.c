/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that wait for no cell: completion, inspection, the list of variables and what the process uses. They are answered by the thread that reads
 * them, from the catalog of the last cell's end. Under in_lock. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "main/worker.h"

void worker_publish_catalog(struct worker *w) { (void)w; }

static double seconds_of(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec * 1e-6; }

/* Resident memory; 0 where the system does not say. */
static int64_t resident_bytes(void) {
	long long pages = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	if (file == NULL || fscanf(file, "%lld %lld", &pages, &resident) != 2) {
		resident = 0;
	}
	if (file != NULL) {
		fclose(file);
	}
	return resident * sysconf(_SC_PAGESIZE);
}

static bool add_usage(struct worker *w, json_t *done) {
	struct rusage usage = {0};
	getrusage(RUSAGE_SELF, &usage);
	return tn_json_set_take(done, "pid", json_integer(getpid())) &&
		tn_json_set_take(done, "memory", json_integer(resident_bytes())) &&
		tn_json_set_take(done, "cpu_seconds", tn_json_real(seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime))) &&
		tn_json_set_take(done, "tensor_bytes", json_integer((json_int_t)atomic_load(&w->tensor_bytes)));
}

static const struct { const char *type; bool (*add)(struct worker *w, json_t *done); } requests[] = {
	{"usage", add_usage},
};

bool worker_assist(struct worker *w, const json_t *request) {
	const char *type = tn_json_get_text(request, "type", "");
	for (size_t i = 0; i < TN_ARRAY_LEN(requests); i++) {
		if (strcmp(type, requests[i].type) != 0) {
			continue;
		}
		json_t *done = worker_json("done", tn_json_get_int(request, "id", 0));
		bool ok = tn_json_set_take(done, "status", json_string("ok")) && requests[i].add(w, done);
		if (!ok) {
			json_object_set_new(done, "status", json_string("error"));
		}
		worker_reply(w, done);
		return true;
	}
	return false;
}
