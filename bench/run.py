#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tenon beside its peers, in one run on one machine: prints a table and writes it to bench/results/.

usage: bench/run.py [--tenon build/tenon] [--floor build/bench/floor] [--peers PYTHON] [--no-peers] [--write]

Machines are noisy, so the rounds of all contestants are interleaved and only ratios of one run count. PYTHON is an interpreter
that has torch and jax (script/bench makes one); without it those columns stay empty.
"""
import argparse
import datetime
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

from machine import processor

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent


def run_json(command, env=None):
    """The JSON object on the last line that a command prints; None when it fails."""
    result = subprocess.run(command, capture_output=True, text=True, env=env, timeout=900)
    if result.returncode != 0:
        print(f"bench: {' '.join(map(str, command))} failed:\n{result.stderr[-2000:]}", file=sys.stderr)
        return None
    return json.loads(result.stdout.strip().splitlines()[-1])


def merge(best, figures):
    """Keeps the best of each figure over the rounds: rates are largest, times smallest."""
    for name, value in (figures or {}).items():
        pick = max if name.endswith("_per_s") else min
        best[name] = pick(best.get(name, value), value)


def time_command(command, repeat):
    """Median wall time of a command, in ms."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def tenon_figures(tenon):
    figures = {}
    for name in ("mlp", "cnn", "ops", "softmax", "scalar"):
        merge(figures, run_json([tenon, "run", HERE / f"{name}.tn"]))
    return figures


def contestants(options):
    env = dict(os.environ, OMP_NUM_THREADS=str(os.cpu_count()))
    teams = {"tenon": lambda: tenon_figures(options.tenon)}
    if options.floor.exists():
        teams["floor"] = lambda: run_json([options.floor], env)
    if options.peers:
        teams["PyTorch eager"] = lambda: run_json([options.peers, HERE / "peer_torch.py", "eager"])
        teams["PyTorch compiled"] = lambda: run_json([options.peers, HERE / "peer_torch.py", "compile"])
        teams["JAX"] = lambda: run_json([options.peers, HERE / "peer_jax.py"])
    if shutil.which("lua5.4"):
        teams["Lua 5.4"] = lambda: run_json(["lua5.4", HERE / "scalar.lua"])
    teams["Python"] = lambda: run_json(["/usr/bin/python3", HERE / "peer_python.py"])
    return teams


def start_times(options, best):
    empty = HERE / "empty.tn"
    best["tenon"]["start_ms"] = time_command([options.tenon, "run", empty], 30)
    if "Lua 5.4" in best:
        best["Lua 5.4"]["start_ms"] = time_command(["lua5.4", "-e", ""], 30)
    best["Python"]["start_ms"] = time_command(["/usr/bin/python3", "-c", ""], 10)
    if options.peers:
        best["PyTorch eager"]["start_ms"] = time_command([options.peers, "-c", "import torch"], 3)


# figure, how it is called, unit, goal in words, and the goal as a test on (tenon's figure, all figures)
PEERS = ("PyTorch eager", "PyTorch compiled", "JAX")


def best_peer(best, name, pick):
    values = [best[p][name] for p in PEERS if p in best and name in best[p]]
    return pick(values) if values else None


def goals(best):
    t = best["tenon"]
    floor = best.get("floor", {})
    lua = best.get("Lua 5.4", {})
    torch = best.get("PyTorch eager", {})

    def ratio(a, b):
        return a / b if a and b else None
    mlp_peer = best_peer(best, "mlp_step_us", min)
    cnn_peer = best_peer(best, "cnn_images_per_s", max)
    return [
        ("MLP step / bare loop", ratio(t.get("mlp_step_us"), floor.get("mlp_step_us")), "<=", 1.15),
        ("best peer / MLP step", ratio(mlp_peer, t.get("mlp_step_us")), ">=", 1.35),
        ("CNN / best peer", ratio(t.get("cnn_images_per_s"), cnn_peer), ">=", 1.8),
        ("small op / PyTorch", ratio(t.get("small_op_us"), torch.get("small_op_us")), "<=", 0.25),
        ("softmax / warm copy", ratio(t.get("softmax_ms"), floor.get("copy_ms")), "<=", 1.25),
        ("scalar loop / Lua", ratio(t.get("scalar_loop_ns"), lua.get("scalar_loop_ns")), "<=", 1.0),
        ("fib(30) / Lua", ratio(t.get("fib30_ms"), lua.get("fib30_ms")), "<=", 1.0),
        ("first MLP step, ms", t.get("mlp_first_step_ms"), "<=", 50.0),
        ("start of an empty file, ms", t.get("start_ms"), "<=", 8.0),
    ]


def table(best):
    names = ["mlp_step_us", "mlp_first_step_ms", "cnn_images_per_s", "small_op_us", "softmax_ms", "copy_ms", "scalar_loop_ns", "fib30_ms",
             "start_ms"]
    teams = list(best)
    lines = ["| figure | " + " | ".join(teams) + " |", "|---" * (len(teams) + 1) + "|"]
    for name in names:
        cells = [f"{best[t][name]:.4g}" if name in best[t] else "" for t in teams]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "| goal | measured | asked for | |", "|---|---|---|---|"]
    for what, value, relation, limit in goals(best):
        if value is None:
            verdict, shown = "not measured", ""
        else:
            met = value <= limit if relation == "<=" else value >= limit
            verdict, shown = "met" if met else "MISSED", f"{value:.3g}"
        lines.append(f"| {what} | {shown} | {relation} {limit:g} | {verdict} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tenon", type=pathlib.Path, default=ROOT / "build/tenon")
    parser.add_argument("--floor", type=pathlib.Path, default=ROOT / "build/bench/floor")
    parser.add_argument("--peers", default="")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="write the table to bench/results/")
    options = parser.parse_args()
    teams = contestants(options)
    best = {name: {} for name in teams}
    for _ in range(options.rounds):
        for name, work in teams.items():
            merge(best[name], work())
    start_times(options, best)
    today = datetime.date.today().isoformat()
    versions = subprocess.run([options.tenon, "--version"], capture_output=True, text=True).stdout.strip()
    text = f"# {today}: {versions}, {os.cpu_count()} cores of {processor()}\n\nBest of {options.rounds} interleaved rounds.\n\n{table(best)}\n"
    print(text)
    if options.write:
        path = HERE / "results" / f"{today}-cpu.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        print(f"written to {path.relative_to(ROOT)}")


main()
