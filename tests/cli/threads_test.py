#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OpenMP's threads may not hold the cores that others need, and what Tenon does for that may not show: neither in its environment nor
in its children's. Usage: threads_test.py TENON [PART_OF_NAME…]"""
import os
import pathlib
import platform
import re
import subprocess

from cli import PATIENCE_S, TENON, Skip, case, check, check_in, check_result, environment, first_line, folder, run_cases, start, tenon, uses_asan, write

SHELLS_OWN = ("_=", "PWD=", "OLDPWD=", "SHLVL=")


def settings(**more):
    """What the caller's shell would pass on, without what the tests set for speed."""
    return {"HOME": "/", "TERM": "dumb", "PATH": os.environ["PATH"], "LANG": "C.UTF-8", **more}


def turns(**more):
    """How long libgomp was told to wait, by its own words."""
    run = tenon("run", "-e", "1 + 1", env=settings(OMP_DISPLAY_ENV="verbose", **more))
    check_result(run, 0, out="2\n")
    found = re.search(r"GOMP_SPINCOUNT = '(\w+)'", run.stderr)
    return found and found.group(1)


def needs_libgomp():
    if "libgomp" not in subprocess.run(["ldd", TENON], capture_output=True, text=True).stdout:
        raise Skip("built without GCC's OpenMP")


@case
def waiting_threads_are_limited():
    needs_libgomp()
    if uses_asan() or platform.machine() != "x86_64":
        raise Skip("elsewhere libgomp's own time may stand")
    found = int(turns())
    assert 1000 <= found < 300000, f"libgomp turns {found} times"


@case
def what_the_user_set_stays():
    needs_libgomp()
    check(turns(GOMP_SPINCOUNT="77"), "77", "a count of the user's")
    check(turns(OMP_WAIT_POLICY="passive"), "0", "passive")
    assert int(turns(OMP_WAIT_POLICY="active")) > 1000000, "active"


def needs_libomp():
    if "libomp" not in subprocess.run(["ldd", TENON], capture_output=True, text=True).stdout:
        raise Skip("built without LLVM's OpenMP")


def notes():
    return {path.name for path in pathlib.Path("/dev/shm").glob("__KMP_REGISTERED_LIB_*")}


@case
def a_killed_process_leaves_no_note_of_its_number():
    needs_libomp()
    process = start("run", "-e", 'print("go"); while (true) { }')
    first_line(process, "go")
    process.kill()
    process.wait()
    check([name for name in notes() if f"_{process.pid}_" in name], [], "left in shared memory")


@case
def a_note_of_an_earlier_process_of_the_same_number_harms_nobody():
    needs_libomp()
    for size in (0, 1024): # killed before, and after, the note had its size
        note = f'/dev/shm/__KMP_REGISTERED_LIB_$$_{os.getuid()}'
        for args, out in (('run -e "1 + 1"', "2\n"), ("check /dev/null", ""), ("help relu", None)):
            run = subprocess.run(["sh", "-c", f'truncate -s {size} {note}; exec "$0" {args}', TENON], capture_output=True, text=True,
                                 env=environment(), timeout=PATIENCE_S)
            check_result(run, 0, out=out, err="")


@case
def the_environment_is_the_users():
    path = os.environ["PATH"]
    for env in (settings(), {"PATH": path}, {"PATH": path, "A": "1"}, {"A": "1", "B": "", "PATH": path}, {"A": "1"},
                settings(GOMP_SPINCOUNT="77"), settings(OMP_WAIT_POLICY="passive"), settings(KMP_BLOCKTIME="3"), settings(PATH_TO="x")):
        wanted = [f"{name}={value}" for name, value in env.items()]
        run = tenon("run", "-e", "%env", env=env)
        check_result(run, 0, err="")
        # a sanitizer's run time may add its own
        check([line for line in run.stdout.splitlines() if line in wanted or not uses_asan()], wanted, "%env")


@case
def children_inherit_the_users_environment():
    for env in (settings(), settings(GOMP_SPINCOUNT="77"), settings(OMP_WAIT_POLICY="passive")):
        for run in (tenon("run", "-", stdin="!env\n", env=env), tenon("repl", stdin="!env\n", env=env)):
            check_result(run, 0, err="")
            found = sorted(line for line in run.stdout.splitlines() if not line.startswith(SHELLS_OWN))
            check(found, sorted(f"{name}={value}" for name, value in env.items()), "!env")


@case
def an_empty_environment_will_do():
    check_result(tenon("run", "-e", "sum(ones(300, 300) @ ones(300, 300))", env={"TENON_LOG": "error"}), 0, out="27000000.0\n", err="")
    run = subprocess.run(["env", "-i", TENON, "run", "-e", "print(sum(ones(300, 300)))"], capture_output=True, text=True, timeout=PATIENCE_S)
    check_result(run, 0, out="90000.0\n", err="")


@case
def the_process_keeps_its_name_its_number_and_its_standard_input():
    if not os.path.exists("/proc/self/comm"):
        raise Skip("no /proc")
    with folder() as d:
        path = write(d, "a.tn", "!echo $PPID; cat /proc/$PPID/comm; tr '\\0' ' ' < /proc/$PPID/cmdline; echo\nprint(input());\n")
        process = subprocess.Popen([TENON, "run", str(path), "x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=settings())
        out, _ = process.communicate("first\nsecond\n", timeout=PATIENCE_S)
        check(out, f"{process.pid}\ntenon\n{TENON} run {path} x \nfirst\n", "stdout")
        check(process.returncode, 0, "exit status")


@case
def a_program_found_by_path_starts():
    with folder() as d:
        os.symlink(TENON, os.path.join(d, "tenon"))
        run = subprocess.run(["sh", "-c", 'tenon run -e "%env PATH"; exec tenon run -e "1 +"'], capture_output=True, text=True,
                             env=settings(PATH=d + ":" + os.environ["PATH"]), timeout=PATIENCE_S)
        check(run.stdout, d + ":" + os.environ["PATH"] + "\n", "PATH")
        check(run.returncode, 1, "exit status")
        check_in("error: ", run.stderr)


@case
def a_program_that_was_deleted_meanwhile_goes_on():
    with folder() as d:
        copy = os.path.join(d, "tenon")
        subprocess.run(["cp", TENON, copy], check=True)
        process = subprocess.Popen([copy, "run", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=settings())
        os.unlink(copy)
        out, _ = process.communicate("print(sum(ones(300, 300) @ ones(300, 300)) / 1e6);\n", timeout=PATIENCE_S)
        check(out, "27.0\n", "stdout")
        check(process.returncode, 0, "exit status")


run_cases()
