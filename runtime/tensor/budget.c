/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory tensors may take: 0.9 of what is free at start, by the tightest of the machine and the process's control
 * group (version 2, then 1), or what TENON_MEMORY says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/backend.h"

/* Bytes, with an optional K, M or G; 0 where the text says nothing useful. */
static size_t parse_size(const char *text) {
	char *end;
	unsigned long long value = strtoull(text, &end, 10);
	int shift = 0;

	switch (*end) {
	case 'k':
	case 'K':
		shift = 10;
		break;
	case 'm':
	case 'M':
		shift = 20;
		break;
	case 'g':
	case 'G':
		shift = 30;
		break;
	default:
		break;
	}
	return value > SIZE_MAX >> shift ? SIZE_MAX : (size_t)value << shift;
}

/* The number in a file of one number; SIZE_MAX where there is none ("max", or no file). */
static size_t read_number(const char *path) {
	char line[64];
	FILE *f = fopen(path, "re");
	size_t value = SIZE_MAX;

	if (f == NULL) {
		return SIZE_MAX;
	}
	if (fgets(line, sizeof(line), f) != NULL && line[0] >= '0' && line[0] <= '9') {
		value = parse_size(line);
	}
	fclose(f);
	return value;
}

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

static size_t free_of(const char *limit_path, const char *used_path) {
	size_t limit = read_number(limit_path), used = read_number(used_path);

	if (limit == SIZE_MAX) {
		return SIZE_MAX;
	}
	return used == SIZE_MAX ? limit : used < limit ? limit - used : 0;
}

/* The group's path below the mount, from a line "0::/path" (version 2) or "5:memory:/path" (version 1). */
static bool group_path(bool version2, char *out, size_t size) {
	char line[512];
	FILE *f = fopen("/proc/self/cgroup", "re");
	bool found = false;

	if (f == NULL) {
		return false;
	}
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		char *second = strchr(line, ':'), *path = second != NULL ? strchr(second + 1, ':') : NULL;

		if (path == NULL) {
			continue;
		}
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		found = version2 ? strcmp(line, "0:") == 0 : strstr(second, "memory") != NULL;
		if (found) {
			snprintf(out, size, "%s", path);
		}
	}
	fclose(f);
	return found;
}

/* Looks at the group and all above it: each may have a limit. */
static size_t group_free(bool version2) {
	const char *mount = version2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
	const char *limit_name = version2 ? "memory.max" : "memory.limit_in_bytes";
	const char *used_name = version2 ? "memory.current" : "memory.usage_in_bytes";
	char path[512], limit[640], used[640];
	size_t least = SIZE_MAX;

	if (!group_path(version2, path, sizeof(path))) {
		return SIZE_MAX;
	}
	for (;;) {
		size_t here;
		char *slash;

		snprintf(limit, sizeof(limit), "%s%s/%s", mount, path, limit_name);
		snprintf(used, sizeof(used), "%s%s/%s", mount, path, used_name);
		here = free_of(limit, used);
		least = here < least ? here : least;
		slash = strrchr(path, '/');
		if (slash == NULL) {
			return least;
		}
		*slash = '\0';
	}
}

size_t tn_memory_budget(void) {
	const char *setting = getenv("TENON_MEMORY");
	size_t chosen = setting != NULL ? parse_size(setting) : 0, bytes, group;

	if (chosen > 0) {
		return chosen;
	}
	bytes = available_memory();
	for (int version2 = 0; version2 < 2; version2++) {
		group = group_free(version2 != 0);
		bytes = group < bytes ? group : bytes;
	}
	return bytes == SIZE_MAX ? (size_t)4 << 30 : bytes / 10 * 9;
}
