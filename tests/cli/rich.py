# SPDX-License-Identifier: Apache-2.0
"""What cells show in a front that takes every form: text, HTML, images, plots. Runs them in a worker."""
import pathlib
import sys

import cli

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "protocol"))
import client


class Show:
    """One thing shown: its forms by MIME type, metadata, id."""

    def __init__(self, event):
        self.data = {mime: event["buffers"][form["buffer"]] if isinstance(form, dict) and set(form) == {"buffer"} else form
                     for mime, form in event["data"].items()}
        self.metadata = event.get("metadata", {})
        self.id = event.get("display_id")
        self.update = event.get("update", False)
        self.result = event["type"] == "result"


class Cell:
    """What a cell did: `shows` in order, printed text, and how it ended."""

    def __init__(self, events, done):
        self.shows = [Show(event) for event in events if event["type"] in ("display", "result")]
        self.text = client.text_of(events)
        self.status, self.error = done["status"], done.get("text")


class Worker:
    """with Worker() as w: w.run(code) gives a Cell."""

    def __enter__(self):
        self.state = cli.folder()
        self.worker = client.Worker(cli.TENON, env=cli.environment(XDG_STATE_HOME=self.state.name))
        return self

    def __exit__(self, kind, *unused):
        try:
            status, words = self.worker.close(timeout=cli.PATIENCE_S)
            if kind is None:
                cli.check((status, words), (0, ""), "the worker's end and last words")
        finally:
            self.worker.process.kill() # does nothing where it has ended
            self.worker.process.wait()
            self.state.cleanup()

    def run(self, code):
        return Cell(*self.worker.execute(code, timeout=cli.PATIENCE_S))


def shown(code):
    """The only thing that a cell shows, in a worker of its own."""
    with Worker() as worker:
        cell = worker.run(code)
    cli.check(cell.status, "ok", f"the status of {code!r} ({cell.error})")
    cli.check(len(cell.shows), 1, f"things shown by {code!r}")
    return cell.shows[0]
