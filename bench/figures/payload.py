"""What the payload log costs `keelson serve`: CPU time a request with a log and without, servers of the issue's model beside one another,
asked in turn (off, on, on, off, ...), so that whatever else the machine does meets both; the least of each, which it met least."""
import pathlib

from harness import Replica, children, figure
from figures.serving import body_of, check, export

PAIRS = 4  # a run
MEASURED = (("complete", 1, 3), ("complete", 100, None), ("sampled", 1, None))  # log, rows, what is demanded


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
    log = str(context.folder / "payload")
    servers = {kind: context.keep(Replica(context.keelson, f"bench={folder / 'model.ubj'}", arguments=arguments))
               for kind, arguments in (("off", ()), ("complete", ("--payload-log", log)),
                                       ("sampled", ("--payload-log", log + "-sampled", "--payload-sample", "0.01")))}
    for server in servers.values():
        check(server, bodies)
    figures = []
    for kind, rows, demand in MEASURED:
        more, without = [], []
        for _ in range(context.runs):
            found = {"off": [], kind: []}
            for pair in range(1 if context.smoke else PAIRS):
                for name in ("off", kind) if pair % 2 == 0 else (kind, "off"):
                    found[name].append(cpu_us(context, servers[name], bodies[rows][0]))
            without.append(min(found["off"]))
            more.append(100 * (min(found[kind]) / without[-1] - 1))
        figures.append(figure(f"payload log {kind}, {rows} row{'s' * (rows > 1)}: more CPU a request than without", "%", more, demand,
                              note=f"without {min(without):.2f} us, 8 connections"))
    return figures
