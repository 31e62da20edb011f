/* SPDX-License-Identifier: Apache-2.0 */
/* Figure: the handle that plot, scatter, hist, heatmap, image, table and summary return. It is made whole when the function is
 * called (a later change of the data does not change it) and drawn when it is shown. Private to session/. */
#ifndef TN_SESSION_FIGURE_H
#define TN_SESSION_FIGURE_H

#include "session/show.h"

struct tn_chart; /* plot.h */

/* Pixels ready for PNG, and what the text form says. */
struct tn_picture {
	const struct tn_engine *engine; /* asked for an interrupt while a file is made of it */
	uint8_t *pixels; /* row by row, `channels` bytes each; owned */
	int64_t width, height;
	int channels;
	char *text;    /* "image 28x28", owned */
	char **labels; /* of each tile, owned; NULL: none */
	int64_t tile_count, columns, tile_width, tile_height, gap;
};

struct tn_figure {
	enum { TN_FIGURE_CHART, TN_FIGURE_PICTURE, TN_FIGURE_TABLE } kind;
	struct tn_chart *chart;
	struct tn_picture picture;
	struct tn_table table;
};

/* Gives the call's result the figure, which is taken always. */
TN_MUST_USE bool tn_figure_return(struct tn_native_call *call, struct tn_figure *figure, struct tn_error *err);
/* NULL: the value is no figure. */
struct tn_figure *tn_figure_of(struct tn_value value);
/* All its forms; only the text when not rich. */
TN_MUST_USE bool tn_figure_forms(const struct tn_figure *figure, bool rich, struct tn_forms *out, struct tn_error *err);

/* show_image.c */
TN_MUST_USE bool tn_show_write_file(const char *path, const struct tn_str *bytes, struct tn_error *err);
bool tn_show_image(struct tn_native_call *call, struct tn_error *err);
bool tn_show_write_png(struct tn_native_call *call, struct tn_error *err);
TN_MUST_USE bool tn_picture_forms(const struct tn_picture *picture, bool rich, struct tn_forms *out, struct tn_error *err);
void tn_picture_finish(struct tn_picture *picture);

#endif
