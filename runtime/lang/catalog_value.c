/* SPDX-License-Identifier: Apache-2.0 */
/* A value in one line, with shape, dtype and bytes: for the variable list, for %whos and for inspection. Nothing here computes: a
 * tensor that is still pending is told by its shape; and no more slots are looked at than the budget holds, as this runs after
 * each cell. */
#include <inttypes.h>
#include <string.h>

#include "lang/catalog_part.h"

enum { TEXT_WIDTH = 60, SMALL_TENSOR = 8 };

bool tn_catalog_append_bytes(struct tn_str *out, uint64_t bytes) {
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	size_t unit = 0;
	while (value >= 1024.0 && unit + 1 < TN_ARRAY_LEN(units)) {
		value /= 1024.0;
		unit++;
	}
	return tn_str_printf(out, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

/* Cuts at the first line's end and at TEXT_WIDTH bytes (never inside a code point). */
static void cut(struct tn_str *text) {
	size_t end = strcspn(tn_str_c(text), "\n");
	if (end > TEXT_WIDTH) {
		end = TEXT_WIDTH;
		while (end > 0 && ((unsigned char)text->data[end] & 0xc0) == 0x80) {
			end--;
		}
	}
	if (end < text->length) {
		text->length = end;
		text->data[end] = '\0';
	}
}

/* ---- tensors inside a value ---- */

static uint64_t tensor_bytes(const struct tn_tensor *t) {
	return (uint64_t)tn_shape_count(tn_tensor_shape(t)) * tn_dtype_size(tn_tensor_dtype(t));
}

static void count_slot(struct tn_value value, uint32_t *budget, int depth, struct catalog_value *out);

static void count_slots(const struct tn_value *items, size_t count, uint32_t *budget, int depth, struct catalog_value *out) {
	for (size_t i = 0; i<count && * budget> 0; i++) {
		count_slot(items[i], budget, depth + 1, out);
	}
}

static void count_slot(struct tn_value value, uint32_t *budget, int depth, struct catalog_value *out) {
	enum { DEPTH = 100 };
	if (*budget == 0 || depth > DEPTH) {
		return;
	}
	--*budget;
	switch (value.tag) {
	case TN_TENSOR:
		out->tensors++;
		out->bytes += tensor_bytes(value.tensor);
		break;
	case TN_STRING:
		out->bytes += value.string->length;
		break;
	case TN_LIST:
		if (tn_type_is_number(value.list->item)) {
			out->bytes += value.list->count * 8;
		} else {
			count_slots(value.list->items, value.list->count, budget, depth, out);
		}
		break;
	case TN_TUPLE:
		count_slots(value.tuple->items, value.tuple->count, budget, depth, out);
		break;
	case TN_MAP:
		count_slots(value.map->items, value.map->count, budget, depth, out);
		break;
	case TN_STRUCT:
		count_slots(value.instance->fields, value.instance->def->field_count, budget, depth, out);
		break;
	case TN_INT:
	case TN_FLOAT:
		out->bytes += 8;
		break;
	default:
		break;
	}
}

/* ---- the line ---- */

static bool append_tensor(struct tn_tensor *t, struct catalog_value *out) {
	const struct tn_shape *shape = tn_tensor_shape(t);
	char text[176];
	bool small = shape->ndim <= 1 && tn_shape_count(shape) <= SMALL_TENSOR;
	if (small && !tn_tensor_is_pending(t) && strcmp(tn_tensor_device(t), "cpu") == 0) {
		struct tn_error err = {0};
		if (tn_tensor_format(t, &out->text, &err)) {
			return true;
		}
		tn_str_clear(&out->text); /* one whose work failed: its shape is known all the same */
	}
	tn_describe(tn_tensor_dtype(t), shape, text);
	return tn_str_append(&out->text, text) && tn_str_append(&out->text, ", ") && tn_catalog_append_bytes(&out->text, out->bytes);
}

/* As the language writes it, without reading more of it than is shown. */
static bool append_string(const struct tn_string *string, struct tn_str *out) {
	struct tn_value start;
	struct tn_error err = {0};
	size_t length = string->length;
	if (length > TEXT_WIDTH) {
		length = TEXT_WIDTH;
		while (length > 0 && ((unsigned char)string->text[length] & 0xc0) == 0x80) {
			length--;
		}
	}
	bool ok = tn_string_create(string->text, length, &start, &err);
	if (ok) {
		ok = tn_value_format(start, true, out, &err);
		tn_value_unref(start);
	}
	return ok;
}

static bool append_container(struct tn_value value, struct catalog_value *out) {
	bool counted = value.tag == TN_LIST || value.tag == TN_MAP;
	size_t items = value.tag == TN_LIST ? value.list->count : value.tag == TN_MAP ? value.map->count : 0;
	if (counted && !tn_str_printf(&out->text, "%zu item%s", items, items == 1 ? "" : "s")) {
		return false;
	}
	if (out->tensors == 0) {
		return true;
	}
	return tn_str_printf(&out->text, "%s%" PRId64 " tensor%s, ", counted ? ", " : "", out->tensors, out->tensors == 1 ? "" : "s") &&
		tn_catalog_append_bytes(&out->text, out->bytes);
}

bool catalog_describe(struct tn_value value, uint32_t *budget, struct catalog_value *out) {
	struct tn_error err = {0};
	*out = (struct catalog_value){.dtype = ""};
	count_slot(value, budget, 0, out);
	bool ok;
	switch (value.tag) {
	case TN_TENSOR:
		tn_shape_format(tn_tensor_shape(value.tensor), out->shape);
		out->dtype = tn_dtype_name(tn_tensor_dtype(value.tensor));
		ok = append_tensor(value.tensor, out);
		break;
	case TN_STRING:
		ok = append_string(value.string, &out->text);
		break;
	case TN_LIST:
	case TN_TUPLE:
	case TN_MAP:
	case TN_STRUCT:
		ok = append_container(value, out);
		break;
	case TN_VOID:
	case TN_SEQ:
	case TN_REF:
		ok = true;
		break;
	default: /* numbers, functions, handles: short, and nothing that waits */
		ok = tn_value_format(value, true, &out->text, &err) || err.kind != TN_ERR_MEMORY;
		break;
	}
	if (!ok) {
		tn_str_finish(&out->text);
		return false;
	}
	cut(&out->text);
	return true;
}
