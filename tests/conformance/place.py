# SPDX-License-Identifier: Apache-2.0
"""A place of its own for a Jupyter client: a kernelspec `tenon` for the program under test, and folders for state and runs, all in
one temporary folder. Import it before jupyter_client reads the environment."""
import json
import os
import pathlib
import shutil
import sys
import tempfile
import unittest


def make(tenon, argv=None):
    """Makes the place and points the environment at it; returns the folder. The caller removes it by `remove`."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tenon-jupyter-"))
    spec = folder / "data" / "kernels" / "tenon"
    spec.mkdir(parents=True)
    command = argv or [os.path.abspath(tenon), "kernel", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({
        "argv": command, "display_name": "Tenon", "language": "tenon", "interrupt_mode": "message",
        "metadata": {"supported_encryption": ["curve"]}, "kernel_protocol_version": "5.5.0"}))
    os.environ.update(JUPYTER_PATH=str(folder / "data"), JUPYTER_CONFIG_DIR=str(folder / "config"), JUPYTER_DATA_DIR=str(folder / "user"),
                      JUPYTER_RUNTIME_DIR=str(folder / "runtime"), XDG_STATE_HOME=str(folder / "state"), IPYTHONDIR=str(folder / "ipython"),
                      TENON_RUNS=str(folder / "runs"), OMP_WAIT_POLICY="passive")
    return folder


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)


class TapResult(unittest.TestResult):
    """Prints each test as a TAP line when it ends; its reasons stand behind '# '."""

    def __init__(self):
        super().__init__()
        self.number = 0
        self.broken = False
        self.failed_subtests = []

    def say(self, verdict, test, text="", directive=""):
        self.number += 1
        name = test.id().split(".")[-1].removeprefix("test_").replace("_", " ")
        print(f"{verdict} {self.number} - {name}{directive}")
        for line in text.splitlines():
            print(f"# {line}")
        sys.stdout.flush()

    def fail(self, test, error):
        self.broken = True
        self.say("not ok", test, self._exc_info_to_string(error, test))

    def startTest(self, test):
        super().startTest(test)
        self.failed_subtests = []

    def addSuccess(self, test):
        if self.failed_subtests:
            self.broken = True
            self.say("not ok", test, "\n".join(self.failed_subtests))
        else:
            self.say("ok", test)

    def addFailure(self, test, error):
        self.fail(test, error)

    def addError(self, test, error):
        if isinstance(test, unittest.suite._ErrorHolder):  # a setUpClass that failed is a test that failed
            self.broken = True
            self.number += 1
            print(f"not ok {self.number} - {test.description}")
            print("\n".join(f"# {line}" for line in self._exc_info_to_string(error, test).splitlines()))
        else:
            self.fail(test, error)

    def addSkip(self, test, reason):
        self.say("ok", test, directive=f" # SKIP {reason}")

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.failed_subtests.append(f"{subtest}: {self._exc_info_to_string(error, test)}")


def run_tap(*classes):
    """Runs the classes' tests as TAP; returns the exit status."""
    loader = unittest.TestLoader()
    suite = unittest.TestSuite(loader.loadTestsFromTestCase(c) for c in classes)
    result = TapResult()
    suite.run(result)
    print(f"1..{result.number}")
    return 1 if result.broken or result.number == 0 else 0
