#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the cases in meson's test log, each subtest of a TAP program as one. Prints what failed, with its comments, and as the
last line `passed failed skipped`. Usage: count_tests.py TESTLOG.json STATUS (that of `meson test`)"""

import json
import re
import sys

TAP_LINE = re.compile(r"^(ok|not ok)\b\s*\d*\s*-?\s*(.*)$")
SHOWN_LINES = 40
SHOWN_OF_STDERR = 20


def count_tap(name, text):
    """[passed, failed, skipped] of one program's output, or None where it is no TAP. Prints the failures."""
    counts, failing, shown = [0, 0, 0], False, 0
    if not re.search(r"^1\.\.\d+", text, re.MULTILINE):
        return None
    for line in text.splitlines():
        found = TAP_LINE.match(line)
        if found:
            failing = found.group(1) == "not ok"
            skipped = re.search(r"#\s*skip", found.group(2), re.IGNORECASE)
            counts[2 if skipped else 1 if failing else 0] += 1
            shown = 0
        if failing and shown < SHOWN_LINES:
            print(f"{name}: {line}" if found else f"    {line}")
            shown += 1
    return counts


def count_test(test):
    """[passed, failed, skipped] of one line of the log."""
    output, result = test.get("stdout") or "", test["result"]
    counts = count_tap(test["name"], output)
    if counts is not None and counts[1] > 0:
        for line in (test.get("stderr") or "").splitlines()[-SHOWN_OF_STDERR:]:
            print(f"    stderr: {line}")
    if counts is None:
        counts = [result in ("OK", "EXPECTEDFAIL"), 0, result in ("SKIP", "IGNORED")]
    if counts[1] == 0 and result in ("FAIL", "ERROR", "TIMEOUT", "UNEXPECTEDPASS", "INTERRUPT"):
        counts[1] = 1
        print(f"{test['name']}: {result}, status {test.get('returncode')}")
        for line in (output + (test.get("stderr") or "")).splitlines()[-SHOWN_LINES:]:
            print(f"    {line}")
    return counts


def main():
    total = [0, 0, 0]
    with open(sys.argv[1], encoding="utf-8") as f:
        for line in f:
            total = [a + int(b) for a, b in zip(total, count_test(json.loads(line)))]
    if int(sys.argv[2]) != 0 and total[1] == 0:
        print(f"meson test ended with status {sys.argv[2]}")
        total[1] = 1
    print(*total)


if __name__ == "__main__":
    main()
