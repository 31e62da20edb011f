#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The kernel beside other kernels, seen by one real client (jupyter_client) in one run: prints a table and writes it to bench/results/.

usage: PYTHON bench/kernel.py [--tenon build/tenon] [--floor build/bench/floor_kernel] [--events build/bench/events] [--rounds 3] [--write]

PYTHON has jupyter_client and psutil, and, for their columns, ipykernel and xeus-python (script/bench makes one). The floor is a kernel that
does nothing, so its column is the client's own cost. Rounds are interleaved; each figure is the median over the rounds.
"""
import argparse
import datetime
import json
import os
import pathlib
import queue
import statistics
import subprocess
import sys
import tempfile
import time

import psutil
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from jupyter_client.manager import KernelManager

from machine import processor

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent

LINES = 100_000
TURNS = 22
PYTHON = {"one": "1+1", "lines": f"for i in range({LINES}): print('line', i)", "big": "print('x' * 10_000_000)", "spin": "while True: pass"}
TENON = {"one": "1+1", "lines": f"for (int i : 0..{LINES}) print(\"line\", i);", "big": "print(repeat(\"x\", 10000000));",
         "spin": "while (true) { }"}


class Client:
    """A kernel that runs, and the one way in which all of them are asked."""

    def __init__(self, kernel, code):
        self.code = code
        self.manager = KernelManager(kernel_name=kernel)
        start = time.perf_counter()
        self.manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.execute(code["one"])
        self.start_seconds = time.perf_counter() - start

    def execute(self, code, timeout=120):
        """Runs a cell to its reply and idle: seconds, characters of the streams, status."""
        start = time.perf_counter()
        request = self.client.execute(code)
        characters = 0
        while True:
            message = self.client.get_iopub_msg(timeout=timeout)
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "stream":
                characters += len(message["content"]["text"])
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
        reply = self.client.get_shell_msg(timeout=timeout)
        return time.perf_counter() - start, characters, reply["content"]["status"]

    def memory(self):
        """MiB resident in the kernel's processes."""
        process = psutil.Process(self.manager.provisioner.pid)
        return sum(p.memory_info().rss for p in [process, *process.children(recursive=True)]) / 2**20

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def timed(work, repeat):
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return sorted(times)


def interrupt_seconds(kernel):
    """None: the kernel did not stop."""
    kernel.client.execute(kernel.code["spin"])
    time.sleep(0.3)
    start = time.perf_counter()
    kernel.manager.interrupt_kernel()
    try:
        kernel.client.get_shell_msg(timeout=10)
    except queue.Empty:
        return None
    seconds = time.perf_counter() - start
    while True:  # the cell's own messages
        try:
            kernel.client.get_iopub_msg(timeout=0.2)
        except queue.Empty:
            return seconds


def measure(name, code, does_work):
    kernel = Client(name, code)
    figures = {"start_to_first_result_s": kernel.start_seconds, "memory_fresh_MiB": kernel.memory()}
    try:
        for _ in range(50):
            kernel.execute(code["one"])
        figures["complete_p50_ms"] = timed(lambda: kernel.client.complete("pri", 3, reply=True, timeout=20), 100)[50] * 1e3
        figures["inspect_p50_ms"] = timed(lambda: kernel.client.inspect("print", 5, reply=True, timeout=20), 100)[50] * 1e3
        if does_work:
            seconds, characters, _ = kernel.execute(code["lines"])
            expected = sum(len(f"line {i}\n") for i in range(LINES))
            figures["print_100k_lines_s"], figures["print_100k_lost_percent"] = seconds, 100 * (1 - characters / expected)
            figures["print_10MB_s"] = kernel.execute(code["big"])[0]
            figures["memory_after_MiB"] = kernel.memory()
            interrupts = [seconds for seconds in (interrupt_seconds(kernel) for _ in range(3)) if seconds is not None]
            if len(interrupts) == 3:
                figures["interrupt_p50_ms"] = statistics.median(interrupts) * 1e3
    finally:
        kernel.stop()
    return figures


def round_trips(teams):
    """The same short cell, by turns of 25 among kernels that all run: what disturbs the machine for a moment disturbs them alike."""
    kernels = {column: Client(name, code) for column, name, code, _ in teams}
    times = {column: [] for column in kernels}
    try:
        for turn in range(TURNS):
            for column, kernel in kernels.items():
                for i in range(28):
                    seconds = kernel.execute(kernel.code["one"])[0]
                    if turn >= 2 and i >= 3:
                        times[column].append(seconds * 1e3)
    finally:
        for kernel in kernels.values():
            kernel.stop()
    return {column: {"execute_p50_ms": percentile(t, 50), "execute_p99_ms": percentile(t, 99)} for column, t in times.items()}


def percentile(values, percent):
    return sorted(values)[len(values) * percent // 100]


def write_kernelspec(folder, name, argv, interrupt):
    place = folder / "kernels" / name
    place.mkdir(parents=True)
    spec = {"argv": [str(a) for a in argv], "display_name": name, "language": name, "interrupt_mode": interrupt}
    (place / "kernel.json").write_text(json.dumps(spec))


def contestants(options, folder):
    """(column, kernel's name, its code, whether it runs what it is given)"""
    write_kernelspec(folder, "bench-tenon", [options.tenon.resolve(), "kernel", "-f", "{connection_file}"], "message")
    teams = [("tenon", "bench-tenon", TENON, True)]
    for column, kernel in (("ipykernel", "python3"), ("xeus-python raw", "xpython-raw")):
        try:
            KernelSpecManager().get_kernel_spec(kernel)
            teams.append((column, kernel, PYTHON, True))
        except NoSuchKernel:
            print(f"bench: {kernel} is not installed beside {sys.executable}, so the column {column} stays empty", file=sys.stderr)
    if options.floor.exists():
        write_kernelspec(folder, "bench-floor", [options.floor.resolve(), "{connection_file}"], "signal")
        teams.append(("floor", "bench-floor", TENON, False))
    return teams


# figure of tenon, relation, limit. A round trip is the client's own time first of all, and machines differ: its limit is that of a machine
# whose floor is FLOOR_MS, and grows with the floor of the run.
FLOOR_MS = 0.58
GOALS = [("start_to_first_result_s", "<=", 0.26), ("memory_fresh_MiB", "<=", 16.0), ("execute_p50_ms", "<=", 0.65),
         ("print_100k_lines_s", "<=", 0.15), ("event_scalars_per_s", ">=", 1e6), ("event_log_ns", "<=", 150.0)]


def table(figures):
    names = list(dict.fromkeys(name for column in figures.values() for name in column))
    lines = ["| figure | " + " | ".join(figures) + " |", "|---" * (len(figures) + 1) + "|"]
    for name in names:
        lines.append(f"| {name} | " + " | ".join(f"{c[name]:.4g}" if name in c else "" for c in figures.values()) + " |")
    lines += ["", "| goal | measured | asked for | of the floor | |", "|---|---|---|---|---|"]
    floor = figures.get("floor", {})
    for name, relation, limit in GOALS:
        value = figures["tenon"].get(name)
        if value is None:
            lines.append(f"| {name} | | {relation} {limit:g} | | not measured |")
            continue
        asked = f"{relation} {limit:g}"
        if name == "execute_p50_ms" and name in floor:
            limit *= max(1.0, floor[name] / FLOOR_MS)
            asked += f" at a floor of {FLOOR_MS:g}, so {limit:.3g}"
        met = value <= limit if relation == "<=" else value >= limit
        ratio = f"{value / floor[name]:.2f}" if name in floor else ""
        lines.append(f"| {name} | {value:.3g} | {asked} | {ratio} | {'met' if met else 'MISSED'} |")
    return "\n".join(lines)


def event_figures(program):
    if not program.exists():
        return {}
    result = subprocess.run([program], capture_output=True, text=True, check=True, timeout=120)
    return json.loads(result.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tenon", type=pathlib.Path, default=ROOT / "build/tenon")
    parser.add_argument("--floor", type=pathlib.Path, default=ROOT / "build/bench/floor_kernel")
    parser.add_argument("--events", type=pathlib.Path, default=ROOT / "build/bench/events")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="write the table to bench/results/")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JUPYTER_PATH"] = folder
        os.environ["XDG_STATE_HOME"] = str(pathlib.Path(folder) / "state")  # no history or journal of the user's
        teams = contestants(options, pathlib.Path(folder))
        rounds = {column: [] for column, *_ in teams}
        for _ in range(options.rounds):
            for column, kernel, code, does_work in teams:
                rounds[column].append(measure(kernel, code, does_work))
                time.sleep(0.5)
            for column, trips in round_trips(teams).items():
                rounds[column][-1].update(trips)
    figures = {column: {name: statistics.median(r[name] for r in results if name in r) for name in results[0]} for column, results in rounds.items()}
    figures["tenon"].update(event_figures(options.events))
    today = datetime.date.today().isoformat()
    version = subprocess.run([options.tenon, "--version"], capture_output=True, text=True).stdout.strip()
    text = (f"# {today}: {version} as a Jupyter kernel, {os.cpu_count()} cores of {processor()}\n\n"
            f"Median of {options.rounds} interleaved rounds; the floor is a kernel that does nothing.\n\n{table(figures)}\n")
    print(text)
    if options.write:
        path = HERE / "results" / f"{today}-kernel.md"
        path.write_text(text)
        print(f"written to {path.relative_to(ROOT)}")


main()
