/* SPDX-License-Identifier: Apache-2.0 */
/* JSON over jansson. Reading is strict: depth, duplicate names and NUL are refused, so that nothing behind it has to think of them. Making is
 * forgiving: what a cell prints may hold any bytes, and becomes text all the same. The writer is our own: it allocates nothing but the
 * result, writes the shortest decimals, and copies strings by runs, which is what a stream of text mostly is. */
#include <math.h>
#include <string.h>

#include "wire/wire.h"

enum { WRITE_DEPTH_MAX = 4 * TN_WIRE_DEPTH_MAX }; /* far above what a reader takes: it stands against a cycle */

/* jansson's parser says "invalid token" in many places where memory is out, so that is noted where it happens. */
static _Thread_local bool memory_was_out;

static void *take_memory(size_t size) {
	void *memory = tn_alloc(size);
	memory_was_out = memory_was_out || memory == NULL;
	return memory;
}

/* jansson's heap is ours, before its first call. */
__attribute__((constructor)) static void use_our_heap(void) {
	json_set_alloc_funcs(take_memory, tn_free);
}

/* ---- making ---- */

static bool is_plain(const char *bytes, size_t length) {
	return memchr(bytes, '\0', length) == NULL && tn_utf8_valid(bytes, length, NULL);
}

json_t *tn_json_text(const char *bytes, size_t length) {
	if (length == 0 || is_plain(bytes, length)) {
		return json_stringn_nocheck(length == 0 ? "" : bytes, length);
	}
	struct tn_str clean = {0};
	const char *end = bytes + length;
	while (bytes < end) {
		uint32_t code_point;
		size_t n = tn_utf8_decode(bytes, end, &code_point);
		bool good = n > 0 && code_point != 0;
		if (!(good ? tn_str_append_n(&clean, bytes, n) : tn_str_append(&clean, "\xef\xbf\xbd"))) {
			tn_str_finish(&clean);
			return NULL;
		}
		bytes += n > 0 ? n : 1;
	}
	json_t *text = json_stringn_nocheck(tn_str_c(&clean), clean.length);
	tn_str_finish(&clean);
	return text;
}

json_t *tn_json_real(double x) {
	if (isnan(x)) {
		return json_string("nan");
	}
	return isinf(x) ? json_string(x < 0 ? "-inf" : "inf") : json_real(x);
}

bool tn_json_set_take(json_t *object, const char *key, json_t *value) {
	return value != NULL && json_object_set_new(object, key, value) == 0;
}

/* ---- reading ---- */

/* jansson's own bound on depth is far higher, and its parser recurses: brackets outside strings are counted first. */
static bool is_too_deep(const char *bytes, size_t length) {
	size_t depth = 0;
	for (size_t i = 0; i < length; i++) {
		switch (bytes[i]) {
		case '"':
			for (i++; i < length && bytes[i] != '"'; i++) {
				i += bytes[i] == '\\';
			}
			break;
		case '[':
		case '{':
			if (++depth > TN_WIRE_DEPTH_MAX) {
				return true;
			}
			break;
		case ']':
		case '}':
			depth -= depth > 0;
			break;
		default:
			break;
		}
	}
	return false;
}

/* jansson tells of a NUL by the name of a flag that its caller might set. */
static const char *words_of(const json_error_t *found) {
	enum json_error_code code = json_error_code(found);
	return code == json_error_null_character || code == json_error_null_byte_in_key ? "a text holds the character NUL" : found->text;
}

json_t *tn_json_parse(const char *bytes, size_t length, struct tn_error *err) {
	if (is_too_deep(bytes, length)) {
		tn_error_set(err, TN_ERR_VALUE, "JSON: more than %d levels", TN_WIRE_DEPTH_MAX);
		return NULL;
	}
	json_error_t found;
	memory_was_out = false;
	json_t *value = json_loadb(bytes, length, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &found);
	if (memory_was_out) { /* jansson cuts a token short then and says nothing: no value is better than a wrong one */
		json_decref(value);
		value = NULL;
		tn_error_memory(err);
	} else if (value == NULL) {
		tn_error_set(err, TN_ERR_VALUE, "JSON: %s (line %d, column %d)", words_of(&found), found.line, found.column);
	}
	return value;
}

const char *tn_json_get_text(const json_t *object, const char *key, const char *fallback) {
	const char *text = json_string_value(json_object_get(object, key));
	return text != NULL ? text : fallback;
}

int64_t tn_json_get_int(const json_t *object, const char *key, int64_t fallback) {
	const json_t *value = json_object_get(object, key);
	return json_is_integer(value) ? (int64_t)json_integer_value(value) : fallback;
}

bool tn_json_get_bool(const json_t *object, const char *key, bool fallback) {
	const json_t *value = json_object_get(object, key);
	return json_is_boolean(value) ? json_is_true(value) : fallback;
}

/* ---- writing ---- */

static bool write_value(const json_t *value, int depth, struct tn_str *out);

static bool write_escape(unsigned char c, struct tn_str *out) {
	static const char letters[] = {
		['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
	if (c < sizeof(letters) && letters[c] != '\0') {
		char text[2] = {'\\', letters[c]};
		return tn_str_append_n(out, text, 2);
	}
	return c == '\0' ? tn_str_append(out, "\xef\xbf\xbd") : tn_str_printf(out, "\\u%04x", (unsigned)c);
}

static bool is_plain_byte(char c) {
	return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* How much of the text stands in JSON as it is. By blocks, which compilers turn into vector instructions: a stream of text is mostly that. */
static size_t plain_length(const char *text, const char *end) {
	enum { BLOCK = 32 };
	const char *p = text;
	for (bool plain = true; plain && end - p >= BLOCK; p += plain ? BLOCK : 0) {
		unsigned char odd = 0;
		for (int i = 0; i < BLOCK; i++) {
			odd |= (unsigned char)!is_plain_byte(p[i]);
		}
		plain = odd == 0;
	}
	while (p < end && is_plain_byte(*p)) {
		p++;
	}
	return (size_t)(p - text);
}

/* One character that is not plain. Those of UTF-8 stay in the run that is copied later: then `*run` does not move. */
static bool write_odd(const char **p, const char *end, const char **run, struct tn_str *out) {
	uint32_t code_point;
	size_t n = tn_utf8_decode(*p, end, &code_point);
	if (n > 1) {
		*p += n;
		return true;
	}
	bool ok = tn_str_append_n(out, *run, (size_t)(*p - *run)) && write_escape(n == 0 ? '\0' : (unsigned char)**p, out);
	*run = ++*p;
	return ok;
}

bool tn_json_write_text(const char *bytes, size_t length, struct tn_str *out) {
	bytes = length > 0 ? bytes : ""; /* nothing may be NULL */
	const char *p = bytes, *run = bytes, *end = bytes + length;
	if (!tn_str_reserve(out, length + 2) || !tn_str_append_char(out, '"')) {
		return false;
	}
	while (p < end) {
		p += (unsigned char)*p < 0x80 ? plain_length(p, end) : 0;
		if (p < end && !write_odd(&p, end, &run, out)) {
			return false;
		}
	}
	return tn_str_append_n(out, run, (size_t)(end - run)) && tn_str_append_char(out, '"');
}

static bool write_array(const json_t *array, int depth, struct tn_str *out) {
	if (!tn_str_append_char(out, '[')) {
		return false;
	}
	for (size_t i = 0; i < json_array_size(array); i++) {
		if ((i > 0 && !tn_str_append_char(out, ',')) || !write_value(json_array_get(array, i), depth + 1, out)) {
			return false;
		}
	}
	return tn_str_append_char(out, ']');
}

static bool write_object(const json_t *object, int depth, struct tn_str *out) {
	json_t *whole = (json_t *)(uintptr_t)object; /* the iterator wants a writable one, and writes nothing */
	if (!tn_str_append_char(out, '{')) {
		return false;
	}
	bool first = true;
	for (void *at = json_object_iter(whole); at != NULL; at = json_object_iter_next(whole, at)) {
		const char *key = json_object_iter_key(at);
		if ((!first && !tn_str_append_char(out, ',')) || !tn_json_write_text(key, strlen(key), out) || !tn_str_append_char(out, ':') ||
			!write_value(json_object_iter_value(at), depth + 1, out)) {
			return false;
		}
		first = false;
	}
	return tn_str_append_char(out, '}');
}

/* Each message has a few: printf would take longer than the rest of it. */
static bool write_integer(json_int_t x, struct tn_str *out) {
	char digits[24];
	size_t at = sizeof(digits);
	unsigned long long rest = x < 0 ? 0 - (unsigned long long)x : (unsigned long long)x;
	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (x < 0) {
		digits[--at] = '-';
	}
	return tn_str_append_n(out, digits + at, sizeof(digits) - at);
}

static bool write_value(const json_t *value, int depth, struct tn_str *out) {
	if (depth > WRITE_DEPTH_MAX) {
		return false;
	}
	char number[32];
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return write_object(value, depth, out);
	case JSON_ARRAY:
		return write_array(value, depth, out);
	case JSON_STRING:
		return tn_json_write_text(json_string_value(value), json_string_length(value), out);
	case JSON_INTEGER:
		return write_integer(json_integer_value(value), out);
	case JSON_REAL:
		return tn_str_append_n(out, number, tn_format_f64(json_real_value(value), number));
	case JSON_TRUE:
		return tn_str_append(out, "true");
	case JSON_FALSE:
		return tn_str_append(out, "false");
	case JSON_NULL:
		return tn_str_append(out, "null");
	default:
		return false;
	}
}

bool tn_json_write(const json_t *value, struct tn_str *out, struct tn_error *err) {
	size_t before = out->length;
	if (write_value(value, 1, out)) {
		return true;
	}
	if (out->data != NULL) {
		out->length = before;
		out->data[before] = '\0';
	}
	return tn_error_memory(err);
}
