"""Our engine of LightGBM's models beside LightGBM's own C API (the library of tests/suites/models, when that has made its environment) and
ONNX Runtime, one thread, CPU time, every answer compared (bench/serving/lightgbm_bench.cc)."""
from harness import figure


def measure(context):
    library = next(context.cache.glob("models/lib/python3*/site-packages/lightgbm/lib/lib_lightgbm.so"), None)
    peer = ["--lightgbm", library] if library else []
    if context.smoke:
        shapes = [["--trees", 20, "--depth", 3, "--features", 5, "--training-rows", 1000, "--rows", 1, "--rows", 50, "--rounds", 1]]
    else:
        shapes = [[*shape, "--rows", 1, "--rows", 100, "--rows", 10_000] for shape in ([], ["--leaves", 31])]
    figures = []
    for shape in shapes:
        for line in context.program(context.build / "bench/serving/keelson_lightgbm_bench", *peer, *shape):
            made = f"of {line['leaves']} leaves" if line["leaves"] else f"of depth {line['depth']}"
            figures += [figure(f"LightGBM's trees {made}, {line['rows']:,} rows a call, beside {name}", "us", [line["keelson_us"]], None,
                               [line[key]], f"{line['trees']} trees, {line['features']} features, CPU")
                        for name, key in (("LightGBM", "lightgbm_us"), ("ONNX Runtime", "onnx_us")) if line[key] is not None]
    return figures
