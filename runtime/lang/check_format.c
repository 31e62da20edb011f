/* SPDX-License-Identifier: Apache-2.0 */
/* Format specs of f-strings against the type of what they format: Python's mini-language,
 * [[fill]align][sign][#][0][width][,|_][.precision][type]. */
#include <stdio.h>
#include <string.h>

#include "lang/check.h"

struct spec {
	bool align, sign, alternate, zero, width, group, precision;
	char type;
};

static bool is_align(char c) {
	return c == '<' || c == '>' || c == '^' || c == '=';
}
static bool is_digit(char c) {
	return c >= '0' && c <= '9';
}

/* The length of the UTF-8 character at p. */
static size_t fill_length(const char *p, const char *end) {
	uint32_t code;
	size_t n = tn_utf8_decode(p, end, &code);
	return n == 0 ? 1 : n;
}

static bool parse(const char *p, const char *end, struct spec *out) {
	size_t fill = p < end ? fill_length(p, end) : 0;
	if (p + fill < end && is_align(p[fill])) {
		out->align = true;
		p += fill + 1;
	} else if (p < end && is_align(*p)) {
		out->align = true;
		p++;
	}
	if (p < end && (*p == '+' || *p == '-' || *p == ' ')) {
		out->sign = true;
		p++;
	}
	if (p < end && *p == '#') {
		out->alternate = true;
		p++;
	}
	if (p < end && *p == '0') {
		out->zero = true;
		p++;
	}
	int digits = 0;
	for (; p < end && is_digit(*p); p++, digits++) {
		out->width = true;
	}
	if (p < end && (*p == ',' || *p == '_')) {
		out->group = true;
		p++;
	}
	if (p < end && *p == '.') {
		p++;
		int precision = 0;
		for (; p < end && is_digit(*p); p++) {
			precision++;
		}
		if (precision == 0 || precision > 4) {
			return false;
		}
		out->precision = true;
	}
	if (p < end) {
		out->type = *p++;
	}
	return p == end && digits <= 6;
}

static const char *allowed_types(enum tn_type_kind kind) {
	switch (kind) {
	case TN_TYPE_INT:
	case TN_TYPE_BOOL:
		return "bcdoxXneEfFgG%";
	case TN_TYPE_FLOAT:
		return "eEfFgGn%";
	case TN_TYPE_STRING:
		return "s";
	default:
		return "bcdoxXneEfFgG%s";
	}
}

bool check_format_spec(struct tn_checker *c, struct tn_name name, const struct tn_type *type, struct tn_span span) {
	struct spec spec = {0};
	char text[128];
	tn_type_format(type, text);
	if (name.text == NULL || name.length == 0) {
		return true;
	}
	struct tn_span at = name.span.source != NULL ? name.span : span;
	if (!parse(name.text, name.text + name.length, &spec)) {
		struct tn_error *err = check_error(c, at, TN_ERR_VALUE, "'%.*s' is no format spec", (int)name.length, name.text);
		HINT(err, "as in Python: .4f  ,  .2%%  >8  08d");
		return false;
	}
	bool takes =
		tn_type_is_number(type) || type->kind == TN_TYPE_STRING || type->kind == TN_TYPE_TENSOR || type->kind == TN_TYPE_ANY;
	if (!takes) {
		if (spec.type != '\0' || spec.precision || spec.sign || spec.group || spec.zero) {
			check_error(
				c, at, TN_ERR_TYPE, "the format spec '%.*s' is for numbers or text, found %s", (int)name.length, name.text, text);
			return false;
		}
		return true;
	}
	if (spec.type != '\0' && strchr(allowed_types(type->kind), spec.type) == NULL) {
		struct tn_error *err = check_error(c, at, TN_ERR_TYPE, "the format '%c' does not take %s", spec.type, text);
		if (type->kind == TN_TYPE_FLOAT && spec.type == 'd') {
			HINT(err, "f\"{int(x):d}\", or .0f");
		} else if (type->kind == TN_TYPE_STRING) {
			HINT(err, "float(s) reads a number from text");
		}
		return false;
	}
	bool number_only = spec.sign || spec.alternate || spec.group;
	if (type->kind == TN_TYPE_STRING && number_only) {
		check_error(c, at, TN_ERR_TYPE, "the format spec '%.*s' is for numbers, found string", (int)name.length, name.text);
		return false;
	}
	bool integer_type = type->kind == TN_TYPE_INT && (spec.type == '\0' || strchr("bcdoxXn", spec.type) != NULL);
	if (integer_type && spec.precision) {
		struct tn_error *err = check_error(
			c, at, TN_ERR_TYPE, "a precision needs a float format, found '%.*s' for int", (int)name.length, name.text);
		HINT(err, ".2f writes an int with two decimals");
		return false;
	}
	return true;
}
