# SPDX-License-Identifier: Apache-2.0
"""Elementwise functions, activations and operators: at every special point, with both derivatives, at sizes around the borders."""
import numpy as np

from case import FLOATS, INTEGERS, SIZES, Case, dtype_pairs, dtype_points, points, rounded, steps

# name, Tenon, PyTorch
SMOOTH = [
    ("neg", "-x", "-x"), ("abs", "abs(x)", "abs(x)"), ("sign", "sign(x)", "sign(x)"), ("floor", "floor(x)", "floor(x)"), ("ceil", "ceil(x)", "ceil(x)"),
    ("round", "round(x)", "round(x)"), ("exp", "exp(x)", "exp(x)"), ("expm1", "expm1(x)", "expm1(x)"), ("log", "log(x)", "log(x)"),
    ("log1p", "log1p(x)", "log1p(x)"), ("sqrt", "sqrt(x)", "sqrt(x)"), ("rsqrt", "rsqrt(x)", "rsqrt(x)"), ("sin", "sin(x)", "sin(x)"),
    ("cos", "cos(x)", "cos(x)"), ("tan", "tan(x)", "tan(x)"), ("asin", "asin(x)", "asin(x)"), ("acos", "acos(x)", "acos(x)"), ("atan", "atan(x)", "atan(x)"),
    ("sinh", "sinh(x)", "sinh(x)"), ("cosh", "cosh(x)", "cosh(x)"), ("tanh", "tanh(x)", "tanh(x)"), ("erf", "erf(x)", "erf(x)"),
    ("sigmoid", "sigmoid(x)", "sigmoid(x)"), ("relu", "relu(x)", "relu(x)"),
    ("gelu", "gelu(x)", "F.gelu(x)"), ("gelu_tanh", 'gelu(x, approximate: "tanh")', 'F.gelu(x, approximate="tanh")'), ("silu", "silu(x)", "F.silu(x)"),
    ("leaky_relu", "leaky_relu(x)", "F.leaky_relu(x)"), ("leaky_relu_slope", "leaky_relu(x, negative_slope: 0.25)", "F.leaky_relu(x, 0.25)"),
    ("elu", "elu(x)", "F.elu(x)"), ("elu_alpha", "elu(x, alpha: 0.5)", "F.elu(x, 0.5)"), ("softplus", "softplus(x)", "F.softplus(x)"),
    ("mish", "mish(x)", "F.mish(x)"), ("hardswish", "hardswish(x)", "F.hardswish(x)"),
    ("clamp", "clamp(x, -1.0, 2.0)", "clamp(x, -1.0, 2.0)"), ("clamp_min", "clamp(x, min: 0.5)", "clamp(x, min=0.5)"),
    ("clamp_max", "clamp(x, max: 0.5)", "clamp(x, max=0.5)"), ("clamp_crossed", "clamp(x, 2.0, -1.0)", "clamp(x, 2.0, -1.0)"),
    ("square", "x ** 2", "x ** 2"), ("cube", "x ** 3", "x ** 3"), ("pow_half", "x ** 0.5", "x ** 0.5"), ("pow_minus_1", "x ** -1", "x ** -1"),
    ("pow_minus_2", "x ** -2", "x ** -2"), ("pow_0", "x ** 0", "x ** 0"), ("pow_1", "x ** 1", "x ** 1"), ("pow_1_5", "x ** 1.5", "x ** 1.5"),
    ("pow_4", "x ** 4", "x ** 4"), ("pow_minus_half", "x ** -0.5", "x ** -0.5"), ("two_to", "2.0 ** x", "2.0 ** x"), ("zero_to", "0.0 ** x", "0.0 ** x"),
    ("mod_3", "x % 3.0", "x % 3.0"), ("mod_minus_3", "x % -3.0", "x % -3.0"), ("reciprocal", "1.0 / x", "1.0 / x"), ("half", "x / 2.0", "x / 2.0"),
    ("floor_div_2", "floor_div(x, 2.0)", "torch.floor_divide(x, 2.0)"), ("self_product", "x * x", "x * x"), ("difference", "x - 3.0", "x - 3.0"),
    ("number_minus", "3.0 - x", "3.0 - x"), ("self_quotient", "x / x", "x / x"), ("maximum_0", "maximum(x, 0.0)", "torch.maximum(x, torch.zeros_like(x))"),
    ("minimum_1", "minimum(x, 1.0)", "torch.minimum(x, torch.ones_like(x))"), ("log_of_exp", "log(exp(x))", "log(exp(x))"),
    ("masked_fill", "masked_fill(x, x > 1.0, 7.0)", "x.masked_fill(x > 1.0, 7.0)"), ("where_self", "where(x > 0, x, 0.0)", "torch.where(x > 0, x, 0.0)"),
    ("log_sigmoid", "-softplus(-x)", "F.logsigmoid(x)"),
]
TESTS = [
    ("isnan", "isnan(x)", "isnan(x)"), ("isinf", "isinf(x)", "isinf(x)"), ("isfinite", "isfinite(x)", "isfinite(x)"), ("logical_not", "logical_not(x)", "torch.logical_not(x)"),
    ("less_number", "x < 1.0", "x < 1.0"), ("equal_number", "x == 0.0", "x == 0.0"),
]
BINARY = [
    ("add", "a + b", "a + b"), ("sub", "a - b", "a - b"), ("mul", "a * b", "a * b"), ("div", "a / b", "a / b"), ("floor_div", "floor_div(a, b)", "torch.floor_divide(a, b)"),
    ("mod", "a % b", "torch.remainder(a, b)"), ("pow", "a ** b", "a ** b"), ("atan2", "atan2(a, b)", "torch.atan2(a, b)"),
    ("minimum", "minimum(a, b)", "torch.minimum(a, b)"), ("maximum", "maximum(a, b)", "torch.maximum(a, b)"), ("clamp_tensors", "clamp(a, b, b + 1.0)", "torch.clamp(a, b, b + 1.0)"),
    ("clamp_min_tensor", "clamp(a, min: b)", "torch.clamp(a, min=b)"), ("where", "where(a > b, a, b)", "torch.where(a > b, a, b)"),
    ("lerp_0_3", "lerp(a, b, 0.3)", "torch.lerp(a, b, 0.3)"), ("lerp_0_8", "lerp(a, b, 0.8)", "torch.lerp(a, b, 0.8)"),
]
COMPARE = [("eq", "a == b"), ("ne", "a != b"), ("lt", "a < b"), ("le", "a <= b"), ("gt", "a > b"), ("ge", "a >= b")]
WHOLE_UNARY = ["neg", "abs", "sign", "floor", "ceil", "round", "exp", "log", "sqrt", "sin", "sigmoid", "tanh", "atan", "relu", "square", "cube", "half", "self_product",
               "pow_half", "clamp_whole", "mod_whole", "floor_div_whole", "isnan", "isfinite", "logical_not", "not", "equal_number"]
WHOLE_MORE = {"clamp_whole": ("clamp(x, 1, 100)", "clamp(x, 1, 100)"), "mod_whole": ("x % 7", "x % 7"), "floor_div_whole": ("floor_div(x, 7)", "torch.floor_divide(x, 7)"),
              "not": ("~x", "~x")}
WHOLE_BINARY = [("add", "a + b", "a + b"), ("sub", "a - b", "a - b"), ("mul", "a * b", "a * b"), ("div", "a / b", "a / b"), ("minimum", "minimum(a, b)", "torch.minimum(a, b)"),
                ("maximum", "maximum(a, b)", "torch.maximum(a, b)"), ("and", "a & b", "a & b"), ("or", "a | b", "a | b"), ("xor", "a ^ b", "a ^ b")]
# What takes no zero as b.
WHOLE_NO_ZERO = [("floor_div", "floor_div(a, b)", "torch.floor_divide(a, b)"), ("mod", "a % b", "torch.remainder(a, b)")]

# Derivatives of these are differences of numbers near 1.
CANCEL = {"sigmoid": 1, "tanh": 1, "gelu": 4, "gelu_tanh": 24, "silu": 2, "mish": 4, "softplus": 1, "log_sigmoid": 4, "hardswish": 1, "lerp_0_3": 1, "lerp_0_8": 1}


def of_floats(dtype):
    sizes = SIZES if dtype == "f32" else (129,)
    x = points(dtype)
    for name, tenon, torch in SMOOTH:
        yield Case(f"{name}/{dtype}", {"x": (x, dtype)}, tenon, torch, wrt=("x",), order=0 if name.startswith("floor_div") else 2, cancel=CANCEL.get(name, 0), sizes=sizes)
    for name, tenon, torch in TESTS:
        yield Case(f"{name}/{dtype}", {"x": (x, dtype)}, tenon, torch, sizes=sizes)
    a, b = dtype_pairs(dtype)
    for name, tenon, torch in BINARY:
        yield Case(f"{name}/{dtype}", {"a": (a, dtype), "b": (b, dtype)}, tenon, torch, wrt=("a", "b"), order=0 if name.startswith("floor_div") else 2, cancel=CANCEL.get(name, 0), sizes=sizes)
    for name, text in COMPARE:
        yield Case(f"{name}/{dtype}", {"a": (a, dtype), "b": (b, dtype)}, text, text, sizes=sizes)


def of_integers(dtype):
    x = dtype_points(dtype)
    given = {name: (tenon, torch) for name, tenon, torch in SMOOTH + TESTS} | WHOLE_MORE
    for name in WHOLE_UNARY:
        tenon, torch = given[name]
        yield Case(f"{name}/{dtype}", {"x": (x, dtype)}, tenon, torch, sizes=(25, 129))
    a, b = dtype_pairs(dtype)
    for name, tenon, torch in WHOLE_BINARY + [(n, t, t) for n, t in COMPARE]:
        yield Case(f"{name}/{dtype}", {"a": (a, dtype), "b": (b, dtype)}, tenon, torch, sizes=(625, 1000))
    kept = b != 0
    for name, tenon, torch in WHOLE_NO_ZERO:
        yield Case(f"{name}/{dtype}", {"a": (a[kept], dtype), "b": (b[kept], dtype)}, tenon, torch, sizes=(600,))
    if dtype in ("i64", "i32", "u8"):
        small = np.arange(len(a)) % {"i64": 63, "i32": 31, "u8": 8}[dtype]
        yield Case(f"shift_left/{dtype}", {"a": (a, dtype), "b": (small, dtype)}, "a << b", "a << b", sizes=(625,))
        yield Case(f"shift_right/{dtype}", {"a": (a, dtype), "b": (small, dtype)}, "a >> b", "a >> b", sizes=(625,))
        power = np.arange(len(a)) % 6
        yield Case(f"pow/{dtype}", {"a": (a, dtype), "b": (power, dtype)}, "a ** b", "a ** b", sizes=(625,))


def of_mixed():
    """Two dtypes in one operation: the dtype of the result, and its values."""
    dtypes = FLOATS + INTEGERS
    for one in dtypes:
        for other in dtypes:
            if one == other:
                continue
            a = rounded(steps(3, 5, levels=9), one) if one != "bool8" else steps(3, 5, levels=2)
            b = rounded(steps(5, levels=7, start=99), other) + 1 if other != "bool8" else np.ones(5)
            for name, text in (("add", "a + b"), ("mul", "a * b"), ("div", "a / b"), ("lt", "a < b")):
                yield Case(f"mixed_{name}/{one}_{other}", {"a": (a, one), "b": (b, other)}, text, text, exact=False)
            yield Case(f"cast/{one}_{other}", {"x": (a, one)}, f"x.cast({other})", f"x.to({other})", exact=False)
    for one in dtypes:
        x = steps(7, levels=2 if one == "bool8" else 9)
        for name, number in (("int", "2"), ("float", "0.5"), ("bool", "true")):
            torch = number.replace("true", "True")
            yield Case(f"number_{name}/{one}", {"x": (x, one)}, f"x * {number}", f"x * {torch}", exact=False)


def broadcasts():
    """Operands that are repeated along axes, 0-d ones too: the gradient is summed over what was repeated."""
    shapes = [((), (5,)), ((5,), ()), ((3, 1), (1, 4)), ((2, 3, 129), (129,)), ((2, 1, 5), (3, 1)), ((129, 3), (129, 1)), ((1,), (7,)), ((4, 1, 1), (2, 130))]
    for k, (one, other) in enumerate(shapes):
        a, b = normalish(one, 1000 + k), normalish(other, 2000 + k)
        for name, tenon, torch in BINARY[:4] + BINARY[6:10] + BINARY[-2:]:
            if name == "pow":
                a = np.abs(a) + 0.5
            for dtype in ("f32", "f64"):
                inputs = {"a": (rounded(a, dtype), dtype), "b": (rounded(b, dtype), dtype)}
                yield Case(f"broadcast_{name}_{k}/{dtype}", inputs, tenon, torch, wrt=("a", "b"), order=2, slack=2e-7 if dtype == "f32" else 1e-15)


def normalish(shape, start):
    from case import normal
    return normal(*shape, start=start) if shape else normal(1, start=start).reshape(())


def cases():
    found = []
    for dtype in FLOATS:
        found += of_floats(dtype)
    for dtype in INTEGERS:
        found += of_integers(dtype)
    found += of_mixed()
    found += broadcasts()
    return found
