/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the registered tests one after the other, each in a forked process and process group. What a test prints is kept
 * in a memory file and shown, as TAP comments, when the test did not pass. */
#include "runner/test.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runner/runner.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW_BUILD 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW_BUILD 1
#endif
#endif
#ifdef SLOW_BUILD
enum { TIMEOUT_SECONDS = 400 };
#else
enum { TIMEOUT_SECONDS = 120 };
#endif

enum { MAX_TESTS = 4096, MAX_FDS = 1024, SHOWN_BYTES = 64 << 10 };

/* Made by the linker around the section of that name; weak, for a program without a test. */
extern const struct tn_test *const __start_tn_tests[] __attribute__((weak));
extern const struct tn_test *const __stop_tn_tests[] __attribute__((weak));

static int compare_places(const void *a, const void *b) {
	const struct tn_test *x = *(const struct tn_test *const *)a, *y = *(const struct tn_test *const *)b;
	int by_file = strcmp(x->file, y->file);
	return by_file != 0 ? by_file : (x->line > y->line) - (x->line < y->line);
}

static bool is_chosen(const struct tn_test *test, int filters, char **filter) {
	for (int i = 0; i < filters; i++) {
		if (strstr(test->name, filter[i]) != NULL) {
			return true;
		}
	}
	return filters == 0;
}

/* Marks the open descriptors. */
static void list_fds(bool open[MAX_FDS]) {
	memset(open, 0, MAX_FDS * sizeof(open[0]));
	DIR *dir = opendir("/proc/self/fd");
	if (dir == NULL) {
		return;
	}
	for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		int fd = atoi(entry->d_name);
		if (fd > 2 && fd < MAX_FDS && fd != dirfd(dir)) {
			open[fd] = true;
		}
	}
	closedir(dir);
}

static bool leaks_fds(const bool before[MAX_FDS]) {
	bool after[MAX_FDS], leaked = false;
	list_fds(after);
	for (int fd = 3; fd < MAX_FDS; fd++) {
		if (after[fd] && !before[fd]) {
			char path[64], target[256];
			snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
			ssize_t n = readlink(path, target, sizeof(target) - 1);
			target[n > 0 ? n : 0] = '\0';
			fprintf(stderr, "descriptor %d (%s) was left open\n", fd, target);
			leaked = true;
		}
	}
	return leaked;
}

/* exit, not _exit, after success: the leak checker of a sanitizer build looks at that moment. */
TN_NORETURN static void run_child(const struct tn_test *test, int output) {
	bool before[MAX_FDS];
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	setvbuf(stdout, NULL, _IOLBF, 0);
	list_fds(before);
	test->run();
	tn_mem_fail_at(-1, false);
	fflush(NULL);
	if (leaks_fds(before)) {
		_exit(TN_TEST_FAILED);
	}
	exit(TN_TEST_PASSED);
}

/* Waits for the child; false when its time was up and it had to be killed. SIGCHLD is blocked, so that none is missed
 * between the look and the wait. */
static bool wait_for(pid_t child, int *status) {
	sigset_t chld;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	int64_t deadline = tn_clock_ns() + TIMEOUT_SECONDS * INT64_C(1000000000);
	while (waitpid(child, status, WNOHANG) == 0) {
		int64_t left = deadline - tn_clock_ns();
		if (left <= 0) {
			kill(-child, SIGKILL);
			kill(child, SIGKILL);
			waitpid(child, status, 0);
			return false;
		}
		struct timespec t = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
		sigtimedwait(&chld, NULL, &t);
	}
	kill(-child, SIGKILL); /* what the test started and left behind */
	return true;
}

/* The test's output, each line behind "# ". */
static void show_output(int output) {
	static char text[SHOWN_BYTES];
	off_t size = lseek(output, 0, SEEK_END);
	off_t from = size > SHOWN_BYTES ? size - SHOWN_BYTES : 0;
	ssize_t n = pread(output, text, sizeof(text), from);
	if (from > 0) {
		printf("# (the first %lld bytes are left out)\n", (long long)from);
	}
	for (ssize_t i = 0; i < n; i++) {
		if (i == 0 || text[i - 1] == '\n') {
			fputs("# ", stdout);
		}
		putchar(text[i]);
	}
	if (n > 0 && text[n - 1] != '\n') {
		putchar('\n');
	}
}

static void show_reason(int output) {
	char line[256];
	ssize_t n = pread(output, line, sizeof(line) - 1, 0);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	printf(" # SKIP %s", line);
}

/* Prints one TAP line; true unless the test failed. */
static bool report(const struct tn_test *test, int number, bool in_time, int status, int output) {
	bool skipped = in_time && WIFEXITED(status) && WEXITSTATUS(status) == TN_TEST_SKIPPED;
	bool ok = skipped || (in_time && WIFEXITED(status) && WEXITSTATUS(status) == TN_TEST_PASSED);
	printf("%s %d - %s", ok ? "ok" : "not ok", number, test->name);
	if (skipped) {
		show_reason(output);
	}
	putchar('\n');
	if (!ok) {
		show_output(output);
		if (!in_time) {
			printf("# killed after %d seconds\n", TIMEOUT_SECONDS);
		} else if (WIFSIGNALED(status)) {
			printf("# ended by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
		} else {
			printf("# exit status %d\n", WEXITSTATUS(status));
		}
	}
	fflush(stdout);
	return ok;
}

static bool run_test(const struct tn_test *test, int number) {
	int output = memfd_create("test-output", MFD_CLOEXEC), status = 0;
	fflush(NULL);
	pid_t child = output < 0 ? -1 : fork();
	if (child == 0) {
		run_child(test, output);
	}
	if (child < 0) {
		printf("not ok %d - %s\n# cannot start: %s\n", number, test->name, strerror(errno));
		return false;
	}
	bool in_time = wait_for(child, &status);
	bool ok = report(test, number, in_time, status, output);
	close(output);
	return ok;
}

static int collect(const struct tn_test **tests, int filters, char **filter) {
	int count = 0;
	if (__stop_tn_tests - __start_tn_tests > MAX_TESTS) {
		printf("Bail out! more than %d tests in one program\n", MAX_TESTS);
		exit(1);
	}
	for (const struct tn_test *const *p = __start_tn_tests; p < __stop_tn_tests; p++) {
		if (is_chosen(*p, filters, filter)) {
			tests[count++] = *p;
		}
	}
	qsort(tests, (size_t)count, sizeof(tests[0]), compare_places);
	return count;
}

int main(int argc, char **argv) {
	static const struct tn_test *tests[MAX_TESTS];
	bool list = argc > 1 && strcmp(argv[1], "--list") == 0, in_process = argc > 1 && strcmp(argv[1], "--no-fork") == 0;
	int options = list || in_process ? 2 : 1;
	int count = collect(tests, argc - options, argv + options);
	if (list) {
		for (int i = 0; i < count; i++) {
			puts(tests[i]->name);
		}
		return 0;
	}
	if (in_process) {
		for (int i = 0; i < count; i++) {
			fprintf(stderr, "%s\n", tests[i]->name);
			tests[i]->run();
		}
		return 0;
	}
	sigset_t chld;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	int failed = 0;
	printf("1..%d%s\n", count, count == 0 ? " # SKIP no test of that name" : "");
	for (int i = 0; i < count; i++) {
		failed += run_test(tests[i], i + 1) ? 0 : 1;
	}
	return failed > 0 ? 1 : 0;
}
