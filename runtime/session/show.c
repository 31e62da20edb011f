/* SPDX-License-Identifier: Apache-2.0 */
/* How values look: from what the language displays to the forms that the reader's program may choose from. Also the places that
 * can be shown again (display(x, id: "loss")), and progress bars, which are such places too. */
#include "session/show.h"

#include <string.h>

#include "session/figure.h"

/* ---- places ---- */

/* A figure that is shown again and again in one place (a loss after each step) is sent at most this often; the last one always
 * is. */
enum { AGAIN_MS = 100 };

/* `cell`: in which part of which cell the place was last made anew; clear_output() begins a part. `waiting`: a figure that was not sent yet, or void; only figures wait, because
 * they hold no tensors whose memory a training step wants. */
struct place {
	uint64_t id, cell;
	int64_t sent_ns;
	struct tn_value waiting;
};

struct tn_show_places {
	struct tn_map by_name; /* the user's id → struct place */
	uint64_t cell;
	TN_VEC(uint64_t) open_bars; /* progress bars that have been shown and not ended */
	int waiting;                /* places with a figure that waits */
};

struct tn_show_places *tn_show_places_create(void) {
	return tn_calloc(1, sizeof(struct tn_show_places));
}

void tn_show_places_destroy(struct tn_show_places *places) {
	if (places == NULL) {
		return;
	}
	for (uint32_t i = 0; i < places->by_name.used; i++) {
		struct place *place = places->by_name.entries[i].key == NULL ? NULL : places->by_name.entries[i].value;
		if (place != NULL) {
			tn_value_unref(place->waiting);
			tn_free(place);
		}
	}
	tn_map_finish(&places->by_name);
	TN_VEC_FINISH(&places->open_bars);
	tn_free(places);
}

void tn_show_places_next_cell(struct tn_show_places *places) {
	places->cell++;
	places->open_bars.count = 0;
}

/* Ids of displays are even and those of bars odd, so that the two never meet. Sessions of one process share the counter. */
static uint64_t next_id(void) {
	static uint64_t last; /* the executing thread's alone */
	last += 2;
	return last;
}
static uint64_t id_of_bar(uint64_t pass) {
	return 2 * pass + 1;
}

static struct place *place_named(struct tn_show_places *places, const char *name, struct tn_error *err) {
	struct place *place = tn_map_get(&places->by_name, name);
	if (place != NULL) {
		return place;
	}
	place = tn_calloc(1, sizeof(*place));
	if (place == NULL || !tn_map_set(&places->by_name, name, place)) {
		tn_free(place);
		tn_error_memory(err);
		return NULL;
	}
	place->id = next_id();
	return place;
}

/* Fills the show's id and update; *out is NULL where there is no id. */
static bool find_place(struct tn_show_places *places, const struct tn_lang_display *what, struct tn_session_show *show,
	struct place **out, struct tn_error *err) {
	*out = NULL;
	if (what->id == NULL) {
		return true;
	}
	if (what->update && tn_map_get(&places->by_name, what->id) == NULL) {
		tn_error_set(err, TN_ERR_KEY, "update_display: nothing was shown with the id \"%.100s\"", what->id);
		tn_error_hint(err, "display(value, id: \"%.100s\") comes first", what->id);
		return false;
	}
	struct place *place = *out = place_named(places, what->id, err);
	if (place == NULL) {
		return false;
	}
	show->id = place->id;
	show->update = what->update || place->cell == places->cell;
	if (!what->update) {
		place->cell = places->cell;
	}
	return true;
}

/* ---- showing ---- */

static const char *const mimes[TN_FORM_COUNT] = {
	[TN_FORM_TEXT] = "text/plain",
	[TN_FORM_HTML] = "text/html",
	[TN_FORM_SVG] = "image/svg+xml",
	[TN_FORM_PNG] = "image/png",
	[TN_FORM_VEGA] = "application/vnd.vegalite.v5+json",
};

static bool send(
	const struct tn_session *session, const struct tn_forms *forms, struct tn_session_show *show, struct tn_error *err) {
	struct tn_session_form made[TN_FORM_COUNT];
	size_t count = 0;
	if (forms->metadata.failed) {
		return tn_error_memory(err);
	}
	for (int i = 0; i < TN_FORM_COUNT; i++) {
		const struct tn_sink *sink = &forms->form[i];
		if (sink->failed) {
			return tn_error_memory(err);
		}
		if (i == TN_FORM_TEXT || sink->text.length > 0) {
			made[count++] = (struct tn_session_form){mimes[i], tn_str_c(&sink->text), sink->text.length};
		}
	}
	show->forms = made;
	show->form_count = count;
	show->metadata = forms->metadata.text.length > 0 ? tn_str_c(&forms->metadata.text) : NULL;
	session->output.show(session->output.data, show);
	show->forms = NULL; /* gone with this frame */
	return true;
}

static bool net_forms(struct tn_engine *e, struct tn_value value, bool rich, struct tn_forms *forms, struct tn_error *err) {
	struct tn_table table = {0};
	bool ok = tn_show_summarize(value, &table, err);
	if (ok) {
		tn_table_text(&table, &forms->form[TN_FORM_TEXT]);
	}
	if (ok && rich) {
		tn_table_html(&table, &forms->form[TN_FORM_HTML]);
		ok = tn_show_container(e, value, &forms->form[TN_FORM_HTML], err);
	}
	tn_table_finish(&table);
	return ok;
}

static bool make_forms(const struct tn_session *session, struct tn_value value, struct tn_forms *forms, struct tn_error *err) {
	bool rich = session->output.rich;
	struct tn_engine *e = session->engine;
	if (tn_figure_of(value) != NULL) {
		return tn_figure_forms(tn_figure_of(value), rich, forms, err);
	}
	if (tn_show_is_net(value)) {
		return net_forms(e, value, rich, forms, err);
	}
	if (!tn_show_text(value, &forms->form[TN_FORM_TEXT], err)) {
		return false;
	}
	if (rich && value.tag == TN_TENSOR) {
		return tn_show_tensor(e, value.tensor, &forms->form[TN_FORM_HTML], err);
	}
	if (rich && value.tag >= TN_LIST && value.tag <= TN_STRUCT) {
		return tn_show_container(e, value, &forms->form[TN_FORM_HTML], err);
	}
	return true;
}

static bool show_value(
	const struct tn_session *session, struct tn_value value, struct tn_session_show *show, struct tn_error *err) {
	struct tn_forms forms = {0};
	bool ok = make_forms(session, value, &forms, err) && send(session, &forms, show, err);
	tn_forms_finish(&forms);
	return ok;
}

static void drop_waiting(struct tn_show_places *places, struct place *place) {
	if (place->waiting.tag != TN_VOID) {
		places->waiting--;
		tn_value_store(&place->waiting, tn_void());
	}
}

/* True: the figure waits, since its place has just been drawn. */
static bool may_wait(const struct tn_session *session, struct place *place, struct tn_value value, bool update) {
	drop_waiting(session->places, place); /* what comes now takes its place */
	int64_t now = tn_clock_ns();
	if (session->output.rich && update && tn_figure_of(value) != NULL && now - place->sent_ns < AGAIN_MS * (int64_t)1000000) {
		place->waiting = tn_value_ref(value);
		session->places->waiting++;
		return true;
	}
	place->sent_ns = now;
	return false;
}

void tn_show_flush(const struct tn_session *session, bool all) {
	struct tn_show_places *places = session->places;
	int64_t now = places->waiting > 0 ? tn_clock_ns() : 0;
	for (uint32_t i = 0; places->waiting > 0 && i < places->by_name.used; i++) {
		struct place *place = places->by_name.entries[i].key == NULL ? NULL : places->by_name.entries[i].value;
		if (place == NULL || place->waiting.tag == TN_VOID || (!all && now - place->sent_ns < AGAIN_MS * (int64_t)1000000)) {
			continue;
		}
		struct tn_session_show show = {.id = place->id, .update = true};
		place->sent_ns = now;
		(void)!show_value(session, place->waiting, &show, NULL); /* an older state of it is there */
		drop_waiting(places, place);
	}
}

/* What this cell has shown is gone, and its places with it: what comes next under their names is new. A place that an earlier cell shows stays. */
void tn_show_clear(const struct tn_session *session) {
	struct tn_show_places *places = session->places;
	for (uint32_t i = 0; places->waiting > 0 && i < places->by_name.used; i++) {
		struct place *place = places->by_name.entries[i].key == NULL ? NULL : places->by_name.entries[i].value;
		if (place != NULL && place->cell == places->cell) {
			drop_waiting(places, place);
		}
	}
	tn_show_places_next_cell(places);
}

bool tn_session_display(void *data, const struct tn_lang_display *what, struct tn_error *err) {
	const struct tn_session *session = data;
	struct tn_session_show show = {.result = what->result};
	struct place *place;
	tn_show_flush(session, false);
	if (!find_place(session->places, what, &show, &place, err)) {
		return false;
	}
	return (place != NULL && may_wait(session, place, what->value, show.update)) || show_value(session, what->value, &show, err);
}

/* ---- progress ---- */

/* Whether the bar is shown already; notes that it is, and forgets it with its last moment. Without memory a bar is drawn anew. */
static bool note_bar(struct tn_show_places *places, const struct tn_lang_progress *progress) {
	size_t i = 0;
	while (i < places->open_bars.count && places->open_bars.items[i] != progress->id) {
		i++;
	}
	bool known = i < places->open_bars.count;
	if (known && progress->ended) {
		places->open_bars.items[i] = places->open_bars.items[--places->open_bars.count];
	} else if (!known && !progress->ended && !TN_VEC_PUSH(&places->open_bars, progress->id)) {
		return false;
	}
	return known;
}

static void put_clock(struct tn_sink *out, double seconds) {
	unsigned long s = seconds < 0 ? 0 : seconds > 359999 ? 359999 : (unsigned long)(seconds + 0.5);
	if (s >= 3600) {
		tn_sink_printf(out, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
	} else {
		tn_sink_printf(out, "%02lu:%02lu", s / 60, s % 60);
	}
}

/* "epoch 0 [bar] 120/469 · 820 it/s · 00:01 left" */
static void progress_html(const struct tn_lang_progress *p, struct tn_sink *out) {
	double rate = p->seconds > 0 ? (double)p->done / p->seconds : 0;
	tn_sink_put(out, "<div>");
	if (p->label[0] != '\0') {
		tn_sink_html(out, p->label, strlen(p->label));
		tn_sink_put(out, " ");
	}
	if (p->total > 0) {
		tn_sink_printf(out, "<progress value=\"%lld\" max=\"%lld\"></progress> ", (long long)p->done, (long long)p->total);
	} else if (!p->ended) {
		tn_sink_put(out, "<progress></progress> ");
	}
	tn_sink_printf(out, "%lld", (long long)p->done);
	if (p->total >= 0) {
		tn_sink_printf(out, "/%lld", (long long)p->total);
	}
	tn_sink_put(out, " · ");
	if (rate < 10) {
		tn_sink_printf(out, "%.2f", rate);
	} else {
		tn_sink_grouped(out, rate < 1e15 ? (int64_t)(rate + 0.5) : (int64_t)1e15);
	}
	tn_sink_put(out, " it/s · ");
	if (!p->ended && p->total > 0 && rate > 0) {
		put_clock(out, (double)(p->total - p->done) / rate);
		tn_sink_put(out, " left");
	} else {
		put_clock(out, p->seconds);
	}
	tn_sink_put(out, "</div>");
}

void tn_session_progress(void *data, const struct tn_lang_progress *progress) {
	const struct tn_session *session = data;
	if (session->output.progress != NULL) {
		session->output.progress(session->output.data, progress);
		return;
	}
	if (!session->output.rich || session->output.show == NULL) {
		return;
	}
	tn_show_flush(session, false);
	struct tn_forms forms = {0};
	struct tn_session_show show = {.id = id_of_bar(progress->id), .update = note_bar(session->places, progress)};
	tn_sink_put(&forms.form[TN_FORM_TEXT], progress->line);
	progress_html(progress, &forms.form[TN_FORM_HTML]);
	(void)!send(session, &forms, &show, NULL); /* no memory for a bar is no reason to stop the loop */
	tn_forms_finish(&forms);
}
