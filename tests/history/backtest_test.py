"""keelson backtest against the server: the same past gives the same life; and over the real flights, quickly.

    python3 backtest_test.py KEELSON FOLDER FLIGHTS_DATA
"""
import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests" / "faults"))
import shop  # noqa: E402
from server import PATIENCE_S, Server  # noqa: E402

PATIENCE_FLIGHTS_S = 240
SAME = ("month", "asked", "labelled", "auc_frozen", "auc_live", "logloss_frozen", "logloss_live", "drift_alarms",
        "retrainings", "promotions")


def backtest(*arguments, cwd, patience=PATIENCE_S):
    return subprocess.run([KEELSON, "backtest", *arguments], cwd=cwd, capture_output=True, text=True, timeout=patience)


class Life:
    """A small shop's two months, lived through by a server that is given the files of `project`; the replay tells what happened
    from the files of `past`."""

    def __init__(self, folder, project, past):
        self.server = Server(KEELSON, folder).start()
        try:
            self.server.wait_ready()
            for cwd, *command in ((project, "apply"), (project, "run", "parcels", "--as-of", shop.REPLAY_FROM),
                                  (past, "replay", "--from", shop.REPLAY_FROM, "--to", shop.REPLAY_TO, "--summary",
                                   str(folder / "summary.json"))):
                ran = self.server.run(*command, cwd=cwd)
                if ran.returncode != 0:
                    raise AssertionError(f"{command}: {ran.stdout}{ran.stderr}{self.server.tail()}")
            self.months = json.loads((folder / "summary.json").read_text())["months"]
            listed = json.loads(self.server.run("get", "versions", "--project", "parcels", "-o", "json").stdout)
            self.versions = sorted(listed, key=lambda version: version["version"])
            self.champion = self.server.get("/projects/parcels")["champion"]
        finally:
            self.server.clean()

    def months_alike(self):
        return [{name: month[name] for name in SAME} for month in self.months]


def without_the_future(folder):
    """The shop's files as they were when the replay began: nothing that was not known by then is in them."""
    shop.write_project(folder)
    for name, time_column, known in (("parcels", "sent_at", {"arrived_at": ["arrived_at", "hours"]}), ("weather", "observed_at", {})):
        with open(folder / f"{name}.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        with open(folder / f"{name}.csv", "w", newline="") as file:
            out = csv.DictWriter(file, rows[0])
            out.writeheader()
            for row in rows:
                for at, columns in known.items():
                    if row[at] > shop.REPLAY_FROM + " 00:00:00":
                        row.update(dict.fromkeys(columns, ""))
                if row[time_column] <= shop.REPLAY_FROM + " 00:00:00":
                    out.writerow(row)


class AgainstTheServer(unittest.TestCase):
    """A small shop's two months, lived through by the server and told by the backtest."""

    @classmethod
    def setUpClass(cls):
        cls.folder = FOLDER / "shop"
        cls.folder.mkdir()
        shop.write_project(cls.folder / "project")
        cls.lived = Life(cls.folder, cls.folder / "project", cls.folder / "project")
        ran = backtest("--from", shop.REPLAY_FROM, "--to", shop.REPLAY_TO, "-o", "json", cwd=cls.folder / "project")
        if ran.returncode != 0:
            raise AssertionError(ran.stderr)
        cls.told = json.loads(ran.stdout)

    def test_every_month_is_the_same_to_the_last_digit(self):
        told = [{name: month[name] for name in SAME} for month in self.told["months"]]
        self.assertEqual(told, self.lived.months_alike())
        self.assertGreater(sum(month["retrainings"] for month in told), 0)
        self.assertGreater(sum(month["promotions"] for month in told), 0)

    def test_the_same_versions_were_trained_measured_and_let_in(self):
        lived = [{"version": version["version"], "metrics": version["metrics"], "passed": version["gate"] == "passed"}
                 for version in self.lived.versions]
        told = [{"version": training["version"], "metrics": training["metrics"],
                 "passed": not training["outcome"].startswith("kept out")} for training in self.told["trainings"]]
        self.assertEqual(told, lived)
        promoted = [training["version"] for training in self.told["trainings"] if training["outcome"] == "promoted"]
        self.assertEqual(promoted[-1], self.lived.champion)

    def test_a_server_that_never_had_the_future_in_its_files_lives_the_same(self):
        """Nothing is computed before its time: what the server knows of the future it was told when it had come."""
        folder = FOLDER / "without"
        folder.mkdir()
        without_the_future(folder / "project")
        lived = Life(folder, folder / "project", self.folder / "project")
        self.assertEqual(lived.months_alike(), self.lived.months_alike())
        self.assertEqual([(version["metrics"], version["content_hash"]) for version in lived.versions],
                         [(version["metrics"], version["content_hash"]) for version in self.lived.versions])
        self.assertEqual(lived.champion, self.lived.champion)

    def test_the_cost_is_told_for_each_training(self):
        for training in self.told["trainings"]:
            self.assertGreater(training["train_seconds"], 0)
            self.assertEqual(training["declared_seconds"], 1800)
            self.assertGreater(training["rows"], 0)
        self.assertEqual([training["trials"] > 0 for training in self.told["trainings"]],
                         [True] + [False] * (len(self.told["trainings"]) - 1), "only the first one searches")
        self.assertEqual(self.told["cost"]["retrainings"], len(self.told["trainings"]) - 1)


class Mistakes(unittest.TestCase):
    """Each ends with a clear error and its documented exit code."""

    @classmethod
    def setUpClass(cls):
        cls.project = FOLDER / "mistakes"
        shop.write_project(cls.project)

    def refuse(self, code, text, *arguments, project=None):
        ran = backtest(*arguments, cwd=project or self.project)
        self.assertEqual(ran.returncode, code, ran.stderr)
        self.assertIn(text, ran.stderr)
        self.assertEqual(ran.stdout, "")

    def changed(self, name, change):
        project = FOLDER / name
        shutil.copytree(self.project, project)
        change(project)
        return project

    def test_dates(self):
        self.refuse(2, "--from is required")
        self.refuse(2, "--from: ", "--from", "yesterday")
        self.refuse(2, "--to: ", "--from", "2024-02-10", "--to", "2024-13-01")
        self.refuse(2, "is not after --from", "--from", "2024-03-10", "--to", "2024-02-10")
        self.refuse(4, "its rows are of 2024-01-01T", "--from", "2030-01-01")
        self.refuse(4, "nothing of \"parcels\" lies after", "--from", "2020-01-01", "--to", "2020-02-01")
        self.refuse(4, "0 labelled rows to train on", "--from", "2024-01-01", "--no-search")

    def test_no_project(self):
        self.refuse(3, "there is no such file", "-f", "nothing.yaml", "--from", "2024-02-10")

    def test_a_project_with_mistakes(self):
        def change(project):
            file = project / "keelson.yaml"
            file.write_text(file.read_text().replace("cool_down", "cool_dwon"))
        self.refuse(4, "did you mean \"cool_down\"", "--from", "2024-02-10", project=self.changed("typo", change))

    def test_no_data(self):
        project = self.changed("empty", lambda folder: (folder / "parcels.csv").unlink())
        self.refuse(3, "parcels.csv", "--from", "2024-02-10", project=project)

    def test_no_labels(self):
        def change(project):
            lines = (project / "parcels.csv").read_text().splitlines()
            rows = [line.split(",") for line in lines]
            arrived = rows[0].index("arrived_at")
            hours = rows[0].index("hours")
            for row in rows[1:]:
                if row[1] >= "2024-02-05":
                    row[arrived] = row[hours] = ""
            (project / "parcels.csv").write_text("\n".join(",".join(row) for row in rows) + "\n")
        self.refuse(4, "no label becomes known", "--from", "2024-02-10", project=self.changed("unlabelled", change))

    def test_no_serve(self):
        def change(project):
            file = project / "keelson.yaml"
            lines = file.read_text().splitlines()
            file.write_text("\n".join(lines[:lines.index("serve:")]) + "\n")  # the monitor watches what is served
        self.refuse(4, "a backtest needs a `serve` section", "--from", "2024-02-10", project=self.changed("idle", change))

    def test_a_gate_that_nobody_passes(self):
        def change(project):
            file = project / "keelson.yaml"
            file.write_text(file.read_text().replace(">= 0.55", ">= 0.999"))
        self.refuse(4, "no first model to serve: auc is", "--from", "2024-02-10", "--no-search",
                    project=self.changed("strict", change))

    def test_it_leaves_nothing_behind(self):
        temp = FOLDER / "temp"
        temp.mkdir()
        ran = subprocess.run([KEELSON, "backtest", "--from", "2024-02-10", "--to", "2024-02-20", "--no-search", "--summary",
                              str(FOLDER / "short.json")], cwd=self.project, capture_output=True, text=True,
                             timeout=PATIENCE_S, env={**os.environ, "TMPDIR": str(temp)})
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(list(temp.iterdir()), [])
        self.assertIn("gain, mean of the months", ran.stdout)
        self.assertEqual(json.loads((FOLDER / "short.json").read_text())["trainings"][0]["trials"], 0)


class Flights(unittest.TestCase):
    """The real flights of two months, from a model of January to March with the file's own parameters."""

    def test_april_and_may(self):
        project = FOLDER / "flights"
        shutil.copytree(TOP / "examples" / "flights", project, ignore=shutil.ignore_patterns("data"))
        (project / "data").symlink_to(FLIGHTS_DATA)
        begun = time.monotonic()
        ran = backtest("--from", "2013-04-01", "--to", "2013-06-01", "--no-search", "-o", "json", cwd=project,
                       patience=PATIENCE_FLIGHTS_S)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        told = json.loads(ran.stdout)
        print(f"two months of flights: {time.monotonic() - begun:.1f} s, {told['mean']}, {told['cost']}", flush=True)
        self.assertEqual([month["month"] for month in told["months"]], ["2013-04", "2013-05"])
        self.assertEqual([month["asked"] for month in told["months"]], [28_330, 28_796])
        self.assertGreater(told["labelled"], 54_000)
        self.assertGreater(told["mean"]["auc_live"], 0.68)
        first, *others = told["trainings"]
        self.assertEqual(first["rows"] + first["test_rows"] > 75_000, True)
        self.assertEqual(first["outcome"], "promoted")
        self.assertGreaterEqual(len(others), 1, "the weather changes: it retrains")
        for training in others:
            self.assertGreater(training["rows"], first["rows"])
            self.assertGreater(training["champion_metrics"]["auc"], 0.6)


if __name__ == "__main__":
    KEELSON, FOLDER, FLIGHTS_DATA = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    unittest.main(argv=sys.argv[:1])
