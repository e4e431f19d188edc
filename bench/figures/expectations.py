"""The flights' suite over all rows, beside Great Expectations itself on the same prepared table, and that both find the same."""
import os

from harness import figure

ONLY_BY_NAME = True  # it installs the peer


def measure(context):
    bench = [context.build / "bench/flights/keelson_flights_bench", context.flights(), *(["--rows", "3000"] if context.smoke else [])]
    exported = context.folder / "exported"
    exported.mkdir()
    context.program(*bench, "--runs", "1", "--export", exported)
    suite = context.flights().parent / "expectations/flights.json"
    python = None if context.smoke else context.python("gx", "gx_requirements.txt")  # the smoke run installs nothing
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    ours, peer = [], []
    for _ in range(context.runs):
        ours += [line for line in context.program(*bench, "--runs", "1") if line["figure"] == "suite" and line["table"] == "flights"]
        if python:
            peer += context.program(python, context.top / "bench/peers/gx_suite.py", exported / "flights.parquet", suite,
                                    exported / "flights.json")
    differ = [difference for line in peer for difference in line["differ"]]
    for difference in differ[:20]:
        print("differs:", difference)
    if differ:
        raise RuntimeError("Great Expectations found something else than we")
    words = f"{ours[0]['rows']:,} rows, {ours[0]['expectations']} expectations" + (
        f", but for types all as Great Expectations {peer[0]['version']} finds them" if peer else "")
    return [figure("suite of flights", "s", [line["wall_s"][0] for line in ours], 1, [line["wall_s"] for line in peer] or None, words),
            figure("suite of flights, CPU", "s", [line["cpu_s"][0] for line in ours], 1, [line["cpu_s"] for line in peer] or None)]
