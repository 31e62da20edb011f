/* SPDX-License-Identifier: Apache-2.0 */
/* x[…] written: a new value of x, in place underneath where nobody else holds it. Ints and slices become SLICE_SET, tensors
 * INDEX_SET over merged axes, a mask with one value a WHERE, which needs no flush. Writes at a variable's position become
 * INDEX_SET where they can, for the reason in index.c. */
#include <inttypes.h>
#include <string.h>

#include "tensor/index.h"

/* The value as a tensor of x's dtype that broadcasts to `shape`; a number fills it. */
static struct tn_tensor *value_tensor(
	struct tn_engine *e, const struct tn_tensor *x, struct tn_arg value, const struct tn_shape *shape, struct tn_error *err) {
	struct tn_tensor *cast, *trimmed, *out;
	struct tn_shape trim;
	int extra = 0;

	if (value.tensor == NULL) {
		return tn_full(e, x->dtype, shape, value.scalar, err);
	}
	trim = value.tensor->shape;
	while (trim.ndim - extra > shape->ndim && trim.dims[extra] == 1) { /* [1, 3] goes into [3], as in NumPy */
		extra++;
	}
	trim.ndim -= extra;
	memmove(trim.dims, trim.dims + extra, sizeof(trim.dims[0]) * (size_t)trim.ndim);
	if (!tn_shape_broadcast(&trim, shape, &trim) || !tn_shape_equal(&trim, shape)) {
		tn_error_set(err, TN_ERR_SHAPE, "a part of shape %s of %s cannot take %s", tn_text_of_shape(shape).text,
			tn_text_of(x).text, tn_text_of(value.tensor).text);
		return NULL;
	}
	cast = tn_cast(e, value.tensor, x->dtype, err);
	trimmed = cast == NULL ? NULL : tn_reshape(e, cast, cast->shape.dims + extra, cast->shape.ndim - extra, err);
	out = trimmed == NULL ? NULL : tn_expand(e, trimmed, shape->dims, shape->ndim, err);
	tn_tensor_unref(cast);
	tn_tensor_unref(trimmed);
	return out;
}

/* ---- ints and slices ---- */

/* Writes a number or a present one-element tensor into one element of a tensor that is there and nobody else's. False: not
 * possible that way (no error). Row-major ones only, as the recorded write's result is: in others an element may be many
 * (expand), and their order would last. */
static bool write_in_place(struct tn_engine *e, struct tn_tensor *x, const struct tn_index_plan *plan, struct tn_arg value) {
	struct tn_backend *backend = tn_engine_backend(e);
	const struct tn_tensor *from = value.tensor;
	int64_t at = x->offset;
	size_t size = tn_dtype_size(x->dtype);
	char *base, *target;

	if (x->state != TN_TENSOR_READY || x->refs != 1 || x->undo_refs != 0 || x->grad_mask != 0 || x->buffer == NULL ||
		__atomic_load_n(&x->buffer->refs, __ATOMIC_ACQUIRE) != 1 || backend->impl->host_pointer == NULL ||
		!tn_tensor_is_row_major(x)) {
		return false;
	}
	if (from != NULL && (from->state != TN_TENSOR_READY || from->grad_mask != 0 || from->buffer == x->buffer)) {
		return false;
	}
	for (int i = 0; i < plan->ndim; i++) {
		/* one place in memory that is several elements (of expand) must be spread out first */
		if (plan->axes[i].dim != 1 || (x->stride[i] == 0 && x->shape.dims[i] > 1)) {
			return false;
		}
		at += plan->axes[i].start * x->stride[i];
	}
	base = backend->impl->host_pointer(backend, x->buffer->ptr);
	target = base + (size_t)at * size;
	if (from != NULL) {
		const char *source = backend->impl->host_pointer(backend, from->buffer->ptr);

		source += (size_t)from->offset * tn_dtype_size(from->dtype);
		if (tn_dtype_is_float(from->dtype)) {
			tn_element_set_f64(x->dtype, target, tn_element_f64(from->dtype, source));
		} else {
			tn_element_set_i64(x->dtype, target, tn_element_i64(from->dtype, source));
		}
	} else if (value.scalar.is_float) {
		tn_element_set_f64(x->dtype, target, value.scalar.f);
	} else {
		tn_element_set_i64(x->dtype, target, value.scalar.i);
	}
	return true;
}

/* The one axis that is not whole and whose start is a variable's value, or -1. */
static int variable_axis(const struct tn_tensor *x, const struct tn_index_plan *plan) {
	int found = -1;

	for (int i = 0; i < plan->ndim; i++) {
		if (!tn_index_axis_is_full(&plan->axes[i], x->shape.dims[i])) {
			if (found >= 0 || plan->axes[i].literal || plan->axes[i].dim == 0) {
				return -1;
			}
			found = i;
		}
	}
	return found;
}

/* part: shape with ints as axes of size 1, as the ops want it. */
static struct tn_tensor *set_node(
	struct tn_engine *e, struct tn_tensor *x, const struct tn_index_plan *plan, struct tn_tensor *part, struct tn_error *err) {
	int64_t attrs[3 * TN_MAX_NDIM];
	struct tn_tensor *inputs[3] = {x, part}, *out;
	struct tn_rule_call call = {
		.engine = e, .op = TN_OP_SLICE_SET, .inputs = inputs, .input_count = 2, .attrs = attrs, .attr_count = 3 * plan->ndim};
	int axis = variable_axis(x, plan);

	if (axis < 0) {
		tn_index_attrs(plan, attrs);
		return tn_op_record(&call, err);
	}
	inputs[1] = tn_index_positions(e, &plan->axes[axis], err);
	inputs[2] = part;
	out = inputs[1] != NULL ? tn_index_node(e, TN_OP_INDEX_SET, inputs, 3, axis, err) : NULL;
	tn_tensor_unref(inputs[1]);
	return out;
}

static struct tn_tensor *set_basic(
	struct tn_engine *e, struct tn_tensor *x, const struct tn_index_plan *plan, struct tn_arg value, struct tn_error *err) {
	struct tn_shape part_shape, seen;
	struct tn_tensor *filled, *part, *out;
	bool full = true;

	tn_index_shapes(plan, &part_shape, &seen);
	filled = value_tensor(e, x, value, &seen, err);
	part = filled != NULL ? tn_reshape(e, filled, part_shape.dims, part_shape.ndim, err) : NULL;
	tn_tensor_unref(filled);
	if (part == NULL) {
		return NULL;
	}
	for (int i = 0; i < plan->ndim; i++) {
		full = full && tn_index_axis_is_full(&plan->axes[i], x->shape.dims[i]);
	}
	if (full) { /* every element is replaced */
		return part;
	}
	out = tn_shape_count(&part_shape) == 0 ? tn_tensor_ref(x) : set_node(e, x, plan, part, err);
	tn_tensor_unref(part);
	return out;
}

/* ---- tensors ---- */

/* A mask with one value: chosen element by element, so that nothing need be known of the mask. */
static struct tn_tensor *set_masked(
	struct tn_engine *e, struct tn_tensor *x, const struct tn_index_tensor *mask, struct tn_arg value, struct tn_error *err) {
	struct tn_shape shape = mask->tensor->shape;
	struct tn_tensor *condition, *one, *out = NULL;

	while (shape.ndim < x->shape.ndim - mask->axis) {
		shape.dims[shape.ndim++] = 1;
	}
	condition = tn_reshape(e, mask->tensor, shape.dims, shape.ndim, err);
	one = condition != NULL ? value_tensor(e, x, value, &TN_SHAPE_SCALAR, err) : NULL;
	if (one != NULL) {
		out = tn_elementwise(
			e, TN_OP_WHERE, (struct tn_arg[]){tn_arg_tensor(condition), tn_arg_tensor(one), tn_arg_tensor(x)}, 3, err);
	}
	tn_tensor_unref(condition);
	tn_tensor_unref(one);
	return out;
}

/* The written x of merged axes, with its axes apart and in their order again. */
static struct tn_tensor *unmerge(
	struct tn_engine *e, const struct tn_index_merged *m, struct tn_tensor *written, struct tn_error *err) {
	int64_t back[TN_MAX_NDIM];
	struct tn_tensor *apart = tn_reshape(e, written, m->unmerged.dims, m->unmerged.ndim, err), *out;

	if (apart == NULL || !m->permuted) {
		return apart;
	}
	for (int i = 0; i < m->unmerged.ndim; i++) {
		back[m->order[i]] = i;
	}
	out = tn_permute(e, apart, back, m->unmerged.ndim, err);
	tn_tensor_unref(apart);
	return out;
}

static struct tn_tensor *set_indexed(
	struct tn_engine *e, struct tn_tensor *x, const struct tn_index_plan *plan, struct tn_arg value, struct tn_error *err) {
	struct tn_index_merged m;
	struct tn_tensor *inputs[3] = {NULL}, *written, *out = NULL;
	struct tn_shape shape = {0};

	if (!tn_index_merge(e, x, plan, &m, err)) {
		return NULL;
	}
	if (m.x->shape.ndim - 1 + m.index->shape.ndim > TN_MAX_NDIM) {
		tn_error_set(err, TN_ERR_SHAPE, "%s by %s would have more than %d axes", tn_text_of(m.x).text, tn_text_of(m.index).text,
			TN_MAX_NDIM);
		goto out;
	}
	for (int i = 0; i < m.x->shape.ndim; i++) {
		if (i != m.axis) {
			shape.dims[shape.ndim++] = m.x->shape.dims[i];
			continue;
		}
		for (int k = 0; k < m.index->shape.ndim; k++) {
			shape.dims[shape.ndim++] = m.index->shape.dims[k];
		}
	}
	inputs[0] = m.x;
	inputs[1] = m.index;
	inputs[2] = value_tensor(e, x, value, &shape, err);
	written = inputs[2] != NULL ? tn_index_node(e, TN_OP_INDEX_SET, inputs, 3, m.axis, err) : NULL;
	if (written != NULL) {
		out = unmerge(e, &m, written, err);
		tn_tensor_unref(written);
	}
out:
	tn_tensor_unref(inputs[2]);
	tn_index_merged_finish(&m);
	return out;
}

static bool is_one_value(struct tn_arg value) {
	return value.tensor == NULL || (value.tensor->shape.ndim <= 1 && tn_shape_count(&value.tensor->shape) == 1);
}

/* With tensors among the items: the part that ints and slices choose is read, written by the tensors, and put back. */
static struct tn_tensor *set_advanced(
	struct tn_engine *e, struct tn_tensor *x, const struct tn_index_plan *plan, struct tn_arg value, struct tn_error *err) {
	struct tn_index_plan inner = *plan;
	struct tn_tensor *part = tn_index_basic_get(e, x, plan, err), *written, *out;

	if (part == NULL) {
		return NULL;
	}
	tn_index_move_tensors(&inner, part->shape.ndim);
	if (inner.tensor_count == 1 && inner.tensors[0].tensor->dtype == TN_DTYPE_BOOL8 && is_one_value(value)) {
		written = set_masked(e, part, &inner.tensors[0], value, err);
	} else {
		written = set_indexed(e, part, &inner, value, err);
	}
	tn_tensor_unref(part);
	if (written == NULL) {
		return NULL;
	}
	out = set_basic(e, x, plan, tn_arg_tensor(written), err);
	tn_tensor_unref(written);
	return out;
}

bool tn_index_set(struct tn_engine *e, struct tn_tensor **x, const struct tn_index *items, int count, struct tn_arg value,
	struct tn_error *err) {
	struct tn_index_plan plan;
	struct tn_tensor *out;

	if (!tn_index_parse(*x, items, count, &plan, err)) {
		return false;
	}
	if (value.tensor == NULL && !tn_scalar_fit(TN_OP_INDEX_SET, (*x)->dtype, &value.scalar, err)) {
		return false;
	}
	if (plan.tensor_count == 0 && is_one_value(value) && write_in_place(e, *x, &plan, value)) {
		return true;
	}
	out = plan.tensor_count == 0 ? set_basic(e, *x, &plan, value, err) : set_advanced(e, *x, &plan, value, err);
	if (out == NULL) {
		return false;
	}
	tn_tensor_unref(*x);
	*x = out;
	return true;
}
