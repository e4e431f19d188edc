"""MLflow's API: log-batch from eight clients and a search over many runs, beside the real `mlflow server` on SQLite with one worker
(when tests/suites/mlflow has made its environment and the benchmark is asked for by name). Walls are of a machine with whatever else it
does; the server's CPU is the steadier figure."""
import http.client
import json
import os
import subprocess
import threading
import time
import urllib.parse

from harness import children, cpu_seconds, figure

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


def log_batches(address, batches, size):
    """Eight clients, each to its own run; the seconds it took. Bodies are made before."""
    def bodies(run):
        return [json.dumps({"run_id": run, "metrics": [{"key": f"m{k % 50}", "value": k * 0.5, "timestamp": 1_700_000_000_000 + b, "step": b * size + k}
                                                       for k in range(size)]}).encode() for b in range(batches)]

    callers = [Caller(address) for _ in range(CLIENTS)]
    prepared = [bodies(make_run(caller)) for caller in callers]
    failed = []

    def go(caller, mine):
        try:
            for body in mine:
                caller.post("runs/log-batch", body)
        except Exception as error:  # told below
            failed.append(error)

    threads = [threading.Thread(target=go, args=pair) for pair in zip(callers, prepared)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return time.perf_counter() - begun


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


def measure(context):
    server = context.server("tracking")
    other = peer(context)
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
    runs = 200 if context.smoke else 100_000
    fill(server.address, max(runs, 900), 20)
    walls = search(server.address, 3 if context.smoke else 15)
    before = cpu_of(server.process.pid)
    search(server.address, 5)
    cost = (cpu_of(server.process.pid) - before) / 5 * 1e3
    peer_walls = None
    if other:
        fill(other[0], 1000, 20)
        peer_walls = [wall * 1e3 for wall in search(other[0], 5)]
    figures.append(figure(f"search of 100 runs among {max(runs, 900):,}", "ms", [wall * 1e3 for wall in walls], 30, peer_walls,
                          note=f"two metric filters, a param, ordered by a third; server CPU {cost:.1f} ms; the peer has 1,000 runs"))
    begun = [time.perf_counter()]
    caller = Caller(server.address)
    for _ in range(20):
        caller.post("experiments/search", {"max_results": 100})
        begun.append(time.perf_counter())
    figures.append(figure("first page of experiments", "ms", [(b - a) * 1e3 for a, b in zip(begun, begun[1:])], 2))
    if other:
        other[1].terminate()
        other[1].wait()
    return figures
