/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences made of others: zip, enumerate, map, and progress, which shows how far a pass has come. Each pass starts afresh. */
#include <stdio.h>
#include <string.h>

#include "lang/builtin.h"
#include "lang/iter.h"

/* What a sequence of this file walks, and a pass over it. */
struct sources { uint32_t count; struct tn_value f; struct tn_str label; struct tn_value items[]; };
struct pass { uint64_t id; /* of its progress bar */ int64_t at; int64_t began_ns, shown_ns; uint32_t count; struct tn_iter iters[]; };

static struct sources *sources_create(const struct tn_value *items, uint32_t count, struct tn_error *err) {
	struct sources *s = tn_calloc(1, sizeof(*s) + count * sizeof(items[0]));
	if (s == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	s->count = count;
	for (uint32_t i = 0; i < count; i++) {
		s->items[i] = tn_value_ref(items[i]);
	}
	return s;
}
static void sources_finish(struct tn_seq *seq) {
	struct sources *s = seq->data;
	for (uint32_t i = 0; i < s->count; i++) {
		tn_value_unref(s->items[i]);
	}
	tn_value_unref(s->f);
	tn_str_finish(&s->label);
	tn_free(s);
}

static void pass_stop(struct tn_seq *seq, void *iter) {
	struct pass *p = iter;
	(void)seq;
	for (uint32_t i = 0; i < p->count; i++) {
		tn_iter_stop(&p->iters[i]);
	}
	tn_free(p);
}
static bool pass_start(struct tn_seq *seq, void **iter, struct tn_error *err) {
	struct sources *s = seq->data;
	struct pass *p = tn_calloc(1, sizeof(*p) + s->count * sizeof(p->iters[0]));
	if (p == NULL) {
		return tn_error_memory(err);
	}
	static uint64_t passes; /* the executing thread's alone */
	p->id = ++passes;
	p->began_ns = tn_clock_ns();
	for (p->count = 0; p->count < s->count; p->count++) {
		if (!tn_iter_start(&p->iters[p->count], seq->lang, s->items[p->count], err)) {
			pass_stop(seq, p);
			return false;
		}
	}
	*iter = p;
	return true;
}

static int64_t shortest(struct tn_seq *seq) {
	const struct sources *s = seq->data;
	int64_t n = -1;
	for (uint32_t i = 0; i < s->count; i++) {
		int64_t m = tn_iter_length(s->items[i]);
		n = n < 0 || (m >= 0 && m < n) ? m : n;
	}
	return n;
}

/* ---- zip ---- */

static bool zip_next(struct tn_seq *seq, void *iter, struct tn_value *out, bool *done, struct tn_error *err) {
	struct pass *p = iter;
	struct tn_value items[16];
	uint32_t made = 0;
	bool ok = true;
	(void)seq;
	for (; made < p->count; made++) {
		items[made] = tn_void();
		ok = tn_iter_next(&p->iters[made], &items[made], done, err);
		if (!ok || *done) {
			break;
		}
	}
	if (ok && !*done) {
		return tn_tuple_create_take(items, p->count, out, err);
	}
	for (uint32_t i = 0; i < made; i++) {
		tn_value_unref(items[i]);
	}
	return ok;
}
static const struct tn_seq_impl zip_impl = {.name = "zip", .start = pass_start, .next = zip_next, .stop = pass_stop, .length = shortest, .finish = sources_finish};

static bool make_seq(struct tn_native_call *call, const struct tn_seq_impl *impl, const struct tn_value *items, uint32_t count, struct tn_value f,
		struct tn_error *err) {
	struct sources *s = sources_create(items, count, err);
	if (s == NULL) {
		return false;
	}
	s->f = tn_value_ref(f);
	struct tn_type *item = call->type->kind == TN_TYPE_SEQ ? call->type->items[0] : tn_type_basic(tn_lang_types(call->lang), TN_TYPE_ANY);
	if (!tn_seq_create(call->lang, impl, item, s, call->result, err)) {
		struct tn_seq dying = {.data = s};
		sources_finish(&dying);
		return false;
	}
	return true;
}
static bool run_zip(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_tuple *values = call->args[0].tuple;
	if (values->count < 1 || values->count > 16) {
		return tn_error_set(err, TN_ERR_TYPE, "zip: expected 1 to 16 sequences, found %u", values->count);
	}
	return make_seq(call, &zip_impl, values->items, values->count, tn_void(), err);
}

static struct tn_type *item_or_error(const struct tn_native_typing *typing, struct tn_type *type, const char *name, struct tn_error *err) {
	struct tn_type *item = tn_iter_item_type(typing->types, type);
	if (item == NULL) {
		char found[128];
		tn_type_format(type, found);
		tn_error_set(err, TN_ERR_TYPE, "%s: expected something to walk (a list, tensor, string, map or sequence), found %s", name, found);
	}
	return item;
}
static struct tn_type *type_zip(const struct tn_native_typing *typing, struct tn_error *err) {
	const struct tn_type *values = typing->args[0]; /* the tuple of all arguments */
	struct tn_type *items[16];
	if (values->item_count < 1 || values->item_count > 16) {
		tn_error_set(err, TN_ERR_TYPE, "zip: expected 1 to 16 sequences, found %u", values->item_count);
		return NULL;
	}
	for (uint32_t i = 0; i < values->item_count; i++) {
		if ((items[i] = item_or_error(typing, values->items[i], "zip", err)) == NULL) {
			return NULL;
		}
	}
	struct tn_type *tuple = tn_type_tuple(typing->types, items, values->item_count);
	return tuple == NULL ? NULL : tn_type_seq(typing->types, tuple);
}

/* ---- enumerate ---- */

static bool enumerate_next(struct tn_seq *seq, void *iter, struct tn_value *out, bool *done, struct tn_error *err) {
	struct pass *p = iter;
	struct tn_value pair[2] = {tn_int(p->at), tn_void()};
	(void)seq;
	if (!tn_iter_next(&p->iters[0], &pair[1], done, err)) {
		return false;
	}
	if (*done) {
		return true;
	}
	p->at++;
	return tn_tuple_create_take(pair, 2, out, err);
}
static const struct tn_seq_impl enumerate_impl = {
	.name = "enumerate", .start = pass_start, .next = enumerate_next, .stop = pass_stop, .length = shortest, .finish = sources_finish};
static bool run_enumerate(struct tn_native_call *call, struct tn_error *err) { return make_seq(call, &enumerate_impl, call->args, 1, tn_void(), err); }
static struct tn_type *type_enumerate(const struct tn_native_typing *typing, struct tn_error *err) {
	struct tn_type *pair[2] = {tn_type_basic(typing->types, TN_TYPE_INT), item_or_error(typing, typing->args[0], "enumerate", err)};
	struct tn_type *tuple = pair[1] == NULL ? NULL : tn_type_tuple(typing->types, pair, 2);
	return tuple == NULL ? NULL : tn_type_seq(typing->types, tuple);
}

/* ---- map(seq, f) ---- */

static bool map_next(struct tn_seq *seq, void *iter, struct tn_value *out, bool *done, struct tn_error *err) {
	struct pass *p = iter;
	const struct sources *s = seq->data;
	struct tn_value item = tn_void();
	if (!tn_iter_next(&p->iters[0], &item, done, err)) {
		return false;
	}
	if (*done) {
		return true;
	}
	bool ok = tn_call_value(seq->lang, s->f, &item, 1, out, err);
	tn_value_unref(item);
	return ok;
}
static const struct tn_seq_impl map_impl = {.name = "map", .start = pass_start, .next = map_next, .stop = pass_stop, .length = shortest, .finish = sources_finish};
static bool run_map(struct tn_native_call *call, struct tn_error *err) { return make_seq(call, &map_impl, call->args, 1, call->args[1], err); }
static struct tn_type *type_map(const struct tn_native_typing *typing, struct tn_error *err) {
	struct tn_type *item = item_or_error(typing, typing->args[0], "map", err);
	struct tn_type *made = item == NULL ? NULL : tn_call_value_type(typing->lang, typing->args[1], &item, 1, err);
	return made == NULL ? NULL : tn_type_seq(typing->types, made);
}

/* ---- progress ---- */

enum { BAR_WIDTH = 24, SHOW_EVERY_MS = 100 };

/* At most "99:59:59". */
static void format_seconds(double s, char out[16]) {
	unsigned t = s < 0 || s > 359999 ? 359999 : (unsigned)(s + 0.5);
	if (t >= 3600) {
		snprintf(out, 16, "%u:%02u:%02u", t / 3600 % 100, t / 60 % 60, t % 60);
	} else {
		snprintf(out, 16, "%02u:%02u", t / 60 % 60, t % 60);
	}
}

/* "epoch 0 ━━━━━━──── 120/469  820 it/s  00:01 left" */
static void show(struct tn_seq *seq, struct pass *p, bool last) {
	const struct tn_lang_output *output = tn_lang_get_output(seq->lang);
	const struct sources *s = seq->data;
	int64_t now = tn_clock_ns(), total = shortest(seq);
	if (output->progress == NULL || (!last && now - p->shown_ns < SHOW_EVERY_MS * 1000000LL)) {
		return;
	}
	p->shown_ns = now;
	double seconds = (double)(now - p->began_ns) * 1e-9, rate = seconds > 0 ? (double)p->at / seconds : 0;
	char time[16];
	struct tn_str line = {0};
	bool ok = s->label.length == 0 || tn_str_printf(&line, "%s ", tn_str_c(&s->label));
	if (ok && total > 0) {
		int filled = (int)((double)BAR_WIDTH * (double)p->at / (double)total);
		for (int i = 0; ok && i < BAR_WIDTH; i++) {
			ok = tn_str_append(&line, i < filled ? "━" : "─");
		}
		format_seconds(last || rate <= 0 ? seconds : (double)(total - p->at) / rate, time);
		ok = ok && tn_str_printf(&line, " %lld/%lld  %.0f it/s  %s%s", (long long)p->at, (long long)total, rate, time, last ? "" : " left");
	} else if (ok) {
		format_seconds(seconds, time);
		ok = tn_str_printf(&line, "%lld  %.0f it/s  %s", (long long)p->at, rate, time);
	}
	if (ok) {
		const struct tn_lang_progress moment = {.id = p->id, .label = tn_str_c(&s->label), .done = p->at, .total = total,
			.seconds = seconds, .ended = last, .line = tn_str_c(&line)};
		output->progress(output->data, &moment);
	}
	tn_str_finish(&line);
}

static bool progress_next(struct tn_seq *seq, void *iter, struct tn_value *out, bool *done, struct tn_error *err) {
	struct pass *p = iter;
	if (!tn_iter_next(&p->iters[0], out, done, err)) {
		return false;
	}
	if (!*done) {
		show(seq, p, false);
		p->at++;
	}
	return true;
}
static void progress_stop(struct tn_seq *seq, void *iter) {
	show(seq, iter, true);
	pass_stop(seq, iter);
}
static const struct tn_seq_impl progress_impl = {
	.name = "progress", .start = pass_start, .next = progress_next, .stop = progress_stop, .length = shortest, .finish = sources_finish};

static bool run_progress(struct tn_native_call *call, struct tn_error *err) {
	if (!make_seq(call, &progress_impl, call->args, 1, tn_void(), err)) {
		return false;
	}
	struct sources *s = call->result->seq->data;
	if (tn_arg_given(call, 1) && !tn_str_append_n(&s->label, call->args[1].string->text, call->args[1].string->length)) {
		tn_value_store(call->result, tn_void());
		return tn_error_memory(err);
	}
	return true;
}
static struct tn_type *type_progress(const struct tn_native_typing *typing, struct tn_error *err) {
	struct tn_type *item = item_or_error(typing, typing->args[0], "progress", err);
	return item == NULL ? NULL : tn_type_seq(typing->types, item);
}

static const struct tn_native rows[] = {
	{ "auto zip(auto... values)", "Tuples of the elements of several sequences side by side; ends with the shortest.\n\nvalues: whatever for loops go over.", "for (auto (a, b) : zip([1, 2], \"xy\")) { print(a, b); }    // expect: 1 x\n// expect: 2 y", run_zip, type_zip, 0 },
	{ "auto enumerate(auto values)", "(0, first), (1, second), …\n\nvalues: whatever a for loop goes over.", "for (auto (i, c) : enumerate(\"ab\")) { print(i, c); }    // expect: 0 a\n// expect: 1 b", run_enumerate, type_enumerate, 0 },
	{ "auto map(auto values, fn f)", "f of each element, computed when the sequence is walked.\n\nvalues: whatever a for loop goes over.", "for (auto x : map(0..3, (i) => i * i)) { print(x); }    // expect: 0\n// expect: 1\n// expect: 4", run_map, type_map, 0 },
	{ "auto progress(auto values, string label = none)", "The same elements, with a bar, on the terminal or in the notebook, that shows how many have gone by, how many a second, and the time left.\n\nvalues: whatever a for loop goes over. label: stands before the bar.",
	  "for (auto i : progress(0..3, \"work\")) { }", run_progress, type_progress, 0 },
};
TN_NATIVE_TABLE(seq, rows);
