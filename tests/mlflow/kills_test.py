"""kill -9 of the server while eight clients log: everything that was acknowledged is there, and nothing twice, also when
every call that broke is made again."""
import json
import os
import pathlib
import random
import sys
import tempfile
import threading
import unittest

import servers

KEELSON = sys.argv.pop(1)
CLIENTS = 8
KILLS = 3
SEED = int(os.environ.get("KEELSON_MLFLOW_SEED", "1"))


class Client:
    """Logs batches to its own run, each until it is acknowledged."""

    def __init__(self, state, number):
        self.state, self.number = state, number
        self.run = None
        self.acknowledged = 0  # batches
        self.error = None

    def post(self, path, body):
        """The answer, or nothing when the connection broke."""
        try:
            status, answer = servers.call(self.state["address"], "POST", "/api/2.0/mlflow/" + path, body)
        except OSError:
            return None
        if status != 200:
            raise AssertionError(f"{path}: {status} {answer}")
        return answer

    def batch(self, number):
        return {"run_id": self.run, "params": [{"key": f"p{number}", "value": str(number)}],
                "tags": [{"key": "last", "value": str(number)}],
                "metrics": [{"key": f"m{k}", "value": number + k / 100, "timestamp": number, "step": number} for k in range(20)]}

    def go(self):
        while self.run is None:
            made = self.post("runs/create", {"experiment_id": "0", "run_name": f"client {self.number}"})
            self.run = made and made["run"]["info"]["run_id"]
        while not self.state["end"].is_set():
            if self.post("runs/log-batch", self.batch(self.acknowledged + 1)) is None:
                self.state["end"].wait(0.02)
                continue
            self.acknowledged += 1

    def run_guarded(self):
        try:
            self.go()
        except BaseException as error:  # told by the test
            self.error = error

    def start_guarded(self):
        thread = threading.Thread(target=self.run_guarded, daemon=True)
        thread.start()
        return thread


class Kills(unittest.TestCase):
    def test_everything_acknowledged_is_there_once(self):
        rng = random.Random(SEED)
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            server = servers.keelson(KEELSON, folder)
            state = {"address": server.address, "end": threading.Event()}
            clients = [Client(state, number) for number in range(CLIENTS)]
            threads = [client.start_guarded() for client in clients]
            for _ in range(KILLS):
                before = sum(client.acknowledged for client in clients)
                goal = before + rng.randrange(40, 120)
                while sum(client.acknowledged for client in clients) < goal and not any(c.error for c in clients):
                    state["end"].wait(0.005)
                server.kill()
                server = servers.keelson(KEELSON, folder, server.port)
            goal = sum(client.acknowledged for client in clients) + CLIENTS
            while sum(client.acknowledged for client in clients) < goal and not any(c.error for c in clients):
                state["end"].wait(0.005)
            state["end"].set()
            for thread in threads:
                thread.join(servers.PATIENCE_S)
            self.assertEqual([client.error for client in clients], [None] * CLIENTS)
            for client in clients:
                self.check(server.address, client)
            server.stop()

    def check(self, address, client):
        get = lambda path: servers.call(address, "GET", "/api/2.0/mlflow/" + path)[1]
        data = get(f"runs/get?run_id={client.run}")["run"]["data"]
        params = {each["key"]: each["value"] for each in data["params"]}
        written = len(params)  # the last batch may be written and its answer lost
        self.assertIn(written, (client.acknowledged, client.acknowledged + 1))
        self.assertEqual(params, {f"p{n}": str(n) for n in range(1, written + 1)})
        self.assertEqual({t["key"]: t["value"] for t in data["tags"]}["last"], str(written))
        for k in (0, 19):
            history = get(f"metrics/get-history?run_id={client.run}&metric_key=m{k}")["metrics"]
            self.assertEqual([(p["step"], p["value"]) for p in history], [(n, n + k / 100) for n in range(1, written + 1)])
        self.assertEqual(len(data["metrics"]), 20)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
