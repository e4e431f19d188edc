"""Generated calls of evaluation data sets and their records, for the comparison with the real server."""
import json
import urllib.parse

V3 = "/api/3.0/mlflow/datasets"


class EvaluationCalls:
    VALUES = ["", "v", "ünï", 1, -2.5, True, None, ["a", 1], {"k": {"b": 1, "a": [None]}}, "x" * 300, 10**12, 1e-7]

    def __init__(self, random, experiment, symbol):
        self.random, self.experiment, self.symbol = random, experiment, symbol
        self.datasets, self.records = [], []  # symbols; (symbol of the data set, of a record)
        self.made = 0

    def pick(self, *choices):
        return self.random.choice(choices)

    def chance(self, share):
        return self.random.random() < share

    def dataset(self):
        return self.random.choice(self.datasets) if self.datasets and self.chance(0.92) else self.pick("d-none", "nosuch")

    def call(self):
        return self.random.choice([self.create, self.create, self.upsert, self.upsert, self.upsert, self.read, self.read, self.list, self.list, self.search, self.search,
                                   self.tags, self.experiments, self.delete])()

    def create(self):
        self.made += 1
        body = {"name": f"data {self.made}" if self.chance(0.9) else self.pick("", None, 5), "tags": self.pick("", "{}", '{"stage": "dev"}', '{"stage": "prod", "mlflow.user": "ann"}', '{"ü": "ö"}')}
        if self.chance(0.6):
            body["experiment_ids"] = [each for each in [self.experiment()] if isinstance(each, str) and each]
        if self.chance(0.05):
            body["tags"] = self.pick("{", "[1]", "5", 7)
        return ("POST", V3 + "/create", body)

    def record(self):
        record = {"inputs": {key: self.random.choice(self.VALUES) for key in self.random.sample(["q", "context", "größe", "n"], self.pick(0, 1, 1, 2))}}
        if self.chance(0.5):
            record["outputs"] = self.random.choice(self.VALUES)
        if self.chance(0.5):
            record["expectations"] = self.pick({}, {"answer": self.random.choice(self.VALUES)}, {"b": 1, "a": 2}, None)
        if self.chance(0.4):
            record["tags"] = self.pick({}, {"mlflow.user": "bob"}, {"k": "v"}, None)
        if self.chance(0.5):
            record["source"] = self.pick({"source_type": "TRACE", "source_data": {"trace_id": "tr-1"}}, {"source_type": "human"}, {"source_type": "CODE", "source_data": {"source_id": "s", "x": [1]}},
                                         {"source_type": "rumour"}, {"source_type": "UNSPECIFIED", "source_data": None}, None, {})
        if self.chance(0.02):
            record = self.pick({}, {"inputs": {"q": 1}, "odd": 1}, {"outputs": "alone"})
        return record

    def upsert(self):
        # A set whose outputs once were no objects is lost to the real server when objects come: so they are the first alone.
        records = [self.record() for _ in range(self.pick(1, 1, 2, 3))]
        text = json.dumps(records)
        if self.chance(0.05):
            text = self.pick("{", "5", '[{"inputs": 5}]', "[7]", '[{"tags": "x"}]', '[{"source": "x"}]')
        return ("POST", f"{V3}/{self.dataset()}/records", {"records": text} if self.chance(0.97) else {})

    def read(self):
        one = self.dataset()
        return self.pick(("GET", f"{V3}/{one}", None), ("GET", f"{V3}/{one}/experiment-ids", None))

    def list(self):
        return ("GET", f"{V3}/{self.dataset()}/records" + self.pick("", "?max_results=100", "?max_results=0", "?max_results=x"), None)

    def comparison(self):
        if self.chance(0.6):
            return self.pick("name LIKE 'data%'", "name ILIKE 'DATA 1%'", "name = 'data 3'", "name != 'data 2'", "name IN ('data 1', 'data 2')", "tags.stage = 'dev'", "tags.stage != \"dev\"",
                             "tags.stage LIKE 'p%'", "created_by = 'ann'", "last_updated_by != 'bob'", "created_time > 0", "last_update_time <= 99", "name > 'data 4'")
        return self.pick("bogus = 'x'", "tag.a = 'x'", "tags.stage > 'x'", "tags.stage IS NULL", "name IS NULL", "created_time LIKE 5", "created_time = 1.5", "created_time = 'x'", "name = 5",
                         "created_by IN ('ann')", "name NOT IN ('x')", "tags.a = 5", "name = x")

    def search(self):
        body = {"max_results": self.pick(1, 5, 100, 100, 0, -1, 50001, "7"), "filter_string": "" if self.chance(0.3) else " AND ".join(self.comparison() for _ in range(self.pick(1, 1, 2))),
                "order_by": self.pick([], [], ["name"], ["name DESC"], ["created_time ASC"], ["bogus"], ["tags.a"], ["created_by"], ["name SIDEWAYS"])}
        if self.chance(0.4):
            body["experiment_ids"] = [each for each in [self.experiment()] if isinstance(each, str)]
        if self.chance(0.3):
            query = [(key, value) for key, value in body.items() if not isinstance(value, list)] + [(key, each) for key, values in body.items() if isinstance(values, list) for each in values]
            return ("GET", V3 + "/search?" + urllib.parse.urlencode(query, safe="<>"), None)
        return ("POST", V3 + "/search", body)

    def tags(self):
        one = self.dataset()
        if self.chance(0.6):
            return ("PATCH", f"{V3}/{one}/tags", {"tags": self.pick('{"stage": "dev"}', '{"n": 5, "t": true, "l": ["a", 1], "none": null}', "{}", "{", "")})
        return ("DELETE", f"{V3}/{one}/tags/{self.pick('stage', 'none', 'n')}", None)

    def experiments(self):
        ids = [each for each in [self.experiment(), self.experiment()] if isinstance(each, str) and each != "-1"]
        return ("POST", f"{V3}/{self.dataset()}/{self.pick('add', 'remove')}-experiments", {"experiment_ids": ids if self.chance(0.9) else []})

    def delete(self):
        if self.records and self.chance(0.7):
            one, record = self.random.choice(self.records)
            return ("DELETE", f"{V3}/{one}/records", {"dataset_record_ids": [record, "dr-none"]})
        return ("DELETE", f"{V3}/{self.dataset()}", None) if self.chance(0.3) else ("DELETE", f"{V3}/{self.dataset()}/records", {"dataset_record_ids": ["dr-none"]})

    def learn(self, call, reference, ours, sides):
        """Takes the ids of what was made on both sides."""
        if call[1] == V3 + "/create":
            self.datasets.append(self.remember("dataset", [answer["dataset"]["dataset_id"] for answer in (reference, ours)], sides))
        elif call[1].endswith("/records") and call[0] == "GET" and "records" in ours:
            # Those with the same inputs are the same: their ids are drawn by lot.
            listed = [{json.dumps(record["inputs"], sort_keys=True): record["dataset_record_id"] for record in json.loads(answer["records"])} for answer in (reference, ours)]
            for inputs, record in listed[0].items():
                if inputs in listed[1] and record not in sides[0].ids.values():
                    self.records.append((call[1].split("/")[-2], self.remember("record", [record, listed[1][inputs]], sides)))

    def remember(self, prefix, ids, sides):
        symbol = self.symbol(prefix)
        for side, each in zip(sides, ids):
            side.ids[symbol] = each
        return f"<{symbol}>"
