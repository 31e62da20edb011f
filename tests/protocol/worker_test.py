#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`tenon worker` from outside: every request and its answer, the order of output, interrupts, input. Usage: worker_test.py TENON [PART…]"""
import json
import os
import pathlib
import resource
import signal
import sys
import tempfile
import time

from support import *


# ---- the greeting ----

@case
def the_greeting_names_version_session_and_process():
    with Session(session="first") as w:
        hello = w.hello
        check(hello["type"], "hello", "type")
        check(hello["protocol"], "tenon", "protocol")
        check(hello["version"], [1, 0], "version")
        check(hello["session"], "first", "session")
        check(hello["generation"], 1, "generation")
        check(hello["pid"], w.process.pid, "pid")
        check(hello["notes"], [], "notes")


@case
def a_front_of_another_major_version_is_refused_in_words():
    with Session(hello={"type": "hello", "protocol": "tenon", "version": [2, 0]}) as w:
        check_in("version [2,0]", w.hello["refused"], "the refusal")
        status, words = ended(w)
        check(status, 1, "exit status")
        check_in("install the same Tenon on both sides", words, "last words")


@case
def what_is_no_greeting_is_refused_in_words():
    with Session(hello={"type": "execute", "id": 1, "code": "1"}) as w:
        check_in("does not greet", w.hello["refused"], "the refusal")
        check(ended(w)[0], 1, "exit status")


@case
def without_a_front_there_is_nothing_to_do():
    run = tenon("worker")
    check_result(run, 0, out="", err="")
    check_result(tenon("worker", "--attach"), 2, out="", err="'--attach' is no option of worker")


# ---- cells ----

@case
def a_cell_prints_shows_its_value_and_is_done():
    with Session() as w:
        events, done = w.execute('print("hi"); 1 + 2')
        check(types(events), ["stream", "result"], "events")
        check(text_of(events), "hi\n", "text")
        check(only(events, "result")["data"]["text/plain"], "3", "value")
        check(done["status"], "ok", "status")
        check(done.get("user_expressions"), None, "user expressions")


@case
def an_error_has_name_text_and_colored_traceback_and_the_session_goes_on():
    with Session() as w:
        events, done = w.execute("int a = 1;\nint b = a / 0;", cell=7)
        error = only(events, "error")
        for found in (error, done):
            check(found["name"], "ZeroDivisionError", "name")
            check(len(found["traceback"]), 1, "parts of the traceback")
            check_in("cell 7, line 2", found["traceback"][0], "traceback")
            check_in("\x1b[", found["traceback"][0], "colors")
        check(done["status"], "error", "status")
        events, done = w.execute("a")
        check(only(events, "result")["data"]["text/plain"], "1", "value")


@case
def all_errors_of_a_check_are_in_the_traceback():
    with Session() as w:
        done = w.execute("one; two; three")[1]
        check(done["name"], "NameError", "name")
        check(len(done["traceback"]), 3, "parts of the traceback")


@case
def warnings_go_to_stderr():
    with Session() as w:
        events, done = w.execute("int a = 7; float f = a / 2 + 0.5; print(1);")
        check(done["status"], "ok", str(done))
        check_in("warning", text_of(events, "stderr"), "stderr")
        check(text_of(events), "1\n", "stdout")


@case
def a_silent_cell_says_nothing_but_how_it_ended():
    with Session() as w:
        events, done = w.execute('print("x"); !echo y\n', silent=True)
        events, done = w.execute('int silent = 5; print("x"); silent', silent=True)
        check(events, [], "events")
        check(done["status"], "ok", "status")
        events, done = w.execute("nothing_here", silent=True)
        check(events, [], "events")
        check(done["name"], "NameError", "name")
        check(text_of(w.execute("print(silent);")[0]), "5\n", "what the silent cell left")


@case
def user_expressions_are_evaluated_after_the_cell():
    with Session() as w:
        events, done = w.execute("int n = 20;", user_expressions={"twice": "2 * n", "none": "n = 3;", "bad": "nope", "five": 5})
        answers = done["user_expressions"]
        check(answers["twice"], {"status": "ok", "data": {"text/plain": "40"}}, "value")
        check(answers["none"], {"status": "ok", "data": {}}, "no value")
        check((answers["bad"]["status"], answers["bad"]["name"]), ("error", "NameError"), "error")
        check((answers["five"]["name"], answers["five"]["text"]), ("ValueError", "this user expression is no text"), "no text")
        check(types(events), [], "events")
        done = w.execute("nope", user_expressions={"n": "n"})[1]
        check(done.get("user_expressions"), None, "expressions behind an error")


@case
def user_expressions_give_all_forms_of_their_values():
    with Session() as w:
        code = {"p": "image(zeros(8, 8))", "t": "ones(2)", "q": "image(ones(4, 4))"}
        done = w.execute("1;", user_expressions=code)[1]
        answers = done["user_expressions"]
        for name, at in (("p", 0), ("q", 1)):
            check(answers[name]["data"]["image/png"], {"buffer": at}, f"the picture of {name}")
            check(done["buffers"][at][:8], b"\x89PNG\r\n\x1a\n", f"the bytes of {name}")
            check_in("image/png", str(answers[name]["metadata"]), f"the metadata of {name}")
        check_in("<", answers["t"]["data"]["text/html"], "HTML")
        check(len(done["buffers"]), 2, "buffers")
        check(w.execute("1;", user_expressions={"n": "1"})[1]["buffers"], [], "buffers of the next cell")


@case
def user_expressions_that_do_not_fit_into_a_message_say_so_and_the_cell_stays_good():
    with Session() as w:
        code = {f"e{i}": '"x".repeat(15000000)' for i in range(5)}
        done = w.execute("int kept = 1;", user_expressions=code, timeout=60 * SLOW)[1]
        check(done["status"], "ok", "status")
        check({(a["status"], a["name"]) for a in done["user_expressions"].values()}, {("error", "ValueError")}, "answers")
        check_in("too large", done["user_expressions"]["e0"]["text"], "text")
        check(w.execute("kept")[0][0]["data"]["text/plain"], "1", "the variable")


@case
def code_of_a_megabyte_arrives_in_pieces():
    with Session() as w:
        code = "// " + "x" * 1_000_000 + '\nprint("there");'
        w.write(pack_large({"type": "execute", "id": 99, "code": code, "cell": 1, "silent": False, "allow_stdin": False,
                            "user_expressions": {}}))
        check(text_of(w.collect(99)[0]), "there\n", "text")


@case
def requests_that_wait_are_answered_in_order():
    with Session() as w:
        ids = [w.start(f"print({i});") for i in range(20)]
        for i, request in enumerate(ids):
            check(text_of(w.collect(request)[0]), f"{i}\n", "text")


# ---- streams ----

@case
def what_children_write_stands_in_order_with_print():
    with Session() as w:
        events, done = w.execute('!echo before\nprint("between");')
        check(text_of(events), "before\nbetween\n", "text")
        events, done = w.execute("!echo out; echo err >&2")
        check((text_of(events), text_of(events, "stderr")), ("out\n", "err\n"), "streams")
        events, done = w.execute("!head -c 300000 /dev/zero | tr '\\0' x")
        check(len(text_of(events)), 300000, "bytes of a child")


@case
def bytes_that_are_no_text_are_replaced_and_characters_are_not_cut():
    with Session() as w:
        events, _ = w.execute(r"!printf 'a\377b\0c\303'")
        check(text_of(events), "a\ufffdb\ufffdc\ufffd", "text")
        events, _ = w.execute(r"!printf '\303'; sleep 0.2; printf '\251'; printf '\360\237'; sleep 0.1; printf '\230\200'")
        check(text_of(events), "\u00e9\U0001f600", "text in pieces")


@case
def a_child_that_goes_on_in_the_background_does_not_keep_its_cell():
    with Session() as w:
        gate = Gate(w)
        done = w.execute(f"!({gate.command}; echo late) &")[1]
        check(done["status"], "ok", "status")
        gate.open()
        header, _ = w.receive()
        check((header["type"], header["text"]), ("stream", "late\n"), "what comes later")


@case
def parts_of_a_line_wait_for_each_other():
    with Session() as w:
        found = []
        for _ in range(10): # on a machine that stands still between the two parts they may come apart, but not each time
            events, _ = w.execute("!printf 'one '; sleep 0.01; echo line")
            check(text_of(events), "one line\n", "text")
            found.append(len(events))
        check(min(found), 1, f"messages of a line ({found})")
        request = w.start("!printf 'no end'; sleep 60") # a part is shown all the same, soon
        check(w.receive()[0]["text"], "no end", "text")
        w.send({"type": "interrupt"})
        check(w.collect(request)[1]["status"], "interrupted", "status")


@case
def text_of_a_long_cell_comes_while_it_runs():
    with Session() as w:
        request = w.start('print("early"); while (true) { }')
        header, _ = w.receive()
        check(header["text"], "early\n", "text")
        w.send({"type": "interrupt"})
        check(w.collect(request)[1]["status"], "interrupted", "status")


@case
def the_last_words_before_a_long_computation_do_not_wait_for_it():
    with Session() as w:
        request = w.start('print("a"); print("b"); while (true) { }')
        text, began = "", time.monotonic()
        while text != "a\nb\n":
            text += w.receive()[0]["text"]
        check(time.monotonic() - began < SOON, True, "time until the second line")
        w.send({"type": "interrupt"})
        w.collect(request)


@case
def a_hundred_thousand_lines_arrive_whole_and_in_few_messages():
    with Session() as w:
        w.execute("1;")
        began = cpu_seconds(w)
        events, _ = w.execute("for (int i = 0; i < 100000; i++) { print(i); }")
        seconds = cpu_seconds(w) - began
        check(text_of(events), "".join(f"{i}\n" for i in range(100000)), "text")
        check(len(events) < 1000, True, f"{len(events)} messages") # what is printed within 50 ms goes together
        check(seconds < 1.0 * SLOW, True, f"{seconds:.3f} s of the worker's own time")


# ---- interrupts ----

def interrupted(w, code):
    """Interrupts it some time after it said that it is there."""
    request = w.start(code)
    w.receive()
    time.sleep(0.15)
    began = time.monotonic()
    w.send({"type": "interrupt"})
    done = w.collect(request)[1]
    seconds = time.monotonic() - began
    check(done["status"], "interrupted", f"status of {code!r}")
    check(done["name"], "Interrupted", "name")
    check(seconds < SOON, True, f"{seconds:.3f} s until {code!r} ended")


@case
def an_interrupt_ends_loops_children_and_tensor_work():
    with Session() as w:
        interrupted(w, 'print("x"); while (true) { }')
        interrupted(w, "!echo x; sleep 1000")
        interrupted(w, 'tensor a = ones(1000, 1000); print("x"); while (true) { a = a @ a * 1e-3; }')
        interrupted(w, "for (int i = 0; i < 1000000000; i++) { print(i); }")
        check(text_of(w.execute('print("alive");')[0]), "alive\n", "text of the next cell")


@case
def an_interrupt_of_an_idle_worker_is_forgotten():
    with Session() as w:
        w.send({"type": "interrupt"})
        time.sleep(0.05)
        check(w.execute("1;")[1]["status"], "ok", "status")


@case
def an_interrupt_does_not_reach_the_next_cell():
    with Session() as w:
        for _ in range(200):
            request = w.start("for (int i = 0; i < 100; i++) { }")
            w.send({"type": "interrupt"})
            w.collect(request)
            w.request("usage")
            w.collect(w.next_id)
            check(w.execute("1;")[1]["status"], "ok", "status of the next cell")


@case
def an_interrupt_behind_a_done_reaches_the_next_cell():
    # A front sends the next cell when it has read a done: whatever the worker still does for the last one, an interrupt is for the next.
    with Session() as w:
        for i in range(100):
            check(w.execute("1;")[1]["status"], "ok", "status of a short cell")
            request = w.next_id + 1
            w.next_id += 1
            cell = {"type": "execute", "id": request, "code": "while (true) { }", "cell": i}
            w.write(pack(cell) + pack({"type": "interrupt", "id": request} if i % 2 else {"type": "interrupt"}))
            check(w.collect(request, 20 * SLOW)[1]["status"], "interrupted", f"status in round {i}")


def in_one_write(w, messages):
    w.write(b"".join(pack(m) for m in messages))
    return [w.collect(m["id"])[1] for m in messages if m["type"] == "execute"]


@case
def an_interrupt_is_for_the_request_that_it_names_and_those_behind_it():
    def cells(w, count):
        w.next_id += count
        return [{"type": "execute", "id": w.next_id - count + 1 + i, "code": f"ran = {i};", "cell": 1} for i in range(count)]

    with Session() as w:
        w.execute("int ran = -1;")
        a, b, c = cells(w, 3)
        statuses = [d["status"] for d in in_one_write(w, [a, b, c, {"type": "interrupt", "id": b["id"]}])]
        check(statuses, ["ok", "interrupted", "interrupted"], "named in the queue")
        check(text_of(w.execute("print(ran);")[0]), "0\n", "what ran")
        a, b, c = cells(w, 3)
        dones = in_one_write(w, [a, {"type": "interrupt", "id": w.next_id - 10}, b, {"type": "interrupt"}, c])
        check([d["status"] for d in dones], ["interrupted", "interrupted", "ok"], "one that is done, and none")
        check(dones[0]["name"], "Interrupted", "name")
        check(dones[0]["text"], "interrupted before the cell began", "text")
        check(text_of(w.execute("print(ran);")[0]), "2\n", "what ran")
        first = w.start('print("x"); while (true) { }') # the first runs, the others wait
        w.receive()
        a, b = cells(w, 2)
        w.write(pack(a) + pack(b) + pack({"type": "interrupt", "id": first}))
        check([w.collect(i)[1]["status"] for i in (first, a["id"], b["id"])], ["interrupted"] * 3, "the running one is named")
        first = w.start('print("x"); while (true) { }')
        w.receive()
        a, b = cells(w, 2)
        w.write(pack(a) + pack(b) + pack({"type": "interrupt", "id": b["id"]}))
        time.sleep(0.05)
        w.send({"type": "interrupt", "id": first}) # the running one went on
        check([w.collect(i)[1]["status"] for i in (first, a["id"], b["id"])], ["interrupted"] * 3, "the last is named first")


@case
def signals_to_the_process_group_do_not_end_it():
    with Session() as w:
        os.killpg(w.process.pid, 2)
        request = w.start('print("x"); while (true) { }')
        w.receive()
        os.killpg(w.process.pid, 2)
        time.sleep(0.1)
        w.send({"type": "interrupt"})
        check(w.collect(request)[1]["status"], "interrupted", "status")


# ---- input ----

@case
def a_cell_asks_for_input():
    with Session() as w:
        request = w.start('print("before"); string s = input("Name? "); print("<" + s + ">", len(input("Key: ", password: true)));',
                          allow_stdin=True)
        text = w.receive()[0]
        check(text["text"], "before\n", "what was printed before stands before the question")
        question = w.receive()[0]
        check((question["type"], question["id"], question["prompt"], question["password"]), ("input", request, "Name? ", False), "question")
        w.send({"type": "input", "id": request, "value": "Ada \u00e9"})
        question = w.receive()[0]
        check((question["type"], question["password"]), ("input", True), "question")
        w.send({"type": "input", "id": 12345, "value": "of another"})
        w.send({"type": "input", "id": request, "value": "secret"})
        events, done = w.collect(request)
        check(done["status"], "ok", str(done))
        check(text_of(events), "<Ada \u00e9> 6\n", "text")


@case
def input_ends_by_interrupt_by_its_end_and_where_nobody_can_be_asked():
    with Session() as w:
        request = w.start('input("?")', allow_stdin=True)
        check(w.receive()[0]["type"], "input", "question")
        time.sleep(0.05)
        w.send({"type": "interrupt"})
        check(w.collect(request)[1]["status"], "interrupted", "status")
        request = w.start('input("?")', allow_stdin=True)
        w.receive()
        w.send({"type": "input", "id": request, "eof": True})
        check(w.collect(request)[1]["name"], "IOError", "name")
        done = w.execute('input("?")', allow_stdin=False)[1]
        check(done["name"], "IOError", "name")
        check(w.execute("1;")[1]["status"], "ok", "the next cell")


# ---- requests that wait for no cell ----

@case
def completion_inspection_and_variables_answer_while_a_cell_runs():
    with Session() as w:
        w.execute("tensor weights = ones(2, 3); int welt = 3;")
        request = w.start('print("go"); while (true) { }')
        w.receive()
        began = time.monotonic()
        answers = {}
        for kind, fields in (("complete", {"code": "print(we", "cursor": 8}), ("inspect", {"code": "matmul", "cursor": 3, "detail": 0}),
                             ("is_complete", {"code": "if (true) {"}), ("variables", {}), ("usage", {})):
            w.request(kind, **fields)
            answers[kind] = w.collect(w.next_id)[1]
        check(time.monotonic() - began < SOON, True, "time of five answers")
        check(answers["complete"]["matches"], ["weights", "welt"], "matches")
        check((answers["complete"]["start"], answers["complete"]["end"]), (6, 8), "range")
        check(len(answers["complete"]["types"]), 2, "types")
        check(answers["is_complete"]["complete"], "incomplete", "completeness")
        rows = {row["name"]: row for row in answers["variables"]["variables"]}
        check((rows["weights"]["shape"], rows["weights"]["dtype"], rows["weights"]["bytes"]), ("[2, 3]", "f32", 24), "a tensor")
        check(rows["welt"]["type"], "int", "an int")
        check(answers["usage"]["pid"], w.process.pid, "pid")
        check(answers["usage"]["memory"] > 1 << 20, True, "memory")
        w.send({"type": "interrupt"})
        w.collect(request)


@case
def positions_count_code_points():
    with Session() as w:
        w.execute("int grösse = 3;")
        w.request("complete", code='print("\U0001f600é", grö', cursor=15)
        done = w.collect(w.next_id)[1]
        check(done["matches"], ["grösse"], "matches")
        check((done["start"], done["end"]), (12, 15), "range")


@case
def help_is_a_page():
    with Session() as w:
        events, done = w.execute("?print")
        payload = only(events, "payload")["payload"]
        check(payload["source"], "page", "source")
        check_in("print", payload["data"]["text/plain"], "page")
        w.request("inspect", code="print", cursor=5, detail=0)
        done = w.collect(w.next_id)[1]
        check(done["found"], True, "found")
        check_in("print", done["data"]["text/markdown"], "markdown")


@case
def an_unknown_request_is_answered():
    with Session() as w:
        w.request("dance", steps=3)
        done = w.collect(w.next_id)[1]
        check(done["status"], "error", "status")
        check_in("dance", done["text"], "text")
        check(w.execute("1;")[1]["status"], "ok", "the next cell")
        check_in("dance", ended(w)[1], "what the developer reads")


# ---- the journal ----

def journal(w, count):
    """Its lines, once there are so many: a cell's is written behind its done."""
    path = w.state / w.hello["session"] / "journal.jsonl"
    deadline = time.monotonic() + SOON
    while path.read_bytes().count(b"\n") < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return [json.loads(line) for line in path.read_text().splitlines()]


def until_journal_has(w, source, count):
    """What its lines are of, once that cell is among them: process numbers and sources."""
    found, deadline = [], time.monotonic() + SOON
    while source not in found and time.monotonic() < deadline:
        found = [line.get("pid") or line["source"] for line in journal(w, count) if line]
    return found


@case
def the_journal_has_each_cell_with_status_and_random_state():
    with Session(session="notes") as w:
        w.execute('print("\\"é\\n");', cell=1)
        w.execute("auto r = rand(3);", cell=2)
        w.execute("nope", cell=3)
        start, first, second, third = journal(w, 4)
        check(start["pid"], w.process.pid, "pid")
        check((first["cell"], first["status"], first["source"]), (1, "ok", 'print("\\"é\\n");'), "first")
        check(second["random_after"]["counter"] - second["random_before"]["counter"], 1, "random numbers drawn")
        check(third["status"], "error", "third")
        folder = w.state / "notes"
        check([oct(p.stat().st_mode & 0o777) for p in (folder, folder / "journal.jsonl")], ["0o700", "0o600"], "modes")


@case
def a_journal_that_cannot_grow_is_one_note_and_no_error():
    with Session() as w:
        # Room for what an OpenMP library keeps in shared memory, and not for this cell.
        resource.prlimit(w.process.pid, resource.RLIMIT_FSIZE, (4096, 4096))
        events, done = w.execute("1; //" + "x" * 8000)
        check((events, done["status"]), ([], "ok"), "the cell")
        events, done = w.execute("2;")
        check_in("cannot write the journal", text_of(events, "stderr"), "the note, with the next")
        events, done = w.execute("3;")
        check((events, done["status"]), ([], "ok"), "the third")


@case
def a_second_session_of_a_name_gets_another_and_says_so():
    with Session(session="same") as w:
        with Session(session="same", env={"XDG_STATE_HOME": str(w.state.parent.parent)}) as second:
            check(second.hello["session"], "same~2", "session")
            check_in("another kernel has the session 'same'", second.hello["notes"][0], "note")
            w.execute("1;")
            check(len(journal(second, 1)), 1, "lines of the second")


@case
def names_that_are_paths_stay_inside_the_folder_and_apart():
    with Session(session="/home/a/b.ipynb") as w:
        with Session(session="/home/a_b.ipynb", env={"XDG_STATE_HOME": str(w.state.parent.parent)}) as second:
            check(second.hello["session"], "/home/a_b.ipynb", "session")
            folders = sorted(p.name for p in w.state.iterdir())
            check(len(folders), 2, str(folders))
            check(all(name.startswith("_home_a_b.ipynb-") for name in folders), True, str(folders))


@case
def a_session_without_a_folder_runs_and_says_why():
    with Session(env={"XDG_STATE_HOME": "/proc/nowhere"}) as w:
        check_in("keeps no journal", w.hello["notes"][0], "note")
        check(w.execute("1;")[1]["status"], "ok", "status")


@case
def a_journal_that_could_not_begin_is_tried_again():
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "tenon").touch() # in the way of the folder, as a full disk is
        with Session(session="later", env={"XDG_STATE_HOME": folder}) as w:
            check_in("keeps no journal", w.hello["notes"][0], "note")
            events, done = w.execute("1;", cell=1)
            check((events, done["status"]), ([], "ok"), "a cell without a journal")
            pathlib.Path(folder, "tenon").unlink()
            w.execute("2;", cell=2)
            w.execute("3;", cell=3)
            # The first cell's line is written after its done, and may have met the way free.
            found = until_journal_has(w, "3;", 3)
            check((found[0], found[-2:]), (w.process.pid, ["2;", "3;"]), "lines")
            w.execute("for (int i = 0; i < 1000000; i++) { print(i); }", cell=4)
            check((w.state / "later" / "output-4.txt").exists(), True, "a flood's file")


@case
def a_start_that_could_not_be_written_is_written_later():
    with tempfile.TemporaryDirectory() as folder:
        journal_path = pathlib.Path(folder, "tenon", "sessions", "full", "journal.jsonl")
        journal_path.parent.mkdir(parents=True)
        journal_path.write_bytes(b"{}\n" * 5000)

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))

        with Session(session="full", env={"XDG_STATE_HOME": folder}, before=limit) as w:
            check_in("keeps no journal: cannot write the journal", w.hello["notes"][0], "note")
            check(w.execute("1;")[1]["status"], "ok", "status")
            resource.prlimit(w.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            w.execute("2;")
            w.execute("3;") # when it is done, the line of the one before is written
            found = until_journal_has(w, "3;", 5003) # the first cell's line may still have met the limit, or not
            check((found[0], found[-2:]), (w.process.pid, ["2;", "3;"]), "lines")


@case
def a_session_writes_no_file_that_is_not_its_own():
    for kind in ("link", "folder", "pipe"):
        for name in ("journal.jsonl", "lock"):
            with tempfile.TemporaryDirectory() as folder:
                place = pathlib.Path(folder, "tenon", "sessions", "mine")
                place.mkdir(parents=True)
                victim = pathlib.Path(folder, "victim")
                victim.write_text("keep me")
                if kind == "link":
                    (place / name).symlink_to(victim)
                elif kind == "folder":
                    (place / name).mkdir()
                else:
                    os.mkfifo(place / name)
                with Session(session="mine", env={"XDG_STATE_HOME": folder}) as w:
                    check_in("keeps no journal", w.hello["notes"][0], f"note about a {kind} {name}")
                    check(w.execute("1;")[1]["status"], "ok", "status")
                check(victim.read_text(), "keep me", "another file")


@case
def a_journal_that_others_may_read_is_closed_to_them():
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder, "tenon", "sessions", "open")
        place.mkdir(parents=True)
        (place / "journal.jsonl").touch(0o666)
        (place / "journal.jsonl").chmod(0o666)
        with Session(session="open", env={"XDG_STATE_HOME": folder}) as w:
            w.execute("1;")
            check([oct(p.stat().st_mode & 0o777) for p in (place, place / "journal.jsonl")], ["0o700", "0o600"], "modes")


# ---- what sessions leave ----

def old_sessions(state, count, size=0):
    """Folders of sessions that ended; the first is the oldest."""
    for n in range(count):
        place = state / f"old-{n:02}"
        place.mkdir(parents=True)
        for name in ("lock", "journal.jsonl", "output-1.txt"):
            (place / name).write_bytes(b"x" * size)
            os.utime(place / name, (1e9 + n, 1e9 + n))


def remaining(w, count):
    """The names of the old sessions, once there are no more than that."""
    deadline = time.monotonic() + SOON
    while True:
        found = sorted(p.name for p in w.state.iterdir() if p.name != w.hello["session"])
        if len(found) <= count or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def names(first, last):
    return [f"old-{n:02}" for n in range(first, last)]


@case
def the_oldest_sessions_are_removed_and_never_one_in_use():
    with tempfile.TemporaryDirectory() as folder:
        state = pathlib.Path(folder, "tenon", "sessions")
        env = {"XDG_STATE_HOME": folder, "TENON_SESSIONS": "4"}
        old_sessions(state, 8)
        (state / "not-a-session").mkdir()
        (state / "not-a-session" / "thesis.txt").write_text("keep me")
        (state / "link").symlink_to("/")
        with Session(session="old-00", env={**env, "TENON_SESSIONS": "99"}) as first: # the oldest is in use again
            os.utime(state / "old-00" / "journal.jsonl", (1, 1))
            os.utime(state / "old-00" / "lock", (1, 1))
            with Session(session="new", env=env) as w:
                kept = sorted(["link", "not-a-session", "old-00", *names(6, 8)])
                check(remaining(w, len(kept)), kept, "what is kept of nine sessions where four are to be")
                check((state / "not-a-session" / "thesis.txt").read_text(), "keep me", "what is no session")
                check(w.execute("1;")[1]["status"], "ok", "status")
            check(first.execute("1;")[1]["status"], "ok", "status")


@case
def sessions_are_removed_by_their_size_and_kept_where_nothing_is_said():
    with tempfile.TemporaryDirectory() as folder:
        state = pathlib.Path(folder, "tenon", "sessions")
        old_sessions(state, 19, size=100_000)
        with Session(session="new", env={"XDG_STATE_HOME": folder}) as w:
            time.sleep(0.3)
            check(remaining(w, 19), names(0, 19), "twenty sessions")
        with Session(session="new", env={"XDG_STATE_HOME": folder, "TENON_SESSIONS_SIZE": "2M"}) as w:
            check(remaining(w, 6), names(13, 19), "six with 300 kB and something each, within 2 MB")


@case
def a_removal_that_was_cut_off_is_finished():
    with tempfile.TemporaryDirectory() as folder:
        left = pathlib.Path(folder, "tenon", "sessions", ".removed-1-2.5", "deeper")
        left.mkdir(parents=True)
        (left / "output-1.txt").touch()
        with Session(session="new", env={"XDG_STATE_HOME": folder}) as w:
            check(remaining(w, 0), [], "what is left")


@case
def sessions_can_be_switched_off():
    with tempfile.TemporaryDirectory() as folder:
        with Session(session="new", env={"XDG_STATE_HOME": folder, "TENON_SESSIONS": "off"}) as w:
            check(w.hello["notes"], [], "notes")
            check(w.execute("for (int i = 0; i < 1000000; i++) { print(i); }")[1]["status"], "ok", "a flood")
            check(os.listdir(folder), [], "what it wrote")


# ---- what children do to their output ----

@case
def a_child_that_makes_its_output_nonblocking_harms_nobody():
    python = sys.executable
    with Session() as w:
        w.execute(f"!{python} -c 'import os; os.set_blocking(1, False); os.set_blocking(2, False)'")
        events, done = w.execute("!seq 1 300000", cell=2)
        text = (w.state / "test" / "output-2.txt")
        check(text.read_text() if text.exists() else text_of(events), "".join(f"{i}\n" for i in range(1, 300001)), "text of the next child")
        w.execute(f"!({python} -c 'import os, time; os.set_blocking(1, False); time.sleep(3)') &")
        events, done = w.execute("!seq 1 100000")
        check(text_of(events), "".join(f"{i}\n" for i in range(1, 100001)), "text beside one that does it now")
        events, _ = w.execute("!echo out; echo err >&2; echo $(readlink /proc/self/fd/0)")
        check((text_of(events), text_of(events, "stderr")), ("out\n/dev/null\n", "err\n"), "streams")


run_cases()
