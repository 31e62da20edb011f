#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`tenon worker` under a front that says what makes no sense in every request and in every state: each request with an id is answered,
frames that are none end the worker in words, and nothing crashes. Usage: worker_lies_test.py TENON [PART…]"""
import json
import struct
import threading
import time

from support import *

VALUES = [None, True, -1, 1 << 62, -(1 << 63), 1e300, "x", "", [], {}, [[1]], {"a": {"b": None}}]
REQUESTS = {"execute": ["code", "cell", "silent", "allow_stdin", "user_expressions"], "complete": ["code", "cursor"],
            "inspect": ["code", "cursor", "detail"], "is_complete": ["code"], "variables": ["x"], "usage": ["x"]}
RIGHT = {"code": "1", "cursor": 1, "detail": 0, "cell": 1, "silent": False, "allow_stdin": False, "user_expressions": {}}


@case
def wrong_types_in_every_request_are_answered():
    with Session() as w:
        for kind, fields in REQUESTS.items():
            for field in fields:
                for value in VALUES:
                    w.request(kind, **{**RIGHT, field: value})
                    done = w.collect(w.next_id, 60 * SLOW)[1]
                    assert done["status"] in ("ok", "error"), f"{kind}.{field} = {value!r}: {done}"
        check(text_of(w.execute('print("alive");')[0]), "alive\n", "text")


@case
def what_has_no_id_or_a_strange_one_does_not_disturb():
    with Session() as w:
        for value in (None, -1, 0, 1 << 62, "1", [], 2.5):
            for kind in ("interrupt", "ack", "input", "shutdown_", "hello", "done", "stream"):
                w.send({"type": kind, "id": value, "seq": value, "bytes": value, "value": value, "eof": value})
        w.send({"type": "input", "id": w.next_id, "value": "nobody asked"})
        request = w.start('print("alive");')
        header = {}
        while header.get("id") != request or header["type"] != "done":
            header, _ = w.receive(60 * SLOW) # answers to what has an id come between
        check(header["status"], "ok", "status")
        w.process.stdin.close()
        ended(w) # it logs what it did not know


@case
def wrong_types_in_greetings_are_refused_or_taken_and_never_a_crash():
    for field in ("protocol", "version", "session", "generation", "directory"):
        for value in VALUES:
            hello = {"type": "hello", "protocol": "tenon", "version": [1, 0], "session": "s", "generation": 1, "directory": "", field: value}
            with Session(hello=hello) as w:
                refused = "refused" in w.hello
                check(refused, field in ("protocol", "version"), f"refused with {field} = {value!r}")
                check(ended(w)[0], 1 if refused else 0, f"exit status with {field} = {value!r}")


@case
def answers_to_input_of_a_wrong_type_are_the_end_of_input_or_its_text():
    with Session() as w:
        for value in VALUES:
            request = w.start('input("?")', allow_stdin=True)
            while w.receive(60 * SLOW)[0]["type"] != "input":
                pass
            w.send({"type": "input", "id": request, "value": value})
            done = w.collect(request, 60 * SLOW)[1]
            check(done["status"], "ok" if isinstance(value, str) else "error", f"status with the answer {value!r}")


STATES = {"idle": None, "in a loop": 'print("x"); while (true) { }', "in input": 'print("x"); input("?")', "in a child": "!echo x; sleep 1000",
          "in a flood": "for (int i = 0; i < 100000000; i++) { print(i); }"}


@case
def a_broken_frame_in_any_state_ends_the_worker_in_words():
    deep = b'{"type":"x","a":' + b"[" * 1000 + b"]" * 1000 + b"}"
    broken = {"header of 4294967295 bytes": struct.pack("<II", 0xFFFFFFFF, 0), "64 levels": struct.pack("<II", len(deep), 0) + deep}
    for state, code in STATES.items():
        for words, data in broken.items():
            with Session() as w:
                if code is not None:
                    w.start(code, allow_stdin=True)
                    w.receive(60 * SLOW)
                began = time.monotonic()
                w.write(data)
                status, last = ended(w)
                check(status, 0, f"exit status {state}")
                check_in(words, last, f"last words {state}")
                check(time.monotonic() - began < SOON, True, f"time {state}")


@case
def half_a_frame_in_any_state_and_then_nothing_ends_the_worker():
    for state, code in STATES.items():
        with Session() as w:
            if code is not None:
                w.start(code, allow_stdin=True)
                w.receive(60 * SLOW)
            w.write(pack({"type": "execute", "id": 99, "code": "1"})[:-4])
            check(ended(w)[0], 0, f"exit status {state}")


@case
def keys_twice_nuls_and_bytes_that_are_no_text_are_no_json():
    for text in (b'{"type":"usage","type":"usage","id":5}', b'{"type":"execute","id":5,"code":"\\u0000"}', b'{"type":"usage","id":5,"x":"\xff"}',
                 b'{"type":"usage","id":5,"x":NaN}', b'{"type":"usage","id":5}{}', b'{"type":"usage","id":5'):
        with Session() as w:
            w.write(struct.pack("<II", len(text), 0) + text)
            status, words = ended(w)
            check(status, 0, "exit status")
            check_in("JSON", words, f"last words behind {text!r}")


@case
def two_thousand_requests_at_once_are_all_answered():
    with Session() as w:
        data = b"".join(json_frame({"type": "usage", "id": 1000 + i}) for i in range(2000))
        writer = threading.Thread(target=w.write, args=(data,)) # neither side's pipe holds all of it
        writer.start()
        found = set()
        while len(found) < 2000:
            header, _ = w.receive(60 * SLOW)
            if header["type"] == "done":
                found.add(header["id"])
        writer.join()
        check(found, set(range(1000, 3000)), "answered")


def json_frame(header):
    text = json.dumps(header).encode()
    return struct.pack("<II", len(text), 0) + text


run_cases()
