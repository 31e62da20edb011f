#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tests that Jupyter has for kernels (jupyter_kernel_test), with every sample given, so that none is skipped.

usage: suite.py TENON
"""
import sys

import place

FOLDER = place.make(sys.argv[1])

import jupyter_kernel_test  # noqa: E402  (reads the environment)


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


class Welcome(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = "tenon"
    support_iopub_welcome = True


if __name__ == "__main__":
    status = place.run_tap(Kernel, Welcome)
    place.remove(FOLDER)
    sys.exit(status)
