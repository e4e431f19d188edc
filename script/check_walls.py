#!/usr/bin/env python3
"""Refuses an include that crosses a wall not declared.

Reads every keelson_room(NAME MAY ...) of src/**/CMakeLists.txt and every #include "room/..." below src/. A room may include
itself, base, and the rooms of its MAY list (tests included: a unit test needs no more than its room). Exits 1 with one line
for each offence.
"""
import pathlib
import re
import sys

ROOM = re.compile(r"keelson_room\(\s*([\w/]+)([^)]*)\)", re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
KEYWORDS = {"MAY", "LIBRARIES"}


def declared_rooms(src):
    rooms = {}
    for path in src.rglob("CMakeLists.txt"):
        text = re.sub(r"#.*", "", path.read_text())
        for name, rest in ROOM.findall(text):
            may, current = set(), None
            for word in rest.split():
                if word in KEYWORDS:
                    current = word
                elif current == "MAY":
                    may.add(word)
            rooms[name] = may | {name, "base"}
    return rooms


def room_of(relative, rooms):
    parts = pathlib.PurePosixPath(relative).parts[:-1]
    for length in range(len(parts), 0, -1):
        name = "/".join(parts[:length])
        if name in rooms:
            return name
    return None


def main():
    src = pathlib.Path(sys.argv[1]) / "src"
    rooms = declared_rooms(src)
    offences = []
    for path in sorted(src.rglob("*")):
        if path.suffix not in {".h", ".cc"}:
            continue
        own = room_of(path.relative_to(src).as_posix(), rooms)
        if own is None:
            offences.append(f"{path}: belongs to no room; declare it with keelson_room()")
            continue
        text = path.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            other = room_of(match.group(1), rooms)
            line = text.count("\n", 0, match.start()) + 1
            if other is None:
                offences.append(f'{path}:{line}: "{match.group(1)}" is in no room; include our files from src/')
            elif other not in rooms[own]:
                offences.append(f"{path}:{line}: {own} may not include {other}; the wall is declared in its CMakeLists.txt")
    for offence in offences:
        print(offence, file=sys.stderr)
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
