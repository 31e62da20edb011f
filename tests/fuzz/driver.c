/* SPDX-License-Identifier: Apache-2.0 */
/* The main of a fuzz target that is no libFuzzer program: reads every file of the folders and files named, and each of them again
 * cut short, with bytes changed, with pieces doubled and with words exchanged, which gets furthest in a text: the suite fuzz-smoke. The same bytes give the same run. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

enum { MAX_FILE = 1 << 20, MUTATIONS = 60 };

static uint32_t random_state = 1;
static char running[4200]; /* what is run, in words */
static size_t running_length;

/* Says what ended the program; the signal comes again when this returns, and is then the system's. */
static void on_death(int signal_number) {
	(void)signal_number;
	ssize_t ignored = write(STDERR_FILENO, running, running_length);
	(void)ignored;
}

static void watch_deaths(void) {
	struct sigaction action = {.sa_handler = on_death, .sa_flags = SA_ONSTACK | (int)SA_RESETHAND};
	static const int signals[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV};
	struct sigaction before;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL) { /* a sanitizer's stays */
			sigaction(signals[i], &action, NULL);
		}
	}
}

/* `round` -1: the file as it is. */
static void note_running(const char *path, int round) {
	int n = snprintf(running, sizeof(running), "fuzz: this was %s, change %d\n", path, round);
	running_length = n > 0 && n < (int)sizeof(running) ? (size_t)n : 0;
}

static uint32_t next_random(uint32_t below) {
	random_state = random_state * 1664525u + 1013904223u;
	return below == 0 ? 0 : (random_state >> 8) % below;
}

static bool in_word(uint8_t c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/* A word, or a single other byte, at or behind a random place: [begin, end). */
static void find_word(const uint8_t *data, size_t size, size_t *begin, size_t *end) {
	size_t at = next_random((uint32_t)size);
	while (at > 0 && in_word(data[at]) && in_word(data[at - 1])) {
		at--;
	}
	*begin = *end = at;
	while (*end < size && in_word(data[*end])) {
		++*end;
	}
	*end += *end == at;
}

/* Puts a word of the text in the place of another; the new size, at most size + length of a word. */
static size_t exchange_words(uint8_t *copy, size_t n, const uint8_t *data, size_t size, size_t room) {
	size_t from, from_end, at, at_end;
	find_word(data, size, &from, &from_end);
	find_word(copy, n, &at, &at_end);
	if (n - (at_end - at) + (from_end - from) > room) {
		return n;
	}
	memmove(copy + at + (from_end - from), copy + at_end, n - at_end);
	memcpy(copy + at, data + from, from_end - from);
	return n - (at_end - at) + (from_end - from);
}

static void mutate(const char *path, const uint8_t *data, size_t size) {
	static const char bytes[] = "(){}[]<>=;:,.+-*/%@&|^!?\"'\\f0.e_\n#$ \x80\xff";
	uint8_t *copy = malloc(2 * size + 1);
	fuzz_must(copy != NULL, "out of memory");
	for (int round = 0; round < MUTATIONS; round++) {
		size_t n = size;
		note_running(path, round);
		memcpy(copy, data, size);
		if (round % 2 == 1) {
			for (int k = 0; size > 0 && n > 0 && k < 1 + round / 15; k++) {
				n = exchange_words(copy, n, data, size, 2 * size);
			}
		} else if (round % 3 == 0) {
			n = next_random((uint32_t)size + 1);
		} else if (round % 3 == 1) {
			for (int k = 0; size > 0 && k < 1 + round / 8; k++) {
				copy[next_random((uint32_t)size)] = (uint8_t)bytes[next_random(sizeof(bytes) - 1)];
			}
		} else if (size > 0) { /* a piece of it once more, elsewhere */
			size_t from = next_random((uint32_t)size), length = next_random((uint32_t)(size - from)),
				   at = next_random((uint32_t)size);
			memmove(copy + at + length, copy + at, size - at);
			memcpy(copy + at, data + from, length);
			n = size + length;
		}
		LLVMFuzzerTestOneInput(copy, n);
	}
	free(copy);
}

static int run_file(const char *path) {
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(MAX_FILE);
	fuzz_must(data != NULL, "out of memory");
	if (file == NULL) {
		fprintf(stderr, "fuzz: cannot read %s\n", path);
		free(data);
		return 1;
	}
	size_t size = fread(data, 1, MAX_FILE, file);
	fclose(file);
	note_running(path, -1);
	LLVMFuzzerTestOneInput(data, size);
	mutate(path, data, size);
	free(data);
	return 0;
}

static int run_path(const char *path) {
	struct stat st;
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		return run_file(path);
	}
	struct dirent **entries;
	int failed = 0, count = scandir(path, &entries, NULL, alphasort);
	if (count < 0) {
		fprintf(stderr, "fuzz: cannot read %s\n", path);
		return 1;
	}
	for (int i = 0; i < count; i++) {
		char inner[4096];
		if (entries[i]->d_name[0] != '.' &&
			snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name) < (int)sizeof(inner)) {
			failed |= run_path(inner);
		}
		free(entries[i]);
	}
	free(entries);
	return failed;
}

int main(int argc, char **argv) {
	int failed = 0;
	watch_deaths();
	for (int i = 1; i < argc; i++) {
		failed |= run_path(argv[i]);
	}
	return failed;
}
