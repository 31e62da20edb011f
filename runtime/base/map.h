/* SPDX-License-Identifier: Apache-2.0 */
/* A hash map from byte strings to pointers, in insertion order. Keys are copied. Removing keeps the order of the rest. */
#ifndef TN_BASE_MAP_H
#define TN_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct tn_map_entry {
	char *key; /* NUL-terminated, owned by the map; NULL = removed */
	uint32_t key_length;
	uint32_t hash;
	void *value;
};

/* All zero is the empty map. Iterate: for (i = 0; i < m->used; i++) if (m->entries[i].key) … */
struct tn_map {
	struct tn_map_entry *entries;
	uint32_t used, capacity; /* slots of entries used (removed ones too), and there */
	uint32_t count;          /* live entries */
	uint32_t *index;         /* open addressing; entry number + 1, 0 = free */
	uint32_t index_size;     /* power of two */
};

void tn_map_finish(struct tn_map *m); /* does not touch the values */
/* The value, or NULL. */
void *tn_map_get(const struct tn_map *m, const char *key);
void *tn_map_get_n(const struct tn_map *m, const char *key, size_t length);
/* The entry number, or -1: for maps in which NULL is a value. */
int64_t tn_map_find_n(const struct tn_map *m, const char *key, size_t length);
/* Adds or replaces. False: out of memory, nothing changed. */
TN_MUST_USE bool tn_map_set(struct tn_map *m, const char *key, void *value);
TN_MUST_USE bool tn_map_set_n(struct tn_map *m, const char *key, size_t length, void *value);
/* The removed value, or NULL. */
void *tn_map_remove(struct tn_map *m, const char *key);

/* FNV-1a-like 64-bit hash of bytes with good avalanche; the plan cache uses it as well. */
uint64_t tn_hash_bytes(const void *bytes, size_t length, uint64_t seed);
static inline uint64_t tn_hash_mix(uint64_t h, uint64_t x) {
	h ^= x;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ (h >> 32);
}

#endif
