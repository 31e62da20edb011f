# SPDX-License-Identifier: Apache-2.0
"""All cases, in the order of the reference: each module of this folder gives its own as cases()."""
from . import elementwise, layers, losses, making, printing, reductions, shapes, training


def all_cases():
    found = []
    for module in (elementwise, reductions, shapes, making, printing, layers, losses, training):
        found += module.cases()
    names = [c.name for c in found]
    assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1][:5]
    return found
