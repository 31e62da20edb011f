#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""script/count_tests.py counts every way in which a test can end: a failure that is not counted would pass."""

import contextlib
import io
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "script"))
import count_tests  # noqa: E402

# (name, meson's result, what the program printed, [passed, failed, skipped], what is shown)
CASES = [
    ("each subtest counts", "OK", "1..3\nok 1 - a\nok 2 - b # SKIP no GPU\nok 3 - c\n", [2, 0, 1], ""),
    ("failed subtests count", "FAIL", "1..2\nnot ok 1 - a\n# x is 1\nok 2 - b\n", [1, 1, 0], "t: not ok 1 - a\n    # x is 1\n"),
    ("what a failing program says to stderr is shown", "FAIL", "1..1\nnot ok 1 - a\n", [0, 1, 0], "t: not ok 1 - a\n    stderr: why\n"),
    ("a crash after good subtests fails", "ERROR", "1..2\nok 1 - a\n", [1, 1, 0], "t: ERROR, status 9"),
    ("a timeout fails", "TIMEOUT", "", [0, 1, 0], "t: TIMEOUT, status 9"),
    ("a program without subtests passes as one", "OK", "", [1, 0, 0], ""),
    ("a program without subtests fails as one", "FAIL", "Traceback\n", [0, 1, 0], "t: FAIL, status 9\n    Traceback\n"),
    ("a program without subtests is skipped as one", "SKIP", "", [0, 0, 1], ""),
    ("a TAP program that runs nothing is no pass", "SKIP", "1..0 # SKIP nothing\n", [0, 0, 0], ""),
    ("an expected failure is no failure", "EXPECTEDFAIL", "", [1, 0, 0], ""),
    ("an unexpected pass fails", "UNEXPECTEDPASS", "", [0, 1, 0], "UNEXPECTEDPASS"),
]


def main():
    failed = 0
    print(f"1..{len(CASES)}")
    for number, (name, result, output, wanted, shown) in enumerate(CASES, 1):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            found = count_tests.count_test({"name": "t", "result": result, "stdout": output, "stderr": "why\n" if "stderr" in name else "", "returncode": 9})
        ok = [int(n) for n in found] == wanted and (shown in said.getvalue() if shown else said.getvalue() == "")
        failed += not ok
        print(f"{'ok' if ok else 'not ok'} {number} - {name}")
        if not ok:
            print(f"# wanted {wanted} and {shown!r}, found {found} and {said.getvalue()!r}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
