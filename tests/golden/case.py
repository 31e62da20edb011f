# SPDX-License-Identifier: Apache-2.0
"""What a case is, and the numbers that cases are tried on. Shared by make_golden.py, which has PyTorch, and golden_test.py, which has not.

A case is the same few lines in both languages over the same inputs. Its inputs are made here, by NumPy and by formulas that never change,
so the golden file holds results only."""
import dataclasses
import math

import numpy as np

FLOATS = ("f32", "f64", "bf16", "f16")
INTEGERS = ("i64", "i32", "u8", "bool8")
# Digits of the significand, smallest exponent of a normal number, largest finite number.
FORMAT = {"f64": (53, -1022, np.finfo(np.float64).max), "f32": (24, -126, float(np.finfo(np.float32).max)),
          "f16": (11, -14, 65504.0), "bf16": (8, -126, float.fromhex("0x1.fep127"))}
# Sizes on both sides of what vectors, strips and blocks hold.
SIZES = (1, 127, 128, 129, 1000, 4097)


def rounded(values, dtype):
    """values (f64) as the nearest numbers of a dtype, still in f64."""
    values = np.asarray(values, np.float64)
    with np.errstate(all="ignore"):
        if dtype == "f32":
            return values.astype(np.float32).astype(np.float64)
        if dtype == "f16":
            return values.astype(np.float16).astype(np.float64)
        if dtype == "bf16":
            step = spacing(values, dtype)
            near = np.where(np.isfinite(values), np.round(values / step) * step, values)
            return np.where(np.abs(near) > FORMAT["bf16"][2], np.copysign(np.inf, near), near)
    return values


def spacing(values, dtype):
    """The distance between neighbouring numbers of a dtype at each value; that at the smallest normal number below it."""
    digits, least, _ = FORMAT[dtype]
    with np.errstate(all="ignore"):
        _, exponent = np.frexp(np.where(np.isfinite(values), values, 0.0))
    exponent = np.maximum(exponent - 1, least)
    return np.ldexp(1.0, exponent - (digits - 1))


def noise(count, start=0):
    """Numbers in [0, 1), the same on every machine: the golden ratio's multiples, shuffled by a multiplication."""
    k = (np.arange(start, start + count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    k = (k ^ (k >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    k = (k ^ (k >> np.uint64(32))) >> np.uint64(11)
    return k.astype(np.float64) / 2.0**53


def normal(*shape, start=0):
    """Numbers much like normal ones (sums of four uniform ones), in [-3.5, 3.5]."""
    count = math.prod(shape)
    return ((noise(4 * count, start).reshape(count, 4).sum(axis=1) - 2.0) * math.sqrt(3.0)).reshape(shape)


def steps(*shape, levels=4, start=0):
    """Whole numbers from 0 to levels - 1: many ties."""
    return np.floor(noise(math.prod(shape), start) * levels).reshape(shape)


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 2.5, -2.5, 1.5, -1.5, 6.0, -6.0, 0.25, -0.75, 0.1, -0.1, 1e-3, -1e-3, 4.0, -4.0,
           10.0, -10.0, 16.0, -17.0, 20.0, -20.0, 30.0, -30.0, math.pi, -math.pi / 2, 50.0, -50.0, 88.0, -88.0, 90.0, -104.0, 110.0, -110.0, 200.0,
           -200.0, 709.0, -745.0, 1e3, -1e3, 1e4, -1e4, math.inf, -math.inf, math.nan]


def points(dtype):
    """101 numbers of a floating dtype: zeros, kinks, halves, where functions saturate, infinities, NaN, the ends of the dtype, ordinary ones."""
    digits, least, largest = FORMAT[dtype]
    eps = 2.0 ** (1 - digits)
    ends = [largest, -largest, 2.0**least, -(2.0**least), 2.0 ** (least + 1 - digits), -(2.0 ** (least + 1 - digits)), 1.0 + eps, 1.0 - eps / 2, -1.0 + eps,
            eps, -eps, math.sqrt(largest) * 1.5, -math.sqrt(2.0**least)]
    given = SPECIAL + ends
    return rounded(np.concatenate([given, normal(101 - len(given), start=77)]), dtype)


def pairs(dtype, seed=0):
    """Two arrays of 151 numbers: specials with specials, points with points of another order, equal ones."""
    some = np.array([0.0, -0.0, 1.0, -1.0, 2.5, -3.0, math.inf, -math.inf, math.nan, FORMAT[dtype][2]])
    a, b = np.repeat(some, 10), np.tile(some, 10)
    rest = points(dtype)
    left = np.concatenate([a, rest[:25], rest[-26:]])
    right = np.concatenate([b, rest[(np.arange(25) * 7 + 3) % 101], np.where(np.arange(26) % 3 == 0, rest[-26:], rest[::-1][10:36])])
    return rounded(left, dtype), rounded(right, dtype)


WHOLE = {
    "i64": [0, 1, -1, 2, -2, 3, 5, -7, 7, 100, -100, 127, 128, 255, 256, -129, 2**31 - 1, -(2**31), 2**31, 2**40 + 1, -(2**45) - 3, 2**52 + 1, 12, -12, 63],
    "i32": [0, 1, -1, 2, -2, 3, 5, -7, 7, 100, -100, 127, 128, 255, 256, -129, 2**31 - 1, -(2**31) + 1, 2**30, -(2**30), 65536, 46341, 12, -12, 31],
    "u8": [0, 1, 2, 3, 5, 7, 100, 127, 128, 129, 200, 254, 255, 12, 16, 15, 31, 32, 64, 63, 250, 99, 17, 9, 8],
    "bool8": [0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 1, 0],
}


def dtype_points(dtype):
    return points(dtype) if dtype in FLOATS else np.array(WHOLE[dtype], np.float64)


def dtype_pairs(dtype):
    if dtype in FLOATS:
        return pairs(dtype)
    a = np.array(WHOLE[dtype], np.float64)
    return np.repeat(a, 25), np.tile(a, 25)


@dataclasses.dataclass
class Case:
    """One program. inputs: name -> (values, dtype). tenon, torch: an expression, or statements that set y and the other outputs.
    wrt: the inputs that y is differentiated for. order: 0, 1 or 2 derivatives.
    What values may differ by, beside twice what PyTorch itself is off from its f64 result: ulps: units of the dtype's last place; slack: a part of
    the largest value of the result, or of scale where that is larger (sums of many terms, in another order); cancel: units of the last place of 1
    (derivatives that are differences of such numbers). Derivatives, being longer formulas, get 2 and 4 times the ulps, 4 and 8 times the slack.
    sizes: the case is elementwise over 1-d inputs, and is run at these sizes over the same points."""
    name: str
    inputs: dict
    tenon: str
    torch: str
    outputs: tuple = ("y",)
    wrt: tuple = ()
    order: int = 0
    ulps: float = 4.0
    slack: float = 0.0
    scale: float = 0.0
    cancel: float = 0.0
    sizes: tuple = ()
    exact: bool = True


def cotangents(count, round_):
    """What the results of a case are weighted by before they are differentiated: different from place to place, short in every dtype."""
    return 0.5 + ((np.arange(count) * (5 if round_ == 1 else 3) + round_) % 7) * 0.25


def spread(count, size):
    """Which of `count` points stand at the places of an elementwise case of `size`."""
    return (np.arange(size) * 7 + size) % count
