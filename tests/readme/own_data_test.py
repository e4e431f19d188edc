"""A project of a user's own on data that is not ours: who likes which film, 100,000 ratings of 1997 and 1998 (MovieLens 100K, as the
package recbole brings it), from the files to a served, watched and retrained model.

    python own_data_test.py KEELSON FOLDER     in an environment with tests/readme/requirements.txt
"""
import csv
import importlib.util
import json
import pathlib
import subprocess
import sys
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/faults"))
from server import Server  # noqa: E402

FROM, TO = "1998-01-01", "1998-02-01"
FROM_S, TO_S = 883_612_800, 886_291_200
PATIENCE_S = 180

PROJECT = """apiVersion: keelson.dev/v1
kind: Project
metadata: {name: films, time_zone: UTC}
sources:
  ratings: {path: ratings.csv, time: asked_at, known: {rating: rated_at}, key: id}
  users: {path: users.csv}
  films: {path: films.csv, types: {release_year: string}}  # "unkonwn" and "V" stand there, too
tables:
  ratings: {sql: ratings.sql}
expectations:
  ratings: ratings.json
features:
  entities: {person: [user_id], film: [item_id]}
  views:
    taste: {entity: person, source: ratings, aggregate: {mean: {of: rating, fn: mean, window: 365d}}}
    fame: {entity: film, source: ratings, aggregate: {mean: {of: rating, fn: mean, window: 365d}, count: {of: rating, fn: count, window: 365d}}}
train:
  table: ratings
  label: rating >= 4
  inputs: [age, gender, occupation, release_year, genre]
  split: {by: time, test: 14d}
  trainer: {xgboost: {rounds: 60, max_depth: 5}}
promote: {require: {auc: ">= 0.6"}, not_worse_than: champion, tolerance: 0.05}
serve: {replicas: {min: 1, max: 2}, canary: {steps: [50, 100], interval: 6h}}
monitor:
  drift: {threshold: 0.2, window: 7d, columns: [age, release_year]}
  performance: {floor: 0.99, window: 7d, labels: ratings}  # never met, so that it must retrain
  interval: 1d
  cool_down: 10d
  on_breach: retrain
"""

SQL = """SELECT user_id || '-' || item_id AS id, user_id, item_id,
       make_timestamp(CAST(timestamp AS BIGINT) * 1000000) AS asked_at,
       make_timestamp(CAST(timestamp AS BIGINT) * 1000000) + INTERVAL 1 MINUTE AS rated_at,
       CAST(rating AS DOUBLE) AS rating, age, gender, occupation,
       TRY_CAST(release_year AS BIGINT) AS release_year, split_part(class, ' ', 1) AS genre
FROM ratings JOIN users USING (user_id) JOIN films USING (item_id)
ORDER BY timestamp, id
"""

SUITE = {"expectation_suite_name": "ratings", "expectations": [
    {"expectation_type": "expect_column_values_to_be_between", "kwargs": {"column": "age", "min_value": 5, "max_value": 110}},
    {"expectation_type": "expect_column_values_to_be_in_set", "kwargs": {"column": "gender", "value_set": ["M", "F"]}},
    {"expectation_type": "expect_column_values_to_not_be_null", "kwargs": {"column": "user_id"}}]}


def write_project(folder):
    """The package's tab-separated files as CSV, with the names of its columns without their types."""
    raw = pathlib.Path(importlib.util.find_spec("recbole").origin).parent / "dataset_example/ml-100k"
    folder.mkdir()
    for name, ours in (("inter", "ratings"), ("user", "users"), ("item", "films")):
        with open(raw / f"ml-100k.{name}", newline="") as source, open(folder / f"{ours}.csv", "w", newline="") as target:
            rows = csv.reader(source, delimiter="\t", quoting=csv.QUOTE_NONE)
            out = csv.writer(target)
            out.writerow(cell.split(":")[0] for cell in next(rows))
            out.writerows(rows)
    (folder / "keelson.yaml").write_text(PROJECT)
    (folder / "ratings.sql").write_text(SQL)
    (folder / "ratings.json").write_text(json.dumps(SUITE))


class OwnData(unittest.TestCase):
    keelson = ""
    folder = pathlib.Path()

    def run_command(self, server, *arguments):
        done = subprocess.run([self.keelson, *arguments, "--server", server.address], cwd=self.folder / "films",
                              capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 0, f"keelson {' '.join(arguments)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def test_a_project_on_films_lives_from_its_files_to_a_served_watched_and_retrained_model(self):
        write_project(self.folder / "films")
        with open(self.folder / "films/ratings.csv", newline="") as file:
            times = [float(row["timestamp"]) for row in csv.DictReader(file)]
        self.assertEqual(len(times), 100_000)
        asked = sum(FROM_S < time <= TO_S for time in times)
        server = Server(self.keelson, self.folder)
        server.start().wait_ready()
        try:
            self.assertIn("films", self.run_command(server, "apply"))
            self.assertIn("nothing changes", self.run_command(server, "apply"))
            self.run_command(server, "run", "films", "--as-of", FROM, "--follow")
            self.run_command(server, "replay", "--from", FROM, "--to", TO, "--summary", "summary.json")
            summary = json.loads((self.folder / "films/summary.json").read_text())
            month, = summary["months"]
            self.assertEqual((month["month"], month["asked"], month["failed"]), ("1998-01", asked, 0))
            self.assertGreater(month["labelled"], 0.99 * asked)
            self.assertGreater(month["auc_live"], 0.7)
            self.assertGreaterEqual(month["retrainings"], 1)
            self.assertGreaterEqual(month["drift_alarms"], 1)
            self.assertEqual(summary["refused_batches"], 0)
            versions = json.loads(self.run_command(server, "get", "versions", "--project", "films", "-o", "json"))
            self.assertGreaterEqual(len(versions), 1 + month["retrainings"])  # one more where the next month begins
            row = {"user_id": 196, "item_id": 242, "age": 49, "gender": "M", "occupation": "writer", "release_year": 1997,
                   "genre": "Comedy"}
            inputs = [{"name": name, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "INT64", "data": [value]}
                      for name, value in row.items()]
            (self.folder / "films/request.json").write_text(json.dumps({"inputs": inputs}))
            answer = json.loads(self.run_command(server, "predict", "films", "--file", "request.json"))
            probability, = answer["outputs"][0]["data"]
            self.assertTrue(0 < probability < 1)
            status, refused = server.post("/api/keelson/v1/projects/films/sources/ratings/rows",
                                          {"rows": [{**row, "id": "x", "gender": "male", "asked_at": "1998-02-01T00:00:00Z"}]})
            self.assertEqual(status, 422, refused)
            self.assertIn("gender", json.dumps(refused))
        finally:
            code = server.stop()
            server.clean()
        self.assertEqual(code, 0)


if __name__ == "__main__":
    OwnData.keelson, OwnData.folder = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2]).resolve()
    unittest.main(argv=sys.argv[:1])
