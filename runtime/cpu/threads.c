/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of the CPU backend: OpenMP, because oneDNN brings it and two pools would fight for the cores. This file has the only
 * parallel regions of the folder; the executing thread alone may open them (a region of another thread would make a second
 * pool). Work is always cut by its size, never by the number of threads, so that the results do not depend on it.
 *
 * LLVM's OpenMP notes in shared memory, under the process's number, that it is there, so that a second copy of it in one process is
 * found. A process that is killed leaves its note, and a later one that is given the same number ends at it: with SIGBUS when the
 * first was killed before the note was written, else with "OMP: Error #15". What stands under our number before OpenMP has begun
 * can only be such a leftover, and what OpenMP writes itself nobody needs: tn_cpu_openmp_begin takes both away. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "cpu/cpu.h"
#include "cpu/kernels.h"

/* Element operations below which a second thread costs more than it saves: waking it takes 1-2 us while it spins, and half of
 * what is worked on then lies in another core's cache. A bias and relu over 128 x 256 take 3.4 us on one thread, 4.8 on two. */
static const double work_per_thread = 64e3;

void cpu_parallel(int threads, void (*body)(void *data, int thread), void *data) {
#ifdef _OPENMP
	if (threads > 1) {
		/* The runtime may give fewer threads than asked for; each then takes several parts. */
#pragma omp parallel num_threads(threads)
		{
			int team = omp_get_num_threads();

			for (int k = omp_get_thread_num(); k < threads; k += team) {
				body(data, k);
			}
		}
		return;
	}
#endif
	for (int k = 0; k < threads; k++) {
		body(data, k);
	}
}

void cpu_split(int64_t count, int64_t grain, int thread, int threads, int64_t *begin, int64_t *end) {
	int64_t grains = (count + grain - 1) / grain;
	int64_t first = grains / threads * thread + (grains % threads < thread ? grains % threads : thread);
	int64_t taken = grains / threads + (thread < grains % threads ? 1 : 0);

	*begin = first * grain < count ? first * grain : count;
	taken -= TN_MUTATED(share_too_short) && thread > 0 && thread == threads - 1 && taken > 0;
	*end = (first + taken) * grain < count ? (first + taken) * grain : count;
}

int cpu_threads_for(const struct cpu_call *call, double work) {
	double worth = work / work_per_thread;

	if (worth < 2) {
		return 1;
	}
	return worth < call->threads ? (int)worth : call->threads;
}

#if defined(_OPENMP) && defined(KMP_VERSION_MAJOR)

static void take_note_away(void) {
	char name[64];

	snprintf(name, sizeof(name), "/__KMP_REGISTERED_LIB_%d_%d", (int)getpid(), (int)getuid());
	shm_unlink(name); /* most often there is none */
}

void tn_cpu_openmp_begin(void) {
	static bool begun;

	if (!begun) {
		begun = true;
		take_note_away();
		omp_get_max_threads(); /* it begins at the first call, whichever that is */
		take_note_away();
	}
}

#else

void tn_cpu_openmp_begin(void) {}

#endif

static void *probe_body(void *unused) {
	(void)unused;
	return NULL;
}

/* Threads that can be made now, at most `wanted`: libgomp ends the process when one cannot. */
static int probe(int wanted) {
	pthread_t made[256];
	int count = 0;

	while (count < wanted - 1 && count < (int)TN_ARRAY_LEN(made) && pthread_create(&made[count], NULL, probe_body, NULL) == 0) {
		count++;
	}
	for (int i = 0; i < count; i++) {
		pthread_join(made[i], NULL);
	}
	if (count + 1 < wanted) {
		tn_log(TN_LOG_WARN, "only %d of %d threads can be made here: going on with %d", count + 1, wanted, count + 1);
	}
	return count + 1;
}

#ifdef _OPENMP
/* No more threads than CPUs that the system lets us have time on: beyond a container's quota all of them stand still together for the
 * rest of each period. */
static int limit_by_system(int threads) {
	cpu_set_t set;
	int quota = tn_cgroup_cpus(&(struct tn_cgroup_place){0});

	if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) < threads) {
		threads = CPU_COUNT(&set);
	}
	return quota < threads ? quota : threads;
}
#endif

int cpu_threads_probe(int wanted) {
#ifdef _OPENMP
	static int probed;  /* the most that were found to work */
	static int allowed; /* oneDNN's products change what OpenMP would say later */

	tn_cpu_openmp_begin();
	allowed = allowed == 0 ? omp_get_max_threads() : allowed;
	if (getenv("OMP_NUM_THREADS") == NULL) {
		allowed = limit_by_system(allowed);
	}
	if (wanted <= 0) {
		wanted = allowed;
	}
	if (wanted > probed) {
		probed = probe(wanted);
		wanted = probed;
	}
	return wanted;
#else
	(void)wanted;
	(void)probe;
	(void)getenv;
	return 1;
#endif
}
