/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions are calls of a type's name: int(x), float(x), bool(x), string(x), f32(t), tensor(xs) … */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "lang/builtin.h"

static bool refuse(struct tn_value v, const char *name, struct tn_error *err) {
	struct tn_str text = {0};
	if (tn_value_format(v, true, &text, err)) {
		tn_error_set(err, TN_ERR_TYPE, "%s: cannot convert %.60s", name, tn_str_c(&text));
	}
	tn_str_finish(&text);
	return false;
}

/* A tensor of one element is asked for; `name` is the conversion. */
static bool check_single(struct tn_tensor *t, const char *name, const char *dtype, struct tn_error *err) {
	if (tn_shape_count(tn_tensor_shape(t)) == 1) {
		return true;
	}
	char text[176];
	tn_describe(tn_tensor_dtype(t), tn_tensor_shape(t), text);
	tn_error_set(err, TN_ERR_SHAPE, "%s: expected a number or a tensor of one element, found %s", name, text);
	tn_error_hint(err, "%s(t) converts all elements", dtype);
	return false;
}

static bool int_from_double(double x, struct tn_value *out, struct tn_error *err) {
	if (!(x > -0x1p63 - 1 && x < 0x1p63)) {
		return tn_error_set(err, TN_ERR_OVERFLOW, "int: %g does not fit an int", x);
	}
	*out = tn_int((int64_t)x);
	return true;
}

static bool int_from_string(const struct tn_string *s, struct tn_value *out, struct tn_error *err) {
	const char *text = s->text;
	while (*text == ' ' || *text == '\t' || *text == '\n') {
		text++;
	}
	char *end = NULL;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	while (*end == ' ' || *end == '\t' || *end == '\n') {
		end++;
	}
	if (end == text || end != s->text + s->length) {
		return tn_error_set(err, TN_ERR_VALUE, "int: '%.60s' is not an integer", s->text);
	}
	if (errno == ERANGE) {
		return tn_error_set(err, TN_ERR_OVERFLOW, "int: '%.60s' does not fit an int", s->text);
	}
	*out = tn_int(value);
	return true;
}

static bool run_int(struct tn_native_call *call, struct tn_error *err) {
	struct tn_value v = call->args[0];
	int64_t i;
	double f;
	switch (v.tag) {
	case TN_INT:
	case TN_BOOL:
		*call->result = tn_int(v.i);
		return true;
	case TN_FLOAT:
		return int_from_double(v.f, call->result, err);
	case TN_STRING:
		return int_from_string(v.string, call->result, err);
	case TN_TENSOR:
		if (!check_single(v.tensor, "int", "i64", err)) {
			return false;
		}
		if (tn_dtype_is_float(tn_tensor_dtype(v.tensor))) {
			return tn_tensor_item_f64(v.tensor, &f, err) && int_from_double(f, call->result, err);
		}
		if (!tn_tensor_item_i64(v.tensor, &i, err)) {
			return false;
		}
		*call->result = tn_int(i);
		return true;
	default:
		return refuse(v, "int", err);
	}
}

static bool run_float(struct tn_native_call *call, struct tn_error *err) {
	struct tn_value v = call->args[0];
	double f;
	switch (v.tag) {
	case TN_INT:
	case TN_BOOL:
		*call->result = tn_float((double)v.i);
		return true;
	case TN_FLOAT:
		*call->result = v;
		return true;
	case TN_STRING: {
		const char *begin = v.string->text, *end = begin + v.string->length;
		while (begin < end && (*begin == ' ' || *begin == '\t' || *begin == '\n')) {
			begin++;
		}
		while (end > begin && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\n')) {
			end--;
		}
		if (!tn_parse_f64(begin, (size_t)(end - begin), &f)) {
			return tn_error_set(err, TN_ERR_VALUE, "float: '%.60s' is not a number", v.string->text);
		}
		*call->result = tn_float(f);
		return true;
	}
	case TN_TENSOR:
		if (!check_single(v.tensor, "float", "f32", err) || !tn_tensor_item_f64(v.tensor, &f, err)) {
			return false;
		}
		*call->result = tn_float(f);
		return true;
	default:
		return refuse(v, "float", err);
	}
}

static bool run_bool(struct tn_native_call *call, struct tn_error *err) {
	struct tn_value v = call->args[0];
	double f;
	switch (v.tag) {
	case TN_INT:
	case TN_BOOL:
		*call->result = tn_bool(v.i != 0);
		return true;
	case TN_FLOAT:
		*call->result = tn_bool(v.f != 0);
		return true;
	case TN_TENSOR:
		if (tn_shape_count(tn_tensor_shape(v.tensor)) != 1) {
			check_single(v.tensor, "bool", "bool8", err);
			return false;
		}
		if (!tn_tensor_item_f64(v.tensor, &f, err)) {
			return false;
		}
		*call->result = tn_bool(f != 0);
		return true;
	default:
		return refuse(v, "bool", err);
	}
}

static bool run_string(struct tn_native_call *call, struct tn_error *err) {
	struct tn_str text = {0};
	bool ok = tn_value_format(call->args[0], false, &text, err) && tn_string_create(tn_str_c(&text), text.length, call->result, err);
	tn_str_finish(&text);
	return ok;
}

/* ---- to tensors ---- */

/* A list or tuple of numbers as a vector. */
static struct tn_tensor *from_numbers(struct tn_engine *e, const struct tn_value *items, size_t count, enum tn_dtype dtype, struct tn_error *err) {
	struct tn_host *host = tn_host_create(e, dtype, &TN_SHAPE((int64_t)count), err);
	if (host == NULL) {
		return NULL;
	}
	char *data = tn_host_data(host);
	size_t size = tn_dtype_size(dtype);
	for (size_t i = 0; i < count; i++) {
		if (items[i].tag == TN_FLOAT || tn_dtype_is_float(dtype)) {
			tn_element_set_f64(dtype, data + i * size, tn_value_number(items[i]));
		} else {
			tn_element_set_i64(dtype, data + i * size, items[i].i);
		}
	}
	return tn_tensor_take_host(e, host, err);
}

static struct tn_tensor *from_value(struct tn_engine *e, struct tn_value v, const enum tn_dtype *wanted, int depth, struct tn_error *err);

/* A list of numbers, of tensors, or of lists: one axis a level. */
static struct tn_tensor *from_items(struct tn_engine *e, const struct tn_value *items, size_t count, const enum tn_dtype *wanted, int depth, struct tn_error *err) {
	bool numbers = true, any_float = false;
	if (depth >= TN_MAX_NDIM) { /* one axis a level, empty ones too */
		tn_error_set(err, TN_ERR_SHAPE, "the list is nested more than %d deep: a tensor has at most %d axes", TN_MAX_NDIM, TN_MAX_NDIM);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		numbers = numbers && (items[i].tag == TN_INT || items[i].tag == TN_FLOAT || items[i].tag == TN_BOOL);
		any_float = any_float || items[i].tag == TN_FLOAT;
	}
	if (numbers) {
		enum tn_dtype natural = any_float || count == 0 ? TN_DTYPE_F32 : items[0].tag == TN_BOOL ? TN_DTYPE_BOOL8 : TN_DTYPE_I64;
		return from_numbers(e, items, count, wanted != NULL ? *wanted : natural, err);
	}
	if (count > INT32_MAX) {
		tn_error_memory(err);
		return NULL;
	}
	struct tn_tensor **parts = tn_calloc(count, sizeof(*parts)), *result = NULL;
	if (parts == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	size_t made = 0;
	while (made < count && (parts[made] = from_value(e, items[made], wanted, depth + 1, err)) != NULL) {
		made++;
	}
	if (made == count) {
		result = tn_stack(e, parts, (int)count, 0, err);
	}
	for (size_t i = 0; i < made; i++) {
		tn_tensor_unref(parts[i]);
	}
	tn_free(parts);
	return result;
}

static struct tn_tensor *from_value(struct tn_engine *e, struct tn_value v, const enum tn_dtype *wanted, int depth, struct tn_error *err) {
	switch (v.tag) {
	case TN_TENSOR:
		return wanted == NULL ? tn_tensor_ref(v.tensor) : tn_cast(e, v.tensor, *wanted, err);
	case TN_FLOAT:
		return tn_tensor_from_f64(e, wanted != NULL ? *wanted : TN_DTYPE_F32, v.f, err);
	case TN_INT:
		return tn_tensor_from_i64(e, wanted != NULL ? *wanted : TN_DTYPE_I64, v.i, err);
	case TN_BOOL:
		return tn_tensor_from_i64(e, wanted != NULL ? *wanted : TN_DTYPE_BOOL8, v.i, err);
	case TN_LIST:
		return from_items(e, v.list->items, v.list->count, wanted, depth, err);
	case TN_TUPLE:
		return from_items(e, v.tuple->items, v.tuple->count, wanted, depth, err);
	default:
		refuse(v, wanted != NULL ? tn_dtype_name(*wanted) : "tensor", err);
		return NULL;
	}
}

static bool run_tensor(struct tn_native_call *call, struct tn_error *err) {
	const enum tn_dtype *wanted = tn_arg_given(call, 1) ? &call->args[1].dtype : NULL;
	return tn_return_tensor(call, from_value(call->engine, call->args[0], wanted, 0, err));
}
#define DTYPE_NATIVE(id) \
	static bool run_##id(struct tn_native_call *call, struct tn_error *err) { \
		enum tn_dtype dtype = TN_DTYPE_##id; \
		return tn_return_tensor(call, from_value(call->engine, call->args[0], &dtype, 0, err)); \
	}
DTYPE_NATIVE(F64)
DTYPE_NATIVE(F32)
DTYPE_NATIVE(BF16)
DTYPE_NATIVE(F16)
DTYPE_NATIVE(I64)
DTYPE_NATIVE(I32)
DTYPE_NATIVE(U8)
DTYPE_NATIVE(BOOL8)

static bool run_cast(struct tn_native_call *call, struct tn_error *err) {
	return tn_return_tensor(call, tn_cast(call->engine, call->args[0].tensor, call->args[1].dtype, err));
}

#define DTYPE_ROW(name, id, shows) \
	{ "tensor " name "(auto x)", "x as a tensor of dtype " name ": a tensor converted, a number (0-d), or a list of them.", name "([1, 0])    // expect: " shows, run_##id, NULL, 0 }

static const struct tn_native rows[] = {
	{ "int int(auto x)", "A number as an int (floats lose their fraction), a string read as one, or the value of a tensor of one element.\n\nx: a number, a string, or a tensor of one element, which it waits for.\n\nErrors: ValueError for other text, OverflowError.",
	  "int(2.9) + int(\"40\")    // expect: 42", run_int, NULL, 0 },
	{ "float float(auto x)", "A number as a float, a string read as one, or the value of a tensor of one element.\n\nx: a number, a string, or a tensor of one element, which it waits for. Errors: ValueError for other text.", "float(\"1e3\")    // expect: 1000.0", run_float, NULL, 0 },
	{ "bool bool(auto x)", "false for 0, true for other numbers; of a tensor its only element.\n\nx: a number, or a tensor of one element, which it waits for.", "bool(3)    // expect: true", run_bool, NULL, 0 },
	{ "string string(auto x)", "The text that print writes for x.", "string(2.5) + \"!\"    // expect: \"2.5!\"", run_string, NULL, 0 },
	{ "tensor tensor(auto x, dtype dtype = none)", "A tensor of a number (0-d), a list of numbers, lists or tensors (one more axis).\n\ndtype: i64 for ints, f32 for floats when left out. x: one of these. Errors: ShapeError when rows have different lengths.",
	  "tensor([1, 2])    // expect: tensor([1, 2]) i64[2]", run_tensor, NULL, 0 },
	DTYPE_ROW("f64", F64, "tensor([1., 0.]) f64[2]"),
	DTYPE_ROW("f32", F32, "tensor([1., 0.]) f32[2]"),
	DTYPE_ROW("bf16", BF16, "tensor([1., 0.]) bf16[2]"),
	DTYPE_ROW("f16", F16, "tensor([1., 0.]) f16[2]"),
	DTYPE_ROW("i64", I64, "tensor([1, 0]) i64[2]"),
	DTYPE_ROW("i32", I32, "tensor([1, 0]) i32[2]"),
	DTYPE_ROW("u8", U8, "tensor([1, 0]) u8[2]"),
	DTYPE_ROW("bool8", BOOL8, "tensor([ true, false]) bool8[2]"),
	{ "tensor cast(tensor x, dtype dtype)", "x converted to another dtype.", "cast(tensor([1.7]), i64)    // expect: tensor([1]) i64[1]", run_cast, NULL, 0 },
};
TN_NATIVE_TABLE(convert, rows);
