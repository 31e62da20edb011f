#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the tree that a compiler does not check: arrows between folders point down, files stay short, every C file
says its licence. One TAP line a rule, one comment line for each place that breaks it. Usage: house.py ROOT"""

import os
import re
import sys

# A folder (or one of its files) and what it may include besides itself: a folder stands for its public header,
# <folder>/<folder>.h, and a path for just that header.
ARROWS = {
    "base": [],
    "tensor": ["base"],
    "cpu": ["base", "tensor/backend.h"],
    "cuda": ["base", "tensor/backend.h"],
    "lang": ["base", "tensor", "lib/embedded.h"],
    "io": ["base", "tensor", "lang"],
    "events": ["base", "tensor", "lang", "io"],
    "session": ["base", "tensor", "cpu", "lang", "io", "events"],
    "dist": ["base", "tensor", "cpu", "lang", "io", "events", "session"],
    "wire": ["base"],
    "main": ["base", "tensor", "cpu", "lang", "io", "events", "session", "dist", "wire", "lib/embedded.h"],
    "kernel": ["base", "wire"],
    "lib": [],
}
RUNTIME = ["base", "tensor", "cpu", "lang", "io", "events", "session", "dist", "wire", "main"]
PLACES = {name: os.path.join("runtime", name) if name in RUNTIME else name for name in ARROWS}

MAX_LINES = 1000
LICENCE = "SPDX-License-Identifier: Apache-2.0"
C_FILES = (".c", ".h", ".def", ".cu", ".cuh")
COUNTED = C_FILES + (".tn", ".py", ".sh", ".build", ".txt")
IGNORED = re.compile(r"^(\.git|\.venv|\.cache|__pycache__|build.*|subprojects)$")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def read_lines(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read().splitlines()


def walk(root):
    """Paths of all files, relative to root, sorted; without build directories."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if not IGNORED.match(n))
        for name in sorted(files):
            yield os.path.relpath(os.path.join(folder, name), root)


def folder_of(path):
    for name, place in PLACES.items():
        if path.startswith(place + os.sep):
            return name
    return None


def may_include(folder, header):
    owner = header.split("/")[0]
    if owner == folder or owner not in ARROWS:
        return owner == folder or "/" not in header
    for allowed in ARROWS[folder]:
        if header == allowed or header == f"{allowed}/{allowed}.h":
            return True
    return False


def forbidden_includes(root):
    for path in walk(root):
        folder = folder_of(path)
        if folder is None or not path.endswith(C_FILES):
            continue
        for number, line in enumerate(read_lines(os.path.join(root, path)), 1):
            found = INCLUDE.match(line)
            if found and not may_include(folder, found.group(1)):
                yield f'{path}:{number}: {folder} may not include "{found.group(1)}"'


def is_script(root, path):
    if "." in os.path.basename(path):
        return False
    with open(os.path.join(root, path), "rb") as f:
        return f.read(2) == b"#!"


def long_files(root):
    for path in walk(root):
        if path.endswith(COUNTED) or is_script(root, path):
            count = len(read_lines(os.path.join(root, path)))
            if count > MAX_LINES:
                yield f"{path}: {count} lines, at most {MAX_LINES} are allowed"


def unlicensed_files(root):
    for path in walk(root):
        if path.endswith(C_FILES + (".py", ".sh", ".build")) or is_script(root, path):
            if not any(LICENCE in line for line in read_lines(os.path.join(root, path))[:3]):
                yield f"{path}: one of the first three lines must hold '{LICENCE}'"


RULES = [
    ("includes point down, to public headers", forbidden_includes),
    (f"no file has more than {MAX_LINES} lines", long_files),
    ("every source file names its licence", unlicensed_files),
]


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: house.py ROOT")
    failed = 0
    print(f"1..{len(RULES)}")
    for number, (name, rule) in enumerate(RULES, 1):
        broken = list(rule(sys.argv[1]))
        print(f"{'not ok' if broken else 'ok'} {number} - {name}")
        for line in broken:
            print(f"# {line}")
        failed += bool(broken)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
