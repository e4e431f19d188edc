"""A thousand models in one `keelson serve`: memory, and the 99th percentile of a request beside that of one model."""
import os

from figures import serving
from harness import Replica, figure

MODELS = 1_000


def measure(context):
    count = 20 if context.smoke else MODELS
    folder = serving.export(context, ["--trees", 50], [1])
    model, body = folder / "model.ubj", serving.body_of(folder, 1)[0]
    for number in range(count):
        (context.folder / f"models/m{number}/1").mkdir(parents=True)
        os.link(model, context.folder / f"models/m{number}/1/model.ubj")
    many = context.keep(Replica(context.keelson, arguments=["--models", context.folder / "models"]))
    one = context.keep(Replica(context.keelson, f"m0={model}"))
    alone, together, cpu_alone, cpu_together = [], [], [], []
    for _ in range(context.runs):
        for server, paths, latencies, cpu in ((one, 1, alone, cpu_alone), (many, count, together, cpu_together)):
            before = server.cpu_seconds()
            line = context.load(server.address, "/v2/models/m{}/infer", body, 1, paths=paths)
            latencies.append(line["p99_us"])
            cpu.append((server.cpu_seconds() - before) * 1e6 / (line["requests"] + line["warm_requests"]))
    size = f"{count:,} models of 50 trees of depth 6, 28 features"
    return [
        figure("a thousand models, resident", "MiB", [many.memory_kib("Rss") / 1024], 500, None, f"{size}, each of them asked"),
        figure("a thousand models, ready after", "s", [many.ready_s]),
        figure("a thousand models: p99 of a row", "us", together, 2 * sorted(alone)[len(alone) // 2], alone,
               "the demand is twice that of one model, which is the peer; one connection, the models in turn"),
        figure("a thousand models: CPU of the server a request", "us", cpu_together, None, cpu_alone, "the peer is one model"),
    ]
