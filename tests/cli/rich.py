# SPDX-License-Identifier: Apache-2.0
"""A small front: runs cells in a worker and gives what they show, with every form. Only what tests of output need."""
import json
import struct
import subprocess

import cli

MAGIC = b"\x89tenon\r\n\x1a\nwire1\0"
COUNTED = 1 << 31


class Worker:
    """with Worker() as w: w.run(code) gives a Cell."""

    def __enter__(self):
        self.process = subprocess.Popen([cli.TENON, "worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        env=cli.environment(), start_new_session=True)
        self.pieces = b""
        self.last_id = 0
        self.process.stdin.write(MAGIC)
        self.send({"type": "hello", "protocol": "tenon", "version": [1, 0], "tenon": "0.1.0", "session": "show-test", "generation": 1,
                   "directory": ""})
        banner = self.read(len(MAGIC))
        cli.check(banner, MAGIC, "the worker's first bytes")
        return self

    def __exit__(self, *unused):
        try:
            self.send({"type": "shutdown"})
            self.process.stdin.close()
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            pass
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def send(self, message):
        text = json.dumps(message).encode()
        self.process.stdin.write(struct.pack("<II", len(text), 0) + text)
        self.process.stdin.flush()

    def read(self, count):
        data = self.process.stdout.read(count)
        if len(data) < count:
            raise AssertionError("the worker ended in the middle of a message")
        return data

    def frame(self):
        """One frame: (JSON, buffers)."""
        head = self.read(8)
        json_bytes, buffers = struct.unpack("<II", head)
        count = buffers & ~COUNTED
        sizes = struct.unpack(f"<{count}Q", self.read(8 * count))
        body = json.loads(self.read(json_bytes))
        data = [self.read(size) for size in sizes]
        if buffers & COUNTED:
            self.send({"type": "ack", "seq": body.get("seq", 0), "bytes": 8 + 8 * count + json_bytes + sum(sizes)})
        return body, data

    def message(self):
        while True:
            body, buffers = self.frame()
            if body["type"] != "chunk":
                return body, buffers
            self.pieces += buffers[0]
            if body["last"]:
                return self.joined()

    def joined(self):
        data, self.pieces = self.pieces, b""
        json_bytes, buffers = struct.unpack_from("<II", data)
        count = buffers & ~COUNTED
        sizes = struct.unpack_from(f"<{count}Q", data, 8)
        at = 8 + 8 * count
        body = json.loads(data[at:at + json_bytes])
        at += json_bytes
        parts = []
        for size in sizes:
            parts.append(data[at:at + size])
            at += size
        return body, parts

    def run(self, code):
        self.last_id += 1
        self.send({"type": "execute", "id": self.last_id, "code": code, "cell": self.last_id, "silent": False, "store_history": True,
                   "allow_stdin": False, "user_expressions": {}})
        cell = Cell()
        while True:
            body, buffers = self.message()
            if body.get("id") != self.last_id:
                continue
            if body["type"] == "done":
                cell.status = body
                return cell
            cell.take(body, buffers)


class Cell:
    """What a cell has shown: `shows` in order, each with .data (form by MIME type), .metadata, .id, .update, .result."""

    def __init__(self):
        self.shows, self.text, self.status = [], "", None

    def take(self, body, buffers):
        if body["type"] in ("display", "result"):
            self.shows.append(Show(body, buffers))
        elif body["type"] == "stream":
            self.text += body["text"]


class Show:
    def __init__(self, body, buffers):
        self.data = {mime: buffers[form["buffer"]] if isinstance(form, dict) and set(form) == {"buffer"} else form
                     for mime, form in body["data"].items()}
        self.metadata = body["metadata"]
        self.id = body.get("display_id")
        self.update = body.get("update", False)
        self.result = body["type"] == "result"


def shown(code):
    """The only thing that a cell shows in a worker of its own."""
    with Worker() as worker:
        cell = worker.run(code)
    cli.check(cell.status["status"], "ok", f"the status of {code!r} ({cell.status.get('text')})")
    cli.check(len(cell.shows), 1, f"things shown by {code!r}")
    return cell.shows[0]
