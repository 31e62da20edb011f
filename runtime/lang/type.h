/* SPDX-License-Identifier: Apache-2.0 */
/* Static types. Interned: equal types are the same pointer, for the session's life. Shapes and dtypes of tensors are no part of a
 * type; they are checked where a declaration names them. Private to lang/ (lang.h shows them as opaque). */
#ifndef TN_LANG_TYPE_H
#define TN_LANG_TYPE_H

#include "lang/ast.h"
#include "tensor/tensor.h"

enum tn_type_kind {
	TN_TYPE_VOID, TN_TYPE_BOOL, TN_TYPE_INT, TN_TYPE_FLOAT, TN_TYPE_STRING, TN_TYPE_DTYPE,
	TN_TYPE_TENSOR,
	TN_TYPE_TREE,    /* a slot that holds any tree: fields of type `tree`; as a parameter it is a template */
	TN_TYPE_LIST,    /* items[0] */
	TN_TYPE_TUPLE,   /* items */
	TN_TYPE_MAP,     /* items[0]; `any` when not given */
	TN_TYPE_STRUCT,  /* def */
	TN_TYPE_SEQ,     /* items[0] */
	TN_TYPE_FNSET,   /* the overloads of `name`: a function's name as a value */
	TN_TYPE_LAMBDA,  /* function: this very lambda expression (per checked occurrence) */
	TN_TYPE_FN,      /* some callable, known when it runs: fields of type `fn` */
	TN_TYPE_HANDLE,  /* name: Run, File …: an object of a native, copies name the same thing */
	TN_TYPE_MODULE,  /* import "x.tn" as m */
	TN_TYPE_EMPTY,   /* the word `empty`, before it meets a slot */
	TN_TYPE_ANY,
	TN_TYPE_NEVER,   /* of what does not come back: error(…) */
	/* in native signatures only */
	TN_TYPE_AUTO,    /* any one type; the native's type rule decides */
	TN_TYPE_AXES,    /* an int, a list of int, or left out */
	TN_TYPE_SHAPE,   /* ints one by one, or one list of int */
	TN_TYPE_NUMBER,  /* int or float (bool too), kept as it is */
	TN_TYPE_OPERAND  /* a tensor or a number */
};

struct tn_struct_field {
	const char *name, *doc;
	struct tn_type *type;
	const struct tn_ast_type *declared; /* with its shape; NULL in natives */
	const struct tn_ast *def;           /* default expression, or NULL */
	bool frozen;
};
struct tn_struct_def {
	const char *name, *doc;
	struct tn_unit *unit;     /* where it was defined; keeps the tree alive */
	struct tn_struct_field *fields;
	uint32_t field_count;
	struct tn_type *type;
	struct tn_struct_def *newer; /* the definition that replaced it, or NULL: shown as `Net (cell 3)` then */
	uint32_t draft;              /* check_endless.c's own: 1 + its number while it looks, else 0 */
	bool has_weights;            /* a leaf of it may be a tensor (through fn, any, tree too) */
};

struct tn_type {
	enum tn_type_kind kind;
	uint32_t item_count;
	struct tn_type **items;
	union {
		struct tn_struct_def *def;
		const char *name;           /* FNSET HANDLE MODULE; interned */
		struct tn_function *function; /* LAMBDA */
	};
};

/* The interner and its fixed members. */
struct tn_types;
TN_MUST_USE struct tn_types *tn_types_create(void);
void tn_types_destroy(struct tn_types *types);
/* Each gives NULL only when memory is out. Kinds without parts by tn_type_basic. */
struct tn_type *tn_type_basic(struct tn_types *types, enum tn_type_kind kind);
TN_MUST_USE struct tn_type *tn_type_list(struct tn_types *types, struct tn_type *item);
TN_MUST_USE struct tn_type *tn_type_map(struct tn_types *types, struct tn_type *item);
TN_MUST_USE struct tn_type *tn_type_seq(struct tn_types *types, struct tn_type *item);
TN_MUST_USE struct tn_type *tn_type_tuple(struct tn_types *types, struct tn_type *const *items, uint32_t count);
TN_MUST_USE struct tn_type *tn_type_named(struct tn_types *types, enum tn_type_kind kind, const char *name); /* FNSET HANDLE MODULE */
TN_MUST_USE struct tn_type *tn_type_struct(struct tn_types *types, struct tn_struct_def *def);
TN_MUST_USE struct tn_type *tn_type_lambda(struct tn_types *types, struct tn_function *function);

/* As a user writes it: "int[]", "(tensor, float)", "Net", "Net (cell 3)", "function relu". `out` holds 128 bytes. */
void tn_type_format(const struct tn_type *type, char out[128]);
/* Weights may be inside: leafwise arithmetic and `grad` accept it. */
bool tn_type_is_tree(const struct tn_type *type);
bool tn_type_is_number(const struct tn_type *type); /* int, float, bool */
bool tn_type_is_callable(const struct tn_type *type); /* not struct with call: the checker looks that up */

#endif
