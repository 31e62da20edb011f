/* SPDX-License-Identifier: Apache-2.0 */
/* Python's format mini-language: [[fill]align][sign][#][0][width][, or _][.precision][type], for numbers, 0-d tensors and text. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/state.h"

enum { WIDTH_MAX = 100000, PRECISION_MAX = 1000 };

struct spec {
	char fill[5];
	char align;      /* < > ^ = or 0 */
	char sign;       /* + - space */
	bool alternate;
	char group;      /* , _ or 0 */
	int64_t width, precision; /* -1: none */
	char type;       /* 0: none */
};

static bool bad(const char *text, const char *why, struct tn_error *err) { return tn_error_set(err, TN_ERR_VALUE, "format spec '%.60s': %s", text, why); }

static bool read_count(const char **p, int64_t most, int64_t *out) {
	int64_t n = 0;
	for (; **p >= '0' && **p <= '9'; (*p)++) {
		n = n > most ? n : n * 10 + (**p - '0');
	}
	*out = n;
	return n <= most;
}

static bool is_align(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

static bool parse_spec(const char *text, struct spec *s, struct tn_error *err) {
	const char *p = text;
	uint32_t code;
	size_t n = tn_utf8_decode(p, p + strlen(p), &code);
	*s = (struct spec){.fill = " ", .sign = '-', .width = -1, .precision = -1};
	if (n > 0 && is_align(p[n])) {
		memcpy(s->fill, p, n);
		s->fill[n] = '\0';
		s->align = p[n];
		p += n + 1;
	} else if (is_align(*p)) {
		s->align = *p++;
	}
	if (*p == '+' || *p == '-' || *p == ' ') {
		s->sign = *p++;
	}
	if (*p == '#') {
		s->alternate = true;
		p++;
	}
	if (*p == '0') {
		p++;
		if (s->align == 0) {
			strcpy(s->fill, "0");
			s->align = '=';
		}
	}
	if (*p >= '1' && *p <= '9' && !read_count(&p, WIDTH_MAX, &s->width)) {
		return bad(text, "the width is too large", err);
	}
	if (*p == ',' || *p == '_') {
		s->group = *p++;
	}
	if (*p == '.') {
		p++;
		if (*p < '0' || *p > '9') {
			return bad(text, "a number is expected behind '.'", err);
		}
		if (!read_count(&p, PRECISION_MAX, &s->precision)) {
			return bad(text, "the precision is too large", err);
		}
	}
	s->type = *p != '\0' ? *p++ : '\0';
	return *p == '\0' || bad(text, "expected [[fill]align][sign][#][0][width][,][.precision][type]", err);
}

/* ---- laying out ---- */

static bool repeat(struct tn_str *out, const char *fill, size_t count) {
	for (size_t i = 0; i < count; i++) {
		if (!tn_str_append(out, fill)) {
			return false;
		}
	}
	return true;
}

/* `lead` (sign, prefix) and `body`, filled up to the width. */
static bool lay_out(const struct spec *s, char align, const char *lead, const char *body, size_t length, struct tn_str *out, struct tn_error *err) {
	size_t used = strlen(lead) + tn_utf8_length(body, length), width = s->width < 0 ? 0 : (size_t)s->width;
	size_t room = width > used ? width - used : 0, left = align == '<' ? 0 : align == '^' ? room / 2 : room;
	bool ok = align == '=' ? tn_str_append(out, lead) && repeat(out, s->fill, room) : repeat(out, s->fill, left) && tn_str_append(out, lead);
	ok = ok && tn_str_append_n(out, body, length) && (align == '=' || repeat(out, s->fill, room - left));
	return ok || tn_error_memory(err);
}

/* Digits with a separator each `every` from the right of the integral part; zeros that fill are grouped too. */
static bool group(const struct spec *s, const char *digits, int every, size_t lead, struct tn_str *out) {
	size_t whole = strspn(digits, every == 3 ? "0123456789" : "0123456789abcdefABCDEF"), rest = strlen(digits) - whole, zeros = 0;
	if (strcmp(s->fill, "0") == 0 && s->align == '=' && s->width > 0) {
		while (lead + whole + zeros + (whole + zeros - 1) / (size_t)every + rest < (size_t)s->width) {
			zeros++;
		}
	}
	for (size_t i = 0; i < zeros + whole; i++) {
		size_t left = zeros + whole - i;
		if (i > 0 && left % (size_t)every == 0 && !tn_str_append_char(out, s->group)) {
			return false;
		}
		if (!tn_str_append_char(out, i < zeros ? '0' : digits[i - zeros])) {
			return false;
		}
	}
	return tn_str_append(out, digits + whole);
}

static bool number_out(const struct spec *s, bool negative, const char *prefix, const char *digits, int every, struct tn_str *out, struct tn_error *err) {
	char lead[8];
	snprintf(lead, sizeof(lead), "%s%s", negative ? "-" : s->sign == '+' ? "+" : s->sign == ' ' ? " " : "", prefix);
	char align = s->align == 0 ? '>' : s->align;
	if (s->group == 0) {
		return lay_out(s, align, lead, digits, strlen(digits), out, err);
	}
	struct tn_str grouped = {0};
	bool ok = group(s, digits, every, strlen(lead), &grouped) || tn_error_memory(err);
	ok = ok && lay_out(s, align, lead, tn_str_c(&grouped), grouped.length, out, err);
	tn_str_finish(&grouped);
	return ok;
}

/* ---- kinds ---- */

static bool format_int(const struct spec *s, const char *text, int64_t v, struct tn_str *out, struct tn_error *err) {
	char digits[72], *p = digits + sizeof(digits);
	uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	unsigned base = s->type == 'x' || s->type == 'X' ? 16 : s->type == 'o' ? 8 : s->type == 'b' ? 2 : 10;
	if (s->precision >= 0) {
		return bad(text, "a precision is for floats", err);
	}
	if (s->type == 'c') {
		size_t n = v < 0 || v > 0x10ffff ? 0 : tn_utf8_encode((uint32_t)v, digits);
		return n > 0 ? lay_out(s, s->align == 0 || s->align == '=' ? '<' : s->align, "", digits, n, out, err) : bad(text, "the number is no code point", err);
	}
	if (s->group == ',' && base != 10) {
		return bad(text, "',' goes with decimal numbers", err);
	}
	*--p = '\0';
	do {
		*--p = (s->type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef")[left % base];
		left /= base;
	} while (left > 0);
	char prefix[3] = {s->alternate && base != 10 ? '0' : '\0', s->type, '\0'};
	return number_out(s, v < 0, prefix, p, base == 10 ? 3 : 4, out, err);
}

/* No type: as g, but a number without exponent has a digit behind the point, and the exponent comes one digit earlier. */
static bool shortest_digits(const struct spec *s, double v, struct tn_str *digits) {
	char text[1100];
	int precision = s->precision < 1 ? 1 : (int)s->precision;
	if (s->precision < 0) {
		tn_format_f64(v, text);
		return tn_str_append(digits, text);
	}
	snprintf(text, sizeof(text), "%.*e", precision - 1, v); /* rounded, so that a carry shows in the exponent */
	long exponent = strtol(strchr(text, 'e') + 1, NULL, 10);
	if (exponent == precision - 1 && v != 0) {
		return tn_str_append(digits, text);
	}
	snprintf(text, sizeof(text), s->alternate ? "%#.*g" : "%.*g", precision, v);
	return tn_str_append(digits, text) && (strpbrk(text, ".e") != NULL || tn_str_append(digits, ".0"));
}

static bool float_digits(const struct spec *s, double v, struct tn_str *digits) {
	char type = s->type;
	int precision = s->precision < 0 ? 6 : (int)s->precision;
	if (type == 0) {
		return shortest_digits(s, v, digits);
	}
	switch (type) {
	case '%':
		return tn_str_printf(digits, s->alternate ? "%#.*f%%" : "%.*f%%", precision, v * 100);
	case 'e':
		return tn_str_printf(digits, s->alternate ? "%#.*e" : "%.*e", precision, v);
	case 'E':
		return tn_str_printf(digits, s->alternate ? "%#.*E" : "%.*E", precision, v);
	case 'g':
	case 'n':
		return tn_str_printf(digits, s->alternate ? "%#.*g" : "%.*g", precision, v);
	case 'G':
		return tn_str_printf(digits, s->alternate ? "%#.*G" : "%.*G", precision, v);
	default:
		return tn_str_printf(digits, s->alternate ? "%#.*f" : "%.*f", precision, v);
	}
}

static bool format_float(const struct spec *s, double v, struct tn_str *out, struct tn_error *err) {
	struct tn_str digits = {0};
	bool ok, upper = s->type == 'E' || s->type == 'F' || s->type == 'G';
	if (isfinite(v)) {
		ok = float_digits(s, fabs(v), &digits);
	} else {
		ok = tn_str_append(&digits, isnan(v) ? (upper ? "NAN" : "nan") : upper ? "INF" : "inf") && (s->type != '%' || tn_str_append_char(&digits, '%'));
	}
	ok = ok ? number_out(s, signbit(v) && !isnan(v), "", tn_str_c(&digits), 3, out, err) : tn_error_memory(err);
	tn_str_finish(&digits);
	return ok;
}

static bool format_text(const struct spec *s, const char *spec, const char *text, size_t length, struct tn_str *out, struct tn_error *err) {
	if ((s->type != 0 && s->type != 's') || s->align == '=' || s->sign != '-' || s->group != 0 || s->alternate) {
		return bad(spec, "text takes [[fill]align][width][.precision][s]", err);
	}
	if (s->precision >= 0) {
		const char *p = text, *end = text + length;
		uint32_t code;
		for (int64_t i = 0; i < s->precision && p < end; i++) {
			p += tn_utf8_decode(p, end, &code);
		}
		length = (size_t)(p - text);
	}
	return lay_out(s, s->align == 0 ? '<' : s->align, "", text, length, out, err);
}

static bool number_of(struct tn_value *v, struct tn_error *err) {
	if (v->tag != TN_TENSOR || tn_shape_count(tn_tensor_shape(v->tensor)) != 1) {
		return true;
	}
	enum tn_dtype dtype = tn_tensor_dtype(v->tensor);
	double f;
	int64_t i;
	if (tn_dtype_is_float(dtype)) {
		if (!tn_tensor_item_f64(v->tensor, &f, err)) {
			return false;
		}
		*v = tn_float(f);
	} else {
		if (!tn_tensor_item_i64(v->tensor, &i, err)) {
			return false;
		}
		*v = dtype == TN_DTYPE_BOOL8 ? tn_bool(i != 0) : tn_int(i);
	}
	return true;
}

bool tn_value_format_spec(struct tn_value v, const char *spec, struct tn_str *out, struct tn_error *err) {
	struct spec s;
	struct tn_str text = {0};
	if (!parse_spec(spec, &s, err) || !number_of(&v, err)) {
		return false;
	}
	bool is_text = s.type == 's' || !(v.tag == TN_INT || v.tag == TN_FLOAT || v.tag == TN_BOOL) || (v.tag == TN_BOOL && s.type == 0);
	if (is_text) {
		bool plain = v.tag == TN_STRING || v.tag == TN_BOOL || v.tag == TN_DTYPE || s.type == 's' || s.type == 0;
		bool ok = plain || bad(spec, "this value is no number", err);
		ok = ok && tn_value_format(v, false, &text, err) && format_text(&s, spec, tn_str_c(&text), text.length, out, err);
		tn_str_finish(&text);
		return ok;
	}
	bool float_type = s.type != 0 && strchr("eEfFgG%", s.type) != NULL, int_type = s.type != 0 && strchr("dboxXc", s.type) != NULL;
	if (s.type != 0 && s.type != 'n' && !float_type && !int_type) {
		return bad(spec, "this type is none of b c d e f g n o s x %", err);
	}
	if (v.tag == TN_FLOAT) {
		return int_type ? bad(spec, "a float takes one of e f g n %", err) : format_float(&s, v.f, out, err);
	}
	return float_type ? format_float(&s, (double)v.i, out, err) : format_int(&s, spec, v.i, out, err);
}
