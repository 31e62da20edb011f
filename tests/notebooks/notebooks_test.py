#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The notebooks that a user opens first, run by nbclient through the real kernel: what they show is looked at, and what they log is read by
TensorBoard's own reader.

usage: notebooks_test.py TENON NOTEBOOKS NAME
"""
import base64
import json
import pathlib
import re
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))
import place  # noqa: E402

TENON, NOTEBOOKS, NAME = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), sys.argv[3]
FOLDER = place.make(TENON)

import nbclient  # noqa: E402  (reads the environment)
import nbformat  # noqa: E402

VEGALITE = "application/vnd.vegalite.v5+json"


def png_size(data):
    raw = base64.b64decode(data)
    assert raw[:8] == b"\x89PNG\r\n\x1a\n", raw[:8]
    return struct.unpack(">II", raw[16:24])


class Notebook(unittest.TestCase):
    """One run of the notebook, looked at by several tests."""
    name = ""

    @classmethod
    def setUpClass(cls):
        cls.notebook = nbformat.read(NOTEBOOKS / f"{cls.name}.ipynb", as_version=4)
        nbformat.validate(cls.notebook)
        cls.updates = []
        client = nbclient.NotebookClient(cls.notebook, timeout=1200, startup_timeout=300, iopub_timeout=120, kernel_name="tenon",
                                         resources={"metadata": {"path": str(FOLDER)}})
        original = client.process_message

        def keep(message, cell, index):
            if message["msg_type"] == "update_display_data":
                cls.updates.append(message["content"])
            return original(message, cell, index)

        client.process_message = keep
        client.execute()

    def outputs(self, kind=None):
        return [o for cell in self.notebook.cells if cell.cell_type == "code" for o in cell.outputs if kind in (None, o.output_type)]

    def shown(self, mime):
        return [o.data[mime] for o in self.outputs() if mime in o.get("data", {})]

    def text(self):
        return "".join(o.text for o in self.outputs("stream") if o.name == "stdout")

    def accuracy(self):
        found = re.findall(r"^test accuracy ([0-9.]+)%", self.text(), re.MULTILINE)
        self.assertEqual(len(found), 1, self.text())
        return float(found[0])

    def events(self):
        """Tags and values of the one run of this notebook, as TensorBoard reads them."""
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        runs = [folder for folder in (FOLDER / "runs").iterdir() if folder.name.endswith("-" + self.name)]
        self.assertEqual(len(runs), 1, runs)
        reader = EventAccumulator(str(runs[0]), size_guidance={"scalars": 0})
        reader.Reload()
        return runs[0], reader

    def test_committed_without_outputs(self):
        committed = nbformat.read(NOTEBOOKS / f"{self.name}.ipynb", as_version=4)
        self.assertEqual([c for c in committed.cells if c.get("outputs") or c.get("execution_count")], [])

    def test_opens_without_a_change_to_save(self):
        """What JupyterLab would write into the file as soon as the kernel has answered is there already (nbclient writes the same)."""
        committed = nbformat.read(NOTEBOOKS / f"{self.name}.ipynb", as_version=4)
        self.assertEqual(committed.metadata.language_info, self.notebook.metadata.language_info)

    def test_everything_shown_has_a_text_form(self):
        for output in self.outputs():
            if "data" in output:
                self.assertIn("text/plain", output.data)


class Training:
    """What the two notebooks that train have in common; `epochs` and `least` (percent)."""

    def test_reaches_its_accuracy(self):
        self.assertGreaterEqual(self.accuracy(), self.least)

    def test_progress_is_updated_in_place(self):
        by_id = {}
        for update in self.updates:
            by_id.setdefault(update["transient"]["display_id"], []).append(update["data"])
        self.assertEqual(len(by_id), self.epochs)
        bars = [html for html in self.shown("text/html") if "<progress" in html]
        self.assertEqual(len(bars), self.epochs)
        for html in bars:  # nbclient has put the last update in the first display's place
            self.assertIn("469/469", html)

    def test_tensorboard_reads_what_was_logged(self):
        _, reader = self.events()
        self.assertLessEqual({"loss/train", "accuracy/test"}, set(reader.Tags()["scalars"]))
        losses = reader.Scalars("loss/train")
        self.assertEqual([s.step for s in losses], list(range(self.epochs * 469)))
        self.assertLess(sum(s.value for s in losses[-50:]), 0.5 * sum(s.value for s in losses[:50]))
        accuracies = [100 * s.value for s in reader.Scalars("accuracy/test")]
        self.assertEqual(len(accuracies), self.epochs)
        self.assertAlmostEqual(accuracies[-1], self.accuracy(), delta=0.01)

    def test_run_json_says_how_it_ended(self):
        folder, _ = self.events()
        described = json.loads((folder / "run.json").read_text())
        self.assertEqual(described["name"], self.name)
        self.assertEqual(described["hparams"]["lr"], 4e-3)


class Quickstart(Training, Notebook):
    name, epochs, least = "quickstart", 5, 88.0

    def test_shows_the_images(self):
        sizes = [png_size(data) for data in self.shown("image/png")]
        self.assertGreaterEqual(len(sizes), 2)
        width, height = sizes[0]
        self.assertGreaterEqual(width, 8 * 28 * 3)
        self.assertGreaterEqual(height, 2 * 28 * 3)

    def test_plots_the_curve(self):
        plots = self.shown(VEGALITE)
        self.assertEqual(len(plots), 1)
        self.assertIn("vega-lite/v5", plots[0]["$schema"])
        points = json.dumps(plots[0])
        self.assertGreater(points.count('"y"') + points.count('"value"'), 50)


class Convnet(Training, Notebook):
    name, epochs, least = "convnet", 3, 90.0

    def test_tensorboard_has_image_and_histogram(self):
        _, reader = self.events()
        kinds = {tag: reader.SummaryMetadata(tag).plugin_data.plugin_name for tag in reader.Tags()["tensors"]}
        self.assertEqual(kinds.get("first filters"), "images")
        self.assertEqual(kinds.get("conv1/w"), "histograms")

    def test_shows_the_filters_side_by_side(self):
        self.assertEqual([png_size(data) for data in self.shown("image/png")], [(16 * (3 * 12 + 2) - 2, 2 * (3 * 12 + 2) - 2)])


class Language(Notebook):
    name = "language"

    def test_shows_one_error_on_purpose(self):
        errors = self.outputs("error")
        self.assertEqual([e.ename for e in errors], ["NameError"])
        self.assertIn("sofmax", errors[0].evalue)
        self.assertIn("softmax", "\n".join(errors[0].traceback))
        self.assertNotIn("this is not printed", self.text())

    def test_a_caught_error_goes_on(self):
        self.assertIn("ShapeError - matmul: inner dimensions differ", self.text())


if __name__ == "__main__":
    status = place.run_tap({"quickstart": Quickstart, "convnet": Convnet, "language": Language}[NAME])
    place.remove(FOLDER)
    sys.exit(status)
