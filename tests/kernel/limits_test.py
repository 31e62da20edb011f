#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The front where the system allows little: few open files."""
import resource
import subprocess

from front import *  # noqa: F403
from front import Client, STATE, case, check, check_in, cli, connection_info, environment, write_connection

TIMEOUT_S = 60


def start(soft, hard, **more):
    """(the kernel's process, its connection) under limits of open files."""
    info = connection_info()
    path = write_connection(STATE.name, info)
    process = subprocess.Popen([cli.TENON, "kernel", "-f", str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment(),
                               start_new_session=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)), **more)
    cli.STARTED.append(process)
    return process, info


@case
def where_too_few_files_may_be_open_the_kernel_says_so_and_ends():
    for limit in (16, 24, 32):
        process, _ = start(limit, limit, stderr=subprocess.PIPE)
        words = process.stderr.read().decode()
        check(process.wait(TIMEOUT_S), 1, "exit status")
        check(words, f"tenon kernel: a process may open no more than {limit} files here (ulimit -n), and the kernel needs 64\n")


@case
def a_low_limit_that_may_be_raised_is_raised():
    process, info = start(32, 4096)
    client = Client(info)
    try:
        client.ready()
        reply, _ = client.run("1 + 1")
        check(reply["status"], "ok")
        with open(f"/proc/{process.pid}/limits", encoding="ascii") as file:
            check_in("4096", next(line for line in file if line.startswith("Max open files")))
    finally:
        client.close()
        process.terminate()
        process.wait(TIMEOUT_S)


run_cases() # noqa: F405
