"""A file system that a test fills, and makes read-only."""
import errno
import os
import subprocess
import time

from server import PATIENCE_S

PAGE = 4096
MEBIBYTE = 1 << 20
SIZE = "48m"


class SmallDisk:
    """A file system of its own, mounted by the test."""

    def __init__(self, case, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"cannot mount a file system of its own for this test ({done.stderr.strip()}): run it as root, "
                                 "in a container with --cap-add SYS_ADMIN")
        case.addCleanup(subprocess.run, ["umount", "--lazy", str(folder)], check=True)

    def remount(self, how):
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.folder)], check=True)

    def fill(self):
        """Takes also what a server at work gives back while this writes."""
        until = time.monotonic() + PATIENCE_S
        while True:
            self.write_while_there_is_room()
            left = os.statvfs(self.folder)
            if left.f_bavail == 0:
                return
            assert time.monotonic() < until, f"a full disk has room again and again: {left}"

    def write_while_there_is_room(self):
        with open(self.folder / "filler", "ab", buffering=0) as file:
            for size in (MEBIBYTE, PAGE, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError as full:
                    assert full.errno == errno.ENOSPC, full

    def free(self):
        (self.folder / "filler").unlink()
