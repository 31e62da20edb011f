/* SPDX-License-Identifier: Apache-2.0 */
/* The enum of ops and the table that ops.def describes; part of backend.h and tensor.h. */
#ifndef TN_TENSOR_OPS_H
#define TN_TENSOR_OPS_H

#include "tensor/dtype.h"

enum tn_op {
#define TN_OP(id, ...) TN_OP_##id,
#include "tensor/ops.def"
#undef TN_OP
	TN_OP_COUNT
};

enum tn_op_kind {
	TN_KIND_ELEMENTWISE, TN_KIND_CAST, TN_KIND_REDUCE, TN_KIND_ARGREDUCE, TN_KIND_ROW, TN_KIND_CONTRACTION, TN_KIND_WINDOW,
	TN_KIND_VIEW, TN_KIND_COPY, TN_KIND_INDEX, TN_KIND_MAKE, TN_KIND_RANDOM
};

enum { TN_MAX_OP_INPUTS = 64, TN_MAX_ATTRS = 24, TN_MAX_OP_SCALARS = 4 }; /* CAT of more inputs is recorded as a tree */

const char *tn_op_name(enum tn_op op);
const char *tn_op_doc(enum tn_op op);
enum tn_op_kind tn_op_kind(enum tn_op op);
int tn_op_inputs(enum tn_op op); /* -1: any number */

/* A number that is not a tensor: part of the key when `literal`, else an input of the plan. The value's class decides:
 * integers and bools in i, floats in f. */
struct tn_scalar {
	bool is_float, literal;
	union { int64_t i; double f; };
};

/* What the indices of GATHER and TAKE_ALONG are. Classes and rows count from 0 and never from the end: an IndexError names the first
 * that does not, and its place. */
enum tn_indices { TN_INDICES_ANY, TN_INDICES_CLASSES, TN_INDICES_ROWS };

#endif
