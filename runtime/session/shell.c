/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about the surroundings: !shell, %cd, %pwd, %env, %%writefile. A shell command runs in a process group of its own
 * with nothing to read, so that an interrupt ends it with all its children and it can neither take the terminal nor wait for
 * it. */
#include "session/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* How often a waiting command looks at the interrupt flag, and how long a child may take to leave after SIGTERM. */
enum { LOOK_MS = 10, GRACE_MS = 50 };

static bool is_interrupted(const struct tn_session *session) { return session->interrupt != NULL && *session->interrupt != 0; }

static void sleep_ms(int ms) {
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* A descriptor for a child's output. A pipe of ours is opened anew for it: what a child sets on its own (O_NONBLOCK, as many programs do) it
 * would set on ours and on those of all later children, whose writes then fail half done. Without /proc, and where it is no pipe: ours. */
static int open_own_end(int fd) {
	char path[32];
	struct stat info;
	if (fstat(fd, &info) != 0 || !S_ISFIFO(info.st_mode)) {
		return fd;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC); /* without a reader open would wait for one */
	int flags = own >= 0 ? fcntl(own, F_GETFL) : -1;
	if (own >= 0 && (flags < 0 || fcntl(own, F_SETFL, flags & ~O_NONBLOCK) != 0)) {
		close(own);
		own = -1;
	}
	return own >= 0 ? own : fd;
}

static int set_files(posix_spawn_file_actions_t *actions, const int out[2]) {
	int rc = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	for (int i = 0; rc == 0 && i < 2; i++) {
		rc = out[i] != STDOUT_FILENO + i ? posix_spawn_file_actions_adddup2(actions, out[i], STDOUT_FILENO + i) : 0;
	}
	return rc;
}

static bool spawn_shell(const char *command, pid_t *pid, struct tn_error *err) {
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	char *const argv[] = {"sh", "-c", (char *)command, NULL};
	if (posix_spawn_file_actions_init(&actions) != 0) {
		return tn_error_memory(err);
	}
	if (posix_spawnattr_init(&attributes) != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return tn_error_memory(err);
	}
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGINT);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGXFSZ);
	const int out[2] = {open_own_end(STDOUT_FILENO), open_own_end(STDERR_FILENO)};
	int rc = set_files(&actions, out);
	rc = rc != 0 ? rc : posix_spawnattr_setsigdefault(&attributes, &defaults);
	rc = rc != 0 ? rc : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
	rc = rc != 0 ? rc : posix_spawn(pid, "/bin/sh", &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	for (int i = 0; i < 2; i++) {
		if (out[i] != STDOUT_FILENO + i) {
			close(out[i]);
		}
	}
	if (rc != 0) {
		errno = rc;
		return tn_error_errno(err, "cannot start a shell");
	}
	return true;
}

/* Ends the whole group: politely first, then not. */
static void kill_group(pid_t pid) {
	int status;
	kill(-pid, SIGTERM);
	for (int waited = 0; waited < GRACE_MS; waited += LOOK_MS) {
		sleep_ms(LOOK_MS);
		if (waitpid(pid, &status, WNOHANG) != 0) {
			kill(-pid, SIGKILL); /* what the shell left behind */
			return;
		}
	}
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
}

static bool wait_for(struct tn_session *session, pid_t pid, int *status, struct tn_error *err) {
	for (int ms = 1;; ms = ms < LOOK_MS ? ms + 1 : LOOK_MS) {
		pid_t done = waitpid(pid, status, WNOHANG);
		if (done == pid) {
			return true;
		}
		if (done < 0 && errno != EINTR) {
			return tn_error_errno(err, "cannot wait for a shell command");
		}
		if (is_interrupted(session)) {
			kill_group(pid);
			return tn_error_set(err, TN_ERR_INTERRUPTED, "interrupted: the shell command was ended");
		}
		sleep_ms(ms);
	}
}

bool tn_command_shell(struct tn_session *session, const char *arguments, struct tn_error *err) {
	pid_t pid;
	int status = 0;
	if (arguments[0] == '\0') {
		return tn_error_set(err, TN_ERR_VALUE, "! takes a shell command");
	}
	fflush(stdout); /* the command writes to the same descriptor */
	if (!spawn_shell(arguments, &pid, err) || !wait_for(session, pid, &status, err)) {
		return false;
	}
	if (WIFSIGNALED(status)) {
		return tn_session_printf(session, err, "(ended by signal %d, %s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
	}
	if (WEXITSTATUS(status) != 0) {
		return tn_session_printf(session, err, "(exit status %d)\n", WEXITSTATUS(status));
	}
	return true;
}

bool tn_command_pwd(struct tn_session *session, const char *arguments, struct tn_error *err) {
	if (arguments[0] != '\0') {
		return tn_error_set(err, TN_ERR_VALUE, "%%pwd takes no arguments");
	}
	char *folder = getcwd(NULL, 0);
	if (folder == NULL) {
		return tn_error_errno(err, "cannot tell the folder");
	}
	bool ok = tn_session_printf(session, err, "%s\n", folder);
	free(folder); /* from the C library, not from base/mem.h */
	return ok;
}

bool tn_command_cd(struct tn_session *session, const char *arguments, struct tn_error *err) {
	const char *home = getenv("HOME");
	bool from_home = arguments[0] == '\0' || (arguments[0] == '~' && (arguments[1] == '/' || arguments[1] == '\0'));
	struct tn_str path = {0};
	if (from_home && home == NULL) {
		return tn_error_set(err, TN_ERR_IO, "%%cd: HOME is not set");
	}
	bool ok = (!from_home || tn_str_append(&path, home)) &&
		tn_str_append(&path, from_home && arguments[0] != '\0' ? arguments + 1 : arguments);
	if (!ok) {
		tn_error_memory(err);
	} else if (chdir(tn_str_c(&path)) != 0) {
		ok = tn_error_errno(err, "cannot go to '%s'", tn_str_c(&path));
	}
	tn_str_finish(&path);
	return ok && tn_command_pwd(session, "", err);
}

bool tn_command_env(struct tn_session *session, const char *arguments, struct tn_error *err) {
	if (arguments[0] == '\0') {
		bool ok = true;
		for (char **entry = environ; ok && *entry != NULL; entry++) {
			ok = tn_session_printf(session, err, "%s\n", *entry);
		}
		return ok;
	}
	const char *equals = strchr(arguments, '=');
	if (equals == NULL) {
		const char *value = getenv(arguments);
		return value != NULL ? tn_session_printf(session, err, "%s\n", value) :
			tn_error_set(err, TN_ERR_KEY, "%s is not set in the environment", arguments);
	}
	char *name = tn_strndup(arguments, (size_t)(equals - arguments));
	if (name == NULL) {
		return tn_error_memory(err);
	}
	bool ok = setenv(name, equals + 1, 1) == 0 || tn_error_errno(err, "cannot set '%s'", name);
	tn_free(name);
	return ok;
}

bool tn_command_writefile(struct tn_session *session, const char *arguments, struct tn_error *err) {
	bool append = strncmp(arguments, "-a", 2) == 0 && (arguments[2] == ' ' || arguments[2] == '\t');
	const char *path = append ? arguments + 2 + strspn(arguments + 2, " \t") : arguments;
	size_t length = strcspn(path, "\n");
	const char *text = path[length] == '\n' ? path + length + 1 : path + length;
	while (length > 0 && strchr(" \t\r", path[length - 1]) != NULL) {
		length--;
	}
	if (length == 0) {
		return tn_error_set(err, TN_ERR_VALUE, "%%%%writefile takes the name of a file");
	}
	char *name = tn_strndup(path, length);
	if (name == NULL) {
		return tn_error_memory(err);
	}
	FILE *file = fopen(name, append ? "ae" : "we");
	bool ok = file != NULL && fputs(text, file) >= 0;
	ok = (file == NULL || fclose(file) == 0) && ok;
	ok = ok ? tn_session_printf(session, err, "%s %s\n", append ? "Added to" : "Wrote", name) :
		tn_error_errno(err, "cannot write '%s'", name);
	tn_free(name);
	return ok;
}
