"""A small project lived through undisturbed and again under SIGKILLs must end the same."""
import itertools
import json
import os
import pathlib
import subprocess
import threading
import time
import unittest

import shop
import stored
from kills import KILLS, Killer
from proxy import Proxy
from server import PATIENCE_S, Server

RUN_AT_MOST_S = 240


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
    """apply, run, replay against one server, the replay by way of a proxy that may act on what it sees."""

    def __init__(self, keelson, folder, decide=lambda request: None, more=(), within=()):
        folder.mkdir(parents=True)
        self.folder = folder
        self.more = more  # arguments of the replay
        self.project = folder / "project"
        shop.write_project(self.project)
        self.server = Server(keelson, folder, within=within).start().wait_ready()
        self.proxy = Proxy(lambda: self.server.port, decide)
        self.client = None
        self.client_lock = threading.Lock()
        self.client_log = folder / "client.log"

    def begin_client(self):
        arguments = ["replay", "--from", shop.REPLAY_FROM, "--to", shop.REPLAY_TO, "--journal", str(self.folder / "journal"),
                     "--summary", str(self.folder / "summary"), "--server", self.proxy.address, *self.more]
        with open(self.client_log, "a") as log:
            self.client = subprocess.Popen([self.server.keelson, *arguments], cwd=self.project, stdout=log, stderr=log)

    def restart_client(self):
        with self.client_lock:
            self.client.kill()
            self.client.wait(PATIENCE_S)
            self.begin_client()

    def wait_for_client(self):
        until = time.monotonic() + RUN_AT_MOST_S
        while True:
            with self.client_lock:
                code = self.client.poll()
            if code is not None:
                break
            if time.monotonic() > until:
                raise AssertionError(f"still running after {RUN_AT_MOST_S} s: {self.tail()}")
            time.sleep(0.02)
        if code != 0:
            raise AssertionError(f"the client ended with code {code}: {self.tail()}")

    def live(self, killer=None):
        applied = self.server.run("apply", cwd=self.project)
        if applied.returncode != 0:
            raise AssertionError(applied.stdout + applied.stderr)
        with self.client_lock:
            begun = self.server.run("run", "parcels", "--as-of", shop.REPLAY_FROM)
            if begun.returncode != 0:
                raise AssertionError(begun.stdout + begun.stderr)
            self.begin_client()
        if killer:
            killer.begin(self)
        try:
            self.wait_for_client()
        finally:
            if killer:
                killer.end()
        self.server.wait_ready()
        return outcome(self.server, self.folder / "summary")

    def stored(self):
        """What the data folder has of it: the accepted rows by source, and the predictions by request id."""
        project = self.server.data / "projects/parcels"
        return ({path.stem: stored.Rows(path) for path in sorted((project / "rows").glob("*.log"))},
                stored.predictions(project))

    def tail(self):
        return "\n".join([*self.client_log.read_text(errors="replace").splitlines()[-10:], "server:", self.server.tail()])

    def clean(self):
        if self.client and self.client.poll() is None:
            self.client.kill()
            self.client.wait(PATIENCE_S)
        self.proxy.close()
        self.server.clean()


class Kills(unittest.TestCase):
    keelson = ""
    folder = pathlib.Path()
    seed = 0
    maxDiff = None

    def live(self, name, killer=None, more=(), within=()):
        life = Life(self.keelson, self.folder / name, killer or (lambda request: None), more, within)
        self.addCleanup(life.clean)
        began = time.monotonic()
        result = life.live(killer)
        print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)
        jobs = json.loads(life.server.run("get", "jobs", "-o", "json").stdout)
        self.assertEqual(life.server.stop(), 0)
        self.assertEqual(life.server.orphans(10), [], "a process outlives the server")
        doctor = subprocess.run([self.keelson, "doctor", "--data", str(life.server.data)], capture_output=True, text=True,
                                timeout=PATIENCE_S)
        self.assertEqual((doctor.returncode, doctor.stdout), (0, "sound\n"))
        return life, result, jobs

    def every_acknowledged_write_is_there(self, life):
        rows, predictions = life.stored()
        self.assertGreater(len(life.proxy.acknowledged_ids), 1000)
        self.assertEqual(life.proxy.acknowledged_ids - predictions.keys(), set(), "an answered prediction is not in the log")
        for source, acknowledged in life.proxy.acknowledged_rows.items():
            there = {row for _, row in rows[source].rows}
            missing = [row for row in acknowledged if rows[source].as_stored(row) not in there]
            self.assertEqual(missing, [], f"acknowledged rows of {source} are not in its log")

    def each_was_asked_at_its_time(self, predictions, sent_at):
        """The first answer counts, so it must be the one of the request's own instant, whatever was restarted between asking
        and answering; what a killed client asks again long after may be answered later."""
        for name, records in predictions.items():
            self.assertEqual(min(time_us for _, time_us, _, _ in records), sent_at[name],
                             f"{name} was answered at another instant than its own")
            own = [inputs for _, time_us, inputs, _ in records if time_us == sent_at[name]]
            self.assertEqual(own, own[:1] * len(own), f"{name} was answered again with other features")

    def questions_see_no_later_row(self, calm_life, calm):
        """Rows are pushed while earlier questions are under way; asked in step, nothing is there that came later. The server
        and all that it starts have one core, and what comes is the same as with more."""
        one_core = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))]
        life, in_step, _ = self.live("in step", more=["--in-step"], within=one_core)
        self.assertEqual(in_step, calm)
        self.assertEqual({source: log.rows for source, log in life.stored()[0].items()},
                         {source: log.rows for source, log in calm_life.stored()[0].items()})
        ahead, step = calm_life.stored()[1], life.stored()[1]
        self.assertEqual(ahead.keys(), step.keys())
        other = [(name, ahead[name], step[name]) for name in ahead if ahead[name][0] != step[name][0]]
        self.assertEqual(other[:5], [], f"{len(other)} predictions are others")

    def test_killed_at_random_moments_it_ends_as_undisturbed(self):
        calm_life, calm, calm_jobs = self.live("calm")
        with self.subTest("in step"):
            self.questions_see_no_later_row(calm_life, calm)
        self.assertGreaterEqual(sum(month["retrainings"] for month in calm["months"]), 1)
        self.assertGreaterEqual(len(calm["versions"]), 2)
        self.assertTrue(all(version["content_hash"] for version in calm["versions"]))
        self.assertEqual(sum(month["failed"] for month in calm["months"]), 0)

        numbers = {int(job["id"][1:]): job["step"] for job in calm_jobs}
        killer = Killer(self.seed, stored.micros(shop.REPLAY_FROM), stored.micros(shop.REPLAY_TO),
                        sorted(number for number, step in numbers.items() if step == "train"), sorted(numbers))
        life, disturbed, jobs = self.live("disturbed", killer)
        print(f"killed: {dict(killer.killed)}, attempts at jobs: {sum(job['attempts'] for job in jobs)} of {len(jobs)}", flush=True)
        self.assertEqual(killer.killed.total(), KILLS)
        self.assertEqual(len({version["version"] for version in disturbed["versions"]}), len(disturbed["versions"]),
                         "a version is there twice")
        for part in calm:
            with self.subTest(part, seed=self.seed):
                self.assertEqual(disturbed[part], calm[part])

        calm_rows, calm_predictions = calm_life.stored()
        rows, predictions = life.stored()
        sent_at = shop.sent_at_by_parcel(life.project)
        with self.subTest("acknowledged writes", seed=self.seed):
            self.every_acknowledged_write_is_there(life)
        with self.subTest("rows", seed=self.seed):
            for source, log in calm_rows.items():
                other = [pair for pair in itertools.zip_longest(rows[source].rows, log.rows) if pair[0] != pair[1]]
                self.assertEqual(other[:5], [], f"{len(other)} rows of {source} are others")
        with self.subTest("the instants of the predictions", seed=self.seed):
            self.each_was_asked_at_its_time(calm_predictions, sent_at)
            self.each_was_asked_at_its_time(predictions, sent_at)
        with self.subTest("predictions", seed=self.seed):
            first = {name: min(records, key=lambda record: record[1]) for name, records in predictions.items()}
            undisturbed = {name: records[0] for name, records in calm_predictions.items()}
            self.assertEqual(first.keys(), undisturbed.keys())
            other = [(name, first[name], undisturbed[name]) for name in first if first[name] != undisturbed[name]]
            self.assertEqual(other[:5], [], f"{len(other)} predictions are others")
