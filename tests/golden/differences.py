# SPDX-License-Identifier: Apache-2.0
"""Where Tenon is known to differ from PyTorch: on purpose, with the reason; or not yet mended, a list that only shrinks."""
import dataclasses
import fnmatch


@dataclasses.dataclass
class Difference:
    """cases: patterns of names. keys: patterns of results (y, d:x, dd:x, error). An entry must find something in the cases that it speaks of."""
    cases: str
    keys: str
    why: str

    def holds(self, case, key):
        return any(fnmatch.fnmatch(case.name, p) for p in self.cases.split()) and any(fnmatch.fnmatch(key, p) for p in self.keys.split())


ON_PURPOSE = [
    Difference("any_*/u8 all_*/u8", "y", "any and all give bool8; PyTorch gives u8 for u8, for the sake of old programs"),
    Difference("scatter/*", "d:s", "of elements written to one place the last stays, and the gradient is its own; PyTorch hands it to all of them"),
    Difference("sign/bool8", "error", "a truth value has no sign"),
    Difference("sign/*", "y", "the sign of NaN is NaN, as NumPy has it: PyTorch's 0 hides it"),
    Difference("abs/*", "d:x", "so the gradient of abs at NaN is NaN too"),
    Difference("clamp/* clamp_min/* clamp_max/* clamp_crossed/*", "d:x", "NaN is not beyond a bound and hands its gradient on, as relu's does"),
    Difference("clamp_tensors/*", "d:*", "bounds that are tensors share the gradient of equal operands as maximum and minimum do; NaN hands it on"),
    Difference("mod_3/* mod_minus_3/* mod/*", "y", "a remainder of 0 has the divisor's sign, as Python's"),
    Difference("relu/*", "y", "relu(-0) is 0"),
    Difference("max_special*/* min_special*/*", "d:x", "where the largest is NaN none of the elements is it; PyTorch divides by their number, 0"),
    Difference("pow_half/* pow_minus_half/*", "y dd:x", "the power of -0 and -inf is that of C and IEEE 754; PyTorch takes the root"),
    Difference("gelu/f64 gelu_tanh/f64 mish/* erf/f64 log_of_exp/f64 self_quotient/f64 div/*", "d:x dd:x dd:b", "PyTorch's formula is 0 * inf or inf - inf at the far end of the dtype, or Tenon's is"),
    Difference("silu/* mish/*", "d:x", "the gradient times x overflows at the largest number of the dtype"),
    Difference("prod_special*/* prod_129_all/f16 cumprod_special*/*", "d:x dd:x", "infinite and NaN elements: which of several 0 * inf a formula meets"),
    Difference("var_*special*/* var_*big*/*", "d:x", "infinite elements: all of the row is NaN, since the mean is infinite"),
    Difference("logsumexp_big*/f32", "d:x dd:x", "softmax is 1/2 for two equal numbers near the largest; PyTorch's exp(x - result) gives 1"),
    Difference("elu/* elu_alpha/*", "dd:x", "at 0 the second derivative is that of the exponential piece; PyTorch's is 0"),
    Difference("hardswish/*", "dd:x", "NaN is beyond no bound"),
    Difference("zero_to/* pow/* atan2/* norm_*special*/*", "dd:*", "at a pole or the origin, where there is none, 0 is taken; PyTorch gives NaN"),
    Difference("log_sigmoid/*", "y", "0 has the other sign where it is -softplus(-x)"),
    Difference("softplus/f64", "y dd:x", "PyTorch's softplus is x itself from 20 on"),
    Difference("bce_with_logits_special_none/*", "y", "of an infinite score with the wrong class the loss is infinite; PyTorch gives NaN"),
    Difference("binary_cross_entropy_*/f64", "d:q dd:q", "PyTorch adds 1e-12 where Tenon bounds the divisor by it"),
    Difference("kl_div_special/*", "y", "a class of probability 0 adds 0, also where the logarithm is -inf"),
]
FAILING = [
    Difference("atan2/*", "d:* dd:*", "huge operands: the square overflows; f16 loses digits in between"),
    Difference("pow/*", "dd:*", "infinite bases, and a negative base to the power 0"),
    Difference("std_*/* norm_*/*", "*", "moments of numbers near the ends of the dtype"),
    Difference("elu_alpha/f64", "y", "expm1 of the smallest subnormal is 0"),
    Difference("binary_cross_entropy_special/* binary_cross_entropy_of_sigmoid/f32", "y dd:q", "probabilities beside 0 and 1"),
]


class Ledger:
    """What the lists excuse, and which of their entries never did."""

    def __init__(self):
        self.used = set()

    def unknown(self, case, verdicts):
        """The verdicts that no entry speaks of."""
        found = []
        for verdict in verdicts:
            entries = [k for k, d in enumerate(ON_PURPOSE + FAILING) if d.holds(case, verdict.key)]
            self.used.update(entries)
            found += [] if entries else [verdict]
        return found

    def idle(self):
        return [d for k, d in enumerate(ON_PURPOSE + FAILING) if k not in self.used]
