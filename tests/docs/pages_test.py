#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the pages for people show is true: each block of Tenon on a page is a whole program that runs, and prints what stands behind its
lines, `print(x);      // 3`. One test for each block. The program of README.md, which trains for a while, is checked without a run.

usage: pages_test.py TENON PAGE…
"""
import pathlib
import re
import subprocess
import sys
import tempfile

PRINTS = re.compile(r"^\s*print\(.*\);\s*// (.*)$")


def blocks(page):
    """[(number of the line above it, text)]"""
    found, begin = [], None
    for number, line in enumerate(page.read_text(encoding="utf-8").split("\n"), 1):
        if begin is None and line == "```c":
            begin, lines = number, []
        elif begin is not None and line == "```":
            found.append((begin, "\n".join(lines) + "\n"))
            begin = None
        elif begin is not None:
            lines.append(line)
    return found


def run(tenon, command, text):
    """What is wrong, or None."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "block.tn").write_text(text, encoding="utf-8")
        done = subprocess.run([tenon, command, "block.tn"], cwd=folder, capture_output=True, text=True, timeout=900)
    if done.returncode != 0:
        return f"exit status {done.returncode}\n{done.stderr}"
    if command == "check":
        return done.stderr or None
    lines = iter(done.stdout.split("\n"))
    for wanted in (match.group(1) for match in map(PRINTS.match, text.split("\n")) if match):
        if wanted not in lines:  # goes on where the one before was found
            return f"`{wanted}` is not printed, or too early, in\n{done.stdout}"
    return None


def main():
    tenon, pages = str(pathlib.Path(sys.argv[1]).resolve()), [pathlib.Path(page) for page in sys.argv[2:]]
    cases = [(page.name, number, text) for page in pages for number, text in blocks(page)]
    assert len(cases) >= len(pages), "pages without a block"
    failed = 0
    print(f"1..{len(cases)}")
    for i, (name, number, text) in enumerate(cases, 1):
        wrong = run(tenon, "check" if name == "README.md" else "run", text)
        failed += wrong is not None
        print(f"{'ok' if wrong is None else 'not ok'} {i} - {name}, line {number}", flush=True)
        for line in (wrong or "").splitlines():
            print("# " + line)
    return 1 if failed else 0


sys.exit(main())
