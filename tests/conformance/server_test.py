#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Floods through a real Jupyter Server with its default limits, by its websocket: what it throws away begins with the newest, so the end of
a flood, its error above all, must come in spite of them. Usage: server_test.py TENON"""
import asyncio
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import place  # noqa: E402

FOLDER = place.make(sys.argv[1])
os.environ.pop("TENON_OUTPUT_RATE", None)
try:
    from tornado.httpclient import AsyncHTTPClient, HTTPRequest
    from tornado.websocket import websocket_connect
    import jupyter_server  # noqa: F401
except ImportError:
    print("1..0 # SKIP jupyter_server is not there: ./script/setup installs it")
    sys.exit(0)

TIMEOUT = 120


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    def __init__(self):
        self.port = free_port()
        self.log = open(FOLDER / "server.log", "wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", f"--port={self.port}", "--ip=127.0.0.1", "--no-browser", "--allow-root",
             "--IdentityProvider.token=", "--ServerApp.password=", "--ServerApp.disable_check_xsrf=True", "--ServerApp.port_retries=0",
             f"--ServerApp.root_dir={FOLDER}"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=FOLDER, start_new_session=True)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    async def ask(self, path, body=None):
        request = HTTPRequest(f"http://127.0.0.1:{self.port}{path}", method="GET" if body is None else "POST", body=body, request_timeout=60)
        return json.loads((await AsyncHTTPClient().fetch(request)).body)

    async def ready(self):
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                return await self.ask("/api")
            except Exception as reason: # noqa: BLE001
                words = (FOLDER / "server.log").read_text(errors="replace")[-2000:]
                assert self.process.poll() is None and time.monotonic() < deadline, f"no server: {reason}\n{words}"
                await asyncio.sleep(0.2)

    async def run(self, code):
        """[(seconds, message)] of a cell of a fresh kernel, its idle included."""
        await self.ready()
        kernel = await self.ask("/api/kernels", json.dumps({"name": "tenon"}))
        socket = await websocket_connect(f"ws://127.0.0.1:{self.port}/api/kernels/{kernel['id']}/channels", max_message_size=1 << 28)
        sent = uuid.uuid4().hex
        header = {"msg_id": sent, "session": "test", "username": "test", "date": "2026-01-01T00:00:00Z", "msg_type": "execute_request", "version": "5.3"}
        await socket.write_message(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "channel": "shell",
                                               "content": {"code": code, "silent": False, "store_history": True, "user_expressions": {},
                                                           "allow_stdin": False, "stop_on_error": True}}))
        found, began = [], time.monotonic()
        while True:
            text = await asyncio.wait_for(socket.read_message(), TIMEOUT)
            assert text is not None, "the websocket was closed"
            message = json.loads(text)
            if message["parent_header"].get("msg_id") == sent:
                found.append((time.monotonic() - began, message))
                if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                    socket.close()
                    return found


class Floods(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def flood(self, code):
        """{type: [content]} of a cell; the server has thrown nothing away."""
        by_type = {}
        for _, message in asyncio.run(self.server.run(code)):
            by_type.setdefault(message["msg_type"], []).append(message["content"])
        complaints = [c["text"] for c in by_type.get("stream", []) if c["name"] == "stderr" and "rate exceeded" in c["text"]]
        self.assertEqual(complaints, [], "what the server threw away")
        return by_type

    def test_the_last_words_of_a_flood_of_lines_arrive(self):
        found = self.flood('for (int i = 0; i < 60000; i++) { print(i, "x".repeat(300)); } error("the last words");')
        self.assertEqual([c["evalue"] for c in found["error"]], ["the last words"])
        text = "".join(c["text"] for c in found["stream"])
        self.assertTrue(text.startswith("0 xxx"), text[:20])
        self.assertTrue(text.endswith("59999 " + "x" * 300 + "\n"), text[-320:])
        self.assertIn("are left out here; all of it is in ", text)
        path = text.split("all of it is in ")[1].split("]")[0]
        self.assertEqual(pathlib.Path(path).read_text(), "".join(f"{i} {'x' * 300}\n" for i in range(60000)))

    def test_a_flood_that_costs_more_as_json_than_as_text_arrives_to_its_end(self):
        found = self.flood("!head -c 30000000 /dev/urandom; echo; echo the end")
        self.assertTrue("".join(c["text"] for c in found["stream"]).endswith("the end\n"))

    def test_a_child_that_floods_for_seconds_is_seen_and_its_end_arrives(self):
        found = self.flood("!timeout 8 yes; echo the end")
        self.assertTrue("".join(c["text"] for c in found["stream"]).endswith("the end\n"))

    def test_a_flood_of_displays_keeps_the_last_and_the_error(self):
        found = self.flood('for (int i = 0; i < 15000; i++) { display(f"{i}"); } error("the last words");')
        self.assertEqual([c["evalue"] for c in found["error"]], ["the last words"])
        self.assertEqual(found["display_data"][-1]["data"]["text/plain"], '"14999"')
        self.assertLess(len(found["display_data"]), 400)

    def test_lines_of_two_streams_in_turn_arrive_whole(self):
        found = self.flood("!for i in $(seq 1 20000); do echo $i; echo $i >&2; done")
        lines = "".join(f"{i}\n" for i in range(1, 20001))
        for name in ("stdout", "stderr"):
            self.assertEqual("".join(c["text"] for c in found["stream"] if c["name"] == name), lines, name)


if __name__ == "__main__":
    status = place.run_tap(Floods)
    place.remove(FOLDER)
    sys.exit(status)
