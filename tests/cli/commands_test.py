#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The commands as a shell sees them: output, exit status, words of errors. Usage: commands_test.py TENON [PART_OF_NAME…]"""
import os
import resource
import subprocess

from cli import (PATIENCE_S, TENON, Skip, case, check, check_in, check_result, environment, first_line, folder, reset_signals, run_cases, start, tenon, uses_asan,
                 write)


@case
def version_and_help_go_to_stdout():
    check_in("tenon 0.", tenon("--version").stdout)
    check(len(tenon("--version").stdout.splitlines()), 1, "lines of --version")
    for args in (["--help"], ["-h"], ["help"]):
        run = tenon(*args)
        check_result(run, 0, err="")
        check_in("usage: tenon COMMAND", run.stdout)
    for args in (["help", "run"], ["run", "--help"]):
        check_in("usage: tenon run", tenon(*args).stdout)


@case
def wrong_usage_is_status_2_and_says_where_help_is():
    for args, words in [([], "a command is missing"), (["rnu"], "did you mean 'run'?"), (["--frob"], "'--frob' is no option"),
                        (["x.tn"], "tenon run x.tn"), (["run"], "run takes a file"), (["run", "-e"], "-e takes code"),
                        (["run", "--frob", "x.tn"], "'--frob' is no option of run"), (["check"], "check takes a file"),
                        (["repl", "x"], "repl takes no arguments"), (["help", "a", "b"], "help takes one name"),
                        (["help", "--al"], "'--al' is no option of help"), (["-v"], "did you mean '--version'?"),
                        (["version"], "did you mean '--version'?")]:
        run = tenon(*args)
        check_result(run, 2, out="", err=words)
        check_in("--help", run.stderr)


@case
def run_e_shows_the_last_value():
    check_result(tenon("run", "-e", "1 + 1"), 0, out="2\n", err="")
    check_result(tenon("run", "-e", "auto x = 1 + 1;"), 0, out="", err="")
    check_result(tenon("run", "-e", "print(1 + 1)"), 0, out="2\n", err="")


@case
def a_file_shows_what_it_prints_only():
    with folder() as d:
        path = write(d, "a.tn", 'int n = 3;\nprint(n * 2);\nn\n')
        check_result(tenon("run", path), 0, out="6\n", err="")


@case
def the_standard_input_is_a_program():
    check_result(tenon("run", "-", stdin="print(7);\n"), 0, out="7\n", err="")


@case
def a_program_may_name_its_interpreter():
    with folder() as d:
        os.symlink(TENON, os.path.join(d, "tenon"))
        path = write(d, "twice", "#!/usr/bin/env -S tenon run\nprint(2 * int(args()[0]));\nfrob();\n")
        path.chmod(0o755)
        for found in (tenon("check", path), tenon("run", path, "21")):
            check_result(found, 1, out="", err="twice, line 3")
        write(d, "twice", "#!/usr/bin/env -S tenon run\nprint(2 * int(args()[0]));\n")
        env = environment(PATH=d + ":" + os.environ["PATH"])
        run = subprocess.run([path, "21"], capture_output=True, text=True, env=env, timeout=PATIENCE_S)
        check_result(run, 0, out="42\n", err="")


@case
def arguments_behind_the_file_are_the_programs():
    with folder() as d:
        path = write(d, "a.tn", 'for (auto a : args()) { print(a); }\n')
        check_result(tenon("run", path, "--help", "x y", "-e"), 0, out="--help\nx y\n-e\n", err="")
    check_result(tenon("run", "-e", "len(args())", "a", "b"), 0, out="2\n", err="")


@case
def empty_programs_run():
    with folder() as d:
        for text in ("", "\n", "// nothing\n", "/* nothing */"):
            check_result(tenon("run", write(d, "a.tn", text)), 0, out="", err="")


@case
def errors_of_a_program_show_the_line_and_are_status_1():
    with folder() as d:
        path = write(d, "a.tn", 'print("first");\nprint(nam);\n')
        run = tenon("run", path)
        check_result(run, 1, out="", err="error: ")
        check_in("a.tn, line 2", run.stderr)
        check_in("2 | print(nam);", run.stderr)


@case
def errors_while_running_come_after_the_output():
    with folder() as d:
        path = write(d, "a.tn", 'int zero = 0;\nprint("first");\nprint(1 / zero);\n')
        run = subprocess.run([TENON, "run", str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(),
                             timeout=PATIENCE_S)
        check(run.returncode, 1, "exit status")
        check(run.stdout.startswith("first\nerror: "), True, f"order of {run.stdout!r}")
        check_in("a.tn, line 3", run.stdout)


@case
def check_runs_nothing():
    with folder() as d:
        good = write(d, "good.tn", 'print("ran");\n')
        bad = write(d, "bad.tn", 'print("ran");\nint x = "text";\n')
        check_result(tenon("check", good), 0, out="", err="")
        check_result(tenon("check", bad), 1, out="", err="bad.tn, line 2")
        check_result(tenon("check", good, bad, good), 1, out="")


@case
def files_that_cannot_be_read_are_errors_in_words():
    with folder() as d:
        check_result(tenon("run", os.path.join(d, "none.tn")), 1, out="", err="No such file or directory")
        check_result(tenon("run", d), 1, out="", err="is a folder")
        check_result(tenon("run", write(d, "a.ipynb", "{}")), 1, out="", err="notebook")


@case
def texts_that_are_no_program_are_errors_in_words():
    with folder() as d:
        for name, text in [("nul.tn", b"print(1);\0"), ("latin.tn", b"print('\xe9');"), ("binary.tn", bytes(range(256)) * 40),
                           ("open.tn", b"f("), ("string.tn", b'"abc'), ("comment.tn", b"/* abc"), ("deep.tn", b"(" * 100000),
                           ("blocks.tn", b"{" * 100000), ("nots.tn", b"bool b = " + b"!" * 100000 + b"true;")]:
            for command in ("check", "run"):
                run = tenon(command, write(d, name, text))
                check_result(run, 1, out="", err="error: ")
                check_in(f"{name}, line 1", run.stderr)


@case
def a_long_program_runs():
    with folder() as d:
        path = write(d, "long.tn", "int x = 0;\n" + "x = x + 1;\n" * 20000 + "print(x);\n")
        check_result(tenon("run", path), 0, out="20000\n", err="")


@case
def a_million_empty_lines_are_read():
    with folder() as d:
        path = write(d, "long.tn", "\n" * 1000000 + "print(1);\nfrob();\n")
        check_result(tenon("run", path), 1, out="", err="long.tn, line 1000002")


@case
def output_arrives_line_by_line():
    run = start("run", "-e", 'print("now"); while (true) { }')
    first_line(run, "now")


@case
def a_closed_pipe_ends_the_program_quietly():
    run = start("run", "-e", 'for (int i = 0; i < 1000000; i++) { print("line", i); }')
    first_line(run, "line 0")
    run.stdout.close()
    check(run.stderr.read(), "", "stderr")
    check(run.wait(timeout=PATIENCE_S) != 0, True, "the status says that it was cut")


@case
def a_full_disk_is_an_error_in_words():
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full")
    with open("/dev/full", "w") as full:
        run = subprocess.run([TENON, "run", "-e", 'for (int i = 0; i < 1000000; i++) { print("line", i); }'], stdout=full,
                             stderr=subprocess.PIPE, text=True, env=environment(), timeout=PATIENCE_S)
    check(run.returncode, 1, "exit status")
    check(run.stderr, "tenon: cannot write the output: No space left on device\n", "stderr")


@case
def a_closed_stdout_does_no_harm():
    run = subprocess.run([TENON, "run", "-e", "print(1)"], stderr=subprocess.PIPE, text=True, env=environment(),
                         preexec_fn=lambda: (reset_signals(), os.close(1)))
    check(run.returncode, 1, "exit status")
    check_in("cannot write the output", run.stderr)


@case
def runaway_recursion_is_an_error():
    run = tenon("run", "-e", "int f(int n) { return f(n + 1) + 1; }\nprint(f(0));")
    check_result(run, 1, out="", err="error: ")


@case
def a_setting_that_cannot_be_read_is_named_before_anything_runs():
    for name, value, words in [("TENON_MEMORY", "lots", "such as 4G, found 'lots'"), ("TENON_MEMORY", "-5", "found '-5'"),
                               ("TENON_MEMORY", "1.5X", "found '1.5X'"), ("TENON_MEMORY", "5", "did you mean 5G?"),
                               ("TENON_EAGER", "true", "expected 0 or 1"), ("TENON_LOG", "loud", "error, warn, info or debug")]:
        run = tenon("run", "-e", "print(1);", env=environment(**{name: value}))
        check_result(run, 2, "", f"error: {name}: expected ")
        check_in(words, run.stderr)
    check_result(tenon("help", "run", env=environment(TENON_MEMORY="lots")), 0, err="")


@case
def a_setting_that_nobody_knows_is_reported():
    run = tenon("run", "-e", "print(1);", env=environment(TENON_MEMROY="4G"))
    check_result(run, 0, "1\n", "unknown environment variable TENON_MEMROY; did you mean TENON_MEMORY?")


@case
def a_budget_with_a_fraction_is_obeyed():
    run = tenon("run", "-e", "auto t = zeros(100, 1024, 1024) + 1;\nprint(t[0, 0, 0]);", env=environment(TENON_MEMORY="0.25G"))
    check_result(run, 1, out="", err="error: ")
    check_result(tenon("run", "-e", "auto t = zeros(50, 1024, 1024) + 1;\nprint(t[0, 0, 0]);", env=environment(TENON_MEMORY="0.25G")), 0, "1.0\n")


@case
def runaway_allocation_is_an_error():
    run = tenon("run", "-e", "auto t = zeros(1000, 1000, 1000) + 1;\nprint(t[0, 0, 0]);", env=environment(TENON_MEMORY="64M"))
    check_result(run, 1, out="", err="error: ")


@case
def an_address_space_limit_is_an_error_in_words():
    def limit():
        reset_signals()
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    if uses_asan():
        raise Skip("a sanitizer needs the whole address space")
    run = subprocess.run([TENON, "run", "-e", 'string s = "ab"; for (int i = 0; i < 60; i++) { s = s + s; }'], text=True, timeout=PATIENCE_S,
                         capture_output=True, env=environment(), preexec_fn=limit)
    check_result(run, 1, out="", err="error: ")

@case
def colours_only_on_a_terminal():
    check("\033" in tenon("run", "-e", "frob()", env=environment(TERM="xterm")).stderr, False, "escapes in a pipe")


@case
def help_knows_the_functions_of_the_language():
    run = tenon("help", "relu")
    check_result(run, 0, err="")
    check_in("relu", run.stdout)
    check_result(tenon("help", "rellu"), 1, out="", err="relu")
    check_result(tenon("help", "nosuch"), 1, out="", err="tenon help --all lists the functions")
    run = tenon("help", "--all")
    check_result(run, 0, err="")
    check(len(run.stdout.splitlines()) > 100, True, "more than 100 functions are listed")
    check_in("\nmatmul" if "\nmatmul" in run.stdout else "\nzeros", run.stdout)


@case
def the_reference_mode_gives_the_same_bits():
    code = "seed(1); auto x = randn(64, 64); auto y = softmax(x @ x.T * 0.1); print(y[0:2, 0:4]); print(sum(exp(y) - y));"
    planned, eager = tenon("run", "-e", code), tenon("run", "-e", code, env=environment(TENON_EAGER="1"))
    check_result(planned, 0, err="")
    check_result(eager, 0, out=planned.stdout, err="")
    check_in("f32[2, 4]", planned.stdout)


@case
def input_reads_lines_of_the_standard_input():
    code = 'string a = input("Name? "); string b = input(); print("<" + a + "|" + b + ">"); input();'
    run = tenon("run", "-e", code, stdin="Ada\nno line end")
    check_result(run, 1, out="Name? <Ada|no line end>\n", err="the end of the input was reached")


run_cases()
