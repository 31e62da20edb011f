/* SPDX-License-Identifier: Apache-2.0 */
/* Charts: what plot, scatter, hist and heatmap make, and how they are drawn. plot.c and plot_bins.c read the arguments,
 * plot_axis.c chooses ticks, plot_svg.c, plot_text.c and plot_vega.c draw. A chart holds no more points than can be seen. Private
 * to session/. */
#ifndef TN_SESSION_PLOT_H
#define TN_SESSION_PLOT_H

#include "session/figure.h"

/* LINE, SCATTER: points, NaN where there is none. HIST: x[i] … x[i + 1] are bin i's edges (count + 1 of them), y its count. */
struct tn_series {
	char *name;
	double *x, *y;
	size_t count;
};

struct tn_chart {
	enum { TN_CHART_LINE, TN_CHART_SCATTER, TN_CHART_HIST, TN_CHART_HEAT } kind;
	char *title, *x_label, *y_label; /* "" where there is none */
	bool log_x, log_y;
	TN_VEC(struct tn_series) series; /* name "": the only one */
	/* HEAT: rows from the top */
	double *cells;
	int64_t rows, columns;             /* of cells */
	int64_t whole_rows, whole_columns; /* of what was given: larger where cells are means of blocks */
	char **row_names, **column_names;  /* NULL: numbers */
	char *note;                        /* what is not drawn, or NULL */
};

void tn_chart_destroy(struct tn_chart *chart); /* accepts NULL */
void tn_chart_text(const struct tn_chart *chart, struct tn_sink *out);
void tn_chart_svg(const struct tn_chart *chart, struct tn_sink *out);
void tn_chart_vega(const struct tn_chart *chart, struct tn_sink *out);

/* ---- making: plot.c ---- */

/* Numbers of a list or of a tensor with one axis; there is room for one more behind the last. The caller frees `items`, also
 * after a failure. */
struct tn_numbers {
	double *items;
	size_t count;
};
TN_MUST_USE bool tn_numbers_create(struct tn_numbers *out, size_t count, struct tn_error *err);
TN_MUST_USE bool tn_numbers_read(const char *what, struct tn_value v, struct tn_numbers *out, struct tn_error *err);
/* title, x_label and y_label are the arguments from number `words` on. NULL: out of memory. */
TN_MUST_USE struct tn_chart *tn_chart_create(struct tn_native_call *call, int kind, uint32_t words, struct tn_error *err);
/* Takes x and y. */
TN_MUST_USE bool tn_chart_add(
	struct tn_chart *chart, const char *name, struct tn_numbers x, struct tn_numbers y, struct tn_error *err);
/* What is not drawn; the first note stays. Takes the text. */
TN_MUST_USE bool tn_chart_note(struct tn_chart *chart, struct tn_sink *text, struct tn_error *err);
/* The chart as the call's result; takes it, and drops it where not `ok`. */
TN_MUST_USE bool tn_chart_give(struct tn_native_call *call, struct tn_chart *chart, bool ok, struct tn_error *err);

/* ---- axes ---- */

enum { TN_AXIS_TICKS = 16 };
struct tn_axis {
	double low, high;
	bool log, whole; /* whole: ticks at whole numbers only */
	int count;
	double ticks[TN_AXIS_TICKS];
	char labels[TN_AXIS_TICKS][24];
};
/* An axis over what the chart's points cover, with about that many ticks. */
void tn_axis_fit_x(struct tn_axis *axis, const struct tn_chart *chart, int about);
void tn_axis_fit_y(struct tn_axis *axis, const struct tn_chart *chart, int about);
/* 0 at low, 1 at high; NaN where the value has no place on the axis. */
double tn_axis_place(const struct tn_axis *axis, double value);
/* The range of the finite cells of a heat map. */
void tn_heat_range(const struct tn_chart *chart, double *low, double *high);
/* A number as ticks and cells show it: at most 4 digits. */
void tn_axis_label(double value, double step, char out[24]);

/* ---- natives: plot.c, plot_bins.c ---- */

bool tn_show_plot(struct tn_native_call *call, struct tn_error *err);
bool tn_show_scatter(struct tn_native_call *call, struct tn_error *err);
bool tn_show_hist(struct tn_native_call *call, struct tn_error *err);
bool tn_show_heatmap(struct tn_native_call *call, struct tn_error *err);

#endif
