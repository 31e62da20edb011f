/* SPDX-License-Identifier: Apache-2.0 */
/* Natives: functions of the language that are written in C. A table of rows {signature, doc, example, run, result}; the signature is
 * written in the language itself and parsed when the name is first used, so names, defaults, checks, help and completion come
 * from this one place. Part of lang.h. */
#ifndef TN_LANG_NATIVE_H
#define TN_LANG_NATIVE_H

#include "lang/value.h"

struct tn_lang;

/* One call. args[i] belongs to the i-th parameter, defaults filled in; void where it has none and was left out. They are borrowed.
 * A parameter declared `T &x` gets a TN_REF. Set *result to a new reference (void at start). */
struct tn_native_call {
	struct tn_lang *lang;
	struct tn_engine *engine;
	const struct tn_native *native;
	struct tn_value *args;
	uint32_t arg_count;
	uint32_t literal_mask;    /* bit i: args[i] stands as a literal in the source */
	struct tn_type *type;     /* of the result, as the checker has it */
	struct tn_value *result;
};
typedef bool (*tn_native_fn)(struct tn_native_call *call, struct tn_error *err);

/* The static type of a call's result, where the signature says `auto`. types[i] is NULL where the argument was left out. values[i] is a constant
 * argument's value or void. NULL with err set refuses the call (TypeError in the user's names). */
struct tn_native_typing { struct tn_lang *lang; struct tn_types *types; struct tn_type **args; const struct tn_value *values; uint32_t count; };
typedef struct tn_type *(*tn_native_type_fn)(const struct tn_native_typing *typing, struct tn_error *err);

struct tn_native {
	const char *signature;    /* "tensor sum(tensor x, axes axis = none, bool keepdim = false)" — see below */
	const char *doc;          /* a summary line; then, after a blank line, parameters with shapes and units, and errors */
	const char *example;      /* a cell that the tests run; "// expect: …" lines are checked; may be NULL only for aliases */
	tn_native_fn run;
	tn_native_type_fn result; /* when the signature's result type is `auto` */
	int leafwise;             /* tn_op + 1 of an ELEMENTWISE op: args may be tensors, numbers and trees; `run` is not used with trees; or: */
};
/* In place of `leafwise`, of natives that give a value: a call has a use although its value is dropped. (So has one with a parameter by
 * reference, and one that gives nothing.) CHECKS: the use is only that it may raise an error. */
enum { TN_NATIVE_ACTS = -1, TN_NATIVE_CHECKS = -2 };

/* Signatures: parameter and result types are those of the language (`tensor`, `int[]`, `fn`, `string`, a handle's name …) and also
 *   auto      any type (result: by `result`)        number   int, float or bool, as it is
 *   operand   a tensor or a number                  axes     an int, an int list, or left out (void)
 *   shape     ints one by one (last positional parameter) or one int list: arrives as an int list
 *   auto... xs   last parameter: any number of positional arguments of any types, arrives as one tuple (the parser gives such a
 *             parameter the type name "auto..." ; its static type is the tuple of theirs)
 * A default is a literal, a name of a constant, or `none`: may be left out and arrives as void. `dim` is accepted for `axis` everywhere. */

/* Adds a table, for the language's life. Names may have several rows (overloads by the first parameter's type). False: out of memory or a duplicate (a bug). */
TN_MUST_USE bool tn_lang_register(struct tn_lang *lang, const struct tn_native *rows, size_t count, struct tn_error *err);

/* Makes the name of a handle's type (its impl's type_name) one that signatures and programs can write; a struct of that name hides it. Before the
 * rows that name it are used. */
TN_MUST_USE bool tn_lang_register_handle(struct tn_lang *lang, const char *name, struct tn_error *err);

/* Argument helpers: what the checker could not know is checked here; errors name native and parameter. */
TN_MUST_USE bool tn_arg_get_axes(const struct tn_native_call *call, uint32_t index, int64_t axes[TN_MAX_NDIM], int *count, struct tn_error *err); /* void: 0 */
TN_MUST_USE bool tn_arg_get_shape(const struct tn_native_call *call, uint32_t index, struct tn_shape *out, struct tn_error *err); /* -1 not allowed */
TN_MUST_USE bool tn_arg_get_ints(const struct tn_native_call *call, uint32_t index, int64_t *out, int max, int *count, struct tn_error *err);
/* A number or tensor as an operand of an op. */
struct tn_arg tn_arg_operand(const struct tn_native_call *call, uint32_t index);
double tn_arg_number(const struct tn_native_call *call, uint32_t index); /* int float bool */
static inline bool tn_arg_given(const struct tn_native_call *call, uint32_t index) { return call->args[index].tag != TN_VOID; }

/* Calls back into the language, from natives: any callable value (lambda, function name, struct with call, chain). args are borrowed. */
TN_MUST_USE bool tn_call_value(struct tn_lang *lang, struct tn_value callee, const struct tn_value *args, uint32_t count, struct tn_value *result, struct tn_error *err);
/* As a program calls a name, overloads chosen by the values: len(d), get(d, i). */
TN_MUST_USE bool tn_call_name(struct tn_lang *lang, const char *name, const struct tn_value *args, uint32_t count, struct tn_value *result, struct tn_error *err);
/* The static result type of such a call (for `result` functions); NULL with err where it does not check. */
TN_MUST_USE struct tn_type *tn_call_value_type(struct tn_lang *lang, struct tn_type *callee, struct tn_type *const *args, uint32_t count, struct tn_error *err);
TN_MUST_USE struct tn_type *tn_call_name_type(struct tn_lang *lang, const char *name, struct tn_type *const *args, uint32_t count, struct tn_error *err);

#endif
