#!/usr/bin/env python3
"""Every shared library that a program links, or that stands in its lib folder, is named in NOTICE.

    script/check_notice.py build/release/keelson
"""
import pathlib
import re
import subprocess
import sys

# Part of the C library, which is the system's own.
SYSTEM = {"linux-vdso", "ld-linux-x86-64", "libc", "libm", "libdl", "libpthread", "librt"}


def linked(program):
    for line in subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout.splitlines():
        yield pathlib.Path(line.split()[0]).name


def stem(file_name):
    """libdate-tz.so.3 -> libdate-tz, libyaml-cpp.so.0.7 -> libyaml-cpp, libgomp-e985bcbb.so.1.0.0 -> libgomp."""
    return re.sub(r"-[0-9a-f]{8}$", "", file_name.split(".so")[0]).removesuffix("_s")


def main():
    top = pathlib.Path(__file__).resolve().parent.parent
    program = pathlib.Path(sys.argv[1])
    notice = (top / "NOTICE").read_text()
    opened = [path.name for path in (program.parent / "lib").glob("*.so*")]
    names = {stem(name) for name in [*linked(program), *opened]} - SYSTEM
    missing = sorted(name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w+])", notice))
    for name in missing:
        print(f"NOTICE names no {name}: add it with its licence and its copyright")
    print(f"{len(names)} libraries, {len(missing)} without a notice")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
