#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a notebook through its kernel, as JupyterLab would, and shows on the terminal what happens: each cell as it begins, its
text, and progress bars in place. At the end it says which accuracy was printed last and where event files were written.

usage: run_notebook.py NOTEBOOK [--save FILE]     FILE gets the notebook with its outputs"""

import argparse
import os
import pathlib
import re
import sys
import time

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.reader import NotJSONError

ACCURACY = re.compile(r"accuracy\D{0,12}?(\d+(?:\.\d+)?) ?%")
TEXT_LINES = 24  # of what a cell shows; the whole is in the saved notebook


class Screen:
    """What is written to the terminal. A progress line is redrawn in place; without a terminal only its last state is shown."""

    def __init__(self, out):
        self.out, self.live, self.status, self.open_line = out, out.isatty(), None, False

    def end_status(self):
        """The progress line stays as it is, and what follows stands below it."""
        if self.status is not None:
            self.out.write(f"\r\x1b[K    {self.status}\n" if self.live else f"    {self.status}\n")
            self.status = None

    def end_line(self):
        if self.open_line:
            self.out.write("\n")
        self.open_line = False

    def progress(self, line):
        self.end_line()
        self.status = line
        if self.live:
            width = os.get_terminal_size(self.out.fileno()).columns or 80
            self.out.write(f"\r\x1b[K    {line[:max(width - 5, 20)]}")
            self.out.flush()

    def text(self, text):
        """As print wrote it: lines may come in pieces."""
        self.end_status()
        for piece in text.splitlines(keepends=True):
            self.out.write(piece if self.open_line else "    " + piece)
            self.open_line = not piece.endswith("\n")
        self.out.flush()

    def block(self, text):
        """Something shown: whole lines, not too many."""
        self.end_line()
        lines = text.splitlines()
        shown = lines if len(lines) <= TEXT_LINES else lines[:TEXT_LINES - 1] + [f"… {len(lines) - TEXT_LINES + 1} more lines"]
        self.text("".join(line + "\n" for line in shown))

    def title(self, text):
        self.end_line()
        self.end_status()
        self.out.write(text + "\n")
        self.out.flush()


class Runner(NotebookClient):
    """nbclient, with each message that brings output shown as it comes."""

    def __init__(self, notebook, folder, screen):
        super().__init__(notebook, timeout=None, startup_timeout=60, iopub_timeout=60, resources={"metadata": {"path": folder}},
                         record_timing=False, on_cell_execute=self.announce)
        self.screen, self.bars = screen, set()
        self.numbers = {id(cell): n for n, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), 1)}

    def announce(self, cell, cell_index):
        first = next((line for line in cell.source.splitlines() if line.strip()), "")
        self.screen.title(f"[{self.numbers[id(cell)]}/{len(self.numbers)}] {first[:100]}")

    def process_message(self, msg, cell, cell_index):
        kind, content = msg["msg_type"], msg["content"]
        if kind == "stream":
            self.screen.text(content["text"])
        elif kind in ("display_data", "update_display_data", "execute_result"):
            self.show(kind, content)
        return super().process_message(msg, cell, cell_index)

    def show(self, kind, content):
        """A display that is updated is a progress bar; one that may be updated is held back until the next thing comes."""
        text = content["data"].get("text/plain", "")
        text = text if isinstance(text, str) else "".join(text)
        if (content.get("transient") or {}).get("display_id") and "\n" not in text.strip("\n"):
            self.screen.progress(text.strip("\n"))
        elif kind != "update_display_data":
            self.screen.block(text)


def texts_of(notebook):
    """All text of all outputs, in order."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            yield text if isinstance(text, str) else "".join(text)


def sum_up(notebook, folder, since):
    found = [match for text in texts_of(notebook) for match in ACCURACY.findall(text)]
    if found:
        print(f"test accuracy: {found[-1]} %")
    runs = sorted({path.parent for path in pathlib.Path(folder, "runs").rglob("*tfevents*") if path.stat().st_mtime >= since})
    for run in runs:
        print(f"event files:   {os.path.relpath(run)}")


def error_of(notebook, otherwise):
    """What the cell that failed shows in the notebook, without colours."""
    errors = [output for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "error"]
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(errors[-1].traceback) if errors else otherwise).strip()


def execute(notebook, path, save):
    """None, or the sentence for what went wrong."""
    screen, folder, began = Screen(sys.stdout), str(path.parent), time.time()
    runner, trouble = Runner(notebook, folder, screen), None
    try:
        runner.execute()
    except CellExecutionError as error:
        trouble = "A cell ended in an error:\n" + error_of(notebook, str(error))
    except CellTimeoutError as error:
        trouble = f"A cell took too long: {error}"
    except DeadKernelError:
        trouble = "The kernel ended without a word: run './build/tenon run -e 1' to see whether the program itself works."
    except NoSuchKernel as error:
        trouble = f"Jupyter knows no kernel '{error.name}': run ./script/quickstart, or 'build/tenon install --prefix .venv'."
    except RuntimeError as error:
        trouble = f"The kernel did not start ({error}): run 'build/tenon kernel --help' to see whether the program itself works."
    except KeyboardInterrupt:
        trouble = "Interrupted."
    screen.title("")
    if save is not None:
        save.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, save)
    if trouble is None:
        sum_up(notebook, folder, began)
        print(f"time:          {time.time() - began:.0f} s")
        if save is not None:
            print(f"with outputs:  {os.path.relpath(save)}")
    return trouble


def main():
    parser = argparse.ArgumentParser(description="runs a notebook through its kernel")
    parser.add_argument("notebook", type=pathlib.Path)
    parser.add_argument("--save", type=pathlib.Path, metavar="FILE", help="gets the notebook with its outputs")
    wanted = parser.parse_args()
    try:
        trouble = execute(nbformat.read(wanted.notebook, as_version=4), wanted.notebook, wanted.save)
    except OSError as error:
        trouble = f"'{error.filename}' cannot be used: {error.strerror}."
    except (NotJSONError, nbformat.ValidationError) as error:
        trouble = f"'{wanted.notebook}' is no notebook: {str(error).splitlines()[0][:200]}"
    if trouble is not None:
        print(f"run_notebook: {trouble}", file=sys.stderr)
    return 0 if trouble is None else 1


if __name__ == "__main__":
    sys.exit(main())
