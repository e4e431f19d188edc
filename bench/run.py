"""Runs benchmarks of bench/figures/, prints their table and writes their JSON. Called by script/bench."""
import argparse
import importlib
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

from harness import Context, Missing

TOP = pathlib.Path(__file__).resolve().parent.parent
NAMES = sorted(path.stem for path in (TOP / "bench/figures").glob("*.py"))


def machine():
    cpu = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    memory = int(open("/proc/meminfo").readline().split()[1]) // 1024
    commit = subprocess.run(["git", "-C", TOP, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    return {"cpu": cpu[0] if cpu else platform.machine(), "cores": os.cpu_count(), "memory_mib": memory,
            "kernel": platform.release(), "load_before": os.getloadavg()[0], "commit": commit,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def number(value):
    return "–" if value is None else f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"


def table(figures):
    head = ["figure", "unit", "ours", "least–most", "demand", "ours/demand", "peer", "ours/peer", "note"]
    rows = [head] + [[f["figure"], f["unit"], number(f["ours"]), f"{number(f['least'])}–{number(f['most'])}", number(f["demand"]),
                      number(f["of_demand"]), number(f["peer"]), number(f["of_peer"]), f["note"]] for f in figures]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def main():
    arguments = argparse.ArgumentParser(prog="script/bench")
    arguments.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    arguments.add_argument("--smoke", action="store_true")
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--json", default=str(TOP / "build/bench.json"))
    asked = arguments.parse_args()
    if unknown := set(asked.names) - set(NAMES):
        arguments.error(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}")
    where = machine()
    print(f"{where['cpu']}, {where['cores']} cores, {where['memory_mib']} MiB, load {where['load_before']:.1f} at the start", flush=True)
    figures, failed = [], False
    for name in asked.names or NAMES:
        module = importlib.import_module(f"figures.{name}")
        if not asked.names and not asked.smoke and getattr(module, "ONLY_BY_NAME", False):
            continue
        with tempfile.TemporaryDirectory(prefix="keelson-bench-") as folder:
            context = Context(TOP, pathlib.Path(folder), asked.smoke, 1 if asked.smoke else asked.runs)
            print(f"== {name}", flush=True)
            try:
                figures += [{"benchmark": name, **figure} for figure in module.measure(context)]
            except Missing as missing:
                print(f"not measured: {missing}")
                failed = failed or name in asked.names
            finally:
                context.close()
    where["load_after"] = os.getloadavg()[0]
    print()
    print(table(figures))
    if where["load_before"] > 1 or where["load_after"] > where["cores"] + 1:
        print("The machine was busy with other things: CPU times hold, wall times may not.")
    pathlib.Path(asked.json).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(asked.json).write_text(json.dumps({"machine": where, "smoke": asked.smoke, "figures": figures}, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
