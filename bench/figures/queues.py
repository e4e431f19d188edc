"""The planner of queues: Kueue's own loads in virtual time, and how long it thinks over a large pool (bench/scheduling/queue_bench.cc,
planner_bench.cc). CPU seconds of one thread."""
import math
import os
import pathlib

from harness import figure

# What Kueue reaches, in seconds: the measured means in the comments of shared/traces/kueue/*-rangespec.yaml.
KUEUE = {"baseline": {"makespan": 351.1, "large": 16.5, "medium": 76.8, "small": 215.5},
         "large-scale": {"makespan": 1179.4, "large": 105.6, "medium": 256.4, "small": 700.4},
         "tas": {"makespan": 401.5, "large": 37.9, "medium": 106.3, "small": 237.8}}
SIZES = (10_000, 100_000)  # nodes, pending


def measure(context):
    figures = []
    traces = pathlib.Path(os.environ.get("KEELSON_TRACES", context.top / "../shared/traces")) / "kueue"
    names = ["baseline"] if context.smoke else list(KUEUE)
    loads = {name: traces / f"{name}-generator.yaml" for name in names if (traces / f"{name}-generator.yaml").exists()}
    program = context.build / "bench/scheduling/keelson_queue_bench"
    for name, path in loads.items():
        runs = {line["policy"]: line for line in context.program(program, "keelson,kueue-fifo", path)}
        ours, peer = runs["keelson"], runs["kueue-fifo"]
        figures.append(figure(f"{name}: makespan", "s", [ours["makespan"]], demand=1.1 * ours["bound_of_arrivals"], peer=[KUEUE[name]["makespan"]],
                              note=f"its policy without its overhead: {peer['makespan']:.1f}, {peer['lost_seconds']:.0f} pod seconds lost"))
        for prefix in ("large", "medium", "small"):
            waits = [wait for kind, wait in ours["mean_wait"].items() if kind.startswith(prefix)]
            figures.append(figure(f"{name}: mean wait, {prefix}", "s", [max(waits)], demand=KUEUE[name][prefix] / 5, peer=[KUEUE[name][prefix]]))
        figures.append(figure(f"{name}: all decisions, {ours['workloads']} workloads: CPU", "s", [ours["cpu_seconds"]],
                              demand=1 if name == "baseline" else None))
    if len(loads) < len(names):
        figures.append(figure("Kueue's loads that were not played", "loads", [len(names) - len(loads)],
                              note=f"{traces} is not there (KEELSON_TRACES names another place)"))
    program = context.build / "bench/scheduling/keelson_planner_bench"
    parts = (10,) if context.smoke else (8, 4, 2, 1)
    times = []
    for part in parts:
        nodes, pending = (size // part for size in SIZES)
        line, = context.program(program, nodes, pending, 20 if context.smoke else 1000)
        times.append((pending, line["plan_seconds"]))
        figures.append(figure(f"full plan, {nodes} nodes, {pending} pending: CPU", "s", [line["plan_seconds"]], demand=2 if part == 1 else None,
                              note=f"{line['started']} start, {line['kinds']} kinds wait"))
        figures.append(figure(f"one change, {nodes} nodes, {pending} pending, p99: CPU", "ms", [line["change_p99_ms"]],
                              demand=5 if part == 1 else None, note=f"median {line['change_p50_ms']:.2f}"))
        if part == 1:
            figures.append(figure("memory, everything at that size", "MiB", [line["resident_mib"]], demand=1024))
    if len(times) > 1:
        (small, first), (large, last) = times[0], times[-1]
        growth = math.log(last / first) / math.log((large * math.log(large)) / (small * math.log(small)))
        figures.append(figure("growth of the full plan, as a power of n log n", "", [growth], demand=1.1,
                              note=", ".join(f"{n}: {seconds:.3f} s" for n, seconds in times)))
    return figures
