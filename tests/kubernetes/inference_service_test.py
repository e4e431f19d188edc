"""InferenceServices of KServe (v1beta1): a server of Keelson takes them by `keelson apply -f` and serves them, refuses what an API server with
KServe's definition refuses, and what `keelson render --inference-service` writes is taken by both. KServe's controller is not here."""
import json
import math
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

from clusters import define, eventually, kubectl

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "faults"))
import server as servers  # noqa: E402

KEELSON = pathlib.Path("build/release/keelson").absolute()
MODELS = pathlib.Path("src/serving/testdata").absolute()
# What both refuse, and how.
WRONG = {"spec.predictor.minReplica": ({"minReplica": 1}, "minReplica"),
         "spec.predictor.model.storageUrl": ({"model": {"modelFormat": {"name": "xgboost"}, "storageUrl": "x", "storageUri": "x"}}, "storageUrl"),
         "spec.predictor.model.modelFormat.nam": ({"model": {"modelFormat": {"name": "xgboost", "nam": "x"}, "storageUri": "x"}}, "nam"),
         "spec.predictor.canaryTrafficPercent": ({"canaryTrafficPercent": "many"}, "canaryTrafficPercent"),
         "spec.predictor.scaleMetric": ({"scaleMetric": "requests"}, "scaleMetric")}
# As in KServe's documentation and samples.
SAMPLES = {
    "sklearn-iris": {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "gs://kfserving-examples/models/sklearn/1.0/model"}},
    "xgboost-iris": {"minReplicas": 1, "model": {"modelFormat": {"name": "xgboost"}, "protocolVersion": "v2", "runtime": "kserve-xgbserver",
                                                 "storageUri": "gs://kfserving-examples/models/xgboost/iris"}},
    "canary": {"canaryTrafficPercent": 10, "model": {"modelFormat": {"name": "sklearn"}, "storageUri": "gs://kfserving-examples/models/sklearn/1.0/model-2"}},
    "autoscale": {"scaleTarget": 1, "scaleMetric": "concurrency", "minReplicas": 0,
                  "model": {"modelFormat": {"name": "lightgbm"}, "storageUri": "gs://kfserving-examples/models/lightgbm/iris"}}}


def service(name, **predictor):
    return {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": {"name": name}, "spec": {"predictor": predictor}}


def fixture(name):
    """A few rows without missing values, and what the library itself answers."""
    said = json.loads((MODELS / f"{name}.expected").read_text())
    floats = lambda bits: [struct.unpack("f", struct.pack("I", one))[0] for one in bits]
    width, count = len(said["rows"]) // said["count"], said["count"]
    rows, values = floats(said["rows"]), floats(said["value"])
    good = [i for i in range(count) if all(map(math.isfinite, rows[i * width:(i + 1) * width]))][:5]
    return [rows[i * width:(i + 1) * width] for i in good], [values[i] for i in good]


class Served(unittest.TestCase):
    """By a server of Keelson alone."""
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.server = servers.Server(str(KEELSON), cls.folder)
        cls.addClassCleanup(cls.server.clean)
        cls.server.start().wait_ready()

    def apply(self, item, *arguments, code=0):
        file = self.folder / "service.yaml"
        file.write_text(json.dumps(item))
        done = self.server.run("apply", "-f", str(file), *arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def ask(self, name, rows):
        body = {"inputs": [{"name": "x", "shape": [len(rows), len(rows[0])], "datatype": "FP32", "data": rows}]}
        request = urllib.request.Request(f"{self.server.address}/v2/models/{name}/infer", json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()
            return None

    def shares(self, name):
        return {each["version"]: each["weight"] for each in self.server.get(f"/projects/{name}")["endpoint"]["versions"]}

    def test_it_is_served_and_its_canary_gets_its_share(self):
        first = dict(minReplicas=1, maxReplicas=2, scaleTarget=4, scaleMetric="concurrency",
                     model={"modelFormat": {"name": "xgboost"}, "storageUri": f"file://{MODELS}/logistic.ubj"})
        planned = self.apply(service("iris", **first), "--dry-run")
        self.assertIn("+ a version of the model", planned)
        self.assertEqual(self.server.get("/projects")["projects"], [])
        self.assertIn("version 1 is registered", self.apply(service("iris", **first)))
        rows, values = fixture("logistic")
        answer = eventually("it answers", lambda: self.ask("iris", rows))
        self.assertEqual(answer["model_version"], "1")
        for got, wanted in zip(answer["outputs"][0]["data"], values, strict=True):
            self.assertAlmostEqual(got, wanted, places=6)
        again = self.apply(service("iris", **first))
        self.assertIn("nothing changes", again)
        self.assertIn("version 1 has this model already", again)
        # Another model, a canary of it; then more of it; then all; and none of a third.
        second = {**first, "model": {**first["model"], "storageUri": f"file://{MODELS}/logitraw.ubj"}}
        self.assertIn("version 2 gets 20 %", self.apply(service("iris", **second, canaryTrafficPercent=20)))
        eventually("its share", lambda: self.shares("iris") == {1: 80, 2: 20})
        self.apply(service("iris", **second, canaryTrafficPercent=60))
        eventually("more of it", lambda: self.shares("iris") == {1: 40, 2: 60})
        self.apply(service("iris", **second))
        eventually("all of it", lambda: self.shares("iris") == {2: 100})
        self.assertIn("version 3 gets no requests", self.apply(service("iris", **{**first, "model": {**first["model"], "storageUri": f"file://{MODELS}/squared.ubj"}}, canaryTrafficPercent=0)))
        self.assertEqual(self.shares("iris"), {2: 100})
        self.assertEqual(eventually("it answers still", lambda: self.ask("iris", rows))["model_version"], "2")

    def test_what_cannot_be_kept_is_told_by_its_path(self):
        told = self.apply(service("kept", timeout=5, nodeSelector={"a": "b"}, model={"modelFormat": {"name": "xgboost"}, "storageUri": f"file://{MODELS}/squared.ubj"}))
        self.assertIn("not kept: spec.predictor.timeout: ", told)
        self.assertIn("not kept: spec.predictor.nodeSelector: ", told)
        for name, predictor in SAMPLES.items():
            with self.subTest(name=name):
                self.assertIn("spec.predictor.model.storageUri", self.apply(service(name, **predictor), code=1))
        told = self.apply(service("gpu", model={"modelFormat": {"name": "xgboost"}, "storageUri": "file:///x", "resources": {"limits": {"nvidia.com/gpu": 1}}}), code=1)
        self.assertIn("spec.predictor.model.resources.limits.nvidia.com/gpu cannot be kept", told)


class Defined(unittest.TestCase):
    """Beside KServe's own definition in a real API server."""
    @classmethod
    def setUpClass(cls):
        define("kserve")

    def refusal(self, item):
        """Of the API server and of Keelson; "" where it is taken."""
        text = json.dumps(item)
        theirs = kubectl("apply", "--server-side", "--validate=strict", "--dry-run=server", "-f", "-", text=text, code=None)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            ours = subprocess.run([KEELSON, "apply", "--dry-run", "-f", file.name, "--server", "http://127.0.0.1:1"], capture_output=True, text=True, timeout=60)
        return ("" if "serverside-applied" in theirs else theirs), ours.stderr

    def test_what_an_api_server_refuses_is_refused(self):
        good = {"model": {"modelFormat": {"name": "xgboost"}, "storageUri": "file:///x"}}
        for path, (predictor, word) in WRONG.items():
            with self.subTest(path=path):
                theirs, ours = self.refusal(service("wrong", **{**good, **predictor}))
                self.assertIn(word, theirs)
                self.assertRegex(ours, rf'unknown field "{word}"|\.{word} is ')

    def test_samples_of_kserve_are_known_whole(self):
        for name, predictor in SAMPLES.items():
            with self.subTest(name=name):
                theirs, ours = self.refusal(service(name, **predictor))
                self.assertEqual(theirs, "")
                self.assertIn("cannot be read here: copy the model to this machine", ours)

    def test_what_is_exported_is_taken_by_both(self):
        kubectl("create", "namespace", "exported", code=None)
        self.addCleanup(kubectl, "delete", "namespace", "exported", "--wait=false", "--ignore-not-found")
        for project in ("examples/flights/keelson.yaml", "examples/rain/keelson.yaml"):
            with self.subTest(project=project):
                done = subprocess.run([KEELSON, "render", "--kubernetes", "--namespace", "exported", "--inference-service", f"file://{MODELS}/squared.ubj", "-f", project],
                                      capture_output=True, text=True, timeout=60, check=True)
                told = kubectl("apply", "--server-side", "--validate=strict", "--dry-run=server", "-f", "-", text=done.stdout)
                self.assertEqual(told.count("serverside-applied"), 2, told)
                self.assertNotIn("Warning", told)


if __name__ == "__main__":
    unittest.main()
