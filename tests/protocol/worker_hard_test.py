#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`tenon worker` under a front that is slow, broken, hostile or gone, and a worker that dies. Usage: worker_hard_test.py TENON [PART…]"""
import json
import os
import signal
import struct
import time

from support import *

MAGIC = b"\x89tenon\r\n\x1a\nwire01"
MIB = 1 << 20


# ---- frames that make no sense ----

def refuses(data, words):
    with Session() as w:
        w.write(data)
        status, last = ended(w)
        check(status, 0, "exit status")
        check_in(words, last, "last words")


@case
def a_header_that_is_too_large_is_refused_before_it_comes():
    refuses(struct.pack("<II", 0xFFFFFFFF, 0), "header of 4294967295 bytes")


@case
def too_many_buffers_are_refused():
    refuses(struct.pack("<II", 2, 1025), "1025 buffers")


@case
def a_buffer_that_is_too_large_is_refused():
    refuses(struct.pack("<IIQ", 2, 1, 1 << 62) + b"{}", "buffer 0 has 4611686018427387904")


@case
def garbage_is_refused():
    refuses(os.urandom(64).replace(b"\0", b"\1"), "the worker ends")


@case
def a_header_that_is_no_json_is_refused():
    refuses(struct.pack("<II", 4, 0) + b"{{{{", "JSON")


@case
def json_that_is_too_deep_is_refused():
    text = b'{"type":"x","a":' + b"[" * 1000 + b"]" * 1000 + b"}"
    refuses(struct.pack("<II", len(text), 0) + text, "64 levels")


@case
def pieces_that_do_not_fit_are_refused():
    head = b'{"type":"chunk","bytes":3,"last":true}'
    refuses(struct.pack("<IIQ", len(head), 0x80000001, 2) + head + b"xx", "2 bytes of 3")


@case
def a_frame_cut_short_ends_the_worker():
    with Session() as w:
        w.write(pack({"type": "execute", "id": 5, "code": "1"})[:-3])
        status, words = ended(w)
        check((status, words), (0, ""), "status and last words")


@case
def a_front_without_the_magic_is_refused():
    with Session(greet=False) as w:
        try:
            w.write(b"GET / HTTP/1.1\r\n" * 8000)
        except BrokenPipeError:
            pass # it has read enough
        status, words = ended(w)
        check(status, 1, "exit status")
        check_in("does not speak Tenon's worker protocol", words, "last words")


@case
def a_front_that_leaves_at_once_is_no_error():
    with Session(greet=False) as w:
        check(ended(w), (0, ""), "status and last words")


@case
def the_greeting_may_come_byte_by_byte():
    with Session(greet=False) as w:
        for byte in MAGIC + pack({"type": "hello", "protocol": "tenon", "version": [1, 7], "session": "s", "generation": 3}):
            w.write(bytes([byte]))
        check(w.receive()[0]["generation"], 3, "generation")
        check(w.execute("1;")[1]["status"], "ok", "status")


# ---- a front that is gone ----

@case
def hanging_up_ends_a_running_cell():
    with Session() as w:
        w.start('print("x"); while (true) { }')
        w.receive()
        began = time.monotonic()
        check(ended(w)[0], 0, "exit status")
        check(time.monotonic() - began < SOON, True, "time")


@case
def hanging_up_ends_a_cell_that_waits_for_input_or_a_child():
    for code in ('print("x"); input("?")', 'print("x");\n!sleep 1000\n', "!echo x; sleep 1000"):
        with Session() as w:
            w.start(code, allow_stdin=True)
            w.receive()
            began = time.monotonic()
            check(ended(w)[0], 0, "exit status")
            check(time.monotonic() - began < SOON, True, f"time of {code!r}")


@case
def a_front_that_reads_no_more_is_gone_too():
    with Session() as w:
        w.process.stdout.close()
        w.start("for (int i = 0; i < 100000000; i++) { print(i); }")
        check(w.process.wait(60 * SLOW), 0, "exit status")
        w.process.stdin.close()
        w.process.stderr.close()
        w.ended = True


@case
def shutdown_ends_an_idle_and_a_busy_worker():
    for busy in (False, True):
        with Session() as w:
            request = w.start('print("x"); while (true) { }') if busy else None
            if busy:
                w.receive()
            w.send({"type": "shutdown"})
            if busy:
                check(w.collect(request)[1]["status"], "interrupted", "status")
            check(w.process.wait(60 * SLOW), 0, "exit status")


# ---- a front that is slow ----

def fill(w, least, limit=1.5):
    """Waits until the worker has said so much, and says nothing more."""
    while len(w.data) <= least:
        w.fill(60 * SLOW)
    while True:
        try:
            w.fill(limit)
        except TimeoutError:
            return


@case
def a_worker_without_credit_waits_and_stays_interruptible():
    with Session(acks=False, env={"TENON_OUTPUT_RATE": "off"}) as w:
        request = w.start("for (int i = 0; i < 1000000000; i++) { print(i); }")
        fill(w, 3 * MIB)
        check(4 * MIB > len(w.data) > 3 * MIB, True, f"{len(w.data)} bytes came without an ack")
        check(mapped_bytes(w) < 64 * MIB * SLOW, True, f"the worker holds {mapped_bytes(w)} bytes")
        asked = w.request("usage")
        w.send({"type": "interrupt"})
        header = {"id": request}
        while header["id"] != asked: # text that was under way, then the answer, without credit
            header, _ = w.receive(60 * SLOW)
        check(header["pid"], w.process.pid, "the answer that came meanwhile")
        w.acks = True
        w.ack()
        check(w.collect(request)[1]["status"], "interrupted", "status")


@case
def a_slow_reader_gets_every_byte():
    with Session(env={"TENON_OUTPUT_RATE": "off"}) as w:
        request = w.start("for (int i = 0; i < 400000; i++) { print(i); }")
        time.sleep(1.0)
        events, done = w.collect(request)
        check(done["status"], "ok", "status")
        check(text_of(events), "".join(f"{i}\n" for i in range(400000)), "text")


@case
def ten_megabytes_of_text_arrive_whole():
    with Session(env={"TENON_OUTPUT_RATE": "off"}) as w:
        events, _ = w.execute('string s = "x".repeat(100000); for (int i = 0; i < 100; i++) { print(s); }')
        check(len(text_of(events)), 100 * 100001, "bytes")
        events, _ = w.execute('print("y".repeat(10000000));')
        check(len(text_of(events)), 10000001, "bytes of one print")
        check([p.name for p in (w.state / "test").glob("output-*")], [], "files of what was no flood")


@case
def a_value_of_sixteen_megabytes_arrives_whole_in_pieces():
    with Session() as w:
        events, done = w.execute('"z".repeat(16000000)', timeout=120 * SLOW)
        check(done["status"], "ok", str(done)[:300])
        check(types(events), ["result"], "events")
        check(events[0]["data"]["text/plain"], '"' + "z" * 16000000 + '"', "text")
        check([p.name for p in (w.state / "test").glob("output-*")], [], "files of what was no flood")


@case
def a_value_that_is_a_flood_shows_its_head_and_its_tail_and_all_of_it_is_in_a_file():
    with Session() as w:
        code = 'string s = "a" + "\u00e9".repeat(40000000) + "z"; display(s); s'
        events, done = w.execute(code, timeout=120 * SLOW, cell=5)
        check((done["status"], types(events)), ("ok", ["display", "result"]), "events")
        for number, event in enumerate(events, 1):
            text = event["data"]["text/plain"]
            path = w.state / "test" / f"output-5-value-{number}.txt"
            check(text.startswith('"a' + "\u00e9" * 1000) and text.endswith('\u00e9z"'), True, "head and tail")
            check_in(f"KiB are left out here; all of it is in {path}]\n", text, "where")
            check("\ufffd" in text, False, "a character is cut")
            check(8 * MIB < len(text) < 9 * MIB, True, f"{len(text)} characters")
            check((path.stat().st_size, oct(path.stat().st_mode & 0o777)), (80000004, "0o600"), "the file")
        answer = w.execute("1;", cell=6, user_expressions={"s": "s"}, timeout=120 * SLOW)[1]["user_expressions"]["s"]
        check_in("output-6-value-1.txt", answer["data"]["text/plain"], "where, of a user expression")


@case
def a_flood_is_cut_and_all_of_it_is_in_a_file():
    lines = 3_000_000
    with Session(env={"TENON_OUTPUT_RATE": "off"}) as w:
        events, done = w.execute(f"for (int i = 0; i < {lines}; i++) {{ print(i); }}", timeout=120 * SLOW, cell=4)
        check(done["status"], "ok", "status")
        text = text_of(events)
        check_in("the output of this cell exceeds", text, "notice")
        check_in("KiB are left out here", text, "note at the end")
        check(text.startswith("0\n1\n2\n"), True, "the head")
        check(text.endswith(f"{lines - 2}\n{lines - 1}\n"), True, "the tail")
        check(len(text) < 18 * MIB, True, f"{len(text)} bytes")
        path = w.state / "test" / "output-4.txt"
        check_in(str(path), text, "where")
        check(oct(path.stat().st_mode & 0o777), "0o600", "mode")
        data = path.read_text()
        check(data == "".join(f"{i}\n" for i in range(lines)), True, f"the file of {len(data)} bytes has all lines")
        check(text_of(w.execute('print("next");')[0]), "next\n", "text of the next cell")


@case
def one_print_that_is_a_flood_shows_its_head_and_its_tail():
    with Session(env={"TENON_OUTPUT_RATE": "off"}) as w:
        events, done = w.execute('print("a" + "\u00e9".repeat(20000000) + "z");', timeout=120 * SLOW, cell=1)
        text = text_of(events)
        check(text.startswith("a" + "\u00e9" * 1000), True, "the head")
        check(text.endswith("\u00e9z\n"), True, "the tail")
        check("\ufffd" in text, False, "a character is cut")
        check(8 * MIB < len(text) < 10 * MIB, True, f"{len(text)} characters")
        check((w.state / "test" / "output-1.txt").stat().st_size, 40000003, "bytes of the file")


@case
def a_child_that_floods_is_stopped_by_an_interrupt():
    with Session() as w:
        request = w.start("!yes")
        for _ in range(20):
            w.receive()
        w.send({"type": "interrupt"})
        check(w.collect(request)[1]["status"], "interrupted", "status")


# ---- the pace of output ----

def paced(events, since=0.0):
    """Bytes of text as JSON that came after `since`."""
    return sum(len(json.dumps(e["text"], ensure_ascii=False).encode()) for e in events if e["type"] == "stream" and e["at"] > since)


def timed(w, code, **fields):
    """As Worker.execute; each event has the time at which it came."""
    request, events, began = w.start(code, **fields), [], time.monotonic()
    while True:
        header, _ = w.receive(120 * SLOW)
        if header["type"] != "ack":
            header["at"] = time.monotonic() - began
            if header["type"] == "done":
                return events, header
            events.append(header)


@case
def a_flood_leaves_at_a_pace_and_the_cell_is_not_slowed():
    lines = 60000
    with Session() as w:
        w.execute("1;")
        events, done = timed(w, f'for (int i = 0; i < {lines}; i++) {{ print(i, "x".repeat(300)); }} error("the last words");', cell=2)
        text = text_of(events)
        check(events[-1]["text"], "the last words", "the error is last")
        check((text[:5], text[-10:]), ("0 xxx", "xxxxxxxxx\n"), "head and tail")
        check_in(f"\n{lines - 1} xxx", text, "the last line")
        check(paced(events) < 2_900_000 + 800_000 * max(0.0, done["at"] - 1), True, f"{paced(events)} bytes in {done['at']:.2f} s")
        path = w.state / "test" / "output-2.txt"
        check_in(f"KiB are left out here; all of it is in {path}]\n", text, "where")
        check(path.read_text() == "".join(f"{i} {'x' * 300}\n" for i in range(lines)), True, "the file has all lines")
        whole = {f"{i} {'x' * 300}" for i in range(lines)}
        strange = [line for line in text.split("\n") if line and line not in whole and not line.startswith("[about ")]
        check(strange, [], "lines that are cut")


@case
def what_is_slower_than_the_pace_is_not_cut():
    with Session(env={"TENON_OUTPUT_RATE": "100K"}) as w:
        code = "!for i in 1 2 3 4 5 6 7 8; do head -c 30000 /dev/zero | tr '\\0' x; echo; sleep 0.4; done"
        events, _ = timed(w, code, cell=3)
        check(text_of(events), ("x" * 30000 + "\n") * 8, "text")
        check([p.name for p in (w.state / "test").glob("output-*")], [], "files of what was no flood")


@case
def two_streams_in_turn_stay_few_messages_and_whole():
    with Session() as w:
        events, _ = w.execute("!for i in $(seq 1 5000); do echo $i; echo $i >&2; done")
        lines = "".join(f"{i}\n" for i in range(1, 5001))
        check((text_of(events), text_of(events, "stderr")), (lines, lines), "text")
        check(len(events) < 2000 * SLOW, True, f"{len(events)} messages")


@case
def a_place_is_shown_again_ten_times_a_second_and_in_the_end():
    with Session() as w:
        for code in ('for (int i = 0; i < 15000; i++) { display(f"{i}", id: "a"); } error("e");',
                     'for (int i = 0; i < 15000; i++) { display(f"{i}", id: "a"); } input("");'):
            events, done = timed(w, code)
            shown = [e for e in events if e["type"] == "display"]
            check((shown[0].get("update", False), shown[-1]["data"]["text/plain"]), (False, '"14999"'), "the first and the last")
            check(types(events)[-1], "error", "the last one comes before the error")
            check(len(shown) < 4 + 12 * done["at"], True, f"{len(shown)} in {done['at']:.2f} s")
        events, done = timed(w, 'for (int i : progress(0..1000000)) { }')
        check(len(events) < 4 + 12 * done["at"], True, f"{len(events)} of a bar in {done['at']:.2f} s")


@case
def the_last_state_of_a_place_is_shown_while_the_cell_computes_on():
    with Session() as w:
        request = w.start('for (int i = 0; i < 100; i++) { display(f"{i}", id: "a"); } while (true) { }')
        text = ""
        while text != '"99"':
            text = w.receive(SOON)[0]["data"]["text/plain"]
        w.send({"type": "interrupt"})
        check(w.collect(request)[1]["status"], "interrupted", "status")


@case
def new_displays_are_bounded_and_the_last_ones_arrive():
    with Session() as w:
        events, done = timed(w, 'for (int i = 0; i < 15000; i++) { display(f"{i}"); } 7', cell=2)
        shown = [e["data"]["text/plain"] for e in events if e["type"] == "display"]
        check(shown[:100] + shown[-20:], [f'"{i}"' for i in [*range(100), *range(14980, 15000)]], "the first and the last")
        check(len(shown) < 230 + 12 * done["at"], True, f"{len(shown)} displays")
        check_in("displays are left out here; all of it is in ", text_of(events), "note")
        check(types(events)[-1], "result", "last")
        check((w.state / "test" / "output-2.txt").read_text(), "".join(f'"{i}"\n' for i in range(15000)), "the file")
        events, _ = w.execute('for (int i = 0; i < 100; i++) { print(i); display(f"{i}"); }')
        check([e.get("text") or e["data"]["text/plain"] for e in events], [x for i in range(100) for x in (f"{i}\n", f'"{i}"')], "order")


@case
def a_picture_book_by_clear_output_stays_few_messages():
    with Session() as w:
        events, done = timed(w, 'for (int i = 0; i < 15000; i++) { clear_output(wait: true); display(f"{i}"); }')
        check(events[-1]["data"]["text/plain"], '"14999"', "the last page")
        check(events[-2]["type"], "clear", "what comes before it")
        check(len(events) < 700 + 100 * done["at"], True, f"{len(events)} messages")
        check("stream" in types(events), False, "a page that was turned is not left out")


@case
def a_display_after_clear_output_is_new():
    with Session() as w:
        events, _ = w.execute('display("x", id: "a"); clear_output(); display("y", id: "a"); display("z", id: "a");')
        check([(e["type"], e.get("update", False)) for e in events],
              [("display", False), ("clear", False), ("display", False), ("display", True)], "what is new")
        w.execute('display("other", id: "b");')
        time.sleep(0.2) # a place is shown ten times a second
        events, _ = w.execute('update_display("1", "b"); clear_output(); update_display("2", "b"); display("3", id: "b");')
        check([(e["type"], e.get("update", False), e.get("data", {}).get("text/plain")) for e in events],
              [("display", True, '"1"'), ("clear", False, None), ("display", True, '"2"'), ("display", False, '"3"')], "a place of another cell")


# ---- a worker that dies ----

def dies(number, code):
    """The last words of a worker that is killed some time after the cell has said that it is there."""
    with Session() as w:
        request = w.start(code, cell=3)
        w.receive()
        computes(w, 0.3)
        kill(w, number)
        try:
            w.collect(request)
            raise AssertionError("the cell ended")
        except Closed:
            pass
        status, words = ended(w)
        if SLOW == 1: # a sanitizer has a handler behind ours, and a status of its own
            check(status, -number, "status")
        return words


@case
def a_worker_that_is_killed_just_ends():
    check(dies(signal.SIGKILL, 'print("x"); while (true) { }'), "", "last words")


@case
def last_words_name_signal_cell_line_and_op():
    code = 'tensor a = rand(1500, 1500); sync(a @ a); print("x");\nwhile (true) {\n    a = a @ a;\n    sync(a);\n}'
    for _ in range(3): # it is killed in the middle of a product, but for once in a thousand times
        words = dies(signal.SIGSEGV, code)
        check_in("SIGSEGV", words, "last words")
        if "op matmul" in words:
            break
    check_in("in cell 3, line 3, op matmul", words, "last words")
    check_in("SIGABRT", dies(signal.SIGABRT, 'print("x"); while (true) { }'), "last words")


@case
def last_words_name_the_line_of_a_loop():
    words = dies(signal.SIGFPE, "int f(int n) { while (true) { n++; } return n; }\nprint(1); f(1);")
    check_in("in cell 3", words, "last words")


# ---- what it costs ----

@case
def a_fresh_worker_is_small_and_stays_so():
    if SLOW > 1:
        raise Skip("sanitizers need memory of their own")
    with Session() as w:
        w.execute("1;")
        fresh = mapped_bytes(w)
        check(fresh < 12 * MIB, True, f"{fresh} bytes")
        for _ in range(300):
            w.execute('print("x"); 1')
        check(mapped_bytes(w) < fresh + 8 * MIB, True, f"{mapped_bytes(w)} bytes after 300 cells, {fresh} before")


run_cases()
