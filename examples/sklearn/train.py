import json
from sklearn.datasets import load_breast_cancer
from xgboost import XGBClassifier

x, y = load_breast_cancer(return_X_y=True)
clf = XGBClassifier(n_estimators=50, max_depth=3).fit(x[100:], y[100:])
print(f"accuracy {clf.score(x[:100], y[:100]):.3f}, row 0 is benign with {clf.predict_proba(x)[0, 1]:.6f}")
clf.save_model("model.ubj")
tensor = {"name": "x", "shape": [1, 30], "datatype": "FP32", "data": x[0].tolist()}
json.dump({"inputs": [tensor]}, open("request.json", "w"))
