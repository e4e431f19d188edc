"""MLflow's API: log-batch and log-metric from eight clients, a search over many runs, a long history, beside the real `mlflow server` on
SQLite with one worker (when tests/suites/mlflow has made its environment and the benchmark is asked for by name). Walls are of a machine with
whatever else it does; the server's CPU is the steadier figure. RUNS=1000000 searches among so many (filled through the database's own file)."""
import http.client
import json
import os
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.parse

from harness import children, cpu_seconds, figure, memory_kib

ONLY_BY_NAME = True
CLIENTS = 8


class Caller:
    def __init__(self, address):
        self.where = urllib.parse.urlsplit(address)
        self.connection = http.client.HTTPConnection(self.where.hostname, self.where.port, timeout=600)

    def post(self, path, body):
        self.connection.request("POST", "/api/2.0/mlflow/" + path, body if isinstance(body, bytes) else json.dumps(body).encode(),
                                {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {text[:500]}")
        return json.loads(text)


def make_run(caller, start=0):
    return caller.post("runs/create", {"experiment_id": "0", "start_time": start})["run"]["info"]["run_id"]


def log_all(address, path, bodies_of):
    """Eight clients, each to its own run; the seconds it took. Requests are made before and the sockets are plain, so that what is measured is
    the server's time and not Python's."""
    where = urllib.parse.urlsplit(address)
    prepared = []
    for _ in range(CLIENTS):
        run = make_run(Caller(address))
        head = f"POST /api/2.0/mlflow/{path} HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Type: application/json\r\nContent-Length: "
        prepared.append([f"{head}{len(body)}\r\n\r\n{body}".encode() for body in bodies_of(run)])
    failed = []

    def go(requests):
        try:
            with socket.create_connection((where.hostname, where.port), timeout=600) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for request in requests:
                    connection.sendall(request)
                    answer = connection.recv(65536)
                    while not (answer.endswith(b"{}") or not answer):
                        answer += connection.recv(65536)
                    if not answer.startswith(b"HTTP/1.1 200 "):
                        raise RuntimeError(f"{path}: {answer[:500]}")
        except Exception as error:  # told below
            failed.append(error)

    threads = [threading.Thread(target=go, args=(requests,)) for requests in prepared]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return time.perf_counter() - begun


def log_batches(address, batches, size):
    return log_all(address, "runs/log-batch", lambda run: [
        json.dumps({"run_id": run, "metrics": [{"key": f"m{k % 50}", "value": k * 0.5, "timestamp": 1_700_000_000_000 + b, "step": b * size + k}
                                               for k in range(size)]}) for b in range(batches)])


def log_singles(address, count):
    return log_all(address, "runs/log-metric", lambda run: [
        json.dumps({"run_id": run, "key": "loss", "value": i * 0.5, "timestamp": 1_700_000_000_000 + i, "step": i}) for i in range(count)])


def syncs(folder, count):
    """fdatasync calls a second on the server's disk, each after a page's worth of bytes, as a log is written."""
    path = folder / "syncs"
    with open(path, "wb", buffering=0) as file:
        file.write(bytes(4096 * count))
        os.fsync(file.fileno())
        file.seek(0)
        begun = time.perf_counter()
        for _ in range(count):
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
        seconds = time.perf_counter() - begun
    path.unlink()
    return count / seconds


def fill(address, runs, each):
    """Runs with 20 metrics and 20 params; by several callers, for the peer's sake."""
    def go(first):
        caller = Caller(address)
        for i in range(first, runs, CLIENTS):
            run = make_run(caller, i)
            caller.post("runs/log-batch", {"run_id": run,
                                           "metrics": [{"key": f"m{k}", "value": (i * (k + 7)) % 1000, "timestamp": 1} for k in range(each)],
                                           "params": [{"key": f"p{k}", "value": "even" if (i // (k + 1)) % 2 == 0 else "odd"} for k in range(each)]})

    threads = [threading.Thread(target=go, args=(first,)) for first in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


SEARCH = {"experiment_ids": ["0"], "max_results": 100, "filter": "metrics.m0 < 500 AND metrics.m1 >= 500 AND params.p3 = 'even'",
          "order_by": ["metrics.m2 DESC"]}


def fill_file(path, runs, each):
    """The same into the file of a server that is not running: a million runs take minutes so, and hours through the API."""
    with sqlite3.connect(path) as database:
        first, = database.execute("SELECT coalesce(max(sequence), 0) FROM run").fetchone()
        database.executemany("INSERT OR IGNORE INTO metric_key (name) VALUES (?)", [(f"m{k}",) for k in range(each)])
        keys = dict(database.execute("SELECT name, id FROM metric_key"))
        for begin in range(0, runs, 10_000):
            these = range(begin, min(runs, begin + 10_000))
            database.executemany("INSERT INTO run (sequence, id, experiment_id, name, status, started_ms, artifact_uri) VALUES "
                                 "(?, ?, 0, 'filled', 'running', ?, 'mlflow-artifacts:/0')", [(first + 1 + i, f"{first + i:032x}", i) for i in these])
            database.executemany("INSERT INTO latest_metric VALUES (?, ?, 0, 1, ?, 0)",
                                 [(first + 1 + i, keys[f"m{k}"], (i * (k + 7)) % 1000) for i in these for k in range(each)])
            database.executemany("INSERT INTO param VALUES (?, ?, ?)", [
                (first + 1 + i, f"p{k}", "even" if (i // (k + 1)) % 2 == 0 else "odd") for i in these for k in range(each)])
    database.close()


def search(address, times):
    caller = Caller(address)
    walls = []
    for _ in range(times):
        begun = time.perf_counter()
        found = caller.post("runs/search", SEARCH)
        walls.append(time.perf_counter() - begun)
        if len(found["runs"]) != 100:
            raise RuntimeError(f"the search found {len(found['runs'])} runs")
    return walls


def peer(context):
    """The real server's address and process, or nothing where its environment is not there."""
    binaries = context.cache / "clients/bin"
    if context.smoke or not (binaries / "mlflow").exists():
        return None
    folder = context.folder / "peer"
    folder.mkdir()
    port = 5901 + os.getpid() % 1000
    process = subprocess.Popen([binaries / "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--backend-store-uri",
                                f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", folder / "artifacts"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True,
                               env={**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "MLFLOW_DISABLE_TELEMETRY": "true"})
    address = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 300
    while time.monotonic() < until:
        try:
            Caller(address).post("experiments/search", {"max_results": 1})
            return address, process
        except (OSError, RuntimeError):
            time.sleep(0.5)
    process.terminate()
    raise RuntimeError("the real server did not start")


def cpu_of(pid):
    return sum(cpu_seconds(each) for each in children(pid))


def measure_logging(context, server, other):
    figures = []
    batches = 4 if context.smoke else 200
    for size in (100, 1000):
        rates, costs, peer_rates, peer_costs = [], [], [], []
        each = max(1, batches // (1 if size == 100 else 5))  # batches of one client
        count = CLIENTS * each * size
        for _ in range(context.runs):
            before = cpu_of(server.process.pid)
            rates.append(count / log_batches(server.address, each, size))
            costs.append((cpu_of(server.process.pid) - before) / count * 1e6)
            if other:
                few = max(1, each // 40)
                before = cpu_of(other[1].pid)
                peer_rates.append(CLIENTS * few * size / log_batches(other[0], few, size))
                peer_costs.append((cpu_of(other[1].pid) - before) / (CLIENTS * few * size) * 1e6)
        figures.append(figure(f"log-batch, {size} a batch, 8 clients", "metrics/s", rates, 200_000 if size == 100 else 300_000, peer_rates or None,
                              note="durable; the clients are one Python process on the same cores"))
        figures.append(figure(f"log-batch, {size} a batch: server CPU", "us/metric", costs, 3.4, peer_costs or None))
    rates, ratios, peer_rates = [], [], []
    each = 10 if context.smoke else 500
    for _ in range(context.runs):
        beside = syncs(context.folder, each)
        rates.append(CLIENTS * each / log_singles(server.address, each))
        ratios.append(rates[-1] / beside)
        if other:
            peer_rates.append(CLIENTS * 5 / log_singles(other[0], 5))
    figures.append(figure("log-metric, 8 clients", "metrics/s", rates, None, peer_rates or None))
    figures.append(figure("log-metric, 8 clients: of the fdatasync rate beside it", "ratio", ratios, 0.7))
    return figures


FLUENT = """
import sys, time, mlflow
mlflow.set_tracking_uri(sys.argv[1])
with mlflow.start_run() as run:
    mlflow.log_metric("first", 0)
    begun = time.perf_counter()
    for i in range(1000):
        mlflow.log_metric("loss", i * 0.5, step=i)
    seconds = time.perf_counter() - begun
if len(mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")) != 1000:
    sys.exit("not every metric is there")
print(seconds)
"""


def measure_fluent(context, server, other):
    """MLflow's own client, which waits for each metric; it is most of the time itself."""
    if not other:
        return []
    loop = lambda address: 1000 / float(subprocess.run([context.cache / "clients/bin/python", "-c", FLUENT, address], check=True, capture_output=True,
                                                       text=True, env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}).stdout.split()[-1])
    rates, peer_rates = zip(*[(loop(server.address), loop(other[0])) for _ in range(context.runs)])
    return [figure("fluent log_metric, a loop of 1,000", "metrics/s", rates, None, peer_rates),
            figure("fluent log_metric, a loop of 1,000: times the peer's", "ratio", [ours / theirs for ours, theirs in zip(rates, peer_rates)], 5)]


def measure_history(context, server):
    points = 5000 if context.smoke else 1_000_000
    caller = Caller(server.address)
    run = make_run(caller)
    for begin in range(0, points, 1000):
        caller.post("runs/log-batch", {"run_id": run, "metrics": [{"key": "long", "value": (i * 7919) % 1009 / 8, "timestamp": 1_700_000_000_000 + i,
                                                                   "step": i} for i in range(begin, begin + 1000)]})
    walls = []
    for _ in range(3 if context.smoke else 15):
        begun = time.perf_counter()
        caller.connection.request("GET", f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids={run}&metric_key=long&max_results=2500")
        answer = caller.connection.getresponse().read()
        walls.append((time.perf_counter() - begun) * 1e3)
    found = json.loads(answer)["metrics"]
    if len(found) != 2500 or found[0]["step"] != 0 or found[-1]["step"] != points - 1:
        raise RuntimeError(f"the sample has {len(found)} points")
    return [figure(f"history of {points:,} points sampled to 2,500", "ms", walls, 30)]


def send(address, method, path, blocks=()):
    """One request on a connection of its own; the seconds up to the end of the answer, and its size."""
    where = urllib.parse.urlsplit(address)
    length = sum(len(block) for block in blocks)
    buffer = bytearray(1 << 20)
    begun = time.perf_counter()
    with socket.create_connection((where.hostname, where.port), timeout=600) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n".encode())
        for block in blocks:
            connection.sendall(block)
        got = connection.recv_into(buffer)
        if not buffer.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"{method} {path}: {bytes(buffer[:300])}")
        size = got
        while got := connection.recv_into(buffer):
            size += got
    return time.perf_counter() - begun, size


def measure_artifacts(context, server):
    """An upload beside `dd conv=fsync` of the same bytes to the same disk, in turns."""
    size = (8 if context.smoke else 1024) << 20
    block = os.urandom(1 << 20)
    path = "/api/2.0/mlflow-artifacts/artifacts/0/bench/artifacts/large"
    rates, ratios, downloads = [], [], []
    before = memory_kib(server.process.pid, "Rss")
    most = before
    for _ in range(context.runs):
        begun = time.perf_counter()
        subprocess.run(["dd", "if=/dev/zero", f"of={context.folder}/dd", "bs=1M", f"count={size >> 20}", "conv=fsync"], check=True, capture_output=True)
        beside = size / (time.perf_counter() - begun)
        os.unlink(context.folder / "dd")
        seconds, _ = send(server.address, "PUT", path, [block] * (size >> 20))
        rates.append(size / seconds / 1e6)
        ratios.append(size / seconds / beside)
        most = max(most, memory_kib(server.process.pid, "Rss"))
        seconds, got = send(server.address, "GET", path)
        if got < size:
            raise RuntimeError(f"{got} of {size} bytes came back")
        downloads.append(size / seconds / 1e9)
        most = max(most, memory_kib(server.process.pid, "Rss"))
        send(server.address, "DELETE", path)
    name = f"{size >> 20} MiB artifact"
    return [figure(f"{name}: upload", "MB/s", rates), figure(f"{name}: upload, of dd conv=fsync", "ratio", ratios, 0.8),
            figure(f"{name}: download", "GB/s", downloads, 1.5), figure(f"{name}: memory beyond what it had", "MiB", [(most - before) / 1024])]


def measure_search(context, other):
    runs = 900 if context.smoke else int(os.environ.get("RUNS", 100_000))
    server = context.server("searched")
    server.stop()
    fill_file(context.folder / "searched/keelson.db", runs, 20)
    server = context.server("searched")
    ready = [server.ready_s]
    for _ in range(1 if context.smoke else 4):
        server.stop()
        server = context.server("searched")
        ready.append(server.ready_s)
    time.sleep(0 if context.smoke else 10 + runs / 50_000)
    idle = [memory_kib(server.process.pid, "Pss") / 1024]
    search(server.address, 3)
    walls = search(server.address, 3 if context.smoke else 25)
    before = cpu_of(server.process.pid)
    search(server.address, 5)
    cost = (cpu_of(server.process.pid) - before) / 5 * 1e3
    peer_walls = None
    if other:
        fill(other[0], 1000, 20)
        peer_walls = [wall * 1e3 for wall in search(other[0], 5)]
    figures = [figure(f"search of 100 runs among {runs:,}", "ms", [wall * 1e3 for wall in walls], 30 if runs <= 100_000 else 150, peer_walls,
                      note=f"two metric filters, a param, ordered by a third; server CPU {cost:.1f} ms; the peer has 1,000 runs")]
    begun = [time.perf_counter()]
    caller = Caller(server.address)
    for _ in range(20):
        caller.post("experiments/search", {"max_results": 100})
        begun.append(time.perf_counter())
    figures.append(figure("first page of experiments", "ms", [(b - a) * 1e3 for a, b in zip(begun, begun[1:])], 2))
    figures.append(figure(f"start with {runs:,} runs", "s", ready, 0.3))
    figures.append(figure(f"idle with {runs:,} runs, index built", "MiB", idle, 64, note="proportional set size"))
    return figures


def measure(context):
    server = context.server("tracking")
    other = peer(context)
    figures = measure_logging(context, server, other) + measure_fluent(context, server, other) + measure_history(context, server) + measure_artifacts(context, server)
    server.stop()
    figures += measure_search(context, other)
    if other:
        other[1].terminate()
        other[1].wait()
    return figures
