#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the programs tests/lang/<area>/<behaviour>.tn by `tenon run` and compares with the comments in them; one TAP line a file.

    print(1 + 1);      // expect: 2                            the next line of stdout
    int x = "a";       // expect error: cannot                 an error at this line whose text begins so; nothing else runs
    xs[9];             // expect runtime error: index 9        the error that ends the run, at this line or called from it
    int q = 1 / 2;     // expect warning: int / int            a warning at this line

Where a comment stands alone in its line it speaks of the line of code before it. An error's text may have its name in front,
`TypeError: cannot`. A file whose name begins with _ is no test: others import it.

usage: run_golden.py TENON FOLDER [PART_OF_NAME…]
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

EXPECT = re.compile(r"//\s*expect(?:\s+(error|runtime error|warning))?:(?: (.*))?$")
NAME = re.compile(r"^(?:[A-Z][A-Za-z]*Error|Error|Interrupted): ")
PLACE = re.compile(r"(?:-->|= called from) (.+), line (\d+)")
TIMEOUT_S = 120


def read_wanted(path):
    """(lines of stdout, [(label, line, text, comment)])"""
    out, reports, code_line = [], [], 0
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="surrogateescape").split("\n"), 1):
        if line.strip() and not line.strip().startswith("//"):
            code_line = number
        found = EXPECT.search(line)
        if not found:
            continue
        text = (found.group(2) or "").rstrip()
        if found.group(1) is None:
            out.append(text)
        else:
            label = "warning" if found.group(1) == "warning" else "error"
            reports.append((label, code_line, NAME.sub("", text), f"expect {found.group(1)}: {text}"))
    return out, reports


def read_reports(stderr):
    """[(label, text, {lines of places in the test's own file}, whole block)] of what was reported on stderr."""
    blocks = re.split(r"^(?=(?:error|warning): )", stderr, flags=re.MULTILINE)
    for block in blocks:
        label, colon, text = block.partition(": ")
        if label in ("error", "warning") and colon:
            yield label, text.split("\n  ", 1)[0].rstrip(), set(PLACE.findall(block)), block


def compare(path, run):
    """Sentences about what differs."""
    wanted_out, wanted = read_wanted(path)
    found_out = run.stdout.split("\n")
    if found_out[-1] == "":
        found_out.pop()
    found_out = [line.rstrip() for line in found_out]
    for number in range(max(len(wanted_out), len(found_out))):
        left = wanted_out[number] if number < len(wanted_out) else None
        right = found_out[number] if number < len(found_out) else None
        if left != right:
            yield f"line {number + 1} of the output: wanted {left!r}, found {right!r}"
            break
    reports = list(read_reports(run.stderr))
    for label, line, text, comment in wanted:
        for report in reports:
            if report[0] == label and (path.name, str(line)) in report[2] and report[1].startswith(text):
                reports.remove(report)
                break
        else:
            yield f"line {line}: nothing reported fits `{comment}`"
    for report in reports:
        yield f"not expected: {report[3].rstrip()}"
    status = 1 if any(label == "error" for label, *_ in wanted) else 0
    if run.returncode != status:
        yield f"exit status {run.returncode}, wanted {status}"
        if not reports and run.stderr:
            yield run.stderr[-2000:]


def run_file(tenon, path):
    environment = dict(os.environ, NO_COLOR="1", OMP_WAIT_POLICY="passive")
    try:
        run = subprocess.run([tenon, "run", path.name], cwd=path.parent, env=environment, stdin=subprocess.DEVNULL, text=True,
                             capture_output=True, errors="surrogateescape", timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return [f"did not end within {TIMEOUT_S} s"]
    return list(compare(path, run))


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    tenon, folder = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
    files = [p for p in sorted(folder.rglob("*.tn")) if not p.name.startswith("_")]
    if len(sys.argv) > 3:
        files = [p for p in files if any(part in str(p.relative_to(folder)) for part in sys.argv[3:])]
    failed = 0
    print(f"1..{len(files)}")
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        results = pool.map(lambda path: run_file(tenon, path), files)
        for number, (path, wrong) in enumerate(zip(files, results), 1):
            print(f"{'not ok' if wrong else 'ok'} {number} - {path.relative_to(folder).with_suffix('')}")
            for sentence in wrong:
                print("\n".join(f"# {line}" for line in sentence.encode("utf-8", "replace").decode().split("\n")))
            sys.stdout.flush()
            failed += bool(wrong)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
