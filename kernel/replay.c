/* SPDX-License-Identifier: Apache-2.0 */
/* The signatures of the last messages. Marks are 64 bits of a MAC: nobody without the key can choose them. */
#include "kernel/replay.h"

#include <assert.h>

enum { CAPACITY_MIN = 64 };

static void table_finish(struct tn_replay_table *table) {
	tn_free(table->marks);
	*table = (struct tn_replay_table){0};
}

void tn_replays_finish(struct tn_replays *replays) {
	table_finish(&replays->newer);
	table_finish(&replays->older);
}

/* Where the mark is, or would be. */
static size_t place_of(const struct tn_replay_table *table, uint64_t mark) {
	size_t at = (size_t)mark & (table->capacity - 1);
	while (table->marks[at] != 0 && table->marks[at] != mark) {
		at = (at + 1) & (table->capacity - 1);
	}
	return at;
}

static bool has(const struct tn_replay_table *table, uint64_t mark) {
	return table->capacity > 0 && table->marks[place_of(table, mark)] == mark;
}

static bool grow(struct tn_replay_table *table) {
	struct tn_replay_table larger = {.capacity = table->capacity > 0 ? 2 * table->capacity : CAPACITY_MIN, .count = table->count};
	larger.marks = tn_calloc(larger.capacity, sizeof(*larger.marks));
	if (larger.marks == NULL) {
		return false;
	}
	for (size_t i = 0; i < table->capacity; i++) {
		if (table->marks[i] != 0) {
			larger.marks[place_of(&larger, table->marks[i])] = table->marks[i];
		}
	}
	table_finish(table);
	*table = larger;
	return true;
}

bool tn_replays_add(struct tn_replays *replays, uint64_t mark) {
	struct tn_replay_table *newer = &replays->newer;
	assert(mark != 0);
	if (has(newer, mark) || has(&replays->older, mark)) {
		return false;
	}
	if (newer->count == TN_REPLAYS_MAX) {
		table_finish(&replays->older);
		replays->older = *newer;
		*newer = (struct tn_replay_table){0};
	}
	if (2 * (newer->count + 1) > newer->capacity && !grow(newer)) {
		tn_replays_finish(replays);
		return true;
	}
	newer->marks[place_of(newer, mark)] = mark;
	newer->count++;
	return true;
}
