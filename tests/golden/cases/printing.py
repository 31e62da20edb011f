# SPDX-License-Identifier: Apache-2.0
"""How tensors print: PyTorch's text, but for true and false, and the dtype and shape behind it."""
import numpy as np

from case import Case, normal, rounded, steps

INF, NAN = np.inf, np.nan
# name, values, dtypes
VALUES = [
    ("ones", [1.0, 1.0], ("f32", "f64", "bf16", "f16", "i64", "bool8")), ("halves", [1.5, -2.25, 3.0], ("f32", "f16")), ("whole", [1.0, -20.0, 300.0], ("f32", "i64", "i32")),
    ("thirds", [1 / 3, 2 / 3, 100 / 3], ("f32", "f64", "bf16", "f16")), ("small", [1e-5, 2e-5], ("f32", "bf16")), ("small_and_one", [1e-5, 1.0], ("f32",)),
    ("wide_range", [1e-3, 1500.0], ("f32",)), ("wide_range_whole", [1.0, 1e7], ("f32",)), ("large", [1e9, 2.5], ("f32", "f64")), ("large_whole", [1e9, 2.0], ("f32",)), ("nearly_large", [99999999.0, 2.0], ("f32", "f64")),
    ("thousand_times", [1.5, 1500.0], ("f32",)), ("thousand_times_more", [1.5, 1502.0], ("f32",)), ("infinite", [INF, -INF, 1.0], ("f32", "f16")), ("infinite_half", [INF, 1.5], ("f32",)), ("nan", [NAN, 1.0, -2.0], ("f32", "bf16")),
    ("nan_only", [NAN, NAN], ("f32",)), ("nan_half", [NAN, 1.5, -INF], ("f32",)), ("zeros", [0.0, -0.0, 0.0], ("f32", "f64", "i64")), ("zero_and_small", [0.0, 1e-6], ("f32",)), ("negative", [-1.0, -2.0], ("f32",)), ("mixed_signs", [-1.0, 2.0], ("f32", "i32")),
    ("empty", [], ("f32", "i64", "bool8")), ("one", [3.0], ("f32", "u8")), ("subnormal", [1e-42, 0.0], ("f32",)), ("largest", [3e38, 1.0], ("f32",)), ("round_up", [0.99999, 9.99999], ("f32",)), ("bytes", [0.0, 255.0, 7.0], ("u8",)),
    ("truth", [1.0, 0.0], ("bool8",)), ("integers", [-(2.0**31), 0.0, 2.0**31 - 1], ("i32", "i64")), ("tenth", [0.1, 0.2], ("f32", "f64", "bf16", "f16")), ("four_nines", [0.00099, 0.5], ("f32",)), ("limit_below", [1e-4, 0.5], ("f32",)),
]
SHAPES = [("row", normal(7)), ("lines", normal(40)), ("matrix", normal(3, 4)), ("cube", normal(2, 3, 2)), ("four", normal(2, 1, 2, 3)), ("long", normal(1001)), ("thousand", steps(1000, levels=10)), ("tall", normal(400, 3)), ("wide", normal(3, 400)),
          ("wide_row", normal(2, 40)), ("big_cube", normal(12, 10, 11)), ("no_rows", np.zeros((0, 3))), ("no_columns", np.zeros((2, 0))), ("column", normal(5, 1)), ("ints", steps(3, 5, levels=1000) - 500), ("long_ints", steps(30, levels=100000)), ("seven", normal(7, 1, 1))]


def cases():
    found = [(f"{name}_{dtype}", values, dtype) for name, values, dtypes in VALUES for dtype in dtypes]
    found += [(f"{name}_{dtype}", values, dtype) for name, values in SHAPES for dtype in (("f32",) if "ints" not in name else ("i64", "f32"))]
    return [Case(f"{name}/text", {"x": (np.asarray(rounded(v, d) if d in ("f32", "f16", "bf16") else v, np.float64), d)}, "auto y = string(x);", "y = str(x)", exact=False) for name, v, d in found]
