/* SPDX-License-Identifier: Apache-2.0 */
/* Makers of tensors: zeros, ones, full, arange, linspace, and random numbers; each with a `_like` form. */
#include <math.h>

#include "lang/builtin.h"

static bool fill(struct tn_native_call *call, enum tn_dtype dtype, const struct tn_shape *shape, struct tn_scalar value, struct tn_error *err) {
	return tn_return_tensor(call, tn_full(call->engine, dtype, shape, value, err));
}
static bool make_filled(struct tn_native_call *call, int64_t value, struct tn_error *err) {
	struct tn_shape shape;
	return tn_arg_get_shape(call, 0, &shape, err) && fill(call, call->args[1].dtype, &shape, (struct tn_scalar){.literal = true, .i = value}, err);
}
static bool run_zeros(struct tn_native_call *call, struct tn_error *err) { return make_filled(call, 0, err); }
static bool run_ones(struct tn_native_call *call, struct tn_error *err) { return make_filled(call, 1, err); }

/* The dtype of a `_like` maker: the argument's, or the prototype's. */
static enum tn_dtype like_dtype(const struct tn_native_call *call, uint32_t index) {
	return tn_arg_given(call, index) ? call->args[index].dtype : tn_tensor_dtype(call->args[0].tensor);
}
static bool make_like(struct tn_native_call *call, int64_t value, struct tn_error *err) {
	return fill(call, like_dtype(call, 1), tn_tensor_shape(call->args[0].tensor), (struct tn_scalar){.literal = true, .i = value}, err);
}
static bool run_zeros_like(struct tn_native_call *call, struct tn_error *err) { return make_like(call, 0, err); }
static bool run_ones_like(struct tn_native_call *call, struct tn_error *err) { return make_like(call, 1, err); }

/* full([2], 0.5): the value's class gives the dtype. */
static enum tn_dtype number_dtype(struct tn_value v) {
	return v.tag == TN_FLOAT ? TN_DTYPE_F32 : v.tag == TN_INT ? TN_DTYPE_I64 : TN_DTYPE_BOOL8;
}
static bool run_full(struct tn_native_call *call, struct tn_error *err) {
	struct tn_shape shape;
	enum tn_dtype dtype = tn_arg_given(call, 2) ? call->args[2].dtype : number_dtype(call->args[1]);
	return tn_arg_get_shape(call, 0, &shape, err) && fill(call, dtype, &shape, tn_arg_operand(call, 1).scalar, err);
}
static bool run_full_like(struct tn_native_call *call, struct tn_error *err) {
	return fill(call, like_dtype(call, 2), tn_tensor_shape(call->args[0].tensor), tn_arg_operand(call, 1).scalar, err);
}

/* arange(stop) or arange(start, stop, step) */
static bool run_arange(struct tn_native_call *call, struct tn_error *err) {
	bool one = !tn_arg_given(call, 1), is_float = false;
	for (uint32_t i = 0; i < 3; i++) {
		is_float = is_float || call->args[i].tag == TN_FLOAT;
	}
	struct tn_scalar zero = {.literal = true}, unit = {.literal = true, .i = 1};
	struct tn_scalar start = one ? zero : tn_arg_operand(call, 0).scalar, stop = tn_arg_operand(call, one ? 0 : 1).scalar;
	struct tn_scalar step = tn_arg_given(call, 2) ? tn_arg_operand(call, 2).scalar : unit;
	enum tn_dtype dtype = tn_arg_given(call, 3) ? call->args[3].dtype : is_float ? TN_DTYPE_F32 : TN_DTYPE_I64;
	return tn_return_tensor(call, tn_arange(call->engine, dtype, start, stop, step, err));
}

/* linspace(start, stop, count): start + k * (stop - start) / (count - 1), both ends exact: made on the host in double. */
static bool run_linspace(struct tn_native_call *call, struct tn_error *err) {
	double start = tn_arg_number(call, 0), stop = tn_arg_number(call, 1);
	int64_t count = call->args[2].i;
	enum tn_dtype dtype = call->args[3].dtype;
	if (count < 0) {
		return tn_error_set(err, TN_ERR_VALUE, "linspace: count must not be negative, it is %lld", (long long)count);
	}
	struct tn_host *host = tn_host_create(call->engine, dtype, &TN_SHAPE(count), err);
	if (host == NULL) {
		return false;
	}
	char *data = tn_host_data(host);
	for (int64_t k = 0; k < count; k++) {
		double t = count == 1 ? 0.0 : (double)k / (double)(count - 1);
		tn_element_set_f64(dtype, data + (size_t)k * tn_dtype_size(dtype), t <= 0.5 ? start + (stop - start) * t : stop - (stop - start) * (1.0 - t));
	}
	return tn_return_tensor(call, tn_tensor_take_host(call->engine, host, err));
}

static bool random_of(struct tn_native_call *call, enum tn_op op, const struct tn_random_params *params, struct tn_error *err) {
	return tn_return_tensor(call, tn_random(call->engine, op, params, err));
}
static bool make_random(struct tn_native_call *call, enum tn_op op, struct tn_error *err) {
	struct tn_random_params params = {.dtype = call->args[1].dtype};
	return tn_arg_get_shape(call, 0, &params.shape, err) && random_of(call, op, &params, err);
}
static bool run_rand(struct tn_native_call *call, struct tn_error *err) { return make_random(call, TN_OP_RAND, err); }
static bool run_randn(struct tn_native_call *call, struct tn_error *err) { return make_random(call, TN_OP_RANDN, err); }
static bool random_like(struct tn_native_call *call, enum tn_op op, struct tn_error *err) {
	struct tn_random_params params = {.dtype = like_dtype(call, 1), .shape = *tn_tensor_shape(call->args[0].tensor)};
	return random_of(call, op, &params, err);
}
static bool run_rand_like(struct tn_native_call *call, struct tn_error *err) { return random_like(call, TN_OP_RAND, err); }
static bool run_randn_like(struct tn_native_call *call, struct tn_error *err) { return random_like(call, TN_OP_RANDN, err); }

static bool run_randint(struct tn_native_call *call, struct tn_error *err) {
	struct tn_random_params params = {.dtype = call->args[3].dtype, .low = call->args[0].i, .high = call->args[1].i};
	if (params.low >= params.high) {
		return tn_error_set(err, TN_ERR_VALUE, "randint: low (%lld) must be less than high (%lld)", (long long)params.low, (long long)params.high);
	}
	return tn_arg_get_shape(call, 2, &params.shape, err) && random_of(call, TN_OP_RAND_INT, &params, err);
}
static bool run_randperm(struct tn_native_call *call, struct tn_error *err) {
	if (call->args[0].i < 0) {
		return tn_error_set(err, TN_ERR_VALUE, "randperm: the length must not be negative, it is %lld", (long long)call->args[0].i);
	}
	struct tn_random_params params = {.dtype = TN_DTYPE_I64, .shape = TN_SHAPE(call->args[0].i)};
	return random_of(call, TN_OP_RAND_PERM, &params, err);
}
static bool run_bernoulli(struct tn_native_call *call, struct tn_error *err) {
	struct tn_random_params params = {.dtype = TN_DTYPE_BOOL8, .p = call->args[0].f};
	if (!(params.p >= 0.0 && params.p <= 1.0)) {
		return tn_error_set(err, TN_ERR_VALUE, "bernoulli: p must be in [0, 1], it is %g", params.p);
	}
	return tn_arg_get_shape(call, 1, &params.shape, err) && random_of(call, TN_OP_RAND_BERNOULLI, &params, err);
}

/* A random number as a float: the host's share of the stream, one counter a draw. */
static bool run_random(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	uint32_t block[4];
	tn_philox(tn_random_next(call->engine), 0, block);
	uint64_t bits = ((uint64_t)block[1] << 32 | block[0]) >> 11;
	*call->result = tn_float((double)bits * 0x1p-53);
	return true;
}

static bool run_manual_seed(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	tn_random_set(call->engine, (struct tn_random_state){.seed = (uint64_t)call->args[0].i, .counter = 0});
	return true;
}

#define MAKER(name, doc, run) \
	{ "tensor " name "(shape shape, dtype dtype = f32)", doc "\n\nshape: ints, or one list of ints; none for a 0-d tensor. dtype: of its elements.", name "(2, 3).shape    // expect: [2, 3]", run, NULL, 0 }
#define LIKE(name, doc, run) \
	{ "tensor " name "(tensor x, dtype dtype = none)", doc "\n\nx: gives the shape, and the dtype unless one is given.", name "(zeros(2, 3)).shape    // expect: [2, 3]", run, NULL, 0 }

static const struct tn_native rows[] = {
	MAKER("zeros", "A tensor of zeros.", run_zeros),
	MAKER("ones", "A tensor of ones.", run_ones),
	MAKER("rand", "Uniform random numbers in [0, 1).", run_rand),
	MAKER("randn", "Normal random numbers of mean 0 and variance 1.", run_randn),
	LIKE("zeros_like", "Zeros in the shape of x.", run_zeros_like),
	LIKE("ones_like", "Ones in the shape of x.", run_ones_like),
	LIKE("rand_like", "Uniform random numbers in [0, 1) in the shape of x.", run_rand_like),
	LIKE("randn_like", "Normal random numbers in the shape of x.", run_randn_like),
	{ "tensor full(shape shape, number value, dtype dtype = none)", "A tensor filled with one value.\n\nshape: a list of ints. dtype: of the value when left out: float f32, int i64.",
	  "full([2], 0.5)    // expect: tensor([0.5000, 0.5000]) f32[2]", run_full, NULL, 0 },
	{ "tensor full_like(tensor x, number value, dtype dtype = none)", "One value in the shape of x.\n\ndtype: that of x when left out.", "full_like(zeros(2), 3)    // expect: tensor([3., 3.]) f32[2]", run_full_like, NULL, 0 },
	{ "tensor arange(number start, number stop = none, number step = none, dtype dtype = none)",
	  "start, start + step, … up to, without, stop; arange(n) counts from 0.\n\nInts give i64, floats f32. dtype: of the result when given. Errors: ValueError for a step of 0.", "arange(3)    // expect: tensor([0, 1, 2]) i64[3]", run_arange, NULL, 0 },
	{ "tensor linspace(number start, number stop, int count, dtype dtype = f32)", "count numbers from start to stop, both included, evenly spaced.\n\ndtype: any; integers lose the fraction.", "linspace(0, 1, 3)    // expect: tensor([0.0000, 0.5000, 1.0000]) f32[3]", run_linspace,
	  NULL, 0 },
	{ "tensor randint(int low, int high, shape shape, dtype dtype = i64)", "Uniform random integers in [low, high).\n\nshape: ints, or one list of ints. dtype: an integer one, or floating.", "randint(0, 10, [4]).shape    // expect: [4]", run_randint, NULL, 0 },
	{ "tensor randperm(int n)", "A random permutation of 0 … n - 1: i64.", "sum(randperm(10))    // expect: 45", run_randperm, NULL, 0 },
	{ "tensor bernoulli(float p, shape shape)", "true with probability p: bool8.\n\np: 0 to 1. shape: ints, or one list of ints.", "bernoulli(0.5, [8]).dtype    // expect: bool8", run_bernoulli, NULL, 0 },
	{ "float random()", "A uniform random number in [0, 1).", "random() < 1.0    // expect: true", run_random, NULL, 0 },
	{ "void seed(int seed)", "Starts the random stream anew: the same seed gives the same numbers.\n\nseed (n) { … } does it for a block and goes back to the old stream behind it.",
	  "seed(7);", run_manual_seed, NULL, 0 },
};
TN_NATIVE_TABLE(make, rows);
