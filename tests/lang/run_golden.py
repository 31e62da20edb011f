#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the programs tests/lang/<area>/<behaviour>.tn by `tenon run` and compares with the comments in them; one TAP line a file.

    print(1 + 1);      // expect: 2                            the next line of stdout
    int x = "a";       // expect error: cannot                 an error at this line whose text begins so; nothing else runs
    xs[9];             // expect runtime error: index 9        the error that ends the run, at this line or called from it
    int q = 1 / 2;     // expect warning: int / int            a warning at this line
    x = y;             // hint: did you mean                   the hint of the error or warning that is expected last
    f(x);              // note: in lib/losses.tn               a note below its source text, which is that of this very line

Where a comment stands alone in its line it speaks of the line of code before it. An error's text may have its name in front,
`TypeError: cannot`, which is compared then: it is what catch (e) shows as e.name. Every name that there is must stand in some golden (the
last line of a whole run), but for those that no program can bring about by itself. A file whose name begins with _ is no test:
others import it. Lines `//--- cell` part a file into cells that one session runs one after the other (as a notebook's): a cell that
fails does not end the run then, its last expression is shown, and lines are counted in the cell.

usage: run_golden.py TENON FOLDER [PART_OF_NAME…]
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

EXPECT = re.compile(r"//\s*expect(?:\s+(error|runtime error|warning))?:(?: (.*))?$")
NAME = re.compile(r"^([A-Z][A-Za-z]*Error|Error|Interrupted): ")
NAMED = re.compile(r"^ *= name: (.*)\n", re.MULTILINE)
NAMES = {"Error", "SyntaxError", "TypeError", "ShapeError", "NameError", "IndexError", "KeyError", "ValueError", "OverflowError", "ZeroDivisionError",
         "MemoryError", "RecursionError", "IOError", "AssertionError", "DeviceError"} # Interrupted: tests/cli
HINT = re.compile(r"//\s*hint: (.*)$")
NOTE = re.compile(r"//\s*note: (.*)$")
CELL = re.compile(r"^//--- cell.*\n?", re.MULTILINE)
SHOWN = re.compile(r"^ *--> (.+), line (\d+)$", re.MULTILINE)
PLACE = re.compile(r"(?:-->|= called from|= in) (.+), line (\d+)")
TIMEOUT_S = 300 # a hundred times what the slowest takes


def read_cells(path):
    """The texts of the file's cells; one, where it has no marks."""
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    cells = CELL.split(text)
    if len(cells) > 1 and not re.sub(r"^//.*$", "", cells[0], flags=re.MULTILINE).strip():
        del cells[0] # what stands before the first mark is the file's comment
    return cells


class Report:
    """An error or warning that is wanted."""

    def __init__(self, label, place, text, comment):
        name = NAME.match(text) if label == "error" else None
        self.name, self.text = (name.group(1), text[name.end():]) if name else (None, text)
        self.label, self.place, self.comment, self.hint, self.note = label, place, comment, None, None


def read_wanted(cells, name):
    """(lines of stdout, [Report])"""
    out, reports = [], []
    for cell, text in enumerate(cells, 1):
        where, code_line = name if len(cells) == 1 else f"cell {cell}", 0
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip() and not line.strip().startswith("//"):
                code_line = number
            hint, note, found = HINT.search(line), NOTE.search(line), EXPECT.search(line)
            if hint and reports:
                reports[-1].hint = hint.group(1).rstrip()
            if note and reports:
                reports[-1].note = note.group(1).rstrip()
            if not found:
                continue
            wanted = (found.group(2) or "").rstrip()
            if found.group(1) is None:
                out.append(wanted)
            else:
                label = "warning" if found.group(1) == "warning" else "error"
                reports.append(Report(label, (where, str(code_line)), wanted, f"expect {found.group(1)}: {wanted}"))
    return out, reports


def read_reports(stderr):
    """[(label, text, name, {lines of places in the test's own file}, whole block)] of what was reported on stderr."""
    blocks = re.split(r"^(?=(?:error|warning): )", stderr, flags=re.MULTILINE)
    for block in blocks:
        label, colon, text = block.partition(": ")
        if label in ("error", "warning") and colon:
            name = NAMED.search(block)
            yield label, text.split("\n  ", 1)[0].rstrip(), name and name.group(1), set(PLACE.findall(block)), NAMED.sub("", block)


def fits(wanted, found):
    label, text, name, places, block = found
    hint = re.search(r"^ *= hint: (.*)$", block, flags=re.MULTILINE)
    return (label == wanted.label and wanted.name in (None, name) and wanted.place in places and text.startswith(wanted.text)
            and (wanted.hint is None or (hint is not None and hint.group(1).startswith(wanted.hint)))
            and (wanted.note is None or (wanted.place in SHOWN.findall(block) and f"= {wanted.note}" in block)))


def compare(path, cells, run):
    """Sentences about what differs."""
    wanted_out, wanted = read_wanted(cells, path.name)
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
    for one in wanted:
        for report in reports:
            if fits(one, report):
                reports.remove(report)
                break
        else:
            with_hint = "" if one.hint is None else f" with the hint `{one.hint}`"
            with_hint += "" if one.note is None else f" shown with the note `{one.note}`"
            yield f"{one.place[0]}, line {one.place[1]}: nothing reported fits `{one.comment}`{with_hint}"
    for report in reports:
        yield f"not expected: {'' if report[2] is None else report[2] + ', '}{report[4].rstrip()}"
    status = 1 if len(cells) == 1 and any(one.label == "error" for one in wanted) else 0
    if run.returncode != status:
        yield f"exit status {run.returncode}, wanted {status}"
        if not reports and run.stderr:
            yield run.stderr[-2000:]


def as_notebook(cells):
    """A notebook whose cells may fail."""
    made = [{"cell_type": "code", "source": text, "metadata": {"tags": ["raises-exception"]}, "outputs": [], "execution_count": None}
            for text in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def run_file(tenon, path):
    environment = dict(os.environ, NO_COLOR="1", TENON_ERROR_NAMES="1", OMP_WAIT_POLICY="passive")
    cells = read_cells(path)
    with tempfile.TemporaryDirectory() as folder:
        name = path.name
        if len(cells) > 1:
            name = os.path.join(folder, path.stem + ".ipynb")
            pathlib.Path(name).write_text(as_notebook(cells), encoding="utf-8")
        try:
            run = subprocess.run([tenon, "run", name], cwd=path.parent, env=environment, stdin=subprocess.DEVNULL, text=True,
                                 capture_output=True, errors="surrogateescape", timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return [f"did not end within {TIMEOUT_S} s"]
    if len(cells) > 1 and "built without the Jupyter kernel" in run.stderr:
        return None # several cells are run as a notebook
    return list(compare(path, cells, run))


def names_in(files):
    """The names of errors that some golden compares."""
    return {one.name for path in files for one in read_wanted(read_cells(path), path.name)[1] if one.name}


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    tenon, folder = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
    files = [p for p in sorted(folder.rglob("*.tn")) if not p.name.startswith("_")]
    if len(sys.argv) > 3:
        files = [p for p in files if any(part in str(p.relative_to(folder)) for part in sys.argv[3:])]
    failed, whole = 0, len(sys.argv) == 3
    print(f"1..{len(files) + whole}")
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        results = pool.map(lambda path: run_file(tenon, path), files)
        for number, (path, wrong) in enumerate(zip(files, results), 1):
            skip = " # SKIP several cells run as a notebook, which this build does not read" if wrong is None else ""
            print(f"{'not ok' if wrong else 'ok'} {number} - {path.relative_to(folder).with_suffix('')}{skip}")
            for sentence in wrong or []:
                print("\n".join(f"# {line}" for line in sentence.encode("utf-8", "replace").decode().split("\n")))
            sys.stdout.flush()
            failed += bool(wrong)
    if whole:
        missing = NAMES - names_in(files)
        print(f"{'not ok' if missing else 'ok'} {len(files) + 1} - every name of an error stands in a golden")
        print("".join(f"# none expects {name}\n" for name in sorted(missing)), end="")
        failed += bool(missing)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
