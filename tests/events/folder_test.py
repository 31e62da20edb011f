#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Folders of runs that cannot be made are told in words. Usage: folder_test.py TENON"""
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
from cli import case, check, check_in, environment, run_cases, tenon  # noqa: E402


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


def modes(folder):
    """{name: mode} of the folder of runs, of a run and of its files."""
    root = pathlib.Path(folder, "runs")
    run = next(root.iterdir())
    files = {p.name.split(".out.")[0]: p.stat().st_mode & 0o777 for p in run.iterdir()}
    return {"runs": root.stat().st_mode & 0o777, "one run": run.stat().st_mode & 0o777, **files}


@case
def runs_are_their_owners_alone_unless_set():
    code = 'auto r = run("x"); r.log("loss", 1.0); r.close();'
    with tempfile.TemporaryDirectory() as folder:
        check(tenon("run", "-e", code, cwd=folder).returncode, 0, "exit status")
        check(modes(folder), {"runs": 0o700, "one run": 0o700, "run.json": 0o600, "events": 0o600}, "modes")
    with tempfile.TemporaryDirectory() as folder:
        check(tenon("run", "-e", code, cwd=folder, env=environment(TENON_RUNS_MODE="0755")).returncode, 0, "exit status")
        check(modes(folder), {"runs": 0o755, "one run": 0o755, "run.json": 0o644, "events": 0o644}, "modes")
        result = tenon("run", "-e", code, cwd=folder, env=environment(TENON_RUNS_MODE="everybody"))
        check_in("TENON_RUNS_MODE: expected a folder's mode in octal that lets its owner in, such as 0755, found 'everybody'", result.stderr)


@case
def a_link_in_the_place_of_a_runs_file_is_not_followed():
    with tempfile.TemporaryDirectory() as folder:
        victim = pathlib.Path(folder, "victim")
        victim.write_text("keep me")
        code = f'auto r = run("x"); string p = r.path();\n!ln -s {victim} $(ls -d runs/*)/run.json.new\nr.log("a", 1.0); r.close();'
        result = tenon("run", "-e", code, cwd=folder)
        check((result.returncode, result.stderr), (0, ""), "exit status and errors")
        check(victim.read_text(), "keep me", "another file")


run_cases()
