/* SPDX-License-Identifier: Apache-2.0 */
/* The natives of lang/, one table a file; builtin.c registers all of them. Private to lang/. */
#ifndef TN_LANG_BUILTIN_H
#define TN_LANG_BUILTIN_H

#include "lang/state.h"

struct tn_native_table { const struct tn_native *rows; size_t count; };

#define TN_BUILTIN_TABLES(X) \
	X(print) X(convert) X(elementwise) X(reduce) X(shape) X(index) X(make) X(nn) X(list) X(map) X(string) X(seq) X(tree) X(grad_check) X(step) X(system)

#define TN_DECLARE_TABLE(name) extern const struct tn_native_table tn_builtin_##name;
TN_BUILTIN_TABLES(TN_DECLARE_TABLE)
#undef TN_DECLARE_TABLE

#define TN_NATIVE_TABLE(name, rows) const struct tn_native_table tn_builtin_##name = {rows, TN_ARRAY_LEN(rows)}

/* Gives the call's result a tensor that was made (NULL: failed, err is set). */
static inline bool tn_return_tensor(struct tn_native_call *call, struct tn_tensor *t) {
	if (t == NULL) {
		return false;
	}
	*call->result = tn_tensor_value(t);
	return true;
}

/* Type rules that several tables use. */
struct tn_type *tn_typing_first(const struct tn_native_typing *typing, struct tn_error *err);   /* that of argument 0 */
struct tn_type *tn_typing_operand(const struct tn_native_typing *typing, struct tn_error *err); /* tensor if any argument is one, else float, or int if all are */

#endif
