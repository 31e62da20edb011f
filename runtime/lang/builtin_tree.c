/* SPDX-License-Identifier: Apache-2.0 */
/* Functions on trees: tensors, or structs, lists, tuples and maps with tensors at their leaves (LANGUAGE.md section 4, Leafwise). */
#include <string.h>

#include "lang/builtin.h"

/* ---- one value for each weight ---- */

struct fill { struct tn_engine *engine; int64_t value; };

static bool fill_leaf(void *data, const char *path, struct tn_value leaf, bool is_weight, struct tn_value *out, struct tn_error *err) {
	(void)path;
	const struct fill *fill = data;
	if (!is_weight || leaf.tag != TN_TENSOR) {
		*out = tn_empty();
		return true;
	}
	struct tn_tensor *t = tn_full(fill->engine, tn_tensor_dtype(leaf.tensor), tn_tensor_shape(leaf.tensor),
		(struct tn_scalar){.literal = true, .i = fill->value}, err);
	if (t == NULL) {
		return false;
	}
	*out = tn_tensor_value(t);
	return true;
}
static bool filled_like(struct tn_native_call *call, int64_t value, struct tn_error *err) {
	struct fill fill = {.engine = call->engine, .value = value};
	return tn_tree_map(call->args[0], fill_leaf, &fill, call->result, err);
}
static bool run_zeros_like(struct tn_native_call *call, struct tn_error *err) { return filled_like(call, 0, err); }
static bool run_ones_like(struct tn_native_call *call, struct tn_error *err) { return filled_like(call, 1, err); }

static bool cut_leaf(void *data, const char *path, struct tn_value leaf, bool is_weight, struct tn_value *out, struct tn_error *err) {
	(void)path;
	(void)is_weight;
	if (leaf.tag != TN_TENSOR) {
		*out = tn_value_ref(leaf);
		return true;
	}
	struct tn_tensor *t = tn_stop_gradient(data, leaf.tensor, err);
	if (t == NULL) {
		return false;
	}
	*out = tn_tensor_value(t);
	return true;
}
static bool run_stop_gradient(struct tn_native_call *call, struct tn_error *err) {
	if (call->args[0].tag == TN_TENSOR) {
		return tn_return_tensor(call, tn_stop_gradient(call->engine, call->args[0].tensor, err));
	}
	if (tn_grad_depth(call->engine) == 0) { /* nothing has a history */
		*call->result = tn_value_ref(call->args[0]);
		return true;
	}
	return tn_tree_map(call->args[0], cut_leaf, call->engine, call->result, err);
}

/* ---- reductions over all weights ---- */

/* Sums f(weight) over the weights of a tree. */
struct total { struct tn_engine *engine; struct tn_tensor *sum; struct tn_tensor *(*of)(struct tn_engine *, struct tn_tensor *, struct tn_error *); enum tn_dtype dtype; /* of all weights together */ };

static bool add_leaf(void *data, const char *path, struct tn_value *slot, bool is_weight, struct tn_error *err) {
	(void)path;
	struct total *total = data;
	if (!is_weight) {
		return true;
	}
	struct tn_tensor *part = total->of(total->engine, slot->tensor, err);
	if (part == NULL) {
		return false;
	}
	enum tn_dtype dtype = tn_tensor_dtype(slot->tensor);
	total->dtype = total->sum == NULL ? dtype : tn_dtype_promote(total->dtype, dtype);
	if (total->sum == NULL) {
		total->sum = part;
		return true;
	}
	struct tn_tensor *sum = tn_binary(total->engine, TN_OP_ADD, total->sum, part, err);
	tn_tensor_unref(part);
	if (sum == NULL) {
		return false;
	}
	tn_tensor_unref(total->sum);
	total->sum = sum;
	return true;
}
static struct tn_tensor *sum_of_squares(struct tn_engine *e, struct tn_tensor *t, struct tn_error *err) {
	struct tn_tensor *x = tn_widened(e, t, err);
	struct tn_tensor *square = x == NULL ? NULL : tn_binary(e, TN_OP_MUL, x, x, err);
	struct tn_tensor *sum = square == NULL ? NULL : tn_reduce(e, TN_OP_SUM, square, NULL, 0, false, err);
	tn_tensor_unref(x);
	tn_tensor_unref(square);
	return sum;
}
static struct tn_tensor *count_not_finite(struct tn_engine *e, struct tn_tensor *t, struct tn_error *err) {
	struct tn_tensor *test = tn_unary(e, TN_OP_ISFINITE, t, err);
	struct tn_tensor *bad = test == NULL ? NULL : tn_unary(e, TN_OP_LOGICAL_NOT, test, err);
	struct tn_tensor *sum = bad == NULL ? NULL : tn_reduce(e, TN_OP_SUM, bad, NULL, 0, false, err);
	tn_tensor_unref(test);
	tn_tensor_unref(bad);
	return sum;
}
static bool sum_tree(struct tn_native_call *call, const char *name, struct total *total, struct tn_error *err) {
	struct tn_value tree = call->args[0]; /* the walk may look, not write */
	if (!tn_tree_walk(&tree, false, add_leaf, total, err)) {
		tn_tensor_unref(total->sum);
		return false;
	}
	if (total->sum == NULL) {
		return tn_error_set(err, TN_ERR_VALUE, "%s: there are no weights in the value", name);
	}
	return true;
}

static bool run_norm(struct tn_native_call *call, struct tn_error *err) {
	struct total total = {.engine = call->engine, .of = sum_of_squares};
	if (!sum_tree(call, "norm", &total, err)) {
		return false;
	}
	struct tn_tensor *root = tn_root(call->engine, total.sum, err);
	tn_tensor_unref(total.sum);
	return tn_return_tensor(call, tn_narrowed(call->engine, root, total.dtype, err));
}
static bool run_tensor_norm(struct tn_native_call *call, struct tn_error *err) {
	int64_t axes[TN_MAX_NDIM];
	int count;
	struct tn_engine *e = call->engine;
	if (!tn_arg_get_axes(call, 1, axes, &count, err)) {
		return false;
	}
	struct tn_tensor *x = tn_widened(e, call->args[0].tensor, err);
	struct tn_tensor *square = x == NULL ? NULL : tn_binary(e, TN_OP_MUL, x, x, err);
	struct tn_tensor *sum = square == NULL ? NULL : tn_reduce(e, TN_OP_SUM, square, axes, count, call->args[2].i != 0, err);
	struct tn_tensor *root = sum == NULL ? NULL : tn_root(e, sum, err);
	tn_tensor_unref(x);
	tn_tensor_unref(square);
	tn_tensor_unref(sum);
	return tn_return_tensor(call, tn_narrowed(e, root, tn_tensor_dtype(call->args[0].tensor), err));
}

static bool run_all_finite(struct tn_native_call *call, struct tn_error *err) {
	struct total total = {.engine = call->engine, .of = count_not_finite};
	int64_t bad = 0;
	if (!sum_tree(call, "all_finite", &total, err)) {
		return false;
	}
	bool ok = tn_tensor_item_i64(total.sum, &bad, err);
	tn_tensor_unref(total.sum);
	*call->result = tn_bool(bad == 0);
	return ok;
}

static bool count_leaf(void *data, const char *path, struct tn_value *slot, bool is_weight, struct tn_error *err) {
	(void)path;
	(void)err;
	if (is_weight) {
		*(int64_t *)data += tn_shape_count(tn_tensor_shape(slot->tensor));
	}
	return true;
}
static bool run_count(struct tn_native_call *call, struct tn_error *err) {
	int64_t n = 0;
	struct tn_value tree = call->args[0];
	if (!tn_tree_walk(&tree, false, count_leaf, &n, err)) {
		return false;
	}
	*call->result = tn_int(n);
	return true;
}

/* ---- empty ---- */

static bool has_leaf(void *data, const char *path, struct tn_value *slot, bool is_weight, struct tn_error *err) {
	(void)path;
	(void)is_weight;
	(void)err;
	*(bool *)data = *(bool *)data || slot->tag == TN_TENSOR;
	return true;
}
static bool run_is_empty(struct tn_native_call *call, struct tn_error *err) {
	struct tn_value tree = call->args[0];
	bool found = false;
	if (tree.tag == TN_TENSOR) {
		found = true;
	} else if (tree.tag >= TN_LIST && tree.tag <= TN_STRUCT) {
		if (!tn_tree_walk(&tree, true, has_leaf, &found, err)) {
			return false;
		}
	} else {
		found = tree.tag != TN_EMPTY;
	}
	*call->result = tn_bool(!found);
	return true;
}

/* ---- leaves one by one ---- */

struct leaf_list { struct tn_list *list; };

static bool list_leaf(void *data, const char *path, struct tn_value *slot, bool is_weight, struct tn_error *err) {
	(void)is_weight;
	struct leaf_list *leaves = data;
	struct tn_value pair[2] = {tn_void(), tn_value_ref(*slot)}, item;
	if (!tn_string_create(path, strlen(path), &pair[0], err)) {
		tn_value_unref(pair[1]);
		return false;
	}
	return tn_tuple_create_take(pair, 2, &item, err) && tn_list_append_take(leaves->list, item, err);
}
static bool run_leaves(struct tn_native_call *call, struct tn_error *err) {
	struct tn_value tree = call->args[0], list;
	if (!tn_list_create(call->type->items[0], 0, &list, err)) {
		return false;
	}
	struct leaf_list leaves = {.list = list.list};
	if (!tn_tree_walk(&tree, call->args[1].i != 0, list_leaf, &leaves, err)) {
		tn_value_unref(list);
		return false;
	}
	*call->result = list;
	return true;
}

struct leaf_map { struct tn_native_call *call; };

static bool map_leaf(void *data, const char *path, struct tn_value leaf, bool is_weight, struct tn_value *out, struct tn_error *err) {
	struct tn_native_call *call = ((struct leaf_map *)data)->call;
	if (!is_weight) {
		*out = tn_value_ref(leaf);
		return true;
	}
	struct tn_value args[2];
	if (!tn_string_create(path, strlen(path), &args[0], err)) {
		return false;
	}
	args[1] = leaf;
	bool ok = tn_call_value(call->lang, call->args[0], args, 2, out, err);
	tn_value_unref(args[0]);
	if (ok && out->tag != TN_TENSOR && out->tag != TN_EMPTY) {
		tn_value_unref(*out);
		*out = tn_void();
		return tn_error_set(err, TN_ERR_TYPE, "map_leaves: the function must give a tensor for %s", path);
	}
	return ok;
}
static bool run_map_leaves(struct tn_native_call *call, struct tn_error *err) {
	struct leaf_map map = {.call = call};
	return tn_tree_map(call->args[1], map_leaf, &map, call->result, err);
}
static struct tn_type *type_second(const struct tn_native_typing *typing, struct tn_error *err) {
	if (!tn_type_is_tree(typing->args[1]) && typing->args[1]->kind != TN_TYPE_ANY) {
		char found[128];
		tn_type_format(typing->args[1], found);
		tn_error_set(err, TN_ERR_TYPE, "map_leaves: expected a tree of tensors, found %s", found);
		return NULL;
	}
	return typing->args[1];
}

/* set_weights(&net, t): net's weights become those of t, found by path. */
struct weight_set { struct tn_map by_path; uint32_t used; };

static bool note_weight(void *data, const char *path, struct tn_value *slot, bool is_weight, struct tn_error *err) {
	struct weight_set *set = data;
	if (is_weight && !tn_map_set(&set->by_path, path, slot->tensor)) {
		return tn_error_memory(err);
	}
	return true;
}
static bool replace_weight(void *data, const char *path, struct tn_value leaf, bool is_weight, struct tn_value *out, struct tn_error *err) {
	struct weight_set *set = data;
	struct tn_tensor *t = is_weight ? tn_map_get(&set->by_path, path) : NULL;
	if (is_weight && t == NULL) {
		return tn_error_set(err, TN_ERR_VALUE, "set_weights: the second tree has no weight %s", path);
	}
	if (t != NULL && !tn_shape_equal(tn_tensor_shape(t), tn_tensor_shape(leaf.tensor))) {
		char want[176], found[176];
		tn_describe(tn_tensor_dtype(leaf.tensor), tn_tensor_shape(leaf.tensor), want);
		tn_describe(tn_tensor_dtype(t), tn_tensor_shape(t), found);
		return tn_error_set(err, TN_ERR_SHAPE, "set_weights: %s is %s, not %s", path, want, found);
	}
	*out = t != NULL ? tn_tensor_value(tn_tensor_ref(t)) : tn_value_ref(leaf);
	return true;
}
static bool run_set_weights(struct tn_native_call *call, struct tn_error *err) {
	struct weight_set set = {0};
	struct tn_value source = call->args[1], made = tn_void(), *slot;
	bool ok = tn_tree_walk(&source, false, note_weight, &set, err) && tn_ref_read(call->args[0].ref, &slot, err) &&
	          tn_tree_map(*slot, replace_weight, &set, &made, err);
	tn_map_finish(&set.by_path);
	if (!ok || !tn_ref_write(call->lang, call->args[0].ref, &slot, err)) {
		tn_value_unref(made);
		return false;
	}
	tn_value_store(slot, made);
	return true;
}

static struct tn_type *type_tree(const struct tn_native_typing *typing, struct tn_error *err) {
	struct tn_type *type = typing->args[0];
	if (tn_type_is_tree(type) || type->kind == TN_TYPE_ANY) {
		return type;
	}
	char found[128];
	tn_type_format(type, found);
	tn_error_set(err, TN_ERR_TYPE, "expected a tensor or a tree of tensors, found %s", found);
	return NULL;
}

static const struct tn_native rows[] = {
	{ "auto zeros_like(tree x)", "Zeros for each weight of a tree; other tensors are empty, all else is copied.\n\nx: any tree.", "zeros_like((ones(2), ones(3)))    // expect: (tensor([0., 0.]) f32[2], tensor([0., 0., 0.]) f32[3])", run_zeros_like, type_tree, 0 },
	{ "auto ones_like(tree x)", "Ones for each weight of a tree; other tensors are empty, all else is copied.\n\nx: any tree.", "ones_like((zeros(2), zeros(3)))    // expect: (tensor([1., 1.]) f32[2], tensor([1., 1., 1.]) f32[3])", run_ones_like, type_tree, 0 },
	{ "auto stop_gradient(tree x)", "The same value, as a constant for all gradients; of trees too.\n\nx: any tree.", "stop_gradient(ones(2))    // expect: tensor([1., 1.]) f32[2]", run_stop_gradient,
	  type_tree, 0 },
	{ "tensor norm(tensor x, axes axis = none, bool keepdim = false)", "Root of the sum of squares, over axes or all elements.\n\nx: any shape; integers give f32. axis: one or a list. keepdim: the axes stay, with size 1.", "norm(tensor([3., 4.]))    // expect: 5.0", run_tensor_norm,
	  NULL, 0 },
	{ "tensor norm(tree x)", "Root of the sum of squares over all weights of a tree.\n\nx: any tree with weights.", "norm((tensor([3.]), tensor([4.])))    // expect: 5.0", run_norm, NULL, 0 },
	{ "int count(tree x)", "Number of elements in all weights of a tree.\n\nx: any tree.", "count((ones(2, 3), ones(4)))    // expect: 10", run_count, NULL, 0 },
	{ "bool all_finite(tree x)", "Whether no element of any weight is infinite or NaN. Waits for them.\n\nx: any tree.", "all_finite((ones(2), zeros(1)))    // expect: true", run_all_finite, NULL, 0 },
	{ "bool is_empty(auto x)", "Whether a tensor slot is empty; of a struct, list or tuple, whether all its tensors are.\n\nx: anything with tensor slots.", "tensor mask = empty; is_empty(mask)    // expect: true",
	  run_is_empty, NULL, 0 },
	{ "(string, tensor)[] leaves(tree x, bool all = false)", "(path, weight) for each weight of a tree, in the order of declaration.\n\nall: frozen and integer tensors too. x: any tree.",
	  "for (auto (path, w) : leaves((ones(2), ones(3)))) { print(path, w.shape); }    // expect: 0 [2]\n// expect: 1 [3]", run_leaves, NULL, 0 },
	{ "auto map_leaves(fn f, tree x)", "A copy of a tree with each weight replaced by f(path, weight).\n\nx: any tree. Errors: TypeError when f gives no tensor.", "map_leaves((path, w) => w * 2.0, (ones(1), ones(1)))    // expect: (tensor([2.]) f32[1], tensor([2.]) f32[1])", run_map_leaves, type_second, 0 },
	{ "void set_weights(tree &x, tree source)", "The weights of x become those of another tree with the same paths and shapes; all else stays.\n\nsource: a tree like x. Errors: TypeError, ShapeError where they differ.",
	  "auto a = (zeros(1), zeros(1)); set_weights(&a, (ones(1), ones(1))); norm(a) > 1.0", run_set_weights, NULL, 0 },
};
TN_NATIVE_TABLE(tree, rows);
