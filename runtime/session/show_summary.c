/* SPDX-License-Identifier: Apache-2.0 */
/* Nets as a table: each tensor with its path, the layer that it belongs to, shape, dtype and count; totals below. No contents are
 * read, so nothing is waited for. */
#include <string.h>

#include "session/show.h"

enum { DEPTH = 200, MOST_ROWS = 400 };

static bool is_frozen(struct tn_value parent, size_t i) {
	return parent.tag == TN_STRUCT && parent.instance->def->fields[i].frozen;
}

/* A weight stands somewhere inside a struct. */
static bool has_weight(struct tn_value v, bool in_struct, int depth) {
	size_t count;
	if (v.tag == TN_TENSOR) {
		return in_struct && tn_dtype_is_float(tn_tensor_dtype(v.tensor));
	}
	const struct tn_value *items = tn_value_parts(v, &count);
	for (size_t i = 0; depth < DEPTH && i < count; i++) {
		if (!is_frozen(v, i) && has_weight(items[i], in_struct || v.tag == TN_STRUCT, depth + 1)) {
			return true;
		}
	}
	return false;
}

bool tn_show_is_net(struct tn_value value) {
	return has_weight(value, false, 0);
}

/* ---- the rows ---- */

struct summary {
	struct tn_table *table;
	struct tn_str path;
	size_t rows;
	int64_t weights, tensors, bytes, frozen, other, data, data_tensors;
};

static void put_leaf(struct summary *s, struct tn_tensor *t, const char *layer, bool frozen) {
	char shape[160];
	struct tn_sink count = {0};
	int64_t n = tn_shape_count(tn_tensor_shape(t));
	bool floating = tn_dtype_is_float(tn_tensor_dtype(t));
	bool data = strcmp(layer, "Dataset") == 0; /* the library's: examples, which nobody trains */
	*(data ? &s->data : !floating ? &s->other : frozen ? &s->frozen : &s->weights) += n;
	s->tensors += floating && !frozen && !data;
	s->data_tensors += data;
	s->bytes += n * (int64_t)tn_dtype_size(tn_tensor_dtype(t));
	if (s->rows++ >= MOST_ROWS) {
		s->table->gap_at = MOST_ROWS;
		s->table->gap++;
		return;
	}
	tn_shape_format(tn_tensor_shape(t), shape);
	tn_sink_grouped(&count, n);
	tn_table_cell(s->table, s->path.length == 0 ? "(itself)" : tn_str_c(&s->path));
	tn_table_cell(s->table, layer);
	tn_table_cell(s->table, shape);
	tn_table_cell(s->table, tn_dtype_name(tn_tensor_dtype(t)));
	tn_table_cell_take(s->table, &count);
	tn_table_cell(s->table, data ? "" : !floating ? "no weight" : frozen ? "frozen" : "");
}

static bool push_name(struct tn_str *path, struct tn_value parent, size_t i) {
	bool ok = path->length == 0 || tn_str_append_char(path, '.');
	if (parent.tag == TN_STRUCT) {
		return ok && tn_str_append(path, parent.instance->def->fields[i].name);
	}
	return ok && (parent.tag == TN_MAP ? tn_str_append(path, parent.map->keys[i]) : tn_str_printf(path, "%zu", i));
}

static bool walk(struct summary *s, struct tn_value v, const char *layer, bool frozen, int depth) {
	size_t count, before = s->path.length;
	if (v.tag == TN_TENSOR) {
		put_leaf(s, v.tensor, layer, frozen);
		return true;
	}
	const struct tn_value *items = tn_value_parts(v, &count);
	layer = v.tag == TN_STRUCT ? v.instance->def->name : layer;
	for (size_t i = 0; depth < DEPTH && i < count; i++) {
		if (items[i].tag < TN_TENSOR || items[i].tag == TN_STRING) {
			continue;
		}
		if (!push_name(&s->path, v, i) || !walk(s, items[i], layer, frozen || is_frozen(v, i), depth + 1)) {
			return false;
		}
		s->path.length = before;
		s->path.data[before] = '\0';
	}
	return true;
}

static void put_bytes(struct tn_sink *out, int64_t bytes) {
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	size_t unit = 0;
	for (; value >= 1024 && unit + 1 < TN_ARRAY_LEN(units); unit++) {
		value /= 1024;
	}
	tn_sink_printf(out, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

/* "203,530 weights in 4 tensors" */
static void put_counted(struct tn_sink *out, int64_t count, const char *what, int64_t tensors) {
	tn_sink_grouped(out, count);
	tn_sink_printf(out, " %s%s in ", what, count == 1 ? "" : "s");
	tn_sink_grouped(out, tensors);
	tn_sink_printf(out, " tensor%s", tensors == 1 ? "" : "s");
}

/* "203,530 weights in 4 tensors, 64 frozen, 795.3 KiB", of data "54,950,000 elements in 4 tensors, 209.9 MiB" */
static char *footer(const struct summary *s) {
	struct tn_sink out = {0};
	if (s->tensors > 0 || s->data_tensors == 0) {
		put_counted(&out, s->weights, "weight", s->tensors);
	}
	if (s->data_tensors > 0) {
		tn_sink_put(&out, out.text.length > 0 ? ", " : "");
		put_counted(&out, s->data, "element", s->data_tensors);
	}
	if (s->frozen > 0) {
		tn_sink_put(&out, ", ");
		tn_sink_grouped(&out, s->frozen);
		tn_sink_put(&out, " frozen");
	}
	if (s->other > 0) {
		tn_sink_put(&out, ", ");
		tn_sink_grouped(&out, s->other);
		tn_sink_put(&out, " no weights");
	}
	tn_sink_put(&out, ", ");
	put_bytes(&out, s->bytes);
	char *text = out.failed ? NULL : tn_str_steal(&out.text);
	tn_sink_finish(&out);
	return text;
}

static char *caption(struct tn_value v) {
	char name[128] = "tensor";
	size_t count;
	if (v.tag == TN_STRUCT) {
		tn_type_format(v.instance->def->type, name);
		return tn_strdup(v.instance->def->newer == NULL ? v.instance->def->name : name);
	}
	struct tn_str text = {0};
	tn_value_parts(v, &count);
	const char *kind = v.tag == TN_LIST ? "list" : v.tag == TN_TUPLE ? "tuple" : v.tag == TN_MAP ? "map" : name;
	bool ok = v.tag == TN_TENSOR ? tn_str_append(&text, kind) : tn_str_printf(&text, "%s of %zu", kind, count);
	return ok ? tn_str_steal(&text) : NULL;
}

bool tn_show_summarize(struct tn_value tree, struct tn_table *out, struct tn_error *err) {
	static const char *const names[] = {"path", "layer", "shape", "dtype", "count", ""};
	struct summary s = {.table = out};
	for (size_t i = 0; i < TN_ARRAY_LEN(names); i++) {
		tn_table_column(out, names[i], i == 4);
	}
	bool ok = walk(&s, tree, "", false, 0);
	out->caption = caption(tree);
	out->footer = footer(&s);
	tn_str_finish(&s.path);
	return (ok && !out->failed && out->caption != NULL && out->footer != NULL) || tn_error_memory(err);
}
