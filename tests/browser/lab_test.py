#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The quickstart as a user sees it: JupyterLab in a headless Chromium runs the notebook, completes, explains, interrupts and shows an error;
then TensorBoard's page shows the run's curve. Screenshots go to the folder given, whatever happens.

usage: lab_test.py TENON NOTEBOOKS SCREENSHOTS
"""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))
import place  # noqa: E402

try:
    from playwright.sync_api import TimeoutError as PlaywrightTimeout
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None

TENON, NOTEBOOKS, SCREENSHOTS = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3])
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
TOKEN = "test"
BIN = pathlib.Path(sys.executable).parent
MINUTE = 60_000  # Playwright counts milliseconds
PATIENCE = 3 * MINUTE  # for anything that must come: the machine may be busy


def skip(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(77)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def settings(folder, plugin, **values):
    path = folder / "settings" / f"{plugin}.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))


class Server:
    """A web server of the test's own, on a port of its own, until the test ends."""

    def __init__(self, folder, name, command, port):
        self.url = f"http://127.0.0.1:{port}"
        self.log = (SCREENSHOTS / f"{name}.log").open("w+")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=folder)

    def wait(self, path):
        deadline = time.monotonic() + PATIENCE / 1000
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(self.url + path, timeout=60).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        self.log.seek(0)
        raise AssertionError(f"{self.url}{path} does not answer:\n{self.log.read()[-3000:]}")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def start_lab(folder):
    work = folder / "work"
    work.mkdir()
    for name in ("quickstart.ipynb", "language.ipynb"):
        shutil.copy(NOTEBOOKS / name, work)
    # Cells out of sight stay in the page, and no box asks for news.
    settings(folder, "@jupyterlab/notebook-extension/tracker", windowingMode="none")
    settings(folder, "@jupyterlab/apputils-extension/notification", fetchNews="false", checkForUpdates=False)
    os.environ["JUPYTERLAB_SETTINGS_DIR"] = str(folder / "settings")
    os.environ["PATH"] = f"{BIN}:{os.environ['PATH']}"  # as script/lab has it: %tensorboard looks there
    port = free_port()
    return Server(folder, "lab", [BIN / "jupyter-lab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1", "--ServerApp.port_retries=0", "--debug",
                                  f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={work}"], port)


class Notebook:
    """A notebook open in JupyterLab."""

    def __init__(self, page, lab, name):
        self.page = page
        page.goto(f"{lab.url}/lab/tree/{name}?token={TOKEN}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.wait_for_selector("text=Tenon | Idle")  # the status bar, once the kernel has answered
        page.keyboard.press("Control+b")  # the file browser goes, the notebook has the width

    def cell(self, number):
        """The code cell of that number, from 0; -1 is the last."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)

    def menu(self, title, item):
        self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{title}$")).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{item}$")).click()

    def wait_idle(self, timeout=5 * MINUTE):
        """Until no cell waits or runs."""
        self.page.wait_for_function(
            "[...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')].every(p => !p.innerText.includes('*'))", timeout=timeout)

    def leave_cell(self):
        """To the command mode; what hangs over the cell, a list or a tooltip, takes an Escape for itself."""
        for _ in range(20):
            self.page.keyboard.press("Escape")
            try:
                self.page.wait_for_selector(".jp-Notebook.jp-mod-commandMode", timeout=3000)
                return
            except PlaywrightTimeout:
                pass
        raise AssertionError("the notebook stays in its cell")

    def append(self, code, run=True):
        """A new cell at the end with that code; returns it."""
        count = self.page.locator(".jp-Notebook .jp-CodeCell").count()
        self.cell(-1).locator(".cm-content").click()
        self.leave_cell()
        self.page.keyboard.press("b")
        cell = self.cell(count)
        cell.wait_for()
        self.page.keyboard.press("Enter")
        cell.locator(".cm-content:focus").wait_for()
        self.page.keyboard.insert_text(code)
        cell.locator(".cm-content").filter(has_text=code.split("\n")[-1].strip()).wait_for()
        if run:
            self.page.keyboard.press("Control+Enter")
        return cell


def output(cell):
    return cell.locator(".jp-OutputArea-output")


def shown(cell, words):
    """Waits until a part of the cell's output has those words, a text or a pattern; returns all of it."""
    try:
        output(cell).filter(has_text=words).first.wait_for()
    except PlaywrightTimeout:
        raise AssertionError(f"{words!r} is not in the output: {output(cell).all_inner_texts()}") from None
    return "\n".join(output(cell).all_inner_texts())


# ---- the cases, in order: they share one page ----

def runs_the_whole_notebook(book, shots):
    book.menu("Run", "Run All Cells")
    book.page.wait_for_selector("progress")
    book.page.screenshot(path=shots / "lab-training.png")
    book.wait_idle()
    text = shown(book.cell(-1), "test accuracy")
    accuracy = float(re.search(r"test accuracy ([0-9.]+)%", text).group(1))
    assert accuracy >= 88, text


def shows_images_as_pictures(book, shots):
    picture = book.page.locator(".jp-OutputArea-output img").first
    picture.scroll_into_view_if_needed()
    book.page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    box = picture.bounding_box()
    assert box["width"] >= 500 and box["height"] >= 120, box
    book.page.screenshot(path=shots / "lab-images.png")


def shows_the_net_as_a_table(book, shots):
    table = book.page.locator(".jp-OutputArea-output table", has_text="l1.w").first
    table.scroll_into_view_if_needed()
    text = table.inner_text()
    assert "[256, 784]" in text and "200,704" in text.replace("200704", "200,704"), text
    book.page.screenshot(path=shots / "lab-net.png")


def progress_bars_end_where_the_work_ended(book, shots):
    book.page.wait_for_function("(bars => bars.length == 5 && bars.every(bar => bar.value == bar.max))([...document.querySelectorAll('progress')])")
    book.page.get_by_text("469/469").nth(4).wait_for()


def draws_the_curve(book, shots):
    plot = book.page.locator(".jp-RenderedVegaCommon5 canvas, .jp-RenderedVegaCommon5 svg").first
    plot.wait_for()
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box["width"] > 200 and box["height"] > 100, box
    book.page.screenshot(path=shots / "lab-curve.png")


def completes_names(book, shots):
    book.append("cross_entr", run=False)
    book.page.keyboard.press("Tab")
    book.page.wait_for_function("[...document.querySelectorAll('.jp-CodeCell .cm-content')].at(-1).innerText.includes('cross_entropy')"
                                " || document.querySelector('.jp-Completer-item') !== null")
    book.page.screenshot(path=shots / "lab-completion.png")
    book.page.keyboard.press("Escape")


def completes_fields_first(book, shots):
    book.append("net.", run=False)
    book.page.keyboard.press("Tab")
    first = book.page.locator(".jp-Completer-item").first
    first.wait_for()
    assert "l1" in first.inner_text().split(), first.inner_text()
    book.page.screenshot(path=shots / "lab-fields.png")
    book.page.keyboard.press("Escape")


def colours_go_on_behind_an_f_string(book, shots):
    book.append('auto a = 1;\nprint(f"{a} rows of {a}");\nfor (int i : 0..1) { }', run=False)
    cell = book.cell(-1).element_handle()
    book.page.wait_for_function(
        "cell => (classes => classes.auto && classes.auto == classes.for)(Object.fromEntries([...cell.querySelectorAll('.cm-line span')]"
        ".filter(s => ['auto', 'for'].includes(s.textContent)).map(s => [s.textContent, s.className])))", arg=cell)
    book.page.screenshot(path=shots / "lab-colours.png")


def explains_names(book, shots):
    book.append("linear(", run=False)
    book.page.keyboard.press("Shift+Tab")
    tooltip = book.page.locator(".jp-Tooltip")
    tooltip.get_by_text("in_features").first.wait_for()
    book.page.screenshot(path=shots / "lab-tooltip.png")
    book.page.keyboard.press("Escape")


def stops_a_loop(book, shots):
    cell = book.append('int turns = 0; print("it turns");\nwhile (true) { turns++; }')
    shown(cell, "it turns")
    assert "*" in cell.locator(".jp-InputPrompt").first.inner_text()
    book.menu("Kernel", "Interrupt Kernel")
    shown(cell, "interrupted")
    book.wait_idle()
    shown(book.append("turns > 0"), "true")


def shows_an_error_with_its_place(book, shots):
    cell = book.append("auto x = ones(3);\nsofmax(x)")
    text = shown(cell, "did you mean softmax")
    output(cell).first.scroll_into_view_if_needed()
    assert "line 2" in text, text
    book.page.screenshot(path=shots / "lab-error.png")


def shows_tensorboard_below_its_cell(book, shots):
    cell = book.append("%tensorboard")
    frame = cell.frame_locator("iframe")
    frame.locator("text=loss/train").first.wait_for()
    cell.scroll_into_view_if_needed()
    book.page.wait_for_timeout(2000)  # the curves are drawn after their titles
    book.page.screenshot(path=shots / "lab-tensorboard.png")


def survives_the_worker(book, shots):
    shown(book.append("!kill -9 $PPID"), re.compile("SIGKILL|killed"))
    book.wait_idle()
    shown(book.append("1 + 1"), re.compile(r"^\s*2\s*$"))
    book.page.screenshot(path=shots / "lab-worker-death.png")


CASES = [runs_the_whole_notebook, shows_images_as_pictures, shows_the_net_as_a_table, progress_bars_end_where_the_work_ended, draws_the_curve,
         completes_names, completes_fields_first, colours_go_on_behind_an_f_string, explains_names, stops_a_loop, shows_an_error_with_its_place,
         shows_tensorboard_below_its_cell, survives_the_worker]


def tensorboard_shows_the_run(context, folder, shots):
    port = free_port()
    board = Server(folder, "tensorboard", [BIN / "tensorboard", "--logdir", folder / "runs", "--port", str(port), "--host", "127.0.0.1"], port)
    try:
        board.wait("/")
        page = context.new_page()
        page.goto(board.url + "/#timeseries")
        page.wait_for_selector("text=loss/train")
        page.wait_for_selector("text=accuracy/test")
        page.get_by_text(re.compile("-quickstart")).first.wait_for()
        page.wait_for_timeout(3000)  # the curves are drawn after their titles
        page.screenshot(path=shots / "tensorboard.png")
        page.goto(board.url + "/#hparams")
        page.wait_for_selector("text=hidden")
        page.screenshot(path=shots / "tensorboard-hparams.png")
    finally:
        board.stop()


def report(number, name, work, shot):
    try:
        work()
        print(f"ok {number} - {name.replace('_', ' ')}", flush=True)
        return True
    except Exception:  # whatever ends a case is its failure
        print(f"not ok {number} - {name.replace('_', ' ')}", flush=True)
        print("\n".join(f"# {line}" for line in traceback.format_exc().splitlines()), flush=True)
        shot()
        return False


def run_cases(context, lab, folder):
    page = context.new_page()
    book = Notebook(page, lab, "quickstart.ipynb")
    good = True
    for number, case in enumerate(CASES, 1):
        good &= report(number, case.__name__, lambda case=case: case(book, SCREENSHOTS),
                       lambda case=case: page.screenshot(path=SCREENSHOTS / f"failed-{case.__name__}.png"))
    number = len(CASES) + 1
    good &= report(number, tensorboard_shows_the_run.__name__, lambda: tensorboard_shows_the_run(context, folder, SCREENSHOTS),
                   lambda: context.pages[-1].screenshot(path=SCREENSHOTS / "failed-tensorboard.png"))
    print(f"1..{number}")
    return good


def main():
    if CHROMIUM is None:
        skip("there is no Chromium: apt-get install chromium")
    if sync_playwright is None:
        skip("playwright is not installed: run ./script/setup")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    folder = place.make(TENON)
    lab = start_lab(folder)
    try:
        lab.wait(f"/api?token={TOKEN}")
        with sync_playwright() as p:
            # In a container /dev/shm is small, or not there.
            browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
                                        timeout=PATIENCE)
            context = browser.new_context(viewport={"width": 1200, "height": 1000})
            context.set_default_timeout(PATIENCE)
            good = run_cases(context, lab, folder)
            browser.close()
    finally:
        lab.stop()
        place.remove(folder)
    sys.exit(0 if good else 1)


main()
