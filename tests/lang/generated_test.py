#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs that no person writes: cells of thousands of statements and functions, nests of structs, expressions without an end. Each is
checked and run in seconds, or refused in words; none of it may crash, or take time that doubles with each level.

usage: generated_test.py TENON"""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))

from cli import case, check, check_in, run_cases, tenon  # noqa: E402

SECONDS = 120 # sanitizers on a busy machine; without them all of these take less than a tenth of a second


def run(text, *options):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "made.tn"
        path.write_text(text)
        return tenon("run", *options, path, timeout=SECONDS)


def runs(text, out):
    made = run(text)
    check((made.returncode, made.stdout, made.stderr), (0, out + "\n", ""), "status and output")


def is_refused(text, words):
    made = run(text)
    check((made.returncode, made.stdout), (1, ""), "status and output")
    check_in("error: " + words, made.stderr)


def lines(rows):
    return "\n".join(rows) + "\n"


def nest(levels, fan_out):
    yield "struct S0 { int v; }"
    for level in range(1, levels + 1):
        yield f"struct S{level} {{ " + " ".join(f"S{level - 1} f{k};" for k in range(fan_out)) + " }"


@case
def a_deep_nest_of_structs_is_checked_at_once():
    program = list(nest(40, 3))
    runs(lines(program) + "int depth(S40 s) { return 40; }\nprint(40);", "40")
    runs(lines(reversed(program)) + "print(40);", "40")
    runs(lines(nest(5000, 1)) + "print(5000);", "5000")


@case
def a_long_circle_of_structs_is_found():
    ring = [f"struct R{i} {{ R{(i + 1) % 300} next; (int, int) pair; }}" for i in range(300)]
    is_refused(lines(ring), "the struct R0 contains itself")
    ring[299] = "struct R299 { R0[] next; }"
    runs(lines(ring) + "print(300);", "300")


@case
def a_value_of_too_many_structs_is_refused():
    is_refused(lines(nest(40, 3)) + "S40 x;", "the value holds more than 200000 structs")
    is_refused(lines(nest(1000, 1)) + "S1000 x;", "S500 holds structs inside each other more than 500 deep")
    is_refused("struct A { any a = A{}; }\nA x;", "A holds structs inside each other more than 500 deep")
    runs(lines(nest(10, 3)) + "S10 x;\nprint(x.f0.f1.f2.f0.f1.f2.f0.f1.f2.f0.v);", "0")


@case
def thousands_of_statements_are_one_cell():
    runs(lines(f"int a{i} = {i};\na{i} = a{i} + 1;" for i in range(2500)) + "print(a0, a2499);", "1 2500")
    runs("tensor x = ones(4);\n" + lines(f"x = x * 1.0 + {i}.0;" for i in range(5000)) + "print(int(x[0]));", "12497501")
    runs("auto x = [" + ", ".join(map(str, range(100000))) + "];\nprint(x.shape);", "[100000]")


@case
def thousands_of_functions_are_one_cell():
    runs(lines(f"int f{i}(int x) {{ return x + {i}; }}" for i in range(2000)) + "int n = 0;\n" + lines(f"n += f{i}({i});" for i in range(2000)) + "print(n);",
         "3998000")
    runs("int g0(int x) { return x; }\n" + lines(f"int g{i}(int x) {{ return g{i - 1}(x) + 1; }}" for i in range(1, 2000)) + "print(g1999(0));", "1999")


@case
def what_is_nested_without_end_is_refused_in_words():
    n = 10000
    deep = "nested too deeply: at most 200 levels are possible"
    for text in ("print(" + "(" * n + "1" + ")" * n + ");", "int one = 1;\nprint(" + "(one + " * n + "1" + ")" * n + ");", "{" * n + "print(1);" + "}" * n,
                 "int one = 1;\n" + "if (one > 0) {" * n + "}" * n, "auto x = " + "[" * n + "1" + "]" * n + ";", "print(" + "!" * n + "true);",
                 "int f(int x) { return x; }\nprint(" + "f(" * n + "1" + ")" * n + ");", "int one = 1;\nprint(" + "one > 0 ? 1 : " * n + "1);",
                 "auto f = " + "(x) => " * n + "1;", "(" * n + "int" + ", int)" * n + " y;", "print(" + "- " * n + "1);"):
        is_refused(text, deep)
    for text in ("int one = 1;\nprint(" + " + ".join(["one"] * n) + ");", "auto x = ones(2);\nprint(x" + "[0:1]" * n + ");", "int x = 1;\nx" + ".a" * n + ";"):
        is_refused(text, "this expression is too long: at most 1000 operators in a row are possible")
    is_refused("int x = 1; /*" * n, "this comment is not closed")


@case
def every_one_of_many_overloads_is_found():
    structs = [f"struct T{i} {{ int v = {i}; }}\nint of(T{i} t) {{ return t.v; }}" for i in range(300)]
    runs(lines(structs) + "print(of(T0{}), of(T64{}), of(T65{}), of(T299{}));", "0 64 65 299")
    wide = ", ".join(f"int a{i} = {i}" for i in range(100))
    runs(f"int f(string s, {wide}) {{ return a99; }}\nint f(int s) {{ return -1; }}\nprint(f(\"a\"), f(1));", "99 -1")


@case
def files_that_import_each_other_without_end_are_refused_in_words():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for i in range(500):
            (folder / f"m{i}.tn").write_text(f'import "m{i + 1}.tn";\nint v{i} = {i};\n')
        (folder / "m500.tn").write_text("int v500 = 500;\n")
        made = tenon("run", folder / "m0.tn", timeout=SECONDS)
        check((made.returncode, made.stdout), (1, ""), "status and output")
        check_in("error: files import each other more than 100 deep", made.stderr)
        (folder / "most.tn").write_text('import "m405.tn";\nprint(v405);\n')
        made = tenon("run", folder / "most.tn", timeout=SECONDS)
        check((made.returncode, made.stdout, made.stderr), (0, "405\n", ""), "status, output, errors")


run_cases()
