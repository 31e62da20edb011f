#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The front against workers that do not start, speak something else, or say what makes no sense: each cell gets an error that says so, each
request its reply, and the front goes on."""
import itertools
import json
import pathlib
import struct
import sys

from front import *  # noqa: F403
from front import Kernel, case, check, check_in, is_gone, text_of, wait_until

FALSE = str(pathlib.Path(__file__).resolve().parent / "false_worker.py")
DONE = {"type": "done", "status": "ok"}


def started(what, **more):
    return Kernel(worker=[sys.executable, FALSE, what], ready=False, **more)


def refused(what, *words):
    """A cell's error has these words, and so has the next one's."""
    with started(what) as kernel:
        client = kernel.connect().welcome()
        for _ in range(2):
            reply, published = client.run("1 + 1")
            check((reply["status"], reply["ename"]), ("error", "WorkerDied"), f"worker that {what}")
            for word in words:
                check_in(word, reply["evalue"] + "\n".join(reply["traceback"]), f"the error of a worker that {what}")
            check(len(text_of(published, "error")), 1, "errors shown")
        check(client.ask("kernel_info_request", channel="control")["status"], "ok")


@case
def a_worker_of_another_version_is_named_with_what_to_do():
    refused("version", "version 2", "version 1", "install the same Tenon on both sides")


@case
def a_worker_that_greets_in_another_protocol_is_named():
    refused("protocol", "no worker of Tenon", "lisp")


@case
def a_worker_that_refuses_is_quoted():
    refused("refuses", "too many workers here")


@case
def a_worker_that_babbles_is_quoted():
    refused("babbles", "does not speak Tenon's worker protocol", "what is this?")


@case
def a_worker_that_says_something_on_stdout_and_goes_is_quoted():
    refused("farewell", "status 0", "no such partition: gpu")


@case
def a_worker_that_begins_without_hello_or_breaks_off_in_it_is_named():
    refused("no_hello", "began with 'stream'")
    refused("half_hello", "status 0")


@case
def a_worker_that_does_not_greet_is_told_after_10_s_with_its_words_and_an_interrupt_gives_it_up():
    with started("prompts") as kernel:
        client = kernel.connect().welcome()
        cell = client.execute("1 + 1")
        published = []
        while not (published and published[-1]["type"] == "stream"):
            published.append(client.receive("iopub"))
        text = published[-1]["content"]["text"]
        check_in("has not greeted yet", text)
        check_in("ada@gpu-box's password", text)
        worker = kernel.worker_pid()
        client.send("control", "interrupt_request", {})
        reply = client.reply(cell)["content"]
        check(reply["ename"], "Interrupted")
        check_in("had not greeted", reply["evalue"])
        wait_until(lambda: is_gone(worker), "the worker's end")
        cell = client.execute("1 + 1") # another one is started
        client.begins(cell)
        kernel.fresh_worker(worker)
        client.send("control", "interrupt_request", {})
        check(client.reply(cell)["content"]["ename"], "Interrupted")


@case
def an_early_interrupt_leaves_the_worker_its_time():
    with started("silent") as kernel:
        client = kernel.connect().welcome()
        cell = client.execute("1 + 1")
        client.begins(cell)
        worker = kernel.worker_pid()
        client.send("control", "interrupt_request", {})
        check(client.reply(cell)["content"]["evalue"], "interrupted before the worker was up")
        check(kernel.worker_pid(), worker, "the worker")


@case
def a_banner_before_the_magic_is_no_matter():
    with started("banner") as kernel:
        kernel.connect().ready()


def frame(text, count=0, sizes=()):
    return (struct.pack("<II", len(text), count) + b"".join(struct.pack("<Q", s) for s in sizes) + text).hex()


@case
def frames_that_make_no_sense_end_that_worker_only():
    deep = b'{"type":"x","a":' + b"[" * 1000 + b"]" * 1000 + b"}"
    piece = b'{"type":"chunk","bytes":3,"last":true}'
    frames = {"header of 4294967295 bytes": struct.pack("<II", 0xFFFFFFFF, 0).hex(), "header of 0 bytes": struct.pack("<II", 0, 0).hex(),
              "1025 buffers": struct.pack("<II", 2, 1025).hex(), "buffer 0 has": frame(b"{}", 1, [1 << 62]), "JSON": frame(b"{{{{"),
              "64 levels": frame(deep), "2 bytes of 3": frame(piece, 0x80000001, [2]) + "7878",
              "is not an object with a \"type\"": frame(b"[]"), "frame": b"\x01".hex() * 200}
    with started("lies") as kernel:
        client = kernel.connect()
        client.ready()
        for words, data in frames.items():
            reply, _ = client.run(json.dumps([data]))
            check((reply["status"], reply["ename"]), ("error", "WorkerDied"), words)
            check_in("cannot be understood", reply["evalue"])
            check_in(words, reply["evalue"])
            check(client.run("fine")[0]["status"], "ok", f"the cell behind {words!r}")
        # Half a frame, and nothing more: the cell waits, and an interrupt that is not answered says how it ends.
        cell = client.execute(json.dumps([struct.pack("<II", 100, 0).hex()]))
        client.begins(cell)
        check(client.ask("kernel_info_request", channel="control")["status"], "ok")
        client.send("control", "interrupt_request", {})
        client.prints(cell) # that the cell has not answered for 3 s, and what a second one does
        client.send("control", "interrupt_request", {})
        check(client.reply(cell)["content"]["ename"], "Interrupted")


VALUES = [None, True, -1, 1 << 62, -(1 << 63), 1e300, "x", "\udcff", [], {}, [[1]], {"a": {"b": None}}, {"buffer": 0}, {"buffer": -1}, {"buffer": 1 << 40}]
FIELDS = {"stream": ["name", "text"], "display": ["data", "metadata", "display_id", "update"], "result": ["data", "metadata"], "clear": ["wait"],
          "error": ["name", "text", "traceback"], "payload": ["payload"], "done": ["status", "name", "text", "traceback", "user_expressions"],
          "ack": ["bytes", "seq"], "hello": ["version"], "chunk_of_nothing": ["x"], "input": ["prompt", "password"]}


def lie(kind, field, value):
    message = {"type": kind, "name": "stdout", "text": "t", "data": {"text/plain": "1"}, "status": "error"}
    if isinstance(value, dict) and field == "data":
        message["buffers_of_four"] = 1
    message[field] = value if value != "\udcff" else "x" * 70000 # longer than any other text
    return message


@case
def wrong_types_in_every_message_are_survived_and_the_cell_is_answered():
    with started("lies") as kernel:
        client = kernel.connect()
        client.ready()
        for kind, fields in FIELDS.items():
            for field, value in itertools.product(fields, VALUES):
                reply, _ = client.run(json.dumps([lie(kind, field, value), DONE]), stop_on_error=False)
                assert reply["status"] in ("ok", "error"), f"{kind}.{field} = {value!r}: {reply}"
        for field in ("text/plain", "image/png", "application/json"):
            for value in VALUES[:7] + VALUES[8:]:
                check(client.run(json.dumps([lie("result", "data", {field: value}), DONE]))[0]["status"], "ok", f"{field}: {value!r}")
        check(client.run("fine")[0]["status"], "ok")


@case
def text_that_is_none_becomes_text():
    with started("lies") as kernel:
        client = kernel.connect()
        client.ready()
        reply, published = client.run(json.dumps([{"type": "stream", "name": "stdout", "buffers_of_four": n} for n in (1, 0, 3)] + [DONE]))
        check(reply["status"], "ok")
        check(text_of(published), "\ufffd\ufffd\ufffdu" * 2)


@case
def answers_to_what_nobody_asked_are_dropped():
    with started("lies") as kernel:
        client = kernel.connect()
        client.ready()
        for strange in (-1, 0, 1, 1 << 62, "1", None, 2.5):
            reply, published = client.run(json.dumps([{"type": "done", "status": "ok", "id": strange},
                                                      {"type": "stream", "name": "stdout", "text": "stray", "id": strange}, DONE]))
            check(reply["status"], "ok", f"id {strange!r}")
            check(text_of(published), "", f"what is shown for id {strange!r}")
        check(client.run(json.dumps([DONE, DONE, DONE]))[0]["status"], "ok", "one that is done three times")
        check(client.run("fine")[0]["status"], "ok")


@case
def questions_get_a_whole_answer_from_a_worker_that_says_nothing_of_use():
    with started("lies") as kernel:
        client = kernel.connect()
        client.ready()
        check(client.ask("complete_request", {"code": "pr", "cursor_pos": 2})["matches"], [])
        check(client.ask("inspect_request", {"code": "pr", "cursor_pos": 2})["found"], False)
        check(client.ask("is_complete_request", {"code": "pr"})["status"], "unknown")
        check(client.ask("variables_request")["variables"], [])
        assert client.ask("usage_request", channel="control")["kernel_memory"] > 0


run_cases() # noqa: F405
