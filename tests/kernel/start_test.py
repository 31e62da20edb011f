#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starting and ending: connection files good and bad, transports, encryption, signals, the launcher's death."""
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

from front import *  # noqa: F403
from front import (Client, Kernel, SOON, STATE, TIMEOUT, Skip, check, check_in, case, cli, connection_info, environment, is_gone, kill, signal,
                   wait_until, write_connection, zmq)


def refused(info, *words):
    """The kernel does not start with this file, and says why in one line."""
    path = info if isinstance(info, pathlib.Path) else write_connection(STATE.name, info)
    run = cli.tenon("kernel", "-f", path, env=environment(), timeout=TIMEOUT)
    check(run.returncode, 1, "exit status")
    check(len(run.stderr.strip().split("\n")), 1, f"lines in {run.stderr!r}")
    for word in words:
        check_in(word, run.stderr)


@case
def a_missing_connection_file_is_named():
    refused(pathlib.Path("/nonexistent/kernel.json"), "/nonexistent/kernel.json", "No such file")


@case
def a_kernel_starts_under_a_real_time_policy():
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)) # what it starts inherits that
    except OSError:
        raise Skip("no right to a real-time policy") from None
    try:
        with Kernel() as kernel:
            check(kernel.client.run("1")[0]["status"], "ok")
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@case
def an_unreadable_connection_file_is_named():
    refused(pathlib.Path(STATE.name), "no regular file")
    pipe = pathlib.Path(STATE.name) / "pipe.json"
    os.mkfifo(pipe)
    refused(pipe, "no regular file")
    closed = write_connection(STATE.name, connection_info())
    closed.chmod(0)
    if not os.access(closed, os.R_OK): # root may read anything
        refused(closed, str(closed), "Permission denied")


@case
def malformed_connection_files_are_refused():
    refused("", "malformed")
    refused('{"shell_port": 1', "malformed")
    refused("[1, 2]", "no JSON object")
    refused(json.dumps({**connection_info(), "key": 5}), "key")
    refused(json.dumps({k: v for k, v in connection_info().items() if k != "key"}), "key")
    refused(json.dumps({k: v for k, v in connection_info().items() if k != "hb_port"}), "hb_port")
    refused(connection_info(shell_port=70000), "shell_port")
    refused(connection_info(iopub_port="12x"), "iopub_port")
    refused(connection_info(transport="udp"), "udp")
    refused(connection_info(signature_scheme="hmac-md5"), "hmac-md5", "hmac-sha256")
    refused(connection_info(ip="not an address"), "bind")
    refused("x" * 100000, "larger")


@case
def half_a_pair_of_curve_keys_is_refused_and_not_ignored():
    refused(connection_info(curve_publickey="x" * 40), "curve_secretkey")
    refused(connection_info(curve_publickey="short", curve_secretkey="short"), "40 characters")


@case
def a_port_that_is_taken_ends_the_kernel_at_once():
    with Kernel() as kernel:
        refused(kernel.info, "bind", "Address already in use", "on other ports")
        for name in ("iopub", "stdin", "control", "hb"): # any one of the five
            refused(connection_info(**{f"{name}_port": kernel.info[f"{name}_port"]}), f"({name})", "Address already in use")
        check(kernel.client.run("1 + 1")[0]["status"], "ok")


@case
def addresses_that_cannot_be_bound_are_told_with_what_to_do():
    refused(connection_info(ip="192.0.2.77"), "192.0.2.77", "an address of this machine")
    refused(connection_info(transport="ipc", ip=os.path.join(STATE.name, "x" * 120)), "107 bytes")
    refused(connection_info(transport="ipc", ip="/nonexistent/folder/ipc"), "/nonexistent/folder/ipc", "folder must be there")


@case
def ports_may_be_text_and_the_key_empty_and_the_scheme_sha512():
    info = connection_info()
    with Kernel({k: str(v) if k.endswith("_port") else v for k, v in info.items()}) as kernel:
        check(kernel.client.ask("kernel_info_request")["status"], "ok")
    with Kernel(connection_info(key="")) as kernel:
        check(kernel.client.run("1 + 1")[0]["status"], "ok")
    with Kernel(connection_info(signature_scheme="hmac-sha512")) as kernel:
        check(kernel.client.run("1 + 1")[0]["status"], "ok")


@case
def ipc_sockets_work():
    with tempfile.TemporaryDirectory(dir="/tmp") as folder: # a socket's path is short, and that of TMPDIR may be long
        info = connection_info(transport="ipc", ip=os.path.join(folder, "ipc"))
        info.update({f"{name}_port": number for number, name in enumerate(["shell", "iopub", "stdin", "control", "hb"], 1)})
        with Kernel(info) as kernel:
            check(kernel.client.run("1 + 1")[0]["status"], "ok")
            assert kernel.client.beats(), "no heartbeat"


@case
def encrypted_sockets_work_and_nobody_gets_in_without_the_key():
    public, secret = zmq.curve_keypair()
    with Kernel(connection_info(curve_publickey=public.decode(), curve_secretkey=secret.decode())) as kernel:
        check(kernel.client.run("1 + 1")[0]["status"], "ok")
        assert kernel.client.beats(), "no heartbeat"
        stranger = kernel.connect(curve=False)
        stranger.send("shell", "kernel_info_request", {})
        assert stranger.nothing("shell", 0.5) and stranger.nothing("iopub", 0.1), "a client in clear was answered"
        check(kernel.client.run("1 + 1")[0]["status"], "ok")


@case
def without_a_file_the_kernel_writes_one_and_says_how_to_connect():
    process = cli.start("kernel", env=environment())
    line = process.stderr.readline()
    check_in("jupyter console --existing ", line)
    path = pathlib.Path(line.split("--existing ", 1)[1].rstrip("\n"))
    check(path.stat().st_mode & 0o777, 0o600, "the file's mode")
    client = Client(json.loads(path.read_text()))
    client.ready()
    client.close()
    process.terminate()
    check(process.wait(TIMEOUT), 0, "exit status")
    assert not path.exists(), "the connection file is still there"


@case
def the_command_line_is_checked():
    check(cli.tenon("kernel", "-f").returncode, 2, "exit status")
    check(cli.tenon("kernel", "--help").returncode, 0, "exit status")


@case
def arguments_that_a_launcher_adds_are_passed_over_and_logged():
    with Kernel(arguments=["program.tn", "--Launcher.option=1", "--debug"]) as kernel:
        check(kernel.client.run("1 + 1")[0]["status"], "ok")
    for argument in ("program.tn", "--Launcher.option=1", "--debug"):
        check_in(f"the argument '{argument}' is passed over", kernel.errors)


@case
def no_core_of_the_front_is_dumped():
    folder = tempfile.mkdtemp(dir=STATE.name)

    def dumps(command, **more):
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, **more,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)) as process:
            yield process
            process.send_signal(signal.SIGABRT)
            _, status = os.waitpid(process.pid, 0)
            process.returncode = -signal.SIGABRT
            yield os.WCOREDUMP(status)

    if not list(dumps(["sleep", "100"]))[1]:
        raise Skip("no core is dumped on this machine") # noqa: F405
    info = connection_info()
    front = dumps([cli.TENON, "kernel", "-f", str(write_connection(STATE.name, info))], env=environment())
    next(front)
    client = Client(info)
    client.ready()
    client.close()
    check(next(front), False, "a core was dumped")


@case
def a_worker_command_that_does_not_exist_is_told_by_the_cell():
    with Kernel(worker=["/nonexistent/worker"], ready=False) as kernel:
        client = kernel.connect().welcome()
        check(client.ask("kernel_info_request")["status"], "ok")
        check(client.ask("complete_request", {"code": "pr", "cursor_pos": 2})["matches"], [])
        for _ in range(2):
            reply, _ = client.run("1 + 1")
            check(reply["status"], "error")
            check_in("/nonexistent/worker", reply["evalue"])


@case
def a_setting_that_cannot_be_read_is_told_by_the_cell():
    with Kernel(ready=False, TENON_MEMORY="lots") as kernel:
        reply, _ = kernel.connect().welcome().run("1 + 1")
        check(reply["status"], "error")
        check_in("TENON_MEMORY: expected a size", "\n".join(reply["traceback"]))


@case
def a_worker_that_speaks_another_language_is_told_by_the_cell_with_its_words():
    with Kernel(worker=["sh", "-c", "echo who are you >&2; exit 3"], ready=False) as kernel:
        client = kernel.connect().welcome()
        reply, _ = client.run("1 + 1")
        check(reply["ename"], "WorkerDied")
        check_in("status 3", reply["evalue"])
        check_in("who are you", "\n".join(reply["traceback"]))


@case
def a_worker_behind_a_greeting_works_by_the_environment_too():
    with Kernel(TENON_WORKER=f"sh -c 'echo Welcome to the box; exec \"{cli.TENON}\" worker'") as kernel:
        check(kernel.client.run("1 + 1")[0]["status"], "ok")


@case
def sigint_at_idle_does_nothing_a_hundred_times():
    with Kernel() as kernel:
        kernel.client.run("int x = 5;")
        for _ in range(100):
            os.killpg(kernel.process.pid, signal.SIGINT)
            time.sleep(0.002)
        kernel.client.arrived() # a signal and a message that wait together are taken in any order: now it has seen the last signal
        reply, published = kernel.client.run("x")
        check(reply["status"], "ok")
        check([m["content"]["data"]["text/plain"] for m in published if m["type"] == "execute_result"], ["5"])


@case
def sigint_while_it_starts_does_not_end_it():
    with Kernel(ready=False) as kernel:
        client = kernel.connect()
        for _ in range(20):
            time.sleep(0.002)
            if pathlib.Path(f"/proc/{kernel.process.pid}/cmdline").read_bytes().startswith(b"kernel"):
                os.killpg(kernel.process.pid, signal.SIGINT)
        client.ready()


@case
def sigterm_and_sighup_end_kernel_and_worker():
    for number in (signal.SIGTERM, signal.SIGHUP):
        with Kernel() as kernel:
            kernel.client.prints(kernel.client.execute('print("x"); while (true) { }'))
            worker = kernel.worker_pid()
            kernel.process.send_signal(number)
            check(kernel.process.wait(SOON), 0, "exit status")
            wait_until(lambda: is_gone(worker), "the worker's end")


@case
def a_shutdown_ends_kernel_and_worker_in_time_and_is_answered_on_both_channels():
    for running in (False, True):
        with Kernel() as kernel:
            client = kernel.client
            worker = kernel.worker_pid()
            cell = client.execute('print("x"); while (true) { }') if running else None
            if running:
                client.prints(cell)
            began = time.monotonic()
            request = client.send("control", "shutdown_request", {"restart": True})
            reply = client.reply(request, "control")
            check(reply["content"], {"status": "ok", "restart": True})
            published = client.published(request)
            copies = [m for m in published if m["type"] == "shutdown_reply"]
            check(len(copies), 1, "copies on iopub")
            assert copies[0]["header"]["msg_id"] != reply["header"]["msg_id"], "both replies have one id"
            if running:
                check(client.reply(cell)["content"]["status"], "aborted")
            check(kernel.process.wait(TIMEOUT), 0, "exit status")
            assert time.monotonic() - began < SOON, f"the end took {time.monotonic() - began:.2f} s"
            wait_until(lambda: is_gone(worker), "the worker's end")


@case
def the_kernel_ends_when_its_launcher_dies():
    path = write_connection(STATE.name, connection_info())
    script = ("import os, subprocess, sys\n"
              f"p = subprocess.Popen([{cli.TENON!r}, 'kernel', '-f', {str(path)!r}], env=dict(os.environ, JPY_PARENT_PID=str(os.getpid())),"
              " start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\nprint(p.pid, flush=True)\nsys.stdin.readline()\n")
    launcher = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment())
    pid = int(launcher.stdout.readline())
    client = Client(json.loads(path.read_text()))
    client.ready()
    client.close()
    launcher.kill()
    launcher.wait()
    launcher.stdin.close()
    launcher.stdout.close()
    wait_until(lambda: is_gone(pid), "the kernel's end")


@case
def a_closed_terminal_does_not_kill_the_kernel():
    with Kernel(ready=False) as kernel:
        kernel.process.stdout.close()
        kernel.process.stderr.close()
        client = kernel.connect()
        client.sockets["shell"].send(b"garbage")
        client.ready()
        kernel.process.stdout = open(os.devnull, "rb")
        kernel.process.stderr = open(os.devnull, "rb")


@case
def twenty_restarts_leak_neither_processes_nor_descriptors():
    with Kernel() as kernel:
        client = kernel.client
        before = kernel.fds()
        for _ in range(20):
            kill(kernel.worker_pid())
            reply, _ = client.run("1 + 1")
            if reply["status"] == "error": # it was sent before the death was seen
                reply, _ = client.run("1 + 1")
            check(reply["status"], "ok")
        # Its client may have connected late.
        wait_until(lambda: kernel.fds() <= before + 5, lambda: f"so few open descriptors as before, {before}; there are {kernel.fds()}")
        kernel.worker_pid()


run_cases() # noqa: F405
