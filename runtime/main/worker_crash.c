/* SPDX-License-Identifier: Apache-2.0 */
/* Last words of a process that dies of a signal: one line on the real stderr, which the front shows; then what was logged has a
 * moment to reach its files, by threads that still run. Everything here is async-signal-safe. Generated kernels use the stack
 * pointer as a general register, so the handler has the stack of its own that tn_terminal_init made. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "events/events.h"
#include "main/worker.h"

static const int64_t settle_ns = 250000000;
static const struct { int number; const char *text; } signals[] = {
	{SIGSEGV, "SIGSEGV, an access to memory that is not there"},
	{SIGBUS, "SIGBUS, an access to memory that cannot be read"},
	{SIGFPE, "SIGFPE, an impossible computation"},
	{SIGILL, "SIGILL, an instruction that this processor does not have"},
	{SIGABRT, "SIGABRT, the program gave up"},
	{SIGTERM, "SIGTERM, somebody asked it to end"},
};

static struct sigaction before[TN_ARRAY_LEN(signals)];
static int words_fd = STDERR_FILENO;
static const struct worker_place *words_place;
static struct worker *words_worker;

static size_t put_text(char *out, size_t at, size_t size, const char *text) {
	for (; *text != '\0' && at < size; text++) {
		out[at++] = *text;
	}
	return at;
}

static size_t put_number(char *out, size_t at, size_t size, int64_t x) {
	char digits[24];
	size_t n = sizeof(digits);
	digits[--n] = '\0';
	for (uint64_t rest = (uint64_t)x; rest > 0 || n == sizeof(digits) - 1; rest /= 10) {
		digits[--n] = (char)('0' + rest % 10);
	}
	return put_text(out, at, size, digits + n);
}

/* ", in cell 3, line 2, op matmul"; where the line is not known, the cell alone. */
static size_t put_place(char *out, size_t n, size_t size) {
	struct tn_lang_standing standing;
	if (worker_is_reader) {
		return put_text(out, n, size, ", while it answered the front");
	}
	if (words_place->cell == 0) {
		return n;
	}
	n = put_text(out, n, size, ", in ");
	if (words_place->lang == NULL || !tn_lang_get_standing(words_place->lang, &standing)) {
		n = put_text(out, n, size, "cell ");
		return put_number(out, n, size, words_place->cell);
	}
	n = put_text(out, n, size, standing.where);
	n = put_text(out, n, size, ", line ");
	n = put_number(out, n, size, standing.line);
	if (standing.op != NULL) {
		n = put_text(out, n, size, ", op ");
		n = put_text(out, n, size, standing.op);
	}
	return n;
}

static void say(const char *signal_text) {
	char line[512];
	size_t n = put_text(line, 0, sizeof(line), "tenon: the worker dies of ");
	n = put_text(line, n, sizeof(line), signal_text);
	n = put_place(line, n, sizeof(line));
	n = put_text(line, n < sizeof(line) ? n : sizeof(line) - 1, sizeof(line), "\n");
	ssize_t ignored = write(words_fd, line, n);
	(void)ignored;
}

/* The running cell is interrupted, and what is open (runs) is closed by the threads that run. */
static void end_politely(struct worker *w) {
	const int saved = errno;
	for (size_t i = 0; i < TN_ARRAY_LEN(signals); i++) {
		if (signals[i].number == SIGTERM) {
			say(signals[i].text);
		}
	}
	w->terminated = true;
	worker_end(w);
	errno = saved;
}

static void on_crash(int number, siginfo_t *info, void *context) {
	static volatile sig_atomic_t speaking;
	(void)context;
	if (speaking) { /* what the place is read from is broken too */
		signal(number, SIG_DFL);
		raise(number);
		return;
	}
	speaking = 1;
	if (number == SIGTERM && !words_worker->ending) { /* a cluster takes its node back, say: a second one comes through */
		end_politely(words_worker);
		speaking = 0;
		return;
	}
	for (size_t i = 0; i < TN_ARRAY_LEN(signals); i++) {
		if (signals[i].number == number) {
			say(signals[i].text);
			tn_runs_settle(settle_ns);
			sigaction(number, &before[i], NULL);
		}
	}
	if (info == NULL || info->si_code <= 0) {
		raise(number); /* it was sent, so it does not come again by itself */
	}
}

void worker_die_if_terminated(const struct worker *w) {
	if (w->terminated) {
		signal(SIGTERM, SIG_DFL);
		raise(SIGTERM);
	}
}

void worker_catch_crashes(struct worker *w, const struct worker_place *place) {
	struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	sigemptyset(&action.sa_mask);
	words_fd = w->emergency;
	words_worker = w;
	words_place = place;
	for (size_t i = 0; i < TN_ARRAY_LEN(signals); i++) {
		sigaction(signals[i].number, &action, &before[i]);
	}
}
