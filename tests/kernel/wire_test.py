#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What arrives on the sockets and should not: bad signatures, short, garbage and oversize frames, text that is no text, clients that vanish."""
import contextlib
import json
import os
import random
import socket
import struct
import time

from front import *  # noqa: F403
from front import Kernel, TIMEOUT, case, check, check_in, zmq

ROUTERS = ["shell", "control", "stdin"]


def alive(kernel):
    """Kernel, worker and heartbeat answer a client that was there before."""
    reply, published = kernel.client.run("1 + 1")
    check(reply["status"], "ok")
    check([m["type"] for m in published], ["status", "execute_input", "execute_result", "status"])
    check(kernel.client.ask("kernel_info_request", channel="control")["status"], "ok")
    assert kernel.client.beats(), "no heartbeat"


@case
def kernel_info_says_what_clients_need_on_shell_and_control():
    with Kernel() as kernel:
        for channel in ("shell", "control"):
            info = kernel.client.ask("kernel_info_request", channel=channel)
            check(info["protocol_version"], "5.5")
            check(info["implementation"], "tenon")
            language = info["language_info"]
            check((language["name"], language["file_extension"], language["mimetype"]), ("tenon", ".tn", "text/x-csrc"))
            check("kernel subshells" in info.get("supported_features", []), False, "subshells are advertised")


@case
def messages_with_a_wrong_signature_are_not_answered():
    with Kernel() as kernel:
        for channel in ROUTERS:
            head = json.dumps(kernel.client.header("kernel_info_request")).encode()
            for signature in (b"", b"0" * 64, b"0" * 63, b"x" * 1000):
                kernel.client.sockets[channel].send_multipart([b"<IDS|MSG>", signature, head, b"{}", b"{}", b"{}"])
            assert kernel.client.nothing(channel, 0.2), f"an answer on {channel}"
        alive(kernel)


@case
def a_wrong_key_gets_nothing():
    with Kernel() as kernel:
        stranger = kernel.connect()
        stranger.info = {**kernel.info, "key": "wrong"}
        stranger.send("shell", "execute_request", {"code": "print(1)"})
        assert stranger.nothing("shell", 0.3), "an answer"
        alive(kernel)


@case
def short_and_garbage_messages_on_every_socket_are_dropped():
    rng = random.Random(1)
    with Kernel() as kernel:
        for channel in ROUTERS:
            one = kernel.client.sockets[channel]
            for count in range(8):
                one.send_multipart([b"<IDS|MSG>"] * count or [b""])
            for _ in range(200):
                one.send_multipart([rng.randbytes(rng.choice([0, 1, 9, 64, 500])) for _ in range(rng.randint(1, 12))])
            one.send_multipart([b"x"] * 5000)
        publisher = kernel.client.context.socket(zmq.XSUB)
        publisher.linger = 0
        publisher.connect(kernel.client.url("iopub"))
        for _ in range(100):
            publisher.send(rng.randbytes(rng.randint(0, 100)))
        beat = kernel.client.context.socket(zmq.DEALER)
        beat.linger = 0
        beat.connect(kernel.client.url("hb"))
        for _ in range(100):
            beat.send_multipart([rng.randbytes(20) for _ in range(rng.randint(1, 5))])
        alive(kernel)


def oversize(port):
    """A ZeroMQ peer that greets and then announces a frame of 2^62 bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as one, contextlib.suppress(OSError): # it may hang up early
        one.sendall(b"\xff" + b"\0" * 7 + b"\1\x7f" + b"\3\0" + b"NULL".ljust(20, b"\0") + b"\0" + b"\0" * 31)
        ready = b"\5READY\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER"
        one.sendall(b"\4" + bytes([len(ready)]) + ready)
        time.sleep(0.05)
        one.sendall(b"\2" + struct.pack(">Q", 1 << 62) + b"x" * 1000)
        time.sleep(0.05)


@case
def oversize_frames_and_raw_bytes_on_every_socket_end_that_connection_only():
    with Kernel() as kernel:
        for channel in ("shell", "iopub", "stdin", "control", "hb"):
            port = kernel.info[f"{channel}_port"]
            oversize(port)
            with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as one, contextlib.suppress(OSError): # it has hung up already
                one.sendall(os.urandom(100000))
        alive(kernel)


@case
def json_that_is_none_is_an_error_reply_with_busy_and_idle():
    raws = [b"{", b"", b"[]", b"nonsense", b'{"code": NaN}', b'{"code": "\\u0000"}', b'{"code": "\xff\xfe"}', b'{"code": "\\ud800"}',
            b'{"code": 1, "code": 2}', b"[" * 100000, b'{"code": ' + b"[" * 100 + b"]" * 100 + b"}"]
    with Kernel() as kernel:
        for raw in raws:
            request = kernel.client.send("shell", "execute_request", None, raw=raw)
            check(kernel.client.reply(request)["content"]["status"], "error", repr(raw[:30]))
            kernel.client.published(request)
        alive(kernel)


@case
def wrong_types_in_every_request_are_answered():
    values = [None, True, -1, 1 << 62, 1e300, "x", [], {}, [[1]], {"a": {"b": None}}]
    requests = {"execute_request": ["code", "silent", "store_history", "user_expressions", "allow_stdin", "stop_on_error"],
                "complete_request": ["code", "cursor_pos"], "inspect_request": ["code", "cursor_pos", "detail_level"],
                "is_complete_request": ["code"], "history_request": ["hist_access_type", "output", "raw", "session", "start", "stop", "n", "pattern"],
                "comm_info_request": ["target_name"], "usage_request": ["x"], "debug_request": ["command"], "variables_request": ["x"]}
    with Kernel() as kernel:
        for kind, fields in requests.items():
            for field in fields:
                for value in values:
                    content = {"code": "1", "cursor_pos": 1, "hist_access_type": "tail", "n": 2, field: value}
                    content = kernel.client.ask(kind, content)
                    assert content["status"] in ("ok", "error", "unknown", "complete", "incomplete", "invalid"), content
        alive(kernel)


@case
def replies_go_back_through_all_identities_and_parent_headers_are_verbatim():
    with Kernel() as kernel:
        client = kernel.client
        request = client.send("shell", "kernel_info_request", {}, strange={"π": [1, 2.5, None]}, subshell_id=None)
        reply = client.reply(request)
        check(reply["parent"]["strange"], {"π": [1, 2.5, None]})
        check([m["parent"]["strange"] for m in client.published(request)], [{"π": [1, 2.5, None]}] * 2)
        head = json.dumps(client.header("kernel_info_request")).encode()
        parts = [head, b"{}", b"{}", b"{}"]
        client.sockets["shell"].send_multipart([b"one", b"two", b"<IDS|MSG>", client.sign(parts), *parts])
        assert client.sockets["shell"].poll(int(TIMEOUT * 1000)), "no reply"
        check(client.sockets["shell"].recv_multipart()[:3], [b"one", b"two", b"<IDS|MSG>"])


@case
def a_request_for_a_subshell_is_an_error_and_not_silence():
    with Kernel() as kernel:
        request = kernel.client.send("shell", "execute_request", {"code": "1"}, subshell_id="nobody")
        check(kernel.client.reply(request)["content"]["status"], "error")
        kernel.client.published(request)
        check(kernel.client.ask("create_subshell_request", channel="control")["status"], "error")


@case
def clients_that_vanish_do_not_disturb():
    with Kernel() as kernel:
        for _ in range(50):
            client = kernel.connect()
            client.send("shell", "execute_request", {"code": "1", "silent": True})
            client.send("shell", "kernel_info_request", {})
            client.sockets["iopub"].setsockopt(zmq.SUBSCRIBE, b"stream")
            client.close()
        kernel.clients = kernel.clients[:1]
        alive(kernel)


@case
def each_subscriber_is_welcomed_with_what_it_subscribed_to():
    with Kernel() as kernel:
        check(kernel.connect().receive("iopub")["content"], {"subscription": ""})
        client = kernel.connect(subscribe=False)
        client.sockets["iopub"].setsockopt(zmq.SUBSCRIBE, b"status")
        welcome = client.receive("iopub")
        check((welcome["type"], welcome["content"]), ("iopub_welcome", {"subscription": "status"}))
        request = kernel.client.send("shell", "kernel_info_request", {})
        check([m["type"] for m in client.published(request)], ["status", "status"])


@case
def one_session_on_all_channels_and_no_id_twice():
    with Kernel() as kernel:
        client = kernel.client
        messages = []
        for _ in range(20):
            reply = client.send("shell", "execute_request", {"code": "print(1); 2"})
            messages += client.published(reply) + [client.reply(reply)]
        request = client.send("control", "interrupt_request", {})
        messages += client.published(request) + [client.reply(request, "control")]
        check(len({m["header"]["session"] for m in messages}), 1, "sessions")
        check(len({m["header"]["msg_id"] for m in messages}), len(messages), "ids")
        for message in messages:
            for key in ("msg_id", "session", "username", "date", "msg_type", "version"):
                assert isinstance(message["header"][key], str), f"{key} is no text"


@case
def a_flood_of_requests_is_answered_in_order():
    with Kernel() as kernel:
        client = kernel.client
        sent = [client.send("shell", "comm_info_request", {}) for _ in range(3000)]
        for request in sent:
            check(client.receive("shell")["parent"]["msg_id"], request)
        client.published(sent[-1])
        check_in("ok", client.ask("kernel_info_request")["status"])


run_cases() # noqa: F405
