#!/usr/bin/env python3
"""Writes the ONNX fixtures of this folder.

Run with onnx 1.23.2, onnxruntime 1.31.1, skl2onnx 1.20.0 and scikit-learn 1.9.1:
    python3 generate.py
"""
import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression

HERE = pathlib.Path(__file__).parent
OPSET = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]


def save(name, nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(initializers))
    model = helper.make_model(graph, opset_imports=OPSET, ir_version=8, producer_name="keelson")
    onnx.checker.check_model(model)
    onnx.save(model, HERE / f"{name}.onnx")


TYPES = ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FLOAT16", "BFLOAT16", "FLOAT",
         "DOUBLE", "STRING"]
tensor = helper.make_tensor_value_info
save("types", [helper.make_node("Identity", [f"in_{t}"], [f"out_{t}"]) for t in TYPES],
     [tensor(f"in_{t}", getattr(TensorProto, t), ["n"]) for t in TYPES],
     [tensor(f"out_{t}", getattr(TensorProto, t), ["n"]) for t in TYPES])

rng = np.random.default_rng(3)
weights = [rng.normal(size=s).astype(np.float32) for s in [(3, 4), (4,), (4, 2), (2,)]]
save("network", [helper.make_node("Gemm", ["x", "w0", "b0"], ["h"]), helper.make_node("Relu", ["h"], ["r"]),
                 helper.make_node("Gemm", ["r", "w1", "b1"], ["z"]), helper.make_node("Softmax", ["z"], ["y"], axis=1)],
     [tensor("x", TensorProto.FLOAT, ["n", 3])], [tensor("y", TensorProto.FLOAT, ["n", 2])],
     [onnx.numpy_helper.from_array(w, n) for w, n in zip(weights, ["w0", "b0", "w1", "b1"])])

save("sequence", [helper.make_node("SplitToSequence", ["x"], ["y"])], [tensor("x", TensorProto.FLOAT, ["n"])],
     [helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None)])

x = rng.normal(size=(60, 3)).astype(np.float32)
classes = np.array(["b", "a", "c"])[np.digitize(x[:, 0], [-0.4, 0.4])]
fitted = LogisticRegression().fit(x, classes)
onnx.save(to_onnx(fitted, x[:1], target_opset=17), HERE / "classifier.onnx")

rows = x[:4]
expected = {"rows": rows.ravel().tolist()}
for name in ["network", "classifier"]:
    session = onnxruntime.InferenceSession(HERE / f"{name}.onnx")
    answer = session.run(None, {session.get_inputs()[0].name: rows})
    if name == "network":
        expected["network"] = answer[0].ravel().tolist()
    else:
        expected["labels"] = answer[0].tolist()
        expected["probabilities"] = [row[c] for row in answer[1] for c in sorted(row)]
(HERE / "expected.json").write_text(json.dumps(expected) + "\n")
