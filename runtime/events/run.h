/* SPDX-License-Identifier: Apache-2.0 */
/* Private to events/: a run, and the session's list of them. */
#ifndef TN_EVENTS_RUN_H
#define TN_EVENTS_RUN_H

#include "events/events.h"
#include "events/writer.h"

struct tn_run_tag {
	struct tn_event_tag event;
	int64_t next_step;
	bool logged;      /* next_step follows a value */
	bool warned_step; /* the user was told that its steps go back; that its pictures are cut off */
	bool warned_range;
};

enum tn_run_status { TN_RUN_RUNNING, TN_RUN_FINISHED, TN_RUN_FAILED, TN_RUN_INTERRUPTED };

/* A value that waits for its plan, or (tensor NULL) for one before it: the values of a curve must reach the file in order of
 * step. */
enum tn_run_kind { TN_RUN_SCALAR, TN_RUN_HISTOGRAM, TN_RUN_IMAGE };
struct tn_run_item {
	enum tn_run_kind kind;
	struct tn_run_tag *tag;
	struct tn_tensor *tensor; /* counted */
	double value, wall_time;
	int64_t step;
};

struct tn_run {
	struct tn_runs *runs;
	struct tn_run *next; /* of the open ones */
	bool open, used;     /* used: in this cell */
	enum tn_run_status status;
	char *name, *id, *path, *absolute; /* path: as the user would write it */
	int folder;                        /* descriptor */
	double start, end;
	struct tn_random_state random;
	TN_VEC(struct tn_event_hparam) hparams; /* names and texts are the run's */
	bool hparams_sent;
	struct tn_event_writer *writer;
	struct tn_map tags; /* name → struct tn_run_tag */
	TN_VEC(struct tn_run_item) items;
	size_t first_item; /* those before it are gone */
	bool delivering, closing;
	int waits;            /* while closing */
	int told;             /* errno that the user has been told of */
	struct tn_error late; /* the first thing that failed where nobody could be told */
};

struct tn_run_cell {
	char *name, *source;
};

struct tn_runs {
	struct tn_lang *lang;
	struct tn_engine *engine;
	struct tn_flush_listener listener;
	struct tn_run *open;
	TN_VEC(struct tn_run_cell) cells;
	size_t cell_bytes, cells_left_out;
	char *root; /* where the last run was made, absolute, or NULL */
};

/* ---- run.c ---- */

struct tn_run_params {
	const char *name, *root;       /* root: "" or NULL: TENON_RUNS, else runs */
	const struct tn_dict *hparams; /* or NULL */
};
/* A run that is open, in its folder. */
TN_MUST_USE struct tn_run *tn_run_create(struct tn_runs *runs, const struct tn_run_params *params, struct tn_error *err);
/* Delivers, writes the end, closes the files. Nothing where it is closed already. */
void tn_run_close(struct tn_run *run, enum tn_run_status status);
void tn_run_destroy(struct tn_run *run);
/* The present cell uses it: one that a failed cell left is running again. */
void tn_run_use_again(struct tn_run *run);
void tn_run_warn(const struct tn_run *run, const struct tn_error *warning);
/* A value is logged: a step that goes back is a warning, the first time. */
void tn_run_note_step(const struct tn_run *run, struct tn_run_tag *tag, int64_t step);
static inline void tn_run_use(struct tn_run *run) {
	if (TN_UNLIKELY(!run->used)) {
		tn_run_use_again(run);
	}
}

/* ---- feed.c: from the executing thread to the writer ---- */

/* The tag of that name, made when it is new. */
TN_MUST_USE struct tn_run_tag *tn_run_tag(struct tn_run *run, const char *name, size_t length, struct tn_error *err);
/* Gives an item (its tensor is borrowed) to the writer, or lets it wait for its plan. */
TN_MUST_USE bool tn_run_log(struct tn_run *run, const struct tn_run_item *item, struct tn_error *err);
/* Gives a block, which is taken always. Waits for room, interruptibly; hyperparameters go first. */
TN_MUST_USE bool tn_run_send(struct tn_run *run, struct tn_event_block *block, struct tn_error *err);
/* Gives those items whose plans have run. */
void tn_run_deliver(struct tn_run *run);
/* Forgets what still waits. */
void tn_run_drop_items(struct tn_run *run);

/* ---- hparams.c ---- */

/* Adds or replaces. */
TN_MUST_USE bool tn_run_set_hparams(struct tn_run *run, const struct tn_dict *map, struct tn_error *err);
void tn_run_finish_hparams(struct tn_run *run);

/* ---- manifest.c ---- */

/* Writes run.json beside the old one and renames it onto that. `durable`: waits until the disk has it. */
TN_MUST_USE bool tn_run_write_manifest(const struct tn_run *run, bool durable, struct tn_error *err);

/* ---- histogram.c, picture.c ---- */

/* The event of a tensor's histogram / picture. Reads the tensor. *cut_off: floats lay beyond 0 to 1. */
TN_MUST_USE struct tn_event_block *tn_run_histogram(
	const struct tn_event_place *place, struct tn_tensor *t, struct tn_error *err);
TN_MUST_USE struct tn_event_block *tn_run_picture(
	const struct tn_run *run, const struct tn_event_place *place, struct tn_tensor *t, bool *cut_off, struct tn_error *err);
/* Whether a picture can be made of it. */
TN_MUST_USE bool tn_run_check_image(const struct tn_tensor *t, struct tn_error *err);

/* ---- natives.c ---- */

TN_MUST_USE bool tn_runs_register(struct tn_lang *lang, struct tn_error *err);

#endif
