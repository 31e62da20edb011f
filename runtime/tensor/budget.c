/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory tensors may take: 0.9 of what is free at start, by the tightest of the machine and the process's control
 * group, or what TENON_MEMORY says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/backend.h"

static size_t available_memory(void) {
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");
	size_t kib = 0;

	if (f == NULL) {
		return SIZE_MAX;
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "MemAvailable:", 13) == 0) {
			kib = strtoull(line + 13, NULL, 10);
		}
	}
	fclose(f);
	return kib == 0 ? SIZE_MAX : kib << 10;
}

size_t tn_memory_budget(void) {
	uint64_t chosen = tn_setting_number(TN_SETTING_MEMORY, 0);
	size_t bytes, group;

	if (chosen > 0) {
		return chosen < SIZE_MAX ? (size_t)chosen : SIZE_MAX;
	}
	bytes = available_memory();
	group = tn_cgroup_memory(&(struct tn_cgroup_place){0});
	bytes = group < bytes ? group : bytes;
	return bytes == SIZE_MAX ? (size_t)4 << 30 : bytes / 10 * 9;
}
