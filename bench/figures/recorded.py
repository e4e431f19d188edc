"""What other scripts have recorded: how long script/test took, and the last quickstart's summary (KEELSON_SUMMARY names its file)."""
import json
import os
import pathlib

from harness import Missing, figure


def measure(context):
    figures = []
    times = context.top / "build/test-times.json"
    if times.exists():
        recorded = json.loads(times.read_text())
        build = recorded["build"]
        cold = build["from_nothing"] and build["ccache_hits"] == 0
        if cold:
            figures.append(figure("cold build with every test", "min", [build["seconds"] / 60], 15))
        figures.append(figure("script/test", "min", [recorded["seconds"] / 60], 30, note="cold build" if cold else
                              f"build {build['seconds']} s, {build['ccache_hits']} objects from ccache"))
        figures += [figure(f"suite {suite['suite']}", "min", [suite["seconds"] / 60], note=f"{suite['passed']} passed, {suite['failed']} failed")
                    for suite in recorded["suites"]]
    summary = pathlib.Path(os.environ.get("KEELSON_SUMMARY", context.top / "keelson-data/quickstart.json"))
    if summary.exists():
        recorded = json.loads(summary.read_text())
        figures.append(figure("quickstart after the build", "s", [recorded["seconds"]], 240))
        figures.append(figure("quickstart: peak of all processes", "MiB", [recorded["peak_rss_mb"]], 2048))
        if "asking_seconds" in recorded:
            figures.append(figure("nine replayed months, without trainings", "s", [recorded["asking_seconds"]], 90))
    if not figures and not context.smoke:
        raise Missing("no build/test-times.json (script/test writes it) and no summary of a quickstart (KEELSON_SUMMARY names one)")
    return figures
