/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of the kernel usage panel: the front's own and the worker's, and the machine's, from /proc. */
#include "kernel/kernel.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The number behind "name:" in a file of lines such as "Pss:   1234 kB", in bytes; -1: not there. */
static int64_t read_kib(const char *path, const char *name) {
	char line[256];
	long long value = -1;
	size_t length = strlen(name);
	FILE *file = fopen(path, "re");
	while (file != NULL && value < 0 && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, name, length) == 0 && line[length] == ':' && sscanf(line + length + 1, "%lld", &value) != 1) {
			value = -1;
		}
	}
	if (file != NULL) {
		fclose(file);
	}
	return value < 0 ? -1 : (int64_t)value * 1024;
}

static double own_cpu_seconds(void) {
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/* Percent of one CPU since the last time that it was asked for. */
static double cpu_share(struct tn_kernel *kernel, double seconds) {
	int64_t now = tn_clock_ns();
	double passed = (double)(now - kernel->cpu_ns) * 1e-9, used = seconds - kernel->cpu_seconds;
	kernel->cpu_ns = now;
	kernel->cpu_seconds = seconds;
	return used <= 0 || passed <= 0 ? 0 : 100 * used / passed;
}

static json_t *host_memory(void) {
	static const char file[] = "/proc/meminfo";
	int64_t total = read_kib(file, "MemTotal"), available = read_kib(file, "MemAvailable"), unused = read_kib(file, "MemFree");
	int64_t active = read_kib(file, "Active"), inactive = read_kib(file, "Inactive");
	double percent = total > 0 ? 100 * (double)(total - available) / (double)total : 0;
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "total", (json_int_t)total, "available", (json_int_t)available,
		"free", (json_int_t)unused, "used", (json_int_t)(total - available), "active", (json_int_t)active, "inactive",
		(json_int_t)inactive, "percent", percent);
}

json_t *tn_usage_content(struct tn_kernel *kernel, const json_t *done) {
	char host[256] = "";
	gethostname(host, sizeof(host) - 1);
	int64_t own = read_kib("/proc/self/smaps_rollup", "Pss");
	int64_t of_worker = tn_json_get_int(done, "memory", 0);
	int64_t memory = own < 0 ? 0 : own;
	memory += of_worker > 0 && of_worker < INT64_MAX - memory ? of_worker : 0;
	double seconds = own_cpu_seconds() + json_number_value(json_object_get(done, "cpu_seconds"));
	double load[1] = {0};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	bool has_load = getloadavg(load, 1) == 1 && cpus > 0;
	return json_pack("{s:s, s:o, s:I, s:f, s:I, s:I, s:f, s:o, s:I}", "status", "ok", "hostname",
		tn_json_text(host, strlen(host)), "pid", (json_int_t)getpid(), "kernel_cpu", cpu_share(kernel, seconds), "kernel_memory",
		(json_int_t)memory, "cpu_count", (json_int_t)cpus, "host_cpu_percent", has_load ? 100 * load[0] / (double)cpus : 0.0,
		"host_virtual_memory", host_memory(), "tensor_memory", (json_int_t)tn_json_get_int(done, "tensor_bytes", 0));
}
