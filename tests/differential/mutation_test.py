#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that the tests see faults: each deliberate one of runtime/base/mutation.def is switched on, and the quick suite's own programs
(differential_test.py, the same seeds) must differ or crash, or else one of the tests that OTHERS names must fail. Only for a build with -Dmutations=true.

usage: mutation_test.py RUN_PROGRAMS BUILD_FOLDER [MUTATION]"""
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import differential_test as suite  # noqa: E402

COUNT, BATCH = 300, 30 # the quick suite's programs, a few at a time: most faults show in the first
# Faults that every way to run shows alike (one tape and one set of loops serve all of them), that need work that fails, or one plan twice over
# different holders, which no program of the quick suite has: the unit test that computes the right values itself, or the golden program, must fail.
OTHERS = {
    "uniform_once_too_few": "unit cpu_fused",
    "chunk_not_added": "unit cpu_fused",
    "gathered_block_stale": "unit cpu_fused",
    "equal_without_attributes": "unit tensor_plan",
    "key_without_donation": "unit tensor_plan",
    "gradient_overwritten": "unit tensor_gradient",
    "donated_before_failing": "unit tensor_plan",
    "undo_entry_lost": "golden failed_work_is_undone",
}


def found_by_programs(runner, ways, compared):
    try:
        for begin in range(1, COUNT + 1, BATCH):
            for way, batch, at, text in suite.differences(runner, ways, compared, range(begin, begin + BATCH)):
                if way is not None:
                    return f"program {batch[at].seed}, {way.name}" + (", by an assert" if "Assertion" in text else "")
    except (SystemExit, subprocess.TimeoutExpired) as failed: # no program runs at all, or one runs for ever
        return str(failed)
    return None


def found_by_other(build, which, name):
    kind, test = which.split(" ")
    lang = pathlib.Path(__file__).resolve().parents[1] / "lang"
    command = [build / "tests" / "unit" / f"{test}_test"] if kind == "unit" else [sys.executable, lang / "run_golden.py", build / "tenon", lang, test]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TENON_MUTATION": name}, timeout=900)
    failed = re.search(r"^not ok \d+ - (\S+)", done.stdout, flags=re.M)
    return f"{test}, {failed.group(1)}" if failed else None


def main():
    runner_path, build, only = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    table = pathlib.Path(__file__).resolve().parents[2] / "runtime" / "base" / "mutation.def"
    names = [name for name in re.findall(r"^TN_MUTATION\((\w+),", table.read_text(), flags=re.M) if not only or name in only]
    os.environ.pop("TENON_MUTATION", None)
    runner = suite.Runner(runner_path)
    ways = {way.name: way for way in runner.ways()}
    compared = [way for way in ways.values() if way.like is not None]
    print(f"1..{len(names) + 1}")
    start = time.time()
    clean = found_by_programs(runner, ways, compared) # else everything would count as found
    print(f"{'not ok' if clean else 'ok'} 1 - without_a_fault_nothing_differs" + (f" # {clean}" if clean else ""))
    missed = 0
    for number, name in enumerate(names, 2):
        os.environ["TENON_MUTATION"] = name
        where = found_by_other(build, OTHERS[name], name) if name in OTHERS else found_by_programs(runner, ways, compared)
        missed += where is None
        print(f"{'not ok' if where is None else 'ok'} {number} - {name}_is_found" + (f" # {where}" if where else ""))
        sys.stdout.flush()
    print(f"# {time.time() - start:.0f} s")
    return 1 if missed or clean else 0


if __name__ == "__main__":
    sys.exit(main())
