/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that pick and place elements by index or mask. */
#include "lang/builtin.h"

static bool run_index_select(struct tn_native_call *call, struct tn_error *err) {
	return tn_return_tensor(call, tn_gather(call->engine, call->args[0].tensor, call->args[1].tensor, call->args[2].i, err));
}
static bool run_take_along(struct tn_native_call *call, struct tn_error *err) {
	return tn_return_tensor(call, tn_take_along(call->engine, call->args[0].tensor, call->args[1].tensor, call->args[2].i, err));
}
/* gather(x, axis, index), in PyTorch's order */
static bool run_gather(struct tn_native_call *call, struct tn_error *err) {
	return tn_return_tensor(call, tn_take_along(call->engine, call->args[0].tensor, call->args[2].tensor, call->args[1].i, err));
}
static bool scatter(struct tn_native_call *call, enum tn_op op, struct tn_error *err) {
	return tn_return_tensor(call, tn_scatter(call->engine, op, call->args[0].tensor, call->args[2].tensor, call->args[3].tensor, call->args[1].i, err));
}
static bool run_scatter(struct tn_native_call *call, struct tn_error *err) { return scatter(call, TN_OP_SCATTER_SET, err); }
static bool run_scatter_add(struct tn_native_call *call, struct tn_error *err) { return scatter(call, TN_OP_SCATTER_ADD, err); }
static bool run_index_add(struct tn_native_call *call, struct tn_error *err) { return scatter(call, TN_OP_INDEX_ADD, err); }

static bool run_masked_fill(struct tn_native_call *call, struct tn_error *err) {
	struct tn_arg args[3] = {tn_arg_tensor(call->args[1].tensor), tn_arg_operand(call, 2), tn_arg_tensor(call->args[0].tensor)};
	return tn_return_tensor(call, tn_elementwise(call->engine, TN_OP_WHERE, args, 3, err));
}

/* An argument that holds classes or numbers of rows, as i64; bool8 too. */
static struct tn_tensor *whole_numbers(const struct tn_native_call *call, uint32_t index, const char *what, struct tn_error *err) {
	struct tn_tensor *t = call->args[index].tensor;
	if (tn_dtype_is_float(tn_tensor_dtype(t))) {
		tn_error_set(err, TN_ERR_TYPE, "%s holds integers, not %s", what, tn_dtype_name(tn_tensor_dtype(t)));
		tn_error_hint(err, "i64(…) converts them");
		return NULL;
	}
	return tn_cast(call->engine, t, TN_DTYPE_I64, err);
}

/* _take_classes(log_probs, classes, axis): the element of each class along an axis that the classes do not have. */
static bool run_take_classes(struct tn_native_call *call, struct tn_error *err) {
	struct tn_engine *e = call->engine;
	int64_t axis = call->args[2].i;
	struct tn_tensor *index = tn_unsqueeze(e, call->args[1].tensor, axis, err);
	struct tn_tensor *taken = index == NULL ? NULL : tn_take_checked(e, TN_OP_TAKE_ALONG, call->args[0].tensor, index, axis, TN_INDICES_CLASSES, err);
	struct tn_tensor *result = taken == NULL ? NULL : tn_squeeze(e, taken, &axis, 1, err);
	tn_tensor_unref(index);
	tn_tensor_unref(taken);
	return tn_return_tensor(call, result);
}

/* _take_rows(index, table): rows by number, of any integer dtype. */
static bool run_take_rows(struct tn_native_call *call, struct tn_error *err) {
	struct tn_tensor *index = whole_numbers(call, 0, "embedding: index", err);
	struct tn_tensor *result = index == NULL ? NULL : tn_take_checked(call->engine, TN_OP_GATHER, call->args[1].tensor, index, 0, TN_INDICES_ROWS, err);
	tn_tensor_unref(index);
	return tn_return_tensor(call, result);
}

/* one_hot(index, classes): index[..., None] == arange(classes), as i64; the index goes by way of a table of the classes, which has no other. */
static bool run_one_hot(struct tn_native_call *call, struct tn_error *err) {
	struct tn_engine *e = call->engine;
	if (call->args[1].i < 1) {
		return tn_error_set(err, TN_ERR_VALUE, "one_hot: the number of classes must be positive, it is %lld", (long long)call->args[1].i);
	}
	struct tn_scalar zero = {.literal = true}, one = {.literal = true, .i = 1}, count = {.literal = true, .i = call->args[1].i};
	struct tn_tensor *whole = whole_numbers(call, 0, "one_hot: index", err), *classes = NULL, *checked = NULL, *index = NULL, *mask = NULL, *result = NULL;
	if (whole != NULL && (classes = tn_arange(e, TN_DTYPE_I64, zero, count, one, err)) != NULL &&
	    (checked = tn_take_checked(e, TN_OP_GATHER, classes, whole, 0, TN_INDICES_CLASSES, err)) != NULL &&
	    (index = tn_unsqueeze(e, checked, -1, err)) != NULL && (mask = tn_binary(e, TN_OP_EQ, index, classes, err)) != NULL) {
		result = tn_cast(e, mask, TN_DTYPE_I64, err);
	}
	tn_tensor_unref(whole);
	tn_tensor_unref(classes);
	tn_tensor_unref(checked);
	tn_tensor_unref(index);
	tn_tensor_unref(mask);
	return tn_return_tensor(call, result);
}

static bool run_nonzero(struct tn_native_call *call, struct tn_error *err) {
	return tn_return_tensor(call, tn_nonzero(call->engine, call->args[0].tensor, err));
}

static bool run_equal(struct tn_native_call *call, struct tn_error *err) {
	bool equal = false;
	if (!tn_tensor_equal(call->engine, call->args[0].tensor, call->args[1].tensor, &equal, err)) {
		return false;
	}
	*call->result = tn_bool(equal);
	return true;
}

static const struct tn_native rows[] = {
	{ "tensor index_select(tensor x, tensor index, int axis = 0)", "Parts of x along an axis, by number.\n\nindex: integers of any shape, which takes the axis's place; negative ones count from the end.",
	  "index_select(tensor([10, 20, 30]), tensor([2, 0]))    // expect: tensor([30, 10]) i64[2]", run_index_select, NULL, 0 },
	{ "tensor take_along(tensor x, tensor index, int axis = -1)", "One element per index along an axis.\n\nindex: integers, of x's shape but for that axis.",
	  "take_along(tensor([[1, 2], [3, 4]]), tensor([[1], [0]]), axis: 1).T    // expect: tensor([[2, 3]]) i64[1, 2]", run_take_along, NULL, 0 },
	{ "tensor gather(tensor x, int axis, tensor index)", "As take_along, with PyTorch's order of arguments.\n\nx: any shape. axis: -1 is the last. index: integers with as many axes as x.", "gather(tensor([[1, 2], [3, 4]]), 1, tensor([[1], [0]])).T    // expect: tensor([[2, 3]]) i64[1, 2]",
	  run_gather, NULL, 0 },
	{ "tensor scatter(tensor x, int axis, tensor index, tensor source)", "x with elements of source set where index says along an axis; of duplicates the last wins.",
	  "scatter(zeros(3), 0, tensor([1]), ones(1))    // expect: tensor([0., 1., 0.]) f32[3]", run_scatter, NULL, 0 },
	{ "tensor scatter_add(tensor x, int axis, tensor index, tensor source)", "x with elements of source added where index says along an axis; duplicates add up in order.",
	  "scatter_add(zeros(3), 0, tensor([1, 1]), ones(2))    // expect: tensor([0., 2., 0.]) f32[3]", run_scatter_add, NULL, 0 },
	{ "tensor index_add(tensor x, int axis, tensor index, tensor source)", "x with parts of source added at numbers along an axis; duplicates add up in order.\n\nindex: [n] integers. source: as x, with n along the axis.",
	  "index_add(zeros(3), 0, tensor([0, 0]), ones(2))    // expect: tensor([2., 0., 0.]) f32[3]", run_index_add, NULL, 0 },
	{ "tensor masked_fill(tensor x, tensor mask, operand value)", "x with value where mask is true.\n\nmask: bool8, broadcasts with x.",
	  "masked_fill(tensor([1., 2.]), tensor([1, 2]) == 2, 0.0)    // expect: tensor([1., 0.]) f32[2]", run_masked_fill, NULL, 0 },
	{ "tensor one_hot(tensor index, int classes)", "A 1 at each index, 0 elsewhere: i64 [..., classes].\n\nindex: integers of any shape. Errors: IndexError for one outside 0 to classes - 1.", "one_hot(tensor([1, 0]), 3)[0]    // expect: tensor([0, 1, 0]) i64[3]", run_one_hot, NULL, 0 },
	{ "tensor _take_classes(tensor log_probs, tensor classes, int axis)", "The element of each class, 0 to C - 1, along an axis.", "_take_classes(tensor([[1., 2.]]), tensor([1]), 1)    // expect: tensor([2.]) f32[1]", run_take_classes, NULL, 0 },
	{ "tensor _take_rows(tensor index, tensor table)", "Rows of a table by number, 0 and up.", "_take_rows(tensor([1]), tensor([[1.], [2.]]))    // expect: tensor([[2.]]) f32[1, 1]", run_take_rows, NULL, 0 },
	{ "tensor nonzero(tensor x)", "Where x is not 0: i64 [count, axes]. Waits for x.", "nonzero(tensor([0, 5, 7])).T    // expect: tensor([[1, 2]]) i64[1, 2]", run_nonzero, NULL, 0 },
	{ "bool equal(tensor a, tensor b)", "Whether two tensors have the same dtype, shape and elements. Waits for them.\n\na, b: any tensors.", "equal(ones(2), ones(2))    // expect: true", run_equal, NULL, 0 },
};
TN_NATIVE_TABLE(index, rows);
