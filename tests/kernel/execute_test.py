#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cells at the real worker: output, aborts, interrupts, input, and the worker's death in each state."""
import datetime
import json
import os
import random
import signal
import threading
import time

from front import *  # noqa: F403
from front import Gate, Kernel, SOON, STATE, TIMEOUT, case, check, check_in, is_gone, kill, text_of, wait_until, zmq

LOOP = "while (true) { }"


def kinds(published):
    return [m["type"] for m in published]


def value_of(published):
    return [m["content"]["data"]["text/plain"] for m in published if m["type"] == "execute_result"]


@case
def output_is_complete_and_in_order_between_busy_and_idle():
    with Kernel() as kernel:
        reply, published = kernel.client.run('print("a"); print("b"); 1 + 1')
        check(reply["status"], "ok")
        check(kinds(published)[:2] + kinds(published)[-2:], ["status", "execute_input", "execute_result", "status"])
        check(text_of(published), "a\nb\n")
        check(value_of(published), ["2"])
        check(published[1]["content"], {"code": 'print("a"); print("b"); 1 + 1', "execution_count": 1})


@case
def a_flood_of_lines_arrives_whole():
    with Kernel() as kernel:
        reply, published = kernel.client.run('for (int i : 0..20000) print("line", i);')
        check(reply["status"], "ok")
        check(text_of(published), "".join(f"line {i}\n" for i in range(20000)))


@case
def a_subscriber_that_stops_reading_loses_messages_and_nobody_else_does():
    with Kernel(TENON_OUTPUT_RATE="off") as kernel:
        frozen = kernel.connect(subscribe=False).context.socket(zmq.SUB)
        frozen.rcvhwm, frozen.linger = 10, 0
        frozen.setsockopt(zmq.RCVBUF, 8192)
        frozen.setsockopt(zmq.SUBSCRIBE, b"")
        frozen.connect(kernel.client.url("iopub"))
        check(frozen.poll(int(TIMEOUT * 1000)), 1, "a welcome")
        reply, published = kernel.client.run('string big = repeat("y", 20000); for (int i : 0..3000) { display(big); }')
        check((reply["status"], len(text_of(published, "display_data"))), ("ok", 3000))
        got = []

        def gets_all_of_a_cell(): # once what had gathered is read; it may take more than one pause
            cell = kernel.client.execute("1 + 1")
            kernel.client.published(cell)
            while frozen.poll(500):
                got.append(frozen.recv_multipart())
            parents = [json.loads(frames[frames.index(b"<IDS|MSG>") + 3]).get("msg_id") for frames in got[-4:]]
            return parents == [cell] * 4

        wait_until(gets_all_of_a_cell, "a whole cell for the subscriber that reads again")
        check([frames[0] for frames in got[-4:]], [b"status", b"execute_input", b"execute_result", b"status"], "what it gets last")
        assert sum(frames[0] == b"display_data" for frames in got) < 3000, "the frozen subscriber lost nothing: this tested nothing"


@case
def errors_have_name_text_and_traceback_on_both_channels():
    with Kernel() as kernel:
        reply, published = kernel.client.run("nobody")
        shown = text_of(published, "error")
        check(len(shown), 1, "errors")
        check((reply["status"], reply["ename"]), ("error", "NameError"))
        check({k: reply[k] for k in ("ename", "evalue", "traceback")}, shown[0])
        check_in("nobody", "\n".join(reply["traceback"]))


@case
def silent_cells_and_those_without_history_do_not_count():
    with Kernel() as kernel:
        client = kernel.client
        check(client.run("1")[0]["execution_count"], 1)
        reply, published = client.run('print("x"); 5', silent=True)
        check((kinds(published), reply["execution_count"]), (["status", "status"], 1))
        check(client.run("2", store_history=False)[0]["execution_count"], 1)
        check(client.run("3")[0]["execution_count"], 2)


@case
def a_run_of_all_cells_stops_at_the_first_error():
    with Kernel() as kernel:
        client = kernel.client
        gate = Gate() # the first cell takes until all the others are in the queue
        sent = [client.execute(gate.command + "int a = 1;"), client.execute("wrong"), client.execute("a = 2;"),
                client.send("shell", "kernel_info_request", {}), client.execute("a = 3;", stop_on_error=False),
                client.send("shell", "kernel_info_request", {})]
        replies = {}
        while len(replies) < len(sent):
            message = client.receive("shell")
            replies[message["parent"]["msg_id"]] = message["content"]["status"]
            if message["parent"]["msg_id"] == sent[-1]:
                gate.open()
        check([replies[one] for one in sent], ["ok", "error", "aborted", "ok", "aborted", "ok"])
        client.published(sent[4])
        check(value_of(client.run("a")[1]), ["1"])


@case
def without_stop_on_error_all_cells_run():
    with Kernel() as kernel:
        client = kernel.client
        sent = [client.execute("wrong", stop_on_error=False), client.execute("7")]
        check([client.reply(one)["content"]["status"] for one in sent], ["error", "ok"])


@case
def user_expressions_are_evaluated_and_fail_one_by_one():
    with Kernel() as kernel:
        reply, _ = kernel.client.run("int x = 20;", user_expressions={"good": "x + 1", "bad": "nobody"})
        found = reply["user_expressions"]
        check((found["good"]["status"], found["good"]["data"]["text/plain"]), ("ok", "21"))
        check((found["bad"]["status"], found["bad"]["ename"]), ("error", "NameError"))


@case
def interrupts_stop_a_loop_by_message_and_by_signal_and_keep_the_variables():
    with Kernel() as kernel:
        client = kernel.client
        client.run("int x = 42;")
        for way in ("message", "signal"):
            cell, queued = client.execute('print("x"); ' + LOOP), client.execute("2")
            client.arrived() # also the one that waits
            client.prints(cell)
            began = time.monotonic()
            if way == "message":
                check(client.reply(client.send("control", "interrupt_request", {}), "control")["content"]["status"], "ok")
            else:
                os.killpg(kernel.process.pid, signal.SIGINT)
            check(client.reply(cell)["content"]["ename"], "Interrupted")
            assert time.monotonic() - began < SOON, f"the interrupt took {time.monotonic() - began:.2f} s"
            check(client.reply(queued)["content"]["status"], "aborted")
            client.published(queued)
            check(value_of(client.run("x")[1]), ["42"])


def dated():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def send_cell(client, code):
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}
    return client.send("shell", "execute_request", content, date=dated())


@case
def an_interrupt_of_many_short_cells_stops_the_rest_whenever_it_comes():
    chance = random.Random(20261130)
    with Kernel() as kernel:
        client = kernel.client
        client.run("int count = 0;")
        for attempt in range(60):
            way = chance.choice(["message", "signal"])
            cells = [send_cell(client, f"count = {i};") for i in range(30)] + [send_cell(client, LOOP)]
            replies = {}

            def take_reply():
                message = client.next("shell", SOON)
                replies[message["parent"]["msg_id"]] = message["content"]

            if way == "signal": # it does not say when it was sent: it is for what the kernel has by then
                mark = client.send("shell", "kernel_info_request", {})
                while mark not in replies:
                    take_reply()
            time.sleep(chance.choice([0, chance.uniform(0, 0.002), chance.uniform(0, 0.08)]))
            if way == "message":
                client.reply(client.send("control", "interrupt_request", {}, date=dated()), "control")
            else:
                kernel.process.send_signal(signal.SIGINT)
            while not replies.keys() >= set(cells):
                take_reply()
            last = replies[cells[-1]]
            check(last["status"] == "aborted" or last.get("ename") == "Interrupted", True, f"attempt {attempt}, by {way}: {last}")
            stopped = [replies[cell]["status"] != "ok" for cell in cells]
            check(sorted(stopped), stopped, f"attempt {attempt}, by {way}: nothing runs behind what was stopped")
            client.published(cells[-1])
            check(value_of(client.run("1 + 1")[1]), ["2"], "the next cell")
        check(value_of(client.run("count >= 0")[1]), ["true"], "the variables are there")


@case
def control_and_questions_are_answered_while_a_cell_runs():
    with Kernel() as kernel:
        client = kernel.client
        client.run("int variable_one = 1;")
        cell = client.execute(LOOP)
        client.begins(cell)
        check(client.ask("kernel_info_request", channel="control")["status"], "ok")
        # A busy machine may let the time run out in which an editor wants its answer; then it is asked again.
        asked = lambda kind, content, key, wanted: wait_until(lambda: client.ask(kind, content)[key] == wanted, f"{wanted} for {kind}")  # noqa: E731
        asked("complete_request", {"code": "variable_", "cursor_pos": 9}, "matches", ["variable_one"])
        asked("inspect_request", {"code": "variable_one", "cursor_pos": 3, "detail_level": 0}, "found", True)
        asked("is_complete_request", {"code": "if (1) {"}, "status", "incomplete")
        usage = client.ask("usage_request", channel="control")
        assert usage["kernel_memory"] > 1 << 20 and usage["host_virtual_memory"]["total"] > 1 << 20, usage
        client.send("control", "interrupt_request", {})
        check(client.reply(cell)["content"]["ename"], "Interrupted")


@case
def cursor_positions_count_code_points():
    with Kernel() as kernel:
        found = kernel.client.ask("complete_request", {"code": 'string s = "héé🙂"; prin', "cursor_pos": 23})
        check(("print" in found["matches"], found["cursor_start"], found["cursor_end"]), (True, 19, 23))
        check(len(found["metadata"]["_jupyter_types_experimental"]), len(found["matches"]))


@case
def input_asks_the_user_and_interrupt_and_end_of_input_end_it():
    with Kernel() as kernel:
        client = kernel.client
        cell = client.execute('string s = input("name? "); print("hi", s);', allow_stdin=True)
        asked = client.receive("stdin")
        check((asked["type"], asked["content"], asked["parent"]["msg_id"]), ("input_request", {"prompt": "name? ", "password": False}, cell))
        client.send("stdin", "input_reply", {"value": "Ada"}, parent=asked["header"])
        check(text_of(client.published(cell)), "hi Ada\n")
        cell = client.execute("input()", allow_stdin=True)
        stale = client.receive("stdin")
        client.send("control", "interrupt_request", {})
        check(client.reply(cell)["content"]["status"], "error")
        client.send("stdin", "input_reply", {"value": "late"}, parent=stale["header"])
        cell = client.execute("string t = input(); print(t);", allow_stdin=True)
        client.send("stdin", "input_reply", {"value": "new"}, parent=client.receive("stdin")["header"])
        check(text_of(client.published(cell)), "new\n")
        check(client.run("input()")[0]["status"], "error")


def kill_worker(kernel):
    kill(kernel.worker_pid())


def works_again(kernel):
    reply, published = kernel.client.run("1 + 1")
    check(reply["status"], "ok")
    check_in("gone", text_of(published, name="stderr"))
    check(value_of(published), ["2"])


@case
def a_worker_killed_in_a_cell_is_an_error_that_says_so():
    with Kernel() as kernel:
        cell, queued = kernel.client.execute(LOOP), kernel.client.execute("2", stop_on_error=False)
        kernel.client.begins(cell)
        kernel.client.arrived() # also the one that waits
        kill_worker(kernel)
        reply = kernel.client.reply(cell)["content"]
        check((reply["status"], reply["ename"]), ("error", "WorkerDied"))
        check_in("SIGKILL", reply["evalue"])
        check(kernel.client.reply(queued)["content"]["status"], "aborted")
        check(len(text_of(kernel.client.published(cell), "error")), 1)
        works_again(kernel)


@case
def a_crash_names_signal_and_line():
    # A sanitizer's own handler would end the worker with a status of its own.
    with Kernel(ASAN_OPTIONS="handle_segv=0", TSAN_OPTIONS=os.environ.get("TSAN_OPTIONS", "") + ":handle_segv=0") as kernel:
        cell = kernel.client.execute('int i = 0; print("x");\nwhile (true) {\n  i = (i + 1) % 7;\n}')
        kernel.client.prints(cell)
        kill(kernel.worker_pid(), signal.SIGSEGV)
        reply = kernel.client.reply(cell)["content"]
        check_in("SIGSEGV", reply["evalue"])
        check_in("cell 1", reply["evalue"])
        works_again(kernel)


@case
def a_worker_killed_at_idle_is_told_by_the_next_cell():
    with Kernel() as kernel:
        before = kernel.worker_pid()
        kill(before)
        kernel.fresh_worker(before)
        works_again(kernel)


@case
def a_worker_killed_while_it_waits_for_input_takes_the_question_away():
    with Kernel() as kernel:
        cell = kernel.client.execute("input()", allow_stdin=True)
        kernel.client.receive("stdin")
        kill_worker(kernel)
        check(kernel.client.reply(cell)["content"]["ename"], "WorkerDied")
        kernel.client.send("stdin", "input_reply", {"value": "x"})
        works_again(kernel)


@case
def a_worker_killed_in_a_flood_leaves_what_it_had_said():
    with Kernel() as kernel:
        cell = kernel.client.execute('int i = 0; while (true) { print("line", i); i++; }')
        kernel.client.prints(cell, "line 1\n") # the first message may be the first line alone
        kill_worker(kernel)
        published = kernel.client.published(cell)
        check(kernel.client.reply(cell)["content"]["ename"], "WorkerDied")
        assert text_of(published).startswith("line 0\nline 1\n"), "the flood's beginning is missing"
        works_again(kernel)


@case
def a_worker_killed_while_it_starts_is_told_and_another_one_is_tried():
    second = os.path.join(STATE.name, "second")
    with Kernel(worker=["sh", "-c", 'test -e "$0" || { touch "$0"; sleep 300; }; exec "$1" worker', second, cli.TENON], # noqa: F405
                ready=False) as kernel:
        client = kernel.connect().welcome()
        cell = client.execute("1 + 1")
        client.receive("iopub") # busy: it waits
        began = time.monotonic()
        check(client.ask("complete_request", {"code": "pr", "cursor_pos": 2})["matches"], [])
        assert time.monotonic() - began < SOON, "a question hung"
        wait_until(lambda: os.path.exists(second), "the worker that does not start")
        kill_worker(kernel)
        reply = client.reply(cell)["content"]
        check(reply["ename"], "WorkerDied")
        check_in("did not start", reply["evalue"])
        check(client.run("1 + 1")[0]["status"], "ok")


@case
def a_worker_that_is_stopped_is_ended_by_the_second_interrupt():
    with Kernel() as kernel:
        client = kernel.client
        cell = client.execute(LOOP)
        client.begins(cell)
        kill(kernel.worker_pid(), signal.SIGSTOP)
        client.send("control", "interrupt_request", {})
        published = []
        while not (published and published[-1]["type"] == "stream"):
            published.append(client.receive("iopub"))
        check_in("A second interrupt ends its worker", published[-1]["content"]["text"])
        check(client.ask("kernel_info_request", channel="control")["status"], "ok")
        client.send("control", "interrupt_request", {})
        check(client.reply(cell)["content"]["ename"], "Interrupted")
        works_again(kernel)


@case
def a_child_that_holds_the_pipes_does_not_hide_a_death():
    with Kernel() as kernel:
        kernel.client.run("!sleep 60 &")
        before = kernel.worker_pid()
        kill(before)
        kernel.fresh_worker(before)
        works_again(kernel)


@case
def history_is_kept_across_kernels():
    with Kernel() as kernel:
        for code in ("int kept_one = 1;", "int kept_two = 2;", "kept_two", "kept_two"):
            kernel.client.run(code)
        tail = kernel.client.ask("history_request", {"hist_access_type": "tail", "n": 2, "output": True, "raw": True})["history"]
        check([entry[1:] for entry in tail], [[3, ["kept_two", "2"]], [4, ["kept_two", "2"]]])
        first = kernel.client.ask("history_request", {"hist_access_type": "range", "session": 0, "start": 1, "stop": 3, "output": False})["history"]
        check([entry[2] for entry in first], ["int kept_one = 1;", "int kept_two = 2;"])
    with Kernel() as kernel:
        found = kernel.client.ask("history_request", {"hist_access_type": "search", "pattern": "*kept_t*", "unique": True, "output": False})["history"]
        check([entry[2] for entry in found], ["int kept_two = 2;", "kept_two"])
        kernel.client.run("3;")
        before = kernel.client.ask("history_request", {"hist_access_type": "range", "session": -1, "start": 1, "stop": 2, "output": False})["history"]
        check([entry[2] for entry in before], ["int kept_one = 1;"])


@case
def two_kernels_at_once_keep_their_histories_apart():
    with Kernel() as one, Kernel() as two:
        threads = [threading.Thread(target=lambda k=k, n=n: [k.client.run(f"// {n} {i}") for i in range(30)]) for n, k in enumerate((one, two))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = [kernel.client.ask("history_request", {"hist_access_type": "range", "session": 0, "start": 1, "stop": 0, "output": False})["history"]
                 for kernel in (one, two)]
        check([[entry[2] for entry in history] for history in found], [[f"// {n} {i}" for i in range(30)] for n in range(2)])


@case
def many_megabytes_from_one_print_arrive():
    with Kernel(TENON_OUTPUT_RATE="off") as kernel:
        reply, published = kernel.client.run('print(repeat("x", 30000000));', timeout=120)
        check(reply["status"], "ok")
        assert len(text_of(published)) > 16 << 20, f"only {len(text_of(published))} characters arrived"


@case
def nothing_of_a_cell_stays_behind_when_the_kernel_is_killed():
    kernel = Kernel()
    kernel.client.prints(kernel.client.execute('print("x"); ' + LOOP))
    worker = kernel.worker_pid()
    kernel.process.kill()
    kernel.process.wait()
    wait_until(lambda: is_gone(worker), "the worker's end")
    for client in kernel.clients:
        client.close()


@case
def what_a_cell_left_in_the_background_writes_is_shown_at_that_cell():
    with Kernel() as kernel:
        client, gate = kernel.client, Gate()
        cell = client.execute(f"!(until test -e '{gate.path}'; do sleep 0.05; done; echo late; echo later >&2) &")
        client.published(cell)
        client.run("1", silent=True) # nobody sees this one
        gate.open()
        client.sees(cell, "stream", "late\n")
        client.sees(cell, "stream", "later\n")
        _, published = client.run("print(1);")
        check(text_of(published), "1\n", "text of the next cell")


run_cases() # noqa: F405
