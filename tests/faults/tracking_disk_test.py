"""A full disk under MLflow's API: what was acknowledged is there, once, and nothing else."""
import json
import urllib.error
import urllib.parse
import urllib.request

from server import PATIENCE_S
from server_case import ServerTestCase
from small_disk import MEBIBYTE, SmallDisk

MLFLOW = "/api/2.0/mlflow/"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"
FULL = "no space|disk is full|disk full"
AT_MOST_ASKED = 3000  # until the room that the database holds ahead is used up


class FullDiskUnderTracking(ServerTestCase):
    def asks(self, server, path, body):
        status, answer = server.post(MLFLOW + path, body)
        self.assertEqual(status, 200, answer)
        return answer

    @staticmethod
    def log(server, run, step):
        """A batch of which all is there or nothing."""
        return server.post(MLFLOW + "runs/log-batch", {
            "run_id": run, "metrics": [{"key": "loss", "value": step, "timestamp": step, "step": step}],
            "params": [{"key": f"p{step}", "value": "x" * 2000}], "tags": [{"key": f"t{step}", "value": str(step)}]})

    @staticmethod
    def upload(server, name, content):
        request = urllib.request.Request(server.address + ARTIFACTS + name, content, method="PUT")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def holds(self, server, run, steps):
        query = urllib.parse.urlencode({"run_id": run, "metric_key": "loss", "max_results": 25000})
        with urllib.request.urlopen(f"{server.address}{MLFLOW}metrics/get-history?{query}", timeout=PATIENCE_S) as answer:
            history = json.load(answer).get("metrics", [])
        self.assertEqual([metric["step"] for metric in history], steps)
        data = self.asks(server, "runs/search", {"experiment_ids": ["0"]})["runs"][0]["data"]
        self.assertEqual({param["key"] for param in data["params"]}, {f"p{step}" for step in steps})
        self.assertLessEqual({f"t{step}" for step in steps}, {tag["key"] for tag in data["tags"]})

    def test_what_was_acknowledged_is_there_once_and_nothing_else(self):
        disk = SmallDisk(self, self.here / "small")
        server = self.begin(disk.folder / "data")
        run = self.asks(server, "runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
        acknowledged = list(range(3))
        for step in acknowledged:
            self.assertEqual(self.log(server, run, step)[0], 200)
        disk.fill()
        for step in range(3, AT_MOST_ASKED):
            status, answer = self.log(server, run, step)
            if status != 200:
                break
            acknowledged.append(step)
        self.assertGreaterEqual(status, 500, "the disk is full, and everything was taken")
        self.assertIn("error_code", answer)
        self.assertRegex(answer["message"].lower(), FULL)
        status, said = self.upload(server, "0/weights.bin", b"w" * MEBIBYTE)
        self.assertGreaterEqual(status, 500, said)
        self.assertRegex(said.lower(), FULL)
        self.holds(server, run, acknowledged)
        disk.free()
        for step in range(len(acknowledged), len(acknowledged) + 3):
            status, answer = self.log(server, run, step)
            self.assertEqual(status, 200, answer)
            acknowledged.append(step)
        server.kill()
        server.start().wait_ready()
        self.holds(server, run, acknowledged)
        status, said = self.upload(server, "0/weights.bin", b"w" * MEBIBYTE)
        self.assertEqual(status, 200, said)
        self.assertEqual(server.stop(), 0)
