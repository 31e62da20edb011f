# SPDX-License-Identifier: Apache-2.0
"""A worker that is none: started in the real one's place by lies_test.py, with the name of what it does wrong. Its answers to a cell are
the cell's own text, a JSON list of messages (hex text: raw bytes), so that a test can have it say anything."""
import json
import os
import pathlib
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "protocol"))
from client import MAGIC, pack  # noqa: E402

HELLO = {"type": "hello", "protocol": "tenon", "version": [1, 0], "tenon": "9.9", "session": "s", "generation": 1, "pid": os.getpid(), "notes": []}


def say(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def read(count):
    data = sys.stdin.buffer.read(count)
    if len(data) < count:
        sys.exit(0)
    return data


def requests():
    """What the front says, frame by frame."""
    read(16)
    while True:
        size, count = struct.unpack("<II", read(8))
        sizes = struct.unpack("<%dQ" % (count & 0x7fffffff), read(8 * (count & 0x7fffffff)))
        request = json.loads(read(size))
        for length in sizes:
            read(length)
        yield request


def answer(request):
    """A cell's text is what is said to it; everything else gets an empty done."""
    found = [{"type": "done", "status": "ok"}]
    if request["type"] == "execute" and request["code"].startswith("["):
        found = json.loads(request["code"])
    for number, message in enumerate(found):
        if isinstance(message, str):
            say(bytes.fromhex(message))
            continue
        message.setdefault("id", request.get("id", 0))
        message.setdefault("seq", number + 1)
        say(pack(message, [b"\xff\0\xc3u"] * message.pop("buffers_of_four", 0)))


def serve(hello=None, first=b""):
    say(first + MAGIC + pack(hello or HELLO))
    for request in requests():
        if request["type"] == "shutdown":
            sys.exit(0)
        if "id" in request:
            answer(request)


def main():
    what = sys.argv[1]
    if what == "silent":
        time.sleep(1000)
    elif what == "prompts":
        sys.stdout.write("ada@gpu-box's password: ")
        sys.stdout.flush()
        time.sleep(1000)
    elif what == "babbles":
        say(b"what is this? " * 10000)
        time.sleep(1000)
    elif what == "farewell":
        print("no such partition: gpu")
        sys.exit(0)
    elif what == "version":
        serve({**HELLO, "version": [2, 0]})
    elif what == "protocol":
        serve({**HELLO, "protocol": "lisp"})
    elif what == "refuses":
        serve({**HELLO, "refused": "too many workers here"})
    elif what == "no_hello":
        say(MAGIC + pack({"type": "stream", "id": 1, "name": "stdout", "text": "x"}))
        time.sleep(1000)
    elif what == "half_hello":
        say(MAGIC + pack(HELLO)[:20])
        sys.exit(0)
    else:
        serve(first=b"Welcome to the box\n" if what == "banner" else b"")


main()
