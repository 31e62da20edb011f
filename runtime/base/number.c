/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal text of floating numbers, the same under every locale. Printing finds the fewest digits that read back as the
 * same number by trying precisions with the C library's exact conversions: 15 to 17 digits hold a double, 6 to 9 a
 * float (subnormals need as few as one). Reading feeds the C library a normalised copy of bounded length. */
#include "base/str.h"

#include <ctype.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* No double needs more than 767 significant digits to be told from its neighbours; what follows only matters in being
 * zero or not. */
enum { DIGITS_MAX = 800, EXPONENT_MAX = 100000 };

struct decimal {
	char digits[24]; /* significant digits, no trailing zeros (but at least one digit) */
	int count;
	int exponent;    /* of the first digit: 12.5 is {1,2,5}, 1 */
};

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void) {
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static double read_c(const char *text, bool single) {
	pthread_once(&c_locale_once, make_c_locale);
	if (c_locale == (locale_t)0) {
		return single ? (double)strtof(text, NULL) : strtod(text, NULL);
	}
	return single ? (double)strtof_l(text, NULL, c_locale) : strtod_l(text, NULL, c_locale);
}

static bool reads_back(const struct decimal *d, double x, bool single) {
	char text[64];
	snprintf(text, sizeof(text), "%.*se%d", d->count, d->digits, d->exponent - d->count + 1);
	return read_c(text, single) == x;
}

/* x > 0, finite. The decimal point of "%e" is the locale's: it is skipped, whatever it is. */
static void round_to_digits(double x, int count, struct decimal *d) {
	char text[64];
	snprintf(text, sizeof(text), "%.*e", count - 1, x);
	char *e = strchr(text, 'e');
	d->exponent = e != NULL ? atoi(e + 1) : 0;
	d->count = 0;
	for (const char *p = text; *p != '\0' && p != e; p++) {
		if (isdigit((unsigned char)*p) && d->count < count) {
			d->digits[d->count++] = *p;
		}
	}
}

static void strip_zeros(struct decimal *d) {
	while (d->count > 1 && d->digits[d->count - 1] == '0') {
		d->count--;
	}
}

/* The next decimal of the same number of digits away from zero. */
static void increment(struct decimal *d) {
	int i = d->count - 1;
	while (i >= 0 && d->digits[i] == '9') {
		d->digits[i--] = '0';
	}
	if (i >= 0) {
		d->digits[i]++;
	} else {
		d->digits[0] = '1';
		d->exponent++;
	}
}

static void find_shortest(double x, bool single, struct decimal *d) {
	int low = single ? 6 : 15, high = single ? 9 : 17, exponent;
	if (x < (single ? 1.17549435e-38 : 2.2250738585072014e-308)) {
		low = 1;
	}
	/* Below a power of two numbers lie twice as dense: the nearest decimal may miss it where the next one above reads
	 * back (2**-44 is 5.684341886080802e-14). */
	bool power = frexp(x, &exponent) == 0.5;
	for (int count = low; count <= high; count++) {
		round_to_digits(x, count, d);
		if (reads_back(d, x, single)) {
			break;
		}
		if (power) {
			struct decimal above = *d;
			increment(&above);
			if (reads_back(&above, x, single)) {
				*d = above;
				break;
			}
		}
	}
	strip_zeros(d);
}

/* Python's layout: positional where the exponent is in [-4, 16), else d.ddde±XX. */
static size_t write_decimal(const struct decimal *d, char *out) {
	char *p = out;
	if (d->exponent < -4 || d->exponent >= 16) {
		*p++ = d->digits[0];
		if (d->count > 1) {
			*p++ = '.';
			memcpy(p, d->digits + 1, (size_t)d->count - 1);
			p += d->count - 1;
		}
		return (size_t)(p - out) + (size_t)sprintf(p, "e%c%02d", d->exponent < 0 ? '-' : '+', abs(d->exponent));
	}
	if (d->exponent < 0) {
		*p++ = '0';
		*p++ = '.';
		for (int i = -1; i > d->exponent; i--) {
			*p++ = '0';
		}
		memcpy(p, d->digits, (size_t)d->count);
		p += d->count;
	} else {
		for (int i = 0; i <= d->exponent || i < d->count; i++) {
			if (i == d->exponent + 1) {
				*p++ = '.';
			}
			*p++ = i < d->count ? d->digits[i] : '0';
		}
		if (d->count <= d->exponent + 1) {
			*p++ = '.';
			*p++ = '0';
		}
	}
	*p = '\0';
	return (size_t)(p - out);
}

static size_t format_number(double x, bool single, char *out) {
	if (isnan(x)) {
		strcpy(out, "nan");
		return 3;
	}
	size_t sign = signbit(x) ? 1 : 0;
	if (sign) {
		*out++ = '-';
	}
	if (isinf(x) || x == 0) {
		strcpy(out, x == 0 ? "0.0" : "inf");
		return sign + 3;
	}
	struct decimal d;
	find_shortest(fabs(x), single, &d);
	return sign + write_decimal(&d, out);
}

size_t tn_format_f64(double x, char *out) {
	return format_number(x, false, out);
}

size_t tn_format_f32(float x, char *out) {
	return format_number((double)x, true, out);
}

/* A cursor over text that need not end in NUL. */
struct scan {
	const char *p, *end;
};

static bool scan_is(const struct scan *s, const char *either) {
	return s->p < s->end && *s->p != '\0' && strchr(either, *s->p) != NULL;
}

static bool scan_sign(struct scan *s) {
	bool negative = scan_is(s, "-");
	if (scan_is(s, "+-")) {
		s->p++;
	}
	return negative;
}

/* The exponent's digits, saturating. */
static bool scan_exponent(struct scan *s, long *exponent) {
	long value = 0;
	bool negative = scan_sign(s);
	if (!scan_is(s, "0123456789")) {
		return false;
	}
	for (; scan_is(s, "0123456789"); s->p++) {
		if (value < EXPONENT_MAX * 100L) {
			value = value * 10 + (*s->p - '0');
		}
	}
	*exponent = negative ? -value : value;
	return true;
}

static bool scan_word(const struct scan *s, double *out) {
	size_t length = (size_t)(s->end - s->p);
	if (length == 3 && strncasecmp(s->p, "nan", 3) == 0) {
		*out = (double)NAN;
		return true;
	}
	if ((length == 3 && strncasecmp(s->p, "inf", 3) == 0) || (length == 8 && strncasecmp(s->p, "infinity", 8) == 0)) {
		*out = (double)INFINITY;
		return true;
	}
	return false;
}

/* Reads digits with at most one point into `digits`; *exponent is what the digits, read as an integer, are scaled by.
 * Returns how many digits the text had, leading zeros included. */
static size_t scan_digits(struct scan *s, char *digits, int *count, int64_t *exponent) {
	size_t seen = 0;
	bool point = false, rest = false;
	for (; scan_is(s, "0123456789.") && !(point && *s->p == '.'); s->p++) {
		if (*s->p == '.') {
			point = true;
			continue;
		}
		seen++;
		bool keep = *count < DIGITS_MAX && (*count > 0 || *s->p != '0');
		if (keep) {
			digits[(*count)++] = *s->p;
		}
		rest = rest || (!keep && *count > 0 && *s->p != '0');
		bool dropped = !keep && *count > 0;
		*exponent += (dropped ? 1 : 0) - (point ? 1 : 0);
	}
	if (rest) {
		digits[*count - 1] = digits[*count - 1] == '0' ? '1' : digits[*count - 1];
	}
	return seen;
}

bool tn_parse_f64(const char *text, size_t length, double *out) {
	struct scan s = {text, text + length};
	char buffer[DIGITS_MAX + 32];
	int count = 0;
	int64_t exponent = 0;
	long written = 0;
	double value = 0;
	bool negative = scan_sign(&s);
	if (!scan_word(&s, &value)) {
		if (scan_digits(&s, buffer, &count, &exponent) == 0) {
			return false;
		}
		if (scan_is(&s, "eE")) {
			s.p++;
			if (!scan_exponent(&s, &written)) {
				return false;
			}
		}
		if (s.p != s.end) {
			return false;
		}
		exponent += written;
		exponent = exponent > EXPONENT_MAX ? EXPONENT_MAX : exponent < -EXPONENT_MAX ? -EXPONENT_MAX : exponent;
		snprintf(buffer + count, sizeof(buffer) - (size_t)count, "e%d", (int)exponent);
		value = count > 0 ? read_c(buffer, false) : 0.0;
	}
	*out = negative ? -value : value;
	return true;
}
