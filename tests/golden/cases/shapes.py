# SPDX-License-Identifier: Apache-2.0
"""Shapes, parts, indices: what moves elements and changes none. Derivatives tell where each element went."""
import numpy as np

from case import Case, normal, rounded, steps

# name, Tenon, PyTorch; x is [2, 3, 4]
MOVES = [
    ("reshape", "x.reshape(4, -1)", "x.reshape(4, -1)"), ("reshape_flat", "x.reshape(-1)", "x.reshape(-1)"), ("view", "view(x, [6, 4])", "x.view(6, 4)"),
    ("permute", "permute(x, [2, 0, 1])", "x.permute(2, 0, 1)"), ("permute_negative", "permute(x, [-1, 0, -2])", "x.permute(-1, 0, -2)"),
    ("transpose", "transpose(x)", "x.transpose(-2, -1)"), ("transpose_axes", "transpose(x, 0, 2)", "x.transpose(0, 2)"), ("T", "x[0].T", "x[0].T"),
    ("squeeze", "x[:, :1].squeeze(1)", "x[:, :1].squeeze(1)"), ("squeeze_all", "x[:1, :, :1].squeeze()", "x[:1, :, :1].squeeze()"), ("unsqueeze", "unsqueeze(x, 1)", "x.unsqueeze(1)"),
    ("unsqueeze_last", "unsqueeze(x, -1)", "x.unsqueeze(-1)"), ("expand", "x[:, :, :1].expand(2, 3, 5)", "x[:, :, :1].expand(2, 3, 5)"), ("expand_more", "x.expand(2, 2, 3, 4)", "x.expand(2, 2, 3, 4)"),
    ("expand_keep", "x[:1].expand(5, -1, -1)", "x[:1].expand(5, -1, -1)"), ("cat", "cat([x, x * 2.0], axis: 1)", "cat([x, x * 2.0], 1)"), ("cat_0", "cat([x, x[1:]])", "cat([x, x[1:]])"),
    ("cat_last", "cat([x, x[:, :, :1], x], axis: -1)", "cat([x, x[:, :, :1], x], -1)"), ("stack", "stack([x, x + 1.0])", "stack([x, x + 1.0])"),
    ("stack_1", "stack([x, x + 1.0], axis: 1)", "stack([x, x + 1.0], 1)"), ("stack_last", "stack([x, x + 1.0], axis: -1)", "stack([x, x + 1.0], -1)"),
    ("split", "split(x, 3, axis: 2)[0]", "split(x, 3, 2)[0]"), ("split_rest", "split(x, 3, axis: 2)[1]", "split(x, 3, 2)[1]"), ("split_sizes", "split(x, [1, 2], axis: 1)[1]", "split(x, [1, 2], 1)[1]"),
    ("chunk", "chunk(x, 2, axis: 1)[0]", "chunk(x, 2, 1)[0]"), ("chunk_rest", "chunk(x, 2, axis: 1)[1]", "chunk(x, 2, 1)[1]"), ("chunk_3_of_4", "chunk(x, 3, axis: 2)[1]", "chunk(x, 3, 2)[1]"),
    ("flatten", "flatten(x)", "flatten(x, 1)"), ("flatten_0", "flatten(x, start: 0)", "flatten(x)"), ("flip", "flip(x, axis: 1)", "flip(x, [1])"), ("flip_two", "flip(x, axis: [0, 2])", "flip(x, [0, 2])"),
    ("flip_all", "flip(x)", "flip(x, [0, 1, 2])"), ("roll", "roll(x, 1)", "roll(x, 1, 0)"), ("roll_back", "roll(x, -3, axis: 2)", "roll(x, -3, 2)"), ("roll_far", "roll(x, 11, axis: 1)", "roll(x, 11, 1)"),
    ("repeat", "repeat(x, [2, 1, 3])", "x.repeat(2, 1, 3)"), ("repeat_more", "repeat(x[0], [2, 3, 1])", "x[0].repeat(2, 3, 1)"), ("tril", "tril(x)", "tril(x)"), ("tril_1", "tril(x, 1)", "tril(x, 1)"),
    ("tril_minus_1", "tril(x, -1)", "tril(x, -1)"), ("triu", "triu(x)", "triu(x)"), ("triu_2", "triu(x, 2)", "triu(x, 2)"), ("triu_minus_2", "triu(x, -2)", "triu(x, -2)"),
    ("contiguous", "contiguous(x.T)", "x.mT.contiguous()"), ("pad", "pad(x, [1, 2])", "F.pad(x, (1, 2))"), ("pad_two", "pad(x, [1, 2, 0, 3])", "F.pad(x, (1, 2, 0, 3))"),
    ("pad_value", "pad(x, [1, 1], value: -1.5)", "F.pad(x, (1, 1), value=-1.5)"), ("pad_three", "pad(x, [0, 1, 2, 0, 1, 1])", "F.pad(x, (0, 1, 2, 0, 1, 1))"),
    ("index_int", "x[1]", "x[1]"), ("index_last", "x[-1, -2]", "x[-1, -2]"), ("index_slice", "x[:, 1:3]", "x[:, 1:3]"), ("index_step", "x[:, :, ::2]", "x[:, :, ::2]"),
    ("index_step_from", "x[:, :, 1:4:2]", "x[:, :, 1:4:2]"), ("index_none", "x[:, None, 1]", "x[:, None, 1]"), ("index_dots", "x[..., 2]", "x[..., 2]"), ("index_dots_none", "x[..., None]", "x[..., None]"),
    ("index_tensor", "x[tensor([1, 0, 1, 1])]", "x[torch.tensor([1, 0, 1, 1])]"), ("index_tensor_1", "x[:, tensor([2, 0])]", "x[:, torch.tensor([2, 0])]"),
    ("index_tensor_negative", "x[:, tensor([-1, 0, -3])]", "x[:, torch.tensor([-1, 0, -3])]"), ("index_matrix", "x[tensor([[1, 0], [0, 1]])]", "x[torch.tensor([[1, 0], [0, 1]])]"),
    ("index_last_tensor", "x[..., tensor([3, 3, 0])]", "x[..., torch.tensor([3, 3, 0])]"), ("index_mask", "x[x > 0]", "x[x > 0]"), ("index_mask_rows", "x[tensor([true, false])]", "x[torch.tensor([True, False])]"),
    ("index_select", "index_select(x, tensor([3, 0, 0]), axis: 2)", "index_select(x, 2, torch.tensor([3, 0, 0]))"), ("gather", "gather(x, 2, tensor([[[0, 3], [1, 1], [2, 0]], [[3, 3], [0, 1], [2, 2]]]))",
     "gather(x, 2, torch.tensor([[[0, 3], [1, 1], [2, 0]], [[3, 3], [0, 1], [2, 2]]]))"),
    ("take_along", "take_along(x, argsort(x, axis: 1), axis: 1)", "torch.take_along_dim(x, argsort(x, 1), 1)"), ("where_mask", "where(x > 0, x, -x)", "where(x > 0, x, -x)"),
    ("masked_fill", "masked_fill(x, x < 0, 9.0)", "x.masked_fill(x < 0, 9.0)"), ("stop", "x * stop_gradient(x)", "x * x.detach()"),
    ("write_row", "auto y = x * 2.0; y[0] = x[1];", "y = x * 2.0; y[0] = x[1]"), ("write_number", "auto y = x * x; y[:, 1] = 5.0;", "y = x * x; y[:, 1] = 5.0"),
    ("write_slice", "auto y = x * x; y[:, :2, 1:3] = x[:, 1:, :2];", "y = x * x; y[:, :2, 1:3] = x[:, 1:, :2]"), ("write_step", "auto y = x * x; y[..., ::2] = y[..., 1::2];", "y = x * x; y = y.clone(); z = y[..., 1::2].clone(); y[..., ::2] = z"),
    ("write_mask", "auto y = x * x; y[y > 1.0] = -2.0;", "y = x * x; y = y.masked_fill(y > 1.0, -2.0)"), ("add_into", "auto y = x * x; y[1] += x[0];", "y = x * x; y[1] += x[0]"),
    ("write_index", "auto y = x * x; y[:, tensor([2, 0])] = x[:, :2];", "y = x * x; y[:, torch.tensor([2, 0])] = x[:, :2]"), ("write_broadcast", "auto y = x * x; y[:, 0:2] = x[0, 0];", "y = x * x; y[:, 0:2] = x[0, 0]"),
    ("matmul_batch", "x @ x.T", "x @ x.mT"), ("outer", "outer(x[0, 0], x[1, 1])", "torch.outer(x[0, 0], x[1, 1])"), ("dot", "dot(x[0, 0], x[1, 1])", "torch.dot(x[0, 0], x[1, 1])"),
    ("bmm", "bmm(x, x.T)", "bmm(x, x.mT)"), ("matmul_vector", "x @ x[0, 0]", "x @ x[0, 0]"), ("vector_matmul", "x[0, :, 0] @ x[1]", "x[0, :, 0] @ x[1]"), ("matmul_2d", "x[0] @ x[1].T", "x[0] @ x[1].T"),
]
TWO = [
    ("scatter", "scatter(x, 1, tensor([[2, 0, 1, 2]]), s[:1, :4])", "x.scatter(1, torch.tensor([[2, 0, 1, 2]]), s[:1, :4])"),
    ("scatter_rows", "scatter(x, 0, tensor([[2, 0, 1, 2, 0]]), s[:1])", "x.scatter(0, torch.tensor([[2, 0, 1, 2, 0]]), s[:1])"),
    ("scatter_add", "scatter_add(x, 1, tensor([[2, 0, 0, 2], [4, 4, 4, 4]]), s[:2, :4])", "x.scatter_add(1, torch.tensor([[2, 0, 0, 2], [4, 4, 4, 4]]), s[:2, :4])"),
    ("index_add", "index_add(x, 0, tensor([2, 0, 2]), s)", "x.index_add(0, torch.tensor([2, 0, 2]), s)"), ("index_add_1", "index_add(x, 1, tensor([4, 4]), s[:, :2])", "x.index_add(1, torch.tensor([4, 4]), s[:, :2])"),
    ("where_two", "where(x > s, x, s)", "where(x > s, x, s)"), ("lerp", "lerp(x, s, 0.25)", "torch.lerp(x, s, 0.25)"), ("lerp_tensor", "lerp(x, s, abs(x))", "torch.lerp(x, s, abs(x))"),
    ("masked_fill_tensor", "masked_fill(x, s > 0, s[0, 0])", "x.masked_fill(s > 0, s[0, 0])"), ("cat_two", "cat([s, x, s], axis: 1)", "cat([s, x, s], 1)"), ("matmul", "x @ s.T", "x @ s.T"),
    ("clamp_two", "clamp(x, s - 0.5, s + 0.5)", "clamp(x, s - 0.5, s + 0.5)"), ("pow_two", "abs(x) ** s", "abs(x) ** s"), ("atan2_two", "atan2(x, s)", "torch.atan2(x, s)"),
]
# Of integers and truth values: what is written is the tensor's dtype after.
WRITES = [
    ("masked_fill_true", "masked_fill(x, mask, true)", "x.masked_fill(mask, True)"), ("where_mask_two", "where(mask, x, s)", "where(mask, x, s)"),
    ("masked_fill_number", "masked_fill(x, mask, 7)", "x.masked_fill(mask, 7)"), ("where_number", "where(mask, x, 3)", "where(mask, x, 3)"), ("write_number_whole", "auto y = x; y[1:] = 200;", "y = x.clone(); y[1:] = 200"),
    ("write_mask_whole", "auto y = x; y[mask] = 5;", "y = x.clone(); y[mask] = 5"), ("add_into_whole", "auto y = x; y[0] += s[1];", "y = x.clone(); y[0] += s[1]"), ("wrap", "x * 100", "x * 100"), ("wrap_below", "x - s * 40", "x - s * 40"),
    ("clamp_whole_two", "clamp(x, 2, 5)", "clamp(x, 2, 5)"), ("sort_whole", "auto (y, i) = sort(x, axis: 1);", "y, i = sort(x, dim=1, stable=True)"), ("mean_whole", "mean(x)", "x.float().mean()"), ("var_whole", "var(x)", "x.float().var()"),
    ("norm_whole", "norm(x)", "x.float().norm()"), ("softmax_whole", "softmax(x, axis: 1)", "softmax(x.float(), 1)"),
]
WHOLE = ["reshape", "permute", "flip", "roll", "pad", "tril", "cat_0", "index_step", "index_tensor", "repeat", "stack", "index_last_tensor"]
SLACK = {"f32": 4e-7, "f64": 1e-14, "bf16": 1.6e-2, "f16": 2e-3}
# Sizes of matrix products on both sides of panels and vectors: [M, K] @ [K, N]
PRODUCTS = [(1, 1, 1), (1, 127, 1), (3, 129, 5), (17, 31, 33), (33, 64, 65), (1, 1000, 3), (129, 2, 17), (5, 4097, 2), (8, 0, 3)]


def cases():
    found = []
    for dtype in ("f32", "f64", "bf16", "f16"):
        x = rounded(normal(2, 3, 4, start=40), dtype)
        order = 2 if dtype in ("f32", "f64") else 1
        for name, tenon, torch in MOVES:
            found.append(Case(f"{name}/{dtype}" if name not in ("masked_fill",) else f"{name}_3d/{dtype}", {"x": (x, dtype)}, tenon, torch, wrt=("x",), order=order, slack=SLACK[dtype]))
        a, s = rounded(normal(3, 5, start=60), dtype), rounded(normal(3, 5, start=160), dtype)
        for name, tenon, torch in TWO:
            found.append(Case(f"{name}/{dtype}", {"x": (a, dtype), "s": (s, dtype)}, tenon, torch, wrt=("x", "s"), order=order, slack=SLACK[dtype]))
        for m, k, n in PRODUCTS:
            small = m * k + k * n < 1500 # derivatives of the others would fill the file
            a, b = rounded(normal(m, k, start=m), dtype), rounded(normal(k, n, start=n), dtype)
            found.append(Case(f"matmul_{m}_{k}_{n}/{dtype}", {"a": (a, dtype), "b": (b, dtype)}, "a @ b", "a @ b", wrt=("a", "b") if small else (), order=1 + (dtype == "f32") if small else 0, slack=SLACK[dtype]))
    for dtype in ("i64", "i32", "u8", "bool8"):
        x = steps(2, 3, 4, levels=2 if dtype == "bool8" else 9)
        given = {name: (tenon, torch) for name, tenon, torch in MOVES}
        for name in WHOLE:
            tenon, torch = given[name]
            if name == "stack":
                tenon, torch = "stack([x, x])", "stack([x, x])"
            found.append(Case(f"{name}/{dtype}", {"x": (x, dtype)}, tenon, torch))
    for dtype in ("i64", "i32", "u8", "bool8"):
        levels = 2 if dtype == "bool8" else 9
        x, s, mask = steps(3, 5, levels=levels), steps(3, 5, levels=levels, start=300), steps(3, 5, levels=2, start=600)
        inputs = {"x": (x, dtype), "s": (s, dtype), "mask": (mask, "bool8")}
        for name, tenon, torch in TWO[:6] + (WRITES if dtype != "bool8" else WRITES[:2]):
            if name.startswith(("scatter_add", "index_add")) and dtype == "bool8":
                continue
            used = {n: v for n, v in inputs.items() if n != "mask" or "mask" in tenon}
            found.append(Case(f"{name}/{dtype}", used, tenon, torch))
    for name, tenon, torch, values in (("one_hot", "one_hot(x, 4)", "F.one_hot(x, 4)", [[0, 3], [2, 1]]), ("nonzero", "nonzero(x)", "torch.nonzero(x)", [[0, 3, 0], [2, 0, 1]]),
                                       ("nonzero_none", "nonzero(x)", "torch.nonzero(x)", [[0, 0], [0, 0]]), ("matmul_whole", "x @ x", "x @ x", [[1, 2], [3, 4]])):
        found.append(Case(f"{name}/i64", {"x": (np.array(values, np.float64), "i64")}, tenon, torch))
    return found
