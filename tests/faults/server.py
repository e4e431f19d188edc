"""A server under test, the processes it has started, and what it says."""
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.request

PATIENCE_S = 60


class Server:
    def __init__(self, keelson, folder, data=None, within=(), arguments=()):
        self.keelson = keelson
        self.within = within  # a command that becomes the server, such as taskset
        self.arguments = arguments  # further ones of the server's
        self.data = data or folder / "data"
        self.log = folder / "server.log"
        self.address_file = folder / "address"
        self.port = 0
        self.address = ""
        self.process = None

    def start(self):
        """Begins, on the port of the first time; the caller waits with `wait_ready` if it wants to."""
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                [*self.within, self.keelson, "server", "--data", str(self.data), "--port", str(self.port), "--address-file",
                 str(self.address_file), *self.arguments], stdout=log, stderr=log, start_new_session=True)
        return self

    def wait_ready(self):
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with code {self.process.returncode}: {self.tail()}")
            try:
                self.address = self.address_file.read_text().strip()
                self.port = int(self.address.rsplit(":", 1)[1])
                self.get("/projects")
                return self
            except (OSError, IndexError, ValueError):
                time.sleep(0.02)
        raise AssertionError(f"the server is not ready: {self.tail()}")

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def stop(self):
        """SIGTERM; gives the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE_S)

    def get(self, path):
        with urllib.request.urlopen(f"{self.address}/api/keelson/v1{path}", timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def post_bytes(self, path, body):
        """The status and the answer, whatever they are; (0, reason) when the connection broke."""
        request = urllib.request.Request(self.address + path, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            try:
                return error.code, json.loads(text)
            except ValueError:
                return error.code, text
        except OSError as error:
            return 0, str(error)

    def post(self, path, json_body):
        return self.post_bytes(path, json.dumps(json_body).encode())

    def run(self, *arguments, cwd=None):
        return subprocess.run([self.keelson, *arguments, "--server", self.address], cwd=cwd, capture_output=True,
                              text=True, errors="replace", timeout=PATIENCE_S)

    def processes(self, *roles):
        """(process id, command line) of what this server has started, adopted ones too: whoever names our data folder."""
        mine = str(self.data) + "/"
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if len(words) < 2 or words[1] not in roles or not any(mine in word for word in words[2:]):
                    continue
                zombie = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
            except OSError:
                continue
            if not zombie:
                yield int(folder.name), words

    def children(self):
        """Process ids by role ("serve", "worker")."""
        found = {"serve": [], "worker": []}
        for pid, words in self.processes(*found):
            found[words[1]].append(pid)
        return found

    def orphans(self, patience_s):
        """What of ours still lives after so long."""
        until = time.monotonic() + patience_s
        while True:
            left = sum(self.children().values(), [])
            if not left or time.monotonic() > until:
                return left
            time.sleep(0.1)

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def clean(self):
        """Nothing of ours outlives a test, whatever it found."""
        if self.process and self.process.poll() is None:
            self.kill()
        for pid in sum(self.children().values(), []):
            kill(pid)


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False
