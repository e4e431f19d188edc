#!/usr/bin/env python3
"""tritonclient.grpc, pinned, against `keelson serve --grpc-port`.

Usage: grpc_triton_test.py KEELSON MODELS   with MODELS a folder of model files beside what the original library answers for them.
"""
import pathlib
import queue
import re
import sys
import unittest

import grpc
import ml_dtypes
import numpy
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

from fixtures import bits, fixture
from replica import PATIENCE_S, Replica

KEELSON = sys.argv[1]
MODELS = pathlib.Path(sys.argv[2])
UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


class TritonGrpc(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.replica = Replica(KEELSON, [f"soft={MODELS}/softprob.ubj", f"bin={MODELS}/logistic.ubj",
                                        f"net={MODELS}/onnx/network.onnx"], "--grpc-port", "0")
        cls.rows, cls.values = fixture(MODELS, "softprob")

    @classmethod
    def tearDownClass(cls):
        assert cls.replica.stop() == 0

    def setUp(self):
        self.client = triton.InferenceServerClient(self.replica.grpc)
        self.addCleanup(self.client.close)

    def tensor(self, rows, datatype="FP32"):
        tensor = triton.InferInput("x", list(rows.shape), datatype)
        tensor.set_data_from_numpy(rows)
        return tensor

    def infer(self, rows, datatype="FP32", **options):
        return self.client.infer("soft", [self.tensor(rows, datatype)], client_timeout=PATIENCE_S, **options)

    def test_health_metadata_and_configuration(self):
        self.assertTrue(self.client.is_server_live())
        self.assertTrue(self.client.is_server_ready())
        self.assertTrue(self.client.is_model_ready("soft"))
        self.assertTrue(self.client.is_model_ready("soft", "1"))
        self.assertFalse(self.client.is_model_ready("soft", "2"))
        self.assertFalse(self.client.is_model_ready("none"))
        server = self.client.get_server_metadata(as_json=True)
        self.assertEqual(server["name"], "keelson")
        self.assertIn("model_repository", server["extensions"])
        model = self.client.get_model_metadata("soft", "1", as_json=True)
        self.assertEqual(model["inputs"], [{"name": "input-0", "datatype": "FP32", "shape": ["-1", "5"]}])
        self.assertEqual(model["outputs"], [{"name": "predict", "datatype": "FP32", "shape": ["-1", "3"]}])
        config = self.client.get_model_config("soft", as_json=True)["config"]
        self.assertEqual(config["input"], [{"name": "input-0", "data_type": "TYPE_FP32", "dims": ["-1", "5"]}])
        self.assertEqual(config["output"], [{"name": "predict", "data_type": "TYPE_FP32", "dims": ["-1", "3"]}])
        self.assertEqual(self.client.get_model_config("net", as_json=True)["config"]["platform"], "onnxruntime_onnx")

    def test_the_librarys_bits_and_rests(self):
        answer = self.infer(self.rows, request_id="r1")
        self.assertEqual(bits(answer.as_numpy("predict")), bits(self.values))
        self.assertEqual((answer.get_response().id, answer.get_response().model_version), ("r1", "1"))
        finite = numpy.nan_to_num(self.rows, nan=0, posinf=1e30, neginf=-1e30)
        rest = self.replica.infer("soft", finite.astype(float).tolist())
        self.assertEqual(bits(self.infer(finite).as_numpy("predict")), bits(numpy.array(rest, numpy.float32)))

    def test_numbers_of_every_datatype(self):
        for datatype, kind in [("INT8", "int8"), ("INT16", "int16"), ("INT32", "int32"), ("INT64", "int64"), ("UINT8", "uint8"),
                               ("UINT16", "uint16"), ("UINT32", "uint32"), ("UINT64", "uint64"), ("FP16", "float16"),
                               ("BF16", ml_dtypes.bfloat16), ("FP64", "float64"), ("BOOL", "bool")]:
            rows = numpy.array([[1, 0, 1, 1, 0]], dtype=kind)
            expected = self.infer(rows.astype(numpy.float32)).as_numpy("predict")
            numpy.testing.assert_array_equal(self.infer(rows, datatype).as_numpy("predict"), expected)

    def test_outputs_and_parameters(self):
        rows = numpy.ones((1, 5), numpy.float32)
        self.assertEqual(self.infer(rows, parameters={"predict": "contributions"}).as_numpy("predict").shape, (1, 3, 6))
        named = self.infer(rows, outputs=[triton.InferRequestedOutput("predict")])
        self.assertEqual(named.as_numpy("predict").shape, (1, 3))
        with self.assertRaises(InferenceServerException) as caught:
            self.infer(rows, outputs=[triton.InferRequestedOutput("other")])
        self.assertEqual(caught.exception.status(), "StatusCode.INVALID_ARGUMENT")
        with self.assertRaises(InferenceServerException) as caught:
            self.infer(rows, parameters={"predict": 1})
        self.assertIn("predict is no text", caught.exception.message())

    def test_compression_both_ways(self):
        rows = numpy.repeat(numpy.nan_to_num(self.rows, posinf=9, neginf=-9), 50, axis=0)
        expected = bits(self.infer(rows).as_numpy("predict"))
        for algorithm in ("gzip", "deflate"):
            self.assertEqual(bits(self.infer(rows, compression_algorithm=algorithm).as_numpy("predict")), expected)

    def test_errors_are_the_protocols(self):
        for call, status, message in [
                (lambda: self.client.get_model_metadata("none"), "NOT_FOUND", "Model with name none does not exist."),
                (lambda: self.client.get_model_config("soft", "7"), "NOT_FOUND", "Model with name soft has no version 7; it has: 1"),
                (lambda: self.client.infer("none", [self.tensor(self.rows)]), "NOT_FOUND", "Model with name none does not exist."),
                (lambda: self.infer(numpy.ones((1, 4), numpy.float32)), "INVALID_ARGUMENT",
                 'input "x" has shape [1,4], expected [-1,5]'),
                (lambda: self.client.get_system_shared_memory_status(), "UNIMPLEMENTED",
                 "unknown method /inference.GRPCInferenceService/SystemSharedMemoryStatus")]:
            with self.assertRaises(InferenceServerException) as caught:
                call()
            self.assertEqual((caught.exception.status(), caught.exception.message()), (f"StatusCode.{status}", message))

    def test_repository_and_statistics(self):
        names = [row["name"] for row in self.client.get_model_repository_index(as_json=True)["models"]]
        self.assertEqual(names, ["bin", "net", "soft"])
        self.client.unload_model("bin")
        self.assertFalse(self.client.is_model_ready("bin"))
        self.client.load_model("bin")
        self.assertTrue(self.client.is_model_ready("bin"))
        for call in (lambda: self.client.load_model("none"), lambda: self.client.load_model("bin", config="{}")):
            self.assertRaises(InferenceServerException, call)

        def counts():
            stats = self.client.get_inference_statistics("soft", "1").model_stats[0]
            inference = stats.inference_stats
            return numpy.array([stats.inference_count, stats.execution_count, inference.success.count, inference.fail.count])
        before = counts()
        self.infer(numpy.ones((7, 5), numpy.float32))
        self.assertRaises(InferenceServerException, self.infer, numpy.ones((1, 4), numpy.float32))
        self.assertEqual((counts() - before).tolist(), [7, 1, 1, 1])
        self.assertEqual(len(self.client.get_inference_statistics().model_stats), 3)
        metrics = self.replica.ask("GET", "/metrics")[2].decode()
        line = re.search(r'nv_inference_request_success\{model="soft",version="1"\} (\d+)', metrics)
        self.assertEqual(int(line[1]), counts()[2])

    def test_asynchronous_calls_side_by_side(self):
        answers = queue.Queue()
        for _ in range(200):
            self.client.async_infer("soft", [self.tensor(self.rows)], lambda result, error: answers.put((result, error)))
        for _ in range(200):
            result, error = answers.get(timeout=PATIENCE_S)
            self.assertIsNone(error)
            self.assertEqual(bits(result.as_numpy("predict")), bits(self.values))

    def test_a_stream_answers_in_order_and_outlives_errors(self):
        answers = queue.Queue()
        self.client.start_stream(lambda result, error: answers.put((result, error)))
        for i in range(50):
            wrong = i % 10 == 3
            rows = numpy.ones((1, 4), numpy.float32) if wrong else self.rows
            self.client.async_stream_infer("soft", [self.tensor(rows)], request_id=str(i), enable_empty_final_response=True)
        for i in range(50):
            result, error = answers.get(timeout=PATIENCE_S)
            if i % 10 == 3:
                self.assertIn("expected [-1,5]", error.message())
                continue
            self.assertIsNone(error)
            self.assertEqual(result.get_response().id, str(i))
            self.assertTrue(result.get_response().parameters["triton_final_response"].bool_param)
            self.assertEqual(bits(result.as_numpy("predict")), bits(self.values))
        self.client.stop_stream()

    def test_texts_and_a_model_of_tensors(self):
        inputs = []
        for info in self.client.get_model_metadata("net").inputs:
            shape = [2 if length < 0 else length for length in info.shape]
            tensor = triton.InferInput(info.name, shape, info.datatype)
            tensor.set_data_from_numpy(numpy.ones(shape, numpy.float32))
            inputs.append(tensor)
        outputs = self.client.infer("net", inputs).get_response().outputs
        self.assertEqual([output.shape[0] for output in outputs], [2] * len(outputs))

    def test_bad_requests_in_their_words(self):
        with grpc.insecure_channel(self.replica.grpc, options=UNLIMITED) as channel:
            ask = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
            with self.assertRaises(grpc.RpcError) as caught:
                ask(b"\x0a\xff", timeout=PATIENCE_S)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.INTERNAL)
            with self.assertRaises(grpc.RpcError) as caught:
                ask(bytes(65 << 20), timeout=PATIENCE_S)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
            self.assertEqual(caught.exception.details(), f"Received message larger than max ({65 << 20} vs. {64 << 20})")
            # Cut anywhere, it is a whole answer or an error, and the server goes on.
            whole = service_pb2.ModelInferRequest(model_name="soft", id="a", inputs=[{
                "name": "x", "datatype": "FP32", "shape": [1, 5], "contents": {"fp32_contents": [1, 2, 3, 4, 5]}}]).SerializeToString()
            for at in range(len(whole)):
                with self.assertRaises(grpc.RpcError):
                    ask(whole[:at], timeout=PATIENCE_S)
            ask(whole, timeout=PATIENCE_S)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
