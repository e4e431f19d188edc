#!/usr/bin/env python3
"""Runs a clang-tidy over the C++ files of a compile database, two at a time, and remembers what it found sound.

    script/tidy.py CLANG_TIDY DATABASE_FOLDER CACHE_FOLDER [FILE...]     # files of src/; all of them without any

A file is looked at again only when it, a header of ours that it includes (from whichever file), .clang-tidy, its compile
command, clang-tidy's version or the machine's packages have changed. Exits 1 when anything is wrong.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
# libstdc++ 12's own stable_sort uses what C++17 deprecates, and newer clangs tell it where it is instantiated.
OPTIONS = ["--quiet", "--extra-arg=-Wno-deprecated-declarations"]
NOISE = re.compile(r"^\d+ warnings? (generated|treated as errors)|^Suppressed |^Use -header-filter|^Error while processing")


def includes_of(path, known):
    """Every file of ours that this one reads, itself first; `known` keeps what was read."""
    pending, seen = [path], []
    while pending:
        at = pending.pop()
        if at in seen:
            continue
        seen.append(at)
        if at not in known:
            text = at.read_text()
            headers = [TOP / "src" / name for name in INCLUDE.findall(text)]
            known[at] = (hashlib.sha256(text.encode()).hexdigest(), [header for header in headers if header.exists()])
        pending += known[at][1]
    return seen


def machine(clang_tidy):
    names = [line.split("#")[0].strip() for line in (TOP / "script/apt-packages.txt").read_text().splitlines()]
    versions = subprocess.run(["dpkg-query", "-W", *filter(None, names), "libstdc++-12-dev"], capture_output=True, text=True)
    return versions.stdout + subprocess.run([clang_tidy, "--version"], check=True, capture_output=True, text=True).stdout


def main():
    clang_tidy, database, cache = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    cache.mkdir(parents=True, exist_ok=True)
    wanted = {TOP / name for name in sys.argv[4:]}
    basis = hashlib.sha256(((TOP / ".clang-tidy").read_text() + machine(clang_tidy)).encode()).hexdigest()
    known, todo, sound = {}, [], 0
    for entry in json.loads((database / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        if not path.is_relative_to(TOP / "src"):
            continue
        files = includes_of(path, known)
        if wanted and not wanted.intersection(files):
            continue
        key = hashlib.sha256()
        command = entry["command"].replace(str(TOP), "").replace(str(database), "")
        for part in (basis, command, *sorted(f"{file.relative_to(TOP)} {known[file][0]}" for file in files)):
            key.update(part.encode() + b"\0")
        stamp = cache / key.hexdigest()
        if stamp.exists():
            sound += 1
        else:
            todo.append((path, stamp))

    print(f"clang-tidy: {sound} files as they were found sound before, {len(todo)} to look at", flush=True)
    bad = 0

    def look(item):
        path, stamp = item
        done = subprocess.run([clang_tidy, *OPTIONS, "-p", str(database), str(path)], capture_output=True, text=True)
        text = "\n".join(line for line in (done.stdout + done.stderr).splitlines() if line and not NOISE.match(line))
        if done.returncode == 0 and not text:
            stamp.touch()
        return path, text or (f"clang-tidy ended with {done.returncode}" if done.returncode else "")

    with concurrent.futures.ThreadPoolExecutor(max(1, min(2, os.cpu_count() or 1))) as pool:
        for path, text in pool.map(look, sorted(todo)):
            if text:
                bad += 1
                print(f"{path.relative_to(TOP)}:\n{text}", flush=True)
    print(f"clang-tidy: {bad} files with findings")
    sys.exit(1 if bad else 0)


main()
