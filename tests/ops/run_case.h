/* SPDX-License-Identifier: Apache-2.0 */
/* Operands for the rows of cases.h, and their call through the front that users reach. Numbers come from Philox, so that a case
 * is the same everywhere. */
#ifndef TN_TESTS_OPS_RUN_CASE_H
#define TN_TESTS_OPS_RUN_CASE_H

#include <math.h>
#include <stdlib.h>

#include "cases.h"
#include "tensor/philox.h"

/* Element k of operand `input` as a number; integers stay integers. */
static TN_UNUSED double case_number(const struct op_case *c, int input, int64_t k, enum tn_dtype dtype) {
	static const double special[] = {INFINITY, -INFINITY, NAN, 0.0, -0.0, 1.0, -1.0, 2.5, -3.5};
	const struct op_input *in = &c->in[input];
	uint32_t words[4];
	double u;

	tn_philox_block((uint64_t)(c - op_cases), (uint64_t)input, (uint64_t)k, words);
	u = tn_uniform_f64(tn_philox_u64(words, 0));
	switch (in->fill) {
	case FILL_BOOL:
		return u < 0.5;
	case FILL_SPECIAL:
		return special[k % 9];
	case FILL_INDEX:
	case FILL_TIES:
		return dtype == TN_DTYPE_U8 ? fabs(floor(in->low + u * (in->high - in->low))) : floor(in->low + u * (in->high - in->low));
	default:
		break;
	}
	u = in->low + u * (in->high - in->low);
	if (dtype == TN_DTYPE_BOOL8) {
		return u > (in->low + in->high) / 2;
	}
	return tn_dtype_is_float(dtype) ? u : dtype == TN_DTYPE_U8 ? fabs(floor(u)) : floor(u);
}

static TN_UNUSED enum tn_dtype case_dtype(const struct op_case *c, int input, enum tn_dtype dtype) {
	return c->in[input].fill == FILL_BOOL ? TN_DTYPE_BOOL8 : c->in[input].fill == FILL_INDEX ? TN_DTYPE_I64 : dtype;
}

/* An operand from numbers; NULL `values`: those of case_number. */
static TN_UNUSED struct tn_tensor *case_tensor(
	struct tn_engine *e, const struct op_case *c, int input, enum tn_dtype dtype, const double *values, struct tn_error *err) {
	enum tn_dtype own = case_dtype(c, input, dtype);
	int64_t count = tn_shape_count(&c->in[input].shape);
	char *bytes = tn_alloc((size_t)count * 8);
	struct tn_tensor *t;

	if (bytes == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	for (int64_t k = 0; k < count; k++) {
		tn_element_set_f64(
			own, bytes + (size_t)k * tn_dtype_size(own), values != NULL ? values[k] : case_number(c, input, k, own));
	}
	t = tn_tensor_from_data(e, own, &c->in[input].shape, bytes, err);
	tn_free(bytes);
	return t;
}

/* The pooling that a FILL_RESULT operand is the result of. */
static TN_UNUSED struct tn_tensor *case_pooled(
	struct tn_engine *e, const struct op_case *c, struct tn_tensor *x, struct tn_error *err) {
	return tn_apply(
		e, TN_OP_MAX_POOL2D, &(struct tn_op_params){.inputs = &x, .input_count = 1, .attrs = c->attrs, .attr_count = 6}, err);
}

/* The call itself. dtype: of CAST's and the makers' results. */
static TN_UNUSED struct tn_tensor *case_call(
	struct tn_engine *e, const struct op_case *c, struct tn_tensor *const *inputs, enum tn_dtype dtype, struct tn_error *err) {
	if (tn_op_kind(c->op) == TN_KIND_ELEMENTWISE) {
		struct tn_arg args[4];
		int count = 0;

		for (int i = 0; i < c->scalar_count && c->scalar_first; i++) {
			args[count++] = (struct tn_arg){.scalar = c->scalars[i]};
		}
		for (int i = 0; i < c->input_count; i++) {
			args[count++] = tn_arg_tensor(inputs[i]);
		}
		for (int i = 0; i < c->scalar_count && !c->scalar_first; i++) {
			args[count++] = (struct tn_arg){.scalar = c->scalars[i]};
		}
		return tn_elementwise(e, c->op, args, count, err);
	}
	if (c->op == TN_OP_FULL) {
		return tn_full(e, dtype, &(struct tn_shape){.ndim = 2, .dims = {c->attrs[0], c->attrs[1]}}, c->scalars[0], err);
	}
	if (c->op == TN_OP_ARANGE) {
		struct tn_scalar stop = {.i = c->scalars[0].i + c->scalars[1].i * c->attrs[0]};

		return tn_arange(e, dtype, c->scalars[0], stop, c->scalars[1], err);
	}
	if (c->op == TN_OP_PAD) {
		int64_t before[TN_MAX_NDIM], after[TN_MAX_NDIM];

		for (int i = 0; i < c->attr_count / 2; i++) {
			before[i] = c->attrs[2 * i];
			after[i] = c->attrs[2 * i + 1];
		}
		return tn_pad(e, inputs[0], before, after, c->scalars[0], err);
	}
	return tn_apply(e, c->op,
		&(struct tn_op_params){.inputs = inputs,
			.input_count = c->input_count,
			.attrs = c->attrs,
			.attr_count = c->attr_count,
			.scalars = c->scalars,
			.scalar_count = c->scalar_count,
			.dtype = dtype},
		err);
}

#endif
