/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that give a tensor's elements another shape or order: reshape, permute, cat, split, pad, flip, roll, tril … */
#include "lang/builtin.h"

static struct tn_tensor *input(const struct tn_native_call *call) { return call->args[0].tensor; }

/* An axis of x made non-negative, or IndexError. */
static bool get_axis(const char *name, const struct tn_tensor *x, int64_t axis, int *out, struct tn_error *err) {
	int ndim = tn_tensor_shape(x)->ndim;
	if (axis < -ndim || axis >= ndim) {
		return tn_error_set(err, TN_ERR_INDEX, "%s: axis %lld is out of range for a tensor of %d axes", name, (long long)axis, ndim);
	}
	*out = (int)(axis < 0 ? axis + ndim : axis);
	return true;
}

/* x[..., start:stop, ...] along one axis. */
static struct tn_tensor *slice_axis(struct tn_engine *e, struct tn_tensor *x, int axis, int64_t start, int64_t stop, struct tn_error *err) {
	struct tn_index items[TN_MAX_NDIM] = {0};
	for (int i = 0; i <= axis; i++) {
		items[i] = (struct tn_index){.kind = TN_INDEX_SLICE, .literal = true};
	}
	items[axis] = (struct tn_index){.kind = TN_INDEX_SLICE, .literal = true, .has_start = true, .has_stop = true, .start = start, .stop = stop};
	return tn_index_get(e, x, items, axis + 1, err);
}

static bool run_reshape(struct tn_native_call *call, struct tn_error *err) {
	int64_t dims[TN_MAX_NDIM];
	int n;
	return tn_arg_get_ints(call, 1, dims, TN_MAX_NDIM, &n, err) && tn_return_tensor(call, tn_reshape(call->engine, input(call), dims, n, err));
}
static bool run_expand(struct tn_native_call *call, struct tn_error *err) {
	int64_t dims[TN_MAX_NDIM];
	int n;
	return tn_arg_get_ints(call, 1, dims, TN_MAX_NDIM, &n, err) && tn_return_tensor(call, tn_expand(call->engine, input(call), dims, n, err));
}
static bool run_permute(struct tn_native_call *call, struct tn_error *err) {
	int64_t axes[TN_MAX_NDIM];
	int n;
	return tn_arg_get_ints(call, 1, axes, TN_MAX_NDIM, &n, err) && tn_return_tensor(call, tn_permute(call->engine, input(call), axes, n, err));
}
static bool run_transpose(struct tn_native_call *call, struct tn_error *err) {
	return tn_return_tensor(call, tn_transpose(call->engine, input(call), call->args[1].i, call->args[2].i, err));
}
static bool run_squeeze(struct tn_native_call *call, struct tn_error *err) {
	int64_t axes[TN_MAX_NDIM];
	int n;
	return tn_arg_get_axes(call, 1, axes, &n, err) && tn_return_tensor(call, tn_squeeze(call->engine, input(call), axes, n, err));
}
static bool run_unsqueeze(struct tn_native_call *call, struct tn_error *err) {
	return tn_return_tensor(call, tn_unsqueeze(call->engine, input(call), call->args[1].i, err));
}
static bool run_contiguous(struct tn_native_call *call, struct tn_error *err) {
	return tn_return_tensor(call, tn_contiguous(call->engine, input(call), err));
}

/* flatten(x, start): axes from `start` become one. */
static bool run_flatten(struct tn_native_call *call, struct tn_error *err) {
	const struct tn_shape *shape = tn_tensor_shape(input(call));
	int64_t dims[TN_MAX_NDIM] = {1};
	int n = 0;
	int64_t start = call->args[1].i < 0 ? call->args[1].i + shape->ndim : call->args[1].i;
	if (start < 0 || (start >= shape->ndim && !(shape->ndim <= 1 && start <= 1))) {
		return tn_error_set(err, TN_ERR_INDEX, "flatten: axis %lld is out of range for a tensor of %d axes", (long long)call->args[1].i, (int)shape->ndim);
	}
	for (int i = 0; i < shape->ndim; i++) {
		if (i <= start) {
			dims[n++] = shape->dims[i];
		} else {
			dims[n - 1] *= shape->dims[i];
		}
	}
	return tn_return_tensor(call, tn_reshape(call->engine, input(call), dims, n, err));
}

/* The tensors of a list or tuple argument, as an array that the caller frees. */
static struct tn_tensor **get_tensors(const struct tn_native_call *call, uint32_t index, const char *name, int *count, struct tn_error *err) {
	struct tn_value v = call->args[index];
	size_t n = v.tag == TN_LIST ? v.list->count : v.tag == TN_TUPLE ? v.tuple->count : 0;
	const struct tn_value *items = v.tag == TN_LIST ? v.list->items : v.tag == TN_TUPLE ? v.tuple->items : NULL;
	if (items == NULL || n == 0) {
		tn_error_set(err, n == 0 && items != NULL ? TN_ERR_VALUE : TN_ERR_TYPE, "%s: expected a list of at least one tensor", name);
		return NULL;
	}
	struct tn_tensor **out = tn_calloc(n, sizeof(*out));
	if (out == NULL || n > INT32_MAX) {
		tn_free(out);
		tn_error_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (items[i].tag != TN_TENSOR) {
			tn_error_set(err, TN_ERR_TYPE, "%s: element %zu of the list is no tensor", name, i);
			tn_free(out);
			return NULL;
		}
		out[i] = items[i].tensor;
	}
	*count = (int)n;
	return out;
}
static bool run_cat(struct tn_native_call *call, struct tn_error *err) {
	int n;
	struct tn_tensor **xs = get_tensors(call, 0, "cat", &n, err);
	bool ok = xs != NULL && tn_return_tensor(call, tn_cat(call->engine, xs, n, call->args[1].i, err));
	tn_free(xs);
	return ok;
}
static bool run_stack(struct tn_native_call *call, struct tn_error *err) {
	int n;
	struct tn_tensor **xs = get_tensors(call, 0, "stack", &n, err);
	bool ok = xs != NULL && tn_return_tensor(call, tn_stack(call->engine, xs, n, call->args[1].i, err));
	tn_free(xs);
	return ok;
}

/* A list of slices of x along an axis, at the given borders. */
static bool split_at(struct tn_native_call *call, int axis, const int64_t *sizes, int64_t count, int64_t each, struct tn_error *err) {
	int64_t total = tn_tensor_shape(input(call))->dims[axis], at = 0;
	struct tn_value list = tn_void();
	if (!tn_list_create(tn_type_basic(tn_lang_types(call->lang), TN_TYPE_TENSOR), (size_t)count, &list, err)) {
		return false;
	}
	for (int64_t i = 0; i < count; i++) {
		int64_t size = sizes != NULL ? sizes[i] : each < total - at ? each : total - at;
		struct tn_tensor *part = slice_axis(call->engine, input(call), axis, at, at + size, err);
		if (part == NULL || !tn_list_append_take(list.list, tn_tensor_value(part), err)) {
			tn_value_unref(list);
			return false;
		}
		at += size;
	}
	*call->result = list;
	return true;
}
static bool run_split(struct tn_native_call *call, struct tn_error *err) {
	int64_t sizes[256], sum = 0;
	int axis = 0, n = 0;
	if (!get_axis("split", input(call), call->args[2].i, &axis, err) || !tn_arg_get_ints(call, 1, sizes, 256, &n, err)) {
		return false;
	}
	int64_t total = tn_tensor_shape(input(call))->dims[axis];
	if (call->args[1].tag == TN_INT) {
		if (sizes[0] < 1) {
			return tn_error_set(err, TN_ERR_VALUE, "split: size must be positive, it is %lld", (long long)sizes[0]);
		}
		return split_at(call, axis, NULL, (total + sizes[0] - 1) / sizes[0], sizes[0], err);
	}
	for (int i = 0; i < n; i++) {
		if (sizes[i] < 0 || __builtin_add_overflow(sum, sizes[i], &sum)) {
			return tn_error_set(err, TN_ERR_VALUE, "split: sizes must not be negative, one is %lld", (long long)sizes[i]);
		}
	}
	if (sum != total) {
		return tn_error_set(err, TN_ERR_SHAPE, "split: sizes add up to %lld, but axis %d has %lld elements", (long long)sum, axis, (long long)total);
	}
	return split_at(call, axis, sizes, n, 0, err);
}
static bool run_chunk(struct tn_native_call *call, struct tn_error *err) {
	int axis = 0;
	int64_t parts = call->args[1].i;
	if (!get_axis("chunk", input(call), call->args[2].i, &axis, err)) {
		return false;
	}
	if (parts < 1) {
		return tn_error_set(err, TN_ERR_VALUE, "chunk: the number of parts must be positive, it is %lld", (long long)parts);
	}
	int64_t total = tn_tensor_shape(input(call))->dims[axis], each = total == 0 ? 1 : (total - 1) / parts + 1;
	return split_at(call, axis, NULL, total == 0 ? 1 : (total + each - 1) / each, each, err);
}

static bool run_flip(struct tn_native_call *call, struct tn_error *err) {
	int64_t axes[TN_MAX_NDIM];
	int n;
	if (!tn_arg_get_axes(call, 1, axes, &n, err)) {
		return false;
	}
	if (n == 0) {
		for (n = 0; n < tn_tensor_shape(input(call))->ndim; n++) {
			axes[n] = n;
		}
	}
	return tn_return_tensor(call, tn_flip(call->engine, input(call), axes, n, err));
}

/* roll(x, shift, axis): elements that leave at the end come back at the start. */
static bool run_roll(struct tn_native_call *call, struct tn_error *err) {
	int axis = 0;
	if (!get_axis("roll", input(call), call->args[2].i, &axis, err)) {
		return false;
	}
	int64_t n = tn_tensor_shape(input(call))->dims[axis];
	int64_t shift = n == 0 ? 0 : (call->args[1].i % n + n) % n;
	if (shift == 0) {
		return tn_return_tensor(call, tn_tensor_ref(input(call)));
	}
	struct tn_tensor *parts[2] = {slice_axis(call->engine, input(call), axis, n - shift, n, err), NULL}, *result = NULL;
	if (parts[0] != NULL && (parts[1] = slice_axis(call->engine, input(call), axis, 0, n - shift, err)) != NULL) {
		result = tn_cat(call->engine, parts, 2, axis, err);
	}
	tn_tensor_unref(parts[0]);
	tn_tensor_unref(parts[1]);
	return tn_return_tensor(call, result);
}

/* repeat(x, counts): x beside itself, counts[k] times along axis k; more counts than axes add axes in front. */
static bool run_repeat(struct tn_native_call *call, struct tn_error *err) {
	int64_t counts[TN_MAX_NDIM], dims[TN_MAX_NDIM] = {0};
	int n;
	if (!tn_arg_get_ints(call, 1, counts, TN_MAX_NDIM, &n, err)) {
		return false;
	}
	const struct tn_shape *shape = tn_tensor_shape(input(call));
	if (n < shape->ndim) {
		return tn_error_set(err, TN_ERR_SHAPE, "repeat: expected a count for each of the %d axes, found %d", (int)shape->ndim, n);
	}
	for (int i = 0; i < n; i++) {
		int k = i - (n - shape->ndim);
		dims[i] = k < 0 ? 1 : shape->dims[k];
		if (counts[i] < 0) {
			return tn_error_set(err, TN_ERR_VALUE, "repeat: counts must not be negative, one is %lld", (long long)counts[i]);
		}
	}
	struct tn_tensor *t = tn_reshape(call->engine, input(call), dims, n, err);
	for (int i = 0; i < n && t != NULL; i++) {
		if (counts[i] == 1) {
			continue;
		}
		struct tn_tensor *next = NULL;
		if (counts[i] == 0) {
			next = slice_axis(call->engine, t, i, 0, 0, err);
		} else if (counts[i] > 65536) {
			tn_error_set(err, TN_ERR_VALUE, "repeat: at most 65536 times, found %lld", (long long)counts[i]);
		} else {
			struct tn_tensor **same = tn_calloc((size_t)counts[i], sizeof(*same));
			if (same == NULL) {
				tn_error_memory(err);
			} else {
				for (int64_t j = 0; j < counts[i]; j++) {
					same[j] = t;
				}
				next = tn_cat(call->engine, same, (int)counts[i], i, err);
				tn_free(same);
			}
		}
		tn_tensor_unref(t);
		t = next;
	}
	return tn_return_tensor(call, t);
}

/* pad(x, widths, value): widths as PyTorch has them: (before, after) of the last axis first. */
static bool run_pad(struct tn_native_call *call, struct tn_error *err) {
	int64_t widths[2 * TN_MAX_NDIM], before[TN_MAX_NDIM] = {0}, after[TN_MAX_NDIM] = {0};
	int n;
	if (!tn_arg_get_ints(call, 1, widths, 2 * TN_MAX_NDIM, &n, err)) {
		return false;
	}
	int ndim = tn_tensor_shape(input(call))->ndim;
	if (n % 2 != 0 || n / 2 > ndim) {
		tn_error_set(err, TN_ERR_VALUE, "pad: expected (before, after) for at most %d axes, found %d numbers", ndim, n);
		tn_error_hint(err, "the last axis comes first: pad(x, [left, right, top, bottom])");
		return false;
	}
	for (int i = 0; i < n / 2; i++) {
		before[ndim - 1 - i] = widths[2 * i];
		after[ndim - 1 - i] = widths[2 * i + 1];
	}
	return tn_return_tensor(call, tn_pad(call->engine, input(call), before, after, tn_arg_operand(call, 2).scalar, err));
}

/* A bool8 mask [rows, columns]: column - row compared with k by op. */
static struct tn_tensor *diagonal_mask(struct tn_engine *e, int64_t rows, int64_t columns, enum tn_op op, int64_t k, struct tn_error *err) {
	struct tn_scalar zero = {.literal = true}, one = {.literal = true, .i = 1};
	struct tn_scalar r = {.literal = true, .i = rows}, c = {.literal = true, .i = columns};
	struct tn_tensor *i = tn_arange(e, TN_DTYPE_I64, zero, r, one, err), *j = NULL, *column = NULL, *d = NULL, *mask = NULL;
	if (i != NULL && (column = tn_unsqueeze(e, i, 1, err)) != NULL && (j = tn_arange(e, TN_DTYPE_I64, zero, c, one, err)) != NULL &&
	    (d = tn_binary(e, TN_OP_SUB, j, column, err)) != NULL) {
		struct tn_arg args[2] = {tn_arg_tensor(d), tn_arg_i64(k, true)};
		mask = tn_elementwise(e, op, args, 2, err);
	}
	tn_tensor_unref(i);
	tn_tensor_unref(j);
	tn_tensor_unref(column);
	tn_tensor_unref(d);
	return mask;
}
static bool triangle(struct tn_native_call *call, const char *name, enum tn_op op, struct tn_error *err) {
	const struct tn_shape *shape = tn_tensor_shape(input(call));
	if (shape->ndim < 2) {
		return tn_error_set(err, TN_ERR_SHAPE, "%s: expected at least 2 axes, found %d", name, (int)shape->ndim);
	}
	struct tn_tensor *mask = diagonal_mask(call->engine, shape->dims[shape->ndim - 2], shape->dims[shape->ndim - 1], op, call->args[1].i, err);
	if (mask == NULL) {
		return false;
	}
	struct tn_arg args[3] = {tn_arg_tensor(mask), tn_arg_tensor(input(call)), tn_arg_i64(0, true)};
	struct tn_tensor *cut = tn_elementwise(call->engine, TN_OP_WHERE, args, 3, err);
	struct tn_tensor *result = cut == NULL ? NULL : tn_cast(call->engine, cut, tn_tensor_dtype(input(call)), err); /* bool8 stays what it is */
	tn_tensor_unref(mask);
	tn_tensor_unref(cut);
	return tn_return_tensor(call, result);
}
static bool run_tril(struct tn_native_call *call, struct tn_error *err) { return triangle(call, "tril", TN_OP_LE, err); }
static bool run_triu(struct tn_native_call *call, struct tn_error *err) { return triangle(call, "triu", TN_OP_GE, err); }

static bool run_eye(struct tn_native_call *call, struct tn_error *err) {
	int64_t rows = call->args[0].i, columns = tn_arg_given(call, 1) ? call->args[1].i : rows;
	if (rows < 0 || columns < 0) {
		return tn_error_set(err, TN_ERR_VALUE, "eye: sizes must not be negative");
	}
	struct tn_tensor *mask = diagonal_mask(call->engine, rows, columns, TN_OP_EQ, 0, err);
	struct tn_tensor *result = mask == NULL ? NULL : tn_cast(call->engine, mask, call->args[2].dtype, err);
	tn_tensor_unref(mask);
	return tn_return_tensor(call, result);
}

#define SHAPE_DOC "shape: ints, or one list of ints; one of them may be -1 and is worked out. x: any. Errors: ShapeError when the numbers of elements differ."

static const struct tn_native rows[] = {
	{ "tensor reshape(tensor x, shape shape)", "The same elements in another shape, in row-major order.\n\n" SHAPE_DOC,
	  "arange(6).reshape(2, -1).shape    // expect: [2, 3]", run_reshape, NULL, 0 },
	{ "tensor view(tensor x, shape shape)", "As reshape.\n\n" SHAPE_DOC, "arange(6).view(3, 2).shape    // expect: [3, 2]", run_reshape, NULL, 0 },
	{ "tensor expand(tensor x, shape shape)", "Axes of size 1 repeated, and axes added in front, without copying.\n\nshape: the sizes; -1 keeps one. x: each axis of size 1, or of the size asked for. Errors: ShapeError else.",
	  "ones(3, 1).expand(3, 4).shape    // expect: [3, 4]", run_expand, NULL, 0 },
	{ "tensor permute(tensor x, shape axes)", "Axes in another order.\n\naxes: each axis of x once.", "zeros(2, 3, 4).permute(2, 0, 1).shape    // expect: [4, 2, 3]",
	  run_permute, NULL, 0 },
	{ "tensor transpose(tensor x, int axis0 = -2, int axis1 = -1)", "Two axes swapped.\n\nx: at least two axes. axis0, axis1: which; the last two when left out.", "zeros(2, 3).transpose(0, 1).shape    // expect: [3, 2]", run_transpose, NULL, 0 },
	{ "tensor squeeze(tensor x, axes axis = none)", "Axes of size 1 left out: those given, or all.\n\nx: any shape. axis: one or a list.", "zeros(1, 3, 1).squeeze().shape    // expect: [3]", run_squeeze, NULL, 0 },
	{ "tensor unsqueeze(tensor x, int axis)", "An axis of size 1 put in at that place.\n\nx: any shape. axis: 0 to its number of axes, or negative: -1 puts it last.", "zeros(3).unsqueeze(0).shape    // expect: [1, 3]", run_unsqueeze, NULL, 0 },
	{ "tensor flatten(tensor x, int start = 1)", "Axes from `start` on as one; axis 0 is kept.\n\nx: any shape.", "zeros(2, 3, 4).flatten().shape    // expect: [2, 12]", run_flatten, NULL, 0 },
	{ "tensor contiguous(tensor x)", "A row-major copy where x is not row-major.", "contiguous(zeros(2, 3).T).shape    // expect: [3, 2]", run_contiguous, NULL, 0 },
	{ "tensor cat(tensor[] xs, int axis = 0)", "Tensors joined along an axis.\n\nxs: alike in dtype and in the other axes.",
	  "cat([ones(1), zeros(2)])    // expect: tensor([1., 0., 0.]) f32[3]", run_cat, NULL, 0 },
	{ "tensor stack(tensor[] xs, int axis = 0)", "Tensors of one shape joined along a new axis.\n\nxs: at least one. Errors: ShapeError when their shapes differ.", "stack([ones(2), zeros(2)]).shape    // expect: [2, 2]", run_stack, NULL, 0 },
	{ "tensor[] split(tensor x, axes size, int axis = 0)", "Parts of x along an axis.\n\nsize: of each part (the last may be smaller), or a list of sizes.",
	  "len(split(arange(10), 4))    // expect: 3", run_split, NULL, 0 },
	{ "tensor[] chunk(tensor x, int parts, int axis = 0)", "At most `parts` parts of equal size along an axis; the last may be smaller.\n\nx: at least one axis.", "len(chunk(arange(10), 3))    // expect: 3",
	  run_chunk, NULL, 0 },
	{ "tensor flip(tensor x, axes axis = none)", "Elements in reverse order along axes (all when left out).\n\nx: any shape. axis: one or a list.", "flip(tensor([1, 2, 3]))    // expect: tensor([3, 2, 1]) i64[3]",
	  run_flip, NULL, 0 },
	{ "tensor roll(tensor x, int shift, int axis = 0)", "Elements moved by `shift` along an axis; those that leave come back at the other end.\n\nx: any shape.",
	  "roll(tensor([1, 2, 3]), 1)    // expect: tensor([3, 1, 2]) i64[3]", run_roll, NULL, 0 },
	{ "tensor repeat(tensor x, shape counts)", "x beside itself.\n\ncounts: how often along each axis.", "tensor([1, 2]).repeat(2)    // expect: tensor([1, 2, 1, 2]) i64[4]",
	  run_repeat, NULL, 0 },
	{ "tensor pad(tensor x, axes widths, number value = 0)", "A border of one value.\n\nwidths: (before, after) of the last axis, then of the one before it, … x: any shape.",
	  "pad(tensor([1, 2]), [1, 0])    // expect: tensor([0, 1, 2]) i64[3]", run_pad, NULL, 0 },
	{ "tensor tril(tensor x, int diagonal = 0)", "Zeros above a diagonal of the last two axes.\n\ndiagonal: 0 the main one, positive above it. x: [..., rows, columns].",
	  "tril(ones(2, 2))[0]    // expect: tensor([1., 0.]) f32[2]", run_tril, NULL, 0 },
	{ "tensor triu(tensor x, int diagonal = 0)", "Zeros below a diagonal of the last two axes.\n\ndiagonal: 0 the main one, positive above it. x: [..., rows, columns].",
	  "triu(ones(2, 2))[1]    // expect: tensor([0., 1.]) f32[2]", run_triu, NULL, 0 },
	{ "tensor eye(int rows, int columns = none, dtype dtype = f32)", "Ones on the diagonal, zeros elsewhere: [rows, columns], square when columns is left out.\n\ndtype: any.", "eye(2)[0]    // expect: tensor([1., 0.]) f32[2]", run_eye,
	  NULL, 0 },
};
TN_NATIVE_TABLE(shape, rows);
