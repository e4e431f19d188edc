#!/usr/bin/env python3
"""A project's endpoint behind `keelson server --grpc-port`, asked by gRPC as by REST: tritonclient (both), kserve's gRPC client,
grpcurl. The project is the faults suite's shop: features are looked up, and its second version has a quarter of the requests.

Usage: edge_test.py KEELSON FOLDER GRPCURL
"""
import concurrent.futures
import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request

import grpc
import numpy
import tritonclient.grpc as triton
import tritonclient.http as triton_http
from google.protobuf import json_format
from tritonclient.grpc import model_config_pb2
from tritonclient.utils import InferenceServerException

from fixtures import bits

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "faults"), str(TESTS / "tls")]
import certificates  # noqa: E402
import server as servers  # noqa: E402
import shop  # noqa: E402

KEELSON = sys.argv[1]
FOLDER = pathlib.Path(sys.argv[2]).resolve()
GRPCURL = sys.argv[3]
PATIENCE_S = 120
ENDPOINT = "parcels"
CANARY = 0.25


def wait_for(what, reached):
    until = time.monotonic() + PATIENCE_S
    while not reached():
        if time.monotonic() > until:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.05)


def grpc_address(server):
    found = []
    wait_for("the address for gRPC", lambda: found.extend(re.findall(r" and grpcs?://(\S+)", server.log.read_text())) or found)
    return found[-1]


def triton_config_json(message):
    """A ModelConfig as Triton's server prints it: every plain field, and its 64-bit integers as numbers."""
    said = json_format.MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    for tensor in said["input"] + said["output"]:
        tensor["dims"] = [int(length) for length in tensor["dims"]]
    return said


class Edge(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        here = FOLDER / "edge"
        here.mkdir()
        cls.server = servers.Server(KEELSON, here, arguments=("--grpc-port", "0"))
        cls.addClassCleanup(cls.server.clean)
        cls.server.start().wait_ready()
        cls.grpc = grpc_address(cls.server)
        cls.project = here / "project"
        shop.write_project(cls.project, search=False)
        cls.succeeds("apply")
        cls.succeeds("run", ENDPOINT, "--as-of", shop.REPLAY_FROM, "--follow")
        cls.move_clock("00:00:01")
        cls.succeeds("promote", ENDPOINT, "1")
        cls.change({"rounds: 20": "rounds: 25"})
        cls.succeeds("run", ENDPOINT, "--follow")
        cls.move_clock("01:00:00")  # the second version is there, and its canary's first step lasts till noon
        cls.rows = shop.pushed_rows(cls.project, "p043-")
        wait_for("the canary", lambda: cls.shares() == {"1": 75, "2": 25})

    @classmethod
    def succeeds(cls, *arguments):
        done = cls.server.run(*arguments, cwd=cls.project)
        assert done.returncode == 0, f"keelson {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout

    @classmethod
    def change(cls, words):
        file = cls.project / "keelson.yaml"
        text = file.read_text()
        for old, new in words.items():
            assert old in text, old
            text = text.replace(old, new)
        file.write_text(text)
        cls.succeeds("apply")

    @classmethod
    def move_clock(cls, time_of_day):
        def reached():
            status, said = cls.server.post(f"/api/keelson/v1/projects/{ENDPOINT}/clock", {"to": f"{shop.REPLAY_FROM}T{time_of_day}Z"})
            assert status == 200, said
            return said["reached"]
        wait_for(f"the clock at {time_of_day}", reached)

    @classmethod
    def shares(cls):
        described = json.loads(cls.succeeds("describe", "project", ENDPOINT, "-o", "json"))
        versions = (described.get("endpoint") or {}).get("versions", [])
        return {str(version["version"]): version["weight"] for version in versions}

    @classmethod
    def replicas(cls):
        return cls.server.children()["serve"]

    def setUp(self):
        self.client = triton.InferenceServerClient(self.grpc)
        self.addCleanup(self.client.close)
        self.rest = triton_http.InferenceServerClient(self.server.address.removeprefix("http://"), concurrency=2)
        self.addCleanup(self.rest.close)

    def row(self, number):
        return {name: self.rows[number % len(self.rows)][name] for name in ("depot", "weight", "distance")}

    def tensors(self, row, kind=triton):
        tensors = [kind.InferInput("depot", [1], "BYTES")]
        tensors[0].set_data_from_numpy(numpy.array([row["depot"]], object))
        for name in ("weight", "distance"):
            tensors.append(kind.InferInput(name, [1], "FP64"))
            tensors[-1].set_data_from_numpy(numpy.array([row[name]]))
        return tensors

    def ask(self, row, request_id, **options):
        return self.client.infer(ENDPOINT, self.tensors(row), request_id=request_id, client_timeout=PATIENCE_S, **options)

    def ask_rest(self, row, request_id, **options):
        return self.rest.infer(ENDPOINT, self.tensors(row, triton_http), request_id=request_id, **options)

    def output(self, answer):
        (output,) = answer.get_response()["outputs"] if isinstance(answer.get_response(), dict) else answer.get_response().outputs
        return bits(answer.as_numpy(output["name"] if isinstance(output, dict) else output.name))

    def test_a_request_has_the_version_and_the_answer_that_it_has_by_rest(self):
        versions = {}
        for number in range(120):
            name = f"same-{number}"
            answer, rest = self.ask(self.row(number), name), self.ask_rest(self.row(number), name)
            versions[name] = answer.get_response().model_version
            self.assertEqual((answer.get_response().id, versions[name]), (name, rest.get_response()["model_version"]))
            self.assertEqual(self.output(answer), self.output(rest))
        share = list(versions.values()).count("2") / len(versions)
        self.assertLess(abs(share - CANARY), 0.15, versions)
        for name, version in list(versions.items())[:20]:
            self.assertEqual(self.ask(self.row(0), name).get_response().model_version, version)

    def test_typed_contents_get_the_same_features(self):
        with grpc.insecure_channel(self.grpc) as channel:
            ask = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer",
                                      request_serializer=triton.service_pb2.ModelInferRequest.SerializeToString,
                                      response_deserializer=triton.service_pb2.ModelInferResponse.FromString)
            row = self.row(3)
            request = triton.service_pb2.ModelInferRequest(model_name=ENDPOINT, id="typed", inputs=[
                {"name": "depot", "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": [row["depot"].encode()]}},
                *({"name": name, "datatype": "FP64", "shape": [1], "contents": {"fp64_contents": [row[name]]}}
                  for name in ("weight", "distance"))])
            answer = ask(request, timeout=PATIENCE_S)
            self.assertFalse(answer.raw_output_contents)
            typed = numpy.array(answer.outputs[0].contents.fp32_contents, numpy.float32)
            self.assertEqual(bits(typed), self.output(self.ask(row, "typed")))

    def test_a_version_is_asked_whatever_the_split_says(self):
        for number in range(12):
            for version in ("1", "2"):
                name = f"pinned-{number}"
                answer = self.ask(self.row(number), name, model_version=version)
                rest = self.ask_rest(self.row(number), name, model_version=version)
                self.assertEqual((answer.get_response().model_version, rest.get_response()["model_version"]), (version, version))
                self.assertEqual(self.output(answer), self.output(rest))
        words = f"Model with name {ENDPOINT} has no version 3; it has: 1, 2"
        with self.assertRaises(InferenceServerException) as caught:
            self.ask(self.row(0), "x", model_version="3")
        self.assertEqual((caught.exception.status(), caught.exception.message()), ("StatusCode.NOT_FOUND", words))
        with self.assertRaises(InferenceServerException) as caught:
            self.ask_rest(self.row(0), "x", model_version="3")
        self.assertIn(words, caught.exception.message())
        for path in ("", "/ready", "/config", "/stats"):
            with self.assertRaises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(f"{self.server.address}/v2/models/{ENDPOINT}/versions/3{path}", timeout=PATIENCE_S)
            self.assertEqual((caught.exception.code, json.load(caught.exception)), (404, {"error": words}), path)
            caught.exception.close()

    def test_the_endpoint_describes_itself(self):
        for client in (self.client, self.rest):
            self.assertTrue(client.is_server_live() and client.is_server_ready() and client.is_model_ready(ENDPOINT))
            self.assertTrue(client.is_model_ready(ENDPOINT, "1") and client.is_model_ready(ENDPOINT, "2"))
            self.assertFalse(client.is_model_ready(ENDPOINT, "3") or client.is_model_ready("none"))
        described = self.client.get_model_metadata(ENDPOINT, as_json=True)
        by_rest = self.rest.get_model_metadata(ENDPOINT)
        self.assertEqual(described["versions"], ["1", "2"])
        self.assertEqual(by_rest["versions"], ["1", "2"])
        names = {tensor["name"] for tensor in described["inputs"]}
        self.assertEqual(names, {"depot", "weight", "distance"}, "and none that is looked up")
        self.assertEqual({tensor["name"] for tensor in by_rest["inputs"]}, names)
        self.assertEqual(self.client.get_server_metadata(as_json=True), self.rest.get_server_metadata())
        rows = self.client.get_model_repository_index(as_json=True)["models"]
        self.assertEqual(rows, [{"name": ENDPOINT, "version": version, "state": "READY"} for version in ("1", "2")])
        self.assertEqual([row["version"] for row in self.rest.get_model_repository_index()], ["1", "2"])
        for call in (self.client.load_model, self.client.unload_model):
            with self.assertRaisesRegex(InferenceServerException, "keelson promote"):
                call(ENDPOINT)

    def test_the_configuration_is_as_triton_prints_it(self):
        for version in ("", "2"):
            printed = self.rest.get_model_config(ENDPOINT, version)
            by_grpc = self.client.get_model_config(ENDPOINT, version).config
            self.assertEqual(printed, triton_config_json(by_grpc))
            self.assertEqual(json_format.ParseDict(printed, model_config_pb2.ModelConfig()), by_grpc)
            self.assertEqual({tensor["name"] for tensor in printed["input"]}, {"depot", "weight", "distance"})

    def test_statistics_metrics_and_the_payload_log_count_it(self):
        def gateway_count():
            with urllib.request.urlopen(f"{self.server.address}/metrics", timeout=PATIENCE_S) as answer:
                lines = re.findall(rf'keelson_gateway_requests_total\{{endpoint="{ENDPOINT}",version="2"\}} (\d+)', answer.read().decode())
            return int(lines[0])

        def replica_count():
            return self.client.get_inference_statistics(ENDPOINT, "2").model_stats[0].inference_count
        replica_before, gateway_before = replica_count(), gateway_count()
        for number in range(15):
            self.ask(self.row(number), f"logged-{number}.", model_version="2")
        self.assertEqual(replica_count() - replica_before, 15)
        self.assertEqual(gateway_count() - gateway_before, 15 + 1)  # and the one for the statistics
        with self.assertRaisesRegex(InferenceServerException, "name a model"):
            self.client.get_inference_statistics()
        segments = b"".join(path.read_bytes() for path in (self.server.data / f"projects/{ENDPOINT}/payload/2").rglob("*.seg"))
        self.assertEqual(len(set(re.findall(rb"logged-\d+\.", segments))), 15)

    def test_a_stream_answers_in_order_and_outlives_errors(self):
        answers = queue.Queue()
        self.client.start_stream(lambda result, error: answers.put((result, error)))
        for number in range(40):
            wrong = number % 10 == 3
            self.client.async_stream_infer("none" if wrong else ENDPOINT, self.tensors(self.row(number)), request_id=str(number),
                                           enable_empty_final_response=True)
        for number in range(40):
            result, error = answers.get(timeout=PATIENCE_S)
            if number % 10 == 3:
                self.assertEqual(error.message(), "Model with name none does not exist.")
                continue
            self.assertIsNone(error)
            self.assertEqual(result.get_response().id, str(number))
            self.assertTrue(result.get_response().parameters["triton_final_response"].bool_param)
        self.client.stop_stream()

    def test_parameters_give_margin_leaves_and_contributions(self):
        for kind in ("value", "margin", "leaves", "contributions"):
            options = {"parameters": {"predict": kind}, "model_version": "2"}
            self.assertEqual(self.output(self.ask(self.row(1), "k", **options)), self.output(self.ask_rest(self.row(1), "k", **options)))
        with self.assertRaises(InferenceServerException) as caught:
            self.ask(self.row(1), "k", parameters={"predict": "nothing"})
        self.assertEqual(caught.exception.status(), "StatusCode.INVALID_ARGUMENT")

    def test_errors_are_the_protocols(self):
        row = self.row(0)
        for call, status, words in [
                (lambda: self.client.infer("none", self.tensors(row)), "NOT_FOUND", "Model with name none does not exist."),
                (lambda: self.client.get_model_metadata("none"), "NOT_FOUND", "Model with name none does not exist."),
                (lambda: self.client.infer(ENDPOINT, self.tensors(row)[1:]), "INVALID_ARGUMENT", 'input "depot" is missing'),
                (lambda: self.client.infer(ENDPOINT, self.tensors(row)[:2]), "INVALID_ARGUMENT", "distance"),
                (lambda: self.client.get_system_shared_memory_status(), "UNIMPLEMENTED", "unknown method")]:
            with self.assertRaises(InferenceServerException) as caught:
                call()
            self.assertEqual(caught.exception.status(), f"StatusCode.{status}")
            self.assertIn(words, caught.exception.message())

    def test_kserve(self):
        row = self.row(5)
        done = subprocess.run([sys.executable, str(TESTS / "serving/edge_kserve.py"), self.grpc, ENDPOINT, json.dumps(row), "kserve-1"],
                              capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout.splitlines()[-1])
        known = self.ask(row, "kserve-1")
        self.assertEqual((said["ready"], said["id"], said["version"]), ([True] * 3, "kserve-1", known.get_response().model_version))
        self.assertEqual(bits(numpy.array(said["outputs"][0], numpy.float32)), self.output(known))

    def test_grpcurl(self):
        def run(*arguments):
            done = subprocess.run([GRPCURL, "-plaintext", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=PATIENCE_S)
            self.assertEqual(done.returncode, 0, done.stdout)
            return done.stdout
        self.assertIn("inference.GRPCInferenceService", run(self.grpc, "list").split())
        health = run("-d", '{"service": "inference.GRPCInferenceService"}', self.grpc, "grpc.health.v1.Health/Check")
        self.assertEqual(json.loads(health), {"status": "SERVING"})
        row = self.row(7)
        inputs = [{"name": "depot", "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": ["bm9ydGg="]}}]
        inputs += [{"name": name, "datatype": "FP64", "shape": [1], "contents": {"fp64_contents": [row[name]]}}
                   for name in ("weight", "distance")]
        request = {"model_name": ENDPOINT, "id": "curl", "inputs": inputs}
        said = json.loads(run("-d", json.dumps(request), self.grpc, "inference.GRPCInferenceService/ModelInfer"))
        known = self.ask({**row, "depot": "north"}, "curl")
        self.assertEqual(bits(numpy.array(said["outputs"][0]["contents"]["fp32Contents"])), self.output(known))

    def test_no_call_fails_when_its_replica_is_killed(self):
        def ask(worker):
            client = triton.InferenceServerClient(self.grpc)
            try:
                for number in range(60):
                    client.infer(ENDPOINT, self.tensors(self.row(number)), request_id=f"killed-{worker}-{number}", model_version="1",
                                 client_timeout=PATIENCE_S)
                    counts[worker] = number
            finally:
                client.close()
        counts = [0] * 4
        with concurrent.futures.ThreadPoolExecutor(len(counts)) as pool:
            workers = [pool.submit(ask, worker) for worker in range(len(counts))]
            wait_for("some answers", lambda: min(counts) > 5 or all(worker.done() for worker in workers))
            for pid, words in list(self.server.processes("serve")):
                if words[words.index("--version") + 1] == "1":
                    os.kill(pid, signal.SIGKILL)
            for worker in workers:
                worker.result(PATIENCE_S)

    def test_z_a_sleeping_endpoint_is_woken(self):
        self.succeeds("promote", ENDPOINT, "2")
        self.change({"replicas: {min: 1, max: 2,": "replicas: {min: 0, max: 1, idle: 1s,"})
        wait_for("that the model sleeps", lambda: not self.replicas())
        self.assertTrue(self.client.is_model_ready(ENDPOINT))
        answers = queue.Queue()
        for number in range(10):
            self.client.async_infer(ENDPOINT, self.tensors(self.row(number)), lambda result, error: answers.put((result, error)))
        for _ in range(10):
            result, error = answers.get(timeout=PATIENCE_S)
            self.assertIsNone(error)
            self.assertEqual(result.get_response().model_version, "2")
        self.assertEqual(self.server.stop(), 0)


class Access(unittest.TestCase):
    """The port for gRPC lets in whom the one for REST lets in."""

    def start(self, name, *arguments):
        here = FOLDER / name
        here.mkdir()
        server = servers.Server(KEELSON, here, arguments=("--grpc-port", "0", *map(str, arguments)))
        self.addCleanup(server.clean)
        server.start()
        return server, grpc_address(server).rsplit(":", 1)[1]

    def ask(self, channel, *, health=False, metadata=()):
        with channel:
            method = "/grpc.health.v1.Health/Check" if health else "/inference.GRPCInferenceService/RepositoryIndex"
            try:
                channel.unary_unary(method)(b"", metadata=metadata, timeout=PATIENCE_S)
                return grpc.StatusCode.OK
            except grpc.RpcError as error:
                return error.code()

    def test_loopback_asks_for_nothing_and_lets_no_page_in(self):
        _, port = self.start("loopback")
        self.assertEqual(self.ask(grpc.insecure_channel(f"127.0.0.1:{port}")), grpc.StatusCode.OK)
        self.assertEqual(self.ask(grpc.insecure_channel(f"127.0.0.1:{port}"), metadata=[("origin", "https://elsewhere.example")]),
                         grpc.StatusCode.PERMISSION_DENIED)
        done = subprocess.run([KEELSON, "server", "--data", str(FOLDER / "other"), "--port", "0", "--grpc-port", port],
                              capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(port, done.stderr)

    def test_tokens_and_certificates(self):
        folder = FOLDER / "certificates"
        folder.mkdir()
        authority = certificates.Authority(folder, "authority")
        certificate, key = authority.issue("box")
        mine = authority.issue("me", "DNS:me")
        server, port = self.start("beyond", "--host", "0.0.0.0", "--tls-cert", certificate, "--tls-key", key, "--tls-client-ca",
                                  authority.ca)
        token = re.search(r"token \(shown this once\): (\S+)", server.log.read_text())[1]
        ca = authority.ca.read_bytes()
        known = grpc.ssl_channel_credentials(ca)
        person = grpc.ssl_channel_credentials(ca, mine[1].read_bytes(), mine[0].read_bytes())

        def ask(credentials, **options):
            return self.ask(grpc.secure_channel(f"localhost:{port}", credentials), **options)
        code = grpc.StatusCode
        self.assertEqual(ask(known), code.UNAUTHENTICATED)
        self.assertEqual(ask(known, health=True), code.OK)
        self.assertEqual(ask(known, metadata=[("authorization", "Bearer wrong")]), code.UNAUTHENTICATED)
        self.assertEqual(ask(known, metadata=[("authorization", f"Bearer {token}")]), code.OK)
        self.assertEqual(ask(person), code.OK)
        self.assertEqual(self.ask(grpc.insecure_channel(f"localhost:{port}")), code.UNAVAILABLE)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[4:], verbosity=2)
