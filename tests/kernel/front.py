# SPDX-License-Identifier: Apache-2.0
"""What the tests of the Jupyter front share: a kernel that is started as Jupyter starts one, and a client of its five sockets that is
small enough to send what no decent client would. Cases register themselves with tests/cli/cli.py."""
import collections
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import cli  # noqa: E402
from cli import Skip, case, check, check_in  # noqa: E402,F401

try:
    import zmq
except ImportError:
    print("1..0 # SKIP pyzmq is not there: ./script/setup installs it")
    sys.exit(0)

CHANNELS = ["shell", "iopub", "stdin", "control", "hb"]
TIMEOUT = 60.0 # of anything that must come: the machine may be busy
SOON = 20.0 # the bound of what takes milliseconds on a quiet machine, and would take for ever if it went wrong
STATE = tempfile.TemporaryDirectory(prefix="tenon-kernel-test-")
resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1])) # a dump of what is killed would take its time


HELD = collections.deque(maxlen=200)


def free_ports(count):
    """Ports that nobody else is given: they stay bound, but nobody listens, and so the kernel, which like us allows the second use of an
    address, may bind them too."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", 0))
    HELD.extend(sockets)
    return [one.getsockname()[1] for one in sockets]


def connection_info(**more):
    info = {"transport": "tcp", "ip": "127.0.0.1", "key": uuid.uuid4().hex, "signature_scheme": "hmac-sha256", "kernel_name": "tenon"}
    info.update({f"{name}_port": port for name, port in zip(CHANNELS, free_ports(5))})
    info.update(more)
    return info


def write_connection(folder, info):
    path = pathlib.Path(folder) / f"kernel-{uuid.uuid4().hex}.json"
    path.write_text(info if isinstance(info, str) else json.dumps(info))
    return path


def environment(**more):
    env = cli.environment(XDG_STATE_HOME=STATE.name, JUPYTER_RUNTIME_DIR=os.path.join(STATE.name, "runtime"))
    env = {name: value for name, value in env.items() if not name.startswith("JPY_")} # of a Jupyter that we may run under
    return {**env, **more}


class Kernel:
    """A kernel process; a context that ends it."""

    def __init__(self, info=None, worker=(), ready=True, arguments=(), **env):
        self.info = info or connection_info()
        self.path = write_connection(STATE.name, self.info)
        arguments = ["kernel", "-f", str(self.path), *arguments] + (["--", *worker] if worker else [])
        self.process = subprocess.Popen([cli.TENON, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=environment(JPY_PARENT_PID=str(os.getpid()), **env), preexec_fn=cli.reset_signals,
                                        start_new_session=True)
        cli.STARTED.append(self.process)
        self.clients = []
        if ready:
            self.client = self.connect()
            self.client.ready()

    def connect(self, **more):
        self.clients.append(Client(self.info, **more))
        return self.clients[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise AssertionError(f"the kernel did not end within {TIMEOUT} s of SIGTERM") from None
        self.process.stdout.close()
        self.errors = self.process.stderr.read().decode("utf-8", "replace")
        self.process.stderr.close()

    def children(self):
        return [process.pid for process in processes() if process.parent == self.process.pid]

    def worker_pid(self):
        wait_until(lambda: len(self.children()) == 1, lambda: f"one child of the kernel; it has {self.children()}")
        return self.children()[0]

    def fresh_worker(self, before):
        """Waits for the worker that follows that one."""
        wait_until(lambda: self.children() not in ([], [before]), "a fresh worker")
        return self.worker_pid()

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Client:
    def __init__(self, info, curve=None, subscribe=True):
        self.info = info
        self.context = zmq.Context()
        self.identity = uuid.uuid4().hex.encode()
        self.curve = curve if curve is not None else "curve_publickey" in info
        self.sockets = {}
        self.seen = collections.deque() # published, looked at, and not taken yet
        for name, kind in zip(CHANNELS, [zmq.DEALER, zmq.SUB, zmq.DEALER, zmq.DEALER, zmq.REQ]):
            one = self.context.socket(kind)
            one.linger = one.rcvhwm = 0 # what we do not read yet waits here, not in the kernel, which would give us up
            if kind == zmq.DEALER:
                one.identity = self.identity
            if kind == zmq.SUB and subscribe:
                one.setsockopt(zmq.SUBSCRIBE, b"")
            if self.curve:
                one.curve_serverkey = info["curve_publickey"].encode()
                one.curve_publickey, one.curve_secretkey = zmq.curve_keypair()
            one.connect(self.url(name))
            self.sockets[name] = one

    def url(self, name):
        info = self.info
        if info["transport"] == "ipc":
            return f"ipc://{info['ip']}-{info[name + '_port']}"
        return f"tcp://{info['ip']}:{info[name + '_port']}"

    def close(self):
        self.context.destroy(linger=0)

    # -- messages

    def sign(self, parts):
        key = self.info["key"].encode()
        scheme = self.info.get("signature_scheme", "hmac-sha256").rsplit("-", 1)[1]
        if not key:
            return b""
        mac = hmac.new(key, digestmod=getattr(hashlib, scheme))
        for part in parts:
            mac.update(part)
        return mac.hexdigest().encode()

    def header(self, kind, **more):
        return {"msg_id": uuid.uuid4().hex, "session": "test", "username": "test", "date": "2026-01-01T00:00:00Z", "msg_type": kind,
                "version": "5.5", **more}

    def send(self, channel, kind, content, parent=None, raw=None, **header):
        """Sends a signed message; `raw` (bytes) takes the place of the content's JSON. Gives its msg_id."""
        head = self.header(kind, **header)
        parts = [json.dumps(head).encode(), json.dumps(parent or {}).encode(), b"{}", raw if raw is not None else json.dumps(content).encode()]
        self.sockets[channel].send_multipart([b"<IDS|MSG>", self.sign(parts), *parts])
        return head["msg_id"]

    def receive(self, channel, timeout=TIMEOUT):
        """The next message of that channel."""
        return self.seen.popleft() if channel == "iopub" and self.seen else self.next(channel, timeout)

    def next(self, channel, timeout=TIMEOUT):
        """The next message of that channel that was not looked at."""
        if not self.sockets[channel].poll(int(timeout * 1000)):
            raise AssertionError(f"nothing came on {channel} within {timeout} s")
        frames = self.sockets[channel].recv_multipart()
        at = frames.index(b"<IDS|MSG>")
        parts = frames[at + 2:at + 6]
        check(frames[at + 1], self.sign(parts), "the signature")
        header, parent, metadata, content = (json.loads(part) for part in parts)
        return {"type": header["msg_type"], "header": header, "parent": parent, "metadata": metadata, "content": content, "channel": channel}

    def nothing(self, channel, seconds):
        return not self.sockets[channel].poll(int(seconds * 1000))

    def published(self, request, timeout=TIMEOUT):
        """What is published for the request, busy to idle."""
        found = []
        while True:
            message = self.receive("iopub", timeout)
            if message["parent"].get("msg_id") != request:
                continue
            found.append(message)
            if message["type"] == "status" and message["content"]["execution_state"] == "idle":
                check(found[0]["content"].get("execution_state"), "busy", "the first message")
                return found

    def reply(self, request, channel="shell", timeout=TIMEOUT):
        while True:
            message = self.receive(channel, timeout)
            if message["parent"].get("msg_id") == request:
                return message

    def ask(self, kind, content=None, channel="shell", timeout=TIMEOUT):
        """The reply's content."""
        request = self.send(channel, kind, content or {})
        reply = self.reply(request, channel, timeout)
        self.published(request, timeout)
        return reply["content"]

    def run(self, code, timeout=TIMEOUT, **more):
        """(reply's content, published messages) of a cell."""
        request = self.execute(code, **more)
        published = self.published(request, timeout)
        return self.reply(request, timeout=timeout)["content"], published

    def execute(self, code, **more):
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}
        content.update(more)
        return self.send("shell", "execute_request", content)

    def sees(self, cell, kind, words=""):
        """Waits until that is published for the cell, with those words in its text; all that came until then can still be received."""
        while True:
            found = [m for m in self.seen if m["type"] == kind and m["parent"].get("msg_id") == cell]
            if found and words in "".join(m["content"].get("text", "") for m in found):
                return
            self.seen.append(self.next("iopub"))

    def begins(self, cell):
        """Waits until the kernel has the cell, which it hands to its worker before it looks at anything else."""
        self.sees(cell, "execute_input")

    def prints(self, cell, words=""):
        """Waits until the worker is in the cell, and has printed something that has those words."""
        self.sees(cell, "stream", words)

    def arrived(self):
        """Waits until the kernel has all that was sent on shell."""
        self.reply(self.send("shell", "kernel_info_request", {}))

    def welcome(self):
        """From now on everything that is published arrives."""
        check(self.receive("iopub")["type"], "iopub_welcome", "the first message on iopub")
        return self

    def ready(self):
        """Waits for the kernel, and for its worker."""
        self.welcome().ask("kernel_info_request")
        reply, _ = self.run("", silent=True)
        check(reply["status"], "ok", "an empty cell")

    def beats(self, timeout=TIMEOUT):
        self.sockets["hb"].send(b"ping")
        return self.sockets["hb"].poll(int(timeout * 1000)) != 0 and self.sockets["hb"].recv() == b"ping"


def text_of(published, kind="stream", name="stdout"):
    if kind == "stream":
        return "".join(m["content"]["text"] for m in published if m["type"] == "stream" and m["content"]["name"] == name)
    return [m["content"] for m in published if m["type"] == kind]


def wait_until(condition, what, seconds=TIMEOUT):
    """`what` says in words what does not come, or is a function that does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what() if callable(what) else what}"
        time.sleep(0.01)


def kill(pid, number=signal.SIGKILL):
    """It may have ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class Gate:
    """What a cell waits at until the test opens it: `command` is a line of that cell."""

    def __init__(self):
        self.path = os.path.join(STATE.name, f"gate-{uuid.uuid4().hex}")
        self.command = f"!until test -e '{self.path}'; do sleep 0.05; done\n"

    def open(self):
        pathlib.Path(self.path).touch()


def connections(port):
    """How many connections the kernel has at that port of its own."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    return sum(int(row[1].split(":")[1], 16) == port and row[3] in ("01", "08") for row in rows) # established, or left by the client


Process = collections.namedtuple("Process", "pid state parent session")


def process_of(pid):
    """What /proc says of it; None where it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            state, parent, _, session = file.read().rsplit(")", 1)[1].split()[:4] # a name may hold anything
    except (FileNotFoundError, ProcessLookupError): # the second where it goes between the opening and the reading
        return None
    return Process(int(pid), state, int(parent), int(session))


def processes():
    return [process for process in map(process_of, filter(str.isdigit, os.listdir("/proc"))) if process]


def is_gone(pid):
    process = process_of(pid)
    return process is None or process.state in "ZX"


def run_cases():
    cli.run_cases()


__all__ = ["Kernel", "Client", "Gate", "Skip", "case", "check", "check_in", "cli", "connection_info", "connections", "environment", "free_ports",
           "is_gone", "kill", "processes", "run_cases", "signal", "text_of", "wait_until", "write_connection", "zmq", "SOON", "STATE", "TIMEOUT"]
