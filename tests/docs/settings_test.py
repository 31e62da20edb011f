#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/install.md names every environment variable of Tenon's own, and no source reads one past the table of them.

usage: settings_test.py ROOT
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
table = re.findall(r'^TN_SETTING\(\w+, "(TENON_\w+)"', (root / "runtime/base/settings.def").read_text(encoding="utf-8"), re.MULTILINE)
page = (root / "docs/install.md").read_text(encoding="utf-8")
strays = [f"{path.relative_to(root)}: {name}" for folder in ("runtime", "kernel") for path in sorted((root / folder).rglob("*.[ch]"))
          for name in re.findall(r'getenv\("(TENON_\w+)"', path.read_text(encoding="utf-8"))]
checks = [("the table has settings", [] if table else ["none"]),
          ("the table is sorted", [name for name, after in zip(table, table[1:]) if name > after]),
          ("docs/install.md names each", [name for name in table if not re.search(rf"\b{name}\b", page)]),
          ("all are read through the table", strays)]
print(f"1..{len(checks)}")
for number, (name, wrong) in enumerate(checks, 1):
    print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
    for line in wrong:
        print(f"# {line}")
sys.exit(any(wrong for _, wrong in checks))
