/* SPDX-License-Identifier: Apache-2.0 */
/* Charts of many numbers at once: hist counts them in bins, heatmap draws a matrix. Tensors are read where they lie, without a
 * copy: a histogram of a data set needs no memory of its own. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "session/plot.h"

enum { MOST_BINS = 1000, MOST_CELLS = 64 };

/* ---- hist ---- */

/* Elements in host memory: of a tensor of any shape, or numbers read from a list. */
struct column {
	enum tn_dtype dtype;
	const char *data;
	size_t count;
	struct tn_tensor *holder;
	double *own;
};

static void column_close(struct column *c) {
	tn_tensor_unref(c->holder);
	tn_free(c->own);
}

static bool column_open(struct tn_value v, struct column *c, struct tn_error *err) {
	*c = (struct column){.dtype = TN_DTYPE_F64};
	if (v.tag == TN_TENSOR) {
		const void *data = NULL;
		c->dtype = tn_tensor_dtype(v.tensor);
		c->count = (size_t)tn_shape_count(tn_tensor_shape(v.tensor));
		bool ok = tn_tensor_data(v.tensor, &data, &c->holder, err);
		c->data = data;
		return ok;
	}
	struct tn_numbers numbers;
	bool ok = tn_numbers_read("hist", v, &numbers, err);
	c->own = numbers.items;
	c->data = (const char *)numbers.items;
	c->count = numbers.count;
	return ok;
}

static double column_at(const struct column *c, size_t i) {
	return tn_element_f64(c->dtype, c->data + i * tn_dtype_size(c->dtype));
}

struct range {
	double low, high;
	size_t lost;
};

static void widen(struct range *r, const struct column *c) {
	for (size_t i = 0; i < c->count; i++) {
		double x = column_at(c, i);
		r->lost += !isfinite(x);
		r->low = isfinite(x) && x < r->low ? x : r->low;
		r->high = isfinite(x) && x > r->high ? x : r->high;
	}
}

/* A range that bins can part: of one value (or none) some room on both sides. */
static void settle(struct range *r) {
	if (r->low < r->high) {
		return;
	}
	double middle = r->low == r->high ? r->low : 0, half = fabs(middle) > 1 ? fabs(middle) * 0.5 : 0.5;
	r->low = middle - half;
	r->high = middle + half;
}

static void count_bins(const struct column *c, const struct range *r, size_t bins, double *counts) {
	double scale = (double)bins / (r->high / 2 - r->low / 2) / 2; /* halves: a range may be larger than a double */
	for (size_t i = 0; i < c->count; i++) {
		double x = column_at(c, i);
		if (isfinite(x)) {
			size_t bin = (size_t)((x / 2 - r->low / 2) * scale * 2);
			counts[bin < bins ? bin : bins - 1]++;
		}
	}
}

static bool add_bins(
	struct tn_chart *chart, const char *name, struct tn_value v, const struct range *r, size_t bins, struct tn_error *err) {
	struct tn_numbers edges = {0}, counts = {0};
	struct column c;
	bool ok = column_open(v, &c, err) && tn_numbers_create(&edges, bins, err) && tn_numbers_create(&counts, bins, err);
	if (ok) {
		for (size_t i = 0; i <= bins; i++) {
			edges.items[i] = r->low * (1 - (double)i / (double)bins) + r->high * ((double)i / (double)bins);
		}
		count_bins(&c, r, bins, counts.items);
	}
	column_close(&c);
	if (ok) {
		return tn_chart_add(chart, name, edges, counts, err);
	}
	tn_free(edges.items);
	tn_free(counts.items);
	return false;
}

static bool note_lost(struct tn_chart *chart, size_t lost, struct tn_error *err) {
	struct tn_sink text = {0};
	if (lost == 0) {
		return true;
	}
	tn_sink_grouped(&text, (int64_t)lost);
	tn_sink_printf(&text, " value%s not finite", lost == 1 ? " is" : "s are");
	return tn_chart_note(chart, &text, err);
}

/* The one value, or value i of a map, and its name. */
static struct tn_value part(struct tn_value values, size_t i, const char **name) {
	*name = values.tag == TN_MAP ? values.map->keys[i] : "";
	return values.tag == TN_MAP ? values.map->items[i] : values;
}

static bool fill_bins(struct tn_chart *chart, struct tn_value values, size_t bins, struct tn_error *err) {
	size_t count = values.tag == TN_MAP ? values.map->count : 1;
	struct range range = {.low = INFINITY, .high = -INFINITY};
	const char *name;
	for (size_t i = 0; i < count; i++) {
		struct column c;
		bool ok = column_open(part(values, i, &name), &c, err);
		if (ok) {
			widen(&range, &c);
		}
		column_close(&c);
		if (!ok) {
			return false;
		}
	}
	settle(&range);
	for (size_t i = 0; i < count; i++) {
		struct tn_value v = part(values, i, &name);
		if (!add_bins(chart, name, v, &range, bins, err)) {
			return false;
		}
	}
	return note_lost(chart, range.lost, err);
}

bool tn_show_hist(struct tn_native_call *call, struct tn_error *err) {
	int64_t bins = call->args[1].i;
	if (bins < 1 || bins > MOST_BINS) {
		return tn_error_set(err, TN_ERR_VALUE, "hist: bins must be between 1 and %d, it is %lld", MOST_BINS, (long long)bins);
	}
	struct tn_chart *chart = tn_chart_create(call, TN_CHART_HIST, 2, err);
	if (chart == NULL) {
		return false;
	}
	chart->log_y = call->args[5].i != 0;
	return tn_chart_give(call, chart, fill_bins(chart, call->args[0], (size_t)bins, err), err);
}

/* ---- heatmap ---- */

/* The mean of the finite elements of block (row, column). */
static double block_mean(const struct tn_chart *c, enum tn_dtype dtype, const char *data, int64_t row, int64_t column) {
	int64_t top = row * c->whole_rows / c->rows, bottom = (row + 1) * c->whole_rows / c->rows;
	int64_t left = column * c->whole_columns / c->columns, right = (column + 1) * c->whole_columns / c->columns, count = 0;
	double sum = 0;
	for (int64_t i = top; i < bottom; i++) {
		for (int64_t k = left; k < right; k++) {
			double x = tn_element_f64(dtype, data + (size_t)(i * c->whole_columns + k) * tn_dtype_size(dtype));
			sum += isfinite(x) ? x : 0;
			count += isfinite(x);
		}
	}
	return count > 0 ? sum / (double)count : (double)NAN;
}

static bool fill_cells(struct tn_chart *c, struct tn_tensor *t, struct tn_error *err) {
	struct tn_tensor *holder = NULL;
	struct tn_sink text = {0};
	const void *data;
	c->whole_rows = tn_tensor_shape(t)->dims[0];
	c->whole_columns = tn_tensor_shape(t)->dims[1];
	c->rows = c->whole_rows < MOST_CELLS ? c->whole_rows : MOST_CELLS;
	c->columns = c->whole_columns < MOST_CELLS ? c->whole_columns : MOST_CELLS;
	c->cells = tn_calloc((size_t)(c->rows * c->columns), sizeof(*c->cells));
	if (c->cells == NULL) {
		return tn_error_memory(err);
	}
	if (!tn_tensor_data(t, &data, &holder, err)) {
		return false;
	}
	for (int64_t i = 0; i < c->rows; i++) {
		for (int64_t k = 0; k < c->columns; k++) {
			c->cells[i * c->columns + k] = block_mean(c, tn_tensor_dtype(t), data, i, k);
		}
	}
	tn_tensor_unref(holder);
	if (c->rows < c->whole_rows || c->columns < c->whole_columns) {
		tn_sink_printf(
			&text, "means of blocks of a matrix of %lld x %lld", (long long)c->whole_rows, (long long)c->whole_columns);
		return tn_chart_note(c, &text, err);
	}
	return true;
}

/* Names of all rows (or columns); for blocks, that of the first in each. */
static bool read_names(
	const char *what, const struct tn_list *list, int64_t cells, int64_t whole, char ***out, struct tn_error *err) {
	if (list->count == 0) {
		return true;
	}
	if ((int64_t)list->count != whole) {
		return tn_error_set(err, TN_ERR_VALUE, "heatmap: %lld %s, but %zu names for them", (long long)whole, what, list->count);
	}
	*out = tn_calloc((size_t)cells, sizeof(**out));
	bool ok = *out != NULL;
	for (int64_t i = 0; ok && i < cells; i++) {
		(*out)[i] = tn_strdup(list->items[i * whole / cells].string->text);
		ok = (*out)[i] != NULL;
	}
	return ok || tn_error_memory(err);
}

bool tn_show_heatmap(struct tn_native_call *call, struct tn_error *err) {
	struct tn_value v = call->args[0];
	if (v.tag != TN_TENSOR || tn_tensor_shape(v.tensor)->ndim != 2 || tn_shape_count(tn_tensor_shape(v.tensor)) == 0) {
		char found[176] = "something else";
		if (v.tag == TN_TENSOR) {
			tn_describe(tn_tensor_dtype(v.tensor), tn_tensor_shape(v.tensor), found);
		}
		return tn_error_set(err, TN_ERR_TYPE, "heatmap: expected a tensor with two axes, found %s", found);
	}
	struct tn_chart *c = tn_chart_create(call, TN_CHART_HEAT, 1, err);
	if (c == NULL) {
		return false;
	}
	bool ok = fill_cells(c, v.tensor, err) &&
		read_names("rows", call->args[4].list, c->rows, c->whole_rows, &c->row_names, err) &&
		read_names("columns", call->args[5].list, c->columns, c->whole_columns, &c->column_names, err);
	return tn_chart_give(call, c, ok, err);
}
