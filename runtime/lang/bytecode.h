/* SPDX-License-Identifier: Apache-2.0 */
/* Bytecode: what the compiler makes of a checked instance and the VM runs. A register machine with typed instructions of 64 bits.
 *
 *      63            40 39        24 23         8 7    0
 *     |       c        |     b      |     a      |  op  |      c: unsigned, or signed (jumps, small numbers)
 *
 * A frame's registers: parameters and locals in the order of the instance, then temporaries, used as a stack. A call's arguments are
 * the caller's topmost temporaries and become the callee's first registers. Whatever lies above the running frame is not
 * counted, so that a call needs no clearing. Private to lang/. */
#ifndef TN_LANG_BYTECODE_H
#define TN_LANG_BYTECODE_H

#include "lang/state.h"

enum tn_opcode {
#define TN_OPCODE(id) TN_OPCODE_##id,
#include "lang/opcodes.def"
#undef TN_OPCODE
	TN_OPCODE_COUNT
};

typedef uint64_t tn_code;
enum { TN_MAX_REGISTERS = 65000, TN_MAX_C = (1 << 23) - 1 };

static inline tn_code tn_code_make(enum tn_opcode op, uint32_t a, uint32_t b, int64_t c) {
	return (tn_code)op | (tn_code)a << 8 | (tn_code)b << 24 | (tn_code)c << 40;
}
#define TN_CODE_OP(i) ((i) & 0xff)
#define TN_CODE_A(i) ((i) >> 8 & 0xffff)
#define TN_CODE_B(i) ((i) >> 24 & 0xffff)
#define TN_CODE_BS(i) ((int64_t)(int16_t)((i) >> 24 & 0xffff))
#define TN_CODE_C(i) ((i) >> 40)
#define TN_CODE_CS(i) ((int64_t)(i) >> 40)

/* Rows that instructions name by number. All lie in the proto's arena. */
struct tn_operator_row { enum tn_ast_op op; enum tn_class class; uint32_t b; bool literal_a, literal_b; struct tn_span spans[2]; /* of the operands, for messages */ };
struct tn_convert_row { enum tn_convert kind; bool has_dtype, literal; enum tn_dtype dtype; struct tn_type *type; };
/* One index; registers, or UINT32_MAX where left out. */
struct tn_subscript_item { int kind; /* as tn_ir_index */ uint32_t a, stop, step; bool literal; };
struct tn_subscript { struct tn_subscript_item *items; uint32_t count; struct tn_span object; };
struct tn_path_step { int kind; /* as tn_ref_step */ uint32_t index, reg; /* UINT32_MAX: the constant index */ };
struct tn_path {
	struct tn_symbol *symbol; /* NULL: a local */
	uint32_t local; bool is_ref;
	struct tn_path_step *steps; uint32_t step_count;
	struct tn_subscript *subscript; /* of the tensor at the path's end, or NULL */
	struct tn_guard *guard;   /* or NULL */
	bool by_call;             /* the first argument of a `call` */
};
struct tn_update_row { struct tn_path *path; enum tn_ast_op op; enum tn_class class; bool literal; struct tn_span place; };
struct tn_tensor_row { enum tn_dtype dtype; struct tn_shape shape; void *data; /* row-major, or NULL: from a list */ };
struct tn_lambda_row { struct tn_function *function; uint32_t count; };
struct tn_format_row { struct tn_ir_fpart *parts; uint32_t count; };
/* Arguments of one call that are references: which ones, and where each is written. */
struct tn_distinct_row { uint32_t count, *registers; struct tn_span *spans; };
struct tn_unpack_row { const uint32_t *locals; uint32_t count; };
struct tn_native_row {
	const struct tn_native *native; struct tn_type *type; uint32_t count, literal_mask;
	struct tn_span *spans;    /* of the arguments, for messages */
	uint32_t tensor_mask;     /* bit i: a tensor is asked for: an empty one there is an error, or left out where that may be */
	uint32_t optional_mask;
	bool appends;             /* changes its first argument, a list, at the end only */
};
enum { TN_DYN_CACHED = 8 };
struct tn_dyn_row {
	const struct tn_ir *ir; uint32_t count;
	/* inline cache: the last combination of types */
	struct tn_type *types[TN_DYN_CACHED]; struct tn_instance *instance; uint64_t epoch;
};
struct tn_block_row { enum tn_block_word word; bool allow_unused, bare_tensors; uint32_t level, count; struct tn_span *places; struct tn_span span; };

struct tn_proto {
	tn_code *code;
	struct tn_span *spans;           /* one for each instruction */
	uint32_t count;
	uint32_t register_count;
	bool plain;                      /* no register ever holds what is counted */
	uint32_t id;                     /* in the VM's table */
	uint64_t site;                   /* of its first instruction: id, and TN_SITE_INNER for code that is not the user's */
	struct tn_value *constants;
	void **rows;                     /* symbols, instances, types, names, and the rows above */
	uint32_t constant_count, row_count;
	struct tn_instance *instance;
	struct tn_vm *vm;
	struct tn_arena arena;
	struct tn_proto *next_dead;
};

#endif
