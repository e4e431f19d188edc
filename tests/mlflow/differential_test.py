"""The same generated calls to the real `mlflow server` and to ours: status, error code and body are the same, but for what
docs/mlflow.md lists. KEELSON_MLFLOW_SEED chooses other calls; KEELSON_MLFLOW_CALLS how many."""
import base64
import json
import os
import pathlib
import random
import re
import sys
import tempfile
import unittest
import urllib.parse

import evaluation_calls
import servers
import trace_calls

KEELSON = sys.argv.pop(1)
SEED = int(os.environ.get("KEELSON_MLFLOW_SEED", "1"))
CALLS = int(os.environ.get("KEELSON_MLFLOW_CALLS", "1000"))
MANUAL = pathlib.Path(__file__).resolve().parents[2] / "docs" / "mlflow.md"

# Where we differ: a name that docs/mlflow.md explains, and what tells such a pair of answers.
DIFFERENCES = {
    "not-json": lambda c, r, o: r[0] == 500 and not isinstance(r[1], dict),
    "sql-parser": lambda c, r, o: r[0] == o[0] == 400 and code(r) == code(o) and "filter" in str(c[2]) + c[1]
    and re.search("clause|token|quoted|Could not be parsed|multiple expression|Invalid value", message(r) + message(o)),
    "order-parser": lambda c, r, o: r[0] == o[0] == 400 and code(r) == code(o) and "order_by" in str(c[2]) + c[1],
    "set-order": lambda c, r, o: r[0] == o[0] >= 400 and code(r) == code(o) and message(r) and sorted(message(r)) == sorted(message(o)),
    "sql-error": lambda c, r, o: "sqlite3" in message(r) and r[0] >= 400 and o[0] < 500,
    "lenient-body": lambda c, r, o: (r[0] == 200 or code(r) == code(o)) and o[0] == 400 and ("not of its type" in message(o) or "Value was of type" in message(o)),
    "line-break": lambda c, r, o: "\\n" in json.dumps(c[2]) and o[0] == 400 and "Names may only contain" in message(o),
    "missing-file": lambda c, r, o: "artifacts" in c[1] and r[0] in (404, 500) and o[0] in (400, 404),
    "foreign-token": lambda c, r, o: "page token" in message(o).lower() and o[0] == 400,
    "graphql-words": lambda c, r, o: c[1] == "/graphql" and r[0] == o[0] == 200 and r[1]["data"] == o[1]["data"] and r[1]["errors"] and o[1]["errors"],
    "two-mistakes": lambda c, r, o: r[0] == o[0] == 400 and code(r) == code(o) and "must be in the 'active' state" in message(r) and "exceeds the maximum length" in message(o),
    # Answers of the same status whose bodies differ. Until 2026-11-30 they were taken for `set-order`; what they hide is still to be looked at.
    "unexplained-body": lambda c, r, o: r[0] == o[0] and not message(r) and not message(o),
    "server-error": lambda c, r, o: r[0] == 500 and o[0] == 400 and code(o) == "INVALID_PARAMETER_VALUE",
}


def code(answer):
    return answer[1].get("error_code") if isinstance(answer[1], dict) else None


def message(answer):
    return answer[1].get("message", "") if isinstance(answer[1], dict) else ""


def first_difference(reference, ours, path=""):
    """Where two answers differ first, and how."""
    if isinstance(reference, dict) and isinstance(ours, dict):
        for key in sorted(reference.keys() | ours.keys()):
            if reference.get(key) != ours.get(key):
                return first_difference(reference.get(key), ours.get(key), f"{path}.{key}")
    if isinstance(reference, (list, tuple)) and isinstance(ours, (list, tuple)) and len(reference) == len(ours):
        for number, pair in enumerate(zip(reference, ours)):
            if pair[0] != pair[1]:
                return first_difference(*pair, f"{path}[{number}]")
    return f"{path}: real {str(reference)[:200]}, ours {str(ours)[:200]}"


TIMES = {"creation_time", "last_update_time", "creation_timestamp", "last_updated_timestamp", "creation_timestamp_ms",
         "last_updated_timestamp_ms", "create_time", "creationTime", "lastUpdateTime", "creationTimestamp", "lastUpdatedTimestamp"}
UNORDERED = ("tags", "params", "aliases", "latest_versions", "request_metadata", "assessments")


class Side:
    """One server, and the ids that it gave to the things that both sides have."""

    def __init__(self, address):
        self.address = address
        self.ids = {}  # symbol: id

    def send(self, call):
        method, path, body = call[:3]
        headers = {key: self.fill(value) for key, value in call[3].items()} if len(call) > 3 else {"Content-Type": "application/json"}
        if isinstance(body, (dict, list)):
            body = json.dumps(self.fill(body)).encode()
        return servers.call(self.address, method, self.fill(path), body, headers)

    def fill(self, value):
        if isinstance(value, dict):
            return {key: self.fill(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        if isinstance(value, str):
            return re.sub(r"<(\w+)>", lambda m: self.ids.get(m[1], m[0]), value)
        return value

    def plain(self, value, key=None):
        """The answer with symbols for ids, without times, and with what has no order in order."""
        if isinstance(value, dict):
            if "dataset_id" in value or "dataset_record_id" in value:  # an evaluation data set or record: what depends on the time goes
                value = {k: v for k, v in value.items() if k not in ("created_time", "digest")}
            return {k: self.plain(v, k) for k, v in value.items() if k not in TIMES}
        if isinstance(value, list):
            plain = [self.plain(each) for each in value]
            if key in UNORDERED or (key == "metrics" and plain and "run_id" not in plain[0]):
                plain.sort(key=lambda each: json.dumps(each, sort_keys=True))
            return plain
        if isinstance(value, float) and value != value:
            return "NaN"
        if isinstance(value, str):
            if key == "next_page_token":
                return "TOKEN"
            if key == "tags":  # of an evaluation data set: an object as a text
                return json.loads(value)
            if key == "records":  # JSON within JSON, in the order of ids that are drawn by lot
                records = [{k: v for k, v in self.plain(record).items() if k != "dataset_record_id"} for record in json.loads(value)]
                return sorted(records, key=lambda each: json.dumps(each, sort_keys=True))
            for symbol, each in sorted(self.ids.items(), key=lambda pair: -len(pair[1])):
                if len(each) > 8:
                    value = value.replace(each, f"<{symbol}>")
        return value


class Generator:
    """Calls that mean something on a server where earlier ones were made; symbols stand for ids."""

    NAMES = ["a", "b.c", "loss", "val/acc", "größe", "学習", "with space", "x:y", "-dash", "under_score", "0"]
    BAD_NAMES = ["", "a//b", "../up", "/abs", "a/./b", "tab\tname", "emoji😀", "semi;colon", "q'uote", "x" * 251, ".", "a\n"]
    VALUES = ["", "1", "text", "ünï", "x" * 500, "line\nbreak", "'quoted'", '"double"', "100%", "under_score", "NULL"]

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.runs, self.experiments, self.models, self.logged = [], ["0"], [], []
        self.made = 0
        self.traces = trace_calls.TraceCalls(self.random, self.experiment, self.symbol)
        self.evaluation = evaluation_calls.EvaluationCalls(self.random, self.experiment, self.symbol)

    def pick(self, *choices):
        return self.random.choice(choices)

    def key(self):
        return self.random.choice(self.NAMES if self.random.random() < 0.85 else self.BAD_NAMES)

    def value(self):
        return self.random.choice(self.VALUES) if self.random.random() < 0.95 else "x" * self.pick(5999, 6000, 6001, 8000, 8001)

    def number(self):
        return self.pick(0, 1, -1, 0.1, 1e-12, 1e300, 123456789, -2.5, "NaN", "Infinity", "-Infinity", "1.5")

    def run(self):
        return self.random.choice(self.runs) if self.runs and self.random.random() < 0.92 else self.pick(
            "nosuchrun", "", "bad id!", 7, None, "r" * 300)

    def experiment(self):
        return self.random.choice(self.experiments) if self.random.random() < 0.9 else self.pick("999999", "abc", "", 3, None, "-1")

    def model(self):
        return self.random.choice(self.models) if self.models and self.random.random() < 0.9 else self.pick(
            "nosuchmodel", "", "a/b", "a:b", None, 5, "..")

    def version(self):
        return self.pick("1", "2", "3", "99", "abc", 1, "0", "-1")

    def view(self):
        return self.pick("ACTIVE_ONLY", "DELETED_ONLY", "ALL", 1, 3, "nonsense")

    def comparison(self):
        r = self.random
        entity = self.pick("metrics", "metric", "params", "tags", "attributes", "param", "tag", "bogus", "")
        name = self.pick("loss", "a", "`b.c`", '"val/acc"', "depth", "start_time", "status", "run_name", "end_time", "nokey",
                         "`mlflow.runName`", "user_id")
        operator = self.pick("=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "IN", "like", "IS NULL", "IS NOT NULL", "~", "NOT IN")
        if r.random() < 0.6:  # one that holds together
            kind = self.pick("metric", "pair", "number", "text", "null")
            if kind == "metric":
                return f"metrics.{self.pick('loss', 'a', '`b.c`')} {self.pick('=', '!=', '<', '<=', '>', '>=')} {self.pick(0, 0.1, -1, 1e300)}"
            if kind == "pair":
                return (f"{self.pick('params', 'tags')}.{self.pick('a', 'loss', '`b.c`', '学習')} {self.pick('=', '!=', 'LIKE', 'ILIKE')} "
                        f"{self.pick(chr(39) + 'text' + chr(39), chr(39) + '%E%' + chr(39), chr(39) + 'T_xt' + chr(39), chr(34) + '1' + chr(34))}")
            if kind == "number":
                return f"attributes.start_time {self.pick('=', '<', '>=', '!=')} {self.pick(0, 500, 1000)}"
            if kind == "null":
                return f"{self.pick('params', 'tags')}.{self.pick('a', 'loss', 'nokey')} IS {self.pick('', 'NOT ')}NULL"
            return (f"{self.pick('status', 'attributes.status', 'run_name', 'attribute.user_id')} {self.pick('=', '!=', 'LIKE')} "
                    f"{self.pick(chr(39) + 'RUNNING' + chr(39), chr(39) + 'FINISHED' + chr(39), chr(39) + 'r%' + chr(39))}")
        value = self.pick("1", "0.5", "'text'", '"text"', "text", "('a', 'b')", "('a',)", "(1)", "''", "-3", "1e3")
        left = f"{entity}.{name}" if entity else name
        return f"{left} {operator}" if "NULL" in operator else f"{left} {operator} {value}"

    def filter(self):
        if self.random.random() < 0.1:
            return self.pick("", " ", "AND", "a = 1; b = 2", "(metrics.a = 1)", "metrics.a = 1 OR metrics.b = 2", "metrics.a", "'", "1 = 1")
        return " AND ".join(self.comparison() for _ in range(self.random.choice([1, 1, 1, 2, 3])))

    def order(self):
        return [self.pick("metrics.loss", "params.a DESC", "tags.`b.c` ASC", "start_time", "attributes.end_time DESC", "run_id", "status ASC",
                          "metrics.a DESC", "bogus", "metrics.loss SIDEWAYS", "", "created DESC") for _ in range(self.random.choice([0, 0, 1, 1, 2]))]

    def symbol(self, prefix):
        self.made += 1
        return f"{prefix}{self.made}"

    def make_experiment(self):
        name = self.pick("exp", "größer", "x" * 500, "x" * 501, "", None, "a/b") if self.random.random() < 0.4 else f"experiment {self.made}"
        return ("POST", "experiments/create", {"name": name, "tags": [{"key": self.key(), "value": "v"}] if self.random.random() < 0.3 else []})

    def make_run(self):
        body = {"experiment_id": self.experiment(), "start_time": self.pick(0, 100, 500, 1000, "700", 1.0, 10**15), "run_name": self.pick("", "r one", "r two", "größe"),
                "user_id": self.pick("", "ann"), "tags": [{"key": self.key(), "value": self.value()}] if self.random.random() < 0.3 else []}
        body["run_name"] = body["run_name"] or f"run {self.made}"
        if self.random.random() < 0.05:
            body["start_time"] = self.pick("soon", 1.5, 2**63, True, [])
        return ("POST", "runs/create", body)

    def calls(self):
        """One call after another, for ever; `learn` is told what came of each."""
        weighted = [(self.make_run, 6), (self.make_experiment, 2), (self.log, 10), (self.change_run, 4), (self.search, 10), (self.read, 6),
                    (self.registry, 12), (self.logged_model, 5), (self.experiment_call, 5), (self.experiment_search, 3), (self.registry_search, 5),
                    (self.hostile_body, 2), (self.history, 3), (self.artifacts, 3), (self.inputs, 2), (self.graphql, 6), (self.traces.call, 35), (self.evaluation.call, 12)]
        functions = [function for function, weight in weighted for _ in range(weight)]
        yield self.make_experiment()
        for _ in range(8):
            yield self.make_run()
        while True:
            yield self.random.choice(functions)()

    def log(self):
        kind = self.random.randrange(6)
        run = self.run()
        if kind == 0:
            body = {"run_id": run, "key": self.key(), "value": self.number(), "timestamp": self.pick(0, 5, 10, "7", -1), "step": self.pick(0, 1, 2, -3, "4")}
            if self.random.random() < 0.1:
                del body[self.pick("run_id", "key", "value", "timestamp", "step")]
            return ("POST", "runs/log-metric", body)
        if kind == 1:
            return ("POST", "runs/log-parameter", {"run_id": run, "key": self.key(), "value": self.value()})
        if kind == 2:
            return ("POST", "runs/set-tag", {"run_id": run, "key": self.pick(self.key(), "mlflow.runName"), "value": self.value()})
        if kind == 3:
            return ("POST", "runs/delete-tag", {"run_id": run, "key": self.key()})
        metrics = [{"key": self.key(), "value": self.number(), "timestamp": self.pick(0, 5), "step": self.pick(0, 1)} for _ in range(self.random.choice([0, 1, 3]))]
        if self.random.random() < 0.05:
            metrics = [{"key": "many", "value": i, "timestamp": i} for i in range(self.pick(999, 1000, 1001))]
        params = [{"key": self.key(), "value": self.value()} for _ in range(self.random.choice([0, 0, 1, 2]))]
        if self.random.random() < 0.05:
            params = [{"key": f"p{i}", "value": "v"} for i in range(self.pick(100, 101))]
        tags = [{"key": self.key(), "value": self.value()} for _ in range(self.random.choice([0, 0, 1]))]
        if metrics and self.random.random() < 0.1:
            del metrics[0][self.pick("key", "value", "timestamp")]
        return ("POST", "runs/log-batch", {"run_id": run, "metrics": metrics, "params": params, "tags": tags})

    def change_run(self):
        kind = self.random.randrange(4)
        if kind == 0:
            return ("POST", "runs/" + self.pick("delete", "restore", "restore"), {"run_id": self.run()})
        return ("POST", "runs/update", {"run_id": self.run(), "status": self.pick("FINISHED", "FAILED", "SCHEDULED", "KILLED", "RUNNING", 3, "odd"),
                                        "end_time": self.pick(0, 1234, "99", None), "run_name": self.pick("", "renamed", None)})

    def read(self):
        return ("GET", "runs/get?run_id=" + urllib.parse.quote(str(self.run())), None)

    def search(self):
        body = {"experiment_ids": [self.experiment() for _ in range(self.random.choice([0, 1, 1, 2]))], "filter": self.filter(), "order_by": self.order(),
                "max_results": self.pick(1, 5, 100, 1000, 0, -1, 50000, 50001, "10"), "run_view_type": self.view()}
        body["experiment_ids"] = [each for each in body["experiment_ids"] if isinstance(each, str)]
        return ("POST", "runs/search", body)

    def experiment_call(self):
        kind = self.random.randrange(7)
        one = self.experiment()
        if kind == 0:
            return ("GET", "experiments/get?experiment_id=" + str(one), None)
        if kind == 1:
            return ("GET", "experiments/get-by-name?experiment_name=" + urllib.parse.quote(self.pick("Default", "exp", "größer", "nope")), None)
        if kind == 2 and one != "0":
            return ("POST", "experiments/" + self.pick("delete", "restore", "restore"), {"experiment_id": one})
        if kind == 3:
            return ("POST", "experiments/update", {"experiment_id": one, "new_name": self.pick(f"renamed {self.made}", "", "Default", "x" * 501, None)}
                    if one != "0" else {"experiment_id": "77777", "new_name": "n"})
        if kind == 4:
            return ("POST", "experiments/set-experiment-tag", {"experiment_id": one, "key": self.key(), "value": self.pick("v", "x" * 20000, "x" * 20001)})
        return ("POST", "experiments/delete-experiment-tag", {"experiment_id": one, "key": self.key()})

    def experiment_search(self):
        filters = ["", "name = 'exp'", "name LIKE 'exp%'", "name ILIKE 'EXP%'", "tags.a = 'v'", "tags.`b.c` != 'x'", "tags.a IS NULL", "creation_time > 0",
                   "experiment_id = '1'", "experiment_id IN ('0', '1')", "name > 'a'", "bogus = 'x'", "creation_time = 'x'", "experiment_id = 'x'"]
        return ("POST", "experiments/search", {"filter": self.random.choice(filters), "max_results": self.pick(1, 3, 1000, 0, -5, 50001, "2"), "view_type": self.view(),
                                               "order_by": self.pick([], ["name"], ["experiment_id DESC"], ["name DESC", "experiment_id"], ["bogus"], ["tags.a"])})

    def registry(self):
        kind = self.random.randrange(14)
        model, version = self.model(), self.version()
        tags = [{"key": self.key(), "value": "v"}] if self.random.random() < 0.2 else []
        if kind == 0 or not self.models:
            return ("POST", "registered-models/create", {"name": self.pick("clf", "größe", f"model {self.made}", f"m{self.made}", "", "a/b"), "tags": tags, "description": self.pick("", "d")})
        if kind in (1, 2):
            return ("POST", "model-versions/create", {"name": model, "source": self.pick("s3://bucket/m", "s3://bucket/../m", "/tmp/x", "file:///etc", "runs:/x/m", "models:/m-1", "",
                    "mlflow-artifacts:/0/x", "http://host/m", "models:/nosuch/1"), "run_id": self.pick("", None), "tags": tags, "description": self.pick("", "text")})
        if kind == 3:
            return ("GET", f"model-versions/get?name={urllib.parse.quote(str(model))}&version={version}", None)
        if kind == 4:
            return ("PATCH", "model-versions/update", {"name": model, "version": str(version), "description": self.pick("new", "", None)})
        if kind == 5:
            return ("POST", "model-versions/transition-stage", {"name": model, "version": str(version), "stage": self.pick("Production", "staging", "None", "Archived", "odd"),
                                                                "archive_existing_versions": self.pick(True, False, "true")})
        if kind == 6:
            return ("DELETE", "model-versions/delete", {"name": model, "version": str(version)})
        if kind == 7:
            return ("POST", "registered-models/alias", {"name": model, "alias": self.pick("champion", "v1", "latest", "bad alias", "größe", ""), "version": version})
        if kind == 8:
            return ("DELETE", "registered-models/alias", {"name": model, "alias": self.pick("champion", "none", "bad alias")})
        if kind == 9:
            return ("GET", f"registered-models/alias?name={urllib.parse.quote(str(model))}&alias={self.pick('champion', 'latest', 'none')}", None)
        if kind == 10:
            return ("POST", self.pick("registered-models/set-tag", "model-versions/set-tag"), {"name": model, "version": str(version), "key": self.key(), "value": self.pick("v", "x" * 100001)})
        if kind == 11:
            return ("DELETE", self.pick("registered-models/delete-tag", "model-versions/delete-tag"), {"name": model, "version": str(version), "key": self.key()})
        if kind == 12:
            return ("GET", "registered-models/get?name=" + urllib.parse.quote(str(model)), None)
        return self.pick(("PATCH", "registered-models/update", {"name": model, "description": self.pick("text", "", None)}),
                         ("POST", "registered-models/get-latest-versions", {"name": model, "stages": self.pick([], ["Production"], ["odd"])}),
                         ("GET", f"model-versions/get-download-uri?name={urllib.parse.quote(str(model))}&version={version}", None),
                         ("POST", "registered-models/rename", {"name": "nosuchmodel", "new_name": self.pick("x", "", "a/b")}))

    def registry_search(self):
        if self.random.random() < 0.5:
            filters = ["", "name = 'clf'", "name LIKE 'm%'", "name ILIKE 'M%'", "tags.a = 'v'", "name IN ('clf', 'x')", "name != 'clf'", "bogus = 'x'", "name > 'x'", "tags.a > 'x'", "name = 5"]
            return ("GET", "registered-models/search?" + urllib.parse.urlencode({"filter": self.random.choice(filters), "max_results": self.pick(1, 100, 1000, 1001)}), None)
        filters = ["", "name = 'clf'", "name LIKE 'm%'", "run_id = ''", "source_path LIKE 's3%'", "version_number > 1", "version_number = 'x'", "name IN ('clf')", "tags.a = 'v'", "bogus = 1", "version_number = 1.5"]
        return ("GET", "model-versions/search?" + urllib.parse.urlencode({"filter": self.random.choice(filters), "max_results": self.pick(1, 100, 200000, 200001, 0),
                "order_by": self.pick("name", "version_number DESC", "bogus", "creation_timestamp")}), None)

    def logged_model(self):
        kind = self.random.randrange(6)
        model = self.random.choice(self.logged) if self.logged and self.random.random() < 0.9 else "m-none"
        if kind == 0 or not self.logged:
            return ("POST", "logged-models", {"experiment_id": self.experiment(), "name": self.pick("lm", "with.dot", "größe", f"lm{self.made}"), "model_type": self.pick("", "t"),
                    "params": [{"key": "p", "value": "1"}] if self.random.random() < 0.5 else [], "tags": [{"key": "t", "value": "x"}] if self.random.random() < 0.5 else []})
        if kind == 1:
            return ("PATCH", f"logged-models/{model}", {"model_id": model, "status": self.pick("LOGGED_MODEL_READY", 3, "odd")})
        if kind == 2:
            return ("PATCH", f"logged-models/{model}/tags", {"tags": [{"key": "t", "value": self.value()[:50]}]})
        if kind == 3:
            return ("DELETE", f"logged-models/{model}/tags/{self.pick('t', 'none')}", None)
        if kind == 4:
            return ("POST", "logged-models/search", {"experiment_ids": [each for each in [self.experiment()] if isinstance(each, str)], "filter": self.pick("", "name = 'lm'", "params.p = '1'",
                    "tags.t LIKE 'x%'", "metrics.a > 0", "bogus.x = 1", "name > 'x'"), "order_by": self.pick([], [{"field_name": "name"}], [{"field_name": "params.x"}], [{"field_name": "bogus"}]),
                    "max_results": self.pick(1, 50, 0)})
        return ("GET", f"logged-models/{model}", None)

    def history(self):
        run, key = urllib.parse.quote(str(self.run())), urllib.parse.quote(self.pick("loss", "a", "b.c", "many", "nokey", ""))
        return self.pick(("GET", f"metrics/get-history?run_id={run}&metric_key={key}&max_results={self.pick(1, 5, 0, -1, 100)}", None),
                         ("GET", f"metrics/get-history?run_id={run}&metric_key={key}", None),
                         ("GET", f"/ajax-api/2.0/mlflow/metrics/get-history-bulk?run_id={run}&run_id={urllib.parse.quote(str(self.run()), safe='<>')}&metric_key={key}"
                                 + self.pick("", "&max_results=3", "&max_results=0", "&max_results=x"), None),
                         ("GET", f"metrics/get-history-bulk-interval?run_ids={run}&metric_key={key}&max_results={self.pick(1, 2, 3, 7, 2500, 2501, 0)}", None),
                         ("GET", f"metrics/get-history-bulk-interval?run_ids={run}&metric_key={key}&start_step=0&end_step={self.pick(1, 10, -1)}", None))

    def artifacts(self):
        run = urllib.parse.quote(str(self.run()))
        path = self.pick("", "sub", "../x", "/abs", "nofile")
        return ("GET", f"artifacts/list?run_id={run}" + (f"&path={urllib.parse.quote(path)}" if path else ""), None)

    def inputs(self):
        dataset = {"name": self.pick("train", "x" * 501), "digest": self.pick("d1", "d2", "x" * 37), "source_type": "code", "source": "{}"}
        return self.pick(("POST", "runs/log-inputs", {"run_id": self.run(), "datasets": [{"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "training"}]}]}),
                         ("POST", "experiments/search-datasets", {"experiment_ids": self.pick(["0"], [], ["x"], [str(i) for i in range(21)])}))

    RUN_FIELDS = """info { runId runUuid runName experimentId userId status startTime endTime artifactUri lifecycleStage }
        data { metrics { key value timestamp step datasetName modelId } params { key value } tags { key value } }
        inputs { datasetInputs { tags { key value } dataset { name digest sourceType source schema profile } } modelInputs { modelId } } outputs { modelOutputs { modelId step } }"""

    def graphql(self):
        kind = self.random.randrange(6)
        if kind == 0:
            query = "query ($x: MlflowGetRunInput!) { mlflowGetRun(input: $x) { run { %s experiment { experimentId name tags { key value } lifecycleStage creationTime } } apiError { code } } }" % self.RUN_FIELDS
            variables = {self.pick("runId", "runId", "runUuid"): self.run()}
        elif kind == 1:
            query = "%s ($x: MlflowSearchRunsInput) { mlflowSearchRuns(input: $x) { nextPageToken runs { %s } } }" % (self.pick("query", "mutation"), self.RUN_FIELDS)
            variables = {"experimentIds": [self.experiment()], "filter": self.filter(), "orderBy": self.order(), "maxResults": self.pick(1, 5, 100, 0, -1, "5"),
                         "runViewType": self.pick("ACTIVE_ONLY", "DELETED_ONLY", "ALL", "NONE", None)}
        elif kind == 2:
            query = "query ($x: MlflowGetExperimentInput) { mlflowGetExperiment(input: $x) { experiment { experimentId name lifecycleStage tags { key value } workspace lastUpdateTime } } }"
            variables = {"experimentId": self.experiment()}
        elif kind == 3:
            query = "query ($x: MlflowGetMetricHistoryBulkIntervalInput) { mlflowGetMetricHistoryBulkInterval(input: $x) { metrics { key value timestamp step runId } } }"
            variables = {"runIds": [self.run()], "metricKey": self.pick("loss", "a", "many", "", None), "maxResults": self.pick(1, 3, 2500, 2501, None), "startStep": self.pick(None, None, 0)}
        elif kind == 4:
            query = "query ($x: MlflowListArtifactsInput) { mlflowListArtifacts(input: $x) { rootUri files { path isDir fileSize } nextPageToken } }"
            variables = {"runId": self.run(), "path": self.pick(None, "sub", "../x")}
        else:
            query = "query ($x: MlflowSearchModelVersionsInput) { mlflowSearchModelVersions(input: $x) { modelVersions { name version currentStage description userId runId status aliases tags { key value } modelId runLink statusMessage } } }"
            variables = {"filter": self.pick("", "name = 'clf'", "bogus = 1", None), "maxResults": self.pick(1, 100, 200000, "7")}
        return ("POST", "/graphql", {"query": query, "variables": {"x": variables}})

    def hostile_body(self):
        path = self.pick("runs/create", "runs/search", "experiments/create", "runs/log-batch", "registered-models/create", "runs/log-metric")
        return ("POST", path, self.pick(b"", b"{", b"null", b"{}", b'"{}"', b'{"name": 5, "run_id": 5, "experiment_id": 5}', b'{"experiment_ids": "0"}', b'{"tags": {}}', b"\xff\xfe"))

    def learn(self, call, answers, sides):
        """Takes the ids of what was made on both sides."""
        (status, reference), (ours_status, ours) = answers
        if status != 200 or ours_status != 200 or not isinstance(reference, dict) or not isinstance(ours, dict):
            return
        path = call[1]
        self.traces.learn(call, reference, ours, sides)
        self.evaluation.learn(call, reference, ours, sides)
        if path == "runs/create":
            found, known, prefix = (lambda a: a["run"]["info"]["run_id"]), self.runs, "run"
        elif path == "experiments/create":
            found, known, prefix = (lambda a: a["experiment_id"]), self.experiments, "exp"
        elif path == "logged-models" and call[0] == "POST":
            found, known, prefix = (lambda a: a["model"]["info"]["model_id"]), self.logged, "logged"
        elif path == "registered-models/create":
            self.models.append(reference["registered_model"]["name"])
            return
        else:
            return
        symbol = self.symbol(prefix)
        for side, answer in zip(sides, (reference, ours)):
            side.ids[symbol] = found(answer)
        known.append(f"<{symbol}>")


class Differential(unittest.TestCase):
    def test_the_same_calls_get_the_same_answers(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            real = servers.reference(path / "real")
            ours = None
            try:
                ours = servers.keelson(KEELSON, path / "ours")
                real.wait(lambda: servers.answers(real.address, "/health"))
                self.compare(real, ours)
            finally:
                for server in (real, ours):
                    if server:
                        server.stop()

    def compare(self, real, ours):
        sides = (Side(real.address), Side(ours.address))
        generator = Generator(SEED)
        known = {name: 0 for name in DIFFERENCES}
        different = []
        for number, call in zip(range(CALLS), generator.calls()):
            prefix = "" if call[1].startswith("/") else "/ajax-api/2.0/mlflow/" if call[1].endswith("search-datasets") else "/api/2.0/mlflow/"  # MLflow has that one there alone
            answers = [side.send((call[0], prefix + call[1], *call[2:])) for side in sides]
            generator.learn(call, answers, sides)
            plain = [(answer[0], side.plain(answer[1])) for side, answer in zip(sides, answers)]
            if plain[0] == plain[1]:
                continue
            for name, holds in DIFFERENCES.items():
                if holds(call, *plain):
                    known[name] += 1
                    if name == "unexplained-body":
                        print(f"unexplained: {number}: {str(call)[:300]}\n  {first_difference(*plain)}")
                    break
            else:
                different.append(f"{number}: {str(call)[:600]}\n  real {str(plain[0])[:700]}\n  ours {str(plain[1])[:700]}")
        print(f"{CALLS} calls, seed {SEED}; known differences: {known}")
        self.assertLess(known["unexplained-body"], 0.04 * CALLS)
        self.assertFalse(different, f"{len(different)} answers differ (seed {SEED}):\n" + "\n".join(different[:60]))

    def test_every_difference_is_explained(self):
        manual = MANUAL.read_text()
        for name in DIFFERENCES:
            self.assertIn(f"`{name}`", manual)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
