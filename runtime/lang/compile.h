/* SPDX-License-Identifier: Apache-2.0 */
/* The compiler's parts. Nothing returns a failure: the first error is kept in `failed` and `err`, and what is emitted after it is never
 * run. Private to compile*.c. */
#ifndef TN_LANG_COMPILE_H
#define TN_LANG_COMPILE_H

#include <assert.h>

#include "lang/bytecode.h"

struct jump_list { TN_VEC(uint32_t) at; };

/* A loop or switch that `break` leaves; what has to be closed on the way stands in compiler.open, and temporaries from `next` on are dropped. */
struct target {
	struct target *outer;
	struct jump_list breaks, continues;
	bool is_loop;
	size_t open;
	uint32_t next;
};

enum open_kind { OPEN_TRY, OPEN_BLOCK, OPEN_GRAD };

/* Registers. Those below instance->local_count are locals: the checker alone makes them, and only of them can be asked what the instance
 * says of a local (its type, its name, whether it is a reference). Those above are temporaries, a stack: compile_temp takes the next
 * one, compile_release and compile_taken free all from a mark on. A temporary never becomes a local: whoever has a value in a
 * register passes the register's number, not a made-up TN_IR_LOCAL.
 *   - compile_to and every statement leave the stack as they found it; compile_operand leaves at most one more, which is its result.
 *   - temp_counted says of each temporary in use whether it may hold what is counted. Where it does not, numbers are written over
 *     what was there without looking: so a jump that leaves expressions drops their temporaries first.
 *   - A local's own register as an operand has the value that the local has when the instruction runs, not when the operand was
 *     compiled: compile_operand_before makes a copy where what is evaluated in between may write. */
struct compiler {
	struct tn_lang *lang;
	struct tn_instance *instance;
	struct tn_error *err;
	struct tn_arena *arena;
	TN_VEC(tn_code) code;
	TN_VEC(struct tn_span) spans;
	TN_VEC(struct tn_value) constants;
	TN_VEC(void *) rows;
	TN_VEC(bool) temp_counted;  /* of each register in use above the locals */
	TN_VEC(enum open_kind) open;
	struct target *target;
	struct tn_span span;        /* of what is being compiled */
	uint32_t next, most;        /* free registers start at; most ever in use */
	uint32_t defined;           /* locals with a smaller number have been set by what was compiled so far */
	uint32_t level;             /* open loops */
	uint32_t heavy;             /* instructions so far that may record work */
	int depth;
	bool counted, failed;
};

/* compile.c */
uint32_t compile_emit(struct compiler *c, enum tn_opcode op, uint32_t a, uint32_t b, int64_t k);
uint32_t compile_constant(struct compiler *c, struct tn_value v); /* a new reference is kept */
uint32_t compile_row(struct compiler *c, const void *row);
void *compile_alloc(struct compiler *c, size_t count, size_t size);
void compile_fail(struct compiler *c, enum tn_error_kind kind, const char *text);
bool compile_is_counted(const struct tn_type *type);
bool compile_is_local(const struct compiler *c, uint32_t r); /* false: a temporary */
bool compile_is_ref(const struct compiler *c, uint32_t local);
uint32_t compile_temp(struct compiler *c, bool counted);
/* Frees the registers from `mark` on; drops what they hold unless it has been taken. */
void compile_release(struct compiler *c, uint32_t mark);
void compile_taken(struct compiler *c, uint32_t mark);
/* Drops what registers from `mark` on hold and keeps them in use: for a jump out of them. */
void compile_drop_temps(struct compiler *c, uint32_t mark);
void compile_define(struct compiler *c, uint32_t local);
void compile_drop_locals(struct compiler *c, uint32_t from, uint32_t to);
uint32_t compile_here(const struct compiler *c);
void compile_patch(struct compiler *c, uint32_t at, uint32_t to);
void compile_patch_list(struct compiler *c, struct jump_list *list, uint32_t to); /* and frees it */
void compile_jump(struct compiler *c, enum tn_opcode op, uint32_t a, uint32_t b, struct jump_list *list);

/* compile_expr.c */
void compile_to(struct compiler *c, const struct tn_ir *ir, uint32_t to); /* an owned value in register `to` */
uint32_t compile_operand(struct compiler *c, const struct tn_ir *ir);    /* a local's own register, or a new temporary */
uint32_t compile_operand_before(struct compiler *c, const struct tn_ir *ir, const struct tn_ir *later); /* its value before `later` is evaluated */
void compile_move(struct compiler *c, const struct tn_type *type, uint32_t to, uint32_t from); /* takes */
/* compile_operator.c */
void compile_binary(struct compiler *c, const struct tn_ir *ir, uint32_t to);
void compile_unary(struct compiler *c, const struct tn_ir *ir, uint32_t to);
void compile_operator(struct compiler *c, const struct tn_ir *ir, uint32_t to, uint32_t a, const struct tn_ir *b);
/* The same with the right operand in a register; `b` is what it was computed of. */
void compile_operator_on(struct compiler *c, const struct tn_ir *ir, uint32_t to, uint32_t a, uint32_t right, const struct tn_ir *b);
void compile_condition(struct compiler *c, const struct tn_ir *ir, bool when, struct jump_list *list); /* jumps when ir is `when` */
bool compile_may_write(const struct tn_ir *ir);
/* compile_place.c */
struct tn_path *compile_path(struct compiler *c, const struct tn_ir *place);
struct tn_subscript *compile_subscript(struct compiler *c, const struct tn_ir *index);
/* compile_call.c */
void compile_call(struct compiler *c, const struct tn_ir *ir, uint32_t to);
void compile_native(struct compiler *c, const struct tn_ir *ir, uint32_t to);
void compile_dynamic(struct compiler *c, const struct tn_ir *ir, uint32_t to);
/* compile_make.c */
void compile_make(struct compiler *c, const struct tn_ir *ir, uint32_t to);
/* compile_stmt.c */
void compile_list(struct compiler *c, struct tn_ir_list list);
/* compile_flow.c */
void compile_flow(struct compiler *c, const struct tn_ir *ir);
void compile_block(struct compiler *c, const struct tn_ir *ir, uint32_t to);

#endif
