"""How full each policy packs the openb cluster, and what a run costs (bench/scheduling/packing_bench.cc)."""
import os
import pathlib
from statistics import mean

from harness import figure

# The figures published with FGD, at 130 % arrived (shared/traces/openb/fgd_table.csv); none for gpushare20.
PUBLISHED = {"cpu050": 95.21, "default": 95.39, "gpushare80": 89.31, "gpuspec10": 94.95, "multigpu20": 95.65, "multigpu40": 96.99}


def measure(context):
    traces = pathlib.Path(os.environ.get("KEELSON_TRACES", context.top / "../shared/traces")) / "openb"
    pods = sorted(traces.glob("pods_*.csv"))
    nodes = traces / "nodes.csv"
    note = ""
    if not pods:
        own = context.top / "src/simulation/testdata"
        nodes, pods = own / "nodes.csv", [own / "pods.csv"]
        note = f"the small trace of our own: 0 of 7 workloads of openb were run, {traces} is not there (KEELSON_TRACES names another place)"
    seeds = 1 if context.smoke else 10
    runs = {}
    for line in context.program(context.build / "bench/scheduling/keelson_packing_bench", nodes, seeds, "fgd,keelson", *pods):
        name = pathlib.Path(line["workload"]).stem.removeprefix("pods_")
        runs.setdefault(name, {})[line["policy"]] = line
    figures = []
    for policy, demand in (("fgd", 0.1), ("keelson", 0.3)):
        seconds = {name: mean(each[policy]["cpu_seconds"]) for name, each in runs.items()}
        figures.append(figure(f"a run of {policy}, the dearest workload: CPU", "s", [max(seconds.values())], demand=demand,
                              note=note or max(seconds, key=seconds.get)))
    distance = {name: abs(mean(runs[name]["fgd"]["at_end"]) - PUBLISHED[name]) for name in runs if name in PUBLISHED}
    if distance:
        figures.append(figure("our FGD from the published figure, the farthest workload", "points", [max(distance.values())], demand=0.5,
                              note=max(distance, key=distance.get)))
    above = {name: mean(each["keelson"]["at_end"]) - mean(each["fgd"]["at_end"]) for name, each in runs.items()}
    figures.append(figure("keelson above FGD at the end, mean of the workloads", "points", [mean(above.values())],
                          note=note or ", ".join(f"{name} {points:+.2f}" for name, points in above.items())))
    early = {f"{name} at {at}": mean(each["keelson"][f"at_{at}"]) - mean(each["fgd"][f"at_{at}"])
             for name, each in runs.items() for at in (90, 100)}
    figures.append(figure("keelson above FGD at 90 and 100 % arrived, the least", "points", [min(early.values())],
                          note=min(early, key=early.get)))
    failed = [mean(each["keelson"]["failed_without_gpu"]) - mean(each["fgd"]["failed_without_gpu"]) for each in runs.values()]
    figures.append(figure("pods without GPU that fail beyond those of FGD, the most of a workload", "pods", [max(failed)]))
    return figures
