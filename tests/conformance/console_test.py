#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`jupyter console` with the kernel, on a terminal of the test's own: cells, an error, a question, an interrupt, the end.

usage: console_test.py TENON
"""
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import time
import traceback

import place

CONSOLE = pathlib.Path(sys.executable).parent / "jupyter-console"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")
LIMIT_S = 120 # seconds are enough on an idle machine


class Console:
    """The console on a pseudo-terminal; what it wrote is kept without its escape sequences."""

    def __init__(self):
        self.master, slave = pty.openpty()
        self.text = ""
        self.process = subprocess.Popen([CONSOLE, "--kernel", "tenon", "--simple-prompt"], stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True, env=dict(os.environ, TERM="dumb"))
        os.close(slave)

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.text += ESCAPES.sub("", os.read(self.master, 65536).decode(errors="replace"))
            except OSError:  # the console is gone
                time.sleep(0.05)

    def expect(self, pattern):
        """Waits until what was written since the last match matches; returns that part."""
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            match = re.search(pattern, self.text)
            if match:
                found, self.text = self.text[:match.end()], self.text[match.end():]
                return found
            self.read(0.2)
        raise AssertionError(f"{pattern!r} did not come (exit status {self.process.poll()}); there is:\n{self.text[-2000:]}")

    def say(self, line):
        os.write(self.master, (line + "\n").encode())

    def cell(self, code, pattern):
        """Runs a cell of one line, and waits for what it shows and the next prompt."""
        self.say(code)
        found = self.expect(pattern)
        self.expect(r"In \[\d+\]: ")
        return found

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def shows_the_banner_and_a_prompt(console):
    assert "Tenon" in console.expect(r"In \[1\]: ")


def shows_a_result(console):
    console.cell("6 * 7", r"Out\[1\]: 42")


def keeps_what_a_cell_defines(console):
    console.cell("int seven() { return 7; }", "")
    console.cell("seven()", r"Out\[3\]: 7")


def shows_an_error(console):
    console.cell("sofmax(1)", r"did you mean softmax")


def hands_a_question_over(console):
    console.say('print("hello,", input("Name? "));')
    console.expect(r"Name\? ")
    console.cell("Ada", r"hello, Ada")


def interrupt_keeps_the_session(console):
    console.say('int turns = 0; print("tur" + "ning"); while (true) { turns++; }')
    console.expect("turning") # the cell runs
    console.process.send_signal(signal.SIGINT)
    console.expect(r"[Ii]nterrupted")
    console.expect(r"In \[\d+\]: ")
    console.cell("turns > 0", r": true")


def ends_with_its_kernel(console):
    os.write(console.master, b"\x04")  # the end of the input
    console.expect(r"exit \(\[y\]/n\)\?")
    console.say("y")
    deadline = time.monotonic() + LIMIT_S
    while console.process.poll() is None and time.monotonic() < deadline:
        console.read(0.2)
    assert console.process.poll() == 0, console.text[-2000:]


CASES = [shows_the_banner_and_a_prompt, shows_a_result, keeps_what_a_cell_defines, shows_an_error, hands_a_question_over,
         interrupt_keeps_the_session, ends_with_its_kernel]


def main():
    folder = place.make(sys.argv[1])
    console = Console()
    good = True
    for number, case in enumerate(CASES, 1):
        verdict = "ok"
        try:
            case(console)
        except (AssertionError, OSError):
            verdict, good = "not ok", False
            print("\n".join(f"# {line}" for line in traceback.format_exc().splitlines()))
        print(f"{verdict} {number} - {case.__name__.replace('_', ' ')}", flush=True)
    print(f"1..{len(CASES)}")
    console.close()
    place.remove(folder)
    sys.exit(0 if good else 1)


main()
