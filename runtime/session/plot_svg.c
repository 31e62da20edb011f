/* SPDX-License-Identifier: Apache-2.0 */
/* Charts as SVG: for readers without Vega, and for exports. Shapes and text only; no scripts, no fonts from outside, and a white
 * ground, so that it can be read on dark pages too. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "session/plot.h"

enum { WIDTH = 640, HEIGHT = 400, LEFT = 64, TOP = 16, RIGHT = 20, BOTTOM = 36, LINE = 18, CHAR = 7, LEGEND_MOST = 24 };

static const char *const colours[] = {
	"#2563c9", "#e4572e", "#2e9f5b", "#d99a00", "#8a4fd0", "#1197a8", "#d6408f", "#7a5a3a", "#6b7280", "#8a9a00"};
#define COLOUR(i) colours[(i) % TN_ARRAY_LEN(colours)]

/* The plot's own rectangle in the picture. */
struct frame {
	struct tn_sink *out;
	const struct tn_chart *chart;
	double left, top, width, height;
	struct tn_axis x, y;
};

/* ---- text ---- */

static void put_text(struct tn_sink *out, double x, double y, const char *attributes, const char *text) {
	tn_sink_printf(out, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes);
	tn_sink_html(out, text, strlen(text));
	tn_sink_put(out, "</text>\n");
}

static void put_titles(const struct frame *f) {
	const struct tn_chart *c = f->chart;
	double middle = f->left + f->width / 2, centre = f->top + f->height / 2;
	if (c->title[0] != '\0') {
		put_text(f->out, middle, TOP + 6, "text-anchor=\"middle\" font-size=\"14\" font-weight=\"bold\"", c->title);
	}
	if (c->x_label[0] != '\0') {
		put_text(f->out, middle, f->top + f->height + BOTTOM, "text-anchor=\"middle\"", c->x_label);
	}
	if (c->y_label[0] != '\0') {
		tn_sink_printf(f->out, "<text transform=\"translate(14 %.1f) rotate(-90)\" text-anchor=\"middle\">", centre);
		tn_sink_html(f->out, c->y_label, strlen(c->y_label));
		tn_sink_put(f->out, "</text>\n");
	}
	if (c->note != NULL) {
		put_text(f->out, f->left, HEIGHT - 4, "font-size=\"10\" fill=\"#666666\"", c->note);
	}
}

static void put_legend(const struct frame *f) {
	double x = f->left + f->width + 12;
	for (size_t i = 0; i < f->chart->series.count && f->chart->series.items[i].name[0] != '\0'; i++) {
		double y = f->top + 8 + (double)i * LINE;
		if (y > f->top + f->height) {
			return;
		}
		char name[4 * LEGEND_MOST + 8];
		size_t length = strnlen(f->chart->series.items[i].name, 4 * LEGEND_MOST);
		while (length > 0 && tn_utf8_width(f->chart->series.items[i].name, length) > LEGEND_MOST) {
			length--;
		}
		while (length > 0 && ((unsigned char)f->chart->series.items[i].name[length] & 0xc0) == 0x80) {
			length--; /* never inside a code point */
		}
		memcpy(name, f->chart->series.items[i].name, length);
		name[length] = '\0';
		tn_sink_printf(f->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"4\" fill=\"%s\"/>", x, y - 5, COLOUR(i));
		put_text(f->out, x + 18, y, "", name);
	}
}

/* ---- axes ---- */

static double place_x(const struct frame *f, double x) {
	return f->left + f->width * tn_axis_place(&f->x, x);
}
static double place_y(const struct frame *f, double y) {
	return f->top + f->height * (1 - tn_axis_place(&f->y, y));
}

static void put_axes(const struct frame *f) {
	double right = f->left + f->width, bottom = f->top + f->height;
	tn_sink_put(f->out, "<g stroke=\"#e0e0e0\">\n");
	for (int i = 0; i < f->x.count; i++) {
		double x = place_x(f, f->x.ticks[i]);
		tn_sink_printf(f->out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", x, f->top, x, bottom);
	}
	for (int i = 0; i < f->y.count; i++) {
		double y = place_y(f, f->y.ticks[i]);
		tn_sink_printf(f->out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", f->left, y, right, y);
	}
	tn_sink_printf(
		f->out, "</g>\n<path d=\"M%.1f %.1fV%.1fH%.1f\" fill=\"none\" stroke=\"#333333\"/>\n", f->left, f->top, bottom, right);
	for (int i = 0; i < f->x.count; i++) {
		put_text(f->out, place_x(f, f->x.ticks[i]), bottom + 16, "text-anchor=\"middle\"", f->x.labels[i]);
	}
	for (int i = 0; i < f->y.count; i++) {
		put_text(f->out, f->left - 6, place_y(f, f->y.ticks[i]) + 4, "text-anchor=\"end\"", f->y.labels[i]);
	}
}

/* ---- marks ---- */

static void put_line(const struct frame *f, const struct tn_series *s, size_t k) {
	bool open = false, drawn = false;
	tn_sink_printf(f->out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\" stroke-linejoin=\"round\" d=\"", COLOUR(k));
	for (size_t i = 0; i < s->count; i++) {
		double x = place_x(f, s->x[i]), y = place_y(f, s->y[i]);
		if (isnan(x) || isnan(y)) {
			open = false;
			continue;
		}
		tn_sink_printf(f->out, "%c%.1f %.1f", open ? 'L' : 'M', x, y);
		open = drawn = true;
	}
	tn_sink_put(f->out, drawn ? "\"/>\n" : "M0 0\"/>\n");
}

static void put_points(const struct frame *f, const struct tn_series *s, size_t k, double radius) {
	tn_sink_printf(f->out, "<g fill=\"%s\" fill-opacity=\"0.75\">\n", COLOUR(k));
	for (size_t i = 0; i < s->count; i++) {
		double x = place_x(f, s->x[i]), y = place_y(f, s->y[i]);
		if (!isnan(x) && !isnan(y)) {
			tn_sink_printf(f->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>\n", x, y, radius);
		}
	}
	tn_sink_put(f->out, "</g>\n");
}

static void put_bars(const struct frame *f, const struct tn_series *s, size_t k) {
	tn_sink_printf(f->out, "<g fill=\"%s\" fill-opacity=\"%s\">\n", COLOUR(k), f->chart->series.count > 1 ? "0.55" : "1");
	for (size_t i = 0; i < s->count; i++) {
		double left = place_x(f, s->x[i]), right = place_x(f, s->x[i + 1]), top = place_y(f, s->y[i]);
		double gap = right - left > 4 ? 1 : 0;
		if (!isnan(top) && s->y[i] > 0) {
			tn_sink_printf(f->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", left, top,
				right - left - gap, f->top + f->height - top);
		}
	}
	tn_sink_put(f->out, "</g>\n");
}

static void put_marks(const struct frame *f) {
	for (size_t k = 0; k < f->chart->series.count; k++) {
		const struct tn_series *s = &f->chart->series.items[k];
		if (f->chart->kind == TN_CHART_HIST) {
			put_bars(f, s, k);
		} else if (f->chart->kind == TN_CHART_SCATTER) {
			put_points(f, s, k, s->count > 500 ? 2 : 3.5);
		} else {
			put_line(f, s, k);
			if (s->count <= 20) {
				put_points(f, s, k, 3); /* few enough to be seen one by one; one alone would not be a line */
			}
		}
	}
}

/* ---- heat maps ---- */

/* Viridis by its stops: even in lightness, and readable without colour. */
static void heat_colour(double part, int rgb[3]) {
	static const int stops[][3] = {{68, 1, 84}, {65, 68, 135}, {42, 120, 142}, {34, 168, 132}, {122, 209, 81}, {253, 231, 37}};
	enum { LAST = TN_ARRAY_LEN(stops) - 1 };
	double at = (part < 0 ? 0 : part > 1 ? 1 : part) * LAST;
	int below = at >= LAST ? LAST - 1 : (int)at;
	for (int i = 0; i < 3; i++) {
		rgb[i] = (int)(stops[below][i] + (at - below) * (stops[below + 1][i] - stops[below][i]) + 0.5);
	}
}

static void put_cell(const struct frame *f, int64_t row, int64_t column, double low, double high) {
	const struct tn_chart *c = f->chart;
	double value = c->cells[row * c->columns + column], part = high > low ? (value - low) / (high - low) : 0.5;
	double width = f->width / (double)c->columns, height = f->height / (double)c->rows;
	double x = f->left + width * (double)column, y = f->top + height * (double)row;
	int rgb[3] = {204, 204, 204};
	if (isfinite(value)) {
		heat_colour(part, rgb);
	}
	tn_sink_printf(f->out, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"#%02x%02x%02x\"/>\n", x, y,
		width + 0.3, height + 0.3, rgb[0], rgb[1], rgb[2]);
	if (isfinite(value) && width >= 28 && height >= 14) {
		char text[24];
		tn_axis_label(value, value == floor(value) ? 1 : (high - low) / 100, text);
		put_text(f->out, x + width / 2, y + height / 2 + 4,
			part > 0.6 ? "text-anchor=\"middle\"" : "text-anchor=\"middle\" fill=\"#ffffff\"", text);
	}
}

/* Names (or numbers) of rows and columns, as many as have room. */
static void put_heat_names(const struct frame *f) {
	const struct tn_chart *c = f->chart;
	char number[24];
	double width = f->width / (double)c->columns, height = f->height / (double)c->rows;
	int64_t every = (int64_t)ceil((c->column_names != NULL ? 48 : 28) / width), down = (int64_t)ceil(14 / height);
	for (int64_t i = 0; i < c->columns; i += every) {
		snprintf(number, sizeof(number), "%lld", (long long)(i * c->whole_columns / c->columns));
		put_text(f->out, f->left + width * ((double)i + 0.5), f->top + f->height + 16, "text-anchor=\"middle\"",
			c->column_names != NULL ? c->column_names[i] : number);
	}
	for (int64_t i = 0; i < c->rows; i += down) {
		snprintf(number, sizeof(number), "%lld", (long long)(i * c->whole_rows / c->rows));
		put_text(f->out, f->left - 6, f->top + height * ((double)i + 0.5) + 4, "text-anchor=\"end\"",
			c->row_names != NULL ? c->row_names[i] : number);
	}
}

static void put_scale(const struct frame *f, double low, double high) {
	enum { STEPS = 24, BAR = 14 };
	double x = f->left + f->width + 16, height = f->height / STEPS;
	char text[24];
	for (int i = 0; i < STEPS; i++) {
		int rgb[3];
		heat_colour(1 - (i + 0.5) / STEPS, rgb);
		tn_sink_printf(f->out, "<rect x=\"%.1f\" y=\"%.2f\" width=\"%d\" height=\"%.2f\" fill=\"#%02x%02x%02x\"/>\n", x,
			f->top + height * i, BAR, height + 0.3, rgb[0], rgb[1], rgb[2]);
	}
	tn_axis_label(high, high == floor(high) ? 1 : (high - low) / 100, text);
	put_text(f->out, x + BAR + 4, f->top + 8, "", text);
	tn_axis_label(low, low == floor(low) ? 1 : (high - low) / 100, text);
	put_text(f->out, x + BAR + 4, f->top + f->height, "", text);
}

static void put_heat(const struct frame *f) {
	double low, high;
	tn_heat_range(f->chart, &low, &high);
	tn_sink_put(f->out, "<g shape-rendering=\"crispEdges\">\n"); /* no seams between the cells */
	for (int64_t i = 0; i < f->chart->rows; i++) {
		for (int64_t k = 0; k < f->chart->columns; k++) {
			put_cell(f, i, k, low, high);
		}
	}
	tn_sink_put(f->out, "</g>\n");
	put_heat_names(f);
	put_scale(f, low, high);
}

/* ---- the picture ---- */

/* Room that texts at the sides need, in pixels. */
static double widest(char *const *names, int64_t count) {
	size_t most = 0;
	for (int64_t i = 0; names != NULL && i < count; i++) {
		size_t width = tn_utf8_width(names[i], strlen(names[i]));
		most = width > most ? width : most;
	}
	return (double)(most > LEGEND_MOST ? LEGEND_MOST : most) * CHAR;
}

static double legend_width(const struct tn_chart *chart) {
	double most = 0;
	for (size_t i = 0; i < chart->series.count; i++) {
		double width = widest(&chart->series.items[i].name, 1);
		most = width > most ? width : most;
	}
	return most > 0 ? most + 36 : 0;
}

void tn_chart_svg(const struct tn_chart *chart, struct tn_sink *out) {
	bool heat = chart->kind == TN_CHART_HEAT;
	double names = heat ? widest(chart->row_names, chart->rows) : 0;
	struct frame f = {.out = out, .chart = chart, .top = TOP + (chart->title[0] != '\0' ? LINE : 0)};
	f.left = LEFT + (names > 30 ? names - 30 : 0);
	f.width = WIDTH - f.left - RIGHT - (heat ? 76 : legend_width(chart));
	f.height = HEIGHT - f.top - BOTTOM - (chart->x_label[0] != '\0' ? LINE : 0) - (chart->note != NULL ? 12 : 0);
	tn_sink_printf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
		"font-size=\"12\" fill=\"#222222\">\n<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n",
		WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT);
	if (heat) {
		put_heat(&f);
	} else {
		tn_axis_fit_x(&f.x, chart, 8);
		tn_axis_fit_y(&f.y, chart, 7);
		put_axes(&f);
		put_marks(&f);
		put_legend(&f);
	}
	put_titles(&f);
	tn_sink_put(out, "</svg>");
}
