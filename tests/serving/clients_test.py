#!/usr/bin/env python3
"""The clients that people use, pinned, against `keelson serve`: tritonclient.http and kserve's InferenceRESTClient.

Usage: clients_test.py KEELSON MODELS   with MODELS a folder of model files beside what the original library answers for them.
"""
import asyncio
import collections
import json
import pathlib
import sys
import unittest

import httpx
import numpy
import tritonclient.http as triton
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from tritonclient.utils import InferenceServerException

from fixtures import fixture
from replica import Replica

KEELSON = sys.argv[1]
MODELS = pathlib.Path(sys.argv[2])


class WithReplica:
    @classmethod
    def setUpClass(cls):
        cls.replica = Replica(KEELSON, [f"soft={MODELS}/softprob.ubj", f"bin={MODELS}/logistic.ubj"])
        cls.rows, cls.values = fixture(MODELS, "softprob")

    @classmethod
    def tearDownClass(cls):
        assert cls.replica.stop() == 0


class TritonClient(WithReplica, unittest.TestCase):
    def setUp(self):
        self.client = triton.InferenceServerClient(f"127.0.0.1:{self.replica.port}", network_timeout=120)
        self.addCleanup(self.client.close)

    def infer(self, rows, datatype="FP32", binary_in=True, binary_out=True, **options):
        tensor = triton.InferInput("x", list(rows.shape), datatype)
        tensor.set_data_from_numpy(rows, binary_data=binary_in)
        outputs = [triton.InferRequestedOutput("predict", binary_data=binary_out)]
        return self.client.infer("soft", [tensor], outputs=outputs, **options)

    def test_health_and_metadata(self):
        self.assertTrue(self.client.is_server_live())
        self.assertTrue(self.client.is_server_ready())
        self.assertTrue(self.client.is_model_ready("soft"))
        self.assertTrue(self.client.is_model_ready("soft", "1"))
        self.assertFalse(self.client.is_model_ready("soft", "2"))
        self.assertFalse(self.client.is_model_ready("none"))
        server = self.client.get_server_metadata()
        self.assertEqual(server["name"], "keelson")
        self.assertIn("binary_tensor_data", server["extensions"])
        model = self.client.get_model_metadata("soft", "1")
        self.assertEqual(model["inputs"], [{"name": "input-0", "datatype": "FP32", "shape": [-1, 5]}])
        self.assertEqual(model["outputs"], [{"name": "predict", "datatype": "FP32", "shape": [-1, 3]}])

    def test_the_librarys_bits_by_json_and_binary_both_ways(self):
        finite = numpy.nan_to_num(self.rows, nan=0, posinf=1e30, neginf=-1e30)
        expected = self.infer(finite).as_numpy("predict")
        for binary_in in (True, False):
            for binary_out in (True, False):
                answer = self.infer(finite, binary_in=binary_in, binary_out=binary_out, request_id="r1")
                numpy.testing.assert_array_equal(answer.as_numpy("predict"), expected)
                self.assertEqual(answer.get_response()["id"], "r1")
                self.assertEqual(answer.get_response()["model_version"], "1")
        # NaN and infinities travel in binary data.
        numpy.testing.assert_array_equal(self.infer(self.rows).as_numpy("predict"), self.values)

    def test_numbers_of_every_datatype(self):
        for datatype, kind in [("INT8", "int8"), ("INT16", "int16"), ("INT32", "int32"), ("INT64", "int64"), ("UINT8", "uint8"),
                               ("UINT16", "uint16"), ("UINT32", "uint32"), ("UINT64", "uint64"), ("FP16", "float16"),
                               ("FP64", "float64"), ("BOOL", "bool")]:
            rows = numpy.array([[1, 0, 1, 1, 0]], dtype=kind)
            expected = self.infer(rows.astype(numpy.float32)).as_numpy("predict")
            numpy.testing.assert_array_equal(self.infer(rows, datatype).as_numpy("predict"), expected)
            if datatype != "FP16":  # by binary data only
                numpy.testing.assert_array_equal(self.infer(rows, datatype, binary_in=False).as_numpy("predict"), expected)

    def test_compression_both_ways(self):
        rows = numpy.repeat(numpy.nan_to_num(self.rows, posinf=9, neginf=-9), 50, axis=0)
        expected = self.infer(rows).as_numpy("predict")
        for algorithm in ("gzip", "deflate"):
            for binary in (True, False):
                answer = self.infer(rows, binary_in=binary, binary_out=binary, request_compression_algorithm=algorithm,
                                    response_compression_algorithm=algorithm)
                numpy.testing.assert_array_equal(answer.as_numpy("predict"), expected)

    def test_all_outputs_when_none_is_named(self):
        tensor = triton.InferInput("x", [1, 5], "FP32")
        tensor.set_data_from_numpy(numpy.ones((1, 5), numpy.float32))
        self.assertEqual(self.client.infer("soft", [tensor]).as_numpy("predict").shape, (1, 3))
        margin = self.client.infer("soft", [tensor], parameters={"predict": "contributions"})
        self.assertEqual(margin.as_numpy("predict").shape, (1, 3, 6))

    def test_errors_are_the_protocols(self):
        with self.assertRaises(InferenceServerException) as caught:
            self.client.get_model_metadata("none")
        self.assertEqual(caught.exception.status(), "404")
        self.assertEqual(caught.exception.message(), "Model with name none does not exist.")
        with self.assertRaises(InferenceServerException) as caught:
            self.infer(numpy.ones((1, 4), numpy.float32))
        self.assertEqual(caught.exception.status(), "400")
        self.assertIn("[1,4], expected [-1,5]", caught.exception.message())

    def test_repository_and_statistics(self):
        names = [row["name"] for row in self.client.get_model_repository_index()]
        self.assertEqual(names, ["bin", "soft"])
        self.client.unload_model("bin")
        self.assertFalse(self.client.is_model_ready("bin"))
        self.client.load_model("bin")
        self.assertTrue(self.client.is_model_ready("bin"))
        with self.assertRaises(InferenceServerException):
            self.client.load_model("none")
        with self.assertRaises(InferenceServerException):
            self.client.load_model("bin", config="{}")
        before = self.client.get_inference_statistics("soft")["model_stats"][0]
        self.infer(numpy.ones((7, 5), numpy.float32))
        after = self.client.get_inference_statistics("soft", "1")["model_stats"][0]
        self.assertEqual(after["inference_count"] - before["inference_count"], 7)
        self.assertEqual(after["execution_count"] - before["execution_count"], 1)
        self.assertEqual(after["inference_stats"]["success"]["count"] - before["inference_stats"]["success"]["count"], 1)
        self.assertEqual(len(self.client.get_inference_statistics()["model_stats"]), 2)

    def test_asynchronous_calls_side_by_side(self):
        client = triton.InferenceServerClient(f"127.0.0.1:{self.replica.port}", concurrency=16, network_timeout=120)
        tensor = triton.InferInput("x", list(self.rows.shape), "FP32")
        tensor.set_data_from_numpy(self.rows)
        calls = [client.async_infer("soft", [tensor]) for _ in range(200)]
        for call in calls:
            numpy.testing.assert_array_equal(call.get_result().as_numpy("predict"), self.values)
        client.close()


    def test_load_as_perf_analyzer_makes_it(self):
        """Metadata, statistics, then at each concurrency as many requests under way, every answer compared, statistics again."""
        metadata = self.client.get_model_metadata("soft")
        self.assertEqual((metadata["inputs"][0]["datatype"], metadata["inputs"][0]["shape"]), ("FP32", [-1, 5]))
        rows = numpy.nan_to_num(self.rows, nan=0, posinf=1e30, neginf=-1e30)
        expected = self.infer(rows).as_numpy("predict")

        def request(i):
            begin, count = i % len(rows), 1 + i % 3
            part = rows[begin:begin + count]
            tensor = triton.InferInput(metadata["inputs"][0]["name"], list(part.shape), "FP32")
            tensor.set_data_from_numpy(part, binary_data=i % 2 == 0)
            return [tensor], expected[begin:begin + count]

        def statistics():
            counted, = self.client.get_inference_statistics("soft")["model_stats"]
            return counted

        for concurrency in (1, 4, 16, 64):
            before = statistics()
            client = triton.InferenceServerClient(f"127.0.0.1:{self.replica.port}", concurrency=concurrency, network_timeout=120)
            under_way, requests, asked_rows = collections.deque(), 50 + 5 * concurrency, 0
            try:
                for i in range(requests + concurrency):
                    if i >= concurrency and under_way:
                        call, wanted = under_way.popleft()
                        numpy.testing.assert_array_equal(call.get_result().as_numpy("predict"), wanted)
                    if i < requests:
                        inputs, wanted = request(i)
                        asked_rows += len(wanted)
                        under_way.append((client.async_infer("soft", inputs), wanted))
                self.assertFalse(under_way)
            finally:
                client.close()
            after = statistics()
            self.assertEqual(after["inference_stats"]["success"]["count"] - before["inference_stats"]["success"]["count"], requests)
            self.assertEqual(after["inference_count"] - before["inference_count"], asked_rows)
            self.assertEqual(after["inference_stats"]["fail"], before["inference_stats"]["fail"])
            for stage in ("success", "queue", "compute_input", "compute_infer", "compute_output"):
                self.assertGreaterEqual(after["inference_stats"][stage]["ns"], before["inference_stats"][stage]["ns"])


class KserveClient(WithReplica, unittest.TestCase):
    def client(self, protocol):
        return InferenceRESTClient(RESTConfig(protocol=protocol, timeout=120))

    def test_v2(self):
        async def ask():
            async with self.client("v2") as client:
                base = self.replica.address
                self.assertTrue(await client.is_server_ready(base))
                self.assertTrue(await client.is_server_live(base))
                self.assertTrue(await client.is_model_ready(base, "soft"))
                self.assertFalse(await client.is_model_ready(base, "none"))
                for binary in (True, False):
                    rows = self.rows if binary else numpy.nan_to_num(self.rows, posinf=9, neginf=-9)
                    tensor = InferInput("x", list(rows.shape), "FP32")
                    tensor.set_data_from_numpy(rows, binary_data=binary)
                    answer = await client.infer(base, InferRequest("soft", [tensor], request_id="a"), model_name="soft")
                    self.assertEqual(answer.outputs[0].shape, [len(rows), 3])
                    if binary:
                        numpy.testing.assert_array_equal(answer.outputs[0].as_numpy(), self.values)
                with self.assertRaises(httpx.HTTPStatusError) as caught:
                    await client.infer(base, {"inputs": []}, model_name="none")
                self.assertEqual(caught.exception.response.status_code, 404)

        asyncio.run(ask())

    def test_halves_come_by_binary_data_alone(self):
        rows = numpy.ones((2, 5), numpy.float16)
        tensor = InferInput("x", [2, 5], "FP16")
        tensor.set_data_from_numpy(rows, binary_data=True)

        async def ask():
            async with self.client("v2") as client:
                answer = await client.infer(self.replica.address, InferRequest("soft", [tensor], request_id="h"),
                                            model_name="soft")
                self.assertEqual(len(answer.outputs[0].as_numpy()), 2)
                body = {"inputs": [{"name": "x", "datatype": "FP16", "shape": [1, 5], "data": [1, 1, 1, 1, 1]}]}
                with self.assertRaises(httpx.HTTPStatusError) as caught:
                    await client.infer(self.replica.address, body, model_name="soft")
                self.assertIn("Receiving FP16 data via JSON is not supported", str(caught.exception))

        asyncio.run(ask())

    def test_v1(self):
        async def ask():
            async with self.client("v1") as client:
                base = self.replica.address
                self.assertTrue(await client.is_server_live(base))
                self.assertTrue(await client.is_model_ready(base, "soft"))
                rows = numpy.nan_to_num(self.rows, posinf=9, neginf=-9)
                answer = await client.infer(base, {"instances": rows.tolist()}, model_name="soft")
                predicted = numpy.array(answer["predictions"], dtype=numpy.float32)
                finite = numpy.isfinite(self.rows).all(axis=1)
                numpy.testing.assert_array_equal(predicted[finite], self.values[finite])
                explained = await client.explain(base, "soft", {"instances": rows.tolist()})
                self.assertEqual(numpy.array(explained["explanations"]).shape, (len(rows), 3, 6))
                with self.assertRaises(httpx.HTTPStatusError) as caught:
                    await client.infer(base, {"instances": 1}, model_name="soft")
                self.assertIn("Expected \"instances\" to be a list", str(caught.exception))

        asyncio.run(ask())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
