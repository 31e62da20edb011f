#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Text files from outside: read_text and write_text. Usage: files_test.py TENON [PART_OF_NAME…]"""
import os
import pathlib
import subprocess

from cli import TENON, case, check, check_in, check_result, environment, folder, run_cases, tenon

COUNT = """
map counts;
for (auto word : read_text("poem.txt").lower().replace(".", "").split()) {
    counts[word] = get(counts, word, 0) + 1;
}
write_text("counts.txt", join(list(len(counts), (i) => f"{counts.keys()[i]} {counts.values()[i]}"), "\\n"));
print(counts["the"], len(counts));
"""


def refused(code, words):
    """The code ends with an IOError, whose message has these words."""
    check_in(words, tenon("run", "-e", "try { " + code + ' } catch (e) { print(e.name + ": " + e.message); }').stdout)


@case
def words_of_a_file_are_counted_and_written():
    with folder() as name:
        where = pathlib.Path(name)
        (where / "poem.txt").write_text("The quick brown fox.\nThe dög sees the fox.\n", encoding="utf-8")
        check_result(tenon("run", "-e", COUNT, cwd=where), 0, out="3 6\n", err="")
        check((where / "counts.txt").read_text(encoding="utf-8").split("\n"), ["the 3", "quick 1", "brown 1", "fox 2", "dög 1", "sees 1"], "what was written")


@case
def a_file_is_replaced_and_comes_back_whole():
    with folder() as name:
        where = pathlib.Path(name)
        path = where / "x.txt"
        path.write_text("long " * 50_000)
        check_result(tenon("run", "-e", f'print(len(read_text("{path}"))); write_text("{path}", "ü\\n"); print(read_text("{path}") == "ü\\n");'), 0,
                     out="250000\ntrue\n", err="")
        check(path.read_bytes(), "ü\n".encode(), "the file")
        check_result(tenon("run", "-e", f'write_text("{path}", ""); print(len(read_text("{path}")));'), 0, out="0\n", err="")


@case
def what_cannot_be_read_or_written_is_named():
    with folder() as name:
        where = pathlib.Path(name)
        (where / "bytes").write_bytes(b"abc\xff")
        os.mkfifo(where / "pipe")
        refused(f'read_text("{where}/none");', f"IOError: cannot read '{where}/none': No such file")
        refused(f'read_text("{where}");', "it is a folder")
        refused(f'read_text("{where}/pipe");', "it is no file")
        refused(f'read_text("{where}/bytes");', "is no UTF-8 text: byte 3 is 0xff")
        refused(f'write_text("{where}/no/x", "");', f"IOError: cannot write '{where}/no/x': No such file")
        refused('write_text("/dev/full", "x");', "IOError: cannot write '/dev/full': No space left")
    check_in("argument text of write_text: expected string, found int", tenon("run", "-e", 'write_text("x", 3)').stderr)


@case
def a_limit_on_the_size_of_files_is_an_error_of_the_cell():
    with folder() as name:
        def run(code, **more):
            return subprocess.run(["sh", "-c", 'ulimit -f 16; exec "$@"', "sh", TENON, "run", "-e", code], cwd=name, text=True, stdin=subprocess.DEVNULL,
                                  capture_output=not more, env=environment(), check=False, **more)
        result = run('try { write_text("x", "y".repeat(100000)); } catch (e) { print(e.name + ": " + e.message); } print("on");')
        check(result.stdout, "IOError: cannot write 'x': File too large\non\n", f"stdout ({result.stderr!r})")
        check(result.returncode, 0, "exit status")
        result = run('!head -c 100000 /dev/zero > z || true\nprint("on");')
        check(result.stdout.split("\n")[-2:], ["on", ""], "after a child that met it")
        with open(pathlib.Path(name, "out"), "w", encoding="utf-8") as out:
            result = run('print("y".repeat(100000));', stdout=out, stderr=subprocess.PIPE)
        check_in("cannot write the output: File too large", result.stderr, "stderr of a program whose own output is too large")
        check(result.returncode, 1, "exit status")


run_cases()
