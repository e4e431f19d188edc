#!/usr/bin/env python3
"""`keelson serve` and `mlflow models serve`'s own scoring server, pinned, side by side: the same model directory, the same requests,
the same answers, statuses and error codes.

Usage: mlflow_test.py KEELSON FOLDER   with FOLDER an empty folder.
"""
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import unittest

import http.client
import mlflow.models
import mlflow.onnx
import mlflow.sklearn
import mlflow.xgboost
import mlflow.pyfunc.scoring_server as scoring_server
import numpy
import onnx
import pandas
import sklearn.ensemble
import sklearn.impute
import sklearn.neighbors
import sklearn.pipeline
import sklearn.preprocessing
import sklearn.tree
import xgboost

from replica import PATIENCE_S, Replica

KEELSON = sys.argv[1]
FOLDER = pathlib.Path(sys.argv[2])
ONNX = pathlib.Path(__file__).resolve().parent.parent.parent / "src/serving/testdata/onnx"
NAMES = ["a", "b", "c", "d"]
TREE = ["sklearn.tree._tree.Tree"]  # which skops does not check; ours does


class Reference:
    """MLflow's scoring server of one model directory, as `mlflow models serve` starts it."""

    def __init__(self, model):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = {**os.environ, "__pyfunc_model_path__": str(model), "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": "60"}
        self.log = open(FOLDER / f"reference-{self.port}.log", "w", encoding="utf-8")
        self.process = subprocess.Popen([sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(self.port),
                                         "mlflow.pyfunc.scoring_server.app:app"], env=environment, stdout=self.log, stderr=self.log)
        until = time.monotonic() + 3 * PATIENCE_S
        while True:
            try:
                if self.ask("GET", "/ping")[0] == 200:
                    return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    self.stop()
                    raise
            time.sleep(0.1)

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self.log.close()


class ReferenceFunction:
    """What that server does with a request to /invocations, without its process and its HTTP, which take seconds to start."""

    def __init__(self, model):
        self.model = mlflow.pyfunc.load_model(str(model))

    def ask(self, _method, _path, body, headers):
        data = body.encode() if isinstance(body, str) else body
        try:
            answer = scoring_server.invocations(data, headers["content-type"], self.model, self.model.metadata.get_input_schema())
        except mlflow.exceptions.MlflowException as error:
            return error.get_http_status_code(), {"content-type": "application/json"}, error.serialize_as_json()
        return answer.status, {"content-type": answer.mimetype}, answer.response

    def stop(self):
        pass


def make_models():
    """The same booster by MLflow with a signature by name (and params), and with none."""
    random = numpy.random.default_rng(7)
    rows = pandas.DataFrame(random.normal(size=(400, 4)), columns=NAMES)
    target = (rows["a"] + rows["b"] * rows["c"] > 0).astype(int)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 4, "nthread": 1, "seed": 1},
                            xgboost.DMatrix(rows, target), 20)
    signature = mlflow.models.infer_signature(rows, booster.predict(xgboost.DMatrix(rows)), params={"output_margin": False})
    mlflow.xgboost.save_model(booster, str(FOLDER / "signed"), signature=signature)
    classes = (rows["a"] > 0).astype(int) + (rows["d"] > 0).astype(int)
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3, "max_depth": 3, "nthread": 1, "seed": 1},
                            xgboost.DMatrix(rows.to_numpy(), classes), 5)
    mlflow.xgboost.save_model(booster, str(FOLDER / "bare"))
    for name in ("network", "classifier"):
        mlflow.onnx.save_model(onnx.load(ONNX / f"{name}.onnx"), str(FOLDER / name))
    matrix = rows.to_numpy(dtype=numpy.float32)[:, :3]
    signature = mlflow.models.infer_signature({"x": matrix}, {"y": matrix[:, :2]})
    mlflow.onnx.save_model(onnx.load(ONNX / "network.onnx"), str(FOLDER / "tensor_signed"), signature=signature)
    signature = mlflow.models.infer_signature(rows[NAMES[:3]], rows[NAMES[:1]])
    mlflow.onnx.save_model(onnx.load(ONNX / "network.onnx"), str(FOLDER / "column_signed"), signature=signature)
    forest = sklearn.ensemble.RandomForestClassifier(5, random_state=1).fit(rows, target)
    mlflow.sklearn.save_model(forest, str(FOLDER / "forest"), signature=mlflow.models.infer_signature(rows, forest.predict(rows)),
                              serialization_format="cloudpickle")
    # What is native of scikit-learn: saved as MLflow does unless told otherwise, and a pipeline of whole numbers and others.
    words = numpy.array(["no", "yes \u00e9"])[target]
    boosted = sklearn.ensemble.GradientBoostingClassifier(n_estimators=5, random_state=1).fit(rows.to_numpy(), words)
    mlflow.sklearn.save_model(boosted, str(FOLDER / "boosted"), pyfunc_predict_fn="predict_proba", skops_trusted_types=TREE,
                              signature=mlflow.models.infer_signature(rows.to_numpy(), boosted.predict_proba(rows.to_numpy())))
    mixed = rows.assign(a=(rows["a"] * 9).astype(int), d=rows["d"] > 0)
    chain = sklearn.pipeline.make_pipeline(sklearn.impute.SimpleImputer(), sklearn.preprocessing.StandardScaler(),
                                           sklearn.ensemble.ExtraTreesClassifier(5, random_state=1)).fit(mixed, words)
    mlflow.sklearn.save_model(chain, str(FOLDER / "chain"), signature=mlflow.models.infer_signature(mixed, chain.predict(mixed)),
                              serialization_format="pickle")
    tree = sklearn.tree.DecisionTreeRegressor(max_depth=4, random_state=1).fit(rows.to_numpy(), rows["a"])
    mlflow.sklearn.save_model(tree, str(FOLDER / "unsigned"), serialization_format="cloudpickle")
    mlflow.sklearn.save_model(forest, str(FOLDER / "unsigned_names"), skops_trusted_types=TREE)
    neighbours = sklearn.neighbors.KNeighborsClassifier().fit(rows, target)
    mlflow.sklearn.save_model(neighbours, str(FOLDER / "neighbours"), serialization_format="pickle",
                              signature=mlflow.models.infer_signature(rows, neighbours.predict(rows)))
    return rows


SERVED = ("signed", "bare")
CALLED = ("network", "classifier", "tensor_signed", "column_signed", "forest", "boosted", "chain", "unsigned", "unsigned_names", "neighbours")
NATIVE = ("forest", "boosted", "chain", "unsigned", "unsigned_names")


class SideBySide(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rows = make_models()
        cls.references = {name: Reference(FOLDER / name) for name in SERVED}
        cls.references |= {name: ReferenceFunction(FOLDER / name) for name in CALLED}
        cls.replicas = {name: Replica(KEELSON, [f"{name}={FOLDER / name}"], "--python", sys.executable,
                                      "--payload-log", str(FOLDER / f"payload-{name}")) for name in SERVED + CALLED}

    @classmethod
    def tearDownClass(cls):
        for reference in cls.references.values():
            reference.stop()
        for replica in cls.replicas.values():
            assert replica.stop() == 0

    def both(self, model, body, content_type="application/json"):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        headers = {"content-type": content_type}
        return (self.references[model].ask("POST", "/invocations", body, headers),
                self.replicas[model].ask("POST", "/invocations", body, headers))

    def same_answer(self, model, body, content_type="application/json"):
        (their_status, their_headers, theirs), (status, headers, ours) = self.both(model, body, content_type)
        self.assertEqual((their_status, status), (200, 200), (body, theirs, ours))
        self.assertEqual(headers["content-type"], their_headers["content-type"])
        # By the number, to the last digit.
        self.assertEqual(json.loads(ours), json.loads(theirs), body)
        return json.loads(ours)["predictions"]

    def same_refusal(self, model, body, content_type="application/json", part=None):
        (their_status, _, theirs), (status, _, ours) = self.both(model, body, content_type)
        self.assertEqual(status, their_status, (body, theirs, ours))
        self.assertGreaterEqual(status, 400)
        if status == 415:
            return
        self.assertEqual(json.loads(ours)["error_code"], json.loads(theirs)["error_code"], (body, theirs, ours))
        if part is not None:
            self.assertIn(part, json.loads(theirs)["message"])
            self.assertIn(part, json.loads(ours)["message"])

    def test_every_format(self):
        rows = self.rows.head(20)
        mixed = rows[["d", "b", "a", "c"]].assign(extra=1)
        for frame in (rows, mixed):
            self.same_answer("signed", {"dataframe_split": frame.to_dict(orient="split")})
            self.same_answer("signed", {"dataframe_records": frame.to_dict(orient="records")})
            self.same_answer("signed", {"instances": frame.to_dict(orient="records")})
            self.same_answer("signed", {"inputs": frame.to_dict(orient="list")})
            self.same_answer("signed", frame.to_csv(index=False), "text/csv")
        self.same_answer("signed", {"inputs": rows.to_dict(orient="records")})
        values = rows.to_numpy().tolist()
        self.same_answer("bare", {"instances": values})
        self.same_answer("bare", {"inputs": values})
        self.same_answer("bare", {"dataframe_split": {"data": values}})
        self.same_answer("bare", {"dataframe_split": {"columns": NAMES, "data": values}})
        self.same_answer("bare", {"dataframe_records": rows.to_dict(orient="records")})

    def test_missing_values_and_types(self):
        self.same_answer("signed", '{"dataframe_split": {"columns": ["a","b","c","d"], "data": [[null, NaN, 1, 2], [1, 2, 3, null]]}}')
        self.same_answer("signed", '{"dataframe_records": [{"a": "1", "b": 2, "c": false, "d": 4}, {"a": "1.5", "b": -2e0, "c": true, "d": 0}]}')
        self.same_answer("signed", "a,b,c,d\n1,,NA,4\n-1e3,nan,2.50,0\n", "text/csv")
        self.same_answer("signed", "a,b,c,d\r\n1,2,3,4\r\n", "text/csv; charset=utf-8")
        self.same_answer("bare", '{"inputs": [[1, 2, 3, NaN], [0.1, 0.2, 0.3, 0.4]]}')

    def test_params(self):
        rows = self.rows.head(3).to_dict(orient="records")
        for params in ({"output_margin": True}, {"output_margin": False}, {}, None, {"unknown": 1}, {"pred_leaf": True}):
            self.same_answer("signed", {"dataframe_records": rows, "params": params})
        self.same_answer("bare", {"inputs": [[1, 2, 3, 4]], "params": {"output_margin": True}})  # no schema: ignored
        self.same_refusal("signed", {"dataframe_records": rows, "params": {"output_margin": "maybe"}})

    def test_refusals(self):
        self.same_refusal("signed", "{", part="Invalid input. Ensure that input is a valid JSON formatted string")
        self.same_refusal("signed", "", part="Invalid input. Ensure that input is a valid JSON formatted string")
        self.same_refusal("signed", b"\xff\xfe{", part="Invalid input. Ensure that input is a valid JSON formatted string")
        self.same_refusal("signed", "[1]", part="Received a list")
        self.same_refusal("signed", "3", part="Received unexpected input type")
        self.same_refusal("signed", {"nothing": 1}, part="with exactly one of the input fields")
        self.same_refusal("signed", {"inputs": [[1]], "instances": [[1]]}, part="with exactly one of the input fields")
        self.same_refusal("signed", {"dataframe_records": {"a": 1}}, part="Dataframe records format must be a list of records")
        self.same_refusal("signed", {"dataframe_split": [1]}, part="Dataframe split format must be a dictionary")
        self.same_refusal("signed", {"dataframe_split": {"columns": ["a"]}}, part="Dataframe split format must have 'data' field")
        self.same_refusal("signed", {"dataframe_split": {"columns": ["a", "b"], "data": [[1]]}})
        self.same_refusal("signed", {"dataframe_records": [{"a": 1, "b": 2}]}, part="Model is missing inputs ['c', 'd']")
        self.same_refusal("signed", {"dataframe_records": [{"a": "x", "b": 2, "c": 3, "d": 4}]}, part="Failed to convert column a")
        self.same_refusal("signed", {"instances": [{"a": 1, "b": 1, "c": 1, "d": 1}, {"a": 1}]})
        self.same_refusal("bare", {"inputs": [[1, 2, 3, 4, 5]]})
        self.same_refusal("bare", {"inputs": [[1, 2, 3], [1, 2, 3, 4]]})
        self.same_refusal("signed", "", "text/csv")
        self.same_refusal("signed", "a,b\n1,2,3\n4,5,6,7\n", "text/csv")
        for content_type in ("text/plain", "application/json; charset=latin-1", "application/json; format=pandas", "image/png"):
            self.same_refusal("signed", "{}", content_type)

    def test_onnx_by_itself(self):
        rows = self.rows[NAMES[:3]].head(7)
        values = rows.to_numpy().tolist()
        for model, name in (("network", "x"), ("classifier", "X")):
            for body in ({"inputs": values}, {"instances": values}, {"inputs": {name: values}}, {"instances": [{name: row} for row in values]},
                         '{"inputs": [[1.5, NaN, 2]]}'):
                self.assertIsInstance(self.same_answer(model, body), dict)
            for body in ({"dataframe_split": rows.to_dict(orient="split")}, {"dataframe_split": {"data": values}},
                         {"dataframe_records": rows.to_dict(orient="records"), "params": {"ignored": 1}}):
                self.assertIsInstance(self.same_answer(model, body), list)
            self.same_answer(model, rows.to_csv(index=False), "text/csv")
            for body in ({"inputs": [[1.5, 2]]}, {"inputs": [["a", "b", "c"]]}, {"inputs": {"nobody": values}}, {"inputs": [[1.5, 2, 3], [1.5]]},
                         {"dataframe_split": {"data": [[1.5, 2]]}}, {"nothing": 1}, "{"):
                self.same_refusal(model, body)
            self.same_refusal(model, "{}", "image/png")

    def test_onnx_with_a_signature(self):
        rows = self.rows[NAMES[:3]].head(5)
        values = rows.to_numpy().tolist()
        whole = [[1, 2, 3], [4, 5, 6]]  # cast as the signature says
        for body in ({"inputs": {"x": values}}, {"inputs": {"x": values, "more": 1}}, {"instances": [{"x": row} for row in values]},
                     {"inputs": values}, {"instances": values}, {"inputs": {"x": whole}}):
            self.assertIsInstance(self.same_answer("tensor_signed", body), dict)
        self.same_refusal("tensor_signed", {"inputs": {"y": values}})
        self.same_refusal("tensor_signed", {"inputs": {"x": [[1, 2]]}})
        mixed = rows[["c", "a", "b"]].assign(extra=1)
        for frame in (rows, mixed):
            for body in ({"dataframe_split": frame.to_dict(orient="split")}, {"dataframe_records": frame.to_dict(orient="records")},
                         {"instances": frame.to_dict(orient="records")}, {"inputs": frame.to_dict(orient="list")}):
                self.assertIsInstance(self.same_answer("column_signed", body), list)
            self.same_answer("column_signed", frame.to_csv(index=False), "text/csv")
        self.same_refusal("column_signed", {"inputs": {"a": [1.5], "b": [1.5]}}, part="Model is missing inputs ['c']")

    def test_a_model_of_pythons(self):
        self.same_as_frames("neighbours")

    def test_scikit_learn_with_names(self):
        self.same_as_frames("forest")

    def same_as_frames(self, model):
        rows = self.rows.head(6)
        for body in ({"dataframe_split": rows.to_dict(orient="split")}, {"dataframe_records": rows.to_dict(orient="records")},
                     {"instances": rows.to_dict(orient="records")}, {"inputs": rows.to_dict(orient="list")}):
            answer = self.same_answer(model, body)
        self.same_answer(model, rows.to_csv(index=False), "text/csv")
        for body in ({"inputs": [[1, 2]]}, {"dataframe_records": [{"a": 1.5}]}, {"dataframe_records": [{"a": "x", "b": 1, "c": 1, "d": 1}]},
                     {"nothing": 1}, "{", "[1]", b"\xff"):
            self.same_refusal(model, body)
        self.same_refusal(model, "{}", "image/png")
        replica = self.replicas[model]
        status, _, body = replica.ask("POST", "/v1/models/" + model + ":predict", json.dumps({"instances": rows.to_dict(orient="records")}))
        self.assertEqual((status, json.loads(body)), (200, {"predictions": answer}))
        status, _, body = replica.ask("POST", "/v1/models/" + model + ":predict", json.dumps({"instances": [{"a": 1.5}]}))
        self.assertEqual(status, 400)
        self.assertIn("Model is missing inputs", json.loads(body)["error"])

    def test_scikit_learn_with_types(self):
        rows = self.rows.head(8).assign(a=lambda each: (each["a"] * 9).astype(int), d=lambda each: each["d"] > 0)
        for frame in (rows, rows[["d", "b", "a", "c"]].assign(extra=1)):
            for body in ({"dataframe_split": json.loads(frame.to_json(orient="split"))},
                         {"dataframe_records": json.loads(frame.to_json(orient="records"))}):
                self.same_answer("chain", body)
            self.same_answer("chain", frame.to_csv(index=False), "text/csv")
        self.same_answer("chain", '{"dataframe_split": {"columns": ["a","b","c","d"], "data": [[3, null, 1, true], [1, 2, NaN, false]]}}')
        for cell in ("2.5", '"x"', "null", "[1]"):
            body = '{"dataframe_split": {"columns": ["a","b","c","d"], "data": [[%s, 1, 1, true]]}}' % cell
            (status, _, theirs), (ours, _, said) = self.both("chain", body)
            self.assertEqual(status, ours, (body, theirs, said))

    def test_scikit_learn_by_arrays(self):
        values = self.rows.head(8).to_numpy().tolist()
        for model in ("boosted", "unsigned"):
            for body in ({"inputs": values}, {"instances": values}, {"instances": [[1, 2, 3, 4]]}, {"dataframe_split": {"data": values}},
                         {"dataframe_split": {"columns": NAMES, "data": values}}):
                answer = self.same_answer(model, body)
            for body in ({"inputs": [[1.5, 2]]}, {"inputs": [["a", "b", "c", "d"]]}, '{"inputs": [[1, 2, 3, Infinity]]}', {"inputs": 1.5},
                         {"nothing": 1}, "{"):
                self.same_refusal(model, body)
            status, _, said = self.replicas[model].ask("POST", f"/v1/models/{model}:predict", json.dumps({"instances": values}))
            self.assertEqual((status, json.loads(said)["predictions"]), (200, answer))
        self.same_refusal("boosted", '{"inputs": [[1, 2, 3, NaN]]}', part="Encountered an unexpected error while evaluating the model")
        self.same_answer("unsigned", '{"inputs": [[1, 2, 3, NaN]]}')

    def test_scikit_learn_with_names_and_no_signature(self):
        rows = self.rows.head(8)
        values = rows.to_numpy().tolist()
        for body in ({"inputs": values}, {"instances": values}, {"dataframe_split": {"data": values}},
                     {"dataframe_split": {"columns": NAMES, "data": values}}, {"dataframe_records": rows.to_dict(orient="records")}):
            self.same_answer("unsigned_names", body)
        self.same_answer("unsigned_names", rows.to_csv(index=False), "text/csv")
        for names in (["d", "b", "a", "c"], ["a", "b", "c"], ["w", "x", "y", "z"]):
            self.same_refusal("unsigned_names", {"dataframe_split": {"columns": names, "data": [[1.5] * len(names)]}},
                              part="Encountered an unexpected error while evaluating the model")

    def test_which_models_are_native(self):
        for model in NATIVE + ("neighbours",):
            metadata = json.loads(self.replicas[model].ask("GET", f"/v2/models/{model}")[2])
            self.assertEqual(metadata["platform"], "keelson_sklearn" if model in NATIVE else "keelson_python", model)
            self.assertEqual(metadata["outputs"][0]["name"], "predict")
        rows = self.rows.head(3)
        inputs = [{"name": name, "datatype": "FP64", "shape": [3], "data": rows[name].tolist()} for name in NAMES]
        for model in ("forest", "neighbours"):
            status, _, body = self.replicas[model].ask("POST", f"/v2/models/{model}/infer", {"inputs": inputs})
            output = json.loads(body)["outputs"][0]
            self.assertEqual((status, output["datatype"], output["shape"]), (200, "INT64", [3]))
            self.assertEqual(output["data"], self.references[model].model.predict(rows).tolist())
            status, _, body = self.replicas[model].ask("POST", f"/v2/models/{model}/infer", {"inputs": inputs[:2] + [{**inputs[2], "shape": [2], "data": [1, 2]}, inputs[3]]})
            self.assertEqual((status, "ValueError: All arrays must be of the same length" in json.loads(body)["error"]), (400, True), body)

    def test_health_and_version(self):
        for path in ("/ping", "/health", "/version"):
            their_status, their_headers, theirs = self.references["signed"].ask("GET", path)
            status, headers, ours = self.replicas["signed"].ask("GET", path)
            self.assertEqual((status, headers["content-type"], ours), (their_status, their_headers["content-type"], theirs), path)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
