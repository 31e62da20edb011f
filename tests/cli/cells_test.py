#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A .tn of several cells: `// %%` separates them, as jupytext's percent format and editors have it; and what nbconvert exports runs."""
import importlib.util
import json
import subprocess
import sys

from cli import Skip, case, check, check_in, check_result, environment, folder, run_cases, tenon, write

PERCENT = """// ---
// jupyter: a header in comments
// ---

// %% [markdown]
// # A title

// %%
int x = 1;
x

// %% second
int f() { return x; }
print(f(), x);
f()
// %%
float x = 2.5;
print(x);
%pwd
// %%
"""


def run(text, *args):
    with folder() as where:
        write(where, "a.tn", text)
        return tenon(*args, "a.tn", cwd=where)


@case
def separators_make_cells():
    result = run(PERCENT, "run")
    check(result.stderr, "", "stderr")
    check(result.stdout.split("\n")[:2], ["1 1", "2.5"], "lines")


@case
def an_error_shows_the_line_of_the_file_and_earlier_cells_have_run():
    result = run('// %%\nprint("first");\n// %%\nint y = 3;\nprint(z);\n// %%\nprint("never");\n', "run")
    check(result.returncode, 1, "status")
    check(result.stdout, "first\n", "stdout")
    check_in("--> a.tn, line 5", result.stderr)


@case
def a_file_of_cells_is_checked_and_imported():
    check_result(run("// %%\nint x = 1;\nx\n// %%\nprint(x);\n", "check"), 0, "", "")
    with folder() as where:
        write(where, "part.tn", "// %%\nint x = 4;\nx\n// %%\nint twice() { return 2 * x; }\n")
        write(where, "main.tn", 'import "part.tn";\nprint(twice());\n')
        check_result(tenon("run", "main.tn", cwd=where), 0, "8\n", "")


@case
def a_comment_that_is_no_separator_separates_nothing():
    for line in ("//%%%", "// %%x", " // %%", "// % %"):
        result = run(f"int x = 1;\nx\n{line}\nprint(x);\n", "run")
        check(result.returncode, 1, f"status with {line!r}")


@case
def a_missing_semicolon_stays_an_error_in_a_program():
    result = run("int x = 1\nprint(x);\n", "run")
    check(result.returncode, 1, "status")
    check_in("expected ';' at the end of the statement", result.stderr)


@case
def an_exported_notebook_runs():
    if importlib.util.find_spec("nbconvert") is None:
        raise Skip("nbconvert is not in this Python's environment: run ./script/setup")
    info = {"name": "tenon", "file_extension": ".tn", "mimetype": "text/x-csrc", "nbconvert_exporter": "script", "pygments_lexer": "c"}
    sources = ["int x = 1;\nx", "float y = 2.0;\n\nint f() { return 3; }\ny + f()", "%pwd", "", 'if (y > 1) {\n\n    print("a");\n}', "print(x, y, f());"]
    cells = [{"cell_type": "markdown", "id": "m", "metadata": {}, "source": "# Title"}]
    cells += [{"cell_type": "code", "id": f"c{n}", "execution_count": None, "outputs": [], "metadata": {}, "source": source}
              for n, source in enumerate(sources)]
    metadata = {"kernelspec": {"name": "tenon", "display_name": "Tenon", "language": "tenon"}, "language_info": info}
    with folder() as where:
        write(where, "a.ipynb", json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}))
        made = subprocess.run([sys.executable, "-m", "nbconvert", "--to", "script", "a.ipynb"], cwd=where, capture_output=True, text=True,
                              env=environment(HOME=where), timeout=600)
        check(made.returncode, 0, f"nbconvert ({made.stderr})")
        result = tenon("run", "a.tn", cwd=where)
        check(result.stderr, "", "stderr")
        check(result.stdout.split("\n")[-3:], ["a", "1 2.0 3", ""], "last lines")


run_cases()
