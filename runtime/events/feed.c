/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a value from r.log to the writer. A number goes into the ring at once. A tensor whose plan has not run yet waits in
 * a list, held by a reference, which makes it an output of that plan; when the engine has flushed, the list's beginning is read
 * and handed on. While something waits, later values of any kind wait behind it: a reader drops points of a curve that do not
 * follow each other. Nothing here ever causes a flush. */
#include <string.h>

#include "events/run.h"

/* At a run's end nobody can interrupt, and a disk that does not answer must not hold the session: 2 seconds. */
enum { CLOSING_WAITS = 40 };

struct tn_run_tag *tn_run_tag(struct tn_run *run, const char *name, size_t length, struct tn_error *err) {
	struct tn_run_tag *tag = tn_map_get_n(&run->tags, name, length);
	if (TN_LIKELY(tag != NULL)) {
		return tag;
	}
	tag = tn_calloc(1, sizeof(*tag));
	if (tag == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	if (!tn_event_tag_init(&tag->event, name, length, err)) {
		tn_free(tag);
		return NULL;
	}
	if (!tn_map_set_n(&run->tags, name, length, tag)) {
		tn_event_tag_finish(&tag->event);
		tn_free(tag);
		tn_error_memory(err);
		return NULL;
	}
	return tag;
}

/* ---- into the ring ---- */

static bool wait_for_room(struct tn_run *run, struct tn_error *err) {
	if (run->closing ? run->waits++ >= CLOSING_WAITS : tn_engine_interrupted(run->runs->engine, err)) {
		return false;
	}
	tn_event_writer_wait_room(run->writer);
	return true;
}

static bool send_block(struct tn_run *run, struct tn_event_block *block, struct tn_error *err) {
	if (block == NULL) {
		return false;
	}
	while (!tn_event_writer_block(run->writer, block)) {
		if (!wait_for_room(run, err)) {
			tn_free(block);
			return false;
		}
	}
	return true;
}

/* Readers keep the first hyperparameters that they see of a run, so these wait until there is a value that they belong to. */
static bool send_hparams(struct tn_run *run, struct tn_error *err) {
	if (run->hparams_sent || run->hparams.count == 0) {
		return true;
	}
	run->hparams_sent = send_block(run, tn_event_hparams_start(run->start, run->hparams.items, run->hparams.count, err), err);
	return run->hparams_sent;
}

bool tn_run_send(struct tn_run *run, struct tn_event_block *block, struct tn_error *err) {
	if (block != NULL && !send_hparams(run, err)) {
		tn_free(block);
		return false;
	}
	return send_block(run, block, err);
}

static bool send_scalar(struct tn_run *run, const struct tn_run_item *item, double value, struct tn_error *err) {
	const struct tn_event_scalar scalar = {&item->tag->event, item->wall_time, item->step, (float)value};
	if (TN_UNLIKELY(!run->hparams_sent) && !send_hparams(run, err)) {
		return false;
	}
	while (TN_UNLIKELY(!tn_event_writer_scalar(run->writer, &scalar))) {
		if (!wait_for_room(run, err)) {
			return false;
		}
	}
	return true;
}

static bool send_picture(struct tn_run *run, const struct tn_run_item *item, const struct tn_event_place *place, struct tn_error *err) {
	struct tn_error warning = {0};
	bool cut_off = false;
	struct tn_event_block *block = tn_run_picture(run, place, item->tensor, &cut_off, err);
	if (block != NULL && cut_off && !item->tag->warned_range) {
		item->tag->warned_range = true;
		tn_error_set(&warning, TN_ERR_VALUE, "run '%s': the picture '%s' has values beyond 0 to 1, which are cut off", run->name, item->tag->event.name);
		tn_error_hint(&warning, "(x - min(x)) / (max(x) - min(x)) stretches them; pixels from 0 to 255 are u8(x)");
		tn_run_warn(run, &warning);
		tn_error_clear(&warning);
	}
	return tn_run_send(run, block, err);
}

/* An item whose tensor, if any, is there. */
static bool send_item(struct tn_run *run, const struct tn_run_item *item, struct tn_error *err) {
	const struct tn_event_place place = {item->tag->event.name, item->wall_time, item->step};
	double value = item->value;
	switch (item->kind) {
	case TN_RUN_HISTOGRAM:
		return tn_run_send(run, tn_run_histogram(&place, item->tensor, err), err);
	case TN_RUN_IMAGE:
		return send_picture(run, item, &place, err);
	default:
		return (item->tensor == NULL || tn_tensor_item_f64(item->tensor, &value, err)) && send_scalar(run, item, value, err);
	}
}

/* ---- waiting for plans ---- */

static bool keep_item(struct tn_run *run, const struct tn_run_item *item, struct tn_error *err) {
	if (!TN_VEC_PUSH(&run->items, *item)) {
		return tn_error_memory(err);
	}
	if (item->tensor != NULL) {
		tn_tensor_ref(item->tensor);
	}
	return true;
}

static bool is_ready(const struct tn_run_item *item) {
	return item->tensor == NULL || !tn_tensor_is_pending(item->tensor);
}

void tn_run_deliver(struct tn_run *run) {
	if (run->delivering) {
		return; /* reading a strided tensor flushes */
	}
	run->delivering = true;
	while (run->first_item < run->items.count && is_ready(&run->items.items[run->first_item])) {
		const struct tn_run_item item = run->items.items[run->first_item++];
		struct tn_error err = {0};
		bool ok = send_item(run, &item, &err);
		if (!ok && err.kind == TN_ERR_INTERRUPTED) {
			run->first_item--; /* of this wait, not of the plan: later */
			break;
		}
		if (!ok && err.kind == TN_ERR_MEMORY && !tn_error_is_set(&run->late)) {
			run->late = err; /* other errors are those of the plan, which its cell has shown */
		}
		tn_tensor_unref(item.tensor);
	}
	if (run->first_item == run->items.count) {
		run->first_item = run->items.count = 0;
	}
	run->delivering = false;
}

void tn_run_drop_items(struct tn_run *run) {
	for (size_t i = run->first_item; i < run->items.count; i++) {
		tn_tensor_unref(run->items.items[i].tensor);
	}
	TN_VEC_FINISH(&run->items);
	run->first_item = 0;
}

bool tn_run_log(struct tn_run *run, const struct tn_run_item *item, struct tn_error *err) {
	tn_run_use(run);
	tn_run_note_step(run, item->tag, item->step);
	if (TN_LIKELY(run->items.count == 0 && is_ready(item))) {
		return send_item(run, item, err);
	}
	return keep_item(run, item, err);
}

void tn_runs_settle(int64_t timeout_ns) {
	tn_event_writers_settle(timeout_ns);
}
