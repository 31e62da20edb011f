/* SPDX-License-Identifier: Apache-2.0 */
/* The syntax tree: what the parser makes of a cell, and nothing decided about it yet. All nodes, strings and arrays live in
 * the unit's arena. Lists are (items, count) arrays. Private to lang/. */
#ifndef TN_LANG_AST_H
#define TN_LANG_AST_H

#include "base/base.h"

struct tn_ast;
struct tn_ast_type;

/* A slice of text in the source or the arena, NUL-terminated. */
struct tn_name { const char *text; uint32_t length; struct tn_span span; };

struct tn_ast_list { struct tn_ast **items; uint32_t count; };

/* One suffix group of a type: `[]` (is_list) or `[dims]`. */
enum tn_ast_dim_kind { TN_DIM_EXPR, TN_DIM_NAME, TN_DIM_ANY /* _ */, TN_DIM_REST /* ... */ };
struct tn_ast_dim { enum tn_ast_dim_kind kind; struct tn_name name; struct tn_ast *expr; struct tn_span span; };
struct tn_ast_suffix { bool is_list; struct tn_ast_dim *dims; uint32_t dim_count; struct tn_span span; };
/* `int`, `f32[N, 784]`, `m.Net`, `(int, tensor)[]`, `map[T]`; f32[()] has is_scalar. */
struct tn_ast_type {
	struct tn_span span;
	struct tn_name module, name;                        /* name.text NULL: a tuple type */
	struct tn_ast_type **items; uint32_t item_count;    /* of a tuple; of map[T]: one */
	struct tn_ast_suffix *suffixes; uint32_t suffix_count;
	bool is_scalar;
};

/* What a declaration, an assignment or a loop header binds: a name, `_`, or a nested tuple of patterns. In assignments a leaf is any
 * place (`expr`). */
struct tn_ast_pattern {
	struct tn_span span;
	struct tn_name name;             /* declaration leaf; "_" discards */
	struct tn_ast *expr;             /* assignment leaf */
	struct tn_ast_pattern **items; uint32_t item_count; /* tuple: 1 or more */
	bool is_tuple;
	bool by_ref;                     /* auto &b */
};

/* One argument of a call. */
struct tn_ast_arg { struct tn_name name; /* text NULL: positional */ struct tn_ast *value; bool by_ref; struct tn_span span; };

/* One item between [ ]: an expression, `a:b:c`, `...`, or `None`. */
enum tn_ast_index_kind { TN_AST_INDEX_EXPR, TN_AST_INDEX_SLICE, TN_AST_INDEX_ELLIPSIS, TN_AST_INDEX_NONE };
struct tn_ast_index { enum tn_ast_index_kind kind; struct tn_ast *expr, *start, *stop, *step; struct tn_span span; };

/* Parts of an f-string: literal text, or an expression with its format spec ("" = none). */
struct tn_ast_fpart { const char *text; uint32_t length; struct tn_ast *expr; struct tn_name spec; };

struct tn_ast_param {
	struct tn_span span;
	struct tn_ast_type *type; /* NULL: a lambda's parameter without type (auto) */
	struct tn_name name;
	struct tn_ast *def;       /* default, or NULL */
	bool by_ref;
};
struct tn_ast_field { struct tn_span span; struct tn_ast_type *type; struct tn_name name; struct tn_ast *def; bool frozen; const char *doc; };
struct tn_ast_case { struct tn_span span; struct tn_ast_list values; /* empty: default */ struct tn_ast_list body; };

enum tn_ast_op {
	TN_AST_OP_NEG, TN_AST_OP_POS, TN_AST_OP_NOT, TN_AST_OP_BITNOT,
	TN_AST_OP_ADD, TN_AST_OP_SUB, TN_AST_OP_MUL, TN_AST_OP_DIV, TN_AST_OP_MOD, TN_AST_OP_POW, TN_AST_OP_MATMUL,
	TN_AST_OP_EQ, TN_AST_OP_NE, TN_AST_OP_LT, TN_AST_OP_LE, TN_AST_OP_GT, TN_AST_OP_GE,
	TN_AST_OP_BITAND, TN_AST_OP_BITOR, TN_AST_OP_BITXOR, TN_AST_OP_SHL, TN_AST_OP_SHR,
	TN_AST_OP_AND, TN_AST_OP_OR, /* short-circuit */
	TN_AST_OP_RANGE
};
const char *tn_ast_op_text(enum tn_ast_op op); /* "+" */

enum tn_block_word { TN_BLOCK_GRAD, TN_BLOCK_REMAT, TN_BLOCK_AUTOCAST, TN_BLOCK_TRAIN, TN_BLOCK_SEED, TN_BLOCK_DEVICE, TN_BLOCK_PROFILE };

enum tn_ast_kind {
	/* expressions */
	TN_AST_INT, TN_AST_FLOAT, TN_AST_BOOL, TN_AST_STRING, TN_AST_FSTRING, TN_AST_EMPTY, TN_AST_NAME, TN_AST_UNARY, TN_AST_BINARY, TN_AST_COND,
	TN_AST_CALL, TN_AST_INDEX, TN_AST_FIELD, TN_AST_TUPLE, TN_AST_BRACKET /* [a, b] */, TN_AST_MAP, TN_AST_STRUCT /* Net{ .f = v } */,
	TN_AST_LAMBDA, TN_AST_BLOCK_EXPR /* grad (w) { … } */,
	/* statements */
	TN_AST_EXPR_STMT, TN_AST_DECL, TN_AST_ASSIGN, TN_AST_INCDEC, TN_AST_IF, TN_AST_WHILE, TN_AST_DO, TN_AST_FOR, TN_AST_FOR_EACH, TN_AST_SWITCH,
	TN_AST_BREAK, TN_AST_CONTINUE, TN_AST_RETURN, TN_AST_TRY, TN_AST_BLOCK, TN_AST_IMPORT, TN_AST_FUNCTION, TN_AST_STRUCT_DEF, TN_AST_COMMAND
};

struct tn_ast {
	enum tn_ast_kind kind;
	struct tn_span span;
	bool parenthesised;
	union {
		int64_t i;                                                       /* INT (unsigned literals above INT64_MAX were an error) */
		double f;                                                        /* FLOAT */
		bool b;                                                          /* BOOL */
		struct { const char *text; uint32_t length; } str;               /* STRING, decoded; may hold NUL */
		struct { struct tn_ast_fpart *parts; uint32_t count; } fstring;
		struct tn_name name;                                             /* NAME */
		struct { enum tn_ast_op op; struct tn_ast *a, *b; } op;          /* UNARY (a), BINARY */
		struct { struct tn_ast *cond, *a, *b; } cond;
		struct { struct tn_ast *callee; struct tn_ast_arg *args; uint32_t count; } call; /* x.f(a): callee is a FIELD */
		struct { struct tn_ast *object; struct tn_ast_index *items; uint32_t count; } index;
		struct { struct tn_ast *object; struct tn_name name; } field;
		struct tn_ast_list list;                                         /* TUPLE, BRACKET */
		struct { struct tn_ast **keys, **values; uint32_t count; } map;
		struct { struct tn_name module, name; struct tn_name *fields; struct tn_ast **values; uint32_t count; } literal; /* STRUCT */
		/* LAMBDA: expression body (body.count 0), or statements and perhaps a last value */
		struct { struct tn_ast_param *params; uint32_t count; bool is_block; struct tn_ast_list body; struct tn_ast *value; } lambda;
		struct { enum tn_block_word word; struct tn_ast_arg *args; uint32_t arg_count; struct tn_ast_list body; struct tn_ast *value; } block_expr;
		struct { struct tn_ast *value; bool display; } expr;             /* EXPR_STMT; display: the cell's last, without ; */
		struct { struct tn_ast_type *type; /* NULL: auto */ bool is_const; struct tn_ast_pattern *target; struct tn_ast *init; } decl; /* `int a, b;` is two */
		struct { struct tn_ast_pattern *target; int op; /* tn_ast_op of `+=`, or -1 */ struct tn_ast *value; } assign;
		struct { struct tn_ast *place; int delta; } incdec;
		struct { struct tn_ast *cond; struct tn_ast *then, *otherwise; } if_; /* branches are BLOCK or a statement */
		struct { struct tn_ast *cond; struct tn_ast *body; } loop;       /* WHILE, DO */
		struct { struct tn_ast_list init, step; struct tn_ast *cond; struct tn_ast *body; } for_;
		struct { struct tn_ast_type *type; struct tn_ast_pattern *target; struct tn_ast *iterable; struct tn_ast *body; } each;
		struct { struct tn_ast *value; struct tn_ast_case *cases; uint32_t count; } switch_;
		struct tn_ast *value;                                            /* RETURN (may be NULL) */
		struct { struct tn_ast *body; struct tn_name name; struct tn_ast *handler; } try_;
		struct tn_ast_list block;                                        /* BLOCK */
		struct { struct tn_name path, alias; } import;
		struct tn_ast_function { struct tn_ast_type *result; struct tn_name name; struct tn_ast_param *params; uint32_t count;
			struct tn_ast_list body; bool has_body; const char *doc; struct tn_span span; /* with the body, for `f??` */ } function;
		struct { struct tn_name name; struct tn_ast_field *fields; uint32_t count; const char *doc; } struct_def;
		struct { struct tn_name text; char lead; /* % ! ? */ } command;  /* the whole line */
	};
};

/* A parsed source: statements in order. */
struct tn_ast_unit { struct tn_ast_list items; };

/* Errors are collected up to a limit; the parser recovers at statement ends. */
struct tn_diagnostics { TN_VEC(struct tn_error) errors; TN_VEC(struct tn_error) warnings; uint32_t left_out; };
enum { TN_MAX_ERRORS = 10 };
void tn_diagnostics_finish(struct tn_diagnostics *d);
/* A place for the next error (or warning), NULL when there are TN_MAX_ERRORS of them or memory is out; the same text at the same place
 * is not added twice. */
struct tn_error *tn_diagnostics_add(struct tn_diagnostics *d, struct tn_span span, enum tn_error_kind kind, const char *format, ...) TN_PRINTF(4, 5);
struct tn_error *tn_diagnostics_warn(struct tn_diagnostics *d, struct tn_span span, const char *format, ...) TN_PRINTF(3, 4);

/* Parses a whole source. False when diagnostics hold an error or memory is out (then they hold a MemoryError). Nesting deeper than
 * 200 levels is an error, not a crash. `*unit` is set also after errors (what could be read). */
TN_MUST_USE bool tn_parse(const struct tn_source *source, struct tn_arena *arena, struct tn_ast_unit *unit, struct tn_diagnostics *diag);
/* One signature of a native function, "tensor sum(tensor x, axes axis = none)": a FUNCTION node without body. */
TN_MUST_USE struct tn_ast *tn_parse_signature(const struct tn_source *source, struct tn_arena *arena, struct tn_diagnostics *diag);
/* S-expression of the tree, for golden tests. */
TN_MUST_USE bool tn_ast_dump(const struct tn_ast_unit *unit, struct tn_str *out);

#endif
