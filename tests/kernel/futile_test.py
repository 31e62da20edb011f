#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trouble that does not end by trying again: workers that die whatever is done."""
import json
import pathlib
import sys
import tempfile
import time

from front import *  # noqa: F403
from front import Kernel, case, check, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "protocol"))
from client import MAGIC, pack  # noqa: E402

HELLO = {"type": "hello", "protocol": "tenon", "version": [1, 0], "tenon": "9.9", "session": "s", "generation": 1, "pid": 1, "notes": []}


@case
def a_worker_that_greets_and_ends_is_not_started_for_ever_while_nobody_asks_for_anything():
    with tempfile.TemporaryDirectory() as folder:
        hello, starts = pathlib.Path(folder, "hello"), pathlib.Path(folder, "starts")
        hello.write_bytes(MAGIC + pack(HELLO))
        script = f"echo >> '{starts}'; cat '{hello}'; exit 3"
        with Kernel(worker=("sh", "-c", script), ready=False) as kernel:
            client = kernel.connect().welcome()
            check(client.ask("kernel_info_request")["status"], "ok")
            wait_until(lambda: starts.exists() and len(starts.read_bytes()) >= 2, "a second worker")
            time.sleep(1)
            for cell in range(3):
                reply, _ = client.run(json.dumps(cell))
                check((reply["status"], reply["ename"]), ("error", "WorkerDied"))
            time.sleep(0.5)
            assert len(starts.read_bytes()) <= 4 + 2 * 3, f"{len(starts.read_bytes())} workers for three cells"


run_cases() # noqa: F405
