"""A run, a model and a search in the bytes that MLflow's clients of other languages send: R's writes every value as text, and names a run
twice; Java's prints its messages as protobuf's JSON does, whole numbers of 64 bits as text."""
import pathlib
import sys
import tempfile
import unittest
import urllib.parse

import servers

KEELSON = sys.argv.pop(1)
NOW_MS = 1767225600123


def as_r_sends(value):
    """`rapply(data, as.character)`, and what is NULL is left out."""
    if isinstance(value, dict):
        return {key: as_r_sends(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [as_r_sends(each) for each in value]
    return str(value)


def as_java_sends(value):
    if isinstance(value, dict):
        return {key: as_java_sends(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_java_sends(each) for each in value]
    if isinstance(value, float):
        return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, "NaN" if value != value else value)
    return str(value) if isinstance(value, int) else value


class OtherLanguages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.server = servers.keelson(KEELSON, pathlib.Path(cls.folder.name))

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    def get(self, path, **query):
        status, answer = servers.call(self.server.address, "GET", f"/api/2.0/mlflow/{path}?{urllib.parse.urlencode(query, doseq=True)}")
        self.assertEqual(status, 200, answer)
        return answer

    def lives(self, name, written):
        """What a client does with a run and a model, each body written as its language does."""
        def post(path, body):
            status, answer = servers.call(self.server.address, "POST", f"/api/2.0/mlflow/{path}", written(body))
            self.assertEqual(status, 200, (path, answer))
            return answer

        experiment = post("experiments/create", {"name": name})["experiment_id"]
        post("experiments/set-experiment-tag", {"experiment_id": experiment, "key": "team", "value": "ops"})
        run = post("runs/create", {"experiment_id": experiment, "user_id": "ann", "start_time": NOW_MS,
                                   "tags": [{"key": "mlflow.source.name", "value": "train"}]})["run"]["info"]
        both = {"run_uuid": run["run_uuid"], "run_id": run["run_uuid"]}
        self.assertEqual((run["run_id"], run["start_time"]), (run["run_uuid"], NOW_MS))
        post("runs/log-metric", {**both, "key": "loss", "value": 0.25, "timestamp": NOW_MS, "step": 0})
        post("runs/log-metric", {**both, "key": "loss", "value": float("inf"), "timestamp": NOW_MS + 1, "step": 7})
        post("runs/log-parameter", {**both, "key": "depth", "value": "6"})
        post("runs/set-tag", {**both, "key": "stage", "value": "dev"})
        post("runs/log-batch", {"run_id": run["run_id"], "params": [{"key": "eta", "value": "0.3"}], "tags": [],
                                "metrics": [{"key": "auc", "value": 0.5, "timestamp": NOW_MS, "step": step} for step in range(3)]})
        ended = post("runs/update", {**both, "status": "FINISHED", "end_time": NOW_MS + 5})["run_info"]
        self.assertEqual((ended["status"], ended["end_time"]), ("FINISHED", NOW_MS + 5))

        data = self.get("runs/get", **both)["run"]["data"]
        self.assertEqual({param["key"]: param["value"] for param in data["params"]}, {"depth": "6", "eta": "0.3"})
        self.assertLessEqual({("mlflow.source.name", "train"), ("stage", "dev")},
                             {(tag["key"], tag["value"]) for tag in data["tags"]})
        history = self.get("metrics/get-history", **both, metric_key="loss")["metrics"]
        self.assertEqual([(each["value"], each["timestamp"], each["step"]) for each in history],
                         [(0.25, NOW_MS, 0), (sys.float_info.max, NOW_MS + 1, 7)])
        found = post("runs/search", {"experiment_ids": [experiment], "filter": "metrics.auc = 0.5 and params.depth = '6'",
                                     "run_view_type": "ACTIVE_ONLY", "max_results": 10, "order_by": ["metrics.auc DESC"]})["runs"]
        self.assertEqual([each["info"]["run_id"] for each in found], [run["run_id"]])

        post("registered-models/create", {"name": name})
        version = post("model-versions/create", {"name": name, "run_id": run["run_id"], "source": f"runs:/{run['run_id']}/model"})
        self.assertEqual(version["model_version"]["version"], "1")
        post("model-versions/transition-stage", {"name": name, "version": "1", "stage": "Staging"})
        latest = self.get("registered-models/get-latest-versions", name=name, stages=["None", "Staging"])["model_versions"]
        self.assertEqual([(each["version"], each["current_stage"]) for each in latest], [("1", "Staging")])
        post("runs/delete", {"run_id": run["run_id"]})
        self.assertEqual(self.get("runs/get", **both)["run"]["info"]["lifecycle_stage"], "deleted")

    def test_as_rs_client_sends_it(self):
        self.lives("by R", lambda body: as_r_sends(as_java_sends(body)))

    def test_as_javas_client_sends_it(self):
        self.lives("by Java", as_java_sends)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
