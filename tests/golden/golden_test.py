#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares Tenon with PyTorch: values, first and second derivatives of what both have, over golden.npz (see make_golden.py).

The cases become a few Tenon programs; inputs travel as one IDX file, results as text that keeps all digits. One TAP line for each case.
Cases in differences.py are known to differ: each must still differ, so that the list only ever holds what is true.

usage: golden_test.py TENON [PATTERN…] [--show] [--program]      cases by name, such as 'gelu*/f32'; what differs; the programs, left in place"""
import concurrent.futures
import fnmatch
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("1..0 # SKIP NumPy is not there: ./script/setup makes an environment that has it")
    sys.exit(0)

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import differences
import store
from case import FLOATS, FORMAT, cotangents, rounded, spacing, spread
from cases import all_cases

PROGRAMS = 6
PRELUDE = """\
tensor D = idx("data.idx");
void put(tensor t, string key) {
	if (t.dtype == f32 || t.dtype == f64 || t.dtype == f16 || t.dtype == bf16) {
		float[] xs = [];
		for (auto e : t.reshape(-1)) { xs.append(float(e)); }
		print(f"{key} {t.dtype} {t.shape}: {xs}");
	} else {
		int[] xs = [];
		for (auto e : t.reshape(-1)) { xs.append(int(e)); }
		print(f"{key} {t.dtype} {t.shape}: {xs}");
	}
}
void put(int n, string key) { print(f"{key} i64 []: [{n}]"); }
void put(float x, string key) { print(f"{key} f64 []: [{x}]"); }
void put(bool b, string key) { print(f"{key} bool8 []: [{int(b)}]"); }
void put(string s, string key) { string line = replace(s, "\\n", "\\\\n"); print(f"{key} text: {line}"); }
"""


class Data:
    """All inputs of all programs in one flat f64 array: every number of every dtype that is used is exact in it."""

    def __init__(self):
        self.parts, self.known, self.count = [], {}, 0

    def text(self, values, dtype):
        """The Tenon expression that is this array."""
        values = np.asarray(values, np.float64, order="C")
        raw = values.tobytes()
        if raw not in self.known:
            self.known[raw] = self.count
            self.parts.append(raw)
            self.count += values.size
        at = self.known[raw]
        shape = ", ".join(map(str, values.shape))
        return f"{dtype}(D[{at}:{at + values.size}]).reshape([{shape}])"

    def write(self, path):
        flat = np.frombuffer(b"".join(self.parts), np.float64)
        path.write_bytes(struct.pack(">HBBI", 0, 0x0E, 1, flat.size) + flat.astype(">f8").tobytes())


def indented(text, tabs):
    return "".join("\t" * tabs + line.strip("\n") + "\n" for line in text.strip("\n").split("\n"))


def statements(case):
    text = case.tenon
    return f"auto y = {text};" if ";" not in text else text


def program_of(case, wanted, data, size):
    """The Tenon statements of a case, at one size where it is elementwise."""
    place = f"{case.name}@{size}" if size else case.name
    points = len(next(iter(case.inputs.values()))[0]) if size else 0
    at = spread(points, size) if size else None
    out = ["try {\n"]
    for name, (values, dtype) in case.inputs.items():
        out.append(f"\tauto {name} = {data.text(values[at] if size else values, dtype)};\n")
    if case.order == 0:
        out.append(indented(statements(case), 1))
        out += [f'\tput({key}, "{place} {key}");\n' for key in case.outputs]
    else:
        out.append(indented(gradient_program(case, wanted, data, points, at, place), 1))
    out.append(f'}} catch (e) {{ print(f"{place} ! {{e.name}}: {{e.message}}"); }}\n')
    return "".join(out)


def weights_text(data, count, shape, at, dtype, round_):
    flat = cotangents(count, round_)
    return data.text(flat[at] if at is not None else flat.reshape(shape), dtype)


def gradient_program(case, wanted, data, points, at, place):
    key, dtype, shape = wanted[0]
    count = points if at is not None else int(np.prod(shape))
    wrt = ", ".join(case.wrt)
    first = ", ".join(f"d_{name}" for name in case.wrt)
    second = ", ".join(f"dd_{name}" for name in case.wrt)
    others = "".join(f", {name}" for name in case.outputs[1:])
    inner = (f"auto ((value_, y{others}), {first}) = grad ({wrt}, allow_unused: true) {{\n{indented(statements(case), 1)}"
             f"\t(sum(y * {weights_text(data, count, shape, at, dtype, 1)}), y{others})\n}};\n")
    shown = "".join(f'put({name}, "{place} {name}");\n' for name in case.outputs)
    shown += "".join(f'put(d_{name}, "{place} d:{name}");\n' for name in case.wrt)
    if case.order == 1:
        return inner + shown
    terms = []
    for k, name in enumerate(case.wrt):
        _, dtype, shape = wanted[len(case.outputs) + k]
        count = points if at is not None else int(np.prod(shape))
        terms.append(f"sum(d_{name} * {weights_text(data, count, shape, at, dtype, 2 + k)})")
    return (f"auto ((outer_, y{others}, {first}), {second}) = grad ({wrt}, allow_unused: true) {{\n{indented(inner, 1)}"
            f"\t({' + '.join(terms)}, y{others}, {first})\n}};\n{shown}"
            + "".join(f'put(dd_{name}, "{place} dd:{name}");\n' for name in case.wrt))


def run_program(tenon, folder, name, text):
    (folder / name).write_text(text)
    env = dict(os.environ, OMP_NUM_THREADS="1", NO_COLOR="1", TENON_ERROR_NAMES="1")
    done = subprocess.run([tenon, "run", name], cwd=folder, env=env, capture_output=True, text=True, timeout=600, errors="replace")
    return done.returncode, done.stdout, done.stderr


def read_results(stdout):
    """place -> {key: (dtype, shape, values)}, and place -> the error that ended it."""
    found, failed = {}, {}
    for line in stdout.split("\n"):
        place, _, rest = line.partition(" ")
        if not rest:
            continue
        if rest.startswith("! "):
            failed[place] = rest[2:]
            continue
        head, _, text = rest.partition(": ")
        if head.endswith(" text"):
            found.setdefault(place, {})[head[:-5]] = ("text", (), text.replace("\\n", "\n"))
            continue
        key, dtype, shape = head.split(" ", 2)
        shape = tuple(int(n) for n in shape[1:-1].split(", ") if n)
        parts = text[1:-1].split(", ") if len(text) > 2 else []
        values = np.array(parts, np.float64 if dtype in FLOATS else np.int64)
        found.setdefault(place, {})[key] = (dtype, shape, values.reshape(shape))
    return found, failed


def room_for(case, key, dtype, want):
    """What each element of a result may be off by: see Case."""
    order = 2 if key.startswith("dd:") else 1 if key.startswith("d:") else 0
    largest = max(np.max(np.abs(want[np.isfinite(want)]), initial=0.0), case.scale)
    room = case.ulps * (1, 2, 4)[order] * spacing(want, dtype) + case.slack * (1, 4, 8)[order] * largest
    if dtype == "f64": # here PyTorch's own error is not known: 12 digits
        return room + ((1.0 + case.cancel) * 1e-15 + 1e-12 * np.abs(want) if order else case.cancel * 2e-16)
    return room + (case.cancel * spacing(np.ones(1), dtype) if order else 0.0)


def disagreement(case, key, dtype, got, want, exact):
    """Where a result is further from PyTorch's than it may be: a mask."""
    if dtype not in FLOATS:
        return got != want
    with np.errstate(all="ignore"):
        room = room_for(case, key, dtype, want)
        off = np.abs(got - want)
        near = off <= room
        if exact is not None:
            near |= off <= room + 2.0 * np.abs(want - exact)
            right = rounded(exact, dtype)
            near |= (got == right) | (np.abs(got - exact) <= room_for(case, key, dtype, exact))
            near |= np.isnan(got) & np.isnan(right)
        same = (got == want) | (np.isnan(got) & np.isnan(want))
        if key == "y" and case.sizes: # -0 is not 0, where it is computed and not summed
            wrong = (got == 0) & (want == 0) & (np.signbit(got) != np.signbit(want))
            wrong &= True if exact is None else np.signbit(exact) != np.signbit(got)
            near, same = near & ~wrong, same & ~wrong
    return ~(near | same)


def same_text(got, want):
    """Whether a tensor's text is PyTorch's, less what both say of dtype and shape, and by Tenon's words for truth."""
    got = re.sub(r" (f64|f32|bf16|f16|i64|i32|u8|bool8)\[[0-9, ]*\]$", "", got)
    want = re.sub(r"(,\s*(size=\([0-9, ]*\)|dtype=torch\.\w+))+\)$", ")", want).replace(" True", " true").replace("True", "true").replace("False", "false")
    return got == want


class Verdict:
    """What was found of one result."""

    def __init__(self, key, size, text, where=None):
        self.key, self.size, self.text, self.where = key, size, text, where


def first_lines(case, key, got, want, exact, bad, at):
    """A few of the places that differ, with what stands at them in the inputs."""
    lines = []
    for flat in np.flatnonzero(bad.reshape(-1))[:6]:
        place = np.unravel_index(flat, bad.shape) if bad.shape else ()
        inputs = ""
        if at is not None:
            inputs = ", ".join(f"{name} = {values[at[flat]]:.9g}" for name, (values, _) in case.inputs.items()) + ": "
        more = f", in f64 {exact[place]:.9g}" if exact is not None else ""
        lines.append(f"{inputs}{list(map(int, place))} is {got[place]:.9g}, PyTorch {want[place]:.9g}{more}")
    return f"{int(bad.sum())} of {bad.size}: " + "; ".join(lines)


def judge(case, golden, found, failed):
    """The verdicts on what differs, and how many numbers were compared."""
    verdicts, compared = [], 0
    for size in case.sizes or (0,):
        place = f"{case.name}@{size}" if size else case.name
        if place in failed:
            verdicts.append(Verdict("error", size, failed[place]))
            continue
        results = found.get(place, {})
        at = spread(len(next(iter(case.inputs.values()))[0]), size) if size else None
        for key, dtype, want, exact in golden:
            if at is not None:
                want, exact = want[at], None if exact is None else exact[at]
            if key not in results:
                verdicts.append(Verdict(key, size, "nothing was printed"))
                continue
            got_dtype, shape, got = results[key]
            if dtype == "text":
                compared += 1
                verdicts += [] if same_text(got, want) else [Verdict(key, size, f"{got!r}, PyTorch {want!r}")]
                continue
            compared += want.size
            if got_dtype != dtype or shape != want.shape:
                verdicts.append(Verdict(key, size, f"{got_dtype}{list(shape)}, PyTorch {dtype}{list(want.shape)}"))
                continue
            bad = disagreement(case, key, dtype, got, want, exact)
            if np.any(bad):
                verdicts.append(Verdict(key, size, first_lines(case, key, got, want, exact, bad, at), bad))
    return verdicts, compared


def programs_of(cases, golden):
    """The texts of the programs, and the inputs."""
    data = Data()
    texts = [[PRELUDE] for _ in range(PROGRAMS)]
    for k, case in enumerate(cases):
        wanted = [(key, dtype, np.shape(want)) for key, dtype, want, _ in golden[case.name]]
        for size in case.sizes or (0,):
            texts[k * PROGRAMS // len(cases)].append(program_of(case, wanted, data, size))
    return ["".join(t) for t in texts], data


def run_all(tenon, cases, golden, keep):
    texts, data = programs_of(cases, golden)
    with tempfile.TemporaryDirectory(prefix="tenon-golden-", delete=not keep) if sys.version_info >= (3, 12) else tempfile.TemporaryDirectory(prefix="tenon-golden-") as name:
        folder = pathlib.Path(keep or name)
        folder.mkdir(exist_ok=True)
        data.write(folder / "data.idx")
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            done = list(pool.map(lambda k: run_program(tenon, folder, f"part{k}.tn", texts[k]), range(PROGRAMS)))
    found, failed = {}, {}
    for status, stdout, stderr in done:
        if status != 0:
            print("\n".join(f"# {line}" for line in f"status {status}\n{stderr}".split("\n")[:40]))
        one, errors = read_results(stdout)
        found |= one
        failed |= errors
    return found, failed, all(status == 0 for status, _, _ in done)


def main():
    options = [a for a in sys.argv[2:] if a.startswith("--")]
    patterns = [a for a in sys.argv[2:] if not a.startswith("--")]
    reader = store.Reader(pathlib.Path(__file__).with_name("golden.npz"))
    cases = [c for c in all_cases() if not patterns or any(fnmatch.fnmatch(c.name, p) for p in patterns)]
    stale = [c.name for c in cases if reader.index.get(c.name, {}).get("digest") != store.digest(c)]
    cases = [c for c in cases if c.name not in stale and "refused" not in reader.index[c.name]]
    golden = {c.name: list(reader.results(c.name)) for c in cases}
    found, failed, whole = run_all(os.path.abspath(sys.argv[1]), cases, golden, "/tmp/tenon-golden" if "--program" in options else None)
    print(f"1..{len(cases) + 3}")
    print(f"{'not ok' if stale else 'ok'} 1 golden.npz is that of these cases{'' if not stale else ' # make it anew (make_golden.py): ' + ', '.join(stale[:9])}")
    print(f"{'ok' if whole else 'not ok'} 2 the programs end well")
    total, ledger = 0, differences.Ledger()
    for number, case in enumerate(cases, 3):
        verdicts, compared = judge(case, golden[case.name], found, failed)
        total += compared
        unknown = ledger.unknown(case, verdicts)
        print(f"{'ok' if not unknown else 'not ok'} {number} {case.name}")
        for verdict in verdicts if "--show" in options else unknown:
            print(f"#   {verdict.key}{f' at size {verdict.size}' if verdict.size else ''}: {verdict.text}")
    idle = [] if patterns else ledger.idle()
    print(f"{'ok' if not idle else 'not ok'} {len(cases) + 3} all that differences.py lists differs")
    for entry in idle:
        print(f"#   take it off the list, it is as PyTorch's: {entry.cases}: {entry.why}")
    print(f"# {len(cases)} cases, {total} numbers")


if __name__ == "__main__":
    main()
