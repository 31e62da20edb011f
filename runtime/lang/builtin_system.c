/* SPDX-License-Identifier: Apache-2.0 */
/* What a program asks of its surroundings: arguments, time, memory, waiting. */
#include <string.h>
#include <time.h>

#include "lang/builtin.h"

static bool run_args(struct tn_native_call *call, struct tn_error *err) {
	int count;
	const char *const *args = tn_lang_args(call->lang, &count);
	struct tn_value list;
	if (!tn_list_create(tn_type_basic(tn_lang_types(call->lang), TN_TYPE_STRING), (size_t)count, &list, err)) {
		return false;
	}
	for (int i = 0; i < count; i++) {
		struct tn_value text;
		if (!tn_string_create(args[i], strlen(args[i]), &text, err) || !tn_list_append_take(list.list, text, err)) {
			tn_value_unref(list);
			return false;
		}
	}
	*call->result = list;
	return true;
}

static bool run_clock(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	*call->result = tn_float((double)tn_clock_ns() * 1e-9);
	return true;
}

/* In slices, so that an interrupt is heard at once. */
static bool run_sleep(struct tn_native_call *call, struct tn_error *err) {
	enum { SLICE_NS = 20000000 };
	double seconds = tn_arg_number(call, 0);
	if (!(seconds >= 0.0 && seconds <= 1e9)) {
		return tn_error_set(err, TN_ERR_VALUE, "sleep: expected seconds from 0 to 1e9, found %g", seconds);
	}
	int64_t end = tn_clock_ns() + (int64_t)(seconds * 1e9);
	for (int64_t left; (left = end - tn_clock_ns()) > 0;) {
		if (tn_lang_interrupted(call->lang, err)) {
			return false;
		}
		struct timespec slice = {.tv_nsec = left < SLICE_NS ? left : SLICE_NS};
		nanosleep(&slice, NULL);
	}
	return true;
}

static bool run_sync(struct tn_native_call *call, struct tn_error *err) { return tn_flush(call->engine, "sync", err); }

/* A map of figures, so that a program can read them by name. */
static bool run_memory(struct tn_native_call *call, struct tn_error *err) {
	struct tn_engine_stats stats;
	tn_engine_get_stats(call->engine, &stats);
	const struct { const char *name; size_t bytes; } figures[] = {
		{"used", stats.memory_used}, {"cached", stats.memory_cached}, {"peak", stats.memory_peak}, {"budget", stats.memory_budget}};
	struct tn_value map;
	if (!tn_dict_create(tn_type_basic(tn_lang_types(call->lang), TN_TYPE_INT), &map, err)) {
		return false;
	}
	for (size_t i = 0; i < TN_ARRAY_LEN(figures); i++) {
		if (!tn_dict_set_take(map.map, figures[i].name, strlen(figures[i].name), tn_int((int64_t)figures[i].bytes), err)) {
			tn_value_unref(map);
			return false;
		}
	}
	*call->result = map;
	return true;
}

static bool run_warn(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	tn_vm_warn(call->lang, tn_arg_given(call, 1) ? call->args[1].string->text : NULL, "%s", call->args[0].string->text);
	return true;
}

static const struct tn_native rows[] = {
	{ "void warn(string message, string hint = none)", "Shows a warning with the line that led to it; the same one once in a cell.\n\nhint: what could be done. message: what it says.",
	  "warn(\"the loss is above 10\");", run_warn, NULL, TN_NATIVE_CHECKS },
	{ "string[] args()", "The arguments behind the file's name on the command line.", "len(args())    // expect: 0", run_args, NULL, 0 },
	{ "float clock()", "Seconds of a clock that only runs forward; differences of two readings are times.", "clock() > 0    // expect: true", run_clock, NULL, 0 },
	{ "void sleep(number seconds)", "Waits; an interrupt ends it.\n\nseconds: how long, from 0 on.\n\nErrors: ValueError for a negative number.", "sleep(0.01);", run_sleep, NULL, 0 },
	{ "void sync(auto... values)", "Waits until all recorded work is done.\n\nvalues: computed first.", "sync(ones(2) + 1);", run_sync, NULL, 0 },
	{ "map[int] memory()", "Bytes of tensor memory: used, cached (free but kept), peak, budget.", "memory()[\"used\"] >= 0    // expect: true", run_memory, NULL, 0 },
};
TN_NATIVE_TABLE(system, rows);
