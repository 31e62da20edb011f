/* SPDX-License-Identifier: Apache-2.0 */
/* Tables, once as aligned text and once as HTML. The HTML inherits the notebook's colours and table style: no style of its own
 * but the alignment, no scripts, nothing from outside. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/show.h"

/* ---- filling ---- */

void tn_table_column(struct tn_table *table, const char *name, bool right) {
	struct tn_table_column column = {.name = tn_strdup(name), .right = right};
	if (column.name == NULL || !TN_VEC_PUSH(&table->columns, column)) {
		tn_free(column.name);
		table->failed = true;
	}
}

static void push(struct tn_table *table, char *text) {
	if (!TN_VEC_PUSH(&table->cells, text)) {
		tn_free(text);
		table->failed = true;
	}
}

void tn_table_cell(struct tn_table *table, const char *text) {
	char *copy = tn_strdup(text);
	table->failed = table->failed || copy == NULL;
	push(table, copy);
}

void tn_table_cell_take(struct tn_table *table, struct tn_sink *text) {
	table->failed = table->failed || text->failed;
	tn_table_cell(table, tn_str_c(&text->text));
	tn_sink_finish(text);
}

void tn_table_finish(struct tn_table *table) {
	for (size_t i = 0; i < table->columns.count; i++) {
		tn_free(table->columns.items[i].name);
	}
	for (size_t i = 0; i < table->cells.count; i++) {
		tn_free(table->cells.items[i]);
	}
	TN_VEC_FINISH(&table->columns);
	TN_VEC_FINISH(&table->cells);
	tn_free(table->caption);
	tn_free(table->footer);
	*table = (struct tn_table){0};
}

size_t tn_table_rows(const struct tn_table *table) {
	return table->columns.count == 0 ? 0 : table->cells.count / table->columns.count;
}

static const char *cell(const struct tn_table *table, size_t row, size_t column) {
	const char *text = table->cells.items[row * table->columns.count + column];
	return text == NULL ? "" : text;
}

/* ---- floats alike ---- */

/* A text that is a float, with its decimals: not 10, "x" or [1.0, 2.0]. */
static bool read_float(const char *text, double *value, int *decimals) {
	char *end;
	if (strpbrk(text, ".en") == NULL) {
		return false;
	}
	*value = strtod(text, &end);
	const char *point = strchr(text, '.'), *power = strchr(text, 'e');
	size_t behind = point == NULL ? 0 : strspn(point + 1, "0123456789");
	*decimals = (int)behind - (power == NULL ? 0 : atoi(power + 1));
	return end != text && *end == '\0';
}

/* The decimals that all of a column are written with: what the longest needs, but six digits of the largest, and two of the
 * smallest, are enough. -1: it holds other things than floats, or floats that are too different. */
static int decimals_of_column(const struct tn_table *table, size_t column) {
	double value, least = INFINITY, most = 0;
	int own, decimals = 0;
	for (size_t row = 0; row < tn_table_rows(table); row++) {
		const char *text = cell(table, row, column);
		if (text[0] != '\0' && !read_float(text, &value, &own)) {
			return -1;
		}
		if (text[0] != '\0' && isfinite(value) && value != 0) {
			least = fmin(least, fabs(value));
			most = fmax(most, fabs(value));
		}
		decimals = text[0] != '\0' && isfinite(value) && own > decimals ? own : decimals;
	}
	if (most >= 1e9 || (most > 0 && (least < 1e-6 || most / least > 1e4))) {
		return -1;
	}
	int enough = most > 0 ? (int)fmax(5 - floor(log10(most)), 1 - floor(log10(least))) : 1;
	enough = enough < 0 ? 0 : enough;
	return decimals < enough ? decimals : enough;
}

static void replace(struct tn_table *table, char **at, const char *text) {
	char *copy = tn_strdup(text);
	table->failed = table->failed || copy == NULL;
	if (copy != NULL) {
		tn_free(*at);
		*at = copy;
	}
}

void tn_table_align(struct tn_table *table) {
	for (size_t i = 0; !table->failed && i < table->columns.count; i++) {
		int own, decimals = table->columns.items[i].right ? decimals_of_column(table, i) : -1;
		for (size_t row = 0; !table->failed && row < tn_table_rows(table); row++) {
			char text[64], **at = &table->cells.items[row * table->columns.count + i];
			double value;
			if (*at == NULL || !read_float(*at, &value, &own) || !isfinite(value) || (decimals < 0 && strlen(*at) <= 9)) {
				continue;
			}
			if (decimals < 0) {
				snprintf(text, sizeof(text), "%.6g", value);
			} else {
				snprintf(text, sizeof(text), "%.*f", decimals, value);
			}
			replace(table, at, text);
		}
	}
}

/* ---- as text ---- */

static size_t width_of(const char *text) {
	return tn_utf8_width(text, strlen(text));
}

static void put_padded(struct tn_sink *out, const char *text, size_t width, bool right, bool last) {
	size_t own = width_of(text), pad = width > own ? width - own : 0;
	if (right) {
		tn_sink_fill(out, ' ', pad);
	}
	tn_sink_put(out, text);
	if (!right && !last) {
		tn_sink_fill(out, ' ', pad);
	}
}

static void put_row(const struct tn_table *table, const size_t *widths, int64_t row, struct tn_sink *out) {
	size_t n = table->columns.count, begin = out->text.length;
	for (size_t i = 0; i < n; i++) {
		const struct tn_table_column *column = &table->columns.items[i];
		tn_sink_put(out, i > 0 ? "  " : "");
		put_padded(out, row < 0 ? column->name : cell(table, (size_t)row, i), widths[i], column->right, i + 1 == n);
	}
	while (!out->failed && out->text.length > begin && out->text.data[out->text.length - 1] == ' ') {
		out->text.data[--out->text.length] = '\0';
	}
	tn_sink_put(out, "\n");
}

static void put_gap(const struct tn_table *table, struct tn_sink *out) {
	tn_sink_put(out, "… ");
	tn_sink_grouped(out, table->gap);
	tn_sink_put(out, " more …\n");
}

static bool has_names(const struct tn_table *table) {
	for (size_t i = 0; i < table->columns.count; i++) {
		if (table->columns.items[i].name[0] != '\0') {
			return true;
		}
	}
	return false;
}

static void measure(const struct tn_table *table, size_t *widths) {
	for (size_t i = 0; i < table->columns.count; i++) {
		widths[i] = width_of(table->columns.items[i].name);
		for (size_t row = 0; row < tn_table_rows(table); row++) {
			size_t width = width_of(cell(table, row, i));
			widths[i] = width > widths[i] ? width : widths[i];
		}
	}
}

void tn_table_text(const struct tn_table *table, struct tn_sink *out) {
	size_t *widths = tn_calloc(table->columns.count + 1, sizeof(*widths));
	if (widths == NULL || table->failed) {
		out->failed = true;
		tn_free(widths);
		return;
	}
	measure(table, widths);
	if (table->caption != NULL) {
		tn_sink_printf(out, "%s\n", table->caption);
	}
	if (has_names(table)) {
		put_row(table, widths, -1, out);
	}
	for (size_t row = 0; row < tn_table_rows(table); row++) {
		if (table->gap > 0 && row == table->gap_at) {
			put_gap(table, out);
		}
		put_row(table, widths, (int64_t)row, out);
	}
	if (table->gap > 0 && table->gap_at == tn_table_rows(table)) {
		put_gap(table, out);
	}
	if (table->footer != NULL) {
		tn_sink_put(out, table->footer);
	} else if (!out->failed && out->text.length > 0) {
		out->text.data[--out->text.length] = '\0'; /* forms of text have no newline at their end */
	}
	tn_free(widths);
}

/* ---- as HTML ---- */

static void html_cell(struct tn_sink *out, const char *tag, const char *text, bool right) {
	tn_sink_printf(out, "<%s style=\"text-align: %s\">", tag, right ? "right; white-space: nowrap" : "left");
	tn_sink_html(out, text, strlen(text));
	tn_sink_printf(out, "</%s>", tag);
}

static void html_gap(const struct tn_table *table, struct tn_sink *out) {
	tn_sink_printf(out, "<tr><td colspan=\"%zu\" style=\"text-align: center\">… ", table->columns.count);
	tn_sink_grouped(out, table->gap);
	tn_sink_put(out, " more …</td></tr>\n");
}

/* Without the last column, where that has neither a name nor a cell with text. */
static size_t html_columns(const struct tn_table *table) {
	size_t n = table->columns.count;
	bool used = n < 2 || table->columns.items[n - 1].name[0] != '\0';
	for (size_t row = 0; !used && row < tn_table_rows(table); row++) {
		used = cell(table, row, n - 1)[0] != '\0';
	}
	return used ? n : n - 1;
}

static void html_body(const struct tn_table *table, size_t columns, struct tn_sink *out) {
	tn_sink_put(out, "<tbody>\n");
	for (size_t row = 0; row < tn_table_rows(table); row++) {
		if (table->gap > 0 && row == table->gap_at) {
			html_gap(table, out);
		}
		tn_sink_put(out, "<tr>");
		for (size_t i = 0; i < columns; i++) {
			html_cell(out, "td", cell(table, row, i), table->columns.items[i].right);
		}
		tn_sink_put(out, "</tr>\n");
	}
	if (table->gap > 0 && table->gap_at == tn_table_rows(table)) {
		html_gap(table, out);
	}
	tn_sink_put(out, "</tbody>\n");
}

void tn_table_html(const struct tn_table *table, struct tn_sink *out) {
	out->failed = out->failed || table->failed;
	if (out->failed) {
		return;
	}
	size_t columns = html_columns(table);
	tn_sink_put(out, "<table>\n");
	if (table->caption != NULL) {
		tn_sink_put(out, "<caption style=\"text-align: left\">");
		tn_sink_html(out, table->caption, strlen(table->caption));
		tn_sink_put(out, "</caption>\n");
	}
	if (has_names(table)) {
		tn_sink_put(out, "<thead><tr>");
		for (size_t i = 0; i < columns; i++) {
			html_cell(out, "th", table->columns.items[i].name, table->columns.items[i].right);
		}
		tn_sink_put(out, "</tr></thead>\n");
	}
	html_body(table, columns, out);
	if (table->footer != NULL) {
		tn_sink_printf(out, "<tfoot><tr><td colspan=\"%zu\" style=\"text-align: left\">", table->columns.count);
		tn_sink_html(out, table->footer, strlen(table->footer));
		tn_sink_put(out, "</td></tr></tfoot>\n");
	}
	tn_sink_put(out, "</table>");
}
