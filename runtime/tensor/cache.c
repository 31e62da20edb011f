/* SPDX-License-Identifier: Apache-2.0 */
/* The plan cache. A key is the stream of recorded words, then which results are live, then what the leaves look like
 * (engine.h, engine.c); the hash only chooses the bucket, a hit compares all of it. Bounded by number and by bytes, the plan that
 * was not used for longest goes first. Sizes of buffers, layouts and the device are in the leaves' words or fixed for the engine.
 */
#include <string.h>

#include "tensor/engine.h"

#ifdef TN_TINY_LIMITS
enum { MOST_PLANS = 4 };
#else
enum { MOST_PLANS = 512 };
#endif
enum { BUCKETS = 1024 };
static const size_t most_bytes = (size_t)64 << 20;

void tn_cached_plan_destroy(struct tn_engine *e, struct tn_cached_plan *plan) {
	struct tn_arena memory;

	if (plan == NULL) {
		return;
	}
	if (plan->exec != NULL) {
		e->backend->impl->finish(e->backend, plan->exec);
	}
	tn_free(plan->key);
	memory = plan->memory; /* which holds the plan too */
	tn_arena_finish(&memory);
}

static void unlink_use(struct tn_plan_cache *cache, struct tn_cached_plan *plan) {
	*(plan->newer != NULL ? &plan->newer->older : &cache->newest) = plan->older;
	*(plan->older != NULL ? &plan->older->newer : &cache->oldest) = plan->newer;
}

static void link_newest(struct tn_plan_cache *cache, struct tn_cached_plan *plan) {
	plan->newer = NULL;
	plan->older = cache->newest;
	*(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = plan;
	cache->newest = plan;
}

struct tn_cached_plan *tn_cache_find(struct tn_plan_cache *cache, const struct tn_engine *e, uint64_t hash) {
	struct tn_cached_plan *plan = cache->bucket_count == 0 ? NULL : cache->buckets[hash % cache->bucket_count];
	size_t words = e->words.count, tail = e->key.count;

	for (; plan != NULL; plan = plan->bucket_next) {
		if (plan->hash == hash && plan->key_words == words + tail &&
			memcmp(plan->key, e->words.items, words * sizeof(uint64_t)) == 0 &&
			(tail == 0 || memcmp(plan->key + words, e->key.items, tail * sizeof(uint64_t)) == 0)) {
			break;
		}
	}
	if (plan != NULL && plan != cache->newest) {
		unlink_use(cache, plan);
		link_newest(cache, plan);
	}
	return plan;
}

static void drop(struct tn_engine *e, struct tn_cached_plan *plan) {
	struct tn_plan_cache *cache = &e->cache;
	struct tn_cached_plan **at = &cache->buckets[plan->hash % cache->bucket_count];

	while (*at != plan) {
		at = &(*at)->bucket_next;
	}
	*at = plan->bucket_next;
	unlink_use(cache, plan);
	cache->count--;
	cache->size -= plan->size;
	cache->gone[cache->gone_count++ % TN_ARRAY_LEN(cache->gone)] = plan->hash;
	if (e->last_plan == plan) {
		e->last_plan = NULL;
	}
	tn_flush_line_forget(e, plan);
	tn_cached_plan_destroy(e, plan);
}

bool tn_cache_had(const struct tn_plan_cache *cache, uint64_t hash) {
	size_t count = cache->gone_count < TN_ARRAY_LEN(cache->gone) ? cache->gone_count : TN_ARRAY_LEN(cache->gone);

	for (size_t i = 0; i < count; i++) {
		if (cache->gone[i] == hash) {
			return true;
		}
	}
	return false;
}

bool tn_cache_add(struct tn_engine *e, struct tn_cached_plan *plan, uint64_t hash) {
	struct tn_plan_cache *cache = &e->cache;
	size_t words = e->words.count, tail = e->key.count;
	struct tn_cached_plan **bucket;

	if (cache->buckets == NULL) {
		cache->buckets = tn_calloc(BUCKETS, sizeof(struct tn_cached_plan *));
		if (cache->buckets == NULL) {
			return false;
		}
		cache->bucket_count = BUCKETS;
	}
	plan->key = tn_realloc_array(NULL, words + tail, sizeof(uint64_t));
	if (plan->key == NULL) {
		return false;
	}
	memcpy(plan->key, e->words.items, words * sizeof(uint64_t));
	if (tail > 0) {
		memcpy(plan->key + words, e->key.items, tail * sizeof(uint64_t));
	}
	plan->key_words = words + tail;
	plan->stream_words = words;
	plan->hash = hash;
	plan->size = sizeof(*plan) + plan->memory.total + plan->key_words * sizeof(uint64_t);
	bucket = &cache->buckets[hash % cache->bucket_count];
	plan->bucket_next = *bucket;
	*bucket = plan;
	link_newest(cache, plan);
	cache->count++;
	cache->size += plan->size;
	while (cache->oldest != plan && (cache->count > MOST_PLANS || cache->size > most_bytes)) {
		drop(e, cache->oldest);
	}
	return true;
}

void tn_cache_clear(struct tn_engine *e) {
	while (e->cache.oldest != NULL) {
		drop(e, e->cache.oldest);
	}
	tn_free(e->cache.buckets);
	e->cache.buckets = NULL;
	e->cache.bucket_count = 0;
}
