/* SPDX-License-Identifier: Apache-2.0 */
/* The checked tree: what the checker makes of the syntax tree and the compiler turns into bytecode. Every node has its type, every
 * name is resolved, every conversion is a node, every overload is chosen; templates have been instantiated. What can be
 * known only when the code runs (operands of type `any`) is one node, DYN, which is checked then by the very same code: see
 * tn_check_dyn. Lives in the arena of the unit that is being checked. Private to lang/. */
#ifndef TN_LANG_IR_H
#define TN_LANG_IR_H

#include "lang/value.h"

struct tn_ir;
struct tn_ir_list { struct tn_ir **items; uint32_t count; };

/* How an arithmetic node computes. */
enum tn_class {
	TN_CLASS_INT, TN_CLASS_FLOAT, TN_CLASS_BOOL, TN_CLASS_STRING, /* both operands of that type */
	TN_CLASS_TENSOR, /* at least one tensor, the other a tensor or a number; unary: a tensor */
	TN_CLASS_TREE,   /* leafwise: at least one struct, list, tuple or map with weights */
	TN_CLASS_VALUE   /* structural == and != */
};

enum tn_convert {
	TN_CONVERT_INT_TO_FLOAT,   /* bool and int */
	TN_CONVERT_NUMBER_TO_TENSOR, /* 0-d: int i64, float f32, bool bool8; or `dtype` when has_dtype */
	TN_CONVERT_TO_BOOL,        /* a condition: bool as it is, int and float != 0, a 0-d tensor (waits for it) */
	TN_CONVERT_FROM_ANY,       /* the value must be of the node's type (int widens to float, a number to a tensor); TypeError else */
	TN_CONVERT_TENSOR_TO_INT, TN_CONVERT_TENSOR_TO_FLOAT, /* one element; for a number-typed loop variable */
	TN_CONVERT_LIST_ITEMS,     /* list of int to list of float, … to the node's type */
	TN_CONVERT_RETAG           /* same value, the container takes the node's type (list to any[] …): shallow copy where shared; to any: as it is */
};

/* A declared dtype and shape, checked when it runs. Dims match the tensor's axes from the left up to `rest`, behind it from the right. */
enum tn_ir_dim_kind { TN_IR_DIM_ANY, TN_IR_DIM_BIND /* local = size */, TN_IR_DIM_MATCH /* expr, an int */ };
struct tn_ir_dim { enum tn_ir_dim_kind kind; uint32_t local; struct tn_ir *expr; const char *text; };
struct tn_ir_shape {
	bool has_dtype; enum tn_dtype dtype; /* inside autocast a declared f32 accepts bf16, inside grad_check f64 */
	bool has_shape;
	int32_t rest;                        /* index of `...` among dims (not counted in them), or -1 */
	struct tn_ir_dim *dims; uint32_t count;
	const char *what;                    /* "argument x of forward", "result of forward", "field w", "w" */
	const char *declared;                /* "f32[N, 784]", for the message */
	bool allow_empty;                    /* the slot's default is `empty` */
};

enum tn_ir_kind {
	/* ---- values ---- */
	TN_IR_CONST,        /* value: a literal (numbers, bool, string, dtype, empty, void) */
	TN_IR_LOCAL,        /* local: reads it, through the reference when the local is one */
	TN_IR_GLOBAL,       /* symbol */
	TN_IR_FIELD,        /* object (struct), index */
	TN_IR_ITEM,         /* object (tuple), index; of an object of LAMBDA type: its capture number index (an argument of a call of that lambda) */
	TN_IR_INDEX,        /* object (tensor, list, string, map), items: results as LANGUAGE.md says */
	TN_IR_UNARY,        /* op, class, a */
	TN_IR_BINARY,       /* op, class, a, b; comparison of numbers gives bool, of tensors a tensor */
	TN_IR_AND, TN_IR_OR, /* a, b: bool, short-circuit */
	TN_IR_COND,         /* a (bool), b, c: of one type */
	TN_IR_RANGE,        /* a, b: int → seq of int */
	TN_IR_CALL,         /* instance, args: one per parameter (REF nodes where it is by reference), captures first for lambdas */
	TN_IR_CALL_NATIVE,  /* native, args: one per parameter, NULL = left out (void) */
	TN_IR_DYN,          /* ast, operands: checked when it runs, with the types that the operands have then */
	TN_IR_TUPLE, TN_IR_LIST, /* items; LIST: node type gives the item type */
	TN_IR_MAP,          /* keys, items */
	TN_IR_STRUCT,       /* type's def; items: one per field */
	TN_IR_TENSOR,       /* bracket literal: dtype, shape, items: numbers in row-major order */
	TN_IR_LAMBDA,       /* function, captures: LOCAL nodes */
	TN_IR_FNSET,        /* name */
	TN_IR_FORMAT,       /* fparts */
	TN_IR_CONVERT,      /* convert, a */
	TN_IR_EXPECT,       /* a, shape: a again, or ShapeError / TypeError */
	TN_IR_REF,          /* a: a place; only as an argument */
	TN_IR_BLOCK,        /* word …: see below */
	TN_IR_LET,          /* runs `body`, then gives a (temporaries for calls on what is no place) */
	/* ---- statements (type void) ---- */
	TN_IR_EVAL,         /* a, its value dropped */
	TN_IR_SET_LOCAL,    /* local = a (declaration or assignment; through the reference when the local is one) */
	TN_IR_BIND_GLOBAL,  /* symbol becomes the meaning of its name, with value a */
	TN_IR_SET_GLOBAL,   /* symbol = a */
	TN_IR_SET_PLACE,    /* place (FIELD, ITEM, INDEX … down to LOCAL or GLOBAL) = a */
	TN_IR_UPDATE,       /* place op= a; op, class; the place's indices are evaluated once; for scalars and strings and tensors */
	TN_IR_UNPACK,       /* a (tuple, or list: length checked) into locals: unpack_locals[i] (UINT32_MAX discards), then plain SETs use them */
	TN_IR_IF,           /* a (bool), body, otherwise */
	TN_IR_LOOP,         /* while: cond first; do: test_last; for: step. a may be NULL (for ever) */
	TN_IR_FOR_EACH,     /* a: list, tensor, string, map (gives (key, value) tuples), seq; local takes the element; by_ref: local is a reference into `a`, a place */
	TN_IR_SWITCH,       /* a; cases, compared with == in order; falls through as in C; break leaves it */
	TN_IR_BREAK, TN_IR_CONTINUE, TN_IR_RETURN, /* RETURN: a or NULL */
	TN_IR_TRY,          /* body; local = error struct value (ErrorInfo); otherwise = handler */
	TN_IR_SCOPE,        /* body; locals declared inside die at its end (set to void) */
	TN_IR_DISPLAY,      /* a: the cell's last expression */
	TN_IR_COMMAND,      /* text: handed to the session */
	TN_IR_IMPORT        /* unit: its cell instance runs */
};

struct tn_ir_index { enum { TN_IR_INDEX_VALUE, TN_IR_INDEX_SLICE, TN_IR_INDEX_NEW_AXIS, TN_IR_INDEX_REST } kind; struct tn_ir *a, *stop, *step; /* SLICE: a = start; NULL = left out */ };
struct tn_ir_fpart { const char *text; uint32_t length; struct tn_ir *value; const char *spec; }; /* spec was checked against the type where it was known */
struct tn_ir_case { struct tn_ir_list values; /* empty: default */ struct tn_ir_list body; };

struct tn_ir {
	enum tn_ir_kind kind;
	struct tn_type *type;
	struct tn_span span;
	struct tn_ir *a, *b, *c;
	union {
		struct tn_value value;                                       /* CONST: a string is owned by the unit (tn_unit.constants) */
		uint32_t local;
		struct tn_symbol *symbol;
		uint32_t index;
		bool by_call;                                                /* REF: the first argument of a `call` */
		struct { enum tn_ast_op op; enum tn_class class; } arith;    /* UNARY BINARY UPDATE (place in b) */
		struct { struct tn_ir_index *items; uint32_t count; } subscript; /* INDEX: object in a */
		struct { struct tn_instance *instance; struct tn_ir_list args; } call;
		struct { const struct tn_native *native; struct tn_ir_list args; struct tn_type **arg_types; } native; /* NULL where left out */
		struct { const struct tn_ast *ast; int what; struct tn_ir_list operands; const void *extra; } dyn; /* what, extra: the checker's own */
		struct { struct tn_ir_list items; struct tn_ir **keys; } make;   /* TUPLE LIST MAP STRUCT */
		struct { enum tn_dtype dtype; struct tn_shape shape; struct tn_ir_list items; } tensor;
		struct { struct tn_function *function; struct tn_ir_list captures; } lambda;
		const char *name;                                            /* FNSET, COMMAND */
		struct { struct tn_ir_fpart *parts; uint32_t count; } format;
		struct { enum tn_convert kind; bool has_dtype; enum tn_dtype dtype; } convert;
		struct tn_ir_shape *shape;                                   /* EXPECT */
		/* BLOCK: args: GRAD: places (variables, fields) of the leaves; others: the word's arguments (bool, dtype, int, string).
		 * body, then value a (may be NULL: void). GRAD: type is the tuple (value, gradient …); only: a callable or NULL (in b);
		 * allow_unused. The block runs in the same frame. BREAK, CONTINUE and RETURN may leave all but GRAD and REMAT. */
		struct { enum tn_block_word word; struct tn_ir_list args, body; bool allow_unused; bool bare_tensors; } block;
		struct { struct tn_ir_list body; } let;
		struct { struct tn_ir_list body, otherwise, step; uint32_t local; bool test_last, by_ref; struct tn_ir_case *cases; uint32_t case_count;
			uint32_t *unpack_locals; uint32_t unpack_count; } flow;  /* IF LOOP FOR_EACH SWITCH TRY SCOPE UNPACK */
		struct tn_unit *unit;                                        /* IMPORT */
	};
};

/* ---- functions ---- */

struct tn_local { const char *name; struct tn_type *type; bool is_ref; /* the slot holds a TN_REF */ };

/* A function, struct method, lambda, or native set member: one overload. */
struct tn_function {
	const char *name;                     /* "lambda" for lambdas */
	struct tn_unit *unit;
	struct tn_module *module;             /* whose globals it sees */
	const struct tn_ast_function *decl;   /* NULL: a lambda or a native */
	const struct tn_ast *lambda;
	const struct tn_native *native;
	struct tn_span span;
	bool is_library;
	bool holds_weights;                   /* a lambda that captures or names a struct, list or tuple with weights */
	/* lambdas: what it captures, in the enclosing function's terms at the moment that the lambda was checked */
	struct tn_local *captures; uint32_t capture_count;
	TN_VEC(struct tn_instance *) instances;
	/* the checker's: declared parameter types (templates by their kind), resolved at that epoch */
	struct tn_type **declared; struct tn_type *declared_result; uint64_t declared_epoch;
};

/* A function checked for one combination of parameter types; or a whole cell (function NULL). */
struct tn_instance {
	struct tn_function *function;
	struct tn_unit *unit;
	const char *name;
	struct tn_type **param_types; uint32_t param_count; /* captures first */
	struct tn_type *result;
	enum { TN_INSTANCE_CHECKING, TN_INSTANCE_CHECKED, TN_INSTANCE_FAILED } state;
	struct tn_local *locals; uint32_t local_count;      /* parameters first */
	struct tn_ir_list body;
	uint64_t epoch;                                     /* tn_lang.epoch when it was checked: older ones are checked again */
	bool needs_session;                                 /* names something of a session; library instances that do not never grow old */
	uint64_t made;                                      /* the check that made it */
	uint64_t pass;                                      /* the check that did it last: a failure is reported once in each */
	uint8_t effects;                                    /* check_drop.c's: what a call does beside giving its result; 0: not known yet */
	struct tn_proto *proto;                             /* bytecode, made at the first call; owned by the instance */
};

#endif
