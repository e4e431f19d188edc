"""A suite in Great Expectations itself: gx_suite.py TABLE.parquet SUITE.json OURS.json

Prints its seconds as one JSON line, with the expectations whose success or counts differ from OURS.json, our validation result.
Types are not compared: the suite names those of SQL, which its pandas engine does not know.
"""
import json
import resource
import sys
import time

import great_expectations as gx
import pandas

table, suite_file, ours_file = sys.argv[1:]
frame = pandas.read_parquet(table)
suite = json.load(open(suite_file))
context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False}
asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("table")
batch = asset.add_batch_definition_whole_dataframe("whole").get_batch(batch_parameters={"dataframe": frame})
expectations = [{"type": one.get("type", one.get("expectation_type")), "kwargs": one["kwargs"]} for one in suite["expectations"]]
checked = gx.ExpectationSuite(name="suite", expectations=expectations)
used, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
found = batch.validate(checked)
wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF)


def told(result):
    found = result["result"]
    value = found.get("observed_value")
    counts = {name: found.get(name) for name in ("element_count", "unexpected_count", "missing_count")}
    return {"success": result["success"], "observed_value": round(value, 9) if isinstance(value, float) else None, **counts}


def same(ours, theirs):
    """Great Expectations tells no counts where a statistic is tested."""
    return theirs is not None and all(theirs[name] is None or theirs[name] == ours[name] for name in ours)


def plain(value):
    """10 and 10.0 are one number, and what is not given, or not asked for, is not there."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in sorted(value.items()) if one is not None and one is not False and name != "batch_id"}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def key(result):
    config = result["expectation_config"]
    return json.dumps([config["type"], plain(config["kwargs"])], default=str)


theirs = {key(result): told(result) for result in found.to_json_dict()["results"]}
differ = []
for result in json.load(open(ours_file))["results"]:
    if "type" not in result["expectation_config"]["type"] and not same(told(result), theirs.get(key(result))):
        differ.append({"expectation": key(result), "ours": told(result), "theirs": theirs.get(key(result))})
print(json.dumps({"wall_s": wall, "cpu_s": after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime,
                  "expectations": len(theirs), "differ": differ, "version": gx.__version__}))
