/* SPDX-License-Identifier: Apache-2.0 */
/* Registers the tables of natives that lang/ itself brings, and the type rules that they share. */
#include "lang/builtin.h"

bool tn_lang_register_builtins(struct tn_lang *lang, struct tn_error *err) {
#define TN_REGISTER_TABLE(name) \
	if (!tn_lang_register(lang, tn_builtin_##name.rows, tn_builtin_##name.count, err)) { \
		return false; \
	}
	TN_BUILTIN_TABLES(TN_REGISTER_TABLE)
#undef TN_REGISTER_TABLE
	return true;
}

struct tn_type *tn_typing_first(const struct tn_native_typing *typing, struct tn_error *err) {
	(void)err;
	return typing->args[0];
}

struct tn_type *tn_typing_operand(const struct tn_native_typing *typing, struct tn_error *err) {
	(void)err;
	enum tn_type_kind kind = TN_TYPE_INT;
	for (uint32_t i = 0; i < typing->count; i++) {
		const struct tn_type *type = typing->args[i];
		if (type == NULL) {
			continue;
		}
		if (type->kind == TN_TYPE_TENSOR) {
			return tn_type_basic(typing->types, TN_TYPE_TENSOR);
		}
		if (type->kind == TN_TYPE_ANY) {
			return tn_type_basic(typing->types, TN_TYPE_ANY);
		}
		if (type->kind == TN_TYPE_FLOAT) {
			kind = TN_TYPE_FLOAT;
		}
	}
	return tn_type_basic(typing->types, kind);
}
