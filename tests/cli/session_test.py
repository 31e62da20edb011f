#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cells that share a session: the REPL, and the commands that a cell may hold. Usage: session_test.py TENON [PART_OF_NAME…]"""
import codecs
import os
import pty
import select
import signal
import subprocess
import time

from cli import PATIENCE_S, TENON, case, check, check_in, check_result, environment, folder, reset_signals, run_cases, tenon, write


def repl(text, **more):
    return tenon("repl", stdin=text, **more)


@case
def cells_of_the_repl_share_their_names():
    check_result(repl("int x = 20;\nint twice(int n) { return 2 * n; }\ntwice(x) + 2\n"), 0, out="42\n", err="")


@case
def an_unfinished_input_goes_on_in_the_next_line():
    check_result(repl("int f(int n) {\n    return n + 1;\n}\nf(\n  1)\n"), 0, out="2\n", err="")


@case
def after_an_error_the_session_goes_on():
    run = repl("int x = 1;\nfrob\nx\n")
    check_result(run, 1, out="1\n", err="cell 2, line 1")


@case
def an_input_that_ends_early_says_what_is_missing():
    check_result(repl("int f() {\n"), 1, out="", err="error: ")


@case
def who_and_whos_list_variables():
    check_result(repl("%who\n"), 0, out="there are no variables\n")
    run = repl("int n = 3;\nauto x = zeros(2, 3);\n%who\n%whos\n")
    check_result(run, 0, err="")
    check_in("n  x\n", run.stdout)
    check_in("f32[2, 3]", run.stdout)


@case
def reset_forgets_names():
    check_result(repl("int n = 3;\n%reset\nn\n"), 1, out="", err="error: ")


@case
def commands_before_the_statements_may_define_names():
    with folder() as d:
        write(d, "part.tn", "int n = 41;\n")
        main = write(d, "main.tn", "// a comment\n%run part.tn\nprint(n + 1);\n")
        check_result(tenon("run", main, cwd=d), 0, out="42\n", err="")


@case
def errors_of_a_file_that_is_run_name_it():
    with folder() as d:
        write(d, "part.tn", "int n = 41;\nfrob();\n")
        main = write(d, "main.tn", "%run part.tn\n")
        check_result(tenon("run", main, cwd=d), 1, out="", err="part.tn, line 2")


@case
def a_file_that_runs_itself_is_an_error():
    with folder() as d:
        main = write(d, "main.tn", "%run main.tn\n")
        check_result(tenon("run", main, cwd=d), 1, out="", err="deep")


@case
def positions_behind_commands_are_those_of_the_cell():
    check_result(tenon("run", "-e", "%pwd\n%env HOME=/x\nfrob();"), 1, err="-e, line 3")


@case
def unknown_commands_suggest():
    check_result(tenon("run", "-e", "%tiem 1"), 1, out="", err="did you mean %time?")
    check_result(tenon("run", "-e", "%sessions"), 1, out="", err="not there yet")
    commands = tenon("run", "-e", "%lsmagic").stdout
    check_in("%timeit", commands)
    check("%sessions" in commands, False, "what is not there is not listed")


@case
def shell_commands_write_to_the_same_place():
    check_result(tenon("run", "-e", 'print(1);\n!echo two; echo three >&2\nprint(4);'), 0, out="1\ntwo\n4\n", err="three\n")
    check_result(tenon("run", "-e", "!exit 3"), 0, out="(exit status 3)\n", err="")
    check_result(tenon("run", "-e", "!cat"), 0, out="", err="")


@case
def folders_and_environment():
    with folder() as d:
        real = os.path.realpath(d)
        check_result(tenon("run", "-e", f"%cd {d}\n%pwd"), 0, out=f"{real}\n{real}\n", err="")
        check_result(tenon("run", "-e", "%env TENON_TEST=a b\n%env TENON_TEST\n!echo $TENON_TEST"), 0, out="a b\na b\n", err="")
        check_result(tenon("run", "-e", "%cd /nowhere/at/all"), 1, out="", err="No such file")


@case
def writefile_writes_the_rest_of_the_cell():
    with folder() as d:
        run = tenon("run", "-e", "%%writefile a.txt\nline 1\n  line 2\n", cwd=d)
        check_result(run, 0, out="Wrote a.txt\n", err="")
        with open(os.path.join(d, "a.txt")) as f:
            check(f.read(), "line 1\n  line 2\n", "the file")
        check_result(tenon("run", "-e", "%%writefile -a a.txt\nmore", cwd=d), 0, out="Added to a.txt\n")
        check_result(tenon("run", "-e", "%%writefile no/where\nmore", cwd=d), 1, err="cannot write 'no/where'")


@case
def time_and_timeit_measure():
    run = tenon("run", "-e", "%time 1 + 1")
    check_result(run, 0, err="")
    check(run.stdout.startswith("2\nWall time: "), True, f"the value before the time: {run.stdout!r}")
    run = tenon("run", "-e", "auto x = ones(8);\n%timeit -n 10 -r 2 x + x")
    check_result(run, 1, err="before the statements")
    check_in("2 rounds of 10 loops", repl("auto x = ones(8);\n%timeit -n 10 -r 2 x + x\n").stdout)
    check_in("2 rounds of 10 loops", repl("int n = 0;\n%timeit -n 10 -r 2 n = n + 1\n").stdout)
    check_result(repl("%timeit frob()\n"), 1, out="", err="frob")


@case
def plan_and_memory_report():
    run = repl("auto x = ones(1000);\nprint(sum(x));\n%plan\n%memory\n")
    check_result(run, 0, err="")
    for part in ("flushes", "nodes recorded", "x ", "3.9 KiB", "budget"):
        check_in(part, run.stdout)


@case
def plan_shows_the_lines_that_did_work():
    code = ("tensor x = rand(6, 4);\nfor (int i = 1; i < 4; i++) {\n\tprint(sum(x[0:i]).shape, float(sum(x[0:i])) >= 0);\n}\n"
            "for (int i : 0..5) {\n\tauto (l, g) = grad (x) { sum(x * x) };\n\tx = x - 0.1 * g;\n}\n%plan\n")
    run = tenon("run", "-e", code)
    check_result(run, 0, err="")
    lines = run.stdout.split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith("where"))
    check(lines[at].split(), "where why times planned planning ms running ms work memory".split(), "the head")
    check(lines[at + 1].split()[:6], ["-e,", "line", "3", "read", "3", "3"], "the line that reads")
    check(lines[at + 2].strip(), "planned anew because sum reads f32[3, 4], it read f32[2, 4]", "what differed there")
    check(lines[at + 3].split()[:6], ["-e,", "line", "5", "back", "edge", "5"], "the loop that trains")


@case
def the_words_by_which_people_leave_are_taken_for_that():
    for word in ("exit", "quit", "exit()", " quit() ; ", "exit;"):
        check_result(repl(f"1 + 1\n{word}\n1 + 2\n"), 0, out="2\n", err="")
    check_result(repl("int exit = 7;\nexit\n"), 0, out="7\n", err="")
    run = repl("exit + 1\n1 + 2\n")
    check_result(run, 1, out="3\n", err="exit is not declared")
    check_result(repl("help\n1 + 2\n"), 0, out="?name shows help, %lsmagic lists commands, Ctrl-D leaves\n3\n", err="")


@case
def question_marks_show_help():
    for line in ("?relu", "relu?", "relu??"):
        run = tenon("run", "-e", line)
        check_result(run, 0, err="")
        check_in("relu", run.stdout)
    run = repl("/// Twice n.\nint twice(int n) { return 2 * n; }\ntwice?\n")
    check_result(run, 0, err="")
    check_in("Twice n.", run.stdout)


class Terminal:
    """The REPL on a pseudo-terminal."""

    def __init__(self, state):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            reset_signals()
            os.execve(TENON, [TENON, "repl"], environment(TERM="xterm", XDG_STATE_HOME=state))
        self.text = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *what):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL) # it is waited for below alone, so the number is still its own
            self.reap(0)

    def reap(self, options):
        """The exit status, once it has ended."""
        pid, status = os.waitpid(self.pid, options)
        if pid == 0:
            return None
        os.close(self.fd)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def read(self, seconds):
        """False: the program has closed the terminal."""
        try:
            if select.select([self.fd], [], [], seconds)[0]:
                self.text += self.decoder.decode(os.read(self.fd, 4096))
        except OSError:
            return False
        return True

    def wait_for(self, part):
        end = time.monotonic() + PATIENCE_S
        while part not in self.text:
            if not self.read(0.5):
                raise AssertionError(f"ended before {part!r} (exit status {self.end_status(1)}): {self.text[-500:]!r}")
            if time.monotonic() >= end:
                raise AssertionError(f"{part!r} did not come: {self.text[-500:]!r}")
        before, self.text = self.text.split(part, 1)
        return before

    def end_status(self, patience):
        """The exit status of a program that is ending; None: it goes on."""
        end, status = time.monotonic() + patience, None
        while status is None and time.monotonic() < end:
            if not self.read(0.05):
                time.sleep(0.01)
            status = self.reap(os.WNOHANG)
        return status

    def send(self, text):
        os.write(self.fd, text.encode())

    def end(self, text="\x04"):
        self.send(text)
        status = self.end_status(PATIENCE_S)
        assert status is not None, f"{text!r} did not end the REPL: {self.text[-500:]!r}"
        return status


@case
def on_a_terminal_ctrl_c_stops_the_cell_and_the_session_goes_on():
    with folder() as d, Terminal(d) as terminal:
        terminal.wait_for("tenon> ")
        terminal.send("int x = 5;\n")
        terminal.wait_for("tenon> ")
        terminal.send('print("be" + "gun"); while (true) { }\n')
        terminal.wait_for("begun\r\n")
        time.sleep(0.1)
        terminal.send("\x03")
        terminal.wait_for("nterrupted") # the cell would go on for ever
        terminal.wait_for("tenon> ")
        terminal.send("x * 1000 + 1\n")
        terminal.wait_for("5001\r\n")
        terminal.wait_for("tenon> ")
        check(terminal.end(), 0, "exit status")


@case
def at_the_prompt_ctrl_c_drops_the_line():
    with folder() as d, Terminal(d) as terminal:
        terminal.wait_for("tenon> ")
        terminal.send("frob(\n")
        terminal.wait_for("... ")
        terminal.send("\x03")
        terminal.wait_for("tenon> ")
        terminal.send("1000 + 1\n")
        terminal.wait_for("1001\r\n")
        terminal.wait_for("tenon> ")
        check(terminal.end(), 0, "exit status")


@case
def on_a_terminal_an_error_begins_its_own_line():
    with folder() as d, Terminal(d) as terminal:
        terminal.wait_for("tenon> ")
        terminal.send("int f() {\n")
        terminal.wait_for("... ")
        terminal.send("\x04")
        terminal.wait_for("\r\n")
        check_in("expected '}'", terminal.wait_for("tenon> "))
        for key in ("\x04", "\x03"):
            terminal.send('input("na" + "me? ")\n')
            terminal.wait_for("name? ")
            time.sleep(0.1)
            terminal.send(key)
            check(terminal.wait_for("\r\n").strip() in ("", "^C"), True, "what stands behind the prompt")
            terminal.wait_for("input")
            terminal.wait_for("tenon> ")
        check(terminal.end(), 0, "exit status")


@case
def on_a_terminal_exit_leaves():
    with folder() as d, Terminal(d) as terminal:
        terminal.wait_for("tenon> ")
        check(terminal.end("exit\n"), 0, "exit status")


def has_libedit():
    return "libedit" in subprocess.run(["ldd", TENON], capture_output=True, text=True, check=False).stdout


@case
def tab_completes_names_of_the_session_and_the_library():
    if not has_libedit():
        return
    with folder() as d, Terminal(d) as terminal:
        terminal.wait_for("tenon> ")
        terminal.send("int zz_value = 7;\n")
        terminal.wait_for("tenon> ")
        terminal.send("zz_v\t + 1000\n")
        terminal.wait_for("1007\r\n")
        terminal.wait_for("tenon> ")
        terminal.send("auto layer = linear(3, 4);\n")
        terminal.wait_for("tenon> ")
        terminal.send("layer.w.log\t")
        terminal.wait_for("log_softmax")
        terminal.wait_for("layer.w.log")
        terminal.send("_s\t().shape\n")
        terminal.wait_for("[4, 3]\r\n")
        terminal.wait_for("tenon> ")
        terminal.send("int helper(int alpha) {\n")
        terminal.wait_for("... ")
        terminal.send("\treturn alp\t * 1000;\n")
        terminal.wait_for("... ")
        terminal.send("}\n")
        terminal.wait_for("tenon> ")
        terminal.send("help\t(6)\n")
        terminal.wait_for("6000\r\n")
        terminal.wait_for("tenon> ") # what is typed between two prompts may be dropped with the terminal's settings
        check(terminal.end(), 0, "exit status")


@case
def history_is_kept_for_the_user_alone():
    with folder() as d, Terminal(os.path.join(d, "state")) as terminal:
        terminal.wait_for("tenon> ")
        terminal.send("1000 + 7\n")
        terminal.wait_for("1007\r\n")
        terminal.wait_for("tenon> ")
        check(terminal.end(), 0, "exit status")
        path = os.path.join(d, "state", "tenon", "history")
        if os.path.exists(path) or has_libedit():
            check(os.stat(path).st_mode & 0o777, 0o600, "mode of the history")
            check(os.stat(os.path.dirname(path)).st_mode & 0o777, 0o700, "mode of its folder")
            check_in("1000", open(path, encoding="utf-8").read(), "history")


run_cases()
