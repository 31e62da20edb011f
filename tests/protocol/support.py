# SPDX-License-Identifier: Apache-2.0
"""What the tests of the worker protocol share: the runner of tests/cli, a worker that ends with its case, and its folder of state."""
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))

from cli import TENON, Skip, case, check, check_in, check_result, environment, run_cases, tenon  # noqa: E402,F401
from client import Closed, Worker, pack, pack_large, text_of  # noqa: E402,F401

# The sanitizers' thread and address checks cost that much time. SOON is the bound of what takes milliseconds on a quiet machine, and would
# take for ever if it went wrong.
SLOW = 10 if any(name in subprocess.run(["ldd", TENON], capture_output=True, text=True).stdout for name in ("asan", "tsan")) else 1
SOON = 20.0 * SLOW
resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1])) # a dump of what is killed would take its time


class Session:
    """A worker with a folder of state of its own; both are gone behind the block."""

    def __init__(self, **options):
        self.options = options

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        options = dict(self.options)
        env = environment(**options.pop("env", {}))
        env.setdefault("XDG_STATE_HOME", self.folder.name)
        self.worker = Worker(TENON, env=env, cwd=self.folder.name, **options)
        self.worker.state = pathlib.Path(env["XDG_STATE_HOME"]) / "tenon" / "sessions"
        self.worker.ended = False
        return self.worker

    def __exit__(self, kind, value, trace):
        try:
            if not self.worker.ended:
                status, words = self.worker.close()
                if kind is None:
                    check(status, 0, f"exit status; last words {words!r}")
                    check(words, "", "last words")
        finally:
            if self.worker.process.poll() is None:
                self.worker.process.kill()
                self.worker.process.wait()
            self.folder.cleanup()


def ended(worker, timeout=60.0):
    """(status, last words) of a worker that is to end by itself or has been killed."""
    worker.ended = True
    return worker.close(timeout * SLOW)


def kill(worker, number):
    """It may have ended by itself."""
    if worker.process.poll() is None:
        worker.process.send_signal(number)


def cpu_seconds(worker):
    """What it has computed so far: unlike the time, that does not depend on what else the machine does."""
    with open(f"/proc/{worker.process.pid}/stat", encoding="ascii", errors="replace") as file:
        user, system = file.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def computes(worker, seconds):
    """Waits until it has computed for so long."""
    began, deadline = cpu_seconds(worker), time.monotonic() + 120 * SLOW
    while cpu_seconds(worker) - began < seconds:
        assert time.monotonic() < deadline, f"the worker did not compute for {seconds} s"
        time.sleep(0.01)


class Gate:
    """What a cell waits at until the test opens it: `command` is a line of a shell."""

    def __init__(self, worker):
        self.path = worker.state.parent.parent / f"gate-{time.monotonic_ns()}"
        self.command = f"until test -e '{self.path}'; do sleep 0.05; done"

    def open(self):
        self.path.touch()


def only(events, kind):
    """The one event of a kind."""
    found = [e for e in events if e["type"] == kind]
    check(len(found), 1, f"events of type {kind} in {[e['type'] for e in events]}")
    return found[0]


def types(events):
    return [e["type"] for e in events]


def mapped_bytes(worker):
    with open(f"/proc/{worker.process.pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
    return 0


def is_blocked(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().split()[2] == "S"


__all__ = [name for name in globals() if not name.startswith("_") and name not in ("os", "sys", "pathlib", "resource", "subprocess", "tempfile", "time")]
