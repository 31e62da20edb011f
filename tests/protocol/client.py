# SPDX-License-Identifier: Apache-2.0
"""A client of the worker protocol (docs/protocol.md) with nothing but the standard library: it starts `tenon worker` and speaks with it
frame by frame. Tests drive it; it doubles as the smallest example of a front."""
import contextlib
import json
import os
import select
import struct
import subprocess
import time

MAGIC = b"\x89tenon\r\n\x1a\nwire01"
CREDIT_BIT = 0x80000000
CHUNK = 256 * 1024


def pack(header, buffers=()):
    """One frame."""
    text = json.dumps(header).encode()
    return (struct.pack("<II", len(text), len(buffers)) + b"".join(struct.pack("<Q", len(b)) for b in buffers) + text + b"".join(buffers))


def pack_large(header):
    """A message above the frames' bound, in pieces."""
    whole, out = pack(header), b""
    for at in range(0, len(whole), CHUNK - 1024):
        piece = whole[at:at + CHUNK - 1024]
        last = at + len(piece) == len(whole)
        head = json.dumps({"type": "chunk", "bytes": len(whole), "last": last}).encode()
        out += struct.pack("<II", len(head), 1 | CREDIT_BIT) + struct.pack("<Q", len(piece)) + head + piece
    return out


class Closed(Exception):
    """The worker has closed its side."""


class Worker:
    def __init__(self, program, greet=True, session="test", env=None, hello=None, acks=True, cwd=None, before=None):
        self.process = subprocess.Popen([program, "worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=env, cwd=cwd, start_new_session=True, preexec_fn=before)
        self.data = self.words = b""
        self.magic = False
        self.acks = acks
        self.seq = 0
        self.taken = 0
        self.next_id = 1
        self.hello = None
        self.greeting = hello or {"type": "hello", "protocol": "tenon", "version": [1, 0], "tenon": "0.1.0", "session": session,
                                  "generation": 1, "directory": ""}
        if greet:
            self.greet()

    def greet(self):
        self.write(MAGIC)
        self.send(self.greeting)
        self.hello = self.receive()[0]

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, header):
        self.write(pack(header))

    def request(self, kind, **fields):
        self.next_id += 1
        self.send(dict(fields, type=kind, id=self.next_id))
        return self.next_id

    def fill(self, timeout):
        ready, _, _ = select.select([self.process.stdout], [], [], timeout)
        if not ready:
            raise TimeoutError("the worker says nothing")
        data = os.read(self.process.stdout.fileno(), 1 << 20)
        if not data:
            raise Closed(self.last_words())
        self.data += data

    def last_words(self):
        """What stands on its stderr now; it stays there for `close`."""
        if select.select([self.process.stderr], [], [], 0)[0]:
            self.words += os.read(self.process.stderr.fileno(), 1 << 16)
        return self.words.decode(errors="replace")[-1500:]

    def need(self, count, deadline):
        while len(self.data) < count:
            self.fill(max(0.0, deadline - time.monotonic()))

    def frame(self, deadline):
        if not self.magic:
            self.need(16, deadline)
            assert self.data[:16] == MAGIC, self.data[:64]
            self.data = self.data[16:]
            self.magic = True
        self.need(8, deadline)
        size, count = struct.unpack("<II", self.data[:8])
        credit, count = bool(count & CREDIT_BIT), count & ~CREDIT_BIT
        self.need(8 + 8 * count, deadline)
        sizes = struct.unpack("<%dQ" % count, self.data[8:8 + 8 * count])
        total = 8 + 8 * count + size + sum(sizes)
        self.need(total, deadline)
        frame, self.data = self.data[:total], self.data[total:]
        if credit:
            self.taken += total
            if self.acks:
                self.ack()
        return split(frame, size, sizes)

    def ack(self):
        with contextlib.suppress(BrokenPipeError): # it has died: what it had said is read to its end
            self.send({"type": "ack", "seq": self.seq, "bytes": self.taken})
        self.taken = 0

    def receive(self, timeout=60.0):
        """The next whole message: (header, buffers)."""
        deadline = time.monotonic() + timeout
        pieces = []
        while True:
            header, buffers = self.frame(deadline)
            if header["type"] == "chunk":
                pieces.append(buffers[0])
                if not header["last"]:
                    continue
                whole = b"".join(pieces)
                assert len(whole) == header["bytes"]
                size, count = struct.unpack("<II", whole[:8])
                header, buffers = split(whole, size, struct.unpack("<%dQ" % count, whole[8:8 + 8 * count]))
            if "seq" in header:
                assert header["seq"] > 0
                self.seq = max(self.seq, header["seq"])
            if header["type"] == "stream":  # bytes as they were written: who shows them sees to what is no text
                header["text"] = buffers[0].decode(errors="replace").replace("\0", "\ufffd")
            return header, buffers

    def collect(self, request, timeout=120.0):
        """All that belongs to a request: (events, done)."""
        events = []
        deadline = time.monotonic() + timeout
        while True:
            header, buffers = self.receive(max(0.0, deadline - time.monotonic()))
            if header["type"] == "ack":
                continue
            assert header.get("id") == request, header
            header["buffers"] = buffers
            if header["type"] == "done":
                return events, header
            events.append(header)

    def execute(self, code, timeout=120.0, **fields):
        return self.collect(self.start(code, **fields), timeout)

    def start(self, code, **fields):
        options = {"cell": self.next_id, "silent": False, "allow_stdin": False, "user_expressions": {}}
        options.update(fields)
        return self.request("execute", code=code, **options)

    def close(self, timeout=60.0):
        """Ends the worker by hanging up; its exit status and last words."""
        if not self.process.stdin.closed:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        deadline = time.monotonic() + timeout
        try:
            while True:
                self.fill(max(0.0, deadline - time.monotonic()))
                self.data = b""
        except (Closed, TimeoutError):
            pass
        status = self.process.wait(timeout=max(5.0, deadline - time.monotonic()))
        words = (self.words + self.process.stderr.read()).decode(errors="replace")
        self.process.stdout.close()
        self.process.stderr.close()
        return status, words


def split(frame, size, sizes):
    at = 8 + 8 * len(sizes)
    header = json.loads(frame[at:at + size])
    at += size
    buffers = []
    for length in sizes:
        buffers.append(frame[at:at + length])
        at += length
    return header, buffers


def text_of(events, name="stdout"):
    return "".join(e["text"] for e in events if e["type"] == "stream" and e["name"] == name)
