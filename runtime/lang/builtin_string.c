/* SPDX-License-Identifier: Apache-2.0 */
/* Strings: UTF-8, counted in code points; every function gives a new string. Upper and lower case know ASCII and leave the rest. */
#include <string.h>

#include "lang/builtin.h"

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool give(struct tn_native_call *call, struct tn_str *text, bool ok, struct tn_error *err) {
	ok = ok ? tn_string_create(tn_str_c(text), text->length, call->result, err) : tn_error_memory(err);
	tn_str_finish(text);
	return ok;
}
static bool give_part(struct tn_native_call *call, const char *text, size_t length, struct tn_error *err) {
	return tn_string_create(text, length, call->result, err);
}

/* First place of `part` at or behind `from`, or NULL; parts may hold any bytes. */
static const char *find_bytes(const char *from, const char *end, const struct tn_string *part) {
	return part->length > (size_t)(end - from) ? NULL : memmem(from, (size_t)(end - from), part->text, part->length);
}

static bool run_find(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	const struct tn_string *s = call->args[0].string;
	const char *at = find_bytes(s->text, s->text + s->length, call->args[1].string);
	*call->result = tn_int(at == NULL ? -1 : (int64_t)tn_utf8_length(s->text, (size_t)(at - s->text)));
	return true;
}
static bool run_contains(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	const struct tn_string *s = call->args[0].string;
	*call->result = tn_bool(find_bytes(s->text, s->text + s->length, call->args[1].string) != NULL);
	return true;
}
static bool run_starts_with(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	const struct tn_string *s = call->args[0].string, *part = call->args[1].string;
	*call->result = tn_bool(s->length >= part->length && memcmp(s->text, part->text, part->length) == 0);
	return true;
}
static bool run_ends_with(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	const struct tn_string *s = call->args[0].string, *part = call->args[1].string;
	*call->result = tn_bool(s->length >= part->length && memcmp(s->text + s->length - part->length, part->text, part->length) == 0);
	return true;
}

static bool change_case(struct tn_native_call *call, char from, char to, char offset, struct tn_error *err) {
	const struct tn_string *s = call->args[0].string;
	struct tn_str text = {0};
	bool ok = tn_str_append_n(&text, s->text, s->length);
	for (size_t i = 0; ok && i < text.length; i++) {
		if (text.data[i] >= from && text.data[i] <= to) {
			text.data[i] = (char)(text.data[i] + offset);
		}
	}
	return give(call, &text, ok, err);
}
static bool run_upper(struct tn_native_call *call, struct tn_error *err) { return change_case(call, 'a', 'z', 'A' - 'a', err); }
static bool run_lower(struct tn_native_call *call, struct tn_error *err) { return change_case(call, 'A', 'Z', 'a' - 'A', err); }

static bool run_strip(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_string *s = call->args[0].string;
	const char *begin = s->text, *end = s->text + s->length;
	while (begin < end && is_space(*begin)) {
		begin++;
	}
	while (end > begin && is_space(end[-1])) {
		end--;
	}
	return give_part(call, begin, (size_t)(end - begin), err);
}

static bool run_repeat(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_string *s = call->args[0].string;
	int64_t count = call->args[1].i;
	struct tn_str text = {0};
	size_t size;
	if (count < 0) {
		return tn_error_set(err, TN_ERR_VALUE, "repeat: count must not be negative, it is %lld", (long long)count);
	}
	bool ok = tn_mul_size(s->length, (size_t)count, &size) && size < UINT32_MAX && tn_str_reserve(&text, size);
	ok = ok && (size == 0 || tn_str_append_n(&text, s->text, s->length));
	while (ok && text.length < size) { /* by doubling: the room is there, so the text does not move while it is copied */
		size_t left = size - text.length;
		ok = tn_str_append_n(&text, text.data, left < text.length ? left : text.length);
	}
	return give(call, &text, ok, err);
}

static bool run_replace(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_string *s = call->args[0].string, *from = call->args[1].string, *to = call->args[2].string;
	const char *p = s->text, *end = s->text + s->length, *at;
	struct tn_str text = {0};
	bool ok = true;
	if (from->length == 0) {
		return tn_error_set(err, TN_ERR_VALUE, "replace: the text to replace is empty");
	}
	while (ok && (at = find_bytes(p, end, from)) != NULL) {
		ok = tn_str_append_n(&text, p, (size_t)(at - p)) && tn_str_append_n(&text, to->text, to->length);
		p = at + from->length;
	}
	ok = ok && tn_str_append_n(&text, p, (size_t)(end - p));
	return give(call, &text, ok, err);
}

static bool add_part(struct tn_list *list, const char *begin, const char *end, struct tn_error *err) {
	struct tn_value part;
	return tn_string_create(begin, (size_t)(end - begin), &part, err) && tn_list_append_take(list, part, err);
}
static bool split_space(const struct tn_string *s, struct tn_list *list, struct tn_error *err) {
	const char *p = s->text, *end = s->text + s->length;
	while (p < end) {
		const char *begin = p;
		while (p < end && !is_space(*p)) {
			p++;
		}
		if (p > begin && !add_part(list, begin, p, err)) {
			return false;
		}
		while (p < end && is_space(*p)) {
			p++;
		}
	}
	return true;
}
static bool run_split(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_string *s = call->args[0].string;
	struct tn_value list;
	if (!tn_list_create(tn_type_basic(tn_lang_types(call->lang), TN_TYPE_STRING), 0, &list, err)) {
		return false;
	}
	bool ok = true;
	if (!tn_arg_given(call, 1)) {
		ok = split_space(s, list.list, err);
	} else if (call->args[1].string->length == 0) {
		ok = tn_error_set(err, TN_ERR_VALUE, "split: the separator is empty");
	} else {
		const char *p = s->text, *end = s->text + s->length, *at;
		while (ok && (at = find_bytes(p, end, call->args[1].string)) != NULL) {
			ok = add_part(list.list, p, at, err);
			p = at + call->args[1].string->length;
		}
		ok = ok && add_part(list.list, p, end, err);
	}
	if (!ok) {
		tn_value_unref(list);
		return false;
	}
	*call->result = list;
	return true;
}

/* join(parts, separator) */
static bool run_join(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_list *parts = call->args[0].list;
	const struct tn_string *separator = call->args[1].string;
	struct tn_str text = {0};
	bool ok = true;
	for (size_t i = 0; ok && i < parts->count; i++) {
		const struct tn_string *part = parts->items[i].string;
		ok = (i == 0 || tn_str_append_n(&text, separator->text, separator->length)) && tn_str_append_n(&text, part->text, part->length);
	}
	return give(call, &text, ok, err);
}

static bool run_ord(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_string *s = call->args[0].string;
	uint32_t code = 0;
	size_t n = tn_utf8_decode(s->text, s->text + s->length, &code);
	if (n == 0 || n != s->length) {
		return tn_error_set(err, TN_ERR_VALUE, "ord: expected one code point, found %zu", tn_utf8_length(s->text, s->length));
	}
	*call->result = tn_int(code);
	return true;
}
static bool run_chr(struct tn_native_call *call, struct tn_error *err) {
	char bytes[4];
	int64_t code = call->args[0].i;
	size_t n = code < 0 || code > UINT32_MAX ? 0 : tn_utf8_encode((uint32_t)code, bytes);
	if (n == 0) {
		return tn_error_set(err, TN_ERR_VALUE, "chr: %lld is no code point", (long long)code);
	}
	return give_part(call, bytes, n, err);
}

/* codes("ab"): i64 tensor of code points, and back */
static bool run_codes(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_string *s = call->args[0].string;
	int64_t count = (int64_t)tn_utf8_length(s->text, s->length);
	struct tn_host *host = tn_host_create(call->engine, TN_DTYPE_I64, &TN_SHAPE(count), err);
	if (host == NULL) {
		return false;
	}
	int64_t *out = tn_host_data(host);
	const char *p = s->text, *end = p + s->length;
	for (int64_t i = 0; i < count; i++) {
		uint32_t code = 0;
		p += tn_utf8_decode(p, end, &code);
		out[i] = code;
	}
	return tn_return_tensor(call, tn_tensor_take_host(call->engine, host, err));
}
static bool run_from_codes(struct tn_native_call *call, struct tn_error *err) {
	struct tn_tensor *t = call->args[0].tensor, *wide = NULL;
	int64_t count = tn_shape_count(tn_tensor_shape(t));
	struct tn_str text = {0};
	if (tn_dtype_is_float(tn_tensor_dtype(t))) {
		return tn_error_set(err, TN_ERR_TYPE, "from_codes: expected integers, found %s", tn_dtype_name(tn_tensor_dtype(t)));
	}
	int64_t *codes = tn_calloc((size_t)count, sizeof(*codes));
	bool ok = codes != NULL || tn_error_memory(err);
	ok = ok && (wide = tn_cast(call->engine, t, TN_DTYPE_I64, err)) != NULL && tn_tensor_read(wide, codes, (size_t)count * sizeof(*codes), err);
	for (int64_t i = 0; ok && i < count; i++) {
		char bytes[4];
		size_t n = codes[i] < 0 || codes[i] > UINT32_MAX ? 0 : tn_utf8_encode((uint32_t)codes[i], bytes);
		if (n == 0) {
			ok = tn_error_set(err, TN_ERR_VALUE, "from_codes: %lld is no code point", (long long)codes[i]);
		} else {
			ok = tn_str_append_n(&text, bytes, n) || tn_error_memory(err);
		}
	}
	ok = ok && give_part(call, tn_str_c(&text), text.length, err);
	tn_tensor_unref(wide);
	tn_free(codes);
	tn_str_finish(&text);
	return ok;
}

static const struct tn_native rows[] = {
	{ "int find(string s, string part)", "Place of the first `part` in s, in code points, or -1.", "find(\"hello\", \"l\")    // expect: 2", run_find, NULL, 0 },
	{ "bool contains(string s, string part)", "Whether `part` occurs in s.", "contains(\"hello\", \"ell\")    // expect: true", run_contains, NULL, 0 },
	{ "bool starts_with(string s, string part)", "Whether s begins with `part`.", "starts_with(\"hello\", \"he\")    // expect: true", run_starts_with, NULL, 0 },
	{ "bool ends_with(string s, string part)", "Whether s ends with `part`.", "ends_with(\"hello\", \"lo\")    // expect: true", run_ends_with, NULL, 0 },
	{ "string upper(string s)", "s with a to z as capitals.", "upper(\"abc\")    // expect: \"ABC\"", run_upper, NULL, 0 },
	{ "string lower(string s)", "s with A to Z as small letters.", "lower(\"ABC\")    // expect: \"abc\"", run_lower, NULL, 0 },
	{ "string strip(string s)", "s without white space at both ends.", "strip(\"  a \")    // expect: \"a\"", run_strip, NULL, 0 },
	{ "string repeat(string s, int count)", "s, count times.", "repeat(\"ab\", 2)    // expect: \"abab\"", run_repeat, NULL, 0 },
	{ "string replace(string s, string old, string new)", "s with every `old` replaced by `new`.", "replace(\"a-b\", \"-\", \"+\")    // expect: \"a+b\"", run_replace, NULL, 0 },
	{ "string[] split(string s, string separator = none)", "The parts between separators, or between white space when it is left out.\n\ns: any. separator: not the empty string.", "split(\"a b\")    // expect: [\"a\", \"b\"]",
	  run_split, NULL, 0 },
	{ "string join(string[] parts, string separator = \"\")", "All parts as one string, the separator between them.", "join(split(\"a b\"), \"-\")    // expect: \"a-b\"", run_join, NULL, 0 },
	{ "int ord(string s)", "The code point of a string of one.\n\ns: one code point. Errors: ValueError for another length.", "ord(\"A\")    // expect: 65", run_ord, NULL, 0 },
	{ "string chr(int code)", "The string of one code point.", "chr(65)    // expect: \"A\"", run_chr, NULL, 0 },
	{ "tensor codes(string s)", "The code points of a string: i64 [len(s)].", "codes(\"AB\")    // expect: tensor([65, 66]) i64[2]", run_codes, NULL, 0 },
	{ "string from_codes(tensor codes)", "The string of these code points.\n\ncodes: [n] integers. Errors: ValueError for one that is no code point.", "from_codes(tensor([65, 66]))    // expect: \"AB\"", run_from_codes, NULL, 0 },
};
TN_NATIVE_TABLE(string, rows);
