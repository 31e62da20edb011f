#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each rule of house.py finds what it is there to find, in a small tree made for it, and nothing else."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import house  # noqa: E402

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"

# (name, rule, files, number of complaints)
CASES = [
    ("an upward include is found", house.forbidden_includes, {"runtime/tensor/a.c": '#include "lang/lang.h"\n'}, 1),
    ("another folder's private header is found", house.forbidden_includes,
     {"runtime/lang/a.c": '#include "tensor/plan.h"\n'}, 1),
    ("cpu sees the backend header only", house.forbidden_includes,
     {"runtime/cpu/a.c": '#include "tensor/backend.h"\n#include "tensor/tensor.h"\n'}, 1),
    ("downward includes are fine", house.forbidden_includes,
     {"runtime/lang/a.c": '#include <stdio.h>\n#include "lang/ast.h"\n#include "base/base.h"\n#include "tensor/tensor.h"\n'}, 0),
    ("the front does not see the worker", house.forbidden_includes, {"kernel/a.c": '#include "session/session.h"\n'}, 1),
    ("an unknown folder is found", house.forbidden_includes, {"runtime/base/a.c": '#include "runtime/base/b.h"\n'}, 1),
    ("tests may look inside", house.forbidden_includes, {"tests/unit/a.c": '#include "tensor/plan.h"\n'}, 0),
    ("1,000 lines are fine", house.long_files, {"lib/a.tn": "x\n" * 1000}, 0),
    ("1,001 lines are not", house.long_files, {"lib/a.tn": "x\n" * 1001}, 1),
    ("scripts without an ending are counted", house.long_files, {"script/x": "#!/bin/sh\n" * 1001}, 1),
    ("build directories are not looked at", house.long_files, {"build-asan/a.c": "x\n" * 1001}, 0),
    ("a licence is asked for", house.unlicensed_files, {"runtime/base/a.c": "int x;\n", "runtime/base/b.c": SPDX}, 1),
    ("scripts need one too", house.unlicensed_files, {"script/x": "#!/bin/sh\n# hello\n"}, 1),
]


def main():
    failed = 0
    print(f"1..{len(CASES)}")
    for number, (name, rule, files, wanted) in enumerate(CASES, 1):
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                    f.write(text)
            found = list(rule(root))
        ok = len(found) == wanted
        failed += not ok
        print(f"{'ok' if ok else 'not ok'} {number} - {name}")
        if not ok:
            print(f"# wanted {wanted}, found {found}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
