"""The commands that look into a server and change what it serves, one after the other on a real one: describe, logs -f,
promote, rollback, delete."""
import json
import subprocess
import threading

import shop
from server import PATIENCE_S
from server_case import ServerTestCase


LIMITS = "cgroup|rlimit|address space"


class OperatorsCommands(ServerTestCase):
    def two_versions(self, server):
        """A project whose second version was promoted by hand."""
        project = self.works(server)
        self.succeeds(server, "replay", "--from", shop.REPLAY_FROM, "--to", "2024-02-12", cwd=project)
        self.assertEqual(server.get("/projects/parcels")["champion"], 1)
        text = (project / "keelson.yaml").read_text()
        (project / "keelson.yaml").write_text(text.replace("rounds: 20", "rounds: 21"))
        self.assertIn("train.trainer", self.succeeds(server, "apply", cwd=project))
        self.succeeds(server, "run", "parcels", "--follow")
        self.succeeds(server, "promote", "parcels", "2")
        self.assertEqual(server.get("/projects/parcels")["champion"], 2)
        return project

    def test_describe_tells_everything_of_a_project_a_pipeline_and_a_job(self):
        server = self.begin()
        self.works(server)
        job = json.loads(self.succeeds(server, "get", "jobs", "-o", "json"))[-1]
        said = self.succeeds(server, "describe", "job", job["id"])
        for line in (f"id: {job['id']}", "project: parcels", "state: succeeded", "limits: ", "memory_bytes: "):
            self.assertIn(line, said)
        said = self.succeeds(server, "describe", "pipeline", "parcels-p0001")
        for word in ("parcels-p0001", "ingest:parcels", "evaluate", "succeeded", shop.REPLAY_FROM):
            self.assertIn(word, said)
        said = self.succeeds(server, "describe", "project", "parcels")
        for word in ("name: parcels", "mode: replay", "endpoint:"):
            self.assertIn(word, said)
        missing = server.run("describe", "job", "j999999")
        self.assertNotEqual(missing.returncode, 0)
        self.assertIn("j999999", missing.stderr)

    def test_a_job_that_runs_is_described_with_its_limits_and_its_log_followed_to_its_end(self):
        server = self.begin()
        project = self.here / "good"
        shop.write_project(project, search=False)
        text = (project / "keelson.yaml").read_text()
        (project / "keelson.yaml").write_text(text.replace("xgboost: {rounds: 20,", "xgboost: {rounds: 2000,"))
        self.succeeds(server, "apply", cwd=project)
        self.succeeds(server, "run", "parcels", "--as-of", shop.REPLAY_FROM)
        job = self.job_of_step(server, "train")
        with subprocess.Popen([self.keelson, "logs", "-f", job, "--server", server.address], stdout=subprocess.PIPE,
                              text=True) as follower:
            guard = threading.Timer(PATIENCE_S, follower.kill)
            guard.start()
            first = follower.stdout.readline()
            described = json.loads(self.succeeds(server, "describe", "job", job, "-o", "json"))
            seen_at = json.loads(server.run("get", "jobs", "-o", "json").stdout)
            rest = follower.stdout.read()  # ends with the job
            guard.cancel()
        self.assertEqual(follower.returncode, 0)
        self.assertIn("attempt begins", first)
        self.assertEqual(next(entry["state"] for entry in seen_at if entry["id"] == job), "running", "it came while the job ran")
        self.assertRegex(described["limits"], LIMITS)
        state = next(entry["state"] for entry in json.loads(server.run("get", "jobs", "-o", "json").stdout) if entry["id"] == job)
        self.assertEqual(state, "succeeded")
        self.assertEqual(first + rest, self.succeeds(server, "logs", job))

    def job_of_step(self, server, step):
        while True:
            for job in json.loads(server.run("get", "jobs", "-o", "json").stdout):
                if job["step"] == step and job["state"] == "running":
                    return job["id"]
                self.assertNotEqual(job["state"], "failed", job)

    def test_describe_tells_the_limits_of_the_replicas(self):
        server = self.begin()
        project = self.works(server)
        self.succeeds(server, "replay", "--from", shop.REPLAY_FROM, "--to", "2024-02-11", cwd=project)
        described = json.loads(self.succeeds(server, "describe", "project", "parcels", "-o", "json"))
        version, = described["endpoint"]["versions"]
        replica, = version["replicas"]
        self.assertEqual((version["version"], replica["state"]), (1, "ready"))
        self.assertRegex(replica["limits"], LIMITS)
        self.assertIn(replica["limits"], self.succeeds(server, "describe", "project", "parcels"))

    def test_a_fetched_version_is_what_was_registered_and_serves(self):
        server = self.begin()
        self.works(server)
        folder = str(self.here / "fetched")
        for _ in range(2):
            self.assertEqual(self.succeeds(server, "fetch", "parcels", "1", "--to", folder), f"version 1 of parcels is in {folder}\n")
        self.assertEqual(server.run("fetch", "parcels", "9", "--to", folder).returncode, 3)
        with subprocess.Popen([self.keelson, "serve", "--model", f"parcels={folder}", "--version", "1", "--port", "0"],
                              stdout=subprocess.PIPE, text=True) as replica:
            guard = threading.Timer(PATIENCE_S, replica.kill)
            guard.start()
            self.assertIn("parcels version 1", replica.stdout.readline())
            replica.terminate()
            self.assertEqual(replica.wait(), 0)
            guard.cancel()

    def test_rollback_goes_back_to_the_champion_before_and_its_answers(self):
        server = self.begin()
        project = self.two_versions(server)
        row = next(row for row in shop.pushed_rows(project, "p043-"))
        ask = ("predict", "parcels", "--data", json.dumps({name: row[name] for name in ("depot", "weight", "distance")}))
        second = json.loads(self.succeeds(server, *ask))
        self.assertEqual(second["model_version"], "2")
        self.assertIn("version 1", self.succeeds(server, "rollback", "parcels"))
        first = json.loads(self.succeeds(server, *ask))
        self.assertEqual(first["model_version"], "1")
        self.assertNotEqual(first["outputs"], second["outputs"])
        aliases = {version["version"]: version["aliases"]
                   for version in json.loads(self.succeeds(server, "get", "versions", "--project", "parcels", "-o", "json"))}
        self.assertIn("champion", aliases[1])
        self.assertNotIn("champion", aliases[2])
        refused = server.run("rollback", "nobody")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("no such project", refused.stderr)

    def test_a_first_champion_has_nothing_to_go_back_to(self):
        server = self.begin()
        project = self.works(server)
        self.succeeds(server, "replay", "--from", shop.REPLAY_FROM, "--to", "2024-02-11", cwd=project)
        refused = server.run("rollback", "parcels")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("no earlier champion", refused.stderr)

    def test_delete_asks_first_and_then_removes_everything_of_the_project(self):
        server = self.begin()
        project = self.works(server)
        self.succeeds(server, "replay", "--from", shop.REPLAY_FROM, "--to", "2024-02-11", cwd=project)
        refused = server.run("delete", "parcels")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("--yes", refused.stderr)
        self.assertEqual(server.get("/projects/parcels")["champion"], 1)
        self.succeeds(server, "delete", "parcels", "--yes")
        self.assertEqual(server.orphans(PATIENCE_S), [], "a replica outlives its project")
        # The folder goes when the controller next looks and nobody of the project runs any more.
        self.comes(lambda: not (server.data / "projects/parcels").exists(), "the folder outlives its project")
        for kind in ("projects", "jobs", "pipelines"):
            self.assertEqual(json.loads(self.succeeds(server, "get", kind, "-o", "json")), [])
        self.assertNotEqual(server.run("predict", "parcels", "--data", "{}").returncode, 0)
        self.assertNotEqual(server.run("describe", "project", "parcels").returncode, 0)
        self.works(server)  # the name is free again, and its versions begin at 1
        self.succeeds(server, "replay", "--from", shop.REPLAY_FROM, "--to", "2024-02-11", cwd=project)
        self.assertEqual(server.get("/projects/parcels")["champion"], 1)
        self.assertEqual(server.stop(), 0)
