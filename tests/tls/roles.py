"""`keelson server` and `keelson serve` as processes of their own, with what they print kept in files."""
import os
import pathlib
import signal
import subprocess
import time

PATIENCE = 120  # seconds for what takes less than one on a free machine


def until(happens, what, process=None):
    """Waits until `happens()` gives something true, and gives it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = happens()
        if value:
            return value
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"{what}: the program ended with {process.returncode}")
        time.sleep(0.02)
    raise RuntimeError(f"{what}: not within {PATIENCE} s")


class Role:
    def __init__(self, program, folder, arguments):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        self.out_file = pathlib.Path(folder) / "out.txt"
        self.log_file = pathlib.Path(folder) / "log.txt"
        with open(self.out_file, "w") as out, open(self.log_file, "a") as log:
            self.process = subprocess.Popen([program, *map(str, arguments)], stdout=out, stderr=log, cwd=folder)
        self.address = until(self._ready, f"{arguments[0]} is ready", self.process)
        self.port = int(self.address.rsplit(":", 1)[1])

    def _ready(self):
        for line in self.out_file.read_text().splitlines():
            if "ready at " in line:
                return line.split("ready at ")[1].split()[0]
        return None

    def token(self):
        lines = [line for line in self.out_file.read_text().splitlines() if line.startswith("token")]
        return lines[0].rsplit(" ", 1)[1] if lines else None

    def listens_at(self):
        """The local addresses of its listening TCP sockets, as the kernel tells them."""
        inodes = set()
        for fd in os.listdir(f"/proc/{self.process.pid}/fd"):
            try:
                target = os.readlink(f"/proc/{self.process.pid}/fd/{fd}")
            except FileNotFoundError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
        found = []
        for table in ("tcp", "tcp6"):
            for line in pathlib.Path(f"/proc/{self.process.pid}/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in inodes:
                    found.append(fields[1].split(":")[0])
        return found

    def hang_up(self):
        os.kill(self.process.pid, signal.SIGHUP)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
