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
import mlflow.xgboost
import numpy
import pandas
import xgboost

from replica import PATIENCE_S, Replica

KEELSON = sys.argv[1]
FOLDER = pathlib.Path(sys.argv[2])
NAMES = ["a", "b", "c", "d"]


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
    return rows


class SideBySide(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rows = make_models()
        cls.references = {name: Reference(FOLDER / name) for name in ("signed", "bare")}
        cls.replicas = {name: Replica(KEELSON, [f"{name}={FOLDER / name}"]) for name in ("signed", "bare")}

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

    def test_health_and_version(self):
        for path in ("/ping", "/health", "/version"):
            their_status, their_headers, theirs = self.references["signed"].ask("GET", path)
            status, headers, ours = self.replicas["signed"].ask("GET", path)
            self.assertEqual((status, headers["content-type"], ours), (their_status, their_headers["content-type"], theirs), path)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
