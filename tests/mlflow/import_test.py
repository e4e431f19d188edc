"""`keelson import mlflow`: a database and artifacts that MLflow itself wrote, and what MLflow's client then reads of our server;
`keelson export mlflow`: the same the other way, and what it reads of MLflow's own."""
import json
import math
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import unittest

os.environ.update(GIT_PYTHON_REFRESH="quiet", MLFLOW_ENABLE_ASYNC_LOGGING="false", MLFLOW_ENABLE_ASYNC_TRACE_LOGGING="false",
                  MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT="1")

import mlflow
import mlflow.data
import mlflow.genai.datasets
import numpy as np
import sklearn.linear_model
from mlflow.entities import ViewType

import servers

KEELSON = sys.argv.pop(1)
POINTS = 5000  # of the longest history


def fill(client, folder):
    """Everything that an MLflow server knows of, some of it deleted."""
    mlflow.set_experiment("größe")
    x = np.arange(20.0).reshape(10, 2)
    with mlflow.start_run(run_name="first", tags={"team": "a/b"}) as run:
        mlflow.log_params({"depth": 6, "long": "x" * 500})
        mlflow.log_metrics({"bad": float("nan"), "huge": float("inf"), "small": 1e-300})
        mlflow.log_text("hello", "notes/hello.txt")
        mlflow.log_input(mlflow.data.from_numpy(x, name="numbers"), context="training")
        model = sklearn.linear_model.LinearRegression().fit(x, x[:, 0])
        info = mlflow.sklearn.log_model(model, name="model", input_example=x[:2], registered_model_name="clf")
        mlflow.log_metric("auc", 0.75, model_id=info.model_id)
        with mlflow.start_run(run_name="child", nested=True):
            mlflow.log_metric("loss", 1.0)
    batch = [mlflow.entities.Metric("loss", 1 / (i + 1), 1000 + i // 2, i % 2500) for i in range(POINTS)]
    for begin in range(0, POINTS, 1000):
        client.log_batch(run.info.run_id, metrics=batch[begin:begin + 1000])
    client.set_registered_model_alias("clf", "champion", "1")
    client.set_registered_model_tag("clf", "owner", "ann")
    client.set_model_version_tag("clf", "1", "reviewed", "yes")
    client.update_registered_model("clf", "finds größe")
    client.create_model_version("clf", f"runs:/{run.info.run_id}/model", run.info.run_id)
    client.create_model_version("clf", f"runs:/{run.info.run_id}/model", run.info.run_id)
    client.delete_model_version("clf", "2")
    client.create_registered_model("empty")
    gone = client.create_run("0", run_name="gone")
    client.set_terminated(gone.info.run_id, "FAILED")
    client.delete_run(gone.info.run_id)
    client.delete_experiment(client.create_experiment("deleted", tags={"k": "v"}))
    proxied = client.create_experiment("proxied", artifact_location="mlflow-artifacts:/77")
    kept = client.create_run(proxied)
    place = folder / "mlartifacts" / "77" / kept.info.run_id / "artifacts"
    place.mkdir(parents=True)
    (place / "kept.bin").write_bytes(bytes(range(256)) * 5000)
    client.create_experiment("far", artifact_location="s3://bucket/far")

    @mlflow.trace
    def outer(question):
        mlflow.update_current_trace(tags={"kind": "chat"})
        return inner(question) + "!"

    @mlflow.trace(span_type="LLM")
    def inner(question):
        return question.upper()

    with mlflow.start_run(run_name="traced"):
        outer("why")
    trace = mlflow.get_last_active_trace_id()
    mlflow.log_feedback(trace_id=trace, name="good", value=0.5, rationale="fine")
    mlflow.log_expectation(trace_id=trace, name="answer", value={"a": [1, None]})
    mlflow.genai.register_prompt(name="greeting", template="Hello {{name}}", tags={"t": "1"})
    questions = mlflow.genai.datasets.create_dataset("questions", run.info.experiment_id, {"owner": "ann"})
    questions.merge_records([{"inputs": {"q": "größe", "n": [1, None]}, "outputs": {"a": 0.5}, "expectations": {"answer": True}}, {"inputs": {"q": 2}, "outputs": "plain"}])
    mlflow.genai.datasets.create_dataset("empty", [])
    return run.info.run_id


def number(value):
    return "nan" if isinstance(value, float) and math.isnan(value) else value


def told(entity):
    """What an entity of the client's says, with places of artifacts left out: they are others."""
    plain = {}
    for key, value in dict(entity).items():
        if key in ("artifact_location", "artifact_uri", "source") or key.startswith("_"):
            continue
        if value is None:
            value = ""  # as it comes by REST
        plain[key] = value if isinstance(value, (str, int, float, type(None), bool)) else str(value)
    return plain


def everything(client):
    """All that the client reads, in an order of its own."""
    found = {}
    for experiment in client.search_experiments(ViewType.ALL):
        found["experiment", experiment.experiment_id] = told(experiment), dict(experiment.tags)
        for run in client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL):
            one = run.info.run_id
            histories = {key: [(number(p.value), p.timestamp, p.step) for p in client.get_metric_history(one, key)] for key in run.data.metrics}
            found["run", one] = (told(run.info), run.data.params, run.data.tags, {k: number(v) for k, v in run.data.metrics.items()}, histories,
                                 [(i.dataset.to_dictionary(), [dict(t) for t in i.tags]) for i in run.inputs.dataset_inputs],
                                 [dict(i) for i in run.inputs.model_inputs], [dict(o) for o in run.outputs.model_outputs])
        for model in client.search_logged_models([experiment.experiment_id]):
            found["logged model", model.model_id] = (model.name, model.creation_timestamp, str(model.status), model.source_run_id, model.params, model.tags,
                                                     sorted((m.key, m.value, m.step, m.run_id) for m in model.metrics or []))
        for trace in client.search_traces(locations=[experiment.experiment_id]):
            info = trace.info.to_dict()
            info["tags"].pop("mlflow.artifactLocation", None)
            info.pop("assessments", None)
            found["trace", trace.info.trace_id] = (info, [span.to_dict() for span in trace.data.spans],
                                                   sorted(json.dumps({"valid": True, **a.to_dictionary()}, sort_keys=True) for a in trace.info.assessments))
    for dataset in mlflow.genai.datasets.search_datasets():
        whole = dataset.to_dict()
        whole["records"].sort(key=lambda record: record["dataset_record_id"])
        found["evaluation dataset", dataset.dataset_id] = whole
    for model in client.search_registered_models(filter_string="") + client.search_prompts():
        found["registered", model.name] = (model.description or "", dict(model.tags), model.creation_timestamp)
    for model in client.search_registered_models():
        full = client.get_registered_model(model.name)
        found["aliases", model.name] = {alias: str(version) for alias, version in full.aliases.items()}
        for version in client.search_model_versions(f"name = '{model.name}'"):
            found["version", version.name, str(version.version)] = {**told(version), "version": str(version.version)}
    return found


class Import(unittest.TestCase):
    maxDiff = 3000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        cls.source = cls.path / "theirs"
        cls.source.mkdir()
        os.chdir(cls.source)  # MLflow keeps artifacts where it runs
        cls.uri = f"sqlite:///{cls.source}/mlflow.db"
        mlflow.set_tracking_uri(cls.uri)
        mlflow.set_registry_uri(cls.uri)
        cls.theirs = mlflow.MlflowClient()
        cls.run_id = fill(cls.theirs, cls.source)
        cls.wanted = everything(cls.theirs)

    @classmethod
    def tearDownClass(cls):
        os.chdir("/")
        cls.folder.cleanup()

    def command(self, data, *more, source=None):
        return [KEELSON, "import", "mlflow", "--from", source or self.uri, "--data", str(data), *more]

    def run_import(self, data, *more, source=None):
        return subprocess.run(self.command(data, *more, source=source), capture_output=True, text=True, timeout=servers.PATIENCE_S)

    def proxied(self):
        return ("--artifacts-from", str(self.source / "mlartifacts"))

    def check(self, folder):
        server = servers.keelson(KEELSON, folder)
        try:
            mlflow.set_tracking_uri(server.address)
            mlflow.set_registry_uri(server.address)
            ours = mlflow.MlflowClient()
            found = everything(ours)
            self.assertEqual(found.keys(), self.wanted.keys())
            for key, value in self.wanted.items():
                with self.subTest(key=key):
                    self.assertEqual(found[key], value)
            self.assertEqual(mlflow.artifacts.load_text(f"runs:/{self.run_id}/notes/hello.txt"), "hello")
            loaded = mlflow.pyfunc.load_model("models:/clf@champion")
            self.assertAlmostEqual(float(loaded.predict(np.array([[3.0, 4.0]]))[0]), 3.0, places=6)
            self.assertEqual(mlflow.genai.load_prompt("prompts:/greeting/1").template, "Hello {{name}}")
            kept = next(run for run in ours.search_runs([e.experiment_id for e in ours.search_experiments()]) if "/77/" in run.info.artifact_uri)
            local = ours.download_artifacts(kept.info.run_id, "kept.bin", str(folder))
            self.assertEqual(pathlib.Path(local).read_bytes(), bytes(range(256)) * 5000)
            # It goes on from there: new ids meet none that came over.
            self.assertNotIn(("experiment", ours.create_experiment("new")), self.wanted)
            self.assertEqual(ours.create_model_version("clf", f"runs:/{self.run_id}/model", self.run_id).version, "4")
        finally:
            server.stop()
            mlflow.set_tracking_uri(self.uri)
            mlflow.set_registry_uri(self.uri)

    def test_a_whole_server_comes_over(self):
        folder = self.path / "whole"
        before = {name: (self.source / name).read_bytes() for name in os.listdir(self.source) if name.startswith("mlflow.db")}
        done = self.run_import(folder / "data", *self.proxied())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, rf" {POINTS + 5}  metrics ")
        self.assertIn("not taken over: the artifacts at s3://bucket/far", done.stdout)
        # Of the experiment "deleted", which never had any: nobody can tell that from a folder of another machine.
        self.assertRegex(done.stdout, r"not taken over: what may be in \d+ folders of artifacts that are not on this machine, /")
        self.assertIn("the same on both sides", done.stdout)
        after = {name: (self.source / name).read_bytes() for name in before}
        self.assertEqual(before, after)
        again = self.run_import(folder / "data", *self.proxied())
        self.assertEqual(again.returncode, 0, again.stderr)
        counts = lambda text: [line for line in text.splitlines() if "files of artifacts" not in line]
        self.assertEqual(counts(again.stdout), counts(done.stdout))
        self.check(folder)

    def test_it_goes_back(self):
        folder = self.path / "back"
        self.assertEqual(self.run_import(folder / "data", *self.proxied()).returncode, 0)
        target, copies = folder / "mlflow.db", folder / "mlartifacts"
        run = lambda *more: subprocess.run([KEELSON, "export", "mlflow", "--data", str(folder / "data"), "--to", str(target), *more],
                                           capture_output=True, text=True, timeout=servers.PATIENCE_S)
        done = run("--artifacts-to", str(copies))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, rf" {POINTS + 5}  metrics ")
        self.assertIn(f"--backend-store-uri sqlite:///{target} --artifacts-destination {copies}", done.stdout)
        self.assertIn("the same on both sides", done.stdout)
        self.assertEqual([path.name for path in folder.iterdir() if path.name.startswith("mlflow.db")], ["mlflow.db"])
        refused = run()
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("there is such a file already", refused.stderr)
        server = servers.reference(folder, copies)
        try:
            server.wait(lambda: servers.answers(server.address, "/health"))
            mlflow.set_tracking_uri(server.address)
            mlflow.set_registry_uri(server.address)
            theirs = mlflow.MlflowClient()
            found = everything(theirs)
            self.assertEqual(found.keys(), self.wanted.keys())
            for key, value in self.wanted.items():
                with self.subTest(key=key):
                    self.assertEqual(found[key], value)
            self.assertEqual(mlflow.artifacts.load_text(f"runs:/{self.run_id}/notes/hello.txt"), "hello")
            self.assertAlmostEqual(float(mlflow.pyfunc.load_model("models:/clf@champion").predict(np.array([[3.0, 4.0]]))[0]), 3.0, places=6)
            self.assertEqual(mlflow.genai.load_prompt("prompts:/greeting/1").template, "Hello {{name}}")
            # It goes on from there.
            self.assertNotIn(("experiment", theirs.create_experiment("new")), self.wanted)
            theirs.log_metric(self.run_id, "loss", 0.25, step=9999)
        finally:
            server.stop()
            mlflow.set_tracking_uri(self.uri)
            mlflow.set_registry_uri(self.uri)
        missing = subprocess.run([KEELSON, "export", "mlflow", "--data", str(folder / "none"), "--to", str(folder / "x.db")], capture_output=True, text=True)
        self.assertIn("this is no data folder", missing.stderr)
        self.assertFalse((folder / "none").exists())

    def test_a_killed_import_goes_on(self):
        folder = self.path / "killed"
        for step in ("params", "registered models", "metrics", "compares spans"):
            with self.subTest(step=step):
                process = subprocess.Popen(self.command(folder / "data", *self.proxied()), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
                for line in process.stderr:
                    if line.strip() == step:
                        break
                process.send_signal(signal.SIGKILL)
                process.wait(servers.PATIENCE_S)
                process.stderr.close()
        done = self.run_import(folder / "data", *self.proxied())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check(folder)

    def test_what_cannot_be_imported_is_refused(self):
        data = self.path / "refused" / "data"
        refused = lambda part, *more, source=None: self.assertIn(part, self.refusal(data, *more, source=source))
        refused("--artifacts-from")
        refused("there is no such file", source=f"sqlite:///{self.path}/none.db")
        refused("expected sqlite:///FILE", source="mysql://host/db")
        other = self.path / "other.db"
        shutil.copy(self.source / "mlflow.db", other)
        with sqlite3.connect(other) as database:
            database.execute("UPDATE alembic_version SET version_num = '0a8213491aaa'")
        refused("mlflow db upgrade", *self.proxied(), source=f"sqlite:///{other}")
        with sqlite3.connect(other) as database:
            database.execute("DROP TABLE alembic_version")
        refused("no database of MLflow's", *self.proxied(), source=f"sqlite:///{other}")
        self.assertEqual(self.run_import(data, "--without-artifacts").returncode, 0)
        shutil.copy(self.source / "mlflow.db", other)
        with sqlite3.connect(other) as database:
            database.execute("PRAGMA foreign_keys = OFF")
            database.execute("DELETE FROM runs WHERE run_uuid = ?", (self.run_id,))
        refused("runs already that are not of this MLflow", "--without-artifacts", source=f"sqlite:///{other}")
        with sqlite3.connect(data / "keelson.db") as database:
            database.execute("UPDATE param SET value = 'changed' WHERE key = 'depth'")
        refused("params are not those of MLflow", "--without-artifacts")
        server = servers.keelson(KEELSON, data.parent)
        try:
            refused("a server has this data folder open", "--without-artifacts")
        finally:
            server.stop()

    def refusal(self, data, *more, source=None):
        done = self.run_import(data, *more, source=source)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stderr


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
