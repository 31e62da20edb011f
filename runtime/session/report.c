/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that show what a session holds: %who, %whos, %memory, %plan. None of them computes anything: a tensor that is
 * still pending is shown by shape and dtype. */
#include "session/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct variable { const char *name; const struct tn_type *type; struct tn_value value; };
struct variables { TN_VEC(struct variable) items; bool failed; };

static void visit_global(void *data, const char *name, const struct tn_type *type, struct tn_value value) {
	struct variables *all = data;
	if (!TN_VEC_PUSH(&all->items, ((struct variable){name, type, value}))) {
		all->failed = true;
	}
}

/* What is collected is borrowed: valid until the next statement runs. The caller finishes all->items. */
static bool collect(struct tn_session *session, struct variables *all, struct tn_error *err) {
	tn_lang_each_global(session->lang, visit_global, all);
	return !all->failed || tn_error_memory(err);
}

bool tn_command_who(struct tn_session *session, const char *arguments, struct tn_error *err) {
	(void)arguments;
	struct variables all = {0};
	bool ok = collect(session, &all, err);
	for (size_t i = 0; ok && i < all.items.count; i++) {
		ok = tn_session_printf(session, err, "%s%s", i == 0 ? "" : "  ", all.items.items[i].name);
	}
	if (ok) {
		tn_session_print(session, all.items.count == 0 ? "there are no variables\n" : "\n");
	}
	TN_VEC_FINISH(&all.items);
	return ok;
}

/* ---- tensors inside a value ---- */

/* Tensors seen already, so that what two variables share is counted once. */
struct tally {
	TN_VEC(const struct tn_tensor *) seen;
	size_t shared_bytes, bytes; /* of the value walked last */
	int64_t tensors;
	bool failed;
};

static size_t tensor_bytes(const struct tn_tensor *t) {
	return (size_t)tn_shape_count(tn_tensor_shape(t)) * tn_dtype_size(tn_tensor_dtype(t));
}

static bool count_tensor(struct tally *tally, const struct tn_tensor *t) {
	tally->tensors++;
	tally->bytes += tensor_bytes(t);
	for (size_t i = 0; i < tally->seen.count; i++) {
		if (tally->seen.items[i] == t) {
			tally->shared_bytes += tensor_bytes(t);
			return true;
		}
	}
	return TN_VEC_PUSH(&tally->seen, t);
}

static bool visit_leaf(void *data, const char *path, struct tn_value *slot, bool is_weight, struct tn_error *err) {
	(void)path;
	(void)is_weight;
	return slot->tag != TN_TENSOR || count_tensor(data, slot->tensor) || tn_error_memory(err);
}

static bool walk(struct tally *tally, struct tn_value value, struct tn_error *err) {
	tally->bytes = tally->shared_bytes = 0;
	tally->tensors = 0;
	if (value.tag == TN_TENSOR) {
		return count_tensor(tally, value.tensor) || tn_error_memory(err);
	}
	bool is_container = value.tag == TN_STRUCT || value.tag == TN_LIST || value.tag == TN_TUPLE || value.tag == TN_MAP;
	return !is_container || tn_tree_walk(&value, true, visit_leaf, tally, err);
}

struct listing {
	struct tn_str out;
	size_t width; /* of the longest name */
	int64_t count;
};

static bool measure_name(void *data, const struct tn_catalog_variable *v) {
	struct listing *listing = data;
	size_t length = strlen(v->name);
	listing->width = length > listing->width ? length : listing->width;
	listing->count++;
	return true;
}

static bool list_variable(void *data, const struct tn_catalog_variable *v) {
	struct listing *listing = data;
	return tn_str_printf(&listing->out, "%-*s  %-24s  %s\n", (int)listing->width, v->name, v->type, v->text);
}

bool tn_command_whos(struct tn_session *session, const char *arguments, struct tn_error *err) {
	(void)arguments;
	struct listing listing = {.width = strlen("Variable")};
	struct tn_catalog *catalog = tn_catalog_create(session->lang, err);
	if (catalog == NULL) {
		return false;
	}
	bool ok = tn_catalog_each_variable(catalog, measure_name, &listing) &&
		tn_str_printf(&listing.out, "%-*s  %-24s  %s\n", (int)listing.width, "Variable", "Type", "Value") &&
		tn_catalog_each_variable(catalog, list_variable, &listing);
	if (ok) {
		tn_session_print(session, listing.count == 0 ? "there are no variables\n" : tn_str_c(&listing.out));
	}
	tn_catalog_unref(catalog);
	tn_str_finish(&listing.out);
	return ok || tn_error_memory(err);
}

static bool append_variable_memory(struct tn_str *out, const struct variable *v, const struct tally *tally) {
	if (tally->tensors == 0) {
		return true;
	}
	if (!tn_str_printf(out, "%-20s  ", v->name) || !tn_catalog_append_bytes(out, tally->bytes)) {
		return false;
	}
	if (tally->shared_bytes > 0 && (!tn_str_append(out, ", of which ") || !tn_catalog_append_bytes(out, tally->shared_bytes) ||
		!tn_str_append(out, " are shared with variables above"))) {
		return false;
	}
	return tn_str_append(out, "\n");
}

static bool append_totals(struct tn_str *out, struct tn_engine *engine) {
	struct tn_engine_stats stats;
	tn_engine_get_stats(engine, &stats);
	const struct { const char *name; size_t bytes; } rows[] = {
		{"in use", stats.memory_used}, {"kept for reuse", stats.memory_cached}, {"in use at most", stats.memory_peak},
		{"budget", stats.memory_budget}};
	bool ok = true;
	for (size_t i = 0; ok && i < TN_ARRAY_LEN(rows); i++) {
		ok = tn_str_printf(out, "%-20s  ", rows[i].name) && tn_catalog_append_bytes(out, rows[i].bytes) && tn_str_append(out, "\n");
	}
	return ok;
}

bool tn_command_memory(struct tn_session *session, const char *arguments, struct tn_error *err) {
	(void)arguments;
	struct variables all = {0};
	struct tally tally = {0};
	struct tn_str out = {0};
	bool ok = collect(session, &all, err);
	for (size_t i = 0; ok && i < all.items.count; i++) {
		ok = walk(&tally, all.items.items[i].value, err) &&
			(append_variable_memory(&out, &all.items.items[i], &tally) || tn_error_memory(err));
	}
	ok = ok && (append_totals(&out, session->engine) || tn_error_memory(err));
	if (ok) {
		tn_session_print(session, tn_str_c(&out));
	}
	tn_str_finish(&out);
	TN_VEC_FINISH(&tally.seen);
	TN_VEC_FINISH(&all.items);
	return ok;
}

/* ---- %plan ---- */

struct plan_table { struct tn_str out; int64_t rows; };

static bool append_line(void *data, const struct tn_flush_line *line) {
	struct plan_table *table = data;
	char place[96], work[32];
	snprintf(place, sizeof(place), line->where[0] == '\0' ? "-" : "%s, line %u", line->where, line->line);
	snprintf(work, sizeof(work), "%u in %u", line->nodes, line->steps);
	bool ok = table->rows++ > 0 || tn_str_printf(&table->out, "\n%-24s %-12s %7s %7s %12s %12s %12s  %s\n", "where", "why", "times", "planned",
		"planning ms", "running ms", "work", "memory");
	ok = ok && tn_str_printf(&table->out, "%-24s %-12s %7" PRIu64 " %7" PRIu64 " %12.3f %12.3f %12s  ", place, line->cause, line->flushes, line->misses,
		(double)line->plan_ns / 1e6, (double)line->run_ns / 1e6, work) && tn_catalog_append_bytes(&table->out, line->bytes) && tn_str_append(&table->out, "\n");
	return ok && (line->differed[0] == '\0' || tn_str_printf(&table->out, "    planned anew because %s\n", line->differed));
}

bool tn_command_plan(struct tn_session *session, const char *arguments, struct tn_error *err) {
	(void)arguments;
	struct tn_engine_stats stats;
	struct plan_table table = {0};
	struct tn_str *out = &table.out;
	tn_engine_get_stats(session->engine, &stats);
	bool ok = tn_str_printf(out,
		"%" PRIu64 " flushes: %" PRIu64 " by a plan that was there, %" PRIu64 " planned anew\n"
		"%" PRIu64 " nodes recorded, %" PRIu64 " run in %" PRIu64 " steps\n"
		"planning %.3f ms, binding %.3f ms, running %.3f ms\n",
		stats.flushes, stats.plan_hits, stats.plan_misses, stats.nodes_recorded, stats.nodes_run, stats.steps_run,
		(double)stats.compile_ns / 1e6, (double)stats.bind_ns / 1e6, (double)stats.run_ns / 1e6) &&
		tn_engine_each_flush_line(session->engine, append_line, &table) &&
		(stats.flushes == 0 || (tn_str_append(out, "\nthe last plan:\n") && tn_engine_describe_last_plan(session->engine, out)));
	if (ok) {
		tn_session_print(session, tn_str_c(out));
	} else {
		tn_error_memory(err);
	}
	tn_str_finish(out);
	return ok;
}
