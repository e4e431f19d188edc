"""Generated calls of traces, spans and assessments, for the comparison with the real server."""
import urllib.parse

V3, V2 = "/api/3.0/mlflow/", "/api/2.0/mlflow/"


class TraceCalls:
    KEYS = ["a", "stage", "mlflow.traceName", "größe", "with space", "mlflow.trace.session", "mlflow.user", "k/1", "mlflow.sourceRun"]
    BAD_KEYS = ["", "a//b", "../up", "tab\tname", "x" * 251, "q'uote", "mlflow.trace.spansLocation", "mlflow.trace.archivalFailure"]
    VALUES = ["", "v", "1", "ünï", "x" * 300, "x" * 4100, "chat", "line\nbreak", "it's", "100%", '{"a": 1}']

    def __init__(self, random, experiment, symbol):
        self.random, self.experiment, self.symbol = random, experiment, symbol
        self.traces, self.old, self.assessments = [], [], []  # ids; (trace, symbol of the assessment)
        self.made = 0

    def pick(self, *choices):
        return self.random.choice(choices)

    def chance(self, share):
        return self.random.random() < share

    def trace(self):
        known = self.traces + self.old
        return self.random.choice(known) if known and self.chance(0.9) else self.pick("tr-none", "nosuch")

    def key(self):
        return self.random.choice(self.KEYS if self.chance(0.85) else self.BAD_KEYS)

    def map(self):
        return {self.random.choice(self.KEYS): self.random.choice(self.VALUES) for _ in range(self.pick(0, 0, 1, 2, 3))}

    def call(self):
        return self.random.choice([self.start, self.start, self.spans, self.spans, self.spans, self.read, self.read, self.search, self.search, self.search,
                                   self.search, self.tags, self.assess, self.assess, self.assess, self.change, self.old_trace, self.old_trace, self.link,
                                   self.correlate, self.delete, self.metrics, self.metrics, self.metrics])()

    def start(self):
        self.made += 1
        trace = f"tr-{self.made:032x}" if not self.traces or self.chance(0.7) else self.random.choice(self.traces)
        metadata = self.map()
        if self.chance(0.3):
            metadata["mlflow.trace.tokenUsage"] = self.pick('{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}', '{"input_tokens": 1.5}', "nonsense",
                                                            '{"total_tokens": "5", "odd": 1}', "[]")
        if self.chance(0.2):
            metadata["mlflow.trace.cost"] = self.pick('{"input_cost": 0.5, "output_cost": 0.25, "total_cost": 0.75}', '{"total_cost": 1}', "{}")
        info = {"trace_id": trace, "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": str(self.experiment() or "0")}},
                "request_time": self.pick("2026-01-01T00:00:00Z", "2026-01-02T03:04:05.678Z", "2026-01-01T00:00:00.123456789Z", "2026-01-01T01:00:00+01:00"),
                "execution_duration": self.pick("1.500s", "0s", "2s", "0.001s"), "state": self.pick("OK", "ERROR", "IN_PROGRESS", "STATE_UNSPECIFIED", 1),
                "trace_metadata": metadata, "tags": self.map()}
        for field, value in (("client_request_id", "c1"), ("request_preview", "hi"), ("response_preview", "hello")):
            if self.chance(0.4):
                info[field] = value
        if self.chance(0.1):
            del info[self.pick("request_time", "execution_duration", "state")]
        return ("POST", V3 + "traces", {"trace": {"trace_info": info}})

    def spans(self):
        trace = int(self.random.choice(self.traces)[3:], 16) if self.traces and self.chance(0.8) else self.random.randrange(1, 1 << 100)
        spans, first = [], self.random.randrange(1, 6)  # no span above itself: the real server would not come to an end
        for number in range(self.pick(1, 1, 2, 3)):
            attributes = [{"key": key, "value": value} for key, value in self.random.sample([
                ("text", {"stringValue": "plain"}), ("json", {"stringValue": '{"a": [1, "b"]}'}), ("quoted", {"stringValue": '"in"'}), ("digits", {"stringValue": "12"}),
                ("whole", {"intValue": "5"}), ("half", {"doubleValue": 0.5}), ("one", {"doubleValue": 1.0}), ("yes", {"boolValue": True}), ("none", {}),
                ("list", {"arrayValue": {"values": [{"intValue": 1}, {"stringValue": "a"}]}}), ("größe", {"stringValue": "ü"}),
                ("map", {"kvlistValue": {"values": [{"key": "x", "value": {"doubleValue": 2.0}}]}}), ("bytes", {"bytesValue": "/wA="}),
                ("mlflow.spanInputs", {"stringValue": '{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "no"}]}'}),
                ("mlflow.spanOutputs", {"stringValue": '"' + "long " * 300 + '"'}), ("mlflow.spanType", {"stringValue": '"LLM"'}), ("session.id", {"stringValue": "s1"}),
                ("mlflow.chat.tokenUsage", {"stringValue": '{"input_tokens": 2, "output_tokens": 3, "total_tokens": 5}'}), ("user.id", {"stringValue": "ann"}),
                ("mlflow.llm.cost", {"stringValue": '{"input_cost": 0.5, "output_cost": 0.5, "total_cost": 1.0}'}), ("mlflow.traceTag.stage", {"stringValue": "prod"}),
                ("gen_ai.operation.name", {"stringValue": "chat"}), ("gen_ai.usage.input_tokens", {"intValue": 7}), ("gen_ai.usage.output_tokens", {"intValue": "1"}),
                ("gen_ai.request.model", {"stringValue": "a-model-of-ours"}), ("gen_ai.provider.name", {"stringValue": "us"}), ("input.value", {"stringValue": "asked"}),
                ("openinference.span.kind", {"stringValue": "TOOL"}), ("llm.token_count.prompt", {"intValue": 4}), ("traceloop.span.kind", {"stringValue": "task"}),
                ("traceloop.entity.input", {"stringValue": "{}"}), ("gen_ai.completion.0.content", {"stringValue": "answered"}),
            ], self.pick(0, 1, 3, 6))]
            span = {"traceId": f"{trace:032x}", "spanId": f"{first + number:016x}", "name": self.pick("root", "step", "größe", "tool call"),
                    "startTimeUnixNano": str(1767225600000000000 + number * 1000000), "endTimeUnixNano": str(1767225601000000000 + number * 5000000),
                    "attributes": attributes, "status": self.pick({}, {"code": 1}, {"code": "STATUS_CODE_ERROR", "message": "bad"}, {"code": 1, "message": "dropped"})}
            if number > 0 or self.chance(0.3):
                span["parentSpanId"] = f"{self.random.randrange(1, first + number) if first + number > 1 else 9:016x}"
            if self.chance(0.2):
                span["events"] = [{"name": "event", "timeUnixNano": "7", "attributes": [{"key": "k", "value": {"intValue": "3"}}]}]
            if self.chance(0.2):
                span["links"] = [{"traceId": "1" * 32, "spanId": "2" * 16}]
            if self.chance(0.05):
                span[self.pick("traceId", "spanId", "startTimeUnixNano", "parentSpanId")] = self.pick("", "zz", "abc", "1" * 40)
            spans.append(span)
        resource = {"attributes": [{"key": self.pick("service.name", "telemetry.sdk.name", "host", "bad\tkey", "mlflow.x"), "value": self.pick({"stringValue": "svc"}, {"intValue": 3})}]}
        body = {"resourceSpans": [{"resource": resource if self.chance(0.5) else {}, "scopeSpans": [{"spans": spans}]}]}
        if self.chance(0.05):
            body = self.pick({}, {"resourceSpans": []}, {"resourceSpans": [{}]}, [], {"resourceSpans": 5})
        experiment = self.experiment()
        headers = {"Content-Type": self.pick("application/json", "application/json; charset=utf-8") if self.chance(0.97) else "text/plain"}
        if self.chance(0.97):
            headers["x-mlflow-experiment-id"] = str(experiment or "0")
        return ("POST", "/v1/traces", body, headers)

    def read(self):
        trace = urllib.parse.quote(self.trace(), safe="<>")
        both = f"trace_ids={trace}&trace_ids={urllib.parse.quote(self.trace(), safe='<>')}"
        return self.pick(("GET", V3 + f"traces/{trace}", None), ("GET", V3 + f"traces/get?trace_id={trace}&allow_partial=true", None),
                         ("GET", V3 + f"traces/batchGet?{both}", None), ("POST", V3 + "traces/batchGetInfos", {"trace_ids": [self.trace(), self.trace()]}),
                         ("GET", V2 + f"traces/{trace}/info", None), ("GET", V3 + "traces/batchGet", None))

    def comparison(self):
        text = self.pick("'OK'", "'chat'", "'%a%'", '"s1"', "'yes'", "'v'", "'tr-%'", "'ERROR'", "'^c.*t$'", "''")
        if self.chance(0.65):
            return self.pick(f"status {self.pick('=', '!=')} {text}", f"timestamp_ms {self.pick('>', '<=', '=', '!=')} {self.pick(0, 1767225600000, 1767323045678)}",
                             f"execution_time {self.pick('>', '<')} {self.pick(0, 1000, 1500)}", f"tags.stage {self.pick('=', '!=', 'LIKE', 'ILIKE')} {text}",
                             f"name {self.pick('=', '!=', 'LIKE', 'RLIKE')} {text}", f"tags.`mlflow.user` = {text}", f"metadata.{self.pick('a', 'stage')} {self.pick('=', 'LIKE')} {text}",
                             f"metadata.`mlflow.trace.session` {self.pick('=', '!=')} {text}", f"{self.pick('tags.stage', 'metadata.a', 'tag.a')} IS {self.pick('', 'NOT ')}NULL",
                             f"span.{self.pick('name', 'type', 'status')} {self.pick('=', '!=', 'LIKE')} {self.pick(chr(39) + 'root' + chr(39), chr(39) + 'LLM' + chr(39), chr(39) + '%o%' + chr(39))}",
                             f"span.attributes.{self.pick('text', 'json')} {self.pick('LIKE', 'ILIKE', 'RLIKE')} {self.pick(chr(39) + '%plain%' + chr(39), chr(39) + 'pl' + chr(39))}",
                             f"span.content LIKE {self.pick(chr(39) + '%plain%' + chr(39), chr(39) + '%größe%' + chr(39))}", f"trace.text LIKE {self.pick(chr(39) + '%tool%' + chr(39))}",
                             f"feedback.{self.pick('good', 'score')} {self.pick('=', '!=', 'LIKE')} {self.pick(chr(39) + 'true' + chr(39), chr(39) + 'yes' + chr(39), chr(39) + '0.5' + chr(39))}",
                             f"feedback.score {self.pick('>', '>=', '<', '<=')} {self.pick(0, 0.5, 1)}", f"expectation.answer {self.pick('=', 'IS NULL', 'IS NOT NULL')} {text}".replace("NULL " + text, "NULL"),
                             f"client_request_id = {self.pick(chr(39) + 'c1' + chr(39))}", f"request_id LIKE {text}", f"end_time > {self.pick(0, 1767225601000)}", "prompt = 'p/1'", "prompt = 'p'",
                             "run_id = 'r1'", f"request_id IN ({', '.join(chr(39) + t + chr(39) for t in (self.traces or ['x'])[:2])})", "issue.id = 'x'",
                             'metadata.`mlflow.trace.tokenUsage` = \'{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}\'')
        return self.pick("bogus = 1", "bogus.x = 'y'", "status > 'OK'", "status = 5", "timestamp_ms LIKE 5", "tags.a > 'x'", "tags.a = 5", "span.odd = 'x'", "span.content = 'x'", "feedback.a = 5",
                         "feedback.a > 'x'", "execution_time IN ('a')", "prompt != 'p/1'", "name IN ('a', 'b')", "metadata.a IN ('x')", "status IS NULL", "issue.x = 'y'", "issue.id != 'y'",
                         "span.name > 'x'", "status = OK", "timestamp_ms =", "trace.odd = 'x'", "metadata.`mlflow.trace.cost` LIKE 'x'")

    def filter(self):
        return "" if self.chance(0.1) else " AND ".join(self.comparison() for _ in range(self.pick(1, 1, 1, 2, 2, 3)))

    def order(self):
        return self.pick([], [], ["timestamp_ms ASC"], ["execution_time DESC"], ["tags.stage"], ["name DESC", "timestamp"], ["request_id"], ["status"], ["metadata.`mlflow.trace.session`"],
                         ["metadata.a DESC"], ["bogus"], ["timestamp SIDEWAYS"], ["timestamp", "timestamp_ms DESC"], ["metadata.`mlflow.trace.cost`"])

    def search(self):
        experiments = [e for e in [self.experiment(), self.experiment()] if isinstance(e, str) and e]
        if self.chance(0.2):
            query = [("experiment_ids", e) for e in experiments] + [("filter", self.filter()), ("max_results", self.pick(1, 5, 500, 501, 0))]
            return ("GET", V2 + "traces?" + urllib.parse.urlencode(query, safe="<>"), None)
        return ("POST", V3 + "traces/search", {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": e}} for e in experiments], "filter": self.filter(),
                                               "order_by": self.order(), "max_results": self.pick(1, 3, 100, 500, 501, 0, -1, "5")})

    def tags(self):
        # The names of tags that both answers show are of those that a trace may have; the others are refused.
        version = self.pick(V2, V3)
        if self.chance(0.7):
            trace = self.random.choice(self.traces) if self.traces else "none"
            return ("PATCH", f"{version}traces/{trace}/tags", {"key": self.key(), "value": self.random.choice(self.VALUES)})
        return ("DELETE", f"{version}traces/{self.trace()}/tags", {"key": self.key()})

    def value(self):
        return self.pick(True, False, "yes", "no", "", 1, 0.5, 3, "text ü", ["a", 1], {"k": 2, "m": [True]}, "0.5", None)

    def assess(self):
        trace = self.random.choice(self.traces) if self.traces else "none"
        body = {"assessment_name": self.pick("good", "score", "answer", "größe"), "trace_id": trace, "source": {"source_type": self.pick("HUMAN", "LLM_JUDGE", "CODE"), "source_id": "ann"},
                "create_time": "2026-01-01T00:00:00Z", "last_update_time": "2026-01-01T00:00:00Z"}
        kind = self.pick("feedback", "feedback", "expectation", "expectation", "issue", "none")
        if kind == "feedback":
            body["feedback"] = {"value": self.value()}
            if self.chance(0.2):
                body["feedback"]["error"] = {"error_code": "E", "error_message": "bad", "stack_trace": self.pick("here", "x" * 1200)}
        if kind == "expectation":
            value = self.value()
            body["expectation"] = {"value": value} if not isinstance(value, (list, dict)) else {"serialized_value": {"serialization_format": self.pick("JSON_FORMAT", "JSON_FORMAT", "odd"),
                                                                                                                  "value": '{"k": [1, 2.5, "ü"]}'}}
        if kind == "issue":
            body["issue"] = {"issue_name": "an issue"}
        if self.chance(0.3):
            body["metadata"] = {"k": "v", "ü": "1"}
        if self.chance(0.3):
            body["rationale"] = "because"
        if self.chance(0.2):
            body["span_id"] = "0000000000000001"
        if self.chance(0.15):
            body["overrides"] = self.random.choice(self.assessments)[1] if self.assessments else "none"
        return ("POST", f"{V3}traces/{trace}/assessments", {"assessment": body})

    def change(self):
        trace, assessment = self.random.choice(self.assessments) if self.assessments and self.chance(0.9) else (self.trace(), "a-none")
        path = f"{V3}traces/{trace}/assessments/{assessment}"
        if self.chance(0.3):
            return ("GET", path, None)
        if self.chance(0.2):
            return ("DELETE", path, None)
        fields = self.random.sample(["assessmentName", "feedback", "expectation", "rationale", "metadata"], self.pick(1, 1, 2))
        return ("PATCH", path, {"assessment": {"assessment_name": "renamed", "trace_id": trace, "feedback": {"value": self.value()}, "rationale": "new", "metadata": {"m": "n"},
                                               "source": {"source_type": "HUMAN"}}, "update_mask": ",".join(f for f in fields if f != "expectation") or "rationale"})

    def old_trace(self):
        pairs = [{"key": key, "value": value} for key, value in self.map().items()]
        if not self.old or self.chance(0.5):
            return ("POST", V2 + "traces", {"experiment_id": str(self.experiment() or "0"), "timestamp_ms": self.pick(0, 1000, "1767225600000"), "request_metadata": pairs,
                                            "tags": [{"key": "stage", "value": "old"}]})
        return ("PATCH", f"{V2}traces/{self.random.choice(self.old)}", {"timestamp_ms": self.pick(500, 2000), "status": self.pick("OK", "ERROR", "IN_PROGRESS"),
                                                                       "request_metadata": pairs, "tags": pairs})

    def link(self):
        traces = [self.random.choice(self.traces)] if self.traces else ["x"]
        if self.chance(0.5):
            return ("POST", V2 + "traces/link-to-run", {"trace_ids": self.pick(traces, traces, [], ["x"] * 101), "run_id": self.pick("r1", "r1", "")})
        return ("POST", V2 + "traces/link-prompts", {"trace_id": self.trace(), "prompt_versions": [{"name": "p", "version": "1"}] * self.pick(0, 1, 2)})

    def correlate(self):
        return ("POST", V3 + "traces/calculate-filter-correlation", {"experiment_ids": ["0"], "filter_string1": self.comparison(), "filter_string2": self.comparison(),
                                                                   **({"base_filter": self.comparison()} if self.chance(0.3) else {})})

    def metrics(self):
        view = self.pick("TRACES", "SPANS", "ASSESSMENTS")
        name = self.pick(*{"TRACES": ["trace_count", "session_count", "latency", "input_tokens", "total_tokens", "cache_read_input_tokens"], "SPANS": ["span_count", "latency", "total_cost", "input_cost"],
                           "ASSESSMENTS": ["assessment_count", "assessment_value"]}[view], *(["bogus"] if self.chance(0.1) else []))
        kinds = ["COUNT"] if name.endswith("count") else ["AVG", "MIN", "MAX", "PERCENTILE"] + ([] if name in ("latency", "assessment_value") else ["SUM"])
        aggregations = [{"aggregation_type": kind, **({"percentile_value": self.pick(0, 50, 99.9, 100)} if kind == "PERCENTILE" else {})}
                        for kind in self.random.sample(kinds, self.pick(1, 1, len(kinds)))]
        if self.chance(0.08):
            aggregations = self.pick([], [{"aggregation_type": "PERCENTILE"}], [{"aggregation_type": "COUNT", "percentile_value": 5}], [{"aggregation_type": "SUM"}], [{"aggregation_type": "odd"}],
                                     [{"aggregation_type": "PERCENTILE", "percentile_value": 101}])
        known = {"trace_count": ["trace_name", "trace_status"], "span_count": ["span_name", "span_type", "span_status", "span_model_name", "span_model_provider"],
                 "total_cost": ["span_model_name"], "assessment_count": ["assessment_name", "assessment_value"], "assessment_value": ["assessment_name"], "session_count": []}
        dimensions = known.get(name, ["span_name" if view == "SPANS" else "trace_name"] if name == "latency" or "tokens" in name else [])
        body = {"experiment_ids": [e for e in ["0", self.experiment()] if isinstance(e, str) and e], "view_type": view, "metric_name": name, "aggregations": aggregations,
                "dimensions": self.random.sample(dimensions, self.pick(*range(len(dimensions) + 1))) if self.chance(0.95) else ["odd"]}
        if self.chance(0.4):
            body["filters"] = [self.pick("trace.status = 'OK'", "trace.tag.stage = 'dev'", "trace.tag.`mlflow.traceName` = 'chat'", "trace.metadata.`mlflow.trace.session` = 's1'",
                                         "trace.metadata.a = 'v'", "span.name = 'root'", "span.status = 'OK'", "assessment.name = 'good'", "assessment.type = 'feedback'", "trace.tag = 'x'", "bogus.x = 'y'",
                                         "trace.status != 'OK'", "trace.status = 5", "status = 'OK'", "trace.odd = 'x'", "span.name.x = 'y'", "trace.metadata.`mlflow.sourceRun` = 'r1'")
                               for _ in range(self.pick(1, 1, 2))]
        if self.chance(0.5):
            body.update({"start_time_ms": self.pick(0, 1767225600000), "end_time_ms": self.pick(1767225600000, "1767400000000", 0)})
        if self.chance(0.4):
            body["time_interval_seconds"] = self.pick(60, 3600, "86400")
        if self.chance(0.2):
            body["max_results"] = self.pick(0, 1, 2, 5)
        if self.chance(0.05):
            del body[self.pick("experiment_ids", "view_type", "metric_name", "aggregations")]
        return ("POST", V3 + "traces/metrics", body)

    def delete(self):
        body = {"experiment_id": str(self.experiment() or "0")}
        if self.chance(0.5):
            body["request_ids"] = [self.trace()]
        if self.chance(0.3):
            body["max_timestamp_millis"] = self.pick(0, 600)
        if self.chance(0.3):
            body["max_traces"] = self.pick(0, 1, -1)
        return ("POST", self.pick(V2, V3) + "traces/delete-traces", body)

    def learn(self, call, reference, ours, sides):
        """Takes the ids of what was made on both sides."""
        path = call[1]
        if call[0] == "POST" and path == V3 + "traces":
            trace = reference["trace"]["trace_info"]["trace_id"]
            if trace not in self.traces:
                self.traces.append(trace)
        elif path == V2 + "traces" and call[0] == "POST":
            self.old.append(self.remember("old", [answer["trace_info"]["request_id"] for answer in (reference, ours)], sides))
        elif path.endswith("/assessments") and call[0] == "POST":
            found = self.remember("assessment", [answer["assessment"]["assessment_id"] for answer in (reference, ours)], sides)
            self.assessments.append((reference["assessment"]["trace_id"], found))

    def remember(self, prefix, ids, sides):
        symbol = self.symbol(prefix)
        for side, each in zip(sides, ids):
            side.ids[symbol] = each
        return f"<{symbol}>"
