import json
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier

x, y = load_breast_cancer(return_X_y=True)
clf = RandomForestClassifier(100, random_state=0).fit(x[100:], y[100:])
print(f"accuracy {clf.score(x[:100], y[:100]):.3f}, row 0 is benign with {clf.predict_proba(x)[0, 1]:.6f}")
open("model.onnx", "wb").write(to_onnx(clf, x[:1].astype("float32")).SerializeToString())
tensor = {"name": "X", "shape": [1, 30], "datatype": "FP32", "data": x[0].tolist()}
json.dump({"inputs": [tensor]}, open("request.json", "w"))
