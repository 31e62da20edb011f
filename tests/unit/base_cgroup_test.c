/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of control groups, read from folders that look like the system's. */
#include "runner/test.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64], self[96];
static const struct tn_cgroup_place place = {.mount = root, .self = self};

static void write_text(const char *path, const char *text) {
	FILE *f = fopen(path, "w");
	TN_CHECK_NOT_NULL(f);
	TN_CHECK(fputs(text, f) >= 0);
	fclose(f);
}

/* A file below the mount, with its folders. */
static void put(const char *name, const char *text) {
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *slash = strchr(path + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	write_text(path, text);
}

static void begin(const char *groups) {
	snprintf(root, sizeof(root), "/tmp/tenon-cgroup-XXXXXX");
	TN_CHECK_NOT_NULL(mkdtemp(root));
	snprintf(self, sizeof(self), "%s/self", root);
	write_text(self, groups);
}

static void end(void) {
	char command[128];
	snprintf(command, sizeof(command), "rm -r %s", root);
	TN_CHECK_INT_EQ(system(command), 0);
}

TN_TEST(without_groups_there_is_no_limit) {
	begin("");
	TN_CHECK_INT_EQ(tn_cgroup_cpus(&place), INT_MAX);
	TN_CHECK(tn_cgroup_memory(&place) == SIZE_MAX);
	unlink(self);
	TN_CHECK_INT_EQ(tn_cgroup_cpus(&place), INT_MAX);
	end();
}

TN_TEST(the_tightest_of_a_group_and_those_above_it_counts) {
	begin("0::/jobs/one\n");
	put("jobs/one/cpu.max", "max 100000\n");
	put("jobs/cpu.max", "250000 100000\n");
	put("cpu.max", "800000 100000\n");
	put("jobs/one/memory.max", "3000000\n");
	put("jobs/one/memory.current", "1000000\n");
	put("jobs/memory.max", "1500000\n");
	put("jobs/memory.current", "700000\n");
	TN_CHECK_INT_EQ(tn_cgroup_cpus(&place), 3); /* two and a half: rounded up */
	TN_CHECK_SIZE_EQ(tn_cgroup_memory(&place), 800000);
	end();
}

TN_TEST(a_quota_of_less_than_one_cpu_leaves_one) {
	begin("0::/\n");
	put("cpu.max", "5000 100000\n");
	TN_CHECK_INT_EQ(tn_cgroup_cpus(&place), 1);
	put("cpu.max", "200000 100000\n");
	TN_CHECK_INT_EQ(tn_cgroup_cpus(&place), 2);
	end();
}

TN_TEST(version_1_has_a_folder_for_each_controller) {
	begin("7:cpuset:/x\n5:cpu,cpuacct:/job\n4:memory:/job\n0::/\n");
	put("cpu/job/cpu.cfs_quota_us", "150000\n");
	put("cpu/job/cpu.cfs_period_us", "50000\n");
	put("memory/job/memory.limit_in_bytes", "5000\n");
	put("memory/job/memory.usage_in_bytes", "6000\n");
	TN_CHECK_INT_EQ(tn_cgroup_cpus(&place), 3);
	TN_CHECK_SIZE_EQ(tn_cgroup_memory(&place), 0);
	put("cpu/job/cpu.cfs_quota_us", "-1\n");
	TN_CHECK_INT_EQ(tn_cgroup_cpus(&place), INT_MAX);
	end();
}

TN_TEST(a_file_that_makes_no_sense_is_no_limit) {
	begin("0::/\n");
	put("cpu.max", "many few\n");
	put("memory.max", "max\n");
	TN_CHECK_INT_EQ(tn_cgroup_cpus(&place), INT_MAX);
	TN_CHECK(tn_cgroup_memory(&place) == SIZE_MAX);
	put("cpu.max", "0 0\n");
	TN_CHECK_INT_EQ(tn_cgroup_cpus(&place), INT_MAX);
	end();
}
