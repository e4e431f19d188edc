"""OpenTelemetry's own exporter, without MLflow, against our server: spans come in batches, compressed, and read back over the API."""
import json
import pathlib
import sys
import tempfile
import unittest
import urllib.parse

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import servers

KEELSON = sys.argv.pop(1)


class Exporter(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.server = servers.keelson(KEELSON, pathlib.Path(self.folder.name))
        self.addCleanup(self.folder.cleanup)
        self.addCleanup(self.server.stop)

    def call(self, method, path, body=None):
        status, answer = servers.call(self.server.address, method, "/api/3.0/mlflow/" + path, body)
        self.assertEqual(status, 200, answer)
        return answer

    def test_spans_of_another_program_become_traces(self):
        for compression in (Compression.NoCompression, Compression.Gzip, Compression.Deflate):
            with self.subTest(compression):
                exporter = OTLPSpanExporter(endpoint=self.server.address + "/v1/traces", headers={"x-mlflow-experiment-id": "0"}, compression=compression)
                provider = TracerProvider(resource=Resource({"service.name": "shop", "host.name": "here"}))
                provider.add_span_processor(BatchSpanProcessor(exporter))
                tracer = provider.get_tracer("tests")
                with tracer.start_as_current_span("checkout", attributes={"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 4,
                                                                          "input.value": "größe?", "session.id": "s-" + compression.value, "list": [1, 2]}) as root:
                    for number in range(600):  # more than one batch
                        with tracer.start_as_current_span(f"step {number}") as span:
                            span.add_event("tried", {"times": number})
                    with tracer.start_as_current_span("failed", links=[trace.Link(root.get_span_context())]) as span:
                        span.record_exception(ValueError("no"))
                        span.set_status(trace.StatusCode.ERROR, "no stock")
                self.assertTrue(provider.force_flush(60_000))
                provider.shutdown()
                found = self.call("POST", "traces/search", {"locations": [{"mlflow_experiment": {"experiment_id": "0"}}],
                                                            "filter": f"metadata.`mlflow.trace.session` = 's-{compression.value}' AND span.name = 'failed'"})["traces"]
                self.assertEqual(len(found), 1)
                info = found[0]
                self.assertEqual(info["trace_id"], f"tr-{root.get_span_context().trace_id:032x}")
                self.assertEqual(info["state"], "OK")
                self.assertEqual(info["request_preview"], '"größe?"')
                self.assertEqual(info["tags"]["host.name"], "here")
                self.assertEqual(json.loads(info["trace_metadata"]["mlflow.trace.tokenUsage"]), {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7})
                whole = self.call("GET", "traces/get?" + urllib.parse.urlencode({"trace_id": info["trace_id"]}))["trace"]
                self.assertEqual(len(whole["spans"]), 602)
                self.assertEqual(whole["spans"][0]["name"], "checkout")
                failed = next(span for span in whole["spans"] if span["name"] == "failed")
                self.assertEqual(failed["status"], {"message": "no stock", "code": "STATUS_CODE_ERROR"})
                self.assertEqual(failed["events"][0]["name"], "exception")
                self.assertEqual(len(failed["links"]), 1)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
