#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Folders of runs that cannot be made are told in words. Usage: folder_test.py TENON"""
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
from cli import case, check, check_in, run_cases, tenon  # noqa: E402


@case
def where_the_working_folder_is_gone_the_error_says_so():
    with tempfile.TemporaryDirectory() as folder:
        gone = os.path.join(folder, "gone")
        os.mkdir(gone)
        result = tenon("run", "-e", f'!rmdir {gone}\nrun("x");', cwd=gone)
        check(result.returncode, 1, "exit status")
        check_in("cannot make the folder 'runs': No such file or directory", result.stderr)
        check_in("the folder that this session works in was deleted: %cd goes to another one", result.stderr)


@case
def a_folder_of_runs_behind_a_file_names_it():
    with tempfile.TemporaryDirectory() as folder:
        blocked = pathlib.Path(folder, "runs")
        blocked.write_text("")
        result = tenon("run", "-e", 'run("x");', cwd=folder)
        check(result.returncode, 1, "exit status")
        check_in("cannot make the folder 'runs': Not a directory", result.stderr)
        check(blocked.read_text(), "", "what was there")


run_cases()
