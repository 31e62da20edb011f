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
]
FAILING = [
    Difference("abs/* relu/* clamp/* clamp_min/* clamp_max/* clamp_crossed/*", "d:x", "the gradient at NaN; that of clamp at its bounds"),
    Difference("sign/*", "y", "the sign of NaN is 0"),
    Difference("clamp_tensors/*", "d:*", "three equal operands"),
    Difference("hardswish/* mish/* silu/* gelu/* gelu_tanh/* elu*/* softplus/* log_sigmoid/*", "*", "kinks, huge arguments, and f16 and bf16, which lose digits in between"),
    Difference("lerp_*/* broadcast_lerp_*/*", "y", "the formula for weights over 0.5; f16 and bf16 lose digits in between"),
    Difference("atan2/*", "d:* dd:*", "huge and zero operands"),
    Difference("pow/* pow_half/* pow_minus_half/* zero_to/* erf/* log_of_exp/* div/* self_quotient/* mod/*", "*", "zeros and infinities"),
    Difference("floor_div/* floor_div_2/*", "y", "infinite operands"),
    Difference("prod_*/* cumprod_special*/* max_special*/* min_special*/*", "d:* dd:*", "zeros, infinities and NaN"),
    Difference("var_*special*/* var_*big*/* std_*/* norm_*/*", "*", "one value, zeros, infinities; overflow of the square"),
    Difference("logsumexp_big*/*", "d:x dd:x", "overflow of the sum"),
    Difference("tril/bool8", "y", "bool8 is not cut"),
    Difference("bce_with_logits_special*/* binary_cross_entropy_*/* huber_loss*_special/* kl_div_special/* cosine_loss_special/*", "*", "kinks, saturation, infinities"),
    Difference("cross_entropy_u8/*", "error", "u8 labels"),
    Difference("sgd_*/* adam*/*", "*", "the state of a weight that had no gradient"),
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
