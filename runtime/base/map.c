/* SPDX-License-Identifier: Apache-2.0 */
/* A hash map in insertion order: `entries` is the order, `index` an open-addressed table of entry numbers with linear
 * probing, at most two thirds full. A removed entry keeps its index slot (its key is NULL, so a probe walks over it)
 * until the next growth rebuilds both; numbers of live entries therefore change in tn_map_set only. */
#include "base/map.h"

#include <string.h>

#include "base/mem.h"

/* So that neither array's size overflows 32 bits. */
enum { MAX_ENTRIES = 1 << 29 };

/* Eight bytes at a time, multiply and fold; the last steps spread every bit (constants of splitmix64). */
uint64_t tn_hash_bytes(const void *bytes, size_t length, uint64_t seed) {
	const unsigned char *p = bytes;
	uint64_t h = seed ^ (0x9e3779b97f4a7c15u * (length + 1)), word;
	for (; length >= 8; length -= 8, p += 8) {
		memcpy(&word, p, 8);
		h = tn_hash_mix(h, word);
	}
	if (length > 0) {
		word = 0;
		memcpy(&word, p, length);
		h = tn_hash_mix(h, word);
	}
	h ^= h >> 30;
	h *= 0xbf58476d1ce4e5b9u;
	h ^= h >> 27;
	h *= 0x94d049bb133111ebu;
	return h ^ (h >> 31);
}

void tn_map_finish(struct tn_map *m) {
	for (uint32_t i = 0; i < m->used; i++) {
		tn_free(m->entries[i].key);
	}
	tn_free(m->entries);
	tn_free(m->index);
	*m = (struct tn_map){0};
}

static uint32_t hash_key(const char *key, size_t length) {
	return (uint32_t)tn_hash_bytes(key, length, 0);
}

static int64_t find_hashed(const struct tn_map *m, const char *key, size_t length, uint32_t hash) {
	if (m->count == 0) {
		return -1;
	}
	uint32_t mask = m->index_size - 1;
	for (uint32_t slot = hash & mask; m->index[slot] != 0; slot = (slot + 1) & mask) {
		const struct tn_map_entry *e = &m->entries[m->index[slot] - 1];
		if (e->hash == hash && e->key != NULL && e->key_length == length && memcmp(e->key, key, length) == 0) {
			return m->index[slot] - 1;
		}
	}
	return -1;
}

int64_t tn_map_find_n(const struct tn_map *m, const char *key, size_t length) {
	return find_hashed(m, key, length, hash_key(key, length));
}

void *tn_map_get_n(const struct tn_map *m, const char *key, size_t length) {
	int64_t found = tn_map_find_n(m, key, length);
	return found < 0 ? NULL : m->entries[found].value;
}

void *tn_map_get(const struct tn_map *m, const char *key) {
	return tn_map_get_n(m, key, strlen(key));
}

static void index_entry(uint32_t *index, uint32_t size, uint32_t number, uint32_t hash) {
	uint32_t slot = hash & (size - 1);
	while (index[slot] != 0) {
		slot = (slot + 1) & (size - 1);
	}
	index[slot] = number + 1;
}

/* Makes room for one more entry: new arrays without the removed entries, twice as large unless many were removed. */
static bool grow(struct tn_map *m) {
	uint32_t capacity = m->count < 6 ? 8 : m->count + m->count / 2 + 1;
	uint32_t index_size = 16;
	if (m->count >= MAX_ENTRIES) {
		return false;
	}
	while (index_size / 2 + index_size / 6 < capacity) {
		index_size *= 2;
	}
	struct tn_map_entry *entries = tn_calloc(capacity, sizeof(*entries));
	uint32_t *index = tn_calloc(index_size, sizeof(*index));
	if (entries == NULL || index == NULL) {
		tn_free(entries);
		tn_free(index);
		return false;
	}
	uint32_t used = 0;
	for (uint32_t i = 0; i < m->used; i++) {
		if (m->entries[i].key != NULL) {
			entries[used] = m->entries[i];
			index_entry(index, index_size, used, entries[used].hash);
			used++;
		}
	}
	tn_free(m->entries);
	tn_free(m->index);
	m->entries = entries;
	m->index = index;
	m->used = used;
	m->capacity = capacity;
	m->index_size = index_size;
	return true;
}

bool tn_map_set_n(struct tn_map *m, const char *key, size_t length, void *value) {
	uint32_t hash = hash_key(key, length);
	int64_t found = find_hashed(m, key, length, hash);
	if (found >= 0) {
		m->entries[found].value = value;
		return true;
	}
	char *copy = length > UINT32_MAX ? NULL : tn_strndup(key, length);
	if (copy == NULL) {
		return false;
	}
	if (m->used == m->capacity && !grow(m)) {
		tn_free(copy);
		return false;
	}
	m->entries[m->used] =
		(struct tn_map_entry){.key = copy, .key_length = (uint32_t)length, .hash = hash, .value = value};
	index_entry(m->index, m->index_size, m->used, hash);
	m->used++;
	m->count++;
	return true;
}

bool tn_map_set(struct tn_map *m, const char *key, void *value) {
	return tn_map_set_n(m, key, strlen(key), value);
}

void *tn_map_remove(struct tn_map *m, const char *key) {
	int64_t found = tn_map_find_n(m, key, strlen(key));
	if (found < 0) {
		return NULL;
	}
	struct tn_map_entry *e = &m->entries[found];
	void *value = e->value;
	tn_free(e->key);
	e->key = NULL;
	e->value = NULL;
	m->count--;
	return value;
}
