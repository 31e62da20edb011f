/* SPDX-License-Identifier: Apache-2.0 */
/* Fronts of makers: tensors out of numbers and out of the random stream. The numbers are run-time scalars of the node, so that a
 * plan serves every seed and every learning rate; kernels draw bools and i64, other dtypes are casts of those. */
#include <inttypes.h>
#include <math.h>

#include "tensor/rules.h"

static struct tn_tensor *make(struct tn_engine *e, enum tn_op op, enum tn_dtype dtype, const struct tn_shape *shape,
	const struct tn_scalar *scalars, int scalar_count, struct tn_error *err) {
	struct tn_rule_call call = {.engine = e,
		.op = op,
		.attrs = shape->dims,
		.attr_count = shape->ndim,
		.scalars = scalars,
		.scalar_count = scalar_count,
		.dtype = dtype};

	return tn_op_record(&call, err);
}

struct tn_tensor *tn_full(
	struct tn_engine *e, enum tn_dtype dtype, const struct tn_shape *shape, struct tn_scalar value, struct tn_error *err) {
	return tn_scalar_fit(TN_OP_FULL, dtype, &value, err) ? make(e, TN_OP_FULL, dtype, shape, &value, 1, err) : NULL;
}

static double scalar_f64(struct tn_scalar s) {
	return s.is_float ? s.f : (double)s.i;
}

/* How many numbers lie in start, start + step … before stop. */
static bool arange_count(
	struct tn_scalar start, struct tn_scalar stop, struct tn_scalar step, int64_t *out, struct tn_error *err) {
	double count;

	if (scalar_f64(step) == 0) {
		return tn_error_set(err, TN_ERR_VALUE, "arange: the step is 0");
	}
	if (!start.is_float && !stop.is_float && !step.is_float) {
		__int128 span = (__int128)stop.i - start.i, by = step.i, exact = (span + by + (by > 0 ? -1 : 1)) / by;

		*out = exact < 0 ? 0 : exact > INT64_MAX ? INT64_MAX : (int64_t)exact;
		return true;
	}
	count = ceil((scalar_f64(stop) - scalar_f64(start)) / scalar_f64(step));
	if (!isfinite(count)) {
		return tn_error_set(
			err, TN_ERR_VALUE, "arange: from %g to %g by %g is no range", scalar_f64(start), scalar_f64(stop), scalar_f64(step));
	}
	*out = count <= 0 ? 0 : count >= 0x1p62 ? INT64_MAX : (int64_t)count;
	return true;
}

struct tn_tensor *tn_arange(struct tn_engine *e, enum tn_dtype dtype, struct tn_scalar start, struct tn_scalar stop,
	struct tn_scalar step, struct tn_error *err) {
	struct tn_scalar scalars[2] = {start, step};
	struct tn_shape shape = {.ndim = 1};

	if (!arange_count(start, stop, step, &shape.dims[0], err)) {
		return NULL;
	}
	for (int i = 0; i < 2; i++) {
		if (tn_dtype_is_float(dtype)) { /* in full precision: the kernel rounds start + k * step once */
			scalars[i] = (struct tn_scalar){.is_float = true, .literal = scalars[i].literal, .f = scalar_f64(scalars[i])};
		} else if (shape.dims[0] > i && !tn_scalar_fit(TN_OP_ARANGE, i == 0 ? dtype : TN_DTYPE_I64, &scalars[i], err)) {
			return NULL;
		}
	}
	return make(e, TN_OP_ARANGE, dtype, &shape, scalars, 2, err);
}

/* ---- random ---- */

static bool check_int_range(const struct tn_random_params *params, struct tn_error *err) {
	struct tn_scalar low = {.i = params->low}, last = {.i = params->high - 1};

	if (params->low >= params->high) {
		return tn_error_set(
			err, TN_ERR_VALUE, "randint: low (%" PRId64 ") is below high (%" PRId64 ")", params->low, params->high);
	}
	return tn_scalar_fit(TN_OP_RAND_INT, params->dtype, &low, err) && tn_scalar_fit(TN_OP_RAND_INT, params->dtype, &last, err);
}

static bool random_scalars(
	enum tn_op op, const struct tn_random_params *params, struct tn_scalar *scalars, int *count, struct tn_error *err) {
	*count = 2;
	switch (op) {
	case TN_OP_RAND_INT:
		scalars[2] = (struct tn_scalar){.i = params->low};
		scalars[3] = (struct tn_scalar){.i = params->high};
		*count = 4;
		return check_int_range(params, err);
	case TN_OP_RAND_BERNOULLI:
		if (!(params->p >= 0 && params->p <= 1)) {
			return tn_error_set(err, TN_ERR_VALUE, "bernoulli: a probability is 0 to 1, not %g", params->p);
		}
		scalars[2] = (struct tn_scalar){.is_float = true, .f = params->p};
		*count = 3;
		return true;
	case TN_OP_RAND:
	case TN_OP_RANDN:
	case TN_OP_RAND_PERM:
		return true;
	default:
		return tn_error_attrs(op, err);
	}
}

/* What the kernel makes; other dtypes are cast from it. */
static enum tn_dtype drawn_dtype(enum tn_op op, enum tn_dtype wanted) {
	switch (op) {
	case TN_OP_RAND_INT:
	case TN_OP_RAND_PERM:
		return TN_DTYPE_I64;
	case TN_OP_RAND_BERNOULLI:
		return TN_DTYPE_BOOL8;
	default:
		return wanted;
	}
}

struct tn_tensor *tn_random(struct tn_engine *e, enum tn_op op, const struct tn_random_params *params, struct tn_error *err) {
	struct tn_scalar scalars[4];
	struct tn_random_state state;
	struct tn_tensor *drawn, *out;
	int count;

	if (!random_scalars(op, params, scalars, &count, err)) {
		return NULL;
	}
	state = tn_random_next(e);
	scalars[0] = (struct tn_scalar){.i = (int64_t)state.seed};
	scalars[1] = (struct tn_scalar){.i = (int64_t)state.counter};
	drawn = make(e, op, drawn_dtype(op, params->dtype), &params->shape, scalars, count, err);
	if (drawn == NULL) {
		return NULL;
	}
	out = tn_cast(e, drawn, params->dtype, err);
	tn_tensor_unref(drawn);
	return out;
}
