/* SPDX-License-Identifier: Apache-2.0 */
/* Every heap call of Tenon goes through here, so that a test can make the n-th one fail, and so that sizes
 * are multiplied with an overflow check. Tensor storage has an allocator of its own (tensor/alloc.c), which
 * takes its segments from tn_mem_map below. Any thread. */
#ifndef TN_BASE_MEM_H
#define TN_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* NULL when memory is out (or the test says so); `size` 0 gives a unique pointer that may be freed. */
TN_MUST_USE void *tn_alloc(size_t size);
/* As tn_alloc, zeroed; NULL also when count * size overflows. */
TN_MUST_USE void *tn_calloc(size_t count, size_t size);
/* `old` stays valid when this fails. NULL also when count * size overflows. */
TN_MUST_USE void *tn_realloc_array(void *old, size_t count, size_t size);
TN_MUST_USE char *tn_strdup(const char *text);
TN_MUST_USE char *tn_strndup(const char *text, size_t length);
/* `size` bytes and no more, aligned; freed by tn_free. For the hardened build, in which what is cut from larger blocks elsewhere is a heap
 * block of its own, so that the address sanitizer sees its end. A failing allocation is not asked of it: the blocks that it is
 * instead of are, see tn_mem_must_fail. */
TN_MUST_USE void *tn_alloc_apart(size_t size, size_t alignment);
/* Accepts NULL. */
void tn_free(void *ptr);

/* Pages from the system, zeroed, aligned to `alignment` (a power of two, at least the page size); huge pages are
 * asked for where alignment is 2 MiB or more. NULL when there are none. tn_mem_unmap takes the same size. */
TN_MUST_USE void *tn_mem_map(size_t size, size_t alignment);
void tn_mem_unmap(void *ptr, size_t size);

/* For tests: the n-th call from now on (0 = the next) returns NULL, and all after it when `sticky`; a negative n
 * switches that off. tn_mem_calls counts calls since the last tn_mem_fail_at. Process wide. TENON_ALLOC_FAIL=n in
 * the environment does the same for a whole program (read once, by tn_mem_fail_from_env). */
void tn_mem_fail_at(int64_t n, bool sticky);
void tn_mem_fail_from_env(void);
int64_t tn_mem_calls(void);
/* Counts one call; true when a test wants this one to fail. */
bool tn_mem_must_fail(void);

/* Overflow-checked size arithmetic: false when the result does not fit. */
static inline bool tn_mul_size(size_t a, size_t b, size_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool tn_add_size(size_t a, size_t b, size_t *out) { return !__builtin_add_overflow(a, b, out); }

#endif
