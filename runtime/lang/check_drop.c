/* SPDX-License-Identifier: Apache-2.0 */
/* Values that nothing takes: `x.relu();` computes, and changes nothing. What a call does beside giving its result is found from the
 * checked tree of what it calls: writes to a parameter by reference, prints, files, runs. A native says so itself (native.h). The next
 * random number is no such effect: `normal(w);` is as lost as `relu(w);`.
 *
 * The answer errs on the side of silence: what is not known (a value of any type, a function that calls itself, a nest too deep) does
 * something. */
#include <stdio.h>
#include <string.h>

#include "lang/check.h"

/* Kept in tn_instance.effects; KNOWN alone: nothing. CHECKS: it may raise an error on purpose, which is a use of what a program's own
 * function does, but not of the library's, which all look at their arguments. WRITES: to what its parameters refer to. */
enum { KNOWN = 1, ACTS = 2, WRITES = 4, CHECKS = 8 };

enum { MAX_NEST = 1000 };

/* Where a node stands: in a function's body its own locals are nobody else's; in the statement itself (locals NULL) only the temporaries
 * of the LET around are. */
struct walk {
	const struct tn_local *locals;
	const struct tn_ir *let;
	unsigned depth;
};

static unsigned walk(struct walk *w, const struct tn_ir *ir);

static unsigned walk_list(struct walk *w, const struct tn_ir_list *list) {
	unsigned found = 0;
	for (uint32_t i = 0; i < list->count && (found & ACTS) == 0; i++) {
		found |= list->items[i] == NULL ? 0 : walk(w, list->items[i]);
	}
	return found;
}

/* A write to that place. */
static unsigned write_to(const struct walk *w, const struct tn_ir *place) {
	const struct tn_ir *root = check_place_root(place);
	if (root->kind != TN_IR_LOCAL) {
		return ACTS;
	}
	if (w->locals != NULL) {
		return w->locals[root->local].is_ref ? WRITES : 0;
	}
	for (uint32_t i = 0; w->let != NULL && i < w->let->let.body.count; i++) {
		const struct tn_ir *set = w->let->let.body.items[i];
		if (set->kind == TN_IR_SET_LOCAL && set->local == root->local) {
			return 0;
		}
	}
	return ACTS;
}

static unsigned write_to_local(const struct walk *w, uint32_t local) {
	struct tn_ir place = {.kind = TN_IR_LOCAL, .local = local};
	return write_to(w, &place);
}

static unsigned write_to_references(struct walk *w, const struct tn_ir_list *args) {
	unsigned found = 0;
	for (uint32_t i = 0; i < args->count; i++) {
		found |= args->items[i] != NULL && args->items[i]->kind == TN_IR_REF ? write_to(w, args->items[i]->a) : 0;
	}
	return found;
}

static unsigned of_instance(struct tn_instance *instance, unsigned depth) {
	if (instance->effects != 0) {
		return instance->effects;
	}
	if (instance->state != TN_INSTANCE_CHECKED || depth > MAX_NEST) {
		return ACTS;
	}
	struct walk inner = {.locals = instance->locals, .depth = depth};
	instance->effects = ACTS; /* while it is looked at: of what calls itself nothing more is known */
	unsigned found = walk_list(&inner, &instance->body);
	found &= instance->function != NULL && instance->function->is_library ? ~(unsigned)CHECKS : ~0U;
	instance->effects = (uint8_t)(KNOWN | found);
	return instance->effects;
}

static unsigned of_call(struct walk *w, const struct tn_ir *ir) {
	unsigned found = of_instance(ir->call.instance, w->depth) & ~(unsigned)KNOWN;
	if ((found & WRITES) != 0) {
		found = (found & ~(unsigned)WRITES) | write_to_references(w, &ir->call.args);
	}
	return found | walk_list(w, &ir->call.args);
}

/* A function that a native is given, and may call. */
static unsigned of_callable(const struct walk *w, const struct tn_type *type) {
	if (type->kind != TN_TYPE_LAMBDA) {
		return type->kind == TN_TYPE_FN || type->kind == TN_TYPE_ANY || type->kind == TN_TYPE_FNSET ? ACTS : 0;
	}
	unsigned found = type->function->instances.count == 0 ? ACTS : 0;
	for (size_t i = 0; i < type->function->instances.count; i++) {
		found |= of_instance(type->function->instances.items[i], w->depth) & ~(unsigned)KNOWN;
	}
	return found;
}

static unsigned of_native(struct walk *w, const struct tn_ir *ir) {
	const struct tn_native *native = ir->native.native;
	unsigned found = native->leafwise == TN_NATIVE_ACTS ? ACTS : native->leafwise == TN_NATIVE_CHECKS ? CHECKS : 0;
	if (found == 0 && strchr(native->signature, '&') != NULL) {
		found = write_to_references(w, &ir->native.args);
	} else if (found == 0 && (ir->type->kind == TN_TYPE_VOID || ir->type->kind == TN_TYPE_NEVER)) {
		found = ACTS;
	}
	for (uint32_t i = 0; i < ir->native.args.count; i++) {
		found |= ir->native.args.items[i] == NULL ? 0 : of_callable(w, ir->native.args.items[i]->type);
	}
	return found | walk_list(w, &ir->native.args);
}

static unsigned of_flow(struct walk *w, const struct tn_ir *ir) {
	unsigned found = walk_list(w, &ir->flow.body) | walk_list(w, &ir->flow.otherwise) | walk_list(w, &ir->flow.step);
	for (uint32_t i = 0; i < ir->flow.case_count; i++) {
		found |= walk_list(w, &ir->flow.cases[i].values) | walk_list(w, &ir->flow.cases[i].body);
	}
	return found;
}

static unsigned of_let(struct walk *w, const struct tn_ir *ir) {
	struct walk inner = {.locals = w->locals, .let = ir, .depth = w->depth};
	return walk_list(&inner, &ir->let.body) | walk(&inner, ir->a);
}

static unsigned of_parts(struct walk *w, const struct tn_ir *ir) {
	unsigned found = 0;
	if (ir->kind == TN_IR_FORMAT) {
		for (uint32_t i = 0; i < ir->format.count; i++) {
			found |= ir->format.parts[i].value == NULL ? 0 : walk(w, ir->format.parts[i].value);
		}
		return found;
	}
	for (uint32_t i = 0; i < ir->subscript.count; i++) {
		const struct tn_ir *parts[3] = {ir->subscript.items[i].a, ir->subscript.items[i].stop, ir->subscript.items[i].step};
		for (int k = 0; k < 3; k++) {
			found |= parts[k] == NULL ? 0 : walk(w, parts[k]);
		}
	}
	return found;
}

/* What a node does beside its children a, b and c. */
static unsigned of_node(struct walk *w, const struct tn_ir *ir) {
	switch (ir->kind) {
	case TN_IR_CONST: case TN_IR_LOCAL: case TN_IR_GLOBAL: case TN_IR_FIELD: case TN_IR_ITEM: case TN_IR_UNARY: case TN_IR_BINARY:
	case TN_IR_AND: case TN_IR_OR: case TN_IR_COND: case TN_IR_RANGE: case TN_IR_FNSET: case TN_IR_CONVERT: case TN_IR_EXPECT:
	case TN_IR_REF: case TN_IR_EVAL: case TN_IR_BREAK: case TN_IR_CONTINUE: case TN_IR_RETURN: case TN_IR_LAMBDA:
		return 0;
	case TN_IR_CALL:
		return of_call(w, ir);
	case TN_IR_CALL_NATIVE:
		return of_native(w, ir);
	case TN_IR_TUPLE: case TN_IR_LIST: case TN_IR_MAP: case TN_IR_STRUCT:
		return walk_list(w, &ir->make.items);
	case TN_IR_TENSOR:
		return walk_list(w, &ir->tensor.items);
	case TN_IR_FORMAT: case TN_IR_INDEX:
		return of_parts(w, ir);
	case TN_IR_BLOCK:
		return (ir->block.word == TN_BLOCK_PROFILE ? ACTS : 0) | walk_list(w, &ir->block.args) | walk_list(w, &ir->block.body);
	case TN_IR_SET_LOCAL:
		return write_to_local(w, ir->local);
	case TN_IR_SET_PLACE: case TN_IR_UPDATE:
		return write_to(w, ir->b);
	case TN_IR_IF: case TN_IR_LOOP: case TN_IR_FOR_EACH: case TN_IR_SWITCH: case TN_IR_TRY: case TN_IR_SCOPE:
		return of_flow(w, ir);
	case TN_IR_UNPACK:
		return w->locals == NULL ? ACTS : 0;
	default: /* DYN, and statements that change what a cell sees */
		return ACTS;
	}
}

static unsigned walk(struct walk *w, const struct tn_ir *ir) {
	unsigned found = 0;
	unsigned depth = w->depth;
	if (ir->kind == TN_IR_LET) {
		return of_let(w, ir);
	}
	for (w->depth++; ir != NULL && (found & ACTS) == 0; ir = ir->a) { /* a long sum leans to the left */
		found |= w->depth > MAX_NEST ? ACTS : of_node(w, ir);
		found |= ir->b == NULL || (found & ACTS) != 0 ? 0 : walk(w, ir->b);
		found |= ir->c == NULL || (found & ACTS) != 0 ? 0 : walk(w, ir->c);
		if (ir->a != NULL && ir->a->kind == TN_IR_LET) {
			found |= of_let(w, ir->a);
			break;
		}
	}
	w->depth = depth;
	return found;
}

/* ---- what is said about it ---- */

bool check_note_dropped(struct tn_checker *c, const struct tn_ir *value, const struct tn_ast *ast) {
	enum tn_type_kind kind = value->type->kind;
	bool reads = ast->kind == TN_AST_NAME || ast->kind == TN_AST_FIELD || ast->kind == TN_AST_INDEX || value->kind == TN_IR_CONST;
	bool ours = c->unit != NULL && c->frame->unit == c->unit && !c->frame->module->is_library && c->unit->source->name[0] != '%';
	if (!ours || ast == c->last_value || c->frame->tries > 0 || kind == TN_TYPE_VOID || kind == TN_TYPE_NEVER || (reads && kind != TN_TYPE_FNSET)) {
		return true;
	}
	struct dropped one = {value, ast};
	return TN_VEC_PUSH(&c->dropped, one) || check_memory(c) != NULL;
}

/* The source text of a tree, or "…" where it is long. */
static const char *text_of(const struct tn_ast *ast, char out[80], int most) {
	int length = (int)(ast->span.end - ast->span.begin);
	const char *text = ast->span.source->text + ast->span.begin;
	if (length > most || memchr(text, '\n', (size_t)length) != NULL) {
		return strcpy(out, "…");
	}
	snprintf(out, 80, "%.*s", length, text);
	return out;
}

/* The one argument that is more than a setting: `g` of clip_grad_norm(g, 1.0); where the result is of its type, it is what was meant to
 * change. NULL: none, or several. */
static const struct tn_ast *changed_argument(const struct tn_ast *ast, const struct tn_ir *ir) {
	bool native = ir->kind == TN_IR_CALL_NATIVE;
	if (ast->kind != TN_AST_CALL || (!native && ir->kind != TN_IR_CALL)) {
		return NULL;
	}
	const struct tn_ir_list *args = native ? &ir->native.args : &ir->call.args;
	const struct tn_ast *callee = ast->call.callee;
	const struct tn_ast *first = callee->kind == TN_AST_FIELD ? callee->field.object : ast->call.count > 0 ? ast->call.args[0].value : NULL;
	uint32_t large = 0;
	for (uint32_t i = 0; i < args->count; i++) {
		const struct tn_ir *arg = args->items[i];
		bool literal = arg == NULL || arg->kind == TN_IR_CONST || arg->kind == TN_IR_LIST || arg->kind == TN_IR_TENSOR;
		large += !literal && (arg->type->kind == TN_TYPE_LIST || tn_type_is_tree(arg->type));
	}
	bool same = args->count > 0 && args->items[0] != NULL && args->items[0]->type == ir->type;
	bool place = first != NULL && (first->kind == TN_AST_NAME || first->kind == TN_AST_FIELD || first->kind == TN_AST_INDEX);
	return same && place && large <= 1 ? first : NULL;
}

static const char *name_of(const struct tn_ast *ast, char out[80]) {
	struct tn_name name = {0};
	if (ast->kind == TN_AST_CALL) {
		const struct tn_ast *callee = ast->call.callee;
		name = callee->kind == TN_AST_FIELD ? callee->field.name : callee->kind == TN_AST_NAME ? callee->name : name;
	} else if (ast->kind == TN_AST_BINARY || ast->kind == TN_AST_UNARY) {
		return tn_ast_op_text(ast->op.op);
	}
	snprintf(out, 80, "%.*s", name.length > 60 ? 60 : (int)name.length, name.text == NULL ? "" : name.text);
	return out;
}

static void warn_of(struct tn_checker *c, const struct dropped *one) {
	char whole[80], part[80], name[80], hint[240];
	const struct tn_ast *ast = one->ast, *changed = changed_argument(ast, one->value);
	const char *what = name_of(ast, name), *text = text_of(ast, whole, 60);
	const struct tn_type *type = one->value->type;
	bool equals = one->value->kind == TN_IR_BINARY && one->value->arith.op == TN_AST_OP_EQ;
	if (type->kind == TN_TYPE_FNSET) {
		snprintf(hint, sizeof(hint), "a call has parentheses: %s()", text);
		check_warn(c, ast->span, hint, "%s is named here, but not called", type->name);
		return;
	}
	if (equals && check_is_place(one->value->a)) {
		snprintf(hint, sizeof(hint), "= assigns");
	} else if (changed != NULL) {
		snprintf(hint, sizeof(hint), "%s = %s; keeps it", text_of(changed, part, 40), text);
	} else if (ast->kind == TN_AST_BLOCK_EXPR && ast->block_expr.word == TN_BLOCK_GRAD) {
		snprintf(hint, sizeof(hint), "auto (loss, g) = grad (…) { … }; keeps it");
		what = "grad";
	} else if (type->kind == TN_TYPE_TUPLE && type->item_count == 2) {
		snprintf(hint, sizeof(hint), "auto (a, b) = %s; keeps it", text);
	} else if (type->kind == TN_TYPE_HANDLE) {
		snprintf(hint, sizeof(hint), "display(%s); shows it", text);
	} else {
		snprintf(hint, sizeof(hint), "auto result = %s; keeps it, print(%s) shows it", text, text);
	}
	if (what[0] == '\0') {
		check_warn(c, ast->span, hint, "the value of this expression is not used");
	} else {
		check_warn(c, ast->span, hint, "the result of %s is not used", what);
	}
}

void check_warn_dropped(struct tn_checker *c) {
	for (size_t i = 0; i < c->dropped.count; i++) {
		struct walk w = {0};
		const struct dropped *one = &c->dropped.items[i];
		if (walk(&w, one->value) == 0) {
			warn_of(c, one);
		}
	}
}
