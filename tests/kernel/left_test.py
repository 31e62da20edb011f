#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is left behind when the front dies without a word, in the rarer states of its worker: nothing. (The common ones are in deaths_test.py.)"""
import contextlib
import os
import pathlib
import signal
import tempfile

from front import *  # noqa: F403
from front import Kernel, case, is_gone, kill, process_of, wait_until

STOPPED = "Tt"


def stop(pid):
    kill(pid, signal.SIGSTOP)
    wait_until(lambda: process_of(pid).state in STOPPED, "the worker stands still")


def killed_with(worker, kernel):
    """The front is gone, and its worker ends by itself; where it does not, nothing of it stays behind this test."""
    kernel.process.kill()
    kernel.process.wait()
    for client in kernel.clients:
        client.close()
    try:
        wait_until(lambda: is_gone(worker), "the end of the worker")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker, signal.SIGKILL)


@case
def a_worker_that_stands_still_at_idle_ends_with_its_front():
    kernel = Kernel()
    worker = kernel.worker_pid()
    stop(worker)
    killed_with(worker, kernel)


@case
def a_worker_that_stands_still_in_a_cell_ends_with_its_front():
    for code in ("while (true) { }", "!sleep 1000"):
        kernel = Kernel()
        worker = kernel.worker_pid()
        kernel.client.begins(kernel.client.execute(code))
        stop(worker)
        killed_with(worker, kernel)


def pid_in(path):
    """The number that a command of a cell has left in the file; 0: not yet."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int(path.read_text())
    return 0


@case
def what_a_cell_left_in_the_background_ends_with_a_front_that_is_killed():
    with tempfile.TemporaryDirectory() as folder:
        kernel = Kernel()
        worker, own = kernel.worker_pid(), pathlib.Path(folder, "pid")
        kernel.client.run(f"!sh -c 'trap \"\" TERM HUP; echo $$ > {own}; sleep 1000; sleep 1000' &")
        wait_until(lambda: pid_in(own) > 0, "the command")
        killed_with(worker, kernel)
        try:
            wait_until(lambda: is_gone(pid_in(own)), "the end of the command")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid_in(own), signal.SIGKILL)


run_cases() # noqa: F405
