#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`tenon worker` under a front that is slow, broken, hostile or gone, and a worker that dies. Usage: worker_hard_test.py TENON [PART…]"""
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
    with Session(acks=False) as w:
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
    with Session() as w:
        request = w.start("for (int i = 0; i < 400000; i++) { print(i); }")
        time.sleep(1.0)
        events, done = w.collect(request)
        check(done["status"], "ok", "status")
        check(text_of(events), "".join(f"{i}\n" for i in range(400000)), "text")


@case
def ten_megabytes_of_text_arrive_whole():
    with Session() as w:
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
    with Session() as w:
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
    with Session() as w:
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
