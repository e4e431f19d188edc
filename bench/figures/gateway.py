"""A model behind the server: what the gateway adds to a request of one row, and the first request to a sleeping model."""
import json
import time
import urllib.request

from figures import training
from harness import children, command_line, figure

PATH = "/v2/models/bench/infer"


def replicas_of(server):
    """The Unix sockets of the replicas that run."""
    lines = [command_line(pid) for pid in children(server.process.pid)]
    return [line[line.index("--unix") + 1] for line in lines if "serve" in line[1:2] and "--unix" in line]


def wait_for(what, reached):
    deadline = time.monotonic() + 60
    while not reached():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited in vain: {what}")
        time.sleep(0.01)


def measure(context):
    rows, test_rows, rounds = (2_000, 500, 5) if context.smoke else (20_000, 500, 500)
    folder = context.folder / "project"
    folder.mkdir()
    training.write_rows(folder / "rows.csv", rows + test_rows)
    server = context.server("data")

    def apply(replicas):
        (folder / "keelson.yaml").write_text(training.project(rounds, test_rows, 0, replicas))
        server.run("apply", "-f", folder / "keelson.yaml")

    apply("min: 1, max: 1")
    server.run("run", "bench", "--as-of", training.instant(rows + test_rows - 1), "--follow")
    server.run("promote", "bench", "1")
    inputs = [{"name": f"x{i}", "shape": [1], "datatype": "FP64", "data": [500]} for i in range(training.COLUMNS)]
    body = folder / "body.json"
    body.write_text(json.dumps({"inputs": inputs}))

    def ask():
        request = urllib.request.Request(server.address + PATH, body.read_bytes(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["outputs"][0]["data"]

    known = ask()
    direct, through = [], []
    for _ in range(context.runs):
        socket, = replicas_of(server)
        direct.append(context.load(f"unix:{socket}", PATH, body, 1)["p50_us"])
        through.append(context.load(server.address, PATH, body, 1)["p50_us"])

    apply("min: 0, max: 1, idle: 1s")
    first = []
    for _ in range(3 * context.runs):
        wait_for("that the model sleeps", lambda: not replicas_of(server))
        begun = time.perf_counter()
        answer = ask()
        first.append(1000 * (time.perf_counter() - begun))
        if answer != known:
            raise RuntimeError(f"the woken model answers {answer}, before {known}")
    size = f"{rounds} trees of depth {training.PARAMETERS['max_depth']}, {training.COLUMNS} columns by name"
    return [
        figure("gateway: p50 through it less p50 direct", "us", [a - b for a, b in zip(through, direct)], 40, None,
               f"{min(through):.0f} through TCP and it, {min(direct):.0f} at the replica's socket; {size}, payload log complete"),
        figure("first request to a sleeping model", "ms", first, 250, None, f"a replica is started for it; {size}"),
    ]
