/* SPDX-License-Identifier: Apache-2.0 */
/* Calls into the language from natives, and the static type of a value, by which such calls are checked. */
#include <string.h>

#include "lang/vm.h"

enum { TYPE_DEPTH = 64, CALL_MAX = 16 };

/* ---- the type of a value ---- */

static struct tn_type *type_at(struct tn_lang *lang, struct tn_value v, int depth);

static struct tn_type *tuple_type(struct tn_lang *lang, const struct tn_tuple *tuple, int depth) {
	struct tn_type *few[8], **items = tuple->count <= 8 ? few : tn_calloc(tuple->count, sizeof(items[0]));
	struct tn_type *type = NULL;
	if (items == NULL) {
		return NULL;
	}
	uint32_t i = 0;
	while (i < tuple->count && (items[i] = type_at(lang, tuple->items[i], depth + 1)) != NULL) {
		i++;
	}
	if (i == tuple->count) {
		type = tn_type_tuple(lang->types, items, tuple->count);
	}
	if (items != few) {
		tn_free(items);
	}
	return type;
}

static struct tn_type *type_at(struct tn_lang *lang, struct tn_value v, int depth) {
	static const enum tn_type_kind plain[] = {[TN_VOID] = TN_TYPE_VOID, [TN_BOOL] = TN_TYPE_BOOL, [TN_INT] = TN_TYPE_INT, [TN_FLOAT] = TN_TYPE_FLOAT,
		[TN_DTYPE] = TN_TYPE_DTYPE, [TN_EMPTY] = TN_TYPE_TENSOR, [TN_TENSOR] = TN_TYPE_TENSOR, [TN_STRING] = TN_TYPE_STRING};
	struct tn_value *slot;
	if (v.tag <= TN_STRING) {
		return tn_type_basic(lang->types, plain[v.tag]);
	}
	if (depth > TYPE_DEPTH) {
		return tn_type_basic(lang->types, TN_TYPE_ANY);
	}
	switch (v.tag) {
	case TN_LIST:
		return tn_type_list(lang->types, v.list->item);
	case TN_MAP:
		return tn_type_map(lang->types, v.map->item);
	case TN_TUPLE:
		return tuple_type(lang, v.tuple, depth);
	case TN_STRUCT:
		return v.instance->def->type;
	case TN_FN:
		return v.fn->function != NULL ? tn_type_lambda(lang->types, v.fn->function) : tn_type_named(lang->types, TN_TYPE_FNSET, v.fn->name);
	case TN_SEQ:
		return tn_type_seq(lang->types, v.seq->item);
	case TN_HANDLE: {
		const char *name = tn_intern(lang, v.handle->impl->type_name, strlen(v.handle->impl->type_name));
		return name == NULL ? NULL : tn_type_named(lang->types, TN_TYPE_HANDLE, name);
	}
	default:
		return tn_ref_read(v.ref, &slot, NULL) ? type_at(lang, *slot, depth + 1) : tn_type_basic(lang->types, TN_TYPE_ANY);
	}
}

struct tn_type *tn_value_type(struct tn_lang *lang, struct tn_value v) { return type_at(lang, v, 0); }

/* ---- calls ---- */

static bool argument_types(struct tn_lang *lang, const struct tn_value *args, uint32_t count, struct tn_type **types, struct tn_error *err) {
	for (uint32_t i = 0; i < count; i++) {
		types[i] = tn_value_type(lang, args[i]);
		if (types[i] == NULL) {
			return tn_error_memory(err);
		}
	}
	return true;
}

bool tn_call_value(struct tn_lang *lang, struct tn_value callee, const struct tn_value *args, uint32_t count, struct tn_value *result, struct tn_error *err) {
	struct tn_type *types[CALL_MAX + 1];
	struct tn_value all[CALL_MAX + 1] = {callee};
	if (count > CALL_MAX) {
		return tn_error_set(err, TN_ERR_TYPE, "a call from a native takes at most %d arguments, found %u", CALL_MAX, count);
	}
	if (callee.tag == TN_EMPTY) {
		return tn_error_set(err, TN_ERR_VALUE, "what is called is empty");
	}
	if (count > 0) {
		memcpy(all + 1, args, count * sizeof(args[0]));
	}
	if (!argument_types(lang, all, count + 1, types, err)) {
		return false;
	}
	struct tn_instance *instance = tn_check_call(lang, NULL, types, count + 1, err);
	return instance != NULL && tn_vm_run(lang, instance, all, count + 1, result, err);
}

bool tn_call_name(struct tn_lang *lang, const char *name, const struct tn_value *args, uint32_t count, struct tn_value *result, struct tn_error *err) {
	struct tn_type *types[CALL_MAX];
	if (count > CALL_MAX) {
		return tn_error_set(err, TN_ERR_TYPE, "a call from a native takes at most %d arguments, found %u", CALL_MAX, count);
	}
	if (!argument_types(lang, args, count, types, err)) {
		return false;
	}
	struct tn_instance *instance = tn_check_call(lang, name, types, count, err);
	return instance != NULL && tn_vm_run(lang, instance, args, count, result, err);
}
