/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions, and functions along one axis: sum, mean, var, max, argmax, softmax, cumsum, sort … Without `axis` a reduction takes all
 * elements. Lists of numbers have sum, mean, min and max too. */
#include <math.h>

#include "lang/builtin.h"

struct reduction { struct tn_tensor *x; int64_t axes[TN_MAX_NDIM]; int count; bool keepdim; };

static bool get_reduction(const struct tn_native_call *call, struct reduction *r, struct tn_error *err) {
	r->x = call->args[0].tensor;
	r->keepdim = call->args[2].i != 0;
	return tn_arg_get_axes(call, 1, r->axes, &r->count, err);
}

static bool reduce(struct tn_native_call *call, enum tn_op op, struct tn_error *err) {
	struct reduction r;
	return get_reduction(call, &r, err) &&
	       tn_return_tensor(call, tn_reduce(call->engine, op, r.x, r.axes, r.count, r.keepdim, err));
}
static bool run_sum(struct tn_native_call *call, struct tn_error *err) { return reduce(call, TN_OP_SUM, err); }
static bool run_prod(struct tn_native_call *call, struct tn_error *err) { return reduce(call, TN_OP_PROD, err); }
static bool run_max(struct tn_native_call *call, struct tn_error *err) { return reduce(call, TN_OP_MAX, err); }
static bool run_min(struct tn_native_call *call, struct tn_error *err) { return reduce(call, TN_OP_MIN, err); }
static bool run_any(struct tn_native_call *call, struct tn_error *err) { return reduce(call, TN_OP_ANY, err); }
static bool run_all(struct tn_native_call *call, struct tn_error *err) { return reduce(call, TN_OP_ALL, err); }

static bool run_mean(struct tn_native_call *call, struct tn_error *err) {
	struct reduction r;
	return get_reduction(call, &r, err) && tn_return_tensor(call, tn_mean(call->engine, r.x, r.axes, r.count, r.keepdim, err));
}

/* Elements that one result of the reduction takes in. */
static int64_t reduced_count(const struct reduction *r) {
	const struct tn_shape *shape = tn_tensor_shape(r->x);
	if (r->count == 0) {
		return tn_shape_count(shape);
	}
	int64_t n = 1;
	for (int i = 0; i < r->count; i++) {
		int64_t axis = r->axes[i] < 0 ? r->axes[i] + shape->ndim : r->axes[i];
		n *= shape->dims[axis];
	}
	return n;
}

/* sum((x - mean)²) / (n - correction), in the wide dtype: the two-pass form. args: x, axis, keepdim, correction. */
static struct tn_tensor *variance(struct tn_native_call *call, struct tn_error *err) {
	struct reduction r;
	if (!get_reduction(call, &r, err)) {
		return NULL;
	}
	struct tn_engine *e = call->engine;
	struct tn_tensor *x = tn_widened(e, r.x, err), *m = NULL, *d = NULL, *square = NULL, *total = NULL, *result = NULL;
	if (x == NULL || (m = tn_mean(e, x, r.axes, r.count, true, err)) == NULL || (d = tn_binary(e, TN_OP_SUB, x, m, err)) == NULL || (square = tn_binary(e, TN_OP_MUL, d, d, err)) == NULL ||
	    (total = tn_reduce(e, TN_OP_SUM, square, r.axes, r.count, r.keepdim, err)) == NULL) {
		goto done;
	}
	double divisor = (double)reduced_count(&r) - (double)call->args[3].i;
	struct tn_arg args[2] = {tn_arg_tensor(total), tn_arg_f64(divisor > 0 ? divisor : 0, true)};
	result = tn_elementwise(e, TN_OP_DIV, args, 2, err);
done:
	tn_tensor_unref(x);
	tn_tensor_unref(m);
	tn_tensor_unref(d);
	tn_tensor_unref(square);
	tn_tensor_unref(total);
	return result;
}
static struct tn_tensor *narrowed(struct tn_native_call *call, struct tn_tensor *wide, struct tn_error *err) {
	return tn_narrowed(call->engine, wide, tn_tensor_dtype(call->args[0].tensor), err);
}
static bool run_var(struct tn_native_call *call, struct tn_error *err) { return tn_return_tensor(call, narrowed(call, variance(call, err), err)); }
static bool run_std(struct tn_native_call *call, struct tn_error *err) {
	struct tn_tensor *v = variance(call, err);
	struct tn_tensor *result = v == NULL ? NULL : tn_root(call->engine, v, err);
	tn_tensor_unref(v);
	return tn_return_tensor(call, narrowed(call, result, err));
}

/* log(sum(exp(x))) with the maximum taken out, as a constant for the gradient: its terms cancel. */
static bool run_logsumexp(struct tn_native_call *call, struct tn_error *err) {
	struct reduction r;
	if (!get_reduction(call, &r, err)) {
		return false;
	}
	struct tn_engine *e = call->engine;
	struct tn_tensor *top = NULL, *cut = NULL, *finite = NULL, *shifted = NULL, *ex = NULL, *total = NULL, *lg = NULL, *kept = NULL, *result = NULL;
	if ((top = tn_reduce(e, TN_OP_MAX, r.x, r.axes, r.count, true, err)) == NULL || (cut = tn_stop_gradient(e, top, err)) == NULL) {
		goto done;
	}
	/* an infinite maximum would give inf - inf */
	struct tn_tensor *test = tn_unary(e, TN_OP_ISFINITE, cut, err);
	if (test == NULL) {
		goto done;
	}
	struct tn_arg where[3] = {tn_arg_tensor(test), tn_arg_tensor(cut), tn_arg_f64(0, true)};
	finite = tn_elementwise(e, TN_OP_WHERE, where, 3, err);
	tn_tensor_unref(test);
	if (finite == NULL || (shifted = tn_binary(e, TN_OP_SUB, r.x, finite, err)) == NULL || (ex = tn_unary(e, TN_OP_EXP, shifted, err)) == NULL ||
	    (total = tn_reduce(e, TN_OP_SUM, ex, r.axes, r.count, true, err)) == NULL || (lg = tn_unary(e, TN_OP_LOG, total, err)) == NULL ||
	    (kept = tn_binary(e, TN_OP_ADD, lg, finite, err)) == NULL) {
		goto done;
	}
	result = r.keepdim ? tn_tensor_ref(kept) : tn_reduce(e, TN_OP_SUM, kept, r.axes, r.count, false, err);
done:
	tn_tensor_unref(top);
	tn_tensor_unref(cut);
	tn_tensor_unref(finite);
	tn_tensor_unref(shifted);
	tn_tensor_unref(ex);
	tn_tensor_unref(total);
	tn_tensor_unref(lg);
	tn_tensor_unref(kept);
	return tn_return_tensor(call, result);
}

static bool run_count_nonzero(struct tn_native_call *call, struct tn_error *err) {
	struct reduction r;
	if (!get_reduction(call, &r, err)) {
		return false;
	}
	struct tn_arg args[2] = {tn_arg_tensor(r.x), tn_arg_i64(0, true)};
	struct tn_tensor *test = tn_elementwise(call->engine, TN_OP_NE, args, 2, err);
	struct tn_tensor *result = test == NULL ? NULL : tn_reduce(call->engine, TN_OP_SUM, test, r.axes, r.count, r.keepdim, err);
	tn_tensor_unref(test);
	return tn_return_tensor(call, result);
}

static bool arg_extreme(struct tn_native_call *call, enum tn_op op, struct tn_error *err) {
	struct tn_tensor *x = call->args[0].tensor;
	if (!tn_arg_given(call, 1)) {
		return tn_return_tensor(call, tn_arg_all(call->engine, op, x, err));
	}
	return tn_return_tensor(call, tn_along(call->engine, op, x, call->args[1].i, call->args[2].i != 0, err));
}
static bool run_argmax(struct tn_native_call *call, struct tn_error *err) { return arg_extreme(call, TN_OP_ARGMAX, err); }
static bool run_argmin(struct tn_native_call *call, struct tn_error *err) { return arg_extreme(call, TN_OP_ARGMIN, err); }

static bool along(struct tn_native_call *call, enum tn_op op, struct tn_error *err) {
	return tn_return_tensor(call, tn_along(call->engine, op, call->args[0].tensor, call->args[1].i, false, err));
}
static bool run_softmax(struct tn_native_call *call, struct tn_error *err) { return along(call, TN_OP_SOFTMAX, err); }
static bool run_log_softmax(struct tn_native_call *call, struct tn_error *err) { return along(call, TN_OP_LOG_SOFTMAX, err); }
static bool run_cumsum(struct tn_native_call *call, struct tn_error *err) { return along(call, TN_OP_CUMSUM, err); }
static bool run_cumprod(struct tn_native_call *call, struct tn_error *err) { return along(call, TN_OP_CUMPROD, err); }

static bool run_argsort(struct tn_native_call *call, struct tn_error *err) {
	return tn_return_tensor(call, tn_along(call->engine, TN_OP_ARGSORT, call->args[0].tensor, call->args[1].i, call->args[2].i != 0, err));
}

/* (values, indices) of the first `keep` elements along the axis (all: -1). */
static bool sorted_pair(struct tn_native_call *call, int64_t axis, bool descending, int64_t keep, struct tn_error *err) {
	struct tn_tensor *x = call->args[0].tensor;
	struct tn_tensor *order = tn_along(call->engine, TN_OP_ARGSORT, x, axis, descending, err), *values = NULL;
	if (order != NULL && keep >= 0) {
		const struct tn_shape *shape = tn_tensor_shape(x);
		int64_t a = axis < 0 ? axis + shape->ndim : axis;
		if (keep > shape->dims[a]) {
			tn_error_set(err, TN_ERR_VALUE, "topk: k is %lld, but axis %lld has %lld elements", (long long)keep, (long long)a, (long long)shape->dims[a]);
			goto fail;
		}
		struct tn_index items[TN_MAX_NDIM] = {0};
		for (int i = 0; i <= a; i++) {
			items[i] = (struct tn_index){.kind = TN_INDEX_SLICE, .literal = true};
		}
		items[a].has_stop = true;
		items[a].stop = keep;
		struct tn_tensor *part = tn_index_get(call->engine, order, items, (int)a + 1, err);
		tn_tensor_unref(order);
		order = part;
	}
	if (order == NULL || (values = tn_take_along(call->engine, x, order, axis, err)) == NULL) {
		goto fail;
	}
	struct tn_value pair[2] = {tn_tensor_value(values), tn_tensor_value(order)};
	return tn_tuple_create_take(pair, 2, call->result, err);
fail:
	tn_tensor_unref(order);
	return false;
}
static bool run_sort(struct tn_native_call *call, struct tn_error *err) {
	return sorted_pair(call, call->args[1].i, call->args[2].i != 0, -1, err);
}
static bool run_topk(struct tn_native_call *call, struct tn_error *err) {
	if (call->args[1].i < 0) {
		return tn_error_set(err, TN_ERR_VALUE, "topk: k must not be negative, it is %lld", (long long)call->args[1].i);
	}
	return sorted_pair(call, call->args[2].i, call->args[3].i != 0, call->args[1].i, err); /* largest first: descending */
}

/* ---- lists of numbers ---- */

static bool run_list_sum(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_list *list = call->args[0].list;
	if (call->type->kind == TN_TYPE_INT) {
		int64_t total = 0;
		for (size_t i = 0; i < list->count; i++) {
			if (__builtin_add_overflow(total, list->items[i].i, &total)) {
				return tn_error_set(err, TN_ERR_OVERFLOW, "sum: the result does not fit an int");
			}
		}
		*call->result = tn_int(total);
		return true;
	}
	double total = 0;
	for (size_t i = 0; i < list->count; i++) {
		total += tn_value_number(list->items[i]);
	}
	*call->result = tn_float(total);
	return true;
}
static bool run_list_mean(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_list *list = call->args[0].list;
	if (list->count == 0) {
		return tn_error_set(err, TN_ERR_VALUE, "mean: the list is empty");
	}
	double total = 0;
	for (size_t i = 0; i < list->count; i++) {
		total += tn_value_number(list->items[i]);
	}
	*call->result = tn_float(total / (double)list->count);
	return true;
}
static bool list_extreme(struct tn_native_call *call, const char *name, bool largest, struct tn_error *err) {
	const struct tn_list *list = call->args[0].list;
	if (list->count == 0) {
		return tn_error_set(err, TN_ERR_VALUE, "%s: the list is empty", name);
	}
	size_t best = 0;
	for (size_t i = 1; i < list->count; i++) {
		double a = tn_value_number(list->items[i]), b = tn_value_number(list->items[best]);
		best = (largest ? a > b : a < b) || isnan(a) ? i : best;
	}
	*call->result = list->items[best];
	return true;
}
static bool run_list_max(struct tn_native_call *call, struct tn_error *err) { return list_extreme(call, "max", true, err); }
static bool run_list_min(struct tn_native_call *call, struct tn_error *err) { return list_extreme(call, "min", false, err); }

/* max(a, b), min(a, b) of two numbers. */
static bool run_number_max(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	bool second = tn_arg_number(call, 1) > tn_arg_number(call, 0);
	*call->result = call->type->kind == TN_TYPE_INT ? tn_int(call->args[second].i) : tn_float(tn_arg_number(call, second));
	return true;
}
static bool run_number_min(struct tn_native_call *call, struct tn_error *err) {
	(void)err;
	bool second = tn_arg_number(call, 1) < tn_arg_number(call, 0);
	*call->result = call->type->kind == TN_TYPE_INT ? tn_int(call->args[second].i) : tn_float(tn_arg_number(call, second));
	return true;
}

#define AXES_DOC "\n\nx: any tensor. axis: an axis or a list of axes, negative from the end; all when left out. keepdim: keep reduced axes with size 1."
#define REDUCTION(name, doc, run, shows) \
	{ "tensor " name "(tensor x, axes axis = none, bool keepdim = false)", doc AXES_DOC, name "(tensor([[1., 2.], [3., 4.]]), axis: 0)    // expect: " shows, run, NULL, 0 }
#define TEST_REDUCTION(name, doc, run, shows) \
	{ "tensor " name "(tensor x, axes axis = none, bool keepdim = false)", doc AXES_DOC, name "(tensor([[1., 2.], [3., 4.]]) > 1.5)    // expect: " shows, run, NULL, 0 }

static const struct tn_native rows[] = {
	REDUCTION("sum", "Sum over axes; bool8, u8 and i32 give i64.", run_sum, "tensor([4., 6.]) f32[2]"),
	REDUCTION("prod", "Product over axes; bool8, u8 and i32 give i64.", run_prod, "tensor([3., 8.]) f32[2]"),
	REDUCTION("mean", "Mean over axes; integers give f32.", run_mean, "tensor([2., 3.]) f32[2]"),
	REDUCTION("max", "Largest element over axes; NaN where there is one.", run_max, "tensor([3., 4.]) f32[2]"),
	REDUCTION("min", "Smallest element over axes; NaN where there is one.", run_min, "tensor([1., 2.]) f32[2]"),
	REDUCTION("logsumexp", "log(sum(exp(x))) over axes, without overflow.", run_logsumexp, "tensor([3.1269, 4.1269]) f32[2]"),
	REDUCTION("count_nonzero", "Number of elements that are not 0, over axes: i64.", run_count_nonzero, "tensor([2, 2]) i64[2]"),
	TEST_REDUCTION("any", "Whether any element over axes is true.", run_any, "true"),
	TEST_REDUCTION("all", "Whether all elements over axes are true.", run_all, "false"),
	{ "tensor var(tensor x, axes axis = none, bool keepdim = false, int correction = 1)",
	  "Variance over axes: sum((x - mean)²) / (n - correction)." AXES_DOC " correction: 1 for the unbiased estimate, 0 for the mean square.",
	  "var(tensor([2., 4., 6.]))    // expect: 4.0", run_var, NULL, 0 },
	{ "tensor std(tensor x, axes axis = none, bool keepdim = false, int correction = 1)",
	  "Standard deviation over axes: the root of var." AXES_DOC " correction: as var has it.", "std(tensor([2., 4., 6.]))    // expect: 2.0", run_std, NULL, 0 },
	{ "tensor argmax(tensor x, int axis = none, bool keepdim = false)",
	  "Index of the largest element along an axis, or into the flattened tensor without axis: i64; of equals the first.\n\nx: any shape. axis: -1 is the last. keepdim: the axis stays, with size 1. Errors: IndexError for an axis that x has not.",
	  "argmax(tensor([[1., 5.], [7., 2.]]), axis: 1)    // expect: tensor([1, 0]) i64[2]", run_argmax, NULL, 0 },
	{ "tensor argmin(tensor x, int axis = none, bool keepdim = false)",
	  "Index of the smallest element along an axis, or into the flattened tensor without axis: i64; of equals the first.\n\nx: any shape. axis: -1 is the last. keepdim: the axis stays, with size 1. Errors: IndexError for an axis that x has not.",
	  "argmin(tensor([[1., 5.], [7., 2.]]), axis: 1)    // expect: tensor([0, 1]) i64[2]", run_argmin, NULL, 0 },
	{ "tensor softmax(tensor x, int axis = -1)", "exp(x) / sum(exp(x)) along an axis, without overflow.\n\nx: floating; integers give f32.",
	  "softmax(tensor([0., 0.]))    // expect: tensor([0.5000, 0.5000]) f32[2]", run_softmax, NULL, 0 },
	{ "tensor log_softmax(tensor x, int axis = -1)", "Logarithm of softmax along an axis, accurate for small probabilities.\n\nx: any shape; integers give f32.",
	  "log_softmax(tensor([0., 0.]))    // expect: tensor([-0.6931, -0.6931]) f32[2]", run_log_softmax, NULL, 0 },
	{ "tensor cumsum(tensor x, int axis)", "Running sum along an axis.\n\nx: any shape; integers give i64. axis: -1 is the last.", "cumsum(tensor([1, 2, 3]), axis: 0)    // expect: tensor([1, 3, 6]) i64[3]",
	  run_cumsum, NULL, 0 },
	{ "tensor cumprod(tensor x, int axis)", "Running product along an axis.\n\nx: any shape; integers give i64. axis: -1 is the last.", "cumprod(tensor([1, 2, 3]), axis: 0)    // expect: tensor([1, 2, 6]) i64[3]",
	  run_cumprod, NULL, 0 },
	{ "tensor argsort(tensor x, int axis = -1, bool descending = false)", "Indices that sort along an axis: i64. Stable; NaN counts as largest.\n\nx: any shape. descending: the largest first.",
	  "argsort(tensor([3., 1., 2.]))    // expect: tensor([1, 2, 0]) i64[3]", run_argsort, NULL, 0 },
	{ "(tensor, tensor) sort(tensor x, int axis = -1, bool descending = false)",
	  "Elements in order along an axis, and where they were: (values, indices). Stable; NaN counts as largest.\n\nx: any shape. descending: the largest first.",
	  "auto (values, indices) = sort(tensor([3., 1., 2.])); indices    // expect: tensor([1, 2, 0]) i64[3]", run_sort, NULL, 0 },
	{ "(tensor, tensor) topk(tensor x, int k, int axis = -1, bool largest = true)",
	  "The k largest (or smallest) elements along an axis in order, and where they were: (values, indices).\n\nk: from 0 to the axis's size. x: any shape.",
	  "auto (values, indices) = topk(tensor([3., 1., 2.]), 2); values    // expect: tensor([3., 2.]) f32[2]", run_topk, NULL, 0 },
	{ "int sum(int[] xs)", "Sum of a list of ints.\n\nxs: any numbers.", "int[] xs = [1, 2, 3]; sum(xs)    // expect: 6", run_list_sum, NULL, 0 },
	{ "float sum(float[] xs)", "Sum of a list of floats.\n\nxs: any numbers.", "float[] xs = [1.5, 2.0]; sum(xs)    // expect: 3.5", run_list_sum, NULL, 0 },
	{ "float mean(float[] xs)", "Mean of a list of numbers.\n\nxs: at least one number.", "float[] xs = [1.0, 2.0]; mean(xs)    // expect: 1.5", run_list_mean, NULL, 0 },
	{ "float mean(int[] xs)", "Mean of a list of ints.\n\nxs: at least one number.", "int[] xs = [1, 2]; mean(xs)    // expect: 1.5", run_list_mean, NULL, 0 },
	{ "int max(int[] xs)", "Largest of a list of ints.\n\nxs: at least one number.", "int[] xs = [1, 3, 2]; max(xs)    // expect: 3", run_list_max, NULL, 0 },
	{ "float max(float[] xs)", "Largest of a list of floats; NaN if one is.\n\nxs: at least one number.", "float[] xs = [1.0, 3.0]; max(xs)    // expect: 3.0", run_list_max, NULL, 0 },
	{ "int min(int[] xs)", "Smallest of a list of ints.\n\nxs: at least one number.", "int[] xs = [1, 3, 2]; min(xs)    // expect: 1", run_list_min, NULL, 0 },
	{ "float min(float[] xs)", "Smallest of a list of floats; NaN if one is.\n\nxs: at least one number.", "float[] xs = [1.0, 3.0]; min(xs)    // expect: 1.0", run_list_min, NULL, 0 },
	{ "int max(int a, int b)", "Larger of two numbers.\n\na, b: any.", "max(2, 3)    // expect: 3", run_number_max, NULL, 0 },
	{ "float max(float a, float b)", "Larger of two numbers.\n\na, b: any.", "max(2.5, 3)    // expect: 3.0", run_number_max, NULL, 0 },
	{ "int min(int a, int b)", "Smaller of two numbers.\n\na, b: any.", "min(2, 3)    // expect: 2", run_number_min, NULL, 0 },
	{ "float min(float a, float b)", "Smaller of two numbers.\n\na, b: any.", "min(2.5, 3)    // expect: 2.5", run_number_min, NULL, 0 },
};
TN_NATIVE_TABLE(reduce, rows);
