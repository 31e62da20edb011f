/* SPDX-License-Identifier: Apache-2.0 */
/* Making values of parts, binding names, showing. */
#include <string.h>

#include "lang/vm.h"

bool vm_make_struct(struct tn_struct_def *def, struct tn_value *fields, struct tn_value *out, struct tn_error *err) {
	if (!tn_struct_create(def, out, err)) {
		return false;
	}
	for (uint32_t i = 0; i < def->field_count; i++) {
		out->instance->fields[i] = fields[i];
		fields[i] = tn_void();
	}
	return true;
}

static void *list_data(const struct tn_tensor_row *row, const struct tn_list *list, struct tn_error *err) {
	size_t size = tn_dtype_size(row->dtype);
	char *data = tn_calloc(list->count + 1, size);
	if (data == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < list->count; i++) {
		struct tn_value v = list->items[i];
		if (v.tag == TN_FLOAT) {
			tn_element_set_f64(row->dtype, data + i * size, v.f);
		} else if (v.tag == TN_INT || v.tag == TN_BOOL) {
			tn_element_set_i64(row->dtype, data + i * size, v.i);
		} else {
			tn_error_set(err, TN_ERR_TYPE, "a bracket literal of numbers holds something that is no number");
			tn_free(data);
			return NULL;
		}
	}
	return data;
}

bool vm_make_tensor(struct tn_vm *vm, const struct tn_tensor_row *row, struct tn_value list, struct tn_value *out, struct tn_error *err) {
	void *made = row->data == NULL ? list_data(row, list.list, err) : NULL;
	if (row->data == NULL && made == NULL) {
		return false;
	}
	struct tn_tensor *t = tn_tensor_from_data(vm->engine, row->dtype, &row->shape, row->data != NULL ? row->data : made, err);
	tn_free(made);
	if (t == NULL) {
		return false;
	}
	*out = tn_tensor_value(t);
	return true;
}

bool vm_make_lambda(const struct tn_lambda_row *row, struct tn_value *captures, struct tn_value *out, struct tn_error *err) {
	if (!tn_fn_create(row->function->name, row->function, row->count, out, err)) {
		return false;
	}
	for (uint32_t i = 0; i < row->count; i++) {
		out->fn->captures[i] = captures[i];
		captures[i] = tn_void();
	}
	return true;
}

bool vm_format(const struct tn_format_row *row, struct tn_value *values, struct tn_value *out, struct tn_error *err) {
	struct tn_str text = {0};
	bool ok = true;
	for (uint32_t i = 0; ok && i < row->count; i++) {
		const struct tn_ir_fpart *part = &row->parts[i];
		if (part->value == NULL) {
			ok = tn_str_append_n(&text, part->text, part->length) || tn_error_memory(err);
			continue;
		}
		bool plain = part->spec == NULL || part->spec[0] == '\0';
		ok = plain ? tn_value_format(*values, false, &text, err) : tn_value_format_spec(*values, part->spec, &text, err);
		values++;
	}
	ok = ok && tn_string_create(tn_str_c(&text), text.length, out, err);
	tn_str_finish(&text);
	return ok;
}

bool vm_unpack(const struct tn_unpack_row *row, struct tn_value *value, struct tn_value *registers, struct tn_error *err) {
	const struct tn_value *items = NULL;
	size_t count = 0;
	if (value->tag == TN_TUPLE) {
		items = value->tuple->items;
		count = value->tuple->count;
	} else if (value->tag == TN_LIST) {
		items = value->list->items;
		count = value->list->count;
	} else {
		return tn_error_set(err, TN_ERR_TYPE, "expected a tuple or list of %u values", row->count);
	}
	if (count != row->count) {
		return tn_error_set(err, TN_ERR_VALUE, "expected %u values, found a %s of %zu", row->count, value->tag == TN_TUPLE ? "tuple" : "list", count);
	}
	for (uint32_t i = 0; i < row->count; i++) {
		if (row->locals[i] != UINT32_MAX) {
			tn_value_store(&registers[row->locals[i]], tn_value_ref(items[i]));
		}
	}
	tn_value_store(value, tn_void());
	return true;
}

bool vm_bind(struct tn_vm *vm, struct tn_symbol *symbol, struct tn_value *value, struct tn_error *err) {
	struct tn_map *names = &symbol->module->symbols;
	struct tn_symbol *old = tn_map_get(names, symbol->name);
	if (!tn_vm_note_write(vm->lang, symbol, err)) {
		return false;
	}
	if (old != symbol) {
		if (!tn_map_set(names, symbol->name, symbol)) {
			return tn_error_memory(err);
		}
		if (old != NULL) {
			tn_value_store(&old->value, tn_void()); /* nothing names it any more */
		}
	}
	struct tn_value v = *value;
	*value = tn_void();
	tn_value_store(&symbol->value, v);
	return true;
}

bool vm_display(struct tn_vm *vm, struct tn_value v, struct tn_error *err) {
	const struct tn_lang_output *out = &vm->lang->output;
	return v.tag == TN_VOID || out->display == NULL || out->display(out->data, &(struct tn_lang_display){.value = v, .result = true}, err);
}
