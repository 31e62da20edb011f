# SPDX-License-Identifier: Apache-2.0
"""What makes tensors: sequences, constants, and random numbers by their moments."""
from case import Case

# name, Tenon, PyTorch
MAKERS = [
    ("arange", "arange(5)", "arange(5)"), ("arange_from", "arange(2, 9)", "arange(2, 9)"), ("arange_step", "arange(1, 10, 3)", "arange(1, 10, 3)"), ("arange_down", "arange(10, 1, -4)", "arange(10, 1, -4)"),
    ("arange_float", "arange(0.0, 1.0, 0.1)", "arange(0.0, 1.0, 0.1)"), ("arange_third", "arange(0.0, 1.0, 1.0 / 3.0)", "arange(0.0, 1.0, 1.0 / 3.0)"), ("arange_half", "arange(4.5)", "arange(4.5)"),
    ("arange_f64", "arange(0.0, 2.0, 0.3, dtype: f64)", "arange(0.0, 2.0, 0.3, dtype=f64)"), ("arange_long", "arange(0.0, 100.0, 0.1)[::97]", "arange(0.0, 100.0, 0.1)[::97]"),
    ("arange_i32", "arange(5, dtype: i32)", "arange(5, dtype=i32)"), ("arange_none", "arange(0)", "arange(0)"), ("arange_bf16", "arange(0.0, 3.0, 0.25, dtype: bf16)", "arange(0.0, 3.0, 0.25, dtype=bf16)"),
    ("linspace", "linspace(0.0, 1.0, 5)", "linspace(0.0, 1.0, 5)"), ("linspace_one", "linspace(2.0, 3.0, 1)", "linspace(2.0, 3.0, 1)"), ("linspace_odd", "linspace(-1.0, 1.0, 129)", "linspace(-1.0, 1.0, 129)"),
    ("linspace_third", "linspace(0.0, 1.0, 7)", "linspace(0.0, 1.0, 7)"), ("linspace_f64", "linspace(0.0, 1.0, 1000, dtype: f64)[::83]", "linspace(0.0, 1.0, 1000, dtype=f64)[::83]"),
    ("linspace_down", "linspace(3.0, -2.0, 11)", "linspace(3.0, -2.0, 11)"), ("eye", "eye(3)", "eye(3)"), ("eye_wide", "eye(2, 4)", "eye(2, 4)"), ("eye_i64", "eye(3, dtype: i64)", "eye(3, dtype=i64)"),
    ("full", "full([2, 3], 0.5)", "full((2, 3), 0.5)"), ("full_int", "full([2], 7)", "full((2,), 7)"), ("full_bool", "full([2], true)", "full((2,), True)"), ("full_f16", "full([2], 0.1, dtype: f16)", "full((2,), 0.1, dtype=f16)"),
    ("full_0d", "full([], 2.5)", "full((), 2.5)"), ("zeros", "zeros(2, 3)", "zeros(2, 3)"), ("ones_u8", "ones(3, dtype: u8)", "ones(3, dtype=u8)"), ("zeros_bool", "zeros(2, dtype: bool8)", "zeros(2, dtype=bool8 if False else DTYPES['bool8'])"),
    ("tensor_ints", "tensor([1, 2])", "torch.tensor([1, 2])"), ("tensor_floats", "tensor([1.0, 0.1])", "torch.tensor([1.0, 0.1])"), ("tensor_bools", "tensor([true, false])", "torch.tensor([True, False])"),
    ("tensor_int", "tensor(3)", "torch.tensor(3)"), ("tensor_float", "tensor(0.1)", "torch.tensor(0.1)"), ("ones_like", "ones_like(arange(3))", "ones_like(arange(3))"),
    ("full_like", "full_like(zeros(2), 0.1)", "full_like(zeros(2), 0.1)"), ("full_like_int", "full_like(arange(2), 3)", "full_like(arange(2), 3)"), ("zeros_like_f64", "zeros_like(zeros(2), dtype: f64)", "zeros_like(zeros(2), dtype=f64)"),
]


def cases():
    return [Case(f"{name}/made", {}, tenon, torch, exact=False, ulps=1.0) for name, tenon, torch in MAKERS]
