/* SPDX-License-Identifier: Apache-2.0 */
/* Axes: the range that the points cover, and ticks at 1, 2 or 5 times a power of ten. A logarithmic axis has its ticks at powers
 * of ten, and between them where there is room. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "session/plot.h"

static const double least_positive = 1e-300;

void tn_axis_label(double value, double step, char out[24]) {
	double size = fabs(value);
	if (size < step * 1e-6) {
		snprintf(out, 24, "0");
	} else if (size >= 1e6 || size < 1e-4) {
		snprintf(out, 24, "%.3g", value);
	} else {
		int digits = step > 0 ? (int)ceil(-log10(step) - 1e-9) : 3;
		snprintf(out, 24, "%.*f", digits < 0 ? 0 : digits > 6 ? 6 : digits, value);
	}
}

double tn_axis_place(const struct tn_axis *axis, double value) {
	if (!isfinite(value) || (axis->log && value <= 0)) {
		return (double)NAN;
	}
	if (axis->log) {
		return (log10(value) - log10(axis->low)) / (log10(axis->high) - log10(axis->low));
	}
	/* halves: a range may be larger than a double holds */
	return (value / 2 - axis->low / 2) / (axis->high / 2 - axis->low / 2);
}

static void add_tick(struct tn_axis *axis, double value, double step) {
	double place = tn_axis_place(axis, value);
	if (axis->count < TN_AXIS_TICKS && place > -1e-9 && place < 1 + 1e-9) {
		axis->ticks[axis->count] = value;
		tn_axis_label(value, step, axis->labels[axis->count++]);
	}
}

/* 1, 2 or 5 times a power of ten: the least that gives no more than `about` steps. */
static double nice_step(double range, int about) {
	double raw = range / about, power = pow(10, floor(log10(raw))), part = raw / power;
	return power * (part <= 1.0000001 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

static void put_linear(struct tn_axis *axis, int about) {
	double step = nice_step(axis->high - axis->low, about);
	step = axis->whole && step < 1 ? 1 : step;
	double first = ceil(axis->low / step - 1e-9);
	if (!(step > 0) || !isfinite(step)) {
		return;
	}
	for (int i = 0; i < TN_AXIS_TICKS; i++) {
		add_tick(axis, (first + i) * step, step);
	}
}

/* As many of each decade as have room: all of 1 2 3 4 6 8, 1 2 5, 1 3, or 1, of each decade or of every n-th. Where the axis
 * covers less than a factor of two these would be too few, and the ticks are those of a linear axis. */
static void put_logarithmic(struct tn_axis *axis, int about) {
	static const double fine[] = {1, 2, 3, 4, 6, 8}, coarse[] = {1, 2, 5}, two[] = {1, 3};
	double span = log10(axis->high) - log10(axis->low);
	if (span < 0.3) {
		put_linear(axis, about);
		return;
	}
	int low = (int)floor(log10(axis->low)), high = (int)ceil(log10(axis->high));
	int every = span > about ? (high - low) / about + 1 : 1;
	const double *parts = span <= 1.05 ? fine : span * 3 <= about ? coarse : two;
	size_t count = span <= 1.05 ? TN_ARRAY_LEN(fine)
		: span * 3 <= about     ? TN_ARRAY_LEN(coarse)
		: span * 2 <= about     ? TN_ARRAY_LEN(two)
								: 1;
	for (int p = low; p <= high; p += every) {
		for (size_t k = 0; k < count; k++) {
			add_tick(axis, parts[k] * pow(10, p), pow(10, p));
		}
	}
}

/* Widens [low, high] to a range that can be drawn, and puts the ticks. */
static void fit(struct tn_axis *axis, double low, double high, double margin, int about) {
	if (!(low <= high)) { /* no points */
		low = axis->log ? 1 : 0;
		high = axis->log ? 10 : 1;
	}
	if (axis->log) {
		low = low < least_positive ? least_positive : low;
		double factor = low < high ? pow(high / low, margin) : 2;
		low /= factor;
		high *= factor;
	} else {
		double extra = low < high ? (high - low) * margin : low != 0 ? fabs(low) * 0.1 : 1;
		extra = isfinite(extra) ? extra : 0;
		low = fmax(low - extra, -DBL_MAX);
		high = fmin(high + extra, DBL_MAX);
	}
	axis->low = low;
	axis->high = high;
	if (axis->log) {
		put_logarithmic(axis, about);
	} else {
		put_linear(axis, about);
	}
}

static void cover(struct tn_axis *axis, double value, double *low, double *high) {
	if (isfinite(value) && (!axis->log || value > 0)) {
		axis->whole = axis->whole && value == floor(value);
		*low = value < *low ? value : *low;
		*high = value > *high ? value : *high;
	}
}

void tn_axis_fit_x(struct tn_axis *axis, const struct tn_chart *chart, int about) {
	double low = INFINITY, high = -INFINITY;
	*axis = (struct tn_axis){.log = chart->log_x, .whole = chart->kind != TN_CHART_HIST};
	for (size_t k = 0; k < chart->series.count; k++) {
		const struct tn_series *s = &chart->series.items[k];
		size_t count = s->count + (chart->kind == TN_CHART_HIST);
		for (size_t i = 0; i < count; i++) {
			cover(axis, s->x[i], &low, &high);
		}
	}
	fit(axis, low, high, chart->kind == TN_CHART_SCATTER ? 0.03 : 0, about);
}

void tn_axis_fit_y(struct tn_axis *axis, const struct tn_chart *chart, int about) {
	bool hist = chart->kind == TN_CHART_HIST;
	double low = INFINITY, high = -INFINITY;
	*axis = (struct tn_axis){.log = chart->log_y, .whole = true};
	for (size_t k = 0; k < chart->series.count; k++) {
		for (size_t i = 0; i < chart->series.items[k].count; i++) {
			cover(axis, chart->series.items[k].y[i], &low, &high);
		}
	}
	if (hist && !axis->log) { /* bars stand on 0 */
		low = 0;
		high = high > 0 ? high * 1.05 : 1;
	} else if (hist) {
		low = 0.5;
		high = high > 1 ? high * 1.2 : 2;
	}
	fit(axis, low, high, hist ? 0 : 0.04, about);
}

void tn_heat_range(const struct tn_chart *chart, double *low, double *high) {
	struct tn_axis unused = {0};
	*low = INFINITY;
	*high = -INFINITY;
	for (int64_t i = 0; i < chart->rows * chart->columns; i++) {
		cover(&unused, chart->cells[i], low, high);
	}
	if (!(*low <= *high)) {
		*low = *high = 0;
	}
}
