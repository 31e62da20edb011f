/* SPDX-License-Identifier: Apache-2.0 */
/* Output to a terminal or a pipe, and Ctrl-C. Progress bars are status lines on stderr: one line that is erased before anything
 * else is written, so that it never mixes with the program's text. When stdout cannot be written (a full disk) the program is
 * stopped as by an interrupt and the reason is said once; a closed pipe ends the process quietly, as everywhere. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "main/main.h"

/* A held key repeats after half a second; two deliberate presses are further apart than this. */
enum { SECOND_INTERRUPT_MS = 300 };

static volatile int interrupt_flag;
static volatile int64_t interrupt_time;
static volatile sig_atomic_t terminated; /* the signal that asks the program to end; 0: none */
static int write_errno;     /* of stdout, 0: none */
static bool status_shown;

static int64_t now_ms(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Async-signal-safe. The second of two interrupts restores the default and leaves the signal pending for it. */
static void on_interrupt(int signal_number) {
	static const char farewell[] = "\ntenon: ended by a second interrupt\n";
	int saved = errno;
	int64_t now = now_ms();
	if (interrupt_flag == 0) {
		interrupt_flag = 1;
		interrupt_time = now;
	} else if (now - interrupt_time >= SECOND_INTERRUPT_MS) {
		ssize_t ignored = write(STDERR_FILENO, farewell, sizeof(farewell) - 1);
		(void)ignored;
		signal(signal_number, SIG_DFL);
		raise(signal_number);
	}
	errno = saved;
}

/* What runs is interrupted, and what it has open (runs) says so. A second one ends the process at once. */
static void on_terminate(int signal_number) {
	if (terminated != 0) {
		signal(signal_number, SIG_DFL);
		raise(signal_number);
	}
	terminated = signal_number;
	interrupt_flag = 1;
	interrupt_time = now_ms();
}

void tn_terminal_catch_terminate(void) {
	const int signals[] = {SIGTERM, SIGHUP};
	struct sigaction before, action = {.sa_handler = on_terminate, .sa_flags = SA_ONSTACK};
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < TN_ARRAY_LEN(signals); i++) {
		if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) { /* nohup stays */
			sigaction(signals[i], &action, NULL);
		}
	}
}

void tn_terminal_die_if_terminated(void) {
	if (terminated != 0) {
		(void)tn_terminal_finish();
		signal(terminated, SIG_DFL);
		raise(terminated);
	}
}

/* A standard descriptor that is closed must not become that of a file that is opened later: it is taken, in the direction
 * in which its use goes on failing. */
static void occupy_standard_descriptors(void) {
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) {
			return; /* no /dev/null: nothing better can be done */
		}
	}
}

/* Generated kernels (oneDNN's sgemm for AVX-512) use the stack pointer as a general register: a signal's frame written there would
 * land in the heap. So the handler has a stack of its own, and so must every handler of a thread that runs kernels. */
static void use_signal_stack(void) {
	static char stack[64 * 1024];
	const stack_t own = {.ss_sp = stack, .ss_size = sizeof(stack)};
	sigaltstack(&own, NULL);
}

void tn_terminal_init(void) {
	occupy_standard_descriptors();
	use_signal_stack();
	struct sigaction before, action = {.sa_handler = on_interrupt, .sa_flags = SA_ONSTACK};
	sigemptyset(&action.sa_mask);
	/* A shell starts what it puts into the background with SIGINT ignored: that stays. No SA_RESTART: a read must end. */
	if (sigaction(SIGINT, NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
		sigaction(SIGINT, &action, NULL);
	}
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of its write */
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
}

const volatile int *tn_terminal_interrupt(void) { return &interrupt_flag; }
void tn_terminal_clear_interrupt(void) { interrupt_flag = 0; }

/* ---- output ---- */

static void erase_status(void) {
	if (status_shown) {
		fputs("\r\033[K", stderr);
		status_shown = false;
	}
}

/* Looks at the stream's own mark: a line-buffered fwrite may report success although the line could not be written. */
static void note_write_error(void) {
	if (write_errno == 0 && ferror(stdout)) {
		write_errno = errno != 0 ? errno : EIO;
		interrupt_flag = 1;
		interrupt_time = now_ms();
	}
}

static void output_text(void *data, const char *bytes, size_t length) {
	(void)data;
	erase_status();
	errno = 0;
	if (write_errno == 0) {
		fwrite(bytes, 1, length, stdout);
		note_write_error();
	}
}

static void output_show(void *data, const struct tn_session_show *show) {
	output_text(data, show->forms[0].data, show->forms[0].length);
	output_text(data, "\n", 1);
}

static void output_warning(void *data, const struct tn_error *warning) {
	(void)data;
	tn_terminal_report(warning, "warning");
}

/* The bytes of `line` that fit the terminal: a line that wraps could not be erased. */
static size_t fit(const char *line) {
	struct winsize size;
	size_t columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? (size_t)size.ws_col - 1 : 79;
	size_t length = strcspn(line, "\r\n");
	while (length > 0 && tn_utf8_width(line, length) > columns) {
		do {
			length--;
		} while (length > 0 && ((unsigned char)line[length] & 0xc0) == 0x80);
	}
	return length;
}

static void output_progress(void *data, const struct tn_lang_progress *progress) {
	(void)data;
	fflush(stdout);
	fprintf(stderr, "\r%.*s\033[K%s", (int)fit(progress->line), progress->line, progress->ended ? "\n" : "");
	fflush(stderr);
	status_shown = !progress->ended;
}

/* A line of the standard input. A terminal shows what is typed: for a password its echo is off meanwhile. */
static bool output_input(void *data, const char *prompt, bool password, struct tn_str *line, struct tn_error *err) {
	struct termios shown, hidden;
	bool hides = password && tcgetattr(STDIN_FILENO, &shown) == 0;
	(void)data;
	erase_status();
	fputs(prompt, stdout);
	fflush(stdout);
	if (hides) {
		hidden = shown;
		hidden.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	}
	int c = EOF;
	bool ok = true;
	while (ok && interrupt_flag == 0 && (c = getc(stdin)) != EOF && c != '\n') {
		ok = tn_str_append_char(line, (char)c) || tn_error_memory(err);
	}
	if (hides) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
		fputc('\n', stdout);
	}
	clearerr(stdin); /* an interrupted read left its mark, and a terminal may go on after its end */
	if (ok && interrupt_flag != 0) {
		return tn_error_set(err, TN_ERR_INTERRUPTED, "interrupted while waiting for input");
	}
	if (ok && c == EOF && line->length == 0) {
		if (isatty(STDIN_FILENO)) {
			fputc('\n', stdout); /* Ctrl-D has left the cursor behind the prompt */
		}
		return tn_error_set(err, TN_ERR_IO, "input: the end of the input was reached");
	}
	return ok;
}

struct tn_session_output tn_terminal_output(void) {
	const char *term = getenv("TERM");
	bool can_erase = isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
	return (struct tn_session_output){
		.text = output_text,
		.show = output_show,
		.warning = output_warning,
		.input = output_input,
		.progress = can_erase ? output_progress : NULL,
	};
}

/* ---- errors ---- */

static bool wants_color(void) {
	const char *term = getenv("TERM");
	const char *no_color = getenv("NO_COLOR");
	return (no_color == NULL || no_color[0] == '\0') && isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
}

void tn_terminal_report(const struct tn_error *err, const char *label) {
	struct tn_str text = {0};
	erase_status();
	fflush(stdout);
	if (err->kind == TN_ERR_INTERRUPTED && isatty(STDERR_FILENO)) {
		fputc('\n', stderr); /* the terminal shows ^C and stays behind it */
	}
	if (tn_error_render(err, label, wants_color(), &text)) {
		fputs(tn_str_c(&text), stderr);
	} else {
		fprintf(stderr, "%s: %s\n", label, err->text); /* no memory: at least the words */
	}
	if (tn_setting_flag(TN_SETTING_ERROR_NAMES) && strcmp(label, "error") == 0) {
		fprintf(stderr, "   = name: %s\n", tn_error_kind_name(err->kind)); /* what catch (e) has in e.name */
	}
	tn_str_finish(&text);
}

void tn_terminal_report_all(const struct tn_diagnostics *diag) {
	if (write_errno != 0) {
		return; /* the program was stopped because of that: tn_terminal_finish says so */
	}
	for (size_t i = 0; i < diag->warnings.count; i++) {
		tn_terminal_report(&diag->warnings.items[i], "warning");
	}
	for (size_t i = 0; i < diag->errors.count; i++) {
		tn_terminal_report(&diag->errors.items[i], "error");
	}
	if (diag->errors.count == 0 && diag->left_out > 0) {
		fputs("error: out of memory\n", stderr); /* not even the error could be kept */
	} else if (diag->left_out > 0) {
		fprintf(stderr, "and %u more errors\n", (unsigned)diag->left_out);
	}
}

bool tn_terminal_finish(void) {
	erase_status();
	errno = 0;
	fflush(stdout);
	note_write_error();
	if (write_errno != 0) {
		fprintf(stderr, "tenon: cannot write the output: %s\n", strerror(write_errno));
	}
	return write_errno == 0;
}
