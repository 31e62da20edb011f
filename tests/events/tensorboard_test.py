#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs from outside: what programs log is read by TensorBoard's own two readers, the one in Python and its data server, and
run.json says how each run ended.

usage: tensorboard_test.py TENON
"""
import json
import os
import pathlib
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import cli  # noqa: E402
import png  # noqa: E402
from cli import case, check  # noqa: E402

# The data server's client has threads; what it would do at a fork is in the way of starting programs.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"
try:
    from tensorboard import context
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.data import provider, server_ingester
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups
    from tensorboard.util import grpc_util
except ImportError as missing:
    print(f"1..0 # SKIP {missing}: ./script/setup installs TensorBoard")
    sys.exit(0)

CONTEXT = context.RequestContext()
ALL = 1000000
WAIT_S = 60
KILLS = int(os.environ.get("TENON_TEST_KILLS", "40"))


# ---- the two readers ----

def python_reader(logdir):
    multiplexer = plugin_event_multiplexer.EventMultiplexer(size_guidance={}, tensor_size_guidance={"images": 0, "scalars": 0})
    multiplexer.AddRunsFromDirectory(str(logdir))
    multiplexer.Reload()
    return data_provider.MultiplexerDataProvider(multiplexer, str(logdir))


def server_reader(logdir):
    try:
        binary = server_ingester.get_server_binary()
    except server_ingester.NoDataServerError as error:
        raise cli.Skip(f"TensorBoard's data server is not there: {error}") from None
    ingester = server_ingester.SubprocessServerDataIngester(
        binary, str(logdir), reload_interval=0, channel_creds_type=grpc_util.ChannelCredsType.LOCAL,
        samples_per_plugin={"scalars": 0})
    ingester.start()
    READERS.append(ingester)
    wait_until_read(ingester.data_provider, python_reader(logdir))
    return ingester.data_provider


def contents(provider):
    """The last step of each tag of each run, by plugin: what grows while a reader reads."""
    kinds = [(provider.list_scalars, "scalars"), (provider.list_blob_sequences, "images")]
    kinds += [(provider.list_tensors, plugin) for plugin in ("histograms", "text", "hparams")]
    return {(plugin, run, tag): series.max_step for ask, plugin in kinds
            for run, tags in ask(CONTEXT, experiment_id="", plugin_name=plugin).items() for tag, series in tags.items()}


def wait_until_read(provider, other):
    """The data server answers before it has read all. Where the two never agree, the case says in what they differ."""
    wanted, end = contents(other), time.monotonic() + WAIT_S
    while contents(provider) != wanted and time.monotonic() < end:
        time.sleep(0.05)


READERS = []  # a data server ends when the pipe to it does


def end_readers():
    while READERS:
        READERS.pop()._stdin_handle.close()


def wait_for(ask, what, seconds=WAIT_S):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"no {what} within {seconds} s")


class Reader:
    """One of the two, with answers as plain values."""

    def __init__(self, kind, logdir):
        self.provider = kind(logdir)

    def runs(self):
        return sorted(run.run_name for run in self.provider.list_runs(CONTEXT, experiment_id=""))

    def scalars(self, run):
        found = self.provider.read_scalars(CONTEXT, experiment_id="", plugin_name="scalars", downsample=ALL).get(run, {})
        return {tag: [(p.step, p.value) for p in points] for tag, points in found.items()}

    def tensors(self, run, plugin):
        found = self.provider.read_tensors(CONTEXT, experiment_id="", plugin_name=plugin, downsample=ALL).get(run, {})
        return {tag: [(p.step, p.numpy) for p in points] for tag, points in found.items()}

    def images(self, run):
        found = self.provider.read_blob_sequences(CONTEXT, experiment_id="", plugin_name="images", downsample=ALL).get(run, {})
        return {tag: [(p.step, [self.provider.read_blob(CONTEXT, blob_key=v.blob_key) for v in p.values]) for p in points]
                for tag, points in found.items()}

    def session_groups(self):
        backend = backend_context.Context(base_plugin.TBContext(data_provider=self.provider))
        metadata = backend.hparams_metadata(CONTEXT, "")
        known = backend.hparams_from_data_provider(CONTEXT, "", ALL)
        experiment = backend.experiment_from_metadata(CONTEXT, "", True, metadata, known)
        columns = [api_pb2.ColParams(hparam=info.name) for info in experiment.hparam_infos]
        columns += [api_pb2.ColParams(metric=info.name) for info in experiment.metric_infos]
        request = api_pb2.ListSessionGroupsRequest(
            start_index=0, slice_size=100, col_params=columns, aggregation_type=api_pb2.AGGREGATION_AVG, include_metrics=True,
            allowed_statuses=[api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE, api_pb2.STATUS_RUNNING])
        groups = list_session_groups.Handler(backend_context=backend, request_context=CONTEXT, experiment_id="",
                                             request=request).run().session_groups
        return experiment, groups


def both(logdir):
    return [Reader(python_reader, logdir), Reader(server_reader, logdir)]


# ---- programs ----

def run_program(folder, text, code=0, **more):
    path = pathlib.Path(folder) / "program.tn"
    path.write_text(text)
    result = cli.tenon("run", path, cwd=folder, **more)
    check(result.returncode, code, f"exit status; stderr: {result.stderr}")
    return result


def only_run(folder, name=""):
    found = sorted(p for p in (pathlib.Path(folder) / "runs").iterdir() if p.name.endswith(name))
    check(len(found), 1, "runs")
    return found[0]


def manifest(run):
    return json.loads((run / "run.json").read_text())


def records(run):
    """(whole records, bytes that are none) of the run's only event file."""
    (path,) = run.glob("events.out.tfevents.*")
    data, at, count = path.read_bytes(), 0, 0
    while at + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        if at + 16 + length > len(data):
            break
        at += 16 + length
        count += 1
    return count, len(data) - at


def near(found, wanted, what, tolerance=1e-6):
    assert abs(found - wanted) <= tolerance * max(1.0, abs(wanted)), f"{what}: found {found}, wanted {wanted}"


# ---- cases ----

@case
def scalars_have_the_steps_and_values_that_were_logged():
    with cli.folder() as folder:
        run_program(folder, """
            auto r = run("curves");
            for (int i = 0; i < 3000; i++) { r.log("number", i * 0.5); }
            for (int i = 0; i < 5; i++) { r.log({ "map/a": i, "map/b": sum(ones(2)) * i }, step: 100 * i); }
            r.log("jump", 1.0, step: 7);
            r.log("jump", true);
            r.log("odd", nan);
            r.log("odd", 1e300);
        """)
        name = only_run(folder).name
        for reader in both(pathlib.Path(folder) / "runs"):
            check(reader.runs(), [name], "runs")
            found = reader.scalars(name)
            check(sorted(found), ["jump", "map/a", "map/b", "number", "odd"], "tags")
            check(found["number"], [(i, i * 0.5) for i in range(3000)], "numbers")
            check(found["map/a"], [(100 * i, float(i)) for i in range(5)], "a map's int")
            check(found["map/b"], [(100 * i, 2.0 * i) for i in range(5)], "a map's tensor")
            check(found["jump"], [(7, 1.0), (8, 1.0)], "the step behind a given one")
            check([p[0] for p in found["odd"]], [0, 1], "values that are not finite")
            assert found["odd"][0][1] != found["odd"][0][1] and found["odd"][1][1] == float("inf")


@case
def losses_are_logged_without_waiting_and_arrive_as_they_are():
    program = """
        auto w = ones(8);
        auto r = run("train");
        float[] seen;
        tensor[] losses;
        for (int i = 0; i < 50; i++) {
            auto (loss, g) = grad (w) { mean((w - 3) ** 2) };
            w = w - 0.1 * g;
            r.log("loss", loss);
            losses.append(loss);
        }
        for (auto l : losses) { print(l); }
    """
    for eager in ("0", "1"):
        with cli.folder() as folder:
            printed = run_program(folder, program, env=cli.environment(TENON_EAGER=eager)).stdout.split()
            found = Reader(python_reader, pathlib.Path(folder) / "runs").scalars(only_run(folder).name)["loss"]
            check(len(found), 50, "points")
            for (step, value), i, wanted in zip(found, range(50), printed):
                check(step, i, "step")
                near(value, float(wanted), f"loss {i}")


@case
def histograms_count_every_finite_element():
    with cli.folder() as folder:
        run_program(folder, """
            auto r = run("spread");
            auto x = cat([linspace(-1, 2, 3000), f32([nan, inf])]);
            r.histogram("x", x);
            r.histogram("x", i64([1, 2, 3, 3]));
            r.histogram("equal", full([7], 0.3));
            r.histogram("none", zeros(0));
            r.histogram("pending", arange(60).T * 2.0, step: 5);
        """)
        name = only_run(folder).name
        for reader in both(pathlib.Path(folder) / "runs"):
            found = reader.tensors(name, "histograms")
            check(sorted(found), ["equal", "none", "pending", "x"], "tags")
            (step, rows), (_, ints) = found["x"]
            check((step, rows.shape), (0, (30, 3)), "step and shape")
            near(rows[0][0], -1, "least edge")
            near(rows[-1][1], 2, "largest edge")
            check(rows[:, 2].tolist(), [100.0] * 30, "counts of what is spread evenly")
            assert all(abs(rows[i][1] - rows[i + 1][0]) < 1e-9 for i in range(29)), "buckets do not join"
            check(ints[:, 2].sum(), 4.0, "integers")
            check([found["equal"][0][1][-1][2], found["equal"][0][1][0][2]], [7.0, 0.0], "counts of equal elements")
            near(found["equal"][0][1][0][0], 0.3, "edge of equal elements", 1e-7)
            check(found["none"][0][1].sum(), 0.0, "histogram of nothing")
            check((found["pending"][0][0], found["pending"][0][1][:, 2].sum()), (5, 60.0), "a tensor that was pending")


def picture(reader, run, tag, at=0):
    width, height, *pictures = reader.images(run)[tag][at][1]
    check(len(pictures), 1, "pictures of a step")
    w, h, channels, rows = png.decode(pictures[0])
    check((int(width), int(height)), (w, h), "size beside the picture")
    return w, h, channels, rows


@case
def images_have_the_pixels_of_the_tensor():
    with cli.folder() as folder:
        run_program(folder, """
            auto r = run("pictures");
            r.image("grey", f32([[0, 0.5, 1], [2, -1, nan]]));
            r.image("rgb", u8([[[1, 2], [3, 4]], [[5, 6], [7, 8]], [[9, 10], [11, 12]]]));
            r.image("last", u8([[[1, 2, 3], [4, 5, 6]]]).permute(0, 1, 2), step: 3);
            r.image("batch", ones(5, 1, 3, 4));
            r.image("many", zeros(6, 5, 7), step: 9);
        """)
        name = only_run(folder).name
        for reader in both(pathlib.Path(folder) / "runs"):
            check(picture(reader, name, "grey"), (3, 2, 1, [bytes([0, 128, 255]), bytes([255, 0, 0])]), "floats")
            check(picture(reader, name, "rgb"), (2, 2, 3, [bytes([1, 5, 9, 2, 6, 10]), bytes([3, 7, 11, 4, 8, 12])]), "[3, H, W]")
            w, h, channels, rows = picture(reader, name, "batch")
            check((w, h, channels), (3 * 6 + 2, 2 * 5 + 2, 1), "a grid of 3 by 2")
            check(sum(map(sum, rows)), 5 * 12 * 255, "white pixels of the grid")
            check(reader.images(name)["many"][0][0], 9, "step of a batch of grey pictures")
            check(picture(reader, name, "many")[:3], (3 * 9 + 2, 2 * 7 + 2, 1), "grid of 6")


@case
def texts_arrive_whole():
    with cli.folder() as folder:
        run_program(folder, 'auto r = run("notes"); r.text("why", "a **bold** \\u00e9 step"); r.text("why", "two");')
        name = only_run(folder).name
        for reader in both(pathlib.Path(folder) / "runs"):
            found = [(step, str(value.item(), "utf-8")) for step, value in reader.tensors(name, "text")["why"]]
            check(found, [(0, "a **bold** é step"), (1, "two")], "texts")


@case
def hyperparameters_make_a_table_with_the_last_metrics():
    with cli.folder() as folder:
        run_program(folder, """
            for (auto lr : [0.1, 0.01]) {
                auto r = run(f"lr-{lr}", hparams: { "lr": lr, "layers": 2, "bias": true });
                r.hparams({ "optimizer": "adam" });
                for (int i = 0; i < 3; i++) { r.log("loss", lr * (3 - i)); }
                r.close();
            }
        """)
        for reader in both(pathlib.Path(folder) / "runs"):
            experiment, groups = reader.session_groups()
            check(sorted(info.name for info in experiment.hparam_infos), ["bias", "layers", "lr", "optimizer"], "columns")
            check([info.name.tag for info in experiment.metric_infos], ["loss"], "metrics")
            rows = sorted((g.hparams["lr"].number_value, g.hparams["layers"].number_value, g.hparams["bias"].bool_value,
                           g.hparams["optimizer"].string_value, round(g.metric_values[0].value, 6)) for g in groups)
            check(rows, [(0.01, 2.0, True, "adam", 0.01), (0.1, 2.0, True, "adam", 0.1)], "rows")
            check({s.status for g in groups for s in g.sessions}, {api_pb2.STATUS_SUCCESS}, "status")


@case
def run_json_says_what_ran_and_how_it_ended():
    with cli.folder() as folder:
        program = """seed (7) {
            rand(1);
            auto r = run("a b/c", hparams: { "n": 3, "x": 0.5, "on": false, "t": sum(ones(2)), "s": "t\\n\\"q\\"", "bad": nan });
            r.log("x", 1);
        }
"""
        run_program(folder, program)
        run = only_run(folder)
        check(run.name.endswith("-a-b-c"), True, "folder name")
        found = manifest(run)
        check((found["name"], found["id"], found["status"]), ("a b/c", run.name, "finished"), "name, id, status")
        check(found["hparams"], {"n": 3, "x": 0.5, "on": False, "t": 2.0, "s": 't\n"q"', "bad": "nan"}, "hparams")
        check([(pathlib.Path(cell["name"]).name, cell["source"]) for cell in found["cells"]], [("program.tn", program)], "cells")
        check((found["seed"], found["working_folder"]), (7, os.path.realpath(folder)), "seed and folder")
        assert found["start"] < found["end"] and found["pid"] > 0 and found["version"]
        check(sorted(p.name for p in run.iterdir() if "tfevents" not in p.name), ["run.json"], "files")


@case
def a_file_that_a_cell_runs_is_among_the_sources():
    with cli.folder() as folder:
        inner = 'auto r = run("inner");'
        (pathlib.Path(folder) / "inner.tn").write_text(inner)
        run_program(folder, "%run inner.tn\nr.log(\"x\", 1);")
        check([cell["source"] for cell in manifest(only_run(folder))["cells"]], ["%run inner.tn\nr.log(\"x\", 1);", inner], "sources")


@case
def a_run_whose_program_fails_says_so_and_keeps_what_was_logged():
    with cli.folder() as folder:
        run_program(folder, 'auto r = run("sad"); r.log("x", 1); error("on purpose");', code=1)
        run = only_run(folder)
        check(manifest(run)["status"], "failed", "status")
        check(Reader(python_reader, run.parent).scalars(run.name), {"x": [(0, 1.0)]}, "what was logged")


@case
def an_interrupted_run_says_so():
    with cli.folder() as folder:
        path = pathlib.Path(folder) / "long.tn"
        path.write_text('auto r = run("long"); r.log("x", 1); print("go"); while (true) { r.log("x", 2); }')
        process = cli.start("run", path, cwd=folder)
        cli.interrupt_after(process, "go", 0.3)
        check(process.returncode, 130, "exit status")
        check(manifest(only_run(folder))["status"], "interrupted", "status")
        check(records(only_run(folder))[1], 0, "bytes of a torn record")


@case
def a_reader_sees_values_while_the_cell_runs():
    with cli.folder() as folder:
        path = pathlib.Path(folder) / "slow.tn"
        path.write_text('auto r = run("live");\nfor (int i = 0; i < 10; i++) { r.log("x", i); }\nprint("logged");\n!sleep 120\n')
        process = cli.start("run", path, cwd=folder)
        cli.first_line(process, "logged")
        run = only_run(folder)
        wait_for(lambda: records(run)[0] >= 12, "ten points")
        check(manifest(run)["status"], "running", "status")
        check(len(Reader(python_reader, run.parent).scalars(run.name)["x"]), 10, "points")
        process.send_signal(signal.SIGINT)
        process.wait(timeout=cli.PATIENCE_S)


@case
def runs_end_when_nothing_names_them_and_have_folders_of_their_own():
    with cli.folder() as folder:
        result = run_program(folder, """
            for (int i = 0; i < 30; i++) { auto r = run("same"); r.log("x", i); }
            auto kept = run("same", logdir: "other/place/");
            kept.close(); kept.close();
            print(kept);
            print(kept.path());
        """)
        (other,) = (pathlib.Path(folder) / "other/place").iterdir()
        check(result.stdout, f"Run same: other/place/{other.name}, finished\n{os.path.realpath(other)}\n", "how it is shown")
        runs = list((pathlib.Path(folder) / "runs").iterdir())
        check(len(runs), 30, "folders")
        check({manifest(run)["status"] for run in runs}, {"finished"}, "statuses")


@case
def tenon_runs_names_the_place_of_runs():
    with cli.folder() as folder:
        run_program(folder, 'auto r = run("x");', env=cli.environment(TENON_RUNS=os.path.join(folder, "elsewhere")))
        check([p.name for p in pathlib.Path(folder).iterdir() if p.is_dir()], ["elsewhere"], "folders")


def count_warnings(result, text):
    return result.stderr.count(text)


@case
def a_removed_folder_is_one_warning_and_the_program_goes_on():
    with cli.folder() as folder:
        result = run_program(folder, """auto r = run("gone"); r.log("x", 1);
!rm -r runs
for (int i = 0; i < 1000; i++) { r.log("x", i); }
print("done");
""")
        check(result.stdout, "done\n", "output")
        check(count_warnings(result, "was removed"), 1, f"warnings in {result.stderr!r}")


@case
def a_process_that_is_killed_leaves_whole_records():
    """Linux looks for SIGKILL between two pages of a write: the more is written, the likelier it comes there."""
    torn = []
    with cli.folder() as folder:
        path = pathlib.Path(folder) / "kill.tn"
        path.write_text('auto r = run("kill"); print("on"); for (int i = 0; i < 2000000000; i++) { r.log("a/long/name/of/a/curve", i); }')
        for attempt in range(KILLS):
            where = pathlib.Path(folder) / str(attempt)
            where.mkdir()
            process = cli.start("run", path, cwd=where)
            cli.first_line(process, "on")
            time.sleep(0.02 + 0.003 * (attempt % 20))
            process.kill()
            process.wait()
            count, rest = records(only_run(where))
            if rest != 0:
                torn.append((attempt, count, rest))
            shutil.rmtree(where)
        cli.end_started()
    check(torn, [], f"torn files of {KILLS}: attempt, whole records, bytes behind them")


@case
def a_program_that_is_asked_to_end_says_so_in_its_run():
    for number in (signal.SIGTERM, signal.SIGHUP):
        with cli.folder() as folder:
            path = pathlib.Path(folder) / "end.tn"
            path.write_text('auto r = run("end"); for (int i = 0; i < 1000; i++) { r.log("x", i); } print("on"); while (true) { }')
            process = cli.start("run", path, cwd=folder)
            cli.first_line(process, "on")
            process.send_signal(number)
            check(process.wait(cli.PATIENCE_S), -number, "how it ended")
            run = only_run(folder)
            manifest = json.loads((run / "run.json").read_text())
            check((manifest["status"], manifest["end"] is not None), ("interrupted", True), "run.json")
            count, rest = records(run)
            check((count >= 1003, rest), (True, 0), f"{count} records, and what is behind them")


@case
def steps_that_go_back_and_values_beyond_a_picture_are_warnings():
    with cli.folder() as folder:
        result = run_program(folder, """auto r = run("warns");
for (int i = 0; i < 5; i++) { r.log("up", i, step: i); r.log("same", i, step: 3); r.log("next", i); }
r.image("good", rand(3, 8, 8)); r.image("u8", u8(full([8, 8], 200)));
print("quiet");
r.log("back", 1.0, step: 7); r.log("back", 1.0, step: 2); r.log("back", 1.0, step: 1);
r.image("dark", rand(3, 8, 8) - 0.5); r.image("dark", rand(3, 8, 8) - 0.5);
r.image("late", sum(ones(2, 8, 8), 0) * 1.0);
""")
        check(result.stdout, "quiet\n", "output")
        check(count_warnings(result, "the steps of 'back' go back, from 7 to 2"), 1, f"warnings in {result.stderr!r}")
        check(count_warnings(result, "the picture 'dark' has values beyond 0 to 1"), 1, f"warnings in {result.stderr!r}")
        check(count_warnings(result, "the picture 'late' has values beyond 0 to 1"), 1, f"warnings in {result.stderr!r}")
        check(result.stderr.count("warning"), 3, f"all warnings: {result.stderr!r}")


@case
def folders_of_runs_keep_letters_of_any_script():
    names = {"größe": "größe", "学習 1": "学習-1", "обучение/2": "обучение-2", "a\u200bb\u00a0c": "a-b-c", "é" * 80: "é" * 50, "x..": "x.."}
    for name, wanted in names.items():
        with cli.folder() as folder:
            result = run_program(folder, f'auto r = run("{name}"); r.log("x", 1); r.close();')
            check((result.returncode, result.stderr), (0, ""), "exit status and errors")
            found = next((pathlib.Path(folder) / "runs").iterdir()).name
            check(found[len("2026-01-01-000000-"):], wanted, "the folder's name")


@case
def a_full_disk_is_one_warning_and_leaves_whole_records():
    def limit():
        cli.reset_signals()
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    with cli.folder() as folder:
        path = pathlib.Path(folder) / "full.tn"
        path.write_text('auto r = run("full"); for (int i = 0; i < 2000; i++) { r.log("x", i); } print("done");')
        result = subprocess.run([cli.TENON, "run", path], cwd=folder, env=cli.environment(), capture_output=True, text=True,
                                timeout=cli.PATIENCE_S, preexec_fn=limit)
        cli.check_result(result, 0, "done\n")
        check(count_warnings(result, "events cannot be written"), 1, f"warnings in {result.stderr!r}")
        check(count_warnings(result, "its last events are lost"), 1, f"warnings in {result.stderr!r}")
        count, rest = records(only_run(folder))
        check(rest, 0, "bytes of a torn record")
        check(count >= 2, True, "records from before")


@case
def mistakes_are_told_in_words():
    for text, wanted in (
            ('auto r = run("x"); r.close(); r.log("a", 1);', "run 'x' is closed"),
            ('auto r = run("x"); r.log("a", ones(3));', "log: 'a' must be one number, found f32[3]"),
            ('auto r = run("x"); r.log("a", "b");', "log: the value must be a number or a tensor of one element, found string"),
            ('auto r = run("x"); r.log("a");', "log: the value is missing"),
            ('auto r = run("x"); r.log({ "a": 1, "b": "c" });', "log: 'b' must be a number or a tensor of one element"),
            ('auto r = run("x"); r.log("", 1);', "the name of a value is empty"),
            ('auto r = run("x"); r.image("p", ones(5));', "image: expected floats from 0 to 1"),
            ('auto r = run("x"); r.image("p", ones(2, 2) > 0); r.image("p", i64([[1]]));', "found i64[1, 1]"),
            ('auto r = run("");', "run: the name is empty"),
            ('auto r = run("x", logdir: "/proc/nowhere");', "cannot make the folder '/proc/nowhere'"),
    ):
        with cli.folder() as folder:
            result = run_program(folder, text, code=1)
            assert wanted in result.stderr, f"wanted {wanted!r} in {result.stderr!r}"


@case
def a_run_is_a_type_of_fields_and_parameters():
    with cli.folder() as folder:
        result = run_program(folder, """
            struct Trainer { Run log; int steps; };
            void note(Run r, string name) { r.log(name, 1); }
            Run r = run("typed");
            auto t = Trainer{ .log = r, .steps = 2 };
            t.log.log("field", 2);
            note(t.log, "parameter");
            map m = { "run": r };
            m["run"].log("any", 3);
            print(r);
        """)
        run = only_run(folder)
        check(result.stdout, f"Run typed: runs/{run.name}\n", "how a run is shown")
        check(sorted(Reader(python_reader, run.parent).scalars(run.name)), ["any", "field", "parameter"], "tags")


@case
def the_example_of_the_page_does_what_it_says():
    page = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "runs.md").read_text()
    with cli.folder() as folder:
        run_program(folder, page.split("```c\n")[1].split("```")[0], timeout=600)
        run = only_run(folder, "-mlp")
        reader = Reader(python_reader, run.parent)
        found = reader.scalars(run.name)
        check(sorted(found), ["accuracy/test", "loss/train"], "curves")
        check(found["accuracy/test"][0][1] > 0.7, True, f"accuracy {found['accuracy/test']} is one of a trained net")
        check(list(reader.images(run.name)) + list(reader.tensors(run.name, "histograms")), ["inputs", "first layer"], "pictures")


if __name__ == "__main__":
    try:
        cli.run_cases()
    finally:
        end_readers()
