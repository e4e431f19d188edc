"""Our tree engine beside XGBoost's own C API and ONNX Runtime, one thread, CPU time, every answer compared (bench/serving/tree_bench.cc)."""
from harness import figure


def measure(context):
    size = ["--trees", 20, "--depth", 3, "--features", 5, "--training-rows", 1000, "--rows", 1, "--rows", 50, "--rounds", 1]
    batches = ["--rows", 1, "--rows", 100, "--rows", 10_000]
    lines = context.program(context.build / "bench/serving/keelson_tree_bench", *(size if context.smoke else batches))
    return [figure(f"tree engine, {line['rows']:,} rows a call, beside {peer}", "us", [line["keelson_us"]], None, [line[key]],
                   f"{line['trees']} trees of depth {line['depth']}, {line['features']} features, CPU")
            for line in lines for peer, key in (("XGBoost", "xgboost_us"), ("ONNX Runtime", "onnx_us"))]
