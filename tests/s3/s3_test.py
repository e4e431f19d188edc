"""The server with its artifacts in an object store (versitygw): MLflow's own client, unmodified, and raw calls."""
import contextlib
import hashlib
import os
import pathlib
import sqlite3
import sys
import tempfile
import time
import unittest
import urllib.parse

os.environ.update(MLFLOW_HTTP_REQUEST_MAX_RETRIES="2", MLFLOW_ENABLE_ASYNC_LOGGING="false", GIT_PYTHON_REFRESH="quiet",
                  MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT="1", MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=str(12 << 20),
                  MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE=str(5 << 20), MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE=str(3 << 20))

import mlflow
import numpy as np
import sklearn.linear_model

import store as stores
import servers

VERSITYGW = sys.argv.pop(1)
KEELSON = sys.argv.pop(1)
TOP = pathlib.Path(__file__).resolve().parents[2]


class OnS3(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        cls.store = stores.Store(VERSITYGW, cls.path)
        cls.start()
        cls.client = mlflow.MlflowClient()

    @classmethod
    def start(cls, arguments=("--artifacts", "s3://models/lab/keelson")):
        cls.server = servers.keelson(KEELSON, cls.path, arguments=arguments, environment=cls.store.environment())
        mlflow.set_tracking_uri(cls.server.address)
        mlflow.set_registry_uri(cls.server.address)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.store.stop()
        cls.folder.cleanup()

    def call(self, method, path, body=None):
        return servers.call(self.server.address, method, "/api/2.0/mlflow-artifacts/" + path, body)

    def objects_of(self, run):
        return {name.split("/artifacts/", 1)[1]: size for name, size in self.store.files("lab/keelson/0").items() if run in name}

    def test_artifacts_are_logged_listed_loaded_and_deleted(self):
        tree = self.path / "tree"
        (tree / "deep" / "er").mkdir(parents=True)
        (tree / "a.txt").write_text("a")
        (tree / "deep" / "er" / "ü & +.bin").write_bytes(bytes(range(256)) * 9)
        with mlflow.start_run() as run:
            mlflow.log_text("hello", "notes/hello.txt")
            mlflow.log_dict({"a": [1, 2]}, "config.json")
            mlflow.log_text("", "empty")
            mlflow.log_artifacts(tree, "tree")
        run = run.info.run_id
        self.assertEqual(set(self.objects_of(run)), {"notes/hello.txt", "config.json", "empty", "tree/a.txt",
                                                     "tree/deep/er/ü & +.bin"})
        listed = [(each.path, each.is_dir, each.file_size) for each in self.client.list_artifacts(run)]
        self.assertEqual(listed, [("config.json", False, self.objects_of(run)["config.json"]), ("empty", False, None),
                                  ("notes", True, None), ("tree", True, None)])
        self.assertEqual(self.client.list_artifacts(run, "config.json"), [])
        got = pathlib.Path(mlflow.artifacts.download_artifacts(run_id=run, artifact_path="", dst_path=str(self.path / "got")))
        self.assertEqual((got / "tree/deep/er/ü & +.bin").read_bytes(), bytes(range(256)) * 9)
        self.assertEqual((got / "empty").read_bytes(), b"")
        self.assertEqual(mlflow.artifacts.load_text(f"runs:/{run}/notes/hello.txt"), "hello")
        status, _ = self.call("DELETE", f"artifacts/0/{run}/artifacts/tree")
        self.assertEqual(status, 200)
        self.assertEqual(set(self.objects_of(run)), {"notes/hello.txt", "config.json", "empty"})
        self.assertFalse((self.path / "data" / "artifacts").exists(), "nothing lies in the data folder")

    def test_a_model_is_logged_registered_and_loaded(self):
        x = np.random.default_rng(7).normal(size=(50, 3))
        model = sklearn.linear_model.LinearRegression().fit(x, x @ [1, 2, 3])
        with mlflow.start_run():
            info = mlflow.sklearn.log_model(model, name="model", registered_model_name="on-s3", input_example=x[:2])
        self.client.set_registered_model_alias("on-s3", "champion", 1)
        loaded = mlflow.sklearn.load_model("models:/on-s3@champion")
        np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
        np.testing.assert_array_equal(mlflow.pyfunc.load_model(info.model_uri).predict(x), model.predict(x))
        with contextlib.closing(sqlite3.connect(f"file:{self.path}/data/keelson.db?mode=ro", uri=True)) as database:
            (hashed,), = database.execute("SELECT content_hash FROM version WHERE model = 'on-s3'").fetchall()
        self.assertRegex(hashed, "^[0-9a-f]{64}$", "hashed in the store, when it was registered")

    def test_a_large_artifact_goes_through_the_server_in_parts(self):
        content = os.urandom(20 << 20)
        for repeat in range(2):
            status, answer = self.call("PUT", "artifacts/large/a.bin", content)
            self.assertEqual((status, answer), (200, {}))
        self.assertEqual(self.store.files("lab/keelson/large"), {"lab/keelson/large/a.bin": len(content)})
        request = servers.urllib.request.urlopen(self.server.address + "/api/2.0/mlflow-artifacts/artifacts/large/a.bin")
        self.assertEqual(hashlib.sha256(request.read()).digest(), hashlib.sha256(content).digest())

    def test_the_client_sends_and_fetches_parts_past_the_server(self):
        content = os.urandom((13 << 20) + 5)
        (self.path / "big.bin").write_bytes(content)
        with mlflow.start_run() as run:
            mlflow.log_artifact(str(self.path / "big.bin"), "past")
        self.assertEqual(self.objects_of(run.info.run_id), {"past/big.bin": len(content)})
        got = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="past/big.bin", dst_path=str(self.path / "g"))
        self.assertEqual(pathlib.Path(got).read_bytes(), content)
        self.assertNotIn("PUT /api/2.0/mlflow-artifacts", (self.path / "server.log").read_text())

    def test_multipart_calls(self):
        status, created = self.call("POST", "mpu/create/mpu", {"path": "/home/me/part.bin", "num_parts": 2})
        self.assertEqual(status, 200, created)
        self.assertEqual([each["part_number"] for each in created["credentials"]], [1, 2])
        parts, whole = [], b""
        for each, size in zip(created["credentials"], (5 << 20, 7)):
            body = os.urandom(size)
            whole += body
            answer = servers.urllib.request.urlopen(servers.urllib.request.Request(each["url"], body, method="PUT"))
            parts.append({"part_number": each["part_number"], "etag": answer.headers["ETag"], "url": each["url"]})
        self.assertEqual(self.store.files("lab/keelson/mpu"), {}, "not seen before it is whole")
        complete = {"path": "/home/me/part.bin", "upload_id": created["upload_id"], "parts": parts}
        for repeat in range(2):  # an answer that got lost is asked for again
            self.assertEqual(self.call("POST", "mpu/complete/mpu", complete), (200, {}))
        self.assertEqual((self.store.objects / "lab/keelson/mpu/part.bin").read_bytes(), whole)
        status, created = self.call("POST", "mpu/create/mpu", {"path": "gone.bin", "num_parts": 1})
        gone = {"path": "gone.bin", "upload_id": created["upload_id"]}
        for repeat in range(2):
            self.assertEqual(self.call("POST", "mpu/abort/mpu", gone), (200, {}))
        status, answer = self.call("POST", "mpu/complete/mpu", {**gone, "parts": [{"part_number": 1, "etag": '"0"'}]})
        self.assertIn(status, (400, 404), answer)  # versitygw misses the part, AWS the upload
        for body in ({"num_parts": 1}, {"path": "x", "num_parts": 10_001}, {"path": "x", "num_parts": -1}, {"path": "a/..", "num_parts": 1}):
            status, answer = self.call("POST", "mpu/create/mpu", body)
            self.assertEqual((status, answer["error_code"]), (400, "INVALID_PARAMETER_VALUE"), (body, answer))
        for parts in ([], [{"part_number": 0, "etag": "x"}], [{"part_number": 1}]):
            status, answer = self.call("POST", "mpu/complete/mpu", {**gone, "parts": parts})
            self.assertEqual((status, answer["error_code"]), (400, "INVALID_PARAMETER_VALUE"), answer)

    def test_urls_that_expire(self):
        self.call("PUT", "artifacts/urls/a b+ü.txt".replace(" ", "%20").replace("ü", "%C3%BC"), b"content")
        status, answer = self.call("GET", "presigned/urls/a%20b+%C3%BC.txt")
        self.assertEqual((status, answer["file_size"], answer["headers"]), (200, 7, {}), answer)
        self.assertEqual(servers.urllib.request.urlopen(answer["url"]).read(), b"content")
        self.assertEqual(urllib.parse.parse_qs(urllib.parse.urlparse(answer["url"]).query)["X-Amz-Expires"], ["300"])
        status, _ = servers.call(answer["url"], "PUT", "", b"other")
        self.assertEqual(status, 403, "it lets read, and nothing else")
        status, _ = servers.call(answer["url"].replace("a%20b", "a%20c"), "GET", "")
        self.assertEqual(status, 403)
        status, answer = self.call("GET", "presigned/urls/none")
        self.assertEqual((status, answer["error_code"]), (404, "RESOURCE_DOES_NOT_EXIST"))
        run = self.client.create_run("0").info.run_id
        for what, body in (("upload", {"run_id": run, "path": "a"}), ("download", {"run_id": run, "path": "a"})):
            status, answer = servers.call(self.server.address, "POST", f"/api/2.0/mlflow/artifacts/presigned-{what}-url", body)
            self.assertEqual((status, answer["error_code"]), (400, "INVALID_PARAMETER_VALUE"))
            self.assertIn("artifact URI scheme: mlflow-artifacts", answer["message"])

    def test_what_the_server_says_of_itself(self):
        status, info = servers.call(self.server.address, "GET", "/mlflow/api/3.0/mlflow/server-info")
        self.assertEqual((status, info["multipart_uploads_enabled"], info["multipart_downloads_enabled"]), (200, True, True))

    def test_hostile_paths_stay_below_the_prefix(self):
        for path in ("../../x", "%2e%2e/%2e%2e/x", "..%2f..%2fx", "%252e%252e/x", "a/../../../x", "a%00b", "a%5c..%5cx", "a%23b",
                     "/" + "k" * 1100):
            for method in ("PUT", "GET", "DELETE"):
                status, answer = self.call(method, f"artifacts/{path}", b"x" if method == "PUT" else None)
                self.assertIn(status, (400, 404), (method, path, answer))
        self.assertEqual([each.name for each in self.store.objects.iterdir() if not each.name.startswith(".")], ["lab"])

    def test_more_than_a_page_of_artifacts(self):
        folder = self.store.objects / "lab/keelson/many"
        folder.mkdir(parents=True)
        for i in range(1100):
            (folder / f"f{i:04}").write_bytes(b"x")
        status, answer = self.call("GET", "artifacts?path=many")
        self.assertEqual((status, len(answer["files"])), (200, 1100))
        self.assertEqual(self.call("DELETE", "artifacts/many"), (200, {}))
        self.assertEqual(self.store.files("lab/keelson/many"), {})

    def test_z_a_data_folder_stays_with_its_store_and_no_log_holds_a_secret(self):
        self.call("PUT", "artifacts/stay", b"here")
        self.server.stop()
        refused = servers.subprocess.run([KEELSON, "server", "--data", str(self.path / "data"), "--artifacts", "s3://models/other"],
                                         env={**os.environ, **self.store.environment()}, capture_output=True, text=True, timeout=60)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("keeps its artifacts in s3://models/lab/keelson", refused.stderr)
        self.start(())
        self.assertEqual(self.call("GET", "artifacts/stay"), (200, "here"))
        log = (self.path / "server.log").read_text()
        for secret in (stores.SECRET, "X-Amz-Signature", "Signature="):
            self.assertNotIn(secret, log)
        doctor = servers.subprocess.run([KEELSON, "doctor", "--data", str(self.path / "data")], capture_output=True, text=True, timeout=60)
        self.assertNotIn("version", doctor.stdout + doctor.stderr)


class ProjectOnS3(unittest.TestCase):
    """The small example: what it trains lives in the store, and replicas serve it from verified copies."""

    def keelson(self, *arguments):
        done = servers.subprocess.run([KEELSON, *arguments, "--server", self.server.address], cwd=TOP, capture_output=True,
                                      text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def start(self):
        self.server = servers.keelson(KEELSON, self.path, arguments=("--artifacts", "s3://models/projects"),
                                      environment=self.store.environment())

    def predict(self):
        """The probability, once the version is served."""
        row = {"station": "JFK", "temp": 39, "dewp": 37, "humid": 93, "wind_speed": 8, "pressure": 1009, "visib": 6, "precip": 0.01}
        inputs = [{"name": name, "shape": [1, 1], "datatype": "BYTES" if name == "station" else "FP64", "data": [value]}
                  for name, value in row.items()]
        until = time.monotonic() + 120
        while True:
            status, answer = servers.call(self.server.address, "POST", "/v2/models/rain/infer", {"inputs": inputs})
            if status == 200:
                return answer["outputs"][0]["data"][0]
            self.assertLess(time.monotonic(), until, answer)
            time.sleep(0.2)

    def test_its_model_is_published_fetched_verified_and_served(self):
        with tempfile.TemporaryDirectory() as folder:
            self.path = pathlib.Path(folder)
            self.store = stores.Store(VERSITYGW, self.path)
            self.addCleanup(self.store.stop)
            self.start()
            try:
                self.lives()
            finally:
                self.server.stop()

    def lives(self):
        self.keelson("apply", "-f", "examples/rain/keelson.yaml")
        self.keelson("run", "rain", "--as-of", "2013-03-01", "--follow")
        self.keelson("replay", "-f", "examples/rain/keelson.yaml", "--from", "2013-03-01", "--to", "2013-03-02")
        first = self.predict()
        stored = [name for name in self.store.files("projects") if name.endswith("/model/MLmodel")]
        self.assertEqual(len(stored), 1, "the model is in the store")
        mlflow.set_tracking_uri(self.server.address)
        mlflow.set_registry_uri(self.server.address)
        self.assertTrue(mlflow.pyfunc.load_model("models:/rain/1").metadata.signature, "MLflow's client loads it from there")
        copies = self.path / "data" / "artifacts"
        self.server.stop()
        servers.subprocess.run(["rm", "-rf", str(copies)], check=True)  # a new machine
        self.start()
        self.assertEqual(self.predict(), first)
        self.assertIn("a model was fetched", (self.path / "server.log").read_text())
        path = stored[0].removeprefix("projects/")
        changed = (self.store.objects / stored[0]).read_bytes() + b"# changed behind the registry's back\n"
        status, answer = servers.call(self.server.address, "PUT", f"/api/2.0/mlflow-artifacts/artifacts/{path}", changed)
        self.assertEqual((status, answer["error_code"]), (403, "PERMISSION_DENIED"), "a registered version does not change")
        self.server.stop()
        self.store.put(stored[0], changed)  # by somebody who has the bucket
        servers.subprocess.run(["rm", "-rf", str(copies)], check=True)
        self.start()
        until = time.monotonic() + 120
        while "the model was changed" not in (self.path / "server.log").read_text():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.1)
        self.assertFalse((copies / path).exists(), "what is not as registered is not served")


if __name__ == "__main__":
    unittest.main()
