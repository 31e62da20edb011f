#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""script/run_notebook.py, which quickstart ends with: what a notebook does through the real kernel is shown on the terminal, and
each way to fail is said in words."""
import importlib.util
import json
import os
import pathlib
import pty
import subprocess
import sys

from cli import PATIENCE_S, Skip, case, check, check_in, environment, folder, run_cases, tenon, write

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "script" / "run_notebook.py"
OURS = {"kernelspec": {"name": "tenon", "display_name": "Tenon", "language": "tenon"}}


def notebook(*sources, kernel="tenon"):
    cells = [{"cell_type": "code", "id": f"c{n}", "execution_count": None, "outputs": [], "metadata": {}, "source": source}
             for n, source in enumerate(sources)]
    metadata = {"kernelspec": {**OURS["kernelspec"], "name": kernel}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells})


def settings(where):
    """An environment in which Jupyter finds the program under test, and nothing of the user's."""
    tenon("install", "--prefix", where)
    return environment(HOME=where, JUPYTER_PATH=f"{where}/share/jupyter", IPYTHONDIR=where)


def run(text, *args):
    if importlib.util.find_spec("nbclient") is None:
        raise Skip("nbclient is not in this Python's environment: run ./script/setup")
    with folder() as where:
        path = write(where, "a.ipynb", text)
        result = subprocess.run([sys.executable, PROGRAM, path, *args], text=True, capture_output=True, env=settings(where),
                                timeout=1000, cwd=where)
        saved = pathlib.Path(where, "saved", "b.ipynb")
        return result, json.loads(saved.read_text(encoding="utf-8")) if saved.exists() else None


@case
def cells_their_output_and_the_accuracy_are_shown():
    training = 'for (int i : progress(0..3, "bar")) { }\nprint("test accuracy 88.25%");'
    result, saved = run(notebook("print(1);\nprint(2);", "3 + 4", training), "--save", "saved/b.ipynb")
    check(result.returncode, 0, f"status ({result.stderr})")
    check_in("[1/3] print(1);\n    1\n    2\n[2/3] 3 + 4\n    7\n[3/3] for (int i", result.stdout)
    check_in("test accuracy: 88.25 %\n", result.stdout)
    check_in("with outputs:  saved/b.ipynb\n", result.stdout)
    check(saved["cells"][1]["outputs"][0]["data"]["text/plain"], ["7"], "what was saved")


@case
def event_files_are_named():
    result, _ = run(notebook('auto r = run("first");\nr.log("loss", 0.5);'))
    check_in("event files:   runs/", result.stdout, f"output ({result.stderr})")


@case
def a_progress_bar_is_drawn_in_place_on_a_terminal():
    if importlib.util.find_spec("nbclient") is None:
        raise Skip("nbclient is not in this Python's environment: run ./script/setup")
    with folder() as where:
        path = write(where, "a.ipynb", notebook('for (int i : progress(0..3, "bar")) { }'))
        ours, theirs = pty.openpty()
        process = subprocess.Popen([sys.executable, PROGRAM, path], stdout=theirs, stderr=theirs, stdin=theirs, env=settings(where),
                                   cwd=where)
        os.close(theirs)
        seen = b""
        try:
            while chunk := os.read(ours, 65536):
                seen += chunk
        except OSError:  # the other side is closed
            pass
        os.close(ours)
        check(process.wait(timeout=PATIENCE_S), 0, f"status ({seen!r})")
        check_in("\r\x1b[K    bar", seen.decode())


@case
def the_first_error_ends_it_in_words():
    result, _ = run(notebook("print(1);", "nothing", "print(3);"))
    check(result.returncode, 1, f"status ({result.stderr})")
    check("print(3)" in result.stdout, False, "a cell behind the error ran")
    check_in("nothing is not declared", result.stderr)


@case
def what_cannot_be_run_is_said():
    for text, words in ((notebook("1", kernel="no-such-kernel"), "Jupyter knows no kernel 'no-such-kernel'"),
                        ("hello", "is no notebook")):
        result, _ = run(text)
        check(result.returncode, 1, f"status ({result.stderr})")
        check_in(words, result.stderr)
        check(result.stderr.count("\n"), 1, "lines on stderr")


run_cases()
