/* SPDX-License-Identifier: Apache-2.0 */
/* Events as TensorBoard reads them, each a whole record. Scalars go into the caller's memory; the rest into blocks. */
#ifndef TN_EVENTS_SUMMARY_H
#define TN_EVENTS_SUMMARY_H

#include "base/base.h"

/* A curve's name, and what its events have in common. */
struct tn_event_tag {
	char *name;
	uint32_t name_length;
	uint32_t prefix_length;
	uint8_t *prefix; /* of a Summary.Value: the tag, and the key of its number */
};
TN_MUST_USE bool tn_event_tag_init(struct tn_event_tag *tag, const char *name, size_t length, struct tn_error *err);
void tn_event_tag_finish(struct tn_event_tag *tag);

struct tn_event_scalar {
	const struct tn_event_tag *tag;
	double wall_time;
	int64_t step;
	float value;
};
/* Room that the record of a point of that curve needs at most. */
size_t tn_event_scalar_room(const struct tn_event_tag *tag);
/* Writes it; returns its length. */
size_t tn_event_scalar_encode(const struct tn_event_scalar *scalar, uint8_t *out);

/* A whole record. Freed by tn_free. */
struct tn_event_block {
	size_t length;
	uint8_t bytes[];
};

/* What every event of a kind says of itself. */
struct tn_event_place {
	const char *tag;
	double wall_time;
	int64_t step;
};

/* Each gives NULL when memory is out (err set). */
TN_MUST_USE struct tn_event_block *tn_event_version(double wall_time, struct tn_error *err);
TN_MUST_USE struct tn_event_block *tn_event_session(double wall_time, int64_t step, bool start, struct tn_error *err);
/* rows: bucket_count times left edge, right edge, count. */
TN_MUST_USE struct tn_event_block *tn_event_histogram(
	const struct tn_event_place *place, const double *rows, size_t bucket_count, struct tn_error *err);
TN_MUST_USE struct tn_event_block *tn_event_image(
	const struct tn_event_place *place, int64_t width, int64_t height, const struct tn_str *png, struct tn_error *err);
TN_MUST_USE struct tn_event_block *tn_event_text(
	const struct tn_event_place *place, const char *text, size_t length, struct tn_error *err);

/* One hyperparameter. `text` (borrowed) is what a STRING shows. */
struct tn_event_hparam {
	const char *name;
	enum { TN_HPARAM_FLOAT, TN_HPARAM_INT, TN_HPARAM_BOOL, TN_HPARAM_TEXT } kind;
	double number;
	int64_t integer; /* of INT, which `number` is near */
	char *text;
};
TN_MUST_USE struct tn_event_block *tn_event_hparams_start(
	double wall_time, const struct tn_event_hparam *hparams, size_t count, struct tn_error *err);
TN_MUST_USE struct tn_event_block *tn_event_hparams_end(double wall_time, bool success, struct tn_error *err);

#endif
