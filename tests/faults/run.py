"""A small project lived through undisturbed and again under SIGKILLs must end the same.

    python3 run.py KEELSON FOLDER      KEELSON_FAULTS_SEED chooses the moments of the kills
"""
import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import time
import unittest

import bad_input
import shop
from server import PATIENCE_S, Server, kill

KILLS = 30
RUN_AT_MOST_S = 150


def outcome(server, summary_file):
    """What must not depend on faults: the registry, each day's drift, each month's figures but latencies."""
    summary = json.loads(summary_file.read_text())
    for month in summary["months"]:
        for name in ("p50_ms", "p99_ms"):
            month.pop(name, None)
    listed = json.loads(server.run("get", "versions", "--project", "parcels", "-o", "json").stdout)
    versions = [{name: version.get(name) for name in ("version", "content_hash", "aliases", "tags", "run")}
                for version in (listed if isinstance(listed, list) else listed["versions"])]
    project = server.get("/projects/parcels")
    pipelines = json.loads(server.run("get", "pipelines", "-o", "json").stdout)
    pipelines = pipelines if isinstance(pipelines, list) else pipelines["pipelines"]
    return {
        "months": summary["months"],
        "refused": [summary["refused_batches"], summary["refused_rows"]],
        "versions": versions,
        "champion": project["champion"],
        "challenger": project["challenger"],
        "clock": project["clock"],
        "drift": project["drift"],
        "pipelines": sorted((pipeline["id"], pipeline["state"]) for pipeline in pipelines),
    }


class Life:
    """apply, run, replay against one server; `disturb` is called again and again meanwhile."""

    def __init__(self, keelson, folder):
        folder.mkdir(parents=True)
        self.folder = folder
        self.project = folder / "project"
        shop.write_project(self.project)
        self.server = Server(keelson, folder).start().wait_ready()
        self.client = None
        self.client_log = folder / "client.log"
        self.begin_client = None

    def spawn(self, *arguments):
        with open(self.client_log, "a") as log:
            self.client = subprocess.Popen([self.server.keelson, *arguments, "--server", self.server.address],
                                           cwd=self.project, stdout=log, stderr=log)

    def follow(self, begin, disturb):
        """Runs a client to its end; `disturb` may kill it, then it is begun again."""
        self.begin_client = begin
        begin()
        until = time.monotonic() + RUN_AT_MOST_S
        while self.client.poll() is None:
            if time.monotonic() > until:
                raise AssertionError(f"still running after {RUN_AT_MOST_S} s: {self.tail()}")
            disturb(self)
        if self.client.returncode != 0:
            raise AssertionError(f"the client ended with code {self.client.returncode}: {self.tail()}")

    def live(self, disturb):
        applied = self.server.run("apply", cwd=self.project)
        if applied.returncode != 0:
            raise AssertionError(applied.stdout + applied.stderr)
        begun = self.server.run("run", "parcels", "--as-of", shop.REPLAY_FROM)
        if begun.returncode != 0:
            raise AssertionError(begun.stdout + begun.stderr)
        self.follow(lambda: self.spawn("replay", "--from", shop.REPLAY_FROM, "--to", shop.REPLAY_TO, "--journal",
                                       str(self.folder / "journal"), "--summary", str(self.folder / "summary")), disturb)
        self.server.wait_ready()
        return outcome(self.server, self.folder / "summary")

    def tail(self):
        return "\n".join([*self.client_log.read_text(errors="replace").splitlines()[-10:], "server:", self.server.tail()])

    def clean(self):
        if self.client and self.client.poll() is None:
            self.client.kill()
            self.client.wait(PATIENCE_S)
        self.server.clean()


class Killer:
    """SIGKILLs at random moments: a worker or a replica when there is one, the server, the replay itself."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.next_at = time.monotonic() + self.dice.uniform(0.02, 0.3)
        self.killed = collections.Counter()

    def __call__(self, life):
        if self.killed.total() >= KILLS:
            time.sleep(0.05)
            return
        time.sleep(max(0.0, min(0.01, self.next_at - time.monotonic())))
        if time.monotonic() < self.next_at:
            return
        children = life.server.children()
        kinds = {"server": 4, "client": 1}
        if children["serve"]:
            kinds["serve"] = 3
        if children["worker"]:
            kinds["worker"] = 8
        kind = self.dice.choices(list(kinds), list(kinds.values()))[0]
        if kind == "server":
            life.server.kill()
            life.server.start()
        elif kind == "client":
            life.client.kill()
            life.client.wait(PATIENCE_S)
            life.begin_client()
        elif not kill(self.dice.choice(sorted(children[kind]))):
            return
        self.killed[kind] += 1
        self.next_at = time.monotonic() + self.dice.uniform(0.02, 0.7)


class Kills(unittest.TestCase):
    keelson = ""
    folder = pathlib.Path()
    seed = 0

    def live(self, name, disturb):
        life = Life(self.keelson, self.folder / name)
        self.addCleanup(life.clean)
        began = time.monotonic()
        result = life.live(disturb)
        print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)
        self.assertEqual(life.server.stop(), 0)
        self.assertEqual(life.server.orphans(10), [], "a process outlives the server")
        doctor = subprocess.run([self.keelson, "doctor", "--data", str(life.server.data)], capture_output=True, text=True,
                                timeout=PATIENCE_S)
        self.assertEqual((doctor.returncode, doctor.stdout), (0, "sound\n"))
        return result

    def test_killed_at_random_moments_it_ends_as_undisturbed(self):
        calm = self.live("calm", lambda life: time.sleep(0.02))
        self.assertGreaterEqual(sum(month["retrainings"] for month in calm["months"]), 1)
        self.assertGreaterEqual(len(calm["versions"]), 2)
        self.assertTrue(all(version["content_hash"] for version in calm["versions"]))
        self.assertEqual(sum(month["failed"] for month in calm["months"]), 0)
        killer = Killer(self.seed)
        disturbed = self.live("disturbed", killer)
        print(f"killed: {dict(killer.killed)}", flush=True)
        self.assertEqual(killer.killed.total(), KILLS)
        numbers = [version["version"] for version in disturbed["versions"]]
        self.assertEqual(len(numbers), len(set(numbers)), "a version is there twice")
        self.maxDiff = None
        for part in calm:
            with self.subTest(part, seed=self.seed):
                self.assertEqual(disturbed[part], calm[part])


if __name__ == "__main__":
    Kills.keelson = bad_input.BadInput.keelson = str(pathlib.Path(sys.argv[1]).resolve())
    Kills.folder = bad_input.BadInput.folder = pathlib.Path(sys.argv[2]).resolve()
    Kills.seed = int(os.environ.get("KEELSON_FAULTS_SEED", time.time_ns() % 1_000_000))
    print(f"seed {Kills.seed}", flush=True)
    suite = unittest.TestSuite()
    for case in (Kills, bad_input.BadInput):
        suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    sys.exit(not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful())
