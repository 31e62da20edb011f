# SPDX-License-Identifier: Apache-2.0
"""What the tests of the commands share: cases register themselves, each runs the program from outside, and the result is
printed as TAP. A case fails by an AssertionError; `check` says what was found."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import traceback

CASES = []
STARTED = [] # processes of the case that runs: none outlives it
TENON = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""


class Skip(Exception):
    """The case cannot run here; the text says why."""


def case(function):
    """A test: its name, with blanks for underscores, is what it says of the program."""
    CASES.append(function)
    return function


def environment(**more):
    """A small environment, so that the caller's settings cannot change what is found. None takes a variable out."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TENON_", "XDG_", "NO_COLOR"))}
    env["TERM"] = "dumb"
    env["OMP_WAIT_POLICY"] = "passive"
    env.update({k: v for k, v in more.items() if v is not None})
    return env


def reset_signals():
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


def tenon(*args, stdin="", env=None, cwd=None, timeout=60):
    """Runs the program to its end."""
    return subprocess.run([TENON, *map(str, args)], input=stdin, text=True, capture_output=True, env=env or environment(), cwd=cwd,
                          timeout=timeout, preexec_fn=reset_signals, errors="replace")


def start(*args, env=None, **more):
    """Starts the program with pipes, in a session of its own."""
    more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    STARTED.append(subprocess.Popen([TENON, *map(str, args)], text=True, env=env or environment(), preexec_fn=reset_signals,
                                    start_new_session=True, errors="replace", **more))
    return STARTED[-1]


def end_started():
    while STARTED:
        process = STARTED.pop()
        if process.poll() is None:
            process.kill()
            process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def interrupt_after(process, line, seconds=0.0):
    """Waits for a line of output, sends SIGINT, and gives (seconds until the end, the rest of stdout, stderr)."""
    seen = process.stdout.readline()
    if seen != line + "\n":
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"before the interrupt: {seen + out!r}, wanted {line!r} (exit status {process.returncode}, stderr {err[-1500:]!r})")
    time.sleep(seconds)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        raise AssertionError("the program did not end within 20 s of an interrupt") from None
    return time.monotonic() - began, out, err


def check(found, wanted, what="found"):
    assert found == wanted, f"{what}: {found!r}, wanted {wanted!r}"


def check_in(part, text, what="text"):
    assert part in text, f"{what} lacks {part!r}: {text[-1500:]!r}"


def check_result(run, status, out=None, err=None):
    """Exit status, whole stdout, and a part of stderr ('' = nothing at all)."""
    check(run.returncode, status, f"exit status (stderr {run.stderr[-1500:]!r})")
    if out is not None:
        check(run.stdout, out, "stdout")
    if err == "":
        check(run.stderr, "", "stderr")
    elif err is not None:
        check_in(err, run.stderr, "stderr")


def uses_asan():
    return "asan" in subprocess.run(["ldd", TENON], capture_output=True, text=True).stdout


def folder():
    """A new folder as a context."""
    return tempfile.TemporaryDirectory(prefix="tenon-test-")


def write(where, name, text):
    path = pathlib.Path(where) / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def run_cases():
    chosen = [c for c in CASES if all(part in c.__name__ for part in sys.argv[2:])]
    failed = 0
    print(f"1..{len(chosen)}")
    for number, function in enumerate(chosen, 1):
        name = function.__name__.replace("_", " ")
        try:
            function()
            print(f"ok {number} - {name}")
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}")
        except Exception as error:  # a broken test is a failed test
            failed += 1
            text = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
            print(f"not ok {number} - {name}")
            print("\n".join(f"# {line}" for line in text.split("\n")))
        end_started()
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
