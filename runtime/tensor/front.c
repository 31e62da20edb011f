/* SPDX-License-Identifier: Apache-2.0 */
/* Fronts of elementwise ops and of ops by raw attributes: operands → rule → casts → tn_graph_add. tn_elementwise is on the path
 * of every `a + b` of a program, so it allocates nothing and touches the rule table once. The other fronts are in
 * front_compute.c, front_shape.c, front_make.c and index.c. */
#include "tensor/rules.h"

/* Casts the inputs that the rule asked for into `out`, which holds the inputs; `made` counts how far it came, for drop_casts. */
static bool cast_inputs(const struct tn_rule_call *call, struct tn_tensor **out, struct tn_error *err) {
	for (int i = 0; i < call->input_count; i++) {
		out[i] = call->inputs[i];
	}
	for (int i = 0; i < call->input_count; i++) {
		if ((call->casts >> i & 1) == 0) {
			continue;
		}
		out[i] = tn_cast(call->engine, call->inputs[i], call->operand, err);
		if (out[i] == NULL) {
			return false;
		}
	}
	return true;
}

static void drop_casts(const struct tn_rule_call *call, struct tn_tensor **inputs) {
	for (int i = 0; i < call->input_count; i++) {
		if ((call->casts >> i & 1) != 0 && inputs[i] != call->inputs[i]) {
			tn_tensor_unref(inputs[i]);
		}
	}
}

static struct tn_tensor *add_node(const struct tn_rule_call *call, struct tn_tensor *const *inputs, struct tn_error *err) {
	return tn_graph_add(call->engine,
		&(struct tn_graph_node){.op = call->op,
			.dtype = call->dtype,
			.shape = &call->shape,
			.inputs = inputs,
			.input_count = call->input_count,
			.attrs = call->attrs,
			.attr_count = call->attr_count,
			.scalars = call->scalars,
			.scalar_count = call->scalar_count},
		err);
}

struct tn_tensor *tn_op_record(struct tn_rule_call *call, struct tn_error *err) {
	struct tn_tensor *inputs[TN_MAX_OP_INPUTS], *out = NULL;

	if (!tn_op_rule(call->op)(call, err) || !tn_shape_check(&call->shape, tn_op_name(call->op), err)) {
		return NULL;
	}
	if (call->casts == 0) {
		return add_node(call, call->inputs, err);
	}
	if (cast_inputs(call, inputs, err)) {
		out = add_node(call, inputs, err);
	}
	drop_casts(call, inputs);
	return out;
}

/* bool8 tensors have logic in the place of + * min max, as in NumPy. */
static enum tn_op logic_of(enum tn_op op) {
	switch (op) {
	case TN_OP_ADD:
	case TN_OP_MAXIMUM:
		return TN_OP_OR;
	case TN_OP_MUL:
	case TN_OP_MINIMUM:
		return TN_OP_AND;
	default:
		return op;
	}
}

static bool all_bool(const struct tn_arg *args, int count) {
	for (int i = 0; i < count; i++) {
		if (args[i].tensor != NULL ? args[i].tensor->dtype != TN_DTYPE_BOOL8 : !args[i].is_bool) {
			return false;
		}
	}
	return true;
}

/* x ** 2 and x ** 0.5 in the source: a product and a root, which cost a twentieth of a power and are as exact. */
static bool simple_power(struct tn_rule_call *call, struct tn_tensor **inputs, struct tn_scalar *scalars) {
	double exponent;

	if (call->op != TN_OP_POW || inputs[1] != NULL || !scalars[0].literal) {
		return false;
	}
	exponent = scalars[0].is_float ? scalars[0].f : (double)scalars[0].i;
	if (exponent != 2 && exponent != 0.5) {
		return false;
	}
	call->op = exponent == 2 ? TN_OP_MUL : TN_OP_SQRT;
	call->input_count = exponent == 2 ? 2 : 1;
	call->scalar_count = 0;
	inputs[1] = inputs[0];
	return true;
}

/* The part of tn_elementwise after the rule: numbers converted, tensors cast, the node added. */
static struct tn_tensor *record_elementwise(struct tn_rule_call *call, struct tn_scalar *scalars, struct tn_error *err) {
	struct tn_rule_call node;
	struct tn_tensor *inputs[3], *out = NULL;

	for (int i = 0; i < call->scalar_count; i++) {
		if (!tn_scalar_fit(call->op, call->operand, &scalars[i], err)) {
			return NULL;
		}
	}
	if (cast_inputs(call, inputs, err)) {
		node = *call;
		if (call->op == TN_OP_POW) {
			struct tn_tensor *base[3] = {inputs[0], inputs[1], NULL};

			simple_power(&node, base, scalars);
			out = add_node(&node, base, err);
		} else {
			out = add_node(&node, inputs, err);
		}
	}
	drop_casts(call, inputs);
	return out;
}

struct tn_tensor *tn_elementwise(struct tn_engine *e, enum tn_op op, const struct tn_arg *args, int count, struct tn_error *err) {
	struct tn_tensor *inputs[3];
	struct tn_scalar scalars[3];
	struct tn_rule_call call = {.engine = e, .op = op, .input_count = count, .inputs = inputs, .scalars = scalars};

	if (tn_op_kind(op) != TN_KIND_ELEMENTWISE || tn_op_inputs(op) != count) {
		tn_error_set(err, TN_ERR_TYPE, "%s: wants %d operands, not %d", tn_op_name(op), tn_op_inputs(op), count);
		return NULL;
	}
	for (int i = 0; i < count; i++) {
		inputs[i] = args[i].tensor;
		if (inputs[i] == NULL) {
			call.bool_scalars |= (uint32_t)args[i].is_bool << call.scalar_count;
			scalars[call.scalar_count++] = args[i].scalar;
		}
	}
	if (call.scalar_count == count) {
		tn_error_set(err, TN_ERR_TYPE, "%s: at least one operand is a tensor", tn_op_name(op));
		return NULL;
	}
	if (count == 2 && all_bool(args, count)) {
		call.op = logic_of(op);
	}
	if (!tn_op_rule(call.op)(&call, err)) {
		return NULL;
	}
	if (call.scalar_count == 0 && call.casts == 0) {
		return add_node(&call, inputs, err);
	}
	return record_elementwise(&call, scalars, err);
}

struct tn_tensor *tn_unary(struct tn_engine *e, enum tn_op op, struct tn_tensor *x, struct tn_error *err) {
	return tn_elementwise(e, op, (struct tn_arg[]){tn_arg_tensor(x)}, 1, err);
}

struct tn_tensor *tn_binary(struct tn_engine *e, enum tn_op op, struct tn_tensor *a, struct tn_tensor *b, struct tn_error *err) {
	return tn_elementwise(e, op, (struct tn_arg[]){tn_arg_tensor(a), tn_arg_tensor(b)}, 2, err);
}

struct tn_tensor *tn_with_number(struct tn_engine *e, enum tn_op op, struct tn_tensor *x, double number, struct tn_error *err) {
	return tn_elementwise(e, op, (struct tn_arg[]){tn_arg_tensor(x), tn_arg_f64(number, true)}, 2, err);
}

struct tn_tensor *tn_cast(struct tn_engine *e, struct tn_tensor *x, enum tn_dtype dtype, struct tn_error *err) {
	if (x->dtype == dtype) {
		return tn_tensor_ref(x);
	}
	return tn_graph_add(
		e, &(struct tn_graph_node){.op = TN_OP_CAST, .dtype = dtype, .shape = &x->shape, .inputs = &x, .input_count = 1}, err);
}

struct tn_tensor *tn_apply(struct tn_engine *e, enum tn_op op, const struct tn_op_params *params, struct tn_error *err) {
	struct tn_rule_call call = {.engine = e,
		.op = op,
		.inputs = params->inputs,
		.input_count = params->input_count,
		.attrs = params->attrs,
		.attr_count = params->attr_count,
		.scalars = params->scalars,
		.scalar_count = params->scalar_count,
		.dtype = params->dtype};
	int wanted = tn_op_inputs(op);

	if ((wanted >= 0 && params->input_count != wanted) || params->input_count < 0 || params->input_count > TN_MAX_OP_INPUTS ||
		params->attr_count < 0 || params->attr_count > TN_MAX_ATTRS || params->scalar_count < 0 ||
		params->scalar_count > TN_MAX_OP_SCALARS) {
		tn_error_attrs(op, err);
		return NULL;
	}
	if (tn_op_kind(op) == TN_KIND_ELEMENTWISE) { /* numbers need their promotion */
		tn_error_attrs(op, err);
		return NULL;
	}
	return tn_op_record(&call, err);
}
