# SPDX-License-Identifier: Apache-2.0
"""docs/reference.md is what the program says of itself: `reference_test.py TENON docs/reference.md`. Speaks TAP."""
import subprocess
import sys


def sections(text):
    """Heading to text, in order."""
    found, name = {"": []}, ""
    for line in text.splitlines():
        if line.startswith("##"):
            name = line
            found[name] = []
        found[name].append(line)
    return found


def main():
    program, page = sys.argv[1:3]
    run = subprocess.run([program, "help", "--manual"], capture_output=True, text=True)
    if run.returncode != 0:
        print(f"1..1\nnot ok 1 - the reference manual is written\n# exit status {run.returncode}, stderr {run.stderr[-1500:]!r}")
        return 1
    made = run.stdout
    with open(page, encoding="utf-8") as file:
        kept = file.read()
    print("1..1")
    if made == kept:
        print("ok 1 - the reference manual is up to date")
        return 0
    new, old = sections(made), sections(kept)
    changed = [name for name in [*new, *(n for n in old if n not in new)] if new.get(name) != old.get(name)]
    print("not ok 1 - the reference manual is up to date")
    for name in changed[:20]:
        print(f"# differs: {name or 'the beginning'}")
    print("# run script/reference")
    return 1


sys.exit(main())
