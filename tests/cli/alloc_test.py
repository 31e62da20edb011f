#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lets the n-th allocation of a whole program fail, n = 0, 1, 2 …: it must end with status 0 or with 1 and words, never in a
crash. Usage: alloc_test.py TENON STRIDE [PART_OF_NAME…]

The first and the last allocations are all tried, every STRIDE-th of those between."""
import concurrent.futures
import re
import subprocess
import sys

STRIDE = int(sys.argv.pop(2))

from cli import PATIENCE_S, TENON, case, environment, run_cases  # noqa: E402 (reads the arguments)

ENDS = 60
PROGRAM = """
struct Net { Linear l1, l2; };
tensor call(Net &n, tensor x) { return n.l2(relu(n.l1(x))); }
auto net = Net{ .l1 = linear(4, 8), .l2 = linear(8, 3) };
auto opt = adamw(lr: 1e-2);
auto x = rand(16, 4);
auto y = randint(0, 3, [16]);
for (int i = 0; i < 2; i++) {
    auto (loss, g) = grad (net) { cross_entropy(net(x), y) };
    opt.step(&net, g);
}
map m = { "a": 1, "b": [1, 2] };
string[] words = split("a b c", " ");
try { error("wanted"); } catch (e) { print(e.message, f"{len(words):>4}", m); }
print(x[0:2] > 2);
"""


def run(**env):
    return subprocess.run([TENON, "run", "-e", PROGRAM], capture_output=True, text=True, timeout=PATIENCE_S, errors="replace",
                          env=environment(**env))


def count_calls():
    result = run(TENON_LOG="debug", TENON_ALLOC_FAIL=str(1 << 40)) # counts only when one is to fail
    assert result.returncode == 0, f"the program fails without failing allocations: {result.stderr[-2000:]}"
    return int(re.search(r"(\d+) allocations", result.stderr).group(1))


def fail(n):
    result = run(TENON_ALLOC_FAIL=str(n))
    if result.returncode == 0 or (result.returncode == 1 and "error: " in result.stderr and "Sanitizer" not in result.stderr):
        return None
    return f"allocation {n}: status {result.returncode}, stdout {result.stdout[-200:]!r}, stderr {result.stderr[-600:]!r}"


@case
def every_failing_allocation_ends_in_words():
    calls = count_calls()
    chosen = [n for n in range(calls) if n < ENDS or n >= calls - ENDS or n % STRIDE == 0]
    print(f"# {len(chosen)} of {calls} allocations")
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        wrong = [text for text in pool.map(fail, chosen) if text]
    assert not wrong, f"{len(wrong)} of {len(chosen)} ended badly:\n" + "\n".join(wrong[:5])


run_cases()
