"""What the benchmarks share: figures, our processes and what they use, servers of their own."""
import filecmp
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import time
import urllib.request

PATIENCE_S = 600
TICKS = os.sysconf("SC_CLK_TCK")


class Missing(Exception):
    """What a benchmark needs is not there; the text says how to get it."""


def figure(name, unit, ours, demand=None, peer=None, note=""):
    """One line of the table, of several runs of ours (and of the peer's): the medians, and the ratios, below 1 when we are better."""
    middle = statistics.median(ours)
    peers = None if peer is None else statistics.median(peer)
    return {"figure": name, "unit": unit, "ours": middle, "least": min(ours), "most": max(ours), "runs": list(ours), "demand": demand,
            "of_demand": None if demand is None else middle / demand, "peer": peers, "peer_runs": peer,
            "of_peer": None if not peers else middle / peers, "note": note}


def cpu_seconds(pid):
    """User and system time of a living process, without its children."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def children(pid):
    """All processes below one, with itself."""
    found = [pid]
    for parent in found:
        for task in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                pass  # ended while we looked
    return found


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def memory_kib(pid, what):
    """Rss or Pss."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1])
    return 0


class Server:
    """A keelson server on a data folder; ready when the constructor returns, `ready_s` after it was started."""

    def __init__(self, keelson, data):
        self.keelson = keelson
        address_file = data.parent / f"{data.name}.address"
        address_file.unlink(missing_ok=True)
        begun = time.perf_counter()
        self.process = subprocess.Popen([keelson, "server", "--data", data, "--port", "0", "--address-file", address_file],
                                        stdout=subprocess.PIPE, stderr=open(f"{data}.log", "w"), text=True)
        if "is ready at" not in self.process.stdout.readline():
            raise RuntimeError("the server did not start: " + open(f"{data}.log").read()[-1000:])
        self.address = address_file.read_text().strip()
        self.get("projects")
        self.ready_s = time.perf_counter() - begun

    def get(self, path):
        with urllib.request.urlopen(f"{self.address}/api/keelson/v1/{path}", timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def run(self, *line):
        done = subprocess.run([self.keelson, *map(str, line), "--server", self.address], capture_output=True, text=True,
                              timeout=PATIENCE_S)
        if done.returncode != 0:
            raise RuntimeError(f"keelson {' '.join(map(str, line))}: {done.stdout}{done.stderr}")
        return done.stdout

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.communicate(timeout=PATIENCE_S)


class Replica:
    """A `keelson serve` on a port of its own; ready when the constructor returns, `ready_s` after it was started."""

    name = "keelson"

    def __init__(self, keelson, *models, arguments=()):
        line = [keelson, "serve", "--port", "0", *arguments]
        for model in models:
            line += ["--model", model]
        self.start(line)

    def start(self, line):
        begun = time.perf_counter()
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        said = self.process.stdout.readline()
        self.ready_s = time.perf_counter() - begun
        if "ready at " not in said:
            raise RuntimeError(f"{line[0]} did not start: {said}")
        self.address = said.split("ready at ")[1].split()[0]
        self.grpc_port = int(said.split("grpc://")[1].split()[0].rsplit(":", 1)[1]) if "grpc://" in said else None

    def ask(self, path, body):
        request = urllib.request.Request(self.address + path, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def cpu_seconds(self):
        """Of the whole process tree."""
        return sum(cpu_seconds(pid) for pid in children(self.process.pid))

    def memory_kib(self, what):
        return sum(memory_kib(pid, what) for pid in children(self.process.pid))

    def stop(self):
        below = children(self.process.pid)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.communicate()
        for pid in below[1:]:  # what a peer leaves behind
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


class Context:
    def __init__(self, top, folder, smoke, runs):
        self.top, self.folder, self.smoke, self.runs = top, folder, smoke, runs
        self.cache = pathlib.Path(os.environ.get("CACHE", top / ".cache"))
        self.build = top / "build/release"
        self.keelson = self.build / "keelson"
        self.servers = []

    def server(self, name):
        self.servers.append(Server(self.keelson, self.folder / name))
        return self.servers[-1]

    def keep(self, server):
        """To be stopped when the benchmark ends."""
        self.servers.append(server)
        return server

    def load(self, server, path, body, connections, rate=None, **options):
        """What keelson_load (bench/serving/load.cc) found; a wrong answer is an error."""
        line = [self.build / "bench/serving/keelson_load", "--server", server, "--path", path, "--body", body, "--connections",
                connections, "--seconds", 0.2 if self.smoke else 3, "--warm-up", 0.1 if self.smoke else 0.5]
        for name, value in {"rate": rate, **options}.items():
            line += [] if value is None else [f"--{name}"] if value is True else [f"--{name}", value]
        found, = self.program(*line)
        if found["wrong"]:
            raise RuntimeError(f"{found['wrong']} of {found['requests']} answers of {server}{path} are wrong")
        return found

    def python(self, name, requirements):
        """An interpreter with the pinned packages of a file of bench/peers/, in the git-ignored cache."""
        folder, wanted = self.cache / name, self.top / "bench/peers" / requirements
        if not (folder / "installed.txt").exists() or not filecmp.cmp(folder / "installed.txt", wanted, shallow=False):
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run(["python3", "-m", "venv", folder], check=True)
            done = subprocess.run([folder / "bin/pip", "install", "--quiet", "--no-deps", "--require-hashes", "--requirement", wanted],
                                  capture_output=True, text=True)
            if done.returncode != 0:
                raise Missing(f"the packages of {wanted.name} could not be installed: " + done.stderr[-500:])
            shutil.copy(wanted, folder / "installed.txt")
        return folder / "bin/python"

    def program(self, *line):
        """The JSON lines that a benchmark program of ours prints."""
        done = subprocess.run([str(part) for part in line], capture_output=True, text=True, timeout=PATIENCE_S)
        if done.returncode != 0:
            raise RuntimeError(f"{line[0]}: {done.stdout}{done.stderr}")
        return [json.loads(text) for text in done.stdout.splitlines() if text.startswith("{")]

    def flights(self):
        """The flights project with its data, in a folder of this benchmark's own."""
        project = self.folder / "flights"
        if not project.exists():
            shutil.copytree(self.top / "examples/flights", project, ignore=shutil.ignore_patterns("data"))
            (project / "data").symlink_to(pathlib.Path(os.environ.get("DEPENDENCIES", self.cache / "dependencies")) / "data/nycflights13")
        return project / "keelson.yaml"

    def close(self):
        for server in self.servers:
            server.stop()
