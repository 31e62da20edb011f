/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of natives: what the checker could not know is checked here, with the names of native and parameter. */
#include <stdio.h>
#include <string.h>

#include "lang/state.h"

/* "sum" and "axis" out of "tensor sum(tensor x, axes axis = none)". */
static void names(const struct tn_native_call *call, uint32_t index, char function[64], char param[64]) {
	const char *signature = call->native->signature, *open = strchr(signature, '('), *p;
	while (open != NULL && (open == signature || open[-1] == ' ')) {
		open = strchr(open + 1, '(');
	}
	function[0] = param[0] = '\0';
	if (open == NULL) {
		return;
	}
	for (p = open; p > signature && p[-1] != ' '; p--) {
	}
	snprintf(function, 64, "%.*s", (int)(open - p), p);
	int depth = 0;
	const char *word = open + 1;
	for (p = open + 1; *p != '\0'; p++) {
		depth += (*p == '(' || *p == '[') - (*p == ')' || *p == ']');
		bool ends = depth < 0 || (depth == 0 && (*p == ',' || *p == '='));
		if (ends && index == 0) {
			const char *end = p;
			while (end > word && end[-1] == ' ') {
				end--;
			}
			for (word = end; word > open + 1 && word[-1] != ' ' && word[-1] != '&'; word--) {
			}
			snprintf(param, 64, "%.*s", (int)(end - word), word);
			return;
		}
		if (depth < 0) {
			return;
		}
		index -= depth == 0 && *p == ',';
	}
}

static bool refuse(const struct tn_native_call *call, uint32_t index, enum tn_error_kind kind, const char *what, struct tn_error *err) {
	char function[64], param[64];
	names(call, index, function, param);
	return tn_error_set(err, kind, "%s: %s: %s", function, param, what);
}

bool tn_arg_get_ints(const struct tn_native_call *call, uint32_t index, int64_t *out, int max, int *count, struct tn_error *err) {
	struct tn_value v = call->args[index];
	char text[64];
	*count = 0;
	switch (v.tag) {
	case TN_VOID:
		return true;
	case TN_INT:
		out[0] = v.i;
		*count = 1;
		return true;
	case TN_LIST:
		break;
	default:
		return refuse(call, index, TN_ERR_TYPE, "expected an int or a list of int", err);
	}
	if (v.list->count > (size_t)max) {
		snprintf(text, sizeof(text), "expected at most %d numbers, found %zu", max, v.list->count);
		return refuse(call, index, TN_ERR_VALUE, text, err);
	}
	for (size_t i = 0; i < v.list->count; i++) {
		if (v.list->items[i].tag != TN_INT) {
			return refuse(call, index, TN_ERR_TYPE, "expected a list of int", err);
		}
		out[i] = v.list->items[i].i;
	}
	*count = (int)v.list->count;
	return true;
}

bool tn_arg_get_axes(const struct tn_native_call *call, uint32_t index, int64_t axes[TN_MAX_NDIM], int *count, struct tn_error *err) {
	return tn_arg_get_ints(call, index, axes, TN_MAX_NDIM, count, err);
}

bool tn_arg_get_shape(const struct tn_native_call *call, uint32_t index, struct tn_shape *out, struct tn_error *err) {
	int n;
	*out = (struct tn_shape){0};
	if (!tn_arg_get_ints(call, index, out->dims, TN_MAX_NDIM, &n, err)) {
		return false;
	}
	out->ndim = n;
	for (int i = 0; i < n; i++) {
		if (out->dims[i] < 0) {
			return refuse(call, index, TN_ERR_SHAPE, "a size must not be negative", err);
		}
	}
	char function[64], param[64];
	names(call, index, function, param);
	return tn_shape_check(out, function, err);
}

struct tn_arg tn_arg_operand(const struct tn_native_call *call, uint32_t index) {
	struct tn_value v = call->args[index];
	bool literal = index < 32 && (call->literal_mask >> index & 1) != 0;
	if (v.tag == TN_TENSOR) {
		return tn_arg_tensor(v.tensor);
	}
	struct tn_arg arg = v.tag == TN_FLOAT ? tn_arg_f64(v.f, literal) : tn_arg_i64(v.i, literal);
	arg.is_bool = v.tag == TN_BOOL;
	return arg;
}

double tn_arg_number(const struct tn_native_call *call, uint32_t index) {
	return tn_value_number(call->args[index]);
}
