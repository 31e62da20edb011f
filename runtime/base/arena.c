/* SPDX-License-Identifier: Apache-2.0 */
/* Bump allocation. Blocks grow with half of what there is, from 512 bytes to 256 KiB: a session keeps the arenas of thousands of small
 * cells, and doubling would leave nearly half of each empty. What needs more than a quarter of the next block gets a block of
 * its own behind the current one, so that the room left there is not lost. */
#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { ALIGN = 16, FIRST_BLOCK = 512, LARGEST_BLOCK = 256 << 10 };

struct tn_arena_block {
	struct tn_arena_block *older;
	size_t size; /* of the payload */
	_Alignas(ALIGN) char payload[];
};

void tn_arena_init(struct tn_arena *arena) {
	*arena = (struct tn_arena){0};
}

void tn_arena_finish(struct tn_arena *arena) {
	struct tn_arena_block *block = arena->block;
	while (block != NULL) {
		struct tn_arena_block *older = block->older;
		tn_free(block);
		block = older;
	}
	tn_arena_init(arena);
}

/* Room for the next block to cut from. */
static size_t next_room(const struct tn_arena *arena) {
	size_t room = arena->total / 2 / ALIGN * ALIGN;
	return room < FIRST_BLOCK ? FIRST_BLOCK : room > LARGEST_BLOCK ? LARGEST_BLOCK : room;
}

#ifdef TN_HARDENED

/* Each a heap block of its own, of its exact size. It may fail where an ordinary build would ask the system, and only there. */
void *tn_arena_alloc(struct tn_arena *arena, size_t size) {
	size_t total;
	if (size > PTRDIFF_MAX - (1 << 16) || !tn_add_size(size, sizeof(struct tn_arena_block), &total)) {
		return NULL;
	}
	if (size > arena->room) {
		size_t room = next_room(arena);
		if (tn_mem_must_fail()) {
			return NULL;
		}
		arena->room = size > room / 4 ? arena->room + size : room;
	}
	struct tn_arena_block *block = tn_alloc_apart(total, ALIGN);
	if (block == NULL) {
		return NULL;
	}
	memset(block, 0, total);
	block->size = size;
	block->older = arena->block;
	arena->block = block;
	arena->room -= size;
	arena->total += total;
	return block->payload;
}

#else

/* Zeroed here, once, so that tn_arena_alloc need not. */
static struct tn_arena_block *create_block(struct tn_arena *arena, size_t size) {
	size_t total;
	if (!tn_add_size(size, sizeof(struct tn_arena_block), &total)) {
		return NULL;
	}
	struct tn_arena_block *block = tn_calloc(1, total);
	if (block != NULL) {
		block->size = size;
		arena->total += total;
	}
	return block;
}

static void *alloc_slowly(struct tn_arena *arena, size_t size) {
	size_t room = next_room(arena);
	if (size > room / 4) {
		struct tn_arena_block *own = create_block(arena, size);
		if (own == NULL) {
			return NULL;
		}
		if (arena->block == NULL) {
			arena->block = own;
			arena->next = arena->end = own->payload + size;
		} else {
			own->older = arena->block->older;
			arena->block->older = own;
		}
		return own->payload;
	}
	struct tn_arena_block *block = create_block(arena, room);
	if (block == NULL) {
		return NULL;
	}
	block->older = arena->block;
	arena->block = block;
	arena->next = block->payload + size;
	arena->end = block->payload + room;
	return block->payload;
}

void *tn_arena_alloc(struct tn_arena *arena, size_t size) {
	if (size > SIZE_MAX - ALIGN) {
		return NULL;
	}
	size = size == 0 ? ALIGN : (size + ALIGN - 1) / ALIGN * ALIGN;
	if (arena->next == NULL || size > (size_t)(arena->end - arena->next)) {
		return alloc_slowly(arena, size);
	}
	char *p = arena->next;
	arena->next += size;
	return p;
}

#endif

void *tn_arena_array(struct tn_arena *arena, size_t count, size_t size) {
	size_t total;
	return tn_mul_size(count, size, &total) ? tn_arena_alloc(arena, total) : NULL;
}

char *tn_arena_strndup(struct tn_arena *arena, const char *text, size_t length) {
	size_t size;
	char *copy = tn_add_size(length, 1, &size) ? tn_arena_alloc(arena, size) : NULL;
	if (copy != NULL && length > 0) {
		memcpy(copy, text, length); /* the NUL behind is there: arena memory is zeroed */
	}
	return copy;
}

char *tn_arena_printf(struct tn_arena *arena, const char *format, ...) {
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	char *text = length < 0 ? NULL : tn_arena_alloc(arena, (size_t)length + 1);
	if (text != NULL) {
		vsnprintf(text, (size_t)length + 1, format, again);
	}
	va_end(again);
	va_end(args);
	return text;
}
