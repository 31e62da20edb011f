/* SPDX-License-Identifier: Apache-2.0 */
/* Charts as text, 72 columns wide: lines and points in braille (2 x 4 dots a character), histograms in eighths of blocks, heat
 * maps as numbers or shades. The name of a line stands at its right end, since text has no colours. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/plot.h"

enum { WIDTH = 72, ROWS = 14, LABEL_MOST = 11, NAME_MOST = 14, HEAT_COLUMNS = 32, HEAT_ROWS = 24, HEAT_NUMBERS = 20 };

/* The drawing: cells of 2 x 4 dots. */
struct canvas {
	struct tn_sink *out;
	const struct tn_chart *chart;
	struct tn_axis x, y;
	int columns, label_width;
	uint8_t dots[ROWS][WIDTH];
	int8_t bars[ROWS][WIDTH]; /* eighths */
	char marks[ROWS][WIDTH];  /* of groups; 0: none */
};

static size_t width_of(const char *text) {
	return tn_utf8_width(text, strlen(text));
}

/* A letter for each group of points; NULL where there is but one, or more than there are letters. */
static const char *group_marks(const struct tn_chart *chart) {
	static const char marks[] = "ox+*#%@&=~";
	return chart->kind == TN_CHART_SCATTER && chart->series.count > 1 && chart->series.count < sizeof(marks) ? marks : NULL;
}

/* ---- dots ---- */

static void set_dot(struct canvas *c, int x, int y) {
	static const uint8_t bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
	if (x >= 0 && x < 2 * c->columns && y >= 0 && y < 4 * ROWS) {
		c->dots[y / 4][x / 2] |= bits[y % 4][x % 2];
	}
}

static bool dot_of(const struct canvas *c, const struct tn_series *s, size_t i, int *x, int *y) {
	double px = tn_axis_place(&c->x, s->x[i]), py = tn_axis_place(&c->y, s->y[i]);
	if (isnan(px) || isnan(py)) {
		return false;
	}
	*x = (int)(px * (2 * c->columns - 1) + 0.5);
	*y = (int)((1 - py) * (4 * ROWS - 1) + 0.5);
	return true;
}

static void draw_segment(struct canvas *c, int x0, int y0, int x1, int y1) {
	int steps = abs(x1 - x0) > abs(y1 - y0) ? abs(x1 - x0) : abs(y1 - y0);
	for (int i = 0; i <= steps; i++) {
		double part = steps == 0 ? 0 : (double)i / steps;
		set_dot(c, (int)lround(x0 + part * (x1 - x0)), (int)lround(y0 + part * (y1 - y0)));
	}
}

/* Lines and points are dots; points of several groups are letters, which tell them apart. */
static void draw_series(struct canvas *c, const struct tn_series *s, char mark) {
	bool open = false;
	int from_x = 0, from_y = 0, x, y;
	for (size_t i = 0; i < s->count; i++) {
		bool there = dot_of(c, s, i, &x, &y);
		if (there && mark != '\0') {
			c->marks[y / 4][x / 2] = mark;
		} else if (there && open && c->chart->kind == TN_CHART_LINE) {
			draw_segment(c, from_x, from_y, x, y);
		} else if (there) {
			set_dot(c, x, y);
		}
		open = there;
		from_x = x;
		from_y = y;
	}
}

/* Eighths of each cell that a bar fills; where bars overlap the higher one is seen. */
static void draw_bars(struct canvas *c, const struct tn_series *s) {
	for (int column = 0; column < c->columns; column++) {
		size_t bin = (size_t)column * s->count / (size_t)c->columns;
		double part = tn_axis_place(&c->y, s->y[bin]);
		int filled = isnan(part) || part <= 0 ? 0 : (int)(part * ROWS * 8 + 0.5);
		for (int row = ROWS - 1; row >= 0; row--, filled -= 8) {
			int8_t eighths = (int8_t)(filled >= 8 ? 8 : filled > 0 ? filled : 0);
			c->bars[row][column] = eighths > c->bars[row][column] ? eighths : c->bars[row][column];
		}
	}
}

/* ---- around the drawing ---- */

static int row_of(const struct canvas *c, double y) {
	double part = tn_axis_place(&c->y, y);
	int row = isnan(part) ? -1 : (int)((1 - part) * ROWS);
	return row >= ROWS ? ROWS - 1 : row;
}

static const char *tick_at(const struct canvas *c, int row) {
	for (int i = 0; i < c->y.count; i++) {
		if (row_of(c, c->y.ticks[i]) == row) {
			return c->y.labels[i];
		}
	}
	return NULL;
}

/* Names at the right end, each in the row nearest to its line's last point that is free. */
static void place_names(const struct canvas *c, const char *names[ROWS]) {
	for (size_t k = 0; k < c->chart->series.count; k++) {
		const struct tn_series *s = &c->chart->series.items[k];
		int row = -1;
		for (size_t i = s->count; i > 0 && row < 0 && c->chart->kind == TN_CHART_LINE; i--) {
			row = row_of(c, s->y[i - 1]);
		}
		row = row < 0 ? (int)(k % ROWS) : row;
		for (int away = 0; away < ROWS; away++) {
			bool above = row - away >= 0 && names[row - away] == NULL, below = row + away < ROWS && names[row + away] == NULL;
			if (above || below) {
				names[above ? row - away : row + away] = s->name;
				break;
			}
		}
	}
}

static void put_cut(struct tn_sink *out, const char *text, size_t most) {
	size_t length = strlen(text);
	bool cut = width_of(text) > most;
	while (cut && length > 0 && (((unsigned char)text[length] & 0xc0) == 0x80 || tn_utf8_width(text, length) + 1 > most)) {
		length--;
	}
	tn_sink_put_n(out, text, length);
	tn_sink_put(out, cut ? "…" : "");
}

static void put_row(const struct canvas *c, int row, const char *name) {
	static const char *const eighths[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	const char *tick = tick_at(c, row);
	int last = c->columns;
	tn_sink_printf(c->out, "%*s %s", c->label_width, tick == NULL ? "" : tick, tick == NULL ? "│" : "┤");
	while (
		name == NULL && last > 0 && c->dots[row][last - 1] == 0 && c->bars[row][last - 1] == 0 && c->marks[row][last - 1] == 0) {
		last--; /* no blanks at the end of a line */
	}
	for (int i = 0; i < last; i++) {
		char cell[4];
		if (c->chart->kind == TN_CHART_HIST) {
			tn_sink_put(c->out, eighths[c->bars[row][i]]);
		} else if (group_marks(c->chart) != NULL) {
			tn_sink_put_n(c->out, c->marks[row][i] != '\0' ? &c->marks[row][i] : " ", 1);
		} else { /* blanks are braille too: some fonts give it another width */
			tn_sink_put_n(c->out, cell, tn_utf8_encode(0x2800u + c->dots[row][i], cell));
		}
	}
	if (name != NULL) {
		tn_sink_put(c->out, " ");
		if (group_marks(c->chart) != NULL && (size_t)row < c->chart->series.count) {
			tn_sink_printf(c->out, "%c ", group_marks(c->chart)[row]);
		}
		put_cut(c->out, name, NAME_MOST);
	}
	tn_sink_put(c->out, "\n");
}

static void put_x_axis(const struct canvas *c) {
	char labels[WIDTH + 32];
	int offset = c->label_width + 2, end = 0;
	tn_sink_fill(c->out, ' ', (size_t)c->label_width + 1);
	tn_sink_put(c->out, "└");
	memset(labels, ' ', sizeof(labels));
	for (int i = 0, column = 0; column < c->columns; column++) {
		while (i < c->x.count && (int)(tn_axis_place(&c->x, c->x.ticks[i]) * (c->columns - 1) + 0.5) < column) {
			i++;
		}
		bool tick = i < c->x.count && (int)(tn_axis_place(&c->x, c->x.ticks[i]) * (c->columns - 1) + 0.5) == column;
		tn_sink_put(c->out, tick ? "┬" : "─");
		int length = tick ? (int)strlen(c->x.labels[i]) : 0, begin = offset + column - length / 2;
		if (tick && begin > end && begin + length < (int)sizeof(labels)) {
			memcpy(labels + begin, c->x.labels[i], (size_t)length);
			end = begin + length;
		}
	}
	tn_sink_put(c->out, "\n");
	tn_sink_put_n(c->out, labels, (size_t)end);
}

static void put_centred(struct tn_sink *out, const char *text, int offset, int width) {
	size_t own = width_of(text);
	tn_sink_fill(out, ' ', (size_t)offset + (own < (size_t)width ? ((size_t)width - own) / 2 : 0));
	tn_sink_put(out, text);
}

static void put_labels_below(const struct tn_chart *chart, int offset, int width, struct tn_sink *out) {
	if (chart->x_label[0] != '\0') {
		tn_sink_put(out, "\n");
		put_centred(out, chart->x_label, offset, width);
	}
	if (chart->note != NULL) {
		tn_sink_printf(out, "\n(%s)", chart->note);
	}
}

static void measure(struct canvas *c) {
	size_t names = 0;
	for (size_t i = 0; i < c->chart->series.count; i++) {
		size_t width = width_of(c->chart->series.items[i].name);
		names = width > names ? width : names;
	}
	names = names > NAME_MOST ? NAME_MOST : names;
	names += names > 0 && group_marks(c->chart) != NULL ? 2 : 0;
	for (int i = 0; i < c->y.count; i++) {
		int width = (int)strlen(c->y.labels[i]);
		c->label_width = width > c->label_width ? width : c->label_width;
	}
	c->label_width = c->label_width > LABEL_MOST ? LABEL_MOST : c->label_width;
	c->columns = WIDTH - c->label_width - 2 - (int)(names > 0 ? names + 1 : 0);
}

static void put_canvas(struct canvas *c) {
	const char *names[ROWS] = {NULL};
	bool named = c->chart->series.count > 0 && c->chart->series.items[0].name[0] != '\0';
	measure(c);
	for (size_t k = 0; k < c->chart->series.count; k++) {
		if (c->chart->kind == TN_CHART_HIST) {
			draw_bars(c, &c->chart->series.items[k]);
		} else {
			draw_series(c, &c->chart->series.items[k], group_marks(c->chart) != NULL ? group_marks(c->chart)[k] : '\0');
		}
	}
	if (named) {
		place_names(c, names);
	}
	if (c->chart->title[0] != '\0') {
		put_centred(c->out, c->chart->title, c->label_width + 2, c->columns);
		tn_sink_put(c->out, "\n");
	}
	if (c->chart->y_label[0] != '\0') {
		tn_sink_printf(c->out, "%s\n", c->chart->y_label);
	}
	for (int row = 0; row < ROWS; row++) {
		put_row(c, row, names[row]);
	}
	put_x_axis(c);
	put_labels_below(c->chart, c->label_width + 2, c->columns, c->out);
}

/* ---- heat maps ---- */

static void cell_name(char *const *names, int64_t i, int64_t cells, int64_t whole, struct tn_sink *out) {
	if (names != NULL) {
		tn_sink_put(out, names[i]);
	} else {
		tn_sink_printf(out, "%lld", (long long)(i * whole / cells));
	}
}

/* A small matrix as a table of its numbers. */
static void heat_numbers(const struct tn_chart *c, double low, double high, struct tn_sink *out) {
	struct tn_table table = {0};
	struct tn_sink name = {0};
	tn_table_column(&table, "", true);
	for (int64_t k = 0; k < c->columns; k++) {
		cell_name(c->column_names, k, c->columns, c->whole_columns, &name);
		tn_table_column(&table, tn_str_c(&name.text), true);
		tn_sink_finish(&name);
	}
	for (int64_t i = 0; i < c->rows; i++) {
		cell_name(c->row_names, i, c->rows, c->whole_rows, &name);
		tn_table_cell_take(&table, &name);
		for (int64_t k = 0; k < c->columns; k++) {
			char text[24] = "nan";
			double value = c->cells[i * c->columns + k];
			if (isfinite(value)) {
				tn_axis_label(value, value == floor(value) ? 1 : (high - low) / 100, text);
			}
			tn_table_cell(&table, text);
		}
	}
	tn_table_text(&table, out);
	tn_table_finish(&table);
}

static void heat_shades(const struct tn_chart *c, double low, double high, struct tn_sink *out) {
	static const char *const shades[] = {"  ", "░░", "▒▒", "▓▓", "██"};
	int64_t rows = c->rows < HEAT_ROWS ? c->rows : HEAT_ROWS, columns = c->columns < HEAT_COLUMNS ? c->columns : HEAT_COLUMNS;
	char first[24], last[24];
	for (int64_t i = 0; i < rows; i++) {
		tn_sink_put(out, "│");
		for (int64_t k = 0; k < columns; k++) {
			double value = c->cells[i * c->rows / rows * c->columns + k * c->columns / columns];
			int shade = !isfinite(value) || high <= low ? 0 : (int)((value - low) / (high - low) * 4.999);
			tn_sink_put(out, shades[shade]);
		}
		tn_sink_put(out, "│\n");
	}
	tn_axis_label(low, (high - low) / 100, first);
	tn_axis_label(high, (high - low) / 100, last);
	tn_sink_printf(out, "\" \" %s … \"█\" %s", first, last);
}

static void put_heat(const struct tn_chart *c, struct tn_sink *out) {
	double low, high;
	tn_heat_range(c, &low, &high);
	if (c->title[0] != '\0') {
		tn_sink_printf(out, "%s\n", c->title);
	}
	if (c->y_label[0] != '\0') {
		tn_sink_printf(out, "%s (down)\n", c->y_label);
	}
	if (c->rows <= HEAT_NUMBERS && c->columns <= 10) {
		heat_numbers(c, low, high, out);
	} else {
		heat_shades(c, low, high, out);
	}
	put_labels_below(c, 0, WIDTH, out);
}

static void put_chart(const struct tn_chart *chart, struct tn_sink *out) {
	struct canvas c = {.out = out, .chart = chart};
	tn_axis_fit_x(&c.x, chart, 6);
	tn_axis_fit_y(&c.y, chart, 5);
	put_canvas(&c);
}

/* Histograms that lie over each other cannot be told apart without colours: one below the other, over the same bins. */
static void put_panels(const struct tn_chart *chart, struct tn_sink *out) {
	for (size_t k = 0; k < chart->series.count; k++) {
		struct tn_series alone = chart->series.items[k];
		struct tn_chart panel = *chart;
		bool last = k + 1 == chart->series.count;
		tn_sink_printf(out, "%s\n", alone.name);
		alone.name = "";
		panel.series.items = &alone;
		panel.series.count = 1;
		panel.title = k == 0 ? chart->title : "";
		panel.x_label = last ? chart->x_label : "";
		panel.note = last ? chart->note : NULL;
		put_chart(&panel, out);
		tn_sink_put(out, last ? "" : "\n");
	}
}

void tn_chart_text(const struct tn_chart *chart, struct tn_sink *out) {
	if (chart->kind == TN_CHART_HEAT) {
		put_heat(chart, out);
	} else if (chart->kind == TN_CHART_HIST && chart->series.count > 1) {
		put_panels(chart, out);
	} else {
		put_chart(chart, out);
	}
}
