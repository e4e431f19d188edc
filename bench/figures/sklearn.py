"""A random forest of scikit-learn's (100 trees of depth 8, 28 features) in `keelson serve`: natively, in its pool of Python workers, and
scikit-learn's own predict without any server. CPU time of the whole process tree a request; all three answer the same."""
import json
import shutil
import subprocess

from harness import Missing, Replica, figure

# With a parameter in its signature, which only MLflow knows to check, a model is Python's.
MAKE = """
import json, pathlib, sys, time
import mlflow.sklearn, numpy
from mlflow.models import infer_signature
from sklearn.ensemble import RandomForestClassifier
folder = pathlib.Path(sys.argv[1])
x = numpy.random.default_rng(1).normal(size=(2000, 28))
forest = RandomForestClassifier(100, max_depth=8, random_state=1).fit(x, x[:, 0] > x[:, 1])
for name, params in (("native", None), ("pool", {"unused": 1})):
    mlflow.sklearn.save_model(forest, folder / name, signature=infer_signature(x, forest.predict(x), params), serialization_format="pickle")
for rows in (1, 100):
    asked = x[:rows]
    answer = forest.predict(asked)
    tensor = {"name": "input-0", "datatype": "FP64", "shape": list(asked.shape), "data": asked.ravel().tolist()}
    (folder / f"body_{rows}.json").write_text(json.dumps({"inputs": [tensor]}))
    begun = time.process_time()
    for _ in range(50):
        forest.predict(asked)
    print(json.dumps({"rows": rows, "us": (time.process_time() - begun) / 50 * 1e6, "answer": answer.tolist()}))
"""


def forests(context):
    """A folder with the model twice, the interpreter of the pool, and for each number of rows what scikit-learn answers and takes."""
    python = context.cache / "clients/bin/python"
    if not python.exists():
        raise Missing("the environment of tests/suites/mlflow_client is not there: script/test mlflow_client makes it")
    folder = context.folder / "forests"
    folder.mkdir()
    made = subprocess.run([python, "-c", MAKE, folder], check=True, capture_output=True, text=True)
    return folder, python, [json.loads(line) for line in made.stdout.splitlines() if line.startswith("{")]


def stand_in(context):
    """For a run that only shows that this does not rot: a stored model, natively."""
    folder = context.folder / "forests"
    (folder / "native").mkdir(parents=True)
    stored = context.top / "src/sklearn/testdata/1.9.1"
    shutil.copy(stored / "forest.pkl", folder / "native/model.pkl")
    (folder / "native/MLmodel").write_text("flavors: {python_function: {loader_module: mlflow.sklearn}, sklearn: {pickled_model: model.pkl}}\n")
    known = json.loads((stored / "answers.json").read_text())["forest.pkl"]
    tensor = {"name": "input-0", "datatype": "FP64", "shape": [1, 3], "data": known["rows"][0]}
    (folder / "body_1.json").write_text(json.dumps({"inputs": [tensor]}))
    return folder, None, [{"rows": 1, "us": 1.0, "answer": known["answer"][:1]}]


def cpu_us(context, server, rows, answer):
    body = context.folder / f"forests/body_{rows}.json"
    said = server.ask("/v2/models/forest/infer", body.read_bytes())["outputs"][0]["data"]
    if said != answer:
        raise RuntimeError(f"answered {said[:5]}, scikit-learn {answer[:5]}")
    before = server.cpu_seconds()
    line = context.load(server.address, "/v2/models/forest/infer", body, 8)
    return (server.cpu_seconds() - before) * 1e6 / (line["requests"] + line["warm_requests"])


def measure(context):
    folder, python, known = (stand_in if context.smoke else forests)(context)
    servers = {name: context.keep(Replica(context.keelson, f"forest={folder / name}", arguments=("--python", str(python))))
               for name in ("native", "pool") if (folder / name).exists()}
    figures = []
    for line in known:
        rows = line["rows"]
        found = {name: [cpu_us(context, server, rows, line["answer"]) for _ in range(context.runs)] for name, server in servers.items()}
        label = f"a random forest of scikit-learn's, {rows} row{'s' * (rows > 1)} a request"
        figures.append(figure(f"{label}: natively, beside the Python pool", "us", found["native"], None, found.get("pool"),
                              "CPU of all processes, 8 connections"))
        figures.append(figure(f"{label}: natively, beside scikit-learn's predict alone", "us", found["native"], None, [line["us"]],
                              "the peer is a call in Python, with no server around it"))
    figures += [figure("the same, native: start to ready, beside the pool", "s", [server.ready_s], None, [servers["pool"].ready_s])
                for name, server in servers.items() if name == "native" and "pool" in servers]
    return figures
