# SPDX-License-Identifier: Apache-2.0
"""Reductions, running sums and what works along one axis: every axis and keepdim, sizes around the borders, ties, zeros, infinities, NaN."""
import numpy as np

from case import FLOATS, INTEGERS, SIZES, Case, normal, rounded, steps

# name, Tenon and PyTorch with AXIS for the axis argument
REDUCE = [
    ("sum", "sum(xAXIS)", "sum(xAXIS)"), ("mean", "mean(xAXIS)", "mean(xAXIS)"), ("var", "var(xAXIS)", "var(xAXIS)"), ("var_0", "var(xAXIS, correction: 0)", "var(xAXIS, correction=0)"),
    ("std", "std(xAXIS)", "std(xAXIS)"), ("std_0", "std(xAXIS, correction: 0)", "std(xAXIS, correction=0)"),
    ("norm", "norm(xAXIS)", "torch.linalg.vector_norm(xAXIS)"), ("logsumexp", "logsumexp(xAXIS)", "logsumexp(xAXIS)"), ("max", "max(xAXIS)", "amax(xAXIS)"),
    ("min", "min(xAXIS)", "amin(xAXIS)"),
]
ONE_AXIS = [("prod", "prod(xAXIS)", "prod(xAXIS)")]
TESTS = [("any", "any(xAXIS)", "any(xAXIS)"), ("all", "all(xAXIS)", "all(xAXIS)"), ("count_nonzero", "count_nonzero(xAXIS)", "torch.count_nonzero(xAXIS)")]
ARG = [("argmax", "argmax(xAXIS)", "argmax(xAXIS)"), ("argmin", "argmin(xAXIS)", "argmin(xAXIS)")]
ALONG = [
    ("softmax", "softmax(x, axis: AX)", "softmax(x, AX)"), ("log_softmax", "log_softmax(x, axis: AX)", "log_softmax(x, AX)"), ("cumsum", "cumsum(x, AX)", "cumsum(x, AX)"),
    ("cumprod", "cumprod(x, AX)", "cumprod(x, AX)"), ("sort", "auto (y, i) = sort(x, axis: AX);", "y, i = sort(x, dim=AX, stable=True)"),
    ("sort_down", "auto (y, i) = sort(x, axis: AX, descending: true);", "y, i = sort(x, dim=AX, descending=True, stable=True)"),
    ("topk", "auto (y, i) = topk(x, 1, axis: AX);", "y, i = topk(x, 1, dim=AX)"), ("argsort", "argsort(x, axis: AX)", "argsort(x, dim=AX, stable=True)"),
]
# Sums of many terms: PyTorch adds in another order, both are off by some units of the largest partial sum.
SLACK = {"f32": 4e-7, "f64": 4e-15, "bf16": 1.6e-2, "f16": 2e-3}


def with_axis(text, axis, keepdim, python):
    if axis is None:
        return text.replace("AXIS", ", dim=tuple(k for k in (0, 1, 2) if k < x.ndim)" if python and text.startswith("logsumexp") else "")
    mark = "=" if python else ": "
    found = f", {'dim' if python else 'axis'}{mark}{axis}"
    if keepdim:
        found += f", keepdim{mark}{'True' if python else 'true'}"
    return text.replace("AXIS", found)


def reduce_case(name, tenon, torch, x, dtype, axis=None, keepdim=False, order=2, tag="", **more):
    shown = "all" if axis is None else str(axis).replace(" ", "") + ("k" if keepdim else "")
    wrt = ("x",) if order else ()
    scale = 0.0
    if name in ("sum", "mean") and dtype in FLOATS: # PyTorch adds in another order: both are off by units of the sum of absolute values
        with np.errstate(all="ignore"):
            sizes = np.abs(np.where(np.isfinite(x), x, 0.0))
            scale = float(np.max(sizes.sum(axis=tuple(axis) if isinstance(axis, list) else axis))) / (1 if name == "sum" else x.size)
    return Case(f"{name}_{tag}{shown}/{dtype}", {"x": (rounded(x, dtype) if dtype in FLOATS else x, dtype)}, with_axis(tenon, axis, keepdim, False),
                with_axis(torch, axis, keepdim, True), wrt=wrt, order=order, slack=SLACK.get(dtype, 0.0), scale=scale,
                cancel=40 if name in ("std", "std_0", "logsumexp") else 0, **more)


def along_case(name, tenon, torch, x, dtype, axis, order=2, tag=""):
    outputs = ("y", "i") if "y, i" in torch else ("y",)
    order = 0 if name == "argsort" else order
    return Case(f"{name}_{tag}{axis}/{dtype}", {"x": (rounded(x, dtype) if dtype in FLOATS else x, dtype)}, tenon.replace("AX", str(axis)), torch.replace("AX", str(axis)),
                outputs=outputs, wrt=("x",) if order else (), order=order,
                cancel=8 if "softmax" in name else 0, slack=SLACK.get(dtype, 0.0) * (8 if name == "cumprod" else 1), scale=float(np.max(np.abs(x).sum(axis=axis))) if name == "cumsum" and np.all(np.isfinite(x)) else 0.0)


def special_rows():
    """Rows of 6: each has something that reductions treat in a way of its own."""
    inf, nan = np.inf, np.nan
    return np.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [0.0, 2.0, 3.0, -1.0, 0.5, 4.0], [0.0, 2.0, 0.0, -1.0, 0.5, 4.0],
                     [3.0, -2.0, 3.0, -2.0, 1.0, 3.0], [inf, 1.0, 2.0, 0.0, -1.0, 3.0], [-inf, 1.0, 2.0, 0.0, -1.0, 3.0], [inf, 1.0, -inf, 2.0, 0.0, 1.0],
                     [-inf, -inf, -inf, -inf, -inf, -inf], [inf, inf, 1.0, 2.0, 3.0, 0.0], [nan, 1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 5.0, nan, -2.0, nan, 0.0],
                     [nan, nan, nan, nan, nan, nan], [-0.0, 0.0, -0.0, 0.0, 0.0, -0.0], [1e4, 1e4, -1e4, 2.0, 1e4, 0.0], [100.0, -100.0, 1000.0, -1000.0, 88.0, 90.0],
                     [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0], [0.5, 0.25, 0.125, 2.0, 4.0, 8.0]])


def big_rows():
    """Sums of squares and exponentials of these leave the dtype, the results do not."""
    return {"f32": [[1e20, -1e20, 3e19], [1e-25, 2e-25, 3e-25], [200.0, 201.0, 202.0], [-200.0, -201.0, -202.0], [3e38, 3e38, 0.0]],
            "f64": [[1e200, -1e200, 3e199], [1e-200, 2e-200, 3e-200], [1000.0, 1001.0, 1002.0], [-1000.0, -1001.0, -1002.0]],
            "bf16": [[1e20, -1e20, 3e19], [200.0, 201.0, 202.0], [-200.0, -201.0, -202.0], [1e-25, 2e-25, 3e-25]],
            "f16": [[1000.0, -1000.0, 300.0], [60000.0, 60000.0, 0.0], [1e-4, 2e-4, 3e-4], [20.0, 21.0, 22.0], [-20.0, -21.0, -22.0]]}


def of_floats(dtype):
    everything = REDUCE + ONE_AXIS
    for size in SIZES if dtype == "f32" else (1, 129, 1000):
        x = normal(size, start=size)
        for name, tenon, torch in everything:
            order = 2 if size <= 129 else 0
            if name == "prod":
                x = x * 0.25 + np.where(x < 0, -1.0, 1.0)
            yield reduce_case(name, tenon, torch, x, dtype, order=order if not (size == 1 and name in ("var", "std")) else 1, tag=f"{size}_")
        for name, tenon, torch in TESTS:
            yield reduce_case(name, tenon, torch, steps(size, start=size), dtype, order=0, tag=f"{size}_")
        for name, tenon, torch in ARG:
            yield reduce_case(name, tenon, torch, steps(size, levels=50, start=size), dtype, order=0, tag=f"{size}_")
        for name, tenon, torch in ALONG:
            if dtype != "f32" and size != 129 or size > 129 and name not in ("cumsum", "cumprod", "softmax", "sort"):
                continue # their results are as large as the input, and the file is to stay small
            values = normal(size, start=3 * size) if name in ("softmax", "log_softmax", "cumsum") else steps(size, levels=99, start=size)
            if name == "cumprod":
                values = values / 400 + 0.9
            yield along_case(name, tenon, torch, values, dtype, 0, order=2 if size <= 129 else 0, tag=f"{size}_")
    yield from of_shapes(dtype, normal(3, 5, 7, start=500), "357_")
    if dtype in ("f32", "bf16"):
        yield from of_shapes(dtype, normal(2, 129, 2, start=900), "b_", few=True)
    yield from of_special_rows(dtype)


def of_shapes(dtype, x, tag, few=False):
    axes = [(1, False), (0, True), (-1, False)] + ([] if few else [([0, 2], False), ([1, 2], True), ([0, 1, 2], False), (-3, False)])
    for axis, keepdim in axes:
        for name, tenon, torch in REDUCE + ([] if isinstance(axis, list) else ONE_AXIS):
            yield reduce_case(name, tenon, torch, x, dtype, axis, keepdim, tag=tag)
        for name, tenon, torch in TESTS[: 2 if keepdim else 3]:
            yield reduce_case(name, tenon, torch, steps(*x.shape), dtype, axis, keepdim, order=0, tag=tag)
        if not isinstance(axis, list):
            for name, tenon, torch in ARG:
                yield reduce_case(name, tenon, torch, steps(*x.shape), dtype, axis, keepdim, order=0, tag=tag)
    for axis in (1,) if few else (0, 1, -1):
        for name, tenon, torch in ALONG:
            values = steps(*x.shape, levels=500) / 16 if "sort" in name or name == "topk" else x
            yield along_case(name, tenon, torch, values, dtype, axis, tag=tag)


def of_special_rows(dtype):
    for name, tenon, torch in REDUCE + ONE_AXIS:
        yield reduce_case(name, tenon, torch, special_rows(), dtype, 1, tag="special_")
        yield reduce_case(name, tenon, torch, special_rows().T, dtype, 0, tag="special_")
        if name != "prod":
            yield reduce_case(name, tenon, torch, np.array(big_rows()[dtype]), dtype, 1, tag="big_")
    for name, tenon, torch in TESTS:
        yield reduce_case(name, tenon, torch, special_rows(), dtype, 1, order=0, tag="special_")
    for name, tenon, torch in ARG:
        yield reduce_case(name, tenon, torch, special_rows(), dtype, 1, order=0, tag="special_")
        yield reduce_case(name, tenon, torch, special_rows(), dtype, order=0, tag="special_")
    for name, tenon, torch in ALONG:
        if name not in ("sort_down", "topk"): # which of equals come first is not said
            yield along_case(name, tenon, torch, special_rows(), dtype, 1, tag="special_")
    for row, values in enumerate(special_rows()):
        for name, tenon, torch in REDUCE + ONE_AXIS:
            if row in (0, 1, 2, 3, 4, 5, 8, 10):
                yield reduce_case(name, tenon, torch, values, dtype, tag=f"special{row}_")


def of_integers(dtype):
    x = steps(3, 43, levels=2 if dtype == "bool8" else 200)
    for axis, keepdim in ((None, False), (0, False), (1, True)):
        for name, tenon, torch in [REDUCE[0], *REDUCE[-2:], *ONE_AXIS, *TESTS, *ARG]:
            small = x % 3 + 1 if name == "prod" else x
            if name in ("count_nonzero",) and keepdim or (dtype == "bool8" and name in ("argmax", "argmin", "max", "min")):
                continue
            yield reduce_case(name, tenon, torch, small, dtype, axis, keepdim, order=0, exact=False)
    for name, tenon, torch in ALONG[2:]:
        if dtype != "bool8" and name != "topk":
            yield along_case(name, tenon, torch, x % 3 + 1 if name == "cumprod" else x, dtype, 1, order=0)


def cases():
    found = []
    for dtype in FLOATS:
        found += of_floats(dtype)
    for dtype in INTEGERS:
        found += of_integers(dtype)
    return found
