#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tenon install and uninstall: where the kernelspec lands, what is in it, that Jupyter finds it, and what is said when it cannot
be written."""
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys

from cli import CASES, PATIENCE_S, Skip, TENON, case, check, check_in, check_result, environment, folder, run_cases, tenon, write

FILES = ["kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"]


def spec_of(path):
    return json.loads((pathlib.Path(path) / "kernel.json").read_text(encoding="utf-8"))


def png_size(path):
    head = pathlib.Path(path).read_bytes()[:24]
    check(head[:8], b"\x89PNG\r\n\x1a\n", "the signature")
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


@case
def a_prefix_gets_a_whole_kernelspec():
    with folder() as where:
        path = pathlib.Path(where, "share/jupyter/kernels/tenon")
        check_result(tenon("install", "--prefix", where), 0, f"installed the kernel 'Tenon' in {path}\n", "")
        check(sorted(os.listdir(path)), FILES, "files")
        spec = spec_of(path)
        check(spec["argv"], [os.path.realpath(TENON), "kernel", "-f", "{connection_file}"])
        check([spec[key] for key in ("display_name", "language", "interrupt_mode", "kernel_protocol_version", "env")],
              ["Tenon", "tenon", "message", "5.5.0", {}])
        check(spec["metadata"], {"debugger": False, "supported_encryption": ["curve"]})
        check([png_size(path / f"logo-{n}x{n}.png") for n in (32, 64)], [(32, 32), (64, 64)])
        check_in("<svg", (path / "logo-svg.svg").read_text(encoding="utf-8"))


@case
def names_and_environment_are_taken_over():
    with folder() as where:
        run = tenon("install", "--prefix", where, "--name", "tenon-2", "--display-name", 'Tenon "zwei" ü',
                    "--env", "TENON_DATA=/a=b", "--env", "OMP_NUM_THREADS=")
        check_result(run, 0, err="")
        spec = spec_of(pathlib.Path(where, "share/jupyter/kernels/tenon-2"))
        check((spec["display_name"], spec["env"]), ('Tenon "zwei" ü', {"TENON_DATA": "/a=b", "OMP_NUM_THREADS": ""}))


@case
def the_user_is_the_default_and_jupyters_folders_are_obeyed():
    with folder() as where:
        for env, place in (({}, ".local/share/jupyter"), ({"XDG_DATA_HOME": where + "/data"}, "data/jupyter"),
                           ({"XDG_DATA_HOME": where + "/data", "JUPYTER_DATA_DIR": where + "/own"}, "own")):
            check_result(tenon("install", env=environment(HOME=where, **env)), 0, err="")
            check(sorted(os.listdir(pathlib.Path(where, place, "kernels/tenon"))), FILES, place)
        check_in("HOME is not set", tenon("install", env={"PATH": "/usr/bin"}).stderr)


@case
def a_virtual_environment_must_be_active_for_sys_prefix():
    with folder() as where:
        bare = {k: v for k, v in environment().items() if k not in ("VIRTUAL_ENV", "CONDA_PREFIX")}
        check_result(tenon("install", "--sys-prefix", env=bare), 1, "", "no virtual environment is active")
        check_result(tenon("install", "--sys-prefix", env={**bare, "VIRTUAL_ENV": where}), 0, err="")
        check(sorted(os.listdir(pathlib.Path(where, "share/jupyter/kernels/tenon"))), FILES)


@case
def a_second_install_renews_and_uninstall_takes_all_away():
    with folder() as where:
        check_result(tenon("uninstall", "--prefix", where), 1, "", "there is no kernelspec in")
        tenon("install", "--prefix", where)
        check_in("renewed the kernel", tenon("install", "--prefix", where).stdout)
        check_result(tenon("uninstall", "--prefix", where), 0, f"removed {where}/share/jupyter/kernels/tenon\n", "")
        check(os.listdir(pathlib.Path(where, "share/jupyter/kernels")), [])


@case
def a_second_install_keeps_what_was_set():
    with folder() as where:
        path = pathlib.Path(where, "share/jupyter/kernels/tenon")
        tenon("install", "--prefix", where, "--display-name", "Box", "--env", "TENON_MEMORY=8G", "--env", "A=1")
        spec = spec_of(path)
        write(path, "kernel.json", json.dumps({**spec, "argv": spec["argv"] + ["--", "ssh", "box"], "own": 5,
                                               "metadata": {**spec["metadata"], "mine": True}}))
        check_in("renewed the kernel 'Box'", tenon("install", "--prefix", where, "--env", "A=2").stdout)
        spec = spec_of(path)
        check((spec["display_name"], spec["env"]), ("Box", {"TENON_MEMORY": "8G", "A": "2"}))
        check((spec["argv"][1:], spec["own"], spec["metadata"]["mine"]), (["kernel", "-f", "{connection_file}", "--", "ssh", "box"], 5, True))
        check_in("renewed the kernel 'Tenon'", tenon("install", "--prefix", where, "--reset").stdout)
        spec = spec_of(path)
        check((spec["display_name"], spec["env"], len(spec["argv"]), "own" in spec), ("Tenon", {}, 4, False))


@case
def a_setting_that_cannot_be_read_is_not_installed():
    with folder() as where:
        check_result(tenon("install", "--prefix", where, "--env", "TENON_MEMORY=lots"), 2, "", "TENON_MEMORY: expected a size")
        check(os.listdir(where), [])


@case
def what_is_not_ours_stays():
    with folder() as where:
        path = pathlib.Path(where, "share/jupyter/kernels/python3")
        path.mkdir(parents=True)
        write(path, "kernel.json", '{"language": "python"}')
        for face in "install", "uninstall":
            run = tenon(face, "--prefix", where, "--name", "python3")
            check_result(run, 1, "", "is the kernelspec of another kernel (python)")
        write(path, "kernel.json", "no JSON")
        check_result(tenon("install", "--prefix", where, "--name", "python3"), 1, "", "another kernel (an unknown language)")
        check((path / "kernel.json").read_text(), "no JSON")
        tenon("install", "--prefix", where)
        kept = write(pathlib.Path(where, "share/jupyter/kernels/tenon"), "notes.txt", "mine")
        check_result(tenon("uninstall", "--prefix", where), 0, err="")
        check(os.listdir(kept.parent), ["notes.txt"])


@case
def a_place_that_cannot_be_written_is_said():
    with folder() as where:
        write(where, "share", "a file")
        check_result(tenon("install", "--prefix", where), 1, "", "Not a directory")
        check_in("cannot make the folder", tenon("install", "--prefix", "/proc/no").stderr)
        if os.geteuid() == 0:
            return
        closed = pathlib.Path(where, "closed")
        closed.mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
        check_result(tenon("install", "--prefix", closed), 1, "", "Permission denied")


@case
def a_full_disk_leaves_no_half_kernel():
    with folder() as where:
        path = pathlib.Path(where, "share/jupyter/kernels/tenon")
        path.mkdir(parents=True)
        if shutil.which("mount") is None or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", path],
                                                            capture_output=True).returncode != 0:
            raise Skip("a small file system cannot be mounted here")
        try:
            check_result(tenon("install", "--prefix", where), 1, "", "No space left on device")
            check("kernel.json" in os.listdir(path), False)
        finally:
            subprocess.run(["umount", path], check=True)


@case
def a_wrong_command_line_is_said():
    for args, text in ((["--name", "a b"], "is no name for a kernel"), (["--name", ".."], "is no name"),
                       (["--name"], "--name takes a value"), (["--prefix", ""], "--prefix takes a value"),
                       (["--user", "--sys-prefix"], "name two places"), (["--here"], "is no option"), (["--env", "A"], "--env takes NAME=VALUE"), (["extra"], "'extra' is no option of install"),
                       (["--display-name", b"\xff"], "in UTF-8")):
        run = subprocess.run([TENON, "install", *args], capture_output=True, text=True, errors="replace", env=environment(),
                             timeout=PATIENCE_S)
        check_result(run, 2, "", text)
    check_result(tenon("uninstall", "--env", "A=B"), 2, "", "is no option of uninstall")


@case
def without_memory_it_says_so_and_leaves_no_half_kernel():
    with folder() as where:
        for n in range(1000):
            run = tenon("install", "--prefix", where, env=environment(TENON_ALLOC_FAIL=str(n)))
            if run.returncode == 0:
                break
            check_result(run, 1, "", "out of memory")
            check(list(pathlib.Path(where).rglob("*.new")), [], "left behind")
        check_in("the kernel 'Tenon'", run.stdout)
        assert n > 10, f"only {n} allocations were counted"


@case
def jupyter_lists_it():
    jupyter = pathlib.Path(sys.executable).parent / "jupyter-kernelspec"
    if not jupyter.exists():
        raise Skip("Jupyter is not in this Python's environment")
    with folder() as where:
        tenon("install", "--name", "tenon-listed", env=environment(HOME=where))
        listed = subprocess.run([jupyter, "list", "--json"], capture_output=True, text=True, env=environment(HOME=where),
                                timeout=5 * PATIENCE_S)
        check(listed.returncode, 0, f"status of jupyter-kernelspec ({listed.stderr})")
        found = json.loads(listed.stdout)["kernelspecs"]["tenon-listed"]
        check(found["resource_dir"], f"{where}/.local/share/jupyter/kernels/tenon-listed")
        check(found["spec"]["display_name"], "Tenon")


assert CASES
run_cases()
