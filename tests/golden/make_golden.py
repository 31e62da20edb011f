#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every case in PyTorch and writes golden.npz, which golden_test.py reads without PyTorch.

    .bench-venv/bin/python3 tests/golden/make_golden.py        # ./script/bench makes .bench-venv

The file is NumPy's, compressed: results must keep their bits, in bf16 and f16 too, and there are some hundred thousand of them; it is read in
milliseconds, and a text of them would be ten times as large. For each result in f32, f16 and bf16 there is also the same one computed
in f64, which tells by how much PyTorch itself is off."""
import json
import math
import pathlib
import sys
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import store
from case import FLOATS, cotangents
from cases import all_cases

DTYPES = {"f32": torch.float32, "f64": torch.float64, "bf16": torch.bfloat16, "f16": torch.float16, "i64": torch.int64, "i32": torch.int32,
          "u8": torch.uint8, "bool8": torch.bool}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def tensor_of(values, dtype):
    return torch.tensor(np.asarray(values, order="C"), dtype=torch.float64).to(DTYPES[dtype])


def program_of(case):
    text = case.torch
    single = "\n" not in text and not text.startswith("y =") and "; y =" not in text
    return compile(f"y = {text}" if single else text, case.name, "exec")


def names_for(case, wide):
    """What the PyTorch side of a case sees: torch's functions by their bare names, F, nn, the dtypes, the inputs."""
    seen = {name: f for name, f in vars(torch).items() if not name.startswith("_") and callable(f) and not isinstance(f, type) and name != "range"}
    seen |= dict(torch=torch, F=F, nn=nn, math=math, np=np, DTYPES=DTYPES) | DTYPES
    if wide:
        seen |= {"f32": torch.float64, "f16": torch.float64, "bf16": torch.float64}
    for name, (values, dtype) in case.inputs.items():
        x = tensor_of(values, "f64" if wide and dtype in FLOATS else dtype)
        seen[name] = x.requires_grad_(name in case.wrt)
    return seen


def derivative(y, inputs, round_):
    """Gradients of y, weighted from place to place, for the inputs; zeros where it does not depend on one."""
    total = 0.0
    for k, one in enumerate(y):
        if one.requires_grad:
            weights = tensor_of(cotangents(one.numel(), round_ + k), NAMES[one.dtype]).reshape(one.shape)
            total = total + (one * weights).sum()
    if not torch.is_tensor(total):
        return [torch.zeros_like(x) for x in inputs]
    found = torch.autograd.grad(total, inputs, create_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, found)]


def results_of(case, wide=False):
    """(key, tensor) of each output, then of the first and the second derivative."""
    torch.manual_seed(0)
    seen = names_for(case, wide)
    exec(program_of(case), seen)
    found = [(name, seen[name]) for name in case.outputs]
    found = [(name, x if torch.is_tensor(x) or isinstance(x, str) else torch.tensor(x, dtype=torch.float64 if isinstance(x, float) else None)) for name, x in found]
    inputs = [seen[name] for name in case.wrt]
    g = [found[0][1]]
    for round_, mark in ((1, "d"), (2, "dd"))[: case.order]:
        g = derivative(g, inputs, round_)
        found += [(f"{mark}:{name}", x) for name, x in zip(case.wrt, g)]
    return [(key, x if isinstance(x, str) else x.detach()) for key, x in found]


def array_of(x):
    dtype = NAMES[x.dtype]
    return dtype, (x.to(torch.float64) if dtype in FLOATS else x.to(torch.int64)).contiguous().numpy(force=True)


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    writer = store.Writer()
    refused = 0
    for case in all_cases():
        try:
            got = results_of(case)
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            writer.add_refused(case, str(error).split("\n")[0])
            refused += 1
            continue
        wide = dict(results_of(case, wide=True)) if case.exact else {}
        for key, x in got:
            if isinstance(x, str):
                writer.add_text(case, key, x)
                continue
            dtype, values = array_of(x)
            exact = array_of(wide[key])[1] if key in wide and dtype in FLOATS and dtype != "f64" else None
            writer.add(case, key, dtype, values, exact)
    path = pathlib.Path(__file__).with_name("golden.npz")
    writer.write(path, {"torch": torch.__version__})
    print(f"{path.name}: {len(writer.index)} cases, {refused} of them refused by PyTorch, {path.stat().st_size / 1e6:.2f} MB")
    if "--refused" in sys.argv:
        print(json.dumps({name: e["refused"] for name, e in writer.index.items() if "refused" in e}, indent=0))


if __name__ == "__main__":
    main()
