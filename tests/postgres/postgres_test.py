"""A server whose metadata is in PostgreSQL: it lives as on SQLite, through kills of its own and restarts of PostgreSQL, alone on its
database and true to it. Run beside tests/with_postgres, each test in a schema of its own."""
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "faults"))
from server_case import ServerTestCase  # noqa: E402

POSTGRES = os.environ["KEELSON_POSTGRES"]
CONTROL = os.environ["KEELSON_POSTGRES_CONTROL"]
WRITERS = 3
MLFLOW = "/api/2.0/mlflow"


def control(what):
    subprocess.run([CONTROL, what], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)


class OnPostgres(ServerTestCase):
    def setUp(self):
        super().setUp()
        schema = self.id().rsplit(".", 1)[1]
        subprocess.run(["psql", "--quiet", POSTGRES, "--command", f"CREATE SCHEMA {schema}"], check=True, timeout=60)
        os.environ["KEELSON_DATABASE"] = f"{POSTGRES}&options=-csearch_path%3D{schema}"
        self.addCleanup(os.environ.pop, "KEELSON_DATABASE")

    def made_run(self, server):
        status, answer = server.post(f"{MLFLOW}/runs/create", {"experiment_id": "0"})
        self.assertEqual(status, 200, answer)
        return answer["run"]["info"]["run_id"]

    def test_a_project_lives_and_is_there_after_a_kill(self):
        server = self.begin()
        self.assertFalse((server.data / "keelson.db").exists())
        self.works(server)
        self.succeeds(server, "promote", "parcels", "1")
        before = self.succeeds(server, "get", "versions", "--project", "parcels")
        server.kill()
        server.start().wait_ready()
        self.assertEqual(self.succeeds(server, "get", "versions", "--project", "parcels"), before)
        self.assertEqual(server.get("/projects")["projects"][0]["name"], "parcels")
        self.assertEqual(server.stop(), 0)

    def test_a_restart_of_postgres_loses_nothing(self):
        server = self.begin()
        stop, acknowledged, errors = threading.Event(), [0] * WRITERS, []

        def log(writer, run):
            while not stop.is_set():
                number = acknowledged[writer] + 1
                body = {"run_id": run, "metrics": [{"key": "m", "value": number, "timestamp": number, "step": number}],
                        "params": [{"key": f"p{number}", "value": str(number)}]}
                status, answer = server.post(f"{MLFLOW}/runs/log-batch", body)
                if status == 200:
                    acknowledged[writer] = number
                elif status != 503:  # told to come again; made again, it is the same
                    errors.append(answer)
                    return

        runs = [self.made_run(server) for _ in range(WRITERS)]
        threads = [threading.Thread(target=log, args=item) for item in enumerate(runs)]
        for thread in threads:
            thread.start()

        def grows():
            goal, until = sum(acknowledged) + 20, time.monotonic() + 60
            while sum(acknowledged) < goal and not errors and time.monotonic() < until:
                time.sleep(0.02)
            self.assertGreaterEqual(sum(acknowledged), goal, errors)

        grows()
        for what in (["restart"], ["kill", "start"], ["stop", "start"]):
            for word in what:
                control(word)
            grows()
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        for run, count in zip(runs, acknowledged, strict=True):
            data = self.get(server, f"{MLFLOW}/runs/get?run_id={run}")["run"]["data"]
            self.assertLessEqual({f"p{number}" for number in range(1, count + 1)}, {param["key"] for param in data["params"]})
            history = self.get(server, f"{MLFLOW}/metrics/get-history?run_id={run}&metric_key=m")["metrics"]
            steps = [int(point["step"]) for point in history]
            self.assertEqual(steps, list(range(1, len(steps) + 1)))
            self.assertGreaterEqual(len(steps), count)

    def get(self, server, path):
        done = subprocess.run(["curl", "--silent", "--fail", server.address + path], capture_output=True, check=True, timeout=60)
        return json.loads(done.stdout)

    def test_while_postgres_is_away_it_says_so_and_then_goes_on(self):
        server = self.begin()
        run = self.made_run(server)
        control("stop")
        try:
            status, answer = server.post(f"{MLFLOW}/runs/set-tag", {"run_id": run, "key": "k", "value": "v"})
        finally:
            control("start")
        self.assertEqual(status, 503, answer)
        self.assertIn("PostgreSQL must be running", json.dumps(answer))
        status, answer = server.post(f"{MLFLOW}/runs/set-tag", {"run_id": run, "key": "k", "value": "v"})
        self.assertEqual(status, 200, answer)

    def test_a_second_server_and_a_folder_that_was_moved_are_refused(self):
        server = self.begin()
        said = self.refuses_to_start("--data", str(self.here / "other"), "--port", "0")
        self.assertIn("another server uses this database", said)
        self.assertEqual(server.stop(), 0)
        url = os.environ.pop("KEELSON_DATABASE")
        try:
            said = self.refuses_to_start("--data", str(server.data), "--port", "0")
            self.assertIn("name it with --database", said)
            self.assertIn("postgresql://keelson@", said)
        finally:
            os.environ["KEELSON_DATABASE"] = url
        sqlite = self.here / "sqlite"
        sqlite.mkdir()
        (sqlite / "keelson.db").touch()
        self.assertIn("begin with a fresh folder", self.refuses_to_start("--data", str(sqlite), "--port", "0"))

    def test_no_password_is_said(self):
        wrong = "postgresql://me:hunter2@/none?host=/nowhere"
        done = self.keelson_run("server", "--data", str(self.here / "data"), "--port", "0", "--database", wrong)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("postgresql://me@", done.stderr)
        self.assertNotIn("hunter2", done.stdout + done.stderr)


if __name__ == "__main__":
    ServerTestCase.keelson, folder = sys.argv[1:3]
    ServerTestCase.folder = pathlib.Path(folder)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
