#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every kind of assignment, to every kind of target, of every kind of right side, in every kind of place: programs made of the product of
all, whose results Python computes beside them. They hold the compiler's rule of registers: what is a local, what is a temporary.

usage: assign_test.py TENON"""
import itertools
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))

from cli import case, check, run_cases, tenon  # noqa: E402

SECONDS = 240
IN_ONE_PROGRAM = 400

HEAD = """
struct Point { int n = 100; float f = 100.0; bool b = true; string s = "s"; tensor t = full([2], 100.0); int[] xs = [4, 5, 6, 7]; }
int five = 5;
float half = 0.5;
bool yes = true;
string word = "w";
tensor two = full([2], 2.0);
int[] ints = [9, 8, 7, 6];
string[] words = ["p", "q", "r", "t"];
int twice(int x) { return x + x; }
int bump(int &x) { x += 1; return x; }
float halved(float x) { return x * 0.5; }
bool is_big(int x) { return x > 1; }
string named(int x) { return f"n{x}"; }
tensor doubled(tensor x) { return x + x; }
auto add_one = (int x) => x + 1;
"""

# type -> what the target is at first, as text and as Python has it
FIRST = {"int": ("100", 100), "float": ("100.0", 100.0), "bool": ("true", True), "string": ('"s"', "s"), "tensor": ("full([2], 100.0)", 100.0)}
FIELD = {"int": "n", "float": "f", "bool": "b", "string": "s", "tensor": "t"}

# text of a right side -> its value where the loop is at i (1, 2, 3), never 0 for numbers
RIGHT = {
    "int": {
        "3": lambda i: 3, "i": lambda i: i, "k": lambda i: 4, "five": lambda i: 5, "min(i, 5)": lambda i: min(i, 5), "twice(i)": lambda i: 2 * i,
        "int(2.9)": lambda i: 2, "int(half * 4.0)": lambda i: 2, "(i > 1 ? i : 7)": lambda i: i if i > 1 else 7,
        "(is_big(i) ? min(i, 2) : twice(i))": lambda i: min(i, 2) if i > 1 else 2 * i, "seed (1) { i + 1 }": lambda i: i + 1,
        "add_one(i)": lambda i: i + 1, "ints[i]": lambda i: 9 - i, 'len(f"{i}{i}")': lambda i: 2, "i * 2 + twice(i)": lambda i: 4 * i,
        "Point{}.xs[i]": lambda i: 4 + i, "max(min(i, 5), twice(1))": lambda i: max(i, 2), "int(two[1])": lambda i: 2, "(i, 6)[1]": lambda i: 6,
        "((int y) => y + five)(i)": lambda i: i + 5, "bump(&k) - k + i": lambda i: i, "int(grad (two) { two.sum() }[0])": lambda i: 4,
    },
    "float": {
        "1.5": lambda i: 1.5, "i": lambda i: i, "half": lambda i: 0.5, "float(i)": lambda i: i, "sqrt(4.0)": lambda i: 2, "halved(i)": lambda i: i / 2,
        "(i > 1 ? 2.0 : half)": lambda i: 2.0 if i > 1 else 0.5, "seed (1) { halved(i) }": lambda i: i / 2, "min(i, 5) * half": lambda i: i / 2,
        "float(two[0])": lambda i: 2, "max(halved(i), 0.5)": lambda i: max(i / 2, 0.5), "twice(i)": lambda i: 2 * i, "ints[i]": lambda i: 9 - i,
        "k": lambda i: 4,
    },
    "bool": {
        "true": lambda i: True, "i > 1": lambda i: i > 1, "yes": lambda i: True, "!(i == 1)": lambda i: i != 1, "is_big(i)": lambda i: i > 1,
        "i > 1 && is_big(i + 1)": lambda i: i > 1, "i == 2 || yes": lambda i: True, "(i > 1 ? yes : false)": lambda i: i > 1,
        'word == "w"': lambda i: True, "bool(two[0] > 3.0)": lambda i: False, "seed (1) { is_big(i) }": lambda i: i > 1,
    },
    "string": {
        '"x"': lambda i: "x", 'f"{i}"': lambda i: str(i), "named(i)": lambda i: f"n{i}", "words[i]": lambda i: "pqrt"[i], "word": lambda i: "w",
        '(i > 1 ? "a" : word)': lambda i: "a" if i > 1 else "w", 'f"{min(i, 2)}" + word': lambda i: f"{min(i, 2)}w", "string(i)": lambda i: str(i),
        "seed (1) { named(i) }": lambda i: f"n{i}",
    },
    "tensor": {
        "1.5": lambda i: 1.5, "i": lambda i: i, "two": lambda i: 2, "doubled(two)": lambda i: 4, "two * i": lambda i: 2 * i, "twice(i)": lambda i: 2 * i,
        "(i > 1 ? two : doubled(two))": lambda i: 2 if i > 1 else 4, "seed (1) { two + i }": lambda i: 2 + i, "full([2], float(i))": lambda i: i,
        "min(i, 2)": lambda i: min(i, 2), "maximum(two, doubled(two) / 4)": lambda i: 2, "grad (two) { (two * two).sum() }[1]": lambda i: 4,
    },
}

OPS = {
    "int": {
        "": lambda a, b: b, "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: int(a / b),
        "%": lambda a, b: a - b * int(a / b), "&": lambda a, b: a & b, "|": lambda a, b: a | b, "^": lambda a, b: a ^ b, "<<": lambda a, b: a << b,
        ">>": lambda a, b: a >> b,
    },
    "float": {"": lambda a, b: b, "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b},
    "bool": {"": lambda a, b: b, "&": lambda a, b: a and b, "|": lambda a, b: a or b, "^": lambda a, b: a != b},
    "string": {"": lambda a, b: b, "+": lambda a, b: a + b},
    "tensor": {"": lambda a, b: b, "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b},
}

# name -> (declaration, place, is it a variable of the top level); T type, F first value, N a number of its own, D the field
TARGETS = {
    "local": ("T vN = F;", "vN", False),
    "global": ("T vN = F;", "vN", True),
    "field of a local": ("Point vN = Point{};", "vN.D", False),
    "field of a global": ("Point vN = Point{};", "vN.D", True),
    "element of a local": ("T[] vN = [F, F, F, F];", "vN[2]", False),
    "element of a global": ("T[] vN = [F, F, F, F];", "vN[-1]", True),
    "element by a call": ("T[] vN = [F, F, F, F];", "vN[twice(1)]", False),
    "field of an element": ("Point[] vN = [Point{}, Point{}];", "vN[1].D", True),
    "part of a tuple": ("auto vN = (0, F);", "vN[1]", False),
}
# where the loop is
PLACES = ("top", "function", "lambda", "block", "reference", "each", "try")
LOOPS = ("for (int i : 1..4) { BODY }", "for (int i = 1; i < 4; i++) { BODY }", "for (int i : [1, 2, 3]) { BODY }",
         "for (int i : tensor([1, 2, 3])) { BODY }", "for (auto (i, o) : [(1, 0), (2, 0), (3, 0)]) { BODY }", "int i = 0; while (i < 3) { i += 1; BODY }",
         "for (int o : 0..1) { for (int i : 1..4) { if (i > 3) { break; } BODY } }")
# how the right side R comes to place P with operator O
FORMS = ("P O= R;", "P = P O (R);", "auto h = R; P O= h;", "auto (u, h) = (i, R); P O= h;")


def show(kind, place):
    if kind == "tensor":
        return f'print(f"{{float(({place} * ones([2])).sum()):.4f}}");'
    return f'print(f"{{{place}:.4f}}");' if kind == "float" else f"print({place});"


def at_place(where, number, declaration, is_global, kind, place, text, loop):
    """The program's line for one case; `text` is the statement with PLACE for its target."""
    shown = show(kind, place)
    body = "int k = 4; " + loop.replace("BODY", text.replace("PLACE", "t" if where in ("reference", "each") else place))
    outer, inner = (declaration, "") if is_global else ("", declaration)
    if where == "top":
        return f"{declaration} {{ {body} }} {shown}" if is_global else f"{{ {declaration} {body} {shown} }}"
    if where == "function":
        return f"{outer} void w{number}() {{ {inner} {body} {shown} }} w{number}();"
    if where == "lambda":
        return f"{outer} {{ auto w = (int z) => {{ {inner} {body} {shown} z }}; w(1); }}"
    if where == "block":
        return f"{outer} train (false) {{ {inner} {body} {shown} }}"
    if where == "try":
        return f"{outer} try {{ {inner} {body} {shown} error(\"end\"); }} catch (e) {{ assert(e.message == \"end\", e.message); }}"
    if where == "reference":
        return f"{outer} void w{number}({kind} &t) {{ {body} }} {{ {inner} w{number}(&{place}); {shown} }}"
    holder = f"{kind}[] many = [{place}, {place}];"
    return f"{outer} {{ {inner} {holder} for (auto &t : many) {{ {body} }} {show(kind, 'many[1]')} }}"


def text_of(kind, value):
    if kind in ("tensor", "float"):
        return f"{2 * value if kind == 'tensor' else value:.4f}"
    return str(value).lower() if kind == "bool" else str(value)


def expected(kind, op, right):
    value = FIRST[kind][1]
    for i in (1, 2, 3):
        value = OPS[kind][op](value, RIGHT[kind][right](i))
    return value


def cases_of(kind):
    number = 0
    for (op, right), (target, (declaration, place, is_global)), where in itertools.product(itertools.product(OPS[kind], RIGHT[kind]), TARGETS.items(), PLACES):
        if is_global and where in ("function", "lambda"):
            continue # these cannot write globals
        number += 1
        form, loop = FORMS[number % len(FORMS)], LOOPS[number % len(LOOPS)]
        if (op, form) == ("", FORMS[1]):
            form = FORMS[0]

        def fill(text):
            for letter, part in (("T", kind), ("F", FIRST[kind][0]), ("D", FIELD[kind]), ("N", str(number))):
                text = re.sub(rf"\b{letter}\b" if letter != "N" else r"\bvN\b", part if letter != "N" else f"v{part}", text)
            return text

        text = re.sub(r"\b[PRO]\b", lambda m: {"P": "PLACE", "R": right, "O": op}[m.group()], form)
        yield at_place(where, number, fill(declaration), is_global, kind, fill(place), text, loop), expected(kind, op, right)


def run(programs):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "made.tn"
        path.write_text(HEAD + "\n".join(programs) + "\n")
        return tenon("run", path, timeout=SECONDS)


def check_all(kind):
    """Many cases are one program; where that is not right, its cases run one by one to find the first that is wrong."""
    made = list(cases_of(kind))
    for at in range(0, len(made), IN_ONE_PROGRAM):
        some = made[at:at + IN_ONE_PROGRAM]
        wanted = "".join(text_of(kind, value) + "\n" for _, value in some)
        if run(text for text, _ in some).stdout == wanted:
            continue
        for text, value in some:
            one = run([text])
            check((text, one.returncode, one.stdout, one.stderr), (text, 0, text_of(kind, value) + "\n", ""), "program, status, output")
        raise AssertionError("the cases are right one by one and wrong together")


@case
def one_alone_in_its_program():
    """What lies behind the locals of a small program is other memory than in a large one."""
    for kind, op in (("int", "-"), ("int", "%"), ("float", "*"), ("bool", "^")):
        for right in RIGHT[kind]:
            text = f"{kind} v = {FIRST[kind][0]}; int k = 4; for (int i : 1..4) {{ v {op}= {right}; }} {show(kind, 'v')}"
            made = run([text])
            check((text, made.returncode, made.stdout, made.stderr), (text, 0, text_of(kind, expected(kind, op, right)) + "\n", ""), "program, status, output")


@case
def numbers_without_a_fraction():
    check_all("int")


@case
def numbers_with_a_fraction():
    check_all("float")


@case
def truths():
    check_all("bool")


@case
def texts():
    check_all("string")


@case
def tensors():
    check_all("tensor")


run_cases()
