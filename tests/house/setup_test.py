#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""script/setup, quickstart and lab on machines where something is missing: each failure is one sentence that says what to do. The
script runs in a copy, with a PATH that holds the few tools it needs and stand-ins for those that would change the system."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REAL_TOOLS = ["awk", "bash", "cat", "dirname", "env", "grep", "rm", "sha256sum", "true"]
DEBIAN = 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
UBUNTU = 'ID=ubuntu\nID_LIKE=debian\nPRETTY_NAME="Ubuntu 24.04 LTS"\n'
FEDORA = 'ID=fedora\nPRETTY_NAME="Fedora Linux 40"\n'

ALL_THERE = "printf installed"
ONE_MISSING = 'case "$*" in *meson) exit 1;; esac; printf installed'
NO_TEST_TOOLS = 'case "$*" in *clang|*chromium) exit 1;; esac; printf installed'
NO_BROWSER = 'case "$*" in *chromium) exit 1;; esac; printf installed'
ROOT_USER, USER = "echo 0", "echo 1000"
ROOMY = 'echo; echo "disk 9999999999 1 9999999999 1% /"'
FULL = 'echo; echo "disk 99999 99000 51200 99% /"'
DONE = "exit 0"
MAKES_VENV = 'if [ "$2" = venv ]; then mkdir -p .venv/bin; cp "$0" .venv/bin/python3; fi'


def saying(text):
    return f"echo '{text}' >&2; exit 100"


def machine(**changed):
    """The stand-ins of a healthy machine on which everything is installed, with changes; None = the tool is missing."""
    tools = {"argv": ["setup"], "dpkg-query": ALL_THERE, "id": ROOT_USER, "df": ROOMY, "apt-get": DONE, "sudo": DONE,
             "python": MAKES_VENV, "os_release": DEBIAN}
    tools.update({name.replace("_query", "-query").replace("_get", "-get"): body for name, body in changed.items()})
    return tools


# (name, machine, exit status, what the one sentence must contain)
CASES = [
    ("a machine that has everything", machine(), 0, []),
    ("a missing package is installed", machine(dpkg_query=ONE_MISSING), 0, []),
    ("no network for apt", machine(dpkg_query=ONE_MISSING, apt_get=saying("E: Temporary failure resolving 'deb'")), 1,
     ["network did not answer", "check the connection"]),
    ("no such package", machine(dpkg_query=ONE_MISSING, apt_get=saying("E: Unable to locate package libdnnl-dev")), 1,
     ["enable 'universe'"]),
    ("another apt runs", machine(dpkg_query=ONE_MISSING, apt_get=saying("E: Could not get lock /var/lib/dpkg/lock")), 1,
     ["wait until it is done"]),
    ("the disk fills up", machine(dpkg_query=ONE_MISSING, apt_get=saying("No space left on device")), 1, ["make room"]),
    ("the disk is nearly full", machine(dpkg_query=ONE_MISSING, df=FULL), 1, ["50 MiB free", "make room"]),
    ("an unforeseen failure of apt", machine(dpkg_query=ONE_MISSING, apt_get=saying("E: Something else")), 1, ["read /"]),
    ("no sudo", machine(dpkg_query=ONE_MISSING, id=USER, sudo=None), 1, ["no sudo", "apt-get install meson"]),
    ("sudo refuses", machine(dpkg_query=ONE_MISSING, id=USER, sudo=saying("sudo: a password is required")), 1,
     ["sudo did not let you in"]),
    ("sudo lets in", machine(dpkg_query=ONE_MISSING, id=USER, sudo='shift; exec "$@"'), 0, []),
    ("no apt", machine(dpkg_query=ONE_MISSING, apt_get=None), 1, ["packages are missing: meson;"]),
    ("no dpkg", machine(dpkg_query=None), 1, ["--no-packages"]),
    ("an unknown distribution", machine(os_release=FEDORA), 1, ["Fedora Linux 40", "--no-packages"]),
    ("no os-release", machine(os_release=None), 1, ["--no-packages"]),
    ("no network for pip", machine(python=MAKES_VENV + '; [ "$2" = venv ] || { echo "NewConnectionError: failed"; exit 1; }'), 1,
     ["network did not answer"]),
    ("a certificate that is not trusted",
     machine(python=MAKES_VENV + '; [ "$2" = venv ] || { echo "SSLError: certificate verify failed"; exit 1; }'),
     1, ["set PIP_CERT"]),
    ("no venv module", machine(python=saying("No module named venv")), 1, ["Making .venv failed"]),
    ("what only tests need is not missed by --use",
     machine(argv=["setup", "--use"], dpkg_query=NO_TEST_TOOLS, apt_get=saying("no")), 0, []),
    ("Ubuntu is not asked for its Chromium", machine(dpkg_query=NO_BROWSER, os_release=UBUNTU, apt_get=saying("no")), 0, []),
    ("Debian is asked for its Chromium", machine(dpkg_query=NO_BROWSER, apt_get=saying("no")), 1, ["apt-get update failed"]),
    ("the system is left alone by --no-packages",
     machine(argv=["setup", "--no-packages"], dpkg_query=None, os_release=FEDORA), 0, []),
    ("quickstart ends where setup does", machine(argv=["quickstart"], python=saying("Temporary failure in name resolution")), 1,
     ["setup: Making .venv failed", "network did not answer"]),
    ("quickstart without meson", machine(argv=["quickstart", "--no-packages"]), 1,
     ["quickstart: meson is not there: run ./script/setup"]),
    ("quickstart where the build cannot be configured", machine(argv=["quickstart"], meson=saying("ERROR: no compiler")), 1,
     ["Configuring failed: read /", "repair what it names"]),
    ("quickstart on a disk that is full", machine(argv=["quickstart"], meson=saying("No space left on device")), 1,
     ["make room"]),
    ("lab before quickstart", machine(argv=["lab"]), 1, ["run ./script/quickstart first"]),
]


def write_tool(path, body):
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n{body}\n")
    os.chmod(path, 0o755)


def run_setup(tools, folder):
    bin_folder = os.path.join(folder, "bin")
    os.makedirs(bin_folder)
    shutil.copytree(os.path.join(ROOT, "script"), os.path.join(folder, "script"))
    for name in REAL_TOOLS + ["mkdir", "cp", "sh", "touch"]:
        os.symlink(shutil.which(name), os.path.join(bin_folder, name))
    for name, body in tools.items():
        if body is not None and name not in ("os_release", "argv"):
            write_tool(os.path.join(bin_folder, name), body)
    release = os.path.join(folder, "os-release")
    if tools["os_release"] is not None:
        with open(release, "w", encoding="utf-8") as f:
            f.write(tools["os_release"])
    env = {"PATH": bin_folder, "TMPDIR": folder, "TENON_OS_RELEASE": release,
           "TENON_PYTHON": os.path.join(bin_folder, "python")}
    program = os.path.join(folder, "script", tools["argv"][0])
    return subprocess.run([program, *tools["argv"][1:]], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=300)


def is_one_sentence(text):
    return re.match("(setup|quickstart|lab): ", text) is not None and text.count("\n") == 1 and text.endswith(".\n")


def main():
    failed = 0
    print(f"1..{len(CASES)}")
    for number, (name, tools, status, parts) in enumerate(CASES, 1):
        with tempfile.TemporaryDirectory() as folder:
            run = run_setup(tools, folder)
        ok = run.returncode == status and all(part in run.stderr for part in parts)
        ok = ok and (run.stderr == "" if status == 0 else is_one_sentence(run.stderr))
        failed += not ok
        print(f"{'ok' if ok else 'not ok'} {number} - {name}")
        if not ok:
            print(f"# status {run.returncode}, said: {run.stderr!r}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
