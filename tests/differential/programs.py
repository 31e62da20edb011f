# SPDX-License-Identifier: Apache-2.0
"""Tenon programs made at random from a seed: the same on every machine and with every Python.

A program is a list of statements over named values. Only sizes by name ("N" is 129) and recipes ("the middle of axis 1") are kept, so
that the program can be written again with other sizes or with statements left out: that is how a failing one is made small. What a
statement gives (shape, dtype, what may differ between machines) follows from its operands by `infer`, which raises Invalid where the
statement cannot be.

What each way to run promises is data here: a value has a set of `taints`.
    fn     it went through an elementary function, whose last bit depends on the instruction set (runtime/cpu/isa.c)
    sum    it went through a contraction whose sums round: their order is the library's (ARCHITECTURE.md, "Same bits")
    wild   a tainted value decided something (a comparison, a rounding, an index), so that nothing can be said of its size
Operands of the contractions are small whole numbers more often than not: then every order of the sum gives the same bits."""

# Sizes on which something changes in runtime/cpu: vectors of 4 to 64 elements, CPU_LANES, gemm's MR, NR, MC and KC, CPU_BAND and its least rows,
# CPU_SHORT_LINE, CPU_STRIP, move.c's tiles, CPU_SHORT_ROW, CPU_POOL_ROW, CPU_BAND_PIECE, CPU_BLOCK, CPU_PANEL, CPU_CHUNK, sort.c's FEW.
BORDERS = (4, 6, 8, 12, 16, 32, 48, 64, 96, 120, 128, 240, 256, 384, 512, 640, 768, 1024, 2048, 4096)
SMALL = (1, 2, 3, 4, 5, 7, 8, 9, 10)
MOST_ELEMENTS, MANY_ELEMENTS = 12000, 300000

FLOATS = ("f32", "f32", "f32", "f64", "bf16", "f16")
INTS = ("i64", "i32", "u8")
RANK = {"bool8": 0, "u8": 1, "i32": 2, "i64": 3, "f16": 4, "bf16": 4, "f32": 5, "f64": 6}
# Numbers that the leaves are filled with.
TABLES = {
    "plain": "0.5, -1.25, 0.75, 1.0, -0.5, 2.0, -1.75, 0.25, 1.5, -0.25, 0.125, -1.0, 1.75, -2.0, 0.625, -0.875, 0.3, -0.7, 1.1, 0.9, -1.3, 0.1, -0.6",
    "whole": "1.0, -2.0, 0.0, 3.0, -1.0, 2.0, 1.0, -3.0, 0.0, 2.0, -1.0, 1.0, 3.0, -2.0, 1.0, 0.0, -1.0",
    "special": "0.0, 1.0, -0.0, inf, 1.0, nan, -inf, 1e-40, -1e-45, 1.0, 3e38, -1.0, 65504.0, 1e-8, 0.0, 2.5, -0.5, 0.5, 1.5",
    "equal": "0.75, 0.75, 0.75, -0.75",
    "unit": "0.5, 0.25, 0.75, 0.1, 0.9, 0.6, 0.3, 0.05, 0.95, 0.45, 0.7",
}
LENGTHS = {name: len(text.split(",")) for name, text in TABLES.items()}
LARGEST = {"plain": 2, "whole": 3, "special": 8, "equal": 1, "unit": 1}

CHEAP = ("-{}", "abs({})", "relu({})", "sign({})", "floor({})", "ceil({})", "round({})", "{} * 0.5", "{} + 1.5", "1.0 - {}", "0.75 * {} - 0.25", "{} / 3.0",
         "clamp({}, -1.0, 1.5)", "clamp({}, min: 0.0)", "leaky_relu({})", "hardswish({})", "maximum({}, 0.25)", "where({} > 0.5, {}, 0.0)", "sqrt(abs({}))",
         "1.0 / (abs({}) + 0.5)", "{} * {}", "isnan({})", "isfinite({})", "({} > 0.0)", "stop_gradient({})", "contiguous({})")
DECIDES = ("sign", "floor", "ceil", "round", "isnan", "isfinite", "({} > 0.0)", "where")
COSTLY = ("tanh({})", "sigmoid({})", "exp(clamp({}, max: 3.0))", "log(abs({}) + 0.5)", "log1p(abs({}))", "sin({})", "cos({})", "gelu({})", "silu({})", "erf({})",
          "softplus({})", "expm1(minimum({}, 2.0))", "rsqrt(abs({}) + 0.25)", "mish({})", "elu({})", "atan({})", "(abs({}) + 0.5) ** 1.5", "{} ** 2", "tan({})",
          "sinh(clamp({}, -2.0, 2.0))", "acos(clamp({}, -0.9, 0.9))")
BINARY = ("{} + {}", "{} - {}", "{} * {}", "maximum({}, {})", "minimum({}, {})", "where({} > 0, {}, 0)", "{} / (abs({}) + 1)", "lerp({}, {}, 0.25)", "({} < {})", "({} == {})",
          "{} * 0.5 + {} * 0.25", "atan2({}, {})", "{} % (abs({}) + 1)")
INTEGER = ("{} + {}", "{} - {}", "{} * {}", "maximum({}, {})", "minimum({}, {})", "floor_div({}, abs({}) + 1)", "{} % (abs({}) + 1)", "({} < {})", "({} != {})")
BOOLEAN = ("({} & {})", "({} | {})", "({} ^ {})", "where({}, {}, false)", "({} == {})")
REDUCE = ("sum", "sum", "mean", "max", "min", "prod", "any", "all", "argmax", "argmin", "count_nonzero", "var", "std", "logsumexp", "norm")
REDUCE_FN = ("logsumexp",)
TYPES_OF_REDUCE = {"any": "bool8", "all": "bool8", "argmax": "i64", "argmin": "i64", "count_nonzero": "i64"}


class Invalid(Exception):
    """The statement cannot stand there."""


class Random:
    """splitmix64: Python's own generator promises its numbers only in part."""

    def __init__(self, seed):
        self.state = (seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) & (2**64 - 1)

    def below(self, n):
        self.state = (self.state + 0x9E3779B97F4A7C15) & (2**64 - 1)
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
        return (z ^ (z >> 31)) % n

    def pick(self, items):
        return items[self.below(len(items))]

    def chance(self, percent):
        return self.below(100) < percent


class Value:
    """What a name holds: `largest` is about how large its numbers are, as a power of 2; `whole`: they are whole."""

    def __init__(self, shape, dtype, taints=(), largest=1, whole=False):
        self.shape, self.dtype, self.taints, self.largest, self.whole = tuple(shape), dtype, frozenset(taints), largest, whole
        if count(self.shape) > MANY_ELEMENTS or len(self.shape) > 5 or largest > 60:
            raise Invalid

    def is_float(self):
        return RANK[self.dtype] >= 4


class Statement:
    """`kind` names the functions that infer and write it; `out`: the names that it gives a value; `ins`: those that it reads."""

    def __init__(self, kind, out, ins=(), body=None, **attrs):
        self.kind, self.out, self.ins, self.body, self.attrs = kind, list(out), list(ins), body, attrs

    def copy(self):
        return Statement(self.kind, self.out, self.ins, None if self.body is None else [s.copy() for s in self.body], **self.attrs)


def count(shape):
    n = 1
    for size in shape:
        n *= size
    return n


def joined(shapes):
    """Broadcast."""
    result = [1] * max(map(len, shapes))
    for shape in shapes:
        for k, size in enumerate(shape):
            at = k + len(result) - len(shape)
            if size != 1 and result[at] not in (1, size):
                raise Invalid
            result[at] = size if size != 1 else result[at]
    return tuple(result)


def promoted(dtypes):
    best = max(dtypes, key=lambda d: RANK[d])
    return "f32" if {"f16", "bf16"} <= set(dtypes) and RANK[best] == 4 else best


def all_taints(values):
    return frozenset(taint for v in values for taint in v.taints)


def decided(values):
    """What a decision on these gives: nothing is known where one of them is not exact."""
    taints = all_taints(values)
    return taints | {"wild"} if taints else taints


def need(condition):
    if not condition:
        raise Invalid


def axis_of(statement, value):
    need(value.shape)
    return statement.attrs["axis"] % len(value.shape)


def listed(shape):
    return "[" + ", ".join(map(str, shape)) + "]"


def middle(size, recipe):
    """start, stop, step of a slice, and how many it takes."""
    start, stop, step = {"half": (0, (size + 1) // 2, 1), "tail": (size // 2, size, 1), "but_first": (1, size, 1), "but_last": (0, size - 1, 1),
                         "second": (0, size, 2), "third": (1, size, 3), "inner": (size // 4, size - size // 4, 1)}[recipe]
    taken = len(range(start, stop, step))
    need(taken > 0)
    return start, stop, step, taken


SLICES = ("half", "tail", "but_first", "but_last", "second", "third", "inner")


class Kinds:
    """For each kind of statement: `infer_KIND(s, values, sizes)` gives the values of s.out; `write_KIND(s, names, values, sizes)` the text that follows
    "tensor x = ", or for what is no declaration the whole lines."""

    # ---- leaves ----
    @staticmethod
    def infer_leaf(s, _, sizes):
        shape = [sizes[d] if isinstance(d, str) else d for d in s.attrs["dims"]]
        dtype, table = s.attrs["dtype"], s.attrs["table"]
        return [Value(shape, dtype, (), LARGEST[table], table == "whole" or RANK[dtype] < 4)]

    @staticmethod
    def write_leaf(s, _, values, sizes):
        v, table = values[s.out[0]], s.attrs["table"]
        n = count(v.shape)
        text = f"T_{table}[(arange({n}) * {s.attrs['stride']} + {s.attrs['start']}) % {LENGTHS[table]}]"
        text = {"f32": text, "bool8": f"({text} > 0.0)", "u8": f"u8(abs({text}))"}.get(v.dtype, f"{v.dtype}({text})")
        if s.attrs["turned"] and len(v.shape) >= 2:
            return f"{text}.reshape({listed(v.shape[:-2] + (v.shape[-1], v.shape[-2]))}).transpose(-1, -2)"
        return f"{text}.reshape({listed(v.shape)})" if len(v.shape) != 1 else text

    @staticmethod
    def infer_uniform(s, _, sizes):
        shape = [sizes[d] if isinstance(d, str) else d for d in s.attrs["dims"]]
        if s.attrs["form"] == "one":
            shape = [1]
        if s.attrs["form"] == "number":
            shape = []
        return [Value(shape, s.attrs["dtype"], (), 2, False)]

    @staticmethod
    def write_uniform(s, _, values, sizes):
        v, number = values[s.out[0]], s.attrs["number"]
        number = number if v.is_float() else "3"
        number = "true" if v.dtype == "bool8" else number
        if s.attrs["form"] == "number":
            return f"tensor({number}, dtype: {v.dtype})"
        if s.attrs["form"] == "expand":
            return f"full([{', '.join('1' * len(v.shape))}], {number}, dtype: {v.dtype}).expand({listed(v.shape)})"
        return f"full({listed(v.shape)}, {number}, dtype: {v.dtype})"

    # ---- elementwise ----
    @staticmethod
    def infer_unary(s, values, _):
        x, form = values[s.ins[0]], s.attrs["form"]
        taints = decided([x]) if any(word in form for word in DECIDES) else x.taints
        boolean = form.startswith(("isnan", "isfinite", "({} >"))
        if form in COSTLY:
            need(x.dtype != "bool8")
            taints, largest, dtype = taints | {"fn"}, max(5, x.largest * 2 if "** 2" in form else 0), x.dtype if x.is_float() else "f32"
            need(form != "tan({})" or not x.taints)
        else:
            need(x.is_float())
            largest, dtype = (x.largest * 2 if form == "{} * {}" else x.largest + 1), x.dtype
        return [Value(x.shape, "bool8" if boolean else dtype, taints, 1 if boolean else largest, boolean or (x.whole and form in CHEAP[:5]))]

    @staticmethod
    def write_unary(s, names, *_):
        return s.attrs["form"].replace("{}", names[s.ins[0]])

    @staticmethod
    def infer_binary(s, values, _):
        x, y, form = values[s.ins[0]], values[s.ins[1]], s.attrs["form"]
        both = [x, y]
        if form in BOOLEAN:
            need(x.dtype == y.dtype == "bool8")
            return [Value(joined([x.shape, y.shape]), "bool8", all_taints(both), 1, True)]
        need("bool8" not in (x.dtype, y.dtype))
        dtype, taints = promoted([x.dtype, y.dtype]), all_taints(both)
        need(form in INTEGER or RANK[dtype] >= 4)
        need("floor_div" not in form or RANK[dtype] < 4)
        if form.startswith("where"):
            taints, dtype = (taints | {"wild"} if x.taints else taints), y.dtype
        if "%" in form or "maximum" in form or "minimum" in form or "floor_div" in form:
            taints = taints if "%" not in form else decided(both)
        taints = taints | {"fn"} if "atan2" in form else taints
        if "<" in form or "=" in form:
            return [Value(joined([x.shape, y.shape]), "bool8", decided(both), 1, True)]
        largest = x.largest + y.largest if form == "{} * {}" else max(x.largest, y.largest) + 1
        return [Value(joined([x.shape, y.shape]), dtype, taints, largest, x.whole and y.whole and form in BINARY[:5])]

    @staticmethod
    def write_binary(s, names, *_):
        return s.attrs["form"].format(names[s.ins[0]], names[s.ins[1]])

    @staticmethod
    def infer_where(s, values, _):
        c, x, y = (values[name] for name in s.ins)
        need(c.dtype == "bool8" and "bool8" not in (x.dtype, y.dtype))
        taints = all_taints([c, x, y]) | ({"wild"} if c.taints else frozenset())
        return [Value(joined([c.shape, x.shape, y.shape]), promoted([x.dtype, y.dtype]), taints, max(x.largest, y.largest), x.whole and y.whole)]

    @staticmethod
    def write_where(s, names, *_):
        return f"where({', '.join(names[name] for name in s.ins)})"

    @staticmethod
    def infer_cast(s, values, _):
        x, to = values[s.ins[0]], s.attrs["dtype"]
        whole = RANK[to] < 4
        need(x.dtype != to)
        return [Value(x.shape, to, decided([x]) if whole else x.taints, x.largest, whole or (x.whole and x.largest < 8))]

    @staticmethod
    def write_cast(s, names, *_):
        return f"{s.attrs['dtype']}({names[s.ins[0]]})"

    @staticmethod
    def infer_small(s, values, _):
        """Small whole numbers, for exact contractions."""
        x = values[s.ins[0]]
        need(x.is_float())
        return [Value(x.shape, x.dtype, decided([x]), 2, True)]

    @staticmethod
    def write_small(s, names, *_):
        x = names[s.ins[0]]
        return f"where(isfinite({x}), round(clamp({x}, -3.0, 3.0)), 1.0)"

    # ---- views and movement ----
    @staticmethod
    def infer_reshape(s, values, _):
        x, to = values[s.ins[0]], s.attrs["to"]
        shape = list(x.shape)
        if to == "flat":
            shape = [count(x.shape)]
        elif to == "one":
            shape = shape + [1]
        elif to == "front":
            shape = [1] + shape
        elif to == "merge":
            need(len(shape) >= 2)
            shape = [shape[0] * shape[1]] + shape[2:]
        else:
            need(shape)
            axis = s.attrs["axis"] % len(shape)
            part = next((p for p in (2, 3, 4, 5, 7) if shape[axis] % p == 0 and shape[axis] > p), 0)
            need(part > 0)
            shape[axis:axis + 1] = [part, shape[axis] // part]
        return [Value(shape, x.dtype, x.taints, x.largest, x.whole)]

    @staticmethod
    def write_reshape(s, names, values, _):
        return f"{names[s.ins[0]]}.reshape({listed(values[s.out[0]].shape)})"

    @staticmethod
    def infer_permute(s, values, _):
        x = values[s.ins[0]]
        need(len(x.shape) >= 2)
        a, b = s.attrs["axis"] % len(x.shape), s.attrs["other"] % len(x.shape)
        need(a != b)
        shape = list(x.shape)
        shape[a], shape[b] = shape[b], shape[a]
        return [Value(shape, x.dtype, x.taints, x.largest, x.whole)]

    @staticmethod
    def write_permute(s, names, values, _):
        n = len(values[s.ins[0]].shape)
        return f"{names[s.ins[0]]}.transpose({s.attrs['axis'] % n}, {s.attrs['other'] % n})"

    @staticmethod
    def infer_slice(s, values, _):
        x = values[s.ins[0]]
        axis, shape = axis_of(s, x), list(x.shape)
        shape[axis] = middle(shape[axis], s.attrs["part"])[3]
        return [Value(shape, x.dtype, x.taints, x.largest, x.whole)]

    @staticmethod
    def write_slice(s, names, values, _):
        x = values[s.ins[0]]
        return f"{names[s.ins[0]]}[{window(s, x)}]"

    @staticmethod
    def infer_pick(s, values, _):
        x = values[s.ins[0]]
        axis = axis_of(s, x)
        need(x.shape[axis] > 0)
        return [Value(x.shape[:axis] + x.shape[axis + 1:], x.dtype, x.taints, x.largest, x.whole)]

    @staticmethod
    def write_pick(s, names, values, _):
        x = values[s.ins[0]]
        axis = axis_of(s, x)
        return f"{names[s.ins[0]]}[{':, ' * axis}{s.attrs['at'] % x.shape[axis]}]"

    @staticmethod
    def infer_move(s, values, _):
        """What keeps the shape or repeats it."""
        x, form = values[s.ins[0]], s.attrs["form"]
        axis, shape = axis_of(s, x), list(x.shape)
        need(not (form in ("tril", "triu") and len(shape) < 2))
        if form in ("cat", "stack"):
            shape[axis] *= 2
            shape = shape if form == "cat" else list(x.shape[:axis]) + [2] + list(x.shape[axis:])
        elif form == "pad":
            shape[-1] += 3
        elif form == "repeat":
            shape[axis] *= 2
        fn, decides, largest = set(), False, x.largest
        if form in ("softmax", "log_softmax", "layer_norm"):
            need(x.is_float())
            fn = {"fn"}
            largest = 1 if form == "softmax" else x.largest + 4
        if form in ("cumsum", "cumprod"):
            need(x.is_float() or form == "cumsum")
            need(x.dtype != "bool8" and (form == "cumsum" or shape[axis] <= 64))
            largest = largest + 8 if form == "cumsum" else largest + 20
        dtype = "i64" if form in ("argsort",) or (form == "cumsum" and not x.is_float()) else x.dtype
        if form in ("sort", "argsort", "topk"):
            need(x.dtype != "bool8")
            decides = True
        if form == "topk":
            need(shape[axis] >= 2)
            shape[axis] = (shape[axis] + 1) // 2
        return [Value(shape, dtype, (decided([x]) if decides else x.taints) | fn, largest, (x.whole and not fn) or dtype == "i64")]

    @staticmethod
    def write_move(s, names, values, _):
        x, v, form = names[s.ins[0]], values[s.ins[0]], s.attrs["form"]
        axis = axis_of(s, v)
        if form in ("cat", "stack"):
            return f"{form}([{x}, {x}], axis: {axis})"
        if form == "pad":
            return f"pad({x}, [1, 2])"
        if form == "repeat":
            return f"{x}.repeat({listed([2 if k == axis else 1 for k in range(len(v.shape))])})"
        if form == "topk":
            return f"topk({x}, {(v.shape[axis] + 1) // 2}, axis: {axis})[0]"
        if form == "roll":
            return f"roll({x}, {s.attrs['at'] % 7 - 3}, axis: {axis})"
        if form in ("tril", "triu"):
            return f"{form}({x})"
        if form == "layer_norm":
            return f"(({x} - {x}.mean(axis: {axis}, keepdim: true)) / sqrt({x}.var(axis: {axis}, keepdim: true, correction: 0) + 0.01))"
        text = f"{form}({x}, axis: {axis})"
        return text + "[0]" if form == "sort" else text

    @staticmethod
    def infer_expand(s, values, sizes):
        x = values[s.ins[0]]
        front = sizes[s.attrs["size"]]
        return [Value((front,) + x.shape, x.dtype, x.taints, x.largest, x.whole)]

    @staticmethod
    def write_expand(s, names, values, _):
        return f"{names[s.ins[0]]}.expand({listed(values[s.out[0]].shape)})"

    @staticmethod
    def infer_huge(s, values, _):
        """One number in more than 2^31 places, of which a few are looked at."""
        x = values[s.ins[0]]
        need(x.shape == ())
        return [Value((3,), x.dtype, x.taints, x.largest, x.whole)]

    @staticmethod
    def write_huge(s, names, *_):
        return f"{names[s.ins[0]]}.expand([3000000, 1000])[1234567:1234570, 7]"

    @staticmethod
    def infer_gather(s, values, _):
        x = values[s.ins[0]]
        axis, shape = axis_of(s, x), list(x.shape)
        need(shape[axis] > 0)
        if s.attrs["form"] != "take_along":
            shape[axis] = s.attrs["many"]
        return [Value(shape, x.dtype, x.taints, x.largest, x.whole)]

    @staticmethod
    def write_gather(s, names, values, _):
        x, v = names[s.ins[0]], values[s.ins[0]]
        axis, form = axis_of(s, v), s.attrs["form"]
        if form == "take_along":
            return f"take_along({x}, (arange({count(v.shape)}) * {s.attrs['stride']}).reshape({listed(v.shape)}) % {v.shape[axis]}, axis: {axis})"
        index = f"(arange({s.attrs['many']}) * {s.attrs['stride']} + {s.attrs['start']}) % {v.shape[axis]}"
        return f"{x}[{':, ' * axis}{index}]" if form == "index" else f"index_select({x}, {index}, axis: {axis})"

    # ---- reductions and contractions ----
    @staticmethod
    def infer_reduce(s, values, _):
        x, form, axes = values[s.ins[0]], s.attrs["form"], s.attrs["axes"]
        need(x.shape)
        reduced = set(range(len(x.shape))) if axes == "all" else {a % len(x.shape) for a in axes}
        need(form not in ("argmax", "argmin") or axes == "all" or len(reduced) == 1)
        shape = [1 if k in reduced else size for k, size in enumerate(x.shape) if s.attrs["keepdim"] or k not in reduced]
        over = count(x.shape[k] for k in reduced)
        need(form not in ("var", "std", "norm", "logsumexp", "mean") or x.is_float())
        need(form not in ("prod", "max", "min") or x.dtype != "bool8")
        need(form not in ("argmax", "argmin") or x.dtype != "bool8")
        need(form != "prod" or over <= 64)
        need(form not in ("var", "std") or over >= 2)
        need(not (axes == "all" and s.attrs["keepdim"]) or form not in ("argmax", "argmin", "count_nonzero", "norm", "logsumexp"))
        need(form not in ("count_nonzero",) or not s.attrs["keepdim"])
        dtype = TYPES_OF_REDUCE.get(form, "i64" if form in ("sum", "prod") and not x.is_float() else x.dtype)
        exact = form in ("max", "min")
        taints = decided([x]) if form in TYPES_OF_REDUCE else x.taints
        taints = taints | {"fn"} if form in REDUCE_FN else taints
        largest = x.largest if exact or form == "mean" else x.largest + over.bit_length() if form != "prod" else x.largest + 20
        return [Value(shape, dtype, taints, 1 if form in TYPES_OF_REDUCE else largest, RANK[dtype] < 4)]

    @staticmethod
    def write_reduce(s, names, values, _):
        x, v, form, axes = names[s.ins[0]], values[s.ins[0]], s.attrs["form"], s.attrs["axes"]
        keep = ", keepdim: true" if s.attrs["keepdim"] else ""
        if axes == "all":
            return f"{form}({x}{keep})"
        axes = sorted({a % len(v.shape) for a in axes})
        return f"{form}({x}, axis: {axes[0] if len(axes) == 1 else listed(axes)}{keep})"

    @staticmethod
    def infer_matmul(s, values, _):
        x, y = values[s.ins[0]], values[s.ins[1]]
        a, b = x.shape, y.shape
        need(1 <= len(a) <= 3 and 1 <= len(b) <= 3 and x.dtype == y.dtype and x.is_float())
        b = b[:-2] + (b[-1], b[-2]) if s.attrs["turned"] and len(b) >= 2 else b
        need(a[-1] == (b[-2] if len(b) >= 2 else b[0]))
        batch = joined([a[:-2] or (1,), b[:-2] or (1,)]) if len(a) > 2 or len(b) > 2 else ()
        shape = batch + a[-2:-1] + b[len(b) - 1:] if len(b) >= 2 else batch + a[-2:-1]
        need(count(shape) * a[-1] <= 6000000)
        limit = {"f64": 52, "f32": 23, "bf16": 23, "f16": 23}[x.dtype]
        largest = x.largest + y.largest + a[-1].bit_length()
        exact = x.whole and y.whole and largest <= limit
        return [Value(shape, x.dtype, all_taints([x, y]) | (frozenset() if exact else {"sum"}), largest, exact and x.dtype in ("f32", "f64"))]

    @staticmethod
    def write_matmul(s, names, values, _):
        y = names[s.ins[1]]
        return f"{names[s.ins[0]]} @ {y}.transpose(-1, -2)" if s.attrs["turned"] and len(values[s.ins[1]].shape) >= 2 else f"{names[s.ins[0]]} @ {y}"

    @staticmethod
    def infer_conv(s, values, sizes):
        n, c, o, h, w, k = (sizes[d] if isinstance(d, str) else d for d in s.attrs["dims"])
        pad, stride, dtype = s.attrs["padding"], s.attrs["stride"], s.attrs["dtype"]
        need(h + 2 * pad >= k and w + 2 * pad >= k and n * o * h * w * c * k * k <= 3000000)
        shape = (n, o, (h + 2 * pad - k) // stride + 1, (w + 2 * pad - k) // stride + 1)
        if s.attrs["pool"]:
            need(shape[2] >= 2 and shape[3] >= 2)
            shape = shape[:2] + (shape[2] // 2, shape[3] // 2)
        return [Value(shape, dtype, (), 4 + (c * k * k).bit_length(), s.attrs["pool"] != "avg" and dtype == "f32")]

    @staticmethod
    def write_conv(s, _, values, sizes):
        n, c, o, h, w, k = (sizes[d] if isinstance(d, str) else d for d in s.attrs["dims"])
        dtype = s.attrs["dtype"]
        whole = lambda shape, start: (f"{dtype}(T_whole[(arange({count(shape)}) * 5 + {start}) % {LENGTHS['whole']}]).reshape({listed(shape)})")
        text = f"conv2d({whole((n, c, h, w), 1)}, {whole((o, c, k, k), 4)}, stride: {s.attrs['stride']}, padding: {s.attrs['padding']})"
        return {"": text, "max": f"max_pool2d({text}, 2)", "avg": f"avg_pool2d({text}, 2)"}[s.attrs["pool"]]

    # ---- writes ----
    @staticmethod
    def infer_write(s, values, _):
        x = values[s.ins[0]]
        axis = axis_of(s, x)
        form = s.attrs["form"]
        y = values[s.ins[1]] if len(s.ins) > 1 else None
        taints = all_taints([x] + ([y] if y else []))
        if y is not None:
            need(y.shape == () and "bool8" not in (x.dtype, y.dtype))
            need(RANK[y.dtype] < 4 or x.is_float())
        if form == "slice":
            middle(x.shape[axis], s.attrs["part"])
        if form == "shift":
            need(x.shape[axis] >= 2)
        if form == "mask":
            need(x.dtype != "bool8")
            taints = taints | ({"wild"} if x.taints else frozenset())
        if form in ("scatter_add", "index", "add"):
            need(x.dtype != "bool8")
        need(x.shape[axis] > 0 and (y is not None or x.dtype != "bool8"))
        large = max(x.largest, y.largest if y else 2) + (6 if form == "scatter_add" else 1)
        return [Value(x.shape, x.dtype, taints, large, x.whole and y is not None and y.whole)]

    @staticmethod
    def write_write(s, names, values, _):
        x, v, form = names[s.ins[0]], values[s.ins[0]], s.attrs["form"]
        axis = axis_of(s, v)
        number = names[s.ins[1]] if len(s.ins) > 1 else ("1.5" if v.is_float() else "2")
        before, size = ":, " * axis, v.shape[axis]
        if form == "slice":
            return f"{x}[{window(s, v)}] = {number};"
        if form == "add":
            return f"{x}[{before}{s.attrs['at'] % size}] += {number};"
        if form == "element":
            return f"{x}[{', '.join(str(s.attrs['at'] % n) for n in v.shape)}] = {number};"
        if form == "mask":
            return f"{x}[{x} > {number}] = {number};"
        if form == "shift":
            return f"{x}[{before}1:] = {x}[{before}:-1];"
        index = f"(arange(5) * {s.attrs['at']} + 1) % {size}"
        if form == "index":
            return f"{x}[{before}{index}] = {number};"
        shape = v.shape[:axis] + (5,) + v.shape[axis + 1:]
        return f"{x} = index_add({x}, {axis}, {index}, full({listed(shape)}, {'0.5' if v.is_float() else '1'}, dtype: {v.dtype}));"

    @staticmethod
    def infer_update(s, values, _):
        """x = x OP y, in x's own dtype; its numbers stay bounded."""
        x, y = values[s.ins[0]], values[s.ins[1]]
        need(x.is_float() and y.is_float() and joined([x.shape, y.shape]) == x.shape)
        fn = {"fn"} if "tanh" in s.attrs["form"] else frozenset()
        return [Value(x.shape, x.dtype, all_taints([x, y]) | fn, max(4, x.largest))]

    @staticmethod
    def write_update(s, names, values, _):
        x, y = names[s.ins[0]], names[s.ins[1]]
        return f"{x} = {values[s.ins[0]].dtype}({s.attrs['form'].format(x, y)});"


UPDATES = ("clamp({} * 0.5 + {}, -8.0, 8.0)", "tanh({} - {})", "clamp(maximum({}, {}), -8.0, 8.0)", "clamp({} + {} * 0.125, -9.0, 9.0)", "clamp({} - {} * {}, -8.0, 8.0)".replace("{} * {}", "{} * 0.5"))


def window(s, x):
    """The text of a slice along an axis."""
    axis = axis_of(s, x)
    start, stop, step, _ = middle(x.shape[axis], s.attrs["part"])
    return ":, " * axis + f"{start}:{stop}" + (f":{step}" if step != 1 else "")


# ---- blocks: their bodies are statements; what is declared in one is gone behind it ----


def infer_all(statements, values, sizes):
    """Adds what each statement gives to `values`."""
    for s in statements:
        if any(name not in values for name in s.ins):
            raise Invalid
        if s.body is None:
            for name, value in zip(s.out, getattr(Kinds, "infer_" + s.kind)(s, values, sizes)):
                values[name] = value
        else:
            infer_block(s, values, sizes)


def changed_by(statements, outside):
    """Names of outside that are written in there."""
    names = []
    for s in statements:
        if s.body is not None:
            names += changed_by(s.body, outside)
        names += [name for name in s.out if name in outside]
    return names


def infer_block(s, values, sizes):
    inner = dict(values)
    outside = set(values)
    infer_all(s.body, inner, sizes)
    if s.kind == "loop" or s.kind == "if":
        for name in changed_by(s.body, outside):
            before, after = values[name], inner[name]
            need(before.shape == after.shape and before.dtype == after.dtype)
            taints = before.taints | after.taints
            values[name] = Value(after.shape, after.dtype, taints, max(before.largest, after.largest), before.whole and after.whole)
        if s.kind == "loop": # what a round takes over from the one before
            again = dict(values)
            infer_all(s.body, again, sizes)
            for name in changed_by(s.body, outside):
                values[name] = Value(again[name].shape, again[name].dtype, again[name].taints | values[name].taints, values[name].largest + 1)
        if s.kind == "if":
            need(not values[s.ins[0]].taints and values[s.ins[0]].shape == () and values[s.ins[0]].dtype != "bool8")
        return
    if s.kind == "remat":
        result = inner[s.attrs["result"]]
        for name in changed_by(s.body, outside):
            values[name] = inner[name]
        values[s.out[0]] = Value(result.shape, result.dtype, result.taints, result.largest, result.whole)
        return
    # grad: the value, then a gradient for each argument
    result = inner[s.attrs["result"]]
    need(result.dtype != "bool8" and all(values[name].is_float() for name in s.ins))
    used = all_taints([inner[name] for name in inner if name not in outside] + [values[name] for name in s.ins] + [result])
    used = used | ({"fn"} if "tanh" in s.attrs["loss"] else frozenset())
    used = used | ({"sum"} if has_matmul(s.body) else frozenset()) # what comes in from behind is not whole
    taints = used | ({"wild"} if used and (has_kinks(s.body) or "max" in s.attrs["loss"]) else frozenset())
    for name in changed_by(s.body, outside):
        values[name] = inner[name]
    dtype = promoted([result.dtype if result.is_float() else "f32", "f32"] + [values[name].dtype for name in s.ins])
    values[s.out[0]] = Value((), dtype, taints, 20)
    for name, out in zip(s.ins, s.out[1:]):
        values[out] = Value(values[name].shape, values[name].dtype, taints, 12)


def has_matmul(statements):
    return any(s.kind == "matmul" or s.body is not None and has_matmul(s.body) for s in statements)


def has_kinks(statements):
    return any(s.body is not None and has_kinks(s.body) or s.kind in ("where", "reduce", "write") or "form" in s.attrs and
               any(word in str(s.attrs["form"]) for word in ("abs", "relu", "max", "min", "clamp", "where", "sort", "topk", "hard", "elu")) for s in statements)


# ---- writing ----


def write_all(statements, values, sizes, lines, indent, sync):
    """The text; `sync(name)` says whether the value just made is waited for."""
    pad = "    " * indent
    names = {name: name for name in values}
    for s in statements:
        if s.body is not None:
            write_block(s, values, sizes, lines, indent, sync)
        else:
            before = dict(values)
            infer_all([s], values, sizes)
            names = {name: name for name in values}
            if s.kind in ("write", "update"):
                lines.append(pad + getattr(Kinds, "write_" + s.kind)(s, names, before, sizes))
            else:
                lines.append(f"{pad}tensor {s.out[0]} = {getattr(Kinds, 'write_' + s.kind)(s, names, values, sizes)};")
        for name in s.out:
            if s.attrs.get("ready") or sync(name):
                lines.append(f"{pad}sync({name});")


def write_block(s, values, sizes, lines, indent, sync):
    pad, inner = "    " * indent, dict(values)
    if s.kind == "loop":
        lines.append(f"{pad}for (int i{indent} = 0; i{indent} < {s.attrs['rounds']}; i{indent}++) {{")
    elif s.kind == "if":
        lines.append(f"{pad}if ({s.ins[0]} {s.attrs['test']}) {{")
    elif s.kind == "remat":
        lines.append(f"{pad}tensor {s.out[0]} = remat {{")
    else:
        lines.append(f"{pad}auto ({', '.join(s.out)}) = grad ({', '.join(s.ins)}) {{")
    write_all(s.body, inner, sizes, lines, indent + 1, sync)
    if s.kind == "remat":
        lines.append(f"{pad}    {s.attrs['result']}")
    elif s.kind == "grad":
        result = s.attrs["result"]
        loss = s.attrs["loss"].format(result if RANK[inner[result].dtype] >= 4 else f"f32({result})")
        loss += "".join(f" + sum({name} * {name}) * 0.125" for name in s.ins)
        lines.append(f"{pad}    {loss}")
    lines.append(f"{pad}}};" if s.kind in ("remat", "grad") else f"{pad}}}")
    infer_block(s, values, sizes)


class Program:
    def __init__(self, seed, sizes, statements):
        self.seed, self.sizes, self.statements = seed, sizes, statements

    def text(self, syncs=0):
        """The program; `syncs`: a number from which the places of additional sync(...) follow, 0: none."""
        values, lines, body = {}, [], []
        random = Random(self.seed * 1000003 + syncs)
        write_all(self.statements, values, dict(self.sizes), body, 0, lambda _: syncs != 0 and random.chance(35))
        used = [name for name in TABLES if any(f"T_{name}[" in line for line in body)]
        for name in used:
            lines.append(f"const auto T_{name} = f32([{TABLES[name]}]);")
        return "\n".join(lines + body) + "\n"

    def values(self):
        values = {}
        infer_all(self.statements, values, dict(self.sizes))
        return values


class Maker:
    """Makes one program."""

    def __init__(self, seed):
        self.random = Random(seed)
        self.seed, self.names, self.sizes = seed, 0, {}
        self.many = self.random.chance(7) # a few programs are large enough for two threads
        self.special = self.random.chance(25)
        self.main_dtype = self.random.pick(FLOATS)
        for name in ("N", "M", "K"):
            self.sizes[name] = self.size()

    def size(self):
        r = self.random
        if r.chance(25):
            return r.pick(SMALL)
        return max(1, r.pick(BORDERS) + r.pick((-1, 0, 0, 1, 1, 2)))

    def name(self, letter="x"):
        self.names += 1
        return f"{letter}{self.names}"

    def dims(self):
        r = self.random
        limit = MANY_ELEMENTS if self.many else MOST_ELEMENTS
        while True:
            n = r.pick((0, 1, 1, 2, 2, 2, 2, 3, 3, 4))
            dims = [r.pick(("N", "M", "K", "N", "M", 1, 2, 3, 5)) for _ in range(n)]
            if count(self.sizes.get(d, d) for d in dims) <= limit:
                return dims

    def dtype(self):
        r = self.random
        return self.main_dtype if r.chance(75) else r.pick(FLOATS) if r.chance(60) else r.pick(INTS + ("bool8",))

    def leaf(self):
        r = self.random
        dtype = self.dtype()
        ready = r.chance(60)
        if r.chance(22):
            return Statement("uniform", [self.name()], dims=self.dims(), dtype=dtype, number=r.pick(("0.75", "-1.5", "2.0", "0.1", "0.0", "3.0")),
                             form=r.pick(("expand", "expand", "one", "number", "full")), ready=ready)
        table = r.pick(("special", "special", "plain", "equal")) if self.special else r.pick(("plain", "plain", "whole", "whole", "equal", "unit"))
        table = "whole" if RANK[dtype] < 4 and table == "special" and r.chance(50) else table
        return Statement("leaf", [self.name()], dims=self.dims(), dtype=dtype, table=table, stride=r.pick((1, 3, 5, 7)), start=r.below(11), ready=ready,
                         turned=r.chance(15))

    def statement(self, scope, values, depth):
        """One at random; the caller tries whether it can be."""
        r = self.random
        a, b = r.pick(scope), r.pick(scope[-6:] if r.chance(60) else scope)
        if r.chance(30):
            a = scope[-1]
        common = {"axis": r.below(4), "other": r.below(4), "at": r.below(9), "part": r.pick(SLICES)}
        kind = r.pick(("unary",) * 5 + ("costly",) * 4 + ("binary",) * 8 + ("where", "cast", "cast", "reshape", "permute", "permute", "slice", "slice", "pick", "move", "move",
                       "move", "expand", "gather", "reduce", "reduce", "reduce", "reduce", "matmul", "matmul", "conv", "write", "write", "update", "leaf", "leaf") +
                      ("loop", "if", "grad", "grad", "remat") * (depth < 2) + ("huge",) * (depth == 0)) # in grad its gradient would be as large
        if kind in ("unary", "costly"):
            return Statement("unary", [self.name()], [a], form=r.pick(CHEAP if kind == "unary" else COSTLY))
        if kind == "binary":
            form = r.pick(BINARY if values[a].is_float() or values[b].is_float() else BOOLEAN if values[a].dtype == "bool8" else INTEGER)
            return Statement("binary", [self.name()], [a, b], form=form)
        if kind == "where":
            return Statement("where", [self.name()], [r.pick(scope), a, b])
        if kind == "cast":
            return Statement("cast", [self.name()], [a], dtype=r.pick(FLOATS + INTS + ("bool8",)))
        if kind == "reshape":
            return Statement("reshape", [self.name()], [a], to=r.pick(("flat", "one", "front", "merge", "split")), **common)
        if kind == "move":
            form = r.pick(("flip", "roll", "cat", "stack", "pad", "repeat", "softmax", "log_softmax", "layer_norm", "cumsum", "cumprod", "sort", "argsort", "topk", "tril", "triu"))
            return Statement("move", [self.name()], [a], form=form, **common)
        if kind == "expand":
            return Statement("expand", [self.name()], [a], size=r.pick(("N", "M", "K")))
        if kind == "gather":
            return Statement("gather", [self.name()], [a], form=r.pick(("index", "select", "take_along")), many=r.pick((1, 3, 17, 40)), stride=r.pick((1, 3, 7)),
                             start=r.below(5), **common)
        if kind == "reduce":
            axes = "all" if r.chance(25) else [r.below(4)] if r.chance(75) else [r.below(4), r.below(4)]
            return Statement("reduce", [self.name()], [a], form=r.pick(REDUCE), axes=axes, keepdim=r.chance(50))
        if kind == "matmul":
            return Statement("matmul", [self.name()], [a, b], turned=r.chance(50))
        if kind == "conv":
            dims = (r.pick((1, 2, 3)), r.pick((1, 2, 3, 8)), r.pick((1, 4, 8, 16, 17)), r.pick((5, 7, 8, 9)), r.pick((6, 7, 16, 17)), r.pick((1, 2, 3)))
            return Statement("conv", [self.name()], dims=dims, padding=r.pick((0, 1)), stride=r.pick((1, 1, 2)), pool=r.pick(("", "", "max", "avg")), dtype=r.pick(("f32", "f32", "f64", "bf16")))
        if kind == "write":
            ins = [a] + ([r.pick(scope)] if r.chance(40) else [])
            return Statement("write", [a], ins, form=r.pick(("slice", "slice", "add", "element", "mask", "shift", "index", "scatter_add")), **common)
        if kind == "update":
            return Statement("update", [a], [a, b], form=r.pick(UPDATES))
        if kind == "leaf":
            return self.leaf()
        if kind in ("loop", "if", "grad", "remat"):
            return self.block(kind, a, scope, values, depth)
        return Statement(kind, [self.name()], [a], **common)

    def whole_operand(self, scope, values, out):
        """Most operands of contractions are made whole first."""
        for s in out:
            if s.kind == "matmul" and self.random.chance(75):
                for k, name in enumerate(s.ins):
                    if not values[name].whole and values[name].is_float():
                        small = Statement("small", [self.name()], [name])
                        infer_all([small], values, self.sizes)
                        scope.append(small.out[0])
                        s.ins[k] = small.out[0]
                        yield small

    def block(self, kind, a, scope, values, depth):
        r = self.random
        inner, names = dict(values), list(scope)
        body = []
        arguments = []
        if kind == "grad":
            floats = [name for name in scope if values[name].is_float() and values[name].largest < 8 and count(values[name].shape) <= 70000]
            need(floats)
            arguments = [r.pick(floats)]
            other = r.pick(floats)
            arguments += [other] if other != arguments[0] and r.chance(50) else []
            names += arguments * 4
        self.fill(body, names, inner, 1 + r.below(7), depth + 1)
        made = [name for name in names if name not in values]
        if kind in ("loop", "if"):
            targets = [name for name in scope if values[name].is_float()]
            need(targets and made)
            target, source = r.pick(targets), r.pick(made)
            body.append(Statement("update", [target], [target, source], form=r.pick(UPDATES)))
            return Statement(kind, [], [a] if kind == "if" else [], body, rounds=r.pick((1, 2, 3, 5)), test=r.pick(("> 0.5", "< 0.25", "== 1.0", "> -100.0")))
        need(made)
        result = r.pick([name for name in made[-3:]])
        if kind == "remat":
            return Statement(kind, [self.name()], [], body, result=result)
        return Statement(kind, [self.name("l")] + [self.name("g") for _ in arguments], arguments, body, result=result,
                         loss=r.pick(("sum({0})", "mean({0})", "sum({0} * {0}) * 0.25", "max({0})", "sum(tanh({0}))")))

    def fill(self, statements, scope, values, many, depth):
        """Adds statements until there are `many`; values that are too small or too large to be interesting are drawn again."""
        for _ in range(many * 12):
            if len(statements) >= many:
                return
            names = self.names
            try:
                made = self.statement(scope, values, depth)
                trial = dict(values)
                trial_scope = list(scope)
                first = list(self.whole_operand(trial_scope, trial, [made]))
                infer_all([made], trial, self.sizes)
                limit = MANY_ELEMENTS if self.many else MOST_ELEMENTS * 2
                need(all(count(trial[name].shape) <= limit for name in made.out if name in trial))
            except Invalid:
                self.names = max(names, self.names)
                continue
            values.clear()
            values.update(trial)
            scope[:] = trial_scope
            scope += [name for name in made.out if name not in scope]
            statements += first + [made]

    def program(self):
        r = self.random
        statements, values, scope = [], {}, []
        for _ in range(2 + r.below(4)):
            leaf = self.leaf()
            try:
                infer_all([leaf], values, self.sizes)
            except Invalid:
                continue
            statements.append(leaf)
            scope += leaf.out
        if not scope:
            leaf = Statement("leaf", ["x0"], dims=["N"], dtype="f32", table="plain", stride=1, start=0, ready=True, turned=False)
            infer_all([leaf], values, self.sizes)
            statements, scope = [leaf], ["x0"]
        self.fill(statements, scope, values, len(statements) + r.pick((4, 8, 12, 20, 30, 45)), 0)
        return Program(self.seed, self.sizes, statements)


def make(seed):
    return Maker(seed).program()


if __name__ == "__main__":
    import sys
    print(make(int(sys.argv[1])).text(int(sys.argv[2]) if len(sys.argv) > 2 else 0), end="")
