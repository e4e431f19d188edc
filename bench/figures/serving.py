"""`keelson serve` over REST with the issue's model (500 trees of depth 6, 28 features, XGBoost 3.2.0): CPU a request, rates,
latencies, start and idle memory."""
import json
import os
import pathlib
import time

from harness import Replica, children, figure

IDLE_S = 10
DEMANDED_CPU_US = {1: 47, 100: 300}
CONNECTIONS = (1, 8, 64)


def export(context, shape, batches):
    """A folder with XGBoost's model of such a shape, rows, and its own predictions for them."""
    folder = context.folder / "model"
    folder.mkdir()
    small = ["--depth", 3, "--training-rows", 1000] if context.smoke else []
    rows = [part for each in batches for part in ("--rows", each)]
    context.program(context.build / "bench/serving/keelson_tree_bench", "--export", folder, *rows, *shape, *small)
    return folder


def body_of(folder, rows):
    """The file of a request for so many rows, and the library's predictions."""
    known = json.loads((folder / f"rows_{rows}.json").read_text())
    tensor = {"name": "input-0", "shape": [rows, len(known["rows"]) // rows], "datatype": "FP32", "data": known["rows"]}
    path = folder / f"body_{rows}.json"
    path.write_text(json.dumps({"inputs": [tensor]}))
    return path, known["predictions"]


def check(server, bodies):
    """Each answer is what the library itself predicts, to its last digit but one of single precision."""
    for rows, (body, predictions) in bodies.items():
        data = server.ask("/v2/models/bench/infer", body.read_bytes())["outputs"][0]["data"]
        if len(data) != rows or any(abs(ours - known) > 2e-6 * abs(known) + 1e-9 for ours, known in zip(data, predictions)):
            raise RuntimeError(f"{server.name} answers {data[:5]}, the library {predictions[:5]}")


def load(context, server, body, connections, rate=None):
    """What keelson_load found, with the CPU time of the server's whole process tree for each request."""
    before = server.cpu_seconds()
    line = context.load(server.address, "/v2/models/bench/infer", body, connections, rate=rate)
    asked = line["requests"] + line["warm_requests"]
    return {**line, "server_cpu_us": (server.cpu_seconds() - before) * 1e6 / asked}


class Bare(Replica):
    """A server that answers without looking (bench/serving/bare_http.cc): what it is slow in, the machine is."""

    name = "bare"

    def __init__(self, context):
        self.start([context.build / "bench/serving/keelson_bare_http", str(len(os.sched_getaffinity(0)))])


def half_apart(context, model, body):
    """A server of one thread on the first core, asked from the last, at half of what it answers there. The asking side never sleeps, so
    that no wake-up of its own is measured. None where there is one core only."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return None
    server = Replica(context.keelson, f"bench={model}", arguments=("--threads", "1"))
    try:
        for pid in children(server.process.pid):
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), cores[:1])
        ask = lambda rate: context.load(server.address, "/v2/models/bench/infer", body, 8, rate=rate, cpu=cores[-1], spin=True)
        return ask(ask(None)["rps"] / 2)
    finally:
        server.stop()


def measure(context, peers=()):
    """`peers` start servers with an `ask`, an `address` and a `cpu_seconds` as Replica has them, from the model's path."""
    folder = export(context, ["--trees", 20] if context.smoke else [], DEMANDED_CPU_US)
    model = folder / "model.ubj"
    bodies = {rows: body_of(folder, rows) for rows in DEMANDED_CPU_US}
    starts = []
    for _ in range(3 * context.runs):
        replica = Replica(context.keelson, f"bench={model}")
        starts.append(1000 * replica.ready_s)
        replica.stop()
    servers = [context.keep(Replica(context.keelson, f"bench={model}"))]
    time.sleep(0.1 if context.smoke else IDLE_S)
    idle = servers[0].memory_kib("Pss") / 1024
    servers += [context.keep(peer(context, model)) for peer in peers]
    for server in servers:
        check(server, bodies)

    bare = context.keep(Bare(context))
    found = {}
    for _ in range(context.runs):
        for rows, connections in [(1, each) for each in CONNECTIONS] + [(100, 8)]:
            for server in servers:
                found.setdefault((server.name, rows, connections), []).append(load(context, server, bodies[rows][0], connections))
        half = max(line["rps"] for line in found["keelson", 1, 8]) / 2
        for name, server in (("half", servers[0]), ("bare half", bare)):
            found.setdefault(name, []).append(load(context, server, bodies[1][0], 8, rate=half))

    found["apart"] = [half_apart(context, model, bodies[1][0]) for _ in range(context.runs)]
    tails = lambda name: [line["p99_us"] / line["p50_us"] for line in found[name]]
    ours = lambda rows, connections, key: [line[key] for line in found["keelson", rows, connections]]
    figures = [
        figure("keelson serve, start to ready", "ms", starts, 60, note="until it says so, listening and warm"),
        figure("keelson serve, idle, proportional", "MiB", [idle], 32, note=f"{IDLE_S} s after ready"),
        figure("REST, 1 row, 1 connection: p50", "us", ours(1, 1, "p50_us"), 120),
        figure("REST, 1 row, half the capacity: p99 / p50", "", tails("half"), 5, tails("bare half"),
               f"beside a server that answers without looking; open loop, {found['half'][-1]['rps']:,.0f}/s over 8 connections, "
               f"p50 {found['half'][-1]['p50_us']:.0f} us, p99 {found['half'][-1]['p99_us']:.0f}; its p50 {found['bare half'][-1]['p50_us']:.0f}, "
               f"p99 {found['bare half'][-1]['p99_us']:.0f}"),
    ]
    if None not in found["apart"]:
        figures.append(figure("REST, 1 row, half the capacity of one core: p99 / p50", "", [line["p99_us"] / line["p50_us"] for line in found["apart"]], 5,
                              note=f"open loop, {found['apart'][-1]['rps']:,.0f}/s over 8 connections, p50 {found['apart'][-1]['p50_us']:.0f} us, "
                                   f"p99 {found['apart'][-1]['p99_us']:.0f}; the server and the asking side on a core each"))
    names = [server.name for server in servers[1:]]
    for rows, connections in ((1, 8), (100, 8)):
        for name in names or [None]:
            peer = [line["server_cpu_us"] for line in found[name, rows, connections]] if name else None
            figures.append(figure(f"REST, {rows} row{'s' * (rows > 1)}, 8 connections: CPU of the server a request", "us",
                                  ours(rows, 8, "server_cpu_us"), DEMANDED_CPU_US[rows], peer, f"beside {name}" if name else ""))
    for connections in CONNECTIONS:
        client = min(ours(1, connections, "client_cpu_us"))
        for name in names or [None]:
            peer = [line["rps"] for line in found[name, 1, connections]] if name else None
            figures.append(figure(f"REST, 1 row, {connections} connections: requests a second", "1/s", ours(1, connections, "rps"), None,
                                  peer, f"{f'beside {name}; ' if name else ''}the client's own CPU {client:.0f} us a request"))
    return figures
