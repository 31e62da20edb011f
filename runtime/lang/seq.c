/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences: the object that natives and `a..b` make, and the range itself. */
#include "lang/state.h"

bool tn_seq_create(struct tn_lang *lang, const struct tn_seq_impl *impl, struct tn_type *item, void *data, struct tn_value *out, struct tn_error *err) {
	struct tn_seq *seq = tn_calloc(1, sizeof(*seq));
	if (seq == NULL) {
		return tn_error_memory(err);
	}
	*seq = (struct tn_seq){.head = {.refs = 1, .tag = TN_SEQ}, .item = item, .impl = impl, .lang = lang, .data = data};
	*out = (struct tn_value){.tag = TN_SEQ, .seq = seq};
	return true;
}

/* ---- a..b ---- */

struct range { int64_t start, stop; };

static bool range_start(struct tn_seq *seq, void **iter, struct tn_error *err) {
	int64_t *at = tn_alloc(sizeof(*at));
	if (at == NULL) {
		return tn_error_memory(err);
	}
	*at = ((const struct range *)seq->data)->start;
	*iter = at;
	return true;
}

static bool range_next(struct tn_seq *seq, void *iter, struct tn_value *out, bool *done, struct tn_error *err) {
	int64_t *at = iter;
	(void)err;
	*done = *at >= ((const struct range *)seq->data)->stop;
	if (!*done) {
		*out = tn_int((*at)++);
	}
	return true;
}

static void range_stop(struct tn_seq *seq, void *iter) {
	(void)seq;
	tn_free(iter);
}

static int64_t range_length(struct tn_seq *seq) {
	const struct range *r = seq->data;
	int64_t n;
	return r->stop <= r->start ? 0 : __builtin_sub_overflow(r->stop, r->start, &n) ? INT64_MAX : n;
}

static void range_finish(struct tn_seq *seq) { tn_free(seq->data); }

static const struct tn_seq_impl range_impl = {
	.name = "range", .start = range_start, .next = range_next, .stop = range_stop, .length = range_length, .finish = range_finish};

bool tn_range_create(struct tn_lang *lang, int64_t start, int64_t stop, struct tn_value *out, struct tn_error *err) {
	struct range *range = tn_alloc(sizeof(*range));
	if (range == NULL) {
		return tn_error_memory(err);
	}
	*range = (struct range){start, stop};
	if (!tn_seq_create(lang, &range_impl, tn_type_basic(lang->types, TN_TYPE_INT), range, out, err)) {
		tn_free(range);
		return false;
	}
	return true;
}
