#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lets the n-th allocation of a worker fail, n = 0, 1, 2 …: each request is answered all the same, or the worker ends with words, never in a
crash and never in silence. Usage: worker_alloc_test.py TENON STRIDE"""
import concurrent.futures
import sys

STRIDE = int(sys.argv.pop(2))

from support import *  # noqa: E402 (reads the arguments)

CELLS = ('print("a"); auto x = rand(4, 4); x', "nope", '!echo b', 'print(string(x @ x)); display(x);')
MOST = 200_000


def run(w):
    """How far it comes: the number of answers."""
    answers = 0
    for code in CELLS:
        w.execute(code, user_expressions={"e": "1 + 1"}, timeout=120 * SLOW)
        answers += 1
    for kind, fields in (("complete", {"code": "pri", "cursor": 3}), ("inspect", {"code": "print", "cursor": 2, "detail": 1}),
                         ("variables", {}), ("usage", {}), ("is_complete", {"code": "{"})):
        w.request(kind, **fields)
        w.collect(w.next_id, 120 * SLOW)
        answers += 1
    return answers


def fail(n):
    with Session(greet=False, env={"TENON_ALLOC_FAIL": str(n)}) as w:
        try:
            w.greet()
            answers = run(w)
        except (Closed, BrokenPipeError):
            answers = -1
        except TimeoutError:
            answers = -2
        status, words = ended(w)
        if answers == -2 or status not in (0, 1) or (answers < 0 and words == "") or "Sanitizer" in words:
            return f"allocation {n}: {answers} answers, status {status}, last words {words[-600:]!r}"
        return None


def count_calls():
    with Session(env={"TENON_LOG": "debug", "TENON_ALLOC_FAIL": str(1 << 40)}) as w:
        run(w)
        words = ended(w)[1]
        return int(words.split(" allocations")[0].split()[-1])


@case
def every_failing_allocation_is_answered_or_ends_in_words():
    calls = min(count_calls(), MOST)
    chosen = [n for n in range(calls) if n < 60 or n % STRIDE == 0]
    print(f"# {len(chosen)} of {calls} allocations")
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        wrong = [text for text in pool.map(fail, chosen) if text]
    assert not wrong, f"{len(wrong)} of {len(chosen)} ended badly:\n" + "\n".join(wrong[:5])


run_cases()
