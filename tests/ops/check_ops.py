#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what op_walk writes with NumPy, one TAP line per op and dtype.

NumPy computes in double precision (or exact integers) from the same operands; the result is rounded to the dtype of the op
and compared within a few units of that dtype. The formulas here are written from the definitions of the ops, not from the kernels:
windows, convolutions and the random stream are plain loops. The eager mode must write the very same text."""

import math
import os
import subprocess
import sys

try:
    import numpy as np
except ImportError:
    print("1..0 # SKIP NumPy is not there: ./script/setup makes an environment that has it")
    sys.exit(0)

DTYPES = {"f64": np.float64, "f32": np.float32, "f16": np.float16, "i64": np.int64, "i32": np.int32, "u8": np.uint8, "bool8": np.bool_}
# Relative and absolute tolerance: some units in the last place, since sums of a few dozen terms are compared too.
TOLERANCE = {"f64": 1e-12, "f32": 4e-6, "f16": 4e-3, "bf16": 3e-2}


def array(dtype, dims, text):
    raw = bytes.fromhex(text)
    shape = [int(d) for d in dims.split(",")] if dims else []
    if dtype == "bf16":
        flat = (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
    else:
        flat = np.frombuffer(raw, DTYPES[dtype])
    return flat.reshape(shape)


def parse(lines):
    """Yields each case as a dictionary."""
    case = None
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "case":
            if case:
                yield case
            op, dtype = rest.split(" ")
            case = {"op": op, "dtype": dtype, "in": [], "first": False}
        elif word == "note":
            case["note"] = rest
        elif word == "attrs":
            case["attrs"] = [int(x) for x in rest.split()]
        elif word == "scalars":
            words = rest.split()
            case["first"] = words[:1] == ["first"]
            case["scalars"] = [float(x) if any(c in x for c in ".en") else int(x) for x in words if x != "first"]
        elif word in ("in", "out"):
            dtype, dims, text = rest.split(" ")
            value = (dtype, array(dtype, dims, text))
            if word == "in":
                case["in"].append(value)
            else:
                case["out"] = value
    if case:
        yield case


# ---- formulas: f(x…) of arrays that are float64 where the op computes in floats ----

UNARY = {
    "neg": np.negative, "abs": np.abs, "sign": np.sign, "floor": np.floor, "ceil": np.ceil, "round": np.round, "exp": np.exp,
    "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x), "sin": np.sin,
    "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh,
    "tanh": np.tanh, "erf": np.vectorize(math.erf, otypes=[np.float64]), "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.logaddexp(x, 0),
    "relu": lambda x: np.where(np.isnan(x), x, np.maximum(x, 0)), "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite,
    "logical_not": lambda x: x == 0, "bitwise_not": np.invert, "contiguous": lambda x: x,
}
BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.true_divide, "floor_div": np.floor_divide, "mod": np.mod,
    "pow": np.power, "atan2": np.arctan2, "minimum": np.minimum, "maximum": np.maximum, "eq": np.equal, "ne": np.not_equal,
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or, "bitwise_xor": np.bitwise_xor, "shift_left": np.left_shift, "shift_right": np.right_shift,
}


def axes_of(mask, ndim):
    return tuple(k for k in range(ndim) if mask >> k & 1)


def reduced(case, f):
    x = case["x"][0]
    mask, keep = case["attrs"]
    return f(x, axis=axes_of(mask, x.ndim), keepdims=bool(keep))


def softmax(x, axis):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def argsort(x, axis, descending):
    # stable, NaN as the largest: also when descending, where equal elements keep their order
    key = [(2 if v != v else 1 if v == np.inf else 0, 0 if v != v or v == np.inf else v) for v in x.flatten().tolist()]
    moved = np.moveaxis(np.arange(x.size).reshape(x.shape), axis, -1)
    out = np.empty(moved.shape, np.int64)
    for index in np.ndindex(moved.shape[:-1]):
        row = moved[index].tolist()
        order = list(range(len(row)))
        order.sort(key=lambda k: key[row[k]], reverse=False)
        if descending:
            groups = []
            for k in order:
                if groups and key[row[groups[-1][0]]] == key[row[k]]:
                    groups[-1].append(k)
                else:
                    groups.append([k])
            order = [k for g in reversed(groups) for k in g]
        out[index] = order
    return np.moveaxis(out, -1, axis)


def windows(size, kernel, stride, padding, dilation):
    """For each position of a window: pairs of (place in the kernel, place in the input) inside the input."""
    count = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    return [[(k, o * stride - padding + k * dilation) for k in range(kernel) if 0 <= o * stride - padding + k * dilation < size]
            for o in range(count)]


def conv_walk(attrs, x_shape, w_shape):
    """Every product of conv2d: indices of the result, of x and of w."""
    stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups = attrs[:7]
    per_group = w_shape[0] // groups
    for n in range(x_shape[0]):
        for o in range(w_shape[0]):
            for i, rows in enumerate(windows(x_shape[2], w_shape[2], stride_h, pad_h, dil_h)):
                for j, columns in enumerate(windows(x_shape[3], w_shape[3], stride_w, pad_w, dil_w)):
                    for c in range(w_shape[1]):
                        channel = o // per_group * w_shape[1] + c
                        for kh, h in rows:
                            for kw, w in columns:
                                yield (n, o, i, j), (n, channel, h, w), (o, c, kh, kw)


def conv2d(case):
    x, w = case["x"]
    a = case["attrs"]
    out = np.zeros((x.shape[0], w.shape[0], len(windows(x.shape[2], w.shape[2], a[0], a[2], a[4])),
                    len(windows(x.shape[3], w.shape[3], a[1], a[3], a[5]))), x.dtype)
    for o, i, k in conv_walk(a, x.shape, w.shape):
        out[o] += x[i] * w[k]
    return out


def conv2d_grad_x(case):
    g, w = case["x"]
    out = np.zeros(case["attrs"][7:], g.dtype)
    for o, i, k in conv_walk(case["attrs"], out.shape, w.shape):
        out[i] += g[o] * w[k]
    return out


def conv2d_grad_w(case):
    x, g = case["x"]
    out = np.zeros(case["attrs"][7:], g.dtype)
    for o, i, k in conv_walk(case["attrs"], x.shape, out.shape):
        out[k] += g[o] * x[i]
    return out


def pool_walk(attrs, shape):
    """Each window: index of the result and the list of its places in the input."""
    rows = windows(shape[2], attrs[0], attrs[2], attrs[4], 1)
    columns = windows(shape[3], attrs[1], attrs[3], attrs[5], 1)
    for n in range(shape[0]):
        for c in range(shape[1]):
            for i, r in enumerate(rows):
                for j, k in enumerate(columns):
                    yield (n, c, i, j), [(n, c, h, w) for _, h in r for _, w in k]


def pooled_shape(attrs, shape):
    return (shape[0], shape[1], len(windows(shape[2], attrs[0], attrs[2], attrs[4], 1)), len(windows(shape[3], attrs[1], attrs[3], attrs[5], 1)))


def max_pool2d(case):
    x = case["x"][0]
    out = np.zeros(pooled_shape(case["attrs"], x.shape), x.dtype)
    for o, places in pool_walk(case["attrs"], x.shape):
        out[o] = max(x[p] for p in places)
    return out


def first_largest(x, places):
    best = max(x[p] for p in places)
    return next(p for p in places if x[p] == best)


def max_pool2d_grad(case):
    x, _, g = case["x"]
    out = np.zeros(x.shape, g.dtype)
    for o, places in pool_walk(case["attrs"], x.shape):
        out[first_largest(x, places)] += g[o]
    return out


def max_pool2d_take(case):
    x, _, t = case["x"]
    out = np.zeros(pooled_shape(case["attrs"], x.shape), t.dtype)
    for o, places in pool_walk(case["attrs"], x.shape):
        out[o] = t[first_largest(x, places)]
    return out


def share(attrs, places):
    return attrs[0] * attrs[1] if attrs[6] else len(places)


def avg_pool2d(case):
    x = case["x"][0]
    out = np.zeros(pooled_shape(case["attrs"], x.shape), x.dtype)
    for o, places in pool_walk(case["attrs"], x.shape):
        out[o] = sum(x[p] for p in places) / share(case["attrs"], places)
    return out


def avg_pool2d_grad(case):
    g = case["x"][0]
    out = np.zeros(case["attrs"][7:], g.dtype)
    for o, places in pool_walk(case["attrs"], out.shape):
        for p in places:
            out[p] += g[o] / share(case["attrs"], places)
    return out


def slices(attrs):
    ndim = len(attrs) // 3
    return np.ix_(*[[attrs[2 * k] + attrs[2 * k + 1] * i for i in range(attrs[2 * ndim + k])] for k in range(ndim)])


def slice_set(case):
    out = case["x"][0].copy()
    out[slices(case["attrs"])] = case["x"][1]
    return out


def pad(case):
    x = case["x"][0]
    return np.pad(x, list(zip(case["attrs"][::2], case["attrs"][1::2])), constant_values=case["scalars"][0])


def index_write(case, add):
    x, index, v = case["x"]
    axis = case["attrs"][0]
    out = np.moveaxis(x.copy(), axis, 0)
    v = np.moveaxis(v, axis, 0)
    for k, i in enumerate(index):
        out[i] = out[i] + v[k] if add else v[k]
    return np.moveaxis(out, 0, axis)


def scatter(case, add):
    x, index, v = case["x"]
    out = x.copy()
    for place in np.ndindex(index.shape):
        target = list(place)
        target[case["attrs"][0]] = index[place]
        target = tuple(target)
        out[target] = out[target] + v[place] if add else v[place]
    return out


# ---- the random stream ----

def philox(seed, counter, index):
    c = [index & 0xFFFFFFFF, index >> 32, counter & 0xFFFFFFFF, counter >> 32]
    k = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def words32(case, n):
    return [w for b in range((n + 3) // 4) for w in philox(case["scalars"][0], case["scalars"][1], b)][:n]


def words64(case, n):
    words = words32(case, 2 * ((n + 1) // 2 * 2))
    return [words[2 * k] | words[2 * k + 1] << 32 for k in range(n + n % 2)]


def rand(case):
    n = math.prod(case["attrs"])
    bits = {"f64": 53, "f32": 24, "f16": 11, "bf16": 8}[case["dtype"]]
    words = words64(case, n)[:n] if bits == 53 else words32(case, n)
    return np.array([(w >> ((64 if bits == 53 else 32) - bits)) * 2.0 ** -bits for w in words]).reshape(case["attrs"])


def randn(case):
    n = math.prod(case["attrs"])
    out = []
    if case["dtype"] == "f64":
        words = words64(case, n)
        pairs = [((a >> 11) * 2.0 ** -53 + 2.0 ** -54, b * 2.0 ** -64) for a, b in zip(words[::2], words[1::2])]
    else:
        words = words32(case, n + n % 2)
        pairs = [((a >> 1) * 2.0 ** -31 + 2.0 ** -32, b * 2.0 ** -32) for a, b in zip(words[::2], words[1::2])]
    for u, v in pairs:
        radius = math.sqrt(-2 * math.log(u))
        out += [radius * math.cos(2 * math.pi * v), radius * math.sin(2 * math.pi * v)]
    return np.array(out[:n]).reshape(case["attrs"])


def randint(case):
    n = math.prod(case["attrs"])
    low, high = case["scalars"][2:]
    return np.array([low + (w * (high - low) >> 64) for w in words64(case, n)[:n]], np.int64).reshape(case["attrs"])


def bernoulli(case):
    n = math.prod(case["attrs"])
    return np.array([w < int(case["scalars"][2] * 2 ** 32) for w in words32(case, n)]).reshape(case["attrs"])


def randperm(case):
    n = case["attrs"][0]
    words = words64(case, n)
    order = list(range(n))
    for k in range(n - 1):
        last = n - 1 - k
        other = words[k] * (last + 1) >> 64
        order[last], order[other] = order[other], order[last]
    return np.array(order, np.int64)


OTHER = {
    "where": lambda c: np.where(*c["x"]),
    "sum": lambda c: reduced(c, np.sum), "prod": lambda c: reduced(c, np.prod),
    "max": lambda c: reduced(c, np.max), "min": lambda c: reduced(c, np.min),
    "any": lambda c: reduced(c, np.any), "all": lambda c: reduced(c, np.all),
    "argmax": lambda c: np.argmax(c["x"][0], axis=c["attrs"][0], keepdims=bool(c["attrs"][1])),
    "argmin": lambda c: np.argmin(c["x"][0], axis=c["attrs"][0], keepdims=bool(c["attrs"][1])),
    "softmax": lambda c: softmax(c["x"][0], c["attrs"][0]), "log_softmax": lambda c: np.log(softmax(c["x"][0], c["attrs"][0])),
    "cumsum": lambda c: np.cumsum(c["x"][0], axis=c["attrs"][0]), "cumprod": lambda c: np.cumprod(c["x"][0], axis=c["attrs"][0]),
    "argsort": lambda c: argsort(c["x"][0], *c["attrs"]),
    "matmul": lambda c: np.matmul(*c["x"]), "conv2d": conv2d, "conv2d_grad_x": conv2d_grad_x, "conv2d_grad_w": conv2d_grad_w,
    "max_pool2d": max_pool2d, "max_pool2d_grad": max_pool2d_grad, "max_pool2d_take": max_pool2d_take, "avg_pool2d": avg_pool2d,
    "avg_pool2d_grad": avg_pool2d_grad,
    "reshape": lambda c: c["x"][0].reshape(c["attrs"]), "expand": lambda c: np.broadcast_to(c["x"][0], c["attrs"]),
    "permute": lambda c: np.transpose(c["x"][0], c["attrs"]), "slice": lambda c: c["x"][0][slices(c["attrs"])],
    "cat": lambda c: np.concatenate(c["x"], axis=c["attrs"][0]), "pad": pad, "slice_set": slice_set,
    "index_select": lambda c: np.take(c["x"][0], c["x"][1], axis=c["attrs"][0]),
    "index_add": lambda c: index_write(c, True), "index_set": lambda c: index_write(c, False),
    "take_along": lambda c: np.take_along_axis(c["x"][0], c["x"][1], axis=c["attrs"][0]),
    "scatter_add": lambda c: scatter(c, True), "scatter_set": lambda c: scatter(c, False),
    "full": lambda c: np.full(c["attrs"], c["scalars"][0]),
    "arange": lambda c: c["scalars"][0] + c["scalars"][1] * np.arange(c["attrs"][0]),
    "rand": rand, "randn": randn, "randint": randint, "bernoulli": bernoulli, "randperm": randperm,
    "cast": lambda c: c["x"][0],
}

# Ops of bool8 operands that are logic.
LOGIC = {"add": np.logical_or, "mul": np.logical_and, "minimum": np.logical_and, "maximum": np.logical_or}


def operands(case):
    """The operands as NumPy should see them: floats in double precision, or integers where the op computes in integers."""
    computed = case["out"][0]
    floats = [d in ("f64", "f32", "f16", "bf16") for d, _ in case["in"]]
    wide = computed in TOLERANCE or any(floats)
    xs = []
    for (dtype, value), is_float in zip(case["in"], floats):
        if is_float or (wide and dtype not in ("bool8",) and not (case["op"] in INDEXED and len(xs) == 1)):
            value = value.astype(np.float64)
        elif dtype == "bool8" and wide and case["op"] not in ("where",):
            value = value.astype(np.float64)
        elif case["op"] in ("sum", "prod", "cumsum", "cumprod"):
            value = value.astype(np.int64)
        xs.append(value)
    return xs


INDEXED = ("index_select", "index_add", "index_set", "take_along", "scatter_add", "scatter_set")


def number(case, x):
    """A number that stands beside a tensor takes its dtype."""
    value = case["scalars"][0]
    return np.float64(value) if x.dtype.kind == "f" else np.asarray(value).astype(x.dtype)


def expected(case):
    op = case["op"]
    case["x"] = operands(case)
    if case["in"] and all(d == "bool8" for d, _ in case["in"]) and op in LOGIC:
        return LOGIC[op](*case["x"])
    if op in UNARY:
        return UNARY[op](*case["x"])
    if op in BINARY:
        args = list(case["x"])
        if case["scalars"]:
            args.insert(0 if case["first"] else 1, number(case, args[0]))
        return BINARY[op](*args)
    return OTHER[op](case)


def to_integer(value, dtype):
    """Floats to integers as tensors do it: toward zero, then wrapped; what is no number is not compared."""
    return np.trunc(value).astype(np.int64).astype(DTYPES[dtype])


def difference(case):
    """What is wrong, or None."""
    dtype, out = case["out"]
    want = np.asarray(expected(case))
    if want.shape != out.shape:
        return f"shape {list(out.shape)}, NumPy has {list(want.shape)}"
    if dtype not in TOLERANCE:
        want = to_integer(want, dtype) if want.dtype.kind == "f" and dtype != "bool8" else want.astype(DTYPES[dtype])
        bad = out != want
    else:
        largest = {"f16": 65504.0, "f32": float(np.finfo(np.float32).max), "bf16": 3.3895313892515355e38}.get(dtype, math.inf)
        want = want.astype(np.float64)
        have = out.astype(np.float64)
        want = np.where(np.isfinite(want) & (np.abs(want) > largest), np.sign(want) * np.inf, want)
        with np.errstate(invalid="ignore"):
            near = np.abs(have - want) <= TOLERANCE[dtype] * (1 + np.abs(want))
        bad = ~(near | (have == want) | (np.isnan(have) & np.isnan(want)))
    if not bad.any():
        return None
    place = tuple(int(k) for k in np.argwhere(bad)[0])
    return f"{int(bad.sum())} of {bad.size} elements differ, first at {list(place)}: {out[place]}, NumPy has {want[place]}"


def run(program, *args, **environment):
    done = subprocess.run([program, *args], capture_output=True, text=True, timeout=900, env={**os.environ, **environment})
    for line in done.stderr.splitlines():
        print("# " + line)
    return done.returncode, done.stdout


def main():
    np.seterr(all="ignore")
    # The leak checker of the sanitizer builds cannot walk the threads that oneDNN leaves: it looks at a run with one thread.
    status, text = run(sys.argv[1], ASAN_OPTIONS="detect_leaks=0")
    eager_status, eager = run(sys.argv[1], "--eager", ASAN_OPTIONS="detect_leaks=0")
    single_status, _ = run(sys.argv[1], OMP_NUM_THREADS="1")
    results = [("every op has a test row and every call succeeds", status == 0, f"exit status {status}" if status != 0 else ""),
               ("the eager mode gives the same bits", eager_status == status and eager == text,
                f"exit status {eager_status}" if eager_status != status else ""),
               ("one thread does, and nothing is left behind", single_status == 0, f"exit status {single_status}" if single_status != 0 else "")]
    by_name = {}
    for case in parse(text.splitlines() if status >= 0 else []): # what a signal ended is cut anywhere
        name = f"{case['op']} in {case['dtype']}" + (f" from {case['in'][0][0]}" if case["op"] == "cast" else "")
        wrong = difference(case)
        by_name.setdefault(name, [])
        if wrong:
            by_name[name].append(f"{case['note'] or 'plain'}: {wrong}")
    results += [(name, not wrong, "; ".join(wrong)) for name, wrong in by_name.items()]
    print(f"1..{len(results)}")
    for k, (name, ok, wrong) in enumerate(results, 1):
        print(f"{'ok' if ok else 'not ok'} {k} - {name}")
        if wrong:
            print("# " + wrong)
    return 0 if all(ok for _, ok, _ in results) else 1


sys.exit(main())
