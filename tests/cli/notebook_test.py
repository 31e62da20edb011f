#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tenon run of a notebook, without Jupyter: its cells run in order in one session, and what is no notebook is said in words."""
import json

from cli import case, check_in, check_result, environment, folder, run_cases, tenon, write

OURS = {"kernelspec": {"name": "tenon", "display_name": "Tenon", "language": "tenon"}, "language_info": {"name": "tenon"}}


def notebook(*sources, metadata=None, tags=None):
    cells = [{"cell_type": "markdown", "source": "not code", "metadata": {}}]
    for number, source in enumerate(sources, 1):
        cells.append({"cell_type": "code", "source": source, "outputs": [{"output_type": "stream", "text": "old"}],
                      "metadata": {"tags": (tags or {}).get(number, [])}})
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": OURS if metadata is None else metadata, "cells": cells})


def run(text, *args):
    with folder() as where:
        return tenon("run", write(where, "a.ipynb", text), *args)


@case
def cells_run_in_order_in_one_session_and_show_their_last_value():
    check_result(run(notebook("int a = 20;", "", "%time a", "f32[2] x = [1, 2]; x * a")), 0, err="")
    check_result(run(notebook("int a = 20;\na + 1", ["a = a * 2;\n", "print(a)"])), 0, "21\n40\n", "")
    check_result(run(notebook("args()"), "one", "two"), 0, '["one", "two"]\n', "")
    check_result(run(notebook()), 0, "", "")


@case
def the_first_error_names_its_cell_and_ends_the_run():
    result = run(notebook("print(1)", "int a = 3;\na[0]", "print(3)"))
    check_result(result, 1, "1\n", "a value of type int cannot be indexed")
    check_in("cell 2, line 2", result.stderr)


@case
def an_error_on_purpose_does_not_end_it():
    result = run(notebook("print(nothing)", "print(2)", tags={1: ["other", "raises-exception"]}))
    check_result(result, 0, "2\n", "nothing is not declared")


@case
def a_notebook_without_metadata_is_ours_and_another_language_is_not():
    check_result(run(notebook("print(1)", metadata={})), 0, "1\n", "")
    check_result(run(notebook("1", metadata={"kernelspec": {"language": "python"}})), 1, "", "another language (python)")
    check_result(run(notebook("1", metadata={"language_info": {"name": "R"}})), 1, "", "another language (R)")


@case
def what_is_no_notebook_is_said():
    for text, words in (("", "near end of file"), ("{}", 'with "nbformat"'), ("[4]", 'with "nbformat"'),
                        ('{"nbformat": 4, "cells": {}}', 'a list of "cells"'),
                        ('{"nbformat": 3, "worksheets": []}', "its format is 3"),
                        ('{"nbformat": 4, "cells": [1, {"cell_type": "code", "source": [7]}]}', "cell 1 is no text"),
                        ('{"nbformat": 4, "cells": [{"cell_type": "code"}]}', "the source of cell 1 is no text"),
                        (b'{"nbformat": "\xff"}', "cannot be run"), ("[" * 100000, "cannot be run")):
        check_result(run(text), 1, "", words)
    check_result(tenon("run", "/nowhere/a.ipynb"), 1, "", "cannot open '/nowhere/a.ipynb'")


@case
def without_memory_it_says_so():
    with folder() as where:
        path = write(where, "a.ipynb", notebook(*["int a = 1;"] * 20))
        for n in range(0, 150, 3):
            check_result(tenon("run", path, env=environment(TENON_ALLOC_FAIL=str(n))), 1, "", "out of memory")


@case
def a_notebook_can_be_run_but_not_checked():
    with folder() as where:
        check_result(tenon("check", write(where, "a.ipynb", notebook("1"))), 1, "", "it can only be run")


run_cases()
