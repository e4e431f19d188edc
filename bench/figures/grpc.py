"""`keelson serve --grpc-port` with the model of `serving` (500 trees of depth 6, 28 features): CPU a request, rates, latencies
(bench/serving/grpc_load.cc). `grpc_peers` is the same beside MLServer and KServe."""
from harness import Replica, figure

from figures.serving import export

DEMANDED_CPU_US = 87  # of a request of one row; a bare echo by gRPC 1.51 costs 52 to 65
CONNECTIONS = (1, 8, 64)


def load(context, server, connections, requests, *more):
    """What keelson_grpc_load found, with the CPU time of the server's whole process tree for each request."""
    before = server.cpu_seconds()
    found, = context.program(context.build / "bench/serving/keelson_grpc_load", "--port", server.grpc_port, "--model", "bench",
                             "--features", 28, "--connections", connections, "--requests", requests, *more)
    return {**found, "server_cpu_us": (server.cpu_seconds() - before) * 1e6 / (found["requests"] + found["warm_requests"])}


def measure(context, peers=()):
    """`peers` start servers with a `grpc_port` and a `cpu_seconds` as Replica has them, from the model's path."""
    model = export(context, ["--trees", 20] if context.smoke else [], (1,)) / "model.ubj"
    ours = context.keep(Replica(context.keelson, f"bench={model}", arguments=["--grpc-port", "0"]))
    others = [context.keep(peer(context, model)) for peer in peers]
    requests = 1_600 if context.smoke else 40_000
    found, beside = {}, {other.name: {each: [] for each in CONNECTIONS} for other in others}
    for _ in range(context.runs):
        for connections in CONNECTIONS:
            found.setdefault(connections, []).append(load(context, ours, connections, requests))
            for other in others:
                beside[other.name][connections].append(load(context, other, connections, requests // 10))
        found.setdefault("typed", []).append(load(context, ours, 8, requests, "--typed"))
        found.setdefault("hundred", []).append(load(context, ours, 8, requests // 10, "--rows", 100))

    def of(lines, key):
        return [line[key] for line in lines]
    name = "gRPC, 1 row, 8 connections: CPU of the server a request"
    figures = [figure(name, "us", of(found[8], "server_cpu_us"), DEMANDED_CPU_US, note="raw contents")]
    for other in others:
        figures.append(figure(name, "us", of(found[8], "server_cpu_us"), DEMANDED_CPU_US,
                              of(beside[other.name][8], "server_cpu_us"), f"beside {other.name}"))
    figures += [
        figure("gRPC, 1 row, 8 connections, typed contents: CPU of the server a request", "us", of(found["typed"], "server_cpu_us"),
               DEMANDED_CPU_US),
        figure("gRPC, 100 rows, 8 connections: CPU of the server a request", "us", of(found["hundred"], "server_cpu_us")),
        figure("gRPC, 1 row, 1 connection: p50", "us", of(found[1], "p50_us"), note=f"p99 {max(of(found[1], 'p99_us')):.0f}"),
    ]
    for connections in CONNECTIONS:
        client = min(of(found[connections], "client_cpu_us"))
        for other in others or [None]:
            peer = of(beside[other.name][connections], "rps") if other else None
            figures.append(figure(f"gRPC, 1 row, connections: {connections}: requests a second", "1/s", of(found[connections], "rps"),
                                  None, peer, f"{f'beside {other.name}; ' if other else ''}the client's own CPU {client:.0f} us a request"))
    return figures
