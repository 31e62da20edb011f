/* SPDX-License-Identifier: Apache-2.0 */
/* What %plan tells: the lines of the program at which pending work was done, how often its plan was there, what differed where it was
 * not, and the warning when one line is planned anew again and again. A few lines are kept, those of which was heard lately; a flush pays
 * one comparison for its line, and only a new line or a miss is put into words. */
#include <stdio.h>
#include <string.h>

#include "tensor/engine.h"

/* So many misses from one line of one cell are no coincidence. */
enum { MISSES_TO_WARN = 8 };

/* ---- the line of a flush ---- */

static uint64_t site_here(const struct tn_engine *e) {
	uint64_t site = e->hooks.here != NULL ? e->hooks.here(e->hooks.data) : TN_SITE_NONE;

	return site != TN_SITE_NONE ? site : tn_pending_user_site(&e->nodes.items[e->nodes.count - 1]);
}

static void find_place(const struct tn_engine *e, uint64_t site, struct tn_error_place *out) {
	struct tn_error err = {0};

	tn_error_set(&err, TN_ERR_ERROR, "here"); /* only an error has a place */
	if (e->hooks.locate != NULL && e->hooks.here != NULL) {
		e->hooks.locate(e->hooks.data, (struct tn_origin){.site = site, .outer = TN_SITE_NONE}, &err);
	}
	*out = err.place;
}

/* The row of that place, or the one that was not used for longest, made its own. */
static struct tn_flush_row *row_of_place(struct tn_engine *e, const struct tn_error_place *place, const char *cause) {
	struct tn_flush_row *oldest = &e->lines[0];

	for (struct tn_flush_row *row = e->lines; row < e->lines + TN_MOST_FLUSH_LINES; row++) {
		if (row->used > 0 && row->seen.cause == cause && row->seen.line == place->line && strcmp(row->seen.where, place->where) == 0) {
			return row;
		}
		oldest = row->used < oldest->used ? row : oldest;
	}
	*oldest = (struct tn_flush_row){.seen = {.line = place->line, .cause = cause}};
	memcpy(oldest->seen.where, place->where, sizeof(oldest->seen.where));
	return oldest;
}

static struct tn_flush_row *find_row(struct tn_engine *e, uint64_t site, const char *cause) {
	struct tn_error_place place;
	struct tn_flush_row *row;

	for (row = e->lines; row < e->lines + TN_MOST_FLUSH_LINES; row++) {
		if (row->site == site && row->seen.cause == cause && row->used > 0) {
			return row;
		}
	}
	find_place(e, site, &place);
	row = row_of_place(e, &place, cause);
	row->site = site;
	return row;
}

void tn_flush_line_begin(struct tn_engine *e, const char *cause) {
	uint64_t site;

	e->line = NULL;
	if (e->eager) {
		return; /* each node is a flush: that says nothing of the program */
	}
	if (e->lines == NULL && (e->lines = tn_calloc(TN_MOST_FLUSH_LINES, sizeof(*e->lines))) == NULL) {
		return; /* the work itself does not need it */
	}
	site = site_here(e);
	if (e->last_line == NULL || e->last_line->site != site || e->last_line->seen.cause != cause) {
		e->last_line = find_row(e, site, cause);
	}
	e->line = e->last_line;
	e->line->used = e->epoch;
	if (e->line->cell != e->cell) {
		e->line->cell = e->cell;
		e->line->cell_flushes = e->line->cell_misses = 0;
		e->line->warned = false;
	}
	e->line->seen.flushes++;
	e->line->cell_flushes++;
}

/* ---- a miss ---- */

static void add_place(const struct tn_engine *e, const struct tn_flush_line *line, uint32_t node, char *text, size_t size) {
	struct tn_error_place place;
	size_t length = strlen(text);

	find_place(e, tn_pending_user_site(&e->nodes.items[node]), &place);
	if (place.where[0] == '\0' || (place.line == line->line && strcmp(place.where, line->where) == 0)) {
		return;
	}
	if (strcmp(place.where, line->where) == 0) {
		snprintf(text + length, size - length, " (line %u)", place.line);
	} else {
		snprintf(text + length, size - length, " (%s, line %u)", place.where, place.line);
	}
}

void tn_flush_line_miss(struct tn_engine *e, uint64_t hash) {
	struct tn_flush_row *row = e->line;
	struct tn_plan_difference differed;

	if (row == NULL) {
		return;
	}
	if (tn_cache_had(&e->cache, hash) || (row->plan == NULL && row->seen.flushes > 1)) {
		snprintf(row->seen.differed, sizeof(row->seen.differed), "its last plan had to make room for others");
		row->hint = NULL;
	} else if (row->plan != NULL) {
		tn_plan_differ(e, row->plan, &differed);
		snprintf(row->seen.differed, sizeof(row->seen.differed), "%s", differed.text);
		add_place(e, &row->seen, differed.node, row->seen.differed, sizeof(row->seen.differed));
		row->hint = differed.hint;
		row->cell_misses++;
	}
	row->seen.misses++;
}

void tn_flush_line_forget(struct tn_engine *e, const struct tn_cached_plan *plan) {
	for (uint32_t i = 0; e->lines != NULL && i < TN_MOST_FLUSH_LINES; i++) {
		if (e->lines[i].plan == plan) {
			e->lines[i].plan = NULL;
		}
	}
}

/* ---- its end ---- */

static void measure(struct tn_flush_line *line, const struct tn_cached_plan *cached, const struct tn_engine_stats *before, const struct tn_engine_stats *now) {
	line->plan_ns += now->compile_ns - before->compile_ns;
	line->run_ns += now->run_ns - before->run_ns;
	line->nodes = (uint32_t)(now->nodes_run - before->nodes_run);
	line->steps = cached->plan.step_count;
	line->bytes = cached->plan.arena_size;
	for (uint32_t i = 0; i < cached->result_count; i++) {
		line->bytes += cached->donor[i] == TN_REF_NONE ? cached->plan.slots[cached->plan.leaf_count + i].size : 0;
	}
}

/* A line whose plans serve more often than not is left alone. */
static void warn(struct tn_engine *e, struct tn_flush_row *row) {
	char text[512];

	if (row->warned || row->cell_misses < MISSES_TO_WARN || row->cell_flushes > 2 * row->cell_misses + 1 || e->hooks.warn == NULL) {
		return;
	}
	row->warned = true;
	snprintf(text, sizeof(text), "the work done here was planned anew %u times, last because %.420s", (unsigned)row->cell_misses, row->seen.differed);
	e->hooks.warn(e->hooks.data, text, row->hint);
}

void tn_flush_line_end(struct tn_engine *e, bool ok, const struct tn_engine_stats *before) {
	struct tn_flush_row *row = e->line;

	e->line = NULL;
	if (row == NULL || !ok || e->last_plan == NULL) {
		return;
	}
	row->plan = e->last_plan;
	measure(&row->seen, e->last_plan, before, &e->stats);
	if (e->stats.plan_misses != before->plan_misses) {
		warn(e, row);
	}
}

void tn_engine_end_cell(struct tn_engine *e) {
	e->cell++;
	e->last_line = NULL;
	for (uint32_t i = 0; e->lines != NULL && i < TN_MOST_FLUSH_LINES; i++) {
		e->lines[i].site = TN_SITE_NONE; /* the number may mean other code in the next cell */
	}
}

/* ---- for %plan ---- */

bool tn_engine_each_flush_line(const struct tn_engine *e, bool (*visit)(void *data, const struct tn_flush_line *line), void *data) {
	uint64_t after = 0;

	for (;;) {
		const struct tn_flush_row *next = NULL;

		for (uint32_t i = 0; e->lines != NULL && i < TN_MOST_FLUSH_LINES; i++) {
			const struct tn_flush_row *row = &e->lines[i];

			if (row->used > after && (next == NULL || row->used < next->used)) {
				next = row;
			}
		}
		if (next == NULL) {
			return true;
		}
		if (!visit(data, &next->seen)) {
			return false;
		}
		after = next->used;
	}
}
