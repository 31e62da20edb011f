#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tests/lang/habits/first_mistakes.txt: first mistakes of people who come from Python, PyTorch, NumPy or C, as data. Each entry must be
answered by a message or hint that holds the words which it names; the file says how it is written. One TAP line for each.

usage: habits_test.py TENON FILE [--show] [PART_OF_SOURCE…]    (--show prints every answer, to be read)
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TIMEOUT_S = 300


def read_entries(path):
    """(setup, [(line, source, [words])])"""
    setup, lines, entries, begin, in_setup = [], [], [], 0, False
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if line == "setup":
            in_setup = True
        elif line.startswith("> ") and in_setup:
            setup.append(line[2:])
        elif line.startswith("> "):
            begin = begin if lines else number
            lines.append(line[2:])
        elif line.startswith("= "):
            entries.append((begin, "\n".join(lines), [word.strip() for word in line[2:].split(" | ")]))
            lines = []
        else:
            in_setup = False
            if lines or (line and line[0] != "#"):
                sys.exit(f"{path}, line {number}: what is this? {line}")
    return "\n".join(setup), entries


def answer_to(tenon, setup, source):
    cells = [{"cell_type": "code", "source": text, "metadata": {}, "outputs": [], "execution_count": None} for text in (setup, source)]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "habit.ipynb")
        path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
        run = subprocess.run([tenon, "run", path], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S,
                             env=dict(os.environ, NO_COLOR="1", OMP_WAIT_POLICY="passive"))
    return run.stderr, run.returncode


def said(answer):
    """The messages and hints, without the source lines that are shown between them."""
    return [line for line in answer.split("\n") if re.match(r"(error|warning): | *= ", line)]


def judge(words, answer, status):
    """A sentence about what is wrong, or None."""
    if status not in (0, 1):
        return f"exit status {status}"
    if words == ["ok"]:
        return None if not said(answer) or "input: " in answer else "ought to run without a word"
    text = "\n".join(said(answer)).lower()
    missing = [word for word in words if word.lower() not in text]
    return f"the answer lacks {', '.join(missing)}" if missing else None


def main():
    show = "--show" in sys.argv
    args = [one for one in sys.argv[1:] if one != "--show"]
    if len(args) < 2:
        sys.exit(__doc__)
    tenon, (setup, entries) = os.path.abspath(args[0]), read_entries(pathlib.Path(args[1]))
    entries = [one for one in entries if len(args) == 2 or any(part in one[1] for part in args[2:])]
    if "built without the Jupyter kernel" in answer_to(tenon, "", "")[0]:
        print("1..0 # SKIP entries run as a notebook, which this build does not read")
        return 0
    print(f"1..{len(entries)}")
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        answers = pool.map(lambda one: answer_to(tenon, setup, one[1]), entries)
        for number, ((line, source, words), (answer, status)) in enumerate(zip(entries, answers), 1):
            wrong = judge(words, answer, status)
            failed += wrong is not None
            first = source.split("\n")[0].replace("#", "＃")
            print(f"{'ok' if wrong is None else 'not ok'} {number} - line {line}: {first}")
            if wrong is not None or show:
                shown = [f"wanted: {' | '.join(words)}; {wrong or 'right'}", *source.split("\n"), *said(answer)]
                print("\n".join(f"# {one}" for one in shown))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
