/* SPDX-License-Identifier: Apache-2.0 */
/* Control flow and blocks. Loops test at their end; where the body may have recorded work its end is an EDGE, behind which the body's
 * variables are gone. break, continue and return close the blocks that they leave. */
#include "lang/compile.h"

/* ---- leaving ---- */

/* Closes what has been opened since there were `down_to` of them. */
static void close_open(struct compiler *c, size_t down_to) {
	for (size_t i = c->open.count; i > down_to; i--) {
		compile_emit(c, c->open.items[i - 1] == OPEN_TRY ? TN_OPCODE_TRY_END : TN_OPCODE_BLOCK_END, 0, 0, 0);
	}
}

static void push_open(struct compiler *c, enum open_kind kind) {
	if (!TN_VEC_PUSH(&c->open, kind)) {
		compile_fail(c, TN_ERR_MEMORY, NULL);
	}
}
static void pop_open(struct compiler *c) {
	if (c->open.count > 0) {
		c->open.count--;
	}
}

static void leave(struct compiler *c, const struct tn_ir *ir) {
	struct target *t = c->target;
	while (t != NULL && ir->kind == TN_IR_CONTINUE && !t->is_loop) {
		t = t->outer;
	}
	if (t == NULL) {
		compile_fail(c, TN_ERR_SYNTAX, "break and continue stand in a loop only");
		return;
	}
	compile_drop_temps(c, t->next);
	close_open(c, t->open);
	compile_jump(c, TN_OPCODE_JUMP, 0, 0, ir->kind == TN_IR_BREAK ? &t->breaks : &t->continues);
}

static void give_back(struct compiler *c, const struct tn_ir *ir) {
	uint32_t mark = c->next;
	if (ir->a == NULL || ir->a->type->kind == TN_TYPE_VOID) {
		if (ir->a != NULL) {
			compile_operand(c, ir->a);
		}
		close_open(c, 0);
		compile_emit(c, TN_OPCODE_RETURN_VOID, 0, 0, 0);
	} else {
		uint32_t r = compile_operand(c, ir->a);
		close_open(c, 0);
		compile_emit(c, TN_OPCODE_RETURN, r, 0, 0);
	}
	compile_taken(c, mark);
}

static void if_else(struct compiler *c, const struct tn_ir *ir) {
	struct jump_list otherwise = {0}, end = {0};
	compile_condition(c, ir->a, false, &otherwise);
	compile_list(c, ir->flow.body);
	if (ir->flow.otherwise.count > 0) {
		compile_jump(c, TN_OPCODE_JUMP, 0, 0, &end);
	}
	compile_patch_list(c, &otherwise, compile_here(c));
	compile_list(c, ir->flow.otherwise);
	compile_patch_list(c, &end, compile_here(c));
}

/* ---- loops ---- */

struct loop { struct target target; uint32_t from, heavy; struct tn_span span; };

static void loop_begin(struct compiler *c, struct loop *l) {
	*l = (struct loop){.target = {.outer = c->target, .is_loop = true, .open = c->open.count, .next = c->next}, .from = c->defined, .span = c->span};
	compile_emit(c, TN_OPCODE_LEVEL, 0, 0, ++c->level);
	l->heavy = c->heavy;
	c->target = &l->target;
}

/* The end of the body, where `continue` arrives. */
static void loop_edge(struct compiler *c, struct loop *l) {
	compile_patch_list(c, &l->target.continues, compile_here(c));
	compile_drop_locals(c, l->from, c->defined);
	if (c->heavy != l->heavy) {
		c->span = l->span; /* work that is done there belongs to the loop, not to its last statement */
		compile_emit(c, TN_OPCODE_EDGE, 0, 0, 0);
	}
}

static void loop_end(struct compiler *c, struct loop *l) {
	c->target = l->target.outer;
	if (l->target.breaks.at.count > 0) {
		compile_patch_list(c, &l->target.breaks, compile_here(c));
		compile_drop_locals(c, l->from, c->defined);
	}
	compile_emit(c, TN_OPCODE_LEVEL, 0, 0, --c->level);
}

static void plain_loop(struct compiler *c, const struct tn_ir *ir) {
	struct loop l;
	struct jump_list test = {0}, again = {0};
	loop_begin(c, &l);
	if (ir->a != NULL && !ir->flow.test_last) {
		compile_jump(c, TN_OPCODE_JUMP, 0, 0, &test);
	}
	uint32_t top = compile_here(c);
	compile_list(c, ir->flow.body);
	loop_edge(c, &l);
	compile_list(c, ir->flow.step);
	compile_patch_list(c, &test, compile_here(c));
	if (ir->a != NULL) {
		compile_condition(c, ir->a, true, &again);
	} else {
		compile_jump(c, TN_OPCODE_JUMP, 0, 0, &again);
	}
	compile_patch_list(c, &again, top);
	loop_end(c, &l);
}

static void range_loop(struct compiler *c, const struct tn_ir *ir) {
	struct loop l;
	struct jump_list test = {0}, again = {0};
	uint32_t mark = c->next, counter = compile_temp(c, false), limit = compile_temp(c, false);
	compile_to(c, ir->a->a, counter);
	compile_to(c, ir->a->b, limit);
	loop_begin(c, &l);
	compile_define(c, ir->flow.local);
	compile_jump(c, TN_OPCODE_JUMP, 0, 0, &test);
	uint32_t top = compile_here(c);
	compile_list(c, ir->flow.body);
	loop_edge(c, &l);
	compile_patch_list(c, &test, compile_here(c));
	compile_jump(c, TN_OPCODE_FOR_RANGE, counter, ir->flow.local, &again);
	compile_patch_list(c, &again, top);
	loop_end(c, &l);
	compile_taken(c, mark);
}

static void for_each(struct compiler *c, const struct tn_ir *ir) {
	if (ir->a->kind == TN_IR_RANGE && !ir->flow.by_ref) {
		range_loop(c, ir);
		return;
	}
	struct loop l;
	struct jump_list done = {0}, again = {0};
	uint32_t mark = c->next, pass = compile_temp(c, true), local = ir->flow.local;
	if (ir->flow.by_ref) {
		struct tn_ir ref = {.kind = TN_IR_REF, .type = ir->a->type, .span = ir->a->span, .a = ir->a};
		uint32_t counter = compile_temp(c, false);
		compile_to(c, &ref, pass);
		compile_emit(c, TN_OPCODE_INT, counter, 0, 0);
	} else {
		uint32_t source = compile_operand(c, ir->a);
		c->span = ir->a->span;
		compile_emit(c, TN_OPCODE_ITERATE, pass, source, 0);
		compile_release(c, pass + 1);
	}
	loop_begin(c, &l);
	uint32_t top = compile_here(c);
	compile_define(c, local);
	compile_jump(c, ir->flow.by_ref ? TN_OPCODE_NEXT_REF : TN_OPCODE_NEXT, pass, local, &done);
	compile_list(c, ir->flow.body);
	loop_edge(c, &l);
	compile_jump(c, TN_OPCODE_JUMP, 0, 0, &again);
	compile_patch_list(c, &again, top);
	compile_patch_list(c, &done, compile_here(c));
	loop_end(c, &l);
	compile_release(c, mark);
}

/* ---- switch ---- */

static void case_test(struct compiler *c, const struct tn_ir *value, const struct tn_ir *wanted, uint32_t r, struct jump_list *list) {
	uint32_t mark = c->next, hit = compile_temp(c, false), other = compile_operand(c, wanted);
	struct tn_operator_row *row = compile_alloc(c, 1, sizeof(*row));
	(void)value;
	if (row != NULL) {
		*row = (struct tn_operator_row){.op = TN_AST_OP_EQ, .class = TN_CLASS_VALUE, .b = other};
		compile_emit(c, TN_OPCODE_BINARY, hit, r, compile_row(c, row));
		compile_jump(c, TN_OPCODE_JUMP_TRUE, hit, 0, list);
	}
	compile_release(c, mark);
}

static void switch_cases(struct compiler *c, const struct tn_ir *ir) {
	struct target target = {.outer = c->target, .open = c->open.count};
	uint32_t mark = c->next, r = compile_temp(c, compile_is_counted(ir->a->type)), from = c->defined, n = ir->flow.case_count, fallback = n;
	struct jump_list *entries = compile_alloc(c, n, sizeof(*entries)), otherwise = {0};
	compile_to(c, ir->a, r);
	target.next = c->next;
	for (uint32_t i = 0; entries != NULL && i < n; i++) {
		struct tn_ir_list values = ir->flow.cases[i].values;
		fallback = values.count == 0 ? i : fallback;
		for (uint32_t k = 0; k < values.count; k++) {
			case_test(c, ir->a, values.items[k], r, &entries[i]);
		}
	}
	compile_jump(c, TN_OPCODE_JUMP, 0, 0, &otherwise);
	c->target = &target;
	for (uint32_t i = 0; entries != NULL && i < n; i++) {
		compile_patch_list(c, &entries[i], compile_here(c));
		if (i == fallback) {
			compile_patch_list(c, &otherwise, compile_here(c));
		}
		compile_list(c, ir->flow.cases[i].body);
	}
	c->target = target.outer;
	compile_patch_list(c, &otherwise, compile_here(c)); /* empty where there was a default */
	compile_patch_list(c, &target.breaks, compile_here(c));
	compile_drop_locals(c, from, c->defined);
	compile_release(c, mark);
}

/* ---- try ---- */

static void try_catch(struct compiler *c, const struct tn_ir *ir) {
	struct jump_list handler = {0}, end = {0};
	uint32_t mark = c->next, from = c->defined, local = ir->flow.local;
	compile_jump(c, TN_OPCODE_TRY, 0, 0, &handler);
	push_open(c, OPEN_TRY);
	compile_list(c, ir->flow.body);
	pop_open(c);
	compile_emit(c, TN_OPCODE_TRY_END, 0, 0, 0);
	compile_jump(c, TN_OPCODE_JUMP, 0, 0, &end);
	compile_patch_list(c, &handler, compile_here(c));
	uint32_t r = local == UINT32_MAX ? compile_temp(c, true) : local;
	compile_emit(c, TN_OPCODE_CATCH, r, mark, 0); /* b: registers from there on are dropped */
	compile_emit(c, TN_OPCODE_LEVEL, 0, 0, c->level);
	compile_release(c, mark);
	compile_drop_locals(c, from, c->defined);
	if (local != UINT32_MAX) {
		compile_define(c, local);
	}
	compile_list(c, ir->flow.otherwise);
	if (local != UINT32_MAX) {
		compile_drop_locals(c, local, local + 1);
	}
	compile_patch_list(c, &end, compile_here(c));
}

/* ---- blocks ---- */

static struct tn_block_row *block_row(struct compiler *c, const struct tn_ir *ir) {
	struct tn_block_row *row = compile_alloc(c, 1, sizeof(*row));
	uint32_t n = ir->block.args.count;
	struct tn_span *places = compile_alloc(c, n, sizeof(*places));
	if (row == NULL || places == NULL) {
		return NULL;
	}
	for (uint32_t i = 0; i < n; i++) {
		places[i] = ir->block.args.items[i]->span;
	}
	*row = (struct tn_block_row){.word = ir->block.word, .allow_unused = ir->block.allow_unused, .bare_tensors = ir->block.bare_tensors,
		.count = n, .places = places, .span = ir->span};
	return row;
}

/* The body and its value, in a new register. */
static uint32_t block_body(struct compiler *c, const struct tn_ir *ir, uint32_t from) {
	uint32_t value = compile_temp(c, ir->a != NULL && compile_is_counted(ir->a->type));
	compile_list(c, ir->block.body);
	if (ir->a != NULL) {
		compile_to(c, ir->a, value);
	}
	compile_drop_locals(c, from, c->defined);
	return value;
}

static void grad_block(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next, n = ir->block.args.count, from = c->defined;
	struct tn_block_row *row = block_row(c, ir);
	for (uint32_t i = 0; i <= n; i++) {
		compile_temp(c, true);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct tn_ir ref = {.kind = TN_IR_REF, .type = ir->block.args.items[i]->type, .span = ir->block.args.items[i]->span, .a = ir->block.args.items[i]};
		compile_to(c, &ref, mark + i);
	}
	if (ir->b != NULL) {
		compile_to(c, ir->b, mark + n);
	} else {
		compile_emit(c, TN_OPCODE_CONST, mark + n, 0, compile_constant(c, tn_void()));
	}
	compile_emit(c, TN_OPCODE_GRAD, mark, n, row == NULL ? 0 : compile_row(c, row));
	compile_taken(c, mark);
	push_open(c, OPEN_GRAD);
	uint32_t value = block_body(c, ir, from);
	pop_open(c);
	c->counted = true;
	c->span = ir->span;
	compile_emit(c, TN_OPCODE_GRAD_END, value, 0, row == NULL ? 0 : compile_row(c, row));
	compile_move(c, ir->type, to, value);
	compile_taken(c, mark);
}

void compile_block(struct compiler *c, const struct tn_ir *ir, uint32_t to) {
	uint32_t mark = c->next, from = c->defined;
	if (ir->block.word == TN_BLOCK_GRAD) {
		grad_block(c, ir, to);
		return;
	}
	struct tn_block_row *row = block_row(c, ir);
	uint32_t argument = 0;
	if (ir->block.args.count > 0) {
		argument = compile_operand(c, ir->block.args.items[0]);
	}
	compile_emit(c, TN_OPCODE_BLOCK, argument, 0, row == NULL ? 0 : compile_row(c, row));
	compile_release(c, mark);
	push_open(c, OPEN_BLOCK);
	uint32_t value = block_body(c, ir, from);
	pop_open(c);
	compile_emit(c, TN_OPCODE_BLOCK_END, 0, 0, 0);
	if (ir->a != NULL) {
		compile_move(c, ir->a->type, to, value);
	}
	compile_taken(c, mark);
}

void compile_flow(struct compiler *c, const struct tn_ir *ir) {
	switch (ir->kind) {
	case TN_IR_IF:
		if_else(c, ir);
		return;
	case TN_IR_LOOP:
		plain_loop(c, ir);
		return;
	case TN_IR_FOR_EACH:
		for_each(c, ir);
		return;
	case TN_IR_SWITCH:
		switch_cases(c, ir);
		return;
	case TN_IR_BREAK:
	case TN_IR_CONTINUE:
		leave(c, ir);
		return;
	case TN_IR_RETURN:
		give_back(c, ir);
		return;
	case TN_IR_TRY:
		try_catch(c, ir);
		return;
	default:
		compile_fail(c, TN_ERR_ERROR, "a statement of a kind that the compiler does not know");
		return;
	}
}
