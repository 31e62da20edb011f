/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions are found in /proc: the system has no call that signals one. The front and the worker both need it, each for the case that
 * the other one cannot do it any more. */
#include "base/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The session of a process, from /proc; 0: it is gone. */
static long session_of(const char *pid) {
	char path[64], text[512];
	long session = 0;
	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (fd >= 0) {
		close(fd);
	}
	text[length > 0 ? length : 0] = '\0';
	const char *name_end = strrchr(text, ')'); /* a name may hold anything: what follows is state, parent, group, session */
	if (name_end == NULL || sscanf(name_end + 1, " %*c %*d %*d %ld", &session) != 1) {
		return 0;
	}
	return session;
}

void tn_process_kill_session(pid_t leader) {
	bool found = true;
	for (int round = 0; found && round < 8; round++) { /* they may be multiplying */
		DIR *processes = opendir("/proc");
		found = false;
		for (struct dirent *entry; processes != NULL && (entry = readdir(processes)) != NULL;) {
			long pid = strtol(entry->d_name, NULL, 10);
			if (pid > 0 && pid != (long)leader && session_of(entry->d_name) == (long)leader) {
				found = kill((pid_t)pid, SIGKILL) == 0 || found;
			}
		}
		if (processes != NULL) {
			closedir(processes);
		}
	}
}
