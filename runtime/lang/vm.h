/* SPDX-License-Identifier: Apache-2.0 */
/* The VM's state, shared by vm*.c and undo.c. Private to lang/. */
#ifndef TN_LANG_VM_H
#define TN_LANG_VM_H

#include <stddef.h>

#include "lang/bytecode.h"

struct vm_frame {
	const struct tn_proto *proto;
	const tn_code *pc;             /* behind the call, while a callee runs */
	struct tn_value *registers;
	uint32_t loop_base, loop_level; /* loops open outside this frame; in it */
};

/* One open `grad`: leaves stand in the places, in the order of the walk. */
struct vm_grad {
	struct tn_grad *record;
	const struct tn_block_row *row;
	struct tn_value *places;       /* TN_REF, row->count of them */
	struct tn_value *trees;        /* what the places held */
	uint32_t *first;               /* of each place, its first leaf; count + 1 numbers */
	TN_VEC(struct tn_tensor *) leaves;
	TN_VEC(struct tn_tensor *) originals;
	TN_VEC(bool) chosen;           /* of every weight, whether it is a leaf */
	uint32_t *first_weight;
};

/* What has to be undone when an error or a jump leaves. */
struct vm_handler {
	const struct tn_block_row *row; /* NULL: a try */
	uint32_t frame;                /* number of its frame */
	const tn_code *target;
	struct tn_modes modes;
	struct tn_random_state random;
	struct vm_grad *grad;
	struct tn_remat *remat;
	int64_t begun_ns;
	struct tn_value argument;      /* the name of a profile */
	bool in_grad_check;
};

/* `length`: the global holds a list that has only grown since, from that length on; SIZE_MAX: `old` is the whole value. */
struct vm_undo { struct tn_symbol *symbol; struct tn_value old; size_t length; bool pending; };

struct tn_vm {
	struct tn_lang *lang;
	struct tn_engine *engine;
	const volatile int *interrupt;
	struct tn_value *stack, *stack_end;
	size_t stack_bytes;
	struct vm_frame *frames;
	size_t frame_bytes;
	uint32_t depth, depth_limit;   /* frames in use */
	uint32_t c_depth;              /* loops of the interpreter inside one another */
	uint32_t grad_mark;            /* 1 + the loop depth in which a grad block ended since the last back edge there */
	bool error_from_call;          /* the error came out of a nested run: its place is inside that */
	uint32_t callers;              /* frames below this one are told of as calls that led to the error */
	struct tn_error caught;
	TN_VEC(struct vm_handler) handlers;
	TN_VEC(struct tn_proto *) protos; /* by id; NULL: gone */
	struct tn_proto *dead;         /* freed when nothing runs */
	TN_VEC(struct vm_undo) undo;
	TN_VEC(struct tn_tensor *) held;
	TN_VEC(uint64_t) warned;       /* hashes of the texts that this cell has shown */
	uint64_t left;                 /* where the cell was when its last frame went */
	bool appending;                /* a native runs that adds to the end of a list, and writes nothing else */
};

/* compile.c: bytecode that was given up while something ran */
void vm_free_dead(struct tn_vm *vm);
/* vm.c */
bool vm_push(struct tn_vm *vm, struct tn_instance *instance, struct tn_value *registers, struct tn_error *err);
bool vm_execute(struct tn_vm *vm, uint32_t base, struct tn_error *err);
struct tn_span vm_span(const struct vm_frame *frame);
static inline uint64_t vm_site(const struct tn_proto *proto, const tn_code *pc) { return proto->site + (uint32_t)(pc - proto->code); }
/* Of the instruction that the frame is at: its pc stands behind it. */
static inline uint64_t vm_frame_site(const struct vm_frame *frame) { return vm_site(frame->proto, frame->pc - (frame->pc > frame->proto->code)); }
/* vm_unwind.c: true: the frame's pc is at the handler; false: the error leaves `base`. */
bool vm_unwind(struct tn_vm *vm, uint32_t base, uint32_t handlers, struct tn_error *err);
bool vm_catch(struct tn_vm *vm, struct tn_value *out, struct tn_error *err);
void vm_drop_frame(struct tn_vm *vm);
/* vm_block.c */
bool vm_try_begin(struct tn_vm *vm, const tn_code *target, struct tn_error *err);
bool vm_try_end(struct tn_vm *vm, struct tn_error *err);
bool vm_block_begin(struct tn_vm *vm, const struct tn_block_row *row, struct tn_value *argument, struct tn_error *err);
bool vm_block_end(struct tn_vm *vm, struct tn_error *err);
void vm_handler_leave(struct tn_vm *vm, struct vm_handler *handler); /* restores what it changed; no error can come of it */
bool vm_edge(struct tn_vm *vm, struct tn_error *err);
/* vm_grad.c */
bool vm_grad_begin(struct tn_vm *vm, const struct tn_block_row *row, struct tn_value *registers, struct tn_error *err);
bool vm_grad_end(struct tn_vm *vm, struct tn_value *value, struct tn_error *err);
void vm_grad_leave(struct vm_grad *grad);
/* vm_operator.c */
bool vm_binary(struct tn_vm *vm, const struct tn_operator_row *row, struct tn_value a, struct tn_value b, struct tn_value *out, struct tn_error *err);
bool vm_unary(struct tn_vm *vm, const struct tn_operator_row *row, struct tn_value a, struct tn_value *out, struct tn_error *err);
bool vm_int_pow(int64_t a, int64_t b, int64_t *out, struct tn_error *err);
bool vm_to_bool(struct tn_value v, bool *out, struct tn_error *err);
enum tn_op vm_tensor_op(enum tn_ast_op op); /* TN_OP_COUNT: none */
/* vm_convert.c */
bool vm_convert(struct tn_vm *vm, const struct tn_convert_row *row, struct tn_value v, struct tn_value *out, struct tn_error *err);
bool vm_expect(struct tn_vm *vm, const struct tn_ir_shape *shape, struct tn_value v, const struct tn_value *wanted, struct tn_value *registers, struct tn_error *err);
/* vm_place.c */
bool vm_index(struct tn_vm *vm, const struct tn_subscript *row, struct tn_value object, const struct tn_value *registers, struct tn_value *out, struct tn_error *err);
bool vm_reference(struct tn_vm *vm, const struct tn_path *path, struct tn_value *registers, struct tn_value *out, struct tn_error *err);
bool vm_set_place(struct tn_vm *vm, const struct tn_path *path, struct tn_value *registers, struct tn_value *value, struct tn_error *err);
bool vm_update(struct tn_vm *vm, const struct tn_update_row *row, struct tn_value *registers, struct tn_value value, struct tn_error *err);
/* vm_call.c */
/* "net.b is empty: …", with the source's text where there is one; `what` else. False. */
bool vm_is_empty(struct tn_span span, const char *what, struct tn_error *err);
bool vm_native(struct tn_vm *vm, const struct tn_native_row *row, struct tn_value *args, struct tn_error *err);
struct tn_instance *vm_dynamic(struct tn_vm *vm, struct tn_dyn_row *row, struct tn_value *args, struct tn_error *err);
bool vm_iterate(struct tn_vm *vm, struct tn_value source, struct tn_value *out, struct tn_error *err);
struct tn_iter *vm_iterator(struct tn_value v);
bool vm_next_ref(struct tn_value *pass, struct tn_value *out, bool *done, struct tn_error *err);
bool vm_distinct(const struct tn_distinct_row *row, const struct tn_value *args, struct tn_error *err);
/* vm_make.c */
bool vm_make_struct(struct tn_struct_def *def, struct tn_value *fields, struct tn_value *out, struct tn_error *err);
bool vm_make_tensor(struct tn_vm *vm, const struct tn_tensor_row *row, struct tn_value list, struct tn_value *out, struct tn_error *err);
bool vm_make_lambda(const struct tn_lambda_row *row, struct tn_value *captures, struct tn_value *out, struct tn_error *err);
bool vm_format(const struct tn_format_row *row, struct tn_value *values, struct tn_value *out, struct tn_error *err);
bool vm_unpack(const struct tn_unpack_row *row, struct tn_value *value, struct tn_value *registers, struct tn_error *err);
bool vm_bind(struct tn_vm *vm, struct tn_symbol *symbol, struct tn_value *value, struct tn_error *err);
bool vm_display(struct tn_vm *vm, struct tn_value v, struct tn_error *err);
/* undo.c */
void vm_undo_before_flush(struct tn_vm *vm);
void vm_undo_after_flush(struct tn_vm *vm, bool ok);
void vm_undo_finish(struct tn_vm *vm);
uint64_t vm_here(const struct tn_vm *vm); /* the innermost line of the user's own; TN_SITE_NONE: nothing has run */
struct tn_span vm_site_span(const struct tn_vm *vm, uint64_t site); /* all zero: not known */
void vm_locate(struct tn_vm *vm, struct tn_origin origin, struct tn_error *err);

#endif
