#!/usr/bin/env python3
"""Holds docs/acceptance.md against the tree: what a row of state done or partial says that shows it must exist.

    script/check_acceptance.py [FOLDER]     # the top of the tree; ours without it

"Shown by" names, in backticks: a test `Suite.Test`, a whole test suite `Suite` (GoogleTest, or a Python test class), or a file
or folder by its path. `path` with a test after two colons, `tests/readme/readme_test.py::Links`, is both.
"""
import collections
import pathlib
import re
import sys

STATES = {"done", "partial", "open"}
GTEST = re.compile(r"^(?:TEST|TEST_F|TEST_P|TYPED_TEST)\(\s*(\w+),\s*(\w+)", re.M)
PYTHON_CLASS = re.compile(r"^class (\w+)\(.*TestCase\):", re.M)


def known_tests(top):
    names = set()
    for path in [*(top / "src").rglob("*_test.cc"), *(top / "tests").rglob("*_test.cc")]:
        for suite, test in GTEST.findall(path.read_text()):
            names |= {suite, f"{suite}.{test}"}
    for path in (top / "tests").rglob("*_test.py"):
        text = path.read_text()
        for suite in PYTHON_CLASS.findall(text):
            body = re.split(r"^\S", text.split(f"class {suite}(", 1)[1].split("\n", 1)[1], maxsplit=1, flags=re.M)[0]
            names |= {suite} | {f"{suite}.{test}" for test in re.findall(r"def (test_\w+)", body)}
    return names


def exists(name, top, tests):
    path, _, test = name.partition("::")
    if test:
        return (top / path).is_file() and test in tests and test.split(".")[0] in (top / path).read_text()
    return name in tests or (top / name).exists()


def problems_of(text, top):
    tests = known_tests(top)
    counts = collections.Counter()
    seen = set()
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells or cells[0] in ("#", "") or set(cells[0]) <= set("-: "):
            continue
        row = f"docs/acceptance.md:{number}: row {cells[0]}"
        if len(cells) != 5:
            problems.append(f"{row} has {len(cells)} cells, expected 5: #, demand, shown by, last figure, state")
            continue
        identity, _, shown, _, state = cells
        if identity in seen:
            problems.append(f"{row} is there twice")
        seen.add(identity)
        if state not in STATES:
            problems.append(f"{row} has the state \"{state}\", expected done, partial or open")
            continue
        counts[state] += 1
        names = re.findall(r"`([^`]+)`", shown)
        if state == "open":
            continue
        if not names:
            problems.append(f"{row} is {state} and names nothing that shows it")
        for name in names:
            if not exists(name, top, tests):
                problems.append(f"{row} is {state} by `{name}`, which is not in the tree")
    if not seen:
        problems.append("docs/acceptance.md has no rows")
    return problems, counts


def main():
    top = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    problems, counts = problems_of((top / "docs/acceptance.md").read_text(), top)
    print("\n".join(problems), end="\n" if problems else "")
    print(", ".join(f"{counts[state]} {state}" for state in ("done", "partial", "open")))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
