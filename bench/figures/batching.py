"""What dynamic batching gains `keelson serve`, and what it costs who is alone: a random forest of scikit-learn's (100 trees, 28 features) in
its Python workers (its signature has a parameter, so that it is theirs), where a call takes as long for one row as for thirty. Two servers,
with and without --max-batch-size, asked in turn."""
import json
import subprocess

from harness import Missing, Replica, figure

BATCHING = ("--max-batch-size", "32", "--batch-delay", "2000")
MAKE = """
import sys
import mlflow.sklearn, numpy
from mlflow.models import infer_signature
from sklearn.ensemble import RandomForestClassifier
x = numpy.random.default_rng(1).normal(size=(2000, 28))
forest = RandomForestClassifier(100, max_depth=8, random_state=1).fit(x, x[:, 0] > x[:, 1])
mlflow.sklearn.save_model(forest, sys.argv[1], signature=infer_signature(x, forest.predict(x), {"unused": 1}), serialization_format="cloudpickle")
"""


def forest(context):
    """A model folder, the interpreter that answers it, and a request of one row."""
    python = context.cache / "clients/bin/python"
    if not python.exists():
        raise Missing("the environment of tests/suites/mlflow_client is not there: script/test mlflow_client makes it")
    folder = context.folder / "forest"
    subprocess.run([python, "-c", MAKE, folder], check=True, capture_output=True)
    return folder, python, {"name": "input-0", "datatype": "FP64", "shape": [1, 28], "data": [0.25] * 28}


def stand_in(context):
    """For a run that only shows that this does not rot: a worker of the standard library."""
    folder = context.folder / "forest"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {python_function: {loader_module: stand.in}}\n")
    python = context.folder / "python"
    worker = context.top / "tests/serving/gated_worker.py"
    python.write_text(f'#!/bin/sh\nexec python3 {worker} "$3" "$4"\n')
    python.chmod(0o700)
    return folder, python, {"name": "x", "datatype": "FP64", "shape": [1], "data": [0.25]}


def measure(context):
    folder, python, tensor = (stand_in if context.smoke else forest)(context)
    body = context.folder / "body.json"
    body.write_text(json.dumps({"inputs": [tensor]}))
    servers = {name: context.keep(Replica(context.keelson, f"forest={folder}", arguments=("--python", str(python), *arguments)))
               for name, arguments in (("one by one", ()), ("batches", BATCHING))}
    found = {}
    for _ in range(context.runs):
        for connections in (1, 16):
            for name, server in servers.items():
                found.setdefault((name, connections), []).append(
                    context.load(server.address, "/v2/models/forest/infer", body, connections))
    of = lambda name, connections, key: [line[key] for line in found[name, connections]]
    return [
        figure("batches of a Python model, 16 connections: requests a second, beside one by one", "1/s", of("batches", 16, "rps"), None,
               of("one by one", 16, "rps"), "up to 32 rows; above 1 is better"),
        figure("batches of a Python model, 16 connections: p50, beside one by one", "us", of("batches", 16, "p50_us"), None,
               of("one by one", 16, "p50_us")),
        figure("batches of a Python model, a lone request: p50, beside one by one", "us", of("batches", 1, "p50_us"), None,
               of("one by one", 1, "p50_us"), "one connection, with a batch delay of 2 ms that it does not wait for"),
    ]
