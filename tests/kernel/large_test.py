#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is large at the front: a request of one client must not keep it from the others."""
import json
import pathlib
import tempfile
import time

from front import *  # noqa: F403
from front import Kernel, case, check

CELLS = 40000


def seconds_of(client, query):
    """(seconds of the fastest of three, what is found) of a question to the history."""
    best = None
    for _ in range(3):
        began = time.monotonic()
        found = client.ask("history_request", {"hist_access_type": "search", "pattern": "*", "output": False, **query}, timeout=120)["history"]
        took = time.monotonic() - began
        best = took if best is None else min(best, took)
    return best, found


@case
def each_source_of_a_long_history_is_found_once_without_comparing_each_with_each():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "tenon", "cells.jsonl")
        path.parent.mkdir()
        sources = [f"x = {n}" for n in range(CELLS)] + ["x = 7", "x = 8"]
        path.write_text("".join(json.dumps({"session": 1, "line": n, "source": source}) + "\n" for n, source in enumerate(sources)))
        with Kernel(XDG_STATE_HOME=folder) as kernel:
            plain, found = seconds_of(kernel.client, {})
            check([row[2] for row in found], sources, "all")
            unique, found = seconds_of(kernel.client, {"unique": True})
            check([row[2] for row in found], sources[:7] + sources[9:], "each once, the newest")
            assert unique < 5 + 20 * plain, f"{unique:.2f} s, where all without a look at each other take {plain:.2f} s"


def interrupted(client, code):
    """Whether the cell ends in an interrupt that is sent when it has begun. One that has ended before is no fault: it is tried again."""
    for _ in range(5):
        cell = client.execute(f'print("begun"); {code}')
        client.prints(cell, "begun")
        client.send("control", "interrupt_request", {})
        reply = client.reply(cell, timeout=120)["content"]
        client.published(cell, timeout=120)
        if reply["status"] == "error":
            check(reply["ename"], "Interrupted")
            return True
    return False


@case
def a_large_picture_can_be_interrupted_while_it_is_packed():
    with tempfile.TemporaryDirectory() as folder, Kernel(TENON_RUNS=f"{folder}/runs") as kernel:
        kernel.client.run('auto r = run("pictures"); auto a = rand(4000, 4000); sum(a)', timeout=120)
        for code in ('r.image("a", a);', "image(a)", f'write_png("{folder}/a.png", a);'):
            assert interrupted(kernel.client, code), f"{code} was never interrupted"
        reply, _ = kernel.client.run("1 + 1")
        check(reply["status"], "ok")


run_cases() # noqa: F405
