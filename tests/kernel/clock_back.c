/* SPDX-License-Identifier: Apache-2.0 */
/* A clock that goes back: put before a program (LD_PRELOAD), each look at the wall clock is an hour earlier than the last. What is measured
 * in it goes wrong; deadlines and durations must be of the monotonic one. */
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int clock_gettime(clockid_t clock, struct timespec *out) {
	static atomic_long looks;
	long failed = syscall(SYS_clock_gettime, clock, out);
	if (clock == CLOCK_REALTIME) {
		out->tv_sec -= 3600 * atomic_fetch_add(&looks, 1);
	}
	return (int)failed;
}

EXPORTED time_t time(time_t *out) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL) {
		*out = now.tv_sec;
	}
	return now.tv_sec;
}
