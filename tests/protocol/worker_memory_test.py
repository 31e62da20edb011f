#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A session of thousands of cells keeps what was defined, and nothing else. Usage: worker_memory_test.py TENON [PART…]"""
import ctypes
import pathlib
import time

from support import *

# Memory is counted in pages: where the system gives huge ones unasked (2 MiB), the counts would jump. The workers inherit this.
PR_SET_THP_DISABLE = 41
ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)

SETUP = """struct Net { Linear l1, l2; };
tensor call(Net &n, tensor x) { return n.l2(relu(n.l1(x))); }
auto net = Net{ .l1 = linear(8, 16), .l2 = linear(16, 4) };
auto opt = adamw(lr: 1e-3);
auto data = rand(64, 8);
int twice(int x) { return 2 * x; }"""

# What leaves nothing behind, however often it runs.
PASSING = {
    "values": lambda i: f"{i} + 1",
    "texts": lambda i: f'print("line {i}");',
    "unknown names": lambda i: f"undefined_{i}",
    "broken syntax": lambda i: f"int x{i} = ;",
    "errors while running": lambda i: "int z = 0; 1 / z",
    "caught errors": lambda i: 'try { error("x"); } catch (e) { print(e.message); }',
    "training": lambda i: "auto (loss, g) = grad (net) { mean(net(data) ** 2) };\nopt.step(&net, g); loss",
    "shapes": lambda i: f"sum(ones({i % 50 + 1}))",
    "tensors shown": lambda i: "data",
    "charts": lambda i: 'plot([1.0, 2.0, 3.0], title: "t");',
    "bars": lambda i: "for (auto k : progress(0..3)) { }",
    "variables again": lambda i: "auto v = 1;" if i % 2 else 'auto v = "a";',
}
# What replaces a function of the same name.
REPLACING = {
    "functions again": lambda i: f"int f(int x) {{ return twice(x) + {i}; }}\nf(3)",
    "templates again": lambda i: "auto square(auto x) { return x * x; }\nsquare(2) + square(3.0)",
    "functions of broken cells": lambda i: f"int broken(int x) {{ return x + {i}; }}\nundefined_name",
}
# What may be named by values for the rest of the session: a few kilobytes a cell.
STAYING = {
    "structs again": lambda i: f"struct P {{ int a; float b{i}; }};\nP p; p",
    "lambdas": lambda i: f"auto g = (x) => x + {i}; g(3)",
    "any": lambda i: "any a = 3; a = a + 1; a",
}


def anonymous(worker):
    with open(f"/proc/{worker.process.pid}/smaps_rollup", encoding="ascii") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("Anonymous:"))


def growth(kinds, first, last):
    """Bytes a cell from cell `first` to cell `last`, of these kinds in turn."""
    if SLOW > 1:
        raise Skip("the sanitizers keep what was freed")
    with Session() as w:
        check(w.execute(SETUP)[1]["status"], "ok", "the first cell")
        for i in range(last):
            w.execute(kinds[i % len(kinds)](i))
            if i + 1 == first:
                before = anonymous(w)
        return (anonymous(w) - before) / (last - first)


def check_growth(kinds, first, last, limit):
    found = growth(kinds, first, last)
    check(found <= limit, True, f"{found:.0f} bytes a cell between cell {first} and cell {last}, at most {limit} are right")


@case
def cells_that_define_nothing_new_leave_nothing():
    check_growth(list(PASSING.values()), 2000, 6000, 400)


@case
def a_function_that_is_replaced_leaves_with_its_cell():
    check_growth(list(REPLACING.values()) + [PASSING["values"]], 1000, 4000, 1500)


@case
def definitions_by_values_leave_a_few_kilobytes():
    check_growth(list(STAYING.values()), 500, 2000, 9000)


@case
def a_session_of_all_kinds_stays_small():
    # most of it: what is called with the session's structs is checked anew behind each definition, and the old tree stays
    check_growth(list(PASSING.values()) + list(REPLACING.values()) + list(STAYING.values()), 2000, 6000, 9000)


@case
def lambdas_may_meet_a_template_for_ever():
    with Session() as w:
        w.execute("auto apply_to(auto f, auto x) { return f(x); }")
        for i in range(600):
            done = w.execute(f"apply_to((x) => x + {i}, 3)")[1]
            check(done["status"], "ok", f"cell {i}: {done.get('text')}")


@case
def what_replaced_functions_were_called_by_is_made_again():
    with Session() as w:
        w.execute("int low(int x) { return x; }\nint high(int x) { return low(x) + 100; }\nauto kept = (x) => low(x) + 1000;\n"
                  "auto both(auto f, int x) { return f(x); }")
        for i in range(1, 200):
            w.execute(f"/// Number {i}.\nint low(int x) {{ return x + {i}; }}")
            if i % 3 == 0:
                w.execute("int low(int x) { return undefined_name; }")
            if i % 7 == 0:
                w.execute("string low(string s) { return s; }")
            events, done = w.execute("print(high(1), kept(1), both(low, 1), both(high, 1));")
            check((done["status"], text_of(events)), ("ok", f"{i + 101} {i + 1001} {i + 1} {i + 101}\n"), f"round {i}")
            answer = w.collect(w.request("inspect", code="low", cursor=3, detail=0))[1]
            check_in(f"Number {i}.", str(answer))


def wakings(worker):
    """How often its threads went to sleep of themselves."""
    total = 0
    for task in pathlib.Path(f"/proc/{worker.process.pid}/task").iterdir():
        status = (task / "status").read_text(encoding="ascii")
        total += next(int(line.split()[1]) for line in status.splitlines() if line.startswith("voluntary_ctxt_switches:"))
    return total


@case
def memory_that_is_free_goes_back_without_a_cell_and_then_nothing_wakes():
    if SLOW > 1:
        raise Skip("the sanitizers keep what was freed")
    with Session(env={"TENON_RUNS": "runs"}) as w:
        w.execute('auto r = run("idle"); r.log("x", 1.0);')
        w.execute("auto x = ones(4, 32, 1024, 1024); sync(x); auto small = list(20000, (i) => f\"text {i}\");")
        held = anonymous(w)
        check(held > 512 << 20, True, f"{held} bytes with the variable")
        w.execute("%reset")
        deadline = time.monotonic() + 10
        while anonymous(w) > 64 << 20 and time.monotonic() < deadline:
            time.sleep(0.2)
        check(anonymous(w) < 64 << 20, True, f"{anonymous(w) >> 20} MiB after 10 s")
        time.sleep(0.5)
        before = wakings(w)
        time.sleep(4)
        check(wakings(w) - before <= 1, True, f"{wakings(w) - before} wakings in 4 s")
        check(w.execute("1;")[1]["status"], "ok", "the next cell")


run_cases()
