/* SPDX-License-Identifier: Apache-2.0 */
/* The op table: ops.def as rows, and the questions that fronts, planner, tape and documentation ask it. */
#include "tensor/gradient.h"
#include "tensor/rules.h"

#define I0 TN_SAVES_I0
#define I1 TN_SAVES_I1
#define I2 TN_SAVES_I2
#define O TN_SAVES_O

struct op_row {
	const char *name, *doc;
	enum tn_op_kind kind;
	int inputs;
	unsigned saves;
	tn_rule_fn rule;
	tn_gradient_fn gradient;
};

static const struct op_row rows[TN_OP_COUNT] = {
#define TN_OP(id, name, kind, inputs, rule, gradient, saves, doc)                                                                \
	[TN_OP_##id] = {name, doc, TN_KIND_##kind, inputs, saves, tn_##rule, tn_##gradient},
#include "tensor/ops.def"
#undef TN_OP
};

const char *tn_op_name(enum tn_op op) {
	return rows[op].name;
}

const char *tn_op_doc(enum tn_op op) {
	return rows[op].doc;
}

enum tn_op_kind tn_op_kind(enum tn_op op) {
	return rows[op].kind;
}

int tn_op_inputs(enum tn_op op) {
	return rows[op].inputs;
}

tn_rule_fn tn_op_rule(enum tn_op op) {
	return rows[op].rule;
}

unsigned tn_op_saves(enum tn_op op) {
	return rows[op].saves;
}

tn_gradient_fn tn_op_gradient(enum tn_op op) {
	/* the driver guards every rule alike: autocast off, dtypes and shapes of the inputs */
	return rows[op].gradient != NULL ? tn_gradient_run : NULL;
}

tn_gradient_fn tn_op_gradient_rule(enum tn_op op) {
	return rows[op].gradient;
}

/* Multiplications and additions of a contraction's result element, times 2. */
static double contraction_flops(const struct tn_graph_node *node) {
	const struct tn_tensor *a = node->inputs[0], *b = node->inputs[1];
	double out = (double)tn_shape_count(node->shape);

	switch (node->op) {
	case TN_OP_MATMUL:
		return 2 * out * (double)a->shape.dims[a->shape.ndim - 1];
	case TN_OP_CONV2D:
		return 2 * out * (double)b->shape.dims[1] * (double)b->shape.dims[2] * (double)b->shape.dims[3];
	case TN_OP_CONV2D_GRAD_X: /* as many as the forward: one set per element of the gradient of its result */
		return 2 * (double)tn_shape_count(&a->shape) * (double)b->shape.dims[1] * (double)b->shape.dims[2] *
			(double)b->shape.dims[3];
	default: /* CONV2D_GRAD_W */
		return 2 * (double)tn_shape_count(&b->shape) * (double)node->shape->dims[1] * (double)node->shape->dims[2] *
			(double)node->shape->dims[3];
	}
}

double tn_op_flops(const struct tn_graph_node *node) {
	double elements = (double)tn_shape_count(node->shape);

	switch (rows[node->op].kind) {
	case TN_KIND_VIEW:
		return 0;
	case TN_KIND_CONTRACTION:
		return contraction_flops(node);
	case TN_KIND_REDUCE:
	case TN_KIND_ARGREDUCE:
		return (double)tn_shape_count(&node->inputs[0]->shape);
	case TN_KIND_ROW:
		return 4 * elements;
	case TN_KIND_WINDOW:
		return elements * (double)(node->attr_count > 1 ? node->attrs[0] * node->attrs[1] : 1);
	default:
		return elements;
	}
}
