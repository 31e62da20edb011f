/* SPDX-License-Identifier: Apache-2.0 */
/* %time and %timeit. Work is lazy, so both measure until it is done: a cell ends with a flush, and %timeit reads the value
 * of an expression by sync(…), which would otherwise be dropped as dead code. */
#include "session/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A round of %timeit takes at least this long, so that the check of the loop (tens of microseconds) does not count. */
enum { ROUND_NS = 100 * 1000 * 1000, DEFAULT_ROUNDS = 7, MAX_LOOPS = 100 * 1000 * 1000 };

static int64_t cpu_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static const char *format_ns(double ns, char out[32]) {
	if (ns < 1e3) {
		snprintf(out, 32, "%.3g ns", ns);
	} else if (ns < 1e6) {
		snprintf(out, 32, "%.3g us", ns / 1e3);
	} else if (ns < 1e9) {
		snprintf(out, 32, "%.3g ms", ns / 1e6);
	} else {
		snprintf(out, 32, "%.4g s", ns / 1e9);
	}
	return out;
}

bool tn_command_time(struct tn_session *session, const char *arguments, struct tn_error *err) {
	char wall_text[32], cpu_text[32];
	int64_t wall = tn_clock_ns();
	int64_t cpu = cpu_ns();
	bool ok = tn_session_run_text(session,
		&(struct tn_lang_cell){.name = "%time", .text = arguments, .length = strlen(arguments), .display_last = true}, err);
	wall = tn_clock_ns() - wall;
	cpu = cpu_ns() - cpu;
	return ok && tn_session_printf(session, err, "Wall time: %s, CPU: %s\n", format_ns((double)wall, wall_text),
		format_ns((double)cpu, cpu_text));
}

struct timeit {
	int64_t loops; /* 0: found by trying */
	int64_t rounds;
	const char *code;
	bool is_expression;
};

static bool read_count(const char **at, int64_t max, int64_t *out, struct tn_error *err) {
	char *end;
	*at += 2;
	*at += strspn(*at, " \t");
	errno = 0;
	long long value = strtoll(*at, &end, 10);
	if (end == *at || errno != 0 || value < 1 || value > max) {
		return tn_error_set(err, TN_ERR_VALUE, "%%timeit: -n and -r take a number from 1 to %lld", (long long)max);
	}
	*at = end + strspn(end, " \t");
	*out = value;
	return true;
}

static bool read_options(const char *arguments, struct timeit *t, struct tn_error *err) {
	const char *at = arguments;
	while (at[0] == '-' && (at[1] == 'n' || at[1] == 'r')) {
		bool loops = at[1] == 'n';
		if (!read_count(&at, loops ? MAX_LOOPS : 1000, loops ? &t->loops : &t->rounds, err)) {
			return false;
		}
	}
	t->code = at + strspn(at, " \t\n");
	if (t->code[0] == '\0') {
		return tn_error_set(err, TN_ERR_VALUE, "%%timeit takes code to run");
	}
	return true;
}

/* One loop over the code as a cell. Declarations in it are local to the loop's body. */
static bool make_loop(const struct timeit *t, int64_t loops, struct tn_str *out, struct tn_error *err) {
	tn_str_clear(out);
	return tn_str_printf(out, "for (int timeit_loop = 0; timeit_loop < %lld; timeit_loop++) { %s%s%s }", (long long)loops,
		t->is_expression ? "sync(" : "", t->code, t->is_expression ? ");" : "\n;") || tn_error_memory(err);
}

static bool check_is_expression(struct tn_session *session, struct timeit *t, struct tn_error *err) {
	struct tn_str text = {0};
	struct tn_diagnostics diag = {0};
	t->is_expression = true;
	bool ok = make_loop(t, 1, &text, err);
	if (ok) {
		t->is_expression = tn_lang_run(session->lang,
			&(struct tn_lang_cell){.name = "%timeit", .text = tn_str_c(&text), .length = text.length, .check_only = true}, &diag);
	}
	tn_diagnostics_finish(&diag);
	tn_str_finish(&text);
	return ok;
}

static bool run_loop(struct tn_session *session, const struct timeit *t, int64_t loops, int64_t *ns, struct tn_error *err) {
	struct tn_str text = {0};
	bool ok = make_loop(t, loops, &text, err);
	if (ok) {
		int64_t start = tn_clock_ns();
		const struct tn_lang_cell cell = {.name = "%timeit", .text = tn_str_c(&text), .length = text.length};
		ok = tn_session_run_text(session, &cell, err);
		*ns = tn_clock_ns() - start;
	}
	tn_str_finish(&text);
	return ok;
}

/* Ten times as many until a round is long enough. */
static bool find_loops(struct tn_session *session, struct timeit *t, struct tn_error *err) {
	int64_t ns = 0;
	for (t->loops = 1; t->loops < MAX_LOOPS; t->loops *= 10) {
		if (!run_loop(session, t, t->loops, &ns, err)) {
			return false;
		}
		if (ns >= ROUND_NS) {
			return true;
		}
	}
	return true;
}

bool tn_command_timeit(struct tn_session *session, const char *arguments, struct tn_error *err) {
	struct timeit t = {.rounds = DEFAULT_ROUNDS};
	if (!read_options(arguments, &t, err)) {
		return false;
	}
	/* Once as it stands: errors show the user's own text, and caches are warm. */
	const struct tn_lang_cell once = {.name = "%timeit", .text = t.code, .length = strlen(t.code)};
	if (!tn_session_run_text(session, &once, err) || !check_is_expression(session, &t, err) ||
		(t.loops == 0 && !find_loops(session, &t, err))) {
		return false;
	}
	double best = 0.0, sum = 0.0;
	for (int64_t round = 0; round < t.rounds; round++) {
		int64_t ns = 0;
		if (!run_loop(session, &t, t.loops, &ns, err)) {
			return false;
		}
		double each = (double)ns / (double)t.loops;
		best = round == 0 || each < best ? each : best;
		sum += each;
	}
	char best_text[32], mean_text[32];
	return tn_session_printf(session, err, "%s per loop at best, %s in the mean of %lld rounds of %lld loops\n",
		format_ns(best, best_text), format_ns(sum / (double)t.rounds, mean_text), (long long)t.rounds, (long long)t.loops);
}
