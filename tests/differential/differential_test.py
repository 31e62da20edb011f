#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs programs that are made at random (programs.py) in every way that must give the same bits, and compares what they leave behind. A
program that differs is made as small as it goes and printed.

usage: differential_test.py RUN_PROGRAMS [--seed FIRST] [--count N] [--ways NAME,NAME] [--every]

--every prints each program that differs, not only the first of each way. A seed names a program: `--seed 4711 --count 1` runs that one again, and
`programs.py 4711` prints it."""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import programs  # noqa: E402

BATCH = 250 # programs of one process: its plans stay cached from one to the next
SECONDS = 900
MOST_SHRUNK = 3


class Way:
    """How to run: environment variables, additional syncs, which way it must agree with, and the taints of values that may differ from that
    way's in their last digits (ARCHITECTURE.md, "Same bits"; runtime/cpu/isa.c)."""

    def __init__(self, name, like=None, syncs=0, may_differ=(), **variables):
        self.name, self.like, self.syncs, self.may_differ = name, like, syncs, frozenset(may_differ)
        self.variables = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", **variables}


WAYS = (
    Way("planned"),
    Way("eager", "planned", TENON_EAGER="1"),
    Way("synced", "planned", syncs=1),
    Way("two_threads", "planned", may_differ=["sum"], OMP_NUM_THREADS="2"),
    Way("portable", "planned", may_differ=["sum"], TENON_PORTABLE="1"),
    Way("portable_synced_two_threads", "portable", syncs=2, TENON_PORTABLE="1", OMP_NUM_THREADS="2"),
    Way("avx2", "planned", may_differ=["sum", "fn"], TENON_ISA="avx2"),
    Way("base", "planned", may_differ=["sum", "fn"], TENON_ISA="base"),
    Way("base_eager", "base", TENON_ISA="base", TENON_EAGER="1"),
)
# Relative to the largest number of the value, by the least exact dtype of the program.
TOLERANCE = {"f64": 1e-9, "f32": 2e-3, "f16": 0.05, "bf16": 0.3}


class Runner:
    def __init__(self, path):
        self.path = path
        self.isa = self.start("", WAYS[0], [])[1]

    def start(self, text, way, options):
        env = {k: v for k, v in os.environ.items() if not k.startswith("TENON_") or k == "TENON_MUTATION"}
        env.update(way.variables)
        done = subprocess.run([self.path, *options], input=text, capture_output=True, text=True, env=env, timeout=SECONDS)
        first = re.match(r"@@ isa (\w+)\n", done.stdout)
        if first is None:
            raise SystemExit(f"{self.path} does not run: {done.stderr[-2000:]}")
        return done, first.group(1)

    def run(self, texts, way):
        """What each of these programs leaves behind, in one process; another one goes on behind a program that ended it."""
        results = []
        while len(results) < len(texts):
            rest = texts[len(results):]
            done, isa = self.start("".join(f"@@ {len(results) + k}\n{text}" for k, text in enumerate(rest)), way, ["--values"])
            wished = way.variables.get("TENON_ISA")
            if wished not in (None, isa):
                raise SystemExit(f"the way {way.name} ran with {isa}")
            parts = re.split(r"^@@ \d+\n", done.stdout, flags=re.M)[1:]
            whole = [part[:-len("@@ end\n")] for part in parts if part.endswith("@@ end\n")]
            results += whole
            if len(whole) < len(rest):
                results.append(f"ended with status {done.returncode}: {done.stderr[-3000:]}")
            elif done.returncode != 0: # a leak, say, that no single program can be blamed for
                results[-1] += f"then ended with status {done.returncode}: {done.stderr[-3000:]}"
        return results

    def ways(self):
        return [way for way in WAYS if "TENON_ISA" not in way.variables or way.variables["TENON_ISA"] != self.isa]


def fields(output):
    return {line.split(" ", 1)[0]: line.rstrip() for line in output.splitlines()}


def numbers(line):
    return [float(word) for word in line.partition("]")[2].split()[1:]]


def is_near(a, b, tolerance):
    if a.partition("]")[0] != b.partition("]")[0]:
        return False
    x, y = numbers(a), numbers(b)
    scale = max([abs(v) for v in x + y if abs(v) < 1e300] + [1.0])
    for u, v in zip(x, y):
        if u != v and not (u != u and v != v) and not abs(u - v) <= tolerance * scale:
            return False
    return len(x) == len(y)


def difference(program, way, ours, theirs):
    """Empty where the outputs agree as they must, else the lines that do not."""
    if ours == theirs:
        return ""
    a, b = fields(ours), fields(theirs)
    if set(a) != set(b) or "Error:" in ours or "Error:" in theirs:
        return f"{way.like}: {theirs[:1500]}\n{way.name}: {ours[:1500]}"
    values = program.values()
    dtypes = re.findall(r"\b(?:f64|f32|f16|bf16)\b", program.text())
    tolerance = max(TOLERANCE[d] for d in dtypes + ["f64"])
    for name in a:
        taints = values[name].taints if name in values else frozenset()
        if a[name] == b[name] or (taints & way.may_differ and "wild" in taints):
            continue
        if a[name].split()[-1:] != b[name].split()[-1:] and taints & way.may_differ and is_near(a[name], b[name], tolerance):
            continue
        if taints & way.may_differ and is_near(a[name], b[name], tolerance):
            continue
        return f"{way.like}: {b[name]}\n{way.name}: {a[name]}"
    return ""


# ---- smaller ----


def without(statements, path):
    """A copy without the statement at that path, and without what cannot be without it."""
    made = [s.copy() for s in statements]
    at = made
    for k in path[:-1]:
        at = at[k].body
    del at[path[-1]]
    return made


def paths(statements, before=()):
    for k, s in enumerate(statements):
        yield before + (k,)
        if s.body is not None:
            yield from paths(s.body, before + (k,))


def get(statements, path):
    for k in path[:-1]:
        statements = statements[k].body
    return statements[path[-1]]


def mended(statements, sizes, values=None):
    """Without the statements that cannot be; of blocks only what can."""
    values = {} if values is None else values
    kept = []
    for s in statements:
        if s.body is not None:
            s.body = mended(s.body, sizes, dict(values))
        try:
            programs.infer_all([s], values, sizes)
        except (programs.Invalid, KeyError):
            continue
        kept.append(s)
    return kept


def smaller(program):
    """Programs that are a little smaller, the smallest first."""
    statements, sizes = program.statements, program.sizes
    for part in (2, 4, 8):
        step = max(1, len(statements) // part)
        for k in range(0, len(statements), step):
            yield programs.Program(program.seed, sizes, [s.copy() for s in statements[:k] + statements[k + step:]])
    for path in reversed(list(paths(statements))):
        yield programs.Program(program.seed, sizes, without(statements, path))
    for path in paths(statements):
        s = get(statements, path)
        if s.body is not None: # its body in its place
            made = without(statements, path)
            at = made
            for k in path[:-1]:
                at = at[k].body
            at[path[-1]:path[-1]] = [t.copy() for t in s.body]
            yield programs.Program(program.seed, sizes, made)
    for name, size in sizes.items():
        for smaller_size in sorted({1, 2, 3, 8, 16, 33, 65, size // 2, size * 3 // 4, size - 1} | {b + 1 for b in programs.BORDERS}):
            if 0 < smaller_size < size:
                yield programs.Program(program.seed, {**sizes, name: smaller_size}, [s.copy() for s in statements])
    values = program.values()
    for path in paths(statements): # a value of its own instead of what it was made from
        s = get(statements, path)
        if len(path) == 1 and s.body is None and s.kind not in ("leaf", "uniform", "write", "update"):
            made = [t.copy() for t in statements]
            v = values[s.out[0]]
            made[path[0]] = programs.Statement("leaf", s.out, dims=list(v.shape), dtype=v.dtype, table="plain", stride=1, start=0, ready=True, turned=False)
            yield programs.Program(program.seed, sizes, made)
        for change in ({"table": "plain"}, {"turned": False}, {"stride": 1}, {"start": 0}, {"rounds": 1}, {"ready": False}):
            key, wanted = next(iter(change.items()))
            if s.attrs.get(key, wanted) != wanted:
                made = [t.copy() for t in statements]
                get(made, path).attrs[key] = wanted
                yield programs.Program(program.seed, sizes, made)


def shrink(runner, way, like, program, context):
    """The smallest program found that still differs behind the programs of `context`."""
    rounds = 0
    while rounds < 60:
        rounds += 1
        seen, trials = {program.text()}, []
        for candidate in smaller(program):
            candidate.statements = mended(candidate.statements, candidate.sizes)
            try:
                text = candidate.text()
            except (programs.Invalid, KeyError, IndexError):
                continue
            if text not in seen:
                seen.add(text)
                trials.append(candidate)
        found = None
        for k in range(0, len(trials), 40): # many in one process
            some = trials[k:k + 40]
            ours = run_behind(runner, [t.text(way.syncs) for t in some], way, context)
            theirs = run_behind(runner, [t.text(like.syncs) for t in some], like, context)
            found = next((t for t, a, b in zip(some, ours, theirs) if is_same_kind(t, way, a, b)), None)
            if found is not None:
                break
        if found is None:
            return program
        program = found
    return program


def is_same_kind(program, way, ours, theirs):
    return "Error:" not in theirs and difference(program, way, ours, theirs) != ""


def run_behind(runner, texts, way, context):
    """Each behind the programs of the context, where there are any."""
    if not context:
        return runner.run(texts, way)
    together = [text for one in texts for text in [c.text(way.syncs) for c in context] + [one]]
    return runner.run(together, way)[len(context)::len(context) + 1]


def context_of(runner, way, like, batch, at):
    """The programs that must come first for number `at` of the batch to differ."""
    def differs(before):
        texts = before + [batch[at]]
        ours = runner.run([p.text(way.syncs) for p in texts], way)[-1]
        theirs = runner.run([p.text(like.syncs) for p in texts], like)[-1]
        return difference(batch[at], way, ours, theirs) != ""

    before = [] if differs([]) else batch[:at]
    step = len(before) // 2
    while step >= 1:
        k = 0
        while k < len(before):
            shorter = before[:k] + before[k + step:]
            if differs(shorter):
                before = shorter
            else:
                k += step
        step //= 2
    return before


def report(runner, way, like, batch, at, text):
    """Lines that say what differs, and the smallest program that does."""
    program = batch[at]
    lines = [f"program {program.seed}: {way.name} differs from {like.name}"] + ["    " + line[:400] for line in text.splitlines()]
    context = context_of(runner, way, like, batch, at)
    small = shrink(runner, way, like, program, context)
    ours = run_behind(runner, [small.text(way.syncs)], way, context)[0]
    theirs = run_behind(runner, [small.text(like.syncs)], like, context)[0]
    behind = f", behind {[p.seed for p in context]}" if context else ""
    lines.append(f"made smaller{behind} ({' '.join(f'{k}={v}' for k, v in way.variables.items())}):")
    lines += ["    " + line for line in small.text(way.syncs).splitlines()]
    return lines + ["gives"] + ["    " + line[:400] for line in difference(small, way, ours, theirs).splitlines()]


# ---- the whole ----


def check_borders():
    """Sizes on which runtime/cpu changes what it does, which programs.BORDERS must have."""
    folder = pathlib.Path(__file__).resolve().parents[2] / "runtime" / "cpu"
    missing = []
    for path in sorted(folder.glob("*.[ch]")):
        for body in re.findall(r"^enum \{(.*?)\};", path.read_text(), flags=re.M):
            for name, value in re.findall(r"\b(\w+) = (\d+)\b(?! *<<)", body):
                size = int(value)
                is_size = re.search(r"BLOCK|CHUNK|PANEL|ROW|STRIP|BAND|LINE|LANES|TILE|SIDE|FEW$|^[MNK]C$|VECTOR|PIXELS", name)
                if is_size and size > 1 and size not in programs.BORDERS and size not in programs.SMALL:
                    missing.append(f"{path.name}: {name} = {size}")
    return missing


def differences(runner, ways, compared, seeds):
    """For each program and way that differs: (way, the batch, number in it, what differs); then the count of programs that end in an error."""
    batch = [programs.make(seed) for seed in seeds]
    outputs = {}
    for way in compared:
        for one in (ways[way.like], way):
            if one.name not in outputs:
                outputs[one.name] = runner.run([p.text(one.syncs) for p in batch], one)
        for k, program in enumerate(batch):
            text = difference(program, way, outputs[way.name][k], outputs[way.like][k])
            if text:
                yield way, batch, k, text
    yield None, batch, sum("Error:" in text for text in outputs.get("planned", [])), ""


def run_all(runner, ways, compared, options):
    """For each way the seeds that differ and the lines to be shown; how many programs end in an error."""
    failed, shown, errors, shrunk = {way.name: [] for way in compared}, {way.name: [] for way in compared}, 0, 0
    end = options.seed + options.count
    for begin in range(options.seed, end, BATCH):
        for way, batch, at, text in differences(runner, ways, compared, range(begin, min(begin + BATCH, end))):
            if way is None:
                errors += at
                continue
            failed[way.name].append(batch[at].seed)
            if options.every or (not shown[way.name] and shrunk < MOST_SHRUNK):
                shrunk += 1
                shown[way.name] += report(runner, way, ways[way.like], batch, at, text)
    return failed, shown, errors


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run_programs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--ways", default="")
    parser.add_argument("--every", action="store_true")
    options = parser.parse_args()
    runner, start = Runner(options.run_programs), time.time()
    ways = {way.name: way for way in runner.ways()}
    compared = [ways[name] for name in (options.ways.split(",") if options.ways else ways) if ways[name].like is not None]
    print(f"1..{len(compared) + 2}")
    failed, shown, errors = run_all(runner, ways, compared, options)
    for number, way in enumerate(compared, 1):
        seeds = failed[way.name]
        print(f"{'not ok' if seeds else 'ok'} {number} - {way.name}_gives_what_{way.like}_gives")
        for line in [f"seeds {seeds[:40]}"] * bool(seeds) + shown[way.name]:
            print("#   " + line)
    missing = check_borders()
    print(f"{'not ok' if missing else 'ok'} {len(compared) + 1} - the_sizes_are_those_of_the_backend" + (f" # {missing}" if missing else ""))
    few = errors * 50 <= options.count or options.count < 50
    print(f"{'ok' if few else 'not ok'} {len(compared) + 2} - nearly_all_programs_run # {errors} of {options.count} end in an error")
    print(f"# seeds {options.seed} to {options.seed + options.count - 1}, {time.time() - start:.0f} s, {runner.isa}")
    return 1 if missing or any(failed.values()) or not few else 0


if __name__ == "__main__":
    sys.exit(main())
