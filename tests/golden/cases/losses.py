# SPDX-License-Identifier: Apache-2.0
"""Losses, with every option and reduction, at ordinary, saturated and impossible scores."""
import numpy as np

from case import Case, noise, normal, rounded, steps

SLACK = {"f32": 1e-6, "f64": 4e-15, "bf16": 2e-2, "f16": 4e-3}
REDUCTIONS = ("mean", "sum", "none")
# name, Tenon, PyTorch; HOW is the reduction, a and b the operands
PAIRS = [
    ("mse_loss", "mse_loss(a, bHOW)", "F.mse_loss(a, bHOW)"), ("l1_loss", "l1_loss(a, bHOW)", "F.l1_loss(a, bHOW)"), ("huber_loss", "huber_loss(a, bHOW)", "F.huber_loss(a, bHOW)"),
    ("huber_loss_2", "huber_loss(a, b, delta: 0.25HOW)", "F.huber_loss(a, b, delta=0.25HOW)"), ("bce_with_logits", "bce_with_logits(a, pHOW)", "F.binary_cross_entropy_with_logits(a, pHOW)"),
    ("binary_cross_entropy", "binary_cross_entropy(q, pHOW)", "F.binary_cross_entropy(q, pHOW)"), ("kl_div", "kl_div(a, pHOW)", "F.kl_div(a, pHOW)"),
    ("cosine_loss", "cosine_loss(a, bHOW)", "RED(1.0 - F.cosine_similarity(a, b, dim=-1))"),
]
CLASSES = [
    ("cross_entropy", "cross_entropy(x, tHOW)", "F.cross_entropy(x, tHOW)"), ("cross_entropy_smooth", "cross_entropy(x, t, label_smoothing: 0.1HOW)", "F.cross_entropy(x, t, label_smoothing=0.1HOW)"),
    ("cross_entropy_ignore", "cross_entropy(x, t, ignore_index: 1HOW)", "F.cross_entropy(x, t, ignore_index=1HOW)"),
    ("cross_entropy_both", "cross_entropy(x, t, ignore_index: 2, label_smoothing: 0.25HOW)", "F.cross_entropy(x, t, ignore_index=2, label_smoothing=0.25HOW)"),
    ("nll_loss", "nll_loss(x, tHOW)", "F.nll_loss(x, tHOW)"), ("nll_loss_ignore", "nll_loss(x, t, ignore_index: 0HOW)", "F.nll_loss(x, t, ignore_index=0HOW)"),
    ("cross_entropy_default_ignore", "cross_entropy(x, where(t == 1, -100, t)HOW)", "F.cross_entropy(x, where(t == 1, -100, t)HOW)"),
]


def worded(tenon, torch, how):
    python = torch.replace("HOW", f", reduction='{how}'")
    if "RED(" in python:
        python = python.replace("RED(", {"mean": "mean(", "sum": "sum(", "none": "("}[how])
    return tenon.replace("HOW", f', reduction: "{how}"'), python


def pair_inputs(shape, dtype, start):
    from_noise = noise(int(np.prod(shape)), start + 7).reshape(shape)
    found = {"a": normal(*shape, start=start), "b": normal(*shape, start=start + 3), "p": np.clip(from_noise * 1.4 - 0.2, 0.0, 1.0), "q": 0.01 + 0.98 * from_noise[..., ::-1]}
    return {name: (rounded(values, dtype), dtype) for name, values in found.items()}


def of_pairs(dtype):
    for tag, shape, order in (("34", (3, 4), 2), ("129", (129,), 2 if dtype == "f32" else 1), ("257", (2, 5, 7), 1), ("1", (1,), 2)):
        for name, tenon, torch in PAIRS:
            for how in REDUCTIONS:
                inputs = pair_inputs(shape, dtype, 31)
                used = {n: inputs[n] for n in "abpq" if n in set(tenon.split("(", 1)[1].replace("HOW", "")[:4])}
                first, second = worded(tenon, torch, how)
                yield Case(f"{name}_{tag}_{how}/{dtype}", used, first, second, wrt=tuple(n for n in used if n != "p"), order=order, slack=SLACK[dtype], cancel=8)
    inputs = pair_inputs((3, 4), dtype, 31)
    yield Case(f"kl_div_batchmean/{dtype}", {n: inputs[n] for n in "ap"}, 'kl_div(a, p, reduction: "batchmean")', "F.kl_div(a, p, reduction='batchmean')", wrt=("a",), order=2, slack=SLACK[dtype])


def of_special_pairs(dtype):
    """Where losses saturate, have kinks, or meet what is no number."""
    z = np.array([0.0, -0.0, 20.0, -20.0, 100.0, -100.0, 1000.0, -1000.0, np.inf, -np.inf, 5e-5, -3.0, 88.0, -90.0] * 3)
    y = np.repeat([0.0, 1.0, 0.5], 14)
    for how in REDUCTIONS:
        inputs = {"a": (rounded(z, dtype), dtype), "p": (y, dtype)}
        tenon, torch = worded(*PAIRS[4][1:], how)
        kept = np.isfinite(z) if how != "none" else z == z
        yield Case(f"bce_with_logits_special_{how}/{dtype}", {n: (v[kept], d) for n, (v, d) in inputs.items()}, tenon, torch, wrt=("a",), order=2, slack=SLACK[dtype], cancel=2)
    q = np.array([0.0, 1.0, 0.5, 1e-7, 1.0 - 1e-7, 1e-38, 1e-45, 0.25, 0.999, 1e-13] * 3)
    y = np.repeat([0.0, 1.0, 0.25], 10)
    tenon, torch = worded(*PAIRS[5][1:], "none")
    yield Case(f"binary_cross_entropy_special/{dtype}", {"q": (rounded(q, dtype), dtype), "p": (y, dtype)}, tenon, torch, wrt=("q",), order=2, slack=0.0)
    tenon = 'binary_cross_entropy(sigmoid(a), p, reduction: "none")'
    yield Case(f"binary_cross_entropy_of_sigmoid/{dtype}", {"a": (rounded(z[:8], dtype), dtype), "p": (np.ones(8), dtype)}, tenon, "F.binary_cross_entropy(sigmoid(a), p, reduction='none')", wrt=("a",), order=1, slack=SLACK[dtype])
    a = np.array([0.0, 1.0, -1.0, 0.25, -0.25, 2.0, 3.0, 1.5, -0.0, np.inf, 1e4])
    b = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 3.0, 0.5, 0.0, 1.0, -1e4])
    for name, tenon, torch in PAIRS[:4]:
        first, second = worded(tenon, torch, "none")
        yield Case(f"{name}_special/{dtype}", {"a": (a, dtype), "b": (rounded(b, dtype), dtype)}, first, second, wrt=("a", "b"), order=2)
    first, second = worded(*PAIRS[6][1:], "none")
    yield Case(f"kl_div_special/{dtype}", {"a": (rounded([0.0, -1.0, -np.inf, -np.inf, -2.0, -0.5], dtype), dtype), "p": (np.array([0.0, 0.0, 0.0, 0.5, 1.0, 0.25]), dtype)}, first, second, wrt=("a",), order=2)
    rows = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 2.0, 3.0], [3.0, 4.0, 0.0], [1e-5, 0.0, 0.0]])
    other = np.array([[1.0, 2.0, 0.0], [1.0, 0.0, 0.0], [2.0, 4.0, 6.0], [-3.0, -4.0, 0.0], [0.0, 1e-5, 0.0]])
    first, second = worded(*PAIRS[7][1:], "none")
    yield Case(f"cosine_loss_special/{dtype}", {"a": (rounded(rows, dtype), dtype), "b": (rounded(other, dtype), dtype)}, first, second, wrt=("a", "b"), order=1, slack=SLACK[dtype], cancel=4)


def of_classes(dtype):
    for tag, shape, at in (("5_4", (5, 4), 1), ("129_3", (129, 3), 1), ("2_3_7", (2, 3, 7), 1), ("3", (3,), 0), ("2_3_2_5", (2, 3, 2, 5), 1)):
        classes = shape[at]
        t = steps(*(shape[:at] + shape[at + 1 :]), levels=classes, start=5) if len(shape) > 1 else np.array(2.0)
        for name, tenon, torch in CLASSES:
            for how in REDUCTIONS:
                first, second = worded(tenon, torch, how)
                yield Case(f"{name}_{tag}_{how}/{dtype}", {"x": (rounded(normal(*shape, start=11), dtype), dtype), "t": (t, "i64")}, first, second, wrt=("x",), order=2 if tag != "129_3" else 1,
                           slack=SLACK[dtype], cancel=2)
    scores = np.array([[0.0, 0.0, 0.0], [100.0, 0.0, -100.0], [1000.0, -1000.0, 0.0], [-np.inf, 0.0, 1.0], [88.0, 89.0, 90.0], [1e4, 1e4, 1e4]])
    for tag, t in (("0", 0.0), ("1", 1.0), ("2", 2.0)):
        for name, tenon, torch in CLASSES[:2]:
            first, second = worded(tenon, torch, "none")
            yield Case(f"{name}_special_{tag}/{dtype}", {"x": (scores, dtype), "t": (np.full(6, t), "i64")}, first, second, wrt=("x",), order=2, slack=0.0, cancel=2)
    for tag, t in (("all_ignored", np.full(5, -100.0)), ("one_left", np.array([-100.0, 2.0, -100.0, -100.0, -100.0]))):
        for how in REDUCTIONS:
            first, second = worded(*CLASSES[0][1:], how)
            yield Case(f"cross_entropy_{tag}_{how}/{dtype}", {"x": (rounded(normal(5, 4), dtype), dtype), "t": (t, "i64")}, first, second, wrt=("x",), order=1, slack=SLACK[dtype])
    weights = noise(20, 50).reshape(5, 4)
    p = weights / weights.sum(axis=1, keepdims=True)
    for how in REDUCTIONS:
        for tag, smooth in (("", "0.0"), ("_smooth", "0.2")):
            first, second = worded(f"cross_entropy(x, p, label_smoothing: {smooth}HOW)", f"F.cross_entropy(x, p, label_smoothing={smooth}HOW)", how)
            yield Case(f"cross_entropy_probabilities{tag}_{how}/{dtype}", {"x": (rounded(normal(5, 4), dtype), dtype), "p": (rounded(p, dtype), dtype)}, first, second, wrt=("x",), order=2, slack=SLACK[dtype], cancel=2)
    u8 = {"x": (rounded(normal(3, 4), dtype), dtype), "t": (np.array([1.0, 3.0, 0.0]), "u8")}
    yield Case(f"cross_entropy_u8/{dtype}", u8, "cross_entropy(x, t)", "F.cross_entropy(x, t.long())", wrt=("x",), order=1, slack=SLACK[dtype])


def cases():
    found = []
    for dtype in ("f32", "f64", "bf16", "f16"):
        found += of_pairs(dtype)
        found += of_special_pairs(dtype)
        found += of_classes(dtype)
    return found
