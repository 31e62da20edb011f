/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of the whole language: any bytes are parsed, checked and run as a cell, in a session that is reset between them. The
 * language alone, without the folders above: there is no shell and no file but by `import`, which is left out. A run is bounded by
 * 64 MiB of tensors, by 200 calls and by an interrupt after a moment. What must hold: no crash, errors where it fails, every
 * interrupt ends the run, and the session works afterwards. */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "fuzz/fuzz.h"
#include "lang/lang.h"

enum { INTERRUPT_AFTER_US = 100000, PATIENCE = 300 /* further ticks of the timer */ };

static struct tn_lang *lang;
static struct tn_engine *engine;
static volatile int interrupted;
static volatile sig_atomic_t ticks;

static void on_alarm(int number) {
	(void)number;
	interrupted = 1;
	if (++ticks > PATIENCE) {
		static const char text[] = "fuzz: an interrupt did not end the run\n";
		if (write(2, text, sizeof(text) - 1) < 0) {
			_exit(2);
		}
		abort();
	}
}

static void set_timer(bool on) {
	struct itimerval timer = {0};
	if (on) {
		timer.it_value.tv_usec = timer.it_interval.tv_usec = INTERRUPT_AFTER_US;
	}
	setitimer(ITIMER_REAL, &timer, NULL);
	ticks = 0;
	interrupted = 0;
}

static void ignore_text(void *data, const char *bytes, size_t length) {
	(void)data;
	(void)bytes;
	(void)length;
}

static bool format_value(void *data, const struct tn_lang_display *what, struct tn_error *err) {
	struct tn_str text = {0};
	(void)data;
	bool ok = tn_value_format(what->value, true, &text, err);
	tn_str_finish(&text);
	return ok;
}

static void ignore_warning(void *data, const struct tn_error *warning) {
	(void)data;
	fuzz_must(warning->text[0] != '\0', "a warning without text");
}

static void start(void) {
	static char stack[1 << 16];
	struct tn_error err = {0};
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_ONSTACK | SA_RESTART};
	sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof(stack)}, NULL);
	sigaction(SIGALRM, &action, NULL);
#if !defined(__SANITIZE_ADDRESS__) && !defined(TN_LIBFUZZER)
	/* a sanitizer reserves address space by the terabyte */
	setrlimit(RLIMIT_AS, &(struct rlimit){.rlim_cur = (rlim_t)4 << 30, .rlim_max = (rlim_t)4 << 30});
#endif
	struct tn_backend *backend = tn_cpu_backend_create(&(struct tn_cpu_params){.budget = (size_t)64 << 20}, &err);
	fuzz_must(backend != NULL, err.text);
	engine = tn_engine_create(&(struct tn_engine_params){.backend = backend, .hooks = tn_lang_hooks(&lang), .interrupt = &interrupted}, &err);
	fuzz_must(engine != NULL, err.text);
	lang = tn_lang_create(&(struct tn_lang_params){.engine = engine, .interrupt = &interrupted, .depth_limit = 200, .stack_limit = 8 << 20,
		.output = {.text = ignore_text, .display = format_value, .warning = ignore_warning}}, &err);
	fuzz_must(lang != NULL, err.text);
}

static bool run(const char *text, size_t length) {
	struct tn_diagnostics diag = {0};
	bool ok = tn_lang_run(lang, &(struct tn_lang_cell){.name = "fuzz", .text = text, .length = length, .display_last = true}, &diag);
	fuzz_must(ok == (diag.errors.count == 0), "neither a result nor an error");
	fuzz_must(diag.errors.count <= TN_MAX_ERRORS, "too many errors");
	for (size_t i = 0; i < diag.errors.count; i++) {
		struct tn_str shown = {0};
		fuzz_must(diag.errors.items[i].text[0] != '\0', "an error without text");
		fuzz_must(tn_error_render(&diag.errors.items[i], "error", true, &shown), "an error that cannot be shown");
		tn_str_finish(&shown);
	}
	tn_diagnostics_finish(&diag);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static const char check[] = "int fuzz_check = 20; tensor fuzz_sum = sum(ones(3)); assert(float(fuzz_sum) + fuzz_check == 23.0, \"works\");";
	if (memmem(data, size, "import", 6) != NULL) {
		return 0;
	}
	if (lang == NULL) {
		start();
	}
	set_timer(true);
	run((const char *)data, size);
	set_timer(false);
	tn_lang_reset(lang);
	fuzz_must(run(check, sizeof(check) - 1), "the session does not work afterwards");
	tn_lang_reset(lang);
	return 0;
}
