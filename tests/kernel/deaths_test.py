#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What vanishes, dies, stops or fills up around a running kernel: clients in the middle of something, the worker in its rarer states, the
front itself, the disk. Nothing else is lost, and no process stays behind. (The worker's common deaths are in execute_test.py.)"""
import json
import os
import pathlib
import resource
import signal
import subprocess
import tempfile
import time

from front import *  # noqa: F403
from front import (Gate, Kernel, SOON, STATE, TIMEOUT, case, check, check_in, connection_info, connections, is_gone, kill, processes,
                   text_of, wait_until, write_connection)

LOOP = "while (true) { }"


def session_of(pid):
    """Processes of that session that run."""
    return [process.pid for process in processes() if process.session == pid and process.state not in "ZX"]


def alive(kernel, client=None):
    client = client or kernel.client
    reply, published = client.run("20 + 3")
    check(reply["status"], "ok", str(reply)[:300])
    check([m["content"]["data"]["text/plain"] for m in published if m["type"] == "execute_result"], ["23"])
    check(client.ask("kernel_info_request", channel="control")["status"], "ok")
    assert client.beats(), "no heartbeat"


def goes(kernel, client):
    """The client is no more, without a word."""
    kernel.clients.remove(client)
    client.close()


# ---- clients ----

@case
def a_client_that_goes_in_the_middle_of_a_flood_disturbs_nobody():
    with Kernel() as kernel:
        other = kernel.connect().welcome()
        cell = other.execute('for (int i : 0..100000) print("line", i);')
        wait_until(lambda: other.receive("iopub")["type"] == "stream", "the flood")
        goes(kernel, other)
        check(text_of(kernel.client.published(cell)), "".join(f"line {i}\n" for i in range(100000)), "what the other client gets")
        alive(kernel)


@case
def a_client_that_goes_while_it_is_asked_leaves_a_cell_that_another_one_can_interrupt():
    with Kernel() as kernel:
        other = kernel.connect().welcome()
        cell = other.execute("input()", allow_stdin=True)
        other.receive("stdin")
        goes(kernel, other)
        kernel.client.reply(kernel.client.send("shell", "kernel_info_request", {}))
        kernel.client.send("control", "interrupt_request", {})
        errors = text_of(kernel.client.published(cell), "error")
        check([e["ename"] for e in errors], ["Interrupted"])
        alive(kernel)


@case
def a_client_that_goes_before_it_is_asked_is_the_end_of_input():
    with Kernel() as kernel:
        other, gate = kernel.connect().welcome(), Gate()
        cell = other.execute(gate.command + "input()", allow_stdin=True)
        other.begins(cell)
        goes(kernel, other)
        wait_until(lambda: connections(kernel.info["stdin_port"]) <= 1, "the kernel sees that it has gone")
        gate.open()
        errors = text_of(kernel.client.published(cell), "error")
        check([e["ename"] for e in errors], ["IOError"])
        alive(kernel)


@case
def a_client_that_goes_during_a_long_cell_leaves_it_running():
    with Kernel() as kernel:
        other = kernel.connect().welcome()
        gate = Gate()
        cell = other.execute(gate.command + "int left = 5; print(left);")
        other.begins(cell)
        goes(kernel, other)
        gate.open()
        check(text_of(kernel.client.published(cell)), "5\n")
        check(kernel.client.run("left")[0]["status"], "ok")


@case
def several_clients_take_turns_and_each_gets_its_own_replies():
    with Kernel() as kernel:
        clients = [kernel.client] + [kernel.connect().welcome() for _ in range(4)]
        sent = [(client, client.execute(f"{10 * n + i}")) for i in range(10) for n, client in enumerate(clients)]
        for client, request in sent:
            message = client.receive("shell")
            check((message["parent"]["msg_id"], message["content"]["status"]), (request, "ok"))
        shown = {}
        while len(shown) < len(sent):
            message = kernel.client.receive("iopub")
            if message["type"] == "execute_result":
                shown[message["parent"]["msg_id"]] = message["content"]["data"]["text/plain"]
        check([shown[request] for _, request in sent], [f"{10 * n + i}" for i in range(10) for n in range(5)])


@case
def an_answer_that_is_too_large_ends_the_input_and_not_the_kernel():
    with Kernel() as kernel:
        cell = kernel.client.execute("len(input())", allow_stdin=True)
        asked = kernel.client.receive("stdin")
        kernel.client.send("stdin", "input_reply", {"value": "x" * (70 << 20)}, parent=asked["header"])
        check(kernel.client.reply(cell, timeout=2 * TIMEOUT)["content"]["ename"], "IOError")
        alive(kernel)


# ---- the worker in its rarer states ----

@case
def a_worker_killed_while_it_answers_questions_beside_a_cell_leaves_none_open():
    with Kernel() as kernel:
        client = kernel.client
        worker = kernel.worker_pid()
        cell = client.execute(LOOP)
        client.begins(cell)
        kill(worker, signal.SIGSTOP) # what is asked now is under way when it dies
        kinds = ["complete_request", "inspect_request", "is_complete_request", "variables_request"]
        asked = [client.send("shell", kind, {"code": "pr", "cursor_pos": 2}) for kind in kinds for _ in range(5)]
        time.sleep(0.2)
        kill(worker)
        replies = {}
        while len(replies) < len(asked) + 1:
            message = client.receive("shell")
            replies[message["parent"]["msg_id"]] = message["content"]
        check(replies[cell]["ename"], "WorkerDied")
        # Whether code is complete may have been answered before the worker stood still.
        statuses = {replies[request]["status"] for request in asked}
        check(statuses <= {"ok", "unknown", "complete"}, True, f"statuses {statuses}")
        alive(kernel)


@case
def a_worker_killed_during_shutdown_does_not_hold_it_up():
    for number in (signal.SIGKILL, signal.SIGSTOP):
        with Kernel() as kernel:
            worker = kernel.worker_pid()
            if number == signal.SIGSTOP: # it does not read the shutdown
                kill(worker, number)
            began = time.monotonic()
            request = kernel.client.send("control", "shutdown_request", {"restart": number == signal.SIGKILL})
            if number == signal.SIGKILL:
                kill(worker, number)
            check(kernel.client.reply(request, "control")["content"]["status"], "ok")
            check(kernel.process.wait(TIMEOUT), 0, "exit status")
            assert time.monotonic() - began < SOON, f"the end took {time.monotonic() - began:.2f} s"
            wait_until(lambda: is_gone(worker), "the worker's end")


@case
def a_worker_that_dies_again_and_again_while_it_restarts_is_told_each_time():
    with Kernel() as kernel:
        for _ in range(5):
            before = kernel.worker_pid()
            kill(before)
            kill(kernel.fresh_worker(before)) # it has not greeted yet, or just now
            reply, _ = kernel.client.run("1")
            assert reply["status"] == "ok" or reply["ename"] == "WorkerDied", reply
            if reply["status"] == "error":
                check(kernel.client.run("1")[0]["status"], "ok", "the cell after it")
        alive(kernel)


@case
def a_worker_that_is_stopped_at_idle_holds_up_neither_questions_nor_the_kernel():
    with Kernel() as kernel:
        worker = kernel.worker_pid()
        kill(worker, signal.SIGSTOP)
        began = time.monotonic()
        check(kernel.client.ask("kernel_info_request")["status"], "ok")
        check(kernel.client.ask("is_complete_request", {"code": "1"})["status"], "unknown")
        assert time.monotonic() - began < SOON, "a question hung"
        kill(worker, signal.SIGCONT)
        alive(kernel)


@case
def what_a_cell_started_ends_with_its_worker():
    with Kernel() as kernel:
        worker = kernel.worker_pid()
        kernel.client.run("!sleep 1000 &")
        kernel.client.execute("!sleep 1001; sleep 1002")
        wait_until(lambda: len(session_of(worker)) >= 4, "worker, two commands and a shell")
        kill(worker)
        wait_until(lambda: session_of(worker) == [], "the end of all")
        kernel.client.run("1") # may be aborted with the cell
        alive(kernel)
        worker = kernel.worker_pid()
        kernel.client.run("!sleep 1003 &")
        wait_until(lambda: len(session_of(worker)) == 2, lambda: f"the worker and its child, and no shell; there are {session_of(worker)}")
    wait_until(lambda: session_of(worker) == [], "the end of all with the kernel")


@case
def a_front_that_is_killed_takes_worker_and_running_command_along():
    for code in (LOOP, "!sleep 1000", "input()", 'for (int i = 0; i < 1000000000; i++) { print(i); }', ""):
        kernel = Kernel()
        worker = kernel.worker_pid()
        cell = kernel.client.execute(code, allow_stdin=True)
        kernel.client.begins(cell)
        time.sleep(0.3) # most often it is in the middle of it then
        kernel.process.kill()
        kernel.process.wait()
        wait_until(lambda: session_of(worker) == [], lambda: f"the end of the worker in {code!r}; there are {session_of(worker)}")
        for client in kernel.clients:
            client.close()


# ---- a curve that is logged by what dies ----

def points(folder):
    """Whole records in the only event file; at this very moment one may be half written, or be taken back from a full disk."""
    (path,) = pathlib.Path(folder).glob("runs/*/events.out.tfevents.*")
    deadline = time.monotonic() + SOON
    while True:
        data, at, count = path.read_bytes(), 0, 0
        while at + 12 <= len(data):
            at += 16 + int.from_bytes(data[at:at + 8], "little")
            count += 1
        if at == len(data) or time.monotonic() > deadline:
            check(at, len(data), "bytes in whole records")
            return count - 2 # version and session
        time.sleep(0.01)


def logged_until_killed(number, written=False):
    """Points in the file, of 1,000 that the cell had logged before it was killed: at once, or when the file had them."""
    code = ('auto r = run("dies"); int i = 0;\nwhile (i < 1000) { r.log("loss", i); i++; }\nprint("all");\n'
            'while (true) { }')
    with tempfile.TemporaryDirectory() as folder, Kernel(TENON_RUNS=os.path.join(folder, "runs"), ASAN_OPTIONS="handle_segv=0:handle_abort=0",
                                                         TSAN_OPTIONS=os.environ.get("TSAN_OPTIONS", "") + ":handle_segv=0:handle_abort=0") as kernel:
        cell = kernel.client.execute(code)
        kernel.client.prints(cell)
        if written:
            wait_until(lambda: points(folder) == 1000, "all points in the file, while the cell runs", SOON)
        kill(kernel.worker_pid(), number)
        reply = kernel.client.reply(cell)["content"]
        check_in(signal.Signals(number).name, reply["evalue"])
        if number != signal.SIGKILL:
            check_in(", in cell 1, line ", reply["evalue"])
        return points(folder)


@case
def a_worker_that_dies_by_a_signal_that_can_be_caught_has_written_every_point():
    threads = "tsan" in subprocess.run(["ldd", cli.TENON], capture_output=True, text=True).stdout # noqa: F405
    for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGBUS, signal.SIGTERM):
        if threads and number == signal.SIGTERM:
            continue # the thread sanitizer keeps it from a loop that calls nothing
        end = number == signal.SIGTERM # of the run, which is closed then
        check(logged_until_killed(number), 1000 + end, f"points after {number}")


@case
def a_worker_that_is_asked_to_end_closes_its_runs_as_interrupted():
    with tempfile.TemporaryDirectory() as folder, Kernel(TENON_RUNS=os.path.join(folder, "runs")) as kernel:
        # It sleeps now and then: under the thread sanitizer a signal comes at the next system call only.
        cell = kernel.client.execute('auto r = run("ends"); r.log("x", 1.0); print("on"); while (true) { sleep(0.001); }')
        kernel.client.prints(cell)
        kill(kernel.worker_pid(), signal.SIGTERM)
        check_in("SIGTERM", kernel.client.reply(cell)["content"]["evalue"])
        manifest = json.loads(next(pathlib.Path(folder, "runs").glob("*/run.json")).read_text())
        check(manifest["status"], "interrupted", "run.json")
        reply, _ = kernel.client.run("1 + 1")
        check(reply["status"], "ok", "a cell in the fresh worker")


@case
def a_worker_that_is_killed_loses_only_what_is_younger_than_a_moment():
    check(logged_until_killed(signal.SIGKILL, written=True), 1000, "points that were in the file")


# ---- the disk ----

def last_source(path):
    """What the last whole line of a history or journal says was run."""
    lines = path.read_text().splitlines(keepends=True)
    return json.loads(lines[-1]).get("source") if lines and lines[-1].endswith("\n") else None


@case
def a_disk_that_is_full_under_runs_journal_history_and_flood_costs_those_and_nothing_else():
    with tempfile.TemporaryDirectory() as folder, Kernel(TENON_RUNS=os.path.join(folder, "runs"), XDG_STATE_HOME=folder) as kernel:
        client = kernel.client
        client.run('auto r = run("full"); r.log("x", 0);')
        for pid in (kernel.worker_pid(), kernel.process.pid):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        warnings = ""
        for n in range(6):
            reply, published = client.run(f'for (int i : 0..500) r.log("x", i); print({n}); //' + "y" * 3000)
            check((reply["status"], text_of(published)), ("ok", f"{n}\n"))
            warnings += text_of(published, name="stderr")
        check(warnings.count("events cannot be written"), 1, f"warnings in {warnings!r}")
        check(warnings.count("cannot write the journal"), 1, f"warnings in {warnings!r}")
        fitted = points(folder)
        assert 1 <= fitted < 3001, fitted
        reply, published = client.run("for (int i : 0..3000000) print(i);", timeout=120)
        check(reply["status"], "ok")
        text = text_of(published)
        assert text.startswith("0\n1\n") and "2999999\n" in text[-2000:], text[-2000:]
        for pid in (kernel.worker_pid(), kernel.process.pid): # there is room again
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        check(client.run('r.log("x", -1);')[0]["status"], "ok")
        # What waits for room has a bound, small where limits are.
        wait_until(lambda: fitted < points(folder) <= 3002, lambda: f"points that had no room; there are {points(folder)}, and were {fitted}")
        client.run("int roomy = 1;")
        found = client.ask("history_request", {"hist_access_type": "tail", "n": 1, "output": False})["history"]
        check([entry[2] for entry in found], ["int roomy = 1;"])
        history = pathlib.Path(folder) / "tenon" / "cells.jsonl"
        wait_until(lambda: last_source(history) == "int roomy = 1;", lambda: f"the history's last line; it is {last_source(history)!r}")


@case
def folders_that_take_nothing_cost_history_and_journal_and_nothing_else():
    with tempfile.TemporaryDirectory() as folder:
        blocked = pathlib.Path(folder) / "a file"
        blocked.write_text("")
        with Kernel(XDG_STATE_HOME=str(blocked), ready=False) as kernel:
            client = kernel.connect().welcome()
            reply, published = client.run("1 + 1")
            check(reply["status"], "ok")
            check_in("keeps no journal", text_of(published, name="stderr"))
            reply, published = client.run(f'run("x", logdir: "{blocked}/runs")')
            check((reply["status"], reply["ename"]), ("error", "IOError"))
            check_in(str(blocked), reply["evalue"])
            alive(kernel, client)


@case
def a_folder_of_runs_that_is_deleted_under_a_cell_is_one_warning():
    with tempfile.TemporaryDirectory() as folder, Kernel(TENON_RUNS=os.path.join(folder, "runs")) as kernel:
        client = kernel.client
        client.run('auto r = run("gone"); r.log("x", 0);')
        subprocess.run(["rm", "-r", os.path.join(folder, "runs")], check=True)
        text = ""
        for n in range(3):
            reply, published = client.run(f'for (int i : 0..100) r.log("x", i); print({n});')
            check((reply["status"], text_of(published)), ("ok", f"{n}\n"))
            text += text_of(published, name="stderr")
        check(text.count("was removed"), 1, f"warnings in {text!r}")
        check(client.run('auto r = run("again"); r.log("x", 1);')[0]["status"], "ok", "a new run in a new folder")
        wait_until(lambda: points(folder) == 1, lambda: f"one point of the new run; there are {points(folder)}")


# ---- the clock ----

@case
def a_clock_that_goes_back_delays_nothing_and_loses_nothing():
    shim = os.environ.get("CLOCK_BACK", "")
    if not os.path.exists(shim):
        raise Skip("only `meson test` knows the library with that clock") # noqa: F405
    if "san.so" in subprocess.run(["ldd", cli.TENON], capture_output=True, text=True).stdout: # noqa: F405
        raise Skip("a sanitizer wants to be the first library itself") # noqa: F405
    with tempfile.TemporaryDirectory() as folder, Kernel(LD_PRELOAD=shim, TENON_RUNS=os.path.join(folder, "runs"), XDG_STATE_HOME=folder) as kernel:
        client = kernel.client
        began = time.monotonic()
        for n in range(3):
            code = f'auto r = run("back"); for (int i : 0..100) r.log("x", i); r.close();\nprint({n});'
            reply, published = client.run(code)
            check((reply["status"], text_of(published), text_of(published, name="stderr")), ("ok", f"{n}\n", ""))
        check(client.ask("complete_request", {"code": "prin", "cursor_pos": 4})["matches"], ["print"])
        cell = client.execute(LOOP)
        client.begins(cell)
        client.send("control", "interrupt_request", {})
        check(client.reply(cell)["content"]["ename"], "Interrupted")
        assert time.monotonic() - began < 0.5 * TIMEOUT, "something waited for the clock"
        journal = next(pathlib.Path(folder).glob("tenon/sessions/*/journal.jsonl"))
        wait_until(lambda: last_source(journal) == LOOP, "the cell's line, which is written behind its reply")
        files = sorted(pathlib.Path(folder).glob("runs/*/events.out.tfevents.*"))
        check(len(files), 3, f"event files in {files}")
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        seconds = [line["seconds"] for line in lines if "seconds" in line]
        times = [line["time"] for line in lines if "time" in line]
        assert times == sorted(times, reverse=True) and times[0] - times[-1] > 3600, f"this clock did not go back: {times}"
        assert len(seconds) >= 4 and all(0 <= s < TIMEOUT for s in seconds), seconds


# ---- names ----

@case
def two_kernels_on_one_notebook_keep_apart_and_the_second_says_so():
    name = os.path.join(STATE.name, "one.ipynb")
    with Kernel(JPY_SESSION_NAME=name) as one, Kernel(JPY_SESSION_NAME=name, ready=False) as two:
        client = two.connect().welcome()
        reply, published = client.run("int x = 2;")
        check(reply["status"], "ok")
        check_in("another kernel has the session", text_of(published, name="stderr"))
        check(one.client.run("int x = 1;")[0]["status"], "ok")
        check([m["content"]["data"]["text/plain"] for m in client.run("x")[1] if m["type"] == "execute_result"], ["2"])


@case
def a_notebook_whose_path_is_no_text_has_a_kernel_all_the_same():
    with tempfile.TemporaryDirectory() as folder:
        strange = os.path.join(os.fsencode(folder), b"caf\xe9 \"\\ \x01")
        os.mkdir(strange)
        info = connection_info()
        path = write_connection(STATE.name, info)
        env = {os.fsencode(k): os.fsencode(v) for k, v in environment().items()} # noqa: F405
        env[b"JPY_SESSION_NAME"] = strange + b"/a.ipynb"
        process = subprocess.Popen([cli.TENON, "kernel", "-f", str(path)], cwd=strange, env=env, stdin=subprocess.DEVNULL, # noqa: F405
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        cli.STARTED.append(process) # noqa: F405
        client = Client(info) # noqa: F405
        client.ready()
        reply, _ = client.run('auto r = run("here"); r.log("x", 1); print(r.path());')
        assert reply["status"] in ("ok", "error"), reply
        reply, published = client.run('print("alive");')
        check((reply["status"], text_of(published)), ("ok", "alive\n"))
        client.close()
        process.terminate()
        check(process.wait(TIMEOUT), 0, "exit status")


# ---- text that is none ----

HOSTILE = [r'"a\0b"', r'"\xff\xfe"', r'"\xc3"', r'"\xed\xa0\x80"', r'"\x1b[31m\x7f"', r'"\U0001f600\u2028"']


@case
def no_text_of_a_program_makes_a_message_that_is_no_json():
    with Kernel() as kernel:
        client = kernel.client
        for text in HOSTILE:
            for code in ("print({});", "{}", "display({});", "error({});", "assert(false, {});", "auto m = {{ \"k\": {} }}; m", "[{}, \"b\"]",
                         "auto m = {{ {}: 1 }}; m", "input({});", "throw_{};"):
                reply, _ = client.run(code.format(text), stop_on_error=False) # receive() parses and verifies each message
                assert reply["status"] in ("ok", "error"), reply
        for code in ("nan", "inf", "-inf", "print(nan, inf);", "[nan, inf]", "display(nan);", 'auto m = { "x": nan }; m', "plot([1.0, nan, inf]);",
                     "tensor([nan, 1.0])"):
            reply, _ = client.run(code, stop_on_error=False)
            check(reply["status"], "ok", code)
        reply, _ = client.run(r"!printf 'a\0b\377\303'", user_expressions={"n": "nan", "z": r'"\0\xff"'})
        check(reply["status"], "ok")
        alive(kernel)


@case
def no_name_of_a_run_a_value_or_a_setting_makes_a_file_that_is_no_json():
    with tempfile.TemporaryDirectory() as folder, Kernel(TENON_RUNS=os.path.join(folder, "runs")) as kernel:
        for text in HOSTILE:
            for code in ('run({}).log("x", 1);', 'auto r = run("a"); r.log({}, 1);', 'auto r = run("a"); r.text({}, "t"); r.text("t", {});',
                         'auto r = run("a", hparams: {{ "k": {} }}); r.log("x", nan);', 'auto r = run("a", hparams: {{ {}: inf }}); r.log("x", -inf);',
                         'auto r = run("a"); r.hparams({{ {}: {} }}); r.log("x", 1);'):
                reply, _ = kernel.client.run(code.replace("{}", text).replace("{{", "{").replace("}}", "}"), stop_on_error=False)
                assert reply["status"] in ("ok", "error"), reply
        found = list(pathlib.Path(folder).glob("runs/*/run.json"))
        assert len(found) > 10, found
        for path in found:
            json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda word: (_ for _ in ()).throw(ValueError(f"{path}: {word}")))
        alive(kernel)


run_cases() # noqa: F405
