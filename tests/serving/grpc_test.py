#!/usr/bin/env python3
"""gRPC clients that people use, pinned, against `keelson serve --grpc-port`: kserve's InferenceGRPCClient, grpcurl and grpcio itself;
errors beside those of KServe's own server. (tritonclient.grpc has a program of its own: one process cannot hold the definitions of both.)

Usage: grpc_test.py KEELSON MODELS GRPCURL   with MODELS a folder of model files beside what the original library answers for them.
"""
import asyncio
import concurrent.futures
import json
import logging
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import unittest

import grpc
import numpy
from kserve import InferenceGRPCClient, InferInput, InferRequest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub, add_GRPCInferenceServiceServicer_to_server

from fixtures import bits, fixture
from replica import PATIENCE_S, Replica

KEELSON = sys.argv[1]
MODELS = pathlib.Path(sys.argv[2])
GRPCURL = sys.argv[3]


class WithReplica:
    @classmethod
    def setUpClass(cls):
        cls.replica = Replica(KEELSON, [f"soft={MODELS}/softprob.ubj", f"bin={MODELS}/logistic.ubj"], "--grpc-port", "0")
        cls.rows, cls.values = fixture(MODELS, "softprob")

    @classmethod
    def tearDownClass(cls):
        assert cls.replica.stop() == 0


class KserveGrpc(WithReplica, unittest.TestCase):
    def run_with(self, body):
        async def main():
            async with InferenceGRPCClient(self.replica.grpc) as client:
                return await body(client)
        return asyncio.run(main())

    def test_it(self):
        finite = numpy.nan_to_num(self.rows, nan=0, posinf=9, neginf=-9)

        async def body(client):
            self.assertTrue(await client.is_server_live())
            self.assertTrue(await client.is_server_ready())
            self.assertTrue(await client.is_model_ready("soft"))
            answers = []
            for raw in (False, True):
                tensor = InferInput("x", list(finite.shape), "FP32")
                tensor.set_data_from_numpy(finite, binary_data=raw)
                answer = await client.infer(InferRequest(model_name="soft", infer_inputs=[tensor]))
                self.assertEqual((answer.model_name, answer.model_version), ("soft", "1"))
                answers.append(bits(answer.outputs[0].as_numpy()))
            self.assertEqual(answers[0], answers[1])
            half = InferInput("x", [1, 5], "FP16")
            half.set_data_from_numpy(numpy.ones((1, 5), numpy.float16), binary_data=True)
            one = await client.infer(InferRequest(model_name="soft", infer_inputs=[half]))
            self.assertEqual(len(one.outputs[0].as_numpy().ravel()), 3)
        self.run_with(body)

    def test_typed_contents_of_every_kind(self):
        with grpc.insecure_channel(self.replica.grpc) as channel:
            stub = GRPCInferenceServiceStub(channel)

            def ask(datatype, **contents):
                answer = stub.ModelInfer(pb.ModelInferRequest(model_name="soft", inputs=[{
                    "name": "x", "datatype": datatype, "shape": [1, 5], "contents": contents}]), timeout=PATIENCE_S)
                self.assertFalse(answer.raw_output_contents)
                return list(answer.outputs[0].contents.fp32_contents)
            whole = [1, 0, 1, 1, 0]
            expected = ask("FP32", fp32_contents=whole)
            for datatype, field in [("BOOL", "bool"), ("INT8", "int"), ("INT16", "int"), ("INT32", "int"), ("INT64", "int64"),
                                    ("UINT8", "uint"), ("UINT16", "uint"), ("UINT32", "uint"), ("UINT64", "uint64"), ("FP64", "fp64")]:
                self.assertEqual(ask(datatype, **{f"{field}_contents": whole}), expected)
            for datatype, contents, message in [
                    ("FP16", {"fp32_contents": whole}, "FP16 has no typed contents; send it in raw_input_contents"),
                    ("BF16", {}, "BF16 has no typed contents; send it in raw_input_contents"),
                    ("INT32", {"fp32_contents": whole}, "has fp32_contents, expected int_contents for INT32"),
                    ("FP32", {"fp32_contents": whole[:4]}, "has 4 elements in fp32_contents, expected 5 for shape [1,5]"),
                    ("INT8", {"int_contents": [1, 0, 1, 1, 300]}, "value 4 of int_contents is 300, which INT8 does not hold"),
                    ("FP99", {"fp32_contents": whole}, 'unknown datatype "FP99"')]:
                with self.assertRaises(grpc.RpcError) as caught:
                    ask(datatype, **contents)
                self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
                self.assertIn(message, caught.exception.details())


class BesideKserve(WithReplica, unittest.TestCase):
    """Errors whose code and message KServe's own servicer gives: the same."""

    CASES = {
        "unknown model": pb.ModelInferRequest(model_name="none", inputs=[{"name": "x", "datatype": "FP32", "shape": [1, 5],
                                                                          "contents": {"fp32_contents": [1] * 5}}]),
        "too few raw contents": pb.ModelInferRequest(
            model_name="soft", inputs=[{"name": name, "datatype": "FP32", "shape": [1, 5]} for name in "xy"],
            raw_input_contents=[bytes(20)]),
        "too many raw contents": pb.ModelInferRequest(
            model_name="soft", inputs=[{"name": "x", "datatype": "FP32", "shape": [1, 5]}], raw_input_contents=[bytes(20)] * 2),
        "both contents": pb.ModelInferRequest(
            model_name="soft", raw_input_contents=[bytes(20)],
            inputs=[{"name": "x", "datatype": "FP32", "shape": [1, 5], "contents": {"fp32_contents": [1] * 5}}]),
    }

    async def of_kserve(self):
        logging.disable(logging.ERROR)  # it writes a stack trace for each
        from kserve import Model, ModelRepository
        from kserve.protocol.dataplane import DataPlane
        from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
        from kserve.protocol.grpc.servicer import InferenceServicer
        from kserve.protocol.model_repository_extension import ModelRepositoryExtension

        class Soft(Model):
            def load(self):
                self.ready = True
                return True
        repository = ModelRepository()
        model = Soft("soft")
        model.load()
        repository.update(model)
        server = grpc.aio.server(interceptors=[ExceptionToStatusInterceptor()])
        add_GRPCInferenceServiceServicer_to_server(
            InferenceServicer(DataPlane(repository), ModelRepositoryExtension(repository)), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            return await self.errors(f"127.0.0.1:{port}")
        finally:
            await server.stop(None)

    async def errors(self, address):
        async with grpc.aio.insecure_channel(address) as channel:
            stub = GRPCInferenceServiceStub(channel)
            found = {}
            for name, request in self.CASES.items():
                try:
                    await stub.ModelInfer(request, timeout=PATIENCE_S)
                    found[name] = None
                except grpc.aio.AioRpcError as error:
                    found[name] = (error.code(), error.details())
            return found

    def test_errors(self):
        theirs = asyncio.run(self.of_kserve())
        self.assertNotIn(None, theirs.values())
        self.assertEqual(asyncio.run(self.errors(self.replica.grpc)), theirs)


class Grpcurl(WithReplica, unittest.TestCase):
    def run_it(self, *arguments, address=None):
        done = subprocess.run([GRPCURL, "-plaintext", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=PATIENCE_S)
        return done.returncode, done.stdout

    def test_lists_describes_and_calls(self):
        address = self.replica.grpc
        code, services = self.run_it(address, "list")
        self.assertEqual((code, services.split()), (0, ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                                                        "grpc.reflection.v1alpha.ServerReflection",
                                                        "inference.GRPCInferenceService"]))
        code, text = self.run_it(address, "describe", "inference.ModelInferRequest")
        self.assertIn("repeated bytes raw_input_contents = 7;", text)
        code, text = self.run_it(address, "describe", "inference.GRPCInferenceService.ModelStreamInfer")
        self.assertIn("rpc ModelStreamInfer ( stream .inference.ModelInferRequest )", text)
        self.assertNotEqual(self.run_it(address, "describe", "inference.Nothing")[0], 0)
        code, text = self.run_it("-d", '{"service": "inference.GRPCInferenceService"}', address, "grpc.health.v1.Health/Check")
        self.assertEqual((code, json.loads(text)), (0, {"status": "SERVING"}))
        code, text = self.run_it("-d", '{"service": "none"}', address, "grpc.health.v1.Health/Check")
        self.assertIn("NotFound", text)
        request = {"model_name": "soft", "inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 5],
                                                     "contents": {"fp32_contents": [1, 2, 3, 4, 5]}}]}
        code, text = self.run_it("-d", json.dumps(request), address, "inference.GRPCInferenceService/ModelInfer")
        self.assertEqual(code, 0, text)
        rest = self.replica.infer("soft", [[1, 2, 3, 4, 5]])
        self.assertEqual(bits(numpy.array(json.loads(text)["outputs"][0]["contents"]["fp32Contents"])), bits(numpy.array(rest)))

    def test_the_elder_reflection(self):
        with grpc.insecure_channel(self.replica.grpc) as channel:
            for version in ("v1", "v1alpha"):
                ask = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")
                answers = list(ask(iter([b"\x3a\x00", b"\x22\x04none"]), timeout=PATIENCE_S))  # the services; an unknown symbol
                self.assertIn(b"inference.GRPCInferenceService", answers[0])
                self.assertIn(b"Symbol not found: none", answers[1])


class Access(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(cls.folder.name)

        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out",
                "ca.pem", "-subj", "/CN=authority", "-days", "2")
        for name in ("server", "person"):
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out",
                    f"{name}.csr", "-subj", f"/CN={name}")
            (folder / "extensions").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
                    f"{name}.pem", "-days", "2", "-extfile", "extensions")
            (folder / f"{name}.key").chmod(0o600)
        cls.read = staticmethod(lambda name: (folder / name).read_bytes())
        cls.replica = Replica(KEELSON, [f"bin={MODELS}/logistic.ubj"], "--grpc-port", "0", "--tls-cert", f"{folder}/server.pem",
                              "--tls-key", f"{folder}/server.key", "--tls-client-ca", f"{folder}/ca.pem", "--token-file",
                              f"{folder}/token")

    @classmethod
    def tearDownClass(cls):
        assert cls.replica.stop() == 0
        cls.folder.cleanup()

    def ask(self, credentials, *, health=False, metadata=()):
        with grpc.secure_channel(self.replica.grpc, credentials) as channel:
            method = "/grpc.health.v1.Health/Check" if health else "/inference.GRPCInferenceService/RepositoryIndex"
            try:
                channel.unary_unary(method)(b"", metadata=metadata, timeout=PATIENCE_S)
                return grpc.StatusCode.OK
            except grpc.RpcError as error:
                return error.code()

    def test_tls_certificates_and_tokens(self):
        known = grpc.ssl_channel_credentials(self.read("ca.pem"))
        person = grpc.ssl_channel_credentials(self.read("ca.pem"), self.read("person.key"), self.read("person.pem"))
        code = grpc.StatusCode
        self.assertEqual(self.ask(known), code.UNAUTHENTICATED)
        self.assertEqual(self.ask(known, health=True), code.OK)
        self.assertEqual(self.ask(known, metadata=[("authorization", "Bearer wrong")]), code.UNAUTHENTICATED)
        self.assertEqual(self.ask(known, metadata=[("authorization", f"Bearer {self.replica.token}")]), code.OK)
        self.assertEqual(self.ask(person), code.OK)
        self.assertEqual(self.ask(person, metadata=[("origin", "https://elsewhere.example")]), code.PERMISSION_DENIED)
        self.assertEqual(self.ask(grpc.ssl_channel_credentials()), code.UNAVAILABLE)  # the server's authority is not known


class Drain(unittest.TestCase):
    def test_no_call_is_lost_and_each_is_in_the_payload_log(self):
        with tempfile.TemporaryDirectory() as folder:
            replica = Replica(KEELSON, [f"soft={MODELS}/softprob.ubj"], "--grpc-port", "0", "--payload-log", folder)
            answered, problems, begun = set(), [], threading.Event()
            request = pb.ModelInferRequest(model_name="soft", inputs=[{"name": "x", "datatype": "FP32", "shape": [1, 5],
                                                                       "contents": {"fp32_contents": [1, 2, 3, 4, 5]}}])

            def ask(worker):
                with grpc.insecure_channel(replica.grpc, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
                    stub = GRPCInferenceServiceStub(channel)
                    for i in range(100_000):
                        mine = pb.ModelInferRequest()
                        mine.CopyFrom(request)
                        mine.id = f"drain-{worker}-{i}."
                        try:
                            stub.ModelInfer(mine, timeout=PATIENCE_S)
                        except grpc.RpcError as error:
                            if error.code() != grpc.StatusCode.UNAVAILABLE:
                                problems.append((error.code(), error.details()))
                            return
                        answered.add(mine.id)
                        if len(answered) > 200:
                            begun.set()
            with grpc.insecure_channel(replica.grpc) as channel, concurrent.futures.ThreadPoolExecutor(9) as pool:
                states = channel.unary_stream("/grpc.health.v1.Health/Watch")(b"", timeout=PATIENCE_S)
                self.assertEqual(next(states), b"\x08\x01")
                workers = [pool.submit(ask, worker) for worker in range(8)]
                self.assertTrue(begun.wait(PATIENCE_S))
                self.assertEqual(replica.stop(), 0)
                for worker in workers:
                    worker.result(PATIENCE_S)
                self.assertEqual(next(states), b"\x08\x02")
                with self.assertRaises(grpc.RpcError) as caught:
                    next(states)
                self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
            self.assertEqual(problems, [])
            logged = set()
            for segment in pathlib.Path(folder).glob("*.seg"):
                logged.update(text.decode() for text in re.findall(rb"drain-\d+-\d+\.", segment.read_bytes()))
            # Nothing was predicted whose answer did not arrive, and all that arrived is on disk.
            self.assertEqual(logged, answered)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[4:], verbosity=2)
