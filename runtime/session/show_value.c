/* SPDX-License-Identifier: Apache-2.0 */
/* Structs, lists, tuples and maps: as trees that open and close, and rows of them as tables. What is large is cut, with counts;
 * what is nested deep opens step by step (<details>, which needs no script). */
#include <stdio.h>
#include <string.h>

#include "session/show.h"

enum { BRIEF = 100, CELL = 60, DEPTH = 30, MOST_NODES = 500, MOST_ITEMS = 40, HEAD_ITEMS = 20, TAIL_ITEMS = 5, FOLD = 88 };
enum { MOST_ROWS = 60, HEAD_ROWS = 30, TAIL_ROWS = 10, MOST_COLUMNS = 64, SMALL_TENSOR = 8 };

/* ---- short texts ---- */

/* Appends text as one line: runs of white space become one space. */
static void put_line(struct tn_sink *out, const char *text, size_t most) {
	struct tn_sink line = {0};
	bool space = false;
	for (const char *p = text; *p != '\0'; p++) {
		bool blank = *p == '\n' || *p == ' ' || *p == '\t' || *p == '\r';
		if (!blank) {
			tn_sink_put(&line, space ? " " : "");
			tn_sink_put_n(&line, p, 1);
		}
		space = blank && line.text.length > 0;
	}
	const char *c = tn_str_c(&line.text);
	size_t length = line.text.length;
	bool cut = length > 4 * most || tn_utf8_width(c, length) > most;
	if (cut) {
		length = length > 4 * most ? 4 * most : length;
		while (length > 0 && (((unsigned char)c[length] & 0xc0) == 0x80 || tn_utf8_width(c, length) + 1 > most)) {
			length--;
		}
	}
	out->failed = out->failed || line.failed;
	tn_sink_put_n(out, c, length);
	tn_sink_put(out, cut ? "…" : "");
	tn_sink_finish(&line);
}

/* Floats of a table: at most 6 digits. */
static void put_float(struct tn_sink *out, double x) {
	char text[32];
	if (tn_format_f64(x, text) > 9) {
		snprintf(text, sizeof(text), "%.6g", x);
	}
	tn_sink_put(out, text);
}

bool tn_show_brief(struct tn_value value, size_t most, struct tn_sink *out, struct tn_error *err) {
	char described[176];
	struct tn_str text = {0};
	if (value.tag == TN_FLOAT) {
		return (put_float(out, value.f), true);
	}
	if (value.tag == TN_HANDLE) { /* its text may have many lines */
		return (tn_sink_put(out, value.handle->impl->type_name), true);
	}
	if (value.tag == TN_TENSOR && tn_shape_count(tn_tensor_shape(value.tensor)) > SMALL_TENSOR) {
		tn_describe(tn_tensor_dtype(value.tensor), tn_tensor_shape(value.tensor), described);
		return (tn_sink_put(out, described), true);
	}
	bool ok = tn_value_format_short(value, &text, err);
	if (ok) {
		put_line(out, tn_str_c(&text), most);
	}
	tn_str_finish(&text);
	return ok;
}

/* The end of the part that begins at p: behind a comma that is in no string, or the end. */
static const char *part_end(const char *p) {
	bool quoted = false;
	for (; *p != '\0'; p++) {
		if (quoted && *p == '\\' && p[1] != '\0') {
			p++;
		} else if (*p == '"') {
			quoted = !quoted;
		} else if (!quoted && *p == ',' && p[1] == ' ') {
			return p + 1;
		}
	}
	return p;
}

/* A long line is parted at its commas: a notebook's page would part it anywhere, inside numbers too. */
static void put_folded(struct tn_sink *out, const char *text) {
	size_t column = 0;
	for (const char *p = text, *end; *p != '\0'; p = end) {
		end = part_end(p);
		size_t width = tn_utf8_width(p, (size_t)(end - p));
		if (column > 1 && column + width > FOLD) {
			tn_sink_put(out, "\n");
			column = 0;
		}
		tn_sink_put_n(out, p, (size_t)(end - p));
		column += width;
	}
}

bool tn_show_text(struct tn_value value, struct tn_sink *out, struct tn_error *err) {
	struct tn_str text = {0};
	bool ok = tn_value_format_short(value, &text, err);
	if (ok && value.tag >= TN_LIST && value.tag <= TN_STRUCT && strchr(tn_str_c(&text), '\n') == NULL) {
		put_folded(out, tn_str_c(&text));
	} else if (ok) {
		tn_sink_put(out, tn_str_c(&text));
	}
	tn_str_finish(&text);
	return ok;
}

/* ---- trees ---- */

struct tree {
	struct tn_engine *engine;
	struct tn_sink *out;
	int nodes;
	bool below_summary; /* the kind of what is walked stands above already */
};

static size_t count_of(struct tn_value v) {
	size_t count;
	tn_value_parts(v, &count);
	return count;
}

static struct tn_value child(struct tn_value v, size_t i) {
	size_t count;
	return tn_value_parts(v, &count)[i];
}

static bool is_container(struct tn_value v) {
	return v.tag >= TN_LIST && v.tag <= TN_STRUCT;
}

/* "Net", "list of 3" */
static void put_kind(struct tn_sink *out, struct tn_value v) {
	if (v.tag == TN_STRUCT) {
		char name[128];
		tn_type_format(v.instance->def->type, name);
		const char *text = v.instance->def->newer == NULL ? v.instance->def->name : name;
		tn_sink_html(out, text, strlen(text));
		return;
	}
	static const char *const names[] = {[TN_BOOL] = "bool",
		[TN_INT] = "int",
		[TN_FLOAT] = "float",
		[TN_DTYPE] = "dtype",
		[TN_EMPTY] = "empty",
		[TN_TENSOR] = "tensor",
		[TN_STRING] = "string",
		[TN_LIST] = "list",
		[TN_TUPLE] = "tuple",
		[TN_MAP] = "map",
		[TN_FN] = "fn",
		[TN_SEQ] = "seq"};
	bool known = v.tag < TN_ARRAY_LEN(names) && names[v.tag] != NULL;
	tn_sink_put(out, v.tag == TN_HANDLE ? v.handle->impl->type_name : known ? names[v.tag] : "");
	if (is_container(v)) {
		tn_sink_put(out, " of ");
		tn_sink_grouped(out, (int64_t)count_of(v));
	}
}

static void put_name(struct tn_sink *out, struct tn_value parent, size_t i) {
	if (parent.tag == TN_STRUCT || parent.tag == TN_MAP) {
		const char *name = parent.tag == TN_STRUCT ? parent.instance->def->fields[i].name : parent.map->keys[i];
		tn_sink_html(out, name, strlen(name));
	} else {
		tn_sink_printf(out, "%zu", i);
	}
}

static bool put_leaf(struct tree *tree, struct tn_value v, struct tn_error *err) {
	struct tn_sink text = {0};
	bool ok = tn_show_brief(v, BRIEF, &text, err);
	tn_sink_html(tree->out, tn_str_c(&text.text), text.text.length);
	tree->out->failed = tree->out->failed || text.failed;
	tn_sink_finish(&text);
	return ok;
}

/* Numbers and strings in a row: text says it all. */
static bool is_flat(struct tn_value v) {
	for (size_t i = 0; (v.tag == TN_LIST || v.tag == TN_TUPLE) && i < count_of(v); i++) {
		if (child(v, i).tag == TN_TENSOR || is_container(child(v, i))) {
			return false;
		}
	}
	return v.tag == TN_LIST || v.tag == TN_TUPLE || count_of(v) == 0;
}

static bool put_node(struct tree *tree, struct tn_value v, int depth, struct tn_error *err);

static bool put_child(struct tree *tree, struct tn_value parent, size_t i, int depth, struct tn_error *err) {
	struct tn_value v = child(parent, i);
	bool opens = is_container(v) && !is_flat(v) && depth < DEPTH, ok;
	tn_sink_put(tree->out, "<tr><td style=\"text-align: left\">");
	put_name(tree->out, parent, i);
	tn_sink_put(tree->out, "</td><td style=\"text-align: left\">");
	if (opens) {
		ok = put_node(tree, v, depth + 1, err);
	} else {
		put_kind(tree->out, v);
		tn_sink_put(tree->out, "</td><td style=\"text-align: left\">");
		ok = put_leaf(tree, v, err);
	}
	tn_sink_put(tree->out, "</td></tr>\n");
	return ok;
}

/* A container with at least one part. */
static bool put_node(struct tree *tree, struct tn_value v, int depth, struct tn_error *err) {
	size_t count = count_of(v);
	bool cut = (v.tag != TN_STRUCT && count > MOST_ITEMS);
	tn_sink_put(tree->out, depth == 0 ? "<details open><summary>" : "<details><summary>");
	if (tree->below_summary) {
		tn_sink_put(tree->out, "values");
		tree->below_summary = false;
	} else {
		put_kind(tree->out, v);
	}
	tn_sink_put(tree->out, "</summary>\n<table><tbody>\n");
	for (size_t i = 0; i < count; i++) {
		if (tree->nodes++ > MOST_NODES || (cut && i == HEAD_ITEMS)) {
			size_t left = tree->nodes > MOST_NODES ? count - i : count - HEAD_ITEMS - TAIL_ITEMS;
			tn_sink_printf(tree->out, "<tr><td colspan=\"3\">… %zu more …</td></tr>\n", left);
			i += left;
		}
		if (i < count && !put_child(tree, v, i, depth, err)) {
			return false;
		}
	}
	tn_sink_put(tree->out, "</tbody></table></details>\n");
	return true;
}

/* Rows of one kind of struct, or maps: at least two, or they say more as a tree. */
static bool are_rows(struct tn_value v) {
	if ((v.tag != TN_LIST && v.tag != TN_TUPLE) || count_of(v) < 2) {
		return false;
	}
	for (size_t i = 0; i < count_of(v); i++) {
		struct tn_value row = child(v, i);
		if ((row.tag != TN_STRUCT && row.tag != TN_MAP) || row.tag != child(v, 0).tag ||
			(row.tag == TN_STRUCT && row.instance->def != child(v, 0).instance->def)) {
			return false;
		}
	}
	return true;
}

bool tn_show_container(struct tn_engine *e, struct tn_value value, struct tn_sink *html, struct tn_error *err) {
	if (is_flat(value)) {
		return true;
	}
	if (are_rows(value) && !tn_show_is_net(value)) {
		struct tn_table table = {0};
		bool ok = tn_show_tabulate(e, value, &table, err);
		if (ok) {
			tn_table_html(&table, html);
		}
		tn_table_finish(&table);
		return ok;
	}
	struct tree tree = {.engine = e, .out = html, .below_summary = tn_show_is_net(value)};
	return put_node(&tree, value, tree.below_summary, err);
}

/* ---- tables of rows, and of columns ---- */

struct frame {
	struct tn_engine *engine;
	struct tn_value source;
	bool by_column; /* a map of columns; else rows */
	size_t rows;
	TN_VEC(const char *) names; /* borrowed from the rows; NULL for tuples and single values */
	size_t positions;           /* columns of tuples and single values, behind those with names */
};

static bool add_name(struct frame *f, const char *name) {
	for (size_t i = 0; i < f->names.count; i++) {
		if (strcmp(f->names.items[i], name) == 0) {
			return true;
		}
	}
	return f->names.count == MOST_COLUMNS || TN_VEC_PUSH(&f->names, name);
}

static bool add_names(struct frame *f, struct tn_value row) {
	bool ok = true;
	for (size_t i = 0; ok && (row.tag == TN_STRUCT || row.tag == TN_MAP) && i < count_of(row); i++) {
		ok = add_name(f, row.tag == TN_STRUCT ? row.instance->def->fields[i].name : row.map->keys[i]);
	}
	if (row.tag != TN_STRUCT && row.tag != TN_MAP) {
		size_t width = row.tag == TN_TUPLE ? row.tuple->count : 1;
		width = width < MOST_COLUMNS ? width : MOST_COLUMNS;
		f->positions = width > f->positions ? width : f->positions;
	}
	return ok;
}

static bool wrong_source(struct tn_error *err) {
	tn_error_set(err, TN_ERR_TYPE, "table: expected a list of structs, maps or tuples, or a map of columns");
	tn_error_hint(err, "a column is a list or a tensor with one axis: table({ \"x\": xs, \"y\": ys })");
	return false;
}

static bool open_columns(struct frame *f, struct tn_error *err) {
	f->by_column = true;
	for (size_t i = 0; i < count_of(f->source); i++) {
		struct tn_value column = child(f->source, i);
		size_t rows;
		if (column.tag == TN_LIST) {
			rows = column.list->count;
		} else if (column.tag == TN_TENSOR && tn_tensor_shape(column.tensor)->ndim == 1) {
			rows = (size_t)tn_tensor_shape(column.tensor)->dims[0];
		} else {
			return wrong_source(err);
		}
		f->rows = rows > f->rows ? rows : f->rows;
		if (!add_name(f, f->source.map->keys[i])) {
			return tn_error_memory(err);
		}
	}
	return true;
}

static bool open_frame(struct frame *f, struct tn_error *err) {
	if (f->source.tag == TN_MAP) {
		return open_columns(f, err);
	}
	if (f->source.tag != TN_LIST && f->source.tag != TN_TUPLE) {
		return wrong_source(err);
	}
	f->rows = count_of(f->source);
	for (size_t i = 0; i < f->rows; i++) {
		if (!add_names(f, child(f->source, i))) {
			return tn_error_memory(err);
		}
	}
	return true;
}

/* The value at (row, column); void where there is none. *own: an element of a tensor column, which the caller drops. */
static bool value_at(const struct frame *f, size_t row, size_t column, struct tn_value *out, bool *own, struct tn_error *err) {
	*out = tn_void();
	*own = false;
	if (f->by_column) {
		struct tn_value values = child(f->source, column);
		if (values.tag == TN_LIST) {
			*out = row < values.list->count ? values.list->items[row] : tn_void();
			return true;
		}
		if ((int64_t)row >= tn_tensor_shape(values.tensor)->dims[0]) {
			return true;
		}
		const struct tn_index index = {.kind = TN_INDEX_INT, .start = (int64_t)row};
		struct tn_tensor *element = tn_index_get(f->engine, values.tensor, &index, 1, err);
		*own = element != NULL;
		*out = element != NULL ? tn_tensor_value(element) : tn_void();
		return element != NULL;
	}
	struct tn_value v = child(f->source, row);
	bool named = v.tag == TN_STRUCT || v.tag == TN_MAP;
	if (column >= f->names.count) {
		size_t at = column - f->names.count;
		if (v.tag == TN_TUPLE) {
			*out = at < v.tuple->count ? v.tuple->items[at] : tn_void();
		} else if (!named && at == 0) {
			*out = v;
		}
		return true;
	}
	for (size_t i = 0; named && i < count_of(v); i++) {
		const char *name = v.tag == TN_STRUCT ? v.instance->def->fields[i].name : v.map->keys[i];
		if (strcmp(name, f->names.items[column]) == 0) {
			*out = child(v, i);
		}
	}
	return true;
}

static bool put_cell(const struct frame *f, size_t row, size_t column, struct tn_table *out, struct tn_error *err) {
	struct tn_value v;
	struct tn_sink text = {0};
	bool own, ok = value_at(f, row, column, &v, &own, err);
	if (ok && v.tag == TN_STRING) {
		put_line(&text, v.string->text, CELL); /* bare: the table's lines are its quotes */
	} else if (ok && v.tag == TN_FLOAT) {
		char whole[32];
		tn_format_f64(v.f, whole);
		tn_sink_put(&text, whole); /* tn_table_align rounds */
	} else if (ok && v.tag != TN_VOID) {
		ok = tn_show_brief(v, CELL, &text, err);
	}
	bool number = v.tag == TN_INT || v.tag == TN_FLOAT || v.tag == TN_TENSOR || v.tag == TN_VOID;
	out->columns.items[column].right = out->columns.items[column].right && number;
	tn_table_cell_take(out, &text);
	if (own) {
		tn_value_unref(v);
	}
	return ok;
}

static bool fill(const struct frame *f, struct tn_table *out, struct tn_error *err) {
	char name[32];
	size_t columns = f->names.count + f->positions;
	for (size_t i = 0; i < columns; i++) {
		snprintf(name, sizeof(name), "%zu", i - f->names.count);
		tn_table_column(out, i < f->names.count ? f->names.items[i] : columns == 1 ? "value" : name, true);
	}
	for (size_t row = 0; !out->failed && row < f->rows; row++) {
		if (f->rows > MOST_ROWS && row == HEAD_ROWS) {
			out->gap_at = HEAD_ROWS;
			out->gap = (int64_t)(f->rows - HEAD_ROWS - TAIL_ROWS);
			row = f->rows - TAIL_ROWS;
		}
		for (size_t i = 0; !out->failed && i < columns; i++) {
			if (!put_cell(f, row, i, out, err)) {
				return false;
			}
		}
	}
	tn_table_align(out);
	return !out->failed || tn_error_memory(err);
}

bool tn_show_tabulate(struct tn_engine *e, struct tn_value rows, struct tn_table *out, struct tn_error *err) {
	struct frame f = {.engine = e, .source = rows};
	bool ok = open_frame(&f, err) && fill(&f, out, err);
	TN_VEC_FINISH(&f.names);
	return ok;
}
