"""Server start to ready, and what an idle server holds."""
import time

from harness import children, figure, memory_kib

IDLE_S = 10  # after ready, on a fresh data folder


def measure(context):
    starts, again = [], []
    for run in range(3 * context.runs):
        server = context.server(f"fresh-{run}")
        starts.append(server.ready_s)
        server.stop()
        server = context.server(f"fresh-{run}")  # a data folder that is there
        again.append(server.ready_s)
        server.stop()
    server = context.server("idle")
    time.sleep(0.1 if context.smoke else IDLE_S)
    processes = children(server.process.pid)
    pss = sum(memory_kib(pid, "Pss") for pid in processes) / 1024
    rss = sum(memory_kib(pid, "Rss") for pid in processes) / 1024
    return [
        figure("server start to ready, fresh folder", "s", starts, 0.3, note="with one answered request"),
        figure("server start to ready, folder that is there", "s", again, 0.3),
        figure("idle, resident", "MiB", [rss], 64, note=f"{len(processes)} process"),
        figure("idle, proportional", "MiB", [pss], 64, note=f"{IDLE_S} s after ready"),
    ]
