#!/usr/bin/env python3
"""ONNX models of many kinds, classic ones and small networks, answered by ours and by onnxruntime in Python: the same bits.

    KEELSON_MODEL_ANSWERS=build/release/src/serving/keelson_model_answers python onnx_answers_test.py
"""
import pathlib
import tempfile
import unittest
import warnings

import lightgbm
import numpy as np
import onnx
import onnxruntime
import xgboost
from onnx import TensorProto, helper, numpy_helper
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor, IsolationForest, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from model_cases import FEATURES, Data, hostile_rows
from tensor_program import Refused, ask

warnings.filterwarnings("ignore")
OPSET = {"": 17, "ai.onnx.ml": 3}


def as_arrays(value):
    """What onnxruntime answers, with a list of maps as the matrix of their values in the order of the keys."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return np.array([[row[key] for key in sorted(row)] for row in value], dtype=np.float32)
    return np.asarray(value)


class OnnxAnswers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "model.onnx"
        self.data = Data(11)
        self.clean = np.nan_to_num(self.data.x)

    def compare(self, model, *batches):
        onnx.save(model, self.path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])
        for inputs in batches:
            if not isinstance(inputs, dict):
                inputs = {session.get_inputs()[0].name: inputs}
            wanted = session.run(None, inputs)
            got = ask(self.path, inputs)
            self.assertEqual(list(got), [output.name for output in session.get_outputs()])
            for theirs, (name, ours) in zip(wanted, got.items()):
                theirs = as_arrays(theirs)
                self.assertEqual(ours.shape, theirs.shape, name)
                if theirs.dtype.kind in "OU":
                    self.assertEqual(ours.tolist(), theirs.tolist(), name)
                else:
                    self.assertEqual(ours.dtype, theirs.dtype, name)
                    self.assertEqual(ours.tobytes(), theirs.tobytes(), name)

    def rows(self):
        return hostile_rows(self.data, [(f, v) for f in range(FEATURES) for v in self.data.x[:9, f]])

    def fitted(self, estimator, labels=None):
        estimator.fit(self.clean, self.data.three if labels is None else labels)
        return to_onnx(estimator, self.clean[:1], target_opset=OPSET)

    def test_linear_models(self):
        self.compare(self.fitted(LinearRegression(), self.data.score), self.rows(), self.rows()[:1])
        self.compare(self.fitted(LogisticRegression(max_iter=200)), self.rows(), self.rows()[:1])
        texts = np.array(["low", "mid", "high"])[self.data.three.astype(int)]
        self.compare(self.fitted(make_pipeline(StandardScaler(), LogisticRegression()), texts), self.rows())

    def test_forests(self):
        self.compare(self.fitted(RandomForestClassifier(30, max_depth=6, random_state=1)), self.rows(), self.rows()[:1])
        self.compare(self.fitted(GradientBoostingRegressor(n_estimators=30, random_state=1), self.data.score), self.rows())
        self.compare(self.fitted(IsolationForest(n_estimators=20, random_state=1)), self.clean[:50])

    def test_other_classic_models(self):
        for estimator in (GaussianNB(), KNeighborsClassifier(), SVC(),
                          MLPClassifier((8,), max_iter=30, random_state=1)):
            self.compare(self.fitted(estimator), self.clean[:60], self.clean[:1])
        self.compare(self.fitted(KMeans(3, random_state=1, n_init=1)), self.clean[:60])

    def test_boosted_trees(self):
        kind = [("x", FloatTensorType([None, FEATURES]))]
        booster = xgboost.XGBClassifier(n_estimators=20, max_depth=4).fit(self.data.x, self.data.binary)
        self.compare(convert_xgboost(booster, initial_types=kind, target_opset=15), self.rows(), self.rows()[:1])
        booster = lightgbm.LGBMRegressor(n_estimators=20, verbose=-1).fit(self.data.x, self.data.score)
        self.compare(convert_lightgbm(booster, initial_types=kind, target_opset=15), self.rows(), self.rows()[:1])

    def test_columns_of_several_types(self):
        numbers = self.clean[:, 0]
        cities = np.array(["oslo", "rome", "bern"])[self.data.three.astype(int)]
        table = np.array(list(zip(numbers, cities)), dtype=object)
        columns = ColumnTransformer([("n", StandardScaler(), [0]), ("c", OneHotEncoder(handle_unknown="ignore"), [1])])
        fitted = make_pipeline(columns, LogisticRegression()).fit(table, self.data.binary)
        from skl2onnx.common.data_types import FloatTensorType as Floats, StringTensorType as Strings
        model = to_onnx(fitted, initial_types=[("n", Floats([None, 1])), ("c", Strings([None, 1]))], target_opset=OPSET)
        asked = np.array(["rome", "nowhere", "", "z\u00fcrich"], dtype=object)
        self.compare(model, {"n": numbers[:4].reshape(-1, 1), "c": asked.reshape(-1, 1)})

    def network(self, nodes, inputs, outputs, **weights):
        graph = helper.make_graph(nodes, "g", inputs, outputs, [numpy_helper.from_array(w, n) for n, w in weights.items()])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def test_networks(self):
        rng = np.random.default_rng(5)
        w = lambda *shape: rng.normal(size=shape).astype(np.float32)
        value = helper.make_tensor_value_info
        node = helper.make_node
        convolution = self.network(
            [node("Conv", ["x", "k", "b"], ["c"], pads=[1, 1, 1, 1]), node("Relu", ["c"], ["r"]),
             node("GlobalAveragePool", ["r"], ["p"]), node("Flatten", ["p"], ["f"]), node("Gemm", ["f", "w"], ["y"])],
            [value("x", TensorProto.FLOAT, ["n", 3, 8, 8])], [value("y", TensorProto.FLOAT, ["n", 5])],
            k=w(4, 3, 3, 3), b=w(4), w=w(4, 5))
        self.compare(convolution, w(1, 3, 8, 8), w(5, 3, 8, 8))
        recurrent = self.network(
            [node("LSTM", ["x", "w", "r", "b"], ["", "h"], hidden_size=6)],
            [value("x", TensorProto.FLOAT, ["t", "n", 4])], [value("h", TensorProto.FLOAT, [1, "n", 6])],
            w=w(1, 24, 4), r=w(1, 24, 6), b=w(1, 48))
        self.compare(recurrent, w(7, 2, 4), w(1, 1, 4))
        attention = self.network(
            [node("Gather", ["e", "ids"], ["x"]), node("MatMul", ["x", "q"], ["qx"]), node("MatMul", ["x", "k"], ["kx"]),
             node("Transpose", ["kx"], ["kt"], perm=[0, 2, 1]), node("MatMul", ["qx", "kt"], ["s"]),
             node("Softmax", ["s"], ["a"], axis=-1), node("MatMul", ["a", "x"], ["y"]),
             node("ArgMax", ["y"], ["best"], axis=-1, keepdims=0)],
            [value("ids", TensorProto.INT64, ["n", "t"])],
            [value("y", TensorProto.FLOAT, ["n", "t", 8]), value("best", TensorProto.INT64, ["n", "t"])],
            e=w(20, 8), q=w(8, 8), k=w(8, 8))
        self.compare(attention, rng.integers(0, 20, (3, 6)), rng.integers(0, 20, (1, 1)))
        with self.assertRaisesRegex(Refused, "indices element out of data bounds"):
            ask(self.path, {"ids": np.array([[99]], dtype=np.int64)})

    def test_halves_and_doubles(self):
        value = helper.make_tensor_value_info
        values = np.array([0.1, -2.5, np.nan, np.inf, 6e-8, 65504.0, 0.0])
        for kind, dtype in ((TensorProto.FLOAT16, np.float16), (TensorProto.DOUBLE, np.float64)):
            model = self.network([helper.make_node("Add", ["x", "x"], ["y"])], [value("x", kind, ["n"])],
                                 [value("y", kind, ["n"])])
            self.compare(model, values.astype(dtype))

    def test_refusals(self):
        self.compare(self.fitted(LinearRegression(), self.data.score), self.rows())
        with self.assertRaisesRegex(Refused, r"FP64 \[1,6\], expected FP32 \[-1,6\]"):
            ask(self.path, {"X": np.zeros((1, 6))})
        with self.assertRaisesRegex(Refused, "\"X\" is missing"):
            ask(self.path, {})
        whole = self.path.read_bytes()
        self.path.write_bytes(whole[:len(whole) // 2])
        with self.assertRaisesRegex(Refused, "Protobuf parsing failed"):
            ask(self.path, {"X": np.zeros((1, 6), dtype=np.float32)})


if __name__ == "__main__":
    unittest.main()
