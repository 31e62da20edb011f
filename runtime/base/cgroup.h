/* SPDX-License-Identifier: Apache-2.0 */
/* What the process's control group (version 2, then 1) and the groups above it leave of the machine: containers and batch systems
 * set these limits. Read afresh at each call, some tenths of a millisecond; any thread. */
#ifndef TN_BASE_CGROUP_H
#define TN_BASE_CGROUP_H

#include <stddef.h>

/* Where the limits are read; all zero means the system's own places. Tests name folders of their own. */
struct tn_cgroup_place {
	const char *mount; /* /sys/fs/cgroup */
	const char *self;  /* /proc/self/cgroup */
};

/* Bytes that may still be taken, by the tightest limit; SIZE_MAX: no limit. */
size_t tn_cgroup_memory(const struct tn_cgroup_place *place);
/* CPUs that the tightest quota gives time for, rounded up, at least 1; INT_MAX: no quota. */
int tn_cgroup_cpus(const struct tn_cgroup_place *place);

#endif
