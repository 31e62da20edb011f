/* SPDX-License-Identifier: Apache-2.0 */
/* Walking any value that `for` can walk: lists, tensors (axis 0), strings (code points), maps ((key, value) tuples), sequences.
 * Natives that take sequences (zip, enumerate, progress, map) use it; part of lang.h for the folders above. */
#ifndef TN_LANG_ITER_H
#define TN_LANG_ITER_H

#include "lang/value.h"

struct tn_iter {
	struct tn_lang *lang;
	struct tn_value source; /* a reference */
	size_t at;
	void *pass;             /* of a seq */
	bool started;
};

/* The type of an element, NULL where `type` cannot be walked (`any` gives any). */
struct tn_type *tn_iter_item_type(struct tn_types *types, struct tn_type *type);
/* Starts a pass over `source` (borrowed). On failure there is nothing to stop. */
TN_MUST_USE bool tn_iter_start(struct tn_iter *iter, struct tn_lang *lang, struct tn_value source, struct tn_error *err);
/* The next element as a new reference, or *done. */
TN_MUST_USE bool tn_iter_next(struct tn_iter *iter, struct tn_value *out, bool *done, struct tn_error *err);
void tn_iter_stop(struct tn_iter *iter);
/* Elements of a whole pass, or -1 where that is not known. */
int64_t tn_iter_length(struct tn_value source);

#endif
