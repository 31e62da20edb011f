/* SPDX-License-Identifier: Apache-2.0 */
/* How long OpenMP's threads turn in place between two pieces of work before they sleep. Its own answer, milliseconds, is ruinous
 * where cores are shared: the thread that turns holds the core that the one it waits for needs, and with two other programs on two
 * cores a training step of 0.5 ms takes 22 ms. To sleep at once costs a quiet machine 40 %. 0.2 ms, twice the gaps of a small
 * step, cost it nothing, and the crowded step takes 1.1 ms. What the user has set in the environment stays as it is.
 *
 * GCC's OpenMP has no call for it: its constructor, which runs before main, reads GOMP_SPINCOUNT. What runs still earlier is
 * .preinit_array, and it is given the environment: there the setting takes PATH's place for the moment, and main puts PATH back
 * before it does anything else, so that no child inherits a setting that nobody made. (To start the program again with another
 * environment would cost 2 ms, and lose valgrind, debuggers and a program that was replaced meanwhile.) LLVM's OpenMP has a call. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "main/main.h"

#ifdef _OPENMP
#include <omp.h>
#endif

/* Sanitizers start in .preinit_array themselves, and some start the program again with the environment that they find there. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER
#endif

#if defined(_OPENMP) && defined(KMP_VERSION_MAJOR)

#include <stdlib.h>

enum { IDLE_MS = 1 }; /* the least but none; none costs a quiet machine 25 % */

void tn_threads_init(void) {
	tn_cpu_openmp_begin();
	if (getenv("OMP_WAIT_POLICY") == NULL && getenv("KMP_BLOCKTIME") == NULL && getenv("KMP_LIBRARY") == NULL) {
		kmp_set_blocktime(IDLE_MS);
	}
}

void tn_threads_restore_environment(void) {}

#elif defined(_OPENMP) && defined(__GLIBC__) && !defined(HAS_SANITIZER)

enum { IDLE_NS = 200000, LEAST_TURNS = 1000, MOST_TURNS = 300000 /* libgomp's own */, TRIALS = 4, TURNS = 64 };

#define NAME "GOMP_SPINCOUNT="
static char setting[sizeof(NAME) + 10] = NAME;
static char *path; /* the entry whose place the setting has; NULL: there is no setting */

static int64_t now_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Nanoseconds of TURNS turns of libgomp's loop; between CPUs a turn differs 15-fold, from 3 ns to 45. */
static int64_t measure(void) {
	static volatile int never;
	int64_t began = now_ns();
	for (int i = 0; i < TURNS && never == 0; i++) {
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause();
#else
		__asm__ volatile("" ::: "memory");
#endif
	}
	return now_ns() - began;
}

static int count_turns(void) {
	int64_t best = measure();
	for (int i = 1; i < TRIALS; i++) {
		int64_t one = measure();
		best = one < best ? one : best;
	}
	int64_t turns = best > 0 ? (int64_t)IDLE_NS * TURNS / best : MOST_TURNS;
	return turns < LEAST_TURNS ? LEAST_TURNS : turns > MOST_TURNS ? MOST_TURNS : (int)turns;
}

static bool names(const char *entry, const char *name) {
	return strncmp(entry, name, strlen(name)) == 0;
}

/* The C library has not begun yet: nothing here allocates, formats or asks for its environment. */
static void set_before_constructors(int argc, char **argv, char **env) {
	char **place = NULL;
	(void)argc;
	(void)argv;
	for (char **entry = env; *entry != NULL; entry++) {
		if (names(*entry, NAME) || names(*entry, "OMP_WAIT_POLICY=")) {
			return;
		}
		place = names(*entry, "PATH=") ? entry : place;
	}
	if (place == NULL) {
		return; /* nothing whose place could be taken: libgomp's own time, then */
	}
	int turns = count_turns(), digits = 1;
	for (int rest = turns; rest >= 10; rest /= 10) {
		digits++;
	}
	for (char *digit = setting + strlen(NAME) + digits; turns > 0; turns /= 10) {
		*--digit = (char)('0' + turns % 10);
	}
	path = *place;
	*place = setting;
}

static void (*const before_constructors)(int, char **, char **) __attribute__((section(".preinit_array"), used)) = set_before_constructors;

void tn_threads_restore_environment(void) {
	for (char **entry = environ; path != NULL && *entry != NULL; entry++) {
		if (*entry == setting) {
			*entry = path;
		}
	}
}

void tn_threads_init(void) {}

#else

void tn_threads_restore_environment(void) {}
void tn_threads_init(void) {}

#endif
