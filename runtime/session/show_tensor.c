/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors as HTML: a table of the first and last rows and columns under a caption. Only what is shown is read: the edges are cut
 * out by slices before anything is copied. Of a tensor of higher rank the first matrices are shown, with its range. */
#include <stdio.h>
#include <string.h>

#include "session/show.h"

/* An axis longer than EDGE_MOST shows EDGE elements of each end. */
enum { EDGE = 5, EDGE_MOST = 12, SLICES = 2, MOST_FOR_RANGE = 1 << 24 };

/* The first and last elements of an axis; a new reference. */
static struct tn_tensor *cut_axis(struct tn_engine *e, struct tn_tensor *t, int64_t axis, struct tn_error *err) {
	struct tn_index head[TN_MAX_NDIM], tail[TN_MAX_NDIM];
	int64_t size = tn_tensor_shape(t)->dims[axis];
	for (int64_t i = 0; i <= axis; i++) {
		head[i] = tail[i] = (struct tn_index){.kind = TN_INDEX_SLICE, .literal = true};
	}
	head[axis].has_stop = tail[axis].has_start = true;
	head[axis].stop = EDGE;
	tail[axis].start = size - EDGE;
	struct tn_tensor *parts[2] = {tn_index_get(e, t, head, (int)axis + 1, err), NULL}, *cut = NULL;
	parts[1] = parts[0] == NULL ? NULL : tn_index_get(e, t, tail, (int)axis + 1, err);
	if (parts[1] != NULL) {
		cut = tn_cat(e, parts, 2, axis, err);
	}
	tn_tensor_unref(parts[0]);
	tn_tensor_unref(parts[1]);
	return cut;
}

/* Cuts every axis that is too long. Takes t. */
static struct tn_tensor *cut_take(struct tn_engine *e, struct tn_tensor *t, struct tn_error *err) {
	for (int32_t axis = 0; t != NULL && axis < tn_tensor_shape(t)->ndim; axis++) {
		if (tn_tensor_shape(t)->dims[axis] > EDGE_MOST) {
			struct tn_tensor *cut = cut_axis(e, t, axis, err);
			tn_tensor_unref(t);
			t = cut;
		}
	}
	return t;
}

/* ---- the table of one matrix (or vector) ---- */

struct grid {
	struct tn_sink *out;
	int64_t rows, columns, at;
	bool row_gap, column_gap, numbered;
	int64_t total_rows, total_columns;
};

static int64_t original(int64_t i, int64_t shown, int64_t total) {
	return total > shown && i >= EDGE ? total - shown + i : i;
}

static void put_index(struct tn_sink *out, int64_t i) {
	tn_sink_printf(out, "<th style=\"text-align: right\">%lld</th>", (long long)i);
}

static bool put_element(void *data, const char *text) {
	struct grid *g = data;
	int64_t row = g->at / g->columns, column = g->at % g->columns;
	if (column == 0) {
		if (g->row_gap && row == EDGE) {
			tn_sink_printf(g->out, "<tr><td colspan=\"%lld\" style=\"text-align: center\">⋮</td></tr>\n",
				(long long)(g->columns + g->column_gap + g->numbered));
		}
		tn_sink_put(g->out, "<tr>");
		if (g->numbered) {
			put_index(g->out, original(row, g->rows, g->total_rows));
		}
	}
	if (g->column_gap && column == EDGE) {
		tn_sink_put(g->out, "<td>…</td>");
	}
	tn_sink_put(g->out, "<td style=\"text-align: right; white-space: nowrap\">");
	tn_sink_html(g->out, text, strlen(text));
	tn_sink_put(g->out, "</td>");
	if (column + 1 == g->columns) {
		tn_sink_put(g->out, "</tr>\n");
	}
	g->at++;
	return true;
}

static void put_head(struct grid *g) {
	tn_sink_put(g->out, "<thead><tr>");
	if (g->numbered) {
		tn_sink_put(g->out, "<th></th>");
	}
	for (int64_t i = 0; i < g->columns; i++) {
		if (g->column_gap && i == EDGE) {
			tn_sink_put(g->out, "<th>…</th>");
		}
		put_index(g->out, original(i, g->columns, g->total_columns));
	}
	tn_sink_put(g->out, "</tr></thead>\n<tbody>\n");
}

/* t has one or two axes; `cut` is what is left of it. */
static bool put_matrix(struct tn_tensor *cut, const struct tn_shape *whole, struct tn_sink *out, struct tn_error *err) {
	const struct tn_shape *shown = tn_tensor_shape(cut);
	bool flat = shown->ndim == 1;
	struct grid g = {.out = out,
		.rows = flat ? 1 : shown->dims[0],
		.columns = shown->dims[shown->ndim - 1],
		.total_rows = flat ? 1 : whole->dims[0],
		.total_columns = whole->dims[whole->ndim - 1]};
	g.row_gap = g.total_rows > g.rows;
	g.column_gap = g.total_columns > g.columns;
	g.numbered = !flat;
	tn_sink_put(out, "<table>\n");
	put_head(&g);
	if (!tn_tensor_format_each(cut, put_element, &g, err)) {
		return false;
	}
	tn_sink_put(out, "</tbody></table>\n");
	return true;
}

/* ---- higher ranks ---- */

static bool put_statistic(
	struct tn_engine *e, struct tn_tensor *t, const char *name, enum tn_op op, struct tn_sink *out, struct tn_error *err) {
	double value = 0;
	struct tn_tensor *made = op == TN_OP_COUNT ? tn_mean(e, t, NULL, 0, false, err) : tn_reduce(e, op, t, NULL, 0, false, err);
	bool ok = made != NULL && tn_tensor_item_f64(made, &value, err);
	if (ok) {
		tn_sink_printf(out, " · %s %.5g", name, value);
	}
	tn_tensor_unref(made);
	return ok;
}

/* A range needs a look at every element: not of tensors so large that one would wait for it. */
static bool put_range(struct tn_engine *e, struct tn_tensor *t, struct tn_sink *out, struct tn_error *err) {
	int64_t count = tn_shape_count(tn_tensor_shape(t));
	if (count == 0 || count > MOST_FOR_RANGE || tn_tensor_dtype(t) == TN_DTYPE_BOOL8) {
		return true;
	}
	return put_statistic(e, t, "min", TN_OP_MIN, out, err) && put_statistic(e, t, "mean", TN_OP_COUNT, out, err) &&
		put_statistic(e, t, "max", TN_OP_MAX, out, err);
}

/* The matrix at number `at` of the leading axes: t[i, j, …]. */
static bool put_slice(struct tn_engine *e, struct tn_tensor *t, int64_t at, struct tn_sink *out, struct tn_error *err) {
	const struct tn_shape *shape = tn_tensor_shape(t);
	struct tn_index index[TN_MAX_NDIM];
	int leading = shape->ndim - 2;
	for (int axis = leading - 1; axis >= 0; axis--) {
		index[axis] = (struct tn_index){.kind = TN_INDEX_INT, .literal = true, .start = at % shape->dims[axis]};
		at /= shape->dims[axis];
	}
	tn_sink_put(out, "<div>[");
	for (int axis = 0; axis < leading; axis++) {
		tn_sink_printf(out, "%lld, ", (long long)index[axis].start);
	}
	tn_sink_put(out, ":, :]</div>\n");
	struct tn_tensor *matrix = tn_index_get(e, t, index, leading, err);
	if (matrix == NULL) {
		return false;
	}
	struct tn_shape whole = *tn_tensor_shape(matrix);
	matrix = cut_take(e, matrix, err);
	bool ok = matrix != NULL && put_matrix(matrix, &whole, out, err);
	tn_tensor_unref(matrix);
	return ok;
}

static bool put_slices(struct tn_engine *e, struct tn_tensor *t, struct tn_sink *out, struct tn_error *err) {
	const struct tn_shape *shape = tn_tensor_shape(t);
	int64_t matrices = 1;
	for (int axis = 0; axis < shape->ndim - 2; axis++) {
		matrices *= shape->dims[axis];
	}
	for (int64_t i = 0; i < matrices && i < SLICES; i++) {
		if (!put_slice(e, t, i, out, err)) {
			return false;
		}
	}
	if (matrices > SLICES) {
		tn_sink_put(out, "<div>… ");
		tn_sink_grouped(out, matrices - SLICES);
		tn_sink_put(out, matrices - SLICES == 1 ? " more matrix</div>\n" : " more matrices</div>\n");
	}
	return true;
}

static bool put_body(struct tn_engine *e, struct tn_tensor *t, struct tn_sink *out, struct tn_error *err) {
	const struct tn_shape *shape = tn_tensor_shape(t);
	if (tn_shape_count(shape) == 0) {
		return true;
	}
	if (shape->ndim > 2) {
		return put_slices(e, t, out, err);
	}
	struct tn_tensor *cut = cut_take(e, tn_tensor_ref(t), err);
	bool ok = cut != NULL && put_matrix(cut, shape, out, err);
	tn_tensor_unref(cut);
	return ok;
}

bool tn_show_tensor(struct tn_engine *e, struct tn_tensor *t, struct tn_sink *html, struct tn_error *err) {
	char described[176];
	if (tn_tensor_shape(t)->ndim == 0) {
		return true; /* a number: its text is all there is */
	}
	struct tn_tensor *plain = tn_stop_gradient(e, t, err); /* looking leaves nothing in an open grad block */
	if (plain == NULL) {
		return false;
	}
	tn_describe(tn_tensor_dtype(t), tn_tensor_shape(t), described);
	tn_sink_put(html, "<div>tensor ");
	tn_sink_html(html, described, strlen(described));
	tn_sink_put(html, " · ");
	tn_sink_html(html, tn_tensor_device(t), strlen(tn_tensor_device(t)));
	bool ok = tn_tensor_shape(t)->ndim <= 2 || put_range(e, plain, html, err);
	tn_sink_put(html, "</div>\n");
	ok = ok && put_body(e, plain, html, err);
	tn_tensor_unref(plain);
	return ok;
}
