/* SPDX-License-Identifier: Apache-2.0 */
/* The checked tree as S-expressions, for the checker's tests: (kind[:type] …). */
#include <string.h>

#include "lang/check.h"

static const char *const kind_names[] = {
	[TN_IR_CONST] = "const",
	[TN_IR_LOCAL] = "local",
	[TN_IR_GLOBAL] = "global",
	[TN_IR_FIELD] = "field",
	[TN_IR_ITEM] = "item",
	[TN_IR_INDEX] = "index",
	[TN_IR_UNARY] = "unary",
	[TN_IR_BINARY] = "binary",
	[TN_IR_AND] = "and",
	[TN_IR_OR] = "or",
	[TN_IR_COND] = "cond",
	[TN_IR_RANGE] = "range",
	[TN_IR_CALL] = "call",
	[TN_IR_CALL_NATIVE] = "native",
	[TN_IR_DYN] = "dyn",
	[TN_IR_TUPLE] = "tuple",
	[TN_IR_LIST] = "list",
	[TN_IR_MAP] = "map",
	[TN_IR_STRUCT] = "struct",
	[TN_IR_TENSOR] = "tensor",
	[TN_IR_LAMBDA] = "lambda",
	[TN_IR_FNSET] = "fnset",
	[TN_IR_FORMAT] = "format",
	[TN_IR_CONVERT] = "convert",
	[TN_IR_EXPECT] = "expect",
	[TN_IR_REF] = "ref",
	[TN_IR_BLOCK] = "block",
	[TN_IR_LET] = "let",
	[TN_IR_EVAL] = "eval",
	[TN_IR_SET_LOCAL] = "set-local",
	[TN_IR_BIND_GLOBAL] = "bind-global",
	[TN_IR_SET_GLOBAL] = "set-global",
	[TN_IR_SET_PLACE] = "set-place",
	[TN_IR_UPDATE] = "update",
	[TN_IR_UNPACK] = "unpack",
	[TN_IR_IF] = "if",
	[TN_IR_LOOP] = "loop",
	[TN_IR_FOR_EACH] = "for-each",
	[TN_IR_SWITCH] = "switch",
	[TN_IR_BREAK] = "break",
	[TN_IR_CONTINUE] = "continue",
	[TN_IR_RETURN] = "return",
	[TN_IR_TRY] = "try",
	[TN_IR_SCOPE] = "scope",
	[TN_IR_DISPLAY] = "display",
	[TN_IR_COMMAND] = "command",
	[TN_IR_IMPORT] = "import",
};

static bool dump(const struct tn_ir *ir, struct tn_str *out);

static bool dump_list(const struct tn_ir_list *list, struct tn_str *out) {
	for (uint32_t i = 0; i < list->count; i++) {
		if (list->items[i] == NULL ? !tn_str_append(out, " -") : !dump(list->items[i], out)) {
			return false;
		}
	}
	return true;
}

static bool dump_const(const struct tn_ir *ir, struct tn_str *out) {
	char text[32];
	switch (ir->value.tag) {
	case TN_INT:
		return tn_str_printf(out, " %lld", (long long)ir->value.i);
	case TN_BOOL:
		return tn_str_append(out, ir->value.b ? " true" : " false");
	case TN_FLOAT:
		tn_format_f64(ir->value.f, text);
		return tn_str_printf(out, " %s", text);
	case TN_STRING:
		return tn_str_printf(out, " \"%s\"", ir->value.string->text);
	case TN_DTYPE:
		return tn_str_printf(out, " %s", tn_dtype_name(ir->value.dtype));
	default:
		return true;
	}
}

static bool dump_index(const struct tn_ir *ir, struct tn_str *out) {
	for (uint32_t i = 0; i < ir->subscript.count; i++) {
		const struct tn_ir_index *item = &ir->subscript.items[i];
		const struct tn_ir *parts[3] = {item->a, item->stop, item->step};
		if (item->kind == TN_IR_INDEX_NEW_AXIS || item->kind == TN_IR_INDEX_REST) {
			if (!tn_str_append(out, item->kind == TN_IR_INDEX_REST ? " ..." : " None")) {
				return false;
			}
			continue;
		}
		if (item->kind == TN_IR_INDEX_SLICE && !tn_str_append(out, " (slice")) {
			return false;
		}
		for (int k = 0; k < (item->kind == TN_IR_INDEX_SLICE ? 3 : 1); k++) {
			if (parts[k] == NULL ? !tn_str_append(out, " -") : !dump(parts[k], out)) {
				return false;
			}
		}
		if (item->kind == TN_IR_INDEX_SLICE && !tn_str_append(out, ")")) {
			return false;
		}
	}
	return true;
}

static bool dump_flow(const struct tn_ir *ir, struct tn_str *out) {
	if (ir->kind == TN_IR_SWITCH) {
		for (uint32_t i = 0; i < ir->flow.case_count; i++) {
			if (!tn_str_append(out, " (case") || !dump_list(&ir->flow.cases[i].values, out) || !tn_str_append(out, " :") ||
				!dump_list(&ir->flow.cases[i].body, out) || !tn_str_append(out, ")")) {
				return false;
			}
		}
		return true;
	}
	if (ir->kind == TN_IR_UNPACK) {
		for (uint32_t i = 0; i < ir->flow.unpack_count; i++) {
			if (!(ir->flow.unpack_locals[i] == UINT32_MAX ? tn_str_append(out, " _")
														  : tn_str_printf(out, " $%u", ir->flow.unpack_locals[i]))) {
				return false;
			}
		}
		return true;
	}
	bool has_local = ir->kind == TN_IR_FOR_EACH || (ir->kind == TN_IR_TRY && ir->flow.local != UINT32_MAX);
	return (!has_local || tn_str_printf(out, " %s$%u", ir->flow.by_ref ? "&" : "", ir->flow.local)) &&
		dump_list(&ir->flow.body, out) &&
		(ir->flow.otherwise.count == 0 || (tn_str_append(out, " else") && dump_list(&ir->flow.otherwise, out))) &&
		(ir->flow.step.count == 0 || (tn_str_append(out, " step") && dump_list(&ir->flow.step, out)));
}

/* What a node holds beside a, b and c. */
static bool dump_own(const struct tn_ir *ir, struct tn_str *out) {
	switch (ir->kind) {
	case TN_IR_CONST:
		return dump_const(ir, out);
	case TN_IR_LOCAL:
	case TN_IR_SET_LOCAL:
		return tn_str_printf(out, " $%u", ir->local);
	case TN_IR_GLOBAL:
	case TN_IR_BIND_GLOBAL:
	case TN_IR_SET_GLOBAL:
		return tn_str_printf(out, " %s", ir->symbol->name);
	case TN_IR_FIELD:
	case TN_IR_ITEM:
		return tn_str_printf(out, " %u", ir->index);
	case TN_IR_UNARY:
	case TN_IR_BINARY:
	case TN_IR_UPDATE:
		return tn_str_printf(out, " %s", tn_ast_op_text(ir->arith.op));
	case TN_IR_INDEX:
		return dump_index(ir, out);
	case TN_IR_CALL:
		return tn_str_printf(out, " %s", ir->call.instance->name) && dump_list(&ir->call.args, out);
	case TN_IR_CALL_NATIVE:
		return tn_str_printf(out, " %.*s", (int)strcspn(ir->native.native->signature, "("), ir->native.native->signature) &&
			dump_list(&ir->native.args, out);
	case TN_IR_DYN:
		return dump_list(&ir->dyn.operands, out);
	case TN_IR_TUPLE:
	case TN_IR_LIST:
	case TN_IR_MAP:
	case TN_IR_STRUCT:
		return dump_list(&ir->make.items, out);
	case TN_IR_TENSOR:
		return tn_str_printf(out, " %s", tn_dtype_name(ir->tensor.dtype)) && dump_list(&ir->tensor.items, out);
	case TN_IR_LAMBDA:
		return dump_list(&ir->lambda.captures, out);
	case TN_IR_FNSET:
	case TN_IR_COMMAND:
		return tn_str_printf(out, " %s", ir->name);
	case TN_IR_EXPECT:
		return tn_str_printf(out, " %s", ir->shape->declared);
	case TN_IR_BLOCK:
		return dump_list(&ir->block.args, out) && tn_str_append(out, " do") && dump_list(&ir->block.body, out);
	case TN_IR_LET:
		return dump_list(&ir->let.body, out);
	case TN_IR_FORMAT:
		for (uint32_t i = 0; i < ir->format.count; i++) {
			if (ir->format.parts[i].value != NULL && !dump(ir->format.parts[i].value, out)) {
				return false;
			}
		}
		return true;
	case TN_IR_IF:
	case TN_IR_LOOP:
	case TN_IR_FOR_EACH:
	case TN_IR_SWITCH:
	case TN_IR_TRY:
	case TN_IR_SCOPE:
	case TN_IR_UNPACK:
		return dump_flow(ir, out);
	default:
		return true;
	}
}

static bool dump(const struct tn_ir *ir, struct tn_str *out) {
	char type[128];
	tn_type_format(ir->type, type);
	if (!tn_str_printf(out, " (%s", kind_names[ir->kind]) ||
		(ir->type->kind != TN_TYPE_VOID && !tn_str_printf(out, ":%s", type))) {
		return false;
	}
	/* children first where they come first in the source; the body of flow behind its condition */
	bool flow = ir->kind >= TN_IR_IF && ir->kind <= TN_IR_SCOPE;
	if (!flow && !dump_own(ir, out)) {
		return false;
	}
	const struct tn_ir *children[3] = {ir->a, ir->b, ir->c};
	for (int i = 0; i < 3; i++) {
		if (children[i] != NULL && !dump(children[i], out)) {
			return false;
		}
	}
	return (!flow || dump_own(ir, out)) && tn_str_append(out, ")");
}

bool tn_ir_dump(const struct tn_instance *instance, struct tn_str *out) {
	for (uint32_t i = 0; i < instance->body.count; i++) {
		struct tn_str line = {0};
		bool ok = dump(instance->body.items[i], &line) && tn_str_append(out, tn_str_c(&line) + 1) && tn_str_append(out, "\n");
		tn_str_finish(&line);
		if (!ok) {
			return false;
		}
	}
	return true;
}
