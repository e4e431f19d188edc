"""`keelson serve --grpc-port` with the model of `serving` (500 trees of depth 6, 28 features): CPU a request, rates, latencies
(bench/serving/grpc_load.cc)."""
from harness import Replica, figure

from figures.serving import export

DEMANDED_CPU_US = 87  # of a request of one row; a bare echo by gRPC 1.51 costs 52 to 65
CONNECTIONS = (1, 8, 64)


def measure(context):
    model = export(context, ["--trees", 20] if context.smoke else [], (1,)) / "model.ubj"
    replica = context.keep(Replica(context.keelson, f"m={model}", arguments=["--grpc-port", "0"]))
    requests = 1_600 if context.smoke else 40_000
    features = 28

    def load(connections, rows=1, *more):
        found, = context.program(context.build / "bench/serving/keelson_grpc_load", "--port", replica.grpc_port, "--pid",
                                 replica.process.pid, "--features", features, "--rows", rows, "--connections", connections,
                                 "--requests", requests // (1 if rows == 1 else 10), *more)
        return found
    found = {}
    for _ in range(context.runs):
        for connections in CONNECTIONS:
            found.setdefault(connections, []).append(load(connections))
        found.setdefault("typed", []).append(load(8, 1, "--typed"))
        found.setdefault("hundred", []).append(load(8, 100))

    cpu = lambda key: [line["server_cpu_us"] for line in found[key]]
    figures = [
        figure("gRPC, 1 row, 8 connections: CPU of the server a request", "us", cpu(8), DEMANDED_CPU_US, note="raw contents"),
        figure("gRPC, 1 row, 8 connections, typed contents: CPU of the server a request", "us", cpu("typed"), DEMANDED_CPU_US),
        figure("gRPC, 100 rows, 8 connections: CPU of the server a request", "us", cpu("hundred")),
        figure("gRPC, 1 row, 1 connection: p50", "us", [line["p50_us"] for line in found[1]],
               note=f"p99 {max(line['p99_us'] for line in found[1]):.0f}"),
    ]
    for connections in CONNECTIONS:
        client = min(line["client_cpu_us"] for line in found[connections])
        figures.append(figure(f"gRPC, 1 row, {connections} connections: requests a second", "1/s",
                              [line["rps"] for line in found[connections]], note=f"the client's own CPU {client:.0f} us a request"))
    return figures
