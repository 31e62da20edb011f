/* SPDX-License-Identifier: Apache-2.0 */
/* Charts from the arguments of plot and scatter: numbers are read and thinned out here, once, so that a figure of a million
 * points is small. Also what all charts are made with. */
#include "session/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LINE = 4000, MOST_SCATTER = 4000, MOST_SERIES = 50 };

void tn_chart_destroy(struct tn_chart *chart) {
	if (chart == NULL) {
		return;
	}
	for (size_t i = 0; i < chart->series.count; i++) {
		tn_free(chart->series.items[i].name);
		tn_free(chart->series.items[i].x);
		tn_free(chart->series.items[i].y);
	}
	TN_VEC_FINISH(&chart->series);
	for (int64_t i = 0; chart->row_names != NULL && i < chart->rows; i++) {
		tn_free(chart->row_names[i]);
	}
	for (int64_t i = 0; chart->column_names != NULL && i < chart->columns; i++) {
		tn_free(chart->column_names[i]);
	}
	tn_free(chart->row_names);
	tn_free(chart->column_names);
	tn_free(chart->cells);
	tn_free(chart->title);
	tn_free(chart->x_label);
	tn_free(chart->y_label);
	tn_free(chart->note);
	tn_free(chart);
}

/* ---- numbers ---- */

static bool wrong_numbers(const char *what, struct tn_value found, struct tn_error *err) {
	char described[176] = "something else";
	if (found.tag == TN_TENSOR) {
		tn_describe(tn_tensor_dtype(found.tensor), tn_tensor_shape(found.tensor), described);
	} else if (found.tag == TN_LIST) {
		snprintf(described, sizeof(described), "a list with something else in it");
	} else if (found.tag == TN_INT || found.tag == TN_FLOAT) {
		snprintf(described, sizeof(described), "one number");
	}
	return tn_error_set(err, TN_ERR_TYPE, "%s: expected a list of numbers or a tensor with one axis, found %s", what, described);
}

bool tn_numbers_create(struct tn_numbers *out, size_t count, struct tn_error *err) {
	*out = (struct tn_numbers){tn_calloc(count + 1, sizeof(double)), count}; /* one more: the last edge of a histogram */
	return out->items != NULL || tn_error_memory(err);
}

static bool read_tensor(struct tn_tensor *t, struct tn_numbers *out, struct tn_error *err) {
	struct tn_tensor *holder = NULL;
	const void *data;
	if (!tn_numbers_create(out, (size_t)tn_shape_count(tn_tensor_shape(t)), err) || !tn_tensor_data(t, &data, &holder, err)) {
		return false;
	}
	enum tn_dtype dtype = tn_tensor_dtype(t);
	for (size_t i = 0; i < out->count; i++) {
		out->items[i] = tn_element_f64(dtype, (const char *)data + i * tn_dtype_size(dtype));
	}
	tn_tensor_unref(holder);
	return true;
}

bool tn_numbers_read(const char *what, struct tn_value v, struct tn_numbers *out, struct tn_error *err) {
	*out = (struct tn_numbers){0};
	if (v.tag == TN_TENSOR && tn_tensor_shape(v.tensor)->ndim == 1) {
		return read_tensor(v.tensor, out, err);
	}
	if (v.tag != TN_LIST) {
		return wrong_numbers(what, v, err);
	}
	if (!tn_numbers_create(out, v.list->count, err)) {
		return false;
	}
	for (size_t i = 0; i < v.list->count; i++) {
		struct tn_value item = v.list->items[i];
		if (item.tag == TN_INT || item.tag == TN_FLOAT || item.tag == TN_BOOL) {
			out->items[i] = tn_value_number(item);
		} else if (item.tag != TN_TENSOR || tn_shape_count(tn_tensor_shape(item.tensor)) != 1) {
			return wrong_numbers(what, v, err);
		} else if (!tn_tensor_item_f64(item.tensor, &out->items[i], err)) {
			return false;
		}
	}
	return true;
}

/* ---- the chart ---- */

struct tn_chart *tn_chart_create(struct tn_native_call *call, int kind, uint32_t words, struct tn_error *err) {
	struct tn_chart *chart = tn_calloc(1, sizeof(*chart));
	if (chart == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	chart->kind = kind;
	chart->title = tn_strdup(call->args[words].string->text);
	chart->x_label = tn_strdup(call->args[words + 1].string->text);
	chart->y_label = tn_strdup(call->args[words + 2].string->text);
	if (chart->title == NULL || chart->x_label == NULL || chart->y_label == NULL) {
		tn_chart_destroy(chart);
		tn_error_memory(err);
		return NULL;
	}
	return chart;
}

bool tn_chart_give(struct tn_native_call *call, struct tn_chart *chart, bool ok, struct tn_error *err) {
	if (!ok) {
		tn_chart_destroy(chart);
		return false;
	}
	return tn_figure_return(call, &(struct tn_figure){.kind = TN_FIGURE_CHART, .chart = chart}, err);
}

bool tn_chart_note(struct tn_chart *chart, struct tn_sink *text, struct tn_error *err) {
	bool ok = !text->failed;
	if (ok && chart->note == NULL) {
		chart->note = tn_str_steal(&text->text);
		ok = chart->note != NULL;
	}
	tn_sink_finish(text);
	return ok || tn_error_memory(err);
}

bool tn_chart_add(struct tn_chart *chart, const char *name, struct tn_numbers x, struct tn_numbers y, struct tn_error *err) {
	struct tn_series series = {tn_strdup(name), x.items, y.items, y.count};
	if (chart->series.count < MOST_SERIES && series.name != NULL && TN_VEC_PUSH(&chart->series, series)) {
		return true;
	}
	bool many = chart->series.count >= MOST_SERIES;
	tn_free(series.name);
	tn_free(x.items);
	tn_free(y.items);
	return many ? tn_error_set(err, TN_ERR_VALUE, "a chart has at most %d lines or groups", MOST_SERIES) : tn_error_memory(err);
}

/* ---- thinning ---- */

/* The point of `count` that stands at place i where only MOST_SCATTER are drawn. */
static size_t thinned(size_t count, size_t i) {
	return count > MOST_SCATTER ? count * i / MOST_SCATTER : i;
}

/* Of each stretch of a line its least and largest point, in their order: the picture stays the same. */
static size_t thin_line(double *x, double *y, size_t count) {
	size_t buckets = MOST_LINE / 2, kept = 0;
	for (size_t b = 0; b < buckets; b++) {
		size_t begin = count * b / buckets, end = count * (b + 1) / buckets, least = begin, most = begin;
		for (size_t i = begin; i < end; i++) {
			least = y[i] < y[least] || isnan(y[least]) ? i : least;
			most = y[i] > y[most] || isnan(y[most]) ? i : most;
		}
		const size_t order[2] = {least < most ? least : most, least < most ? most : least};
		for (int k = 0; k < 2; k++) {
			x[kept] = x[order[k]]; /* kept <= order[k]: a bucket has at least two points */
			y[kept++] = y[order[k]];
		}
	}
	return kept;
}

static bool note_thinned(struct tn_chart *chart, size_t count, struct tn_error *err) {
	struct tn_sink text = {0};
	if (count <= MOST_SCATTER) {
		return true;
	}
	tn_sink_grouped(&text, MOST_SCATTER);
	tn_sink_put(&text, " of ");
	tn_sink_grouped(&text, (int64_t)count);
	tn_sink_put(&text, " points are drawn");
	return tn_chart_note(chart, &text, err);
}

/* Of too many points every k-th. */
static bool thin_scatter(struct tn_chart *chart, struct tn_series *s, struct tn_error *err) {
	size_t whole = s->count;
	for (size_t i = 0; i < MOST_SCATTER; i++) {
		s->x[i] = s->x[thinned(s->count, i)];
		s->y[i] = s->y[thinned(s->count, i)];
	}
	s->count = MOST_SCATTER;
	return note_thinned(chart, whole, err);
}

static bool thin(struct tn_chart *chart, struct tn_error *err) {
	for (size_t i = 0; i < chart->series.count; i++) {
		struct tn_series *s = &chart->series.items[i];
		if (chart->kind == TN_CHART_LINE && s->count > MOST_LINE) {
			s->count = thin_line(s->x, s->y, s->count);
		} else if (chart->kind == TN_CHART_SCATTER && s->count > MOST_SCATTER && !thin_scatter(chart, s, err)) {
			return false;
		}
	}
	return true;
}

/* ---- plot and scatter ---- */

struct points {
	const char *what;
	struct tn_chart *chart;
	struct tn_engine *engine;
};

static bool same_length(const struct points *p, struct tn_numbers x, struct tn_numbers y, struct tn_error *err) {
	return x.count == y.count ||
		tn_error_set(err, TN_ERR_VALUE, "%s: x has %zu numbers, but y has %zu", p->what, x.count, y.count);
}

/* x may be void: 0, 1, 2 … */
static bool add_points(struct points *p, const char *name, struct tn_value xs, struct tn_value ys, struct tn_error *err) {
	struct tn_numbers x = {0}, y = {0};
	bool ok = tn_numbers_read(p->what, ys, &y, err);
	if (ok && xs.tag == TN_VOID) {
		ok = tn_numbers_create(&x, y.count, err);
		for (size_t i = 0; ok && i < x.count; i++) {
			x.items[i] = (double)i;
		}
	} else {
		ok = ok && tn_numbers_read(p->what, xs, &x, err);
	}
	if (ok && same_length(p, x, y, err)) {
		return tn_chart_add(p->chart, name, x, y, err);
	}
	tn_free(x.items);
	tn_free(y.items);
	return false;
}

/* A map: of y, or of (x, y). */
static bool add_named(struct points *p, struct tn_value xs, const struct tn_dict *map, struct tn_error *err) {
	for (size_t i = 0; i < map->count; i++) {
		struct tn_value v = map->items[i];
		bool pair = v.tag == TN_TUPLE && v.tuple->count == 2;
		if (!add_points(p, map->keys[i], pair ? v.tuple->items[0] : xs, pair ? v.tuple->items[1] : v, err)) {
			return false;
		}
	}
	return true;
}

/* y [N, K]: each column is a line. */
static bool add_columns(struct points *p, struct tn_value xs, struct tn_tensor *y, struct tn_error *err) {
	int64_t count = tn_tensor_shape(y)->dims[1];
	for (int64_t k = 0; k < count; k++) {
		char name[32];
		const struct tn_index column[] = {{.kind = TN_INDEX_SLICE, .literal = true}, {.kind = TN_INDEX_INT, .start = k}};
		struct tn_tensor *t = k < MOST_SERIES ? tn_index_get(p->engine, y, column, 2, err) : NULL;
		if (t == NULL) {
			return tn_error_set(
				err, TN_ERR_VALUE, "%s: %lld columns: a chart has at most %d lines", p->what, (long long)count, MOST_SERIES);
		}
		snprintf(name, sizeof(name), "%lld", (long long)k);
		bool ok = add_points(p, count == 1 ? "" : name, xs, tn_tensor_value(t), err);
		tn_tensor_unref(t);
		if (!ok) {
			return false;
		}
	}
	return true;
}

static bool is_matrix(struct tn_value v) {
	return v.tag == TN_TENSOR && tn_tensor_shape(v.tensor)->ndim == 2;
}

/* The two positional arguments in any of their forms. */
static bool add_all(struct points *p, struct tn_value first, struct tn_value second, struct tn_error *err) {
	struct tn_value x = second.tag == TN_VOID ? tn_void() : first, y = second.tag == TN_VOID ? first : second;
	if (y.tag == TN_MAP) {
		return add_named(p, x, y.map, err);
	}
	if (!is_matrix(y)) {
		return add_points(p, "", x, y, err);
	}
	if (p->chart->kind == TN_CHART_LINE || x.tag != TN_VOID || tn_tensor_shape(y.tensor)->dims[1] != 2) {
		return add_columns(p, x, y.tensor, err);
	}
	struct tn_tensor *part[2] = {NULL, NULL};
	for (int k = 0; k < 2; k++) {
		const struct tn_index column[] = {
			{.kind = TN_INDEX_SLICE, .literal = true}, {.kind = TN_INDEX_INT, .literal = true, .start = k}};
		part[k] = tn_index_get(p->engine, y.tensor, column, 2, err);
	}
	bool ok = part[0] != NULL && part[1] != NULL && add_points(p, "", tn_tensor_value(part[0]), tn_tensor_value(part[1]), err);
	tn_tensor_unref(part[0]);
	tn_tensor_unref(part[1]);
	return ok;
}

bool tn_show_plot(struct tn_native_call *call, struct tn_error *err) {
	struct points p = {.what = "plot", .chart = tn_chart_create(call, TN_CHART_LINE, 2, err), .engine = call->engine};
	if (p.chart == NULL) {
		return false;
	}
	p.chart->log_x = call->args[5].i != 0;
	p.chart->log_y = call->args[6].i != 0;
	return tn_chart_give(call, p.chart, add_all(&p, call->args[0], call->args[1], err) && thin(p.chart, err), err);
}

/* ---- groups ---- */

static char *group_name(struct tn_value groups, const struct tn_numbers *numbers, size_t i, struct tn_error *err) {
	struct tn_str text = {0};
	bool ok;
	if (numbers->items != NULL) {
		double x = numbers->items[i];
		ok = x == floor(x) && fabs(x) < 1e15 ? tn_str_printf(&text, "%.0f", x) : tn_str_printf(&text, "%g", x);
	} else {
		ok = tn_value_format(groups.list->items[i], false, &text, err);
	}
	char *name = ok ? tn_str_steal(&text) : NULL;
	tn_str_finish(&text);
	if (name == NULL) {
		tn_error_memory(err);
	}
	return name;
}

static size_t find_series(const struct tn_chart *chart, const char *name) {
	size_t i = 0;
	while (i < chart->series.count && strcmp(chart->series.items[i].name, name) != 0) {
		i++;
	}
	return i;
}

/* Point i of `all` joins the series of its group, which has room for all that are drawn. */
static bool place_point(struct tn_chart *chart, const struct tn_series *all, size_t i, const char *name, struct tn_error *err) {
	size_t at = find_series(chart, name);
	if (at == chart->series.count) {
		struct tn_numbers x = {0}, y = {0};
		size_t most = all->count < MOST_SCATTER ? all->count : MOST_SCATTER;
		bool ok = tn_numbers_create(&x, most, err) && tn_numbers_create(&y, most, err);
		if (!ok) {
			tn_free(x.items);
			tn_free(y.items);
			return false;
		}
		y.count = 0;
		if (!tn_chart_add(chart, name, x, y, err)) {
			return false;
		}
	}
	struct tn_series *s = &chart->series.items[at];
	s->x[s->count] = all->x[i];
	s->y[s->count++] = all->y[i];
	return true;
}

/* Parts the only series by group. */
static bool part_groups(struct tn_chart *chart, struct tn_value groups, struct tn_error *err) {
	struct tn_numbers numbers = {0};
	bool names = groups.tag == TN_LIST && groups.list->count > 0 && groups.list->items[0].tag == TN_STRING;
	if (chart->series.count != 1 || chart->series.items[0].name[0] != '\0') {
		return tn_error_set(err, TN_ERR_VALUE, "scatter: group goes with one x and y");
	}
	if (!names && !tn_numbers_read("scatter: group", groups, &numbers, err)) {
		tn_free(numbers.items);
		return false;
	}
	struct tn_series all = chart->series.items[0];
	size_t count = names ? groups.list->count : numbers.count;
	bool ok = count == all.count || tn_error_set(err, TN_ERR_VALUE, "scatter: %zu points, but group has %zu", all.count, count);
	chart->series.count = 0;
	for (size_t k = 0; ok && k < count && k < MOST_SCATTER; k++) {
		size_t i = thinned(count, k);
		char *name = group_name(groups, &numbers, i, err);
		ok = name != NULL && place_point(chart, &all, i, name, err);
		tn_free(name);
	}
	ok = ok && note_thinned(chart, count, err);
	tn_free(all.name);
	tn_free(all.x);
	tn_free(all.y);
	tn_free(numbers.items);
	return ok;
}

static int by_name(const void *a, const void *b) {
	const struct tn_series *s = a, *t = b;
	double x, y;
	bool numbers = tn_parse_f64(s->name, strlen(s->name), &x) && tn_parse_f64(t->name, strlen(t->name), &y);
	return numbers ? (x > y) - (x < y) : strcmp(s->name, t->name);
}

bool tn_show_scatter(struct tn_native_call *call, struct tn_error *err) {
	struct points p = {.what = "scatter", .chart = tn_chart_create(call, TN_CHART_SCATTER, 3, err), .engine = call->engine};
	if (p.chart == NULL) {
		return false;
	}
	p.chart->log_x = call->args[6].i != 0;
	p.chart->log_y = call->args[7].i != 0;
	bool ok = add_all(&p, call->args[0], call->args[1], err);
	if (ok && tn_arg_given(call, 2)) {
		ok = part_groups(p.chart, call->args[2], err);
		qsort(p.chart->series.items, p.chart->series.count, sizeof(struct tn_series), by_name);
	}
	return tn_chart_give(call, p.chart, ok && thin(p.chart, err), err);
}
