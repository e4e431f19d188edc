"""What the payload log costs `keelson serve`: CPU time a request with a complete log and without, two servers of the issue's model beside
one another, asked in turn (off, on, on, off, ...), so that whatever else the machine does meets both."""
import pathlib

from harness import Replica, children, figure
from figures.serving import body_of, check, export

PAIRS = 8


def running_seconds(server):
    """On a processor, to the nanosecond; the server's threads live as long as it does."""
    nanoseconds = 0
    for pid in children(server.process.pid):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            nanoseconds += int((task / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def cpu_us(context, server, body):
    before = running_seconds(server)
    line = context.load(server.address, "/v2/models/bench/infer", body, 8)
    return (running_seconds(server) - before) * 1e6 / (line["requests"] + line["warm_requests"])


def measure(context):
    folder = export(context, ["--trees", 20] if context.smoke else [], (1, 100))
    bodies = {rows: body_of(folder, rows) for rows in (1, 100)}
    model = f"bench={folder / 'model.ubj'}"
    logged = ("--payload-log", str(context.folder / "payload"))
    servers = {name: context.keep(Replica(context.keelson, model, arguments=arguments))
               for name, arguments in (("off", ()), ("complete", logged), ("sampled", (*logged[:1], logged[1] + "-sampled", "--payload-sample", "0.01")))}
    for server in servers.values():
        check(server, bodies)
    figures = []
    for rows, (body, _) in bodies.items():
        for kind in ("complete", "sampled"):
            costs, without = [], []
            for pair in range(1 if context.smoke else PAIRS):
                order = ("off", kind) if pair % 2 == 0 else (kind, "off")
                found = {name: cpu_us(context, servers[name], body) for name in order}
                costs.append(100 * (found[kind] / found["off"] - 1))
                without.append(found["off"])
            figures.append(figure(f"payload log {kind}, {rows} row{'s' * (rows > 1)}: more CPU a request than without", "%", costs,
                                  3 if rows == 1 and kind == "complete" else None, note=f"without {min(without):.2f} us, 8 connections"))
    return figures
