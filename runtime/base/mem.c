/* SPDX-License-Identifier: Apache-2.0 */
/* The one door to the heap. In a normal run the failure switch costs one relaxed load per call; counting begins with
 * the first tn_mem_fail_at. */
#include "base/mem.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/settings.h"

enum { HUGE_PAGE = 2 << 20 };

static atomic_bool counting;
static _Atomic int64_t calls;
static _Atomic int64_t fail_at = -1;
static atomic_bool fail_sticky;

bool tn_mem_must_fail(void) {
	if (TN_LIKELY(!atomic_load_explicit(&counting, memory_order_relaxed))) {
		return false;
	}
	int64_t call = atomic_fetch_add(&calls, 1);
	int64_t at = atomic_load(&fail_at);
	bool hit = at >= 0 && (call == at || (call > at && atomic_load(&fail_sticky)));
	if (hit) {
		errno = ENOMEM;
	}
	return hit;
}

void *tn_alloc(size_t size) {
	return tn_mem_must_fail() ? NULL : malloc(size > 0 ? size : 1);
}

void *tn_calloc(size_t count, size_t size) {
	size_t total;
	if (tn_mem_must_fail() || !tn_mul_size(count, size, &total)) {
		return NULL;
	}
	return calloc(1, total > 0 ? total : 1);
}

void *tn_realloc_array(void *old, size_t count, size_t size) {
	size_t total;
	if (tn_mem_must_fail() || !tn_mul_size(count, size, &total)) {
		return NULL;
	}
	return realloc(old, total > 0 ? total : 1);
}

void *tn_alloc_apart(size_t size, size_t alignment) {
	void *p = NULL;
	return posix_memalign(&p, alignment, size > 0 ? size : 1) == 0 ? p : NULL;
}

char *tn_strdup(const char *text) {
	return tn_strndup(text, strlen(text));
}

char *tn_strndup(const char *text, size_t length) {
	size_t size;
	if (!tn_add_size(length, 1, &size)) {
		return NULL;
	}
	char *copy = tn_alloc(size);
	if (copy == NULL) {
		return NULL;
	}
	if (length > 0) {
		memcpy(copy, text, length);
	}
	copy[length] = '\0';
	return copy;
}

void tn_free(void *ptr) {
	free(ptr);
}

/* The kernel aligns to pages only: take `alignment` too much and give back both ends. */
void *tn_mem_map(size_t size, size_t alignment) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE), slack = alignment > page ? alignment - page : 0, total;
	if (tn_mem_must_fail() || size > SIZE_MAX - page || !tn_add_size((size + page - 1) / page * page, slack, &total)) {
		return NULL;
	}
	char *base = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED) {
		return NULL;
	}
	size_t before = slack > 0 ? (alignment - (uintptr_t)base % alignment) % alignment : 0;
	if (before > 0) {
		munmap(base, before);
	}
	if (slack > before) {
		munmap(base + before + (total - slack), slack - before);
	}
	if (alignment >= HUGE_PAGE) {
		madvise(base + before, total - slack, MADV_HUGEPAGE); /* a wish: without it there are small pages */
	}
	return base + before;
}

void tn_mem_unmap(void *ptr, size_t size) {
	if (ptr != NULL) {
		munmap(ptr, size);
	}
}

void tn_mem_fail_at(int64_t n, bool sticky) {
	atomic_store(&fail_at, -1);
	atomic_store(&calls, 0);
	atomic_store(&fail_sticky, sticky);
	atomic_store(&counting, true);
	atomic_store(&fail_at, n);
}

void tn_mem_fail_from_env(void) {
	if (tn_setting_text(TN_SETTING_ALLOC_FAIL) != NULL) {
		tn_mem_fail_at((int64_t)tn_setting_number(TN_SETTING_ALLOC_FAIL, UINT64_MAX), false);
	}
}

int64_t tn_mem_calls(void) {
	return atomic_load(&calls);
}
