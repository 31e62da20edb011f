/* SPDX-License-Identifier: Apache-2.0 */
/* Charts as Vega-Lite 5, which JupyterLab draws itself, with the numbers under the pointer. All data are inside, what
 * is not finite is null. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "session/plot.h"

enum {
	WIDTH = 500,
	HEIGHT = 300,
	CELL = 24,
	HEAT_LEAST = 160,
	HEAT_MOST = 480,
	NUMBER_WIDTH = 42,
	NUMBER_HEIGHT = 28,
	NUMBER_COLUMNS = 13,
	NUMBER_ROWS = 20,
	NAME_BESIDE = 18
};

static void put_title(struct tn_sink *out, const char *title) {
	if (title[0] == '\0') {
		tn_sink_put(out, "null");
	} else {
		tn_sink_json(out, title);
	}
}

/* How d3 writes the ticks: with the decimals of their step, so that they are alike; those of a logarithmic axis each for itself.
 */
static void number_style(const struct tn_axis *axis, char out[16]) {
	double least = INFINITY, most = 0;
	for (int i = 0; i < axis->count; i++) {
		double size = fabs(axis->ticks[i]);
		least = size > 0 ? fmin(least, size) : least;
		most = fmax(most, size);
	}
	double step = axis->count > 1 ? axis->ticks[1] - axis->ticks[0] : most;
	if (most >= 1e9 || least < 1e-4) {
		snprintf(out, 16, ".6~g");
	} else if (axis->log) {
		snprintf(out, 16, ",.6~r");
	} else {
		double digits = ceil(-log10(step) - 1e-9);
		snprintf(out, 16, ",.%df", digits > 0 && digits < 10 ? (int)digits : 0);
	}
}

/* "axis": range, ticks and labels are those of the other forms. (Vega would round a logarithmic range to whole decades, and leave
 * out most labels between them.) */
static void put_ticks(struct tn_sink *out, const struct tn_axis *axis) {
	char style[16];
	number_style(axis, style);
	tn_sink_printf(
		out, ", \"scale\": {\"type\": \"%s\", \"nice\": false, \"zero\": false, \"domain\": [", axis->log ? "log" : "linear");
	tn_sink_number(out, axis->low);
	tn_sink_put(out, ", ");
	tn_sink_number(out, axis->high);
	tn_sink_put(out, "]}, \"axis\": {\"labelFlush\": false");
	for (int i = 0; i < axis->count; i++) {
		tn_sink_put(out, i == 0 ? ", \"values\": [" : ", ");
		tn_sink_number(out, axis->ticks[i]);
	}
	tn_sink_put(out, axis->count > 0 ? "]" : "");
	tn_sink_printf(out, ", \"labelExpr\": \"format(datum.value, '%s')\"}}", style);
}

/* "x": {"field": "x", "type": "quantitative", "title": …, "scale": {…}, "axis": {…}} */
static void put_axis(struct tn_sink *out, const char *channel, const char *title, const struct tn_axis *axis) {
	tn_sink_printf(out, "\"%s\": {\"field\": \"%s\", \"type\": \"quantitative\", \"title\": ", channel, channel);
	put_title(out, title);
	put_ticks(out, axis);
}

static void put_head(const struct tn_chart *chart, struct tn_sink *out) {
	/* on the notebook's own ground: a dark theme would draw a lighter box, and a grid as bright as the lines */
	tn_sink_put(out,
		"{\"$schema\": \"https://vega.github.io/schema/vega-lite/v5.json\", \"background\": \"transparent\", "
		"\"config\": {\"axis\": {\"gridOpacity\": 0.5}}, ");
	if (chart->title[0] != '\0') {
		tn_sink_put(out, "\"title\": ");
		tn_sink_json(out, chart->title);
		tn_sink_put(out, ", ");
	}
	tn_sink_put(out, "\"data\": {\"values\": [");
}

static void put_series_name(const struct tn_series *s, struct tn_sink *out) {
	if (s->name[0] != '\0') {
		tn_sink_put(out, ", \"series\": ");
		tn_sink_json(out, s->name);
	}
}

static void put_points(const struct tn_chart *chart, struct tn_sink *out) {
	const char *between = "";
	for (size_t k = 0; k < chart->series.count; k++) {
		const struct tn_series *s = &chart->series.items[k];
		for (size_t i = 0; i < s->count; i++) {
			bool lost = (chart->log_x && !(s->x[i] > 0)) || (chart->log_y && !(s->y[i] > 0));
			tn_sink_put(out, between);
			tn_sink_put(out, "{\"x\": ");
			tn_sink_number(out, s->x[i]);
			if (chart->kind == TN_CHART_HIST) {
				tn_sink_put(out, ", \"x2\": ");
				tn_sink_number(out, s->x[i + 1]);
			}
			tn_sink_put(out, ", \"y\": ");
			tn_sink_number(out, lost ? (double)NAN : s->y[i]);
			put_series_name(s, out);
			tn_sink_put(out, "}");
			between = ", ";
		}
	}
	tn_sink_put(out, "]}, ");
}

static bool has_names(const struct tn_chart *chart) {
	return chart->series.count > 0 && chart->series.items[0].name[0] != '\0';
}

/* Beside the chart these would be cut, or be out of sight in a narrow window. */
#define LEGEND_BELOW ", \"legend\": {\"orient\": \"bottom\", \"columns\": 1, \"labelLimit\": 480}"

static bool has_long_names(const struct tn_chart *chart) {
	bool found = false;
	for (size_t i = 0; i < chart->series.count; i++) {
		const char *name = chart->series.items[i].name;
		found = found || tn_utf8_width(name, strlen(name)) > NAME_BESIDE;
	}
	return found;
}

static void put_encoding(const struct tn_chart *chart, struct tn_sink *out) {
	if (chart->kind == TN_CHART_HIST) {
		tn_sink_put(out, "\"x\": {\"field\": \"x\", \"type\": \"quantitative\", \"bin\": {\"binned\": true}, \"title\": ");
		put_title(out, chart->x_label);
		tn_sink_put(out,
			"}, \"x2\": {\"field\": \"x2\"}, \"y\": {\"field\": \"y\", \"type\": \"quantitative\", \"stack\": null, \"title\": ");
		put_title(out, chart->y_label);
		tn_sink_put(out, chart->log_y ? ", \"scale\": {\"type\": \"symlog\"}}" : "}");
	} else {
		struct tn_axis x, y;
		tn_axis_fit_x(&x, chart, 10);
		tn_axis_fit_y(&y, chart, 8);
		put_axis(out, "x", chart->x_label, &x);
		tn_sink_put(out, ", ");
		put_axis(out, "y", chart->y_label, &y);
	}
	if (has_names(chart)) {
		tn_sink_put(out, ", \"color\": {\"field\": \"series\", \"type\": \"nominal\", \"title\": null, \"sort\": null");
		tn_sink_put(out, has_long_names(chart) ? LEGEND_BELOW "}" : "}");
	}
}

static void put_mark(const struct tn_chart *chart, struct tn_sink *out) {
	if (chart->kind == TN_CHART_LINE) {
		/* a line of one point would not be seen */
		bool short_line = true;
		for (size_t k = 0; k < chart->series.count; k++) {
			short_line = short_line && chart->series.items[k].count <= 20;
		}
		tn_sink_printf(out, "{\"type\": \"line\", \"tooltip\": true, \"point\": %s}", short_line ? "true" : "false");
	} else if (chart->kind == TN_CHART_SCATTER) {
		tn_sink_put(out, "{\"type\": \"point\", \"filled\": true, \"tooltip\": true}");
	} else {
		tn_sink_printf(out, "{\"type\": \"bar\", \"tooltip\": true, \"opacity\": %s}", chart->series.count > 1 ? "0.55" : "1");
	}
}

/* ---- heat maps ---- */

static void put_cell_name(struct tn_sink *out, char *const *names, int64_t i, int64_t cells, int64_t whole) {
	if (names != NULL) {
		tn_sink_json(out, names[i]);
	} else {
		tn_sink_printf(out, "%lld", (long long)(i * whole / cells));
	}
}

static void put_cells(const struct tn_chart *chart, struct tn_sink *out) {
	for (int64_t i = 0; i < chart->rows; i++) {
		for (int64_t k = 0; k < chart->columns; k++) {
			tn_sink_put(out, i + k > 0 ? ", {\"row\": " : "{\"row\": ");
			put_cell_name(out, chart->row_names, i, chart->rows, chart->whole_rows);
			tn_sink_put(out, ", \"column\": ");
			put_cell_name(out, chart->column_names, k, chart->columns, chart->whole_columns);
			tn_sink_put(out, ", \"value\": ");
			tn_sink_number(out, chart->cells[i * chart->columns + k]);
			tn_sink_put(out, "}");
		}
	}
	tn_sink_put(out, "]}, ");
}

static int64_t side(int64_t cells, int64_t each) {
	each = cells * each > HEAT_MOST && each == CELL ? HEAT_MOST / cells : each; /* whole pixels: no seams between the cells */
	return cells * each < HEAT_LEAST ? HEAT_LEAST : cells * each;
}

static void put_heat_axis(struct tn_sink *out, const char *channel, const char *field, const char *title, bool names) {
	tn_sink_printf(out, "\"%s\": {\"field\": \"%s\", \"type\": \"ordinal\", \"sort\": null, \"title\": ", channel, field);
	put_title(out, title);
	tn_sink_printf(
		out, ", \"axis\": {\"labelOverlap\": true, \"labelAngle\": %d}}", names && strcmp(channel, "x") == 0 ? -45 : 0);
}

static const char *number_format(const struct tn_chart *chart, double low, double high) {
	bool whole = true;
	for (int64_t i = 0; i < chart->rows * chart->columns; i++) {
		whole = whole && (!isfinite(chart->cells[i]) || chart->cells[i] == floor(chart->cells[i]));
	}
	return whole ? ",d" : fabs(low) < 1000 && fabs(high) < 1000 && high - low > 0.05 ? ".2f" : ".3~g";
}

/* Dark ink on the light half of the colours. */
static void put_numbers(const struct tn_chart *chart, double low, double high, struct tn_sink *out) {
	tn_sink_printf(out,
		", {\"mark\": {\"type\": \"text\", \"fontSize\": 11}, \"encoding\": {\"text\": {\"field\": \"value\", \"type\": "
		"\"quantitative\", "
		"\"format\": \"%s\"}, \"color\": {\"condition\": {\"test\": \"datum.value > ",
		number_format(chart, low, high));
	tn_sink_number(out, low + (high - low) * 0.6);
	tn_sink_put(out, "\", \"value\": \"black\"}, \"value\": \"white\"}}}");
}

static void put_heat(const struct tn_chart *chart, struct tn_sink *out) {
	double low, high;
	bool numbers = chart->rows <= NUMBER_ROWS && chart->columns <= NUMBER_COLUMNS;
	tn_heat_range(chart, &low, &high);
	put_cells(chart, out);
	tn_sink_printf(out, "\"width\": %lld, \"height\": %lld, \"encoding\": {",
		(long long)side(chart->columns, numbers ? NUMBER_WIDTH : CELL),
		(long long)side(chart->rows, numbers ? NUMBER_HEIGHT : CELL));
	put_heat_axis(out, "x", "column", chart->x_label, chart->column_names != NULL);
	tn_sink_put(out, ", ");
	put_heat_axis(out, "y", "row", chart->y_label, chart->row_names != NULL);
	tn_sink_put(out,
		"}, \"layer\": [{\"mark\": {\"type\": \"rect\", \"tooltip\": true}, \"encoding\": {\"color\": {\"field\": \"value\", "
		"\"type\": "
		"\"quantitative\", \"title\": null, \"scale\": {\"scheme\": \"viridis\", \"zero\": false}}}}");
	if (numbers) {
		put_numbers(chart, low, high, out);
	}
	tn_sink_put(out, "]}");
}

void tn_chart_vega(const struct tn_chart *chart, struct tn_sink *out) {
	put_head(chart, out);
	if (chart->kind == TN_CHART_HEAT) {
		put_heat(chart, out);
		return;
	}
	put_points(chart, out);
	tn_sink_printf(out, "\"width\": %d, \"height\": %d, \"mark\": ", WIDTH, HEIGHT);
	put_mark(chart, out);
	tn_sink_put(out, ", \"encoding\": {");
	put_encoding(chart, out);
	tn_sink_put(out, "}}");
}
