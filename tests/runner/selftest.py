#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the program of sample.c and checks what the runner says of each of its tests. Usage: selftest.py PROGRAM"""

import re
import subprocess
import sys

# Each test's TAP line and what its comments must contain.
WANTED = [
    (r"ok \d+ - passes", []),
    (r"not ok \d+ - fails_with_both_values", ["printed before", "2 + 2 is 4, wanted 5", "exit status 1"]),
    (r"ok \d+ - skips # SKIP no such device", []),
    (r"not ok \d+ - aborts", ["ended by signal 6"]),
    (r"not ok \d+ - exits_early", ["exit status 3"]),
    (r"not ok \d+ - leaks_a_descriptor", ["was left open"]),
    (r"not ok \d+ - compares_strings_numbers_and_errors", ["&err holds ValueError: found"]),
    (r"not ok \d+ - minus_zero_is_not_zero", ["-0.0 is -0 (-0x0p+0), wanted 0 (0x0p+0)"]),
    (r"ok \d+ - every_allocation_fails_once", []),
]

SAID = [] # all that the program said: shown where the first check fails


def sections(output):
    """[(TAP line, its comments)], without the plan."""
    found = []
    for line in output.splitlines()[1:]:
        if line.startswith("#"):
            found[-1][1].append(line)
        else:
            found.append((line, []))
    return found


def check(program):
    run = subprocess.run([program], capture_output=True, text=True, timeout=300)
    SAID.append(f"exit status {run.returncode}\n{run.stderr}\n{run.stdout}")
    found = sections(run.stdout)
    yield "the exit status says that a test failed", run.returncode == 1
    yield "the plan counts the tests", run.stdout.startswith(f"1..{len(WANTED)}\n") and len(found) == len(WANTED)
    for (line, comments), (pattern, parts) in zip(found, WANTED):
        text = "\n".join(comments)
        yield pattern.split(" - ")[1].split(" ")[0], re.fullmatch(pattern, line) and all(part in text for part in parts)
    yield "what passes is quiet", "not shown" not in run.stdout
    yield "what follows a failed check does not run", "not reached" not in run.stdout
    listed = subprocess.run([program, "--list", "ski", "abo"], capture_output=True, text=True, timeout=300)
    yield "--list names what a filter chooses", listed.stdout == "skips\naborts\n"
    chosen = subprocess.run([program, "passes"], capture_output=True, text=True, timeout=300)
    yield "a filter runs what it chooses", chosen.stdout == "1..1\nok 1 - passes\n" and chosen.returncode == 0


def main():
    results = list(check(sys.argv[1]))
    print(f"1..{len(results)}")
    for number, (name, ok) in enumerate(results, 1):
        print(f"{'ok' if ok else 'not ok'} {number} - {name}")
        while not ok and SAID:
            print("".join(f"# {line}\n" for line in SAID.pop().splitlines()), end="")
    sys.exit(0 if all(ok for _, ok in results) else 1)


if __name__ == "__main__":
    main()
