/* SPDX-License-Identifier: Apache-2.0 */
/* How a tensor prints: PyTorch's text, then dtype and shape as errors show them, "tensor([1., 2.]) f32[2]". The rules are
 * PyTorch's defaults: 4 digits, columns of one width over the whole tensor, "1." where all are integers, e-notation where the
 * largest is over 1,000 times the smallest, over 1e8, or the smallest (of non-integers) under 1e-4; 80 columns; above 1,000
 * elements the first and last 3 of each axis. A 0-d tensor prints as its number: the shortest decimal that reads back in its
 * dtype. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tensor/graph.h"

enum { LINE_WIDTH = 80, EDGE = 3, THRESHOLD = 1000, DIGITS = 4, ELEMENT_MAX = 352 };

struct printer {
	enum tn_dtype dtype;
	const struct tn_shape *shape;
	const char *data;
	int64_t strides[TN_MAX_NDIM];
	bool summarize;
	/* chosen by a pass over the elements that will be shown */
	bool integral, scientific;
	double least, largest; /* of the absolute values that are finite and not 0; largest 0: none */
	size_t width;
	struct tn_str *out;
};

/* ---- one element ---- */

static size_t element_text(const struct printer *p, int64_t at, char text[ELEMENT_MAX]) {
	const char *element = p->data + at * (int64_t)tn_dtype_size(p->dtype);
	double x;

	if (p->dtype == TN_DTYPE_BOOL8) {
		return (size_t)snprintf(text, ELEMENT_MAX, "%s", tn_element_i64(p->dtype, element) != 0 ? "true" : "false");
	}
	if (!tn_dtype_is_float(p->dtype)) {
		return (size_t)snprintf(text, ELEMENT_MAX, "%" PRId64, tn_element_i64(p->dtype, element));
	}
	x = tn_element_f64(p->dtype, element);
	if (!isfinite(x)) {
		return (size_t)snprintf(text, ELEMENT_MAX, "%s", isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
	}
	if (p->scientific) {
		return (size_t)snprintf(text, ELEMENT_MAX, "%.*e", DIGITS, x);
	}
	return p->integral ? (size_t)snprintf(text, ELEMENT_MAX, "%.0f.", x) : (size_t)snprintf(text, ELEMENT_MAX, "%.*f", DIGITS, x);
}

/* ---- the pass that chooses ---- */

static void look_at_value(struct printer *p, int64_t at) {
	double x = tn_element_f64(p->dtype, p->data + at * (int64_t)tn_dtype_size(p->dtype));

	if (!isfinite(x) || x == 0) {
		return;
	}
	p->least = p->largest == 0 || fabs(x) < p->least ? fabs(x) : p->least;
	p->largest = fabs(x) > p->largest ? fabs(x) : p->largest;
	p->integral = p->integral && x == ceil(x);
}

static void look_at_width(struct printer *p, int64_t at) {
	char text[ELEMENT_MAX];
	double x = tn_dtype_is_float(p->dtype) ? tn_element_f64(p->dtype, p->data + at * (int64_t)tn_dtype_size(p->dtype)) : 1;

	if (isfinite(x) && x != 0) { /* zeros and non-finite numbers do not widen the columns, as in PyTorch */
		size_t width = element_text(p, at, text);

		p->width = width > p->width ? width : p->width;
	}
}

/* Whether position i of an axis is among those left out; the first of these stands for all. */
static bool left_out(const struct printer *p, int axis, int64_t i) {
	return p->summarize && p->shape->dims[axis] > 2 * EDGE && i >= EDGE && i < p->shape->dims[axis] - EDGE;
}

static void each_shown(struct printer *p, int axis, int64_t at, void (*look)(struct printer *p, int64_t at)) {
	if (axis == p->shape->ndim) {
		look(p, at);
		return;
	}
	for (int64_t i = 0; i < p->shape->dims[axis]; i++) {
		if (left_out(p, axis, i)) {
			i = p->shape->dims[axis] - EDGE;
		}
		each_shown(p, axis + 1, at + i * p->strides[axis], look);
	}
}

static void choose_columns(struct printer *p) {
	p->integral = true;
	p->width = 1;
	if (tn_dtype_is_float(p->dtype)) {
		each_shown(p, 0, 0, look_at_value);
		p->scientific =
			p->largest > 0 && (p->largest / p->least > 1000.0 || p->largest > 1.0e8 || (!p->integral && p->least < 1.0e-4));
	}
	each_shown(p, 0, 0, look_at_width);
}

/* ---- the text ---- */

static bool put_element(struct printer *p, int64_t at) {
	char text[ELEMENT_MAX];
	size_t length = element_text(p, at, text);

	return tn_str_append_fill(p->out, ' ', p->width > length ? p->width - length : 0) && tn_str_append_n(p->out, text, length);
}

/* The innermost axis: as many to a line as fit. */
static bool put_row(struct printer *p, int axis, int64_t at, size_t indent) {
	size_t per_line = indent < LINE_WIDTH ? (LINE_WIDTH - indent) / (p->width + 2) : 0, on_line = 0;

	for (int64_t i = 0; i < p->shape->dims[axis]; i++) {
		bool gap = left_out(p, axis, i);

		if (i > 0 && !tn_str_append(p->out, on_line == (per_line > 0 ? per_line : 1) ? ",\n" : ", ")) {
			return false;
		}
		if (i > 0 && on_line == (per_line > 0 ? per_line : 1)) {
			on_line = 0;
			if (!tn_str_append_fill(p->out, ' ', indent + 1)) {
				return false;
			}
		}
		if (gap ? !tn_str_append(p->out, " ...") : !put_element(p, at + i * p->strides[axis])) {
			return false;
		}
		on_line++;
		i = gap ? p->shape->dims[axis] - EDGE - 1 : i;
	}
	return true;
}

static bool put_axis(struct printer *p, int axis, int64_t at, size_t indent) {
	int inner = p->shape->ndim - axis;

	if (!tn_str_append(p->out, "[")) {
		return false;
	}
	if (inner == 1) {
		return put_row(p, axis, at, indent) && tn_str_append(p->out, "]");
	}
	for (int64_t i = 0; i < p->shape->dims[axis]; i++) {
		bool gap = left_out(p, axis, i);

		if (i > 0 &&
			(!tn_str_append(p->out, ",") || !tn_str_append_fill(p->out, '\n', (size_t)inner - 1) ||
				!tn_str_append_fill(p->out, ' ', indent + 1))) {
			return false;
		}
		if (gap ? !tn_str_append(p->out, "...") : !put_axis(p, axis + 1, at + i * p->strides[axis], indent + 1)) {
			return false;
		}
		i = gap ? p->shape->dims[axis] - EDGE - 1 : i;
	}
	return tn_str_append(p->out, "]");
}

/* The fewest digits that read back as this element of a short float. */
static size_t short_float_text(enum tn_dtype dtype, const void *element, char *out) {
	double x = tn_element_f64(dtype, element), read;
	char bytes[8];

	for (int digits = 1; digits < 9 && isfinite(x); digits++) {
		int length = snprintf(out, 32, "%.*e", digits - 1, x);

		if (!tn_parse_f64(out, (size_t)length, &read)) {
			break;
		}
		tn_element_set_f64(dtype, bytes, read);
		if (tn_element_f64(dtype, bytes) == x) {
			return tn_format_f64(read, out);
		}
	}
	return tn_format_f64(x, out);
}

static bool put_number(enum tn_dtype dtype, const void *element, struct tn_str *out) {
	char text[64];
	float single;

	switch (dtype) {
	case TN_DTYPE_F64:
		tn_format_f64(tn_element_f64(dtype, element), text);
		break;
	case TN_DTYPE_F32:
		memcpy(&single, element, sizeof(single));
		tn_format_f32(single, text);
		break;
	case TN_DTYPE_BF16:
	case TN_DTYPE_F16:
		short_float_text(dtype, element, text);
		break;
	case TN_DTYPE_BOOL8:
		return tn_str_append(out, tn_element_i64(dtype, element) != 0 ? "true" : "false");
	default:
		snprintf(text, sizeof(text), "%" PRId64, tn_element_i64(dtype, element));
		break;
	}
	return tn_str_append(out, text);
}

/* The printer reads the elements where they are: of a large tensor only what is shown is touched, whatever its strides. */
static bool printer_open(struct printer *p, struct tn_tensor *t, struct tn_error *err) {
	const void *first;

	if (tn_shape_count(&t->shape) > 0) {
		if (!tn_tensor_elements(t, &first, err)) {
			return false;
		}
		p->data = first;
		memcpy(p->strides, t->stride, sizeof(p->strides));
	}
	choose_columns(p);
	return true;
}

bool tn_tensor_format(struct tn_tensor *t, struct tn_str *out, struct tn_error *err) {
	int64_t count = tn_shape_count(&t->shape);
	struct printer p = {.dtype = t->dtype, .shape = &t->shape, .summarize = count > THRESHOLD, .out = out};
	char described[176];

	if (!printer_open(&p, t, err)) {
		return false;
	}
	if (t->shape.ndim == 0) {
		return put_number(t->dtype, p.data, out) || tn_error_memory(err);
	}
	tn_describe(t->dtype, &t->shape, described);
	bool ok = tn_str_append(out, "tensor(") && (count == 0 ? tn_str_append(out, "[]") : put_axis(&p, 0, 0, strlen("tensor("))) &&
		tn_str_printf(out, ") %s", described);
	return ok || tn_error_memory(err);
}

struct each { struct printer printer; bool (*visit)(void *data, const char *text); void *data; bool stopped; };

static void visit_element(struct printer *p, int64_t at) {
	struct each *each = TN_CONTAINER_OF(p, struct each, printer);
	char text[ELEMENT_MAX];

	if (!each->stopped) {
		element_text(p, at, text);
		each->stopped = !each->visit(each->data, text);
	}
}

bool tn_tensor_format_each(struct tn_tensor *t, bool (*visit)(void *data, const char *text), void *data, struct tn_error *err) {
	struct each each = {.printer = {.dtype = t->dtype, .shape = &t->shape}, .visit = visit, .data = data};

	if (!printer_open(&each.printer, t, err)) {
		return false;
	}
	each_shown(&each.printer, 0, 0, visit_element);
	return !each.stopped;
}
