/* SPDX-License-Identifier: Apache-2.0 */
/* A group's files lie in a folder below the mount that /proc/self/cgroup names; each folder above it is a group with limits of its
 * own. In a container the path often names nothing here: then the mount itself is the group. */
#include "base/cgroup.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP_PATH_MAX = 512, FILE_PATH_MAX = 1024 };

/* One version of the interface: its controller's folder below the mount, and a reader of one group's files in `folder` that
 * returns the limit that it finds there, UINT64_MAX for none. */
struct controller {
	const char *folder; /* "" in version 2 */
	const char *name;   /* in /proc/self/cgroup; "" in version 2 */
	uint64_t (*read)(const char *folder);
};

/* Up to two numbers on the first line of a file; how many there are ("max" is none). */
static int read_numbers(const char *folder, const char *name, long long *first, long long *second) {
	char path[FILE_PATH_MAX + 64], line[64];
	int count = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "re");
	if (f == NULL) {
		return 0;
	}
	if (fgets(line, sizeof(line), f) != NULL) {
		count = sscanf(line, "%lld %lld", first, second);
	}
	fclose(f);
	return count < 0 ? 0 : count;
}

static uint64_t memory_left(const char *folder, const char *limit_name, const char *used_name) {
	long long limit, used, unused;

	if (read_numbers(folder, limit_name, &limit, &unused) < 1 || limit < 0) {
		return UINT64_MAX;
	}
	if (read_numbers(folder, used_name, &used, &unused) < 1 || used < 0) {
		return (uint64_t)limit;
	}
	return used < limit ? (uint64_t)(limit - used) : 0;
}

static uint64_t memory_of_2(const char *folder) {
	return memory_left(folder, "memory.max", "memory.current");
}

static uint64_t memory_of_1(const char *folder) {
	return memory_left(folder, "memory.limit_in_bytes", "memory.usage_in_bytes");
}

static uint64_t whole_cpus(long long quota, long long period) {
	if (quota <= 0 || period <= 0) {
		return UINT64_MAX; /* version 1 writes -1 for none */
	}
	return (uint64_t)(quota / period + (quota % period != 0));
}

static uint64_t cpus_of_2(const char *folder) {
	long long quota, period;

	return read_numbers(folder, "cpu.max", &quota, &period) == 2 ? whole_cpus(quota, period) : UINT64_MAX;
}

static uint64_t cpus_of_1(const char *folder) {
	long long quota, period, unused;

	if (read_numbers(folder, "cpu.cfs_quota_us", &quota, &unused) < 1 || read_numbers(folder, "cpu.cfs_period_us", &period, &unused) < 1) {
		return UINT64_MAX;
	}
	return whole_cpus(quota, period);
}

static const struct controller memory[] = {{"", "", memory_of_2}, {"/memory", "memory", memory_of_1}};
static const struct controller cpus[] = {{"", "", cpus_of_2}, {"/cpu", "cpu", cpus_of_1}};

/* Whether a list such as "cpu,cpuacct" names the controller; version 2's list is empty. */
static bool lists(const char *list, const char *name) {
	size_t length = strlen(name);

	if (length == 0) {
		return *list == '\0';
	}
	for (const char *at = list; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
			return true;
		}
	}
	return false;
}

/* The group's path below the mount, from a line "0::/path" (version 2) or "5:cpu,cpuacct:/path" (version 1). */
static bool find_group(const char *self, const char *name, char *out, size_t size) {
	char line[GROUP_PATH_MAX];
	FILE *f = fopen(self, "re");
	bool found = false;

	if (f == NULL) {
		return false;
	}
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		char *list = strchr(line, ':'), *path = list != NULL ? strchr(list + 1, ':') : NULL;

		if (path == NULL) {
			continue;
		}
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		found = lists(list + 1, name) && snprintf(out, size, "%s", path) < (int)size;
	}
	fclose(f);
	return found;
}

/* The least that the group and all above it allow. */
static uint64_t least_of(const struct tn_cgroup_place *place, const struct controller *controllers) {
	const char *mount = place->mount != NULL ? place->mount : "/sys/fs/cgroup";
	const char *self = place->self != NULL ? place->self : "/proc/self/cgroup";
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 2; i++) {
		char path[GROUP_PATH_MAX], folder[FILE_PATH_MAX], *slash = path;

		if (!find_group(self, controllers[i].name, path, sizeof(path))) {
			continue;
		}
		while (slash != NULL) {
			uint64_t here;

			if (snprintf(folder, sizeof(folder), "%s%s%s", mount, controllers[i].folder, path) < (int)sizeof(folder)) {
				here = controllers[i].read(folder);
				least = here < least ? here : least;
			}
			slash = strrchr(path, '/');
			if (slash != NULL) {
				*slash = '\0';
			}
		}
	}
	return least;
}

size_t tn_cgroup_memory(const struct tn_cgroup_place *place) {
	uint64_t least = least_of(place, memory);

	return least < SIZE_MAX ? (size_t)least : SIZE_MAX;
}

int tn_cgroup_cpus(const struct tn_cgroup_place *place) {
	uint64_t least = least_of(place, cpus);

	return least < INT_MAX ? (int)least : INT_MAX;
}
