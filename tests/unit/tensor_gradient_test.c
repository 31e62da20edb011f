/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of every differentiable row of the op table, first and second, against central differences in f64; and the choices
 * at edges (ties, zeros, duplicates) where differences say nothing, against PyTorch's. */
#include "tensor_fixture.h"

#include "../ops/run_case.h"

enum { INPUTS = 4, ELEMENTS_MAX = 512 };

/* One case with its operands as numbers, which differences move. */
struct subject {
	struct tn_engine *engine;
	const struct op_case *c;
	double values[INPUTS][ELEMENTS_MAX];
	int64_t counts[INPUTS];
};

static bool wants_gradient(const struct subject *s, int input) {
	return case_dtype(s->c, input, TN_DTYPE_F64) == TN_DTYPE_F64 && s->c->in[input].fill != FILL_RESULT;
}

static void fill_subject(struct subject *s, struct tn_engine *e, const struct op_case *c) {
	s->engine = e;
	s->c = c;
	for (int i = 0; i < c->input_count; i++) {
		s->counts[i] = tn_shape_count(&c->in[i].shape);
		TN_CHECK(s->counts[i] <= ELEMENTS_MAX);
		for (int64_t k = 0; k < s->counts[i]; k++) {
			s->values[i][k] = case_number(c, i, k, case_dtype(c, i, TN_DTYPE_F64));
		}
	}
}

/* Fixed numbers with the tensor's shape, to make a sum whose gradient differs in every element. */
static struct tn_tensor *weights_like(struct tn_engine *e, struct tn_tensor *t, uint64_t seed) {
	int64_t count = tn_shape_count(tn_tensor_shape(t));
	double *numbers = tn_alloc((size_t)count * sizeof(double));
	struct tn_tensor *w;

	TN_CHECK_NOT_NULL(numbers);
	for (int64_t k = 0; k < count; k++) {
		uint32_t words[4];

		tn_philox_block(seed, 99, (uint64_t)k, words);
		numbers[k] = 0.5 + tn_uniform_f64(tn_philox_u64(words, 0));
	}
	w = fixture_from(e, TN_DTYPE_F64, *tn_tensor_shape(t), numbers);
	tn_free(numbers);
	return w;
}

/* sum(t * weights), 0-d. */
static struct tn_tensor *weighted_sum(struct tn_engine *e, struct tn_tensor *t, uint64_t seed) {
	struct tn_error err = {0};
	struct tn_tensor *w = weights_like(e, t, seed), *product = tn_binary(e, TN_OP_MUL, t, w, &err), *sum;

	TN_CHECK_NO_ERROR(&err);
	sum = tn_reduce(e, TN_OP_SUM, product, NULL, 0, false, &err);
	TN_CHECK_NO_ERROR(&err);
	tn_tensor_unref(w);
	tn_tensor_unref(product);
	return sum;
}

/* L(inputs) = sum(op(inputs) * weights) */
static struct tn_tensor *loss_of(const struct subject *s, struct tn_tensor *const *inputs) {
	struct tn_error err = {0};
	struct tn_tensor *out = case_call(s->engine, s->c, inputs, TN_DTYPE_F64, &err), *loss;

	TN_CHECK_NO_ERROR(&err);
	loss = weighted_sum(s->engine, out, 1);
	tn_tensor_unref(out);
	return loss;
}

/* The operands as tensors; those with a gradient as leaves of `grad`, where that is not NULL. */
static void make_inputs(const struct subject *s, struct tn_grad *grad, struct tn_tensor **inputs) {
	struct tn_error err = {0};

	for (int i = 0; i < s->c->input_count; i++) {
		struct tn_tensor *plain = s->c->in[i].fill == FILL_RESULT
			? case_pooled(s->engine, s->c, inputs[0], &err)
			: case_tensor(s->engine, s->c, i, TN_DTYPE_F64, s->values[i], &err);

		TN_CHECK_NO_ERROR(&err);
		inputs[i] = plain;
		if (grad != NULL && wants_gradient(s, i)) {
			inputs[i] = tn_grad_leaf(grad, plain, &err);
			TN_CHECK_NO_ERROR(&err);
			tn_tensor_unref(plain);
		}
	}
}

static void drop(struct tn_tensor **tensors, int count) {
	for (int i = 0; i < count; i++) {
		tn_tensor_unref(tensors[i]);
		tensors[i] = NULL;
	}
}

/* dL/dinputs at inputs, as tensors that may be differentiated again; NULL: zero. */
static void gradients_at(const struct subject *s, struct tn_tensor *const *inputs, struct tn_tensor **grads) {
	struct tn_error err = {0};
	struct tn_grad *grad = tn_grad_begin(s->engine, &err);
	struct tn_tensor *leaves[INPUTS] = {NULL}, *loss;
	int count = s->c->input_count;

	TN_CHECK_NO_ERROR(&err);
	for (int i = 0; i < count; i++) {
		leaves[i] = wants_gradient(s, i) ? tn_grad_leaf(grad, inputs[i], &err) : tn_tensor_ref(inputs[i]);
		TN_CHECK_NO_ERROR(&err);
	}
	loss = loss_of(s, leaves);
	TN_CHECK(tn_grad_end(grad, loss, leaves, count, grads, &err) || !tn_error_is_set(&err));
	TN_CHECK_NO_ERROR(&err);
	tn_tensor_unref(loss);
	drop(leaves, count);
}

/* H(inputs) = sum over k of sum(dL/dinput k * weights k); NULL: no gradient at all. */
static struct tn_tensor *slope_of(const struct subject *s, struct tn_tensor *const *inputs) {
	struct tn_error err = {0};
	struct tn_tensor *grads[INPUTS] = {NULL}, *total = NULL;

	gradients_at(s, inputs, grads);
	for (int i = 0; i < s->c->input_count; i++) {
		struct tn_tensor *part, *sum;

		if (grads[i] == NULL) {
			continue;
		}
		part = weighted_sum(s->engine, grads[i], 7 + (uint64_t)i);
		sum = total == NULL ? tn_tensor_ref(part) : tn_binary(s->engine, TN_OP_ADD, total, part, &err);
		TN_CHECK_NO_ERROR(&err);
		tn_tensor_unref(part);
		tn_tensor_unref(total);
		total = sum;
	}
	drop(grads, s->c->input_count);
	return total;
}

typedef struct tn_tensor *(*function_of)(const struct subject *s, struct tn_tensor *const *inputs);

static double value_at(const struct subject *s, function_of f) {
	struct tn_error err = {0};
	struct tn_tensor *inputs[INPUTS] = {NULL}, *value;
	double x = 0;

	make_inputs(s, NULL, inputs);
	value = f(s, inputs);
	TN_CHECK(value == NULL || tn_tensor_item_f64(value, &x, &err));
	tn_tensor_unref(value);
	drop(inputs, s->c->input_count);
	return x;
}

/* df/dinputs by differentiation, compared with central differences. */
static void compare(struct subject *s, function_of f, const char *what) {
	struct tn_error err = {0};
	struct tn_grad *grad = tn_grad_begin(s->engine, &err);
	struct tn_tensor *inputs[INPUTS] = {NULL}, *grads[INPUTS] = {NULL}, *value;

	TN_CHECK_NO_ERROR(&err);
	make_inputs(s, grad, inputs);
	value = f(s, inputs);
	if (value == NULL) { /* constant */
		tn_grad_abort(grad);
	} else {
		TN_CHECK(tn_grad_end(grad, value, inputs, s->c->input_count, grads, &err) || !tn_error_is_set(&err));
		TN_CHECK_NO_ERROR(&err);
	}
	tn_tensor_unref(value);
	for (int i = 0; i < s->c->input_count; i++) {
		double *found;

		if (!wants_gradient(s, i)) {
			continue;
		}
		if (grads[i] != NULL) {
			TN_CHECK_INT_EQ(tn_tensor_dtype(grads[i]), TN_DTYPE_F64);
			TN_CHECK(tn_shape_equal(tn_tensor_shape(grads[i]), &s->c->in[i].shape));
		}
		found = grads[i] != NULL ? fixture_read(grads[i]) : NULL;
		/* large operands by samples: 13 at least, an odd distance apart so that each axis is met everywhere */
		for (int64_t k = 0; k < s->counts[i]; k += s->counts[i] / 26 * 2 + 1) {
			double held = s->values[i][k], step = 1e-5, above, below, difference, own = found != NULL ? found[k] : 0;

			s->values[i][k] = held + step;
			above = value_at(s, f);
			s->values[i][k] = held - step;
			below = value_at(s, f);
			s->values[i][k] = held;
			difference = (above - below) / (2 * step);
			if (!(fabs(own - difference) <= 2e-5 * (1 + fabs(difference)))) {
				tn_test_fail(TN_TEST_HERE(what), "%s (%s): %s for element %lld of operand %d is %.9g, differences say %.9g",
					tn_op_name(s->c->op), s->c->note, what, (long long)k, i, own, difference);
			}
		}
		tn_free(found);
	}
	drop(grads, s->c->input_count);
	drop(inputs, s->c->input_count);
}

static bool is_differentiable(enum tn_op op) {
	static const bool plain[TN_OP_COUNT] = {
#define TN_OP(id, name, kind, inputs, rule, gradient, ...) [TN_OP_##id] = sizeof(#gradient) != sizeof("grad_none"),
#include "tensor/ops.def"
#undef TN_OP
	};
	return plain[op];
}

/* Every k-th differentiable case, so that the walk is several tests. */
static void walk(int part, int parts, function_of f, const char *what) {
	static struct subject s;
	struct tn_engine *e = fixture_engine();

	for (size_t i = (size_t)part; i < TN_ARRAY_LEN(op_cases); i += (size_t)parts) {
		bool second = f == slope_of;

		if (!op_cases[i].smooth || !is_differentiable(op_cases[i].op) || (op_cases[i].classes & OP_F) == 0) {
			continue;
		}
		if (second && op_cases[i].op == TN_OP_CUMPROD && strcmp(op_cases[i].note, "zeros") == 0) {
			continue; /* its rule is exact there for the first gradient only, and says so */
		}
		fill_subject(&s, e, &op_cases[i]);
		compare(&s, f, what);
	}
	tn_engine_destroy(e);
}

TN_TEST(every_differentiable_op_has_a_smooth_case) {
	for (int op = 0; op < TN_OP_COUNT; op++) {
		bool found = !is_differentiable((enum tn_op)op);

		for (size_t i = 0; i < TN_ARRAY_LEN(op_cases) && !found; i++) {
			found = op_cases[i].op == (enum tn_op)op && op_cases[i].smooth && (op_cases[i].classes & OP_F) != 0;
		}
		if (!found) {
			tn_test_fail(TN_TEST_HERE("op_cases"), "%s is differentiable, and no case of tests/ops/cases.h tries it",
				tn_op_name((enum tn_op)op));
		}
	}
}

TN_TEST(gradients_agree_with_differences_1) {
	walk(0, 3, loss_of, "the gradient");
}
TN_TEST(gradients_agree_with_differences_2) {
	walk(1, 3, loss_of, "the gradient");
}
TN_TEST(gradients_agree_with_differences_3) {
	walk(2, 3, loss_of, "the gradient");
}
TN_TEST(second_gradients_agree_with_differences_1) {
	walk(0, 3, slope_of, "the second gradient");
}
TN_TEST(second_gradients_agree_with_differences_2) {
	walk(1, 3, slope_of, "the second gradient");
}
TN_TEST(second_gradients_agree_with_differences_3) {
	walk(2, 3, slope_of, "the second gradient");
}

/* ---- edges ---- */

/* The gradient of sum(op(x, y or a number)) in x, as text. */
static const char *gradient_of(struct tn_engine *e, enum tn_op op, struct tn_shape shape, const double *x, struct tn_arg other) {
	struct tn_error err = {0};
	struct tn_tensor *plain = fixture_from(e, TN_DTYPE_F32, shape, x), *leaf, *y, *sum, *grads[1];
	struct tn_grad *grad = tn_grad_begin(e, &err);
	const char *text;

	leaf = tn_grad_leaf(grad, plain, &err);
	TN_CHECK_NO_ERROR(&err);
	if (tn_op_kind(op) == TN_KIND_REDUCE) {
		y = tn_reduce(e, op, leaf, NULL, 0, false, &err);
	} else {
		y = tn_elementwise(e, op, (struct tn_arg[]){tn_arg_tensor(leaf), other}, tn_op_inputs(op), &err);
	}
	TN_CHECK_NO_ERROR(&err);
	sum = tn_reduce(e, TN_OP_SUM, y, NULL, 0, false, &err);
	TN_CHECK(tn_grad_end(grad, sum, &leaf, 1, grads, &err));
	text = fixture_text(grads[0]);
	tn_tensor_unref(plain);
	tn_tensor_unref(leaf);
	tn_tensor_unref(y);
	tn_tensor_unref(sum);
	tn_tensor_unref(grads[0]);
	return text;
}

TN_TEST(edges_have_the_slopes_of_pytorch) {
	struct tn_engine *e = fixture_engine();
	struct tn_arg none = {0};

	TN_CHECK_STR_EQ(gradient_of(e, TN_OP_ABS, TN_SHAPE(3), (double[]){-2, 0, 2}, none), "f32[3] -1 0 1");
	TN_CHECK_STR_EQ(gradient_of(e, TN_OP_RELU, TN_SHAPE(3), (double[]){-2, 0, 2}, none), "f32[3] 0 0 1");
	TN_CHECK_STR_EQ(gradient_of(e, TN_OP_MAXIMUM, TN_SHAPE(3), (double[]){-2, 1, 2}, tn_arg_i64(1, true)), "f32[3] 0 0.5 1");
	TN_CHECK_STR_EQ(gradient_of(e, TN_OP_MINIMUM, TN_SHAPE(3), (double[]){-2, 1, 2}, tn_arg_i64(1, true)), "f32[3] 1 0.5 0");
	TN_CHECK_STR_EQ(gradient_of(e, TN_OP_MAX, TN_SHAPE(4), (double[]){3, 1, 3, 3}, none), "f32[4] 0.333333 0 0.333333 0.333333");
	TN_CHECK_STR_EQ(gradient_of(e, TN_OP_POW, TN_SHAPE(3), (double[]){-2, 0, 2}, tn_arg_i64(0, true)), "f32[3] 0 0 0");
	TN_CHECK_STR_EQ(gradient_of(e, TN_OP_POW, TN_SHAPE(3), (double[]){-2, 0, 2}, tn_arg_i64(1, false)), "f32[3] 1 1 1");
	TN_CHECK_STR_EQ(gradient_of(e, TN_OP_POW, TN_SHAPE(3), (double[]){-2, 0, 2}, tn_arg_i64(2, false)), "f32[3] -4 0 4");
	TN_CHECK_STR_EQ(gradient_of(e, TN_OP_POW, TN_SHAPE(3), (double[]){-2, 0, 2}, tn_arg_i64(3, true)), "f32[3] 12 0 12");
	TN_CHECK_STR_EQ(gradient_of(e, TN_OP_PROD, TN_SHAPE(3), (double[]){2, 0, 3}, none), "f32[3] 0 6 0");
	TN_CHECK_STR_EQ(gradient_of(e, TN_OP_PROD, TN_SHAPE(3), (double[]){0, 0, 3}, none), "f32[3] 0 0 0");
	tn_engine_destroy(e);
}

TN_TEST(a_power_of_zero_has_clean_gradients_in_base_and_exponent) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *base = fixture_from(e, TN_DTYPE_F32, TN_SHAPE(3), (double[]){0, 0, 2}),
					 *exponent = fixture_from(e, TN_DTYPE_F32, TN_SHAPE(3), (double[]){0, 2, 0});
	struct tn_grad *grad = tn_grad_begin(e, &err);
	struct tn_tensor *leaves[2] = {tn_grad_leaf(grad, base, &err), tn_grad_leaf(grad, exponent, &err)}, *grads[2], *y, *sum;

	y = tn_binary(e, TN_OP_POW, leaves[0], leaves[1], &err);
	sum = tn_reduce(e, TN_OP_SUM, y, NULL, 0, false, &err);
	TN_CHECK(tn_grad_end(grad, sum, leaves, 2, grads, &err));
	TN_CHECK_STR_EQ(fixture_text(grads[0]), "f32[3] 0 0 0");
	TN_CHECK_STR_EQ(fixture_text(grads[1]), "f32[3] 0 0 0.693147");
	drop(leaves, 2);
	drop(grads, 2);
	tn_tensor_unref(y);
	tn_tensor_unref(sum);
	tn_tensor_unref(base);
	tn_tensor_unref(exponent);
	tn_engine_destroy(e);
}

TN_TEST(gradients_keep_the_dtype_of_their_input_through_casts_and_autocast) {
	struct tn_engine *e = fixture_engine();
	struct tn_error err = {0};
	struct tn_tensor *x = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(2, 3)), *w = fixture_count(e, TN_DTYPE_F32, TN_SHAPE(3, 2)), *y,
					 *sum, *grads[2];
	struct tn_grad *grad = tn_grad_begin(e, &err);
	struct tn_tensor *leaves[2] = {tn_grad_leaf(grad, x, &err), tn_grad_leaf(grad, w, &err)};

	*tn_engine_modes(e) = (struct tn_modes){.autocast = true, .autocast_dtype = TN_DTYPE_BF16};
	y = tn_matmul(e, leaves[0], leaves[1], &err);
	sum = tn_reduce(e, TN_OP_SUM, y, NULL, 0, false, &err);
	TN_CHECK(tn_grad_end(grad, sum, leaves, 2, grads, &err));
	TN_CHECK_STR_EQ(fixture_text(grads[0]), "f32[2, 3] 1 5 9 1 5 9");
	TN_CHECK_STR_EQ(fixture_text(grads[1]), "f32[3, 2] 3 3 5 5 7 7");
	drop(leaves, 2);
	drop(grads, 2);
	tn_tensor_unref(x);
	tn_tensor_unref(w);
	tn_tensor_unref(y);
	tn_tensor_unref(sum);
	tn_engine_destroy(e);
}
