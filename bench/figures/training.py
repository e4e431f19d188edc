"""One training of 250,000 rows x 20 columns x 200 rounds as a queued job on two cores: alone, and while the same server answers
predictions. Beside it XGBoost's own Python package on the same rows, as its user would call it."""
import datetime
import http.client
import json
import os
import random
import subprocess
import threading
import time
import urllib.parse

from harness import children, command_line, cpu_seconds, figure

ROWS, TEST_ROWS, COLUMNS, ROUNDS = 250_000, 5_000, 20, 200
RATE = 400  # predictions a second of the load, evenly spaced over its connections
CONNECTIONS = 4
PARAMETERS = {"max_depth": 6, "eta": 0.1, "objective": "binary:logistic"}


def instant(row):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_600_000_000 + row))


def write_rows(path, rows):
    """Columns of whole numbers below 1,000, and a label that six of them make likely; one row a second."""
    source = random.Random(1)
    names = [f"x{i}" for i in range(COLUMNS)]
    with open(path, "w") as file:
        file.write("id,at," + ",".join(names) + ",y\n")
        for row in range(rows):
            values = [source.randrange(1000) for _ in names]
            score = sum(values[:4]) - abs(values[4] - values[5]) + source.randrange(800)
            file.write(f"r{row},{instant(row)},{','.join(map(str, values))},{int(score > 2100)}\n")


def project(rounds, test_rows, salt, replicas="min: 1, max: 1"):
    """`salt` changes nothing that matters, but makes the training another one."""
    names = ", ".join(f"x{i}" for i in range(COLUMNS))
    parameters = ", ".join(f"{name}: {value}" for name, value in PARAMETERS.items())
    return f"""apiVersion: keelson.dev/v1
kind: Project
metadata: {{name: bench}}
sources: {{rows: {{path: rows.csv, time: at, key: id}}}}
train:
  table: rows
  label: y
  inputs: [{names}]
  split: {{by: time, test: {test_rows}s}}
  trainer: {{xgboost: {{rounds: {rounds}, {parameters}, lambda: {1 + salt * 1e-9:.9f}}}}}
  resources: {{cpu: 2, memory: 4Gi}}
serve: {{replicas: {{{replicas}, target: {{concurrency: 64}}}}}}
"""


class Load:
    """Asks for predictions at RATE a second until it is stopped."""

    def __init__(self, address):
        inputs = [{"name": f"x{i}", "shape": [1], "datatype": "FP64", "data": [500]} for i in range(COLUMNS)]
        self.body = json.dumps({"inputs": inputs})
        self.where = urllib.parse.urlsplit(address).netloc
        self.ended = threading.Event()
        self.times, self.wrong = [], 0
        self.threads = [threading.Thread(target=self.ask) for _ in range(CONNECTIONS)]
        self.begun = time.perf_counter()
        for thread in self.threads:
            thread.start()

    def ask(self):
        connection = http.client.HTTPConnection(self.where, timeout=60)
        due = time.perf_counter()
        while not self.ended.is_set():
            begun = time.perf_counter()
            connection.request("POST", "/v2/models/bench/infer", self.body, {"content-type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            self.wrong += answer.status != 200
            self.times.append(time.perf_counter() - begun)
            due = max(due + CONNECTIONS / RATE, time.perf_counter() - 1)  # after a standstill the rate comes back, not the backlog
            self.ended.wait(max(0, due - time.perf_counter()))

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        self.rate = len(self.times) / (time.perf_counter() - self.begun)
        if self.wrong:
            raise RuntimeError(f"{self.wrong} of {len(self.times)} predictions failed beside the training")


def lasting_cpu(server):
    """CPU seconds of us, who ask, and of each process of the server's that is no job: itself and its replicas."""
    used = {0: time.process_time()}
    for pid in children(server.process.pid):
        try:
            if "worker" not in command_line(pid):
                used[pid] = cpu_seconds(pid)
        except OSError:
            pass  # ended while we looked
    return used


def train(server, folder, rows, test_rows, rounds, salt):
    """As of the last row: wall seconds of the training job; CPU seconds of its process, by looking at it twenty times a second;
    CPU seconds meanwhile of who asks for predictions and of what answers them."""
    (folder / "keelson.yaml").write_text(project(rounds, test_rows, salt))
    server.run("apply", "-f", folder / "keelson.yaml")
    known = {job["id"] for job in server.get("jobs")["jobs"]}
    line = [server.keelson, "run", "bench", "--as-of", instant(rows + test_rows - 1), "--follow", "--server", server.address]
    asked = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    cpu, others = {}, lasting_cpu(server)
    while asked.poll() is None:
        for pid in children(server.process.pid):
            line = command_line(pid)
            if "worker" in line:
                try:
                    cpu[line[-2]] = max(cpu.get(line[-2], 0), cpu_seconds(pid))
                except OSError:
                    pass  # ended while we looked
        time.sleep(0.05)
    later = lasting_cpu(server)
    beside = sum(later[pid] - others[pid] for pid in later.keys() & others.keys())
    if asked.returncode != 0:
        raise RuntimeError("the pipeline failed: " + asked.stderr.read())
    job, = [job for job in server.get("jobs")["jobs"] if job["id"] not in known and job["kind"] == "train"]
    used = max((seconds for spec, seconds in cpu.items() if f"/{job['id']}/" in spec), default=0)
    started, ended = (datetime.datetime.fromisoformat(job[when].replace("Z", "+00:00")) for when in ("started", "ended"))
    return (ended - started).total_seconds(), used, beside


def measure(context):
    rows, test_rows, rounds = (4_000, 500, 5) if context.smoke else (ROWS, TEST_ROWS, ROUNDS)
    folder = context.folder / "project"
    folder.mkdir()
    write_rows(folder / "rows.csv", rows + test_rows)
    server = context.server("data")
    train(server, folder, rows, test_rows, rounds, 0)  # reads the rows once for all; its model then answers the load
    server.run("promote", "bench", "1")
    server.run("predict", "bench", "--data", json.dumps({f"x{i}": 500 for i in range(COLUMNS)}))

    python = context.cache / "readme/bin/python"  # the environment of tests/suites/readme: xgboost-cpu, numpy
    alone, busy, peer, rates, latencies = [], [], [], [], []
    for run in range(context.runs):
        alone.append(train(server, folder, rows, test_rows, rounds, 2 * run + 1))
        load = Load(server.address)
        try:
            busy.append(train(server, folder, rows, test_rows, rounds, 2 * run + 2))
        finally:
            load.stop()
        rates.append(load.rate)
        latencies += load.times
        if python.exists():
            peer += context.program(python, context.top / "bench/peers/xgboost_training.py", folder / "rows.csv", rows, rounds,
                                    json.dumps(PARAMETERS))
    latencies.sort()
    size = f"{rows:,} x {COLUMNS} x {rounds}, the whole job"
    words = f"{sum(rates) / len(rates):.0f} predictions/s, p99 {1000 * latencies[len(latencies) * 99 // 100]:.1f} ms"
    peers = [line["wall_s"] for line in peer] or None
    walls = [wall for wall, _, _ in alone]
    usual = sum(beside for _, _, beside in alone) / len(alone)
    cores = min(2, os.cpu_count() or 1)
    # What is left when the seconds are given back that asking and answering took from the cores: the server's own fault.
    own = [wall - (beside - usual) / cores for wall, _, beside in busy]
    return [
        figure("training alone", "s", walls, 4.4, peers, size),
        figure("training alone, CPU", "s", [cpu for _, cpu, _ in alone], None, [line["cpu_s"] for line in peer] or None),
        figure("training while predictions are answered", "s", [wall for wall, _, _ in busy], 4.4, walls,
               words + "; the peer is the training alone"),
        figure("the same, less the CPU of asking and answering", "s", own, 4.4, walls, "the peer is the training alone"),
        figure("training while predictions are answered, CPU", "s", [cpu for _, cpu, _ in busy], None, [cpu for _, cpu, _ in alone]),
    ]
