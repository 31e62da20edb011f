/* SPDX-License-Identifier: Apache-2.0 */
/* run.json: what ran, with which settings and sources, and how it ended. It is replaced as a whole, so that a reader never sees
 * half of one; a run whose process died keeps the status `running`, and host and pid say whom to ask. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "events/run.h"

static const char *const status_names[] = {"running", "finished", "failed", "interrupted"};

/* ---- JSON ---- */

static bool put_string(struct tn_str *out, const char *text) {
	bool ok = tn_str_append_char(out, '"');
	for (const char *p = text; ok && *p != '\0'; p++) {
		const unsigned char c = (unsigned char)*p;
		if (c == '"' || c == '\\') {
			ok = tn_str_append_char(out, '\\') && tn_str_append_char(out, *p);
		} else if (c == '\n' || c == '\t') {
			ok = tn_str_append(out, c == '\n' ? "\\n" : "\\t");
		} else {
			ok = c < 0x20 ? tn_str_printf(out, "\\u%04x", c) : tn_str_append_char(out, *p);
		}
	}
	return ok && tn_str_append_char(out, '"');
}

static bool put_field(struct tn_str *out, const char *name, const char *text) {
	return tn_str_printf(out, ",\n\t\"%s\": ", name) && put_string(out, text);
}

/* JSON has no word for what is not finite: a string then. */
static bool put_number(struct tn_str *out, double x) {
	char text[32];
	tn_format_f64(x, text);
	return isfinite(x) ? tn_str_append(out, text) : put_string(out, text);
}

static bool put_time(struct tn_str *out, const char *name, double seconds) {
	char text[64];
	const time_t whole = (time_t)seconds;
	struct tm utc;
	if (seconds == 0) {
		return tn_str_printf(out, ",\n\t\"%s\": null", name);
	}
	gmtime_r(&whole, &utc);
	const size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + n, sizeof(text) - n, ".%03dZ", (int)((seconds - (double)whole) * 1000));
	return put_field(out, name, text);
}

static bool put_hparam(struct tn_str *out, const struct tn_event_hparam *hparam) {
	switch (hparam->kind) {
	case TN_HPARAM_TEXT:
		return put_string(out, hparam->text);
	case TN_HPARAM_BOOL:
		return tn_str_append(out, hparam->number != 0 ? "true" : "false");
	case TN_HPARAM_INT:
		return tn_str_printf(out, "%lld", (long long)hparam->integer);
	default:
		return put_number(out, hparam->number);
	}
}

static bool put_hparams(struct tn_str *out, const struct tn_run *run) {
	bool ok = tn_str_append(out, ",\n\t\"hparams\": {");
	for (size_t i = 0; ok && i < run->hparams.count; i++) {
		const struct tn_event_hparam *h = &run->hparams.items[i];
		ok = tn_str_append(out, i == 0 ? "\n\t\t" : ",\n\t\t") && put_string(out, h->name) && tn_str_append(out, ": ") &&
			put_hparam(out, h);
	}
	return ok && tn_str_append(out, run->hparams.count > 0 ? "\n\t}" : "}");
}

static bool put_cells(struct tn_str *out, const struct tn_runs *runs) {
	bool ok = tn_str_printf(out, ",\n\t\"cells_left_out\": %zu,\n\t\"cells\": [", runs->cells_left_out);
	for (size_t i = 0; ok && i < runs->cells.count; i++) {
		ok = tn_str_append(out, i == 0 ? "\n\t\t{\"name\": " : ",\n\t\t{\"name\": ") &&
			put_string(out, runs->cells.items[i].name) && tn_str_append(out, ", \"source\": ") &&
			put_string(out, runs->cells.items[i].source) && tn_str_append(out, "}");
	}
	return ok && tn_str_append(out, runs->cells.count > 0 ? "\n\t]" : "]");
}

static bool put_manifest(struct tn_str *out, const struct tn_run *run) {
	char host[65] = "", folder[4096];
	if (gethostname(host, sizeof(host) - 1) != 0 || !tn_utf8_valid(host, strlen(host), NULL)) {
		host[0] = '\0';
	}
	if (getcwd(folder, sizeof(folder)) == NULL || !tn_utf8_valid(folder, strlen(folder), NULL)) {
		folder[0] = '\0';
	}
	return tn_str_append(out, "{\n\t\"id\": ") && put_string(out, run->id) && put_field(out, "name", run->name) &&
		put_field(out, "status", status_names[run->status]) && put_time(out, "start", run->start) &&
		put_time(out, "end", run->end) && put_field(out, "host", host) && tn_str_printf(out, ",\n\t\"pid\": %d", (int)getpid()) &&
		put_field(out, "working_folder", folder) && put_field(out, "version", TN_VERSION) &&
		tn_str_printf(out, ",\n\t\"seed\": %llu,\n\t\"random_counter\": %llu", (unsigned long long)run->random.seed,
			(unsigned long long)run->random.counter) &&
		put_hparams(out, run) && put_cells(out, run->runs) && tn_str_append(out, "\n}\n");
}

/* ---- the file ---- */

static bool write_file(int folder, const char *name, const struct tn_str *text, bool durable) {
	unlinkat(folder, name, 0); /* of a process that died */
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, tn_event_file_mode(folder));
	size_t done = 0;
	if (fd < 0) {
		return false;
	}
	while (done < text->length) {
		ssize_t n = write(fd, text->data + done, text->length - done);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			break;
		}
		done += (size_t)n;
	}
	bool ok = done == text->length && (!durable || fsync(fd) == 0);
	const int error = errno;
	if (close(fd) != 0) {
		return false;
	}
	errno = error;
	return ok;
}

static bool replace_file(int folder, const struct tn_str *text, bool durable) {
	bool ok = write_file(folder, "run.json.new", text, durable) && renameat(folder, "run.json.new", folder, "run.json") == 0;
	const int error = errno;
	if (!ok) {
		unlinkat(folder, "run.json.new", 0);
	}
	errno = error;
	return ok;
}

bool tn_run_write_manifest(const struct tn_run *run, bool durable, struct tn_error *err) {
	struct tn_str text = {0};
	bool ok = put_manifest(&text, run) || tn_error_memory(err);
	ok = ok && (replace_file(run->folder, &text, durable) || tn_error_errno(err, "cannot write '%s/run.json'", run->path));
	tn_str_finish(&text);
	return ok;
}
