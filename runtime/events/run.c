/* SPDX-License-Identifier: Apache-2.0 */
/* A run's life: its folder, its files, its end; and the session's list of runs, which cells begin and end. A run is open until
 * r.close(), until nothing names it any more, or until the session ends. What the disk refuses is told once, at the end of a
 * cell: no training is worth losing for its log. */
#include "events/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 100, SAME_NAME_MAX = 10000 };
static const size_t cell_bytes_max = 1 << 20;
static const int64_t end_of_cell_ns = 2000000000;

/* ---- the folder ---- */

/* Beyond ASCII: letters and signs of any script, but no spaces, controls, and marks that nobody sees. */
static bool is_seen(uint32_t c) {
	return c >= 0xc0 && c != 0xd7 && c != 0xf7 && !(c >= 0x2000 && c <= 0x206f) && c != 0x3000 && !(c >= 0xd800 && c <= 0xf8ff) && c != 0xfeff &&
		!(c >= 0xfff0 && c <= 0xffff) && c < 0xe0000 && c != 0x1680 && c != 0x180e;
}

/* The name as a part of a folder's: only characters that no shell or web page minds; a character is not cut. */
static void plain_name(const char *name, char out[NAME_MAX_BYTES + 1]) {
	const char *end = name + strlen(name);
	size_t n = 0;
	while (name < end) {
		uint32_t c;
		size_t size = tn_utf8_decode(name, end, &c);
		bool kept = size == 1 ? (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != 0 && strchr("._-", (int)c) != NULL)
							  : size > 1 && is_seen(c);
		size_t taken = kept ? size : 1;
		if (n + taken > NAME_MAX_BYTES) {
			break;
		}
		if (kept) {
			memcpy(out + n, name, size);
		} else {
			out[n] = '-';
		}
		n += taken;
		name += size > 0 ? size : 1;
	}
	out[n] = '\0';
}

/* "2026-11-21-134005-mlp": sorts by time. */
static bool make_id(struct tn_run *run, int number, struct tn_error *err) {
	char time_text[32], name[NAME_MAX_BYTES + 1];
	const time_t seconds = (time_t)run->start;
	struct tm local;
	struct tn_str id = {0};

	localtime_r(&seconds, &local);
	strftime(time_text, sizeof(time_text), "%Y-%m-%d-%H%M%S", &local);
	plain_name(run->name, name);
	bool ok = tn_str_printf(&id, number > 1 ? "%s-%s-%d" : "%s-%s", time_text, name, number);
	tn_free(run->id);
	run->id = ok ? tn_str_steal(&id) : NULL;
	tn_str_finish(&id);
	return run->id != NULL || tn_error_memory(err);
}

/* Who may read runs: its owner alone, or what TENON_RUNS_MODE says. Files follow their folder. */
static mode_t runs_mode(void) {
	return (mode_t)tn_setting_number(TN_SETTING_RUNS_MODE, 0700);
}

/* %cd must not move a run that is open, nor what r.path() says. In a root that others may write to, the folder could be another one by now. */
static bool open_folder(struct tn_run *run, mode_t mode, struct tn_error *err) {
	char absolute[PATH_MAX];
	struct stat info;
	run->folder = open(run->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (run->folder < 0 || fstat(run->folder, &info) != 0 || realpath(run->path, absolute) == NULL) {
		return tn_error_errno(err, "cannot open the folder '%s'", run->path);
	}
	if (info.st_uid != geteuid()) {
		return tn_error_set(err, TN_ERR_IO, "the folder '%s' belongs to another user", run->path);
	}
	if ((info.st_mode & 0777) != mode && fchmod(run->folder, mode) != 0) { /* the umask took something from what was asked for */
		tn_log(TN_LOG_INFO, "the folder '%s' does not have the mode %o", run->path, (unsigned)mode);
	}
	run->absolute = tn_strdup(absolute);
	return run->absolute != NULL || tn_error_memory(err);
}

/* A folder that nobody else has. */
static bool make_folder(struct tn_run *run, const char *root, struct tn_error *err) {
	const mode_t mode = runs_mode();
	for (int number = 1; number <= SAME_NAME_MAX; number++) {
		struct tn_str path = {0};
		if (!make_id(run, number, err)) {
			return false;
		}
		bool ok = tn_str_printf(&path, "%s/%s", root, run->id);
		tn_free(run->path);
		run->path = ok ? tn_str_steal(&path) : NULL;
		tn_str_finish(&path);
		if (run->path == NULL) {
			return tn_error_memory(err);
		}
		if (mkdir(run->path, mode) == 0) {
			return open_folder(run, mode, err);
		}
		if (errno != EEXIST) {
			break;
		}
	}
	return tn_error_errno(err, "cannot make the folder '%s'", run->path);
}

/* Where runs are made when nothing else is said. Borrowed. */
static const char *default_root(void) {
	const char *home = tn_setting_text(TN_SETTING_RUNS);
	return home != NULL ? home : "runs";
}

/* The folder for a run, without slashes at its end. The caller frees it. */
static char *choose_root(const char *root, struct tn_error *err) {
	char *copy = tn_strdup(root != NULL && root[0] != '\0' ? root : default_root());
	if (copy == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--) {
		copy[n - 1] = '\0';
	}
	return copy;
}

static bool make_root(const char *root, struct tn_error *err) {
	char here[PATH_MAX];
	const mode_t mode = runs_mode();
	if (tn_folder_make(root, mode, err)) {
		return true;
	}
	if (root[0] != '/' && getcwd(here, sizeof(here)) == NULL && errno == ENOENT) {
		tn_error_hint(err, "the folder that this session works in was deleted: %%cd goes to another one");
	}
	return false;
}

/* %tensorboard shows this folder from now on. */
static void note_root(struct tn_runs *runs, const char *root) {
	char absolute[PATH_MAX];
	char *copy = realpath(root, absolute) == NULL ? NULL : tn_strdup(absolute);
	if (copy != NULL) {
		tn_free(runs->root);
		runs->root = copy;
	}
}

const char *tn_runs_folder(struct tn_runs *runs) {
	return runs->root != NULL ? runs->root : default_root();
}

/* ---- one run ---- */

/* The first records are written at once, so that the file's kind is visible early, and so that a full disk is an error of run().
 */
static bool open_events(struct tn_run *run, struct tn_error *err) {
	struct tn_event_block *first[2] = {tn_event_version(run->start, err), tn_event_session(run->start, 0, true, err)};
	struct tn_event_file *file = first[0] == NULL || first[1] == NULL ? NULL : tn_event_file_create(run->folder, err);
	for (int i = 0; i < 2; i++) {
		if (file != NULL) {
			tn_event_file_append(file, first[i]->bytes, first[i]->length);
		}
		tn_free(first[i]);
	}
	run->writer = file == NULL ? NULL : tn_event_writer_create(file, err);
	if (run->writer != NULL) {
		tn_event_writer_flush(run->writer, end_of_cell_ns);
	}
	return run->writer != NULL;
}

static void close_files(struct tn_run *run) {
	if (run->folder >= 0) {
		close(run->folder);
	}
	run->folder = -1;
}

struct tn_run *tn_run_create(struct tn_runs *runs, const struct tn_run_params *params, struct tn_error *err) {
	struct tn_run *run = tn_calloc(1, sizeof(*run));
	char *root = NULL;
	if (run == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	*run = (struct tn_run){.runs = runs,
		.folder = -1,
		.start = tn_wall_time(),
		.random = tn_random_get(runs->engine),
		.used = true,
		.name = tn_strdup(params->name)};
	if (run->name == NULL) {
		tn_error_memory(err);
		goto fail;
	}
	root = choose_root(params->root, err);
	if (root == NULL || (params->hparams != NULL && !tn_run_set_hparams(run, params->hparams, err)) || !make_root(root, err) ||
		!make_folder(run, root, err) || !tn_run_write_manifest(run, true, err) || !open_events(run, err)) {
		goto fail;
	}
	note_root(runs, root);
	tn_free(root);
	run->open = true;
	run->next = runs->open;
	runs->open = run;
	return run;
fail:
	if (run->folder >= 0) {
		unlinkat(run->folder, "run.json", 0);
		rmdir(run->path); /* fails where there is an event file already, which may tell something */
	}
	tn_free(root);
	tn_run_destroy(run);
	return NULL;
}

static void unlink_run(struct tn_run *run) {
	for (struct tn_run **at = &run->runs->open; *at != NULL; at = &(*at)->next) {
		if (*at == run) {
			*at = run->next;
			return;
		}
	}
}

void tn_run_warn(const struct tn_run *run, const struct tn_error *warning) {
	const struct tn_lang_output *out = tn_lang_get_output(run->runs->lang);
	if (out->warning != NULL) {
		out->warning(out->data, warning);
	}
}

void tn_run_note_step(const struct tn_run *run, struct tn_run_tag *tag, int64_t step) {
	struct tn_error warning = {0};
	if (TN_UNLIKELY(tag->logged && step < tag->next_step - 1) && !tag->warned_step) {
		tag->warned_step = true;
		tn_error_set(&warning, TN_ERR_VALUE, "run '%s': the steps of '%s' go back, from %lld to %lld", run->name, tag->event.name,
			(long long)tag->next_step - 1, (long long)step);
		tn_error_hint(&warning, "TensorBoard draws a curve in the order in which it was logged; what begins anew belongs into a run of its own");
		tn_run_warn(run, &warning);
		tn_error_clear(&warning);
	}
	tag->logged = true;
	tag->next_step = step < INT64_MAX ? step + 1 : step;
}

/* One warning for each trouble, not one for each cell that it lasts. */
static void tell(struct tn_run *run, struct tn_event_file_state state) {
	struct tn_error warning = {0};
	if (tn_error_is_set(&run->late)) {
		tn_error_set(&warning, run->late.kind, "run '%s': a value was not logged: %s", run->name, run->late.text);
		tn_run_warn(run, &warning);
		tn_error_clear(&run->late);
		tn_error_clear(&warning);
	}
	if (state.error != 0 && state.error != run->told) {
		if (state.error == ENOENT) {
			tn_error_set(&warning, TN_ERR_IO, "run '%s': its event file in '%s' was removed: what is logged goes nowhere",
				run->name, run->path);
		} else {
			tn_error_set(&warning, TN_ERR_IO, "run '%s': events cannot be written to '%s': %s", run->name, run->path,
				strerror(state.error));
			tn_error_hint(&warning,
				run->open ? "they wait in memory and are written when there is room again" : "the last of them are lost");
		}
		tn_run_warn(run, &warning);
	} else if (state.error != 0 && state.error != ENOENT && !run->open) {
		tn_error_set(&warning, TN_ERR_IO, "run '%s': its last events are lost: %s", run->name, strerror(state.error));
		tn_run_warn(run, &warning);
	}
	run->told = state.error;
}

static void send_end(struct tn_run *run) {
	struct tn_error err = {0};
	const bool success = run->status == TN_RUN_FINISHED;
	bool ok = run->hparams.count == 0 || tn_run_send(run, tn_event_hparams_end(run->end, success, &err), &err);
	ok = ok && tn_run_send(run, tn_event_session(run->end, 0, false, &err), &err);
	if (!ok) {
		tn_log(TN_LOG_INFO, "run '%s': its end is not in the event file: %s", run->name, err.text);
	}
}

void tn_run_close(struct tn_run *run, enum tn_run_status status) {
	struct tn_error err = {0};
	if (!run->open) {
		return;
	}
	run->closing = true;
	tn_run_deliver(run);
	tn_run_drop_items(run);
	run->open = false;
	unlink_run(run);
	run->status = status;
	run->end = tn_wall_time();
	send_end(run);
	tell(run, tn_event_writer_destroy(run->writer));
	run->writer = NULL;
	if (run->told != ENOENT && !tn_run_write_manifest(run, true, &err)) {
		tn_run_warn(run, &err);
	}
	close_files(run);
}

void tn_run_destroy(struct tn_run *run) {
	if (run == NULL) {
		return;
	}
	tn_run_close(run, run->status == TN_RUN_RUNNING ? TN_RUN_FINISHED : run->status);
	tn_run_drop_items(run);
	(void)tn_event_writer_destroy(run->writer); /* of one that was never open */
	close_files(run);
	for (uint32_t i = 0; i < run->tags.used; i++) {
		struct tn_run_tag *tag = run->tags.entries[i].key == NULL ? NULL : run->tags.entries[i].value;
		if (tag != NULL) {
			tn_event_tag_finish(&tag->event);
			tn_free(tag);
		}
	}
	tn_map_finish(&run->tags);
	tn_run_finish_hparams(run);
	tn_free(run->name);
	tn_free(run->id);
	tn_free(run->path);
	tn_free(run->absolute);
	tn_free(run);
}

void tn_run_use_again(struct tn_run *run) {
	struct tn_error err = {0};
	run->used = true;
	if (run->status == TN_RUN_RUNNING) {
		return;
	}
	run->status = TN_RUN_RUNNING;
	run->end = 0;
	if (!tn_run_write_manifest(run, false, &err)) {
		tn_log(TN_LOG_INFO, "%s", err.text); /* the end of the cell tells it */
	}
}

/* ---- the session's ---- */

static void callback_flushed(void *data) {
	const struct tn_runs *runs = data;
	for (struct tn_run *run = runs->open; run != NULL; run = run->next) {
		if (run->items.count > 0) {
			tn_run_deliver(run);
		}
	}
}

struct tn_runs *tn_runs_create(struct tn_lang *lang, struct tn_error *err) {
	struct tn_runs *runs = tn_calloc(1, sizeof(*runs));
	if (runs == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	*runs =
		(struct tn_runs){.lang = lang, .engine = tn_lang_engine(lang), .listener = {.data = runs, .flushed = callback_flushed}};
	tn_engine_listen(runs->engine, &runs->listener);
	if (!tn_lang_set_extra(lang, "runs", runs, err) || !tn_runs_register(lang, err)) {
		tn_runs_destroy(runs);
		return NULL;
	}
	return runs;
}

static void drop_cell(struct tn_runs *runs, size_t i) {
	runs->cell_bytes -= strlen(runs->cells.items[i].source);
	tn_free(runs->cells.items[i].name);
	tn_free(runs->cells.items[i].source);
}

void tn_runs_close(struct tn_runs *runs) {
	while (runs != NULL && runs->open != NULL) {
		tn_run_close(runs->open, runs->open->status == TN_RUN_RUNNING ? TN_RUN_FINISHED : runs->open->status);
	}
}

void tn_runs_destroy(struct tn_runs *runs) {
	if (runs == NULL) {
		return;
	}
	tn_runs_close(runs);
	tn_engine_unlisten(runs->engine, &runs->listener);
	for (size_t i = 0; i < runs->cells.count; i++) {
		drop_cell(runs, i);
	}
	TN_VEC_FINISH(&runs->cells);
	tn_free(runs->root);
	tn_free(runs);
}

/* Makes room for `length` bytes of source: the oldest cells go. */
static void make_room(struct tn_runs *runs, size_t length) {
	size_t n = 0;
	while (n < runs->cells.count && runs->cell_bytes + length > cell_bytes_max) {
		drop_cell(runs, n++);
	}
	runs->cells_left_out += n;
	runs->cells.count -= n;
	if (n > 0) {
		memmove(runs->cells.items, runs->cells.items + n, runs->cells.count * sizeof(runs->cells.items[0]));
	}
}

void tn_runs_begin_cell(struct tn_runs *runs, const struct tn_lang_cell *cell) {
	for (struct tn_run *run = runs->open; run != NULL; run = run->next) {
		run->used = false;
	}
	tn_runs_note_source(runs, cell);
}

void tn_runs_note_source(struct tn_runs *runs, const struct tn_lang_cell *cell) {
	if (cell->length > cell_bytes_max || !tn_utf8_valid(cell->text, cell->length, NULL)) {
		runs->cells_left_out++;
		return;
	}
	make_room(runs, cell->length);
	struct tn_run_cell kept = {.name = tn_strdup(cell->name), .source = tn_strndup(cell->text, cell->length)};
	if (kept.name == NULL || kept.source == NULL || !TN_VEC_PUSH(&runs->cells, kept)) {
		tn_free(kept.name);
		tn_free(kept.source);
		runs->cells_left_out++;
		return;
	}
	runs->cell_bytes += strlen(kept.source);
}

void tn_runs_end_cell(struct tn_runs *runs, enum tn_runs_outcome outcome) {
	static const enum tn_run_status statuses[] = {TN_RUN_RUNNING, TN_RUN_FAILED, TN_RUN_INTERRUPTED};
	for (struct tn_run *run = runs->open; run != NULL; run = run->next) {
		struct tn_error err = {0};
		if (!run->used) {
			continue;
		}
		tn_run_deliver(run);
		tn_event_writer_flush(run->writer, end_of_cell_ns);
		run->status = statuses[outcome];
		run->end = outcome == TN_RUNS_OK ? 0 : tn_wall_time();
		const struct tn_event_file_state state = tn_event_writer_state(run->writer);
		if (state.error != ENOENT && !tn_run_write_manifest(run, false, &err) && state.error == 0 && run->told == 0) {
			tn_run_warn(run, &err);
			run->told = EIO;
			continue;
		}
		tell(run, state);
	}
}
