# SPDX-License-Identifier: Apache-2.0
"""What the tests of the commands share: cases register themselves, each runs the program from outside, and the result is
printed as TAP. A case fails by an AssertionError; `check` says what was found."""
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

PATIENCE_S = 120 # nothing here takes a tenth of it, with sanitizers on a busy machine: what takes longer hangs
CASES = []
RUNS = [] # what tenon() gave last to the case that runs
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
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGHUP): # what runs under nohup ignores the last
        signal.signal(number, signal.SIG_DFL)


def tail(text):
    """The end of what a program wrote, of which subprocess gives bytes, text or nothing."""
    return (text.decode(errors="replace") if isinstance(text, bytes) else text or "")[-1500:]


def tenon(*args, stdin="", env=None, cwd=None, timeout=PATIENCE_S):
    """Runs the program to its end."""
    try:
        RUNS[:] = [subprocess.run([TENON, *map(str, args)], input=stdin, text=True, capture_output=True, env=env or environment(), cwd=cwd,
                                  timeout=timeout, preexec_fn=reset_signals, errors="replace")]
        return RUNS[0]
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"{late.cmd} did not end within {timeout} s; stdout {tail(late.stdout)!r}, "
                             f"stderr {tail(late.stderr)!r}") from None


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


def first_line(process, wanted=None):
    """The next line of a program that runs on; where it is not the wanted one, all that the program has to say for itself."""
    watch = threading.Timer(PATIENCE_S, process.kill)
    watch.start()
    seen = ""
    while not seen.endswith("\n") and (byte := os.read(process.stdout.fileno(), 1)): # communicate() would not see what readline() keeps back
        seen += byte.decode("latin-1")
    watch.cancel()
    if not seen or (wanted is not None and seen != wanted + "\n"):
        time.sleep(0.1) # a program that is just ending may say how
        if process.poll() is None:
            process.kill()
        out, err = process.communicate()
        raise AssertionError(f"the next line of output: {seen + out[-1500:]!r}, wanted {wanted!r} (exit status {process.returncode}, "
                             f"stderr {tail(err)!r})")
    return seen[:-1]


def cpu_seconds(process):
    """What it has used so far, with the children that it has waited for; it may have ended, but not been waited for."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def interrupt_after(process, line, seconds=0.0):
    """Waits for a line of output (None: any), sends SIGINT, and gives (seconds of CPU until the end, the rest of stdout, stderr). The clock on the
    wall would say how busy the machine is; what goes on working uses the CPU, and what hangs is found by the bound."""
    first_line(process, line)
    time.sleep(seconds)
    others, before = of_children(), cpu_seconds(process)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"the program did not end within {PATIENCE_S} s of an interrupt; stdout {tail(late.stdout)!r}, "
                             f"stderr {tail(late.stderr)!r}") from None
    return max(0.0, of_children() - others - before), out, err


def check(found, wanted, what="found"):
    assert found == wanted, f"{what}: {found!r}, wanted {wanted!r}"


def check_in(part, text, what="text"):
    assert part in text, f"{what} lacks {part!r}: {text[-1500:]!r}"


def check_result(run, status, out=None, err=None):
    """Exit status, whole stdout, and a part of stderr ('' = nothing at all)."""
    check(run.returncode, status, f"exit status (stdout {tail(run.stdout)!r}, stderr {tail(run.stderr)!r})")
    if out is not None:
        check(run.stdout, out, f"stdout (stderr {tail(run.stderr)!r})")
    if err == "":
        check(run.stderr, "", "stderr")
    elif err is not None:
        check_in(err, run.stderr, "stderr")


def uses_asan():
    return "asan" in subprocess.run(["ldd", TENON], capture_output=True, text=True).stdout


def folder():
    """A new folder as a context. What a program that is just ending still writes there is no failure."""
    return tempfile.TemporaryDirectory(prefix="tenon-test-", ignore_cleanup_errors=True)


def write(where, name, text):
    path = pathlib.Path(where) / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def available_mib():
    found = [line.split()[1] for line in open("/proc/meminfo", encoding="ascii") if line.startswith("MemAvailable:")]
    return int(found[0]) >> 10 if found else "?"


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
            for run in RUNS:
                print(f"# the program run last: {run.args[1:]!r:.300}, exit status {run.returncode}, stderr {tail(run.stderr)!r}")
            print(f"# the machine then: load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {available_mib()} MiB available")
        end_started()
        RUNS.clear()
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
