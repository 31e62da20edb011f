#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""%tensorboard in a notebook: it starts the real TensorBoard on the session's runs, finds it again, and takes it along at the
end.

usage: board_test.py TENON
"""
import json
import os
import pathlib
import re
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))
import cli  # noqa: E402
import place  # noqa: E402
from cli import case, check  # noqa: E402

BIN = pathlib.Path(sys.executable).parent
FOLDER = place.make(cli.TENON)
os.environ["TMPDIR"] = str(FOLDER)  # where TensorBoard says that it runs
os.environ["PATH"] = f"{BIN}:{os.environ['PATH']}"

try:
    import jupyter_client.manager  # noqa: E402  (reads the environment)
except ImportError:
    jupyter_client = None


def execute(client, code):
    """(status, forms of what was shown, text printed or of the error)."""
    shown, text = [], []

    def output(message):
        if message["msg_type"] in ("display_data", "execute_result"):
            shown.append(message["content"]["data"])
        elif message["msg_type"] == "stream":
            text.append(message["content"]["text"])
        elif message["msg_type"] == "error":
            text.extend(message["content"]["traceback"])
    reply = client.execute_interactive(code, timeout=5 * cli.PATIENCE_S, output_hook=output)
    return reply["content"]["status"], shown, "".join(text)


def ended(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rsplit(") ", 1)[1][0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@case
def a_notebook_starts_tensorboard_on_its_runs_and_takes_it_along():
    if jupyter_client is None or not (BIN / "tensorboard").exists():
        raise cli.Skip("./script/setup installs jupyter_client and TensorBoard")
    manager, client = jupyter_client.manager.start_new_kernel(startup_timeout=cli.PATIENCE_S, kernel_name="tenon", cwd=FOLDER)
    try:
        check(execute(client, 'auto r = run("watched"); r.log("loss", 0.5);')[0], "ok", "status of the run")
        status, shown, text = execute(client, "%tensorboard")
        check((status, len(shown)), ("ok", 1), f"status and what was shown; text {text!r}")
        url = re.search(r"http://localhost:\d+/", shown[0]["text/plain"]).group()
        assert url in shown[0]["text/html"] and "iframe" in shown[0]["text/html"]
        with urllib.request.urlopen(url + "data/environment", timeout=cli.PATIENCE_S) as answer:
            check(json.load(answer)["data_location"], os.path.realpath(FOLDER / "runs"), "folder that it reads")
        check(execute(client, "%tensorboard")[1][0]["text/plain"], shown[0]["text/plain"], "what the second call finds")
        (info,) = (FOLDER / ".tensorboard-info").glob("*.info")
        pid = json.loads(info.read_text())["pid"]
        check(ended(pid), False, "TensorBoard ended before the session")
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    end = time.monotonic() + cli.PATIENCE_S
    while not ended(pid) and time.monotonic() < end:
        time.sleep(0.1)
    check(ended(pid), True, "TensorBoard ended with the session")


@case
def without_tensorboard_the_command_to_type_is_shown():
    if jupyter_client is None:
        raise cli.Skip("./script/setup installs jupyter_client")
    before = os.environ["PATH"]
    os.environ["PATH"] = "/usr/bin:/bin"
    manager, client = jupyter_client.manager.start_new_kernel(startup_timeout=cli.PATIENCE_S, kernel_name="tenon", cwd=FOLDER)
    os.environ["PATH"] = before
    try:
        status, shown, text = execute(client, "%tensorboard --logdir nowhere")
        check((status, shown), ("ok", []), "status and what was shown")
        cli.check_in(f"tensorboard --logdir '{os.path.realpath(FOLDER)}/nowhere'", text)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


if __name__ == "__main__":
    try:
        cli.run_cases()
    finally:
        place.remove(FOLDER)
