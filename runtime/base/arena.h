/* SPDX-License-Identifier: Apache-2.0 */
/* Bump allocation for what dies together: one arena per cell holds tokens, tree, types and messages. Nothing is freed
 * one by one. One thread at a time. */
#ifndef TN_BASE_ARENA_H
#define TN_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/compiler.h"

struct tn_arena {
	struct tn_arena_block *block; /* newest first */
	char *next, *end;             /* free part of the newest block */
	size_t total;                 /* bytes taken from the system */
#ifdef TN_HARDENED
	size_t room;                  /* left in the block that an ordinary build would cut from */
#endif
};

void tn_arena_init(struct tn_arena *arena);
void tn_arena_finish(struct tn_arena *arena);
/* Zeroed, aligned to 16 bytes. NULL when memory is out. */
TN_MUST_USE void *tn_arena_alloc(struct tn_arena *arena, size_t size);
TN_MUST_USE void *tn_arena_array(struct tn_arena *arena, size_t count, size_t size);
TN_MUST_USE char *tn_arena_strndup(struct tn_arena *arena, const char *text, size_t length);
TN_MUST_USE char *tn_arena_printf(struct tn_arena *arena, const char *format, ...) TN_PRINTF(2, 3);

#define TN_ARENA_NEW(arena, type) ((type *)tn_arena_alloc((arena), sizeof(type)))
#define TN_ARENA_ARRAY(arena, count, type) ((type *)tn_arena_array((arena), (count), sizeof(type)))

#endif
