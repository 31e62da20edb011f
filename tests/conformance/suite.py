#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tests that Jupyter has for kernels (jupyter_kernel_test), with every sample given, so that none is skipped.

usage: suite.py TENON
"""
import base64
import os
import sys

import place

FOLDER = place.make(sys.argv[1])

os.environ["TENON_OUTPUT_RATE"] = "off" # one test wants every byte; server_test.py looks at the pace

import jupyter_kernel_test  # noqa: E402  (reads the environment)
from jupyter_kernel_test import validate_message  # noqa: E402


PATIENCE_S = 120


def make_patient(channel):
    """The suite waits 0.1 s for the next message of a cell: a busy machine may need longer."""
    get = channel.get_msg
    channel.get_msg = lambda timeout=None, **more: get(timeout=PATIENCE_S if timeout is None else max(timeout, PATIENCE_S), **more)


class Kernel(jupyter_kernel_test.KernelTests):
    kernel_name = "tenon"
    language_name = "tenon"
    file_extension = ".tn"
    code_hello_world = 'print("hello, world");'
    code_stderr = "!echo to stderr >&2"
    code_page_something = "?zeros"
    code_generate_error = 'error("on purpose");'
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": "'a' + 'b'", "result": '"ab"'},
        {"code": "ones(2)", "mime": "text/html"},
    ]
    code_display_data = [{"code": "display(zeros(2));", "mime": "text/plain"}, {"code": "display(image(zeros(4, 4)));", "mime": "image/png"}]
    code_history_pattern = "6 *"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "zeros"
    code_clear_output = "clear_output();"
    completion_samples = [
        {"text": "zeros_", "matches": ["zeros_like"]},
        {"text": "auto x = log_soft", "matches": ["log_softmax"]},
        {"text": "%whos", "matches": ["%whos"]},
    ]
    complete_code_samples = ["1 + 1", "print(1);", "int f() { return 1; }", "// a comment", "for (int i : 0..3) { print(i); }"]
    incomplete_code_samples = ["int f() {", "print(1", "auto x = [1,", "/* a comment", 'for (int i : 0..3) {']
    invalid_code_samples = ["int f() }", "print(1));", "auto = 3;"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        make_patient(cls.kc.shell_channel)
        make_patient(cls.kc.iopub_channel)

    def flush_channels(self):
        """Reads all up to the end of a request of its own; the suite takes silence of 0.1 s for the end."""
        request = self.kc.kernel_info()
        while self.kc.get_shell_msg()["parent_header"].get("msg_id") != request:
            pass
        while True:
            message = self.kc.get_iopub_msg()
            if message["parent_header"].get("msg_id") == request and message["content"].get("execution_state") == "idle":
                break

    def run_cell(self, code, **more):
        """(the reply's content, the text of stdout) of a cell."""
        self.flush_channels()
        text, request = [], self.kc.execute(code, **more)
        while True:
            message = self.kc.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") == request and message["msg_type"] == "stream":
                validate_message(message, "stream", request)
                text.append(message["content"]["text"])
            if message["parent_header"].get("msg_id") == request and message["content"].get("execution_state") == "idle":
                break
        reply = self.kc.get_shell_msg(timeout=60)
        validate_message(reply, "execute_reply", request)
        return reply["content"], "".join(text)

    def test_user_expressions_give_all_forms(self):
        reply, _ = self.run_cell("auto picture = image(zeros(8, 8));",
                                 user_expressions={"picture": "picture", "tensor": "ones(2)", "number": "6 * 7", "wrong": "nobody"})
        found = reply["user_expressions"]
        self.assertEqual(base64.b64decode(found["picture"]["data"]["image/png"], validate=True)[:8], b"\x89PNG\r\n\x1a\n")
        self.assertIn("image/png", found["picture"]["metadata"])
        self.assertIn("<", found["tensor"]["data"]["text/html"])
        self.assertEqual(found["number"], {"status": "ok", "data": {"text/plain": "42"}, "metadata": {}})
        self.assertEqual((found["wrong"]["status"], found["wrong"]["ename"]), ("error", "NameError"))

    def test_ten_megabytes_of_any_text_arrive_whole(self):
        _, text = self.run_cell('print(repeat("a\\"\\\\\\n\u00e9\U0001f600", 1000000));')
        self.assertTrue(text == 'a"\\\n\u00e9\U0001f600' * 1000000 + "\n", f"{len(text)} characters")
        _, text = self.run_cell("!head -c 3000000 /dev/zero | tr '\\0' '\\377'; printf '\\0'")
        self.assertTrue(text == "\ufffd" * 3000001, f"{len(text)} characters")


class Welcome(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = "tenon"
    support_iopub_welcome = True


if __name__ == "__main__":
    status = place.run_tap(Kernel, Welcome)
    place.remove(FOLDER)
    sys.exit(status)
