# SPDX-License-Identifier: Apache-2.0
"""Layers: convolutions and windows with every option, norms while training and not, with running statistics, embedding."""
import numpy as np

from case import Case, normal, rounded, steps

SLACK = {"f32": 1e-6, "f64": 2e-15, "bf16": 2e-2, "f16": 4e-3}
# x, w, options: [N, C, H, W], [O, C / groups, KH, KW]
CONVOLUTIONS = [
    ((2, 3, 5, 6), (4, 3, 3, 3), {}), ((1, 2, 7, 7), (3, 2, 3, 3), {"padding": 1}), ((2, 2, 8, 7), (3, 2, 3, 2), {"stride": 2}), ((2, 2, 8, 9), (3, 2, 3, 3), {"stride": [2, 3], "padding": [1, 2]}),
    ((1, 2, 9, 9), (2, 2, 3, 3), {"dilation": 2}), ((1, 2, 9, 10), (2, 2, 3, 3), {"dilation": [2, 3], "padding": [2, 0]}), ((2, 4, 5, 5), (6, 2, 3, 3), {"groups": 2, "padding": 1}),
    ((2, 4, 5, 5), (4, 1, 3, 3), {"groups": 4, "padding": 1}), ((2, 4, 5, 5), (8, 1, 2, 2), {"groups": 4, "stride": 2}), ((3, 5, 4, 4), (7, 5, 1, 1), {}), ((1, 1, 4, 4), (1, 1, 4, 4), {}),
    ((1, 3, 6, 5), (2, 3, 3, 3), {"stride": 3, "padding": 2, "dilation": 2}), ((1, 16, 5, 9), (9, 16, 3, 3), {"padding": 1}),
]
# shape, kernel, stride, padding
WINDOWS = [((2, 3, 6, 6), 2, 2, 0), ((1, 2, 7, 5), 3, 1, 1), ((1, 2, 7, 7), 3, 2, 1), ((2, 1, 8, 9), [2, 3], [2, 1], [1, 0]), ((1, 1, 5, 5), 5, 5, 0), ((1, 2, 6, 6), 3, 3, 1), ((1, 1, 4, 129), [1, 2], [1, 2], 0)]


def options(given, python):
    return "".join(f", {name}{'=' if python else ': '}{tuple(v) if python and isinstance(v, list) else v}" for name, v in given.items())


def of_convolutions(dtype):
    order = 2 if dtype in ("f32", "f64") else 1
    for k, (x, w, given) in enumerate(CONVOLUTIONS):
        inputs = {"x": (rounded(normal(*x, start=k), dtype), dtype), "w": (rounded(normal(*w, start=k + 900), dtype), dtype), "b": (rounded(normal(w[0], start=k + 50), dtype), dtype)}
        yield Case(f"conv2d_{k}/{dtype}", inputs, f"conv2d(x, w, b{options(given, False)})", f"F.conv2d(x, w, b{options(given, True)})", wrt=("x", "w", "b"), order=order, slack=SLACK[dtype])
        if k < 2:
            two = {name: inputs[name] for name in "xw"}
            yield Case(f"conv2d_{k}_without_bias/{dtype}", two, f"conv2d(x, w{options(given, False)})", f"F.conv2d(x, w{options(given, True)})", wrt=("x", "w"), order=order, slack=SLACK[dtype])
    for tag, x, w in (("2", (5, 3), (4, 3)), ("1", (3,), (4, 3)), ("3", (2, 5, 3), (4, 3)), ("129", (3, 129), (5, 129))):
        inputs = {"x": (rounded(normal(*x), dtype), dtype), "w": (rounded(normal(*w, start=70), dtype), dtype), "b": (rounded(normal(w[0], start=90), dtype), dtype)}
        yield Case(f"linear_{tag}/{dtype}", inputs, "linear(x, w, b)", "F.linear(x, w, b)", wrt=("x", "w", "b"), order=order, slack=SLACK[dtype])


def of_windows(dtype):
    for k, (shape, kernel, stride, padding) in enumerate(WINDOWS):
        given = {"stride": stride, "padding": padding}
        order = 2 if dtype in ("f32", "f64") else 1
        for tag, values in (("", normal(*shape, start=k)), ("_ties", steps(*shape, levels=3, start=k))):
            inputs = {"x": (rounded(values, dtype), dtype)}
            python = options(given, True)
            yield Case(f"max_pool2d_{k}{tag}/{dtype}", inputs, f"max_pool2d(x, {kernel}{options(given, False)}) ** 2", f"F.max_pool2d(x, {kernel}{python}) ** 2", wrt=("x",), order=order, slack=SLACK[dtype])
            if not tag:
                for name, more, also in (("", "", ""), ("_inside", ", count_include_pad: false", ", count_include_pad=False")):
                    yield Case(f"avg_pool2d_{k}{name}/{dtype}", inputs, f"avg_pool2d(x, {kernel}{options(given, False)}{more}) ** 2", f"F.avg_pool2d(x, {kernel}{python}{also}) ** 2", wrt=("x",), order=order,
                               slack=SLACK[dtype])
    nan = np.array([1.0, np.nan, 3.0, -np.inf, -np.inf, 2.0, np.inf, 0.0, -np.inf, -np.inf, 1.0, 1.0, -np.inf, -np.inf, -0.0, 0.0]).reshape(1, 1, 4, 4)
    yield Case(f"max_pool2d_special/{dtype}", {"x": (nan, dtype)}, "max_pool2d(x, 2)", "F.max_pool2d(x, 2)", wrt=("x",), order=1)
    yield Case(f"avg_pool2d_special/{dtype}", {"x": (nan, dtype)}, "avg_pool2d(x, 2)", "F.avg_pool2d(x, 2)", wrt=("x",), order=1)


def of_norms(dtype):
    # A gradient through a normalisation is a small difference of large numbers.
    more = {"slack": SLACK[dtype] * 4, "cancel": 8}
    for tag, shape in (("4", (3, 4)), ("129", (5, 129)), ("1", (4, 1)), ("3d", (2, 3, 7))):
        x, size = rounded(normal(*shape, start=3) * 3 + 1, dtype), shape[-1]
        inputs = {"x": (x, dtype), "w": (rounded(normal(size, start=8), dtype), dtype), "b": (rounded(normal(size, start=9), dtype), dtype)}
        for name, eps in (("", 1e-5), ("_eps", 0.1)):
            if tag == "1" and eps == 1e-5:
                continue # every value is its own mean
            yield Case(f"layer_norm_{tag}{name}/{dtype}", inputs, f"layer_norm(x, w, b, eps: {eps})", f"F.layer_norm(x, ({size},), w, b, eps={eps})", wrt=("x", "w", "b"), order=2 if dtype in ("f32", "f64") else 1, **more)
    inputs = {"x": (rounded(normal(2, 3, 4), dtype), dtype), "w": (rounded(normal(3, 4, start=8), dtype), dtype), "b": (rounded(normal(3, 4, start=9), dtype), dtype)}
    yield Case(f"layer_norm_two_axes/{dtype}", inputs, "layer_norm(x, w, b)", "F.layer_norm(x, (3, 4), w, b)", wrt=("x", "w", "b"), order=1, **more)
    big = rounded(np.array([[300.0, -300.0, 300.0, -300.0], [1e-3, -1e-3, 2e-3, 0.0], [5.0, 5.0, 5.0, 5.0], [0.0, 0.0, 0.0, 0.0]]), dtype)
    yield Case(f"layer_norm_special/{dtype}", {"x": (big, dtype), "w": (np.ones(4), dtype), "b": (np.zeros(4), dtype)}, "layer_norm(x, w, b)", "F.layer_norm(x, (4,), w, b)", wrt=("x",), order=1, slack=SLACK[dtype])
    yield from of_batch_norm(dtype, more)
    table = {"w": (rounded(normal(7, 3), dtype), dtype), "i": (np.array([[0.0, 6.0], [3.0, 3.0]]), "i64")}
    yield Case(f"embedding/{dtype}", table, "embedding(i, w) ** 2", "F.embedding(i, w) ** 2", wrt=("w",), order=2)


def of_batch_norm(dtype, more):
    for tag, shape in (("2d", (6, 3)), ("4d", (2, 3, 4, 5)), ("129", (129, 2)), ("3d", (4, 3, 5)), ("mean_far", (8, 2))):
        channels = shape[1]
        x = normal(*shape, start=2) * 2 + (1000.0 if tag == "mean_far" else 1.0)
        inputs = {"x": (rounded(x, dtype), dtype), "w": (rounded(normal(channels, start=8), dtype), dtype), "b": (rounded(normal(channels, start=9), dtype), dtype)}
        tenon = f"""
auto n = BatchNorm{{ .w = w, .b = b, .running_mean = zeros({channels}, dtype: {dtype}), .running_var = ones({channels}, dtype: {dtype}), .momentum = 0.1 }};
auto y = train (true) {{ n(x) }};
auto mean_ = n.running_mean;
auto var_ = n.running_var;
"""
        torch = f"""
mean_, var_ = zeros({channels}, dtype={dtype}), ones({channels}, dtype={dtype})
y = F.batch_norm(x, mean_, var_, w, b, training=True, momentum=0.1)
"""
        yield Case(f"batch_norm_{tag}/{dtype}", inputs, tenon, torch, outputs=("y", "mean_", "var_"), wrt=("x", "w", "b"), order=0 if tag == "mean_far" else 2 if dtype in ("f32", "f64") else 1, **more)
        tenon = f"""
auto n = batch_norm({channels}, momentum: 0.3, eps: 1e-3);
for (int k : 0..3) {{ train (true) {{ n(x * (1.0 + 0.5 * k) - k) }}; }}
auto y = n(x);
auto mean_ = n.running_mean;
auto var_ = n.running_var;
"""
        torch = f"""
n = nn.BatchNorm{ {2: 1, 3: 1, 4: 2}[len(shape)] }d({channels}, momentum=0.3, eps=1e-3).to(x.dtype)
for k in (0, 1, 2):
    n(x.detach() * (1.0 + 0.5 * k) - k)
n.eval()
y = n(x)
mean_, var_ = n.running_mean, n.running_var
"""
        if dtype == "f32":
            yield Case(f"batch_norm_running_{tag}/{dtype}", {"x": inputs["x"]}, tenon, torch, outputs=("y", "mean_", "var_"), wrt=(), order=0, **more)


def cases():
    found = []
    for dtype in ("f32", "f64", "bf16", "f16"):
        found += of_convolutions(dtype)
        found += of_windows(dtype)
        found += of_norms(dtype)
    return found
